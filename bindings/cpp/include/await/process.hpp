/* SPDX-License-Identifier: MIT */
/**
 * @file process.hpp
 * Child processes.
 */
#ifndef AWAIT_PROCESS_HPP
#define AWAIT_PROCESS_HPP

#include <await/stream.hpp>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <system_error>
#include <utility>
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
	/** Sets the terminal in which the child runs, such as that of a pty; the caller keeps it. */
	process_options &terminal(int fd) {
		detail::check(aw_process_options_set_terminal(get(), fd));
		return *this;
	}
	/** Sets the process group to join; 0 creates one. */
	process_options &group(int32_t pgid) {
		detail::check(aw_process_options_set_group(get(), pgid));
		return *this;
	}
};

class process;

/**
 * The events of a child, from the loop. An exception is reported to the loop's exception handler. asyncio:
 * SubprocessProtocol.
 */
class process_protocol {
public:
	process_protocol() noexcept = default;
	process_protocol(const process_protocol &) = delete;
	process_protocol &operator=(const process_protocol &) = delete;
	virtual ~process_protocol() = default;

	/** The child has written to pipe 1 or 2. The bytes are valid during the call. */
	virtual void pipe_data_received(int, bytes_view) {}
	/** Pipe 1 or 2 is closed: no error at its end, or what went wrong. */
	virtual void pipe_connection_lost(int, std::error_code) {}
	/** The child has exited. Output may follow. */
	virtual void process_exited() {}
	/** Called once, as the last: the child has exited, and its pipes are closed. */
	virtual void connection_lost(std::error_code) {}
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
	/**
	 * Moves the parent's end of pipe 0, 1 or 2 into a stream: one that writes to the child's input, or reads its
	 * output. asyncio: Process.stdin, stdout, stderr.
	 */
	stream take_stream(int number, const stream_options &how = {}) {
		return detail::make<stream>(
			[&](aw_stream **out) { return aw_process_stream(get(), number, how.get(), out); });
	}
	/** Passes the child's events to an object from now on. Its input is take_stream(0). */
	void set_protocol(std::shared_ptr<process_protocol> to);
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

namespace detail {

/** The C table for process_protocol. */
struct process_events {
	using held = std::shared_ptr<process_protocol>;

	template <class Notify> static void call(void *ud, Notify notify) noexcept {
		held self = *static_cast<held *>(ud);
		(void)reported(aw_loop_current(), nullptr, [&] { notify(*self); });
	}
	static aw_status data(aw_process *, void *ud, int number, const void *data, size_t length) noexcept {
		call(ud, [&](process_protocol &self) { self.pipe_data_received(number, bytes_view(data, length)); });
		return 0;
	}
	static void pipe_lost(aw_process *, void *ud, int number, aw_status why) noexcept {
		call(ud, [&](process_protocol &self) { self.pipe_connection_lost(number, error_code_of(why)); });
	}
	static void exited(aw_process *, void *ud) noexcept {
		call(ud, [](process_protocol &self) { self.process_exited(); });
	}
	static void lost(aw_process *, void *ud, aw_status why) noexcept {
		call(ud, [&](process_protocol &self) { self.connection_lost(error_code_of(why)); });
	}
	static inline const aw_process_protocol table = {
		sizeof(aw_process_protocol), 0, data, pipe_lost, exited, lost};
};

} // namespace detail

inline void process::set_protocol(std::shared_ptr<process_protocol> to) {
	using held = detail::process_events::held;
	detail::check(aw_process_set_protocol(get(), &detail::process_events::table, new held(std::move(to)),
	                                      [](void *ud) noexcept { delete static_cast<held *>(ud); }));
}

} // namespace libawait

#endif
