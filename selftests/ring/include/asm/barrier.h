/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef SHIM_ASM_BARRIER_H
#define SHIM_ASM_BARRIER_H

#include "../shim.h"

#ifdef SHIM_HOOKS
#define virt_mb()	shim_barrier(SHIM_MB)
#define virt_rmb()	shim_barrier(SHIM_RMB)
#define virt_store_release(to, value) \
	do { \
		shim_barrier(SHIM_RELEASE); \
		shim_store((to), (value), sizeof(*(to))); \
	} while (0)
#else
#define virt_mb()	__atomic_thread_fence(__ATOMIC_SEQ_CST)
#define virt_rmb()	__atomic_thread_fence(__ATOMIC_ACQUIRE)
#define virt_store_release(to, value) \
	__atomic_store_n((to), (value), __ATOMIC_RELEASE)
#endif

/* Between the two sides of the device, so never hooked. */
#define smp_load_acquire(from)		__atomic_load_n((from), __ATOMIC_ACQUIRE)
#define smp_store_release(to, value)	__atomic_store_n((to), (value), __ATOMIC_RELEASE)

#endif /* SHIM_ASM_BARRIER_H */
