// SPDX-License-Identifier: GPL-2.0-only
/*
 * One mistake, made on purpose, each time the module is loaded
 *
 * What the debug kernel says of it is what the test bed has to notice: a check
 * that was never seen to fail proves nothing.
 *
 *	modprobe mistake what=leak
 */
#include <linux/compiler.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/rcupdate.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/string.h>
#include <linux/timer.h>

static char *what = "";
module_param(what, charp, 0);
MODULE_PARM_DESC(what, "which mistake to make");

/* The compiler must not see through what is wrong. */
static void *hidden(void *pointer)
{
	OPTIMIZER_HIDE_VAR(pointer);
	return pointer;
}

/* Several, in case an address stays behind in some register or on a stack. */
static void leak(void)
{
	int i;

	for (i = 0; i < 8; i++)
		hidden(kmalloc(64, GFP_KERNEL));
}

static void use_after_free(void)
{
	char *object = kmalloc(64, GFP_KERNEL);

	if (!object)
		return;
	kfree(object);
	object = hidden(object);
	READ_ONCE(*object);
}

static void out_of_bounds(void)
{
	char *object = kmalloc(60, GFP_KERNEL);
	char *end;

	if (!object)
		return;
	end = hidden(object + 60);
	WRITE_ONCE(*end, 1);
	kfree(object);
}

static void lock_order(void)
{
	static DEFINE_MUTEX(first);
	static DEFINE_MUTEX(second);

	mutex_lock(&first);
	mutex_lock(&second);
	mutex_unlock(&second);
	mutex_unlock(&first);

	mutex_lock(&second);
	mutex_lock(&first);
	mutex_unlock(&first);
	mutex_unlock(&second);
}

static void sleep_in_atomic(void)
{
	static DEFINE_SPINLOCK(spinning);
	static DEFINE_MUTEX(sleeping);

	spin_lock(&spinning);
	mutex_lock(&sleeping);
	mutex_unlock(&sleeping);
	spin_unlock(&spinning);
}

static void no_read_lock(void)
{
	static int __rcu *nothing;

	hidden(rcu_dereference(nothing));
}

struct holder {
	struct timer_list timer;
};

static void never(struct timer_list *timer)
{
}

static void free_active_timer(void)
{
	struct holder *holder = kmalloc(sizeof(*holder), GFP_KERNEL);

	if (!holder)
		return;
	timer_setup(&holder->timer, never, 0);
	mod_timer(&holder->timer, jiffies + 3600 * HZ);
	kfree(holder);
}

static void wide_shift(void)
{
	static int result;
	int by = 40;

	OPTIMIZER_HIDE_VAR(by);
	WRITE_ONCE(result, 1 << by);
}

static void warn(void)
{
	WARN(1, "made on purpose\n");
}

static const struct mistake {
	const char *name;
	void (*make)(void);
} mistakes[] = {
	{ "leak", leak },
	{ "use_after_free", use_after_free },
	{ "out_of_bounds", out_of_bounds },
	{ "lock_order", lock_order },
	{ "sleep_in_atomic", sleep_in_atomic },
	{ "no_read_lock", no_read_lock },
	{ "free_active_timer", free_active_timer },
	{ "wide_shift", wide_shift },
	{ "warn", warn },
};

static int __init mistake_init(void)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(mistakes); i++) {
		if (!strcmp(mistakes[i].name, what)) {
			mistakes[i].make();
			return 0;
		}
	}
	return -EINVAL;
}
module_init(mistake_init);

static void __exit mistake_exit(void)
{
}
module_exit(mistake_exit);

MODULE_DESCRIPTION("Makes one mistake for the debug kernel to find");
MODULE_LICENSE("GPL");
