/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Block devices of the host that are more than null_blk: each is made by a few
 * commands and undone by others
 */
#ifndef TVM_HOST_H
#define TVM_HOST_H

/** struct tvm_host_kind - how to make a kind of block device */
struct tvm_host_kind {
	const char *name;
	const char *module;
	const char *make;
	const char *undo;
};

extern const struct tvm_host_kind tvm_host_kinds[];
extern const unsigned int tvm_host_kinds_nr;

int tvm_host_make(const struct tvm_host_kind *kind, char *path, unsigned int size);
int tvm_host_undo(const struct tvm_host_kind *kind, const char *path);

#endif /* TVM_HOST_H */
