/* SPDX-License-Identifier: MIT */
/* A child that is fed and read, and a child that takes too long. */
#include <await/await.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

/* stdin and stdout through pipes, like a shell's pipeline with us at both ends. */
static aw_status shout(const char *text) {
	const char *argv[] = {"tr", "a-z", "A-Z"};
	aw_process_options *options = NULL;
	aw_process *process = NULL;
	aw_future *ended = NULL;
	void *code = NULL;
	aw_status status = aw_process_options_new(&options);
	if (status >= 0) status = aw_process_options_set_stdio(options, 0, AW_STDIO_PIPE, -1);
	if (status >= 0) status = aw_process_options_set_stdio(options, 1, AW_STDIO_PIPE, -1);
	if (status >= 0) status = aw_subprocess_exec(NULL, argv, 3, options, &process);
	if (status >= 0) status = aw_process_communicate(process, text, strlen(text), &ended);
	if (status >= 0) status = aw_await(ended, &code);
	const void *data = NULL;
	size_t length = 0;
	if (status >= 0) status = aw_process_output(process, 1, &data, &length);
	if (status >= 0) printf("tr exited with %d and said: %.*s\n", (int)(intptr_t)code, (int)length, (const char *)data);
	aw_future_unref(ended);
	aw_process_unref(process);
	aw_process_options_unref(options);
	return status;
}

static aw_status too_slow(void) {
	aw_process *process = NULL;
	aw_future *ended = NULL;
	void *code = NULL;
	aw_status status = aw_subprocess_shell(NULL, "exec sleep 500", NULL, &process);
	if (status >= 0) status = aw_process_wait(process, &ended);
	if (status >= 0) status = aw_wait_for(ended, 100 * AW_MILLISECOND, NULL);
	aw_future_unref(ended);
	ended = NULL;
	if (status == AW_ETIMEOUT) {
		/* The future is cancelled, the child is not: that is ours to do. */
		status = aw_process_terminate(process);
		if (status >= 0) status = aw_process_wait(process, &ended);
		if (status >= 0) status = aw_await(ended, &code);
		if (status >= 0) printf("sleep was ended by signal %d: %s\n", -(int)(intptr_t)code, strsignal(-(int)(intptr_t)code));
	}
	aw_future_unref(ended);
	aw_process_unref(process);
	return status;
}

static aw_status run_all(void *ud) {
	(void)ud;
	aw_status status = shout("hello from a child");
	if (status >= 0) status = too_slow();
	if (status < 0) return status;

	/* A program that isn't there is an error of the call, not an exit code. */
	const char *argv[] = {"no-such-program"};
	aw_process *process = NULL;
	status = aw_subprocess_exec(NULL, argv, 1, NULL, &process);
	printf("no-such-program: %s\n", aw_err_name(status));
	return status == AW_ENOENT ? 0 : AW_EINVALIDSTATE;
}

int main(void) {
	aw_status status = aw_run(NULL, run_all, NULL, NULL, NULL);
	if (status < 0) fprintf(stderr, "%s: %s\n", aw_err_name(status), aw_strerror(status));
	return status < 0;
}
