/* SPDX-License-Identifier: MIT */
/* The same two waits, one after the other and then at once. */
#include <await/easy.h>
#include <inttypes.h>
#include <stdio.h>

typedef struct words {
	int64_t delay;
	const char *what;
} words;

static aw_status say_after(void *ud) {
	words *self = ud;
	AW_TRY(aw_sleep(self->delay)); /* on failure, returns the status */
	printf("%s says %s\n", aw_task_name(aw_task_current()), self->what);
	return 0;
}

static void report(const char *how, int64_t began) {
	printf("%s: %" PRId64 " s\n", how, (aw_loop_time(aw_loop_current()) - began) / AW_SECOND);
}

static aw_status run_all(void *ud) {
	words *said = ud;
	AW_AUTO(aw_task) first = NULL; /* dropped at the end of the scope */
	AW_AUTO(aw_task) second = NULL;

	/* A plain call: it suspends this task, so the waits add up. */
	int64_t began = aw_loop_time(aw_loop_current());
	AW_TRY(say_after(&said[0]));
	AW_TRY(say_after(&said[1]));
	report("one after the other", began);

	/* Two tasks: they wait at the same time. */
	began = aw_loop_time(aw_loop_current());
	AW_TRY(aw_task_spawn(NULL, say_after, &said[0], NULL, &first));
	AW_TRY(aw_task_spawn_named(NULL, "second", say_after, &said[1], NULL, &second));
	AW_TRY(aw_await(aw_task_future(first), NULL));
	AW_TRY(aw_await(aw_task_future(second), NULL));
	report("at once", began);
	return 0;
}

int main(void) {
	words said[] = {{1 * AW_SECOND, "hello"}, {2 * AW_SECOND, "world"}};
	return aw_main(NULL, run_all, said, NULL);
}
