/* SPDX-License-Identifier: MIT */
/* Plug-in files: checked before they are loaded, loaded once, and never unloaded. */
#ifndef CORE_PLUGIN_H
#define CORE_PLUGIN_H

#include <await/backend.h>
#include <limits.h>
#include <stdbool.h>
#include <stddef.h>

enum { BACKEND_NAME_MAX = 63, REASON_SIZE = 512, PATH_SIZE = PATH_MAX };

/* The text of a reason, built in the caller's buffer; truncated if it does not fit. */
typedef struct reason {
	char *at;
	size_t left;
} reason;

reason reason_begin(char *buffer, size_t length);
__attribute__((format(printf, 2, 3))) void reason_add(reason *self, const char *format, ...);

/* Whether it is a valid backend name. */
bool name_is_valid(const char *name, size_t length);

/*
 * Loads the plug-in at an absolute path and returns its table. `name` is the name that the table must have;
 * NULL accepts any valid name. Callable from any thread.
 */
aw_status plugin_load(const char *path, const char *name, const aw_backend **out, reason *why);

#endif
