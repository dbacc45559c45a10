/* SPDX-License-Identifier: MIT */
/* Labels: backends */
/* Whose certificates are accepted, and how a refusal is reported. */
#include "tls_fixture.h"

/* The client's handshake with a server of that identity, for a host name. */
static void client_meets(const identity *server, const char *name, aw_status expected, long code) {
	sides both;
	sides_over_memory(&both);
	if (server) use_identity(both.server.context, server);
	both.client_options.server_hostname = name;
	sides_shake(&both);
	EXPECT_INT(both.client.status, expected);
	if (expected < 0) {
		EXPECT_INT(both.client.code, expected);
		EXPECT_INT(both.client.payload, code);
		EXPECT(contains(both.client.message, X509_verify_cert_error_string(code)));
		EXPECT(aw_stream_is_closing(both.client.stream));
		EXPECT_STR(aw_stream_kind(both.client.stream), "memory");
	} else {
		expect_passes(both.client.stream, both.server.stream, "hello");
	}
	sides_end(&both);
}

IN_TASK(accepts_the_names_in_the_certificate) {
	(void)unused;
	client_meets(NULL, "localhost", 0, 0);
	client_meets(NULL, "LOCALHOST.", 0, 0);
	client_meets(NULL, "www.example.org", 0, 0);
	client_meets(NULL, "127.0.0.1", 0, 0);
	return 0;
}

IN_TASK(refuses_other_names) {
	(void)unused;
	client_meets(NULL, "example.com", AW_ECERTIFICATE, X509_V_ERR_HOSTNAME_MISMATCH);
	client_meets(NULL, "a.b.example.org", AW_ECERTIFICATE, X509_V_ERR_HOSTNAME_MISMATCH);
	client_meets(NULL, "127.0.0.2", AW_ECERTIFICATE, X509_V_ERR_IP_ADDRESS_MISMATCH);
	/* Not the common name. */
	client_meets(NULL, "Server", AW_ECERTIFICATE, X509_V_ERR_HOSTNAME_MISMATCH);
	return 0;
}

IN_TASK(refuses_an_expired_certificate) {
	(void)unused;
	make_identities();
	identity old = make_identity("Old", "DNS:localhost", -1, &authority);
	client_meets(&old, "localhost", AW_ECERTIFICATE, X509_V_ERR_CERT_HAS_EXPIRED);
	identity_free(&old);
	return 0;
}

IN_TASK(refuses_an_unknown_authority) {
	(void)unused;
	identity alone = make_identity("Alone", "DNS:localhost", 10, NULL);
	client_meets(&alone, "localhost", AW_ECERTIFICATE, X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT);
	identity_free(&alone);
	return 0;
}

IN_TASK(needs_a_name_to_check) {
	(void)unused;
	sides both;
	sides_over_memory(&both);
	EXPECT_INT(aw_tls_connect(both.client.stream, both.client.context, NULL, &both.client.stream), -EINVAL);
	EXPECT(!aw_stream_is_closing(both.client.stream));
	EXPECT_INT(aw_tls_context_set_check_hostname(both.client.context, 0), 0);
	both.client.options = NULL;
	sides_shake(&both);
	EXPECT_INT(both.client.status, 0);
	sides_end(&both);
	return 0;
}

IN_TASK(accepts_everything_if_told_to) {
	(void)unused;
	identity alone = make_identity("Alone", "DNS:elsewhere", 10, NULL);
	sides both;
	sides_over_memory(&both);
	use_identity(both.server.context, &alone);
	EXPECT_INT(aw_tls_context_set_verify(both.client.context, AW_TLS_VERIFY_NONE), 0);
	sides_shake(&both);
	EXPECT_INT(both.client.status, 0);
	sides_end(&both);
	identity_free(&alone);
	return 0;
}

IN_TASK(the_server_is_told_why) {
	(void)unused;
	sides both;
	sides_over_memory(&both);
	both.client_options.server_hostname = "example.com";
	sides_shake(&both);
	EXPECT_INT(both.client.status, AW_ECERTIFICATE);
	EXPECT_INT(both.server.status, AW_ETLS);
	EXPECT(contains(both.server.message, "alert"));
	sides_end(&both);
	return 0;
}

/* --- clients' certificates --- */

static void ask_for_certificate(sides *self, int32_t mode) {
	pem trusted = certificate_pem(&authority);
	EXPECT_INT(aw_tls_context_load_verify_memory(self->server.context, trusted.text, trusted.length), 0);
	EXPECT_INT(aw_tls_context_set_verify(self->server.context, mode), 0);
}

IN_TASK(requires_a_client_certificate) {
	(void)unused;
	sides both;
	sides_over_memory(&both);
	ask_for_certificate(&both, AW_TLS_VERIFY_REQUIRED);
	sides_shake(&both);
	EXPECT_INT(both.server.status, AW_ECERTIFICATE);
	EXPECT(contains(both.server.message, "peer did not return a certificate"));
	/* Under TLS 1.3 the client's handshake ends first: its first read says so. */
	EXPECT_INT(both.client.status, 0);
	char byte;
	EXPECT_INT(aw_stream_read(both.client.stream, &byte, 1), AW_ETLS);
	EXPECT(aw_caught() && contains(aw_error_message(aw_caught()), "certificate required"));
	aw_stream_close(both.client.stream);
	EXPECT_INT(aw_stream_wait_closed(both.client.stream, -1), 0);
	sides_end(&both);
	return 0;
}

IN_TASK(a_client_certificate_may_be_optional) {
	(void)unused;
	sides both;
	char buffer[64];
	sides_over_memory(&both);
	ask_for_certificate(&both, AW_TLS_VERIFY_OPTIONAL);
	sides_shake(&both);
	EXPECT_INT(both.server.status, 0);
	EXPECT_INT(aw_tls_peer_subject(both.server.stream, buffer, sizeof buffer), -ENOENT);
	expect_passes(both.client.stream, both.server.stream, "hello");
	sides_end(&both);
	return 0;
}

IN_TASK(accepts_a_client_certificate) {
	(void)unused;
	make_identities();
	identity client = make_identity("Client", "email:client@example.org", 10, &authority);
	sides both;
	char buffer[64];
	sides_over_memory(&both);
	ask_for_certificate(&both, AW_TLS_VERIFY_REQUIRED);
	use_identity(both.client.context, &client);
	sides_shake(&both);
	EXPECT_INT(both.server.status, 0);
	EXPECT_INT(aw_tls_peer_subject(both.server.stream, buffer, sizeof buffer), 11);
	EXPECT_STR(buffer, "CN = Client");
	EXPECT_INT(aw_tls_peer_names(both.server.stream, buffer, sizeof buffer), 24);
	EXPECT_STR(buffer, "email:client@example.org");
	expect_passes(both.server.stream, both.client.stream, "hello");
	sides_end(&both);
	identity_free(&client);
	return 0;
}

IN_TASK(refuses_a_wrong_client_certificate) {
	(void)unused;
	identity alone = make_identity("Alone", "DNS:localhost", 10, NULL);
	sides both;
	make_identities();
	sides_over_memory(&both);
	ask_for_certificate(&both, AW_TLS_VERIFY_OPTIONAL);
	use_identity(both.client.context, &alone);
	sides_shake(&both);
	EXPECT_INT(both.server.status, AW_ECERTIFICATE);
	EXPECT_INT(both.server.payload, X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT);
	sides_end(&both);
	identity_free(&alone);
	return 0;
}

CHECK_MAIN("TLS verification", TEST(accepts_the_names_in_the_certificate), TEST(refuses_other_names),
           TEST(refuses_an_expired_certificate), TEST(refuses_an_unknown_authority),
           TEST(needs_a_name_to_check), TEST(accepts_everything_if_told_to), TEST(the_server_is_told_why),
           TEST(requires_a_client_certificate), TEST(a_client_certificate_may_be_optional),
           TEST(accepts_a_client_certificate), TEST(refuses_a_wrong_client_certificate))
