/* SPDX-License-Identifier: MIT */
/* Helpers for the cases about streams: two that are connected, in memory or by a Unix socket. */
#ifndef CONFORMANCE_STREAMS_H
#define CONFORMANCE_STREAMS_H

#include "case.h"

#include <sys/socket.h>

typedef struct ends {
	aw_stream *left, *right;
} ends;

static inline ends memory_pair(const aw_stream_options *options) {
	ends self = {NULL, NULL};
	must(aw_stream_pair(NULL, options, &self.left, &self.right));
	return self;
}

/* socket.socketpair, and asyncio.open_connection for each of the two. */
static inline ends unix_pair(const aw_stream_options *options) {
	ends self = {NULL, NULL};
	int fds[2];
	must(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds));
	must(aw_stream_from_fd(NULL, fds[0], options, &self.left));
	must(aw_stream_from_fd(NULL, fds[1], options, &self.right));
	return self;
}

static inline void write_text(aw_stream *stream, const char *text) {
	must(aw_stream_write(stream, text, strlen(text)));
}

/* Closes both, and drops the references. */
static inline void drop(ends *self) {
	must(aw_stream_close(self->left));
	must(aw_stream_close(self->right));
	aw_stream_unref(self->left);
	aw_stream_unref(self->right);
}

#endif
