// SPDX-License-Identifier: GPL-2.0-only
/*
 * serve: what a well behaved front end asks for
 */
#include <poll.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tvm_serve.h"

#define CONFIG_SIZE	96
#define WCE_OFFSET	32
#define LOG_PAGE	4096
#define LOG_ALL		TVM_BIT(VHOST_F_LOG_ALL)

FIXTURE(protocol) {
	struct tvm_serve serve;
	struct tvm_front *front;
	struct tvm_queue *vq;
};

FIXTURE_VARIANT(protocol) {
	struct tvm_config cfg;
};

TVM_SERVE_FORMATS(protocol);

FIXTURE_SETUP(protocol)
{
	self->front = &self->serve.front;
	self->vq = &self->serve.vq;
	tvm_serve_create(&self->serve, NULL);
}

FIXTURE_TEARDOWN(protocol)
{
	tvm_serve_destroy(&self->serve);
}

TEST_F(protocol, numbers)
{
	uint64_t value;

	ASSERT_EQ(tvm_front_get(self->front, TVM_USER_GET_FEATURES, &value), 0);
	EXPECT_TRUE(value & TVM_USER_F_PROTOCOL);
	EXPECT_TRUE(value & TVM_BIT(VIRTIO_F_VERSION_1));
	EXPECT_TRUE(value & LOG_ALL);
	ASSERT_EQ(tvm_front_get(self->front, TVM_USER_GET_PROTOCOL_FEATURES, &value), 0);
	EXPECT_EQ(value, TVM_USER_PROTOCOL_ALL);
	ASSERT_EQ(tvm_front_handshake(self->front, TVM_BIT(VIRTIO_F_VERSION_1)), 0);
	ASSERT_EQ(tvm_front_get(self->front, TVM_USER_GET_QUEUE_NUM, &value), 0);
	EXPECT_GE(value, 64ULL);
	ASSERT_EQ(tvm_front_get(self->front, TVM_USER_GET_MAX_MEM_SLOTS, &value), 0);
	EXPECT_GE(value, 64ULL);
	EXPECT_EQ(tvm_front_do(self->front, TVM_USER_RESET_OWNER, NULL, 0, NULL, 0), 0);
}

TEST_F(protocol, io)
{
	unsigned int i;

	tvm_serve_queue(&self->serve, &variant->cfg, 0);
	for (i = 0; i < 100; i++)
		tvm_serve_io(&self->serve, i * 64, i);
}

static int config_access(const struct tvm_front *front, struct tvm_user_config *config,
			 uint32_t offset, uint32_t size)
{
	struct tvm_user_header header;
	int ret;

	memset(config, 0, sizeof(*config));
	config->offset = offset;
	config->size = size;
	ret = tvm_front_send(front, TVM_USER_GET_CONFIG, 0, config, 12 + size, NULL, 0);
	if (!ret)
		ret = tvm_front_receive(front->fd, &header, config, sizeof(*config));
	return ret ? ret : (int)header.size;
}

static uint64_t capacity(const struct tvm_front *front)
{
	struct tvm_user_config config;
	uint64_t sectors;

	ASSERT_EQ(config_access(front, &config, 0, sizeof(sectors)), 20);
	memcpy(&sectors, config.data, sizeof(sectors));
	return sectors;
}

TEST_F(protocol, config_read)
{
	struct tvm_user_config config;
	unsigned int i;

	ASSERT_EQ(tvm_front_handshake(self->front, 0), 0);
	EXPECT_EQ(capacity(self->front), TVM_SERVER_DISK_SIZE / TVM_BLK_SECTOR);
	EXPECT_EQ(config_access(self->front, &config, 0, CONFIG_SIZE), 12 + CONFIG_SIZE);
	/* A front end that knows of more fields gets zeros there. */
	ASSERT_EQ(config_access(self->front, &config, CONFIG_SIZE - 4, 64), 12 + 64);
	for (i = 4; i < 64; i++)
		EXPECT_EQ(config.data[i], 0);
	EXPECT_EQ(config_access(self->front, &config, 0, 256), 12 + 256);
}

static int config_write(const struct tvm_front *front, uint32_t offset, uint32_t size,
			uint32_t flags, const void *data)
{
	struct tvm_user_config config = { .offset = offset, .size = size, .flags = flags };

	memcpy(config.data, data, size);
	return tvm_front_do(front, TVM_USER_SET_CONFIG, &config, 12 + size, NULL, 0);
}

TEST_F(protocol, config_write)
{
	uint64_t features = tvm_config_features(&variant->cfg) |
			    TVM_BIT(VIRTIO_BLK_F_CONFIG_WCE) | TVM_BIT(VIRTIO_BLK_F_FLUSH);
	struct tvm_user_config config;
	uint8_t whole[CONFIG_SIZE], off = 0;

	ASSERT_EQ(tvm_front_handshake(self->front, features), 0);
	ASSERT_EQ(config_access(self->front, &config, 0, CONFIG_SIZE), 12 + CONFIG_SIZE);
	memcpy(whole, config.data, sizeof(whole));
	EXPECT_EQ(whole[WCE_OFFSET], 1);
	EXPECT_EQ(config_write(self->front, WCE_OFFSET, 1, 0, &off), 0);
	ASSERT_EQ(config_access(self->front, &config, WCE_OFFSET, 1), 13);
	EXPECT_EQ(config.data[0], 0);
	/* Only a driver's bytes, unless it comes from a migration. */
	EXPECT_EQ(config_write(self->front, 0, 8, 0, whole), -EREMOTEIO);
	EXPECT_EQ(config_write(self->front, 0, CONFIG_SIZE, 1, whole), 0);
	ASSERT_EQ(config_access(self->front, &config, WCE_OFFSET, 1), 13);
	EXPECT_EQ(config.data[0], 1);
	EXPECT_EQ(capacity(self->front), TVM_SERVER_DISK_SIZE / TVM_BLK_SECTOR);
}

/* A channel for requests of the server; returns our end. */
static int open_channel(const struct tvm_front *front)
{
	int pair[2], ret;

	ASSERT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
	ret = tvm_front_do(front, TVM_USER_SET_BACKEND_REQ_FD, NULL, 0, &pair[1], 1);
	close(pair[1]);
	ASSERT_EQ(ret, 0);
	return pair[0];
}

TEST_F(protocol, config_change)
{
	struct tvm_user_header header;
	int channel;

	tvm_serve_queue(&self->serve, &variant->cfg, 0);
	channel = open_channel(self->front);
	ASSERT_EQ(truncate(self->serve.server.image, TVM_SERVER_DISK_SIZE / 2), 0);
	ASSERT_EQ(tvm_front_receive(channel, &header, NULL, 0), 0);
	EXPECT_EQ(header.request, 2U);
	EXPECT_EQ(header.flags, TVM_USER_VERSION);
	EXPECT_EQ(capacity(self->front), TVM_SERVER_DISK_SIZE / 2 / TVM_BLK_SECTOR);
	close(channel);
}

TEST_F(protocol, hand_over)
{
	unsigned int i, round;
	uint32_t base;

	tvm_serve_queue(&self->serve, &variant->cfg, 0);
	for (round = 0; round < 5; round++) {
		for (i = 0; i < 20; i++)
			tvm_serve_io(&self->serve, i * 32, round * 100 + i);
		ASSERT_EQ(tvm_front_queue_stop(self->front, self->vq, &base), 0);
		EXPECT_EQ(base, tvm_queue_base(self->vq));
		ASSERT_EQ(tvm_front_queue_start(self->front, self->vq), 0);
	}
}

TEST_F(protocol, disable_and_enable)
{
	struct tvm_used used;
	struct tvm_seg data = { tvm_mem_alloc(&self->serve.mem, LOG_PAGE, LOG_PAGE), LOG_PAGE };
	struct tvm_blk_req req;

	tvm_serve_queue(&self->serve, &variant->cfg, 0);
	tvm_blk_req_init(&req, &self->serve.mem);
	req.type = VIRTIO_BLK_T_IN;
	req.data = &data;
	req.nr = 1;
	req.data_in = true;
	ASSERT_EQ(tvm_front_do_ring(self->front, TVM_USER_SET_VRING_ENABLE, 0, 0), 0);
	ASSERT_GE(tvm_blk_submit(self->vq, &req, NULL, 0), 0);
	tvm_queue_notify(self->vq);
	EXPECT_EQ(tvm_queue_wait(self->vq, &used, 200), -ETIMEDOUT);
	ASSERT_EQ(tvm_front_do_ring(self->front, TVM_USER_SET_VRING_ENABLE, 0, 1), 0);
	EXPECT_EQ(tvm_queue_wait(self->vq, &used, harness_scaled(10000)), 0);
}

TEST_F(protocol, memory_slots)
{
	struct tvm_mem *mem = &self->serve.mem;
	unsigned int i;

	ASSERT_EQ(tvm_front_handshake(self->front, tvm_config_features(&variant->cfg)), 0);
	for (i = 0; i < mem->nr; i++)
		ASSERT_EQ(tvm_front_slot(self->front, TVM_USER_ADD_MEM_REG, mem, i), 0);
	EXPECT_EQ(tvm_front_slot(self->front, TVM_USER_ADD_MEM_REG, mem, 0), -EREMOTEIO);
	ASSERT_EQ(tvm_queue_init(self->vq, &self->front->dev, 0, 64, &variant->cfg), 0);
	ASSERT_EQ(tvm_front_queue_start(self->front, self->vq), 0);
	tvm_serve_io(&self->serve, 0, 1);
	/* While the queue runs in the last region. */
	ASSERT_EQ(tvm_front_slot(self->front, TVM_USER_REM_MEM_REG, mem, 0), 0);
	EXPECT_EQ(tvm_front_slot(self->front, TVM_USER_REM_MEM_REG, mem, 0), -EREMOTEIO);
	EXPECT_EQ(tvm_server_maps(&self->serve.server), (int)mem->nr - 1);
	tvm_serve_io(&self->serve, 64, 2);
	ASSERT_EQ(tvm_front_slot(self->front, TVM_USER_ADD_MEM_REG, mem, 0), 0);
	tvm_serve_io(&self->serve, 128, 3);
}

TEST_F(protocol, memory_table_again)
{
	tvm_serve_queue(&self->serve, &variant->cfg, 0);
	tvm_serve_io(&self->serve, 0, 1);
	/* The same regions stay where they are, so that the queue goes on. */
	ASSERT_EQ(tvm_front_mem_set(self->front, &self->serve.mem), 0);
	EXPECT_EQ(tvm_server_maps(&self->serve.server), (int)self->serve.mem.nr);
	tvm_serve_io(&self->serve, 64, 2);
	ASSERT_EQ(tvm_front_do_ring(self->front, TVM_USER_SET_VRING_ENABLE, 0, 0), 0);
	ASSERT_EQ(tvm_front_do_ring(self->front, TVM_USER_SET_VRING_ENABLE, 0, 1), 0);
	tvm_serve_io(&self->serve, 128, 3);
}

static bool dirty(const uint8_t *log, uint64_t gpa)
{
	return log[gpa / LOG_PAGE / 8] & 1U << gpa / LOG_PAGE % 8;
}

static int set_log(const struct tvm_front *front, int fd, uint64_t size)
{
	struct tvm_user_log log = { .size = size };
	struct tvm_user_header header;
	int ret;

	ret = tvm_front_send(front, TVM_USER_SET_LOG_BASE, 0, &log, sizeof(log), &fd, 1);
	if (ret)
		return ret;
	ret = tvm_front_receive(front->fd, &header, &log, sizeof(log));
	return ret ? ret : (int)header.size;
}

TEST_F(protocol, log_while_running)
{
	uint64_t features = tvm_config_features(&variant->cfg) | TVM_USER_F_PROTOCOL;
	uint64_t size = tvm_mem_end(&self->serve.mem) / LOG_PAGE / 8;
	uint64_t gpa = tvm_mem_alloc(&self->serve.mem, 2 * LOG_PAGE, LOG_PAGE);
	int fd = memfd_create("log", MFD_CLOEXEC);
	uint8_t *log;

	ASSERT_EQ(ftruncate(fd, size), 0);
	log = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	ASSERT_TRUE(log != MAP_FAILED);
	tvm_serve_queue(&self->serve, &variant->cfg, 0);
	ASSERT_EQ(set_log(self->front, fd, size), 0);
	ASSERT_EQ(tvm_blk_io(self->vq, VIRTIO_BLK_T_IN, 0, gpa, LOG_PAGE), VIRTIO_BLK_S_OK);
	EXPECT_FALSE(dirty(log, gpa));
	/* As VMMs do: first the feature, then the flag of each ring. */
	ASSERT_EQ(tvm_front_do_u64(self->front, TVM_USER_SET_FEATURES, features | LOG_ALL), 0);
	self->vq->log = true;
	ASSERT_EQ(tvm_front_addr_set(self->front, self->vq), 0);
	ASSERT_EQ(tvm_blk_io(self->vq, VIRTIO_BLK_T_IN, 0, gpa, LOG_PAGE), VIRTIO_BLK_S_OK);
	EXPECT_TRUE(dirty(log, gpa));
	EXPECT_TRUE(dirty(log, variant->cfg.packed ? self->vq->desc_gpa :
			  self->vq->device_gpa));
	EXPECT_FALSE(dirty(log, gpa + LOG_PAGE));
	ASSERT_EQ(tvm_front_do_u64(self->front, TVM_USER_SET_FEATURES, features), 0);
	memset(log, 0, size);
	ASSERT_EQ(tvm_blk_io(self->vq, VIRTIO_BLK_T_IN, 0, gpa, LOG_PAGE), VIRTIO_BLK_S_OK);
	EXPECT_FALSE(dirty(log, gpa));
	munmap(log, size);
	close(fd);
}

TEST_F(protocol, log_too_small)
{
	int fd = memfd_create("log", MFD_CLOEXEC);

	ASSERT_EQ(ftruncate(fd, 4096), 0);
	tvm_serve_queue(&self->serve, &variant->cfg, 0);
	EXPECT_EQ(set_log(self->front, fd, 4096), -ECONNRESET);
	EXPECT_EQ(tvm_server_logged(&self->serve.server, "does not cover"), 1U);
	close(fd);
}

/* Without its call eventfd, which front ends do not send again. */
static int start_again(struct tvm_front *front, struct tvm_queue *vq)
{
	int ret = tvm_front_do_ring(front, TVM_USER_SET_VRING_NUM, vq->index, vq->num);

	if (!ret)
		ret = tvm_front_do_ring(front, TVM_USER_SET_VRING_BASE, vq->index,
					tvm_queue_base(vq));
	if (!ret)
		ret = tvm_front_addr_set(front, vq);
	if (!ret)
		ret = tvm_front_do_ring_fd(front, TVM_USER_SET_VRING_KICK, vq->index,
					   vq->kick_fd);
	if (!ret)
		ret = tvm_front_do_ring(front, TVM_USER_SET_VRING_ENABLE, vq->index, 1);
	return ret;
}

TEST_F(protocol, status)
{
	uint64_t features = tvm_config_features(&variant->cfg) | TVM_USER_F_PROTOCOL;
	uint64_t status;

	tvm_serve_queue(&self->serve, &variant->cfg, 0);
	ASSERT_EQ(tvm_front_do_u64(self->front, TVM_USER_SET_STATUS, 15), 0);
	ASSERT_EQ(tvm_front_get(self->front, TVM_USER_GET_STATUS, &status), 0);
	EXPECT_EQ(status, 15ULL);
	tvm_serve_io(&self->serve, 0, 1);
	ASSERT_EQ(tvm_front_do_u64(self->front, TVM_USER_SET_STATUS, 0), 0);
	ASSERT_EQ(tvm_front_get(self->front, TVM_USER_GET_STATUS, &status), 0);
	EXPECT_EQ(status, 0ULL);
	tvm_queue_reset(self->vq);
	ASSERT_EQ(tvm_front_do_u64(self->front, TVM_USER_SET_FEATURES, features), 0);
	ASSERT_EQ(start_again(self->front, self->vq), 0);
	tvm_serve_io(&self->serve, 0, 2);
}

TEST_F(protocol, features_refused)
{
	uint64_t status;

	ASSERT_EQ(tvm_front_handshake(self->front, 0), 0);
	EXPECT_EQ(tvm_front_do_u64(self->front, TVM_USER_SET_FEATURES, TVM_BIT(63)),
		  -EREMOTEIO);
	ASSERT_EQ(tvm_front_do_u64(self->front, TVM_USER_SET_STATUS, 11), 0);
	ASSERT_EQ(tvm_front_get(self->front, TVM_USER_GET_STATUS, &status), 0);
	EXPECT_EQ(status, 3ULL);
}

TEST_F(protocol, reset_device)
{
	uint64_t features = tvm_config_features(&variant->cfg) | TVM_USER_F_PROTOCOL;

	tvm_serve_queue(&self->serve, &variant->cfg, 0);
	tvm_serve_io(&self->serve, 0, 1);
	ASSERT_EQ(tvm_front_do(self->front, TVM_USER_RESET_DEVICE, NULL, 0, NULL, 0), 0);
	tvm_queue_reset(self->vq);
	ASSERT_EQ(tvm_front_do_u64(self->front, TVM_USER_SET_FEATURES, features), 0);
	ASSERT_EQ(start_again(self->front, self->vq), 0);
	tvm_serve_io(&self->serve, 0, 2);
}

/* Without protocol features rings are enabled from the start. */
TEST_F(protocol, no_protocol_features)
{
	uint64_t features = tvm_config_features(&variant->cfg);
	struct vhost_vring_state size = { 0, 64 }, base = { 0, 0 };
	struct vhost_vring_addr addr = { 0 };
	struct tvm_user_table table = { .nr = self->serve.mem.nr };
	uint64_t ring = 0, offered;
	int fds[TVM_REGIONS_MAX];
	unsigned int i;

	for (i = 0; i < table.nr; i++) {
		tvm_front_region(&self->serve.mem, i, &table.regions[i]);
		fds[i] = self->serve.mem.fd;
	}
	self->front->dev.mem = &self->serve.mem;
	ASSERT_EQ(tvm_queue_init(self->vq, &self->front->dev, 0, 64, &variant->cfg), 0);
	base.num = tvm_queue_base(self->vq);
	addr.desc_user_addr = (uintptr_t)self->vq->desc;
	addr.avail_user_addr = (uintptr_t)self->vq->avail;
	addr.used_user_addr = (uintptr_t)self->vq->used;
#define SEND(request, data, fd, nr)						\
	ASSERT_EQ(tvm_front_send(self->front, TVM_USER_##request, 0, &(data),	\
				 sizeof(data), fd, nr), 0)
	SEND(SET_FEATURES, features, NULL, 0);
	ASSERT_EQ(tvm_front_send(self->front, TVM_USER_SET_MEM_TABLE, 0, &table,
				 8 + table.nr * 32, fds, table.nr), 0);
	SEND(SET_VRING_NUM, size, NULL, 0);
	SEND(SET_VRING_BASE, base, NULL, 0);
	SEND(SET_VRING_ADDR, addr, NULL, 0);
	SEND(SET_VRING_CALL, ring, &self->vq->call_fd, 1);
	SEND(SET_VRING_KICK, ring, &self->vq->kick_fd, 1);
#undef SEND
	ASSERT_EQ(tvm_front_get(self->front, TVM_USER_GET_FEATURES, &offered), 0);
	tvm_serve_io(&self->serve, 0, 1);
}

TEST_F(protocol, polled_ring_refused)
{
	tvm_serve_queue(&self->serve, &variant->cfg, 0);
	EXPECT_EQ(tvm_front_do_ring_fd(self->front, TVM_USER_SET_VRING_KICK, 1, -1),
		  -EREMOTEIO);
	/* A ring nobody is told about is no problem. */
	EXPECT_EQ(tvm_front_do_ring_fd(self->front, TVM_USER_SET_VRING_CALL, 0, -1), 0);
	EXPECT_EQ(tvm_front_do_ring_fd(self->front, TVM_USER_SET_VRING_ERR, 0, -1), 0);
	EXPECT_EQ(tvm_front_do_ring_fd(self->front, TVM_USER_SET_VRING_CALL, 0,
				       self->vq->call_fd), 0);
	tvm_serve_io(&self->serve, 0, 1);
}

/* Answers what the server asks for until the request is done. */
static int run_with_iotlb(struct protocol_fixture *self, int channel,
			  const struct tvm_blk_req *req, unsigned int *misses)
{
	struct pollfd waits[] = {
		{ .fd = channel, .events = POLLIN },
		{ .fd = self->vq->call_fd, .events = POLLIN },
	};
	struct vhost_iotlb_msg msg;
	struct tvm_user_header header;
	struct tvm_used used;
	uint64_t page;

	while (!tvm_queue_poll(self->vq, &used)) {
		tvm_event_read(self->vq->call_fd);
		if (!tvm_queue_call_enable(self->vq) &&
		    poll(waits, 2, harness_scaled(10000)) < 1)
			return -ETIMEDOUT;
		if (!(waits[0].revents & POLLIN))
			continue;
		waits[0].revents = 0;
		ASSERT_EQ(tvm_front_receive(channel, &header, &msg, sizeof(msg)), 0);
		ASSERT_EQ(header.request, 1U);
		ASSERT_EQ(msg.type, VHOST_IOTLB_MISS);
		page = msg.iova & ~(uint64_t)(LOG_PAGE - 1);
		msg.uaddr = (uintptr_t)tvm_mem_ptr(&self->serve.mem, page, LOG_PAGE);
		msg.iova = page;
		msg.size = LOG_PAGE;
		msg.perm = VHOST_ACCESS_RW;
		msg.type = VHOST_IOTLB_UPDATE;
		ASSERT_EQ(tvm_front_do(self->front, TVM_USER_IOTLB_MSG, &msg, sizeof(msg),
				       NULL, 0), 0);
		(*misses)++;
	}
	return used.cookie == req ? 0 : -EPROTO;
}

TEST_F(protocol, iotlb)
{
	struct tvm_mem *mem = &self->serve.mem;
	struct tvm_seg data = { tvm_mem_alloc(mem, 4 * LOG_PAGE, LOG_PAGE), 4 * LOG_PAGE };
	struct vhost_iotlb_msg all = { .iova = data.gpa, .size = data.len,
				       .type = VHOST_IOTLB_INVALIDATE };
	unsigned int misses = 0, before;
	struct tvm_blk_req req;
	int channel;

	tvm_blk_req_init(&req, mem);
	req.type = VIRTIO_BLK_T_IN;
	req.data = &data;
	req.nr = 1;
	req.data_in = true;
	tvm_serve_queue(&self->serve, &variant->cfg, TVM_BIT(VIRTIO_F_ACCESS_PLATFORM));
	channel = open_channel(self->front);
	ASSERT_GE(tvm_blk_submit(self->vq, &req, NULL, 0), 0);
	tvm_queue_notify(self->vq);
	ASSERT_EQ(run_with_iotlb(self, channel, &req, &misses), 0);
	EXPECT_GE(misses, 4U);
	before = misses;
	ASSERT_EQ(tvm_front_do(self->front, TVM_USER_IOTLB_MSG, &all, sizeof(all), NULL, 0), 0);
	ASSERT_GE(tvm_blk_submit(self->vq, &req, NULL, 0), 0);
	tvm_queue_notify(self->vq);
	ASSERT_EQ(run_with_iotlb(self, channel, &req, &misses), 0);
	EXPECT_GE(misses - before, 4U);
	/* A region that goes takes all translations along: they led into it. */
	before = misses;
	ASSERT_EQ(tvm_front_slot(self->front, TVM_USER_REM_MEM_REG, mem, 0), 0);
	ASSERT_GE(tvm_blk_submit(self->vq, &req, NULL, 0), 0);
	tvm_queue_notify(self->vq);
	ASSERT_EQ(run_with_iotlb(self, channel, &req, &misses), 0);
	EXPECT_GT(misses - before, 4U);
	close(channel);
}

HARNESS_MAIN
