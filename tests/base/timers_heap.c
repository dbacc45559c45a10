/* SPDX-License-Identifier: MIT */
/* Labels: internal valgrind */
/* The internal timer heap: random adds, removes and takes, compared with a plain list. */
#include "check.h"
#include "timers.h"

enum { TIMERS = 400, MOVES = 40000 };

static uint64_t random_state;

static uint64_t random_next(void) {
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return random_state;
}

/* The expected first one: the earliest deadline, then the oldest. */
static timer *first_of(timer *all) {
	timer *first = NULL;
	for (int i = 0; i < TIMERS; i++) {
		if (!timer_is_set(&all[i])) continue;
		if (!first || all[i].when < first->when || (all[i].when == first->when && all[i].id < first->id))
			first = &all[i];
	}
	return first;
}

static int is_ordered(const timers *self) {
	size_t cancelled = 0;
	for (size_t i = 0; i < self->count; i++) {
		size_t above = self->is_heap ? (i - (i > 0)) / 4 : i - (i > 0);
		const timers_entry *entries = &self->entries[self->first], *entry = &entries[i],
						   *parent = &entries[above];
		const timer *owner = self->slots[timer_slot(entry->id)].owner;
		cancelled += owner == NULL;
		if (owner && (timer_slot(owner->id) != timer_slot(entry->id) || owner->when < entry->when)) return 0;
		if (i >= self->ordered) {
			if (entry->when < self->new_min) return 0;
		} else if (i &&
		           (parent->when > entry->when || (parent->when == entry->when && parent->id > entry->id))) {
			return 0;
		}
	}
	if (self->count && self->ordered == self->count && self->new_min != INT64_MAX) return 0;
	return cancelled == self->cancelled;
}

static void random_moves_keep_the_order(void) {
	for (uint64_t seed = 1; seed <= 3; seed++) {
		timers self = {0};
		static timer all[TIMERS];
		int wrong = 0;
		size_t set = 0;
		memset(all, 0, sizeof all);
		random_state = seed * UINT64_C(0x9E3779B97F4A7C15);
		for (int move = 0; move < MOVES; move++) {
			timer *one = &all[random_next() % TIMERS];
			unsigned what = (unsigned)(random_next() % 8);
			if (what < 4) {
				/* Few values, so that many are equal. One that is set is moved. */
				set += !timer_is_set(one);
				if (!timers_set(&self, one, (int64_t)(random_next() % 50))) wrong++;
			} else if (what < 7) {
				set -= timer_is_set(one);
				timers_remove(&self, one);
				timers_remove(&self, one);
				wrong += timer_is_set(one);
			} else {
				timer *first = first_of(all);
				int64_t when = first ? first->when : 0;
				wrong += timers_deadline(&self) != (first ? when : INT64_MAX);
				wrong += timers_take_due(&self, when - 1) != NULL;
				wrong += timers_take_due(&self, when) != first;
				set -= first != NULL;
			}
			if (move % 64 == 0) wrong += !is_ordered(&self);
			wrong += self.count - self.cancelled != set;
		}
		EXPECT_INT(wrong, 0);
		while (timers_take_due(&self, INT64_MAX)) continue;
		EXPECT_INT(self.count, 0);
		timers_free(&self);
	}
}

/* The usual case, in which no heap is needed: each limit ends after the ones before it. */
static void limits_in_order_stay_sorted(void) {
	timers self = {0};
	static timer all[TIMERS];
	int wrong = 0, heaps = 0;
	memset(all, 0, sizeof all);
	random_state = 7;
	for (int64_t now = 0; now < MOVES; now++) {
		timer *one = &all[random_next() % TIMERS];
		unsigned what = (unsigned)(random_next() % 8);
		if (what < 5) {
			if (!timer_is_set(one)) wrong += !timers_set(&self, one, now / 3 + 500);
		} else if (what < 7) {
			timers_remove(&self, one);
		}
		timer *first = first_of(all);
		while (first && first->when <= now / 3) {
			wrong += timers_take_due(&self, now / 3) != first;
			first = first_of(all);
		}
		wrong += timers_take_due(&self, now / 3) != NULL;
		if (now % 64 == 0) wrong += !is_ordered(&self);
		heaps += self.is_heap;
		/* Now and then one out of order, and an end of all. */
		if (now % 10000 == 5000) wrong += !timers_set(&self, one, now / 3 + 20);
		if (now % 10000 == 9000)
			for (int i = 0; i < TIMERS; i++) timers_remove(&self, &all[i]);
	}
	EXPECT_INT(wrong, 0);
	EXPECT(heaps > 0 && heaps < MOVES / 4);
	EXPECT(self.capacity <= 4 * TIMERS);
	timers_free(&self);
}

/* The array does not grow while as many leave at its start as come to its end. */
static void a_queue_of_timers_keeps_its_memory(void) {
	timers self = {0};
	static timer all[TIMERS];
	int wrong = 0;
	memset(all, 0, sizeof all);
	for (int i = 0; i < 100 * TIMERS; i++) {
		timer *one = &all[i % TIMERS];
		if (i >= TIMERS && i % 3) wrong += timers_take_due(&self, i - TIMERS) != one;
		if (i >= TIMERS && i % 3 == 0) timers_remove(&self, one);
		wrong += timer_is_set(one);
		wrong += !timers_set(&self, one, i);
	}
	EXPECT_INT(wrong, 0);
	EXPECT_INT(self.count, TIMERS);
	EXPECT(!self.is_heap && self.capacity <= 4 * TIMERS);
	timers_free(&self);
}

static int compare_timers(const void *left, const void *right) {
	const timer *a = *(timer *const *)left, *b = *(timer *const *)right;
	if (a->when != b->when) return a->when < b->when ? -1 : 1;
	return a->id < b->id ? -1 : a->id > b->id;
}

/*
 * Bursts of all sizes and ranges, which are sorted at once, added to a heap or put before limits, with some cancelled and
 * some put off; `first_id` is what has been counted before.
 */
static int bursts_fire_in_order(uint64_t first_id) {
	enum { BURSTS = 200, MOST = 6000, LIMITS = 200 };
	static timer all[MOST], limits[LIMITS];
	static timer *expected[MOST];
	timers self = {0};
	int wrong = 0;
	int64_t now = 0;
	memset(all, 0, sizeof all);
	memset(limits, 0, sizeof limits);
	for (int burst = 0; burst < BURSTS; burst++) {
		int64_t range = (int64_t)1 << random_next() % 40;
		size_t many = random_next() % 4 ? random_next() % 100 : random_next() % MOST, set = 0;
		/* Limits in order, of which the first have passed. */
		if (burst % 3)
			for (int i = 0; i < LIMITS; i++)
				wrong += !timers_set(&self, &limits[i], now + ((int64_t)1 << 50) + i);
		if (burst % 2)
			for (int i = 0; i < LIMITS / 2; i++) timers_remove(&self, &limits[i]);
		for (size_t i = 0; i < many; i++)
			wrong +=
				!timers_set(&self, &all[i], now - range / 8 + (int64_t)(random_next() % (uint64_t)range));
		if (burst == 1 && first_id) self.next_id = first_id;
		for (size_t i = 0; i < many; i++) {
			unsigned what = (unsigned)(random_next() % 10);
			if (what == 0) timers_remove(&self, &all[i]);
			if (what == 1) wrong += !timers_set(&self, &all[i], all[i].when + range / 2);
			if (what == 2) wrong += !timers_set(&self, &all[i], all[i].when - range / 2);
		}
		/* Setting one may have given all others new sequence numbers. */
		for (size_t i = 0; i < many; i++)
			if (timer_is_set(&all[i])) expected[set++] = &all[i];
		qsort(expected, set, sizeof(timer *), compare_timers);
		wrong += !is_ordered(&self);
		wrong += set && timers_bound(&self) > expected[0]->when;
		for (size_t i = 0; i < set; i++) {
			now = expected[i]->when;
			wrong += timers_take_due(&self, now) != expected[i];
			if (i % 500 == 0) wrong += !is_ordered(&self);
		}
	}
	for (int i = 0; i < LIMITS; i++) timers_remove(&self, &limits[i]);
	wrong += self.count != 0;
	if (first_id) wrong += self.next_id >= first_id;
	timers_free(&self);
	return wrong;
}

static void bursts_out_of_order_fire_in_order(void) {
	random_state = 5;
	EXPECT_INT(bursts_fire_in_order(0), 0);
}

static void the_order_survives_the_end_of_the_sequence_numbers(void) {
	random_state = 5;
	EXPECT_INT(bursts_fire_in_order(0 - 100 * TIMER_SEQUENCE_STEP), 0);
}

/* Sleeps of random length, which begin while others end: new ones wait beside a heap. */
static void sleeps_that_overlap_end_in_order(void) {
	timers self = {0};
	static timer all[TIMERS];
	int wrong = 0, heaps = 0, beside = 0;
	memset(all, 0, sizeof all);
	random_state = 3;
	for (int64_t now = 0; now < MOVES / 4; now++) {
		for (int i = 0; i < 3; i++) {
			timer *one = &all[random_next() % TIMERS];
			if (!timer_is_set(one)) wrong += !timers_set(&self, one, now + (int64_t)(random_next() % 200));
		}
		timer *first;
		while (!wrong && (first = first_of(all)) && first->when <= now)
			wrong += timers_take_due(&self, now) != first;
		wrong += timers_take_due(&self, now) != NULL;
		wrong += !is_ordered(&self);
		heaps += self.is_heap;
		beside += self.is_heap && self.ordered < self.count;
	}
	EXPECT_INT(wrong, 0);
	EXPECT(heaps > 0 && beside > 0);
	timers_free(&self);
}

static void equal_deadlines_leave_in_the_order_they_came(void) {
	timers self = {0};
	static timer all[TIMERS];
	int wrong = 0;
	memset(all, 0, sizeof all);
	for (int i = 0; i < TIMERS; i++) wrong += !timers_set(&self, &all[i], 7);
	for (int i = 0; i < TIMERS; i++) wrong += timers_take_due(&self, 7) != &all[i];
	EXPECT_INT(wrong, 0);
	timers_free(&self);
}

/* As many limits that are set and cancelled, with one that stays. */
static void cancelled_timers_and_a_peak_leave_no_memory(void) {
	timers self = {0};
	timer stays = {0};
	static timer all[100 * TIMERS];
	int wrong = !timers_set(&self, &stays, 5);
	memset(all, 0, sizeof all);
	for (int i = 0; i < 100 * TIMERS; i++) wrong += !timers_set(&self, &all[i], i + 10);
	for (int i = 0; i < 100 * TIMERS; i++) timers_remove(&self, &all[i]);
	for (int i = 0; i < 1000 * TIMERS; i++) {
		wrong += !timers_set(&self, &all[i % 2], i + 10);
		timers_remove(&self, &all[i % 2]);
	}
	EXPECT(self.count < 200);
	EXPECT(self.capacity < 1000);
	wrong += timers_take_due(&self, 5) != &stays;
	wrong += timers_deadline(&self) != INT64_MAX;
	EXPECT_INT(self.count, 0);
	EXPECT_INT(wrong, 0);
	timers_free(&self);
}

static void a_timer_that_is_put_off_keeps_its_turn_among_equals(void) {
	timers self = {0};
	timer one = {0}, two = {0}, three = {0};
	EXPECT(timers_set(&self, &one, 1));
	EXPECT(timers_set(&self, &two, 9));
	EXPECT(timers_set(&self, &one, 9));
	EXPECT(timers_set(&self, &three, 9));
	EXPECT_INT(timers_deadline(&self), 9);
	EXPECT(timers_take_due(&self, 9) == &two);
	EXPECT(timers_take_due(&self, 9) == &one);
	EXPECT(timers_take_due(&self, 9) == &three);
	timers_free(&self);
}

static void an_empty_heap_has_no_deadline(void) {
	timers self = {0};
	timer one = {0};
	EXPECT_INT(timers_deadline(&self), INT64_MAX);
	EXPECT(timers_take_due(&self, INT64_MAX) == NULL);
	timers_remove(&self, &one);
	EXPECT(timers_set(&self, &one, INT64_MIN));
	EXPECT_INT(timers_deadline(&self), INT64_MIN);
	EXPECT(timers_take_due(&self, INT64_MIN) == &one);
	timers_free(&self);
	EXPECT_INT(timers_deadline(&self), INT64_MAX);
}

CHECK_MAIN("timers_heap", TEST(random_moves_keep_the_order), TEST(limits_in_order_stay_sorted),
           TEST(a_queue_of_timers_keeps_its_memory), TEST(bursts_out_of_order_fire_in_order),
           TEST(sleeps_that_overlap_end_in_order), TEST(the_order_survives_the_end_of_the_sequence_numbers),
           TEST(equal_deadlines_leave_in_the_order_they_came),
           TEST(cancelled_timers_and_a_peak_leave_no_memory),
           TEST(a_timer_that_is_put_off_keeps_its_turn_among_equals), TEST(an_empty_heap_has_no_deadline))
