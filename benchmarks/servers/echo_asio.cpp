// SPDX-License-Identifier: MIT
// An echo server on Boost.Asio, with callbacks on one thread. usage: bench-echo-asio LISTENER
#include <utility> // Boost 1.74 forgets it

#include <array>
#include <boost/asio.hpp>
#include <cstdlib>
#include <memory>

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;

namespace {

struct connection : std::enable_shared_from_this<connection> {
	explicit connection(tcp::socket accepted) : socket(std::move(accepted)) {
		socket.set_option(tcp::no_delay(true));
	}

	void read() {
		socket.async_read_some(asio::buffer(data),
		                       [self = shared_from_this()](error_code error, std::size_t count) {
								   if (!error) self->write(count);
							   });
	}

	void write(std::size_t count) {
		asio::async_write(socket, asio::buffer(data, count),
		                  [self = shared_from_this()](error_code error, std::size_t) {
							  if (!error) self->read();
						  });
	}

	tcp::socket socket;
	std::array<char, 64 * 1024> data;
};

void accept(tcp::acceptor &from) {
	from.async_accept([&from](error_code error, tcp::socket socket) {
		if (!error) std::make_shared<connection>(std::move(socket))->read();
		accept(from);
	});
}

} // namespace

int main(int argc, char **argv) {
	if (argc != 2) return 2;
	asio::io_context loop(1); // one thread runs it
	tcp::acceptor acceptor(loop, tcp::v4(), std::atoi(argv[1]));
	accept(acceptor);
	loop.run();
}
