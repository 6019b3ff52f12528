// SPDX-License-Identifier: GPL-2.0-only
/*
 * Descriptors that packets go to and come from
 *
 * Each queue has its own, as VHOST_NET_SET_BACKEND wants it, and holds a
 * reference to the open file. It changes only while the queue is stopped, so
 * whoever serves the queue needs no lock for it.
 */
#include <linux/file.h>
#include <linux/if_tap.h>
#include <linux/if_tun.h>
#include <linux/nospec.h>
#include <linux/seq_file.h>
#include <linux/uaccess.h>
#include <net/sock.h>

#include "net.h"

static int packet_socket(struct socket *sock)
{
	if (sock->sk->sk_type != SOCK_RAW)
		return -ESOCKTNOSUPPORT;
	return sock->sk->sk_family == AF_PACKET ? 0 : -EPFNOSUPPORT;
}

static int tap_file(struct file *file, struct vha_net_backend *backend)
{
	backend->tap = true;
	backend->sock = tun_get_socket(file);
	backend->ring = tun_get_tx_ring(file);
	if (!IS_ERR(backend->sock) && !IS_ERR(backend->ring))
		return 0;
	backend->macvtap = true;
	backend->sock = tap_get_socket(file);
	backend->ring = tap_get_ptr_ring(file);
	return IS_ERR(backend->sock) || IS_ERR(backend->ring) ? -ENOTSOCK : 0;
}

/*
 * Finds out what @file is. It is looked at through one reference, so it can not
 * be one thing here and another there.
 */
static int backend_of(struct file *file, struct vha_net_backend *backend)
{
	struct socket *sock = sock_from_file(file);

	*backend = (struct vha_net_backend) { .file = file, .sock = sock };
	return sock ? packet_socket(sock) : tap_file(file, backend);
}

static struct vha_net_queue *queue_of(struct vha_device *dev, unsigned int index)
{
	return to_net_queue(dev->vqs[index]);
}

static bool any_attached(struct vha_device *dev)
{
	unsigned int i;

	for (i = 0; i < VHA_NET_QUEUES; i++)
		if (queue_of(dev, i)->backend.file)
			return true;
	return false;
}

/* The queue is stopped; @backend is all zero to detach. */
static void backend_set(struct vha_net_queue *q, const struct vha_net_backend *backend)
{
	struct file *old = q->backend.file;

	lockdep_assert_held(&q->vq.dev->mutex);
	q->backend = *backend;
	if (backend->file)
		get_file(backend->file);
	if (old)
		fput(old);
	q->vq.dev->backend = any_attached(q->vq.dev);
}

static void backend_clear(struct vha_net_queue *q)
{
	const struct vha_net_backend none = {};

	backend_set(q, &none);
}

/*
 * Goes on with another back end. When the queue can not start with it, it goes
 * on with the one it had, if it ran.
 */
static int replace(struct vha_net_queue *q, const struct vha_net_backend *backend)
{
	struct vha_net_backend old = q->backend;
	bool ran = q->vq.started;
	int ret;

	if (ran && old.file == backend->file)
		return 0;
	vha_queue_stop(&q->vq);
	/* Kept over the switch, in case it is needed again. */
	if (old.file)
		get_file(old.file);
	backend_set(q, backend);
	ret = vha_queue_start(&q->vq);
	if (ret) {
		backend_set(q, &old);
		if (ran)
			vha_queue_start(&q->vq);
	}
	if (old.file)
		fput(old.file);
	return ret;
}

static long attach(struct vha_net_queue *q, int fd)
{
	struct vha_net_backend backend;
	struct file *file;
	int ret;

	file = fget(fd);
	if (!file)
		return -EBADF;
	ret = backend_of(file, &backend);
	if (!ret)
		ret = replace(q, &backend);
	fput(file);
	return ret;
}

/**
 * vha_net_ioctl_backend() - VHOST_NET_SET_BACKEND
 * @dev: the device
 * @argp: the argument
 *
 * Return: 0; -EFAULT; -ENOBUFS for an unknown queue; -EINVAL or -EBADF for a
 * number that is no descriptor; -ENOTSOCK, -ESOCKTNOSUPPORT or -EPFNOSUPPORT for
 * one that is of the wrong kind; what starting the queue returns.
 */
long vha_net_ioctl_backend(struct vha_device *dev, void __user *argp)
{
	struct vhost_vring_file arg;
	struct vha_net_queue *q;

	if (copy_from_user(&arg, argp, sizeof(arg)))
		return -EFAULT;
	if (arg.index >= VHA_NET_QUEUES)
		return -ENOBUFS;
	if (arg.fd < VHOST_FILE_UNBIND)
		return -EINVAL;
	q = queue_of(dev, array_index_nospec(arg.index, VHA_NET_QUEUES));
	if (arg.fd != VHOST_FILE_UNBIND)
		return attach(q, arg.fd);
	vha_queue_stop(&q->vq);
	backend_clear(q);
	return 0;
}

/**
 * vha_net_set_backend() - as &vha_class.set_backend
 * @dev: the device
 * @backend: what the VMM asked for; the index is of a pair of queues
 * @file: a tap, macvtap or packet socket, NULL to detach
 *
 * Return: 0; -EINVAL for an unknown pair or flag; -ENOTSOCK, -ESOCKTNOSUPPORT or
 * -EPFNOSUPPORT for a descriptor of the wrong kind. Then the pair keeps what it
 * has.
 */
int vha_net_set_backend(struct vha_device *dev, const struct vha_backend *backend,
			struct file *file)
{
	struct vha_net_backend new = {};
	unsigned int pair;
	int ret = 0;

	if (backend->index >= VHA_NET_PAIRS || backend->flags)
		return -EINVAL;
	pair = array_index_nospec(backend->index, VHA_NET_PAIRS);
	if (file)
		ret = backend_of(file, &new);
	if (ret)
		return ret;
	backend_set(queue_of(dev, 2 * pair), &new);
	backend_set(queue_of(dev, 2 * pair + 1), &new);
	return 0;
}

/**
 * vha_net_detach() - as &vha_class.detach
 * @dev: the device
 */
void vha_net_detach(struct vha_device *dev)
{
	unsigned int i;

	for (i = 0; i < VHA_NET_QUEUES; i++)
		backend_clear(queue_of(dev, i));
}

static const char *backend_name(const struct vha_net_backend *backend)
{
	if (!backend->tap)
		return "packet";
	return backend->macvtap ? "macvtap" : "tap";
}

/**
 * vha_net_show() - as &vha_class.show
 * @dev: the device
 * @m: the fdinfo file
 */
void vha_net_show(struct vha_device *dev, struct seq_file *m)
{
	struct vha_net_queue *q;
	unsigned int i;

	seq_printf(m, "header:\t%u\n", to_net(dev)->header);
	for (i = 0; i < VHA_NET_QUEUES; i++) {
		q = queue_of(dev, i);
		if (q->backend.file)
			seq_printf(m, "backend-%u:\t%s\n", i, backend_name(&q->backend));
	}
}
