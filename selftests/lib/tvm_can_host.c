// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tiny VMM: a CAN bus of the host and programs on it
 */
#include <errno.h>
#include <linux/rtnetlink.h>
#include <linux/sock_diag.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tvm_can.h"

/**
 * tvm_can_command() - run a command of the shell, without its output
 * @fmt: as of printf()
 *
 * Return: its exit status.
 */
int tvm_can_command(const char *fmt, ...)
{
	char command[512];
	va_list args;
	int len;

	va_start(args, fmt);
	len = vsnprintf(command, sizeof(command), fmt, args);
	va_end(args);
	snprintf(command + len, sizeof(command) - len, " >/dev/null 2>&1");
	fflush(stdout);
	return system(command);
}

/**
 * tvm_can_bus_create() - make an interface and set it up; a failure fails the test
 * @bus: filled in
 * @pair: make two interfaces, each of which receives what the other transmits
 */
void tvm_can_bus_create(struct tvm_can_bus *bus, bool pair)
{
	memset(bus, 0, sizeof(*bus));
	if (access("/sys/module/can_raw", F_OK) || access("/sys/module/vcan", F_OK) ||
	    access("/sys/module/vxcan", F_OK))
		tvm_can_command("modprobe -a can-raw vcan vxcan");
	snprintf(bus->name, sizeof(bus->name), "vha%u", (unsigned int)getpid());
	if (pair) {
		snprintf(bus->peer, sizeof(bus->peer), "vhp%u", (unsigned int)getpid());
		ASSERT_EQ(tvm_can_command("ip link add %s type vxcan peer name %s", bus->name,
					  bus->peer), 0);
		ASSERT_EQ(tvm_can_command("ip link set %s up && ip link set %s up", bus->peer,
					  bus->name), 0);
	} else {
		ASSERT_EQ(tvm_can_command("ip link add %s up type vcan", bus->name), 0);
	}
}

/**
 * tvm_can_bus_destroy() - remove it
 * @bus: the bus; may have been removed already
 */
void tvm_can_bus_destroy(struct tvm_can_bus *bus)
{
	if (*bus->name)
		tvm_can_command("ip link del %s", bus->name);
}

/**
 * tvm_can_socket() - a socket on an interface, for frames of CAN FD as well
 * @interface: its name
 */
int tvm_can_socket(const char *interface)
{
	struct sockaddr_can address = { .can_family = AF_CAN };
	int fd = socket(PF_CAN, SOCK_RAW | SOCK_CLOEXEC, CAN_RAW);
	int bytes = 8 << 20;

	ASSERT_GE(fd, 0);
	address.can_ifindex = if_nametoindex(interface);
	ASSERT_GT(address.can_ifindex, 0);
	tvm_can_socket_option(fd, CAN_RAW_FD_FRAMES, 1);
	ASSERT_EQ(setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof(bytes)), 0);
	ASSERT_EQ(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	return fd;
}

/**
 * tvm_can_socket_option() - set one
 * @fd: the socket
 * @name: CAN_RAW_*
 * @value: for it
 */
void tvm_can_socket_option(int fd, int name, int value)
{
	ASSERT_EQ(setsockopt(fd, SOL_CAN_RAW, name, &value, sizeof(value)), 0);
}

/**
 * tvm_can_host_send() - put a frame on the bus
 * @fd: a socket
 * @frame: the frame
 *
 * Waits while the interface has no room.
 */
int tvm_can_host_send(int fd, const struct tvm_can_frame *frame)
{
	struct canfd_frame cf = { .can_id = frame->id, .len = frame->len };
	ssize_t size = frame->flags & TVM_CAN_FD ? CANFD_MTU : CAN_MTU;
	ssize_t sent;

	if (frame->flags & TVM_CAN_EXTENDED)
		cf.can_id |= CAN_EFF_FLAG;
	if (frame->flags & TVM_CAN_RTR)
		cf.can_id |= CAN_RTR_FLAG;
	else
		memcpy(cf.data, frame->data, frame->len);
	while ((sent = write(fd, &cf, size)) < 0 && errno == ENOBUFS)
		usleep(200);
	if (sent < 0)
		return -errno;
	return sent == size ? 0 : -EIO;
}

static void frame_of(struct tvm_can_frame *frame, const struct canfd_frame *cf, ssize_t size)
{
	memset(frame, 0, sizeof(*frame));
	frame->flags = size == CANFD_MTU ? TVM_CAN_FD : 0;
	if (cf->can_id & CAN_EFF_FLAG)
		frame->flags |= TVM_CAN_EXTENDED;
	if (cf->can_id & CAN_RTR_FLAG)
		frame->flags |= TVM_CAN_RTR;
	frame->id = cf->can_id & (CAN_EFF_MASK | CAN_ERR_FLAG);
	frame->len = cf->len;
	memcpy(frame->data, cf->data, cf->len <= TVM_CAN_DATA ? cf->len : TVM_CAN_DATA);
}

/**
 * tvm_can_host_receive() - take a frame from the bus
 * @fd: a socket
 * @frame: filled in; @frame->id keeps CAN_ERR_FLAG
 * @timeout_ms: for how long to wait
 *
 * Return: 0, -ETIMEDOUT, or another errno, once, of an interface that went down.
 */
int tvm_can_host_receive(int fd, struct tvm_can_frame *frame, unsigned int timeout_ms)
{
	struct pollfd wait = { .fd = fd, .events = POLLIN };
	struct canfd_frame cf = { 0 };
	ssize_t size;

	size = recv(fd, &cf, sizeof(cf), MSG_DONTWAIT);
	if (size < 0 && errno == EAGAIN) {
		if (poll(&wait, 1, timeout_ms) != 1)
			return -ETIMEDOUT;
		size = recv(fd, &cf, sizeof(cf), MSG_DONTWAIT);
	}
	if (size < 0)
		return -errno;
	frame_of(frame, &cf, size);
	return 0;
}

/**
 * tvm_can_host_receive_many() - take frames from the bus, as many as there are
 * @fd: a socket
 * @frames: filled in
 * @max: room for so many, at most TVM_CAN_MANY
 *
 * Return: how many, 0 when there are none.
 */
unsigned int tvm_can_host_receive_many(int fd, struct tvm_can_frame *frames, unsigned int max)
{
	struct mmsghdr messages[TVM_CAN_MANY] = { 0 };
	struct canfd_frame cf[TVM_CAN_MANY] = { 0 };
	struct iovec iov[TVM_CAN_MANY];
	unsigned int i;
	int n;

	ASSERT_LE(max, TVM_CAN_MANY);
	for (i = 0; i < max; i++) {
		iov[i] = (struct iovec){ .iov_base = &cf[i], .iov_len = sizeof(cf[i]) };
		messages[i].msg_hdr.msg_iov = &iov[i];
		messages[i].msg_hdr.msg_iovlen = 1;
	}
	n = recvmmsg(fd, messages, max, MSG_DONTWAIT, NULL);
	if (n < 0)
		n = 0;
	for (i = 0; i < (unsigned int)n; i++)
		frame_of(&frames[i], &cf[i], messages[i].msg_len);
	return n;
}

/**
 * tvm_can_host_silent() - whether there is nothing on the bus
 * @fd: a socket
 * @ms: for how long to listen
 */
bool tvm_can_host_silent(int fd, unsigned int ms)
{
	struct pollfd wait = { .fd = fd, .events = POLLIN };

	return poll(&wait, 1, ms) == 0;
}

/**
 * tvm_can_host_error() - put an error frame on the bus; a failure fails the test
 * @fd: a socket
 * @errors: CAN_ERR_*
 */
void tvm_can_host_error(int fd, canid_t errors)
{
	struct can_frame cf = { .can_id = CAN_ERR_FLAG | errors, .len = CAN_ERR_DLC };

	ASSERT_EQ(write(fd, &cf, sizeof(cf)), (ssize_t)sizeof(cf));
}

/**
 * tvm_can_socket_drops() - frames that a socket had no room for
 * @fd: the socket
 */
int64_t tvm_can_socket_drops(int fd)
{
	uint32_t info[SK_MEMINFO_VARS] = { 0 };
	socklen_t size = sizeof(info);

	ASSERT_EQ(getsockopt(fd, SOL_SOCKET, SO_MEMINFO, info, &size), 0);
	return info[SK_MEMINFO_DROPS];
}

/**
 * tvm_can_bus_drops() - frames that the host dropped before any socket saw them
 * @bus: the bus
 */
int64_t tvm_can_bus_drops(const struct tvm_can_bus *bus)
{
	unsigned long long value = 0;
	char path[128];
	FILE *file;

	snprintf(path, sizeof(path), "/sys/class/net/%s/statistics/rx_dropped", bus->name);
	file = fopen(path, "r");
	ASSERT_TRUE(file);
	EXPECT_EQ(fscanf(file, "%llu", &value), 1);
	fclose(file);
	return value;
}

/**
 * tvm_can_bus_delete() - delete an interface at once, without a program's start
 * @index: its index
 *
 * Return: 0, or a negative errno.
 */
int tvm_can_bus_delete(unsigned int index)
{
	struct {
		struct nlmsghdr header;
		struct ifinfomsg info;
	} request = {
		.header = {
			.nlmsg_len = sizeof(request), .nlmsg_type = RTM_DELLINK,
			.nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK,
		},
		.info = { .ifi_family = AF_UNSPEC, .ifi_index = index },
	};
	struct {
		struct nlmsghdr header;
		struct nlmsgerr error;
	} answer = { 0 };
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
	ssize_t size;

	if (fd < 0)
		return -errno;
	size = send(fd, &request, sizeof(request), 0);
	if (size == sizeof(request))
		size = recv(fd, &answer, sizeof(answer), 0);
	close(fd);
	return size < (ssize_t)sizeof(answer.header) + 4 ? -EIO : answer.error.error;
}
