// SPDX-License-Identifier: GPL-2.0-only
/*
 * Unit tests of the ring code
 */
#include "rig.h"

bool test_failed;

static const struct test *const suites[] = {
	fetch_tests, error_tests, used_tests, notify_tests,
};

static const char *const flag_names[] = {
	"packed", "event_idx", "in_order", "log", "indirect",
};

static unsigned int count, failures;

static void run(const struct test *test, unsigned int flags)
{
	unsigned int i;

	test_failed = false;
	test->run(flags);
	failures += test_failed;
	printf("%sok %u - %s", test_failed ? "not " : "", ++count, test->name);
	for (i = 0; i < sizeof(flag_names) / sizeof(flag_names[0]); i++)
		if (flags & 1u << i)
			printf(" %s", flag_names[i]);
	printf("\n");
	fflush(stdout);
}

int main(void)
{
	unsigned int i, flags;

	printf("TAP version 13\n");
	for (i = 0; i < sizeof(suites) / sizeof(suites[0]); i++) {
		const struct test *test;

		for (test = suites[i]; test->name; test++)
			for (flags = 0; flags < RIG_ALL; flags++)
				if (!(flags & ~test->variants))
					run(test, flags);
	}
	printf("1..%u\n", count);
	return failures != 0;
}
