/* SPDX-License-Identifier: MIT */
/* The handshake: it runs in the lower stream's callbacks, and a call awaits its outcome. */
#include "tls.h"

#include "sized.h"

#include <arpa/inet.h>
#include <await/stackless.h>
#include <errno.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <string.h>

enum { NAME_MAX_SIZE = 256 };

/* What the two calls have in common. A coroutine has copies of what it was given. */
typedef struct request {
	aw_frame frame;
	aw_stream *lower;
	aw_tls_context *context;
	aw_tls_options options;
	aw_stream_options stream;
	aw_status refusal; /* of the options */
	char name[NAME_MAX_SIZE];
	bool is_server;
	connection *connection;
	aw_stream **out;
} request;

/* --- the outcome --- */

static void succeed(connection *self) {
	connection_stop_timer(self);
	self->is_established = true;
	if (!SSL_is_server(self->ssl) && SSL_version(self->ssl) >= TLS1_3_VERSION) {
		const char *data;
		self->may_get_tickets = true;
		self->established_at = aw_loop_time(self->loop);
		if (aw_stream_view(self->lower, &data) > 0) self->heard_at = self->established_at;
	}
	if (self->flags & AW_TLS_IGNORE_TRUNCATION) SSL_set_options(self->ssl, SSL_OP_IGNORE_UNEXPECTED_EOF);
	aw_future_set_result_int(self->done, 0);
}

static void fail(connection *self, aw_status status) {
	self->failure = status;
	if (!aw_future_done(self->done)) {
		aw_error *error = connection_error(self);
		if (error) {
			aw_future_set_error(self->done, error);
			aw_error_unref(error);
		} else {
			aw_future_fail(self->done, status, NULL);
		}
	}
	if (self->is_lost) {
		connection_stop_timer(self);
		return;
	}
	/* The alert that says why is sent, if the peer takes it in time. */
	connection_start_timer(self, self->shutdown_timeout, connection_give_up);
	aw_stream_close(self->lower);
}

void handshake_continue(connection *self) {
	if (self->failure || aw_future_done(self->done)) return;
	ERR_clear_error();
	/* OpenSSL flushes each of a server's tickets. */
	if (SSL_is_server(self->ssl)) bio_gather(self);
	int result = SSL_do_handshake(self->ssl);
	aw_status sent = bio_send_last(self);
	/* A client that is gone before its tickets come may have sent a request. */
	if (result == 1 && (sent == 0 || SSL_version(self->ssl) >= TLS1_3_VERSION)) {
		succeed(self);
		return;
	}
	aw_status status = result == 1 ? -EAGAIN : connection_failed(self, result);
	if (status == -EAGAIN) {
		if (sent == 0) return;
		status = connection_refused(self, sent);
	}
	if (status == 0) {
		status = AW_ETRUNCATED;
		snprintf(self->words, sizeof self->words, "%s", aw_strerror(status));
	}
	if (status == AW_ETRUNCATED)
		snprintf(self->words, sizeof self->words, "the connection ended during the handshake");
	fail(self, status);
}

static aw_status on_timeout(aw_loop *loop, void *ud) {
	connection *self = ud;
	(void)loop;
	if (self->failure || aw_future_done(self->done)) return 0;
	snprintf(self->words, sizeof self->words, "the handshake did not end in time");
	fail(self, AW_ETIMEOUT);
	aw_stream_abort(self->lower);
	return 0;
}

/* --- the beginning --- */

static aw_status set_name(connection *self, const char *given, bool is_checked) {
	if (!given || !*given) return is_checked ? -EINVAL : 0;
	char name[NAME_MAX_SIZE];
	size_t length = strlen(given);
	if (given[length - 1] == '.') length--;
	if (!length || length >= sizeof name) return -EINVAL;
	memcpy(name, given, length);
	name[length] = 0;
	unsigned char address[16];
	bool is_address = inet_pton(AF_INET, name, address) == 1 || inet_pton(AF_INET6, name, address) == 1;
	if (!is_address && !SSL_set_tlsext_host_name(self->ssl, name)) return -ENOMEM;
	if (!is_checked) return 0;
	X509_VERIFY_PARAM *checks = SSL_get0_param(self->ssl);
	X509_VERIFY_PARAM_set_hostflags(checks, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS |
	                                            X509_CHECK_FLAG_NEVER_CHECK_SUBJECT);
	int is_set = is_address ? X509_VERIFY_PARAM_set1_ip_asc(checks, name)
	                        : X509_VERIFY_PARAM_set1_host(checks, name, length);
	return is_set ? 0 : -ENOMEM;
}

static aw_status set_up(connection *self, const request *call) {
	const aw_tls_context *context = call->context;
	aw_status status = context_load_defaults(call->context);
	if (status == 0) self->ssl = SSL_new(context->ssl);
	if (!self->ssl) return -ENOMEM;
	SSL_set_app_data(self->ssl, self);
	status = bio_attach(self);
	if (status < 0) return status;
	if (call->is_server) {
		SSL_set_accept_state(self->ssl);
	} else {
		SSL_set_connect_state(self->ssl);
		bool is_checked = context->check_hostname && context->verify != AW_TLS_VERIFY_NONE;
		status = set_name(self, call->options.server_hostname, is_checked);
		if (status == 0 && call->options.session && !SSL_set_session(self->ssl, call->options.session->ssl))
			status = -EINVAL;
	}
	return status;
}

static int64_t timeout_of(int64_t given, int64_t otherwise) {
	return given > 0 ? given : otherwise;
}

static aw_status begin(request *call) {
	aw_loop *loop = aw_loop_current();
	if (!loop) return AW_ENOLOOP;
	connection *self = calloc(1, sizeof *self);
	if (!self) return -ENOMEM;
	self->refs = 1;
	self->loop = loop;
	self->flags = call->options.flags;
	self->context = aw_tls_context_ref(call->context);
	self->lower = aw_stream_ref(call->lower);
	self->shutdown_timeout = timeout_of(call->options.shutdown_timeout_ns, 30 * AW_SECOND);
	aw_status status = set_up(self, call);
	if (status == 0) status = aw_stream_write_buffer_limits(call->lower, NULL, &self->high);
	if (status == 0) status = aw_future_new(loop, &self->done);
	if (status == 0)
		status = aw_stream_set_protocol(call->lower, &layer_protocol, connection_ref(self), layer_destroy);
	if (status < 0) {
		connection_unref(self);
		ERR_clear_error();
		return status;
	}
	aw_stream_resume_reading(call->lower);
	connection_start_timer(self, timeout_of(call->options.handshake_timeout_ns, 60 * AW_SECOND), on_timeout);
	call->connection = self;
	return 0;
}

/* The call has ended: drops its reference, and the lower stream unless that is in use or closing. */
static void ended(request *call) {
	connection *self = call->connection;
	if (!self) return;
	call->connection = NULL;
	if (!self->upper && !self->failure) {
		self->failure = -ECONNABORTED;
		connection_stop_timer(self);
		if (!self->is_lost) aw_stream_abort(self->lower);
	}
	/* Nobody looks at it any more. */
	aw_future_unref(self->done);
	self->done = NULL;
	connection_unref(self);
}

/* The handshake has succeeded: makes the upper stream. */
static aw_status give(request *call) {
	connection *self = call->connection;
	bool is_13 = SSL_version(self->ssl) >= TLS1_3_VERSION;
	aw_stream *upper = NULL;
	if (self->is_lost && self->lower_failure < 0) return self->lower_failure;
	self->is_readable = true; /* more may have come with the last record of the handshake */
	aw_status status = aw_stream_new(self->loop, is_13 ? &tls_methods : &tls12_methods, connection_ref(self),
	                                 &call->stream, &upper);
	if (status < 0) {
		self->failure = status;
		return status;
	}
	self->upper = upper;
	aw_stream_unref(call->lower);
	*call->out = upper;
	return 0;
}

static aw_status check(const request *call) {
	const aw_tls_options *options = &call->options; /* zero, if they are refused */
	if (!is_context(call->context)) return AW_EBADHANDLE;
	if (!aw_stream_kind(call->lower)) return AW_EBADHANDLE;
	if (options->session && !is_session(options->session)) return AW_EBADHANDLE;
	if (call->refusal < 0) return call->refusal;
	if (!call->out || call->context->is_server != call->is_server) return -EINVAL;
	if (options->flags & ~3u || options->handshake_timeout_ns < 0 || options->shutdown_timeout_ns < 0)
		return -EINVAL;
	if (options->server_hostname && strlen(options->server_hostname) >= NAME_MAX_SIZE) return -EINVAL;
	return 0;
}

static request request_of(aw_stream *lower, aw_tls_context *context, const aw_tls_options *options,
                          aw_stream **out, bool is_server) {
	request call = {.lower = lower, .context = context, .is_server = is_server, .out = out};
	call.refusal = SIZED_READ(aw_tls_options, &call.options, options, stream);
	if (call.refusal == 0)
		call.refusal = SIZED_READ(aw_stream_options, &call.stream, call.options.stream, low_water);
	return call;
}

/* --- for stackful tasks --- */

static bool is_in_task(void) {
	bool is_there = aw_raise(-EINVAL, NULL) != AW_ENOTASK;
	if (is_there) aw_caught_clear();
	return is_there;
}

static aw_status now(request *call) {
	if (!is_in_task()) return AW_ENOTASK;
	aw_status status = check(call);
	if (status == 0) status = begin(call);
	if (status < 0) return tls_raise(status, NULL);
	status = aw_await(call->connection->done, NULL);
	if (status == 0) {
		status = give(call);
		if (status < 0) status = tls_raise(status, NULL);
	}
	ended(call);
	return status;
}

aw_status aw_tls_connect(aw_stream *stream, aw_tls_context *context, const aw_tls_options *options,
                         aw_stream **out) {
	request call = request_of(stream, context, options, out, false);
	return now(&call);
}

aw_status aw_tls_accept(aw_stream *stream, aw_tls_context *context, const aw_tls_options *options,
                        aw_stream **out) {
	request call = request_of(stream, context, options, out, true);
	return now(&call);
}

/* --- as coroutines --- */

static aw_status step(aw_resume *resume, void *ud) {
	request *call = ud;
	aw_status status;
	AW_BEGIN(&call->frame);
	if (aw_resume_status(resume) < 0) return aw_resume_raise(resume, aw_resume_error(resume));
	status = begin(call);
	if (status < 0) return status;
	AW_AWAIT(&call->frame, resume, call->connection->done);
	if (aw_resume_status(resume) < 0) {
		ended(call);
		return aw_resume_raise(resume, aw_resume_error(resume));
	}
	status = give(call);
	ended(call);
	if (status < 0) return status;
	AW_END(&call->frame);
	return aw_resume_return(resume, NULL, NULL);
}

static void request_destroy(void *ud) {
	request *call = ud;
	ended(call);
	aw_stream_unref(call->lower);
	aw_tls_context_unref(call->context);
	if (call->options.session) aw_tls_session_unref(call->options.session);
	free(call);
}

static aw_status later(const request *call, aw_coro **out) {
	aw_status status = check(call);
	if (status == 0 && !out) status = -EINVAL;
	if (status < 0) return tls_raise(status, NULL);
	request *self = malloc(sizeof *self);
	if (!self) return tls_raise(-ENOMEM, NULL);
	*self = *call;
	if (call->options.server_hostname) {
		strcpy(self->name, call->options.server_hostname);
		self->options.server_hostname = self->name;
	}
	aw_stream_ref(self->lower);
	aw_tls_context_ref(self->context);
	if (self->options.session) aw_tls_session_ref(self->options.session);
	return aw_coro_new(NULL, step, self, request_destroy, out);
}

aw_status aw_tls_connect_coro(aw_stream *stream, aw_tls_context *context, const aw_tls_options *options,
                              aw_stream **out_stream, aw_coro **out) {
	request call = request_of(stream, context, options, out_stream, false);
	return later(&call, out);
}

aw_status aw_tls_accept_coro(aw_stream *stream, aw_tls_context *context, const aw_tls_options *options,
                             aw_stream **out_stream, aw_coro **out) {
	request call = request_of(stream, context, options, out_stream, true);
	return later(&call, out);
}
