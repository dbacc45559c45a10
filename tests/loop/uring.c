/* SPDX-License-Identifier: MIT */
/* Labels: internal */
/*
 * Problems specific to io_uring: requests belong to the thread that submitted them, completions can exceed
 * the ring's size, the submission queue fills up, and after a close nothing in the ring may hold the file.
 * Needs the plug-in in the folder AWAIT_BACKEND_PATH.
 */
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "backend_driver.h"
#include "forbid.h"

static const aw_backend *uring;

/* Opened as a loop that may move between threads. */
static aw_status open_moving(driver *self) {
	*self = (driver){.backend = uring};
	self->core = (aw_backend_core){.size = sizeof self->core, .complete = driver_complete, .data = self};
	return uring->open(&self->core, 0, 0, &self->state);
}

#define NEED_URING \
	if (!uring) SKIP(driver_missing)

/* ---- threads ---- */

typedef struct errand {
	driver *self;
	driver_op *ops;
	size_t count;
} errand;

static void *submit_and_end(void *arg) {
	errand *job = arg;
	for (size_t i = 0; i < job->count; i++) driver_start(job->self, &job->ops[i]);
	driver_poll(job->self);
	return NULL;
}

/* The kernel cancels a thread's requests when the thread ends; the caller must not notice. */
static void operations_outlive_the_thread_that_submitted_them(void) {
	enum { COUNT = 5 };
	NEED_URING;
	driver self;
	REQUIRE(open_moving(&self) == 0);
	int pipes[2], other[2], pair[2],
		listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t length = sizeof address;
	REQUIRE(pipe2(pipes, O_CLOEXEC | O_NONBLOCK) == 0 && pipe2(other, O_CLOEXEC | O_NONBLOCK) == 0);
	REQUIRE(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair) == 0);
	REQUIRE(bind(listener, (struct sockaddr *)&address, length) == 0 && listen(listener, 5) == 0);
	REQUIRE(getsockname(listener, (struct sockaddr *)&address, &length) == 0);
	char bytes[2] = "", filler[4096] = "x";
	while (write(pair[1], filler, sizeof filler) > 0) continue;
	driver_op ops[COUNT] = {
		driver_io(AW_OP_READ, pipes[0], 1, &bytes[0], 1), driver_watch(other[0], AW_POLL_IN),
		driver_io(AW_OP_ACCEPT, listener, 1, NULL, 0),    driver_io(AW_OP_RECV, pair[1], 1, &bytes[1], 1),
		driver_io(AW_OP_SEND, pair[1], 1, filler, 1),
	};
	errand job = {&self, ops, COUNT};
	pthread_t thread;
	REQUIRE(pthread_create(&thread, NULL, submit_and_end, &job) == 0);
	pthread_join(thread, NULL);
	driver_poll(&self);
	EXPECT_INT(self.completed, 0);
	/* That thread had submitted the wake-up read as well. */
	uring->wake(self.state);
	driver_wait_until(&self, INT64_MAX);
	EXPECT_INT(self.completed, 0);
	EXPECT_INT(write(pipes[1], "p", 1), 1);
	EXPECT_INT(write(other[1], "o", 1), 1);
	EXPECT_INT(driver_finish(&self, &ops[1]), AW_POLL_IN);
	EXPECT_INT(driver_finish(&self, &ops[0]), 1);
	int client = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	EXPECT_INT(connect(client, (struct sockaddr *)&address, length), 0);
	int64_t accepted = driver_finish(&self, &ops[2]);
	EXPECT(accepted >= 0);
	EXPECT_INT(write(pair[0], "s", 1), 1);
	EXPECT_INT(driver_finish(&self, &ops[3]), 1);
	EXPECT_INT(bytes[0], 'p');
	EXPECT_INT(bytes[1], 's');
	while (read(pair[0], filler, sizeof filler) > 0) continue;
	EXPECT_INT(driver_finish(&self, &ops[4]), 1);
	driver_close(&self);
	int all[] = {pipes[0], pipes[1], other[0], other[1], pair[0], pair[1], listener, client, (int)accepted};
	for (size_t i = 0; i < sizeof all / sizeof *all; i++) close(all[i]);
}

static void *wait_for_one(void *arg) {
	errand *job = arg;
	(void)driver_finish(job->self, job->ops);
	return NULL;
}

static void a_loop_moves_between_threads(void) {
	NEED_URING;
	driver self;
	REQUIRE(open_moving(&self) == 0);
	int pipes[2];
	char byte;
	REQUIRE(pipe2(pipes, O_CLOEXEC) == 0);
	for (int i = 0; i < 200; i++) {
		driver_op read = driver_io(AW_OP_READ, pipes[0], 0, &byte, 1);
		errand job = {&self, &read, 1};
		pthread_t thread;
		driver_start(&self, &read);
		driver_poll(&self);
		/* This thread sleeps in the join, and the other one waits for what this one has submitted. */
		if (i & 1) EXPECT_INT(write(pipes[1], "x", 1), 1);
		REQUIRE(pthread_create(&thread, NULL, wait_for_one, &job) == 0);
		if (!(i & 1)) EXPECT_INT(write(pipes[1], "x", 1), 1);
		pthread_join(thread, NULL);
		EXPECT_INT(read.op.result, 1);
	}
	driver_close(&self);
	close(pipes[0]);
	close(pipes[1]);
}

/* ---- wakes that are refused ---- */

typedef struct ringer {
	driver *self;
	int error;
	atomic_int step; /* 1: proceed; 2: the wake has been tried */
} ringer;

/* A filter refuses this thread's writes; the loop's own thread is not affected. */
static void *ring_in_vain(void *arg) {
	ringer *job = arg;
	if (forbid((forbidden){.number = SYS_write, .error = job->error})) return NULL;
	for (int i = 0; i < 3; i++) {
		while (atomic_load(&job->step) != 1) sched_yield();
		/* The last time the loop is asleep, most likely. */
		if (i == 2) (void)poll(NULL, 0, 100);
		uring->wake(job->self->state);
		atomic_store(&job->step, 2);
	}
	return job;
}

static void refused_wakes(int error) {
	driver self;
	REQUIRE(driver_open(&self, uring) == 0);
	ringer job = {.self = &self, .error = error};
	pthread_t thread;
	REQUIRE(pthread_create(&thread, NULL, ring_in_vain, &job) == 0);
	/* The limit detects a lost wake-up; the wait should end long before. */
	int64_t began = driver_real_now();
	for (int i = 0; i < 2; i++) {
		atomic_store(&job.step, 1);
		while (atomic_load(&job.step) != 2) sched_yield();
		driver_wait_until(&self, driver_real_now() + DRIVER_LIMIT);
	}
	atomic_store(&job.step, 1);
	driver_wait_until(&self, driver_real_now() + DRIVER_LIMIT);
	EXPECT(driver_real_now() - began < DRIVER_LIMIT / 2);
	void *ended = NULL;
	pthread_join(thread, &ended);
	EXPECT(ended == &job);
	/* A permitted wake works as before, and no later wait ends early. */
	uring->wake(self.state);
	driver_wait_until(&self, INT64_MAX);
	int64_t deadline = driver_real_now() + 200 * AW_MILLISECOND;
	driver_wait_until(&self, deadline);
	EXPECT(driver_real_now() >= deadline);
	driver_close(&self);
}

static void a_refused_wake_is_not_lost(void) {
	NEED_URING;
	refused_wakes(EPERM);
	refused_wakes(EINTR);
}

/* ---- more than the rings hold ---- */

static void more_operations_than_the_rings_hold(void) {
	enum { COUNT = 12000 };
	NEED_URING;
	driver self;
	int pair[2];
	REQUIRE(driver_open(&self, uring) == 0);
	REQUIRE(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) == 0);
	driver_op *reads = calloc(COUNT, sizeof *reads);
	char *bytes = calloc(COUNT, 1);
	REQUIRE(reads != NULL && bytes != NULL);
	/* Submitted one by one, then as many as fit at a time. */
	for (int round = 0; round < 2; round++) {
		self.holds = round;
		for (int i = 0; i < COUNT; i++) {
			reads[i] = driver_io(AW_OP_RECV, pair[0], 0, &bytes[i], 1);
			driver_start(&self, &reads[i]);
		}
		self.completed = 0;
		driver_poll(&self);
		EXPECT_INT(self.completed, 0);
		/* One more is still served while all those are idle. */
		memset(bytes, 'x', COUNT);
		driver_op write = driver_io(AW_OP_SEND, pair[1], 0, bytes, COUNT);
		EXPECT_INT(driver_do(&self, &write), COUNT);
		/* All at once: three times what the completion ring holds. */
		for (int i = 0; i < COUNT; i++) EXPECT_INT(driver_finish(&self, &reads[i]), 1);
		/* And again, cancelled this time. */
		for (int i = 0; i < COUNT; i++) driver_start(&self, &reads[i]);
		for (int i = 0; i < COUNT; i++) driver_cancel(&self, &reads[i]);
		for (int i = 0; i < COUNT; i++) EXPECT_INT(driver_finish(&self, &reads[i]), -ECANCELED);
	}
	for (int i = 0; i < COUNT; i++) driver_start(&self, &reads[i]);
	driver_close(&self);
	for (int i = 0; i < COUNT; i++) EXPECT(reads[i].completions == 1 && reads[i].op.result == -ECANCELED);
	free(reads);
	free(bytes);
	close(pair[0]);
	close(pair[1]);
}

/* ---- closing descriptors ---- */

static void a_closed_listener_gives_its_port_back(void) {
	NEED_URING;
	driver self;
	REQUIRE(driver_open(&self, uring) == 0);
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t length = sizeof address;
	for (int i = 0; i < 50; i++) {
		int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
		/* The port of the round before: still taken if the ring holds that listener. */
		EXPECT_INT(bind(listener, (struct sockaddr *)&address, length), 0);
		EXPECT_INT(listen(listener, 5), 0);
		EXPECT_INT(getsockname(listener, (struct sockaddr *)&address, &length), 0);
		driver_op accepts[2] = {driver_io(AW_OP_ACCEPT, listener, 1, NULL, 0),
		                        driver_io(AW_OP_ACCEPT, listener, 1, NULL, 0)};
		driver_op end = driver_io(AW_OP_CLOSE, listener, 0, NULL, 0),
				  again = driver_io(AW_OP_CLOSE, listener, 0, NULL, 0);
		driver_start(&self, &accepts[0]);
		driver_start(&self, &accepts[1]);
		if (i & 1) driver_poll(&self);
		driver_start(&self, &end);
		EXPECT_INT(driver_submit(&self, &again), -EBADF);
		EXPECT_INT(driver_finish(&self, &end), 0);
		EXPECT_INT(accepts[0].completions, 1);
		EXPECT_INT(accepts[1].completions, 1);
		EXPECT_INT(accepts[0].op.result, -ECANCELED);
		EXPECT_INT(fcntl(listener, F_GETFD), -1);
	}
	driver_close(&self);
}

static void a_close_under_way_is_carried_out_at_the_end(void) {
	NEED_URING;
	driver self;
	int pipes[2];
	char byte;
	REQUIRE(driver_open(&self, uring) == 0);
	REQUIRE(pipe2(pipes, O_CLOEXEC) == 0);
	driver_op read = driver_io(AW_OP_READ, pipes[0], 0, &byte, 1),
			  end = driver_io(AW_OP_CLOSE, pipes[0], 0, NULL, 0);
	driver_start(&self, &read);
	driver_start(&self, &end);
	driver_cancel(&self, &end);
	driver_close(&self);
	EXPECT_INT(read.op.result, -ECANCELED);
	EXPECT(end.completions == 1 && end.op.result == 0);
	EXPECT_INT(fcntl(pipes[0], F_GETFD), -1);
	close(pipes[1]);
}

static void the_descriptor_shows_a_close(void) {
	NEED_URING;
	driver self;
	int pipes[2];
	REQUIRE(driver_open(&self, uring) == 0);
	REQUIRE(pipe2(pipes, O_CLOEXEC) == 0);
	struct pollfd p = {.fd = uring->fd(self.state), .events = POLLIN};
	driver_poll(&self);
	EXPECT_INT(poll(&p, 1, 0), 0);
	for (int i = 0; i < 2; i++) {
		driver_op end = driver_io(AW_OP_CLOSE, pipes[i], 0, NULL, 0);
		driver_start(&self, &end);
		EXPECT_INT(poll(&p, 1, 10000), 1);
		EXPECT_INT(driver_finish(&self, &end), 0);
	}
	driver_close(&self);
}

/* ---- signals, bad arguments, abandoning ---- */

static void a_reader_that_goes_away_during_a_write_raises_no_signal(void) {
	NEED_URING;
	enum { MUCH = 1 << 20 };
	driver self;
	REQUIRE(driver_open(&self, uring) == 0);
	char *much = calloc(1, MUCH);
	REQUIRE(much != NULL);
	signal(SIGPIPE, SIG_DFL);
	for (int i = 0; i < 4; i++) {
		int pipes[2];
		REQUIRE((i & 1 ? socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pipes)
		               : pipe2(pipes, O_CLOEXEC)) == 0);
		int nonblocking = i >= 2;
		if (nonblocking) EXPECT_INT(fcntl(pipes[1], F_SETFL, O_NONBLOCK), 0);
		int64_t sent = 0, wrote;
		for (int round = 0;; round++) {
			driver_op write = driver_io(AW_OP_WRITE, pipes[1], nonblocking, much, MUCH);
			driver_start(&self, &write);
			driver_poll(&self);
			/* It waits for space. */
			if (!write.completions && pipes[0] >= 0) {
				close(pipes[0]);
				pipes[0] = -1;
			}
			wrote = driver_finish(&self, &write);
			if (wrote < 0) break;
			sent += wrote;
			REQUIRE(round < 1000);
		}
		EXPECT_INT(wrote, -EPIPE);
		EXPECT(sent >= 0);
		close(pipes[1]);
	}
	free(much);
	driver_close(&self);
}

static void what_makes_no_sense_is_refused(void) {
	NEED_URING;
	driver self;
	REQUIRE(driver_open(&self, uring) == 0);
	driver_op op = driver_io(0, 0, 0, NULL, 0);
	EXPECT_INT(driver_submit(&self, &op), -EINVAL);
	op.op.kind = AW_OP_FUTURE;
	EXPECT_INT(driver_submit(&self, &op), -EINVAL);
	op.op.kind = UINT32_MAX;
	EXPECT_INT(driver_submit(&self, &op), -EOPNOTSUPP);
	op = driver_io(AW_OP_CLOSE, -1, 0, NULL, 0);
	EXPECT_INT(driver_submit(&self, &op), -EBADF);
	op = driver_io(AW_OP_CONNECT, 0, 0, "", 1ull << 40);
	EXPECT_INT(driver_submit(&self, &op), -EINVAL);
	driver_close(&self);
}

static int open_files(void) {
	int count = 0;
	for (int fd = 0; fd < 4096; fd++) count += fcntl(fd, F_GETFD) >= 0;
	return count;
}

static void abandoning_in_the_same_process_leaves_no_descriptor(void) {
	NEED_URING;
	int before = open_files();
	driver self;
	REQUIRE(open_moving(&self) == 0);
	uring->abandon(self.state);
	EXPECT_INT(open_files(), before);
}

static int maps_a_ring(void) {
	char line[512];
	int found = 0;
	FILE *maps = fopen("/proc/self/maps", "r");
	while (maps && fgets(line, sizeof line, maps)) found |= strstr(line, "[io_uring]") != NULL;
	if (maps) fclose(maps);
	return found;
}

static void a_forked_child_does_not_have_the_ring_mapped(void) {
	NEED_URING;
	driver self;
	REQUIRE(driver_open(&self, uring) == 0);
	EXPECT(maps_a_ring());
	pid_t child = fork();
	if (child == 0) {
		int mapped = maps_a_ring();
		uring->abandon(self.state);
		_exit(mapped);
	}
	int status = -1;
	EXPECT_INT(waitpid(child, &status, 0), child);
	EXPECT_INT(status, 0);
	driver_close(&self);
}

static void threads_and_rings_die_together(void) {
	NEED_URING;
	int before = open_files();
	for (int i = 0; i < 100; i++) {
		driver self;
		int pipes[2];
		char byte;
		REQUIRE(open_moving(&self) == 0);
		REQUIRE(pipe2(pipes, O_CLOEXEC) == 0);
		driver_op read = driver_io(AW_OP_READ, pipes[0], 0, &byte, 1);
		errand job = {&self, &read, 1};
		pthread_t thread;
		REQUIRE(pthread_create(&thread, NULL, submit_and_end, &job) == 0);
		pthread_join(thread, NULL);
		driver_close(&self);
		EXPECT_INT(read.op.result, -ECANCELED);
		close(pipes[0]);
		close(pipes[1]);
	}
	EXPECT_INT(open_files(), before);
}

int main(void) {
	static const check_case cases[] = {
		TEST(operations_outlive_the_thread_that_submitted_them),
		TEST(a_loop_moves_between_threads),
		TEST(a_refused_wake_is_not_lost),
		TEST(more_operations_than_the_rings_hold),
		TEST(a_closed_listener_gives_its_port_back),
		TEST(a_close_under_way_is_carried_out_at_the_end),
		TEST(the_descriptor_shows_a_close),
		TEST(a_reader_that_goes_away_during_a_write_raises_no_signal),
		TEST(what_makes_no_sense_is_refused),
		TEST(abandoning_in_the_same_process_leaves_no_descriptor),
		TEST(a_forked_child_does_not_have_the_ring_mapped),
		TEST(threads_and_rings_die_together),
	};
	driver_choose("uring");
	if (driver_count) uring = driver_backends[0];
	return check_run("uring", cases, sizeof cases / sizeof *cases);
}
