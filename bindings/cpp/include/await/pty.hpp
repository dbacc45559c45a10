/* SPDX-License-Identifier: MIT */
/**
 * @file pty.hpp
 * Pseudo-terminals, for children that want to talk to a terminal.
 */
#ifndef AWAIT_PTY_HPP
#define AWAIT_PTY_HPP

#include <await/stream.hpp>
#include <cstdint>
#include <string>
#include <unistd.h>
#include <utility>

namespace libawait {

/** The size of a terminal, in characters. */
struct terminal_size {
	int rows = 0, columns = 0;
};

/**
 * A pseudo-terminal: the program has the master, children have the terminal. Owns both descriptors; it can be
 * moved, and not copied. Close the terminal when the children are started: once the last of them has closed it,
 * reads from the master end.
 */
class pty {
public:
	/** A size of 0 by 0 leaves it unset. asyncio: pty.openpty. */
	explicit pty(terminal_size size = terminal_size()) {
		detail::check(aw_pty_open(size.rows, size.columns, &master_, &terminal_));
	}
	pty(pty &&other) noexcept
		: master_(std::exchange(other.master_, -1)), terminal_(std::exchange(other.terminal_, -1)) {}
	pty &operator=(pty &&other) noexcept {
		std::swap(master_, other.master_);
		std::swap(terminal_, other.terminal_);
		return *this;
	}
	~pty() {
		close_terminal();
		if (master_ >= 0) ::close(master_);
	}

	int master() const noexcept {
		return master_;
	}
	int terminal() const noexcept {
		return terminal_;
	}
	/** Moves the master into a stream. */
	stream take_stream(const stream_options &how = {}, const loop &of = {}) {
		stream made = stream::from_fd(master_, how, of);
		master_ = -1;
		return made;
	}
	void close_terminal() noexcept {
		if (terminal_ >= 0) ::close(terminal_);
		terminal_ = -1;
	}
	/** Returns the path of the terminal. */
	std::string name() const {
		char text[256];
		detail::check(aw_pty_name(master_, text, sizeof text));
		return text;
	}
	terminal_size size() const {
		return size_of(master_);
	}
	/** Sets the size; if that changes it, the processes in the foreground get SIGWINCH. */
	void set_size(terminal_size size) {
		set_size_of(master_, size);
	}

	/** The same for any descriptor of a terminal: that of a stream, or the program's own. */
	static terminal_size size_of(int fd) {
		terminal_size size;
		detail::check(aw_pty_size(fd, &size.rows, &size.columns));
		return size;
	}
	static void set_size_of(int fd, terminal_size size) {
		detail::check(aw_pty_set_size(fd, size.rows, size.columns));
	}

private:
	int master_ = -1, terminal_ = -1;
};

} // namespace libawait

#endif
