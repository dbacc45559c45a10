// SPDX-License-Identifier: MIT
// C++20 coroutines: what they await, how they fail and are cancelled, and what happens if they can't continue.
#include "check.hpp"

#include <fcntl.h>
#include <thread>
#include <unistd.h>

namespace {

class Coroutines : public Case {};

aw::co<int> given(int value) {
	co_return value;
}
aw::co<void> nothing() {
	co_return;
}

TEST_F(Coroutines, do_nothing_before_they_are_awaited) {
	int living = 0;
	bool ran = false;
	auto body = [&](counted) -> aw::co<void> {
		ran = true;
		co_return;
	};
	{
		auto never = body(counted(living));
		EXPECT_EQ(living, 1);
	}
	EXPECT_EQ(living, 0);
	EXPECT_FALSE(ran);
	aw::run(body(counted(living)));
	EXPECT_TRUE(ran);
	EXPECT_EQ(living, 0);
}

TEST_F(Coroutines, give_values_that_move) {
	auto unique = []() -> aw::co<std::unique_ptr<int>> { co_return std::make_unique<int>(8); };
	EXPECT_EQ(*aw::run(unique()), 8);
	aw::run([&]() -> aw::co<void> {
		EXPECT_EQ(*co_await unique(), 8);
		auto task = aw::spawn(unique());
		EXPECT_EQ(*co_await task, 8);
		EXPECT_THROW(task.result(), aw::error);
		auto [a, b] = co_await aw::gather(unique(), nothing());
		EXPECT_EQ(*a, 8);
		EXPECT_EQ(b, std::monostate());
	});
}

TEST_F(Coroutines, run_once) {
	auto once = given(1);
	EXPECT_EQ(aw::run(std::move(once)), 1);
	EXPECT_THROW(aw::run(std::move(once)), aw::error);
	aw::run([]() -> aw::co<void> {
		auto twice = given(2);
		EXPECT_EQ(co_await std::move(twice), 2);
		bool refused = false;
		try {
			co_await std::move(twice);
		} catch (const aw::error &e) {
			refused = e.code() == AW_EREUSED;
		}
		EXPECT_TRUE(refused);
	});
}

/* Deep enough to run over a stack, if each took any of it. */
aw::co<int> count_down(int n) {
	if (n == 0) co_return 0;
	co_return 1 + co_await count_down(n - 1);
}

TEST_F(Coroutines, await_each_other_without_stack) {
	EXPECT_EQ(aw::run(count_down(20000)), 20000);
	EXPECT_EQ(aw::run([]() -> aw::co<int> {
				  int sum = 0;
				  for (int i = 0; i < 200000; i++) sum += co_await given(1);
				  co_return sum;
			  }),
	          200000);
}

TEST_F(Coroutines, exceptions_come_out_as_themselves) {
	auto sinks = [](int depth) -> aw::co<int> {
		co_await aw::sleep(0s);
		throw sunk{depth};
	};
	EXPECT_THROW(aw::run(sinks(1)), sunk);
	aw::run([&]() -> aw::co<void> {
		int caught = 0;
		auto task = aw::spawn(sinks(3));
		auto shield = aw::shield(task);
		auto in_chain = [&]() -> aw::co<int> { co_return co_await sinks(2); };
		try {
			co_await in_chain();
		} catch (const sunk &e) {
			caught += e.depth;
		}
		try {
			co_await shield;
		} catch (const sunk &e) {
			caught += e.depth;
		}
		try {
			co_await aw::wait_for(task, 1s);
		} catch (const sunk &e) {
			caught += e.depth;
		}
		try {
			co_await aw::wait_for(sinks(4), 1s);
		} catch (const sunk &e) {
			caught += e.depth;
		}
		try {
			co_await aw::to_thread([] { throw sunk{5}; });
		} catch (const sunk &e) {
			caught += e.depth;
		}
		EXPECT_EQ(caught, 2 + 3 + 3 + 4 + 5);
	});
}

TEST_F(Coroutines, a_failure_that_nobody_saw_is_reported) {
	aw::run([&]() -> aw::co<void> {
		aw::loop::current().set_exception_handler([&](const aw::report &what) {
			EXPECT_TRUE(what.future());
			EXPECT_FALSE(what.handle());
			EXPECT_STRNE(what.origin(), ""); /* told on the loop of a front door */
			try {
				std::rethrow_exception(what.exception());
			} catch (const sunk &e) {
				trace(what.message(), e.depth);
			}
		});
		aw::spawn([]() -> aw::co<void> {
			throw sunk{2};
			co_return;
		});
		co_await aw::sleep(1ms);
	});
	EXPECT_EQ(lines_, "Task exception was never retrieved 2\n");
}

TEST_F(Coroutines, a_cancellation_comes_out_of_each_await) {
	aw::run([&]() -> aw::co<void> {
		auto queue = aw::queue<int>::create();
		auto full = aw::queue<int>::create(1);
		full.put_nowait(1);
		auto lock = aw::lock::create();
		lock.try_acquire();
		auto event = aw::event::create();
		auto semaphore = aw::semaphore::create(0);
		auto barrier = aw::barrier::create(2);
		auto future = aw::future<int>::create();
		auto process = aw::process::shell("exec sleep 100");
		auto condition = aw::condition::create();
		auto guard = co_await condition.get_lock().hold();
		int living = 0;
		auto cancelled_in = [&](auto make) -> aw::co<void> {
			auto task = aw::spawn([&living, make]() -> aw::co<void> {
				counted mark(living);
				try {
					co_await make();
				} catch (const aw::cancelled &e) {
					EXPECT_STREQ(e.message(), "enough");
					throw;
				}
			});
			co_await aw::sleep(0s);
			co_await aw::sleep(0s);
			EXPECT_EQ(living, 1);
			EXPECT_TRUE(task.cancel("enough"));
			bool seen = false;
			try {
				co_await task;
			} catch (const aw::cancelled &e) {
				seen = true;
			}
			EXPECT_TRUE(seen && task.cancelled());
			EXPECT_EQ(living, 0);
		};
		co_await cancelled_in([] { return aw::sleep(1h); });
		co_await cancelled_in([&] { return queue.take(); });
		co_await cancelled_in([&] { return full.put(2); });
		co_await cancelled_in([&] { return full.join(); });
		co_await cancelled_in([&] { return lock.acquire(); });
		co_await cancelled_in([&] { return lock.hold(); });
		co_await cancelled_in([&] { return event.wait(); });
		co_await cancelled_in([&] { return semaphore.acquire(); });
		co_await cancelled_in([&] { return semaphore.hold(); });
		co_await cancelled_in([&] { return barrier.wait(); });
		co_await cancelled_in([&] { return aw::shield(future); });
		co_await cancelled_in([&] { return process.wait(); });
		co_await cancelled_in([] { return aw::future<int>::create(); });
		co_await cancelled_in([] { return aw::wait_for(aw::future<int>::create(), 1h); });
		co_await cancelled_in([&]() -> aw::co<void> { co_await aw::wait_for(aw::spawn(aw::sleep(1h)), 1h); });
		co_await cancelled_in([] { return aw::gather(aw::future<int>::create(), aw::sleep(1h)); });
		co_await cancelled_in([&] { return aw::wait(std::vector<aw::future<int>>(1, future)); });
		co_await cancelled_in([&]() -> aw::co<void> {
			auto held = co_await semaphore.hold();
			(void)held;
		});
		co_await cancelled_in([&]() -> aw::co<void> {
			co_await aw::with_task_group([&](aw::task_group &group) -> aw::co<void> {
				group.spawn(aw::sleep(1h));
				co_await aw::sleep(1h);
			});
		});
		/* Nothing was lost or taken by those who left. */
		EXPECT_FALSE(future.done());
		EXPECT_EQ(full.size(), 1u);
		EXPECT_EQ(semaphore.value(), 0);
		queue.put_nowait(5);
		EXPECT_EQ(co_await queue.take(), 5);
		semaphore.release();
		EXPECT_TRUE(semaphore.try_acquire());
	});
}

TEST_F(Coroutines, a_cancellation_may_be_handled) {
	aw::run([]() -> aw::co<void> {
		auto stubborn = aw::spawn([]() -> aw::co<std::string> {
			try {
				co_await aw::sleep(1h);
			} catch (const std::exception &) {
				co_return "an exception like any other";
			} catch (const aw::cancelled &) {
			}
			EXPECT_EQ(aw::current_task().cancelling(), 1);
			EXPECT_EQ(aw::current_task().uncancel(), 0);
			co_return "continues";
		});
		co_await aw::sleep(0s);
		stubborn.cancel();
		EXPECT_EQ(co_await stubborn, "continues");
		EXPECT_FALSE(stubborn.cancelled());
	});
}

TEST_F(Coroutines, a_cancelled_coroutine_may_await_while_it_cleans_up) {
	aw::run([&]() -> aw::co<void> {
		auto task = aw::spawn([&]() -> aw::co<void> {
			std::exception_ptr why;
			try {
				co_await aw::sleep(1h);
			} catch (const aw::cancelled &) {
				why = std::current_exception();
			}
			co_await aw::sleep(1ms);
			trace("clean");
			std::rethrow_exception(why);
		});
		co_await aw::sleep(0s);
		task.cancel();
		auto ended = co_await aw::gather(aw::return_errors, task);
		EXPECT_TRUE(std::get<0>(ended).cancelled());
		EXPECT_FALSE(std::get<0>(ended).has_value());
		EXPECT_THROW(std::rethrow_exception(std::get<0>(ended).exception()), aw::cancelled);
	});
	EXPECT_EQ(lines_, "clean\n");
}

TEST_F(Coroutines, those_that_can_not_go_on_are_destroyed_with_what_they_hold) {
	int living = 0;
	{
		open_loop loop;
		auto lock = aw::lock::create(loop);
		auto never = aw::future<int>::create(loop);
		auto inner = [&]() -> aw::co<void> {
			counted mark(living);
			co_await never;
		};
		auto outer = [&]() -> aw::co<void> {
			counted mark(living);
			auto guard = co_await lock.hold();
			co_await inner();
		};
		aw::spawn(loop, outer());
		aw::spawn(loop, [mark = counted(living), &never]() -> aw::co<void> {
			co_await aw::gather(never, aw::sleep(1h));
		});
		aw::spawn(loop, [&, mark = counted(living)]() -> aw::co<void> {
			co_await aw::with_task_group([&](aw::task_group &group) -> aw::co<void> {
				counted more(living);
				group.spawn(inner());
				co_await aw::wait_for(inner(), 1h);
			});
		});
		for (int i = 0; i < 4; i++) loop->run_once(0s);
		EXPECT_EQ(living, 7);
		EXPECT_TRUE(lock.locked());
		aw::spawn(loop, [mark = counted(living)]() -> aw::co<void> { co_return; });
		EXPECT_EQ(living, 8);
	}
	EXPECT_EQ(living, 0);
}

TEST_F(Coroutines, one_may_drop_its_own_task_and_loop) {
	auto task = std::make_shared<aw::task<void>>();
	aw::run([task]() -> aw::co<void> {
		*task = aw::spawn([task]() -> aw::co<void> {
			*task = {};
			co_await aw::sleep(0s);
			aw::loop::current().call_soon([] {});
		});
		co_await aw::sleep(1ms);
	});
	EXPECT_FALSE(*task);
}

TEST_F(Coroutines, limits) {
	aw::run([&]() -> aw::co<void> {
		int living = 0;
		auto slow = [&](aw::time_span delay) -> aw::co<int> {
			counted mark(living);
			co_await aw::sleep(delay);
			co_return 1;
		};
		auto late = [&](auto what) -> aw::co<bool> {
			try {
				co_await std::move(what);
			} catch (const aw::timed_out &) {
				co_return living == 0;
			}
			co_return false;
		};
		EXPECT_EQ(co_await aw::wait_for(slow(1ms), 1h), 1);
		EXPECT_EQ(co_await aw::wait_for(aw::spawn(slow(1ms)), 1h), 1);
		EXPECT_TRUE(co_await late(aw::wait_for(slow(1h), 2ms)));
		EXPECT_TRUE(co_await late(aw::wait_for(aw::spawn(slow(1h)), 2ms)));
		EXPECT_TRUE(co_await late(aw::wait_for(slow(1h), 0s)));
		EXPECT_TRUE(co_await late(aw::wait_for(aw::wait_for(slow(1h), 1h), 2ms)));
		EXPECT_TRUE(co_await late(
			aw::timeout(aw::loop::current().time() + 2ms).run([&]() -> aw::co<void> { co_await slow(1h); })));
		aw::timeout moved(1h);
		auto moves = [&]() -> aw::co<void> {
			moved.reschedule(aw::loop::current().time() + 1ms);
			EXPECT_LT(moved.when(), aw::loop::current().time() + 1h);
			co_await slow(1h);
		};
		EXPECT_TRUE(co_await late(moved.run(moves)));
		EXPECT_TRUE(moved.expired());
		/* A cancellation from outside is not a timeout. */
		auto task = aw::spawn(aw::wait_for(slow(1h), 1h));
		co_await aw::sleep(0s);
		task.cancel();
		auto [ended] = co_await aw::gather(aw::return_errors, task);
		EXPECT_TRUE(ended.cancelled());
	});
}

TEST_F(Coroutines, groups) {
	aw::run([&]() -> aw::co<void> {
		auto sum = co_await aw::with_task_group([](aw::task_group &group) -> aw::co<int> {
			auto a = group.spawn(given(1));
			auto b = group.spawn([]() -> aw::co<int> { co_return 2; });
			auto c = group.spawn([] {
				aw::await(aw::sleep(1ms));
				return 4;
			});
			co_return co_await a + co_await b + co_await c;
		});
		EXPECT_EQ(sum, 7);
		bool cancelled = false;
		try {
			co_await aw::with_task_group([&](aw::task_group &group) -> aw::co<void> {
				group.spawn([&]() -> aw::co<void> {
					try {
						co_await aw::sleep(1h);
					} catch (const aw::cancelled &) {
						cancelled = true;
						throw;
					}
				});
				group.spawn([]() -> aw::co<void> {
					co_await aw::sleep(1ms);
					throw sunk{3};
				});
				co_await aw::sleep(1h);
			});
		} catch (const aw::group_error &e) {
			for (const std::exception_ptr &part : e.exceptions()) {
				try {
					std::rethrow_exception(part);
				} catch (const sunk &s) {
					trace("sunk", s.depth);
				}
			}
		}
		EXPECT_TRUE(cancelled);
	});
	EXPECT_EQ(lines_, "sunk 3\n");
}

TEST_F(Coroutines, a_group_in_a_group_keeps_its_parts) {
	int depth = 0;
	try {
		aw::run([]() -> aw::co<void> {
			co_await aw::with_task_group([](aw::task_group &outer) -> aw::co<void> {
				outer.spawn([]() -> aw::co<void> {
					co_await aw::with_task_group([](aw::task_group &inner) -> aw::co<void> {
						inner.spawn([]() -> aw::co<void> {
							throw sunk{1};
							co_return;
						});
						co_return;
					});
				});
				co_return;
			});
		});
	} catch (const aw::group_error &outer) {
		try {
			std::rethrow_exception(outer.exceptions().at(0));
		} catch (const aw::group_error &inner) {
			try {
				std::rethrow_exception(inner.exceptions().at(0));
			} catch (const sunk &e) {
				depth = e.depth;
			}
		}
	}
	EXPECT_EQ(depth, 1);
}

TEST_F(Coroutines, iterators) {
	int living = 0;
	aw::run([&]() -> aw::co<void> {
		auto numbers = aw::iterator<std::unique_ptr<int>>::over(
			[mark = counted(living), n = 0]() mutable -> aw::co<std::optional<std::unique_ptr<int>>> {
				co_await aw::sleep(1ms);
				if (n == 3) co_return std::nullopt;
				co_return std::make_unique<int>(n++);
			});
		while (auto item = co_await numbers.next()) trace(**item);
		EXPECT_FALSE(co_await numbers.next());
		auto broken = aw::iterator<int>::over([]() -> aw::co<std::optional<int>> {
			throw sunk{6};
			co_return 1;
		});
		int depth = 0;
		try {
			co_await broken.next();
		} catch (const sunk &e) {
			depth = e.depth;
		}
		EXPECT_EQ(depth, 6);
		EXPECT_EQ(living, 1);
	});
	EXPECT_EQ(living, 0);
	EXPECT_EQ(lines_, "0\n1\n2\n");
}

TEST_F(Coroutines, queues_lose_nothing) {
	int living = 0;
	aw::run([&]() -> aw::co<void> {
		auto queue = aw::queue<counted>::create(2);
		int taken = 0;
		auto consumer = [&]() -> aw::co<void> {
			for (;;) {
				try {
					auto item = co_await aw::wait_for(queue.take(), 1ms);
					taken++;
					queue.task_done();
				} catch (const aw::timed_out &) {
					continue;
				} catch (const aw::error &e) {
					EXPECT_EQ(e.code(), AW_EQUEUESHUTDOWN);
					co_return;
				}
			}
		};
		auto producer = [&]() -> aw::co<void> {
			for (int i = 0; i < 50; i++) {
				co_await queue.put(counted(living));
				if (i % 7 == 0) co_await aw::sleep(3ms);
			}
			co_await queue.join();
			queue.shutdown();
		};
		co_await aw::gather(consumer, consumer, producer);
		EXPECT_EQ(taken, 50);
	});
	EXPECT_EQ(living, 0);
}

TEST_F(Coroutines, eager_ones_and_stackful_ones_mix) {
	aw::run([&]() -> aw::co<void> {
		auto eager = aw::spawn_eager([&]() -> aw::co<int> {
			trace("at once");
			co_return 1;
		});
		EXPECT_TRUE(eager.done());
		auto stackful =
			aw::spawn([] { return aw::await(aw::spawn(given(2))) + aw::await(aw::wait_for(given(3), 1s)); });
		EXPECT_EQ(co_await eager + co_await stackful, 6);
		EXPECT_NE(aw::spawn(given(1)).get_coro(), nullptr);
	});
	EXPECT_EQ(lines_, "at once\n");
}

TEST_F(Coroutines, one_may_leave_the_loop) {
	EXPECT_THROW(aw::run([]() -> aw::co<void> {
					 co_await aw::sleep(0s);
					 throw aw::leave_loop();
				 }),
	             aw::error);
	auto run_in_coroutine = []() -> aw::co<void> {
		EXPECT_THROW(aw::run(nothing()), aw::error);
		co_return;
	};
	aw::run(run_in_coroutine());
}

TEST_F(Coroutines, a_run_that_is_left_leaves_its_task) {
	int living = 0;
	for (bool again : {false, true}) {
		aw::runner runner;
		EXPECT_THROW(runner.run([&]() -> aw::co<std::string> {
			counted mark(living);
			aw::loop::current().call_soon([] { throw aw::leave_loop(); });
			co_await aw::sleep(1ms);
			co_return "too late";
		}),
		             aw::error);
		EXPECT_EQ(living, 1);
		auto next = []() -> aw::co<int> {
			co_await aw::sleep(2ms);
			co_return 1;
		};
		if (again) {
			EXPECT_EQ(runner.run(next()), 1);
		}
		EXPECT_EQ(living, again ? 0 : 1);
	}
	EXPECT_EQ(living, 0);
}

TEST_F(Coroutines, an_empty_handle_is_told_at_the_await) {
	aw::run([]() -> aw::co<void> {
		bool refused = false;
		try {
			co_await aw::future<int>();
		} catch (const aw::error &e) {
			refused = e.code() == AW_EBADHANDLE;
		}
		EXPECT_TRUE(refused);
	});
}

TEST_F(Coroutines, a_limit_counts_from_its_await) {
	aw::run([]() -> aw::co<void> {
		auto limited = aw::wait_for(aw::sleep(20ms, 1), 1s);
		auto coroutine = aw::wait_for(given(2), 1s);
		auto wait = aw::wait_for(aw::future<int>::create(), 1ms);
		co_await aw::sleep(is_virtual() ? 10s : 0s);
		EXPECT_EQ(co_await std::move(limited) + co_await std::move(coroutine), 3);
		bool late = false;
		try {
			co_await std::move(wait);
		} catch (const aw::timed_out &) {
			late = true;
		}
		EXPECT_TRUE(late);
	});
}

TEST_F(Coroutines, await_descriptors_futures_and_themselves) {
	aw::run([]() -> aw::co<void> {
		int ends[2];
		EXPECT_EQ(pipe2(ends, O_CLOEXEC), 0);
		aw::loop::current().call_later(1ms, [&] { EXPECT_EQ(write(ends[1], "x", 1), 1); });
		uint32_t ready = co_await aw::fd_wait(ends[0], AW_POLL_IN);
		EXPECT_EQ(ready & AW_POLL_IN, static_cast<uint32_t>(AW_POLL_IN));
		close(ends[0]);
		close(ends[1]);
		bool refused = false;
		try {
			co_await aw::current_task();
		} catch (const aw::error &e) {
			refused = e.code() == AW_ESELFAWAIT;
		}
		EXPECT_TRUE(refused);
		auto other = aw::loop::open();
		auto foreign = aw::future<int>::create(other);
		try {
			co_await foreign;
		} catch (const aw::error &e) {
			refused = e.code() != AW_EFOREIGNLOOP;
		}
		EXPECT_FALSE(refused);
		other.close();
	});
}

TEST_F(Coroutines, many_tasks) {
	EXPECT_EQ(aw::run([]() -> aw::co<int> {
				  std::vector<aw::task<int>> tasks;
				  for (int i = 0; i < 10000; i++)
					  tasks.push_back(aw::spawn([i]() -> aw::co<int> {
						  co_await aw::sleep(0s);
						  co_return i % 2;
					  }));
				  EXPECT_EQ(aw::loop::current().all_tasks().size(), 10001u);
				  int sum = 0;
				  for (int one : co_await aw::gather(tasks)) sum += one;
				  co_return sum;
			  }),
	          5000);
}

} // namespace
