/* SPDX-License-Identifier: MIT */
/* Labels: backends system-calls threads valgrind */
/*
 * Cancelled calls on files that a thread carries out: they wait for it, leave the file usable and lose nothing.
 * The system calls that the library makes are replaced by some that wait at a gate.
 */
#include "file/folder.h"

#include <pthread.h>
#include <sys/syscall.h>

enum { LARGE = 1 << 20, THREADS = 8 };

static struct {
	pthread_mutex_t mutex;
	pthread_cond_t changed;
	bool closed;
	int inside; /* calls that wait at the gate */
	int left;   /* calls that have passed it */
	int error;  /* that the next write fails with, after `part` bytes */
	int interruptions;
	size_t part;
} gate = {.mutex = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};

static void gate_close(void) {
	pthread_mutex_lock(&gate.mutex);
	gate.closed = true;
	gate.left = 0;
	pthread_mutex_unlock(&gate.mutex);
}

static void gate_open(void) {
	pthread_mutex_lock(&gate.mutex);
	gate.closed = false;
	pthread_cond_broadcast(&gate.changed);
	pthread_mutex_unlock(&gate.mutex);
}

static void gate_pass(void) {
	pthread_mutex_lock(&gate.mutex);
	gate.inside++;
	while (gate.closed) pthread_cond_wait(&gate.changed, &gate.mutex);
	gate.inside--;
	gate.left++;
	pthread_mutex_unlock(&gate.mutex);
}

static int gate_count(const int *counter) {
	pthread_mutex_lock(&gate.mutex);
	int count = *counter;
	pthread_mutex_unlock(&gate.mutex);
	return count;
}

/* Each call that waits at the gate is in a thread of the library. */
static void await_inside(int count) {
	while (gate_count(&gate.inside) < count) EXPECT_INT(aw_sleep(0), 0);
}

ssize_t gated_pread(int fd, void *buffer, size_t size, off_t offset) __asm__("pread64");
ssize_t gated_pwrite(int fd, const void *data, size_t size, off_t offset) __asm__("pwrite64");

__attribute__((used, visibility("default"))) ssize_t gated_pread(int fd, void *buffer, size_t size,
                                                                 off_t offset) {
	gate_pass();
	return syscall(SYS_pread64, fd, buffer, size, offset);
}

__attribute__((used, visibility("default"))) ssize_t gated_pwrite(int fd, const void *data, size_t size,
                                                                  off_t offset) {
	gate_pass();
	if (gate.interruptions > 0) {
		gate.interruptions--;
		errno = EINTR;
		return -1;
	}
	if (gate.error) {
		if (gate.part) {
			size = gate.part;
			gate.part = 0;
		} else {
			errno = gate.error;
			gate.error = 0;
			return -1;
		}
	}
	return syscall(SYS_pwrite64, fd, data, size, offset);
}

static unsigned char large[LARGE];

static aw_status read_large(void *file) {
	unsigned char *buffer = calloc(1, LARGE); /* freed at once, so that valgrind sees a late write */
	aw_status status = aw_file_read(file, buffer, LARGE);
	free(buffer);
	trace_status("read", status);
	return status;
}

static aw_status cancelled_read(void *ud) {
	(void)ud;
	aw_file *file = open_a(AW_FILE_READ);
	EXPECT_INT(aw_file_write_at(file, large, LARGE, 0, NULL), 0);
	gate_close();
	aw_future *reader = spawn(read_large, file);
	await_inside(1);
	EXPECT_INT(aw_future_cancel(reader, NULL), 1);
	for (int i = 0; i < 10; i++) EXPECT_INT(aw_sleep(0), 0);
	EXPECT_INT(aw_future_done(reader), 0);
	EXPECT_INT(aw_file_read(file, large, 1), -EBUSY);
	gate_open();
	EXPECT_INT(aw_await(reader, NULL), AW_ECANCELLED);
	aw_future_unref(reader);
	unsigned char *buffer = malloc(LARGE);
	EXPECT_INT(aw_file_read(file, buffer, LARGE), LARGE); /* from the start: nothing was lost */
	free(buffer);
	close_it(file);
	EXPECT_STR(trace, "read:AW_ECANCELLED");
	return 0;
}

static void a_cancelled_read_waits_for_its_thread_and_loses_nothing(void) {
	EXPECT_INT(in_a_folder(cancelled_read), 0);
}

static aw_status write_some(void *file) {
	uint64_t written = 99;
	aw_status status = aw_file_write(file, "abcdef", 6, &written);
	trace_status("write", status);
	trace_number("written", (long long)written);
	return status;
}

static void cancel_inside(aw_task_fn fn, aw_file *file) {
	gate_close();
	aw_future *task = spawn(fn, file);
	await_inside(1);
	EXPECT_INT(aw_future_cancel(task, NULL), 1);
	gate_open();
	EXPECT_INT(aw_await(task, NULL), AW_ECANCELLED);
	aw_future_unref(task);
}

static aw_status cancelled_write(void *ud) {
	(void)ud;
	aw_file *file = open_a(0);
	cancel_inside(write_some, file);
	EXPECT_STR(trace, "write:AW_ECANCELLED written:6");
	EXPECT_INT(aw_file_write(file, "x", 1, NULL), 0);
	EXPECT_STR(text_of("a"), "abcdefx");
	close_it(file);
	return 0;
}

static void a_cancelled_write_says_what_was_written(void) {
	EXPECT_INT(in_a_folder(cancelled_write), 0);
}

static aw_status failing_write(void *ud) {
	(void)ud;
	aw_file *file = open_a(0);
	gate.error = EIO;
	gate.part = 2;
	cancel_inside(write_some, file);
	EXPECT_STR(trace, "write:AW_ECANCELLED written:2");
	EXPECT_INT(aw_file_write(file, "x", 1, NULL), -EIO); /* nobody had seen it */
	EXPECT_INT(aw_file_write(file, "x", 1, NULL), 0);
	EXPECT_STR(text_of("a"), "abx");
	gate.error = ENOSPC;
	cancel_inside(write_some, file);
	EXPECT_INT(aw_file_close(file), -ENOSPC);
	EXPECT_INT(aw_file_close(file), -EBADF);
	aw_file_unref(file);
	return 0;
}

static void an_error_of_a_cancelled_write_is_kept_until_it_is_seen(void) {
	EXPECT_INT(in_a_folder(failing_write), 0);
}

static aw_status interrupted_write(void *ud) {
	(void)ud;
	aw_file *file = open_a(0);
	gate.interruptions = 3;
	EXPECT_INT(aw_file_write(file, "abc", 3, NULL), 0);
	EXPECT_STR(text_of("a"), "abc");
	close_it(file);
	return 0;
}

static void an_interrupted_system_call_is_repeated(void) {
	EXPECT_INT(in_a_folder(interrupted_write), 0);
	EXPECT_INT(gate.interruptions, 0);
}

/* --- several calls --- */

static aw_status read_at(void *file) {
	unsigned char *buffer = malloc(LARGE);
	aw_status status = aw_file_read_at(file, buffer, LARGE, 0);
	free(buffer);
	return status < 0 ? status : 0;
}

static aw_status crowded(void *ud) {
	(void)ud;
	aw_file *file = open_a(AW_FILE_READ);
	EXPECT_INT(aw_file_write(file, large, LARGE, NULL), 0);
	aw_future *others[THREADS];
	gate_close();
	for (int i = 0; i < THREADS; i++) others[i] = spawn(read_at, file);
	await_inside(THREADS);
	aw_future *queued = spawn(write_some, file);
	EXPECT_INT(aw_sleep(0), 0);
	EXPECT_INT(aw_file_close(file), -EBUSY);
	EXPECT_INT(aw_file_take(file), -EBUSY);
	EXPECT_INT(aw_future_cancel(queued, NULL), 1);
	EXPECT_INT(aw_await(queued, NULL), AW_ECANCELLED); /* while every thread is at the gate */
	aw_future_unref(queued);
	EXPECT_STR(trace, "write:AW_ECANCELLED written:0");
	/* Names have other threads. */
	aw_future *name = NULL;
	EXPECT_INT(aw_getaddrinfo(NULL, "localhost", NULL, 0, 0, 0, 0, &name), 0);
	IGNORED(aw_await(name, NULL));
	aw_future_unref(name);
	gate_open();
	for (int i = 0; i < THREADS; i++) {
		EXPECT_INT(aw_await(others[i], NULL), 0);
		aw_future_unref(others[i]);
	}
	close_it(file);
	return 0;
}

static void a_queued_call_is_withdrawn_at_once(void) {
	EXPECT_INT(in_a_folder(crowded), 0);
}

/* --- a loop that closes --- */

static void *open_later(void *ud) {
	while (gate_count(&gate.inside) == 0) usleep(100);
	usleep(20000); /* gives the close time to block; the outcome does not depend on it */
	gate_open();
	return ud;
}

static aw_status ignore_report(aw_loop *loop, const aw_report *report, void *ud) {
	(void)loop;
	(void)report;
	(void)ud;
	return 0;
}

static void a_loop_that_closes_waits_for_the_thread(void) {
	for (int as_coro = 0; as_coro < 2; as_coro++) {
		folder_make();
		int fd = open(in_folder("a"), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
		EXPECT_INT((int)write(fd, large, LARGE), LARGE);
		aw_loop *loop = NULL;
		aw_file *file = NULL;
		aw_task *task = NULL;
		EXPECT_INT(aw_loop_new(NULL, &loop), 0);
		EXPECT_INT(aw_loop_set_exception_handler(loop, ignore_report, NULL, NULL), 0);
		EXPECT_INT(aw_file_adopt(loop, fd, &file), 0);
		unsigned char *buffer = malloc(LARGE);
		gate_close();
		if (as_coro) {
			aw_coro *coro = NULL;
			EXPECT_INT(aw_file_read_at_coro(file, buffer, LARGE, 0, &coro), 0);
			EXPECT_INT(aw_task_spawn_coro(loop, coro, &task), 0);
			aw_coro_unref(coro);
		} else {
			EXPECT_INT(aw_task_spawn(loop, read_at, file, NULL, &task), 0);
		}
		while (gate_count(&gate.inside) == 0) IGNORED(aw_loop_run_once(loop, 0));
		pthread_t opener;
		EXPECT_INT(pthread_create(&opener, NULL, open_later, NULL), 0);
		EXPECT_INT(aw_loop_close(loop), 0);
		EXPECT_INT(gate_count(&gate.left), 1);
		free(buffer);
		pthread_join(opener, NULL);
		aw_task_unref(task);
		aw_file_unref(file);
		aw_loop_unref(loop);
		remove_tree(folder);
	}
	EXPECT_INT(aw_debug_live_handles(), 0);
}

CHECK_MAIN("file_threads", TEST(a_cancelled_read_waits_for_its_thread_and_loses_nothing),
           TEST(a_cancelled_write_says_what_was_written),
           TEST(an_error_of_a_cancelled_write_is_kept_until_it_is_seen),
           TEST(an_interrupted_system_call_is_repeated), TEST(a_queued_call_is_withdrawn_at_once),
           TEST(a_loop_that_closes_waits_for_the_thread))
