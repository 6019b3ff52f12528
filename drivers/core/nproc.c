// SPDX-License-Identifier: GPL-2.0-only
/*
 * The limit of threads, for workers that are kernel threads
 *
 * Kernel threads belong to no user, and the kernel counts them for nobody. A user
 * may have as many threads as RLIMIT_NPROC says all the same: those of its
 * processes and its workers together.
 */
#include <linux/capability.h>
#include <linux/cred.h>
#include <linux/mutex.h>
#include <linux/sched/signal.h>
#include <linux/user_namespace.h>
#include <linux/xarray.h>

#include "core.h"
#include "worker.h"

/* How many workers a user has; taken with a device mutex held. */
static DEFINE_MUTEX(lock);
static DEFINE_XARRAY(workers);

static unsigned long workers_of(kuid_t uid)
{
	void *nr = xa_load(&workers, __kuid_val(uid));

	return nr ? xa_to_value(nr) : 0;
}

/* As fork() has it. */
static bool may_have(unsigned long threads)
{
	return threads <= rlimit(RLIMIT_NPROC) || uid_eq(current_uid(), GLOBAL_ROOT_UID) ||
	       capable(CAP_SYS_RESOURCE) || capable(CAP_SYS_ADMIN);
}

/**
 * vha_nproc_take() - count one more kernel thread of the calling user
 * @uid: filled in, for vha_nproc_give()
 *
 * Return: 0, -EAGAIN beyond the caller's RLIMIT_NPROC, -ENOMEM.
 */
int vha_nproc_take(kuid_t *uid)
{
	unsigned long nr, others;
	int ret = -EAGAIN;

	*uid = current_uid();
	mutex_lock(&lock);
	nr = workers_of(*uid) + 1;
	others = get_rlimit_value(current_ucounts(), UCOUNT_RLIMIT_NPROC);
	if (may_have(others + nr))
		ret = xa_err(xa_store(&workers, __kuid_val(*uid), xa_mk_value(nr),
				      VHA_GFP_SETUP));
	mutex_unlock(&lock);
	return ret;
}

/**
 * vha_nproc_give() - undo vha_nproc_take()
 * @uid: what it filled in
 */
void vha_nproc_give(kuid_t uid)
{
	unsigned long nr;

	mutex_lock(&lock);
	nr = workers_of(uid) - 1;
	/* What is there already is replaced without an allocation. */
	if (nr)
		xa_store(&workers, __kuid_val(uid), xa_mk_value(nr), 0);
	else
		xa_erase(&workers, __kuid_val(uid));
	mutex_unlock(&lock);
}
