// SPDX-License-Identifier: GPL-2.0-only
/*
 * Measures a node for socket devices through the tiny VMM: a thread plays the guest's
 * driver and what answers in there, others are programs of the host.
 *
 * Prints one line of "name=value" for the whole run.
 */
#include <fcntl.h>
#include <getopt.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include "tvm_vsock.h"

#define CID		4242
#define PORT_BULK	1
#define PORT_PING	2
/* As Linux has it in QEMU: a ring, a page with the header in it, data of a packet. */
#define RING		128
#define BUFFER		4096U
#define ROOM		262144U
#define PING_BYTES	64U
#define HEADER_ROOM	64

enum mode { TO_GUEST, FROM_GUEST, PING, MIXED };

struct options {
	const char *node;
	enum mode mode;
	struct tvm_config ring;
	size_t size;
	double seconds;
	uint64_t requests;
};

/* The guest's end of a connection. */
struct connection {
	uint32_t local;
	uint32_t remote;
	uint32_t received;
	uint32_t told;
	uint32_t sent;
	uint32_t peer_taken;
	uint32_t peer_room;
};

struct guest {
	const struct options *options;
	struct tvm_mem mem;
	struct tvm_dev dev;
	struct tvm_queue rx;
	struct tvm_queue tx;
	struct connection connections[3];
	uint64_t spare[RING / 2];
	unsigned int nr_spare;
	volatile uint64_t received;
	volatile bool over;
};

static struct guest guest;
static volatile bool stopping;

static void __attribute__((noreturn)) die(const char *what, int error)
{
	fprintf(stderr, "vsock_bench: %s: %s\n", what, strerror(error < 0 ? -error : error));
	exit(1);
}

/* What the library returns. */
static void check(long result, const char *what)
{
	if (result < 0)
		die(what, result);
}

/* What a system call returns. */
static void check_call(long result, const char *what)
{
	if (result < 0)
		die(what, errno);
}

/* The guest. */

static unsigned int reap(struct guest *g)
{
	struct tvm_used used;
	unsigned int n = 0;

	for (; tvm_queue_poll(&g->tx, &used); n++)
		g->spare[g->nr_spare++] = (uintptr_t)used.cookie;
	return n;
}

static void send_packet(struct guest *g, struct connection *c, uint16_t op, uint32_t len)
{
	struct virtio_vsock_hdr *hdr;
	struct tvm_seg segs[2];
	uint64_t gpa;

	while (!g->nr_spare) {
		tvm_queue_kick(&g->tx);
		reap(g);
	}
	gpa = g->spare[--g->nr_spare];
	hdr = tvm_mem_ptr(&g->mem, gpa, sizeof(*hdr));
	*hdr = (struct virtio_vsock_hdr) {
		.src_cid = CID, .dst_cid = VMADDR_CID_HOST, .src_port = c->local,
		.dst_port = c->remote, .len = len, .type = VIRTIO_VSOCK_TYPE_STREAM,
		.op = op, .buf_alloc = ROOM, .fwd_cnt = c->received,
	};
	c->told = c->received;
	c->sent += len;
	segs[0] = (struct tvm_seg){ gpa, sizeof(*hdr) };
	segs[1] = (struct tvm_seg){ gpa + HEADER_ROOM, len };
	check(tvm_queue_add(&g->tx, segs, len ? 2 : 1, 0, (void *)(uintptr_t)gpa, 0),
	      "sending a packet");
}

static void take_data(struct guest *g, struct connection *c, uint32_t len)
{
	c->received += len;
	/* Read by others, written here alone. */
	g->received += len;
	if (c->local == PORT_PING)
		send_packet(g, c, VIRTIO_VSOCK_OP_RW, len);
	else if (ROOM - (c->received - c->told) < TVM_VSOCK_PACKET_MAX)
		send_packet(g, c, VIRTIO_VSOCK_OP_CREDIT_UPDATE, 0);
}

static void take_packet(struct guest *g, const struct virtio_vsock_hdr *hdr)
{
	struct connection *c = &g->connections[hdr->dst_port % 3];

	c->peer_taken = hdr->fwd_cnt;
	c->peer_room = hdr->buf_alloc;
	switch (hdr->op) {
	case VIRTIO_VSOCK_OP_REQUEST:
		c->local = hdr->dst_port;
		c->remote = hdr->src_port;
		send_packet(g, c, VIRTIO_VSOCK_OP_RESPONSE, 0);
		break;
	case VIRTIO_VSOCK_OP_RW:
		take_data(g, c, hdr->len);
		break;
	case VIRTIO_VSOCK_OP_CREDIT_REQUEST:
		send_packet(g, c, VIRTIO_VSOCK_OP_CREDIT_UPDATE, 0);
		break;
	case VIRTIO_VSOCK_OP_SHUTDOWN:
		send_packet(g, c, VIRTIO_VSOCK_OP_RST, 0);
		break;
	}
}

static void buffer_add(struct guest *g, uint64_t gpa)
{
	struct tvm_seg seg = { gpa, BUFFER };

	check(tvm_queue_add(&g->rx, &seg, 0, 1, (void *)(uintptr_t)gpa, 0), "a buffer");
}

static unsigned int receive(struct guest *g)
{
	struct tvm_used used;
	unsigned int n = 0;

	for (; n < RING && tvm_queue_poll(&g->rx, &used); n++) {
		uint64_t gpa = (uintptr_t)used.cookie;

		take_packet(g, tvm_mem_ptr(&g->mem, gpa, TVM_VSOCK_HEADER));
		buffer_add(g, gpa);
	}
	if (n)
		tvm_queue_kick(&g->rx);
	return n;
}

/* Data of the guest, as much as the host has room for. */
static unsigned int transmit(struct guest *g)
{
	struct connection *c = &g->connections[PORT_BULK];
	uint32_t len = g->options->size < TVM_VSOCK_PACKET_MAX ? g->options->size :
		       TVM_VSOCK_PACKET_MAX;
	unsigned int n = 0;

	if (g->options->mode != FROM_GUEST || !c->remote)
		return 0;
	for (; g->nr_spare && c->peer_room - (c->sent - c->peer_taken) >= len; n++)
		send_packet(g, c, VIRTIO_VSOCK_OP_RW, len);
	return n;
}

static void wait_calls(struct guest *g)
{
	struct pollfd fds[] = {
		{ .fd = g->rx.call_fd, .events = POLLIN },
		{ .fd = g->tx.call_fd, .events = POLLIN },
	};
	bool busy = tvm_queue_call_enable(&g->rx);

	busy |= tvm_queue_call_enable(&g->tx);
	if (!busy)
		poll(fds, 2, 100);
	tvm_event_read(g->rx.call_fd);
	tvm_event_read(g->tx.call_fd);
	tvm_queue_call_disable(&g->rx);
	tvm_queue_call_disable(&g->tx);
}

static void *drive(void *data)
{
	struct guest *g = data;

	tvm_queue_call_disable(&g->rx);
	tvm_queue_call_disable(&g->tx);
	while (!g->over) {
		unsigned int n = reap(g) + receive(g);

		n += transmit(g);
		tvm_queue_kick(&g->tx);
		if (!n)
			wait_calls(g);
	}
	return NULL;
}

/* What the peer's node does as well. */
static void dev_init(struct tvm_dev *dev, struct tvm_mem *mem, const struct options *options)
{
	uint64_t features = tvm_config_features(&options->ring);

	dev->fd = open(options->node, O_RDWR | O_CLOEXEC);
	if (dev->fd < 0)
		die(options->node, errno);
	check(tvm_dev_ioctl(dev, VHOST_SET_OWNER, NULL), "VHOST_SET_OWNER");
	check(tvm_dev_mem_set(dev, mem), "VHOST_SET_MEM_TABLE");
	check(tvm_dev_ioctl(dev, VHOST_SET_FEATURES, &features), "VHOST_SET_FEATURES");
	dev->mem = mem;
}

static void guest_init(struct guest *g, const struct options *options)
{
	uint64_t cid = CID, gpa;
	unsigned int i;
	int on = 1;

	g->options = options;
	tvm_mem_create_default(&g->mem);
	dev_init(&g->dev, &g->mem, options);
	check(tvm_dev_ioctl(&g->dev, VHOST_VSOCK_SET_GUEST_CID, &cid), "the CID");
	check(tvm_queue_init(&g->rx, &g->dev, TVM_VSOCK_RX, RING, &options->ring), "a queue");
	check(tvm_queue_init(&g->tx, &g->dev, TVM_VSOCK_TX, RING, &options->ring), "a queue");
	check(tvm_queue_configure(&g->rx), "a queue");
	check(tvm_queue_configure(&g->tx), "a queue");
	for (i = 0; i < RING; i++) {
		gpa = tvm_mem_alloc(&g->mem, BUFFER, TVM_PAGE);
		tvm_mem_fill(&g->mem, gpa, 1, BUFFER);
		buffer_add(g, gpa);
	}
	for (; g->nr_spare < RING / 2; g->nr_spare++) {
		gpa = tvm_mem_alloc(&g->mem, HEADER_ROOM + TVM_VSOCK_PACKET_MAX, TVM_PAGE);
		tvm_mem_fill(&g->mem, gpa, 2, HEADER_ROOM + TVM_VSOCK_PACKET_MAX);
		g->spare[g->nr_spare] = gpa;
	}
	check(tvm_dev_ioctl(&g->dev, VHOST_VSOCK_SET_RUNNING, &on), "starting");
	g->rx.running = true;
	g->tx.running = true;
}

/* Programs of the host. */

static int connect_to(uint32_t port)
{
	struct sockaddr_vm addr = {
		.svm_family = AF_VSOCK, .svm_cid = CID, .svm_port = port,
	};
	int fd = socket(AF_VSOCK, SOCK_STREAM | SOCK_CLOEXEC, 0);

	check_call(fd, "a socket");
	check_call(connect(fd, (struct sockaddr *)&addr, sizeof(addr)), "connect");
	return fd;
}

static void send_all(int fd, const void *data, size_t len)
{
	while (len) {
		ssize_t n = send(fd, data, len, MSG_NOSIGNAL);

		check_call(n, "send");
		data = (const char *)data + n;
		len -= n;
	}
}

/* MSG_WAITALL does not wait for more than a socket's buffer takes. */
static void receive_all(int fd, void *data, size_t len)
{
	while (len) {
		ssize_t n = recv(fd, data, len, 0);

		check_call(n, "recv");
		check(n ? 0 : -EPIPE, "recv");
		data = (char *)data + n;
		len -= n;
	}
}

static void one_request(const struct options *options, int fd, void *data)
{
	switch (options->mode) {
	case TO_GUEST:
		send_all(fd, data, options->size);
		break;
	case FROM_GUEST:
		receive_all(fd, data, options->size);
		break;
	case PING:
	case MIXED:
		send_all(fd, data, PING_BYTES);
		receive_all(fd, data, PING_BYTES);
		break;
	}
}

/* The large sender beside the small one. */
static void *bulk(void *arg)
{
	const struct options *options = arg;
	int fd = connect_to(PORT_BULK);
	char *data = calloc(1, options->size);

	while (data && !stopping)
		send_all(fd, data, options->size);
	free(data);
	close(fd);
	return NULL;
}

static uint64_t cpu_us(void)
{
	struct rusage usage;

	getrusage(RUSAGE_SELF, &usage);
	return (usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1000000ULL +
	       usage.ru_utime.tv_usec + usage.ru_stime.tv_usec;
}

/* All that a program has sent is at the guest. */
static void settle(const struct options *options, uint64_t requests)
{
	while (options->mode == TO_GUEST && guest.received < requests * options->size)
		usleep(1000);
}

static void measure(const struct options *options, int fd, void *data)
{
	uint64_t start = tvm_clock_ns(), end = start + options->seconds * 1e9;
	uint64_t done = 0, cpu = cpu_us(), ns;

	while (options->requests ? done < options->requests : tvm_clock_ns() < end) {
		one_request(options, fd, data);
		done++;
	}
	settle(options, done);
	ns = tvm_clock_ns() - start;
	printf("rate=%.0f requests=%llu ns=%llu cpu_us=%llu\n", done * 1e9 / ns,
	       (unsigned long long)done, (unsigned long long)ns,
	       (unsigned long long)(cpu_us() - cpu));
}

static void run(const struct options *options)
{
	pthread_t driver, sender;
	void *data = calloc(1, options->size > PING_BYTES ? options->size : PING_BYTES);
	int fd;

	check(data ? 0 : -ENOMEM, "memory");
	guest_init(&guest, options);
	check(-pthread_create(&driver, NULL, drive, &guest), "a thread");
	fd = connect_to(options->mode >= PING ? PORT_PING : PORT_BULK);
	if (options->mode == MIXED) {
		check(-pthread_create(&sender, NULL, bulk, (void *)options), "a thread");
		while (guest.received < ROOM)
			usleep(1000);
	}
	measure(options, fd, data);
	stopping = true;
	if (options->mode == MIXED)
		pthread_join(sender, NULL);
	close(fd);
	usleep(50000);
	guest.over = true;
	pthread_join(driver, NULL);
	tvm_dev_close(&guest.dev);
	free(data);
}

static const struct option longopts[] = {
	{ "node", required_argument, NULL, 'n' },
	{ "mode", required_argument, NULL, 'm' },
	{ "size", required_argument, NULL, 's' },
	{ "seconds", required_argument, NULL, 't' },
	{ "requests", required_argument, NULL, 'r' },
	{ "packed", no_argument, NULL, 'p' },
	{},
};

static void __attribute__((noreturn)) usage(void)
{
	fputs("Usage: vsock_bench [OPTION]...\n"
	      "  --node PATH      default /dev/vhost-accel/vsock\n"
	      "  --mode MODE      to-guest (default), from-guest, ping, or mixed: ping\n"
	      "                   beside a sender to the guest\n"
	      "  --size N         bytes of a call (default 65536)\n"
	      "  --seconds S      how long (default 1)\n"
	      "  --requests N     how many calls, instead of a time\n"
	      "  --packed         packed rings\n", stderr);
	exit(2);
}

static enum mode parse_mode(const char *text)
{
	static const char * const names[] = { "to-guest", "from-guest", "ping", "mixed" };
	unsigned int i;

	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (!strcmp(text, names[i]))
			return i;
	usage();
}

int main(int argc, char **argv)
{
	struct options options = {
		.node = tvm_vsock_node(), .ring.event_idx = true, .size = 65536, .seconds = 1,
	};
	int option;

	while ((option = getopt_long(argc, argv, "", longopts, NULL)) != -1) {
		switch (option) {
		case 'n':
			options.node = optarg;
			break;
		case 'm':
			options.mode = parse_mode(optarg);
			break;
		case 's':
			options.size = strtoul(optarg, NULL, 0);
			break;
		case 't':
			options.seconds = strtod(optarg, NULL);
			break;
		case 'r':
			options.requests = strtoull(optarg, NULL, 0);
			break;
		case 'p':
			options.ring.packed = true;
			break;
		default:
			usage();
		}
	}
	if (!options.size || optind != argc)
		usage();
	run(&options);
	return 0;
}
