/* SPDX-License-Identifier: MIT */
/* A plug-in as a file: looked at before it is trusted, loaded once, and never unloaded. */
#ifndef CORE_PLUGIN_H
#define CORE_PLUGIN_H

#include <await/backend.h>
#include <limits.h>
#include <stdbool.h>
#include <stddef.h>

enum { BACKEND_NAME_MAX = 63, REASON_SIZE = 512, PATH_SIZE = PATH_MAX };

/* Why something can't be used, as text in a buffer of the caller's: what does not fit is left out. */
typedef struct reason {
	char *at;
	size_t left;
} reason;

reason reason_begin(char *buffer, size_t length);
__attribute__((format(printf, 2, 3))) void reason_add(reason *self, const char *format, ...);

/* Whether it may be a backend's name. */
bool name_is_valid(const char *name, size_t length);

/*
 * The table of the plug-in at a full path. `name` is what it has to call itself; NULL: anything that is a
 * name. Any thread.
 */
aw_status plugin_load(const char *path, const char *name, const aw_backend **out, reason *why);

#endif
