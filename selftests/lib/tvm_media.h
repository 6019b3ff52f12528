/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Tiny VMM: a virtio media device on a V4L2 node, and the driver of that
 */
#ifndef TVM_MEDIA_H
#define TVM_MEDIA_H

#include <linux/videodev2.h>

#include "harness.h"
#include "tvm.h"

/* Numbers of the specification (virtio 1.4, media device), not of a header. */
#define TVM_MEDIA_OPEN		1U
#define TVM_MEDIA_CLOSE		2U
#define TVM_MEDIA_IOCTL		3U
#define TVM_MEDIA_MMAP		4U
#define TVM_MEDIA_MUNMAP	5U

#define TVM_MEDIA_RW		1U

#define TVM_MEDIA_EVT_ERROR	0U
#define TVM_MEDIA_EVT_DQBUF	1U
#define TVM_MEDIA_EVT_EVENT	2U

#define TVM_MEDIA_ID		48U
#define TVM_MEDIA_HEADER	8U
#define TVM_MEDIA_IOCTL_BYTES	16U
#define TVM_MEDIA_SG_BYTES	16U
#define TVM_MEDIA_EVENT_BYTES	608U
#define TVM_MEDIA_CONFIG_BYTES	40U

/* What a response holds before; no device answers so. */
#define TVM_MEDIA_NO_RESPONSE	0xeeeeeeeeU
#define TVM_MEDIA_WAIT_MS	30000

#define TVM_MEDIA_WINDOW	(256UL << 20)
/* As many as the real driver has. */
#define TVM_MEDIA_BUFFERS	16
/* Room for an argument with all that is nested in it, and for data of controls. */
#define TVM_MEDIA_AREA		(64U << 10)
#define TVM_MEDIA_PENDING	256

/* Of the driver's memory: pieces of a buffer, and buffers. */
#define TVM_MEDIA_USER_PIECES	1024
#define TVM_MEDIA_USERS		128

enum {
	TVM_MEDIA_COMMANDS,
	TVM_MEDIA_EVENTS,
	TVM_MEDIA_QUEUES,
};

/** struct tvm_media_config - configuration space */
struct tvm_media_config {
	uint32_t device_caps;
	uint32_t device_type;
	char card[32];
};

/**
 * struct tvm_media_event - an event
 * @event: TVM_MEDIA_EVT_*
 * @session: the session it belongs to
 * @error: of TVM_MEDIA_EVT_ERROR
 * @buffer: of TVM_MEDIA_EVT_DQBUF
 * @planes: likewise
 * @v4l2: of TVM_MEDIA_EVT_EVENT
 */
struct tvm_media_event {
	uint32_t event;
	uint32_t session;
	union {
		uint32_t error;
		struct {
			struct v4l2_buffer buffer;
			struct v4l2_plane planes[VIDEO_MAX_PLANES];
		};
		struct v4l2_event v4l2;
	};
};

/**
 * struct tvm_media_user - memory of the driver that it may queue as a buffer
 * @addr: where a program in the guest has it
 * @view: what is mapped for that, NULL for nothing
 * @view_len: bytes of it
 * @sg: its pieces, address and length in the guest's memory
 * @num: how many
 */
struct tvm_media_user {
	uintptr_t addr;
	void *view;
	uint64_t view_len;
	uint64_t (*sg)[2];
	unsigned int num;
};

/**
 * struct tvm_media_options - what a device shall be like; zero is the usual
 * @cfg: layout of the queues
 * @flags: VHA_VIDEO_F_*
 * @max_sessions: for VHA_VIDEO_SET_PARAMS
 * @max_bytes: of buffers
 * @window: bytes, 0 for the usual, 1 for none
 * @num: ring size, 0 for 64
 * @no_buffers: post no event buffers
 * @kernel_thread: the worker is a kernel thread
 */
struct tvm_media_options {
	struct tvm_config cfg;
	uint32_t flags;
	uint32_t max_sessions;
	uint64_t max_bytes;
	uint64_t window;
	unsigned int num;
	bool no_buffers;
	bool kernel_thread;
};

/**
 * struct tvm_media - all of it
 * @node: the backing object
 * @window: shared memory region 0, as the guest sees it
 * @window_size: its size
 * @scratch: memory the device makes its calls in
 * @area: guest physical address of what goes through the command queue
 * @data: of data that commands point to
 * @buffers: of event buffers
 * @free: which of them are not with the device
 * @pending: events that came, oldest first
 * @num_pending: how many
 * @keep: event buffers that came back are not posted again
 * @users: memory of the driver for buffers
 * @num_users: how many
 */
struct tvm_media {
	struct tvm_mem mem;
	struct tvm_dev dev;
	struct tvm_queue vqs[TVM_MEDIA_QUEUES];
	struct tvm_media_config config;
	int node;
	char *window;
	uint64_t window_size;
	void *scratch;
	uint64_t area;
	uint64_t data;
	uint64_t buffers[TVM_MEDIA_BUFFERS];
	bool free[TVM_MEDIA_BUFFERS];
	struct tvm_media_event pending[TVM_MEDIA_PENDING];
	unsigned int num_pending;
	bool keep;
	struct tvm_media_user users[TVM_MEDIA_USERS];
	unsigned int num_users;
};

/* The VMM: tvm_media.c */

const char *tvm_media_node(void);
void tvm_media_prepare(struct tvm_media *media);
int tvm_media_setup(struct tvm_media *media, const struct tvm_media_options *options);
int tvm_media_start(struct tvm_media *media, const struct tvm_media_options *options);
void tvm_media_create(struct tvm_media *media, const char *path,
		      const struct tvm_media_options *options);
void tvm_media_destroy(struct tvm_media *media);
int64_t tvm_media_stat(struct tvm_media *media, unsigned int queue, const char *name);

/* The driver: tvm_media_driver.c, tvm_media_ioctl.c */

int tvm_media_raw(struct tvm_media *media, const struct tvm_seg *segs, unsigned int out,
		  unsigned int in, uint32_t *written);
int tvm_media_command(struct tvm_media *media, const void *command, uint32_t size,
		      void *response, uint32_t room, uint32_t *written);
int tvm_media_open(struct tvm_media *media, uint32_t *session);
int tvm_media_close(struct tvm_media *media, uint32_t session);
int tvm_media_map(struct tvm_media *media, uint32_t session, uint32_t flags,
		  uint32_t offset, uint64_t *addr, uint64_t *len);
int tvm_media_unmap(struct tvm_media *media, uint64_t addr);
int tvm_media_ioctl(struct tvm_media *media, uint32_t session, unsigned long cmd,
		    void *arg);

/* Memory of the driver: tvm_media_user.c */

void *tvm_media_user_alloc(struct tvm_media *media, uint32_t len, bool scattered);
void tvm_media_user_add(struct tvm_media *media, const void *addr,
			const uint64_t sg[][2], unsigned int num);
const struct tvm_media_user *tvm_media_user_find(const struct tvm_media *media,
						 unsigned long addr);
void tvm_media_user_forget(struct tvm_media *media);

unsigned int tvm_media_post(struct tvm_media *media, unsigned int max);
void tvm_media_collect(struct tvm_media *media);
bool tvm_media_take(struct tvm_media *media, uint32_t session, uint32_t event,
		    uint32_t type, struct tvm_media_event *taken);
void tvm_media_drop(struct tvm_media *media, uint32_t session, uint32_t type);
bool tvm_media_wait(struct tvm_media *media, unsigned int timeout_ms);
bool tvm_media_expect(struct tvm_media *media, uint32_t session, uint32_t event,
		      uint32_t type, struct tvm_media_event *taken);

#endif /* TVM_MEDIA_H */
