/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Ethernet frames that can be told apart: lost, doubled, overtaken, damaged
 */
#ifndef TVM_FRAME_H
#define TVM_FRAME_H

#include <stdbool.h>
#include <stdint.h>

/** define TVM_FRAME_MIN - bytes of the shortest frame that can carry its number */
#define TVM_FRAME_MIN		32U
/** define TVM_FRAME_MAX - bytes of the longest */
#define TVM_FRAME_MAX		65535U
/** define TVM_FRAME_PROTO - their Ethernet type, which is for experiments */
#define TVM_FRAME_PROTO		0x88b5

/**
 * struct tvm_flow - frames of one sender as its receiver counts them
 * @id: number of the flow
 * @next: number of the frame that is expected
 * @frames: frames that came
 * @lost: numbers that were skipped
 * @late: frames that came a second time, or after one sent later
 * @bad: frames that are not as they were sent
 * @strange: frames that are no test's
 */
struct tvm_flow {
	uint32_t id;
	uint32_t next;
	uint64_t frames;
	uint64_t lost;
	uint64_t late;
	uint64_t bad;
	uint64_t strange;
};

void tvm_frame_build(void *frame, uint32_t flow, uint32_t seq, uint32_t len);
int tvm_frame_flow(const void *frame, uint32_t len);
void tvm_flow_take(struct tvm_flow *flow, const void *frame, uint32_t len);

#endif /* TVM_FRAME_H */
