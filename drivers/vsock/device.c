// SPDX-License-Identifier: GPL-2.0-only
/*
 * A guest's socket device: life, CID, start and stop
 */
#include <linux/nsproxy.h>
#include <linux/seq_file.h>
#include <linux/uaccess.h>

#include "vsock.h"

/**
 * vha_vsock_open() - as &vha_class.open
 * @dev: the device
 *
 * The guest belongs to the network namespace of who opens its device.
 */
int vha_vsock_open(struct vha_device *dev)
{
	struct vha_vsock *vsock = to_vsock(dev);

	vha_vsock_sched_init(&vsock->sched);
	INIT_DELAYED_WORK(&vsock->retry, vha_vsock_retry_work);
	vsock->net = get_net_track(current->nsproxy->net_ns, &vsock->net_tracker,
				   VHA_GFP_SETUP);
	return 0;
}

/**
 * vha_vsock_release() - as &vha_class.release
 * @dev: the device
 */
void vha_vsock_release(struct vha_device *dev)
{
	struct vha_vsock *vsock = to_vsock(dev);

	vha_vsock_clear_cid(vsock);
	vha_vsock_sched_purge(&vsock->sched);
	vha_vsock_free_peers(vsock);
	put_net_track(vsock->net, &vsock->net_tracker);
}

/**
 * vha_vsock_features() - as &vha_class.features
 * @dev: the device
 * @features: filled in
 */
void vha_vsock_features(struct vha_device *dev, u64 *features)
{
	/* What a notification says besides its queue ends in the eventfd. */
	features[0] |= BIT_ULL(VIRTIO_VSOCK_F_SEQPACKET) | BIT_ULL(VIRTIO_F_NOTIFICATION_DATA);
}

/**
 * vha_vsock_acked() - as &vha_class.acked
 * @dev: the device
 */
int vha_vsock_acked(struct vha_device *dev)
{
	WRITE_ONCE(to_vsock(dev)->seqpacket, vha_device_feature(dev, VIRTIO_VSOCK_F_SEQPACKET));
	return 0;
}

/**
 * vha_vsock_set_backend() - as &vha_class.set_backend
 * @dev: the device
 * @backend: what the VMM asked for
 * @file: NULL
 *
 * The CID stands for a backing object: it can be taken back here, but not be
 * given.
 *
 * Return: 0, or -EINVAL for anything but that.
 */
int vha_vsock_set_backend(struct vha_device *dev, const struct vha_backend *backend,
			  struct file *file)
{
	if (file || backend->index || backend->flags)
		return -EINVAL;
	vha_vsock_clear_cid(to_vsock(dev));
	return 0;
}

/**
 * vha_vsock_start() - as &vha_class.start
 * @vq: the queue
 */
int vha_vsock_start(struct vha_queue *vq)
{
	if (vq->index == VSOCK_VQ_RX)
		WRITE_ONCE(to_vsock(vq->dev)->running, true);
	return 0;
}

/**
 * vha_vsock_stop() - as &vha_class.stop
 * @vq: the queue
 *
 * Packets stay where they are: a VMM that pauses its guest stops the queues.
 */
void vha_vsock_stop(struct vha_queue *vq)
{
	struct vha_vsock *vsock = to_vsock(vq->dev);

	if (vq->index == VSOCK_VQ_RX)
		WRITE_ONCE(vsock->running, false);
	if (vq->index == VSOCK_VQ_TX)
		cancel_delayed_work_sync(&vsock->retry);
}

static const vha_chain_fn servers[VSOCK_VQ_MAX] = {
	[VSOCK_VQ_RX] = vha_vsock_send,
	[VSOCK_VQ_TX] = vha_vsock_receive,
	[VSOCK_VQ_EVENT] = vha_vsock_event,
};

static void return_buffers(struct vha_vsock_queue *q)
{
	vha_queue_used_many(&q->vq, q->used, q->nr_used);
	q->nr_used = 0;
}

/**
 * vha_vsock_used() - return a buffer, with the others of its batch
 * @vq: the queue
 * @token: of the buffer
 * @len: bytes written into it
 *
 * Context: while a batch is served.
 */
void vha_vsock_used(struct vha_queue *vq, const struct vha_token *token, u32 len)
{
	struct vha_vsock_queue *q = to_vsock_queue(vq);

	if (q->nr_used == VHA_VSOCK_BATCH)
		return_buffers(q);
	q->used[q->nr_used++] = (struct vha_used) { .token = *token, .len = len };
}

/**
 * vha_vsock_batch_end() - as &vha_class.batch_end
 * @vq: the queue
 */
void vha_vsock_batch_end(struct vha_queue *vq)
{
	if (vq->index == VSOCK_VQ_RX)
		vha_vsock_send_end(vq);
	else if (vq->index == VSOCK_VQ_TX)
		vha_vsock_receive_end(vq);
	return_buffers(to_vsock_queue(vq));
}

static bool packet_waits(struct vha_queue *vq)
{
	return READ_ONCE(to_vsock(vq->dev)->sched.packets);
}

/**
 * vha_vsock_run() - as &vha_class.run
 * @vq: the queue
 */
void vha_vsock_run(struct vha_queue *vq)
{
	vha_queue_drain(vq, servers[vq->index]);
	/* Of a receive queue that has buffers, packets are what to look out for. */
	if (vq->index == VSOCK_VQ_RX && !packet_waits(vq) && vha_queue_poll(vq, packet_waits))
		vha_queue_kick(vq);
}

/**
 * vha_vsock_get_config() - as &vha_class.get_config
 * @dev: the device
 * @config: filled in
 */
void vha_vsock_get_config(struct vha_device *dev, void *config)
{
	struct virtio_vsock_config *space = config;

	space->guest_cid = cpu_to_le64(to_vsock(dev)->cid);
}

/**
 * vha_vsock_show() - as &vha_class.show
 * @dev: the device
 * @m: the fdinfo file
 */
void vha_vsock_show(struct vha_device *dev, struct seq_file *m)
{
	struct vha_vsock *vsock = to_vsock(dev);
	const struct vha_vsock_peers_list *peers;

	peers = rcu_dereference_protected(vsock->peers, lockdep_is_held(&dev->mutex));
	seq_printf(m, "cid:\t%u\n", vsock->cid);
	seq_printf(m, "queued:\t%u\n", READ_ONCE(vsock->sched.packets));
	seq_printf(m, "ended:\t%llu\n", READ_ONCE(vsock->sched.ended));
	seq_printf(m, "siblings:\t%llu\n", READ_ONCE(vsock->sched.bytes));
	seq_printf(m, "replies:\t%d\n", atomic_read(&vsock->replies));
	seq_printf(m, "peers:\t%u\n", peers ? peers->count : 0);
}

static long set_guest_cid(struct vha_device *dev, void __user *argp)
{
	u64 cid;
	int ret;

	if (copy_from_user(&cid, argp, sizeof(cid)))
		return -EFAULT;
	ret = vha_vsock_set_cid(to_vsock(dev), cid);
	if (!ret)
		dev->backend = true;
	return ret;
}

/* As in vhost_vsock: both data queues have to be there, and are started. */
static long set_running(struct vha_device *dev, void __user *argp)
{
	int running;

	if (get_user(running, (int __user *)argp))
		return -EFAULT;
	if (!running) {
		vha_device_stop_all(dev);
		return 0;
	}
	if (!dev->vqs[VSOCK_VQ_RX]->addr_set || !dev->vqs[VSOCK_VQ_TX]->addr_set)
		return -EFAULT;
	return vha_device_start_all(dev);
}

static long set_peers(struct vha_device *dev, void __user *argp)
{
	struct vha_vsock_peers peers;

	if (copy_from_user(&peers, argp, sizeof(peers)))
		return -EFAULT;
	return vha_vsock_set_peers(to_vsock(dev), &peers);
}

static long transport_reset(struct vha_device *dev, void __user *argp)
{
	vha_vsock_disconnect(to_vsock(dev));
	vha_vsock_transport_reset(to_vsock(dev));
	return 0;
}

const struct vha_ioctl vha_vsock_ioctls[VHA_VSOCK_IOCTLS] = {
	{ .cmd = VHOST_VSOCK_SET_GUEST_CID, .unowned = true, .fn = set_guest_cid },
	{ .cmd = VHOST_VSOCK_SET_RUNNING, .fn = set_running },
	{ .cmd = VHA_VSOCK_SET_PEERS, .fn = set_peers },
	{ .cmd = VHA_VSOCK_TRANSPORT_RESET, .fn = transport_reset },
};
