// SPDX-License-Identifier: GPL-2.0-only
/*
 * Video: what drivers of encoders and decoders can do wrong
 */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "tvm_coder.h"
#include "tvm_rig.h"

#define ID	9U

FIXTURE(stream_hostile) {
	char path[TVM_VIDEO_PATH];
	struct tvm_coder coder;
	struct tvm_stream stream;
	uint32_t size;
};

FIXTURE_VARIANT(stream_hostile) {
	struct tvm_config cfg;
	bool decoder;
};

FIXTURE_VARIANT_ADD(stream_hostile, encoder) { .cfg = { .event_idx = true } };
FIXTURE_VARIANT_ADD(stream_hostile, decoder) { .cfg = { .packed = true }, .decoder = true };

FIXTURE_SETUP(stream_hostile)
{
	const struct tvm_coder_options options = {
		.cfg = variant->cfg, .decoder = variant->decoder, .max_sessions = 3,
	};
	struct tvm_coder_params params;

	tvm_video_driver("vicodec", "multiplanar=0");
	tvm_video_find(variant->decoder ? "stateful-decoder" : "stateful-encoder", self->path);
	tvm_coder_create(&self->coder, self->path, &options);
	ASSERT_EQ(tvm_stream_open(&self->stream, &self->coder, ID), TVM_CODER_OK);
	ASSERT_EQ(tvm_stream_format(&self->stream, TVM_CODER_OUTPUT,
				    variant->decoder ? TVM_CODER_NV12 : TVM_CODER_FWHT,
				    640, 360, &params), TVM_CODER_OK);
	self->size = params.planes[0].size;
}

FIXTURE_TEARDOWN(stream_hostile)
{
	tvm_coder_destroy(&self->coder);
}

static uint32_t command(struct stream_hostile_fixture *self, uint32_t type, uint32_t stream,
			const void *data, uint32_t size)
{
	return tvm_coder_command(&self->coder, type, stream, data, size, NULL, 0);
}

/* Whatever was done before, an encoder does its work. */
static void expect_works(struct stream_hostile_fixture *self,
			 const struct stream_hostile_variant *variant)
{
	struct tvm_codec codec = {
		.pixels = V4L2_PIX_FMT_NV12, .width = 640, .height = 360, .frames = 3,
	};

	if (!variant->decoder) {
		tvm_stream_run(&self->coder, 77, false, &codec);
		EXPECT_EQ(codec.output.frames, 3U);
		tvm_codec_free(&codec);
	}
	EXPECT_EQ(tvm_stream_close(&self->stream), TVM_CODER_OK);
	EXPECT_EQ(tvm_video_mappings(getpid()), 0U);
}

static uint32_t create(struct stream_hostile_fixture *self, const struct tvm_coder_create *create,
		       const struct tvm_coder_entry *entries, unsigned int nr)
{
	static uint8_t data[TVM_CODER_AREA / 2];

	memcpy(data, create, sizeof(*create));
	if (nr)
		memcpy(data + sizeof(*create), entries, nr * sizeof(*entries));
	return command(self, TVM_CODER_RESOURCE_CREATE, ID, data,
		       sizeof(*create) + nr * sizeof(*entries));
}

static const struct tvm_coder_create one = {
	.queue_type = TVM_CODER_OUTPUT, .resource_id = 1, .layout = TVM_CODER_TOGETHER,
	.num_planes = 1, .entries = { 1 },
};

TEST_F(stream_hostile, names)
{
	static const uint32_t types[] = {
		TVM_CODER_STREAM_DESTROY, TVM_CODER_STREAM_DRAIN, TVM_CODER_RESOURCE_CREATE,
		TVM_CODER_DESTROY_ALL, TVM_CODER_QUEUE_CLEAR, TVM_CODER_GET_PARAMS,
		TVM_CODER_SET_PARAMS, TVM_CODER_GET_CONTROL, TVM_CODER_SET_CONTROL,
		TVM_CODER_GET_PARAMS_EXT, TVM_CODER_SET_PARAMS_EXT,
	};
	static const uint32_t ids[] = { 0, 1, ID + 1, 0x7fffffff, 0xffffffff };
	uint32_t data[40] = { TVM_CODER_INPUT };
	unsigned int i, j;

	for (i = 0; i < sizeof(types) / sizeof(types[0]); i++)
		for (j = 0; j < sizeof(ids) / sizeof(ids[0]); j++)
			EXPECT_EQ(command(self, types[i], ids[j], data, sizeof(data)),
				  TVM_CODER_BAD_STREAM);
	/* A stream that was closed is one that never was. */
	EXPECT_EQ(tvm_stream_close(&self->stream), TVM_CODER_OK);
	EXPECT_EQ(tvm_stream_close(&self->stream), TVM_CODER_BAD_STREAM);
	EXPECT_EQ(command(self, TVM_CODER_GET_PARAMS_EXT, ID, data, 8), TVM_CODER_BAD_STREAM);
	ASSERT_EQ(tvm_stream_open(&self->stream, &self->coder, ID), TVM_CODER_OK);
	expect_works(self, variant);
}

TEST_F(stream_hostile, commands)
{
	static const uint32_t types[] = { 0, 1, 0xff, 0x10f, 0x110, 0x200, 0x300, 0x80000100,
					  0xffffffff };
	static const uint32_t queues[] = { 0, 0xff, 0x102, 0xffffffff };
	uint32_t data[40] = { 0 }, i, len;

	for (i = 0; i < sizeof(types) / sizeof(types[0]); i++)
		EXPECT_EQ(command(self, types[i], ID, data, sizeof(data)),
			  TVM_CODER_BAD_OPERATION);
	/* Too short for what it is. */
	for (i = TVM_CODER_QUERY_CAPABILITY; i <= TVM_CODER_SET_PARAMS_EXT; i++)
		for (len = 0; len < 8; len += 4)
			if (i != TVM_CODER_STREAM_DESTROY && i != TVM_CODER_STREAM_DRAIN)
				EXPECT_EQ(command(self, i, ID, data, len),
					  TVM_CODER_BAD_PARAMETER);
	EXPECT_EQ(command(self, TVM_CODER_SET_PARAMS, ID, data, 111), TVM_CODER_BAD_PARAMETER);
	EXPECT_EQ(command(self, TVM_CODER_SET_PARAMS_EXT, ID, data, 119),
		  TVM_CODER_BAD_PARAMETER);
	/* Queues that are none. */
	for (i = 0; i < sizeof(queues) / sizeof(queues[0]); i++) {
		data[0] = queues[i];
		EXPECT_EQ(command(self, TVM_CODER_QUERY_CAPABILITY, ID, data, 8),
			  TVM_CODER_BAD_PARAMETER);
		EXPECT_EQ(command(self, TVM_CODER_GET_PARAMS_EXT, ID, data, 8),
			  TVM_CODER_BAD_PARAMETER);
		EXPECT_EQ(command(self, TVM_CODER_SET_PARAMS_EXT, ID, data, 120),
			  TVM_CODER_BAD_PARAMETER);
		EXPECT_EQ(command(self, TVM_CODER_QUEUE_CLEAR, ID, data, 8),
			  TVM_CODER_BAD_PARAMETER);
		EXPECT_EQ(command(self, TVM_CODER_DESTROY_ALL, ID, data, 8),
			  TVM_CODER_BAD_PARAMETER);
	}
	expect_works(self, variant);
}

/* Responses that have no room: returned all the same, and counted. */
TEST_F(stream_hostile, responses)
{
	const uint32_t get[4] = { TVM_CODER_GET_PARAMS_EXT, ID, TVM_CODER_INPUT };
	const uint32_t caps[4] = { TVM_CODER_QUERY_CAPABILITY, 0, TVM_CODER_INPUT };
	struct tvm_coder_slot *slot;
	uint32_t room, type;

	for (room = 0; room < 64; room += 4) {
		slot = tvm_coder_send(&self->coder, room & 4 ? get : caps, 16, room);
		ASSERT_TRUE(tvm_coder_wait(&self->coder, slot,
					   harness_scaled(TVM_MEDIA_WAIT_MS)));
		EXPECT_EQ(slot->len, room < 8 ? 0U : 8U);
		tvm_mem_read(&self->coder.mem, slot->response, &type, sizeof(type));
		EXPECT_EQ(type, room < 8 ? TVM_MEDIA_NO_RESPONSE : TVM_CODER_BAD_PARAMETER);
		slot->busy = false;
	}
	EXPECT_EQ(tvm_coder_stat(&self->coder, "malformed"), 16);
	/* Nothing to read at all. */
	slot = tvm_coder_send(&self->coder, get, 0, 8);
	ASSERT_TRUE(tvm_coder_wait(&self->coder, slot, harness_scaled(TVM_MEDIA_WAIT_MS)));
	tvm_mem_read(&self->coder.mem, slot->response, &type, sizeof(type));
	EXPECT_EQ(type, TVM_CODER_BAD_PARAMETER);
	expect_works(self, variant);
}

TEST_F(stream_hostile, streams)
{
	static const uint32_t formats[] = { 0, 3, 0xfff, TVM_CODER_H264, 0x1007, 0xffffffff };
	uint32_t create[20] = { 0, 0, TVM_CODER_FWHT };
	struct tvm_stream more[2];
	unsigned int i;

	EXPECT_EQ(command(self, TVM_CODER_STREAM_CREATE, ID, create, sizeof(create)),
		  TVM_CODER_BAD_STREAM);
	for (i = 0; i < 2; i++) {
		create[i] = 1;
		EXPECT_EQ(command(self, TVM_CODER_STREAM_CREATE, 1, create, sizeof(create)),
			  TVM_CODER_BAD_PARAMETER);
		create[i] = 0;
	}
	for (i = 0; i < sizeof(formats) / sizeof(formats[0]); i++) {
		create[2] = formats[i];
		EXPECT_EQ(command(self, TVM_CODER_STREAM_CREATE, 1, create, sizeof(create)),
			  TVM_CODER_BAD_PARAMETER);
	}
	/* Three there may be. */
	EXPECT_EQ(tvm_stream_open(&more[0], &self->coder, 0), TVM_CODER_OK);
	EXPECT_EQ(tvm_stream_open(&more[1], &self->coder, 0xffffffff), TVM_CODER_OK);
	create[2] = TVM_CODER_FWHT;
	EXPECT_EQ(command(self, TVM_CODER_STREAM_CREATE, 1, create, sizeof(create)),
		  TVM_CODER_BAD_MEMORY);
	EXPECT_EQ(tvm_stream_close(&more[0]), TVM_CODER_OK);
	EXPECT_EQ(tvm_stream_close(&more[1]), TVM_CODER_OK);
	expect_works(self, variant);
}

TEST_F(stream_hostile, params)
{
	struct tvm_coder_params params, set;
	unsigned int i;

	ASSERT_EQ(tvm_stream_params_get(&self->stream, TVM_CODER_OUTPUT, &params),
		  TVM_CODER_OK_PARAMS);
	for (i = 0; i < 5; i++) {
		set = params;
		switch (i) {
		case 0:
			set.num_planes = 9;
			break;
		case 1:
			set.resource_type = 1;
			break;
		case 2:
			set.format = 6;
			break;
		case 3:
			set.format = variant->decoder ? TVM_CODER_FWHT : TVM_CODER_NV12;
			break;
		default:
			set.format = 0xffffffff;
		}
		EXPECT_EQ(tvm_stream_params_set(&self->stream, &set), TVM_CODER_BAD_PARAMETER);
	}
	/* Sizes are what the host makes of them. */
	set = params;
	set.width = 0xffffffff;
	set.height = 0;
	EXPECT_EQ(tvm_stream_params_set(&self->stream, &set), TVM_CODER_OK);
	EXPECT_EQ(tvm_stream_params_get(&self->stream, TVM_CODER_OUTPUT, &set),
		  TVM_CODER_OK_PARAMS);
	EXPECT_LE(set.width, 4096U);
	EXPECT_GE(set.height, 360U);
	/* None at all leaves the format. */
	set = params;
	set.format = 0;
	EXPECT_EQ(tvm_stream_params_set(&self->stream, &set), TVM_CODER_OK);
	EXPECT_EQ(tvm_stream_params_get(&self->stream, TVM_CODER_OUTPUT, &set),
		  TVM_CODER_OK_PARAMS);
	EXPECT_EQ(set.format, params.format);
	expect_works(self, variant);
}

TEST_F(stream_hostile, resources)
{
	const struct tvm_coder_entry good = { self->coder.sync.command, TVM_PAGE, 0 };
	struct tvm_coder_create bad;
	unsigned int i;

	for (i = 0; i < 9; i++) {
		bad = one;
		switch (i) {
		case 0:
			bad.queue_type = 0x102;
			break;
		case 1:
			bad.num_planes = 0;
			break;
		case 2:
			bad.num_planes = 9;
			break;
		case 3:
			bad.entries[0] = 0;
			break;
		case 4:
			bad.entries[0] = 0xffffffff;
			break;
		case 5:
			bad.entries[0] = 16385;
			break;
		case 6:
			/* More than came with it. */
			bad.entries[0] = 2;
			break;
		case 7:
			bad.layout = 0;
			break;
		default:
			bad.num_planes = 8;
			memset(bad.entries, 0xff, sizeof(bad.entries));
		}
		EXPECT_EQ(create(self, &bad, &good, 1), TVM_CODER_BAD_PARAMETER);
	}
	EXPECT_EQ(create(self, &one, &good, 1), TVM_CODER_OK);
	/* A name there is, in whichever queue. */
	bad = one;
	EXPECT_EQ(create(self, &bad, &good, 1), TVM_CODER_BAD_RESOURCE);
	bad.queue_type = TVM_CODER_INPUT;
	EXPECT_EQ(create(self, &bad, &good, 1), TVM_CODER_BAD_RESOURCE);
	/* As many as there may be, one is there. */
	for (i = 2; i <= 32; i++) {
		bad = one;
		bad.resource_id = i;
		EXPECT_EQ(create(self, &bad, &good, 1), TVM_CODER_OK);
	}
	bad.resource_id = 33;
	EXPECT_EQ(create(self, &bad, &good, 1), TVM_CODER_BAD_MEMORY);
	expect_works(self, variant);
}

/* Pieces of memory that is not the guest's. */
TEST_F(stream_hostile, entries)
{
	const uint64_t end = 192U << 20;
	const struct tvm_coder_entry bad[] = {
		{ end, TVM_PAGE, 0 },
		{ end - 1, 2, 0 },
		{ 0, 0xffffffff, 0 },
		{ 0xfffffffffffff000ULL, TVM_PAGE, 0 },
		{ 0xffffffffffffffffULL, 1, 0 },
		{ 0xffffffffffffffffULL, 2, 0 },
		{ 0x8000000000000000ULL, TVM_PAGE, 0 },
		{ TVM_PAGE, 0, 0 },
		{ (4ULL << 30) - 1, 16, 0 },
		{ (uintptr_t)self->coder.scratch, TVM_PAGE, 0 },
	};
	struct tvm_coder_entry pair[2] = { { 0, TVM_PAGE, 0 } };
	struct tvm_coder_create two = one;
	unsigned int i;

	two.entries[0] = 2;
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		EXPECT_EQ(create(self, &one, &bad[i], 1), TVM_CODER_BAD_PARAMETER);
		pair[1] = bad[i];
		EXPECT_EQ(create(self, &two, pair, 2), TVM_CODER_BAD_PARAMETER);
	}
	/* A list that says it is longer than a buffer can be. */
	pair[0] = (struct tvm_coder_entry){ 0, end, 0 };
	pair[1] = pair[0];
	EXPECT_EQ(create(self, &two, pair, 2), TVM_CODER_OK);
	expect_works(self, variant);
}

static uint32_t queue(struct stream_hostile_fixture *self, uint32_t queue_type, uint32_t id,
		      uint32_t nr, uint32_t size, uint32_t *flags)
{
	struct tvm_coder_queue queue = {
		.queue_type = queue_type, .resource_id = id, .num_sizes = nr, .sizes = { size },
	};
	struct {
		uint64_t timestamp;
		uint32_t flags;
		uint32_t size;
	} done = { 0 };
	uint32_t type = tvm_coder_command(&self->coder, TVM_CODER_RESOURCE_QUEUE, ID, &queue,
					  sizeof(queue), &done, sizeof(done));

	*flags = done.flags;
	return type;
}

TEST_F(stream_hostile, queueing)
{
	struct tvm_coder_entry entry = { self->coder.sync.command, TVM_PAGE, 0 };
	struct tvm_coder_create second = one;
	uint32_t flags;

	second.resource_id = 2;
	second.queue_type = TVM_CODER_INPUT;
	ASSERT_EQ(create(self, &one, &entry, 1), TVM_CODER_OK);
	ASSERT_EQ(create(self, &second, &entry, 1), TVM_CODER_OK);
	EXPECT_EQ(queue(self, 0x102, 1, 1, 0, &flags), TVM_CODER_BAD_PARAMETER);
	EXPECT_EQ(flags, TVM_CODER_ERR);
	/* Names of nothing, and of the other queue's. */
	EXPECT_EQ(queue(self, TVM_CODER_OUTPUT, 3, 1, 0, &flags), TVM_CODER_BAD_RESOURCE);
	EXPECT_EQ(queue(self, TVM_CODER_OUTPUT, 2, 1, 0, &flags), TVM_CODER_BAD_RESOURCE);
	EXPECT_EQ(queue(self, TVM_CODER_INPUT, 1, 1, 1, &flags), TVM_CODER_BAD_RESOURCE);
	/* A page holds no frame. */
	EXPECT_EQ(queue(self, TVM_CODER_OUTPUT, 1, 1, 0, &flags), TVM_CODER_BAD_PARAMETER);
	EXPECT_EQ(flags, TVM_CODER_ERR);
	/* Planes it does not have, and more in them than there is. */
	EXPECT_EQ(queue(self, TVM_CODER_INPUT, 2, 9, 1, &flags), TVM_CODER_BAD_PARAMETER);
	EXPECT_EQ(queue(self, TVM_CODER_INPUT, 2, 2, 1, &flags), TVM_CODER_BAD_PARAMETER);
	EXPECT_EQ(queue(self, TVM_CODER_INPUT, 2, 0, 1, &flags), TVM_CODER_BAD_PARAMETER);
	EXPECT_EQ(queue(self, TVM_CODER_INPUT, 2, 1, 0, &flags), TVM_CODER_BAD_PARAMETER);
	EXPECT_EQ(queue(self, TVM_CODER_INPUT, 2, 1, TVM_PAGE + 1, &flags),
		  TVM_CODER_BAD_PARAMETER);
	EXPECT_EQ(queue(self, TVM_CODER_INPUT, 2, 1, 0xffffffff, &flags),
		  TVM_CODER_BAD_PARAMETER);
	expect_works(self, variant);
}

/* Twice is once too often, and what is queued can be forgotten. */
TEST_F(stream_hostile, queued_twice)
{
	struct tvm_coder_done done;
	unsigned int index;
	uint32_t flags;

	tvm_stream_buffers(&self->stream, &self->stream.out, 2);
	tvm_stream_put(&self->stream, &self->stream.out, 0, 0, 0);
	EXPECT_EQ(queue(self, TVM_CODER_OUTPUT, self->stream.out.buffers[0].id, 1, 0, &flags),
		  TVM_CODER_BAD_OPERATION);
	EXPECT_FALSE(tvm_stream_get(&self->stream, &self->stream.out, &index, &done));
	/* A format is not changed under the host. */
	EXPECT_EQ(command(self, TVM_CODER_DESTROY_ALL, ID,
			  (const uint32_t[]){ TVM_CODER_OUTPUT, 0 }, 8), TVM_CODER_OK);
	ASSERT_TRUE(tvm_stream_get(&self->stream, &self->stream.out, &index, &done));
	EXPECT_EQ(index, 0U);
	EXPECT_EQ(done.flags, TVM_CODER_ERR);
	EXPECT_EQ(queue(self, TVM_CODER_OUTPUT, self->stream.out.buffers[0].id, 1, 0, &flags),
		  TVM_CODER_BAD_RESOURCE);
	self->stream.out.count = 0;
	expect_works(self, variant);
}

/* Pieces that are the same memory hurt who sent them and nobody else. */
TEST_F_TIMEOUT(stream_hostile, overlapping, 120)
{
	static struct tvm_coder_entry entries[2048];
	struct tvm_coder_create create_in = one, create_out = one;
	unsigned int i, nr = (self->size + TVM_PAGE - 1) / TVM_PAGE + 1;
	struct tvm_coder_slot *slot;
	struct {
		uint32_t type;
		uint32_t stream;
		struct tvm_coder_queue queue;
	} put = {
		.type = TVM_CODER_RESOURCE_QUEUE, .stream = ID,
		.queue = { .queue_type = TVM_CODER_OUTPUT, .resource_id = 1, .num_sizes = 1 },
	};
	uint64_t page = tvm_mem_alloc(&self->coder.mem, TVM_PAGE, TVM_PAGE);

	for (i = 0; i < nr; i++)
		entries[i] = (struct tvm_coder_entry){ page, TVM_PAGE, 0 };
	create_out.entries[0] = nr;
	ASSERT_EQ(create(self, &create_out, entries, nr), TVM_CODER_OK);
	create_in.queue_type = TVM_CODER_INPUT;
	create_in.resource_id = 2;
	create_in.entries[0] = nr;
	ASSERT_EQ(create(self, &create_in, entries, nr), TVM_CODER_OK);
	slot = tvm_coder_send(&self->coder, &put, sizeof(put), sizeof(struct tvm_coder_done));
	EXPECT_FALSE(tvm_coder_wait(&self->coder, slot, 50));
	ASSERT_EQ(command(self, TVM_CODER_QUEUE_CLEAR, ID,
			  (const uint32_t[]){ TVM_CODER_OUTPUT, 0 }, 8), TVM_CODER_OK);
	EXPECT_TRUE(slot->done);
	slot->busy = false;
	expect_works(self, variant);
}

TEST_F(stream_hostile, controls)
{
	uint32_t data[4] = { 0 }, response[64], i;

	for (i = 0; i < 9; i++) {
		/* What vicodec has of them is nothing. */
		data[0] = i;
		data[2] = TVM_CODER_H264;
		EXPECT_EQ(command(self, TVM_CODER_GET_CONTROL, ID, data, 8),
			  TVM_CODER_BAD_CONTROL);
		EXPECT_EQ(command(self, TVM_CODER_SET_CONTROL, ID, data, 16),
			  TVM_CODER_BAD_CONTROL);
		EXPECT_EQ(tvm_coder_command(&self->coder, TVM_CODER_QUERY_CONTROL, ID, data, 16,
					    response, sizeof(response)), TVM_CODER_BAD_CONTROL);
	}
	data[0] = 2;
	EXPECT_EQ(command(self, TVM_CODER_QUERY_CONTROL, ID, data, 8), TVM_CODER_BAD_PARAMETER);
	data[0] = 0xffffffff;
	EXPECT_EQ(command(self, TVM_CODER_GET_CONTROL, ID, data, 8), TVM_CODER_BAD_CONTROL);
	expect_works(self, variant);
}

/* Memory the driver may use only if it says that it does. */
TEST_F(stream_hostile, features)
{
	const struct tvm_coder_entry entries[2] = {
		{ self->coder.sync.command, TVM_PAGE, 0 },
		{ self->coder.sync.response, TVM_PAGE, 0 },
	};
	struct tvm_coder_create two = one;

	two.entries[0] = 2;
	ASSERT_EQ(tvm_dev_ioctl(&self->coder.dev, VHA_RESET, NULL), 0);
	self->coder.options.features = TVM_BIT(TVM_CODER_F_GUEST_PAGES);
	tvm_coder_restarted(&self->coder);
	ASSERT_EQ(tvm_stream_open(&self->stream, &self->coder, ID), TVM_CODER_OK);
	EXPECT_EQ(create(self, &one, entries, 1), TVM_CODER_OK);
	two.resource_id = 2;
	EXPECT_EQ(create(self, &two, entries, 2), TVM_CODER_BAD_PARAMETER);
	ASSERT_EQ(tvm_dev_ioctl(&self->coder.dev, VHA_RESET, NULL), 0);
	self->coder.options.features = TVM_BIT(TVM_CODER_F_NON_CONTIG);
	tvm_coder_restarted(&self->coder);
	ASSERT_EQ(tvm_stream_open(&self->stream, &self->coder, ID), TVM_CODER_OK);
	EXPECT_EQ(create(self, &one, entries, 1), TVM_CODER_BAD_OPERATION);
	EXPECT_EQ(tvm_stream_close(&self->stream), TVM_CODER_OK);
}

/* Numbers without sense, thousands of them. */
TEST_F_TIMEOUT(stream_hostile, noise, 120)
{
	uint32_t data[40], response[64], seed = 12345, type;
	unsigned int i, j, rounds = harness_rounds(4000, 400);

	for (i = 0; i < rounds; i++) {
		for (j = 0; j < 40; j++) {
			seed = seed * 1103515245 + 12345;
			data[j] = (seed >> 8) % 3 ? (seed >> 16) % 4 : seed;
		}
		data[0] = (seed >> 16) & 1 ? TVM_CODER_INPUT : TVM_CODER_OUTPUT;
		type = TVM_CODER_QUERY_CAPABILITY + (seed >> 20) % 15;
		/* Those that are answered some time are tried elsewhere. */
		if (type == TVM_CODER_STREAM_DRAIN || type == TVM_CODER_RESOURCE_QUEUE)
			continue;
		EXPECT_NE(tvm_coder_command(&self->coder, type, (seed >> 12) % 4 ? ID :
					    (seed >> 24) % 3, data, sizeof(data), response,
					    sizeof(response)), 0U);
	}
	tvm_stream_close(&self->stream);
	for (i = 0; i < 3; i++)
		command(self, TVM_CODER_STREAM_DESTROY, i, NULL, 0);
	ASSERT_EQ(tvm_stream_open(&self->stream, &self->coder, ID), TVM_CODER_OK);
	expect_works(self, variant);
}

HARNESS_MAIN
