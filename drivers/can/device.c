// SPDX-License-Identifier: GPL-2.0-only
/*
 * The controller as a device: backing object, features, start and stop
 */
#include <linux/net.h>
#include <linux/seq_file.h>
#include <linux/virtio_config.h>

#include "can.h"

/* The bits of the class, in the first word. */
#define CLASS_FEATURES						\
	(BIT_ULL(VIRTIO_CAN_F_CAN_CLASSIC) |			\
	 BIT_ULL(VIRTIO_CAN_F_CAN_FD) |				\
	 BIT_ULL(VIRTIO_CAN_F_RTR_FRAMES) |			\
	 BIT_ULL(VIRTIO_CAN_F_LATE_TX_ACK))

/* What an unconnected packed ring starts with, see vring_base() of the core. */
#define PACKED_BASE	0x80008000

/**
 * vha_can_open() - as &vha_class.open
 * @dev: the controller
 */
int vha_can_open(struct vha_device *dev)
{
	struct vha_can *can = to_can(dev);

	spin_lock_init(&can->lock);
	mutex_init(&can->read_mutex);
	vha_can_controller_init(&can->controller);
	vha_can_flight_init(&can->flight);
	vha_work_init(&can->read_work, vha_can_read_work);
	vha_work_init(&can->finish_work, vha_can_finish_work);
	hrtimer_setup(&can->retry, vha_can_retry_timer, CLOCK_MONOTONIC, HRTIMER_MODE_REL);
	timer_setup(&can->confirm, vha_can_confirm_timer, 0);
	return 0;
}

/**
 * vha_can_release() - as &vha_class.release
 * @dev: the controller
 */
void vha_can_release(struct vha_device *dev)
{
	struct vha_can *can = to_can(dev);

	vha_can_socket_close(&can->socket);
	vha_can_fifo_free(&can->fifo);
	mutex_destroy(&can->read_mutex);
}

/**
 * vha_can_features() - as &vha_class.features
 * @dev: the controller
 * @features: filled in
 */
void vha_can_features(struct vha_device *dev, u64 *features)
{
	const struct vha_can_socket *socket = &to_can(dev)->socket;

	features[0] |= BIT_ULL(VIRTIO_CAN_F_CAN_CLASSIC) | BIT_ULL(VIRTIO_CAN_F_RTR_FRAMES);
	if (socket->fd)
		features[0] |= BIT_ULL(VIRTIO_CAN_F_CAN_FD);
	if (socket->own_frames)
		features[0] |= BIT_ULL(VIRTIO_CAN_F_LATE_TX_ACK);
}

static void reset(struct vha_can *can)
{
	u32 stale;

	spin_lock(&can->lock);
	vha_can_controller_reset(&can->controller);
	stale = vha_can_fifo_clear(&can->fifo);
	can->cancelling = false;
	spin_unlock(&can->lock);
	vha_can_count(can_queue(can, VHA_CAN_RX), VHA_CAN_RX_STALE, stale);
}

/**
 * vha_can_acked() - as &vha_class.acked
 * @dev: the controller
 *
 * Negotiation follows a reset of the device, whether the VMM tells us of that
 * or not.
 *
 * Return: 0, or -EINVAL for a driver without any type of frames, or with remote
 * frames but no classic ones.
 */
int vha_can_acked(struct vha_device *dev)
{
	u64 acked = dev->acked[0];

	if (acked && !vha_device_feature(dev, VIRTIO_CAN_F_CAN_CLASSIC)) {
		if (!vha_device_feature(dev, VIRTIO_CAN_F_CAN_FD))
			return -EINVAL;
		if (vha_device_feature(dev, VIRTIO_CAN_F_RTR_FRAMES))
			return -EINVAL;
	}
	reset(to_can(dev));
	return 0;
}

static void set_socket(struct vha_can *can, const struct vha_can_socket *socket)
{
	struct vha_can_socket old = can->socket;

	/* Whoever was told to read the old one may do so late. */
	mutex_lock(&can->read_mutex);
	can->socket = *socket;
	can->drops = socket->sock ? vha_can_socket_drops(socket) : 0;
	mutex_unlock(&can->read_mutex);
	vha_can_socket_close(&old);
}

/**
 * vha_can_set_backend() - as &vha_class.set_backend
 * @dev: the controller
 * @backend: what the VMM asked for
 * @file: the socket, NULL to detach
 *
 * When a new socket is refused the controller keeps what it has. Its state is
 * the same with a new one.
 *
 * Return: 0; -EINVAL for an index or a flag, -ENOMEM, or what
 * vha_can_socket_open() returns.
 */
int vha_can_set_backend(struct vha_device *dev, const struct vha_backend *backend,
			struct file *file)
{
	struct vha_can *can = to_can(dev);
	struct vha_can_socket socket = {};
	int ret = 0;

	if (backend->index || backend->flags)
		return -EINVAL;
	if (file) {
		ret = vha_can_fifo_alloc(&can->fifo) ?: vha_can_socket_open(&socket, file);
		if (ret)
			return ret;
	} else {
		reset(can);
	}
	set_socket(can, &socket);
	return 0;
}

static bool ring_fresh(const struct vha_queue *vq)
{
	return !vq->base_set || !vq->base || vq->base == PACKED_BASE;
}

static bool rings_fresh(const struct vha_can *can)
{
	unsigned int i;

	for (i = 0; i < VHA_CAN_QUEUES; i++)
		if (!ring_fresh(can->dev.vqs[i]))
			return false;
	return true;
}

static int start_transmit(struct vha_can *can)
{
	struct vha_queue *vq = can_queue(can, VHA_CAN_TX);

	if (!vha_queue_feature(vq, VIRTIO_CAN_F_LATE_TX_ACK))
		return 0;
	return vha_can_flight_alloc(&can->flight, min(vq->num, VHA_CAN_IN_FLIGHT_MAX));
}

static void stop_transmit(struct vha_can *can)
{
	struct vha_can_flight old;

	hrtimer_cancel(&can->retry);
	/* Nothing waits for confirmation any more, so nobody starts it again. */
	timer_delete_sync(&can->confirm);
	spin_lock(&can->lock);
	old.entries = can->flight.entries;
	vha_can_flight_init(&can->flight);
	spin_unlock(&can->lock);
	vha_can_flight_free(&old);
}

/**
 * vha_can_start() - as &vha_class.start
 * @vq: the queue
 *
 * Return: 0, -ENOTCONN without a socket, -EINVAL when the acknowledged features
 * are not those of the socket, -ENOMEM.
 */
int vha_can_start(struct vha_queue *vq)
{
	struct vha_can *can = to_can(vq->dev);
	u64 features[VHA_FEATURES_WORDS] = {};
	int ret;

	if (!can->socket.sock)
		return -ENOTCONN;
	vha_can_features(vq->dev, features);
	if (vq->dev->acked[0] & CLASS_FEATURES & ~features[0])
		return -EINVAL;
	ret = vq->index == VHA_CAN_TX ? start_transmit(can) : 0;
	if (ret)
		return ret;
	spin_lock(&can->lock);
	vha_can_controller_resume(&can->controller, vq->index == VHA_CAN_CONTROL,
				  rings_fresh(can));
	spin_unlock(&can->lock);
	if (!can->running++)
		vha_can_socket_listen(&can->socket, vha_can_wake);
	/* What was received before we listened wakes nobody. */
	vha_queue_work(can_queue(can, VHA_CAN_RX), &can->read_work);
	return 0;
}

/**
 * vha_can_stop() - as &vha_class.stop
 * @vq: the queue
 */
void vha_can_stop(struct vha_queue *vq)
{
	struct vha_can *can = to_can(vq->dev);

	if (!--can->running)
		vha_can_socket_unlisten(&can->socket);
	if (vq->index == VHA_CAN_TX)
		stop_transmit(can);
}

static void (*const run_functions[VHA_CAN_QUEUES])(struct vha_queue *vq) = {
	[VHA_CAN_TX] = vha_can_transmit_run,
	[VHA_CAN_RX] = vha_can_receive_run,
	[VHA_CAN_CONTROL] = vha_can_control_run,
};

/**
 * vha_can_run() - as &vha_class.run
 * @vq: the queue
 */
void vha_can_run(struct vha_queue *vq)
{
	run_functions[vq->index](vq);
}

/**
 * vha_can_get_config() - as &vha_class.get_config
 * @dev: the controller
 * @config: filled in
 */
void vha_can_get_config(struct vha_device *dev, void *config)
{
	struct virtio_can_config *can_config = config;

	can_config->status = cpu_to_le16(vha_can_controller_status(&to_can(dev)->controller));
}

static const char *const state_names[VHA_CAN_STATES] = {
	[VHA_CAN_STOPPED] = "stopped",
	[VHA_CAN_STARTED] = "started",
	[VHA_CAN_BUS_OFF] = "bus-off",
};

/**
 * vha_can_show() - as &vha_class.show
 * @dev: the controller
 * @m: the fdinfo file
 */
void vha_can_show(struct vha_device *dev, struct seq_file *m)
{
	struct vha_can *can = to_can(dev);

	if (!can->socket.sock)
		return;
	seq_printf(m, "interface:\t%d\n", can->socket.ifindex);
	seq_printf(m, "controller:\t%s\n", state_names[READ_ONCE(can->controller.state)]);
	seq_printf(m, "unconfirmed:\t%u\n", READ_ONCE(can->flight.nr));
	seq_printf(m, "received:\t%u\n", READ_ONCE(can->fifo.put) - READ_ONCE(can->fifo.taken));
}
