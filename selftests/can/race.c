// SPDX-License-Identifier: GPL-2.0-only
/*
 * CAN: what happens to the controller or its interface while the driver's messages
 * are answered
 */
#include <unistd.h>

#include "tvm_can.h"
#include "tvm_rig.h"

#define BUS_OFF		1

FIXTURE(race) {
	struct tvm_can_bus bus;
	struct tvm_can can;
	int host;
	uint64_t results;
};

FIXTURE_VARIANT(race) {
	struct tvm_config cfg;
	uint64_t features;
};

FIXTURE_VARIANT_ADD(race, split) { .cfg = { .event_idx = true } };
FIXTURE_VARIANT_ADD(race, late)
	{ .cfg = { .packed = true, .event_idx = true },
	  .features = TVM_CAN_F_USUAL | TVM_CAN_F_LATE };

static void create(struct race_fixture *self, const struct race_variant *variant)
{
	const struct vha_can_params params = { .confirm_ms = 10000 };
	struct tvm_can_options options = {
		.cfg = variant->cfg, .features = variant->features, .stopped = true,
		.params = &params,
	};

	tvm_can_bus_create(&self->bus, false);
	tvm_can_create(&self->can, self->bus.name, &options);
	tvm_can_spread(&self->can);
	self->host = tvm_can_socket(self->bus.name);
	self->results = tvm_mem_alloc(&self->can.mem, 2, 8);
}

static void destroy(struct race_fixture *self)
{
	tvm_can_destroy(&self->can);
	close(self->host);
	tvm_can_bus_destroy(&self->bus);
}

FIXTURE_SETUP(race)
{
	create(self, variant);
}

FIXTURE_TEARDOWN(race)
{
	destroy(self);
}

static bool config_changed(struct race_fixture *self, unsigned int timeout_ms)
{
	return tvm_event_wait(self->can.config_fd, timeout_ms) &&
	       tvm_event_read(self->can.config_fd);
}

/* Makes a message available, without notifying. */
static void submit(struct race_fixture *self, uint64_t message, unsigned int result)
{
	struct tvm_seg segs[2] = { { message, 2 }, { self->results + result, 1 } };

	tvm_mem_fill(&self->can.mem, self->results + result, TVM_CAN_NO_RESULT, 1);
	ASSERT_GE(tvm_queue_add(&self->can.vqs[TVM_CAN_CONTROL], segs, 1, 1, NULL, 0), 0);
}

static void submit_start(struct race_fixture *self)
{
	const uint8_t start[2] = { TVM_CAN_START & 0xff, TVM_CAN_START >> 8 };

	tvm_mem_write(&self->can.mem, self->can.control.gpa, start, sizeof(start));
	submit(self, self->can.control.gpa, 0);
}

static void expect_answer(struct race_fixture *self, unsigned int number, uint8_t expected)
{
	struct tvm_used used;
	uint8_t result;

	ASSERT_TRUE(tvm_queue_poll(&self->can.vqs[TVM_CAN_CONTROL], &used));
	tvm_mem_read(&self->can.mem, self->results + number, &result, 1);
	EXPECT_EQ(result, expected);
}

/*
 * A driver takes a controller it started for well once it has the answer, so the
 * answer has to be there when it is told that it is not. The device finds two
 * messages at once, of which the second can not be read for a while.
 */
TEST_F_TIMEOUT(race, bus_off_while_starting, 120)
{
	unsigned int round;
	uint64_t page;
	int stall;

	for (round = 0; round < 5; round++) {
		page = tvm_mem_alloc(&self->can.mem, TVM_PAGE, TVM_PAGE);
		stall = tvm_stall(tvm_mem_ptr(&self->can.mem, page, TVM_PAGE), TVM_PAGE);
		if (stall < 0)
			SKIP("no userfaultfd");
		ASSERT_EQ(tvm_dev_ioctl(&self->can.dev, VHA_SUSPEND, NULL), 0);
		submit_start(self);
		submit(self, page, 1);
		ASSERT_EQ(tvm_dev_ioctl(&self->can.dev, VHA_RESUME, NULL), 0);
		ASSERT_TRUE(tvm_stall_wait(stall, harness_scaled(5000)));
		tvm_can_host_error(self->host, CAN_ERR_BUSOFF);
		EXPECT_FALSE(config_changed(self, 300));
		tvm_stall_end(stall);
		ASSERT_TRUE(config_changed(self, harness_scaled(5000)));
		expect_answer(self, 0, TVM_CAN_OK);
		expect_answer(self, 1, TVM_CAN_NOT_OK);
		EXPECT_EQ(tvm_can_status(&self->can), BUS_OFF);
	}
	EXPECT_EQ(tvm_can_stat(&self->can, "bus_offs"), round);
}

/* A frame that is read while the controller goes off the bus does not get onto it. */
TEST_F_TIMEOUT(race, bus_off_while_transmitting, 120)
{
	struct tvm_queue *vq = &self->can.vqs[TVM_CAN_TX];
	struct tvm_can_frame frame;
	uint8_t message[TVM_CAN_HEADER];
	uint64_t header, page;
	struct tvm_used used;
	unsigned int round;
	uint8_t result;
	int stall;

	header = tvm_mem_alloc(&self->can.mem, sizeof(message), 8);
	tvm_can_frame_fill(&frame, 0x123, 0, 8, 0);
	tvm_can_frame_header(&frame, message);
	tvm_mem_write(&self->can.mem, header, message, sizeof(message));
	for (round = 0; round < 5; round++) {
		ASSERT_EQ(tvm_can_control(&self->can, TVM_CAN_START), TVM_CAN_OK);
		page = tvm_mem_alloc(&self->can.mem, TVM_PAGE, TVM_PAGE);
		stall = tvm_stall(tvm_mem_ptr(&self->can.mem, page, TVM_PAGE), TVM_PAGE);
		if (stall < 0)
			SKIP("no userfaultfd");
		ASSERT_GE(tvm_queue_add(vq, (struct tvm_seg[]){
			{ header, sizeof(message) }, { page, 8 }, { self->results, 1 },
		}, 2, 1, NULL, 0), 0);
		tvm_queue_kick(vq);
		ASSERT_TRUE(tvm_stall_wait(stall, harness_scaled(5000)));
		tvm_can_host_error(self->host, CAN_ERR_BUSOFF);
		ASSERT_TRUE(config_changed(self, harness_scaled(5000)));
		tvm_stall_end(stall);
		ASSERT_EQ(tvm_queue_wait(vq, &used, harness_scaled(5000)), 0);
		tvm_mem_read(&self->can.mem, self->results, &result, 1);
		EXPECT_EQ(result, TVM_CAN_NOT_OK);
	}
	EXPECT_TRUE(tvm_can_host_silent(self->host, 200));
	EXPECT_EQ(tvm_can_stat(&self->can, "tx_frames"), 0);
	EXPECT_EQ(tvm_can_stat(&self->can, "tx_stopped"), round);
}

/*
 * Without an interface starting fails, so a driver whose start did not is told
 * when it is gone: also if that happens while what was received before is thrown
 * away, of which there is much here.
 */
TEST_F_TIMEOUT(race, deleted_while_starting, 200)
{
	unsigned int round, rounds = harness_rounds(20, 6), i, index, started = 0;
	struct tvm_can_frame frame;
	uint8_t result;

	tvm_can_frame_fill(&frame, 0x200, 0, 8, 1);
	for (round = 0; round < rounds; round++) {
		index = if_nametoindex(self->bus.name);
		for (i = 0; i < 6000; i++)
			ASSERT_EQ(tvm_can_host_send(self->host, &frame), 0);
		submit_start(self);
		tvm_queue_kick(&self->can.vqs[TVM_CAN_CONTROL]);
		usleep(round * 200);
		ASSERT_EQ(tvm_can_bus_delete(index), 0);
		ASSERT_TRUE(tvm_event_wait(self->can.vqs[TVM_CAN_CONTROL].call_fd,
					   harness_scaled(10000)));
		tvm_mem_read(&self->can.mem, self->results, &result, 1);
		if (result == TVM_CAN_OK) {
			started++;
			EXPECT_TRUE(config_changed(self, harness_scaled(5000)));
			EXPECT_EQ(tvm_can_status(&self->can), BUS_OFF);
		}
		destroy(self);
		create(self, variant);
	}
	harness_note("%u of %u were started", started, rounds);
}

static void restart_queues(struct race_fixture *self, const struct race_variant *variant)
{
	uint64_t features = variant->features ? variant->features : TVM_CAN_F_USUAL;
	unsigned int i;

	ASSERT_EQ(tvm_dev_ioctl(&self->can.dev, VHA_SET_CONFIG_CALL, &self->can.config_fd), 0);
	for (i = 0; i < TVM_CAN_QUEUES; i++)
		tvm_queue_reset(&self->can.vqs[i]);
	for (i = 0; i < self->can.num; i++) {
		self->can.rx[i].busy = false;
		self->can.tx[i].busy = false;
	}
	ASSERT_EQ(tvm_dev_features_set(&self->can.dev,
				       tvm_config_features(&variant->cfg) | features, 0), 0);
	for (i = 0; i < TVM_CAN_QUEUES; i++)
		ASSERT_EQ(tvm_queue_start(&self->can.vqs[i]), 0);
}

/* What waits comes back before the answer to the stop, whatever was before. */
TEST_F_TIMEOUT(race, reset_while_stopping, 120)
{
	unsigned int round, rounds = harness_rounds(200, 40), i;
	struct tvm_can_frame frame;

	tvm_can_frame_fill(&frame, 1, 0, 8, 1);
	for (round = 0; round < rounds; round++) {
		ASSERT_EQ(tvm_can_control(&self->can, TVM_CAN_START), TVM_CAN_OK);
		for (i = 0; i < 20; i++)
			ASSERT_EQ(tvm_can_submit(&self->can, &frame), 0);
		tvm_queue_kick(&self->can.vqs[TVM_CAN_TX]);
		ASSERT_EQ(tvm_can_control(&self->can, TVM_CAN_STOP), TVM_CAN_OK);
		for (i = 0; i < 20; i++)
			ASSERT_GE(tvm_can_result(&self->can, 0), TVM_CAN_OK);
		/* And an end that nobody waits for. */
		ASSERT_EQ(tvm_can_control(&self->can, TVM_CAN_START), TVM_CAN_OK);
		ASSERT_EQ(tvm_can_submit(&self->can, &frame), 0);
		tvm_queue_kick(&self->can.vqs[TVM_CAN_TX]);
		tvm_can_host_error(self->host, CAN_ERR_BUSOFF);
		if (round & 1)
			ASSERT_TRUE(config_changed(self, harness_scaled(5000)));
		ASSERT_EQ(tvm_dev_ioctl(&self->can.dev, VHA_RESET, NULL), 0);
		restart_queues(self, variant);
		tvm_event_read(self->can.config_fd);
	}
}

HARNESS_MAIN
