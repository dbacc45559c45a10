/* SPDX-License-Identifier: MIT */
/* Labels: backends valgrind */
/* Files through sockets: what arrives, where the file's position is afterwards, and no SIGPIPE. */
#include "forbid.h"
#include "trace.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum { SIZE = 3 << 20 };

static unsigned char byte_at(size_t index) {
	return (unsigned char)(index * 7 + (index >> 9));
}

static int file_of(size_t size) {
	int fd = memfd_create("file", MFD_CLOEXEC);
	EXPECT(fd >= 0);
	unsigned char *data = malloc(size + 1);
	for (size_t i = 0; i < size; i++) data[i] = byte_at(i);
	EXPECT_INT(pwrite(fd, data, size, 0), size);
	free(data);
	return fd;
}

static void pair_of_sockets(int *ends) {
	EXPECT_INT(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends), 0);
}

static long long position(int fd) {
	return (long long)lseek(fd, 0, SEEK_CUR);
}

typedef struct reader {
	int fd;
	size_t at;    /* in the file */
	size_t count; /* of bytes read */
	size_t wrong;
} reader;

static aw_status reads_all(void *ud) {
	reader *self = ud;
	static unsigned char part[100000];
	aw_status got;
	while ((got = aw_sock_recv(self->fd, part, sizeof part)) > 0) {
		for (aw_status i = 0; i < got; i++) self->wrong += part[i] != byte_at(self->at + (size_t)i);
		self->at += (size_t)got;
		self->count += (size_t)got;
	}
	return got;
}

/* Sends a part of the file to a reader, and returns how much it got, all of it right. */
static long long send_part(int file, int64_t offset, int64_t count, uint32_t flags) {
	int ends[2];
	int64_t sent = -1;
	pair_of_sockets(ends);
	reader self = {.fd = ends[1], .at = (size_t)offset};
	aw_future *reading = spawn(reads_all, &self);
	EXPECT_INT(aw_sock_sendfile(ends[0], file, offset, count, flags, &sent), 0);
	close(ends[0]);
	EXPECT_INT(aw_await(reading, NULL), 0);
	aw_future_unref(reading);
	close(ends[1]);
	EXPECT_INT(self.wrong, 0);
	EXPECT_INT(sent, (long long)self.count);
	return (long long)self.count;
}

static aw_status parts(void *flags) {
	uint32_t how = (uint32_t)(uintptr_t)flags;
	int file = file_of(SIZE), empty = file_of(0);
	EXPECT_INT(send_part(file, 0, -1, how), SIZE);
	EXPECT_INT(position(file), SIZE);
	EXPECT_INT(send_part(file, 100001, -1, how), SIZE - 100001);
	EXPECT_INT(position(file), SIZE);
	EXPECT_INT(send_part(file, 3, 70000, how), 70000);
	EXPECT_INT(position(file), 70003);
	EXPECT_INT(send_part(file, SIZE - 5, 100, how), 5); /* the file ends early */
	EXPECT_INT(position(file), SIZE);
	EXPECT_INT(lseek(file, 17, SEEK_SET), 17);
	EXPECT_INT(send_part(file, 1, 0, how), 0);
	EXPECT_INT(send_part(file, SIZE, -1, how), 0);
	EXPECT_INT(send_part(file, SIZE + 9, 5, how), 0);
	EXPECT_INT(position(file), 17); /* nothing was sent */
	EXPECT_INT(send_part(empty, 0, -1, how), 0);
	close(file);
	close(empty);
	return 0;
}

static aw_status run_in_task(aw_task_fn fn, uintptr_t ud) {
	aw_status status = aw_run(NULL, fn, (void *)ud, NULL, NULL);
	EXPECT_INT(aw_debug_live_handles(), 0);
	return status;
}

static void a_part_of_a_file_arrives_and_the_position_is_behind_it(void) {
	EXPECT_INT(run_in_task(parts, AW_SENDFILE_NATIVE), 0);
}

/* In a child: a filter cannot be taken away. */
static void in_child_without_sendfile(int error, aw_task_fn fn) {
	fflush(stdout);
	pid_t child = fork();
	if (child == 0) {
		if (forbid((forbidden){.number = SYS_sendfile, .error = error})) _exit(77);
		aw_status status = run_in_task(fn, 0);
		_exit(status < 0 || CU_get_number_of_failures() ? 1 : 0);
	}
	int status = 0;
	EXPECT(waitpid(child, &status, 0) == child);
	if (WIFEXITED(status) && WEXITSTATUS(status) == 77) SKIP("seccomp filters are not available");
	EXPECT_INT(status, 0);
}

static aw_status parts_without_sendfile(void *ud) {
	int64_t sent = 7;
	int ends[2], file = file_of(10);
	pair_of_sockets(ends);
	EXPECT_INT(aw_sock_sendfile(ends[0], file, 0, -1, AW_SENDFILE_NATIVE, &sent), -EOPNOTSUPP);
	EXPECT_INT(sent, 0);
	close(ends[0]);
	close(ends[1]);
	close(file);
	return parts(ud);
}

static void where_the_kernel_cannot_the_file_is_read_and_sent(void) {
	in_child_without_sendfile(ENOSYS, parts_without_sendfile);
	in_child_without_sendfile(EINVAL, parts_without_sendfile);
	in_child_without_sendfile(EPERM, parts_without_sendfile);
}

typedef struct sending {
	int fd, file;
	int64_t sent;
} sending;

static aw_status sends_all(void *ud) {
	sending *self = ud;
	return aw_sock_sendfile(self->fd, self->file, 0, -1, 0, &self->sent);
}

static aw_status cancelled(void *ud) {
	(void)ud;
	int ends[2];
	pair_of_sockets(ends);
	sending self = {.fd = ends[0], .file = file_of(SIZE)};
	aw_future *future = spawn(sends_all, &self);
	EXPECT_INT(aw_sleep(5 * AW_MILLISECOND), 0);
	EXPECT_INT(aw_future_done(future), 0); /* nobody reads */
	EXPECT_INT(aw_future_cancel(future, NULL), 1);
	EXPECT_INT(aw_await(future, NULL), AW_ECANCELLED);
	aw_future_unref(future);
	EXPECT(self.sent > 0 && self.sent < SIZE);
	EXPECT_INT(position(self.file), self.sent);
	close(ends[0]);
	reader rest = {.fd = ends[1]};
	EXPECT_INT(reads_all(&rest), 0);
	EXPECT_INT(rest.count, self.sent);
	EXPECT_INT(rest.wrong, 0);
	close(ends[1]);
	close(self.file);
	return 0;
}

static void a_cancelled_call_tells_how_much_was_sent(void) {
	EXPECT_INT(run_in_task(cancelled, 0), 0);
	in_child_without_sendfile(EINVAL, cancelled);
}

static bool is_pending(void) {
	sigset_t pending;
	return sigpending(&pending) == 0 && sigismember(&pending, SIGPIPE) == 1;
}

static aw_status to_nobody(void *ud) {
	(void)ud;
	int ends[2], file = file_of(10);
	int64_t sent = 7;
	sigset_t set, before;
	sigemptyset(&set);
	sigaddset(&set, SIGPIPE);
	signal(SIGPIPE, SIG_DFL);
	pair_of_sockets(ends);
	close(ends[1]);
	EXPECT_INT(aw_sock_sendfile(ends[0], file, 0, -1, 0, &sent), -EPIPE); /* a SIGPIPE would kill us */
	EXPECT_INT(sent, 0);
	EXPECT_INT(position(file), 0);
	pthread_sigmask(SIG_BLOCK, &set, &before);
	EXPECT_INT(aw_sock_sendfile(ends[0], file, 0, -1, 0, NULL), -EPIPE);
	EXPECT(!is_pending());
	raise(SIGPIPE);
	EXPECT_INT(aw_sock_sendfile(ends[0], file, 0, -1, 0, NULL), -EPIPE);
	EXPECT(is_pending()); /* the program's own */
	EXPECT_INT(sigwaitinfo(&set, NULL), SIGPIPE);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	close(ends[0]);
	close(file);
	return 0;
}

static void a_peer_that_is_gone_is_an_error_and_no_signal(void) {
	EXPECT_INT(run_in_task(to_nobody, 0), 0);
	in_child_without_sendfile(EINVAL, to_nobody);
}

static aw_status as_coroutine(void *ud) {
	(void)ud;
	int ends[2], file = file_of(1000);
	pair_of_sockets(ends);
	aw_coro *coro = NULL;
	void *value = NULL;
	EXPECT_INT(aw_sock_sendfile_coro(NULL, ends[0], file, 10, -1, 0, NULL, &coro), 0);
	EXPECT_INT(aw_await_coro(coro, &value), 0);
	EXPECT_INT((intptr_t)value, 990);
	EXPECT_INT(position(file), 1000);
	aw_coro_unref(coro);
	/* one that is cancelled, and one that never runs */
	int much = file_of(SIZE);
	int64_t sent = 0;
	aw_task *task = NULL;
	EXPECT_INT(aw_sock_sendfile_coro(NULL, ends[0], much, 0, -1, 0, &sent, &coro), 0);
	EXPECT_INT(aw_task_spawn_coro(NULL, coro, &task), 0);
	aw_coro_unref(coro);
	EXPECT_INT(aw_sleep(AW_MILLISECOND), 0);
	EXPECT_INT(aw_task_cancel(task, NULL), 1);
	EXPECT_INT(aw_await(aw_task_future(task), NULL), AW_ECANCELLED);
	aw_task_unref(task);
	EXPECT(sent > 0);
	EXPECT_INT(position(much), sent);
	EXPECT_INT(aw_sock_sendfile_coro(NULL, ends[0], much, 0, -1, 0, &sent, &coro), 0);
	aw_coro_unref(coro);
	close(much);
	close(file);
	close(ends[0]);
	close(ends[1]);
	return 0;
}

static void it_is_a_coroutine_as_well(void) {
	EXPECT_INT(run_in_task(as_coroutine, 0), 0);
}

static aw_status wrong_arguments(void *ud) {
	(void)ud;
	int ends[2], ways[2], file = file_of(10), datagrams[2];
	aw_coro *coro = NULL;
	pair_of_sockets(ends);
	EXPECT_INT(pipe2(ways, O_CLOEXEC), 0);
	EXPECT_INT(socketpair(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0, datagrams), 0);
	EXPECT_INT(aw_sock_sendfile(ends[0], file, -1, -1, 0, NULL), -EINVAL);
	EXPECT_INT(aw_sock_sendfile(ends[0], file, 0, -1, 2, NULL), -EINVAL);
	EXPECT_INT(aw_sock_sendfile_coro(NULL, ends[0], file, 0, -1, 2, NULL, &coro), -EINVAL);
	EXPECT_INT(aw_sock_sendfile(ends[0], -1, 0, -1, 0, NULL), -EBADF);
	EXPECT_INT(aw_sock_sendfile(-1, file, 0, -1, 0, NULL), -EBADF);
	EXPECT_INT(aw_sock_sendfile(ends[0], ways[0], 0, -1, 0, NULL), -ESPIPE);
	EXPECT_INT(aw_sock_sendfile(ways[1], file, 0, -1, 0, NULL), -ENOTSOCK);
	EXPECT_INT(aw_sock_sendfile(datagrams[0], file, 0, -1, 0, NULL), -EINVAL);
	EXPECT_INT(fcntl(ends[0], F_SETFL, 0), 0);
	EXPECT_INT(aw_sock_sendfile(ends[0], file, 0, -1, 0, NULL), -EINVAL);
	for (int i = 0; i < 2; i++) {
		close(ends[i]);
		close(ways[i]);
		close(datagrams[i]);
	}
	close(file);
	return 0;
}

static void wrong_arguments_are_refused(void) {
	EXPECT_INT(run_in_task(wrong_arguments, 0), 0);
	EXPECT_INT(aw_sock_sendfile(0, 0, 0, -1, 0, NULL), AW_ENOTASK);
}

CHECK_MAIN("sendfile", TEST(a_part_of_a_file_arrives_and_the_position_is_behind_it),
           TEST(where_the_kernel_cannot_the_file_is_read_and_sent),
           TEST(a_cancelled_call_tells_how_much_was_sent),
           TEST(a_peer_that_is_gone_is_an_error_and_no_signal), TEST(it_is_a_coroutine_as_well),
           TEST(wrong_arguments_are_refused))
