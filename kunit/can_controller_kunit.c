// SPDX-License-Identifier: GPL-2.0-only
/*
 * CAN class: state of the controller, frames in flight, the queue of received
 * frames, the rate limit
 */
#include <kunit/test.h>
#include <linux/module.h>
#include <linux/time64.h>

#include "../drivers/can/controller.h"
#include "../drivers/can/fifo.h"
#include "../drivers/can/flight.h"
#include "../drivers/can/rate.h"

/* The controller. */

struct transition_case {
	enum vha_can_state state;
	enum vha_can_event event;
	enum vha_can_state next;
	u32 actions;
};

static const struct transition_case transition_cases[] = {
	{ VHA_CAN_STOPPED, VHA_CAN_START, VHA_CAN_STARTED, VHA_CAN_FLUSH },
	{ VHA_CAN_STOPPED, VHA_CAN_STOP, VHA_CAN_STOPPED, 0 },
	{ VHA_CAN_STOPPED, VHA_CAN_LOST, VHA_CAN_STOPPED, 0 },
	{ VHA_CAN_STARTED, VHA_CAN_START, VHA_CAN_STARTED, 0 },
	{ VHA_CAN_STARTED, VHA_CAN_STOP, VHA_CAN_STOPPED, VHA_CAN_CANCEL },
	{ VHA_CAN_STARTED, VHA_CAN_LOST, VHA_CAN_BUS_OFF, VHA_CAN_CANCEL | VHA_CAN_NOTIFY },
	{ VHA_CAN_BUS_OFF, VHA_CAN_START, VHA_CAN_STARTED, VHA_CAN_FLUSH },
	{ VHA_CAN_BUS_OFF, VHA_CAN_STOP, VHA_CAN_STOPPED, 0 },
	{ VHA_CAN_BUS_OFF, VHA_CAN_LOST, VHA_CAN_BUS_OFF, 0 },
};

static void transition_test(struct kunit *test)
{
	struct vha_can_controller controller;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(transition_cases); i++) {
		const struct transition_case *c = &transition_cases[i];

		vha_can_controller_init(&controller);
		controller.state = c->state;
		KUNIT_EXPECT_EQ_MSG(test, vha_can_controller_event(&controller, c->event),
				    c->actions, "row %u", i);
		KUNIT_EXPECT_EQ_MSG(test, controller.state, c->next, "row %u", i);
	}
}

static void status_test(struct kunit *test)
{
	struct vha_can_controller controller;

	vha_can_controller_init(&controller);
	KUNIT_EXPECT_EQ(test, controller.state, VHA_CAN_STOPPED);
	KUNIT_EXPECT_EQ(test, vha_can_controller_status(&controller), 0);
	vha_can_controller_event(&controller, VHA_CAN_START);
	KUNIT_EXPECT_EQ(test, vha_can_controller_status(&controller), 0);
	vha_can_controller_event(&controller, VHA_CAN_LOST);
	KUNIT_EXPECT_EQ(test, vha_can_controller_status(&controller), 1);
	vha_can_controller_event(&controller, VHA_CAN_START);
	KUNIT_EXPECT_EQ(test, vha_can_controller_status(&controller), 0);
	vha_can_controller_event(&controller, VHA_CAN_LOST);
	vha_can_controller_event(&controller, VHA_CAN_STOP);
	KUNIT_EXPECT_EQ(test, vha_can_controller_status(&controller), 0);
}

/* A driver that was reset starts all rings anew, the control queue last. */
static void start_fresh(struct kunit *test, struct vha_can_controller *controller)
{
	KUNIT_EXPECT_FALSE(test, vha_can_controller_resume(controller, false, true));
	KUNIT_EXPECT_FALSE(test, vha_can_controller_resume(controller, false, true));
	KUNIT_EXPECT_FALSE(test, vha_can_controller_resume(controller, true, true));
	KUNIT_EXPECT_EQ(test, controller->state, VHA_CAN_STOPPED);
}

static void resume_test(struct kunit *test)
{
	struct vha_can_controller controller;

	/* The device is made and reset, a driver starts and is reset itself. */
	vha_can_controller_init(&controller);
	vha_can_controller_reset(&controller);
	start_fresh(test, &controller);
	vha_can_controller_event(&controller, VHA_CAN_START);
	vha_can_controller_reset(&controller);
	KUNIT_EXPECT_EQ(test, controller.state, VHA_CAN_STOPPED);
	vha_can_controller_reset(&controller);
	start_fresh(test, &controller);

	/* The guest is paused: a reset, and rings go on. */
	vha_can_controller_event(&controller, VHA_CAN_START);
	vha_can_controller_event(&controller, VHA_CAN_LOST);
	vha_can_controller_reset(&controller);
	KUNIT_EXPECT_EQ(test, vha_can_controller_status(&controller), 0);
	KUNIT_EXPECT_TRUE(test, vha_can_controller_resume(&controller, false, false));
	KUNIT_EXPECT_EQ(test, controller.state, VHA_CAN_BUS_OFF);
	KUNIT_EXPECT_FALSE(test, vha_can_controller_resume(&controller, true, false));

	/* Stopped and paused it stays stopped. */
	vha_can_controller_event(&controller, VHA_CAN_STOP);
	vha_can_controller_reset(&controller);
	KUNIT_EXPECT_FALSE(test, vha_can_controller_resume(&controller, false, false));
	KUNIT_EXPECT_EQ(test, controller.state, VHA_CAN_STOPPED);

	/* Queues that stop and start without a reset change nothing. */
	vha_can_controller_event(&controller, VHA_CAN_START);
	KUNIT_EXPECT_FALSE(test, vha_can_controller_resume(&controller, false, false));
	KUNIT_EXPECT_EQ(test, controller.state, VHA_CAN_STARTED);
}

/* A device that is new to a driver that is not takes it to be started. */
static void resume_unknown_test(struct kunit *test)
{
	struct vha_can_controller controller;

	vha_can_controller_init(&controller);
	vha_can_controller_reset(&controller);
	KUNIT_EXPECT_TRUE(test, vha_can_controller_resume(&controller, false, false));
	KUNIT_EXPECT_EQ(test, controller.state, VHA_CAN_STARTED);
}

/* Frames in flight. */

#define ROOM	8

static void flight_free(void *flight)
{
	vha_can_flight_free(flight);
}

static struct vha_can_flight *flight_create(struct kunit *test)
{
	struct vha_can_flight *flight = kunit_kzalloc(test, sizeof(*flight), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, flight);
	vha_can_flight_init(flight);
	KUNIT_ASSERT_EQ(test, vha_can_flight_alloc(flight, ROOM), 0);
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, flight_free, flight), 0);
	return flight;
}

static struct vha_can_frame frame_of(u32 id, u8 byte)
{
	return (struct vha_can_frame) {
		.cf = { .can_id = id, .len = 1, .data = { byte } },
	};
}

static struct vha_can_entry *begin(struct vha_can_flight *flight, u32 id, u8 byte, u16 head)
{
	struct vha_can_frame frame = frame_of(id, byte);
	struct vha_can_entry *entry = vha_can_flight_begin(flight, ROOM, &frame);

	if (entry)
		entry->token.id = head;
	return entry;
}

static void launch(struct kunit *test, struct vha_can_flight *flight, u32 id, u8 byte,
		   u16 head, u64 deadline)
{
	struct vha_can_entry *entry = begin(flight, id, byte, head);

	KUNIT_ASSERT_NOT_NULL(test, entry);
	KUNIT_ASSERT_FALSE(test, vha_can_flight_sent(flight, entry, deadline));
}

static bool confirm(struct vha_can_flight *flight, u32 id, u8 byte)
{
	struct vha_can_frame frame = frame_of(id, byte);

	return vha_can_flight_confirm(flight, &frame);
}

static void expect_done(struct kunit *test, struct vha_can_flight *flight, u16 head,
			enum vha_can_outcome outcome)
{
	struct vha_can_entry *entry = vha_can_flight_take(flight);

	KUNIT_ASSERT_NOT_NULL(test, entry);
	KUNIT_EXPECT_EQ(test, entry->token.id, head);
	KUNIT_EXPECT_EQ(test, entry->outcome, outcome);
	vha_can_flight_put(flight, entry);
}

static void flight_confirm_test(struct kunit *test)
{
	struct vha_can_flight *flight = flight_create(test);

	launch(test, flight, 1, 0xa, 10, 100);
	launch(test, flight, 2, 0xa, 11, 100);
	launch(test, flight, 1, 0xa, 12, 100);
	KUNIT_EXPECT_FALSE(test, confirm(flight, 1, 0xb));
	KUNIT_EXPECT_FALSE(test, confirm(flight, 3, 0xa));
	KUNIT_EXPECT_NULL(test, vha_can_flight_take(flight));
	/* The bus may order by identifier, and equal frames by age. */
	KUNIT_EXPECT_TRUE(test, confirm(flight, 2, 0xa));
	KUNIT_EXPECT_TRUE(test, confirm(flight, 1, 0xa));
	KUNIT_EXPECT_TRUE(test, confirm(flight, 1, 0xa));
	KUNIT_EXPECT_FALSE(test, confirm(flight, 1, 0xa));
	expect_done(test, flight, 11, VHA_CAN_CONFIRMED);
	expect_done(test, flight, 10, VHA_CAN_CONFIRMED);
	expect_done(test, flight, 12, VHA_CAN_CONFIRMED);
	KUNIT_EXPECT_NULL(test, vha_can_flight_take(flight));
	KUNIT_EXPECT_EQ(test, flight->nr, 0);
}

static void flight_limit_test(struct kunit *test)
{
	struct vha_can_flight *flight = flight_create(test);
	struct vha_can_frame frame = frame_of(1, 1);
	unsigned int i;

	for (i = 0; i < 3; i++)
		KUNIT_EXPECT_NOT_NULL(test, vha_can_flight_begin(flight, 3, &frame));
	KUNIT_EXPECT_NULL(test, vha_can_flight_begin(flight, 3, &frame));
	for (; i < ROOM; i++)
		KUNIT_EXPECT_NOT_NULL(test, vha_can_flight_begin(flight, 1000, &frame));
	KUNIT_EXPECT_NULL(test, vha_can_flight_begin(flight, 1000, &frame));
}

/* A confirmation that comes before the call that sent the frame has returned. */
static void flight_early_test(struct kunit *test)
{
	struct vha_can_flight *flight = flight_create(test);
	struct vha_can_entry *entry = begin(flight, 1, 1, 10);

	KUNIT_ASSERT_NOT_NULL(test, entry);
	KUNIT_EXPECT_TRUE(test, confirm(flight, 1, 1));
	KUNIT_EXPECT_FALSE(test, confirm(flight, 1, 1));
	KUNIT_EXPECT_NULL(test, vha_can_flight_take(flight));
	KUNIT_EXPECT_TRUE(test, vha_can_flight_sent(flight, entry, 100));
	expect_done(test, flight, 10, VHA_CAN_CONFIRMED);
}

/* A frame that was refused is gone, whatever was confirmed meanwhile. */
static void flight_abort_test(struct kunit *test)
{
	struct vha_can_flight *flight = flight_create(test);
	struct vha_can_entry *entry = begin(flight, 1, 1, 10);

	KUNIT_ASSERT_NOT_NULL(test, entry);
	KUNIT_EXPECT_FALSE(test, vha_can_flight_abort(flight, entry));
	KUNIT_EXPECT_FALSE(test, confirm(flight, 1, 1));
	entry = begin(flight, 1, 1, 11);
	KUNIT_ASSERT_NOT_NULL(test, entry);
	KUNIT_EXPECT_TRUE(test, confirm(flight, 1, 1));
	KUNIT_EXPECT_TRUE(test, vha_can_flight_abort(flight, entry));
	KUNIT_EXPECT_NULL(test, vha_can_flight_take(flight));
	KUNIT_EXPECT_EQ(test, flight->nr, 0);
}

static void flight_expire_test(struct kunit *test)
{
	struct vha_can_flight *flight = flight_create(test);
	struct vha_can_entry *entry;

	KUNIT_EXPECT_EQ(test, vha_can_flight_deadline(flight), U64_MAX);
	launch(test, flight, 1, 1, 10, 100);
	launch(test, flight, 2, 1, 11, 200);
	launch(test, flight, 3, 1, 12, 300);
	KUNIT_EXPECT_EQ(test, vha_can_flight_deadline(flight), 100);
	vha_can_flight_expire(flight, 99);
	KUNIT_EXPECT_NULL(test, vha_can_flight_take(flight));
	vha_can_flight_expire(flight, 200);
	KUNIT_EXPECT_EQ(test, vha_can_flight_deadline(flight), 300);
	KUNIT_EXPECT_FALSE(test, confirm(flight, 1, 1));
	KUNIT_EXPECT_TRUE(test, confirm(flight, 3, 1));
	expect_done(test, flight, 10, VHA_CAN_EXPIRED);
	expect_done(test, flight, 11, VHA_CAN_EXPIRED);
	expect_done(test, flight, 12, VHA_CAN_CONFIRMED);
	/* What is being sent has no deadline yet. */
	entry = begin(flight, 1, 1, 13);
	KUNIT_ASSERT_NOT_NULL(test, entry);
	KUNIT_EXPECT_EQ(test, vha_can_flight_deadline(flight), U64_MAX);
	vha_can_flight_expire(flight, U64_MAX);
	KUNIT_EXPECT_FALSE(test, vha_can_flight_sent(flight, entry, 400));
	KUNIT_EXPECT_NULL(test, vha_can_flight_take(flight));
	KUNIT_EXPECT_EQ(test, vha_can_flight_deadline(flight), 400);
}

static void flight_cancel_test(struct kunit *test)
{
	struct vha_can_flight *flight = flight_create(test);
	struct vha_can_entry *sending, *refused, *confirmed;

	launch(test, flight, 1, 1, 10, 100);
	launch(test, flight, 2, 1, 11, 100);
	KUNIT_EXPECT_TRUE(test, confirm(flight, 2, 1));
	sending = begin(flight, 3, 1, 12);
	refused = begin(flight, 4, 1, 13);
	confirmed = begin(flight, 5, 1, 14);
	KUNIT_ASSERT_NOT_NULL(test, sending);
	KUNIT_ASSERT_NOT_NULL(test, refused);
	KUNIT_ASSERT_NOT_NULL(test, confirmed);
	KUNIT_EXPECT_TRUE(test, confirm(flight, 5, 1));
	vha_can_flight_cancel(flight);
	vha_can_flight_cancel(flight);
	expect_done(test, flight, 11, VHA_CAN_CONFIRMED);
	expect_done(test, flight, 10, VHA_CAN_CANCELLED);
	KUNIT_EXPECT_NULL(test, vha_can_flight_take(flight));
	KUNIT_EXPECT_FALSE(test, confirm(flight, 3, 1));
	KUNIT_EXPECT_TRUE(test, vha_can_flight_sent(flight, sending, 200));
	KUNIT_EXPECT_FALSE(test, vha_can_flight_abort(flight, refused));
	expect_done(test, flight, 12, VHA_CAN_CANCELLED);
	/* What was on the bus before was on the bus. */
	KUNIT_EXPECT_TRUE(test, vha_can_flight_sent(flight, confirmed, 200));
	expect_done(test, flight, 14, VHA_CAN_CONFIRMED);
	KUNIT_EXPECT_EQ(test, flight->nr, 0);
}

/* Received frames. */

static void fifo_free(void *fifo)
{
	vha_can_fifo_free(fifo);
}

static void fifo_test(struct kunit *test)
{
	struct vha_can_fifo *fifo = kunit_kzalloc(test, sizeof(*fifo), GFP_KERNEL);
	struct vha_can_frame frame;
	u32 i, round, at;

	KUNIT_ASSERT_NOT_NULL(test, fifo);
	KUNIT_ASSERT_EQ(test, vha_can_fifo_alloc(fifo), 0);
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, fifo_free, fifo), 0);
	/* Close to where the counters wrap. */
	fifo->put = -VHA_CAN_FIFO - 3;
	fifo->taken = fifo->put;
	for (round = 0; round < 3; round++) {
		for (i = 0; i < VHA_CAN_FIFO; i++) {
			frame = frame_of(i, round);
			KUNIT_ASSERT_TRUE(test, vha_can_fifo_put(fifo, &frame));
		}
		KUNIT_ASSERT_FALSE(test, vha_can_fifo_put(fifo, &frame));
		for (i = 0; i < VHA_CAN_FIFO; i++) {
			KUNIT_ASSERT_TRUE(test, vha_can_fifo_peek(fifo, &frame, &at));
			KUNIT_ASSERT_EQ(test, frame.cf.can_id, i);
			KUNIT_ASSERT_EQ(test, frame.cf.data[0], round);
			vha_can_fifo_drop(fifo, at);
		}
		KUNIT_ASSERT_FALSE(test, vha_can_fifo_peek(fifo, &frame, &at));
	}
}

/* Whoever looked at a frame that was cleared since does not remove another. */
static void fifo_clear_test(struct kunit *test)
{
	struct vha_can_fifo *fifo = kunit_kzalloc(test, sizeof(*fifo), GFP_KERNEL);
	struct vha_can_frame frame = frame_of(1, 1);
	u32 at, other;

	KUNIT_ASSERT_NOT_NULL(test, fifo);
	KUNIT_ASSERT_EQ(test, vha_can_fifo_alloc(fifo), 0);
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, fifo_free, fifo), 0);
	vha_can_fifo_put(fifo, &frame);
	vha_can_fifo_put(fifo, &frame);
	KUNIT_ASSERT_TRUE(test, vha_can_fifo_peek(fifo, &frame, &at));
	KUNIT_EXPECT_EQ(test, vha_can_fifo_clear(fifo), 2);
	KUNIT_EXPECT_EQ(test, vha_can_fifo_clear(fifo), 0);
	frame = frame_of(2, 2);
	vha_can_fifo_put(fifo, &frame);
	vha_can_fifo_drop(fifo, at);
	KUNIT_ASSERT_TRUE(test, vha_can_fifo_peek(fifo, &frame, &other));
	KUNIT_EXPECT_EQ(test, frame.cf.can_id, 2);
}

/* The rate limit. */

/* Events that come as fast as they may from @start to @end. */
static unsigned int events(struct vha_can_rate *rate, u64 start, u64 end)
{
	unsigned int n = 0;
	u64 now = start;

	while (now < end) {
		u64 delay = vha_can_rate_delay(rate, now);

		now += delay;
		if (delay || now >= end)
			continue;
		vha_can_rate_charge(rate, now);
		n++;
	}
	return n;
}

static void rate_test(struct kunit *test)
{
	struct vha_can_rate rate;

	vha_can_rate_set(&rate, 0, 0);
	vha_can_rate_charge(&rate, 5);
	KUNIT_EXPECT_EQ(test, vha_can_rate_delay(&rate, 5), 0);

	vha_can_rate_set(&rate, 1000, 0);
	KUNIT_EXPECT_EQ(test, vha_can_rate_delay(&rate, 0), 0);
	vha_can_rate_charge(&rate, 0);
	KUNIT_EXPECT_EQ(test, vha_can_rate_delay(&rate, 0), NSEC_PER_MSEC);
	KUNIT_EXPECT_EQ(test, vha_can_rate_delay(&rate, 999999), 1);
	KUNIT_EXPECT_EQ(test, vha_can_rate_delay(&rate, NSEC_PER_MSEC), 0);

	vha_can_rate_set(&rate, 1000, 0);
	KUNIT_EXPECT_EQ(test, events(&rate, NSEC_PER_SEC, 2 * NSEC_PER_SEC), 1000);
	/* A pause gives no more than the burst. */
	vha_can_rate_set(&rate, 1000, 10);
	KUNIT_EXPECT_EQ(test, events(&rate, NSEC_PER_SEC, 2 * NSEC_PER_SEC), 1009);
	KUNIT_EXPECT_EQ(test, events(&rate, 9 * NSEC_PER_SEC, 10 * NSEC_PER_SEC), 1009);
	vha_can_rate_set(&rate, 333, 1);
	/* Never more, where a second can not be divided evenly. */
	KUNIT_EXPECT_EQ(test, events(&rate, 0, NSEC_PER_SEC), 333);
}

static struct kunit_case can_controller_cases[] = {
	KUNIT_CASE(transition_test),
	KUNIT_CASE(status_test),
	KUNIT_CASE(resume_test),
	KUNIT_CASE(resume_unknown_test),
	KUNIT_CASE(flight_confirm_test),
	KUNIT_CASE(flight_limit_test),
	KUNIT_CASE(flight_early_test),
	KUNIT_CASE(flight_abort_test),
	KUNIT_CASE(flight_expire_test),
	KUNIT_CASE(flight_cancel_test),
	KUNIT_CASE(fifo_test),
	KUNIT_CASE(fifo_clear_test),
	KUNIT_CASE(rate_test),
	{}
};

static struct kunit_suite can_controller_suite = {
	.name = "vha_can_controller",
	.test_cases = can_controller_cases,
};

kunit_test_suite(can_controller_suite);

/* As MODULE_IMPORT_NS(), whose argument is not the same in all kernels. */
MODULE_INFO(import_ns, "EXPORTED_FOR_KUNIT_TESTING");
MODULE_DESCRIPTION("KUnit tests of the CAN controller");
MODULE_LICENSE("GPL");
