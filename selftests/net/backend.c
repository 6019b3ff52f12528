// SPDX-License-Identifier: GPL-2.0-only
/*
 * net: back ends that are none, that come and go, that have no room
 */
#include <fcntl.h>
#include <linux/if_ether.h>
#include <linux/if_tun.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "tvm_traffic.h"

#define WAIT_MS		5000

FIXTURE(backend) {
	struct tvm_net net;
	struct tvm_traffic traffic;
	struct tvm_wire other;
};

FIXTURE_VARIANT(backend) {
	struct tvm_net_options options;
};

#define OPTIONS(...)	{ .options = { __VA_ARGS__ } }

FIXTURE_VARIANT_ADD(backend, split)
	OPTIONS(.cfg = { .event_idx = true }, .mergeable = true);
FIXTURE_VARIANT_ADD(backend, packed)
	OPTIONS(.cfg = { .packed = true, .event_idx = true }, .mergeable = true);

FIXTURE_SETUP(backend)
{
	tvm_net_create(&self->net, &variant->options);
	tvm_traffic_init(&self->traffic, &self->net, 0);
}

FIXTURE_TEARDOWN(backend)
{
	tvm_net_destroy(&self->net);
	tvm_wire_destroy(&self->other);
}

static int fd_pipe(void)
{
	int fds[2];

	return pipe(fds) ? -1 : fds[0];
}

static int fd_closed(void)
{
	int fd = fd_pipe();

	close(fd);
	return fd;
}

static int fd_epoll(void)
{
	return epoll_create1(0);
}

static int fd_timer(void)
{
	return timerfd_create(CLOCK_MONOTONIC, 0);
}

static int fd_memory(void)
{
	return memfd_create("none", 0);
}

static int fd_null(void)
{
	return open("/dev/null", O_RDWR);
}

static int fd_directory(void)
{
	return open("/tmp", O_RDONLY | O_DIRECTORY);
}

static int fd_path(void)
{
	return open("/dev/net/tun", O_PATH);
}

static int fd_path_file(void)
{
	return open("/dev/null", O_PATH);
}

static int fd_node(void)
{
	return open(tvm_net_node(), O_RDWR);
}

static int fd_unix(void)
{
	return socket(AF_UNIX, SOCK_STREAM, 0);
}

static int fd_unix_raw(void)
{
	return socket(AF_UNIX, SOCK_RAW, 0);
}

static int fd_inet(void)
{
	return socket(AF_INET, SOCK_STREAM, 0);
}

static int fd_inet_raw(void)
{
	return socket(AF_INET, SOCK_RAW, 255);
}

static int fd_netlink(void)
{
	return socket(AF_NETLINK, SOCK_RAW, 0);
}

static int fd_packet_cooked(void)
{
	return socket(AF_PACKET, SOCK_DGRAM, 0);
}

/* A unix socket that asked for RAW is a DGRAM one. */
static const struct {
	const char *name;
	int (*make)(void);
	int error;
} wrong[] = {
	{ "pipe", fd_pipe, -ENOTSOCK },
	{ "closed", fd_closed, -EBADF },
	{ "eventfd", tvm_event_create, -ENOTSOCK },
	{ "epoll", fd_epoll, -ENOTSOCK },
	{ "timer", fd_timer, -ENOTSOCK },
	{ "memory", fd_memory, -ENOTSOCK },
	{ "null", fd_null, -ENOTSOCK },
	{ "directory", fd_directory, -ENOTSOCK },
	{ "path", fd_path, -EBADF },
	{ "path of a file", fd_path_file, -EBADF },
	{ "node", fd_node, -ENOTSOCK },
	{ "unix", fd_unix, -ESOCKTNOSUPPORT },
	{ "unix raw", fd_unix_raw, -ESOCKTNOSUPPORT },
	{ "inet", fd_inet, -ESOCKTNOSUPPORT },
	{ "inet raw", fd_inet_raw, -EPFNOSUPPORT },
	{ "netlink", fd_netlink, -EPFNOSUPPORT },
	{ "packet cooked", fd_packet_cooked, -ESOCKTNOSUPPORT },
};

/* Refused, whatever runs goes on as it was. */
TEST_F(backend, wrong)
{
	unsigned int i, queue;
	int fd;

	for (i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		fd = wrong[i].make();
		ASSERT_GE(fd, 0);
		for (queue = 0; queue < 2; queue++) {
			int ret = tvm_net_backend(&self->net, queue, fd);
			int error = self->net.peer ? -ENOTSOCK : wrong[i].error;

			EXPECT_MSG(ret == error, "%s: %d instead of %d", wrong[i].name, ret,
				   error);
			self->net.vqs[queue].running = true;
		}
		close(fd);
		ASSERT_TRUE(tvm_traffic_run(&self->traffic, 5, 5));
	}
	ASSERT_EQ(tvm_net_stop(&self->net), 0);
	for (i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		fd = wrong[i].make();
		EXPECT_LT(tvm_net_backend(&self->net, 1, fd), 0);
		close(fd);
	}
	ASSERT_EQ(tvm_net_start(&self->net), 0);
	ASSERT_TRUE(tvm_traffic_run(&self->traffic, 50, 50));
	tvm_traffic_check(&self->traffic);
}

TEST_F(backend, arguments)
{
	struct vhost_vring_file file = { .index = 64, .fd = -1 };
	int fd = self->net.wire.backends[0];

	EXPECT_EQ(tvm_dev_ioctl(&self->net.dev, VHOST_NET_SET_BACKEND, &file), -ENOBUFS);
	file.index = ~0U;
	EXPECT_EQ(tvm_dev_ioctl(&self->net.dev, VHOST_NET_SET_BACKEND, &file), -ENOBUFS);
	EXPECT_EQ(tvm_dev_ioctl(&self->net.dev, VHOST_NET_SET_BACKEND, (void *)8), -EFAULT);
	/* The same once more, and none when there is none, change nothing. */
	EXPECT_EQ(tvm_net_backend(&self->net, 0, fd), 0);
	EXPECT_EQ(tvm_net_backend(&self->net, 1, fd), 0);
	ASSERT_TRUE(tvm_traffic_run(&self->traffic, 20, 20));
	ASSERT_EQ(tvm_net_stop(&self->net), 0);
	EXPECT_EQ(tvm_net_backend(&self->net, 0, -1), 0);
	EXPECT_EQ(tvm_net_backend(&self->net, 1, -1), 0);
	if (!self->net.peer) {
		EXPECT_EQ(tvm_net_backend(&self->net, 0, -2), -EINVAL);
		EXPECT_EQ(tvm_net_backend(&self->net, 0, INT32_MIN), -EINVAL);
	}
	ASSERT_EQ(tvm_net_start(&self->net), 0);
	ASSERT_TRUE(tvm_traffic_run(&self->traffic, 20, 20));
	tvm_traffic_check(&self->traffic);
}

/* Nothing is attached to a ring that is not set up. */
TEST_F(backend, not_ready)
{
	struct tvm_dev dev;
	struct vhost_vring_file file = { .fd = self->net.wire.backends[0] };

	memset(&dev, 0, sizeof(dev));
	dev.fd = fd_node();
	ASSERT_GE(dev.fd, 0);
	EXPECT_EQ(tvm_dev_ioctl(&dev, VHOST_NET_SET_BACKEND, &file), -EPERM);
	ASSERT_EQ(tvm_dev_ioctl(&dev, VHOST_SET_OWNER, NULL), 0);
	EXPECT_LT(tvm_dev_ioctl(&dev, VHOST_NET_SET_BACKEND, &file), 0);
	ASSERT_EQ(tvm_dev_mem_set(&dev, &self->net.mem), 0);
	EXPECT_LT(tvm_dev_ioctl(&dev, VHOST_NET_SET_BACKEND, &file), 0);
	file.fd = -1;
	EXPECT_EQ(tvm_dev_ioctl(&dev, VHOST_NET_SET_BACKEND, &file), 0);
	tvm_dev_close(&dev);
}

/* Another tap, with a socket at its far end, in the same namespace. */
static void other_tap(struct backend_fixture *self, const char *name)
{
	struct tvm_wire *other = &self->other;

	tvm_wire_destroy(other);
	*other = (struct tvm_wire){
		.kind = TVM_WIRE_TAP, .queues = 1, .backends = { -1, -1, -1, -1 },
	};
	tvm_wire_name(other, name, name);
	other->backends[0] = tvm_wire_tap(name, self->net.header, false);
	ASSERT_GE(other->backends[0], 0);
	tvm_wire_ip("link set %s up mtu 65521\n", name);
	other->socket = tvm_wire_packet(name, sizeof(struct virtio_net_hdr));
	ASSERT_GE(other->socket, 0);
}

static void attach(struct backend_fixture *self, int fd)
{
	ASSERT_EQ(tvm_net_backend(&self->net, 0, fd), 0);
	ASSERT_EQ(tvm_net_backend(&self->net, 1, fd), 0);
}

static unsigned int take_other(struct tvm_wire *wire, struct tvm_flow *flow)
{
	static uint8_t frame[TVM_FRAME_MAX + 1];
	unsigned int nr = 0;
	int len;

	while ((len = tvm_wire_recv(wire, NULL, frame, sizeof(frame))) > 0) {
		tvm_flow_take(flow, frame, len);
		nr++;
	}
	return nr;
}

/* Back ends change places while frames fly: each goes to one of the two. */
TEST_F_TIMEOUT(backend, swap, 120)
{
	unsigned int i, rounds = harness_rounds(1000, 20);
	struct tvm_traffic *traffic = &self->traffic;
	struct tvm_flow flow = { .id = traffic->tx.id };
	uint64_t arrived, counted;

	other_tap(self, "tap1");
	for (i = 0; i < rounds; i++) {
		tvm_traffic_tx_fill(traffic, 1 + i % 40);
		attach(self, i % 2 ? self->net.wire.backends[0] : self->other.backends[0]);
		tvm_traffic_drain(traffic);
		take_other(&self->other, &flow);
	}
	EXPECT_TRUE(tvm_traffic_quiet(traffic));
	take_other(&self->other, &flow);
	arrived = traffic->tx.frames + flow.frames;
	EXPECT_EQ(arrived, (uint64_t)traffic->tx_seq);
	EXPECT_EQ(traffic->tx.late + flow.late + traffic->tx.bad + flow.bad, 0UL);
	EXPECT_EQ(traffic->tx.lost + (traffic->tx_seq - traffic->tx.next), flow.frames);
	counted = tvm_net_stat(&self->net, 1, "packets");
	if (!self->net.peer)
		EXPECT_EQ(counted, arrived);
	EXPECT_TRUE(tvm_net_sound(&self->net));
	/* To the guest as well: what waits in a tap comes once that is back. */
	attach(self, self->net.wire.backends[0]);
	traffic->tx = (struct tvm_flow){
		.id = traffic->tx.id, .frames = traffic->tx_seq, .next = traffic->tx_seq,
	};
	for (i = 0; i < rounds; i++) {
		attach(self, self->other.backends[0]);
		tvm_traffic_rx_fill(traffic, 20);
		attach(self, self->net.wire.backends[0]);
		ASSERT_TRUE(tvm_traffic_run(traffic, 2, 10));
	}
	tvm_traffic_check(traffic);
}

/* The tap goes away under the frames: they come back, and another tap serves. */
TEST_F_TIMEOUT(backend, deleted, 120)
{
	unsigned int i, rounds = harness_rounds(50, 3);
	struct tvm_traffic *traffic = &self->traffic;
	uint64_t arrived = 0, sent = 0;
	char name[16];

	if (self->net.peer)
		SKIP("the peer keeps buffers it could not send");
	ASSERT_EQ(tvm_net_stop(&self->net), 0);
	for (i = 0; i < rounds; i++) {
		snprintf(name, sizeof(name), "gone%u", i);
		other_tap(self, name);
		traffic->wire = &self->other;
		if (i) {
			attach(self, self->other.backends[0]);
		} else {
			self->net.wire.backends[0] = dup(self->other.backends[0]);
			ASSERT_EQ(tvm_net_start(&self->net), 0);
		}
		traffic->tx.frames = traffic->tx_seq;
		traffic->rx.frames = traffic->rx_seq;
		traffic->tx.next = traffic->tx_seq;
		traffic->rx.next = traffic->rx_seq;
		ASSERT_TRUE(tvm_traffic_run(traffic, 100, 100));
		tvm_traffic_tx_fill(traffic, 64);
		tvm_traffic_rx_fill(traffic, 64);
		tvm_wire_ip("link del %s\n", name);
		tvm_traffic_tx_fill(traffic, 64);
		EXPECT_TRUE(tvm_traffic_quiet(traffic));
		EXPECT_EQ(traffic->tx.late + traffic->tx.bad + traffic->rx.late +
			  traffic->rx.bad, 0UL);
		arrived += traffic->tx.frames - sent;
		sent = traffic->tx_seq;
	}
	EXPECT_TRUE(tvm_net_sound(&self->net));
	EXPECT_EQ(tvm_net_stat(&self->net, 1, "packets") +
		  tvm_net_stat(&self->net, 1, "dropped"), (int64_t)traffic->tx_seq);
	EXPECT_GE(tvm_net_stat(&self->net, 1, "packets"), (int64_t)arrived);
	EXPECT_EQ(tvm_net_stat(&self->net, 1, "used"), (int64_t)traffic->tx_seq);
}

/* Down, a tap takes nothing; up again, it does. */
TEST_F(backend, down)
{
	struct tvm_traffic *traffic = &self->traffic;

	ASSERT_TRUE(tvm_traffic_run(traffic, 50, 50));
	tvm_wire_ip("link set tap0 down\n");
	ASSERT_EQ(tvm_traffic_tx_fill(traffic, 50), 50U);
	EXPECT_TRUE(tvm_traffic_quiet(traffic));
	EXPECT_EQ(traffic->tx.frames, 50UL);
	if (!self->net.peer)
		EXPECT_EQ(tvm_net_stat(&self->net, 1, "packets") +
			  tvm_net_stat(&self->net, 1, "dropped"), 100L);
	tvm_wire_ip("link set tap0 up\n");
	traffic->tx.frames = traffic->tx_seq;
	traffic->tx.next = traffic->tx_seq;
	ASSERT_TRUE(tvm_traffic_run(traffic, 50, 50));
	tvm_traffic_check(traffic);
}

/* Once the node is closed nobody writes to the guest. */
TEST_F(backend, closed)
{
	struct tvm_region *region = &self->net.mem.regions[2];
	struct tvm_traffic *traffic = &self->traffic;
	char *before = malloc(region->next);

	ASSERT_TRUE(before);
	ASSERT_TRUE(tvm_traffic_run(traffic, 50, 50));
	tvm_traffic_rx_fill(traffic, 50);
	tvm_traffic_tx_fill(traffic, 50);
	tvm_dev_close(&self->net.dev);
	memcpy(before, region->hva, region->next);
	tvm_traffic_rx_fill(traffic, 50);
	usleep(50000);
	EXPECT_TRUE(!memcmp(before, region->hva, region->next));
	free(before);
}

/* A packet socket with little room on a link of a rate that tc understands. */
static int slow_link(struct backend_fixture *self, int sndbuf, const char *rate)
{
	char command[128];
	int fd;

	tvm_wire_ip("link add veth0 mtu 9000 type veth peer name veth1 mtu 9000\n"
		    "link set veth0 up\nlink set veth1 up\n");
	snprintf(command, sizeof(command), "tc qdisc add dev veth0 root tbf rate %s burst 10000 "
		 "limit 10000000", rate);
	if (system(command))
		return -EIO;
	fd = tvm_wire_packet("veth0", self->net.header);
	ASSERT_GE(fd, 0);
	ASSERT_EQ(setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &sndbuf, sizeof(sndbuf)), 0);
	self->other = (struct tvm_wire){
		.kind = TVM_WIRE_PACKET, .queues = 1, .backends = { fd, -1, -1, -1 },
		.socket = tvm_wire_packet("veth1", sizeof(struct virtio_net_hdr)),
	};
	tvm_wire_name(&self->other, "veth0", "veth1");
	return self->other.socket;
}

/* A back end that is full delays frames, and neither loses them nor mixes them up. */
TEST_F_TIMEOUT(backend, full, 120)
{
	struct tvm_traffic *traffic = &self->traffic;

	ASSERT_GE(slow_link(self, 30000, "40mbit"), 0);
	attach(self, self->other.backends[0]);
	traffic->wire = &self->other;
	ASSERT_TRUE(tvm_traffic_run(traffic, harness_rounds(2000, 200), 0));
	tvm_traffic_check(traffic);
	EXPECT_TRUE(tvm_net_sound(&self->net));
	if (self->net.peer)
		return;
	EXPECT_GE(tvm_net_stat(&self->net, 1, "again"), 1L);
	EXPECT_EQ(tvm_net_stat(&self->net, 1, "dropped"), 0L);
	EXPECT_EQ(tvm_net_stat(&self->net, 1, "packets"), (int64_t)traffic->tx_seq);
}

/* What is not sent yet does not hold up what is received. */
TEST_F_TIMEOUT(backend, full_receives, 120)
{
	struct tvm_traffic *traffic = &self->traffic;

	ASSERT_GE(slow_link(self, 4000, "8kbit"), 0);
	attach(self, self->other.backends[0]);
	traffic->wire = &self->other;
	ASSERT_EQ(tvm_traffic_tx_fill(traffic, 100), 100U);
	EXPECT_TRUE(tvm_net_counted(&self->net, 1, "again", 1));
	while (traffic->rx_seq < 500 || traffic->rx.frames < traffic->rx_seq) {
		unsigned int moved = traffic->rx_seq < 500 ? tvm_traffic_rx_fill(traffic, 32) : 0;
		struct tvm_net_packet packet;

		while (!tvm_net_wait(&self->net, 0, &packet, moved ? 0 :
				     harness_scaled(WAIT_MS))) {
			tvm_flow_take(&traffic->rx, packet.frame, packet.len);
			moved++;
		}
		tvm_net_post(&self->net, 0, ~0U);
		tvm_queue_kick(tvm_net_rx(&self->net, 0));
		ASSERT_GT(moved, 0U);
	}
	EXPECT_EQ(traffic->rx.frames, (uint64_t)traffic->rx_seq);
	EXPECT_EQ(traffic->rx.lost + traffic->rx.late + traffic->rx.bad, 0UL);
	EXPECT_GT(self->net.vqs[1].num - self->net.vqs[1].num_free, 0);
	/* Stopping does not wait for the link either. */
	ASSERT_EQ(tvm_net_stop(&self->net), 0);
}

/** struct swapper - changes the back end of both queues again and again */
struct swapper {
	struct tvm_net *net;
	int fds[3];
	volatile bool stop;
	unsigned int refused;
};

static void *swapper_run(void *arg)
{
	struct swapper *swapper = arg;
	unsigned int i;

	for (i = 0; !swapper->stop; i++) {
		struct vhost_vring_file file = {
			.index = i % 2, .fd = swapper->fds[i / 2 % 3],
		};

		if (tvm_dev_ioctl(&swapper->net->dev, VHOST_NET_SET_BACKEND, &file))
			swapper->refused++;
	}
	return NULL;
}

/* From another thread, descriptors closed under it among them. */
TEST_F_TIMEOUT(backend, race, 120)
{
	unsigned int i, rounds = harness_rounds(2000, 40);
	struct swapper swapper = { .net = &self->net };
	struct tvm_traffic *traffic = &self->traffic;
	pthread_t thread;

	other_tap(self, "tap1");
	swapper.fds[0] = self->net.wire.backends[0];
	swapper.fds[1] = self->other.backends[0];
	swapper.fds[2] = -1;
	ASSERT_EQ(pthread_create(&thread, NULL, swapper_run, &swapper), 0);
	for (i = 0; i < rounds; i++) {
		tvm_traffic_tx_fill(traffic, 16);
		tvm_traffic_rx_fill(traffic, 4);
		tvm_traffic_drain(traffic);
		traffic->rx.frames = traffic->rx_seq;
		if (i % 10)
			continue;
		/* Something else may have this number by the time it is used. */
		swapper.fds[1] = dup(i % 20 ? self->other.backends[0] : STDIN_FILENO);
		close(swapper.fds[1]);
		swapper.fds[1] = self->other.backends[0];
	}
	swapper.stop = true;
	pthread_join(thread, NULL);
	attach(self, self->net.wire.backends[0]);
	EXPECT_TRUE(tvm_traffic_quiet(traffic));
	EXPECT_EQ(traffic->tx.late + traffic->tx.bad + traffic->rx.bad, 0UL);
	EXPECT_TRUE(tvm_net_sound(&self->net));
}

HARNESS_MAIN
