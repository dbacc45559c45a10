/* SPDX-License-Identifier: MIT */
/* Labels: internal */
/*
 * A stack overflow aborts the program with a line that names the task, and never reaches the next stack. Each
 * case runs in a child, whose exit and standard error are checked.
 */
#include "check.h"

#include "child.h"
#include "overflow.h"
#include "stack.h"
#include "switch.h"

#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <sys/mman.h>
#include <unistd.h>

enum { SIZE = 64 * 1024, INTACT = 41, BROKEN = 42 };

/* A sanitizer has its own handler, which runs after ours and exits. */
static bool died_of_it(const ending *e) {
#if defined(CORO_ASAN) || defined(CORO_TSAN)
	return e->code == -SIGSEGV || (e->code > 0 && e->code != SURVIVED);
#else
	return e->code == -SIGSEGV;
#endif
}

/* ---- an overflow ---- */

static stack_pool pool;
static stack *below, *middle, *above;
static coro_context own, ctx;

static void *volatile nowhere;

static int dig(volatile int *deeper) {
	volatile int frame[64];
	for (int i = 0; i < 64; i++) frame[i] = *deeper + i;
	int sum = frame[63] == -1 ? 0 : dig(frame); /* never true, but the compiler can't know */
	return sum + frame[sum & 63];
}

static void dig_forever(void *arg) {
	int start = arg != NULL;
	(void)dig(&start);
	coro_switch_final(&ctx, &own);
}

static void overflow(const char *name) {
	if (stack_pool_init(&pool, SIZE)) return;
	below = stack_take(&pool);
	middle = stack_take(&pool);
	above = stack_take(&pool);
	if (!below || !middle || !above) return;
	memset(below->base, 0x5a, below->size);
	memset(above->base, 0x5a, above->size);
	middle->owner_name = name;
	coro_thread_init(&own);
	coro_prepare(&ctx, middle, dig_forever, NULL);
	coro_switch(&own, &ctx);
}

static bool is_intact(const stack *s) {
	for (size_t i = 0; i < s->size; i++)
		if (s->base[i] != 0x5a) return false;
	return true;
}

/* ---- the line ---- */

#define LINE_OF(owner) \
	"libawait: the stack of " owner " overflowed (65536 bytes); aw_loop_set_stack_size() makes it larger\n"

static void install_and_overflow(void) {
	if (overflow_report_install()) _exit(1);
	if (overflow_report_install()) _exit(1); /* a second call is harmless */
	overflow("Task-3");
}

static void an_overflow_names_the_task_and_kills(void) {
	ending e = run_child(install_and_overflow);
	EXPECT(died_of_it(&e));
	EXPECT(strstr(e.text, LINE_OF("task \"Task-3\"")) != NULL);
}

static void overflow_unnamed(void) {
	if (overflow_report_install()) _exit(1);
	overflow(NULL);
}

static void an_unnamed_owner_is_a_task(void) {
	ending e = run_child(overflow_unnamed);
	EXPECT(died_of_it(&e));
	EXPECT(strstr(e.text, LINE_OF("a task")) != NULL);
}

static void overflow_with_odd_name(void) {
	if (overflow_report_install()) _exit(1);
	static char name[2000] = "two\nlines \033[31m";
	memset(name + strlen(name), 'x', sizeof name - 1 - strlen(name));
	overflow(name);
}

static void a_name_can_not_break_the_line(void) {
	ending e = run_child(overflow_with_odd_name);
	EXPECT(died_of_it(&e));
	char *line = strstr(e.text, "libawait: "), *end = line ? strchr(line, '\n') : NULL;
	REQUIRE(end);
	*end = '\0';
	EXPECT(strstr(line, "task \"two?lines ?[31mxxx") != NULL);
	EXPECT(strstr(line, "xxx\" overflowed (65536 bytes); aw_loop_set_stack_size() makes it larger") != NULL);
}

static void overflow_uninstalled(void) {
	overflow("Task-3");
}

static void without_the_report_it_kills_in_silence(void) {
	ending e = run_child(overflow_uninstalled);
	EXPECT(died_of_it(&e));
	EXPECT(!strstr(e.text, "libawait: "));
}

static void *thread_overflows(void *arg) {
	(void)arg;
	if (overflow_report_install()) _exit(1);
	overflow("Task-of-a-thread");
	return NULL;
}

static void overflow_in_thread(void) {
	if (overflow_report_install()) _exit(1);
	pthread_t thread;
	if (pthread_create(&thread, NULL, thread_overflows, NULL)) _exit(1);
	pthread_join(thread, NULL);
}

static void another_thread_has_its_own_alternate_stack(void) {
	ending e = run_child(overflow_in_thread);
	EXPECT(died_of_it(&e));
	EXPECT(strstr(e.text, LINE_OF("task \"Task-of-a-thread\"")) != NULL);
}

/* ---- other faults ---- */

static void touch_nowhere(void) {
	if (overflow_report_install()) _exit(1);
	if (stack_pool_init(&pool, SIZE) || !stack_take(&pool)) _exit(1);
	*(volatile char *)nowhere = 1;
}

static void another_fault_kills_as_ever(void) {
	ending e = run_child(touch_nowhere);
	EXPECT(died_of_it(&e));
	EXPECT(!strstr(e.text, "libawait: "));
}

static void send_it(void) {
	if (overflow_report_install()) _exit(1);
	raise(SIGSEGV);
}

static void a_sent_signal_kills_as_ever(void) {
	ending e = run_child(send_it);
	EXPECT(died_of_it(&e));
	EXPECT(!strstr(e.text, "libawait: "));
}

static void send_it_ignored(void) {
	signal(SIGSEGV, SIG_IGN);
	if (overflow_report_install()) _exit(1);
	raise(SIGSEGV);
}

static void a_sent_signal_that_was_ignored_still_is(void) {
	ending e = run_child(send_it_ignored);
	EXPECT_INT(e.code, SURVIVED);
}

/* ---- the previous handler ---- */

static void look_at_neighbours(int signo, siginfo_t *info, void *context) {
	bool is_there = (char *)info->si_addr < middle->base && (char *)info->si_addr >= middle->base - 16 * 1024;
	_exit(signo == SIGSEGV && context && is_there && is_intact(below) && is_intact(above) ? INTACT : BROKEN);
}

static void overflow_with_handler(void) {
	struct sigaction action = {.sa_sigaction = look_at_neighbours, .sa_flags = SA_SIGINFO | (int)SA_ONSTACK};
	sigaction(SIGSEGV, &action, NULL);
	if (overflow_report_install()) _exit(1);
	overflow("Task-3");
}

static void the_neighbours_are_intact_and_the_old_handler_runs(void) {
	ending e = run_child(overflow_with_handler);
	EXPECT_INT(e.code, INTACT);
	EXPECT(strstr(e.text, LINE_OF("task \"Task-3\"")) != NULL);
}

static void leave(int signo) {
	(void)signo;
	_exit(INTACT);
}

static void overflow_with_plain_handler(void) {
	signal(SIGSEGV, leave);
	if (overflow_report_install()) _exit(1);
	overflow("Task-3");
}

static void an_old_handler_of_one_argument_runs_too(void) {
	ending e = run_child(overflow_with_plain_handler);
	EXPECT_INT(e.code, INTACT);
	EXPECT(strstr(e.text, "libawait: ") != NULL);
}

static char *closed_page;
static volatile sig_atomic_t opened;

static void open_page(int signo, siginfo_t *info, void *context) {
	(void)signo, (void)context;
	if (info->si_addr != closed_page) _exit(BROKEN);
	opened = opened + 1;
	mprotect(closed_page, 4096, PROT_READ | PROT_WRITE);
}

/* Like a garbage collector's handler: the program continues, and the report stays installed. */
static void fault_and_go_on(void) {
	struct sigaction action = {.sa_sigaction = open_page, .sa_flags = SA_SIGINFO};
	sigaction(SIGSEGV, &action, NULL);
	if (overflow_report_install()) _exit(1);
	closed_page = mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (closed_page == MAP_FAILED) _exit(1);
	for (int i = 1; i <= 3; i++) {
		*(volatile char *)closed_page = 1;
		if (opened != i) _exit(BROKEN);
		mprotect(closed_page, 4096, PROT_NONE);
	}
	overflow("Task-3");
}

static void an_old_handler_that_repairs_is_not_disturbed(void) {
#ifdef CORO_VALGRIND
	if (RUNNING_ON_VALGRIND) SKIP("valgrind counts a fault that is repaired as an error");
#endif
	ending e = run_child(fault_and_go_on);
	EXPECT_INT(e.code, BROKEN); /* the last fault is the overflow, which that handler doesn't know */
	EXPECT(strstr(e.text, LINE_OF("task \"Task-3\"")) != NULL);
}

/* ---- threads ---- */

static void *only_install(void *arg) {
	*(int *)arg = overflow_report_install();
	return NULL;
}

/* Address space in use, in pages. */
static long mapped_pages(void) {
	FILE *statm = fopen("/proc/self/statm", "r");
	long pages = -1;
	if (statm && fscanf(statm, "%ld", &pages) != 1) pages = -1;
	if (statm) fclose(statm);
	return pages;
}

static void install_in_threads(void) {
	long before = 0;
	for (int i = 0; i < 100; i++) {
		pthread_t thread;
		int result = -1;
		if (pthread_create(&thread, NULL, only_install, &result)) _exit(1);
		pthread_join(thread, NULL);
		if (result) _exit(2);
		if (i == 10) before = mapped_pages();
	}
	_exit(before <= 0 || mapped_pages() > before + 200 ? 3 : INTACT);
}

static void a_thread_that_ends_takes_its_alternate_stack_along(void) {
#ifdef CORO_TSAN
	SKIP("the watcher's own mappings come and go");
#endif
	ending e = run_child(install_in_threads);
	EXPECT_INT(e.code, INTACT);
}

CHECK_MAIN("stack_overflow", TEST(an_overflow_names_the_task_and_kills), TEST(an_unnamed_owner_is_a_task),
           TEST(a_name_can_not_break_the_line), TEST(without_the_report_it_kills_in_silence),
           TEST(another_thread_has_its_own_alternate_stack), TEST(another_fault_kills_as_ever),
           TEST(a_sent_signal_kills_as_ever), TEST(a_sent_signal_that_was_ignored_still_is),
           TEST(the_neighbours_are_intact_and_the_old_handler_runs),
           TEST(an_old_handler_of_one_argument_runs_too), TEST(an_old_handler_that_repairs_is_not_disturbed),
           TEST(a_thread_that_ends_takes_its_alternate_stack_along))
