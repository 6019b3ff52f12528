/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What goes through the queues of a virtio media device (virtio 1.4, 5.22)
 *
 * The kernel has no header for it yet.
 */
#ifndef VHOST_ACCEL_VIDEO_MEDIA_H
#define VHOST_ACCEL_VIDEO_MEDIA_H

#include <linux/types.h>
#include <linux/videodev2.h>

/**
 * struct vha_media_config - configuration space
 * @device_caps: V4L2_CAP_* bits
 * @device_type: kind of node, &enum vha_media_type
 * @card: the device's name
 */
struct vha_media_config {
	__le32 device_caps;
	__le32 device_type;
	u8 card[32];
};

/**
 * enum vha_media_type - kinds of nodes, numbered as the kernel's VFL_TYPE_*
 * @VHA_MEDIA_VIDEO: pictures in, out, or both
 * @VHA_MEDIA_VBI: data from the blanking interval
 * @VHA_MEDIA_RADIO: tuners without pictures
 * @VHA_MEDIA_SDR: software defined radio
 * @VHA_MEDIA_TOUCH: touch sensors
 */
enum vha_media_type {
	VHA_MEDIA_VIDEO = 0,
	VHA_MEDIA_VBI = 1,
	VHA_MEDIA_RADIO = 2,
	VHA_MEDIA_SDR = 4,
	VHA_MEDIA_TOUCH = 5,
};

/**
 * enum vha_media_command_type - &vha_media_command.cmd
 * @VHA_MEDIA_OPEN: open a session
 * @VHA_MEDIA_CLOSE: close it
 * @VHA_MEDIA_IOCTL: an ioctl of V4L2
 * @VHA_MEDIA_MMAP: map a buffer
 * @VHA_MEDIA_MUNMAP: unmap it
 * @VHA_MEDIA_COMMANDS: number of values
 */
enum vha_media_command_type {
	VHA_MEDIA_OPEN = 1,
	VHA_MEDIA_CLOSE,
	VHA_MEDIA_IOCTL,
	VHA_MEDIA_MMAP,
	VHA_MEDIA_MUNMAP,
	VHA_MEDIA_COMMANDS,
};

/**
 * struct vha_media_command - every command starts with it
 * @cmd: &enum vha_media_command_type
 * @reserved: zero
 */
struct vha_media_command {
	__le32 cmd;
	__le32 reserved;
};

/**
 * struct vha_media_response - every response starts with it
 * @status: 0 or an errno, a positive number
 * @reserved: zero
 */
struct vha_media_response {
	__le32 status;
	__le32 reserved;
};

/**
 * struct vha_media_opened - response to a successful VHA_MEDIA_OPEN
 * @header: of the response
 * @session_id: for all other commands
 * @reserved: zero
 */
struct vha_media_opened {
	struct vha_media_response header;
	__le32 session_id;
	__le32 reserved;
};

/**
 * struct vha_media_close - what follows the header of VHA_MEDIA_CLOSE
 * @session_id: the session
 * @reserved: zero
 */
struct vha_media_close {
	__le32 session_id;
	__le32 reserved;
};

/**
 * struct vha_media_ioctl - what follows the header of VHA_MEDIA_IOCTL
 * @session_id: the session
 * @code: number of the ioctl, without direction and size
 *
 * The argument follows, if the ioctl has one that it reads.
 */
struct vha_media_ioctl {
	__le32 session_id;
	__le32 code;
};

/**
 * struct vha_media_sg - a piece of the guest's memory
 * @start: guest physical address
 * @len: bytes
 * @reserved: zero
 */
struct vha_media_sg {
	__le64 start;
	__le32 len;
	__le32 reserved;
};

/** define VHA_MEDIA_MMAP_RW - map for reading and writing */
#define VHA_MEDIA_MMAP_RW	1

/**
 * struct vha_media_mmap - what follows the header of VHA_MEDIA_MMAP
 * @session_id: the session
 * @flags: VHA_MEDIA_MMAP_RW or none
 * @offset: the buffer's, as VIDIOC_QUERYBUF says
 */
struct vha_media_mmap {
	__le32 session_id;
	__le32 flags;
	__le32 offset;
};

/**
 * struct vha_media_mapped - response to a successful VHA_MEDIA_MMAP
 * @header: of the response
 * @driver_addr: offset in the shared memory region
 * @len: length of the buffer
 */
struct vha_media_mapped {
	struct vha_media_response header;
	__le64 driver_addr;
	__le64 len;
};

/**
 * struct vha_media_munmap - what follows the header of VHA_MEDIA_MUNMAP
 * @driver_addr: offset in the shared memory region
 */
struct vha_media_munmap {
	__le64 driver_addr;
};

/**
 * enum vha_media_event_type - &vha_media_event.event
 * @VHA_MEDIA_ERROR: the session is of no use any more
 * @VHA_MEDIA_DQBUF: a buffer was dequeued
 * @VHA_MEDIA_EVENT: an event of V4L2
 */
enum vha_media_event_type {
	VHA_MEDIA_ERROR,
	VHA_MEDIA_DQBUF,
	VHA_MEDIA_EVENT,
};

/**
 * struct vha_media_event - every event starts with it
 * @event: &enum vha_media_event_type
 * @session_id: the session
 */
struct vha_media_event {
	__le32 event;
	__le32 session_id;
};

/**
 * struct vha_media_error - VHA_MEDIA_ERROR
 * @header: of the event
 * @error: an errno, a positive number
 * @reserved: zero
 */
struct vha_media_error {
	struct vha_media_event header;
	__le32 error;
	__le32 reserved;
};

/**
 * struct vha_media_dqbuf - VHA_MEDIA_DQBUF
 * @header: of the event
 * @buffer: the buffer, without pointers
 * @planes: its planes, if it has several
 */
struct vha_media_dqbuf {
	struct vha_media_event header;
	struct v4l2_buffer buffer;
	struct v4l2_plane planes[VIDEO_MAX_PLANES];
};

/**
 * struct vha_media_v4l2_event - VHA_MEDIA_EVENT
 * @header: of the event
 * @event: the event
 */
struct vha_media_v4l2_event {
	struct vha_media_event header;
	struct v4l2_event event;
};

/*
 * Structures of V4L2 have the layout they have on little-endian machines of 64
 * bits. Where that is not the kernel's own, this does not compile, or the device
 * takes no backing object.
 */
static_assert(sizeof(struct v4l2_buffer) == 88);
static_assert(sizeof(struct v4l2_plane) == 64);
static_assert(sizeof(struct v4l2_event) == 136);
static_assert(sizeof(struct v4l2_format) == 208);
static_assert(sizeof(struct v4l2_ext_controls) == 32);
static_assert(sizeof(struct v4l2_ext_control) == 20);
static_assert(sizeof(struct vha_media_dqbuf) == 608);

#endif /* VHOST_ACCEL_VIDEO_MEDIA_H */
