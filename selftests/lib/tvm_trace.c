// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tracepoints of the kernel, in a trace instance of the test's own
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tvm_trace.h"

static int put(const char *dir, const char *name, const char *text, int flags)
{
	char path[256];
	int fd, ret = 0;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	fd = open(path, O_WRONLY | O_CLOEXEC | flags);
	if (fd < 0)
		return -errno;
	if (write(fd, text, strlen(text)) < 0)
		ret = -errno;
	close(fd);
	return ret;
}

/**
 * tvm_trace_open() - make a trace instance and enable an event in it
 * @trace: filled in
 * @system: of the event
 * @event: its name
 */
int tvm_trace_open(struct tvm_trace *trace, const char *system, const char *event)
{
	char enable[128];
	int ret;

	snprintf(trace->dir, sizeof(trace->dir), "/sys/kernel/tracing/instances/vhatest%d",
		 getpid());
	if (mkdir(trace->dir, 0700)) {
		ret = -errno;
		trace->dir[0] = 0;
		return ret;
	}
	snprintf(enable, sizeof(enable), "events/%s/%s/enable", system, event);
	ret = put(trace->dir, enable, "1", 0);
	if (ret)
		tvm_trace_close(trace);
	return ret;
}

/**
 * tvm_trace_close() - remove the trace instance
 * @trace: the instance; closing twice does nothing
 */
void tvm_trace_close(struct tvm_trace *trace)
{
	if (!trace->dir[0])
		return;
	put(trace->dir, "tracing_on", "0", 0);
	rmdir(trace->dir);
	trace->dir[0] = 0;
}

/**
 * tvm_trace_clear() - forget what was recorded
 * @trace: the instance
 */
void tvm_trace_clear(struct tvm_trace *trace)
{
	put(trace->dir, "trace", "", O_TRUNC);
}

/**
 * tvm_trace_count() - records that contain a text
 * @trace: the instance
 * @text: what to look for
 */
unsigned int tvm_trace_count(const struct tvm_trace *trace, const char *text)
{
	unsigned int count = 0;
	char path[256], line[512];
	FILE *file;

	snprintf(path, sizeof(path), "%s/trace", trace->dir);
	file = fopen(path, "re");
	while (file && fgets(line, sizeof(line), file))
		count += line[0] != '#' && strstr(line, text);
	if (file)
		fclose(file);
	return count;
}
