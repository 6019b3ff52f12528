// SPDX-License-Identifier: GPL-2.0-only
/*
 * Statistics: a file that describes itself, and fdinfo
 */
#include <linux/anon_inodes.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/refcount.h>
#include <linux/seq_file.h>
#include <linux/slab.h>

#include "core.h"

static const struct vha_stat_desc core_stats[VHA_STATS] = {
	[VHA_STAT_CHAINS] = { "chains" },
	[VHA_STAT_KICKS] = { "kicks" },
	[VHA_STAT_RUNS] = { "runs" },
	[VHA_STAT_POLL_HIT] = { "poll_hit" },
	[VHA_STAT_POLL_MISS] = { "poll_miss" },
	[VHA_STAT_POLL_NS] = { "poll_ns", VHA_STATS_UNIT_NANOSECONDS },
	[VHA_STAT_RETRIES] = { "retries" },
	[VHA_STAT_USED] = { "used" },
	[VHA_STAT_USED_IRQ] = { "used_irq" },
	[VHA_STAT_SIGNALS] = { "signals" },
	[VHA_STAT_SUPPRESSED] = { "suppressed" },
	[VHA_STAT_BROKEN] = { "broken" },
	[VHA_STAT_ERROR] = { "error", VHA_STATS_UNIT_NONE, VHA_STATS_INSTANT },
};

/**
 * struct vha_stats - what an open statistics file refers to
 *
 * Outlives the device, so that whoever watches a VM does not keep it alive.
 *
 * @ref: one for the device, one for each file
 * @mutex: protects @dev
 * @dev: the device, NULL once it is gone
 */
struct vha_stats {
	refcount_t ref;
	struct mutex mutex;
	struct vha_device *dev;
};

static void stats_put(struct vha_stats *stats)
{
	if (!refcount_dec_and_test(&stats->ref))
		return;
	mutex_destroy(&stats->mutex);
	kfree(stats);
}

static void stats_desc(struct vha_stats_desc *to, const struct vha_stat_desc *from,
		       unsigned int index)
{
	to->type = from->type;
	to->unit = from->unit;
	to->offset = index * sizeof(u64);
	strscpy(to->name, from->name, sizeof(to->name));
}

static void stats_values(struct vha_queue *vq, u64 *values)
{
	const struct vha_class *class = vq->dev->class;
	unsigned int i;

	for (i = 0; i < VHA_STATS; i++)
		values[i] = READ_ONCE(vq->stats[i]);
	if (class->num_stats)
		class->queue_stats(vq, values + VHA_STATS);
}

static void stats_fill(struct vha_device *dev, void *image, const struct vha_stats_header *header)
{
	struct vha_stats_desc *desc = image + header->desc_offset;
	u64 *values = image + header->data_offset;
	unsigned int i;

	memcpy(image, header, sizeof(*header));
	for (i = 0; i < VHA_STATS; i++)
		stats_desc(&desc[i], &core_stats[i], i);
	for (; i < header->num_desc; i++)
		stats_desc(&desc[i], &dev->class->stats[i - VHA_STATS], i);
	for (i = 0; i < header->num_queues; i++)
		stats_values(dev->vqs[i], values + i * header->num_desc);
}

/* Returns all there is to read, for kvfree(), or an ERR_PTR(). */
static void *stats_image(struct vha_device *dev, size_t *size)
{
	struct vha_stats_header header = {
		.name_size = VHA_STATS_NAME_SIZE,
		.num_desc = VHA_STATS + dev->class->num_stats,
		.num_queues = dev->class->max_queues,
		.desc_offset = sizeof(header),
	};
	void *image;

	header.data_offset = header.desc_offset + header.num_desc * sizeof(struct vha_stats_desc);
	*size = header.data_offset + header.num_queues * header.num_desc * sizeof(u64);
	image = kvzalloc(*size, VHA_GFP_SETUP);
	if (!image)
		return ERR_PTR(-ENOMEM);
	stats_fill(dev, image, &header);
	return image;
}

static ssize_t stats_read(struct file *file, char __user *to, size_t count, loff_t *pos)
{
	struct vha_stats *stats = file->private_data;
	void *image = ERR_PTR(-ENODEV);
	size_t size;
	ssize_t ret;

	mutex_lock(&stats->mutex);
	if (stats->dev)
		image = stats_image(stats->dev, &size);
	mutex_unlock(&stats->mutex);
	if (IS_ERR(image))
		return PTR_ERR(image);
	/* May wait for a page for ever; the device must not wait for us. */
	ret = simple_read_from_buffer(to, count, pos, image, size);
	kvfree(image);
	return ret;
}

static int stats_release(struct inode *inode, struct file *file)
{
	stats_put(file->private_data);
	return 0;
}

static const struct file_operations stats_fops = {
	.owner = THIS_MODULE,
	.read = stats_read,
	.release = stats_release,
	.llseek = default_llseek,
};

static int stats_create(struct vha_device *dev)
{
	struct vha_stats *stats;

	if (dev->stats)
		return 0;
	stats = kzalloc(sizeof(*stats), VHA_GFP_SETUP);
	if (!stats)
		return -ENOMEM;
	refcount_set(&stats->ref, 1);
	mutex_init(&stats->mutex);
	stats->dev = dev;
	dev->stats = stats;
	return 0;
}

/**
 * vha_stats_fd() - open the statistics file
 * @dev: the device
 *
 * Return: a descriptor, or an errno.
 */
int vha_stats_fd(struct vha_device *dev)
{
	struct file *file;
	int fd, ret;

	lockdep_assert_held(&dev->mutex);
	ret = stats_create(dev);
	if (ret)
		return ret;
	fd = get_unused_fd_flags(O_CLOEXEC);
	if (fd < 0)
		return fd;
	refcount_inc(&dev->stats->ref);
	file = anon_inode_getfile("[vhost-accel-stats]", &stats_fops, dev->stats, O_RDONLY);
	if (IS_ERR(file)) {
		stats_put(dev->stats);
		put_unused_fd(fd);
		return PTR_ERR(file);
	}
	/* An anonymous file is taken for a stream otherwise. */
	file->f_mode |= FMODE_PREAD;
	fd_install(fd, file);
	return fd;
}

/**
 * vha_stats_detach() - the device goes away
 * @dev: the device
 */
void vha_stats_detach(struct vha_device *dev)
{
	struct vha_stats *stats = dev->stats;

	if (!stats)
		return;
	mutex_lock(&stats->mutex);
	stats->dev = NULL;
	mutex_unlock(&stats->mutex);
	stats_put(stats);
}

static const char *const state_names[] = {
	[VHA_QUEUE_STOPPED] = "stopped",
	[VHA_QUEUE_WAITING] = "waiting",
	[VHA_QUEUE_RUNNING] = "running",
	[VHA_QUEUE_PAUSED] = "paused",
	[VHA_QUEUE_BROKEN] = "broken",
};

static void show_queue(struct seq_file *m, struct vha_queue *vq)
{
	seq_printf(m, "queue-%u:\tstate %s num %u taken %u returned %u", vq->index,
		   state_names[READ_ONCE(vq->state)], vq->num, READ_ONCE(vq->taken),
		   READ_ONCE(vq->returned));
	seq_printf(m, " kicks %llu signals %llu\n", READ_ONCE(vq->stats[VHA_STAT_KICKS]),
		   READ_ONCE(vq->stats[VHA_STAT_SIGNALS]));
}

/**
 * vha_stats_show() - fill /proc/PID/fdinfo
 * @m: where to
 * @dev: the device
 */
void vha_stats_show(struct seq_file *m, struct vha_device *dev)
{
	unsigned int i;

	/* Whoever waits for buffers holds it for long; a look must not wait. */
	if (!mutex_trylock(&dev->mutex)) {
		seq_puts(m, "busy:\t1\n");
		return;
	}
	seq_printf(m, "class:\t%s\n", dev->class->name);
	seq_printf(m, "features:\t%016llx %016llx\n", dev->acked[0], dev->acked[1]);
	seq_printf(m, "suspended:\t%d\n", dev->suspended);
	for (i = 0; i < dev->class->max_queues; i++)
		if (dev->vqs[i]->started)
			show_queue(m, dev->vqs[i]);
	if (dev->class->show)
		dev->class->show(dev, m);
	mutex_unlock(&dev->mutex);
}
