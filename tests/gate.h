/* SPDX-License-Identifier: MIT */
/*
 * Gates, with which threads in the tests wait for each other, and a work function that signals one gate when
 * it starts and waits for another.
 */
#ifndef TESTS_GATE_H
#define TESTS_GATE_H

#include <pthread.h>
#include <stdatomic.h>

#include "trace.h"

/* Once open, it stays open. */
typedef struct gate {
	pthread_mutex_t mutex;
	pthread_cond_t changed;
	int passed;
	bool is_open;
} gate;

#define GATE_INIT \
	{ .mutex = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER }

static inline void gate_open(gate *self) {
	pthread_mutex_lock(&self->mutex);
	self->is_open = true;
	pthread_cond_broadcast(&self->changed);
	pthread_mutex_unlock(&self->mutex);
}

static inline void gate_wait(gate *self) {
	pthread_mutex_lock(&self->mutex);
	while (!self->is_open) pthread_cond_wait(&self->changed, &self->mutex);
	pthread_mutex_unlock(&self->mutex);
}

/* A job that signals its start, waits for permission to end, and returns itself as the value. */
typedef struct visit {
	gate here, leave;
	_Atomic int begun, ended;
	_Atomic int destroyed, value_destroyed;
	pthread_t destroyed_by;
} visitor;

#define VISIT_INIT \
	{ .here = GATE_INIT, .leave = GATE_INIT }

static inline void visit_destroy(void *ud) {
	visitor *self = ud;
	self->destroyed_by = pthread_self();
	self->destroyed++;
}

static inline void visit_destroy_value(void *ud) {
	visitor *self = ud;
	self->value_destroyed++;
}

static inline aw_status visit_work(void *ud, void **out, aw_destroy_fn *out_destroy) {
	visitor *self = ud;
	self->begun++;
	gate_open(&self->here);
	gate_wait(&self->leave);
	self->ended++;
	*out = self;
	*out_destroy = visit_destroy_value;
	return 0;
}

/* A callback that opens a gate. */
static inline aw_status open_it(aw_loop *loop, void *gate_to_open) {
	(void)loop;
	gate_open(gate_to_open);
	return 0;
}

/*
 * Runs the loop until a counter that its thread increments reaches a value. Otherwise only the test's time
 * limit ends it.
 */
static inline void loop_until(aw_loop *loop, const _Atomic int *counter, int goal) {
	while (*counter < goal && aw_loop_run_once(loop, AW_FOREVER) >= 0) continue;
}

#endif
