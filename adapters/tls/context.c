/* SPDX-License-Identifier: MIT */
/* Settings and certificates. */
#include "tls.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <string.h>

const char context_mark = 0, session_mark = 0;

/* --- life --- */

static int no_password(char *buffer, int size, int writing, void *ud) {
	const char *password = ud;
	(void)writing;
	/* OpenSSL's own would ask at the terminal. */
	if (!password || size <= 0 || strlen(password) > (size_t)size) return -1;
	memcpy(buffer, password, strlen(password));
	return (int)strlen(password);
}

static int choose_protocol(SSL *ssl, const unsigned char **out, unsigned char *out_length,
                           const unsigned char *offered, unsigned length, void *ud) {
	const aw_tls_context *self = ud;
	unsigned char *chosen = NULL;
	(void)ssl;
	int result = SSL_select_next_proto(&chosen, out_length, self->alpn, self->alpn_length, offered, length);
	*out = chosen;
	return result == OPENSSL_NPN_NEGOTIATED ? SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_ALERT_FATAL;
}

static int verify_flags(const aw_tls_context *self) {
	if (self->verify == AW_TLS_VERIFY_NONE) return SSL_VERIFY_NONE;
	return self->verify == AW_TLS_VERIFY_REQUIRED ? SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT
	                                              : SSL_VERIFY_PEER;
}

static aw_status set_defaults(aw_tls_context *self) {
	SSL_CTX *ssl = self->ssl;
	static const unsigned char id[] = "libawait-tls";
	SSL_CTX_set_options(ssl, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
	/* Without buffers an idle connection costs a third. */
	SSL_CTX_set_mode(ssl, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
	SSL_CTX_set_default_passwd_cb(ssl, no_password);
	SSL_CTX_set_default_passwd_cb_userdata(ssl, NULL);
	SSL_CTX_set_verify(ssl, verify_flags(self), NULL);
	if (!SSL_CTX_set_min_proto_version(ssl, TLS1_2_VERSION) ||
	    !SSL_CTX_set_session_id_context(ssl, id, sizeof id - 1))
		return -ENOMEM;
	self->wants_defaults = !self->is_server;
	return 0;
}

static void context_free(aw_tls_context *self) {
	self->mark = NULL;
	SSL_CTX_free(self->ssl);
	if (self->sni_destroy) self->sni_destroy(self->sni_ud);
	pthread_mutex_destroy(&self->lock);
	free(atomic_load(&self->gather));
	free(self->alpn);
	free(self);
}

aw_status aw_tls_context_new(int32_t role, aw_tls_context **out) {
	if (!out || (role != AW_TLS_CLIENT && role != AW_TLS_SERVER)) return tls_raise(-EINVAL, NULL);
	aw_tls_context *self = calloc(1, sizeof *self);
	if (!self) return tls_raise(-ENOMEM, NULL);
	self->mark = &context_mark;
	pthread_mutex_init(&self->lock, NULL);
	atomic_init(&self->refs, 1);
	self->is_server = role == AW_TLS_SERVER;
	self->check_hostname = true;
	self->verify = self->is_server ? AW_TLS_VERIFY_NONE : AW_TLS_VERIFY_REQUIRED;
	ERR_clear_error();
	self->ssl = SSL_CTX_new(self->is_server ? TLS_server_method() : TLS_client_method());
	aw_status status = self->ssl ? set_defaults(self) : -ENOMEM;
	if (status < 0) {
		context_free(self);
		ERR_clear_error();
		return tls_raise(status, NULL);
	}
	*out = self;
	return 0;
}

aw_tls_context *aw_tls_context_ref(aw_tls_context *context) {
	if (!is_context(context)) return NULL;
	atomic_fetch_add(&context->refs, 1);
	return context;
}

void aw_tls_context_unref(aw_tls_context *context) {
	if (is_context(context) && atomic_fetch_sub(&context->refs, 1) == 1) context_free(context);
}

const char *aw_tls_context_error(const aw_tls_context *context) {
	return is_context(context) ? context->words : NULL;
}

/* --- results --- */

static aw_status context_check(aw_tls_context *self) {
	if (!is_context(self)) return tls_raise(AW_EBADHANDLE, NULL);
	ERR_clear_error();
	return 0;
}

static aw_status refused(aw_tls_context *self, aw_status status) {
	snprintf(self->words, sizeof self->words, "%s", aw_strerror(status));
	return tls_raise(status, NULL);
}

/* OpenSSL has refused something. */
static aw_status failed(aw_tls_context *self) {
	aw_status status = tls_take_error(self->words);
	return tls_raise(status, self->words);
}

/* --- verification --- */

aw_status aw_tls_context_set_verify(aw_tls_context *context, int32_t mode) {
	aw_status status = context_check(context);
	if (status < 0) return status;
	if (mode < AW_TLS_VERIFY_NONE || mode > AW_TLS_VERIFY_REQUIRED) return refused(context, -EINVAL);
	context->verify = (uint8_t)mode;
	SSL_CTX_set_verify(context->ssl, verify_flags(context), NULL);
	return 0;
}

aw_status aw_tls_context_set_check_hostname(aw_tls_context *context, aw_bool on) {
	aw_status status = context_check(context);
	if (status == 0) context->check_hostname = on;
	return status;
}

aw_status context_load_defaults(aw_tls_context *self) {
	if (self->verify == AW_TLS_VERIFY_NONE) return 0;
	aw_status status = 0;
	pthread_mutex_lock(&self->lock);
	if (self->wants_defaults) {
		if (SSL_CTX_set_default_verify_paths(self->ssl))
			self->wants_defaults = false;
		else
			status = -ENOMEM;
	}
	pthread_mutex_unlock(&self->lock);
	return status;
}

aw_status aw_tls_context_load_verify_locations(aw_tls_context *context, const char *file,
                                               const char *directory) {
	aw_status status = context_check(context);
	if (status < 0) return status;
	if (!file && !directory) return refused(context, -EINVAL);
	context->wants_defaults = false; /* the program brings its own authorities */
	if (file && !SSL_CTX_load_verify_file(context->ssl, file)) return failed(context);
	if (directory && !SSL_CTX_load_verify_dir(context->ssl, directory)) return failed(context);
	return 0;
}

aw_status aw_tls_context_load_verify_memory(aw_tls_context *context, const void *pem, size_t length) {
	aw_status status = context_check(context);
	if (status < 0) return status;
	if (!pem || length > INT32_MAX) return refused(context, -EINVAL);
	context->wants_defaults = false; /* the program brings its own authorities */
	BIO *bio = BIO_new_mem_buf(pem, (int)length);
	if (!bio) return refused(context, -ENOMEM);
	size_t count = 0;
	bool is_good = true;
	for (X509 *one; is_good && (one = PEM_read_bio_X509_AUX(bio, NULL, no_password, NULL)); count++) {
		is_good = X509_STORE_add_cert(SSL_CTX_get_cert_store(context->ssl), one);
		X509_free(one);
	}
	BIO_free(bio);
	/* The list ends where no further certificate begins. */
	unsigned long last = ERR_peek_last_error();
	if (is_good && count && ERR_GET_LIB(last) == ERR_LIB_PEM && ERR_GET_REASON(last) == PEM_R_NO_START_LINE) {
		ERR_clear_error();
		return 0;
	}
	return failed(context);
}

aw_status aw_tls_context_load_default_certs(aw_tls_context *context) {
	aw_status status = context_check(context);
	if (status < 0) return status;
	context->wants_defaults = false;
	return SSL_CTX_set_default_verify_paths(context->ssl) ? 0 : failed(context);
}

/* --- the certificate --- */

static aw_status check_key(aw_tls_context *self) {
	return SSL_CTX_check_private_key(self->ssl) ? 0 : failed(self);
}

aw_status aw_tls_context_load_cert_chain(aw_tls_context *context, const char *cert_file, const char *key_file,
                                         const char *password) {
	aw_status status = context_check(context);
	if (status < 0) return status;
	if (!cert_file) return refused(context, -EINVAL);
	SSL_CTX_set_default_passwd_cb_userdata(context->ssl, (void *)(uintptr_t)password);
	bool is_good =
		SSL_CTX_use_certificate_chain_file(context->ssl, cert_file) == 1 &&
		SSL_CTX_use_PrivateKey_file(context->ssl, key_file ? key_file : cert_file, SSL_FILETYPE_PEM) == 1;
	SSL_CTX_set_default_passwd_cb_userdata(context->ssl, NULL);
	return is_good ? check_key(context) : failed(context);
}

static bool use_chain(SSL_CTX *ssl, BIO *bio) {
	X509 *leaf = PEM_read_bio_X509_AUX(bio, NULL, no_password, NULL);
	if (!leaf) return false;
	bool is_good = SSL_CTX_use_certificate(ssl, leaf) == 1 && SSL_CTX_clear_chain_certs(ssl) == 1;
	X509_free(leaf);
	for (X509 *next; is_good && (next = PEM_read_bio_X509(bio, NULL, no_password, NULL));) {
		is_good = SSL_CTX_add0_chain_cert(ssl, next) == 1;
		if (!is_good) X509_free(next);
	}
	unsigned long last = ERR_peek_last_error();
	if (is_good && ERR_GET_LIB(last) == ERR_LIB_PEM && ERR_GET_REASON(last) == PEM_R_NO_START_LINE)
		ERR_clear_error();
	else
		is_good = false;
	return is_good;
}

aw_status aw_tls_context_load_cert_memory(aw_tls_context *context, const void *cert, size_t cert_length,
                                          const void *key, size_t key_length, const char *password) {
	aw_status status = context_check(context);
	if (status < 0) return status;
	if (!key) {
		key = cert;
		key_length = cert_length;
	}
	if (!cert || cert_length > INT32_MAX || key_length > INT32_MAX) return refused(context, -EINVAL);
	BIO *cert_bio = BIO_new_mem_buf(cert, (int)cert_length), *key_bio = BIO_new_mem_buf(key, (int)key_length);
	bool is_good = cert_bio && key_bio && use_chain(context->ssl, cert_bio);
	EVP_PKEY *private =
		is_good ? PEM_read_bio_PrivateKey(key_bio, NULL, no_password, (void *)(uintptr_t)password) : NULL;
	is_good = private && SSL_CTX_use_PrivateKey(context->ssl, private) == 1;
	EVP_PKEY_free(private);
	BIO_free(cert_bio);
	BIO_free(key_bio);
	return is_good ? check_key(context) : failed(context);
}

/* --- what is agreed upon --- */

aw_status aw_tls_context_set_alpn_protocols(aw_tls_context *context, const char *const *names, size_t count) {
	aw_status status = context_check(context);
	if (status < 0) return status;
	if (!names && count) return refused(context, -EINVAL);
	size_t total = 0;
	for (size_t i = 0; i < count; i++) {
		size_t length = names[i] ? strlen(names[i]) : 0;
		if (!length || length > 255) return refused(context, -EINVAL);
		total += length + 1;
	}
	if (total > UINT16_MAX) return refused(context, -EINVAL);
	unsigned char *alpn = total ? malloc(total) : NULL, *at = alpn;
	if (total && !alpn) return refused(context, -ENOMEM);
	for (size_t i = 0; i < count; i++) {
		size_t length = strlen(names[i]);
		*at++ = (unsigned char)length;
		memcpy(at, names[i], length);
		at += length;
	}
	/* Unlike its other functions, this one returns 0 if it has worked. */
	if (SSL_CTX_set_alpn_protos(context->ssl, alpn, (unsigned)total)) {
		free(alpn);
		return failed(context);
	}
	free(context->alpn);
	context->alpn = alpn;
	context->alpn_length = (unsigned)total;
	SSL_CTX_set_alpn_select_cb(context->ssl, alpn ? choose_protocol : NULL, context);
	return 0;
}

aw_status aw_tls_context_set_ciphers(aw_tls_context *context, const char *tls12, const char *tls13) {
	aw_status status = context_check(context);
	if (status < 0) return status;
	if (tls12 && !SSL_CTX_set_cipher_list(context->ssl, tls12)) return failed(context);
	if (tls13 && !SSL_CTX_set_ciphersuites(context->ssl, tls13)) return failed(context);
	return 0;
}

static bool is_version(int32_t version) {
	return !version || version == AW_TLS_1_2 || version == AW_TLS_1_3;
}

aw_status aw_tls_context_set_versions(aw_tls_context *context, int32_t min, int32_t max) {
	aw_status status = context_check(context);
	if (status < 0) return status;
	if (!is_version(min) || !is_version(max) || (min && max && min > max)) return refused(context, -EINVAL);
	if (min && !SSL_CTX_set_min_proto_version(context->ssl, min)) return failed(context);
	if (max && !SSL_CTX_set_max_proto_version(context->ssl, max)) return failed(context);
	return 0;
}

aw_status aw_tls_context_set_num_tickets(aw_tls_context *context, int32_t count) {
	aw_status status = context_check(context);
	if (status < 0) return status;
	if (count < 0 || !context->is_server) return refused(context, -EINVAL);
	if (!SSL_CTX_set_num_tickets(context->ssl, (size_t)count)) return failed(context);
	/* Those of TLS 1.2. */
	if (count)
		SSL_CTX_clear_options(context->ssl, SSL_OP_NO_TICKET);
	else
		SSL_CTX_set_options(context->ssl, SSL_OP_NO_TICKET);
	SSL_CTX_set_session_cache_mode(context->ssl, count ? SSL_SESS_CACHE_SERVER : SSL_SESS_CACHE_OFF);
	return 0;
}

/* --- the name that a client asks for --- */

static void use_context(connection *self, aw_tls_context *choice) {
	if (choice == self->context) return;
	if (self->chosen) aw_tls_context_unref(self->chosen);
	self->chosen = aw_tls_context_ref(choice);
	SSL_set_SSL_CTX(self->ssl, choice->ssl);
	/* That takes over the certificate alone. */
	SSL_set_verify(self->ssl, verify_flags(choice), NULL);
	SSL_clear_options(self->ssl, SSL_get_options(self->ssl) & ~SSL_CTX_get_options(choice->ssl));
	SSL_set_options(self->ssl, SSL_CTX_get_options(choice->ssl));
}

static int on_name(SSL *ssl, int *out_alert, void *ud) {
	aw_tls_context *context = ud, *choice = NULL;
	connection *self = SSL_get_app_data(ssl);
	aw_status status =
		context->sni(context, SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name), context->sni_ud, &choice);
	if (status == 0 && choice && (!is_context(choice) || !choice->is_server)) status = AW_EBADHANDLE;
	if (status < 0) {
		*out_alert = SSL_AD_UNRECOGNIZED_NAME;
		return SSL_TLSEXT_ERR_ALERT_FATAL;
	}
	if (choice) use_context(self, choice);
	return SSL_TLSEXT_ERR_OK;
}

aw_status aw_tls_context_set_sni_callback(aw_tls_context *context, aw_tls_sni_fn fn, void *ud,
                                          aw_destroy_fn destroy) {
	aw_status status = context_check(context);
	if (status == 0 && !context->is_server) status = refused(context, -EINVAL);
	if (status < 0) {
		if (destroy) destroy(ud);
		return status;
	}
	aw_destroy_fn old_destroy = context->sni_destroy;
	void *old_ud = context->sni_ud;
	context->sni = fn;
	context->sni_ud = ud;
	context->sni_destroy = destroy;
	int (*callback)(SSL *, int *, void *) = fn ? on_name : NULL; /* the macro casts its argument */
	SSL_CTX_set_tlsext_servername_callback(context->ssl, callback);
	SSL_CTX_set_tlsext_servername_arg(context->ssl, context);
	if (old_destroy) old_destroy(old_ud);
	return 0;
}
