/* SPDX-License-Identifier: MIT */
/* Labels: internal valgrind */
/* The pool of buffers keeps what a load takes again and again, and gives a peak back. */
#include "buffer.h"
#include "check.h"
#include "sanitize.h"

#include <stdlib.h>

enum { PIECE = 64 * 1024, BUSY = 200, ALWAYS = 2 * 1024 * 1024 };

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

CHECK_MAIN("buffer_pool", TEST(a_single_peak_is_not_kept), TEST(it_follows_the_demand),
           TEST(without_a_timer_it_does_not_grow), TEST(sizes))
