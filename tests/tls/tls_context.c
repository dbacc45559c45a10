/* SPDX-License-Identifier: MIT */
/* Labels: valgrind */
/* Settings of contexts, from files and memory, and what they refuse. */
#include "tls_fixture.h"

#include <sys/stat.h>

static aw_tls_context *context;

static void write_file(const char *path, const pem *text) {
	FILE *file = fopen(path, "w");
	if (!file) abort();
	fwrite(text->text, 1, text->length, file);
	fclose(file);
}

static void begin(int32_t role) {
	make_identities();
	EXPECT_INT(aw_tls_context_new(role, &context), 0);
}

static void end(void) {
	aw_tls_context_unref(context);
	context = NULL;
}

static void loads_files(void) {
	char folder[] = "/tmp/libawait-tls-XXXXXX", cert[64], key[64], secret[64], none[64];
	REQUIRE(mkdtemp(folder));
	snprintf(cert, sizeof cert, "%s/cert.pem", folder);
	snprintf(key, sizeof key, "%s/key.pem", folder);
	snprintf(secret, sizeof secret, "%s/secret.pem", folder);
	snprintf(none, sizeof none, "%s/none.pem", folder);
	begin(AW_TLS_SERVER);
	pem cert_text = certificate_pem(&server_identity), key_text = key_pem(&server_identity, NULL),
		secret_text = key_pem(&server_identity, "open sesame"), other_text = key_pem(&authority, NULL);
	write_file(cert, &cert_text);
	write_file(key, &key_text);
	write_file(secret, &secret_text);
	EXPECT_INT(aw_tls_context_load_cert_chain(context, cert, key, NULL), 0);
	EXPECT_INT(aw_tls_context_load_cert_chain(context, cert, secret, "open sesame"), 0);
	EXPECT_INT(aw_tls_context_load_cert_chain(context, cert, secret, "wrong"), AW_ETLS);
	EXPECT_INT(aw_tls_context_load_cert_chain(context, cert, secret, NULL), AW_ETLS);
	EXPECT_INT(aw_tls_context_load_cert_chain(context, none, key, NULL), -ENOENT);
	EXPECT_STR(aw_tls_context_error(context), "No such file or directory");
	EXPECT_INT(aw_tls_context_load_cert_chain(context, key, key, NULL), AW_ETLS);
	EXPECT_INT(aw_tls_context_load_cert_chain(context, NULL, key, NULL), -EINVAL);
	write_file(key, &other_text);
	EXPECT_INT(aw_tls_context_load_cert_chain(context, cert, key, NULL), AW_ETLS);
	EXPECT_STR(aw_tls_context_error(context), "key values mismatch");
	EXPECT_INT(aw_tls_context_load_verify_locations(context, cert, NULL), 0);
	EXPECT_INT(aw_tls_context_load_verify_locations(context, NULL, folder), 0);
	EXPECT_INT(aw_tls_context_load_verify_locations(context, none, NULL), -ENOENT);
	EXPECT_INT(aw_tls_context_load_verify_locations(context, NULL, NULL), -EINVAL);
	end();
	remove(cert);
	remove(key);
	remove(secret);
	rmdir(folder);
}

static void loads_memory(void) {
	begin(AW_TLS_SERVER);
	pem cert = certificate_pem(&server_identity), key = key_pem(&server_identity, "secret"),
		both = identity_pem(&server_identity);
	EXPECT_INT(aw_tls_context_load_cert_memory(context, both.text, both.length, NULL, 0, NULL), 0);
	EXPECT_INT(
		aw_tls_context_load_cert_memory(context, cert.text, cert.length, key.text, key.length, "secret"), 0);
	EXPECT_INT(aw_tls_context_load_cert_memory(context, cert.text, cert.length, key.text, key.length, NULL),
	           AW_ETLS);
	EXPECT_INT(aw_tls_context_load_cert_memory(context, cert.text, cert.length, NULL, 0, NULL), AW_ETLS);
	EXPECT_INT(aw_tls_context_load_cert_memory(context, "nonsense", 8, NULL, 0, NULL), AW_ETLS);
	EXPECT_INT(aw_tls_context_load_cert_memory(context, NULL, 0, NULL, 0, NULL), -EINVAL);
	EXPECT_INT(aw_tls_context_load_verify_memory(context, both.text, both.length), 0);
	EXPECT_INT(aw_tls_context_load_verify_memory(context, "nonsense", 8), AW_ETLS);
	cert.text[cert.length / 2] = '!';
	EXPECT_INT(aw_tls_context_load_verify_memory(context, cert.text, cert.length), AW_ETLS);
	EXPECT_INT(aw_tls_context_load_default_certs(context), 0);
	end();
}

static void sets_what_is_offered(void) {
	begin(AW_TLS_SERVER);
	const char *good[] = {"h2", "http/1.1"}, *empty[] = {"h2", ""};
	EXPECT_INT(aw_tls_context_set_alpn_protocols(context, good, 2), 0);
	EXPECT_INT(aw_tls_context_set_alpn_protocols(context, empty, 2), -EINVAL);
	EXPECT_INT(aw_tls_context_set_alpn_protocols(context, NULL, 1), -EINVAL);
	EXPECT_INT(aw_tls_context_set_alpn_protocols(context, NULL, 0), 0);
	EXPECT_INT(aw_tls_context_set_ciphers(context, "ECDHE+AESGCM", "TLS_AES_128_GCM_SHA256"), 0);
	EXPECT_INT(aw_tls_context_set_ciphers(context, "NONE-SUCH", NULL), AW_ETLS);
	EXPECT_STR(aw_tls_context_error(context), "no cipher match");
	EXPECT_INT(aw_tls_context_set_ciphers(context, NULL, "NONE-SUCH"), AW_ETLS);
	EXPECT_INT(aw_tls_context_set_versions(context, AW_TLS_1_3, 0), 0);
	EXPECT_INT(aw_tls_context_set_versions(context, AW_TLS_1_3, AW_TLS_1_2), -EINVAL);
	EXPECT_INT(aw_tls_context_set_versions(context, 0x0301, 0), -EINVAL);
	EXPECT_INT(aw_tls_context_set_verify(context, 3), -EINVAL);
	EXPECT_INT(aw_tls_context_set_num_tickets(context, -1), -EINVAL);
	end();
	EXPECT_INT(aw_tls_context_new(2, &context), -EINVAL);
	EXPECT_INT(aw_tls_context_new(AW_TLS_CLIENT, NULL), -EINVAL);
}

static aw_status choose(aw_tls_context *present, const char *name, void *ud, aw_tls_context **out_choice) {
	(void)present;
	(void)name;
	(void)ud;
	(void)out_choice;
	return 0;
}

static void destroys_the_data_of_its_callback(void) {
	int destroyed = 0;
	begin(AW_TLS_CLIENT);
	EXPECT_INT(aw_tls_context_set_sni_callback(context, choose, &destroyed, count_destroyed), -EINVAL);
	EXPECT_INT(destroyed, 1);
	end();
	begin(AW_TLS_SERVER);
	EXPECT_INT(aw_tls_context_set_sni_callback(context, choose, &destroyed, count_destroyed), 0);
	EXPECT_INT(aw_tls_context_set_sni_callback(context, choose, &destroyed, count_destroyed), 0);
	EXPECT_INT(destroyed, 2);
	aw_tls_context *same = aw_tls_context_ref(context);
	EXPECT(same == context);
	aw_tls_context_unref(same);
	EXPECT_INT(destroyed, 2);
	end();
	EXPECT_INT(destroyed, 3);
}

static void refuses_bad_handles(void) {
	aw_stream *stream = NULL;
	aw_coro *coro = NULL;
	aw_tls_session *session = NULL;
	char byte;
	EXPECT_INT(aw_tls_context_set_verify(NULL, 0), AW_EBADHANDLE);
	EXPECT_INT(aw_tls_context_load_cert_chain(NULL, "x", NULL, NULL), AW_EBADHANDLE);
	EXPECT_INT(aw_tls_context_set_alpn_protocols(NULL, NULL, 0), AW_EBADHANDLE);
	EXPECT(!aw_tls_context_ref(NULL));
	EXPECT(!aw_tls_context_error(NULL));
	aw_tls_context_unref(NULL);
	aw_tls_session_unref(NULL);
	EXPECT(!aw_tls_session_ref(NULL));
	EXPECT_INT(aw_tls_connect(NULL, NULL, NULL, &stream), AW_ENOTASK);
	EXPECT_INT(aw_tls_connect_coro(NULL, NULL, NULL, &stream, &coro), AW_EBADHANDLE);
	EXPECT_INT(aw_tls_peer_certificate(NULL, &byte, 1), AW_EBADHANDLE);
	EXPECT_INT(aw_tls_peer_names(NULL, &byte, 1), AW_EBADHANDLE);
	EXPECT_INT(aw_tls_session_get(NULL, &session), AW_EBADHANDLE);
	EXPECT(!aw_tls_version(NULL));
	EXPECT(!aw_tls_cipher(NULL));
	EXPECT(!aw_tls_alpn(NULL));
	EXPECT(!aw_tls_server_name(NULL));
	EXPECT_INT(aw_tls_session_reused(NULL), 0);
}

CHECK_MAIN("TLS contexts", TEST(loads_files), TEST(loads_memory), TEST(sets_what_is_offered),
           TEST(destroys_the_data_of_its_callback), TEST(refuses_bad_handles))
