/* SPDX-License-Identifier: MIT */
/*
 * Debug mode's count of the references that callers hold, apart from those of the library: so that one
 * `unref` too many is told where it happens, instead of taking a reference that is the library's; and so that
 * what was forgotten can be told by kind and origin.
 */
#ifndef CORE_TALLY_H
#define CORE_TALLY_H

#include "object.h"

/* From now on, for as long as the process lives, what is handed out is counted. */
void tally_begin(void);
/* The object's last reference went. */
void tally_end(object *self);
/* A point in time: what was handed out first before it is not listed. 0 unless counting has begun. */
uint64_t tally_mark(void);
/*
 * Writes to standard error the handles that callers still hold: those of `where`, and those without a loop
 * that this thread was handed since `mark`.
 */
void tally_print_held(const domain *where, uint64_t mark);

#endif
