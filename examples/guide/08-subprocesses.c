/* SPDX-License-Identifier: MIT */
/* A child with input and output, and a child that takes too long. */
#include <await/easy.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

/* stdin and stdout through pipes, like a shell's pipeline with us at both ends. */
static aw_status shout(const char *text) {
	const char *argv[] = {"tr", "a-z", "A-Z"};
	AW_AUTO(aw_process) process = NULL;
	int32_t code = 0;
	AW_TRY(aw_subprocess_run(argv, 3, NULL, text, strlen(text), &process));
	AW_TRY(aw_process_returncode(process, &code));
	printf("tr exited with %d and said: %s\n", (int)code, aw_process_text(process, 1));
	return 0;
}

static aw_status too_slow(void) {
	AW_AUTO(aw_process) process = NULL;
	AW_AUTO(aw_future) ended = NULL;
	aw_future *killed = NULL;
	int64_t code = 0;
	AW_TRY(aw_subprocess_shell(NULL, "exec sleep 500", NULL, &process));
	AW_TRY(aw_process_wait(process, &ended));
	aw_status status = aw_wait_for(ended, 100 * AW_MILLISECOND, NULL);
	if (status != AW_ETIMEOUT) return status;
	/* The timeout cancels the future but does not end the child: do that here. */
	AW_TRY(aw_process_terminate(process));
	AW_TRY(aw_process_wait(process, &killed));
	AW_TRY(aw_await_take_int(killed, &code));
	printf("sleep was ended by signal %d: %s\n", -(int)code, strsignal(-(int)code));
	return 0;
}

AW_MAIN() {
	AW_TRY(shout("hello from a child"));
	AW_TRY(too_slow());

	/* If the program doesn't exist, the call fails; it is not an exit code. */
	const char *argv[] = {"no-such-program"};
	aw_process *process = NULL;
	aw_status status = aw_subprocess_exec(NULL, argv, 1, NULL, &process);
	printf("no-such-program: %s\n", aw_err_name(status));
	return status == AW_ENOENT ? 0 : AW_EINVALIDSTATE;
}
