/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * READ_ONCE() and WRITE_ONCE() as the ring files use them, for guest memory
 *
 * With SHIM_HOOKS they go through functions of the program at hand.
 */
#ifndef SHIM_LINUX_COMPILER_H
#define SHIM_LINUX_COMPILER_H

#include <linux/limits.h>

#include "../shim.h"

#define likely(x)	__builtin_expect(!!(x), 1)
#define unlikely(x)	__builtin_expect(!!(x), 0)

#ifdef SHIM_HOOKS
#define READ_ONCE(x) \
	((__typeof__(x))shim_load(&(x), sizeof(x)))
#define WRITE_ONCE(x, value) \
	shim_store(&(x), (value), sizeof(x))
#else
#define READ_ONCE(x) \
	(*(const volatile __typeof__(x) *)&(x))
#define WRITE_ONCE(x, value) \
	(*(volatile __typeof__(x) *)&(x) = (value))
#endif

#endif /* SHIM_LINUX_COMPILER_H */
