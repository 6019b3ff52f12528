// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tiny VMM: the driver of a virtio media device
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tvm_media.h"

/**
 * tvm_media_raw() - send a command and wait until it comes back
 * @media: the device
 * @segs: its segments
 * @out: how many are device-readable
 * @in: how many are device-writable
 * @written: filled in with the bytes the device says it wrote; NULL to leave it out
 */
int tvm_media_raw(struct tvm_media *media, const struct tvm_seg *segs, unsigned int out,
		  unsigned int in, uint32_t *written)
{
	struct tvm_queue *vq = &media->vqs[TVM_MEDIA_COMMANDS];
	struct tvm_used used;
	int ret = tvm_queue_add(vq, segs, out, in, NULL, 0);

	if (ret < 0)
		return ret;
	tvm_queue_kick(vq);
	ret = tvm_queue_wait(vq, &used, harness_scaled(TVM_MEDIA_WAIT_MS));
	if (!ret && written)
		*written = used.len;
	return ret;
}

/**
 * tvm_media_command() - send a command whose parts are in our own memory
 * @media: the device
 * @command: device-readable part
 * @size: bytes of it
 * @response: filled in
 * @room: bytes of the device-writable part
 * @written: as of tvm_media_raw()
 *
 * Return: 0, the response's status as a negative errno, or -EPROTO for a response
 * that can not be.
 */
int tvm_media_command(struct tvm_media *media, const void *command, uint32_t size,
		      void *response, uint32_t room, uint32_t *written)
{
	struct tvm_seg segs[2] = { { media->area, size }, { media->area + 4096, room } };
	uint32_t status = TVM_MEDIA_NO_RESPONSE, len = 0;
	int ret;

	tvm_mem_write(&media->mem, segs[0].gpa, command, size);
	tvm_mem_fill(&media->mem, segs[1].gpa, 0xee, room ? room : 1);
	ret = tvm_media_raw(media, segs + !size, size != 0, room != 0, &len);
	if (ret)
		return ret;
	if (written)
		*written = len;
	if (room)
		tvm_mem_read(&media->mem, segs[1].gpa, response, room);
	if (room < TVM_MEDIA_HEADER)
		return 0;
	memcpy(&status, response, sizeof(status));
	if (len > room || (len >= TVM_MEDIA_HEADER && status > 4095))
		return -EPROTO;
	return len < TVM_MEDIA_HEADER ? -EPROTO : -(int)status;
}

/**
 * tvm_media_open() - open a session
 * @media: the device
 * @session: filled in with its number
 */
int tvm_media_open(struct tvm_media *media, uint32_t *session)
{
	uint32_t command[2] = { TVM_MEDIA_OPEN }, response[4], written;
	int ret = tvm_media_command(media, command, sizeof(command), response,
				    sizeof(response), &written);

	if (ret)
		return ret;
	*session = response[2];
	return written == sizeof(response) && !response[1] && !response[3] ? 0 : -EPROTO;
}

/**
 * tvm_media_close() - close a session
 * @media: the device
 * @session: its number
 */
int tvm_media_close(struct tvm_media *media, uint32_t session)
{
	uint32_t command[4] = { TVM_MEDIA_CLOSE, 0, session }, written;
	int ret = tvm_media_command(media, command, sizeof(command), NULL, 0, &written);

	return ret ? ret : written ? -EPROTO : 0;
}

/**
 * tvm_media_map() - have a buffer mapped into the window
 * @media: the device
 * @session: the session
 * @flags: TVM_MEDIA_RW or none
 * @offset: the buffer's, as VIDIOC_QUERYBUF says
 * @addr: filled in with the offset in the window
 * @len: filled in with the length
 */
int tvm_media_map(struct tvm_media *media, uint32_t session, uint32_t flags,
		  uint32_t offset, uint64_t *addr, uint64_t *len)
{
	uint32_t command[5] = { TVM_MEDIA_MMAP, 0, session, flags, offset }, written;
	uint64_t response[3];
	int ret = tvm_media_command(media, command, sizeof(command), response,
				    sizeof(response), &written);

	if (ret)
		return ret;
	*addr = response[1];
	*len = response[2];
	if (written != sizeof(response) || *addr % TVM_PAGE || *addr > media->window_size ||
	    *len > media->window_size - *addr)
		return -EPROTO;
	return 0;
}

/**
 * tvm_media_unmap() - have a buffer unmapped
 * @media: the device
 * @addr: as of tvm_media_map()
 */
int tvm_media_unmap(struct tvm_media *media, uint64_t addr)
{
	struct {
		uint32_t command[2];
		uint64_t addr;
	} command = { .command = { TVM_MEDIA_MUNMAP }, .addr = addr };
	uint32_t response[2], written;
	int ret = tvm_media_command(media, &command, sizeof(command), response,
				    sizeof(response), &written);

	return ret ? ret : written == sizeof(response) ? 0 : -EPROTO;
}

/**
 * tvm_media_post() - post event buffers
 * @media: the device
 * @max: how many at most
 *
 * Return: how many were posted.
 */
unsigned int tvm_media_post(struct tvm_media *media, unsigned int max)
{
	struct tvm_queue *vq = &media->vqs[TVM_MEDIA_EVENTS];
	unsigned int i, count = 0;

	for (i = 0; i < TVM_MEDIA_BUFFERS && count < max; i++) {
		struct tvm_seg seg = { media->buffers[i], TVM_MEDIA_EVENT_BYTES };

		if (!media->free[i])
			continue;
		tvm_mem_fill(&media->mem, seg.gpa, 0xee, seg.len);
		if (tvm_queue_add(vq, &seg, 0, 1, &media->buffers[i], 0) < 0)
			break;
		media->free[i] = false;
		count++;
	}
	if (count)
		tvm_queue_kick(vq);
	return count;
}

static uint32_t event_size(uint32_t event)
{
	switch (event) {
	case TVM_MEDIA_EVT_ERROR:
		return 16;
	case TVM_MEDIA_EVT_DQBUF:
		return TVM_MEDIA_EVENT_BYTES;
	case TVM_MEDIA_EVT_EVENT:
		return 144;
	default:
		return 0;
	}
}

static void event_came(struct tvm_media *media, const struct tvm_used *used)
{
	struct tvm_media_event *event = &media->pending[media->num_pending];
	unsigned int slot = (uint64_t *)used->cookie - media->buffers;
	uint8_t raw[TVM_MEDIA_EVENT_BYTES];
	uint64_t zero = 0;

	media->free[slot] = true;
	tvm_mem_read(&media->mem, media->buffers[slot], raw, sizeof(raw));
	ASSERT_LT(media->num_pending, (unsigned int)TVM_MEDIA_PENDING);
	memset(event, 0, sizeof(*event));
	memcpy(event, raw, 2 * sizeof(uint32_t));
	ASSERT_LE(event->event, TVM_MEDIA_EVT_EVENT);
	if (used->len_known)
		ASSERT_EQ(used->len, event_size(event->event));
	if (event->event == TVM_MEDIA_EVT_DQBUF) {
		memcpy(&event->buffer, raw + 8, sizeof(event->buffer));
		memcpy(event->planes, raw + 8 + sizeof(event->buffer), sizeof(event->planes));
		/* Addresses of the host are none of the guest's business. */
		if (V4L2_TYPE_IS_MULTIPLANAR(event->buffer.type) ||
		    event->buffer.memory != V4L2_MEMORY_MMAP)
			EXPECT_FALSE(memcmp(&event->buffer.m, &zero, sizeof(zero)));
	} else {
		memcpy(&event->v4l2, raw + 8, sizeof(event->v4l2));
	}
	media->num_pending++;
}

/**
 * tvm_media_collect() - take the events that came, without waiting
 * @media: the device
 */
void tvm_media_collect(struct tvm_media *media)
{
	struct tvm_used used;

	while (tvm_queue_poll(&media->vqs[TVM_MEDIA_EVENTS], &used))
		event_came(media, &used);
	if (!media->keep)
		tvm_media_post(media, TVM_MEDIA_BUFFERS);
}

static bool matches(const struct tvm_media_event *event, uint32_t session, uint32_t kind,
		    uint32_t type)
{
	if (event->session != session || event->event != kind)
		return false;
	switch (kind) {
	case TVM_MEDIA_EVT_DQBUF:
		return event->buffer.type == type;
	case TVM_MEDIA_EVT_EVENT:
		return !type || event->v4l2.type == type;
	default:
		return true;
	}
}

static void forget(struct tvm_media *media, unsigned int i)
{
	media->num_pending--;
	memmove(&media->pending[i], &media->pending[i + 1],
		(media->num_pending - i) * sizeof(media->pending[0]));
}

/**
 * tvm_media_take() - take an event that came
 * @media: the device
 * @session: whose
 * @event: TVM_MEDIA_EVT_*
 * @type: of the buffer, or V4L2_EVENT_*, V4L2_EVENT_ALL for any
 * @taken: filled in, unless NULL
 *
 * Return: whether there was one; other events stay.
 */
bool tvm_media_take(struct tvm_media *media, uint32_t session, uint32_t event,
		    uint32_t type, struct tvm_media_event *taken)
{
	unsigned int i;

	tvm_media_collect(media);
	for (i = 0; i < media->num_pending; i++) {
		if (!matches(&media->pending[i], session, event, type))
			continue;
		if (taken)
			*taken = media->pending[i];
		forget(media, i);
		return true;
	}
	return false;
}

/**
 * tvm_media_drop() - forget buffers that came, as the driver does in STREAMOFF
 * @media: the device
 * @session: whose
 * @type: type of the buffers
 */
void tvm_media_drop(struct tvm_media *media, uint32_t session, uint32_t type)
{
	while (tvm_media_take(media, session, TVM_MEDIA_EVT_DQBUF, type, NULL))
		;
}

/**
 * tvm_media_wait() - wait for an event to come
 * @media: the device
 * @timeout_ms: for how long
 *
 * Return: whether one did.
 */
bool tvm_media_wait(struct tvm_media *media, unsigned int timeout_ms)
{
	struct tvm_used used;

	if (tvm_queue_wait(&media->vqs[TVM_MEDIA_EVENTS], &used, timeout_ms))
		return false;
	event_came(media, &used);
	tvm_media_collect(media);
	return true;
}

/**
 * tvm_media_expect() - wait for a certain event
 * @media: the device
 * @session: whose
 * @event: as of tvm_media_take()
 * @type: likewise
 * @taken: likewise
 */
bool tvm_media_expect(struct tvm_media *media, uint32_t session, uint32_t event,
		      uint32_t type, struct tvm_media_event *taken)
{
	do {
		if (tvm_media_take(media, session, event, type, taken))
			return true;
	} while (tvm_media_wait(media, harness_scaled(TVM_MEDIA_WAIT_MS)));
	return tvm_media_take(media, session, event, type, taken);
}
