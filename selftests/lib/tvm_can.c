// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tiny VMM: a CAN controller and its driver
 */
#include <endian.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tvm_can.h"

/** tvm_can_node() - path of the node to test */
const char *tvm_can_node(void)
{
	const char *path = getenv("VHA_CAN_NODE");

	return path ? path : "/dev/vhost-accel/can";
}

static struct tvm_can_slot *slots_create(struct tvm_can *can, unsigned int num,
					 unsigned int len)
{
	struct tvm_can_slot *slots = calloc(num, sizeof(*slots));
	unsigned int i;

	ASSERT_TRUE(slots);
	for (i = 0; i < num; i++) {
		slots[i].gpa = tvm_mem_alloc(&can->mem, len, 8);
		slots[i].result = tvm_mem_alloc(&can->mem, 1, 1);
	}
	return slots;
}

/**
 * tvm_can_slots_create() - memory for messages
 * @can: with guest memory
 * @num: messages of either direction
 * @rx_len: bytes of a receive buffer
 */
void tvm_can_slots_create(struct tvm_can *can, unsigned int num, unsigned int rx_len)
{
	can->num = num;
	can->rx_len = rx_len;
	can->tx = slots_create(can, num, TVM_CAN_HEADER + 4 * TVM_CAN_DATA);
	can->rx = slots_create(can, num, rx_len);
	can->control.gpa = tvm_mem_alloc(&can->mem, 8, 8);
	can->control.result = tvm_mem_alloc(&can->mem, 1, 1);
}

/**
 * tvm_can_slots_destroy() - forget them
 * @can: the controller
 */
void tvm_can_slots_destroy(struct tvm_can *can)
{
	free(can->tx);
	free(can->rx);
	can->tx = NULL;
	can->rx = NULL;
}

static int start_queues(struct tvm_can *can, const struct tvm_can_options *options)
{
	uint64_t class = options->features ? options->features : TVM_CAN_F_USUAL;
	unsigned int i;
	int ret;

	ret = tvm_dev_features_set(&can->dev, tvm_config_features(&options->cfg) | class, 0);
	for (i = 0; !ret && i < TVM_CAN_QUEUES; i++) {
		ret = tvm_queue_init(&can->vqs[i], &can->dev, i, can->num, &options->cfg);
		if (!ret)
			ret = tvm_queue_start(&can->vqs[i]);
	}
	return ret;
}

/**
 * tvm_can_setup() - all from opening the node to a controller that is started
 * @can: with memory and a socket
 * @options: how
 *
 * Return: 0, or a negative errno.
 */
int tvm_can_setup(struct tvm_can *can, const struct tvm_can_options *options)
{
	unsigned int num = options->num ? options->num : 64;
	int ret = tvm_dev_open(&can->dev, tvm_can_node());

	if (ret)
		return ret;
	tvm_can_slots_create(can, num, options->rx_len ? options->rx_len :
			     TVM_CAN_HEADER + TVM_CAN_DATA);
	ret = tvm_dev_ioctl(&can->dev, VHOST_SET_OWNER, NULL);
	if (!ret)
		ret = tvm_dev_mem_set(&can->dev, &can->mem);
	if (!ret && options->params) {
		struct vha_can_params params = *options->params;

		ret = tvm_dev_ioctl(&can->dev, VHA_CAN_SET_PARAMS, &params);
	}
	if (!ret)
		ret = tvm_dev_backend_set(&can->dev, can->socket, 0);
	if (!ret)
		ret = tvm_dev_ioctl(&can->dev, VHA_SET_CONFIG_CALL, &can->config_fd);
	if (!ret)
		ret = start_queues(can, options);
	if (!ret && options->rx >= 0)
		tvm_can_post(can, options->rx ? (unsigned int)options->rx : num);
	if (!ret && !options->stopped)
		ret = tvm_can_control(can, TVM_CAN_START);
	return ret;
}

/**
 * tvm_can_create() - make a controller; a failure fails the test
 * @can: filled in
 * @interface: of the host
 * @options: how
 */
void tvm_can_create(struct tvm_can *can, const char *interface,
		    const struct tvm_can_options *options)
{
	can_err_mask_t errors = CAN_ERR_BUSOFF | CAN_ERR_RESTARTED;

	memset(can, 0, sizeof(*can));
	can->dev.fd = -1;
	can->socket = options->socket;
	can->config_fd = tvm_event_create();
	tvm_mem_create_default(&can->mem);
	if (can->socket <= 0) {
		can->socket = tvm_can_socket(interface);
		ASSERT_EQ(setsockopt(can->socket, SOL_CAN_RAW, CAN_RAW_ERR_FILTER, &errors,
				     sizeof(errors)), 0);
		if (options->features & TVM_CAN_F_LATE)
			tvm_can_socket_option(can->socket, CAN_RAW_RECV_OWN_MSGS, 1);
	}
	ASSERT_EQ(tvm_can_setup(can, options), 0);
}

/**
 * tvm_can_destroy() - undo tvm_can_create(), as far as it got
 * @can: the controller
 */
void tvm_can_destroy(struct tvm_can *can)
{
	unsigned int i;

	tvm_dev_close(&can->dev);
	for (i = 0; i < TVM_CAN_QUEUES; i++)
		tvm_queue_destroy(&can->vqs[i]);
	tvm_can_slots_destroy(can);
	if (can->socket > 0)
		close(can->socket);
	if (can->config_fd > 0)
		close(can->config_fd);
	tvm_mem_destroy(&can->mem);
}

static void put16(uint8_t *to, uint16_t value)
{
	value = htole16(value);
	memcpy(to, &value, sizeof(value));
}

static void put32(uint8_t *to, uint32_t value)
{
	value = htole32(value);
	memcpy(to, &value, sizeof(value));
}

static uint16_t get16(const uint8_t *from)
{
	uint16_t value;

	memcpy(&value, from, sizeof(value));
	return le16toh(value);
}

static uint32_t get32(const uint8_t *from)
{
	uint32_t value;

	memcpy(&value, from, sizeof(value));
	return le32toh(value);
}

/**
 * tvm_can_frame_header() - the header of a message to transmit
 * @frame: the frame
 * @message: filled in, TVM_CAN_HEADER bytes
 */
void tvm_can_frame_header(const struct tvm_can_frame *frame, uint8_t *message)
{
	memset(message, 0, TVM_CAN_HEADER);
	put16(message, TVM_CAN_TX_TYPE);
	put16(message + 2, frame->len);
	put32(message + 8, frame->flags);
	put32(message + 12, frame->id);
}

/* Mostly the one after the last, as buffers come back in order. */
static struct tvm_can_slot *slot_get(struct tvm_can_slot *slots, unsigned int num,
				     unsigned int *next)
{
	unsigned int i;

	for (i = 0; i < num; i++) {
		struct tvm_can_slot *slot = &slots[(*next + i) % num];

		if (slot->busy)
			continue;
		*next = (*next + i + 1) % num;
		return slot;
	}
	return NULL;
}

static int submit(struct tvm_can *can, const void *message, unsigned int len)
{
	struct tvm_can_slot *slot = slot_get(can->tx, can->num, &can->tx_next);
	struct tvm_seg segs[2];
	int ret;

	if (!slot)
		return -ENOSPC;
	tvm_mem_write(&can->mem, slot->gpa, message, len);
	tvm_mem_fill(&can->mem, slot->result, TVM_CAN_NO_RESULT, 1);
	segs[0] = (struct tvm_seg){ slot->gpa, len };
	segs[1] = (struct tvm_seg){ slot->result, 1 };
	ret = tvm_queue_add(&can->vqs[TVM_CAN_TX], segs, 1, 1, slot, 0);
	if (ret < 0)
		return ret;
	slot->busy = true;
	return 0;
}

/**
 * tvm_can_submit() - make a frame available, without notifying
 * @can: the controller
 * @frame: the frame
 *
 * Return: 0, or -ENOSPC.
 */
int tvm_can_submit(struct tvm_can *can, const struct tvm_can_frame *frame)
{
	uint8_t message[TVM_CAN_HEADER + TVM_CAN_DATA];

	tvm_can_frame_header(frame, message);
	memcpy(message + TVM_CAN_HEADER, frame->data, frame->len);
	return submit(can, message, TVM_CAN_HEADER + frame->len);
}

/**
 * tvm_can_result() - wait for the next frame that was dealt with
 * @can: the controller
 * @timeout_ms: for how long
 *
 * Return: its result, -ETIMEDOUT, or -EPROTO when the device wrote none.
 */
int tvm_can_result(struct tvm_can *can, unsigned int timeout_ms)
{
	struct tvm_can_slot *slot;
	struct tvm_used used;
	uint8_t result;
	int ret;

	ret = tvm_queue_wait(&can->vqs[TVM_CAN_TX], &used, timeout_ms);
	if (ret)
		return ret;
	slot = used.cookie;
	slot->busy = false;
	tvm_mem_read(&can->mem, slot->result, &result, 1);
	if ((used.len_known && used.len != 1) || result > TVM_CAN_NOT_OK)
		return -EPROTO;
	return result;
}

/**
 * tvm_can_send_raw() - transmit a message of any form and wait for its result
 * @can: the controller
 * @message: the message
 * @len: its length, at most TVM_CAN_HEADER + 4 * TVM_CAN_DATA
 */
int tvm_can_send_raw(struct tvm_can *can, const void *message, unsigned int len)
{
	int ret = submit(can, message, len);

	if (ret)
		return ret;
	tvm_queue_kick(&can->vqs[TVM_CAN_TX]);
	return tvm_can_result(can, harness_scaled(TVM_CAN_WAIT_MS));
}

/**
 * tvm_can_send() - transmit a frame and wait for its result
 * @can: the controller
 * @frame: the frame
 */
int tvm_can_send(struct tvm_can *can, const struct tvm_can_frame *frame)
{
	uint8_t message[TVM_CAN_HEADER + TVM_CAN_DATA];

	tvm_can_frame_header(frame, message);
	memcpy(message + TVM_CAN_HEADER, frame->data, frame->len);
	return tvm_can_send_raw(can, message, TVM_CAN_HEADER + frame->len);
}

static int post(struct tvm_can *can, struct tvm_can_slot *slot)
{
	struct tvm_seg seg = { slot->gpa, can->rx_len };
	int ret;

	tvm_mem_fill(&can->mem, slot->gpa, 0xee, can->rx_len);
	ret = tvm_queue_add(&can->vqs[TVM_CAN_RX], &seg, 0, 1, slot, 0);
	slot->busy = ret >= 0;
	return ret < 0 ? ret : 0;
}

/**
 * tvm_can_post() - post receive buffers and notify
 * @can: the controller
 * @max: how many at most
 *
 * Return: how many there was room for.
 */
unsigned int tvm_can_post(struct tvm_can *can, unsigned int max)
{
	struct tvm_can_slot *slot;
	unsigned int n;

	for (n = 0; n < max; n++) {
		slot = slot_get(can->rx, can->num, &can->rx_next);
		if (!slot || post(can, slot))
			break;
	}
	tvm_queue_kick(&can->vqs[TVM_CAN_RX]);
	return n;
}

/* The same checks as of a driver that trusts nobody. */
static int parse(const uint8_t *message, const struct tvm_used *used,
		 struct tvm_can_frame *frame)
{
	memset(frame, 0, sizeof(*frame));
	if (used->len_known && used->len < TVM_CAN_HEADER)
		return -EPROTO;
	frame->len = get16(message + 2);
	frame->flags = get32(message + 8);
	frame->id = get32(message + 12);
	if (get16(message) != TVM_CAN_RX_TYPE || get32(message + 4))
		return -EPROTO;
	if (frame->len > TVM_CAN_DATA ||
	    (used->len_known && used->len != TVM_CAN_HEADER + frame->len))
		return -EPROTO;
	memcpy(frame->data, message + TVM_CAN_HEADER, frame->len);
	return 0;
}

/* Reads a message, and posts its buffer again without notifying. */
static int finish(struct tvm_can *can, const struct tvm_used *used, struct tvm_can_frame *frame)
{
	uint8_t message[TVM_CAN_HEADER + TVM_CAN_DATA] = { 0 };
	struct tvm_can_slot *slot = used->cookie;
	unsigned int len = can->rx_len < sizeof(message) ? can->rx_len : sizeof(message);
	int ret;

	tvm_mem_read(&can->mem, slot->gpa, message, len);
	ret = parse(message, used, frame);
	return post(can, slot) ? -ENOSPC : ret;
}

/**
 * tvm_can_take() - take a frame if there is one, and post its buffer again
 * @can: the controller
 * @frame: filled in
 *
 * Does not notify.
 *
 * Return: 0, -EAGAIN, or -EPROTO for a message that is not one.
 */
int tvm_can_take(struct tvm_can *can, struct tvm_can_frame *frame)
{
	struct tvm_used used;

	if (!tvm_queue_poll(&can->vqs[TVM_CAN_RX], &used))
		return -EAGAIN;
	return finish(can, &used, frame);
}

/**
 * tvm_can_receive() - wait for a frame, and post its buffer again
 * @can: the controller
 * @frame: filled in
 * @timeout_ms: for how long
 *
 * Return: 0, -ETIMEDOUT, or -EPROTO for a message that is not one.
 */
int tvm_can_receive(struct tvm_can *can, struct tvm_can_frame *frame,
		    unsigned int timeout_ms)
{
	struct tvm_used used;
	int ret;

	ret = tvm_queue_wait(&can->vqs[TVM_CAN_RX], &used, timeout_ms);
	if (ret)
		return ret;
	ret = finish(can, &used, frame);
	if (ret != -ENOSPC)
		tvm_queue_kick(&can->vqs[TVM_CAN_RX]);
	return ret;
}

/**
 * tvm_can_control() - send a control message and wait for its result
 * @can: the controller
 * @type: TVM_CAN_START, TVM_CAN_STOP, or anything
 */
int tvm_can_control(struct tvm_can *can, uint16_t type)
{
	struct tvm_seg segs[2] = { { can->control.gpa, 2 }, { can->control.result, 1 } };
	struct tvm_queue *vq = &can->vqs[TVM_CAN_CONTROL];
	struct tvm_used used;
	uint8_t message[2], result;
	int ret;

	put16(message, type);
	tvm_mem_write(&can->mem, can->control.gpa, message, sizeof(message));
	tvm_mem_fill(&can->mem, can->control.result, TVM_CAN_NO_RESULT, 1);
	ret = tvm_queue_add(vq, segs, 1, 1, NULL, 0);
	if (ret < 0)
		return ret;
	tvm_queue_kick(vq);
	ret = tvm_queue_wait(vq, &used, harness_scaled(TVM_CAN_WAIT_MS));
	if (ret)
		return ret;
	tvm_mem_read(&can->mem, can->control.result, &result, 1);
	if ((used.len_known && used.len != 1) || result > TVM_CAN_NOT_OK)
		return -EPROTO;
	return result;
}

/**
 * tvm_can_status() - status in configuration space
 * @can: the controller
 *
 * Return: the status, or a negative errno.
 */
int tvm_can_status(struct tvm_can *can)
{
	uint8_t status[2];
	int ret = tvm_dev_config_get(&can->dev, 0, status, sizeof(status));

	return ret ? ret : get16(status);
}

/**
 * tvm_can_stat() - a statistic, summed up over the queues
 * @can: the controller
 * @name: its name
 */
int64_t tvm_can_stat(struct tvm_can *can, const char *name)
{
	int64_t value, sum = 0;
	unsigned int i;

	for (i = 0; i < TVM_CAN_QUEUES; i++) {
		value = tvm_dev_stat(&can->dev, i, name);
		if (value < 0)
			return value;
		sum += value;
	}
	return sum;
}

/**
 * tvm_can_frame_fill() - make a frame
 * @frame: filled in
 * @id: its identifier
 * @flags: TVM_CAN_EXTENDED and others
 * @len: its length
 * @seed: what is in it
 */
void tvm_can_frame_fill(struct tvm_can_frame *frame, uint32_t id, uint32_t flags,
			uint16_t len, uint64_t seed)
{
	unsigned int i;

	memset(frame, 0, sizeof(*frame));
	frame->id = id;
	frame->flags = flags;
	frame->len = len;
	for (i = 0; i < len && !(flags & TVM_CAN_RTR); i++)
		frame->data[i] = i < 8 ? seed >> (8 * i) : seed * 31 + i;
}

/**
 * tvm_can_frame_equal() - whether two frames are the same
 * @a: a frame
 * @b: another one
 */
bool tvm_can_frame_equal(const struct tvm_can_frame *a, const struct tvm_can_frame *b)
{
	return a->id == b->id && a->flags == b->flags && a->len == b->len &&
	       !memcmp(a->data, b->data, a->len);
}

/**
 * tvm_can_numbered() - make a frame that says which it is of a sequence
 * @frame: filled in
 * @id: its identifier
 * @number: its place
 */
void tvm_can_numbered(struct tvm_can_frame *frame, uint32_t id, uint64_t number)
{
	tvm_can_frame_fill(frame, id, 0, 8, number);
}

/**
 * tvm_can_number() - what a frame of tvm_can_numbered() says
 * @frame: the frame
 */
uint64_t tvm_can_number(const struct tvm_can_frame *frame)
{
	uint64_t number = 0;
	unsigned int i;

	for (i = 0; i < 8; i++)
		number |= (uint64_t)frame->data[i] << (8 * i);
	return number;
}

/**
 * tvm_can_expect_works() - a frame gets through each way; a failure fails the test
 * @can: the controller, started
 * @host: a socket of the host on the same bus, with nothing to receive
 */
void tvm_can_expect_works(struct tvm_can *can, int host)
{
	struct tvm_can_frame frame, seen;

	tvm_can_frame_fill(&frame, 0x321, 0, 8, 7);
	ASSERT_EQ(tvm_can_send(can, &frame), TVM_CAN_OK);
	ASSERT_EQ(tvm_can_host_receive(host, &seen, harness_scaled(5000)), 0);
	EXPECT_TRUE(tvm_can_frame_equal(&frame, &seen));
	ASSERT_EQ(tvm_can_host_send(host, &frame), 0);
	ASSERT_EQ(tvm_can_receive(can, &seen, harness_scaled(5000)), 0);
	EXPECT_TRUE(tvm_can_frame_equal(&frame, &seen));
}

/**
 * tvm_can_spread() - a worker for each queue; a failure fails the test
 * @can: the controller
 */
void tvm_can_spread(struct tvm_can *can)
{
	struct vhost_worker_state worker;
	unsigned int i;

	for (i = 1; i < TVM_CAN_QUEUES; i++) {
		struct vhost_vring_worker attach = { .index = i };

		ASSERT_EQ(tvm_dev_ioctl(&can->dev, VHOST_NEW_WORKER, &worker), 0);
		attach.worker_id = worker.worker_id;
		ASSERT_EQ(tvm_dev_ioctl(&can->dev, VHOST_ATTACH_VRING_WORKER, &attach), 0);
	}
}
