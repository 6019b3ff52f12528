// SPDX-License-Identifier: GPL-2.0-only
/*
 * What tests of "vhost-accel serve" start from
 */
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "tvm_serve.h"

#define IO_SIZE	16384U

/**
 * tvm_serve_create() - start a server and connect; a failure fails the test
 * @serve: filled in
 * @args: further options of the server, or NULL
 */
void tvm_serve_create(struct tvm_serve *serve, const char *const *args)
{
	memset(serve, 0, sizeof(*serve));
	serve->front.fd = -1;
	tvm_mem_create_default(&serve->mem);
	ASSERT_EQ(tvm_server_prepare(&serve->server), 0);
	ASSERT_EQ(tvm_server_start(&serve->server, args), 0);
	ASSERT_EQ(tvm_front_connect(&serve->front, serve->server.socket), 0);
}

/**
 * tvm_serve_destroy() - undo tvm_serve_create(), as far as it got
 * @serve: what to destroy
 */
void tvm_serve_destroy(struct tvm_serve *serve)
{
	tvm_front_close(&serve->front);
	tvm_queue_destroy(&serve->vq);
	tvm_server_remove(&serve->server);
	tvm_mem_destroy(&serve->mem);
}

/**
 * tvm_serve_reconnect() - disconnect, and connect again
 * @serve: with or without a connection
 *
 * The server has answered a request when this returns, and so has let go of
 * what it had of the last connection.
 */
void tvm_serve_reconnect(struct tvm_serve *serve)
{
	uint64_t features;

	tvm_front_close(&serve->front);
	tvm_queue_destroy(&serve->vq);
	ASSERT_EQ(tvm_front_connect(&serve->front, serve->server.socket), 0);
	ASSERT_EQ(tvm_front_get(&serve->front, TVM_USER_GET_FEATURES, &features), 0);
	ASSERT_TRUE(features & TVM_USER_F_PROTOCOL);
}

/**
 * tvm_serve_queue() - all from the first message to a running queue
 * @serve: with a new connection
 * @cfg: layout of the queue
 * @features: features beyond those of @cfg
 */
void tvm_serve_queue(struct tvm_serve *serve, const struct tvm_config *cfg,
		     uint64_t features)
{
	struct tvm_front *front = &serve->front;

	ASSERT_EQ(tvm_front_handshake(front, tvm_config_features(cfg) | features), 0);
	ASSERT_EQ(tvm_front_mem_set(front, &serve->mem), 0);
	ASSERT_EQ(tvm_queue_init(&serve->vq, &front->dev, 0, 64, cfg), 0);
	ASSERT_EQ(tvm_front_queue_start(front, &serve->vq), 0);
}

/**
 * tvm_serve_io() - write, look into the image, and read back
 * @serve: with a running queue
 * @sector: where
 * @seed: what
 */
void tvm_serve_io(struct tvm_serve *serve, uint64_t sector, uint64_t seed)
{
	uint64_t gpa = tvm_mem_alloc(&serve->mem, IO_SIZE, TVM_PAGE);
	char *guest = tvm_mem_ptr(&serve->mem, gpa, IO_SIZE);
	char *host = malloc(IO_SIZE);
	int image;

	ASSERT_TRUE(host);
	tvm_pattern_fill(guest, IO_SIZE, seed);
	ASSERT_EQ(tvm_blk_io(&serve->vq, VIRTIO_BLK_T_OUT, sector, gpa, IO_SIZE),
		  VIRTIO_BLK_S_OK);
	image = open(serve->server.image, O_RDONLY | O_CLOEXEC);
	ASSERT_EQ(pread(image, host, IO_SIZE, sector * TVM_BLK_SECTOR), (ssize_t)IO_SIZE);
	close(image);
	ASSERT_TRUE(tvm_pattern_check(host, IO_SIZE, seed));
	memset(guest, 0, IO_SIZE);
	ASSERT_EQ(tvm_blk_io(&serve->vq, VIRTIO_BLK_T_IN, sector, gpa, IO_SIZE),
		  VIRTIO_BLK_S_OK);
	ASSERT_TRUE(tvm_pattern_check(guest, IO_SIZE, seed));
	free(host);
}
