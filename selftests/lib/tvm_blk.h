/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Tiny VMM: block requests
 */
#ifndef TVM_BLK_H
#define TVM_BLK_H

#include <linux/virtio_blk.h>

#include "tvm.h"

#ifndef VIRTIO_BLK_F_SECURE_ERASE
#define VIRTIO_BLK_F_SECURE_ERASE	16
#define VIRTIO_BLK_T_SECURE_ERASE	14
#endif
#ifndef VIRTIO_BLK_F_ZONED
#define VIRTIO_BLK_F_ZONED		17
#endif

#define TVM_BLK_SECTOR		512U
#define TVM_BLK_HEADER		16U
/* What the status byte holds before a request; no device writes it. */
#define TVM_BLK_NO_STATUS	0xee

#define TVM_CUT_MAX		24

/**
 * struct tvm_cut - how a request's bytes are cut into descriptors
 * @name: for messages
 * @merge: pieces that adjoin in memory become one first
 * @repeat: start again at the end of @out or @in
 * @out: sizes of the device-readable descriptors; after the last, the rest
 *	is not cut. A zero ends the list.
 * @in: likewise of the device-writable ones
 * @empty: put an empty descriptor before each piece
 */
struct tvm_cut {
	const char *name;
	bool merge;
	bool repeat;
	bool empty;
	uint32_t out[TVM_CUT_MAX];
	uint32_t in[TVM_CUT_MAX];
};

/**
 * struct tvm_blk_req - a block request
 * @type: VIRTIO_BLK_T_*
 * @ioprio: second word of the header
 * @sector: first sector
 * @data: its data
 * @nr: how many pieces of it
 * @data_in: the data is device-writable
 * @header: guest physical address of the header
 * @status: and of the status
 * @status_len: bytes of status, 1 but in strange tests
 * @result: status byte, once it is back
 * @used: as it came back
 */
struct tvm_blk_req {
	uint32_t type;
	uint32_t ioprio;
	uint64_t sector;
	const struct tvm_seg *data;
	unsigned int nr;
	bool data_in;
	uint64_t header;
	uint64_t status;
	uint32_t status_len;
	uint8_t result;
	struct tvm_used used;
};

extern const struct tvm_cut tvm_cuts[];
extern const unsigned int tvm_cuts_nr;

void tvm_blk_req_init(struct tvm_blk_req *req, struct tvm_mem *mem);
uint32_t tvm_blk_data_len(const struct tvm_blk_req *req);
int tvm_blk_submit(struct tvm_queue *vq, struct tvm_blk_req *req, const struct tvm_cut *cut,
		   unsigned int flags);
void tvm_blk_finish(struct tvm_queue *vq, struct tvm_blk_req *req,
		    const struct tvm_used *used);
int tvm_blk_run(struct tvm_queue *vq, struct tvm_blk_req *req, const struct tvm_cut *cut,
		unsigned int flags);
int tvm_blk_io(struct tvm_queue *vq, uint32_t type, uint64_t sector, uint64_t gpa,
	       uint32_t len);

#endif /* TVM_BLK_H */
