/* SPDX-License-Identifier: MIT */
/* Labels: backends valgrind */
/*
 * The last reference to an object is dropped during a call on that object: by a destroy function, a callback,
 * a task, or another thread. The call ends as if the caller still held one.
 */
#include "trace.h"

#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <signal.h>
#include <unistd.h>

static void drop_loop(void *loop) {
	aw_loop_unref(loop);
}

/* Takes a reference to a loop that is being closed, and drops it. */
static void touch_loop(void *loop) {
	aw_loop_ref(loop);
	aw_loop_unref(loop);
}

static int pipe_ends[2] = {-1, -1}; /* of a reader, until its loop is gone */

static void nothing_is_left(void) {
	for (int i = 0; i < 2; i++) {
		if (pipe_ends[i] >= 0) close(pipe_ends[i]);
		pipe_ends[i] = -1;
	}
	EXPECT_INT(aw_debug_live_handles(), 0);
}

/* --- a loop that closes --- */

/* Each adds something to the loop whose end calls `destroy` with the loop. */
typedef void (*plant_fn)(aw_loop *loop, aw_destroy_fn destroy);

static void plant_callback(aw_loop *loop, aw_destroy_fn destroy) {
	EXPECT_INT(aw_loop_call_soon(loop, say, loop, destroy, NULL), 0);
}

static void plant_timer(aw_loop *loop, aw_destroy_fn destroy) {
	EXPECT_INT(aw_loop_call_later(loop, AW_SECOND, say, loop, destroy, NULL), 0);
}

static void plant_posted(aw_loop *loop, aw_destroy_fn destroy) {
	EXPECT_INT(aw_loop_call_soon_threadsafe(loop, say, loop, destroy), 0);
}

static void plant_host_data(aw_loop *loop, aw_destroy_fn destroy) {
	EXPECT_INT(aw_loop_set_host_data(loop, loop, destroy), 0);
}

static aw_status ignore(aw_loop *loop, const aw_report *report, void *ud) {
	(void)loop;
	(void)report;
	(void)ud;
	return 0;
}

static void plant_handler(aw_loop *loop, aw_destroy_fn destroy) {
	EXPECT_INT(aw_loop_set_exception_handler(loop, ignore, loop, destroy), 0);
}

static void plant_done_callback(aw_loop *loop, aw_destroy_fn destroy) {
	aw_future *future = NULL;
	EXPECT_INT(aw_future_new(loop, &future), 0);
	EXPECT_INT(aw_future_add_done_callback(future, say_done, loop, destroy), 0);
	EXPECT_INT(aw_future_cancel(future, NULL), 1);
	aw_future_unref(future);
}

static void plant_task(aw_loop *loop, aw_destroy_fn destroy) {
	EXPECT_INT(aw_task_spawn(loop, sleep_long, loop, destroy, NULL), 0);
	IGNORED(aw_loop_run_once(loop, 0));
}

static aw_status never(aw_resume *resume, void *ud) {
	(void)ud;
	return aw_resume_yield(resume);
}

static void plant_coro(aw_loop *loop, aw_destroy_fn destroy) {
	aw_coro *coro = NULL;
	EXPECT_INT(aw_coro_new(loop, never, loop, destroy, &coro), 0);
	EXPECT_INT(aw_task_spawn_coro(loop, coro, NULL), 0);
	aw_coro_unref(coro);
}

static void plant_signal(aw_loop *loop, aw_destroy_fn destroy) {
	EXPECT_INT(aw_loop_add_signal_handler(loop, SIGUSR1, say, loop, destroy), 0);
}

static void plant_reader(aw_loop *loop, aw_destroy_fn destroy) {
	REQUIRE(pipe(pipe_ends) == 0);
	EXPECT_INT(aw_loop_add_reader(loop, pipe_ends[0], say, loop, destroy), 0);
}

static void plant_queue(aw_loop *loop, aw_destroy_fn destroy) {
	aw_queue *queue = NULL;
	EXPECT_INT(aw_queue_new(loop, 0, &queue), 0);
	EXPECT_INT(aw_queue_put_nowait(queue, loop, destroy), 0);
	aw_coro *coro = NULL;
	EXPECT_INT(aw_queue_join_coro(queue, &coro), 0);
	EXPECT_INT(aw_task_spawn_coro(loop, coro, NULL), 0);
	aw_coro_unref(coro);
	aw_queue_unref(queue);
}

static const struct {
	const char *name;
	plant_fn plant;
} plants[] = {
	{"callback", plant_callback},   {"timer", plant_timer},     {"posted", plant_posted},
	{"host data", plant_host_data}, {"handler", plant_handler}, {"done", plant_done_callback},
	{"task", plant_task},           {"coroutine", plant_coro},  {"signal", plant_signal},
	{"reader", plant_reader},       {"queue", plant_queue},
};
enum { PLANTS = sizeof plants / sizeof *plants };

static void a_loop_is_closed_whose_last_reference_goes_in_a_destroy(void) {
	for (size_t i = 0; i < PLANTS; i++) {
		aw_loop *loop = loop_begin(NULL);
		plants[i].plant(loop, drop_loop);
		EXPECT_INT(aw_loop_close(loop), 0);
		nothing_is_left();
	}
}

static void a_loop_is_looked_at_while_its_last_reference_closes_it(void) {
	for (size_t i = 0; i < PLANTS; i++) {
		aw_loop *loop = loop_begin(NULL);
		plants[i].plant(loop, touch_loop);
		aw_loop_unref(loop);
		nothing_is_left();
	}
}

static void keep_loop(void *loop) {
	aw_loop_ref(loop);
}

static void a_reference_taken_while_a_loop_goes_keeps_a_closed_one(void) {
	for (size_t i = 0; i < PLANTS; i++) {
		if (plants[i].plant == plant_queue) continue; /* released with the handle */
		aw_loop *loop = loop_begin(NULL);
		plants[i].plant(loop, keep_loop);
		aw_loop_unref(loop);
		EXPECT_INT(aw_loop_is_closed(loop), 1);
		EXPECT_INT(aw_loop_run_once(loop, 0), AW_ELOOPCLOSED);
		aw_loop_unref(loop);
		nothing_is_left();
	}
}

static aw_status unwinds(void *loop) {
	EXPECT_INT(aw_sleep(AW_SECOND), AW_ELOOPCLOSED);
	aw_loop_unref(loop);
	return 0;
}

static void a_task_that_unwinds_drops_its_loop(void) {
	aw_loop *loop = loop_begin(NULL);
	EXPECT_INT(aw_task_spawn(loop, unwinds, loop, NULL, NULL), 0);
	IGNORED(aw_loop_run_once(loop, 0));
	EXPECT_INT(aw_loop_close(loop), 0);
	nothing_is_left();
}

static aw_status drop_on_report(aw_loop *loop, const aw_report *report, void *dropped) {
	(void)report;
	if (!*(bool *)dropped) aw_loop_unref(loop);
	*(bool *)dropped = true;
	return -EIO;
}

static void the_exception_handler_drops_a_loop_that_closes(void) {
	bool dropped = false;
	aw_loop *loop = loop_begin(NULL);
	EXPECT_INT(aw_loop_set_exception_handler(loop, drop_on_report, &dropped, NULL), 0);
	EXPECT_INT(aw_task_spawn(loop, sleep_long, NULL, NULL, NULL), 0);
	IGNORED(aw_loop_run_once(loop, 0));
	EXPECT_INT(aw_loop_close(loop), 0);
	EXPECT(dropped);
	nothing_is_left();
}

static void the_exception_handler_drops_what_it_is_called_with(void) {
	bool dropped = false;
	aw_loop *loop = loop_begin(NULL);
	aw_error *error = NULL;
	EXPECT_INT(aw_error_new(NULL, -EIO, "gone", NULL, NULL, &error), 0); /* which holds no loop */
	EXPECT_INT(aw_loop_set_exception_handler(loop, drop_on_report, &dropped, NULL), 0);
	EXPECT_INT(aw_loop_call_exception_handler(loop, "told", error, NULL), 0);
	EXPECT(dropped);
	aw_error_unref(error);
	nothing_is_left();
}

static aw_status drop_subjects(aw_loop *loop, const aw_report *report, void *ud) {
	(void)loop;
	(void)ud;
	aw_error_unref(aw_report_error(report));
	aw_future_unref(aw_report_future(report));
	EXPECT_STR(aw_error_message(aw_report_error(report)), "gone");
	EXPECT_INT(aw_future_done(aw_report_future(report)), 0);
	return -EIO;
}

static void the_exception_handler_drops_error_and_future(void) {
	aw_loop *loop = loop_begin(NULL);
	aw_error *error = NULL;
	aw_future *future = NULL;
	EXPECT_INT(aw_error_new(loop, -EIO, "gone", NULL, NULL, &error), 0);
	EXPECT_INT(aw_future_new(loop, &future), 0);
	EXPECT_INT(aw_loop_set_exception_handler(loop, drop_subjects, NULL, NULL), 0);
	EXPECT_INT(aw_loop_call_exception_handler(loop, "told", error, future), 0);
	loop_end(loop);
}

/* --- a loop that runs, or waits --- */

static aw_status drop_and_stop(aw_loop *loop, void *ud) {
	(void)ud;
	aw_loop_stop(loop);
	aw_loop_unref(loop);
	return 0;
}

static void a_callback_drops_the_loop_that_runs_it(void) {
	for (int way = 0; way < 4; way++) {
		aw_loop *loop = loop_begin(NULL);
		aw_completion out;
		EXPECT_INT(aw_loop_call_soon(loop, drop_and_stop, NULL, NULL, NULL), 0);
		switch (way) {
		case 0: EXPECT_INT(aw_loop_run_forever(loop), 0); break;
		case 1: EXPECT_INT(aw_loop_run_once(loop, 0), 1); break;
		case 2: EXPECT_INT(aw_loop_dispatch(loop), 1); break;
		default: EXPECT_INT(aw_loop_drain(loop, &out, 1, 0), 0);
		}
		nothing_is_left();
	}
}

static aw_status drops_loop(void *loop) {
	aw_loop_unref(loop);
	return aw_sleep(0);
}

static void a_task_drops_the_loop_that_runs_it_to_its_end(void) {
	aw_loop *loop = loop_begin(NULL);
	aw_task *task = NULL;
	EXPECT_INT(aw_task_spawn(loop, drops_loop, loop, NULL, &task), 0);
	EXPECT_INT(aw_loop_run_until_complete(loop, aw_task_future(task), NULL), 0);
	aw_task_unref(task);
	nothing_is_left();
}

static aw_status drops_when_cancelled(void *loop) {
	aw_status status = aw_sleep(3600 * AW_SECOND);
	aw_loop_unref(loop);
	IGNORED(aw_sleep(0));
	return status;
}

static void a_cancelled_task_drops_the_loop_that_cancels_all(void) {
	aw_loop *loop = loop_begin(NULL);
	EXPECT_INT(aw_task_spawn(loop, drops_when_cancelled, loop, NULL, NULL), 0);
	IGNORED(aw_loop_run_once(loop, 0));
	EXPECT_INT(aw_loop_cancel_all(loop), 0);
	nothing_is_left();
}

typedef struct waiting {
	aw_loop *loop;
	sem_t about;
	pid_t waiter;
} waiting;

/* Whether a thread of this process sleeps in the kernel. */
static bool is_asleep(pid_t thread) {
	char path[64], state = 0;
	snprintf(path, sizeof path, "/proc/self/task/%d/stat", (int)thread);
	FILE *file = fopen(path, "r");
	if (!file) return false;
	if (fscanf(file, "%*d (%*[^)]) %c", &state) != 1) state = 0;
	fclose(file);
	return state == 'S';
}

static void *drop_while_it_waits(void *ud) {
	waiting *self = ud;
	sem_wait(&self->about);
	while (!is_asleep(self->waiter)) sched_yield();
	aw_loop_unref(self->loop);
	return NULL;
}

static void another_thread_drops_the_loop_that_waits(void) {
	waiting self = {.loop = loop_begin(NULL), .waiter = gettid()};
	pthread_t thread;
	if (!strcmp(aw_loop_backend(self.loop), "virtual")) { /* no thread ever sleeps there */
		loop_end(self.loop);
		return;
	}
	REQUIRE(sem_init(&self.about, 0, 0) == 0);
	REQUIRE(pthread_create(&thread, NULL, drop_while_it_waits, &self) == 0);
	sem_post(&self.about);
	EXPECT_INT(aw_loop_wait(self.loop, AW_SECOND), 0);
	pthread_join(thread, NULL);
	sem_destroy(&self.about);
	nothing_is_left();
}

/* --- signals --- */

static void close_loop(void *loop) {
	EXPECT_INT(aw_loop_close(loop), 0);
}

static void a_signal_handler_that_is_replaced_drops_or_closes_the_loop(void) {
	aw_loop *loop = loop_begin(NULL);
	EXPECT_INT(aw_loop_add_signal_handler(loop, SIGUSR1, say, loop, drop_loop), 0);
	EXPECT_INT(aw_loop_add_signal_handler(loop, SIGUSR1, say, "next", say_destroyed), 0);
	EXPECT_STR(trace, "~next");
	nothing_is_left();
	loop = loop_begin(NULL);
	EXPECT_INT(aw_loop_add_signal_handler(loop, SIGUSR1, say, loop, close_loop), 0);
	EXPECT_INT(aw_loop_add_signal_handler(loop, SIGUSR1, say, "next", say_destroyed), AW_ELOOPCLOSED);
	EXPECT_STR(trace, "~next");
	aw_loop_unref(loop);
	nothing_is_left();
	loop = loop_begin(NULL);
	EXPECT_INT(aw_loop_add_signal_handler(loop, SIGUSR1, say, loop, close_loop), 0);
	EXPECT_INT(aw_loop_remove_signal_handler(loop, SIGUSR1), 1);
	aw_loop_unref(loop);
	nothing_is_left();
}

/* --- the runner --- */

static aw_status drops_runner(void *runner) {
	aw_runner_unref(runner);
	return aw_sleep(0);
}

static void the_main_task_drops_its_runner(void) {
	aw_runner *runner = NULL;
	trace_reset();
	EXPECT_INT(aw_runner_new(NULL, AW_RUNNER_DEFAULT, &runner), 0);
	EXPECT_INT(aw_runner_run(runner, drops_runner, runner, NULL, NULL), 0);
	nothing_is_left();
}

static aw_status leftover(void *runner) {
	aw_status status = aw_sleep(3600 * AW_SECOND);
	aw_runner_unref(runner);
	return status;
}

static aw_status leaves_one_over(void *runner) {
	EXPECT_INT(aw_task_spawn(NULL, leftover, runner, NULL, NULL), 0);
	return aw_sleep(0);
}

static void a_leftover_drops_the_runner_that_closes(void) {
	aw_runner *runner = NULL;
	EXPECT_INT(aw_runner_new(NULL, AW_RUNNER_DEFAULT, &runner), 0);
	EXPECT_INT(aw_runner_run(runner, leaves_one_over, runner, NULL, NULL), 0);
	EXPECT_INT(aw_runner_close(runner), 0);
	nothing_is_left();
}

static aw_status leftover_that_looks(void *runner) {
	aw_status status = aw_sleep(3600 * AW_SECOND);
	aw_runner_ref(runner);
	aw_runner_unref(runner);
	return status;
}

static aw_status leaves_a_look(void *runner) {
	EXPECT_INT(aw_task_spawn(NULL, leftover_that_looks, runner, NULL, NULL), 0);
	return aw_sleep(0);
}

static void a_runner_is_looked_at_while_its_last_reference_closes_it(void) {
	aw_runner *runner = NULL;
	EXPECT_INT(aw_runner_new(NULL, AW_RUNNER_DEFAULT, &runner), 0);
	EXPECT_INT(aw_runner_run(runner, leaves_a_look, runner, NULL, NULL), 0);
	aw_runner_unref(runner);
	nothing_is_left();
}

/* --- threads --- */

typedef struct joined {
	aw_executor *executor;
	pid_t waiter;
} joined;

static aw_status drops_executor(void *ud, void **out, aw_destroy_fn *out_destroy) {
	joined *self = ud;
	(void)out;
	(void)out_destroy;
	while (!is_asleep(self->waiter)) sched_yield();
	aw_executor_unref(self->executor);
	return 0;
}

static void a_work_drops_the_executor_that_is_waited_for(void) {
	aw_loop *loop = loop_begin(NULL);
	joined self = {.waiter = gettid()};
	aw_future *future = NULL;
	EXPECT_INT(aw_executor_new(1, &self.executor), 0);
	EXPECT_INT(aw_loop_run_in_executor(loop, self.executor, drops_executor, &self, NULL, &future), 0);
	EXPECT_INT(aw_executor_shutdown_wait(self.executor, 10 * AW_SECOND), 0);
	EXPECT_INT(aw_loop_run_until_complete(loop, future, NULL), 0);
	aw_future_unref(future);
	loop_end(loop);
}

typedef struct submission {
	aw_loop *loop;
	aw_concurrent_future *_Atomic outcome;
	sem_t known;
	pid_t waiter;
	aw_status status;
} submission;

static aw_status drops_concurrent_future(void *ud) {
	submission *self = ud;
	sem_wait(&self->known);
	while (!is_asleep(self->waiter)) sched_yield();
	aw_concurrent_future_unref(self->outcome);
	return aw_sleep(0);
}

static void *submits(void *ud) {
	submission *self = ud;
	aw_concurrent_future *outcome = NULL;
	EXPECT_INT(aw_run_coroutine_threadsafe(self->loop, drops_concurrent_future, self, NULL, &outcome), 0);
	self->outcome = outcome;
	self->waiter = gettid();
	sem_post(&self->known);
	self->status = aw_concurrent_future_wait(outcome, AW_FOREVER, NULL);
	aw_loop_call_soon_threadsafe(self->loop, drop_and_stop, NULL, NULL);
	return NULL;
}

static void a_task_drops_the_concurrent_future_that_is_waited_for(void) {
	submission self = {.loop = loop_begin(NULL), .status = -1};
	pthread_t thread;
	REQUIRE(sem_init(&self.known, 0, 0) == 0);
	REQUIRE(pthread_create(&thread, NULL, submits, &self) == 0);
	EXPECT_INT(aw_loop_run_forever(self.loop), 0);
	pthread_join(thread, NULL);
	EXPECT_INT(self.status, 0);
	sem_destroy(&self.known);
	nothing_is_left();
}

/* --- queues and iterators --- */

static void drop_queue(void *queue) {
	aw_queue_unref(queue);
}

static void an_item_drops_the_queue_that_is_shut_down(void) {
	aw_loop *loop = loop_begin(NULL);
	aw_queue *queue = NULL;
	EXPECT_INT(aw_queue_new(loop, 0, &queue), 0);
	EXPECT_INT(aw_queue_put_nowait(queue, queue, drop_queue), 0);
	EXPECT_INT(aw_queue_put_nowait(queue, "second", say_destroyed), 0);
	EXPECT_INT(aw_queue_shutdown(queue, 1), 0);
	EXPECT_STR(trace, "~second");
	loop_end(loop);
}

static int32_t drop_when_compared(void *a, void *b, void *ud) {
	aw_queue **queue = ud;
	(void)a;
	(void)b;
	aw_queue_unref(*queue);
	*queue = NULL;
	return 0;
}

static void a_comparison_drops_the_queue(void) {
	aw_loop *loop = loop_begin(NULL);
	aw_queue *queue = NULL, *dropped = NULL;
	EXPECT_INT(aw_queue_new_priority(loop, 0, drop_when_compared, &dropped, NULL, &queue), 0);
	EXPECT_INT(aw_queue_put_nowait(queue, "first", say_destroyed), 0);
	dropped = queue;
	EXPECT_INT(aw_queue_put_nowait(queue, "second", say_destroyed), 0);
	EXPECT(strstr(trace, "~first") && strstr(trace, "~second"));
	loop_end(loop);
}

static aw_status drops_iterator(void *ud, aw_coro **out) {
	aw_iterator **iterator = ud;
	aw_iterator_unref(*iterator);
	return aw_sleep_coro(NULL, 0, NULL, NULL, out);
}

static aw_status asks_for_next(void *ud) {
	(void)ud;
	aw_iterator *iterator = NULL;
	aw_future *next = NULL;
	EXPECT_INT(aw_iterator_new_coro(NULL, drops_iterator, &iterator, NULL, &iterator), 0);
	EXPECT_INT(aw_iterator_next_future(iterator, &next), 0);
	EXPECT_INT(aw_await(next, NULL), 0);
	aw_future_unref(next);
	return 0;
}

static void a_factory_drops_its_iterator(void) {
	EXPECT_INT(aw_run(NULL, asks_for_next, NULL, NULL, NULL), 0);
	nothing_is_left();
}

/* --- any object --- */

static void touch_future(void *future) {
	aw_future_ref(*(aw_future **)future);
	aw_future_unref(*(aw_future **)future);
	trace_add("touched");
}

static void a_destroy_takes_and_gives_back_a_reference_to_what_goes(void) {
	aw_loop *loop = loop_begin(NULL);
	aw_future *future = NULL, *kept = NULL;
	EXPECT_INT(aw_future_new(loop, &future), 0);
	kept = aw_future_ref(future);
	EXPECT_INT(aw_future_set_result(future, &future, touch_future), 0);
	aw_future_unref(future);
	aw_future_unref(kept);
	EXPECT_STR(trace, "touched");
	loop_end(loop);
}

CHECK_MAIN("last_reference", TEST(a_loop_is_closed_whose_last_reference_goes_in_a_destroy),
           TEST(a_loop_is_looked_at_while_its_last_reference_closes_it),
           TEST(a_reference_taken_while_a_loop_goes_keeps_a_closed_one),
           TEST(a_task_that_unwinds_drops_its_loop), TEST(the_exception_handler_drops_a_loop_that_closes),
           TEST(the_exception_handler_drops_what_it_is_called_with),
           TEST(the_exception_handler_drops_error_and_future), TEST(a_callback_drops_the_loop_that_runs_it),
           TEST(a_task_drops_the_loop_that_runs_it_to_its_end),
           TEST(a_cancelled_task_drops_the_loop_that_cancels_all),
           TEST(another_thread_drops_the_loop_that_waits),
           TEST(a_signal_handler_that_is_replaced_drops_or_closes_the_loop),
           TEST(the_main_task_drops_its_runner), TEST(a_leftover_drops_the_runner_that_closes),
           TEST(a_runner_is_looked_at_while_its_last_reference_closes_it),
           TEST(a_work_drops_the_executor_that_is_waited_for),
           TEST(a_task_drops_the_concurrent_future_that_is_waited_for),
           TEST(an_item_drops_the_queue_that_is_shut_down), TEST(a_comparison_drops_the_queue),
           TEST(a_factory_drops_its_iterator), TEST(a_destroy_takes_and_gives_back_a_reference_to_what_goes))
