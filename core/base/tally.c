/* SPDX-License-Identifier: MIT */
/*
 * Each object has one record, made when it is first handed out. One mutex guards them all, since this is
 * debug mode.
 *
 * References inside values (of as_completed, of take_result) count as the caller's, since either side may
 * call the destroy function that drops them. An excess unref may therefore go unnoticed while such a value is
 * in transit, but a report is never false.
 */
#include "tally.h"

#include "list.h"
#include "place.h"
#include "tsan.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

typedef struct record {
	struct record *next, *previous;
	object *object;
	const object_class *class;
	const void *origin; /* the code that first received it, or NULL */
	uint64_t number;
	uintptr_t thread; /* of that code */
	uint64_t held;
} record;

_Atomic uint8_t object_watched;

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static LIST(record) records; /* in the order of the first hand-out */
static uint64_t count;

enum { MARK = OBJECT_COUNTED, LINES_MAX = 20 };

static record *record_of(const object *self) {
	return self->tally & MARK ? (record *)(self->tally & ~(uintptr_t)MARK) : NULL;
}

void tally_begin(void) {
	atomic_fetch_or(&object_watched, WATCHED_TALLY);
}

static bool is_counting(void) {
	return atomic_load_explicit(&object_watched, memory_order_relaxed) & WATCHED_TALLY;
}

static record *record_new(object *self, const void *origin) {
	record *new = malloc(sizeof *new);
	if (!new) {
		self->tally = 0; /* no longer counted, so never reported */
		return NULL;
	}
	*new = (record){
		.object = self, .class = self->class, .origin = origin, .number = ++count, .thread = thread_self()};
	list_append(&records, new);
	self->tally = (uintptr_t) new | MARK;
	return new;
}

void object_hand_out_watched(object *self, const void *origin) {
	if (!is_counting()) return;
	pthread_mutex_lock(&mutex);
	record *found = record_of(self);
	/* Ignore objects made before counting began: their references are not known. */
	if (!found && self->tally && !(self->size & OBJECT_GONE)) found = record_new(self, origin);
	if (found) found->held++;
	pthread_mutex_unlock(&mutex);
}

void object_keep_watched(object *self) {
	pthread_mutex_lock(&mutex);
	record *found = record_of(self);
	if (found && found->held) found->held--;
	pthread_mutex_unlock(&mutex);
}

static void print_origin(const void *origin) {
	char place[PLACE_SIZE];
	if (origin) place_of_call(origin, place, sizeof place);
	fprintf(stderr, "%s%s\n", origin ? ", created at " : "", origin ? place : "");
}

static void report_surplus(object *self, const char *kind, const void *origin) {
	char message[96];
	snprintf(message, sizeof message, "one unref too many: the caller holds no reference to this %s", kind);
	domain *where = self->domain;
	if (where->report && where->report(where, message, origin)) return;
	fprintf(stderr, "libawait: %s", message);
	print_origin(origin);
}

/*
 * For an object without a record: whether its references are uncounted. An object in release has only those
 * references that its destroy function took.
 */
static bool is_unknown(const object *self) {
	if (self->size & OBJECT_GONE) return atomic_load_explicit(&self->refs, memory_order_relaxed) > 1;
	return !(self->tally & MARK);
}

static bool give_back(object *self) {
	tsan_release(self);
	pthread_mutex_lock(&mutex);
	record *found = record_of(self);
	bool given = found ? found->held > 0 : is_unknown(self);
	record seen = found ? *found : (record){.class = self->class};
	if (found && given) found->held--;
	pthread_mutex_unlock(&mutex);
	if (!given) report_surplus(self, seen.class->name, seen.origin);
	return given;
}

void object_unref_held_watched(object *self) {
	if (give_back(self)) object_unref(self);
}

void tally_end(object *self) {
	tsan_acquire(self);
	pthread_mutex_lock(&mutex);
	record *found = record_of(self);
	if (found) {
		list_remove(&records, found);
		free(found);
	}
	self->tally = 0;
	if (is_counting()) self->size |= OBJECT_GONE;
	pthread_mutex_unlock(&mutex);
}

void object_revive_watched(object *self) {
	pthread_mutex_lock(&mutex);
	self->tally = 0; /* its holders are unknown now */
	self->size &= ~OBJECT_GONE;
	pthread_mutex_unlock(&mutex);
}

uint64_t tally_mark(void) {
	if (!is_counting()) return 0;
	pthread_mutex_lock(&mutex);
	uint64_t mark = count + 1;
	pthread_mutex_unlock(&mutex);
	return mark;
}

/* --- what is still held --- */

typedef struct group {
	const object_class *class;
	const void *origin;
	uint64_t objects, held;
} group;

static bool is_listed(const record *self, const domain *where, uint64_t mark) {
	if (!self->held) return false;
	if (self->object->domain == where) return true;
	return self->object->domain == &domain_none && self->number >= mark && self->thread == thread_self();
}

/* Adds a record to its group; false if there are too many groups. */
static bool group_add(group *groups, size_t *used, const record *one) {
	size_t at = 0;
	while (at < *used && (groups[at].class != one->class || groups[at].origin != one->origin)) at++;
	if (at == LINES_MAX) return false;
	if (at == *used) groups[(*used)++] = (group){.class = one->class, .origin = one->origin};
	groups[at].objects++;
	groups[at].held += one->held;
	return true;
}

void tally_print_held(const domain *where, uint64_t mark) {
	group groups[LINES_MAX];
	size_t used = 0;
	uint64_t more = 0, all = 0;
	if (!mark) return;
	pthread_mutex_lock(&mutex);
	for (const record *at = records.first; at; at = at->next) {
		if (!is_listed(at, where, mark)) continue;
		all++;
		more += !group_add(groups, &used, at);
	}
	pthread_mutex_unlock(&mutex);
	if (all)
		fprintf(stderr, "libawait: %" PRIu64 " handle%s still held at the end of the run:\n", all,
		        all == 1 ? " is" : "s are");
	for (size_t i = 0; i < used; i++) {
		fprintf(stderr, "libawait:   %" PRIu64 " of kind %s, %" PRIu64 " reference%s", groups[i].objects,
		        groups[i].class->name, groups[i].held, groups[i].held == 1 ? "" : "s");
		print_origin(groups[i].origin);
	}
	if (more) fprintf(stderr, "libawait:   and %" PRIu64 " of other kinds or places\n", more);
}
