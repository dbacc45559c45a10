// SPDX-License-Identifier: MIT
// The work of the C programs on Boost.Asio, with C++20 coroutines as its tasks. Prints samples as bench.c does.
#include "bench.hpp"

#include <boost/asio.hpp>
#include <thread>
#include <vector>

namespace asio = boost::asio;

namespace {

constexpr std::size_t BATCH = 1000, TIMERS = 10000;
asio::io_context loop(1); // one thread runs it

// Runs all handlers that are ready.
void run_ready() {
	loop.restart();
	loop.poll();
}

// Runs until nothing is left.
void run_all() {
	loop.restart();
	loop.run();
}

// --- callbacks ---

std::size_t ran;

void callbacks(std::size_t count) {
	for (std::size_t done = 0; done < count; done += BATCH) {
		for (std::size_t i = 0; i < BATCH; i++) asio::post(loop, [] { ran++; });
		run_ready();
	}
}

void again(std::size_t left) {
	if (left) asio::post(loop, [left] { again(left - 1); });
}

void chain(std::size_t count) {
	again(count);
	run_all();
}

// --- tasks ---

asio::awaitable<void> nothing() {
	co_return;
}

asio::awaitable<void> one_by_one(std::size_t count) {
	for (std::size_t i = 0; i < count; i++) co_await asio::co_spawn(loop, nothing(), asio::use_awaitable);
}

void spawn_one_by_one(std::size_t count) {
	asio::co_spawn(loop, one_by_one(count), asio::detached);
	run_all();
}

void spawn_batches(std::size_t count) {
	for (std::size_t done = 0; done < count; done += BATCH) {
		for (std::size_t i = 0; i < BATCH; i++)
			asio::co_spawn(loop, nothing(), [](std::exception_ptr) { ran++; });
		run_all();
	}
}

asio::awaitable<void> give_turns(std::size_t &left) {
	while (left) {
		left--;
		co_await asio::post(asio::use_awaitable);
	}
}

void turns(std::size_t count) {
	std::size_t left = count;
	for (int i = 0; i < 2; i++) asio::co_spawn(loop, give_turns(left), asio::detached);
	run_all();
}

// --- timers ---

std::vector<asio::steady_timer> timers;

void timers_fire(std::size_t count) {
	for (std::size_t i = 0; i < count; i++) {
		timers[i].expires_after(std::chrono::microseconds(bench::delays()[i]));
		timers[i].async_wait([](boost::system::error_code) { ran++; });
	}
	bench::sleep_until_due();
	run_ready();
}

void timers_cancel(std::size_t count) {
	bench::pause paused;
	for (std::size_t i = 0; i < TIMERS; i++) {
		timers[i].expires_after(std::chrono::seconds(100 + bench::delays()[i]));
		timers[i].async_wait([](boost::system::error_code) {});
	}
	asio::steady_timer extra(loop);
	paused.end();
	for (std::size_t i = 0; i < count; i++) {
		extra.expires_after(std::chrono::seconds(100 + bench::delays()[i % TIMERS]));
		extra.async_wait([](boost::system::error_code) { ran++; });
		extra.cancel();
		if (i % 100 == 99) run_ready();
	}
	bench::pause again;
	for (auto &timer : timers) timer.cancel();
	run_ready();
	again.end();
}

// --- threads ---

asio::thread_pool pool(1);

// A job in the pool, whose handler in the loop starts the next one.
struct job {
	std::size_t left;

	void start() const {
		asio::post(pool, [self = *this, guard = asio::make_work_guard(loop)] {
			asio::post(loop, [self] {
				if (self.left > 1) job{self.left - 1}.start();
			});
		});
	}
};

void jobs_one_by_one(std::size_t count) {
	job{count}.start();
	run_all();
}

void jobs_at_once(std::size_t count) {
	for (std::size_t done = 0; done < count; done += BATCH) {
		for (std::size_t i = 0; i < BATCH; i++) job{1}.start();
		run_all();
	}
}

struct side {
	asio::io_context loop{1};
	side *other = nullptr;
};

void wake(side &of, std::size_t &left) {
	asio::post(of.loop, [&of, &left] {
		bool last = left == 0;
		if (!last) {
			last = --left == 0;
			wake(*of.other, left);
		}
		if (last) of.loop.stop();
	});
}

void ping_pong(std::size_t count) {
	side sides[2];
	std::size_t left = count;
	for (int i = 0; i < 2; i++) sides[i].other = &sides[1 - i];
	auto run = [](side &self) {
		auto guard = asio::make_work_guard(self.loop);
		self.loop.run();
	};
	std::thread thread(run, std::ref(sides[1]));
	wake(sides[0], left);
	run(sides[0]);
	thread.join();
}

// --- memory ---

asio::awaitable<void> sleep_long() {
	asio::steady_timer timer(co_await asio::this_coro::executor, std::chrono::hours(1));
	co_await timer.async_wait(asio::use_awaitable);
}

void memory(const char *work, std::size_t count) {
	(void)bench::resident();
	double before = bench::resident();
	for (std::size_t i = 0; i < count; i++) asio::co_spawn(loop, sleep_long(), asio::detached);
	run_ready();
	bench::sample(work, "Boost.Asio, a coroutine with a steady_timer",
	              (bench::resident() - before) / static_cast<double>(count));
}

} // namespace

int main(int argc, char **argv) {
	bench::init(argc, argv);
	if (bench::million) {
		memory("memory of a sleeping task, of 1,000,000, bytes", 1000000);
		std::_Exit(0); // without freeing each
	}
	// Before all else: a loop without timers and sockets makes no system call.
	for (std::size_t i = 0; i < TIMERS; i++) timers.emplace_back(loop);
	bench::run("a callback, 1,000 in one iteration", "Boost.Asio: post", 1000 * BATCH, callbacks);
	bench::run("a callback, one in each iteration", "Boost.Asio: post", 200000, chain);
	bench::run("a task spawned and joined, one by one", "Boost.Asio: co_spawn", 200 * BATCH,
	           spawn_one_by_one);
	bench::run("a task spawned and joined, 1,000 at once", "Boost.Asio: co_spawn", 200 * BATCH,
	           spawn_batches);
	bench::run("a task's turn given away", "Boost.Asio: co_await post", 200 * BATCH, turns);
	bench::run("a timer set and fired, 10,000 at once", "Boost.Asio: steady_timer", TIMERS, timers_fire,
	           false);
	bench::run("a timer set and cancelled, 10,000 waiting", "Boost.Asio: steady_timer", 500000,
	           timers_cancel);
	timers.clear();
	bench::run("a job in a thread, one by one", "Boost.Asio: thread_pool", 20000, jobs_one_by_one);
	bench::run("a job in a thread, 1,000 at once", "Boost.Asio: thread_pool", 100000, jobs_at_once);
	bench::run("a loop woken by another thread's", "Boost.Asio: post", 20000, ping_pong);
	memory("memory of a sleeping task, bytes", 10000);
	std::fflush(stdout);
	std::_Exit(0);
}
