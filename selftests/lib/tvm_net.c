// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tiny VMM: a network device and the guest's driver
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "tvm_net.h"

#define IOVA_OFFSET	0x40000000000ULL
#define TX_LEN		65600U
#define TX_BUFS		256U
#define SEGS_MAX	16U
#define COUNT_MS	5000U

/** tvm_net_node() - path of the node to test */
const char *tvm_net_node(void)
{
	const char *path = getenv("VHA_NET_NODE");

	return path ? path : "/dev/vhost-accel/net";
}

/**
 * tvm_net_features() - what to acknowledge
 * @options: of the device
 */
uint64_t tvm_net_features(const struct tvm_net_options *options)
{
	uint64_t features = tvm_config_features(&options->cfg) | options->features;

	if (options->mergeable)
		features |= TVM_BIT(VIRTIO_NET_F_MRG_RXBUF);
	if (options->bare)
		features |= TVM_BIT(VHOST_NET_F_VIRTIO_NET_HDR);
	if (options->legacy)
		features &= ~TVM_BIT(VIRTIO_F_VERSION_1);
	if (options->iotlb)
		features |= TVM_BIT(VIRTIO_F_ACCESS_PLATFORM);
	return features;
}

static uint32_t header_size(const struct tvm_net_options *options)
{
	if (options->tunnel)
		return TVM_NET_HEADER_MAX;
	if (options->features & TVM_BIT(VIRTIO_NET_F_HASH_REPORT))
		return sizeof(struct virtio_net_hdr_v1_hash);
	if (options->mergeable || !options->legacy)
		return sizeof(struct virtio_net_hdr_v1);
	return sizeof(struct virtio_net_hdr);
}

/**
 * tvm_net_need() - skip the test unless the node offers features
 * @net: the device
 * @low: bits 0 to 63
 * @high: bits 64 to 127
 *
 * Ours must: there the test fails.
 */
void tvm_net_need(const struct tvm_net *net, uint64_t low, uint64_t high)
{
	struct tvm_dev dev = net->dev;
	uint64_t offered[2] = { 0, 0 };

	if (tvm_dev_features_get(&dev, offered))
		ASSERT_EQ(tvm_dev_ioctl(&dev, VHOST_GET_FEATURES, &offered[0]), 0);
	if (!(low & ~offered[0]) && !(high & ~offered[1]))
		return;
	if (net->peer)
		SKIP("the peer does not offer features %lx", low & ~offered[0]);
	ASSERT_EQ(low & ~offered[0], 0UL);
	ASSERT_EQ(high & ~offered[1], 0UL);
}

static void open_node(struct tvm_net *net)
{
	struct tvm_dev *dev = &net->dev;

	dev->fd = open(tvm_net_node(), O_RDWR | O_CLOEXEC);
	ASSERT_GE(dev->fd, 0);
	net->peer = tvm_dev_ioctl(dev, VHA_GET_INFO, &dev->info) < 0;
	ASSERT_EQ(tvm_dev_ioctl(dev, VHOST_SET_OWNER, NULL), 0);
	ASSERT_EQ(tvm_dev_mem_set(dev, &net->mem), 0);
	if (net->peer && net->pairs > 1)
		SKIP("the peer has one pair of queues");
}

static void map_memory(struct tvm_net *net)
{
	unsigned int i;

	net->dev.iova_offset = IOVA_OFFSET;
	for (i = 0; i < net->mem.nr; i++) {
		struct tvm_region *region = &net->mem.regions[i];
		struct vhost_iotlb_msg msg = {
			.iova = region->gpa + IOVA_OFFSET, .size = region->size,
			.uaddr = (uintptr_t)region->hva, .perm = VHOST_ACCESS_RW,
			.type = VHOST_IOTLB_UPDATE,
		};

		ASSERT_EQ(tvm_dev_iotlb_send(&net->dev, &msg), 0);
	}
}

static void create_pool(struct tvm_net *net, unsigned int queue, unsigned int nr, uint32_t len)
{
	struct tvm_net_pool *pool = &net->pools[queue];
	unsigned int i;

	pool->bufs = calloc(nr, sizeof(*pool->bufs));
	ASSERT_TRUE(pool->bufs);
	for (i = 0; i < nr; i++) {
		struct tvm_net_buf *buf = &pool->bufs[i];

		/* One byte behind it is nobody's. */
		buf->gpa = tvm_mem_alloc(&net->mem, len + 1, 64);
		buf->len = len;
		buf->next = pool->free;
		pool->free = buf;
	}
}

static void create_queues(struct tvm_net *net)
{
	const struct tvm_net_options *options = &net->options;
	uint32_t rx_len = options->rx_len ? options->rx_len : 2048;
	unsigned int i, tx_bufs = net->num < TX_BUFS ? net->num : TX_BUFS;

	for (i = 0; i < 2 * net->pairs; i++)
		ASSERT_EQ(tvm_queue_init(&net->vqs[i], &net->dev, i, net->num, &options->cfg), 0);
	for (i = 0; i < net->pairs; i++) {
		net->scratch[i] = malloc(2 * TX_LEN);
		ASSERT_TRUE(net->scratch[i]);
		create_pool(net, 2 * i, net->num, rx_len);
		create_pool(net, 2 * i + 1, tx_bufs, TX_LEN);
	}
}

static void create_memory(struct tvm_net *net)
{
	static const struct tvm_layout layout[] = {
		{ 0x0, 0x100000 },
		{ 0x100000, 0xf00000 },
		{ 0x100000000, 0x10000000 },
	};

	tvm_mem_create(&net->mem, layout, 3);
}

/**
 * tvm_net_create() - set all up; a failure fails the test
 * @net: filled in
 * @options: how
 */
void tvm_net_create(struct tvm_net *net, const struct tvm_net_options *options)
{
	uint64_t high = options->tunnel ? TVM_NET_TUNNEL : 0;
	uint64_t features = tvm_net_features(options);

	memset(net, 0, sizeof(*net));
	net->options = *options;
	net->dev.fd = -1;
	net->pairs = options->pairs ? options->pairs : 1;
	net->num = options->num ? options->num : 256;
	net->header = header_size(options);
	create_memory(net);
	open_node(net);
	tvm_net_need(net, features, high);
	tvm_wire_space();
	tvm_wire_create(&net->wire, options->wire, net->pairs, options->bare ? 0 : net->header);
	ASSERT_EQ(tvm_dev_features_set(&net->dev, features, high), 0);
	if (options->iotlb)
		map_memory(net);
	create_queues(net);
	if (!options->stopped)
		ASSERT_EQ(tvm_net_start(net), 0);
}

/**
 * tvm_net_destroy() - undo tvm_net_create(), as far as it got
 * @net: the device
 */
void tvm_net_destroy(struct tvm_net *net)
{
	unsigned int i;

	tvm_dev_close(&net->dev);
	for (i = 0; i < 2 * net->pairs; i++) {
		tvm_queue_destroy(&net->vqs[i]);
		free(net->pools[i].bufs);
	}
	tvm_wire_destroy(&net->wire);
	tvm_mem_destroy(&net->mem);
	for (i = 0; i < net->pairs; i++)
		free(net->scratch[i]);
}

/**
 * tvm_net_backend() - VHOST_NET_SET_BACKEND
 * @net: the device
 * @queue: index of the queue
 * @fd: descriptor of the back end, -1 for none
 */
int tvm_net_backend(struct tvm_net *net, unsigned int queue, int fd)
{
	struct vhost_vring_file file = { .index = queue, .fd = fd };
	int ret = tvm_dev_ioctl(&net->dev, VHOST_NET_SET_BACKEND, &file);

	if (!ret)
		net->vqs[queue].running = fd >= 0;
	return ret;
}

/**
 * tvm_net_start() - pass all queues to the node and start them
 * @net: the device
 */
int tvm_net_start(struct tvm_net *net)
{
	unsigned int i;
	int ret = 0;

	for (i = 0; !ret && i < 2 * net->pairs; i++)
		ret = tvm_queue_configure(&net->vqs[i]);
	for (i = 0; !ret && i < 2 * net->pairs; i++)
		ret = tvm_net_backend(net, i, net->wire.backends[i / 2]);
	return ret;
}

/**
 * tvm_net_stop() - stop all queues as VMMs do
 * @net: the device
 */
int tvm_net_stop(struct tvm_net *net)
{
	unsigned int i;
	int ret = 0;

	for (i = 0; !ret && i < 2 * net->pairs; i++)
		ret = tvm_net_backend(net, i, -1);
	for (i = 0; !ret && i < 2 * net->pairs; i++)
		ret = tvm_queue_stop(&net->vqs[i], NULL);
	return ret;
}

/**
 * tvm_net_stat() - one statistic of a queue, 0 for peers
 * @net: the device
 * @queue: index of the queue
 * @name: of the statistic
 */
int64_t tvm_net_stat(const struct tvm_net *net, unsigned int queue, const char *name)
{
	int64_t value = net->peer ? 0 : tvm_dev_stat(&net->dev, queue, name);

	EXPECT_MSG(value >= 0, "no statistic %s: %ld", name, value);
	return value;
}

/**
 * tvm_net_counted() - wait until a statistic has reached a value
 * @net: the device
 * @queue: index of the queue
 * @name: of the statistic
 * @value: to reach
 *
 * Return: whether it has; always with peers.
 */
bool tvm_net_counted(const struct tvm_net *net, unsigned int queue, const char *name,
		     int64_t value)
{
	unsigned int i;

	for (i = 0; !net->peer && i < harness_scaled(COUNT_MS); i++) {
		if (tvm_net_stat(net, queue, name) >= value)
			return true;
		usleep(1000);
	}
	return net->peer;
}

/**
 * tvm_net_sound() - whether no queue has signalled an error
 * @net: the device
 */
bool tvm_net_sound(const struct tvm_net *net)
{
	unsigned int i;

	for (i = 0; i < 2 * net->pairs; i++) {
		if (tvm_event_wait(net->vqs[i].err_fd, 0))
			return false;
	}
	return true;
}

static struct tvm_net_buf *buf_take(struct tvm_net_pool *pool)
{
	struct tvm_net_buf *buf = pool->free;

	if (buf)
		pool->free = buf->next;
	return buf;
}

static void buf_give(struct tvm_net_pool *pool, struct tvm_net_buf *buf)
{
	buf->next = pool->free;
	pool->free = buf;
}

/* The first segment is @first bytes long, the others share the rest. */
static unsigned int cut(struct tvm_seg *segs, uint64_t gpa, uint32_t len, uint32_t first,
			unsigned int nr)
{
	uint32_t part;
	unsigned int i;

	if (nr > SEGS_MAX)
		nr = SEGS_MAX;
	for (i = 0; i < nr && len; i++) {
		part = i + 1 == nr ? len : i ? len / (nr - i) : first;
		if (!part || part > len)
			part = len;
		segs[i] = (struct tvm_seg){ gpa, part };
		gpa += part;
		len -= part;
	}
	return i;
}

/**
 * tvm_net_send() - make a frame available, without notifying
 * @net: the device
 * @pair: of queues
 * @header: virtio-net header of net->header bytes, NULL for zeros
 * @frame: the frame
 * @len: bytes
 *
 * Return: 0 or -ENOSPC.
 */
int tvm_net_send(struct tvm_net *net, unsigned int pair, const void *header,
		 const void *frame, uint32_t len)
{
	struct tvm_net_pool *pool = &net->pools[2 * pair + 1];
	unsigned int nr = net->options.tx_segs ? net->options.tx_segs : 2;
	struct tvm_net_buf *buf = buf_take(pool);
	struct tvm_seg segs[SEGS_MAX];
	int ret;

	if (!buf)
		return -ENOSPC;
	if (header)
		tvm_mem_write(&net->mem, buf->gpa, header, net->header);
	else
		tvm_mem_fill(&net->mem, buf->gpa, 0, net->header);
	tvm_mem_write(&net->mem, buf->gpa + net->header, frame, len);
	nr = cut(segs, buf->gpa, net->header + len, net->header, nr);
	ret = tvm_queue_add(tvm_net_tx(net, pair), segs, nr, 0, buf,
			    net->options.indirect ? TVM_ADD_INDIRECT : 0);
	if (ret < 0) {
		buf_give(pool, buf);
		return ret;
	}
	net->sent[pair]++;
	return 0;
}

/**
 * tvm_net_reap() - take back what was sent
 * @net: the device
 * @pair: of queues
 *
 * Return: how many buffers came back.
 */
unsigned int tvm_net_reap(struct tvm_net *net, unsigned int pair)
{
	struct tvm_used used;
	unsigned int nr = 0;

	while (tvm_queue_poll(tvm_net_tx(net, pair), &used)) {
		if (used.len_known)
			EXPECT_EQ(used.len, 0U);
		buf_give(&net->pools[2 * pair + 1], used.cookie);
		nr++;
	}
	return nr;
}

/**
 * tvm_net_settle() - wait until all that was sent is back
 * @net: the device
 * @pair: of queues
 * @timeout_ms: since the last one
 *
 * Return: whether it is.
 */
bool tvm_net_settle(struct tvm_net *net, unsigned int pair, unsigned int timeout_ms)
{
	struct tvm_queue *vq = tvm_net_tx(net, pair);
	struct tvm_used used;

	while (vq->num_free < vq->num) {
		if (tvm_queue_wait(vq, &used, timeout_ms))
			return false;
		buf_give(&net->pools[2 * pair + 1], used.cookie);
	}
	return true;
}

/**
 * tvm_net_post() - make receive buffers available, without notifying
 * @net: the device
 * @pair: of queues
 * @most: as many at most
 *
 * Return: how many it were.
 */
unsigned int tvm_net_post(struct tvm_net *net, unsigned int pair, unsigned int most)
{
	struct tvm_net_pool *pool = &net->pools[2 * pair];
	unsigned int nr, posted;
	struct tvm_seg segs[SEGS_MAX];
	struct tvm_net_buf *buf;

	for (posted = 0; posted < most; posted++) {
		buf = buf_take(pool);
		if (!buf)
			break;
		tvm_mem_fill(&net->mem, buf->gpa, TVM_NET_CANARY, buf->len + 1);
		nr = net->options.rx_segs ? net->options.rx_segs : 1;
		nr = cut(segs, buf->gpa, buf->len, net->header, nr);
		if (tvm_queue_add(tvm_net_rx(net, pair), segs, 0, nr, buf,
				  net->options.indirect ? TVM_ADD_INDIRECT : 0) < 0) {
			buf_give(pool, buf);
			break;
		}
	}
	return posted;
}

/* What the device did not claim to have written it has not written. */
static void check_rest(const struct tvm_net *net, const struct tvm_net_buf *buf, uint32_t len)
{
	const uint8_t *bytes = tvm_mem_ptr(&net->mem, buf->gpa, buf->len + 1);
	uint32_t end = len + 256, i;

	for (i = len; i < end && i < buf->len; i++) {
		if (bytes[i] != TVM_NET_CANARY)
			break;
	}
	EXPECT_MSG((i == end || i >= buf->len) && bytes[buf->len] == TVM_NET_CANARY,
		   "wrote more than the %u bytes it says, at %u of %u", len, i, buf->len);
}

/* Appends a buffer that came back, returns how many bytes the packet has now. */
static uint32_t collect(struct tvm_net *net, unsigned int pair, const struct tvm_used *used,
			uint32_t at)
{
	struct tvm_net_buf *buf = used->cookie;
	uint32_t len = used->len_known ? used->len : buf->len;

	if (len > buf->len || at + len > 2 * TX_LEN) {
		EXPECT_MSG(false, "%u bytes in a buffer of %u", len, buf->len);
		len = 0;
	}
	check_rest(net, buf, len);
	tvm_mem_read(&net->mem, buf->gpa, net->scratch[pair] + at, len);
	buf_give(&net->pools[2 * pair], buf);
	return at + len;
}

/**
 * tvm_net_poll() - receive a packet if there is one
 * @net: the device
 * @pair: of queues
 * @packet: filled in
 *
 * All buffers of a packet are there when the first one is.
 */
bool tvm_net_poll(struct tvm_net *net, unsigned int pair, struct tvm_net_packet *packet)
{
	struct tvm_queue *vq = tvm_net_rx(net, pair);
	unsigned int i, buffers;
	struct tvm_used used;
	uint32_t len;

	if (!tvm_queue_poll(vq, &used))
		return false;
	len = collect(net, pair, &used, 0);
	memset(packet, 0, sizeof(*packet));
	if (len < net->header) {
		EXPECT_MSG(false, "a buffer with %u bytes has no header", len);
		return true;
	}
	memcpy(packet->bytes, net->scratch[pair], net->header);
	/* Without mergeable buffers the specification has it 1 all the same. */
	buffers = net->options.mergeable ? packet->header.num_buffers : 1;
	for (i = 1; i < buffers; i++) {
		if (!tvm_queue_poll(vq, &used)) {
			EXPECT_MSG(false, "%u buffers of %u came", i, buffers);
			break;
		}
		len = collect(net, pair, &used, len);
	}
	EXPECT_GE(buffers, 1U);
	packet->buffers = i;
	packet->frame = net->scratch[pair] + net->header;
	packet->len = len - net->header;
	return true;
}

/**
 * tvm_net_wait() - receive a packet, wait for the call eventfd
 * @net: the device
 * @pair: of queues
 * @packet: filled in
 * @timeout_ms: for how long
 *
 * Return: 0 or -ETIMEDOUT.
 */
int tvm_net_wait(struct tvm_net *net, unsigned int pair, struct tvm_net_packet *packet,
		 unsigned int timeout_ms)
{
	struct tvm_queue *vq = tvm_net_rx(net, pair);
	uint64_t now, end = tvm_clock_ns() + timeout_ms * 1000000ULL;

	while (!tvm_net_poll(net, pair, packet)) {
		if (tvm_queue_call_enable(vq))
			continue;
		now = tvm_clock_ns();
		if (now >= end || !tvm_event_wait(vq->call_fd, (end - now + 999999) / 1000000))
			return -ETIMEDOUT;
		vq->calls += tvm_event_read(vq->call_fd);
	}
	return 0;
}
