/* SPDX-License-Identifier: MIT */
/* Two connected streams of each kind, so that a test is written once and run over all of them. */
#ifndef TESTS_STREAM_KINDS_H
#define TESTS_STREAM_KINDS_H

#include "in_a_task.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

typedef struct ends {
	aw_stream *left, *right;
} ends;

static inline ends ends_of_fds(const int fds[2], const aw_stream_options *options) {
	ends self = {NULL, NULL};
	EXPECT_INT(aw_stream_from_fd(NULL, fds[0], options, &self.left), 0);
	EXPECT_INT(aw_stream_from_fd(NULL, fds[1], options, &self.right), 0);
	return self;
}

static inline ends open_memory(const aw_stream_options *options) {
	ends self = {NULL, NULL};
	EXPECT_INT(aw_stream_pair(NULL, options, &self.left, &self.right), 0);
	return self;
}

static inline ends open_unix(const aw_stream_options *options) {
	int fds[2];
	EXPECT_INT(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
	return ends_of_fds(fds, options);
}

static inline ends open_tcp(const aw_stream_options *options) {
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t length = sizeof address;
	int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), fds[2];
	EXPECT_INT(bind(listener, (struct sockaddr *)&address, length), 0);
	EXPECT_INT(listen(listener, 1), 0);
	EXPECT_INT(getsockname(listener, (struct sockaddr *)&address, &length), 0);
	fds[0] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	EXPECT_INT(connect(fds[0], (struct sockaddr *)&address, length), 0);
	fds[1] = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	EXPECT(fds[1] >= 0);
	close(listener);
	/* The kernel may let a receive buffer grow to tens of MiB, unless its size is set, and then takes any write at once. */
	int size = 128 * 1024;
	for (int i = 0; i < 2; i++) EXPECT_INT(setsockopt(fds[i], SOL_SOCKET, SO_RCVBUF, &size, sizeof size), 0);
	return ends_of_fds(fds, options);
}

/* What a kind of stream cannot do. A check that needs it is replaced by one of what happens instead. */
enum {
	HAS_NO_WAY_BACK = 1,   /* the right one cannot write */
	HAS_NO_HALF_CLOSE = 2, /* only both directions can be ended */
	HAS_NO_LAST_WORDS = 4, /* what the right one has written may be lost when it closes */
	HAS_NO_WAY_THERE = 8,  /* the left one cannot write */
	IS_SLOW = 16           /* takes little at once */
};

typedef struct stream_kind {
	const char *name;
	ends (*open)(const aw_stream_options *options);
	unsigned lacks;
} stream_kind;

/* A file that defines other kinds in place of these, made of them. */
#ifdef STREAM_KINDS_HEADER
#include STREAM_KINDS_HEADER
#else
static const stream_kind stream_kinds[] = {
	{"memory", open_memory, 0}, {"unix", open_unix, 0}, {"tcp", open_tcp, 0}};
#endif

typedef struct kind_check {
	void (*check)(ends streams);
	const stream_kind *kind;
	const aw_stream_options *options;
} kind_check;

/* Whether its peer learns that it was aborted. */
static inline bool sees_a_reset(const aw_stream *stream) {
	return !strcmp(aw_stream_kind(stream), "tcp") || !strcmp(aw_stream_kind(stream), "memory");
}

/* Ends its direction, or both where that cannot be. */
static inline void end_direction(aw_stream *stream) {
	aw_status status = aw_stream_write_eof(stream);
	EXPECT_INT(status == -EOPNOTSUPP ? aw_stream_close(stream) : status, 0);
}

/* The check may have ended it in any way. */
static void expect_closed(aw_stream *stream) {
	aw_status status = aw_stream_wait_closed(stream, 60 * AW_SECOND);
	EXPECT(status == 0 || status == -ECONNRESET || status == -EPIPE || status == AW_ETIMEOUT ||
	       status == AW_ETRUNCATED);
}

static aw_status run_check(void *ud) {
	const kind_check *self = ud;
	ends streams = self->kind->open(self->options);
	self->check(streams);
	aw_stream_close(streams.left);
	aw_stream_close(streams.right);
	expect_closed(streams.left);
	expect_closed(streams.right);
	aw_stream_unref(streams.left);
	aw_stream_unref(streams.right);
	return 0;
}

/* What holds instead of a check that needs what the kind lacks. */
typedef struct kind_without {
	unsigned lacks;
	void (*check)(ends streams);
} kind_without;

/*
 * Runs the check over each kind, with and without debug mode, which counts the program's references. Over a kind that
 * lacks what it `needs`, the first of `instead` that says so runs in its place; NULL: none.
 */
static void over_each_kind_needing(unsigned needs, const kind_without *instead, void (*check)(ends streams),
                                   const aw_stream_options *options) {
	for (size_t i = 0; i < sizeof stream_kinds / sizeof *stream_kinds; i++) {
		unsigned lacking = stream_kinds[i].lacks & needs;
		if (lacking && !instead) continue;
		kind_check run = {check, &stream_kinds[i], options};
		for (const kind_without *other = instead; lacking; other++) {
			if (!(other->lacks & lacking)) continue;
			run.check = other->check;
			break;
		}
		in_a_task_with(run_check, &run);
	}
}

static inline void over_each_kind_with(void (*check)(ends streams), const aw_stream_options *options) {
	over_each_kind_needing(0, NULL, check, options);
}

/* Only over those kinds that lack nothing of it. */
static inline void over_kinds_with_all(unsigned needs, void (*check)(ends streams)) {
	over_each_kind_needing(needs, NULL, check, NULL);
}

static inline void over_each_kind(void (*check)(ends streams)) {
	over_each_kind_with(check, NULL);
}

#endif
