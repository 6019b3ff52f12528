// SPDX-License-Identifier: GPL-2.0-only
/*
 * Command line options, described by tables
 */
#include <errno.h>
#include <getopt.h>
#include <stdlib.h>

#include "log.h"
#include "options.h"

/** define OPTIONS_MAX - options of all tables of one command together */
#define OPTIONS_MAX	64

/**
 * options_number() - convert an option's argument
 * @name: the option, for the message
 * @value: its argument, decimal, 0x hexadecimal or 0 octal
 * @max: largest value
 * @result: receives the number
 *
 * Return: 0, or -1 after a message.
 */
int options_number(const char *name, const char *value, unsigned long max,
		   unsigned long *result)
{
	char *end;

	errno = 0;
	*result = strtoul(value, &end, 0);
	if (errno || end == value || *end || *value == '-' || *result > max) {
		log_error("--%s: '%s' is not a number from 0 to %lu", name, value, max);
		return -1;
	}
	return 0;
}

static const struct option_rule *find_rule(const struct option_set *sets, size_t index,
					   void **options)
{
	for (; index >= sets->num_rules; sets++)
		index -= sets->num_rules;
	*options = sets->options;
	return &sets->rules[index];
}

static int build_long_options(const struct option_set *sets, size_t num_sets,
			      struct option *list)
{
	size_t set, rule, total = 0;

	for (set = 0; set < num_sets; set++) {
		for (rule = 0; rule < sets[set].num_rules; rule++, total++) {
			if (total == OPTIONS_MAX)
				return -1;
			list[total] = (struct option) {
				.name = sets[set].rules[rule].name,
				.has_arg = sets[set].rules[rule].argument ?
					   required_argument : no_argument,
			};
		}
	}
	return 0;
}

/**
 * options_parse() - read the command line
 * @argc: number of arguments, the command's name included
 * @argv: the arguments
 * @sets: option tables
 * @num_sets: how many
 *
 * Return: index in @argv of the first argument that is no option, or -1 after
 * a message.
 */
int options_parse(int argc, char **argv, const struct option_set *sets, size_t num_sets)
{
	struct option list[OPTIONS_MAX + 1] = { 0 };
	const struct option_rule *rule;
	int index, code;
	void *options;

	if (build_long_options(sets, num_sets, list))
		return -1;
	opterr = 0;
	optind = 1;
	while ((code = getopt_long(argc, argv, "+:", list, &index)) != -1) {
		if (code == ':') {
			log_error("%s needs an argument", argv[optind - 1]);
			return -1;
		}
		if (code) {
			log_error("%s: unknown option; see --help", argv[optind - 1]);
			return -1;
		}
		rule = find_rule(sets, index, &options);
		if (rule->set(options, optarg))
			return -1;
	}
	return optind;
}

/**
 * options_help() - list options
 * @stream: where to
 * @rules: the table
 * @num_rules: how many
 */
void options_help(FILE *stream, const struct option_rule *rules, size_t num_rules)
{
	char left[64];
	size_t i;

	for (i = 0; i < num_rules; i++) {
		if (!rules[i].help)
			continue;
		snprintf(left, sizeof(left), "--%s%s%s", rules[i].name,
			 rules[i].argument ? " " : "",
			 rules[i].argument ? rules[i].argument : "");
		fprintf(stream, "  %-24s  %s\n", left, rules[i].help);
	}
}
