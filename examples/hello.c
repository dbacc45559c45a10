/* SPDX-License-Identifier: MIT */
/* Two tasks at once, one of them under a limit. */
#include <await/await.h>
#include <stdio.h>

typedef struct words {
	int64_t delay;
	const char *text;
} words;

static aw_status say_after(void *ud) {
	const words *self = ud;
	aw_status status = aw_sleep(self->delay); /* suspends this task, and nothing else */
	if (status >= 0) puts(self->text);
	return status;
}

static aw_status run_all(void *ud) {
	words *said = ud;
	aw_task *hello = NULL, *world = NULL;
	aw_status status = aw_task_spawn(NULL, say_after, &said[0], NULL, &hello);
	if (status >= 0) status = aw_task_spawn(NULL, say_after, &said[1], NULL, &world);
	if (status >= 0) status = aw_await(aw_task_future(hello), NULL);
	if (status >= 0) status = aw_wait_for(aw_task_future(world), 1 * AW_SECOND, NULL);
	if (status == AW_ETIMEOUT) puts("the world takes too long"), status = 0;
	aw_task_unref(world);
	aw_task_unref(hello);
	return status;
}

int main(void) {
	words said[] = {{1 * AW_SECOND, "hello"}, {3600 * AW_SECOND, "world"}};
	return aw_main(NULL, run_all, said, NULL);
}
