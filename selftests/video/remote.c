// SPDX-License-Identifier: GPL-2.0-only
/*
 * Video: a window that another process has, by the ioctls for it
 */
#include <sys/mman.h>
#include <unistd.h>

#include "tvm_rig.h"
#include "tvm_video.h"

#define WINDOW	(16 << 20)

FIXTURE(remote) {
	struct tvm_media media;
	struct tvm_video video;
	uint32_t offset;
	int event;
};

FIXTURE_VARIANT(remote) {
	struct tvm_config cfg;
};

FIXTURE_VARIANT_ADD(remote, split) { .cfg = { .event_idx = true } };
FIXTURE_VARIANT_ADD(remote, packed) { .cfg = { .packed = true, .event_idx = true } };

static int set_window(struct remote_fixture *self, uint32_t flags, int event,
		      const void *addr, uint64_t size)
{
	struct vha_video_window window = {
		.flags = flags, .event = event, .addr = (uintptr_t)addr, .size = size,
	};

	return tvm_dev_ioctl(&self->media.dev, VHA_VIDEO_SET_WINDOW, &window);
}

static void open_session(struct remote_fixture *self)
{
	struct v4l2_requestbuffers request = {
		.count = 2, .type = V4L2_BUF_TYPE_VIDEO_OUTPUT, .memory = V4L2_MEMORY_MMAP,
	};
	struct v4l2_buffer buffer = { .type = V4L2_BUF_TYPE_VIDEO_OUTPUT };

	ASSERT_EQ(tvm_video_open_guest(&self->video, &self->media), 0);
	ASSERT_EQ(tvm_video_ioctl(&self->video, VIDIOC_REQBUFS, &request), 0);
	ASSERT_EQ(tvm_video_ioctl(&self->video, VIDIOC_QUERYBUF, &buffer), 0);
	self->offset = buffer.m.offset;
}

FIXTURE_SETUP(remote)
{
	const struct tvm_media_options options = { .cfg = variant->cfg, .window = 1 };
	char path[TVM_VIDEO_PATH];

	tvm_video_driver("vicodec", "multiplanar=0");
	tvm_video_find("stateful-encoder", path);
	tvm_media_create(&self->media, path, &options);
	self->media.window_size = WINDOW;
	self->event = tvm_event_create();
	ASSERT_EQ(set_window(self, VHA_VIDEO_WINDOW_F_REMOTE, self->event, NULL, WINDOW), 0);
	open_session(self);
}

FIXTURE_TEARDOWN(remote)
{
	tvm_media_destroy(&self->media);
}

/* Both wait for somebody else, so they are only sent here. */
static void submit_map(struct remote_fixture *self, uint32_t flags)
{
	const uint32_t command[5] = {
		TVM_MEDIA_MMAP, 0, self->video.session, flags, self->offset,
	};
	struct tvm_seg segs[2] = { { self->media.area, 20 }, { self->media.area + 64, 24 } };

	tvm_mem_write(&self->media.mem, segs[0].gpa, command, sizeof(command));
	ASSERT_GE(tvm_queue_add(&self->media.vqs[0], segs, 1, 1, NULL, 0), 0);
	tvm_queue_kick(&self->media.vqs[0]);
}

static void submit_unmap(struct remote_fixture *self, uint64_t addr)
{
	const uint64_t command[2] = { TVM_MEDIA_MUNMAP, addr };
	struct tvm_seg segs[2] = { { self->media.area, 16 }, { self->media.area + 64, 8 } };

	tvm_mem_write(&self->media.mem, segs[0].gpa, command, sizeof(command));
	ASSERT_GE(tvm_queue_add(&self->media.vqs[0], segs, 1, 1, NULL, 0), 0);
	tvm_queue_kick(&self->media.vqs[0]);
}

static int answer(struct remote_fixture *self, uint64_t *addr)
{
	uint64_t response[3];
	struct tvm_used used;

	ASSERT_EQ(tvm_queue_wait(&self->media.vqs[0], &used,
				 harness_scaled(TVM_MEDIA_WAIT_MS)), 0);
	tvm_mem_read(&self->media.mem, self->media.area + 64, response, sizeof(response));
	if (addr)
		*addr = response[1];
	return -(int)response[0];
}

static int take(struct remote_fixture *self, struct vha_video_request *request)
{
	memset(request, 0xff, sizeof(*request));
	return tvm_dev_ioctl(&self->media.dev, VHA_VIDEO_GET_REQUEST, request);
}

static void expect_request(struct remote_fixture *self, uint32_t type,
			   struct vha_video_request *request)
{
	struct vha_video_request other;

	ASSERT_TRUE(tvm_event_wait(self->event, harness_scaled(TVM_MEDIA_WAIT_MS)));
	EXPECT_EQ(tvm_event_read(self->event), 1UL);
	ASSERT_EQ(take(self, request), 0);
	EXPECT_EQ(request->type, type);
	if (type == VHA_VIDEO_REQUEST_MAP)
		EXPECT_GE(request->fd, 0);
	else
		EXPECT_EQ(request->fd, -1);
	/* It is taken once. */
	EXPECT_EQ(take(self, &other), -EAGAIN);
}

static int done(struct remote_fixture *self, uint32_t id, uint32_t error)
{
	struct vha_video_done done = { .id = id, .error = error };

	return tvm_dev_ioctl(&self->media.dev, VHA_VIDEO_REQUEST_DONE, &done);
}

static uint64_t map(struct remote_fixture *self)
{
	struct vha_video_request request;
	uint64_t addr;

	submit_map(self, TVM_MEDIA_RW);
	expect_request(self, VHA_VIDEO_REQUEST_MAP, &request);
	close(request.fd);
	ASSERT_EQ(done(self, request.id, 0), 0);
	EXPECT_EQ(answer(self, &addr), 0);
	EXPECT_EQ(addr, request.window_offset);
	return addr;
}

static void unmap(struct remote_fixture *self, uint64_t addr)
{
	struct vha_video_request request;

	submit_unmap(self, addr);
	expect_request(self, VHA_VIDEO_REQUEST_UNMAP, &request);
	EXPECT_EQ(request.window_offset, addr);
	ASSERT_EQ(done(self, request.id, 0), 0);
	EXPECT_EQ(answer(self, NULL), 0);
}

TEST_F(remote, windows)
{
	void *here = mmap(NULL, WINDOW, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct vha_video_request request;
	uint64_t addr;

	EXPECT_EQ(set_window(self, VHA_VIDEO_WINDOW_F_REMOTE, self->event, here, WINDOW),
		  -EINVAL);
	EXPECT_EQ(set_window(self, VHA_VIDEO_WINDOW_F_REMOTE, 1000, NULL, WINDOW), -EBADF);
	EXPECT_EQ(set_window(self, VHA_VIDEO_WINDOW_F_REMOTE, self->media.node, NULL, WINDOW),
		  -EINVAL);
	EXPECT_EQ(set_window(self, 2, self->event, NULL, WINDOW), -EINVAL);
	addr = map(self);
	EXPECT_EQ(set_window(self, 0, -1, here, WINDOW), -EBUSY);
	unmap(self, addr);
	EXPECT_EQ(set_window(self, 0, -1, here, WINDOW), 0);
	EXPECT_EQ(take(self, &request), -EINVAL);
	EXPECT_EQ(set_window(self, VHA_VIDEO_WINDOW_F_REMOTE, self->event, NULL, WINDOW), 0);
	unmap(self, map(self));
	EXPECT_EQ(tvm_video_mappings(getpid()), 0U);
}

/* What is asked for is the session's own buffer. */
TEST_F(remote, buffers)
{
	struct vha_video_request request;
	struct tvm_used used;
	uint64_t addr;
	char *mapped;

	submit_map(self, TVM_MEDIA_RW);
	expect_request(self, VHA_VIDEO_REQUEST_MAP, &request);
	EXPECT_EQ(request.flags, VHA_VIDEO_REQUEST_F_WRITE);
	EXPECT_EQ(request.offset, (uint64_t)self->offset);
	EXPECT_EQ(request.size % TVM_PAGE, 0UL);
	EXPECT_LE(request.window_offset + request.size, (uint64_t)WINDOW);
	mapped = mmap(NULL, request.size, PROT_READ | PROT_WRITE, MAP_SHARED, request.fd,
		      request.offset);
	ASSERT_TRUE(mapped != MAP_FAILED);
	memset(mapped, 0x5a, request.size);
	close(request.fd);
	/* The command waits. */
	usleep(50000);
	EXPECT_FALSE(tvm_queue_poll(&self->media.vqs[0], &used));
	ASSERT_EQ(done(self, request.id, 0), 0);
	ASSERT_EQ(answer(self, &addr), 0);
	/* Again is counted, and nobody is asked. */
	submit_map(self, TVM_MEDIA_RW);
	ASSERT_EQ(answer(self, &addr), 0);
	EXPECT_EQ(addr, request.window_offset);
	submit_unmap(self, addr);
	ASSERT_EQ(answer(self, NULL), 0);
	EXPECT_FALSE(tvm_event_wait(self->event, 0));
	unmap(self, addr);
	submit_unmap(self, addr);
	EXPECT_EQ(answer(self, NULL), -EINVAL);
	munmap(mapped, request.size);
}

TEST_F(remote, failures)
{
	static const uint32_t errors[] = { ENOMEM, EIO, 1, 4095 };
	struct vha_video_request request;
	uint64_t addr;
	unsigned int i;

	EXPECT_EQ(take(self, &request), -EAGAIN);
	EXPECT_EQ(done(self, 0, 0), -ENOENT);
	for (i = 0; i < sizeof(errors) / sizeof(errors[0]); i++) {
		submit_map(self, TVM_MEDIA_RW);
		ASSERT_TRUE(tvm_event_wait(self->event, harness_scaled(TVM_MEDIA_WAIT_MS)));
		/* Nobody can have done it before it was taken. */
		EXPECT_EQ(done(self, i + 1, 0), -ENOENT);
		expect_request(self, VHA_VIDEO_REQUEST_MAP, &request);
		close(request.fd);
		EXPECT_EQ(done(self, request.id + 1, 0), -ENOENT);
		EXPECT_EQ(done(self, request.id, 4096), -EINVAL);
		EXPECT_EQ(done(self, request.id, errors[i]), 0);
		EXPECT_EQ(done(self, request.id, 0), -ENOENT);
		EXPECT_EQ(answer(self, NULL), -(int)errors[i]);
	}
	addr = map(self);
	submit_unmap(self, addr);
	expect_request(self, VHA_VIDEO_REQUEST_UNMAP, &request);
	EXPECT_EQ(done(self, request.id, EIO), 0);
	EXPECT_EQ(answer(self, NULL), -EIO);
	/* So it is still there. */
	unmap(self, addr);
	submit_unmap(self, addr);
	EXPECT_EQ(answer(self, NULL), -EINVAL);
}

/* Whatever ends meanwhile does not wait for a window that may never answer. */
TEST_F(remote, ended_meanwhile)
{
	const struct tvm_media_options options = { .cfg = variant->cfg };
	struct vha_video_request request = { 0 };
	unsigned int round, i;

	for (round = 0; round < 12; round++) {
		submit_map(self, TVM_MEDIA_RW);
		if (round & 1) {
			expect_request(self, VHA_VIDEO_REQUEST_MAP, &request);
			close(request.fd);
		} else {
			ASSERT_TRUE(tvm_event_wait(self->event,
						   harness_scaled(TVM_MEDIA_WAIT_MS)));
		}
		if (round & 2)
			for (i = 0; i < TVM_MEDIA_QUEUES; i++)
				ASSERT_EQ(tvm_queue_stop(&self->media.vqs[i], NULL), 0);
		ASSERT_EQ(tvm_dev_ioctl(&self->media.dev, VHA_RESET, NULL), 0);
		EXPECT_EQ(done(self, request.id, 0), -ENOENT);
		EXPECT_EQ(take(self, &request), -EAGAIN);
		tvm_event_read(self->event);
		for (i = 0; i < TVM_MEDIA_QUEUES; i++)
			tvm_queue_destroy(&self->media.vqs[i]);
		for (i = 0; i < TVM_MEDIA_BUFFERS; i++)
			self->media.free[i] = true;
		ASSERT_EQ(tvm_media_start(&self->media, &options), 0);
		open_session(self);
	}
	unmap(self, map(self));
	/* And then all of it. */
	submit_map(self, TVM_MEDIA_RW);
	expect_request(self, VHA_VIDEO_REQUEST_MAP, &request);
	tvm_dev_close(&self->media.dev);
	close(request.fd);
}

/* A queue that stops and goes on finds the command where it was, and its result. */
TEST_F(remote, stopped_meanwhile)
{
	struct vha_video_request request;
	uint64_t addr;
	unsigned int i;

	submit_map(self, TVM_MEDIA_RW);
	expect_request(self, VHA_VIDEO_REQUEST_MAP, &request);
	close(request.fd);
	for (i = 0; i < TVM_MEDIA_QUEUES; i++)
		ASSERT_EQ(tvm_queue_stop(&self->media.vqs[i], NULL), 0);
	ASSERT_EQ(done(self, request.id, 0), 0);
	for (i = 0; i < TVM_MEDIA_QUEUES; i++)
		ASSERT_EQ(tvm_queue_enable(&self->media.vqs[i], true), 0);
	ASSERT_EQ(answer(self, &addr), 0);
	EXPECT_EQ(addr, request.window_offset);
	unmap(self, addr);
}

HARNESS_MAIN
