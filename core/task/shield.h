/* SPDX-License-Identifier: MIT */
/* The shield inside the library: for calls of a stackful task that await a future and leave it alone. */
#ifndef CORE_AWAIT_SHIELD_H
#define CORE_AWAIT_SHIELD_H

#include "future.h"

/*
 * A shield of a future that the running stackful task may await: a reference that is not handed out. Notes
 * its failure.
 */
aw_status shield_here(aw_future *future, const void *origin, aw_future **out);

#endif
