// SPDX-License-Identifier: GPL-2.0-only
/*
 * The ioctls about a whole device, and the way to all others
 */
#include <linux/uaccess.h>
#include <linux/vhost.h>

#include "core.h"
#include "worker.h"

/**
 * enum owner_rule - who may call an ioctl
 * @OWNER: the owner
 * @OWNER_IF_ANY: the owner, or anyone while there is none
 * @ANYONE: anyone who has the file
 */
enum owner_rule {
	OWNER,
	OWNER_IF_ANY,
	ANYONE,
};

static long set_owner(struct vha_device *dev, unsigned int cmd, void __user *argp)
{
	return vha_device_set_owner(dev);
}

static long reset_owner(struct vha_device *dev, unsigned int cmd, void __user *argp)
{
	vha_device_reset_owner(dev);
	return 0;
}

static long set_mem_table(struct vha_device *dev, unsigned int cmd, void __user *argp)
{
	return vha_device_set_mem(dev, argp);
}

static long set_log_base(struct vha_device *dev, unsigned int cmd, void __user *argp)
{
	u64 base;

	if (copy_from_user(&base, argp, sizeof(base)))
		return -EFAULT;
	return vha_device_set_log_base(dev, base);
}

static long set_event(struct vha_event __rcu **slot, void __user *argp)
{
	struct vha_event *event;
	int fd;

	if (get_user(fd, (int __user *)argp))
		return -EFAULT;
	event = vha_event_get(fd);
	if (IS_ERR(event))
		return PTR_ERR(event);
	vha_event_set(slot, event);
	return 0;
}

static long set_log_fd(struct vha_device *dev, unsigned int cmd, void __user *argp)
{
	return set_event(&dev->log_event, argp);
}

static long set_config_call(struct vha_device *dev, unsigned int cmd, void __user *argp)
{
	return set_event(&dev->config_call, argp);
}

static long get_features(struct vha_device *dev, unsigned int cmd, void __user *argp)
{
	u64 features[VHA_FEATURES_WORDS];

	vha_device_features(dev, features);
	return copy_to_user(argp, features, sizeof(features[0])) ? -EFAULT : 0;
}

static long set_features(struct vha_device *dev, unsigned int cmd, void __user *argp)
{
	u64 features[VHA_FEATURES_WORDS] = {};

	if (copy_from_user(features, argp, sizeof(features[0])))
		return -EFAULT;
	return vha_device_set_features(dev, features);
}

/* Words beyond ours are zero; one page of them bounds the work. */
#define FEATURES_ARRAY_MAX	512

/* The caller says how many words it has room for. */
static long get_features_array(struct vha_device *dev, unsigned int cmd, void __user *argp)
{
	struct vhost_features_array __user *array = argp;
	u64 features[VHA_FEATURES_WORDS];
	u64 count, copied;

	if (copy_from_user(&count, &array->count, sizeof(count)))
		return -EFAULT;
	if (count > FEATURES_ARRAY_MAX)
		return -E2BIG;
	vha_device_features(dev, features);
	copied = min_t(u64, count, VHA_FEATURES_WORDS);
	if (copy_to_user(array->features, features, copied * sizeof(u64)))
		return -EFAULT;
	if (clear_user(array->features + copied, (count - copied) * sizeof(u64)))
		return -EFAULT;
	return 0;
}

static long set_features_array(struct vha_device *dev, unsigned int cmd, void __user *argp)
{
	struct vhost_features_array __user *array = argp;
	u64 features[VHA_FEATURES_WORDS] = {};
	u64 count, copied, i, word;

	if (copy_from_user(&count, &array->count, sizeof(count)))
		return -EFAULT;
	if (count > FEATURES_ARRAY_MAX)
		return -EOPNOTSUPP;
	copied = min_t(u64, count, VHA_FEATURES_WORDS);
	if (copy_from_user(features, array->features, copied * sizeof(u64)))
		return -EFAULT;
	for (i = copied; i < count; i++) {
		if (copy_from_user(&word, array->features + i, sizeof(word)))
			return -EFAULT;
		if (word)
			return -EOPNOTSUPP;
	}
	return vha_device_set_features(dev, features);
}

static long get_backend_features(struct vha_device *dev, unsigned int cmd, void __user *argp)
{
	u64 features = VHA_BACKEND_FEATURES;

	return copy_to_user(argp, &features, sizeof(features)) ? -EFAULT : 0;
}

static long set_backend_features(struct vha_device *dev, unsigned int cmd, void __user *argp)
{
	u64 features;

	if (copy_from_user(&features, argp, sizeof(features)))
		return -EFAULT;
	if (features & ~VHA_BACKEND_FEATURES)
		return -EOPNOTSUPP;
	dev->backend_features = features;
	return 0;
}

static long set_fork_owner(struct vha_device *dev, unsigned int cmd, void __user *argp)
{
	u8 mode;

	if (dev->mm)
		return -EBUSY;
	if (get_user(mode, (u8 __user *)argp))
		return -EFAULT;
	if (mode > 1)
		return -EINVAL;
	dev->workers->fork_owner = mode;
	return 0;
}

static long get_fork_owner(struct vha_device *dev, unsigned int cmd, void __user *argp)
{
	return put_user((u8)dev->workers->fork_owner, (u8 __user *)argp);
}

static void make_info(struct vha_device *dev, struct vha_info *info)
{
	*info = (struct vha_info) {
		.abi_version = VHA_ABI_VERSION,
		.virtio_id = dev->class->virtio_id,
		.max_queues = dev->class->max_queues,
		.max_ring_size = VHA_RING_MAX,
		.config_size = dev->class->config_size,
		.max_mem_regions = VHA_MEM_REGIONS_MAX,
		.max_workers = dev->class->max_workers,
		.max_iotlb_entries = VHA_IOTLB_ENTRIES_MAX,
	};
	if (dev->class->info)
		dev->class->info(dev, info);
}

static long get_info(struct vha_device *dev, unsigned int cmd, void __user *argp)
{
	struct vha_info info;

	make_info(dev, &info);
	return copy_to_user(argp, &info, sizeof(info)) ? -EFAULT : 0;
}

static bool config_in_range(struct vha_device *dev, const struct vha_config *config)
{
	struct vha_info info;

	make_info(dev, &info);
	return config->size && config->size <= VHA_CONFIG_MAX &&
	       config->offset <= info.config_size &&
	       config->size <= info.config_size - config->offset;
}

static long get_config(struct vha_device *dev, unsigned int cmd, void __user *argp)
{
	struct vha_config *config;
	u8 *space;
	long ret = -EFAULT;

	config = kzalloc(sizeof(*config) + dev->class->config_size, VHA_GFP_SETUP);
	if (!config)
		return -ENOMEM;
	space = (u8 *)(config + 1);
	if (copy_from_user(config, argp, offsetof(struct vha_config, data)))
		goto out;
	ret = -EINVAL;
	if (!config_in_range(dev, config))
		goto out;
	ret = -ENODEV;
	if (!dev->backend)
		goto out;
	dev->class->get_config(dev, space);
	memcpy(config->data, space + config->offset, config->size);
	ret = copy_to_user(argp, config, offsetof(struct vha_config, data) + config->size) ?
		-EFAULT : 0;
out:
	kfree(config);
	return ret;
}

static long set_config(struct vha_device *dev, unsigned int cmd, void __user *argp)
{
	struct vha_config config;

	if (copy_from_user(&config, argp, sizeof(config)))
		return -EFAULT;
	if (!config_in_range(dev, &config) || !dev->class->set_config)
		return -EINVAL;
	if (!dev->backend)
		return -ENODEV;
	return dev->class->set_config(dev, config.offset, config.data, config.size);
}

static long reset(struct vha_device *dev, unsigned int cmd, void __user *argp)
{
	vha_device_reset(dev);
	return 0;
}

static long suspend(struct vha_device *dev, unsigned int cmd, void __user *argp)
{
	vha_device_suspend(dev);
	return 0;
}

static long resume(struct vha_device *dev, unsigned int cmd, void __user *argp)
{
	vha_device_resume(dev);
	return 0;
}

static long pin_memory(struct vha_device *dev, unsigned int cmd, void __user *argp)
{
	struct vha_pin_memory pin;

	if (copy_from_user(&pin, argp, sizeof(pin)))
		return -EFAULT;
	if (pin.flags & ~VHA_PIN_F_ENABLE || memchr_inv(pin.reserved, 0, sizeof(pin.reserved)))
		return -EINVAL;
	return vha_device_pin_mem(dev, pin.flags & VHA_PIN_F_ENABLE);
}

static long set_backend(struct vha_device *dev, unsigned int cmd, void __user *argp)
{
	struct vha_backend backend;

	if (copy_from_user(&backend, argp, sizeof(backend)))
		return -EFAULT;
	return vha_device_attach(dev, &backend);
}

static long get_stats_fd(struct vha_device *dev, unsigned int cmd, void __user *argp)
{
	return vha_stats_fd(dev);
}

/**
 * struct device_ioctl - an ioctl of every class
 * @cmd: its number
 * @rule: who may call it
 * @fn: does it, with the device mutex held
 */
struct device_ioctl {
	unsigned int cmd;
	enum owner_rule rule;
	long (*fn)(struct vha_device *dev, unsigned int cmd, void __user *argp);
};

static const struct device_ioctl device_ioctls[] = {
	{ VHOST_GET_FEATURES, ANYONE, get_features },
	{ VHOST_SET_FEATURES, OWNER_IF_ANY, set_features },
	{ VHOST_SET_OWNER, ANYONE, set_owner },
	{ VHOST_RESET_OWNER, OWNER, reset_owner },
	{ VHOST_SET_MEM_TABLE, OWNER, set_mem_table },
	{ VHOST_SET_LOG_BASE, OWNER, set_log_base },
	{ VHOST_SET_LOG_FD, OWNER, set_log_fd },
	{ VHOST_NEW_WORKER, OWNER, vha_worker_ioctl },
	{ VHOST_FREE_WORKER, OWNER, vha_worker_ioctl },
	{ VHOST_ATTACH_VRING_WORKER, OWNER, vha_worker_ioctl },
	{ VHOST_GET_VRING_WORKER, OWNER, vha_worker_ioctl },
	{ VHOST_SET_VRING_NUM, OWNER, vha_vring_ioctl },
	{ VHOST_SET_VRING_ADDR, OWNER, vha_vring_ioctl },
	{ VHOST_SET_VRING_BASE, OWNER, vha_vring_ioctl },
	{ VHOST_GET_VRING_BASE, OWNER, vha_vring_ioctl },
	{ VHOST_SET_VRING_KICK, OWNER, vha_vring_ioctl },
	{ VHOST_SET_VRING_CALL, OWNER, vha_vring_ioctl },
	{ VHOST_SET_VRING_ERR, OWNER, vha_vring_ioctl },
	{ VHOST_SET_VRING_BUSYLOOP_TIMEOUT, OWNER, vha_vring_ioctl },
	{ VHOST_GET_VRING_BUSYLOOP_TIMEOUT, OWNER, vha_vring_ioctl },
	{ VHOST_SET_BACKEND_FEATURES, OWNER_IF_ANY, set_backend_features },
	{ VHOST_GET_BACKEND_FEATURES, ANYONE, get_backend_features },
	{ VHOST_GET_FEATURES_ARRAY, ANYONE, get_features_array },
	{ VHOST_SET_FEATURES_ARRAY, OWNER_IF_ANY, set_features_array },
	{ VHOST_SET_FORK_FROM_OWNER, ANYONE, set_fork_owner },
	{ VHOST_GET_FORK_FROM_OWNER, ANYONE, get_fork_owner },
	{ VHA_GET_INFO, ANYONE, get_info },
	{ VHA_GET_CONFIG, OWNER, get_config },
	{ VHA_SET_CONFIG, OWNER, set_config },
	{ VHA_SET_CONFIG_CALL, OWNER, set_config_call },
	{ VHA_RESET, OWNER, reset },
	{ VHA_SUSPEND, OWNER, suspend },
	{ VHA_RESUME, OWNER, resume },
	{ VHA_PIN_MEMORY, OWNER, pin_memory },
	{ VHA_GET_STATS_FD, OWNER, get_stats_fd },
	{ VHA_SET_BACKEND, OWNER, set_backend },
	{ VHA_SET_VRING_ENABLE, OWNER, vha_vring_ioctl },
};

static int check_owner(const struct vha_device *dev, enum owner_rule rule)
{
	if (rule == ANYONE || (rule == OWNER_IF_ANY && !dev->mm))
		return 0;
	return dev->mm && dev->mm == current->mm ? 0 : -EPERM;
}

static long device_ioctl(struct vha_device *dev, unsigned int cmd, void __user *argp)
{
	const struct device_ioctl *row;
	long ret;

	for (row = device_ioctls; row < device_ioctls + ARRAY_SIZE(device_ioctls); row++) {
		if (row->cmd != cmd)
			continue;
		ret = check_owner(dev, row->rule);
		return ret ? ret : row->fn(dev, cmd, argp);
	}
	return -ENOIOCTLCMD;
}

static long class_ioctl(struct vha_device *dev, unsigned int cmd, void __user *argp)
{
	const struct vha_class *class = dev->class;
	unsigned int i;
	long ret;

	for (i = 0; i < class->num_ioctls; i++) {
		if (class->ioctls[i].cmd != cmd)
			continue;
		ret = check_owner(dev, class->ioctls[i].unowned ? OWNER_IF_ANY : OWNER);
		return ret ? ret : class->ioctls[i].fn(dev, argp);
	}
	return -ENOTTY;
}

/**
 * vha_ioctl() - any ioctl of a node
 * @dev: the device
 * @cmd: the ioctl's number
 * @argp: its argument
 *
 * Return: as the ioctl says; -ENOTTY for an unknown one, -EPERM for one that
 * only the owner may call.
 */
long vha_ioctl(struct vha_device *dev, unsigned int cmd, void __user *argp)
{
	long ret;

	mutex_lock(&dev->mutex);
	ret = device_ioctl(dev, cmd, argp);
	if (ret == -ENOIOCTLCMD)
		ret = class_ioctl(dev, cmd, argp);
	mutex_unlock(&dev->mutex);
	return ret;
}
