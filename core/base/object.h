/* SPDX-License-Identifier: MIT */
/*
 * What every handle shares: its class, which also tells a live handle from a stale one; its reference count,
 * which any thread may drop; and its domain, the thread-like thing (a loop) on which it is released.
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
	size_t size; /* of the whole object, 0 if each tells its own (object_new_sized) */
	/* The last reference went: let go of what it holds, then object_free(). The count is 1 meanwhile. */
	void (*release)(object *self);
	const struct object_future *future; /* of the classes of futures; NULL for others */
} object_class;

/* What a report tells of a future. Reports are made below futures. */
typedef struct object_future {
	const void *(*origin)(const object *self);    /* the code that made it, or NULL */
	const char *(*task_name)(const object *self); /* NULL: not a task */
} object_future;

struct object {
	const object_class *class; /* NULL in freed memory */
	domain *domain;
	union {
		/* no reference is left: link in domain.dead, or in the thread's list of deferred releases */
		object *dead;
		uintptr_t
			/*
			 * before that, in debug mode: who counts the caller's references (tally.h), marked by its lowest
			 * bit
			 */
			tally;
	};
	_Atomic uint32_t refs;
	uint32_t size; /* and OBJECT_GONE */
};

/* home: which thread may release objects at once. ANY: closed, or without a loop: every thread may. */
#define DOMAIN_ANY ((uintptr_t)0)

struct domain {
	_Atomic uintptr_t home;
	_Atomic(object *) dead; /* released elsewhere, waiting for the home thread */
	/* foreign threads between a look at `home` and their wake: closing waits for them */
	_Atomic uint32_t pins;
	_Atomic int64_t live;       /* objects; written by home alone until the domain is closed */
	slab_cache slabs;           /* home's alone; unused once closed */
	void (*wake)(domain *self); /* something was put on `dead` */
	void (*gone)(domain *self); /* closed, and the last object is freed */
	/* tells the handler; false: not now. May be NULL */
	bool (*report)(domain *self, const char *message, const void *origin);
	domain *next, *previous; /* in the list of all */
};

/* Objects without a loop: errors of no loop, options, lists. */
extern domain domain_none;

void domain_open(domain *self, uintptr_t home, void (*wake)(domain *), void (*gone)(domain *));
/* From now on any thread may release. The domain's own share of `live` is given up: `gone` may run inside. */
void domain_close(domain *self);
/* Brackets a foreign thread's use of the domain, so that it can't be closed and freed in between. */
static inline void domain_pin(domain *self) {
	atomic_fetch_add(&self->pins, 1);
}
static inline void domain_unpin(domain *self) {
	atomic_fetch_sub_explicit(&self->pins, 1, memory_order_release);
}
/* Releases what other threads have let go of. On the home thread. */
void domain_sweep(domain *self);

/* A new object with one reference, zeroed, or NULL. On the home thread, or for domain_none on any. */
void *object_new(domain *where, const object_class *class);
void *object_new_sized(domain *where, const object_class *class, size_t size);
/* An object made on a foreign thread, to be counted by object_adopt() when it reaches home. */
void *object_new_foreign(domain *where, const object_class *class);
void object_adopt(object *self);
/* Ends `release`. */
void object_free(object *self);
/* The last reference went. */
void object_dead(object *self);
/*
 * Objects that die between the two are released by the second, so that no user code runs in between. The
 * calls nest.
 */
void object_hold_releases(void);
void object_let_releases(void);
/*
 * Brackets arbitrary work, such as an iteration of a loop, that may run inside a release: what dies inside is
 * released inside, however deep the surrounding releases are nested.
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
	/* Alone, nobody can take another reference: the locked subtraction is not needed. */
	if (atomic_load_explicit(&self->refs, memory_order_acquire) == 1 ||
	    atomic_fetch_sub_explicit(&self->refs, 1, memory_order_acq_rel) == 1)
		object_dead(self);
}

/* Who watches references apart from the library itself: debug mode, ThreadSanitizer. Nobody: one branch. */
enum { WATCHED_TALLY = 1, WATCHED_TSAN = 2 };
/* in object.tally: made while counting was on; without a record nobody holds a reference */
enum { OBJECT_COUNTED = 1 };
/*
 * In object.size, while counting is on: the last reference went. The tally gives way to a link then, and
 * can't say so.
 */
#define OBJECT_GONE (UINT32_C(1) << 31)
extern _Atomic uint8_t object_watched;
void object_hand_out_watched(object *self, const void *origin);
void object_keep_watched(object *self);
bool object_give_back_watched(object *self);
void object_revive_watched(object *self);

static inline void object_count(object *self) {
	if (atomic_load_explicit(&object_watched, memory_order_relaxed) & WATCHED_TALLY)
		self->tally = OBJECT_COUNTED;
}

/* The caller of the exported function that this stands in gets a reference, which was made before. */
static inline void *object_hand_out(void *handle, const void *origin) {
	if (atomic_load_explicit(&object_watched, memory_order_relaxed)) object_hand_out_watched(handle, origin);
	return handle;
}

/* The library keeps for itself a reference that one of its own exported functions has handed out. */
static inline void *object_keep(void *handle) {
	if (atomic_load_explicit(&object_watched, memory_order_relaxed)) object_keep_watched(handle);
	return handle;
}

/* The caller takes one more reference. */
static inline void *object_ref_held(void *handle) {
	return object_hand_out(object_ref(handle), NULL);
}

/*
 * The caller gives one reference back: refused in debug mode if it has none, since that one would be the
 * library's.
 */
static inline void object_unref_held(void *handle) {
	if (atomic_load_explicit(&object_watched, memory_order_relaxed) && !object_give_back_watched(handle))
		return;
	object_unref(handle);
}

/*
 * Defines the public pair of a type: `is_one` says of `self` whether it is a live handle of that type. A
 * handle that is not is left alone.
 */
#define REFERENCES(type, is_one)                      \
	type *type##_ref(type *self) {                    \
		return is_one ? object_ref_held(self) : self; \
	}                                                 \
	void type##_unref(type *self) {                   \
		if (is_one) object_unref_held(self);          \
	}

/*
 * Ends the reference that stands for the release. True: user code that ran in it took one, so the object
 * lives on.
 */
static inline bool object_was_kept(object *self) {
	if (atomic_load_explicit(&object_watched, memory_order_relaxed) &&
	    atomic_load_explicit(&self->refs, memory_order_relaxed) > 1)
		object_revive_watched(self);
	return atomic_fetch_sub(&self->refs, 1) != 1;
}

static inline bool object_is(const void *handle, const object_class *class) {
	return handle && ((const object *)handle)->class == class;
}

/* Runs a user's destroy, if there is one, on the thread's own stack. */
void object_destroy_on_thread_stack(aw_destroy_fn destroy, void *ud);
static inline void object_destroy_user(aw_destroy_fn destroy, void *ud) {
	if (destroy) object_destroy_on_thread_stack(destroy, ud);
}

/* One pointer for the host. */
typedef struct host_slot {
	void *data;
	aw_destroy_fn destroy;
} host_slot;

void host_slot_set(host_slot *self, void *data, aw_destroy_fn destroy);

#endif
