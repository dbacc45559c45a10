/* SPDX-License-Identifier: MIT */
/* Labels: backends threads valgrind */
/*
 * System calls that fail once or for a while, and descriptors that the program has closed: afterwards no
 * wake-up is lost, nothing is written to a file that reuses the number, and the caller gets the error if
 * there is a caller. Also counts the system calls of a wait on a descriptor.
 *
 * This program interposes epoll_ctl, write and timerfd_settime, also for the plug-ins. They count calls, and
 * fail in the thread that requested it.
 */
#include "trace.h"

#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/epoll.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <sys/wait.h>
#include <unistd.h>

/* Only a failure takes this long. */
#define LIMIT (20 * AW_SECOND)

typedef struct refusal {
	unsigned times;
	int error;
	unsigned after; /* the number of calls that succeed first */
} refusal;

static _Thread_local refusal no_epoll_ctl, no_write, no_timerfd;
static atomic_uint epoll_ctl_calls;
static _Thread_local unsigned calls_here; /* of epoll_ctl and write */

static bool is_refused(refusal *what) {
	if (!what->times) return false;
	if (what->after) {
		what->after--;
		return false;
	}
	what->times--;
	errno = what->error;
	return true;
}

int epoll_ctl(int set, int operation, int fd, struct epoll_event *event) {
	atomic_fetch_add(&epoll_ctl_calls, 1);
	calls_here++;
	return is_refused(&no_epoll_ctl) ? -1 : (int)syscall(SYS_epoll_ctl, set, operation, fd, event);
}

ssize_t write(int fd, const void *bytes, size_t count) {
	calls_here++;
	return is_refused(&no_write) ? -1 : syscall(SYS_write, fd, bytes, count);
}

int timerfd_settime(int fd, int flags, const struct itimerspec *new, struct itimerspec *old) {
	return is_refused(&no_timerfd) ? -1 : (int)syscall(SYS_timerfd_settime, fd, flags, new, old);
}

/* ---- a loop with an operation in flight, so that virtual time passes as real time does ---- */

typedef struct idle_pipe {
	int in, out;
} idle_pipe;

static aw_loop *begin(idle_pipe *idle) {
	int ends[2] = {-1, -1};
	EXPECT_INT(pipe2(ends, O_CLOEXEC | O_NONBLOCK), 0);
	*idle = (idle_pipe){ends[0], ends[1]};
	aw_loop *loop = loop_begin(NULL);
	EXPECT_INT(aw_loop_add_reader(loop, idle->in, say, "idle", NULL), 0);
	EXPECT(aw_loop_run_once(loop, 0) >= 0);
	return loop;
}

static void end(aw_loop *loop, idle_pipe *idle) {
	loop_end(loop);
	close(idle->in);
	close(idle->out);
}

static int64_t real_now(void) {
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * AW_SECOND + now.tv_nsec;
}

/* Iterates until the trace has the word. Returns whether it came without the time limit. */
static bool turns_until(aw_loop *loop, const char *word) {
	int64_t began = real_now();
	for (int64_t left; !strstr(trace, word) && (left = began + LIMIT - real_now()) > 0;)
		EXPECT(aw_loop_run_once(loop, left) >= 0);
	return strstr(trace, word) && real_now() - began < LIMIT / 2;
}

/* Whether a wait lasts its whole time. Pending wake-ups may end one or two waits before. */
static bool can_sleep(aw_loop *loop) {
	const int64_t span = 100 * AW_MILLISECOND;
	for (int i = 0; i < 4; i++) {
		int64_t began = real_now();
		EXPECT(aw_loop_run_once(loop, span) >= 0);
		if (real_now() - began >= span) return true;
	}
	return false;
}

/* ---- what a wait costs ---- */

enum { WAITS = 100 };

static aw_status take_byte(aw_loop *loop, void *ud) {
	(void)loop;
	char byte;
	EXPECT_INT(read(*(int *)ud, &byte, 1), 1);
	trace_add("taken");
	return 0;
}

static void a_reader_costs_one_epoll_ctl_an_event(void) {
	idle_pipe idle;
	aw_loop *loop = begin(&idle);
	int ends[2];
	REQUIRE(pipe2(ends, O_CLOEXEC | O_NONBLOCK) == 0);
	EXPECT_INT(aw_loop_add_reader(loop, ends[0], take_byte, &ends[0], NULL), 0);
	EXPECT(aw_loop_run_once(loop, 0) >= 0);
	unsigned before = atomic_load(&epoll_ctl_calls);
	for (int i = 0; i < WAITS; i++) {
		trace_reset();
		EXPECT_INT(write(ends[1], "x", 1), 1);
		EXPECT(turns_until(loop, "taken"));
	}
	EXPECT(atomic_load(&epoll_ctl_calls) - before <= WAITS + WAITS / 10);
	EXPECT_INT(aw_loop_remove_reader(loop, ends[0]), 1);
	/* No event is left that would make the loop iterate needlessly. */
	EXPECT_INT(write(ends[1], "x", 1), 1);
	EXPECT(can_sleep(loop));
	end(loop, &idle);
	close(ends[0]);
	close(ends[1]);
}

static void a_future_costs_one_epoll_ctl(void) {
	aw_loop *loop = loop_begin(NULL);
	int ends[2];
	REQUIRE(pipe2(ends, O_CLOEXEC | O_NONBLOCK) == 0);
	unsigned before = atomic_load(&epoll_ctl_calls);
	for (int i = 0; i < WAITS; i++) {
		aw_future *future = NULL;
		char byte;
		EXPECT_INT(aw_fd_wait(loop, ends[0], AW_POLL_IN, &future), 0);
		EXPECT_INT(write(ends[1], "x", 1), 1);
		EXPECT_INT(aw_loop_run_until_complete(loop, future, NULL), 0);
		aw_future_unref(future);
		EXPECT_INT(read(ends[0], &byte, 1), 1);
	}
	EXPECT(atomic_load(&epoll_ctl_calls) - before <= WAITS + WAITS / 10);
	loop_end(loop);
	close(ends[0]);
	close(ends[1]);
}

/* ---- a wake that is refused ---- */

typedef struct poster {
	aw_loop *loop;
	atomic_int step; /* 1: proceed; 2: posted */
	unsigned refused;
	int error;
} poster;

static void *post(void *arg) {
	poster *self = arg;
	no_epoll_ctl = no_write = (refusal){self->refused, self->error, 0};
	EXPECT_INT(aw_loop_call_soon_threadsafe(self->loop, say, "first", NULL), 0);
	atomic_store(&self->step, 2);
	while (atomic_load(&self->step) != 1) (void)poll(NULL, 0, 1);
	/* The loop is asleep by now, most likely. */
	(void)poll(NULL, 0, 100);
	EXPECT_INT(aw_loop_call_soon_threadsafe(self->loop, say, "second", NULL), 0);
	return NULL;
}

static void posts(unsigned refused, int error) {
	idle_pipe idle;
	aw_loop *loop = begin(&idle);
	poster job = {.loop = loop, .refused = refused, .error = error};
	pthread_t thread;
	REQUIRE(pthread_create(&thread, NULL, post, &job) == 0);
	while (atomic_load(&job.step) != 2) (void)poll(NULL, 0, 1);
	EXPECT(turns_until(loop, "first"));
	atomic_store(&job.step, 1);
	EXPECT(turns_until(loop, "second"));
	pthread_join(thread, NULL);
	/* After one has been delivered, no wait ends early. */
	EXPECT_INT(aw_loop_wakeup(loop), 0);
	EXPECT(can_sleep(loop));
	end(loop, &idle);
}

static void a_wake_that_is_refused_once_deafens_nobody(void) {
	posts(1, ENOMEM);
	posts(1, EPERM);
}

static void posts_are_served_while_every_wake_is_refused(void) {
	posts(1000, ENOMEM);
	posts(1000, EPERM);
}

/* ---- a wake that is not needed ---- */

enum { POSTS = 1000, PRODUCERS = 4 };

static aw_status count_down(aw_loop *loop, void *left) {
	return --*(int *)left ? 0 : aw_loop_stop(loop);
}

typedef struct producer {
	aw_loop *loop;
	int *left;
	unsigned calls;
} producer;

static void *produce(void *arg) {
	producer *self = arg;
	for (int i = 0; i < POSTS; i++)
		EXPECT_INT(aw_loop_call_soon_threadsafe(self->loop, count_down, self->left, NULL), 0);
	self->calls = calls_here;
	return NULL;
}

/* In a callback, so that the loop is awake until all have posted. */
static aw_status let_produce(aw_loop *loop, void *left) {
	pthread_t threads[PRODUCERS];
	producer producers[PRODUCERS];
	for (int i = 0; i < PRODUCERS; i++) {
		producers[i] = (producer){loop, left, 0};
		if (pthread_create(&threads[i], NULL, produce, &producers[i]) != 0) return -EAGAIN;
	}
	for (int i = 0; i < PRODUCERS; i++) {
		pthread_join(threads[i], NULL);
		EXPECT_INT(producers[i].calls, 0);
	}
	return 0;
}

/* A loop that knows that its wakes succeed. */
static aw_loop *begin_woken(idle_pipe *idle) {
	aw_loop *loop = begin(idle);
	EXPECT_INT(aw_loop_wakeup(loop), 0);
	EXPECT(can_sleep(loop));
	return loop;
}

static void posts_to_a_loop_that_is_awake_cost_no_system_call(void) {
	idle_pipe idle;
	aw_loop *loop = begin_woken(&idle);
	for (int round = 0; round < 3; round++) {
		int left = PRODUCERS * POSTS;
		EXPECT_INT(aw_loop_call_soon(loop, let_produce, &left, NULL, NULL), 0);
		EXPECT_INT(aw_loop_run_forever(loop), 0);
		EXPECT_INT(left, 0);
	}
	EXPECT(can_sleep(loop));
	end(loop, &idle);
}

/* A wake that came while the loop was awake ends the next wait, which a host may make elsewhere as a guest. */
static void a_wake_before_the_wait_is_kept(void) {
	idle_pipe idle;
	aw_loop *loop = begin_woken(&idle);
	unsigned before = calls_here;
	EXPECT_INT(aw_loop_wakeup(loop), 0);
	EXPECT_INT(calls_here, before);
	int64_t began = real_now();
	EXPECT_INT(aw_loop_wait(loop, LIMIT), 0);
	EXPECT(real_now() - began < LIMIT / 2);
	EXPECT_INT(aw_loop_dispatch(loop), 0);
	EXPECT(can_sleep(loop));
	EXPECT_INT(aw_loop_wakeup(loop), 0);
	int fd = -1;
	aw_status status = aw_loop_guest_begin(loop, &fd);
	if (status == 0) {
		for (int i = 0; i < 3; i++) {
			struct pollfd host = {.fd = fd, .events = POLLIN};
			EXPECT_INT(poll(&host, 1, (int)(LIMIT / AW_MILLISECOND)), 1);
			while (aw_loop_dispatch(loop) >= 0) continue;
			EXPECT_INT(aw_loop_wakeup(loop), 0);
		}
		EXPECT_INT(aw_loop_guest_end(loop), 0);
	} else {
		EXPECT_INT(status, -ENOTSUP);
	}
	end(loop, &idle);
}

/* ---- signals that can't be watched ---- */

static aw_status note_report(aw_loop *loop, const aw_report *report, void *ud) {
	(void)loop;
	(void)report;
	trace_add(ud);
	return 0;
}

static void a_signal_that_cannot_be_watched_is_refused(void) {
	idle_pipe idle;
	aw_loop *loop = begin(&idle);
	for (int i = 0; i < 2; i++) {
		trace_reset();
		no_epoll_ctl = (refusal){1, i ? ENOMEM : ENOSPC, 0};
		EXPECT_INT(aw_loop_add_signal_handler(loop, SIGUSR1, say, "usr1", say_destroyed),
		           i ? -ENOMEM : -ENOSPC);
		no_epoll_ctl.times = 0;
		EXPECT_STR(trace, "~usr1");
		struct sigaction now;
		EXPECT_INT(sigaction(SIGUSR1, NULL, &now), 0);
		EXPECT(now.sa_handler == SIG_DFL);
		EXPECT_INT(aw_loop_remove_signal_handler(loop, SIGUSR1), 0);
	}
	trace_reset();
	EXPECT_INT(aw_loop_add_signal_handler(loop, SIGUSR1, say, "usr1", NULL), 0);
	raise(SIGUSR1);
	EXPECT(turns_until(loop, "usr1"));
	end(loop, &idle);
}

static void signals_are_watched_again_after_a_refusal(void) {
	idle_pipe idle;
	aw_loop *loop = begin(&idle);
	EXPECT_INT(aw_loop_set_exception_handler(loop, note_report, "report", NULL), 0);
	EXPECT_INT(aw_loop_add_signal_handler(loop, SIGUSR1, say, "usr1", NULL), 0);
	for (unsigned refused = 1; refused <= 4; refused++) {
		trace_reset();
		raise(SIGUSR1);
		no_epoll_ctl = (refusal){refused, ENOMEM, 0};
		EXPECT(turns_until(loop, "usr1"));
		EXPECT_STR(trace, "report usr1");
		trace_reset();
		raise(SIGUSR1);
		EXPECT(turns_until(loop, "usr1"));
		EXPECT_STR(trace, "usr1");
		EXPECT_INT(no_epoll_ctl.times, 0);
	}
	end(loop, &idle);
}

static void a_doorbell_that_the_signal_handler_cannot_ring(void) {
	idle_pipe idle;
	aw_loop *loop = begin(&idle);
	EXPECT_INT(aw_loop_add_signal_handler(loop, SIGUSR1, say, "usr1", NULL), 0);
	for (int i = 0; i < 4; i++) {
		trace_reset();
		no_write = (refusal){i & 1 ? 0 : 1, EPERM, 0};
		raise(SIGUSR1);
		EXPECT(turns_until(loop, "usr1"));
		EXPECT_INT(no_write.times, 0);
	}
	end(loop, &idle);
}

static void a_doorbell_of_signals_that_the_program_has_closed(void) {
	idle_pipe idle;
	aw_loop *loop = begin(&idle);
	int ends[2];
	REQUIRE(pipe2(ends, O_CLOEXEC | O_NONBLOCK) == 0);
	int bell = dup(ends[1]); /* the lowest free number, which the doorbell gets next */
	close(bell);
	EXPECT_INT(aw_loop_add_signal_handler(loop, SIGUSR1, say, "usr1", NULL), 0);
	EXPECT_INT(dup3(ends[1], bell, O_CLOEXEC), bell);
	for (int i = 0; i < 3; i++) {
		trace_reset();
		raise(SIGUSR1);
		EXPECT(turns_until(loop, "usr1"));
		char bytes[8];
		EXPECT_INT(read(ends[0], bytes, sizeof bytes), -1);
	}
	end(loop, &idle);
	EXPECT_INT(fcntl(bell, F_GETFD), FD_CLOEXEC);
	close(bell);
	close(ends[0]);
	close(ends[1]);
}

/* ---- a guest's deadline ---- */

static void a_deadline_that_the_timerfd_refuses_is_met(void) {
	aw_loop *loop = loop_begin(NULL);
	int fd = -1;
	aw_status status = aw_loop_guest_begin(loop, &fd);
	if (status == -ENOTSUP) { /* a backend with its own clock has no guest mode */
		loop_end(loop);
		return;
	}
	EXPECT_INT(status, 0);
	no_timerfd = (refusal){3, EPERM, 0};
	EXPECT_INT(aw_loop_call_later(loop, 30 * AW_MILLISECOND, say, "timer", NULL, NULL), 0);
	struct pollfd host = {.fd = fd, .events = POLLIN};
	while (!strstr(trace, "timer")) {
		int ready = poll(&host, 1, (int)(LIMIT / AW_MILLISECOND));
		if (ready < 0 && errno == EINTR) continue;
		EXPECT_INT(ready, 1);
		if (ready != 1) break;
		/* A host dispatches until nothing is left to do. */
		while ((status = aw_loop_dispatch(loop)) >= 0) continue;
		EXPECT_INT(status, -EAGAIN);
	}
	EXPECT_STR(trace, "timer");
	EXPECT_INT(no_timerfd.times, 0);
	EXPECT_INT(aw_loop_guest_end(loop), 0);
	no_timerfd = (refusal){1, EPERM, 0};
	EXPECT_INT(aw_loop_guest_begin(loop, &fd), -EPERM);
	no_timerfd.times = 0;
	loop_end(loop);
}

/* ---- opening ---- */

/* Whichever call during the opening fails: the opening fails, or the loop works. */
static void opening_fails_or_gives_a_loop_that_works(void) {
	const char *backend = getenv("AWAIT_BACKEND");
	/* libuv aborts if a call that it makes fails after the probe has succeeded. */
	bool aborts = backend && strcmp(backend, "uv") == 0;
	for (unsigned after = 0; after < (aborts ? 4 : 8); after++) {
		trace_reset();
		no_epoll_ctl = (refusal){1, ENOSPC, after};
		aw_loop *loop = NULL;
		aw_status status = aw_loop_new(NULL, &loop);
		no_epoll_ctl.times = 0;
		if (status < 0) continue;
		int ends[2];
		REQUIRE(pipe2(ends, O_CLOEXEC | O_NONBLOCK) == 0);
		EXPECT_INT(aw_loop_add_reader(loop, ends[0], take_byte, &ends[0], NULL), 0);
		EXPECT_INT(aw_loop_call_later(loop, 20 * AW_MILLISECOND, say, "timer", NULL, NULL), 0);
		EXPECT(turns_until(loop, "timer"));
		EXPECT_INT(write(ends[1], "x", 1), 1);
		EXPECT(turns_until(loop, "taken"));
		loop_end(loop);
		close(ends[0]);
		close(ends[1]);
	}
}

/* ---- a program that closes every descriptor ---- */

static int close_all_and_wake(void) {
	int ends[2];
	if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) < 0) return 1;
	int first = dup(ends[0]);
	close(first);
	aw_loop *loop = NULL;
	if (aw_loop_new(NULL, &loop) < 0) return 2;
	/* On io_uring, a wake is still a write. */
	if (strcmp(aw_loop_backend(loop), "uring") == 0) return 0;
	int last = dup(ends[0]);
	for (int fd = first; fd <= last; fd++)
		if (dup3(ends[1], fd, O_CLOEXEC) != fd) return 3;
	if (aw_loop_wakeup(loop) < 0) return 4;
	if (aw_loop_call_soon_threadsafe(loop, say, "x", NULL) < 0) return 5;
	char bytes[8];
	return read(ends[0], bytes, sizeof bytes) == -1 && errno == EAGAIN ? 0 : 6;
}

static void a_program_that_closed_every_descriptor_gets_nothing_written(void) {
	pid_t child = fork();
	if (child == 0) _exit(close_all_and_wake());
	int status = -1;
	EXPECT_INT(waitpid(child, &status, 0), child);
	EXPECT_INT(status, 0);
}

CHECK_MAIN("refused_calls", TEST(a_reader_costs_one_epoll_ctl_an_event), TEST(a_future_costs_one_epoll_ctl),
           TEST(a_wake_that_is_refused_once_deafens_nobody),
           TEST(posts_are_served_while_every_wake_is_refused),
           TEST(posts_to_a_loop_that_is_awake_cost_no_system_call), TEST(a_wake_before_the_wait_is_kept),
           TEST(a_signal_that_cannot_be_watched_is_refused), TEST(signals_are_watched_again_after_a_refusal),
           TEST(a_doorbell_that_the_signal_handler_cannot_ring),
           TEST(a_doorbell_of_signals_that_the_program_has_closed),
           TEST(a_deadline_that_the_timerfd_refuses_is_met), TEST(opening_fails_or_gives_a_loop_that_works),
           TEST(a_program_that_closed_every_descriptor_gets_nothing_written))
