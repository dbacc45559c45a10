// SPDX-License-Identifier: MIT
// The documents' cases, as C++ has them. Each must print what CPython printed. On virtual time a second is a second; elsewhere it is a tenth of
// one, and the times are not compared.
#include "check.hpp"

#include <algorithm>
#include <iterator>
#include <thread>

namespace {

class Cases : public Case {
protected:
	static aw::time_span seconds(double count) {
		return std::chrono::duration<double>(is_virtual() ? count : count / 10);
	}
	static std::string stamp() {
		static aw::clock::time_point began;
		static aw_loop *of = nullptr;
		aw::loop here = aw::loop::current();
		if (of != here.get()) began = here.time();
		of = here.get();
		double passed = std::chrono::duration<double>(here.time() - began).count();
		return "t=" + std::to_string(std::lround(is_virtual() ? passed : passed * 10));
	}
	static std::string timeless(const std::string &text) {
		return is_virtual() ? text : std::regex_replace(text, std::regex("\\bt=\\d+"), "t=?");
	}
	/** Compares the trace with what CPython printed. */
	void expect_as(const std::string &name) {
		std::ifstream file(AWAIT_CASES "/" + name + ".expected");
		ASSERT_TRUE(file) << name;
		std::string expected{std::istreambuf_iterator<char>(file), {}};
		EXPECT_EQ(timeless(lines_), timeless(expected));
	}
	static const char *True_or_False(bool value) {
		return value ? "True" : "False";
	}
	static std::string quoted(std::string text) {
		return "'" + text + "'";
	}
	template <class List> static std::string list(const List &items, bool quotes = true) {
		std::string text, comma;
		for (const std::string &item : items)
			text += std::exchange(comma, ", ") + (quotes ? quoted(item) : item);
		return "[" + text + "]";
	}

	aw::co<std::string> say_after(double delay, std::string what) {
		co_await aw::sleep(seconds(delay));
		trace(what);
		co_return what;
	}
};

TEST_F(Cases, s000_03_say_after_sequential) {
	aw::run([&]() -> aw::co<void> {
		trace("started at", stamp());
		co_await say_after(1, "hello");
		co_await say_after(2, "world");
		trace("finished at", stamp());
	});
	expect_as("s000_03_say_after_sequential");
}

TEST_F(Cases, s000_04_say_after_tasks) {
	aw::run([&]() -> aw::co<void> {
		auto hello = aw::spawn(say_after(1, "hello"));
		auto world = aw::spawn(say_after(2, "world"));
		trace("started at", stamp());
		co_await hello;
		co_await world;
		trace("finished at", stamp());
	});
	expect_as("s000_04_say_after_tasks");
}

TEST_F(Cases, s000_05_taskgroup_prose) {
	aw::run([&]() -> aw::co<void> {
		aw::task<std::string> a, b;
		co_await aw::with_task_group([&](aw::task_group &group) -> aw::co<void> {
			a = group.spawn(say_after(1, "hello"));
			b = group.spawn(say_after(2, "world"));
			trace("started at", stamp());
			co_return;
		});
		trace("finished at", stamp(), a.result(), b.result());
	});
	expect_as("s000_05_taskgroup_prose");
}

TEST_F(Cases, s000_06_gather_prose) {
	auto work = [&](std::string name, double delay, bool fail = false) -> aw::co<std::string> {
		trace(stamp(), name, "start");
		co_await aw::sleep(seconds(delay));
		trace(stamp(), name, fail ? "raise" : "end");
		if (fail) throw std::invalid_argument(name);
		co_return name;
	};
	aw::run([&]() -> aw::co<void> {
		auto [a, b] = co_await aw::gather(work("a", 2), work("b", 1));
		trace(list(std::vector{a, b}));
		try {
			co_await aw::gather(work("c", 1, true), work("d", 2));
		} catch (const std::invalid_argument &e) {
			trace(stamp(), "caught", e.what());
		}
		co_await aw::sleep(seconds(2));
		auto [e, f] = co_await aw::gather(aw::return_errors, work("e", 1, true), work("f", 2));
		try {
			std::rethrow_exception(e.exception());
		} catch (const std::invalid_argument &failed) {
			trace("[ValueError(" + quoted(failed.what()) + "), " + quoted(f.value()) + "]");
		}
	});
	expect_as("s000_06_gather_prose");
}

TEST_F(Cases, s000_07_wait_prose) {
	auto work = [&](std::string name, double delay) -> aw::co<std::string> {
		co_await aw::sleep(seconds(delay));
		trace(stamp(), name);
		co_return name;
	};
	using tasks = std::vector<aw::task<std::string>>;
	auto names = [](tasks &of) {
		std::vector<std::string> all;
		for (auto &one : of) all.push_back(one.result());
		std::sort(all.begin(), all.end());
		return list(all);
	};
	aw::run([&]() -> aw::co<void> {
		stamp();
		tasks ab{aw::spawn(work("a", 2)), aw::spawn(work("b", 1))};
		auto all = co_await aw::wait(ab);
		trace(stamp(), names(all.done), all.pending.empty() ? "set()" : "some");
		tasks cd{aw::spawn(work("c", 2)), aw::spawn(work("d", 1))};
		auto first = co_await aw::wait(cd, AW_FIRST_COMPLETED);
		trace(stamp(), names(first.done), first.pending.size());
		auto none = co_await aw::wait(first.pending, AW_ALL_COMPLETED, seconds(0.5));
		trace(none.done.size(), none.pending.size());
		co_await aw::wait(none.pending);
	});
	expect_as("s000_07_wait_prose");
}

TEST_F(Cases, s000_08_runner_prose) {
	auto hello = [&](int n) -> aw::co<std::string> {
		co_await aw::sleep(seconds(0.1));
		co_return "hello " + std::to_string(n);
	};
	aw::loop loop;
	{
		aw::runner runner;
		trace(runner.run(hello(1)));
		trace(runner.run(hello(2)));
		loop = runner.get_loop();
		trace(True_or_False(loop.is_closed()));
	}
	trace(True_or_False(loop.is_closed()));
	loop = {};
	expect_as("s000_08_runner_prose");
}

TEST_F(Cases, s001_03_future_promise) {
	aw::run([&]() -> aw::co<void> {
		auto future = aw::future<std::string>::create();
		future.add_done_callback([&](const aw::future<std::string> &) { trace("I am callback!"); });
		aw::spawn([future]() mutable -> aw::co<void> {
			co_await aw::sleep(seconds(3));
			future.set_result("... world");
		});
		trace("hello ");
		trace(True_or_False(future.done()));
		trace(co_await future);
		trace(True_or_False(future.done()));
		trace(future.result());
	});
	expect_as("s001_03_future_promise");
}

TEST_F(Cases, s001_04_shield) {
	auto do_async_job = [&]() -> aw::co<void> {
		trace("do_async_job!");
		co_await aw::sleep(seconds(2));
		trace("protect me from cancelling!");
	};
	aw::run([&]() -> aw::co<void> {
		auto task = aw::spawn(do_async_job);
		auto shield = aw::shield(task);
		trace("shield's type =>", aw_future_task(shield.get()) ? "Task" : "Future");
		bool timeout = false;
		try {
			co_await aw::wait_for(shield, seconds(1));
		} catch (const aw::timed_out &) {
			timeout = true;
		}
		if (timeout) {
			trace("timeout!");
			trace("shield canceled:", True_or_False(shield.cancelled()));
			trace("task canceled:", True_or_False(task.cancelled()));
			co_await task;
		}
	});
	expect_as("s001_04_shield");
}

TEST_F(Cases, s001_09_await_rules_prose) {
	auto doubled = [&](std::string name) -> aw::co<std::string> {
		trace(name, "runs in", aw::current_task().name());
		co_await aw::sleep(0s);
		co_return name + name;
	};
	aw::run([&]() -> aw::co<void> {
		aw::current_task().set_name("main");
		trace(co_await doubled("a"));
		auto task = aw::spawn(doubled("b"));
		task.set_name("task-b");
		trace("created, not run");
		co_await aw::sleep(0s);
		trace("after one turn");
		trace(co_await task);
	});
	expect_as("s001_09_await_rules_prose");
}

TEST_F(Cases, s002_03_as_completed) {
	auto work = [](std::string name, double delay) -> aw::co<std::string> {
		co_await aw::sleep(seconds(delay));
		co_return name;
	};
	auto tasks = [&] {
		return std::vector{aw::spawn(work("slow", 0.6)), aw::spawn(work("fast", 0.2)),
		                   aw::spawn(work("middle", 0.4))};
	};
	auto run_aws = [&](std::vector<aw::task<std::string>> aws, aw::time_span limit) -> aw::co<void> {
		for (aw::as_completed ended(aws, limit);;) {
			try {
				auto next = co_await ended.next();
				if (!next) break;
				trace(next->result());
			} catch (const aw::timed_out &) {
				trace("TimeoutError");
			}
		}
	};
	aw::run([&]() -> aw::co<void> {
		co_await run_aws(tasks(), aw::forever);
		auto limited = tasks();
		co_await run_aws(limited, seconds(0.3));
		std::vector<std::string> done;
		for (auto &task : limited) done.push_back(True_or_False(task.done()));
		trace(list(done, false));
	});
	expect_as("s002_03_as_completed");
}

TEST_F(Cases, s002_04_gather) {
	auto work = [&](std::string name, double delay) -> aw::co<std::string> {
		co_await aw::sleep(seconds(delay));
		trace("done", name);
		co_return name;
	};
	auto results = aw::run([&]() -> aw::co<std::vector<std::string>> {
		std::vector tasks{aw::spawn(work("a", 0.3)), aw::spawn(work("b", 0.1)), aw::spawn(work("c", 0.2))};
		co_return co_await aw::gather(tasks);
	});
	trace(list(results));
	expect_as("s002_04_gather");
}

TEST_F(Cases, s002_05_wait_for) {
	aw::run([&]() -> aw::co<void> {
		trace(co_await aw::wait_for(aw::sleep(seconds(0.1), std::string("0.1")), seconds(0.5)));
		try {
			co_await aw::wait_for(aw::sleep(seconds(5)), seconds(0.5));
		} catch (const aw::timed_out &) {
			trace("TimeoutError");
		}
	});
	expect_as("s002_05_wait_for");
}

TEST_F(Cases, s002_06_timeout) {
	auto ready_to_battle = [&](double delay) -> aw::co<void> {
		try {
			co_await aw::sleep(seconds(delay));
			trace("ready");
		} catch (const aw::cancelled &) {
			trace("interrupted");
			throw;
		}
	};
	aw::run([&]() -> aw::co<void> {
		aw::timeout first(seconds(0.5));
		co_await first.run(ready_to_battle(0.1));
		trace(True_or_False(first.expired()));
		aw::timeout second(seconds(0.5));
		try {
			co_await second.run(ready_to_battle(5));
		} catch (const aw::timed_out &) {
			trace("TimeoutError", True_or_False(second.expired()));
		}
	});
	expect_as("s002_06_timeout");
}

TEST_F(Cases, s002_07_subprocess) {
	auto bytes = [](std::string text) {
		return "b'" + std::regex_replace(text, std::regex("\n"), "\\n") + "'";
	};
	aw::run([&]() -> aw::co<void> {
		auto options = aw::process_options().pipe(1).pipe(2);
		auto shell = aw::process::shell("echo out; echo err >&2; exit 3", options);
		co_await shell.communicate();
		trace(bytes(shell.output(1)), bytes(shell.output(2)), *shell.returncode());
		std::vector<std::string> argv{"printf", "%s-%s", "a.txt", "b.txt"};
		auto exec = aw::process::exec(argv, options);
		int code = co_await exec.wait();
		co_await exec.communicate();
		trace(code, *exec.returncode(), bytes(exec.output()));
	});
	expect_as("s002_07_subprocess");
}

TEST_F(Cases, s002_10_queue_prose) {
	aw::run([&]() -> aw::co<void> {
		auto queue = aw::queue<std::optional<int>>::create(1);
		auto producer = [&]() -> aw::co<void> {
			for (int i = 0; i < 4; i++) {
				co_await queue.put(i);
				trace("put", i);
			}
			co_await queue.put(std::nullopt);
		};
		auto consumer = [&]() -> aw::co<void> {
			while (auto item = co_await queue.take()) {
				trace("got", *item);
				co_await aw::sleep(seconds(0.1));
			}
		};
		co_await aw::gather(producer, consumer);
	});
	expect_as("s002_10_queue_prose");
}

class CancelMe : public Cases {
protected:
	aw::co<void> cancel_me() {
		trace("cancel_me(): sleep");
		struct at_end {
			CancelMe *self;
			~at_end() {
				self->trace("cancel_me(): after sleep");
			}
		} finally{this};
		try {
			co_await aw::sleep(1h);
		} catch (const aw::cancelled &) {
			trace("cancel_me(): cancel sleep");
			throw;
		}
	}
	aw::co<void> main(double delay) {
		trace("main(): running");
		auto task = aw::spawn(cancel_me());
		trace("main(): sleep");
		if (delay > 0) co_await aw::sleep(seconds(delay));
		trace("main(): call cancel");
		task.cancel();
		try {
			co_await task;
		} catch (const aw::cancelled &) {
			trace("main(): cancel_me is cancelled now");
		}
	}
};

TEST_F(CancelMe, s003_04_cancel_me) {
	aw::run(main(5));
	expect_as("s003_04_cancel_me");
}

TEST_F(CancelMe, s003_05_cancel_me_no_sleep) {
	aw::run(main(0));
	expect_as("s003_05_cancel_me_no_sleep");
}

TEST_F(Cases, s003_06_future) {
	aw::run([&]() -> aw::co<void> {
		auto future = aw::future<std::string>::create();
		auto job = aw::spawn([&]() -> aw::co<void> {
			co_await aw::sleep(seconds(2));
			future.set_result("Hello future");
		});
		co_await future;
		trace(future.result());
	});
	expect_as("s003_06_future");
}

TEST_F(Cases, s003_09_wait_for_plan_b) {
	auto job = [&](double delay, int number) -> aw::co<void> {
		co_await aw::sleep(seconds(delay));
		trace("do async job", number);
	};
	aw::run([&]() -> aw::co<void> {
		bool late = false;
		try {
			co_await aw::wait_for(job(2, 1), seconds(1));
		} catch (const aw::timed_out &) {
			late = true;
		}
		if (late) co_await aw::wait_for(job(1, 2), seconds(2));
	});
	expect_as("s003_09_wait_for_plan_b");
}

TEST_F(Cases, s003_11_to_thread) {
	std::mutex mutex;
	auto main_thread = std::this_thread::get_id();
	/* A thread of the executor has no clock of the loop's, and a virtual one stands still meanwhile. */
	auto hard_work = [&] {
		std::lock_guard guard(mutex);
		trace("t=0 main thread:", True_or_False(std::this_thread::get_id() == main_thread));
	};
	auto do_async_job = [&]() -> aw::co<void> {
		co_await aw::to_thread(hard_work);
		co_await aw::sleep(seconds(4));
		trace("job done!", stamp());
	};
	aw::run([&]() -> aw::co<void> {
		stamp();
		co_await aw::gather(do_async_job, do_async_job, do_async_job);
	});
	expect_as("s003_11_to_thread");
}

TEST_F(Cases, s003_12_run_equivalent) {
	auto left = [&](std::string name) -> aw::co<void> {
		std::optional<aw::cancelled> caught;
		try {
			co_await aw::sleep(1h);
		} catch (const aw::cancelled &e) {
			caught = e;
		}
		trace(name, "CancelledError");
		co_await aw::sleep(seconds(0.2));
		trace(name, "cleaned up");
		throw *caught;
	};
	aw::task<void> task;
	auto main = [&](std::string name) -> aw::co<std::string> {
		task = aw::spawn(left(name));
		co_await aw::sleep(seconds(0.1));
		std::vector<std::string> kinds(aw::loop::current().all_tasks().size(), "Task");
		trace("main ends", list(kinds));
		co_return name;
	};
	auto name = aw::run(main("run"));
	trace(name, True_or_False(task.cancelled()));
	task = {};
	auto loop = aw::loop::open();
	name = loop.run_until_complete(main("plain"));
	trace(name, "done:", True_or_False(task.done()));
	task.cancel();
	loop.run_until_complete([&]() -> aw::co<void> { co_await aw::gather(aw::return_errors, task); });
	loop.close();
	trace(True_or_False(task.cancelled()));
	task = {};
	expect_as("s003_12_run_equivalent");
}

TEST_F(Cases, s003_14_threadsafe_prose) {
	auto slow = [](int n) -> aw::co<int> {
		co_await aw::sleep(seconds(0.2));
		co_return n + 1;
	};
	auto loop = aw::loop::open();
	std::thread thread([&] { loop.run_forever(); });
	trace("concurrent", aw::spawn_threadsafe(loop, slow(41)).wait(20s));
	loop.call_soon_threadsafe([&] { loop.stop(); });
	thread.join();
	loop.close();
	expect_as("s003_14_threadsafe_prose");
}

TEST_F(Cases, s004_10_callback_prose) {
	aw::run([&]() -> aw::co<void> {
		auto told = [&](std::string label) {
			return [&, label](aw::future<int> ended) {
				if (ended.exception())
					trace(label, "exception");
				else
					trace(label, ended.result());
			};
		};
		auto ok = aw::spawn([]() -> aw::co<int> { co_return 1; });
		auto bad = aw::spawn([]() -> aw::co<int> {
			throw std::invalid_argument("bad");
			co_return 1;
		});
		ok.add_done_callback(told("ok"));
		bad.add_done_callback(told("bad"));
		trace("callbacks set");
		std::vector both{ok, bad};
		co_await aw::wait(both);
	});
	expect_as("s004_10_callback_prose");
}

TEST_F(Cases, s004_11_flow_of_control_prose) {
	auto inner = [&](int n) -> aw::co<void> {
		trace(n, "inner before");
		co_await aw::sleep(0s);
		trace(n, "inner after");
	};
	auto outer = [&](int n) -> aw::co<void> {
		trace(n, "outer before");
		co_await inner(n);
		trace(n, "outer after");
	};
	aw::run([&]() -> aw::co<void> { co_await aw::gather(outer(1), outer(2), outer(3)); });
	expect_as("s004_11_flow_of_control_prose");
}

} // namespace
