// SPDX-License-Identifier: GPL-2.0-only
/*
 * Test harness: runs the tests of a program and prints KTAP
 */
#include <fnmatch.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "harness.h"

/* Seconds a killed test has to go away before the kernel is blamed. */
#define KILL_PATIENCE		60

/* Of a test that took as long it is said how long. */
#define SLOW_MS			1000

/* Shared between a test and the process that watches it. */
struct report {
	int failures;
	bool skipped;
	char reason[200];
};

enum outcome { OUTCOME_OK, OUTCOME_FAIL, OUTCOME_SKIP };

static struct harness_test *tests;
static struct report *report;
static sigjmp_buf leave;
static pid_t main_thread;

void harness_add_test(struct harness_test *test)
{
	struct harness_test **tail = &tests;

	while (*tail)
		tail = &(*tail)->next;
	*tail = test;
}

void harness_add_variant(struct harness_fixture *fixture, struct harness_variant *variant)
{
	struct harness_variant **tail = &fixture->variants;

	while (*tail)
		tail = &(*tail)->next;
	*tail = variant;
}

/**
 * harness_scaled() - a time limit for the machine at hand
 * @value: the limit where nothing slows the machine down
 *
 * The environment variable HARNESS_SLOW holds the factor: emulated machines
 * and debug kernels need one.
 */
unsigned int harness_scaled(unsigned int value)
{
	const char *slow = getenv("HARNESS_SLOW");
	int factor = slow ? atoi(slow) : 1;

	return factor > 1 ? value * factor : value;
}

/**
 * harness_rounds() - how often to do what is random or long
 * @full: when there is time
 * @quick: when the environment variable HARNESS_QUICK asks to be quick
 */
unsigned int harness_rounds(unsigned int full, unsigned int quick)
{
	const char *text = getenv("HARNESS_QUICK");

	return text && *text ? quick : full;
}

static void note(const char *fmt, va_list args)
{
	char text[512];

	vsnprintf(text, sizeof(text), fmt, args);
	printf("# %s\n", text);
}

void harness_note(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	note(fmt, args);
	va_end(args);
}

static void __attribute__((noreturn)) leave_test(void)
{
	fflush(stdout);
	if (syscall(SYS_gettid) != main_thread)
		_exit(1);
	siglongjmp(leave, 1);
}

void harness_fail(const char *file, int line, bool fatal, const char *fmt, ...)
{
	const char *base = strrchr(file, '/');
	char text[512];
	va_list args;

	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	printf("# %s:%d: not true: %s\n", base ? base + 1 : file, line, text);
	/* Programs that are no tests use the tiny VMM as well. */
	if (!report) {
		fflush(stdout);
		abort();
	}
	__atomic_add_fetch(&report->failures, 1, __ATOMIC_RELAXED);
	if (fatal)
		leave_test();
}

void harness_skip(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vsnprintf(report->reason, sizeof(report->reason), fmt, args);
	va_end(args);
	report->skipped = true;
	leave_test();
}

static void step_run(void (*fn)(void *self, const void *variant), void *self,
		     const void *variant)
{
	if (fn)
		fn(self, variant);
}

static void test_body(const struct harness_test *test, void *self, const void *variant)
{
	if (sigsetjmp(leave, 1))
		return;
	if (test->fixture)
		step_run(test->fixture->setup, self, variant);
	test->fn(self, variant);
}

static void test_end(const struct harness_test *test, void *self, const void *variant)
{
	if (!sigsetjmp(leave, 1) && test->fixture)
		step_run(test->fixture->teardown, self, variant);
}

static void test_child(const struct harness_test *test, const struct harness_variant *variant)
{
	const void *data = variant ? variant->data : NULL;
	void *self = test->fixture ? calloc(1, test->fixture->size) : NULL;

	main_thread = syscall(SYS_gettid);
	setpgid(0, 0);
	test_body(test, self, data);
	test_end(test, self, data);
	fflush(stdout);
	_exit(report->failures ? 1 : 0);
}

/* Returns false when the process is still there after @seconds. */
static bool child_wait(int pidfd, unsigned int seconds)
{
	struct pollfd pfd = { .fd = pidfd, .events = POLLIN };

	return poll(&pfd, 1, seconds * 1000) == 1;
}

static enum outcome child_outcome(int status)
{
	if (WIFSIGNALED(status)) {
		printf("# ended by signal %d (%s)\n", WTERMSIG(status),
		       strsignal(WTERMSIG(status)));
		return OUTCOME_FAIL;
	}
	if (report->failures || WEXITSTATUS(status))
		return OUTCOME_FAIL;
	return report->skipped ? OUTCOME_SKIP : OUTCOME_OK;
}

static enum outcome test_run(const struct harness_test *test,
			     const struct harness_variant *variant)
{
	unsigned int timeout = harness_scaled(test->timeout);
	bool late = false;
	int status, pidfd;
	pid_t pid;

	memset(report, 0, sizeof(*report));
	fflush(stdout);
	pid = fork();
	if (!pid)
		test_child(test, variant);
	pidfd = pid < 0 ? -1 : syscall(SYS_pidfd_open, pid, 0);
	if (pidfd < 0) {
		printf("# can not start: %s\n", strerror(errno));
		return OUTCOME_FAIL;
	}
	if (!child_wait(pidfd, timeout)) {
		printf("# no end after %u s\n", timeout);
		late = true;
		kill(-pid, SIGKILL);
		kill(pid, SIGKILL);
		if (!child_wait(pidfd, KILL_PATIENCE)) {
			printf("Bail out! a test can not be killed\n");
			exit(1);
		}
	}
	close(pidfd);
	waitpid(pid, &status, 0);
	kill(-pid, SIGKILL);
	return late ? OUTCOME_FAIL : child_outcome(status);
}

static void test_name(char *name, size_t size, const struct harness_test *test,
		      const struct harness_variant *variant)
{
	if (!test->fixture)
		snprintf(name, size, "%s", test->name);
	else if (!variant)
		snprintf(name, size, "%s.%s", test->fixture->name, test->name);
	else
		snprintf(name, size, "%s.%s.%s", test->fixture->name, variant->name,
			 test->name);
}

static bool wanted(const struct harness_variant *variant, const char *name, int argc,
		   char **argv)
{
	int i;

	if (variant && variant->full_only && !harness_rounds(1, 0))
		return false;
	for (i = 0; i < argc; i++) {
		if (!fnmatch(argv[i], name, 0))
			return true;
	}
	return !argc;
}

static void report_line(enum outcome outcome, unsigned int nr, const char *name)
{
	printf("%sok %u %s", outcome == OUTCOME_FAIL ? "not " : "", nr, name);
	if (outcome == OUTCOME_SKIP)
		printf(" # SKIP %s", report->reason);
	printf("\n");
	fflush(stdout);
}

typedef void (*visit_fn)(const struct harness_test *test,
			 const struct harness_variant *variant, const char *name);

/* Calls @fn for every wanted test, returns how many there are. */
static unsigned int tests_visit(int argc, char **argv, visit_fn fn)
{
	const struct harness_variant *variant;
	const struct harness_test *test;
	unsigned int nr = 0;
	char name[200];

	for (test = tests; test; test = test->next) {
		variant = test->fixture ? test->fixture->variants : NULL;
		do {
			test_name(name, sizeof(name), test, variant);
			if (wanted(variant, name, argc, argv)) {
				if (fn)
					fn(test, variant, name);
				nr++;
			}
			variant = variant ? variant->next : NULL;
		} while (variant);
	}
	return nr;
}

static unsigned int counts[3];

static uint64_t clock_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000ULL + now.tv_nsec / 1000000;
}

static void visit_run(const struct harness_test *test, const struct harness_variant *variant,
		      const char *name)
{
	static unsigned int nr;
	uint64_t start = clock_ms();
	enum outcome outcome = test_run(test, variant);
	unsigned int ms = clock_ms() - start;

	counts[outcome]++;
	if (ms >= SLOW_MS)
		printf("# %s: %u ms\n", name, ms);
	report_line(outcome, ++nr, name);
}

static void visit_list(HARNESS_UNUSED const struct harness_test *test,
		       HARNESS_UNUSED const struct harness_variant *variant,
		       const char *name)
{
	printf("%s\n", name);
}

/**
 * harness_main() - run the tests
 * @argc: of main()
 * @argv: of main(): -l lists the tests, other arguments are patterns of the
 *	names of tests to run
 *
 * Return: exit status: 0 when no test failed, 4 when all were skipped
 */
int harness_main(int argc, char **argv)
{
	bool list = argc > 1 && !strcmp(argv[1], "-l");
	unsigned int nr;

	argc -= 1 + list;
	argv += 1 + list;
	nr = tests_visit(argc, argv, list ? visit_list : NULL);
	if (list)
		return 0;
	report = mmap(NULL, sizeof(*report), PROT_READ | PROT_WRITE,
		      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (report == MAP_FAILED)
		return 1;
	printf("KTAP version 1\n1..%u\n", nr);
	tests_visit(argc, argv, visit_run);
	printf("# %u passed, %u failed, %u skipped\n", counts[OUTCOME_OK],
	       counts[OUTCOME_FAIL], counts[OUTCOME_SKIP]);
	if (counts[OUTCOME_FAIL] || !nr)
		return 1;
	return counts[OUTCOME_OK] ? 0 : 4;
}
