// SPDX-License-Identifier: GPL-2.0-only
/*
 * Counters of a queue
 */
#include "video.h"

#define EVENTS(_name)	{ .name = _name, .unit = VHA_STATS_UNIT_NONE }
#define BYTES(_name)	{ .name = _name, .unit = VHA_STATS_UNIT_BYTES }

const struct vha_stat_desc vha_video_stat_descs[VHA_VIDEO_STATS] = {
	[VHA_VIDEO_MALFORMED] = EVENTS("malformed"),
	[VHA_VIDEO_OPENS] = EVENTS("opens"),
	[VHA_VIDEO_CLOSES] = EVENTS("closes"),
	[VHA_VIDEO_IOCTLS] = EVENTS("ioctls"),
	[VHA_VIDEO_IOCTL_ERRORS] = EVENTS("ioctl_errors"),
	[VHA_VIDEO_REFUSED] = EVENTS("refused"),
	[VHA_VIDEO_MAPS] = EVENTS("maps"),
	[VHA_VIDEO_UNMAPS] = EVENTS("unmaps"),
	[VHA_VIDEO_MAP_ERRORS] = EVENTS("map_errors"),
	[VHA_VIDEO_BYTES_MAPPED] = BYTES("bytes_mapped"),
	[VHA_VIDEO_BYTES_SHARED] = BYTES("bytes_shared"),
	[VHA_VIDEO_BYTES_COPIED] = BYTES("bytes_copied"),
	[VHA_VIDEO_DEQUEUED] = EVENTS("dequeued"),
	[VHA_VIDEO_EVENTS] = EVENTS("events"),
	[VHA_VIDEO_ERRORS] = EVENTS("errors"),
	[VHA_VIDEO_QUEUED] = EVENTS("queued"),
	[VHA_VIDEO_CANCELLED] = EVENTS("cancelled"),
};

/**
 * vha_video_queue_stats() - as &vha_class.queue_stats
 * @vq: the queue
 * @values: VHA_VIDEO_STATS of them
 */
void vha_video_queue_stats(struct vha_queue *vq, u64 *values)
{
	struct vha_video_queue *q = container_of(vq, struct vha_video_queue, vq);
	unsigned int i;

	for (i = 0; i < VHA_VIDEO_STATS; i++)
		values[i] = atomic64_read(&q->count[i]);
}
