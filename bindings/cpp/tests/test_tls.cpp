// SPDX-License-Identifier: MIT
// TLS over streams.
#include "check.hpp"

#include <await/tls.hpp>
extern "C" {
#include "certificates.h"
}

namespace {

/** An authority, and what it has issued. */
struct authority {
	authority() : root(make_identity("Root", nullptr, 10, nullptr)) {
		issued = make_identity("localhost", "DNS:localhost", 10, &root);
	}
	authority(const authority &) = delete;
	authority &operator=(const authority &) = delete;
	~authority() {
		identity_free(&root);
		identity_free(&issued);
	}
	std::string trusted() const {
		pem text = certificate_pem(&root);
		return std::string(text.text, text.length);
	}
	std::string server() const {
		pem text = identity_pem(&issued);
		return std::string(text.text, text.length);
	}
	identity root, issued;
};

class Tls : public Case {
protected:
	authority ca;
	aw::tls_context client = aw::tls_context::client(), server = aw::tls_context::server();

	Tls() {
		client.load_verify_memory(ca.trusted()).alpn_protocols({"h2", "x"}).versions(AW_TLS_1_2);
		server.load_cert_memory(ca.server()).alpn_protocols({"x"});
	}
};

TEST_F(Tls, encrypts_in_coroutines) {
	aw::run([&]() -> aw::co<void> {
		auto [one, other] = aw::stream::pair();
		auto accepting = aw::spawn(aw::tls_accept(std::move(other), server));
		auto how = aw::tls_options().server_hostname("localhost").handshake_timeout(10s);
		one = co_await aw::tls_connect(std::move(one), client, how);
		other = co_await accepting;
		EXPECT_EQ(one.kind(), "tls");
		other.write("line\n");
		EXPECT_EQ(co_await one.readline(), "line\n");
		aw::tls_info info(one);
		EXPECT_EQ(info.version(), "TLSv1.3");
		EXPECT_NE(info.cipher(), "");
		EXPECT_EQ(info.alpn(), "x");
		EXPECT_EQ(aw::tls_info(other).server_name(), "localhost");
		EXPECT_FALSE(info.session_reused());
		EXPECT_GT(info.peer_certificate().size(), 100u);
		EXPECT_EQ(info.peer_subject(), "CN = localhost");
		EXPECT_EQ(info.peer_names(), "DNS:localhost");
		EXPECT_NE(info.peer_fingerprint(), (std::array<unsigned char, 32>{}));
		EXPECT_THROW(aw::tls_info(other).peer_certificate(), aw::error);
		aw::tls_session session = info.session();
		EXPECT_TRUE(session);
		one.close();
		EXPECT_EQ(co_await other.readall(), "");
		other.close();
		co_await one.wait_closed();
		co_await other.wait_closed();

		auto [a, b] = aw::stream::pair();
		auto again = aw::spawn(aw::tls_accept(std::move(b), server));
		how.session(session);
		a = co_await aw::tls_connect(std::move(a), client, how);
		b = co_await again;
		EXPECT_TRUE(aw::tls_info(a).session_reused());
		a.abort();
		b.abort();
	});
}

TEST_F(Tls, in_stackful_tasks_with_a_choice_by_name) {
	aw::tls_context named = aw::tls_context::server();
	named.load_cert_memory(ca.server());
	std::string asked;
	server.sni_callback([&](const char *name) -> const aw::tls_context * {
		asked = name ? name : "";
		return &named;
	});
	aw::run([&] {
		auto [one, other] = aw::stream::pair();
		auto accepting = aw::spawn(aw::tls_accept(other, server));
		other = {};
		auto ours = aw::await(aw::tls_connect(one, client, aw::tls_options().server_hostname("localhost")));
		auto theirs = aw::await(accepting);
		EXPECT_EQ(asked, "localhost");
		ours.write("x");
		EXPECT_EQ(aw::await(theirs.readexactly(1)), "x");
		ours.abort();
		theirs.abort();
	});
}

TEST_F(Tls, refusals_have_words) {
	try {
		client.ciphers("no-such-cipher");
		ADD_FAILURE() << "there is such a cipher";
	} catch (const aw::error &e) {
		EXPECT_EQ(e.code(), AW_ETLS);
		EXPECT_STRNE(e.what(), "");
	}
	EXPECT_THROW(server.load_cert_chain("/nonexistent.pem"), aw::error);
	EXPECT_THROW(client.load_verify_locations("/nonexistent.pem"), aw::error);
	aw::run([&]() -> aw::co<void> {
		auto [one, other] = aw::stream::pair();
		auto accepting = aw::spawn(aw::tls_accept(other, server));
		std::error_code why;
		try {
			co_await aw::tls_connect(one, client, aw::tls_options().server_hostname("example.org"));
		} catch (const aw::error &e) {
			why = e.code();
		}
		EXPECT_EQ(why, AW_ECERTIFICATE);
		try {
			co_await accepting;
			ADD_FAILURE() << "refused by the client";
		} catch (const aw::error &) {
		}
	});
}

TEST_F(Tls, a_handshake_that_is_cancelled_or_never_ends) {
	aw::run([&]() -> aw::co<void> {
		auto [one, other] = aw::stream::pair();
		bool late = false;
		try {
			co_await aw::wait_for(
				aw::tls_connect(one, client, aw::tls_options().server_hostname("localhost")), 10ms);
		} catch (const aw::timed_out &) {
			late = true;
		}
		EXPECT_TRUE(late);
		EXPECT_TRUE(one.is_closing());
		other.abort();
	});
	open_loop of;
	auto [one, other] = aw::stream::pair({}, of);
	auto task = aw::spawn(of, [&, one = one]() -> aw::co<void> {
		co_await aw::tls_connect(one, client, aw::tls_options().server_hostname("localhost"));
	});
	of->run_once(0s);
	of->run_once(0s);
	of->close();
}

} // namespace
