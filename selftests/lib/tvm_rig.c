// SPDX-License-Identifier: GPL-2.0-only
/*
 * What most tests start from: memory, a disk, a blk device, running queues
 */
#include <stdlib.h>
#include <unistd.h>

#include "tvm_rig.h"

#define CHUNK	(1U << 20)

const char *const tvm_rig_disk_default[] = {
	"memory_backed=1", "size=32", "blocksize=512", "irqmode=1", "cache_size=0",
	"discard=1", NULL,
};

/** tvm_rig_node() - path of the node to test */
const char *tvm_rig_node(void)
{
	const char *path = getenv("VHA_NODE");

	return path ? path : "/dev/vhost-accel/blk";
}

static int rig_device(struct tvm_rig *rig, const struct tvm_rig_options *options)
{
	struct tvm_dev *dev = &rig->dev;
	int ret = tvm_dev_open(dev, tvm_rig_node());

	if (ret)
		return ret;
	ret = tvm_dev_ioctl(dev, VHOST_SET_OWNER, NULL);
	if (!ret)
		ret = tvm_dev_mem_set(dev, &rig->mem);
	if (!ret && options->params) {
		struct vha_blk_params params = *options->params;

		ret = tvm_dev_ioctl(dev, VHA_BLK_SET_PARAMS, &params);
	}
	if (!ret)
		ret = tvm_dev_backend_set(dev, rig->disk.fd, options->backend_flags);
	return ret;
}

/**
 * tvm_rig_start() - acknowledge features, lay out and start all queues
 * @rig: the rig, whose device has a backing object and no queues
 * @options: as of tvm_rig_create()
 */
int tvm_rig_start(struct tvm_rig *rig, const struct tvm_rig_options *options)
{
	uint64_t features = tvm_config_features(&options->cfg) | options->features;
	unsigned int num = options->num ? options->num : 64;
	unsigned int i;
	int ret = tvm_dev_features_set(&rig->dev, features, 0);

	for (i = 0; !ret && i < rig->queues; i++) {
		ret = tvm_queue_init(&rig->vqs[i], &rig->dev, i, num, &options->cfg);
		if (!ret && !options->stopped)
			ret = tvm_queue_start(&rig->vqs[i]);
	}
	return ret;
}

/**
 * tvm_rig_create() - set all up; a failure fails the test
 * @rig: filled in
 * @options: how
 */
void tvm_rig_create(struct tvm_rig *rig, const struct tvm_rig_options *options)
{
	memset(rig, 0, sizeof(*rig));
	rig->dev.fd = -1;
	rig->queues = options->queues ? options->queues : 1;
	if (options->small)
		tvm_mem_create_small(&rig->mem);
	else
		tvm_mem_create_default(&rig->mem);
	ASSERT_EQ(tvm_disk_create(&rig->disk, options->disk ? options->disk :
				  tvm_rig_disk_default), 0);
	ASSERT_EQ(rig_device(rig, options), 0);
	ASSERT_EQ(tvm_rig_start(rig, options), 0);
}

/**
 * tvm_rig_destroy() - undo tvm_rig_create(), as far as it got
 * @rig: the rig
 */
void tvm_rig_destroy(struct tvm_rig *rig)
{
	unsigned int i;

	tvm_dev_close(&rig->dev);
	for (i = 0; i < rig->queues; i++)
		tvm_queue_destroy(&rig->vqs[i]);
	tvm_disk_destroy(&rig->disk);
	tvm_mem_destroy(&rig->mem);
}

/**
 * tvm_rig_disk_fill() - write a pattern over the whole disk, not through us
 * @rig: the rig
 * @seed: the pattern starts anew in every MiB, with @seed plus its number
 */
void tvm_rig_disk_fill(struct tvm_rig *rig, uint64_t seed)
{
	char *buf = aligned_alloc(TVM_PAGE, CHUNK);
	uint64_t at;

	ASSERT_TRUE(buf);
	for (at = 0; at < rig->disk.size; at += CHUNK) {
		tvm_pattern_fill(buf, CHUNK, seed + at / CHUNK);
		ASSERT_EQ(pwrite(rig->disk.fd, buf, CHUNK, at), (ssize_t)CHUNK);
	}
	free(buf);
}
