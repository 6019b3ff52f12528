/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * How a device class plugs into the core
 */
#ifndef VHOST_ACCEL_CLASS_H
#define VHOST_ACCEL_CLASS_H

#include <linux/module.h>

#include <vhost_accel/device.h>
#include <vhost_accel/mem.h>
#include <vhost_accel/queue.h>

struct seq_file;

/**
 * struct vha_ioctl - an ioctl of a class
 * @cmd: its number
 * @fn: called with the device mutex held and, unless @unowned, the owner's
 *	address space in place; returns as an ioctl does
 * @unowned: while there is no owner anyone may call it
 */
struct vha_ioctl {
	unsigned int cmd;
	long (*fn)(struct vha_device *dev, void __user *argp);
	bool unowned;
};

/**
 * struct vha_stat_desc - a per-queue counter of a class
 * @name: at most VHA_STATS_NAME_SIZE - 1 characters
 * @unit: VHA_STATS_UNIT_*
 * @type: VHA_STATS_CUMULATIVE or VHA_STATS_INSTANT
 */
struct vha_stat_desc {
	const char *name;
	u16 unit;
	u16 type;
};

/**
 * struct vha_class - a device class
 *
 * Unless said otherwise the operations are called with the device mutex held,
 * may sleep, and are mandatory.
 *
 * @name: name of the node below /dev/vhost-accel
 * @owner: the module
 * @virtio_id: virtio device id
 * @max_queues: virtqueues of a device
 * @max_workers: workers of a device
 * @config_size: bytes of configuration space
 * @device_size: size of the class's device structure, whose first member is a
 *	&struct vha_device
 * @queue_size: size of its queue structure, whose first member is a
 *	&struct vha_queue
 * @ioctls: ioctls of the class; optional
 * @num_ioctls: how many
 * @stats: descriptions of the class's per-queue counters; optional
 * @num_stats: how many
 * @turn_bytes: bytes after which a queue's turn ends, 0 for the core's choice
 *
 * @open: initialise what is the class's in a new, zeroed device. Optional.
 * @release: undo @open. All queues are stopped and the backing object is
 *	detached. Optional.
 * @features: set the bits of the features the class offers with the present
 *	backing object in @features (VIRTIO_FEATURES_WORDS words); those of rings
 *	and transport are set already, and the class may clear what it can not
 *	do.
 * @acked: new features in dev->acked; may refuse with an errno, then the old
 *	ones stay. No queue runs, but VHOST_F_LOG_ALL is not reported here.
 *	Optional.
 * @info: correct what VHA_GET_INFO says of this device, where that depends on what
 *	the VMM has chosen; also counts for how much configuration space there is, which
 *	may only be less than @config_size. Optional.
 * @set_backend: attach @file, or detach when it is NULL. No queue runs. On
 *	success the class has taken its own reference to @file. Validates
 *	@backend->index and @backend->flags.
 * @detach: let go of all backing objects. For a class that has several, which
 *	then also keeps &vha_device.backend itself: set while there is one. No
 *	queue runs. Optional.
 * @start: the queue's ring is mapped and the queue about to run. Optional.
 * @cancel: the queue fetches nothing any more, and its buffers are waited for: have
 *	those returned that the class would keep until something happens that may never
 *	happen, and let go of the guest's memory. Optional.
 * @stop: the queue has no buffer in flight and will not run; undo @start.
 *	Optional.
 * @run: serve the queue. Context: its worker, queue mutex held, state
 *	running. Usually one call of vha_queue_drain().
 * @batch_begin: vha_queue_drain() begins to hand out buffers. Context: as
 *	@run. Optional.
 * @batch_end: it has handed out as many as it will this time. Context: as @run.
 *	Optional.
 * @poll: look for completions of the backing object, while the worker polls the
 *	ring. Only makes them come sooner: the class sees to them in any case.
 *	Called over and over, so that it should do nothing, and take no lock,
 *	when there is nothing to look for; batching is up to the class. Context:
 *	as @run. Returns true when it found any. Optional.
 * @get_config: write the whole configuration space to @config, which holds
 *	@config_size zeroed bytes.
 * @set_config: the driver writes @len bytes at @offset, which are inside the
 *	configuration space. Optional: without it nothing is writable.
 * @show: add to the device's fdinfo. Optional.
 * @queue_stats: the class's counters of a queue, @num_stats values. Called in
 *	process context without a lock. Needed when @num_stats is not zero.
 */
struct vha_class {
	const char *name;
	struct module *owner;
	u32 virtio_id;
	u16 max_queues;
	u16 max_workers;
	u32 config_size;
	size_t device_size;
	size_t queue_size;
	const struct vha_ioctl *ioctls;
	unsigned int num_ioctls;
	const struct vha_stat_desc *stats;
	unsigned int num_stats;
	u32 turn_bytes;

	int (*open)(struct vha_device *dev);
	void (*release)(struct vha_device *dev);
	void (*features)(struct vha_device *dev, u64 *features);
	int (*acked)(struct vha_device *dev);
	void (*info)(struct vha_device *dev, struct vha_info *info);
	int (*set_backend)(struct vha_device *dev, const struct vha_backend *backend,
			   struct file *file);
	void (*detach)(struct vha_device *dev);
	int (*start)(struct vha_queue *vq);
	void (*cancel)(struct vha_queue *vq);
	void (*stop)(struct vha_queue *vq);
	void (*run)(struct vha_queue *vq);
	void (*batch_begin)(struct vha_queue *vq);
	void (*batch_end)(struct vha_queue *vq);
	bool (*poll)(struct vha_queue *vq);
	void (*get_config)(struct vha_device *dev, void *config);
	int (*set_config)(struct vha_device *dev, u32 offset, const void *data, u32 len);
	void (*show)(struct vha_device *dev, struct seq_file *m);
	void (*queue_stats)(struct vha_queue *vq, u64 *values);
};

int vha_class_register(const struct vha_class *class);
void vha_class_unregister(const struct vha_class *class);

#endif /* VHOST_ACCEL_CLASS_H */
