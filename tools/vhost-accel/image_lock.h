/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Locks on image files
 */
#ifndef VHOST_ACCEL_IMAGE_LOCK_H
#define VHOST_ACCEL_IMAGE_LOCK_H

#include <stdbool.h>

int image_lock(int fd, bool read_only);

#endif /* VHOST_ACCEL_IMAGE_LOCK_H */
