/* SPDX-License-Identifier: MIT */
/* A cancelled task cleans up, and a shield protects another task from a cancellation. */
#include <await/await.h>
#include <stdio.h>

static aw_status cancel_me(void *ud) {
	(void)ud;
	printf("cancel_me(): before sleep\n");
	aw_status status = aw_sleep(3600 * AW_SECOND);
	if (status == AW_ECANCELLED) printf("cancel_me(): cancelled: %s\n", aw_error_message(aw_caught()));
	/* The cleanup may await, too: the request has been delivered and is not repeated. */
	aw_status cleaned = aw_sleep(1 * AW_SECOND);
	if (cleaned >= 0) printf("cancel_me(): after sleep\n");
	return status; /* pass it on */
}

static aw_status save(void *ud) {
	(void)ud;
	aw_status status = aw_sleep(2 * AW_SECOND);
	printf("save(): %s\n", status < 0 ? aw_err_name(status) : "written to the end");
	return status;
}

static aw_status await_shielded(void *ud) {
	aw_status status = aw_await_shielded(ud, NULL);
	printf("await_shielded(): %s\n", aw_err_name(status));
	return status;
}

static aw_status run_all(void *ud) {
	(void)ud;
	aw_task *task = NULL, *saver = NULL, *waiter = NULL;
	aw_status status = aw_task_spawn(NULL, cancel_me, NULL, NULL, &task);
	if (status >= 0) status = aw_sleep(1 * AW_SECOND);
	if (status >= 0) status = aw_task_cancel(task, "enough");
	if (status >= 0) status = aw_await(aw_task_future(task), NULL);
	if (status == AW_ECANCELLED && aw_future_cancelled(aw_task_future(task))) {
		printf("run_all(): cancel_me is cancelled now\n");
		status = 0;
	}

	if (status >= 0) status = aw_task_spawn(NULL, save, NULL, NULL, &saver);
	if (status >= 0) status = aw_task_spawn(NULL, await_shielded, aw_task_future(saver), NULL, &waiter);
	if (status >= 0) status = aw_sleep(1 * AW_SECOND);
	if (status >= 0) status = aw_task_cancel(waiter, NULL);
	if (status >= 0) status = aw_await(aw_task_future(saver), NULL);

	aw_task_unref(waiter);
	aw_task_unref(saver);
	aw_task_unref(task);
	return status;
}

int main(void) {
	aw_status status = aw_run(NULL, run_all, NULL, NULL, NULL);
	if (status < 0) fprintf(stderr, "%s: %s\n", aw_err_name(status), aw_strerror(status));
	return status < 0;
}
