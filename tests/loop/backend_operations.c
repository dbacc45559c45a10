/* SPDX-License-Identifier: MIT */
/* Labels: backends internal threads */
/*
 * The kinds of operation that a backend may lack, on each backend's table: what they do, their errors, a cancel
 * in flight, and that a late success loses nothing. A backend without a kind says so at once and does nothing.
 * Usage: test_backend_operations [NAME[,NAME…]]
 */
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/wait.h>

#include "backend_driver.h"

/* ---- a folder ---- */

static char folder[64];

static void folder_make(void) {
	strcpy(folder, "/tmp/libawait-operations-XXXXXX");
	REQUIRE(mkdtemp(folder) != NULL);
}

static char *in_folder(const char *name) {
	static char texts[4][128];
	static int turn;
	char *text = texts[turn++ % 4];
	snprintf(text, sizeof texts[0], "%s/%s", folder, name);
	return text;
}

static void make_file(const char *name) {
	int fd = open(in_folder(name), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	driver_put(fd, "content");
	close(fd);
}

static bool exists(const char *name) {
	return access(in_folder(name), F_OK) == 0;
}

static void folder_remove(void) {
	static const char *const names[] = {"a", "b", "fifo"};
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) (void)unlink(in_folder(names[i]));
	(void)rmdir(in_folder("d"));
	EXPECT_INT(rmdir(folder), 0);
}

/* ---- the file system: a table of what each kind does ---- */

typedef struct file_case {
	const char *what;
	driver_op (*make)(int fd); /* `fd` is that of "a", open for reading and writing */
	int64_t result;
	void (*check)(void); /* after a success */
	/* whether that has been done, or not at all */
	bool (*is_done)(void);
} file_case;

static driver_op of_path(uint32_t kind, const char *path) {
	return (driver_op){.op = {.kind = kind, .fd = AT_FDCWD, .buffer = (void *)(uintptr_t)path}};
}

static struct statx info;

static off_t size_of_a(void) {
	struct stat st;
	return stat(in_folder("a"), &st) < 0 ? -1 : st.st_size;
}

static driver_op make_statx(int fd) {
	(void)fd;
	memset(&info, 0, sizeof info);
	driver_op op = of_path(AW_OP_STATX, in_folder("a"));
	op.op.length = STATX_BASIC_STATS;
	op.op.second = &info;
	return op;
}

static driver_op make_statx_fd(int fd) {
	driver_op op = make_statx(fd);
	op.op.fd = fd;
	op.op.buffer = "";
	op.op.flags = AT_EMPTY_PATH;
	return op;
}

static driver_op make_statx_missing(int fd) {
	driver_op op = make_statx(fd);
	op.op.buffer = in_folder("missing");
	return op;
}

static void check_statx(void) {
	EXPECT_INT(info.stx_size, 7);
	EXPECT(S_ISREG(info.stx_mode));
}

static driver_op make_unlink(int fd) {
	(void)fd;
	return of_path(AW_OP_UNLINKAT, in_folder("a"));
}

static bool a_is_gone(void) {
	return !exists("a");
}

static driver_op make_unlink_missing(int fd) {
	(void)fd;
	return of_path(AW_OP_UNLINKAT, in_folder("missing"));
}

static driver_op make_rmdir_of_file(int fd) {
	driver_op op = make_unlink(fd);
	op.op.flags = AT_REMOVEDIR;
	return op;
}

static driver_op make_rename(int fd) {
	(void)fd;
	driver_op op = of_path(AW_OP_RENAMEAT, in_folder("a"));
	op.op.second_fd = AT_FDCWD;
	op.op.second = in_folder("b");
	return op;
}

static bool a_is_b(void) {
	return exists("b") && !exists("a");
}

static driver_op make_rename_over(int fd) {
	driver_op op = make_rename(fd);
	op.op.second = op.op.buffer;
	op.op.flags = RENAME_NOREPLACE;
	return op;
}

static driver_op make_mkdir(int fd) {
	(void)fd;
	driver_op op = of_path(AW_OP_MKDIRAT, in_folder("d"));
	op.op.length = 0700;
	return op;
}

static bool d_exists(void) {
	return exists("d");
}

static driver_op make_mkdir_over(int fd) {
	driver_op op = make_mkdir(fd);
	op.op.buffer = in_folder("a");
	return op;
}

static driver_op make_fallocate(int fd) {
	return (driver_op){.op = {.kind = AW_OP_FALLOCATE, .fd = fd, .offset = 100, .length = 900}};
}

static bool a_has_1000(void) {
	return size_of_a() == 1000;
}

static driver_op make_fallocate_nothing(int fd) {
	driver_op op = make_fallocate(fd);
	op.op.length = 0;
	return op;
}

static driver_op make_ftruncate(int fd) {
	return (driver_op){.op = {.kind = AW_OP_FTRUNCATE, .fd = fd, .length = 3}};
}

static bool a_has_3(void) {
	return size_of_a() == 3;
}

static driver_op make_ftruncate_negative(int fd) {
	driver_op op = make_ftruncate(fd);
	op.op.length = UINT64_MAX;
	return op;
}

static const file_case file_cases[] = {
	{"statx", make_statx, 0, check_statx, NULL},
	{"statx of a descriptor", make_statx_fd, 0, check_statx, NULL},
	{"statx, missing", make_statx_missing, -ENOENT, NULL, NULL},
	{"unlinkat", make_unlink, 0, NULL, a_is_gone},
	{"unlinkat, missing", make_unlink_missing, -ENOENT, NULL, NULL},
	{"unlinkat, not a directory", make_rmdir_of_file, -ENOTDIR, NULL, NULL},
	{"renameat", make_rename, 0, NULL, a_is_b},
	{"renameat, exists", make_rename_over, -EEXIST, NULL, NULL},
	{"mkdirat", make_mkdir, 0, NULL, d_exists},
	{"mkdirat, exists", make_mkdir_over, -EEXIST, NULL, NULL},
	{"fallocate", make_fallocate, 0, NULL, a_has_1000},
	{"fallocate, nothing", make_fallocate_nothing, -EINVAL, NULL, NULL},
	{"ftruncate", make_ftruncate, 0, NULL, a_has_3},
	{"ftruncate, negative", make_ftruncate_negative, -EINVAL, NULL, NULL},
};

/* `turns`: cancelled after so many polls; -1: not at all. */
static void file_case_on(driver *self, const file_case *c, int turns) {
	unsigned before = CU_get_number_of_failures();
	folder_make();
	make_file("a");
	int fd = open(in_folder("a"), O_RDWR | O_CLOEXEC);
	driver_op op = c->make(fd);
	aw_status status = driver_submit(self, &op);
	if (status == -EOPNOTSUPP) {
		if (c->is_done) EXPECT(!c->is_done());
		driver_poll(self);
		EXPECT_INT(op.completions, 0);
	} else {
		EXPECT_INT(status, 0);
		for (int i = 0; i < turns; i++) driver_poll(self);
		if (turns >= 0 && !op.completions) driver_cancel(self, &op);
		int64_t result = driver_finish(self, &op);
		if (turns < 0 || result != -ECANCELED) EXPECT_INT(result, c->result);
		if (result == 0 && c->check) c->check();
		/* No effect, or its result. */
		if (c->is_done) EXPECT_INT(c->is_done(), result == 0);
	}
	close(fd);
	folder_remove();
	if (CU_get_number_of_failures() != before) printf("\n    %s, cancelled after %d\n", c->what, turns);
}

CONTRACT(the_file_system) {
	for (size_t i = 0; i < sizeof file_cases / sizeof *file_cases; i++)
		for (int turns = -1; turns < 4; turns++) file_case_on(self, &file_cases[i], turns);
}

static driver_op of_open(const char *path, int flags) {
	driver_op op = of_path(AW_OP_OPENAT, path);
	op.op.flags = (uint32_t)(flags | O_CLOEXEC);
	op.op.length = 0640;
	return op;
}

/* A descriptor that comes late is in the result, so that none is lost. */
CONTRACT(an_open_brings_a_descriptor_or_nothing) {
	folder_make();
	make_file("a");
	umask(022);
	int before = driver_open_files();
	for (int turns = -1; turns < 6; turns++) {
		int flags = turns % 2 ? O_RDONLY : O_RDWR | O_CREAT;
		driver_op op = of_open(in_folder(turns % 2 ? "a" : "b"), flags);
		aw_status status = driver_submit(self, &op);
		if (status == -EOPNOTSUPP) {
			EXPECT(!exists("b"));
			break;
		}
		for (int i = 0; i < turns; i++) driver_poll(self);
		if (turns >= 0 && !op.completions) driver_cancel(self, &op);
		int64_t fd = driver_finish(self, &op);
		if (turns < 0) EXPECT(fd >= 0);
		EXPECT(fd >= 0 || fd == -ECANCELED);
		if (fd < 0) continue;
		EXPECT_INT(fcntl((int)fd, F_GETFD), FD_CLOEXEC);
		close((int)fd);
	}
	driver_op missing = of_open(in_folder("missing"), O_RDONLY);
	int64_t result = driver_do(self, &missing);
	EXPECT(result == -ENOENT || result == -EOPNOTSUPP);
	/* Relative to a directory. */
	int dir = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	driver_op relative = of_open("a", O_RDONLY);
	relative.op.fd = dir;
	result = driver_do(self, &relative);
	EXPECT(result >= 0 || result == -EOPNOTSUPP);
	if (result >= 0) close((int)result);
	close(dir);
	/* One that waits for the other end of a pipe can be cancelled. */
	EXPECT_INT(mkfifo(in_folder("fifo"), 0600), 0);
	driver_op waits = of_open(in_folder("fifo"), O_RDONLY);
	if (driver_submit(self, &waits) == 0) {
		for (int i = 0; i < 3; i++) driver_wait_until(self, driver_now(self) + AW_MILLISECOND);
		EXPECT_INT(waits.completions, 0);
		driver_cancel(self, &waits);
		result = driver_finish(self, &waits);
		EXPECT(result == -EINTR || result == -ECANCELED);
	}
	EXPECT_INT(driver_open_files(), before);
	folder_remove();
}

CONTRACT(a_close_with_operations_on_files_in_flight) {
	enum { COUNT = 16 };
	folder_make();
	make_file("a");
	static driver_op ops[COUNT];
	size_t count = 0;
	for (; count < COUNT; count++) {
		ops[count] = of_open(in_folder("a"), O_RDONLY);
		if (driver_submit(self, &ops[count]) < 0) break;
	}
	driver_close(self);
	for (size_t i = 0; i < count; i++) {
		EXPECT_INT(ops[i].completions, 1);
		EXPECT(ops[i].op.result >= 0 || ops[i].op.result == -ECANCELED);
		if (ops[i].op.result >= 0) EXPECT_INT(close((int)ops[i].op.result), 0);
	}
	folder_remove();
}

CONTRACT(a_sync_of_the_data) {
	folder_make();
	make_file("a");
	int fd = open(in_folder("a"), O_RDWR | O_CLOEXEC);
	driver_op sync = driver_io(AW_OP_FSYNC, fd, 0, NULL, 0);
	sync.op.flags = AW_OP_FSYNC_DATA;
	EXPECT_INT(driver_do(self, &sync), 0);
	close(fd);
	folder_remove();
}

/* ---- parts ---- */

CONTRACT(parts_of_a_file) {
	folder_make();
	make_file("a");
	int fd = open(in_folder("a"), O_RDWR | O_CLOEXEC);
	char one[4] = "", two[8] = "";
	struct iovec out[] = {{"AB", 2}, {"", 0}, {"C", 1}}, in[] = {{one, 3}, {two, 8}};
	driver_op write = driver_io(AW_OP_WRITEV, fd, 0, out, 3), read = driver_io(AW_OP_READV, fd, 0, in, 2);
	write.op.offset = 2;
	EXPECT_INT(driver_do(self, &write), 3);
	read.op.offset = 1;
	EXPECT_INT(driver_do(self, &read), 6);
	EXPECT_STR(one, "oAB");
	EXPECT_STR(two, "Cnt");
	/* At the position. */
	write.op.offset = read.op.offset = -1;
	EXPECT_INT(driver_do(self, &write), 3);
	EXPECT_INT(driver_do(self, &read), 4);
	EXPECT_INT(driver_do(self, &read), 0);
	read.op.length = IOV_MAX + 1;
	EXPECT_INT(driver_do(self, &read), -EINVAL);
	read.op.length = 0;
	EXPECT_INT(driver_do(self, &read), 0);
	close(fd);
	folder_remove();
}

/* Reads what is there, and returns how much that is. */
static int64_t drain_pipe(int fd) {
	static char bytes[65536];
	int64_t got = 0;
	fcntl(fd, F_SETFL, O_NONBLOCK);
	for (ssize_t n; (n = read(fd, bytes, sizeof bytes)) > 0;) got += n;
	return got;
}

static void parts_through(driver *self, driver_channel l, int nonblocking) {
	char one[3] = "", two[3] = "";
	struct iovec in[] = {{one, 2}, {two, 2}}, out[] = {{"abc", 3}, {"d", 1}};
	driver_op read = driver_io(AW_OP_READV, l.in, nonblocking, in, 2),
			  write = driver_io(AW_OP_WRITEV, l.out, nonblocking, out, 2);
	driver_start(self, &read);
	driver_poll(self);
	EXPECT_INT(read.completions, 0);
	driver_cancel(self, &read);
	EXPECT_INT(driver_finish(self, &read), -ECANCELED);
	driver_start(self, &read);
	EXPECT_INT(driver_do(self, &write), 4);
	EXPECT_INT(driver_finish(self, &read), 4);
	EXPECT_STR(one, "ab");
	EXPECT_STR(two, "cd");
	/* More than there is room for: in parts, without blocking. */
	static char large[1 << 20];
	struct iovec many[20];
	for (int i = 0; i < 20; i++) many[i] = (struct iovec){large, sizeof large};
	write.op.buffer = many;
	write.op.length = 20;
	driver_start(self, &write);
	driver_poll(self);
	if (!write.completions) driver_cancel(self, &write);
	int64_t sent = driver_finish(self, &write), got;
	EXPECT(sent > 0 || sent == -ECANCELED);
	got = drain_pipe(l.in);
	EXPECT_INT(got, sent > 0 ? sent : 0);
	/* No reader, and no signal. */
	close(l.in);
	write.op.buffer = out;
	write.op.length = 2;
	EXPECT_INT(driver_do(self, &write), -EPIPE);
	close(l.out);
}

CONTRACT(parts_through_pipes_and_sockets) {
	for (int flags = 0; flags < 2; flags++) {
		parts_through(self, driver_pipe(flags ? O_NONBLOCK : 0), flags);
		parts_through(self, driver_pair(flags ? SOCK_NONBLOCK : 0), flags);
	}
}

/* ---- messages ---- */

typedef union control {
	struct cmsghdr header;
	char room[CMSG_SPACE(sizeof(int))];
} control;

static struct msghdr message_of(struct iovec *part, control *with) {
	memset(with, 0, sizeof *with);
	return (struct msghdr){
		.msg_iov = part, .msg_iovlen = 1, .msg_control = with, .msg_controllen = sizeof *with};
}

CONTRACT(a_message_carries_a_descriptor) {
	for (int nonblocking = 0; nonblocking < 2; nonblocking++) {
		driver_channel l = driver_pair(nonblocking ? SOCK_NONBLOCK : 0);
		int before = driver_open_files();
		char got[4] = "";
		control to, from;
		struct iovec out = {"hi", 2}, in = {got, 3};
		struct msghdr sent = message_of(&out, &to), taken = message_of(&in, &from);
		to.header = (struct cmsghdr){
			.cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS, .cmsg_len = CMSG_LEN(sizeof(int))};
		memcpy(CMSG_DATA(&to.header), &l.in, sizeof(int));
		driver_op send = driver_io(AW_OP_SENDMSG, l.out, nonblocking, &sent, 0),
				  recv = driver_io(AW_OP_RECVMSG, l.in, nonblocking, &taken, 0);
		driver_start(self, &recv);
		driver_poll(self);
		EXPECT_INT(recv.completions, 0);
		driver_cancel(self, &recv);
		EXPECT_INT(driver_finish(self, &recv), -ECANCELED);
		EXPECT_INT(driver_do(self, &send), 2);
		taken = message_of(&in, &from);
		driver_start(self, &recv);
		/* One that has received the descriptor says so, also after a cancel. */
		driver_cancel(self, &recv);
		int64_t result = driver_finish(self, &recv);
		if (result == -ECANCELED) {
			taken = message_of(&in, &from);
			result = driver_do(self, &recv);
		}
		EXPECT_INT(result, 2);
		EXPECT_STR(got, "hi");
		int fd = -1;
		EXPECT_INT(from.header.cmsg_type, SCM_RIGHTS);
		memcpy(&fd, CMSG_DATA(&from.header), sizeof fd);
		EXPECT_INT(fcntl(fd, F_GETFD), FD_CLOEXEC);
		close(fd);
		EXPECT_INT(driver_open_files(), before);
		close(l.in);
		sent.msg_controllen = 0;
		EXPECT_INT(driver_do(self, &send), -EPIPE);
		close(l.out);
	}
	driver_channel no_socket = driver_pipe(0);
	struct msghdr nothing = {.msg_iovlen = 0};
	driver_op wrong = driver_io(AW_OP_SENDMSG, no_socket.out, 0, &nothing, 0);
	EXPECT_INT(driver_do(self, &wrong), -ENOTSOCK);
	wrong = driver_io(AW_OP_RECVMSG, no_socket.in, 0, &nothing, 0);
	EXPECT_INT(driver_do(self, &wrong), -ENOTSOCK);
	driver_drop(no_socket);
}

/* ---- splices ---- */

static driver_op of_splice(int from, int to, int nonblocking, size_t length) {
	driver_op op = driver_io(AW_OP_SPLICE, from, nonblocking, NULL, length);
	op.op.second_fd = to;
	return op;
}

static void splice_through(driver *self, driver_channel from, driver_channel to, int nonblocking) {
	char got[8] = "";
	driver_op splice = of_splice(from.in, to.out, nonblocking, 100);
	/* It waits for its source. */
	driver_start(self, &splice);
	driver_poll(self);
	EXPECT_INT(splice.completions, 0);
	driver_cancel(self, &splice);
	EXPECT_INT(driver_finish(self, &splice), -ECANCELED);
	driver_start(self, &splice);
	driver_poll(self);
	driver_put(from.out, "abc");
	EXPECT_INT(driver_finish(self, &splice), 3);
	EXPECT_INT(read(to.in, got, 7), 3);
	EXPECT_STR(got, "abc");
	/* It waits for its target. */
	int flags = fcntl(to.out, F_GETFL);
	fcntl(to.out, F_SETFL, flags | O_NONBLOCK);
	static char filling[4096];
	while (write(to.out, filling, sizeof filling) > 0) continue;
	while (write(to.out, filling, 1) > 0) continue;
	fcntl(to.out, F_SETFL, flags);
	driver_put(from.out, "de");
	driver_start(self, &splice);
	driver_poll(self);
	EXPECT_INT(splice.completions, 0);
	driver_cancel(self, &splice);
	EXPECT_INT(driver_finish(self, &splice), -ECANCELED);
	EXPECT(driver_readable(from.in));
	driver_start(self, &splice);
	driver_poll(self);
	fcntl(to.in, F_SETFL, O_NONBLOCK);
	int64_t deadline = driver_real_now() + DRIVER_LIMIT;
	char last = 0;
	while (!splice.completions && driver_real_now() < deadline) {
		for (ssize_t n; (n = read(to.in, filling, sizeof filling)) > 0;) last = filling[n - 1];
		driver_wait_until(self, driver_now(self) + AW_MILLISECOND);
	}
	EXPECT_INT(driver_finish(self, &splice), 2);
	for (ssize_t n; (n = read(to.in, filling, sizeof filling)) > 0;) last = filling[n - 1];
	EXPECT_INT(last, 'e');
	/* Nobody reads, and no signal is raised. */
	close(to.in);
	driver_put(from.out, "f");
	EXPECT_INT(driver_do(self, &splice), -EPIPE);
	close(to.out);
	/* The end of the source. */
	driver_channel sink = driver_pipe(nonblocking ? O_NONBLOCK : 0);
	splice.op.second_fd = sink.out;
	EXPECT_INT(driver_do(self, &splice), 1);
	close(from.out);
	EXPECT_INT(driver_do(self, &splice), 0);
	close(from.in);
	driver_drop(sink);
}

CONTRACT(splices) {
	for (int nonblocking = 0; nonblocking < 2; nonblocking++) {
		int flags = nonblocking ? O_NONBLOCK : 0;
		splice_through(self, driver_pipe(flags), driver_pipe(flags), nonblocking);
		splice_through(self, driver_pipe(flags), driver_pair(flags), nonblocking);
	}
	folder_make();
	make_file("a");
	int fd = open(in_folder("a"), O_RDWR | O_CLOEXEC);
	driver_channel l = driver_pipe(0);
	char got[8] = "";
	driver_op out = of_splice(fd, l.out, 0, 4), in = of_splice(l.in, fd, 0, 4);
	int64_t to = 100;
	out.op.offset = 3;
	EXPECT_INT(driver_do(self, &out), 4);
	in.op.second = &to;
	EXPECT_INT(driver_do(self, &in), 4);
	EXPECT_INT(to, 100);
	EXPECT_INT(pread(fd, got, 7, 100), 4);
	EXPECT_STR(got, "tent");
	driver_op wrong = of_splice(fd, fd, 0, 4);
	EXPECT_INT(driver_do(self, &wrong), -EINVAL);
	driver_drop(l);
	close(fd);
	folder_remove();
}

/* ---- sockets ---- */

CONTRACT(a_socket_is_bound_listens_and_is_shut_down) {
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t length = sizeof address;
	int server = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0),
		client = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	driver_op bind = driver_io(AW_OP_BIND, server, 0, &address, length),
			  listen = driver_io(AW_OP_LISTEN, server, 0, NULL, 5);
	EXPECT_INT(driver_do(self, &bind), 0);
	EXPECT_INT(driver_do(self, &listen), 0);
	EXPECT_INT(getsockname(server, (struct sockaddr *)&address, &length), 0);
	EXPECT_INT(connect(client, (struct sockaddr *)&address, length), 0);
	driver_op again = driver_io(AW_OP_BIND, client, 0, &address, length);
	EXPECT_INT(driver_do(self, &again), -EINVAL);
	again.op.length = 1;
	EXPECT_INT(driver_do(self, &again), -EINVAL);
	again.op.length = UINT64_MAX;
	EXPECT_INT(driver_do(self, &again), -EINVAL);
	driver_op accept = driver_io(AW_OP_ACCEPT, server, 0, NULL, 0);
	int peer = (int)driver_do(self, &accept);
	driver_op shutdown = driver_io(AW_OP_SHUTDOWN, client, 0, NULL, 0);
	shutdown.op.flags = SHUT_WR;
	EXPECT_INT(driver_do(self, &shutdown), 0);
	char byte;
	driver_op recv = driver_io(AW_OP_RECV, peer, 1, &byte, 1);
	EXPECT_INT(driver_do(self, &recv), 0);
	shutdown.op.fd = server;
	shutdown.op.flags = 99;
	EXPECT_INT(driver_do(self, &shutdown), -EINVAL);
	driver_channel no_socket = driver_pipe(0);
	shutdown.op.fd = listen.op.fd = bind.op.fd = no_socket.in;
	EXPECT_INT(driver_do(self, &shutdown), -ENOTSOCK);
	EXPECT_INT(driver_do(self, &listen), -ENOTSOCK);
	EXPECT_INT(driver_do(self, &bind), -ENOTSOCK);
	driver_drop(no_socket);
	close(peer);
	close(client);
	close(server);
}

/* tests/loop/multishot.c has what it brings. */
CONTRACT(an_accept_that_lasts_is_there_or_has_no_effect) {
	int server = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	EXPECT_INT(bind(server, (struct sockaddr *)&address, sizeof(sa_family_t)), 0);
	EXPECT_INT(listen(server, 5), 0);
	driver_op accept = driver_io(AW_OP_ACCEPT_MULTISHOT, server, 1, NULL, 0);
	aw_status status = driver_submit(self, &accept);
	EXPECT(status == 0 || status == -EOPNOTSUPP);
	driver_poll(self);
	EXPECT_INT(accept.completions, 0);
	if (status == 0) {
		driver_cancel(self, &accept);
		EXPECT_INT(driver_finish(self, &accept), -ECANCELED);
	}
	close(server);
}

/* ---- children ---- */

CONTRACT(a_child_is_waited_for) {
	driver_channel gate = driver_pipe(0);
	char byte;
	pid_t child = fork();
	if (child == 0) {
		close(gate.out);
		_exit(read(gate.in, &byte, 1) == 1 ? 42 : 1);
	}
	int pidfd = (int)syscall(SYS_pidfd_open, child, 0);
	REQUIRE(pidfd >= 0);
	siginfo_t status = {.si_pid = 0};
	driver_op wait = driver_io(AW_OP_WAITID, pidfd, 0, &status, 0);
	wait.op.flags = WEXITED;
	driver_start(self, &wait);
	driver_poll(self);
	EXPECT_INT(wait.completions, 0);
	driver_cancel(self, &wait);
	EXPECT_INT(driver_finish(self, &wait), -ECANCELED);
	/* Also while it ends: nothing that was reaped is lost. */
	driver_start(self, &wait);
	driver_poll(self);
	driver_put(gate.out, "x");
	driver_cancel(self, &wait);
	int64_t result = driver_finish(self, &wait);
	if (result == -ECANCELED) result = driver_do(self, &wait);
	EXPECT_INT(result, 0);
	EXPECT_INT(status.si_pid, child);
	EXPECT_INT(status.si_code, CLD_EXITED);
	EXPECT_INT(status.si_status, 42);
	EXPECT_INT(driver_do(self, &wait), -ECHILD);
	wait.op.flags = WSTOPPED;
	EXPECT_INT(driver_do(self, &wait), -EINVAL);
	close(pidfd);
	driver_drop(gate);
}

/* ---- what does not exist ---- */

CONTRACT(an_unknown_kind_is_refused_at_once) {
	static const uint32_t kinds[] = {AW_OP_WAITID + 1, 1000, UINT32_MAX};
	for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
		driver_op op = driver_io(kinds[i], STDERR_FILENO, 0, NULL, 0);
		EXPECT_INT(driver_submit(self, &op), -EOPNOTSUPP);
	}
	driver_poll(self);
}

CONTRACT(a_bad_descriptor_is_an_error) {
	static const uint32_t kinds[] = {AW_OP_READV,    AW_OP_WRITEV, AW_OP_SENDMSG, AW_OP_RECVMSG, AW_OP_BIND,
	                                 AW_OP_SHUTDOWN, AW_OP_LISTEN, AW_OP_SPLICE,  AW_OP_WAITID};
	char byte;
	struct iovec part = {&byte, 1};
	struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
	int fd = dup(STDERR_FILENO); /* a number that is free from now on */
	close(fd);
	for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
		bool of_message = kinds[i] == AW_OP_SENDMSG || kinds[i] == AW_OP_RECVMSG;
		driver_op op = driver_io(kinds[i], fd, 0, of_message ? (void *)&message : &part, 1);
		op.op.second_fd = fd;
		if (kinds[i] == AW_OP_WAITID) op.op.flags = WEXITED;
		EXPECT_INT(driver_do(self, &op), -EBADF);
	}
}

CONTRACT_MAIN("backend_operations", TEST(the_file_system), TEST(an_open_brings_a_descriptor_or_nothing),
              TEST(a_close_with_operations_on_files_in_flight), TEST(a_sync_of_the_data),
              TEST(parts_of_a_file), TEST(parts_through_pipes_and_sockets),
              TEST(a_message_carries_a_descriptor), TEST(splices),
              TEST(a_socket_is_bound_listens_and_is_shut_down),
              TEST(an_accept_that_lasts_is_there_or_has_no_effect), TEST(a_child_is_waited_for),
              TEST(an_unknown_kind_is_refused_at_once), TEST(a_bad_descriptor_is_an_error))
