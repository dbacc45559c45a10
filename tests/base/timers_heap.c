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
		if (!first || all[i].when < first->when ||
		    (all[i].when == first->when && all[i].sequence < first->sequence))
			first = &all[i];
	}
	return first;
}

static int is_ordered(const timers *self) {
	if (self->is_heap && self->first) return 0;
	size_t cancelled = 0;
	for (size_t i = 0; i < self->count; i++) {
		size_t above = self->is_heap ? (i - (i > 0)) / 4 : i - (i > 0);
		const timers_entry *entry = &self->heap[self->first + i], *parent = &self->heap[self->first + above];
		cancelled += entry->owner == NULL;
		if (entry->owner && (entry->owner->place != self->first + i + 1 || entry->owner->when < entry->when))
			return 0;
		if (i && (parent->when > entry->when ||
		          (parent->when == entry->when && parent->sequence > entry->sequence)))
			return 0;
	}
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
	EXPECT(heaps > MOVES / 4 && heaps < MOVES / 2);
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
           TEST(a_queue_of_timers_keeps_its_memory), TEST(equal_deadlines_leave_in_the_order_they_came),
           TEST(cancelled_timers_and_a_peak_leave_no_memory),
           TEST(a_timer_that_is_put_off_keeps_its_turn_among_equals), TEST(an_empty_heap_has_no_deadline))
