// SPDX-License-Identifier: MIT
//! The handle that owns a task's result.

use crate::body::{Body, Joinable, Policy};
use crate::error::{Error, JoinError, Result};
use crate::reference::Ref;
use crate::sys;
use crate::task::Task;
use std::ffi::c_void;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::ptr;
use std::rc::Rc;
use std::task::{Context, Poll};

/// Owns a task's result. Awaiting it returns the value or the error; dropping it detaches the task.
///
/// If the task that awaits a handle is cancelled, so is the handle's task, as in asyncio;
/// [`shield`](crate::shield) prevents that. The handle can be awaited by reference, and a panic of the body
/// is returned as an error: [`Error::resume_panic`]. asyncio: Task, tokio: JoinHandle.
///
/// ```compile_fail,E0277
/// fn is_send<T: Send>() {}
/// is_send::<libawait::JoinHandle<()>>(); // a task is of its loop's thread
/// ```
#[must_use = "dropping a handle detaches its task"]
pub struct JoinHandle<T> {
    body: Rc<dyn Joinable<T>>,
}

impl<T> JoinHandle<T> {
    pub(crate) fn new<F, P>(body: Rc<Body<F, P>>) -> Self
    where
        F: Future + 'static,
        P: Policy<F::Output, Value = T> + 'static,
        T: 'static,
    {
        // SAFETY: the body's reference keeps it alive.
        body.joiner.rearm(unsafe { Ref::borrowed(sys::aw_task_future(body.task.get())) });
        JoinHandle { body }
    }

    pub(crate) fn raw_future(&self) -> *mut sys::aw_future {
        // SAFETY: alive by the body's reference.
        unsafe { sys::aw_task_future(self.body.task()) }
    }

    pub(crate) fn take_output(&self) -> Result<T> {
        self.body.take_output().ok_or(Error::from_code(sys::AW_EINVALIDSTATE))
    }

    /// Returns the result, if there is one. This marks an error as retrieved.
    pub(crate) fn outcome(&self) -> Option<Result<T>> {
        let future = self.raw_future();
        // SAFETY: alive.
        match unsafe { sys::aw_future_result(future, ptr::null_mut()) } {
            sys::AW_EINVALIDSTATE if !self.is_finished() => None,
            status if status < 0 => {
                let mut error = ptr::null_mut();
                // SAFETY: alive; the error is borrowed from the future.
                Some(Err(unsafe {
                    sys::aw_future_error(future, &mut error);
                    Error::from_raw(status, error)
                }))
            }
            _ => Some(self.take_output()),
        }
    }

    /// Returns whether the task has ended. asyncio: Task.done.
    pub fn is_finished(&self) -> bool {
        // SAFETY: alive.
        unsafe { sys::aw_future_done(self.raw_future()) != 0 }
    }

    /// Returns whether it was cancelled. asyncio: Task.cancelled.
    pub fn is_cancelled(&self) -> bool {
        // SAFETY: alive.
        unsafe { sys::aw_future_cancelled(self.raw_future()) != 0 }
    }

    /// Returns the result of a task that has ended, which moves to the caller; `None` while it runs. asyncio:
    /// Task.result.
    pub fn try_result(&mut self) -> Option<Result<T, JoinError>> {
        self.outcome()
    }

    /// Requests that the task cancel itself: the libawait future that it awaits returns [`Error::CANCELLED`],
    /// which the body can handle. If the body does not await a libawait future, it is dropped. Returns false
    /// if the task has ended. asyncio: Task.cancel.
    pub fn request_cancel(&self) -> bool {
        self.task().cancel()
    }

    /// Like [`request_cancel`](Self::request_cancel), with a message that the error carries.
    pub fn request_cancel_with(&self, message: &str) -> bool {
        self.task().cancel_with(message)
    }

    /// Cancels the task and waits until it has really ended. The result is [`Error::CANCELLED`], unless the
    /// body handled the cancellation or was already done. Dropping this future does not withdraw the request.
    pub async fn cancel(self) -> Result<T, JoinError> {
        self.request_cancel();
        // Not the handle itself: if this task were cancelled, it would cancel the other task again.
        let mut handle = self;
        crate::combine::shield(&mut handle).await
    }

    /// Drops the body at its current await, when its turn comes: it sees no error and can't refuse. The
    /// libawait future that it awaits is cancelled first.
    pub fn abort(&self) {
        self.body.node().hook.aborted.set(true);
        self.task().cancel();
    }

    /// Calls `callback` with the result, in a dispatch, when the task has ended (even if it already has). If
    /// the loop closes first, the callback is dropped. asyncio: Task.add_done_callback.
    ///
    /// # Errors
    /// [`ErrorKind::LoopClosed`](crate::ErrorKind::LoopClosed), or if memory runs out.
    pub fn add_done_callback(self, callback: impl FnOnce(Result<T, JoinError>) + 'static) -> Result<()>
    where
        T: 'static,
    {
        let future = self.raw_future();
        let ud = crate::event_loop::once(move || callback(self.outcome().unwrap_or(Err(Error::CANCELLED))));
        // SAFETY: alive by the handle, which is in the callback; the destroy takes the box back, also if this fails.
        Error::done(unsafe {
            sys::aw_future_add_done_callback(future, Some(call_done), ud, Some(crate::event_loop::drop_once))
        })
    }

    /// Returns the handle's task.
    pub fn task(&self) -> Task {
        // SAFETY: alive by the body's reference.
        Task(unsafe { Ref::borrowed(self.body.task()) })
    }
}

impl<T> Future for JoinHandle<T> {
    type Output = Result<T, JoinError>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        // SAFETY: the leaf is in an Rc, from which it is never moved.
        let leaf = unsafe { Pin::new_unchecked(self.body.joiner()) };
        leaf.poll(cx).map(|end| match end {
            Ok(_) => self.take_output(),
            Err(error) => {
                if !self.is_finished() {
                    // The awaiting task itself was cancelled: the handle can be awaited again.
                    self.body.joiner().rearm(unsafe { Ref::borrowed(self.raw_future()) });
                }
                Err(error)
            }
        })
    }
}

impl<T> Unpin for JoinHandle<T> {}

impl<T> Drop for JoinHandle<T> {
    fn drop(&mut self) {
        // C may keep the body alive, and nothing would poll its leaf.
        self.body.joiner().abandon();
    }
}

impl<T> fmt::Debug for JoinHandle<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JoinHandle")
            .field("task", &self.task())
            .field("finished", &self.is_finished())
            .finish()
    }
}

unsafe extern "C" fn call_done(future: *mut sys::aw_future, ud: *mut c_void) -> i32 {
    // SAFETY: the loop runs the callback, and is alive.
    unsafe { crate::event_loop::run_once(sys::aw_future_loop(future), ud) }
}
