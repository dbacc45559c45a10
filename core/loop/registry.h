/* SPDX-License-Identifier: MIT */
/* Finding backends by name. */
#ifndef CORE_REGISTRY_H
#define CORE_REGISTRY_H

#include "plugin.h"

#include <await/backend.h>

/* The built-ins. */
extern const aw_backend epoll_backend, virtual_backend;

/*
 * The first of `names` (a comma list of names and of absolute paths) that can be loaded and used here. NULL
 * stands for AWAIT_BACKEND, and that for "epoll". Writes up to `length` bytes of text, terminated: what was
 * taken, or why none can be. Any thread.
 */
aw_status registry_resolve(const char *names, const aw_backend **out, char *why, size_t length);

/*
 * One backend by name or path, loaded but not asked yet whether it can be used. `path` (PATH_SIZE) gets its
 * file, or "built in".
 */
aw_status registry_find(const char *name, const aw_backend **out, char *path, reason *why);
/* Asks it. */
aw_status registry_probe(const aw_backend *backend, reason *why);

/* The built-in at `index`, or NULL beyond the end. */
const aw_backend *registry_builtin(size_t index);
#define PLUGIN_PREFIX "libawait-backend-"
#define PLUGIN_SUFFIX ".so"
/* Calls `visit` for each folder in which plug-ins are looked for, in order, until it returns true. */
bool registry_each_folder(bool (*visit)(void *ud, const char *folder), void *ud);

#endif
