/* SPDX-License-Identifier: MIT */
/*
 * gather: a watch whose outcome is that of its children. The first failure ends it; errors of children that
 * fail later are marked as retrieved without a report, as asyncio does.
 */
#include "watch.h"

#include "failure.h"
#include "task.h"

#include <await/gather.h>
#include <errno.h>
#include <stdlib.h>

typedef struct gather {
	watch watch;
	uint32_t flags;
	bool cancel_requested;
	cancel_frame cancel_frame;
	size_t count, finished;
	aw_future **children; /* in argument order, with duplicates; the watch references them */
} gather;

static cancel_frame *gather_cancel_frame(aw_future *future) {
	return &((gather *)(void *)future)->cancel_frame;
}

static aw_future *gather_cancel_next(aw_future *future, size_t index) {
	gather *self = (gather *)(void *)future;
	return index < self->count ? self->children[index] : NULL;
}

static bool gather_cancel_leave(aw_future *future, aw_error *reason) {
	gather *self = (gather *)(void *)future;
	(void)reason;
	if (self->cancel_frame.accepted) self->cancel_requested = true;
	return self->cancel_frame.accepted;
}

static const cancel_ops gather_cancel_ops = {gather_cancel_frame, NULL, gather_cancel_next,
                                             gather_cancel_leave};
static const future_kind gather_kind = {
	.release = watch_release, .what = "gather", .child = watch_child, .cancel_ops = &gather_cancel_ops};

/* All children are done; `last` is the one that completed last. */
static void gather_finish(gather *self, aw_future *last) {
	aw_future *outer = &self->watch.future;
	if (self->cancel_requested) {
		/* Fails with the error rather than becoming cancelled, as asyncio's gather does. */
		future_fail(outer, last->state == FUTURE_CANCELLED ? last->error : error_of(AW_ECANCELLED));
		return;
	}
	aw_results *results = results_new(outer->loop, self->count);
	if (!results) {
		future_fail(outer, error_of(-ENOMEM));
		return;
	}
	for (size_t i = 0; i < self->count; i++) {
		results_set(results, i, self->children[i]);
		self->children[i]->unretrieved = false;
	}
	future_finish(outer, results, value_results);
}

static void gather_child_done(watch *base, aw_future *child) {
	gather *self = (gather *)(void *)base;
	self->finished++;
	child->unretrieved = false;
	if (future_is_done(&base->future)) return;
	if (child->state != FUTURE_DONE && !(self->flags & AW_GATHER_RETURN_ERRORS))
		future_fail(&base->future, child->error);
	else if (self->finished == base->count)
		gather_finish(self, child);
}

/*
 * Watches each distinct child. Children that are already done are counted at once, after the others are added
 * and without a loop iteration, as in CPython 3.12.
 */
static void gather_begin(gather *self) {
	watch *base = &self->watch;
	size_t waiting = 0;
	for (size_t i = 0; i < self->count; i++) {
		aw_future *child = self->children[i];
		if (child->marked) continue;
		child->marked = true;
		if (!future_is_done(child)) {
			watch_add(base, child);
			waiting++;
		}
	}
	for (size_t i = 0; i < self->count; i++) {
		aw_future *child = self->children[i];
		if (!child->marked) continue;
		child->marked = false;
		if (future_is_done(child)) watch_note(base, child);
	}
	for (size_t i = waiting; i < base->count; i++) gather_child_done(base, base->nodes[i].child);
	if (!self->count) gather_finish(self, NULL);
}

static aw_status gather_make(aw_loop *loop, aw_future *const *futures, size_t count, uint32_t flags,
                             const void *origin, aw_future **out) {
	size_t distinct;
	aw_status status = watch_check(loop, futures, count, &distinct);
	if (status < 0) return status;
	if (count > UINT32_MAX / sizeof(aw_future *)) return -EINVAL;
	size_t head = sizeof(gather) + count * sizeof(aw_future *);
	gather *self = watch_create(loop, &gather_kind, head, distinct, gather_child_done);
	if (!self) return -ENOMEM;
	self->flags = flags;
	self->count = count;
	self->children = (aw_future **)(void *)(self + 1);
	for (size_t i = 0; i < count; i++) self->children[i] = futures[i];
	self->watch.future.origin = origin;
	gather_begin(self);
	*out = object_hand_out(self, origin);
	return 0;
}

static aw_status gather_check(aw_loop **loop, uint32_t flags, aw_future **out) {
	aw_status status = loop_resolve(loop);
	if (status < 0) return status;
	return !out || flags & ~(uint32_t)AW_GATHER_RETURN_ERRORS ? -EINVAL : 0;
}

ENTRY(aw_gather, (aw_loop *loop, aw_future *const *futures, size_t count, uint32_t flags, aw_future **out),
      (loop, futures, count, flags, out)) {
	aw_status status = gather_check(&loop, flags, out);
	return status < 0 ? status : gather_make(loop, futures, count, flags, CALLER, out);
}

/* What the tasks of a gather run: one function for all, or one per task. */
typedef struct gather_bodies {
	aw_task_fn fn;
	const aw_task_fn *fns;
	void *const *inputs;
	size_t count;
} gather_bodies;

static aw_status bodies_check(const gather_bodies *self) {
	if (self->count > UINT32_MAX / sizeof(aw_future *) || (!self->fn && !self->fns)) return -EINVAL;
	if (self->count && !self->inputs) return -EINVAL;
	for (size_t i = 0; self->fns && i < self->count; i++)
		if (!self->fns[i]) return -EINVAL;
	return 0;
}

static aw_status gather_spawn(aw_loop *loop, const gather_bodies *bodies, uint32_t flags, const void *origin,
                              aw_future **out) {
	aw_status status = gather_check(&loop, flags, out);
	if (status == 0) status = bodies_check(bodies);
	if (status < 0) return status;
	size_t count = bodies->count, made = 0;
	aw_future **futures = malloc((count + 1) * sizeof *futures);
	if (!futures) return -ENOMEM;
	for (aw_task *task; made < count && status == 0;) {
		aw_task_fn fn = bodies->fns ? bodies->fns[made] : bodies->fn;
		status = task_spawn(loop, fn, bodies->inputs[made], NULL, false, origin, &task);
		if (status == 0) futures[made++] = &task->future;
	}
	if (status == 0) status = gather_make(loop, futures, count, flags, origin, out);
	for (size_t i = 0; i < made; i++) {
		if (status < 0) future_cancel(futures[i], error_of(AW_ECANCELLED));
		object_unref(futures[i]);
	}
	free(futures);
	return status;
}

ENTRY(aw_gather_map, (aw_loop *loop, aw_task_fn fn, void *const *inputs, size_t count, uint32_t flags,
                      aw_future **out),
      (loop, fn, inputs, count, flags, out)) {
	return gather_spawn(loop, &(gather_bodies){.fn = fn, .inputs = inputs, .count = count}, flags, CALLER,
	                    out);
}

ENTRY(aw_gather_each,
      (aw_loop *loop, const aw_task_fn *fns, void *const *inputs, size_t count, uint32_t flags,
       aw_future **out),
      (loop, fns, inputs, count, flags, out)) {
	return gather_spawn(loop, &(gather_bodies){.fns = fns, .inputs = inputs, .count = count}, flags, CALLER,
	                    out);
}

static aw_status gather_run(const gather_bodies *bodies, uint32_t flags, const void *origin,
                            aw_results **out) {
	aw_future *future;
	void *results = NULL;
	if (!stackful_here()) return AW_ENOTASK;
	aw_status status = gather_spawn(NULL, bodies, flags, origin, &future);
	if (status < 0) return failed(status);
	status = aw_await_take(future, out ? &results : NULL, NULL);
	if (status == 0 && out) *out = results;
	return status;
}

aw_status aw_gather_run(aw_task_fn fn, void *const *inputs, size_t count, uint32_t flags, aw_results **out) {
	return gather_run(&(gather_bodies){.fn = fn, .inputs = inputs, .count = count}, flags, CALLER, out);
}

aw_status aw_gather_run_each(const aw_task_fn *fns, void *const *inputs, size_t count, uint32_t flags,
                             aw_results **out) {
	return gather_run(&(gather_bodies){.fns = fns, .inputs = inputs, .count = count}, flags, CALLER, out);
}
