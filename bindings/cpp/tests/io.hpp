// SPDX-License-Identifier: MIT
// What the tests of input and output share.
#ifndef CPP_TESTS_IO_HPP
#define CPP_TESTS_IO_HPP

#include "check.hpp"

#include <cstdio>
#include <filesystem>
#include <unistd.h>

/** A folder of the test's own, removed at its end. */
class folder {
public:
	folder() {
		char name[] = "/tmp/await-cpp-XXXXXX";
		if (!mkdtemp(name)) throw std::runtime_error("mkdtemp");
		path_ = name;
	}
	folder(const folder &) = delete;
	folder &operator=(const folder &) = delete;
	~folder() {
		std::error_code ignored;
		std::filesystem::remove_all(path_, ignored);
	}
	std::string operator/(const std::string &name) const {
		return path_ + "/" + name;
	}
	const std::string &path() const {
		return path_;
	}

private:
	std::string path_;
};

#endif
