/* SPDX-License-Identifier: MIT */
/* S03: the shield of a future that is done is that future. */
#include "case.h"

static aw_status main_coroutine(void *ud) {
	(void)ud;
	aw_future *future = create_future();
	for (int i = 0; i < 2; i++) {
		aw_future *shield = NULL;
		must(aw_shield(future, &shield));
		trace("%s", True_or_False(shield == future));
		aw_future_unref(shield);
		if (i == 0) must(aw_future_set_result(future, NULL, NULL));
	}
	aw_future_unref(future);
	return 0;
}

CASE(trap_S03, 0.0, CASE_ANY) {
	return aw_run(NULL, main_coroutine, NULL, NULL, NULL);
}
