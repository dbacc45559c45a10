// SPDX-License-Identifier: MIT
//! The body of a task: a Rust future that a C task drives, step by step.

use crate::error::{no_unwind, Error, Result};
use crate::leaf::Leaf;
use crate::leaves::Leaves;
use crate::pure::wake::{Hook, Node};
use crate::reference::Ref;
use crate::sys;
use std::cell::{Cell, RefCell, UnsafeCell};
use std::ffi::c_void;
use std::future::Future;
use std::panic::{catch_unwind, AssertUnwindSafe};
use std::pin::Pin;
use std::ptr;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll};

pub(crate) type TaskNode = Node<TaskHook>;

/// What the waker of a task refers to. The loop is a reference; everything else belongs to the thread `home`.
pub(crate) struct TaskHook {
    event_loop: *mut sys::aw_loop,
    home: usize,
    /// The future that the task awaits while it is parked: a reference, or NULL.
    park: Cell<*mut sys::aw_future>,
    pub(crate) leaves: Leaves,
    pub(crate) aborted: Cell<bool>,
}

// SAFETY: wakers are sent to other threads, and touch only `event_loop` and `home`, which never change;
// references to C objects are counted atomically. Only `home` uses the rest, which is empty when the last
// reference is dropped.
unsafe impl Send for TaskHook {}
unsafe impl Sync for TaskHook {}

impl Drop for TaskHook {
    fn drop(&mut self) {
        // SAFETY: the hook's own reference; any thread may drop it.
        unsafe { sys::aw_loop_unref(self.event_loop) };
    }
}

thread_local! {
    static HERE: u8 = const { 0 };
    static CURRENT: Cell<*const TaskNode> = const { Cell::new(ptr::null()) };
}

/// A number that is unique among living threads.
pub(crate) fn thread_token() -> usize {
    HERE.with(|here| here as *const u8 as usize)
}

/// The task whose step runs in this thread, or NULL.
pub(crate) fn current_node() -> *const TaskNode {
    CURRENT.with(Cell::get)
}

impl Hook for TaskHook {
    fn resume(node: &Arc<TaskNode>) {
        if node.hook.home == thread_token() {
            node.hook.unpark();
            return;
        }
        let ud = Arc::into_raw(node.clone()) as *mut c_void;
        // SAFETY: any thread; the destroy takes the Arc back, also if this fails, because the loop is closed.
        unsafe {
            sys::aw_loop_call_soon_threadsafe(node.hook.event_loop, Some(unpark_later), ud, Some(drop_node))
        };
    }
}

unsafe extern "C" fn unpark_later(_: *mut sys::aw_loop, ud: *mut c_void) -> i32 {
    // SAFETY: the node that `resume` handed over, on the loop's thread.
    unsafe { &*ud.cast::<TaskNode>() }.hook.unpark();
    0
}

unsafe extern "C" fn drop_node(ud: *mut c_void) {
    // SAFETY: as above; runs once.
    drop(unsafe { Arc::from_raw(ud.cast::<TaskNode>()) });
}

impl TaskHook {
    fn unpark(&self) {
        let park = self.park.get();
        if !park.is_null() {
            // SAFETY: alive by the hook's reference. Being done already does not matter.
            unsafe { sys::aw_future_set_result(park, ptr::null_mut(), None) };
        }
    }

    fn leave_park(&self) {
        let park = self.park.replace(ptr::null_mut());
        if !park.is_null() {
            // SAFETY: the hook's own reference.
            unsafe { sys::aw_future_unref(park) };
        }
    }
}

/// How the output of a body becomes the outcome of its task.
pub(crate) trait Policy<O> {
    type Value;
    fn end(output: O) -> Result<Self::Value>;
}

/// Any output is a value.
pub(crate) struct AsValue;
impl<O> Policy<O> for AsValue {
    type Value = O;
    fn end(output: O) -> Result<O> {
        Ok(output)
    }
}

/// An `Err` is the failure of the task.
pub(crate) struct AsResult;
impl<T> Policy<Result<T>> for AsResult {
    type Value = T;
    fn end(output: Result<T>) -> Result<T> {
        output
    }
}

pub(crate) struct Body<F: Future, P: Policy<F::Output>> {
    node: Arc<TaskNode>,
    /// Pinned: never moved, dropped in its place.
    future: UnsafeCell<Option<F>>,
    output: RefCell<Option<P::Value>>,
    /// The C task: a reference, set once it exists.
    pub(crate) task: Cell<*mut sys::aw_task>,
    pub(crate) joiner: Leaf,
}

impl<F: Future, P: Policy<F::Output>> Body<F, P> {
    /// # Safety
    /// `resume` is that of the running step of this body.
    unsafe fn step(&self, resume: *mut sys::aw_resume) -> i32 {
        let hook = &self.node.hook;
        // SAFETY: the caller's.
        let status = unsafe { sys::aw_resume_status(resume) };
        hook.leave_park();
        self.node.begin_poll();
        if let Some(leaf) = hook.leaves.take_direct() {
            // SAFETY: the caller's.
            unsafe { leaf.sent(resume) };
        } else if status < 0 {
            if hook.leaves.is_empty() {
                // It waits for nothing of ours that could deliver the cancellation.
                self.drop_future();
                // SAFETY: the caller's; the error is borrowed from the step.
                return unsafe { sys::aw_resume_raise(resume, sys::aw_resume_error(resume)) };
            }
            // SAFETY: as above.
            let error = unsafe { Error::from_raw(status, sys::aw_resume_error(resume)) };
            hook.leaves.for_each(|leaf| leaf.cancel(&error));
        }
        if hook.aborted.get() {
            self.drop_future();
            return sys::AW_ECANCELLED;
        }
        let polled = self.poll();
        match polled {
            // SAFETY: the caller's.
            Ok(Poll::Pending) => unsafe { self.suspend(resume) },
            Ok(Poll::Ready(end)) => {
                self.drop_future();
                match end {
                    Ok(value) => {
                        *self.output.borrow_mut() = Some(value);
                        // SAFETY: the caller's.
                        unsafe { sys::aw_resume_return(resume, ptr::null_mut(), None) }
                    }
                    // SAFETY: the caller's.
                    Err(error) => unsafe { self.raise(resume, &error) },
                }
            }
            Err(payload) => {
                self.drop_future();
                // SAFETY: the caller's.
                unsafe { self.raise(resume, &Error::panic(payload)) }
            }
        }
    }

    fn poll(&self) -> std::thread::Result<Poll<Result<P::Value>>> {
        let waker = self.node.borrowed_waker();
        let mut cx = Context::from_waker(&waker);
        // SAFETY: it is in an Rc and never moved; only the step, which does not nest, makes a reference to
        // it.
        let future = match unsafe { &mut *self.future.get() } {
            Some(future) => unsafe { Pin::new_unchecked(future) },
            None => return Ok(Poll::Ready(Err(Error::CANCELLED))),
        };
        let outer = CURRENT.with(|current| current.replace(Arc::as_ptr(&self.node)));
        let polled = catch_unwind(AssertUnwindSafe(|| future.poll(&mut cx).map(P::end)));
        CURRENT.with(|current| current.set(outer));
        polled
    }

    /// The future isn't ready: decides what the task waits for.
    ///
    /// # Safety
    /// As `step`.
    unsafe fn suspend(&self, resume: *mut sys::aw_resume) -> i32 {
        let hook = &self.node.hook;
        // SAFETY: the caller's, throughout.
        unsafe {
            if self.node.take_woken() {
                return sys::aw_resume_yield(resume);
            }
            if !self.node.is_shared() {
                if let Some(leaf) = hook.leaves.single() {
                    if let Some(status) = leaf.await_directly(resume) {
                        hook.leaves.set_direct(Some(leaf));
                        return status;
                    }
                }
            }
            let waker = self.node.borrowed_waker();
            hook.leaves.for_each(|leaf| leaf.watch_for_task(&waker));
            let mut park = ptr::null_mut();
            let status = sys::aw_future_new(hook.event_loop, &mut park);
            if status < 0 {
                self.drop_future();
                return status;
            }
            hook.park.set(park);
            if self.node.park() {
                return sys::aw_resume_await(resume, park);
            }
            hook.leave_park();
            sys::aw_resume_yield(resume)
        }
    }

    /// # Safety
    /// As `step`.
    unsafe fn raise(&self, resume: *mut sys::aw_resume, error: &Error) -> i32 {
        let raw = error.to_raw(self.node.hook.event_loop);
        if raw.is_null() {
            return error.code();
        }
        // SAFETY: the caller's; the resume takes its own reference.
        unsafe {
            let status = sys::aw_resume_raise(resume, raw);
            sys::aw_error_unref(raw);
            status
        }
    }

    fn drop_future(&self) {
        self.node.end();
        // SAFETY: references to it exist only during a poll, and this is not a poll.
        no_unwind(|| unsafe { *self.future.get() = None });
        self.node.hook.leaves.clear();
    }
}

impl<F: Future, P: Policy<F::Output>> Drop for Body<F, P> {
    fn drop(&mut self) {
        self.node.hook.leave_park();
        let task = self.task.get();
        if !task.is_null() {
            // SAFETY: the body's own reference.
            unsafe { sys::aw_task_unref(task) };
        }
    }
}

unsafe extern "C" fn step<F: Future, P: Policy<F::Output>>(
    resume: *mut sys::aw_resume,
    ud: *mut c_void,
) -> i32 {
    // SAFETY: the body that `spawn_body` handed over, which lives until `destroy`.
    match catch_unwind(AssertUnwindSafe(|| unsafe { (*ud.cast::<Body<F, P>>()).step(resume) })) {
        Ok(status) => status,
        Err(payload) => {
            std::mem::forget(payload);
            sys::AW_EHOST
        }
    }
}

unsafe extern "C" fn destroy<F: Future, P: Policy<F::Output>>(ud: *mut c_void) {
    // SAFETY: as above; runs once, on the loop's thread.
    let body = unsafe { Rc::from_raw(ud.cast::<Body<F, P>>()) };
    body.drop_future();
    no_unwind(|| drop(body));
}

/// A C task that drives `future`. The body is shared with C, which may hold it for longer than `F` lives: see
/// `Scoped`.
pub(crate) fn spawn_body<F: Future, P: Policy<F::Output>>(
    event_loop: *mut sys::aw_loop,
    future: F,
    start: impl FnOnce(*mut sys::aw_coro, *mut *mut sys::aw_task) -> i32,
) -> Result<Rc<Body<F, P>>> {
    let hook = TaskHook {
        // SAFETY: the caller's loop is alive.
        event_loop: unsafe { sys::aw_loop_ref(event_loop) },
        home: thread_token(),
        park: Cell::new(ptr::null_mut()),
        leaves: Leaves::default(),
        aborted: Cell::new(false),
    };
    let body = Rc::new(Body::<F, P> {
        node: Node::new(hook),
        future: UnsafeCell::new(Some(future)),
        output: RefCell::new(None),
        task: Cell::new(ptr::null_mut()),
        joiner: Leaf::failed(Error::CANCELLED),
    });
    let ud = Rc::into_raw(body.clone()) as *mut c_void;
    // SAFETY: the destroy takes the Rc back, also if a call fails.
    unsafe {
        let coro = Ref::made_by(|out| {
            sys::aw_coro_new(event_loop, Some(step::<F, P>), ud, Some(destroy::<F, P>), out)
        })?;
        let mut task = ptr::null_mut();
        Error::check(start(coro.raw(), &mut task))?;
        body.task.set(task);
    }
    Ok(body)
}

/// What a handle knows of the body, whose future type it does not name.
pub(crate) trait Joinable<T> {
    fn joiner(&self) -> &Leaf;
    fn take_output(&self) -> Option<T>;
    fn task(&self) -> *mut sys::aw_task;
    fn node(&self) -> &TaskNode;
}

impl<F: Future, P: Policy<F::Output>> Joinable<P::Value> for Body<F, P> {
    fn joiner(&self) -> &Leaf {
        &self.joiner
    }
    fn take_output(&self) -> Option<P::Value> {
        self.output.borrow_mut().take()
    }
    fn task(&self) -> *mut sys::aw_task {
        self.task.get()
    }
    fn node(&self) -> &TaskNode {
        &self.node
    }
}

/// A task whose future is dropped before this is, so the future may borrow from the caller.
pub(crate) struct Scoped<F: Future>(Rc<Body<F, AsValue>>);

impl<F: Future> Scoped<F> {
    pub(crate) fn spawn(event_loop: *mut sys::aw_loop, future: F) -> Result<Self> {
        // SAFETY: `spawn_body` hands over what is alive.
        spawn_body(event_loop, future, |coro, task| unsafe {
            sys::aw_task_spawn_coro(event_loop, coro, task)
        })
        .map(Scoped)
    }

    pub(crate) fn future(&self) -> *mut sys::aw_future {
        // SAFETY: alive by the body's reference.
        unsafe { sys::aw_task_future(self.0.task.get()) }
    }

    /// The outcome of the task; call it only when the task is done.
    pub(crate) fn take_end(&self) -> Result<F::Output> {
        let mut error = ptr::null_mut();
        // SAFETY: alive; the error is borrowed from the future.
        unsafe {
            match sys::aw_future_result(self.future(), ptr::null_mut()) {
                status if status < 0 => {
                    sys::aw_future_error(self.future(), &mut error);
                    Err(Error::from_raw(status, error))
                }
                _ => self.0.output.borrow_mut().take().ok_or(Error::from_code(sys::AW_EINVALIDSTATE)),
            }
        }
    }
}

impl<F: Future> Drop for Scoped<F> {
    fn drop(&mut self) {
        // C may keep the body for longer, so it must not hold anything borrowed. A task without a future ends
        // as cancelled.
        self.0.drop_future();
        drop(self.0.output.borrow_mut().take());
        // SAFETY: alive by the body's reference; a task that is done ignores it.
        unsafe { sys::aw_task_cancel(self.0.task.get(), ptr::null()) };
    }
}
