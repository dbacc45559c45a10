// SPDX-License-Identifier: MIT
// Files, watching, children as streams, terminals, names, sockets, and operations of other libraries.
#include "io.hpp"

#include <fcntl.h>
#include <sys/socket.h>
#include <thread>

namespace {

class Files : public Case {};

TEST_F(Files, read_and_write) {
	aw::run([]() -> aw::co<void> {
		folder in;
		aw::file file = co_await aw::file::open(in / "file", AW_FILE_READ | AW_FILE_WRITE | AW_FILE_CREATE);
		EXPECT_GE(file.fd(), 0);
		uint64_t written = 0;
		co_await file.write("0123456789", &written);
		EXPECT_EQ(written, 10u);
		EXPECT_EQ(file.tell(), 10);
		co_await file.write_at("AB", 2);
		std::vector<aw::bytes_view> parts{"x", "yz"};
		co_await file.writev(parts);
		co_await file.writev(parts, 5);
		co_await file.sync(AW_FILE_SYNC_DATA);
		EXPECT_EQ(file.seek(0), 0);
		EXPECT_EQ(co_await file.read(4), "01AB");
		char four[4], two[2];
		EXPECT_EQ(co_await file.read(aw::buffer_view(four, 4)), 4u);
		EXPECT_EQ(std::string_view(four, 4), "4xyz");
		EXPECT_EQ(co_await file.read_at(aw::buffer_view(two, 2), 12), 1u);
		std::vector<aw::buffer_view> rooms{{two, 2}, {four, 4}};
		EXPECT_EQ(co_await file.readv(rooms, 0), 6u);
		EXPECT_EQ(std::string_view(two, 2), "01");
		aw_file_info info = co_await file.stat();
		EXPECT_EQ(info.length, 13u);
		EXPECT_EQ(info.kind, uint32_t{AW_FILE_KIND_REGULAR});
		co_await file.truncate(3);
		EXPECT_EQ(file.seek(0, AW_FILE_FROM_END), 3);
		EXPECT_EQ(co_await file.read(4), "");
		co_await file.close();
		EXPECT_EQ(file.tell(), -1);
		EXPECT_EQ(co_await aw::read_file(in / "file"), "01A");
		bool refused = false;
		try {
			co_await aw::file::open(in / "missing");
		} catch (const aw::error &e) {
			refused = e.code() == std::errc::no_such_file_or_directory;
			EXPECT_NE(std::string(e.what()).find("missing"), std::string::npos) << e.what();
		}
		EXPECT_TRUE(refused);
		int fd = ::open((in / "file").c_str(), O_RDONLY | O_CLOEXEC);
		aw::file adopted = aw::file::adopt_fd(fd);
		EXPECT_EQ(adopted.take_fd(), fd);
		close(fd);
	});
}

TEST_F(Files, paths) {
	aw::run([]() -> aw::co<void> {
		folder in;
		co_await aw::path_mkdir(in / "a/b", 0777, AW_PATH_PARENTS);
		co_await aw::replace_file(in / "a/one", "1");
		co_await aw::path_rename(in / "a/one", in / "a/two");
		co_await aw::path_link(in / "a/two", in / "a/b/three");
		co_await aw::path_symlink("two", in / "a/link");
		EXPECT_EQ(co_await aw::path_readlink(in / "a/link"), "two");
		aw_file_info info = co_await aw::path_stat(in / "a/link");
		EXPECT_EQ(info.links, 2u);
		info = co_await aw::path_stat(in / "a/link", AW_PATH_NOFOLLOW);
		EXPECT_EQ(info.kind, uint32_t{AW_FILE_KIND_SYMLINK});

		std::vector<std::string> names;
		aw::walk all(in / "a");
		while (auto entry = co_await all.next()) {
			EXPECT_FALSE(entry->error);
			names.push_back(entry->path.substr(in.path().size()) + "@" + std::to_string(entry->depth));
		}
		std::sort(names.begin(), names.end());
		EXPECT_EQ(names, (std::vector<std::string>{"/a/b/three@1", "/a/b@0", "/a/link@0", "/a/two@0"}));
		bool missing = false;
		try {
			aw::walk none(in / "none");
			co_await none.next();
		} catch (const aw::error &e) {
			missing = e.code() == std::errc::no_such_file_or_directory;
		}
		EXPECT_TRUE(missing);

		aw::file directory = co_await aw::file::open(in / "a", AW_FILE_READ | AW_FILE_DIRECTORY);
		aw::file two = co_await directory.open_at("two");
		EXPECT_EQ(co_await two.read(9), "1");
		co_await two.close();
		co_await directory.sync();
		co_await directory.close();
		co_await aw::path_unlink(in / "a/b/three");
		co_await aw::path_rmdir(in / "a/b");

		auto [temporary, name] = co_await aw::open_temp(in / "temp-");
		EXPECT_EQ(name.find(in / "temp-"), 0u);
		co_await temporary.write("t");
		co_await temporary.close();
		EXPECT_EQ(co_await aw::read_file(name), "t");
		std::string made = co_await aw::make_temp_directory(in / "dir-");
		info = co_await aw::path_stat(made);
		EXPECT_EQ(info.kind, uint32_t{AW_FILE_KIND_DIRECTORY});
		bool large = false;
		try {
			co_await aw::read_file("/proc/self/maps", 10);
		} catch (const aw::error &e) {
			large = e.code() == std::errc::file_too_large;
		}
		EXPECT_TRUE(large);
	});
}

TEST_F(Files, a_loop_that_closes_meanwhile) {
	folder in;
	std::ofstream(in / "file") << std::string(1 << 20, 'x');
	int living = 0;
	{
		open_loop of;
		auto reads = [&](counted) -> aw::co<void> {
			std::string text = co_await aw::read_file(in / "file");
			aw::walk all(in.path());
			co_await all.next();
			aw::file file = co_await aw::file::open(in / "file");
			co_await file.read(1 << 20);
			co_await aw::sleep(1h);
		};
		std::vector<aw::task<void>> tasks;
		for (int i = 0; i < 8; i++) {
			tasks.push_back(aw::spawn(of, reads(counted(living))));
			of->run_once(0s);
		}
		of->close();
		EXPECT_EQ(living, 0);
	}
}

TEST_F(Files, are_watched) {
	aw::run([]() -> aw::co<void> {
		folder in;
		auto watch = aw::watch::create();
		co_await watch.add(in.path(), AW_WATCH_CREATED | AW_WATCH_MOVED, AW_WATCH_TREE);
		auto next = aw::spawn(watch.next());
		co_await aw::path_mkdir(in / "d");
		aw::watch_event event = co_await next;
		EXPECT_EQ(event.path, in / "d");
		EXPECT_TRUE(event.is_directory);
		EXPECT_EQ(event.kinds, uint32_t{AW_WATCH_CREATED});
		co_await aw::path_rename(in / "d", in / "e");
		event = co_await watch.next();
		EXPECT_EQ(event.path, in / "e");
		EXPECT_EQ(event.old_path, in / "d");
		bool late = false;
		try {
			co_await aw::wait_for(watch.next(), 1ms);
		} catch (const aw::timed_out &) {
			late = true;
		}
		EXPECT_TRUE(late);
		co_await watch.remove(in.path());
	});
}

class Children : public Case {};

TEST_F(Children, talk_through_streams) {
	aw::run([]() -> aw::co<void> {
		auto child = aw::process::exec({"cat"}, aw::process_options().pipe(0).pipe(1));
		auto to = child.take_stream(0), from = child.take_stream(1);
		to.write("ping\n");
		EXPECT_EQ(co_await from.readline(), "ping\n");
		to.close();
		EXPECT_EQ(co_await from.readall(), "");
		from.close();
		EXPECT_EQ(co_await child.wait(), 0);
		EXPECT_THROW(child.take_stream(1), aw::error);
		co_await to.wait_closed();
		co_await from.wait_closed();
	});
}

TEST_F(Children, tell_a_protocol) {
	class noting : public aw::process_protocol {
	public:
		void pipe_data_received(int number, aw::bytes_view data) override {
			text += std::to_string(number) + data.str();
		}
		void pipe_connection_lost(int, std::error_code why) override {
			EXPECT_FALSE(why);
			closed++;
		}
		void process_exited() override {
			exited = true;
		}
		void connection_lost(std::error_code) override {
			done.set_result();
		}
		std::string text;
		int closed = 0;
		bool exited = false;
		aw::future<void> done = aw::future<void>::create();
	};
	aw::run([]() -> aw::co<void> {
		auto to = std::make_shared<noting>();
		auto child = aw::process::shell("echo hi", aw::process_options().pipe(1));
		child.set_protocol(to);
		co_await to->done;
		EXPECT_EQ(to->text, "1hi\n");
		EXPECT_EQ(to->closed, 1);
		EXPECT_TRUE(to->exited);
		EXPECT_EQ(child.returncode(), 0);
	});
}

TEST_F(Children, have_a_terminal) {
	aw::run([]() -> aw::co<void> {
		aw::pty terminal(aw::terminal_size{24, 80});
		EXPECT_EQ(terminal.size().columns, 80);
		terminal.set_size({30, 100});
		EXPECT_EQ(aw::pty::size_of(terminal.terminal()).rows, 30);
		EXPECT_EQ(terminal.name().find("/dev/"), 0u);
		auto child =
			aw::process::shell("test -t 0 && stty size", aw::process_options().terminal(terminal.terminal()));
		terminal.close_terminal();
		auto master = terminal.take_stream();
		EXPECT_EQ(co_await master.readline(), "30 100\r\n");
		EXPECT_EQ(co_await child.wait(), 0);
		master.abort();
	});
}

class Names : public Case {};

TEST_F(Names, are_looked_up) {
	aw::run([]() -> aw::co<void> {
		auto found = co_await aw::getaddrinfo("127.0.0.1", 80, aw::addrinfo_hints().type(SOCK_STREAM));
		EXPECT_EQ(found.size(), 1u);
		EXPECT_EQ(found[0].str(), "127.0.0.1:80");
		EXPECT_EQ(found.family(0), AF_INET);
		EXPECT_EQ(found.type(0), SOCK_STREAM);
		EXPECT_EQ(found.protocol(0), IPPROTO_TCP);
		EXPECT_EQ(found.canonname(), "");
		EXPECT_THROW(found[1], aw::error);
		auto name = co_await aw::getnameinfo(found[0], NI_NUMERICHOST | NI_NUMERICSERV);
		EXPECT_EQ(name.host, "127.0.0.1");
		EXPECT_EQ(name.service, "80");
		auto task = aw::spawn(aw::getaddrinfo("::1", 1));
		auto six = co_await task;
		EXPECT_EQ(six.family(0), AF_INET6);
		bool unknown = false;
		try {
			co_await aw::getaddrinfo("127.0.0.1", "no-such-service-name");
		} catch (const aw::error &e) {
			unknown = e.code() == AW_EGAIERROR;
		}
		EXPECT_TRUE(unknown);
	});
}

class Sockets : public Case {};

TEST_F(Sockets, have_the_calls_of_the_system) {
	aw::run([]() -> aw::co<void> {
		folder in;
		constexpr int flags = SOCK_NONBLOCK | SOCK_CLOEXEC;
		const aw::address at = aw::address::unix_path(in / "socket");
		int listener = socket(AF_UNIX, SOCK_STREAM | flags, 0),
			client = socket(AF_UNIX, SOCK_STREAM | flags, 0);
		EXPECT_EQ(bind(listener, at.get(), at.length()), 0);
		EXPECT_EQ(listen(listener, 1), 0);
		auto accepting = aw::spawn(aw::sock_accept(listener));
		co_await aw::sock_connect(client, at);
		auto [accepted, peer] = co_await accepting;
		EXPECT_EQ(peer.family(), AF_UNIX);
		co_await aw::sock_sendall(client, "hello");
		char buffer[16];
		EXPECT_EQ(co_await aw::sock_recv(accepted, aw::buffer_view(buffer, sizeof buffer)), 5u);
		std::ofstream(in / "file") << "content";
		int file = open((in / "file").c_str(), O_RDONLY | O_CLOEXEC);
		EXPECT_EQ(co_await aw::sock_sendfile(client, file, 3), 4);
		EXPECT_EQ(co_await aw::sock_recv(accepted, aw::buffer_view(buffer, sizeof buffer)), 4u);
		for (int fd : {listener, client, accepted, file}) close(fd);

		const aw::address to = aw::address::unix_path(in / "datagrams");
		int one = socket(AF_UNIX, SOCK_DGRAM | flags, 0), other = socket(AF_UNIX, SOCK_DGRAM | flags, 0);
		EXPECT_EQ(bind(one, to.get(), to.length()), 0);
		EXPECT_EQ(co_await aw::sock_sendto(other, "abc", to), 3u);
		auto [length, from] = co_await aw::sock_recvfrom(one, aw::buffer_view(buffer, sizeof buffer));
		EXPECT_EQ(length, 3u);
		EXPECT_EQ(from.path(), "");
		for (int fd : {one, other}) close(fd);
	});
}

class Datagrams : public Case {};

TEST_F(Datagrams, are_awaited) {
	aw::run([]() -> aw::co<void> {
		auto server = co_await aw::datagram::open(aw::datagram_options().local("127.0.0.1"));
		auto at = server.getsockname();
		auto client = co_await aw::datagram::open(aw::datagram_options().remote("127.0.0.1", at.port()));
		EXPECT_EQ(client.getpeername(), at);
		EXPECT_EQ(co_await client.send("ping"), 4u);
		aw::received got = co_await server.recv_from();
		EXPECT_EQ(got.data, "ping");
		EXPECT_EQ(got.from, client.getsockname());
		EXPECT_EQ(co_await server.send("pong", got.from), 4u);
		char buffer[16];
		EXPECT_EQ(co_await client.recv(aw::buffer_view(buffer, sizeof buffer)), 4u);
		client.sendto("a");
		client.sendto("b");
		char rooms[2][4];
		aw_datagram_message messages[2] = {};
		for (int i = 0; i < 2; i++) {
			messages[i].size = sizeof messages[i];
			messages[i].data = rooms[i];
			messages[i].capacity = sizeof rooms[i];
		}
		for (size_t left = 2; left;) left -= co_await server.recv_many(messages, left);
		EXPECT_EQ(client.write_buffer_size(), 0u);
		client.set_write_buffer_limits(100, 10);
		EXPECT_EQ(client.write_buffer_limits(), std::pair(size_t{10}, size_t{100}));
		aw_datagram_message out = {};
		out.size = sizeof out;
		out.data = rooms[0];
		out.length = 1;
		EXPECT_EQ(co_await client.send_many(&out, 1), 1u);
		client.set_ttl(8);
		client.set_multicast_ttl(2);
		client.set_multicast_loop(true);
		client.set_broadcast(false);
		EXPECT_THROW(client.join_group("not-an-address"), aw::error);
		EXPECT_THROW(client.leave_group("239.1.2.3"), aw::error);
		EXPECT_THROW(client.set_multicast_interface("no-such"), aw::error);
		bool late = false;
		try {
			co_await aw::wait_for(client.recv_from(), 1ms);
		} catch (const aw::timed_out &) {
			late = true;
		}
		EXPECT_TRUE(late);
		EXPECT_GE(client.fd(), 0);
		client.close();
		EXPECT_TRUE(client.is_closing());
		co_await client.wait_closed();
		server.abort();
		co_await server.wait_closed();
	});
}

class External : public Case {};

TEST_F(External, operations_finish_from_any_thread) {
	aw::run([]() -> aw::co<void> {
		auto operation = aw::external_operation<std::string>::create();
		std::thread library([operation]() mutable { operation.finish("from a thread, and long enough"); });
		EXPECT_EQ(co_await operation.get_future(), "from a thread, and long enough");
		library.join();
		EXPECT_THROW(operation.finish("again"), aw::error);

		auto fails = aw::external_operation<>::create();
		fails.fail(EIO, "no good");
		std::string why;
		try {
			co_await fails.get_future();
		} catch (const aw::error &e) {
			why = e.what();
			EXPECT_EQ(e.code(), std::errc::io_error);
		}
		EXPECT_EQ(why, "no good");

		auto dropped = aw::external_operation<int>::create();
		auto ended = dropped.get_future();
		dropped = {};
		bool owner_died = false;
		try {
			co_await ended;
		} catch (const aw::error &e) {
			owner_died = e.code() == std::errc::owner_dead;
		}
		EXPECT_TRUE(owner_died);
	});
}

TEST_F(External, cancellation_asks_and_waits) {
	int living = 0;
	aw::run([&]() -> aw::co<void> {
		std::thread library;
		auto operation = aw::external_operation<int>::create(
			[&, kept = counted(living)](aw::external_operation<int> self) {
				library = std::thread([self]() mutable {
					EXPECT_TRUE(self.cancelled());
					self.fail(AW_ECANCELLED);
				});
			});
		EXPECT_FALSE(operation.cancelled());
		EXPECT_EQ(living, 1);
		bool late = false;
		try {
			co_await aw::wait_for(operation.get_future(), 5ms);
		} catch (const aw::timed_out &) {
			late = true;
		}
		EXPECT_TRUE(late);
		library.join();
	});
	EXPECT_EQ(living, 0);
}

} // namespace
