// SPDX-License-Identifier: GPL-2.0-only
/*
 * The command "info": what a node offers
 */
#include <stdio.h>
#include <string.h>

#include "class.h"
#include "commands.h"
#include "device.h"
#include "exit_status.h"
#include "log.h"

static void print_info(const struct device *device)
{
	const struct vha_info *info = &device->info;

	printf("node: %s\n", device->node);
	printf("abi_version: %u\n", info->abi_version);
	printf("virtio_id: %u\n", info->virtio_id);
	printf("max_queues: %u\n", info->max_queues);
	printf("max_ring_size: %u\n", info->max_ring_size);
	printf("config_size: %u\n", info->config_size);
	printf("max_mem_regions: %u\n", info->max_mem_regions);
	printf("max_workers: %u\n", info->max_workers);
	printf("max_iotlb_entries: %u\n", info->max_iotlb_entries);
}

/**
 * info_command() - the command "info"
 * @argc: number of arguments, the command's name included
 * @argv: the arguments
 *
 * Return: the exit status.
 */
int info_command(int argc, char **argv)
{
	const struct device_class *class;
	struct device device;

	if (argc != 2 || argv[1][0] == '-') {
		log_error("info: a class or the path of a node is needed");
		return STATUS_USAGE;
	}
	class = class_find(argv[1]);
	if (!class && !strchr(argv[1], '/')) {
		log_error("info: there is no class '%s'", argv[1]);
		return STATUS_USAGE;
	}
	if (device_open(&device, class ? class->node : argv[1]))
		return STATUS_ENVIRONMENT;
	print_info(&device);
	device_close(&device);
	return STATUS_OK;
}
