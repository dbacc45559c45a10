/* SPDX-License-Identifier: MIT */
/* Internal interface of concurrent futures: notifying other loops of completion. */
#ifndef CORE_AWAIT_CONCURRENT_FUTURE_H
#define CORE_AWAIT_CONCURRENT_FUTURE_H

#include "future.h"

#include <await/executor.h>

/* Waits for a concurrent future on behalf of another loop. */
typedef struct concurrent_future_follower {
	struct concurrent_future_follower *next,
		*previous; /* in the concurrent future's list, guarded by its mutex */
	bool listed;
	aw_loop *loop;
	ready_item arrival; /* posted to the loop once the concurrent future is done */
} concurrent_future_follower;

bool concurrent_future_is(const aw_concurrent_future *future);
/* Posts `arrival` on completion, or at once if already done. Returns 0, or why it can't. */
aw_status concurrent_future_follow(aw_concurrent_future *future, concurrent_future_follower *follower);
/* Removes the follower; false if `arrival` is posted already. Not for a forked child. */
bool concurrent_future_unfollow(aw_concurrent_future *future, concurrent_future_follower *follower);
/*
 * Returns the state of a completed future; stores the value and whether it is an integer, or the error.
 * Borrowed.
 */
enum future_state concurrent_future_outcome(aw_concurrent_future *future, void **out_value,
                                            bool *out_is_integer, aw_error **out_error);

#endif
