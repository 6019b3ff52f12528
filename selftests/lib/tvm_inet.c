// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tiny VMM: TCP and UDP packets
 */
#include <arpa/inet.h>
#include <net/ethernet.h>
#include <netinet/ip.h>
#include <netinet/ip6.h>
#include <netinet/tcp.h>
#include <netinet/udp.h>
#include <stddef.h>
#include <string.h>

#include "tvm_inet.h"

#define L3	14U

static const uint8_t addresses[12] = {
	0x02, 0x76, 0x68, 0x61, 0x00, 0x01, 0x02, 0x76, 0x68, 0x61, 0x00, 0x02,
};

static uint64_t sum_add(uint64_t sum, const void *data, uint32_t len)
{
	const uint8_t *bytes = data;
	uint32_t i;

	for (i = 0; i < len; i++)
		sum += i % 2 ? bytes[i] : bytes[i] << 8;
	return sum;
}

static uint16_t sum_fold(uint64_t sum)
{
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return sum;
}

static uint32_t l4_offset(bool ipv6)
{
	return L3 + (ipv6 ? sizeof(struct ip6_hdr) : sizeof(struct iphdr));
}

/* Of the pseudo header; its addresses stand at the end of both IP headers' start. */
static uint64_t pseudo(const uint8_t *frame, bool ipv6, uint8_t protocol, uint32_t len)
{
	uint64_t sum = protocol + (len >> 16) + (len & 0xffff);

	return ipv6 ? sum_add(sum, frame + L3 + 8, 32) : sum_add(sum, frame + L3 + 12, 8);
}

static void build_ipv4(uint8_t *frame, uint8_t protocol, uint32_t len)
{
	struct iphdr ip = {
		.version = 4, .ihl = 5, .ttl = 64, .protocol = protocol,
		.frag_off = htons(IP_DF), .tot_len = htons(sizeof(ip) + len),
		.saddr = htonl(0x0a4d0002), .daddr = htonl(0x0a4d0001),
	};

	ip.check = htons(~sum_fold(sum_add(0, &ip, sizeof(ip))));
	memcpy(frame + L3, &ip, sizeof(ip));
}

static void build_ipv6(uint8_t *frame, uint8_t protocol, uint32_t len)
{
	struct ip6_hdr ip = { 0 };

	ip.ip6_vfc = 6 << 4;
	ip.ip6_plen = htons(len);
	ip.ip6_nxt = protocol;
	ip.ip6_hlim = 64;
	ip.ip6_src.s6_addr[0] = 0xfd;
	ip.ip6_src.s6_addr[15] = 2;
	ip.ip6_dst.s6_addr[0] = 0xfd;
	ip.ip6_dst.s6_addr[15] = 1;
	memcpy(frame + L3, &ip, sizeof(ip));
}

static void build_tcp(uint8_t *at, const struct tvm_inet *inet)
{
	struct tcphdr tcp = { 0 };

	tcp.source = htons(2000 + inet->flow);
	tcp.dest = htons(3000 + inet->flow);
	tcp.seq = htonl(100000);
	tcp.ack_seq = htonl(1);
	tcp.doff = 5;
	tcp.ack = 1;
	tcp.window = htons(1000);
	memcpy(at, &tcp, sizeof(tcp));
	if (inet->ecn)
		at[13] |= 0x80;
}

static void build_udp(uint8_t *at, const struct tvm_inet *inet)
{
	struct udphdr udp = { 0 };

	udp.source = htons(2000 + inet->flow);
	udp.dest = htons(3000 + inet->flow);
	udp.len = htons(sizeof(udp) + inet->payload);
	memcpy(at, &udp, sizeof(udp));
}

/**
 * tvm_inet_headers() - bytes of all headers
 * @inet: of this packet
 */
uint32_t tvm_inet_headers(const struct tvm_inet *inet)
{
	return l4_offset(inet->ipv6) +
	       (inet->udp ? sizeof(struct udphdr) : sizeof(struct tcphdr));
}

static uint32_t sum_offset(bool udp)
{
	return udp ? offsetof(struct udphdr, check) : offsetof(struct tcphdr, check);
}

static void describe(const struct tvm_inet *inet, struct virtio_net_hdr *header)
{
	memset(header, 0, sizeof(*header));
	if (inet->partial) {
		header->flags = VIRTIO_NET_HDR_F_NEEDS_CSUM;
		header->csum_start = l4_offset(inet->ipv6);
		header->csum_offset = sum_offset(inet->udp);
	}
	if (!inet->gso_size)
		return;
	header->hdr_len = tvm_inet_headers(inet);
	header->gso_size = inet->gso_size;
	if (inet->udp)
		header->gso_type = VIRTIO_NET_HDR_GSO_UDP_L4;
	else
		header->gso_type = inet->ipv6 ? VIRTIO_NET_HDR_GSO_TCPV6 :
				   VIRTIO_NET_HDR_GSO_TCPV4;
	if (inet->ecn)
		header->gso_type |= VIRTIO_NET_HDR_GSO_ECN;
}

/**
 * tvm_inet_build() - write a packet
 * @inet: what it shall be
 * @frame: where to
 * @header: filled in with what is left to do
 *
 * Return: bytes of the frame.
 */
uint32_t tvm_inet_build(const struct tvm_inet *inet, void *frame, struct virtio_net_hdr *header)
{
	uint8_t protocol = inet->udp ? IPPROTO_UDP : IPPROTO_TCP;
	uint32_t at = l4_offset(inet->ipv6), data = tvm_inet_headers(inet), i;
	uint32_t len = data + inet->payload;
	uint8_t *bytes = frame;
	uint16_t sum;

	memcpy(bytes, addresses, sizeof(addresses));
	bytes[12] = inet->ipv6 ? 0x86 : 0x08;
	bytes[13] = inet->ipv6 ? 0xdd : 0x00;
	for (i = data; i < len; i++)
		bytes[i] = (i * 7 + (i >> 8) + inet->flow) & 0xff;
	if (inet->ipv6)
		build_ipv6(frame, protocol, len - at);
	else
		build_ipv4(frame, protocol, len - at);
	if (inet->udp)
		build_udp(bytes + at, inet);
	else
		build_tcp(bytes + at, inet);
	sum = sum_fold(pseudo(frame, inet->ipv6, protocol, len - at));
	if (!inet->partial)
		sum = ~sum_fold(sum + sum_add(0, bytes + at, len - at));
	if (!sum && inet->udp && !inet->partial)
		sum = 0xffff;
	bytes[at + sum_offset(inet->udp)] = sum >> 8;
	bytes[at + sum_offset(inet->udp) + 1] = sum;
	describe(inet, header);
	return len;
}

/**
 * tvm_inet_sums_right() - whether a packet's checksum is that of its bytes
 * @frame: as tvm_inet_build() makes them, or a segment of it
 * @len: bytes
 */
bool tvm_inet_sums_right(const void *frame, uint32_t len)
{
	const uint8_t *bytes = frame;
	bool ipv6 = bytes[12] == 0x86;
	uint32_t at = l4_offset(ipv6);
	uint8_t protocol;

	if (len < TVM_INET_HEADERS - 20)
		return false;
	protocol = bytes[L3 + (ipv6 ? 6 : 9)];
	return sum_fold(sum_add(pseudo(frame, ipv6, protocol, len - at), bytes + at,
				len - at)) == 0xffff;
}
