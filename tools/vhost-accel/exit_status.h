/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Exit statuses
 */
#ifndef VHOST_ACCEL_EXIT_STATUS_H
#define VHOST_ACCEL_EXIT_STATUS_H

/**
 * enum exit_status - exit statuses
 * @STATUS_OK: all went well
 * @STATUS_USAGE: the command line is wrong
 * @STATUS_ENVIRONMENT: node, backing object, socket or another part of the host
 *	can not be used
 * @STATUS_SESSION: the only front end broke the protocol, or the kernel failed
 */
enum exit_status {
	STATUS_OK = 0,
	STATUS_USAGE = 1,
	STATUS_ENVIRONMENT = 2,
	STATUS_SESSION = 3,
};

#endif /* VHOST_ACCEL_EXIT_STATUS_H */
