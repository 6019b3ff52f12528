// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tiny VMM: a walk through V4L2, controls and events
 */
#include <stddef.h>
#include <stdlib.h>

#include "tvm_walk.h"

/* Values are noted if they do not change by themselves. */
static int one_call(struct tvm_walk *walk, const char *name, unsigned long cmd,
		    struct v4l2_ext_controls *controls, bool values)
{
	struct v4l2_ext_control *list = controls->controls;
	unsigned int i, count = controls->count;
	int ret = tvm_video_ioctl(walk->video, cmd, controls);

	EXPECT_TRUE(controls->controls == list);
	tvm_walk_note(walk, name, list[0].id, ret, controls,
		      offsetof(struct v4l2_ext_controls, controls));
	for (i = 0; i < count; i++) {
		tvm_walk_note(walk, "size", list[i].id, 0, &list[i].size, sizeof(list[i].size));
		if (!values)
			continue;
		if (!list[i].size)
			tvm_walk_note(walk, "value", list[i].id, 0, &list[i].value64,
				      sizeof(list[i].value64));
		else if (!ret)
			tvm_walk_note(walk, "data", list[i].id, 0, list[i].ptr, list[i].size);
	}
	return ret;
}

#define CONTROLS(walk, cmd, controls, values)	one_call(walk, #cmd, cmd, controls, values)

static void walk_value(struct tvm_walk *walk, const struct v4l2_query_ext_ctrl *query)
{
	bool changes = query->flags & V4L2_CTRL_FLAG_VOLATILE;
	bool button = query->type == V4L2_CTRL_TYPE_BUTTON;
	struct v4l2_ext_control control = { .id = query->id };
	struct v4l2_ext_controls controls = { .count = 1, .controls = &control };
	uint32_t size = 0;

	if (query->flags & V4L2_CTRL_FLAG_HAS_PAYLOAD) {
		size = query->elem_size * query->elems + 16;
		control.ptr = calloc(1, size);
		ASSERT_TRUE(control.ptr);
	}
	/* Too small first, then with room to spare. */
	control.size = size ? 1 : 0;
	CONTROLS(walk, VIDIOC_G_EXT_CTRLS, &controls, false);
	control.size = size;
	CONTROLS(walk, VIDIOC_G_EXT_CTRLS, &controls, !changes);
	if (!button && !changes) {
		CONTROLS(walk, VIDIOC_TRY_EXT_CTRLS, &controls, true);
		CONTROLS(walk, VIDIOC_S_EXT_CTRLS, &controls, true);
	}
	if (!size && !button) {
		control.value = query->maximum < 0x7fffffff ? query->maximum + 1 : 0x7fffffff;
		CONTROLS(walk, VIDIOC_TRY_EXT_CTRLS, &controls, true);
		control.value = query->minimum - 1;
		CONTROLS(walk, VIDIOC_TRY_EXT_CTRLS, &controls, true);
	}
	control.size = size;
	controls.which = V4L2_CTRL_WHICH_DEF_VAL;
	CONTROLS(walk, VIDIOC_G_EXT_CTRLS, &controls, true);
	CONTROLS(walk, VIDIOC_S_EXT_CTRLS, &controls, true);
	if (size)
		free(control.ptr);
}

static void walk_menu(struct tvm_walk *walk, const struct v4l2_query_ext_ctrl *query)
{
	struct v4l2_querymenu menu;
	int64_t i;

	for (i = query->minimum; i <= query->maximum + 1 && i < TVM_WALK_MANY; i++) {
		memset(&menu, 0, sizeof(menu));
		menu.id = query->id;
		menu.index = i;
		ASK(walk, i, VIDIOC_QUERYMENU, menu);
	}
}

static void several(struct tvm_walk *walk, const char *name, unsigned long cmd, uint32_t which,
		    unsigned int count, uint32_t a, uint32_t b)
{
	struct v4l2_ext_control list[3] = { { .id = a }, { .id = b }, { .id = 0x12345 } };
	struct v4l2_ext_controls controls = {
		.which = which, .count = count, .controls = list,
	};

	one_call(walk, name, cmd, &controls, false);
}

#define SEVERAL(walk, cmd, ...)	several(walk, #cmd, cmd, __VA_ARGS__)

static void walk_several(struct tvm_walk *walk, uint32_t a, uint32_t b)
{
	SEVERAL(walk, VIDIOC_G_EXT_CTRLS, 0, 3, a, b);
	SEVERAL(walk, VIDIOC_TRY_EXT_CTRLS, 0, 3, a, b);
	SEVERAL(walk, VIDIOC_S_EXT_CTRLS, 0, 3, a, b);
	SEVERAL(walk, VIDIOC_G_EXT_CTRLS, 0, 2, a, b);
	SEVERAL(walk, VIDIOC_G_EXT_CTRLS, V4L2_CTRL_CLASS_USER, 2, a, b);
	SEVERAL(walk, VIDIOC_TRY_EXT_CTRLS, V4L2_CTRL_CLASS_CAMERA, 2, a, b);
	SEVERAL(walk, VIDIOC_G_EXT_CTRLS, V4L2_CTRL_CLASS_CAMERA, 0, a, b);
	SEVERAL(walk, VIDIOC_S_EXT_CTRLS, 0x55, 0, a, b);
}

/**
 * tvm_walk_controls() - controls, each by itself and several at once
 * @walk: the walk
 */
void tvm_walk_controls(struct tvm_walk *walk)
{
	const uint32_t next = V4L2_CTRL_FLAG_NEXT_CTRL | V4L2_CTRL_FLAG_NEXT_COMPOUND;
	struct v4l2_query_ext_ctrl query = { .id = next };
	struct v4l2_queryctrl old = { .id = V4L2_CTRL_FLAG_NEXT_CTRL };
	struct v4l2_control control;
	uint32_t last = 0;

	while (!ASK(walk, 0, VIDIOC_QUERY_EXT_CTRL, query)) {
		ASSERT_GT(query.id, last);
		if (query.type != V4L2_CTRL_TYPE_CTRL_CLASS) {
			walk_value(walk, &query);
			walk_several(walk, query.id, last);
		}
		if (query.type == V4L2_CTRL_TYPE_MENU ||
		    query.type == V4L2_CTRL_TYPE_INTEGER_MENU)
			walk_menu(walk, &query);
		last = query.id;
		query.id |= next;
	}
	while (!ASK(walk, 0, VIDIOC_QUERYCTRL, old)) {
		control.id = old.id;
		control.value = old.default_value;
		if (!(old.flags & V4L2_CTRL_FLAG_VOLATILE))
			ASK(walk, old.id, VIDIOC_G_CTRL, control);
		control.value = old.maximum;
		if (old.flags & V4L2_CTRL_FLAG_READ_ONLY)
			ASK(walk, old.id, VIDIOC_S_CTRL, control);
		old.id |= V4L2_CTRL_FLAG_NEXT_CTRL;
	}
	memset(&query, 0xa5, sizeof(query));
	ASK(walk, 0, VIDIOC_QUERY_EXT_CTRL, query);
	memset(&control, 0xa5, sizeof(control));
	ASK(walk, 0, VIDIOC_G_CTRL, control);
	ASK(walk, 0, VIDIOC_S_CTRL, control);
}

/**
 * tvm_walk_events() - events
 * @walk: the walk
 */
void tvm_walk_events(struct tvm_walk *walk)
{
	struct v4l2_event_subscription subscription;
	struct v4l2_event event;
	uint32_t type;
	int ret;

	for (type = 0; type < 10; type++) {
		memset(&subscription, 0, sizeof(subscription));
		subscription.type = type;
		subscription.id = type == V4L2_EVENT_CTRL ? V4L2_CID_BRIGHTNESS : 0;
		subscription.flags = V4L2_EVENT_SUB_FL_SEND_INITIAL;
		ASK(walk, type, VIDIOC_SUBSCRIBE_EVENT, subscription);
		memset(&event, 0, sizeof(event));
		ret = tvm_video_ioctl(walk->video, VIDIOC_DQEVENT, &event);
		/* Time goes on. */
		memset(&event.timestamp, 0, sizeof(event.timestamp));
		tvm_walk_note(walk, "VIDIOC_DQEVENT", type, ret, &event, sizeof(event));
		ASK(walk, type, VIDIOC_UNSUBSCRIBE_EVENT, subscription);
	}
	memset(&subscription, 0, sizeof(subscription));
	ASK(walk, type, VIDIOC_UNSUBSCRIBE_EVENT, subscription);
	tvm_walk_pollute(&subscription, sizeof(subscription));
	ASK(walk, type, VIDIOC_SUBSCRIBE_EVENT, subscription);
}
