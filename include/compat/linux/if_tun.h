/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Kernels before 6.17 know no UDP tunnel offloads of a tap, kernels before 7.3
 * no taps that stop their queue instead of dropping packets.
 */
#ifndef VHOST_ACCEL_COMPAT_LINUX_IF_TUN_H
#define VHOST_ACCEL_COMPAT_LINUX_IF_TUN_H

#include_next <linux/if_tun.h>

#ifdef TUN_F_UDP_TUNNEL_GSO
#define TUN_HAS_UDP_TUNNEL	true
#else
#define TUN_HAS_UDP_TUNNEL	false
#endif

#ifndef IFF_BACKPRESSURE
static inline void tun_wake_queue(struct file *file, int consumed)
{
}
#endif

#endif /* VHOST_ACCEL_COMPAT_LINUX_IF_TUN_H */
