/* SPDX-License-Identifier: MIT */
/* Labels: valgrind */
/* Failures with a message formatted as by printf: of tasks, futures, and work functions. */
#include "trace.h"

#include <stdarg.h>

__attribute__((format(printf, 2, 3))) static aw_status wrapped(aw_status code, const char *format, ...) {
	va_list arguments;
	va_start(arguments, format);
	aw_status status = aw_vraisef(code, format, arguments);
	va_end(arguments);
	return status;
}

static aw_status raises(void *ud) {
	(void)ud;
	char text[600];
	memset(text, 'x', sizeof text);
	text[sizeof text - 1] = 0;
	EXPECT_INT(aw_raisef(-EIO, "%s: %d of %zu", "file", 1, (size_t)2), -EIO);
	EXPECT_STR(aw_error_message(aw_caught()), "file: 1 of 2");
	EXPECT_INT(aw_raisef(EIO, "%s", text), -EIO); /* without its minus sign, and long */
	EXPECT_STR(aw_error_message(aw_caught()), text);
	EXPECT_INT(aw_raisef(0, "%d", 1), -EINVAL);
	EXPECT_INT(wrapped(AW_EUSER, "%c", 'u'), AW_EUSER);
	EXPECT_STR(aw_error_message(aw_caught()), "u");
	return aw_raisef(-EIO, "at %s", "last");
}

static void a_task_fails_with_a_formatted_message(void) {
	aw_error *error = NULL;
	EXPECT_INT(aw_run_error("virtual", raises, NULL, NULL, NULL, &error), -EIO);
	EXPECT_STR(aw_error_message(error), "at last");
	aw_error_unref(error);
	EXPECT_INT(aw_raisef(-EIO, "%d", 1), AW_ENOTASK);
	EXPECT_INT(aw_debug_live_handles(), 0);
}

__attribute__((format(printf, 2, 3))) static aw_status fails_wrapped(aw_future *future, const char *format,
                                                                     ...) {
	va_list arguments;
	va_start(arguments, format);
	aw_status status = aw_future_vfailf(future, EIO, format, arguments);
	va_end(arguments);
	return status;
}

static aw_status fails(void *ud) {
	(void)ud;
	aw_future *future = future_of_running_loop();
	EXPECT_INT(aw_future_failf(future, 0, "%d", 1), -EINVAL);
	EXPECT_INT(aw_future_failf(future, -EIO, "%d %s", 3, "times"), 0);
	EXPECT_INT(aw_future_failf(future, -EIO, "%d", 1), AW_EINVALIDSTATE);
	EXPECT_INT(aw_await_take(future, NULL, NULL), -EIO);
	EXPECT_STR(aw_error_message(aw_caught()), "3 times");
	future = future_of_running_loop();
	EXPECT_INT(fails_wrapped(future, "%x", 255u), 0);
	EXPECT_INT(aw_await_take(future, NULL, NULL), -EIO);
	EXPECT_STR(aw_error_message(aw_caught()), "ff");
	EXPECT_INT(aw_future_failf(aw_task_future(aw_task_current()), -EIO, "%d", 1), -EPERM);
	EXPECT_INT(aw_future_failf(NULL, -EIO, "%d", 1), AW_EBADHANDLE);
	return 0;
}

static void a_future_fails_with_a_formatted_message(void) {
	EXPECT_INT(run_virtual(fails), 0);
}

__attribute__((format(printf, 1, 2))) static aw_status work_wrapped(const char *format, ...) {
	va_list arguments;
	va_start(arguments, format);
	aw_status status = aw_work_vraisef(-ENOENT, format, arguments);
	va_end(arguments);
	return status;
}

static aw_status work(void *name, void **out, aw_destroy_fn *out_destroy) {
	(void)out;
	(void)out_destroy;
	EXPECT_INT(aw_work_raisef(0, "%d", 1), -EINVAL);
	return name ? aw_work_raisef(EIO, "%s: %d", (const char *)name, 4) : work_wrapped("%d", 5);
}

static aw_status works(void *ud) {
	(void)ud;
	EXPECT_INT(aw_to_thread(work, "disk", NULL, NULL, NULL), -EIO);
	EXPECT_STR(aw_error_message(aw_caught()), "disk: 4");
	EXPECT_INT(aw_to_thread(work, NULL, NULL, NULL, NULL), -ENOENT);
	EXPECT_STR(aw_error_message(aw_caught()), "5");
	EXPECT_INT(aw_work_raisef(-EIO, "%d", 1), AW_EINVALIDSTATE);
	return 0;
}

static void work_fails_with_a_formatted_message(void) {
	EXPECT_INT(aw_run("epoll", works, NULL, NULL, NULL), 0);
	EXPECT_INT(aw_debug_live_handles(), 0);
}

CHECK_MAIN("formatted failures", TEST(a_task_fails_with_a_formatted_message),
           TEST(a_future_fails_with_a_formatted_message), TEST(work_fails_with_a_formatted_message))
