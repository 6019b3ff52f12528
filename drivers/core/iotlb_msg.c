// SPDX-License-Identifier: GPL-2.0-only
/*
 * IOTLB messages: the VMM writes translations to the node and reads misses
 */
#include <kunit/visibility.h>
#include <linux/poll.h>
#include <linux/sched/signal.h>
#include <linux/uio.h>
#include <linux/vhost.h>

#include "core.h"
#include "iotlb.h"

/*
 * The two formats differ in what their first eight bytes mean; the message
 * proper and the total size are the same.
 */
static_assert(offsetof(struct vhost_msg, iotlb) == offsetof(struct vhost_msg_v2, iotlb));
static_assert(sizeof(struct vhost_msg) == sizeof(struct vhost_msg_v2));

static int msg_update(struct vha_device *dev, const struct vhost_iotlb_msg *msg)
{
	bool changed = false;
	u64 last;
	int ret;

	ret = vha_iotlb_insert(dev->iotlb, msg->iova, msg->size, msg->uaddr, msg->perm,
			       &changed);
	if (ret)
		return ret;
	last = msg->iova + (msg->size - 1);
	if (changed)
		vha_device_iotlb_invalidated(dev, msg->iova, last);
	vha_device_iotlb_updated(dev, msg->iova, last);
	return 0;
}

static int msg_invalidate(struct vha_device *dev, const struct vhost_iotlb_msg *msg)
{
	u64 last;

	if (!vha_iotlb_enabled(dev))
		return -EFAULT;
	/* A size of 2^64 bytes arrives as 0. */
	if (!msg->iova && !msg->size)
		last = U64_MAX;
	else if (!msg->size || check_add_overflow(msg->iova, msg->size - 1, &last))
		return -EINVAL;
	vha_iotlb_remove(dev->iotlb, msg->iova, last);
	vha_device_iotlb_invalidated(dev, msg->iova, last);
	return 0;
}

/**
 * vha_iotlb_write() - take a message from the VMM
 * @dev: the device
 * @from: the message, struct vhost_msg or struct vhost_msg_v2
 *
 * Context: process, in the owner's address space, may sleep, device mutex held.
 * Return: the size of a message, -EINVAL for one that is too short, of an
 * unknown type or address space, or whose addresses make no sense, -EFAULT
 * when it can not be read, its addresses are not the caller's, or the IOTLB is
 * not in use, -ENOMEM.
 */
ssize_t vha_iotlb_write(struct vha_device *dev, struct iov_iter *from)
{
	struct vhost_msg_v2 msg;
	int ret;

	lockdep_assert_held(&dev->mutex);
	if (iov_iter_count(from) < sizeof(msg))
		return -EINVAL;
	if (!copy_from_iter_full(&msg, sizeof(msg), from))
		return -EFAULT;
	switch (msg.type) {
	case VHOST_IOTLB_MSG:
		break;
	case VHOST_IOTLB_MSG_V2:
		if (msg.asid)
			return -EINVAL;
		break;
	default:
		return -EINVAL;
	}
	switch (msg.iotlb.type) {
	case VHOST_IOTLB_UPDATE:
		ret = msg_update(dev, &msg.iotlb);
		break;
	case VHOST_IOTLB_INVALIDATE:
		ret = msg_invalidate(dev, &msg.iotlb);
		break;
	default:
		ret = -EINVAL;
	}
	return ret ? ret : sizeof(msg);
}
EXPORT_SYMBOL_IF_KUNIT(vha_iotlb_write);

/* Wait for a miss; the end of the IOTLB's use ends the wait as well. */
static int miss_wait(struct vha_device *dev, struct vha_miss *miss)
{
	struct vha_iotlb *iotlb = dev->iotlb;
	bool found = false;
	int ret;

	ret = wait_event_interruptible(iotlb->wait,
				       (found = vha_iotlb_next_miss(iotlb, miss)) ||
				       !vha_iotlb_enabled(dev));
	if (ret)
		return ret;
	return found ? 0 : -EBADFD;
}

/**
 * vha_iotlb_read() - give the VMM a miss
 * @dev: the device
 * @to: where to
 * @nonblock: do not wait for one
 *
 * Context: process, may sleep, without any lock.
 * Return: the size of a message, 0 when @to is shorter than that, -EAGAIN,
 * -ERESTARTSYS, -EBADFD when the IOTLB is not in use, -EFAULT when @to can not
 * be written, in which case the miss is lost.
 */
ssize_t vha_iotlb_read(struct vha_device *dev, struct iov_iter *to, bool nonblock)
{
	struct vhost_msg_v2 msg = {};
	struct vha_miss miss;
	int ret;

	if (iov_iter_count(to) < sizeof(msg))
		return 0;
	if (!vha_iotlb_next_miss(dev->iotlb, &miss)) {
		if (nonblock)
			return -EAGAIN;
		ret = miss_wait(dev, &miss);
		if (ret)
			return ret;
	}
	if (READ_ONCE(dev->backend_features) & BIT_ULL(VHOST_BACKEND_F_IOTLB_MSG_V2))
		msg.type = VHOST_IOTLB_MSG_V2;
	else
		msg.type = VHOST_IOTLB_MSG;
	msg.iotlb.type = VHOST_IOTLB_MISS;
	msg.iotlb.iova = miss.iova;
	msg.iotlb.perm = miss.perm;
	if (copy_to_iter(&msg, sizeof(msg), to) != sizeof(msg))
		return -EFAULT;
	return sizeof(msg);
}
EXPORT_SYMBOL_IF_KUNIT(vha_iotlb_read);

/**
 * vha_iotlb_poll() - whether a miss can be read
 * @dev: the device
 * @file: the file polled
 * @wait: as poll_wait() wants it
 *
 * Return: EPOLLIN | EPOLLRDNORM or 0.
 */
__poll_t vha_iotlb_poll(struct vha_device *dev, struct file *file, poll_table *wait)
{
	struct vha_iotlb *iotlb = dev->iotlb;
	bool ready;

	poll_wait(file, &iotlb->wait, wait);
	spin_lock(&iotlb->lock);
	ready = iotlb->nr_misses;
	spin_unlock(&iotlb->lock);
	return ready ? EPOLLIN | EPOLLRDNORM : 0;
}
