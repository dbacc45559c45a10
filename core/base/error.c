/* SPDX-License-Identifier: MIT */
/*
 * Status codes, their names and texts, and error objects. The table below is the only place that names a
 * code.
 *
 * Each code and each errno has an immortal error object. A failure without a message uses it, so cancelling
 * or timing out allocates nothing.
 */
#include "error.h"

#include "failure.h"

#include <assert.h>
#include <await/taskgroup.h>
#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static_assert(AW_EPERM == -EPERM && AW_ENOENT == -ENOENT && AW_ESRCH == -ESRCH && AW_EAGAIN == -EAGAIN &&
                  AW_ENOMEM == -ENOMEM && AW_EBUSY == -EBUSY && AW_EINVAL == -EINVAL &&
                  AW_ENOTSUP == -ENOTSUP,
              "the header's copies are the system's values");

enum { OWN_FIRST = -AW_ECANCELLED, ERRNO_COUNT = 140 };

static const struct {
	aw_status status;
	const char *name, *text;
} own[] = {
	{AW_ECANCELLED, "AW_ECANCELLED", "the operation was cancelled"},
	{AW_ETIMEOUT, "AW_ETIMEOUT", "the time limit passed"},
	{AW_EINVALIDSTATE, "AW_EINVALIDSTATE", "the object is not in the state that the call needs"},
	{AW_EQUEUEFULL, "AW_EQUEUEFULL", "the queue is full"},
	{AW_EQUEUEEMPTY, "AW_EQUEUEEMPTY", "the queue is empty"},
	{AW_EQUEUESHUTDOWN, "AW_EQUEUESHUTDOWN", "the queue was shut down"},
	{AW_EBROKENBARRIER, "AW_EBROKENBARRIER", "the barrier is broken"},
	{AW_EINCOMPLETE, "AW_EINCOMPLETE", "the stream ended before enough was read"},
	{AW_ELIMIT, "AW_ELIMIT", "the separator lies beyond the limit"},
	{AW_ESTOPITERATION, "AW_ESTOPITERATION", "the iterator is at its end"},
	{AW_EWRONGTHREAD, "AW_EWRONGTHREAD", "another thread drives this loop"},
	{AW_ELOOPCLOSED, "AW_ELOOPCLOSED", "the loop is closed"},
	{AW_EFORKED, "AW_EFORKED", "the loop belongs to the parent process"},
	{AW_EBADHANDLE, "AW_EBADHANDLE", "the handle is NULL, stale, or of another kind"},
	{AW_ENOTASK, "AW_ENOTASK", "only a task may make this call"},
	{AW_EFOREIGNLOOP, "AW_EFOREIGNLOOP", "the future is attached to a different loop"},
	{AW_ESELFAWAIT, "AW_ESELFAWAIT", "a task cannot await itself"},
	{AW_ELOOPRUNNING, "AW_ELOOPRUNNING", "a loop is running already"},
	{AW_ESTOPPED, "AW_ESTOPPED", "the loop was stopped before the future was done"},
	{AW_ENOBACKEND, "AW_ENOBACKEND", "no such backend can be used"},
	{AW_EBACKENDABI, "AW_EBACKENDABI", "the backend was built for another version of the interface"},
	{AW_EHOST, "AW_EHOST", "the host language failed"},
	{AW_EGROUP, "AW_EGROUP", "several failures"},
	{AW_EREUSED, "AW_EREUSED", "the coroutine runs already, or has run"},
	{AW_ENOLOOP, "AW_ENOLOOP", "no loop runs in this thread"},
	{AW_ESYSTEMEXIT, "AW_ESYSTEMEXIT", "the program asked to leave the loop"},
	{AW_EPENDING, "AW_EPENDING", "the time given to the wait passed, and what it waits for is still pending"},
	{AW_EGAIERROR, "AW_EGAIERROR", "the name can't be looked up"},
	{AW_ETLS, "AW_ETLS", "TLS failed"},
	{AW_ECERTIFICATE, "AW_ECERTIFICATE", "the peer's certificate was refused"},
	{AW_ETRUNCATED, "AW_ETRUNCATED", "the connection ended without TLS's closing message"},
};
enum { OWN_COUNT = sizeof own / sizeof *own, PROGRAM_COUNT = AW_EUSER - AW_EUSER_LAST + 1 };

/* A code registered by the program. Never freed, because its texts may be in use anywhere. */
typedef struct program_code {
	aw_error error;
	const char *text;
	char name[];
} program_code;

/* Indexed by the distance from AW_EUSER. Each slot is written once, so readers need no lock. */
static _Atomic(program_code *) program_codes[PROGRAM_COUNT];

static aw_error own_errors[OWN_COUNT];
static aw_error system_errors[ERRNO_COUNT];
static aw_error unknown_error;

static void immortal_init(aw_error *self, aw_status status) {
	self->base.class = &error_class;
	self->base.domain = &domain_none;
	self->status = status;
	self->immortal = true;
}

__attribute__((constructor)) static void error_init(void) {
	for (size_t i = 0; i < OWN_COUNT; i++) immortal_init(&own_errors[i], own[i].status);
	for (int i = 1; i < ERRNO_COUNT; i++) immortal_init(&system_errors[i], -i);
	immortal_init(&unknown_error, AW_EHOST);
}

/* The table lists the library's codes in order, starting at AW_ECANCELLED. */
static bool own_index(aw_status status, size_t *out) {
	if (status > AW_ECANCELLED || status <= AW_ECANCELLED - OWN_COUNT) return false;
	*out = (size_t)(AW_ECANCELLED - status);
	return true;
}

static program_code *program_code_of(aw_status status) {
	if (status > AW_EUSER || status < AW_EUSER_LAST) return NULL;
	return atomic_load_explicit(&program_codes[AW_EUSER - status], memory_order_acquire);
}

ENTRY(aw_error_register, (aw_status code, const char *name, const char *text), (code, name, text)) {
	if (code > AW_EUSER || code < AW_EUSER_LAST || !name || !*name) return -EINVAL;
	if (!text) text = name;
	size_t name_size = strlen(name) + 1, text_size = strlen(text) + 1;
	program_code *known = program_code_of(code);
	program_code *made = known ? NULL : calloc(1, sizeof *made + name_size + text_size);
	if (!known && !made) return -ENOMEM;
	if (made) {
		immortal_init(&made->error, code);
		memcpy(made->name, name, name_size);
		made->text = memcpy(made->name + name_size, text, text_size);
		if (atomic_compare_exchange_strong(&program_codes[AW_EUSER - code], &known, made)) return 0;
		free(made); /* another thread registered it first */
	}
	return strcmp(known->name, name) != 0 || strcmp(known->text, text) != 0 ? -EEXIST : 0;
}

const char *aw_strerror(aw_status status) {
	size_t index;
	if (status >= 0) return "success";
	if (own_index(status, &index)) return own[index].text;
	const program_code *code = program_code_of(status);
	if (code) return code->text;
	const char *text = status > -ERRNO_COUNT ? strerrordesc_np(-status) : NULL;
	return text ? text : "unknown status";
}

const char *aw_err_name(aw_status status) {
	size_t index;
	if (status >= 0) return "AW_OK";
	if (own_index(status, &index)) return own[index].name;
	const program_code *code = program_code_of(status);
	if (code) return code->name;
	const char *name = status > -ERRNO_COUNT ? strerrorname_np(-status) : NULL;
	return name ? name : "unknown";
}

static void error_release(object *base) {
	aw_error *self = (aw_error *)base;
	object_destroy_user(self->destroy, self->payload);
	for (size_t i = 0; i < self->count; i++) aw_error_unref(self->errors[i]);
	free(self->errors);
	free(self->message);
	object_free(base);
}

const object_class error_class = {.name = "error", .size = sizeof(aw_error), .release = error_release};

aw_error *error_of(aw_status status) {
	size_t index;
	if (own_index(status, &index)) return &own_errors[index];
	if (status < 0 && status > -ERRNO_COUNT) return &system_errors[-status];
	program_code *code = program_code_of(status);
	if (code) return &code->error;
	return &unknown_error;
}

aw_error *error_make(domain *where, aw_status status, const char *message) {
	aw_error *self = object_new(where, &error_class);
	if (!self) return NULL;
	self->status = status;
	if (message && !(self->message = strdup(message))) {
		object_free(&self->base);
		return NULL;
	}
	return self;
}

aw_error *error_with_message(domain *where, aw_status status, const char *message) {
	/* An unregistered code has no immortal error, so it needs an object even without a message. */
	bool known = error_of(status) != &unknown_error;
	aw_error *self = message || !known ? error_make(where, status, message) : NULL;
	return self ? self : error_of(status);
}

aw_error *error_with_format(domain *where, aw_status status, const char *format, va_list arguments) {
	char *text = NULL;
	if (format && vasprintf(&text, format, arguments) < 0) text = NULL;
	aw_error *self = error_with_message(where, status, text);
	free(text);
	return self;
}

#undef aw_error_ref
#undef aw_error_unref

aw_error *aw_error_ref(aw_error *error) {
	if (object_is(error, &error_class) && !error->immortal) object_ref_held(error);
	return error;
}

void aw_error_unref(aw_error *error) {
	if (object_is(error, &error_class) && !error->immortal) object_unref_held(error);
}

aw_status aw_error_status(const aw_error *error) {
	return object_is(error, &error_class) ? error->status : 0;
}

const char *aw_error_message(const aw_error *error) {
	if (!object_is(error, &error_class)) return "";
	return error->message ? error->message : aw_strerror(error->status);
}

void *aw_error_payload(const aw_error *error) {
	return object_is(error, &error_class) ? error->payload : NULL;
}

size_t aw_error_count(const aw_error *error) {
	return object_is(error, &error_class) ? error->count : 0;
}

aw_error *aw_error_get(const aw_error *error, size_t index) {
	return object_is(error, &error_class) && index < error->count ? error->errors[index] : NULL;
}
