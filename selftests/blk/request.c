// SPDX-License-Identifier: GPL-2.0-only
/*
 * blk: every request type on every kind of ring
 */
#include <stdlib.h>
#include <unistd.h>

#include "tvm_rig.h"

#define SEED		7
#define LEN		8192
#define MIB		(1U << 20)

FIXTURE(request) {
	struct tvm_rig rig;
	struct tvm_queue *vq;
	unsigned int flags;
	char *disk_data;
};

FIXTURE_VARIANT(request) {
	struct tvm_config cfg;
};

TVM_RIG_FORMATS(request);

FIXTURE_SETUP(request)
{
	struct tvm_rig_options options = {
		.cfg = variant->cfg, .num = 128,
		.features = TVM_BIT(VIRTIO_BLK_F_FLUSH),
	};

	tvm_rig_create(&self->rig, &options);
	self->vq = &self->rig.vqs[0];
	tvm_rig_disk_fill(&self->rig, SEED);
	ASSERT_EQ(posix_memalign((void **)&self->disk_data, TVM_PAGE, MIB), 0);
}

FIXTURE_TEARDOWN(request)
{
	free(self->disk_data);
	tvm_rig_destroy(&self->rig);
}

/* What the disk holds, read not through the device under test. */
static const char *disk_read(struct request_fixture *self, uint64_t sector, uint32_t len)
{
	ASSERT_EQ(pread(self->rig.disk.fd, self->disk_data, len, sector * TVM_BLK_SECTOR),
		  (ssize_t)len);
	return self->disk_data;
}

/* Header, data and status one after the other, so that cuts may join them. */
static void request_lay(struct request_fixture *self, struct tvm_blk_req *req,
			struct tvm_seg *data, uint32_t len, unsigned int misalign)
{
	uint64_t at = tvm_mem_alloc(&self->rig.mem, len + 2 * TVM_PAGE, TVM_PAGE);

	tvm_blk_req_init(req, &self->rig.mem);
	data->gpa = at + TVM_PAGE + misalign;
	data->len = len;
	req->header = data->gpa - TVM_BLK_HEADER;
	req->status = data->gpa + len;
	req->data = data;
	req->nr = 1;
}

static void check_read(struct request_fixture *self, const struct tvm_cut *cut,
		       unsigned int flags, unsigned int misalign)
{
	struct tvm_blk_req req;
	struct tvm_seg data;
	int status;

	request_lay(self, &req, &data, LEN, misalign);
	req.type = VIRTIO_BLK_T_IN;
	req.sector = 2048 + misalign;
	req.data_in = true;
	tvm_mem_fill(&self->rig.mem, data.gpa, 0x55, LEN);
	status = tvm_blk_run(self->vq, &req, cut, flags);
	EXPECT_MSG(status == VIRTIO_BLK_S_OK, "cut %s offset %u: status %d", cut->name,
		   misalign, status);
	EXPECT_MSG(!req.used.len_known || req.used.len == LEN + 1, "cut %s: used length %u",
		   cut->name, req.used.len);
	EXPECT_MSG(!memcmp(tvm_mem_ptr(&self->rig.mem, data.gpa, LEN),
			   disk_read(self, req.sector, LEN), LEN),
		   "cut %s offset %u: wrong data", cut->name, misalign);
}

static void check_write(struct request_fixture *self, const struct tvm_cut *cut,
			unsigned int flags, unsigned int misalign)
{
	static uint64_t seed = 100;
	struct tvm_blk_req req;
	struct tvm_seg data;
	int status;

	request_lay(self, &req, &data, LEN, misalign);
	req.type = VIRTIO_BLK_T_OUT;
	req.sector = 4096 + misalign;
	tvm_pattern_fill(tvm_mem_ptr(&self->rig.mem, data.gpa, LEN), LEN, ++seed);
	status = tvm_blk_run(self->vq, &req, cut, flags);
	EXPECT_MSG(status == VIRTIO_BLK_S_OK, "cut %s offset %u: status %d", cut->name,
		   misalign, status);
	EXPECT_MSG(!req.used.len_known || req.used.len == 1, "cut %s: used length %u",
		   cut->name, req.used.len);
	EXPECT_MSG(tvm_pattern_check(disk_read(self, req.sector, LEN), LEN, seed),
		   "cut %s offset %u: wrong data", cut->name, misalign);
}

typedef void (*check_fn)(struct request_fixture *self, const struct tvm_cut *cut,
			 unsigned int flags, unsigned int misalign);

/* All cuts at aligned, odd and page-crossing addresses. */
static void check_all(struct request_fixture *self, check_fn check, unsigned int flags)
{
	static const unsigned int offsets[] = { 0, 1, 4, 512, 3583 };
	unsigned int i, j;

	for (i = 0; i < tvm_cuts_nr; i++) {
		for (j = 0; j < sizeof(offsets) / sizeof(offsets[0]); j++)
			check(self, &tvm_cuts[i], flags, offsets[j]);
	}
}

TEST_F(request, read_direct)
{
	check_all(self, check_read, 0);
}

TEST_F(request, read_indirect)
{
	check_all(self, check_read, TVM_ADD_INDIRECT);
}

TEST_F(request, write_direct)
{
	check_all(self, check_write, 0);
}

TEST_F(request, write_indirect)
{
	check_all(self, check_write, TVM_ADD_INDIRECT);
}

TEST_F(request, get_id)
{
	uint64_t gpa = tvm_mem_alloc(&self->rig.mem, 64, 1);
	struct tvm_seg data = { gpa, VIRTIO_BLK_ID_BYTES };
	struct tvm_blk_req req;
	unsigned int i;

	for (i = 0; i < tvm_cuts_nr; i++) {
		tvm_blk_req_init(&req, &self->rig.mem);
		req.type = VIRTIO_BLK_T_GET_ID;
		req.data = &data;
		req.nr = 1;
		req.data_in = true;
		EXPECT_EQ(tvm_blk_run(self->vq, &req, &tvm_cuts[i], 0), VIRTIO_BLK_S_OK);
		EXPECT_EQ(req.used.len, VIRTIO_BLK_ID_BYTES + 1U);
	}
}

TEST_F(request, flush)
{
	EXPECT_EQ(tvm_blk_io(self->vq, VIRTIO_BLK_T_FLUSH, 0, 0, 0), VIRTIO_BLK_S_OK);
	/* The sector of a flush means nothing. */
	EXPECT_EQ(tvm_blk_io(self->vq, VIRTIO_BLK_T_FLUSH, ~0ULL, 0, 0), VIRTIO_BLK_S_OK);
}

HARNESS_MAIN
