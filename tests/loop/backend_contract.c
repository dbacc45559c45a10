/* SPDX-License-Identifier: MIT */
/* Labels: backends internal threads */
/*
 * Checks the contract of <await/backend.h> directly on each backend's table. A case holds for both readiness
 * and completion backends, so if two orders are valid it checks that the result matches the actual state.
 * Usage: test_backend_contract [NAME[,NAME…]]
 */
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/resource.h>
#include <sys/time.h>

#include "backend_driver.h"

/* ---- waiting ---- */

typedef struct waker {
	driver *self;
	atomic_int turn; /* odd: the thread has to respond; even: the loop */
	int rounds;
} waker;

static void *wake_in_turn(void *arg) {
	waker *w = arg;
	for (int i = 0; i < w->rounds; i++) {
		while (!(atomic_load(&w->turn) & 1)) sched_yield();
		atomic_fetch_add(&w->turn, 1);
		w->self->backend->wake(w->self->state);
	}
	return NULL;
}

CONTRACT(no_wake_from_another_thread_is_lost) {
	waker w = {.self = self, .rounds = 2000};
	pthread_t thread;
	REQUIRE(pthread_create(&thread, NULL, wake_in_turn, &w) == 0);
	for (int i = 0; i < w.rounds; i++) {
		int mine = atomic_fetch_add(&w.turn, 1) + 1;
		/* A lost wake-up would hang here. */
		while (atomic_load(&w.turn) == mine) driver_wait_until(self, INT64_MAX);
	}
	pthread_join(thread, NULL);
}

CONTRACT(wakes_before_a_wait_end_it_once) {
	driver_channel idle = driver_pipe(0);
	driver_op keep = driver_watch(idle.in, AW_POLL_IN);
	driver_start(self, &keep);
	for (int i = 0; i < 1000; i++) self->backend->wake(self->state);
	driver_wait_until(self, INT64_MAX);
	int64_t deadline = driver_now(self) + 5 * AW_MILLISECOND;
	driver_wait_until(self, deadline);
	EXPECT(driver_now(self) >= deadline);
	driver_close(self);
	driver_drop(idle);
}

CONTRACT(a_deadline_is_never_early) {
	static const int64_t spans[] = {1, 999, 50000, 999999, 1000001, 3300000, 12345678};
	driver_channel idle = driver_pipe(O_NONBLOCK);
	driver_op keep = driver_watch(idle.in, AW_POLL_IN);
	/* With and without an operation in flight: a backend's own clock may jump only without one. */
	for (int busy = 0; busy < 2; busy++) {
		if (busy) driver_start(self, &keep);
		driver_poll(self);
		for (size_t i = 0; i < sizeof spans / sizeof *spans; i++) {
			int64_t deadline = driver_now(self) + spans[i];
			driver_wait_until(self, deadline);
			EXPECT(driver_now(self) >= deadline);
			EXPECT(driver_now(self) < deadline + 5 * AW_SECOND);
		}
	}
	int64_t before = driver_now(self);
	driver_wait_until(self, before - AW_SECOND);
	driver_wait_until(self, 0);
	driver_wait_until(self, -1);
	EXPECT(driver_now(self) < before + 5 * AW_SECOND);
	driver_close(self);
	driver_drop(idle);
}

static atomic_int signals;

static void count_signal(int number) {
	(void)number;
	atomic_fetch_add(&signals, 1);
}

CONTRACT(a_signal_ends_a_wait) {
	struct sigaction act = {.sa_handler = count_signal}, old;
	driver_channel idle = driver_pipe(O_NONBLOCK);
	driver_op keep = driver_watch(idle.in, AW_POLL_IN);
	driver_start(self, &keep);
	driver_poll(self);
	sigaction(SIGALRM, &act, &old);
	atomic_store(&signals, 0);
	/* Repeats, because one that comes before the wait begins has no effect. */
	struct itimerval every = {.it_interval = {0, 5000}, .it_value = {0, 5000}}, never = {0};
	setitimer(ITIMER_REAL, &every, NULL);
	int64_t begin = driver_now(self);
	driver_wait_until(self, begin + DRIVER_LIMIT);
	EXPECT(driver_now(self) < begin + DRIVER_LIMIT / 2);
	setitimer(ITIMER_REAL, &never, NULL);
	EXPECT(atomic_load(&signals) > 0);
	sigaction(SIGALRM, &old, NULL);
	EXPECT_INT(keep.completions, 0);
	driver_close(self);
	driver_drop(idle);
}

static driver *woken_by_signal;

static void wake_on_signal(int number) {
	(void)number;
	woken_by_signal->backend->wake(woken_by_signal->state);
}

CONTRACT(a_wake_from_a_signal_handler_ends_the_next_wait) {
	struct sigaction act = {.sa_handler = wake_on_signal}, old;
	woken_by_signal = self;
	sigaction(SIGUSR1, &act, &old);
	for (int i = 0; i < 100; i++) {
		raise(SIGUSR1);
		driver_wait_until(self, INT64_MAX);
	}
	sigaction(SIGUSR1, &old, NULL);
}

/* ---- reading and writing ---- */

static void read_later(driver *self, driver_channel l, int nonblocking, uint32_t kind) {
	char text[8] = "";
	driver_op op = driver_io(kind, l.in, nonblocking, text, 5);
	driver_start(self, &op);
	driver_poll(self);
	EXPECT_INT(op.completions, 0);
	driver_put(l.out, "abc");
	EXPECT_INT(driver_finish(self, &op), 3);
	EXPECT_STR(text, "abc");
	driver_put(l.out, "defghij");
	EXPECT_INT(driver_do(self, &op), 5);
	EXPECT_INT(driver_do(self, &op), 2);
	close(l.out);
	EXPECT_INT(driver_do(self, &op), 0);
	close(l.in);
}

CONTRACT(a_read_waits_and_then_completes) {
	read_later(self, driver_pipe(O_NONBLOCK), 1, AW_OP_READ);
	read_later(self, driver_pipe(O_NONBLOCK), 0, AW_OP_READ);
	read_later(self, driver_pipe(0), 0, AW_OP_READ);
	read_later(self, driver_pair(SOCK_NONBLOCK), 1, AW_OP_READ);
	read_later(self, driver_pair(0), 0, AW_OP_READ);
	read_later(self, driver_pair(SOCK_NONBLOCK), 1, AW_OP_RECV);
	read_later(self, driver_pair(0), 0, AW_OP_RECV);
}

CONTRACT(what_succeeds_at_once_completes_in_the_next_wait) {
	driver_channel l = driver_pipe(O_NONBLOCK);
	char text[] = "hello";
	driver_op op = driver_io(AW_OP_WRITE, l.out, 1, text, 5);
	driver_start(self, &op);
	EXPECT_INT(op.completions, 0);
	driver_wait_until(self, INT64_MAX);
	EXPECT_INT(op.completions, 1);
	EXPECT_INT(op.op.result, 5);
	driver_drop(l);
}

/* The writer fills the available space; the loop stays responsive meanwhile. */
static void write_much(driver *self, driver_channel l, int nonblocking, uint32_t kind) {
	enum { MUCH = 1 << 20 };
	char *buffer = calloc(1, MUCH), sink[4096];
	REQUIRE(buffer != NULL);
	int64_t limit = driver_real_now() + DRIVER_LIMIT;
	size_t sent = 0, got = 0;
	fcntl(l.in, F_SETFL, fcntl(l.in, F_GETFL) | O_NONBLOCK);
	while (sent < MUCH && driver_real_now() < limit) {
		driver_op op = driver_io(kind, l.out, nonblocking, buffer + sent, MUCH - sent);
		driver_start(self, &op);
		while (!op.completions && driver_real_now() < limit) {
			driver_poll(self);
			for (ssize_t n; (n = read(l.in, sink, sizeof sink)) > 0;) got += (size_t)n;
		}
		REQUIRE(op.completions == 1 && op.op.result > 0);
		sent += (size_t)op.op.result;
	}
	for (ssize_t n; (n = read(l.in, sink, sizeof sink)) > 0;) got += (size_t)n;
	EXPECT_INT(sent, MUCH);
	EXPECT_INT(got, MUCH);
	free(buffer);
	driver_drop(l);
}

CONTRACT(a_large_write_never_blocks_the_loop) {
	write_much(self, driver_pipe(O_NONBLOCK), 1, AW_OP_WRITE);
	write_much(self, driver_pipe(0), 0, AW_OP_WRITE);
	write_much(self, driver_pair(SOCK_NONBLOCK), 1, AW_OP_WRITE);
	write_much(self, driver_pair(0), 0, AW_OP_WRITE);
	write_much(self, driver_pair(0), 0, AW_OP_SEND);
}

CONTRACT(several_operations_on_one_descriptor) {
	enum { READS = 10 };
	driver_channel l = driver_pair(SOCK_NONBLOCK);
	char got[READS + 1] = "";
	driver_op reads[READS], watch = driver_watch(l.in, AW_POLL_IN),
							both = driver_watch(l.in, AW_POLL_IN | AW_POLL_OUT);
	for (int i = 0; i < READS; i++) {
		reads[i] = driver_io(AW_OP_RECV, l.in, 1, &got[i], 1);
		driver_start(self, &reads[i]);
	}
	driver_start(self, &watch);
	driver_poll(self);
	EXPECT_INT(self->completed, 0);
	/* Waiting readers do not delay the other direction. */
	char text[] = "x";
	driver_op send = driver_io(AW_OP_SEND, l.in, 1, text, 1);
	EXPECT_INT(driver_do(self, &send), 1);
	driver_start(self, &both);
	EXPECT_INT(driver_finish(self, &both), AW_POLL_OUT);
	EXPECT_INT(watch.completions, 0);
	driver_put(l.out, "0123456789");
	unsigned seen = 0;
	for (int i = 0; i < READS; i++) {
		EXPECT_INT(driver_finish(self, &reads[i]), 1);
		seen |= 1u << (got[i] - '0');
	}
	EXPECT_INT(seen, (1u << READS) - 1);
	/* If the kernel performs the reads, they may have consumed everything before the poll. */
	if (self->backend->capabilities & AW_BACKEND_COMPLETION && !watch.completions) {
		EXPECT(!driver_readable(l.in));
		driver_put(l.out, "x");
	}
	EXPECT_INT(driver_finish(self, &watch), AW_POLL_IN);
	/*
	 * A readiness backend serves them in the order they came in, also when the data is there before the
	 * second asks.
	 */
	if (!(self->backend->capabilities & AW_BACKEND_COMPLETION)) {
		EXPECT_STR(got, "0123456789");
		driver_start(self, &reads[0]);
		driver_put(l.out, "ab");
		driver_start(self, &reads[1]);
		EXPECT_INT(driver_finish(self, &reads[1]), 1);
		EXPECT_INT(driver_finish(self, &reads[0]), 1);
		EXPECT_STR(got, "ab23456789");
	}
	driver_drop(l);
}

CONTRACT(a_regular_file_is_always_ready) {
	char path[] = "/tmp/await-contract-XXXXXX", text[8] = "";
	int fd = mkstemp(path);
	REQUIRE(fd >= 0);
	unlink(path);
	driver_op watch = driver_watch(fd, AW_POLL_IN | AW_POLL_OUT);
	EXPECT_INT(driver_do(self, &watch), AW_POLL_IN | AW_POLL_OUT);
	char hello[] = "hello";
	driver_op op = driver_io(AW_OP_WRITE, fd, 0, hello, 5);
	EXPECT_INT(driver_do(self, &op), 5);
	op = driver_io(AW_OP_WRITE, fd, 0, hello, 1);
	op.op.offset = 7;
	EXPECT_INT(driver_do(self, &op), 1);
	op = driver_io(AW_OP_READ, fd, 0, text, 3);
	op.op.offset = 2;
	EXPECT_INT(driver_do(self, &op), 3);
	EXPECT_STR(text, "llo");
	op = driver_io(AW_OP_READ, fd, 0, text, 8);
	EXPECT_INT(driver_do(self, &op), 3);
	EXPECT_INT(text[2], 'h');
	EXPECT_INT(driver_do(self, &op), 0);
	op = driver_io(AW_OP_FSYNC, fd, 0, NULL, 0);
	EXPECT_INT(driver_do(self, &op), 0);
	op = driver_io(AW_OP_CLOSE, fd, 0, NULL, 0);
	EXPECT_INT(driver_do(self, &op), 0);
	EXPECT_INT(fcntl(fd, F_GETFD), -1);
}

CONTRACT(a_hangup_ends_every_watch) {
	driver_channel l = driver_pipe(O_NONBLOCK);
	driver_op in = driver_watch(l.in, AW_POLL_IN), none = driver_watch(l.in, 0);
	driver_start(self, &in);
	driver_start(self, &none);
	driver_poll(self);
	close(l.out);
	EXPECT(driver_finish(self, &in) & AW_POLL_HUP);
	EXPECT_INT(driver_finish(self, &none), AW_POLL_HUP);
	close(l.in);
}

static void write_to_the_dead(driver *self, driver_channel l, int nonblocking, uint32_t kind) {
	char text[] = "x";
	close(l.in);
	driver_op op = driver_io(kind, l.out, nonblocking, text, 1);
	EXPECT_INT(driver_do(self, &op), -EPIPE);
	EXPECT_INT(driver_do(self, &op), -EPIPE);
	close(l.out);
}

CONTRACT(writing_to_a_dead_peer_raises_no_signal) {
	struct sigaction act = {.sa_handler = count_signal}, old;
	sigset_t blocked, pending, before;
	sigaction(SIGPIPE, &act, &old);
	atomic_store(&signals, 0);
	for (int nonblocking = 0; nonblocking < 2; nonblocking++) {
		int flag = nonblocking ? O_NONBLOCK : 0;
		write_to_the_dead(self, driver_pipe(flag), nonblocking, AW_OP_WRITE);
		write_to_the_dead(self, driver_pair(flag), nonblocking, AW_OP_WRITE);
		write_to_the_dead(self, driver_pair(flag), nonblocking, AW_OP_SEND);
	}
	EXPECT_INT(atomic_load(&signals), 0);
	/* A signal that was already pending for the program stays pending. */
	sigemptyset(&blocked);
	sigaddset(&blocked, SIGPIPE);
	pthread_sigmask(SIG_BLOCK, &blocked, &before);
	write_to_the_dead(self, driver_pipe(O_NONBLOCK), 1, AW_OP_WRITE);
	sigpending(&pending);
	EXPECT(!sigismember(&pending, SIGPIPE));
	raise(SIGPIPE);
	write_to_the_dead(self, driver_pipe(O_NONBLOCK), 1, AW_OP_WRITE);
	sigpending(&pending);
	EXPECT(sigismember(&pending, SIGPIPE));
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	EXPECT_INT(atomic_load(&signals), 1);
	sigaction(SIGPIPE, &old, NULL);
}

CONTRACT(a_bad_descriptor_is_an_error_and_no_more) {
	static const uint32_t kinds[] = {AW_OP_POLL, AW_OP_READ,   AW_OP_WRITE, AW_OP_RECV,
	                                 AW_OP_SEND, AW_OP_ACCEPT, AW_OP_FSYNC, AW_OP_CLOSE};
	driver_channel l = driver_pipe(0);
	driver_drop(l);
	int fds[] = {-1, INT_MIN, l.in, INT_MAX};
	char text[1] = "";
	for (size_t k = 0; k < sizeof kinds / sizeof *kinds; k++)
		for (size_t i = 0; i < sizeof fds / sizeof *fds; i++) {
			driver_op op = driver_io(kinds[k], fds[i], 0, text, 1);
			EXPECT_INT(driver_do(self, &op), -EBADF);
		}
	driver_op op = driver_io(999, 0, 0, text, 1);
	EXPECT(driver_do(self, &op) < 0);
}

/* ---- sockets ---- */

static int listener(struct sockaddr_in *address) {
	socklen_t length = sizeof *address;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	*address = (struct sockaddr_in){.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	EXPECT_INT(bind(fd, (struct sockaddr *)address, sizeof *address), 0);
	EXPECT_INT(listen(fd, 16), 0);
	EXPECT_INT(getsockname(fd, (struct sockaddr *)address, &length), 0);
	return fd;
}

CONTRACT(a_thousand_messages_go_round) {
	for (int nonblocking = 0; nonblocking < 2; nonblocking++) {
		struct sockaddr_in address;
		int server = listener(&address);
		int client = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | (nonblocking ? SOCK_NONBLOCK : 0), 0);
		driver_op accept = driver_io(AW_OP_ACCEPT, server, 1, NULL, 0);
		driver_op connect = driver_io(AW_OP_CONNECT, client, nonblocking, &address, sizeof address);
		driver_start(self, &accept);
		driver_poll(self);
		EXPECT_INT(accept.completions, 0);
		EXPECT_INT(driver_do(self, &connect), 0);
		int peer = (int)driver_finish(self, &accept);
		REQUIRE(peer >= 0);
		EXPECT(fcntl(peer, F_GETFL) & O_NONBLOCK);
		EXPECT(fcntl(peer, F_GETFD) & FD_CLOEXEC);
		EXPECT_INT(!!(fcntl(client, F_GETFL) & O_NONBLOCK), nonblocking);
		EXPECT_INT(driver_do(self, &connect), -EISCONN);
		for (uint32_t i = 0; i < 1000; i++) {
			uint32_t sent = i, got = ~i;
			driver_op recv = driver_io(AW_OP_RECV, peer, 1, &got, sizeof got);
			driver_op send = driver_io(AW_OP_SEND, client, nonblocking, &sent, sizeof sent);
			driver_start(self, &recv);
			driver_start(self, &send);
			REQUIRE(driver_finish(self, &send) == sizeof sent);
			REQUIRE(driver_finish(self, &recv) == sizeof got);
			EXPECT_INT(got, i);
		}
		close(peer);
		close(client);
		close(server);
	}
}

CONTRACT(a_refused_connection_says_so) {
	for (int nonblocking = 0; nonblocking < 2; nonblocking++) {
		struct sockaddr_in address;
		close(listener(&address));
		int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | (nonblocking ? SOCK_NONBLOCK : 0), 0);
		driver_op connect = driver_io(AW_OP_CONNECT, fd, nonblocking, &address, sizeof address);
		EXPECT_INT(driver_do(self, &connect), -ECONNREFUSED);
		close(fd);
	}
}

CONTRACT(a_thousand_descriptors_at_once) {
	enum { PAIRS = 500 };
	static driver_channel pairs[PAIRS];
	static driver_op ops[2 * PAIRS];
	static char bytes[2 * PAIRS];
	struct rlimit limit;
	getrlimit(RLIMIT_NOFILE, &limit);
	struct rlimit more = {limit.rlim_max < 4096 ? limit.rlim_max : 4096, limit.rlim_max};
	if (limit.rlim_cur < more.rlim_cur) setrlimit(RLIMIT_NOFILE, &more);
	for (int i = 0; i < PAIRS; i++) {
		pairs[i] = driver_pair(SOCK_NONBLOCK);
		ops[2 * i] = driver_io(AW_OP_RECV, pairs[i].in, 1, &bytes[2 * i], 1);
		ops[2 * i + 1] = driver_io(AW_OP_RECV, pairs[i].out, 1, &bytes[2 * i + 1], 1);
		driver_start(self, &ops[2 * i]);
		driver_start(self, &ops[2 * i + 1]);
	}
	driver_poll(self);
	EXPECT_INT(self->completed, 0);
	for (int i = 0; i < PAIRS; i++) {
		driver_put(pairs[i].in, "i");
		driver_put(pairs[i].out, "o");
	}
	for (int i = 0; i < 2 * PAIRS; i++) {
		EXPECT_INT(driver_finish(self, &ops[i]), 1);
		EXPECT_INT(bytes[i], i % 2 ? 'i' : 'o');
	}
	EXPECT_INT(self->completed, 2 * PAIRS);
	for (int i = 0; i < PAIRS; i++) driver_drop(pairs[i]);
	setrlimit(RLIMIT_NOFILE, &limit);
}

static void the_table_is_well_formed(void) {
	for (size_t i = 0; i < driver_count; i++) {
		const aw_backend *b = driver_backends[i];
		char why[100] = "";
		EXPECT_INT(b->abi, AW_BACKEND_ABI);
		EXPECT(b->size >= AW_BACKEND_SIZE_MIN);
		EXPECT(b->name && b->description && b->probe && b->open && b->close && b->abandon);
		EXPECT(b->submit && b->cancel && b->wait && b->wake && b->fd);
		EXPECT_INT(b->probe(why, sizeof why), 0);
		EXPECT_INT(b->probe(NULL, 0), 0);
		printf("\n    %s: %s\n", b->name, b->description);
	}
	EXPECT(driver_count > 0 || *driver_missing);
}

CONTRACT_MAIN("backend_contract", TEST(the_table_is_well_formed), TEST(no_wake_from_another_thread_is_lost),
              TEST(wakes_before_a_wait_end_it_once), TEST(a_deadline_is_never_early),
              TEST(a_signal_ends_a_wait), TEST(a_wake_from_a_signal_handler_ends_the_next_wait),
              TEST(a_read_waits_and_then_completes), TEST(what_succeeds_at_once_completes_in_the_next_wait),
              TEST(a_large_write_never_blocks_the_loop), TEST(several_operations_on_one_descriptor),
              TEST(a_regular_file_is_always_ready), TEST(a_hangup_ends_every_watch),
              TEST(writing_to_a_dead_peer_raises_no_signal), TEST(a_bad_descriptor_is_an_error_and_no_more),
              TEST(a_thousand_messages_go_round), TEST(a_refused_connection_says_so),
              TEST(a_thousand_descriptors_at_once))
