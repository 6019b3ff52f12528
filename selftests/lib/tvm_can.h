/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Tiny VMM: a CAN bus of the host, a controller on it, and the driver of that
 */
#ifndef TVM_CAN_H
#define TVM_CAN_H

#include <linux/can.h>
#include <linux/can/error.h>
#include <linux/can/raw.h>
#include <net/if.h>

#include "harness.h"
#include "tvm.h"

/* Numbers of the specification (virtio 1.4, CAN device), not of a header. */
#define TVM_CAN_F_CLASSIC	TVM_BIT(0)
#define TVM_CAN_F_FD		TVM_BIT(1)
#define TVM_CAN_F_RTR		TVM_BIT(2)
#define TVM_CAN_F_LATE		TVM_BIT(3)
#define TVM_CAN_F_USUAL		(TVM_CAN_F_CLASSIC | TVM_CAN_F_FD | TVM_CAN_F_RTR)

#define TVM_CAN_EXTENDED	0x8000U
#define TVM_CAN_FD		0x4000U
#define TVM_CAN_RTR		0x2000U

#define TVM_CAN_TX_TYPE		0x0001
#define TVM_CAN_RX_TYPE		0x0101
#define TVM_CAN_START		0x0201
#define TVM_CAN_STOP		0x0202

#define TVM_CAN_OK		0
#define TVM_CAN_NOT_OK		1
/* What a result holds before; no device writes it. */
#define TVM_CAN_NO_RESULT	0xee

#define TVM_CAN_HEADER		16U
#define TVM_CAN_DATA		64U
#define TVM_CAN_WAIT_MS		20000
/* Frames that a program of the host receives with one call. */
#define TVM_CAN_MANY		64U

enum {
	TVM_CAN_TX,
	TVM_CAN_RX,
	TVM_CAN_CONTROL,
	TVM_CAN_QUEUES,
};

/** struct tvm_can_frame - a frame as the driver has it */
struct tvm_can_frame {
	uint32_t id;
	uint32_t flags;
	uint16_t len;
	uint8_t data[TVM_CAN_DATA];
};

/**
 * struct tvm_can_slot - memory of one message
 * @gpa: header and data
 * @result: the result of what is transmitted
 * @busy: with the device
 */
struct tvm_can_slot {
	uint64_t gpa;
	uint64_t result;
	bool busy;
};

/**
 * struct tvm_can_options - what a controller shall be like; zero is the usual
 * @cfg: layout of the queues
 * @features: of the class, 0 for TVM_CAN_F_USUAL
 * @num: ring size, 0 for 64
 * @params: for VHA_CAN_SET_PARAMS, NULL to leave it out
 * @socket: of the host, -1 to make one; 0 is taken for -1
 * @rx: receive buffers to post, 0 for as many as the ring takes; negative for none
 * @rx_len: their size, 0 for 80
 * @stopped: do not start the controller
 */
struct tvm_can_options {
	struct tvm_config cfg;
	uint64_t features;
	unsigned int num;
	const struct vha_can_params *params;
	int socket;
	int rx;
	unsigned int rx_len;
	bool stopped;
};

/**
 * struct tvm_can - all of it
 * @socket: the backing object
 * @vqs: queues, by TVM_CAN_TX and others
 * @tx: slots to transmit, as many as the ring has
 * @rx: slots to receive
 * @num: ring size
 * @tx_next: where to look for a free one first
 * @rx_next: likewise
 * @rx_len: size of receive buffers
 * @config_fd: signalled when configuration space changes
 */
struct tvm_can {
	struct tvm_mem mem;
	struct tvm_dev dev;
	struct tvm_queue vqs[TVM_CAN_QUEUES];
	struct tvm_can_slot *tx;
	struct tvm_can_slot *rx;
	struct tvm_can_slot control;
	unsigned int num;
	unsigned int tx_next;
	unsigned int rx_next;
	unsigned int rx_len;
	int socket;
	int config_fd;
};

/* The host's side. */

/** struct tvm_can_bus - a virtual interface of the host, and its peer if it has one */
struct tvm_can_bus {
	char name[IF_NAMESIZE];
	char peer[IF_NAMESIZE];
};

int tvm_can_command(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void tvm_can_bus_create(struct tvm_can_bus *bus, bool pair);
void tvm_can_bus_destroy(struct tvm_can_bus *bus);
int tvm_can_socket(const char *interface);
void tvm_can_socket_option(int fd, int name, int value);
int tvm_can_host_send(int fd, const struct tvm_can_frame *frame);
int tvm_can_host_receive(int fd, struct tvm_can_frame *frame, unsigned int timeout_ms);
unsigned int tvm_can_host_receive_many(int fd, struct tvm_can_frame *frames, unsigned int max);
bool tvm_can_host_silent(int fd, unsigned int ms);
void tvm_can_host_error(int fd, canid_t errors);
int64_t tvm_can_socket_drops(int fd);
int64_t tvm_can_bus_drops(const struct tvm_can_bus *bus);
int tvm_can_bus_delete(unsigned int index);

/* The guest's side. */

const char *tvm_can_node(void);
void tvm_can_create(struct tvm_can *can, const char *interface,
		    const struct tvm_can_options *options);
void tvm_can_destroy(struct tvm_can *can);
int tvm_can_setup(struct tvm_can *can, const struct tvm_can_options *options);
void tvm_can_slots_create(struct tvm_can *can, unsigned int num, unsigned int rx_len);
void tvm_can_slots_destroy(struct tvm_can *can);

int tvm_can_submit(struct tvm_can *can, const struct tvm_can_frame *frame);
int tvm_can_result(struct tvm_can *can, unsigned int timeout_ms);
int tvm_can_send(struct tvm_can *can, const struct tvm_can_frame *frame);
int tvm_can_send_raw(struct tvm_can *can, const void *message, unsigned int len);
unsigned int tvm_can_post(struct tvm_can *can, unsigned int max);
int tvm_can_take(struct tvm_can *can, struct tvm_can_frame *frame);
int tvm_can_receive(struct tvm_can *can, struct tvm_can_frame *frame,
		    unsigned int timeout_ms);
int tvm_can_control(struct tvm_can *can, uint16_t type);
int tvm_can_status(struct tvm_can *can);
int64_t tvm_can_stat(struct tvm_can *can, const char *name);

void tvm_can_frame_fill(struct tvm_can_frame *frame, uint32_t id, uint32_t flags,
			uint16_t len, uint64_t seed);
bool tvm_can_frame_equal(const struct tvm_can_frame *a, const struct tvm_can_frame *b);
void tvm_can_frame_header(const struct tvm_can_frame *frame, uint8_t *message);
void tvm_can_numbered(struct tvm_can_frame *frame, uint32_t id, uint64_t number);
uint64_t tvm_can_number(const struct tvm_can_frame *frame);

/* Both sides. */

void tvm_can_expect_works(struct tvm_can *can, int host);
void tvm_can_spread(struct tvm_can *can);

#endif /* TVM_CAN_H */
