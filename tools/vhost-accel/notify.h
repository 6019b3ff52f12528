/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Telling the service manager
 */
#ifndef VHOST_ACCEL_NOTIFY_H
#define VHOST_ACCEL_NOTIFY_H

void notify_manager(const char *state);

#endif /* VHOST_ACCEL_NOTIFY_H */
