/* SPDX-License-Identifier: MIT */
/* Finding backends by name. */
#ifndef CORE_REGISTRY_H
#define CORE_REGISTRY_H

#include "plugin.h"

#include <await/backend.h>

/* The built-ins. */
extern const aw_backend epoll_backend, virtual_backend;

/*
 * Finds the first of `names`, a comma-separated list of names and absolute paths, that can be loaded and used
 * here. NULL means AWAIT_BACKEND, which defaults to "epoll". Writes up to `length` bytes of terminated text:
 * the backend chosen, or why none is usable. Callable from any thread.
 */
aw_status registry_resolve(const char *names, const aw_backend **out, char *why, size_t length);

/*
 * Finds and loads one backend by name or path, without probing it. `path` (PATH_SIZE) receives its file, or
 * "built in".
 */
aw_status registry_find(const char *name, const aw_backend **out, char *path, reason *why);
/* Probes whether the backend can be used. */
aw_status registry_probe(const aw_backend *backend, reason *why);

/* Returns the built-in at `index`, or NULL past the end. */
const aw_backend *registry_builtin(size_t index);
#define PLUGIN_PREFIX "libawait-backend-"
#define PLUGIN_SUFFIX ".so"
/* Calls `visit` for each folder on the search path, in order, until it returns true. */
bool registry_each_folder(bool (*visit)(void *ud, const char *folder), void *ud);

#endif
