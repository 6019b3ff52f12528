/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Tiny VMM: programs that use V4L2, on the host's node or in the guest alike
 */
#ifndef TVM_VIDEO_H
#define TVM_VIDEO_H

#include <sys/types.h>

#include "tvm_media.h"

#define TVM_VIDEO_BUFFERS	32
#define TVM_VIDEO_PATH		32

/* Nodes of the host: tvm_video_host.c */

/** define TVM_VIDEO_VIVID - how vivid is loaded: 0 single-planar, 1 multi-planar */
#define TVM_VIDEO_VIVID		"n_devs=2 multiplanar=1,2 node_types=0x101,0x101"

void tvm_video_driver(const char *name, const char *params);
void tvm_video_find(const char *name, char *path);
unsigned int tvm_video_mappings(pid_t pid);

/* tvm_video.c */

/**
 * enum tvm_video_memory - where buffers are
 * @TVM_VIDEO_MMAP: the device has them
 * @TVM_VIDEO_WHOLE: the program has them, in the guest in one piece
 * @TVM_VIDEO_SCATTERED: likewise, in the guest in pages here and there
 */
enum tvm_video_memory {
	TVM_VIDEO_MMAP,
	TVM_VIDEO_WHOLE,
	TVM_VIDEO_SCATTERED,
};

/**
 * struct tvm_video - an open video device
 * @fd: of the host's node, -1 in the guest
 * @media: the guest's device
 * @session: its session
 * @mplane: it is multi-planar
 * @last: the last buffer was dequeued
 * @memory: where its buffers are
 */
struct tvm_video {
	int fd;
	struct tvm_media *media;
	uint32_t session;
	bool mplane;
	bool last;
	enum tvm_video_memory memory;
};

/** struct tvm_video_plane - a mapped plane; @at is its offset in the guest's window */
struct tvm_video_plane {
	void *addr;
	uint32_t len;
	uint64_t at;
};

/** struct tvm_video_queue - buffers of one type */
struct tvm_video_queue {
	struct tvm_video *video;
	uint32_t type;
	unsigned int count;
	unsigned int planes;
	unsigned int queued;
	uint32_t memory;
	struct tvm_video_plane buffers[TVM_VIDEO_BUFFERS][VIDEO_MAX_PLANES];
};

/** struct tvm_video_frame - a buffer that was dequeued */
struct tvm_video_frame {
	struct v4l2_buffer buffer;
	struct v4l2_plane planes[VIDEO_MAX_PLANES];
};

int tvm_video_open_host(struct tvm_video *video, const char *path);
int tvm_video_open_guest(struct tvm_video *video, struct tvm_media *media);
void tvm_video_close(struct tvm_video *video);
int tvm_video_ioctl(struct tvm_video *video, unsigned long cmd, void *arg);
bool tvm_video_wait(struct tvm_video *video);
uint32_t tvm_video_type(const struct tvm_video *video, bool output);
int tvm_video_format(struct tvm_video *video, bool output, uint32_t pixels,
		     uint32_t width, uint32_t height, struct v4l2_format *format);
int tvm_video_control(struct tvm_video *video, uint32_t id, int32_t value);
int tvm_video_subscribe(struct tvm_video *video, uint32_t type);
int tvm_video_event(struct tvm_video *video, struct v4l2_event *event);

void tvm_video_buffers(struct tvm_video *video, struct tvm_video_queue *queue,
		       bool output, unsigned int count);
void tvm_video_unmap(struct tvm_video_queue *queue);
void tvm_video_free(struct tvm_video_queue *queue);
int tvm_video_stream(struct tvm_video_queue *queue, bool on);
int tvm_video_put(struct tvm_video_queue *queue, unsigned int index, uint32_t used,
		  uint64_t stamp);
int tvm_video_get(struct tvm_video_queue *queue, struct tvm_video_frame *frame);
uint32_t tvm_video_used(const struct tvm_video_frame *frame);

/* A codec at work: tvm_codec.c */

/** struct tvm_codec_stream - coded frames, one after the other */
struct tvm_codec_stream {
	uint8_t *data;
	size_t len;
	size_t *ends;
	unsigned int frames;
};

/**
 * struct tvm_codec - frames on their way through a codec
 * @pixels: format of frames that are not coded
 * @width: their width
 * @height: their height
 * @frames: how many to encode
 * @input: what to decode, NULL to encode
 * @frames_only: @hashes are of frames, not of formats as well, and of decoded ones
 *	the kind they had does not count
 * @output: what was encoded
 * @hashes: one for each frame that came out
 * @num_hashes: how many
 * @sizes: how often the decoder found another size
 * @done: all came out
 */
struct tvm_codec {
	uint32_t pixels;
	uint32_t width;
	uint32_t height;
	unsigned int frames;
	const struct tvm_codec_stream *input;
	bool frames_only;
	struct tvm_codec_stream output;
	uint64_t *hashes;
	unsigned int num_hashes;
	unsigned int sizes;
	bool done;

	struct tvm_video *video;
	struct tvm_video_queue out;
	struct tvm_video_queue cap;
	unsigned int fed;
	bool stopped;
};

void tvm_codec_begin(struct tvm_codec *codec, struct tvm_video *video);
bool tvm_codec_step(struct tvm_codec *codec);
void tvm_codec_run(struct tvm_codec *codec, struct tvm_video *video);
void tvm_codec_end(struct tvm_codec *codec);
void tvm_codec_free(struct tvm_codec *codec);
void tvm_codec_draw(void *data, size_t len, unsigned int frame);
void tvm_codec_result(struct tvm_codec *codec, const void *data, uint32_t used,
		      uint32_t flags, uint64_t stamp);
void tvm_codec_append(struct tvm_codec_stream *stream, const void *data, size_t len);
bool tvm_codec_equal(const struct tvm_codec *a, const struct tvm_codec *b);
uint64_t tvm_video_hash(uint64_t hash, const void *data, size_t len);

#endif /* TVM_VIDEO_H */
