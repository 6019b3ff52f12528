/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef VHOST_ACCEL_COMPAT_NET_SOCK_H
#define VHOST_ACCEL_COMPAT_NET_SOCK_H

#include_next <net/sock.h>

/* Kernels before 6.18 let everybody read the counter. */
#ifndef VHA_COMPAT_SK_DROPS_READ
static inline int sk_drops_read(const struct sock *sk)
{
	return atomic_read(&sk->sk_drops);
}
#endif

/*
 * Kernels before 7.1 answer to user space only, and those to which the operation that
 * answers to the kernel was backported not for all kinds of sockets. The caller's
 * address space then lends a page for a moment; whoever writes to it meanwhile is the
 * one who could have set the option.
 */
#include <linux/mm.h>
#include <linux/mman.h>
#include <linux/net.h>
#include <linux/uaccess.h>

static inline bool compat_answers_kernel(struct socket *sock)
{
#ifdef VHA_COMPAT_GETSOCKOPT_ITER
	return READ_ONCE(sock->ops)->getsockopt_iter;
#else
	return false;
#endif
}

static inline int compat_getsockopt(struct socket *sock, bool compat, int level, int optname,
				    sockptr_t optval, sockptr_t optlen)
{
	int __user *scratch;
	unsigned long page;
	int len, ret;

	if (compat_answers_kernel(sock))
		return do_sock_getsockopt(sock, compat, level, optname, optval, optlen);
	if (copy_from_sockptr(&len, optlen, sizeof(len)) || len != sizeof(int))
		return -EINVAL;
	page = vm_mmap(NULL, 0, PAGE_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, 0);
	if (IS_ERR_VALUE(page))
		return page;
	scratch = (int __user *)page;
	ret = put_user(len, scratch);
	if (!ret)
		ret = do_sock_getsockopt(sock, compat, level, optname, USER_SOCKPTR(scratch + 1),
					 USER_SOCKPTR(scratch));
	if (!ret && copy_from_user(optval.kernel, scratch + 1, sizeof(int)))
		ret = -EFAULT;
	vm_munmap(page, PAGE_SIZE);
	return ret;
}

#define do_sock_getsockopt	compat_getsockopt

#endif /* VHOST_ACCEL_COMPAT_NET_SOCK_H */
