/* SPDX-License-Identifier: MIT */
/* The concurrent future inside the library: telling other loops of its end. */
#ifndef CORE_AWAIT_CFUTURE_H
#define CORE_AWAIT_CFUTURE_H

#include "future.h"

#include <await/executor.h>

/* One who waits for a concurrent future in a loop, its own. */
typedef struct concurrent_future_follower {
	struct concurrent_future_follower *next,
		*previous; /* in the concurrent future's list; its mutex guards them */
	bool listed;
	aw_loop *loop;
	ready_item arrival; /* posted to the loop once the concurrent future is done */
} concurrent_future_follower;

bool concurrent_future_is(const aw_concurrent_future *future);
/* Has it told, also if it is done already. 0, or why not. */
aw_status concurrent_future_follow(aw_concurrent_future *future, concurrent_future_follower *who);
/* Takes it out again; false if `arrival` was posted before. Not in a forked child. */
bool concurrent_future_unfollow(aw_concurrent_future *future, concurrent_future_follower *who);
/*
 * Of one that is done: the value, borrowed, and whether it is an integer; or the error, borrowed, and its
 * state.
 */
enum future_state concurrent_future_outcome(aw_concurrent_future *future, void **out_value,
                                            bool *out_is_integer, aw_error **out_error);

#endif
