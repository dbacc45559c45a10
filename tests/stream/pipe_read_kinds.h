/* SPDX-License-Identifier: MIT */
/* Those of pipe_kinds.h with the reading end on the left (included by kinds.h). */
#include "pipe_kinds.h"

static inline ends open_pipe_to_left(const aw_stream_options *options) {
	ends self = open_pipe(options);
	return (ends){self.right, self.left};
}

static const stream_kind stream_kinds[] = {
	{"pipe", open_pipe_to_left, HAS_NO_WAY_THERE | HAS_NO_HALF_CLOSE},
	{"two pipes", open_pipes, 0},
	{"pty", open_pty, HAS_NO_HALF_CLOSE | HAS_NO_LAST_WORDS | IS_SLOW}};
