/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef VHOST_ACCEL_CORE_WORKER_H
#define VHOST_ACCEL_CORE_WORKER_H

#include <linux/uidgid.h>
#include <linux/xarray.h>

/**
 * struct vha_workers - the workers of a device
 * @workers: by id; device mutex
 * @fork_owner: new workers are threads of the VMM; device mutex
 */
struct vha_workers {
	struct xarray workers;
	bool fork_owner;
};

int vha_nproc_take(kuid_t *uid);
void vha_nproc_give(kuid_t uid);

#endif /* VHOST_ACCEL_CORE_WORKER_H */
