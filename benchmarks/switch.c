/* SPDX-License-Identifier: MIT */
/*
 * Switches between two stacks: libawait's switch compared with Boost.Context's and the C library's. One
 * operation is one switch, one way.
 */
#include "bench.h"

#include "stack.h"
#include "switch.h"

#include <ucontext.h>

enum { SWITCHES = 2000000, STACK = 64 * 1024 };

/* --- libawait's --- */

static coro_context ours_main, ours_other;

static void ours_entry(void *ud) {
	(void)ud;
	for (;;) coro_switch(&ours_other, &ours_main);
}

static void ours(void *ud, size_t count) {
	(void)ud;
	for (size_t i = 0; i < count; i += 2) coro_switch(&ours_main, &ours_other);
}

/* --- Boost.Context: the functions under its C++, which its headers declare as C --- */

#ifdef BENCH_BOOST
typedef struct transfer {
	void *context;
	void *data;
} transfer;

transfer jump_fcontext(void *to, void *data);
void *make_fcontext(void *top, size_t size, void (*entry)(transfer));

static void *boost_other;

static void boost_entry(transfer from) {
	for (;;) from = jump_fcontext(from.context, NULL);
}

static void boost(void *ud, size_t count) {
	(void)ud;
	for (size_t i = 0; i < count; i += 2) boost_other = jump_fcontext(boost_other, NULL).context;
}
#endif

/* --- the C library's --- */

static ucontext_t libc_main, libc_other;

static void libc_entry(void) {
	for (;;) (void)swapcontext(&libc_other, &libc_main);
}

static void libc(void *ud, size_t count) {
	(void)ud;
	for (size_t i = 0; i < count; i += 2) (void)swapcontext(&libc_main, &libc_other);
}

int main(int argc, char **argv) {
	bench_init(argc, argv, 15);
	stack_pool pool;
	bench_check("stack_pool_init", stack_pool_init(&pool, STACK));
	stack *own = stack_take(&pool);
	if (!own) bench_check("stack_take", -12);
	coro_thread_init(&ours_main);
	coro_prepare(&ours_other, own, ours_entry, NULL);
	static _Alignas(64) char libc_stack[STACK];
	(void)getcontext(&libc_other);
	libc_other.uc_stack = (stack_t){.ss_sp = libc_stack, .ss_size = sizeof libc_stack};
	libc_other.uc_link = &libc_main;
	makecontext(&libc_other, libc_entry, 0);
	const bench_variant switches[] = {
		{"libawait", ours, NULL, SWITCHES},
#ifdef BENCH_BOOST
		{"Boost.Context jump_fcontext", boost, NULL, 0},
#endif
		{"swapcontext", libc, NULL, SWITCHES / 10},
	};
#ifdef BENCH_BOOST
	static _Alignas(64) char boost_stack[STACK];
	boost_other = make_fcontext(boost_stack + sizeof boost_stack, sizeof boost_stack, boost_entry);
#endif
	bench_run("stack switch, one way", switches, sizeof switches / sizeof *switches);

	stack_give(&pool, own);
	stack_pool_destroy(&pool);
	return 0;
}
