/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Command line options, described by tables
 */
#ifndef VHOST_ACCEL_OPTIONS_H
#define VHOST_ACCEL_OPTIONS_H

#include <stddef.h>
#include <stdio.h>

/**
 * struct option_rule - an option
 * @name: without the two hyphens
 * @argument: what its argument is called, NULL when it has none
 * @help: what it does; NULL for a synonym, which help does not list
 * @set: store @value, the argument; 0, or -1 after a message
 */
struct option_rule {
	const char *name;
	const char *argument;
	const char *help;
	int (*set)(void *options, const char *value);
};

/**
 * struct option_set - a table of options and where they are stored
 * @rules: the table
 * @num_rules: how many
 * @options: passed to @rules->set
 */
struct option_set {
	const struct option_rule *rules;
	size_t num_rules;
	void *options;
};

int options_parse(int argc, char **argv, const struct option_set *sets, size_t num_sets);
void options_help(FILE *stream, const struct option_rule *rules, size_t num_rules);
int options_number(const char *name, const char *value, unsigned long max,
		   unsigned long *result);

#endif /* VHOST_ACCEL_OPTIONS_H */
