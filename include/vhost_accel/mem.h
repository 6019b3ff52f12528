/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the core offers a device class about guest memory
 */
#ifndef VHOST_ACCEL_MEM_H
#define VHOST_ACCEL_MEM_H

#include <linux/bvec.h>
#include <linux/uio.h>

#include <vhost_accel/ring.h>

struct vha_queue;

/**
 * struct vha_cursor - a place inside a list of segments
 * @seg: the segment
 * @nr: segments left, @seg included
 * @offset: offset in @seg
 */
struct vha_cursor {
	const struct vha_seg *seg;
	u32 nr;
	u32 offset;
};

/**
 * vha_chain_out() - cursor at the start of the device-readable part
 * @chain: the buffer
 */
static inline struct vha_cursor vha_chain_out(const struct vha_chain *chain)
{
	return (struct vha_cursor) {
		.seg = chain->segs, .nr = chain->out_num,
	};
}

/**
 * vha_chain_in() - cursor at the start of the device-writable part
 * @chain: the buffer
 */
static inline struct vha_cursor vha_chain_in(const struct vha_chain *chain)
{
	return (struct vha_cursor) {
		.seg = chain->segs + chain->out_num, .nr = chain->in_num,
	};
}

/**
 * vha_cursor_skip() - advance a cursor
 * @cursor: the cursor
 * @len: bytes; the cursor stops at the end of its segments
 */
static inline void vha_cursor_skip(struct vha_cursor *cursor, u32 len)
{
	while (cursor->nr) {
		u32 left = cursor->seg->len - cursor->offset;

		if (len < left) {
			cursor->offset += len;
			return;
		}
		len -= left;
		cursor->seg++;
		cursor->nr--;
		cursor->offset = 0;
	}
}

/*
 * All of these advance the cursor over what they dealt with. They take guest
 * memory as the queue's device sees it; the queue mutex must be held, but for
 * vha_unpin() and vha_log_cursor(), which any context may call. They return
 * -EFAULT when a byte is not in the guest's memory.
 */
int vha_copy_from(struct vha_queue *vq, struct vha_cursor *cursor, void *dst, u32 len);
int vha_copy_to(struct vha_queue *vq, struct vha_cursor *cursor, const void *src, u32 len);
int vha_pin(struct vha_queue *vq, struct vha_cursor *cursor, u32 len, bool write,
	    struct bio_vec *bv, unsigned int max);
void vha_unpin(const struct bio_vec *bv, unsigned int nr);
int vha_cursor_iov(struct vha_queue *vq, struct vha_cursor *cursor, u32 len,
		   struct iovec *iov, unsigned int max);
bool vha_seg_iov(struct vha_queue *vq, const struct vha_seg *seg, u32 len,
		 struct iovec *iov);
bool vha_mem_pinned(const struct vha_queue *vq);
void vha_log_cursor(struct vha_queue *vq, struct vha_cursor *cursor, u32 len);

#endif /* VHOST_ACCEL_MEM_H */
