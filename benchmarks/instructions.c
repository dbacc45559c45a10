/* SPDX-License-Identifier: MIT */
/*
 * The hot paths, for counting their instructions (instructions.py): bench-instructions PATH COUNT [SIZE] performs one
 * of them COUNT times, with SIZE things at once. Without arguments it lists them. With --growth, under callgrind, it performs those that
 * could depend on how many of a thing there are with 50, 500 and 5,000 of it, and dumps the counts of each.
 */
#include "bench.h"

#include <await/await.h>
#include <await/protocol.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>
#ifdef BENCH_CALLGRIND
#include <valgrind/callgrind.h>
#endif

enum { BATCH = 1000, BATCH_MAX = 5000 };

static int batch = BATCH; /* how many of a thing there are at once */

static aw_loop *loop;

static void run_task(aw_task_fn fn, void *ud) {
	aw_task *task;
	bench_check("aw_task_spawn", aw_task_spawn(loop, fn, ud, NULL, &task));
	bench_check("run", aw_loop_run_until_complete(loop, aw_task_future(task), NULL));
	aw_task_unref(task);
}

/* Runs a task that does something `count` times beside one that answers. */
static void run_pair(aw_task_fn first, aw_task_fn second, void *ud) {
	aw_task *tasks[2];
	bench_check("aw_task_spawn", aw_task_spawn(loop, first, ud, NULL, &tasks[0]));
	bench_check("aw_task_spawn", aw_task_spawn(loop, second, ud, NULL, &tasks[1]));
	for (int i = 0; i < 2; i++) {
		bench_check("run", aw_loop_run_until_complete(loop, aw_task_future(tasks[i]), NULL));
		aw_task_unref(tasks[i]);
	}
}

/* --- callbacks and timers --- */

static aw_status do_nothing(aw_loop *where, void *ud) {
	(void)where, (void)ud;
	return 0;
}

static void call_soon(size_t count) {
	for (size_t done = 0; done < count; done += (size_t)batch) {
		for (int i = 0; i < batch; i++)
			bench_check("call_soon", aw_loop_call_soon(loop, do_nothing, NULL, NULL, NULL));
		bench_check("run", aw_loop_run_once(loop, 0));
	}
}

/* From the loop's own thread, so that the counts are the same on every run. */
static void posted(size_t count) {
	for (size_t done = 0; done < count; done += BATCH) {
		for (int i = 0; i < BATCH; i++)
			bench_check("post", aw_loop_call_soon_threadsafe(loop, do_nothing, NULL, NULL));
		bench_check("run", aw_loop_run_once(loop, 0));
	}
}

static void timer_cancelled(size_t count) {
	static aw_handle *handles[BATCH_MAX];
	for (size_t done = 0; done < count; done += (size_t)batch) {
		for (int i = 0; i < batch; i++)
			bench_check("call_later",
			            aw_loop_call_later(loop, (i + 1) * AW_SECOND, do_nothing, NULL, NULL, &handles[i]));
		for (int i = 0; i < batch; i++) {
			bench_check("cancel", aw_handle_cancel(handles[i]));
			aw_handle_unref(handles[i]);
		}
		bench_check("run", aw_loop_run_once(loop, 0));
	}
}

static void timer_fired(size_t count) {
	for (size_t done = 0; done < count; done += (size_t)batch) {
		for (int i = 0; i < batch; i++)
			bench_check("call_later", aw_loop_call_later(loop, batch - i, do_nothing, NULL, NULL, NULL));
		bench_check("run", aw_loop_run_once(loop, 0));
		bench_check("run", aw_loop_run_once(loop, 0));
	}
}

/* The same times in any order. */
static int64_t scattered(int i) {
	enum { PRIME = 7919 };
	return (int64_t)i * PRIME % batch + 1;
}

static void timer_fired_scattered(size_t count) {
	for (size_t done = 0; done < count; done += (size_t)batch) {
		/* In the past, since a later call could not have an earlier time than one of the next nanoseconds. */
		int64_t base = aw_loop_time(loop) - 2 * batch;
		for (int i = 0; i < batch; i++)
			bench_check("call_at", aw_loop_call_at(loop, base + scattered(i), do_nothing, NULL, NULL, NULL));
		bench_check("run", aw_loop_run_once(loop, 0));
	}
}

static void timer_cancelled_scattered(size_t count) {
	static aw_handle *handles[BATCH_MAX];
	for (size_t done = 0; done < count; done += (size_t)batch) {
		for (int i = 0; i < batch; i++)
			bench_check("call_later", aw_loop_call_later(loop, scattered(i) * AW_SECOND, do_nothing, NULL,
			                                             NULL, &handles[i]));
		for (int i = 0; i < batch; i++) {
			aw_handle *handle = handles[scattered(i) - 1];
			bench_check("cancel", aw_handle_cancel(handle));
			aw_handle_unref(handle);
		}
		bench_check("run", aw_loop_run_once(loop, 0));
	}
}

static void kept_called(size_t count) {
	static aw_handle *handles[BATCH_MAX];
	for (int i = 0; i < batch; i++)
		bench_check("aw_handle_new", aw_handle_new(loop, do_nothing, NULL, NULL, &handles[i]));
	for (size_t done = 0; done < count; done += (size_t)batch) {
		for (int i = 0; i < batch; i++) bench_check("call_soon", aw_handle_call_soon(handles[i]));
		bench_check("run", aw_loop_run_once(loop, 0));
	}
	for (int i = 0; i < batch; i++) aw_handle_unref(handles[i]);
}

static void timer_put_off(size_t count) {
	static aw_handle *handles[BATCH_MAX];
	for (int i = 0; i < batch; i++)
		bench_check("aw_handle_new", aw_handle_new(loop, do_nothing, NULL, NULL, &handles[i]));
	int64_t when = aw_loop_time(loop) + 3600 * AW_SECOND;
	for (size_t done = 0; done < count; done += (size_t)batch) {
		for (int i = 0; i < batch; i++) bench_check("call_at", aw_handle_call_at(handles[i], when++));
		bench_check("run", aw_loop_run_once(loop, 0));
	}
	for (int i = 0; i < batch; i++) {
		bench_check("cancel", aw_handle_cancel(handles[i]));
		aw_handle_unref(handles[i]);
	}
}

/* --- tasks --- */

static aw_status yield(void *ud) {
	size_t *left = ud;
	while (*left) {
		--*left;
		aw_status status = aw_sleep(0);
		if (status < 0) return status;
	}
	return 0;
}

static void yield_to_another(size_t count) {
	run_pair(yield, yield, &count);
}

static aw_status nothing(void *ud) {
	(void)ud;
	return 0;
}

static aw_status nothing_step(aw_resume *resume, void *ud) {
	(void)ud;
	return aw_resume_return(resume, NULL, NULL);
}

static aw_task *spawn_stackful(void) {
	aw_task *task;
	bench_check("aw_task_spawn", aw_task_spawn(loop, nothing, NULL, NULL, &task));
	return task;
}

static aw_task *spawn_step(void) {
	aw_coro *coro;
	aw_task *task;
	bench_check("aw_coro_new", aw_coro_new(loop, nothing_step, NULL, NULL, &coro));
	bench_check("aw_task_spawn_coro", aw_task_spawn_coro(loop, coro, &task));
	aw_coro_unref(coro);
	return task;
}

typedef struct spawns {
	aw_task *(*spawn)(void);
	size_t count;
} spawns;

static aw_status spawn_and_join(void *ud) {
	static aw_task *tasks[BATCH_MAX];
	const spawns *self = ud;
	for (size_t done = 0; done < self->count; done += (size_t)batch) {
		for (int i = 0; i < batch; i++) tasks[i] = self->spawn();
		for (int i = 0; i < batch; i++) {
			bench_check("aw_await", aw_await(aw_task_future(tasks[i]), NULL));
			aw_task_unref(tasks[i]);
		}
	}
	return 0;
}

static void stackful_spawned(size_t count) {
	run_task(spawn_and_join, &(spawns){spawn_stackful, count});
}

static void step_spawned(size_t count) {
	run_task(spawn_and_join, &(spawns){spawn_step, count});
}

/* --- synchronisation --- */

typedef struct hand_over {
	aw_queue *queue;
	size_t count;
} hand_over;

static aw_status put_all(void *ud) {
	const hand_over *self = ud;
	for (size_t i = 0; i < self->count; i++) bench_check("put", aw_queue_put(self->queue, ud, NULL));
	return 0;
}

static aw_status get_all(void *ud) {
	const hand_over *self = ud;
	for (size_t i = 0; i < self->count; i++) {
		void *item;
		bench_check("get", aw_queue_get(self->queue, &item, NULL));
	}
	return 0;
}

static void queue_of(int64_t maxsize, size_t count) {
	hand_over self = {NULL, count};
	bench_check("aw_queue_new", aw_queue_new(loop, maxsize, &self.queue));
	run_pair(put_all, get_all, &self);
	aw_queue_unref(self.queue);
}

static void queue_1(size_t count) {
	queue_of(1, count);
}

static void queue_1000(size_t count) {
	queue_of(1000, count);
}

typedef struct turns {
	aw_lock *lock;
	size_t count;
} turns;

static aw_status lock_and_yield(void *ud) {
	const turns *self = ud;
	for (size_t i = 0; i < self->count; i += 2) {
		bench_check("acquire", aw_lock_acquire(self->lock));
		bench_check("sleep", aw_sleep(0));
		bench_check("release", aw_lock_release(self->lock));
	}
	return 0;
}

static void lock_contended(size_t count) {
	turns self = {NULL, count};
	bench_check("aw_lock_new", aw_lock_new(loop, &self.lock));
	run_pair(lock_and_yield, lock_and_yield, &self);
	aw_lock_unref(self.lock);
}

/* --- a message of an echo server; the client, in this thread as well, makes only its two system calls --- */

enum { MESSAGE = 64, CONNECTIONS = 50 };

static int answered;

static aw_status echo_task(void *ud) {
	aw_stream *stream = ud;
	const char *data;
	aw_status count;
	while ((count = aw_stream_peek(stream, 1, &data)) > 0) {
		bench_check("write", aw_stream_write(stream, data, (size_t)count));
		bench_check("consume", aw_stream_consume(stream, (size_t)count));
		answered++;
	}
	bench_check("close", aw_stream_close(stream));
	return count;
}

static void serve_in_task(aw_stream *stream) {
	bench_check("aw_task_spawn", aw_task_spawn(loop, echo_task, stream, NULL, NULL));
}

static aw_status echo_received(aw_stream *stream, void *ud, const void *data, size_t length) {
	(void)ud;
	answered++;
	return aw_stream_write(stream, data, length);
}

static aw_status echo_ended(aw_stream *stream, void *ud) {
	(void)ud;
	return aw_stream_close(stream);
}

static void serve_by_protocol(aw_stream *stream) {
	static const aw_protocol protocol = {
		.size = sizeof protocol, .data_received = echo_received, .eof_received = echo_ended};
	bench_check("aw_stream_set_protocol", aw_stream_set_protocol(stream, &protocol, NULL, NULL));
}

/* TCP over the loopback, since a stream over something else cannot tell that it has read everything. */
static void connected(int listener, int ends[2]) {
	struct sockaddr_in address = {0};
	socklen_t size = sizeof address;
	int on = 1;
	bench_check("getsockname", getsockname(listener, (struct sockaddr *)&address, &size));
	ends[0] = socket(AF_INET, SOCK_STREAM, 0);
	bench_check("connect", connect(ends[0], (struct sockaddr *)&address, size));
	ends[1] = accept(listener, NULL, NULL);
	bench_check("accept", ends[1]);
	for (int i = 0; i < 2; i++)
		bench_check("TCP_NODELAY", setsockopt(ends[i], IPPROTO_TCP, TCP_NODELAY, &on, sizeof on));
}

static void echo(void (*serve)(aw_stream *stream), size_t count) {
	static int clients[BATCH_MAX];
	static aw_stream *streams[BATCH_MAX];
	int connections = batch == BATCH ? CONNECTIONS : batch;
	struct rlimit files;
	getrlimit(RLIMIT_NOFILE, &files);
	files.rlim_cur = files.rlim_max;
	setrlimit(RLIMIT_NOFILE, &files);
	int listener = socket(AF_INET, SOCK_STREAM, 0);
	bench_check("listen", listen(listener, connections));
	for (int i = 0; i < connections; i++) {
		int ends[2];
		connected(listener, ends);
		clients[i] = ends[0];
		bench_check("aw_stream_from_fd", aw_stream_from_fd(loop, ends[1], NULL, &streams[i]));
		serve(streams[i]);
	}
	for (size_t done = 0; done < count; done += (size_t)connections) {
		char message[MESSAGE] = {0};
		answered = 0;
		for (int i = 0; i < connections; i++) bench_check("send", send(clients[i], message, MESSAGE, 0));
		while (answered < connections) bench_check("run", aw_loop_run_once(loop, AW_FOREVER));
		for (int i = 0; i < connections; i++) bench_check("recv", recv(clients[i], message, MESSAGE, 0));
	}
	for (int i = 0; i < connections; i++) close(clients[i]);
	for (int i = 0; i < connections; i++) {
		while (!aw_stream_is_closing(streams[i])) bench_check("run", aw_loop_run_once(loop, AW_FOREVER));
		aw_stream_unref(streams[i]);
	}
	close(listener);
}

static void stream_echo(size_t count) {
	echo(serve_in_task, count);
}

static void protocol_echo(size_t count) {
	echo(serve_by_protocol, count);
}

static const struct {
	const char *name, *what;
	void (*run)(size_t count);
} paths[] = {
	{"call_soon", "a callback, 1,000 in an iteration", call_soon},
	{"post", "a callback as from another thread, 1,000 in an iteration", posted},
	{"kept", "a callback that the program keeps, 1,000 in an iteration", kept_called},
	{"timer-put-off", "a timer put off, 1,000 pending", timer_put_off},
	{"timer-cancelled", "a timer set and cancelled, 1,000 pending", timer_cancelled},
	{"timer-fired", "a timer set and fired, 1,000 pending", timer_fired},
	{"timer-cancelled-random", "a timer set and cancelled in random order, 1,000 pending",
     timer_cancelled_scattered},
	{"timer-fired-random", "a timer set and fired in random order, 1,000 pending", timer_fired_scattered},
	{"yield", "aw_sleep(0), two stackful tasks", yield_to_another},
	{"spawn", "a stackful task spawned and joined, 1,000 at once", stackful_spawned},
	{"spawn-step", "a step coroutine spawned and joined, 1,000 at once", step_spawned},
	{"queue-1", "an item through a queue of 1", queue_1},
	{"queue-1000", "an item through a queue of 1,000", queue_1000},
	{"lock", "a lock that two tasks compete for, held for an iteration", lock_contended},
	{"echo", "a message echoed by a stackful task with a stream, 50 connections", stream_echo},
	{"echo-protocol", "a message echoed by a protocol, 50 connections", protocol_echo},
};

/* --- growth --- */

/* As many tasks at once as `batch` says. */
static void run_many(aw_task_fn fn, void *ud) {
	static aw_task *tasks[BATCH_MAX];
	for (int i = 0; i < batch; i++)
		bench_check("aw_task_spawn", aw_task_spawn(loop, fn, ud, NULL, &tasks[i]));
	for (int i = 0; i < batch; i++) {
		bench_check("run", aw_loop_run_until_complete(loop, aw_task_future(tasks[i]), NULL));
		aw_task_unref(tasks[i]);
	}
}

static void yield_among(size_t count) {
	run_many(yield, &count);
}

static aw_status lock_once(void *ud) {
	bench_check("acquire", aw_lock_acquire(ud));
	bench_check("sleep", aw_sleep(0));
	return aw_lock_release(ud);
}

static void lock_among(size_t count) {
	aw_lock *lock;
	bench_check("aw_lock_new", aw_lock_new(loop, &lock));
	for (size_t done = 0; done < count; done += (size_t)batch) run_many(lock_once, lock);
	aw_lock_unref(lock);
}

static aw_status sleep_once(void *ud) {
	return aw_sleep((int64_t)(uintptr_t)ud);
}

static void tasks_sleep(size_t count) {
	for (size_t done = 0; done < count; done += (size_t)batch) run_many(sleep_once, (void *)1);
}

static void queue_filled(size_t count) {
	queue_of(batch, count);
}

static const struct {
	const char *what;
	void (*run)(size_t count);
} growing[] = {
	{"a callback, N in an iteration", call_soon},
	{"a callback that the program keeps, N in an iteration", kept_called},
	{"a timer put off, N pending", timer_put_off},
	{"a timer set and cancelled, N pending", timer_cancelled},
	{"a timer set and fired, N pending, logarithmic", timer_fired},
	{"a timer set and fired in random order, N pending, logarithmic", timer_fired_scattered},
	{"a timer set and cancelled in random order, N pending", timer_cancelled_scattered},
	{"aw_sleep(0), N stackful tasks", yield_among},
	{"a stackful task spawned and joined, N at once", stackful_spawned},
	{"a step coroutine spawned and joined, N at once", step_spawned},
	{"a stackful task that sleeps, N at once, logarithmic", tasks_sleep},
	{"an item through a queue of N", queue_filled},
	{"a lock that N tasks wait for", lock_among},
};

static int grow(void) {
#ifdef BENCH_CALLGRIND
	enum { OPERATIONS = BATCH_MAX };
	static const int sizes[] = {50, 500, BATCH_MAX};
	for (size_t i = 0; i < sizeof growing / sizeof *growing; i++)
		for (size_t j = 0; j < sizeof sizes / sizeof *sizes; j++) {
			batch = sizes[j];
			growing[i].run((size_t)batch); /* fills the pools */
			/* Twice, so that what is set up before the first operation drops out. */
			for (size_t count = OPERATIONS; count <= (size_t)2 * OPERATIONS; count += OPERATIONS) {
				char label[128];
				CALLGRIND_ZERO_STATS;
				growing[i].run(count);
				(void)snprintf(label, sizeof label, "%s\t%d\t%zu", growing[i].what, batch, count);
				CALLGRIND_DUMP_STATS_AT(label);
			}
		}
	return 0;
#else
	(void)growing;
	fprintf(stderr, "built without valgrind/callgrind.h\n");
	return 77;
#endif
}

int main(int argc, char **argv) {
	size_t count = argc > 2 ? strtoul(argv[2], NULL, 10) : 0;
	if (argc > 3) batch = atoi(argv[3]);
	bench_check("aw_loop_new", aw_loop_new("epoll", &loop));
	int status = 0;
	if (argc == 2 && strcmp(argv[1], "--growth") == 0) status = grow();
	for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
		if (argc < 2) printf("%s\t%s\n", paths[i].name, paths[i].what);
		if (argc > 2 && strcmp(argv[1], paths[i].name) == 0) paths[i].run(count);
	}
	aw_loop_unref(loop);
	return status;
}
