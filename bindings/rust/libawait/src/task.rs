// SPDX-License-Identifier: MIT
//! Tasks, and how they are spawned.

use crate::body::{spawn_body, AsResult, AsValue};
use crate::error::{Error, Result};
use crate::join::JoinHandle;
use crate::leaf::Leaf;
use crate::op::{current_loop, future_of_op, Done, Op};
use crate::reference::Ref;
use crate::sys;
use std::ffi::CString;
use std::fmt;
use std::future::Future;
use std::ptr;

/// A task, without its result. asyncio: Task.
#[derive(Clone)]
pub struct Task(pub(crate) Ref<sys::aw_task>);

impl Task {
    /// Returns the running task, if any. asyncio.current_task.
    pub fn current() -> Option<Task> {
        // SAFETY: borrowed from the loop, so this takes a reference.
        unsafe {
            let task = sys::aw_task_current();
            (!task.is_null()).then(|| Task(Ref::borrowed(task)))
        }
    }

    pub(crate) fn raw(&self) -> *mut sys::aw_task {
        self.0.raw()
    }

    pub(crate) unsafe fn owned(raw: *mut sys::aw_task) -> Task {
        // SAFETY: the caller's.
        Task(unsafe { Ref::owned(raw) })
    }

    /// Like [`JoinHandle::request_cancel`]. asyncio: Task.cancel.
    pub fn cancel(&self) -> bool {
        // SAFETY: alive.
        unsafe { sys::aw_task_cancel(self.raw(), ptr::null()) == 1 }
    }

    /// Like [`JoinHandle::request_cancel_with`]. The message is cut off at the first NUL.
    pub fn cancel_with(&self, message: &str) -> bool {
        let message = c_text(message);
        // SAFETY: alive; the message is copied.
        unsafe { sys::aw_task_cancel(self.raw(), message.as_ptr()) == 1 }
    }

    /// Returns how many cancel requests are pending. asyncio: Task.cancelling.
    pub fn cancelling(&self) -> usize {
        // SAFETY: alive.
        usize::try_from(unsafe { sys::aw_task_cancelling(self.raw()) }).unwrap_or(0)
    }

    /// Withdraws one request, and returns how many are left. asyncio: Task.uncancel.
    pub fn uncancel(&self) -> usize {
        // SAFETY: alive.
        usize::try_from(unsafe { sys::aw_task_uncancel(self.raw()) }).unwrap_or(0)
    }

    /// Returns whether it has ended. asyncio: Task.done.
    pub fn is_finished(&self) -> bool {
        // SAFETY: alive.
        unsafe { sys::aw_future_done(sys::aw_task_future(self.raw())) != 0 }
    }

    /// Returns its name: "Task-N" unless it was set. asyncio: Task.get_name.
    pub fn name(&self) -> String {
        // SAFETY: alive, and copied at once.
        unsafe { crate::error::text(sys::aw_task_name(self.raw())) }
    }

    /// Sets its name. asyncio: Task.set_name.
    pub fn set_name(&self, name: &str) -> Result<()> {
        let name = c_text(name);
        // SAFETY: alive; the name is copied.
        Error::done(unsafe { sys::aw_task_set_name(self.raw(), name.as_ptr()) })
    }
}

impl fmt::Debug for Task {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Task").field(&self.name()).finish()
    }
}

impl PartialEq for Task {
    fn eq(&self, other: &Self) -> bool {
        self.raw() == other.raw()
    }
}
impl Eq for Task {}

/// A string for C, up to the first NUL.
pub(crate) fn c_text(text: &str) -> CString {
    CString::new(text.split('\0').next().unwrap_or_default()).unwrap_or_default()
}

pub(crate) fn spawn_on<F>(event_loop: *mut sys::aw_loop, future: F) -> Result<JoinHandle<F::Output>>
where
    F: Future + 'static,
    F::Output: 'static,
{
    // SAFETY: `spawn_body` hands over what is alive.
    let body = spawn_body::<F, AsValue>(event_loop, future, |coro, task| unsafe {
        sys::aw_task_spawn_coro(event_loop, coro, task)
    })?;
    Ok(JoinHandle::new(body))
}

pub(crate) fn create_on<F, T>(
    event_loop: *mut sys::aw_loop,
    future: F,
    start: impl FnOnce(*mut sys::aw_coro, *mut *mut sys::aw_task) -> i32,
) -> Result<JoinHandle<T>>
where
    F: Future<Output = Result<T>> + 'static,
    T: 'static,
{
    let body = spawn_body::<F, AsResult>(event_loop, future, start)?;
    Ok(JoinHandle::new(body))
}

/// ```compile_fail,E0373
/// let local = 1;
/// libawait::spawn_local(async { println!("{}", local) }); // a task may outlive the block that spawned it
/// ```
///
/// Creates a task from `future` in the running loop; it starts in the next iteration. Any output of the
/// future is the task's value; only a panic or a cancellation is a failure. The loop owns the task.
///
/// # Panics
/// If no loop runs in this thread, or if memory runs out, as `tokio::task::spawn_local` does.
/// [`Loop::spawn_local`](crate::Loop::spawn_local) returns errors instead.
pub fn spawn_local<F>(future: F) -> JoinHandle<F::Output>
where
    F: Future + 'static,
    F::Output: 'static,
{
    match current_loop().and_then(|event_loop| spawn_on(event_loop, future)) {
        Ok(handle) => handle,
        Err(error) => panic!("spawn_local: {}", error),
    }
}

/// Creates a task from a body that may fail: an `Err` is the failure of the task, which `gather`, `wait` and
/// groups see, and a body that returns [`Error::CANCELLED`] ends as cancelled. asyncio.create_task.
///
/// # Panics
/// As [`spawn_local`].
pub fn create_task<F, T>(future: F) -> JoinHandle<T>
where
    F: Future<Output = Result<T>> + 'static,
    T: 'static,
{
    let spawn = |event_loop| {
        // SAFETY: `spawn_body` hands over what is alive.
        create_on(event_loop, future, |coro, task| unsafe { sys::aw_task_spawn_coro(event_loop, coro, task) })
    };
    match current_loop().and_then(spawn) {
        Ok(handle) => handle,
        Err(error) => panic!("create_task: {}", error),
    }
}

/// Like [`create_task`], but the first step runs before the call returns. asyncio:
/// create_task(eager_start=True).
///
/// # Panics
/// As [`spawn_local`].
pub fn create_task_eager<F, T>(future: F) -> JoinHandle<T>
where
    F: Future<Output = Result<T>> + 'static,
    T: 'static,
{
    let spawn = |event_loop| {
        // SAFETY: as above.
        create_on(event_loop, future, |coro, task| unsafe {
            sys::aw_task_spawn_coro_eager(event_loop, coro, task)
        })
    };
    match current_loop().and_then(spawn) {
        Ok(handle) => handle,
        Err(error) => panic!("create_task_eager: {}", error),
    }
}

/// Lets the other tasks run for exactly one iteration. asyncio.sleep(0).
///
/// # Errors
/// [`Error::CANCELLED`], as from everything that is awaited here.
pub fn yield_now() -> YieldNow {
    YieldNow(Op::new(Ok(Leaf::pause()), Done))
}

/// The future of [`yield_now`].
#[must_use = "futures do nothing unless they are awaited"]
pub struct YieldNow(Op<Done>);

future_of_op!(YieldNow => Result<()>);
