// SPDX-License-Identifier: MIT
// Input and output in stackful tasks, in C++17 as well.
#include "io.hpp"

namespace {

class StackfulIo : public Case {};

TEST_F(StackfulIo, a_server_echoes_in_stackful_tasks) {
	aw::run([] {
		auto echo = [](aw::stream client) {
			while (true) {
				std::string_view line = aw::await(client.readline());
				if (line.empty()) break;
				client.write(line);
				aw::await(client.drain());
			}
		};
		auto server = aw::await(aw::start_server(echo, "127.0.0.1", 0));
		auto client = aw::await(aw::open_connection("127.0.0.1", server.port()));
		client.write("one\ntwo\n");
		EXPECT_EQ(aw::await(client.readline()), "one\n");
		EXPECT_EQ(aw::await(client.readline()), "two\n");
		client.write_eof();
		EXPECT_EQ(aw::await(client.readall()), "");
		client.close();
		aw::await(client.wait_closed());
		server.close();
		aw::await(server.wait_closed());
	});
}

TEST_F(StackfulIo, a_cancelled_read_takes_nothing) {
	aw::run([] {
		auto [one, other] = aw::stream::pair();
		EXPECT_THROW(aw::await(aw::stream().readline()), aw::error); /* can't even start */
		EXPECT_EQ(std::uncaught_exceptions(), 0);
		EXPECT_THROW(aw::await(aw::wait_for(other.readline(), 10ms)), aw::timed_out);
		EXPECT_THROW(aw::await(aw::wait_for(other.read(10), 10ms)), aw::timed_out);
		auto reading = aw::spawn(other.readline());
		aw::await(aw::sleep(0s));
		EXPECT_THROW(aw::await(other.readline()), aw::error); /* one reads at a time */
		reading.cancel();
		EXPECT_THROW(aw::await(reading), aw::cancelled);
		one.write("line\n");
		EXPECT_EQ(aw::await(aw::wait_for(other.readline(), 1s)), "line\n");
		one.abort();
		other.abort();
	});
}

TEST_F(StackfulIo, addresses) {
	EXPECT_EQ(aw::address::ip("::1", 80).str(), "[::1]:80");
	EXPECT_EQ(aw::address::ip("10.0.0.1", 80).str(), "10.0.0.1:80");
	EXPECT_EQ(aw::address::ip("fe80::1%1", 1).host(), "fe80::1%1");
	EXPECT_EQ(aw::address::unix_path("/tmp/x").path(), "/tmp/x");
	EXPECT_EQ(aw::address::unix_path("@x").path(), "@x");
	EXPECT_EQ(aw::address::unix_path("@x").family(), AF_UNIX);
	EXPECT_NE(aw::address::ip("::1", 80), aw::address::ip("::1", 81));
	EXPECT_FALSE(aw::address());
	EXPECT_THROW(aw::address::ip("localhost", 1), aw::error);
	EXPECT_THROW(aw::address::ip("fe80::1%no-such", 1), aw::error);
	EXPECT_THROW(aw::address::unix_path(std::string(200, 'x')), aw::error);
	EXPECT_THROW(aw::address::unix_path(""), aw::error);
}

TEST_F(StackfulIo, files) {
	aw::run([] {
		folder in;
		aw::await(aw::replace_file(in / "file", "text"));
		aw::file file = aw::await(aw::file::open(in / "file"));
		EXPECT_EQ(aw::await(file.read(100)), "text");
		auto task = aw::spawn(aw::file::open(in / "file"));
		aw::file other = aw::await(task);
		EXPECT_EQ(other, task.result()); /* a copy of the handle */
		aw::await(other.close());
		aw::await(file.close());
		EXPECT_THROW(aw::await(file.read(1)), aw::error);
	});
}

TEST_F(StackfulIo, call_a_protocol) {
	class noting : public aw::datagram_protocol {
	public:
		void connection_made(aw::datagram with) override {
			text += "made ";
			on = std::move(with);
		}
		void datagram_received(aw::bytes_view data, const aw::address &from) override {
			text += data.str() + " ";
			on.sendto(data, from);
			if (data == "throw") throw sunk{1};
			on.close();
		}
		void connection_lost(std::error_code why) override {
			text += why ? why.message() : "lost";
			on = {};
		}
		std::string text;
		aw::datagram on;
	};
	aw::run([] {
		int reported = 0;
		aw::loop::current().set_exception_handler([&](const aw::report &) { reported++; });
		auto to = std::make_shared<noting>();
		auto server = aw::await(aw::create_datagram_endpoint(to, aw::datagram_options().local("127.0.0.1")));
		auto client = aw::await(
			aw::datagram::open(aw::datagram_options().remote("127.0.0.1", server.getsockname().port())));
		client.sendto("throw");
		EXPECT_EQ(aw::await(client.recv_from()).data, "throw");
		EXPECT_EQ(reported, 1);
		client.sendto("data");
		aw::await(server.wait_closed());
		EXPECT_EQ(to->text, "made throw data lost");
		client.abort();
		aw::await(client.wait_closed());
	});
}

} // namespace
