// SPDX-License-Identifier: GPL-2.0-only
/*
 * Frames on their way to the driver, without side effects on anything else
 */
#include <kunit/visibility.h>
#include <linux/slab.h>

#include <vhost_accel/device.h>

#include "fifo.h"

/**
 * vha_can_fifo_alloc() - make room
 * @fifo: zeroed; may have room already
 *
 * Return: 0 or -ENOMEM.
 */
int vha_can_fifo_alloc(struct vha_can_fifo *fifo)
{
	if (!fifo->frames)
		fifo->frames = kvcalloc(VHA_CAN_FIFO, sizeof(*fifo->frames),
					VHA_GFP_SETUP);
	return fifo->frames ? 0 : -ENOMEM;
}
EXPORT_SYMBOL_IF_KUNIT(vha_can_fifo_alloc);

/**
 * vha_can_fifo_free() - undo vha_can_fifo_alloc()
 * @fifo: the frames
 */
void vha_can_fifo_free(struct vha_can_fifo *fifo)
{
	kvfree(fifo->frames);
	fifo->frames = NULL;
}
EXPORT_SYMBOL_IF_KUNIT(vha_can_fifo_free);

/**
 * vha_can_fifo_put() - add a frame
 * @fifo: the frames
 * @frame: the last one from now on
 *
 * Return: false when there is no room.
 */
bool vha_can_fifo_put(struct vha_can_fifo *fifo, const struct vha_can_frame *frame)
{
	if (fifo->put - fifo->taken == VHA_CAN_FIFO)
		return false;
	fifo->frames[fifo->put++ % VHA_CAN_FIFO] = *frame;
	return true;
}
EXPORT_SYMBOL_IF_KUNIT(vha_can_fifo_put);

/**
 * vha_can_fifo_peek() - look at the first frame
 * @fifo: the frames
 * @frame: filled in
 * @at: set to its place, for vha_can_fifo_drop()
 *
 * Return: false when there is none.
 */
bool vha_can_fifo_peek(const struct vha_can_fifo *fifo, struct vha_can_frame *frame, u32 *at)
{
	if (fifo->put == fifo->taken)
		return false;
	*at = fifo->taken;
	*frame = fifo->frames[fifo->taken % VHA_CAN_FIFO];
	return true;
}
EXPORT_SYMBOL_IF_KUNIT(vha_can_fifo_peek);

/**
 * vha_can_fifo_drop() - remove the frame that was looked at
 * @fifo: the frames; they may have been cleared since
 * @at: its place
 */
void vha_can_fifo_drop(struct vha_can_fifo *fifo, u32 at)
{
	if (fifo->taken == at)
		fifo->taken++;
}
EXPORT_SYMBOL_IF_KUNIT(vha_can_fifo_drop);

/**
 * vha_can_fifo_clear() - remove all frames
 * @fifo: the frames
 *
 * Return: how many there were.
 */
u32 vha_can_fifo_clear(struct vha_can_fifo *fifo)
{
	u32 nr = fifo->put - fifo->taken;

	fifo->taken = fifo->put;
	return nr;
}
EXPORT_SYMBOL_IF_KUNIT(vha_can_fifo_clear);
