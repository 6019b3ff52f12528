// SPDX-License-Identifier: GPL-2.0-only
/*
 * CAN: what happens to the interface or its controller while both directions are
 * busy. Each message of the driver comes back once, and each frame that the
 * interface took is on the bus or was counted.
 */
#include <errno.h>
#include <pthread.h>
#include <unistd.h>

#include "tvm_can.h"
#include "tvm_rig.h"

#define RING		256
#define GUEST_ID	0x100U
#define HOST_ID		0x200U

/** struct program - a program of the host: it writes, or reads, until it is stopped */
struct program {
	pthread_t thread;
	int fd;
	int64_t frames;
	bool stop;
};

FIXTURE(load) {
	struct tvm_can_bus bus;
	struct tvm_can can;
	struct program writer;
	struct program reader;
	int64_t submitted;
	int64_t ok;
	int64_t not_ok;
};

FIXTURE_VARIANT(load) {
	struct tvm_config cfg;
	uint64_t features;
};

FIXTURE_VARIANT_ADD(load, split) { .cfg = { .event_idx = true } };
FIXTURE_VARIANT_ADD(load, late)
	{ .cfg = { .packed = true, .event_idx = true },
	  .features = TVM_CAN_F_USUAL | TVM_CAN_F_LATE };

static bool is_over(struct program *program)
{
	return __atomic_load_n(&program->stop, __ATOMIC_ACQUIRE);
}

/* An interface that is down takes nothing, which is no reason to end. */
static void *write_run(void *data)
{
	struct program *program = data;
	struct tvm_can_frame frame;

	while (!is_over(program)) {
		tvm_can_numbered(&frame, HOST_ID, program->frames);
		if (tvm_can_host_send(program->fd, &frame))
			usleep(1000);
		else
			program->frames++;
	}
	return NULL;
}

/* Reads what there is when it is stopped, too. */
static void *read_run(void *data)
{
	struct tvm_can_frame frames[TVM_CAN_MANY];
	struct program *program = data;
	unsigned int n;
	bool last;

	do {
		last = is_over(program);
		while ((n = tvm_can_host_receive_many(program->fd, frames, TVM_CAN_MANY)))
			program->frames += n;
		usleep(1000);
	} while (!last);
	return NULL;
}

static void begin(struct program *program, const char *interface, void *(*run)(void *data))
{
	program->fd = tvm_can_socket(interface);
	ASSERT_EQ(pthread_create(&program->thread, NULL, run, program), 0);
}

static void end(struct program *program)
{
	__atomic_store_n(&program->stop, true, __ATOMIC_RELEASE);
	pthread_join(program->thread, NULL);
}

FIXTURE_SETUP(load)
{
	const struct vha_can_params params = { .confirm_ms = 10000 };
	struct tvm_can_options options = {
		.cfg = variant->cfg, .features = variant->features, .num = RING,
		.params = &params,
	};

	tvm_can_bus_create(&self->bus, false);
	tvm_can_create(&self->can, self->bus.name, &options);
	tvm_can_spread(&self->can);
	begin(&self->reader, self->bus.name, read_run);
	begin(&self->writer, self->bus.name, write_run);
}

FIXTURE_TEARDOWN(load)
{
	tvm_can_destroy(&self->can);
	tvm_can_bus_destroy(&self->bus);
}

static void count_result(struct load_fixture *self, int result)
{
	ASSERT_GE(result, 0);
	self->ok += result == TVM_CAN_OK;
	self->not_ok += result == TVM_CAN_NOT_OK;
}

/* What a driver does: fills the ring, takes what comes, starts what went off the bus. */
static void drive(struct load_fixture *self, unsigned int ms)
{
	uint64_t until = tvm_clock_ns() + ms * 1000000ULL;
	struct tvm_can_frame frame;
	unsigned int i;
	int result;

	while (tvm_clock_ns() < until) {
		tvm_can_numbered(&frame, GUEST_ID, self->submitted);
		while (!tvm_can_submit(&self->can, &frame))
			self->submitted++;
		tvm_queue_kick(&self->can.vqs[TVM_CAN_TX]);
		while ((result = tvm_can_result(&self->can, 1)) != -ETIMEDOUT)
			count_result(self, result);
		for (i = 0; i < RING && !tvm_can_receive(&self->can, &frame, 0); i++)
			EXPECT_EQ(frame.id, HOST_ID);
		if (tvm_event_wait(self->can.config_fd, 0) &&
		    tvm_event_read(self->can.config_fd))
			ASSERT_EQ(tvm_can_control(&self->can, TVM_CAN_START), TVM_CAN_OK);
	}
}

/* With the controller stopped, all that was submitted is back. */
static void finish(struct load_fixture *self)
{
	ASSERT_EQ(tvm_can_control(&self->can, TVM_CAN_STOP), TVM_CAN_OK);
	while (self->ok + self->not_ok < self->submitted)
		count_result(self, tvm_can_result(&self->can, harness_scaled(5000)));
	EXPECT_EQ(tvm_can_result(&self->can, 0), -ETIMEDOUT);
}

static void expect_accounts(struct load_fixture *self, bool late)
{
	int64_t sent = tvm_can_stat(&self->can, "tx_frames");
	int64_t stopped = tvm_can_stat(&self->can, "tx_stopped");
	int64_t cancelled = tvm_can_stat(&self->can, "tx_cancelled");

	EXPECT_EQ(sent + stopped, self->submitted);
	EXPECT_EQ(self->not_ok, stopped + cancelled);
	EXPECT_EQ(self->ok, late ? tvm_can_stat(&self->can, "tx_confirmed") : sent);
	EXPECT_GT(self->ok, 0);
}

static void expect_on_bus(struct load_fixture *self, int64_t errors)
{
	int64_t drops = tvm_can_socket_drops(self->reader.fd) + tvm_can_bus_drops(&self->bus);

	EXPECT_EQ(self->reader.frames + drops,
		  self->writer.frames + tvm_can_stat(&self->can, "tx_frames") + errors);
}

TEST_F_TIMEOUT(load, bus_off, 120)
{
	unsigned int round, rounds = harness_rounds(40, 15);
	int errors = tvm_can_socket(self->bus.name);
	can_err_mask_t mask = CAN_ERR_MASK;

	ASSERT_EQ(setsockopt(self->reader.fd, SOL_CAN_RAW, CAN_RAW_ERR_FILTER, &mask,
			     sizeof(mask)), 0);
	for (round = 0; round < rounds; round++) {
		drive(self, 50);
		tvm_can_host_error(errors, CAN_ERR_BUSOFF);
	}
	drive(self, 100);
	end(&self->writer);
	finish(self);
	end(&self->reader);
	expect_accounts(self, variant->features);
	expect_on_bus(self, round);
	EXPECT_GT(tvm_can_stat(&self->can, "bus_offs"), 0);
	close(errors);
}

TEST_F_TIMEOUT(load, interface_flaps, 120)
{
	unsigned int round, rounds = harness_rounds(20, 6);

	for (round = 0; round < rounds; round++) {
		drive(self, 50);
		ASSERT_EQ(tvm_can_command("ip link set %s down", self->bus.name), 0);
		drive(self, 50);
		ASSERT_EQ(tvm_can_command("ip link set %s up", self->bus.name), 0);
	}
	drive(self, 100);
	end(&self->writer);
	finish(self);
	end(&self->reader);
	expect_accounts(self, variant->features);
	expect_on_bus(self, 0);
	EXPECT_GT(tvm_can_stat(&self->can, "bus_offs"), 0);
}

TEST_F_TIMEOUT(load, interface_deleted, 120)
{
	drive(self, 300);
	ASSERT_EQ(tvm_can_bus_delete(if_nametoindex(self->bus.name)), 0);
	ASSERT_TRUE(tvm_event_wait(self->can.config_fd, harness_scaled(5000)));
	EXPECT_EQ(tvm_can_status(&self->can), 1);
	end(&self->writer);
	finish(self);
	end(&self->reader);
	expect_accounts(self, variant->features);
	EXPECT_EQ(tvm_can_control(&self->can, TVM_CAN_START), TVM_CAN_NOT_OK);
}

HARNESS_MAIN
