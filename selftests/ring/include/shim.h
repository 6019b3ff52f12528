/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a program that compiles the ring files with SHIM_HOOKS has to supply
 */
#ifndef SHIM_H
#define SHIM_H

#include <stddef.h>
#include <stdint.h>

enum shim_event {
	SHIM_LOAD,
	SHIM_STORE,
	SHIM_READ,
	SHIM_LOG,
	SHIM_RMB,
	SHIM_MB,
	SHIM_RELEASE,
};

/* Every load and store of guest memory, and every barrier between them. */
uint64_t shim_load(const volatile void *from, size_t size);
void shim_store(volatile void *to, uint64_t value, size_t size);
void shim_barrier(enum shim_event event);

#endif /* SHIM_H */
