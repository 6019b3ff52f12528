// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tiny VMM: memory whose next access waits until somebody answers
 */
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <poll.h>
#include <stdint.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "tvm.h"

/**
 * tvm_stall() - have the next access to memory wait
 * @addr: pages of guest memory, or anonymous ones that nobody has touched; what
 *	is in guest memory is lost and reads as zero later
 * @len: bytes
 *
 * Return: a descriptor for the calls below, which once closed lets everything
 * go on; negative where there is no userfaultfd.
 */
int tvm_stall(void *addr, size_t len)
{
	struct uffdio_api api = { .api = UFFD_API };
	struct uffdio_register reg = {
		.range = { (uintptr_t)addr, len }, .mode = UFFDIO_REGISTER_MODE_MISSING,
	};
	int fd = syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK);

	if (fd < 0)
		return -1;
	/* Fails for anonymous memory, which needs none of it. */
	madvise(addr, len, MADV_REMOVE);
	if (!ioctl(fd, UFFDIO_API, &api) && !ioctl(fd, UFFDIO_REGISTER, &reg))
		return fd;
	close(fd);
	return -1;
}

/**
 * tvm_stall_wait() - wait until somebody waits for the memory
 * @fd: as of tvm_stall()
 * @timeout_ms: how long
 *
 * Return: whether somebody does.
 */
bool tvm_stall_wait(int fd, unsigned int timeout_ms)
{
	struct pollfd pfd = { .fd = fd, .events = POLLIN };
	struct uffd_msg msg;

	return poll(&pfd, 1, timeout_ms) == 1 && read(fd, &msg, sizeof(msg)) == sizeof(msg);
}

/**
 * tvm_stall_end() - answer with zeroes, from now on as well
 * @fd: as of tvm_stall(); closed
 */
void tvm_stall_end(int fd)
{
	close(fd);
}
