// SPDX-License-Identifier: GPL-2.0-only
/*
 * How frames are transmitted, as far as the VMM decides
 */
#include <linux/string.h>
#include <linux/uaccess.h>

#include "can.h"

#define DEFAULT_IN_FLIGHT	128
#define DEFAULT_CONFIRM_MS	500

/**
 * vha_can_in_flight() - how many frames may wait for confirmation
 * @can: the controller
 */
u32 vha_can_in_flight(const struct vha_can *can)
{
	return can->params.in_flight ?: DEFAULT_IN_FLIGHT;
}

/**
 * vha_can_confirm_ms() - how long a frame waits for confirmation
 * @can: the controller
 *
 * Return: milliseconds.
 */
u32 vha_can_confirm_ms(const struct vha_can *can)
{
	return can->params.confirm_ms ?: DEFAULT_CONFIRM_MS;
}

static bool params_valid(const struct vha_can_params *params)
{
	if (params->flags & ~VHA_CAN_F_BRS || params->pad ||
	    memchr_inv(params->reserved, 0, sizeof(params->reserved)))
		return false;
	if (params->tx_rate > VHA_CAN_RATE_MAX || params->tx_burst > VHA_CAN_RATE_MAX ||
	    (params->tx_burst && !params->tx_rate))
		return false;
	return params->in_flight <= VHA_CAN_IN_FLIGHT_MAX &&
	       params->confirm_ms <= VHA_CAN_CONFIRM_MS_MAX;
}

/* Fails with -EFAULT, or -EINVAL for a value out of its range. */
static long set_params(struct vha_device *dev, void __user *argp)
{
	struct vha_can *can = to_can(dev);
	struct vha_queue *vq = can_queue(can, VHA_CAN_TX);
	struct vha_can_params params;

	if (copy_from_user(&params, argp, sizeof(params)))
		return -EFAULT;
	if (!params_valid(&params))
		return -EINVAL;
	mutex_lock(&vq->mutex);
	can->params = params;
	vha_can_rate_set(&can->rate, params.tx_rate, params.tx_burst);
	mutex_unlock(&vq->mutex);
	/* What waits for the old limit need not wait for the new one. */
	vha_queue_kick(vq);
	return 0;
}

const struct vha_ioctl vha_can_ioctls[VHA_CAN_IOCTLS] = {
	{ VHA_CAN_SET_PARAMS, set_params },
};
