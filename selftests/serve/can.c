// SPDX-License-Identifier: GPL-2.0-only
/*
 * serve can: a controller through a vhost-user socket
 */
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include "tvm_can.h"
#include "tvm_front.h"

#define STATUS_USAGE		1
#define STATUS_ENVIRONMENT	2

static const struct tvm_config split = { .event_idx = true };

FIXTURE(serve_can) {
	struct tvm_can_bus bus;
	struct tvm_server server;
	struct tvm_front front;
	struct tvm_can can;
	int host;
};

FIXTURE_SETUP(serve_can)
{
	self->front.fd = -1;
	tvm_can_bus_create(&self->bus, false);
	self->host = tvm_can_socket(self->bus.name);
	tvm_mem_create_default(&self->can.mem);
	tvm_can_slots_create(&self->can, 64, TVM_CAN_HEADER + TVM_CAN_DATA);
	ASSERT_EQ(tvm_server_prepare(&self->server), 0);
	self->server.class = "can";
}

FIXTURE_TEARDOWN(serve_can)
{
	unsigned int i;

	tvm_front_close(&self->front);
	for (i = 0; i < TVM_CAN_QUEUES; i++)
		tvm_queue_destroy(&self->can.vqs[i]);
	tvm_can_slots_destroy(&self->can);
	tvm_server_remove(&self->server);
	tvm_mem_destroy(&self->can.mem);
	tvm_can_bus_destroy(&self->bus);
}

#define ARGS(...)	((const char *const []){ __VA_ARGS__, NULL })

static int run(struct serve_can_fixture *self, const char *const *args)
{
	ASSERT_EQ(tvm_server_launch(&self->server, args, 0), 0);
	return tvm_server_stop(&self->server, 0);
}

static void launch(struct serve_can_fixture *self, const char *option, const char *value)
{
	ASSERT_EQ(tvm_server_launch(&self->server,
				    ARGS("--interface", self->bus.name, "--socket",
					 self->server.socket, option, value), 0), 0);
	ASSERT_EQ(tvm_front_connect(&self->front, self->server.socket), 0);
}

static void start(struct serve_can_fixture *self, uint64_t features)
{
	unsigned int i;

	ASSERT_EQ(tvm_front_handshake(&self->front, tvm_config_features(&split) | features), 0);
	ASSERT_EQ(tvm_front_mem_set(&self->front, &self->can.mem), 0);
	for (i = 0; i < TVM_CAN_QUEUES; i++) {
		ASSERT_EQ(tvm_queue_init(&self->can.vqs[i], &self->front.dev, i, 64, &split), 0);
		ASSERT_EQ(tvm_front_queue_start(&self->front, &self->can.vqs[i]), 0);
	}
	tvm_can_post(&self->can, 64);
	ASSERT_EQ(tvm_can_control(&self->can, TVM_CAN_START), TVM_CAN_OK);
}

static uint64_t offered(struct serve_can_fixture *self)
{
	uint64_t features = 0;

	ASSERT_EQ(tvm_front_get(&self->front, TVM_USER_GET_FEATURES, &features), 0);
	return features & 0xf;
}

TEST_F(serve_can, wrong_usage)
{
	const char *path = self->server.socket, *name = self->bus.name;

	EXPECT_EQ(run(self, ARGS("--socket", path)), STATUS_USAGE);
	EXPECT_EQ(run(self, ARGS("--interface", name)), STATUS_USAGE);
	EXPECT_EQ(run(self, ARGS("--interface", name, "--backing-fd", "3", "--socket", path)),
		  STATUS_USAGE);
	EXPECT_EQ(run(self, ARGS("--interface", "a-name-that-is-too-long")), STATUS_USAGE);
	EXPECT_EQ(run(self, ARGS("--tx-rate", "0")), STATUS_USAGE);
	EXPECT_EQ(run(self, ARGS("--in-flight", "1025")), STATUS_USAGE);
	EXPECT_EQ(run(self, ARGS("--filter", "123")), STATUS_USAGE);
	/* What is filtered would not be confirmed. */
	EXPECT_EQ(run(self, ARGS("--interface", name, "--socket", path, "--late-tx-ack",
				 "--filter", "123:7FF")), STATUS_USAGE);
	EXPECT_EQ(tvm_server_logged(&self->server, "vhost-accel: error: "), 8U);
}

TEST_F(serve_can, wrong_environment)
{
	const char *path = self->server.socket;

	EXPECT_EQ(run(self, ARGS("--interface", "nowhere", "--socket", path)),
		  STATUS_ENVIRONMENT);
	EXPECT_EQ(run(self, ARGS("--interface", "lo", "--socket", path)), STATUS_ENVIRONMENT);
	EXPECT_EQ(run(self, ARGS("--backing-fd", "0", "--socket", path)), STATUS_ENVIRONMENT);
	EXPECT_EQ(run(self, ARGS("--interface", self->bus.name, "--socket", path, "--node",
				 "/dev/vhost-accel/blk")), STATUS_ENVIRONMENT);
	EXPECT_NE(access(path, F_OK), 0);
}

TEST_F(serve_can, both_ways)
{
	struct tvm_user_config config = { .size = 2, .data = { 0xff, 0xff } };
	struct tvm_user_header header;

	launch(self, NULL, NULL);
	EXPECT_EQ(offered(self), TVM_CAN_F_USUAL);
	start(self, TVM_CAN_F_USUAL);
	tvm_can_expect_works(&self->can, self->host);
	ASSERT_EQ(tvm_front_send(&self->front, TVM_USER_GET_CONFIG, 0, &config, 14, NULL, 0), 0);
	ASSERT_EQ(tvm_front_receive(self->front.fd, &header, &config, sizeof(config)), 0);
	EXPECT_EQ(config.data[0] | config.data[1], 0);
	EXPECT_EQ(tvm_server_stop(&self->server, SIGTERM), 0);
	EXPECT_NE(access(self->server.socket, F_OK), 0);
}

TEST_F(serve_can, late)
{
	launch(self, "--late-tx-ack", "--confirm-ms=10000");
	EXPECT_EQ(offered(self), TVM_CAN_F_USUAL | TVM_CAN_F_LATE);
	start(self, TVM_CAN_F_USUAL | TVM_CAN_F_LATE);
	tvm_can_expect_works(&self->can, self->host);
}

TEST_F(serve_can, classic)
{
	launch(self, "--classic", NULL);
	EXPECT_EQ(offered(self), TVM_CAN_F_CLASSIC | TVM_CAN_F_RTR);
}

TEST_F(serve_can, filter)
{
	struct tvm_can_frame frame, seen;

	launch(self, "--filter", "200:700");
	start(self, TVM_CAN_F_USUAL);
	tvm_can_frame_fill(&frame, 0x123, 0, 8, 1);
	ASSERT_EQ(tvm_can_host_send(self->host, &frame), 0);
	tvm_can_frame_fill(&frame, 0x234, 0, 8, 2);
	ASSERT_EQ(tvm_can_host_send(self->host, &frame), 0);
	ASSERT_EQ(tvm_can_receive(&self->can, &seen, harness_scaled(5000)), 0);
	EXPECT_TRUE(tvm_can_frame_equal(&frame, &seen));
}

TEST_F(serve_can, inherited_socket)
{
	char number[16];
	int fd = dup(tvm_can_socket(self->bus.name));

	snprintf(number, sizeof(number), "%d", fd);
	ASSERT_EQ(tvm_server_launch(&self->server, ARGS("--backing-fd", number, "--socket",
							self->server.socket), 0), 0);
	ASSERT_EQ(tvm_front_connect(&self->front, self->server.socket), 0);
	start(self, TVM_CAN_F_USUAL);
	tvm_can_expect_works(&self->can, self->host);
	close(fd);
}

/* Front ends that come and go, without a word. */
TEST_F(serve_can, reconnected)
{
	unsigned int round, i;

	launch(self, NULL, NULL);
	for (round = 0; round < 20; round++) {
		start(self, TVM_CAN_F_USUAL);
		tvm_can_expect_works(&self->can, self->host);
		tvm_front_close(&self->front);
		for (i = 0; i < TVM_CAN_QUEUES; i++)
			tvm_queue_destroy(&self->can.vqs[i]);
		tvm_can_slots_destroy(&self->can);
		tvm_mem_destroy(&self->can.mem);
		tvm_mem_create_default(&self->can.mem);
		tvm_can_slots_create(&self->can, 64, TVM_CAN_HEADER + TVM_CAN_DATA);
		ASSERT_EQ(tvm_front_connect(&self->front, self->server.socket), 0);
	}
}

HARNESS_MAIN
