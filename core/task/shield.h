/* SPDX-License-Identifier: MIT */
/* Internal interface of shields, for stackful calls that await a future without cancelling it. */
#ifndef CORE_AWAIT_SHIELD_H
#define CORE_AWAIT_SHIELD_H

#include "future.h"

/*
 * Shields a future for the running stackful task. Returns a reference that is not handed out; notes a
 * failure.
 */
aw_status shield_here(aw_future *future, const void *origin, aw_future **out);

#endif
