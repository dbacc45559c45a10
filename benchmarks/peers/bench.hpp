// SPDX-License-Identifier: MIT
// bench.c's rounds for a peer's program: `run()` has a warm-up and prints a sample for each round.
#ifndef BENCHMARKS_PEERS_BENCH_HPP
#define BENCHMARKS_PEERS_BENCH_HPP

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <string>
#include <thread>
#include <utility> // Boost 1.74 forgets it
#include <vector>

namespace bench {

constexpr std::size_t QUICK = 20;
constexpr unsigned SPREAD_MS = 20;

inline std::size_t rounds = 15;
inline bool quick = false, million = false;
inline std::chrono::nanoseconds paused{0};

using clock = std::chrono::steady_clock;

inline void init(int argc, char **argv) {
	for (int i = 1; i < argc; i++) {
		if (!std::strcmp(argv[i], "--quick")) quick = true;
		if (!std::strcmp(argv[i], "--million")) million = true;
		if (!std::strcmp(argv[i], "--rounds") && i + 1 < argc) rounds = std::strtoul(argv[++i], nullptr, 10);
	}
}

// The time until end() is not counted.
class pause {
  public:
	void end() {
		paused += clock::now() - began;
	}

  private:
	clock::time_point began = clock::now();
};

inline void sample(const char *work, const char *variant, double value) {
	std::printf("%s\t%s\t%.3f\n", work, variant, value);
	std::fflush(stdout);
}

template <typename Fn>
void run(const char *work, const char *variant, std::size_t count, Fn fn, bool may_be_less = true) {
	if (quick && may_be_less) count /= QUICK;
	for (std::size_t round = 0; round <= rounds; round++) {
		paused = {};
		auto began = clock::now();
		fn(count);
		std::chrono::duration<double, std::nano> took = clock::now() - began - paused;
		if (round) sample(work, variant, took.count() / static_cast<double>(count));
	}
}

// In microseconds, at random: those of timers.c.
inline const std::vector<unsigned> &delays() {
	static const std::vector<unsigned> all = [] {
		std::vector<unsigned> made(10000);
		srandom(1);
		for (auto &delay : made) delay = 1000 + static_cast<unsigned>(random()) % (SPREAD_MS * 1000);
		return made;
	}();
	return all;
}

inline void sleep_until_due() {
	pause paused;
	std::this_thread::sleep_for(std::chrono::milliseconds(SPREAD_MS + 4));
	paused.end();
}

// Resident memory and page tables, in bytes.
inline double resident() {
	std::ifstream file("/proc/self/status");
	double sum = 0;
	for (std::string word; file >> word;)
		if (word == "VmRSS:" || word == "VmPTE:") {
			file >> word;
			sum += std::stod(word) * 1024;
		}
	return sum;
}

} // namespace bench

#endif
