/* SPDX-License-Identifier: MIT */
/*
 * Guest mode: one descriptor that is readable whenever a dispatch has work to do. The loop's pointer is NULL
 * outside guest mode, so a normal loop pays one test.
 */
#ifndef CORE_GUEST_H
#define CORE_GUEST_H

#include "loop.h"

/* Called when work is queued or due outside dispatch. */
void guest_work(guest *self);
/* Called when the earliest deadline may have changed. */
void guest_deadline(guest *self, int64_t deadline);
/* Brackets every use of the backend: interrupts the helper thread's wait, if there is one. Pairs nest. */
void guest_pause(guest *self);
void guest_resume(guest *self);
/* Calls `dispatch`. Returns -EAGAIN if there was nothing to do. */
aw_status guest_dispatch(guest *self, aw_status (*dispatch)(aw_loop *loop));
/* Ends guest mode if it is active. */
void guest_end(aw_loop *loop);
/* In a forked child: closes this process's copies of the descriptors. */
void guest_abandon(aw_loop *loop);

#endif
