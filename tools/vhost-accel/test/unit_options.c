// SPDX-License-Identifier: GPL-2.0-only
/*
 * What options mean
 */
#include <stdlib.h>

#include "class.h"
#include "harness.h"
#include "options.h"

TEST(numbers_in_options)
{
	unsigned long value;

	EXPECT_EQ(options_number("n", "100", 100, &value), 0);
	EXPECT_EQ(value, 100UL);
	EXPECT_EQ(options_number("n", "0x10", 100, &value), 0);
	EXPECT_EQ(value, 16UL);
	EXPECT_NE(options_number("n", "101", 100, &value), 0);
	EXPECT_NE(options_number("n", "-1", 100, &value), 0);
	EXPECT_NE(options_number("n", "", 100, &value), 0);
	EXPECT_NE(options_number("n", "1x", 100, &value), 0);
	EXPECT_NE(options_number("n", "99999999999999999999", ~0UL, &value), 0);
}

static const struct option_rule *rule_of(const struct device_class *class, const char *name)
{
	size_t i;

	for (i = 0; i < class->num_options; i++)
		if (!strcmp(class->options[i].name, name))
			return &class->options[i];
	return NULL;
}

TEST(can_filters)
{
	static const char *const good[] = { "123:7ff", "12345678~1FFFFFFF", "0:0", "7DF~7F8" };
	static const char *const bad[] = {
		"", ":", "123", "123:", ":7ff", "123:7ff:", "123;7ff", "123456789:1", "1:123456789",
		"0x1:2", "g:1", "1:g", " 1:1", "-1:1",
	};
	const struct device_class *class = class_find("can");
	void *options = calloc(1, class->options_size);
	const struct option_rule *rule = rule_of(class, "filter");
	unsigned int i;

	ASSERT_TRUE(rule && options);
	for (i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		EXPECT_MSG(!rule->set(options, good[i]), "%s", good[i]);
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		EXPECT_MSG(rule->set(options, bad[i]), "'%s'", bad[i]);
	/* As many as a socket takes, and no more. */
	for (i = sizeof(good) / sizeof(good[0]); i < 512; i++)
		ASSERT_EQ(rule->set(options, "1:1"), 0);
	EXPECT_NE(rule->set(options, "1:1"), 0);
	free(options);
}

/* What excludes what, and what needs what. */
TEST(can_options)
{
	static const struct {
		const char *name[3];
		const char *value[3];
		int result;
	} cases[] = {
		{ { NULL }, { NULL }, -1 },
		{ { "interface" }, { "can0" }, 0 },
		{ { "backing-fd" }, { "5" }, 0 },
		{ { "interface", "backing-fd" }, { "can0", "5" }, -1 },
		{ { "backing-fd", "classic" }, { "5" }, -1 },
		{ { "backing-fd", "late-tx-ack" }, { "5" }, -1 },
		{ { "backing-fd", "filter" }, { "5", "1:1" }, -1 },
		{ { "backing-fd", "bit-rate-switch" }, { "5" }, 0 },
		{ { "interface", "tx-burst" }, { "can0", "5" }, -1 },
		{ { "interface", "tx-burst", "tx-rate" }, { "can0", "5", "100" }, 0 },
	};
	const struct device_class *class = class_find("can");
	const struct option_rule *rule;
	unsigned int i, k;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		void *options = calloc(1, class->options_size);

		for (k = 0; k < 3 && cases[i].name[k]; k++) {
			rule = rule_of(class, cases[i].name[k]);
			ASSERT_TRUE(rule);
			ASSERT_EQ(rule->set(options, cases[i].value[k]), 0);
		}
		EXPECT_MSG(class->check(options) == cases[i].result, "case %u", i);
		free(options);
	}
}

TEST(video_options)
{
	static const struct {
		const char *name[3];
		const char *value[3];
		int result;
	} cases[] = {
		{ { NULL }, { NULL }, -1 },
		{ { "device" }, { "/dev/video0" }, 0 },
		{ { "backing-fd" }, { "5" }, 0 },
		{ { "device", "backing-fd" }, { "/dev/video0", "5" }, -1 },
		{ { "device", "protocol" }, { "/dev/video0", "media" }, 0 },
		{ { "device", "window-mib" }, { "/dev/video0", "64" }, 0 },
		{ { "device", "protocol" }, { "/dev/video0", "video-encoder" }, 0 },
		{ { "device", "protocol" }, { "/dev/video0", "video-decoder" }, 0 },
		{ { "device", "protocol", "window-mib" },
		  { "/dev/video0", "video-decoder", "64" }, -1 },
		{ { "device", "protocol", "window-mib" }, { "/dev/video0", "media", "64" }, 0 },
	};
	const struct device_class *class = class_find("video");
	const struct option_rule *rule;
	unsigned int i, k;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		void *options = calloc(1, class->options_size);

		for (k = 0; k < 3 && cases[i].name[k]; k++) {
			rule = rule_of(class, cases[i].name[k]);
			ASSERT_TRUE(rule);
			ASSERT_EQ(rule->set(options, cases[i].value[k]), 0);
		}
		EXPECT_MSG(class->check(options) == cases[i].result, "case %u", i);
		free(options);
	}
}

TEST(classes)
{
	const struct device_class *class;
	size_t i;

	for (i = 0; (class = class_at(i)); i++)
		EXPECT_TRUE(class_find(class->name) == class);
	EXPECT_GT(i, 0UL);
	EXPECT_FALSE(class_find("none"));
}
