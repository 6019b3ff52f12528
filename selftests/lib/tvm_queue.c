// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tiny VMM: queues, and what the driver's sides of both ring formats share
 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "tvm.h"

static const struct tvm_ring_ops *ring_ops(const struct tvm_queue *vq)
{
	return vq->cfg.packed ? &tvm_packed_ops : &tvm_split_ops;
}

/** tvm_clock_ns() - monotonic time */
uint64_t tvm_clock_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000ULL + ts.tv_nsec;
}

/** tvm_event_create() - a new non-blocking eventfd */
int tvm_event_create(void)
{
	return eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
}

/**
 * tvm_event_read() - read and clear an eventfd
 * @fd: the eventfd
 *
 * Return: how often it was signalled since the last time.
 */
uint64_t tvm_event_read(int fd)
{
	uint64_t value;

	return read(fd, &value, sizeof(value)) == sizeof(value) ? value : 0;
}

/**
 * tvm_event_write() - signal an eventfd
 * @fd: the eventfd
 */
void tvm_event_write(int fd)
{
	uint64_t one = 1;

	if (write(fd, &one, sizeof(one)) != sizeof(one))
		printf("# eventfd is full\n");
}

/**
 * tvm_event_wait() - wait for an eventfd without clearing it
 * @fd: the eventfd
 * @timeout_ms: for how long
 *
 * Return: whether it is signalled.
 */
bool tvm_event_wait(int fd, unsigned int timeout_ms)
{
	struct pollfd pfd = { .fd = fd, .events = POLLIN };

	return poll(&pfd, 1, timeout_ms) == 1;
}

/**
 * tvm_config_features() - feature bits that a queue layout needs
 * @cfg: the layout
 *
 * Return: bits to acknowledge, VIRTIO_F_VERSION_1 and
 * VIRTIO_RING_F_INDIRECT_DESC among them.
 */
uint64_t tvm_config_features(const struct tvm_config *cfg)
{
	uint64_t features = TVM_BIT(VIRTIO_F_VERSION_1) | TVM_BIT(VIRTIO_RING_F_INDIRECT_DESC);

	if (cfg->packed)
		features |= TVM_BIT(VIRTIO_F_RING_PACKED);
	if (cfg->event_idx)
		features |= TVM_BIT(VIRTIO_RING_F_EVENT_IDX);
	if (cfg->in_order)
		features |= TVM_BIT(VIRTIO_F_IN_ORDER);
	return features;
}

/**
 * tvm_queue_init() - lay out a queue in guest memory
 * @vq: filled in
 * @dev: the device, whose memory is set
 * @index: index of the queue
 * @num: ring size
 * @cfg: layout
 *
 * Nothing is passed to the node yet. Every part of the ring starts on a page
 * of its own, so that the dirty log tells them apart.
 */
int tvm_queue_init(struct tvm_queue *vq, struct tvm_dev *dev, unsigned int index,
		   unsigned int num, const struct tvm_config *cfg)
{
	const struct tvm_ring_ops *ops;
	struct tvm_mem *mem = dev->mem;

	memset(vq, 0, sizeof(*vq));
	vq->dev = dev;
	vq->cfg = *cfg;
	vq->index = index;
	vq->num = num;
	ops = ring_ops(vq);
	vq->desc_gpa = tvm_mem_alloc(mem, ops->desc_size(num), TVM_PAGE);
	vq->driver_gpa = tvm_mem_alloc(mem, ops->driver_size(num), TVM_PAGE);
	vq->device_gpa = tvm_mem_alloc(mem, ops->device_size(num), TVM_PAGE);
	vq->desc = tvm_mem_ptr(mem, vq->desc_gpa, ops->desc_size(num));
	vq->avail = tvm_mem_ptr(mem, vq->driver_gpa, ops->driver_size(num));
	vq->used = tvm_mem_ptr(mem, vq->device_gpa, ops->device_size(num));
	vq->slots = calloc(num, sizeof(*vq->slots));
	vq->order = calloc(num, sizeof(*vq->order));
	vq->kick_fd = tvm_event_create();
	vq->call_fd = tvm_event_create();
	vq->err_fd = tvm_event_create();
	if (!vq->slots || !vq->order || vq->err_fd < 0)
		return -ENOMEM;
	tvm_queue_reset(vq);
	return 0;
}

/**
 * tvm_queue_destroy() - free what tvm_queue_init() took, but guest memory
 * @vq: the queue
 */
void tvm_queue_destroy(struct tvm_queue *vq)
{
	if (!vq->dev)
		return;
	free(vq->slots);
	free(vq->order);
	close(vq->kick_fd);
	close(vq->call_fd);
	close(vq->err_fd);
	vq->dev = NULL;
}

/**
 * tvm_queue_reset() - the driver forgets all and clears the ring
 * @vq: the queue; the device must not be running it
 */
void tvm_queue_reset(struct tvm_queue *vq)
{
	const struct tvm_ring_ops *ops = ring_ops(vq);
	unsigned int i;

	for (i = 0; i < vq->num; i++) {
		vq->slots[i].busy = false;
		vq->slots[i].next = i + 1;
	}
	vq->free_head = 0;
	vq->num_free = vq->num;
	vq->num_added = 0;
	vq->order_head = 0;
	vq->order_count = 0;
	vq->avail_next = 0;
	vq->used_next = 0;
	vq->batch = false;
	memset(vq->desc, 0, ops->desc_size(vq->num));
	memset(vq->avail, 0, ops->driver_size(vq->num));
	memset(vq->used, 0, ops->device_size(vq->num));
	ops->reset(vq);
}

/**
 * tvm_queue_base() - the base to start the device at
 * @vq: the queue, all of whose buffers are back
 */
uint32_t tvm_queue_base(const struct tvm_queue *vq)
{
	return ring_ops(vq)->base(vq);
}

/**
 * tvm_queue_fd_set() - set one of the queue's eventfds
 * @vq: the queue
 * @cmd: VHOST_SET_VRING_KICK, _CALL or _ERR
 * @fd: the eventfd, -1 for none
 */
int tvm_queue_fd_set(struct tvm_queue *vq, unsigned long cmd, int fd)
{
	struct vhost_vring_file file = { .index = vq->index, .fd = fd };

	return tvm_dev_ioctl(vq->dev, cmd, &file);
}

/**
 * tvm_queue_addr_set() - pass the ring's addresses
 * @vq: the queue
 */
int tvm_queue_addr_set(struct tvm_queue *vq)
{
	bool platform = vq->dev->features[0] & TVM_BIT(VIRTIO_F_ACCESS_PLATFORM);
	uint64_t offset = vq->dev->iova_offset;
	struct vhost_vring_addr addr = {
		.index = vq->index,
		.flags = vq->log ? 1U << VHOST_VRING_F_LOG : 0,
		.desc_user_addr = platform ? vq->desc_gpa + offset : (uintptr_t)vq->desc,
		.avail_user_addr = platform ? vq->driver_gpa + offset : (uintptr_t)vq->avail,
		.used_user_addr = platform ? vq->device_gpa + offset : (uintptr_t)vq->used,
		.log_guest_addr = vq->cfg.packed ? vq->desc_gpa : vq->device_gpa,
	};

	return tvm_dev_ioctl(vq->dev, VHOST_SET_VRING_ADDR, &addr);
}

/**
 * tvm_queue_configure() - pass all of the queue to the node
 * @vq: the queue
 */
int tvm_queue_configure(struct tvm_queue *vq)
{
	struct vhost_vring_state num = { .index = vq->index, .num = vq->num };
	struct vhost_vring_state base = { .index = vq->index, .num = tvm_queue_base(vq) };
	int ret = tvm_dev_ioctl(vq->dev, VHOST_SET_VRING_NUM, &num);

	if (!ret)
		ret = tvm_dev_ioctl(vq->dev, VHOST_SET_VRING_BASE, &base);
	if (!ret)
		ret = tvm_queue_addr_set(vq);
	if (!ret)
		ret = tvm_queue_fd_set(vq, VHOST_SET_VRING_KICK, vq->kick_fd);
	if (!ret)
		ret = tvm_queue_fd_set(vq, VHOST_SET_VRING_CALL, vq->call_fd);
	if (!ret)
		ret = tvm_queue_fd_set(vq, VHOST_SET_VRING_ERR, vq->err_fd);
	return ret;
}

/**
 * tvm_queue_enable() - VHA_SET_VRING_ENABLE
 * @vq: the queue
 * @enable: start or stop
 */
int tvm_queue_enable(struct tvm_queue *vq, bool enable)
{
	struct vhost_vring_state state = { .index = vq->index, .num = enable };
	int ret = tvm_dev_ioctl(vq->dev, VHA_SET_VRING_ENABLE, &state);

	if (!ret)
		vq->running = enable;
	return ret;
}

/**
 * tvm_queue_start() - pass the queue to the node and start it
 * @vq: the queue
 */
int tvm_queue_start(struct tvm_queue *vq)
{
	int ret = tvm_queue_configure(vq);

	return ret ? ret : tvm_queue_enable(vq, true);
}

/**
 * tvm_queue_stop() - stop the queue as VMMs do, with VHOST_GET_VRING_BASE
 * @vq: the queue
 * @base: filled in unless NULL
 */
int tvm_queue_stop(struct tvm_queue *vq, uint32_t *base)
{
	struct vhost_vring_state state = { .index = vq->index };
	int ret = tvm_dev_ioctl(vq->dev, VHOST_GET_VRING_BASE, &state);

	if (!ret) {
		vq->running = false;
		if (base)
			*base = state.num;
	}
	return ret;
}

/**
 * tvm_slot_take() - remember a buffer that was made available
 * @vq: the queue
 * @id: head index or buffer id
 * @ndescs: descriptors it takes in the ring
 * @cookie: the user's
 */
void tvm_slot_take(struct tvm_queue *vq, uint16_t id, uint16_t ndescs, void *cookie)
{
	struct tvm_slot *slot = &vq->slots[id];

	slot->busy = true;
	slot->ndescs = ndescs;
	slot->cookie = cookie;
	vq->num_free -= ndescs;
	vq->num_added += vq->cfg.packed ? ndescs : 1;
	if (vq->cfg.in_order) {
		vq->order[(vq->order_head + vq->order_count) % vq->num] = id;
		vq->order_count++;
	}
}

/**
 * tvm_slot_table() - memory for a buffer's indirect table
 * @vq: the queue
 * @id: head index or buffer id
 * @descs: descriptors the table shall hold
 *
 * Return: guest physical address.
 */
uint64_t tvm_slot_table(struct tvm_queue *vq, uint16_t id, unsigned int descs)
{
	struct tvm_slot *slot = &vq->slots[id];

	if (slot->table_size < descs) {
		slot->table = tvm_mem_alloc(vq->dev->mem, descs * 16, 16);
		slot->table_size = descs;
	}
	return slot->table;
}

/**
 * tvm_queue_add() - make a buffer available, without notifying
 * @vq: the queue
 * @segs: its segments, device-readable ones first
 * @out: how many are device-readable
 * @in: how many are device-writable
 * @cookie: comes back in &struct tvm_used
 * @flags: TVM_ADD_INDIRECT or 0
 *
 * Return: head index or buffer id, -ENOSPC when the ring is full.
 */
int tvm_queue_add(struct tvm_queue *vq, const struct tvm_seg *segs, unsigned int out,
		  unsigned int in, void *cookie, unsigned int flags)
{
	return ring_ops(vq)->add(vq, segs, out, in, cookie, flags);
}

/**
 * tvm_queue_notify() - notify the device whether it wants it or not
 * @vq: the queue
 */
void tvm_queue_notify(struct tvm_queue *vq)
{
	vq->kicks++;
	tvm_event_write(vq->kick_fd);
}

/**
 * tvm_queue_kick() - notify the device if it wants to be
 * @vq: the queue
 *
 * Return: whether it was notified.
 */
bool tvm_queue_kick(struct tvm_queue *vq)
{
	bool wanted;

	/* Pairs with the device's barrier after it enables notifications. */
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	wanted = ring_ops(vq)->kick_wanted(vq);
	vq->num_added = 0;
	if (wanted)
		tvm_queue_notify(vq);
	else
		vq->kicks_saved++;
	return wanted;
}

static void slot_give(struct tvm_queue *vq, uint16_t id, struct tvm_used *used)
{
	struct tvm_slot *slot = &vq->slots[id];

	used->id = id;
	used->cookie = slot->cookie;
	slot->busy = false;
	if (vq->cfg.in_order) {
		vq->order_head = (vq->order_head + 1) % vq->num;
		vq->order_count--;
	}
	vq->num_free += slot->ndescs;
	ring_ops(vq)->used_advance(vq, id);
}

/* An in-order device may return a batch by its last buffer alone. */
static void batch_next(struct tvm_queue *vq, struct tvm_used *used)
{
	uint16_t id = vq->order[vq->order_head];

	used->len_known = id == vq->batch_id;
	used->len = used->len_known ? vq->batch_len : 0;
	vq->batch = !used->len_known;
	slot_give(vq, id, used);
}

/**
 * tvm_queue_poll() - take a buffer that came back, if there is one
 * @vq: the queue
 * @used: filled in
 *
 * A device that returns what it was not given ends the program: no test
 * expects that.
 */
bool tvm_queue_poll(struct tvm_queue *vq, struct tvm_used *used)
{
	uint32_t len;
	uint16_t id;

	if (vq->batch) {
		batch_next(vq, used);
		return true;
	}
	if (!ring_ops(vq)->used_peek(vq, &id, &len))
		return false;
	if (id >= vq->num || !vq->slots[id].busy) {
		printf("# queue %u: device returned id %u, which it does not have\n",
		       vq->index, id);
		fflush(stdout);
		abort();
	}
	if (vq->cfg.in_order) {
		/* All before it in the order are back as well. */
		vq->batch_id = id;
		vq->batch_len = len;
		batch_next(vq, used);
		return true;
	}
	used->len = len;
	used->len_known = true;
	slot_give(vq, id, used);
	return true;
}

/**
 * tvm_queue_call_disable() - ask the device not to notify
 * @vq: the queue
 */
void tvm_queue_call_disable(struct tvm_queue *vq)
{
	ring_ops(vq)->call_disable(vq);
}

/**
 * tvm_queue_call_enable() - ask the device to notify for the next buffer
 * @vq: the queue
 *
 * Return: whether a buffer came back meanwhile, for which it may not.
 */
bool tvm_queue_call_enable(struct tvm_queue *vq)
{
	uint32_t len;
	uint16_t id;

	ring_ops(vq)->call_enable(vq);
	/* Pairs with the device's barrier after it publishes used buffers. */
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	return vq->batch || ring_ops(vq)->used_peek(vq, &id, &len);
}

/**
 * tvm_queue_wait() - take a buffer that came back, wait for the call eventfd
 * @vq: the queue
 * @used: filled in
 * @timeout_ms: how long to wait
 *
 * Never looks at the ring without having been notified, but right after
 * enabling notifications: a lost one is found.
 *
 * Return: 0 or -ETIMEDOUT.
 */
int tvm_queue_wait(struct tvm_queue *vq, struct tvm_used *used, unsigned int timeout_ms)
{
	uint64_t end = tvm_clock_ns() + timeout_ms * 1000000ULL;
	uint64_t now;

	if (tvm_queue_poll(vq, used))
		return 0;
	while (!tvm_queue_call_enable(vq)) {
		now = tvm_clock_ns();
		if (now >= end || !tvm_event_wait(vq->call_fd, (end - now + 999999) / 1000000))
			return -ETIMEDOUT;
		vq->calls += tvm_event_read(vq->call_fd);
	}
	return tvm_queue_poll(vq, used) ? 0 : -EIO;
}
