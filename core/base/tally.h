/* SPDX-License-Identifier: MIT */
/*
 * In debug mode, counts the references that callers hold separately from the library's own. An excess `unref`
 * is reported where it happens instead of dropping one of the library's references, and leaked handles are
 * reported by kind and origin.
 */
#ifndef CORE_TALLY_H
#define CORE_TALLY_H

#include "object.h"

/* Starts counting the references handed out, for the rest of the process's lifetime. */
void tally_begin(void);
/* Called when the last reference to an object is dropped. */
void tally_end(object *self);
/* Returns a point in time; tally_print_held() skips older handles without a loop. 0 unless counting. */
uint64_t tally_mark(void);
/*
 * Writes to standard error the handles that callers still hold: those of `where`, and those without a loop
 * that this thread was handed since `mark`.
 */
void tally_print_held(const domain *where, uint64_t mark);

#endif
