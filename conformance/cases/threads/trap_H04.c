/* SPDX-License-Identifier: MIT */
/*
 * H04: a coroutine that is created and never awaited does not run, and what it holds is released; debug mode
 * reports it, with the place where it was created.
 */
#include "bare.h"

static int ran, freed, told_count, places;

static aw_status c(aw_resume *resume, void *ud) {
	(void)ud;
	ran++;
	return aw_resume_return(resume, NULL, NULL);
}

static void let_go(void *ud) {
	(void)ud;
	freed++;
}

static aw_status told(aw_loop *loop, const aw_report *report, void *ud) {
	(void)loop;
	(void)ud;
	told_count++;
	if (aw_report_origin(report)) places++;
	return 0;
}

static aw_status main_coroutine(void *ud) {
	(void)ud;
	aw_coro *coro = NULL;
	must(aw_loop_set_exception_handler(aw_loop_current(), told, NULL, NULL));
	must(aw_coro_new(aw_loop_current(), c, NULL, let_go, &coro));
	aw_coro_unref(coro);
	return 0;
}

static void run(bool debug) {
	aw_runner *runner = NULL;
	ran = freed = told_count = places = 0;
	must(aw_runner_new(NULL, debug ? AW_RUNNER_DEBUG : AW_RUNNER_DEFAULT, &runner));
	must(aw_runner_run(runner, main_coroutine, NULL, NULL, NULL));
	must(aw_runner_close(runner));
	aw_runner_unref(runner);
	trace("debug %s ran %d freed %d with its place %d", True_or_False(debug), ran, freed, places);
}

CASE(trap_H04, 0.0, CASE_ANY) {
	run(false);
	run(true);
	trace("told in debug mode %d", told_count);
	return 0;
}
