/* SPDX-License-Identifier: MIT */
/* What the tests of handshakes share: a pair of sides over memory, and their ends. */
#ifndef TESTS_TLS_FIXTURE_H
#define TESTS_TLS_FIXTURE_H

#define STREAM_KINDS_HEADER "../tls/tls_kinds.h"
#include "../stream/kinds.h"

typedef struct sides {
	side client, server;
	aw_tls_options client_options, server_options;
} sides;

static inline bool contains(const char *text, const char *part) {
	return strstr(text, part) != NULL;
}

/* Two sides with contexts that would agree, over two streams. */
static inline void sides_begin(sides *self, ends lower) {
	*self = (sides){.client_options = for_localhost, .server_options = {.size = sizeof(aw_tls_options)}};
	self->client = (side){
		.stream = lower.left, .context = client_context(), .options = &self->client_options, .code = 1};
	self->server = (side){.stream = lower.right,
	                      .context = server_context(),
	                      .options = &self->server_options,
	                      .is_server = true,
	                      .code = 1};
}

static inline void sides_over_memory(sides *self) {
	sides_begin(self, open_memory(NULL));
}

static inline void sides_shake(sides *self) {
	shake_both(&self->client, &self->server);
}

static inline void side_end(side *self) {
	aw_stream_close(self->stream);
	/* It may have been ended in any way. */
	IGNORED(aw_stream_wait_closed(self->stream, 60 * AW_SECOND));
	aw_stream_unref(self->stream);
	aw_tls_context_unref(self->context);
}

static inline void sides_end(sides *self) {
	aw_stream_close(self->client.stream);
	aw_stream_close(self->server.stream);
	side_end(&self->client);
	side_end(&self->server);
}

/* Carries out a test in a task, and checks that nothing is left. */
static inline void run_in_task(aw_task_fn fn) {
	/* A backend's library may keep descriptors of the process from its first loop on. */
	aw_loop *first = NULL;
	EXPECT_INT(aw_loop_new(NULL, &first), 0);
	aw_loop_unref(first);
	int descriptors = open_descriptors();
	trace_reset();
	EXPECT_INT(aw_run(NULL, fn, NULL, NULL, NULL), 0);
	EXPECT_INT(aw_debug_live_handles(), 0);
	EXPECT_INT(open_descriptors(), descriptors);
}

#define IN_TASK(name)                           \
	static aw_status name##_task(void *unused); \
	static void name(void) {                    \
		run_in_task(name##_task);               \
	}                                           \
	static aw_status name##_task(void *unused)

/* Bytes one way. */
static inline void expect_passes(aw_stream *from, aw_stream *to, const char *text) {
	char buffer[64] = "";
	EXPECT_INT(aw_stream_write(from, text, strlen(text)), 0);
	EXPECT_INT(aw_stream_readexactly(to, buffer, strlen(text)), (int)strlen(text));
	EXPECT_STR(buffer, text);
}

#endif
