// SPDX-License-Identifier: GPL-2.0-only
/*
 * Buffers in the driver's own memory (V4L2_MEMORY_USERPTR)
 *
 * What is in one piece in the VMM the host gets where it is, and pins its pages. For
 * all other memory there is an area beside it, and what is in there is copied.
 *
 * V4L2 keeps the pages of a buffer that was dequeued, for the case that the same
 * address is queued again. Meanwhile the VMM can have put other pages there, as a
 * balloon does. So the host is made to let go of a buffer whenever it comes back: then
 * it has pages of the guest for as long as it has the buffer, and no longer.
 */
#include <linux/mm.h>
#include <linux/slab.h>

#include "video.h"

/* Pieces of the VMM's memory that a piece of the guest's may be in. */
#define PLACES_MAX	8

/* In the first page, where nothing is mapped. */
#define NOWHERE		1

/* Where buffers are in the table; queues have fewer. */
#define INDICES		1024

static unsigned long key(u32 type, u32 index)
{
	return type * INDICES + index;
}

static struct vha_video_user *find(struct vha_video_session *session, u32 type, u32 index)
{
	return index < INDICES ? xa_load(&session->users, key(type, index)) : NULL;
}

static void user_free(struct vha_video_session *session, struct vha_video_user *user)
{
	vha_video_buffer_uncharge(session, user->bytes);
	kvfree(user->pieces.segs);
	kfree(user);
}

static int charge(struct vha_video_session *session, struct vha_video_user *user, u64 bytes)
{
	int ret = vha_video_buffer_charge(session, bytes);

	if (!ret)
		user->bytes += bytes;
	return ret;
}

/* Entries there can be in what is left to read of a command. */
static u32 entries_left(const struct vha_video_command *command)
{
	const struct vha_cursor *out = &command->out;
	u64 bytes = 0;
	u32 i;

	for (i = 0; i < out->nr; i++)
		bytes += out->seg[i].len;
	return min_t(u64, bytes / sizeof(struct vha_media_sg), VHA_VIDEO_PIECES_MAX);
}

static int pieces_alloc(struct vha_video_session *session, struct vha_video_user *user,
			const struct vha_video_command *command)
{
	struct vha_video_pieces *pieces = &user->pieces;
	int ret;

	pieces->max = entries_left(command);
	ret = charge(session, user, pieces->max * sizeof(*pieces->segs));
	if (ret)
		return ret;
	pieces->segs = kvmalloc_array(pieces->max, sizeof(*pieces->segs), VHA_GFP_SETUP);
	return pieces->segs || !pieces->max ? 0 : -ENOMEM;
}

static int read_list(struct vha_queue *vq, struct vha_video_command *command,
		     struct vha_video_user *user, struct vha_video_user_plane *plane)
{
	struct vha_video_pieces *pieces = &user->pieces;
	u32 left = plane->length;
	struct vha_media_sg sg;
	int ret;

	plane->first = pieces->nr;
	while (left) {
		if (vha_copy_from(vq, &command->out, &sg, sizeof(sg)))
			return -EINVAL;
		ret = vha_video_pieces_add(pieces, plane->first, &sg, &left);
		if (ret)
			return ret;
	}
	plane->nr = pieces->nr - plane->first;
	return 0;
}

/*
 * Sets where a plane is in the VMM, 0 for one that is not in one piece. Returns 0, or
 * -EFAULT when it is not all memory of the guest.
 */
static int locate(struct vha_queue *vq, const struct vha_video_user *user,
		  const struct vha_video_user_plane *plane, unsigned long *addr)
{
	struct vha_cursor cursor;
	struct iovec iov[PLACES_MAX];
	unsigned long next = 0;
	bool whole = true;
	u32 i;
	int j, nr;

	*addr = 0;
	for (i = 0; i < plane->nr; i++) {
		cursor = (struct vha_cursor) {
			.seg = &user->pieces.segs[plane->first + i], .nr = 1,
		};
		nr = vha_cursor_iov(vq, &cursor, cursor.seg->len, iov, PLACES_MAX);
		if (nr < 0)
			return -EFAULT;
		for (j = 0; j < nr; j++) {
			unsigned long at = (unsigned long)iov[j].iov_base;

			if (!*addr)
				*addr = at;
			else if (at != next)
				whole = false;
			next = at + iov[j].iov_len;
		}
	}
	if (!whole)
		*addr = 0;
	return 0;
}

static int use_area(struct vha_video_session *session, struct vha_video_user *user, u32 i)
{
	struct vha_video_user_plane *plane = &user->planes[i];

	return vha_video_area_get(session, user->type, user->index, i, plane->length, plane);
}

static int place(struct vha_queue *vq, struct vha_video_session *session,
		 struct vha_video_user *user, u32 i)
{
	struct vha_video_user_plane *plane = &user->planes[i];
	unsigned long addr;
	int ret;

	if (!plane->length)
		return 0;
	ret = locate(vq, user, plane, &addr);
	if (ret)
		return ret;
	if (!addr || session->streams[user->type].memory != V4L2_MEMORY_USERPTR)
		return use_area(session, user, i);
	plane->addr = addr;
	plane->room = plane->length;
	return charge(session, user, PAGE_ALIGN((u64)plane->length));
}

/* The argument, as the driver sent it. */

static const struct v4l2_plane *saved_plane(const struct vha_video_call *call, u32 i)
{
	return (const struct v4l2_plane *)(call->saved + call->nested_at) + i;
}

static u32 saved_length(const struct vha_video_call *call, u32 i)
{
	const struct v4l2_buffer *saved = call->saved;

	return call->nested ? saved_plane(call, i)->length : saved->length;
}

/* Without a number all of it is used. */
static u32 saved_used(const struct vha_video_call *call, u32 i)
{
	const struct v4l2_buffer *saved = call->saved;
	u32 used = call->nested ? saved_plane(call, i)->bytesused : saved->bytesused;

	return used ?: saved_length(call, i);
}

/*
 * Tell the host where the buffer is, and how long that is: of a buffer that is prepared
 * the driver may say something else now.
 */
static void point(struct vha_video_session *session, const struct vha_video_user *user)
{
	struct vha_video_call *call = &session->video->call;
	struct v4l2_plane *planes = call->image + call->nested_at;
	struct v4l2_buffer *buffer = call->image;
	u32 i;

	buffer->memory = session->streams[user->type].memory;
	if (buffer->memory != V4L2_MEMORY_USERPTR)
		return;
	if (!V4L2_TYPE_IS_MULTIPLANAR(user->type)) {
		buffer->m.userptr = user->planes[0].addr;
		buffer->length = user->planes[0].length;
		return;
	}
	for (i = 0; i < min_t(u32, user->nr_planes, call->nested / sizeof(*planes)); i++) {
		planes[i].m.userptr = user->planes[i].addr;
		planes[i].length = user->planes[i].length;
	}
}

/* What goes into the device has to be in the areas before the host looks. */
static int copy_in(struct vha_queue *vq, struct vha_video_session *session,
		   const struct vha_video_user *user)
{
	const struct vha_video_call *call = &session->video->call;
	int ret = 0;
	u32 i;

	if (!V4L2_TYPE_IS_OUTPUT(user->type))
		return 0;
	for (i = 0; i < user->nr_planes && !ret; i++)
		if (user->planes[i].copied)
			ret = vha_video_area_copy(vq, session, user, i, saved_used(call, i),
						  false);
	return ret;
}

static int user_fill(struct vha_queue *vq, struct vha_video_session *session,
		     struct vha_video_command *command, struct vha_video_user *user)
{
	const struct vha_video_call *call = &session->video->call;
	int ret = pieces_alloc(session, user, command);
	u32 i;

	for (i = 0; i < user->nr_planes && !ret; i++) {
		user->planes[i].length = saved_length(call, i);
		ret = read_list(vq, command, user, &user->planes[i]);
	}
	for (i = 0; i < user->nr_planes && !ret; i++)
		ret = place(vq, session, user, i);
	if (!ret)
		ret = xa_reserve(&session->users, key(user->type, user->index), VHA_GFP_SETUP);
	return ret ?: copy_in(vq, session, user);
}

static int user_create(struct vha_queue *vq, struct vha_video_session *session,
		       struct vha_video_command *command)
{
	struct vha_video_call *call = &session->video->call;
	const struct v4l2_buffer *saved = call->saved;
	struct vha_video_user *user;
	int ret;

	user = kzalloc(sizeof(*user), VHA_GFP_SETUP);
	if (!user)
		return -ENOMEM;
	user->type = saved->type;
	user->index = saved->index;
	user->nr_planes = V4L2_TYPE_IS_MULTIPLANAR(saved->type) ? saved->length : 1;
	ret = user_fill(vq, session, command, user);
	if (ret) {
		user_free(session, user);
		return ret;
	}
	call->user = user;
	point(session, user);
	return 0;
}

/* Which memory the host is asked for in the driver's place. */
static int begin_allocation(struct vha_video_session *session)
{
	struct vha_video_call *call = &session->video->call;
	const struct v4l2_create_buffers *saved = call->saved;
	struct v4l2_create_buffers *create = call->image;
	const struct vha_video_stream *stream;

	if (call->ioctl->cmd != VIDIOC_CREATE_BUFS)
		return 0;
	stream = &session->streams[saved->format.type];
	if (!stream->buffers || !stream->user || stream->memory == V4L2_MEMORY_USERPTR)
		return 0;
	/* A queue has buffers of one kind; of which, the host can not know here. */
	if (saved->memory != V4L2_MEMORY_USERPTR)
		return -EINVAL;
	call->memory = stream->memory;
	create->memory = stream->memory;
	return 0;
}

/**
 * vha_video_user_begin() - an ioctl may be about buffers in the driver's memory
 * @vq: the command queue
 * @session: the session, its mutex held
 * @command: the command; what is left to read of it are lists of memory
 *
 * Return: 0, -EINVAL for a list that is too short or of another kind of memory than the
 * queue's, -EFAULT for one of what is not the guest's memory, -ENOMEM for more memory
 * or longer lists than there may be.
 */
int vha_video_user_begin(struct vha_queue *vq, struct vha_video_session *session,
			 struct vha_video_command *command)
{
	struct vha_video_call *call = &session->video->call;
	const struct v4l2_buffer *saved = call->saved;
	const struct vha_video_stream *stream;
	struct vha_video_user *user;

	if (!vha_video_ioctl_has_buffer(call->ioctl))
		return begin_allocation(session);
	stream = &session->streams[saved->type];
	call->own = stream->user;
	if (!stream->user || call->ioctl->cmd == VIDIOC_QUERYBUF)
		return 0;
	if (saved->memory != V4L2_MEMORY_USERPTR || saved->index >= stream->buffers)
		return -EINVAL;
	user = find(session, saved->type, saved->index);
	if (!user || !user->held)
		return user_create(vq, session, command);
	/* What is prepared is queued as it was prepared; all else the host refuses. */
	point(session, user);
	return 0;
}

/* Make the argument anew; the call that failed may have changed it. */
static void restore(struct vha_video_call *call)
{
	memcpy(call->image, call->saved, call->len);
	vha_video_call_prepare(call);
}

static bool allocate_again(struct vha_video_session *session)
{
	struct vha_video_call *call = &session->video->call;
	const struct v4l2_requestbuffers *request = call->saved;
	const struct v4l2_create_buffers *create = call->saved;
	struct v4l2_requestbuffers *new_request = call->image;
	struct v4l2_create_buffers *new_create = call->image;

	if (call->memory)
		return false;
	if (call->ioctl->cmd == VIDIOC_REQBUFS && request->memory == V4L2_MEMORY_USERPTR) {
		restore(call);
		new_request->memory = V4L2_MEMORY_MMAP;
	} else if (call->ioctl->cmd == VIDIOC_CREATE_BUFS &&
		   create->memory == V4L2_MEMORY_USERPTR &&
		   !session->streams[create->format.type].buffers) {
		restore(call);
		new_create->memory = V4L2_MEMORY_MMAP;
	} else {
		return false;
	}
	call->memory = V4L2_MEMORY_MMAP;
	return true;
}

/**
 * vha_video_user_again() - whether the host shall be asked again
 * @vq: the command queue
 * @session: the session, its mutex held
 * @error: what the host said
 *
 * A host that does not take the driver's memory, or not this, gets other memory.
 */
bool vha_video_user_again(struct vha_queue *vq, struct vha_video_session *session, int error)
{
	struct vha_video_call *call = &session->video->call;
	struct vha_video_user *user = call->user;
	bool any = false;
	u32 i;

	if (error != -EINVAL && error != -EFAULT)
		return false;
	if (!user)
		return error == -EINVAL && allocate_again(session);
	for (i = 0; i < user->nr_planes; i++) {
		if (user->planes[i].copied || !user->planes[i].length)
			continue;
		if (use_area(session, user, i))
			return false;
		any = true;
	}
	if (!any || copy_in(vq, session, user))
		return false;
	restore(call);
	point(session, user);
	return true;
}

/**
 * vha_video_user_end() - the host was asked
 * @vq: the command queue
 * @session: the session, its mutex held
 * @error: what it said, 0 when it has the buffer
 */
void vha_video_user_end(struct vha_queue *vq, struct vha_video_session *session, int error)
{
	struct vha_video_call *call = &session->video->call;
	struct vha_video_user *user = call->user, *old;
	u32 i;

	call->user = NULL;
	if (!user)
		return;
	if (error) {
		user_free(session, user);
		return;
	}
	user->held = true;
	for (i = 0; i < user->nr_planes; i++)
		if (!user->planes[i].copied)
			vha_video_count(vq, VHA_VIDEO_BYTES_SHARED, user->planes[i].length);
	/* There is room for it, see user_fill(). */
	old = xa_store(&session->users, key(user->type, user->index), user, VHA_GFP_SETUP);
	if (old)
		user_free(session, old);
}

/* Pages the host had written may have, where the driver has them. */
static void log_planes(struct vha_queue *vq, const struct vha_video_user *user)
{
	u32 i;

	if (V4L2_TYPE_IS_OUTPUT(user->type))
		return;
	for (i = 0; i < user->nr_planes; i++) {
		const struct vha_video_user_plane *plane = &user->planes[i];
		struct vha_cursor cursor = {
			.seg = user->pieces.segs + plane->first, .nr = plane->nr,
		};

		if (!plane->copied)
			vha_log_cursor(vq, &cursor, plane->length);
	}
}

static bool in_place(const struct vha_video_user *user)
{
	u32 i;

	for (i = 0; i < user->nr_planes; i++)
		if (user->planes[i].length && !user->planes[i].copied)
			return true;
	return false;
}

/*
 * Queueing memory that there is not fails, and the host lets go of what was there
 * before, see above. All but the address is as it was: else it may fail earlier.
 */
static void let_go(struct vha_video_session *session, const struct vha_video_user *user, u32 at)
{
	struct vha_video *video = session->video;
	struct vha_video_planar planar = { .buffer = {
		.type = user->type, .index = user->index, .memory = V4L2_MEMORY_USERPTR,
		.bytesused = user->planes[0].length, .length = user->planes[0].length,
		.m.userptr = NOWHERE,
	} };
	u32 i;

	if (V4L2_TYPE_IS_MULTIPLANAR(user->type)) {
		for (i = 0; i < user->nr_planes; i++) {
			planar.planes[i].bytesused = user->planes[i].length;
			planar.planes[i].length = user->planes[i].length;
			planar.planes[i].m.userptr = NOWHERE;
		}
		planar.buffer.length = user->nr_planes;
		planar.buffer.m.planes =
			(void *)(uintptr_t)(video->params.scratch + at +
					    offsetof(struct vha_video_planar, planes));
	}
	/* Something that takes anything is no V4L2. */
	if (!vha_video_host_ioctl(video, session->file, VIDIOC_QBUF, at, &planar,
				  sizeof(planar)))
		vha_video_session_fail(session, -EIO);
}

/* Nothing is copied here that the host did not say is in the buffer. */
static int copy_out(struct vha_queue *vq, struct vha_video_session *session,
		    const struct vha_video_user *user, const struct vha_video_planar *dequeued)
{
	bool planes = V4L2_TYPE_IS_MULTIPLANAR(user->type);
	int ret = 0;
	u32 i;

	for (i = 0; i < user->nr_planes && !ret; i++) {
		u32 used = planes ? dequeued->planes[i].bytesused : dequeued->buffer.bytesused;

		if (user->planes[i].copied)
			ret = vha_video_area_copy(vq, session, user, i, used, true);
	}
	return ret;
}

/* What the host wrote is nowhere if the VMM has other memory there now. */
static bool moved(struct vha_queue *vq, const struct vha_video_user *user)
{
	unsigned long addr;
	u32 i;

	for (i = 0; i < user->nr_planes; i++) {
		const struct vha_video_user_plane *plane = &user->planes[i];

		if (plane->copied || !plane->length)
			continue;
		if (locate(vq, user, plane, &addr) || addr != plane->addr)
			return true;
	}
	return false;
}

static void describe(const struct vha_video_user *user, struct vha_video_planar *dequeued)
{
	u32 i;

	dequeued->buffer.memory = V4L2_MEMORY_USERPTR;
	if (!V4L2_TYPE_IS_MULTIPLANAR(user->type)) {
		dequeued->buffer.length = user->planes[0].length;
		return;
	}
	for (i = 0; i < VIDEO_MAX_PLANES; i++) {
		memset(&dequeued->planes[i].m, 0, sizeof(dequeued->planes[i].m));
		dequeued->planes[i].length = i < user->nr_planes ? user->planes[i].length : 0;
	}
}

/**
 * vha_video_user_dequeued() - the host gave a buffer back
 * @session: the session, its mutex held
 * @type: its queue, whose buffers are in the driver's memory
 * @dequeued: what the host says of it; made what the driver shall see
 *
 * Context: the event queue's worker.
 */
void vha_video_user_dequeued(struct vha_video_session *session, u32 type,
			     struct vha_video_planar *dequeued)
{
	struct vha_queue *vq = video_queue(session->video, VHA_VIDEO_EVENT);
	struct vha_video_user *user = find(session, type, dequeued->buffer.index);
	bool lost = false;

	lockdep_assert_held(&session->mutex);
	if (!user || !user->held)
		return;
	user->held = false;
	if (!V4L2_TYPE_IS_OUTPUT(type))
		lost = copy_out(vq, session, user, dequeued) || moved(vq, user);
	if (lost) {
		dequeued->buffer.flags |= V4L2_BUF_FLAG_ERROR;
		vha_video_count(vq, VHA_VIDEO_MALFORMED, 1);
	}
	log_planes(vq, user);
	if (in_place(user))
		let_go(session, user, VHA_VIDEO_SCRATCH_EVENT);
	describe(user, dequeued);
}

static void returned(struct vha_video_session *session, struct vha_video_user *user)
{
	if (!user->held)
		return;
	user->held = false;
	log_planes(video_queue(session->video, VHA_VIDEO_COMMAND), user);
}

/**
 * vha_video_user_stopped() - the host gave all buffers of a queue back
 * @session: the session, its mutex held
 * @type: the queue
 *
 * Context: the command queue's worker.
 */
void vha_video_user_stopped(struct vha_video_session *session, u32 type)
{
	struct vha_video_user *user;
	unsigned long index;

	lockdep_assert_held(&session->mutex);
	xa_for_each_range(&session->users, index, user, key(type, 0), key(type, INDICES - 1)) {
		if (!user->held)
			continue;
		returned(session, user);
		if (in_place(user))
			let_go(session, user, VHA_VIDEO_SCRATCH_LOOK);
	}
}

static void free_range(struct vha_video_session *session, u32 type, u32 first, u32 last)
{
	struct vha_video_user *user;
	unsigned long index;

	lockdep_assert_held(&session->mutex);
	xa_for_each_range(&session->users, index, user, key(type, first), key(type, last)) {
		returned(session, user);
		xa_erase(&session->users, index);
		user_free(session, user);
	}
	vha_video_area_free(session, type, first, last);
}

/**
 * vha_video_user_freed() - the host has no buffers of a queue any more
 * @session: the session, its mutex held
 * @type: the queue
 *
 * Context: the command queue's worker, or the holder of the device mutex while that
 * queue does not run.
 */
void vha_video_user_freed(struct vha_video_session *session, u32 type)
{
	free_range(session, type, 0, INDICES - 1);
}

/**
 * vha_video_user_removed() - the host has some buffers of a queue no more
 * @session: the session, its mutex held
 * @type: the queue
 * @index: the first of them
 * @count: how many
 *
 * Also such that were prepared: whoever has their numbers next is another buffer.
 *
 * Context: the command queue's worker.
 */
void vha_video_user_removed(struct vha_video_session *session, u32 type, u32 index, u32 count)
{
	if (count && index < INDICES)
		free_range(session, type, index, index + min(count, INDICES - index) - 1);
}

static bool holds_pages(struct vha_video_session *session, u32 type)
{
	struct vha_video_user *user;
	unsigned long index;

	xa_for_each_range(&session->users, index, user, key(type, 0), key(type, INDICES - 1))
		if (user->held && in_place(user))
			return true;
	return false;
}

/**
 * vha_video_user_quiesce() - have the host let go of the guest's memory
 * @session: the session
 *
 * It does so only with the buffers, which the driver does not know of. So the session
 * ends if there are any.
 *
 * Context: the holder of the device mutex and the command queue's, which does not run.
 */
void vha_video_user_quiesce(struct vha_video_session *session)
{
	u32 type;

	mutex_lock(&session->mutex);
	for (type = 1; type < VHA_VIDEO_STREAMS; type++) {
		if (!holds_pages(session, type))
			continue;
		vha_video_buffer_free(session, type);
		vha_video_session_fail(session, -EIO);
	}
	mutex_unlock(&session->mutex);
}
