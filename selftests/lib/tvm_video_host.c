// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tiny VMM: drivers of virtual video devices on the host, and their nodes
 */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tvm_video.h"

/* Where the testbed puts those that Debian leaves off. */
#define DRIVERS	"/usr/lib/vhost-accel/drivers"

static int load(const char *name, const char *params)
{
	char command[512];

	snprintf(command, sizeof(command),
		 "modprobe -a videobuf2-v4l2 videobuf2-vmalloc 2>/dev/null;"
		 "modprobe %s %s 2>/dev/null || insmod " DRIVERS "/%s.ko %s >/dev/null 2>&1",
		 name, params, name, params);
	fflush(stdout);
	return system(command);
}

static bool loaded(const char *name)
{
	char path[128], *p;

	snprintf(path, sizeof(path), "/sys/module/%s", name);
	for (p = path; *p; p++)
		if (*p == '-')
			*p = '_';
	return !access(path, F_OK);
}

/* With other parameters than before, it has to be loaded anew. */
static bool has_params(const char *name, const char *params)
{
	char path[64], line[256] = "";
	FILE *file;

	snprintf(path, sizeof(path), "/run/tvm-%s", name);
	file = fopen(path, "r");
	if (file) {
		if (!fgets(line, sizeof(line), file))
			*line = '\0';
		fclose(file);
	}
	return !strcmp(line, params);
}

static void note_params(const char *name, const char *params)
{
	char path[64];
	FILE *file;

	snprintf(path, sizeof(path), "/run/tvm-%s", name);
	file = fopen(path, "w");
	ASSERT_TRUE(file);
	fputs(params, file);
	fclose(file);
}

/* Files of a device that has ended may still be on their way. */
static void unload(const char *name)
{
	unsigned int tries = harness_scaled(100);
	char command[64];

	snprintf(command, sizeof(command), "rmmod %s 2>/dev/null", name);
	fflush(stdout);
	while (system(command)) {
		ASSERT_GT(tries--, 0U);
		usleep(100000);
	}
}

/**
 * tvm_video_driver() - load a driver; a failure fails the test
 * @name: vicodec, vim2m or vivid
 * @params: its parameters
 */
void tvm_video_driver(const char *name, const char *params)
{
	if (loaded(name) && !has_params(name, params))
		unload(name);
	if (!loaded(name)) {
		if (strcmp(name, "vivid") && !loaded("v4l2-mem2mem"))
			ASSERT_EQ(load("v4l2-mem2mem", ""), 0);
		ASSERT_EQ(load(name, params), 0);
		note_params(name, params);
	}
}

/**
 * tvm_video_find() - find a node by its name
 * @name: as it stands in sysfs
 * @path: filled in, TVM_VIDEO_PATH bytes
 */
void tvm_video_find(const char *name, char *path)
{
	DIR *dir = opendir("/sys/class/video4linux");
	struct dirent *entry;
	char attribute[512], line[64];
	FILE *file;

	*path = '\0';
	ASSERT_TRUE(dir);
	while ((entry = readdir(dir))) {
		snprintf(attribute, sizeof(attribute), "/sys/class/video4linux/%s/name",
			 entry->d_name);
		file = fopen(attribute, "r");
		if (!file)
			continue;
		if (fgets(line, sizeof(line), file)) {
			line[strcspn(line, "\n")] = '\0';
			if (!strcmp(line, name))
				snprintf(path, TVM_VIDEO_PATH, "/dev/%.20s", entry->d_name);
		}
		fclose(file);
	}
	closedir(dir);
	if (!*path)
		harness_note("there is no %s", name);
	ASSERT_TRUE(*path);
}

/**
 * tvm_video_mappings() - mappings of video devices a process has
 * @pid: the process
 */
unsigned int tvm_video_mappings(pid_t pid)
{
	char path[40], line[512];
	unsigned int count = 0;
	FILE *maps;

	snprintf(path, sizeof(path), "/proc/%d/maps", (int)pid);
	maps = fopen(path, "r");
	ASSERT_TRUE(maps);
	while (fgets(line, sizeof(line), maps))
		if (strstr(line, "/dev/video"))
			count++;
	fclose(maps);
	return count;
}
