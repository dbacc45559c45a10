/* SPDX-License-Identifier: MIT */
/* A loop that runs in a separate thread until it is stopped. */
#ifndef TESTS_THREAD_RUNNING_H
#define TESTS_THREAD_RUNNING_H

#include "trace.h"

#include <pthread.h>

typedef struct running {
	aw_loop *loop;
	pthread_t thread;
} running;

static inline void *run_forever(void *arg) {
	running *self = arg;
	EXPECT_INT(aw_loop_run_forever(self->loop), 0);
	EXPECT_INT(aw_loop_close(self->loop), 0);
	return NULL;
}

static inline aw_status stop(aw_loop *loop, void *ud) {
	(void)ud;
	return aw_loop_stop(loop);
}

static inline void running_start(running *self) {
	EXPECT_INT(pthread_create(&self->thread, NULL, run_forever, self), 0);
}

static inline void running_stop(running *self) {
	EXPECT_INT(aw_loop_call_soon_threadsafe(self->loop, stop, NULL, NULL), 0);
	pthread_join(self->thread, NULL);
}

#endif
