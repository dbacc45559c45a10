/* SPDX-License-Identifier: MIT */
/**
 * @file process.hpp
 * Child processes.
 */
#ifndef AWAIT_PROCESS_HPP
#define AWAIT_PROCESS_HPP

#include <await/task.hpp>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace libawait {

/** How to start a child: `process_options().pipe(1).flags(AW_PROCESS_GROUP)`. */
class process_options
	: public detail::shared<aw_process_options, aw_process_options_ref, aw_process_options_unref> {
public:
	using shared::shared;

	process_options() : shared(adopt, detail::make<process_options>(aw_process_options_new).release()) {}

	/** Sets stream 0, 1 or 2 to one of ::aw_stdio; `fd` is for ::AW_STDIO_FD, and the caller keeps it. */
	process_options &stdio(int stream, int32_t how, int fd = -1) {
		detail::check(aw_process_options_set_stdio(get(), stream, how, fd));
		return *this;
	}
	process_options &pipe(int stream) {
		return stdio(stream, AW_STDIO_PIPE);
	}
	process_options &cwd(const std::string &path) {
		detail::check(aw_process_options_set_cwd(get(), path.c_str()));
		return *this;
	}
	/** Sets the whole environment, as "NAME=value" entries. */
	process_options &env(const std::vector<std::string> &entries) {
		std::vector<const char *> raw;
		for (const std::string &entry : entries) raw.push_back(entry.c_str());
		detail::check(aw_process_options_set_env(get(), raw.data(), raw.size()));
		return *this;
	}
	/** Sets flags of ::aw_process_flag. */
	process_options &flags(uint32_t flags) {
		detail::check(aw_process_options_set_flags(get(), flags));
		return *this;
	}
	/** Sets the process group to join; 0 creates one. */
	process_options &group(int32_t pgid) {
		detail::check(aw_process_options_set_group(get(), pgid));
		return *this;
	}
};

/** A child process. Dropping the last handle kills and reaps it, unless it is detached. asyncio: Process. */
class process : public detail::shared<aw_process, aw_process_ref, aw_process_unref> {
public:
	using shared::shared;

	/** Starts `/bin/sh -c command`: never with untrusted text. asyncio.create_subprocess_shell. */
	static process shell(const std::string &command, const process_options &how = {}, const loop &of = {}) {
		return detail::make<process>(
			[&](aw_process **out) { return aw_subprocess_shell(of.get(), command.c_str(), how.get(), out); });
	}
	/** Starts a program. Throws the error if the exec fails. asyncio.create_subprocess_exec. */
	static process exec(const std::vector<std::string> &argv, const process_options &how = {},
	                    const loop &of = {}) {
		std::vector<const char *> raw;
		for (const std::string &word : argv) raw.push_back(word.c_str());
		return detail::make<process>([&](aw_process **out) {
			return aw_subprocess_exec(of.get(), raw.data(), raw.size(), how.get(), out);
		});
	}
	/** Takes over a child forked elsewhere. */
	static process adopt_child(int32_t pid, int pidfd = -1, uint32_t flags = AW_PROCESS_DEFAULT,
	                           const loop &of = {}) {
		return detail::make<process>(
			[&](aw_process **out) { return aw_process_adopt(of.get(), pid, pidfd, flags, out); });
	}

	int32_t pid() const noexcept {
		return aw_process_pid(get());
	}
	/** Returns the exit status, `-N` for signal N; none while it runs. asyncio: Process.returncode. */
	std::optional<int> returncode() const {
		int32_t code = 0;
		aw_status status = aw_process_returncode(get(), &code);
		if (status == AW_EINVALIDSTATE) return std::nullopt;
		detail::check(status);
		return code;
	}
	/** Waits only for the exit; the value is the return code. asyncio: Process.wait. */
	future<int> wait() {
		return detail::make<future<int>>([&](aw_future **out) { return aw_process_wait(get(), out); });
	}
	/** Waits for the exit and the ends of the pipes, which it reads meanwhile. */
	future<int> wait_closed() {
		return detail::make<future<int>>([&](aw_future **out) { return aw_process_wait_closed(get(), out); });
	}
	/**
	 * Feeds `input` to a piped stdin, reads the other pipes to their ends, and waits for the exit; the value
	 * is the return code, and output() returns what was read. Cancelling it loses nothing: call it again to
	 * continue. asyncio: Process.communicate.
	 */
	future<int> communicate() {
		return detail::make<future<int>>(
			[&](aw_future **out) { return aw_process_communicate(get(), nullptr, 0, out); });
	}
	future<int> communicate(const std::string &input) {
		return detail::make<future<int>>(
			[&](aw_future **out) { return aw_process_communicate(get(), input.data(), input.size(), out); });
	}
	/** Returns what has been read from stream 1 or 2 so far. */
	std::string output(int stream = 1) const {
		const void *data = nullptr;
		size_t length = 0;
		detail::check(aw_process_output(get(), stream, &data, &length));
		return length ? std::string(static_cast<const char *>(data), length) : std::string();
	}
	/** Returns the parent's end of a pipe, non-blocking, which the caller then owns. */
	int take_pipe(int stream) {
		int fd = -1;
		detail::check(aw_process_take_pipe(get(), stream, &fd));
		return fd;
	}
	/** Sends a signal. Throws -ESRCH once the child has exited. asyncio: Process.send_signal. */
	void send_signal(int number) {
		detail::check(aw_process_send_signal(get(), number));
	}
	void terminate() {
		detail::check(aw_process_terminate(get()));
	}
	void kill() {
		detail::check(aw_process_kill(get()));
	}
	/** Closes the pipes, and kills the child if it still runs. */
	void close() {
		detail::check(aw_process_close(get()));
	}
};

} // namespace libawait

#endif
