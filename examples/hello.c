/* SPDX-License-Identifier: MIT */
/* Two tasks at once, one of them with a timeout. */
#include <await/easy.h>
#include <stdio.h>

typedef struct words {
	int64_t delay;
	const char *text;
} words;

static aw_status say_after(void *ud) {
	const words *self = ud;
	AW_TRY(aw_sleep(self->delay)); /* suspends only this task; returns on failure */
	puts(self->text);
	return 0;
}

static aw_status run_all(void *ud) {
	words *said = ud;
	AW_AUTO(aw_future) hello = NULL; /* dropped at the end of the scope */
	AW_AUTO(aw_future) world = NULL;
	AW_TRY(aw_task_spawn_future(NULL, say_after, &said[0], NULL, &hello));
	AW_TRY(aw_task_spawn_future(NULL, say_after, &said[1], NULL, &world));
	AW_TRY(aw_await(hello, NULL));
	aw_status status = aw_wait_for(world, 1 * AW_SECOND, NULL);
	if (status != AW_ETIMEOUT) return status;
	puts("the world takes too long");
	return 0;
}

int main(void) {
	words said[] = {{1 * AW_SECOND, "hello"}, {3600 * AW_SECOND, "world"}};
	return aw_main(NULL, run_all, said, NULL);
}
