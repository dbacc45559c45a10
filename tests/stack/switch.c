/* SPDX-License-Identifier: MIT */
/* Labels: internal portable-switch valgrind */
/*
 * The context switch: what is preserved when a flow of control is resumed. With -DPLAIN_CHECK it needs no
 * CUnit, so that tests/aarch64-switch.sh can run it in an emulator.
 */
#ifdef PLAIN_CHECK
#include "plain_check.h"
#else
#include "check.h"
#endif

#include "stack.h"
#include "switch.h"

#include <setjmp.h>
#include <stdint.h>
#include <unwind.h>

enum { SIZE = 64 * 1024 };

/* A flow in addition to the test's own, and a case's data for it. */
typedef struct flow {
	coro_context main, own;
	stack *s;
	uint64_t number;
	int rounds;
	int steps;
} flow;

static void flow_begin(stack_pool *pool, flow *f, coro_entry entry) {
	f->s = stack_take(pool);
	if (!f->s) abort();
	coro_thread_init(&f->main);
	coro_prepare(&f->own, f->s, entry, f);
}

static void flow_resume(flow *f) {
	coro_switch(&f->main, &f->own);
}

/* ---- order ---- */

static void three_steps(void *arg) {
	flow *f = arg;
	f->steps = 1;
	coro_switch(&f->own, &f->main);
	f->steps = 2;
	coro_switch(&f->own, &f->main);
	f->steps = 3;
	coro_switch_final(&f->own, &f->main);
}

static void a_flow_goes_on_where_it_was_left(void) {
	stack_pool pool;
	EXPECT_INT(stack_pool_init(&pool, SIZE), 0);
	flow f = {0};
	flow_begin(&pool, &f, three_steps);
	EXPECT_INT(f.steps, 0);
	for (int i = 1; i <= 3; i++) {
		flow_resume(&f);
		EXPECT_INT(f.steps, i);
	}
	stack_give(&pool, f.s);
	stack_pool_destroy(&pool);
}

/* ---- registers ---- */

/*
 * registers_hold(call, from, to, values, seen): puts a value into every register that a call must keep, calls
 * call(from, to), and stores what the registers hold afterwards. In assembly, since a compiler may keep
 * variables wherever it likes.
 */
#if defined(__x86_64__)
enum { HELD = 6 };
__asm__(".text\n"
        ".type registers_hold, @function\n"
        "registers_hold:\n"
        "	endbr64\n"
        "	pushq %rbx; pushq %rbp; pushq %r12; pushq %r13; pushq %r14; pushq %r15\n"
        "	pushq %r8\n" /* seen; and seven words make the stack aligned */
        "	movq %rdi, %rax; movq %rsi, %rdi; movq %rdx, %rsi\n"
        "	movq 0(%rcx), %rbx; movq 8(%rcx), %rbp; movq 16(%rcx), %r12\n"
        "	movq 24(%rcx), %r13; movq 32(%rcx), %r14; movq 40(%rcx), %r15\n"
        "	callq *%rax\n"
        "	popq %r8\n"
        "	movq %rbx, 0(%r8); movq %rbp, 8(%r8); movq %r12, 16(%r8)\n"
        "	movq %r13, 24(%r8); movq %r14, 32(%r8); movq %r15, 40(%r8)\n"
        "	popq %r15; popq %r14; popq %r13; popq %r12; popq %rbp; popq %rbx\n"
        "	ret\n"
        ".size registers_hold, . - registers_hold\n");
#elif defined(__aarch64__)
enum { HELD = 19 };
__asm__(
	".text\n"
	".type registers_hold, %function\n"
	"registers_hold:\n"
	"	hint #34\n"
	"	sub sp, sp, #176\n"
	"	stp x19, x20, [sp]; stp x21, x22, [sp, #16]; stp x23, x24, [sp, #32]\n"
	"	stp x25, x26, [sp, #48]; stp x27, x28, [sp, #64]; stp x29, x30, [sp, #80]\n"
	"	stp d8, d9, [sp, #96]; stp d10, d11, [sp, #112]; stp d12, d13, [sp, #128]; stp d14, d15, [sp, #144]\n"
	"	str x4, [sp, #160]\n"
	"	mov x9, x0; mov x0, x1; mov x1, x2\n"
	"	ldp x19, x20, [x3]; ldp x21, x22, [x3, #16]; ldp x23, x24, [x3, #32]\n"
	"	ldp x25, x26, [x3, #48]; ldp x27, x28, [x3, #64]; ldr x29, [x3, #80]\n"
	"	ldp d8, d9, [x3, #88]; ldp d10, d11, [x3, #104]; ldp d12, d13, [x3, #120]; ldp d14, d15, [x3, #136]\n"
	"	blr x9\n"
	"	ldr x4, [sp, #160]\n"
	"	stp x19, x20, [x4]; stp x21, x22, [x4, #16]; stp x23, x24, [x4, #32]\n"
	"	stp x25, x26, [x4, #48]; stp x27, x28, [x4, #64]; str x29, [x4, #80]\n"
	"	stp d8, d9, [x4, #88]; stp d10, d11, [x4, #104]; stp d12, d13, [x4, #120]; stp d14, d15, [x4, #136]\n"
	"	ldp x19, x20, [sp]; ldp x21, x22, [sp, #16]; ldp x23, x24, [sp, #32]\n"
	"	ldp x25, x26, [sp, #48]; ldp x27, x28, [sp, #64]; ldp x29, x30, [sp, #80]\n"
	"	ldp d8, d9, [sp, #96]; ldp d10, d11, [sp, #112]; ldp d12, d13, [sp, #128]; ldp d14, d15, [sp, #144]\n"
	"	add sp, sp, #176\n"
	"	ret\n"
	".size registers_hold, . - registers_hold\n");
#endif

#if defined(__x86_64__) || defined(__aarch64__)
void registers_hold(void (*call)(coro_context *, coro_context *), coro_context *from, coro_context *to,
                    const uint64_t *values, uint64_t *seen);

static void switch_once(coro_context *from, coro_context *to) {
	coro_switch(from, to);
}

/* The number of changed registers. */
static int registers_changed_by_switch(coro_context *from, coro_context *to, uint64_t seed) {
	uint64_t values[HELD + 1], seen[HELD + 1];
	for (uint64_t i = 0; i < HELD; i++) values[i] = (seed + 1) * 0x9e3779b97f4a7c15u + i;
	registers_hold(switch_once, from, to, values, seen);
	int changed = 0;
	for (int i = 0; i < HELD; i++) changed += seen[i] != values[i];
	return changed;
}
#else
static int registers_changed_by_switch(coro_context *from, coro_context *to, uint64_t seed) {
	volatile uint64_t kept = seed;
	coro_switch(from, to);
	return kept != seed;
}
#endif

static void fill_registers(void *arg) {
	flow *f = arg;
	int changed = 0;
	for (int i = 0; i < f->rounds; i++)
		changed += registers_changed_by_switch(&f->own, &f->main, f->number + (uint64_t)i);
	f->steps = changed;
	coro_switch_final(&f->own, &f->main);
}

static void callee_saved_registers_survive(void) {
	stack_pool pool;
	EXPECT_INT(stack_pool_init(&pool, SIZE), 0);
	flow f = {.number = 1000, .rounds = 10};
	flow_begin(&pool, &f, fill_registers);
	int changed = 0;
	for (int i = 0; i <= f.rounds; i++)
		changed += registers_changed_by_switch(&f.main, &f.own, 2000 + (uint64_t)i);
	EXPECT_INT(changed, 0);
	EXPECT_INT(f.steps, 0);
	stack_give(&pool, f.s);
	stack_pool_destroy(&pool);
}

/* ---- floating point ---- */

/* The two bits of the rounding mode: of both floating-point units of x86-64, or of the one of AArch64. */
#if defined(__x86_64__)
static void set_rounding(unsigned mode) {
	uint32_t sse;
	uint16_t x87;
	__asm__ volatile("stmxcsr %0\n\tfnstcw %1" : "=m"(sse), "=m"(x87));
	sse = (sse & ~(3u << 13)) | mode << 13;
	x87 = (uint16_t)((x87 & ~(3u << 10)) | mode << 10);
	__asm__ volatile("ldmxcsr %0\n\tfldcw %1" : : "m"(sse), "m"(x87));
}
/* 0 to 3, or -1 if the units disagree. */
static int rounding(void) {
	uint32_t sse;
	uint16_t x87;
	__asm__ volatile("stmxcsr %0\n\tfnstcw %1" : "=m"(sse), "=m"(x87));
	int mode = (int)(sse >> 13 & 3);
	return mode == (x87 >> 10 & 3) ? mode : -1;
}
#elif defined(__aarch64__)
static void set_rounding(unsigned mode) {
	uint64_t fpcr;
	__asm__ volatile("mrs %0, fpcr" : "=r"(fpcr));
	fpcr = (fpcr & ~(UINT64_C(3) << 22)) | (uint64_t)mode << 22;
	__asm__ volatile("msr fpcr, %0" : : "r"(fpcr));
}
static int rounding(void) {
	uint64_t fpcr;
	__asm__ volatile("mrs %0, fpcr" : "=r"(fpcr));
	return (int)(fpcr >> 22 & 3);
}
#endif

#if defined(__x86_64__) || defined(__aarch64__)

static void round_by_two(void *arg) {
	flow *f = arg;
	f->steps = rounding();
	set_rounding(2);
	coro_switch(&f->own, &f->main);
	f->steps = rounding();
	coro_switch_final(&f->own, &f->main);
}

static void each_flow_has_its_own_rounding_mode(void) {
	stack_pool pool;
	EXPECT_INT(stack_pool_init(&pool, SIZE), 0);
	flow f = {0};
	set_rounding(3);
	flow_begin(&pool, &f, round_by_two);
	set_rounding(1);
	flow_resume(&f);
	int inherited = f.steps, between = rounding();
	set_rounding(0);
	flow_resume(&f);
	int kept = f.steps, after = rounding();
	EXPECT_INT(inherited, 3); /* the mode of the thread when it prepared the flow */
	EXPECT_INT(between, 1);
	EXPECT_INT(kept, 2);
	EXPECT_INT(after, 0);
	stack_give(&pool, f.s);
	stack_pool_destroy(&pool);
}

#else

static void each_flow_has_its_own_rounding_mode(void) {
	SKIP("how this processor rounds is not known here");
}

#endif

/* The ABI requires sixteen bytes, and vector code crashes with less. */
static void note_alignment(void *arg) {
	flow *f = arg;
	_Alignas(16) char aligned[16];
	char *volatile where = aligned;
	f->number = (uintptr_t)where % 16;
	char text[64];
	/* a variadic function with floating point spills its vector registers */
	snprintf(text, sizeof text, "%.3f", 0.5);
	f->steps = strcmp(text, "0.500");
	coro_switch_final(&f->own, &f->main);
}

static void a_new_flow_has_an_aligned_stack(void) {
	stack_pool pool;
	EXPECT_INT(stack_pool_init(&pool, SIZE), 0);
	flow flows[20]; /* all at once, so that each has a different stack: their starting offsets differ */
	for (int i = 0; i < 20; i++) {
		flows[i] = (flow){.steps = -1};
		flow_begin(&pool, &flows[i], note_alignment);
		flow_resume(&flows[i]);
		EXPECT_INT(flows[i].number, 0);
		EXPECT_INT(flows[i].steps, 0);
	}
	for (int i = 0; i < 20; i++) stack_give(&pool, flows[i].s);
	stack_pool_destroy(&pool);
}

/* ---- many ---- */

enum { FLOWS = 7, SWITCHES = 1000 * 1000 };

typedef struct ring {
	coro_context main;
	coro_context own[FLOWS];
	stack *stacks[FLOWS];
	long counts[FLOWS];
	long left;
} ring;

static ring the_ring;

static void pass_on(void *arg) {
	ring *r = &the_ring;
	size_t self = (size_t)(coro_context *)arg - (size_t)r->own;
	self /= sizeof *r->own;
	uint64_t sum = 0;
	while (r->left > 0) {
		r->left--;
		r->counts[self]++;
		sum += self;
		coro_switch(&r->own[self], &r->own[(self + 1) % FLOWS]);
	}
	if (sum != (uint64_t)r->counts[self] * self) r->counts[self] = -1;
	/* Each resumes the next for the last time; the last one returns to the test. */
	coro_switch_final(&r->own[self], self + 1 < FLOWS ? &r->own[self + 1] : &r->main);
}

static void a_million_switches_among_several_flows(void) {
	stack_pool pool;
	EXPECT_INT(stack_pool_init(&pool, SIZE), 0);
	ring *r = &the_ring;
	r->left = SWITCHES;
	coro_thread_init(&r->main);
	for (size_t i = 0; i < FLOWS; i++) {
		r->stacks[i] = stack_take(&pool);
		REQUIRE(r->stacks[i]);
		coro_prepare(&r->own[i], r->stacks[i], pass_on, &r->own[i]);
	}
	/* Starts such that the countdown ends before flow 0, so that the flows end in order. */
	size_t begin = (FLOWS - SWITCHES % FLOWS) % FLOWS;
	coro_switch(&r->main, &r->own[begin]);
	long total = 0;
	for (size_t i = 0; i < FLOWS; i++) {
		EXPECT(r->counts[i] == SWITCHES / FLOWS || r->counts[i] == SWITCHES / FLOWS + 1);
		total += r->counts[i];
		stack_give(&pool, r->stacks[i]);
	}
	EXPECT_INT(total, SWITCHES);
	stack_pool_destroy(&pool);
}

/* ---- depth ---- */

static uint64_t dig(int depth) {
	volatile char frame[256];
	for (size_t i = 0; i < sizeof frame; i++) frame[i] = (char)depth;
	uint64_t below = depth ? dig(depth - 1) : 0;
	for (size_t i = 0; i < sizeof frame; i++)
		if (frame[i] != (char)depth) return UINT64_MAX;
	return below == UINT64_MAX ? below : below + 1;
}

static uint64_t dig_and_switch(flow *f, int depth) {
	volatile char frame[256];
	for (size_t i = 0; i < sizeof frame; i++) frame[i] = (char)depth;
	uint64_t below = 0;
	if (depth)
		below = dig_and_switch(f, depth - 1);
	else
		coro_switch(&f->own, &f->main);
	for (size_t i = 0; i < sizeof frame; i++)
		if (frame[i] != (char)depth) return UINT64_MAX;
	return below == UINT64_MAX ? below : below + 1;
}

static void go_deep(void *arg) {
	flow *f = arg;
	f->number = dig_and_switch(f, f->rounds);
	coro_switch_final(&f->own, &f->main);
}

static void a_stack_used_deeply_serves_the_next_flow(void) {
	stack_pool pool;
	EXPECT_INT(stack_pool_init(&pool, 8 * SIZE), 0);
	stack *first = NULL;
	for (int i = 0; i < 20; i++) {
		flow f = {.rounds = i % 2 ? 5 : 200};
		flow_begin(&pool, &f, go_deep);
		if (!first) first = f.s;
		EXPECT(f.s == first);
		flow_resume(&f);
		EXPECT_INT(dig(100), 101); /* on the thread's own stack meanwhile */
		flow_resume(&f);
		EXPECT_INT(f.number, f.rounds + 1);
		stack_give(&pool, f.s);
	}
	stack_pool_destroy(&pool);
}

/* ---- unwinding ---- */

static _Unwind_Reason_Code count_frame(struct _Unwind_Context *context, void *arg) {
	(void)context;
	return ++*(int *)arg < 100 ? _URC_NO_REASON : _URC_NORMAL_STOP;
}

static void look_up(void *arg) {
	flow *f = arg;
	for (int i = 0; i < 2; i++) {
		f->steps = 0;
		f->number = _Unwind_Backtrace(count_frame, &f->steps);
		coro_switch(&f->own, &f->main);
	}
	coro_switch_final(&f->own, &f->main);
}

static void a_backtrace_ends_where_the_flow_began(void) {
	stack_pool pool;
	EXPECT_INT(stack_pool_init(&pool, SIZE), 0);
	flow f = {0};
	flow_begin(&pool, &f, look_up);
	for (int i = 0; i < 2; i++) {
		flow_resume(&f);
		EXPECT_INT(f.number, _URC_END_OF_STACK);
		EXPECT(f.steps >= 1 && f.steps <= 8);
	}
	flow_resume(&f);
	stack_give(&pool, f.s);
	stack_pool_destroy(&pool);
}

static jmp_buf place;

static void fall(int depth) {
	if (depth < 0) return; /* never; a function that can't return may not call itself, says gcc */
	volatile char frame[100];
	frame[depth] = 1;
	if (depth == 0) longjmp(place, 1);
	fall(depth - 1);
	frame[0] = frame[depth];
}

/* ASan then clears the stack that it assumes is in use: the flow's, if it was notified. */
static void jump_back(void *arg) {
	flow *f = arg;
	for (volatile int i = 0; i < 3; i++) {
		if (setjmp(place))
			f->steps++;
		else
			fall(20);
#ifdef CORO_ASAN
		char *here = __builtin_frame_address(0);
		if (__asan_region_is_poisoned(f->s->base, (size_t)(here - 1024 - f->s->base))) f->number++;
#endif
		coro_switch(&f->own, &f->main);
	}
	coro_switch_final(&f->own, &f->main);
}

static void a_longjmp_within_a_flow_works(void) {
	stack_pool pool;
	EXPECT_INT(stack_pool_init(&pool, SIZE), 0);
	flow f = {0};
	flow_begin(&pool, &f, jump_back);
	for (int i = 0; i < 4; i++) {
		flow_resume(&f);
		EXPECT_INT(dig(20), 21);
	}
	EXPECT_INT(f.steps, 3);
	EXPECT_INT(f.number, 0);
	stack_give(&pool, f.s);
	stack_pool_destroy(&pool);
}

static void a_flow_that_never_ran_can_be_forgotten(void) {
	stack_pool pool;
	EXPECT_INT(stack_pool_init(&pool, SIZE), 0);
	flow f = {0};
	flow_begin(&pool, &f, three_steps);
	coro_destroy(&f.own);
	stack_give(&pool, f.s);
	flow g = {0};
	flow_begin(&pool, &g, three_steps);
	flow_resume(&g);
	coro_destroy(&g.own); /* a flow that is abandoned halfway */
	stack_give(&pool, g.s);
	EXPECT_INT(g.steps, 1);
	stack_pool_destroy(&pool);
}

CHECK_MAIN("switch", TEST(a_flow_goes_on_where_it_was_left), TEST(callee_saved_registers_survive),
           TEST(each_flow_has_its_own_rounding_mode), TEST(a_new_flow_has_an_aligned_stack),
           TEST(a_million_switches_among_several_flows), TEST(a_stack_used_deeply_serves_the_next_flow),
           TEST(a_backtrace_ends_where_the_flow_began), TEST(a_longjmp_within_a_flow_works),
           TEST(a_flow_that_never_ran_can_be_forgotten))
