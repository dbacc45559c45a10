/* SPDX-License-Identifier: MIT */
/* TLS over descriptors that are not sockets (included by tests/stream/kinds.h). */
#define STREAM_KINDS_ELSEWHERE
#include "../stream/pipe_kinds.h"
#include "tls_kinds.h"

static ends open_tls_pipes(const aw_stream_options *options) {
	return tls_over(open_pipes(options), options);
}

/* The kernel throws away what the terminal has not read when the master closes, the goodbye among it. */
static ends open_tls_pty(const aw_stream_options *options) {
	return tls_over(open_pty(options), options);
}

static const stream_kind stream_kinds[] = {{"tls over two pipes", open_tls_pipes, 0},
                                           {"tls over a pty", open_tls_pty, HAS_NO_LAST_WORDS}};
