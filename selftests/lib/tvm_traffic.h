/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Frames through a network device, both ways, each of them counted
 */
#ifndef TVM_TRAFFIC_H
#define TVM_TRAFFIC_H

#include "tvm_net.h"

/**
 * struct tvm_traffic - one pair of queues and what went through it
 * @net: the device
 * @wire: what the pair is plugged into
 * @pair: of queues
 * @min_len: bytes of the shortest frame
 * @max_len: bytes of the longest frame
 * @window: frames on their way to the guest at most
 * @tx: frames from the guest, counted at the wire's far end
 * @rx: frames to the guest, counted by its driver
 * @tx_seq: frames the guest sent
 * @rx_seq: frames the far end sent
 * @tx_bytes: their bytes
 * @rx_bytes: likewise
 * @rx_merged: packets that came in more than one buffer
 */
struct tvm_traffic {
	struct tvm_net *net;
	struct tvm_wire *wire;
	unsigned int pair;
	uint32_t min_len;
	uint32_t max_len;
	unsigned int window;
	struct tvm_flow tx;
	struct tvm_flow rx;
	uint32_t tx_seq;
	uint32_t rx_seq;
	uint64_t tx_bytes;
	uint64_t rx_bytes;
	uint64_t rx_merged;
	unsigned int random;
	uint8_t frame[TVM_FRAME_MAX + 1];
};

void tvm_traffic_init(struct tvm_traffic *traffic, struct tvm_net *net, unsigned int pair);
bool tvm_traffic_run(struct tvm_traffic *traffic, uint32_t tx, uint32_t rx);
unsigned int tvm_traffic_tx_fill(struct tvm_traffic *traffic, uint32_t most);
unsigned int tvm_traffic_rx_fill(struct tvm_traffic *traffic, uint32_t most);
unsigned int tvm_traffic_drain(struct tvm_traffic *traffic);
bool tvm_traffic_quiet(struct tvm_traffic *traffic);
void tvm_traffic_check(const struct tvm_traffic *traffic);

#endif /* TVM_TRAFFIC_H */
