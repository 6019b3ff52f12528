// SPDX-License-Identifier: GPL-2.0-only
/*
 * The request types
 */
#include <kunit/visibility.h>
#include <linux/nospec.h>

#include "blk.h"

static int serve_rw(struct vha_blk_request *rq, const struct vha_chain *chain)
{
	struct vha_blk *blk = rq_blk(rq);
	struct vha_cursor data;
	int ret;

	ret = vha_blk_rw_status(rq->sector, rq->len, blk->object.limits.block_size,
				vha_blk_capacity(blk));
	if (ret != VIRTIO_BLK_S_OK || !rq->len)
		return ret;
	if (rq->to_guest)
		data = vha_chain_in(chain);
	else
		vha_blk_chain_data(chain, &data);
	ret = vha_blk_pin_data(rq, data, rq->len);
	if (!ret)
		ret = vha_blk_bounce(rq, data);
	if (ret)
		return ret;
	vha_blk_count(rq->q, rq->to_guest ? VHA_BLK_BYTES_READ : VHA_BLK_BYTES_WRITTEN,
		      rq->len);
	if (rq->to_guest)
		rq->written = rq->len;
	blk->object.backing->rw(rq);
	return -EINPROGRESS;
}

static int serve_flush(struct vha_blk_request *rq, const struct vha_chain *chain)
{
	rq_blk(rq)->object.backing->flush(rq);
	return -EINPROGRESS;
}

static int serve_get_id(struct vha_blk_request *rq, const struct vha_chain *chain)
{
	struct vha_cursor data = vha_chain_in(chain);
	u32 len = min_t(u32, rq->len, VHA_BLK_ID_BYTES);
	int ret;

	ret = vha_copy_to(&rq->q->vq, &data, rq_blk(rq)->params.serial, len);
	rq->written = len;
	return ret;
}

static const struct vha_blk_op ops[] = {
	[VIRTIO_BLK_T_IN] = {
		.fn = serve_rw,
		.data = VHA_BLK_DATA_IN,
		.stat = VHA_BLK_READS,
	},
	[VIRTIO_BLK_T_OUT] = {
		.fn = serve_rw,
		.data = VHA_BLK_DATA_OUT,
		.stat = VHA_BLK_WRITES,
		.write = true,
	},
	[VIRTIO_BLK_T_FLUSH] = {
		.fn = serve_flush,
		.stat = VHA_BLK_FLUSHES,
	},
	[VIRTIO_BLK_T_GET_ID] = {
		.fn = serve_get_id,
		.data = VHA_BLK_DATA_IN,
		.stat = VHA_BLK_IDS,
	},
	[VIRTIO_BLK_T_DISCARD] = {
		.fn = vha_blk_serve_ranges,
		.data = VHA_BLK_DATA_OUT,
		.stat = VHA_BLK_DISCARDS,
		.feature = VIRTIO_BLK_F_DISCARD,
		.write = true,
	},
	[VIRTIO_BLK_T_WRITE_ZEROES] = {
		.fn = vha_blk_serve_ranges,
		.data = VHA_BLK_DATA_OUT,
		.stat = VHA_BLK_WRITE_ZEROES,
		.feature = VIRTIO_BLK_F_WRITE_ZEROES,
		.write = true,
	},
	[VIRTIO_BLK_T_SECURE_ERASE] = {
		.fn = vha_blk_serve_ranges,
		.data = VHA_BLK_DATA_OUT,
		.stat = VHA_BLK_SECURE_ERASES,
		.feature = VIRTIO_BLK_F_SECURE_ERASE,
		.write = true,
	},
	[VIRTIO_BLK_T_ZONE_APPEND] = {
		.fn = vha_blk_serve_append,
		.data = VHA_BLK_DATA_OUT,
		.stat = VHA_BLK_WRITES,
		.feature = VIRTIO_BLK_F_ZONED,
		.write = true,
		.reply = sizeof(__le64),
	},
	[VIRTIO_BLK_T_ZONE_REPORT] = {
		.fn = vha_blk_serve_report,
		.data = VHA_BLK_DATA_IN,
		.stat = VHA_BLK_ZONE_REQUESTS,
		.feature = VIRTIO_BLK_F_ZONED,
	},
	[VIRTIO_BLK_T_ZONE_OPEN] = {
		.fn = vha_blk_serve_zone,
		.stat = VHA_BLK_ZONE_REQUESTS,
		.feature = VIRTIO_BLK_F_ZONED,
		.write = true,
	},
	[VIRTIO_BLK_T_ZONE_CLOSE] = {
		.fn = vha_blk_serve_zone,
		.stat = VHA_BLK_ZONE_REQUESTS,
		.feature = VIRTIO_BLK_F_ZONED,
		.write = true,
	},
	[VIRTIO_BLK_T_ZONE_FINISH] = {
		.fn = vha_blk_serve_zone,
		.stat = VHA_BLK_ZONE_REQUESTS,
		.feature = VIRTIO_BLK_F_ZONED,
		.write = true,
	},
	[VIRTIO_BLK_T_ZONE_RESET] = {
		.fn = vha_blk_serve_zone,
		.stat = VHA_BLK_ZONE_REQUESTS,
		.feature = VIRTIO_BLK_F_ZONED,
		.write = true,
	},
	[VIRTIO_BLK_T_ZONE_RESET_ALL] = {
		.fn = vha_blk_serve_zone,
		.stat = VHA_BLK_ZONE_REQUESTS,
		.feature = VIRTIO_BLK_F_ZONED,
		.write = true,
	},
};

/**
 * vha_blk_op() - find a request type
 * @type: as the driver wrote it
 *
 * Return: the type, or NULL when there is no such.
 */
const struct vha_blk_op *vha_blk_op(u32 type)
{
	const struct vha_blk_op *op;

	if (type >= ARRAY_SIZE(ops))
		return NULL;
	op = &ops[array_index_nospec(type, ARRAY_SIZE(ops))];
	return op->fn ? op : NULL;
}
EXPORT_SYMBOL_IF_KUNIT(vha_blk_op);
