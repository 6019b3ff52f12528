/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Buffers in the driver's own memory (V4L2_MEMORY_USERPTR)
 */
#ifndef VHOST_ACCEL_VIDEO_USER_H
#define VHOST_ACCEL_VIDEO_USER_H

#include <linux/types.h>
#include <linux/videodev2.h>

#include <vhost_accel/ring.h>

#include "media.h"

/** define VHA_VIDEO_PIECES_MAX - entries a command's lists of memory can have */
#define VHA_VIDEO_PIECES_MAX	65536

/**
 * struct vha_video_pieces - pieces of guest memory
 * @segs: the pieces
 * @nr: how many
 * @max: room for them
 * @entries: entries of lists that became pieces
 */
struct vha_video_pieces {
	struct vha_seg *segs;
	u32 nr;
	u32 max;
	u32 entries;
};

/**
 * struct vha_video_user_plane - a plane in the driver's memory
 * @length: its length
 * @first: index of its first piece
 * @nr: pieces it has
 * @addr: where the host finds it, in the VMM
 * @room: bytes there
 * @copied: that is other memory, with a copy of it
 */
struct vha_video_user_plane {
	u32 length;
	u32 first;
	u32 nr;
	unsigned long addr;
	u32 room;
	bool copied;
};

/**
 * struct vha_video_user - a buffer in the driver's memory
 *
 * Mutex of the session.
 *
 * @type: its queue
 * @index: its number there
 * @held: the host has it
 * @bytes: what it counts for in &vha_video.buffer_bytes
 * @pieces: all of its memory
 * @nr_planes: how many planes it has
 * @planes: its planes
 */
struct vha_video_user {
	u32 type;
	u32 index;
	bool held;
	u64 bytes;
	struct vha_video_pieces pieces;
	u32 nr_planes;
	struct vha_video_user_plane planes[VIDEO_MAX_PLANES];
};

int vha_video_pieces_add(struct vha_video_pieces *pieces, u32 first,
			 const struct vha_media_sg *sg, u32 *left);

#endif /* VHOST_ACCEL_VIDEO_USER_H */
