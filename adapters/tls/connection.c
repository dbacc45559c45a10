/* SPDX-License-Identifier: MIT */
/* The upper stream's table of functions, and the life of a connection. */
#include "tls.h"

#include <errno.h>
#include <openssl/err.h>
#include <string.h>
#include <sys/uio.h>

#define TICKETS_MAX   (AW_SECOND)           /* the first of them comes within this time */
#define TICKETS_GRACE (20 * AW_MILLISECOND) /* the others follow it */

enum { RECORD_SIZE = 16 * 1024, GATHER_SIZE = 2 * 1024 };

connection *connection_ref(connection *self) {
	self->refs++;
	return self;
}

void connection_unref(void *ud) {
	connection *self = ud;
	if (--self->refs) return;
	SSL_free(self->ssl);
	free(self->alpn);
	aw_tls_context_unref(self->context);
	if (self->chosen) aw_tls_context_unref(self->chosen);
	if (self->done) aw_future_unref(self->done);
	if (self->lower) aw_stream_unref(self->lower);
	free(self);
}

connection *connection_of(const aw_stream *stream) {
	void *found = aw_stream_methods_data(stream, &tls_methods);
	return found ? found : aw_stream_methods_data(stream, &tls12_methods);
}

/* --- the timer --- */

void connection_start_timer(connection *self, int64_t timeout, aw_callback_fn fn) {
	connection_stop_timer(self);
	if (timeout == AW_FOREVER) return;
	aw_loop_call_later(self->loop, timeout, fn, connection_ref(self), connection_unref, &self->timer);
}

void connection_stop_timer(connection *self) {
	aw_handle *timer = self->timer;
	if (!timer) return;
	self->timer = NULL;
	aw_handle_cancel(timer); /* drops the timer's reference to the connection */
	aw_handle_unref(timer);
}

aw_status connection_give_up(aw_loop *loop, void *ud) {
	connection *self = ud;
	(void)loop;
	self->gave_up = true;
	if (!self->is_lost) aw_stream_abort(self->lower);
	return 0;
}

/* --- OpenSSL's results --- */

aw_status connection_failed(connection *self, int result) {
	int kind = SSL_get_error(self->ssl, result);
	if (kind == SSL_ERROR_WANT_READ) return -EAGAIN;
	/* OpenSSL says so as well if a write has failed after the peer's closing message. */
	if (kind == SSL_ERROR_ZERO_RETURN && self->bio_failure == 0) return 0;
	aw_status status;
	/* Where TLS has failed itself, the alert may not have been taken either. */
	if (self->bio_failure < 0 && kind != SSL_ERROR_SSL) {
		status = self->bio_failure;
		snprintf(self->words, sizeof self->words, "%s", aw_strerror(status));
		ERR_clear_error();
	} else if (ERR_peek_error()) {
		status = tls_take_error(self->words);
	} else {
		status = AW_ETRUNCATED;
		snprintf(self->words, sizeof self->words, "%s", aw_strerror(status));
	}
	if (status == AW_ECERTIFICATE) {
		self->verify_code = SSL_get_verify_result(self->ssl);
		if (self->verify_code != X509_V_OK)
			snprintf(self->words, sizeof self->words, "certificate verify failed: %s",
			         X509_verify_cert_error_string(self->verify_code));
	}
	return self->failure = status;
}

aw_status connection_refused(connection *self, aw_status status) {
	snprintf(self->words, sizeof self->words, "%s", aw_strerror(status));
	return self->failure = status;
}

aw_error *connection_error(connection *self) {
	aw_error *error = NULL;
	void *payload = self->failure == AW_ECERTIFICATE ? (void *)(intptr_t)self->verify_code : NULL;
	return aw_error_new(self->loop, self->failure, self->words, payload, NULL, &error) < 0 ? NULL : error;
}

/* --- waking the upper stream --- */

static bool is_full(const connection *self) {
	return aw_stream_write_buffer_size(self->lower) + self->gathered > self->high;
}

void connection_tell(connection *self, uint32_t events) {
	uint32_t told = self->wanted & events;
	self->wanted &= ~told;
	if (self->upper && (told || self->is_closing)) aw_stream_ready(self->upper, told);
}

static uint32_t possible(const connection *self) {
	bool is_over = self->failure || self->is_lost;
	return (self->is_readable || is_over ? AW_POLL_IN : 0u) | (is_over || !is_full(self) ? AW_POLL_OUT : 0u);
}

static aw_status soon(aw_loop *loop, void *ud) {
	connection *self = ud;
	(void)loop;
	self->is_scheduled = false;
	connection_tell(self, possible(self));
	return 0;
}

static aw_status tls_watch(void *ud, uint32_t events) {
	connection *self = ud;
	self->wanted = events ? self->wanted | events : 0;
	if (self->is_scheduled || !(self->wanted & possible(self))) return 0;
	aw_status status = aw_loop_call_soon(self->loop, soon, connection_ref(self), connection_unref, NULL);
	if (status == 0) self->is_scheduled = true;
	return status;
}

/* --- bytes --- */

static aw_status read_plain(connection *self, void *buffer, size_t length) {
	size_t done = 0;
	while ((!self->failure || self->may_read) && done < length) {
		size_t count = 0;
		ERR_clear_error();
		int result = SSL_read_ex(self->ssl, (char *)buffer + done, length - done, &count);
		if (result > 0) {
			self->may_get_tickets = false;
			done += count;
			continue;
		}
		self->may_read = false;
		aw_status status = connection_failed(self, result);
		if (status == -EAGAIN) self->is_readable = false;
		if (status < 0) break;
		return (aw_status)done; /* the peer's closing message, which OpenSSL remembers */
	}
	if (done) return (aw_status)done;
	return self->failure ? self->failure : length ? -EAGAIN : 0;
}

/* Tells the upper stream with which words it has failed. */
static aw_status told(connection *self, aw_status status) {
	aw_error *error = status < 0 && status == self->failure && self->upper ? connection_error(self) : NULL;
	if (error) {
		aw_stream_fail(self->upper, error);
		aw_error_unref(error);
	}
	return status;
}

static aw_status tls_read(void *ud, void *buffer, size_t length) {
	return told(ud, read_plain(ud, buffer, length));
}

/* Writes one record's worth. */
static aw_status write_record(connection *self, const void *data, size_t length) {
	size_t count = 0;
	ERR_clear_error();
	int result = SSL_write_ex(self->ssl, data, length, &count);
	if (result > 0) return (aw_status)count;
	aw_status status = connection_failed(self, result);
	if (status < 0 && status != -EAGAIN) return status;
	/* OpenSSL waits for nothing else while the lower stream takes everything. */
	snprintf(self->words, sizeof self->words, "TLS cannot write");
	return self->failure = AW_ETLS;
}

/* The next bytes to write: one part, or several small ones together. */
static size_t next_record(const struct iovec *parts, size_t count, size_t skip,
                          unsigned char small[GATHER_SIZE], const unsigned char **out) {
	const unsigned char *data = parts->iov_base;
	size_t size = parts->iov_len - skip;
	*out = data + skip;
	if (count == 1 || size + parts[1].iov_len > GATHER_SIZE) return size < RECORD_SIZE ? size : RECORD_SIZE;
	if (size) memcpy(small, data + skip, size);
	for (size_t i = 1; i < count && size + parts[i].iov_len <= GATHER_SIZE; i++) {
		if (parts[i].iov_len) memcpy(small + size, parts[i].iov_base, parts[i].iov_len);
		size += parts[i].iov_len;
	}
	*out = small;
	return size;
}

/* Whether they take several records. */
static bool are_large(const struct iovec *parts, size_t count) {
	size_t size = 0;
	for (size_t i = 0; i < count; i++)
		if (parts[i].iov_len > RECORD_SIZE || (size += parts[i].iov_len) > RECORD_SIZE) return true;
	return false;
}

/* Returns how many bytes are in records now, possibly 0, or an error. */
static aw_status write_records(connection *self, const struct iovec *parts, size_t count) {
	size_t done = 0, skip = 0;
	unsigned char small[GATHER_SIZE];
	while (!self->failure && count && done < INT32_MAX - RECORD_SIZE) {
		if (is_full(self)) {
			aw_status sent = bio_send(self);
			if (sent < 0) return sent;
			if (is_full(self)) break;
		}
		const unsigned char *data;
		size_t size = next_record(parts, count, skip, small, &data);
		aw_status taken = size ? write_record(self, data, size) : 0;
		if (taken < 0) return taken; /* what was gathered before may be lost with it */
		done += (size_t)taken;
		skip += (size_t)taken;
		while (count && skip >= parts->iov_len) {
			skip -= parts->iov_len;
			parts++;
			count--;
		}
	}
	return (aw_status)done;
}

static aw_status tls_write(void *ud, const struct iovec *parts, size_t count) {
	connection *self = ud;
	bool was_usable = !self->failure;
	if (are_large(parts, count)) bio_gather(self);
	aw_status done = write_records(self, parts, count), sent = bio_send_last(self);
	if (sent < 0) done = sent;
	if (done < 0 && !self->failure) connection_refused(self, done);
	if (done > 0) return done;
	if (was_usable && (self->failure == -EPIPE || self->failure == -ECONNRESET)) {
		/* The upper stream fails with it once it has read what the peer had sent before it went. */
		self->may_read = true;
		return self->failure;
	}
	return self->failure ? told(self, self->failure) : -EAGAIN;
}

static aw_status send_end(connection *self) {
	if (self->failure) return self->failure;
	/* A second call would look for the peer's, and refuse the bytes that come before it. */
	if (SSL_get_shutdown(self->ssl) & SSL_SENT_SHUTDOWN) return 0;
	ERR_clear_error();
	int result = SSL_shutdown(self->ssl);
	if (result >= 0) return 0;
	aw_status status = connection_failed(self, result);
	return status == -EAGAIN ? 0 : status; /* it is the peer's message that is missing */
}

static aw_status tls_shutdown_write(void *ud) {
	return told(ud, send_end(ud));
}

/* --- the end --- */

static void close_lower(connection *self) {
	if (self->is_lower_closing) return;
	self->is_lower_closing = true;
	aw_stream_close(self->lower);
}

/* Reads and drops until the peer's closing message: -EAGAIN if it has not come. */
static aw_status wait_for_peer(connection *self) {
	char dropped[GATHER_SIZE];
	aw_status count;
	do {
		count = read_plain(self, dropped, sizeof dropped);
	} while (count > 0);
	return count;
}

/*
 * The tickets that a TLS 1.3 server sends after the handshake must not arrive at a closed socket: the reset
 * that answers them would drop what the server has not read yet. They come before the server's first byte,
 * so only a client that has read none has to wait. Returns until when.
 */
static int64_t tickets_expected_until(const connection *self) {
	if (!self->may_get_tickets || self->has_ended || self->failure ||
	    SSL_get_shutdown(self->ssl) & SSL_RECEIVED_SHUTDOWN)
		return 0;
	/* What has arrived may not have been seen before the close, if the loop was busy. */
	int64_t heard = self->heard_at > self->closing_at ? self->heard_at : self->closing_at;
	int64_t until = self->established_at + TICKETS_MAX;
	return self->heard_at || until < heard + TICKETS_GRACE ? heard + TICKETS_GRACE : until;
}

/* What has arrived meanwhile is read within this many iterations, however long the loop was busy. */
enum { LINGER_TURNS = 4 };

static aw_status on_linger(aw_loop *loop, void *ud) {
	connection *self = ud;
	if (++self->linger_turns < LINGER_TURNS &&
	    aw_loop_call_soon(loop, on_linger, connection_ref(self), connection_unref, NULL) == 0)
		return 0;
	self->linger_turns = LINGER_TURNS;
	self->is_lingering = false;
	connection_tell(self, 0);
	return 0;
}

/* Returns -EAGAIN if the lower stream has to stay open for now. */
static aw_status linger(connection *self) {
	if (wait_for_peer(self) != -EAGAIN) return 0;
	if (self->is_lingering) return -EAGAIN;
	/* The first time it waits in any case: the clock does not tell whether the loop has turned. */
	int64_t until = tickets_expected_until(self);
	if (self->linger_turns == LINGER_TURNS && until <= aw_loop_time(self->loop)) return 0;
	self->linger_turns = 0;
	self->is_lingering =
		aw_loop_call_at(self->loop, until, on_linger, connection_ref(self), connection_unref, NULL) == 0;
	return self->is_lingering ? -EAGAIN : 0;
}

/* How the end went, for a stream that was not aborted. */
static aw_status outcome(connection *self) {
	if (self->gave_up) return AW_ETIMEOUT;
	if (self->flags & AW_TLS_WAIT_FOR_PEER && wait_for_peer(self) < 0)
		return self->lower_failure < 0 ? self->lower_failure : self->failure;
	return self->may_lose ? 0 : self->lower_failure;
}

static aw_status tls_close(void *ud, aw_bool aborting) {
	connection *self = ud;
	bool is_first = !self->is_closing;
	self->is_closing = true;
	if (self->is_lost) {
		connection_stop_timer(self);
		return aborting ? 0 : outcome(self);
	}
	if (aborting && (!self->failure || !is_first)) {
		aw_stream_abort(self->lower);
		return -EAGAIN;
	}
	if (is_first) {
		connection_start_timer(self, self->shutdown_timeout, connection_give_up);
		if (self->may_get_tickets) self->closing_at = aw_loop_time(self->loop);
		if (!self->failure) {
			self->may_lose = aw_stream_write_buffer_size(self->lower) == 0;
			(void)send_end(self);
		}
	}
	if (self->flags & AW_TLS_WAIT_FOR_PEER && !self->is_lower_closing && !aborting &&
	    wait_for_peer(self) == -EAGAIN)
		return -EAGAIN;
	if (!aborting && !self->is_lower_closing && tickets_expected_until(self) && linger(self) == -EAGAIN)
		return -EAGAIN;
	/* After a failure of TLS, the alert that says why is still sent. */
	close_lower(self);
	return -EAGAIN;
}

static void tls_release(void *ud) {
	connection *self = ud;
	self->upper = NULL;
	connection_stop_timer(self);
	if (!self->is_lost) aw_stream_abort(self->lower);
	connection_unref(self);
}

static int tls_fd(void *ud) {
	return aw_stream_fd(((const connection *)ud)->lower);
}

#define METHODS(shutdown_fn)                                                                           \
	{                                                                                                  \
		.size = sizeof(aw_stream_methods), .name = "tls", .read = tls_read, .write = tls_write,        \
		.watch = tls_watch, .shutdown_write = shutdown_fn, .close = tls_close, .release = tls_release, \
		.fd = tls_fd                                                                                   \
	}

/* Before 1.3 the answer to a closing message is to stop writing: a half-close would cut off the answer. */
const aw_stream_methods tls_methods = METHODS(tls_shutdown_write), tls12_methods = METHODS(NULL);

/* --- the lower stream's protocol --- */

static void on_made(aw_stream *lower, void *ud) {
	connection *self = ud;
	(void)lower;
	connection_ref(self);
	if (!self->is_established)
		handshake_continue(self);
	else
		connection_tell(self, AW_POLL_OUT);
	connection_unref(self);
}

static void on_progress(connection *self) {
	self->is_readable = true;
	if (self->may_get_tickets) self->heard_at = aw_loop_time(self->loop);
	connection_ref(self);
	if (!self->is_established)
		handshake_continue(self);
	else
		connection_tell(self, AW_POLL_IN);
	connection_unref(self);
}

static aw_status on_data(aw_stream *lower, void *ud, size_t length) {
	(void)lower;
	(void)length;
	on_progress(ud);
	return 0;
}

static aw_status on_end(aw_stream *lower, void *ud) {
	connection *self = ud;
	(void)lower;
	self->has_ended = true;
	on_progress(self);
	return 1; /* what was written has to be sent, and the closing message */
}

static void on_lost(aw_stream *lower, void *ud, aw_status why) {
	connection *self = ud;
	(void)lower;
	self->is_lost = true;
	self->lower_failure = why;
	connection_stop_timer(self);
	self->is_readable = true;
	connection_ref(self);
	if (!self->is_established)
		handshake_continue(self);
	else
		connection_tell(self, AW_POLL_IN | AW_POLL_OUT);
	connection_unref(self);
}

static void on_resume(aw_stream *lower, void *ud) {
	connection *self = ud;
	(void)lower;
	connection_ref(self);
	connection_tell(self, AW_POLL_OUT);
	connection_unref(self);
}

const aw_protocol layer_protocol = {.size = sizeof layer_protocol,
                                    .connection_made = on_made,
                                    .data_available = on_data,
                                    .eof_received = on_end,
                                    .connection_lost = on_lost,
                                    .resume_writing = on_resume};

/* Also where the loop closes, and the lower stream is lost without a call. */
void layer_destroy(void *ud) {
	connection *self = ud;
	self->is_lost = true;
	connection_unref(self);
}
