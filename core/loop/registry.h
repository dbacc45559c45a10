/* SPDX-License-Identifier: MIT */
/* Finding backends by name, and loading plug-ins. */
#ifndef CORE_REGISTRY_H
#define CORE_REGISTRY_H

#include <await/backend.h>

/* The built-ins. */
extern const aw_backend epoll_backend, virtual_backend;

/*
 * The first of `names` (a comma list of names and of absolute paths) that can be loaded and used here. NULL stands for
 * AWAIT_BACKEND, and that for "epoll". Writes up to `length` bytes of text, terminated: what was taken, or why none can be.
 * Any thread.
 */
aw_status registry_resolve(const char *names, const aw_backend **out, char *why, size_t length);

#endif
