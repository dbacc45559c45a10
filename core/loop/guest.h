/* SPDX-License-Identifier: MIT */
/*
 * Guest mode: one descriptor that is readable whenever a dispatch would do something. NULL while the loop is
 * no guest, so that who runs its own loop pays one test.
 */
#ifndef CORE_GUEST_H
#define CORE_GUEST_H

#include "loop.h"

/* Work was queued, or is due, outside dispatch. */
void guest_work(guest *self);
/* The earliest deadline may have moved. */
void guest_deadline(guest *self, int64_t deadline);
/* Brackets every use of the backend: where a helper thread waits, it is brought out first. Nests. */
void guest_pause(guest *self);
void guest_resume(guest *self);
/* A dispatch by `dispatch`, with -EAGAIN where nothing at all happened. */
aw_status guest_dispatch(guest *self, aw_status (*dispatch)(aw_loop *loop));
/* Ends guest mode, if it is on. */
void guest_end(aw_loop *loop);
/* In a forked child: closes what is this process's. */
void guest_abandon(aw_loop *loop);

#endif
