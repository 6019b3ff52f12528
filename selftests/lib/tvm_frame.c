// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tiny VMM: frames that can be told apart
 */
#include <arpa/inet.h>
#include <assert.h>
#include <stddef.h>
#include <string.h>

#include "tvm_frame.h"

#define MAGIC	0x76686166U
#define SHIFTS	251

struct frame {
	uint8_t dst[6];
	uint8_t src[6];
	uint16_t proto;
	uint16_t pad;
	uint32_t magic;
	uint32_t flow;
	uint32_t seq;
	uint32_t len;
};

static_assert(sizeof(struct frame) == TVM_FRAME_MIN, "the frame has holes");

static const uint8_t far_side[6] = { 0x02, 0x76, 0x68, 0x61, 0x00, 0x01 };
static const uint8_t near_side[6] = { 0x02, 0x76, 0x68, 0x61, 0x00, 0x02 };

/* No two places nearby look alike, nor two frames one after the other. */
static const uint8_t *pattern(uint32_t seq)
{
	static uint8_t bytes[TVM_FRAME_MAX + SHIFTS];
	static bool filled;
	uint32_t state = 1;
	unsigned int i;

	for (i = 0; !filled && i < sizeof(bytes); i++) {
		state = state * 1103515245 + 12345;
		bytes[i] = state >> 16;
	}
	filled = true;
	return bytes + seq % SHIFTS;
}

/**
 * tvm_frame_build() - write a frame
 * @frame: where to, @len bytes
 * @flow: number of its flow
 * @seq: its number there
 * @len: bytes, from TVM_FRAME_MIN to TVM_FRAME_MAX
 */
void tvm_frame_build(void *frame, uint32_t flow, uint32_t seq, uint32_t len)
{
	struct frame head = {
		.proto = htons(TVM_FRAME_PROTO),
		.magic = MAGIC,
		.flow = flow,
		.seq = seq,
		.len = len,
	};

	memcpy(head.dst, far_side, sizeof(head.dst));
	memcpy(head.src, near_side, sizeof(head.src));
	memcpy(frame, &head, sizeof(head));
	memcpy((char *)frame + sizeof(head), pattern(seq), len - sizeof(head));
}

/**
 * tvm_frame_flow() - which flow a frame belongs to
 * @frame: the frame
 * @len: bytes
 *
 * Return: its number, -1 for a frame that is no test's.
 */
int tvm_frame_flow(const void *frame, uint32_t len)
{
	struct frame head;

	if (len < sizeof(head))
		return -1;
	memcpy(&head, frame, sizeof(head));
	return head.magic == MAGIC && head.proto == htons(TVM_FRAME_PROTO) ? (int)head.flow : -1;
}

/**
 * tvm_flow_take() - count a frame that came
 * @flow: the flow it should belong to
 * @frame: the frame
 * @len: bytes
 */
void tvm_flow_take(struct tvm_flow *flow, const void *frame, uint32_t len)
{
	struct frame head;
	int32_t ahead;

	if (tvm_frame_flow(frame, len) != (int)flow->id) {
		flow->strange++;
		return;
	}
	memcpy(&head, frame, sizeof(head));
	flow->frames++;
	if (head.len != len || memcmp(head.dst, far_side, sizeof(head.dst)) ||
	    memcmp(head.src, near_side, sizeof(head.src)) ||
	    memcmp((const char *)frame + sizeof(head), pattern(head.seq), len - sizeof(head)))
		flow->bad++;
	ahead = head.seq - flow->next;
	if (ahead < 0) {
		flow->late++;
		return;
	}
	flow->lost += ahead;
	flow->next = head.seq + 1;
}
