/* SPDX-License-Identifier: GPL-2.0-only */
/* Kernels before 7.3 do not know all devices. */
#ifndef VHOST_ACCEL_COMPAT_LINUX_VIRTIO_IDS_H
#define VHOST_ACCEL_COMPAT_LINUX_VIRTIO_IDS_H

#include_next <linux/virtio_ids.h>

#ifndef VIRTIO_ID_MEDIA
#define VIRTIO_ID_MEDIA		48
#endif

#endif /* VHOST_ACCEL_COMPAT_LINUX_VIRTIO_IDS_H */
