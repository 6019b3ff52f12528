/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The window in which buffers are mapped
 */
#ifndef VHOST_ACCEL_VIDEO_WINDOW_H
#define VHOST_ACCEL_VIDEO_WINDOW_H

#include <linux/maple_tree.h>
#include <linux/types.h>

struct eventfd_ctx;
struct file;
struct vha_video_session;

/** define VHA_VIDEO_MAPPINGS_MAX - buffers that can be mapped at the same time */
#define VHA_VIDEO_MAPPINGS_MAX	4096

/**
 * struct vha_video_buffer - a buffer of the host's that can be mapped
 * @type: its queue
 * @offset: its name in the file
 * @len: its length
 */
struct vha_video_buffer {
	u32 type;
	u32 offset;
	u32 len;
};

/**
 * struct vha_video_mapping - a mapped buffer
 * @session: its session, NULL once that was closed
 * @file: the host's file, one reference
 * @buffer: the buffer
 * @generation: of its queue when it was mapped
 * @write: mapped for writing as well
 * @page: where in the window
 * @refs: times the driver mapped it; 0 for one that it has not yet, or not any more
 */
struct vha_video_mapping {
	struct vha_video_session *session;
	struct file *file;
	struct vha_video_buffer buffer;
	u32 generation;
	bool write;
	unsigned long page;
	u32 refs;
};

/**
 * struct vha_video_remote - how another process is asked to map and unmap
 *
 * One thing at a time. The driver's command stays in the ring until it is done.
 *
 * @event: signalled when there is something to do; NULL for a window of the VMM's
 * @mapping: what is to be mapped or unmapped, NULL for nothing
 * @type: VHA_VIDEO_REQUEST_*
 * @id: the VMM's name for it
 * @taken: the VMM knows of it
 * @done: it is done
 * @error: a negative errno or 0, once it is done
 */
struct vha_video_remote {
	struct eventfd_ctx *event;
	struct vha_video_mapping *mapping;
	u32 type;
	u32 id;
	bool taken;
	bool done;
	int error;
};

/**
 * struct vha_video_window_state - the window
 *
 * Mutex of the command queue, and where the VMM changes it the device's as well.
 *
 * @addr: where it is in the VMM
 * @pages: its size, 0 for none
 * @ranges: what is used, by page
 * @nr: mappings
 * @mapped_pages: pages of it that are used
 * @remote: if another process has it
 */
struct vha_video_window_state {
	u64 addr;
	unsigned long pages;
	struct maple_tree ranges;
	u32 nr;
	unsigned long mapped_pages;
	struct vha_video_remote remote;
};

#endif /* VHOST_ACCEL_VIDEO_WINDOW_H */
