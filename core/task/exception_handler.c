/* SPDX-License-Identifier: MIT */
#include "error.h"
#include "failure.h"
#include "future.h"
#include "report.h"

#include <errno.h>

ENTRY(aw_loop_call_exception_handler, (aw_loop *loop, const char *message, aw_error *error,
                                       aw_future *future),
      (loop, message, error, future)) {
	aw_status status = loop_check(loop);
	if (status < 0) return status;
	if (!message) return -EINVAL;
	if ((error && !object_is(error, &error_class)) || (future && !future_is(future))) return AW_EBADHANDLE;
	/* The handler may drop the last reference to each. */
	object_ref(loop);
	aw_error_ref(error);
	if (future) object_ref(future);
	report_call(loop, message, error, future, NULL);
	if (future) object_unref(future);
	aw_error_unref(error);
	object_unref(loop);
	return 0;
}
