/* SPDX-License-Identifier: MIT */
/**
 * @file registry.h
 * Which backends there are, and whether each can be used here.
 */
#ifndef AWAIT_REGISTRY_H
#define AWAIT_REGISTRY_H

#include <await/base.h>

AW_BEGIN_DECLS

/** A snapshot of the backends that were found. */
typedef struct aw_backend_list aw_backend_list;

/**
 * Looks at the built-ins and the plug-in folders: those of `AWAIT_BACKEND_PATH`, then `await/backends` beside
 * the library's file, then the one fixed when it was built. New reference. Any thread.
 */
AW_NODISCARD AW_API aw_status aw_backend_list_new(aw_backend_list **out);
/** Takes one more reference and returns `list`. Any thread. */
AW_API aw_backend_list *aw_backend_list_ref(aw_backend_list *list);
/** Gives one reference back. Any thread. */
AW_API void aw_backend_list_unref(aw_backend_list *list);
/** How many there are. */
AW_API size_t aw_backend_list_count(const aw_backend_list *list);
/** The name, or NULL beyond the end. */
AW_API const char *aw_backend_list_name(const aw_backend_list *list, size_t index);
/** One line about it. */
AW_API const char *aw_backend_list_description(const aw_backend_list *list, size_t index);
/** "A": no abort, leak or hang under any single fault; "B": but for what the library underneath does. */
AW_API const char *aw_backend_list_class(const aw_backend_list *list, size_t index);
/** The plug-in's file, or "built in". */
AW_API const char *aw_backend_list_origin(const aw_backend_list *list, size_t index);
/** 0 if it is usable here, else the status that aw_loop_new() would give. */
AW_API aw_status aw_backend_list_status(const aw_backend_list *list, size_t index);
/** Why it is not usable, "" if it is. For a plug-in that another user could have put there it says so. */
AW_API const char *aw_backend_list_reason(const aw_backend_list *list, size_t index);

/**
 * Tells what aw_loop_new(`backend`) would do: returns 0 or its status, and writes up to `size` bytes of text,
 * always terminated: the backend taken, or why each of the list can't be. Any thread.
 */
AW_API aw_status aw_backend_explain(const char *backend, char *text, size_t size);

AW_END_DECLS

#endif
