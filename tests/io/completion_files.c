/* SPDX-License-Identifier: MIT */
/* Labels: backends threads valgrind */
/*
 * The completion queue's operations on files, messages and sockets: by the backend, or on a thread where it lacks
 * them. The outcomes are the same.
 */
#include "file/folder.h"

#include <stdbool.h>
#include <sys/socket.h>
#include <sys/uio.h>

static aw_submission operation(uint32_t kind, uint64_t token) {
	return (aw_submission){
		.size = sizeof(aw_submission), .kind = kind, .token = token, .fd = AT_FDCWD, .offset = -1};
}

static aw_completion do_one(aw_loop *loop, aw_submission one) {
	aw_completion done = {.status = -ETIME};
	EXPECT_INT(aw_loop_submit(loop, &one, 1), 1);
	for (int i = 0; i < 100 && aw_loop_drain(loop, &done, 1, AW_SECOND) == 0; i++) continue;
	EXPECT_INT((int)done.token, (int)one.token);
	return done;
}

static void begin(void) {
	folder_make();
	put("a", "content");
}

static aw_submission open_of(const char *name, int flags) {
	aw_submission one = operation(AW_OP_OPENAT, 1);
	one.buffer = (void *)(uintptr_t)in_folder(name);
	one.flags = (uint32_t)(flags | O_CLOEXEC);
	one.length = 0600;
	return one;
}

static void the_life_of_a_file(void) {
	begin();
	aw_loop *loop = loop_begin(NULL);
	aw_completion done = do_one(loop, open_of("b", O_RDWR | O_CREAT));
	EXPECT_INT(done.status, 0);
	int fd = (int)done.value;
	char got[8] = "";
	struct iovec out[2] = {{"abc", 3}, {"de", 2}}, in[2] = {{got, 2}, {got + 2, 4}};
	aw_submission one = operation(AW_OP_WRITEV, 2);
	one.fd = fd;
	one.buffer = out;
	one.length = 2;
	EXPECT_INT((int)do_one(loop, one).value, 5);
	one = operation(AW_OP_FTRUNCATE, 3);
	one.fd = fd;
	one.length = 4;
	EXPECT_INT(do_one(loop, one).status, 0);
	one = operation(AW_OP_READV, 4);
	one.fd = fd;
	one.buffer = in;
	one.length = 2;
	one.offset = 0;
	EXPECT_INT((int)do_one(loop, one).value, 4);
	EXPECT_STR(got, "abcd");
	one.offset = -2; /* only -1 is the position */
	EXPECT_INT(aw_loop_submit(loop, &one, 1), -EINVAL);
	one = operation(AW_OP_FALLOCATE, 5);
	one.fd = fd;
	one.offset = 10;
	one.length = 10;
	EXPECT_INT(do_one(loop, one).status, 0);
	one = operation(AW_OP_FSYNC, 6);
	one.fd = fd;
	one.flags = AW_OP_FSYNC_DATA;
	EXPECT_INT(do_one(loop, one).status, 0);
	one.flags = 77;
	EXPECT_INT(aw_loop_submit(loop, &one, 1), -EINVAL);
	struct statx info = {.stx_size = 0};
	one = operation(AW_OP_STATX, 7);
	one.buffer = (void *)(uintptr_t)in_folder("b");
	one.length = STATX_BASIC_STATS;
	one.second = &info;
	EXPECT_INT(do_one(loop, one).status, 0);
	EXPECT_INT((int)info.stx_size, 20);
	one.buffer = (void *)(uintptr_t)in_folder("missing");
	EXPECT_INT(do_one(loop, one).status, -ENOENT);
	one.buffer = NULL;
	EXPECT_INT(do_one(loop, one).status, -EFAULT);
	one = operation(AW_OP_RENAMEAT, 8);
	one.buffer = (void *)(uintptr_t)in_folder("b");
	one.second = (void *)(uintptr_t)in_folder("c");
	one.second_fd = AT_FDCWD;
	EXPECT_INT(do_one(loop, one).status, 0);
	EXPECT_INT(do_one(loop, one).status, -ENOENT);
	one = operation(AW_OP_MKDIRAT, 9);
	one.buffer = (void *)(uintptr_t)in_folder("d");
	one.length = 0700;
	EXPECT_INT(do_one(loop, one).status, 0);
	EXPECT_INT(do_one(loop, one).status, -EEXIST);
	one = operation(AW_OP_UNLINKAT, 10);
	one.buffer = (void *)(uintptr_t)in_folder("d");
	EXPECT_INT(do_one(loop, one).status, -EISDIR);
	one.flags = AT_REMOVEDIR;
	EXPECT_INT(do_one(loop, one).status, 0);
	close(fd);
	loop_end(loop);
	remove_tree(folder);
}

static void messages_and_splices(void) {
	aw_loop *loop = loop_begin(NULL);
	int pair[2], ends[2];
	char got[4] = "";
	REQUIRE(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) == 0 && pipe2(ends, O_CLOEXEC) == 0);
	struct iovec out = {"abc", 3}, in = {got, 3};
	struct msghdr sent = {.msg_iov = &out, .msg_iovlen = 1}, taken = {.msg_iov = &in, .msg_iovlen = 1};
	aw_submission one = operation(AW_OP_SENDMSG, 1);
	one.fd = pair[0];
	one.buffer = &sent;
	EXPECT_INT((int)do_one(loop, one).value, 3);
	one = operation(AW_OP_SPLICE, 2);
	one.fd = pair[1];
	one.second_fd = ends[1];
	one.length = 10;
	EXPECT_INT((int)do_one(loop, one).value, 3);
	one.fd = ends[0];
	one.second_fd = pair[1];
	EXPECT_INT((int)do_one(loop, one).value, 3);
	one = operation(AW_OP_RECVMSG, 3);
	one.fd = pair[0];
	one.buffer = &taken;
	EXPECT_INT((int)do_one(loop, one).value, 3);
	EXPECT_STR(got, "abc");
	one = operation(AW_OP_SHUTDOWN, 4);
	one.fd = pair[1];
	one.flags = SHUT_WR;
	EXPECT_INT(do_one(loop, one).status, 0);
	EXPECT_INT((int)recv(pair[0], got, 1, 0), 0);
	for (int i = 0; i < 2; i++) {
		close(pair[i]);
		close(ends[i]);
	}
	loop_end(loop);
}

/* A token that is cancelled at any time: each open brings a descriptor or nothing. */
static void cancelled_opens_lose_no_descriptor(void) {
	enum { COUNT = 40 };
	begin();
	aw_loop *loop = loop_begin(NULL);
	EXPECT_INT(do_one(loop, operation(AW_OP_NOP, 9)).status, 0);
	int before = open_descriptors();
	for (int turns = 0; turns < 6; turns++) {
		aw_submission one = open_of("a", turns % 2 ? O_RDONLY : O_RDWR | O_CREAT);
		for (int i = 0; i < COUNT; i++) EXPECT_INT(aw_loop_submit(loop, &one, 1), 1);
		aw_completion done[COUNT];
		int got = 0;
		for (int i = 0; i < turns && got < COUNT; i++) {
			aw_status more = aw_loop_drain(loop, done + got, (size_t)(COUNT - got), 0);
			if (more > 0) got += more;
		}
		IGNORED(aw_loop_cancel_token(loop, 1));
		for (int i = 0; i < 1000 && got < COUNT; i++) {
			aw_status more = aw_loop_drain(loop, done + got, (size_t)(COUNT - got), AW_SECOND);
			if (more > 0) got += more;
		}
		EXPECT_INT(got, COUNT);
		for (int i = 0; i < got; i++) {
			EXPECT(done[i].status == 0 || done[i].status == AW_ECANCELLED);
			if (done[i].status == 0) close((int)done[i].value);
		}
		if (turns == 0) before = before > open_descriptors() ? before : open_descriptors();
	}
	EXPECT(open_descriptors() <= before);
	loop_end(loop);
	remove_tree(folder);
}

static void a_closing_loop_closes_what_it_opened(void) {
	begin();
	loop_end(loop_begin(NULL));
	int before = open_descriptors();
	for (int turns = 0; turns < 5; turns++) {
		aw_loop *loop = loop_begin(NULL);
		aw_submission one = open_of("a", O_RDONLY);
		for (int i = 0; i < 20; i++) EXPECT_INT(aw_loop_submit(loop, &one, 1), 1);
		for (int i = 0; i < turns; i++) IGNORED(aw_loop_run_once(loop, i ? AW_MILLISECOND : 0));
		loop_end(loop);
		EXPECT_INT(open_descriptors(), before);
	}
	remove_tree(folder);
}

CHECK_MAIN("completion_files", TEST(the_life_of_a_file), TEST(messages_and_splices),
           TEST(cancelled_opens_lose_no_descriptor), TEST(a_closing_loop_closes_what_it_opened))
