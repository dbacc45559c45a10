/* SPDX-License-Identifier: MIT */
/**
 * @file server.hpp
 * Servers: listen on addresses, and serve each connection in a task.
 */
#ifndef AWAIT_SERVER_HPP
#define AWAIT_SERVER_HPP

#include <await/coro.hpp>
#include <await/stream.hpp>
#include <cstdint>
#include <memory>
#include <string>
#include <type_traits>
#include <utility>

namespace libawait {

/** How a server works: `server_options().max_connections(100)`. What is not set has its default. */
class server_options {
public:
	server_options() noexcept {
		raw_.size = sizeof raw_;
	}

	/** Sets flags of ::aw_server_flag. */
	server_options &flags(uint32_t flags) noexcept {
		raw_.flags = flags;
		return *this;
	}
	/** Sets AF_INET or AF_INET6; the default is both. */
	server_options &family(int family) noexcept {
		raw_.family = family;
		return *this;
	}
	/** Sets the backlog of listen(2). */
	server_options &backlog(int count) noexcept {
		raw_.backlog = count;
		return *this;
	}
	/** Limits the connections that are open at a time; the next ones wait. */
	server_options &max_connections(uint64_t count) noexcept {
		raw_.max_connections = count;
		return *this;
	}
	/** Sets how the streams of the connections are set up. */
	server_options &stream(const stream_options &how) noexcept {
		stream_ = how;
		return *this;
	}
	/** Returns them for C; valid while this object stays where it is and as it is. */
	aw_server_options raw() const noexcept {
		aw_server_options all = raw_;
		all.stream = stream_.get();
		return all;
	}

private:
	aw_server_options raw_{};
	stream_options stream_;
};

/**
 * A server, which calls `serve(stream)` for each connection. If that returns a coroutine, it runs in a task;
 * any other function runs on its own stack and waits with await(). With ::AW_SERVER_CALLBACK such a function is
 * called from the loop, and must not wait. When it has ended the stream is closed: that of a coroutine in any
 * case, that of another function unless the program has kept a handle of it. A failure is reported, and ends
 * this connection only.
 *
 * A server that serves, or has connections, lives on without a handle. asyncio: Server.
 */
class server : public detail::shared<aw_server, aw_server_ref, aw_server_unref> {
public:
	using shared::shared;

	/** Creates a server that does not listen yet. */
	template <class F>
	static server create(F &&serve, const server_options &how = server_options(), const loop &of = {}) {
		aw_server_options raw = raw_of<F>(how);
		return detail::make<server>([&](aw_server **out) {
			return aw_server_new(of.get(), client<F>, box<F>::make(std::forward<F>(serve)), box<F>::destroy,
			                     &raw, out);
		});
	}
	/** Creates a server that serves the connections to a Unix socket. */
	template <class F>
	static server start_unix(F &&serve, const std::string &path, const server_options &how = server_options(),
	                         const loop &of = {}) {
		aw_server_options raw = raw_of<F>(how);
		return detail::make<server>([&](aw_server **out) {
			return aw_start_unix_server(of.get(), client<F>, box<F>::make(std::forward<F>(serve)),
			                            box<F>::destroy, path.c_str(), &raw, out);
		});
	}

	/**
	 * Listens on all addresses of a host, "" for every interface; 0 as the service picks a free port. asyncio:
	 * loop.create_server.
	 */
	operation<void> listen(const std::string &host, const service &on) {
		return detail::make_operation<void>([&](aw_coro **out) {
			return aw_server_listen_coro(get(), detail::or_null(host), on.c_str(), out);
		});
	}
	/** Listens on a Unix socket; "@name" is in Linux's abstract namespace. */
	void listen_unix(const std::string &path) {
		detail::check(aw_server_listen_unix(get(), path.c_str()));
	}
	/**
	 * Listens on a socket that is bound, which it then owns; if this throws, the caller still does. The path of a
	 * Unix socket is removed when the server is closed.
	 */
	void listen_fd(int fd) {
		detail::check(aw_server_listen_fd(get(), fd));
	}
	/** Listens on the sockets that a service manager has passed. Returns how many. */
	int listen_inherited() {
		return detail::check(aw_server_listen_inherited(get()));
	}
	/** Accepts connections from now on. asyncio: Server.start_serving. */
	void start_serving() {
		detail::check(aw_server_start_serving(get()));
	}
	/** Serves until the task is cancelled or the server is closed. asyncio: Server.serve_forever. */
	operation<void> serve_forever() {
		return detail::make_operation<void>(
			[&](aw_coro **out) { return aw_server_serve_forever_coro(get(), out); });
	}
	/** Stops listening. Connections stay open. asyncio: Server.close. */
	void close() {
		detail::check(aw_server_close(get()));
	}
	/** Closes all connections. asyncio: Server.close_clients. */
	void close_clients() {
		detail::check(aw_server_close_clients(get()));
	}
	/** Aborts all connections. asyncio: Server.abort_clients. */
	void abort_clients() {
		detail::check(aw_server_abort_clients(get()));
	}
	/** Waits until the server and all its connections are closed. asyncio: Server.wait_closed. */
	operation<void> wait_closed() {
		return detail::make_operation<void>(
			[&](aw_coro **out) { return aw_server_wait_closed_coro(get(), out); });
	}
	bool is_serving() const noexcept {
		return aw_server_is_serving(get());
	}
	/** Returns how many connections are open. */
	size_t connections() const noexcept {
		return aw_server_connections(get());
	}
	/** Returns how many sockets it listens on. */
	size_t sockets() const noexcept {
		return aw_server_sockets(get());
	}
	/** Returns the descriptor of a socket, which remains the server's, or -1. */
	int socket(size_t index = 0) const noexcept {
		return aw_server_socket(get(), index);
	}
	/** Returns the port of a socket. */
	uint16_t port(size_t index = 0) const {
		return static_cast<uint16_t>(detail::check(aw_server_port(get(), index)));
	}
	/** asyncio: Server.get_loop. */
	loop get_loop() const noexcept {
		return loop(share, aw_server_loop(get()));
	}

private:
#ifdef LIBAWAIT_COROUTINES
	template <class F> static constexpr bool is_coroutine = detail::makes_co<std::decay_t<F> &, stream>;
	/** A coroutine that serves, with the function that made it. */
	template <class F> static co<void> serve_one(std::shared_ptr<F> serve, stream client);
#else
	template <class F> static constexpr bool is_coroutine = false;
#endif
	/** A function is kept as long as a coroutine of its runs. */
	template <class F>
	using kept = std::conditional_t<is_coroutine<F>, std::shared_ptr<std::decay_t<F>>, std::decay_t<F>>;
	template <class F> struct box {
		static void *make(F &&fn) {
			if constexpr (is_coroutine<F>)
				return new kept<F>(std::make_shared<std::decay_t<F>>(std::forward<F>(fn)));
			else
				return new kept<F>(std::forward<F>(fn));
		}
		static void destroy(void *ud) noexcept {
			delete static_cast<kept<F> *>(ud);
		}
	};
	template <class F> static aw_server_options raw_of(const server_options &how) noexcept {
		aw_server_options raw = how.raw();
		if (is_coroutine<F>) raw.flags |= AW_SERVER_CALLBACK;
		return raw;
	}
	template <class F> static aw_status client(aw_stream *raw, void *ud) noexcept {
		try {
			auto &serve = *static_cast<kept<F> *>(ud);
#ifdef LIBAWAIT_COROUTINES
			if constexpr (is_coroutine<F>)
				(void)spawn(serve_one(serve, stream(share, raw)));
			else
#endif
				serve(stream(share, raw));
			return 0;
		} catch (const leave_loop &) {
			return AW_ESYSTEMEXIT;
		} catch (...) {
			failure why = failure::current();
			if (!why) return -ENOMEM;
			if (aw_task_current()) return aw_raise_error(why.get());
			aw_loop_call_exception_handler(aw_loop_current(), "Unhandled exception in client_connected_cb",
			                               why.get(), nullptr);
			(void)aw_stream_abort(raw);
			return 0;
		}
	}
};

#ifdef LIBAWAIT_COROUTINES
template <class F> co<void> server::serve_one(std::shared_ptr<F> serve, stream client) {
	struct closing {
		stream &what;
		~closing() {
			(void)aw_stream_close(what.get());
		}
	} at_end{client};
	try {
		co_await (*serve)(client);
	} catch (const leave_loop &) {
		throw;
	} catch (const cancelled &) {
		throw;
	} catch (...) {
		failure why = failure::current();
		if (!why) throw;
		loop::current().call_exception_handler("Unhandled exception in client_connected_cb", why);
	}
}
#endif

/** Creates a server, listens on a host and service, and starts serving. asyncio.start_server. */
template <class F>
auto start_server(F &&serve, std::string host, const service &on,
                  const server_options &how = server_options(), const loop &of = {}) {
	struct call {
		server made;
		std::string host, on;
	};
	return detail::start_later<server>(
		call{server::create(std::forward<F>(serve), how, of), std::move(host), on.c_str()},
		[](call &self, aw_coro **out) {
			return aw_server_listen_coro(self.made.get(), detail::or_null(self.host), self.on.c_str(), out);
		},
		[](call &self, void *) {
			self.made.start_serving();
			return self.made;
		});
}
/** Creates a server that serves the connections to a Unix socket. asyncio.start_unix_server. */
template <class F>
server start_unix_server(F &&serve, const std::string &path, const server_options &how = server_options(),
                         const loop &of = {}) {
	return server::start_unix(std::forward<F>(serve), path, how, of);
}

} // namespace libawait

#endif
