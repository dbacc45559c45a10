/* SPDX-License-Identifier: MIT */
/* The same two waits, one after the other and then at once. */
#include <await/await.h>
#include <inttypes.h>
#include <stdio.h>

typedef struct words {
	int64_t delay;
	const char *what;
} words;

static aw_status say_after(void *ud) {
	words *self = ud;
	aw_status status = aw_sleep(self->delay);
	if (status < 0) return status;
	printf("%s says %s\n", aw_task_name(aw_task_current()), self->what);
	return 0;
}

static void report(const char *how, int64_t began) {
	printf("%s: %" PRId64 " s\n", how, (aw_loop_time(aw_loop_current()) - began) / AW_SECOND);
}

static aw_status run_all(void *ud) {
	words *said = ud;
	aw_task *tasks[2] = {NULL};

	/* A plain call: it suspends this task, so the waits add up. */
	int64_t began = aw_loop_time(aw_loop_current());
	aw_status status = say_after(&said[0]);
	if (status >= 0) status = say_after(&said[1]);
	report("one after the other", began);

	/* Two tasks: they wait at the same time. */
	began = aw_loop_time(aw_loop_current());
	if (status >= 0) status = aw_task_spawn(NULL, say_after, &said[0], NULL, &tasks[0]);
	if (status >= 0) status = aw_task_spawn(NULL, say_after, &said[1], NULL, &tasks[1]);
	if (status >= 0) status = aw_task_set_name(tasks[1], "second");
	for (int i = 0; i < 2 && status >= 0; i++) status = aw_await(aw_task_future(tasks[i]), NULL);
	report("at once", began);

	for (int i = 0; i < 2; i++) aw_task_unref(tasks[i]);
	return status;
}

int main(void) {
	words said[] = {{1 * AW_SECOND, "hello"}, {2 * AW_SECOND, "world"}};
	aw_status status = aw_run(NULL, run_all, said, NULL, NULL);
	if (status < 0) fprintf(stderr, "%s: %s\n", aw_err_name(status), aw_strerror(status));
	return status < 0;
}
