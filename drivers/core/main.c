// SPDX-License-Identifier: GPL-2.0-only
/*
 * vhost-accel: virtio device data planes in the host kernel
 *
 * Devices live in open files, classes in their modules; the core itself has
 * next to no state.
 */
#include <linux/module.h>
#include <linux/rcupdate.h>

#include "core.h"

static int __init vha_init(void)
{
	return vha_worker_init();
}

static void __exit vha_exit(void)
{
	/* Eventfds of closed devices are let go by RCU callbacks of ours. */
	rcu_barrier();
	vha_worker_exit();
}

module_init(vha_init);
module_exit(vha_exit);

MODULE_DESCRIPTION("In-kernel virtio device data planes: core");
MODULE_LICENSE("GPL");
MODULE_VERSION("0.1.0");
