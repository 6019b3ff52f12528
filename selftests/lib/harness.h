/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Test harness: every test runs in a process of its own with a time limit
 *
 * Used like kselftest_harness.h of the kernel: TEST(), FIXTURE(), TEST_F(),
 * variants, ASSERT_*() and EXPECT_*(). Output is KTAP. A failed ASSERT_*()
 * leaves the test at once, from any depth of calls; the fixture's teardown
 * still runs. HARNESS_MAIN stands once in every program.
 */
#ifndef HARNESS_H
#define HARNESS_H

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/** struct harness_variant - one set of parameters of a fixture */
struct harness_variant {
	const char *name;
	const void *data;
	bool full_only;
	struct harness_variant *next;
};

/** struct harness_fixture - what several tests need before they start */
struct harness_fixture {
	const char *name;
	size_t size;
	void (*setup)(void *self, const void *variant);
	void (*teardown)(void *self, const void *variant);
	struct harness_variant *variants;
};

/** struct harness_test - one test function */
struct harness_test {
	const char *name;
	struct harness_fixture *fixture;
	void (*fn)(void *self, const void *variant);
	unsigned int timeout;
	struct harness_test *next;
};

/** define HARNESS_TIMEOUT - seconds a test may take; HARNESS_SLOW multiplies */
#define HARNESS_TIMEOUT		60

void harness_add_test(struct harness_test *test);
void harness_add_variant(struct harness_fixture *fixture, struct harness_variant *variant);
int harness_main(int argc, char **argv);
unsigned int harness_scaled(unsigned int value);
unsigned int harness_rounds(unsigned int full, unsigned int quick);

/** harness_note() - print a diagnostic line */
void harness_note(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

void harness_fail(const char *file, int line, bool fatal, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));
void harness_skip(const char *fmt, ...) __attribute__((format(printf, 1, 2), noreturn));

#define HARNESS_CTOR(fn)	static void __attribute__((constructor)) fn(void)
#define HARNESS_UNUSED		__attribute__((unused))

#define TEST_TIMEOUT(test_name, seconds)					\
	static void test_name##_body(void);					\
	static void test_name##_call(HARNESS_UNUSED void *self,			\
				     HARNESS_UNUSED const void *variant)	\
	{									\
		test_name##_body();						\
	}									\
	static struct harness_test test_name##_test = {				\
		.name = #test_name, .fn = test_name##_call, .timeout = seconds,	\
	};									\
	HARNESS_CTOR(test_name##_add)						\
	{									\
		harness_add_test(&test_name##_test);				\
	}									\
	static void test_name##_body(void)

/** define TEST - a test without fixture */
#define TEST(test_name)	TEST_TIMEOUT(test_name, HARNESS_TIMEOUT)

/** define FIXTURE - followed by the members of the fixture's structure */
#define FIXTURE(fx)								\
	struct fx##_variant;							\
	struct fx##_fixture;							\
	static struct harness_fixture fx##_info;				\
	struct fx##_fixture

/** define FIXTURE_VARIANT - followed by the members of the parameters */
#define FIXTURE_VARIANT(fx)	struct fx##_variant

#define HARNESS_VARIANT(fx, variant_name, full)					\
	static const struct fx##_variant fx##_##variant_name##_data;		\
	static struct harness_variant fx##_##variant_name##_variant = {		\
		.name = #variant_name, .full_only = full,			\
		.data = &fx##_##variant_name##_data,	\
	};									\
	HARNESS_CTOR(fx##_##variant_name##_add)					\
	{									\
		harness_add_variant(&fx##_info,					\
				    &fx##_##variant_name##_variant);		\
	}									\
	static const struct fx##_variant fx##_##variant_name##_data =

/** define FIXTURE_VARIANT_ADD - followed by an initializer */
#define FIXTURE_VARIANT_ADD(fx, variant_name)					\
	HARNESS_VARIANT(fx, variant_name, false)
/** define FIXTURE_VARIANT_ADD_FULL - likewise, left out when HARNESS_QUICK is set */
#define FIXTURE_VARIANT_ADD_FULL(fx, variant_name)				\
	HARNESS_VARIANT(fx, variant_name, true)

#define HARNESS_STEP(fx, step)							\
	static void fx##_##step##_body(struct fx##_fixture *self,		\
					 const struct fx##_variant *variant);	\
	static void fx##_##step##_call(void *self, const void *variant)		\
	{									\
		fx##_##step##_body(self, variant);				\
	}									\
	HARNESS_CTOR(fx##_##step##_add)						\
	{									\
		fx##_info.name = #fx;						\
		fx##_info.size = sizeof(struct fx##_fixture);			\
		fx##_info.step = fx##_##step##_call;				\
	}									\
	static void fx##_##step##_body(						\
			HARNESS_UNUSED struct fx##_fixture *self,		\
			HARNESS_UNUSED const struct fx##_variant *variant)

/** define FIXTURE_SETUP - followed by a body with self and variant in scope */
#define FIXTURE_SETUP(fx)	HARNESS_STEP(fx, setup)
/** define FIXTURE_TEARDOWN - likewise; runs after failures as well */
#define FIXTURE_TEARDOWN(fx)	HARNESS_STEP(fx, teardown)

#define TEST_F_TIMEOUT(fixture_name, test_name, seconds)			\
	static void fixture_name##_##test_name##_body(				\
			struct fixture_name##_fixture *self,			\
			const struct fixture_name##_variant *variant);		\
	static void fixture_name##_##test_name##_call(void *self,		\
						      const void *variant)	\
	{									\
		fixture_name##_##test_name##_body(self, variant);		\
	}									\
	static struct harness_test fixture_name##_##test_name##_test = {	\
		.name = #test_name, .fixture = &fixture_name##_info,		\
		.fn = fixture_name##_##test_name##_call, .timeout = seconds,	\
	};									\
	HARNESS_CTOR(fixture_name##_##test_name##_add)				\
	{									\
		harness_add_test(&fixture_name##_##test_name##_test);		\
	}									\
	static void fixture_name##_##test_name##_body(				\
			HARNESS_UNUSED struct fixture_name##_fixture *self,	\
			HARNESS_UNUSED const struct fixture_name##_variant *variant)

/** define TEST_F - a test of a fixture, run once for each of its variants */
#define TEST_F(fixture_name, test_name)						\
	TEST_F_TIMEOUT(fixture_name, test_name, HARNESS_TIMEOUT)

/** define SKIP - leave the test: what it needs does not exist here */
#define SKIP(...)	harness_skip(__VA_ARGS__)

#define HARNESS_CMP(a, op, b, fatal)						\
	do {									\
		__typeof__(a) harness_a = (a);					\
		__typeof__(b) harness_b = (b);					\
										\
		if (!(harness_a op harness_b))					\
			harness_fail(__FILE__, __LINE__, fatal,			\
				     "%s (%lld) " #op " %s (%lld)",		\
				     #a, (long long)harness_a,			\
				     #b, (long long)harness_b);			\
	} while (0)

#define ASSERT_EQ(a, b)		HARNESS_CMP(a, ==, b, true)
#define ASSERT_NE(a, b)		HARNESS_CMP(a, !=, b, true)
#define ASSERT_LT(a, b)		HARNESS_CMP(a, <, b, true)
#define ASSERT_LE(a, b)		HARNESS_CMP(a, <=, b, true)
#define ASSERT_GT(a, b)		HARNESS_CMP(a, >, b, true)
#define ASSERT_GE(a, b)		HARNESS_CMP(a, >=, b, true)
#define EXPECT_EQ(a, b)		HARNESS_CMP(a, ==, b, false)
#define EXPECT_NE(a, b)		HARNESS_CMP(a, !=, b, false)
#define EXPECT_LT(a, b)		HARNESS_CMP(a, <, b, false)
#define EXPECT_LE(a, b)		HARNESS_CMP(a, <=, b, false)
#define EXPECT_GT(a, b)		HARNESS_CMP(a, >, b, false)
#define EXPECT_GE(a, b)		HARNESS_CMP(a, >=, b, false)

#define HARNESS_TRUE(cond, fatal)						\
	do {									\
		if (!(cond))							\
			harness_fail(__FILE__, __LINE__, fatal, "%s", #cond);	\
	} while (0)

#define ASSERT_TRUE(cond)	HARNESS_TRUE(cond, true)
#define EXPECT_TRUE(cond)	HARNESS_TRUE(cond, false)
#define ASSERT_FALSE(cond)	HARNESS_TRUE(!(cond), true)
#define EXPECT_FALSE(cond)	HARNESS_TRUE(!(cond), false)

/** define EXPECT_MSG - as EXPECT_TRUE, with more to say on failure */
#define EXPECT_MSG(cond, ...)							\
	do {									\
		if (!(cond))							\
			harness_fail(__FILE__, __LINE__, false, __VA_ARGS__);	\
	} while (0)

/** define HARNESS_MAIN - the program */
#define HARNESS_MAIN								\
	int main(int argc, char **argv)						\
	{									\
		return harness_main(argc, argv);				\
	}

#endif /* HARNESS_H */
