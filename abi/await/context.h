/* SPDX-License-Identifier: MIT */
/**
 * @file context.h
 * Task-local values: asyncio's use of contextvars. A task copies the context it was spawned in, once, and
 * keeps its own; a callback runs in the context in which it was registered. What either changes is not seen
 * by who made it.
 */
#ifndef AWAIT_CONTEXT_H
#define AWAIT_CONTEXT_H

#include <await/base.h>

AW_BEGIN_DECLS

/**
 * Binds `key` (any address that is the caller's own) to a value in the current context: that of the task or
 * callback that runs, else the thread's. `destroy` runs when no context holds the value any more. -ENOMEM,
 * -EINVAL for a NULL key; the value then stays the caller's. Any thread. ContextVar.set.
 */
AW_NODISCARD AW_API aw_status aw_context_set(const void *key, void *value, aw_destroy_fn destroy);
/** The value bound to `key`, borrowed, or -ENOENT. Any thread. ContextVar.get. */
AW_API aw_status aw_context_get(const void *key, void **out);
/** Unbinds `key`, or -ENOENT. Any thread. ContextVar.reset to unset. */
AW_API aw_status aw_context_unset(const void *key);

AW_END_DECLS

#endif
