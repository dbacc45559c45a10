/* SPDX-License-Identifier: MIT */
/**
 * @file context.h
 * Task-local values, as asyncio uses contextvars. A task copies the context in which it was spawned, once,
 * and then has its own. A callback runs in the context in which it was registered. Changes are not visible
 * to the code that created the task or callback.
 *
 * Since 0.1.0, unless an entry says otherwise.
 */
#ifndef AWAIT_CONTEXT_H
#define AWAIT_CONTEXT_H

#include <await/base.h>

AW_BEGIN_DECLS

/**
 * Binds `key` to a value in the current context, which is that of the task or callback that runs, else that
 * of the thread. `key` is any address that belongs to the caller. `destroy` runs when no context holds the
 * value any more. On failure the caller keeps the value.
 *
 * Errors: -ENOMEM; -EINVAL if `key` is NULL.
 *
 * Thread: any.
 *
 * asyncio: ContextVar.set.
 */
AW_NODISCARD AW_API aw_status aw_context_set(const void *key, void *value, aw_destroy_fn destroy);
/**
 * Retrieves the value bound to `key`, borrowed.
 *
 * Errors: -ENOENT if `key` is not bound.
 *
 * Thread: any.
 *
 * asyncio: ContextVar.get.
 */
AW_API aw_status aw_context_get(const void *key, void **out);
/**
 * Removes the binding of `key`.
 *
 * Errors: -ENOENT if `key` is not bound.
 *
 * Thread: any.
 *
 * asyncio: ContextVar.reset, to the state without a value.
 */
AW_API aw_status aw_context_unset(const void *key);

AW_END_DECLS

#endif
