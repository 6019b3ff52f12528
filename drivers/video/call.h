/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Ioctls of V4L2 between the driver's layout and the host's
 */
#ifndef VHOST_ACCEL_VIDEO_CALL_H
#define VHOST_ACCEL_VIDEO_CALL_H

#include <linux/bitmap.h>
#include <linux/types.h>

#include <vhost_accel/ring.h>

#include "media.h"
#include "stream.h"

struct vha_video_call;
struct vha_video_user;

/**
 * struct vha_video_kind - what arguments with a structure of their own need
 * @nested: bytes that follow the argument in the driver's buffer, or an errno for
 *	an argument that is not valid. Optional.
 * @prepare: check the argument, and replace what is the driver's alone. Returns 0
 *	or an errno. Optional.
 * @finish: make the argument the driver's again. Optional.
 */
struct vha_video_kind {
	int (*nested)(const struct vha_video_call *call);
	int (*prepare)(struct vha_video_call *call);
	void (*finish)(struct vha_video_call *call);
};

/** define VHA_VIDEO_RESULT_ON_ERROR - the argument is returned though the ioctl failed */
#define VHA_VIDEO_RESULT_ON_ERROR	BIT(0)
/** define VHA_VIDEO_AFTER_EVENTS - answered when the events it caused are out */
#define VHA_VIDEO_AFTER_EVENTS		BIT(1)
/** define VHA_VIDEO_ALLOCATES - it allocates or frees buffers */
#define VHA_VIDEO_ALLOCATES		BIT(2)

/**
 * struct vha_video_ioctl - an ioctl the driver may use
 * @cmd: its number, 0 for one it may not
 * @flags: VHA_VIDEO_RESULT_ON_ERROR and others
 * @kind: its argument, NULL for one that is handed through
 * @done: it succeeded: update @streams; optional
 */
struct vha_video_ioctl {
	unsigned int cmd;
	u32 flags;
	const struct vha_video_kind *kind;
	void (*done)(const struct vha_video_call *call, struct vha_video_stream *streams);
};

/** define VHA_VIDEO_NESTED_MAX - bytes of what can follow an argument */
#define VHA_VIDEO_NESTED_MAX	(256 * 128)
/** define VHA_VIDEO_ARGUMENT_MAX - bytes of an argument */
#define VHA_VIDEO_ARGUMENT_MAX	4096
/** define VHA_VIDEO_SAVED_BYTES - room at &vha_video_call.saved */
#define VHA_VIDEO_SAVED_BYTES	(VHA_VIDEO_ARGUMENT_MAX + VHA_VIDEO_NESTED_MAX)

/** define VHA_VIDEO_SEGS_MAX - pieces of guest memory the data of controls can have */
#define VHA_VIDEO_SEGS_MAX	2048

/**
 * struct vha_video_call - an ioctl being made
 *
 * The image is what the host sees: the argument, what is nested in it, and data
 * of controls. It is made in the kernel's memory and copied to the VMM's.
 *
 * @ioctl: which
 * @addr: address the image will have in the VMM
 * @image: the image
 * @room: bytes of it there can be
 * @len: bytes of it there are
 * @size: bytes of the argument, at its start
 * @nested_at: where in the image the nested bytes start
 * @nested: how many there are
 * @saved: argument and nested bytes as the driver sent them, at the same places
 * @payloads: controls whose value is data elsewhere
 * @segs: where in the guest's memory that is, %VHA_VIDEO_SEGS_MAX at most
 * @nr_segs: how many
 * @memory: V4L2_MEMORY_* that the host is told where the driver has another one, or 0
 * @own: it is about buffers in the driver's memory
 * @user: the buffer there, if the host gets it by this call
 */
struct vha_video_call {
	const struct vha_video_ioctl *ioctl;
	u64 addr;
	void *image;
	u32 room;
	u32 len;
	u32 size;
	u32 nested_at;
	u32 nested;
	void *saved;
	DECLARE_BITMAP(payloads, V4L2_CID_MAX_CTRLS);
	struct vha_seg *segs;
	u32 nr_segs;
	u32 memory;
	bool own;
	struct vha_video_user *user;
};

/**
 * vha_video_call_in() - bytes of the argument the host reads
 * @call: the call
 */
static inline u32 vha_video_call_in(const struct vha_video_call *call)
{
	return _IOC_DIR(call->ioctl->cmd) & _IOC_WRITE ? call->size : 0;
}

/**
 * vha_video_call_out() - bytes of the argument the host writes
 * @call: the call
 */
static inline u32 vha_video_call_out(const struct vha_video_call *call)
{
	return _IOC_DIR(call->ioctl->cmd) & _IOC_READ ? call->size : 0;
}

/**
 * vha_video_call_controls() - the controls of a call
 * @call: of VIDIOC_G_EXT_CTRLS and its kin
 */
static inline struct v4l2_ext_control *vha_video_call_controls(const struct vha_video_call *call)
{
	return call->image + call->nested_at;
}

/* call.c: kinds of arguments */

extern const struct vha_video_kind vha_video_query_kind;
extern const struct vha_video_kind vha_video_buffer_kind;
extern const struct vha_video_kind vha_video_request_kind;
extern const struct vha_video_kind vha_video_format_kind;
extern const struct vha_video_kind vha_video_create_kind;
extern const struct vha_video_kind vha_video_controls_kind;
extern const struct vha_video_kind vha_video_edid_kind;
extern const struct vha_video_kind vha_video_subscribe_kind;

const struct vha_video_ioctl *vha_video_ioctl_find(u32 code);
bool vha_video_ioctl_has_controls(const struct vha_video_ioctl *ioctl);
bool vha_video_ioctl_has_buffer(const struct vha_video_ioctl *ioctl);
void vha_video_call_begin(struct vha_video_call *call, const struct vha_video_ioctl *ioctl);
int vha_video_call_nest(struct vha_video_call *call);
int vha_video_call_prepare(struct vha_video_call *call);
void *vha_video_call_data(struct vha_video_call *call, unsigned int control, u32 size);
void vha_video_call_finish(struct vha_video_call *call);
u64 vha_video_call_bytes(const struct vha_video_call *call);
void vha_video_call_done(const struct vha_video_call *call, struct vha_video_stream *streams);

#endif /* VHOST_ACCEL_VIDEO_CALL_H */
