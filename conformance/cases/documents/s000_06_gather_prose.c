/* SPDX-License-Identifier: MIT */
/* gather: results in argument order; the first error ends it, the others continue; errors as values. */
#include "case.h"

typedef struct job {
	char *name;
	int64_t delay;
	bool fail;
} job;

static int64_t start;

static aw_status work(void *ud) {
	const job *self = ud;
	trace("t=%d %s start", whole_seconds(start), self->name);
	must(aw_sleep(self->delay));
	if (self->fail) {
		trace("t=%d %s raise", whole_seconds(start), self->name);
		return aw_raise(-EINVAL, self->name);
	}
	trace("t=%d %s end", whole_seconds(start), self->name);
	return aw_return(self->name, NULL);
}

/* gather(work(…), work(…)), awaited. */
static aw_status gather_two(const job *first, const job *second, uint32_t flags, aw_results **out) {
	aw_task *tasks[] = {create_task(work, first), create_task(work, second)};
	aw_future *all = gather(tasks, 2, flags);
	void *results = NULL;
	aw_status status = aw_await(all, &results);
	if (status >= 0) *out = aw_results_ref(results);
	aw_future_unref(all);
	drop_tasks(tasks, 2);
	return status;
}

static aw_status main_coroutine(void *ud) {
	(void)ud;
	char name_a[] = "a", name_b[] = "b", name_c[] = "c", name_d[] = "d", name_e[] = "e", name_f[] = "f";
	job a = {name_a, 2 * AW_SECOND, false}, b = {name_b, 1 * AW_SECOND, false};
	job c = {name_c, 1 * AW_SECOND, true}, d = {name_d, 2 * AW_SECOND, false};
	job e = {name_e, 1 * AW_SECOND, true}, f = {name_f, 2 * AW_SECOND, false};
	aw_results *results = NULL;
	void *first = NULL, *second = NULL;
	start = now();

	must(gather_two(&a, &b, AW_GATHER_DEFAULT, &results));
	must(aw_results_get(results, 0, &first));
	must(aw_results_get(results, 1, &second));
	trace("['%s', '%s']", (char *)first, (char *)second);
	aw_results_unref(results);

	if (gather_two(&c, &d, AW_GATHER_DEFAULT, &results) == -EINVAL)
		trace("t=%d caught %s", whole_seconds(start), aw_error_message(aw_caught()));
	must(aw_sleep(2 * AW_SECOND));

	must(gather_two(&e, &f, AW_GATHER_RETURN_ERRORS, &results));
	if (aw_results_get(results, 0, NULL) == -EINVAL && aw_results_get(results, 1, &second) == 0)
		trace("[ValueError('%s'), '%s']", aw_error_message(aw_results_error(results, 0)), (char *)second);
	aw_results_unref(results);
	return 0;
}

CASE(s000_06_gather_prose, 7.0, CASE_ANY) {
	return aw_run(NULL, main_coroutine, NULL, NULL, NULL);
}
