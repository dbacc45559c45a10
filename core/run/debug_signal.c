/* SPDX-License-Identifier: MIT */
#include "failure.h"
#include "loop.h"

#include <await/debug.h>
#include <await/signals.h>
#include <unistd.h>

static aw_status print_tasks(aw_loop *loop, void *ud) {
	(void)ud;
	/* Ignore a failed write: the program must not fail because its terminal is gone. */
	aw_status status = aw_loop_print_tasks(loop, STDERR_FILENO, AW_PRINT_TEXT | AW_PRINT_BACKTRACE);
	(void)status;
	return 0;
}

ENTRY(aw_loop_add_debug_signal, (aw_loop *loop, int signal_number), (loop, signal_number)) {
	aw_status status = loop_resolve(&loop);
	return status < 0 ? status : aw_loop_add_signal_handler(loop, signal_number, print_tasks, NULL, NULL);
}
