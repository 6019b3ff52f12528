/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A rig whose state is compared around calls that have to fail
 */
#ifndef TVM_IOCTL_H
#define TVM_IOCTL_H

#include "tvm_rig.h"

#define TVM_IOCTL_STATE	16384

/**
 * struct tvm_ioctl - two queues, all running or all stopped
 * @dev: the device of @rig
 * @vq: its first queue
 * @before: room for a state
 * @after: likewise
 */
struct tvm_ioctl {
	struct tvm_rig rig;
	struct tvm_dev *dev;
	struct tvm_queue *vq;
	char before[TVM_IOCTL_STATE];
	char after[TVM_IOCTL_STATE];
};

void tvm_ioctl_create(struct tvm_ioctl *io, bool running);
void tvm_ioctl_destroy(struct tvm_ioctl *io);
void tvm_ioctl_state(const struct tvm_ioctl *io, char *state);
void tvm_ioctl_alive(struct tvm_ioctl *io, bool running);
void tvm_ioctl_fails(struct tvm_ioctl *io, const char *name, unsigned long cmd, void *arg,
		     int expected);

#define TVM_IOCTL_FAILS(io, cmd, arg, expected)	tvm_ioctl_fails(io, #cmd, cmd, arg, expected)

#endif /* TVM_IOCTL_H */
