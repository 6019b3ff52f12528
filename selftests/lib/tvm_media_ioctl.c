// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tiny VMM: ioctls of V4L2 as the driver of a virtio media device sends them
 *
 * An argument that goes both ways is one piece of memory, readable and writable,
 * as in the real driver.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "tvm_media.h"

#define COMMAND		0
#define RESPONSE	64
#define ARGUMENT	128
#define DATA_PIECE	1000

/**
 * struct call - an ioctl being made
 * @cmd: which
 * @nested: what follows the argument
 * @nested_len: bytes of it
 * @sg: pieces of memory that controls point to
 * @num_sg: how many
 * @data_len: bytes of data used
 */
struct call {
	struct tvm_media *media;
	unsigned long cmd;
	char *arg;
	uint32_t size;
	void *nested;
	uint32_t nested_len;
	uint64_t sg[TVM_MEDIA_USER_PIECES][2];
	unsigned int num_sg;
	uint32_t data_len;
};

static bool is_controls(unsigned long cmd)
{
	return cmd == VIDIOC_G_EXT_CTRLS || cmd == VIDIOC_S_EXT_CTRLS ||
	       cmd == VIDIOC_TRY_EXT_CTRLS;
}

static bool is_buffer(unsigned long cmd)
{
	return cmd == VIDIOC_QUERYBUF || cmd == VIDIOC_QBUF || cmd == VIDIOC_PREPARE_BUF;
}

/* In several pieces: what is large seldom is in one. */
static void add_data(struct call *call, const void *data, uint32_t len)
{
	uint64_t gpa = call->media->data + call->data_len;
	uint32_t piece;

	ASSERT_LE(call->data_len + len, TVM_MEDIA_AREA);
	tvm_mem_write(&call->media->mem, gpa, data, len);
	call->data_len += (len + 7) / 8 * 8;
	for (; len; len -= piece, gpa += piece) {
		piece = len < DATA_PIECE ? len : DATA_PIECE;
		ASSERT_LT(call->num_sg, (unsigned int)TVM_MEDIA_USER_PIECES);
		call->sg[call->num_sg][0] = gpa;
		call->sg[call->num_sg++][1] = piece;
	}
}

static void find_controls(struct call *call)
{
	struct v4l2_ext_controls *controls = (void *)call->arg;
	unsigned int i;

	call->nested = controls->controls;
	call->nested_len = controls->count * sizeof(controls->controls[0]);
	for (i = 0; i < controls->count; i++)
		if (controls->controls[i].size)
			add_data(call, controls->controls[i].ptr, controls->controls[i].size);
}

/* Pieces until there are as many bytes as the plane has, if so many are known. */
static void add_memory(struct call *call, unsigned long addr, uint32_t len)
{
	const struct tvm_media_user *user = tvm_media_user_find(call->media, addr);
	unsigned int i;

	for (i = 0; user && i < user->num && len; i++) {
		ASSERT_LT(call->num_sg, (unsigned int)TVM_MEDIA_USER_PIECES);
		memcpy(call->sg[call->num_sg++], user->sg[i], sizeof(call->sg[0]));
		len -= user->sg[i][1] < len ? user->sg[i][1] : len;
	}
}

static void find_memory(struct call *call)
{
	struct v4l2_buffer *buffer = (void *)call->arg;
	unsigned int i;

	if (call->cmd == VIDIOC_QUERYBUF || buffer->memory != V4L2_MEMORY_USERPTR)
		return;
	if (!V4L2_TYPE_IS_MULTIPLANAR(buffer->type)) {
		add_memory(call, buffer->m.userptr, buffer->length);
		return;
	}
	for (i = 0; i < buffer->length && i < VIDEO_MAX_PLANES; i++)
		add_memory(call, buffer->m.planes[i].m.userptr, buffer->m.planes[i].length);
}

static void find_nested(struct call *call)
{
	struct v4l2_buffer *buffer = (void *)call->arg;
	struct v4l2_edid *edid = (void *)call->arg;

	if (is_controls(call->cmd)) {
		find_controls(call);
	} else if (is_buffer(call->cmd) && V4L2_TYPE_IS_MULTIPLANAR(buffer->type)) {
		call->nested = buffer->m.planes;
		call->nested_len = buffer->length * sizeof(struct v4l2_plane);
		find_memory(call);
	} else if (is_buffer(call->cmd)) {
		find_memory(call);
	} else if (call->cmd == VIDIOC_G_EDID || call->cmd == VIDIOC_S_EDID) {
		call->nested = edid->edid;
		call->nested_len = edid->blocks * 128;
	}
}

static void return_controls(struct call *call)
{
	struct v4l2_ext_controls *controls = (void *)call->arg;
	uint64_t gpa = call->media->data;
	unsigned int i;

	for (i = 0; i < controls->count; i++) {
		struct v4l2_ext_control *control = &controls->controls[i];
		uint32_t len = control->size;

		if (!len)
			continue;
		tvm_mem_read(&call->media->mem, gpa, control->ptr, len);
		gpa += (len + 7) / 8 * 8;
	}
}

/* Pointers are the driver's, and have to come back as they went. */
static int return_argument(struct call *call)
{
	struct tvm_mem *mem = &call->media->mem;
	struct v4l2_ext_control *sent = NULL;
	struct v4l2_ext_controls before = { 0 };
	uint64_t gpa = call->media->area + ARGUMENT;
	unsigned int i;
	int ret = 0;

	if (is_controls(call->cmd)) {
		before = *(struct v4l2_ext_controls *)call->arg;
		sent = malloc(call->nested_len + 1);
		ASSERT_TRUE(sent);
		memcpy(sent, call->nested, call->nested_len);
	}
	tvm_mem_read(mem, gpa, call->arg, call->size);
	if (call->nested_len)
		tvm_mem_read(mem, gpa + call->size, call->nested, call->nested_len);
	if (sent) {
		struct v4l2_ext_controls *controls = (void *)call->arg;

		if (controls->controls != before.controls || controls->count != before.count)
			ret = -EPROTO;
		for (i = 0; !ret && i < before.count; i++)
			if (sent[i].size && controls->controls[i].ptr != sent[i].ptr)
				ret = -EPROTO;
		/* A size that was too small comes back as it should have been. */
		for (i = 0; !ret && i < before.count; i++) {
			uint32_t size = controls->controls[i].size;

			controls->controls[i].size = sent[i].size;
			sent[i].size = size;
		}
		if (!ret)
			return_controls(call);
		for (i = 0; !ret && i < before.count; i++)
			controls->controls[i].size = sent[i].size;
		free(sent);
	}
	return ret;
}

static unsigned int fill(struct call *call, uint32_t session, struct tvm_seg *segs,
			 unsigned int *out)
{
	uint32_t command[4] = { TVM_MEDIA_IOCTL, 0, session, _IOC_NR(call->cmd) };
	struct tvm_mem *mem = &call->media->mem;
	uint64_t area = call->media->area;
	uint64_t list = (area + ARGUMENT + call->size + call->nested_len + 7) / 8 * 8;
	uint32_t len = call->size + call->nested_len;
	unsigned int nr = 0;

	ASSERT_LE(list - area + sizeof(call->sg), TVM_MEDIA_AREA);
	tvm_mem_write(mem, area + COMMAND, command, sizeof(command));
	tvm_mem_fill(mem, area + RESPONSE, 0xee, TVM_MEDIA_HEADER);
	if (call->size)
		tvm_mem_write(mem, area + ARGUMENT, call->arg, call->size);
	if (call->nested_len)
		tvm_mem_write(mem, area + ARGUMENT + call->size, call->nested,
			      call->nested_len);
	segs[nr++] = (struct tvm_seg){ area + COMMAND, sizeof(command) };
	if (_IOC_DIR(call->cmd) & _IOC_WRITE)
		segs[nr++] = (struct tvm_seg){ area + ARGUMENT, len };
	if (call->num_sg) {
		tvm_mem_write(mem, list, call->sg, call->num_sg * TVM_MEDIA_SG_BYTES);
		segs[nr++] = (struct tvm_seg){ list, call->num_sg * TVM_MEDIA_SG_BYTES };
	}
	*out = nr;
	segs[nr++] = (struct tvm_seg){ area + RESPONSE, TVM_MEDIA_HEADER };
	if (_IOC_DIR(call->cmd) & _IOC_READ)
		segs[nr++] = (struct tvm_seg){ area + ARGUMENT, len };
	return nr - *out;
}

/**
 * tvm_media_ioctl() - an ioctl of V4L2
 * @media: the device
 * @session: the session
 * @cmd: VIDIOC_*
 * @arg: argument
 *
 * Return: 0, a negative errno, or -EPROTO for a response that can not be.
 */
int tvm_media_ioctl(struct tvm_media *media, uint32_t session, unsigned long cmd,
		    void *arg)
{
	struct call *call = calloc(1, sizeof(*call));
	uint32_t status, written, len;
	struct tvm_seg segs[8];
	unsigned int in, out;
	int ret;

	ASSERT_TRUE(call);
	call->media = media;
	call->cmd = cmd;
	call->arg = arg;
	call->size = _IOC_DIR(cmd) == _IOC_NONE ? 0 : _IOC_SIZE(cmd);
	find_nested(call);
	in = fill(call, session, segs, &out);
	len = segs[out].len + (in > 1 ? segs[out + 1].len : 0);
	ret = tvm_media_raw(media, segs, out, in, &written);
	if (ret)
		goto out;
	tvm_mem_read(&media->mem, media->area + RESPONSE, &status, sizeof(status));
	if (status > 4095 || (written != len && (!status || written != TVM_MEDIA_HEADER))) {
		ret = -EPROTO;
		goto out;
	}
	ret = -(int)status;
	if (written == len && in > 1 && return_argument(call))
		ret = -EPROTO;
out:
	free(call);
	return ret;
}
