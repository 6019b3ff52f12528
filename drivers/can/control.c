// SPDX-License-Identifier: GPL-2.0-only
/*
 * Starting and stopping the controller, by the driver or by what happens to the
 * host's controller
 *
 * Drivers wait for the answer without a limit, so nothing here waits for the
 * bus. A stop is answered when all that waited for transmission was returned,
 * which the transmit queue's worker does; until then the messages that follow
 * stay in the ring.
 *
 * A driver that waits for the answer to its start takes the controller to be
 * well once it has it, whatever it was told meanwhile. So what happens to the
 * controller while messages are answered counts as having happened afterwards.
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
	u32 actions = 0;

	spin_lock(&can->lock);
	if (can->answering)
		can->lost |= vha_can_started(can);
	else
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

/* Returns 0, or -EAGAIN while the end of the last session is being reported. */
static int set_started(struct vha_can *can, u32 *actions)
{
	int ret = -EAGAIN;

	spin_lock(&can->lock);
	if (!can->cancelling) {
		*actions = vha_can_controller_event(&can->controller, VHA_CAN_START);
		/* What was lost then was the last session's. */
		if (*actions & VHA_CAN_FLUSH)
			can->lost = false;
		ret = 0;
	}
	spin_unlock(&can->lock);
	return ret;
}

/*
 * Without an interface there is nothing to start. One that goes away after it was
 * looked for leaves an error in the socket, so the error of an earlier one has to
 * be out of there before.
 */
static int start_from_here(struct vha_can *can)
{
	u32 queued = vha_can_socket_queued(&can->socket), actions = 0;
	int ret;

	lockdep_assert_held(&can->read_mutex);
	if (!vha_can_started(can))
		vha_can_socket_forgive(&can->socket);
	if (vha_can_socket_link(&can->socket) == VHA_CAN_LINK_GONE)
		return -ENODEV;
	ret = set_started(can, &actions);
	if (!ret && actions & VHA_CAN_FLUSH && vha_can_flush(can, queued))
		vha_can_lost(can);
	return ret;
}

static int start(struct vha_can *can)
{
	int ret;

	mutex_lock(&can->read_mutex);
	ret = start_from_here(can);
	mutex_unlock(&can->read_mutex);
	if (ret)
		return ret;
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

static void begin_answering(struct vha_can *can)
{
	spin_lock(&can->lock);
	can->answering = true;
	spin_unlock(&can->lock);
}

static void end_answering(struct vha_can *can)
{
	bool lost;

	spin_lock(&can->lock);
	can->answering = false;
	lost = can->lost;
	can->lost = false;
	spin_unlock(&can->lock);
	if (lost)
		vha_can_lost(can);
}

/**
 * vha_can_control_run() - serve the control queue
 * @vq: the queue
 */
void vha_can_control_run(struct vha_queue *vq)
{
	begin_answering(to_can(vq->dev));
	vha_queue_drain(vq, serve);
	end_answering(to_can(vq->dev));
}
