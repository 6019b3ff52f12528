// SPDX-License-Identifier: GPL-2.0-only
/*
 * The device classes
 */
#include <string.h>

#include "class.h"

static const struct device_class *const classes[] = {
	&blk_class,
	&can_class,
	&video_class,
	&vsock_class,
};

/**
 * class_at() - walk through the classes
 * @index: position, from 0
 *
 * Return: the class, NULL behind the last one.
 */
const struct device_class *class_at(size_t index)
{
	return index < sizeof(classes) / sizeof(classes[0]) ? classes[index] : NULL;
}

/**
 * class_find() - find a class by name
 * @name: its name
 *
 * Return: the class, or NULL.
 */
const struct device_class *class_find(const char *name)
{
	const struct device_class *class;
	size_t i;

	for (i = 0; (class = class_at(i)); i++)
		if (!strcmp(class->name, name))
			return class;
	return NULL;
}
