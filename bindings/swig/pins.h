/* SPDX-License-Identifier: MIT */
/*
 * A host object that C refers to is held by a pin, and C gets the pin's address as `ud` or as a value. Pins
 * are allocated in chunks that are never freed, so an address is a pin's if it is in a chunk. That
 * distinguishes the host's values from values made by C code.
 *
 * Included once by each host, after its `pin`, which has `kind` (PIN_FREE: none), `owner` and `next` (while
 * it is free), and a PINS_CALLOC.
 */
#ifndef SWIG_PINS_H
#define SWIG_PINS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { PIN_CHUNKS = 24, PIN_CHUNK_FIRST = 256 };

static struct {
	pin *chunks[PIN_CHUNKS]; /* the n-th has PIN_CHUNK_FIRST << n */
	pin *free;
} pins;

static size_t pins_in_chunk(int index) {
	return (size_t)PIN_CHUNK_FIRST << index;
}

static bool pins_grow(void) {
	int index = 0;
	while (index < PIN_CHUNKS && pins.chunks[index]) index++;
	pin *chunk = index < PIN_CHUNKS ? PINS_CALLOC(pins_in_chunk(index), sizeof *chunk) : NULL;
	if (!chunk) return false;
	for (size_t at = pins_in_chunk(index); at-- > 0;) {
		chunk[at].next = pins.free;
		pins.free = &chunk[at];
	}
	pins.chunks[index] = chunk;
	return true;
}

/* A free pin, which the caller fills in, or NULL if out of memory. */
static pin *pin_take(void) {
	if (!pins.free && !pins_grow()) return NULL;
	pin *self = pins.free;
	pins.free = self->next;
	return self;
}

/* Returns the pin to the free list. */
static void pin_put(pin *self) {
	*self = (pin){.kind = PIN_FREE, .next = pins.free};
	pins.free = self;
}

/* The pin at this address, or NULL. */
static pin *pin_at(const void *address) {
	uintptr_t where = (uintptr_t)address;
	for (int i = 0; i < PIN_CHUNKS && pins.chunks[i]; i++) {
		uintptr_t first = (uintptr_t)pins.chunks[i];
		if (where < first || where - first >= pins_in_chunk(i) * sizeof(pin)) continue;
		pin *self = &pins.chunks[i][(where - first) / sizeof(pin)];
		return self->kind == PIN_FREE ? NULL : self;
	}
	return NULL;
}

/* Calls `see` for each pin of a kind until it returns false. */
static void pins_each(enum pin_kind kind, bool (*see)(pin *self, void *arg), void *arg) {
	for (int i = 0; i < PIN_CHUNKS && pins.chunks[i]; i++)
		for (size_t at = 0; at < pins_in_chunk(i); at++)
			if (pins.chunks[i][at].kind == kind && !see(&pins.chunks[i][at], arg)) return;
}

static bool pin_has_other_owner(pin *self, void *arg) {
	const void **owner = arg;
	if (self->owner != *owner) return true;
	*owner = NULL;
	return false;
}

/* Whether there is a pin of a kind that this loop owns. */
static bool pins_owned(enum pin_kind kind, const void *owner) {
	const void *found = owner;
	pins_each(kind, pin_has_other_owner, &found);
	return !found;
}

#endif
