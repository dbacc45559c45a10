/* SPDX-License-Identifier: MIT */
/* Error objects inside the library. Every known code has an immortal one, so that failing needs no memory. */
#ifndef CORE_ERROR_H
#define CORE_ERROR_H

#include "object.h"

#include <await/error.h>
#include <stdarg.h>

struct aw_error {
	object base;
	aw_status status;
	bool immortal;
	char *message; /* NULL: the code's text */
	void *payload;
	aw_destroy_fn destroy;
	aw_error **errors; /* of a group: references */
	size_t count;
};

extern const object_class error_class;

/*
 * What the exported functions do, without a caller to count for: inside the library these are meant by their
 * names.
 */
static inline aw_error *error_ref(aw_error *error) {
	if (object_is(error, &error_class) && !error->immortal) object_ref(error);
	return error;
}
static inline void error_unref(aw_error *error) {
	if (object_is(error, &error_class) && !error->immortal) object_unref(error);
}
#define aw_error_ref   error_ref
#define aw_error_unref error_unref

/* The immortal error of a known code: borrowed. Of a code of the program's own: one that says AW_EHOST. */
aw_error *error_of(aw_status status);
/* An errno that was given without its minus is taken with it. */
static inline aw_status error_code(aw_status code) {
	return code > 0 ? -code : code;
}
/* A new error, or NULL without memory. */
aw_error *error_make(domain *where, aw_status status, const char *message);
/*
 * A new reference to an error of this code and message (optional); never NULL: without memory the immortal
 * one.
 */
aw_error *error_with_message(domain *where, aw_status status, const char *message);
/* The same, with a format (optional) as vprintf()'s. */
aw_error *error_with_format(domain *where, aw_status status, const char *format, va_list arguments)
	__attribute__((format(printf, 3, 0)));

#endif
