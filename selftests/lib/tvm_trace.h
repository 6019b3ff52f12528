/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Tracepoints of the kernel, in a trace instance of the test's own
 */
#ifndef TVM_TRACE_H
#define TVM_TRACE_H

/** struct tvm_trace - a trace instance with one event enabled */
struct tvm_trace {
	char dir[128];
};

int tvm_trace_open(struct tvm_trace *trace, const char *system, const char *event);
void tvm_trace_close(struct tvm_trace *trace);
void tvm_trace_clear(struct tvm_trace *trace);
unsigned int tvm_trace_count(const struct tvm_trace *trace, const char *text);

#endif /* TVM_TRACE_H */
