// SPDX-License-Identifier: GPL-2.0-only
/*
 * Starting and stopping the controller, by the driver or by what happens to the
 * host's controller
 *
 * Drivers wait for the answer without a limit, so nothing here waits for the
 * bus. A stop is answered when all that waited for transmission was returned,
 * which the transmit queue's worker does; until then the messages that follow
 * stay in the ring.
 */
#include "can.h"
#include "trace.h"

static void cancel(struct vha_can *can)
{
	lockdep_assert_held(&can->lock);
	vha_can_flight_cancel(&can->flight);
	can->cancelling = true;
}

/**
 * vha_can_lost() - the host's controller went off the bus, or its interface down
 * @can: the controller
 *
 * Context: process. The caller may hold a queue's mutex or &vha_can.read_mutex.
 */
void vha_can_lost(struct vha_can *can)
{
	u32 actions;

	spin_lock(&can->lock);
	actions = vha_can_controller_event(&can->controller, VHA_CAN_LOST);
	if (actions & VHA_CAN_CANCEL)
		cancel(can);
	spin_unlock(&can->lock);
	if (actions & VHA_CAN_CANCEL)
		vha_can_finish(can);
	if (actions & VHA_CAN_NOTIFY) {
		vha_can_count(can_queue(can, VHA_CAN_CONTROL), VHA_CAN_BUS_OFFS, 1);
		trace_vha_can_state(&can->dev, VHA_CAN_BUS_OFF);
		vha_device_config_changed(&can->dev);
	}
}

/* Without an interface there is nothing to start. */
static int start(struct vha_can *can)
{
	u32 actions = 0, queued;
	bool cancelling;

	if (vha_can_socket_link(&can->socket) == VHA_CAN_LINK_GONE)
		return -ENODEV;
	mutex_lock(&can->read_mutex);
	queued = vha_can_socket_queued(&can->socket);
	if (!vha_can_started(can))
		vha_can_socket_forgive(&can->socket);
	spin_lock(&can->lock);
	cancelling = can->cancelling;
	if (!cancelling)
		actions = vha_can_controller_event(&can->controller, VHA_CAN_START);
	spin_unlock(&can->lock);
	if (actions & VHA_CAN_FLUSH)
		vha_can_flush(can, queued);
	mutex_unlock(&can->read_mutex);
	if (cancelling)
		return -EAGAIN;
	vha_queue_work(can_queue(can, VHA_CAN_RX), &can->read_work);
	vha_can_count(can_queue(can, VHA_CAN_CONTROL), VHA_CAN_STARTS, 1);
	trace_vha_can_state(&can->dev, VHA_CAN_STARTED);
	return 0;
}

/*
 * Returns -EINPROGRESS when vha_can_finish_work() will return the message, whose
 * answer stands in the guest's memory already.
 */
static int stop(struct vha_can *can, const struct vha_can_answer *answer)
{
	u32 actions = 0;
	bool cancelling;

	spin_lock(&can->lock);
	cancelling = can->cancelling;
	if (!cancelling)
		actions = vha_can_controller_event(&can->controller, VHA_CAN_STOP);
	if (actions & VHA_CAN_CANCEL) {
		cancel(can);
		can->stopping = true;
		can->stop_answer = *answer;
	}
	spin_unlock(&can->lock);
	if (cancelling)
		return -EAGAIN;
	vha_can_count(can_queue(can, VHA_CAN_CONTROL), VHA_CAN_STOPS, 1);
	trace_vha_can_state(&can->dev, VHA_CAN_STOPPED);
	if (!(actions & VHA_CAN_CANCEL))
		return 0;
	vha_can_finish(can);
	return -EINPROGRESS;
}

static int read_type(struct vha_queue *vq, const struct vha_chain *chain, u16 *type)
{
	struct vha_cursor cursor = vha_chain_out(chain);
	struct virtio_can_control_out message;
	int ret;

	ret = vha_copy_from(vq, &cursor, &message, sizeof(message));
	if (!ret)
		*type = le16_to_cpu(message.msg_type);
	return ret;
}

/* Returns 0, -EAGAIN, -EINPROGRESS, or an errno for a message that fails. */
static int execute(struct vha_queue *vq, struct vha_chain *chain, u16 type)
{
	struct vha_can *can = to_can(vq->dev);
	struct vha_can_answer answer;

	switch (type) {
	case VIRTIO_CAN_SET_CTRL_MODE_START:
		return start(can);
	case VIRTIO_CAN_SET_CTRL_MODE_STOP:
		answer.token = chain->token;
		answer.len = vha_can_answer(vq, vha_chain_in(chain), VIRTIO_CAN_RESULT_OK);
		return stop(can, &answer);
	default:
		return -EINVAL;
	}
}

static int serve(struct vha_queue *vq, struct vha_chain *chain)
{
	u8 result = VIRTIO_CAN_RESULT_OK;
	u16 type = 0;
	int ret;

	ret = read_type(vq, chain, &type);
	if (!ret)
		ret = execute(vq, chain, type);
	/* vha_can_finish_work() has us called again. */
	if (ret == -EAGAIN)
		return ret;
	if (ret == -EINPROGRESS)
		return 0;
	if (ret) {
		vha_can_count(vq, VHA_CAN_REFUSED, 1);
		trace_vha_can_refused(vq, type, ret);
		result = VIRTIO_CAN_RESULT_NOT_OK;
	}
	vha_can_return(vq, &chain->token, vha_chain_in(chain), result);
	return 0;
}

/**
 * vha_can_control_run() - serve the control queue
 * @vq: the queue
 */
void vha_can_control_run(struct vha_queue *vq)
{
	vha_queue_drain(vq, serve);
}
