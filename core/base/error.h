/* SPDX-License-Identifier: MIT */
/* Error objects. Every known code has an immortal one, so failing needs no memory. */
#ifndef CORE_ERROR_H
#define CORE_ERROR_H

#include "object.h"

#include <await/error.h>
#include <stdarg.h>

struct aw_error {
	object base;
	aw_status status;
	bool immortal;
	char *message; /* NULL: use the code's text */
	void *payload;
	aw_destroy_fn destroy;
	aw_error **errors; /* members of a group; owned references */
	size_t count;
};

extern const object_class error_class;

/*
 * The exported functions count the caller's references in debug mode. The library's own references are not
 * counted, so inside the library the public names map to these.
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

/* The immortal error of a code, borrowed. An unknown code gets the one for AW_EHOST. */
aw_error *error_of(aw_status status);
/* Accepts an errno with either sign. */
static inline aw_status error_code(aw_status code) {
	return code > 0 ? -code : code;
}
/* Returns a new error, or NULL if out of memory. */
aw_error *error_make(domain *where, aw_status status, const char *message);
/*
 * Returns a new reference to an error with this code and an optional message. Never NULL: if memory runs out,
 * returns the immortal error.
 */
aw_error *error_with_message(domain *where, aw_status status, const char *message);
/* The same with an optional vprintf() format. */
aw_error *error_with_format(domain *where, aw_status status, const char *format, va_list arguments)
	__attribute__((format(printf, 3, 0)));

#endif
