/* SPDX-License-Identifier: MIT */
/*
 * P11: thirty children at once, gone as soon as they are there, are all collected: the watch is one for each
 * child.
 */
#include "process.h"

enum { COUNT = 30 };

static int codes[COUNT];

static aw_status one(void *ud) {
	int *code = ud;
	char command[16];
	snprintf(command, sizeof command, "exit %d", (int)(code - codes));
	aw_process *process = start_shell(command, stdio(AW_STDIO_INHERIT, AW_STDIO_PIPE, AW_STDIO_INHERIT));
	*code = communicate(process, NULL, 0);
	aw_process_unref(process);
	return 0;
}

static aw_status main_coroutine(void *ud) {
	(void)ud;
	aw_task *tasks[COUNT];
	for (size_t i = 0; i < COUNT; i++) tasks[i] = create_task(one, &codes[i]);
	for (size_t i = 0; i < COUNT; i++) {
		must(await_task(tasks[i], NULL));
		trace("%d", codes[i]);
	}
	drop_tasks(tasks, COUNT);
	return 0;
}

CASE(trap_P11, 0.0, CASE_ANY) {
	return aw_run(NULL, main_coroutine, NULL, NULL, NULL);
}
