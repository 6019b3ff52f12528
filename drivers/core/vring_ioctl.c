// SPDX-License-Identifier: GPL-2.0-only
/*
 * The ioctls about one virtqueue
 */
#include <linux/log2.h>
#include <linux/nospec.h>
#include <linux/uaccess.h>

#include "core.h"

/* The longest anyone may ask us to spin. */
#define BUSYLOOP_MAX_US	1000000U

/* Every argument starts with the index, which is looked at first. */
static struct vha_queue *vring_queue(struct vha_device *dev, void __user *argp)
{
	u32 index;

	if (get_user(index, (u32 __user *)argp))
		return ERR_PTR(-EFAULT);
	if (index >= dev->class->max_queues)
		return ERR_PTR(-ENOBUFS);
	return dev->vqs[array_index_nospec(index, dev->class->max_queues)];
}

static long set_num(struct vha_queue *vq, void __user *argp)
{
	struct vhost_vring_state state;

	if (copy_from_user(&state, argp, sizeof(state)))
		return -EFAULT;
	if (vq->started)
		return -EBUSY;
	if (!state.num || state.num > VHA_RING_MAX)
		return -EINVAL;
	if (!vha_queue_feature(vq, VIRTIO_F_RING_PACKED) && !is_power_of_2(state.num))
		return -EINVAL;
	vq->num = state.num;
	return 0;
}

static long set_base(struct vha_queue *vq, void __user *argp)
{
	struct vhost_vring_state state;

	if (copy_from_user(&state, argp, sizeof(state)))
		return -EFAULT;
	if (vq->started)
		return -EBUSY;
	if (!vha_queue_feature(vq, VIRTIO_F_RING_PACKED) && state.num > U16_MAX)
		return -EINVAL;
	/*
	 * VMMs that know 16 bits say nothing about the used position. With no
	 * buffer in flight it is the available one.
	 */
	if (vha_queue_feature(vq, VIRTIO_F_RING_PACKED) && state.num <= U16_MAX)
		state.num |= state.num << 16;
	vq->base = state.num;
	vq->base_set = true;
	return 0;
}

static long get_base(struct vha_queue *vq, void __user *argp)
{
	struct vhost_vring_state state = { .index = vq->index };

	/* Where the answer can not be stored the queue shall not stop. */
	if (copy_to_user(argp, &state, sizeof(state)))
		return -EFAULT;
	vha_queue_stop(vq);
	state.num = vha_vring_base(vq);
	return copy_to_user(argp, &state, sizeof(state)) ? -EFAULT : 0;
}

/* Both sides of the ring write to it and log that. */
static void set_logged(struct vha_queue *vq, bool logged, u64 addr)
{
	mutex_lock(&vq->mutex);
	spin_lock_irq(&vq->lock);
	vq->log_used = logged;
	vq->addr.log_guest_addr = addr;
	vq->ring.log = vha_vring_logged(vq);
	spin_unlock_irq(&vq->lock);
	mutex_unlock(&vq->mutex);
}

static bool same_addr(const struct vhost_vring_addr *a, const struct vhost_vring_addr *b)
{
	return a->desc_user_addr == b->desc_user_addr &&
	       a->avail_user_addr == b->avail_user_addr &&
	       a->used_user_addr == b->used_user_addr;
}

/* VMMs turn logging of a running ring on and off with the same addresses. */
static long set_addr(struct vha_queue *vq, void __user *argp)
{
	struct vhost_vring_addr addr;
	bool logged;

	if (copy_from_user(&addr, argp, sizeof(addr)))
		return -EFAULT;
	if (addr.flags & ~(1U << VHOST_VRING_F_LOG))
		return -EOPNOTSUPP;
	if (vq->started && !same_addr(&addr, &vq->addr))
		return -EBUSY;
	logged = addr.flags & (1U << VHOST_VRING_F_LOG);
	/* Of a stopped queue, the start sees to it. */
	if (vq->started && logged &&
	    !vha_vring_log_valid(vq, vq->dev->mem, addr.log_guest_addr))
		return -EFAULT;
	if (!vq->started)
		vq->addr = addr;
	vq->addr_set = true;
	set_logged(vq, logged, addr.log_guest_addr);
	return 0;
}

static long set_kick(struct vha_queue *vq, void __user *argp)
{
	struct vhost_vring_file file;

	if (copy_from_user(&file, argp, sizeof(file)))
		return -EFAULT;
	return vha_kick_set(vq, file.fd);
}

static long set_event(struct vha_event __rcu **slot, void __user *argp)
{
	struct vhost_vring_file file;
	struct vha_event *event;

	if (copy_from_user(&file, argp, sizeof(file)))
		return -EFAULT;
	event = vha_event_get(file.fd);
	if (IS_ERR(event))
		return PTR_ERR(event);
	vha_event_set(slot, event);
	return 0;
}

static long set_call(struct vha_queue *vq, void __user *argp)
{
	return set_event(&vq->call, argp);
}

static long set_err(struct vha_queue *vq, void __user *argp)
{
	return set_event(&vq->err, argp);
}

static long set_busyloop(struct vha_queue *vq, void __user *argp)
{
	struct vhost_vring_state state;

	if (copy_from_user(&state, argp, sizeof(state)))
		return -EFAULT;
	if (state.num > BUSYLOOP_MAX_US)
		return -EINVAL;
	WRITE_ONCE(vq->busyloop_us, state.num);
	return 0;
}

static long get_busyloop(struct vha_queue *vq, void __user *argp)
{
	struct vhost_vring_state state = { .index = vq->index, .num = vq->busyloop_us };

	return copy_to_user(argp, &state, sizeof(state)) ? -EFAULT : 0;
}

static long set_enable(struct vha_queue *vq, void __user *argp)
{
	struct vhost_vring_state state;

	if (copy_from_user(&state, argp, sizeof(state)))
		return -EFAULT;
	if (state.num > 1)
		return -EINVAL;
	if (!state.num) {
		vha_queue_stop(vq);
		return 0;
	}
	return vq->dev->backend ? vha_queue_start(vq) : -ENODEV;
}

static const struct {
	unsigned int cmd;
	long (*fn)(struct vha_queue *vq, void __user *argp);
} vring_ioctls[] = {
	{ VHOST_SET_VRING_NUM, set_num },
	{ VHOST_SET_VRING_BASE, set_base },
	{ VHOST_GET_VRING_BASE, get_base },
	{ VHOST_SET_VRING_ADDR, set_addr },
	{ VHOST_SET_VRING_KICK, set_kick },
	{ VHOST_SET_VRING_CALL, set_call },
	{ VHOST_SET_VRING_ERR, set_err },
	{ VHOST_SET_VRING_BUSYLOOP_TIMEOUT, set_busyloop },
	{ VHOST_GET_VRING_BUSYLOOP_TIMEOUT, get_busyloop },
	{ VHA_SET_VRING_ENABLE, set_enable },
};

/**
 * vha_vring_ioctl() - the ioctls about one virtqueue
 * @dev: the device, with an owner
 * @cmd: the ioctl's number
 * @argp: its argument
 *
 * Return: 0; -ENOBUFS for an unknown queue, -EFAULT, -EBUSY for what is
 * frozen while the queue runs, -EINVAL, what starting a queue returns, or
 * -ENOIOCTLCMD for any other @cmd.
 */
long vha_vring_ioctl(struct vha_device *dev, unsigned int cmd, void __user *argp)
{
	struct vha_queue *vq;
	unsigned int i;

	lockdep_assert_held(&dev->mutex);
	for (i = 0; i < ARRAY_SIZE(vring_ioctls); i++) {
		if (vring_ioctls[i].cmd != cmd)
			continue;
		vq = vring_queue(dev, argp);
		return IS_ERR(vq) ? PTR_ERR(vq) : vring_ioctls[i].fn(vq, argp);
	}
	return -ENOIOCTLCMD;
}
