/* SPDX-License-Identifier: MIT */
#include "failure.h"

#include "error.h"
#include "threads.h"

#include <stdarg.h>

/* The slot of the running stackful task, or NULL. */
static aw_error **slot_here(void) {
	const thread *here = thread_here();
	return here->flow ? here->failure : NULL;
}

aw_status failed(aw_status status) {
	aw_error **slot = slot_here();
	if (slot) failure_note(slot, error_with_message(thread_here()->domain, status, NULL));
	return status;
}

aw_status failed_with(aw_error *error) {
	aw_error **slot = slot_here();
	aw_status status = error->status;
	if (slot) failure_note(slot, aw_error_ref(error));
	return status;
}

aw_status failed_saying(aw_status status, const char *format, ...) {
	aw_error **slot = slot_here();
	if (!slot) return status;
	va_list arguments;
	va_start(arguments, format);
	failure_note(slot, error_with_format(thread_here()->domain, status, format, arguments));
	va_end(arguments);
	return status;
}

aw_error *failure_of(aw_status status) {
	aw_error **slot = slot_here();
	return slot && *slot && (*slot)->status == status ? *slot : NULL;
}

aw_error *failure_here(void) {
	aw_error **slot = slot_here();
	return slot ? *slot : NULL;
}

aw_status failed_since(const aw_error *before, aw_status status) {
	const aw_error *now = failure_of(status);
	return now && now != before ? status : failed(status);
}

aw_status failed_in_callback(aw_status status) {
	return failure_of(status) ? status : failed(status);
}

void failure_forget(void) {
	aw_error **slot = slot_here();
	if (slot && *slot) failure_note(slot, NULL);
}
