/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What tests of "vhost-accel serve" start from: a server, and a front end that
 * is connected to it
 */
#ifndef TVM_SERVE_H
#define TVM_SERVE_H

#include "harness.h"
#include "tvm_blk.h"
#include "tvm_disk.h"
#include "tvm_front.h"

/**
 * struct tvm_serve - all of it
 * @server: the program
 * @front: the front end
 * @mem: guest memory
 * @vq: a queue, once started
 */
struct tvm_serve {
	struct tvm_server server;
	struct tvm_front front;
	struct tvm_mem mem;
	struct tvm_queue vq;
};

/* Two ring formats, for fixtures whose variant begins with a tvm_config. */
#define TVM_SERVE_FORMATS(fixture)						\
	FIXTURE_VARIANT_ADD(fixture, split) { .cfg = { .event_idx = true } };	\
	FIXTURE_VARIANT_ADD(fixture, packed)					\
		{ .cfg = { .packed = true, .event_idx = true } }

void tvm_serve_create(struct tvm_serve *serve, const char *const *args);
void tvm_serve_destroy(struct tvm_serve *serve);
void tvm_serve_reconnect(struct tvm_serve *serve);
void tvm_serve_queue(struct tvm_serve *serve, const struct tvm_config *cfg,
		     uint64_t features);
void tvm_serve_io(struct tvm_serve *serve, uint64_t sector, uint64_t seed);

#endif /* TVM_SERVE_H */
