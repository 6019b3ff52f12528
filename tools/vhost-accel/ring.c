// SPDX-License-Identifier: GPL-2.0-only
/*
 * A ring as the front end sees it. The kernel serves it while the front end has
 * enabled it, its addresses are known and it has a kick eventfd; whichever of
 * these comes last starts it.
 */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "device.h"
#include "log.h"
#include "memory.h"
#include "ring.h"

/** struct ring_part - one of the three areas of a ring */
struct ring_part {
	const char *name;
	uint64_t size;
	uint64_t from;
	__u64 *to;
};

/**
 * ring_init() - a ring nothing is known of
 * @ring: the ring
 * @index: its index
 */
void ring_init(struct ring *ring, unsigned int index)
{
	memset(ring, 0, sizeof(*ring));
	ring->index = index;
	ring->call = -1;
	ring->error = -1;
}

static void replace_fd(int *place, int fd)
{
	if (*place >= 0)
		close(*place);
	*place = fd;
}

/**
 * ring_release() - close what the front end gave
 * @ring: a ring the kernel no longer serves
 */
void ring_release(struct ring *ring)
{
	replace_fd(&ring->call, -1);
	replace_fd(&ring->error, -1);
	ring_init(ring, ring->index);
}

/**
 * ring_forget() - note that the kernel's device was reset
 * @ring: the ring
 */
void ring_forget(struct ring *ring)
{
	ring->size = 0;
	ring->has_address = false;
	ring->has_kick = false;
	ring->enabled = false;
	ring->running = false;
}

static int translate_address(const struct ring *ring, const struct ring_context *context,
			     struct vhost_vring_addr *address)
{
	const struct vhost_vring_addr *from = &ring->address;
	struct ring_part parts[] = {
		{ "descriptors", 16ULL * ring->size, from->desc_user_addr,
		  &address->desc_user_addr },
		{ "driver area", context->packed ? 4 : 6 + 2ULL * ring->size,
		  from->avail_user_addr, &address->avail_user_addr },
		{ "device area", context->packed ? 4 : 6 + 8ULL * ring->size,
		  from->used_user_addr, &address->used_user_addr },
	};
	size_t i;

	*address = *from;
	if (context->iova)
		return 0;
	for (i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		*parts[i].to = memory_translate(context->memory, parts[i].from,
						parts[i].size);
		if (!*parts[i].to) {
			log_error("ring %u: %s at %#llx, %llu bytes: not in the memory table",
				  ring->index, parts[i].name,
				  (unsigned long long)parts[i].from,
				  (unsigned long long)parts[i].size);
			return -EFAULT;
		}
	}
	return 0;
}

static int install_address(const struct ring *ring, const struct ring_context *context)
{
	struct vhost_vring_addr address;
	int result;

	result = translate_address(ring, context, &address);
	if (result)
		return result;
	return DEVICE_CALL(context->device, VHOST_SET_VRING_ADDR, &address);
}

/* After a reset, or with a memory table that moved, the kernel has to be told again. */
static int install_all(const struct ring *ring, const struct ring_context *context)
{
	int result;

	result = install_address(ring, context);
	if (!result && ring->call >= 0)
		result = DEVICE_CALL_RING_FD(context->device, VHOST_SET_VRING_CALL,
					     ring->index, ring->call);
	if (!result && ring->error >= 0)
		result = DEVICE_CALL_RING_FD(context->device, VHOST_SET_VRING_ERR,
					     ring->index, ring->error);
	return result;
}

/* Make the kernel serve the ring, or stop, as its state says. */
static int update(struct ring *ring, const struct ring_context *context)
{
	bool run = ring->enabled && ring->has_kick && ring->has_address && ring->size;
	int result;

	if (run == ring->running)
		return 0;
	if (run) {
		result = install_all(ring, context);
		if (result)
			return result;
	}
	result = DEVICE_CALL_RING(context->device, VHA_SET_VRING_ENABLE, ring->index, run);
	if (result)
		return result;
	log_debug("ring %u %s", ring->index, run ? "started" : "stopped");
	ring->running = run;
	return 0;
}

/**
 * ring_set_size() - number of descriptors
 * @ring: the ring
 * @context: its session's
 * @size: the number
 *
 * Return: 0, or a negative errno after a message.
 */
int ring_set_size(struct ring *ring, const struct ring_context *context, unsigned int size)
{
	int result;

	result = DEVICE_CALL_RING(context->device, VHOST_SET_VRING_NUM, ring->index, size);
	if (result)
		return result;
	ring->size = size;
	return update(ring, context);
}

/**
 * ring_set_address() - where the ring is
 * @ring: the ring
 * @context: its session's
 * @address: addresses in the front end's terms
 *
 * Without a size the addresses can not be checked yet; that is made up for when
 * the ring starts.
 *
 * Return: 0, or a negative errno after a message; then the old ones stay.
 */
int ring_set_address(struct ring *ring, const struct ring_context *context,
		     const struct vhost_vring_addr *address)
{
	struct ring changed = *ring;
	int result;

	changed.address = *address;
	changed.has_address = true;
	if (ring->size) {
		result = install_address(&changed, context);
		if (result)
			return result;
	}
	*ring = changed;
	return update(ring, context);
}

/**
 * ring_set_base() - where to begin
 * @ring: the ring
 * @context: its session's
 * @base: as in struct vhost_vring_state
 *
 * Return: 0, or a negative errno after a message.
 */
int ring_set_base(struct ring *ring, const struct ring_context *context, unsigned int base)
{
	return DEVICE_CALL_RING(context->device, VHOST_SET_VRING_BASE, ring->index, base);
}

/**
 * ring_get_base() - stop the ring and tell where it stopped
 * @ring: the ring
 * @context: its session's
 * @base: receives the position, as in struct vhost_vring_state
 *
 * Return: 0, or a negative errno after a message.
 */
int ring_get_base(struct ring *ring, const struct ring_context *context, unsigned int *base)
{
	struct vhost_vring_state state = { .index = ring->index };
	int result;

	result = DEVICE_CALL(context->device, VHOST_GET_VRING_BASE, &state);
	if (result)
		return result;
	if (ring->running)
		log_debug("ring %u stopped at %#x", ring->index, state.num);
	ring->running = false;
	ring->has_kick = false;
	*base = state.num;
	return 0;
}

/**
 * ring_set_kick() - eventfd through which the driver announces buffers
 * @ring: the ring
 * @context: its session's
 * @fd: the eventfd; the caller closes it
 *
 * Return: 0, or a negative errno after a message.
 */
int ring_set_kick(struct ring *ring, const struct ring_context *context, int fd)
{
	int result;

	result = DEVICE_CALL_RING_FD(context->device, VHOST_SET_VRING_KICK, ring->index, fd);
	if (result)
		return result;
	ring->has_kick = true;
	return update(ring, context);
}

/* What the kernel refused does not replace what it has. */
static int keep_fd(int *place, int fd, int result)
{
	if (!result)
		replace_fd(place, fd);
	else if (fd >= 0)
		close(fd);
	return result;
}

/**
 * ring_set_call() - eventfd through which used buffers are announced
 * @ring: the ring
 * @context: its session's
 * @fd: the eventfd or -1; the ring's from now on
 *
 * Return: 0, or a negative errno after a message.
 */
int ring_set_call(struct ring *ring, const struct ring_context *context, int fd)
{
	int result;

	result = DEVICE_CALL_RING_FD(context->device, VHOST_SET_VRING_CALL, ring->index, fd);
	return keep_fd(&ring->call, fd, result);
}

/**
 * ring_set_error() - eventfd through which a broken ring is announced
 * @ring: the ring
 * @context: its session's
 * @fd: the eventfd or -1; the ring's from now on
 *
 * Return: 0, or a negative errno after a message.
 */
int ring_set_error(struct ring *ring, const struct ring_context *context, int fd)
{
	int result;

	result = DEVICE_CALL_RING_FD(context->device, VHOST_SET_VRING_ERR, ring->index, fd);
	return keep_fd(&ring->error, fd, result);
}

/**
 * ring_set_enabled() - enable or disable
 * @ring: the ring
 * @context: its session's
 * @enabled: which
 *
 * Return: 0, or a negative errno after a message.
 */
int ring_set_enabled(struct ring *ring, const struct ring_context *context, bool enabled)
{
	bool before = ring->enabled;
	int result;

	ring->enabled = enabled;
	result = update(ring, context);
	if (result)
		ring->enabled = before;
	return result;
}
