// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tiny VMM: frames through a network device
 */
#include <poll.h>
#include <string.h>

#include "tvm_traffic.h"

#define STALL_MS	5000
#define QUIET_MS	50
#define BURST		32U

/**
 * tvm_traffic_init() - nothing has been sent yet
 * @traffic: filled in
 * @net: the device
 * @pair: of queues
 */
void tvm_traffic_init(struct tvm_traffic *traffic, struct tvm_net *net, unsigned int pair)
{
	memset(traffic, 0, sizeof(*traffic));
	traffic->net = net;
	traffic->wire = &net->wire;
	traffic->pair = pair;
	traffic->min_len = TVM_FRAME_MIN;
	traffic->max_len = 1514;
	traffic->window = 128;
	traffic->random = 7 + pair;
	traffic->tx.id = 2 * pair;
	traffic->rx.id = 2 * pair + 1;
}

static uint32_t next_len(struct tvm_traffic *traffic)
{
	uint32_t span = traffic->max_len - traffic->min_len + 1;

	traffic->random = traffic->random * 1103515245 + 12345;
	return traffic->min_len + (traffic->random >> 8) % span;
}

/**
 * tvm_traffic_tx_fill() - let the guest send what there is room for
 * @traffic: the traffic
 * @most: frames at most
 *
 * Return: how many it were.
 */
unsigned int tvm_traffic_tx_fill(struct tvm_traffic *traffic, uint32_t most)
{
	unsigned int nr;
	uint32_t len;

	for (nr = 0; nr < most; nr++) {
		struct tvm_queue *vq = tvm_net_tx(traffic->net, traffic->pair);
		unsigned int before = traffic->random;

		if (!vq->num_free)
			break;
		len = next_len(traffic);
		tvm_frame_build(traffic->frame, traffic->tx.id, traffic->tx_seq, len);
		if (tvm_net_send(traffic->net, traffic->pair, NULL, traffic->frame, len)) {
			traffic->random = before;
			break;
		}
		traffic->tx_seq++;
		traffic->tx_bytes += len;
	}
	if (nr)
		tvm_queue_kick(tvm_net_tx(traffic->net, traffic->pair));
	return nr;
}

/**
 * tvm_traffic_rx_fill() - let the far end send what the window has room for
 * @traffic: the traffic
 * @most: frames at most
 *
 * Return: how many it were.
 */
unsigned int tvm_traffic_rx_fill(struct tvm_traffic *traffic, uint32_t most)
{
	unsigned int nr, before;
	uint32_t len;

	for (nr = 0; nr < most; nr++) {
		if (traffic->rx_seq - traffic->rx.frames >= traffic->window)
			break;
		before = traffic->random;
		len = next_len(traffic);
		tvm_frame_build(traffic->frame, traffic->rx.id, traffic->rx_seq, len);
		if (tvm_wire_send(traffic->wire, NULL, traffic->frame, len)) {
			traffic->random = before;
			break;
		}
		traffic->rx_seq++;
		traffic->rx_bytes += len;
	}
	return nr;
}

static unsigned int drain_far(struct tvm_traffic *traffic)
{
	struct virtio_net_hdr header;
	unsigned int nr = 0;
	int len;

	while (nr < 2 * BURST) {
		len = tvm_wire_recv(traffic->wire, &header, traffic->frame,
				    sizeof(traffic->frame));
		if (len <= 0)
			break;
		tvm_flow_take(&traffic->tx, traffic->frame, len);
		EXPECT_EQ(header.gso_type, 0);
		nr++;
	}
	return nr;
}

/* All bytes of the header of a plain frame are known. */
static void check_header(const struct tvm_net *net, const struct tvm_net_packet *packet)
{
	uint8_t plain[TVM_NET_HEADER_MAX] = { packet->bytes[0] & VIRTIO_NET_HDR_F_DATA_VALID };

	if (net->header > sizeof(struct virtio_net_hdr))
		memcpy(plain + sizeof(struct virtio_net_hdr), &(uint16_t){ packet->buffers }, 2);
	EXPECT_MSG(!memcmp(plain, packet->bytes, sizeof(plain)),
		   "header of a plain frame: flags %x, GSO %x, size %u, length %u, checksum %u %u, "
		   "%u buffers for %u", packet->header.flags, packet->header.gso_type,
		   packet->header.gso_size, packet->header.hdr_len, packet->header.csum_start,
		   packet->header.csum_offset, packet->header.num_buffers, packet->buffers);
}

static unsigned int drain_near(struct tvm_traffic *traffic)
{
	struct tvm_net_packet packet;
	unsigned int nr = 0;

	while (nr < 2 * BURST && tvm_net_poll(traffic->net, traffic->pair, &packet)) {
		check_header(traffic->net, &packet);
		tvm_flow_take(&traffic->rx, packet.frame, packet.len);
		traffic->rx_merged += packet.buffers > 1;
		nr++;
	}
	return nr;
}

/**
 * tvm_traffic_drain() - take what arrived on both ends, give back buffers
 * @traffic: the traffic
 *
 * Return: how many frames and buffers it were.
 */
unsigned int tvm_traffic_drain(struct tvm_traffic *traffic)
{
	unsigned int nr;

	nr = tvm_net_reap(traffic->net, traffic->pair);
	nr += drain_far(traffic);
	nr += drain_near(traffic);
	if (tvm_net_post(traffic->net, traffic->pair, ~0U))
		tvm_queue_kick(tvm_net_rx(traffic->net, traffic->pair));
	return nr;
}

/* Sleeps until something happens; the queues are looked at when notified only. */
static bool wait_any(struct tvm_traffic *traffic, unsigned int timeout_ms)
{
	struct tvm_queue *rx = tvm_net_rx(traffic->net, traffic->pair);
	struct tvm_queue *tx = tvm_net_tx(traffic->net, traffic->pair);
	struct pollfd pfds[3] = {
		{ .fd = traffic->wire->socket, .events = POLLIN },
		{ .fd = rx->call_fd, .events = POLLIN },
		{ .fd = tx->call_fd, .events = POLLIN },
	};
	bool more;

	more = tvm_queue_call_enable(rx);
	more |= tvm_queue_call_enable(tx);
	if (more)
		return true;
	if (poll(pfds, 3, timeout_ms) <= 0)
		return false;
	rx->calls += tvm_event_read(rx->call_fd);
	tx->calls += tvm_event_read(tx->call_fd);
	return true;
}

static bool all_through(const struct tvm_traffic *traffic, uint32_t tx, uint32_t rx)
{
	struct tvm_queue *vq = tvm_net_tx(traffic->net, traffic->pair);

	return traffic->tx_seq == tx && traffic->tx.frames >= tx && vq->num_free == vq->num &&
	       traffic->rx_seq == rx && traffic->rx.frames >= rx;
}

/**
 * tvm_traffic_run() - send frames both ways until all have arrived
 * @traffic: the traffic
 * @tx: from the guest
 * @rx: to the guest
 *
 * Return: false when nothing moves any more.
 */
bool tvm_traffic_run(struct tvm_traffic *traffic, uint32_t tx, uint32_t rx)
{
	unsigned int moved, burst;

	tx += traffic->tx_seq;
	rx += traffic->rx_seq;
	if (tvm_net_post(traffic->net, traffic->pair, ~0U))
		tvm_queue_kick(tvm_net_rx(traffic->net, traffic->pair));
	while (!all_through(traffic, tx, rx)) {
		burst = tx - traffic->tx_seq;
		moved = tvm_traffic_tx_fill(traffic, burst < BURST ? burst : BURST);
		burst = rx - traffic->rx_seq;
		moved += tvm_traffic_rx_fill(traffic, burst < BURST ? burst : BURST);
		moved += tvm_traffic_drain(traffic);
		if (moved || wait_any(traffic, harness_scaled(STALL_MS)))
			continue;
		harness_note("stalled: tx %u of %u sent, %lu arrived; rx %u of %u, %lu",
			     traffic->tx_seq, tx, traffic->tx.frames, traffic->rx_seq, rx,
			     traffic->rx.frames);
		return false;
	}
	return true;
}

/**
 * tvm_traffic_quiet() - take what arrives until nothing does any more
 * @traffic: the traffic
 *
 * Return: whether all that the guest made available is back.
 */
bool tvm_traffic_quiet(struct tvm_traffic *traffic)
{
	struct tvm_queue *vq = tvm_net_tx(traffic->net, traffic->pair);

	do {
		while (tvm_traffic_drain(traffic))
			;
	} while (wait_any(traffic, vq->num_free < vq->num ? harness_scaled(STALL_MS) :
			  harness_scaled(QUIET_MS)));
	return vq->num_free == vq->num;
}

/**
 * tvm_traffic_check() - nothing was lost, doubled, overtaken or damaged
 * @traffic: the traffic, all of which has arrived
 */
void tvm_traffic_check(const struct tvm_traffic *traffic)
{
	const struct tvm_flow *flows[2] = { &traffic->tx, &traffic->rx };
	unsigned int i;

	for (i = 0; i < 2; i++) {
		EXPECT_EQ(flows[i]->lost, 0UL);
		EXPECT_EQ(flows[i]->late, 0UL);
		EXPECT_EQ(flows[i]->bad, 0UL);
		EXPECT_EQ(flows[i]->strange, 0UL);
	}
	EXPECT_EQ(traffic->tx.frames, (uint64_t)traffic->tx_seq);
	EXPECT_EQ(traffic->rx.frames, (uint64_t)traffic->rx_seq);
}
