/* SPDX-License-Identifier: MIT */
/*
 * The header of every handle: its class, which also tells a live handle from a stale one; its reference
 * count, which any thread may drop; and its domain, a loop on whose thread the object is released.
 */
#ifndef CORE_OBJECT_H
#define CORE_OBJECT_H

#include "place.h"
#include "slab.h"
#include "threads.h"

#include <await/base.h>
#include <stdatomic.h>
#include <stdbool.h>

typedef struct object object;
typedef struct domain domain;

typedef struct object_class {
	const char *name;
	size_t size; /* of the whole object; 0 if it varies (object_new_sized) */
	/*
	 * Called when the last reference is dropped, with the count at 1. Releases what the object holds, then
	 * calls object_free().
	 */
	void (*release)(object *self);
	const struct object_future *future; /* set for classes of futures; NULL for others */
} object_class;

/*
 * What a report says about a future. A table of functions, because reports are in a lower layer than futures.
 */
typedef struct object_future {
	const void *(*origin)(const object *self);    /* the code that created it, or NULL */
	const char *(*task_name)(const object *self); /* NULL: not a task */
} object_future;

struct object {
	const object_class *class; /* NULL in freed memory */
	domain *domain;
	union {
		/* without references: link in domain.dead or the thread's list of deferred releases */
		object *dead;
		uintptr_t
			/* before that, in debug mode: the record of the caller's references (tally.h), tagged in bit 0 */
			tally;
	};
	_Atomic uint32_t refs;
	uint32_t size; /* and OBJECT_GONE */
};

/*
 * `home` is the thread that may release objects. ANY: the domain is closed or has no loop, so every thread
 * may.
 */
#define DOMAIN_ANY ((uintptr_t)0)

struct domain {
	_Atomic uintptr_t home;
	_Atomic(object *) dead; /* unreferenced by other threads, waiting for the home thread */
	/* foreign threads between reading `home` and their wake; closing waits for them */
	_Atomic uint32_t pins;
	_Atomic int64_t live;       /* objects; only the home thread writes until the domain is closed */
	slab_cache slabs;           /* only for the home thread; unused once closed */
	void (*wake)(domain *self); /* `dead` was empty and has an object now */
	void (*gone)(domain *self); /* closed, and the last object has been freed */
	/* calls the exception handler; returns false if it can't now. May be NULL */
	bool (*report)(domain *self, const char *message, const void *origin);
	domain *next, *previous; /* in the list of all domains */
};

/* The domain of objects without a loop: some errors, options, lists. */
extern domain domain_none;

void domain_open(domain *self, uintptr_t home, void (*wake)(domain *), void (*gone)(domain *));
/*
 * From here on any thread may release objects. Drops the domain's own count in `live`, which may call `gone`.
 */
void domain_close(domain *self);
/* Brackets a foreign thread's use of the domain, so that it can't be closed and freed meanwhile. */
static inline void domain_pin(domain *self) {
	atomic_fetch_add(&self->pins, 1);
}
static inline void domain_unpin(domain *self) {
	atomic_fetch_sub_explicit(&self->pins, 1, memory_order_release);
}
/* Releases the objects on the dead list. Must be called on the home thread. */
void domain_sweep(domain *self);
/* Returns how many free slots the domain's cache has. On the home thread. */
static inline int64_t domain_free_slots(const domain *self) {
	return self->slabs.slots - self->slabs.others - atomic_load_explicit(&self->live, memory_order_relaxed);
}
static inline bool domain_has_dead(const domain *self) {
	return atomic_load_explicit(&self->dead, memory_order_relaxed) != NULL;
}

/*
 * Returns a zeroed object with one reference, or NULL. Must be called on the home thread, except for
 * domain_none.
 */
void *object_new(domain *where, const object_class *class);
void *object_new_sized(domain *where, const object_class *class, size_t size);
/*
 * Makes an object on a foreign thread, in memory of `share`; object_adopt() counts it when it reaches the home
 * thread.
 */
void *object_new_foreign(domain *where, slab_share *share, const object_class *class);
void object_adopt(object *self);
/* The last step of `release`. */
void object_free(object *self);
/* Called when the last reference is dropped. */
void object_dead(object *self);
/*
 * Objects whose last reference is dropped between these two calls are released by the second, so no user code
 * runs in between. Pairs nest.
 */
void object_defer_releases(void);
void object_flush_releases(void);
/*
 * Brackets arbitrary work, such as a loop iteration, that may run inside a release: objects released within
 * are released before it ends, however deep the surrounding releases are nested.
 */
static inline releases object_releases_enter(thread *here) {
	releases outer = here->releases;
	if (outer.depth) here->releases = (releases){0};
	return outer;
}
static inline void object_releases_leave(thread *here, releases outer) {
	if (outer.depth) here->releases = outer;
}

static inline void *object_ref(void *handle) {
	object *self = handle;
	atomic_fetch_add_explicit(&self->refs, 1, memory_order_relaxed);
	return handle;
}

static inline void object_unref(void *handle) {
	object *self = handle;
	/* The only owner needs no locked subtraction: no other thread can take a reference. */
	if (atomic_load_explicit(&self->refs, memory_order_acquire) == 1 ||
	    atomic_fetch_sub_explicit(&self->refs, 1, memory_order_acq_rel) == 1)
		object_dead(self);
}

/* What observes references: debug mode, ThreadSanitizer. With neither, the cost is one branch. */
enum { WATCHED_TALLY = 1, WATCHED_TSAN = 2 };
/* in object.tally: created while counting was on; without a record no caller holds a reference */
enum { OBJECT_COUNTED = 1 };
/*
 * In object.size, while counting is on: no reference is left. The dead link has overwritten the tally, so the
 * flag is kept here.
 */
#define OBJECT_GONE (UINT32_C(1) << 31)
extern PRIVATE_DATA _Atomic uint8_t object_watched;
void object_hand_out_watched(object *self, const void *origin);
void object_keep_watched(object *self);
void object_unref_held_watched(object *self);
void object_revive_watched(object *self);

static inline void object_count(object *self) {
	if (atomic_load_explicit(&object_watched, memory_order_relaxed) & WATCHED_TALLY)
		self->tally = OBJECT_COUNTED;
}

/* Counts an existing reference as handed out to the caller of the exported function. */
static inline void *object_hand_out(void *handle, const void *origin) {
	if (atomic_load_explicit(&object_watched, memory_order_relaxed)) object_hand_out_watched(handle, origin);
	return handle;
}

/* The library keeps a reference that an exported function has handed out. */
static inline void *object_keep(void *handle) {
	if (atomic_load_explicit(&object_watched, memory_order_relaxed)) object_keep_watched(handle);
	return handle;
}

/* Takes another reference for the caller. */
static inline void *object_ref_held(void *handle) {
	return object_hand_out(object_ref(handle), NULL);
}

/*
 * Drops one of the caller's references. In debug mode, refused if the caller has none: it would be the
 * library's.
 */
static inline void object_unref_held(void *handle) {
	if (__builtin_expect(atomic_load_explicit(&object_watched, memory_order_relaxed), 0))
		object_unref_held_watched(handle);
	else
		object_unref(handle);
}

/*
 * The short form of object_new() for hot paths: on the home thread of an open domain, for a class of a fixed size. The
 * caller sets each field after the header, since they are not cleared. Returns NULL if there is more to do, also with
 * references being observed; then call object_new().
 */
static inline void *object_new_short(domain *where, const object_class *class, size_t size) {
	slab_slot *slot = SLAB_PLAIN ? NULL : where->slabs.free[slab_class(size)];
	if (__builtin_expect(!slot || atomic_load_explicit(&object_watched, memory_order_relaxed), 0))
		return NULL;
	where->slabs.free[slab_class(size)] = slot->next;
	__builtin_prefetch(slot->next, 1); /* most likely for the next call: objects die in another order */
	object *self = (object *)(void *)slot;
	self->class = class;
	self->domain = where;
	self->tally = 0;
	atomic_store_explicit(&self->refs, 1, memory_order_relaxed);
	self->size = (uint32_t)size;
	int64_t live = atomic_load_explicit(&where->live, memory_order_relaxed);
	atomic_store_explicit(&where->live, live + 1, memory_order_relaxed);
	return self;
}

/*
 * The short form of dropping the last reference: on the home thread of an open domain, for an object that holds nothing
 * to release. False if there are more references, or if they are observed: then nothing has happened.
 */
static inline bool object_unref_short(object *self, domain *where, size_t size) {
	if (__builtin_expect(atomic_load_explicit(&self->refs, memory_order_acquire) != 1 ||
	                         atomic_load_explicit(&object_watched, memory_order_relaxed),
	                     0))
		return false;
	slab_give_object(&where->slabs, self, size);
	int64_t live = atomic_load_explicit(&where->live, memory_order_relaxed);
	atomic_store_explicit(&where->live, live - 1, memory_order_relaxed);
	return true;
}

/*
 * Defines a type's public ref and unref. `is_one` tests whether `self` is a live handle of that type; any
 * other handle is ignored.
 */
#define REFERENCES(type, is_one)                      \
	type *type##_ref(type *self) {                    \
		return is_one ? object_ref_held(self) : self; \
	}                                                 \
	void type##_unref(type *self) {                   \
		if (is_one) object_unref_held(self);          \
	}

/* Drops the reference held during the release. True: user code took another one, so the object lives on. */
static inline bool object_was_kept(object *self) {
	if (atomic_load_explicit(&object_watched, memory_order_relaxed) &&
	    atomic_load_explicit(&self->refs, memory_order_relaxed) > 1)
		object_revive_watched(self);
	return atomic_fetch_sub(&self->refs, 1) != 1;
}

static inline bool object_is(const void *handle, const object_class *class) {
	return handle && ((const object *)handle)->class == class;
}

/* Runs a user's destroy function on the thread's own stack. */
void object_destroy_on_thread_stack(aw_destroy_fn destroy, void *ud);
static inline void object_destroy_user(aw_destroy_fn destroy, void *ud) {
	if (destroy) object_destroy_on_thread_stack(destroy, ud);
}

/* One pointer that the host may attach. */
typedef struct host_slot {
	void *data;
	aw_destroy_fn destroy;
} host_slot;

void host_slot_set(host_slot *self, void *data, aw_destroy_fn destroy);

#endif
