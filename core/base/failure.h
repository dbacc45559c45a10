/* SPDX-License-Identifier: MIT */
/*
 * The last error of a stackful task; each task has one slot. aw_raise() stores its error there, a failed
 * await stores the error of the awaited future, and any other call stores the plain error of its code.
 * Outside a stackful task there is no slot, and these functions do nothing.
 *
 * The code that creates a failure notes it; code that propagates one leaves the slot alone. A function that
 * never suspends is defined with ENTRY, which notes any negative result; other functions do so themselves.
 */
#ifndef CORE_FAILURE_H
#define CORE_FAILURE_H

#include "error.h" /* not the public one alone, whose aw_error_unref() counts as the program's */

#include <stdbool.h>

/* Stores an error (or NULL for none) in a slot. Takes ownership of the reference. */
static inline void failure_note(aw_error **slot, aw_error *error) {
	aw_error *old = *slot;
	*slot = error;
	if (old) aw_error_unref(old);
}
/* Notes the plain error of a status, which must be negative, and returns it. */
__attribute__((cold)) aw_status failed(aw_status status);
/* Notes an error (takes its own reference) and returns its status. */
__attribute__((cold)) aw_status failed_with(aw_error *error);
/* Creates an error with a formatted message and notes it. */
__attribute__((cold, format(printf, 2, 3))) aw_status failed_saying(aw_status status, const char *format,
                                                                    ...);
/*
 * Call this after a user callback has failed. Notes the plain error of the status, unless the callback
 * already noted an error with the same code.
 */
__attribute__((cold)) aw_status failed_in_callback(aw_status status);

/* Returns the noted error if it has this status, borrowed; otherwise NULL. */
aw_error *failure_of(aw_status status);
/* Clears the slot, after an await has succeeded. */
void failure_forget(void);

static inline aw_status noted(aw_status status) {
	return __builtin_expect(status < 0, 0) ? failed(status) : status;
}

/*
 * Begins the definition of a public function that returns a status: ENTRY(aw_x_do, (aw_x *x, int32_t count),
 * (x, count)) { … }. A negative result is noted. The body is inlined, so a constant non-negative
 * status costs nothing.
 */
#define ENTRY(name, parameters, arguments)                                         \
	static inline __attribute__((always_inline)) aw_status name##_body parameters; \
	aw_status name parameters {                                                    \
		return noted(name##_body arguments);                                       \
	}                                                                              \
	static inline __attribute__((always_inline)) aw_status name##_body parameters

#endif
