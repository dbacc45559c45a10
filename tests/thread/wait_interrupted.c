/* SPDX-License-Identifier: MIT */
/* Labels: backends threads valgrind */
/*
 * Blocking waits: what ends them early, which waits are affected, and that a task's failure is never mistaken
 * for a failure of the wait.
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "gate.h"

/* A loop in its own thread, and a task there that ends on request. */
typedef struct host {
	aw_loop *loop;
	aw_concurrent_future *outcome;
	aw_future *event; /* what the task awaits */
	gate here;
	pthread_t thread;
	aw_status status; /* the task's result */
} host;

static void *run_forever(void *arg) {
	host *self = arg;
	EXPECT_INT(aw_loop_run_forever(self->loop), 0);
	EXPECT_INT(aw_loop_close(self->loop), 0);
	return NULL;
}

static aw_status wait_for_the_event(void *ud) {
	host *self = ud;
	EXPECT_INT(aw_future_new(aw_loop_current(), &self->event), 0);
	gate_open(&self->here);
	aw_status status = aw_await(self->event, NULL);
	aw_future_unref(self->event);
	if (status < 0) return status;
	return self->status < 0 ? aw_raise(self->status, "the task's own") : aw_return(self, NULL);
}

static void host_begin(host *self, aw_status status) {
	*self = (host){.here = GATE_INIT, .status = status};
	self->loop = loop_begin(NULL);
	EXPECT_INT(pthread_create(&self->thread, NULL, run_forever, self), 0);
	EXPECT_INT(aw_run_coroutine_threadsafe(self->loop, wait_for_the_event, self, NULL, &self->outcome), 0);
	gate_wait(&self->here);
}

static aw_status release(aw_loop *loop, void *ud) {
	(void)loop;
	host *self = ud;
	return aw_future_set_result(self->event, NULL, NULL);
}

static void host_release(host *self) {
	EXPECT_INT(aw_loop_call_soon_threadsafe(self->loop, release, self, NULL), 0);
}

static aw_status stop(aw_loop *loop, void *ud) {
	(void)ud;
	return aw_loop_stop(loop);
}

static void host_end(host *self) {
	aw_concurrent_future_unref(self->outcome);
	EXPECT_INT(aw_loop_call_soon_threadsafe(self->loop, stop, NULL, NULL), 0);
	pthread_join(self->thread, NULL);
	aw_loop_unref(self->loop);
	EXPECT_INT(aw_debug_live_handles(), 0);
}

/* A thread that waits. */
typedef struct waiter {
	aw_concurrent_future *outcome;
	aw_executor *executor; /* or this one */
	aw_interrupt *interrupt;
	int64_t limit;
	aw_status status;
	_Atomic bool ended;
	gate begun;
	pthread_t thread;
} waiter;

static void *waiter_main(void *arg) {
	waiter *self = arg;
	gate_open(&self->begun);
	if (self->executor)
		self->status = aw_executor_shutdown_wait_interruptible(self->executor, self->limit, self->interrupt);
	else
		self->status = aw_concurrent_future_wait_interruptible(self->outcome, self->limit, self->interrupt);
	self->ended = true;
	return NULL;
}

static void *plain_main(void *arg) {
	waiter *self = arg;
	gate_open(&self->begun);
	self->status = self->executor ? aw_executor_shutdown_wait(self->executor, self->limit)
	                              : aw_concurrent_future_wait(self->outcome, self->limit, NULL);
	self->ended = true;
	return NULL;
}

static void waiter_begin(waiter *self, void *(*main)(void *)) {
	self->begun = (gate)GATE_INIT;
	self->ended = false;
	if (!self->limit) self->limit = AW_FOREVER;
	EXPECT_INT(pthread_create(&self->thread, NULL, main, self), 0);
	gate_wait(&self->begun);
}

static aw_status waiter_end(waiter *self) {
	pthread_join(self->thread, NULL);
	return self->status;
}

/* Blocked in the kernel, as far as can be detected. */
static void let_it_block(const waiter *self) {
	for (int i = 0; i < 100 && !self->ended; i++) sched_yield();
}

/* --- a separate status --- */

static void the_time_of_a_wait_is_not_a_time_out_of_the_task(void) {
	host at;
	host_begin(&at, AW_ETIMEOUT);
	EXPECT_INT(aw_concurrent_future_wait(at.outcome, 0, NULL), AW_EPENDING);
	EXPECT_INT(aw_concurrent_future_wait(at.outcome, AW_MILLISECOND, NULL), AW_EPENDING);
	EXPECT_INT(aw_concurrent_future_wait_interruptible(at.outcome, AW_MILLISECOND, NULL), AW_EPENDING);
	EXPECT(!aw_concurrent_future_done(at.outcome));
	host_release(&at);
	EXPECT_INT(aw_concurrent_future_wait(at.outcome, 60 * AW_SECOND, NULL), AW_ETIMEOUT);
	EXPECT_STR(aw_error_message(aw_concurrent_future_error(at.outcome)), "the task's own");
	EXPECT_STR(aw_err_name(AW_EPENDING), "AW_EPENDING");
	EXPECT_INT(AW_EPENDING, -5027);
	host_end(&at);
}

static void a_failure_of_the_task_is_not_one_of_the_wait(void) {
	static const aw_status statuses[] = {-EINTR, AW_EPENDING, AW_ETIMEOUT, -EDEADLK};
	for (size_t i = 0; i < sizeof statuses / sizeof *statuses; i++) {
		host at;
		host_begin(&at, statuses[i]);
		host_release(&at);
		EXPECT_INT(aw_concurrent_future_wait_interruptible(at.outcome, AW_FOREVER, NULL), 0);
		EXPECT_INT(aw_concurrent_future_result(at.outcome, NULL), statuses[i]);
		host_end(&at);
	}
}

/* --- raised by another thread --- */

static void an_interrupt_ends_the_wait_of_its_own_thread_alone(void) {
	host at;
	waiter mine = {0}, other = {0}, plain = {0};
	host_begin(&at, 0);
	mine.outcome = other.outcome = plain.outcome = at.outcome;
	EXPECT_INT(aw_interrupt_new(-1, &mine.interrupt), 0);
	EXPECT_INT(aw_interrupt_new(-1, &other.interrupt), 0);
	waiter_begin(&mine, waiter_main);
	waiter_begin(&other, waiter_main);
	waiter_begin(&plain, plain_main);
	let_it_block(&mine);
	EXPECT_INT(aw_interrupt_raise(mine.interrupt), 0);
	EXPECT_INT(waiter_end(&mine), -EINTR);
	EXPECT(!aw_concurrent_future_done(at.outcome) && !other.ended && !plain.ended);
	host_release(&at);
	EXPECT_INT(waiter_end(&other), 0);
	EXPECT_INT(waiter_end(&plain), 0);
	aw_interrupt_unref(mine.interrupt);
	aw_interrupt_unref(other.interrupt);
	host_end(&at);
}

static void it_is_not_lost_before_the_wait_and_stays_until_cleared(void) {
	host at;
	aw_interrupt *interrupt;
	host_begin(&at, 0);
	EXPECT_INT(aw_interrupt_new(-1, &interrupt), 0);
	EXPECT(!aw_interrupt_is_raised(interrupt));
	EXPECT_INT(aw_interrupt_raise(interrupt), 0);
	EXPECT_INT(aw_interrupt_raise(interrupt), 0);
	EXPECT(aw_interrupt_is_raised(interrupt));
	EXPECT_INT(aw_concurrent_future_wait_interruptible(at.outcome, AW_FOREVER, interrupt), -EINTR);
	EXPECT_INT(aw_concurrent_future_wait_interruptible(at.outcome, 0, interrupt), -EINTR);
	EXPECT_INT(aw_interrupt_clear(interrupt), 0);
	EXPECT_INT(aw_concurrent_future_wait_interruptible(at.outcome, AW_MILLISECOND, interrupt), AW_EPENDING);
	host_release(&at);
	EXPECT_INT(aw_concurrent_future_wait_interruptible(at.outcome, AW_FOREVER, interrupt), 0);
	/* A completed outcome is returned in spite of it. */
	EXPECT_INT(aw_interrupt_raise(interrupt), 0);
	EXPECT_INT(aw_concurrent_future_wait_interruptible(at.outcome, AW_FOREVER, interrupt), 0);
	aw_interrupt_unref(interrupt);
	host_end(&at);
}

static void one_that_is_shared_ends_all_its_waits(void) {
	enum { THREADS = 4 };
	host at;
	aw_interrupt *interrupt;
	waiter all[THREADS] = {{0}};
	host_begin(&at, 0);
	EXPECT_INT(aw_interrupt_new(-1, &interrupt), 0);
	for (int i = 0; i < THREADS; i++) {
		all[i].outcome = at.outcome;
		all[i].interrupt = interrupt;
		waiter_begin(&all[i], waiter_main);
	}
	let_it_block(&all[0]);
	EXPECT_INT(aw_interrupt_raise(interrupt), 0);
	for (int i = 0; i < THREADS; i++) EXPECT_INT(waiter_end(&all[i]), -EINTR);
	aw_interrupt_unref(interrupt);
	host_release(&at);
	EXPECT_INT(aw_concurrent_future_wait(at.outcome, AW_FOREVER, NULL), 0);
	host_end(&at);
}

static void no_raise_and_no_outcome_is_lost_in_a_race(void) {
	enum { ROUNDS = 300 };
	host at;
	waiter one = {0};
	host_begin(&at, 0);
	EXPECT_INT(aw_interrupt_new(-1, &one.interrupt), 0);
	one.outcome = at.outcome;
	for (int i = 0; i < ROUNDS; i++) {
		waiter_begin(&one, waiter_main);
		for (int turn = 0; turn < i % 7; turn++) sched_yield();
		EXPECT_INT(aw_interrupt_raise(one.interrupt), 0);
		EXPECT_INT(waiter_end(&one), -EINTR);
		EXPECT_INT(aw_interrupt_clear(one.interrupt), 0);
	}
	waiter_begin(&one, waiter_main);
	host_release(&at);
	EXPECT_INT(aw_interrupt_raise(one.interrupt), 0);
	aw_status status = waiter_end(&one);
	EXPECT(status == 0 || status == -EINTR);
	EXPECT_INT(aw_concurrent_future_wait(at.outcome, AW_FOREVER, NULL), 0);
	aw_interrupt_unref(one.interrupt);
	host_end(&at);
}

/* --- signals --- */

static _Atomic int handled;
static aw_interrupt *raised_by_handler;

static void handler(int number) {
	(void)number;
	int before = errno;
	handled++;
	if (raised_by_handler) {
		errno = E2BIG;
		(void)aw_interrupt_raise(raised_by_handler);
		if (errno != E2BIG) handled = -1000000;
	}
	errno = before;
}

static struct sigaction handler_begin(void) {
	struct sigaction mine = {.sa_handler = handler, .sa_flags = SA_RESTART}, before;
	handled = 0;
	sigaction(SIGUSR1, &mine, &before);
	return before;
}

static void a_handler_on_the_waiting_thread_ends_it_also_with_SA_RESTART(void) {
	struct sigaction before = handler_begin();
	static const int64_t limits[] = {AW_FOREVER, 600 * AW_SECOND};
	host at;
	host_begin(&at, 0);
	for (size_t i = 0; i < 2; i++) {
		waiter one = {.outcome = at.outcome, .limit = limits[i]};
		waiter_begin(&one, waiter_main);
		/* One that arrives before it has blocked may go unnoticed. */
		while (!one.ended) {
			pthread_kill(one.thread, SIGUSR1);
			sched_yield();
		}
		EXPECT_INT(waiter_end(&one), -EINTR);
	}
	EXPECT(handled > 0);
	EXPECT(!aw_concurrent_future_done(at.outcome));
	host_release(&at);
	EXPECT_INT(aw_concurrent_future_wait(at.outcome, AW_FOREVER, NULL), 0);
	host_end(&at);
	sigaction(SIGUSR1, &before, NULL);
}

static void a_handler_that_raises_is_never_missed(void) {
#ifdef __SANITIZE_THREAD__
	/* It keeps a signal until the thread enters a function that it knows; our wait is a system call. */
	SKIP("ThreadSanitizer delivers a signal late, and to a thread that blocks here never");
#endif
	struct sigaction before = handler_begin();
	host at;
	waiter one = {0};
	host_begin(&at, 0);
	EXPECT_INT(aw_interrupt_new(-1, &one.interrupt), 0);
	raised_by_handler = one.interrupt;
	one.outcome = at.outcome;
	for (int i = 0; i < 200; i++) {
		waiter_begin(&one, waiter_main);
		for (int turn = 0; turn < i % 5; turn++) sched_yield();
		pthread_kill(one.thread, SIGUSR1); /* once, at an arbitrary moment */
		EXPECT_INT(waiter_end(&one), -EINTR);
		EXPECT_INT(aw_interrupt_clear(one.interrupt), 0);
	}
	EXPECT(handled > 0);
	raised_by_handler = NULL;
	aw_interrupt_unref(one.interrupt);
	host_release(&at);
	EXPECT_INT(aw_concurrent_future_wait(at.outcome, AW_FOREVER, NULL), 0);
	host_end(&at);
	sigaction(SIGUSR1, &before, NULL);
}

static void a_plain_wait_is_not_ended_by_signals(void) {
	struct sigaction before = handler_begin();
	host at;
	waiter one = {0};
	host_begin(&at, 0);
	one.outcome = at.outcome;
	waiter_begin(&one, plain_main);
	for (int i = 0; i < 100; i++) {
		pthread_kill(one.thread, SIGUSR1);
		sched_yield();
	}
	EXPECT(!one.ended);
	host_release(&at);
	EXPECT_INT(waiter_end(&one), 0);
	EXPECT(handled > 0);
	host_end(&at);
	sigaction(SIGUSR1, &before, NULL);
}

/* --- a descriptor --- */

static void a_readable_descriptor_ends_it_until_it_is_read(void) {
	int ends[2];
	char byte = SIGINT;
	host at;
	waiter one = {0};
	host_begin(&at, 0);
	EXPECT_INT(pipe(ends), 0);
	EXPECT_INT(aw_interrupt_new(ends[0], &one.interrupt), 0);
	one.outcome = at.outcome;
	EXPECT_INT(aw_concurrent_future_wait_interruptible(at.outcome, AW_MILLISECOND, one.interrupt),
	           AW_EPENDING);
	for (int i = 0; i < 100; i++) {
		waiter_begin(&one, waiter_main);
		for (int turn = 0; turn < i % 5; turn++) sched_yield();
		EXPECT_INT(write(ends[1], &byte, 1), 1);
		EXPECT_INT(waiter_end(&one), -EINTR);
		EXPECT_INT(aw_concurrent_future_wait_interruptible(at.outcome, AW_FOREVER, one.interrupt), -EINTR);
		EXPECT_INT(read(ends[0], &byte, 1), 1);
	}
	/* By the call as well. */
	EXPECT(!aw_interrupt_is_raised(one.interrupt));
	waiter_begin(&one, waiter_main);
	let_it_block(&one);
	EXPECT_INT(aw_interrupt_raise(one.interrupt), 0);
	EXPECT_INT(waiter_end(&one), -EINTR);
	EXPECT_INT(aw_interrupt_clear(one.interrupt), 0);
	EXPECT_INT(aw_concurrent_future_wait_interruptible(at.outcome, AW_MILLISECOND, one.interrupt),
	           AW_EPENDING);
	/* The outcome arrives all the same. */
	waiter_begin(&one, waiter_main);
	let_it_block(&one);
	host_release(&at);
	EXPECT_INT(waiter_end(&one), 0);
	aw_interrupt_unref(one.interrupt);
	host_end(&at);
	close(ends[0]);
	close(ends[1]);
}

static void one_with_a_descriptor_serves_one_wait(void) {
	int ends[2];
	aw_interrupt *interrupt = NULL;
	host at;
	host_begin(&at, 0);
	EXPECT_INT(pipe(ends), 0);
	EXPECT_INT(aw_interrupt_new(ends[0], &interrupt), 0);
	waiter first = {.outcome = at.outcome, .interrupt = interrupt},
		   second = {.outcome = at.outcome, .interrupt = interrupt};
	waiter_begin(&first, waiter_main);
	waiter_begin(&second, waiter_main);
	while (!first.ended && !second.ended) sched_yield();
	EXPECT_INT(first.ended ? first.status : second.status, -EBUSY);
	EXPECT_INT(aw_interrupt_raise(interrupt), 0);
	aw_status one = waiter_end(&first), two = waiter_end(&second);
	EXPECT_INT(one == -EBUSY ? two : one, -EINTR);
	EXPECT_INT(aw_interrupt_clear(interrupt), 0);
	close(ends[0]);
	close(ends[1]);
	EXPECT_INT(aw_concurrent_future_wait_interruptible(at.outcome, AW_FOREVER, interrupt), -EBADF);
	aw_interrupt_unref(interrupt);
	interrupt = NULL;
	EXPECT_INT(aw_interrupt_new(ends[0], &interrupt), -EBADF);
	EXPECT(interrupt == NULL);
	host_release(&at);
	EXPECT_INT(aw_concurrent_future_wait(at.outcome, AW_FOREVER, NULL), 0);
	host_end(&at);
}

/* --- executors --- */

static void the_end_of_an_executor_is_waited_for_in_the_same_way(void) {
	struct sigaction before = handler_begin();
	visitor job = VISIT_INIT;
	aw_loop *loop = loop_begin(NULL);
	waiter one = {0}, plain = {0};
	EXPECT_INT(aw_executor_new(1, &one.executor), 0);
	EXPECT_INT(aw_interrupt_new(-1, &one.interrupt), 0);
	plain.executor = one.executor;
	EXPECT_INT(aw_loop_run_in_executor(loop, one.executor, visit_work, &job, NULL, NULL), 0);
	gate_wait(&job.here);
	EXPECT_INT(aw_executor_shutdown_wait(one.executor, 0), AW_EPENDING);
	EXPECT_INT(aw_executor_shutdown_wait_interruptible(one.executor, AW_MILLISECOND, NULL), AW_EPENDING);
	waiter_begin(&plain, plain_main);
	waiter_begin(&one, waiter_main);
	let_it_block(&one);
	EXPECT_INT(aw_interrupt_raise(one.interrupt), 0);
	EXPECT_INT(waiter_end(&one), -EINTR);
	EXPECT_INT(aw_executor_shutdown_wait_interruptible(one.executor, AW_FOREVER, one.interrupt), -EINTR);
	EXPECT_INT(aw_interrupt_clear(one.interrupt), 0);
	waiter_begin(&one, waiter_main);
	while (!one.ended) {
		pthread_kill(one.thread, SIGUSR1);
		sched_yield();
	}
	EXPECT_INT(waiter_end(&one), -EINTR);
	pthread_kill(plain.thread, SIGUSR1);
	EXPECT(!plain.ended);
	waiter_begin(&one, waiter_main);
	gate_open(&job.leave);
	EXPECT_INT(waiter_end(&one), 0);
	EXPECT_INT(waiter_end(&plain), 0);
	aw_interrupt_unref(one.interrupt);
	aw_executor_unref(one.executor);
	loop_settle(loop);
	loop_end(loop);
	sigaction(SIGUSR1, &before, NULL);
}

/* --- errors --- */

static aw_status wait_inside(void *ud) {
	aw_concurrent_future *outcome = NULL;
	EXPECT_INT(aw_run_coroutine_threadsafe(aw_loop_current(), wait_for_the_event, ud, NULL, &outcome), 0);
	EXPECT_INT(aw_concurrent_future_wait_interruptible(outcome, AW_FOREVER, NULL), -EDEADLK);
	EXPECT_INT(aw_concurrent_future_cancel(outcome), 1);
	aw_concurrent_future_unref(outcome);
	return 0;
}

static int child_of_fork(aw_concurrent_future *outcome, aw_executor *executor, aw_interrupt *interrupt) {
	if (aw_concurrent_future_wait_interruptible(outcome, AW_FOREVER, NULL) != AW_EFORKED) return 1;
	if (aw_executor_shutdown_wait_interruptible(executor, AW_FOREVER, NULL) != AW_EFORKED) return 2;
	if (aw_concurrent_future_wait_interruptible(outcome, AW_FOREVER, interrupt) != AW_EFORKED) return 3;
	if (aw_interrupt_raise(interrupt) != AW_EFORKED) return 4;
	if (aw_interrupt_clear(interrupt) != AW_EFORKED) return 5;
	return aw_interrupt_is_raised(interrupt) ? 6 : 0;
}

static void the_loops_thread_and_forked_children_are_refused(void) {
	host here = {.here = GATE_INIT};
	EXPECT_INT(aw_run(NULL, wait_inside, &here, NULL, NULL), 0);
	host at;
	aw_executor *executor;
	aw_interrupt *interrupt;
	int status = -1;
	host_begin(&at, 0);
	EXPECT_INT(aw_executor_new(1, &executor), 0);
	EXPECT_INT(aw_interrupt_new(-1, &interrupt), 0);
	fflush(NULL);
	pid_t child = fork();
	if (child == 0) _exit(child_of_fork(at.outcome, executor, interrupt));
	EXPECT_INT(waitpid(child, &status, 0), child);
	EXPECT_INT(status, 0);
	host_release(&at);
	EXPECT_INT(aw_concurrent_future_wait(at.outcome, AW_FOREVER, NULL), 0);
	aw_interrupt_unref(interrupt);
	aw_executor_unref(executor);
	host_end(&at);
}

static void bad_handles_are_answered(void) {
	aw_interrupt *interrupt, *second;
	aw_executor *executor;
	EXPECT_INT(aw_interrupt_new(-1, NULL), -EINVAL);
	EXPECT_INT(aw_interrupt_new(-2, &interrupt), -EINVAL);
	EXPECT_INT(aw_interrupt_new(-1, &interrupt), 0);
	EXPECT_INT(aw_executor_new(1, &executor), 0);
	EXPECT_INT(aw_interrupt_raise(NULL), AW_EBADHANDLE);
	EXPECT_INT(aw_interrupt_clear(NULL), AW_EBADHANDLE);
	EXPECT(!aw_interrupt_is_raised(NULL));
	EXPECT_INT(aw_interrupt_raise((aw_interrupt *)(void *)executor), AW_EBADHANDLE);
	EXPECT(!aw_interrupt_is_raised((aw_interrupt *)(void *)executor));
	EXPECT_INT(aw_concurrent_future_wait_interruptible(NULL, 0, interrupt), AW_EBADHANDLE);
	EXPECT_INT(aw_executor_shutdown_wait_interruptible(NULL, 0, interrupt), AW_EBADHANDLE);
	EXPECT_INT(aw_executor_shutdown_wait_interruptible(executor, 0, (aw_interrupt *)(void *)executor),
	           AW_EBADHANDLE);
	second = aw_interrupt_ref(interrupt);
	EXPECT(second == interrupt);
	aw_interrupt_unref(interrupt);
	EXPECT_INT(aw_interrupt_raise(second), 0);
	aw_interrupt_unref(second);
	aw_interrupt_unref(NULL);
	EXPECT_INT(aw_executor_shutdown_wait_interruptible(executor, AW_FOREVER, NULL), 0);
	aw_executor_unref(executor);
	EXPECT_INT(aw_debug_live_handles(), 0);
}

CHECK_MAIN("wait_interrupted", TEST(the_time_of_a_wait_is_not_a_time_out_of_the_task),
           TEST(a_failure_of_the_task_is_not_one_of_the_wait),
           TEST(an_interrupt_ends_the_wait_of_its_own_thread_alone),
           TEST(it_is_not_lost_before_the_wait_and_stays_until_cleared),
           TEST(one_that_is_shared_ends_all_its_waits), TEST(no_raise_and_no_outcome_is_lost_in_a_race),
           TEST(a_handler_on_the_waiting_thread_ends_it_also_with_SA_RESTART),
           TEST(a_handler_that_raises_is_never_missed), TEST(a_plain_wait_is_not_ended_by_signals),
           TEST(a_readable_descriptor_ends_it_until_it_is_read), TEST(one_with_a_descriptor_serves_one_wait),
           TEST(the_end_of_an_executor_is_waited_for_in_the_same_way),
           TEST(the_loops_thread_and_forked_children_are_refused), TEST(bad_handles_are_answered))
