/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * TCP and UDP packets, with all their checksums or with work left to do
 */
#ifndef TVM_INET_H
#define TVM_INET_H

#include <stdbool.h>
#include <stdint.h>

#include <linux/virtio_net.h>

#ifndef VIRTIO_NET_HDR_GSO_UDP_L4
#define VIRTIO_NET_HDR_GSO_UDP_L4	5
#endif

/** define TVM_INET_HEADERS - bytes of all headers of a packet at most */
#define TVM_INET_HEADERS	(14U + 40 + 20)

/**
 * struct tvm_inet - a packet to build
 * @ipv6: or IPv4
 * @udp: or TCP
 * @partial: the checksum is left to whoever comes next
 * @gso_size: bytes of payload of each segment, 0 for a single packet
 * @ecn: TCP with CWR set
 * @payload: bytes
 * @flow: makes ports and payload different
 */
struct tvm_inet {
	bool ipv6;
	bool udp;
	bool partial;
	uint16_t gso_size;
	bool ecn;
	uint32_t payload;
	uint16_t flow;
};

uint32_t tvm_inet_headers(const struct tvm_inet *inet);
uint32_t tvm_inet_build(const struct tvm_inet *inet, void *frame,
			struct virtio_net_hdr *header);
bool tvm_inet_sums_right(const void *frame, uint32_t len);

#endif /* TVM_INET_H */
