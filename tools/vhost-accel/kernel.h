/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The kernel's side of the ABI, completed where the C library's kernel headers
 * are older than the calls used here
 */
#ifndef VHOST_ACCEL_KERNEL_H
#define VHOST_ACCEL_KERNEL_H

#include <linux/vhost_accel.h>

#ifndef VHOST_NEW_WORKER
struct vhost_worker_state {
	unsigned int worker_id;
};

struct vhost_vring_worker {
	unsigned int index;
	unsigned int worker_id;
};

#define VHOST_NEW_WORKER _IOR(VHOST_VIRTIO, 0x8, struct vhost_worker_state)
#define VHOST_ATTACH_VRING_WORKER _IOW(VHOST_VIRTIO, 0x15, struct vhost_vring_worker)
#endif

#endif /* VHOST_ACCEL_KERNEL_H */
