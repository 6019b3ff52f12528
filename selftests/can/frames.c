// SPDX-License-Identifier: GPL-2.0-only
/*
 * CAN: every kind of frame both ways, and everything that is no frame
 */
#include <endian.h>
#include <unistd.h>

#include "tvm_can.h"
#include "tvm_rig.h"

FIXTURE(frames) {
	struct tvm_can_bus bus;
	struct tvm_can can;
	int host;
};

FIXTURE_VARIANT(frames) {
	struct tvm_config cfg;
};

TVM_RIG_FORMATS(frames);

FIXTURE_SETUP(frames)
{
	struct tvm_can_options options = { .cfg = variant->cfg };

	tvm_can_bus_create(&self->bus, false);
	tvm_can_create(&self->can, self->bus.name, &options);
	self->host = tvm_can_socket(self->bus.name);
}

FIXTURE_TEARDOWN(frames)
{
	tvm_can_destroy(&self->can);
	tvm_can_bus_destroy(&self->bus);
}

static const uint16_t classic_lengths[] = { 0, 1, 2, 3, 4, 5, 6, 7, 8 };
static const uint16_t fd_lengths[] = {
	0, 1, 2, 3, 4, 5, 6, 7, 8, 12, 16, 20, 24, 32, 48, 64,
};

/* Calls @fn for every kind of frame. */
static void every_frame(struct frames_fixture *self,
			void (*fn)(struct frames_fixture *self, const struct tvm_can_frame *frame))
{
	static const struct {
		uint32_t flags, id;
	} kinds[] = {
		{ 0, 0 }, { 0, 0x123 }, { 0, 0x7ff }, { TVM_CAN_EXTENDED, 0 },
		{ TVM_CAN_EXTENDED, 0x7ff }, { TVM_CAN_EXTENDED, 0x1fffffff },
	};
	struct tvm_can_frame frame;
	unsigned int k, l;

	for (k = 0; k < sizeof(kinds) / sizeof(kinds[0]); k++) {
		for (l = 0; l < sizeof(classic_lengths) / sizeof(classic_lengths[0]); l++) {
			tvm_can_frame_fill(&frame, kinds[k].id, kinds[k].flags,
					   classic_lengths[l], k * 1000003 + l);
			fn(self, &frame);
			tvm_can_frame_fill(&frame, kinds[k].id, kinds[k].flags | TVM_CAN_RTR,
					   classic_lengths[l], 0);
			fn(self, &frame);
		}
		for (l = 0; l < sizeof(fd_lengths) / sizeof(fd_lengths[0]); l++) {
			tvm_can_frame_fill(&frame, kinds[k].id, kinds[k].flags | TVM_CAN_FD,
					   fd_lengths[l], k * 1000033 + l);
			fn(self, &frame);
		}
	}
}

static void to_bus(struct frames_fixture *self, const struct tvm_can_frame *frame)
{
	struct tvm_can_frame seen;

	ASSERT_EQ(tvm_can_send(&self->can, frame), TVM_CAN_OK);
	ASSERT_EQ(tvm_can_host_receive(self->host, &seen, harness_scaled(5000)), 0);
	EXPECT_MSG(tvm_can_frame_equal(frame, &seen), "id %#x flags %#x len %u", frame->id,
		   frame->flags, frame->len);
}

static void from_bus(struct frames_fixture *self, const struct tvm_can_frame *frame)
{
	struct tvm_can_frame seen;

	ASSERT_EQ(tvm_can_host_send(self->host, frame), 0);
	ASSERT_EQ(tvm_can_receive(&self->can, &seen, harness_scaled(5000)), 0);
	EXPECT_MSG(tvm_can_frame_equal(frame, &seen), "id %#x flags %#x len %u", frame->id,
		   frame->flags, frame->len);
}

TEST_F(frames, to_bus)
{
	every_frame(self, to_bus);
}

TEST_F(frames, from_bus)
{
	every_frame(self, from_bus);
}

/* A guest does not receive what it sends, and everybody else does. */
TEST_F(frames, own_frames)
{
	struct tvm_can_frame frame, seen;
	struct tvm_used used;

	tvm_can_frame_fill(&frame, 0x123, 0, 8, 1);
	ASSERT_EQ(tvm_can_send(&self->can, &frame), TVM_CAN_OK);
	ASSERT_EQ(tvm_can_host_receive(self->host, &seen, harness_scaled(5000)), 0);
	EXPECT_EQ(tvm_queue_wait(&self->can.vqs[TVM_CAN_RX], &used, 200), -ETIMEDOUT);
	tvm_can_frame_fill(&frame, 0x124, 0, 8, 2);
	ASSERT_EQ(tvm_can_host_send(self->host, &frame), 0);
	ASSERT_EQ(tvm_can_receive(&self->can, &seen, harness_scaled(5000)), 0);
	EXPECT_TRUE(tvm_can_frame_equal(&frame, &seen));
	EXPECT_EQ(tvm_can_stat(&self->can, "tx_frames"), 1);
	EXPECT_EQ(tvm_can_stat(&self->can, "rx_frames"), 1);
}

static int send_message(struct frames_fixture *self, uint16_t type, uint16_t len, uint32_t flags,
			uint32_t id, unsigned int bytes)
{
	struct tvm_can_frame frame = { .id = id, .flags = flags, .len = len };
	uint8_t message[TVM_CAN_HEADER + 2 * TVM_CAN_DATA] = { 0 };

	tvm_can_frame_header(&frame, message);
	message[0] = type;
	message[1] = type >> 8;
	return tvm_can_send_raw(&self->can, message, bytes);
}

TEST_F(frames, no_frames)
{
	unsigned int bytes, rejected = 0;
	uint32_t bit;
	int len;

	/* Types, and flags that mean nothing. */
	EXPECT_EQ(send_message(self, 0, 8, 0, 1, 24), TVM_CAN_NOT_OK);
	EXPECT_EQ(send_message(self, TVM_CAN_RX_TYPE, 8, 0, 1, 24), TVM_CAN_NOT_OK);
	EXPECT_EQ(send_message(self, 0x0100, 8, 0, 1, 24), TVM_CAN_NOT_OK);
	rejected += 3;
	for (bit = 1; bit; bit <<= 1) {
		if (bit & (TVM_CAN_EXTENDED | TVM_CAN_FD | TVM_CAN_RTR))
			continue;
		EXPECT_EQ(send_message(self, 1, 8, bit, 1, 24), TVM_CAN_NOT_OK);
		rejected++;
	}
	EXPECT_EQ(send_message(self, 1, 8, TVM_CAN_RTR | TVM_CAN_FD, 1, 24), TVM_CAN_NOT_OK);
	/* Identifiers. */
	EXPECT_EQ(send_message(self, 1, 8, 0, 0x800, 24), TVM_CAN_NOT_OK);
	EXPECT_EQ(send_message(self, 1, 8, TVM_CAN_EXTENDED, 0x20000000, 24), TVM_CAN_NOT_OK);
	EXPECT_EQ(send_message(self, 1, 8, TVM_CAN_EXTENDED, 0x80000001, 24), TVM_CAN_NOT_OK);
	rejected += 4;
	/* Lengths that are none, and more than there is. */
	for (len = 9; len < 70; len++, rejected++)
		EXPECT_EQ(send_message(self, 1, len, 0, 1, 144), TVM_CAN_NOT_OK);
	for (len = 65; len < 66000; len += 997, rejected++)
		EXPECT_EQ(send_message(self, 1, len, TVM_CAN_FD, 1, 144), TVM_CAN_NOT_OK);
	EXPECT_EQ(send_message(self, 1, 13, TVM_CAN_FD, 1, 144), TVM_CAN_NOT_OK);
	rejected++;
	for (bytes = 1; bytes < 24; bytes++, rejected++)
		EXPECT_EQ(send_message(self, 1, 8, 0, 1, bytes), TVM_CAN_NOT_OK);
	EXPECT_TRUE(tvm_can_host_silent(self->host, 200));
	EXPECT_EQ(tvm_can_stat(&self->can, "tx_rejected"), rejected);
	EXPECT_EQ(tvm_can_stat(&self->can, "tx_frames"), 0);
	/* A remote frame needs no data, and more than a frame needs may follow it. */
	EXPECT_EQ(send_message(self, 1, 8, TVM_CAN_RTR, 1, 16), TVM_CAN_OK);
	EXPECT_EQ(send_message(self, 1, 8, 0, 1, 144), TVM_CAN_OK);
	EXPECT_FALSE(tvm_can_host_silent(self->host, harness_scaled(5000)));
}

/* Buffers cut anywhere, and those without a place for the result. */
TEST_F(frames, cut_buffers)
{
	struct tvm_queue *vq = &self->can.vqs[TVM_CAN_TX];
	struct tvm_can_frame frame, seen;
	struct tvm_seg segs[40];
	struct tvm_used used;
	uint64_t gpa = tvm_mem_alloc(&self->can.mem, 64, 8);
	uint8_t message[24];
	unsigned int i;

	tvm_can_frame_fill(&frame, 0x123, 0, 8, 42);
	tvm_can_frame_header(&frame, message);
	memcpy(message + 16, frame.data, 8);
	tvm_mem_write(&self->can.mem, gpa, message, sizeof(message));
	for (i = 0; i < 24; i++)
		segs[i] = (struct tvm_seg){ gpa + i, 1 };
	segs[24] = (struct tvm_seg){ gpa + 40, 0 };
	segs[25] = (struct tvm_seg){ gpa + 41, 3 };
	ASSERT_GE(tvm_queue_add(vq, segs, 24, 2, NULL, 0), 0);
	tvm_queue_kick(vq);
	ASSERT_EQ(tvm_queue_wait(vq, &used, harness_scaled(5000)), 0);
	tvm_mem_read(&self->can.mem, gpa + 41, message, 1);
	EXPECT_EQ(message[0], TVM_CAN_OK);
	ASSERT_EQ(tvm_can_host_receive(self->host, &seen, harness_scaled(5000)), 0);
	EXPECT_TRUE(tvm_can_frame_equal(&frame, &seen));

	ASSERT_GE(tvm_queue_add(vq, segs, 24, 0, NULL, 0), 0);
	tvm_queue_kick(vq);
	ASSERT_EQ(tvm_queue_wait(vq, &used, harness_scaled(5000)), 0);
	EXPECT_TRUE(!used.len_known || used.len == 0);
	EXPECT_TRUE(tvm_can_host_silent(self->host, 200));
	EXPECT_EQ(tvm_can_stat(&self->can, "malformed"), 1);
}

/* Outside of the guest's memory there is neither a frame nor a result. */
TEST_F(frames, outside_of_memory)
{
	struct tvm_queue *vq = &self->can.vqs[TVM_CAN_TX];
	uint64_t end = tvm_mem_end(&self->can.mem) + TVM_PAGE;
	uint64_t gpa = tvm_mem_alloc(&self->can.mem, 64, 8);
	struct tvm_seg segs[2] = { { end, 24 }, { gpa, 1 } };
	struct tvm_used used;
	uint8_t result;

	ASSERT_GE(tvm_queue_add(vq, segs, 1, 1, NULL, 0), 0);
	tvm_queue_kick(vq);
	ASSERT_EQ(tvm_queue_wait(vq, &used, harness_scaled(5000)), 0);
	tvm_mem_read(&self->can.mem, gpa, &result, 1);
	EXPECT_EQ(result, TVM_CAN_NOT_OK);
	segs[0] = (struct tvm_seg){ gpa + 8, 24 };
	segs[1] = (struct tvm_seg){ end, 1 };
	ASSERT_GE(tvm_queue_add(vq, segs, 1, 1, NULL, 0), 0);
	tvm_queue_kick(vq);
	ASSERT_EQ(tvm_queue_wait(vq, &used, harness_scaled(5000)), 0);
	EXPECT_TRUE(!used.len_known || used.len == 0);
	EXPECT_TRUE(tvm_can_host_silent(self->host, 200));
}

/* A frame that does not fit is dropped, its buffer stays for the next one. */
TEST_F(frames, small_buffers)
{
	struct tvm_can_frame frame, seen;
	struct tvm_can_options options = { .cfg = variant->cfg, .rx_len = 24 };

	tvm_can_destroy(&self->can);
	tvm_can_create(&self->can, self->bus.name, &options);
	tvm_can_frame_fill(&frame, 1, TVM_CAN_FD, 12, 1);
	ASSERT_EQ(tvm_can_host_send(self->host, &frame), 0);
	tvm_can_frame_fill(&frame, 2, TVM_CAN_FD, 8, 2);
	ASSERT_EQ(tvm_can_host_send(self->host, &frame), 0);
	ASSERT_EQ(tvm_can_receive(&self->can, &seen, harness_scaled(5000)), 0);
	EXPECT_TRUE(tvm_can_frame_equal(&frame, &seen));
	EXPECT_EQ(tvm_can_stat(&self->can, "rx_short"), 1);
	EXPECT_EQ(tvm_can_stat(&self->can, "rx_frames"), 1);
}

/* Buffers too small for a header come back empty, and no frame is lost to them. */
TEST_F(frames, tiny_buffers)
{
	struct tvm_can_options options = { .cfg = variant->cfg, .rx = -1 };
	struct tvm_queue *vq = &self->can.vqs[TVM_CAN_RX];
	struct tvm_can_frame frame, seen;
	struct tvm_used used;
	struct tvm_seg seg;

	tvm_can_destroy(&self->can);
	tvm_can_create(&self->can, self->bus.name, &options);
	seg = (struct tvm_seg){ tvm_mem_alloc(&self->can.mem, 64, 8), 15 };
	ASSERT_GE(tvm_queue_add(vq, &seg, 0, 1, NULL, 0), 0);
	tvm_queue_kick(vq);
	ASSERT_EQ(tvm_queue_wait(vq, &used, harness_scaled(5000)), 0);
	EXPECT_TRUE(!used.len_known || used.len == 0);
	tvm_can_frame_fill(&frame, 3, 0, 8, 3);
	ASSERT_EQ(tvm_can_host_send(self->host, &frame), 0);
	tvm_can_post(&self->can, 4);
	ASSERT_EQ(tvm_can_receive(&self->can, &seen, harness_scaled(5000)), 0);
	EXPECT_TRUE(tvm_can_frame_equal(&frame, &seen));
	EXPECT_EQ(tvm_can_stat(&self->can, "malformed"), 1);
}

/* What was not negotiated is neither sent nor received. */
TEST_F(frames, not_negotiated)
{
	struct tvm_can_options options = { .cfg = variant->cfg, .features = TVM_CAN_F_CLASSIC };
	struct tvm_can_frame classic, fd, remote, seen;

	tvm_can_destroy(&self->can);
	tvm_can_create(&self->can, self->bus.name, &options);
	tvm_can_frame_fill(&classic, 1, 0, 8, 1);
	tvm_can_frame_fill(&fd, 2, TVM_CAN_FD, 8, 2);
	tvm_can_frame_fill(&remote, 3, TVM_CAN_RTR, 8, 0);
	EXPECT_EQ(tvm_can_send(&self->can, &fd), TVM_CAN_NOT_OK);
	EXPECT_EQ(tvm_can_send(&self->can, &remote), TVM_CAN_NOT_OK);
	EXPECT_TRUE(tvm_can_host_silent(self->host, 100));
	EXPECT_EQ(tvm_can_send(&self->can, &classic), TVM_CAN_OK);
	ASSERT_EQ(tvm_can_host_receive(self->host, &seen, harness_scaled(5000)), 0);
	ASSERT_EQ(tvm_can_host_send(self->host, &fd), 0);
	ASSERT_EQ(tvm_can_host_send(self->host, &remote), 0);
	ASSERT_EQ(tvm_can_host_send(self->host, &classic), 0);
	ASSERT_EQ(tvm_can_receive(&self->can, &seen, harness_scaled(5000)), 0);
	EXPECT_TRUE(tvm_can_frame_equal(&classic, &seen));
	EXPECT_EQ(tvm_can_stat(&self->can, "rx_filtered"), 2);
}

/* A program of the host may write a remote frame of CAN FD. There is none. */
TEST_F(frames, remote_fd)
{
	struct canfd_frame cf = { .can_id = CAN_RTR_FLAG | 1, .len = 8 };
	struct tvm_can_frame frame, seen;

	ASSERT_EQ(write(self->host, &cf, CANFD_MTU), (ssize_t)CANFD_MTU);
	tvm_can_frame_fill(&frame, 2, TVM_CAN_FD, 8, 2);
	ASSERT_EQ(tvm_can_host_send(self->host, &frame), 0);
	ASSERT_EQ(tvm_can_receive(&self->can, &seen, harness_scaled(5000)), 0);
	EXPECT_TRUE(tvm_can_frame_equal(&frame, &seen));
	EXPECT_EQ(tvm_can_stat(&self->can, "rx_filtered"), 1);
}

/* The socket's own filters are what the guest receives. */
TEST_F(frames, filters)
{
	struct can_filter filter = { .can_id = 0x100, .can_mask = 0x700 };
	struct tvm_can_frame frame, seen;
	unsigned int id;

	ASSERT_EQ(setsockopt(self->can.socket, SOL_CAN_RAW, CAN_RAW_FILTER, &filter,
			     sizeof(filter)), 0);
	for (id = 0; id < 0x800; id += 0x40) {
		tvm_can_frame_fill(&frame, id, 0, 8, id);
		ASSERT_EQ(tvm_can_host_send(self->host, &frame), 0);
		if ((id & 0x700) != 0x100)
			continue;
		ASSERT_EQ(tvm_can_receive(&self->can, &seen, harness_scaled(5000)), 0);
		EXPECT_TRUE(tvm_can_frame_equal(&frame, &seen));
	}
	EXPECT_EQ(tvm_can_stat(&self->can, "rx_frames"), 4);
}

static int raw_flags(struct frames_fixture *self)
{
	struct canfd_frame cf;

	EXPECT_FALSE(tvm_can_host_silent(self->host, harness_scaled(5000)));
	EXPECT_EQ(read(self->host, &cf, sizeof(cf)), (ssize_t)CANFD_MTU);
	return cf.flags & CANFD_BRS;
}

TEST_F(frames, bit_rate_switch)
{
	struct vha_can_params params = { .flags = VHA_CAN_F_BRS };
	struct tvm_can_frame frame;

	tvm_can_frame_fill(&frame, 1, TVM_CAN_FD, 64, 1);
	ASSERT_EQ(tvm_can_send(&self->can, &frame), TVM_CAN_OK);
	EXPECT_EQ(raw_flags(self), 0);
	ASSERT_EQ(tvm_dev_ioctl(&self->can.dev, VHA_CAN_SET_PARAMS, &params), 0);
	ASSERT_EQ(tvm_can_send(&self->can, &frame), TVM_CAN_OK);
	EXPECT_EQ(raw_flags(self), CANFD_BRS);
}

HARNESS_MAIN
