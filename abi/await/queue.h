/* SPDX-License-Identifier: MIT */
/**
 * @file queue.h
 * Queues between the tasks of one loop: first in first out, last in first out, and by priority. asyncio.Queue
 * and its kin.
 *
 * An item is a pointer with its destroy. It belongs to the queue from a put that succeeded until a get that
 * succeeded; items left when the queue goes are destroyed. Calls that may wait come twice, as in sync.h.
 */
#ifndef AWAIT_QUEUE_H
#define AWAIT_QUEUE_H

#include <await/base.h>

AW_BEGIN_DECLS

typedef struct aw_queue aw_queue; /**< asyncio.Queue, LifoQueue, PriorityQueue */

/**
 * Negative if `a` comes before `b`, positive if after, 0 where it does not matter (then the one put first
 * comes first).
 */
typedef int32_t (*aw_compare_fn)(void *a, void *b, void *ud);

/** A queue for at most `maxsize` items; 0 and less: any number. New reference. asyncio.Queue. */
AW_NODISCARD AW_API aw_status aw_queue_new(aw_loop *loop, int64_t maxsize, aw_queue **out);
/** One that gives the newest item first. New reference. asyncio.LifoQueue. */
AW_NODISCARD AW_API aw_status aw_queue_new_lifo(aw_loop *loop, int64_t maxsize, aw_queue **out);
/**
 * One that gives the least item first, by `fn`, which is called in puts and gets, on the thread's own stack.
 * New reference. asyncio.PriorityQueue.
 */
AW_NODISCARD AW_API aw_status aw_queue_new_priority(aw_loop *loop, int64_t maxsize, aw_compare_fn fn,
                                                    void *ud, aw_destroy_fn destroy, aw_queue **out);
/** Takes one more reference and returns `queue`. Any thread. */
AW_API aw_queue *aw_queue_ref(aw_queue *queue);
/** Gives one reference back. Any thread. */
AW_API void aw_queue_unref(aw_queue *queue);

/**
 * Puts an item, waiting for room. On any error (::AW_ECANCELLED, ::AW_EQUEUESHUTDOWN) the item stays the
 * caller's. asyncio: Queue.put.
 */
AW_STACKFUL AW_NODISCARD AW_API aw_status aw_queue_put(aw_queue *queue, void *item, aw_destroy_fn destroy);
/**
 * aw_queue_put() as a coroutine, which owns the item from then on: if the put fails or never runs, the item
 * is destroyed.
 */
AW_NODISCARD AW_API aw_status aw_queue_put_coro(aw_queue *queue, void *item, aw_destroy_fn destroy,
                                                aw_coro **out);
/**
 * Puts an item now, or ::AW_EQUEUEFULL, ::AW_EQUEUESHUTDOWN: then it stays the caller's. asyncio:
 * Queue.put_nowait.
 */
AW_NODISCARD AW_API aw_status aw_queue_put_nowait(aw_queue *queue, void *item, aw_destroy_fn destroy);
/**
 * Gets an item, waiting for one. It moves to the caller, its destroy to `out_destroy` (optional). A get that
 * is cancelled takes nothing. ::AW_EQUEUESHUTDOWN once the queue is shut down and empty. asyncio: Queue.get.
 */
AW_STACKFUL AW_NODISCARD AW_API aw_status aw_queue_get(aw_queue *queue, void **out,
                                                       aw_destroy_fn *out_destroy);
/** aw_queue_get() as a coroutine, whose value is the item, with its destroy. */
AW_NODISCARD AW_API aw_status aw_queue_get_coro(aw_queue *queue, aw_coro **out);
/** Gets an item now, or ::AW_EQUEUEEMPTY, ::AW_EQUEUESHUTDOWN. asyncio: Queue.get_nowait. */
AW_NODISCARD AW_API aw_status aw_queue_get_nowait(aw_queue *queue, void **out, aw_destroy_fn *out_destroy);
/** Tells that an item got before has been dealt with. -EINVAL once too often. asyncio: Queue.task_done. */
AW_API aw_status aw_queue_task_done(aw_queue *queue);
/** Waits until every item put has been dealt with. asyncio: Queue.join. */
AW_STACKFUL AW_NODISCARD AW_API aw_status aw_queue_join(aw_queue *queue);
/** aw_queue_join() as a coroutine. */
AW_NODISCARD AW_API aw_status aw_queue_join_coro(aw_queue *queue, aw_coro **out);
/**
 * Closes the queue: puts fail, gets drain what is left and then fail, all who wait are woken. `immediate`
 * also destroys what is left.
 * asyncio: Queue.shutdown.
 */
AW_API aw_status aw_queue_shutdown(aw_queue *queue, aw_bool immediate);
/** How many items there are. asyncio: Queue.qsize. */
AW_API size_t aw_queue_qsize(const aw_queue *queue);
/** The limit given when the queue was made; 0 or less: none. asyncio: Queue.maxsize. */
AW_API int64_t aw_queue_maxsize(const aw_queue *queue);
/** 1 if there is no item. asyncio: Queue.empty. */
AW_API aw_bool aw_queue_empty(const aw_queue *queue);
/** 1 if there are as many items as the limit allows. asyncio: Queue.full. */
AW_API aw_bool aw_queue_full(const aw_queue *queue);

AW_END_DECLS

#endif
