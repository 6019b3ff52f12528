// SPDX-License-Identifier: GPL-2.0-only
/*
 * Decisions about requests, without side effects
 */
#include <kunit/visibility.h>

#include "blk.h"

/**
 * vha_blk_chain_valid() - whether a buffer can be a request at all
 * @chain: the buffer
 *
 * Return: whether it has room for a header and for a status byte. Without the
 * one there is nothing to serve and without the other nowhere to say so.
 */
bool vha_blk_chain_valid(const struct vha_chain *chain)
{
	return chain->out_len >= sizeof(struct virtio_blk_outhdr) && chain->in_len;
}
EXPORT_SYMBOL_IF_KUNIT(vha_blk_chain_valid);

/**
 * vha_blk_chain_tail() - find the end of a buffer's device-writable part
 * @chain: the buffer
 * @len: how many bytes of the end, one at least and at most all
 * @cursor: set to where they start
 *
 * The status byte is the last byte wherever the driver cut its segments.
 */
void vha_blk_chain_tail(const struct vha_chain *chain, u32 len, struct vha_cursor *cursor)
{
	const struct vha_seg *seg = chain->segs + chain->out_num + chain->in_num - 1;
	u32 nr = 1;

	/* From the end, which is near. */
	for (; len > seg->len; seg--, nr++)
		len -= seg->len;
	*cursor = (struct vha_cursor) {
		.seg = seg, .nr = nr, .offset = seg->len - len,
	};
}
EXPORT_SYMBOL_IF_KUNIT(vha_blk_chain_tail);

/**
 * vha_blk_chain_data() - find the device-readable data
 * @chain: the buffer
 * @cursor: set to the byte after the header
 */
void vha_blk_chain_data(const struct vha_chain *chain, struct vha_cursor *cursor)
{
	*cursor = vha_chain_out(chain);
	vha_cursor_skip(cursor, sizeof(struct virtio_blk_outhdr));
}
EXPORT_SYMBOL_IF_KUNIT(vha_blk_chain_data);

/**
 * vha_blk_range_valid() - whether a range of sectors is on the disk
 * @sector: first sector
 * @sectors: how many
 * @capacity: of the disk
 */
bool vha_blk_range_valid(u64 sector, u64 sectors, u64 capacity)
{
	return sector <= capacity && sectors <= capacity - sector;
}
EXPORT_SYMBOL_IF_KUNIT(vha_blk_range_valid);

/**
 * vha_blk_rw_status() - check where a read or write goes
 * @sector: first sector
 * @len: bytes
 * @block_size: logical block size of the backing object
 * @capacity: of the disk, in sectors
 *
 * Return: VIRTIO_BLK_S_OK or VIRTIO_BLK_S_IOERR.
 */
u8 vha_blk_rw_status(u64 sector, u32 len, u32 block_size, u64 capacity)
{
	u32 mask = block_size - 1;

	if (len & mask || sector & (mask >> SECTOR_SHIFT))
		return VIRTIO_BLK_S_IOERR;
	if (!vha_blk_range_valid(sector, len >> SECTOR_SHIFT, capacity))
		return VIRTIO_BLK_S_IOERR;
	return VIRTIO_BLK_S_OK;
}
EXPORT_SYMBOL_IF_KUNIT(vha_blk_rw_status);

/**
 * vha_blk_is_stable() - whether a write must be stable when it completes
 * @flush: VIRTIO_BLK_F_FLUSH was acknowledged
 * @wce: VIRTIO_BLK_F_CONFIG_WCE was acknowledged
 * @writeback: the mode in the configuration space
 * @write_through: the VMM wants no write cache
 *
 * With VIRTIO_BLK_F_CONFIG_WCE the mode decides. Without it a driver that can
 * flush is to expect a write cache, and one that can not, none.
 */
bool vha_blk_is_stable(bool flush, bool wce, bool writeback, bool write_through)
{
	if (wce)
		return !writeback;
	return !flush || write_through;
}
EXPORT_SYMBOL_IF_KUNIT(vha_blk_is_stable);

/**
 * vha_blk_errno_status() - the status that tells the driver of an errno
 * @error: 0 or a negative errno of the block or file layer
 *
 * Return: VIRTIO_BLK_S_*.
 */
u8 vha_blk_errno_status(int error)
{
	switch (error) {
	case 0:
		return VIRTIO_BLK_S_OK;
	case -EOPNOTSUPP:
		return VIRTIO_BLK_S_UNSUPP;
	case -ETOOMANYREFS:
		return VIRTIO_BLK_S_ZONE_OPEN_RESOURCE;
	case -EOVERFLOW:
		return VIRTIO_BLK_S_ZONE_ACTIVE_RESOURCE;
	default:
		return VIRTIO_BLK_S_IOERR;
	}
}
EXPORT_SYMBOL_IF_KUNIT(vha_blk_errno_status);

/**
 * vha_blk_segs_aligned() - whether segments have lengths of whole blocks
 * @cursor: where they start
 * @len: bytes
 * @mask: block size minus one
 */
bool vha_blk_segs_aligned(struct vha_cursor cursor, u32 len, u32 mask)
{
	while (len && cursor.nr) {
		u32 piece = min(len, cursor.seg->len - cursor.offset);

		if (piece & mask)
			return false;
		vha_cursor_skip(&cursor, piece);
		len -= piece;
	}
	return true;
}
EXPORT_SYMBOL_IF_KUNIT(vha_blk_segs_aligned);

/**
 * vha_blk_count_bvecs() - how many pieces of memory segments may take
 * @cursor: where they start
 * @len: bytes
 * @extra: pieces to add per segment
 *
 * Exact at most where guest and host pages coincide; @extra of 1 makes it an
 * upper bound for a segment anywhere in host memory.
 */
u32 vha_blk_count_bvecs(struct vha_cursor cursor, u32 len, u32 extra)
{
	u64 count = 0;

	while (len && cursor.nr) {
		u32 piece = min(len, cursor.seg->len - cursor.offset);
		u32 start = offset_in_page(cursor.seg->addr + cursor.offset);

		if (piece)
			count += DIV_ROUND_UP_ULL((u64)start + piece, PAGE_SIZE) + extra;
		vha_cursor_skip(&cursor, piece);
		len -= piece;
	}
	return min_t(u64, count, U32_MAX);
}
EXPORT_SYMBOL_IF_KUNIT(vha_blk_count_bvecs);
