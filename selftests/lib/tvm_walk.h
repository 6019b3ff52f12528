/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Tiny VMM: a walk through all of V4L2, and what was answered
 */
#ifndef TVM_WALK_H
#define TVM_WALK_H

#include "tvm_video.h"

/** struct tvm_answer - an answer */
struct tvm_answer {
	const char *name;
	unsigned int number;
	int result;
	size_t len;
	void *bytes;
};

/** struct tvm_walk - all answers */
struct tvm_walk {
	struct tvm_video *video;
	unsigned int count;
	struct tvm_answer *answers;
};

/** define TVM_WALK_MANY - where an enumeration that does not end is left */
#define TVM_WALK_MANY	200
/** define TVM_WALK_TYPES - one more than the types of buffers asked for */
#define TVM_WALK_TYPES	18

/* tvm_walk.c */
void tvm_walk_note(struct tvm_walk *walk, const char *name, unsigned int number,
		   int result, const void *bytes, size_t len);
int tvm_walk_ask(struct tvm_walk *walk, const char *name, unsigned int number,
		 unsigned long cmd, void *arg, size_t len);
void tvm_walk_pollute(void *arg, size_t len);
bool tvm_walk_overlay(uint32_t type);
void tvm_walk_everything(struct tvm_walk *walk, struct tvm_video *video);
void tvm_walk_forget(struct tvm_walk *walk);

/** define ASK - an ioctl, and note what was answered */
#define ASK(walk, number, cmd, arg)						\
	tvm_walk_ask(walk, #cmd, number, cmd, &(arg), sizeof(arg))

/* tvm_walk_format.c, tvm_walk_input.c, tvm_walk_control.c, tvm_walk_buffer.c */
void tvm_walk_formats(struct tvm_walk *walk);
void tvm_walk_inputs(struct tvm_walk *walk);
void tvm_walk_controls(struct tvm_walk *walk);
void tvm_walk_events(struct tvm_walk *walk);
void tvm_walk_buffers(struct tvm_walk *walk);

#endif /* TVM_WALK_H */
