/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the core offers a device class about the device
 */
#ifndef VHOST_ACCEL_DEVICE_H
#define VHOST_ACCEL_DEVICE_H

#include <linux/gfp.h>
#include <linux/mutex.h>
#include <linux/types.h>

#include <uapi/linux/vhost_accel.h>

struct file;
struct mm_struct;
struct vha_class;
struct vha_event;
struct vha_iotlb;
struct vha_log;
struct vha_mem;
struct vha_queue;
struct vha_stats;
struct vha_workers;

/**
 * define VHA_GFP_SETUP - for what open() and ioctls allocate at the VMM's discretion
 *
 * Charged to the VMM. Where its memory cgroup or the machine has no more, the
 * call fails; nobody is killed for it, and nothing is written to the log.
 */
#define VHA_GFP_SETUP	(GFP_KERNEL_ACCOUNT | __GFP_RETRY_MAYFAIL | __GFP_NOWARN)

/** define VHA_FEATURES_WORDS - 64-bit words of virtio feature bits */
#define VHA_FEATURES_WORDS	2

/**
 * struct vha_device - an open node
 *
 * First member of the class's own device structure.
 *
 * @class: the device class
 * @mutex: see "DOC: Locking"; protects what is not described otherwise
 * @mm: the owner's address space, NULL before VHOST_SET_OWNER
 * @vqs: the queues, @class->max_queues of them
 * @acked: features the driver acknowledged; changes only while no queue runs
 * @backend_features: VHOST_BACKEND_F_* bits of the VMM
 * @backend: a backing object of the class's is attached
 * @chain_max: descriptors the class announced a buffer may have, however small
 *	the ring; 0 for no more than any device takes. Changes while no queue runs.
 * @suspended: between VHA_SUSPEND and VHA_RESUME
 * @closing: the last descriptor is gone, or who waits for the buffers in flight was
 *	killed, and with it whoever would look at what they bring; any context reads it
 * @mem: memory table; changes with every queue quiesced, so that whoever
 *	serves a queue may read it
 * @pin: memory tables are pinned
 * @iotlb: device IOTLB, enabled while VIRTIO_F_ACCESS_PLATFORM is in use
 * @log_base: where the dirty bitmap is in the owner
 * @log_base_set: @log_base was set
 * @log: dirty log, NULL unless VHOST_F_LOG_ALL is in use; RCU
 * @log_event: eventfd of VHOST_SET_LOG_FD, or NULL; RCU
 * @config_changed: bit 0: @config_call is to be signalled; any context
 * @config_call: eventfd of VHA_SET_CONFIG_CALL, or NULL; RCU
 * @workers: the workers
 * @stats: what statistics files refer to, NULL before the first
 */
struct vha_device {
	const struct vha_class *class;
	struct mutex mutex;
	struct mm_struct *mm;
	struct vha_queue **vqs;
	u64 acked[VHA_FEATURES_WORDS];
	u64 backend_features;
	bool backend;
	u32 chain_max;
	bool suspended;
	bool closing;
	bool pin;
	bool log_base_set;
	struct vha_mem *mem;
	struct vha_iotlb *iotlb;
	u64 log_base;
	struct vha_log __rcu *log;
	struct vha_event __rcu *log_event;
	unsigned long config_changed;
	struct vha_event __rcu *config_call;
	struct vha_workers *workers;
	struct vha_stats *stats;
};

/**
 * vha_device_feature() - whether the driver acknowledged a feature
 * @dev: the device
 * @bit: virtio feature bit
 */
static inline bool vha_device_feature(const struct vha_device *dev, unsigned int bit)
{
	return dev->acked[bit / 64] & (1ULL << (bit % 64));
}

void vha_device_config_changed(struct vha_device *dev);
int vha_device_attach(struct vha_device *dev, const struct vha_backend *backend);
int vha_device_start_all(struct vha_device *dev);
void vha_device_stop_all(struct vha_device *dev);

#endif /* VHOST_ACCEL_DEVICE_H */
