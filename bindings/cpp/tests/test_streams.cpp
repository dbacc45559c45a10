// SPDX-License-Identifier: MIT
// Streams, clients and servers: in coroutines and in stackful tasks.
#include "io.hpp"

#include <array>
#include <fcntl.h>
#include <sys/socket.h>
#if __cplusplus >= 202002L
#include <span>
#endif

namespace {

class Streams : public Case {};

TEST_F(Streams, a_server_echoes_in_coroutines) {
	aw::run([]() -> aw::co<void> {
		auto echo = [](aw::stream client) -> aw::co<void> {
			while (true) {
				std::string line(co_await client.readline());
				if (line.empty()) break;
				client.write(line);
				co_await client.drain();
			}
		};
		auto server = co_await aw::start_server(echo, "127.0.0.1", 0);
		EXPECT_TRUE(server.is_serving());
		EXPECT_EQ(server.sockets(), 1u);
		auto client = co_await aw::open_connection("127.0.0.1", server.port());
		EXPECT_EQ(client.kind(), "tcp");
		EXPECT_EQ(client.getpeername(), aw::address::ip("127.0.0.1", server.port()));
		EXPECT_EQ(client.getsockname().host(), "127.0.0.1");
		client.write("one\ntwo\n");
		EXPECT_EQ(co_await client.readline(), "one\n");
		EXPECT_EQ(co_await client.readline(), "two\n");
		EXPECT_EQ(server.connections(), 1u);
		client.write_eof();
		EXPECT_EQ(co_await client.readall(), "");
		client.close();
		co_await client.wait_closed();
		server.close();
		co_await server.wait_closed();
	});
}

TEST_F(Streams, read_in_all_ways) {
	aw::run([]() -> aw::co<void> {
		auto [one, other] = aw::stream::pair();
		one.write("first\nkey: value\r\n\r\n12345rest");
		EXPECT_EQ(co_await other.peek(3), other.view());
		std::string_view line = co_await other.readline();
		EXPECT_EQ(line, "first\n");
		EXPECT_EQ(co_await other.readuntil("\r\n"), "key: value\r\n");
		std::vector<aw::bytes_view> separators{";", "\r\n"};
		EXPECT_EQ(co_await other.readuntil_any(separators), "\r\n");
		EXPECT_EQ(co_await other.readexactly(3), "123");
		std::array<char, 2> two{};
		EXPECT_EQ(co_await other.readexactly(two), 2u);
		EXPECT_EQ(two[1], '5');
		EXPECT_EQ(co_await other.read(2), "re");
		char letter = 0;
		EXPECT_EQ(co_await other.read(aw::buffer_view(&letter, 1)), 1u);
		EXPECT_EQ(letter, 's');
		std::span<const std::byte> left = other.view();
		EXPECT_EQ(left.size(), 1u);
		other.consume(1);
		EXPECT_FALSE(other.at_eof());
		one.write_eof();
		EXPECT_EQ(co_await other.read(9), "");
		EXPECT_TRUE(other.at_eof());
		bool incomplete = false;
		try {
			co_await other.readexactly(4);
		} catch (const aw::error &e) {
			incomplete = e.code() == AW_EINCOMPLETE;
		}
		EXPECT_TRUE(incomplete);
		EXPECT_EQ(other.bytes_read(), one.bytes_written());
		one.abort();
		other.abort();
	});
}

TEST_F(Streams, write_in_all_ways) {
	aw::run([]() -> aw::co<void> {
		auto [one, other] = aw::stream::pair(aw::stream_options().water_marks(1000, 100));
		EXPECT_EQ(one.write_buffer_limits(), std::pair(size_t{100}, size_t{1000}));
		one.set_write_buffer_limits(2000, 10);
		one.set_write_buffer_limits();
		std::vector<unsigned char> bytes{'a', 'b'};
		std::vector<aw::bytes_view> parts{bytes, "cd", std::string_view("ef")};
		one.writelines(parts);
		EXPECT_EQ(co_await other.readexactly(6), "abcdef");
		const std::string much(1 << 20, 'x');
		auto sending = aw::spawn([&, one = one]() mutable -> aw::co<void> { co_await one.send(much); });
		EXPECT_EQ(co_await other.readexactly(much.size()), much);
		co_await sending;
		one.write(much);
		EXPECT_GT(one.write_buffer_size(), 0u);
		auto drained = aw::spawn(one.drain());
		EXPECT_EQ(co_await other.readexactly(much.size()), much);
		co_await drained;
		EXPECT_TRUE(one.can_write_eof());
		other.pause_reading();
		EXPECT_FALSE(other.is_reading());
		other.resume_reading();
		EXPECT_TRUE(other.is_reading());
		one.close();
		EXPECT_TRUE(one.is_closing());
		other.close();
		co_await one.wait_closed();
		co_await other.wait_closed(1s);
	});
}

TEST_F(Streams, a_cancelled_send_tells_how_much) {
	aw::run([]() -> aw::co<void> {
		auto [one, other] = aw::stream::pair();
		const std::string much(1 << 20, 'x');
		size_t sent = 0;
		bool late = false;
		try {
			co_await aw::wait_for(one.send(much, &sent), 10ms);
		} catch (const aw::timed_out &) {
			late = true;
		}
		EXPECT_TRUE(late);
		EXPECT_GT(sent, 0u);
		EXPECT_LT(sent, much.size());
		one.close();
		auto got = co_await other.readall();
		EXPECT_EQ(got.size(), sent);
		other.close();
		co_await one.wait_closed();
	});
}

TEST_F(Streams, operations_are_tasks_as_well) {
	aw::run([]() -> aw::co<void> {
		auto [one, other] = aw::stream::pair();
		auto task = aw::spawn(other.readexactly(3));
		one.write("abc");
		EXPECT_EQ(co_await task, "abc");
		one.write("line\n");
		auto [line, drained] = co_await aw::gather(other.readline(), one.drain());
		EXPECT_EQ(line.text(), "line\n");
		EXPECT_EQ(drained, std::monostate());
		one.abort();
		other.abort();
	});
}

TEST_F(Streams, a_frame_that_waits_is_destroyed_with_its_loop) {
	int living = 0;
	{
		open_loop of;
		auto waits = [](aw::stream on, counted) -> aw::co<void> {
			try {
				co_await on.readline();
			} catch (...) {
				ADD_FAILURE() << "nobody resumes it";
			}
		};
		auto sends = [](aw::stream on, counted) -> aw::co<void> {
			size_t sent = 0;
			const std::string much(1 << 20, 'x');
			co_await on.send(much, &sent);
		};
		auto connects = [](counted) -> aw::co<void> {
			co_await aw::open_connection("127.0.0.1", 1, aw::connect_options().prepare([](int) {}));
		};
		auto [one, other] = aw::stream::pair({}, of);
		auto first = aw::spawn(of, waits(one, counted(living)));
		auto second = aw::spawn(of, sends(one, counted(living)));
		of->run_once(0s);
		of->run_once(0s);
		auto third = aw::spawn(of, connects(counted(living)));
		of->run_once(0s);
		EXPECT_GE(living, 2);
		of->close();
		EXPECT_EQ(living, 0);
	}
}

TEST_F(Streams, copy_and_send_files) {
	aw::run([]() -> aw::co<void> {
		folder in;
		const std::string much(300000, 'y');
		int fd = open((in / "file").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
		EXPECT_EQ(write(fd, much.data(), much.size()), static_cast<ssize_t>(much.size()));
		auto [a, b] = aw::stream::pair();
		auto [c, d] = aw::stream::pair();
		auto copying = aw::spawn(b.copy_to(c));
		auto reading = aw::spawn(d.readexactly(much.size() - 1));
		EXPECT_EQ(co_await a.sendfile(fd, 1), much.size() - 1);
		a.close();
		EXPECT_EQ((co_await reading).size(), much.size() - 1);
		aw::copied done = co_await copying;
		EXPECT_EQ(done.count, much.size() - 1);
		EXPECT_EQ(done.way, uint32_t{AW_COPY_BUFFER});
		aw::copied progress;
		auto [e, f] = aw::stream::pair();
		e.write("abc");
		try {
			co_await aw::wait_for(f.copy_to(c, -1, AW_COPY_NO_SPLICE, &progress), 10ms);
		} catch (const aw::timed_out &) {
		}
		EXPECT_EQ(progress.count, 3u);
		for (aw::stream *each : {&b, &c, &d, &e, &f}) each->abort();
		close(fd);
	});
}

TEST_F(Streams, without_a_buffer) {
	aw::run([]() -> aw::co<void> {
		int fds[2];
		EXPECT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
		auto one = aw::stream::from_fd(fds[0], aw::stream_options().flags(AW_STREAM_NO_READ_AHEAD));
		auto other = aw::stream::from_fd(fds[1]);
		EXPECT_EQ(one.fd(), fds[0]);
		EXPECT_EQ(one.peer_credentials().pid, getpid());
		char buffer[8];
		EXPECT_EQ(one.try_read(aw::buffer_view(buffer, sizeof buffer)), std::nullopt);
		EXPECT_EQ(other.try_write("hey"), 3u);
		EXPECT_EQ(co_await one.wait_ready(AW_POLL_IN), uint32_t{AW_POLL_IN});
		EXPECT_EQ(one.try_read(aw::buffer_view(buffer, sizeof buffer)), 3u);
		one.close();
		other.close();
		co_await one.wait_closed();
		EXPECT_THROW(aw::stream::from_fd(-1), aw::error);
	});
}

/** Changes what passes: the letters move by 13. What is written can be read. */
class rot13 : public aw::stream_layer {
public:
	static constexpr const char *kind = "rot13";

	explicit rot13(int &living) : count_(living) {}
	std::optional<size_t> read(aw::buffer_view to) {
		if (fails) throw sunk{7};
		if (held.empty()) return ended ? std::optional<size_t>(0) : std::nullopt;
		size_t count = std::min(to.size(), held.size());
		std::memcpy(to.data(), held.data(), count);
		held.erase(0, count);
		return count;
	}
	std::optional<size_t> write(aw::bytes_view data) {
		size_t count = std::min<size_t>(data.size(), 5); /* a part at a time */
		for (char letter : data.text().substr(0, count))
			held += !std::isalpha(letter)             ? letter
			        : std::tolower(letter) - 'a' < 13 ? static_cast<char>(letter + 13)
			                                          : static_cast<char>(letter - 13);
		tell_later();
		return count;
	}
	void watch(uint32_t events) {
		wanted = events ? wanted | events : 0;
		tell_later();
	}
	bool shutdown_write() {
		ended = true;
		tell_later();
		return true;
	}
	bool close(bool) {
		return true;
	}

	std::string held;
	uint32_t wanted = 0;
	bool ended = false, fails = false;

private:
	void tell_later() {
		aw::loop::current().call_soon([this, alive = std::weak_ptr<int>(alive_)] {
			if (alive.expired()) return;
			bool readable = !held.empty() || ended || fails;
			uint32_t now = wanted & (readable ? uint32_t{AW_POLL_IN | AW_POLL_OUT} : uint32_t{AW_POLL_OUT});
			wanted &= ~now;
			if (now) ready(now);
		});
	}

	counted count_;
	std::shared_ptr<int> alive_ = std::make_shared<int>(0);
};

TEST_F(Streams, over_a_layer_of_the_program) {
	int living = 0;
	aw::run([&]() -> aw::co<void> {
		auto on = aw::stream::over(std::make_unique<rot13>(living));
		EXPECT_EQ(on.kind(), "rot13");
		EXPECT_EQ(on.fd(), -1);
		EXPECT_TRUE(on.can_write_eof());
		EXPECT_NE(on.layer<rot13>(), nullptr);
		on.write("Uryyb, jbeyq\n");
		EXPECT_EQ(co_await on.readline(), "Hello, world\n");
		on.write_eof();
		EXPECT_EQ(co_await on.readline(), "");
		on.close();
		co_await on.wait_closed();
		EXPECT_EQ(on.layer<rot13>(), nullptr);
		EXPECT_EQ(living, 0);

		auto bad = aw::stream::over(std::make_unique<rot13>(living));
		auto reading = aw::spawn(bad.readline());
		co_await aw::sleep(0s);
		bad.layer<rot13>()->fails = true;
		bad.layer<rot13>()->ready(AW_POLL_IN);
		int depth = 0;
		try {
			co_await reading;
		} catch (const sunk &e) {
			depth = e.depth; /* the very exception */
		}
		EXPECT_EQ(depth, 7);
		bad.abort();
	});
	EXPECT_EQ(living, 0);
}

/** Notes what happens to it. */
class noting : public aw::protocol {
public:
	explicit noting(std::string &to) : to_(to) {}
	void connection_made(aw::stream on) override {
		to_ += "made ";
		on.write("hello");
	}
	void data_received(aw::bytes_view data) override {
		to_ += data.str() + " ";
		if (data == "throw") throw sunk{1};
	}
	bool eof_received() override {
		to_ += "eof ";
		return false;
	}
	void connection_lost(std::error_code why) override {
		to_ += why ? why.message() : "lost";
		done.set_result();
	}
	aw::future<void> done = aw::future<void>::create();

private:
	std::string &to_;
};

TEST_F(Streams, protocols_get_what_happens) {
	aw::run([]() -> aw::co<void> {
		std::string notes;
		auto [one, other] = aw::stream::pair();
		auto to = std::make_shared<noting>(notes);
		aw::set_protocol(one, to);
		EXPECT_EQ(co_await other.readexactly(5), "hello");
		other.write("data");
		co_await aw::sleep(1ms);
		other.close();
		co_await to->done;
		EXPECT_EQ(notes, "made data eof lost");
		co_await other.wait_closed();
	});
}

TEST_F(Streams, a_protocol_that_throws_is_reported_and_its_stream_aborted) {
	aw::run([]() -> aw::co<void> {
		std::string notes;
		int depth = 0;
		aw::loop::current().set_exception_handler([&](const aw::report &what) {
			try {
				std::rethrow_exception(what.exception());
			} catch (const sunk &e) {
				depth = e.depth;
			}
		});
		auto [one, other] = aw::stream::pair();
		auto to = std::make_shared<noting>(notes);
		aw::set_protocol(one, to);
		other.write("throw");
		co_await to->done;
		EXPECT_EQ(depth, 1);
		EXPECT_TRUE(one.is_closing());
		other.abort();
	});
}

TEST_F(Streams, buffered_and_layered_protocols) {
	class buffered : public aw::buffered_protocol {
	public:
		aw::buffer_view get_buffer(size_t) override {
			return room;
		}
		void buffer_updated(size_t count) override {
			got.append(room.data(), count);
		}
		std::array<char, 4> room{};
		std::string got;
	};
	class layered : public aw::layered_protocol {
	public:
		void data_available(aw::stream from, size_t length) override {
			if (length < 4) return;
			got += from.view().str();
			from.consume(length);
		}
		std::string got;
	};
	aw::run([]() -> aw::co<void> {
		auto [one, other] = aw::stream::pair();
		auto first = std::make_shared<buffered>();
		auto second = std::make_shared<layered>();
		aw::set_protocol(one, first);
		aw::set_protocol(other, second);
		one.write("ab");
		other.write("0123456789");
		co_await aw::sleep(1ms);
		EXPECT_EQ(first->got, "0123456789");
		EXPECT_EQ(second->got, "");
		one.write("cd");
		co_await aw::sleep(1ms);
		EXPECT_EQ(second->got, "abcd");
		aw::set_protocol(other, nullptr);
		one.write("xyz");
		EXPECT_EQ(co_await other.readexactly(3), "xyz");
		one.abort();
		other.abort();
	});
}

TEST_F(Streams, a_server_with_a_protocol) {
	aw::run([]() -> aw::co<void> {
		std::string notes;
		std::shared_ptr<noting> to;
		auto serve = [&](aw::stream client) {
			to = std::make_shared<noting>(notes);
			aw::set_protocol(client, to);
		};
		auto server = aw::start_unix_server(serve, "@await-cpp-" + std::to_string(getpid()),
		                                    aw::server_options().flags(AW_SERVER_CALLBACK));
		EXPECT_THROW(server.port(), aw::error);
		auto client = co_await aw::open_unix_connection("@await-cpp-" + std::to_string(getpid()));
		EXPECT_EQ(client.kind(), "unix");
		EXPECT_EQ(co_await client.readexactly(5), "hello");
		client.close();
		co_await client.wait_closed();
		co_await to->done;
		EXPECT_EQ(notes, "made eof lost");
		server.close();
		co_await server.wait_closed();
	});
}

TEST_F(Streams, a_handler_that_fails_ends_its_connection_only) {
	for (bool coroutine : {true, false}) {
		aw::run([&]() -> aw::co<void> {
			int reported = 0;
			aw::loop::current().set_exception_handler([&](const aw::report &what) {
				try {
					std::rethrow_exception(what.exception());
				} catch (const sunk &e) {
					reported += e.depth;
				}
			});
			auto fails = [](aw::stream client) -> aw::co<void> {
				std::string line(co_await client.readline());
				if (line == "sink\n") throw sunk{5};
				client.write(line);
				co_await client.drain();
			};
			auto on_stack = [](aw::stream client) {
				std::string line(aw::await(client.readline()));
				if (line == "sink\n") throw sunk{5};
				client.write(line);
				aw::await(client.drain());
			};
			auto server = aw::server::create(fails);
			if (!coroutine) server = aw::server::create(on_stack);
			co_await server.listen("127.0.0.1", 0);
			server.start_serving();
			auto bad = co_await aw::open_connection("127.0.0.1", server.port());
			auto good = co_await aw::open_connection("127.0.0.1", server.port());
			bad.write("sink\n");
			EXPECT_EQ(co_await bad.readall(), "");
			EXPECT_EQ(reported, 5);
			good.write("swim\n");
			EXPECT_EQ(co_await good.readall(), "swim\n");
			bad.close();
			good.close();
			auto serving = aw::spawn(server.serve_forever());
			co_await aw::sleep(0s);
			serving.cancel();
			bool stopped = false;
			try {
				co_await serving;
			} catch (const aw::cancelled &) {
				stopped = true;
			}
			EXPECT_TRUE(stopped);
			EXPECT_FALSE(server.is_serving());
			server.abort_clients();
			co_await server.wait_closed();
		});
	}
}

TEST_F(Streams, connections_that_fail) {
	aw::run([]() -> aw::co<void> {
		int prepared = 0;
		std::error_code why;
		int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
		aw::address at = aw::address::ip("127.0.0.1", 0);
		EXPECT_EQ(bind(fd, at.get(), at.length()), 0);
		socklen_t length = sizeof(sockaddr_in);
		sockaddr_in bound{};
		getsockname(fd, reinterpret_cast<sockaddr *>(&bound), &length);
		at = aw::address(reinterpret_cast<sockaddr *>(&bound), length);
		try { /* bound, and nobody listens */
			co_await aw::open_connection(
				"127.0.0.1", at.port(),
				aw::connect_options().family(AF_INET).prepare([&](int) { prepared++; }));
		} catch (const aw::error &e) {
			why = e.code();
			EXPECT_NE(std::string(e.what()).find(std::to_string(at.port())), std::string::npos) << e.what();
		}
		EXPECT_EQ(why, std::errc::connection_refused);
		EXPECT_EQ(prepared, 1);
		close(fd);
		try {
			co_await aw::open_unix_connection("/nonexistent/socket");
		} catch (const aw::error &e) {
			why = e.code();
		}
		EXPECT_EQ(why, std::errc::no_such_file_or_directory);
	});
}

} // namespace
