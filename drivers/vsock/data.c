// SPDX-License-Identifier: GPL-2.0-only
/*
 * Between packets and guest memory
 */
#include <linux/highmem.h>
#include <linux/sizes.h>
#include <linux/skbuff.h>

#include "vsock.h"

/**
 * vha_vsock_alloc() - make a packet
 * @len: bytes of data
 * @roomy: with room for more, because the socket appends small packets to the
 *	last one it has, and memory then is for data instead of for packets
 *
 * Return: the packet, or NULL.
 */
struct sk_buff *vha_vsock_alloc(u32 len, bool roomy)
{
	u32 size = VIRTIO_VSOCK_SKB_HEADROOM + len;

	if (roomy)
		size = max_t(u32, size, SKB_WITH_OVERHEAD(SZ_1K));
	return virtio_vsock_alloc_skb(size, GFP_KERNEL_ACCOUNT | __GFP_NOWARN);
}

/* @write: to the guest, else from it */
static int page_copy(struct vha_queue *vq, struct vha_cursor *cursor, struct page *page,
		     u32 offset, u32 len, bool write)
{
	void *addr = kmap_local_page(page);
	int ret;

	if (write)
		ret = vha_copy_to(vq, cursor, addr + offset, len);
	else
		ret = vha_copy_from(vq, cursor, addr + offset, len);
	kunmap_local(addr);
	return ret;
}

static int frag_copy(struct vha_queue *vq, struct vha_cursor *cursor, const skb_frag_t *frag,
		     u32 offset, u32 len, bool write)
{
	u32 page_offset, page_len, copied;
	struct page *page;
	int ret;

	skb_frag_foreach_page(frag, skb_frag_off(frag) + offset, len, page, page_offset,
			      page_len, copied) {
		ret = page_copy(vq, cursor, page, page_offset, page_len, write);
		if (ret)
			return ret;
	}
	return 0;
}

/* The part of a packet that is in pages; offsets count from their start. */
static int frags_copy(struct vha_queue *vq, struct vha_cursor *cursor, struct sk_buff *skb,
		      u32 offset, u32 len, bool write)
{
	const struct skb_shared_info *info = skb_shinfo(skb);
	unsigned int i;
	int ret;

	for (i = 0; i < info->nr_frags && len; i++) {
		const skb_frag_t *frag = &info->frags[i];
		u32 size = skb_frag_size(frag);
		u32 piece;

		if (offset >= size) {
			offset -= size;
			continue;
		}
		piece = min(len, size - offset);
		ret = frag_copy(vq, cursor, frag, offset, piece, write);
		if (ret)
			return ret;
		len -= piece;
		offset = 0;
	}
	return len ? -EFAULT : 0;
}

/**
 * vha_vsock_copy_from() - fill a packet with data from the guest
 * @vq: the queue
 * @cursor: where the data is; advanced
 * @skb: the packet, made for @len bytes
 * @len: bytes
 *
 * Context: the queue's worker, queue mutex held, may sleep.
 * Return: 0, or -EFAULT when a byte is not in the guest's memory.
 */
int vha_vsock_copy_from(struct vha_queue *vq, struct vha_cursor *cursor, struct sk_buff *skb,
			u32 len)
{
	virtio_vsock_skb_put(skb, len);
	if (!skb_is_nonlinear(skb))
		return vha_copy_from(vq, cursor, skb->data, len);
	return frags_copy(vq, cursor, skb, 0, len, false);
}

/* The page that more data of a packet goes to, and where in it; NULL without memory. */
static struct page *room_for_more(struct sk_buff *skb, u32 *offset)
{
	const struct skb_shared_info *info = skb_shinfo(skb);
	const skb_frag_t *last = info->nr_frags ? &info->frags[info->nr_frags - 1] : NULL;

	if (last && skb_frag_size(last) < PAGE_SIZE) {
		*offset = skb_frag_size(last);
		return skb_frag_page(last);
	}
	*offset = 0;
	return alloc_page(GFP_KERNEL_ACCOUNT | __GFP_NOWARN);
}

static int append_page(struct vha_queue *vq, struct vha_cursor *cursor, struct sk_buff *skb,
		       u32 *len)
{
	struct page *page;
	u32 offset, piece;
	int ret;

	page = room_for_more(skb, &offset);
	if (!page)
		return -ENOMEM;
	piece = min_t(u32, *len, PAGE_SIZE - offset);
	ret = page_copy(vq, cursor, page, offset, piece, false);
	if (!offset && ret)
		__free_page(page);
	if (ret)
		return ret;
	if (offset)
		skb_coalesce_rx_frag(skb, skb_shinfo(skb)->nr_frags - 1, piece, 0);
	else
		skb_add_rx_frag(skb, skb_shinfo(skb)->nr_frags, page, 0, piece, PAGE_SIZE);
	*len -= piece;
	return 0;
}

/**
 * vha_vsock_append() - append data from the guest to a packet
 * @vq: the queue
 * @cursor: where the data is; advanced
 * @skb: the packet, made by vha_vsock_alloc() and nobody else's, with as many
 *	fragments left as it takes
 * @len: bytes
 *
 * Context: the queue's worker, queue mutex held, may sleep.
 * Return: 0; -EFAULT when a byte is not in the guest's memory; -ENOMEM. After an
 * error the packet is what it was before.
 */
int vha_vsock_append(struct vha_queue *vq, struct vha_cursor *cursor, struct sk_buff *skb,
		     u32 len)
{
	u32 before = skb->len;
	int ret;

	if (skb_tailroom(skb) >= len) {
		ret = vha_copy_from(vq, cursor, skb_tail_pointer(skb), len);
		if (!ret)
			skb_put(skb, len);
		return ret;
	}
	while (len) {
		ret = append_page(vq, cursor, skb, &len);
		if (ret) {
			pskb_trim(skb, before);
			return ret;
		}
	}
	return 0;
}

/**
 * vha_vsock_copy_to() - copy data of a packet to the guest
 * @vq: the queue
 * @cursor: where it goes; advanced
 * @skb: the packet
 * @offset: where to start in its data
 * @len: bytes
 *
 * Context: the queue's worker, queue mutex held, may sleep.
 * Return: as vha_vsock_copy_from().
 */
int vha_vsock_copy_to(struct vha_queue *vq, struct vha_cursor *cursor, struct sk_buff *skb,
		      u32 offset, u32 len)
{
	u32 head = skb_headlen(skb);
	u32 piece;
	int ret;

	if (offset < head && len) {
		piece = min(len, head - offset);
		ret = vha_copy_to(vq, cursor, skb->data + offset, piece);
		if (ret)
			return ret;
		offset += piece;
		len -= piece;
	}
	return len ? frags_copy(vq, cursor, skb, offset - head, len, true) : 0;
}
