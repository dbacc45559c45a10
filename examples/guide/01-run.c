/* SPDX-License-Identifier: MIT */
/* One task, one second, one value. */
#include <await/await.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A coroutine: ordinary C, which may suspend. */
static aw_status greet(void *ud) {
	const char *name = ud;
	printf("hello ...\n");
	aw_status status = aw_sleep(1 * AW_SECOND);
	if (status < 0) return status;
	printf("... %s\n", name);
	char *copy = strdup(name);
	if (!copy) return AW_ENOMEM;
	return aw_return(copy, free);
}

static aw_status fail(void *ud) {
	(void)ud;
	return AW_ENOENT; /* a negative status is C's counterpart of an exception */
}

int main(void) {
	void *value = NULL;
	aw_status status = aw_run(NULL, greet, "world", NULL, &value);
	printf("status %d, value %s\n", status, status < 0 ? "none" : (char *)value);
	if (status >= 0) free(value); /* the value is ours now */

	status = aw_run(NULL, fail, NULL, NULL, NULL);
	printf("%s: %s\n", aw_err_name(status), aw_strerror(status));
	return status == AW_ENOENT ? 0 : 1;
}
