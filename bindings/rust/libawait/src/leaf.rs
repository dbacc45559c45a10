// SPDX-License-Identifier: MIT
//! The leaf: where a Rust future ends and something of C's begins.
//!
//! A leaf is a future or a coroutine of C's. While it is the only thing its task waits for, the task awaits it itself, as a task of C
//! would: no callback, no allocation, and a cancellation goes straight to it. As soon as there is more than one, or a waker that is not
//! the task's own (`FuturesUnordered`, another executor), each leaf has a done-callback that wakes its waker, and the task parks.

use crate::error::{no_unwind, Error, Result};
use crate::sys;
use crate::task::{self, TaskNode};
use std::cell::{Cell, RefCell};
use std::ffi::c_void;
use std::marker::PhantomPinned;
use std::pin::Pin;
use std::ptr;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

/// A counted reference of C's.
pub(crate) trait Counted: Sized {
    /// # Safety
    /// `raw` is alive.
    unsafe fn retain(raw: *mut Self);
    /// # Safety
    /// Gives back a reference of the caller's.
    unsafe fn release(raw: *mut Self);
}

macro_rules! counted {
    ($($type:ident $retain:ident $release:ident;)*) => {$(
        impl Counted for sys::$type {
            unsafe fn retain(raw: *mut Self) {
                // SAFETY: the caller's.
                unsafe { sys::$retain(raw) };
            }
            unsafe fn release(raw: *mut Self) {
                // SAFETY: the caller's.
                unsafe { sys::$release(raw) }
            }
        }
    )*};
}
counted! {
    aw_loop aw_loop_ref aw_loop_unref;
    aw_future aw_future_ref aw_future_unref;
    aw_task aw_task_ref aw_task_unref;
    aw_coro aw_coro_ref aw_coro_unref;
    aw_results aw_results_ref aw_results_unref;
    aw_handle aw_handle_ref aw_handle_unref;
    aw_lock aw_lock_ref aw_lock_unref;
    aw_event aw_event_ref aw_event_unref;
    aw_condition aw_condition_ref aw_condition_unref;
    aw_semaphore aw_semaphore_ref aw_semaphore_unref;
    aw_barrier aw_barrier_ref aw_barrier_unref;
    aw_queue aw_queue_ref aw_queue_unref;
    aw_taskgroup aw_taskgroup_ref aw_taskgroup_unref;
    aw_timeout aw_timeout_ref aw_timeout_unref;
    aw_as_completed aw_as_completed_ref aw_as_completed_unref;
    aw_process aw_process_ref aw_process_unref;
    aw_process_options aw_process_options_ref aw_process_options_unref;
    aw_executor aw_executor_ref aw_executor_unref;
    aw_backend_list aw_backend_list_ref aw_backend_list_unref;
}

/// One reference, given back when it goes.
pub(crate) struct Ref<T: Counted>(ptr::NonNull<T>);

impl<T: Counted> Ref<T> {
    /// Takes over a reference.
    ///
    /// # Safety
    /// `raw` is alive, and the reference is the caller's to give.
    pub(crate) unsafe fn owned(raw: *mut T) -> Self {
        debug_assert!(!raw.is_null());
        // SAFETY: alive, so not NULL.
        Ref(unsafe { ptr::NonNull::new_unchecked(raw) })
    }

    /// Takes a reference of its own.
    ///
    /// # Safety
    /// `raw` is alive.
    pub(crate) unsafe fn borrowed(raw: *mut T) -> Self {
        // SAFETY: the caller's.
        unsafe {
            T::retain(raw);
            Ref::owned(raw)
        }
    }

    /// What a call writes to its last parameter as a new reference.
    pub(crate) fn made_by(make: impl FnOnce(*mut *mut T) -> i32) -> Result<Self> {
        let mut raw = ptr::null_mut();
        Error::check(make(&mut raw))?;
        // SAFETY: the call succeeded, and gave a new reference.
        Ok(unsafe { Ref::owned(raw) })
    }

    pub(crate) fn raw(&self) -> *mut T {
        self.0.as_ptr()
    }
}

impl<T: Counted> std::fmt::Debug for Ref<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

impl<T: Counted> Clone for Ref<T> {
    fn clone(&self) -> Self {
        // SAFETY: it is alive by this reference.
        unsafe { Ref::borrowed(self.raw()) }
    }
}

impl<T: Counted> Drop for Ref<T> {
    fn drop(&mut self) {
        // SAFETY: the reference is this one's.
        unsafe { T::release(self.raw()) }
    }
}

/// The value of an aw_results: `get` gives outcomes as `aw_results_get` does.
impl Ref<sys::aw_results> {
    pub(crate) fn outcome(&self, index: usize) -> Result<()> {
        // SAFETY: alive; an index beyond the end is answered with an error.
        unsafe {
            match sys::aw_results_get(self.raw(), index, ptr::null_mut()) {
                status if status < 0 => Err(Error::from_raw(status, sys::aw_results_error(self.raw(), index))),
                _ => Ok(()),
            }
        }
    }
}

/// How an item of a queue, which C knows as a pointer, is kept alive.
pub(crate) struct ItemTable {
    pub(crate) retain: unsafe fn(*mut c_void),
    pub(crate) release: unsafe fn(*mut c_void),
}

/// An item that came out of C's hands.
pub(crate) struct Item {
    pub(crate) raw: *mut c_void,
    table: &'static ItemTable,
}

impl Drop for Item {
    fn drop(&mut self) {
        // SAFETY: the reference is this one's.
        unsafe { (self.table.release)(self.raw) }
    }
}

/// What a leaf's value is.
#[derive(Clone, Copy)]
pub(crate) enum Wanted {
    Nothing,
    /// An integer, or a pointer of the program's that lives as long as the future.
    Bits,
    Results,
    Future,
    Item(&'static ItemTable),
}

/// A value that needs C's object no more.
pub(crate) enum Value {
    Nothing,
    Bits(*mut c_void),
    Results(Ref<sys::aw_results>),
    Future(Ref<sys::aw_future>),
    Item(Item),
}

impl Value {
    /// # Safety
    /// `raw` is the value of C's that is wanted, alive now.
    unsafe fn of(wanted: Wanted, raw: *mut c_void) -> Value {
        // SAFETY: the caller's.
        unsafe {
            match wanted {
                Wanted::Results if !raw.is_null() => Value::Results(Ref::borrowed(raw.cast())),
                Wanted::Future if !raw.is_null() => Value::Future(Ref::borrowed(raw.cast())),
                Wanted::Item(table) if !raw.is_null() => {
                    (table.retain)(raw);
                    Value::Item(Item { raw, table })
                }
                Wanted::Bits => Value::Bits(raw),
                _ => Value::Nothing,
            }
        }
    }

    pub(crate) fn bits(self) -> isize {
        match self {
            Value::Bits(bits) => bits as isize,
            _ => 0,
        }
    }
}

enum Kind {
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
    kind: RefCell<Kind>,
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
        let current = task::current_node();
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

/// The leaves that one task waits for. Nearly always one.
#[derive(Default)]
pub(crate) struct Leaves {
    all: RefCell<smallest::List>,
    /// The one that the task awaits itself.
    direct: Cell<Option<ptr::NonNull<Leaf>>>,
}

impl Leaves {
    fn add(&self, leaf: &Leaf) {
        self.all.borrow_mut().push(leaf.into());
    }

    fn remove(&self, leaf: &Leaf) {
        self.all.borrow_mut().remove(leaf.into());
        if self.direct.get() == Some(leaf.into()) {
            self.direct.set(None);
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.all.borrow().is_empty()
    }

    /// The one leaf, if it is one.
    pub(crate) fn single(&self) -> Option<&Leaf> {
        // SAFETY: a leaf takes itself out before it goes.
        self.all.borrow().single().map(|leaf| unsafe { &*leaf.as_ptr() })
    }

    pub(crate) fn set_direct(&self, leaf: Option<&Leaf>) {
        self.direct.set(leaf.map(ptr::NonNull::from));
    }

    pub(crate) fn take_direct(&self) -> Option<&Leaf> {
        // SAFETY: as above.
        self.direct.take().map(|leaf| unsafe { &*leaf.as_ptr() })
    }

    /// What is done to a leaf may take others away, so each is looked for again.
    pub(crate) fn for_each(&self, mut run: impl FnMut(&Leaf)) {
        let all = self.all.borrow().to_vec();
        for leaf in all {
            if self.all.borrow().contains(leaf) {
                // SAFETY: it is in the list still.
                run(unsafe { leaf.as_ref() });
            }
        }
    }

    /// The task has ended: leaves that were moved elsewhere live on without it.
    pub(crate) fn clear(&self) {
        self.direct.set(None);
        for leaf in self.all.take().to_vec() {
            // SAFETY: as above.
            unsafe { leaf.as_ref() }.owner_gone();
        }
    }
}

mod smallest {
    use super::Leaf;
    use std::ptr::NonNull;

    /// A list whose first entry needs no allocation.
    #[derive(Default)]
    pub(super) struct List {
        first: Option<NonNull<Leaf>>,
        more: Vec<NonNull<Leaf>>,
    }

    impl List {
        pub(super) fn push(&mut self, leaf: NonNull<Leaf>) {
            match self.first {
                None => self.first = Some(leaf),
                Some(_) => self.more.push(leaf),
            }
        }

        pub(super) fn remove(&mut self, leaf: NonNull<Leaf>) {
            if self.first == Some(leaf) {
                self.first = self.more.pop();
            } else if let Some(index) = self.more.iter().position(|each| *each == leaf) {
                self.more.swap_remove(index);
            }
        }

        pub(super) fn is_empty(&self) -> bool {
            self.first.is_none()
        }

        pub(super) fn single(&self) -> Option<NonNull<Leaf>> {
            self.first.filter(|_| self.more.is_empty())
        }

        pub(super) fn contains(&self, leaf: NonNull<Leaf>) -> bool {
            self.first == Some(leaf) || self.more.contains(&leaf)
        }

        pub(super) fn to_vec(&self) -> Vec<NonNull<Leaf>> {
            self.first.iter().chain(&self.more).copied().collect()
        }
    }
}

/// A leaf, and what is done with its end: the shape of nearly every future here.
pub(crate) struct Op<F: Finish> {
    leaf: Leaf,
    finish: F,
}

/// What an end becomes.
pub(crate) trait Finish {
    type Output;
    fn finish(&mut self, end: Result<Value>) -> Self::Output;
    /// The end came, but nobody took it: a lock that was acquired is released, an item goes back.
    fn reclaim(&mut self, _: Result<Value>) {}
}

impl<F: Finish> Op<F> {
    pub(crate) fn new(leaf: Result<Leaf>, finish: F) -> Self {
        let leaf = leaf.unwrap_or_else(Leaf::failed);
        Op { leaf, finish }
    }

    pub(crate) fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        // SAFETY: the leaf stays where it is; `finish` is never pinned.
        let this = unsafe { self.get_unchecked_mut() };
        let leaf = unsafe { Pin::new_unchecked(&this.leaf) };
        leaf.poll(cx).map(|end| this.finish.finish(end))
    }
}

impl<F: Finish> Op<F> {
    /// False for a coroutine that nobody has driven yet.
    pub(crate) fn has_begun(&self) -> bool {
        !matches!(*self.leaf.kind.borrow(), Kind::Coro(_))
    }

    pub(crate) fn finish_ref(&self) -> &F {
        &self.finish
    }

    /// Runs `run` with the future it waits for, if it has not ended.
    pub(crate) fn with_pending(&self, run: impl FnOnce(*mut sys::aw_future, &F)) {
        self.leaf.with_future(|future| {
            // SAFETY: alive by the leaf's reference.
            if unsafe { sys::aw_future_done(future) } == 0 {
                run(future, &self.finish);
            }
        });
    }
}

impl<F: Finish> Drop for Op<F> {
    fn drop(&mut self) {
        if let Some(end) = self.leaf.abandon() {
            self.finish.reclaim(end);
        }
    }
}

/// A future is a struct around an Op.
macro_rules! future_of_op {
    ($name:ident $(<$($life:lifetime,)? $param:ident>)? => $output:ty) => {
        impl $(<$($life,)? $param>)? std::future::Future for $name $(<$($life,)? $param>)? {
            type Output = $output;
            fn poll(self: std::pin::Pin<&mut Self>, cx: &mut std::task::Context<'_>) -> std::task::Poll<Self::Output> {
                // SAFETY: the operation is pinned with what it is a field of.
                unsafe { self.map_unchecked_mut(|this| &mut this.0) }.poll(cx)
            }
        }

        impl $(<$($life,)? $param>)? std::fmt::Debug for $name $(<$($life,)? $param>)? {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(stringify!($name))
            }
        }
    };
}
pub(crate) use future_of_op;

/// Futures show no more than their names.
macro_rules! debug_as_name {
    ($($name:ident $(<$param:ident $(: $bound:path)?>)?),* $(,)?) => {$(
        impl $(<$param $(: $bound)?>)? std::fmt::Debug for $name $(<$param>)? {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(stringify!($name))
            }
        }
    )*};
}
pub(crate) use debug_as_name;

/// For those whose end is nothing but done or failed.
pub(crate) struct Done;

impl Finish for Done {
    type Output = Result<()>;
    fn finish(&mut self, end: Result<Value>) -> Result<()> {
        end.map(drop)
    }
}

/// The loop that runs in this thread, or whose future is being polled by its host.
pub(crate) fn current_loop() -> Result<*mut sys::aw_loop> {
    // SAFETY: no precondition.
    let mut event_loop = unsafe { sys::aw_loop_current() };
    if event_loop.is_null() {
        event_loop = crate::event_loop::entered();
    }
    if event_loop.is_null() {
        return Err(Error::from_code(sys::AW_ENOLOOP));
    }
    Ok(event_loop)
}

/// A leaf over the coroutine that a `_coro` call makes.
pub(crate) fn coro_leaf(wanted: Wanted, make: impl FnOnce(*mut sys::aw_loop, *mut *mut sys::aw_coro) -> i32) -> Result<Leaf> {
    let event_loop = current_loop()?;
    let coro = Ref::made_by(|out| make(event_loop, out))?;
    Ok(Leaf::coro(event_loop, coro, wanted))
}
