/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The commands besides "serve"
 */
#ifndef VHOST_ACCEL_COMMANDS_H
#define VHOST_ACCEL_COMMANDS_H

int list_command(int argc, char **argv);
int info_command(int argc, char **argv);
int stats_command(int argc, char **argv);

#endif /* VHOST_ACCEL_COMMANDS_H */
