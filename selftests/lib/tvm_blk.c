// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tiny VMM: block requests
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "harness.h"
#include "tvm_blk.h"

#define PIECES_MAX	4096
#define WAIT_MS		20000

/*
 * Every way to frame a request that the specification allows. "joined" has
 * header and data, or data and status, in one descriptor if they adjoin.
 */
const struct tvm_cut tvm_cuts[] = {
	{ .name = "plain" },
	{ .name = "joined", .merge = true },
	{ .name = "halves", .out = { 8, 8 }, .in = { 256, 256 } },
	{ .name = "bytes", .out = { 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1 },
	  .in = { 1, 1, 1 } },
	{ .name = "shifted", .merge = true, .out = { 3, 14, 510 }, .in = { 5, 509 } },
	{ .name = "odd", .repeat = true, .out = { 7, 9, 511, 1, 1023, 2 },
	  .in = { 511, 1, 1023, 2 } },
	{ .name = "empty", .empty = true, .out = { 4 }, .in = { 512 } },
};

const unsigned int tvm_cuts_nr = sizeof(tvm_cuts) / sizeof(tvm_cuts[0]);

/**
 * tvm_blk_req_init() - make a request with header and status of its own
 * @req: filled in
 * @mem: where from
 */
void tvm_blk_req_init(struct tvm_blk_req *req, struct tvm_mem *mem)
{
	memset(req, 0, sizeof(*req));
	req->header = tvm_mem_alloc(mem, TVM_BLK_HEADER, 1);
	req->status = tvm_mem_alloc(mem, 1, 1);
	req->status_len = 1;
}

/**
 * tvm_blk_data_len() - bytes of data of a request
 * @req: the request
 */
uint32_t tvm_blk_data_len(const struct tvm_blk_req *req)
{
	uint32_t len = 0;
	unsigned int i;

	for (i = 0; i < req->nr; i++)
		len += req->data[i].len;
	return len;
}

struct pieces {
	struct tvm_seg segs[PIECES_MAX];
	unsigned int nr;
};

static void piece_add(struct pieces *pieces, uint64_t gpa, uint32_t len)
{
	if (pieces->nr == PIECES_MAX)
		abort();
	pieces->segs[pieces->nr++] = (struct tvm_seg){ gpa, len };
}

static void piece_join(struct pieces *pieces, const struct tvm_seg *seg, bool merge)
{
	struct tvm_seg *last = pieces->nr ? &pieces->segs[pieces->nr - 1] : NULL;

	if (merge && last && last->gpa + last->len == seg->gpa)
		last->len += seg->len;
	else
		piece_add(pieces, seg->gpa, seg->len);
}

static unsigned int cut_size(const uint32_t *sizes, unsigned int *at, bool repeat)
{
	if (*at == TVM_CUT_MAX || !sizes[*at]) {
		if (!repeat || !sizes[0])
			return 0;
		*at = 0;
	}
	return sizes[(*at)++];
}

/* Appends @from to @to, in descriptors of the wanted sizes where they fit. */
static void pieces_cut(struct pieces *to, const struct pieces *from, const uint32_t *sizes,
		       const struct tvm_cut *cut)
{
	unsigned int i, at = 0;
	uint32_t want = cut_size(sizes, &at, cut->repeat);

	for (i = 0; i < from->nr; i++) {
		struct tvm_seg seg = from->segs[i];

		if (cut->empty)
			piece_add(to, seg.gpa, 0);
		while (want && seg.len > want) {
			piece_add(to, seg.gpa, want);
			seg.gpa += want;
			seg.len -= want;
			want = cut_size(sizes, &at, cut->repeat);
		}
		piece_add(to, seg.gpa, seg.len);
		if (want)
			want = want > seg.len ? want - seg.len :
						cut_size(sizes, &at, cut->repeat);
	}
}

static void collect(struct pieces *out, struct pieces *in, const struct tvm_blk_req *req,
		    bool merge)
{
	const struct tvm_seg header = { req->header, TVM_BLK_HEADER };
	const struct tvm_seg status = { req->status, req->status_len };
	unsigned int i;

	piece_join(out, &header, merge);
	for (i = 0; i < req->nr; i++)
		piece_join(req->data_in ? in : out, &req->data[i], merge);
	if (status.len)
		piece_join(in, &status, merge);
}

/**
 * tvm_blk_submit() - make a request available, without notifying
 * @vq: the queue
 * @req: the request; cookie of the buffer
 * @cut: how to frame it, NULL for the plain way
 * @flags: as of tvm_queue_add()
 */
int tvm_blk_submit(struct tvm_queue *vq, struct tvm_blk_req *req, const struct tvm_cut *cut,
		   unsigned int flags)
{
	static struct pieces out, in, all;
	struct virtio_blk_outhdr header = {
		.type = req->type, .ioprio = req->ioprio, .sector = req->sector,
	};
	unsigned int nr_out;

	if (!cut)
		cut = &tvm_cuts[0];
	out.nr = 0;
	in.nr = 0;
	all.nr = 0;
	tvm_mem_write(vq->dev->mem, req->header, &header, sizeof(header));
	if (req->status_len)
		tvm_mem_fill(vq->dev->mem, req->status, TVM_BLK_NO_STATUS, req->status_len);
	collect(&out, &in, req, cut->merge);
	pieces_cut(&all, &out, cut->out, cut);
	nr_out = all.nr;
	pieces_cut(&all, &in, cut->in, cut);
	return tvm_queue_add(vq, all.segs, nr_out, all.nr - nr_out, req, flags);
}

/**
 * tvm_blk_finish() - fill in the result of a request that came back
 * @vq: the queue
 * @req: the request
 * @used: as it came back
 */
void tvm_blk_finish(struct tvm_queue *vq, struct tvm_blk_req *req,
		    const struct tvm_used *used)
{
	req->used = *used;
	if (req->status_len)
		tvm_mem_read(vq->dev->mem, req->status + req->status_len - 1, &req->result, 1);
}

/**
 * tvm_blk_run() - run one request alone
 * @vq: the queue
 * @req: the request
 * @cut: how to frame it, NULL for the plain way
 * @flags: as of tvm_queue_add()
 *
 * Return: its status byte, or a negative errno.
 */
int tvm_blk_run(struct tvm_queue *vq, struct tvm_blk_req *req, const struct tvm_cut *cut,
		unsigned int flags)
{
	struct tvm_used used;
	int ret = tvm_blk_submit(vq, req, cut, flags);

	if (ret < 0)
		return ret;
	tvm_queue_kick(vq);
	ret = tvm_queue_wait(vq, &used, harness_scaled(WAIT_MS));
	if (ret)
		return ret;
	if (used.cookie != req)
		return -EPROTO;
	tvm_blk_finish(vq, req, &used);
	return req->result;
}

/**
 * tvm_blk_io() - read or write one piece of memory
 * @vq: the queue
 * @type: VIRTIO_BLK_T_IN, or another type, with device-readable data
 * @sector: first sector
 * @gpa: the memory
 * @len: bytes
 *
 * Return: status byte, or a negative errno.
 */
int tvm_blk_io(struct tvm_queue *vq, uint32_t type, uint64_t sector, uint64_t gpa,
	       uint32_t len)
{
	struct tvm_seg data = { gpa, len };
	struct tvm_blk_req req;

	tvm_blk_req_init(&req, vq->dev->mem);
	req.type = type;
	req.sector = sector;
	req.data = &data;
	req.nr = len ? 1 : 0;
	req.data_in = type == VIRTIO_BLK_T_IN || type == VIRTIO_BLK_T_GET_ID;
	return tvm_blk_run(vq, &req, NULL, 0);
}
