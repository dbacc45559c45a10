/* SPDX-License-Identifier: MIT */
/* Labels: internal threads valgrind */
/*
 * Internals: memory by size, references that are released on the right thread, and domains that outlive their
 * creators.
 */
#include "object.h"
#include "check.h"

#include <await/debug.h>

typedef struct thing {
	object base;
	int *released;
	uintptr_t *where;
} thing;

static void thing_release(object *base) {
	thing *self = (thing *)(void *)base;
	++*self->released;
	if (self->where) *self->where = thread_self();
	object_free(base);
}

static const object_class thing_class = {.name = "thing", .size = sizeof(thing), .release = thing_release};
static const object_class other_class = {.name = "other", .size = sizeof(thing), .release = thing_release};

typedef struct home {
	domain domain;
	int woken, gone;
} home;

static void home_wake(domain *self) {
	((home *)(void *)self)->woken++;
}

static void home_gone(domain *self) {
	((home *)(void *)self)->gone++;
}

static thing *thing_new(home *where, int *released) {
	thing *self = object_new(&where->domain, &thing_class);
	if (self) self->released = released;
	return self;
}

static void memory_comes_zeroed_and_apart(void) {
	slab_cache cache = {0};
	enum { COUNT = 300 };
	static char *slots[COUNT];
	int wrong = 0;
	for (size_t size = 1; size < 2 * SLAB_LARGEST; size += 37) {
		for (size_t round = 0; round < 2; round++) {
			for (size_t i = 0; i < COUNT; i++) {
				slots[i] = slab_take(&cache, size);
				REQUIRE(slots[i]);
				for (size_t k = 0; k < size; k++) wrong += slots[i][k] != 0;
				wrong += (uintptr_t)slots[i] % sizeof(void *) != 0;
				memset(slots[i], (int)(i | 1), size);
			}
			for (size_t i = 0; i < COUNT; i++) {
				for (size_t k = 0; k < size; k++) wrong += slots[i][k] != (char)(i | 1);
				slab_give(&cache, slots[i], size);
			}
		}
	}
	slab_empty(&cache);
	EXPECT_INT(wrong, 0);
}

static void memory_given_back_is_taken_again(void) {
	slab_cache one = {0}, two = {0};
	void *first = slab_take(&one, 100);
	REQUIRE(first);
	slab_give(&one, first, 100);
	void *second = slab_take(&one, 100);
	REQUIRE(second);
#ifndef __SANITIZE_ADDRESS__
	EXPECT(first == second);
#endif
	slab_give(&one, second, 100);
	slab_empty(&one);
	/* It reaches another cache through the depot. */
	void *third = slab_take(&two, 100);
	REQUIRE(third);
	slab_give(NULL, third, 100);
	slab_empty(&two);
}

/* Of two sizes in one region: pages without a slot in use go back and read as zeros, and the others stay. */
static void memory_that_is_trimmed_is_zero_and_taken_again(void) {
#ifdef __SANITIZE_ADDRESS__
	SKIP("each is a separate allocation");
#else
	enum { COUNT = 4000, SIZE = 100, KEPT = 500 };
	static char *slots[COUNT], *again[COUNT];
	slab_cache cache = {0};
	void *other = slab_take(&cache, 2 * SIZE);
	REQUIRE(other);
	memset(other, 7, 2 * SIZE);
	for (int i = 0; i < COUNT; i++) {
		REQUIRE((slots[i] = slab_take(&cache, SIZE)) != NULL);
		memset(slots[i], 7, SIZE);
	}
	for (int i = 0; i < COUNT; i++)
		if (i != KEPT) slab_give(&cache, slots[i], SIZE);
	int64_t before = cache.slots;
	slab_set_aside(&cache);
	slab_trim(&cache);
	EXPECT(cache.slots < before - COUNT + 2);
	int zero = 0, wrong = 0;
	for (int i = 0; i < COUNT; i++)
		if (i != KEPT) zero += slots[i][SIZE - 1] == 0;
	EXPECT(zero > COUNT / 2);
	for (int i = 0; i < SIZE; i++) wrong += slots[KEPT][i] != 7 || ((char *)other)[i] != 7;
	for (int i = 0; i < COUNT; i++) {
		REQUIRE((again[i] = slab_take(&cache, SIZE)) != NULL);
		for (int k = 0; k < SIZE; k++) wrong += again[i][k] != 0;
		wrong += again[i] == slots[KEPT];
		memset(again[i], 9, SIZE);
	}
	for (int i = 0; i < SIZE; i++) wrong += slots[KEPT][i] != 7 || ((char *)other)[i] != 7;
	EXPECT_INT(wrong, 0);
	for (int i = 0; i < COUNT; i++) slab_give(&cache, again[i], SIZE);
	slab_give(&cache, slots[KEPT], SIZE);
	slab_give(&cache, other, 2 * SIZE);
	/* What is aside is used before the depot is asked, and only what was not needed is given back. */
	slab_set_aside(&cache);
	before = cache.slots;
	void *one = slab_take(&cache, SIZE);
	REQUIRE(one);
	EXPECT_INT(cache.slots, before);
	slab_give(&cache, one, SIZE);
	slab_trim(&cache);
	EXPECT(cache.slots > 0 && cache.slots < before / 10);
	slab_empty(&cache);
#endif
}

static void the_last_reference_at_home_releases_at_once(void) {
	home here = {0};
	int released = 0;
	domain_open(&here.domain, thread_self(), home_wake, home_gone);
	thing *self = thing_new(&here, &released);
	REQUIRE(self);
	EXPECT(object_is(self, &thing_class) && !object_is(self, &other_class) && !object_is(NULL, &thing_class));
	EXPECT(object_ref(self) == self);
	object_unref(self);
	EXPECT_INT(released, 0);
	EXPECT_INT(aw_debug_live_handles(), 1);
	object_unref(self);
	EXPECT_INT(released, 1);
	EXPECT_INT(aw_debug_live_handles(), 0);
	EXPECT_INT(here.woken, 0);
	domain_close(&here.domain);
	EXPECT_INT(here.gone, 1);
}

static void *unref_elsewhere(void *what) {
	object_unref(what);
	return NULL;
}

static void unref_in_thread(void *what) {
	pthread_t other;
	REQUIRE(pthread_create(&other, NULL, unref_elsewhere, what) == 0);
	pthread_join(other, NULL);
}

static void the_last_reference_elsewhere_waits_for_the_sweep(void) {
	home here = {0};
	int released = 0;
	uintptr_t where = 0;
	domain_open(&here.domain, thread_self(), home_wake, home_gone);
	thing *one = thing_new(&here, &released), *two = thing_new(&here, &released);
	REQUIRE(one && two);
	one->where = &where;
	unref_in_thread(one);
	unref_in_thread(two);
	EXPECT_INT(released, 0);
	EXPECT_INT(here.woken, 1); /* only the first of several wakes */
	domain_sweep(&here.domain);
	EXPECT_INT(released, 2);
	EXPECT(where == thread_self());
	domain_sweep(&here.domain);
	EXPECT_INT(released, 2);
	domain_close(&here.domain);
	EXPECT_INT(here.gone, 1);
}

static void closing_sweeps_and_objects_keep_the_domain(void) {
	home here = {0};
	int released = 0;
	domain_open(&here.domain, thread_self(), home_wake, home_gone);
	thing *swept = thing_new(&here, &released), *one = thing_new(&here, &released),
		  *two = thing_new(&here, &released);
	REQUIRE(swept && one && two);
	unref_in_thread(swept);
	domain_close(&here.domain);
	EXPECT_INT(released, 1);
	EXPECT_INT(here.gone, 0);
	EXPECT_INT(aw_debug_live_handles(), 2);
	/* Once it is closed, any thread releases by itself. */
	unref_in_thread(one);
	EXPECT_INT(released, 2);
	EXPECT_INT(here.gone, 0);
	object_unref(two);
	EXPECT_INT(released, 3);
	EXPECT_INT(here.gone, 1);
	EXPECT_INT(aw_debug_live_handles(), 0);
}

static void an_object_made_elsewhere_counts_once_adopted(void) {
	home here = {0};
	int released = 0;
	domain_open(&here.domain, thread_self(), home_wake, home_gone);
	thing *self = object_new_foreign(&here.domain, &(slab_share){0}, &thing_class);
	REQUIRE(self);
	self->released = &released;
	EXPECT_INT(aw_debug_live_handles(), 0);
	object_adopt(&self->base);
	EXPECT_INT(aw_debug_live_handles(), 1);
	object_unref(self);
	EXPECT_INT(aw_debug_live_handles(), 0);
	domain_close(&here.domain);
	EXPECT_INT(here.gone, 1);
}

enum { RACERS = 4, RACES = 2000 };

static void *race(void *things) {
	thing **all = things;
	for (int i = 0; i < RACES; i++) {
		object_ref(all[i]);
		object_unref(all[i]);
		object_unref(all[i]);
	}
	return NULL;
}

static void references_raced_for_end_once(void) {
	home here = {0};
	int released = 0;
	static thing *things[RACES];
	pthread_t threads[RACERS];
	domain_open(&here.domain, thread_self(), home_wake, home_gone);
	for (int i = 0; i < RACES; i++) {
		things[i] = thing_new(&here, &released);
		REQUIRE(things[i]);
		for (int t = 1; t < RACERS; t++) object_ref(things[i]);
	}
	for (int t = 0; t < RACERS; t++) REQUIRE(pthread_create(&threads[t], NULL, race, things) == 0);
	for (int i = 0; i < 100; i++) domain_sweep(&here.domain);
	for (int t = 0; t < RACERS; t++) pthread_join(threads[t], NULL);
	domain_sweep(&here.domain);
	EXPECT_INT(released, RACES);
	domain_close(&here.domain);
	EXPECT_INT(here.gone, 1);
}

static void count_destroy(void *counter) {
	++*(int *)counter;
}

static void a_hosts_slot_destroys_what_it_replaces(void) {
	host_slot slot = {0};
	int one = 0, two = 0;
	host_slot_set(&slot, &one, count_destroy);
	host_slot_set(&slot, &two, count_destroy);
	EXPECT(one == 1 && two == 0);
	host_slot_set(&slot, NULL, NULL);
	EXPECT(one == 1 && two == 1);
}

CHECK_MAIN("object", TEST(memory_comes_zeroed_and_apart), TEST(memory_given_back_is_taken_again),
           TEST(memory_that_is_trimmed_is_zero_and_taken_again),
           TEST(the_last_reference_at_home_releases_at_once),
           TEST(the_last_reference_elsewhere_waits_for_the_sweep),
           TEST(closing_sweeps_and_objects_keep_the_domain),
           TEST(an_object_made_elsewhere_counts_once_adopted), TEST(references_raced_for_end_once),
           TEST(a_hosts_slot_destroys_what_it_replaces))
