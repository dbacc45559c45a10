// SPDX-License-Identifier: MIT
//! Lock, event, condition, semaphore and barrier for the tasks of one loop, with asyncio's fairness. They
//! don't synchronise threads.
//!
//! A wait that is cancelled or dropped takes nothing, and a wake-up that it had received is passed to the
//! next waiter.

use crate::error::{Error, Result};
use crate::op::{coro_leaf, current_loop, debug_as_name, future_of_op, Done, Finish, Op};
use crate::reference::Ref;
use crate::sys;
use crate::value::{Value, Wanted};
use std::ffi::c_void;
use std::fmt;
use std::future::Future;
use std::mem::ManuallyDrop;
use std::pin::Pin;
use std::task::{Context, Poll};

macro_rules! opaque_debug {
    ($($name:ident: $field:ident = $ask:ident),* $(,)?) => {$(
        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.debug_struct(stringify!($name)).field(stringify!($field), &self.$ask()).finish()
            }
        }
    )*};
}

/// A lock without an owner: not re-entrant, first come first served. Clones are the same lock. asyncio.Lock.
#[derive(Clone)]
pub struct Lock(Ref<sys::aw_lock>);

impl Lock {
    /// Creates an unlocked lock on the running loop.
    ///
    /// # Errors
    /// [`ErrorKind::NoLoop`](crate::ErrorKind::NoLoop), as for the other primitives.
    pub fn new() -> Result<Lock> {
        let event_loop = current_loop()?;
        // SAFETY: the loop is alive, the lock a new reference.
        Ref::made_by(|out| unsafe { sys::aw_lock_new(event_loop, out) }).map(Lock)
    }

    /// Acquires the lock until the guard is dropped; does not suspend if the lock is free and there are no
    /// waiters. asyncio: `async with lock`.
    ///
    /// # Errors
    /// [`Error::CANCELLED`].
    pub fn acquire(&self) -> Acquire<Lock> {
        Acquire::begin(self.clone())
    }

    /// Acquires the lock if that needs no wait.
    pub fn try_acquire(&self) -> Option<Guard<Lock>> {
        self.take_now().then(|| Guard(self.clone()))
    }

    /// asyncio: Lock.locked.
    pub fn is_locked(&self) -> bool {
        // SAFETY: alive.
        unsafe { sys::aw_lock_locked(self.0.raw()) != 0 }
    }
}

/// The common part of [`Lock`] and [`Semaphore`].
pub trait Acquirable: Clone + private::Acquirable {}
impl Acquirable for Lock {}
impl Acquirable for Semaphore {}

mod private {
    use crate::error::Result;
    use crate::leaf::Leaf;

    pub trait Acquirable {
        fn take_now(&self) -> bool;
        fn waiter(&self) -> Waiter;
        fn give(&self);
    }

    #[allow(missing_debug_implementations)]
    pub struct Waiter(pub(super) Result<Leaf>);
}

impl private::Acquirable for Lock {
    fn take_now(&self) -> bool {
        // SAFETY: alive.
        unsafe { sys::aw_lock_try_acquire(self.0.raw()) >= 0 }
    }
    fn waiter(&self) -> private::Waiter {
        // SAFETY: alive.
        private::Waiter(coro_leaf(Wanted::Nothing, |_, out| unsafe {
            sys::aw_lock_acquire_coro(self.0.raw(), out)
        }))
    }
    fn give(&self) {
        // SAFETY: alive.
        unsafe { sys::aw_lock_release(self.0.raw()) };
    }
}

use private::Acquirable as _;

/// Holds what was acquired until it is dropped.
#[must_use = "dropping a guard releases what it guards"]
pub struct Guard<A: Acquirable>(A);

impl<A: Acquirable> Drop for Guard<A> {
    fn drop(&mut self) {
        self.0.give();
    }
}

debug_as_name!(Guard<A: Acquirable>, Acquire<A: Acquirable>);

struct Acquiring<A: Acquirable>(A);
impl<A: Acquirable> Finish for Acquiring<A> {
    type Output = Result<Guard<A>>;
    fn finish(&mut self, end: Result<Value>) -> Self::Output {
        end.map(|_| Guard(self.0.clone()))
    }
    fn reclaim(&mut self, end: Result<Value>) {
        if end.is_ok() {
            self.0.give();
        }
    }
}

/// The future of [`Lock::acquire`] and [`Semaphore::acquire`].
#[must_use = "futures do nothing unless they are awaited"]
pub struct Acquire<A: Acquirable> {
    from: A,
    waiting: Option<Op<Acquiring<A>>>,
}

impl<A: Acquirable> Acquire<A> {
    fn begin(from: A) -> Self {
        Acquire { from, waiting: None }
    }
}

impl<A: Acquirable> Future for Acquire<A> {
    type Output = Result<Guard<A>>;
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        // SAFETY: the operation stays where it is; the rest is never pinned.
        let this = unsafe { self.get_unchecked_mut() };
        if this.waiting.is_none() {
            if this.from.take_now() {
                return Poll::Ready(Ok(Guard(this.from.clone())));
            }
            this.waiting = Some(Op::new(this.from.waiter().0, Acquiring(this.from.clone())));
        }
        match &mut this.waiting {
            // SAFETY: as above.
            Some(waiting) => unsafe { Pin::new_unchecked(waiting) }.poll(cx),
            None => Poll::Pending,
        }
    }
}

/// A flag that tasks wait for. Clones are the same event. asyncio.Event.
#[derive(Clone)]
pub struct Event(Ref<sys::aw_event>);

impl Event {
    /// Creates an event that is not set.
    ///
    /// # Errors
    /// As [`Lock::new`].
    pub fn new() -> Result<Event> {
        let event_loop = current_loop()?;
        // SAFETY: the loop is alive, the event a new reference.
        Ref::made_by(|out| unsafe { sys::aw_event_new(event_loop, out) }).map(Event)
    }

    /// Waits until it is set. asyncio: Event.wait.
    ///
    /// # Errors
    /// [`Error::CANCELLED`].
    pub fn wait(&self) -> EventWait {
        // SAFETY: alive.
        EventWait(Op::new(
            coro_leaf(Wanted::Nothing, |_, out| unsafe { sys::aw_event_wait_coro(self.0.raw(), out) }),
            Done,
        ))
    }

    /// Sets it, and wakes all waiters. asyncio: Event.set.
    pub fn set(&self) {
        // SAFETY: alive.
        unsafe { sys::aw_event_set(self.0.raw()) };
    }

    /// asyncio: Event.clear.
    pub fn clear(&self) {
        // SAFETY: alive.
        unsafe { sys::aw_event_clear(self.0.raw()) };
    }

    /// asyncio: Event.is_set.
    pub fn is_set(&self) -> bool {
        // SAFETY: alive.
        unsafe { sys::aw_event_is_set(self.0.raw()) != 0 }
    }
}

/// The future of [`Event::wait`].
#[must_use = "futures do nothing unless they are awaited"]
pub struct EventWait(Op<Done>);
future_of_op!(EventWait => Result<()>);

/// A number of permits. Clones are the same semaphore. asyncio.Semaphore.
#[derive(Clone)]
pub struct Semaphore(Ref<sys::aw_semaphore>);

impl Semaphore {
    /// Creates a semaphore with that many permits.
    ///
    /// # Errors
    /// As [`Lock::new`].
    pub fn new(permits: usize) -> Result<Semaphore> {
        let event_loop = current_loop()?;
        let permits = i64::try_from(permits).unwrap_or(i64::MAX);
        // SAFETY: the loop is alive, the semaphore a new reference. Guards release only what they acquired,
        // so asyncio's BoundedSemaphore has no use here.
        Ref::made_by(|out| unsafe { sys::aw_semaphore_new(event_loop, permits, out) }).map(Semaphore)
    }

    /// Acquires a permit until the guard is dropped; newcomers never overtake. asyncio: `async with
    /// semaphore`.
    ///
    /// # Errors
    /// [`Error::CANCELLED`].
    pub fn acquire(&self) -> Acquire<Semaphore> {
        Acquire::begin(self.clone())
    }

    /// Acquires a permit if that needs no wait.
    pub fn try_acquire(&self) -> Option<Guard<Semaphore>> {
        self.take_now().then(|| Guard(self.clone()))
    }

    /// Adds a permit. asyncio: Semaphore.release.
    pub fn release(&self) {
        self.give();
    }

    /// Returns whether an acquire would wait. asyncio: Semaphore.locked.
    pub fn is_locked(&self) -> bool {
        // SAFETY: alive.
        unsafe { sys::aw_semaphore_locked(self.0.raw()) != 0 }
    }

    /// Returns how many permits are free.
    pub fn available(&self) -> usize {
        // SAFETY: alive.
        usize::try_from(unsafe { sys::aw_semaphore_value(self.0.raw()) }).unwrap_or(0)
    }
}

impl private::Acquirable for Semaphore {
    fn take_now(&self) -> bool {
        // SAFETY: alive.
        unsafe { sys::aw_semaphore_try_acquire(self.0.raw()) >= 0 }
    }
    fn waiter(&self) -> private::Waiter {
        // SAFETY: alive.
        private::Waiter(coro_leaf(Wanted::Nothing, |_, out| unsafe {
            sys::aw_semaphore_acquire_coro(self.0.raw(), out)
        }))
    }
    fn give(&self) {
        // SAFETY: alive.
        unsafe { sys::aw_semaphore_release(self.0.raw()) };
    }
}

/// Lets tasks wait for changes to data that a lock guards. Clones are the same condition. asyncio.Condition.
#[derive(Clone)]
pub struct Condition {
    raw: Ref<sys::aw_condition>,
    lock: Lock,
}

impl Condition {
    /// Creates a condition with its own lock.
    ///
    /// # Errors
    /// As [`Lock::new`].
    pub fn new() -> Result<Condition> {
        Condition::with_lock(&Lock::new()?)
    }

    /// Creates a condition on `lock`.
    ///
    /// # Errors
    /// As [`Lock::new`].
    pub fn with_lock(lock: &Lock) -> Result<Condition> {
        let event_loop = current_loop()?;
        // SAFETY: both are alive, the condition a new reference.
        let raw = Ref::made_by(|out| unsafe { sys::aw_condition_new(event_loop, lock.0.raw(), out) })?;
        Ok(Condition { raw, lock: lock.clone() })
    }

    /// Returns its lock, to acquire and release it.
    pub fn lock(&self) -> &Lock {
        &self.lock
    }

    /// Releases the lock, waits for a notification, and acquires the lock again. Spurious wake-ups are
    /// possible. A wait that is cancelled or dropped does not hold the lock. asyncio: Condition.wait, whose
    /// cancelled wait holds the lock until the `async with` ends.
    ///
    /// # Errors
    /// [`Error::CANCELLED`]; `EPERM` with the guard of another lock.
    pub async fn wait(&self, guard: Guard<Lock>) -> Result<Guard<Lock>> {
        if guard.0 .0.raw() != self.lock.0.raw() {
            return Err(Error::from_code(sys::AW_EPERM));
        }
        // SAFETY: alive.
        let leaf =
            coro_leaf(Wanted::Nothing, |_, out| unsafe { sys::aw_condition_wait_coro(self.raw.raw(), out) });
        // From here on the wait owns the lock, whatever happens to it.
        let lock = ManuallyDrop::new(guard).0.clone();
        ConditionWait(Op::new(leaf, Rewaiting(lock))).await
    }

    /// Waits until `ready`, called with the lock held, returns true. asyncio: Condition.wait_for.
    ///
    /// # Errors
    /// As [`Condition::wait`].
    pub async fn wait_until(
        &self,
        mut guard: Guard<Lock>,
        mut ready: impl FnMut() -> bool,
    ) -> Result<Guard<Lock>> {
        while !ready() {
            guard = self.wait(guard).await?;
        }
        Ok(guard)
    }

    /// Wakes that many waiters, in their order. asyncio: Condition.notify.
    ///
    /// # Errors
    /// `EPERM` if the lock is not held.
    pub fn notify(&self, count: usize) -> Result<()> {
        // SAFETY: alive.
        Error::done(unsafe { sys::aw_condition_notify(self.raw.raw(), count) })
    }

    /// Wakes all waiters. asyncio: Condition.notify_all.
    ///
    /// # Errors
    /// As [`Condition::notify`].
    pub fn notify_all(&self) -> Result<()> {
        // SAFETY: alive.
        Error::done(unsafe { sys::aw_condition_notify_all(self.raw.raw()) })
    }
}

struct Rewaiting(Lock);
impl Finish for Rewaiting {
    type Output = Result<Guard<Lock>>;
    fn finish(&mut self, end: Result<Value>) -> Self::Output {
        // Both outcomes hold the lock.
        let guard = Guard(self.0.clone());
        end.map(|_| guard)
    }
    fn reclaim(&mut self, _: Result<Value>) {
        self.0.give();
    }
}

struct ConditionWait(Op<Rewaiting>);
future_of_op!(ConditionWait => Result<Guard<Lock>>);

impl Drop for ConditionWait {
    fn drop(&mut self) {
        if !self.0.has_begun() {
            // Polled, but not started: the lock has not been released yet.
            self.0.finish_ref().0.give();
            return;
        }
        // A cancelled wait acquires the lock once more before it ends, and its caller can't release it.
        self.0.with_pending(|future, lock| {
            let ud = Box::into_raw(Box::new(lock.0.clone())).cast::<c_void>();
            // SAFETY: alive; the destroy takes the box back, also if this fails.
            unsafe { sys::aw_future_add_done_callback(future, Some(release_lock), ud, Some(drop_lock)) };
        });
    }
}

unsafe extern "C" fn release_lock(_: *mut sys::aw_future, ud: *mut c_void) -> i32 {
    // SAFETY: the lock handed over above, not destroyed yet.
    unsafe { &*ud.cast::<Lock>() }.give();
    0
}

unsafe extern "C" fn drop_lock(ud: *mut c_void) {
    // SAFETY: as above; runs once.
    drop(unsafe { Box::from_raw(ud.cast::<Lock>()) });
}

/// Makes a number of tasks wait for each other. Clones are the same barrier. asyncio.Barrier.
#[derive(Clone)]
pub struct Barrier(Ref<sys::aw_barrier>);

impl Barrier {
    /// Creates a barrier for that many tasks.
    ///
    /// # Errors
    /// `EINVAL` for 0, and those of [`Lock::new`].
    pub fn new(parties: usize) -> Result<Barrier> {
        let event_loop = current_loop()?;
        let parties = i32::try_from(parties).unwrap_or(i32::MAX);
        // SAFETY: the loop is alive, the barrier a new reference.
        Ref::made_by(|out| unsafe { sys::aw_barrier_new(event_loop, parties, out) }).map(Barrier)
    }

    /// Waits for all, and returns the order of arrival, from 0. A cancelled wait leaves without breaking the
    /// barrier. asyncio: Barrier.wait.
    ///
    /// # Errors
    /// [`ErrorKind::BrokenBarrier`](crate::ErrorKind::BrokenBarrier), [`Error::CANCELLED`].
    pub fn wait(&self) -> BarrierWait {
        // SAFETY: alive.
        let leaf = coro_leaf(Wanted::Bits, |_, out| unsafe { sys::aw_barrier_wait_coro(self.0.raw(), out) });
        BarrierWait(Op::new(leaf, Arrival))
    }

    /// Fails the current waiters, and leaves the barrier usable. asyncio: Barrier.reset.
    ///
    /// # Errors
    /// [`Error::CANCELLED`].
    pub async fn reset(&self) -> Result<()> {
        // SAFETY: alive.
        let leaf =
            coro_leaf(Wanted::Nothing, |_, out| unsafe { sys::aw_barrier_reset_coro(self.0.raw(), out) });
        EventWait(Op::new(leaf, Done)).await
    }

    /// Breaks the barrier until it is reset. asyncio: Barrier.abort.
    ///
    /// # Errors
    /// [`Error::CANCELLED`].
    pub async fn abort(&self) -> Result<()> {
        // SAFETY: alive.
        let leaf =
            coro_leaf(Wanted::Nothing, |_, out| unsafe { sys::aw_barrier_abort_coro(self.0.raw(), out) });
        EventWait(Op::new(leaf, Done)).await
    }

    /// asyncio: Barrier.parties.
    pub fn parties(&self) -> usize {
        // SAFETY: alive.
        usize::try_from(unsafe { sys::aw_barrier_parties(self.0.raw()) }).unwrap_or(0)
    }

    /// asyncio: Barrier.n_waiting.
    pub fn waiting(&self) -> usize {
        // SAFETY: alive.
        usize::try_from(unsafe { sys::aw_barrier_n_waiting(self.0.raw()) }).unwrap_or(0)
    }

    /// asyncio: Barrier.broken.
    pub fn is_broken(&self) -> bool {
        // SAFETY: alive.
        unsafe { sys::aw_barrier_broken(self.0.raw()) != 0 }
    }
}

struct Arrival;
impl Finish for Arrival {
    type Output = Result<usize>;
    fn finish(&mut self, end: Result<Value>) -> Self::Output {
        end.map(|value| value.bits() as usize)
    }
}

/// The future of [`Barrier::wait`].
#[must_use = "futures do nothing unless they are awaited"]
pub struct BarrierWait(Op<Arrival>);
future_of_op!(BarrierWait => Result<usize>);

impl fmt::Debug for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Condition").field("lock", &self.lock).finish()
    }
}

opaque_debug! {
    Lock: locked = is_locked,
    Event: set = is_set,
    Semaphore: available = available,
    Barrier: waiting = waiting,
}
