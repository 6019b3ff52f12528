// SPDX-License-Identifier: GPL-2.0-only
/*
 * Video: cameras, displays and converters, and what becomes of them
 */
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "tvm_rig.h"
#include "tvm_video.h"

/* Controls of vivid's own. */
#define VIVID_BASE		(0x00f00000 | 0xf000)
#define VIVID_TEST_PATTERN	(VIVID_BASE + 0)
#define VIVID_OSD_TEXT		(VIVID_BASE + 1)
#define VIVID_DISCONNECT	(VIVID_BASE + 65)
#define VIVID_DQBUF_ERROR	(VIVID_BASE + 66)
#define VIVID_REQBUFS_ERROR	(VIVID_BASE + 67)
#define VIVID_QBUF_ERROR	(VIVID_BASE + 68)
#define VIVID_STREAMON_ERROR	(VIVID_BASE + 69)
#define VIVID_QUEUE_ERROR	(VIVID_BASE + 70)

#define OSD_TEXT_NONE		2
#define PATTERN_BARS		0
#define PATTERN_WHITE		6

#define VIM2M_TRANS_TIME	(V4L2_CID_USER_BASE + 0x1000)

FIXTURE(capture) {
	char path[TVM_VIDEO_PATH];
	struct tvm_media media;
	struct tvm_video host;
	struct tvm_video guest;
};

FIXTURE_VARIANT(capture) {
	struct tvm_config cfg;
	const char *name;
	uint32_t pixels;
};

FIXTURE_VARIANT_ADD(capture, split)
	{ .cfg = { .event_idx = true }, .name = "vivid-000-vid-cap",
	  .pixels = V4L2_PIX_FMT_NV12 };
FIXTURE_VARIANT_ADD(capture, packed_mplane)
	{ .cfg = { .packed = true, .event_idx = true }, .name = "vivid-001-vid-cap",
	  .pixels = V4L2_PIX_FMT_YUV420M };

FIXTURE_SETUP(capture)
{
	const struct tvm_media_options options = { .cfg = variant->cfg };
	int camera = 0;

	tvm_video_driver("vivid", TVM_VIDEO_VIVID);
	tvm_video_find(variant->name, self->path);
	self->host.fd = -1;
	self->guest.fd = -1;
	ASSERT_EQ(tvm_video_open_host(&self->host, self->path), 0);
	ASSERT_EQ(tvm_video_ioctl(&self->host, VIDIOC_S_INPUT, &camera), 0);
	ASSERT_EQ(tvm_video_control(&self->host, VIVID_OSD_TEXT, OSD_TEXT_NONE), 0);
	ASSERT_EQ(tvm_video_control(&self->host, VIVID_TEST_PATTERN, PATTERN_BARS), 0);
	tvm_media_create(&self->media, self->path, &options);
	ASSERT_EQ(tvm_video_open_guest(&self->guest, &self->media), 0);
}

FIXTURE_TEARDOWN(capture)
{
	if (self->host.fd >= 0)
		close(self->host.fd);
	tvm_media_destroy(&self->media);
}

static void get(struct tvm_video_queue *queue, struct tvm_video_frame *frame)
{
	int ret;

	while ((ret = tvm_video_get(queue, frame)) == -EAGAIN)
		ASSERT_TRUE(tvm_video_wait(queue->video));
	ASSERT_EQ(ret, 0);
}

static uint64_t hash_frame(const struct tvm_video_queue *queue,
			   const struct tvm_video_frame *frame)
{
	const struct tvm_video_plane *planes = queue->buffers[frame->buffer.index];
	uint64_t hash = frame->buffer.flags & V4L2_BUF_FLAG_ERROR;
	unsigned int i;
	uint32_t used;

	for (i = 0; i < queue->planes; i++) {
		used = queue->video->mplane ? frame->planes[i].bytesused :
		       frame->buffer.bytesused;
		EXPECT_GT(used, 0U);
		EXPECT_LE(used, planes[i].len);
		hash = tvm_video_hash(hash, planes[i].addr, used);
	}
	return hash;
}

static void start(struct tvm_video *video, struct tvm_video_queue *queue, uint32_t pixels)
{
	struct v4l2_format format;
	unsigned int i;

	ASSERT_EQ(tvm_video_format(video, false, pixels, 320, 180, &format), 0);
	tvm_video_buffers(video, queue, false, 4);
	for (i = 0; i < queue->count; i++)
		ASSERT_EQ(tvm_video_put(queue, i, 0, 0), 0);
	ASSERT_EQ(tvm_video_stream(queue, true), 0);
}

static uint64_t capture(struct tvm_video_queue *queue, unsigned int frames)
{
	struct tvm_video_frame frame;
	uint64_t hash = 0, first = 0;
	uint32_t sequence = 0;
	unsigned int i;

	for (i = 0; i < frames; i++) {
		get(queue, &frame);
		hash = hash_frame(queue, &frame);
		if (!i)
			first = hash;
		EXPECT_EQ(hash, first);
		if (i)
			EXPECT_GT(frame.buffer.sequence, sequence);
		sequence = frame.buffer.sequence;
		ASSERT_EQ(tvm_video_put(queue, frame.buffer.index, 0, 0), 0);
	}
	return hash;
}

TEST_F_TIMEOUT(capture, same_pictures, 120)
{
	unsigned int frames = harness_rounds(300, 30);
	struct tvm_video_queue queue;
	uint64_t expected;

	start(&self->host, &queue, variant->pixels);
	expected = capture(&queue, 8);
	ASSERT_EQ(tvm_video_stream(&queue, false), 0);
	tvm_video_free(&queue);

	start(&self->guest, &queue, variant->pixels);
	EXPECT_EQ(queue.planes, variant->pixels == V4L2_PIX_FMT_YUV420M ? 3U : 1U);
	EXPECT_EQ(capture(&queue, frames), expected);
	EXPECT_EQ(tvm_video_mappings(getpid()), queue.count * queue.planes);
	ASSERT_EQ(tvm_video_stream(&queue, false), 0);
	tvm_video_free(&queue);
	EXPECT_EQ(tvm_video_mappings(getpid()), 0U);
	EXPECT_GE(tvm_media_stat(&self->media, TVM_MEDIA_EVENTS, "dequeued"),
		  (int64_t)frames);
	EXPECT_EQ(tvm_media_stat(&self->media, TVM_MEDIA_EVENTS, "errors"), 0);
}

/* What is in the window now is what the camera sees now. */
TEST_F(capture, another_picture)
{
	struct tvm_video_queue queue;
	struct tvm_video_frame frame;
	uint64_t bars, white;
	unsigned int i;

	start(&self->guest, &queue, variant->pixels);
	bars = capture(&queue, 2);
	ASSERT_EQ(tvm_video_control(&self->guest, VIVID_TEST_PATTERN, PATTERN_WHITE), 0);
	for (i = 0, white = bars; i < 100 && white == bars; i++) {
		get(&queue, &frame);
		white = hash_frame(&queue, &frame);
		ASSERT_EQ(tvm_video_put(&queue, frame.buffer.index, 0, 0), 0);
	}
	EXPECT_NE(white, bars);
	ASSERT_EQ(tvm_video_control(&self->guest, VIVID_TEST_PATTERN, PATTERN_BARS), 0);
	ASSERT_EQ(tvm_video_stream(&queue, false), 0);
	tvm_video_free(&queue);
}

/* The driver is slow with its event buffers: what is captured meanwhile waits. */
TEST_F(capture, without_event_buffers)
{
	struct tvm_video_queue queue;
	struct tvm_video_frame frame;
	unsigned int i, count = 0;

	self->media.keep = true;
	start(&self->guest, &queue, variant->pixels);
	for (i = 0; i < TVM_MEDIA_BUFFERS; i++) {
		get(&queue, &frame);
		ASSERT_EQ(tvm_video_put(&queue, frame.buffer.index, 0, 0), 0);
	}
	/* All buffers of the camera get full, and none is lost. */
	EXPECT_FALSE(tvm_media_wait(&self->media, 300));
	EXPECT_EQ(tvm_media_stat(&self->media, TVM_MEDIA_EVENTS, "dequeued"),
		  TVM_MEDIA_BUFFERS);
	self->media.keep = false;
	tvm_media_collect(&self->media);
	for (i = 0; i < queue.count; i++) {
		get(&queue, &frame);
		count |= 1U << frame.buffer.index;
	}
	EXPECT_EQ(count, (1U << queue.count) - 1);
	ASSERT_EQ(tvm_video_stream(&queue, false), 0);
	tvm_video_free(&queue);
}

static void press(struct tvm_video *video, uint32_t button)
{
	ASSERT_EQ(tvm_video_control(video, button, 1), 0);
}

TEST_F(capture, injected_errors)
{
	struct v4l2_requestbuffers request = {
		.count = 2, .type = tvm_video_type(&self->guest, false),
		.memory = V4L2_MEMORY_MMAP,
	};
	struct tvm_video_queue queue;
	struct tvm_video_frame frame;
	struct v4l2_format format;
	unsigned int i, flawed;

	ASSERT_EQ(tvm_video_format(&self->guest, false, variant->pixels, 320, 180, &format),
		  0);
	press(&self->guest, VIVID_REQBUFS_ERROR);
	EXPECT_EQ(tvm_video_ioctl(&self->guest, VIDIOC_REQBUFS, &request), -EINVAL);
	tvm_video_buffers(&self->guest, &queue, false, 4);
	press(&self->guest, VIVID_QBUF_ERROR);
	EXPECT_EQ(tvm_video_put(&queue, 0, 0, 0), -EINVAL);
	for (i = 0; i < queue.count; i++)
		ASSERT_EQ(tvm_video_put(&queue, i, 0, 0), 0);
	press(&self->guest, VIVID_STREAMON_ERROR);
	EXPECT_EQ(tvm_video_stream(&queue, true), -EINVAL);
	ASSERT_EQ(tvm_video_stream(&queue, true), 0);
	press(&self->guest, VIVID_DQBUF_ERROR);
	for (i = 0, flawed = 0; i < 100 && !flawed; i++) {
		get(&queue, &frame);
		flawed = frame.buffer.flags & V4L2_BUF_FLAG_ERROR;
		ASSERT_EQ(tvm_video_put(&queue, frame.buffer.index, 0, 0), 0);
	}
	EXPECT_TRUE(flawed);
	get(&queue, &frame);
	ASSERT_EQ(tvm_video_stream(&queue, false), 0);
	tvm_video_free(&queue);
	EXPECT_EQ(tvm_media_stat(&self->media, TVM_MEDIA_EVENTS, "errors"), 0);
}

/* Whoever does not have the queue gets the host's answers, in the host's order. */
TEST_F(capture, busy_queue)
{
	struct v4l2_plane planes[VIDEO_MAX_PLANES] = { 0 };
	struct tvm_video other, *videos[2] = { &other, &self->guest };
	int answers[2][6], type = tvm_video_type(&self->host, false), wrong = 0x77;
	struct v4l2_requestbuffers request = { .type = type, .count = 1 };
	struct v4l2_buffer buffer = { .type = type, .length = 1 };
	struct tvm_video_queue queue;
	unsigned int i;

	start(&self->host, &queue, variant->pixels);
	ASSERT_EQ(tvm_video_open_host(&other, self->path), 0);
	if (self->host.mplane)
		buffer.m.planes = planes;
	for (i = 0; i < 2; i++) {
		buffer.memory = wrong;
		request.memory = wrong;
		answers[i][0] = tvm_video_ioctl(videos[i], VIDIOC_STREAMON, &wrong);
		answers[i][1] = tvm_video_ioctl(videos[i], VIDIOC_STREAMOFF, &wrong);
		answers[i][2] = tvm_video_ioctl(videos[i], VIDIOC_QBUF, &buffer);
		answers[i][3] = tvm_video_ioctl(videos[i], VIDIOC_PREPARE_BUF, &buffer);
		answers[i][4] = tvm_video_ioctl(videos[i], VIDIOC_REQBUFS, &request);
		request.memory = V4L2_MEMORY_USERPTR;
		answers[i][5] = tvm_video_ioctl(videos[i], VIDIOC_REQBUFS, &request);
	}
	EXPECT_EQ(answers[0][0], -EBUSY);
	EXPECT_EQ(answers[0][2], -EBUSY);
	for (i = 0; i < 6; i++)
		EXPECT_MSG(answers[0][i] == answers[1][i], "%u: %d, not %d", i, answers[1][i],
			   answers[0][i]);
	tvm_video_close(&other);
	ASSERT_EQ(tvm_video_stream(&queue, false), 0);
	tvm_video_free(&queue);
}

/* The session is dead, and the driver can do no more than close it. */
static void expect_dead(struct capture_fixture *self, struct tvm_video_queue *queue,
			uint32_t error)
{
	struct v4l2_format format = { .type = queue->type };
	struct tvm_media_event event;
	uint64_t addr, len;

	ASSERT_TRUE(tvm_media_expect(&self->media, self->guest.session, TVM_MEDIA_EVT_ERROR,
				     0, &event));
	EXPECT_EQ(event.error, error);
	EXPECT_EQ(tvm_video_ioctl(&self->guest, VIDIOC_G_FMT, &format), -(int)error);
	EXPECT_EQ(tvm_media_map(&self->media, self->guest.session, 0, 0, &addr, &len),
		  -(int)error);
	/* What is mapped stays so until it is unmapped. */
	EXPECT_EQ(tvm_video_mappings(getpid()), queue->count * queue->planes);
	tvm_video_close(&self->guest);
	EXPECT_EQ(tvm_video_mappings(getpid()), queue->count * queue->planes);
	queue->video = &self->guest;
	self->guest.media = &self->media;
	tvm_video_unmap(queue);
	EXPECT_EQ(tvm_video_mappings(getpid()), 0U);
	EXPECT_EQ(tvm_media_stat(&self->media, TVM_MEDIA_EVENTS, "errors"), 1);
}

TEST_F(capture, fatal_error)
{
	struct tvm_video_queue queue;

	start(&self->guest, &queue, variant->pixels);
	capture(&queue, 3);
	press(&self->host, VIVID_QUEUE_ERROR);
	expect_dead(self, &queue, EIO);
	/* Another session does not mind. */
	ASSERT_EQ(tvm_video_open_guest(&self->guest, &self->media), 0);
	start(&self->guest, &queue, variant->pixels);
	capture(&queue, 3);
	ASSERT_EQ(tvm_video_stream(&queue, false), 0);
	tvm_video_free(&queue);
}

static void wait_plugged(const char *path)
{
	unsigned int tries;
	int fd = -1;

	for (tries = harness_scaled(1000); fd < 0 && tries; tries--) {
		fd = open(path, O_RDWR | O_CLOEXEC);
		if (fd < 0)
			usleep(10000);
	}
	ASSERT_GE(fd, 0);
	close(fd);
}

TEST_F(capture, unplugged)
{
	const struct tvm_media_options options = { .cfg = variant->cfg };
	struct tvm_video_queue queue;
	uint32_t session;

	start(&self->guest, &queue, variant->pixels);
	capture(&queue, 3);
	press(&self->host, VIVID_DISCONNECT);
	expect_dead(self, &queue, ENODEV);
	EXPECT_EQ(tvm_media_open(&self->media, &session), -ENODEV);
	/* It is plugged in again when nobody has it open. */
	tvm_video_close(&self->host);
	tvm_media_destroy(&self->media);
	wait_plugged(self->path);
	tvm_media_create(&self->media, self->path, &options);
	ASSERT_EQ(tvm_video_open_guest(&self->guest, &self->media), 0);
	start(&self->guest, &queue, variant->pixels);
	capture(&queue, 3);
}

TEST(output)
{
	const struct tvm_media_options options = { .cfg = { .event_idx = true } };
	struct tvm_video video;
	struct tvm_video_queue queue;
	struct tvm_video_frame frame;
	char path[TVM_VIDEO_PATH];
	struct v4l2_format format;
	struct tvm_media media;
	unsigned int i;

	tvm_video_driver("vivid", TVM_VIDEO_VIVID);
	tvm_video_find("vivid-000-vid-out", path);
	tvm_media_create(&media, path, &options);
	ASSERT_EQ(tvm_video_open_guest(&video, &media), 0);
	ASSERT_EQ(tvm_video_format(&video, true, V4L2_PIX_FMT_YUYV, 720, 576, &format), 0);
	tvm_video_buffers(&video, &queue, true, 4);
	for (i = 0; i < queue.count; i++)
		ASSERT_EQ(tvm_video_put(&queue, i, queue.buffers[i][0].len, i), 0);
	ASSERT_EQ(tvm_video_stream(&queue, true), 0);
	for (i = 0; i < 12; i++) {
		get(&queue, &frame);
		EXPECT_EQ(frame.buffer.index, i % queue.count);
		ASSERT_EQ(tvm_video_put(&queue, frame.buffer.index,
					queue.buffers[frame.buffer.index][0].len, i), 0);
	}
	ASSERT_EQ(tvm_video_stream(&queue, false), 0);
	tvm_video_free(&queue);
	tvm_media_destroy(&media);
}

static uint64_t convert(struct tvm_video *video, unsigned int frames)
{
	struct tvm_video_queue out, cap;
	struct tvm_video_frame frame;
	struct v4l2_format format;
	uint64_t hash = 0;
	unsigned int i;

	ASSERT_EQ(tvm_video_control(video, VIM2M_TRANS_TIME, 1), 0);
	ASSERT_EQ(tvm_video_control(video, V4L2_CID_HFLIP, 1), 0);
	ASSERT_EQ(tvm_video_format(video, true, V4L2_PIX_FMT_RGB24, 320, 240, &format), 0);
	ASSERT_EQ(tvm_video_format(video, false, V4L2_PIX_FMT_YUYV, 320, 240, &format), 0);
	tvm_video_buffers(video, &out, true, 1);
	tvm_video_buffers(video, &cap, false, 1);
	ASSERT_EQ(tvm_video_stream(&out, true), 0);
	ASSERT_EQ(tvm_video_stream(&cap, true), 0);
	for (i = 0; i < frames; i++) {
		memset(out.buffers[0][0].addr, 17 * i, out.buffers[0][0].len);
		memset(out.buffers[0][0].addr, 29 * i + 3, out.buffers[0][0].len / 3 + i);
		ASSERT_EQ(tvm_video_put(&out, 0, out.buffers[0][0].len, 1000 * i), 0);
		ASSERT_EQ(tvm_video_put(&cap, 0, 0, 0), 0);
		get(&out, &frame);
		get(&cap, &frame);
		EXPECT_EQ(frame.buffer.timestamp.tv_usec, 1000 * i);
		hash = tvm_video_hash(hash, cap.buffers[0][0].addr, frame.buffer.bytesused);
	}
	ASSERT_EQ(tvm_video_stream(&out, false), 0);
	ASSERT_EQ(tvm_video_stream(&cap, false), 0);
	tvm_video_free(&out);
	tvm_video_free(&cap);
	return hash;
}

TEST_TIMEOUT(convert, 120)
{
	const struct tvm_media_options options = { .cfg = { .packed = true } };
	unsigned int frames = harness_rounds(300, 20);
	struct tvm_video video;
	char path[TVM_VIDEO_PATH];
	struct tvm_media media;
	uint64_t expected;

	tvm_video_driver("vim2m", "");
	tvm_video_find("vim2m", path);
	ASSERT_EQ(tvm_video_open_host(&video, path), 0);
	expected = convert(&video, frames);
	tvm_video_close(&video);
	tvm_media_create(&media, path, &options);
	ASSERT_EQ(tvm_video_open_guest(&video, &media), 0);
	EXPECT_EQ(convert(&video, frames), expected);
	tvm_video_close(&video);
	tvm_media_destroy(&media);
}

HARNESS_MAIN
