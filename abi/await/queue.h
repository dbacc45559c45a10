/* SPDX-License-Identifier: MIT */
/**
 * @file queue.h
 * Queues between the tasks of one loop: first in first out, last in first out, and by priority. They
 * correspond to asyncio.Queue and its subclasses.
 *
 * An item is a pointer with its destroy. The queue owns it from a put that succeeded until a get that
 * succeeded. Items that are left when the queue is released are destroyed. Calls that may wait come in two
 * forms, as in sync.h: plain for a stackful task, and as a coroutine (`_coro`).
 *
 * Since 0.1.0, unless an entry says otherwise.
 */
#ifndef AWAIT_QUEUE_H
#define AWAIT_QUEUE_H

#include <await/base.h>

AW_BEGIN_DECLS

typedef struct aw_queue aw_queue; /**< a queue of items (asyncio.Queue, LifoQueue, PriorityQueue) */

/**
 * Compares two items. Returns a negative number if `a` comes before `b`, a positive number if it comes
 * after, and 0 if the order does not matter; the item that was put first then comes first.
 */
typedef int32_t (*aw_compare_fn)(void *a, void *b, void *ud);

/**
 * Creates a first-in, first-out queue for at most `maxsize` items (0 or less: no limit).
 *
 * Returns: 0, and a new reference in `out`.
 *
 * asyncio: Queue.
 */
AW_NODISCARD AW_API aw_status aw_queue_new(aw_loop *loop, int64_t maxsize, aw_queue **out);
/**
 * Creates a queue as aw_queue_new() does, whose gets return the newest item first.
 *
 * Returns: 0, and a new reference in `out`.
 *
 * asyncio: LifoQueue.
 */
AW_NODISCARD AW_API aw_status aw_queue_new_lifo(aw_loop *loop, int64_t maxsize, aw_queue **out);
/**
 * Creates a queue as aw_queue_new() does, whose gets return the smallest item first, in the order of `fn`.
 * Puts and gets call `fn`, on the thread's own stack.
 *
 * Returns: 0, and a new reference in `out`.
 *
 * asyncio: PriorityQueue.
 */
AW_NODISCARD AW_API aw_status aw_queue_new_priority(aw_loop *loop, int64_t maxsize, aw_compare_fn fn,
                                                    void *ud, aw_destroy_fn destroy, aw_queue **out);
/**
 * Adds a reference and returns `queue`.
 *
 * Thread: any.
 */
AW_API aw_queue *aw_queue_ref(aw_queue *queue);
/**
 * Drops a reference.
 *
 * Thread: any.
 */
AW_API void aw_queue_unref(aw_queue *queue);

/**
 * Puts an item into the queue, and waits while the queue is full. On any error the caller keeps the item.
 *
 * Errors: ::AW_ECANCELLED; ::AW_EQUEUESHUTDOWN; ::AW_ENOTASK outside a stackful task.
 *
 * Cancellation: puts nothing.
 *
 * asyncio: Queue.put.
 */
AW_STACKFUL AW_NODISCARD AW_API aw_status aw_queue_put(aw_queue *queue, void *item, aw_destroy_fn destroy);
/**
 * Creates a coroutine that puts an item as aw_queue_put() does. From then on the coroutine owns the item:
 * if the put fails or never runs, the item is destroyed.
 *
 * Returns: 0, and a new reference in `out`.
 *
 * asyncio: Queue.put.
 */
AW_NODISCARD AW_API aw_status aw_queue_put_coro(aw_queue *queue, void *item, aw_destroy_fn destroy,
                                                aw_coro **out);
/**
 * Puts an item into the queue without waiting. On any error the caller keeps the item.
 *
 * Errors: ::AW_EQUEUEFULL; ::AW_EQUEUESHUTDOWN.
 *
 * asyncio: Queue.put_nowait.
 */
AW_NODISCARD AW_API aw_status aw_queue_put_nowait(aw_queue *queue, void *item, aw_destroy_fn destroy);
/**
 * Removes an item from the queue and returns it, and waits while the queue is empty. The item moves to the
 * caller, and its destroy to `out_destroy` (optional).
 *
 * Errors: ::AW_EQUEUESHUTDOWN once the queue is shut down and empty; ::AW_ECANCELLED; ::AW_ENOTASK outside
 * a stackful task.
 *
 * Cancellation: removes nothing.
 *
 * asyncio: Queue.get.
 */
AW_STACKFUL AW_NODISCARD AW_API aw_status aw_queue_get(aw_queue *queue, void **out,
                                                       aw_destroy_fn *out_destroy);
/**
 * Creates a coroutine that gets an item as aw_queue_get() does. Its value is the item, with its destroy.
 *
 * Returns: 0, and a new reference in `out`.
 *
 * asyncio: Queue.get.
 */
AW_NODISCARD AW_API aw_status aw_queue_get_coro(aw_queue *queue, aw_coro **out);
/**
 * Removes an item from the queue and returns it, without waiting.
 *
 * Errors: ::AW_EQUEUEEMPTY; ::AW_EQUEUESHUTDOWN.
 *
 * asyncio: Queue.get_nowait.
 */
AW_NODISCARD AW_API aw_status aw_queue_get_nowait(aw_queue *queue, void **out, aw_destroy_fn *out_destroy);
/**
 * Marks an item that was removed earlier as processed.
 *
 * Errors: -EINVAL if there were more calls than items.
 *
 * asyncio: Queue.task_done.
 */
AW_API aw_status aw_queue_task_done(aw_queue *queue);
/**
 * Waits until every item that was put has been marked as processed.
 *
 * Errors: ::AW_ECANCELLED; ::AW_ENOTASK outside a stackful task.
 *
 * Cancellation: ends the wait.
 *
 * asyncio: Queue.join.
 */
AW_STACKFUL AW_NODISCARD AW_API aw_status aw_queue_join(aw_queue *queue);
/**
 * Creates a coroutine that waits as aw_queue_join() does.
 *
 * Returns: 0, and a new reference in `out`.
 *
 * asyncio: Queue.join.
 */
AW_NODISCARD AW_API aw_status aw_queue_join_coro(aw_queue *queue, aw_coro **out);
/**
 * Shuts the queue down: puts fail, gets return the items that are left and then fail, and all waiters are
 * woken. With `immediate` the items that are left are destroyed.
 *
 * asyncio: Queue.shutdown.
 */
AW_API aw_status aw_queue_shutdown(aw_queue *queue, aw_bool immediate);
/**
 * Returns the number of items.
 *
 * asyncio: Queue.qsize.
 */
AW_API size_t aw_queue_qsize(const aw_queue *queue);
/**
 * Returns the limit with which the queue was created; 0 or less means none.
 *
 * asyncio: Queue.maxsize.
 */
AW_API int64_t aw_queue_maxsize(const aw_queue *queue);
/**
 * Returns 1 if the queue is empty, else 0.
 *
 * asyncio: Queue.empty.
 */
AW_API aw_bool aw_queue_empty(const aw_queue *queue);
/**
 * Returns 1 if the queue holds as many items as its limit allows, else 0.
 *
 * asyncio: Queue.full.
 */
AW_API aw_bool aw_queue_full(const aw_queue *queue);

AW_END_DECLS

#endif
