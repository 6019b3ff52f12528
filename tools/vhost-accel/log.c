// SPDX-License-Identifier: GPL-2.0-only
/*
 * Messages to standard error: one line each, one write(2) each, so that lines
 * of several processes sharing the stream do not mix
 */
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

#include "log.h"

static bool log_verbose;

/**
 * log_set_verbose() - turn messages of log_debug() on or off
 * @verbose: whether they are written
 */
void log_set_verbose(bool verbose)
{
	log_verbose = verbose;
}

static void log_write(const char *level, const char *format, va_list arguments)
{
	char line[1024];
	int used, added;

	used = snprintf(line, sizeof(line), "vhost-accel: %s", level);
	added = vsnprintf(line + used, sizeof(line) - used - 1, format, arguments);
	if (added < 0)
		return;
	used += added;
	if (used > (int)sizeof(line) - 2)
		used = sizeof(line) - 2;
	line[used++] = '\n';
	/* There is nobody left to tell when standard error is gone. */
	if (write(STDERR_FILENO, line, used) < 0)
		return;
}

/**
 * log_error() - say what went wrong
 * @format: as printf, without a newline
 */
void log_error(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	log_write("error: ", format, arguments);
	va_end(arguments);
}

/**
 * log_info() - say what happened
 * @format: as printf, without a newline
 */
void log_info(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	log_write("", format, arguments);
	va_end(arguments);
}

/**
 * log_debug() - say what is being done, when that was asked for
 * @format: as printf, without a newline
 */
void log_debug(const char *format, ...)
{
	va_list arguments;

	if (!log_verbose)
		return;
	va_start(arguments, format);
	log_write("debug: ", format, arguments);
	va_end(arguments);
}
