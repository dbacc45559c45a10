// SPDX-License-Identifier: MIT
// An echo server: sends back what it receives, until it is interrupted. usage: echo_server [HOST [PORT]]
#include <await/await.hpp>
#include <csignal>
#include <iostream>

libawait::co<void> echo(libawait::stream client) {
	std::vector<char> buffer(64 * 1024);
	try {
		while (size_t count = co_await client.read(buffer))
			co_await client.send(libawait::bytes_view(buffer.data(), count));
	} catch (const libawait::error &e) {
		if (e.code() != std::errc::connection_reset && e.code() != std::errc::broken_pipe) throw;
	}
}

libawait::co<void> serve(std::string host, std::string port) {
	auto server = co_await libawait::start_server(echo, host, port);
	std::cout << "listening on " << host << " port " << server.port() << std::endl;
	for (int number : {SIGINT, SIGTERM})
		libawait::loop::current().add_signal_handler(number, [server]() mutable { server.close(); });
	co_await server.serve_forever();
	server.abort_clients();
	co_await server.wait_closed();
}

int main(int argc, char **argv) {
	try {
		libawait::run(serve(argc > 1 ? argv[1] : "127.0.0.1", argc > 2 ? argv[2] : "8888"));
	} catch (const libawait::error &e) {
		std::cerr << e.what() << std::endl;
		return 1;
	}
}
