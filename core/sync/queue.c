/* SPDX-License-Identifier: MIT */
/*
 * Queues. An item stays in the queue until the task that gets it runs: a woken getter checks again, and one
 * that is cancelled passes its wake-up on. So no item is lost or has to be put back.
 */
#include "coro.h"
#include "event.h"
#include "failure.h"
#include "items.h"
#include "task.h"
#include "wait_queue.h"

#include <await/queue.h>
#include <await/stackless.h>
#include <await/sync.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

struct aw_queue {
	object base;
	aw_loop *loop;
	items items;
	int64_t maxsize;
	int64_t unfinished;
	aw_event *finished; /* a reference: set while nothing is unfinished */
	wait_queue getters, putters;
	bool shut;
};

static void queue_release(object *base) {
	aw_queue *self = (aw_queue *)base;
	items_free(&self->items);
	object_unref(self->finished);
	object_free(base);
}

static const object_class queue_class = {.name = "queue", .size = sizeof(aw_queue), .release = queue_release};

static bool queue_is(const aw_queue *queue) {
	return object_is(queue, &queue_class);
}

static aw_status queue_check(const aw_queue *queue) {
	return queue_is(queue) ? loop_check(queue->loop) : AW_EBADHANDLE;
}

static bool is_full(const aw_queue *self) {
	return self->maxsize > 0 && (int64_t)self->items.count >= self->maxsize;
}

static aw_status put_now(aw_queue *self, void *item, aw_destroy_fn destroy) {
	if (self->shut) return AW_EQUEUESHUTDOWN;
	if (is_full(self)) return AW_EQUEUEFULL;
	aw_status status = items_put(&self->items, (item_slot){item, destroy});
	if (status < 0) return status;
	self->unfinished++;
	self->finished->set = false;
	wait_queue_pop_next(&self->getters);
	return 0;
}

static aw_status get_now(aw_queue *self, item_slot *out) {
	if (!self->items.count) return self->shut ? AW_EQUEUESHUTDOWN : AW_EQUEUEEMPTY;
	*out = items_take(&self->items);
	wait_queue_pop_next(&self->putters);
	return 0;
}

/* --- put, get and join as coroutines --- */

static void describe_get(const aw_future *wakeup, future_description *out) {
	wait_describe(wakeup, "get %p", out);
}

static void describe_put(const aw_future *wakeup, future_description *out) {
	const aw_queue *queue = wait_owner(wakeup);
	snprintf(out->text, sizeof out->text, "put %p, full with %zu items", wait_owner(wakeup),
	         queue->items.count);
}

static void describe_join(const aw_future *wakeup, future_description *out) {
	const aw_queue *queue = wait_owner(wakeup);
	snprintf(out->text, sizeof out->text, "join %p, %" PRId64 " items unfinished", wait_owner(wakeup),
	         queue->unfinished);
}

static const future_kind get_wait_kind = {.what = "queue", .describe = describe_get};
static const future_kind put_wait_kind = {.what = "queue", .describe = describe_put};
static const future_kind join_wait_kind = {.what = "queue", .describe = describe_join};

typedef struct queue_op {
	aw_frame frame;
	aw_queue *queue; /* a reference */
	waiter waiter;
	item_slot item; /* of a put, until the queue owns it */
	aw_coro *inner; /* of a join */
} queue_op;

/* Ends a put or get that will not complete, and passes its wake-up on. */
static void put_abandon(aw_queue *self, waiter *waiting) {
	if (wait_queue_leave(waiting) && !is_full(self)) wait_queue_pop_next(&self->putters);
}

static void get_abandon(aw_queue *self, waiter *waiting) {
	if (wait_queue_leave(waiting) && self->items.count) wait_queue_pop_next(&self->getters);
}

static aw_status put_step(aw_resume *resume, void *ud) {
	queue_op *self = ud;
	aw_queue *queue = self->queue;
	AW_BEGIN(&self->frame);
	while (is_full(queue)) {
		if (queue->shut) return aw_resume_raise(resume, error_of(AW_EQUEUESHUTDOWN));
		if (wait_queue_join(&queue->putters, &self->waiter, &put_wait_kind, queue, queue->loop) < 0)
			return -ENOMEM;
		AW_AWAIT(&self->frame, resume, self->waiter.wakeup);
		if (aw_resume_status(resume) < 0) {
			put_abandon(queue, &self->waiter);
			return wait_queue_raise(resume);
		}
		wait_queue_leave(&self->waiter);
	}
	aw_status status = put_now(queue, self->item.data, self->item.destroy);
	if (status < 0) return aw_resume_raise(resume, error_of(status));
	self->item = (item_slot){0};
	AW_END(&self->frame);
	return 0;
}

static void put_destroy(void *ud) {
	queue_op *self = ud;
	item_slot item = self->item;
	put_abandon(self->queue, &self->waiter);
	object_unref(self->queue);
	free(self);
	if (item.destroy) item.destroy(item.data);
}

static aw_status get_step(aw_resume *resume, void *ud) {
	queue_op *self = ud;
	aw_queue *queue = self->queue;
	item_slot item;
	AW_BEGIN(&self->frame);
	while (!queue->items.count) {
		if (queue->shut) return aw_resume_raise(resume, error_of(AW_EQUEUESHUTDOWN));
		if (wait_queue_join(&queue->getters, &self->waiter, &get_wait_kind, queue, queue->loop) < 0)
			return -ENOMEM;
		AW_AWAIT(&self->frame, resume, self->waiter.wakeup);
		if (aw_resume_status(resume) < 0) {
			get_abandon(queue, &self->waiter);
			return wait_queue_raise(resume);
		}
		wait_queue_leave(&self->waiter);
	}
	AW_END(&self->frame);
	aw_status status = get_now(queue, &item);
	if (status < 0) return aw_resume_raise(resume, error_of(status));
	return aw_resume_return(resume, item.data, item.destroy);
}

static void get_destroy(void *ud) {
	queue_op *self = ud;
	get_abandon(self->queue, &self->waiter);
	object_unref(self->queue);
	free(self);
}

static aw_status join_step(aw_resume *resume, void *ud) {
	queue_op *self = ud;
	AW_BEGIN(&self->frame);
	if (!self->queue->unfinished) return 0;
	if (aw_event_wait_coro(self->queue->finished, &self->inner) < 0) return -ENOMEM;
	AW_AWAIT_CORO(&self->frame, resume, self->inner);
	if (aw_resume_status(resume) < 0) return wait_queue_raise(resume);
	AW_END(&self->frame);
	return 0;
}

static void join_destroy(void *ud) {
	queue_op *self = ud;
	if (self->inner) object_unref(self->inner);
	object_unref(self->queue);
	free(self);
}

static aw_status queue_op_new(aw_queue *queue, aw_step_fn step, aw_destroy_fn destroy, const void *origin,
                              queue_op **out_self, aw_coro **out) {
	aw_status status = queue_check(queue);
	if (status < 0) return status;
	if (!out) return -EINVAL;
	status = coro_internal_from(origin, queue->loop, step, sizeof **out_self, destroy, out_self, out);
	if (status == 0) (*out_self)->queue = object_ref(queue);
	return status;
}

ENTRY(aw_queue_put_coro, (aw_queue *queue, void *item, aw_destroy_fn destroy, aw_coro **out),
      (queue, item, destroy, out)) {
	queue_op *self;
	aw_status status = queue_op_new(queue, put_step, put_destroy, CALLER, &self, out);
	if (status == 0) self->item = (item_slot){item, destroy};
	return status;
}

ENTRY(aw_queue_get_coro, (aw_queue *queue, aw_coro **out), (queue, out)) {
	queue_op *self;
	return queue_op_new(queue, get_step, get_destroy, CALLER, &self, out);
}

ENTRY(aw_queue_join_coro, (aw_queue *queue, aw_coro **out), (queue, out)) {
	queue_op *self;
	return queue_op_new(queue, join_step, join_destroy, CALLER, &self, out);
}

/* --- put, get and join in stackful tasks --- */

static aw_status put_checked(aw_queue *queue, void *item, aw_destroy_fn destroy) {
	aw_status status = queue_check(queue);
	if (status < 0) return status;
	bool compares = queue->items.order == ITEMS_PRIORITY;
	if (compares) object_ref(queue); /* the comparison may drop the last reference */
	status = put_now(queue, item, destroy);
	if (compares) object_unref(queue);
	return status;
}

static aw_status get_checked(aw_queue *queue, void **out, aw_destroy_fn *out_destroy) {
	aw_status status = queue_check(queue);
	if (status < 0) return status;
	if (!out) return -EINVAL;
	item_slot item;
	bool compares = queue->items.order == ITEMS_PRIORITY;
	if (compares) object_ref(queue);
	status = get_now(queue, &item);
	if (compares) object_unref(queue);
	if (status < 0) return status;
	*out = item.data;
	if (out_destroy) *out_destroy = item.destroy;
	return 0;
}

aw_status aw_queue_put(aw_queue *queue, void *item, aw_destroy_fn destroy) {
	const aw_resume *resume = stackful_here();
	if (!resume) return AW_ENOTASK;
	aw_status status = put_checked(queue, item, destroy);
	if (status != AW_EQUEUEFULL) return await_ended(resume, status);
	waiter waiting = {0};
	object_ref(queue);
	do {
		status = wait_queue_wait(&queue->putters, &waiting, &put_wait_kind, queue, queue->loop);
		if (status < 0) {
			put_abandon(queue, &waiting);
			break;
		}
		wait_queue_leave(&waiting);
		status = put_now(queue, item, destroy);
		if (status < 0 && status != AW_EQUEUEFULL) failed(status);
	} while (status == AW_EQUEUEFULL);
	object_unref(queue);
	return status;
}

aw_status aw_queue_get(aw_queue *queue, void **out, aw_destroy_fn *out_destroy) {
	const aw_resume *resume = stackful_here();
	if (!resume) return AW_ENOTASK;
	aw_status status = get_checked(queue, out, out_destroy);
	if (status != AW_EQUEUEEMPTY) return await_ended(resume, status);
	waiter waiting = {0};
	item_slot item;
	object_ref(queue);
	do {
		status = wait_queue_wait(&queue->getters, &waiting, &get_wait_kind, queue, queue->loop);
		if (status < 0) {
			get_abandon(queue, &waiting);
			break;
		}
		wait_queue_leave(&waiting);
		status = get_now(queue, &item);
		if (status < 0 && status != AW_EQUEUEEMPTY) failed(status);
	} while (status == AW_EQUEUEEMPTY);
	object_unref(queue);
	if (status < 0) return status;
	*out = item.data;
	if (out_destroy) *out_destroy = item.destroy;
	return 0;
}

aw_status aw_queue_join(aw_queue *queue) {
	const aw_resume *resume = stackful_here();
	if (!resume) return AW_ENOTASK;
	if (queue_is(queue) && !queue->unfinished) return await_ended(resume, 0);
	return AWAIT_CORO(NULL, aw_queue_join_coro, queue);
}

/* --- non-blocking calls --- */

ENTRY(aw_queue_put_nowait, (aw_queue *queue, void *item, aw_destroy_fn destroy), (queue, item, destroy)) {
	return put_checked(queue, item, destroy);
}

ENTRY(aw_queue_get_nowait, (aw_queue *queue, void **out, aw_destroy_fn *out_destroy), (queue, out,
                            out_destroy)) {
	return get_checked(queue, out, out_destroy);
}

ENTRY(aw_queue_task_done, (aw_queue *queue), (queue)) {
	aw_status status = queue_check(queue);
	if (status < 0) return status;
	if (queue->unfinished <= 0) return -EINVAL;
	if (--queue->unfinished == 0) aw_event_set(queue->finished);
	return 0;
}

ENTRY(aw_queue_shutdown, (aw_queue *queue, aw_bool immediate), (queue, immediate)) {
	aw_status status = queue_check(queue);
	if (status < 0) return status;
	object_ref(queue); /* an item's destroy may drop the last reference */
	queue->shut = true;
	while (immediate && queue->items.count) {
		item_slot item = items_take(&queue->items);
		object_destroy_user(item.destroy, item.data);
		if (queue->unfinished > 0) queue->unfinished--;
	}
	if (immediate && !queue->unfinished) aw_event_set(queue->finished);
	while (wait_queue_pop_next(&queue->getters)) continue;
	while (wait_queue_pop_next(&queue->putters)) continue;
	object_unref(queue);
	return 0;
}

/* --- creation and release --- */

static aw_status queue_create(aw_loop *loop, int64_t maxsize, items empty, const void *origin,
                              aw_queue **out) {
	aw_status status = loop_resolve(&loop);
	aw_event *finished = NULL;
	if (status == 0 && !out) status = -EINVAL;
	if (status == 0) status = aw_event_new(loop, &finished);
	aw_queue *self = status < 0 ? NULL : object_new(&loop->domain, &queue_class);
	if (!self) {
		items_free(&empty);
		aw_event_unref(finished);
		return status < 0 ? status : -ENOMEM;
	}
	aw_event_set(finished);
	self->loop = loop;
	self->maxsize = maxsize > 0 ? maxsize : 0;
	self->items = empty;
	self->finished = object_keep(finished);
	event_set_owner(finished, &join_wait_kind, self);
	*out = object_hand_out(self, origin);
	return 0;
}

ENTRY(aw_queue_new, (aw_loop *loop, int64_t maxsize, aw_queue **out), (loop, maxsize, out)) {
	return queue_create(loop, maxsize, (items){.order = ITEMS_FIFO}, CALLER, out);
}

ENTRY(aw_queue_new_lifo, (aw_loop *loop, int64_t maxsize, aw_queue **out), (loop, maxsize, out)) {
	return queue_create(loop, maxsize, (items){.order = ITEMS_LIFO}, CALLER, out);
}

ENTRY(aw_queue_new_priority, (aw_loop *loop, int64_t maxsize, aw_compare_fn fn, void *ud,
                              aw_destroy_fn destroy, aw_queue **out),
      (loop, maxsize, fn, ud, destroy, out)) {
	if (!fn) {
		object_destroy_user(destroy, ud);
		return -EINVAL;
	}
	return queue_create(loop, maxsize,
	                    (items){.order = ITEMS_PRIORITY, .compare = fn, .ud = ud, .destroy = destroy}, CALLER,
	                    out);
}

REFERENCES(aw_queue, queue_is(self))

size_t aw_queue_qsize(const aw_queue *queue) {
	return queue_is(queue) ? queue->items.count : 0;
}

int64_t aw_queue_maxsize(const aw_queue *queue) {
	return queue_is(queue) ? queue->maxsize : 0;
}

aw_bool aw_queue_empty(const aw_queue *queue) {
	return queue_is(queue) && !queue->items.count;
}

aw_bool aw_queue_full(const aw_queue *queue) {
	return queue_is(queue) && is_full(queue);
}
