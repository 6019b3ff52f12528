/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Block devices of the host to serve, made of null_blk
 */
#ifndef TVM_DISK_H
#define TVM_DISK_H

#include <stdbool.h>
#include <stdint.h>

/** struct tvm_disk - a null_blk device, open for direct I/O */
struct tvm_disk {
	char name[24];
	char path[40];
	uint64_t size;
	int fd;
};

/** enum tvm_disk_stat - columns of /sys/block/NAME/stat */
enum tvm_disk_stat {
	TVM_DISK_READS = 0,
	TVM_DISK_WRITES = 4,
	TVM_DISK_DISCARDS = 11,
	TVM_DISK_FLUSHES = 15,
};

int tvm_disk_create(struct tvm_disk *disk, const char *const *attrs);
void tvm_disk_destroy(struct tvm_disk *disk);
int tvm_disk_attr(const struct tvm_disk *disk, const char *attr, const char *value);
int64_t tvm_disk_stat(const struct tvm_disk *disk, enum tvm_disk_stat column);
int64_t tvm_disk_limit(const struct tvm_disk *disk, const char *name);
void tvm_pattern_fill(void *buf, uint64_t len, uint64_t seed);
bool tvm_pattern_check(const void *buf, uint64_t len, uint64_t seed);

#endif /* TVM_DISK_H */
