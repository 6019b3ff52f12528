/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Kernels before 6.17 know no UDP tunnel offloads of a tap, kernels before 7.3
 * no taps that stop their queue instead of dropping packets. Taps of older kernels
 * want the size of a packet's memory in front of its header.
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

/* Where in the memory of a packet its header goes. */
static inline void *tun_xdp_header(void *start, u32 size)
{
#ifdef VHA_COMPAT_TUN_XDP_HDR
	struct tun_xdp_hdr *hdr = start;

	hdr->buflen = size;
	return start + offsetof(struct tun_xdp_hdr, gso);
#else
	return start;
#endif
}

#endif /* VHOST_ACCEL_COMPAT_LINUX_IF_TUN_H */
