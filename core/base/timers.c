/* SPDX-License-Identifier: MIT */
/*
 * Most programs set timers in the order of their deadlines, since they use the same limit again and again. As long as
 * that holds, the array is sorted: a new timer goes to its end and the due ones leave at its front.
 *
 * Timers out of order wait at the end of the array until the first of them may be due, so that one which is cancelled
 * before costs nothing more. If they are many by then, all are sorted by radix. If they are few, the ordered ones
 * become a heap, which a sorted array is already, and they are added to it. A 4-ary heap has half the depth of a binary
 * one, and a node's children share a cache line or two.
 *
 * Most timers are limits that never pass: they are cancelled, or put off again and again. Neither looks for the entry,
 * which is put right when it comes to the top.
 */
#include "timers.h"

#include <stdlib.h>
#include <string.h>

enum { TIMERS_MIN = 64, SORT_MIN = 16 };

/* Without branches, which would be mispredicted half of the time. */
static inline bool before(const timers_entry *a, const timers_entry *b) {
#ifdef __SIZEOF_INT128__
	__extension__ typedef __int128 key;
	key first = (key)a->when * ((key)1 << 64) + (key)a->id;
	key second = (key)b->when * ((key)1 << 64) + (key)b->id;
	return first < second;
#else
	return a->when != b->when ? a->when < b->when : a->id < b->id;
#endif
}

static inline timers_slot *slot_of(const timers *self, const timers_entry *entry) {
	return &self->slots[timer_slot(entry->id)];
}

static inline timers_entry entry_for(const timer *owner) {
	return (timers_entry){owner->when, owner->id};
}

/* --- the heap --- */

/* Puts an entry in the gap at `index`, or above it, but not above `top`. */
static inline void sift_up(timers_entry *heap, size_t index, size_t top, timers_entry entry) {
	while (index > top) {
		size_t parent = (index - 1) / 4;
		if (!before(&entry, &heap[parent])) break;
		heap[index] = heap[parent];
		index = parent;
	}
	heap[index] = entry;
}

static size_t least_of(const timers_entry *heap, size_t first, size_t end) {
	size_t least = first;
	for (size_t i = first + 1; i < end; i++)
		if (before(&heap[i], &heap[least])) least = i;
	return least;
}

/*
 * Puts an entry in the gap at `top`, or below it. It most likely belongs near the bottom, so the gap moves there first,
 * without a look at the entry.
 */
__attribute__((noinline)) static void sift_down(timers_entry *heap, size_t count, size_t top,
                                                timers_entry entry) {
	size_t index = top;
	for (size_t first; (first = index * 4 + 1) < count;) {
		size_t least;
		if (first + 4 <= count) {
			size_t a = first + before(&heap[first + 1], &heap[first]);
			size_t b = first + 2 + before(&heap[first + 3], &heap[first + 2]);
			least = before(&heap[b], &heap[a]) ? b : a;
		} else {
			least = least_of(heap, first, count);
		}
		heap[index] = heap[least];
		index = least;
	}
	sift_up(heap, index, top, entry);
}

/* --- sorting --- */

typedef struct sorting {
	timers_entry *from, *to;
	uint32_t *places; /* of each digit */
	uint64_t least;   /* of all keys; they are compared without what they have in common */
	size_t count;
	unsigned digit_bits;
} sorting;

static inline uint64_t key_of(const timers_entry *entry, bool by_id) {
	return by_id ? entry->id >> TIMER_SLOT_BITS : (uint64_t)entry->when;
}

/* Sorts by one digit; equal ones keep their order. */
static inline void sort_by_digit(sorting *self, bool by_id, unsigned shift, unsigned bits) {
	size_t mask = ((size_t)1 << bits) - 1;
	uint64_t least = self->least;
	memset(self->places, 0, (mask + 1) * sizeof *self->places);
	for (size_t i = 0; i < self->count; i++)
		self->places[(key_of(&self->from[i], by_id) - least) >> shift & mask]++;
	uint32_t place = 0;
	for (size_t i = 0; i <= mask; i++) {
		uint32_t here = self->places[i];
		self->places[i] = place;
		place += here;
	}
	for (size_t i = 0; i < self->count; i++)
		self->to[self->places[(key_of(&self->from[i], by_id) - least) >> shift & mask]++] = self->from[i];
	timers_entry *sorted = self->to;
	self->to = self->from;
	self->from = sorted;
}

static inline void sort_by(sorting *self, bool by_id, uint64_t least, uint64_t range) {
	if (!range) return;
	unsigned width = 64 - (unsigned)__builtin_clzll(range);
	unsigned digits = (width + self->digit_bits - 1) / self->digit_bits;
	unsigned bits = (width + digits - 1) / digits;
	self->least = least;
	for (unsigned shift = 0; shift < width; shift += bits) sort_by_digit(self, by_id, shift, bits);
}

/* False if out of memory. */
__attribute__((noinline)) static bool sort(timers_entry *entries, size_t count) {
	enum { FEW = 256, BITS_FEW = 5, MANY = 2048, BITS = 8, BITS_MANY = 11 };
	int64_t first = entries[0].when, last = first;
	uint64_t least = key_of(entries, true), most = least;
	bool is_in_sequence = true;
	for (size_t i = 1; i < count; i++) {
		uint64_t sequence = key_of(&entries[i], true);
		is_in_sequence &= entries[i - 1].id < entries[i].id;
		first = entries[i].when < first ? entries[i].when : first;
		last = entries[i].when > last ? entries[i].when : last;
		least = sequence < least ? sequence : least;
		most = sequence > most ? sequence : most;
	}
	sorting self = {.from = entries,
	                .count = count,
	                .digit_bits = count < FEW    ? BITS_FEW
	                              : count < MANY ? BITS
	                                             : BITS_MANY};
	timers_entry *other = malloc(count * sizeof *other + (sizeof *self.places << self.digit_bits));
	if (!other) return false;
	self.to = other;
	self.places = (uint32_t *)(void *)(other + count);
	if (!is_in_sequence) sort_by(&self, true, least, most - least);
	sort_by(&self, false, (uint64_t)first, (uint64_t)last - (uint64_t)first);
	if (self.from == other) memcpy(entries, other, count * sizeof *other);
	free(other);
	return true;
}

/* The same without memory, and slower. */
static void heap_sort(timers_entry *entries, size_t count) {
	for (size_t i = (count + 2) / 4; i-- > 0;) sift_down(entries, count, i, entries[i]);
	for (size_t end = count; end-- > 1;) {
		timers_entry last = entries[end];
		entries[end] = entries[0];
		sift_down(entries, end, 0, last);
	}
	for (size_t i = 0; i < count / 2; i++) {
		timers_entry entry = entries[i];
		entries[i] = entries[count - 1 - i];
		entries[count - 1 - i] = entry;
	}
}

/* --- room in the array --- */

static bool resize_entries(timers *self, uint32_t capacity) {
	timers_entry *entries = self->entries ? self->entries - 1 : NULL;
	entries = realloc(entries, ((size_t)capacity + 1) * sizeof *entries);
	if (!entries) return false;
	entries[0] = (timers_entry){INT64_MIN, 0};
	if (!self->entries) {
		self->next_id = TIMER_SEQUENCE_STEP;
		self->new_min = INT64_MAX;
	}
	self->entries = entries + 1;
	return true;
}

static bool grow(timers *self) {
	uint32_t capacity = self->capacity ? self->capacity * 2 : TIMERS_MIN;
	if (capacity > TIMER_SLOT_MAX || !resize_entries(self, capacity)) return false;
	timers_slot *slots = realloc(self->slots, ((size_t)capacity + 1) * sizeof *slots);
	if (!slots) return false;
	self->slots = slots;
	self->capacity = capacity;
	return true;
}

/* Gives back memory that a peak has left. Requires that none is cancelled, and that they are at the array's start. */
static void shrink(timers *self) {
	uint32_t capacity = self->capacity;
	while (capacity > TIMERS_MIN && self->count < capacity / 4) capacity /= 2;
	timers_slot *slots = capacity < self->capacity ? malloc(((size_t)capacity + 1) * sizeof *slots) : NULL;
	if (!slots) return;
	for (uint32_t i = 0; i < self->count; i++) {
		timers_entry *entry = &self->entries[i];
		timer *owner = slot_of(self, entry)->owner;
		slots[i + 1].owner = owner;
		owner->id = (owner->id & ~TIMER_SLOT_MAX) | (i + 1);
		entry->id = (entry->id & ~TIMER_SLOT_MAX) | (i + 1);
	}
	free(self->slots);
	self->slots = slots;
	self->free_slot = 0;
	self->slots_used = self->count;
	self->capacity = capacity;
	(void)resize_entries(self, capacity);
}

static void clear(timers *self) {
	self->count = self->ordered = self->first = self->cancelled = 0;
	self->is_heap = false;
	self->new_min = INT64_MAX;
	self->free_slot = self->slots_used = 0;
}

static inline void free_slot(timers *self, uint32_t slot) {
	self->slots[slot].next_free = self->free_slot;
	self->free_slot = slot;
}

/* Drops the entries of cancelled timers. */
static void drop_cancelled(timers *self) {
	timers_entry *from = self->entries + self->first;
	uint32_t count = 0, ordered = 0;
	int64_t new_min = INT64_MAX;
	if (self->is_heap) self->ordered = 0; /* the heap is none any more */
	for (uint32_t i = 0; i < self->count; i++) {
		if (!slot_of(self, &from[i])->owner) {
			free_slot(self, timer_slot(from[i].id));
			continue;
		}
		if (i < self->ordered)
			ordered++;
		else if (from[i].when < new_min)
			new_min = from[i].when;
		self->entries[count++] = from[i];
	}
	self->count = count;
	self->ordered = ordered;
	self->new_min = new_min;
	self->first = self->cancelled = 0;
	self->is_heap = false;
}

/* Drops the cancelled ones, and the memory that is not needed then. */
__attribute__((noinline)) static void compact(timers *self) {
	if (self->cancelled == self->count)
		clear(self);
	else if (self->cancelled)
		drop_cancelled(self);
	else if (self->entries)
		memmove(self->entries, self->entries + self->first, self->count * sizeof *self->entries);
	self->first = 0;
	shrink(self);
}

/* Makes room for an entry at the end. Can't fail if there is some at the start. */
__attribute__((cold, noinline)) static bool make_room(timers *self) {
	bool is_half_free = self->first > self->capacity / 2;
	if (!is_half_free && grow(self)) return true;
	if (!self->first) return false;
	compact(self);
	return true;
}

/* --- entries --- */

/* The rest of remove_first(): the entry is not counted any more. */
__attribute__((noinline)) static void remove_top(timers *self) {
	timers_entry *entries = self->entries + self->first;
	timers_entry last = entries[self->ordered];
	entries[self->ordered] = entries[self->count]; /* a new one fills the gap */
	if (self->ordered)
		sift_down(entries, self->ordered, 0, last);
	else
		self->is_heap = false;
}

static inline void remove_first(timers *self, uint32_t slot) {
	free_slot(self, slot);
	self->ordered--;
	if (--self->count == 0)
		clear(self);
	else if (self->is_heap)
		remove_top(self);
	else
		self->first++;
}

/* Orders the new ones. */
__attribute__((noinline)) static void order(timers *self) {
	uint32_t added = self->count - self->ordered;
	if (added >= SORT_MIN && added >= self->ordered / 2 && sort(self->entries + self->first, self->count)) {
		self->is_heap = false;
		self->ordered = self->count;
	}
	while (self->ordered < self->count) {
		timers_entry *entries = self->entries + self->first, *end = &entries[self->ordered];
		timers_entry entry = *end;
		self->ordered++;
		if (!self->is_heap) {
			if (self->ordered == 1 || !before(&entry, &end[-1])) continue;
			if (self->first && before(&entry, entries)) {
				/* A short sleep beside long limits: there is room at the front. */
				*end = entries[self->count - 1];
				self->first--;
				entries[-1] = entry;
				continue;
			}
			self->is_heap = true;
		}
		sift_up(entries, self->ordered - 1, 0, entry);
	}
	self->new_min = INT64_MAX;
}

/* Puts the first entry right. False if there is none. */
__attribute__((noinline)) static bool settle(timers *self) {
	while (self->count) {
		if (!self->ordered || self->new_min <= self->entries[self->first].when) order(self);
		timers_entry *first = &self->entries[self->first];
		const timer *owner = slot_of(self, first)->owner;
		if (!owner) {
			self->cancelled--;
			remove_first(self, timer_slot(first->id));
			continue;
		}
		if (owner->id == first->id) return true;
		timers_entry entry = entry_for(owner);
		bool is_full = self->first + self->count == self->capacity;
		if (!self->is_heap && is_full && make_room(self)) continue;
		if (self->is_heap || is_full) {
			self->is_heap = true;
			sift_down(first, self->ordered, 0, entry);
			continue;
		}
		/* To the end, which it most likely is in the order. */
		self->entries[self->first + self->count] = entry;
		self->first++;
		self->ordered--;
		const timers_entry *last = &self->entries[self->first + self->count - 1];
		bool is_last = self->ordered == self->count - 1 && !(self->ordered && before(last, &last[-1]));
		if (is_last)
			self->ordered++;
		else if (entry.when < self->new_min)
			self->new_min = entry.when;
	}
	return false;
}

/* An earlier time for one that is set, without room for another entry. */
__attribute__((cold, noinline)) static void move_in_place(timers *self, timer *what) {
	timers_entry *entries = self->entries + self->first;
	size_t index = 0;
	while (timer_slot(entries[index].id) != timer_slot(what->id)) index++;
	timers_entry entry = entry_for(what);
	if (index < self->ordered) {
		self->is_heap = true;
		sift_up(entries, index, 0, entry);
		return;
	}
	entries[index] = entry;
	if (entry.when < self->new_min) self->new_min = entry.when;
}

/* Gives all timers new sequence numbers in the same order. */
__attribute__((cold, noinline)) static void renumber(timers *self) {
	if (self->cancelled) compact(self);
	timers_entry *entries = self->entries + self->first;
	for (uint32_t i = 0; i < self->count; i++) entries[i] = entry_for(slot_of(self, &entries[i])->owner);
	heap_sort(entries, self->count);
	self->next_id = TIMER_SEQUENCE_STEP;
	for (uint32_t i = 0; i < self->count; i++) {
		entries[i].id = self->next_id | timer_slot(entries[i].id);
		slot_of(self, &entries[i])->owner->id = entries[i].id;
		self->next_id += TIMER_SEQUENCE_STEP;
	}
	self->is_heap = false;
	self->ordered = self->count;
	self->new_min = INT64_MAX;
}

bool timers_set(timers *self, timer *what, int64_t when) {
	if (!what->id && timers_append(self, what, when)) return true;
	if (!self->next_id && self->entries) renumber(self);
	if (timers_put_off(self, what, when)) return true;
	bool has_room = self->first + self->count < self->capacity || make_room(self);
	if (has_room) {
		timers_remove(self, what);
		return timers_append(self, what, when);
	}
	if (!what->id) return false;
	what->when = when;
	what->id = self->next_id | timer_slot(what->id);
	self->next_id += TIMER_SEQUENCE_STEP;
	move_in_place(self, what);
	return true;
}

/* The last entry's timer is not set any more. */
static inline void remove_last(timers *self, uint32_t slot) {
	free_slot(self, slot);
	self->count--;
	if (!self->count) {
		clear(self);
	} else if (self->ordered >= self->count) {
		self->ordered = self->count;
		self->new_min = INT64_MAX;
	}
}

/* Each run of compact() is paid for by the entries that it drops. */
static inline void compact_if_worth(timers *self) {
	if (self->cancelled > self->count - self->count / 4 || (self->count && self->cancelled == self->count))
		compact(self);
}

__attribute__((noinline)) static void strip_first(timers *self) {
	while (self->ordered) {
		const timers_entry *first = &self->entries[self->first];
		if (slot_of(self, first)->owner) break;
		self->cancelled--;
		remove_first(self, timer_slot(first->id));
	}
	compact_if_worth(self);
}

__attribute__((noinline)) static void remove_any(timers *self, uint32_t slot) {
	if (timer_slot(self->entries[self->first + self->count - 1].id) == slot) {
		remove_last(self, slot);
	} else {
		self->slots[slot].owner = NULL;
		self->cancelled++;
	}
	compact_if_worth(self);
}

void timers_remove(timers *self, timer *what) {
	if (!what->id) return;
	uint32_t slot = timer_slot(what->id);
	what->id = 0;
	bool is_first = timer_slot(self->entries[self->first].id) == slot;
	if (!is_first || !self->ordered || self->is_heap) {
		remove_any(self, slot);
		return;
	}
	remove_first(self, slot);
	if (self->cancelled) strip_first(self);
}

timer *timers_take_due(timers *self, int64_t now) {
	if (!self->count) return NULL;
	if (__builtin_expect(self->new_min <= now, 0)) order(self);
	/* If even the first entry's time has not come, it need not be put right. */
	const timers_entry *entry = &self->entries[self->first];
	if (!self->ordered || entry->when > now) return NULL;
	timer *first = slot_of(self, entry)->owner;
	if (__builtin_expect(!first || first->id != entry->id, 0)) {
		if (!settle(self) || self->entries[self->first].when > now) return NULL;
		first = slot_of(self, &self->entries[self->first])->owner;
	}
	uint32_t slot = timer_slot(first->id);
	first->id = 0;
	/* Random access to the owners' memory: the misses overlap. In a heap the ones ahead are good guesses. */
	enum { SLOTS_AHEAD = 16, TIMERS_AHEAD = 8 };
	if (self->ordered > SLOTS_AHEAD) {
		entry = &self->entries[self->first];
		__builtin_prefetch(slot_of(self, &entry[SLOTS_AHEAD]));
		__builtin_prefetch(slot_of(self, &entry[TIMERS_AHEAD])->owner, 1);
	}
	remove_first(self, slot);
	return first;
}

int64_t timers_deadline(timers *self) {
	return settle(self) ? self->entries[self->first].when : INT64_MAX;
}

void timers_trim(timers *self) {
	if (self->capacity > TIMERS_MIN && self->count - self->cancelled < self->capacity / 4) compact(self);
}

void timers_free(timers *self) {
	if (self->entries) free(self->entries - 1);
	free(self->slots);
	*self = (timers){0};
}
