// SPDX-License-Identifier: GPL-2.0-only
/*
 * Video: every ioctl is answered as the host's node answers it
 *
 * One walk is taken on the node and in the guest, and what was answered is compared
 * word by word.
 */
#include <string.h>

#include "tvm_rig.h"
#include "tvm_walk.h"

static void on_host(struct tvm_walk *walk, const char *path)
{
	struct tvm_video video, other;

	/* The VMM has it open as well, which matters for priorities. */
	ASSERT_EQ(tvm_video_open_host(&other, path), 0);
	ASSERT_EQ(tvm_video_open_host(&video, path), 0);
	tvm_walk_everything(walk, &video);
	tvm_video_close(&video);
	tvm_video_close(&other);
}

static void compare(const struct tvm_walk *host, const struct tvm_walk *guest)
{
	unsigned int i, at, different = 0;

	for (i = 0; i < host->count && i < guest->count && different < 20; i++) {
		const struct tvm_answer *a = &host->answers[i], *b = &guest->answers[i];

		if (strcmp(a->name, b->name))
			break;
		if (a->result == b->result && a->len == b->len &&
		    !memcmp(a->bytes, b->bytes, a->len))
			continue;
		for (at = 0; at < a->len && at < b->len; at++)
			if (((uint8_t *)a->bytes)[at] != ((uint8_t *)b->bytes)[at])
				break;
		EXPECT_MSG(false, "%s (%#x, answer %u): host %d, guest %d, differs at %u of %zu",
			   a->name, a->number, i, a->result, b->result, at, a->len);
		different++;
	}
	EXPECT_EQ(host->count, guest->count);
	harness_note("%u answers", host->count);
}

FIXTURE(answers) {
	struct tvm_media media;
};

FIXTURE_VARIANT(answers) {
	struct tvm_config cfg;
	const char *driver;
	const char *params;
	const char *name;
};

FIXTURE_VARIANT_ADD(answers, capture)
	{ { .event_idx = true }, "vivid", TVM_VIDEO_VIVID, "vivid-000-vid-cap" };
FIXTURE_VARIANT_ADD(answers, capture_mplane)
	{ { .packed = true }, "vivid", TVM_VIDEO_VIVID, "vivid-001-vid-cap" };
FIXTURE_VARIANT_ADD(answers, output)
	{ { .packed = true }, "vivid", TVM_VIDEO_VIVID, "vivid-000-vid-out" };
FIXTURE_VARIANT_ADD_FULL(answers, output_mplane)
	{ { .event_idx = true }, "vivid", TVM_VIDEO_VIVID, "vivid-001-vid-out" };
FIXTURE_VARIANT_ADD(answers, encoder)
	{ { .packed = true }, "vicodec", "multiplanar=0", "stateful-encoder" };
FIXTURE_VARIANT_ADD(answers, decoder)
	{ { .event_idx = true }, "vicodec", "multiplanar=0", "stateful-decoder" };
FIXTURE_VARIANT_ADD_FULL(answers, encoder_mplane)
	{ { .event_idx = true }, "vicodec", "multiplanar=1", "stateful-encoder" };
FIXTURE_VARIANT_ADD(answers, converter)
	{ { .event_idx = true }, "vim2m", "", "vim2m" };

FIXTURE_SETUP(answers)
{
	self->media.dev.fd = -1;
	self->media.node = -1;
}

FIXTURE_TEARDOWN(answers)
{
	tvm_media_destroy(&self->media);
}

TEST_F_TIMEOUT(answers, as_the_node, 180)
{
	const struct tvm_media_options options = { .cfg = variant->cfg };
	struct tvm_walk host = { 0 }, guest = { 0 };
	struct tvm_video video;
	char path[TVM_VIDEO_PATH];

	tvm_video_driver(variant->driver, variant->params);
	tvm_video_find(variant->name, path);
	/* The first walk finds another state than the second one. */
	on_host(&host, path);
	tvm_walk_forget(&host);
	on_host(&host, path);
	tvm_media_create(&self->media, path, &options);
	ASSERT_EQ(tvm_video_open_guest(&video, &self->media), 0);
	tvm_walk_everything(&guest, &video);
	compare(&host, &guest);
	tvm_video_close(&video);
	EXPECT_EQ(tvm_media_stat(&self->media, TVM_MEDIA_COMMANDS, "malformed"), 0);
	tvm_walk_forget(&host);
	tvm_walk_forget(&guest);
}

HARNESS_MAIN
