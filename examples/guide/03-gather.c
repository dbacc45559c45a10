/* SPDX-License-Identifier: MIT */
/* Three factorials at once, and what becomes of one that fails. */
#include <await/await.h>
#include <stdio.h>
#include <stdlib.h>

static aw_status factorial(void *ud) {
	int number = *(int *)ud;
	long *product = malloc(sizeof *product);
	if (!product) return AW_ENOMEM;
	*product = 1;
	for (int i = 2; i <= number; i++) {
		aw_status status = aw_sleep(1 * AW_SECOND);
		if (status < 0 || i > 4) {
			free(product);
			return status < 0 ? status : aw_raise(AW_ELIMIT, "that is too much for me");
		}
		*product *= i;
	}
	printf("factorial(%d) is known\n", number);
	return aw_return(product, free);
}

/* Gathers `count` factorials and prints the outcomes in the order of the arguments. */
static aw_status gather(int *numbers, size_t count, uint32_t flags) {
	aw_task *tasks[8] = {NULL};
	aw_future *futures[8], *all = NULL;
	aw_status status = 0;
	size_t started = 0;
	for (; started < count && status >= 0; started++) {
		status = aw_task_spawn(NULL, factorial, &numbers[started], NULL, &tasks[started]);
		futures[started] = aw_task_future(tasks[started]);
	}
	if (status >= 0) status = aw_gather(aw_loop_current(), futures, count, flags, &all);
	void *results = NULL; /* an aw_results, owned by the future */
	if (status >= 0) status = aw_await(all, &results);
	if (status < 0) printf("gather: %s: %s\n", aw_err_name(status), aw_error_message(aw_caught()));
	for (size_t i = 0; status >= 0 && i < count; i++) {
		void *value = NULL;
		aw_status one = aw_results_get(results, i, &value);
		if (one >= 0)
			printf("  %d! = %ld\n", numbers[i], *(long *)value);
		else
			printf("  %d! : %s\n", numbers[i], aw_error_message(aw_results_error(results, i)));
	}
	aw_future_unref(all);
	while (started) aw_task_unref(tasks[--started]);
	return status;
}

static aw_status run_all(void *ud) {
	(void)ud;
	int good[] = {4, 2, 3}, bad[] = {2, 6, 5};
	aw_status status = gather(good, 3, AW_GATHER_DEFAULT);
	if (status < 0) return status;
	status = gather(bad, 3, AW_GATHER_RETURN_ERRORS);
	if (status < 0) return status;
	status = gather(bad, 3, AW_GATHER_DEFAULT);
	return status == AW_ELIMIT ? 0 : AW_EINVALIDSTATE;
}

int main(void) {
	aw_status status = aw_run(NULL, run_all, NULL, NULL, NULL);
	if (status < 0) fprintf(stderr, "%s: %s\n", aw_err_name(status), aw_strerror(status));
	return status < 0;
}
