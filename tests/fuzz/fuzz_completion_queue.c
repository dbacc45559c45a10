/* SPDX-License-Identifier: MIT */
/*
 * The completion queue: arrays of submissions on the target's own descriptors, drains and cancels, on epoll
 * or under virtual time. Each accepted submission completes once, nothing else completes, and neither
 * memory nor descriptors leak.
 */
#include "bytes.h"

#include <await/await.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <unistd.h>

enum { TOKENS = 16, FDS = 12, FUTURES = 3, STEPS_MAX = 64, ARRAY_MAX = 8, FD_MAX = 256, ROUNDS_MAX = 2000 };

/* Several operations share a token, so that one cancel may affect many. */
typedef struct token_state {
	unsigned in_flight;
	unsigned char *buffer; /* of `room` bytes, as long as any is in flight */
	size_t room;
	struct iovec part; /* the buffer */
	struct msghdr message;
} token_state;

static struct world {
	aw_loop *loop;
	aw_future *futures[FUTURES];
	token_state tokens[TOKENS];
	int fds[FDS];
	unsigned in_flight;
	struct sockaddr_un address;
	socklen_t address_length;
} world;

/* A small table, so that counting the open ones is cheap. */
int LLVMFuzzerInitialize(int *argc, char ***argv) {
	(void)argc, (void)argv;
	struct rlimit limit = {FD_MAX, FD_MAX};
	HOLDS(setrlimit(RLIMIT_NOFILE, &limit) == 0);
	return 0;
}

static int open_fds(void) {
	int count = 0;
	for (int fd = 0; fd < FD_MAX; fd++) count += fcntl(fd, F_GETFD) >= 0;
	return count;
}

static void world_open(unsigned how) {
	int *fds = world.fds;
	int flags = how & 2 ? O_NONBLOCK : 0; /* SOCK_NONBLOCK is the same */
	SAME(aw_loop_new(how & 1 ? "virtual" : "epoll", &world.loop), 0);
	for (int i = 0; i < FUTURES; i++) SAME(aw_future_new(world.loop, &world.futures[i]), 0);
	HOLDS(pipe2(fds, O_CLOEXEC | flags) == 0);
	HOLDS(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | flags, 0, fds + 2) == 0);
	HOLDS(socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | flags, 0, fds + 4) == 0);
	fds[6] = eventfd(0, EFD_CLOEXEC | flags);
	fds[7] = memfd_create("fuzz", MFD_CLOEXEC);
	/* A listening socket, at an address chosen by the kernel, and two that may connect. */
	for (int i = 8; i < 11; i++) fds[i] = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | flags, 0);
	world.address = (struct sockaddr_un){.sun_family = AF_UNIX};
	world.address_length = sizeof world.address;
	HOLDS(bind(fds[8], (struct sockaddr *)&world.address, sizeof(sa_family_t)) == 0 &&
	      listen(fds[8], 2) == 0);
	HOLDS(getsockname(fds[8], (struct sockaddr *)&world.address, &world.address_length) == 0);
	fds[11] = -1;
	for (int i = 0; i < FDS - 1; i++) HOLDS(fds[i] >= 0);
}

static void world_close(void) {
	aw_loop_unref(world.loop);
	for (int i = 0; i < FUTURES; i++) aw_future_unref(world.futures[i]);
	for (int i = 0; i < FDS; i++)
		if (world.fds[i] >= 0) close(world.fds[i]);
	for (int i = 0; i < TOKENS; i++) free(world.tokens[i].buffer);
	memset(&world, 0, sizeof world);
}

/* --- submitting --- */

static void token_take(token_state *self, bytes *in) {
	if (self->in_flight) return;
	free(self->buffer);
	self->room = bytes_u8(in);
	self->buffer = calloc(1, self->room ? self->room : 1);
	HOLDS(self->buffer);
	self->part = (struct iovec){self->buffer, self->room};
	self->message = (struct msghdr){.msg_iov = &self->part, .msg_iovlen = 1};
}

static int64_t some_offset(bytes *in) {
	switch (bytes_below(in, 4)) {
	case 0: return -1;
	case 1: return bytes_u8(in);
	case 2: return (int64_t)bytes_u16(in) * AW_MICROSECOND;
	default: return (int64_t)bytes_u64(in);
	}
}

/* The kinds that come with pointers get good ones, and numbers that fill no disk. */
static void shape(aw_submission *made, token_state *of, int second_fd, unsigned odd) {
	static char path[] = "/dev/full"; /* no descriptor of the fuzzer itself is one */
	made->second_fd = second_fd;
	switch (made->kind) {
	case AW_OP_READV:
	case AW_OP_WRITEV: made->buffer = &of->part, made->length = odd & 1; break;
	case AW_OP_SENDMSG:
	case AW_OP_RECVMSG: made->buffer = &of->message; break;
	case AW_OP_BIND: made->length = odd & 1; break;
	case AW_OP_OPENAT:
		made->buffer = odd & 1 ? path : NULL;
		made->flags = O_RDONLY | O_CLOEXEC;
		break;
	case AW_OP_FALLOCATE: made->offset = 0; break;
	case AW_OP_FTRUNCATE: made->length = odd; break;
	case AW_OP_STATX:
	case AW_OP_UNLINKAT:
	case AW_OP_RENAMEAT:
	case AW_OP_MKDIRAT:
	case AW_OP_WAITID: made->buffer = NULL; break;
	default: break;
	}
}

/* Only the fields that its kind uses; the fuzzer would gain nothing from the others. */
static aw_submission some_submission(bytes *in) {
	unsigned token = bytes_below(in, TOKENS), kind = bytes_below(in, 14), fd = bytes_below(in, FDS);
	token_state *of = &world.tokens[token];
	token_take(of, in);
	aw_submission made = {.size = sizeof made,
	                      .kind = kind == 13   ? bytes_u32(in) | 1u << 31
	                              : kind == 12 ? AW_OP_READV + bytes_below(in, AW_OP_WAITID - AW_OP_READV + 1)
	                                           : kind,
	                      .token = token,
	                      .fd = world.fds[fd],
	                      .offset = some_offset(in),
	                      .buffer = of->buffer,
	                      .length = of->room};
	unsigned odd = bytes_u8(in);
	if (odd & 1) made.flags = bytes_u8(in);
	if (odd & 2) made.flags = bytes_u32(in);
	if ((odd & 12) == 12) made.length = bytes_below(in, (unsigned)of->room + 1);
	if ((odd & 48) == 48) made.buffer = NULL;
	shape(&made, of, world.fds[odd % FDS], odd);
	if (odd == 0xf0) made.size = bytes_u8(in) % sizeof made;
	if (made.kind == AW_OP_FUTURE && !(odd & 64)) made.buffer = world.futures[fd % FUTURES];
	if (made.kind == AW_OP_FUTURE && odd & 64) made.buffer = fd % 2 ? (void *)world.loop : NULL;
	if (made.kind == AW_OP_CONNECT && !(odd & 64)) {
		made.buffer = &world.address;
		made.length = world.address_length;
	}
	/* Any other address might be in use. */
	if (made.kind == AW_OP_CONNECT && odd & 64 && of->room >= 2) of->buffer[0] = AF_UNIX, of->buffer[1] = 0;
	if (made.kind == AW_OP_CONNECT && odd & 64 && of->room >= 3) of->buffer[2] = 0;
	return made;
}

static bool has_offset(uint32_t kind) {
	return kind == AW_OP_READ || kind == AW_OP_WRITE || kind == AW_OP_READV || kind == AW_OP_WRITEV ||
	       kind == AW_OP_SPLICE;
}

static bool is_refusable(const aw_submission *one) {
	return (one->offset < -1 && has_offset(one->kind)) || one->size < sizeof *one ||
	       one->kind > AW_OP_WAITID ||
	       (one->kind == AW_OP_FSYNC && one->flags & ~(uint32_t)AW_OP_FSYNC_DATA) ||
	       (one->kind == AW_OP_FUTURE && (!one->buffer || one->buffer == (void *)world.loop));
}

static void submit(bytes *in) {
	aw_submission array[ARRAY_MAX];
	size_t count = bytes_below(in, ARRAY_MAX + 1), good = 0;
	for (size_t i = 0; i < count; i++) {
		array[i] = some_submission(in);
		/* A second close would find the number closed or reused. */
		for (size_t k = 0; k < i; k++)
			if (array[k].kind == AW_OP_CLOSE && array[k].fd == array[i].fd) array[i].fd = -1;
		world.tokens[array[i].token].in_flight++; /* it keeps its buffer */
	}
	while (good < count && !is_refusable(&array[good])) good++;
	aw_status taken = aw_loop_submit(world.loop, array, count);
	if (good == 0 && count)
		HOLDS(taken == -EINVAL || taken == AW_EBADHANDLE);
	else
		SAME(taken, good);
	for (size_t i = 0; i < count; i++) {
		if (i >= good) world.tokens[array[i].token].in_flight--;
		if (i < good) world.in_flight++;
		for (int k = 0; i < good && array[i].kind == AW_OP_CLOSE && k < FDS; k++)
			if (world.fds[k] == array[i].fd) world.fds[k] = -1;
	}
}

/* --- draining --- */

static void complete(const aw_completion *done) {
	HOLDS(done->token < TOKENS);
	token_state *of = &world.tokens[done->token];
	HOLDS(of->in_flight && world.in_flight);
	of->in_flight--;
	world.in_flight--;
	HOLDS(done->status <= 0 && done->status != -ECANCELED && done->status != -EAGAIN);
	HOLDS(done->status > -4096 || done->status == AW_ECANCELLED || done->status == AW_EUSER);
	if (done->status < 0) SAME(done->value, 0);
}

/* The target now owns the accepted socket, or the opened file. */
static void keep(const aw_completion *done) {
	if (done->status < 0 || done->value < 3 || done->value >= FD_MAX) return;
	for (int i = 0; i < FDS; i++)
		if (world.fds[i] == done->value) return;
	if (fcntl((int)done->value, F_GETFD) < 0) return;
	struct sockaddr_un name;
	struct stat info;
	socklen_t length = sizeof name;
	if (fstat((int)done->value, &info) == 0 && S_ISCHR(info.st_mode) && info.st_rdev == makedev(1, 7))
		close((int)done->value); /* opened */
	/* A byte count may have the same value; an accepted socket has the listener's address. */
	if (getsockname((int)done->value, (struct sockaddr *)&name, &length) == 0 &&
	    length == world.address_length && memcmp(&name, &world.address, length) == 0)
		close((int)done->value);
}

static void drain(size_t max, int64_t timeout) {
	aw_completion done[ARRAY_MAX];
	memset(done, 0xff, sizeof done);
	aw_status count = aw_loop_drain(world.loop, done, max, timeout);
	if (max == 0) {
		SAME(count, -EINVAL);
		return;
	}
	HOLDS(count == -EAGAIN || (count >= 0 && (size_t)count <= max));
	for (aw_status i = 0; i < count; i++) {
		complete(&done[i]);
		keep(&done[i]);
	}
}

/* All complete once each is cancelled. */
static void drain_all(void) {
	for (uint64_t i = 0; i < TOKENS; i++)
		HOLDS(aw_loop_cancel_token(world.loop, i) <= (aw_status)world.tokens[i].in_flight);
	for (int round = 0; world.in_flight && round < ROUNDS_MAX; round++) drain(ARRAY_MAX, AW_SECOND);
	SAME(world.in_flight, 0);
	for (uint64_t i = 0; i < TOKENS; i++) SAME(aw_loop_cancel_token(world.loop, i), 0);
}

/* --- all --- */

static void end_future(bytes *in) {
	aw_future *one = world.futures[bytes_below(in, FUTURES)];
	switch (bytes_below(in, 3)) {
	case 0: (void)(aw_future_set_result_int(one, bytes_u8(in)) < 0); break;
	case 1: (void)(aw_future_fail(one, bytes_u8(in) % 2 ? -EIO : AW_EUSER, NULL) < 0); break;
	default: (void)(aw_future_cancel(one, NULL) < 0);
	}
}

static void step(bytes *in) {
	switch (bytes_below(in, 7)) {
	case 0:
	case 1: submit(in); break;
	case 2: drain(bytes_below(in, ARRAY_MAX + 1), 0); break;
	case 3: drain(1 + bytes_below(in, ARRAY_MAX), (int64_t)bytes_u8(in) * AW_MICROSECOND); break;
	case 4: {
		uint64_t token = bytes_below(in, TOKENS + 1);
		aw_status asked = aw_loop_cancel_token(world.loop, token);
		HOLDS(asked >= 0 && asked <= (token < TOKENS ? (aw_status)world.tokens[token].in_flight : 0));
		break;
	}
	case 5: end_future(in); break;
	default: HOLDS(aw_loop_run_once(world.loop, 0) >= -EAGAIN);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
	bytes in = {data, size};
	unsigned how = bytes_u8(&in);
	int before = open_fds();
	world_open(how);
	for (int i = 0; in.left && i < STEPS_MAX; i++) step(&in);
	if (how & 4) drain_all();
	SAME(aw_loop_close(world.loop), 0);
	world_close();
	SAME(aw_debug_live_handles(), 0);
	SAME(open_fds(), before);
	return 0;
}
