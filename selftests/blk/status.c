// SPDX-License-Identifier: GPL-2.0-only
/*
 * blk: status and used length of requests that can not be served
 */
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include <fcntl.h>

#include "tvm_rig.h"

#define SEED		11
#define WAIT_MS		5000

FIXTURE(status) {
	struct tvm_rig rig;
	struct tvm_queue *vq;
	uint64_t gpa;
	uint64_t capacity;
};

FIXTURE_VARIANT(status) {
	struct tvm_config cfg;
};

TVM_RIG_TWO_FORMATS(status);

FIXTURE_SETUP(status)
{
	struct tvm_rig_options options = {
		.cfg = variant->cfg, .features = TVM_BIT(VIRTIO_BLK_F_FLUSH),
	};

	tvm_rig_create(&self->rig, &options);
	self->vq = &self->rig.vqs[0];
	self->gpa = tvm_mem_alloc(&self->rig.mem, 16 * TVM_PAGE, TVM_PAGE);
	self->capacity = self->rig.disk.size / TVM_BLK_SECTOR;
	tvm_rig_disk_fill(&self->rig, SEED);
}

FIXTURE_TEARDOWN(status)
{
	tvm_rig_destroy(&self->rig);
}

/* A write that failed must have left no trace on the disk. */
static void check_untouched(struct status_fixture *self)
{
	const uint32_t chunk = 1U << 20;
	char *buf = aligned_alloc(TVM_PAGE, chunk);
	uint64_t at;

	ASSERT_TRUE(buf);
	for (at = 0; at < self->rig.disk.size; at += chunk) {
		ASSERT_EQ(pread(self->rig.disk.fd, buf, chunk, at), (ssize_t)chunk);
		EXPECT_TRUE(tvm_pattern_check(buf, chunk, SEED + at / chunk));
	}
	free(buf);
}

/* Two pages that lie one behind the other in the host's memory as well. */
static char *adjoining_pages(void)
{
	const size_t nr = 8192;
	uint64_t *entries = calloc(nr, sizeof(*entries));
	int fd = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
	char *area = mmap(NULL, nr * TVM_PAGE, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	size_t i, size = nr * sizeof(*entries);

	ASSERT_NE(area, MAP_FAILED);
	madvise(area, nr * TVM_PAGE, MADV_HUGEPAGE);
	memset(area, 0, nr * TVM_PAGE);
	ASSERT_EQ(pread(fd, entries, size, (uintptr_t)area / TVM_PAGE * sizeof(*entries)),
		  (ssize_t)size);
	/* The upper bits are flags. */
	for (i = 0; i + 1 < nr; i++)
		if (entries[i] << 9 && (entries[i] + 1) << 9 == entries[i + 1] << 9)
			break;
	ASSERT_LT(i + 1, nr);
	close(fd);
	free(entries);
	return area + i * TVM_PAGE;
}

/* A page of the guest's that is half of one of the host's and half of the next. */
TEST_F(status, two_halves)
{
	const uint64_t gpa = 1ULL << 40;
	struct tvm_mem *mem = &self->rig.mem;
	char *host = adjoining_pages(), *data = tvm_mem_ptr(mem, self->gpa, 4096);
	struct vha_pin_memory pin = {};
	unsigned int i, stray;

	mem->regions[mem->nr++] = (struct tvm_region){
		.gpa = gpa, .size = TVM_PAGE, .hva = host + TVM_PAGE / 2,
	};
	ASSERT_EQ(tvm_dev_mem_set(&self->rig.dev, mem), 0);
	for (pin.flags = 0; pin.flags <= VHA_PIN_F_ENABLE; pin.flags++) {
		struct tvm_seg seg = { self->gpa, 4096 };
		struct tvm_blk_req req = {
			.header = gpa + 512, .status = gpa + 16, .status_len = 1,
			.type = VIRTIO_BLK_T_IN, .data_in = true, .data = &seg, .nr = 1,
		};

		ASSERT_EQ(tvm_dev_ioctl(&self->rig.dev, VHA_PIN_MEMORY, &pin), 0);
		memset(host, 0xaa, 2 * TVM_PAGE);
		memset(data, 0, 4096);
		EXPECT_EQ(tvm_blk_run(self->vq, &req, NULL, 0), VIRTIO_BLK_S_OK);
		EXPECT_TRUE(tvm_pattern_check(data, 4096, SEED));
		for (i = 0, stray = 0; i < TVM_PAGE / 2; i++)
			stray += host[i] != (char)0xaa;
		EXPECT_EQ(stray, 0U);
	}
	mem->nr--;
}

TEST_F(status, sector_range)
{
	const uint64_t cap = self->capacity;
	const struct { uint64_t sector; uint32_t len; } bad[] = {
		{ cap, 512 }, { cap - 1, 1024 }, { cap + 1, 512 }, { ~0ULL, 512 },
		{ ~0ULL - 1, 1024 }, { 1ULL << 55, 512 }, { 1ULL << 63, 512 },
		{ (1ULL << 55) + 1, 512 }, { ~0ULL >> 9, 512 }, { cap - 7, 4096 },
		{ -8ULL, 4096 }, { 0x100000000ULL, 512 },
	};
	unsigned int i;

	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		EXPECT_EQ(tvm_blk_io(self->vq, VIRTIO_BLK_T_IN, bad[i].sector, self->gpa,
				     bad[i].len), VIRTIO_BLK_S_IOERR);
		EXPECT_EQ(tvm_blk_io(self->vq, VIRTIO_BLK_T_OUT, bad[i].sector, self->gpa,
				     bad[i].len), VIRTIO_BLK_S_IOERR);
	}
	check_untouched(self);
	EXPECT_EQ(tvm_blk_io(self->vq, VIRTIO_BLK_T_IN, cap - 8, self->gpa, 4096),
		  VIRTIO_BLK_S_OK);
}

TEST_F(status, length)
{
	static const uint32_t bad[] = { 1, 511, 513, 1000, 4095 };
	unsigned int i;

	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		EXPECT_EQ(tvm_blk_io(self->vq, VIRTIO_BLK_T_IN, 0, self->gpa, bad[i]),
			  VIRTIO_BLK_S_IOERR);
		EXPECT_EQ(tvm_blk_io(self->vq, VIRTIO_BLK_T_OUT, 0, self->gpa, bad[i]),
			  VIRTIO_BLK_S_IOERR);
	}
	check_untouched(self);
	/* No data at all is no error, and nothing to do. */
	EXPECT_EQ(tvm_blk_io(self->vq, VIRTIO_BLK_T_IN, 0, self->gpa, 0), VIRTIO_BLK_S_OK);
	EXPECT_EQ(tvm_blk_io(self->vq, VIRTIO_BLK_T_OUT, 0, self->gpa, 0), VIRTIO_BLK_S_OK);
}

TEST_F(status, unknown_type)
{
	static const uint32_t known[] = {
		VIRTIO_BLK_T_IN, VIRTIO_BLK_T_OUT, VIRTIO_BLK_T_FLUSH, VIRTIO_BLK_T_GET_ID,
	};
	uint32_t type;
	unsigned int i;

	for (type = 0; type < 64; type++) {
		for (i = 0; i < 4 && type != known[i]; i++)
			;
		/* Those that exist were not negotiated: no difference. */
		if (i == 4)
			EXPECT_EQ(tvm_blk_io(self->vq, type, 0, self->gpa, 512),
				  VIRTIO_BLK_S_UNSUPP);
	}
	EXPECT_EQ(tvm_blk_io(self->vq, 0x80000000, 0, self->gpa, 512), VIRTIO_BLK_S_UNSUPP);
	EXPECT_EQ(tvm_blk_io(self->vq, 0x01000000, 0, self->gpa, 512), VIRTIO_BLK_S_UNSUPP);
	EXPECT_EQ(tvm_blk_io(self->vq, ~0U, 0, self->gpa, 512), VIRTIO_BLK_S_UNSUPP);
	check_untouched(self);
}

/* The status is the last byte, however much room there is before it. */
TEST_F(status, wide_status)
{
	struct tvm_seg data = { self->gpa, 512 };
	struct tvm_blk_req req;

	tvm_blk_req_init(&req, &self->rig.mem);
	req.status = self->gpa + 8192;
	req.status_len = 16;
	req.type = VIRTIO_BLK_T_OUT;
	req.data = &data;
	req.nr = 1;
	EXPECT_EQ(tvm_blk_run(self->vq, &req, NULL, 0), VIRTIO_BLK_S_OK);
	EXPECT_EQ(req.used.len, 1U);
	req.type = VIRTIO_BLK_T_FLUSH;
	req.nr = 0;
	EXPECT_EQ(tvm_blk_run(self->vq, &req, NULL, 0), VIRTIO_BLK_S_OK);
	EXPECT_EQ(req.used.len, 1U);
}

/* Runs @segs as they are and returns the used length. */
static uint32_t run_raw(struct status_fixture *self, const struct tvm_seg *segs,
			unsigned int out, unsigned int in)
{
	struct tvm_used used = { .len = ~0U };

	EXPECT_GE(tvm_queue_add(self->vq, segs, out, in, NULL, 0), 0);
	tvm_queue_kick(self->vq);
	EXPECT_EQ(tvm_queue_wait(self->vq, &used, harness_scaled(WAIT_MS)), 0);
	return used.len;
}

/* Without header or status there is nothing to say: it comes back unwritten. */
TEST_F(status, no_status)
{
	struct virtio_blk_outhdr header = { .type = VIRTIO_BLK_T_OUT };
	struct tvm_seg segs[] = { { self->gpa, 16 }, { self->gpa + 4096, 512 } };
	uint64_t count;

	tvm_mem_write(&self->rig.mem, self->gpa, &header, sizeof(header));
	EXPECT_EQ(run_raw(self, segs, 2, 0), 0U);
	EXPECT_EQ(run_raw(self, segs, 1, 0), 0U);
	/* All device-writable: no header. */
	EXPECT_EQ(run_raw(self, segs, 0, 2), 0U);
	/* Header too short. */
	segs[0].len = 15;
	EXPECT_EQ(run_raw(self, segs, 1, 1), 0U);
	segs[0].len = 0;
	EXPECT_EQ(run_raw(self, segs, 1, 1), 0U);
	/* Status of no length. */
	segs[0].len = 16;
	segs[1].len = 0;
	EXPECT_EQ(run_raw(self, segs, 1, 1), 0U);
	count = tvm_dev_stat(&self->rig.dev, 0, "malformed");
	EXPECT_EQ(count, 6ULL);
	check_untouched(self);
	EXPECT_EQ(tvm_blk_io(self->vq, VIRTIO_BLK_T_IN, 0, self->gpa, 512), VIRTIO_BLK_S_OK);
}

TEST_F(status, unmapped)
{
	const uint64_t end = tvm_mem_end(&self->rig.mem);
	const uint64_t bad[] = { end, end - 256, 0xf0000000, 1ULL << 52, ~0ULL - 4095 };
	struct virtio_blk_outhdr header = { .type = VIRTIO_BLK_T_IN };
	struct tvm_seg segs[] = {
		{ self->gpa, 16 }, { 0, 4095 }, { self->gpa + 64, 1 },
	};
	uint8_t *status = tvm_mem_ptr(&self->rig.mem, self->gpa + 64, 1);
	unsigned int i;

	tvm_mem_write(&self->rig.mem, self->gpa, &header, sizeof(header));
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		/* Data nowhere: an error status. */
		*status = TVM_BLK_NO_STATUS;
		segs[0].gpa = self->gpa;
		segs[1] = (struct tvm_seg){ bad[i], 1024 };
		EXPECT_EQ(run_raw(self, segs, 1, 2), 1U);
		EXPECT_EQ(*status, VIRTIO_BLK_S_IOERR);
		/* Header nowhere. */
		*status = TVM_BLK_NO_STATUS;
		segs[0].gpa = bad[i] == end - 256 ? end - 8 : bad[i];
		segs[1] = (struct tvm_seg){ self->gpa + 4096, 1024 };
		EXPECT_EQ(run_raw(self, segs, 1, 2), 1U);
		EXPECT_EQ(*status, VIRTIO_BLK_S_IOERR);
	}
	/* Status nowhere: it still comes back. */
	segs[0].gpa = self->gpa;
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		segs[2].gpa = bad[i] == end - 256 ? end : bad[i];
		EXPECT_EQ(run_raw(self, segs, 1, 2), 0U);
	}
}

/* Data across regions that touch in guest addresses, but not in ours. */
TEST_F(status, across_regions)
{
	const uint64_t seam = self->rig.mem.regions[1].gpa;
	static const unsigned int before[] = { 512, 4096, 1, 255, 3000 };
	char *buf = malloc(8192), *disk = aligned_alloc(TVM_PAGE, 8192);
	unsigned int i;

	ASSERT_TRUE(buf && disk);
	for (i = 0; i < sizeof(before) / sizeof(before[0]); i++) {
		tvm_pattern_fill(buf, 8192, 1000 + i);
		tvm_mem_write(&self->rig.mem, seam - before[i], buf, 8192);
		EXPECT_EQ(tvm_blk_io(self->vq, VIRTIO_BLK_T_OUT, 64, seam - before[i], 8192),
			  VIRTIO_BLK_S_OK);
		ASSERT_EQ(pread(self->rig.disk.fd, disk, 8192, 64 * 512), 8192);
		EXPECT_TRUE(tvm_pattern_check(disk, 8192, 1000 + i));
		tvm_mem_fill(&self->rig.mem, seam - before[i], 0, 8192);
		EXPECT_EQ(tvm_blk_io(self->vq, VIRTIO_BLK_T_IN, 64, seam - before[i], 8192),
			  VIRTIO_BLK_S_OK);
		tvm_mem_read(&self->rig.mem, seam - before[i], buf, 8192);
		EXPECT_TRUE(tvm_pattern_check(buf, 8192, 1000 + i));
	}
	free(buf);
	free(disk);
}

/* Guest memory whose pages the VMM protected, dropped or truncated. */
TEST_F(status, memory_gone)
{
	struct tvm_region *last = &self->rig.mem.regions[2];
	uint64_t gpa = last->gpa + last->size - 4 * TVM_PAGE;
	char *hva = tvm_mem_ptr(&self->rig.mem, gpa, TVM_PAGE);

	ASSERT_EQ(mprotect(hva, TVM_PAGE, PROT_NONE), 0);
	EXPECT_EQ(tvm_blk_io(self->vq, VIRTIO_BLK_T_IN, 0, gpa, 4096), VIRTIO_BLK_S_IOERR);
	EXPECT_EQ(tvm_blk_io(self->vq, VIRTIO_BLK_T_OUT, 0, gpa, 4096), VIRTIO_BLK_S_IOERR);
	ASSERT_EQ(mprotect(hva, TVM_PAGE, PROT_READ), 0);
	EXPECT_EQ(tvm_blk_io(self->vq, VIRTIO_BLK_T_IN, 0, gpa, 4096), VIRTIO_BLK_S_IOERR);
	ASSERT_EQ(mprotect(hva, TVM_PAGE, PROT_READ | PROT_WRITE), 0);
	EXPECT_EQ(tvm_blk_io(self->vq, VIRTIO_BLK_T_IN, 0, gpa, 4096), VIRTIO_BLK_S_OK);

	ASSERT_EQ(fallocate(self->rig.mem.fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
			    last->file_offset + last->size - 4 * TVM_PAGE, TVM_PAGE), 0);
	EXPECT_EQ(tvm_blk_io(self->vq, VIRTIO_BLK_T_IN, 0, gpa, 4096), VIRTIO_BLK_S_OK);
	EXPECT_TRUE(tvm_pattern_check(hva, 4096, SEED));

	ASSERT_EQ(ftruncate(self->rig.mem.fd, last->file_offset + last->size - 4 * TVM_PAGE),
		  0);
	EXPECT_EQ(tvm_blk_io(self->vq, VIRTIO_BLK_T_IN, 0, gpa, 4096), VIRTIO_BLK_S_IOERR);
	EXPECT_EQ(tvm_blk_io(self->vq, VIRTIO_BLK_T_OUT, 0, gpa, 4096), VIRTIO_BLK_S_IOERR);
	EXPECT_EQ(tvm_blk_io(self->vq, VIRTIO_BLK_T_IN, 0, self->gpa, 4096),
		  VIRTIO_BLK_S_OK);
}

/* Read-only because the descriptor is, and because the VMM says so. */
FIXTURE(readonly) {
	struct tvm_rig rig;
};

FIXTURE_VARIANT(readonly) {
	bool by_fd;
};

FIXTURE_VARIANT_ADD(readonly, descriptor) { .by_fd = true };
FIXTURE_VARIANT_ADD(readonly, flag) { .by_fd = false };

FIXTURE_SETUP(readonly)
{
	static const struct vha_blk_params params = { .flags = VHA_BLK_F_READ_ONLY };
	struct tvm_rig_options options = {
		.params = variant->by_fd ? NULL : &params, .stopped = true,
	};

	tvm_rig_create(&self->rig, &options);
	if (variant->by_fd) {
		int fd = open(self->rig.disk.path, O_RDONLY | O_DIRECT);

		ASSERT_GE(fd, 0);
		ASSERT_EQ(tvm_dev_backend_set(&self->rig.dev, fd, 0), 0);
		close(fd);
	}
}

FIXTURE_TEARDOWN(readonly)
{
	tvm_rig_destroy(&self->rig);
}

TEST_F(readonly, refuses_writes)
{
	static const uint32_t types[] = {
		VIRTIO_BLK_T_OUT, VIRTIO_BLK_T_DISCARD, VIRTIO_BLK_T_WRITE_ZEROES,
		VIRTIO_BLK_T_SECURE_ERASE,
	};
	struct tvm_queue *vq = &self->rig.vqs[0];
	uint64_t gpa = tvm_mem_alloc(&self->rig.mem, 4096, 4096);
	struct virtio_blk_discard_write_zeroes range = { .num_sectors = 8 };
	uint64_t offered[2], features = tvm_config_features(&vq->cfg);
	unsigned int i;
	int status;

	ASSERT_EQ(tvm_dev_features_get(&self->rig.dev, offered), 0);
	EXPECT_TRUE(offered[0] & TVM_BIT(VIRTIO_BLK_F_RO));
	features |= offered[0] & (TVM_BIT(VIRTIO_BLK_F_RO) | TVM_BIT(VIRTIO_BLK_F_DISCARD) |
		TVM_BIT(VIRTIO_BLK_F_WRITE_ZEROES) | TVM_BIT(VIRTIO_BLK_F_SECURE_ERASE));
	ASSERT_EQ(tvm_dev_features_set(&self->rig.dev, features, 0), 0);
	tvm_rig_disk_fill(&self->rig, SEED);
	ASSERT_EQ(tvm_queue_start(vq), 0);
	for (i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		tvm_mem_write(&self->rig.mem, gpa, &range, sizeof(range));
		status = tvm_blk_io(vq, types[i], 0, gpa, i ? sizeof(range) : 512);
		EXPECT_TRUE(status == VIRTIO_BLK_S_IOERR ||
			    (i && status == VIRTIO_BLK_S_UNSUPP));
	}
	EXPECT_EQ(tvm_blk_io(vq, VIRTIO_BLK_T_IN, 0, gpa, 4096), VIRTIO_BLK_S_OK);
	EXPECT_TRUE(tvm_pattern_check(tvm_mem_ptr(&self->rig.mem, gpa, 4096), 4096, SEED));
	EXPECT_EQ(tvm_disk_stat(&self->rig.disk, TVM_DISK_DISCARDS), 0);
}

/* Logical blocks of 4 KiB: nothing smaller, nothing between. */
TEST(block_size)
{
	static const char *const disk[] = {
		"memory_backed=1", "size=16", "blocksize=4096", NULL,
	};
	struct tvm_rig_options options = { .disk = disk };
	struct virtio_blk_config config;
	struct tvm_rig rig;
	uint64_t gpa;

	tvm_rig_create(&rig, &options);
	gpa = tvm_mem_alloc(&rig.mem, 8192, 4096);
	ASSERT_EQ(tvm_dev_config_get(&rig.dev, 0, &config, 60), 0);
	EXPECT_EQ(config.blk_size, 4096U);
	EXPECT_EQ(tvm_blk_io(&rig.vqs[0], VIRTIO_BLK_T_IN, 8, gpa, 4096), VIRTIO_BLK_S_OK);
	EXPECT_EQ(tvm_blk_io(&rig.vqs[0], VIRTIO_BLK_T_IN, 8, gpa + 3, 4096), VIRTIO_BLK_S_OK);
	EXPECT_EQ(tvm_blk_io(&rig.vqs[0], VIRTIO_BLK_T_IN, 1, gpa, 4096), VIRTIO_BLK_S_IOERR);
	EXPECT_EQ(tvm_blk_io(&rig.vqs[0], VIRTIO_BLK_T_IN, 0, gpa, 512), VIRTIO_BLK_S_IOERR);
	EXPECT_EQ(tvm_blk_io(&rig.vqs[0], VIRTIO_BLK_T_OUT, 7, gpa, 4096), VIRTIO_BLK_S_IOERR);
	EXPECT_EQ(tvm_blk_io(&rig.vqs[0], VIRTIO_BLK_T_OUT, 0, gpa, 2048), VIRTIO_BLK_S_IOERR);
	tvm_rig_destroy(&rig);
}

HARNESS_MAIN
