// SPDX-License-Identifier: GPL-2.0-only
/*
 * Frames in flight, without side effects on anything else
 *
 * A controller may transmit frames of different identifiers in another order
 * than it was given them, but not equal ones: a confirmation belongs to the
 * oldest frame that looks like it. A confirmation can get lost, for it comes
 * through a socket whose buffer is limited; so every frame has a deadline.
 *
 * The confirmation of a frame may be seen before the call that sends it has
 * returned, and so may the end of the controller: the entry then stays until
 * that call says whether there was a frame at all.
 */
#include <kunit/visibility.h>
#include <linux/slab.h>

#include <vhost_accel/device.h>

#include "flight.h"

/**
 * vha_can_flight_init() - no room for any frame yet
 * @flight: filled in
 */
void vha_can_flight_init(struct vha_can_flight *flight)
{
	flight->entries = NULL;
	INIT_LIST_HEAD(&flight->free);
	INIT_LIST_HEAD(&flight->waiting);
	INIT_LIST_HEAD(&flight->done);
	flight->nr = 0;
}
EXPORT_SYMBOL_IF_KUNIT(vha_can_flight_init);

/**
 * vha_can_flight_alloc() - make room
 * @flight: initialised
 * @nr: for how many frames
 *
 * Return: 0 or -ENOMEM.
 */
int vha_can_flight_alloc(struct vha_can_flight *flight, u32 nr)
{
	u32 i;

	flight->entries = kvcalloc(nr, sizeof(*flight->entries), VHA_GFP_SETUP);
	if (!flight->entries)
		return -ENOMEM;
	for (i = 0; i < nr; i++)
		list_add_tail(&flight->entries[i].node, &flight->free);
	return 0;
}
EXPORT_SYMBOL_IF_KUNIT(vha_can_flight_alloc);

/**
 * vha_can_flight_free() - undo vha_can_flight_alloc()
 * @flight: with no frame in flight
 */
void vha_can_flight_free(struct vha_can_flight *flight)
{
	kvfree(flight->entries);
	vha_can_flight_init(flight);
}
EXPORT_SYMBOL_IF_KUNIT(vha_can_flight_free);

/**
 * vha_can_flight_begin() - a frame is about to be sent
 * @flight: the frames in flight
 * @limit: how many there may be
 * @frame: the frame
 *
 * Return: its entry, whose @token and @result_seg the caller fills in, or NULL
 * when there are too many.
 */
struct vha_can_entry *vha_can_flight_begin(struct vha_can_flight *flight, u32 limit,
					   const struct vha_can_frame *frame)
{
	struct vha_can_entry *entry;

	entry = list_first_entry_or_null(&flight->free, struct vha_can_entry, node);
	if (!entry || flight->nr >= limit)
		return NULL;
	list_move_tail(&entry->node, &flight->waiting);
	flight->nr++;
	entry->frame = *frame;
	entry->sending = true;
	entry->settled = false;
	return entry;
}
EXPORT_SYMBOL_IF_KUNIT(vha_can_flight_begin);

/**
 * vha_can_flight_abort() - the frame was not sent
 * @flight: the frames in flight
 * @entry: its entry, gone afterwards
 *
 * Return: whether the confirmation of an equal frame that had been given up was
 * taken for its.
 */
bool vha_can_flight_abort(struct vha_can_flight *flight, struct vha_can_entry *entry)
{
	bool stray = entry->settled && entry->outcome == VHA_CAN_CONFIRMED;

	vha_can_flight_put(flight, entry);
	return stray;
}
EXPORT_SYMBOL_IF_KUNIT(vha_can_flight_abort);

static void settle(struct vha_can_flight *flight, struct vha_can_entry *entry,
		   enum vha_can_outcome outcome)
{
	entry->settled = true;
	entry->outcome = outcome;
	if (!entry->sending)
		list_move_tail(&entry->node, &flight->done);
}

/**
 * vha_can_flight_sent() - the frame was sent
 * @flight: the frames in flight
 * @entry: its entry
 * @deadline: when it counts as lost; at the earliest when those before it do
 *
 * Return: whether its outcome is known already.
 */
bool vha_can_flight_sent(struct vha_can_flight *flight, struct vha_can_entry *entry,
			 u64 deadline)
{
	entry->sending = false;
	entry->deadline = deadline;
	if (entry->settled)
		list_move_tail(&entry->node, &flight->done);
	return entry->settled;
}
EXPORT_SYMBOL_IF_KUNIT(vha_can_flight_sent);

/**
 * vha_can_flight_confirm() - a frame of ours was seen on the bus
 * @flight: the frames in flight
 * @frame: the frame
 *
 * Return: false when none waits for it: it had been given up.
 */
bool vha_can_flight_confirm(struct vha_can_flight *flight, const struct vha_can_frame *frame)
{
	struct vha_can_entry *entry;

	list_for_each_entry(entry, &flight->waiting, node) {
		if (entry->settled || !vha_can_frame_equal(&entry->frame, frame))
			continue;
		settle(flight, entry, VHA_CAN_CONFIRMED);
		return true;
	}
	return false;
}
EXPORT_SYMBOL_IF_KUNIT(vha_can_flight_confirm);

/**
 * vha_can_flight_expire() - give up those whose time is over
 * @flight: the frames in flight
 * @now: nanoseconds of the monotonic clock
 */
void vha_can_flight_expire(struct vha_can_flight *flight, u64 now)
{
	struct vha_can_entry *entry, *next;

	list_for_each_entry_safe(entry, next, &flight->waiting, node) {
		if (entry->sending || entry->deadline > now)
			break;
		settle(flight, entry, VHA_CAN_EXPIRED);
	}
}
EXPORT_SYMBOL_IF_KUNIT(vha_can_flight_expire);

/**
 * vha_can_flight_cancel() - give up all of them
 * @flight: the frames in flight
 */
void vha_can_flight_cancel(struct vha_can_flight *flight)
{
	struct vha_can_entry *entry, *next;

	list_for_each_entry_safe(entry, next, &flight->waiting, node)
		if (!entry->settled)
			settle(flight, entry, VHA_CAN_CANCELLED);
}
EXPORT_SYMBOL_IF_KUNIT(vha_can_flight_cancel);

/**
 * vha_can_flight_deadline() - when the next one has to be given up
 * @flight: the frames in flight
 *
 * Return: nanoseconds of the monotonic clock, U64_MAX when none waits.
 */
u64 vha_can_flight_deadline(struct vha_can_flight *flight)
{
	const struct vha_can_entry *entry;

	entry = list_first_entry_or_null(&flight->waiting, struct vha_can_entry, node);
	return entry && !entry->sending ? entry->deadline : U64_MAX;
}
EXPORT_SYMBOL_IF_KUNIT(vha_can_flight_deadline);

/**
 * vha_can_flight_take() - the next one whose outcome is known
 * @flight: the frames in flight
 *
 * Return: an entry, the caller's until vha_can_flight_put(); or NULL.
 */
struct vha_can_entry *vha_can_flight_take(struct vha_can_flight *flight)
{
	struct vha_can_entry *entry;

	entry = list_first_entry_or_null(&flight->done, struct vha_can_entry, node);
	if (entry)
		list_del_init(&entry->node);
	return entry;
}
EXPORT_SYMBOL_IF_KUNIT(vha_can_flight_take);

/**
 * vha_can_flight_put() - the entry is no longer needed
 * @flight: the frames in flight
 * @entry: the entry
 */
void vha_can_flight_put(struct vha_can_flight *flight, struct vha_can_entry *entry)
{
	list_move_tail(&entry->node, &flight->free);
	flight->nr--;
}
EXPORT_SYMBOL_IF_KUNIT(vha_can_flight_put);
