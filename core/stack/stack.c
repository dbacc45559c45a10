/* SPDX-License-Identifier: MIT */
/*
 * The stack pool. A slab is one mapping of many stacks, each with its guard below it:
 * [guard|stack][guard|stack]...
 *
 * A free stack is hot (in a list linked through the descriptors, with its memory kept) or cold (a bit in its
 * slab, with its memory returned to the kernel). The bit is outside the stack because a cold stack has no
 * memory for a link. A stack that was never used is cold.
 *
 * In debug mode a freed stack is closed, i.e. quarantined: cold and inaccessible. Stacks that were never
 * closed are reused first, and then roughly those that have been closed longest, to catch late accesses to
 * freed stacks.
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
	COUNT_FIRST = 16, /* stacks in a pool's first slab: keeps small programs small */
	COUNT_MAX = 1024, /* a million stacks are a thousand slabs */
	WORDS = COUNT_MAX / 64,
	HOT_FEW = 1024,  /* hot stacks kept in any case... */
	HOT_PART = 8,    /* ...and one more for every HOT_PART live stacks, to absorb bursts of tasks */
	COLOURS = 16,    /* see stack_heat */
	DESCRIPTOR = 64, /* bytes at the top of a stack */
	GUARD_MIN = 16 * 1024,
	GUARD_MAX = 64 * 1024,
	/* stacks in a slab in debug mode, so that small programs don't reuse a stack at once */
	CLOSED_FEW = 128,
};
#define SLAB_BYTES_MAX ((size_t)1 << 30)

static_assert(sizeof(stack) <= DESCRIPTOR, "a stack's descriptor must fit in its place");

typedef enum slab_guard {
	GUARD_INSTALLED, /* within the mapping: no further mapping is needed */
	GUARD_PROTECTED, /* each guard splits the mapping: vm.max_map_count allows about 32,000 */
} slab_guard;

typedef struct stack_owner {
	char name[STACK_OWNER_NAME];
} stack_owner;

/* Never freed, only reused, since a signal handler may be reading it. */
typedef struct stack_slab {
	_Atomic(char *) memory; /* NULL: not mapped. Stored after the rest of the geometry */
	atomic_bool is_owned;   /* by a pool */
	struct stack_slab *known_next;
	struct stack_slab *next, *previous; /* in its pool */
	size_t size, guard;                 /* of each stack */
	uint32_t count, cold_count;
	slab_guard guard_kind;
	uint64_t cold[WORDS];    /* one bit for each stack */
	uint64_t guarded[WORDS]; /* the guard is in place */
	uint64_t closed[WORDS];  /* cold stacks that are inaccessible */
	uint32_t next_closed;    /* where the search for a closed stack to reopen starts */
	/* the last owner of each stack, allocated when one is closed; never freed, like the descriptor */
	_Atomic(stack_owner *) owners;
} stack_slab;

/* All slabs of the process. Push-only. */
static _Atomic(stack_slab *) known_slabs;

/* ---- geometry ---- */

static size_t page_size(void) {
	return (size_t)sysconf(_SC_PAGESIZE);
}

/*
 * The guard must exceed the largest frame of code compiled without -fstack-clash-protection: 64 KiB for large
 * stacks. Small stacks have less, to save address space and page tables.
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

#ifdef CORO_VALGRIND
static __attribute__((cold, noinline)) void memcheck_give(const stack *s) {
	(void)VALGRIND_MAKE_MEM_NOACCESS(s->base, s->size);
}

static __attribute__((cold, noinline)) void memcheck_take(const stack *s) {
	(void)VALGRIND_MAKE_MEM_UNDEFINED(s->base, s->size);
}
#endif

/* A free stack is inaccessible; a reused one starts out undefined. */
static inline void annotate_give(const stack_pool *pool, stack *s) {
#ifdef CORO_ASAN
	__asan_poison_memory_region(s->base, s->size);
#endif
#ifdef CORO_VALGRIND
	if (__builtin_expect(pool->on_memcheck, 0)) memcheck_give(s);
#endif
	(void)pool, (void)s;
}

static inline void annotate_take(const stack_pool *pool, stack *s) {
#ifdef CORO_ASAN
	__asan_unpoison_memory_region(s->base, s->size);
#endif
#ifdef CORO_VALGRIND
	if (__builtin_expect(pool->on_memcheck, 0)) memcheck_take(s);
#endif
	(void)pool, (void)s;
}

/* The kernel may reuse the address range for anything. */
static void annotate_unmap(char *memory, size_t bytes) {
#ifdef CORO_ASAN
	__asan_unpoison_memory_region(memory, bytes);
#endif
	(void)memory, (void)bytes;
}

static void annotate_heat(stack_pool *pool, stack *s) {
#ifdef CORO_VALGRIND
	if (pool->on_valgrind) s->valgrind_id = VALGRIND_STACK_REGISTER(s->base, s->base + s->size);
#endif
	(void)pool, (void)s;
}

static void annotate_cool(stack_pool *pool, stack *s) {
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
 * Whether the kernel supports guards within a mapping: -EINVAL before 6.13 and in locked memory. An emulator
 * may accept any advice and do nothing, so try an invalid one too.
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
	/* If address space is short, a smaller slab may still fit. */
	for (; count; count /= 2) {
		int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_STACK;
		memory = mmap(NULL, stride * count, PROT_READ | PROT_WRITE, flags, -1, 0);
		if (memory != MAP_FAILED) break;
	}
	if (memory == MAP_FAILED) {
		atomic_store(&slab->is_owned, false);
		return NULL;
	}
	/* A touched page must not become 2 MiB. Kernels without huge pages fail this call, which is harmless. */
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
	slab->guarded[0] = slab->guard_kind == GUARD_INSTALLED; /* guard_kind_of() installed the first one */
	atomic_store_explicit(&slab->memory, memory, memory_order_release);
	list_prepend(&pool->slabs, slab);
	if (pool->slab_count < COUNT_MAX) pool->slab_count *= 2;
	return slab;
}

/* The slab is not the pool's spare one any more. */
static void unspare(stack_pool *pool, const stack_slab *slab) {
	if (pool->spare == slab) pool->spare = NULL;
	if (pool->spare_aside == slab) pool->spare_aside = NULL;
}

static void slab_unmap(stack_pool *pool, stack_slab *slab) {
	char *memory = atomic_load_explicit(&slab->memory, memory_order_relaxed);
	size_t bytes = (slab->guard + slab->size) * slab->count;
	list_remove(&pool->slabs, slab);
	unspare(pool, slab);
	atomic_store_explicit(&slab->memory, NULL, memory_order_release);
	annotate_unmap(memory, bytes);
	/*
	 * Unmapping the middle of a merged mapping needs another mapping and may fail. Then free at least the
	 * memory.
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

/* Returns the lowest stack that is not closed, or else one that has been closed for long. */
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

/* Makes the memory of a cold stack inaccessible or accessible. */
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

/* Names of the closed stacks' owners. Without memory the reports have no names. */
static stack_owner *slab_owners(stack_slab *slab) {
	stack_owner *owners = atomic_load_explicit(&slab->owners, memory_order_relaxed);
	if (owners) return owners;
	owners = calloc(COUNT_MAX, sizeof *owners);
	atomic_store_explicit(&slab->owners, owners, memory_order_release);
	return owners;
}

/* Makes a cold stack usable. Picks the lowest one, so that stacks share page tables. */
static __attribute__((noinline)) stack *stack_heat(stack_pool *pool) {
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
	unspare(pool, slab);
	if (--slab->cold_count == 0) {
		list_remove(&pool->slabs, slab);
		list_append(&pool->slabs, slab);
	}
	stack *s = stack_at(slab, memory, index);
	/* Cache colouring: first frames at the same page offset would compete for a few cache sets. */
	size_t top = DESCRIPTOR + (size_t)(index % COLOURS) * 64;
	*s = (stack){.base = guard + slab->guard,
	             .size = slab->size - top,
	             .whole = slab->size,
	             .slab = slab,
	             .index = index};
	annotate_heat(pool, s);
	return s;
}

/* Returns the stack's memory to the kernel, and the slab if all of its stacks are cold now. */
static __attribute__((noinline)) void stack_cool(stack_pool *pool, stack *s) {
	stack_slab *slab = s->slab;
	uint32_t index = s->index;
	annotate_cool(pool, s);
	(void)madvise(s->base, slab->size, MADV_DONTNEED); /* fails in locked memory, which must stay */
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

/* Cools the stack and makes it inaccessible until it is reused. */
static __attribute__((cold, noinline)) void stack_close(stack_pool *pool, stack *s) {
	stack_slab *slab = s->slab;
	uint32_t index = s->index;
	stack_owner *owners = slab_owners(slab);
	if (owners)
		snprintf(owners[index].name, sizeof owners[index].name, "%s", s->owner_name ? s->owner_name : "");
	stack_cool(pool, s);
	/* fails if no mappings are left: the stack is then only cold */
	(void)slab_set_closed(slab, index, true);
}

static void pool_push_hot(stack_pool *pool, stack *s) {
	s->next = pool->hot;
	pool->hot = s;
	pool->hot_count++;
}

static stack *pool_pop(stack_pool *pool, stack **list) {
	stack *s = *list;
	*list = s->next;
	pool->hot_count--;
	return s;
}

static __attribute__((noinline)) stack *pool_pop_aside_or_heat(stack_pool *pool) {
	return pool->aside ? pool_pop(pool, &pool->aside) : stack_heat(pool);
}

static void pool_cool(stack_pool *pool, stack **list) {
	while (*list) stack_cool(pool, pool_pop(pool, list));
}

static void pool_cool_all(stack_pool *pool) {
	pool_cool(pool, &pool->hot);
	pool_cool(pool, &pool->aside);
}

/* ---- the pool ---- */

int stack_pool_init(stack_pool *pool, size_t size) {
	*pool = (stack_pool){.slab_count = COUNT_FIRST};
#ifdef CORO_VALGRIND
	pool->on_valgrind = RUNNING_ON_VALGRIND;
	/* Its other tools answer 0 to what they don't know. */
	pool->on_memcheck = pool->on_valgrind && VALGRIND_MAKE_MEM_DEFINED(&pool->size, sizeof pool->size) != 0;
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
	/* Slab sizes may match again or no longer: move the slabs with nothing to offer to the back. */
	pool_cool_all(pool);
	pool->spare = pool->spare_aside = NULL;
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

void stack_pool_set_aside(stack_pool *pool) {
	pool->aside = pool->hot;
	pool->hot = NULL;
	pool->spare_aside = pool->spare;
}

void stack_pool_trim(stack_pool *pool) {
	pool_cool(pool, &pool->aside);
	/* For the page tables of its stacks. The first slab has few. */
	if (pool->spare_aside && pool->spare_aside->count > COUNT_FIRST) slab_unmap(pool, pool->spare_aside);
	if (!pool->live_count) pool->slab_count = COUNT_FIRST;
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
	stack *s = pool->hot ? pool_pop(pool, &pool->hot) : pool_pop_aside_or_heat(pool);
	if (!s) return NULL;
	annotate_take(pool, s);
	s->next = NULL;
	s->owner_name = NULL;
	s->is_live = true;
	pool->live_count++;
	return s;
}

static inline size_t hot_limit(const stack_pool *pool) {
	return HOT_FEW + pool->live_count / HOT_PART;
}

/*
 * Cools at most two, which keeps up with the limit: one freed stack lowers it by 1 / HOT_PART. Bounds the
 * call's time.
 */
static __attribute__((noinline)) void cool_two(stack_pool *pool) {
	for (int i = 0; i < 2 && pool->hot_count > hot_limit(pool); i++)
		stack_cool(pool, pool_pop(pool, pool->hot ? &pool->hot : &pool->aside));
}

void stack_give(stack_pool *pool, stack *s) {
	annotate_give(pool, s);
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
	if (__builtin_expect(pool->hot_count > hot_limit(pool), 0)) cool_two(pool);
}

/* Finds the slab that contains an address, the stack's index, and the offset from its guard. */
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
