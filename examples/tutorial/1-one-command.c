/* SPDX-License-Identifier: MIT */
/* One shell command: start it, await its exit, print its exit code. */
#include <await/await.h>
#include <stdint.h>
#include <stdio.h>

static aw_status single_process(void *ud) {
	const char *command = ud;
	aw_process *process = NULL;
	aw_future *ended = NULL;
	void *code = NULL;
	aw_status status = aw_subprocess_shell(NULL, command, NULL, &process);
	if (status >= 0) status = aw_process_wait(process, &ended);
	if (status >= 0) status = aw_await(ended, &code);
	if (status >= 0) printf("%s: exit code %d\n", command, (int)(intptr_t)code);
	aw_future_unref(ended);
	aw_process_unref(process);
	return status;
}

int main(void) {
	return aw_main(NULL, single_process, "sleep 1; exit 3", NULL);
}
