/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a network device is plugged into: a tap, a macvtap or a packet socket,
 * and the other end of the cable
 */
#ifndef TVM_WIRE_H
#define TVM_WIRE_H

#include <stdbool.h>
#include <stdint.h>

#include <linux/virtio_net.h>

/** define TVM_WIRE_QUEUES - queues a wire can have */
#define TVM_WIRE_QUEUES		4

enum tvm_wire_kind { TVM_WIRE_TAP, TVM_WIRE_MACVTAP, TVM_WIRE_PACKET };

/**
 * struct tvm_wire - a back end and what is at the other end of its cable
 * @backends: descriptors for VHOST_NET_SET_BACKEND, one for each queue
 * @socket: raw socket at the far end; its messages begin with a virtio_net_hdr
 * @near: interface of the back end
 * @far: interface of @socket: the tap itself, or the other end of a veth pair
 */
struct tvm_wire {
	enum tvm_wire_kind kind;
	unsigned int queues;
	int backends[TVM_WIRE_QUEUES];
	int socket;
	char near[16];
	char far[16];
};

/**
 * struct tvm_wire_drops - frames an interface did not pass on
 * @rx: that came in from its device
 * @tx: that went out to its device
 */
struct tvm_wire_drops {
	uint64_t rx;
	uint64_t tx;
};

void tvm_wire_space(void);
void tvm_wire_ip(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void tvm_wire_create(struct tvm_wire *wire, enum tvm_wire_kind kind, unsigned int queues,
		     unsigned int header);
void tvm_wire_name(struct tvm_wire *wire, const char *near, const char *far);
void tvm_wire_destroy(struct tvm_wire *wire);
int tvm_wire_tap(const char *name, unsigned int header, bool multi_queue);
int tvm_wire_packet(const char *name, unsigned int header);
int tvm_wire_offloads(struct tvm_wire *wire, unsigned int flags);
int tvm_wire_send(struct tvm_wire *wire, const struct virtio_net_hdr *header,
		  const void *frame, uint32_t len);
int tvm_wire_recv(struct tvm_wire *wire, struct virtio_net_hdr *header, void *frame,
		  uint32_t size);
bool tvm_wire_wait(const struct tvm_wire *wire, unsigned int timeout_ms);
uint64_t tvm_wire_overrun(const struct tvm_wire *wire);
struct tvm_wire_drops tvm_wire_drops(const char *interface);
uint64_t tvm_wire_refused(const struct tvm_wire *wire);

#endif /* TVM_WIRE_H */
