// SPDX-License-Identifier: MIT
// Streams, clients and servers: in coroutines and in stackful tasks.
#include "io.hpp"

#include <await/thread.hpp>
#include <poll.h>

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

TEST_F(Streams, a_server_echoes_in_stackful_tasks) {
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

} // namespace
