/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A file system on a disk of the host, for backing objects that are files
 */
#ifndef TVM_FS_H
#define TVM_FS_H

#include "tvm_disk.h"

/** struct tvm_fs - a mounted file system */
struct tvm_fs {
	char dir[64];
};

int tvm_fs_create(struct tvm_fs *fs, const struct tvm_disk *disk);
int tvm_fs_create_with(struct tvm_fs *fs, const struct tvm_disk *disk, const char *make,
		       const char *data);
int tvm_fs_destroy(struct tvm_fs *fs);
int tvm_fs_open(const struct tvm_fs *fs, const char *name, uint64_t size);

#endif /* TVM_FS_H */
