/* SPDX-License-Identifier: MIT */
/**
 * @file report.hpp
 * The argument of a loop's exception handler.
 */
#include <await/loop.hpp> /* before the guard: the loop's header includes this one, where it can stand */
#ifndef AWAIT_REPORT_HPP
#define AWAIT_REPORT_HPP

#include <await/future.hpp>
#include <cerrno>
#include <exception>

namespace libawait {

/** The argument of the exception handler, valid during the call. */
class report {
public:
	explicit report(const aw_report *raw) noexcept : raw_(raw) {}

	/** "Task exception was never retrieved" */
	const char *message() const noexcept {
		return detail::text(aw_report_message(raw_));
	}
	failure reason() const noexcept {
		return failure(share, aw_report_error(raw_));
	}
	std::exception_ptr exception() const noexcept {
		return reason() ? reason().exception() : nullptr;
	}
	any_future future() const noexcept {
		return any_future(share, aw_report_future(raw_));
	}
	libawait::handle handle() const noexcept {
		return libawait::handle(share, aw_report_handle(raw_));
	}
	/** Returns where it was created, in debug mode. */
	const char *origin() const noexcept {
		return detail::text(aw_report_origin(raw_));
	}

private:
	const aw_report *raw_;
};

template <class F> aw_status loop::handler(aw_loop *, const aw_report *what, void *ud) noexcept {
	try {
		detail::boxed<F>::at(ud)(report(what));
		return 0;
	} catch (...) {
		failure why = failure::current();
		return why ? why.status() : -ENOMEM;
	}
}

} // namespace libawait

#endif
