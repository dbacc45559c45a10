/* SPDX-License-Identifier: MIT */
/*
 * The stack pool. A slab is one mapping of many stacks, each with its guard below it:
 * [guard|stack][guard|stack]...
 *
 * A free stack is hot (in a list through the descriptors, its memory kept) or cold (a bit in its slab, its
 * memory given back). The bit is outside of the stack because a cold one has no memory to hold a link; a
 * stack never used is cold from the start.
 *
 * In debug mode a stack given back is closed: cold, and inaccessible. Those that were never closed are taken
 * first, and of the others the one that has been closed longest, or nearly, so that whoever still writes
 * there is found.
 */
#include "stack.h"

#include "sanitize.h"

#include <assert.h>
#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#ifndef MADV_GUARD_INSTALL
#define MADV_GUARD_INSTALL 102 /* Linux 6.13 */
#endif
#ifndef MADV_GUARD_REMOVE
#define MADV_GUARD_REMOVE 103
#endif

enum {
	COUNT_FIRST = 16, /* stacks of a pool's first slab: a small program stays small */
	COUNT_MAX = 1024, /* a million stacks are a thousand slabs */
	WORDS = COUNT_MAX / 64,
	HOT_FEW = 1024,  /* hot stacks that are kept however few are live... */
	HOT_PART = 8,    /* ...and one for each so many of these, so that tasks may come and go in bursts */
	COLOURS = 16,    /* see stack_heat */
	DESCRIPTOR = 64, /* bytes at the top of a stack */
	GUARD_MIN = 16 * 1024,
	GUARD_MAX = 64 * 1024,
	/*
	 * stacks of a first slab whose stacks are closed, so that a small program does not take them again at
	 * once
	 */
	CLOSED_FEW = 128,
};
#define SLAB_BYTES_MAX ((size_t)1 << 30)

static_assert(sizeof(stack) <= DESCRIPTOR, "a stack's descriptor must fit in its place");

typedef enum slab_guard {
	GUARD_INSTALLED, /* within the mapping: costs nothing but the call */
	GUARD_PROTECTED, /* each one splits the mapping: vm.max_map_count allows about 32,000 */
} slab_guard;

typedef struct stack_owner {
	char name[STACK_OWNER_NAME];
} stack_owner;

/* Once made it is not freed but used again, since a signal handler may be reading it. */
typedef struct stack_slab {
	_Atomic(char *) memory; /* NULL: nothing is mapped. All of the geometry is written before it */
	atomic_bool is_owned;   /* by a pool */
	struct stack_slab *known_next;
	struct stack_slab *next, *previous; /* in its pool */
	size_t size, guard;                 /* of each stack */
	uint32_t count, cold_count;
	slab_guard guard_kind;
	uint64_t cold[WORDS];    /* one bit a stack */
	uint64_t guarded[WORDS]; /* its guard stands already */
	uint64_t closed[WORDS];  /* cold ones that are inaccessible */
	uint32_t next_closed;    /* from where one is looked for to be opened */
	/* of each stack, whose it was last, once some are closed; with the descriptor, never freed */
	_Atomic(stack_owner *) owners;
} stack_slab;

/* Every slab of the process. Only pushed to. */
static _Atomic(stack_slab *) known_slabs;

/* ---- geometry ---- */

static size_t page_size(void) {
	return (size_t)sysconf(_SC_PAGESIZE);
}

/*
 * What a frame may jump over unless it was compiled with -fstack-clash-protection: 64 KiB where stacks have
 * room for such frames, less for small ones, since it is address space, and thereby page tables, that is
 * spent.
 */
static size_t guard_of(size_t size) {
	size_t guard = size / 4;
	if (guard < GUARD_MIN) guard = GUARD_MIN;
	if (guard > GUARD_MAX) guard = GUARD_MAX;
	size_t page = page_size();
	return (guard + page - 1) / page * page;
}

static stack *stack_at(const stack_slab *slab, char *memory, uint32_t index) {
	return (stack *)(void *)(memory + (slab->guard + slab->size) * (index + 1) - DESCRIPTOR);
}

/* ---- sanitizers ---- */

/* A returned stack is out of bounds for everyone; a taken one starts anew, whatever was left on it. */
static void announce_give(const stack_pool *pool, stack *s) {
#ifdef CORO_ASAN
	__asan_poison_memory_region(s->base, s->size);
#endif
#ifdef CORO_VALGRIND
	if (pool->on_valgrind) (void)VALGRIND_MAKE_MEM_NOACCESS(s->base, s->size);
#endif
	(void)pool, (void)s;
}

static void announce_take(const stack_pool *pool, stack *s) {
#ifdef CORO_ASAN
	__asan_unpoison_memory_region(s->base, s->size);
#endif
#ifdef CORO_VALGRIND
	if (pool->on_valgrind) (void)VALGRIND_MAKE_MEM_UNDEFINED(s->base, s->size);
#endif
	(void)pool, (void)s;
}

/* The address range goes back to the kernel and may next be anything. */
static void announce_unmap(char *memory, size_t bytes) {
#ifdef CORO_ASAN
	__asan_unpoison_memory_region(memory, bytes);
#endif
	(void)memory, (void)bytes;
}

static void announce_heat(stack_pool *pool, stack *s) {
#ifdef CORO_VALGRIND
	if (pool->on_valgrind) s->valgrind_id = VALGRIND_STACK_REGISTER(s->base, s->base + s->size);
#endif
	(void)pool, (void)s;
}

static void announce_cool(stack_pool *pool, stack *s) {
#ifdef CORO_VALGRIND
	if (pool->on_valgrind) {
		VALGRIND_STACK_DEREGISTER(s->valgrind_id);
		(void)VALGRIND_MAKE_MEM_DEFINED(s->base, s->size);
	}
#endif
	(void)pool, (void)s;
}

/* ---- slabs ---- */

static stack_slab *slab_descriptor(void) {
	for (stack_slab *s = atomic_load_explicit(&known_slabs, memory_order_acquire); s; s = s->known_next)
		if (!atomic_load_explicit(&s->is_owned, memory_order_relaxed) && !atomic_exchange(&s->is_owned, true))
			return s;
	stack_slab *s = calloc(1, sizeof *s);
	if (!s) return NULL;
	atomic_init(&s->is_owned, true);
	s->known_next = atomic_load_explicit(&known_slabs, memory_order_relaxed);
	while (!atomic_compare_exchange_weak_explicit(&known_slabs, &s->known_next, s, memory_order_release,
	                                              memory_order_relaxed)) {
	}
	return s;
}

/*
 * Whether this kernel puts guards within a mapping: -EINVAL before 6.13 and in locked memory. An emulator may
 * answer yes to everything and do nothing, so a call that can't succeed is tried too.
 */
static slab_guard guard_kind_of(char *memory, size_t guard) {
	if (madvise(memory, guard, MADV_GUARD_INSTALL)) return GUARD_PROTECTED;
	return madvise(memory, guard, 0x7fff) ? GUARD_INSTALLED : GUARD_PROTECTED;
}

static stack_slab *slab_new(stack_pool *pool) {
	size_t guard = guard_of(pool->size), stride = guard + pool->size;
	uint32_t count = pool->is_closing && pool->slab_count < CLOSED_FEW ? CLOSED_FEW : pool->slab_count;
	while (count > 1 && count > SLAB_BYTES_MAX / stride) count /= 2;
	stack_slab *slab = slab_descriptor();
	if (!slab) return NULL;
	char *memory = MAP_FAILED;
	/* Where address space is short, a smaller slab may still have room. */
	for (; count; count /= 2) {
		int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_STACK;
		memory = mmap(NULL, stride * count, PROT_READ | PROT_WRITE, flags, -1, 0);
		if (memory != MAP_FAILED) break;
	}
	if (memory == MAP_FAILED) {
		atomic_store(&slab->is_owned, false);
		return NULL;
	}
	/* One touched page must not become 2 MiB. A kernel without huge pages refuses, rightly. */
	(void)madvise(memory, stride * count, MADV_NOHUGEPAGE);
	slab->size = pool->size;
	slab->guard = guard;
	slab->count = slab->cold_count = count;
	slab->guard_kind = guard_kind_of(memory, guard);
	for (uint32_t i = 0; i < WORDS; i++) {
		uint32_t bits = count > i * 64 ? count - i * 64 : 0;
		slab->cold[i] = bits >= 64 ? UINT64_MAX : (UINT64_C(1) << bits) - 1;
		slab->guarded[i] = slab->closed[i] = 0;
	}
	slab->guarded[0] = slab->guard_kind == GUARD_INSTALLED; /* the first one's stands: it was the trial */
	atomic_store_explicit(&slab->memory, memory, memory_order_release);
	list_prepend(&pool->slabs, slab);
	if (pool->slab_count < COUNT_MAX) pool->slab_count *= 2;
	return slab;
}

static void slab_unmap(stack_pool *pool, stack_slab *slab) {
	char *memory = atomic_load_explicit(&slab->memory, memory_order_relaxed);
	size_t bytes = (slab->guard + slab->size) * slab->count;
	list_remove(&pool->slabs, slab);
	if (pool->spare == slab) pool->spare = NULL;
	atomic_store_explicit(&slab->memory, NULL, memory_order_release);
	announce_unmap(memory, bytes);
	/*
	 * Unmapping the middle of a merged mapping needs one more of these and may be refused: then the memory at
	 * least goes.
	 */
	if (munmap(memory, bytes)) (void)madvise(memory, bytes, MADV_DONTNEED);
	atomic_store_explicit(&slab->is_owned, false, memory_order_release);
}

/* ---- hot and cold ---- */

static uint32_t slab_lowest_cold(const stack_slab *slab) {
	for (uint32_t i = 0; i < WORDS; i++)
		if (slab->cold[i]) return i * 64 + (uint32_t)__builtin_ctzll(slab->cold[i]);
	return UINT32_MAX;
}

static bool slab_guard_stack(stack_slab *slab, uint32_t index, char *guard) {
	uint64_t bit = UINT64_C(1) << index % 64;
	if (slab->guarded[index / 64] & bit) return true;
	int failed = slab->guard_kind == GUARD_INSTALLED ? madvise(guard, slab->guard, MADV_GUARD_INSTALL)
	                                                 : mprotect(guard, slab->guard, PROT_NONE);
	if (failed) return false;
	slab->guarded[index / 64] |= bit;
	return true;
}

static bool is_closed(const stack_slab *slab, uint32_t index) {
	return slab->closed[index / 64] >> index % 64 & 1;
}

/* The lowest that can be used as it is, else one that has been closed for long. */
static uint32_t slab_choose_cold(stack_slab *slab) {
	for (uint32_t i = 0; i < WORDS; i++) {
		uint64_t usable = slab->cold[i] & ~slab->closed[i];
		if (usable) return i * 64 + (uint32_t)__builtin_ctzll(usable);
	}
	for (uint32_t i = 0; i < slab->count; i++) {
		uint32_t index = (slab->next_closed + i) % slab->count;
		if (!(slab->cold[index / 64] >> index % 64 & 1)) continue;
		slab->next_closed = index + 1;
		return index;
	}
	return UINT32_MAX;
}

/* The memory of a cold stack, made inaccessible or accessible. */
static bool slab_set_closed(stack_slab *slab, uint32_t index, bool closed) {
	char *base = atomic_load_explicit(&slab->memory, memory_order_relaxed) +
	             (slab->guard + slab->size) * index + slab->guard;
	int failed = slab->guard_kind == GUARD_INSTALLED
	                 ? madvise(base, slab->size, closed ? MADV_GUARD_INSTALL : MADV_GUARD_REMOVE)
	                 : mprotect(base, slab->size, closed ? PROT_NONE : PROT_READ | PROT_WRITE);
	if (failed) return false;
	uint64_t bit = UINT64_C(1) << index % 64;
	slab->closed[index / 64] = closed ? slab->closed[index / 64] | bit : slab->closed[index / 64] & ~bit;
	return true;
}

/* Room for the names of those whose stacks are closed; without it they have none. */
static stack_owner *slab_owners(stack_slab *slab) {
	stack_owner *owners = atomic_load_explicit(&slab->owners, memory_order_relaxed);
	if (owners) return owners;
	owners = calloc(COUNT_MAX, sizeof *owners);
	atomic_store_explicit(&slab->owners, owners, memory_order_release);
	return owners;
}

/* A cold stack made usable: the lowest, so that page tables are shared. */
static stack *stack_heat(stack_pool *pool) {
	stack_slab *slab = pool->slabs.first;
	if (!slab || !slab->cold_count || slab->size != pool->size) slab = slab_new(pool);
	if (!slab) return NULL;
	uint32_t index = pool->is_closing ? slab_choose_cold(slab) : slab_lowest_cold(slab);
	if (index >= slab->count) return NULL;
	if (is_closed(slab, index) && !slab_set_closed(slab, index, false)) return NULL;
	char *memory = atomic_load_explicit(&slab->memory, memory_order_relaxed);
	char *guard = memory + (slab->guard + slab->size) * index;
	if (!slab_guard_stack(slab, index, guard)) return NULL;
	slab->cold[index / 64] &= ~(UINT64_C(1) << index % 64);
	if (pool->spare == slab) pool->spare = NULL;
	if (--slab->cold_count == 0) {
		list_remove(&pool->slabs, slab);
		list_append(&pool->slabs, slab);
	}
	stack *s = stack_at(slab, memory, index);
	/*
	 * First frames at one offset in every page would share a few sets of the cache: they start at different
	 * lines.
	 */
	size_t top = DESCRIPTOR + (size_t)(index % COLOURS) * 64;
	*s = (stack){.base = guard + slab->guard,
	             .size = slab->size - top,
	             .whole = slab->size,
	             .slab = slab,
	             .index = index};
	announce_heat(pool, s);
	return s;
}

/* Its memory goes back to the kernel, and the slab's, if this was the last one that was not cold. */
static void stack_cool(stack_pool *pool, stack *s) {
	stack_slab *slab = s->slab;
	uint32_t index = s->index;
	announce_cool(pool, s);
	(void)madvise(s->base, slab->size, MADV_DONTNEED); /* refused in locked memory, which is to stay */
	slab->cold[index / 64] |= UINT64_C(1) << index % 64;
	slab->cold_count++;
	if (slab->cold_count == slab->count && !pool->is_closing) {
		if (slab->size != pool->size || pool->spare) {
			slab_unmap(pool, slab);
			return;
		}
		pool->spare = slab;
	}
	if (slab->cold_count == 1 && slab->size == pool->size) {
		list_remove(&pool->slabs, slab);
		list_prepend(&pool->slabs, slab);
	}
}

/* Cools it, and lets nobody read or write it until it is taken again. */
static void stack_close(stack_pool *pool, stack *s) {
	stack_slab *slab = s->slab;
	uint32_t index = s->index;
	stack_owner *owners = slab_owners(slab);
	if (owners)
		snprintf(owners[index].name, sizeof owners[index].name, "%s", s->owner_name ? s->owner_name : "");
	stack_cool(pool, s);
	/* refused, where the kernel has no mapping left: then it is only cold */
	(void)slab_set_closed(slab, index, true);
}

static void pool_push_hot(stack_pool *pool, stack *s) {
	s->next = pool->hot;
	pool->hot = s;
	pool->hot_count++;
}

static stack *pool_pop_hot(stack_pool *pool) {
	stack *s = pool->hot;
	pool->hot = s->next;
	pool->hot_count--;
	return s;
}

static void pool_cool_all(stack_pool *pool) {
	while (pool->hot) stack_cool(pool, pool_pop_hot(pool));
}

/* ---- the pool ---- */

int stack_pool_init(stack_pool *pool, size_t size) {
	*pool = (stack_pool){.slab_count = COUNT_FIRST};
#ifdef CORO_VALGRIND
	pool->on_valgrind = RUNNING_ON_VALGRIND;
#endif
	return stack_pool_resize(pool, size);
}

int stack_pool_resize(stack_pool *pool, size_t size) {
	size_t page = page_size();
	if (size > SIZE_MAX / 4) return -EINVAL;
	if (size < STACK_MIN) size = STACK_MIN;
	size = (size + page - 1) / page * page;
	if (size == pool->size) return 0;
	pool->size = size;
	/*
	 * Every slab is of another size now, or again of this one: those that have nothing to give go to the
	 * back.
	 */
	pool_cool_all(pool);
	pool->spare = NULL;
	stack_slab *end = pool->slabs.last;
	for (stack_slab *slab = pool->slabs.first, *next; slab; slab = next) {
		next = slab == end ? NULL : slab->next;
		if (slab->cold_count == slab->count) {
			slab_unmap(pool, slab);
		} else if (slab->size != size || !slab->cold_count) {
			list_remove(&pool->slabs, slab);
			list_append(&pool->slabs, slab);
		}
	}
	return 0;
}

void stack_pool_destroy(stack_pool *pool) {
	pool_cool_all(pool);
	for (stack_slab *slab = pool->slabs.first, *next; slab; slab = next) {
		next = slab->next;
		if (slab->cold_count == slab->count) slab_unmap(pool, slab);
	}
	*pool = (stack_pool){0};
}

stack *stack_take(stack_pool *pool) {
	stack *s = pool->hot ? pool_pop_hot(pool) : stack_heat(pool);
	if (!s) return NULL;
	announce_take(pool, s);
	s->next = NULL;
	s->owner_name = NULL;
	s->is_live = true;
	pool->live_count++;
	return s;
}

void stack_give(stack_pool *pool, stack *s) {
	announce_give(pool, s);
	s->is_live = false;
	pool->live_count--;
	if (pool->is_closing) {
		stack_close(pool, s);
		return;
	}
	s->owner_name = NULL;
	if (s->whole != pool->size) {
		stack_cool(pool, s);
		return;
	}
	pool_push_hot(pool, s);
	/* Two at most at a time: fewer live ones lower the limit by a part of one, and no call takes long. */
	for (int i = 0; i < 2 && pool->hot_count > HOT_FEW + pool->live_count / HOT_PART; i++)
		stack_cool(pool, pool_pop_hot(pool));
}

/* The slab that holds an address, and in which of its stacks, at which offset. */
static const stack_slab *slab_find(const void *address, uint32_t *out_index, size_t *out_offset,
                                   char **out_memory) {
	uintptr_t wanted = (uintptr_t)address;
	for (const stack_slab *slab = atomic_load_explicit(&known_slabs, memory_order_acquire); slab;
	     slab = slab->known_next) {
		char *memory = atomic_load_explicit(&slab->memory, memory_order_acquire);
		if (!memory || wanted < (uintptr_t)memory) continue;
		size_t offset = wanted - (uintptr_t)memory, stride = slab->guard + slab->size;
		if (offset >= stride * slab->count) continue;
		*out_index = (uint32_t)(offset / stride);
		*out_offset = offset % stride;
		*out_memory = memory;
		return slab;
	}
	return NULL;
}

const stack *stack_find(const void *address) {
	uint32_t index;
	size_t offset;
	char *memory;
	const stack_slab *slab = slab_find(address, &index, &offset, &memory);
	if (!slab || offset >= slab->guard || is_closed(slab, index)) return NULL;
	const stack *s = stack_at(slab, memory, index);
	return s->is_live ? s : NULL;
}

const char *stack_find_closed(const void *address) {
	uint32_t index;
	size_t offset;
	char *memory;
	const stack_slab *slab = slab_find(address, &index, &offset, &memory);
	if (!slab || offset < slab->guard || !is_closed(slab, index)) return NULL;
	const stack_owner *owners = atomic_load_explicit(&slab->owners, memory_order_acquire);
	return owners ? owners[index].name : "";
}

void stack_slabs_free(void) {
	stack_slab *slab = atomic_exchange(&known_slabs, NULL), *next;
	for (; slab; slab = next) {
		next = slab->known_next;
		free(atomic_load(&slab->owners));
		free(slab);
	}
}
