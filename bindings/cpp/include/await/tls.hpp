/* SPDX-License-Identifier: MIT */
/**
 * @file tls.hpp
 * TLS over any stream. It needs libawait-tls, so <await/await.hpp> does not include it; link with
 * `pkg-config --libs libawait-tls`.
 */
#ifndef AWAIT_TLS_HPP
#define AWAIT_TLS_HPP

#include <array>
#include <await/stream.hpp>
#include <await/tls.h>
#include <cerrno>
#include <cstdint>
#include <memory>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

namespace libawait {

/** What a client needs to resume a connection. Any thread. asyncio: ssl.SSLSession. */
class tls_session : public detail::shared<aw_tls_session, aw_tls_session_ref, aw_tls_session_unref> {
public:
	using shared::shared;
};

/**
 * Settings and certificates of many connections. Finish the settings before the first one; after that, any
 * thread may use it. What OpenSSL says of a call that failed is in the message of the exception. asyncio:
 * ssl.SSLContext.
 */
class tls_context : public detail::shared<aw_tls_context, aw_tls_context_ref, aw_tls_context_unref> {
public:
	using shared::shared;

	/** Creates a context for clients, which verifies the certificate and the host name. */
	static tls_context client() {
		return create(AW_TLS_CLIENT);
	}
	static tls_context server() {
		return create(AW_TLS_SERVER);
	}

	/** Sets what happens about the peer's certificate: ::aw_tls_verify. */
	tls_context &verify(int32_t mode) {
		return done(aw_tls_context_set_verify(get(), mode));
	}
	/** Says whether a client checks the host name in the certificate. */
	tls_context &check_hostname(bool on) {
		return done(aw_tls_context_set_check_hostname(get(), on));
	}
	/** Trusts the certificates in a PEM file, in a directory of hashed names ("": none), or in both. */
	tls_context &load_verify_locations(const std::string &file, const std::string &directory = {}) {
		return done(
			aw_tls_context_load_verify_locations(get(), detail::or_null(file), detail::or_null(directory)));
	}
	/** Trusts the certificates in a PEM text. */
	tls_context &load_verify_memory(bytes_view pem) {
		return done(aw_tls_context_load_verify_memory(get(), pem.data(), pem.size()));
	}
	/** Trusts the system's authorities, besides others. */
	tls_context &load_default_certs() {
		return done(aw_tls_context_load_default_certs(get()));
	}
	/** Loads the certificate with its chain, and its key ("": in the same file), from PEM files. */
	tls_context &load_cert_chain(const std::string &cert_file, const std::string &key_file = {},
	                             const char *password = nullptr) {
		return done(
			aw_tls_context_load_cert_chain(get(), cert_file.c_str(), detail::or_null(key_file), password));
	}
	/** Loads them from PEM texts; an empty `key` is in `cert`. */
	tls_context &load_cert_memory(bytes_view cert, bytes_view key = {}, const char *password = nullptr) {
		return done(aw_tls_context_load_cert_memory(
			get(), cert.data(), cert.size(), key.empty() ? nullptr : key.data(), key.size(), password));
	}
	/** Sets the application protocols, in the order of preference. */
	tls_context &alpn_protocols(const std::vector<std::string> &names) {
		std::vector<const char *> raw;
		for (const std::string &name : names) raw.push_back(name.c_str());
		return done(aw_tls_context_set_alpn_protocols(get(), raw.data(), raw.size()));
	}
	/** Sets the ciphers for TLS 1.2 and 1.3, by OpenSSL's names; "" leaves them as they are. */
	tls_context &ciphers(const std::string &tls12, const std::string &tls13 = {}) {
		return done(aw_tls_context_set_ciphers(get(), detail::or_null(tls12), detail::or_null(tls13)));
	}
	/** Sets the oldest and the newest version: ::aw_tls_version_number; 0 leaves one as it is. */
	tls_context &versions(int32_t least, int32_t most = 0) {
		return done(aw_tls_context_set_versions(get(), least, most));
	}
	/** Sets how many tickets a server gives each client. */
	tls_context &num_tickets(int32_t count) {
		return done(aw_tls_context_set_num_tickets(get(), count));
	}
	/**
	 * Calls `fn(const char *name)` on the connection's thread for each client of a server; `name` is nullptr if it
	 * has sent none. It returns a pointer to the tls_context to use, which the program keeps, or nullptr to keep
	 * this one. An exception refuses the handshake.
	 */
	template <class F> tls_context &sni_callback(F &&fn) {
		using box = detail::boxed<F>;
		return done(
			aw_tls_context_set_sni_callback(get(), choose<F>, box::make(std::forward<F>(fn)), box::destroy));
	}

private:
	template <class F>
	static aw_status choose(aw_tls_context *, const char *name, void *ud, aw_tls_context **out) noexcept {
		try {
			const tls_context *chosen = detail::boxed<F>::at(ud)(name);
			if (chosen) *out = chosen->get();
			return 0;
		} catch (...) {
			failure why = failure::current();
			return why ? why.status() : -ENOMEM;
		}
	}
	static tls_context create(int32_t role) {
		return detail::make<tls_context>([&](aw_tls_context **out) { return aw_tls_context_new(role, out); });
	}
	tls_context &done(aw_status status) {
		if (status < 0) detail::raise(status, failure(status, aw_tls_context_error(get())));
		return *this;
	}
};

/** How a connection is set up: `tls_options().server_hostname("example.org")`. */
class tls_options {
public:
	tls_options() noexcept {
		raw_.size = sizeof raw_;
	}

	/** Sets flags of ::aw_tls_flag. */
	tls_options &flags(uint32_t flags) noexcept {
		raw_.flags = flags;
		return *this;
	}
	/** Sets the name that a server's certificate must be for, and the name sent as SNI. */
	tls_options &server_hostname(std::string name) {
		server_hostname_ = std::move(name);
		return *this;
	}
	/** Limits the handshake; the default is 60 s. */
	tls_options &handshake_timeout(time_span limit) noexcept {
		raw_.handshake_timeout_ns = limit.ns;
		return *this;
	}
	/** Makes a close that takes longer an abort; the default is 30 s. */
	tls_options &shutdown_timeout(time_span limit) noexcept {
		raw_.shutdown_timeout_ns = limit.ns;
		return *this;
	}
	/** Sets a client's session to resume. */
	tls_options &session(tls_session what) noexcept {
		session_ = std::move(what);
		return *this;
	}
	tls_options &stream(const stream_options &how) noexcept {
		stream_ = how;
		return *this;
	}
	/** Returns them for C; valid while this object stays where it is and as it is. */
	aw_tls_options raw() const noexcept {
		aw_tls_options all = raw_;
		all.server_hostname = detail::or_null(server_hostname_);
		all.session = session_.get();
		all.stream = stream_.get();
		return all;
	}

private:
	aw_tls_options raw_{};
	std::string server_hostname_;
	tls_session session_;
	stream_options stream_;
};

namespace detail {

/** A handshake. */
class tls_handshake {
public:
	using start_type = aw_status (*)(aw_stream *, aw_tls_context *, const aw_tls_options *, aw_stream **,
	                                 aw_coro **);

	tls_handshake(stream below, tls_context context, tls_options how, start_type call)
		: below_(std::move(below)), context_(std::move(context)), how_(std::move(how)), start_(call) {}
	tls_handshake(tls_handshake &&other) noexcept
		: below_(std::move(other.below_)), context_(std::move(other.context_)), how_(std::move(other.how_)),
		  start_(other.start_), made_(std::exchange(other.made_, nullptr)) {}
	tls_handshake &operator=(tls_handshake &&) = delete;
	~tls_handshake() {
		if (made_) stream dropped = take(); /* it succeeded, and nobody took it */
	}

	static aw_status start(tls_handshake &self, aw_coro **out) {
		aw_tls_options raw = self.how_.raw();
		return self.start_(self.below_.get(), self.context_.get(), &raw, &self.made_, out);
	}
	/** The new reference has taken the place of ours to the stream below. */
	stream take() noexcept {
		(void)below_.release();
		return stream(adopt, std::exchange(made_, nullptr));
	}

private:
	stream below_;
	tls_context context_;
	tls_options how_;
	start_type start_;
	aw_stream *made_ = nullptr;
};

inline auto start_tls(stream below, const tls_context &with, tls_options how,
                      tls_handshake::start_type start) {
	return start_later<stream>(tls_handshake(std::move(below), with, std::move(how), start),
	                           tls_handshake::start, [](tls_handshake &self, void *) { return self.take(); });
}

/** A text of C that is cut off at the room for it. */
template <class Call> std::string whole_text(Call call) {
	std::string to(256, '\0');
	auto length = static_cast<size_t>(check(call(to.data(), to.size())));
	if (length >= to.size()) {
		to.resize(length + 1);
		check(call(to.data(), to.size()));
	}
	to.resize(length);
	return to;
}

} // namespace detail

/**
 * Carries out the handshake as the client, over a stream that is connected; returns a stream that encrypts, to use
 * in its place. Cancelling it aborts the stream. asyncio: StreamWriter.start_tls.
 */
inline auto tls_connect(stream over, const tls_context &with, tls_options how = tls_options()) {
	return detail::start_tls(std::move(over), with, std::move(how), aw_tls_connect_coro);
}
/** The same as the server. asyncio: loop.start_tls(server_side=True). */
inline auto tls_accept(stream over, const tls_context &with, tls_options how = tls_options()) {
	return detail::start_tls(std::move(over), with, std::move(how), aw_tls_accept_coro);
}

/** About a stream that tls_connect() or tls_accept() has given, and that is not closed. */
class tls_info {
public:
	explicit tls_info(stream of) noexcept : of_(std::move(of)) {}

	/** "TLSv1.3"; "" if the stream is another or is closed, as for the texts below. */
	std::string version() const {
		return detail::text(aw_tls_version(of_.get()));
	}
	/** "TLS_AES_256_GCM_SHA384" */
	std::string cipher() const {
		return detail::text(aw_tls_cipher(of_.get()));
	}
	/** The application protocol that was agreed upon, or "". */
	std::string alpn() const {
		return detail::text(aw_tls_alpn(of_.get()));
	}
	/** The name that the client has asked for, or "". */
	std::string server_name() const {
		return detail::text(aw_tls_server_name(of_.get()));
	}
	bool session_reused() const noexcept {
		return aw_tls_session_reused(of_.get());
	}
	/** Returns the peer's certificate, as DER. Throws -ENOENT if it has sent none, as those below. */
	std::string peer_certificate() const {
		std::string der;
		der.resize(static_cast<size_t>(detail::check(aw_tls_peer_certificate(of_.get(), nullptr, 0))));
		detail::check(aw_tls_peer_certificate(of_.get(), der.data(), der.size()));
		return der;
	}
	/** "CN = example.org, O = Example" */
	std::string peer_subject() const {
		return detail::whole_text(
			[&](char *to, size_t size) { return aw_tls_peer_subject(of_.get(), to, size); });
	}
	/** "DNS:example.org, IP Address:192.0.2.1" */
	std::string peer_names() const {
		return detail::whole_text(
			[&](char *to, size_t size) { return aw_tls_peer_names(of_.get(), to, size); });
	}
	/** Returns the SHA-256 of the peer's certificate. */
	std::array<unsigned char, 32> peer_fingerprint() const {
		std::array<unsigned char, 32> digest{};
		detail::check(aw_tls_peer_fingerprint(of_.get(), digest.data()));
		return digest;
	}
	/** Returns a client's session, to resume it with. Throws -ENOENT if there is none, or none yet. */
	tls_session session() const {
		return detail::make<tls_session>(
			[&](aw_tls_session **out) { return aw_tls_session_get(of_.get(), out); });
	}

private:
	stream of_;
};

} // namespace libawait

#endif
