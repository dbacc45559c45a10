// SPDX-License-Identifier: MIT
//! Sleeps and timeouts.

use crate::combine::Joined;
use crate::error::{Error, Result};
use crate::event_loop::{self, nanoseconds, Handle};
use crate::join::JoinHandle;
use crate::op::{coro_leaf, current_loop, debug_as_name, future_of_op, Done, Op};
use crate::reference::Ref;
use crate::sys;
use crate::value::Wanted;
use std::cell::{Cell, RefCell};
use std::future::Future;
use std::pin::Pin;
use std::ptr;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

/// Suspends the task for at least `delay`; zero is [`yield_now`](crate::yield_now). asyncio.sleep.
///
/// # Errors
/// [`Error::CANCELLED`] if the task is cancelled meanwhile, and
/// [`ErrorKind::NoLoop`](crate::ErrorKind::NoLoop).
pub fn sleep(delay: Duration) -> Sleep {
    let ns = nanoseconds(delay);
    // SAFETY: the loop is alive.
    let make = |event_loop, out| unsafe { sys::aw_sleep_coro(event_loop, ns, ptr::null_mut(), None, out) };
    let leaf = match ns {
        0 => current_loop().map(|_| crate::leaf::Leaf::pause()),
        _ => coro_leaf(Wanted::Nothing, make),
    };
    Sleep(Op::new(leaf, Done))
}

/// The future of [`sleep`].
#[must_use = "futures do nothing unless they are awaited"]
pub struct Sleep(Op<Done>);
future_of_op!(Sleep => Result<()>);

/// Awaits `future` for at most `limit`, then drops it. For tasks see [`wait_for`], which waits until the task
/// that it cancels has ended. tokio::time::timeout.
///
/// # Errors
/// [`Error::TIMEOUT`].
///
/// ```
/// # use std::time::Duration;
/// # libawait::block_on(async {
/// let never = std::future::pending::<()>();
/// let end = libawait::timeout(Duration::from_millis(1), never).await;
/// assert!(end.unwrap_err().is_timeout());
/// # }).unwrap();
/// ```
pub fn timeout<F: Future>(limit: Duration, future: F) -> Timeout<F> {
    Timeout { future, limit, timer: None }
}

/// The future of [`timeout`].
#[must_use = "futures do nothing unless they are awaited"]
pub struct Timeout<F> {
    future: F,
    limit: Duration,
    timer: Option<Timer>,
}

/// A deadline that wakes a waker.
struct Timer {
    handle: Handle,
    state: Rc<TimerState>,
}

#[derive(Default)]
struct TimerState {
    fired: Cell<bool>,
    waker: RefCell<Option<Waker>>,
}

impl Timer {
    fn start(limit: Duration) -> Result<Timer> {
        let state = Rc::new(TimerState::default());
        let shared = state.clone();
        let handle = event_loop::call_later(current_loop()?, limit, move || {
            shared.fired.set(true);
            let waker = shared.waker.borrow_mut().take();
            if let Some(waker) = waker {
                waker.wake();
            }
        })?;
        Ok(Timer { handle, state })
    }

    fn poll(&self, cx: &mut Context<'_>) -> Poll<()> {
        if self.state.fired.get() {
            return Poll::Ready(());
        }
        let mut waker = self.state.waker.borrow_mut();
        if !waker.as_ref().map_or(false, |old| old.will_wake(cx.waker())) {
            let old = waker.replace(cx.waker().clone());
            drop(waker);
            drop(old);
        }
        Poll::Pending
    }
}

impl Drop for Timer {
    fn drop(&mut self) {
        // Its closure lives until the next dispatch, and until then the waker would make the task look
        // shared.
        let waker = self.state.waker.borrow_mut().take();
        drop(waker);
        self.handle.cancel();
    }
}

impl<F: Future> Future for Timeout<F> {
    type Output = Result<F::Output>;
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        // SAFETY: the future stays where it is; the rest is never pinned.
        let this = unsafe { self.get_unchecked_mut() };
        let future = unsafe { Pin::new_unchecked(&mut this.future) };
        if let Poll::Ready(output) = future.poll(cx) {
            this.timer = None;
            return Poll::Ready(Ok(output));
        }
        if this.timer.is_none() {
            match Timer::start(this.limit) {
                Ok(timer) => this.timer = Some(timer),
                Err(error) => return Poll::Ready(Err(error)),
            }
        }
        match &this.timer {
            Some(timer) => timer.poll(cx).map(|()| Err(Error::TIMEOUT)),
            None => Poll::Pending,
        }
    }
}

debug_as_name!(Timeout<F>);

/// Awaits a task for at most `limit`; then cancels it, waits until it has really ended, and returns
/// [`Error::TIMEOUT`], unless it ends with a value or another error despite the cancellation. Cancelling the
/// task that awaits this cancels the awaited task. asyncio.wait_for, as of 3.12.
pub fn wait_for<T>(handle: JoinHandle<T>, limit: Duration) -> WaitFor<T> {
    let (future, ns) = (handle.raw_future(), nanoseconds(limit));
    // SAFETY: alive by the handle, which the operation keeps.
    let leaf = coro_leaf(Wanted::Nothing, |_, out| unsafe { sys::aw_wait_for_coro(future, ns, out) });
    WaitFor(Op::new(leaf, Joined(handle)))
}

/// The future of [`wait_for`].
#[must_use = "futures do nothing unless they are awaited"]
pub struct WaitFor<T>(Op<Joined<T>>);
future_of_op!(WaitFor<T> => Result<T>);

/// A scope with a deadline that can be moved. When the deadline passes, what the body awaits fails with
/// [`Error::CANCELLED`], so that the body can clean up; its outcome then becomes [`Error::TIMEOUT`].
/// asyncio.timeout.
///
/// ```
/// # use libawait::{sleep, TimeoutScope};
/// # use std::time::Duration;
/// # libawait::block_on(async {
/// let end = TimeoutScope::run(Duration::from_millis(1), |_| async {
///     sleep(Duration::from_secs(60)).await?;
///     Ok(())
/// });
/// assert!(end.await.unwrap_err().is_timeout());
/// # }).unwrap();
/// ```
#[derive(Clone, Debug)]
pub struct TimeoutScope(Ref<sys::aw_timeout>);

impl TimeoutScope {
    /// Runs `body` in a scope that ends `limit` from now. The body gets the scope, to move its deadline.
    ///
    /// # Errors
    /// [`Error::TIMEOUT`], or the body's error. [`ErrorKind::NoLoop`](crate::ErrorKind::NoLoop) outside a
    /// task.
    pub async fn run<B, F, T>(limit: impl Into<Option<Duration>>, body: B) -> Result<T>
    where
        B: FnOnce(TimeoutScope) -> F,
        F: Future<Output = Result<T>>,
    {
        /// Exits the scope even if its task is dropped.
        struct Leave(TimeoutScope, bool);
        impl Leave {
            fn leave(&mut self, status: i32) -> i32 {
                self.1 = true;
                // SAFETY: alive.
                unsafe { sys::aw_timeout_exit(self.0 .0.raw(), status) }
            }
        }
        impl Drop for Leave {
            fn drop(&mut self) {
                if !self.1 {
                    self.leave(sys::AW_ECANCELLED);
                }
            }
        }
        let event_loop = current_loop()?;
        let ns = event_loop::limit(limit.into());
        // SAFETY: the loop is alive, and the scope a new reference.
        let scope = TimeoutScope(Ref::made_by(|out| unsafe { sys::aw_timeout_new(event_loop, ns, out) })?);
        // SAFETY: alive.
        Error::done(unsafe { sys::aw_timeout_enter(scope.0.raw()) })?;
        let mut leave = Leave(scope.clone(), false);
        let end = body(scope).await;
        let before = end.as_ref().map_or_else(Error::code, |_| 0);
        let status = leave.leave(before);
        if status < 0 && status != before {
            return Err(Error::from_code(status));
        }
        end
    }

    /// Returns the deadline on the loop's clock, or none. asyncio: Timeout.when.
    pub fn when(&self) -> Option<Duration> {
        // SAFETY: alive.
        match unsafe { sys::aw_timeout_when(self.0.raw()) } {
            event_loop::FOREVER => None,
            ns => Some(Duration::from_nanos(u64::try_from(ns).unwrap_or(0))),
        }
    }

    /// Moves the deadline to a time on the loop's clock; a time in the past fires in the next iteration.
    /// asyncio: Timeout.reschedule.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidState`](crate::ErrorKind::InvalidState) outside of the scope.
    pub fn reschedule(&self, when: Option<Duration>) -> Result<()> {
        // SAFETY: alive.
        Error::done(unsafe { sys::aw_timeout_reschedule(self.0.raw(), event_loop::limit(when)) })
    }

    /// Returns whether the deadline has cancelled the body. asyncio: Timeout.expired.
    pub fn is_expired(&self) -> bool {
        // SAFETY: alive.
        unsafe { sys::aw_timeout_expired(self.0.raw()) != 0 }
    }
}

/// Returns the time of the clock of the loop that runs in this thread. asyncio: loop.time.
///
/// # Errors
/// [`ErrorKind::NoLoop`](crate::ErrorKind::NoLoop).
pub fn now() -> Result<Duration> {
    let event_loop = current_loop()?;
    // SAFETY: it runs in this thread.
    Ok(Duration::from_nanos(u64::try_from(unsafe { sys::aw_loop_time(event_loop) }).unwrap_or(0)))
}
