// SPDX-License-Identifier: MIT
// What the tests share: the trace, what CPython printed, and the check that no handle is left.
#ifndef CPP_TESTS_CHECK_HPP
#define CPP_TESTS_CHECK_HPP

#include <await/await.hpp>
#include <cmath>
#include <cstdlib>
#include <fstream>
#include <gtest/gtest.h>
#include <regex>
#include <sstream>

using namespace std::chrono_literals;
namespace aw = libawait;

/** Does time jump here? */
inline bool is_virtual() {
	const char *name = std::getenv("AWAIT_BACKEND");
	return name && std::string(name) == "virtual";
}

/** A test after which as many handles live as before. */
class Case : public testing::Test {
protected:
	void SetUp() override {
		before_ = aw::live_handles();
	}
	void TearDown() override {
		EXPECT_EQ(aw::live_handles(), before_);
	}
	template <class... Args> void trace(const Args &...args) {
		std::ostringstream line;
		line << std::boolalpha;
		const char *space = "";
		((line << space << args, space = " "), ...);
		lines_ += line.str() + "\n";
	}
	std::string lines_;

private:
	int64_t before_ = 0;
};

/** A loop of the test's own, closed at its end. */
class open_loop {
public:
	open_loop() : loop_(aw::loop::open()) {}
	~open_loop() {
		loop_.close();
	}
	aw::loop *operator->() {
		return &loop_;
	}
	operator const aw::loop &() const {
		return loop_;
	}

private:
	aw::loop loop_;
};

/** Counts how many of it live. */
class counted {
public:
	explicit counted(int &living) : living_(&living) {
		++*living_;
	}
	counted(const counted &other) : counted(*other.living_) {}
	counted &operator=(const counted &) = delete;
	~counted() {
		--*living_;
	}

private:
	int *living_;
};

/** The program's own exception. */
struct sunk {
	int depth;
};

#endif
