/* SPDX-License-Identifier: MIT */
/*
 * In debug mode, counts the references that callers hold, apart from the library's. An excess unref is then
 * reported where it happens instead of dropping a reference of the library's, and leaked handles can be
 * listed by class and origin.
 */
#ifndef CORE_TALLY_H
#define CORE_TALLY_H

#include "object.h"

/* Starts counting. It can't be stopped. */
void tally_begin(void);
/* Called when the object's last reference is dropped. */
void tally_end(object *self);
/* Returns a mark: objects first handed out before it are not listed. 0 unless counting has begun. */
uint64_t tally_mark(void);
/*
 * Prints to standard error the handles that callers still hold: those of `where`, and those without a loop
 * that this thread received since `mark`.
 */
void tally_print_held(const domain *where, uint64_t mark);

#endif
