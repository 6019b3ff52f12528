/* SPDX-License-Identifier: (GPL-2.0 WITH Linux-syscall-note) OR BSD-3-Clause */
/*
 * vhost-accel user ABI
 *
 * Nodes are /dev/vhost-accel/<class>. Every ioctl of <linux/vhost.h> has the
 * same number and meaning here; this header adds what virtio device classes
 * need beyond it. The additions use numbers 0xB0 to 0xEF of the vhost magic:
 * 0xB0 to 0xCF mean the same on every class, 0xD0 to 0xEF belong to one class.
 *
 * All structures have a fixed size and no implicit padding. Reserved members
 * and unknown flag bits must be zero, or the call fails with -EINVAL and
 * changes nothing. An ioctl number that a node does not know is -ENOTTY
 * before its argument is looked at.
 */
#ifndef _UAPI_LINUX_VHOST_ACCEL_H
#define _UAPI_LINUX_VHOST_ACCEL_H

#include <linux/types.h>
#include <linux/ioctl.h>
#include <linux/vhost.h>

#ifdef __cplusplus
extern "C" {
#endif

/** define VHA_ABI_VERSION - version reported in &vha_info.abi_version */
#define VHA_ABI_VERSION		1

/** define VHA_CONFIG_MAX - largest configuration space access, in bytes */
#define VHA_CONFIG_MAX		256

/**
 * struct vha_info - what a node offers, for VHA_GET_INFO
 * @abi_version: %VHA_ABI_VERSION of the running module
 * @virtio_id: virtio device id of the class (2 for blk)
 * @max_queues: virtqueues an open file has; valid indices are below it
 * @max_ring_size: largest ring size VHOST_SET_VRING_NUM accepts
 * @config_size: bytes of configuration space VHA_GET_CONFIG can read
 * @max_mem_regions: regions VHOST_SET_MEM_TABLE accepts
 * @max_workers: workers an open file can have, the first one included
 * @max_iotlb_entries: entries the device IOTLB holds
 * @reserved: zero
 */
struct vha_info {
	__u32 abi_version;
	__u32 virtio_id;
	__u32 max_queues;
	__u32 max_ring_size;
	__u32 config_size;
	__u32 max_mem_regions;
	__u32 max_workers;
	__u32 max_iotlb_entries;
	__u64 reserved[4];
};

/**
 * struct vha_config - one access to the virtio configuration space
 * @offset: first byte, from the start of the configuration space
 * @size: bytes to transfer, 1 to %VHA_CONFIG_MAX
 * @data: the bytes, in the layout and byte order of the virtio specification
 */
struct vha_config {
	__u32 offset;
	__u32 size;
	__u8 data[VHA_CONFIG_MAX];
};

/** define VHA_BACKEND_F_WORKER_COMPLETION - return used buffers from a worker only
 *
 * Without it a request is completed in the context in which the backing
 * object reports it, an interrupt included. For measurements and for hosts
 * that want completion work charged to the worker.
 */
#define VHA_BACKEND_F_WORKER_COMPLETION	(1ULL << 0)

/**
 * struct vha_backend - attach or detach a backing object, for VHA_SET_BACKEND
 * @index: which of the device's backing objects; zero for classes with one
 * @fd: descriptor of the backing object, -1 to detach
 * @flags: VHA_BACKEND_F_* bits
 * @reserved: zero
 */
struct vha_backend {
	__u32 index;
	__s32 fd;
	__u64 flags;
	__u64 reserved[2];
};

/** define VHA_PIN_F_ENABLE - pin the memory table; without it, unpin */
#define VHA_PIN_F_ENABLE	(1U << 0)

/**
 * struct vha_pin_memory - for VHA_PIN_MEMORY
 * @flags: VHA_PIN_F_* bits
 * @reserved: zero
 */
struct vha_pin_memory {
	__u32 flags;
	__u32 reserved[3];
};

/**
 * struct vha_stats_header - first bytes of a statistics file
 * @flags: zero
 * @name_size: bytes of &vha_stats_desc.name
 * @num_desc: number of descriptors
 * @num_queues: how many times the per-queue values stand in the data block
 * @desc_offset: where the descriptors start
 * @data_offset: where the values start; only these bytes ever change
 *
 * A statistics file is read with pread(2). The data block holds, for each
 * queue in order of index, one __u64 per descriptor in order of descriptors.
 * The layout follows the idea of KVM's binary statistics
 * (Documentation/virt/kvm/api.rst, 4.133).
 */
struct vha_stats_header {
	__u32 flags;
	__u32 name_size;
	__u32 num_desc;
	__u32 num_queues;
	__u32 desc_offset;
	__u32 data_offset;
};

/** define VHA_STATS_NAME_SIZE - bytes of a statistic's name, NUL included */
#define VHA_STATS_NAME_SIZE	32

/** define VHA_STATS_CUMULATIVE - the value only grows until the device is reset */
#define VHA_STATS_CUMULATIVE	0
/** define VHA_STATS_INSTANT - the value is a level and can fall */
#define VHA_STATS_INSTANT	1

/** define VHA_STATS_UNIT_NONE - the value counts events */
#define VHA_STATS_UNIT_NONE	0
/** define VHA_STATS_UNIT_BYTES - the value counts bytes */
#define VHA_STATS_UNIT_BYTES	1
/** define VHA_STATS_UNIT_NANOSECONDS - the value counts nanoseconds */
#define VHA_STATS_UNIT_NANOSECONDS 2

/**
 * struct vha_stats_desc - one statistic
 * @type: VHA_STATS_CUMULATIVE or VHA_STATS_INSTANT
 * @unit: VHA_STATS_UNIT_*
 * @offset: offset of the value inside a queue's block, in bytes
 * @name: NUL-terminated name
 */
struct vha_stats_desc {
	__u16 type;
	__u16 unit;
	__u32 offset;
	char name[VHA_STATS_NAME_SIZE];
};

/**
 * define VHA_GET_INFO - describe the node
 *
 * Allowed before VHOST_SET_OWNER.
 */
#define VHA_GET_INFO		_IOR(VHOST_VIRTIO, 0xB0, struct vha_info)
/**
 * define VHA_GET_CONFIG - read configuration space
 *
 * Fails with -EINVAL outside the configuration space and with -ENODEV when
 * the class needs a backing object for it and has none.
 */
#define VHA_GET_CONFIG		_IOWR(VHOST_VIRTIO, 0xB1, struct vha_config)
/**
 * define VHA_SET_CONFIG - write configuration space as the guest's driver does
 *
 * Fails with -EINVAL when any byte is not writable by a driver.
 */
#define VHA_SET_CONFIG		_IOW(VHOST_VIRTIO, 0xB2, struct vha_config)
/**
 * define VHA_SET_CONFIG_CALL - eventfd signalled when configuration changes
 *
 * The argument points to the descriptor, -1 for none.
 */
#define VHA_SET_CONFIG_CALL	_IOW(VHOST_VIRTIO, 0xB3, int)
/**
 * define VHA_RESET - return to the state after VHOST_SET_OWNER
 *
 * Stops and drains all queues and forgets acked features, rings, eventfds,
 * log and IOTLB. Owner, workers, memory table and backing object stay.
 */
#define VHA_RESET		_IO(VHOST_VIRTIO, 0xB4)
/**
 * define VHA_SUSPEND - stop consuming buffers and wait for those in flight
 *
 * Until VHA_RESUME no ring is read or written and no eventfd is signalled.
 * Suspending a suspended device succeeds.
 */
#define VHA_SUSPEND		_IO(VHOST_VIRTIO, 0xB5)
/** define VHA_RESUME - continue after VHA_SUSPEND */
#define VHA_RESUME		_IO(VHOST_VIRTIO, 0xB6)
/**
 * define VHA_PIN_MEMORY - pin the memory table for the life of the table
 *
 * Data buffers then need no work per request. Charged to the owner's locked
 * memory (-ENOMEM beyond RLIMIT_MEMLOCK). Conflicts with ballooning, free
 * page reporting and other ways of taking pages from a running guest.
 */
#define VHA_PIN_MEMORY		_IOW(VHOST_VIRTIO, 0xB9, struct vha_pin_memory)
/** define VHA_GET_STATS_FD - returns a descriptor of the statistics file */
#define VHA_GET_STATS_FD	_IO(VHOST_VIRTIO, 0xBA)
/**
 * define VHA_SET_BACKEND - attach, replace or detach the backing object
 *
 * Fails with -EBUSY while a queue runs. Features and configuration space
 * depend on the backing object, so it comes before VHOST_GET_FEATURES.
 */
#define VHA_SET_BACKEND		_IOW(VHOST_VIRTIO, 0xBB, struct vha_backend)
/**
 * define VHA_SET_VRING_ENABLE - start (num 1) or stop (num 0) one queue
 *
 * Start validates the ring addresses and pins the ring; from then on size,
 * addresses, base and features are frozen (-EBUSY). Stop waits for buffers
 * in flight; VHOST_GET_VRING_BASE stops the queue as well. Starting a running
 * and stopping a stopped queue succeed.
 */
#define VHA_SET_VRING_ENABLE	_IOW(VHOST_VIRTIO, 0xBC, struct vhost_vring_state)

/* blk */

/** define VHA_BLK_F_READ_ONLY - refuse writes even if the descriptor allows them */
#define VHA_BLK_F_READ_ONLY	(1U << 0)
/** define VHA_BLK_F_WRITE_THROUGH - start with the write cache disabled */
#define VHA_BLK_F_WRITE_THROUGH	(1U << 1)
/** define VHA_BLK_F_POLL - poll the block device for completions */
#define VHA_BLK_F_POLL		(1U << 2)

/** define VHA_BLK_ID_BYTES - bytes of a disk's serial number */
#define VHA_BLK_ID_BYTES	20

/**
 * struct vha_blk_params - how a disk presents itself, for VHA_BLK_SET_PARAMS
 * @flags: VHA_BLK_F_* bits
 * @block_size: logical block size in bytes, 0 for the backing object's; a
 *	power of two from 512 to the page size, not below the backing object's
 * @num_queues: queues announced to the guest, 0 for the node's maximum
 * @seg_max: segments announced per request, 0 for the node's choice
 * @serial: answer to VIRTIO_BLK_T_GET_ID, padded with NUL
 * @pad: zero
 * @reserved: zero
 */
struct vha_blk_params {
	__u32 flags;
	__u32 block_size;
	__u32 num_queues;
	__u32 seg_max;
	__u8 serial[VHA_BLK_ID_BYTES];
	__u32 pad;
	__u64 reserved[4];
};

/** define VHA_BLK_SET_PARAMS - set before VHA_SET_BACKEND, -EBUSY after it */
#define VHA_BLK_SET_PARAMS	_IOW(VHOST_VIRTIO, 0xD0, struct vha_blk_params)

/*
 * The three numbers under which vhost-blk has been posted over the years. The
 * index is ignored, as it was there. A descriptor attaches the backing object
 * and starts every queue whose addresses are set; -1 stops all and detaches.
 */
/** define VHOST_BLK_SET_BACKEND_2012 - as posted in 2012 and 2024 */
#define VHOST_BLK_SET_BACKEND_2012	_IOW(VHOST_VIRTIO, 0x50, struct vhost_vring_file)
/** define VHOST_BLK_SET_BACKEND_2018 - as posted in 2018: a bare descriptor */
#define VHOST_BLK_SET_BACKEND_2018	_IOW(VHOST_VIRTIO, 0x50, int)
/** define VHOST_BLK_SET_BACKEND_2022_V1 - as posted in July 2022 */
#define VHOST_BLK_SET_BACKEND_2022_V1	_IOW(VHOST_VIRTIO, 0x90, struct vhost_vring_file)
/** define VHOST_BLK_SET_BACKEND - as posted in October 2022 and shipped since */
#define VHOST_BLK_SET_BACKEND		_IOW(VHOST_VIRTIO, 0xFF, struct vhost_vring_file)

/*
 * net
 *
 * Queue 2i receives and queue 2i + 1 transmits for queue pair i. A pair's
 * backing object is a descriptor of a tap or macvtap queue or of an AF_PACKET
 * socket of type SOCK_RAW.
 *
 * VHOST_NET_SET_BACKEND means what it means for /dev/vhost-net, for any queue
 * of the node: it attaches the descriptor to one queue and starts it, replaces
 * the descriptor of a running one, or, with -1, stops and detaches. VMMs that
 * keep one pair in an open file use queues 0 and 1.
 *
 * VHA_SET_BACKEND attaches a descriptor to both queues of the pair its index
 * names, without starting them; VHA_SET_VRING_ENABLE does that.
 */

/** define VHA_NET_HASH_KEY_BYTES - bytes of the key of a Toeplitz hash */
#define VHA_NET_HASH_KEY_BYTES	40

/**
 * struct vha_net_hash - what to report as VIRTIO_NET_F_HASH_REPORT has it, for
 * VHA_NET_SET_HASH
 * @types: VIRTIO_NET_RSS_HASH_TYPE_* bits, zero to report none; of IPv4 and
 *	IPv6, and TCP and UDP over them, without extension headers
 * @reserved: zero
 * @key: key of the Toeplitz hash
 *
 * What the driver configures with VIRTIO_NET_CTRL_MQ_HASH_CONFIG or _RSS_CONFIG
 * in the control queue, which the VMM serves.
 */
struct vha_net_hash {
	__u32 types;
	__u32 reserved;
	__u8 key[VHA_NET_HASH_KEY_BYTES];
};

/**
 * define VHA_NET_SET_HASH - set types and key of the reported hash
 *
 * At any time. Fails with -EINVAL for an unknown type. Until then, and after
 * a reset, VIRTIO_NET_HASH_REPORT_NONE is reported. Of packets from an
 * AF_PACKET socket, and of frames another device redirected to a tap by XDP,
 * no hash is reported.
 */
#define VHA_NET_SET_HASH		_IOW(VHOST_VIRTIO, 0xD0, struct vha_net_hash)

/* vsock */

/** define VHA_VSOCK_PEERS_MAX - other virtual machines one can name */
#define VHA_VSOCK_PEERS_MAX	64

/**
 * struct vha_vsock_peers - whom a virtual machine may talk to besides the host
 * @count: entries of @cids in use; 0, the default, allows nobody
 * @reserved: zero
 * @cids: context identifiers of other virtual machines; unused ones are zero
 */
struct vha_vsock_peers {
	__u32 count;
	__u32 reserved[3];
	__u32 cids[VHA_VSOCK_PEERS_MAX];
};

/**
 * define VHA_VSOCK_SET_PEERS - forward packets to and from sibling machines
 *
 * Replaces the list, at any time. Packets pass between two virtual machines of
 * this host only while each has the other's CID in its list and their network
 * namespaces may talk. The CID stands for the machine that has it when they meet:
 * another one that gets it later has to be named anew. Fails with -EINVAL for a
 * CID that can not be a guest's.
 */
#define VHA_VSOCK_SET_PEERS	_IOW(VHOST_VIRTIO, 0xD0, struct vha_vsock_peers)
/**
 * define VHA_VSOCK_TRANSPORT_RESET - tell the driver that all connections are lost
 *
 * For a device that was restored from a saved state: the driver reads its CID
 * again and closes its connections. The event is kept until the driver has made
 * a buffer for it available in the event queue, through resets as well.
 */
#define VHA_VSOCK_TRANSPORT_RESET	_IO(VHOST_VIRTIO, 0xD1)

/*
 * can
 *
 * Queue 0 transmits, queue 1 receives, queue 2 controls. The backing object is a
 * descriptor of a CAN_RAW socket that is bound to one interface. Filters, name
 * space and rights are those of the socket.
 */

/** define VHA_CAN_F_BRS - transmit CAN FD frames with bit rate switch
 *
 * The driver can not ask for it: its frames have no such flag.
 */
#define VHA_CAN_F_BRS		(1U << 0)

/** define VHA_CAN_RATE_MAX - largest &vha_can_params.tx_rate */
#define VHA_CAN_RATE_MAX	1000000U
/** define VHA_CAN_IN_FLIGHT_MAX - largest &vha_can_params.in_flight */
#define VHA_CAN_IN_FLIGHT_MAX	1024U
/** define VHA_CAN_CONFIRM_MS_MAX - largest &vha_can_params.confirm_ms */
#define VHA_CAN_CONFIRM_MS_MAX	10000U

/**
 * struct vha_can_params - how a CAN controller transmits, for VHA_CAN_SET_PARAMS
 * @flags: VHA_CAN_F_* bits
 * @tx_rate: frames per second that may be transmitted, 0 without limit
 * @tx_burst: frames that may be transmitted at once after a pause, 0 for 1;
 *	needs @tx_rate
 * @in_flight: with VIRTIO_CAN_F_LATE_TX_ACK, frames that may wait for
 *	confirmation, 0 for 128
 * @confirm_ms: milliseconds after which a frame that was not confirmed is
 *	reported as not transmitted, 0 for 500
 * @pad: zero
 * @reserved: zero
 */
struct vha_can_params {
	__u32 flags;
	__u32 tx_rate;
	__u32 tx_burst;
	__u32 in_flight;
	__u32 confirm_ms;
	__u32 pad;
	__u64 reserved[4];
};

/**
 * define VHA_CAN_SET_PARAMS - set how frames are transmitted, from the next on
 *
 * At any time. Fails with -EINVAL for a value out of its range.
 */
#define VHA_CAN_SET_PARAMS	_IOW(VHOST_VIRTIO, 0xD8, struct vha_can_params)

/*
 * video
 *
 * A virtio-media device: queue 0 takes commands, queue 1 events. The backing object
 * is a descriptor of a V4L2 device node. Each session of the driver has an open file
 * of that node to itself. MMAP buffers appear in the window, which the VMM offers
 * the driver as shared memory region 0.
 *
 * Or a video encoder or decoder as drivers know them that speak the third draft of
 * virtio-video. The queues are the same, a session is called a stream, buffers are
 * the guest's memory, and there is no window.
 */

/** define VHA_VIDEO_F_POOL - open nothing: sessions use what VHA_VIDEO_ADD_FILE brought */
#define VHA_VIDEO_F_POOL	(1U << 0)

/** define VHA_VIDEO_SCRATCH_BYTES - memory at &vha_video_params.scratch */
#define VHA_VIDEO_SCRATCH_BYTES	(128U << 10)
/** define VHA_VIDEO_SESSIONS_MAX - largest &vha_video_params.max_sessions */
#define VHA_VIDEO_SESSIONS_MAX	256U

/** define VHA_VIDEO_PROTOCOL_MEDIA - a media device, virtio id 48 */
#define VHA_VIDEO_PROTOCOL_MEDIA	0U
/** define VHA_VIDEO_PROTOCOL_ENCODER - a video encoder, virtio id 30 */
#define VHA_VIDEO_PROTOCOL_ENCODER	1U
/** define VHA_VIDEO_PROTOCOL_DECODER - a video decoder, virtio id 31 */
#define VHA_VIDEO_PROTOCOL_DECODER	2U

/**
 * struct vha_video_params - for VHA_VIDEO_SET_PARAMS
 * @flags: VHA_VIDEO_F_* bits
 * @max_sessions: sessions the driver may have open, 0 for 32
 * @scratch: address of %VHA_VIDEO_SCRATCH_BYTES of the VMM's memory, aligned to
 *	pages. The device calls the node with arguments there, and overwrites it
 *	at any time while there is a backing object.
 * @max_bytes: bytes of buffers the driver may have allocated, 0 for 1 GiB
 * @protocol: VHA_VIDEO_PROTOCOL_*, what the driver takes the device for. VHA_GET_INFO
 *	tells virtio id and size of configuration space that belong to it.
 * @padding: zero
 * @reserved: zero
 */
struct vha_video_params {
	__u32 flags;
	__u32 max_sessions;
	__u64 scratch;
	__u64 max_bytes;
	__u32 protocol;
	__u32 padding;
	__u64 reserved[2];
};

/** define VHA_VIDEO_WINDOW_F_REMOTE - another process has the window
 *
 * The device maps nothing: it asks the VMM to have it mapped, see
 * VHA_VIDEO_GET_REQUEST.
 */
#define VHA_VIDEO_WINDOW_F_REMOTE	(1U << 0)

/**
 * struct vha_video_window - where buffers are mapped, for VHA_VIDEO_SET_WINDOW
 * @flags: VHA_VIDEO_WINDOW_F_* bits
 * @event: with %VHA_VIDEO_WINDOW_F_REMOTE an eventfd that is signalled when there
 *	is a request, else -1
 * @addr: address of the window in the VMM, aligned to pages; 0 if it is remote, and
 *	for no window
 * @size: its size in bytes, a multiple of pages; 0 for no window
 * @reserved: zero
 */
struct vha_video_window {
	__u32 flags;
	__s32 event;
	__u64 addr;
	__u64 size;
	__u64 reserved[2];
};

/** define VHA_VIDEO_REQUEST_MAP - map a file into the remote window */
#define VHA_VIDEO_REQUEST_MAP	0
/** define VHA_VIDEO_REQUEST_UNMAP - undo that */
#define VHA_VIDEO_REQUEST_UNMAP	1

/** define VHA_VIDEO_REQUEST_F_WRITE - map it for reading and writing, not reading only */
#define VHA_VIDEO_REQUEST_F_WRITE	(1U << 0)

/**
 * struct vha_video_request - what is to be done to a remote window
 * @type: VHA_VIDEO_REQUEST_*
 * @flags: VHA_VIDEO_REQUEST_F_* bits
 * @id: for VHA_VIDEO_REQUEST_DONE
 * @fd: a new descriptor of the file to map, to be closed by the VMM; -1 when
 *	something is to be unmapped
 * @offset: where in the file the mapping starts
 * @window_offset: where in the window
 * @size: bytes
 */
struct vha_video_request {
	__u32 type;
	__u32 flags;
	__u32 id;
	__s32 fd;
	__u64 offset;
	__u64 window_offset;
	__u64 size;
};

/**
 * struct vha_video_done - what became of a request, for VHA_VIDEO_REQUEST_DONE
 * @id: of the request
 * @error: 0, or the errno, a positive number
 */
struct vha_video_done {
	__u32 id;
	__u32 error;
};

/**
 * define VHA_VIDEO_SET_PARAMS - set the parameters of a media device
 *
 * Before VHA_SET_BACKEND, else -EBUSY. Fails with -EINVAL for a value out of its
 * range, -EFAULT for a scratch memory outside user space.
 */
#define VHA_VIDEO_SET_PARAMS	_IOW(VHOST_VIRTIO, 0xE0, struct vha_video_params)
/**
 * define VHA_VIDEO_SET_WINDOW - set or take away the window
 *
 * The VMM keeps the addresses of a window mapped, without access, for as long as
 * the device has it; what the device maps there replaces that, and is replaced by
 * the like again. Fails with -EBUSY while something is mapped, -EINVAL for a value
 * out of its range, -EFAULT for addresses outside user space, and as eventfds do.
 */
#define VHA_VIDEO_SET_WINDOW	_IOW(VHOST_VIRTIO, 0xE1, struct vha_video_window)
/**
 * define VHA_VIDEO_ADD_FILE - give the device an open file for one session
 *
 * The argument points to a descriptor of the same node as the backing object's,
 * which nobody else uses. At any time while there is a backing object. Sessions
 * take files in the order they came in, and each serves one session. Fails with
 * -EBADF, -EINVAL without %VHA_VIDEO_F_POOL or for another node, -ENOSPC when
 * %VHA_VIDEO_SESSIONS_MAX files wait, -ENODEV without backing object.
 */
#define VHA_VIDEO_ADD_FILE	_IOW(VHOST_VIRTIO, 0xE2, int)
/**
 * define VHA_VIDEO_GET_REQUEST - take what is to be done to the remote window
 *
 * Until it is done the driver's command waits, and those behind it. Fails with
 * -EAGAIN when there is none, -EINVAL without a remote window, and as opening a
 * file does.
 */
#define VHA_VIDEO_GET_REQUEST	_IOR(VHOST_VIRTIO, 0xE3, struct vha_video_request)
/**
 * define VHA_VIDEO_REQUEST_DONE - a request was dealt with
 *
 * Fails with -ENOENT for one that was not taken, or that the device has given up
 * in a reset.
 */
#define VHA_VIDEO_REQUEST_DONE	_IOW(VHOST_VIRTIO, 0xE4, struct vha_video_done)

#ifdef __cplusplus
}
#endif

#endif /* _UAPI_LINUX_VHOST_ACCEL_H */
