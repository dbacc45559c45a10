/* SPDX-License-Identifier: MIT */
/*
 * Helpers for the cases about subprocesses: starting a child, awaiting its exit, and printing its output as
 * Python does.
 */
#ifndef CONFORMANCE_PROCESS_H
#define CONFORMANCE_PROCESS_H

#include "case.h"

/* Options for the three standard streams, each an enum aw_stdio. Returns a new reference. */
static inline aw_process_options *stdio(int32_t in, int32_t out, int32_t err) {
	aw_process_options *options = NULL;
	must(aw_process_options_new(&options));
	must(aw_process_options_set_stdio(options, 0, in, -1));
	must(aw_process_options_set_stdio(options, 1, out, -1));
	must(aw_process_options_set_stdio(options, 2, err, -1));
	return options;
}

/* asyncio.create_subprocess_shell. Drops the options. Returns a new reference. */
static inline aw_process *start_shell(const char *command, aw_process_options *options) {
	aw_process *process = NULL;
	must(aw_subprocess_shell(NULL, command, options, &process));
	aw_process_options_unref(options);
	return process;
}

/* await process.wait() */
static inline int wait_process(aw_process *process) {
	aw_future *ended = NULL;
	void *code = NULL;
	must(aw_process_wait(process, &ended));
	must(aw_await(ended, &code));
	aw_future_unref(ended);
	return (int)(intptr_t)code;
}

/* await process.communicate(input). Returns the exit code. */
static inline int communicate(aw_process *process, const void *input, size_t length) {
	aw_future *end = NULL;
	void *code = NULL;
	must(aw_process_communicate(process, input, length, &end));
	must(aw_await(end, &code));
	aw_future_unref(end);
	return (int)(intptr_t)code;
}

typedef struct text {
	char text[96];
} text;

/* process.returncode, as Python prints it. */
static inline text returncode(const aw_process *process) {
	text it = {"None"};
	int32_t code = 0;
	if (aw_process_returncode(process, &code) >= 0) snprintf(it.text, sizeof it.text, "%d", (int)code);
	return it;
}

/*
 * The data read from a stream, printed as Python does; None if it is not a pipe. Escapes only what the cases
 * need.
 */
static inline text output(const aw_process *process, int stream) {
	text it = {"None"};
	const void *data = NULL;
	size_t length = 0;
	if (aw_process_output(process, stream, &data, &length) < 0) return it;
	size_t used = (size_t)snprintf(it.text, sizeof it.text, "b'");
	for (size_t i = 0; i < length && used + 4 < sizeof it.text; i++) {
		char c = ((const char *)data)[i];
		if (c == '\n') it.text[used++] = '\\';
		it.text[used++] = c == '\n' ? 'n' : c;
	}
	snprintf(it.text + used, sizeof it.text - used, "'");
	return it;
}

#endif
