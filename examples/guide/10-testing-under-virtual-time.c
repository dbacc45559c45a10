/* SPDX-License-Identifier: MIT */
/* A retry that doubles its pause for an hour, tested in no time. */
#include <await/await.h>
#include <inttypes.h>
#include <stdio.h>
#include <time.h>

/* ---- the code under test ---- */

typedef struct retry {
	aw_task_fn attempt;
	void *ud;
	int64_t pause, longest; /* nanoseconds */
	int most;               /* attempts */
} retry;

static aw_status retry_run(retry *self) {
	int64_t pause = self->pause;
	for (int i = 1;; i++) {
		aw_status status = self->attempt(self->ud);
		if (status >= 0 || status == AW_ECANCELLED || i == self->most) return status;
		status = aw_sleep(pause);
		if (status < 0) return status;
		pause = pause < self->longest / 2 ? 2 * pause : self->longest;
	}
}

/* ---- the test ---- */

static int passed, failed;

static void check(const char *what, int holds) {
	printf("%s: %s\n", holds ? "ok" : "FAILED", what);
	if (holds)
		passed++;
	else
		failed++;
}

/* Fails until the seventh time. */
static aw_status attempt(void *ud) {
	int *calls = ud;
	return ++*calls < 7 ? AW_EAGAIN : 0;
}

static aw_status test(void *ud) {
	(void)ud;
	int calls = 0;
	retry self = {attempt, &calls, 60 * AW_SECOND, 900 * AW_SECOND, 10};
	int64_t began = aw_loop_time(aw_loop_current());
	aw_status status = retry_run(&self);
	int64_t took = aw_loop_time(aw_loop_current()) - began;
	check("the seventh attempt succeeds", status == 0 && calls == 7);
	/* 60 + 120 + 240 + 480 + 900 + 900, to the nanosecond */
	check("the pauses double, up to a quarter of an hour", took == 2700 * AW_SECOND);

	calls = -100;
	status = retry_run(&self);
	check("it gives up", status == AW_EAGAIN && calls == -90);
	return 0;
}

int main(void) {
	time_t began = time(NULL);
	aw_status status = aw_run("virtual", test, NULL, NULL, NULL);
	check("the loop ran", status == 0);
	check("all of it took no time", time(NULL) - began < 10);
	printf("%d passed, %d failed\n", passed, failed);
	return failed > 0;
}
