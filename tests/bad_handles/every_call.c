/* SPDX-License-Identifier: MIT */
/*
 * Passes NULL, a handle of another kind, and a freed handle as every handle parameter of every public
 * function: the call returns AW_EBADHANDLE, or 0 or NULL if it returns no status. The calls are generated
 * from the headers, so that no function is forgotten.
 */
#include "../trace.h"

#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/uio.h>
#include <unistd.h>

enum null_means { NULL_IS_REFUSED, NULL_IS_CURRENT, NULL_IS_NOTHING };
enum where { OUTSIDE, IN_TASK, IN_WORKER, IN_STEP };

typedef struct bad_call {
	const char *function, *parameter;
	aw_status (*call)(void **good, void *bad);
	int kind;
	enum null_means null;
	enum where where;
} bad_call;

/* --- the other arguments --- */

static max_align_t scratch_memory[8];
#define scratch ((void *)scratch_memory)
static const char *const argv[] = {"true"};
static const char *const some_command[] = {"true", NULL};
static const char *const *const some_commands[] = {some_command};
static const aw_submission submission = {.size = sizeof submission, .kind = AW_OP_NOP};
static const aw_datagram_options datagram_options = {.size = sizeof datagram_options, .family = AF_INET};
static const aw_datagram_protocol datagram_protocol = {.size = sizeof datagram_protocol};
static aw_datagram_message datagram_message = {.size = sizeof datagram_message};
static const aw_resolver some_resolver = {.size = sizeof some_resolver};
static int some_fd = -1;
static void *const some_inputs[] = {NULL};

static aw_status some_callback(aw_loop *loop, void *ud) {
	(void)loop;
	(void)ud;
	return 0;
}
static aw_status some_done(aw_future *future, void *ud) {
	(void)future;
	(void)ud;
	return 0;
}
static aw_status some_task(void *ud) {
	(void)ud;
	return 0;
}
static const aw_task_fn some_tasks[] = {some_task};
static aw_status some_work(void *ud, void **out, aw_destroy_fn *out_destroy) {
	(void)ud;
	(void)out;
	(void)out_destroy;
	return 0;
}
static aw_status some_step(aw_resume *resume, void *ud) {
	(void)resume;
	(void)ud;
	return 0;
}
static aw_status some_exception(aw_loop *loop, const aw_report *report, void *ud) {
	(void)loop;
	(void)report;
	(void)ud;
	return 0;
}
static int32_t some_compare(void *a, void *b, void *ud) {
	(void)a;
	(void)b;
	(void)ud;
	return 0;
}
static aw_status some_next(void *ud, void **out, aw_destroy_fn *out_destroy) {
	(void)ud;
	(void)out;
	(void)out_destroy;
	return AW_ESTOPITERATION;
}
static aw_status some_next_coro(void *ud, aw_coro **out) {
	(void)ud;
	(void)out;
	return AW_ESTOPITERATION;
}

static aw_status some_predicate(void *ud) {
	(void)ud;
	return 1;
}
static aw_status some_client(aw_stream *stream, void *ud) {
	(void)stream;
	(void)ud;
	return 0;
}
static const struct iovec some_parts[1] = {{(void *)(uintptr_t) "x", 1}};
static va_list some_arguments; /* empty: no format here uses an argument */

#include "calls.inc"

/* --- one of each kind --- */

static void *make_aw_loop(aw_loop *loop) {
	aw_loop *self = NULL;
	EXPECT_INT(aw_loop_new(aw_loop_backend(loop), &self), 0);
	return self;
}

static void *make_aw_handle(aw_loop *loop) {
	aw_handle *self = NULL;
	EXPECT_INT(aw_loop_call_soon(loop, some_callback, NULL, NULL, &self), 0);
	IGNORED(aw_loop_run_once(loop, 0)); /* releases the queue's reference as well */
	return self;
}

static void *make_aw_future(aw_loop *loop) {
	aw_future *self = NULL;
	EXPECT_INT(aw_future_new(loop, &self), 0);
	return self;
}

static void *make_aw_task(aw_loop *loop) {
	aw_task *self = NULL;
	EXPECT_INT(aw_task_spawn(loop, some_task, NULL, NULL, &self), 0);
	EXPECT_INT(aw_loop_run_until_complete(loop, aw_task_future(self), NULL), 0);
	return self;
}

static void *make_aw_coro(aw_loop *loop) {
	aw_coro *self = NULL;
	EXPECT_INT(aw_coro_new(loop, some_step, NULL, NULL, &self), 0);
	return self;
}

static void *make_aw_error(aw_loop *loop) {
	aw_error *self = NULL;
	EXPECT_INT(aw_error_new(loop, -EIO, "x", NULL, NULL, &self), 0);
	return self;
}

static void *make_aw_results(aw_loop *loop) {
	aw_future *all = NULL;
	void *self = NULL;
	EXPECT_INT(aw_gather(loop, NULL, 0, 0, &all), 0);
	EXPECT_INT(aw_future_result(all, &self), 0);
	aw_results_ref(self);
	aw_future_unref(all);
	return self;
}

static void *make_aw_process(aw_loop *loop) {
	aw_process *self = NULL;
	aw_future *ended = NULL;
	EXPECT_INT(aw_subprocess_exec(loop, argv, 1, NULL, &self), 0);
	EXPECT_INT(aw_process_wait_closed(self, &ended), 0);
	EXPECT_INT(aw_loop_run_until_complete(loop, ended, NULL), 0);
	aw_future_unref(ended);
	loop_settle(loop);
	return self;
}

static void *make_aw_pipeline(aw_loop *loop) {
	aw_pipeline *self = NULL;
	aw_future *ended = NULL;
	EXPECT_INT(aw_pipeline_start(loop, some_commands, 1, NULL, &self), 0);
	EXPECT_INT(aw_pipeline_wait(self, &ended), 0);
	EXPECT_INT(aw_loop_run_until_complete(loop, ended, NULL), 0);
	aw_future_unref(ended);
	loop_settle(loop);
	return self;
}

static void *make_aw_process_options(aw_loop *loop) {
	aw_process_options *self = NULL;
	(void)loop;
	EXPECT_INT(aw_process_options_new(&self), 0);
	return self;
}

static void *make_aw_executor(aw_loop *loop) {
	aw_executor *self = NULL;
	(void)loop;
	EXPECT_INT(aw_executor_new(1, &self), 0);
	return self;
}

static void *make_aw_interrupt(aw_loop *loop) {
	aw_interrupt *self = NULL;
	(void)loop;
	EXPECT_INT(aw_interrupt_new(-1, &self), 0);
	return self;
}

static void *make_aw_concurrent_future(aw_loop *loop) {
	aw_concurrent_future *self = NULL;
	EXPECT_INT(aw_run_coroutine_threadsafe(loop, some_task, NULL, NULL, &self), 0);
	for (int i = 0; i < 1000 && !aw_concurrent_future_done(self); i++) IGNORED(aw_loop_run_once(loop, 0));
	EXPECT_INT(aw_concurrent_future_result(self, NULL), 0);
	return self;
}

static void *make_aw_addrinfo(aw_loop *loop) {
	aw_future *future = NULL;
	void *list = NULL;
	EXPECT_INT(aw_getaddrinfo(loop, "127.0.0.1", "80", 0, 0, 0, 0, &future), 0);
	EXPECT_INT(aw_future_take_result(future, &list, NULL), 0);
	aw_future_unref(future);
	return list;
}

static void *make_aw_datagram(aw_loop *loop) {
	aw_coro *coro = NULL;
	aw_task *task = NULL;
	void *self = NULL;
	EXPECT_INT(aw_datagram_open_coro(loop, &datagram_options, &coro), 0);
	EXPECT_INT(aw_task_spawn_coro(loop, coro, &task), 0);
	aw_coro_unref(coro);
	EXPECT_INT(aw_loop_run_until_complete(loop, aw_task_future(task), NULL), 0);
	EXPECT_INT(aw_future_take_result(aw_task_future(task), &self, NULL), 0);
	aw_task_unref(task);
	return self;
}

static void *make_aw_nameinfo(aw_loop *loop) {
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(80)};
	aw_future *future = NULL;
	void *name = NULL;
	EXPECT_INT(aw_getnameinfo(loop, (struct sockaddr *)&address, sizeof address,
	                          NI_NUMERICHOST | NI_NUMERICSERV, &future),
	           0);
	EXPECT_INT(aw_future_take_result(future, &name, NULL), 0);
	aw_future_unref(future);
	return name;
}

static void *make_aw_stream(aw_loop *loop) {
	aw_stream *self = NULL, *peer = NULL;
	EXPECT_INT(aw_stream_pair(loop, NULL, &self, &peer), 0);
	EXPECT_INT(aw_stream_close(peer), 0);
	aw_stream_unref(peer);
	EXPECT_INT(aw_stream_close(self), 0);
	return self;
}

static void *make_aw_server(aw_loop *loop) {
	aw_server *self = NULL;
	EXPECT_INT(aw_server_new(loop, some_client, NULL, NULL, NULL, &self), 0);
	EXPECT_INT(aw_server_close(self), 0);
	return self;
}

static void *make_aw_file(aw_loop *loop) {
	aw_file *self = NULL;
	EXPECT_INT(aw_file_adopt(loop, open("/dev/null", O_RDWR | O_CLOEXEC), &self), 0);
	return self;
}

static void *make_aw_watch(aw_loop *loop) {
	aw_watch *self = NULL;
	EXPECT_INT(aw_watch_new(loop, &self), 0);
	return self;
}

static void *make_aw_iterator(aw_loop *loop) {
	aw_iterator *self = NULL;
	EXPECT_INT(aw_iterator_new(loop, some_next, NULL, NULL, &self), 0);
	return self;
}

static void *make_aw_queue(aw_loop *loop) {
	aw_queue *self = NULL;
	EXPECT_INT(aw_queue_new(loop, 0, &self), 0);
	return self;
}

static void *make_aw_backend_list(aw_loop *loop) {
	aw_backend_list *self = NULL;
	(void)loop;
	EXPECT_INT(aw_backend_list_new(&self), 0);
	return self;
}

static void *make_aw_runner(aw_loop *loop) {
	aw_runner *self = NULL;
	EXPECT_INT(aw_runner_new(aw_loop_backend(loop), AW_RUNNER_DEFAULT, &self), 0);
	return self;
}

static void *make_aw_lock(aw_loop *loop) {
	aw_lock *self = NULL;
	EXPECT_INT(aw_lock_new(loop, &self), 0);
	return self;
}

static void *make_aw_event(aw_loop *loop) {
	aw_event *self = NULL;
	EXPECT_INT(aw_event_new(loop, &self), 0);
	return self;
}

static void *make_aw_condition(aw_loop *loop) {
	aw_condition *self = NULL;
	EXPECT_INT(aw_condition_new(loop, NULL, &self), 0);
	return self;
}

static void *make_aw_semaphore(aw_loop *loop) {
	aw_semaphore *self = NULL;
	EXPECT_INT(aw_semaphore_new(loop, 1, &self), 0);
	return self;
}

static void *make_aw_barrier(aw_loop *loop) {
	aw_barrier *self = NULL;
	EXPECT_INT(aw_barrier_new(loop, 1, &self), 0);
	return self;
}

static aw_status begins_group(void *group) {
	return aw_taskgroup_enter(group);
}

/* Entered, so that calls on it get far enough to check their other arguments. */
static void *make_aw_taskgroup(aw_loop *loop) {
	aw_taskgroup *self = NULL;
	aw_task *task = NULL;
	EXPECT_INT(aw_taskgroup_new(loop, &self), 0);
	EXPECT_INT(aw_task_spawn(loop, begins_group, self, NULL, &task), 0);
	EXPECT_INT(aw_loop_run_until_complete(loop, aw_task_future(task), NULL), 0);
	aw_task_unref(task);
	return self;
}

static void *make_aw_timeout(aw_loop *loop) {
	aw_timeout *self = NULL;
	EXPECT_INT(aw_timeout_new(loop, AW_SECOND, &self), 0);
	return self;
}

static void *make_aw_as_completed(aw_loop *loop) {
	aw_as_completed *self = NULL;
	EXPECT_INT(aw_as_completed_new(loop, NULL, 0, AW_FOREVER, &self), 0);
	return self;
}

static void *make_aw_call_graph(aw_loop *loop) {
	aw_call_graph *self = NULL;
	aw_future *future = make_aw_future(loop);
	EXPECT_INT(aw_capture_call_graph(future, 1, 0, &self), 0);
	aw_future_unref(future);
	return self;
}

static void *make_aw_operation(aw_loop *loop) {
	aw_operation *self = NULL;
	EXPECT_INT(aw_operation_new(loop, NULL, NULL, NULL, &self), 0);
	return self;
}

typedef struct zoo {
	aw_loop *loop;
	void *good[KINDS];
} zoo;

static bool zoo_open(zoo *self) {
	int ends[2];
	if (pipe(ends) < 0) return false;
	some_fd = ends[0];
	close(ends[1]);
	*self = (zoo){.loop = loop_begin("epoll")};
	for (int kind = 0; kind < KINDS; kind++)
		if (makers[kind])
			self->good[kind] = kind == KIND_aw_loop ? aw_loop_ref(self->loop) : makers[kind](self->loop);
	return true;
}

static void zoo_close(zoo *self) {
	loop_settle(self->loop);
	for (int kind = 0; kind < KINDS; kind++)
		if (droppers[kind]) droppers[kind](self->good[kind]);
	loop_end(self->loop);
	close(some_fd);
}

/* --- a call, in a place that allows it --- */

typedef struct attempt {
	const bad_call *call;
	void **good, *bad;
	bool drop; /* `bad` is freed just before the call, so that its memory is not reused by then */
	aw_status status;
} attempt;

static void attempt_drop(attempt *self) {
	if (!self->drop) return;
	self->drop = false;
	droppers[self->call->kind](self->bad);
	EXPECT(*(void *volatile *)self->bad == NULL); /* freed, and not reused yet */
}

static aw_status attempt_in_task(void *ud) {
	attempt *self = ud;
	attempt_drop(self);
	self->status = self->call->call(self->good, self->bad);
	return 0;
}

static aw_status attempt_in_worker(void *ud, void **out, aw_destroy_fn *out_destroy) {
	(void)out;
	(void)out_destroy;
	return attempt_in_task(ud);
}

static aw_status attempt_in_step(aw_resume *resume, void *ud) {
	attempt *self = ud;
	attempt_drop(self);
	self->good[KIND_aw_resume] = resume;
	self->status = self->call->call(self->good, self->bad);
	self->good[KIND_aw_resume] = NULL;
	return 0;
}

static void run(aw_loop *loop, aw_future *future) {
	EXPECT_INT(aw_loop_run_until_complete(loop, future, NULL), 0);
	aw_future_unref(future);
}

static aw_status answer(zoo *self, const bad_call *call, void *bad, bool drop) {
	attempt one = {.call = call, .good = self->good, .bad = bad, .drop = drop, .status = AW_EHOST};
	aw_task *task = NULL;
	aw_future *future = NULL;
	aw_coro *coro = NULL;
	switch (call->where) {
	case IN_WORKER:
		attempt_drop(&one); /* on another thread, the loop would do that */
		EXPECT_INT(aw_loop_run_in_executor(self->loop, NULL, attempt_in_worker, &one, NULL, &future), 0);
		run(self->loop, future);
		break;
	case IN_STEP:
		EXPECT_INT(aw_coro_new(self->loop, attempt_in_step, &one, NULL, &coro), 0);
		EXPECT_INT(aw_task_spawn_coro(self->loop, coro, &task), 0);
		run(self->loop, aw_task_future(task));
		aw_coro_unref(coro);
		break;
	default:
		attempt_in_task(&one);
		if (one.status != AW_ENOTASK) break;
		if (drop) {
			one.bad = makers[call->kind](self->loop);
			one.drop = true;
		}
		EXPECT_INT(aw_task_spawn(self->loop, attempt_in_task, &one, NULL, &task), 0);
		run(self->loop, aw_task_future(task));
	}
	return one.status;
}

static void judge(zoo *self, const bad_call *call, void *bad, bool drop, const char *what) {
	aw_status got = answer(self, call, bad, drop);
	if (got != AW_EBADHANDLE)
		printf("\n    %s: %s is %s, and the answer is %s\n", call->function, call->parameter, what,
		       aw_err_name(got));
	EXPECT(got == AW_EBADHANDLE);
}

/* --- the cases --- */

static void null_is_refused_by_every_function(void) {
	zoo self;
	REQUIRE(zoo_open(&self));
	for (size_t i = 0; i < CALLS; i++) {
		const bad_call *call = &calls[i];
		if (call->null == NULL_IS_NOTHING) continue;
		if (call->null == NULL_IS_CURRENT) {
			/* No loop runs here. */
			aw_status got = call->call(self.good, NULL);
			if (got != AW_EBADHANDLE && got != AW_ENOLOOP)
				printf("\n    %s: NULL is %s\n", call->function, aw_err_name(got));
			EXPECT(got == AW_EBADHANDLE || got == AW_ENOLOOP);
			continue;
		}
		judge(&self, call, NULL, false, "NULL");
	}
	zoo_close(&self);
}

static void another_kind_is_refused_by_every_function(void) {
	zoo self;
	REQUIRE(zoo_open(&self));
	for (size_t i = 0; i < CALLS; i++)
		for (int kind = 0; kind < KINDS; kind++) {
			const bad_call *call = &calls[i];
			if (IS_FRAME(call->kind) || IS_FRAME(kind) || kind == call->kind) continue;
			if (call->kind == KIND_aw_future && kind == KIND_aw_task) continue; /* a task is a future */
			judge(&self, call, self.good[kind], false, kind_names[kind]);
		}
	zoo_close(&self);
}

static void a_freed_handle_is_refused_by_every_function(void) {
#ifdef __SANITIZE_ADDRESS__
	SKIP("under AddressSanitizer every object is unmapped at its end");
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
	SKIP("under AddressSanitizer every object is unmapped at its end");
#endif
#endif
	zoo self;
	REQUIRE(zoo_open(&self));
	for (size_t i = 0; i < CALLS; i++) {
		const bad_call *call = &calls[i];
		if (IS_FRAME(call->kind)) continue;
		void *bad = makers[call->kind](self.loop);
		loop_settle(self.loop);
		judge(&self, call, bad, true, "freed");
	}
	zoo_close(&self);
}

/* Fails if a bug in the generator leaves nothing to test. */
static void the_headers_were_understood(void) {
	EXPECT(FUNCTIONS > 300);
	EXPECT(CALLS > 300);
	EXPECT_INT(CALLS, sizeof calls / sizeof *calls);
}

CHECK_MAIN("every_call", TEST(the_headers_were_understood), TEST(null_is_refused_by_every_function),
           TEST(another_kind_is_refused_by_every_function), TEST(a_freed_handle_is_refused_by_every_function))
