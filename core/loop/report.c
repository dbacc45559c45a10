/* SPDX-License-Identifier: MIT */
/*
 * Unhandled failures go to the loop's exception handler. If the handler fails, the default handler runs. That
 * one prints in debug mode and in loops made by aw_run() and similar; an embedded library prints nothing
 * unasked.
 */
#include "report.h"

#include "error.h"
#include "failure.h"
#include "handle.h"
#include "loop.h"
#include "place.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct aw_report {
	aw_loop *loop;
	const char *message;
	aw_error *error;
	aw_future *future;
	aw_handle *handle;
	const void *origin;     /* the code that created the reported object, or NULL */
	char place[PLACE_SIZE]; /* `origin` as text, if this is printed or in debug mode */
};

static bool report_prints(const aw_loop *loop) {
	return loop->debug || loop->prints;
}

/* NULL unless the future is a task. */
static const char *task_name(const aw_future *future) {
	const object *self = (const object *)(const void *)future;
	return self ? self->class->future->task_name(self) : NULL;
}

static const void *origin_of(const aw_future *future) {
	const object *self = (const object *)(const void *)future;
	return self->class->future->origin(self);
}

static void report_print(const aw_report *report) {
	char text[PLACE_SIZE] = "";
	const char *place = report->place;
	if (!*place && report->origin) {
		place_of_call(report->origin, text, sizeof text);
		place = text;
	}
	fprintf(stderr, "libawait: %s", report->message);
	if (report->error)
		fprintf(stderr, ": %s: %s", aw_err_name(report->error->status), aw_error_message(report->error));
	const char *task = task_name(report->future);
	if (task) fprintf(stderr, " (task %s)", task);
	if (*place) fprintf(stderr, ", created at %s", place);
	fputc('\n', stderr);
}

static void report_default(const aw_report *report) {
	if (report_prints(report->loop)) report_print(report);
}

static void report_deliver(void *arg) {
	aw_report *report = arg;
	callback_slot *slot = &report->loop->exception;
	if (!slot->fn) {
		report_default(report);
		return;
	}
	if (slot->fn(report->loop, report, slot->ud) >= 0) return;
	aw_report second = *report;
	second.message = "Unhandled error in exception handler";
	report_default(&second);
}

static void report_send(aw_report *report) {
	if (report->loop->state == LOOP_CLOSED) return;
	if (report->origin && report_prints(report->loop))
		place_of_call(report->origin, report->place, sizeof report->place);
	call_on_thread_stack(report_deliver, report);
}

void report_call(aw_loop *loop, const char *message, aw_error *error, aw_future *future, aw_handle *handle) {
	const void *origin = future ? origin_of(future) : handle ? handle_origin(handle) : NULL;
	aw_report report = {.loop = loop,
	                    .message = message,
	                    .error = error,
	                    .future = future,
	                    .handle = handle,
	                    .origin = origin};
	report_send(&report);
}

/* A positive status, which would be ignored: most likely an errno with the wrong sign. */
void report_positive(aw_loop *loop, const char *what, aw_status status, aw_future *future,
                     aw_handle *handle) {
	char text[96];
	if (!loop->debug) return;
	snprintf(text, sizeof text, "a %s returned %" PRId32 ", which is not an error: errors are negative", what,
	         status);
	report_call(loop, text, NULL, future, handle);
}

void report_callback(aw_loop *loop, aw_status status, const void *origin) {
	aw_handle *handle = handle_for_report(loop, origin);
	if (status < 0)
		report_status(loop, "Exception in callback", status, NULL, handle);
	else
		report_positive(loop, "callback", status, NULL, handle);
	if (handle) object_unref(handle);
}

int64_t report_slow(aw_loop *loop, int64_t began, aw_future *future, aw_handle *handle) {
	if (!loop->debug) return 0;
	int64_t now = loop_now(loop), lasted = now - began;
	if (lasted < loop->slow_callback) return now;
	char text[192], place[PLACE_SIZE] = "";
	const char *task = task_name(future);
	if (!task) place_of_function(handle ? handle_function(handle) : NULL, place, sizeof place);
	snprintf(text, sizeof text, "Executing %s %.100s took %.3f seconds", task ? "task" : "callback",
	         task ? task : place, (double)lasted / 1e9);
	report_call(loop, text, NULL, future, handle);
	return now;
}

void report_at(aw_loop *loop, const char *message, aw_future *future, const void *origin) {
	aw_report report = {.loop = loop, .message = message, .future = future, .origin = origin};
	report_send(&report);
}

void report_never_awaited(aw_loop *loop, const void *origin) {
	if (!loop->debug) return;
	report_at(loop, "coroutine was never awaited", NULL, origin);
}

void report_status(aw_loop *loop, const char *message, aw_status status, aw_future *future,
                   aw_handle *handle) {
	aw_error *error = error_with_message(&loop->domain, status, NULL);
	report_call(loop, message, error, future, handle);
	aw_error_unref(error);
}

ENTRY(aw_loop_set_exception_handler, (aw_loop *loop, aw_exception_fn fn, void *ud, aw_destroy_fn destroy),
      (loop, fn, ud, destroy)) {
	aw_status status = loop_check(loop);
	if (status < 0) {
		object_destroy_user(destroy, ud);
		return status;
	}
	callback_slot old = loop->exception;
	loop->exception = (callback_slot){fn, ud, destroy};
	object_destroy_user(old.destroy, old.ud);
	return 0;
}

aw_exception_fn aw_loop_get_exception_handler(const aw_loop *loop, void **out_ud) {
	if (!loop_is(loop)) return NULL;
	if (out_ud) *out_ud = loop->exception.ud;
	return loop->exception.fn;
}

ENTRY(aw_loop_default_exception_handler, (aw_loop *loop, const aw_report *report), (loop, report)) {
	aw_status status = loop_check(loop);
	if (status < 0) return status;
	if (!report) return AW_EBADHANDLE;
	report_print(report);
	return 0;
}

const char *aw_report_message(const aw_report *report) {
	return report ? report->message : NULL;
}

aw_error *aw_report_error(const aw_report *report) {
	return report ? report->error : NULL;
}

aw_future *aw_report_future(const aw_report *report) {
	return report ? report->future : NULL;
}

aw_handle *aw_report_handle(const aw_report *report) {
	return report ? report->handle : NULL;
}

ENTRY(aw_loop_set_debug, (aw_loop *loop, aw_bool on), (loop, on)) {
	aw_status status = loop_check(loop);
	if (status < 0) return status;
	loop->debug = on != 0;
	loop_begin_debug(loop);
	return 0;
}

aw_bool aw_loop_debug(const aw_loop *loop) {
	return loop_is(loop) && loop->debug;
}

ENTRY(aw_loop_set_slow_callback_duration, (aw_loop *loop, int64_t duration_ns), (loop, duration_ns)) {
	aw_status status = loop_check(loop);
	if (status == 0) loop->slow_callback = duration_ns;
	return status;
}

const char *aw_report_origin(const aw_report *report) {
	return report && *report->place ? report->place : NULL;
}
