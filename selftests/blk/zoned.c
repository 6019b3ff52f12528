// SPDX-License-Identifier: GPL-2.0-only
/*
 * blk: zoned requests on a zoned disk
 */
#include <stdlib.h>
#include <unistd.h>

#include "tvm_rig.h"

#define ZONE		8192ULL		/* sectors: 4 MiB */
#define CONVENTIONAL	2
#define ZONES		16
#define FIRST		(CONVENTIONAL * ZONE)

FIXTURE(zoned) {
	struct tvm_rig rig;
	struct tvm_queue *vq;
	struct virtio_blk_config config;
	uint64_t gpa;
};

FIXTURE_VARIANT(zoned) {
	struct tvm_config cfg;
};

TVM_RIG_TWO_FORMATS(zoned);

static const char *const zoned_disk[] = {
	"zoned=1", "memory_backed=1", "size=64", "zone_size=4", "zone_nr_conv=2",
	"zone_max_open=4", "zone_max_active=4", "irqmode=1", "blocksize=512", NULL,
};

FIXTURE_SETUP(zoned)
{
	struct tvm_rig_options options = {
		.cfg = variant->cfg, .disk = zoned_disk,
		.features = TVM_BIT(VIRTIO_BLK_F_ZONED) | TVM_BIT(VIRTIO_BLK_F_FLUSH),
	};

	tvm_rig_create(&self->rig, &options);
	self->vq = &self->rig.vqs[0];
	self->gpa = tvm_mem_alloc(&self->rig.mem, 64 * TVM_PAGE, TVM_PAGE);
	ASSERT_EQ(tvm_dev_config_get(&self->rig.dev, 0, &self->config, sizeof(self->config)),
		  0);
}

FIXTURE_TEARDOWN(zoned)
{
	tvm_rig_destroy(&self->rig);
}

static int manage(struct zoned_fixture *self, uint32_t type, uint64_t sector)
{
	return tvm_blk_io(self->vq, type, sector, 0, 0);
}

static int put(struct zoned_fixture *self, uint64_t sector, uint32_t len)
{
	return tvm_blk_io(self->vq, VIRTIO_BLK_T_OUT, sector, self->gpa, len);
}

/* Appends and says where the device put it. */
static int append(struct zoned_fixture *self, uint64_t zone, uint32_t len, uint64_t *where)
{
	struct virtio_blk_outhdr header = { .type = VIRTIO_BLK_T_ZONE_APPEND, .sector = zone };
	uint64_t meta = tvm_mem_alloc(&self->rig.mem, 64, 8);
	struct tvm_seg segs[] = { { meta, 16 }, { self->gpa, len }, { meta + 32, 9 } };
	struct tvm_used used;
	uint8_t tail[9];

	tvm_mem_write(&self->rig.mem, meta, &header, sizeof(header));
	tvm_mem_fill(&self->rig.mem, meta + 32, 0xee, 9);
	EXPECT_GE(tvm_queue_add(self->vq, segs, 2, 1, NULL, 0), 0);
	tvm_queue_kick(self->vq);
	EXPECT_EQ(tvm_queue_wait(self->vq, &used, harness_scaled(10000)), 0);
	tvm_mem_read(&self->rig.mem, meta + 32, tail, 9);
	memcpy(where, tail, sizeof(*where));
	if (tail[8] == VIRTIO_BLK_S_OK)
		EXPECT_EQ(used.len, 9U);
	return tail[8];
}

/* Reports zones from @sector into guest memory. */
static struct virtio_blk_zone_report *report(struct zoned_fixture *self, uint64_t sector,
					     unsigned int room)
{
	uint32_t len = sizeof(struct virtio_blk_zone_report) +
		       room * sizeof(struct virtio_blk_zone_descriptor);
	struct tvm_seg data = { self->gpa, len };
	struct tvm_blk_req req;

	tvm_blk_req_init(&req, &self->rig.mem);
	req.type = VIRTIO_BLK_T_ZONE_REPORT;
	req.sector = sector;
	req.data = &data;
	req.nr = 1;
	req.data_in = true;
	tvm_mem_fill(&self->rig.mem, self->gpa, 0xee, len);
	EXPECT_EQ(tvm_blk_run(self->vq, &req, NULL, 0), VIRTIO_BLK_S_OK);
	return tvm_mem_ptr(&self->rig.mem, self->gpa, len);
}

static uint64_t write_pointer(struct zoned_fixture *self, uint64_t zone)
{
	return report(self, zone, 1)->zones[0].z_wp;
}

TEST_F(zoned, config)
{
	const struct virtio_blk_config *c = &self->config;
	uint64_t offered[2];

	EXPECT_EQ(c->zoned.model, VIRTIO_BLK_Z_HM);
	EXPECT_EQ(c->zoned.zone_sectors, ZONE);
	EXPECT_EQ(c->zoned.max_open_zones, 4U);
	EXPECT_EQ(c->zoned.max_active_zones, 4U);
	EXPECT_GE(c->zoned.max_append_sectors, 8U);
	EXPECT_EQ(c->zoned.write_granularity, 512U);
	/* An append must fit into what a request may be. */
	EXPECT_LE((uint64_t)c->zoned.max_append_sectors * 512, (uint64_t)c->seg_max * c->size_max);
	ASSERT_EQ(tvm_dev_features_get(&self->rig.dev, offered), 0);
	EXPECT_FALSE(offered[0] & TVM_BIT(VIRTIO_BLK_F_DISCARD));
}

/* A driver that does not know zones must not get such a disk. */
TEST_F(zoned, needs_feature)
{
	uint64_t features = tvm_config_features(&variant->cfg);

	ASSERT_EQ(tvm_queue_stop(self->vq, NULL), 0);
	EXPECT_EQ(tvm_dev_ioctl(&self->rig.dev, VHOST_SET_FEATURES, &features), -EINVAL);
	ASSERT_EQ(tvm_queue_start(self->vq), 0);
}

TEST_F(zoned, report)
{
	struct virtio_blk_zone_report *r = report(self, 0, ZONES + 4);
	unsigned int i;

	ASSERT_EQ(r->nr_zones, (uint64_t)ZONES);
	for (i = 0; i < ZONES; i++) {
		EXPECT_EQ(r->zones[i].z_start, i * ZONE);
		EXPECT_EQ(r->zones[i].z_cap, ZONE);
		EXPECT_EQ(r->zones[i].z_type, i < CONVENTIONAL ? VIRTIO_BLK_ZT_CONV :
			  VIRTIO_BLK_ZT_SWR);
		if (i >= CONVENTIONAL)
			EXPECT_EQ(r->zones[i].z_state, VIRTIO_BLK_ZS_EMPTY);
	}
	r = report(self, FIRST, 3);
	EXPECT_EQ(r->nr_zones, 3ULL);
	EXPECT_EQ(r->zones[0].z_start, (uint64_t)FIRST);
	r = report(self, (ZONES - 1) * ZONE, 3);
	EXPECT_EQ(r->nr_zones, 1ULL);
}

TEST_F(zoned, write)
{
	EXPECT_EQ(put(self, FIRST, 4096), VIRTIO_BLK_S_OK);
	EXPECT_EQ(write_pointer(self, FIRST), FIRST + 8ULL);
	EXPECT_EQ(put(self, FIRST + 8, 512), VIRTIO_BLK_S_OK);
	/* Before and after the write pointer. */
	EXPECT_EQ(put(self, FIRST, 512), VIRTIO_BLK_S_ZONE_UNALIGNED_WP);
	EXPECT_EQ(put(self, FIRST + 16, 512), VIRTIO_BLK_S_ZONE_UNALIGNED_WP);
	EXPECT_EQ(write_pointer(self, FIRST), FIRST + 9ULL);
	/* Conventional zones take writes anywhere. */
	EXPECT_EQ(put(self, 100, 4096), VIRTIO_BLK_S_OK);
	EXPECT_EQ(put(self, 0, 4096), VIRTIO_BLK_S_OK);
	EXPECT_EQ(tvm_blk_io(self->vq, VIRTIO_BLK_T_IN, FIRST, self->gpa, 4096),
		  VIRTIO_BLK_S_OK);
}

TEST_F(zoned, append)
{
	uint64_t where;
	unsigned int i;

	for (i = 0; i < 4; i++) {
		EXPECT_EQ(append(self, FIRST, 4096, &where), VIRTIO_BLK_S_OK);
		EXPECT_EQ(where, FIRST + 8ULL * i);
	}
	EXPECT_EQ(write_pointer(self, FIRST), FIRST + 32ULL);
	/* Not at the start of a zone, conventional, behind the end, too long. */
	EXPECT_EQ(append(self, FIRST + 8, 4096, &where), VIRTIO_BLK_S_ZONE_INVALID_CMD);
	EXPECT_EQ(append(self, 0, 4096, &where), VIRTIO_BLK_S_ZONE_INVALID_CMD);
	EXPECT_EQ(append(self, ZONES * ZONE, 4096, &where), VIRTIO_BLK_S_ZONE_INVALID_CMD);
	EXPECT_NE(append(self, FIRST, 513, &where), VIRTIO_BLK_S_OK);
	EXPECT_EQ(write_pointer(self, FIRST), FIRST + 32ULL);
}

/* Reply and status are the last nine bytes, however the driver cuts. */
TEST_F(zoned, append_framing)
{
	struct tvm_seg data = { self->gpa, 4096 };
	struct tvm_blk_req req;
	uint64_t where;
	unsigned int i;

	for (i = 0; i < 2 * tvm_cuts_nr; i++) {
		tvm_blk_req_init(&req, &self->rig.mem);
		req.type = VIRTIO_BLK_T_ZONE_APPEND;
		req.sector = FIRST;
		req.data = &data;
		req.nr = 1;
		req.status = tvm_mem_alloc(&self->rig.mem, 9, 1);
		req.status_len = 9;
		EXPECT_EQ(tvm_blk_run(self->vq, &req, &tvm_cuts[i % tvm_cuts_nr],
				      i < tvm_cuts_nr ? 0 : TVM_ADD_INDIRECT),
			  VIRTIO_BLK_S_OK);
		EXPECT_EQ(req.used.len, 9U);
		tvm_mem_read(&self->rig.mem, req.status, &where, sizeof(where));
		EXPECT_EQ(where, FIRST + 8ULL * i);
	}
	/* Without room for the reply there is nothing to append with. */
	req.status_len = 8;
	EXPECT_EQ(tvm_blk_run(self->vq, &req, NULL, 0), VIRTIO_BLK_S_IOERR);
	EXPECT_EQ(write_pointer(self, FIRST), FIRST + 8ULL * i);
}

TEST_F(zoned, manage)
{
	EXPECT_EQ(manage(self, VIRTIO_BLK_T_ZONE_OPEN, FIRST), VIRTIO_BLK_S_OK);
	EXPECT_EQ(report(self, FIRST, 1)->zones[0].z_state, VIRTIO_BLK_ZS_EOPEN);
	EXPECT_EQ(put(self, FIRST, 512), VIRTIO_BLK_S_OK);
	EXPECT_EQ(manage(self, VIRTIO_BLK_T_ZONE_CLOSE, FIRST), VIRTIO_BLK_S_OK);
	EXPECT_EQ(report(self, FIRST, 1)->zones[0].z_state, VIRTIO_BLK_ZS_CLOSED);
	EXPECT_EQ(manage(self, VIRTIO_BLK_T_ZONE_FINISH, FIRST), VIRTIO_BLK_S_OK);
	EXPECT_EQ(report(self, FIRST, 1)->zones[0].z_state, VIRTIO_BLK_ZS_FULL);
	EXPECT_EQ(put(self, FIRST + 1, 512), VIRTIO_BLK_S_ZONE_INVALID_CMD);
	EXPECT_EQ(manage(self, VIRTIO_BLK_T_ZONE_RESET, FIRST), VIRTIO_BLK_S_OK);
	EXPECT_EQ(report(self, FIRST, 1)->zones[0].z_state, VIRTIO_BLK_ZS_EMPTY);
	EXPECT_EQ(put(self, FIRST, 512), VIRTIO_BLK_S_OK);
	EXPECT_EQ(put(self, FIRST + ZONE, 512), VIRTIO_BLK_S_OK);
	EXPECT_EQ(manage(self, VIRTIO_BLK_T_ZONE_RESET_ALL, 0), VIRTIO_BLK_S_OK);
	EXPECT_EQ(write_pointer(self, FIRST), FIRST);
	EXPECT_EQ(write_pointer(self, FIRST + ZONE), FIRST + ZONE);
}

TEST_F(zoned, manage_bad)
{
	static const uint32_t types[] = {
		VIRTIO_BLK_T_ZONE_OPEN, VIRTIO_BLK_T_ZONE_CLOSE, VIRTIO_BLK_T_ZONE_FINISH,
		VIRTIO_BLK_T_ZONE_RESET,
	};
	unsigned int i;

	for (i = 0; i < 4; i++) {
		/* In the middle, on a conventional zone, behind the end. */
		EXPECT_EQ(manage(self, types[i], FIRST + 1), VIRTIO_BLK_S_ZONE_INVALID_CMD);
		EXPECT_EQ(manage(self, types[i], 0), VIRTIO_BLK_S_ZONE_INVALID_CMD);
		EXPECT_EQ(manage(self, types[i], ZONES * ZONE), VIRTIO_BLK_S_ZONE_INVALID_CMD);
		EXPECT_EQ(manage(self, types[i], ~0ULL & ~(ZONE - 1)),
			  VIRTIO_BLK_S_ZONE_INVALID_CMD);
	}
}

/* More zones than the disk can have open. */
TEST_F(zoned, open_limit)
{
	unsigned int i;
	int status;

	for (i = 0; i < 4; i++)
		EXPECT_EQ(manage(self, VIRTIO_BLK_T_ZONE_OPEN, FIRST + i * ZONE),
			  VIRTIO_BLK_S_OK);
	status = manage(self, VIRTIO_BLK_T_ZONE_OPEN, FIRST + 4 * ZONE);
	EXPECT_TRUE(status == VIRTIO_BLK_S_ZONE_OPEN_RESOURCE ||
		    status == VIRTIO_BLK_S_ZONE_ACTIVE_RESOURCE ||
		    status == VIRTIO_BLK_S_IOERR);
}

/* On an ordinary disk none of this exists. */
TEST(not_zoned)
{
	struct tvm_rig_options options = { .stopped = false };
	struct tvm_rig rig;
	uint32_t type;

	tvm_rig_create(&rig, &options);
	for (type = VIRTIO_BLK_T_ZONE_APPEND; type <= VIRTIO_BLK_T_ZONE_RESET_ALL; type++)
		EXPECT_EQ(tvm_blk_io(&rig.vqs[0], type, 0, 0, 0), VIRTIO_BLK_S_UNSUPP);
	tvm_rig_destroy(&rig);
}

HARNESS_MAIN
