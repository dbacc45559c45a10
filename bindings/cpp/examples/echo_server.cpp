// SPDX-License-Identifier: MIT
// An echo server: sends back what it receives, until it is interrupted. usage: echo_server [PORT]
#include <await/await.hpp>
#include <csignal>
#include <iostream>

libawait::co<void> echo(libawait::stream client) {
	char buffer[4096];
	while (size_t count = co_await client.read(libawait::buffer_view(buffer, sizeof buffer)))
		co_await client.send(libawait::bytes_view(buffer, count));
}

libawait::co<void> serve(int port) {
	auto server = co_await libawait::start_server(echo, "127.0.0.1", port);
	std::cout << "listening on " << server.port() << std::endl;
	for (int number : {SIGINT, SIGTERM})
		libawait::loop::current().add_signal_handler(number, [server]() mutable { server.close(); });
	co_await server.serve_forever();
	server.close_clients();
	co_await server.wait_closed();
	std::cout << "closed" << std::endl;
}

int main(int argc, char **argv) {
	try {
		libawait::run(serve(argc > 1 ? std::atoi(argv[1]) : 0));
	} catch (const libawait::error &e) {
		std::cerr << e.what() << std::endl;
		return 1;
	}
}
