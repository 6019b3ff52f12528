/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the core offers a device class about one virtqueue
 */
#ifndef VHOST_ACCEL_QUEUE_H
#define VHOST_ACCEL_QUEUE_H

#include <linux/bvec.h>
#include <linux/eventfd.h>
#include <linux/llist.h>
#include <linux/mutex.h>
#include <linux/poll.h>
#include <linux/rcupdate.h>
#include <linux/spinlock.h>
#include <linux/wait.h>

#include <vhost_accel/device.h>
#include <vhost_accel/ring.h>

struct vha_log;
struct vha_worker;

/**
 * DOC: Locking
 *
 * Outermost first:
 *
 * 1. &vha_device.mutex: everything ioctls set; starting and stopping queues.
 * 2. &vha_queue.mutex: the available side of a queue, its run function, and
 *    reading the memory table and the pinned memory map. The worker holds it
 *    while it serves the queue. Several are taken only by the holder of the
 *    device mutex, in order of index.
 * 3. &vha_iotlb.lock.
 * 4. &vha_queue.lock: the used side, safe in any context, never held across
 *    anything that sleeps, signals or calls a class.
 *
 * Under RCU: a queue's call and error eventfds, its worker, the device's log.
 *
 * A buffer in flight holds no lock. Whoever needs all buffers back - stop,
 * suspend, a new memory table, reset, release - forbids fetching with the
 * queue mutex and then waits with the device mutex held; returning a buffer
 * therefore needs neither of the two.
 */

/**
 * struct vha_work - something a worker does for a queue
 * @node: in the worker's list; private to the worker
 * @fn: called by the worker, in the owner's address space, may sleep. After
 *	the owner was killed it is called without an address space
 *	(current->mm is not the owner's) and must only release what it holds.
 * @flags: private to the worker
 */
struct vha_work {
	struct llist_node node;
	void (*fn)(struct vha_work *work);
	unsigned long flags;
};

/**
 * enum vha_stat - counters every queue has
 * @VHA_STAT_CHAINS: buffers fetched, those put back each time; consumer
 * @VHA_STAT_KICKS: notifications from the driver; consumer
 * @VHA_STAT_RUNS: times the worker turned to the queue; consumer
 * @VHA_STAT_POLL_HIT: polls that found a buffer; consumer
 * @VHA_STAT_POLL_MISS: polls that ended in enabling notifications; consumer
 * @VHA_STAT_POLL_NS: time spent polling; consumer
 * @VHA_STAT_RETRIES: of those, put back until something else happens; consumer
 * @VHA_STAT_USED: buffers returned; used side
 * @VHA_STAT_USED_IRQ: of those, returned from interrupt context; used side
 * @VHA_STAT_SIGNALS: notifications to the driver; used side
 * @VHA_STAT_SUPPRESSED: notifications the driver did not want; used side
 * @VHA_STAT_BROKEN: times the queue was stopped for good; consumer
 * @VHA_STAT_ERROR: &enum vha_ring_error of the last time; consumer
 * @VHA_STATS: number of values
 */
enum vha_stat {
	VHA_STAT_CHAINS,
	VHA_STAT_KICKS,
	VHA_STAT_RUNS,
	VHA_STAT_POLL_HIT,
	VHA_STAT_POLL_MISS,
	VHA_STAT_POLL_NS,
	VHA_STAT_RETRIES,
	VHA_STAT_USED,
	VHA_STAT_USED_IRQ,
	VHA_STAT_SIGNALS,
	VHA_STAT_SUPPRESSED,
	VHA_STAT_BROKEN,
	VHA_STAT_ERROR,
	VHA_STATS,
};

/**
 * enum vha_queue_state - whether a queue's worker may fetch
 * @VHA_QUEUE_STOPPED: not started; the ring is not mapped
 * @VHA_QUEUE_WAITING: started, but the ring's addresses have no translation
 * @VHA_QUEUE_RUNNING: started
 * @VHA_QUEUE_PAUSED: started, but nothing may be fetched just now
 * @VHA_QUEUE_BROKEN: the ring was found broken; only a stop leaves this state
 */
enum vha_queue_state {
	VHA_QUEUE_STOPPED,
	VHA_QUEUE_WAITING,
	VHA_QUEUE_RUNNING,
	VHA_QUEUE_PAUSED,
	VHA_QUEUE_BROKEN,
};

/**
 * struct vha_ring_map - one part of a ring, pinned and mapped
 * @addr: kernel address of its first byte, NULL when not mapped
 * @size: bytes
 * @pages: the pinned pages
 * @nr: how many
 * @vmapped: @addr comes from vmap()
 * @write: pinned to be written
 * @hva: its first byte in the owner's address space
 * @hvas: an address in each page there, when the part was found through the
 *	IOTLB and may be scattered; else NULL
 */
struct vha_ring_map {
	void *addr;
	size_t size;
	struct page **pages;
	unsigned int nr;
	bool vmapped;
	bool write;
	unsigned long hva;
	unsigned long *hvas;
};

/** define VHA_RING_PARTS - descriptors, driver's part, device's part */
#define VHA_RING_PARTS	3

/**
 * struct vha_event - an eventfd that any context can signal
 * @rcu: for freeing after the last reader
 * @ctx: the eventfd
 */
struct vha_event {
	struct rcu_head rcu;
	struct eventfd_ctx *ctx;
};

/**
 * struct vha_queue - one virtqueue
 *
 * First member of the class's own queue structure, if it has one.
 *
 * @dev: the device
 * @index: index in the device
 * @mutex: see "DOC: Locking"
 * @state: written with @mutex held, and with the device mutex but for breaking
 * @started: start was asked for and not stop; @mutex
 * @chain: scratch of the consumer; @mutex
 * @taken: buffers fetched, free running; written with @mutex held
 * @poll_ns: present polling budget; @mutex
 * @idle_since: when polling was given up last, 0 when it was not; @mutex
 * @called: when the worker was asked for first since then, or 0; any context
 * @missing: it waits for a translation; the IOTLB's lock
 * @missed_first: of an address from here; likewise
 * @missed_last: to here; likewise
 * @lock: see "DOC: Locking"; protects the used side of @ring
 * @returned: buffers returned, free running; written with @lock held
 * @batch: task that returns buffers in a batch, or NULL; written with @lock
 * @drain: wait queue of those who want @taken equal to @returned
 * @call: eventfd signalled for used buffers, or NULL; RCU
 * @err: eventfd signalled when the queue breaks, or NULL; RCU
 * @worker: who serves the queue; RCU
 * @work: serves the queue
 * @kick: eventfd file of the driver's notifications, or NULL; device mutex
 * @kick_poll: entry in the wait queue of @kick
 * @kick_wqh: that wait queue
 * @kick_table: how vfs_poll() gives us @kick_wqh
 * @map: the ring, pinned and mapped; written with device mutex and @mutex
 * @num: ring size asked for; device mutex, frozen while started
 * @base: as of VHOST_SET_VRING_BASE; device mutex, frozen while started
 * @base_set: @base was set by the VMM; likewise
 * @addr: as of VHOST_SET_VRING_ADDR; likewise
 * @addr_set: @addr was set; likewise
 * @busyloop_us: longest time to poll before enabling notifications
 * @log_used: log writes of the used ring at @addr.log_guest_addr
 * @stats: values of &enum vha_stat; each has one writer, named there
 * @ring: the ring
 */
struct vha_queue {
	struct vha_device *dev;
	u16 index;

	struct mutex mutex;
	enum vha_queue_state state;
	bool started;
	struct vha_chain chain;
	u32 taken;
	u32 poll_ns;
	u64 idle_since;
	u64 called;

	bool missing;
	u64 missed_first;
	u64 missed_last;

	spinlock_t lock;
	u32 returned;
	struct task_struct *batch;
	wait_queue_head_t drain;

	struct vha_event __rcu *call;
	struct vha_event __rcu *err;
	struct vha_worker __rcu *worker;
	struct vha_work work;

	struct file *kick;
	wait_queue_entry_t kick_poll;
	wait_queue_head_t *kick_wqh;
	poll_table kick_table;

	struct vha_ring_map map[VHA_RING_PARTS];
	u32 num;
	u32 base;
	bool base_set;
	bool addr_set;
	struct vhost_vring_addr addr;
	u32 busyloop_us;
	bool log_used;

	u64 stats[VHA_STATS];
	struct vha_ring ring;
};

/**
 * typedef vha_chain_fn - serves one buffer
 * @vq: the queue
 * @chain: the buffer; valid until return, to be copied if needed for longer.
 *	Its segments hold guest physical addresses, translated already when the
 *	device has an IOTLB.
 *
 * Context: the queue's worker, queue mutex held, may sleep.
 * Return: 0 when the buffer was or will be returned with vha_queue_used();
 * -EAGAIN when it can not be served now: it is put back and read anew after
 * the next vha_queue_kick(); another negative value breaks the queue.
 */
typedef int (*vha_chain_fn)(struct vha_queue *vq, struct vha_chain *chain);

/**
 * typedef vha_ready_fn - whether there is something to do, while polling
 * @vq: the queue
 *
 * Context: the queue's worker, queue mutex held.
 */
typedef bool (*vha_ready_fn)(struct vha_queue *vq);

int vha_queue_fetch(struct vha_queue *vq, struct vha_chain *chain);
void vha_queue_unfetch(struct vha_queue *vq, const struct vha_token *token);
bool vha_queue_exhausted(const struct vha_queue *vq);
void vha_queue_drain(struct vha_queue *vq, vha_chain_fn fn);
void vha_queue_end_idle(struct vha_queue *vq);
void vha_queue_disable_kick(struct vha_queue *vq);
bool vha_queue_enable_kick(struct vha_queue *vq);
bool vha_queue_poll(struct vha_queue *vq, vha_ready_fn ready);
bool vha_queue_turn_over(const struct vha_queue *vq, unsigned int chains, u64 bytes);
void vha_queue_batch_begin(struct vha_queue *vq);
void vha_queue_batch_end(struct vha_queue *vq);
void vha_queue_used(struct vha_queue *vq, const struct vha_token *token, u32 len);
void vha_queue_used_many(struct vha_queue *vq, const struct vha_used *used, unsigned int nr);
void vha_queue_kick(struct vha_queue *vq);
int vha_queue_start(struct vha_queue *vq);
void vha_queue_stop(struct vha_queue *vq);
void vha_queue_break(struct vha_queue *vq, enum vha_ring_error error);
void vha_work_init(struct vha_work *work, void (*fn)(struct vha_work *work));
void vha_queue_work(struct vha_queue *vq, struct vha_work *work);

/**
 * vha_queue_feature() - whether the driver acknowledged a feature
 * @vq: the queue
 * @bit: virtio feature bit
 */
static inline bool vha_queue_feature(const struct vha_queue *vq, unsigned int bit)
{
	return vha_device_feature(vq->dev, bit);
}

/**
 * vha_log_enabled() - whether writes are logged at the moment
 * @vq: the queue
 *
 * May change while a buffer is in flight: who wants to log it when it is
 * returned keeps its segments in any case.
 *
 * Return: whether they are.
 */
static inline bool vha_log_enabled(const struct vha_queue *vq)
{
	return rcu_access_pointer(vq->dev->log);
}

#endif /* VHOST_ACCEL_QUEUE_H */
