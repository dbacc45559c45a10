// SPDX-License-Identifier: MIT
// Stackful tasks in C++17: a wait looks like a call, and exceptions stay on their side of the switch.
#include "check.hpp"

#include <csignal>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>

namespace {

class Stackful : public Case {};

TEST_F(Stackful, values_and_exceptions_come_out_of_run) {
	EXPECT_EQ(aw::run([] {
				  aw::await(aw::sleep(1ms));
				  return std::string("value");
			  }),
	          "value");
	EXPECT_THROW(aw::run([] { throw sunk{4}; }), sunk);
	EXPECT_THROW(aw::run([] { throw aw::cancelled(); }), aw::cancelled);
	EXPECT_EQ(*aw::run([] { return std::make_unique<int>(3); }), 3);
	EXPECT_THROW(aw::run([] {}, "no-such"), aw::error);
	EXPECT_THROW(aw::run([] { aw::run([] {}); }), aw::error);
	EXPECT_THROW(aw::await(aw::sleep(1s)), aw::error);
}

TEST_F(Stackful, a_run_without_a_loop_says_why) {
	char why[512];
	ASSERT_EQ(aw_backend_explain("nonsense", why, sizeof why), AW_ENOBACKEND);
	testing::internal::CaptureStderr();
	try {
		aw::run([] {}, "nonsense");
		ADD_FAILURE() << "there is such a backend";
	} catch (const aw::error &e) {
		EXPECT_EQ(e.status(), AW_ENOBACKEND);
		EXPECT_STREQ(e.what(), why);
	}
	EXPECT_EQ(testing::internal::GetCapturedStderr(), ""); /* the exception says it */
}

TEST_F(Stackful, tasks_give_what_their_functions_give) {
	aw::run([&] {
		auto text = aw::spawn([] { return std::string("text"); });
		auto bad = aw::spawn([]() -> int { throw sunk{2}; });
		auto eager = aw::spawn_eager([&] { trace("at once"); });
		EXPECT_EQ(lines_, "at once\n");
		EXPECT_EQ(aw::await(text), "text");
		EXPECT_EQ(text.result(), "text");
		EXPECT_THROW(aw::await(bad), sunk);
		EXPECT_FALSE(text.cancel());
		EXPECT_EQ(text.get_coro(), nullptr);
		text.set_name("named");
		EXPECT_EQ(text.name(), "named");
	});
}

TEST_F(Stackful, a_refused_await_tells_nothing_of_an_earlier_one) {
	aw::run([] {
		EXPECT_THROW(aw::await(aw::spawn([] { throw sunk{1}; })), sunk);
		EXPECT_THROW(aw::await(aw::future<int>()), aw::error);
	});
	open_loop loop;
	EXPECT_EQ(loop->run_until_complete([] { return 5; }), 5);
	auto never = aw::future<int>::create(loop);
	loop->stop();
	EXPECT_THROW(loop->run_until_complete(never), aw::error);
}

TEST_F(Stackful, a_task_may_await_in_a_handler) {
	/*
	 * Each leaves its exception on the thread's list of those being handled, and the other one comes in
	 * between.
	 */
	auto in_handler = [&](int depth) {
		return [&, depth] {
			try {
				throw sunk{depth};
			} catch (const sunk &e) {
				for (int i = 0; i < 3; i++) {
					aw::await(aw::sleep(0s));
					try {
						throw std::runtime_error("between");
					} catch (const std::exception &) {
						aw::await(aw::sleep(0s));
					}
				}
				EXPECT_EQ(e.depth, depth);
				try {
					throw;
				} catch (const sunk &again) {
					return again.depth;
				}
			}
			return 0;
		};
	};
	aw::run([&] {
		auto [a, b, c] = aw::await(aw::gather(in_handler(1), in_handler(2), in_handler(3)));
		EXPECT_EQ(a * 100 + b * 10 + c, 123);
		try {
			throw sunk{7};
		} catch (const sunk &) {
			auto eager = aw::spawn_eager(in_handler(8));
			EXPECT_EQ(aw::await(eager), 8);
			try {
				throw;
			} catch (const sunk &e) {
				EXPECT_EQ(e.depth, 7);
			}
		}
	});
	EXPECT_EQ(std::uncaught_exceptions(), 0);
	EXPECT_EQ(std::current_exception(), nullptr);
}

TEST_F(Stackful, run_may_be_called_in_a_handler_and_a_destructor) {
	struct at_end {
		~at_end() {
			aw::run([] { aw::await(aw::sleep(1ms)); });
			EXPECT_EQ(std::uncaught_exceptions(), 1);
		}
	};
	try {
		at_end scope;
		throw sunk{1};
	} catch (const sunk &) {
		aw::run([] { EXPECT_EQ(std::current_exception(), nullptr); });
		EXPECT_NE(std::current_exception(), nullptr);
	}
}

TEST_F(Stackful, a_cancellation_comes_out_of_each_await) {
	aw::run([&] {
		auto queue = aw::queue<int>::create();
		auto lock = aw::lock::create();
		lock.try_acquire();
		auto event = aw::event::create();
		auto future = aw::future<int>::create();
		auto process = aw::process::shell("exec sleep 100");
		auto cancelled_in = [&](auto make) {
			auto task = aw::spawn([make] {
				try {
					aw::await(make());
				} catch (const aw::cancelled &e) {
					EXPECT_STREQ(e.message(), "enough");
					throw;
				}
			});
			aw::await(aw::sleep(0s));
			EXPECT_TRUE(task.cancel("enough"));
			EXPECT_THROW(aw::await(task), aw::cancelled);
			EXPECT_TRUE(task.cancelled());
		};
		cancelled_in([] { return aw::sleep(1h); });
		cancelled_in([&] { return queue.take(); });
		cancelled_in([&] { return lock.acquire(); });
		cancelled_in([&] { return lock.hold(); });
		cancelled_in([&] { return event.wait(); });
		cancelled_in([&] { return aw::shield(future); });
		cancelled_in([&] { return process.wait(); });
		cancelled_in([&] { return aw::wait_for(aw::future<int>::create(), 1h); });
		cancelled_in([&] { return aw::gather(aw::future<int>::create()); });
		EXPECT_FALSE(future.done());
		queue.put_nowait(1);
		EXPECT_EQ(aw::await(queue.take()), 1);
	});
}

TEST_F(Stackful, a_loop_that_closes_unwinds_them) {
	int living = 0;
	bool told = false;
	{
		open_loop loop;
		aw::spawn(loop, [&] {
			counted mark(living);
			try {
				aw::await(aw::future<int>::create());
			} catch (const aw::error &e) {
				told = e.code() == AW_ELOOPCLOSED;
			}
		});
		loop->run_once(0s);
		aw::spawn(loop, [mark = counted(living)] { FAIL() << "it never began"; });
		EXPECT_EQ(living, 2);
	}
	EXPECT_TRUE(told);
	EXPECT_EQ(living, 0);
}

TEST_F(Stackful, a_loop_dropped_in_a_handler_unwinds_them_as_well) {
	auto dropped = aw::loop::open();
	aw::spawn(dropped, [] {
		try {
			throw sunk{1};
		} catch (const sunk &) {
			aw::await(aw::future<int>::create());
		}
	});
	dropped.run_once(0s);
	try {
		throw sunk{2};
	} catch (const sunk &) {
		dropped = {};
		try {
			throw;
		} catch (const sunk &e) {
			EXPECT_EQ(e.depth, 2);
		}
	}
	EXPECT_EQ(std::current_exception(), nullptr);
}

TEST_F(Stackful, scopes_and_groups) {
	aw::run([&] {
		EXPECT_THROW(aw::timeout(5ms).run([] { aw::await(aw::sleep(1h)); }), aw::timed_out);
		EXPECT_EQ(aw::timeout(1h).run([] { return 5; }), 5);
		EXPECT_THROW(aw::timeout(1h).run([] { throw sunk{1}; }), sunk);
		aw::timeout moved(1h);
		EXPECT_THROW(moved.run([&] {
			moved.reschedule(aw::loop::current().time());
			aw::await(aw::sleep(1h));
		}),
		             aw::timed_out);
		EXPECT_TRUE(moved.expired());
		auto sum = aw::with_task_group([&](aw::task_group &group) {
			auto a = group.spawn([] { return 1; });
			auto b = group.spawn(aw::sleep(1ms, 2));
			return aw::await(a) + aw::await(b);
		});
		EXPECT_EQ(sum, 3);
		bool cancelled = false;
		try {
			aw::with_task_group([&](aw::task_group &group) {
				group.spawn([] { throw sunk{6}; });
				group.spawn([&] {
					try {
						aw::await(aw::sleep(1h));
					} catch (const aw::cancelled &) {
						cancelled = true;
						throw;
					}
				});
				throw std::runtime_error("body");
			});
			FAIL();
		} catch (const aw::group_error &e) {
			for (const std::exception_ptr &part : e.exceptions()) {
				try {
					std::rethrow_exception(part);
				} catch (const sunk &s) {
					trace("sunk", s.depth);
				} catch (const std::runtime_error &r) {
					trace(r.what());
				}
			}
		}
		/* Neither began: the body failed at once. */
		EXPECT_EQ(lines_, "body\n");
		EXPECT_FALSE(cancelled);
	});
}

TEST_F(Stackful, locks_and_their_kin) {
	aw::run([&] {
		auto lock = aw::lock::create();
		auto condition = aw::condition::create(lock);
		auto waits = aw::spawn([&] {
			auto guard = aw::await(lock.hold());
			aw::await(condition.wait());
			trace("notified", lock.locked());
		});
		aw::await(aw::sleep(0s));
		aw::await(aw::sleep(0s));
		EXPECT_THROW(condition.notify(), std::system_error);
		{
			auto guard = aw::await(condition.get_lock().hold());
			EXPECT_FALSE(lock.try_acquire());
			condition.notify();
			condition.notify_all();
		}
		aw::await(waits);
		EXPECT_FALSE(lock.locked());
		EXPECT_THROW(lock.release(), std::system_error);
		auto permits = aw::semaphore::bounded(2);
		{
			auto one = aw::await(permits.hold());
			auto two = aw::await(permits.hold());
			EXPECT_TRUE(permits.locked());
			EXPECT_FALSE(permits.try_acquire());
			one.release();
			EXPECT_EQ(permits.value(), 1);
		}
		EXPECT_THROW(permits.release(), std::system_error);
		EXPECT_TRUE(permits.try_acquire());
		auto barrier = aw::barrier::create(2);
		auto [first, second] = aw::await(aw::gather(barrier.wait(), barrier.wait()));
		EXPECT_EQ(first + second, 1);
		EXPECT_EQ(barrier.parties(), 2);
		EXPECT_EQ(barrier.n_waiting(), 0);
		aw::await(barrier.abort());
		EXPECT_TRUE(barrier.broken());
		EXPECT_THROW(aw::await(barrier.wait()), aw::error);
		aw::await(barrier.reset());
		auto event = aw::event::create();
		event.set();
		aw::await(event.wait());
		EXPECT_TRUE(event.is_set());
		event.clear();
		auto queue = aw::queue<int>::create(1);
		aw::await(queue.put(1));
		aw::await(queue.take());
		queue.task_done();
		aw::await(queue.join());
		EXPECT_TRUE(queue.empty());
		EXPECT_EQ(queue.size() + static_cast<size_t>(queue.maxsize()), 1u);
		auto open = aw::semaphore::create(1);
		aw::await(open.acquire());
		open.release();
	});
	EXPECT_EQ(lines_, "notified true\n");
}

TEST_F(Stackful, threads_and_their_exceptions) {
	auto here = std::this_thread::get_id();
	aw::run([&] {
		EXPECT_NE(aw::await(aw::to_thread([] { return std::this_thread::get_id(); })), here);
		EXPECT_THROW(aw::await(aw::to_thread([] { throw sunk{3}; })), sunk);
		auto pool = aw::executor::create(1);
		EXPECT_EQ(pool.max_threads(), 1);
		EXPECT_EQ(aw::await(aw::run_in_executor(pool, [] { return std::string("worked"); })), "worked");
		EXPECT_EQ(pool.threads(), 1);
		EXPECT_EQ(pool.pending(), 0u);
		pool.shutdown();
		pool.shutdown_wait();
		EXPECT_THROW(aw::run_in_executor(pool, [] {}), aw::error);
		auto loop = aw::loop::current();
		aw::set_default_executor(loop, aw::executor::create(2));
		aw::await(aw::run_in_executor({}, [] {}));
		aw::await(aw::shutdown_default_executor(loop));
	});
}

TEST_F(Stackful, other_threads_hand_tasks_to_a_loop) {
	open_loop loop;
	std::thread thread([&] {
		auto value = aw::spawn_threadsafe(loop, [] {
			aw::await(aw::sleep(1ms));
			return std::string("value");
		});
		EXPECT_EQ(value.wait(), "value");
		EXPECT_EQ(value.result(), "value");
		EXPECT_TRUE(value.done());
		EXPECT_THROW(aw::spawn_threadsafe(loop, [] { throw sunk{1}; }).wait(20s), sunk);
		auto never = aw::spawn_threadsafe(loop, [] { aw::await(aw::future<void>::create()); });
		EXPECT_THROW(never.wait(1ms), aw::still_pending);
		EXPECT_THROW(never.wait(1ms), aw::timed_out);
		EXPECT_FALSE(never.done());
		try {
			aw::spawn_threadsafe(loop, [] { aw::await(aw::wait_for(aw::sleep(1h), 1ms)); }).wait(20s);
			ADD_FAILURE();
		} catch (const aw::still_pending &) {
			ADD_FAILURE() << "the task's limit, not the wait's";
		} catch (const aw::timed_out &) {
		}
		EXPECT_TRUE(never.cancel());
		EXPECT_THROW(never.wait(), aw::cancelled);
		EXPECT_TRUE(never.cancelled());
		loop->call_soon_threadsafe([&] { loop->stop(); });
	});
	loop->run_forever();
	thread.join();
}

/* What `wait` throws. */
template <class F> std::error_code code_of(F &&wait) {
	try {
		wait();
	} catch (const aw::error &e) {
		return e.code();
	}
	return {};
}

TEST_F(Stackful, an_interrupt_ends_the_wait_that_it_was_given_to) {
	open_loop loop;
	std::thread thread([&] {
		auto never = aw::spawn_threadsafe(loop, [] { aw::await(aw::future<int>::create()); });
		auto mine = aw::interrupt::create();
		std::error_code code;
		std::thread waiter([&] { code = code_of([&] { never.wait(mine); }); });
		mine.raise();
		waiter.join();
		EXPECT_EQ(code, std::errc::interrupted);
		EXPECT_TRUE(mine.is_raised());
		EXPECT_EQ(code_of([&] { never.wait(mine, 1h); }), std::errc::interrupted);
		mine.clear();
		EXPECT_EQ(code_of([&] { never.wait(mine, 1ms); }), AW_EPENDING);
		EXPECT_FALSE(never.done());
		EXPECT_TRUE(never.cancel());
		EXPECT_THROW(never.wait(mine), aw::cancelled);
		EXPECT_EQ(aw::spawn_threadsafe(loop, [] { return 7; }).wait(mine, 20s), 7);
		aw::executor::create(1).shutdown_wait(mine);
		loop->call_soon_threadsafe([&] { loop->stop(); });
	});
	loop->run_forever();
	thread.join();
}

TEST_F(Stackful, iterators_and_contexts) {
	aw::context_var<std::string> name;
	EXPECT_FALSE(name.get());
	aw::run([&] {
		name.set("outer");
		aw::await(aw::spawn([&] {
			EXPECT_EQ(name.get(), "outer");
			name.set("inner");
		}));
		EXPECT_EQ(name.get(), "outer");
		name.unset();
		EXPECT_THROW(name.unset(), std::system_error);
		int n = 0;
		auto numbers = aw::iterator<std::string>::over([n]() mutable -> std::optional<std::string> {
			if (n == 3) return std::nullopt;
			aw::await(aw::sleep(1ms));
			return std::to_string(n++);
		});
		while (auto item = aw::await(numbers.next())) trace(*item);
		EXPECT_FALSE(aw::await(numbers.next()));
		auto broken = aw::iterator<int>::over([]() -> std::optional<int> { throw sunk{1}; });
		EXPECT_THROW(aw::await(broken.next()), sunk);
	});
	EXPECT_EQ(lines_, "0\n1\n2\n");
}

TEST_F(Stackful, processes) {
	aw::run([&] {
		auto how =
			aw::process_options().pipe(0).pipe(1).stdio(2, AW_STDIO_STDOUT).cwd("/").env({"A=b"}).group(-1);
		auto child = aw::process::shell("cat; pwd >&2; echo $A", how);
		EXPECT_FALSE(child.returncode());
		EXPECT_EQ(aw::await(child.communicate("in\n")), 0);
		EXPECT_EQ(child.output(), "in\n/\nb\n");
		EXPECT_THROW(child.output(2), aw::error);
		EXPECT_GT(child.pid(), 0);
		auto killed = aw::process::exec({"sleep", "100"});
		killed.terminate();
		EXPECT_EQ(aw::await(killed.wait_closed()), -SIGTERM);
		EXPECT_THROW(killed.kill(), std::system_error);
		auto closed = aw::process::exec({"sleep", "100"}, aw::process_options().pipe(1));
		int fd = closed.take_pipe(1);
		EXPECT_GE(fd, 0);
		closed.send_signal(SIGSTOP);
		closed.close();
		EXPECT_EQ(aw::await(closed.wait()), -SIGKILL);
		auto ready = aw::await(aw::fd_wait(fd, AW_POLL_IN));
		EXPECT_TRUE(ready & (AW_POLL_HUP | AW_POLL_IN));
		close(fd);
		pid_t pid = fork();
		if (pid == 0) _exit(7);
		EXPECT_EQ(aw::await(aw::process::adopt_child(pid).wait()), 7);
	});
}

TEST_F(Stackful, a_runner_keeps_its_loop) {
	aw::runner runner;
	auto first = runner.run([] { return aw::loop::current(); });
	EXPECT_EQ(runner.run([] { return aw::loop::current(); }), first);
	EXPECT_EQ(runner.get_loop(), first);
	EXPECT_THROW(runner.run([] { throw sunk{1}; }), sunk);
	EXPECT_THROW(runner.run([] { throw aw::leave_loop(); }), aw::error);
	runner.close();
	EXPECT_TRUE(first.is_closed());
	EXPECT_THROW(runner.run([] {}), aw::error);
}

TEST_F(Stackful, a_sigint_ends_a_runner_that_asked_for_it) {
	signal(SIGINT, SIG_DFL); // a shell starts what runs in the background with the signal ignored
	aw::runner runner(nullptr, AW_RUNNER_SIGINT);
	bool cleaned = false;
	try {
		runner.run([&] {
			aw::loop::current().call_soon([] { raise(SIGINT); });
			try {
				aw::await(aw::sleep(1h));
			} catch (const aw::cancelled &) {
				cleaned = true;
				throw;
			}
		});
		FAIL();
	} catch (const aw::error &e) {
		EXPECT_EQ(e.code(), std::errc::interrupted);
	}
	EXPECT_TRUE(cleaned);
}

TEST_F(Stackful, a_forked_child_abandons_the_loop) {
	int living = 0;
	open_loop loop;
	loop->call_soon([mark = counted(living)] {});
	pid_t pid = fork();
	if (pid == 0) {
		bool refused = false;
		try {
			loop->run_once(0s);
		} catch (const aw::error &e) {
			refused = e.code() == AW_EFORKED;
		}
		aw::loop of(loop);
		of.abandon();
		_exit(refused && living == 1 ? 0 : 1);
	}
	int status = -1;
	EXPECT_EQ(waitpid(pid, &status, 0), pid);
	EXPECT_EQ(status, 0);
}

} // namespace
