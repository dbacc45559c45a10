/* SPDX-License-Identifier: MIT */
/*
 * The programs. The objects that a body holds are kept in a list and released at its end, so that each reads
 * like a program without errors: `try(self, status)` keeps the first error and skips all later calls.
 */
#include "scenarios.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define MAX_HELD 32

typedef struct held {
	void *object;
	void (*unref)(void *object);
} held;

static held kept[MAX_HELD];
static size_t kept_count;

static void keep(void *object, void (*unref)(void *object)) {
	kept[kept_count++] = (held){object, unref};
}

static aw_status release(aw_status status) {
	while (kept_count) {
		held *last = &kept[--kept_count];
		last->unref(last->object);
	}
	return status;
}

static void unref_future(void *object) {
	aw_future_unref(object);
}

static void unref_coro(void *object) {
	aw_coro_unref(object);
}

static aw_status right(bool holds) {
	return holds ? 0 : WENT_WRONG;
}

/* Starts a task and keeps it. */
static aw_status start(aw_task_fn fn, void *ud, aw_future **out) {
	aw_task *task;
	aw_status status = aw_task_spawn(NULL, fn, ud, NULL, &task);
	if (status < 0) return status;
	*out = aw_task_future(task);
	keep(*out, unref_future);
	return 0;
}

/* Accepts the expected error; any other status is passed on. */
static aw_status wanted(aw_status got, aw_status want) {
	return got == want ? 0 : got < 0 ? got : WENT_WRONG;
}

static aw_status run(const char *backend, aw_task_fn body) {
	return aw_run(backend, body, NULL, NULL, NULL);
}

/* --- bodies of tasks --- */

static aw_status give(void *ud) {
	aw_status status = aw_sleep(AW_MICROSECOND);
	return status < 0 ? status : aw_return(ud, NULL);
}

static aw_status give_copy(void *ud) {
	char *copy = malloc(8);
	(void)ud;
	if (!copy) return -ENOMEM;
	memcpy(copy, "a value", 8);
	return aw_return(copy, free);
}

static aw_status fail(void *ud) {
	(void)ud;
	aw_status status = aw_sleep(0);
	return status < 0 ? status : aw_raise(-EIO, "no luck");
}

static aw_status stay(void *ud) {
	(void)ud;
	return aw_sleep(100 * AW_SECOND);
}

/* --- callbacks --- */

static int called;

static aw_status count_call(aw_loop *loop, void *ud) {
	(void)loop;
	(void)ud;
	called++;
	return 0;
}

static aw_status read_byte(aw_loop *loop, void *ud) {
	char byte;
	called += read(*(int *)ud, &byte, 1) == 1;
	(void)loop;
	return 0;
}

static aw_status stop(aw_loop *loop, void *ud) {
	(void)ud;
	return aw_loop_stop(loop);
}

static aw_status callbacks_on(aw_loop *loop) {
	called = 0;
	aw_handle *handle = NULL;
	aw_status status = aw_loop_call_later(loop, 2 * AW_MILLISECOND, stop, NULL, NULL, NULL);
	if (status < 0) return status;
	status = aw_loop_call_soon(loop, count_call, NULL, NULL, NULL);
	if (status >= 0) status = aw_loop_call_soon_threadsafe(loop, count_call, NULL, NULL);
	if (status >= 0) status = aw_loop_call_later(loop, AW_SECOND, count_call, NULL, NULL, &handle);
	if (status >= 0) aw_handle_cancel(handle);
	aw_handle_unref(handle);
	aw_status ran = aw_loop_run_forever(loop);
	if (status < 0 || ran < 0) return status < 0 ? status : ran;
	return right(called == 2);
}

static aw_status callbacks(const char *backend) {
	aw_loop *loop;
	aw_status status = aw_loop_new(backend, &loop);
	if (status < 0) return status;
	status = callbacks_on(loop);
	aw_status closed = aw_loop_close(loop);
	aw_loop_unref(loop);
	return status < 0 ? status : closed < 0 ? closed : status;
}

/* --- tasks, and combinations of them --- */

static aw_status tasks_body(void *ud) {
	(void)ud;
	aw_future *one, *two, *three;
	void *value = NULL;
	aw_status status = start(give_copy, NULL, &one);
	if (status >= 0) status = start(fail, NULL, &two);
	if (status >= 0) status = start(stay, NULL, &three);
	if (status >= 0) status = aw_await(one, &value);
	if (status >= 0) status = right(value && strcmp(value, "a value") == 0);
	if (status == 0) status = wanted(aw_await(two, NULL), -EIO);
	if (status == 0) status = aw_sleep(0);
	if (status == 0) status = aw_future_cancel(three, "enough");
	if (status == 1) status = wanted(aw_await(three, NULL), AW_ECANCELLED);
	return release(status);
}

static aw_status tasks(const char *backend) {
	return run(backend, tasks_body);
}

static aw_status several_body(void *ud) {
	(void)ud;
	aw_future *futures[3], *all, *shielded;
	void *value = NULL;
	aw_status status = 0;
	for (int i = 0; i < 3 && status >= 0; i++) status = start(i == 2 ? fail : give, "x", &futures[i]);
	if (status >= 0) status = aw_gather(NULL, futures, 3, AW_GATHER_RETURN_ERRORS, &all);
	if (status < 0) return release(status);
	keep(all, unref_future);
	status = aw_await(all, &value);
	if (status >= 0) status = right(aw_results_count(value) == 3);
	if (status >= 0) status = start(give, "y", &futures[0]);
	if (status >= 0) status = aw_shield(futures[0], &shielded);
	if (status >= 0) {
		keep(shielded, unref_future);
		status = aw_wait_for(shielded, AW_SECOND, &value);
	}
	if (status >= 0) status = start(stay, NULL, &futures[1]);
	if (status >= 0) status = aw_wait(futures, 2, AW_FIRST_COMPLETED, AW_SECOND, NULL);
	if (status >= 0) status = wanted(aw_wait_for(futures[1], AW_MICROSECOND, NULL), AW_ETIMEOUT);
	return release(status);
}

static aw_status several(const char *backend) {
	return run(backend, several_body);
}

static aw_status in_order_body(void *ud) {
	(void)ud;
	aw_future *futures[2], *next;
	aw_as_completed *order;
	aw_status status = start(give, "x", &futures[0]);
	if (status >= 0) status = start(fail, NULL, &futures[1]);
	if (status >= 0) status = aw_as_completed_new(NULL, futures, 2, AW_FOREVER, &order);
	if (status < 0) return release(status);
	for (int i = 0; i < 2 && status >= 0; i++) {
		status = aw_as_completed_next(order, &next);
		if (status >= 0) aw_future_unref(next);
	}
	aw_as_completed_unref(order);
	return release(status);
}

static aw_status in_order(const char *backend) {
	return run(backend, in_order_body);
}

static aw_status scope_body(void *ud) {
	(void)ud;
	aw_timeout *scope;
	aw_status status = aw_timeout_new(NULL, AW_MICROSECOND, &scope);
	if (status < 0) return status;
	status = aw_timeout_enter(scope);
	if (status >= 0) {
		status = aw_timeout_reschedule(scope, 0);
		aw_status slept = status < 0 ? status : aw_sleep(AW_SECOND);
		status = wanted(aw_timeout_exit(scope, slept), AW_ETIMEOUT);
	}
	aw_timeout_unref(scope);
	return status;
}

static aw_status scope(const char *backend) {
	return run(backend, scope_body);
}

static aw_status group_body(void *ud) {
	(void)ud;
	aw_taskgroup *group;
	aw_status status = aw_taskgroup_new(NULL, &group);
	if (status < 0) return status;
	status = aw_taskgroup_enter(group);
	if (status >= 0) {
		status = aw_taskgroup_spawn(group, stay, NULL, NULL, NULL);
		if (status >= 0) status = aw_taskgroup_spawn(group, fail, NULL, NULL, NULL);
		status = aw_taskgroup_exit(group, status, NULL);
		const aw_error *error = aw_caught();
		if (status == AW_EGROUP && aw_error_count(error) == 1 &&
		    aw_error_status(aw_error_get(error, 0)) == -EIO)
			status = 0;
	}
	aw_taskgroup_unref(group);
	return status;
}

static aw_status group(const char *backend) {
	return run(backend, group_body);
}

/* --- coroutines of steps --- */

typedef struct steps {
	aw_frame frame;
	aw_future *future;
	aw_coro *sleep;
} steps;

static aw_status steps_step(aw_resume *resume, void *ud) {
	steps *self = ud;
	AW_BEGIN(&self->frame);
	AW_YIELD(&self->frame, resume);
	AW_AWAIT(&self->frame, resume, self->future);
	if (aw_resume_status(resume) < 0) return aw_resume_raise(resume, aw_resume_error(resume));
	AW_AWAIT_CORO(&self->frame, resume, self->sleep);
	if (aw_resume_status(resume) < 0) return aw_resume_raise(resume, aw_resume_error(resume));
	AW_END(&self->frame);
	return aw_resume_return(resume, self, NULL);
}

static aw_status stepping_body(void *ud) {
	(void)ud;
	steps self = {.frame = {0}};
	aw_coro *coro;
	aw_task *task;
	void *value = NULL;
	aw_status status = aw_future_new(aw_loop_current(), &self.future);
	if (status < 0) return status;
	keep(self.future, unref_future);
	status = aw_sleep_coro(aw_loop_current(), AW_MICROSECOND, NULL, NULL, &self.sleep);
	if (status < 0) return release(status);
	keep(self.sleep, unref_coro);
	status = aw_coro_new(aw_loop_current(), steps_step, &self, NULL, &coro);
	if (status < 0) return release(status);
	keep(coro, unref_coro);
	status = aw_task_spawn_coro(NULL, coro, &task);
	if (status < 0) return release(status);
	status = aw_future_set_result(self.future, "x", NULL);
	if (status >= 0) status = aw_await(aw_task_future(task), &value);
	if (status >= 0) status = right(value == &self);
	aw_task_unref(task);
	return release(status);
}

static aw_status stepping(const char *backend) {
	return run(backend, stepping_body);
}

/* --- locks and queues --- */

static aw_queue *queue;
static aw_lock *lock;
static aw_semaphore *semaphore;
static aw_condition *condition;
static aw_event *event;

static aw_status produce(void *ud) {
	(void)ud;
	aw_status status = 0;
	for (int i = 0; i < 4 && status >= 0; i++) status = aw_queue_put(queue, "item", NULL);
	return status;
}

static aw_status queue_body(void *ud) {
	(void)ud;
	aw_future *producer;
	aw_status status = aw_queue_new(NULL, 1, &queue);
	if (status < 0) return status;
	status = start(produce, NULL, &producer);
	for (int i = 0; i < 4 && status >= 0; i++) {
		void *item = NULL;
		/* A producer that failed puts nothing more. */
		status = aw_future_done(producer) && aw_queue_empty(queue) ? aw_await(producer, NULL) : 0;
		if (status >= 0) status = aw_sleep(0);
		if (status >= 0) status = aw_queue_get_nowait(queue, &item, NULL);
		if (status == AW_EQUEUEEMPTY) {
			status = 0;
			i--;
			continue;
		}
		if (status >= 0) status = aw_queue_task_done(queue);
	}
	if (status >= 0) status = aw_queue_join(queue);
	if (status >= 0) status = aw_queue_shutdown(queue, 1);
	release(0);
	aw_queue_unref(queue);
	return status;
}

static aw_status queues(const char *backend) {
	return run(backend, queue_body);
}

static aw_status visit(void *ud) {
	(void)ud;
	aw_status status = aw_lock_acquire(lock);
	if (status < 0) return status;
	status = aw_semaphore_acquire(semaphore);
	if (status >= 0) {
		status = aw_sleep(0);
		aw_semaphore_release(semaphore);
	}
	aw_lock_release(lock);
	return status < 0 ? status : aw_event_wait(event);
}

static aw_status be_told(void *ud) {
	(void)ud;
	aw_status status = aw_lock_acquire(aw_condition_lock(condition));
	if (status < 0) return status;
	status = aw_condition_wait(condition);
	if (aw_lock_locked(aw_condition_lock(condition))) aw_lock_release(aw_condition_lock(condition));
	return status;
}

static aw_status meet(void) {
	aw_future *futures[4];
	aw_status status = 0, ended = 0;
	int made = 0;
	for (; made < 4 && status >= 0; made++) {
		status = start(made < 3 ? visit : be_told, NULL, &futures[made]);
		if (status < 0) break;
	}
	aw_status slept = 0;
	for (int i = 0; i < 12 && slept >= 0; i++) slept = aw_sleep(0);
	aw_event_set(event);
	if (aw_lock_try_acquire(aw_condition_lock(condition)) >= 0) {
		aw_condition_notify_all(condition);
		aw_lock_release(aw_condition_lock(condition));
	}
	for (int i = 0; i < made; i++) {
		ended = aw_await(futures[i], NULL);
		if (ended < 0 && status >= 0) status = ended;
	}
	return status;
}

static aw_status locks_body(void *ud) {
	(void)ud;
	lock = NULL, semaphore = NULL, condition = NULL, event = NULL;
	aw_status status = aw_lock_new(NULL, &lock);
	if (status >= 0) status = aw_semaphore_new(NULL, 1, &semaphore);
	if (status >= 0) status = aw_condition_new(NULL, NULL, &condition);
	if (status >= 0) status = aw_event_new(NULL, &event);
	if (status >= 0) status = meet();
	release(0);
	aw_lock_unref(lock);
	aw_semaphore_unref(semaphore);
	aw_condition_unref(condition);
	aw_event_unref(event);
	return status;
}

static aw_status locks(const char *backend) {
	return run(backend, locks_body);
}

/* --- the system --- */

static aw_status talk(aw_process *process) {
	const void *data;
	size_t length;
	aw_future *future;
	aw_status status = aw_process_communicate(process, "hello", 5, &future);
	if (status < 0) return status;
	status = aw_await(future, NULL);
	aw_future_unref(future);
	if (status >= 0) status = aw_process_output(process, 1, &data, &length);
	return status < 0 ? status : right(length == 5 && memcmp(data, "hello", 5) == 0);
}

static aw_status process_body(void *ud) {
	(void)ud;
	static const char *const argv[] = {"/bin/cat"};
	aw_process_options *options;
	aw_process *process;
	aw_status status = aw_process_options_new(&options);
	if (status < 0) return status;
	for (int i = 0; i < 3 && status >= 0; i++)
		status = aw_process_options_set_stdio(options, i, AW_STDIO_PIPE, -1);
	if (status >= 0) status = aw_process_options_set_cwd(options, "/");
	if (status >= 0) status = aw_subprocess_exec(NULL, argv, 1, options, &process);
	aw_process_options_unref(options);
	if (status < 0) return status;
	status = talk(process);
	aw_process_unref(process);
	return status;
}

static aw_status process(const char *backend) {
	return run(backend, process_body);
}

static aw_status ready_body(void *ud) {
	(void)ud;
	int ends[2];
	aw_future *future;
	if (pipe(ends) < 0) return -errno;
	aw_status status = aw_fd_wait(NULL, ends[0], AW_POLL_IN, &future);
	if (status >= 0) {
		status = write(ends[1], "x", 1) == 1 ? aw_await(future, NULL) : -errno;
		aw_future_unref(future);
	}
	called = 0;
	if (status >= 0) status = aw_loop_add_reader(aw_loop_current(), ends[0], read_byte, &ends[0], NULL);
	if (status >= 0) {
		for (int i = 0; i < 100 && !called && status >= 0; i++) status = aw_sleep(AW_MICROSECOND);
		aw_loop_remove_reader(aw_loop_current(), ends[0]);
		if (status >= 0) status = right(called == 1);
	}
	close(ends[0]);
	close(ends[1]);
	return status;
}

static aw_status ready(const char *backend) {
	return run(backend, ready_body);
}

static aw_status drain(aw_loop *loop) {
	aw_submission all[8];
	aw_completion got[8];
	for (int i = 0; i < 8; i++) {
		all[i] = (aw_submission){
			.size = sizeof *all, .kind = i % 2 ? AW_OP_SLEEP : AW_OP_NOP, .token = (uint64_t)i};
		all[i].offset = AW_MICROSECOND;
	}
	aw_status taken = aw_loop_submit(loop, all, 8);
	aw_status status = taken < 0 ? taken : 0;
	for (int seen = 0; seen < taken;) {
		aw_status n = aw_loop_drain(loop, got, 8, AW_SECOND);
		if (n < 0) return n;
		for (int i = 0; i < n; i++)
			if (got[i].status < 0 && status >= 0) status = got[i].status;
		seen += n;
	}
	return status;
}

static aw_status guest(aw_loop *loop) {
	int fd;
	called = 0;
	aw_status status = aw_loop_guest_begin(loop, &fd);
	if (status == AW_ENOTSUP) return 0; /* not supported by every backend */
	if (status < 0) return status;
	status = aw_loop_call_soon(loop, count_call, NULL, NULL, NULL);
	for (int i = 0; i < 10 && status >= 0 && !called; i++) status = aw_loop_dispatch(loop);
	aw_status ended = aw_loop_guest_end(loop);
	return status < 0 ? status : ended < 0 ? ended : right(called == 1);
}

/* --- sockets and names --- */

static aw_status send_word(void *fd) {
	aw_status status = aw_sleep(0);
	return status < 0 ? status : aw_sock_sendall(*(int *)fd, "word", 4);
}

static aw_status talk_over(int *ends) {
	char text[8] = "";
	aw_future *sender;
	aw_coro *receive;
	void *count = NULL;
	aw_status status = start(send_word, &ends[1], &sender);
	if (status >= 0) status = aw_sock_recv(ends[0], text, sizeof text);
	if (status >= 0) status = right(status == 4 && strcmp(text, "word") == 0);
	if (status >= 0) status = aw_await(sender, NULL);
	if (status < 0) return status;
	status = start(send_word, &ends[1], &sender);
	if (status >= 0) status = aw_sock_recv_coro(NULL, ends[0], text, sizeof text, &receive);
	if (status < 0) return status;
	keep(receive, unref_coro);
	status = aw_await_coro(receive, &count);
	return status < 0 ? status : right((intptr_t)count == 4);
}

static aw_status look_up(void) {
	aw_future *future;
	void *value = NULL;
	struct sockaddr_storage address;
	uint32_t length = 0;
	aw_status status = aw_getaddrinfo(NULL, "127.0.0.1", "80", 0, SOCK_STREAM, 0, 0, &future);
	if (status < 0) return status;
	keep(future, unref_future);
	status = aw_await(future, &value);
	if (status < 0) return status;
	const struct sockaddr *found = aw_addrinfo_address(value, 0, &length);
	memcpy(&address, found, length);
	status =
		aw_getnameinfo(NULL, (struct sockaddr *)&address, length, NI_NUMERICHOST | NI_NUMERICSERV, &future);
	if (status < 0) return status;
	keep(future, unref_future);
	status = aw_await(future, &value);
	return status < 0 ? status : right(strcmp(aw_nameinfo_host(value), "127.0.0.1") == 0);
}

static aw_status sockets_body(void *ud) {
	(void)ud;
	int ends[2];
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends) < 0) return -errno;
	aw_status status = talk_over(ends);
	if (status >= 0) status = look_up();
	status = release(status);
	close(ends[0]);
	close(ends[1]);
	return status;
}

static aw_status sockets(const char *backend) {
	return run(backend, sockets_body);
}

/* --- streams --- */

static void close_and_unref(void *object) {
	aw_stream_close(object);
	aw_stream_unref(object);
}

static void end_server(void *object) {
	aw_server_close(object);
	aw_server_abort_clients(object);
	aw_server_unref(object);
}

static aw_status say_back(aw_stream *stream, void *ud) {
	const char *line = NULL;
	aw_status length = aw_stream_readline(stream, &line);
	(void)ud;
	if (length <= 0) return length;
	aw_status status = aw_stream_write(stream, line, (size_t)length);
	return status < 0 ? status : aw_stream_drain(stream);
}

static aw_status say_back_task(void *stream) {
	aw_status status = say_back(stream, NULL);
	aw_stream_close(stream); /* the other side waits for it */
	return status;
}

/* Sends more than is taken at once, and half a line in time, and gets the line. */
static aw_status ask(aw_stream *stream) {
	static const char first[] = "a ", second[] = "line\n";
	const char *line = NULL;
	aw_status status = aw_stream_write(stream, first, sizeof first - 1);
	if (status >= 0) status = aw_sleep(0);
	if (status >= 0) status = aw_stream_write(stream, second, sizeof second - 1);
	if (status >= 0) status = aw_stream_drain(stream);
	if (status >= 0) status = aw_stream_readline(stream, &line);
	if (status < 0) return status;
	status = right(status == 7 && memcmp(line, "a line\n", 7) == 0);
	if (status >= 0) status = aw_stream_readall(stream, 100, &line);
	if (status >= 0) status = right(status == 0);
	if (status >= 0) status = aw_stream_close(stream);
	return status < 0 ? status : aw_stream_wait_closed(stream, 10 * AW_SECOND);
}

static aw_status in_memory(void) {
	aw_stream *stream, *peer;
	aw_future *other;
	aw_status status = aw_stream_pair(NULL, NULL, &stream, &peer);
	if (status < 0) return status;
	keep(stream, close_and_unref);
	keep(peer, close_and_unref);
	status = start(say_back_task, peer, &other);
	if (status >= 0) status = ask(stream);
	return status < 0 ? status : aw_await(other, NULL);
}

static aw_status over_a_server(void) {
	char port[12];
	aw_server *server;
	aw_stream *stream;
	aw_status status = aw_start_server(say_back, NULL, NULL, "127.0.0.1", "0", NULL, &server);
	if (status < 0) return status;
	keep(server, end_server);
	snprintf(port, sizeof port, "%d", aw_server_port(server, 0));
	aw_connect_options options = {.size = sizeof options, .timeout_ns = 10 * AW_SECOND};
	status = aw_open_connection("127.0.0.1", port, &options, &stream);
	if (status < 0) return status;
	keep(stream, close_and_unref);
	status = ask(stream);
	if (status >= 0) status = aw_server_close(server);
	return status < 0 ? status : aw_server_wait_closed(server);
}

typedef struct listener {
	size_t count;
	bool is_lost;
} listener;

static aw_status take_data(aw_stream *stream, void *ud, const void *data, size_t length) {
	listener *self = ud;
	self->count += length;
	return aw_stream_write(stream, data, length);
}

static void note_loss(aw_stream *stream, void *ud, aw_status why) {
	(void)stream;
	(void)why;
	((listener *)ud)->is_lost = true;
}

/* More than fits at once, sent by a task, taken by callbacks, sent back, and read by a coroutine. */
static aw_status by_callbacks(void) {
	static const aw_protocol protocol = {
		.size = sizeof protocol, .data_received = take_data, .connection_lost = note_loss};
	static char much[300 * 1024], back[sizeof much];
	aw_stream *stream, *peer;
	aw_coro *read;
	int ends[2];
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0) return -errno;
	aw_status status = aw_stream_from_fd(NULL, ends[0], NULL, &stream);
	if (status < 0) close(ends[0]);
	if (status >= 0) {
		keep(stream, close_and_unref);
		status = aw_stream_from_fd(NULL, ends[1], NULL, &peer);
	}
	if (status < 0) {
		close(ends[1]);
		return status;
	}
	keep(peer, close_and_unref);
	listener self = {0};
	status = aw_stream_set_protocol(peer, &protocol, &self, NULL);
	if (status >= 0) status = aw_stream_write(stream, much, sizeof much);
	if (status >= 0) status = aw_stream_readexactly_coro(stream, back, sizeof back, &read);
	if (status >= 0) {
		keep(read, unref_coro);
		status = aw_await_coro(read, NULL);
	}
	if (status >= 0) status = aw_stream_write_eof(stream);
	if (status >= 0) status = aw_stream_wait_closed(peer, 10 * AW_SECOND);
	/* The protocol must not outlive this function. */
	aw_stream_set_protocol(peer, NULL, NULL, NULL);
	return status < 0 ? status : right(self.is_lost && self.count == sizeof much);
}

static aw_status streams_body(void *ud) {
	(void)ud;
	aw_status status = release(in_memory());
	if (status >= 0) status = release(over_a_server());
	if (status >= 0) status = release(by_callbacks());
	/* What closes ends by itself. */
	aw_status slept = aw_sleep(AW_MILLISECOND);
	return status < 0 ? status : slept;
}

static aw_status streams(const char *backend) {
	return run(backend, streams_body);
}

/* --- datagrams --- */

static void unref_datagram(void *object) {
	aw_datagram_unref(object);
}

static const aw_datagram_options here = {.size = sizeof here, .local_host = "127.0.0.1"};

static aw_status send_to_itself(void *ud) {
	aw_datagram *datagram = ud;
	struct sockaddr_storage address;
	uint32_t length = sizeof address;
	aw_status status = aw_sleep(0);
	if (status >= 0) status = aw_datagram_getsockname(datagram, (struct sockaddr *)&address, &length);
	return status < 0 ? status : aw_datagram_send(datagram, "word", 4, (struct sockaddr *)&address, length);
}

static aw_status awaited_datagrams(void) {
	aw_datagram *datagram;
	aw_future *sender;
	aw_coro *receive;
	char text[8] = "";
	void *count = NULL;
	aw_status status = aw_datagram_open(&here, &datagram);
	if (status < 0) return status;
	keep(datagram, unref_datagram);
	status = start(send_to_itself, datagram, &sender);
	if (status >= 0) status = aw_datagram_recv(datagram, text, sizeof text, NULL, NULL);
	if (status >= 0) status = right(status == 4 && strcmp(text, "word") == 0);
	if (status >= 0) status = aw_await(sender, NULL);
	if (status >= 0) status = start(send_to_itself, datagram, &sender);
	if (status >= 0) status = aw_datagram_recv_coro(datagram, text, sizeof text, NULL, NULL, &receive);
	if (status < 0) return status;
	keep(receive, unref_coro);
	status = aw_await_coro(receive, &count);
	if (status >= 0) status = right((intptr_t)count == 4);
	if (status >= 0) status = aw_datagram_close(datagram);
	return status < 0 ? status : aw_datagram_wait_closed(datagram);
}

typedef struct listening {
	aw_future *arrived; /* a datagram has arrived, or none can */
	aw_status error;
} listening;

static aw_status note_datagram(aw_datagram *datagram, const void *data, size_t length,
                               const struct sockaddr *address, uint32_t address_length, void *ud) {
	(void)datagram;
	(void)data;
	(void)length;
	(void)address;
	(void)address_length;
	return aw_future_set_result(((listening *)ud)->arrived, NULL, NULL);
}

static aw_status lose(aw_datagram *datagram, aw_status error, void *ud) {
	(void)datagram;
	listening *self = ud;
	self->error = error;
	if (!aw_future_done(self->arrived)) return aw_future_set_result(self->arrived, NULL, NULL);
	return 0;
}

static aw_status called_datagrams(void) {
	static const aw_datagram_protocol protocol = {
		.size = sizeof protocol, .datagram_received = note_datagram, .connection_lost = lose};
	static listening self;
	aw_datagram *datagram;
	struct sockaddr_storage address;
	uint32_t length = sizeof address;
	self = (listening){0};
	aw_status status = aw_future_new(NULL, &self.arrived);
	if (status < 0) return status;
	keep(self.arrived, unref_future);
	status = aw_create_datagram_endpoint(&here, &protocol, &self, NULL, &datagram);
	if (status < 0) return status;
	keep(datagram, unref_datagram);
	status = aw_datagram_getsockname(datagram, (struct sockaddr *)&address, &length);
	if (status >= 0) status = aw_datagram_sendto(datagram, "word", 4, (struct sockaddr *)&address, length);
	if (status >= 0) status = aw_await(self.arrived, NULL);
	if (status >= 0) status = self.error;
	aw_status closed = aw_datagram_abort(datagram);
	if (status >= 0) status = closed;
	closed = aw_datagram_wait_closed(datagram);
	return status < 0 ? status : closed;
}

static aw_status datagrams_body(void *ud) {
	(void)ud;
	aw_status status = awaited_datagrams();
	if (status >= 0) status = called_datagrams();
	return release(status);
}

static aw_status datagrams(const char *backend) {
	return run(backend, datagrams_body);
}

/* --- files and watching --- */

static void unref_file(void *object) {
	aw_file_unref(object);
}

static void unref_watch(void *object) {
	aw_watch_unref(object);
}

static void unref_iterator(void *object) {
	aw_iterator_unref(object);
}

static aw_status use_file(const char *path) {
	aw_file *file;
	aw_coro *read;
	char text[8] = "";
	void *count = NULL, *content = NULL;
	aw_destroy_fn destroy = NULL;
	aw_status status = aw_file_open(path, AW_FILE_READ | AW_FILE_WRITE | AW_FILE_CREATE, 0600, &file);
	if (status < 0) return status;
	keep(file, unref_file);
	status = aw_file_write(file, "text", 4, NULL);
	if (status == 0) status = aw_file_read_at_coro(file, text, sizeof text, 0, &read);
	if (status < 0) return status;
	keep(read, unref_coro);
	status = aw_await_coro(read, &count);
	if (status >= 0) status = right((intptr_t)count == 4 && strcmp(text, "text") == 0);
	if (status == 0) status = aw_file_sync(file, AW_FILE_SYNC_DATA);
	if (status == 0) status = aw_file_close(file);
	if (status == 0) status = aw_file_replace(path, "new text", 8, 0600);
	if (status == 0) status = aw_file_read_whole(path, 0, &content, NULL, &destroy);
	if (status < 0) return status;
	status = right(strcmp(content, "new text") == 0);
	destroy(content);
	return status;
}

static aw_status walk_through(const char *folder) {
	aw_iterator *walk;
	void *item = NULL;
	aw_destroy_fn destroy = NULL;
	int found = 0;
	aw_status status = aw_walk_new(NULL, folder, AW_WALK_ALL, &walk);
	if (status < 0) return status;
	keep(walk, unref_iterator);
	while ((status = aw_iterator_next(walk, &item, &destroy)) == 0) {
		found++;
		destroy(item);
	}
	return status == AW_ESTOPITERATION ? right(found == 3) : status;
}

/* Until the inner directory is reported. Out of memory, an overflow or a failure takes its place. */
static aw_status watch_folder(const char *folder, const char *outer, const char *inner) {
	aw_watch *watch;
	aw_status status = aw_watch_new(NULL, &watch);
	if (status < 0) return status;
	keep(watch, unref_watch);
	status = aw_watch_add(watch, folder, AW_WATCH_CREATED, AW_WATCH_TREE);
	if (status == 0) status = aw_path_mkdir(outer, 0700, 0);
	if (status == 0) status = aw_path_mkdir(inner, 0700, 0);
	for (bool done = false; status == 0 && !done;) {
		aw_watch_event *next = NULL;
		status = aw_watch_next(watch, &next);
		if (status < 0) break;
		done = next->kinds & (AW_WATCH_OVERFLOW | AW_WATCH_FAILED) || strcmp(next->path, inner) == 0;
		aw_watch_event_free(next);
	}
	return status;
}

static char files_folder[64], files_names[3][80];

static aw_status files_body(void *ud) {
	(void)ud;
	aw_status status = use_file(files_names[0]);
	if (status == 0) status = watch_folder(files_folder, files_names[1], files_names[2]);
	if (status == 0) status = walk_through(files_folder);
	return release(status);
}

static aw_status files(const char *backend) {
	static const char *const names[] = {"a", "d", "d/e"};
	strcpy(files_folder, "/tmp/libawait-oom-XXXXXX");
	if (!mkdtemp(files_folder)) return -errno;
	for (int i = 0; i < 3; i++)
		snprintf(files_names[i], sizeof files_names[i], "%s/%s", files_folder, names[i]);
	aw_status status = run(backend, files_body);
	unlink(files_names[0]);
	rmdir(files_names[2]);
	rmdir(files_names[1]);
	return rmdir(files_folder) < 0 ? WENT_WRONG : status; /* nothing else is left behind */
}

static aw_status driven(const char *backend) {
	aw_loop *loop;
	aw_status status = aw_loop_new(backend, &loop);
	if (status < 0) return status;
	status = drain(loop);
	if (status >= 0) status = guest(loop);
	aw_loop_close(loop);
	aw_loop_unref(loop);
	return status;
}

static aw_status double_it(void *ud, void **out, aw_destroy_fn *out_destroy) {
	(void)out_destroy;
	*out = (void *)((intptr_t)ud * 2);
	return 0;
}

static aw_status threads_body(void *ud) {
	(void)ud;
	void *value = NULL;
	aw_future *future;
	aw_status status = aw_to_thread(double_it, (void *)21, NULL, &value, NULL);
	if (status >= 0) status = right((intptr_t)value == 42);
	if (status >= 0) status = aw_loop_run_in_executor(NULL, NULL, double_it, (void *)4, NULL, &future);
	if (status < 0) return status;
	status = aw_await(future, &value);
	aw_future_unref(future);
	return status < 0 ? status : right((intptr_t)value == 8);
}

static aw_status threads(const char *backend) {
	return run(backend, threads_body);
}

/* --- the rest --- */

static aw_barrier *barrier;

static aw_status arrive(void *ud) {
	(void)ud;
	return aw_barrier_wait(barrier);
}

static aw_status barrier_body(void *ud) {
	(void)ud;
	aw_future *futures[2];
	aw_status status = aw_barrier_new(NULL, 2, &barrier), ended = 0;
	if (status < 0) return status;
	status = start(arrive, NULL, &futures[0]);
	if (status >= 0) status = start(arrive, NULL, &futures[1]);
	/* If one failed, the other has no partner: it is not awaited. */
	if (status >= 0) status = aw_wait(futures, 2, AW_FIRST_EXCEPTION, AW_FOREVER, NULL);
	for (int i = 0; i < 2 && status >= 0; i++) {
		if (!aw_future_done(futures[i])) continue;
		ended = aw_await(futures[i], NULL);
		if (ended < 0) status = ended;
	}
	aw_status aborted = status < 0 ? aw_barrier_abort(barrier) : 0;
	(void)aborted; /* it may lack memory too */
	release(0);
	aw_barrier_unref(barrier);
	return status < 0 ? status : 0;
}

static aw_status barriers(const char *backend) {
	return run(backend, barrier_body);
}

static aw_status next_of_three(void *ud, void **out, aw_destroy_fn *out_destroy) {
	int *at = ud;
	(void)out_destroy;
	if (*at == 3) return AW_ESTOPITERATION;
	*out = at;
	++*at;
	return aw_sleep(0);
}

static aw_status iterator_body(void *ud) {
	(void)ud;
	int at = 0;
	void *item;
	aw_iterator *iterator;
	aw_future *future;
	aw_status status = aw_iterator_new(NULL, next_of_three, &at, NULL, &iterator);
	if (status < 0) return status;
	status = aw_iterator_next(iterator, &item, NULL);
	if (status >= 0) status = aw_iterator_next_future(iterator, &future);
	if (status >= 0) {
		status = aw_await(future, NULL);
		aw_future_unref(future);
	}
	while (status >= 0) status = aw_iterator_next(iterator, &item, NULL);
	aw_iterator_unref(iterator);
	return status == AW_ESTOPITERATION ? right(at == 3) : status;
}

static aw_status iterators(const char *backend) {
	return run(backend, iterator_body);
}

static aw_status told_body(void *ud) {
	(void)ud;
	aw_loop *loop = aw_loop_current();
	aw_concurrent_future *handed = NULL;
	void *value = NULL;
	called = 0;
	aw_status status = aw_loop_add_signal_handler(loop, SIGUSR1, count_call, NULL, NULL);
	if (status < 0) return status;
	raise(SIGUSR1);
	status = aw_run_coroutine_threadsafe(loop, give, "x", NULL, &handed);
	for (int i = 0; i < 1000 && status >= 0 && !(called && aw_concurrent_future_done(handed)); i++)
		status = aw_sleep(AW_MICROSECOND);
	if (status >= 0) status = aw_concurrent_future_result(handed, &value);
	if (status >= 0) status = right(called == 1 && value);
	aw_concurrent_future_unref(handed);
	aw_loop_remove_signal_handler(loop, SIGUSR1);
	return status;
}

static aw_status told(const char *backend) {
	return run(backend, told_body);
}

static aw_status odds_body(void *ud) {
	(void)ud;
	static const char key;
	aw_task *tasks[4];
	void *value = NULL;
	aw_future *future;
	aw_status status = aw_context_set(&key, "bound", NULL);
	if (status >= 0) status = aw_context_get(&key, &value);
	if (status >= 0) status = aw_task_set_name(aw_task_current(), "main");
	if (status >= 0) status = start(give, "x", &future);
	if (status >= 0) {
		status = aw_loop_all_tasks(NULL, tasks, 4);
		for (int i = 0; i < status && i < 4; i++) aw_task_unref(tasks[i]);
	}
	if (status >= 0) status = aw_loop_print_tasks(aw_loop_current(), STDERR_FILENO, AW_PRINT_JSON);
	if (status >= 0) status = aw_await(future, NULL);
	aw_context_unset(&key);
	return release(status);
}

static aw_status odds(const char *backend) {
	aw_runner *runner;
	aw_status status = aw_runner_new(backend, AW_RUNNER_DEFAULT, &runner);
	if (status < 0) return status;
	status = aw_runner_run(runner, odds_body, NULL, NULL, NULL);
	aw_status closed = aw_runner_close(runner);
	aw_runner_unref(runner);
	return status < 0 ? status : closed < 0 ? closed : status;
}

static aw_status number(void *ud) {
	return aw_return_int(*(const int *)ud);
}

static aw_status holds(void *ud) {
	(void)ud;
	return 1;
}

/* Values of futures: taken, copied, and of a concurrent future. */
static aw_status outcomes_body(void *ud) {
	(void)ud;
	static int two = 2, three = 3;
	void *const inputs[] = {&two, &three};
	aw_future *future = NULL, *copy = NULL;
	aw_concurrent_future *handed = NULL;
	void *value = NULL;
	int64_t got = 0;
	aw_status status = aw_gather_map(NULL, number, inputs, 2, 0, &future);
	if (status >= 0) status = aw_await_take(future, &value, NULL);
	if (status >= 0) status = aw_results_get_int(value, 1, &got);
	aw_results_unref(value);
	if (status >= 0) status = right(got == 3);
	if (status >= 0) status = aw_future_new(NULL, &copy);
	if (status >= 0) {
		keep(copy, unref_future);
		status = start(give, "x", &future);
	}
	if (status >= 0) status = aw_wait_for_shielded(future, AW_SECOND, NULL);
	if (status >= 0) status = aw_await_shielded(future, NULL);
	if (status >= 0) status = aw_future_copy(future, copy);
	if (status >= 0) status = aw_future_result(copy, &value);
	if (status >= 0) status = right(value != NULL);
	if (status >= 0) status = aw_run_coroutine_threadsafe(aw_loop_current(), number, &two, NULL, &handed);
	if (status >= 0) status = aw_wrap_future(NULL, handed, &future);
	if (status >= 0) status = aw_await_take_int(future, &got);
	if (status >= 0) status = right(got == 2);
	aw_concurrent_future_unref(handed);
	return release(status);
}

static aw_status outcomes(const char *backend) {
	return run(backend, outcomes_body);
}

static aw_status in_time(void *ud) {
	aw_condition *changed = NULL;
	aw_coro *coro = NULL;
	aw_status status = aw_condition_new(NULL, NULL, &changed);
	if (status >= 0) status = aw_condition_wait_for(changed, holds, NULL);
	if (status >= 0) status = aw_condition_wait_for_coro(changed, holds, NULL, NULL, &coro);
	if (status >= 0) status = aw_await_coro(coro, NULL);
	aw_coro_unref(coro);
	aw_condition_unref(changed);
	if (status >= 0)
		status = aw_loop_call_soon_threadsafe_copy(aw_loop_current(), count_call, &ud, sizeof ud);
	return status < 0 ? status : aw_sleep(0);
}

/* A function with a timeout, and a child run to its end. */
static aw_status whole_body(void *ud) {
	aw_process_options *options = NULL;
	aw_process *child = NULL;
	aw_task *named = NULL;
	aw_status status = aw_timeout_run(AW_SECOND, in_time, ud);
	if (status >= 0) status = aw_task_spawn_named(NULL, "named", give, "x", NULL, &named);
	aw_task_unref(named);
	if (status >= 0) status = aw_process_options_new(&options);
	if (status >= 0) status = aw_process_options_set_variable(options, "WORD", "said");
	if (status >= 0) status = aw_subprocess_run_shell("cat; echo $WORD", options, "in", 2, &child);
	if (status >= 0) status = right(strcmp(aw_process_text(child, 1), "insaid\n") == 0);
	aw_process_unref(child);
	aw_process_options_unref(options);
	return status;
}

static aw_status whole(const char *backend) {
	return run(backend, whole_body);
}

static aw_status backends_listed(const char *backend) {
	char text[512];
	aw_backend_list *list;
	aw_status status = aw_backend_list_new(&list);
	if (status < 0) return status;
	status = right(aw_backend_list_count(list) > 1);
	aw_backend_list_unref(list);
	return status ? status : aw_backend_explain(backend, text, sizeof text);
}

static void stops(aw_operation *operation, void *ud) {
	(void)ud;
	(void)aw_operation_fail(operation, AW_ECANCELLED, "stopped");
}

static void unref_operation(void *object) {
	aw_operation_unref(object);
}

/* An operation, its future in `out`; both are kept. */
static aw_status operate(aw_operation **out_operation, aw_future **out) {
	aw_status status = aw_operation_new(NULL, stops, malloc(1), free, out_operation);
	if (status < 0) return status;
	keep(*out_operation, unref_operation);
	status = aw_operation_future(*out_operation, out);
	if (status >= 0) keep(*out, unref_future);
	return status;
}

static aw_status operations_body(void *ud) {
	(void)ud;
	aw_operation *first, *second, *third;
	aw_future *futures[3];
	aw_call_graph *graph = NULL;
	aw_status status = operate(&first, &futures[0]);
	if (status >= 0) status = operate(&second, &futures[1]);
	if (status >= 0) status = operate(&third, &futures[2]);
	if (status >= 0) status = aw_capture_call_graph(NULL, 1, INT32_MAX, &graph);
	if (graph && !aw_call_graph_text(graph)) status = -ENOMEM;
	aw_call_graph_unref(graph);
	if (status >= 0) status = aw_operation_finish(first, malloc(1), free);
	if (status >= 0) status = aw_await(futures[0], NULL);
	if (status >= 0) status = aw_operation_fail(second, -EIO, "text");
	if (status >= 0) status = right(aw_await(futures[1], NULL) == -EIO);
	if (status >= 0) status = right(aw_future_cancel(futures[2], NULL) == 1);
	if (status >= 0) status = right(aw_await(futures[2], NULL) == AW_ECANCELLED);
	return release(status);
}

static aw_status operations(const char *backend) {
	return run(backend, operations_body);
}

/* A file sent to a socket that nobody reads at first, and a child in a terminal. */
static aw_status descriptors_body(void *ud) {
	(void)ud;
	int ends[2], master = -1, terminal = -1, file = -1;
	aw_process_options *options = NULL;
	aw_process *child = NULL;
	aw_future *ended = NULL;
	aw_coro *coro = NULL;
	char path[] = "/tmp/libawait-oom-XXXXXX";
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends) < 0) return -errno;
	file = mkstemp(path);
	unlink(path);
	aw_status status = right(file >= 0 && write(file, "hello", 5) == 5);
	if (status >= 0) status = aw_sock_sendfile_coro(NULL, ends[0], file, 0, -1, 0, NULL, &coro);
	if (status >= 0) status = aw_await_coro(coro, NULL);
	aw_coro_unref(coro);
	if (status >= 0) status = aw_sock_sendfile(ends[0], file, 1, 3, 0, NULL);
	if (status >= 0) status = aw_pty_open(1, 1, &master, &terminal);
	if (status >= 0) status = aw_process_options_new(&options);
	if (status >= 0) status = aw_process_options_set_terminal(options, terminal);
	if (status >= 0) status = aw_subprocess_shell(NULL, "exit 0", options, &child);
	if (status >= 0) status = aw_process_wait(child, &ended);
	if (status >= 0) status = aw_await(ended, NULL);
	aw_future_unref(ended);
	aw_process_unref(child);
	aw_process_options_unref(options);
	close(ends[0]);
	close(ends[1]);
	if (file >= 0) close(file);
	if (master >= 0) close(master);
	if (terminal >= 0) close(terminal);
	return status;
}

static aw_status descriptors(const char *backend) {
	return run(backend, descriptors_body);
}

static void unref_stream(void *object) {
	aw_stream_abort(object);
	aw_stream_unref(object);
}

static aw_status open_streams(const int *fds, aw_stream **out) {
	aw_status status = 0;
	for (int i = 0; i < 2; i++) {
		if (status >= 0) status = aw_stream_from_fd(NULL, fds[i], NULL, &out[i]);
		if (status >= 0)
			keep(out[i], unref_stream);
		else
			close(fds[i]);
	}
	return status;
}

/* From stream to stream through a pipe and through memory, and from a file. */
static aw_status copying_body(void *ud) {
	(void)ud;
	int first[2], second[2], file = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	aw_stream *from[2], *to[2];
	aw_coro *coro;
	uint64_t count;
	uint32_t way;
	char text[16];
	if (file < 0 || socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, first) < 0 ||
	    socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, second) < 0)
		return -errno;
	aw_status status = open_streams(first, from), second_status = open_streams(second, to);
	if (status >= 0) status = second_status;
	if (status >= 0) status = aw_stream_write(from[0], "abcdef", 6);
	if (status >= 0) status = aw_stream_copy(from[1], to[0], 3, NULL, &count, &way);
	if (status >= 0) status = right(count == 3 && way == AW_COPY_BUFFER);
	if (status >= 0) status = aw_stream_copy(from[1], from[1], 3, NULL, &count, &way); /* an echo, spliced */
	if (status >= 0) status = aw_stream_copy_coro(from[0], to[0], 3, NULL, &count, &way, &coro);
	if (status >= 0) {
		keep(coro, unref_coro);
		status = aw_await_coro(coro, NULL);
	}
	if (status >= 0) status = aw_stream_sendfile(to[0], file, 0, 4, NULL);
	if (status >= 0) status = aw_stream_readexactly(to[1], text, 10);
	if (status >= 0) status = right(!memcmp(text, "abcdef\177ELF", 10));
	close(file);
	return release(status);
}

static aw_status copying(const char *backend) {
	return run(backend, copying_body);
}

static void close_all(const int *fds, size_t count) {
	for (size_t i = 0; i < count; i++) close(fds[i]);
}

/* Sends two descriptors with a few bytes, and receives them. */
static aw_status pass(aw_stream *from, aw_stream *to, const int *fds, bool as_coroutines) {
	char text[8] = "";
	int got[4];
	size_t sent = 0, count = 4;
	uint32_t flags = 0;
	aw_coro *coro = NULL;
	aw_status status;
	if (as_coroutines) {
		status = aw_stream_send_fds_coro(from, "abc", 3, fds, 2, &sent, &coro);
		if (status >= 0) status = aw_await_coro(coro, NULL);
		aw_coro_unref(coro);
		if (status < 0) return status;
		status = aw_stream_recv_fds_coro(to, text, sizeof text, got, &count, &flags, &coro);
		if (status < 0) return status;
		status = aw_await_coro(coro, NULL);
		aw_coro_unref(coro);
	} else {
		status = aw_stream_send_fds(from, "abc", 3, fds, 2, &sent);
		if (status >= 0) status = aw_stream_recv_fds(to, text, sizeof text, got, &count, &flags);
	}
	if (status < 0) return status;
	close_all(got, count);
	return right(count == 2 && flags == 0 && !memcmp(text, "abc", 3));
}

/* Descriptors over a Unix socket: received with the bytes, taken later, and never taken. */
static aw_status passing_body(void *ud) {
	(void)ud;
	static const aw_stream_options receiving = {.size = sizeof receiving, .flags = AW_STREAM_RECEIVE_FDS};
	int ends[2], fds[2], got[2];
	aw_stream *from = NULL, *to = NULL;
	char text[4];
	uint32_t flags = 0;
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0) return -errno;
	if (pipe(fds) < 0) return -errno;
	aw_status status = aw_stream_from_fd(NULL, ends[0], NULL, &from);
	if (status >= 0)
		keep(from, unref_stream);
	else
		close(ends[0]);
	aw_status second_status = aw_stream_from_fd(NULL, ends[1], &receiving, &to);
	if (second_status >= 0)
		keep(to, unref_stream);
	else
		close(ends[1]);
	if (status >= 0) status = second_status;
	if (status >= 0) status = pass(from, to, fds, false);
	if (status == 0) status = pass(from, to, fds, true);
	for (int i = 0; i < 2 && status >= 0; i++) status = aw_stream_send_fds(from, "de", 2, fds, 2, NULL);
	if (status >= 0) status = aw_stream_readexactly(to, text, 4);
	if (status >= 0) status = aw_stream_take_fds(to, got, 2, &flags);
	if (status > 0) close_all(got, (size_t)status);
	if (status >= 0) status = right(status == 2 && flags == 0);
	close_all(fds, 2);
	return release(status);
}

static aw_status passing(const char *backend) {
	return run(backend, passing_body);
}

static void unref_pipeline(void *object) {
	aw_pipeline_unref(object);
}

static aw_status talk_through(aw_pipeline *pipeline) {
	aw_stream *in = NULL, *out = NULL;
	aw_future *ended = NULL;
	const char *line = NULL;
	aw_status status = aw_process_stream(aw_pipeline_process(pipeline, 0), 0, NULL, &in);
	if (status < 0) return status;
	keep(in, unref_stream);
	status = aw_process_stream(aw_pipeline_process(pipeline, 2), 1, NULL, &out);
	if (status < 0) return status;
	keep(out, unref_stream);
	status = aw_stream_write(in, "line\n", 5);
	if (status >= 0) status = aw_stream_close(in);
	if (status >= 0) status = aw_stream_readline(out, &line);
	if (status >= 0) status = right(status == 5 && !memcmp(line, "line\n", 5));
	if (status == 0) status = aw_pipeline_wait(pipeline, &ended);
	if (status < 0) return status;
	keep(ended, unref_future);
	void *code = &code;
	status = aw_await(ended, &code);
	return status < 0 ? status : right(code == NULL);
}

/* Three children; then two that are left running. */
static aw_status pipeline_body(void *ud) {
	(void)ud;
	static const char *const cat[] = {"/bin/cat", NULL}, *const stays[] = {"/bin/sleep", "60", NULL};
	const char *const *const commands[] = {cat, cat, cat}, *const *const others[] = {stays, cat};
	aw_process_options *options = NULL;
	aw_pipeline *pipeline = NULL, *left = NULL;
	aw_status status = aw_process_options_new(&options);
	if (status >= 0)
		status = aw_process_options_set_streams(options, AW_STDIO_PIPE, AW_STDIO_PIPE, AW_STDIO_INHERIT);
	if (status >= 0) status = aw_pipeline_start(NULL, commands, 3, options, &pipeline);
	if (status >= 0) {
		keep(pipeline, unref_pipeline);
		status = talk_through(pipeline);
	}
	if (status >= 0) status = aw_pipeline_start(NULL, others, 2, options, &left);
	if (status >= 0) keep(left, unref_pipeline);
	aw_process_options_unref(options);
	return release(status);
}

static aw_status pipelines(const char *backend) {
	return run(backend, pipeline_body);
}

const scenario scenarios[] = {
	{"callbacks", callbacks},   {"tasks", tasks},
	{"several", several},       {"in order", in_order},
	{"scope", scope},           {"group", group},
	{"steps", stepping},        {"queues", queues},
	{"locks", locks},           {"process", process},
	{"ready", ready},           {"driven", driven},
	{"threads", threads},       {"barriers", barriers},
	{"iterators", iterators},   {"told", told},
	{"odds and ends", odds},    {"outcomes", outcomes},
	{"whole", whole},           {"backends", backends_listed},
	{"sockets", sockets},       {"streams", streams},
	{"datagrams", datagrams},   {"files", files},
	{"operations", operations}, {"descriptors", descriptors},
	{"copying", copying},       {"passing", passing},
	{"pipelines", pipelines},
};
const size_t scenario_count = sizeof scenarios / sizeof *scenarios;
