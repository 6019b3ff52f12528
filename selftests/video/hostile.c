// SPDX-License-Identifier: GPL-2.0-only
/*
 * Video: what a driver must not do, and what it gets for that
 */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "tvm_rig.h"
#include "tvm_video.h"

FIXTURE(hostile) {
	char path[TVM_VIDEO_PATH];
	struct tvm_media media;
	struct tvm_video video;
};

FIXTURE_VARIANT(hostile) {
	struct tvm_config cfg;
	bool mplane;
};

FIXTURE_VARIANT_ADD(hostile, split) { .cfg = { .event_idx = true } };
FIXTURE_VARIANT_ADD(hostile, packed_mplane)
	{ .cfg = { .packed = true, .event_idx = true }, .mplane = true };

FIXTURE_SETUP(hostile)
{
	const struct tvm_media_options options = { .cfg = variant->cfg };

	tvm_video_driver("vicodec", variant->mplane ? "multiplanar=1" : "multiplanar=0");
	tvm_video_find("stateful-encoder", self->path);
	tvm_media_create(&self->media, self->path, &options);
	ASSERT_EQ(tvm_video_open_guest(&self->video, &self->media), 0);
}

FIXTURE_TEARDOWN(hostile)
{
	tvm_media_destroy(&self->media);
}

static int64_t stat(struct hostile_fixture *self, const char *name)
{
	return tvm_media_stat(&self->media, TVM_MEDIA_COMMANDS, name);
}

/* Whatever came before, it goes on working. */
static void expect_works(struct hostile_fixture *self)
{
	struct tvm_codec codec = {
		.pixels = V4L2_PIX_FMT_GREY, .width = 640, .height = 360, .frames = 2,
	};
	struct tvm_video video;

	ASSERT_EQ(tvm_video_open_guest(&video, &self->media), 0);
	tvm_codec_run(&codec, &video);
	EXPECT_EQ(codec.output.frames, 2U);
	tvm_codec_free(&codec);
	tvm_video_close(&video);
}

/* A command of words, and the status in a response of @room bytes. */
static int words(struct hostile_fixture *self, const uint32_t *command, unsigned int nr,
		 uint32_t room, uint32_t *written)
{
	uint32_t response[1024];

	return tvm_media_command(&self->media, command, nr * sizeof(*command), response, room,
				 written);
}

TEST_F(hostile, short_commands)
{
	uint32_t session = self->video.session, written;
	const uint32_t command[5] = { 0, 0, session, TVM_MEDIA_RW, 0 };
	uint32_t sent[5];
	unsigned int kind, len;

	for (kind = TVM_MEDIA_OPEN; kind <= TVM_MEDIA_MUNMAP; kind++) {
		memcpy(sent, command, sizeof(sent));
		sent[0] = kind;
		for (len = 0; len < (kind == TVM_MEDIA_OPEN ? 2 : kind == TVM_MEDIA_MMAP ? 5 :
				     4); len++) {
			/* There is no response to a close. */
			if (kind == TVM_MEDIA_CLOSE && len >= 2)
				continue;
			EXPECT_EQ(words(self, sent, len, 8, &written), -EINVAL);
			EXPECT_EQ(written, 8U);
		}
	}
	EXPECT_EQ(stat(self, "malformed"), 10);
	EXPECT_EQ(stat(self, "refused"), 10 + 2 + 3 + 2);
	expect_works(self);
}

TEST_F(hostile, no_room_for_an_answer)
{
	uint32_t session = self->video.session, written, room;
	const uint32_t open[2] = { TVM_MEDIA_OPEN };
	const uint32_t format[4 + sizeof(struct v4l2_format) / 4] = {
		TVM_MEDIA_IOCTL, 0, session, _IOC_NR(VIDIOC_G_FMT),
		tvm_video_type(&self->video, true),
	};
	const uint32_t map[5] = { TVM_MEDIA_MMAP, 0, session };
	int64_t opens = stat(self, "opens"), ioctls = stat(self, "ioctls");

	for (room = 0; room < 8; room++) {
		words(self, open, 2, room, &written);
		EXPECT_EQ(written, 0U);
		words(self, format, sizeof(format) / 4, room, &written);
		EXPECT_EQ(written, 0U);
		words(self, map, 5, room, &written);
		EXPECT_EQ(written, 0U);
	}
	EXPECT_EQ(stat(self, "malformed"), 24);
	/* Nothing is done of which the answer could not be given. */
	EXPECT_EQ(words(self, open, 2, 15, &written), -EINVAL);
	EXPECT_EQ(written, 8U);
	EXPECT_EQ(words(self, format, sizeof(format) / 4, 8 + sizeof(struct v4l2_format) - 1,
			&written), -EINVAL);
	EXPECT_EQ(written, 8U);
	EXPECT_EQ(words(self, map, 5, 23, &written), -EINVAL);
	EXPECT_EQ(stat(self, "opens"), opens);
	EXPECT_EQ(stat(self, "ioctls"), ioctls);
	expect_works(self);
}

/* A command in pieces of a few bytes each is one like any other. */
TEST_F(hostile, many_pieces)
{
	const uint32_t command[4] = {
		TVM_MEDIA_IOCTL, 0, self->video.session, _IOC_NR(VIDIOC_G_FMT),
	};
	uint32_t room = 8 + sizeof(struct v4l2_format), size = 8 + room;
	uint32_t at, written;
	struct v4l2_format expected = { .type = tvm_video_type(&self->video, true) }, got;
	uint64_t area = self->media.area;
	struct tvm_seg segs[64];
	unsigned int nr, out;

	ASSERT_EQ(tvm_video_ioctl(&self->video, VIDIOC_G_FMT, &expected), 0);
	tvm_mem_write(&self->media.mem, area, command, sizeof(command));
	got = (struct v4l2_format){ .type = expected.type };
	tvm_mem_write(&self->media.mem, area + sizeof(command), &got, sizeof(got));
	for (nr = 0, at = 0; at < size; at += segs[nr++].len)
		segs[nr] = (struct tvm_seg){ area + at, size - at < 11 ? size - at : 11 };
	for (out = nr, at = 0; at < room; at += segs[nr++].len)
		segs[nr] = (struct tvm_seg){ area + 4096 + at, room - at < 7 ? room - at : 7 };
	ASSERT_EQ(tvm_media_raw(&self->media, segs, out, nr - out, &written), 0);
	EXPECT_EQ(written, room);
	tvm_mem_read(&self->media.mem, area + 4096 + 8, &got, sizeof(got));
	EXPECT_EQ(memcmp(&got, &expected, sizeof(got)), 0);
}

/* Where there is no memory nothing can be read, nor answered. */
TEST_F(hostile, outside_of_memory)
{
	uint64_t area = self->media.area, end = tvm_mem_end(&self->media.mem);
	const uint32_t command[2] = { TVM_MEDIA_OPEN };
	struct tvm_seg read[2] = { { end, 16 }, { area + 64, 24 } };
	struct tvm_seg write[2] = { { area, 8 }, { end - 4, 24 } };
	uint32_t written, status;

	ASSERT_EQ(tvm_media_raw(&self->media, read, 1, 1, &written), 0);
	EXPECT_EQ(written, TVM_MEDIA_HEADER);
	tvm_mem_read(&self->media.mem, area + 64, &status, sizeof(status));
	EXPECT_EQ(status, (uint32_t)EINVAL);
	tvm_mem_write(&self->media.mem, area, command, sizeof(command));
	ASSERT_EQ(tvm_media_raw(&self->media, write, 1, 1, &written), 0);
	EXPECT_EQ(written, 0U);
	EXPECT_EQ(stat(self, "malformed"), 2);
	expect_works(self);
}

TEST_F(hostile, unknown_commands)
{
	static const uint32_t kinds[] = { 0, 6, 7, 255, 256, 0x80000001, 0xffffffff };
	uint32_t command[8] = { 0 }, written;
	unsigned int i;

	for (i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		command[0] = kinds[i];
		command[2] = self->video.session;
		EXPECT_EQ(words(self, command, 8, 64, &written), -ENOTTY);
		EXPECT_EQ(written, 8U);
	}
	EXPECT_EQ(stat(self, "refused"), i);
	expect_works(self);
}

TEST_F(hostile, unknown_sessions)
{
	struct v4l2_format format = { .type = tvm_video_type(&self->video, true) };
	uint32_t sessions[] = { 0, 0, 0, 0x7fffffff, 0x80000000, 0xffffffff };
	uint32_t closed, gone = self->video.session + 100;
	uint64_t addr, len;
	unsigned int i;

	ASSERT_EQ(tvm_media_open(&self->media, &closed), 0);
	EXPECT_NE(closed, self->video.session);
	ASSERT_EQ(tvm_media_close(&self->media, closed), 0);
	sessions[1] = closed;
	sessions[2] = gone;
	for (i = 0; i < sizeof(sessions) / sizeof(sessions[0]); i++) {
		EXPECT_EQ(tvm_media_ioctl(&self->media, sessions[i], VIDIOC_G_FMT, &format),
			  -EBADF);
		EXPECT_EQ(tvm_media_map(&self->media, sessions[i], 0, 0, &addr, &len),
			  -EBADF);
		EXPECT_EQ(tvm_media_close(&self->media, sessions[i]), 0);
	}
	EXPECT_EQ(stat(self, "closes"), 1);
	EXPECT_EQ(tvm_video_ioctl(&self->video, VIDIOC_G_FMT, &format), 0);
	expect_works(self);
}

/* One that was closed is not soon the number of another one. */
TEST_F(hostile, numbers_of_sessions)
{
	uint32_t seen[40];
	unsigned int i, j;

	for (i = 0; i < 40; i++) {
		ASSERT_EQ(tvm_media_open(&self->media, &seen[i]), 0);
		EXPECT_NE(seen[i], self->video.session);
		for (j = 0; j < i; j++)
			EXPECT_NE(seen[i], seen[j]);
		ASSERT_EQ(tvm_media_close(&self->media, seen[i]), 0);
	}
	for (i = 1; i < 32; i++)
		ASSERT_EQ(tvm_media_open(&self->media, &seen[i]), 0);
	EXPECT_EQ(tvm_media_open(&self->media, &seen[0]), -EMFILE);
	ASSERT_EQ(tvm_media_close(&self->media, seen[1]), 0);
	EXPECT_EQ(tvm_media_open(&self->media, &seen[0]), 0);
}

TEST_F(hostile, numbers_of_ioctls)
{
	/* What the specification leaves out, what only the host may do, what is none. */
	static const uint32_t none[] = {
		_IOC_NR(VIDIOC_QUERYCAP), _IOC_NR(VIDIOC_DQBUF), _IOC_NR(VIDIOC_DQEVENT),
		_IOC_NR(VIDIOC_G_JPEGCOMP), _IOC_NR(VIDIOC_S_JPEGCOMP),
		_IOC_NR(VIDIOC_LOG_STATUS), _IOC_NR(VIDIOC_EXPBUF), _IOC_NR(VIDIOC_G_FBUF),
		_IOC_NR(VIDIOC_S_FBUF), _IOC_NR(VIDIOC_OVERLAY),
		_IOC_NR(VIDIOC_DBG_G_REGISTER), _IOC_NR(VIDIOC_DBG_S_REGISTER),
		_IOC_NR(VIDIOC_DBG_G_CHIP_INFO), 1, 3, 105, 127, 191, 192, 255, 256, 1000,
		0x7fffffff, 0x80000000, 0xffffffff, 0xc0d05604,
	};
	uint32_t command[512] = { TVM_MEDIA_IOCTL, 0, self->video.session }, written;
	unsigned int i;

	for (i = 0; i < sizeof(none) / sizeof(none[0]); i++) {
		command[3] = none[i];
		EXPECT_MSG(words(self, command, 512, 2048, &written) == -ENOTTY, "ioctl %u",
			   none[i]);
		EXPECT_EQ(written, 8U);
	}
	EXPECT_EQ(stat(self, "ioctls"), 0);
	EXPECT_EQ(stat(self, "refused"), i);
	expect_works(self);
}

static void buffer_words(uint32_t *command, uint32_t session, unsigned long cmd,
			 const struct v4l2_buffer *buffer)
{
	const uint32_t header[4] = { TVM_MEDIA_IOCTL, 0, session, _IOC_NR(cmd) };

	memcpy(command, header, sizeof(header));
	memcpy(command + 4, buffer, sizeof(*buffer));
}

TEST_F(hostile, counts_of_planes)
{
	static const uint32_t counts[] = { 9, 10, 255, 0x04000000, 0x80000000, 0xffffffff };
	struct v4l2_buffer buffer = { .type = V4L2_BUF_TYPE_VIDEO_OUTPUT_MPLANE };
	uint32_t command[1000] = { 0 }, written;
	unsigned int i;

	/* Addresses of the guest's are never addresses of ours. */
	buffer.m.userptr = 0xffff888000000000UL;
	for (i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
		buffer.length = counts[i];
		buffer_words(command, self->video.session, VIDIOC_QUERYBUF, &buffer);
		EXPECT_EQ(words(self, command, 1000, 4000, &written), -EINVAL);
		buffer_words(command, self->video.session, VIDIOC_QBUF, &buffer);
		EXPECT_EQ(words(self, command, 1000, 4000, &written), -EINVAL);
	}
	/* Planes that were announced and are not there. */
	buffer.length = 8;
	buffer_words(command, self->video.session, VIDIOC_QUERYBUF, &buffer);
	EXPECT_EQ(words(self, command, 4 + sizeof(buffer) / 4 + 20, 4000, &written), -EINVAL);
	EXPECT_EQ(words(self, command, 1000, 8 + sizeof(buffer) + 64, &written), -EINVAL);
	EXPECT_EQ(stat(self, "ioctls"), 0);
	expect_works(self);
}

TEST_F(hostile, other_kinds_of_memory)
{
	static const uint32_t kinds[] = {
		V4L2_MEMORY_OVERLAY, V4L2_MEMORY_DMABUF, 0, 5, 0xffffffff,
	};
	struct v4l2_plane planes[VIDEO_MAX_PLANES] = { 0 };
	struct v4l2_requestbuffers request;
	struct v4l2_create_buffers create;
	struct v4l2_buffer buffer;
	unsigned int i;

	for (i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		request = (struct v4l2_requestbuffers){
			.count = 1, .type = tvm_video_type(&self->video, true),
			.memory = kinds[i],
		};
		EXPECT_EQ(tvm_video_ioctl(&self->video, VIDIOC_REQBUFS, &request), -EINVAL);
		create = (struct v4l2_create_buffers){ .count = 1, .memory = kinds[i] };
		create.format.type = request.type;
		EXPECT_EQ(tvm_video_ioctl(&self->video, VIDIOC_CREATE_BUFS, &create),
			  -EINVAL);
		buffer = (struct v4l2_buffer){
			.type = request.type, .memory = kinds[i], .length = 4096,
		};
		buffer.m.userptr = (uintptr_t)&self->media;
		if (self->video.mplane) {
			buffer.length = 1;
			buffer.m.planes = planes;
			planes[0].m.userptr = (uintptr_t)&self->media;
		}
		EXPECT_EQ(tvm_video_ioctl(&self->video, VIDIOC_QBUF, &buffer), -EINVAL);
		EXPECT_EQ(tvm_video_ioctl(&self->video, VIDIOC_PREPARE_BUF, &buffer),
			  -EINVAL);
	}
	expect_works(self);
}

struct controls {
	uint32_t header[4];
	struct v4l2_ext_controls controls;
	struct v4l2_ext_control list[2];
	uint64_t sg[8][2];
};

static int controls(struct hostile_fixture *self, const struct controls *sent, uint32_t size)
{
	uint32_t response[2048];

	return tvm_media_command(&self->media, sent, size, response, sizeof(response), NULL);
}

TEST_F(hostile, counts_of_controls)
{
	static const uint32_t counts[] = { 1025, 0x10000000, 0x80000000, 0xffffffff };
	struct controls sent = {
		.header = { TVM_MEDIA_IOCTL, 0, self->video.session,
			    _IOC_NR(VIDIOC_G_EXT_CTRLS) },
		.controls = { .controls = (void *)0xffff888000000000UL },
	};
	unsigned int i;

	for (i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
		sent.controls.count = counts[i];
		EXPECT_EQ(controls(self, &sent, sizeof(sent)), -EINVAL);
	}
	/* Many that were announced and are not there. */
	sent.controls.count = 1024;
	EXPECT_EQ(controls(self, &sent, sizeof(sent)), -EINVAL);
	sent.controls.count = 1;
	sent.controls.which = V4L2_CTRL_WHICH_REQUEST_VAL;
	EXPECT_EQ(controls(self, &sent, offsetof(struct controls, list[1])), -EINVAL);
	EXPECT_EQ(stat(self, "ioctls"), 0);
	expect_works(self);
}

/* One of vivid's own, a matrix of 256 bytes. */
#define VIVID_MATRIX	((V4L2_CID_USER_BASE | 0xf000) + 9)

/* A matrix of @size bytes, which are in these pieces: what becomes of the call. */
static int pieces(struct hostile_fixture *self, uint32_t size, unsigned int nr,
		  const uint64_t (*list)[2])
{
	struct controls sent = {
		.header = { TVM_MEDIA_IOCTL, 0, self->video.session,
			    _IOC_NR(VIDIOC_S_EXT_CTRLS) },
		.controls = { .count = 1 },
		.list = { { .id = VIVID_MATRIX, .size = size } },
	};
	size_t at = offsetof(struct controls, list[1]);
	char raw[sizeof(sent)];

	memcpy(raw, &sent, at);
	if (nr)
		memcpy(raw + at, list, nr * sizeof(*list));
	return controls(self, (void *)raw, at + nr * sizeof(*list));
}

#define PIECES(self, size, ...) ({						\
		const uint64_t list[][2] = { __VA_ARGS__ };			\
										\
		pieces(self, size, sizeof(list) / sizeof(list[0]), list);	\
	})

/* Lists of pieces that end early, are empty, overlap, or are nowhere. */
TEST_F(hostile, pieces_of_controls)
{
	const struct tvm_media_options options = { .cfg = variant->cfg };
	uint64_t data, end;
	char path[TVM_VIDEO_PATH];

	tvm_video_driver("vivid", TVM_VIDEO_VIVID);
	tvm_video_find("vivid-000-vid-cap", path);
	tvm_media_destroy(&self->media);
	tvm_media_create(&self->media, path, &options);
	ASSERT_EQ(tvm_video_open_guest(&self->video, &self->media), 0);
	data = self->media.data;
	end = tvm_mem_end(&self->media.mem);
	tvm_mem_fill(&self->media.mem, data, 0x18, 8192);

	EXPECT_EQ(pieces(self, 256, 0, NULL), -EINVAL);
	EXPECT_EQ(PIECES(self, 256, { data, 255 }), -EINVAL);
	EXPECT_EQ(PIECES(self, 256, { data, 100 }, { data + 100, 155 }), -EINVAL);
	EXPECT_EQ(PIECES(self, 256, { data, 0 }, { data, 256 }), -EINVAL);
	EXPECT_EQ(PIECES(self, 256, { end, 256 }), -EFAULT);
	EXPECT_EQ(PIECES(self, 256, { end - 100, 256 }), -EFAULT);
	EXPECT_EQ(PIECES(self, 256, { 0xffffffffffffff00, 256 }), -EFAULT);
	EXPECT_EQ(PIECES(self, 256, { 0xffffffff81000000, 256 }), -EFAULT);
	EXPECT_EQ(PIECES(self, 256, { 0xffff888000000000, 256 }), -EFAULT);
	EXPECT_EQ(PIECES(self, 0xffffffff, { data, 0xffffffff }), -ENOMEM);
	EXPECT_EQ(PIECES(self, 200 << 10, { data, 60 << 10 }, { data, 60 << 10 },
			 { data, 60 << 10 }, { data, 20 << 10 }), -ENOMEM);
	EXPECT_EQ(stat(self, "ioctls"), 0);
	/* These overlap, each other and the command, and are the driver's own loss. */
	EXPECT_EQ(PIECES(self, 256, { data, 128 }, { data + 1, 128 }), 0);
	EXPECT_EQ(PIECES(self, 256, { self->media.area, 256 }), 0);
	EXPECT_EQ(PIECES(self, 256, { data, 1 }, { data, 1 }, { data + 2, 4000 }), 0);
	EXPECT_EQ(stat(self, "ioctls"), 3);
}

/* A number is not taken for an address, nor an address for a number. */
TEST_F(hostile, numbers_as_controls)
{
	struct v4l2_ext_control control = { .id = V4L2_CID_MPEG_VIDEO_GOP_SIZE, .value64 = 3 };
	struct v4l2_ext_controls list = { .count = 1, .controls = &control };
	struct controls sent = {
		.header = { TVM_MEDIA_IOCTL, 0, self->video.session,
			    _IOC_NR(VIDIOC_S_EXT_CTRLS) },
		.controls = { .count = 1 },
		.list = { { .id = control.id, .size = 8, .value64 = 5 } },
	};
	const uint64_t piece[2] = { self->media.data, 8 };
	size_t at = offsetof(struct controls, list[1]);
	char raw[sizeof(sent)];

	ASSERT_EQ(tvm_video_ioctl(&self->video, VIDIOC_S_EXT_CTRLS, &list), 0);
	memcpy(raw, &sent, at);
	memcpy(raw + at, piece, sizeof(piece));
	EXPECT_EQ(controls(self, (void *)raw, at + sizeof(piece)), 0);
	ASSERT_EQ(tvm_video_ioctl(&self->video, VIDIOC_G_EXT_CTRLS, &list), 0);
	EXPECT_EQ(control.value, 5);
}

TEST_F(hostile, mappings)
{
	struct tvm_video other;
	struct tvm_video_queue queue, theirs;
	uint64_t addr, len, at;
	uint32_t written;
	const uint32_t flags[5] = { TVM_MEDIA_MMAP, 0, self->video.session, 2, 0 };
	unsigned int i;

	/* Nothing there is to be mapped. */
	EXPECT_EQ(tvm_media_map(&self->media, self->video.session, 0, 0, &addr, &len),
		  -EINVAL);
	tvm_video_buffers(&self->video, &queue, true, 2);
	EXPECT_EQ(tvm_media_map(&self->media, self->video.session, 0, 1, &addr, &len),
		  -EINVAL);
	EXPECT_EQ(tvm_media_map(&self->media, self->video.session, 0, TVM_PAGE, &addr, &len),
		  -EINVAL);
	EXPECT_EQ(tvm_media_map(&self->media, self->video.session, 0, 0xfffff000, &addr, &len),
		  -EINVAL);
	EXPECT_EQ(words(self, flags, 5, 24, &written), -EINVAL);

	/* Another session's buffers have the same offsets, and are not the same. */
	ASSERT_EQ(tvm_video_open_guest(&other, &self->media), 0);
	EXPECT_EQ(tvm_media_map(&self->media, other.session, 0, 0, &addr, &len), -EINVAL);
	tvm_video_buffers(&other, &theirs, true, 2);
	for (i = 0; i < 2; i++) {
		EXPECT_NE(theirs.buffers[i][0].at, queue.buffers[0][0].at);
		EXPECT_NE(theirs.buffers[i][0].at, queue.buffers[1][0].at);
		memset(queue.buffers[i][0].addr, 0x11 + i, queue.buffers[i][0].len);
		memset(theirs.buffers[i][0].addr, 0x22 + i, theirs.buffers[i][0].len);
	}
	for (i = 0; i < 2; i++) {
		EXPECT_EQ(*(uint8_t *)queue.buffers[i][0].addr, 0x11 + i);
		EXPECT_EQ(*(uint8_t *)theirs.buffers[i][0].addr, 0x22 + i);
	}

	/* The same buffer again is at the same place, and counted. */
	at = queue.buffers[0][0].at;
	for (i = 0; i < 3; i++) {
		ASSERT_EQ(tvm_media_map(&self->media, self->video.session, TVM_MEDIA_RW, 0,
					&addr, &len), 0);
		EXPECT_EQ(addr, at);
		EXPECT_EQ(len, (uint64_t)queue.buffers[0][0].len);
	}
	for (i = 0; i < 3; i++) {
		EXPECT_EQ(tvm_media_unmap(&self->media, at), 0);
		EXPECT_EQ(*(uint8_t *)queue.buffers[0][0].addr, 0x11);
	}
	/* Only what is mapped, and from where it starts. */
	EXPECT_EQ(tvm_media_unmap(&self->media, at + TVM_PAGE), -EINVAL);
	EXPECT_EQ(tvm_media_unmap(&self->media, at + 1), -EINVAL);
	EXPECT_EQ(tvm_media_unmap(&self->media, self->media.window_size), -EINVAL);
	EXPECT_EQ(tvm_media_unmap(&self->media, ~0ULL), -EINVAL);
	EXPECT_EQ(tvm_media_unmap(&self->media, (uintptr_t)self->media.window), -EINVAL);
	EXPECT_EQ(tvm_media_unmap(&self->media, at), 0);
	EXPECT_EQ(tvm_media_unmap(&self->media, at), -EINVAL);
	EXPECT_EQ(tvm_video_mappings(getpid()), 3U);

	/* What is mapped outlives its session. */
	tvm_video_close(&other);
	for (i = 0; i < 2; i++) {
		EXPECT_EQ(*(uint8_t *)theirs.buffers[i][0].addr, 0x22 + i);
		EXPECT_EQ(tvm_media_unmap(&self->media, theirs.buffers[i][0].at), 0);
		EXPECT_EQ(tvm_media_unmap(&self->media, theirs.buffers[i][0].at), -EINVAL);
	}
	EXPECT_EQ(tvm_video_mappings(getpid()), 1U);
	EXPECT_EQ(tvm_media_unmap(&self->media, queue.buffers[1][0].at), 0);
	EXPECT_EQ(tvm_video_mappings(getpid()), 0U);
	expect_works(self);
}

TEST_F(hostile, short_event_buffers)
{
	struct tvm_media_options options = { .cfg = variant->cfg, .no_buffers = true };
	struct tvm_codec codec = {
		.pixels = V4L2_PIX_FMT_GREY, .width = 640, .height = 360, .frames = 1,
	};
	struct tvm_queue *vq = &self->media.vqs[TVM_MEDIA_EVENTS];
	struct tvm_used used;
	struct tvm_seg segs[3];
	unsigned int i;

	tvm_media_destroy(&self->media);
	tvm_media_create(&self->media, self->path, &options);
	for (i = 0; i < 3; i++)
		segs[i] = (struct tvm_seg){ self->media.buffers[i], TVM_MEDIA_EVENT_BYTES - 1 };
	/* Too short, nothing at all to write to, and in pieces. */
	ASSERT_GE(tvm_queue_add(vq, segs, 0, 1, NULL, 0), 0);
	ASSERT_GE(tvm_queue_add(vq, segs + 1, 1, 0, NULL, 0), 0);
	tvm_queue_kick(vq);
	for (i = 0; i < 3; i++)
		segs[i].len = 203;
	ASSERT_GE(tvm_queue_add(vq, segs, 0, 3, &self->media, TVM_ADD_INDIRECT), 0);
	tvm_queue_kick(vq);
	ASSERT_EQ(tvm_video_open_guest(&self->video, &self->media), 0);
	tvm_codec_begin(&codec, &self->video);
	do {
		ASSERT_EQ(tvm_queue_wait(vq, &used, harness_scaled(TVM_MEDIA_WAIT_MS)), 0);
		EXPECT_EQ(used.len, used.cookie ? TVM_MEDIA_EVENT_BYTES : 0U);
	} while (!used.cookie);
	tvm_codec_free(&codec);
	EXPECT_EQ(tvm_media_stat(&self->media, TVM_MEDIA_EVENTS, "malformed"), 2);
}

HARNESS_MAIN
