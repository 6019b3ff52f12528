// SPDX-License-Identifier: GPL-2.0-only
/*
 * CAN: the controller's state, the interface's, and what happens in between
 */
#include <poll.h>
#include <unistd.h>

#include "tvm_can.h"
#include "tvm_rig.h"

#define BUS_OFF	1

FIXTURE(control) {
	struct tvm_can_bus bus;
	struct tvm_can can;
	int host;
};

FIXTURE_VARIANT(control) {
	struct tvm_config cfg;
	uint64_t features;
};

FIXTURE_VARIANT_ADD(control, split) { .cfg = { .event_idx = true } };
FIXTURE_VARIANT_ADD(control, packed) { .cfg = { .packed = true, .event_idx = true } };
FIXTURE_VARIANT_ADD(control, late)
	{ .cfg = { .event_idx = true }, .features = TVM_CAN_F_USUAL | TVM_CAN_F_LATE };

FIXTURE_SETUP(control)
{
	const struct vha_can_params params = { .confirm_ms = 10000 };
	struct tvm_can_options options = {
		.cfg = variant->cfg, .features = variant->features, .stopped = true,
		.params = &params,
	};

	tvm_can_bus_create(&self->bus, false);
	tvm_can_create(&self->can, self->bus.name, &options);
	self->host = tvm_can_socket(self->bus.name);
}

FIXTURE_TEARDOWN(control)
{
	tvm_can_destroy(&self->can);
	tvm_can_bus_destroy(&self->bus);
}

static bool config_changed(struct control_fixture *self)
{
	return tvm_event_wait(self->can.config_fd, harness_scaled(5000)) &&
	       tvm_event_read(self->can.config_fd);
}

TEST_F(control, starts_stopped)
{
	struct tvm_can_frame frame, seen;

	tvm_can_frame_fill(&frame, 1, 0, 8, 1);
	EXPECT_EQ(tvm_can_status(&self->can), 0);
	EXPECT_EQ(tvm_can_send(&self->can, &frame), TVM_CAN_NOT_OK);
	EXPECT_TRUE(tvm_can_host_silent(self->host, 100));
	/* What is on the bus meanwhile is not for the guest, then or later. */
	ASSERT_EQ(tvm_can_host_send(self->host, &frame), 0);
	EXPECT_EQ(tvm_can_receive(&self->can, &seen, 200), -ETIMEDOUT);
	ASSERT_EQ(tvm_can_control(&self->can, TVM_CAN_START), TVM_CAN_OK);
	tvm_can_expect_works(&self->can, self->host);
	EXPECT_EQ(tvm_can_stat(&self->can, "tx_stopped"), 1);
	EXPECT_EQ(tvm_can_stat(&self->can, "rx_stale"), 1);
}

TEST_F(control, start_and_stop)
{
	struct tvm_can_frame frame;
	unsigned int round;

	tvm_can_frame_fill(&frame, 1, 0, 8, 1);
	for (round = 0; round < 50; round++) {
		ASSERT_EQ(tvm_can_control(&self->can, TVM_CAN_START), TVM_CAN_OK);
		ASSERT_EQ(tvm_can_control(&self->can, TVM_CAN_START), TVM_CAN_OK);
		tvm_can_expect_works(&self->can, self->host);
		ASSERT_EQ(tvm_can_control(&self->can, TVM_CAN_STOP), TVM_CAN_OK);
		ASSERT_EQ(tvm_can_control(&self->can, TVM_CAN_STOP), TVM_CAN_OK);
		ASSERT_EQ(tvm_can_send(&self->can, &frame), TVM_CAN_NOT_OK);
	}
	EXPECT_TRUE(tvm_can_host_silent(self->host, 100));
	EXPECT_EQ(tvm_can_status(&self->can), 0);
	EXPECT_FALSE(tvm_event_wait(self->can.config_fd, 0));
}

/* Frames of the host, and then what ends the session, with nothing to receive them. */
static void end_with_frames(struct control_fixture *self, const struct control_variant *variant,
			    bool bus_off)
{
	const struct vha_can_params params = { .confirm_ms = 10000 };
	struct tvm_can_options options = {
		.cfg = variant->cfg, .features = variant->features, .rx = -1, .params = &params,
	};
	struct tvm_can_frame frame, seen;
	unsigned int i;

	tvm_can_destroy(&self->can);
	tvm_can_create(&self->can, self->bus.name, &options);
	tvm_can_frame_fill(&frame, 1, 0, 8, 1);
	for (i = 0; i < 5; i++)
		ASSERT_EQ(tvm_can_host_send(self->host, &frame), 0);
	/* The device has read them when it has dealt with what came after. */
	ASSERT_EQ(tvm_can_send(&self->can, &frame), TVM_CAN_OK);
	ASSERT_EQ(tvm_can_host_receive(self->host, &seen, harness_scaled(5000)), 0);
	if (bus_off) {
		tvm_can_host_error(self->host, CAN_ERR_BUSOFF);
		ASSERT_TRUE(config_changed(self));
	} else {
		ASSERT_EQ(tvm_can_control(&self->can, TVM_CAN_STOP), TVM_CAN_OK);
	}
}

/* What there were no buffers for is of no use to a guest that starts again. */
TEST_F(control, stopped_with_frames)
{
	struct tvm_can_frame seen;
	unsigned int bus_off;

	for (bus_off = 0; bus_off < 2; bus_off++) {
		end_with_frames(self, variant, bus_off);
		tvm_can_post(&self->can, self->can.num);
		EXPECT_EQ(tvm_can_receive(&self->can, &seen, 200), -ETIMEDOUT);
		EXPECT_EQ(tvm_can_stat(&self->can, "rx_frames"), 0);
		ASSERT_EQ(tvm_can_control(&self->can, TVM_CAN_START), TVM_CAN_OK);
		tvm_can_expect_works(&self->can, self->host);
		EXPECT_EQ(tvm_can_stat(&self->can, "rx_stale"), 5);
	}
}

/* What a socket had no room for before is nobody's loss. */
TEST_F(control, used_socket)
{
	struct tvm_can_options options = {
		.cfg = variant->cfg, .features = variant->features,
		.socket = tvm_can_socket(self->bus.name),
	};
	struct tvm_can_frame frame;
	int smallest = 1;
	unsigned int i;

	tvm_can_destroy(&self->can);
	ASSERT_EQ(setsockopt(options.socket, SOL_SOCKET, SO_RCVBUF, &smallest,
			     sizeof(smallest)), 0);
	if (variant->features & TVM_CAN_F_LATE)
		tvm_can_socket_option(options.socket, CAN_RAW_RECV_OWN_MSGS, 1);
	tvm_can_frame_fill(&frame, 1, 0, 8, 1);
	for (i = 0; i < 100; i++)
		ASSERT_EQ(tvm_can_host_send(self->host, &frame), 0);
	ASSERT_GT(tvm_can_socket_drops(options.socket), 0);
	tvm_can_create(&self->can, self->bus.name, &options);
	tvm_can_expect_works(&self->can, self->host);
	EXPECT_EQ(tvm_can_stat(&self->can, "rx_overruns"), 0);
}

TEST_F(control, wrong_messages)
{
	struct tvm_queue *vq = &self->can.vqs[TVM_CAN_CONTROL];
	uint64_t gpa = tvm_mem_alloc(&self->can.mem, 8, 8);
	struct tvm_seg segs[2] = { { gpa, 1 }, { gpa + 4, 1 } };
	static const uint16_t types[] = { 0, 1, 0x0101, 0x0200, 0x0203, 0x0102, 0xffff };
	struct tvm_used used;
	uint8_t result;
	unsigned int i;

	for (i = 0; i < sizeof(types) / sizeof(types[0]); i++)
		EXPECT_EQ(tvm_can_control(&self->can, types[i]), TVM_CAN_NOT_OK);
	ASSERT_GE(tvm_queue_add(vq, segs, 1, 1, NULL, 0), 0);
	tvm_queue_kick(vq);
	ASSERT_EQ(tvm_queue_wait(vq, &used, harness_scaled(5000)), 0);
	tvm_mem_read(&self->can.mem, gpa + 4, &result, 1);
	EXPECT_EQ(result, TVM_CAN_NOT_OK);
	ASSERT_GE(tvm_queue_add(vq, segs, 1, 0, NULL, 0), 0);
	tvm_queue_kick(vq);
	ASSERT_EQ(tvm_queue_wait(vq, &used, harness_scaled(5000)), 0);
	EXPECT_TRUE(!used.len_known || used.len == 0);
	ASSERT_EQ(tvm_can_control(&self->can, TVM_CAN_START), TVM_CAN_OK);
	tvm_can_expect_works(&self->can, self->host);
	EXPECT_EQ(tvm_can_stat(&self->can, "refused"), 9);
}

TEST_F(control, bus_off)
{
	struct tvm_can_frame frame, seen;
	unsigned int round;

	tvm_can_frame_fill(&frame, 1, 0, 8, 1);
	/* What the controller is not part of does not concern it. */
	tvm_can_host_error(self->host, CAN_ERR_BUSOFF);
	EXPECT_FALSE(tvm_event_wait(self->can.config_fd, 100));
	for (round = 0; round < 10; round++) {
		ASSERT_EQ(tvm_can_control(&self->can, TVM_CAN_START), TVM_CAN_OK);
		EXPECT_EQ(tvm_can_status(&self->can), 0);
		tvm_can_expect_works(&self->can, self->host);
		tvm_can_host_error(self->host, CAN_ERR_BUSOFF);
		ASSERT_TRUE(config_changed(self));
		EXPECT_EQ(tvm_can_status(&self->can), BUS_OFF);
		EXPECT_EQ(tvm_can_send(&self->can, &frame), TVM_CAN_NOT_OK);
		tvm_can_host_error(self->host, CAN_ERR_BUSOFF);
		ASSERT_EQ(tvm_can_host_send(self->host, &frame), 0);
		EXPECT_EQ(tvm_can_receive(&self->can, &seen, 50), -ETIMEDOUT);
	}
	ASSERT_EQ(tvm_can_control(&self->can, TVM_CAN_STOP), TVM_CAN_OK);
	EXPECT_EQ(tvm_can_status(&self->can), 0);
	EXPECT_EQ(tvm_can_stat(&self->can, "bus_offs"), 10);
}

/* A controller with nothing to do does nothing, started or not. */
TEST_F(control, idle)
{
	int64_t runs;

	ASSERT_EQ(tvm_can_control(&self->can, TVM_CAN_START), TVM_CAN_OK);
	tvm_can_expect_works(&self->can, self->host);
	usleep(600000);
	runs = tvm_can_stat(&self->can, "runs");
	usleep(1000000);
	EXPECT_EQ(tvm_can_stat(&self->can, "runs"), runs);
	ASSERT_EQ(tvm_can_control(&self->can, TVM_CAN_STOP), TVM_CAN_OK);
	usleep(600000);
	runs = tvm_can_stat(&self->can, "runs");
	usleep(1000000);
	EXPECT_EQ(tvm_can_stat(&self->can, "runs"), runs);
}

/* The other errors are counted and no more. */
TEST_F(control, other_errors)
{
	int errors = CAN_ERR_MASK;

	ASSERT_EQ(setsockopt(self->can.socket, SOL_CAN_RAW, CAN_RAW_ERR_FILTER, &errors,
			     sizeof(errors)), 0);
	ASSERT_EQ(tvm_can_control(&self->can, TVM_CAN_START), TVM_CAN_OK);
	tvm_can_host_error(self->host, CAN_ERR_CRTL);
	tvm_can_host_error(self->host, CAN_ERR_RESTARTED);
	tvm_can_host_error(self->host, CAN_ERR_ACK);
	tvm_can_expect_works(&self->can, self->host);
	EXPECT_EQ(tvm_can_status(&self->can), 0);
	EXPECT_EQ(tvm_can_stat(&self->can, "error_frames"), 3);
}

/* An interface that goes down is a bus that is gone: the guest is told. */
TEST_F_TIMEOUT(control, interface_down, 120)
{
	struct tvm_can_frame frame;
	unsigned int round, rounds = harness_rounds(5, 2);

	tvm_can_frame_fill(&frame, 1, 0, 8, 1);
	for (round = 0; round < rounds; round++) {
		ASSERT_EQ(tvm_can_control(&self->can, TVM_CAN_START), TVM_CAN_OK);
		tvm_can_expect_works(&self->can, self->host);
		ASSERT_EQ(tvm_can_command("ip link set %s down", self->bus.name), 0);
		ASSERT_TRUE(config_changed(self));
		EXPECT_EQ(tvm_can_status(&self->can), BUS_OFF);
		EXPECT_EQ(tvm_can_send(&self->can, &frame), TVM_CAN_NOT_OK);
		/* Started again it keeps what it can not transmit. */
		ASSERT_EQ(tvm_can_control(&self->can, TVM_CAN_START), TVM_CAN_OK);
		ASSERT_EQ(tvm_can_submit(&self->can, &frame), 0);
		tvm_queue_kick(&self->can.vqs[TVM_CAN_TX]);
		EXPECT_EQ(tvm_can_result(&self->can, 200), -ETIMEDOUT);
		close(self->host);
		ASSERT_EQ(tvm_can_command("ip link set %s up", self->bus.name), 0);
		self->host = tvm_can_socket(self->bus.name);
		EXPECT_EQ(tvm_can_result(&self->can, harness_scaled(5000)), TVM_CAN_OK);
		EXPECT_EQ(tvm_can_status(&self->can), 0);
		close(self->host);
		self->host = tvm_can_socket(self->bus.name);
	}
	EXPECT_GT(tvm_can_stat(&self->can, "tx_held"), 0);
}

/* What waits for an interface comes back when the controller is stopped. */
TEST_F(control, stop_while_held)
{
	struct tvm_can_frame frame;
	unsigned int i;

	tvm_can_frame_fill(&frame, 1, 0, 8, 1);
	ASSERT_EQ(tvm_can_command("ip link set %s down", self->bus.name), 0);
	ASSERT_EQ(tvm_can_control(&self->can, TVM_CAN_START), TVM_CAN_OK);
	for (i = 0; i < 20; i++)
		ASSERT_EQ(tvm_can_submit(&self->can, &frame), 0);
	tvm_queue_kick(&self->can.vqs[TVM_CAN_TX]);
	EXPECT_EQ(tvm_can_result(&self->can, 100), -ETIMEDOUT);
	ASSERT_EQ(tvm_can_control(&self->can, TVM_CAN_STOP), TVM_CAN_OK);
	/* The answer to the stop comes after all of them. */
	for (i = 0; i < 20; i++)
		EXPECT_EQ(tvm_can_result(&self->can, 0), TVM_CAN_NOT_OK);
	EXPECT_EQ(tvm_can_stat(&self->can, "tx_frames"), 0);
}

TEST_F(control, interface_deleted)
{
	struct tvm_can_frame frame;
	unsigned int i;

	tvm_can_frame_fill(&frame, 1, 0, 8, 1);
	ASSERT_EQ(tvm_can_control(&self->can, TVM_CAN_START), TVM_CAN_OK);
	tvm_can_expect_works(&self->can, self->host);
	ASSERT_EQ(tvm_can_command("ip link del %s", self->bus.name), 0);
	ASSERT_TRUE(config_changed(self));
	EXPECT_EQ(tvm_can_status(&self->can), BUS_OFF);
	for (i = 0; i < 100; i++)
		EXPECT_EQ(tvm_can_send(&self->can, &frame), TVM_CAN_NOT_OK);
	EXPECT_EQ(tvm_can_control(&self->can, TVM_CAN_START), TVM_CAN_NOT_OK);
	EXPECT_EQ(tvm_can_status(&self->can), BUS_OFF);
	EXPECT_EQ(tvm_can_control(&self->can, TVM_CAN_STOP), TVM_CAN_OK);
}

static void start_again(struct control_fixture *self, const struct control_variant *variant)
{
	uint64_t features = variant->features ? variant->features : TVM_CAN_F_USUAL;
	unsigned int i;

	ASSERT_EQ(tvm_dev_features_set(&self->can.dev,
				       tvm_config_features(&variant->cfg) | features, 0), 0);
	for (i = 0; i < TVM_CAN_QUEUES; i++)
		ASSERT_EQ(tvm_queue_start(&self->can.vqs[i]), 0);
}

static void stop_queues(struct control_fixture *self, uint32_t *bases)
{
	unsigned int i;

	for (i = 0; i < TVM_CAN_QUEUES; i++)
		ASSERT_EQ(tvm_queue_stop(&self->can.vqs[i], bases ? &bases[i] : NULL), 0);
}

/* A monitor that pauses its guest stops the queues and starts them again. */
TEST_F(control, paused)
{
	unsigned int i;

	ASSERT_EQ(tvm_can_control(&self->can, TVM_CAN_START), TVM_CAN_OK);
	tvm_can_expect_works(&self->can, self->host);
	stop_queues(self, NULL);
	for (i = 0; i < TVM_CAN_QUEUES; i++)
		ASSERT_EQ(tvm_queue_enable(&self->can.vqs[i], true), 0);
	tvm_can_expect_works(&self->can, self->host);
	ASSERT_EQ(tvm_dev_ioctl(&self->can.dev, VHA_SUSPEND, NULL), 0);
	ASSERT_EQ(tvm_dev_ioctl(&self->can.dev, VHA_RESUME, NULL), 0);
	tvm_can_expect_works(&self->can, self->host);
}

static void set_base(struct tvm_queue *vq, uint32_t base)
{
	struct vhost_vring_state state = { .index = vq->index, .num = base };

	ASSERT_EQ(tvm_dev_ioctl(vq->dev, VHOST_SET_VRING_BASE, &state), 0);
}

/* One that resets the device as well has rings go on where they stood. */
TEST_F(control, reset_while_paused)
{
	uint64_t features = variant->features ? variant->features : TVM_CAN_F_USUAL;
	uint32_t bases[TVM_CAN_QUEUES];
	unsigned int i;

	ASSERT_EQ(tvm_can_control(&self->can, TVM_CAN_START), TVM_CAN_OK);
	tvm_can_expect_works(&self->can, self->host);
	stop_queues(self, bases);
	ASSERT_EQ(tvm_dev_ioctl(&self->can.dev, VHA_RESET, NULL), 0);
	ASSERT_EQ(tvm_dev_features_set(&self->can.dev,
				       tvm_config_features(&variant->cfg) | features, 0), 0);
	for (i = 0; i < TVM_CAN_QUEUES; i++) {
		ASSERT_EQ(tvm_queue_configure(&self->can.vqs[i]), 0);
		set_base(&self->can.vqs[i], bases[i]);
	}
	for (i = 0; i < TVM_CAN_QUEUES; i++)
		ASSERT_EQ(tvm_queue_enable(&self->can.vqs[i], true), 0);
	tvm_can_expect_works(&self->can, self->host);
}

/* To be told again what was negotiated means nothing, running or not. */
TEST_F(control, features_again)
{
	uint64_t features = tvm_config_features(&variant->cfg) |
			    (variant->features ? variant->features : TVM_CAN_F_USUAL);
	struct tvm_can_frame frame, seen;
	unsigned int i;

	ASSERT_EQ(tvm_can_control(&self->can, TVM_CAN_START), TVM_CAN_OK);
	tvm_can_expect_works(&self->can, self->host);
	ASSERT_EQ(tvm_dev_features_set(&self->can.dev, features, 0), 0);
	tvm_can_expect_works(&self->can, self->host);
	stop_queues(self, NULL);
	/* It waits for the guest meanwhile. */
	tvm_can_frame_fill(&frame, 0x77, 0, 8, 9);
	ASSERT_EQ(tvm_can_host_send(self->host, &frame), 0);
	ASSERT_EQ(tvm_dev_features_set(&self->can.dev, features, 0), 0);
	for (i = 0; i < TVM_CAN_QUEUES; i++)
		ASSERT_EQ(tvm_queue_enable(&self->can.vqs[i], true), 0);
	ASSERT_EQ(tvm_can_receive(&self->can, &seen, harness_scaled(5000)), 0);
	EXPECT_TRUE(tvm_can_frame_equal(&frame, &seen));
	tvm_can_expect_works(&self->can, self->host);
	EXPECT_EQ(tvm_can_stat(&self->can, "rx_stale"), 0);
}

/* A guest that is reset finds a controller that is stopped. */
TEST_F(control, reset)
{
	struct tvm_can_frame frame;
	unsigned int i;

	tvm_can_frame_fill(&frame, 1, 0, 8, 1);
	ASSERT_EQ(tvm_can_control(&self->can, TVM_CAN_START), TVM_CAN_OK);
	tvm_can_expect_works(&self->can, self->host);
	ASSERT_EQ(tvm_dev_ioctl(&self->can.dev, VHA_RESET, NULL), 0);
	for (i = 0; i < TVM_CAN_QUEUES; i++)
		tvm_queue_reset(&self->can.vqs[i]);
	for (i = 0; i < self->can.num; i++)
		self->can.rx[i].busy = false;
	start_again(self, variant);
	tvm_can_post(&self->can, self->can.num);
	EXPECT_EQ(tvm_can_send(&self->can, &frame), TVM_CAN_NOT_OK);
	ASSERT_EQ(tvm_can_control(&self->can, TVM_CAN_START), TVM_CAN_OK);
	tvm_can_expect_works(&self->can, self->host);
}

HARNESS_MAIN
