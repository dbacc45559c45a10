/* SPDX-License-Identifier: MIT */
/* Labels: internal valgrind */
/* The buffers of streams: the pool keeps what a load takes again and again, and gives a peak back. */
#include "buffer.h"
#include "check.h"
#include "sanitize.h"

#include <stdint.h>
#include <stdlib.h>
#include <sys/uio.h>

enum { KIB = 1024, PIECE = 64 * KIB, BUSY = 200, ALWAYS = 2 * KIB * KIB };

static int grown;

static void on_grown(buffer_pool *pool) {
	EXPECT(pool->size > ALWAYS);
	grown++;
}

/* Takes that many buffers, and gives them back. Returns how many of them the pool had. */
static int use(buffer_pool *pool, int count) {
	void *all[BUSY];
	int had = 0;
	for (int i = 0; i < count; i++) {
		size_t size = PIECE, before = pool->size;
		all[i] = buffer_take(pool, &size);
		if (!all[i]) abort();
		EXPECT_INT(size, PIECE);
		had += pool->size < before;
	}
	for (int i = 0; i < count; i++) buffer_give(pool, all[i], PIECE);
	return had;
}

static void a_single_peak_is_not_kept(void) {
	buffer_pool pool = {.on_grown = on_grown};
	grown = 0;
	EXPECT_INT(use(&pool, BUSY), 0);
	EXPECT(pool.size <= ALWAYS);
	EXPECT_INT(grown, 0);
	buffer_pool_empty(&pool);
	EXPECT_INT(pool.size, 0);
}

static void it_follows_the_demand(void) {
#ifndef CORO_ASAN
	buffer_pool pool = {.on_grown = on_grown};
	grown = 0;
	use(&pool, BUSY);
	use(&pool, BUSY);
	EXPECT_INT(use(&pool, BUSY), BUSY);
	EXPECT_INT(grown, 1);
	/* In use, it keeps them. */
	EXPECT(buffer_pool_shrink(&pool));
	EXPECT_INT(use(&pool, BUSY), BUSY);
	EXPECT(buffer_pool_shrink(&pool));
	EXPECT_INT(use(&pool, BUSY), BUSY);
	/* Then fewer: the others go, and these stay. */
	EXPECT(buffer_pool_shrink(&pool));
	EXPECT_INT(use(&pool, BUSY / 2), BUSY / 2);
	EXPECT(buffer_pool_shrink(&pool));
	EXPECT(pool.size < (size_t)BUSY * PIECE);
	EXPECT_INT(use(&pool, BUSY / 2), BUSY / 2);
	/* Idle for two periods: nothing is left that would have to be given back. */
	buffer_pool_shrink(&pool);
	EXPECT(!buffer_pool_shrink(&pool));
	EXPECT(pool.size <= ALWAYS);
	buffer_pool_empty(&pool);
#endif
}

static void without_a_timer_it_does_not_grow(void) {
	buffer_pool pool = {0};
	for (int i = 0; i < 3; i++) use(&pool, BUSY);
	EXPECT(pool.size <= ALWAYS);
	buffer_pool_empty(&pool);
}

static void sizes(void) {
	static const size_t asked[] = {1, 4096, 4097, 65536, 65537, 262144, 262145},
						given[] = {4096, 4096, 8192, 65536, 131072, 262144, 262145};
	buffer_pool pool = {0};
	for (size_t i = 0; i < sizeof asked / sizeof *asked; i++)
		for (int from_pool = 0; from_pool < 2; from_pool++) {
			size_t size = asked[i];
			void *memory = buffer_take(from_pool ? &pool : NULL, &size);
			REQUIRE(memory);
			EXPECT_INT(size, given[i]);
			buffer_give(from_pool ? &pool : NULL, memory, size);
		}
	buffer_pool_empty(&pool);
}

static bool is_aligned(const void *memory) {
	return (uintptr_t)memory % 64 == 0;
}

/* Else the kernel's copies take many times as long on some processors. */
static void all_memory_begins_at_a_cache_line(void) {
	buffer_pool pool = {0};
	for (size_t size = 1; size <= 512 * KIB; size *= 2) {
		size_t taken = size, alone = size + 1;
		void *memory = buffer_take(&pool, &taken), *other = buffer_take(NULL, &alone);
		REQUIRE(memory && other);
		EXPECT(is_aligned(memory));
		EXPECT(is_aligned(other));
		buffer_give(&pool, memory, taken);
		buffer_give(NULL, other, alone);
	}
	buffer_pool_empty(&pool);
	static const char data[512 * KIB];
	for (size_t size = 1; size <= sizeof data; size *= 2) {
		out_queue queue = {0};
		struct iovec part = {(void *)(uintptr_t)data, size};
		REQUIRE(out_append(&queue, &part, 1, 0));
		REQUIRE(out_parts(&queue, &part, 1) == 1);
		EXPECT(is_aligned(part.iov_base));
		out_clear(&queue);
	}
}

CHECK_MAIN("buffer_pool", TEST(a_single_peak_is_not_kept), TEST(it_follows_the_demand),
           TEST(without_a_timer_it_does_not_grow), TEST(sizes), TEST(all_memory_begins_at_a_cache_line))
