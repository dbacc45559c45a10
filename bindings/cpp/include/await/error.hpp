/* SPDX-License-Identifier: MIT */
/**
 * @file error.hpp
 * Statuses as error codes, failures, and the exceptions they are thrown as.
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

/** The category of ::aw_error_code. System errors are of std::generic_category(). Any thread. */
inline const std::error_category &category() noexcept {
	static const detail::category_type instance;
	return instance;
}

/** A status as an error code. Any thread. */
inline std::error_code error_code_of(aw_status status) noexcept {
	if (status >= 0) return {};
	return status > AW_ECANCELLED ? std::error_code(-status, std::generic_category())
	                              : std::error_code(status, category());
}

} // namespace libawait

/** `e.code() == AW_EQUEUEFULL` */
inline std::error_code make_error_code(aw_error_code status) noexcept {
	return libawait::error_code_of(status);
}
template <> struct std::is_error_code_enum<aw_error_code> : std::true_type {};

namespace libawait {

/** An immutable failure: the form of an exception inside C. Any thread. asyncio: an exception object. */
class failure : public detail::shared<aw_error, aw_error_ref, aw_error_unref> {
public:
	using shared::shared;

	/** Creates a failure with `status` and without an exception. Empty if memory runs out. */
	failure(aw_status status, const char *message) noexcept {
		aw_error *raw = nullptr;
		if (aw_error_new(nullptr, status, message, nullptr, nullptr, &raw) >= 0) *this = failure(adopt, raw);
	}
	/** Creates a group of failures, which is thrown as a `group_error`. ExceptionGroup. */
	static failure group(const char *message, const std::vector<failure> &parts);
	/** Creates a failure that carries the exception being handled. Empty if memory runs out. */
	static failure current() noexcept;

	aw_status status() const noexcept {
		return aw_error_status(get());
	}
	const char *message() const noexcept {
		return aw_error_message(get());
	}
	/** Returns the failures in this group; none for a plain failure. ExceptionGroup.exceptions. */
	std::vector<failure> parts() const {
		std::vector<failure> all;
		for (size_t i = 0; i < aw_error_count(get()); i++) all.emplace_back(share, aw_error_get(get(), i));
		return all;
	}
	/** Throws the exception that it carries, or else the one for its status. */
	[[noreturn]] void raise() const;
	/** Returns the exception that raise() would throw. */
	std::exception_ptr exception() const noexcept {
		try {
			raise();
		} catch (...) {
			return std::current_exception();
		}
	}
};

/** An error of libawait or of the system. `code()` is of category() or of std::generic_category(). */
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
	/** Returns the failure that it was created from, if any. */
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

/** A timeout. Python: TimeoutError. */
class timed_out : public error {
public:
	explicit timed_out(failure why = {}) : error(AW_ETIMEOUT, std::move(why)) {}

protected:
	timed_out(aw_status status, failure why) : error(status, std::move(why)) {}
};

/**
 * A blocking wait timed out, and what it waits for is still pending. If the task itself timed out, a plain
 * `timed_out` is thrown. Python: concurrent.futures.TimeoutError.
 */
class still_pending : public timed_out {
public:
	explicit still_pending(failure why = {}) : timed_out(AW_EPENDING, std::move(why)) {}
};

/** The failures of a task group. Python: ExceptionGroup. */
class group_error : public error {
public:
	explicit group_error(failure why) : error(AW_EGROUP, std::move(why)) {}

	/** Returns each failure as its own exception. */
	std::vector<std::exception_ptr> exceptions() const {
		std::vector<std::exception_ptr> all;
		for (const failure &part : reason().parts()) all.push_back(part.exception());
		return all;
	}
};

/**
 * The task was cancelled at this await. The task may clean up and rethrow it, or handle it and continue.
 * Throwing it ends a task as cancelled. It is not a std::exception, so handlers of those do not catch it.
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
	/** Returns the message given to the cancel, or a default text. */
	const char *message() const noexcept {
		return why_ ? why_.message() : aw_strerror(AW_ECANCELLED);
	}

private:
	failure why_;
};

/**
 * When a callback or a task throws it, the loop's run ends at once and throws an error of ::AW_ESYSTEMEXIT.
 * Python: SystemExit.
 */
class leave_loop final {};

namespace detail {

/** An exception as the payload of a failure. */
struct carried {
	std::exception_ptr exception;
};

/**
 * Identifies this binding's payloads, since other bindings in the process have their own. Never destroyed,
 * since failures may outlive any static.
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

/** Creates the failure that carries the exception being handled. */
inline failure carry(aw_status status, const char *message) {
	aw_error *raw = nullptr;
	carried *payload = carriers::all().add(std::current_exception());
	/* An empty message would mean no message. */
	aw_status made = aw_error_new(nullptr, status, message && *message ? message : nullptr, payload,
	                              carriers::destroy, &raw);
	if (made < 0) carriers::destroy(payload);
	return failure(adopt, raw);
}

inline aw_status status_of(const std::error_code &code) noexcept {
	if (code.category() == category()) return code.value();
	bool errno_value =
		code.category() == std::generic_category() || code.category() == std::system_category();
	return errno_value && code.value() > 0 && code.value() < 4096 ? -code.value() : AW_EHOST;
}

[[noreturn]] inline void raise(aw_status status, failure why = {}) {
	if (carried *ours = carriers::all().find(aw_error_payload(why.get())))
		std::rethrow_exception(ours->exception);
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

/** Returns a non-negative status; throws the exception for a negative one. */
inline aw_status check(aw_status status) {
	if (status < 0) raise(status);
	return status;
}

/** The same for a call that runs a loop: if leave_loop ended the run, that is an error for the caller. */
inline aw_status check_run(aw_status status) {
	if (status == AW_ESYSTEMEXIT) throw error(status);
	return check(status);
}

/** Wraps the new reference that a call returns. */
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
			/* An error created from a failure is that failure when rethrown, so a group keeps its parts. */
			bool plain = typeid(e) == typeid(error) || typeid(e) == typeid(timed_out) ||
			             typeid(e) == typeid(group_error);
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
