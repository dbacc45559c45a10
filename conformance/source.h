/* SPDX-License-Identifier: MIT */
/*
 * A stream whose bytes come from the case itself, by a table of functions, so that the case sees when the
 * stream wants to read.
 */
#ifndef CONFORMANCE_SOURCE_H
#define CONFORMANCE_SOURCE_H

#include "case.h"

typedef struct source {
	size_t available;  /* bytes that the next reads bring */
	aw_status failure; /* of a read, or 0 */
	bool is_wanted;    /* the stream waits for bytes */
} source;

static aw_status source_read(void *ud, void *buffer, size_t length) {
	source *self = ud;
	if (self->failure) return self->failure;
	if (!self->available) return -EAGAIN;
	size_t count = self->available < length ? self->available : length;
	memset(buffer, 'x', count);
	self->available -= count;
	return (aw_status)count;
}

static aw_status source_write(void *ud, const struct iovec *parts, size_t count) {
	(void)ud;
	(void)parts;
	(void)count;
	return -EPIPE;
}

static aw_status source_watch(void *ud, uint32_t events) {
	source *self = ud;
	self->is_wanted = events & AW_POLL_IN;
	return 0;
}

static aw_status source_close(void *ud, aw_bool aborting) {
	(void)ud;
	(void)aborting;
	return 0;
}

static void source_release(void *ud) {
	(void)ud;
}

static const aw_stream_methods source_methods = {.size = sizeof source_methods,
                                                 .name = "source",
                                                 .read = source_read,
                                                 .write = source_write,
                                                 .watch = source_watch,
                                                 .close = source_close,
                                                 .release = source_release};

/* Returns a new reference. 0: the default limit. */
static inline aw_stream *source_stream(source *self, size_t limit) {
	aw_stream *stream = NULL;
	aw_stream_options options = {.size = sizeof options, .limit = limit};
	must(aw_stream_new(NULL, &source_methods, self, &options, &stream));
	return stream;
}

/* There is something to read: tells a stream that waits for it. */
static inline void source_tell(source *self, aw_stream *stream) {
	if (!self->is_wanted) return;
	self->is_wanted = false;
	must(aw_stream_ready(stream, AW_POLL_IN));
}

#endif
