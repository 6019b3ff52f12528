/* SPDX-License-Identifier: GPL-2.0-only */
/* Kernels before 6.17 know no features beyond 64 bits. */
#ifndef VHOST_ACCEL_COMPAT_LINUX_VHOST_H
#define VHOST_ACCEL_COMPAT_LINUX_VHOST_H

#include_next <linux/vhost.h>

#ifndef VHOST_GET_FEATURES_ARRAY
struct vhost_features_array {
	__u64 count;
	__u64 features[];
};

#define VHOST_GET_FEATURES_ARRAY _IOR(VHOST_VIRTIO, 0x83, struct vhost_features_array)
#define VHOST_SET_FEATURES_ARRAY _IOW(VHOST_VIRTIO, 0x83, struct vhost_features_array)
#endif

#endif /* VHOST_ACCEL_COMPAT_LINUX_VHOST_H */
