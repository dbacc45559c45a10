/* SPDX-License-Identifier: MIT */
/*
 * The error of the last failed call in a stackful task. Each task has one slot: aw_raise() fills it, an await
 * fills it with the awaitable's error, and any other call with the plain error of its code. Outside a
 * stackful task these functions have no slot and do nothing.
 *
 * The code that creates a failure records it; code that propagates one leaves the slot alone. ENTRY defines a
 * function that never suspends and records its failures; other functions record their own.
 */
#ifndef CORE_FAILURE_H
#define CORE_FAILURE_H

#include "error.h" /* not the public one alone, whose aw_error_unref() counts as the program's */

#include <stdbool.h>

/* Stores an error, or NULL, in a slot. Takes ownership of the reference. */
static inline void failure_note(aw_error **slot, aw_error *error) {
	aw_error *old = *slot;
	*slot = error;
	if (old) aw_error_unref(old);
}
/* Records the plain error of a status, which must be negative, and returns the status. */
__attribute__((cold)) aw_status failed(aw_status status);
/* Records an error, taking a new reference, and returns its status. */
__attribute__((cold)) aw_status failed_with(aw_error *error);
/* Records a new error with a formatted message. */
__attribute__((cold, format(printf, 2, 3))) aw_status failed_saying(aw_status status, const char *format,
                                                                    ...);
/*
 * For a failure returned by a user callback, which may have recorded its own error: records the plain error
 * unless the slot already holds one with the same code.
 */
__attribute__((cold)) aw_status failed_in_callback(aw_status status);

/* Returns the recorded error, borrowed, if it has this status; otherwise NULL. */
aw_error *failure_of(aw_status status);
/* Returns the recorded error, borrowed, or NULL. */
aw_error *failure_here(void);
/*
 * For a function whose failures may have a message, which began when `before` was recorded: records the plain error
 * unless something was recorded since. An error of the same status may be there from an earlier call.
 */
__attribute__((cold)) aw_status failed_since(const aw_error *before, aw_status status);
/* Clears the slot after a successful await. */
void failure_forget(void);

static inline aw_status noted(aw_status status) {
	return __builtin_expect(status < 0, 0) ? failed(status) : status;
}

/*
 * Starts the definition of a public function that returns a status: ENTRY(aw_x_do, (aw_x *x, int32_t count),
 * (x, count)) { … }. A negative result is recorded. The body is inlined, so returning a constant costs
 * nothing.
 */
#define ENTRY(name, parameters, arguments)                                         \
	static inline __attribute__((always_inline)) aw_status name##_body parameters; \
	aw_status name parameters {                                                    \
		return noted(name##_body arguments);                                       \
	}                                                                              \
	static inline __attribute__((always_inline)) aw_status name##_body parameters

#endif
