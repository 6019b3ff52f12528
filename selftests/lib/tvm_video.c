// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tiny VMM: a video device, on the host's node or in the guest
 *
 * In the guest this is what the kernel does above the driver: capabilities come
 * from configuration space, buffers and events from the event queue.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "tvm_video.h"

static void find_planes(struct tvm_video *video)
{
	struct v4l2_capability cap = { 0 };

	ASSERT_EQ(tvm_video_ioctl(video, VIDIOC_QUERYCAP, &cap), 0);
	video->mplane = cap.device_caps & (V4L2_CAP_VIDEO_M2M_MPLANE |
					   V4L2_CAP_VIDEO_CAPTURE_MPLANE |
					   V4L2_CAP_VIDEO_OUTPUT_MPLANE);
}

/**
 * tvm_video_open_host() - open a node of the host
 * @video: filled in
 * @path: of the node
 */
int tvm_video_open_host(struct tvm_video *video, const char *path)
{
	memset(video, 0, sizeof(*video));
	video->fd = open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC);
	if (video->fd < 0)
		return -errno;
	find_planes(video);
	return 0;
}

/**
 * tvm_video_open_guest() - open a session of the guest's device
 * @video: filled in
 * @media: the device
 */
int tvm_video_open_guest(struct tvm_video *video, struct tvm_media *media)
{
	int ret;

	memset(video, 0, sizeof(*video));
	video->fd = -1;
	video->media = media;
	ret = tvm_media_open(media, &video->session);
	if (!ret)
		find_planes(video);
	return ret;
}

/**
 * tvm_video_close() - close it
 * @video: the device
 */
void tvm_video_close(struct tvm_video *video)
{
	if (video->media)
		EXPECT_EQ(tvm_media_close(video->media, video->session), 0);
	else if (video->fd >= 0)
		close(video->fd);
	video->media = NULL;
	video->fd = -1;
}

static int guest_querycap(struct tvm_video *video, struct v4l2_capability *cap)
{
	cap->device_caps = video->media->config.device_caps;
	cap->capabilities = cap->device_caps | V4L2_CAP_DEVICE_CAPS;
	memcpy(cap->card, video->media->config.card, sizeof(cap->card));
	return 0;
}

static int guest_dqbuf(struct tvm_video *video, struct v4l2_buffer *buffer)
{
	struct tvm_media_event event;
	struct v4l2_plane *planes = buffer->m.planes;

	if (!tvm_media_take(video->media, video->session, TVM_MEDIA_EVT_DQBUF, buffer->type,
			    &event))
		return video->last && !V4L2_TYPE_IS_OUTPUT(buffer->type) ? -EPIPE : -EAGAIN;
	if (event.buffer.flags & V4L2_BUF_FLAG_LAST)
		video->last = true;
	*buffer = event.buffer;
	if (V4L2_TYPE_IS_MULTIPLANAR(buffer->type)) {
		buffer->m.planes = planes;
		memcpy(planes, event.planes, buffer->length * sizeof(planes[0]));
	}
	return 0;
}

static int guest_ioctl(struct tvm_video *video, unsigned long cmd, void *arg)
{
	struct v4l2_requestbuffers *request = arg;
	struct tvm_media_event event;
	int ret;

	switch (cmd) {
	case VIDIOC_QUERYCAP:
		return guest_querycap(video, arg);
	case VIDIOC_DQBUF:
		return guest_dqbuf(video, arg);
	case VIDIOC_DQEVENT:
		if (!tvm_media_take(video->media, video->session, TVM_MEDIA_EVT_EVENT,
				    V4L2_EVENT_ALL, &event))
			return -ENOENT;
		*(struct v4l2_event *)arg = event.v4l2;
		return 0;
	}
	ret = tvm_media_ioctl(video->media, video->session, cmd, arg);
	if (!ret && cmd == VIDIOC_STREAMOFF) {
		tvm_media_drop(video->media, video->session, *(int *)arg);
		if (!V4L2_TYPE_IS_OUTPUT(*(int *)arg))
			video->last = false;
	}
	if (!ret && cmd == VIDIOC_REQBUFS && !request->count)
		tvm_media_drop(video->media, video->session, request->type);
	return ret;
}

/**
 * tvm_video_ioctl() - ioctl(2) on it
 * @video: the device
 * @cmd: VIDIOC_*
 * @arg: argument
 */
int tvm_video_ioctl(struct tvm_video *video, unsigned long cmd, void *arg)
{
	if (video->media)
		return guest_ioctl(video, cmd, arg);
	return ioctl(video->fd, cmd, arg) ? -errno : 0;
}

/**
 * tvm_video_wait() - wait until there may be a buffer or an event
 * @video: the device
 *
 * Return: whether it was worth waiting.
 */
bool tvm_video_wait(struct tvm_video *video)
{
	struct pollfd pfd = { .fd = video->fd, .events = POLLIN | POLLOUT | POLLPRI };

	if (video->media)
		return tvm_media_wait(video->media, harness_scaled(TVM_MEDIA_WAIT_MS));
	if (poll(&pfd, 1, harness_scaled(TVM_MEDIA_WAIT_MS)) != 1)
		return false;
	/* What nothing is queued for is ready at once. */
	if (pfd.revents & POLLERR)
		usleep(1000);
	return true;
}

/**
 * tvm_video_type() - type of buffers it has
 * @video: the device
 * @output: those that go into it
 */
uint32_t tvm_video_type(const struct tvm_video *video, bool output)
{
	if (video->mplane)
		return output ? V4L2_BUF_TYPE_VIDEO_OUTPUT_MPLANE :
		       V4L2_BUF_TYPE_VIDEO_CAPTURE_MPLANE;
	return output ? V4L2_BUF_TYPE_VIDEO_OUTPUT : V4L2_BUF_TYPE_VIDEO_CAPTURE;
}

/**
 * tvm_video_format() - set the format
 * @video: the device
 * @output: of what goes into it
 * @pixels: V4L2_PIX_FMT_*
 * @width: width
 * @height: height
 * @format: filled in
 */
int tvm_video_format(struct tvm_video *video, bool output, uint32_t pixels,
		     uint32_t width, uint32_t height, struct v4l2_format *format)
{
	memset(format, 0, sizeof(*format));
	format->type = tvm_video_type(video, output);
	if (video->mplane) {
		format->fmt.pix_mp.width = width;
		format->fmt.pix_mp.height = height;
		format->fmt.pix_mp.pixelformat = pixels;
		format->fmt.pix_mp.field = V4L2_FIELD_NONE;
	} else {
		format->fmt.pix.width = width;
		format->fmt.pix.height = height;
		format->fmt.pix.pixelformat = pixels;
		format->fmt.pix.field = V4L2_FIELD_NONE;
	}
	return tvm_video_ioctl(video, VIDIOC_S_FMT, format);
}

/**
 * tvm_video_control() - set a control
 * @video: the device
 * @id: V4L2_CID_*
 * @value: for it
 */
int tvm_video_control(struct tvm_video *video, uint32_t id, int32_t value)
{
	struct v4l2_ext_control control = { .id = id, .value = value };
	struct v4l2_ext_controls controls = { .count = 1, .controls = &control };

	return tvm_video_ioctl(video, VIDIOC_S_EXT_CTRLS, &controls);
}

/**
 * tvm_video_subscribe() - ask for events
 * @video: the device
 * @type: V4L2_EVENT_*
 */
int tvm_video_subscribe(struct tvm_video *video, uint32_t type)
{
	struct v4l2_event_subscription subscription = { .type = type };

	return tvm_video_ioctl(video, VIDIOC_SUBSCRIBE_EVENT, &subscription);
}

/**
 * tvm_video_event() - wait for an event
 * @video: the device
 * @event: filled in
 */
int tvm_video_event(struct tvm_video *video, struct v4l2_event *event)
{
	struct pollfd pfd = { .fd = video->fd, .events = POLLPRI };
	int ret;

	for (;;) {
		memset(event, 0, sizeof(*event));
		ret = tvm_video_ioctl(video, VIDIOC_DQEVENT, event);
		if (ret != -ENOENT)
			return ret;
		if (video->media) {
			if (!tvm_media_wait(video->media, harness_scaled(TVM_MEDIA_WAIT_MS)))
				return -ETIMEDOUT;
		} else if (poll(&pfd, 1, harness_scaled(TVM_MEDIA_WAIT_MS)) != 1) {
			return -ETIMEDOUT;
		}
	}
}

static void make_plane(struct tvm_video *video, struct tvm_video_plane *plane,
		       uint32_t offset, uint32_t len)
{
	uint64_t mapped;

	plane->len = len;
	if (video->memory) {
		plane->addr = video->media ?
			tvm_media_user_alloc(video->media, len,
					     video->memory == TVM_VIDEO_SCATTERED) :
			malloc(len);
		ASSERT_TRUE(plane->addr);
		return;
	}
	if (video->media) {
		ASSERT_EQ(tvm_media_map(video->media, video->session, TVM_MEDIA_RW, offset,
					&plane->at, &mapped), 0);
		ASSERT_EQ(mapped, (uint64_t)len);
		plane->addr = video->media->window + plane->at;
		return;
	}
	plane->addr = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_SHARED, video->fd, offset);
	ASSERT_TRUE(plane->addr != MAP_FAILED);
}

static void make_buffer(struct tvm_video_queue *queue, unsigned int index)
{
	struct v4l2_plane planes[VIDEO_MAX_PLANES] = { 0 };
	struct v4l2_buffer buffer = { .index = index, .type = queue->type };
	unsigned int i;

	if (queue->video->mplane) {
		buffer.length = VIDEO_MAX_PLANES;
		buffer.m.planes = planes;
	}
	ASSERT_EQ(tvm_video_ioctl(queue->video, VIDIOC_QUERYBUF, &buffer), 0);
	queue->planes = 1;
	if (!queue->video->mplane) {
		make_plane(queue->video, &queue->buffers[index][0], buffer.m.offset,
			   buffer.length);
		return;
	}
	queue->planes = buffer.length;
	for (i = 0; i < queue->planes; i++)
		make_plane(queue->video, &queue->buffers[index][i], planes[i].m.mem_offset,
			   planes[i].length);
}

/**
 * tvm_video_buffers() - make buffers, as the device's memory says; a failure fails the
 * test
 * @video: the device
 * @queue: filled in
 * @output: those that go into it
 * @count: how many, at least
 */
void tvm_video_buffers(struct tvm_video *video, struct tvm_video_queue *queue,
		       bool output, unsigned int count)
{
	struct v4l2_requestbuffers request = {
		.count = count,
		.type = tvm_video_type(video, output),
		.memory = video->memory ? V4L2_MEMORY_USERPTR : V4L2_MEMORY_MMAP,
	};
	unsigned int i;

	memset(queue, 0, sizeof(*queue));
	ASSERT_EQ(tvm_video_ioctl(video, VIDIOC_REQBUFS, &request), 0);
	ASSERT_GE(request.count, count);
	ASSERT_LE(request.count, (unsigned int)TVM_VIDEO_BUFFERS);
	queue->video = video;
	queue->type = request.type;
	queue->memory = request.memory;
	queue->count = request.count;
	for (i = 0; i < queue->count; i++)
		make_buffer(queue, i);
}

/**
 * tvm_video_unmap() - unmap all buffers
 * @queue: the queue
 */
void tvm_video_unmap(struct tvm_video_queue *queue)
{
	unsigned int i, j;

	for (i = 0; i < queue->count; i++)
		for (j = 0; j < queue->planes; j++) {
			struct tvm_video_plane *plane = &queue->buffers[i][j];

			/* The guest's memory is there for good. */
			if (queue->memory == V4L2_MEMORY_USERPTR && queue->video->media)
				continue;
			if (queue->memory == V4L2_MEMORY_USERPTR)
				free(plane->addr);
			else if (queue->video->media)
				EXPECT_EQ(tvm_media_unmap(queue->video->media, plane->at), 0);
			else
				munmap(plane->addr, plane->len);
		}
	queue->count = 0;
}

/**
 * tvm_video_free() - unmap and free all buffers
 * @queue: the queue, also one that has none
 */
void tvm_video_free(struct tvm_video_queue *queue)
{
	struct v4l2_requestbuffers request = {
		.type = queue->type, .memory = queue->memory,
	};

	if (!queue->video)
		return;
	tvm_video_unmap(queue);
	EXPECT_EQ(tvm_video_ioctl(queue->video, VIDIOC_REQBUFS, &request), 0);
	queue->video = NULL;
}

/**
 * tvm_video_stream() - start or stop
 * @queue: the queue
 * @on: start
 */
int tvm_video_stream(struct tvm_video_queue *queue, bool on)
{
	int type = queue->type;

	if (!on)
		queue->queued = 0;
	return tvm_video_ioctl(queue->video, on ? VIDIOC_STREAMON : VIDIOC_STREAMOFF, &type);
}

/**
 * tvm_video_put() - queue a buffer
 * @queue: the queue
 * @index: the buffer
 * @used: bytes in its first plane, if it goes into the device
 * @stamp: its time in microseconds, likewise
 */
int tvm_video_put(struct tvm_video_queue *queue, unsigned int index, uint32_t used,
		  uint64_t stamp)
{
	struct v4l2_plane planes[VIDEO_MAX_PLANES] = { 0 };
	struct v4l2_buffer buffer = {
		.index = index, .type = queue->type, .memory = queue->memory,
		.field = V4L2_FIELD_NONE,
		.timestamp = { stamp / 1000000, stamp % 1000000 },
	};
	unsigned int i;
	int ret;

	if (queue->video->mplane) {
		buffer.length = queue->planes;
		buffer.m.planes = planes;
		planes[0].bytesused = used;
		for (i = 1; used && i < queue->planes; i++)
			planes[i].bytesused = queue->buffers[index][i].len;
		for (i = 0; i < queue->planes && queue->memory == V4L2_MEMORY_USERPTR; i++) {
			planes[i].m.userptr = (uintptr_t)queue->buffers[index][i].addr;
			planes[i].length = queue->buffers[index][i].len;
		}
	} else {
		buffer.bytesused = used;
		if (queue->memory == V4L2_MEMORY_USERPTR) {
			buffer.m.userptr = (uintptr_t)queue->buffers[index][0].addr;
			buffer.length = queue->buffers[index][0].len;
		}
	}
	ret = tvm_video_ioctl(queue->video, VIDIOC_QBUF, &buffer);
	if (!ret)
		queue->queued++;
	return ret;
}

/**
 * tvm_video_get() - dequeue a buffer, without waiting
 * @queue: the queue
 * @frame: filled in
 *
 * Return: 0, -EAGAIN, -EPIPE after the last one, or another errno.
 */
int tvm_video_get(struct tvm_video_queue *queue, struct tvm_video_frame *frame)
{
	int ret;

	memset(frame, 0, sizeof(*frame));
	frame->buffer.type = queue->type;
	frame->buffer.memory = queue->memory;
	if (queue->video->mplane) {
		frame->buffer.length = VIDEO_MAX_PLANES;
		frame->buffer.m.planes = frame->planes;
	}
	ret = tvm_video_ioctl(queue->video, VIDIOC_DQBUF, &frame->buffer);
	if (!ret)
		queue->queued--;
	return ret;
}

/**
 * tvm_video_used() - bytes in a frame's first plane
 * @frame: the frame
 */
uint32_t tvm_video_used(const struct tvm_video_frame *frame)
{
	return V4L2_TYPE_IS_MULTIPLANAR(frame->buffer.type) ? frame->planes[0].bytesused :
	       frame->buffer.bytesused;
}
