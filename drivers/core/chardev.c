// SPDX-License-Identifier: GPL-2.0-only
/*
 * The nodes, one misc device per class
 */
#include <linux/compat.h>
#include <linux/fs.h>
#include <linux/list.h>
#include <linux/miscdevice.h>
#include <linux/poll.h>
#include <linux/seq_file.h>
#include <linux/slab.h>

#include "core.h"

/**
 * struct vha_node - a registered class
 * @misc: its misc device; open() finds the node through it
 * @class: the class
 * @list: entry in the list of nodes
 */
struct vha_node {
	struct miscdevice misc;
	const struct vha_class *class;
	struct list_head list;
};

static LIST_HEAD(nodes);
static DEFINE_MUTEX(nodes_mutex);

static int node_open(struct inode *inode, struct file *file)
{
	struct vha_node *node = container_of(file->private_data, struct vha_node, misc);
	const struct vha_class *class = node->class;
	struct vha_device *dev;

	/* Deregistering the node waits for us; the file must pin the class. */
	if (!try_module_get(class->owner))
		return -ENODEV;
	dev = vha_device_create(class);
	if (IS_ERR(dev)) {
		module_put(class->owner);
		return PTR_ERR(dev);
	}
	file->private_data = dev;
	return nonseekable_open(inode, file);
}

static int node_release(struct inode *inode, struct file *file)
{
	struct vha_device *dev = file->private_data;
	struct module *owner = dev->class->owner;

	vha_device_destroy(dev);
	module_put(owner);
	return 0;
}

static long node_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	return vha_ioctl(file->private_data, cmd, (void __user *)arg);
}

static ssize_t node_read_iter(struct kiocb *iocb, struct iov_iter *to)
{
	struct file *file = iocb->ki_filp;
	bool nonblock = (file->f_flags & O_NONBLOCK) || (iocb->ki_flags & IOCB_NOWAIT);

	return vha_iotlb_read(file->private_data, to, nonblock);
}

static ssize_t node_write_iter(struct kiocb *iocb, struct iov_iter *from)
{
	struct vha_device *dev = iocb->ki_filp->private_data;
	ssize_t ret = -EPERM;

	mutex_lock(&dev->mutex);
	if (dev->mm && dev->mm == current->mm)
		ret = vha_iotlb_write(dev, from);
	mutex_unlock(&dev->mutex);
	return ret;
}

static __poll_t node_poll(struct file *file, poll_table *wait)
{
	return vha_iotlb_poll(file->private_data, file, wait);
}

static void node_show_fdinfo(struct seq_file *m, struct file *file)
{
	vha_stats_show(m, file->private_data);
}

static const struct file_operations node_fops = {
	.owner = THIS_MODULE,
	.open = node_open,
	.release = node_release,
	.unlocked_ioctl = node_ioctl,
	.compat_ioctl = compat_ptr_ioctl,
	.read_iter = node_read_iter,
	.write_iter = node_write_iter,
	.poll = node_poll,
	.show_fdinfo = node_show_fdinfo,
};

static void node_free(struct vha_node *node)
{
	kfree(node->misc.name);
	kfree(node->misc.nodename);
	kfree(node);
}

static struct vha_node *node_create(const struct vha_class *class)
{
	struct vha_node *node;

	node = kzalloc(sizeof(*node), GFP_KERNEL);
	if (!node)
		return NULL;
	node->class = class;
	node->misc.minor = MISC_DYNAMIC_MINOR;
	node->misc.fops = &node_fops;
	node->misc.name = kasprintf(GFP_KERNEL, "vhost-accel-%s", class->name);
	node->misc.nodename = kasprintf(GFP_KERNEL, "vhost-accel/%s", class->name);
	if (node->misc.name && node->misc.nodename)
		return node;
	node_free(node);
	return NULL;
}

/**
 * vha_class_register() - make a class's node appear
 * @class: the class; stays until vha_class_unregister()
 *
 * Return: 0, -ENOMEM, or what registering a misc device returns.
 */
int vha_class_register(const struct vha_class *class)
{
	struct vha_node *node;
	int ret;

	node = node_create(class);
	if (!node)
		return -ENOMEM;
	mutex_lock(&nodes_mutex);
	ret = misc_register(&node->misc);
	if (ret)
		node_free(node);
	else
		list_add(&node->list, &nodes);
	mutex_unlock(&nodes_mutex);
	return ret;
}
EXPORT_SYMBOL_GPL(vha_class_register);

/**
 * vha_class_unregister() - make a class's node disappear
 * @class: the class, with no file open
 */
void vha_class_unregister(const struct vha_class *class)
{
	struct vha_node *node;

	mutex_lock(&nodes_mutex);
	list_for_each_entry(node, &nodes, list) {
		if (node->class != class)
			continue;
		list_del(&node->list);
		misc_deregister(&node->misc);
		node_free(node);
		break;
	}
	mutex_unlock(&nodes_mutex);
}
EXPORT_SYMBOL_GPL(vha_class_unregister);
