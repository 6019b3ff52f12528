// SPDX-License-Identifier: GPL-2.0-only
/*
 * Measures a network node through the tiny VMM: this process plays the guest's
 * driver and whoever is at the other end of a tap.
 *
 * Prints one line of "name=value" for the whole run.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tvm_net.h"

/* Packets at once, as network stacks have them. */
#define BATCH		64U
#define RING		256U
/* Nothing comes for so long: nothing will. */
#define SILENCE_MS	10000

enum mode { TRANSMIT, RECEIVE, ECHO };

static const char * const modes[] = { "transmit", "receive", "echo" };

/** struct options - what is measured */
struct options {
	enum mode mode;
	struct tvm_config ring;
	unsigned int length;
	unsigned int poll_us;
	double seconds;
	uint64_t frames;
};

static struct tvm_net net;
static uint64_t done, lost;

static void __attribute__((noreturn)) die(const char *what)
{
	fprintf(stderr, "net_bench: %s: %s\n", what, strerror(errno));
	exit(1);
}

/** struct pace - how long it goes on */
struct pace {
	const struct options *options;
	uint64_t end;
};

static void pace_start(struct pace *pace, const struct options *options)
{
	pace->options = options;
	pace->end = tvm_clock_ns() + (uint64_t)(options->seconds * 1e9);
}

/* How many more frames there shall be, up to a batch; 0: it is over. */
static unsigned int pace_more(const struct pace *pace, uint64_t sent)
{
	uint64_t left = pace->options->frames - sent;

	if (pace->options->frames)
		return left < BATCH ? left : BATCH;
	return tvm_clock_ns() < pace->end ? BATCH : 0;
}

/* The eventfd stands for the interrupt. Returns false when none comes. */
static bool wait_call(struct tvm_queue *vq)
{
	bool called = true;

	if (!tvm_queue_call_enable(vq)) {
		called = tvm_event_wait(vq->call_fd, SILENCE_MS);
		if (called)
			vq->calls += tvm_event_read(vq->call_fd);
	}
	tvm_queue_call_disable(vq);
	return called;
}

/* Memory of a buffer, header and frame in one piece. */
static uint64_t buffer_create(unsigned int length)
{
	static uint8_t frame[TVM_FRAME_MAX];
	uint64_t gpa = tvm_mem_alloc(&net.mem, net.header + length, 64);

	tvm_frame_build(frame, 0, 0, length);
	tvm_mem_fill(&net.mem, gpa, 0, net.header);
	tvm_mem_write(&net.mem, gpa + net.header, frame, length);
	return gpa;
}

static void buffer_add(struct tvm_queue *vq, uint64_t gpa, unsigned int length, bool write)
{
	struct tvm_seg seg = { .gpa = gpa, .len = net.header + length };

	if (tvm_queue_add(vq, &seg, !write, write, (void *)gpa, 0) < 0)
		die("the ring is full");
}

/* Transmitting: nobody takes what comes out of the tap. */

static uint64_t free_buffers[RING];
static unsigned int nr_free;

static unsigned int transmit_reap(struct tvm_queue *vq)
{
	unsigned int before = nr_free;
	struct tvm_used used;

	while (tvm_queue_poll(vq, &used))
		free_buffers[nr_free++] = (uint64_t)used.cookie;
	done += nr_free - before;
	return nr_free - before;
}

static void transmit_wait(struct tvm_queue *vq)
{
	while (!transmit_reap(vq)) {
		if (!wait_call(vq))
			die("nothing is sent");
	}
}

static void transmit(const struct options *options)
{
	struct tvm_queue *vq = tvm_net_tx(&net, 0);
	uint64_t sent = 0;
	struct pace pace;
	unsigned int n;

	for (nr_free = 0; nr_free < RING; nr_free++)
		free_buffers[nr_free] = buffer_create(options->length);
	tvm_queue_call_disable(vq);
	pace_start(&pace, options);
	while ((n = pace_more(&pace, sent))) {
		for (sent += n; n; n--) {
			if (!nr_free)
				transmit_wait(vq);
			buffer_add(vq, free_buffers[--nr_free], options->length, false);
		}
		tvm_queue_kick(vq);
	}
	while (done < sent)
		transmit_wait(vq);
}

/* Receiving: what is sent into the tap. */

static void wire_batch(struct mmsghdr *batch, struct iovec (*iov)[2], unsigned int length)
{
	static struct virtio_net_hdr none;
	static uint8_t frame[TVM_FRAME_MAX];
	unsigned int i;

	tvm_frame_build(frame, 0, 0, length);
	memset(batch, 0, BATCH * sizeof(*batch));
	for (i = 0; i < BATCH; i++) {
		iov[i][0] = (struct iovec){ &none, sizeof(none) };
		iov[i][1] = (struct iovec){ frame, length };
		batch[i].msg_hdr.msg_iov = iov[i];
		batch[i].msg_hdr.msg_iovlen = 2;
	}
}

/* Takes what came, and makes the buffers available again. */
static unsigned int receive_reap(struct tvm_queue *vq, unsigned int length)
{
	struct tvm_used used;
	unsigned int n = 0;

	while (tvm_queue_poll(vq, &used)) {
		if (used.len != net.header + length)
			lost++;
		buffer_add(vq, (uint64_t)used.cookie, length, true);
		n++;
	}
	if (n)
		tvm_queue_kick(vq);
	done += n;
	return n;
}

static void receive_all(struct tvm_queue *vq, uint64_t sent, unsigned int length)
{
	while (done < sent) {
		if (!receive_reap(vq, length) && !wait_call(vq))
			die("nothing comes");
	}
}

static void receive_post(struct tvm_queue *vq, unsigned int length)
{
	unsigned int i;

	for (i = 0; i < RING; i++)
		buffer_add(vq, buffer_create(length), length, true);
	tvm_queue_call_disable(vq);
	tvm_queue_kick(vq);
}

static void receive(const struct options *options)
{
	struct tvm_queue *vq = tvm_net_rx(&net, 0);
	static struct mmsghdr batch[BATCH];
	static struct iovec iov[BATCH][2];
	struct pace pace;
	uint64_t sent = 0;
	int n;

	wire_batch(batch, iov, options->length);
	receive_post(vq, options->length);
	pace_start(&pace, options);
	while ((n = pace_more(&pace, sent))) {
		n = sendmmsg(net.wire.socket, batch, n, 0);
		if (n < 0)
			die("sendmmsg");
		sent += n;
		/* As many are under way as leave nobody without work. */
		if (sent - done > RING - BATCH)
			receive_all(vq, sent - BATCH, options->length);
	}
	receive_all(vq, sent, options->length);
}

/* Echo: one frame out, then one in, again and again. */

static void echo_frame(unsigned int length)
{
	static uint8_t frame[TVM_FRAME_MAX];
	int len;

	while ((len = tvm_wire_recv(&net.wire, NULL, frame, sizeof(frame))) <= 0) {
		if (!tvm_wire_wait(&net.wire, SILENCE_MS))
			die("nothing is sent");
	}
	if (tvm_wire_send(&net.wire, NULL, frame, length))
		die("send");
}

static void echo(const struct options *options)
{
	struct tvm_queue *tx = tvm_net_tx(&net, 0), *rx = tvm_net_rx(&net, 0);
	uint64_t gpa = buffer_create(options->length);
	struct tvm_used used;
	struct pace pace;

	receive_post(rx, options->length);
	tvm_queue_call_disable(tx);
	pace_start(&pace, options);
	while (pace_more(&pace, done)) {
		buffer_add(tx, gpa, options->length, false);
		tvm_queue_kick(tx);
		echo_frame(options->length);
		receive_all(rx, done + 1, options->length);
		while (!tvm_queue_poll(tx, &used)) {
			if (!wait_call(tx))
				die("the buffer does not come back");
		}
	}
}

/* The run. */

static uint64_t cpu_us(int who)
{
	struct rusage usage;

	getrusage(who, &usage);
	return (usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1000000ULL +
		usage.ru_utime.tv_usec + usage.ru_stime.tv_usec;
}

static void create(const struct options *options)
{
	struct tvm_net_options setup = {
		.cfg = options->ring, .mergeable = true, .num = RING, .tx_segs = 1,
	};
	struct vhost_vring_state poll = { .num = options->poll_us };

	if (access(tvm_net_node(), R_OK | W_OK))
		die(tvm_net_node());
	tvm_net_create(&net, &setup);
	for (; options->poll_us && poll.index < 2; poll.index++)
		if (tvm_dev_ioctl(&net.dev, VHOST_SET_VRING_BUSYLOOP_TIMEOUT, &poll))
			die("VHOST_SET_VRING_BUSYLOOP_TIMEOUT");
	/* A socket there would get a copy of each frame that is sent. */
	if (options->mode == TRANSMIT) {
		close(net.wire.socket);
		net.wire.socket = -1;
	}
}

static void measure(const struct options *options)
{
	static void (* const runs[])(const struct options *options) = { transmit, receive, echo };
	uint64_t start, cpu, mine, ns;
	struct tvm_queue *vq;

	create(options);
	vq = options->mode == TRANSMIT ? tvm_net_tx(&net, 0) : tvm_net_rx(&net, 0);
	cpu = cpu_us(RUSAGE_SELF);
	mine = cpu_us(RUSAGE_THREAD);
	start = tvm_clock_ns();
	runs[options->mode](options);
	ns = tvm_clock_ns() - start;
	mine = cpu_us(RUSAGE_THREAD) - mine;
	cpu = cpu_us(RUSAGE_SELF) - cpu;
	printf("pps=%.0f frames=%lu lost=%lu ns=%lu cpu_us=%lu worker_us=%lu kicks=%lu calls=%lu",
	       done * 1e9 / ns, done, lost, ns, cpu, cpu - mine, vq->kicks, vq->calls);
	if (!net.peer)
		printf(" runs=%ld batches=%ld no_buffers=%ld",
		       tvm_net_stat(&net, vq->index, "runs"),
		       tvm_net_stat(&net, vq->index, "batches"),
		       tvm_net_stat(&net, vq->index, "no_buffers"));
	putchar('\n');
	tvm_net_destroy(&net);
}

/* Command line. */

static void usage(FILE *stream)
{
	fputs("Usage: net_bench [OPTION]... MODE\n"
	      "MODE is transmit, receive, or echo (round trips).\n"
	      "VHA_NET_NODE is the node (default /dev/vhost-accel/net).\n"
	      "  --packed      packed rings\n"
	      "  --in-order    buffers come back in order\n"
	      "  --length N    bytes of a frame (default 60)\n"
	      "  --poll-us N   how long workers poll before they sleep (default 0)\n"
	      "  --seconds S   how long (default 1)\n"
	      "  --frames N    how many, instead of a time\n", stream);
}

static const struct option long_options[] = {
	{ "packed", no_argument, NULL, 'p' },
	{ "in-order", no_argument, NULL, 'o' },
	{ "length", required_argument, NULL, 'L' },
	{ "poll-us", required_argument, NULL, 'u' },
	{ "seconds", required_argument, NULL, 's' },
	{ "frames", required_argument, NULL, 'f' },
	{ "help", no_argument, NULL, 'h' },
	{ NULL, 0, NULL, 0 },
};

static bool parse_option(struct options *options, int option)
{
	switch (option) {
	case 'p':
		options->ring.packed = true;
		break;
	case 'o':
		options->ring.in_order = true;
		break;
	case 'L':
		options->length = atoi(optarg);
		break;
	case 'u':
		options->poll_us = atoi(optarg);
		break;
	case 's':
		options->seconds = atof(optarg);
		break;
	case 'f':
		options->frames = strtoull(optarg, NULL, 0);
		break;
	default:
		return false;
	}
	return true;
}

static bool set_mode(struct options *options, const char *mode)
{
	for (options->mode = TRANSMIT; options->mode <= ECHO; options->mode++) {
		if (!strcmp(mode, modes[options->mode]))
			return true;
	}
	return false;
}

int main(int argc, char **argv)
{
	struct options options = {
		.ring = { .event_idx = true }, .length = 60, .seconds = 1,
	};
	int option;

	while ((option = getopt_long(argc, argv, "h", long_options, NULL)) != -1) {
		if (option == 'h') {
			usage(stdout);
			return 0;
		}
		if (!parse_option(&options, option)) {
			usage(stderr);
			return 2;
		}
	}
	if (argc - optind != 1 || !set_mode(&options, argv[optind]) ||
	    options.length < TVM_FRAME_MIN || options.length > 9000) {
		usage(stderr);
		return 2;
	}
	measure(&options);
	return 0;
}
