// SPDX-License-Identifier: GPL-2.0-only
/*
 * A rig whose state is compared around calls that have to fail
 */
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "tvm_ioctl.h"

/**
 * tvm_ioctl_create() - make the rig; a failure fails the test
 * @io: filled in
 * @running: start the queues
 */
void tvm_ioctl_create(struct tvm_ioctl *io, bool running)
{
	struct tvm_rig_options options = {
		.cfg = { .event_idx = true }, .queues = 2, .stopped = !running,
		.features = TVM_BIT(VIRTIO_BLK_F_FLUSH) | TVM_BIT(VIRTIO_BLK_F_CONFIG_WCE),
	};

	tvm_rig_create(&io->rig, &options);
	io->dev = &io->rig.dev;
	io->vq = &io->rig.vqs[0];
}

/**
 * tvm_ioctl_destroy() - undo tvm_ioctl_create()
 * @io: the rig
 */
void tvm_ioctl_destroy(struct tvm_ioctl *io)
{
	tvm_rig_destroy(&io->rig);
}

/**
 * tvm_ioctl_state() - everything that can be read about a device without changing it
 * @io: the rig
 * @state: filled in, %TVM_IOCTL_STATE bytes
 */
void tvm_ioctl_state(const struct tvm_ioctl *io, char *state)
{
	const struct tvm_dev *dev = io->dev;
	char *at = state, *end = state + TVM_IOCTL_STATE;
	uint64_t features[2] = { 0 }, backend = 0;
	uint8_t config[VHA_CONFIG_MAX] = { 0 };
	struct vhost_vring_worker worker;
	struct vhost_vring_state loop;
	char path[64];
	unsigned int i;
	uint8_t fork;
	ssize_t len;
	int fd;

	memset(state, 0, TVM_IOCTL_STATE);
	tvm_dev_features_get((struct tvm_dev *)dev, features);
	tvm_dev_ioctl(dev, VHOST_GET_BACKEND_FEATURES, &backend);
	tvm_dev_ioctl(dev, VHOST_GET_FORK_FROM_OWNER, &fork);
	tvm_dev_config_get(dev, 0, config, dev->info.config_size);
	at += snprintf(at, end - at, "%lx %lx %lx %u\n", features[0], features[1], backend,
		       fork);
	for (i = 0; i < dev->info.config_size; i++)
		at += snprintf(at, end - at, "%02x", config[i]);
	for (i = 0; i < 2; i++) {
		worker = (struct vhost_vring_worker){ .index = i };
		loop = (struct vhost_vring_state){ .index = i };
		tvm_dev_ioctl(dev, VHOST_GET_VRING_WORKER, &worker);
		tvm_dev_ioctl(dev, VHOST_GET_VRING_BUSYLOOP_TIMEOUT, &loop);
		at += snprintf(at, end - at, "\nqueue %u worker %u loop %u\n", i,
			       worker.worker_id, loop.num);
	}
	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", dev->fd);
	fd = open(path, O_RDONLY);
	ASSERT_GE(fd, 0);
	len = read(fd, at, end - at - 1);
	close(fd);
	ASSERT_GT(len, 0);
}

/**
 * tvm_ioctl_alive() - a request must still work
 * @io: the rig
 * @running: if the queue runs
 */
void tvm_ioctl_alive(struct tvm_ioctl *io, bool running)
{
	uint64_t gpa;

	if (!running)
		return;
	gpa = tvm_mem_alloc(&io->rig.mem, 512, 512);
	EXPECT_EQ(tvm_blk_io(io->vq, VIRTIO_BLK_T_IN, 0, gpa, 512), VIRTIO_BLK_S_OK);
}

/**
 * tvm_ioctl_fails() - a call must fail and change nothing
 * @io: the rig
 * @name: of the call
 * @cmd: its number
 * @arg: its argument
 * @expected: negative errno, or 0 if it is to pass
 */
void tvm_ioctl_fails(struct tvm_ioctl *io, const char *name, unsigned long cmd, void *arg,
		     int expected)
{
	int ret;

	tvm_ioctl_state(io, io->before);
	ret = tvm_dev_ioctl(io->dev, cmd, arg);
	EXPECT_MSG(ret == expected, "%s returned %d, not %d", name, ret, expected);
	tvm_ioctl_state(io, io->after);
	EXPECT_MSG(!strcmp(io->before, io->after), "%s changed something:\n%s\n%s", name,
		   io->before, io->after);
}
