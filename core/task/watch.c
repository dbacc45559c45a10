/* SPDX-License-Identifier: MIT */
/* A future that watches others. A bit in the futures themselves finds duplicates, without building a set. */
#include "watch.h"

#include <errno.h>

void watch_release(aw_future *future) {
	watch *self = (watch *)(void *)future;
	for (size_t i = 0; i < self->count; i++) object_unref(self->nodes[i].child);
}

aw_future *watch_child(const aw_future *future, size_t index) {
	const watch *self = (const watch *)(const void *)future;
	return index < self->count ? self->nodes[index].child : NULL;
}

const future_kind watch_kind = {.release = watch_release, .what = "wait", .child = watch_child};

/* Ends one node. May free the watch. */
static void node_end(watch *self) {
	if (--self->out == 0) loop_remove_closer(self->future.loop, &self->closer);
	object_unref(self);
}

static aw_status node_run(ready_item *item) {
	watch_node *node = container_of(item, watch_node, waiter.item);
	watch *self = node->owner;
	if (!self->stopped && !loop_closing(self->future.loop)) self->child_done(self, node->child);
	future_waiter_end(&node->waiter);
	node_end(self);
	return 0;
}

void watch_stop(watch *self) {
	object_ref(self);
	self->stopped = true;
	for (size_t i = 0; i < self->count && self->out; i++)
		if (future_unwait(self->nodes[i].child, &self->nodes[i].waiter)) node_end(self);
	object_unref(self);
}

static void watch_close(closer *base) {
	watch_stop(container_of(base, watch, closer));
}

void *watch_create(aw_loop *loop, const future_kind *kind, size_t size, size_t count,
                   void (*child_done)(watch *, aw_future *)) {
	if (count > (UINT32_MAX - size) / sizeof(watch_node)) return NULL;
	watch *self = future_create(loop, &future_class, kind, size + count * sizeof(watch_node));
	if (!self) return NULL;
	self->nodes = (watch_node *)(void *)((char *)self + size);
	self->child_done = child_done;
	self->closer.close = watch_close;
	return self;
}

watch *watch_new(aw_loop *loop, size_t count, void (*child_done)(watch *, aw_future *)) {
	return watch_create(loop, &watch_kind, sizeof(watch), count, child_done);
}

void watch_add(watch *self, aw_future *child) {
	watch_node *node = &self->nodes[self->count++];
	*node = (watch_node){.waiter.item.run = node_run, .owner = object_ref(self), .child = object_ref(child)};
	if (self->out++ == 0) loop_add_closer(self->future.loop, &self->closer);
	future_wait(child, &node->waiter);
}

void watch_note(watch *self, aw_future *child) {
	self->nodes[self->count++] = (watch_node){.child = object_ref(child)};
}

void watch_finish(watch *self, aw_future *child) {
	(void)child;
	future_finish(&self->future, NULL, NULL);
}

aw_status watch_check(aw_loop *loop, aw_future *const *futures, size_t count, size_t *out_distinct) {
	if (count && !futures) return -EINVAL;
	size_t distinct = 0;
	for (size_t i = 0; i < count; i++) {
		aw_status status = future_check(futures[i], loop);
		if (status < 0) return status;
	}
	for (size_t i = 0; i < count; i++) {
		distinct += !futures[i]->marked;
		futures[i]->marked = true;
	}
	for (size_t i = 0; i < count; i++) futures[i]->marked = false;
	*out_distinct = distinct;
	return 0;
}

void watch_add_distinct(watch *self, aw_future *const *futures, size_t count) {
	for (size_t i = 0; i < count; i++) {
		if (futures[i]->marked) continue;
		futures[i]->marked = true;
		watch_add(self, futures[i]);
	}
	for (size_t i = 0; i < count; i++) futures[i]->marked = false;
}
