/* SPDX-License-Identifier: MIT */
/**
 * @file sync.h
 * Lock, event, condition, semaphore and barrier for the tasks of one loop, with asyncio's fairness. They do
 * not synchronise threads.
 *
 * Each call that may wait comes in two forms: plain, for a stackful task (elsewhere it fails with
 * ::AW_ENOTASK), and as a coroutine (`_coro`, new reference) for step coroutines and hosts. A wait that is
 * cancelled returns ::AW_ECANCELLED, and a wake-up that it had received passes to the next waiter.
 *
 * Since 0.1.0, unless an entry says otherwise.
 */
#ifndef AWAIT_SYNC_H
#define AWAIT_SYNC_H

#include <await/base.h>

AW_BEGIN_DECLS

typedef struct aw_lock aw_lock;           /**< a lock (asyncio.Lock) */
typedef struct aw_event aw_event;         /**< a flag to wait for (asyncio.Event) */
typedef struct aw_condition aw_condition; /**< a condition variable (asyncio.Condition) */
typedef struct aw_semaphore aw_semaphore; /**< a number of permits (asyncio.Semaphore, BoundedSemaphore) */
typedef struct aw_barrier aw_barrier;     /**< a meeting point of tasks (asyncio.Barrier) */

/** @name Lock: no owner, not re-entrant, first come first served */
/**@{*/
/**
 * Creates a lock that is not held.
 *
 * Returns: 0, and a new reference in `out`.
 *
 * asyncio: Lock.
 */
AW_NODISCARD AW_API aw_status aw_lock_new(aw_loop *loop, aw_lock **out);
/**
 * Adds a reference and returns `lock`.
 *
 * Thread: any.
 */
AW_API aw_lock *aw_lock_ref(aw_lock *lock);
/**
 * Drops a reference.
 *
 * Thread: any.
 */
AW_API void aw_lock_unref(aw_lock *lock);
/**
 * Acquires the lock. Does not suspend the task if the lock is free and nobody waits for it.
 *
 * Errors: ::AW_ECANCELLED; ::AW_ENOTASK outside a stackful task.
 *
 * Cancellation: returns without the lock.
 *
 * asyncio: Lock.acquire.
 */
AW_STACKFUL AW_NODISCARD AW_API aw_status aw_lock_acquire(aw_lock *lock);
/**
 * Creates a coroutine that acquires the lock as aw_lock_acquire() does.
 *
 * Returns: 0, and a new reference in `out`.
 *
 * asyncio: Lock.acquire.
 */
AW_NODISCARD AW_API aw_status aw_lock_acquire_coro(aw_lock *lock, aw_coro **out);
/**
 * Acquires the lock if that does not require waiting.
 *
 * Errors: -EAGAIN if the caller would have to wait.
 */
AW_NODISCARD AW_API aw_status aw_lock_try_acquire(aw_lock *lock);
/**
 * Releases the lock and wakes the first waiter.
 *
 * Errors: -EPERM if the lock is not held.
 *
 * asyncio: Lock.release.
 */
AW_API aw_status aw_lock_release(aw_lock *lock);
/**
 * Returns 1 if the lock is held, else 0.
 *
 * asyncio: Lock.locked.
 */
AW_API aw_bool aw_lock_locked(const aw_lock *lock);
/**@}*/

/** @name Event */
/**@{*/
/**
 * Creates an event that is not set.
 *
 * Returns: 0, and a new reference in `out`.
 *
 * asyncio: Event.
 */
AW_NODISCARD AW_API aw_status aw_event_new(aw_loop *loop, aw_event **out);
/**
 * Adds a reference and returns `event`.
 *
 * Thread: any.
 */
AW_API aw_event *aw_event_ref(aw_event *event);
/**
 * Drops a reference.
 *
 * Thread: any.
 */
AW_API void aw_event_unref(aw_event *event);
/**
 * Waits until the event is set.
 *
 * Errors: ::AW_ECANCELLED; ::AW_ENOTASK outside a stackful task.
 *
 * Cancellation: ends the wait.
 *
 * asyncio: Event.wait.
 */
AW_STACKFUL AW_NODISCARD AW_API aw_status aw_event_wait(aw_event *event);
/**
 * Creates a coroutine that waits as aw_event_wait() does.
 *
 * Returns: 0, and a new reference in `out`.
 *
 * asyncio: Event.wait.
 */
AW_NODISCARD AW_API aw_status aw_event_wait_coro(aw_event *event, aw_coro **out);
/**
 * Sets the event and wakes all waiters, even if it is cleared before they run.
 *
 * asyncio: Event.set.
 */
AW_API aw_status aw_event_set(aw_event *event);
/**
 * Clears the event: later waits last until the next aw_event_set().
 *
 * asyncio: Event.clear.
 */
AW_API aw_status aw_event_clear(aw_event *event);
/**
 * Returns 1 if the event is set, else 0.
 *
 * asyncio: Event.is_set.
 */
AW_API aw_bool aw_event_is_set(const aw_event *event);
/**@}*/

/** @name Condition */
/**@{*/
/**
 * Creates a condition on `lock`, to which it adds its own reference. If `lock` is NULL, the condition
 * creates its own lock.
 *
 * Returns: 0, and a new reference in `out`.
 *
 * asyncio: Condition.
 */
AW_NODISCARD AW_API aw_status aw_condition_new(aw_loop *loop, aw_lock *lock, aw_condition **out);
/**
 * Adds a reference and returns `condition`.
 *
 * Thread: any.
 */
AW_API aw_condition *aw_condition_ref(aw_condition *condition);
/**
 * Drops a reference.
 *
 * Thread: any.
 */
AW_API void aw_condition_unref(aw_condition *condition);
/** Returns the lock of the condition, borrowed. */
AW_API aw_lock *aw_condition_lock(const aw_condition *condition);
/**
 * Acquires the lock of the condition, as aw_lock_acquire() does.
 *
 * Errors: those of aw_lock_acquire().
 *
 * Cancellation: returns without the lock.
 *
 * asyncio: Condition.acquire.
 */
AW_STACKFUL AW_NODISCARD AW_API aw_status aw_condition_acquire(aw_condition *condition);
/**
 * Creates a coroutine that acquires the lock as aw_condition_acquire() does.
 *
 * Returns: 0, and a new reference in `out`.
 *
 * asyncio: Condition.acquire.
 */
AW_NODISCARD AW_API aw_status aw_condition_acquire_coro(aw_condition *condition, aw_coro **out);
/**
 * Releases the lock and wakes its first waiter.
 *
 * Errors: -EPERM if the lock is not held.
 *
 * asyncio: Condition.release.
 */
AW_API aw_status aw_condition_release(aw_condition *condition);
/**
 * Returns 1 if the lock is held, else 0.
 *
 * asyncio: Condition.locked.
 */
AW_API aw_bool aw_condition_locked(const aw_condition *condition);
/**
 * Releases the lock, waits for a notification, and acquires the lock again. The wait may end without a
 * notification.
 *
 * Errors: -EPERM if the lock is not held; ::AW_ECANCELLED; ::AW_ENOTASK outside a stackful task.
 *
 * Cancellation: acquires the lock again, then returns ::AW_ECANCELLED.
 *
 * asyncio: Condition.wait.
 */
AW_STACKFUL AW_NODISCARD AW_API aw_status aw_condition_wait(aw_condition *condition);
/**
 * Creates a coroutine that waits as aw_condition_wait() does.
 *
 * Returns: 0, and a new reference in `out`.
 *
 * asyncio: Condition.wait.
 */
AW_NODISCARD AW_API aw_status aw_condition_wait_coro(aw_condition *condition, aw_coro **out);
/**
 * A predicate to wait for. Returns a positive number if it holds, 0 if it does not hold yet, or a negative
 * status, which ends the wait.
 */
typedef aw_status (*aw_predicate_fn)(void *ud);
/**
 * Waits until `fn(ud)` holds. The call evaluates `fn`; as long as that returns 0, it waits for a
 * notification as aw_condition_wait() does and evaluates `fn` again. `fn` runs in the calling task with the
 * lock held, and must not await.
 *
 * Returns: the last result of `fn`: positive, or its failure.
 *
 * Errors: those of aw_condition_wait(); -EINVAL if `fn` is NULL.
 *
 * Cancellation: as in aw_condition_wait(): the lock is held again when ::AW_ECANCELLED is returned.
 *
 * asyncio: Condition.wait_for.
 */
AW_STACKFUL AW_NODISCARD AW_API aw_status aw_condition_wait_for(aw_condition *condition, aw_predicate_fn fn,
                                                                void *ud);
/**
 * Creates a coroutine that waits as aw_condition_wait_for() does. Its value is the last result of `fn`, as
 * `(void *)(intptr_t)`. `destroy(ud)` runs when the coroutine has ended or, before the call returns, if it
 * cannot be created.
 *
 * Returns: 0, and a new reference in `out`.
 *
 * asyncio: Condition.wait_for.
 */
AW_NODISCARD AW_API aw_status aw_condition_wait_for_coro(aw_condition *condition, aw_predicate_fn fn,
                                                         void *ud, aw_destroy_fn destroy, aw_coro **out);
/**
 * Wakes up to `count` waiters, in the order in which they began to wait.
 *
 * Errors: -EPERM if the lock is not held.
 *
 * asyncio: Condition.notify.
 */
AW_API aw_status aw_condition_notify(aw_condition *condition, size_t count);
/**
 * Wakes all waiters.
 *
 * Errors: -EPERM if the lock is not held.
 *
 * asyncio: Condition.notify_all.
 */
AW_API aw_status aw_condition_notify_all(aw_condition *condition);
/**@}*/

/** @name Semaphore */
/**@{*/
/**
 * Creates a semaphore with `value` permits.
 *
 * Returns: 0, and a new reference in `out`.
 *
 * Errors: -EINVAL if `value` is negative.
 *
 * asyncio: Semaphore.
 */
AW_NODISCARD AW_API aw_status aw_semaphore_new(aw_loop *loop, int64_t value, aw_semaphore **out);
/**
 * Creates a semaphore as aw_semaphore_new() does, which never holds more than `value` permits.
 *
 * Returns: 0, and a new reference in `out`.
 *
 * Errors: those of aw_semaphore_new().
 *
 * asyncio: BoundedSemaphore.
 */
AW_NODISCARD AW_API aw_status aw_semaphore_new_bounded(aw_loop *loop, int64_t value, aw_semaphore **out);
/**
 * Adds a reference and returns `semaphore`.
 *
 * Thread: any.
 */
AW_API aw_semaphore *aw_semaphore_ref(aw_semaphore *semaphore);
/**
 * Drops a reference.
 *
 * Thread: any.
 */
AW_API void aw_semaphore_unref(aw_semaphore *semaphore);
/**
 * Acquires a permit. A new caller never overtakes one that waits.
 *
 * Errors: ::AW_ECANCELLED; ::AW_ENOTASK outside a stackful task.
 *
 * Cancellation: returns without a permit.
 *
 * asyncio: Semaphore.acquire.
 */
AW_STACKFUL AW_NODISCARD AW_API aw_status aw_semaphore_acquire(aw_semaphore *semaphore);
/**
 * Creates a coroutine that acquires a permit as aw_semaphore_acquire() does.
 *
 * Returns: 0, and a new reference in `out`.
 *
 * asyncio: Semaphore.acquire.
 */
AW_NODISCARD AW_API aw_status aw_semaphore_acquire_coro(aw_semaphore *semaphore, aw_coro **out);
/**
 * Acquires a permit if that does not require waiting.
 *
 * Errors: -EAGAIN if the caller would have to wait.
 */
AW_NODISCARD AW_API aw_status aw_semaphore_try_acquire(aw_semaphore *semaphore);
/**
 * Releases a permit.
 *
 * Errors: -EINVAL if a bounded semaphore would hold too many permits.
 *
 * asyncio: Semaphore.release.
 */
AW_API aw_status aw_semaphore_release(aw_semaphore *semaphore);
/**
 * Returns 1 if an acquire would wait, else 0.
 *
 * asyncio: Semaphore.locked.
 */
AW_API aw_bool aw_semaphore_locked(const aw_semaphore *semaphore);
/** Returns the number of free permits. */
AW_API int64_t aw_semaphore_value(const aw_semaphore *semaphore);
/**@}*/

/** @name Barrier */
/**@{*/
/**
 * Creates a barrier for `parties` tasks.
 *
 * Returns: 0, and a new reference in `out`.
 *
 * Errors: -EINVAL if `parties` is less than 1.
 *
 * asyncio: Barrier.
 */
AW_NODISCARD AW_API aw_status aw_barrier_new(aw_loop *loop, int32_t parties, aw_barrier **out);
/**
 * Adds a reference and returns `barrier`.
 *
 * Thread: any.
 */
AW_API aw_barrier *aw_barrier_ref(aw_barrier *barrier);
/**
 * Drops a reference.
 *
 * Thread: any.
 */
AW_API void aw_barrier_unref(aw_barrier *barrier);
/**
 * Waits until all parties have arrived.
 *
 * Returns: the order of arrival, from 0.
 *
 * Errors: ::AW_EBROKENBARRIER if the barrier is broken or breaks during the wait; ::AW_ECANCELLED;
 * ::AW_ENOTASK outside a stackful task.
 *
 * Cancellation: leaves the barrier and does not break it.
 *
 * asyncio: Barrier.wait.
 */
AW_STACKFUL AW_NODISCARD AW_API aw_status aw_barrier_wait(aw_barrier *barrier);
/**
 * Creates a coroutine that waits as aw_barrier_wait() does. Its value is the order of arrival as
 * `(void *)(intptr_t)`.
 *
 * Returns: 0, and a new reference in `out`.
 *
 * asyncio: Barrier.wait.
 */
AW_NODISCARD AW_API aw_status aw_barrier_wait_coro(aw_barrier *barrier, aw_coro **out);
/**
 * Makes the current waits fail with ::AW_EBROKENBARRIER and leaves the barrier usable.
 *
 * Errors: ::AW_ENOTASK outside a stackful task.
 *
 * asyncio: Barrier.reset.
 */
AW_STACKFUL AW_NODISCARD AW_API aw_status aw_barrier_reset(aw_barrier *barrier);
/**
 * Creates a coroutine that does what aw_barrier_reset() does.
 *
 * Returns: 0, and a new reference in `out`.
 *
 * asyncio: Barrier.reset.
 */
AW_NODISCARD AW_API aw_status aw_barrier_reset_coro(aw_barrier *barrier, aw_coro **out);
/**
 * Breaks the barrier until it is reset.
 *
 * Errors: ::AW_ENOTASK outside a stackful task.
 *
 * asyncio: Barrier.abort.
 */
AW_STACKFUL AW_NODISCARD AW_API aw_status aw_barrier_abort(aw_barrier *barrier);
/**
 * Creates a coroutine that does what aw_barrier_abort() does.
 *
 * Returns: 0, and a new reference in `out`.
 *
 * asyncio: Barrier.abort.
 */
AW_NODISCARD AW_API aw_status aw_barrier_abort_coro(aw_barrier *barrier, aw_coro **out);
/**
 * Returns the number of tasks that pass the barrier together.
 *
 * asyncio: Barrier.parties.
 */
AW_API int32_t aw_barrier_parties(const aw_barrier *barrier);
/**
 * Returns the number of tasks that wait at the barrier.
 *
 * asyncio: Barrier.n_waiting.
 */
AW_API int32_t aw_barrier_n_waiting(const aw_barrier *barrier);
/**
 * Returns 1 if the barrier is broken, else 0.
 *
 * asyncio: Barrier.broken.
 */
AW_API aw_bool aw_barrier_broken(const aw_barrier *barrier);
/**@}*/

AW_END_DECLS

#endif
