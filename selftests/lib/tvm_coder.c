// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tiny VMM: a video encoder or decoder
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "tvm_coder.h"

#define COMMAND_BYTES	128
#define RESPONSE_BYTES	64

/**
 * tvm_coder_prepare() - guest memory, and what the driver keeps there
 * @coder: filled in
 * @bytes: of memory
 */
void tvm_coder_prepare(struct tvm_coder *coder, uint64_t bytes)
{
	const struct tvm_layout layout[] = { { 0, bytes }, { 4ULL << 30, 8U << 20 } };
	unsigned int i;

	memset(coder, 0, sizeof(*coder));
	coder->dev.fd = -1;
	coder->node = -1;
	tvm_mem_create(&coder->mem, layout, 2);
	coder->mem.from = 0;
	coder->sync.command = tvm_mem_alloc(&coder->mem, TVM_CODER_AREA, TVM_PAGE);
	coder->sync.response = tvm_mem_alloc(&coder->mem, TVM_CODER_ROOM, TVM_PAGE);
	for (i = 0; i < TVM_CODER_SLOTS; i++) {
		coder->slots[i].command = tvm_mem_alloc(&coder->mem, COMMAND_BYTES, 8);
		coder->slots[i].response = tvm_mem_alloc(&coder->mem, RESPONSE_BYTES, 8);
	}
	for (i = 0; i < TVM_CODER_EVENTS; i++)
		coder->events[i] = tvm_mem_alloc(&coder->mem, sizeof(struct tvm_coder_event), 8);
}

static int set_params(struct tvm_coder *coder)
{
	struct vha_video_params params = {
		.max_sessions = coder->options.max_sessions,
		.flags = coder->options.flags,
		.protocol = coder->options.decoder ? VHA_VIDEO_PROTOCOL_DECODER :
			    VHA_VIDEO_PROTOCOL_ENCODER,
	};

	coder->scratch = mmap(NULL, VHA_VIDEO_SCRATCH_BYTES, PROT_READ | PROT_WRITE,
			      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_TRUE(coder->scratch != MAP_FAILED);
	params.scratch = (uintptr_t)coder->scratch;
	return tvm_dev_ioctl(&coder->dev, VHA_VIDEO_SET_PARAMS, &params);
}

/**
 * tvm_coder_start() - acknowledge features, start the queues
 * @coder: a device whose backing object is set
 */
int tvm_coder_start(struct tvm_coder *coder)
{
	const struct tvm_coder_options *options = &coder->options;
	uint64_t features = options->features ? options->features :
			    TVM_BIT(TVM_CODER_F_GUEST_PAGES) | TVM_BIT(TVM_CODER_F_NON_CONTIG);
	unsigned int i;
	int ret;

	ret = tvm_dev_features_set(&coder->dev,
				   tvm_config_features(&options->cfg) | features, 0);
	for (i = 0; !ret && i < TVM_MEDIA_QUEUES; i++) {
		ret = tvm_queue_init(&coder->vqs[i], &coder->dev, i, 256, &options->cfg);
		if (!ret)
			ret = tvm_queue_start(&coder->vqs[i]);
	}
	if (!ret && !options->no_buffers)
		tvm_coder_post(coder, TVM_CODER_EVENTS);
	return ret;
}

/**
 * tvm_coder_setup() - all from opening the node to queues that run
 * @coder: with memory and a node
 * @options: how
 *
 * Return: 0, or a negative errno.
 */
int tvm_coder_setup(struct tvm_coder *coder, const struct tvm_coder_options *options)
{
	int ret = tvm_dev_open(&coder->dev, tvm_media_node());

	coder->options = *options;
	if (!ret)
		ret = tvm_dev_ioctl(&coder->dev, VHOST_SET_OWNER, NULL);
	if (!ret)
		ret = tvm_dev_mem_set(&coder->dev, &coder->mem);
	if (!ret)
		ret = set_params(coder);
	if (!ret)
		ret = tvm_dev_backend_set(&coder->dev, coder->node, 0);
	if (!ret)
		ret = tvm_dev_config_get(&coder->dev, 0, &coder->config,
					 TVM_CODER_CONFIG_BYTES);
	return ret ? ret : tvm_coder_start(coder);
}

/**
 * tvm_coder_create() - make a device; a failure fails the test
 * @coder: filled in
 * @path: of the host's V4L2 node
 * @options: how
 */
void tvm_coder_create(struct tvm_coder *coder, const char *path,
		      const struct tvm_coder_options *options)
{
	tvm_coder_prepare(coder, 192U << 20);
	coder->node = open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC);
	ASSERT_GE(coder->node, 0);
	ASSERT_EQ(tvm_coder_setup(coder, options), 0);
}

/**
 * tvm_coder_restarted() - the device was reset: start anew
 * @coder: the device
 */
void tvm_coder_restarted(struct tvm_coder *coder)
{
	unsigned int i;

	for (i = 0; i < TVM_MEDIA_QUEUES; i++)
		tvm_queue_destroy(&coder->vqs[i]);
	for (i = 0; i < TVM_CODER_SLOTS; i++)
		coder->slots[i].busy = false;
	memset(coder->posted, 0, sizeof(coder->posted));
	coder->num_pending = 0;
	ASSERT_EQ(tvm_coder_start(coder), 0);
}

/**
 * tvm_coder_destroy() - undo tvm_coder_create(), as far as it got
 * @coder: the device
 */
void tvm_coder_destroy(struct tvm_coder *coder)
{
	unsigned int i;

	tvm_dev_close(&coder->dev);
	for (i = 0; i < TVM_MEDIA_QUEUES; i++)
		tvm_queue_destroy(&coder->vqs[i]);
	if (coder->node > 0)
		close(coder->node);
	coder->node = -1;
	if (coder->scratch)
		munmap(coder->scratch, VHA_VIDEO_SCRATCH_BYTES);
	coder->scratch = NULL;
	tvm_mem_destroy(&coder->mem);
}

/**
 * tvm_coder_stat() - a statistic of the command queue
 * @coder: the device
 * @name: its name
 */
int64_t tvm_coder_stat(struct tvm_coder *coder, const char *name)
{
	return tvm_dev_stat(&coder->dev, TVM_MEDIA_COMMANDS, name);
}

static void submit(struct tvm_coder *coder, struct tvm_coder_slot *slot, const void *command,
		   uint32_t size, uint32_t room)
{
	struct tvm_seg segs[2] = { { slot->command, size }, { slot->response, room } };

	tvm_mem_write(&coder->mem, slot->command, command, size);
	tvm_mem_fill(&coder->mem, slot->response, 0xee, room > 8 ? room : 8);
	slot->busy = true;
	slot->done = false;
	slot->len = 0;
	ASSERT_GE(tvm_queue_add(&coder->vqs[TVM_MEDIA_COMMANDS], segs + !size, size != 0,
				room != 0, slot, 0), 0);
	tvm_queue_kick(&coder->vqs[TVM_MEDIA_COMMANDS]);
}

/**
 * tvm_coder_send() - send a command that is answered some time
 * @coder: the device
 * @command: the command
 * @size: its length
 * @room: for its response
 *
 * Return: its slot, to be let go by setting @busy.
 */
struct tvm_coder_slot *tvm_coder_send(struct tvm_coder *coder, const void *command,
				      uint32_t size, uint32_t room)
{
	unsigned int i;

	for (i = 0; i < TVM_CODER_SLOTS; i++)
		if (!coder->slots[i].busy)
			break;
	ASSERT_LT(i, (unsigned int)TVM_CODER_SLOTS);
	ASSERT_LE(size, (uint32_t)COMMAND_BYTES);
	ASSERT_LE(room, (uint32_t)RESPONSE_BYTES);
	submit(coder, &coder->slots[i], command, size, room);
	return &coder->slots[i];
}

static void came(struct tvm_coder *coder, const struct tvm_used *used)
{
	struct tvm_coder_slot *slot = used->cookie;

	ASSERT_TRUE(slot->busy && !slot->done);
	slot->done = true;
	slot->order = coder->came++;
	slot->len = used->len;
}

/**
 * tvm_coder_collect() - take what came back, without waiting
 * @coder: the device
 *
 * Return: whether anything did.
 */
bool tvm_coder_collect(struct tvm_coder *coder)
{
	struct tvm_used used;
	bool any = false;

	while (tvm_queue_poll(&coder->vqs[TVM_MEDIA_COMMANDS], &used)) {
		came(coder, &used);
		any = true;
	}
	return any;
}

/**
 * tvm_coder_wait() - wait for a command to come back
 * @coder: the device
 * @slot: which; NULL for any
 * @timeout_ms: for how long
 *
 * Return: whether it did.
 */
bool tvm_coder_wait(struct tvm_coder *coder, const struct tvm_coder_slot *slot,
		    unsigned int timeout_ms)
{
	struct tvm_used used;
	bool any = tvm_coder_collect(coder);

	while (slot ? !slot->done : !any) {
		if (tvm_queue_wait(&coder->vqs[TVM_MEDIA_COMMANDS], &used, timeout_ms))
			return false;
		came(coder, &used);
		tvm_coder_collect(coder);
		any = true;
	}
	return true;
}

/**
 * tvm_coder_command() - send a command and wait for its response
 * @coder: the device
 * @type: of the command
 * @stream: the stream
 * @data: what follows the header
 * @size: bytes of it
 * @response: filled in with what follows the header of the response
 * @room: bytes of it there may be
 *
 * Return: type of the response; 0 when it is none that can be.
 */
uint32_t tvm_coder_command(struct tvm_coder *coder, uint32_t type, uint32_t stream,
			   const void *data, uint32_t size, void *response, uint32_t room)
{
	static uint8_t command[TVM_CODER_AREA];
	uint32_t header[2] = { type, stream };

	ASSERT_LE(sizeof(header) + size, sizeof(command));
	memcpy(command, header, sizeof(header));
	if (size)
		memcpy(command + sizeof(header), data, size);
	submit(coder, &coder->sync, command, sizeof(header) + size, sizeof(header) + room);
	if (!tvm_coder_wait(coder, &coder->sync, harness_scaled(TVM_MEDIA_WAIT_MS)))
		return 0;
	coder->sync.busy = false;
	if (coder->sync.len < sizeof(header) || coder->sync.len > sizeof(header) + room)
		return 0;
	tvm_mem_read(&coder->mem, coder->sync.response, header, sizeof(header));
	if (room)
		tvm_mem_read(&coder->mem, coder->sync.response + sizeof(header), response, room);
	return header[1] == stream ? header[0] : 0;
}

/**
 * tvm_coder_written() - bytes that followed the header of the last response
 * @coder: the device
 */
uint32_t tvm_coder_written(const struct tvm_coder *coder)
{
	return coder->sync.len - 8;
}

/**
 * tvm_coder_post() - post event buffers
 * @coder: the device
 * @max: how many at most
 *
 * Return: how many were posted.
 */
unsigned int tvm_coder_post(struct tvm_coder *coder, unsigned int max)
{
	struct tvm_queue *vq = &coder->vqs[TVM_MEDIA_EVENTS];
	unsigned int i, count = 0;

	for (i = 0; i < TVM_CODER_EVENTS && count < max; i++) {
		struct tvm_seg seg = { coder->events[i], sizeof(struct tvm_coder_event) };

		if (coder->posted[i])
			continue;
		ASSERT_GE(tvm_queue_add(vq, &seg, 0, 1, &coder->events[i], 0), 0);
		coder->posted[i] = true;
		count++;
	}
	if (count)
		tvm_queue_kick(vq);
	return count;
}

static void event_came(struct tvm_coder *coder, const struct tvm_used *used)
{
	unsigned int slot = (uint64_t *)used->cookie - coder->events;

	coder->posted[slot] = false;
	EXPECT_EQ(used->len, (uint32_t)sizeof(struct tvm_coder_event));
	ASSERT_LT(coder->num_pending, (unsigned int)TVM_CODER_PENDING);
	tvm_mem_read(&coder->mem, coder->events[slot], &coder->pending[coder->num_pending++],
		     sizeof(struct tvm_coder_event));
}

static bool take_event(struct tvm_coder *coder, uint32_t stream, uint32_t type)
{
	struct tvm_used used;
	unsigned int i;

	while (tvm_queue_poll(&coder->vqs[TVM_MEDIA_EVENTS], &used))
		event_came(coder, &used);
	if (!coder->keep)
		tvm_coder_post(coder, TVM_CODER_EVENTS);
	for (i = 0; i < coder->num_pending; i++) {
		if (coder->pending[i].stream != stream || coder->pending[i].type != type)
			continue;
		coder->num_pending--;
		memmove(&coder->pending[i], &coder->pending[i + 1],
			(coder->num_pending - i) * sizeof(coder->pending[0]));
		return true;
	}
	return false;
}

/**
 * tvm_coder_event() - wait for an event
 * @coder: the device
 * @stream: whose
 * @type: TVM_CODER_EVT_*
 * @timeout_ms: for how long, 0 not to wait
 *
 * Return: whether it came; others stay.
 */
bool tvm_coder_event(struct tvm_coder *coder, uint32_t stream, uint32_t type,
		     unsigned int timeout_ms)
{
	struct tvm_used used;

	while (!take_event(coder, stream, type)) {
		if (!timeout_ms ||
		    tvm_queue_wait(&coder->vqs[TVM_MEDIA_EVENTS], &used, timeout_ms))
			return false;
		event_came(coder, &used);
	}
	return true;
}
