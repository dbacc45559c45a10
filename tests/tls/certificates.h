/* SPDX-License-Identifier: MIT */
/* Certificates for the tests, made when they run. */
#ifndef TESTS_TLS_CERTIFICATES_H
#define TESTS_TLS_CERTIFICATES_H

#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

typedef struct identity {
	X509 *certificate;
	EVP_PKEY *key;
} identity;

/* Text in PEM. */
typedef struct pem {
	char text[4096];
	size_t length;
} pem;

enum { DAY = 24 * 60 * 60 };

static void add_extension(X509 *certificate, X509 *issuer, int kind, const char *value) {
	X509V3_CTX context;
	X509V3_set_ctx(&context, issuer, certificate, NULL, NULL, 0);
	X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, &context, kind, value);
	if (!extension) abort();
	X509_add_ext(certificate, extension, -1);
	X509_EXTENSION_free(extension);
}

/*
 * A certificate for `names` ("DNS:localhost, IP:127.0.0.1"), or an authority if that is NULL; valid until
 * `days` from now; signed by `issuer`, or by itself.
 */
static identity make_identity(const char *subject, const char *names, long days, const identity *issuer) {
	static long serial = 1;
	identity self = {X509_new(), EVP_EC_gen("P-256")};
	const identity *signer = issuer ? issuer : &self;
	X509 *certificate = self.certificate;
	X509_set_version(certificate, X509_VERSION_3);
	ASN1_INTEGER_set(X509_get_serialNumber(certificate), serial++);
	X509_gmtime_adj(X509_getm_notBefore(certificate), -10L * DAY);
	X509_gmtime_adj(X509_getm_notAfter(certificate), days * DAY);
	X509_set_pubkey(certificate, self.key);
	X509_NAME_add_entry_by_txt(X509_get_subject_name(certificate), "CN", MBSTRING_ASC,
	                           (const unsigned char *)subject, -1, -1, 0);
	X509_set_issuer_name(certificate, X509_get_subject_name(signer->certificate));
	add_extension(certificate, signer->certificate, NID_subject_key_identifier, "hash");
	add_extension(certificate, signer->certificate, NID_authority_key_identifier, "keyid");
	add_extension(certificate, signer->certificate, NID_basic_constraints,
	              names ? "critical,CA:FALSE" : "critical,CA:TRUE");
	if (names) add_extension(certificate, signer->certificate, NID_subject_alt_name, names);
	if (!X509_sign(certificate, signer->key, EVP_sha256())) abort();
	return self;
}

static inline void identity_free(identity *self) {
	X509_free(self->certificate);
	EVP_PKEY_free(self->key);
}

static pem pem_of_bio(BIO *bio) {
	pem self;
	char *text = NULL;
	long length = BIO_get_mem_data(bio, &text);
	if (length <= 0 || (size_t)length >= sizeof self.text) abort();
	memcpy(self.text, text, (size_t)length);
	self.length = (size_t)length;
	self.text[length] = 0;
	BIO_free(bio);
	return self;
}

static pem certificate_pem(const identity *self) {
	BIO *bio = BIO_new(BIO_s_mem());
	PEM_write_bio_X509(bio, self->certificate);
	return pem_of_bio(bio);
}

/* The key, encrypted if there is a password. */
static inline pem key_pem(const identity *self, const char *password) {
	BIO *bio = BIO_new(BIO_s_mem());
	PEM_write_bio_PKCS8PrivateKey(bio, self->key, password ? EVP_aes_256_cbc() : NULL, password,
	                              password ? (int)strlen(password) : 0, NULL, NULL);
	return pem_of_bio(bio);
}

/* The certificate and the key. */
static inline pem identity_pem(const identity *self) {
	BIO *bio = BIO_new(BIO_s_mem());
	PEM_write_bio_X509(bio, self->certificate);
	PEM_write_bio_PKCS8PrivateKey(bio, self->key, NULL, NULL, 0, NULL, NULL);
	return pem_of_bio(bio);
}

#endif
