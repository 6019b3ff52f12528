// SPDX-License-Identifier: GPL-2.0-only
/*
 * Statistics of an open node, read through the file that describes itself
 */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "device.h"
#include "log.h"
#include "stats.h"

/** define STATS_MAX_BYTES - more than any statistics file has */
#define STATS_MAX_BYTES	(1U << 24)

static int read_at(int fd, void *data, size_t size, off_t offset)
{
	ssize_t count = pread(fd, data, size, offset);

	if (count < 0)
		return -errno;
	return (size_t)count == size ? 0 : -EIO;
}

static int check_header(const struct vha_stats_header *header)
{
	uint64_t values = (uint64_t)header->num_desc * header->num_queues;

	if (header->flags || header->name_size != VHA_STATS_NAME_SIZE || !values ||
	    values > STATS_MAX_BYTES / sizeof(__u64))
		return -EPROTONOSUPPORT;
	return 0;
}

static int read_descriptors(struct stats *stats)
{
	size_t size;
	int result;

	result = read_at(stats->fd, &stats->header, sizeof(stats->header), 0);
	if (!result)
		result = check_header(&stats->header);
	if (result)
		return result;
	size = stats->header.num_desc * sizeof(*stats->descriptors);
	stats->descriptors = malloc(size);
	if (!stats->descriptors)
		return -ENOMEM;
	return read_at(stats->fd, stats->descriptors, size, stats->header.desc_offset);
}

/**
 * stats_open() - open the statistics of a node
 * @stats: receives the file
 * @device: the node
 *
 * Return: 0, or a negative errno after a message.
 */
int stats_open(struct stats *stats, const struct device *device)
{
	int result;

	memset(stats, 0, sizeof(*stats));
	stats->fd = DEVICE_CALL(device, VHA_GET_STATS_FD, NULL);
	if (stats->fd < 0)
		return stats->fd;
	result = read_descriptors(stats);
	if (result) {
		log_error("statistics: %s", strerror(-result));
		stats_close(stats);
	}
	return result;
}

/**
 * stats_close() - close the statistics
 * @stats: may be closed already
 */
void stats_close(struct stats *stats)
{
	if (stats->fd >= 0)
		close(stats->fd);
	free(stats->descriptors);
	stats->fd = -1;
	stats->descriptors = NULL;
}

static const char *unit_name(unsigned int unit)
{
	switch (unit) {
	case VHA_STATS_UNIT_BYTES:
		return "bytes";
	case VHA_STATS_UNIT_NANOSECONDS:
		return "nanoseconds";
	default:
		return "count";
	}
}

static void format_value(const struct vha_stats_desc *descriptor, const char *queue,
			 __u64 value, FILE *stream)
{
	fprintf(stream, "%s %.*s %llu %s\n", queue, VHA_STATS_NAME_SIZE, descriptor->name,
		(unsigned long long)value, unit_name(descriptor->unit));
}

/* The sums over all queues, where a sum has a meaning. */
static void format_sums(const struct stats *stats, const __u64 *values, FILE *stream)
{
	const struct vha_stats_header *header = &stats->header;
	unsigned int queue, i;
	__u64 sum;

	for (i = 0; i < header->num_desc; i++) {
		sum = 0;
		for (queue = 0; queue < header->num_queues; queue++)
			sum += values[queue * header->num_desc + i];
		format_value(&stats->descriptors[i], "all", sum, stream);
	}
}

static bool queue_was_used(const struct stats *stats, const __u64 *values)
{
	unsigned int i;

	for (i = 0; i < stats->header.num_desc; i++)
		if (values[i])
			return true;
	return false;
}

static void format_queues(const struct stats *stats, const __u64 *values, FILE *stream)
{
	const struct vha_stats_header *header = &stats->header;
	unsigned int queue, i;
	char name[16];

	for (queue = 0; queue < header->num_queues; queue++, values += header->num_desc) {
		if (!queue_was_used(stats, values))
			continue;
		snprintf(name, sizeof(name), "%u", queue);
		for (i = 0; i < header->num_desc; i++)
			format_value(&stats->descriptors[i], name, values[i], stream);
	}
}

/**
 * stats_format() - the present values as text
 * @stats: open statistics
 * @text: receives the text, which the caller frees
 * @size: receives its length
 *
 * One line per value: queue or "all", name, value, unit. Queues with nothing but
 * zeros are left out.
 *
 * Return: 0, or a negative errno after a message.
 */
int stats_format(const struct stats *stats, char **text, size_t *size)
{
	size_t bytes = sizeof(__u64) * stats->header.num_desc * stats->header.num_queues;
	__u64 *values = malloc(bytes);
	FILE *stream;
	int result;

	if (!values)
		return -ENOMEM;
	result = read_at(stats->fd, values, bytes, stats->header.data_offset);
	if (result) {
		log_error("statistics: %s", strerror(-result));
		goto free_values;
	}
	stream = open_memstream(text, size);
	if (!stream) {
		result = -errno;
		goto free_values;
	}
	format_sums(stats, values, stream);
	format_queues(stats, values, stream);
	if (fclose(stream)) {
		result = -EIO;
		free(*text);
	}
free_values:
	free(values);
	return result;
}
