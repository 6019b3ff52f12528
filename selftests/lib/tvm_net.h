/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A network device: its node, its wire, and the guest's driver
 *
 * VHA_NET_NODE names another node to test. One that is not of vhost-accel is a
 * peer: what it does not offer is skipped, and it has no statistics.
 */
#ifndef TVM_NET_H
#define TVM_NET_H

#include "harness.h"
#include "tvm.h"
#include "tvm_frame.h"
#include "tvm_wire.h"

#ifndef VIRTIO_NET_F_HOST_USO
#define VIRTIO_NET_F_HOST_USO		56
#endif
#ifndef VIRTIO_NET_F_HASH_REPORT
#define VIRTIO_NET_F_HASH_REPORT	57
#endif

/** define TVM_NET_TUNNEL - features of bits 64 to 127: segmentation in UDP tunnels, both ways */
#define TVM_NET_TUNNEL		(TVM_BIT(65 - 64) | TVM_BIT(67 - 64))

#define TVM_NET_PAIRS		TVM_WIRE_QUEUES
/** define TVM_NET_HEADER_MAX - bytes of the longest virtio-net header */
#define TVM_NET_HEADER_MAX	24U
/** define TVM_NET_CANARY - what receive buffers are filled with */
#define TVM_NET_CANARY		0xa5

/**
 * struct tvm_net_options - what a device shall be like; zero is the usual
 * @cfg: layout of the queues
 * @wire: kind of back end
 * @pairs: of queues, 0 for one
 * @num: ring size, 0 for 256
 * @mergeable: receive buffers can be merged
 * @bare: the back end has no virtio-net header, the node adds it
 * @legacy: without VIRTIO_F_VERSION_1
 * @iotlb: addresses are translated
 * @features: features beyond all that
 * @tunnel: packets in UDP tunnels can be segmented, both ways
 * @rx_len: bytes of a receive buffer, 0 for 2048
 * @rx_segs: segments of a receive buffer, 0 for one
 * @tx_segs: segments of a buffer to send, 0 for two
 * @indirect: segments stand in indirect tables
 * @stopped: do not start the queues
 */
struct tvm_net_options {
	struct tvm_config cfg;
	enum tvm_wire_kind wire;
	unsigned int pairs;
	unsigned int num;
	bool mergeable;
	bool bare;
	bool legacy;
	bool iotlb;
	uint64_t features;
	bool tunnel;
	uint32_t rx_len;
	unsigned int rx_segs;
	unsigned int tx_segs;
	bool indirect;
	bool stopped;
};

/** struct tvm_net_buf - memory for one buffer */
struct tvm_net_buf {
	uint64_t gpa;
	uint32_t len;
	struct tvm_net_buf *next;
};

/** struct tvm_net_pool - buffers that the device does not have */
struct tvm_net_pool {
	struct tvm_net_buf *bufs;
	struct tvm_net_buf *free;
};

/**
 * struct tvm_net - a device
 * @peer: the node is not ours
 * @header: bytes of the virtio-net header
 * @vqs: receive queue of a pair, then its transmit queue
 * @sent: frames made available, of each pair
 * @scratch: where received frames of each pair are put together
 */
struct tvm_net {
	struct tvm_net_options options;
	bool peer;
	struct tvm_mem mem;
	struct tvm_dev dev;
	struct tvm_wire wire;
	unsigned int pairs;
	unsigned int num;
	uint32_t header;
	struct tvm_queue vqs[2 * TVM_NET_PAIRS];
	struct tvm_net_pool pools[2 * TVM_NET_PAIRS];
	uint64_t sent[TVM_NET_PAIRS];
	uint8_t *scratch[TVM_NET_PAIRS];
};

/**
 * struct tvm_net_packet - a packet the guest received
 * @header: its virtio-net header
 * @frame: its bytes, until the next is received
 * @len: how many
 * @buffers: how many buffers it came in
 */
struct tvm_net_packet {
	union {
		uint8_t bytes[TVM_NET_HEADER_MAX];
		struct virtio_net_hdr_v1 header;
	};
	const uint8_t *frame;
	uint32_t len;
	unsigned int buffers;
};

const char *tvm_net_node(void);
void tvm_net_create(struct tvm_net *net, const struct tvm_net_options *options);
void tvm_net_destroy(struct tvm_net *net);
uint64_t tvm_net_features(const struct tvm_net_options *options);
void tvm_net_need(const struct tvm_net *net, uint64_t low, uint64_t high);
int tvm_net_backend(struct tvm_net *net, unsigned int queue, int fd);
int tvm_net_start(struct tvm_net *net);
int tvm_net_stop(struct tvm_net *net);
int64_t tvm_net_stat(const struct tvm_net *net, unsigned int queue, const char *name);
bool tvm_net_counted(const struct tvm_net *net, unsigned int queue, const char *name,
		     int64_t value);
bool tvm_net_sound(const struct tvm_net *net);

static inline struct tvm_queue *tvm_net_rx(struct tvm_net *net, unsigned int pair)
{
	return &net->vqs[2 * pair];
}

static inline struct tvm_queue *tvm_net_tx(struct tvm_net *net, unsigned int pair)
{
	return &net->vqs[2 * pair + 1];
}

int tvm_net_send(struct tvm_net *net, unsigned int pair, const void *header,
		 const void *frame, uint32_t len);
unsigned int tvm_net_reap(struct tvm_net *net, unsigned int pair);
bool tvm_net_settle(struct tvm_net *net, unsigned int pair, unsigned int timeout_ms);
unsigned int tvm_net_post(struct tvm_net *net, unsigned int pair, unsigned int most);
bool tvm_net_poll(struct tvm_net *net, unsigned int pair, struct tvm_net_packet *packet);
int tvm_net_wait(struct tvm_net *net, unsigned int pair, struct tvm_net_packet *packet,
		 unsigned int timeout_ms);

#endif /* TVM_NET_H */
