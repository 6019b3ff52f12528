// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tiny VMM: back ends of network devices, and the far end of their cables
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_packet.h>
#include <linux/if_tun.h>
#include <net/ethernet.h>
#include <poll.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "harness.h"
#include "tvm_frame.h"
#include "tvm_wire.h"

#ifndef PACKET_IGNORE_OUTGOING
#define PACKET_IGNORE_OUTGOING	23
#endif
#ifndef PACKET_VNET_HDR_SZ
#define PACKET_VNET_HDR_SZ	24
#endif

#define ROOM	(64 << 20)

static void write_text(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	if (fd < 0)
		return;
	ASSERT_EQ(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	close(fd);
}

/**
 * tvm_wire_space() - a network namespace of the process's own
 *
 * Interfaces need no names that others do not have, go away with the process,
 * and nobody sends there but the test.
 */
void tvm_wire_space(void)
{
	ASSERT_EQ(unshare(CLONE_NEWNET), 0);
	write_text("/proc/sys/net/ipv6/conf/all/disable_ipv6", "1");
	write_text("/proc/sys/net/ipv6/conf/default/disable_ipv6", "1");
}

/**
 * tvm_wire_ip() - run ip(8); a failure fails the test
 * @fmt: lines as ip -batch reads them
 */
void tvm_wire_ip(const char *fmt, ...)
{
	FILE *pipe = popen("ip -batch -", "w");
	va_list args;

	ASSERT_TRUE(pipe);
	va_start(args, fmt);
	vfprintf(pipe, fmt, args);
	va_end(args);
	ASSERT_EQ(pclose(pipe), 0);
}

static int tun_configure(int fd, const char *name, unsigned int header, unsigned int flags)
{
	struct ifreq ifr = { .ifr_flags = IFF_TAP | IFF_NO_PI | flags };
	int size = header;

	if (header)
		ifr.ifr_flags |= IFF_VNET_HDR;
	snprintf(ifr.ifr_name, IFNAMSIZ, "%s", name);
	if (ioctl(fd, TUNSETIFF, &ifr))
		return -errno;
	if (header && ioctl(fd, TUNSETVNETHDRSZ, &size))
		return -errno;
	return 0;
}

static int tun_open(const char *node, const char *name, unsigned int header,
		    unsigned int flags)
{
	int fd = open(node, O_RDWR | O_NONBLOCK | O_CLOEXEC), ret;

	if (fd < 0)
		return -errno;
	ret = tun_configure(fd, name, header, flags);
	if (!ret)
		return fd;
	close(fd);
	return ret;
}

/**
 * tvm_wire_tap() - open a tap
 * @name: of the interface, which is made unless it exists
 * @header: bytes of its virtio-net header, 0 for none
 * @multi_queue: it may be opened more often
 *
 * Return: descriptor or a negative errno.
 */
int tvm_wire_tap(const char *name, unsigned int header, bool multi_queue)
{
	return tun_open("/dev/net/tun", name, header, multi_queue ? IFF_MULTI_QUEUE : 0);
}

static int packet_bind(int fd, const char *name)
{
	struct sockaddr_ll addr = {
		.sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL),
	};
	struct ifreq ifr = { 0 };
	int room = ROOM, one = 1;

	snprintf(ifr.ifr_name, IFNAMSIZ, "%s", name);
	if (ioctl(fd, SIOCGIFINDEX, &ifr))
		return -errno;
	addr.sll_ifindex = ifr.ifr_ifindex;
	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof(room)) ||
	    setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &room, sizeof(room)) ||
	    setsockopt(fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, &one, sizeof(one)) ||
	    bind(fd, (struct sockaddr *)&addr, sizeof(addr)))
		return -errno;
	return 0;
}

static int packet_header(int fd, unsigned int header)
{
	int size = header, option = header == 10 ? PACKET_VNET_HDR : PACKET_VNET_HDR_SZ;

	if (!header || !setsockopt(fd, SOL_PACKET, option, &size, sizeof(size)))
		return 0;
	return -errno;
}

/**
 * tvm_wire_packet() - open a raw packet socket
 * @name: of the interface
 * @header: bytes of its virtio-net header, 0 for none
 *
 * Return: descriptor or a negative errno.
 */
int tvm_wire_packet(const char *name, unsigned int header)
{
	int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	int ret = fd < 0 ? -errno : packet_header(fd, header);

	if (!ret)
		ret = packet_bind(fd, name);
	if (!ret)
		return fd;
	if (fd >= 0)
		close(fd);
	return ret;
}

/**
 * tvm_wire_name() - set the names of a wire's interfaces
 * @wire: the wire
 * @near: that of the back end
 * @far: that of the far end
 */
void tvm_wire_name(struct tvm_wire *wire, const char *near, const char *far)
{
	snprintf(wire->near, sizeof(wire->near), "%s", near);
	snprintf(wire->far, sizeof(wire->far), "%s", far);
}

static void create_tap(struct tvm_wire *wire, unsigned int header)
{
	unsigned int i;

	tvm_wire_name(wire, "tap0", "tap0");
	for (i = 0; i < wire->queues; i++) {
		wire->backends[i] = tvm_wire_tap(wire->near, header, wire->queues > 1);
		ASSERT_GE(wire->backends[i], 0);
	}
	tvm_wire_ip("link set tap0 up mtu 65521 txqueuelen 1000\n");
}

static void create_veth(struct tvm_wire *wire)
{
	tvm_wire_name(wire, "veth0", "veth1");
	tvm_wire_ip("link add veth0 mtu 65535 type veth peer name veth1 mtu 65535\n"
		    "link set veth0 up\n"
		    "link set veth1 up\n");
}

/* The node is named by the interface's index, in one directory for all namespaces. */
static void create_macvtap(struct tvm_wire *wire, unsigned int header)
{
	unsigned int i, index = 100000 + getpid();
	char node[32];

	create_veth(wire);
	tvm_wire_name(wire, "mvtap0", "veth1");
	tvm_wire_ip("link add link veth0 name mvtap0 mtu 65535 index %u type macvtap "
		    "mode passthru\nlink set mvtap0 up\n", index);
	snprintf(node, sizeof(node), "/dev/tap%u", index);
	for (i = 0; i < wire->queues; i++) {
		wire->backends[i] = tun_open(node, "mvtap0", header,
					     wire->queues > 1 ? IFF_MULTI_QUEUE : 0);
		ASSERT_GE(wire->backends[i], 0);
	}
}

static void create_packet(struct tvm_wire *wire, unsigned int header)
{
	create_veth(wire);
	wire->backends[0] = tvm_wire_packet("veth0", header);
	ASSERT_GE(wire->backends[0], 0);
}

/**
 * tvm_wire_create() - make interfaces and back ends; a failure fails the test
 * @wire: filled in
 * @kind: of back end
 * @queues: how many, one for packet sockets
 * @header: bytes of the back ends' virtio-net header, 0 for none
 */
void tvm_wire_create(struct tvm_wire *wire, enum tvm_wire_kind kind, unsigned int queues,
		     unsigned int header)
{
	unsigned int i;

	memset(wire, 0, sizeof(*wire));
	wire->kind = kind;
	wire->queues = queues;
	wire->socket = -1;
	for (i = 0; i < TVM_WIRE_QUEUES; i++)
		wire->backends[i] = -1;
	if (kind == TVM_WIRE_TAP)
		create_tap(wire, header);
	else if (kind == TVM_WIRE_MACVTAP)
		create_macvtap(wire, header);
	else
		create_packet(wire, header);
	wire->socket = tvm_wire_packet(wire->far, sizeof(struct virtio_net_hdr));
	ASSERT_GE(wire->socket, 0);
}

/**
 * tvm_wire_destroy() - close all descriptors; interfaces go with the process
 * @wire: the wire; destroying it twice does nothing
 */
void tvm_wire_destroy(struct tvm_wire *wire)
{
	unsigned int i;

	if (!wire->queues)
		return;
	for (i = 0; i < TVM_WIRE_QUEUES; i++) {
		if (wire->backends[i] >= 0)
			close(wire->backends[i]);
	}
	if (wire->socket >= 0)
		close(wire->socket);
	wire->queues = 0;
}

/**
 * tvm_wire_offloads() - what the guest can take besides plain frames
 * @wire: one with taps
 * @flags: TUN_F_*
 */
int tvm_wire_offloads(struct tvm_wire *wire, unsigned int flags)
{
	unsigned int i;

	for (i = 0; i < wire->queues; i++) {
		if (ioctl(wire->backends[i], TUNSETOFFLOAD, flags))
			return -errno;
	}
	return 0;
}

/**
 * tvm_wire_send() - send a frame from the far end
 * @wire: the wire
 * @header: its virtio-net header, NULL for zeros
 * @frame: the frame
 * @len: bytes
 *
 * Return: 0, or a negative errno: it went nowhere.
 */
int tvm_wire_send(struct tvm_wire *wire, const struct virtio_net_hdr *header,
		  const void *frame, uint32_t len)
{
	static const struct virtio_net_hdr none;
	struct iovec iov[2] = {
		{ (void *)(header ? header : &none), sizeof(none) }, { (void *)frame, len },
	};
	ssize_t ret = writev(wire->socket, iov, 2);

	if (ret < 0)
		return -errno;
	return ret == (ssize_t)(sizeof(none) + len) ? 0 : -EIO;
}

/**
 * tvm_wire_recv() - take a frame that came to the far end
 * @wire: the wire
 * @header: filled in unless NULL
 * @frame: filled in
 * @size: bytes there
 *
 * Return: bytes of the frame, 0 when there is none, a negative errno.
 */
int tvm_wire_recv(struct tvm_wire *wire, struct virtio_net_hdr *header, void *frame,
		  uint32_t size)
{
	struct virtio_net_hdr any;
	struct iovec iov[2] = { { header ? header : &any, sizeof(any) }, { frame, size } };
	ssize_t ret = readv(wire->socket, iov, 2);

	if (ret < 0)
		return errno == EAGAIN ? 0 : -errno;
	return ret - sizeof(any);
}

/**
 * tvm_wire_wait() - wait for a frame at the far end
 * @wire: the wire
 * @timeout_ms: for how long
 *
 * Return: whether there is one.
 */
bool tvm_wire_wait(const struct tvm_wire *wire, unsigned int timeout_ms)
{
	struct pollfd pfd = { .fd = wire->socket, .events = POLLIN };

	return poll(&pfd, 1, timeout_ms) == 1;
}

static uint64_t packet_drops(int fd)
{
	struct tpacket_stats stats = { 0 };
	socklen_t size = sizeof(stats);

	if (getsockopt(fd, SOL_PACKET, PACKET_STATISTICS, &stats, &size))
		return 0;
	return stats.tp_drops;
}

/**
 * tvm_wire_overrun() - frames the far end's socket had no room for
 * @wire: the wire
 *
 * Return: how many since the last call.
 */
uint64_t tvm_wire_overrun(const struct tvm_wire *wire)
{
	return packet_drops(wire->socket);
}

/**
 * tvm_wire_refused() - frames for the guest that the back end had no room for
 * @wire: the wire
 *
 * Return: how many; those of a packet socket since the last call.
 */
uint64_t tvm_wire_refused(const struct tvm_wire *wire)
{
	if (wire->kind == TVM_WIRE_PACKET)
		return packet_drops(wire->backends[0]);
	if (wire->kind == TVM_WIRE_TAP)
		return tvm_wire_drops(wire->near).tx;
	return tvm_wire_drops(wire->near).rx;
}

/**
 * tvm_wire_drops() - what an interface counted
 * @interface: its name
 */
struct tvm_wire_drops tvm_wire_drops(const char *interface)
{
	struct tvm_wire_drops drops = { 0, 0 };
	FILE *file = fopen("/proc/self/net/dev", "r");
	uint64_t frame = 0;
	int fields;
	char line[512], *at;

	ASSERT_TRUE(file);
	while (fgets(line, sizeof(line), file)) {
		at = strchr(line, ':');
		if (!at)
			continue;
		*at = 0;
		if (strcmp(line + strspn(line, " "), interface))
			continue;
		fields = sscanf(at + 1, "%*u %*u %*u %lu %*u %lu %*u %*u %*u %*u %*u %lu",
				&drops.rx, &frame, &drops.tx);
		ASSERT_EQ(fields, 3);
		drops.rx += frame;
	}
	fclose(file);
	return drops;
}
