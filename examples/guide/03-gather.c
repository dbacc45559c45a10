/* SPDX-License-Identifier: MIT */
/* Three factorials at once, and what happens when one fails. */
#include <await/easy.h>
#include <inttypes.h>
#include <stdio.h>

static aw_status factorial(void *ud) {
	int number = *(int *)ud;
	int64_t product = 1;
	for (int i = 2; i <= number; i++) {
		AW_TRY(aw_sleep(1 * AW_SECOND));
		if (i > 4) return aw_raise(AW_ELIMIT, "that is too much for me");
		product *= i;
	}
	printf("factorial(%d) is known\n", number);
	return aw_return_int(product);
}

/* Gathers three factorials and prints the outcomes in the order of the arguments. */
static aw_status gather(int *numbers, uint32_t flags) {
	void *inputs[] = {&numbers[0], &numbers[1], &numbers[2]};
	AW_AUTO(aw_future) all = NULL;
	void *results = NULL; /* an aw_results, owned by the future */
	AW_TRY(aw_gather_map(NULL, factorial, inputs, 3, flags, &all));
	aw_status status = aw_await(all, &results);
	if (status < 0) printf("gather: %s: %s\n", aw_err_name(status), aw_error_message(aw_caught()));
	for (size_t i = 0; status >= 0 && i < aw_results_count(results); i++) {
		int64_t value = 0;
		if (aw_results_get_int(results, i, &value) >= 0)
			printf("  %d! = %" PRId64 "\n", numbers[i], value);
		else
			printf("  %d! : %s\n", numbers[i], aw_error_message(aw_results_error(results, i)));
	}
	return status;
}

AW_MAIN() {
	static int good[] = {4, 2, 3}, bad[] = {2, 6, 5}; /* remaining tasks of a failed gather still use them */
	AW_TRY(gather(good, AW_GATHER_DEFAULT));
	AW_TRY(gather(bad, AW_GATHER_RETURN_ERRORS));
	return gather(bad, AW_GATHER_DEFAULT) == AW_ELIMIT ? 0 : AW_EINVALIDSTATE;
}
