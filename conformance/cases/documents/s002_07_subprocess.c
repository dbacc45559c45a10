/* SPDX-License-Identifier: MIT */
/* Shell and exec, both pipes, the exit code by communicate and by wait. */
#include "case.h"

/* As Python prints bytes, as far as these texts need it. */
static const char *bytes(const void *data, size_t length, char *text, size_t size) {
	size_t used = (size_t)snprintf(text, size, "b'");
	for (size_t i = 0; i < length && used + 4 < size; i++) {
		char c = ((const char *)data)[i];
		if (c == '\n')
			used += (size_t)snprintf(text + used, size - used, "\\n");
		else
			text[used++] = c;
	}
	snprintf(text + used, size - used, "'");
	return text;
}

static aw_status main_coroutine(void *ud) {
	(void)ud;
	aw_process_options *options = NULL;
	must(aw_process_options_new(&options));
	must(aw_process_options_set_stdio(options, 1, AW_STDIO_PIPE, -1));
	must(aw_process_options_set_stdio(options, 2, AW_STDIO_PIPE, -1));

	aw_process *process = NULL;
	aw_future *ended = NULL;
	const void *out = NULL, *err = NULL;
	size_t out_length = 0, err_length = 0;
	int32_t returncode = -1;
	char out_text[64], err_text[64];
	must(aw_subprocess_shell(NULL, "echo out; echo err >&2; exit 3", options, &process));
	must(aw_process_communicate(process, NULL, 0, &ended));
	must(aw_await(ended, NULL));
	must(aw_process_output(process, 1, &out, &out_length));
	must(aw_process_output(process, 2, &err, &err_length));
	must(aw_process_returncode(process, &returncode));
	trace("%s %s %d", bytes(out, out_length, out_text, sizeof out_text), bytes(err, err_length, err_text, sizeof err_text),
	      (int)returncode);
	aw_future_unref(ended);
	aw_process_unref(process);

	const char *const argv[] = {"printf", "%s-%s", "a.txt", "b.txt"};
	void *exit_code = NULL;
	char text[64];
	int stdout_fd = -1;
	must(aw_subprocess_exec(NULL, argv, 4, options, &process));
	must(aw_process_wait(process, &ended));
	must(aw_await(ended, &exit_code));
	must(aw_process_returncode(process, &returncode));
	must(aw_process_take_pipe(process, 1, &stdout_fd));
	ssize_t length = read(stdout_fd, text, sizeof text);
	close(stdout_fd);
	trace("%d %d %s", (int)(intptr_t)exit_code, (int)returncode,
	      bytes(text, length < 0 ? 0 : (size_t)length, out_text, sizeof out_text));
	aw_future_unref(ended);
	aw_process_unref(process);
	aw_process_options_unref(options);
	return 0;
}

CASE(s002_07_subprocess, 0.0, CASE_ANY) {
	return aw_run(NULL, main_coroutine, NULL, NULL, NULL);
}
