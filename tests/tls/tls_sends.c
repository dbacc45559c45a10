/* SPDX-License-Identifier: MIT */
/* Labels: backends */
/* What TLS writes to the lower stream: several records at once, and the tickets of a server together. */
#include "tls_fixture.h"

#include <sys/uio.h>

/* One end of a lower stream in memory, which counts its writes. */
typedef struct wire {
	aw_stream *stream; /* borrowed */
	struct wire *peer;
	char data[256 * 1024]; /* what has arrived */
	size_t start, end;
	uint32_t wanted;
	bool is_scheduled, has_ended, is_released;
	aw_status refusal; /* of every write, or 0 */
	int writes;
} wire;

static wire ends_of_wire[2]; /* the client's, the server's */

static aw_status wire_tell(aw_loop *loop, void *ud) {
	wire *self = ud;
	(void)loop;
	self->is_scheduled = false;
	bool can_read = self->start < self->end || self->has_ended;
	uint32_t events = self->wanted & (AW_POLL_OUT | (can_read ? (uint32_t)AW_POLL_IN : 0));
	self->wanted &= ~events;
	if (events && !self->is_released) aw_stream_ready(self->stream, events);
	return 0;
}

static void wire_tell_soon(wire *self) {
	if (self->is_scheduled || self->is_released) return;
	self->is_scheduled = aw_loop_call_soon(aw_loop_current(), wire_tell, self, NULL, NULL) == 0;
}

static aw_status wire_read(void *ud, void *buffer, size_t length) {
	wire *self = ud;
	size_t size = self->end - self->start;
	if (!size) return self->has_ended ? 0 : -EAGAIN;
	if (size > length) size = length;
	memcpy(buffer, self->data + self->start, size);
	self->start += size;
	if (self->start == self->end) self->start = self->end = 0;
	return (aw_status)size;
}

static aw_status wire_write(void *ud, const struct iovec *parts, size_t count) {
	wire *self = ud, *peer = self->peer;
	size_t taken = 0;
	if (self->refusal < 0) return self->refusal;
	for (size_t i = 0; i < count && parts[i].iov_len <= sizeof peer->data - peer->end; i++) {
		if (parts[i].iov_len) memcpy(peer->data + peer->end, parts[i].iov_base, parts[i].iov_len);
		peer->end += parts[i].iov_len;
		taken += parts[i].iov_len;
	}
	if (!taken) return -EAGAIN;
	self->writes++;
	wire_tell_soon(peer);
	return (aw_status)taken;
}

static aw_status wire_watch(void *ud, uint32_t events) {
	wire *self = ud;
	self->wanted = events ? self->wanted | events : 0;
	wire_tell_soon(self);
	return 0;
}

static aw_status wire_close(void *ud, aw_bool aborting) {
	wire *self = ud;
	(void)aborting;
	self->peer->has_ended = true;
	wire_tell_soon(self->peer);
	return 0;
}

static void wire_release(void *ud) {
	((wire *)ud)->is_released = true;
}

static const aw_stream_methods wire_methods = {.size = sizeof wire_methods,
                                               .name = "wire",
                                               .read = wire_read,
                                               .write = wire_write,
                                               .watch = wire_watch,
                                               .close = wire_close,
                                               .release = wire_release};

static aw_stream *wire_open(int index) {
	wire *self = &ends_of_wire[index];
	memset(self, 0, sizeof *self); /* a literal of this size would be on the task's stack */
	self->peer = &ends_of_wire[!index];
	EXPECT_INT(aw_stream_new(NULL, &wire_methods, self, NULL, &self->stream), 0);
	return self->stream;
}

static void shake_over_wire(sides *self) {
	aw_stream *client = wire_open(0), *server = wire_open(1);
	sides_begin(self, (ends){client, server});
	sides_shake(self);
	EXPECT_INT(self->client.status, 0);
	EXPECT_INT(self->server.status, 0);
}

enum { RECORD = 16 * 1024, LARGE = 200 * 1024 };

static char sent[LARGE], received[LARGE];

/* Writes so much, and returns in how many writes of the lower stream it left. */
static int sends_for(const sides *both, size_t size) {
	int before = ends_of_wire[1].writes;
	for (size_t i = 0; i < size; i++) sent[i] = (char)(i * 7 + i / 251);
	EXPECT_INT(aw_stream_write(both->server.stream, sent, size), 0);
	EXPECT_INT(aw_stream_write_buffer_size(both->server.stream), 0);
	int writes = ends_of_wire[1].writes - before;
	EXPECT_INT(aw_stream_readexactly(both->client.stream, received, size), (int)size);
	EXPECT_INT(memcmp(received, sent, size), 0);
	return writes;
}

IN_TASK(records_of_one_write_leave_together) {
	(void)unused;
	sides both;
	shake_over_wire(&both);
	EXPECT_INT(sends_for(&both, 100), 1);
	EXPECT_INT(sends_for(&both, RECORD), 1);
	EXPECT_INT(sends_for(&both, RECORD + 1), 1);
	EXPECT_INT(sends_for(&both, 2 * RECORD), 1);
	EXPECT_INT(sends_for(&both, 8 * RECORD), 4);
	EXPECT_INT(sends_for(&both, LARGE), 7);
	sides_end(&both);
	return 0;
}

IN_TASK(tickets_leave_together) {
	(void)unused;
	sides both;
	shake_over_wire(&both);
	EXPECT_INT(ends_of_wire[1].writes, 2); /* what answers the client's hello, and the tickets */
	EXPECT_INT(sends_for(&both, 1), 1);
	aw_tls_session *session = NULL;
	EXPECT_INT(aw_tls_session_get(both.client.stream, &session), 0);
	aw_tls_session_unref(session);
	sides_end(&both);
	return 0;
}

IN_TASK(a_refusal_ends_the_write_that_meets_it) {
	(void)unused;
	sides both;
	shake_over_wire(&both);
	ends_of_wire[1].refusal = -EPIPE;
	EXPECT_INT(aw_stream_write(both.server.stream, sent, 4 * RECORD), -EPIPE);
	EXPECT_INT(aw_stream_write(both.server.stream, sent, 4 * RECORD), -EPIPE);
	sides_end(&both);
	return 0;
}

CHECK_MAIN("TLS over a stream that counts", TEST(records_of_one_write_leave_together),
           TEST(tickets_leave_together), TEST(a_refusal_ends_the_write_that_meets_it))
