// SPDX-License-Identifier: GPL-2.0-only
/*
 * The disk: backing object, parameters, start and stop
 */
#include <linux/file.h>
#include <linux/log2.h>
#include <linux/nospec.h>
#include <linux/seq_file.h>
#include <linux/uaccess.h>

#include "blk.h"

#define BACKEND_FLAGS	VHA_BACKEND_F_WORKER_COMPLETION
/* What a request has beside the segments of its data. */
#define HEADER_AND_STATUS	2
#define PARAMS_FLAGS	(VHA_BLK_F_READ_ONLY | VHA_BLK_F_WRITE_THROUGH | VHA_BLK_F_POLL)

/**
 * vha_blk_open() - as &vha_class.open
 * @dev: the disk
 */
int vha_blk_open(struct vha_device *dev)
{
	struct vha_blk *blk = to_blk(dev);
	unsigned int i;

	blk->object.limits.block_size = SECTOR_SIZE;
	vha_blk_init_writeback(blk);
	blk->dev.chain_max = vha_blk_seg_max(blk) + HEADER_AND_STATUS;
	INIT_DEFERRABLE_WORK(&blk->resize, vha_blk_resize_work);
	for (i = 0; i < VHA_BLK_QUEUES; i++) {
		struct vha_blk_queue *q = to_blk_queue(dev->vqs[i]);

		vha_work_init(&q->done_work, vha_blk_done_work);
		vha_work_init(&q->poll_work, vha_blk_poll_work);
		spin_lock_init(&q->poll_lock);
		INIT_LIST_HEAD(&q->polled);
	}
	return 0;
}

/* Lets go of an object that is, or is no longer, the disk's. */
static void object_put(const struct vha_blk_object *object)
{
	if (!object->backing)
		return;
	if (object->backing->detach)
		object->backing->detach(object->file);
	fput(object->file);
}

static void detach(struct vha_blk *blk)
{
	struct vha_blk_object old = blk->object;

	memset(&blk->object, 0, sizeof(blk->object));
	blk->object.limits.block_size = SECTOR_SIZE;
	blk->capacity = 0;
	vha_blk_update_stable(blk);
	object_put(&old);
}

/**
 * vha_blk_release() - as &vha_class.release
 * @dev: the disk
 */
void vha_blk_release(struct vha_device *dev)
{
	struct vha_blk *blk = to_blk(dev);

	detach(blk);
	vha_blk_slow_destroy(blk);
}

/*
 * What can be a disk: read and written at any offset, past the host's cache.
 * A descriptor for appending would move every write to the end.
 */
static const struct vha_blk_backing *backing_of(const struct file *file)
{
	umode_t mode = file_inode(file)->i_mode;

	if (!S_ISBLK(mode) && !S_ISREG(mode))
		return ERR_PTR(-ENOTBLK);
	if (!(file->f_mode & FMODE_READ) || file->f_flags & O_PATH)
		return ERR_PTR(-EBADF);
	if (S_ISBLK(mode))
		return &vha_blk_bdev;
	if (!(file->f_mode & FMODE_CAN_ODIRECT) || file->f_flags & O_APPEND)
		return ERR_PTR(-EINVAL);
	return &vha_blk_file;
}

static int check_block_size(const struct vha_blk *blk)
{
	u32 size = blk->params.block_size;

	return size && size < blk->object.limits.block_size ? -EINVAL : 0;
}

static int attach(struct vha_blk *blk, const struct vha_blk_backing *backing,
		  struct file *file, u64 flags)
{
	struct vha_blk_object old = blk->object;
	int ret;

	memset(&blk->object, 0, sizeof(blk->object));
	blk->object.backing = backing;
	blk->object.file = get_file(file);
	blk->object.backend_flags = flags;
	blk->object.read_only = !(file->f_mode & FMODE_WRITE) ||
			 blk->params.flags & VHA_BLK_F_READ_ONLY;
	blk->object.sync = file->f_flags & O_DSYNC;
	ret = backing->attach(blk);
	if (!ret)
		ret = check_block_size(blk);
	if (ret) {
		object_put(&blk->object);
		blk->object = old;
		return ret;
	}
	object_put(&old);
	vha_blk_update_stable(blk);
	WRITE_ONCE(blk->capacity, vha_blk_capacity(blk));
	return 0;
}

/**
 * vha_blk_set_backend() - as &vha_class.set_backend
 * @dev: the disk
 * @backend: what the VMM asked for
 * @file: the backing object, NULL to detach
 *
 * When a new backing object is refused the disk keeps what it has.
 *
 * Return: 0; -EINVAL for an index that is not zero, an unknown flag, a file
 * without direct I/O or open for appending, or logical blocks larger than
 * announced; -ENOTBLK for anything but a block device or regular file; -EBADF
 * for a descriptor that can not be read; -ENOMEM; an errno of writing back what
 * the host has cached of a block device.
 */
int vha_blk_set_backend(struct vha_device *dev, const struct vha_backend *backend,
			struct file *file)
{
	const struct vha_blk_backing *backing;
	struct vha_blk *blk = to_blk(dev);
	int ret;

	if (backend->index || backend->flags & ~BACKEND_FLAGS)
		return -EINVAL;
	if (!file) {
		detach(blk);
		return 0;
	}
	backing = backing_of(file);
	if (IS_ERR(backing))
		return PTR_ERR(backing);
	ret = vha_blk_slow_create(blk);
	return ret ?: attach(blk, backing, file, backend->flags);
}

/**
 * vha_blk_start() - as &vha_class.start
 * @vq: the queue
 *
 * Return: 0, -ENOTCONN without a backing object, -EINVAL when the acknowledged
 * features do not fit it, -ENOMEM.
 */
int vha_blk_start(struct vha_queue *vq)
{
	struct vha_blk_queue *q = to_blk_queue(vq);
	struct vha_blk *blk = to_blk(vq->dev);
	int ret;

	if (!blk->object.backing)
		return -ENOTCONN;
	ret = vha_blk_check_acked(blk);
	if (ret)
		return ret;
	ret = vha_blk_requests_alloc(q, vq->num);
	if (ret)
		return ret;
	if (!blk->running++)
		schedule_delayed_work(&blk->resize, HZ);
	return 0;
}

/**
 * vha_blk_stop() - as &vha_class.stop
 * @vq: the queue
 */
void vha_blk_stop(struct vha_queue *vq)
{
	struct vha_blk_queue *q = to_blk_queue(vq);
	struct vha_blk *blk = to_blk(vq->dev);

	if (!--blk->running)
		cancel_delayed_work_sync(&blk->resize);
	/* The worker may still be on its way out of vha_blk_done_work(). */
	mutex_lock(&vq->mutex);
	vha_blk_requests_free(q, vq->num);
	mutex_unlock(&vq->mutex);
}

/**
 * vha_blk_show() - as &vha_class.show
 * @dev: the disk
 * @m: the fdinfo file
 */
void vha_blk_show(struct vha_device *dev, struct seq_file *m)
{
	struct vha_blk *blk = to_blk(dev);

	if (!blk->object.backing)
		return;
	seq_printf(m, "backing:\t%s\n", blk->object.backing->name);
	seq_printf(m, "capacity:\t%llu\n", READ_ONCE(blk->capacity));
	seq_printf(m, "block_size:\t%u\n", vha_blk_block_size(blk));
	seq_printf(m, "read_only:\t%d\n", blk->object.read_only);
	seq_printf(m, "writeback:\t%d\n", blk->writeback);
	seq_printf(m, "polled:\t%d\n", blk->object.poll);
}

static bool block_size_valid(u32 size)
{
	return !size || (is_power_of_2(size) && size >= SECTOR_SIZE && size <= PAGE_SIZE);
}

/*
 * Fails with -EFAULT, -EINVAL for a value out of its range, and -EBUSY with a
 * backing object attached.
 */
static long set_params(struct vha_device *dev, void __user *argp)
{
	struct vha_blk *blk = to_blk(dev);
	struct vha_blk_params params;

	if (copy_from_user(&params, argp, sizeof(params)))
		return -EFAULT;
	if (params.flags & ~PARAMS_FLAGS || params.pad ||
	    memchr_inv(params.reserved, 0, sizeof(params.reserved)))
		return -EINVAL;
	if (!block_size_valid(params.block_size) || params.num_queues > VHA_BLK_QUEUES ||
	    params.seg_max > VHA_BLK_SEG_MAX_LIMIT)
		return -EINVAL;
	if (blk->object.backing)
		return -EBUSY;
	blk->params = params;
	vha_blk_init_writeback(blk);
	blk->dev.chain_max = vha_blk_seg_max(blk) + HEADER_AND_STATUS;
	return 0;
}

/*
 * The historic call: attaches and starts all queues that are set up, or stops
 * and detaches. -EBUSY when there is a backing object already.
 */
static long set_backend_fd(struct vha_device *dev, int fd)
{
	struct vha_backend backend = { .fd = fd };
	struct vha_backend none = { .fd = VHOST_FILE_UNBIND };
	int ret;

	if (fd == VHOST_FILE_UNBIND) {
		vha_device_stop_all(dev);
		return vha_device_attach(dev, &none);
	}
	if (dev->backend)
		return -EBUSY;
	ret = vha_device_attach(dev, &backend);
	if (ret)
		return ret;
	ret = vha_device_start_all(dev);
	if (ret) {
		vha_device_stop_all(dev);
		vha_device_attach(dev, &none);
	}
	return ret;
}

static long set_backend_file(struct vha_device *dev, void __user *argp)
{
	struct vhost_vring_file arg;

	if (copy_from_user(&arg, argp, sizeof(arg)))
		return -EFAULT;
	return set_backend_fd(dev, arg.fd);
}

static long set_backend_int(struct vha_device *dev, void __user *argp)
{
	int fd;

	if (get_user(fd, (int __user *)argp))
		return -EFAULT;
	return set_backend_fd(dev, fd);
}

const struct vha_ioctl vha_blk_ioctls[VHA_BLK_IOCTLS] = {
	{ VHA_BLK_SET_PARAMS, set_params },
	{ VHOST_BLK_SET_BACKEND, set_backend_file },
	{ VHOST_BLK_SET_BACKEND_2022_V1, set_backend_file },
	{ VHOST_BLK_SET_BACKEND_2018, set_backend_int },
	{ VHOST_BLK_SET_BACKEND_2012, set_backend_file },
};
