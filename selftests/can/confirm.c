// SPDX-License-Identifier: GPL-2.0-only
/*
 * CAN: VIRTIO_CAN_F_LATE_TX_ACK. A frame is done when it was seen on the bus, and
 * a confirmation that is lost stops nobody.
 */
#include <unistd.h>

#include "tvm_can.h"
#include "tvm_rig.h"

#define FEATURES	(TVM_CAN_F_USUAL | TVM_CAN_F_LATE)
/* Descriptors: two for each frame. */
#define RING		512
/* For confirmations that come, however slow the machine, and for those that do not. */
#define PATIENT_MS	10000
#define IMPATIENT_MS	300

FIXTURE(confirm) {
	struct tvm_can_bus bus;
	struct tvm_can can;
	int host;
};

FIXTURE_VARIANT(confirm) {
	struct tvm_config cfg;
};

TVM_RIG_TWO_FORMATS(confirm);

FIXTURE_SETUP(confirm)
{
	const struct vha_can_params params = { .confirm_ms = PATIENT_MS };
	struct tvm_can_options options = {
		.cfg = variant->cfg, .features = FEATURES, .num = RING, .params = &params,
	};

	tvm_can_bus_create(&self->bus, false);
	tvm_can_create(&self->can, self->bus.name, &options);
	self->host = tvm_can_socket(self->bus.name);
}

FIXTURE_TEARDOWN(confirm)
{
	tvm_can_destroy(&self->can);
	tvm_can_bus_destroy(&self->bus);
}

static void set_confirm_ms(struct confirm_fixture *self, unsigned int ms)
{
	struct vha_can_params params = { .confirm_ms = ms };

	ASSERT_EQ(tvm_dev_ioctl(&self->can.dev, VHA_CAN_SET_PARAMS, &params), 0);
}

/* Confirmations come the way received frames do: what is filtered is lost. */
static void lose(struct confirm_fixture *self, bool lose)
{
	struct can_filter filter = { .can_id = 0x7ff, .can_mask = lose ? 0x7ff : 0 };

	set_confirm_ms(self, lose ? IMPATIENT_MS : PATIENT_MS);
	ASSERT_EQ(setsockopt(self->can.socket, SOL_CAN_RAW, CAN_RAW_FILTER, &filter,
			     sizeof(filter)), 0);
}

static void submit(struct confirm_fixture *self, unsigned int first, unsigned int nr)
{
	struct tvm_can_frame frame;
	unsigned int i;

	for (i = 0; i < nr; i++) {
		tvm_can_frame_fill(&frame, 0x100, 0, 8, first + i);
		ASSERT_EQ(tvm_can_submit(&self->can, &frame), 0);
	}
	tvm_queue_kick(&self->can.vqs[TVM_CAN_TX]);
}

/* They are on the bus. */
static void expect_seen(struct confirm_fixture *self, unsigned int nr)
{
	struct tvm_can_frame seen;
	unsigned int i;

	for (i = 0; i < nr; i++)
		ASSERT_EQ(tvm_can_host_receive(self->host, &seen, harness_scaled(5000)), 0);
}

static void expect_results(struct confirm_fixture *self, unsigned int nr, int result)
{
	unsigned int i;

	for (i = 0; i < nr; i++)
		ASSERT_EQ(tvm_can_result(&self->can, harness_scaled(5000)), result);
}

TEST_F(confirm, offered)
{
	struct tvm_can_options options = { .cfg = variant->cfg };
	uint64_t features[2];

	ASSERT_EQ(tvm_dev_features_get(&self->can.dev, features), 0);
	EXPECT_TRUE(features[0] & TVM_CAN_F_LATE);
	tvm_can_destroy(&self->can);
	tvm_can_create(&self->can, self->bus.name, &options);
	ASSERT_EQ(tvm_dev_features_get(&self->can.dev, features), 0);
	EXPECT_FALSE(features[0] & TVM_CAN_F_LATE);
}

/* What is not looped back is not confirmed either. */
TEST_F(confirm, not_offered_without_loopback)
{
	uint64_t features[2];
	struct tvm_dev dev;
	int fd = tvm_can_socket(self->bus.name);

	tvm_can_socket_option(fd, CAN_RAW_RECV_OWN_MSGS, 1);
	tvm_can_socket_option(fd, CAN_RAW_LOOPBACK, 0);
	ASSERT_EQ(tvm_dev_open(&dev, tvm_can_node()), 0);
	ASSERT_EQ(tvm_dev_ioctl(&dev, VHOST_SET_OWNER, NULL), 0);
	ASSERT_EQ(tvm_dev_backend_set(&dev, fd, 0), 0);
	ASSERT_EQ(tvm_dev_features_get(&dev, features), 0);
	EXPECT_FALSE(features[0] & TVM_CAN_F_LATE);
	tvm_dev_close(&dev);
	close(fd);
}

TEST_F(confirm, confirmed)
{
	struct tvm_can_frame frame, seen;
	struct tvm_used used;
	unsigned int i;

	for (i = 0; i < 20; i++) {
		submit(self, 50 * i, 50);
		expect_results(self, 50, TVM_CAN_OK);
	}
	EXPECT_EQ(tvm_can_stat(&self->can, "tx_confirmed"), 1000);
	EXPECT_EQ(tvm_can_stat(&self->can, "tx_unconfirmed"), 0);
	/* The guest does not receive its frames for all that. */
	EXPECT_EQ(tvm_queue_wait(&self->can.vqs[TVM_CAN_RX], &used, 100), -ETIMEDOUT);
	/* Equal frames are as many. */
	tvm_can_frame_fill(&frame, 0x55, 0, 8, 5);
	for (i = 0; i < 50; i++)
		ASSERT_EQ(tvm_can_submit(&self->can, &frame), 0);
	tvm_queue_kick(&self->can.vqs[TVM_CAN_TX]);
	expect_results(self, 50, TVM_CAN_OK);
	ASSERT_EQ(tvm_can_host_send(self->host, &frame), 0);
	ASSERT_EQ(tvm_can_receive(&self->can, &seen, harness_scaled(5000)), 0);
	EXPECT_TRUE(tvm_can_frame_equal(&frame, &seen));
}

/* Before the byte of the result there may be memory of no length. */
TEST_F(confirm, empty_segments)
{
	uint64_t gpa = tvm_mem_alloc(&self->can.mem, 64, 8);
	struct tvm_seg segs[3] = { { gpa, 24 }, { gpa + 40, 0 }, { gpa + 48, 2 } };
	struct tvm_queue *vq = &self->can.vqs[TVM_CAN_TX];
	struct tvm_can_frame frame;
	uint8_t message[24];
	struct tvm_used used;

	tvm_can_frame_fill(&frame, 0x123, 0, 8, 42);
	tvm_can_frame_header(&frame, message);
	memcpy(message + 16, frame.data, 8);
	tvm_mem_write(&self->can.mem, gpa, message, sizeof(message));
	tvm_mem_fill(&self->can.mem, gpa + 40, TVM_CAN_NO_RESULT, 24);
	ASSERT_GE(tvm_queue_add(vq, segs, 1, 2, NULL, 0), 0);
	tvm_queue_kick(vq);
	ASSERT_EQ(tvm_queue_wait(vq, &used, harness_scaled(5000)), 0);
	EXPECT_TRUE(!used.len_known || used.len == 1);
	tvm_mem_read(&self->can.mem, gpa + 40, message, sizeof(message));
	EXPECT_EQ(message[8], TVM_CAN_OK);
	EXPECT_EQ(message[0], TVM_CAN_NO_RESULT);
	EXPECT_EQ(message[9], TVM_CAN_NO_RESULT);
}

/* Of a frame that looks like ours but is somebody else's nothing is confirmed. */
TEST_F(confirm, forged)
{
	struct tvm_can_frame frame, seen;

	lose(self, true);
	submit(self, 1, 1);
	tvm_can_frame_fill(&frame, 0x100, 0, 8, 1);
	ASSERT_EQ(tvm_can_host_receive(self->host, &seen, harness_scaled(5000)), 0);
	lose(self, false);
	ASSERT_EQ(tvm_can_host_send(self->host, &frame), 0);
	ASSERT_EQ(tvm_can_receive(&self->can, &seen, harness_scaled(5000)), 0);
	expect_results(self, 1, TVM_CAN_NOT_OK);
	EXPECT_EQ(tvm_can_stat(&self->can, "tx_confirmed"), 0);
	EXPECT_EQ(tvm_can_stat(&self->can, "tx_unconfirmed"), 1);
}

/* Lost confirmations: each frame ends, none leaks, and it goes on after. */
TEST_F_TIMEOUT(confirm, lost, 120)
{
	unsigned int round;

	for (round = 0; round < 3; round++) {
		lose(self, true);
		submit(self, 0, 200);
		/* All were sent, 128 of them first. */
		expect_results(self, 200, TVM_CAN_NOT_OK);
		lose(self, false);
		submit(self, 1000, 200);
		expect_results(self, 200, TVM_CAN_OK);
	}
	EXPECT_EQ(tvm_can_stat(&self->can, "tx_frames"), 1200);
	EXPECT_EQ(tvm_can_stat(&self->can, "tx_unconfirmed"), 600);
	EXPECT_EQ(tvm_can_stat(&self->can, "tx_confirmed"), 600);
}

TEST_F(confirm, limit)
{
	struct vha_can_params params = { .in_flight = 3, .confirm_ms = PATIENT_MS };

	lose(self, true);
	ASSERT_EQ(tvm_dev_ioctl(&self->can.dev, VHA_CAN_SET_PARAMS, &params), 0);
	submit(self, 0, 10);
	expect_seen(self, 3);
	EXPECT_EQ(tvm_can_result(&self->can, 300), -ETIMEDOUT);
	EXPECT_EQ(tvm_can_stat(&self->can, "tx_frames"), 3);
	EXPECT_GT(tvm_can_stat(&self->can, "tx_held"), 0);
	/* A stop gives back those in flight and those behind them. */
	ASSERT_EQ(tvm_can_control(&self->can, TVM_CAN_STOP), TVM_CAN_OK);
	expect_results(self, 10, TVM_CAN_NOT_OK);
	EXPECT_EQ(tvm_can_stat(&self->can, "tx_cancelled"), 3);
	EXPECT_EQ(tvm_can_stat(&self->can, "tx_stopped"), 7);
	lose(self, false);
	ASSERT_EQ(tvm_can_control(&self->can, TVM_CAN_START), TVM_CAN_OK);
	submit(self, 100, 10);
	expect_results(self, 10, TVM_CAN_OK);
}

TEST_F(confirm, bus_off)
{
	lose(self, true);
	set_confirm_ms(self, PATIENT_MS);
	submit(self, 0, 5);
	expect_seen(self, 5);
	EXPECT_EQ(tvm_can_result(&self->can, 0), -ETIMEDOUT);
	tvm_can_host_error(self->host, CAN_ERR_BUSOFF);
	expect_results(self, 5, TVM_CAN_NOT_OK);
	EXPECT_EQ(tvm_can_status(&self->can), 1);
	EXPECT_EQ(tvm_can_stat(&self->can, "tx_cancelled"), 5);
}

/* Stopping the queue waits for what is in flight, and not for ever. */
TEST_F(confirm, queue_stopped)
{
	uint32_t base;

	lose(self, true);
	submit(self, 0, 100);
	ASSERT_EQ(tvm_queue_stop(&self->can.vqs[TVM_CAN_TX], &base), 0);
	expect_results(self, (unsigned int)tvm_can_stat(&self->can, "tx_frames"), TVM_CAN_NOT_OK);
}

/* The socket is closed by its owner while frames are in flight. */
TEST_F(confirm, closed)
{
	unsigned int round;

	for (round = 0; round < 10; round++) {
		struct tvm_can_options options = {
			.cfg = variant->cfg, .features = FEATURES, .num = RING,
		};

		lose(self, round & 1);
		submit(self, 0, 200);
		tvm_can_destroy(&self->can);
		tvm_can_create(&self->can, self->bus.name, &options);
	}
}

/*
 * Confirmations that a flood pushes out of a small socket buffer. What does come is
 * read when all are sent.
 */
TEST_F_TIMEOUT(confirm, flooded, 200)
{
	const struct vha_can_params params = { .confirm_ms = harness_scaled(1000) };
	struct tvm_can_options options = {
		.cfg = variant->cfg, .features = FEATURES, .num = RING, .params = &params,
	};
	unsigned int round, ok = 0, not_ok = 0, i;
	int smallest = 1;

	tvm_can_destroy(&self->can);
	options.socket = tvm_can_socket(self->bus.name);
	tvm_can_socket_option(options.socket, CAN_RAW_RECV_OWN_MSGS, 1);
	ASSERT_EQ(setsockopt(options.socket, SOL_SOCKET, SO_RCVBUF, &smallest,
			     sizeof(smallest)), 0);
	tvm_can_create(&self->can, self->bus.name, &options);
	for (round = 0; round < 2; round++) {
		submit(self, round * 100, 100);
		for (i = 0; i < 100; i++) {
			int result = tvm_can_result(&self->can, harness_scaled(10000));

			ASSERT_GE(result, 0);
			ok += result == TVM_CAN_OK;
			not_ok += result == TVM_CAN_NOT_OK;
		}
	}
	EXPECT_EQ(tvm_can_stat(&self->can, "tx_confirmed"), ok);
	EXPECT_EQ(tvm_can_stat(&self->can, "tx_unconfirmed"), not_ok);
	EXPECT_EQ(tvm_can_stat(&self->can, "rx_overruns"), not_ok);
	EXPECT_GT(not_ok, 0U);
}

HARNESS_MAIN
