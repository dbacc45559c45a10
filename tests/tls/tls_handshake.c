/* SPDX-License-Identifier: MIT */
/* Labels: backends */
/* Handshakes: what is agreed upon, what is known about it, and how they fail. */
#include "tls_fixture.h"

#include <fcntl.h>

/* --- what is agreed upon --- */

static void use_protocols(aw_tls_context *context, const char *first, const char *second) {
	const char *names[] = {first, second};
	EXPECT_INT(aw_tls_context_set_alpn_protocols(context, names, second ? 2 : 1), 0);
}

IN_TASK(agrees_on_a_protocol) {
	(void)unused;
	sides both;
	sides_over_memory(&both);
	use_protocols(both.client.context, "http/1.1", "h2");
	use_protocols(both.server.context, "h2", "http/1.1");
	sides_shake(&both);
	EXPECT_STR(aw_tls_alpn(both.client.stream), "h2");
	EXPECT_STR(aw_tls_alpn(both.server.stream), "h2");
	sides_end(&both);
	return 0;
}

IN_TASK(refuses_without_a_common_protocol) {
	(void)unused;
	sides both;
	sides_over_memory(&both);
	use_protocols(both.client.context, "smtp", NULL);
	use_protocols(both.server.context, "h2", NULL);
	sides_shake(&both);
	EXPECT_INT(both.server.status, AW_ETLS);
	EXPECT_INT(both.client.status, AW_ETLS);
	EXPECT(contains(both.client.message, "no application protocol"));
	sides_end(&both);
	return 0;
}

IN_TASK(a_protocol_is_not_needed) {
	(void)unused;
	sides both;
	sides_over_memory(&both);
	use_protocols(both.server.context, "h2", NULL);
	sides_shake(&both);
	EXPECT_INT(both.client.status, 0);
	EXPECT(!aw_tls_alpn(both.client.stream));
	sides_end(&both);
	return 0;
}

IN_TASK(tells_about_the_connection) {
	(void)unused;
	sides both;
	char text[128];
	unsigned char der[4096], digest[32], expected[32];
	sides_begin(&both, open_tcp(NULL));
	sides_shake(&both);
	aw_stream *client = both.client.stream, *server = both.server.stream;
	EXPECT_STR(aw_stream_kind(client), "tls");
	EXPECT_STR(aw_tls_version(client), "TLSv1.3");
	EXPECT_STR(aw_tls_cipher(client), aw_tls_cipher(server));
	EXPECT_STR(aw_tls_server_name(server), "localhost");
	EXPECT_INT(aw_tls_peer_subject(client, text, sizeof text), 11);
	EXPECT_STR(text, "CN = Server");
	EXPECT_INT(aw_tls_peer_subject(client, text, 5), 11);
	EXPECT_STR(text, "CN =");
	const char *names = "DNS:localhost, DNS:*.example.org, IP Address:127.0.0.1";
	EXPECT_INT(aw_tls_peer_names(client, text, sizeof text), (int)strlen(names));
	EXPECT_STR(text, names);
	int length = i2d_X509(server_identity.certificate, NULL);
	EXPECT_INT(aw_tls_peer_certificate(client, NULL, 0), length);
	EXPECT_INT(aw_tls_peer_certificate(client, der, sizeof der), length);
	EXPECT_INT(aw_tls_peer_fingerprint(client, digest), 0);
	X509_digest(server_identity.certificate, EVP_sha256(), expected, NULL);
	EXPECT(!memcmp(digest, expected, 32));
	EXPECT_INT(aw_tls_peer_fingerprint(server, digest), -ENOENT);
	EXPECT(aw_stream_fd(client) >= 0);
	uint32_t size = 0;
	EXPECT_INT(aw_stream_getpeername(client, (struct sockaddr *)text, &size), 0);
	EXPECT_INT(aw_tls_session_reused(client), 0);
	sides_end(&both);
	return 0;
}

static void agree_on_version(int32_t client_max, int32_t server_min, aw_status expected,
                             const char *version) {
	sides both;
	sides_over_memory(&both);
	EXPECT_INT(aw_tls_context_set_versions(both.client.context, 0, client_max), 0);
	EXPECT_INT(aw_tls_context_set_versions(both.server.context, server_min, 0), 0);
	sides_shake(&both);
	EXPECT_INT(both.client.status, expected);
	EXPECT_INT(both.server.status, expected);
	if (expected == 0) {
		EXPECT_STR(aw_tls_version(both.client.stream), version);
		expect_passes(both.client.stream, both.server.stream, "there");
		expect_passes(both.server.stream, both.client.stream, "back");
	}
	sides_end(&both);
}

IN_TASK(agrees_on_a_version) {
	(void)unused;
	agree_on_version(0, AW_TLS_1_3, 0, "TLSv1.3");
	agree_on_version(AW_TLS_1_2, 0, 0, "TLSv1.2");
	agree_on_version(AW_TLS_1_2, AW_TLS_1_3, AW_ETLS, NULL);
	return 0;
}

IN_TASK(refuses_without_a_common_cipher) {
	(void)unused;
	sides both;
	sides_over_memory(&both);
	EXPECT_INT(aw_tls_context_set_ciphers(both.client.context, NULL, "TLS_AES_128_GCM_SHA256"), 0);
	EXPECT_INT(aw_tls_context_set_ciphers(both.server.context, NULL, "TLS_AES_256_GCM_SHA384"), 0);
	EXPECT_INT(aw_tls_context_set_versions(both.client.context, AW_TLS_1_3, 0), 0);
	sides_shake(&both);
	EXPECT_INT(both.server.status, AW_ETLS);
	EXPECT_INT(both.client.status, AW_ETLS);
	sides_end(&both);
	return 0;
}

/* --- the server chooses by name --- */

static aw_tls_context *other_context;

static aw_status choose(aw_tls_context *context, const char *name, void *ud, aw_tls_context **out_choice) {
	(void)context;
	(void)ud;
	trace_add(name ? name : "(none)");
	if (name && !strcmp(name, "refused.example.org")) return -ENOENT;
	if (name && !strcmp(name, "www.example.org")) *out_choice = other_context;
	return 0;
}

static void ask_for_name(const char *name, aw_status expected, const char *subject) {
	sides both;
	char text[64];
	sides_over_memory(&both);
	both.client_options.server_hostname = name;
	EXPECT_INT(aw_tls_context_set_sni_callback(both.server.context, choose, NULL, NULL), 0);
	EXPECT_INT(aw_tls_context_set_check_hostname(both.client.context, name != NULL), 0);
	sides_shake(&both);
	EXPECT_INT(both.client.status, expected);
	if (expected == 0) {
		EXPECT(aw_tls_peer_subject(both.client.stream, text, sizeof text) > 0);
		EXPECT_STR(text, subject);
		EXPECT_STR(aw_tls_alpn(both.client.stream) ? aw_tls_alpn(both.client.stream) : "none", "none");
	}
	sides_end(&both);
}

IN_TASK(chooses_a_context_by_name) {
	(void)unused;
	make_identities();
	identity other = make_identity("Other", "DNS:www.example.org", 10, &authority);
	EXPECT_INT(aw_tls_context_new(AW_TLS_SERVER, &other_context), 0);
	use_identity(other_context, &other);
	ask_for_name("www.example.org", 0, "CN = Other");
	ask_for_name("mail.example.org", 0, "CN = Server");
	ask_for_name("refused.example.org", AW_ETLS, NULL);
	ask_for_name(NULL, 0, "CN = Server");
	EXPECT_STR(trace, "www.example.org mail.example.org refused.example.org (none)");
	aw_tls_context_unref(other_context);
	identity_free(&other);
	return 0;
}

/* --- a peer that speaks something else --- */

static void meet_text(bool is_server, const char *text, bool is_over, aw_status expected) {
	sides both;
	sides_over_memory(&both);
	aw_stream *peer = is_server ? both.client.stream : both.server.stream;
	side *here = is_server ? &both.server : &both.client;
	EXPECT_INT(aw_stream_write(peer, text, strlen(text)), 0);
	if (is_over) EXPECT_INT(aw_stream_write_eof(peer), 0);
	EXPECT_INT(shake(here), 0);
	EXPECT_INT(here->status, expected);
	EXPECT_INT(here->code, expected);
	sides_end(&both);
}

IN_TASK(refuses_garbage_at_once) {
	(void)unused;
	meet_text(true, "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n", false, AW_ETLS);
	meet_text(true,
	          "\x16\x03\x03\x01\x01" /* a record of 257 bytes, but not a hello */
	          "nonsense nonsense nonsense nonsense nonsense nonsense nonsense nonsense nonsense nonsense "
	          "nonsense nonsense nonsense nonsense nonsense nonsense nonsense nonsense nonsense nonsense "
	          "nonsense nonsense nonsense nonsense nonsense nonsense nonsense nonsense nonsense nonsense ",
	          false, AW_ETLS);
	meet_text(false, "220 mail.example.org ESMTP\r\n", false, AW_ETLS);
	meet_text(false, "SSH-2.0-OpenSSH_9.2\r\n", false, AW_ETLS);
	return 0;
}

IN_TASK(notices_an_early_end) {
	(void)unused;
	meet_text(true, "", true, AW_ETRUNCATED);
	meet_text(false, "", true, AW_ETRUNCATED);
	meet_text(true, "\x16\x03\x01\x02", true, AW_ETRUNCATED);
	return 0;
}

IN_TASK(a_reset_ends_it) {
	(void)unused;
	sides both;
	sides_over_memory(&both);
	EXPECT_INT(aw_stream_abort(both.server.stream), 0);
	EXPECT_INT(shake(&both.client), 0);
	EXPECT(both.client.status == -ECONNRESET || both.client.status == -EPIPE);
	sides_end(&both);
	return 0;
}

/* --- time and cancellation --- */

IN_TASK(ends_in_time) {
	(void)unused;
	sides both;
	sides_over_memory(&both);
	both.client_options.handshake_timeout_ns = 5 * AW_MILLISECOND;
	EXPECT_INT(shake(&both.client), 0);
	EXPECT_INT(both.client.status, AW_ETIMEOUT);
	EXPECT(aw_stream_is_closing(both.client.stream));
	EXPECT_INT(aw_stream_wait_closed(both.client.stream, -1), 0);
	sides_end(&both);
	return 0;
}

IN_TASK(can_be_cancelled_at_any_point) {
	(void)unused;
	for (int turns = 1; turns < 12; turns++) {
		sides both;
		aw_task *task = NULL;
		sides_over_memory(&both);
		aw_future *accepting = spawn(shake, &both.server);
		EXPECT_INT(aw_task_spawn(NULL, shake, &both.client, NULL, &task), 0);
		for (int i = 0; i < turns; i++) EXPECT_INT(aw_sleep(0), 0);
		aw_task_cancel(task, NULL);
		aw_status status = aw_await(aw_task_future(task), NULL);
		aw_task_unref(task);
		if (status == 0) {
			EXPECT_STR(aw_stream_kind(both.client.stream), "tls");
		} else {
			EXPECT_INT(status, AW_ECANCELLED);
			EXPECT_STR(aw_stream_kind(both.client.stream), "memory");
			EXPECT(aw_stream_is_closing(both.client.stream));
		}
		EXPECT_INT(aw_await(accepting, NULL), 0);
		aw_future_unref(accepting);
		if (status < 0 && both.server.status == 0) {
			char byte;
			EXPECT(aw_stream_read(both.server.stream, &byte, 1) < 0);
		}
		sides_end(&both);
	}
	return 0;
}

IN_TASK(refuses_a_stream_in_use) {
	(void)unused;
	sides both;
	sides_over_memory(&both);
	aw_stream *client = both.client.stream;
	char byte;
	aw_coro *coro = NULL;
	aw_task *reader = NULL;
	EXPECT_INT(aw_stream_read_coro(client, &byte, 1, &coro), 0);
	EXPECT_INT(aw_task_spawn_coro(NULL, coro, &reader), 0);
	aw_coro_unref(coro);
	EXPECT_INT(aw_sleep(0), 0);
	EXPECT_INT(aw_tls_connect(client, both.client.context, &for_localhost, &both.client.stream), -EBUSY);
	aw_task_cancel(reader, NULL);
	EXPECT_INT(aw_await(aw_task_future(reader), NULL), AW_ECANCELLED);
	aw_task_unref(reader);
	/* It is as it was. */
	EXPECT(!aw_stream_is_closing(client));
	EXPECT_INT(aw_tls_accept(client, both.client.context, &for_localhost, &both.client.stream), -EINVAL);
	aw_tls_options bad = for_localhost;
	bad.size = 4;
	EXPECT_INT(aw_tls_connect(client, both.client.context, &bad, &both.client.stream), -EINVAL);
	EXPECT_INT(aw_tls_connect(client, NULL, &for_localhost, &both.client.stream), AW_EBADHANDLE);
	sides_shake(&both);
	EXPECT_INT(both.client.status, 0);
	client = both.client.stream;
	aw_stream_close(client);
	EXPECT_INT(aw_tls_connect(client, both.client.context, &for_localhost, &client), -EPIPE);
	sides_end(&both);
	return 0;
}

/* --- a stream that is in use already --- */

IN_TASK(starts_on_a_live_stream) {
	(void)unused;
	sides both;
	const char *line;
	sides_over_memory(&both);
	EXPECT_INT(aw_stream_write(both.client.stream, "STARTTLS\r\n", 10), 0);
	EXPECT_INT(aw_stream_readline(both.server.stream, &line), 10);
	EXPECT_INT(aw_stream_write(both.server.stream, "220 go ahead\r\n", 14), 0);
	EXPECT_INT(aw_stream_readline(both.client.stream, &line), 14);
	/* The client is first, and its hello lies in the server's buffer before that begins. */
	aw_future *connecting = spawn(shake, &both.client);
	for (int i = 0; i < 20; i++) EXPECT_INT(aw_sleep(0), 0);
	EXPECT(aw_stream_view(both.server.stream, &line) > 100);
	EXPECT_INT(shake(&both.server), 0);
	EXPECT_INT(both.server.status, 0);
	EXPECT_INT(aw_await(connecting, NULL), 0);
	aw_future_unref(connecting);
	expect_passes(both.client.stream, both.server.stream, "hello");
	sides_end(&both);
	return 0;
}

IN_TASK(works_as_coroutines) {
	(void)unused;
	sides both;
	sides_over_memory(&both);
	aw_coro *connecting = NULL, *accepting = NULL;
	aw_task *task = NULL;
	{
		char name[] = "localhost";
		aw_tls_options options = {.size = sizeof options, .server_hostname = name};
		EXPECT_INT(aw_tls_connect_coro(both.client.stream, both.client.context, &options, &both.client.stream,
		                               &connecting),
		           0);
		memset(name, 'x', 4);
	}
	EXPECT_INT(
		aw_tls_accept_coro(both.server.stream, both.server.context, NULL, &both.server.stream, &accepting),
		0);
	EXPECT_INT(aw_task_spawn_coro(NULL, accepting, &task), 0);
	EXPECT_INT(aw_await_coro(connecting, NULL), 0);
	EXPECT_INT(aw_await(aw_task_future(task), NULL), 0);
	aw_task_unref(task);
	aw_coro_unref(accepting);
	aw_coro_unref(connecting);
	expect_passes(both.client.stream, both.server.stream, "hello");
	sides_end(&both);
	return 0;
}

IN_TASK(a_coroutine_that_never_ran_leaves_the_stream) {
	(void)unused;
	sides both;
	sides_over_memory(&both);
	aw_coro *coro = NULL;
	EXPECT_INT(aw_tls_connect_coro(both.client.stream, both.client.context, &for_localhost,
	                               &both.client.stream, &coro),
	           0);
	aw_coro_unref(coro);
	sides_shake(&both);
	EXPECT_INT(both.client.status, 0);
	sides_end(&both);
	return 0;
}

/* --- sessions --- */

static void resume(int32_t max, int tickets) {
	sides both;
	char byte;
	aw_tls_context *client = client_context(), *server = server_context();
	aw_tls_session *session = NULL;
	EXPECT_INT(aw_tls_context_set_versions(client, 0, max), 0);
	if (tickets >= 0) EXPECT_INT(aw_tls_context_set_num_tickets(server, tickets), 0);
	for (int i = 0; i < 2; i++) {
		sides_over_memory(&both);
		aw_tls_context_unref(both.client.context);
		aw_tls_context_unref(both.server.context);
		both.client.context = aw_tls_context_ref(client);
		both.server.context = aw_tls_context_ref(server);
		both.client_options.session = session;
		sides_shake(&both);
		EXPECT_INT(both.client.status, 0);
		EXPECT_INT(aw_tls_session_reused(both.client.stream), i && tickets);
		EXPECT_INT(aw_tls_session_reused(both.server.stream), i && tickets);
		EXPECT_INT(aw_stream_write(both.server.stream, "x", 1), 0);
		EXPECT_INT(aw_stream_read(both.client.stream, &byte, 1), 1);
		if (!i) EXPECT_INT(aw_tls_session_get(both.client.stream, &session), tickets ? 0 : -ENOENT);
		sides_end(&both);
	}
	aw_tls_session_unref(session);
	aw_tls_context_unref(client);
	aw_tls_context_unref(server);
}

IN_TASK(resumes_sessions) {
	(void)unused;
	resume(0, -1);
	resume(AW_TLS_1_2, -1);
	resume(0, 1);
	resume(0, 0);
	resume(AW_TLS_1_2, 0);
	return 0;
}

CHECK_MAIN("TLS handshakes", TEST(agrees_on_a_protocol), TEST(refuses_without_a_common_protocol),
           TEST(a_protocol_is_not_needed), TEST(tells_about_the_connection), TEST(agrees_on_a_version),
           TEST(refuses_without_a_common_cipher), TEST(chooses_a_context_by_name),
           TEST(refuses_garbage_at_once), TEST(notices_an_early_end), TEST(a_reset_ends_it),
           TEST(ends_in_time), TEST(can_be_cancelled_at_any_point), TEST(refuses_a_stream_in_use),
           TEST(starts_on_a_live_stream), TEST(works_as_coroutines),
           TEST(a_coroutine_that_never_ran_leaves_the_stream), TEST(resumes_sessions))
