/* SPDX-License-Identifier: MIT */
/*
 * P06: a wait that starts before the exit ends when the child has exited and all its pipes are closed: a
 * process that still holds them delays it, though the return code is known. In libawait that is a separate
 * call; the plain wait ends with the exit.
 */
#include "process.h"

static aw_status main_coroutine(void *ud) {
	(void)ud;
	int in = -1;
	int32_t code = 0;
	void *value = NULL;
	aw_future *before = NULL;
	aw_process_options *options = stdio(AW_STDIO_PIPE, AW_STDIO_PIPE, AW_STDIO_INHERIT);
	aw_process *process = start_shell("exec 3<&0; read x; cat <&3 & exit 5", options);
	must(aw_process_take_pipe(process, 0, &in));
	must(aw_process_wait_closed(process, &before));
	must(aw_sleep(0));
	if (write(in, "go\n", 3) != 3) return -EIO;
	while (aw_process_returncode(process, &code) < 0) must(aw_sleep(TICK));
	must(aw_sleep(TICK));
	trace("%s %s", returncode(process).text, True_or_False(aw_future_done(before)));
	int later = wait_process(process);
	trace("%d %s", later, True_or_False(aw_future_done(before)));
	if (write(in, "late", 4) != 4) return -EIO;
	close(in);
	must(aw_await(before, &value));
	trace("%d %s", (int)(intptr_t)value, output(process, 1).text);
	aw_future_unref(before);
	aw_process_unref(process);
	return 0;
}

CASE(trap_P06, 0.2, CASE_ANY) {
	return aw_run(NULL, main_coroutine, NULL, NULL, NULL);
}
