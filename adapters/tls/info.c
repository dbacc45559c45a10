/* SPDX-License-Identifier: MIT */
/* What is known about a connection, and sessions. */
#include "tls.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <string.h>

const char *aw_tls_version(const aw_stream *stream) {
	const connection *self = connection_of(stream);
	return self ? SSL_get_version(self->ssl) : NULL;
}

const char *aw_tls_cipher(const aw_stream *stream) {
	const connection *self = connection_of(stream);
	return self ? SSL_get_cipher_name(self->ssl) : NULL;
}

const char *aw_tls_alpn(const aw_stream *stream) {
	connection *self = connection_of(stream);
	if (!self) return NULL;
	const unsigned char *name = NULL;
	unsigned length = 0;
	SSL_get0_alpn_selected(self->ssl, &name, &length);
	if (!length) return NULL;
	if (!self->alpn && (self->alpn = calloc(1, length + 1))) memcpy(self->alpn, name, length);
	return self->alpn;
}

const char *aw_tls_server_name(const aw_stream *stream) {
	const connection *self = connection_of(stream);
	return self ? SSL_get_servername(self->ssl, TLSEXT_NAMETYPE_host_name) : NULL;
}

aw_bool aw_tls_session_reused(const aw_stream *stream) {
	const connection *self = connection_of(stream);
	return self && SSL_session_reused(self->ssl);
}

/* --- the peer's certificate --- */

/* Returns 0 and the certificate, borrowed. */
static aw_status peer(const aw_stream *stream, X509 **out) {
	const connection *self = connection_of(stream);
	if (!self) return AW_EBADHANDLE;
	ERR_clear_error();
	*out = SSL_get0_peer_certificate(self->ssl);
	return *out ? 0 : -ENOENT;
}

aw_status aw_tls_peer_certificate(const aw_stream *stream, void *buffer, size_t size) {
	X509 *certificate = NULL;
	aw_status status = peer(stream, &certificate);
	if (status == 0 && !buffer && size) status = -EINVAL;
	if (status < 0) return tls_raise(status, NULL);
	int length = i2d_X509(certificate, NULL);
	if (length < 0) return tls_raise(-ENOMEM, NULL);
	unsigned char *at = buffer;
	if ((size_t)length <= size) i2d_X509(certificate, &at);
	return length;
}

/* Copies what was printed. */
static aw_status copied(BIO *bio, char *buffer, size_t size) {
	char *text = NULL;
	long length = BIO_get_mem_data(bio, &text);
	if (length < 0) length = 0;
	size_t kept = (size_t)length < size ? (size_t)length : size ? size - 1 : 0;
	if (kept) memcpy(buffer, text, kept);
	if (size) buffer[kept] = 0;
	BIO_free(bio);
	return (aw_status)length;
}

static aw_status print_peer(const aw_stream *stream, char *buffer, size_t size,
                            void (*print)(BIO *bio, const X509 *certificate)) {
	X509 *certificate = NULL;
	aw_status status = peer(stream, &certificate);
	if (status == 0 && !buffer && size) status = -EINVAL;
	BIO *bio = status == 0 ? BIO_new(BIO_s_mem()) : NULL;
	if (status == 0 && !bio) status = -ENOMEM;
	if (status < 0) return tls_raise(status, NULL);
	print(bio, certificate);
	ERR_clear_error();
	return copied(bio, buffer, size);
}

static void print_subject(BIO *bio, const X509 *certificate) {
	X509_NAME_print_ex(bio, X509_get_subject_name(certificate), 0, XN_FLAG_ONELINE);
}

static void print_names(BIO *bio, const X509 *certificate) {
	int at = X509_get_ext_by_NID(certificate, NID_subject_alt_name, -1);
	if (at >= 0) X509V3_EXT_print(bio, X509_get_ext(certificate, at), 0, 0);
}

aw_status aw_tls_peer_subject(const aw_stream *stream, char *buffer, size_t size) {
	return print_peer(stream, buffer, size, print_subject);
}

aw_status aw_tls_peer_names(const aw_stream *stream, char *buffer, size_t size) {
	return print_peer(stream, buffer, size, print_names);
}

aw_status aw_tls_peer_fingerprint(const aw_stream *stream, void *digest) {
	X509 *certificate = NULL;
	aw_status status = peer(stream, &certificate);
	if (status == 0 && !digest) status = -EINVAL;
	unsigned length = 0;
	if (status == 0 && !X509_digest(certificate, EVP_sha256(), digest, &length)) status = -ENOMEM;
	ERR_clear_error();
	return tls_raise(status, NULL);
}

/* --- sessions --- */

aw_status aw_tls_session_get(const aw_stream *stream, aw_tls_session **out) {
	const connection *self = connection_of(stream);
	if (!self) return tls_raise(AW_EBADHANDLE, NULL);
	if (!out) return tls_raise(-EINVAL, NULL);
	SSL_SESSION *ssl = SSL_get1_session(self->ssl);
	if (!ssl || !SSL_SESSION_is_resumable(ssl)) {
		SSL_SESSION_free(ssl);
		return tls_raise(-ENOENT, NULL);
	}
	aw_tls_session *session = malloc(sizeof *session);
	if (!session) {
		SSL_SESSION_free(ssl);
		return tls_raise(-ENOMEM, NULL);
	}
	session->mark = &session_mark;
	atomic_init(&session->refs, 1);
	session->ssl = ssl;
	*out = session;
	return 0;
}

aw_tls_session *aw_tls_session_ref(aw_tls_session *session) {
	if (!is_session(session)) return NULL;
	atomic_fetch_add(&session->refs, 1);
	return session;
}

void aw_tls_session_unref(aw_tls_session *session) {
	if (!is_session(session) || atomic_fetch_sub(&session->refs, 1) != 1) return;
	session->mark = NULL;
	SSL_SESSION_free(session->ssl);
	free(session);
}
