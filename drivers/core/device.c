// SPDX-License-Identifier: GPL-2.0-only
/*
 * Devices: life, owner, memory table, dirty log, backing object, suspension
 */
#include <linux/file.h>
#include <linux/sched/mm.h>
#include <linux/slab.h>

#include "core.h"
#include "worker.h"

static void queues_destroy(struct vha_device *dev)
{
	unsigned int i;

	for (i = 0; i < dev->class->max_queues; i++)
		vha_queue_destroy(dev->vqs[i]);
	kvfree(dev->vqs);
}

static int queues_create(struct vha_device *dev)
{
	unsigned int i;

	dev->vqs = kvcalloc(dev->class->max_queues, sizeof(*dev->vqs), VHA_GFP_SETUP);
	if (!dev->vqs)
		return -ENOMEM;
	for (i = 0; i < dev->class->max_queues; i++) {
		dev->vqs[i] = vha_queue_create(dev, i);
		if (!dev->vqs[i]) {
			queues_destroy(dev);
			return -ENOMEM;
		}
	}
	return 0;
}

static int workers_init(struct vha_device *dev)
{
	dev->workers = kzalloc(sizeof(*dev->workers), VHA_GFP_SETUP);
	if (!dev->workers)
		return -ENOMEM;
	xa_init_flags(&dev->workers->workers, XA_FLAGS_ALLOC);
	dev->workers->fork_owner = true;
	return 0;
}

/**
 * vha_device_create() - make a device for an open file
 * @class: its class
 *
 * Return: the device or an ERR_PTR().
 */
struct vha_device *vha_device_create(const struct vha_class *class)
{
	struct vha_device *dev;
	int ret;

	dev = kvzalloc(max(class->device_size, sizeof(*dev)), VHA_GFP_SETUP);
	if (!dev)
		return ERR_PTR(-ENOMEM);
	dev->class = class;
	mutex_init(&dev->mutex);
	ret = queues_create(dev);
	if (ret)
		goto err_free;
	ret = workers_init(dev);
	if (ret)
		goto err_queues;
	dev->iotlb = vha_iotlb_create();
	if (IS_ERR(dev->iotlb)) {
		ret = PTR_ERR(dev->iotlb);
		goto err_workers;
	}
	ret = class->open ? class->open(dev) : 0;
	if (ret)
		goto err_iotlb;
	return dev;

err_iotlb:
	vha_iotlb_destroy(dev->iotlb);
err_workers:
	kfree(dev->workers);
err_queues:
	queues_destroy(dev);
err_free:
	mutex_destroy(&dev->mutex);
	kvfree(dev);
	return ERR_PTR(ret);
}

static void backend_detach(struct vha_device *dev)
{
	const struct vha_backend none = { .fd = VHOST_FILE_UNBIND };

	if (!dev->backend)
		return;
	if (dev->class->detach)
		dev->class->detach(dev);
	else
		dev->class->set_backend(dev, &none, NULL);
	dev->backend = false;
}

static void mem_drop(struct vha_device *dev)
{
	if (dev->mem && dev->pin)
		vha_mem_unpin(dev->mem, dev->mm);
	vha_mem_destroy(dev->mem);
	dev->mem = NULL;
	dev->pin = false;
}

static void owner_drop(struct vha_device *dev)
{
	backend_detach(dev);
	vha_workers_destroy(dev);
	mem_drop(dev);
	if (dev->mm)
		mmput(dev->mm);
	dev->mm = NULL;
}

/**
 * vha_device_destroy() - undo vha_device_create() and all that came after
 * @dev: the device
 */
void vha_device_destroy(struct vha_device *dev)
{
	WRITE_ONCE(dev->closing, true);
	vha_stats_detach(dev);
	mutex_lock(&dev->mutex);
	vha_device_reset(dev);
	owner_drop(dev);
	if (dev->class->release)
		dev->class->release(dev);
	mutex_unlock(&dev->mutex);
	vha_iotlb_destroy(dev->iotlb);
	kfree(dev->workers);
	queues_destroy(dev);
	mutex_destroy(&dev->mutex);
	kvfree(dev);
}

/**
 * vha_device_set_owner() - make the caller the owner
 * @dev: the device
 *
 * Return: 0, -EBUSY when there is an owner, or what creating a worker returns.
 */
int vha_device_set_owner(struct vha_device *dev)
{
	int ret;

	lockdep_assert_held(&dev->mutex);
	if (dev->mm)
		return -EBUSY;
	dev->mm = get_task_mm(current);
	if (!dev->mm)
		return -EPERM;
	ret = vha_workers_create(dev);
	if (ret) {
		mmput(dev->mm);
		dev->mm = NULL;
	}
	return ret;
}

/**
 * vha_device_reset() - return to the state after VHOST_SET_OWNER
 * @dev: the device
 *
 * Memory table, workers and backing object stay.
 */
void vha_device_reset(struct vha_device *dev)
{
	unsigned int i;

	lockdep_assert_held(&dev->mutex);
	vha_device_stop_all(dev);
	for (i = 0; i < dev->class->max_queues; i++)
		vha_queue_reset(dev->vqs[i]);
	WRITE_ONCE(dev->suspended, false);
	memset(dev->acked, 0, sizeof(dev->acked));
	if (dev->class->acked)
		dev->class->acked(dev);
	vha_device_stop_log(dev);
	dev->log_base_set = false;
	dev->backend_features = 0;
	vha_iotlb_enable(dev->iotlb, false);
	vha_event_set(&dev->log_event, NULL);
	vha_event_set(&dev->config_call, NULL);
	clear_bit(0, &dev->config_changed);
}

/**
 * vha_device_reset_owner() - return to the state after open
 * @dev: the device
 */
void vha_device_reset_owner(struct vha_device *dev)
{
	vha_device_reset(dev);
	owner_drop(dev);
	dev->workers->fork_owner = true;
}

static int mem_replace(struct vha_device *dev, struct vha_mem *mem)
{
	struct vha_mem *old = dev->mem;
	int ret;

	dev->mem = mem;
	/* The log's size follows the table's. */
	if (vha_device_feature(dev, VHOST_F_LOG_ALL)) {
		ret = vha_device_start_log(dev);
		if (ret) {
			dev->mem = old;
			return ret;
		}
	}
	if (old && dev->pin) {
		vha_mem_take_charge(mem, old);
		vha_mem_unpin(old, dev->mm);
	}
	vha_mem_destroy(old);
	return 0;
}

/**
 * vha_device_set_mem() - replace the memory table
 * @dev: the device
 * @argp: argument of VHOST_SET_MEM_TABLE
 *
 * Running queues stand still meanwhile and have no buffer in flight, so what
 * was fetched under the old table also ends under it. A table that replaces a
 * pinned one is pinned.
 *
 * Return: 0, -EFAULT when a started queue is logged at an address that is not in
 * the table, or what making or pinning a table and its log returns; then the
 * old table stays.
 */
int vha_device_set_mem(struct vha_device *dev, const struct vhost_memory __user *argp)
{
	struct vha_mem *mem;
	int ret;

	lockdep_assert_held(&dev->mutex);
	mem = vha_mem_create(argp);
	if (IS_ERR(mem))
		return PTR_ERR(mem);
	if (!vha_device_log_valid(dev, mem)) {
		vha_mem_destroy(mem);
		return -EFAULT;
	}
	vha_device_quiesce(dev);
	ret = dev->pin ? vha_mem_pin(mem, dev->mm, dev->mem) : 0;
	if (ret)
		goto err_destroy;
	ret = mem_replace(dev, mem);
	if (ret)
		goto err_unpin;
	vha_device_unquiesce(dev);
	return 0;

err_unpin:
	if (dev->pin)
		vha_mem_unpin(mem, dev->mm);
err_destroy:
	vha_mem_destroy(mem);
	vha_device_unquiesce(dev);
	return ret;
}

/**
 * vha_device_pin_mem() - pin or unpin the memory table
 * @dev: the device
 * @enable: pin
 *
 * Return: 0, -EINVAL without a table, or what pinning returns.
 */
int vha_device_pin_mem(struct vha_device *dev, bool enable)
{
	int ret = 0;

	lockdep_assert_held(&dev->mutex);
	if (!dev->mem)
		return -EINVAL;
	if (dev->pin == enable)
		return 0;
	vha_device_quiesce(dev);
	if (enable)
		ret = vha_mem_pin(dev->mem, dev->mm, NULL);
	else
		vha_mem_unpin(dev->mem, dev->mm);
	if (!ret)
		dev->pin = enable;
	vha_device_unquiesce(dev);
	return ret;
}

static void log_replace(struct vha_device *dev, struct vha_log *log)
{
	struct vha_log *old;

	old = rcu_replace_pointer(dev->log, log, lockdep_is_held(&dev->mutex));
	if (!old)
		return;
	/* Buffers are logged from any context. */
	synchronize_rcu();
	vha_log_destroy(dev, old);
}

/**
 * vha_device_start_log() - pin the dirty bitmap and log from now on
 * @dev: the device; an existing log is replaced
 *
 * Return: 0, -EFAULT without a log base or when the bitmap can not be
 * written, -ENOMEM.
 */
int vha_device_start_log(struct vha_device *dev)
{
	struct vha_log *log;

	lockdep_assert_held(&dev->mutex);
	if (!dev->log_base_set)
		return -EFAULT;
	log = vha_log_create(dev, dev->log_base);
	if (IS_ERR(log))
		return PTR_ERR(log);
	log_replace(dev, log);
	return 0;
}

/**
 * vha_device_stop_log() - log no more and let go of the bitmap
 * @dev: the device
 */
void vha_device_stop_log(struct vha_device *dev)
{
	lockdep_assert_held(&dev->mutex);
	log_replace(dev, NULL);
}

/**
 * vha_device_set_log_base() - where the dirty bitmap is
 * @dev: the device
 * @base: its address in the owner
 *
 * Return: 0, or what vha_device_start_log() returns when logging is on; then
 * the old bitmap stays in use.
 */
int vha_device_set_log_base(struct vha_device *dev, u64 base)
{
	u64 old_base = dev->log_base;
	bool old_set = dev->log_base_set;
	int ret;

	lockdep_assert_held(&dev->mutex);
	if (base > ULONG_MAX || !access_ok(u64_to_user_ptr(base), 1))
		return -EFAULT;
	dev->log_base = base;
	dev->log_base_set = true;
	if (!vha_device_feature(dev, VHOST_F_LOG_ALL))
		return 0;
	ret = vha_device_start_log(dev);
	if (ret) {
		dev->log_base = old_base;
		dev->log_base_set = old_set;
	}
	return ret;
}

/**
 * vha_device_attach() - attach or detach the backing object
 * @dev: the device
 * @backend: which
 *
 * Return: 0, -EINVAL for reserved members, -EBUSY while a queue runs, -EBADF,
 * or what the class returns.
 */
int vha_device_attach(struct vha_device *dev, const struct vha_backend *backend)
{
	struct file *file = NULL;
	int ret;

	lockdep_assert_held(&dev->mutex);
	if (backend->reserved[0] || backend->reserved[1] || backend->fd < VHOST_FILE_UNBIND)
		return -EINVAL;
	if (vha_device_running(dev))
		return -EBUSY;
	if (backend->fd != VHOST_FILE_UNBIND) {
		file = fget(backend->fd);
		if (!file)
			return -EBADF;
	}
	ret = dev->class->set_backend(dev, backend, file);
	if (!ret && !dev->class->detach)
		dev->backend = file;
	if (file)
		fput(file);
	return ret;
}
EXPORT_SYMBOL_GPL(vha_device_attach);

/*
 * The eventfd of a changed configuration, if it was not signalled yet and may
 * be now. Under RCU, so that a suspension can wait for the signal.
 */
static void config_signal(struct vha_device *dev)
{
	rcu_read_lock();
	if (!READ_ONCE(dev->suspended) && test_and_clear_bit(0, &dev->config_changed))
		vha_event_signal(&dev->config_call);
	rcu_read_unlock();
}

/**
 * vha_device_config_changed() - tell the driver to read the configuration
 * @dev: the device
 *
 * Context: any. A suspended device says so when it is resumed.
 */
void vha_device_config_changed(struct vha_device *dev)
{
	set_bit(0, &dev->config_changed);
	/* Either we see that the device was resumed, or vha_device_resume() sees the bit. */
	smp_mb__after_atomic();
	config_signal(dev);
}
EXPORT_SYMBOL_GPL(vha_device_config_changed);

/**
 * vha_device_suspend() - quiesce until vha_device_resume()
 * @dev: the device
 *
 * Afterwards no eventfd is signalled.
 */
void vha_device_suspend(struct vha_device *dev)
{
	lockdep_assert_held(&dev->mutex);
	WRITE_ONCE(dev->suspended, true);
	/* Either waits for those who did not see it in config_signal(). */
	if (vha_device_running(dev))
		vha_device_quiesce(dev);
	else
		synchronize_rcu();
}

/**
 * vha_device_resume() - undo vha_device_suspend()
 * @dev: the device
 */
void vha_device_resume(struct vha_device *dev)
{
	lockdep_assert_held(&dev->mutex);
	WRITE_ONCE(dev->suspended, false);
	/* Pairs with vha_device_config_changed(). */
	smp_mb();
	config_signal(dev);
	vha_device_unquiesce(dev);
}
