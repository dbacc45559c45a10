/* SPDX-License-Identifier: MIT */
/*
 * P01: returncode is None until the loop has collected the exit, then the exit code, or -N if signal N killed
 * it; several tasks may wait at once, and who waits later has it at once.
 */
#include "process.h"

static aw_process *process;
static int codes[2];

static aw_status waiter(void *ud) {
	*(int *)ud = wait_process(process);
	return 0;
}

static void killed(aw_status (*how)(aw_process *)) {
	const char *const argv[] = {"sleep", "9"};
	must(aw_subprocess_exec(NULL, argv, 2, NULL, &process));
	must(how(process));
	int code = wait_process(process);
	trace("%d %s", code, returncode(process).text);
	aw_process_unref(process);
}

static aw_status main_coroutine(void *ud) {
	(void)ud;
	int in = -1;
	process = start_shell("read x; exit 3", stdio(AW_STDIO_PIPE, AW_STDIO_INHERIT, AW_STDIO_INHERIT));
	must(aw_process_take_pipe(process, 0, &in));
	aw_task *waiters[] = {create_task(waiter, &codes[0]), create_task(waiter, &codes[1])};
	must(aw_sleep(0));
	trace("%s", returncode(process).text);
	close(in);
	for (size_t i = 0; i < 2; i++) must(await_task(waiters[i], NULL));
	trace("[%d, %d]", codes[0], codes[1]);
	drop_tasks(waiters, 2);
	text code = returncode(process);
	trace("%s %d", code.text, wait_process(process));
	aw_process_unref(process);

	killed(aw_process_terminate);
	killed(aw_process_kill);
	return 0;
}

CASE(trap_P01, 0.0, CASE_ANY) {
	return aw_run(NULL, main_coroutine, NULL, NULL, NULL);
}
