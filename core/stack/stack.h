/* SPDX-License-Identifier: MIT */
/*
 * Stacks for coroutines: guarded at the low end, taken from a pool, and given back to it. One pool serves one
 * thread.
 *
 * Only what a coroutine touches is memory: a sleeping one costs the top page. The kernel's count of mappings
 * is spared too: many stacks lie in one mapping, and where the kernel knows guards within a mapping (Linux
 * 6.13), it stays one.
 */
#ifndef CORE_STACK_H
#define CORE_STACK_H

#include "list.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { STACK_MIN = 16 * 1024, STACK_OWNER_NAME = 64 };

/*
 * Lies at the top of the stack's own memory: in the page that is touched anyway, and out of an overflow's
 * way.
 */
typedef struct stack {
	char *base; /* the lowest usable byte; the guard lies below it */
	/* usable bytes from there: base + size is where the first frame begins, 64-byte aligned */
	size_t size;
	size_t whole;           /* the size that was asked for; this descriptor takes the difference */
	const char *owner_name; /* whom the report of an overflow names; borrowed. NULL when taken */
	struct stack *next;     /* the next free one */
	struct stack_slab *slab;
	uint32_t index; /* its place in the slab */
	unsigned valgrind_id;
	bool is_live; /* taken */
} stack;

typedef struct stack_pool {
	size_t size; /* of the stacks taken from now on */
	stack *hot;  /* free ones that keep their memory, the last given first */
	size_t hot_count;
	size_t live_count; /* taken and not given back */
	/* a stack given back is made inaccessible until it is taken again (debug mode) */
	bool is_closing;
	LIST(struct stack_slab) slabs; /* those with stacks to take in front */
	/* one that is wholly free, kept so that a number that sways does not map and unmap */
	struct stack_slab *spare;
	uint32_t slab_count; /* stacks of the next slab */
	bool on_valgrind;
} stack_pool;

/*
 * `size` is in bytes, rounded up to pages, STACK_MIN at least. No memory is taken yet. 0, or -EINVAL for an
 * absurd size.
 */
int stack_pool_init(stack_pool *pool, size_t size);
/* The size of stacks taken from now on; those that live keep theirs. 0, or -EINVAL, and nothing changed. */
int stack_pool_resize(stack_pool *pool, size_t size);
/* Unmaps everything. All stacks are back: the memory of one that is not stays mapped. */
void stack_pool_destroy(stack_pool *pool);

/* NULL when there is no memory, no address space, or no mapping left. */
stack *stack_take(stack_pool *pool);
/* Nothing runs on it any more, and nothing points into it. */
void stack_give(stack_pool *pool, stack *s);

/* Frees what describes slabs: no pool is left, and no signal handler runs. */
void stack_slabs_free(void);

/* The live stack of any thread whose guard holds this address, or NULL. Safe in a signal handler. */
const stack *stack_find(const void *address);
/*
 * Whose stack this address was in, if that is closed now: a name, or "" for one that had none; else NULL.
 * Likewise.
 */
const char *stack_find_closed(const void *address);

#endif
