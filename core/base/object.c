/* SPDX-License-Identifier: MIT */
/*
 * Reference counting with release on the home thread.
 *
 * Any thread may drop the last reference, but only the domain's home thread may release the object. Other
 * threads push it on the domain's dead list, which the home thread sweeps. Closing the domain replaces the
 * list with a sentinel; from then on any thread releases objects itself.
 *
 * A release drops further references, so a chain of releases can be arbitrarily long. Up to
 * RELEASES_NESTED_MAX releases nest, so that an object's parts are usually released before its own release
 * returns; deeper ones are deferred until the outermost release ends. This bounds the stack depth. The
 * deferred list is linked through the objects, so a release never allocates.
 */
#include "object.h"

#include "list.h"

#include "tally.h"
#include "tsan.h"

#include <await/debug.h>
#include <errno.h>
#include <sched.h>

/* The sentinel in domain.dead once the domain is closed. */
static object dead_closed;

domain domain_none = {.home = DOMAIN_ANY, .dead = &dead_closed};
static LIST(domain) domains; /* guarded by threads_mutex */

static bool domain_is_closed(const domain *self) {
	return atomic_load_explicit(&self->home, memory_order_acquire) == DOMAIN_ANY;
}

void domain_open(domain *self, uintptr_t home, void (*wake)(domain *), void (*gone)(domain *)) {
	atomic_store(&self->home, home);
	atomic_store(&self->dead, NULL);
	atomic_store(&self->live, 1);
	self->wake = wake;
	self->gone = gone;
	pthread_mutex_lock(&threads_mutex);
	list_prepend(&domains, self);
	pthread_mutex_unlock(&threads_mutex);
}

static void domain_leave(domain *self) {
	pthread_mutex_lock(&threads_mutex);
	list_remove(&domains, self);
	pthread_mutex_unlock(&threads_mutex);
	self->gone(self);
}

/* Fits the smallest task stack, 16 KiB. */
enum { RELEASES_NESTED_MAX = 16 };

__attribute__((cold, noinline)) static void defer(releases *here, object *self) {
	self->dead = NULL;
	if (here->first)
		here->last->dead = self;
	else
		here->first = self;
	here->last = self;
}

/*
 * Releases the deferred objects. Objects that a release defers run before the rest, to stay close to
 * depth-first order.
 */
__attribute__((cold, noinline)) static void release_deferred(releases *here) {
	here->depth++;
	for (object *self; (self = here->first);) {
		object *rest = self->dead, *rest_last = here->last;
		here->first = NULL;
		self->class->release(self);
		if (!rest) continue;
		if (here->first)
			here->last->dead = rest;
		else
			here->first = rest;
		here->last = rest_last;
	}
	here->depth--;
}

static inline void release_here(releases *here, object *self) {
	uint32_t depth = here->depth;
	if (depth >= RELEASES_NESTED_MAX) {
		defer(here, self);
		return;
	}
	here->depth = depth + 1;
	self->class->release(self);
	here->depth = depth;
	if (here->first && !depth) release_deferred(here);
}

void object_defer_releases(void) {
	thread_here()->releases.depth += RELEASES_NESTED_MAX;
}

void object_flush_releases(void) {
	releases *here = &thread_here()->releases;
	here->depth -= RELEASES_NESTED_MAX;
	if (here->depth == 0 && here->first) release_deferred(here);
}

static void release_all(object *list) {
	for (object *next; list; list = next) {
		next = list->dead;
		tsan_acquire(list);
		release_here(&thread_here()->releases, list);
	}
}

void domain_close(domain *self) {
	domain_sweep(self);
	slab_empty(&self->slabs);
	atomic_store(&self->home, DOMAIN_ANY);
	object *rest = atomic_exchange(&self->dead, &dead_closed);
	/* a pin lasts only a few instructions */
	while (atomic_load_explicit(&self->pins, memory_order_acquire)) sched_yield();
	release_all(rest);
	if (atomic_fetch_sub(&self->live, 1) == 1) domain_leave(self);
}

void domain_sweep(domain *self) {
	object *first = atomic_load_explicit(&self->dead, memory_order_relaxed);
	if (!first || first == &dead_closed) return;
	release_all(atomic_exchange_explicit(&self->dead, NULL, memory_order_acquire));
}

/* Returns the count before. */
static inline int64_t count_live(domain *self, bool is_closed, int64_t change) {
	if (is_closed) return atomic_fetch_add(&self->live, change);
	/* only the home thread writes: no locked instruction needed */
	int64_t before = atomic_load_explicit(&self->live, memory_order_relaxed);
	atomic_store_explicit(&self->live, before + change, memory_order_relaxed);
	return before;
}

void object_adopt(object *self) {
	count_live(self->domain, domain_is_closed(self->domain), 1);
	self->domain->slabs.slots++; /* which its memory joins when it is freed */
}

static inline void *object_init(void *memory, domain *where, const object_class *class, size_t size) {
	object *self = memory;
	if (!self) return NULL;
	self->class = class;
	self->domain = where;
	self->size = (uint32_t)size;
	atomic_store_explicit(&self->refs, 1, memory_order_relaxed);
	object_count(self);
	return self;
}

static inline void *object_make(domain *where, const object_class *class, size_t size) {
	bool is_closed = domain_is_closed(where);
	object *self = object_init(slab_take_object(is_closed ? NULL : &where->slabs, size), where, class, size);
	if (self) count_live(where, is_closed, 1);
	return self;
}

void *object_new_sized(domain *where, const object_class *class, size_t size) {
	return size < OBJECT_GONE ? object_make(where, class, size) : NULL;
}

void *object_new(domain *where, const object_class *class) {
	return object_make(where, class, class->size);
}

void *object_new_foreign(domain *where, slab_share *share, const object_class *class) {
	return object_init(slab_share_take(share, class->size), where, class, class->size);
}

void object_free(object *self) {
	domain *where = self->domain;
	bool closed = domain_is_closed(where);
	self->class = NULL;
	slab_give_object(closed ? NULL : &where->slabs, self, self->size & ~OBJECT_GONE);
	if (count_live(where, closed, -1) == 1 && closed && where != &domain_none) domain_leave(where);
}

__attribute__((constructor)) static void watch_init(void) {
	if (tsan_is_here()) atomic_fetch_or(&object_watched, WATCHED_TSAN);
}

/* Pushes the object on the domain's dead list; false if the domain is closed. */
static bool dead_push(domain *where, object *self) {
	/* Who finds it closed releases the object here, so it must see what the closing thread wrote. */
	object *first = atomic_load_explicit(&where->dead, memory_order_acquire);
	tsan_release(self);
	do {
		if (first == &dead_closed) return false;
		self->dead = first;
	} while (!atomic_compare_exchange_weak_explicit(&where->dead, &first, self, memory_order_acq_rel,
	                                                memory_order_acquire));
	if (!first) where->wake(where);
	return true;
}

/* Called from a foreign thread; false if the domain has been closed. */
static bool send_home(object *self) {
	domain *where = self->domain;
	domain_pin(where);
	bool taken = dead_push(where, self);
	domain_unpin(where);
	return taken;
}

void object_dead(object *self) {
	if (atomic_load_explicit(&object_watched, memory_order_relaxed)) tally_end(self);
	uintptr_t home = atomic_load_explicit(&self->domain->home, memory_order_acquire);
	/*
	 * A destroy function may take and drop a reference to the dying object, and dropping it must not release
	 * the object again. The count is 0 here if two threads dropped their references at once, so set it back
	 * to 1.
	 */
	atomic_store_explicit(&self->refs, 1, memory_order_relaxed);
	thread *here = (thread *)home; /* usually right; thread_here() costs a call */
	if (home != thread_self()) {
		if (home != DOMAIN_ANY && send_home(self)) return;
		here = thread_here();
	}
	release_here(&here->releases, self);
}

void object_destroy_on_thread_stack(aw_destroy_fn destroy, void *ud) {
	call_on_thread_stack(destroy, ud);
}

void host_slot_set(host_slot *self, void *data, aw_destroy_fn destroy) {
	host_slot old = *self;
	self->data = data;
	self->destroy = destroy;
	object_destroy_user(old.destroy, old.data);
}

int64_t aw_debug_live_handles(void) {
	int64_t count = atomic_load(&domain_none.live);
	pthread_mutex_lock(&threads_mutex);
	for (domain *at = domains.first; at; at = at->next) {
		int64_t live = atomic_load_explicit(&at->live, memory_order_relaxed);
		count += domain_is_closed(at) ? live : live - 1; /* an open domain counts itself */
	}
	pthread_mutex_unlock(&threads_mutex);
	return count;
}
