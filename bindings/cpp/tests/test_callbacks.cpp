// SPDX-License-Identifier: MIT
// Handles, values, callables as callbacks, exceptions and statuses: what needs no task.
#include "check.hpp"

#include <csignal>
#include <fcntl.h>
#include <thread>
#include <unistd.h>

namespace {

class Callbacks : public Case {};

TEST_F(Callbacks, run_in_their_order) {
	open_loop loop;
	loop->call_soon([&] { trace("soon"); });
	loop->call_later(20ms, [&] { trace("later"); });
	loop->call_at(loop->time() + 10ms, [&] { trace("at"); });
	loop->call_later(30ms, [&] { loop->stop(); });
	loop->run_forever();
	EXPECT_EQ(lines_, "soon\nat\nlater\n");
}

TEST_F(Callbacks, are_destroyed_once_on_every_way) {
	int living = 0;
	aw::handle kept;
	{
		open_loop loop;
		counted mark(living);
		loop->call_soon([mark] {});
		auto cancelled = loop->call_later(1h, [mark] {});
		kept = loop->call_later(1h, [mark] {});
		loop->add_signal_handler(SIGUSR1, [mark] {});
		EXPECT_THROW(loop->add_signal_handler(SIGKILL, [mark] {}), aw::error);
		EXPECT_EQ(living, 5);
		cancelled.cancel();
		EXPECT_TRUE(cancelled.cancelled());
		loop->run_once(0s);
		EXPECT_EQ(living, 3);
	}
	EXPECT_EQ(living, 0);
	kept = {};
}

TEST_F(Callbacks, that_throw_are_told_to_the_exception_handler) {
	open_loop loop;
	loop->set_exception_handler([&](const aw::report &what) {
		try {
			std::rethrow_exception(what.exception());
		} catch (const sunk &e) {
			trace(what.message(), e.depth);
		}
	});
	loop->call_soon([] { throw sunk{3}; });
	loop->call_soon([&] { trace("next"); });
	loop->run_once(0s);
	EXPECT_EQ(lines_, "Exception in callback 3\nnext\n");
}

TEST_F(Callbacks, a_handler_that_throws_does_no_harm) {
	open_loop loop;
	loop->set_exception_handler([](const aw::report &) { throw sunk{1}; });
	loop->call_soon([] { throw sunk{2}; });
	EXPECT_EQ(loop->run_once(0s), 1);
	loop->set_exception_handler(nullptr);
	loop->call_exception_handler("of our own", aw::failure(AW_EINVAL, "text"));
}

TEST_F(Callbacks, one_may_leave_the_loop) {
	open_loop loop;
	loop->call_soon([] { throw aw::leave_loop(); });
	loop->call_soon([&] { trace("the rest"); });
	try {
		loop->run_forever();
		FAIL();
	} catch (const aw::error &e) {
		EXPECT_EQ(e.code(), AW_ESYSTEMEXIT);
	}
	EXPECT_EQ(lines_, "");
	loop->run_once(0s);
	EXPECT_EQ(lines_, "the rest\n");
}

TEST_F(Callbacks, one_may_let_go_of_its_own_handle) {
	open_loop loop;
	auto handle = std::make_shared<aw::handle>();
	*handle = loop->call_soon([handle] { *handle = {}; });
	loop->run_once(0s);
	EXPECT_FALSE(*handle);
}

TEST_F(Callbacks, one_loop_closes_in_its_own_handle_s_absence) {
	auto loop = aw::loop::open();
	loop.call_soon([loop]() mutable {
		EXPECT_THROW(loop.close(), aw::error);
		loop = {};
	});
	loop.run_once(0s);
	loop.close();
	EXPECT_THROW(loop.call_soon([] {}), aw::error);
}

TEST_F(Callbacks, of_futures_come_by_the_ready_queue) {
	open_loop loop;
	auto future = aw::future<std::string>::create(loop);
	future.add_done_callback([&](aw::future<std::string> done) { trace("got", done.result()); });
	auto taken_back = future.add_done_callback([&](const aw::any_future &) { trace("never"); });
	EXPECT_TRUE(future.remove_done_callback(taken_back));
	EXPECT_FALSE(future.remove_done_callback(taken_back));
	future.set_result("it");
	EXPECT_EQ(lines_, "");
	loop->run_once(0s);
	EXPECT_EQ(lines_, "got it\n");
}

TEST_F(Callbacks, of_descriptors_and_threads) {
	open_loop loop;
	int ends[2];
	ASSERT_EQ(pipe2(ends, O_CLOEXEC | O_NONBLOCK), 0);
	loop->add_writer(ends[1], [&] {
		trace("writable");
		EXPECT_EQ(write(ends[1], "x", 1), 1);
		loop->remove_writer(ends[1]);
	});
	loop->add_reader(ends[0], [&] {
		char byte;
		EXPECT_EQ(read(ends[0], &byte, 1), 1);
		trace("readable", byte);
		EXPECT_TRUE(loop->remove_reader(ends[0]));
		EXPECT_FALSE(loop->remove_reader(ends[0]));
		loop->stop();
	});
	loop->run_forever();
	std::thread thread([&] {
		loop->call_soon_threadsafe([&] {
			trace("from a thread");
			loop->stop();
		});
	});
	loop->run_forever();
	thread.join();
	EXPECT_EQ(lines_, "writable\nreadable x\nfrom a thread\n");
	close(ends[0]);
	close(ends[1]);
}

TEST_F(Callbacks, of_signals) {
	open_loop loop;
	loop->add_signal_handler(SIGUSR1, [&] {
		trace("usr1");
		loop->stop();
	});
	loop->call_soon([] { raise(SIGUSR1); });
	loop->run_forever();
	EXPECT_EQ(lines_, "usr1\n");
	EXPECT_TRUE(loop->remove_signal_handler(SIGUSR1));
}

class Values : public Case {};

TEST_F(Values, of_every_size_come_out_as_they_went_in) {
	open_loop loop;
	auto through = [&](auto value) {
		auto future = aw::future<decltype(value)>::create(loop);
		future.set_result(value);
		return future.result() == value && future.result() == value;
	};
	enum class colour : uint8_t { red = 1, blue = 200 };
	struct big {
		int64_t numbers[4];
		bool operator==(const big &other) const {
			return std::memcmp(this, &other, sizeof other) == 0;
		}
	};
	int local = 0;
	EXPECT_TRUE(through(true));
	EXPECT_TRUE(through(-7));
	EXPECT_TRUE(through(INT64_MIN));
	EXPECT_TRUE(through(UINT64_MAX));
	EXPECT_TRUE(through(2.5));
	EXPECT_TRUE(through(1.5f));
	EXPECT_TRUE(through('x'));
	EXPECT_TRUE(through(colour::blue));
	EXPECT_TRUE(through(&local));
	EXPECT_TRUE(through(std::string(100, 'x')));
	EXPECT_TRUE(through(big{{1, 2, 3, 4}}));
	EXPECT_TRUE(through(std::optional<int>(4)));
	EXPECT_TRUE(through(static_cast<long double>(1.25)));
}

TEST_F(Values, that_can_not_be_copied_move_to_the_first) {
	open_loop loop;
	auto future = aw::future<std::unique_ptr<int>>::create(loop);
	future.set_result(std::make_unique<int>(5));
	EXPECT_EQ(*future.result(), 5);
	EXPECT_THROW(future.result(), aw::error);
	auto text = aw::future<std::string>::create(loop);
	text.set_result("moved");
	EXPECT_EQ(text.take(), "moved");
	EXPECT_THROW(text.result(), aw::error);
}

TEST_F(Values, that_nobody_took_are_destroyed) {
	int living = 0;
	{
		open_loop loop;
		auto future = aw::future<counted>::create(loop);
		future.set_result(counted(living));
		EXPECT_EQ(living, 1);
		EXPECT_THROW(future.set_result(counted(living)), aw::error);
		EXPECT_EQ(living, 1);
		auto queue = aw::queue<counted>::create(1, loop);
		queue.put_nowait(counted(living));
		EXPECT_THROW(queue.put_nowait(counted(living)), aw::error);
		auto put = queue.put(counted(living));
		EXPECT_EQ(living, 3);
	}
	EXPECT_EQ(living, 0);
}

TEST_F(Values, go_through_queues_in_their_order) {
	open_loop loop;
	auto fifo = aw::queue<std::string>::create(0, loop);
	auto lifo = aw::queue<int>::lifo(0, loop);
	auto least = aw::queue<std::string>::priority(3, std::less<>(), loop);
	auto most = aw::queue<int>::priority(0, std::greater<>(), loop);
	for (const char *text : {"b", "c", "a"}) fifo.put_nowait(text), least.put_nowait(text);
	for (int n : {2, 3, 1}) lifo.put_nowait(n), most.put_nowait(n);
	EXPECT_TRUE(least.full() && !fifo.full());
	for (int i = 0; i < 3; i++)
		trace(fifo.take_nowait(), least.take_nowait(), lifo.take_nowait(), most.take_nowait());
	EXPECT_EQ(lines_, "b a 1 3\nc b 3 2\na c 2 1\n");
	try {
		fifo.take_nowait();
		FAIL();
	} catch (const aw::error &e) {
		EXPECT_EQ(e.code(), AW_EQUEUEEMPTY);
	}
	for (int i = 0; i < 3; i++) fifo.task_done();
	EXPECT_THROW(fifo.task_done(), std::system_error);
	fifo.shutdown();
	EXPECT_THROW(fifo.put_nowait("d"), aw::error);
}

class Failures : public Case {};

TEST_F(Failures, of_the_system_are_system_errors) {
	try {
		aw::process::exec({"/no/such/program"}, {}, aw::loop());
		FAIL();
	} catch (const std::system_error &e) {
		EXPECT_EQ(e.code(), AW_ENOLOOP);
	}
	open_loop loop;
	try {
		aw::process::exec({"/no/such/program"}, {}, loop);
		FAIL();
	} catch (const std::system_error &e) {
		EXPECT_EQ(e.code(), std::errc::no_such_file_or_directory);
	}
	EXPECT_EQ(std::error_code(AW_ETIMEOUT), std::errc::timed_out);
	EXPECT_EQ(std::error_code(AW_EPENDING), std::errc::timed_out);
	EXPECT_EQ(std::error_code(AW_ECANCELLED), std::errc::operation_canceled);
	EXPECT_EQ(std::error_code(AW_ENOENT), std::errc::no_such_file_or_directory);
	EXPECT_STREQ(aw::category().name(), "libawait");
	EXPECT_STREQ(aw::error(AW_EQUEUEFULL).what(), aw_strerror(AW_EQUEUEFULL));
}

TEST_F(Failures, of_the_program_come_out_as_themselves) {
	open_loop loop;
	auto future = aw::future<int>::create(loop);
	future.set_exception(std::make_exception_ptr(sunk{9}));
	EXPECT_EQ(future.reason().status(), AW_EHOST);
	try {
		future.result();
		FAIL();
	} catch (const sunk &e) {
		EXPECT_EQ(e.depth, 9);
	}
	auto other = aw::future<int>::create(loop);
	other.set_exception(std::make_exception_ptr(std::system_error(ENOSPC, std::generic_category(), "disk")));
	EXPECT_EQ(other.reason().status(), -ENOSPC);
	EXPECT_THROW(other.result(), std::system_error);
	EXPECT_STREQ(other.reason().message(), "disk: No space left on device");
}

TEST_F(Failures, of_c_have_types_of_their_own) {
	open_loop loop;
	auto failed = [&](aw_status status, const char *message) {
		auto future = aw::future<int>::create(loop);
		future.fail(status, message);
		return future;
	};
	EXPECT_THROW(failed(AW_ETIMEOUT, nullptr).result(), aw::timed_out);
	EXPECT_THROW(failed(-ENOMEM, nullptr).result(), std::bad_alloc);
	EXPECT_THROW(aw::future<int>::create(loop).result(), aw::error);
	try {
		failed(AW_EBROKENBARRIER, "my words").result();
		FAIL();
	} catch (const aw::error &e) {
		EXPECT_STREQ(e.what(), "my words");
		EXPECT_EQ(e.code(), AW_EBROKENBARRIER);
		EXPECT_EQ(aw::failure::current().get(), e.reason().get());
	}
	auto cancelled = aw::future<int>::create(loop);
	EXPECT_TRUE(cancelled.cancel("why"));
	EXPECT_FALSE(cancelled.cancel());
	try {
		cancelled.result();
		FAIL();
	} catch (const std::exception &) {
		FAIL() << "a cancellation is not a std::exception";
	} catch (const aw::cancelled &e) {
		EXPECT_STREQ(e.message(), "why");
	}
}

TEST_F(Failures, several_are_a_group) {
	std::vector<aw::failure> parts{aw::failure(AW_ETIMEOUT, nullptr), aw::failure(AW_EINVAL, "two")};
	try {
		aw::failure::group("both", parts).raise();
	} catch (const aw::group_error &e) {
		EXPECT_STREQ(e.what(), "both");
		EXPECT_STREQ(e.name(), "AW_EGROUP");
		ASSERT_EQ(e.exceptions().size(), 2u);
		EXPECT_THROW(std::rethrow_exception(e.exceptions()[0]), aw::timed_out);
	}
}

TEST_F(Failures, a_payload_of_somebody_else_is_left_alone) {
	open_loop loop;
	int theirs = 5;
	aw_error *raw = nullptr;
	ASSERT_EQ(aw_error_new(nullptr, AW_EHOST, "not ours", &theirs, nullptr, &raw), 0);
	aw::failure why(aw::adopt, raw);
	EXPECT_THROW(why.raise(), aw::error);
}

TEST_F(Failures, nan_is_no_delay) {
	try {
		aw::sleep(std::chrono::duration<double>(NAN));
		FAIL();
	} catch (const aw::error &e) {
		EXPECT_STREQ(e.what(), "Invalid delay: NaN (not a number)");
	}
	EXPECT_EQ(aw::time_span(std::chrono::hours::max()).ns, AW_FOREVER);
	EXPECT_EQ(aw::time_span(std::chrono::hours::min()).ns, INT64_MIN);
	EXPECT_EQ(aw::time_span(std::chrono::duration<double>(1.5)).ns, 1500 * AW_MILLISECOND);
	EXPECT_EQ(aw::time_span(std::chrono::duration<double>(INFINITY)).ns, AW_FOREVER);
	static_assert(aw::time_span(2s).ns == 2 * AW_SECOND);
}

class Loops : public Case {};

TEST_F(Loops, wait_and_dispatch_apart) {
	open_loop loop;
	EXPECT_FALSE(loop->pending());
	EXPECT_FALSE(loop->wait(0s));
	EXPECT_EQ(loop->deadline(), aw::clock::time_point::max());
	loop->call_soon([&] { trace("ran"); });
	EXPECT_TRUE(loop->pending());
	EXPECT_TRUE(loop->wait());
	EXPECT_EQ(loop->dispatch(), 1);
	EXPECT_EQ(loop->dispatch(), 0);
	loop->stop();
	EXPECT_TRUE(loop->take_stop());
	EXPECT_FALSE(loop->take_stop());
	loop->wakeup();
}

TEST_F(Loops, can_be_guests) {
	open_loop loop;
	EXPECT_GE(loop->guest_begin(), 0);
	loop->call_soon([&] { trace("ran"); });
	while (loop->dispatch()) continue;
	EXPECT_EQ(lines_, "ran\n");
	loop->guest_end();
}

TEST_F(Loops, take_operations_in_bulk) {
	open_loop loop;
	std::vector<aw_submission> both(2);
	for (aw_submission &one : both) {
		one.size = sizeof one;
		one.kind = AW_OP_SLEEP;
		one.fd = -1;
	}
	both[0].token = 1;
	both[1].token = 2;
	both[1].offset = 60 * AW_SECOND;
	EXPECT_EQ(loop->submit(both), 2u);
	EXPECT_EQ(loop->cancel_token(2), 1u);
	std::vector<aw_completion> done;
	while (done.size() < 2)
		if (auto some = loop->drain(8)) done.insert(done.end(), some->begin(), some->end());
	for (const aw_completion &one : done) EXPECT_EQ(one.status, one.token == 1 ? 0 : AW_ECANCELLED);
	EXPECT_EQ(loop->drain(8, 0s), std::nullopt);
}

TEST_F(Loops, say_what_they_are) {
	open_loop loop;
	EXPECT_FALSE(loop->is_running() || loop->is_closed() || loop->debug());
	loop->set_debug(true);
	EXPECT_TRUE(loop->debug());
	loop->set_slow_callback_duration(1s);
	loop->set_stack_size(64 << 10);
	EXPECT_FALSE(loop->backend().empty());
	EXPECT_FALSE(aw::loop::running());
	EXPECT_THROW(aw::loop::current(), aw::error);
	bool found = false;
	for (const aw::backend_info &info : aw::backends())
		found |= info.name == loop->backend() && info.status == 0;
	EXPECT_TRUE(found);
	EXPECT_NE(aw::explain_backend("no-such").find("no-such"), std::string::npos);
	EXPECT_THROW(aw::loop::open("no-such"), aw::error);
	EXPECT_EQ(aw::version(), aw_version());
	int null = open("/dev/null", O_WRONLY | O_CLOEXEC);
	loop->print_tasks(null, AW_PRINT_JSON);
	close(null);
	aw::report_overflow();
}

} // namespace
