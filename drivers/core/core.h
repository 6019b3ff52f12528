/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the files of the core offer each other, one section per file
 */
#ifndef VHOST_ACCEL_CORE_H
#define VHOST_ACCEL_CORE_H

#include <linux/bits.h>
#include <linux/eventfd.h>
#include <linux/fs.h>

#include <vhost_accel/class.h>

#include "mem.h"

/* device.c: life, owner, memory table, log, backing object */

struct vha_device *vha_device_create(const struct vha_class *class);
void vha_device_destroy(struct vha_device *dev);
int vha_device_set_owner(struct vha_device *dev);
void vha_device_reset(struct vha_device *dev);
void vha_device_reset_owner(struct vha_device *dev);
int vha_device_set_mem(struct vha_device *dev, const struct vhost_memory __user *argp);
int vha_device_pin_mem(struct vha_device *dev, bool enable);
void vha_device_suspend(struct vha_device *dev);
void vha_device_resume(struct vha_device *dev);
int vha_device_set_log_base(struct vha_device *dev, u64 base);
int vha_device_start_log(struct vha_device *dev);
void vha_device_stop_log(struct vha_device *dev);

/* running.c: starting, stopping and pausing all queues */

bool vha_device_running(struct vha_device *dev);
void vha_device_quiesce(struct vha_device *dev);
void vha_device_unquiesce(struct vha_device *dev);
void vha_device_log_rings(struct vha_device *dev);
bool vha_device_log_valid(struct vha_device *dev, const struct vha_mem *mem);
void vha_device_iotlb_updated(struct vha_device *dev, u64 iova, u64 last);
void vha_device_iotlb_invalidated(struct vha_device *dev, u64 iova, u64 last);

/* features.c */

void vha_device_features(struct vha_device *dev, u64 *features);
int vha_device_set_features(struct vha_device *dev, const u64 *features);

/** define VHA_BACKEND_FEATURES - VHOST_BACKEND_F_* bits the core offers */
#define VHA_BACKEND_FEATURES	BIT_ULL(VHOST_BACKEND_F_IOTLB_MSG_V2)

/* queue.c */

/**
 * vha_stat_add() - add to a counter of a queue
 * @vq: the queue
 * @stat: which
 * @value: how much
 *
 * Context: the counter's one writer, see &enum vha_stat.
 */
static inline void vha_stat_add(struct vha_queue *vq, enum vha_stat stat, u64 value)
{
	/* Readers of statistics want no torn values. */
	WRITE_ONCE(vq->stats[stat], vq->stats[stat] + value);
}

struct vha_queue *vha_queue_create(struct vha_device *dev, u16 index);
void vha_queue_destroy(struct vha_queue *vq);
void vha_queue_halt(struct vha_queue *vq);
void vha_queue_finish(struct vha_queue *vq);
void vha_queue_pause(struct vha_queue *vq);
void vha_queue_wait(struct vha_queue *vq);
void vha_queue_resume(struct vha_queue *vq);
void vha_queue_translated(struct vha_queue *vq);
void vha_queue_unmap(struct vha_queue *vq);
void vha_queue_reset(struct vha_queue *vq);

/** define VHA_RESOLVE_SEGS - segments translation may add to a chain */
#define VHA_RESOLVE_SEGS	4096

/* vring.c: how a queue's ring becomes memory of ours and back */

int vha_vring_alloc(struct vha_queue *vq);
void vha_vring_free(struct vha_queue *vq);
int vha_vring_map(struct vha_queue *vq);
void vha_vring_unmap(struct vha_queue *vq);
u32 vha_vring_base(const struct vha_queue *vq);
bool vha_vring_logged(const struct vha_queue *vq);
bool vha_vring_log_valid(const struct vha_queue *vq, const struct vha_mem *mem, u64 addr);
bool vha_vring_overlaps(const struct vha_queue *vq, u64 start, u64 last);

/* vring_ioctl.c */

long vha_vring_ioctl(struct vha_device *dev, unsigned int cmd, void __user *argp);

/* notify.c */

struct vha_event *vha_event_get(int fd);
void vha_event_put(struct vha_event *event);
void vha_event_set(struct vha_event __rcu **slot, struct vha_event *event);
void vha_event_signal(struct vha_event __rcu **slot);
void vha_kick_init(struct vha_queue *vq);
int vha_kick_set(struct vha_queue *vq, int fd);
void vha_kick_start(struct vha_queue *vq);
void vha_kick_stop(struct vha_queue *vq);
void vha_kick_clear(struct vha_queue *vq);

/* worker.c */

int vha_worker_init(void);
void vha_worker_exit(void);
int vha_workers_create(struct vha_device *dev);
void vha_workers_destroy(struct vha_device *dev);
bool vha_worker_busy(struct vha_queue *vq);
long vha_worker_ioctl(struct vha_device *dev, unsigned int cmd, void __user *argp);

/* ioctl.c */

long vha_ioctl(struct vha_device *dev, unsigned int cmd, void __user *argp);

/* stats.c */

int vha_stats_fd(struct vha_device *dev);
void vha_stats_detach(struct vha_device *dev);
void vha_stats_show(struct seq_file *m, struct vha_device *dev);

#endif /* VHOST_ACCEL_CORE_H */
