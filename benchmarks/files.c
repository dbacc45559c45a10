/* SPDX-License-Identifier: MIT */
/*
 * Reads and writes of a file that is in the page cache, so that the cost of the calls shows and not the disk's:
 * aw_file_read_at() and aw_file_write_at() beside loops of pread() and pwrite(), in as many threads as there
 * are operations at once, and beside a loop on liburing.
 */
#define _GNU_SOURCE /* mkostemp */
#include "bench.h"

#include <await/await.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#ifdef BENCH_URING
#include <liburing.h>
#endif

enum { KIB = 1024, MIB = KIB * KIB, FILE_SIZE = 64 * MIB, MOST_AT_ONCE = 64 };

/* What all variants of a workload do. */
typedef struct pieces {
	size_t piece, at_once;
	bool writes, is_random;
	atomic_size_t left, turn;
} pieces;

static int fd;
static char *buffers[MOST_AT_ONCE];

/* The offset of the next operation; false if there are enough. */
static bool next(pieces *self, uint64_t *out) {
	size_t left = atomic_load_explicit(&self->left, memory_order_relaxed);
	do
		if (!left) return false;
	while (!atomic_compare_exchange_weak_explicit(&self->left, &left, left - 1, memory_order_relaxed,
	                                              memory_order_relaxed));
	uint64_t turn = atomic_fetch_add_explicit(&self->turn, 1, memory_order_relaxed);
	if (self->is_random) turn = turn * 0x9E3779B97F4A7C15U >> 20;
	*out = turn % (FILE_SIZE / self->piece) * self->piece;
	return true;
}

static void check_whole(const pieces *self, long count) {
	bench_check(self->writes ? "write" : "read", count < 0 ? count : (size_t)count == self->piece ? 0 : -EIO);
}

/* --- libawait --- */

typedef struct ours {
	pieces *job;
	aw_loop *loop;
	aw_file *file;
} ours;

typedef struct worker {
	ours *of;
	char *buffer;
} worker;

static aw_status work(void *ud) {
	const worker *self = ud;
	pieces *job = self->of->job;
	for (uint64_t offset; next(job, &offset);) {
		aw_status count = job->writes
		                      ? aw_file_write_at(self->of->file, self->buffer, job->piece, offset, NULL)
		                      : aw_file_read_at(self->of->file, self->buffer, job->piece, offset);
		check_whole(job, job->writes && count >= 0 ? (long)job->piece : count);
	}
	return 0;
}

static aw_status work_all(void *ud) {
	ours *self = ud;
	worker workers[MOST_AT_ONCE];
	void *inputs[MOST_AT_ONCE];
	for (size_t i = 0; i < self->job->at_once; i++) {
		workers[i] = (worker){self, buffers[i]};
		inputs[i] = &workers[i];
	}
	return aw_gather_run(work, inputs, self->job->at_once, 0, NULL);
}

static void ours_run(void *ud, size_t count) {
	ours *self = ud;
	aw_task *task;
	self->job->left = count;
	bench_check("aw_task_spawn", aw_task_spawn(self->loop, work_all, self, NULL, &task));
	bench_check("run", aw_loop_run_until_complete(self->loop, aw_task_future(task), NULL));
	aw_task_unref(task);
}

/* --- pread and pwrite --- */

typedef struct thread {
	pieces *job;
	char *buffer;
	pthread_t id;
} thread;

static void *loop_of_calls(void *ud) {
	thread *self = ud;
	pieces *job = self->job;
	for (uint64_t offset; next(job, &offset);) {
		ssize_t count = job->writes ? pwrite(fd, self->buffer, job->piece, (off_t)offset)
		                            : pread(fd, self->buffer, job->piece, (off_t)offset);
		check_whole(job, count < 0 ? -errno : count);
	}
	return NULL;
}

static void raw_run(void *ud, size_t count) {
	pieces *self = ud;
	thread threads[MOST_AT_ONCE];
	self->left = count;
	for (size_t i = 0; i < self->at_once; i++) {
		threads[i] = (thread){.job = self, .buffer = buffers[i]};
		if (i) bench_check("thread", -pthread_create(&threads[i].id, NULL, loop_of_calls, &threads[i]));
	}
	loop_of_calls(&threads[0]);
	for (size_t i = 1; i < self->at_once; i++) pthread_join(threads[i].id, NULL);
}

/* --- liburing --- */

#ifdef BENCH_URING
static struct io_uring ring;

static bool submit_next(pieces *self, size_t which) {
	uint64_t offset;
	if (!next(self, &offset)) return false;
	struct io_uring_sqe *sqe = io_uring_get_sqe(&ring);
	if (self->writes)
		io_uring_prep_write(sqe, fd, buffers[which], (unsigned)self->piece, offset);
	else
		io_uring_prep_read(sqe, fd, buffers[which], (unsigned)self->piece, offset);
	io_uring_sqe_set_data64(sqe, which);
	return true;
}

static void uring_run(void *ud, size_t count) {
	pieces *self = ud;
	size_t in_flight = 0;
	self->left = count;
	while (in_flight < self->at_once && submit_next(self, in_flight)) in_flight++;
	while (in_flight) {
		io_uring_submit_and_wait(&ring, 1);
		struct io_uring_cqe *cqe;
		unsigned head, seen = 0;
		io_uring_for_each_cqe(&ring, head, cqe) {
			seen++;
			check_whole(self, cqe->res);
			if (!submit_next(self, (size_t)cqe->user_data)) in_flight--;
		}
		io_uring_cq_advance(&ring, seen);
	}
}
#endif

static void workload(const char *name, pieces *self, size_t count, aw_loop *const *loops,
                     aw_file *const *files) {
	ours both[] = {{self, loops[0], files[0]}, {self, loops[1], files[1]}};
	bench_variant variants[4] = {{"libawait, epoll", ours_run, &both[0], count}};
	size_t used = 1;
	if (loops[1]) variants[used++] = (bench_variant){"libawait, uring", ours_run, &both[1], 0};
	variants[used++] = (bench_variant){self->writes ? self->at_once > 1 ? "pwrite in 64 threads" : "pwrite"
	                                   : self->at_once > 1 ? "pread in 64 threads"
	                                                       : "pread",
	                                   raw_run, self, 0};
#ifdef BENCH_URING
	if (ring.ring_fd > 0) variants[used++] = (bench_variant){"raw liburing", uring_run, self, 0};
#endif
	bench_run(name, variants, used);
}

/* A file in the page cache, which has no name. */
static void make_file(void) {
	const char *folder = getenv("TMPDIR");
	char path[4096];
	snprintf(path, sizeof path, "%s/bench-files-XXXXXX", folder ? folder : "/var/tmp");
	fd = mkostemp(path, O_CLOEXEC);
	bench_check("a file for the benchmark", fd < 0 ? -errno : 0);
	unlink(path);
	for (size_t i = 0; i < MOST_AT_ONCE; i++) {
		buffers[i] = aligned_alloc(64, MIB); /* see docs/performance.md */
		if (!buffers[i]) abort();
		memset(buffers[i], (int)i, MIB);
	}
	for (int i = 0; i < FILE_SIZE / MIB; i++)
		bench_check("write", write(fd, buffers[i % MOST_AT_ONCE], MIB) == MIB ? 0 : -EIO);
}

int main(int argc, char **argv) {
	bench_init(argc, argv, 5);
	make_file();
	aw_loop *loops[2] = {NULL};
	aw_file *files[2] = {NULL};
	bench_check("epoll", aw_loop_new("epoll", &loops[0]));
	if (aw_loop_new("uring", &loops[1]) < 0) fprintf(stderr, "uring: left out\n");
	for (int i = 0; i < 2; i++)
		if (loops[i]) bench_check("aw_file_adopt", aw_file_adopt(loops[i], dup(fd), &files[i]));
#ifdef BENCH_URING
	if (io_uring_queue_init(MOST_AT_ONCE, &ring, IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN) < 0)
		fprintf(stderr, "raw liburing: left out\n");
#endif
	static pieces jobs[] = {
		{.piece = 4 * KIB, .at_once = 1, .is_random = true},
		{.piece = 4 * KIB, .at_once = 64, .is_random = true},
		{.piece = 4 * KIB, .at_once = 1, .writes = true, .is_random = true},
		{.piece = 4 * KIB, .at_once = 64, .writes = true, .is_random = true},
		{.piece = MIB, .at_once = 1},
		{.piece = MIB, .at_once = 64},
		{.piece = MIB, .at_once = 1, .writes = true},
		{.piece = MIB, .at_once = 64, .writes = true},
	};
	for (size_t i = 0; i < sizeof jobs / sizeof *jobs; i++) {
		pieces *self = &jobs[i];
		char name[100];
		snprintf(name, sizeof name, "%s %s %s, %zu at once", self->is_random ? "4 KiB" : "1 MiB",
		         self->writes ? "written" : "read", self->is_random ? "at random" : "in order",
		         self->at_once);
		workload(name, self, self->is_random ? 20000 : 200, loops, files);
	}
	for (int i = 0; i < 2; i++) {
		aw_file_unref(files[i]);
		aw_loop_unref(loops[i]);
	}
	return 0;
}
