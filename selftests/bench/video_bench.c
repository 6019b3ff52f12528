// SPDX-License-Identifier: GPL-2.0-only
/*
 * Frames through an encoder or decoder as fast as it goes, in the guest or on the
 * host's node: the same program, with the same buffers
 *
 * video_bench [--host|--packed] [--seconds S] [--pixels FOURCC] [--width N]
 *	[--height N] [--buffers N]
 *
 * Prints frames per second, and the processors' time per frame: of all that runs, so
 * of the node's driver as well.
 */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "tvm_video.h"

/** struct options - the command line */
struct options {
	bool host;
	bool packed;
	double seconds;
	uint32_t pixels;
	unsigned int width;
	unsigned int height;
	unsigned int buffers;
};

/** struct bench - what is measured */
struct bench {
	struct tvm_media media;
	struct tvm_video video;
	struct tvm_video_queue out;
	struct tvm_video_queue cap;
	uint64_t frames;
};

static void __attribute__((noreturn)) usage(void)
{
	fprintf(stderr, "usage: video_bench [--host|--packed] [--seconds S] [--pixels FOURCC]\n"
		"\t[--width N] [--height N] [--buffers N]\n");
	exit(2);
}

static void parse(int argc, char **argv, struct options *options)
{
	static const struct option names[] = {
		{ "host", no_argument, NULL, 'h' },
		{ "packed", no_argument, NULL, 'p' },
		{ "seconds", required_argument, NULL, 's' },
		{ "pixels", required_argument, NULL, 'f' },
		{ "width", required_argument, NULL, 'x' },
		{ "height", required_argument, NULL, 'y' },
		{ "buffers", required_argument, NULL, 'b' },
		{ 0 },
	};
	int option;

	while ((option = getopt_long(argc, argv, "", names, NULL)) != -1) {
		switch (option) {
		case 'h':
			options->host = true;
			break;
		case 'p':
			options->packed = true;
			break;
		case 's':
			options->seconds = atof(optarg);
			break;
		case 'f':
			if (strlen(optarg) != 4)
				usage();
			memcpy(&options->pixels, optarg, 4);
			break;
		case 'x':
			options->width = atoi(optarg);
			break;
		case 'y':
			options->height = atoi(optarg);
			break;
		case 'b':
			options->buffers = atoi(optarg);
			break;
		default:
			usage();
		}
	}
	if (optind != argc || !options->buffers || options->buffers > TVM_VIDEO_BUFFERS)
		usage();
}

/* Time of all processors that was not idle, in clock ticks. */
static uint64_t busy_ticks(void)
{
	unsigned long long user, nice, system, idle, wait, irq, softirq;
	FILE *file = fopen("/proc/stat", "r");
	int found;

	ASSERT_TRUE(file);
	found = fscanf(file, "cpu %llu %llu %llu %llu %llu %llu %llu", &user, &nice, &system,
		       &idle, &wait, &irq, &softirq);
	fclose(file);
	ASSERT_EQ(found, 7);
	return user + nice + system + irq + softirq;
}

static void set_up(struct bench *bench, const struct options *options)
{
	const struct tvm_media_options device = {
		.cfg = { .packed = options->packed, .event_idx = true },
	};
	struct v4l2_format format;
	char path[TVM_VIDEO_PATH];
	unsigned int i, j;

	tvm_video_driver("vicodec", "multiplanar=0");
	tvm_video_find("stateful-encoder", path);
	if (options->host) {
		ASSERT_EQ(tvm_video_open_host(&bench->video, path), 0);
	} else {
		tvm_media_create(&bench->media, path, &device);
		ASSERT_EQ(tvm_video_open_guest(&bench->video, &bench->media), 0);
	}
	ASSERT_EQ(tvm_video_format(&bench->video, true, options->pixels, options->width,
				   options->height, &format), 0);
	tvm_video_buffers(&bench->video, &bench->out, true, options->buffers);
	tvm_video_buffers(&bench->video, &bench->cap, false, options->buffers);
	for (i = 0; i < bench->out.count; i++) {
		struct tvm_video_plane *plane = &bench->out.buffers[i][0];

		for (j = 0; j < plane->len; j++)
			((uint8_t *)plane->addr)[j] = j / 7 + 3 * i;
		ASSERT_EQ(tvm_video_put(&bench->out, i, plane->len, i), 0);
	}
	for (i = 0; i < bench->cap.count; i++)
		ASSERT_EQ(tvm_video_put(&bench->cap, i, 0, 0), 0);
	ASSERT_EQ(tvm_video_stream(&bench->out, true), 0);
	ASSERT_EQ(tvm_video_stream(&bench->cap, true), 0);
}

static bool step(struct bench *bench)
{
	struct tvm_video_frame frame;
	bool worked = false;

	if (!tvm_video_get(&bench->out, &frame)) {
		ASSERT_EQ(tvm_video_put(&bench->out, frame.buffer.index,
					bench->out.buffers[frame.buffer.index][0].len, 0), 0);
		worked = true;
	}
	if (!tvm_video_get(&bench->cap, &frame)) {
		ASSERT_EQ(tvm_video_put(&bench->cap, frame.buffer.index, 0, 0), 0);
		bench->frames++;
		worked = true;
	}
	return worked;
}

static void run(struct bench *bench, double seconds)
{
	uint64_t end = tvm_clock_ns() + seconds * 1e9;

	bench->frames = 0;
	while (tvm_clock_ns() < end)
		if (!step(bench))
			ASSERT_TRUE(tvm_video_wait(&bench->video));
}

int main(int argc, char **argv)
{
	struct options options = {
		.seconds = 1, .pixels = V4L2_PIX_FMT_GREY, .width = 640, .height = 360,
		.buffers = 4,
	};
	static struct bench bench;
	uint64_t start, ticks;
	double seconds;

	parse(argc, argv, &options);
	set_up(&bench, &options);
	run(&bench, options.seconds / 4);
	ticks = busy_ticks();
	start = tvm_clock_ns();
	run(&bench, options.seconds);
	seconds = (tvm_clock_ns() - start) / 1e9;
	ticks = busy_ticks() - ticks;
	printf("fps=%.0f frames=%llu cpu_us=%.0f mapped=%lld\n", bench.frames / seconds,
	       (unsigned long long)bench.frames,
	       ticks * 1e6 / sysconf(_SC_CLK_TCK) / (bench.frames ? bench.frames : 1),
	       options.host ? 0LL :
	       (long long)tvm_media_stat(&bench.media, TVM_MEDIA_COMMANDS, "bytes_mapped"));
	return 0;
}
