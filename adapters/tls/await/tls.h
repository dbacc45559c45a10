/* SPDX-License-Identifier: MIT */
/**
 * @file tls.h
 * TLS over any stream, with OpenSSL (asyncio's start_tls, Python's ssl.SSLContext). It is a separate library:
 * libawait-tls.
 *
 * An ::aw_tls_context has the settings and certificates of many connections. aw_tls_connect() and
 * aw_tls_accept() carry out the handshake over a stream, fresh or already in use, and give a new stream
 * (stream.h) in its place, which encrypts. Everything that a stream can do, this one can do too: read and
 * write at the same time, views, half-close under TLS 1.3, protocols, and TLS over it once more.
 *
 *     aw_tls_context *context;
 *     AW_TRY(aw_tls_context_new(AW_TLS_CLIENT, &context));
 *     aw_tls_options options = {.size = sizeof options, .server_hostname = "example.org"};
 *     AW_TRY(aw_tls_connect(stream, context, &options, &stream));
 *
 * **Safe by default.** A client verifies the certificate, with the system's authorities, and the host name.
 * The oldest version is TLS 1.2; renegotiation and compression are refused.
 *
 * **The end.** aw_stream_close() sends TLS's closing message, and does not wait for the peer's unless
 * ::AW_TLS_WAIT_FOR_PEER says so. A peer that ends the connection without that message may have been cut off
 * by somebody else: a read then fails with ::AW_ETRUNCATED after the last byte.
 *
 * **Errors.** ::AW_ECERTIFICATE, ::AW_ETRUNCATED, ::AW_ETLS for everything else that TLS refuses, or an error
 * of the stream below. The message of the error (aw_caught(), aw_resume_error()) has OpenSSL's words. After
 * ::AW_ECERTIFICATE the payload is the X509_V_ERR_ code as an `intptr_t`.
 *
 * Since 0.1.0, unless an entry says otherwise.
 */
#ifndef AWAIT_TLS_H
#define AWAIT_TLS_H

#include <await/base.h>
#include <await/stream.h>

AW_BEGIN_DECLS

typedef struct aw_tls_context aw_tls_context; /**< settings and certificates of connections */
typedef struct aw_tls_session aw_tls_session; /**< what a client needs to resume a connection */

/** Which side of the handshake. */
enum aw_tls_role { AW_TLS_CLIENT = 0, AW_TLS_SERVER = 1 };

/** What to do about the peer's certificate. */
enum aw_tls_verify {
	AW_TLS_VERIFY_NONE = 0,     /**< accept every one; a server does not ask for one */
	AW_TLS_VERIFY_OPTIONAL = 1, /**< a client's may be missing, but not wrong; for a client like REQUIRED */
	AW_TLS_VERIFY_REQUIRED = 2  /**< it must be there and valid */
};

/** Versions of the protocol, by their numbers on the wire. */
enum aw_tls_version_number { AW_TLS_1_2 = 0x0303, AW_TLS_1_3 = 0x0304 };

/** Flags of aw_tls_options. */
enum aw_tls_flag {
	/** an end of the stream below counts as an orderly end; for protocols that tell their own end */
	AW_TLS_IGNORE_TRUNCATION = 1,
	/** a close waits for the peer's closing message, and drops what the peer still sends */
	AW_TLS_WAIT_FOR_PEER = 2
};

/** How a connection is set up. Zero means the default. */
typedef struct aw_tls_options {
	uint32_t size;  /**< sizeof(aw_tls_options) */
	uint32_t flags; /**< of ::aw_tls_flag */
	/** For a client: the name or address that the certificate must be for, and the name sent as SNI. */
	const char *server_hostname;
	int64_t handshake_timeout_ns;    /**< default: 60 s; ::AW_FOREVER: no limit */
	int64_t shutdown_timeout_ns;     /**< a close that takes longer becomes an abort; default: 30 s */
	aw_tls_session *session;         /**< for a client: the session to resume, or NULL */
	const aw_stream_options *stream; /**< of the new stream, or NULL */
} aw_tls_options;

/**
 * Chooses the context for a client that has asked for `name` (SNI; NULL if it has sent none). Stores it in
 * `out_choice`, borrowed, or nothing to keep the present one. A negative result refuses the handshake.
 */
typedef aw_status (*aw_tls_sni_fn)(aw_tls_context *context, const char *name, void *ud,
                                   aw_tls_context **out_choice);

/**
 * @name Contexts
 *
 * Finish the settings before the first connection. After that, any thread may connect and accept with the same
 * context. A call that fails leaves OpenSSL's words in aw_tls_context_error().
 */
/**@{*/
/**
 * Creates a context for ::AW_TLS_CLIENT or ::AW_TLS_SERVER.
 *
 * Returns: 0, and a new reference in `out`.
 *
 * Errors: -EINVAL; -ENOMEM.
 *
 * Thread: any.
 *
 * asyncio: ssl.create_default_context.
 */
AW_NODISCARD AW_API aw_status aw_tls_context_new(int32_t role, aw_tls_context **out);
/**
 * Adds a reference and returns `context`.
 *
 * Thread: any.
 */
AW_API aw_tls_context *aw_tls_context_ref(aw_tls_context *context);
/**
 * Drops a reference. Connections keep what they need.
 *
 * Thread: any.
 */
AW_API void aw_tls_context_unref(aw_tls_context *context);
/**
 * Returns OpenSSL's words for the last call on the context that failed; "" if none has. They are valid until
 * the next call.
 *
 * Thread: any.
 */
AW_API const char *aw_tls_context_error(const aw_tls_context *context);
/**
 * Sets what happens about the peer's certificate, as ::aw_tls_verify. Default: ::AW_TLS_VERIFY_REQUIRED for a
 * client, ::AW_TLS_VERIFY_NONE for a server.
 *
 * Errors: -EINVAL.
 *
 * Thread: any.
 *
 * asyncio: SSLContext.verify_mode.
 */
AW_API aw_status aw_tls_context_set_verify(aw_tls_context *context, int32_t mode);
/**
 * Says whether a client checks the host name in the certificate. Default: it does.
 *
 * Thread: any.
 *
 * asyncio: SSLContext.check_hostname.
 */
AW_API aw_status aw_tls_context_set_check_hostname(aw_tls_context *context, aw_bool on);
/**
 * Trusts the certificates in a PEM file, in a directory of hashed names, or in both. They take the
 * place of the system's authorities, which a client trusts by default.
 *
 * Errors: -EINVAL if both are NULL; -ENOENT and the like; ::AW_ETLS.
 *
 * Thread: any.
 *
 * asyncio: SSLContext.load_verify_locations.
 */
AW_API aw_status aw_tls_context_load_verify_locations(aw_tls_context *context, const char *file,
                                                      const char *directory);
/**
 * Trusts the certificates in `length` bytes of PEM, otherwise as aw_tls_context_load_verify_locations().
 *
 * Errors: ::AW_ETLS if there is none or one is malformed; -EINVAL; -ENOMEM.
 *
 * Thread: any.
 *
 * asyncio: SSLContext.load_verify_locations(cadata=...).
 */
AW_API aw_status aw_tls_context_load_verify_memory(aw_tls_context *context, const void *pem, size_t length);
/**
 * Trusts the system's authorities, besides those that the program brings. By default a client trusts them from
 * the first handshake on, if the program has brought none.
 *
 * Errors: ::AW_ETLS.
 *
 * Thread: any.
 *
 * asyncio: SSLContext.load_default_certs.
 */
AW_API aw_status aw_tls_context_load_default_certs(aw_tls_context *context);
/**
 * Loads the certificate with its chain, and its private key, from PEM files. `key_file` NULL: the key is in
 * `cert_file`. `password` is optional; without it an encrypted key is refused.
 *
 * Errors: -ENOENT and the like; ::AW_ETLS, also if the key is for another certificate; -EINVAL.
 *
 * Thread: any.
 *
 * asyncio: SSLContext.load_cert_chain.
 */
AW_API aw_status aw_tls_context_load_cert_chain(aw_tls_context *context, const char *cert_file,
                                                const char *key_file, const char *password);
/**
 * Loads the certificate with its chain, and its private key, from PEM in memory. `key` NULL: the key is in
 * `cert`.
 *
 * Errors: those of aw_tls_context_load_cert_chain().
 *
 * Thread: any.
 */
AW_API aw_status aw_tls_context_load_cert_memory(aw_tls_context *context, const void *cert,
                                                 size_t cert_length, const void *key, size_t key_length,
                                                 const char *password);
/**
 * Sets the application protocols that are offered (client) or accepted (server), in the order of preference.
 * A client that offers protocols, none of which the server accepts, is refused.
 *
 * Errors: -EINVAL for a name that is empty or longer than 255 bytes.
 *
 * Thread: any.
 *
 * asyncio: SSLContext.set_alpn_protocols.
 */
AW_API aw_status aw_tls_context_set_alpn_protocols(aw_tls_context *context, const char *const *names,
                                                   size_t count);
/**
 * Sets the ciphers, by OpenSSL's names: `tls12` for TLS 1.2 (a list as in openssl-ciphers(1)), `tls13` for
 * TLS 1.3 (names separated by colons). NULL leaves those as they are.
 *
 * Errors: ::AW_ETLS for an unknown one.
 *
 * Thread: any.
 *
 * asyncio: SSLContext.set_ciphers.
 */
AW_API aw_status aw_tls_context_set_ciphers(aw_tls_context *context, const char *tls12, const char *tls13);
/**
 * Sets the oldest and the newest version, of ::aw_tls_version_number; 0 leaves one as it is.
 *
 * Errors: -EINVAL.
 *
 * Thread: any.
 *
 * asyncio: SSLContext.minimum_version, SSLContext.maximum_version.
 */
AW_API aw_status aw_tls_context_set_versions(aw_tls_context *context, int32_t min, int32_t max);
/**
 * Sets how many tickets a server gives each client, to resume the session with. 0: no resumption. Default:
 * OpenSSL's, 2.
 *
 * Errors: -EINVAL.
 *
 * Thread: any.
 *
 * asyncio: SSLContext.num_tickets.
 */
AW_API aw_status aw_tls_context_set_num_tickets(aw_tls_context *context, int32_t count);
/**
 * Sets the function that chooses a server's context by the name that the client asks for; NULL: none. It is
 * called on the thread of the connection's loop.
 *
 * Errors: -EINVAL for a client's context; -ENOMEM. `destroy` is called with `ud` also on failure.
 *
 * Thread: any.
 *
 * asyncio: SSLContext.sni_callback.
 */
AW_API aw_status aw_tls_context_set_sni_callback(aw_tls_context *context, aw_tls_sni_fn fn, void *ud,
                                                 aw_destroy_fn destroy);
/**@}*/

/** @name Connections */
/**@{*/
/**
 * Carries out the handshake as the client, over a stream that is connected. Bytes that have arrived before are
 * the first of the handshake. `options` is optional, unless the host name is checked.
 *
 * Returns: 0, and in `out` a new reference, in place of the caller's to `stream`, which is taken over. `out`
 * may point to the variable that holds `stream`.
 *
 * Errors: ::AW_ECERTIFICATE, ::AW_ETLS, ::AW_ETRUNCATED or an error of the stream below; ::AW_ETIMEOUT; -EBUSY
 * while a task reads from `stream`; -EPIPE if it is closed; -EINVAL, also without a host name to check;
 * ::AW_ENOTASK; -ENOMEM. The caller's reference to `stream` then remains the caller's. Once the handshake has
 * begun, `stream` is closed or aborted as well.
 *
 * Cancellation: aborts `stream`.
 *
 * asyncio: StreamWriter.start_tls, loop.start_tls.
 */
AW_STACKFUL AW_NODISCARD AW_API aw_status aw_tls_connect(aw_stream *stream, aw_tls_context *context,
                                                         const aw_tls_options *options, aw_stream **out);
/**
 * Creates a coroutine that does what aw_tls_connect() does, and writes `out_stream` when it succeeds. The
 * options are copied.
 *
 * Returns: 0, and a new reference in `out`.
 *
 * asyncio: StreamWriter.start_tls, loop.start_tls.
 */
AW_NODISCARD AW_API aw_status aw_tls_connect_coro(aw_stream *stream, aw_tls_context *context,
                                                  const aw_tls_options *options, aw_stream **out_stream,
                                                  aw_coro **out);
/**
 * Carries out the handshake as the server. Otherwise as aw_tls_connect().
 *
 * Returns: 0, and a new reference in `out`, in place of the caller's to `stream`.
 *
 * Errors: those of aw_tls_connect().
 *
 * Cancellation: aborts `stream`.
 *
 * asyncio: StreamWriter.start_tls, loop.start_tls(server_side=True).
 */
AW_STACKFUL AW_NODISCARD AW_API aw_status aw_tls_accept(aw_stream *stream, aw_tls_context *context,
                                                        const aw_tls_options *options, aw_stream **out);
/**
 * Creates a coroutine that does what aw_tls_accept() does, and writes `out_stream` when it succeeds.
 *
 * Returns: 0, and a new reference in `out`.
 *
 * asyncio: StreamWriter.start_tls, loop.start_tls(server_side=True).
 */
AW_NODISCARD AW_API aw_status aw_tls_accept_coro(aw_stream *stream, aw_tls_context *context,
                                                 const aw_tls_options *options, aw_stream **out_stream,
                                                 aw_coro **out);
/**@}*/

/**
 * @name About a connection
 *
 * `stream` is one that aw_tls_connect() or aw_tls_accept() has given, and is not closed: otherwise these return
 * NULL, 0 or ::AW_EBADHANDLE. Texts are valid until the stream is closed.
 */
/**@{*/
/** Returns the version of the protocol: "TLSv1.3". */
AW_API const char *aw_tls_version(const aw_stream *stream);
/** Returns OpenSSL's name of the cipher: "TLS_AES_256_GCM_SHA384". */
AW_API const char *aw_tls_cipher(const aw_stream *stream);
/**
 * Returns the application protocol that was agreed upon, or NULL.
 *
 * asyncio: SSLObject.selected_alpn_protocol.
 */
AW_API const char *aw_tls_alpn(const aw_stream *stream);
/** Returns the name that the client has asked for (SNI), or NULL. */
AW_API const char *aw_tls_server_name(const aw_stream *stream);
/**
 * Returns whether an earlier session was resumed.
 *
 * asyncio: SSLObject.session_reused.
 */
AW_API aw_bool aw_tls_session_reused(const aw_stream *stream);
/**
 * Copies the peer's certificate into `buffer`, with room for `size` bytes, as DER.
 *
 * Returns: its length, also if that is more than `size`: then nothing is copied.
 *
 * Errors: -ENOENT if the peer has sent none.
 *
 * asyncio: SSLObject.getpeercert(True).
 */
AW_API aw_status aw_tls_peer_certificate(const aw_stream *stream, void *buffer, size_t size);
/**
 * Writes the subject of the peer's certificate ("CN = example.org, O = Example") into `buffer`, cut off at
 * `size` and ended by a zero byte.
 *
 * Returns: the length of the whole text.
 *
 * Errors: -ENOENT if the peer has sent none; -ENOMEM.
 *
 * asyncio: SSLObject.getpeercert.
 */
AW_API aw_status aw_tls_peer_subject(const aw_stream *stream, char *buffer, size_t size);
/**
 * Writes the names that the peer's certificate is for ("DNS:example.org, IP Address:192.0.2.1") into `buffer`,
 * as aw_tls_peer_subject() does.
 *
 * Returns: the length of the whole text; 0 if there are none.
 *
 * Errors: -ENOENT if the peer has sent none; -ENOMEM.
 *
 * asyncio: SSLObject.getpeercert.
 */
AW_API aw_status aw_tls_peer_names(const aw_stream *stream, char *buffer, size_t size);
/**
 * Writes the SHA-256 of the peer's certificate into the 32 bytes at `digest`.
 *
 * Errors: -ENOENT if the peer has sent none.
 */
AW_API aw_status aw_tls_peer_fingerprint(const aw_stream *stream, void *digest);
/**@}*/

/** @name Sessions */
/**@{*/
/**
 * Gets the session of a client's connection, to resume it with in a later one: the session of
 * ::aw_tls_options. Under TLS 1.3 it arrives after the handshake, with the first bytes that are read.
 *
 * Returns: 0, and a new reference in `out`.
 *
 * Errors: -ENOENT if there is none that can be resumed, or none yet; -ENOMEM.
 *
 * asyncio: SSLObject.session.
 */
AW_NODISCARD AW_API aw_status aw_tls_session_get(const aw_stream *stream, aw_tls_session **out);
/**
 * Adds a reference and returns `session`.
 *
 * Thread: any.
 */
AW_API aw_tls_session *aw_tls_session_ref(aw_tls_session *session);
/**
 * Drops a reference.
 *
 * Thread: any.
 */
AW_API void aw_tls_session_unref(aw_tls_session *session);
/**@}*/

AW_END_DECLS

#endif
