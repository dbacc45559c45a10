/* SPDX-License-Identifier: MIT */
/* A timeout on one future, and a timeout on a block of code that moves its own deadline. */
#include <await/easy.h>
#include <inttypes.h>
#include <stdio.h>

static int64_t began;

static void report(const char *what, aw_status status) {
	int64_t passed = (aw_loop_time(aw_loop_current()) - began) / AW_SECOND;
	printf("%4" PRId64 " s  %s: %s\n", passed, what, status < 0 ? aw_err_name(status) : "done");
}

static aw_status eternity(void *ud) {
	(void)ud;
	aw_status status = aw_sleep(3600 * AW_SECOND);
	if (status == AW_ECANCELLED) report("eternity is asked to end", status);
	return status;
}

/* wait_for: one future, which is done when the call returns. */
static aw_status limit_one_future(void) {
	AW_AUTO(aw_future) task = NULL;
	AW_TRY(aw_task_spawn_future(NULL, eternity, NULL, NULL, &task));
	aw_status status = aw_wait_for(task, 1 * AW_SECOND, NULL);
	report("wait_for", status);
	printf("        and the task is %s\n", aw_future_cancelled(task) ? "cancelled" : "not cancelled");
	return status == AW_ETIMEOUT ? 0 : status;
}

/* A scope: everything between enter and exit. */
static aw_status limit_a_stretch(void) {
	AW_AUTO(aw_timeout) limit = NULL;
	AW_TRY(aw_timeout_new(NULL, 10 * AW_SECOND, &limit));
	AW_TRY(aw_timeout_enter(limit)); /* no AW_TRY from here to the exit */
	aw_status status = aw_sleep(8 * AW_SECOND);
	report("first half", status);
	/* Allow ten more seconds, from now. */
	if (status >= 0) status = aw_timeout_reschedule(limit, aw_loop_time(aw_loop_current()) + 10 * AW_SECOND);
	if (status >= 0) status = aw_sleep(60 * AW_SECOND);
	report("second half", status);
	status = aw_timeout_exit(limit, status);
	report("scope", status);
	printf("        expired: %d\n", aw_timeout_expired(limit));
	return status == AW_ETIMEOUT ? 0 : status;
}

AW_MAIN() {
	began = aw_loop_time(aw_loop_current());
	AW_TRY(limit_one_future());
	return limit_a_stretch();
}
