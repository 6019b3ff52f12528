/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A tiny VMM with a guest driver inside: what tests need to drive a node
 *
 * Memory, device and queues stand for the VMM; tvm_queue_add(), _kick(),
 * _poll() and _wait() are the guest's driver. Functions return 0 or a positive
 * result, or a negative errno; mistakes of the test itself (out of guest
 * memory, address outside of it) end the program.
 *
 * Ring memory can be reached directly through struct tvm_queue: hostile tests
 * write what they like.
 */
#ifndef TVM_H
#define TVM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <linux/virtio_config.h>
#include <linux/virtio_ring.h>
#include <linux/vhost.h>
#include <linux/vhost_accel.h>

#ifndef VIRTIO_F_IN_ORDER
#define VIRTIO_F_IN_ORDER	35
#endif
#ifndef VIRTIO_F_RING_RESET
#define VIRTIO_F_RING_RESET	40
#endif

#define TVM_BIT(nr)		(1ULL << (nr))

/* Guest memory: tvm_mem.c */

#define TVM_REGIONS_MAX		16
#define TVM_PAGE		4096UL

/** struct tvm_region - guest memory at one place of both address spaces */
struct tvm_region {
	uint64_t gpa;
	uint64_t size;
	uint64_t next;
	uint64_t file_offset;
	char *hva;
};

/** struct tvm_layout - where a region shall be */
struct tvm_layout {
	uint64_t gpa;
	uint64_t size;
};

/**
 * struct tvm_mem - guest memory, one memfd mapped in pieces
 * @from: region that tvm_mem_alloc() takes from
 *
 * Regions that touch in guest physical addresses do not in ours.
 */
struct tvm_mem {
	int fd;
	unsigned int nr;
	unsigned int from;
	struct tvm_region regions[TVM_REGIONS_MAX];
};

void tvm_mem_create(struct tvm_mem *mem, const struct tvm_layout *layout, unsigned int nr);
void tvm_mem_create_default(struct tvm_mem *mem);
void tvm_mem_create_small(struct tvm_mem *mem);
void tvm_mem_destroy(struct tvm_mem *mem);
uint64_t tvm_mem_alloc(struct tvm_mem *mem, uint64_t size, uint64_t align);
uint64_t tvm_mem_alloc_from(struct tvm_mem *mem, unsigned int region, uint64_t size,
			    uint64_t align);
void *tvm_mem_ptr(const struct tvm_mem *mem, uint64_t gpa, uint64_t len);
void tvm_mem_write(const struct tvm_mem *mem, uint64_t gpa, const void *src, uint64_t len);
void tvm_mem_read(const struct tvm_mem *mem, uint64_t gpa, void *dst, uint64_t len);
void tvm_mem_fill(const struct tvm_mem *mem, uint64_t gpa, int byte, uint64_t len);
uint64_t tvm_mem_end(const struct tvm_mem *mem);

/* Memory that does not answer: tvm_stall.c */

int tvm_stall(void *addr, size_t len);
bool tvm_stall_wait(int fd, unsigned int timeout_ms);
void tvm_stall_end(int fd);

/* An open node: tvm_dev.c */

/** struct tvm_dev - an open node and what was set there */
struct tvm_dev {
	int fd;
	struct tvm_mem *mem;
	struct vha_info info;
	uint64_t features[2];
	uint64_t iova_offset;
};

int tvm_dev_open(struct tvm_dev *dev, const char *path);
void tvm_dev_close(struct tvm_dev *dev);
int tvm_dev_ioctl(const struct tvm_dev *dev, unsigned long cmd, void *arg);
int tvm_dev_mem_set(struct tvm_dev *dev, struct tvm_mem *mem);
int tvm_dev_backend_set(struct tvm_dev *dev, int fd, uint64_t flags);
int tvm_dev_features_get(struct tvm_dev *dev, uint64_t features[2]);
int tvm_dev_features_set(struct tvm_dev *dev, uint64_t low, uint64_t high);
int tvm_dev_setup(struct tvm_dev *dev, const char *path, struct tvm_mem *mem, int backend,
		  uint64_t features);
int tvm_dev_config_get(const struct tvm_dev *dev, uint32_t offset, void *data,
		       uint32_t len);
int tvm_dev_config_set(const struct tvm_dev *dev, uint32_t offset, const void *data,
		       uint32_t len);
int tvm_dev_iotlb_send(const struct tvm_dev *dev, const struct vhost_iotlb_msg *msg);
bool tvm_dev_shows(const struct tvm_dev *dev, const char *text);
int64_t tvm_dev_fdinfo(const struct tvm_dev *dev, const char *name);

/* Statistics: tvm_stats.c */

int64_t tvm_dev_stat(const struct tvm_dev *dev, unsigned int queue, const char *name);

/* Queues: tvm_queue.c, tvm_split.c, tvm_packed.c */

/** struct tvm_seg - one piece of a buffer, in guest physical addresses */
struct tvm_seg {
	uint64_t gpa;
	uint32_t len;
};

/**
 * struct tvm_used - a buffer that came back
 * @cookie: as passed to tvm_queue_add()
 * @id: head index or buffer id
 * @len: bytes the device says it wrote
 * @len_known: in-order devices leave out all lengths of a batch but the last
 */
struct tvm_used {
	void *cookie;
	uint16_t id;
	uint32_t len;
	bool len_known;
};

/** struct tvm_slot - what the driver remembers by head index or buffer id */
struct tvm_slot {
	void *cookie;
	uint64_t table;
	uint16_t table_size;
	uint16_t ndescs;
	uint16_t last;
	uint16_t next;
	bool busy;
};

/** struct tvm_config - how a queue is laid out and driven */
struct tvm_config {
	bool packed;
	bool event_idx;
	bool in_order;
};

/**
 * struct tvm_queue - a virtqueue, both what the VMM and what the driver know
 * @kicks: notifications sent to the device
 * @kicks_saved: notifications the device did not want
 * @calls: what was read from the call eventfd
 */
struct tvm_queue {
	struct tvm_dev *dev;
	struct tvm_config cfg;
	unsigned int index;
	uint16_t num;
	int kick_fd;
	int call_fd;
	int err_fd;
	bool running;
	bool log;

	uint64_t desc_gpa;
	uint64_t driver_gpa;
	uint64_t device_gpa;
	union {
		struct vring_desc *desc;
		struct vring_packed_desc *pdesc;
	};
	union {
		struct vring_avail *avail;
		struct vring_packed_desc_event *driver;
	};
	union {
		struct vring_used *used;
		struct vring_packed_desc_event *device;
	};

	struct tvm_slot *slots;
	uint16_t *order;
	uint16_t order_head;
	uint16_t order_count;
	uint16_t free_head;
	uint16_t num_free;
	uint16_t num_added;
	uint16_t avail_next;
	uint16_t used_next;
	bool avail_wrap;
	bool used_wrap;
	bool batch;
	uint16_t batch_id;
	uint32_t batch_len;

	uint64_t kicks;
	uint64_t kicks_saved;
	uint64_t calls;
};

/** define TVM_ADD_INDIRECT - tvm_queue_add(): use an indirect table */
#define TVM_ADD_INDIRECT	1U

uint64_t tvm_config_features(const struct tvm_config *cfg);
int tvm_queue_init(struct tvm_queue *vq, struct tvm_dev *dev, unsigned int index,
		   unsigned int num, const struct tvm_config *cfg);
void tvm_queue_destroy(struct tvm_queue *vq);
void tvm_queue_reset(struct tvm_queue *vq);
uint32_t tvm_queue_base(const struct tvm_queue *vq);
int tvm_queue_addr_set(struct tvm_queue *vq);
int tvm_queue_configure(struct tvm_queue *vq);
int tvm_queue_enable(struct tvm_queue *vq, bool enable);
int tvm_queue_start(struct tvm_queue *vq);
int tvm_queue_stop(struct tvm_queue *vq, uint32_t *base);
int tvm_queue_fd_set(struct tvm_queue *vq, unsigned long cmd, int fd);

int tvm_queue_add(struct tvm_queue *vq, const struct tvm_seg *segs, unsigned int out,
		  unsigned int in, void *cookie, unsigned int flags);
bool tvm_queue_kick(struct tvm_queue *vq);
void tvm_queue_notify(struct tvm_queue *vq);
bool tvm_queue_poll(struct tvm_queue *vq, struct tvm_used *used);
int tvm_queue_wait(struct tvm_queue *vq, struct tvm_used *used, unsigned int timeout_ms);
void tvm_queue_call_disable(struct tvm_queue *vq);
bool tvm_queue_call_enable(struct tvm_queue *vq);

int tvm_event_create(void);
uint64_t tvm_event_read(int fd);
void tvm_event_write(int fd);
bool tvm_event_wait(int fd, unsigned int timeout_ms);
uint64_t tvm_clock_ns(void);

/** struct tvm_ring_ops - the driver's side of one ring format */
struct tvm_ring_ops {
	size_t (*desc_size)(unsigned int num);
	size_t (*driver_size)(unsigned int num);
	size_t (*device_size)(unsigned int num);
	void (*reset)(struct tvm_queue *vq);
	uint32_t (*base)(const struct tvm_queue *vq);
	int (*add)(struct tvm_queue *vq, const struct tvm_seg *segs, unsigned int out,
		   unsigned int in, void *cookie, unsigned int flags);
	bool (*kick_wanted)(struct tvm_queue *vq);
	bool (*used_peek)(struct tvm_queue *vq, uint16_t *id, uint32_t *len);
	void (*used_advance)(struct tvm_queue *vq, uint16_t id);
	void (*call_disable)(struct tvm_queue *vq);
	void (*call_enable)(struct tvm_queue *vq);
};

extern const struct tvm_ring_ops tvm_split_ops;
extern const struct tvm_ring_ops tvm_packed_ops;

void tvm_slot_take(struct tvm_queue *vq, uint16_t id, uint16_t ndescs, void *cookie);
uint64_t tvm_slot_table(struct tvm_queue *vq, uint16_t id, unsigned int descs);

static inline uint16_t tvm_load16(const void *p)
{
	return __atomic_load_n((const uint16_t *)p, __ATOMIC_ACQUIRE);
}

static inline void tvm_store16(void *p, uint16_t value)
{
	__atomic_store_n((uint16_t *)p, value, __ATOMIC_RELEASE);
}

#endif /* TVM_H */
