// SPDX-License-Identifier: GPL-2.0-only
/*
 * The event queue
 */
#include "trace.h"
#include "vsock.h"

/**
 * vha_vsock_transport_reset() - tell the driver that all connections are lost
 * @vsock: the guest's device
 *
 * Kept until the driver has a buffer for it.
 */
void vha_vsock_transport_reset(struct vha_vsock *vsock)
{
	WRITE_ONCE(vsock->reset_pending, true);
	vha_queue_kick(vsock->dev.vqs[VSOCK_VQ_EVENT]);
}

/**
 * vha_vsock_event() - serve a buffer of the event queue
 * @vq: the queue
 * @chain: the buffer
 *
 * Return: as &typedef vha_chain_fn.
 */
int vha_vsock_event(struct vha_queue *vq, struct vha_chain *chain)
{
	const struct virtio_vsock_event event = {
		.id = cpu_to_le32(VIRTIO_VSOCK_EVENT_TRANSPORT_RESET),
	};
	struct vha_cursor cursor = vha_chain_in(chain);
	struct vha_vsock *vsock = to_vsock(vq->dev);

	if (!xchg(&vsock->reset_pending, false))
		return -EAGAIN;
	if (chain->out_num || chain->in_len < sizeof(event) ||
	    vha_copy_to(vq, &cursor, &event, sizeof(event))) {
		WRITE_ONCE(vsock->reset_pending, true);
		vha_vsock_count(vq, VHA_VSOCK_MALFORMED, 1);
		trace_vha_vsock_discard(vq, &chain->token, VHA_VSOCK_MALFORMED);
		vha_queue_used(vq, &chain->token, 0);
		return 0;
	}
	vha_vsock_count(vq, VHA_VSOCK_PACKETS, 1);
	vha_queue_used(vq, &chain->token, sizeof(event));
	return 0;
}
