// SPDX-License-Identifier: MIT
//! What other threads may do with a loop.

use crate::error::{lock, no_unwind, Error, Result};
use crate::event_loop::guarded;
use crate::reference::Ref;
use crate::sys;
use crate::task;
use std::ffi::c_void;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

/// A loop, for other threads. It may outlive the loop, and then fails with
/// [`ErrorKind::LoopClosed`](crate::ErrorKind::LoopClosed).
///
/// ```
/// fn is_send_and_sync<T: Send + Sync>() {}
/// is_send_and_sync::<libawait::Remote>();
/// ```
/// Arguments are sent to the loop's thread, so they must be `Send`; what a task creates there need not be:
/// ```compile_fail,E0277
/// fn f(remote: libawait::Remote) {
///     let rc = std::rc::Rc::new(());
///     remote.call_soon(move || drop(rc));
/// }
/// ```
#[derive(Clone)]
pub struct Remote(Ref<sys::aw_loop>);

// SAFETY: a counted reference, and C allows any thread to make the calls made here.
unsafe impl Send for Remote {}
unsafe impl Sync for Remote {}

type Call = Mutex<Option<Box<dyn FnOnce() + Send>>>;

unsafe extern "C" fn run_call(event_loop: *mut sys::aw_loop, ud: *mut c_void) -> i32 {
    // SAFETY: what `call_soon` handed over, not destroyed yet.
    let call = lock(unsafe { &*ud.cast::<Call>() }).take();
    match call {
        Some(call) => guarded(event_loop, call),
        None => 0,
    }
}

unsafe extern "C" fn drop_call(ud: *mut c_void) {
    // SAFETY: as above; runs once.
    no_unwind(|| drop(unsafe { Box::from_raw(ud.cast::<Call>()) }));
}

impl Remote {
    pub(crate) fn of(event_loop: *mut sys::aw_loop) -> Self {
        // SAFETY: the caller's loop is alive.
        Remote(unsafe { Ref::borrowed(event_loop) })
    }

    fn raw(&self) -> *mut sys::aw_loop {
        self.0.raw()
    }

    /// Returns a handle to the loop that runs in this thread.
    ///
    /// # Errors
    /// [`ErrorKind::NoLoop`](crate::ErrorKind::NoLoop).
    pub fn current() -> Result<Remote> {
        crate::op::current_loop().map(Remote::of)
    }

    /// Calls `callback` in the loop's thread, soon. asyncio: loop.call_soon_threadsafe.
    ///
    /// # Errors
    /// [`ErrorKind::LoopClosed`](crate::ErrorKind::LoopClosed); the callback is dropped.
    pub fn call_soon(&self, callback: impl FnOnce() + Send + 'static) -> Result<()> {
        let call: Box<Call> = Box::new(Mutex::new(Some(Box::new(callback))));
        let ud = Box::into_raw(call).cast();
        // SAFETY: any thread; the destroy takes the box back, also if this fails.
        Error::done(unsafe {
            sys::aw_loop_call_soon_threadsafe(self.0.raw(), Some(run_call), ud, Some(drop_call))
        })
    }

    /// Runs the future that `make` returns in the loop's thread: the future itself need not be `Send`.
    /// asyncio.run_coroutine_threadsafe.
    pub fn spawn<M, F>(&self, make: M) -> RemoteHandle<F::Output>
    where
        M: FnOnce() -> F + Send + 'static,
        F: Future + 'static,
        F::Output: Send + 'static,
    {
        let shared = Arc::new(Shared::default());
        let handle = RemoteHandle { shared: shared.clone(), remote: self.clone() };
        let event_loop = self.clone();
        let finisher = Finisher(shared);
        // A closed loop drops the call, and so the finisher, which reports it.
        let _ = self.call_soon(move || {
            if lock(&finisher.0.state).cancelled {
                return finisher.finish(Err(Error::CANCELLED));
            }
            match task::spawn_on(event_loop.raw(), make()) {
                Ok(task) => {
                    lock(&finisher.0.state).task = Some(OnLoop(task.task()));
                    // A loop that closes drops the callback, and so the finisher, which reports it.
                    let _ = task.add_done_callback(move |end| finisher.finish(end));
                }
                Err(error) => finisher.finish(Err(error)),
            }
        });
        handle
    }

    /// Wakes the loop if it is waiting.
    pub fn wakeup(&self) {
        // SAFETY: any thread.
        unsafe { sys::aw_loop_wakeup(self.0.raw()) };
    }
}

impl fmt::Debug for Remote {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Remote")
    }
}

/// A task, which only the loop's thread uses.
struct OnLoop(task::Task);
// SAFETY: other threads only send it there, or drop it, which any thread may do.
unsafe impl Send for OnLoop {}

struct State<T> {
    end: Option<Result<T>>,
    ended: bool,
    cancelled: bool,
    task: Option<OnLoop>,
    waker: Option<Waker>,
}

struct Shared<T> {
    state: Mutex<State<T>>,
    changed: Condvar,
}

impl<T> Default for Shared<T> {
    fn default() -> Self {
        Shared {
            state: Mutex::new(State { end: None, ended: false, cancelled: false, task: None, waker: None }),
            changed: Condvar::new(),
        }
    }
}

/// Ends the handle's wait exactly once, at the latest when it is dropped.
struct Finisher<T>(Arc<Shared<T>>);

impl<T> Finisher<T> {
    fn finish(&self, end: Result<T>) {
        let mut state = lock(&self.0.state);
        if !state.ended {
            state.ended = true;
            state.end = Some(end);
            let (waker, task) = (state.waker.take(), state.task.take());
            drop(state);
            self.0.changed.notify_all();
            drop(task);
            if let Some(waker) = waker {
                waker.wake();
            }
        }
    }
}

impl<T> Drop for Finisher<T> {
    fn drop(&mut self) {
        self.finish(Err(Error::from_code(sys::AW_ELOOPCLOSED)));
    }
}

/// The result of what this thread made a loop run. It is a future for any executor, and can be waited for by
/// blocking. Dropping it does not cancel the task. asyncio: concurrent.futures.Future.
#[must_use = "dropping a handle detaches its task"]
pub struct RemoteHandle<T> {
    shared: Arc<Shared<T>>,
    remote: Remote,
}

impl<T: Send + 'static> RemoteHandle<T> {
    /// Blocks this thread for at most `limit` until it is done. Do not call it on the loop's thread, which
    /// would wait for itself.
    ///
    /// # Errors
    /// The task's errors, and [`Error::PENDING`] once `limit` has passed, after which you can wait again.
    pub fn wait(&mut self, limit: Option<Duration>) -> Result<T> {
        let deadline = limit.and_then(|limit| Instant::now().checked_add(limit));
        let mut state = lock(&self.shared.state);
        loop {
            if state.ended {
                return state.end.take().unwrap_or(Err(Error::from_code(sys::AW_EINVALIDSTATE)));
            }
            state = match deadline.map(|deadline| deadline.saturating_duration_since(Instant::now())) {
                None => self.shared.changed.wait(state).unwrap_or_else(PoisonError::into_inner),
                Some(left) if left.is_zero() => return Err(Error::PENDING),
                Some(left) => {
                    self.shared.changed.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0
                }
            };
        }
    }

    /// Returns whether it is done.
    pub fn is_finished(&self) -> bool {
        lock(&self.shared.state).ended
    }

    /// Requests that the task cancel itself, in the loop. A task that has not started does not start.
    pub fn cancel(&self) {
        lock(&self.shared.state).cancelled = true;
        let shared = self.shared.clone();
        // A closed loop has nothing left to cancel.
        let _ = self.remote.call_soon(move || {
            let state = lock(&shared.state);
            let task = state.task.as_ref().map(|task| task.0.clone());
            drop(state);
            if let Some(task) = task {
                task.cancel();
            }
        });
    }
}

impl<T> Future for RemoteHandle<T> {
    type Output = Result<T>;
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut state = lock(&self.shared.state);
        if state.ended {
            return Poll::Ready(state.end.take().unwrap_or(Err(Error::from_code(sys::AW_EINVALIDSTATE))));
        }
        let old = state.waker.replace(cx.waker().clone());
        drop(state);
        drop(old);
        Poll::Pending
    }
}

impl<T> fmt::Debug for RemoteHandle<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RemoteHandle").field("finished", &lock(&self.shared.state).ended).finish()
    }
}
