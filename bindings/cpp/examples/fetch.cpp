// SPDX-License-Identifier: MIT
// Prints the status and the headers of a web page, and how long it is. usage: fetch HOST PORT [PATH]
#include <await/await.hpp>
#include <iostream>
using namespace std::chrono_literals;

libawait::co<void> fetch(std::string host, std::string port, std::string path) {
	auto server = co_await libawait::open_connection(host, port, libawait::connect_options().timeout(5s));
	server.write("GET " + path + " HTTP/1.0\r\nHost: " + host + "\r\n\r\n");
	while (true) {
		std::string_view line = co_await server.readuntil("\r\n");
		if (line == "\r\n") break;
		std::cout << line.substr(0, line.size() - 2) << '\n';
	}
	uint64_t length = 0;
	while (size_t count = (co_await server.read(64 * 1024)).size()) length += count;
	std::cout << length << " bytes" << std::endl;
	server.close();
	co_await server.wait_closed();
}

int main(int argc, char **argv) {
	if (argc < 3) return std::cerr << "usage: fetch HOST PORT [PATH]\n", 2;
	try {
		libawait::run(
			[&] { return libawait::wait_for(fetch(argv[1], argv[2], argc > 3 ? argv[3] : "/"), 10s); });
	} catch (const libawait::error &e) {
		std::cerr << e.what() << std::endl;
		return 1;
	}
}
