// SPDX-License-Identifier: MIT
//! The leaf: where a Rust future ends and something of C's begins.
//!
//! A leaf is a future or a coroutine of C's. While it is the only thing its task waits for, the task awaits it itself, as a task of C
//! would: no callback, no allocation, and a cancellation goes straight to it. As soon as there is more than one, or a waker that is not
//! the task's own (`FuturesUnordered`, another executor), each leaf has a done-callback that wakes its waker, and the task parks.

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
    /// A coroutine that has not begun.
    Coro(Ref<sys::aw_coro>),
    /// One that the task runs as a part of itself.
    Delegated,
    Future(Ref<sys::aw_future>),
    Yield,
}

/// What a done-callback wakes. Shared with C, which may run the callback after the leaf has gone.
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

/// Pinned from the first poll on: its task keeps its address. All that is in it is used by the loop's thread alone.
pub(crate) struct Leaf {
    event_loop: *mut sys::aw_loop,
    wanted: Wanted,
    /// Asks what it stands for to cancel itself when the leaf is dropped.
    cancels: bool,
    pub(crate) kind: RefCell<Kind>,
    end: Cell<Option<Result<Value>>>,
    /// The task in whose list it is. The list's end clears this, so it is alive.
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

    /// Of a future; its `cancels` says what dropping means.
    pub(crate) fn future(future: Ref<sys::aw_future>, wanted: Wanted, cancels: bool) -> Self {
        Leaf::new(ptr::null_mut(), wanted, cancels, Kind::Future(future))
    }

    /// Of a coroutine that has not begun.
    pub(crate) fn coro(event_loop: *mut sys::aw_loop, coro: Ref<sys::aw_coro>, wanted: Wanted) -> Self {
        Leaf::new(event_loop, wanted, true, Kind::Coro(coro))
    }

    /// Lets the others run for one iteration.
    pub(crate) fn pause() -> Self {
        Leaf::new(ptr::null_mut(), Wanted::Nothing, false, Kind::Yield)
    }

    /// One that has failed already, before anything began.
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
                // SAFETY: the current task's node is alive while its step runs. The leaf is pinned, and takes itself out when it goes.
                unsafe { &*current }.hook.leaves.add(&self);
            }
        }
        if own {
            // How it is waited for is decided when the whole poll is over.
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

    /// How it ended, if it has.
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

    /// Has the waker woken when it is done. A coroutine becomes a task for that.
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
            let task = Ref::made_by(|out| unsafe { sys::aw_task_spawn_coro(self.event_loop, coro.raw(), out) })?;
            let future = unsafe { Ref::borrowed(sys::aw_task_future(task.raw())) };
            *self.kind.borrow_mut() = Kind::Future(future);
        }
        let watch = Rc::new(Watch::default());
        watch.set(waker);
        if let Kind::Future(future) = &*self.kind.borrow() {
            let ud = Rc::into_raw(watch.clone()) as *mut c_void;
            // SAFETY: alive; the destroy takes the Rc back, also if this fails.
            Error::done(unsafe { sys::aw_future_add_done_callback(future.raw(), Some(watch_done), ud, Some(watch_destroy)) })?;
        }
        *self.watch.borrow_mut() = Some(watch);
        Ok(())
    }

    /// For a task that parks: it must be woken by this leaf.
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
        // It ends with the iteration that the wake-up brings.
        drop(self.kind.replace(Kind::Nothing));
        self.end.set(Some(end));
        waker.wake_by_ref();
    }

    /// The task waits for nothing but this leaf: awaits it directly, if it can be. Some: what the step returns.
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
            // The task has a reference of its own; it runs none of our code now.
            *kind = Kind::Delegated;
        }
        Some(status)
    }

    /// What the task was sent for a leaf that it awaited directly.
    ///
    /// # Safety
    /// `resume` is that of the running step.
    pub(crate) unsafe fn sent(&self, resume: *mut sys::aw_resume) {
        // SAFETY: the caller's; what is borrowed from the step is turned into something owned.
        unsafe {
            let status = sys::aw_resume_status(resume);
            let mut kind = self.kind.borrow_mut();
            let end = if status < 0 {
                Err(Error::from_raw(status, sys::aw_resume_error(resume)))
            } else {
                match &*kind {
                    // It is asked itself when it is polled.
                    Kind::Future(_) => return,
                    _ => Ok(Value::of(self.wanted, sys::aw_resume_value(resume))),
                }
            };
            if let (Kind::Future(future), Err(_)) = (&*kind, &end) {
                // Marks an error as seen: it is in `end`.
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

    /// The task was cancelled while it waited for several: each of them is told, and ends as it likes.
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

    /// Out of the owner's list.
    fn leave_owner(&self) {
        let owner = self.owner.replace(ptr::null());
        if !owner.is_null() {
            // SAFETY: an owner that goes clears this first.
            unsafe { &*owner }.hook.leaves.remove(self);
        }
    }

    pub(crate) fn owner_gone(&self) {
        self.owner.set(ptr::null());
    }

    /// Stands for a future once more: one that was polled to its end, and gave an error of the poller's own.
    pub(crate) fn rearm(&self, future: Ref<sys::aw_future>) {
        *self.kind.borrow_mut() = Kind::Future(future);
        drop(self.end.take());
    }

    /// Nothing is to be woken for it any more.
    fn forget(&self) {
        self.leave_owner();
        if let Some(watch) = self.watch.borrow_mut().take() {
            drop(watch.take());
            self.with_future(|future| {
                // SAFETY: alive by the leaf's reference.
                unsafe { sys::aw_future_remove_done_callback(future, Some(watch_done), Rc::as_ptr(&watch) as *mut c_void) }
            });
        }
    }

    /// Lets go of what it stands for. Some: it had ended, and nobody has taken the outcome.
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
