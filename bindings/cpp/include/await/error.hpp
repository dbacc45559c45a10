/* SPDX-License-Identifier: MIT */
/**
 * @file error.hpp
 * Statuses as error codes, failures, and the exceptions that they are thrown as.
 */
#ifndef AWAIT_ERROR_HPP
#define AWAIT_ERROR_HPP

#include <await/base.hpp>
#include <cerrno>
#include <exception>
#include <memory>
#include <mutex>
#include <new>
#include <string>
#include <system_error>
#include <type_traits>
#include <typeinfo>
#include <unordered_set>
#include <utility>
#include <vector>

namespace libawait {

namespace detail {

class category_type final : public std::error_category {
public:
	const char *name() const noexcept override {
		return "libawait";
	}
	std::string message(int status) const override {
		return aw_strerror(status);
	}
	std::error_condition default_error_condition(int status) const noexcept override {
		if (status == AW_ECANCELLED) return std::errc::operation_canceled;
		if (status == AW_ETIMEOUT || status == AW_EPENDING) return std::errc::timed_out;
		return {status, *this};
	}
};

} // namespace detail

/** The category of ::aw_error_code. Codes of the system's are of std::generic_category(). Any thread. */
inline const std::error_category &category() noexcept {
	static const detail::category_type instance;
	return instance;
}

/** A status as an error code. Any thread. */
inline std::error_code error_code_of(aw_status status) noexcept {
	if (status >= 0) return {};
	return status > AW_ECANCELLED ? std::error_code(-status, std::generic_category()) : std::error_code(status, category());
}

} // namespace libawait

/** `e.code() == AW_EQUEUEFULL` */
inline std::error_code make_error_code(aw_error_code status) noexcept {
	return libawait::error_code_of(status);
}
template <> struct std::is_error_code_enum<aw_error_code> : std::true_type {};

namespace libawait {

/** An immutable failure: what an exception is while C holds it. Any thread. asyncio: an exception object. */
class failure : public detail::shared<aw_error, aw_error_ref, aw_error_unref> {
public:
	using shared::shared;

	/** A failure of `status` that carries no exception. Empty if there is no memory. */
	failure(aw_status status, const char *message) noexcept {
		aw_error *raw = nullptr;
		if (aw_error_new(nullptr, status, message, nullptr, nullptr, &raw) >= 0) *this = failure(adopt, raw);
	}
	/** One made of several: raised, a `group_error`. ExceptionGroup. */
	static failure group(const char *message, const std::vector<failure> &parts);
	/** The exception that is being handled, as a failure that carries it. Empty if there is no memory. */
	static failure current() noexcept;

	aw_status status() const noexcept {
		return aw_error_status(get());
	}
	const char *message() const noexcept {
		return aw_error_message(get());
	}
	/** The failures that this one is made of; none for a plain one. ExceptionGroup.exceptions. */
	std::vector<failure> parts() const {
		std::vector<failure> all;
		for (size_t i = 0; i < aw_error_count(get()); i++) all.emplace_back(share, aw_error_get(get(), i));
		return all;
	}
	/** Throws the exception that it carries, or the one that stands for its status. */
	[[noreturn]] void raise() const;
	/** The same, not thrown. */
	std::exception_ptr exception() const noexcept {
		try {
			raise();
		} catch (...) {
			return std::current_exception();
		}
	}
};

/** What libawait and the system answer. `code()` is of category() or of std::generic_category(). */
class error : public std::system_error {
public:
	explicit error(aw_status status, failure why = {})
		: system_error(error_code_of(status)), status_(status), why_(std::move(why)) {}

	/** The status: `-errno`, or one of ::aw_error_code. */
	aw_status status() const noexcept {
		return status_;
	}
	/** "AW_EQUEUEFULL", "ENOENT" */
	const char *name() const noexcept {
		return aw_err_name(status_);
	}
	/** The failure it was made of, if it came from one. */
	const failure &reason() const noexcept {
		return why_;
	}
	const char *what() const noexcept override {
		return why_ ? why_.message() : system_error::what();
	}

private:
	aw_status status_;
	failure why_;
};

/** A limit has passed. Python: TimeoutError. */
class timed_out : public error {
public:
	explicit timed_out(failure why = {}) : error(AW_ETIMEOUT, std::move(why)) {}

protected:
	timed_out(aw_status status, failure why) : error(status, std::move(why)) {}
};

/**
 * The time given to a blocking wait has passed, and what it waits for is still pending. A task that itself
 * ran into a limit throws a plain `timed_out`. Python: concurrent.futures.TimeoutError.
 */
class still_pending : public timed_out {
public:
	explicit still_pending(failure why = {}) : timed_out(AW_EPENDING, std::move(why)) {}
};

/** Several failures, of a task group. Python: ExceptionGroup. */
class group_error : public error {
public:
	explicit group_error(failure why) : error(AW_EGROUP, std::move(why)) {}

	/** Each of them, as itself. */
	std::vector<std::exception_ptr> exceptions() const {
		std::vector<std::exception_ptr> all;
		for (const failure &part : reason().parts()) all.push_back(part.exception());
		return all;
	}
};

/**
 * The task was cancelled at this await. It may clean up and let it pass, or handle it, which its asker then
 * sees. Throwing it ends a task as cancelled. No std::exception: a handler of those lets it pass.
 * asyncio.CancelledError.
 */
class cancelled final {
public:
	cancelled() noexcept = default;
	explicit cancelled(failure why) noexcept : why_(std::move(why)) {}
	explicit cancelled(const char *message) noexcept : why_(AW_ECANCELLED, message) {}

	const failure &reason() const noexcept {
		return why_;
	}
	/** What was given to the cancel, or a text that stands for it. */
	const char *message() const noexcept {
		return why_ ? why_.message() : aw_strerror(AW_ECANCELLED);
	}

private:
	failure why_;
};

/**
 * Thrown by a callback or a task, leaves the loop's run at once, which throws an error of ::AW_ESYSTEMEXIT. Python:
 * SystemExit.
 */
class leave_loop final {};

namespace detail {

/** An exception as the payload of a failure. */
struct carried {
	std::exception_ptr exception;
};

/**
 * The payloads that are ours: in one process others may put theirs. Never destroyed, since failures may
 * outlive any static.
 */
class carriers {
public:
	static carriers &all() {
		static carriers *instance = new carriers;
		return *instance;
	}
	carried *add(std::exception_ptr exception) {
		auto made = std::make_unique<carried>(carried{std::move(exception)});
		std::lock_guard<std::mutex> guard(mutex_);
		known_.insert(made.get());
		return made.release();
	}
	carried *find(void *payload) noexcept {
		std::lock_guard<std::mutex> guard(mutex_);
		return payload && known_.count(payload) ? static_cast<carried *>(payload) : nullptr;
	}
	static void destroy(void *payload) noexcept {
		carriers &self = all();
		{
			std::lock_guard<std::mutex> guard(self.mutex_);
			self.known_.erase(payload);
		}
		delete static_cast<carried *>(payload);
	}

private:
	std::mutex mutex_;
	std::unordered_set<void *> known_;
};

/** Makes the failure that carries the exception being handled. */
inline failure carry(aw_status status, const char *message) {
	aw_error *raw = nullptr;
	carried *payload = carriers::all().add(std::current_exception());
	/* An empty message would read as none. */
	aw_status made = aw_error_new(nullptr, status, message && *message ? message : nullptr, payload, carriers::destroy, &raw);
	if (made < 0) carriers::destroy(payload);
	return failure(adopt, raw);
}

inline aw_status status_of(const std::error_code &code) noexcept {
	if (code.category() == category()) return code.value();
	bool errno_value = code.category() == std::generic_category() || code.category() == std::system_category();
	return errno_value && code.value() > 0 && code.value() < 4096 ? -code.value() : AW_EHOST;
}

[[noreturn]] inline void raise(aw_status status, failure why = {}) {
	if (carried *ours = carriers::all().find(aw_error_payload(why.get()))) std::rethrow_exception(ours->exception);
	switch (status) {
	case AW_ECANCELLED: throw cancelled(std::move(why));
	case AW_ETIMEOUT: throw timed_out(std::move(why));
	case AW_EPENDING: throw still_pending(std::move(why));
	case AW_EGROUP: throw group_error(std::move(why));
	case AW_ESYSTEMEXIT: throw leave_loop();
	case -ENOMEM: throw std::bad_alloc();
	default: throw error(status, std::move(why));
	}
}

/** A status that is no failure passes. */
inline aw_status check(aw_status status) {
	if (status < 0) raise(status);
	return status;
}

/** The same where a loop ran: to who runs it from outside, a run that leave_loop left is an error. */
inline aw_status check_run(aw_status status) {
	if (status == AW_ESYSTEMEXIT) throw error(status);
	return check(status);
}

/** A handle from a call that gives a new reference. */
template <class Handle, class Call> Handle make(Call call) {
	typename Handle::raw_type *raw = nullptr;
	check(call(&raw));
	return Handle(adopt, raw);
}

inline const char *text(const char *from) noexcept {
	return from ? from : "";
}

} // namespace detail

inline failure failure::current() noexcept {
	try {
		try {
			throw;
		} catch (const cancelled &e) {
			return e.reason() ? e.reason() : failure(AW_ECANCELLED, nullptr);
		} catch (const leave_loop &) {
			return failure(AW_ESYSTEMEXIT, nullptr);
		} catch (const std::bad_alloc &) {
			return failure(-ENOMEM, nullptr);
		} catch (const error &e) {
			/* Made of a failure and thrown on, it is that failure; so a group keeps its parts. */
			bool plain = typeid(e) == typeid(error) || typeid(e) == typeid(timed_out) || typeid(e) == typeid(group_error);
			return plain && e.reason() ? e.reason() : detail::carry(e.status(), e.what());
		} catch (const std::system_error &e) {
			return detail::carry(detail::status_of(e.code()), e.what());
		} catch (const std::exception &e) {
			return detail::carry(AW_EHOST, e.what());
		} catch (...) {
			return detail::carry(AW_EHOST, nullptr);
		}
	} catch (...) {
		return {}; /* no memory */
	}
}

inline failure failure::group(const char *message, const std::vector<failure> &parts) {
	std::vector<aw_error *> raw;
	for (const failure &part : parts) raw.push_back(part.get());
	return detail::make<failure>(
		[&](aw_error **out) { return aw_error_new_group(nullptr, message, raw.data(), raw.size(), out); });
}

inline void failure::raise() const {
	detail::raise(status(), *this);
}

} // namespace libawait

#endif
