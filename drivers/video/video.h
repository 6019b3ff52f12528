/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the files of the video class offer each other
 */
#ifndef VHOST_ACCEL_VIDEO_VIDEO_H
#define VHOST_ACCEL_VIDEO_VIDEO_H

#include <linux/atomic.h>
#include <linux/xarray.h>

#include <vhost_accel/class.h>

#include "call.h"
#include "media.h"
#include "session.h"
#include "user.h"
#include "window.h"

/**
 * enum vha_video_index - the queues
 * @VHA_VIDEO_COMMAND: commands of the driver
 * @VHA_VIDEO_EVENT: events for it
 * @VHA_VIDEO_QUEUES: number of queues
 */
enum vha_video_index {
	VHA_VIDEO_COMMAND,
	VHA_VIDEO_EVENT,
	VHA_VIDEO_QUEUES,
};

/**
 * enum vha_video_stat - counters of a queue
 * @VHA_VIDEO_MALFORMED: buffers without room for what belongs there
 * @VHA_VIDEO_OPENS: sessions opened
 * @VHA_VIDEO_CLOSES: sessions closed by the driver
 * @VHA_VIDEO_IOCTLS: ioctls the host was asked for
 * @VHA_VIDEO_IOCTL_ERRORS: of those, failed
 * @VHA_VIDEO_REFUSED: commands that did not get to the host
 * @VHA_VIDEO_MAPS: buffers mapped
 * @VHA_VIDEO_UNMAPS: buffers unmapped
 * @VHA_VIDEO_MAP_ERRORS: times one of both failed
 * @VHA_VIDEO_BYTES_MAPPED: bytes of the buffers that were mapped
 * @VHA_VIDEO_BYTES_SHARED: bytes of buffers the host got where the driver has them
 * @VHA_VIDEO_BYTES_COPIED: bytes of buffers copied from and to the driver's memory
 * @VHA_VIDEO_DEQUEUED: buffers the driver was given back
 * @VHA_VIDEO_EVENTS: events of V4L2 it was told of
 * @VHA_VIDEO_ERRORS: sessions that ended by an error
 * @VHA_VIDEO_QUEUED: buffers the driver of an encoder or decoder gave
 * @VHA_VIDEO_CANCELLED: of those, given back without having been processed
 * @VHA_VIDEO_STATS: number of values
 */
enum vha_video_stat {
	VHA_VIDEO_MALFORMED,
	VHA_VIDEO_OPENS,
	VHA_VIDEO_CLOSES,
	VHA_VIDEO_IOCTLS,
	VHA_VIDEO_IOCTL_ERRORS,
	VHA_VIDEO_REFUSED,
	VHA_VIDEO_MAPS,
	VHA_VIDEO_UNMAPS,
	VHA_VIDEO_MAP_ERRORS,
	VHA_VIDEO_BYTES_MAPPED,
	VHA_VIDEO_BYTES_SHARED,
	VHA_VIDEO_BYTES_COPIED,
	VHA_VIDEO_DEQUEUED,
	VHA_VIDEO_EVENTS,
	VHA_VIDEO_ERRORS,
	VHA_VIDEO_QUEUED,
	VHA_VIDEO_CANCELLED,
	VHA_VIDEO_STATS,
};

struct vha_codec;

/** define VHA_VIDEO_FILES_MAX - open files that wait for sessions */
#define VHA_VIDEO_FILES_MAX	VHA_VIDEO_SESSIONS_MAX

/**
 * struct vha_video_node - the backing object
 * @file: the VMM's file, NULL for none
 * @cred: with whose rights it is opened anew
 * @caps: V4L2_CAP_* bits for the driver
 * @type: kind of node
 * @card: its name
 * @files: open files for sessions to come
 * @nr_files: how many
 */
struct vha_video_node {
	struct file *file;
	const struct cred *cred;
	u32 caps;
	enum vha_media_type type;
	u8 card[sizeof_field(struct vha_media_config, card)];
	struct file *files[VHA_VIDEO_FILES_MAX];
	unsigned int nr_files;
};

/**
 * struct vha_video_front - what the driver takes a device for
 * @virtio_id: virtio device id
 * @config_size: bytes of configuration space
 * @features: correct the features
 * @attach: a node is to become the backing object: make what belongs to it, which
 *	vha_codec_free() undoes. Context: the VMM. Returns 0 or an errno. Optional.
 * @get_config: write the configuration space
 * @wake: the host has something for a session; any context
 * @close: a session, which is in no list any more, is about to lose its file
 * @cancel: as &vha_class.cancel; optional
 * @run: serve a queue
 */
struct vha_video_front {
	u32 virtio_id;
	u32 config_size;
	void (*features)(u64 *features);
	int (*attach)(struct vha_video *video, const struct vha_video_node *node,
		      struct vha_codec **codec);
	void (*get_config)(const struct vha_video *video, void *config);
	void (*wake)(struct vha_video_session *session);
	void (*close)(struct vha_video_session *session);
	void (*cancel)(struct vha_queue *vq);
	void (*run[VHA_VIDEO_QUEUES])(struct vha_queue *vq);
};

/**
 * struct vha_video - a media device, or an encoder or decoder
 *
 * Locks of its own come after those of "DOC: Locking": a queue's mutex, then that
 * of a session, then @lock.
 *
 * @dev: the device; its mutex protects what is not described otherwise
 * @mm: of the owner who named the addresses we know, one reference to the structure
 *	alone; NULL if there are none
 * @params: as set by the VMM
 * @node: the backing object; its files: mutex of the command queue as well
 * @call: for ioctls of the driver; mutex of the command queue
 * @window: where buffers are mapped
 * @sessions: open sessions by id; mutex of the command queue
 * @nr_sessions: how many; likewise
 * @next_id: where to look for the next id; likewise
 * @buffer_bytes: bytes of the sessions' buffers; likewise
 * @lock: protects what follows, and what sessions say it does
 * @ready: sessions that may have events
 * @held: a command waits for events it caused to be out
 * @held_token: for returning it
 * @held_len: bytes written into it
 * @release_work: returns it; served by the event queue's worker
 * @codec: of an encoder or decoder: what it has, NULL without a backing object
 * @woken: streams the host has something for
 * @wake_work: sees to them; served by the command queue's worker
 */
struct vha_video {
	struct vha_device dev;
	struct mm_struct *mm;
	struct vha_video_params params;
	struct vha_video_node node;
	struct vha_video_call call;
	struct vha_video_window_state window;
	struct xarray sessions;
	u32 nr_sessions;
	u32 next_id;
	u64 buffer_bytes;

	spinlock_t lock; /* see above */
	struct list_head ready;
	bool held;
	struct vha_token held_token;
	u32 held_len;
	struct vha_work release_work;

	struct vha_codec *codec;
	struct list_head woken;
	struct vha_work wake_work;
};

static inline struct vha_video *to_video(struct vha_device *dev)
{
	return container_of(dev, struct vha_video, dev);
}

/**
 * struct vha_video_queue - a virtqueue of a media device
 * @vq: the queue
 * @count: counters; any context adds
 */
struct vha_video_queue {
	struct vha_queue vq;
	atomic64_t count[VHA_VIDEO_STATS];
};

static inline struct vha_queue *video_queue(struct vha_video *video, enum vha_video_index index)
{
	return video->dev.vqs[index];
}

static inline void vha_video_count(struct vha_queue *vq, enum vha_video_stat stat, u64 value)
{
	atomic64_add(value, &container_of(vq, struct vha_video_queue, vq)->count[stat]);
}

/**
 * struct vha_video_command - a command being served
 * @chain: its buffer
 * @out: what is left to read of it
 * @len: bytes written into it
 */
struct vha_video_command {
	struct vha_chain *chain;
	struct vha_cursor out;
	u32 len;
};

/**
 * struct vha_video_planar - a buffer and its planes, as they are in the scratch memory
 * @buffer: the buffer
 * @planes: its planes
 */
struct vha_video_planar {
	struct v4l2_buffer buffer;
	struct v4l2_plane planes[VIDEO_MAX_PLANES];
};

/* Where in the scratch memory arguments are, by who asks the host. */
#define VHA_VIDEO_SCRATCH_EVENT		0
#define VHA_VIDEO_SCRATCH_LOOK		2048
#define VHA_VIDEO_SCRATCH_COMMAND	4096

/* device.c */

int vha_video_open(struct vha_device *dev);
void vha_video_release(struct vha_device *dev);
void vha_video_features(struct vha_device *dev, u64 *features);
void vha_video_info(struct vha_device *dev, struct vha_info *info);
void vha_video_cancel(struct vha_queue *vq);
int vha_video_acked(struct vha_device *dev);
int vha_video_set_backend(struct vha_device *dev, const struct vha_backend *backend,
			  struct file *file);
int vha_video_start(struct vha_queue *vq);
void vha_video_stop(struct vha_queue *vq);
void vha_video_run(struct vha_queue *vq);
void vha_video_batch_begin(struct vha_queue *vq);
void vha_video_get_config(struct vha_device *dev, void *config);
void vha_video_show(struct vha_device *dev, struct seq_file *m);

/* front.c */

const struct vha_video_front *vha_video_front(const struct vha_video *video);

/* params.c */

#define VHA_VIDEO_CALLS	5
extern const struct vha_ioctl vha_video_ioctls[VHA_VIDEO_CALLS];
void vha_video_disclaim(struct vha_video *video);

/* node.c */

int vha_video_node_attach(struct vha_video *video, struct vha_video_node *node, struct file *file);
void vha_video_node_detach(struct vha_video_node *node);
int vha_video_node_add(struct vha_video *video, int fd);
struct file *vha_video_node_open(struct vha_video *video);

/* host.c */

int vha_video_host_ioctl(struct vha_video *video, struct file *file, unsigned int cmd,
			 u32 at, void *arg, u32 len);
void vha_video_host_wait(struct vha_video_session *session);
void vha_video_host_unwait(struct vha_video_session *session);
void vha_video_host_close(struct file *file);

/* command.c */

void vha_video_command_run(struct vha_queue *vq);
void vha_video_answer(struct vha_queue *vq, struct vha_video_command *command, int status,
		      const void *data, u32 len);
void vha_video_refuse(struct vha_queue *vq, struct vha_video_command *command, int error);
void vha_video_release_work(struct vha_work *work);

/* ioctl.c */

int vha_video_serve_ioctl(struct vha_queue *vq, struct vha_video_command *command);

/* controls.c */

int vha_video_controls_read(struct vha_queue *vq, struct vha_video_session *session,
			    struct vha_video_command *command);
int vha_video_controls_write(struct vha_queue *vq);

/* buffer.c */

int vha_video_buffer_query(struct vha_video_session *session, u32 type, u32 index,
			   struct vha_video_planar *queried);
int vha_video_buffer_find(struct vha_video_session *session, u32 offset,
			  struct vha_video_buffer *buffer);
void vha_video_buffer_account(struct vha_video_session *session);
bool vha_video_buffer_excess(const struct vha_video *video, u64 more);
int vha_video_buffer_charge(struct vha_video_session *session, u64 bytes);
void vha_video_buffer_uncharge(struct vha_video_session *session, u64 bytes);
void vha_video_buffer_free(struct vha_video_session *session, u32 type);

/* area.c */

int vha_video_area_get(struct vha_video_session *session, u32 type, u32 index, u32 plane,
		       u32 len, struct vha_video_user_plane *place);
void vha_video_area_free(struct vha_video_session *session, u32 type, u32 first, u32 last);
int vha_video_area_copy(struct vha_queue *vq, struct vha_video_session *session,
			const struct vha_video_user *user, u32 plane, u32 len, bool to_guest);

/* user.c */

int vha_video_user_begin(struct vha_queue *vq, struct vha_video_session *session,
			 struct vha_video_command *command);
bool vha_video_user_again(struct vha_queue *vq, struct vha_video_session *session, int error);
void vha_video_user_end(struct vha_queue *vq, struct vha_video_session *session, int error);
void vha_video_user_dequeued(struct vha_video_session *session, u32 type,
			     struct vha_video_planar *dequeued);
void vha_video_user_stopped(struct vha_video_session *session, u32 type);
void vha_video_user_freed(struct vha_video_session *session, u32 type);
void vha_video_user_removed(struct vha_video_session *session, u32 type, u32 index, u32 count);
void vha_video_user_quiesce(struct vha_video_session *session);

/* window.c */

void vha_video_window_init(struct vha_video *video);
void vha_video_window_destroy(struct vha_video *video);
int vha_video_window_set(struct vha_video *video, u64 addr, u64 size, struct eventfd_ctx *event);
int vha_video_window_map(struct vha_video_session *session,
			 const struct vha_video_buffer *buffer, bool write, u64 *offset);
int vha_video_window_unmap(struct vha_video *video, u64 offset);
bool vha_video_window_orphan(struct vha_video_session *session);
void vha_video_window_clear(struct vha_video *video);
void vha_video_window_drop(struct vha_video *video, struct vha_video_mapping *mapping);

/* remote.c */

void vha_video_remote_ask(struct vha_video *video, u32 type, struct vha_video_mapping *mapping);
int vha_video_remote_claim(struct vha_video *video, u32 type,
			   const struct vha_video_mapping *mapping, int *error);
void vha_video_remote_settle(struct vha_video *video);
void vha_video_remote_forget(struct vha_video *video);
long vha_video_remote_take(struct vha_video *video, struct vha_video_request __user *argp);
long vha_video_remote_done(struct vha_video *video, const struct vha_video_done *done);

/* event.c */

void vha_video_event_run(struct vha_queue *vq);

/* stats.c */

extern const struct vha_stat_desc vha_video_stat_descs[VHA_VIDEO_STATS];
void vha_video_queue_stats(struct vha_queue *vq, u64 *values);

#endif /* VHOST_ACCEL_VIDEO_VIDEO_H */
