/* SPDX-License-Identifier: MIT */
/**
 * @file registry.h
 * The available backends, and whether each can be used on this system.
 *
 * Since 0.1.0, unless an entry says otherwise.
 */
#ifndef AWAIT_REGISTRY_H
#define AWAIT_REGISTRY_H

#include <await/base.h>

AW_BEGIN_DECLS

/** A snapshot of the backends that were found. */
typedef struct aw_backend_list aw_backend_list;

/**
 * Creates a list of the built-in backends and of the plug-ins in these folders: those of
 * `AWAIT_BACKEND_PATH`, then `await/backends` beside the library's file, then the one fixed when the
 * library was built.
 *
 * Returns: 0, and a new reference in `out`.
 *
 * Thread: any.
 */
AW_NODISCARD AW_API aw_status aw_backend_list_new(aw_backend_list **out);
/**
 * Adds a reference and returns `list`.
 *
 * Thread: any.
 */
AW_API aw_backend_list *aw_backend_list_ref(aw_backend_list *list);
/**
 * Drops a reference.
 *
 * Thread: any.
 */
AW_API void aw_backend_list_unref(aw_backend_list *list);
/** Returns the number of backends. */
AW_API size_t aw_backend_list_count(const aw_backend_list *list);
/** Returns the name of the backend at `index`, or NULL beyond the end. */
AW_API const char *aw_backend_list_name(const aw_backend_list *list, size_t index);
/** Returns a one-line description of the backend. */
AW_API const char *aw_backend_list_description(const aw_backend_list *list, size_t index);
/**
 * Returns the class of the backend: "A" for no abort, leak or hang under any single fault; "B" for the
 * same, except for faults of the underlying library.
 */
AW_API const char *aw_backend_list_class(const aw_backend_list *list, size_t index);
/** Returns the file of the plug-in, or "built in". */
AW_API const char *aw_backend_list_origin(const aw_backend_list *list, size_t index);
/**
 * Returns 0 if the backend can be used on this system, else the status with which aw_loop_new() would fail.
 */
AW_API aw_status aw_backend_list_status(const aw_backend_list *list, size_t index);
/**
 * Returns why the backend cannot be used, or "" if it can. One possible reason is that another user could
 * have put the plug-in there.
 */
AW_API const char *aw_backend_list_reason(const aw_backend_list *list, size_t index);

/**
 * Explains what aw_loop_new(`backend`) would do. Writes up to `size` bytes of text, always terminated: the
 * backend that would be used, or why each one in the list cannot be.
 *
 * Returns: 0, or the status of aw_loop_new().
 *
 * Errors: those of aw_loop_new().
 *
 * Thread: any.
 */
AW_API aw_status aw_backend_explain(const char *backend, char *text, size_t size);

AW_END_DECLS

#endif
