/* SPDX-License-Identifier: GPL-2.0-only */
/* Kernels before 7.2 have no virtio-can driver, and no header for it. */
#ifndef VHOST_ACCEL_COMPAT_LINUX_VIRTIO_CAN_H
#define VHOST_ACCEL_COMPAT_LINUX_VIRTIO_CAN_H

#ifdef VHA_COMPAT_VIRTIO_CAN
#include_next <linux/virtio_can.h>
#else
#include <linux/types.h>
#include <linux/virtio_ids.h>

/* Virtio 1.4, 5.22: CAN device */

#define VIRTIO_CAN_F_CAN_CLASSIC	0
#define VIRTIO_CAN_F_CAN_FD		1
#define VIRTIO_CAN_F_RTR_FRAMES		2
#define VIRTIO_CAN_F_LATE_TX_ACK	3

#define VIRTIO_CAN_S_CTRL_BUSOFF	1

#define VIRTIO_CAN_RESULT_OK		0
#define VIRTIO_CAN_RESULT_NOT_OK	1

#define VIRTIO_CAN_TX			0x0001
#define VIRTIO_CAN_RX			0x0101
#define VIRTIO_CAN_SET_CTRL_MODE_START	0x0201
#define VIRTIO_CAN_SET_CTRL_MODE_STOP	0x0202

#define VIRTIO_CAN_FLAGS_RTR		0x2000
#define VIRTIO_CAN_FLAGS_FD		0x4000
#define VIRTIO_CAN_FLAGS_EXTENDED	0x8000

struct virtio_can_config {
	__le16 status;
};

struct virtio_can_tx_out {
	__le16 msg_type;
	__le16 length;
	__u8 reserved_classic_dlc;
	__u8 padding;
	__le16 reserved_xl_priority;
	__le32 flags;
	__le32 can_id;
	__u8 sdu[];
};

struct virtio_can_tx_in {
	__u8 result;
};

struct virtio_can_rx {
	__le16 msg_type;
	__le16 length;
	__u8 reserved_classic_dlc;
	__u8 padding;
	__le16 reserved_xl_priority;
	__le32 flags;
	__le32 can_id;
	__u8 sdu[];
};

struct virtio_can_control_out {
	__le16 msg_type;
};

struct virtio_can_control_in {
	__u8 result;
};
#endif

#endif /* VHOST_ACCEL_COMPAT_LINUX_VIRTIO_CAN_H */
