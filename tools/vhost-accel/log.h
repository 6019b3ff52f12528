/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Messages to standard error
 */
#ifndef VHOST_ACCEL_LOG_H
#define VHOST_ACCEL_LOG_H

#include <stdbool.h>

void log_set_verbose(bool verbose);
void log_error(const char *format, ...) __attribute__((format(printf, 1, 2)));
void log_info(const char *format, ...) __attribute__((format(printf, 1, 2)));
void log_debug(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif /* VHOST_ACCEL_LOG_H */
