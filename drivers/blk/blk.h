/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the files of the block device class offer each other
 */
#ifndef VHOST_ACCEL_BLK_H
#define VHOST_ACCEL_BLK_H

#include <linux/atomic.h>
#include <linux/bio.h>
#include <linux/blkdev.h>
#include <linux/fs.h>
#include <linux/llist.h>
#include <linux/sizes.h>
#include <linux/virtio_blk.h>
#include <linux/workqueue.h>

#include <vhost_accel/class.h>

/** define VHA_BLK_QUEUES - virtqueues of a disk: one per CPU of a large guest */
#define VHA_BLK_QUEUES		128
/** define VHA_BLK_SEG_MAX - segments of a request unless the VMM says otherwise
 *
 * With header and status a chain of QEMU's default queue size, 128; a driver
 * may use as many descriptors as that even in an indirect table (2.7.5.3.1).
 */
#define VHA_BLK_SEG_MAX		126
/** define VHA_BLK_SEG_MAX_LIMIT - most segments the VMM can announce */
#define VHA_BLK_SEG_MAX_LIMIT	8192
/** define VHA_BLK_BVECS - most pieces of memory of a request; bounds its pins */
#define VHA_BLK_BVECS		32768
/** define VHA_BLK_BVECS_INLINE - pieces that need no allocation */
#define VHA_BLK_BVECS_INLINE	16
/** define VHA_BLK_SEGS_INLINE - segments that need no allocation */
#define VHA_BLK_SEGS_INLINE	8
/** define VHA_BLK_QUEUE_PIECES - pieces and segments the requests of a queue may hold
 *
 * Of 16 bytes each, and beyond those that need no allocation.
 */
#define VHA_BLK_QUEUE_PIECES	(4 * VHA_BLK_BVECS)
/** define VHA_BLK_RANGES - segments of a discard, write zeroes or erase request */
#define VHA_BLK_RANGES		256
/** define VHA_BLK_RANGE_SECTORS - longest such segment, whatever the device can do
 *
 * The device may take its time for each; whoever stops the queue waits.
 */
#define VHA_BLK_RANGE_SECTORS	((u32)SZ_1G >> SECTOR_SHIFT)
/** define VHA_BLK_BOUNCE_PAGES - pages the bounced requests of a queue may hold */
#define VHA_BLK_BOUNCE_PAGES	2048

struct cgroup_subsys_state;
struct vha_blk;
struct vha_blk_queue;
struct vha_blk_request;

/**
 * enum vha_blk_stat - counters of a queue
 * @VHA_BLK_READS: read requests; consumer, as those that follow
 * @VHA_BLK_WRITES: write requests, zone appends included
 * @VHA_BLK_FLUSHES: flush requests
 * @VHA_BLK_DISCARDS: discard requests
 * @VHA_BLK_WRITE_ZEROES: write zeroes requests
 * @VHA_BLK_SECURE_ERASES: secure erase requests
 * @VHA_BLK_ZONE_REQUESTS: zone reports and zone management
 * @VHA_BLK_IDS: requests for the serial number
 * @VHA_BLK_BYTES_READ: bytes of the read requests
 * @VHA_BLK_BYTES_WRITTEN: bytes of the write requests
 * @VHA_BLK_BOUNCED: requests whose data went through pages of ours
 * @VHA_BLK_MALFORMED: buffers without header or status byte, returned unserved
 * @VHA_BLK_ERRORS: requests that ended in an error; any context, as all below
 * @VHA_BLK_UNSUPPORTED: requests that ended in VIRTIO_BLK_S_UNSUPP
 * @VHA_BLK_INLINE: requests completed while the worker submitted them
 * @VHA_BLK_IRQ: requests completed in interrupt context
 * @VHA_BLK_TASK: requests completed by another task of the kernel
 * @VHA_BLK_WORKER: requests handed to the worker for completion
 * @VHA_BLK_STATS: number of values
 */
enum vha_blk_stat {
	VHA_BLK_READS,
	VHA_BLK_WRITES,
	VHA_BLK_FLUSHES,
	VHA_BLK_DISCARDS,
	VHA_BLK_WRITE_ZEROES,
	VHA_BLK_SECURE_ERASES,
	VHA_BLK_ZONE_REQUESTS,
	VHA_BLK_IDS,
	VHA_BLK_BYTES_READ,
	VHA_BLK_BYTES_WRITTEN,
	VHA_BLK_BOUNCED,
	VHA_BLK_MALFORMED,
	VHA_BLK_ERRORS,
	VHA_BLK_UNSUPPORTED,
	VHA_BLK_INLINE,
	VHA_BLK_IRQ,
	VHA_BLK_TASK,
	VHA_BLK_WORKER,
	VHA_BLK_STATS,
};

/**
 * struct vha_blk_limits - what the backing object can do; sizes in bytes
 * unless named sectors, which are of 512 bytes
 * @block_size: logical block size
 * @physical_size: physical block size
 * @alignment_offset: bytes from the start to the first physical block
 * @io_min: smallest request without penalty
 * @io_opt: optimal request, 0 unknown
 * @discard_sectors: longest discard, 0 when there is none
 * @discard_alignment: sectors
 * @zeroes_sectors: longest write zeroes, 0 when there is none
 * @zeroes_unmap: write zeroes can deallocate
 * @erase_sectors: longest secure erase, 0 when there is none
 * @erase_alignment: sectors
 * @zone_sectors: size of a zone, 0 when there are no zones
 * @max_open_zones: 0 without limit
 * @max_active_zones: 0 without limit
 * @append_sectors: longest zone append
 * @write_granularity: of sequential zones
 */
struct vha_blk_limits {
	u32 block_size;
	u32 physical_size;
	u32 alignment_offset;
	u32 io_min;
	u32 io_opt;
	u32 discard_sectors;
	u32 discard_alignment;
	u32 zeroes_sectors;
	bool zeroes_unmap;
	u32 erase_sectors;
	u32 erase_alignment;
	u32 zone_sectors;
	u32 max_open_zones;
	u32 max_active_zones;
	u32 append_sectors;
	u32 write_granularity;
};

/**
 * enum vha_blk_range_type - what can be done to a range of sectors without data
 * @VHA_BLK_DISCARD: forget the content
 * @VHA_BLK_ZERO: read as zero, stay allocated
 * @VHA_BLK_ZERO_UNMAP: read as zero
 * @VHA_BLK_ERASE: forget the content for good
 */
enum vha_blk_range_type {
	VHA_BLK_DISCARD,
	VHA_BLK_ZERO,
	VHA_BLK_ZERO_UNMAP,
	VHA_BLK_ERASE,
};

/**
 * struct vha_blk_backing - a kind of backing object
 * @name: for fdinfo
 * @attach: check the file of @blk->object and fill in the rest of it
 * @detach: undo @attach; optional. All requests are over
 * @sectors: present capacity, any context
 * @rw: submit a read or write of rq->bv; ends in vha_blk_request_done().
 *	Context: the queue's worker
 * @flush: submit a flush; ends likewise. Context: likewise
 * @sync: flush; may sleep
 * @range: deal with a range of sectors; may sleep, in no particular task.
 *	Returns 0 or an errno
 */
struct vha_blk_backing {
	const char *name;
	int (*attach)(struct vha_blk *blk);
	void (*detach)(struct file *file);
	u64 (*sectors)(const struct vha_blk *blk);
	void (*rw)(struct vha_blk_request *rq);
	void (*flush)(struct vha_blk_request *rq);
	int (*sync)(struct vha_blk *blk);
	int (*range)(struct vha_blk *blk, enum vha_blk_range_type type, u64 sector,
		     u64 sectors);
};

extern const struct vha_blk_backing vha_blk_bdev;
extern const struct vha_blk_backing vha_blk_file;

/**
 * struct vha_blk_object - a backing object in use
 * @backing: which kind, NULL for none
 * @file: one reference
 * @bdev: the block device, if it is one
 * @backend_flags: VHA_BACKEND_F_*
 * @limits: what it can do
 * @dma_mask: of a file, the bits of a memory address that must be zero
 * @read_only: writes are refused
 * @sync: every write is stable when it completes
 * @poll: requests are polled for
 * @merge: looking for a request to merge with may pay
 */
struct vha_blk_object {
	const struct vha_blk_backing *backing;
	struct file *file;
	struct block_device *bdev;
	u64 backend_flags;
	struct vha_blk_limits limits;
	u32 dma_mask;
	bool read_only;
	bool sync;
	bool poll;
	bool merge;
};

/**
 * struct vha_blk - a disk
 * @dev: the device; its mutex protects what is not described otherwise
 * @object: the backing object; changes only while no queue runs
 * @params: as set by the VMM
 * @capacity: sectors announced last; changed by cmpxchg
 * @writeback: writeback mode, as the driver sees it
 * @stable: a write is stable when it completes; any context reads it
 * @running: started queues
 * @resize: looks for changes of the capacity while queues run
 * @workqueue: runs requests that sleep; from the first backing object on
 */
struct vha_blk {
	struct vha_device dev;
	struct vha_blk_object object;
	struct vha_blk_params params;
	u64 capacity;
	bool writeback;
	bool stable;
	unsigned int running;
	struct delayed_work resize;
	struct workqueue_struct *workqueue;
};

static inline struct vha_blk *to_blk(struct vha_device *dev)
{
	return container_of(dev, struct vha_blk, dev);
}

/* The logical block size announced. */
static inline u32 vha_blk_block_size(const struct vha_blk *blk)
{
	return blk->params.block_size ?: blk->object.limits.block_size;
}

bool vha_blk_bdev_writable(const struct vha_blk *blk);

/* Whether the driver may write now. */
static inline bool vha_blk_writable(const struct vha_blk *blk)
{
	return !blk->object.read_only && (!blk->object.bdev || vha_blk_bdev_writable(blk));
}

/** define VHA_BLK_PAGES - pages of status bytes remembered during a batch */
#define VHA_BLK_PAGES		8

/**
 * struct vha_blk_page - a page of status bytes
 * @node: in one of the queue's lists of free ones
 * @q: the queue
 * @refs: requests that use it, and the batch
 * @gpa: guest address of the page
 * @bv: the memory
 * @whole: all of the page is in @bv, rather than one byte
 * @pinned: pinned here, rather than with the table
 */
struct vha_blk_page {
	struct llist_node node;
	struct vha_blk_queue *q;
	atomic_t refs;
	u64 gpa;
	struct bio_vec bv;
	bool whole;
	bool pinned;
};

/**
 * struct vha_blk_queue - a virtqueue of a disk
 * @vq: the queue
 * @requests: as many as the ring has descriptors
 * @free: free requests of the consumer; queue mutex
 * @freed: requests that became free; any context adds, the consumer takes
 * @page_pool: pages of status bytes
 * @pages_free: free ones of the consumer; queue mutex
 * @pages_freed: those that became free; any context adds, the consumer takes
 * @pages: those of the present batch, by address; queue mutex
 * @done: requests the worker shall complete; any context adds
 * @done_work: completes @done
 * @poll_work: polls for @polled
 * @poll_lock: protects @polled
 * @polled: submitted requests nobody but us will look after
 * @plug: holds back what a batch submits; queue mutex
 * @batch_rw: reads and writes of the present batch; queue mutex
 * @expected_rw: those of the last batch that had any; queue mutex
 * @submitter: task that is inside a batch, or NULL
 * @pieces: entries in arrays allocated for requests; queue mutex
 * @bounce_pages: pages held by bounced requests
 * @starved: the consumer waits for a request to end, for want of one or the other
 * @count: counters of the consumer; queue mutex
 * @shared: counters of all contexts, from VHA_BLK_ERRORS on
 */
struct vha_blk_queue {
	struct vha_queue vq;
	struct vha_blk_request *requests;
	struct llist_node *free;
	struct llist_head freed;
	struct vha_blk_page *page_pool;
	struct llist_node *pages_free;
	struct llist_head pages_freed;
	struct vha_blk_page *pages[VHA_BLK_PAGES];
	struct llist_head done;
	struct vha_work done_work;
	struct vha_work poll_work;
	spinlock_t poll_lock; /* protects polled */
	struct list_head polled;
	struct blk_plug plug;
	u32 batch_rw;
	u32 expected_rw;
	struct task_struct *submitter;
	u32 pieces;
	atomic_t bounce_pages;
	bool starved;
	u64 count[VHA_BLK_ERRORS];
	atomic64_t shared[VHA_BLK_STATS - VHA_BLK_ERRORS];
};

static inline struct vha_blk_queue *to_blk_queue(struct vha_queue *vq)
{
	return container_of(vq, struct vha_blk_queue, vq);
}

static inline void vha_blk_count(struct vha_blk_queue *q, enum vha_blk_stat stat, u64 value)
{
	/* One writer, the consumer; readers want no torn values. */
	WRITE_ONCE(q->count[stat], q->count[stat] + value);
}

static inline void vha_blk_count_any(struct vha_blk_queue *q, enum vha_blk_stat stat)
{
	atomic64_inc(&q->shared[stat - VHA_BLK_ERRORS]);
}

/*
 * The consumer is about to look once more for what it lacks, and else to wait for
 * the next request that ends.
 */
static inline void vha_blk_starve(struct vha_blk_queue *q)
{
	WRITE_ONCE(q->starved, true);
	/* Pairs with that between a request that gives up and a look at @starved. */
	smp_mb();
}

/**
 * enum vha_blk_data - where the data of a request is
 * @VHA_BLK_DATA_NONE: it has none
 * @VHA_BLK_DATA_OUT: behind the header
 * @VHA_BLK_DATA_IN: before reply and status byte
 */
enum vha_blk_data {
	VHA_BLK_DATA_NONE,
	VHA_BLK_DATA_OUT,
	VHA_BLK_DATA_IN,
};

/**
 * struct vha_blk_op - a request type
 * @fn: serve the request. Returns the status to complete it with,
 *	-EINPROGRESS when vha_blk_request_done() was or will be called, -EAGAIN
 *	when it can not be served now, or another errno. Context: the queue's
 *	worker
 * @data: where its data is
 * @stat: counter
 * @feature: feature without which there is no such request, 0 for none
 * @write: changes the medium
 * @reply: bytes before the status byte that belong to it
 */
struct vha_blk_op {
	int (*fn)(struct vha_blk_request *rq, const struct vha_chain *chain);
	enum vha_blk_data data;
	enum vha_blk_stat stat;
	u8 feature;
	bool write;
	u8 reply;
};

/**
 * struct vha_blk_request - a request in flight
 *
 * Belongs to the consumer from vha_blk_request_get() to submission and to
 * whoever completes it from then on.
 *
 * @node: in one of the queue's lists
 * @poll_entry: in &vha_blk_queue.polled
 * @q: the queue
 * @op: request type, NULL when unknown
 * @token: for returning the buffer
 * @type: request type as the driver wrote it
 * @sector: likewise
 * @len: bytes of data
 * @written: bytes written into the buffer, but for the status byte
 * @status: VIRTIO_BLK_S_*
 * @to_guest: data goes into the buffer
 * @stable: the data must be stable when the request completes
 * @pinned: the pages are pinned for this request, rather than with the table
 * @whole: a zone append, which must not be split
 * @nr_bv: pinned pieces of data in @bv
 * @nr_reply: pinned pieces behind them that take the reply
 * @max_bv: size of @bv
 * @bv: memory pinned for the request
 * @nr_segs: segments of the data in the buffer, for the dirty log
 * @max_segs: size of @segs
 * @segs: the segments
 * @reply: the reply, little endian
 * @status_seg: the status byte in guest memory
 * @page: its page
 * @nr_bounce: pages of ours in @bounce
 * @bounce: pages of ours that stand in for @bv; or NULL
 * @css: block cgroup of the VMM, for what runs in a workqueue; or NULL
 * @work: for what needs a workqueue
 * @slow: what it calls
 * @ranges: of VIRTIO_BLK_T_DISCARD and its like
 * @nr_ranges: how many
 * @report: of VIRTIO_BLK_T_ZONE_REPORT, until it is copied to the driver
 * @nr_zones: how many zones it has room for
 * @bio: a block device's transfer
 * @iocb: a file's transfer
 * @inline_bv: @bv of small requests
 * @inline_segs: @segs of small requests
 */
struct vha_blk_request {
	struct llist_node node;
	struct list_head poll_entry;
	struct vha_blk_queue *q;
	const struct vha_blk_op *op;
	struct vha_token token;
	u32 type;
	u64 sector;
	u32 len;
	u32 written;
	u8 status;
	bool to_guest;
	bool stable;
	bool pinned;
	bool whole;
	u32 nr_bv;
	u32 nr_reply;
	u32 max_bv;
	struct bio_vec *bv;
	u32 nr_segs;
	u32 max_segs;
	struct vha_seg *segs;
	__le64 reply;
	struct vha_seg status_seg;
	struct vha_blk_page *page;
	u32 nr_bounce;
	struct bio_vec *bounce;
	struct cgroup_subsys_state *css;
	struct work_struct work;
	void (*slow)(struct vha_blk_request *rq);
	struct virtio_blk_discard_write_zeroes *ranges;
	u32 nr_ranges;
	struct virtio_blk_zone_report *report;
	u32 nr_zones;
	union {
		struct bio bio;
		struct kiocb iocb;
	};
	struct bio_vec inline_bv[VHA_BLK_BVECS_INLINE];
	struct vha_seg inline_segs[VHA_BLK_SEGS_INLINE];
};

/**
 * struct vha_blk_place - a place in the data of a request
 * @index: in &vha_blk_request.bv
 * @offset: in that piece
 */
struct vha_blk_place {
	u32 index;
	u32 offset;
};

static inline struct vha_blk *rq_blk(const struct vha_blk_request *rq)
{
	return to_blk(rq->q->vq.dev);
}

/* The memory a transfer really uses. */
static inline struct bio_vec *rq_bvecs(const struct vha_blk_request *rq)
{
	return rq->bounce ?: rq->bv;
}

static inline u32 rq_nr_bvecs(const struct vha_blk_request *rq)
{
	return rq->bounce ? rq->nr_bounce : rq->nr_bv;
}

/* device.c */

#define VHA_BLK_IOCTLS	5
extern const struct vha_ioctl vha_blk_ioctls[VHA_BLK_IOCTLS];
int vha_blk_open(struct vha_device *dev);
void vha_blk_release(struct vha_device *dev);
int vha_blk_set_backend(struct vha_device *dev, const struct vha_backend *backend,
			struct file *file);
int vha_blk_start(struct vha_queue *vq);
void vha_blk_stop(struct vha_queue *vq);
void vha_blk_show(struct vha_device *dev, struct seq_file *m);

/* config.c */

void vha_blk_features(struct vha_device *dev, u64 *features);
int vha_blk_acked(struct vha_device *dev);
int vha_blk_check_acked(struct vha_blk *blk);
void vha_blk_init_writeback(struct vha_blk *blk);
void vha_blk_update_stable(struct vha_blk *blk);
void vha_blk_get_config(struct vha_device *dev, void *config);
int vha_blk_set_config(struct vha_device *dev, u32 offset, const void *data, u32 len);
u32 vha_blk_seg_max(const struct vha_blk *blk);
u64 vha_blk_capacity(const struct vha_blk *blk);
void vha_blk_check_capacity(struct vha_blk *blk);
void vha_blk_resize_work(struct work_struct *work);

/* stats.c */

extern const struct vha_stat_desc vha_blk_stat_descs[VHA_BLK_STATS];
void vha_blk_queue_stats(struct vha_queue *vq, u64 *values);

/* request.c */

int vha_blk_requests_alloc(struct vha_blk_queue *q, u32 num);
void vha_blk_requests_free(struct vha_blk_queue *q, u32 num);
void vha_blk_requests_trim(struct vha_blk_queue *q);
void vha_blk_run(struct vha_queue *vq);
void vha_blk_batch_begin(struct vha_queue *vq);
void vha_blk_batch_end(struct vha_queue *vq);
void vha_blk_request_done(struct vha_blk_request *rq, u8 status);
void vha_blk_done_work(struct vha_work *work);

/* type.c: the request types */

const struct vha_blk_op *vha_blk_op(u32 type);

/* check.c: decisions without side effects */

bool vha_blk_chain_valid(const struct vha_chain *chain);
void vha_blk_chain_tail(const struct vha_chain *chain, u32 len, struct vha_cursor *cursor);
void vha_blk_chain_data(const struct vha_chain *chain, struct vha_cursor *cursor);
bool vha_blk_range_valid(u64 sector, u64 sectors, u64 capacity);
u8 vha_blk_rw_status(u64 sector, u32 len, u32 block_size, u64 capacity);
bool vha_blk_is_stable(bool flush, bool wce, bool writeback, bool write_through);
u8 vha_blk_errno_status(int error);
bool vha_blk_segs_aligned(struct vha_cursor cursor, u32 len, u32 mask);
u32 vha_blk_count_bvecs(struct vha_cursor cursor, u32 len, u32 extra);

/* status.c: pages of status bytes */

int vha_blk_pages_alloc(struct vha_blk_queue *q, u32 num);
void vha_blk_pages_free(struct vha_blk_queue *q);
struct vha_blk_page *vha_blk_page_find(struct vha_blk_queue *q, u64 addr);
void vha_blk_page_put(struct vha_blk_page *page);
void vha_blk_pages_put(struct vha_blk_queue *q);
bool vha_blk_page_read(const struct vha_blk_page *page, const struct vha_seg *seg,
		       void *dst, u32 len);
void vha_blk_page_write(const struct vha_blk_page *page, u64 addr, u8 status);

/* data.c: memory of a request */

int vha_blk_pin_status(struct vha_blk_request *rq, const struct vha_chain *chain);
int vha_blk_pin_data(struct vha_blk_request *rq, struct vha_cursor cursor, u32 len);
int vha_blk_pin_reply(struct vha_blk_request *rq, const struct vha_chain *chain);
bool vha_blk_data_dirty(const struct vha_blk_request *rq);
void vha_blk_data_set_dirty(struct vha_blk_request *rq);
void vha_blk_data_write(struct vha_blk_request *rq, struct vha_blk_place *place,
			const void *src, u32 len);
void vha_blk_put_reply(struct vha_blk_request *rq);
void vha_blk_put_status(struct vha_blk_request *rq);
void vha_blk_log(struct vha_blk_request *rq);
void vha_blk_unpin(struct vha_blk_request *rq);
void vha_blk_data_trim(struct vha_blk_request *rq, u32 keep);

/* bounce.c */

int vha_blk_bounce(struct vha_blk_request *rq, struct vha_cursor cursor);
void vha_blk_bounce_done(struct vha_blk_request *rq);

/* bdev.c; vha_blk_bdev_writable() is above */

void vha_blk_bdev_plug(struct vha_blk_queue *q);
void vha_blk_bdev_unplug(struct vha_blk_queue *q);
void vha_blk_bdev_submit(struct vha_blk_request *rq, blk_opf_t opf, bio_end_io_t *end_io);
void vha_blk_bdev_end_io(struct bio *bio);

/* poll.c */

void vha_blk_poll_add(struct vha_blk_request *rq);
void vha_blk_poll_del(struct vha_blk_request *rq);
bool vha_blk_poll(struct vha_queue *vq);
void vha_blk_poll_more(struct vha_queue *vq);
void vha_blk_poll_work(struct vha_work *work);

/* range.c */

int vha_blk_serve_ranges(struct vha_blk_request *rq, const struct vha_chain *chain);

/* zoned.c */

void vha_blk_zoned_attach(struct vha_blk *blk);
int vha_blk_serve_append(struct vha_blk_request *rq, const struct vha_chain *chain);
int vha_blk_serve_zone(struct vha_blk_request *rq, const struct vha_chain *chain);
int vha_blk_serve_report(struct vha_blk_request *rq, const struct vha_chain *chain);
void vha_blk_zoned_write_failed(struct vha_blk_request *rq);
bool vha_blk_zoned_fits(const struct vha_blk_request *rq);

/* slow.c: requests that sleep */

int vha_blk_slow_create(struct vha_blk *blk);
void vha_blk_slow_destroy(struct vha_blk *blk);
void vha_blk_css_get(struct vha_blk_request *rq);
void vha_blk_css_put(struct vha_blk_request *rq);
void vha_blk_slow(struct vha_blk_request *rq, void (*fn)(struct vha_blk_request *rq));

#endif /* VHOST_ACCEL_BLK_H */
