// SPDX-License-Identifier: GPL-2.0-only
/*
 * Frames into an interface and out of it: net_wire MODE OPTIONS INTERFACE...
 *
 * echo: sends numbered frames to all interfaces and waits for each to come back
 *	in order; exit status 1 unless they do.
 * flood: sends frames of one size as fast as it can for some time.
 */
#include <getopt.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "harness.h"
#include "tvm.h"
#include "tvm_frame.h"
#include "tvm_wire.h"

#define PORTS		16
#define BATCH		64
#define WINDOW		24

struct port {
	const char *name;
	struct tvm_wire wire;
	struct tvm_flow flow;
	unsigned int sent;
};

static struct {
	unsigned int frames;
	unsigned int length;
	double seconds;
	unsigned int timeout;
} options = { .frames = 1000, .length = 60, .seconds = 1, .timeout = 20 };

static uint8_t frame[TVM_FRAME_MAX + 1];

static int usage(void)
{
	fprintf(stderr, "net_wire echo [--frames N] [--length N] [--timeout S] INTERFACE...\n"
		"net_wire flood [--seconds S] [--length N] INTERFACE\n");
	return 2;
}

static int open_port(struct port *port, const char *name, unsigned int id)
{
	memset(port, 0, sizeof(*port));
	port->name = name;
	port->flow.id = id;
	port->wire.socket = tvm_wire_packet(name, sizeof(struct virtio_net_hdr));
	if (port->wire.socket < 0)
		fprintf(stderr, "%s: %s\n", name, strerror(-port->wire.socket));
	return port->wire.socket;
}

/* Lengths differ, from the shortest to the usual. */
static uint32_t echo_length(unsigned int seq)
{
	return TVM_FRAME_MIN + seq * 37 % (options.length - TVM_FRAME_MIN + 1);
}

static unsigned int echo_step(struct port *port)
{
	unsigned int moved = 0;
	int len;

	while (port->sent < options.frames && port->sent - port->flow.frames < WINDOW) {
		len = echo_length(port->sent);
		tvm_frame_build(frame, port->flow.id, port->sent, len);
		if (tvm_wire_send(&port->wire, NULL, frame, len))
			break;
		port->sent++;
		moved++;
	}
	while ((len = tvm_wire_recv(&port->wire, NULL, frame, sizeof(frame))) > 0) {
		/* What is not ours, a neighbour's discovery for one, is not counted. */
		if (tvm_frame_flow(frame, len) < 0)
			continue;
		tvm_flow_take(&port->flow, frame, len);
		moved++;
	}
	return moved;
}

static void echo_wait(struct port *ports, unsigned int nr)
{
	struct pollfd pfds[PORTS];
	unsigned int i;

	for (i = 0; i < nr; i++)
		pfds[i] = (struct pollfd){ .fd = ports[i].wire.socket, .events = POLLIN };
	poll(pfds, nr, 10);
}

static bool echo_report(const struct port *port)
{
	const struct tvm_flow *flow = &port->flow;

	printf("%s: sent=%u back=%lu lost=%lu late=%lu bad=%lu strange=%lu\n", port->name,
	       port->sent, flow->frames, flow->lost, flow->late, flow->bad, flow->strange);
	return port->sent == options.frames && flow->frames == options.frames && !flow->lost &&
	       !flow->late && !flow->bad && !flow->strange;
}

static int echo(char **names, unsigned int nr)
{
	static struct port ports[PORTS];
	uint64_t last = tvm_clock_ns();
	unsigned int i, left = nr;
	bool good = true;

	for (i = 0; i < nr; i++) {
		if (open_port(&ports[i], names[i], i) < 0)
			return 1;
	}
	while (left && tvm_clock_ns() - last < options.timeout * 1000000000ULL) {
		unsigned int moved = 0;

		for (i = 0, left = 0; i < nr; i++) {
			moved += echo_step(&ports[i]);
			left += ports[i].flow.frames < options.frames;
		}
		if (moved)
			last = tvm_clock_ns();
		else
			echo_wait(ports, nr);
	}
	for (i = 0; i < nr; i++)
		good &= echo_report(&ports[i]);
	return good ? 0 : 1;
}

static int flood(const char *name)
{
	struct mmsghdr batch[BATCH];
	static struct virtio_net_hdr none;
	struct iovec iov[BATCH][2];
	uint64_t end, sent = 0;
	struct port port;
	unsigned int i;
	int ret;

	if (open_port(&port, name, 0) < 0)
		return 1;
	tvm_frame_build(frame, 0, 0, options.length);
	memset(batch, 0, sizeof(batch));
	for (i = 0; i < BATCH; i++) {
		iov[i][0] = (struct iovec){ &none, sizeof(none) };
		iov[i][1] = (struct iovec){ frame, options.length };
		batch[i].msg_hdr.msg_iov = iov[i];
		batch[i].msg_hdr.msg_iovlen = 2;
	}
	end = tvm_clock_ns() + options.seconds * 1e9;
	while (tvm_clock_ns() < end) {
		ret = sendmmsg(port.wire.socket, batch, BATCH, 0);
		sent += ret > 0 ? ret : 0;
	}
	printf("sent=%lu\n", sent);
	return 0;
}

static bool parse(int argc, char **argv)
{
	static const struct option longs[] = {
		{ "frames", required_argument, NULL, 'f' },
		{ "length", required_argument, NULL, 'l' },
		{ "seconds", required_argument, NULL, 's' },
		{ "timeout", required_argument, NULL, 't' },
		{ NULL, 0, NULL, 0 },
	};
	int opt;

	while ((opt = getopt_long(argc, argv, "", longs, NULL)) != -1) {
		switch (opt) {
		case 'f':
			options.frames = atoi(optarg);
			break;
		case 'l':
			options.length = atoi(optarg);
			break;
		case 's':
			options.seconds = atof(optarg);
			break;
		case 't':
			options.timeout = atoi(optarg);
			break;
		default:
			return false;
		}
	}
	return options.length >= TVM_FRAME_MIN && options.length <= TVM_FRAME_MAX;
}

int main(int argc, char **argv)
{
	const char *mode = argc > 1 ? argv[1] : "";

	if (argc < 2 || !parse(argc - 1, argv + 1))
		return usage();
	argv += 1 + optind;
	argc -= 1 + optind;
	if (!strcmp(mode, "echo") && argc >= 1 && argc <= PORTS)
		return echo(argv, argc);
	if (!strcmp(mode, "flood") && argc == 1)
		return flood(argv[0]);
	return usage();
}
