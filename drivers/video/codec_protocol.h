/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What goes through the queues of a video encoder or decoder: the third draft of
 * virtio-video
 *
 * The draft became no standard, so the kernel has no header for it. Sizes and values
 * are those its drivers use.
 */
#ifndef VHOST_ACCEL_VIDEO_CODEC_PROTOCOL_H
#define VHOST_ACCEL_VIDEO_CODEC_PROTOCOL_H

#include <linux/build_bug.h>
#include <linux/types.h>

/** define VHA_CODEC_ID_ENCODER - virtio device id of encoders */
#define VHA_CODEC_ID_ENCODER	30
/** define VHA_CODEC_ID_DECODER - of decoders */
#define VHA_CODEC_ID_DECODER	31

/** define VHA_CODEC_F_GUEST_PAGES - buffers are the guest's memory */
#define VHA_CODEC_F_GUEST_PAGES	0
/** define VHA_CODEC_F_NON_CONTIG - they may be in several pieces */
#define VHA_CODEC_F_NON_CONTIG	1

/**
 * struct vha_codec_config - configuration space
 * @version: 0
 * @max_caps_length: bytes of the longest response to VHA_CODEC_QUERY_CAPABILITY
 * @max_resp_length: bytes of the longest response to anything else
 * @device_name: the device's name
 */
struct vha_codec_config {
	__le32 version;
	__le32 max_caps_length;
	__le32 max_resp_length;
	u8 device_name[32];
};

/**
 * enum vha_codec_format - formats of frames
 * @VHA_CODEC_ARGB8888: bytes A, R, G, B
 * @VHA_CODEC_BGRA8888: bytes B, G, R, A
 * @VHA_CODEC_NV12: Y, and Cb and Cr by turns in a quarter of the size each
 * @VHA_CODEC_YUV420: Y, Cb, Cr
 * @VHA_CODEC_YVU420: Y, Cr, Cb
 * @VHA_CODEC_CODED: the first of those that are coded
 * @VHA_CODEC_MPEG2: MPEG-2
 * @VHA_CODEC_MPEG4: MPEG-4 part 2
 * @VHA_CODEC_H264: H.264
 * @VHA_CODEC_HEVC: H.265
 * @VHA_CODEC_VP8: VP8
 * @VHA_CODEC_VP9: VP9
 * @VHA_CODEC_FWHT: that of the kernel's virtual codec; not in the draft
 */
enum vha_codec_format {
	VHA_CODEC_ARGB8888 = 1,
	VHA_CODEC_BGRA8888,
	VHA_CODEC_NV12,
	VHA_CODEC_YUV420,
	VHA_CODEC_YVU420,
	VHA_CODEC_CODED = 0x1000,
	VHA_CODEC_MPEG2 = VHA_CODEC_CODED,
	VHA_CODEC_MPEG4,
	VHA_CODEC_H264,
	VHA_CODEC_HEVC,
	VHA_CODEC_VP8,
	VHA_CODEC_VP9,
	VHA_CODEC_FWHT,
};

/**
 * enum vha_codec_type - &vha_codec_header.type of commands
 * @VHA_CODEC_QUERY_CAPABILITY: formats of a queue
 * @VHA_CODEC_STREAM_CREATE: a new stream
 * @VHA_CODEC_STREAM_DESTROY: its end
 * @VHA_CODEC_STREAM_DRAIN: process all there is
 * @VHA_CODEC_RESOURCE_CREATE: a buffer of a queue
 * @VHA_CODEC_RESOURCE_QUEUE: process one; answered when it is
 * @VHA_CODEC_RESOURCE_DESTROY_ALL: forget those of a queue
 * @VHA_CODEC_QUEUE_CLEAR: give back those that are queued
 * @VHA_CODEC_GET_PARAMS: format of a queue
 * @VHA_CODEC_SET_PARAMS: set it
 * @VHA_CODEC_QUERY_CONTROL: values of a control
 * @VHA_CODEC_GET_CONTROL: its value
 * @VHA_CODEC_SET_CONTROL: set it
 * @VHA_CODEC_GET_PARAMS_EXT: format of a queue, and where buffers are
 * @VHA_CODEC_SET_PARAMS_EXT: set it
 * @VHA_CODEC_COMMANDS_END: the first number that is none
 */
enum vha_codec_type {
	VHA_CODEC_QUERY_CAPABILITY = 0x100,
	VHA_CODEC_STREAM_CREATE,
	VHA_CODEC_STREAM_DESTROY,
	VHA_CODEC_STREAM_DRAIN,
	VHA_CODEC_RESOURCE_CREATE,
	VHA_CODEC_RESOURCE_QUEUE,
	VHA_CODEC_RESOURCE_DESTROY_ALL,
	VHA_CODEC_QUEUE_CLEAR,
	VHA_CODEC_GET_PARAMS,
	VHA_CODEC_SET_PARAMS,
	VHA_CODEC_QUERY_CONTROL,
	VHA_CODEC_GET_CONTROL,
	VHA_CODEC_SET_CONTROL,
	VHA_CODEC_GET_PARAMS_EXT,
	VHA_CODEC_SET_PARAMS_EXT,
	VHA_CODEC_COMMANDS_END,
};

/**
 * enum vha_codec_response - &vha_codec_header.type of responses
 * @VHA_CODEC_OK: done
 * @VHA_CODEC_OK_CAPABILITY: &struct vha_codec_capability follows
 * @VHA_CODEC_OK_QUEUE: &struct vha_codec_done
 * @VHA_CODEC_OK_PARAMS: &struct vha_codec_params follows
 * @VHA_CODEC_OK_QUERY_CONTROL: &struct vha_codec_values may follow
 * @VHA_CODEC_OK_CONTROL: &struct vha_codec_value follows
 * @VHA_CODEC_INVALID_OPERATION: not now, or not at all
 * @VHA_CODEC_OUT_OF_MEMORY: more than there may be
 * @VHA_CODEC_INVALID_STREAM_ID: no such stream, or one more of that name
 * @VHA_CODEC_INVALID_RESOURCE_ID: likewise
 * @VHA_CODEC_INVALID_PARAMETER: a value out of range
 * @VHA_CODEC_UNSUPPORTED_CONTROL: no such control
 */
enum vha_codec_response {
	VHA_CODEC_OK = 0x200,
	VHA_CODEC_OK_CAPABILITY,
	VHA_CODEC_OK_QUEUE,
	VHA_CODEC_OK_PARAMS,
	VHA_CODEC_OK_QUERY_CONTROL,
	VHA_CODEC_OK_CONTROL,
	VHA_CODEC_INVALID_OPERATION = 0x300,
	VHA_CODEC_OUT_OF_MEMORY,
	VHA_CODEC_INVALID_STREAM_ID,
	VHA_CODEC_INVALID_RESOURCE_ID,
	VHA_CODEC_INVALID_PARAMETER,
	VHA_CODEC_UNSUPPORTED_CONTROL,
};

/**
 * struct vha_codec_header - every command and response starts with it
 * @type: &enum vha_codec_type, &enum vha_codec_response
 * @stream_id: the driver's name of a stream
 */
struct vha_codec_header {
	__le32 type;
	__le32 stream_id;
};

/** define VHA_CODEC_QUEUE_INPUT - the queue of what is to be coded or decoded */
#define VHA_CODEC_QUEUE_INPUT	0x100
/** define VHA_CODEC_QUEUE_OUTPUT - the queue of what comes out */
#define VHA_CODEC_QUEUE_OUTPUT	0x101

/**
 * struct vha_codec_queue_command - what follows the header of commands about a queue
 * @queue_type: VHA_CODEC_QUEUE_*
 * @padding: zero
 */
struct vha_codec_queue_command {
	__le32 queue_type;
	u8 padding[4];
};

/** define VHA_CODEC_PLANES_TOGETHER - layout: all planes in one buffer */
#define VHA_CODEC_PLANES_TOGETHER	BIT(0)
/** define VHA_CODEC_PLANES_APART - layout: each in a buffer of its own */
#define VHA_CODEC_PLANES_APART		BIT(1)

/**
 * struct vha_codec_range - values that are possible
 * @min: smallest
 * @max: largest
 * @step: their distance
 * @padding: zero
 */
struct vha_codec_range {
	__le32 min;
	__le32 max;
	__le32 step;
	u8 padding[4];
};

/**
 * struct vha_codec_frame - sizes of frames
 * @width: range of widths
 * @height: range of heights
 * @num_rates: ranges of frames per second that follow
 * @padding: zero
 */
struct vha_codec_frame {
	struct vha_codec_range width;
	struct vha_codec_range height;
	__le32 num_rates;
	u8 padding[4];
};

/**
 * struct vha_codec_desc - a format
 * @mask: formats of the other queue it goes with, by their place there
 * @format: &enum vha_codec_format
 * @planes_layout: VHA_CODEC_PLANES_* bits
 * @plane_align: alignment of planes
 * @num_frames: &struct vha_codec_frame that follow
 */
struct vha_codec_desc {
	__le64 mask;
	__le32 format;
	__le32 planes_layout;
	__le32 plane_align;
	__le32 num_frames;
};

/**
 * struct vha_codec_capability - what follows the header of VHA_CODEC_OK_CAPABILITY
 * @num_descs: &struct vha_codec_desc that follow
 * @padding: zero
 */
struct vha_codec_capability {
	__le32 num_descs;
	u8 padding[4];
};

/** define VHA_CODEC_MEMORY_GUEST_PAGES - buffers are the guest's memory */
#define VHA_CODEC_MEMORY_GUEST_PAGES	0

/**
 * struct vha_codec_create - what follows the header of VHA_CODEC_STREAM_CREATE
 * @in_mem_type: VHA_CODEC_MEMORY_*
 * @out_mem_type: likewise
 * @coded_format: &enum vha_codec_format
 * @padding: zero
 * @tag: a name for people
 */
struct vha_codec_create {
	__le32 in_mem_type;
	__le32 out_mem_type;
	__le32 coded_format;
	u8 padding[4];
	u8 tag[64];
};

/** define VHA_CODEC_PLANES_MAX - planes of a buffer */
#define VHA_CODEC_PLANES_MAX	8

/**
 * struct vha_codec_entry - a piece of a buffer
 * @addr: guest physical address
 * @length: bytes
 * @padding: zero
 */
struct vha_codec_entry {
	__le64 addr;
	__le32 length;
	u8 padding[4];
};

/**
 * struct vha_codec_resource_create - what follows the header of
 * VHA_CODEC_RESOURCE_CREATE
 * @queue_type: VHA_CODEC_QUEUE_*
 * @resource_id: the driver's name for it
 * @planes_layout: VHA_CODEC_PLANES_*
 * @num_planes: planes
 * @plane_offsets: where they start, if they are together
 * @num_entries: for each plane, &struct vha_codec_entry that follow
 */
struct vha_codec_resource_create {
	__le32 queue_type;
	__le32 resource_id;
	__le32 planes_layout;
	__le32 num_planes;
	__le32 plane_offsets[VHA_CODEC_PLANES_MAX];
	__le32 num_entries[VHA_CODEC_PLANES_MAX];
};

/**
 * struct vha_codec_resource_queue - what follows the header of
 * VHA_CODEC_RESOURCE_QUEUE
 * @queue_type: VHA_CODEC_QUEUE_*
 * @resource_id: which
 * @timestamp: for the frames that are made of it
 * @num_data_sizes: planes
 * @data_sizes: bytes in each
 * @padding: zero
 */
struct vha_codec_resource_queue {
	__le32 queue_type;
	__le32 resource_id;
	__le64 timestamp;
	__le32 num_data_sizes;
	__le32 data_sizes[VHA_CODEC_PLANES_MAX];
	u8 padding[4];
};

/** define VHA_CODEC_FLAG_ERR - it was not processed, or not well */
#define VHA_CODEC_FLAG_ERR	BIT(0)
/** define VHA_CODEC_FLAG_EOS - an empty one after all that was to be drained */
#define VHA_CODEC_FLAG_EOS	BIT(1)
/** define VHA_CODEC_FLAG_I - a frame that needs no other */
#define VHA_CODEC_FLAG_I	BIT(2)
/** define VHA_CODEC_FLAG_P - one that needs earlier ones */
#define VHA_CODEC_FLAG_P	BIT(3)
/** define VHA_CODEC_FLAG_B - one that needs later ones */
#define VHA_CODEC_FLAG_B	BIT(4)

/**
 * struct vha_codec_done - response to VHA_CODEC_RESOURCE_QUEUE
 * @header: of the response
 * @timestamp: of the frame it was made of
 * @flags: VHA_CODEC_FLAG_* bits
 * @size: bytes in it
 */
struct vha_codec_done {
	struct vha_codec_header header;
	__le64 timestamp;
	__le32 flags;
	__le32 size;
};

/**
 * struct vha_codec_plane_format - layout of a plane
 * @plane_size: bytes
 * @stride: bytes from line to line
 */
struct vha_codec_plane_format {
	__le32 plane_size;
	__le32 stride;
};

/**
 * struct vha_codec_rect - a part of a frame
 * @left: first column
 * @top: first line
 * @width: columns
 * @height: lines
 */
struct vha_codec_rect {
	__le32 left;
	__le32 top;
	__le32 width;
	__le32 height;
};

/**
 * struct vha_codec_params - format of a queue
 * @queue_type: VHA_CODEC_QUEUE_*
 * @format: &enum vha_codec_format, 0 for none
 * @frame_width: width
 * @frame_height: height
 * @min_buffers: buffers needed
 * @max_buffers: buffers there may be
 * @crop: the part of a frame that counts
 * @frame_rate: frames per second, 0 for unknown
 * @num_planes: planes
 * @plane_formats: their layouts
 * @resource_type: VHA_CODEC_MEMORY_*; not in VHA_CODEC_GET_PARAMS and its like
 * @padding: likewise
 */
struct vha_codec_params {
	__le32 queue_type;
	__le32 format;
	__le32 frame_width;
	__le32 frame_height;
	__le32 min_buffers;
	__le32 max_buffers;
	struct vha_codec_rect crop;
	__le32 frame_rate;
	__le32 num_planes;
	struct vha_codec_plane_format plane_formats[VHA_CODEC_PLANES_MAX];
	__le32 resource_type;
	u8 padding[4];
};

/** define VHA_CODEC_PARAMS_OLD - bytes of it in VHA_CODEC_GET_PARAMS and its like */
#define VHA_CODEC_PARAMS_OLD	offsetof(struct vha_codec_params, resource_type)

/**
 * enum vha_codec_control_id - controls of a stream
 * @VHA_CODEC_BITRATE: bits per second
 * @VHA_CODEC_PROFILE: profile of the coded format
 * @VHA_CODEC_LEVEL: its level
 * @VHA_CODEC_FORCE_KEYFRAME: the next frame shall need no other; has no value
 * @VHA_CODEC_BITRATE_MODE: 0 variable, 1 constant
 * @VHA_CODEC_BITRATE_PEAK: bits per second at most
 * @VHA_CODEC_PREPEND_HEADERS: parameter sets before each frame that needs no other
 */
enum vha_codec_control_id {
	VHA_CODEC_BITRATE = 1,
	VHA_CODEC_PROFILE,
	VHA_CODEC_LEVEL,
	VHA_CODEC_FORCE_KEYFRAME,
	VHA_CODEC_BITRATE_MODE,
	VHA_CODEC_BITRATE_PEAK,
	VHA_CODEC_PREPEND_HEADERS,
};

/**
 * struct vha_codec_control - what follows the header of commands about a control
 * @control: &enum vha_codec_control_id
 * @padding: zero
 *
 * A format follows in VHA_CODEC_QUERY_CONTROL of a profile or level, a value in
 * VHA_CODEC_SET_CONTROL of what has one.
 */
struct vha_codec_control {
	__le32 control;
	u8 padding[4];
};

/**
 * struct vha_codec_value - the value of a control, or a format
 * @value: the value
 * @padding: zero
 */
struct vha_codec_value {
	__le32 value;
	u8 padding[4];
};

/**
 * struct vha_codec_values - what follows the header of VHA_CODEC_OK_QUERY_CONTROL
 * @num: values that follow, each 32 bits
 * @padding: zero
 */
struct vha_codec_values {
	__le32 num;
	u8 padding[4];
};

/** define VHA_CODEC_EVENT_ERROR - the stream is of no use any more */
#define VHA_CODEC_EVENT_ERROR	0x100
/** define VHA_CODEC_EVENT_RESOLUTION - what comes out of a decoder has another format */
#define VHA_CODEC_EVENT_RESOLUTION	0x200

/**
 * struct vha_codec_event - an event
 * @event_type: VHA_CODEC_EVENT_*
 * @stream_id: the stream
 */
struct vha_codec_event {
	__le32 event_type;
	__le32 stream_id;
};

static_assert(sizeof(struct vha_codec_config) == 44);
static_assert(sizeof(struct vha_codec_create) == 80);
static_assert(sizeof(struct vha_codec_resource_create) == 80);
static_assert(sizeof(struct vha_codec_resource_queue) == 56);
static_assert(sizeof(struct vha_codec_done) == 24);
static_assert(sizeof(struct vha_codec_params) == 120);
static_assert(VHA_CODEC_PARAMS_OLD == 112);
static_assert(sizeof(struct vha_codec_desc) == 24);
static_assert(sizeof(struct vha_codec_frame) == 40);

#endif /* VHOST_ACCEL_VIDEO_CODEC_PROTOCOL_H */
