// SPDX-License-Identifier: MIT
//! The leaf: where a Rust future ends and a C object begins.
//!
//! A leaf is a C future or a C coroutine. While a task waits for only one leaf, it awaits the leaf directly,
//! as a C task would: without a callback or an allocation, and a cancellation reaches it directly. If there
//! is more than one, or a waker that does not belong to the task (`FuturesUnordered`, another executor), each
//! leaf has a done-callback that wakes its waker, and the task parks.

use crate::body::{current_node, TaskNode};
use crate::error::{no_unwind, Error, Result};
use crate::reference::Ref;
use crate::sys;
use crate::value::{Value, Wanted};
use std::cell::{Cell, RefCell};
use std::ffi::c_void;
use std::marker::PhantomPinned;
use std::pin::Pin;
use std::ptr;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

pub(crate) enum Kind {
    Nothing,
    /// A coroutine that has not started.
    Coro(Ref<sys::aw_coro>),
    /// A coroutine that the task runs as a part of itself.
    Delegated,
    Future(Ref<sys::aw_future>),
    Yield,
}

/// What a done-callback wakes. Shared with C, which may run the callback after the leaf was dropped.
#[derive(Default)]
struct Watch(RefCell<Option<Waker>>);

impl Watch {
    fn set(&self, waker: &Waker) {
        let mut slot = self.0.borrow_mut();
        if !slot.as_ref().map_or(false, |old| old.will_wake(waker)) {
            let old = slot.replace(waker.clone());
            drop(slot);
            drop(old);
        }
    }

    fn take(&self) -> Option<Waker> {
        self.0.borrow_mut().take()
    }
}

unsafe extern "C" fn watch_done(_: *mut sys::aw_future, ud: *mut c_void) -> i32 {
    no_unwind(|| {
        // SAFETY: `ud` is the Rc that `watch` handed over, not destroyed yet.
        if let Some(waker) = unsafe { &*ud.cast::<Watch>() }.take() {
            waker.wake();
        }
    });
    0
}

unsafe extern "C" fn watch_destroy(ud: *mut c_void) {
    // SAFETY: as above; runs once.
    no_unwind(|| drop(unsafe { Rc::from_raw(ud.cast::<Watch>()) }));
}

/// Pinned from the first poll on, since its task keeps its address. Only the loop's thread uses its fields.
pub(crate) struct Leaf {
    event_loop: *mut sys::aw_loop,
    wanted: Wanted,
    /// Dropping the leaf requests the cancellation of its future.
    cancels: bool,
    pub(crate) kind: RefCell<Kind>,
    end: Cell<Option<Result<Value>>>,
    /// The task whose list contains it. The list clears this when it ends, so the task is alive.
    owner: Cell<*const TaskNode>,
    /// Polled last with the task's own waker.
    own: Cell<bool>,
    watch: RefCell<Option<Rc<Watch>>>,
    _pinned: PhantomPinned,
}

impl Leaf {
    fn new(event_loop: *mut sys::aw_loop, wanted: Wanted, cancels: bool, kind: Kind) -> Self {
        Leaf {
            event_loop,
            wanted,
            cancels,
            kind: RefCell::new(kind),
            end: Cell::new(None),
            owner: Cell::new(ptr::null()),
            own: Cell::new(false),
            watch: RefCell::new(None),
            _pinned: PhantomPinned,
        }
    }

    /// Creates a leaf on a future; `cancels` says whether dropping the leaf cancels it.
    pub(crate) fn future(future: Ref<sys::aw_future>, wanted: Wanted, cancels: bool) -> Self {
        Leaf::new(ptr::null_mut(), wanted, cancels, Kind::Future(future))
    }

    /// Creates a leaf on a coroutine that has not started.
    pub(crate) fn coro(event_loop: *mut sys::aw_loop, coro: Ref<sys::aw_coro>, wanted: Wanted) -> Self {
        Leaf::new(event_loop, wanted, true, Kind::Coro(coro))
    }

    /// Creates a leaf that lets the other tasks run for one iteration.
    pub(crate) fn pause() -> Self {
        Leaf::new(ptr::null_mut(), Wanted::Nothing, false, Kind::Yield)
    }

    /// Creates a leaf that has already failed, before anything started.
    pub(crate) fn failed(error: Error) -> Self {
        let leaf = Leaf::new(ptr::null_mut(), Wanted::Nothing, false, Kind::Nothing);
        leaf.end.set(Some(Err(error)));
        leaf
    }

    pub(crate) fn poll(self: Pin<&Self>, cx: &mut Context<'_>) -> Poll<Result<Value>> {
        if let Some(end) = self.outcome() {
            self.forget();
            drop(self.kind.replace(Kind::Nothing));
            return Poll::Ready(end);
        }
        let current = current_node();
        let own = !current.is_null() && TaskNode::is_woken_by(current, cx.waker());
        self.own.set(own);
        if self.owner.get() != current {
            self.leave_owner();
            if !current.is_null() {
                self.owner.set(current);
                // SAFETY: the current task's node is alive while its step runs. The leaf is pinned, and
                // removes itself when it is dropped.
                unsafe { &*current }.hook.leaves.add(&self);
            }
        }
        if own {
            // How to wait for it is decided at the end of the whole poll.
            return Poll::Pending;
        }
        if matches!(*self.kind.borrow(), Kind::Yield) {
            *self.kind.borrow_mut() = Kind::Nothing;
            self.end.set(Some(Ok(Value::Nothing)));
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        match self.watch(cx.waker()) {
            Ok(()) => Poll::Pending,
            Err(error) => {
                self.forget();
                Poll::Ready(Err(error))
            }
        }
    }

    /// Returns the outcome, if it has ended.
    fn outcome(&self) -> Option<Result<Value>> {
        if let Some(end) = self.end.take() {
            return Some(end);
        }
        match &*self.kind.borrow() {
            // SAFETY: the reference keeps it alive.
            Kind::Future(future) => unsafe {
                let mut value = ptr::null_mut();
                match sys::aw_future_result(future.raw(), &mut value) {
                    sys::AW_EINVALIDSTATE if sys::aw_future_done(future.raw()) == 0 => None,
                    status if status < 0 => Some(Err(failure(future.raw(), status))),
                    _ => Some(Ok(Value::of(self.wanted, value))),
                }
            },
            Kind::Nothing => Some(Err(Error::from_code(sys::AW_EINVALIDSTATE))),
            Kind::Coro(_) | Kind::Delegated | Kind::Yield => None,
        }
    }

    pub(crate) fn with_future<R>(&self, run: impl FnOnce(*mut sys::aw_future) -> R) -> Option<R> {
        match &*self.kind.borrow() {
            Kind::Future(future) => Some(run(future.raw())),
            _ => None,
        }
    }

    /// Wakes the waker when it is done. To do this, a coroutine becomes a task.
    fn watch(&self, waker: &Waker) -> Result<()> {
        if let Some(watch) = &*self.watch.borrow() {
            watch.set(waker);
            return Ok(());
        }
        let coro = match &*self.kind.borrow() {
            Kind::Coro(coro) => Some(coro.clone()),
            _ => None,
        };
        if let Some(coro) = coro {
            // SAFETY: both are alive. The task is a future: the same object, the same reference.
            let task =
                Ref::made_by(|out| unsafe { sys::aw_task_spawn_coro(self.event_loop, coro.raw(), out) })?;
            let future = unsafe { Ref::borrowed(sys::aw_task_future(task.raw())) };
            *self.kind.borrow_mut() = Kind::Future(future);
        }
        let watch = Rc::new(Watch::default());
        watch.set(waker);
        if let Kind::Future(future) = &*self.kind.borrow() {
            let ud = Rc::into_raw(watch.clone()) as *mut c_void;
            // SAFETY: alive; the destroy takes the Rc back, also if this fails.
            Error::done(unsafe {
                sys::aw_future_add_done_callback(future.raw(), Some(watch_done), ud, Some(watch_destroy))
            })?;
        }
        *self.watch.borrow_mut() = Some(watch);
        Ok(())
    }

    /// For a task that parks, which this leaf must wake.
    pub(crate) fn watch_for_task(&self, waker: &Waker) {
        if !self.own.get() {
            return;
        }
        let yields = matches!(*self.kind.borrow(), Kind::Yield);
        let end = match yields {
            true => Ok(Value::Nothing),
            false => match self.watch(waker) {
                Ok(()) => return,
                Err(error) => Err(error),
            },
        };
        // It ends with the iteration in which the wake-up is delivered.
        drop(self.kind.replace(Kind::Nothing));
        self.end.set(Some(end));
        waker.wake_by_ref();
    }

    /// The task waits only for this leaf: awaits it directly, if possible. Some: what the step returns.
    ///
    /// # Safety
    /// `resume` is that of the running step.
    pub(crate) unsafe fn await_directly(&self, resume: *mut sys::aw_resume) -> Option<i32> {
        if !self.own.get() || self.watch.borrow().is_some() {
            return None;
        }
        let mut kind = self.kind.borrow_mut();
        // SAFETY: the caller's, and the references.
        let status = unsafe {
            match &*kind {
                Kind::Future(future) => sys::aw_resume_await(resume, future.raw()),
                Kind::Yield => sys::aw_resume_yield(resume),
                Kind::Coro(coro) => sys::aw_resume_delegate(resume, coro.raw()),
                Kind::Nothing | Kind::Delegated => return None,
            }
        };
        if matches!(*kind, Kind::Coro(_)) {
            // The task has its own reference; it runs none of our code now.
            *kind = Kind::Delegated;
        }
        Some(status)
    }

    /// Takes what was sent to the task for a leaf that it awaited directly.
    ///
    /// # Safety
    /// `resume` is that of the running step.
    pub(crate) unsafe fn sent(&self, resume: *mut sys::aw_resume) {
        // SAFETY: the caller's; values borrowed from the step are converted to owned ones.
        unsafe {
            let status = sys::aw_resume_status(resume);
            let mut kind = self.kind.borrow_mut();
            let end = if status < 0 {
                Err(Error::from_raw(status, sys::aw_resume_error(resume)))
            } else {
                match &*kind {
                    // It is cancelled itself when it is polled.
                    Kind::Future(_) => return,
                    _ => Ok(Value::of(self.wanted, sys::aw_resume_value(resume))),
                }
            };
            if let (Kind::Future(future), Err(_)) = (&*kind, &end) {
                // Marks an error as retrieved: it is in `end`.
                sys::aw_future_result(future.raw(), ptr::null_mut());
            } else {
                *kind = Kind::Nothing;
            }
            self.end.set(Some(end));
        }
        if let Some(watch) = &*self.watch.borrow() {
            // Polled by another task meanwhile.
            if let Some(waker) = watch.take() {
                waker.wake();
            }
        }
    }

    /// The task was cancelled while it waited for several leaves: each of them is cancelled, and ends as it
    /// chooses.
    pub(crate) fn cancel(&self, error: &Error) {
        let kind = self.kind.borrow();
        match &*kind {
            Kind::Future(future) => {
                let future = future.clone();
                drop(kind);
                // SAFETY: the reference keeps it alive.
                unsafe { sys::aw_future_cancel(future.raw(), ptr::null()) };
            }
            Kind::Coro(_) | Kind::Yield => {
                drop(kind);
                let old = self.kind.replace(Kind::Nothing);
                self.end.set(Some(Err(error.clone())));
                drop(old);
            }
            Kind::Delegated | Kind::Nothing => {}
        }
    }

    /// Removes it from the owner's list.
    fn leave_owner(&self) {
        let owner = self.owner.replace(ptr::null());
        if !owner.is_null() {
            // SAFETY: an owner clears this before it is dropped.
            unsafe { &*owner }.hook.leaves.remove(self);
        }
    }

    pub(crate) fn owner_gone(&self) {
        self.owner.set(ptr::null());
    }

    /// Refers to a future again, after it was polled to its end and returned an error that belongs to the
    /// poller.
    pub(crate) fn rearm(&self, future: Ref<sys::aw_future>) {
        *self.kind.borrow_mut() = Kind::Future(future);
        drop(self.end.take());
    }

    /// It does not wake anything any more.
    fn forget(&self) {
        self.leave_owner();
        if let Some(watch) = self.watch.borrow_mut().take() {
            drop(watch.take());
            self.with_future(|future| {
                // SAFETY: alive by the leaf's reference.
                unsafe {
                    sys::aw_future_remove_done_callback(
                        future,
                        Some(watch_done),
                        Rc::as_ptr(&watch) as *mut c_void,
                    )
                }
            });
        }
    }

    /// Releases its future or coroutine. Some: it had ended, and its outcome was not taken.
    pub(crate) fn abandon(&self) -> Option<Result<Value>> {
        self.forget();
        let unwanted = match &*self.kind.borrow() {
            Kind::Nothing => self.end.take(),
            Kind::Future(_) if self.cancels => self.outcome(),
            _ => None,
        };
        let kind = self.kind.replace(Kind::Nothing);
        if let (Kind::Future(future), true, None) = (&kind, self.cancels, &unwanted) {
            // SAFETY: alive.
            unsafe { sys::aw_future_cancel(future.raw(), ptr::null()) };
        }
        unwanted
    }
}

impl Drop for Leaf {
    fn drop(&mut self) {
        drop(self.abandon());
    }
}

/// The error of a future that is done.
///
/// # Safety
/// `future` is alive.
unsafe fn failure(future: *mut sys::aw_future, status: i32) -> Error {
    let mut error = ptr::null_mut();
    // SAFETY: the caller's; the error is borrowed from the future.
    unsafe {
        sys::aw_future_error(future, &mut error);
        Error::from_raw(status, error)
    }
}
