/* SPDX-License-Identifier: MIT */
/*
 * A pool of coroutine stacks, each with a guard at its low end. One pool serves one thread.
 *
 * Only touched pages use memory, so a sleeping coroutine costs its top page. To save kernel mappings, many
 * stacks share one mapping; it stays a single one if the kernel supports guards within a mapping (Linux
 * 6.13).
 */
#ifndef CORE_STACK_H
#define CORE_STACK_H

#include "list.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { STACK_MIN = 16 * 1024, STACK_OWNER_NAME = 64 };

/* At the top of the stack's own memory: in a page that is touched anyway, and out of reach of an overflow. */
typedef struct stack {
	char *base; /* the lowest usable byte; the guard is below it */
	/* usable bytes: the first frame starts at base + size, 64-byte aligned */
	size_t size;
	size_t whole;           /* the requested size, including this descriptor */
	const char *owner_name; /* for an overflow report; borrowed. NULL when taken */
	struct stack *next;     /* the next free stack */
	struct stack_slab *slab;
	uint32_t index; /* in the slab */
	unsigned valgrind_id;
	bool is_live; /* taken */
} stack;

typedef struct stack_pool {
	size_t size;       /* of new stacks */
	stack *hot;        /* free stacks that keep their memory, most recently freed first */
	stack *aside;      /* those that stack_pool_set_aside() took from `hot` */
	size_t hot_count;  /* of both */
	size_t live_count; /* stacks in use */
	/* a freed stack is quarantined: inaccessible until it is reused (debug mode) */
	bool is_closing;
	LIST(struct stack_slab) slabs; /* slabs with free stacks are at the front */
	/* an entirely free slab, kept to avoid repeated mapping and unmapping */
	struct stack_slab *spare;
	struct stack_slab *spare_aside; /* the same, if it has not been used since stack_pool_set_aside() */
	uint32_t slab_count;            /* stacks of the next slab */
	bool on_valgrind, on_memcheck;
} stack_pool;

/*
 * `size` is in bytes, at least STACK_MIN, rounded up to pages. Allocates nothing yet. Returns 0, or -EINVAL
 * if the size is absurd.
 */
int stack_pool_init(stack_pool *pool, size_t size);
/* Sets the size of new stacks; existing ones keep theirs. Returns 0, or -EINVAL and changes nothing. */
int stack_pool_resize(stack_pool *pool, size_t size);
/*
 * Sets the free stacks aside: they are used when nothing else is free. What stack_pool_trim() finds there was
 * not needed in between. Requires that none are aside.
 */
void stack_pool_set_aside(stack_pool *pool);
/* Returns the memory of the stacks that are aside to the kernel. */
void stack_pool_trim(stack_pool *pool);
/* Unmaps all slabs. A slab with a stack still in use stays mapped. */
void stack_pool_destroy(stack_pool *pool);

/* Returns NULL if memory, address space or mappings run out. */
stack *stack_take(stack_pool *pool);
/* Frees a stack. Nothing may run on it or point into it. */
void stack_give(stack_pool *pool, stack *s);

/* Frees the slab descriptors. No pool may exist and no signal handler may be running. */
void stack_slabs_free(void);

/* Returns the live stack, of any thread, whose guard contains the address, or NULL. Async-signal-safe. */
const stack *stack_find(const void *address);
/*
 * If the address is in a quarantined stack, returns the name of its last owner, "" if it had none; else NULL.
 * Async-signal-safe.
 */
const char *stack_find_closed(const void *address);

#endif
