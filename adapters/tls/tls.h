/* SPDX-License-Identifier: MIT */
/* What the files of this library share. It knows libawait only by its public headers. */
#ifndef ADAPTERS_TLS_H
#define ADAPTERS_TLS_H

#include <await/await.h>
#include <await/tls.h>
#include <openssl/ssl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

enum { WORDS_SIZE = 120 };

struct aw_tls_context {
	const void *mark; /* &context_mark, until it is freed */
	_Atomic uint32_t refs;
	SSL_CTX *ssl;
	bool is_server, check_hostname;
	bool
		wants_defaults; /* the system's authorities are loaded when they are needed, since it takes a while */
	pthread_mutex_t lock; /* for that */
	uint8_t verify;       /* of aw_tls_verify */
	unsigned char *alpn;  /* as on the wire, or NULL */
	unsigned alpn_length;
	aw_tls_sni_fn sni;
	void *sni_ud;
	aw_destroy_fn sni_destroy;
	_Atomic(unsigned char *) gather; /* memory for the next connection that gathers records, or NULL */
	char words[WORDS_SIZE];          /* OpenSSL's, for the last failure */
};

struct aw_tls_session {
	const void *mark;
	_Atomic uint32_t refs;
	SSL_SESSION *ssl;
};

/* Loads the system's authorities, if the program has brought none and they are not loaded yet. */
aw_status context_load_defaults(aw_tls_context *self);

extern const char context_mark, session_mark;

static inline bool is_context(const aw_tls_context *self) {
	return self && self->mark == &context_mark;
}
static inline bool is_session(const aw_tls_session *self) {
	return self && self->mark == &session_mark;
}

/*
 * One connection, between two streams: the lower one carries TLS's records, the upper one is the program's.
 * The handshake, the upper stream, the lower stream's protocol and each callback that is scheduled have a
 * reference.
 */
typedef struct connection {
	uint32_t refs; /* used on the loop's thread alone */
	uint32_t flags;
	aw_loop *loop;
	SSL *ssl;
	aw_tls_context *context;
	aw_tls_context *chosen; /* by the name that the client asked for, or NULL */
	aw_stream *lower;       /* a reference */
	aw_stream *upper;       /* borrowed; NULL before it is made, and once it is gone */
	aw_future *done;        /* the outcome of the handshake */
	aw_handle *timer;       /* of the handshake, then of the end */
	int64_t shutdown_timeout;
	size_t high;           /* the lower stream's mark */
	unsigned char *gather; /* during a call that gathers records: where they are */
	size_t gathered;       /* bytes of them */
	uint32_t wanted;       /* events that the upper stream waits for */
	bool is_established;   /* the handshake has succeeded */
	bool is_readable;      /* the last read did not find that it would wait */
	bool is_scheduled;     /* `soon` will run */
	bool has_ended;        /* the lower stream's incoming direction */
	bool is_lost;          /* the lower stream is closed */
	bool may_read;         /* although a write has failed: the peer's last bytes may be there */
	bool is_closing;       /* the upper stream is */
	bool is_lower_closing; /* nothing more is written */
	bool gave_up;          /* the end took too long */
	bool may_lose;         /* only TLS's closing message can be lost by an error now */
	bool may_get_tickets;  /* a client under TLS 1.3 that has read nothing yet */
	bool is_lingering;     /* a timer runs for that */
	uint8_t linger_turns;  /* iterations since it has run out */
	int64_t established_at, heard_at, closing_at;
	aw_status lower_failure; /* what ended the lower stream */
	aw_status bio_failure;   /* what the lower stream answered to OpenSSL */
	aw_status failure;       /* what ended TLS, or 0 */
	long verify_code;        /* for AW_ECERTIFICATE */
	char *alpn;              /* what was agreed upon, once it was asked for */
	char words[WORDS_SIZE];  /* for `failure` */
} connection;

extern const aw_stream_methods tls_methods, tls12_methods;

connection *connection_ref(connection *self);
void connection_unref(void *self);
/* The connection of a stream that TLS has made, or NULL. */
connection *connection_of(const aw_stream *stream);
/* Starts the one timer; without memory there is none. Stops it. */
void connection_start_timer(connection *self, int64_t timeout, aw_callback_fn fn);
void connection_stop_timer(connection *self);
/* Aborts the lower stream, when the timer of the end has run out. */
aw_status connection_give_up(aw_loop *loop, void *self);
/* What a call of OpenSSL failed with, by its result; notes the words. */
aw_status connection_failed(connection *self, int result);
/* The lower stream has failed with a status, which is returned; notes the words. */
aw_status connection_refused(connection *self, aw_status status);
/* Makes an error of the failure: a new reference, or NULL if out of memory. */
aw_error *connection_error(connection *self);
/* Passes on what has happened to the upper stream. */
void connection_tell(connection *self, uint32_t events);

/* bio.c: OpenSSL reads from the lower stream's buffer and writes to the lower stream. */
aw_status bio_attach(connection *self);
/* From now on records are gathered; without memory, each is sent alone. */
void bio_gather(connection *self);
/* Sends those that were gathered: 0, or what is in `bio_failure`, too. */
aw_status bio_send(connection *self);
/* The same, and no more are gathered. */
aw_status bio_send_last(connection *self);

/* handshake.c: continues it, after something has arrived. */
void handshake_continue(connection *self);

/* The protocol of the lower stream (layer.c). */
extern const aw_protocol layer_protocol;
void layer_destroy(void *self);

/* Copies OpenSSL's words for the first error in its queue, and empties that. Returns the status. */
aw_status tls_take_error(char words[WORDS_SIZE]);
/* Notes the error of a stackful task, with words. */
aw_status tls_raise(aw_status status, const char *words);

#endif
