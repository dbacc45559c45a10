/* SPDX-License-Identifier: MIT */
/*
 * The error of the last call that failed in a stackful task: one slot a task. aw_raise() fills it, an await
 * fills it with what the awaited failed with, and every other call with the plain error of its code. Outside
 * a stackful task there is no slot, and all this does nothing.
 *
 * Whoever makes a failure notes it, whoever passes one on leaves the slot alone. A function that never
 * suspends is defined by ENTRY, which notes whatever it fails with; the others note for themselves.
 */
#ifndef CORE_FAILURE_H
#define CORE_FAILURE_H

#include "error.h" /* not the public one alone, whose aw_error_unref() counts as the program's */

#include <stdbool.h>

/* Puts an error (NULL: none) into a slot. Takes over the reference. */
static inline void failure_note(aw_error **slot, aw_error *error) {
	aw_error *old = *slot;
	*slot = error;
	if (old) aw_error_unref(old);
}
/* Notes the plain error of a status, which must be negative, and returns it. */
__attribute__((cold)) aw_status failed(aw_status status);
/* Notes an error (takes its own reference) and returns its status. */
__attribute__((cold)) aw_status failed_with(aw_error *error);
/* Notes an error of a message, made here. */
__attribute__((cold, format(printf, 2, 3))) aw_status failed_saying(aw_status status, const char *format,
                                                                    ...);
/*
 * A callback of the user's returned a status, and may have noted its error: notes the plain one unless this
 * is of the same code.
 */
__attribute__((cold)) aw_status failed_in_callback(aw_status status);

/* The noted error if it is of this status, borrowed, or NULL. */
aw_error *failure_of(aw_status status);
/* An await succeeded: nothing is noted any more. */
void failure_forget(void);

static inline aw_status noted(aw_status status) {
	return __builtin_expect(status < 0, 0) ? failed(status) : status;
}

/*
 * Begins the definition of a public function that returns a status: ENTRY(aw_x_do, (aw_x *x, int32_t count),
 * (x, count)) { … }. What it returns is noted if it is negative. The body is part of the function, so a
 * constant status costs nothing.
 */
#define ENTRY(name, parameters, arguments)                                         \
	static inline __attribute__((always_inline)) aw_status name##_body parameters; \
	aw_status name parameters {                                                    \
		return noted(name##_body arguments);                                       \
	}                                                                              \
	static inline __attribute__((always_inline)) aw_status name##_body parameters

#endif
