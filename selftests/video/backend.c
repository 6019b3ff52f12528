// SPDX-License-Identifier: GPL-2.0-only
/*
 * Video: what can be a device, parameters, the window, and their order
 */
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "tvm_rig.h"
#include "tvm_video.h"

FIXTURE(backend) {
	char path[TVM_VIDEO_PATH];
	struct tvm_mem mem;
	struct tvm_dev dev;
	void *scratch;
	char *window;
	int node;
};

FIXTURE_SETUP(backend)
{
	tvm_video_driver("vicodec", "multiplanar=0");
	tvm_video_find("stateful-decoder", self->path);
	self->node = open(self->path, O_RDWR | O_CLOEXEC);
	ASSERT_GE(self->node, 0);
	self->scratch = mmap(NULL, VHA_VIDEO_SCRATCH_BYTES, PROT_READ | PROT_WRITE,
			     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	self->window = mmap(NULL, 1 << 20, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_TRUE(self->scratch != MAP_FAILED && self->window != MAP_FAILED);
	tvm_mem_create_default(&self->mem);
	ASSERT_EQ(tvm_dev_open(&self->dev, tvm_media_node()), 0);
	ASSERT_EQ(tvm_dev_ioctl(&self->dev, VHOST_SET_OWNER, NULL), 0);
	ASSERT_EQ(tvm_dev_mem_set(&self->dev, &self->mem), 0);
}

FIXTURE_TEARDOWN(backend)
{
	tvm_dev_close(&self->dev);
	tvm_mem_destroy(&self->mem);
}

static int set_params(struct backend_fixture *self, uint32_t flags, uint32_t sessions,
		      const void *scratch)
{
	struct vha_video_params params = {
		.flags = flags, .max_sessions = sessions, .scratch = (uintptr_t)scratch,
	};

	return tvm_dev_ioctl(&self->dev, VHA_VIDEO_SET_PARAMS, &params);
}

static int set_window(struct backend_fixture *self, uint32_t flags, int event,
		      const void *addr, uint64_t size)
{
	struct vha_video_window window = {
		.flags = flags, .event = event, .addr = (uintptr_t)addr, .size = size,
	};

	return tvm_dev_ioctl(&self->dev, VHA_VIDEO_SET_WINDOW, &window);
}

TEST_F(backend, info)
{
	EXPECT_EQ(self->dev.info.virtio_id, TVM_MEDIA_ID);
	EXPECT_EQ(self->dev.info.max_queues, (uint32_t)TVM_MEDIA_QUEUES);
	EXPECT_EQ(self->dev.info.config_size, TVM_MEDIA_CONFIG_BYTES);
}

TEST_F(backend, wrong_parameters)
{
	struct vha_video_params params = { .scratch = (uintptr_t)self->scratch };

	EXPECT_EQ(set_params(self, 1U << 31, 0, self->scratch), -EINVAL);
	EXPECT_EQ(set_params(self, 0, VHA_VIDEO_SESSIONS_MAX + 1, self->scratch), -EINVAL);
	EXPECT_EQ(set_params(self, 0, 0, (char *)self->scratch + 8), -EINVAL);
	EXPECT_EQ(set_params(self, 0, 0, (void *)0xffff888000000000UL), -EFAULT);
	EXPECT_EQ(set_params(self, 0, 0, (void *)(0x7ffffffff000UL)), -EFAULT);
	params.reserved[1] = 1;
	EXPECT_EQ(tvm_dev_ioctl(&self->dev, VHA_VIDEO_SET_PARAMS, &params), -EINVAL);
	params.reserved[1] = 0;
	params.padding = 1;
	EXPECT_EQ(tvm_dev_ioctl(&self->dev, VHA_VIDEO_SET_PARAMS, &params), -EINVAL);
	params.padding = 0;
	params.protocol = VHA_VIDEO_PROTOCOL_DECODER + 1;
	EXPECT_EQ(tvm_dev_ioctl(&self->dev, VHA_VIDEO_SET_PARAMS, &params), -EINVAL);
	/* Without memory to work in there is no device. */
	EXPECT_EQ(tvm_dev_backend_set(&self->dev, self->node, 0), -EINVAL);
	EXPECT_EQ(set_params(self, 0, VHA_VIDEO_SESSIONS_MAX, self->scratch), 0);
	EXPECT_EQ(tvm_dev_backend_set(&self->dev, self->node, 0), 0);
	EXPECT_EQ(set_params(self, 0, 0, self->scratch), -EBUSY);
	EXPECT_EQ(tvm_dev_backend_set(&self->dev, -1, 0), 0);
	EXPECT_EQ(set_params(self, 0, 0, self->scratch), 0);
}

TEST_F(backend, wrong_windows)
{
	struct vha_video_window window = { .event = -1, .reserved = { 0, 1 } };
	int event = tvm_event_create();

	EXPECT_EQ(set_window(self, 1U << 31, -1, self->window, 1 << 20), -EINVAL);
	EXPECT_EQ(set_window(self, 0, -1, self->window + 1, 1 << 20), -EINVAL);
	EXPECT_EQ(set_window(self, 0, -1, self->window, (1 << 20) + 1), -EINVAL);
	EXPECT_EQ(set_window(self, 0, event, self->window, 1 << 20), -EINVAL);
	EXPECT_EQ(set_window(self, 0, -1, (void *)0xffff888000000000UL, 1 << 20), -EFAULT);
	EXPECT_EQ(set_window(self, 0, -1, self->window, 1ULL << 62), -EFAULT);
	EXPECT_EQ(set_window(self, 1, -1, self->window, 1 << 20), -EINVAL);
	EXPECT_EQ(set_window(self, 0, 0, self->window, 1 << 20), -EINVAL);
	EXPECT_EQ(tvm_dev_ioctl(&self->dev, VHA_VIDEO_SET_WINDOW, &window), -EINVAL);
	EXPECT_EQ(set_window(self, 0, -1, NULL, 0), 0);
	EXPECT_EQ(set_window(self, 0, -1, self->window, 1 << 20), 0);
	EXPECT_EQ(set_window(self, 0, -1, NULL, 0), 0);
	close(event);
}

static void refuse(struct backend_fixture *self, int fd, int error)
{
	int ret = tvm_dev_backend_set(&self->dev, fd, 0);

	ASSERT_GE(fd, 0);
	EXPECT_MSG(ret == error, "descriptor %d: %d, not %d", fd, ret, error);
	close(fd);
}

TEST_F(backend, wrong_objects)
{
	struct vha_backend backend = { .fd = self->node };

	ASSERT_EQ(set_params(self, 0, 0, self->scratch), 0);
	EXPECT_EQ(tvm_dev_backend_set(&self->dev, 1000, 0), -EBADF);
	refuse(self, open("/dev/null", O_RDWR), -ENODEV);
	refuse(self, open(tvm_media_node(), O_RDWR), -ENODEV);
	refuse(self, open("/tmp", O_RDONLY), -ENODEV);
	refuse(self, open(self->path, O_PATH), -EBADF);
	refuse(self, open(self->path, O_RDONLY), -EBADF);
	refuse(self, open(self->path, O_WRONLY), -EBADF);
	refuse(self, tvm_event_create(), -ENODEV);
	backend.index = 1;
	EXPECT_EQ(tvm_dev_ioctl(&self->dev, VHA_SET_BACKEND, &backend), -EINVAL);
	backend.index = 0;
	backend.flags = VHA_BACKEND_F_WORKER_COMPLETION;
	EXPECT_EQ(tvm_dev_ioctl(&self->dev, VHA_SET_BACKEND, &backend), -EINVAL);
	EXPECT_EQ(tvm_dev_backend_set(&self->dev, self->node, 0), 0);
	EXPECT_EQ(tvm_dev_backend_set(&self->dev, self->node, 0), 0);
	EXPECT_EQ(tvm_dev_backend_set(&self->dev, -1, 0), 0);
	EXPECT_EQ(tvm_dev_backend_set(&self->dev, -1, 0), 0);
}

TEST_F(backend, configuration)
{
	struct tvm_media_config config;
	struct v4l2_capability cap = { 0 };
	struct tvm_video video;

	ASSERT_EQ(set_params(self, 0, 0, self->scratch), 0);
	EXPECT_EQ(tvm_dev_config_get(&self->dev, 0, &config, sizeof(config)), -ENODEV);
	ASSERT_EQ(tvm_dev_backend_set(&self->dev, self->node, 0), 0);
	ASSERT_EQ(tvm_dev_config_get(&self->dev, 0, &config, sizeof(config)), 0);
	ASSERT_EQ(tvm_video_open_host(&video, self->path), 0);
	ASSERT_EQ(tvm_video_ioctl(&video, VIDIOC_QUERYCAP, &cap), 0);
	EXPECT_EQ(config.device_caps, (uint32_t)(V4L2_CAP_VIDEO_M2M | V4L2_CAP_STREAMING |
						 V4L2_CAP_EXT_PIX_FORMAT));
	EXPECT_EQ(config.device_type, 0U);
	EXPECT_EQ(memcmp(config.card, cap.card, sizeof(config.card)), 0);
	EXPECT_EQ(tvm_dev_config_get(&self->dev, 36, &config, 5), -EINVAL);
	EXPECT_EQ(tvm_dev_config_set(&self->dev, 0, &config, 4), -EINVAL);
	tvm_video_close(&video);
}

static int add_file(struct backend_fixture *self, int fd)
{
	return tvm_dev_ioctl(&self->dev, VHA_VIDEO_ADD_FILE, &fd);
}

TEST_F(backend, wrong_files)
{
	char other[TVM_VIDEO_PATH];
	unsigned int i;
	int fd;

	EXPECT_EQ(add_file(self, self->node), -ENODEV);
	ASSERT_EQ(set_params(self, 0, 0, self->scratch), 0);
	ASSERT_EQ(tvm_dev_backend_set(&self->dev, self->node, 0), 0);
	EXPECT_EQ(add_file(self, self->node), -EINVAL);
	ASSERT_EQ(tvm_dev_backend_set(&self->dev, -1, 0), 0);
	ASSERT_EQ(set_params(self, VHA_VIDEO_F_POOL, 0, self->scratch), 0);
	ASSERT_EQ(tvm_dev_backend_set(&self->dev, self->node, 0), 0);
	EXPECT_EQ(add_file(self, 1000), -EBADF);
	tvm_video_find("stateful-encoder", other);
	fd = open(other, O_RDWR);
	ASSERT_GE(fd, 0);
	EXPECT_EQ(add_file(self, fd), -EINVAL);
	close(fd);
	for (i = 0; i <= VHA_VIDEO_SESSIONS_MAX; i++) {
		fd = open(self->path, O_RDWR | O_NONBLOCK);
		ASSERT_GE(fd, 0);
		EXPECT_EQ(add_file(self, fd), i < VHA_VIDEO_SESSIONS_MAX ? 0 : -ENOSPC);
		close(fd);
	}
}

TEST(pool)
{
	const struct tvm_media_options options = { .flags = VHA_VIDEO_F_POOL };
	struct tvm_codec codec = {
		.pixels = V4L2_PIX_FMT_GREY, .width = 640, .height = 360, .frames = 2,
	};
	char path[TVM_VIDEO_PATH];
	struct tvm_media media;
	struct tvm_video video;
	int fd;

	tvm_video_driver("vicodec", "multiplanar=0");
	tvm_video_find("stateful-encoder", path);
	tvm_media_create(&media, path, &options);
	EXPECT_EQ(tvm_video_open_guest(&video, &media), -EMFILE);
	fd = open(path, O_RDWR | O_NONBLOCK);
	ASSERT_EQ(tvm_dev_ioctl(&media.dev, VHA_VIDEO_ADD_FILE, &fd), 0);
	close(fd);
	ASSERT_EQ(tvm_video_open_guest(&video, &media), 0);
	tvm_codec_run(&codec, &video);
	EXPECT_EQ(codec.output.frames, 2U);
	tvm_codec_free(&codec);
	tvm_video_close(&video);
	EXPECT_EQ(tvm_video_open_guest(&video, &media), -EMFILE);
	tvm_media_destroy(&media);
}

/* What the guest has in its window is the host's own buffer, not a copy of it. */
TEST(same_memory)
{
	const struct tvm_media_options options = { .flags = VHA_VIDEO_F_POOL };
	struct v4l2_buffer buffer = { .type = V4L2_BUF_TYPE_VIDEO_OUTPUT, .index = 1 };
	struct tvm_video_queue queue;
	char path[TVM_VIDEO_PATH];
	struct tvm_media media;
	struct tvm_video video;
	uint64_t *ours, *theirs;
	unsigned int i;
	int fd;

	tvm_video_driver("vicodec", "multiplanar=0");
	tvm_video_find("stateful-encoder", path);
	tvm_media_create(&media, path, &options);
	fd = open(path, O_RDWR | O_NONBLOCK);
	ASSERT_EQ(tvm_dev_ioctl(&media.dev, VHA_VIDEO_ADD_FILE, &fd), 0);
	ASSERT_EQ(tvm_video_open_guest(&video, &media), 0);
	tvm_video_buffers(&video, &queue, true, 2);
	ASSERT_EQ(tvm_video_ioctl(&video, VIDIOC_QUERYBUF, &buffer), 0);
	ours = mmap(NULL, buffer.length, PROT_READ | PROT_WRITE, MAP_SHARED, fd,
		    buffer.m.offset);
	ASSERT_TRUE(ours != MAP_FAILED);
	theirs = queue.buffers[1][0].addr;
	EXPECT_EQ(tvm_media_stat(&media, TVM_MEDIA_COMMANDS, "bytes_mapped"),
		  2 * buffer.length);
	/* Nothing goes through the queues meanwhile. */
	for (i = 0; i < buffer.length / sizeof(*ours); i += 97) {
		ours[i] = i * 0x0123456789abULL;
		EXPECT_EQ(*(volatile uint64_t *)&theirs[i], i * 0x0123456789abULL);
		theirs[i] = ~ours[i];
		EXPECT_EQ(*(volatile uint64_t *)&ours[i], ~(i * 0x0123456789abULL));
	}
	close(fd);
	tvm_media_destroy(&media);
}

HARNESS_MAIN
