// SPDX-License-Identifier: GPL-2.0-only
/*
 * CAN: what can be a bus, parameters, features, and their order
 */
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tvm_can.h"
#include "tvm_rig.h"

FIXTURE(backend) {
	struct tvm_can_bus bus;
	struct tvm_mem mem;
	struct tvm_dev dev;
};

FIXTURE_SETUP(backend)
{
	tvm_can_bus_create(&self->bus, false);
	tvm_mem_create_default(&self->mem);
	ASSERT_EQ(tvm_dev_open(&self->dev, tvm_can_node()), 0);
	ASSERT_EQ(tvm_dev_ioctl(&self->dev, VHOST_SET_OWNER, NULL), 0);
	ASSERT_EQ(tvm_dev_mem_set(&self->dev, &self->mem), 0);
}

FIXTURE_TEARDOWN(backend)
{
	tvm_dev_close(&self->dev);
	tvm_mem_destroy(&self->mem);
	tvm_can_bus_destroy(&self->bus);
}

TEST_F(backend, info)
{
	EXPECT_EQ(self->dev.info.virtio_id, 36U);
	EXPECT_EQ(self->dev.info.max_queues, 3U);
	EXPECT_EQ(self->dev.info.max_workers, 3U);
	EXPECT_EQ(self->dev.info.config_size, 2U);
}

static void refuse(struct backend_fixture *self, int fd, int error)
{
	ASSERT_GE(fd, 0);
	EXPECT_MSG(tvm_dev_backend_set(&self->dev, fd, 0) == error, "descriptor %d: not %d", fd,
		   error);
	close(fd);
}

TEST_F(backend, wrong_objects)
{
	struct sockaddr_can all = { .can_family = AF_CAN };
	int fd, pair[2];

	EXPECT_EQ(tvm_dev_backend_set(&self->dev, 1000, 0), -EBADF);
	refuse(self, open("/dev/null", O_RDWR), -ENOTSOCK);
	refuse(self, open(tvm_can_node(), O_RDWR), -ENOTSOCK);
	refuse(self, open("/tmp", O_PATH), -EBADF);
	refuse(self, tvm_event_create(), -ENOTSOCK);
	ASSERT_EQ(pipe(pair), 0);
	refuse(self, pair[0], -ENOTSOCK);
	refuse(self, pair[1], -ENOTSOCK);
	refuse(self, socket(AF_UNIX, SOCK_STREAM, 0), -ESOCKTNOSUPPORT);
	refuse(self, socket(AF_INET, SOCK_DGRAM, 0), -ESOCKTNOSUPPORT);
	refuse(self, socket(AF_INET, SOCK_RAW, 1), -ESOCKTNOSUPPORT);
	refuse(self, socket(AF_PACKET, SOCK_RAW, 0), -ESOCKTNOSUPPORT);
	refuse(self, socket(AF_NETLINK, SOCK_RAW, 0), -ESOCKTNOSUPPORT);
	tvm_can_command("modprobe can-bcm");
	refuse(self, socket(PF_CAN, SOCK_DGRAM, CAN_BCM), -ESOCKTNOSUPPORT);
	/* Bound to nothing, and to all interfaces. */
	refuse(self, socket(PF_CAN, SOCK_RAW, CAN_RAW), -EDESTADDRREQ);
	fd = socket(PF_CAN, SOCK_RAW, CAN_RAW);
	ASSERT_EQ(bind(fd, (struct sockaddr *)&all, sizeof(all)), 0);
	refuse(self, fd, -EDESTADDRREQ);
	/* Bound to one that is no more. */
	fd = tvm_can_socket(self->bus.name);
	tvm_can_bus_destroy(&self->bus);
	refuse(self, fd, -EDESTADDRREQ);
}

TEST_F(backend, arguments)
{
	struct vha_backend backend = { .fd = tvm_can_socket(self->bus.name) };

	backend.index = 1;
	EXPECT_EQ(tvm_dev_ioctl(&self->dev, VHA_SET_BACKEND, &backend), -EINVAL);
	backend.index = 0;
	backend.flags = VHA_BACKEND_F_WORKER_COMPLETION;
	EXPECT_EQ(tvm_dev_ioctl(&self->dev, VHA_SET_BACKEND, &backend), -EINVAL);
	backend.flags = 0;
	EXPECT_EQ(tvm_dev_ioctl(&self->dev, VHA_SET_BACKEND, &backend), 0);
	EXPECT_EQ(tvm_dev_ioctl(&self->dev, VHA_SET_BACKEND, &backend), 0);
	backend.fd = -1;
	EXPECT_EQ(tvm_dev_ioctl(&self->dev, VHA_SET_BACKEND, &backend), 0);
	EXPECT_EQ(tvm_dev_ioctl(&self->dev, VHA_SET_BACKEND, &backend), 0);
}

static uint64_t offered(struct backend_fixture *self)
{
	uint64_t features[2];

	ASSERT_EQ(tvm_dev_features_get(&self->dev, features), 0);
	return features[0] & 0xf;
}

TEST_F(backend, offered_features)
{
	int fd = tvm_can_socket(self->bus.name);

	ASSERT_EQ(tvm_dev_backend_set(&self->dev, fd, 0), 0);
	EXPECT_EQ(offered(self), TVM_CAN_F_USUAL);
	tvm_can_socket_option(fd, CAN_RAW_RECV_OWN_MSGS, 1);
	ASSERT_EQ(tvm_dev_backend_set(&self->dev, fd, 0), 0);
	EXPECT_EQ(offered(self), TVM_CAN_F_USUAL | TVM_CAN_F_LATE);
	tvm_can_socket_option(fd, CAN_RAW_FD_FRAMES, 0);
	tvm_can_socket_option(fd, CAN_RAW_RECV_OWN_MSGS, 0);
	ASSERT_EQ(tvm_dev_backend_set(&self->dev, fd, 0), 0);
	EXPECT_EQ(offered(self), TVM_CAN_F_CLASSIC | TVM_CAN_F_RTR);
	close(fd);
	/* An interface without CAN FD. */
	ASSERT_EQ(tvm_can_command("ip link set %s down && ip link set %s mtu 16 up",
				  self->bus.name, self->bus.name), 0);
	fd = tvm_can_socket(self->bus.name);
	ASSERT_EQ(tvm_dev_backend_set(&self->dev, fd, 0), 0);
	EXPECT_EQ(offered(self), TVM_CAN_F_CLASSIC | TVM_CAN_F_RTR);
	close(fd);
}

/* Neither the module for the protocol nor that for raw sockets is needed by ours. */
TEST_F(backend, no_symbols)
{
	char line[512], name[64], users[256];
	FILE *modules = fopen("/proc/modules", "r");
	unsigned int found = 0;

	ASSERT_TRUE(modules);
	while (fgets(line, sizeof(line), modules)) {
		if (sscanf(line, "%63s %*u %*u %255s", name, users) != 2 ||
		    (strcmp(name, "can") && strcmp(name, "can_raw")))
			continue;
		EXPECT_FALSE(strstr(users, "vhost_accel"));
		found++;
	}
	fclose(modules);
	if (!found)
		SKIP("CAN is built into this kernel");
}

/* What the socket can reach is the opener's, in whatever name space the VMM is. */
TEST_F(backend, other_namespace)
{
	int home = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC), host;
	struct tvm_can_options options = { .cfg = { .event_idx = true } };
	static struct tvm_can can;
	struct tvm_can_bus bus;

	ASSERT_GE(home, 0);
	ASSERT_EQ(unshare(CLONE_NEWNET), 0);
	tvm_can_bus_create(&bus, false);
	options.socket = tvm_can_socket(bus.name);
	host = tvm_can_socket(bus.name);
	ASSERT_EQ(setns(home, CLONE_NEWNET), 0);
	tvm_can_create(&can, self->bus.name, &options);
	tvm_can_expect_works(&can, host);
	/* The interface of that name that is here is another one. */
	ASSERT_EQ(tvm_can_command("ip link set %s down", self->bus.name), 0);
	tvm_can_expect_works(&can, host);
	tvm_can_destroy(&can);
	close(host);
	close(home);
}

static int acknowledge(struct backend_fixture *self, uint64_t features)
{
	return tvm_dev_features_set(&self->dev, TVM_BIT(VIRTIO_F_VERSION_1) | features, 0);
}

TEST_F(backend, acknowledged_features)
{
	int fd = tvm_can_socket(self->bus.name);

	ASSERT_EQ(tvm_dev_backend_set(&self->dev, fd, 0), 0);
	EXPECT_EQ(acknowledge(self, 0), -EINVAL);
	EXPECT_EQ(acknowledge(self, TVM_CAN_F_RTR), -EINVAL);
	EXPECT_EQ(acknowledge(self, TVM_CAN_F_FD | TVM_CAN_F_RTR), -EINVAL);
	EXPECT_EQ(acknowledge(self, TVM_CAN_F_LATE | TVM_CAN_F_CLASSIC), -EOPNOTSUPP);
	EXPECT_EQ(acknowledge(self, TVM_BIT(4) | TVM_CAN_F_CLASSIC), -EOPNOTSUPP);
	EXPECT_EQ(acknowledge(self, TVM_CAN_F_FD), 0);
	EXPECT_EQ(acknowledge(self, TVM_CAN_F_CLASSIC), 0);
	EXPECT_EQ(acknowledge(self, TVM_CAN_F_USUAL), 0);
	close(fd);
}

/* Features of one socket do not make another one do. */
TEST_F(backend, replaced)
{
	struct tvm_config cfg = { .event_idx = true };
	int fd = tvm_can_socket(self->bus.name);
	struct tvm_queue vq;

	ASSERT_EQ(tvm_dev_backend_set(&self->dev, fd, 0), 0);
	ASSERT_EQ(tvm_dev_features_set(&self->dev, tvm_config_features(&cfg) | TVM_CAN_F_USUAL,
				       0), 0);
	ASSERT_EQ(tvm_queue_init(&vq, &self->dev, 0, 64, &cfg), 0);
	ASSERT_EQ(tvm_queue_start(&vq), 0);
	EXPECT_EQ(tvm_dev_backend_set(&self->dev, fd, 0), -EBUSY);
	EXPECT_EQ(tvm_dev_backend_set(&self->dev, -1, 0), -EBUSY);
	ASSERT_EQ(tvm_queue_enable(&vq, false), 0);
	tvm_can_socket_option(fd, CAN_RAW_FD_FRAMES, 0);
	ASSERT_EQ(tvm_dev_backend_set(&self->dev, fd, 0), 0);
	EXPECT_EQ(tvm_queue_enable(&vq, true), -EINVAL);
	tvm_can_socket_option(fd, CAN_RAW_FD_FRAMES, 1);
	ASSERT_EQ(tvm_dev_backend_set(&self->dev, fd, 0), 0);
	EXPECT_EQ(tvm_queue_enable(&vq, true), 0);
	ASSERT_EQ(tvm_queue_enable(&vq, false), 0);
	ASSERT_EQ(tvm_dev_backend_set(&self->dev, -1, 0), 0);
	EXPECT_EQ(tvm_queue_enable(&vq, true), -ENODEV);
	tvm_queue_destroy(&vq);
	close(fd);
}

TEST_F(backend, parameters)
{
	static const struct vha_can_params good[] = {
		{}, { .flags = VHA_CAN_F_BRS }, { .tx_rate = 1 }, { .tx_rate = 1000000 },
		{ .tx_rate = 1, .tx_burst = 1000000 }, { .in_flight = 1024 },
		{ .confirm_ms = 10000 },
	};
	static const struct vha_can_params bad[] = {
		{ .flags = 2 }, { .flags = ~0U }, { .tx_rate = 1000001 }, { .tx_burst = 1 },
		{ .tx_rate = 1, .tx_burst = 1000001 }, { .in_flight = 1025 },
		{ .confirm_ms = 10001 }, { .pad = 1 }, { .reserved = { 0, 0, 0, 1 } },
	};
	struct vha_can_params params;
	unsigned int i;

	for (i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		params = good[i];
		EXPECT_EQ(tvm_dev_ioctl(&self->dev, VHA_CAN_SET_PARAMS, &params), 0);
	}
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		params = bad[i];
		EXPECT_EQ(tvm_dev_ioctl(&self->dev, VHA_CAN_SET_PARAMS, &params), -EINVAL);
	}
	EXPECT_EQ(tvm_dev_ioctl(&self->dev, VHA_CAN_SET_PARAMS, (void *)8), -EFAULT);
}

TEST_F(backend, configuration)
{
	int fd = tvm_can_socket(self->bus.name);
	uint16_t status = 0xffff;

	EXPECT_EQ(tvm_dev_config_get(&self->dev, 0, &status, 2), -ENODEV);
	ASSERT_EQ(tvm_dev_backend_set(&self->dev, fd, 0), 0);
	EXPECT_EQ(tvm_dev_config_get(&self->dev, 0, &status, 2), 0);
	EXPECT_EQ(status, 0);
	EXPECT_EQ(tvm_dev_config_get(&self->dev, 0, &status, 3), -EINVAL);
	EXPECT_EQ(tvm_dev_config_get(&self->dev, 2, &status, 1), -EINVAL);
	EXPECT_EQ(tvm_dev_config_set(&self->dev, 0, &status, 2), -EINVAL);
	close(fd);
}

/* A VMM that dies takes its controller with it, whatever it was doing. */
TEST_F_TIMEOUT(backend, abandoned, 120)
{
	struct tvm_can_options options = {
		.cfg = { .event_idx = true }, .features = TVM_CAN_F_USUAL, .num = 256,
	};
	unsigned int round, i;

	for (round = 0; round < harness_rounds(40, 10); round++) {
		pid_t pid = fork();

		ASSERT_GE(pid, 0);
		if (!pid) {
			struct tvm_can_frame frame;
			static struct tvm_can can;

			if (round & 1)
				options.features |= TVM_CAN_F_LATE;
			tvm_can_create(&can, self->bus.name, &options);
			tvm_can_frame_fill(&frame, 1, 0, 8, round);
			for (i = 0; ; i++) {
				if (tvm_can_submit(&can, &frame))
					tvm_can_result(&can, 1000);
				tvm_queue_kick(&can.vqs[TVM_CAN_TX]);
			}
		}
		usleep(20000 + 7000 * round);
		kill(pid, 9);
		ASSERT_EQ(waitpid(pid, NULL, 0), pid);
	}
}

HARNESS_MAIN
