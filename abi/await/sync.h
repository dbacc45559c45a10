/* SPDX-License-Identifier: MIT */
/**
 * @file sync.h
 * Lock, event, condition, semaphore and barrier for the tasks of one loop, with asyncio's fairness. They
 * don't synchronise threads.
 *
 * Each call that may wait comes twice: plain, for a stackful task (elsewhere ::AW_ENOTASK), and as a
 * coroutine (`_coro`, new reference) for step coroutines and hosts. A wait that is cancelled returns
 * ::AW_ECANCELLED, and a wake-up it had been given goes to the next.
 */
#ifndef AWAIT_SYNC_H
#define AWAIT_SYNC_H

#include <await/base.h>

AW_BEGIN_DECLS

typedef struct aw_lock aw_lock;           /**< asyncio.Lock */
typedef struct aw_event aw_event;         /**< asyncio.Event */
typedef struct aw_condition aw_condition; /**< asyncio.Condition */
typedef struct aw_semaphore aw_semaphore; /**< asyncio.Semaphore, BoundedSemaphore */
typedef struct aw_barrier aw_barrier;     /**< asyncio.Barrier */

/** @name Lock: no owner, not re-entrant, first come first served */
/**@{*/
/** An open lock. New reference. asyncio.Lock. */
AW_NODISCARD AW_API aw_status aw_lock_new(aw_loop *loop, aw_lock **out);
/** Takes one more reference and returns `lock`. Any thread. */
AW_API aw_lock *aw_lock_ref(aw_lock *lock);
/** Gives one reference back. Any thread. */
AW_API void aw_lock_unref(aw_lock *lock);
/** Takes the lock; does not suspend if it is free and nobody waits. asyncio: Lock.acquire. */
AW_STACKFUL AW_NODISCARD AW_API aw_status aw_lock_acquire(aw_lock *lock);
/** aw_lock_acquire() as a coroutine. */
AW_NODISCARD AW_API aw_status aw_lock_acquire_coro(aw_lock *lock, aw_coro **out);
/** Takes the lock if that needs no wait, else -EAGAIN. */
AW_NODISCARD AW_API aw_status aw_lock_try_acquire(aw_lock *lock);
/** Gives the lock; the first who waits is woken. -EPERM if it is not taken. asyncio: Lock.release. */
AW_API aw_status aw_lock_release(aw_lock *lock);
/** 1 if it is held. asyncio: Lock.locked. */
AW_API aw_bool aw_lock_locked(const aw_lock *lock);
/**@}*/

/** @name Event */
/**@{*/
/** An event that is not set. New reference. asyncio.Event. */
AW_NODISCARD AW_API aw_status aw_event_new(aw_loop *loop, aw_event **out);
/** Takes one more reference and returns `event`. Any thread. */
AW_API aw_event *aw_event_ref(aw_event *event);
/** Gives one reference back. Any thread. */
AW_API void aw_event_unref(aw_event *event);
/** Waits until it is set. asyncio: Event.wait. */
AW_STACKFUL AW_NODISCARD AW_API aw_status aw_event_wait(aw_event *event);
/** aw_event_wait() as a coroutine. */
AW_NODISCARD AW_API aw_status aw_event_wait_coro(aw_event *event, aw_coro **out);
/** Sets it, and wakes all who wait, even if it is cleared before they run. asyncio: Event.set. */
AW_API aw_status aw_event_set(aw_event *event);
/** Takes the flag back: who waits from now on waits for the next aw_event_set(). asyncio: Event.clear. */
AW_API aw_status aw_event_clear(aw_event *event);
/** 1 if the flag is set. asyncio: Event.is_set. */
AW_API aw_bool aw_event_is_set(const aw_event *event);
/**@}*/

/** @name Condition. Without its lock the calls below answer -EPERM. */
/**@{*/
/**
 * A condition on `lock` (a reference is taken), or on a lock of its own if that is NULL. New reference.
 * asyncio.Condition.
 */
AW_NODISCARD AW_API aw_status aw_condition_new(aw_loop *loop, aw_lock *lock, aw_condition **out);
/** Takes one more reference and returns `condition`. Any thread. */
AW_API aw_condition *aw_condition_ref(aw_condition *condition);
/** Gives one reference back. Any thread. */
AW_API void aw_condition_unref(aw_condition *condition);
/** The lock, borrowed. */
AW_API aw_lock *aw_condition_lock(const aw_condition *condition);
/** Takes the lock: aw_lock_acquire() of aw_condition_lock(). asyncio: Condition.acquire. */
AW_STACKFUL AW_NODISCARD AW_API aw_status aw_condition_acquire(aw_condition *condition);
/** aw_condition_acquire() as a coroutine. */
AW_NODISCARD AW_API aw_status aw_condition_acquire_coro(aw_condition *condition, aw_coro **out);
/** Releases the lock and wakes its first waiter. -EPERM if it is not held. asyncio: Condition.release. */
AW_API aw_status aw_condition_release(aw_condition *condition);
/** 1 if the lock is held. asyncio: Condition.locked. */
AW_API aw_bool aw_condition_locked(const aw_condition *condition);
/**
 * Releases the lock, waits to be notified, takes the lock again; also a cancelled wait returns with the lock.
 * May wake without cause.
 * asyncio: Condition.wait.
 */
AW_STACKFUL AW_NODISCARD AW_API aw_status aw_condition_wait(aw_condition *condition);
/** aw_condition_wait() as a coroutine. */
AW_NODISCARD AW_API aw_status aw_condition_wait_coro(aw_condition *condition, aw_coro **out);
/**
 * What a condition is waited for: positive once it holds, 0 until then, or a negative status, which ends the
 * wait.
 */
typedef aw_status (*aw_predicate_fn)(void *ud);
/**
 * Waits until `fn(ud)` holds: calls it, and as long as it returns 0 waits to be notified, as
 * aw_condition_wait() does, and calls it again. It runs in the calling task with the lock held, and must not
 * await.
 *
 * Returns: what `fn` returned last: positive, or its failure. Errors: those of aw_condition_wait(); -EINVAL
 * for a NULL `fn`.
 * Cancellation: as aw_condition_wait(): the lock is held again when ::AW_ECANCELLED is returned. asyncio:
 * Condition.wait_for.
 */
AW_STACKFUL AW_NODISCARD AW_API aw_status aw_condition_wait_for(aw_condition *condition, aw_predicate_fn fn,
                                                                void *ud);
/**
 * aw_condition_wait_for() as a coroutine, whose value is what `fn` returned last, as `(void *)(intptr_t)`.
 * `destroy(ud)` runs when it has ended, or, before the call returns, when it can't be made. New reference.
 */
AW_NODISCARD AW_API aw_status aw_condition_wait_for_coro(aw_condition *condition, aw_predicate_fn fn,
                                                         void *ud, aw_destroy_fn destroy, aw_coro **out);
/** Wakes `count` of those who wait, in their order. asyncio: Condition.notify. */
AW_API aw_status aw_condition_notify(aw_condition *condition, size_t count);
/** Wakes all that wait. asyncio: Condition.notify_all. */
AW_API aw_status aw_condition_notify_all(aw_condition *condition);
/**@}*/

/** @name Semaphore */
/**@{*/
/** A semaphore of `value` permits; -EINVAL below 0. New reference. asyncio.Semaphore. */
AW_NODISCARD AW_API aw_status aw_semaphore_new(aw_loop *loop, int64_t value, aw_semaphore **out);
/** One that refuses to hold more than `value` permits. New reference. asyncio.BoundedSemaphore. */
AW_NODISCARD AW_API aw_status aw_semaphore_new_bounded(aw_loop *loop, int64_t value, aw_semaphore **out);
/** Takes one more reference and returns `semaphore`. Any thread. */
AW_API aw_semaphore *aw_semaphore_ref(aw_semaphore *semaphore);
/** Gives one reference back. Any thread. */
AW_API void aw_semaphore_unref(aw_semaphore *semaphore);
/** Takes a permit; newcomers never overtake. asyncio: Semaphore.acquire. */
AW_STACKFUL AW_NODISCARD AW_API aw_status aw_semaphore_acquire(aw_semaphore *semaphore);
/** aw_semaphore_acquire() as a coroutine. */
AW_NODISCARD AW_API aw_status aw_semaphore_acquire_coro(aw_semaphore *semaphore, aw_coro **out);
/** Takes a permit if that needs no wait, else -EAGAIN. */
AW_NODISCARD AW_API aw_status aw_semaphore_try_acquire(aw_semaphore *semaphore);
/** Gives a permit. -EINVAL if a bounded one would hold too many. asyncio: Semaphore.release. */
AW_API aw_status aw_semaphore_release(aw_semaphore *semaphore);
/** 1 if an acquire would wait. asyncio: Semaphore.locked. */
AW_API aw_bool aw_semaphore_locked(const aw_semaphore *semaphore);
/** How many permits are free. */
AW_API int64_t aw_semaphore_value(const aw_semaphore *semaphore);
/**@}*/

/** @name Barrier */
/**@{*/
/** A barrier for `parties` tasks; -EINVAL below 1. New reference. asyncio.Barrier. */
AW_NODISCARD AW_API aw_status aw_barrier_new(aw_loop *loop, int32_t parties, aw_barrier **out);
/** Takes one more reference and returns `barrier`. Any thread. */
AW_API aw_barrier *aw_barrier_ref(aw_barrier *barrier);
/** Gives one reference back. Any thread. */
AW_API void aw_barrier_unref(aw_barrier *barrier);
/**
 * Waits for all parties. Returns the order of arrival, from 0; ::AW_EBROKENBARRIER if it is or gets broken. A
 * cancelled wait leaves, and breaks nothing. asyncio: Barrier.wait.
 */
AW_STACKFUL AW_NODISCARD AW_API aw_status aw_barrier_wait(aw_barrier *barrier);
/** aw_barrier_wait() as a coroutine; its value is the order as `(void *)(intptr_t)`. */
AW_NODISCARD AW_API aw_status aw_barrier_wait_coro(aw_barrier *barrier, aw_coro **out);
/** Breaks those who wait, and leaves it usable. asyncio: Barrier.reset. */
AW_STACKFUL AW_NODISCARD AW_API aw_status aw_barrier_reset(aw_barrier *barrier);
/** aw_barrier_reset() as a coroutine. */
AW_NODISCARD AW_API aw_status aw_barrier_reset_coro(aw_barrier *barrier, aw_coro **out);
/** Breaks it until it is reset. asyncio: Barrier.abort. */
AW_STACKFUL AW_NODISCARD AW_API aw_status aw_barrier_abort(aw_barrier *barrier);
/** aw_barrier_abort() as a coroutine. */
AW_NODISCARD AW_API aw_status aw_barrier_abort_coro(aw_barrier *barrier, aw_coro **out);
/** How many tasks it takes to pass. asyncio: Barrier.parties. */
AW_API int32_t aw_barrier_parties(const aw_barrier *barrier);
/** How many tasks wait now. asyncio: Barrier.n_waiting. */
AW_API int32_t aw_barrier_n_waiting(const aw_barrier *barrier);
/** 1 if it is broken. asyncio: Barrier.broken. */
AW_API aw_bool aw_barrier_broken(const aw_barrier *barrier);
/**@}*/

AW_END_DECLS

#endif
