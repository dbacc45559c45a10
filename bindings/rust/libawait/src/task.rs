// SPDX-License-Identifier: MIT
//! Tasks: a Rust future that a task of C's drives, step by step.

use crate::error::{no_unwind, Error, JoinError, Result};
use crate::leaf::{current_loop, future_of_op, Finish, Leaf, Leaves, Op, Ref, Value, Wanted};
use crate::pure::wake::{Hook, Node};
use crate::sys;
use std::cell::{Cell, RefCell, UnsafeCell};
use std::ffi::{c_void, CString};
use std::fmt;
use std::future::Future;
use std::panic::{catch_unwind, AssertUnwindSafe};
use std::pin::Pin;
use std::ptr;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll};

pub(crate) type TaskNode = Node<TaskHook>;

/// What the waker of a task refers to. The loop is a reference; all else belongs to the thread `home`.
pub(crate) struct TaskHook {
    event_loop: *mut sys::aw_loop,
    home: usize,
    /// The future that the task awaits while it is parked: a reference, or NULL.
    park: Cell<*mut sys::aw_future>,
    pub(crate) leaves: Leaves,
    aborted: Cell<bool>,
}

// SAFETY: wakers go to other threads, and they touch nothing but `event_loop` and `home`, which never change; references of C's are
// counted atomically. The rest is used by `home` alone, and is empty when the last reference goes.
unsafe impl Send for TaskHook {}
unsafe impl Sync for TaskHook {}

impl Drop for TaskHook {
    fn drop(&mut self) {
        // SAFETY: the hook's own reference; any thread may give it back.
        unsafe { sys::aw_loop_unref(self.event_loop) };
    }
}

thread_local! {
    static HERE: u8 = const { 0 };
    static CURRENT: Cell<*const TaskNode> = const { Cell::new(ptr::null()) };
}

/// A number that no other living thread has.
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
        unsafe { sys::aw_loop_call_soon_threadsafe(node.hook.event_loop, Some(unpark_later), ud, Some(drop_node)) };
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
            // SAFETY: alive by the hook's reference. Done already is no matter.
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

/// How the output of a body ends its task.
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

struct Body<F: Future, P: Policy<F::Output>> {
    node: Arc<TaskNode>,
    /// Pinned: never moved, dropped in its place.
    future: UnsafeCell<Option<F>>,
    output: RefCell<Option<P::Value>>,
    /// The task of C's: a reference, set once there is one.
    task: Cell<*mut sys::aw_task>,
    joiner: Leaf,
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
                // It waits for nothing of ours that could bring the cancellation to it.
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
        // SAFETY: it lies in an Rc and is never moved; only the step, which does not nest, makes a reference to it.
        let future = match unsafe { &mut *self.future.get() } {
            Some(future) => unsafe { Pin::new_unchecked(future) },
            None => return Ok(Poll::Ready(Err(Error::CANCELLED))),
        };
        let outer = CURRENT.with(|current| current.replace(Arc::as_ptr(&self.node)));
        let polled = catch_unwind(AssertUnwindSafe(|| future.poll(&mut cx).map(P::end)));
        CURRENT.with(|current| current.set(outer));
        polled
    }

    /// The future isn't ready: says what the task waits for.
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
        // SAFETY: the caller's; the resume takes a reference of its own.
        unsafe {
            let status = sys::aw_resume_raise(resume, raw);
            sys::aw_error_unref(raw);
            status
        }
    }

    fn drop_future(&self) {
        self.node.end();
        // SAFETY: nobody has a reference to it outside of a poll, and this is none.
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

unsafe extern "C" fn step<F: Future, P: Policy<F::Output>>(resume: *mut sys::aw_resume, ud: *mut c_void) -> i32 {
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

/// A task of C's that drives `future`. The body is shared with C, which may hold it for longer than `F` lives: see `Scoped`.
fn spawn_body<F: Future, P: Policy<F::Output>>(
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
        let coro = Ref::made_by(|out| sys::aw_coro_new(event_loop, Some(step::<F, P>), ud, Some(destroy::<F, P>), out))?;
        let mut task = ptr::null_mut();
        Error::check(start(coro.raw(), &mut task))?;
        body.task.set(task);
    }
    Ok(body)
}

/// What a handle knows of the body whose future it does not name.
trait Joinable<T> {
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

/// Owns a task's result. Awaiting it gives the value, or why there is none; dropping it lets the task go on by itself.
///
/// A cancellation of the task that awaits a handle reaches the task behind the handle, as in asyncio; [`shield`](crate::shield) prevents
/// that. The handle can be awaited by reference, and a panic of the body comes as an error: [`Error::resume_panic`].
/// asyncio: Task, tokio: JoinHandle.
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
    fn new<F, P>(body: Rc<Body<F, P>>) -> Self
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

    /// The result, if there is one. Looking at an error here counts as having seen it.
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

    /// Has the task ended? asyncio: Task.done.
    pub fn is_finished(&self) -> bool {
        // SAFETY: alive.
        unsafe { sys::aw_future_done(self.raw_future()) != 0 }
    }

    /// Did it end by a cancellation? asyncio: Task.cancelled.
    pub fn is_cancelled(&self) -> bool {
        // SAFETY: alive.
        unsafe { sys::aw_future_cancelled(self.raw_future()) != 0 }
    }

    /// The result of a task that has ended, which moves to the caller; `None` while it runs. asyncio: Task.result.
    pub fn try_result(&mut self) -> Option<Result<T, JoinError>> {
        self.outcome()
    }

    /// Asks the task to cancel itself: [`Error::CANCELLED`] comes out of what it awaits of libawait's, where the body can handle it; a body
    /// that awaits nothing of libawait's is dropped. False if it has ended. asyncio: Task.cancel.
    pub fn request_cancel(&self) -> bool {
        self.task().cancel()
    }

    /// As [`request_cancel`](Self::request_cancel), with a message that the error carries.
    pub fn request_cancel_with(&self, message: &str) -> bool {
        self.task().cancel_with(message)
    }

    /// Cancels the task and waits until it has really ended: the result is [`Error::CANCELLED`], unless the body handled that, or was done
    /// before. Dropping this future does not take the request back.
    pub async fn cancel(self) -> Result<T, JoinError> {
        self.request_cancel();
        // Not the handle itself: were this task cancelled, it would cancel the other once more.
        let mut handle = self;
        crate::combine::shield(&mut handle).await
    }

    /// Has the body dropped where it stands, when its turn comes: it sees no error and can't refuse. What it awaits of libawait's is
    /// cancelled first.
    pub fn abort(&self) {
        self.body.node().hook.aborted.set(true);
        self.task().cancel();
    }

    /// Has `callback` called with the result, through the ready queue, when the task has ended (also if it has already). A loop that closes
    /// first drops it. asyncio: Task.add_done_callback.
    ///
    /// # Errors
    /// [`ErrorKind::LoopClosed`](crate::ErrorKind::LoopClosed), and without memory.
    pub fn add_done_callback(self, callback: impl FnOnce(Result<T, JoinError>) + 'static) -> Result<()>
    where
        T: 'static,
    {
        let future = self.raw_future();
        let ud = crate::event_loop::once(move || callback(self.outcome().unwrap_or(Err(Error::CANCELLED))));
        // SAFETY: alive by the handle, which is in the callback; the destroy takes the box back, also if this fails.
        Error::done(unsafe { sys::aw_future_add_done_callback(future, Some(call_done), ud, Some(crate::event_loop::drop_once)) })
    }

    /// The task behind the handle.
    pub fn task(&self) -> Task {
        // SAFETY: alive by the body's reference.
        Task(unsafe { Ref::borrowed(self.body.task()) })
    }
}

impl<T> Future for JoinHandle<T> {
    type Output = Result<T, JoinError>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        // SAFETY: the leaf lies in an Rc, from which it is never moved.
        let leaf = unsafe { Pin::new_unchecked(self.body.joiner()) };
        leaf.poll(cx).map(|end| match end {
            Ok(_) => self.take_output(),
            Err(error) => {
                if !self.is_finished() {
                    // The awaiting task's own: the handle can be awaited again.
                    // SAFETY: alive.
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
        // The body may live on in C, with nobody to look after its leaf.
        self.body.joiner().abandon();
    }
}

impl<T> fmt::Debug for JoinHandle<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JoinHandle").field("task", &self.task()).field("finished", &self.is_finished()).finish()
    }
}

unsafe extern "C" fn call_done(future: *mut sys::aw_future, ud: *mut c_void) -> i32 {
    // SAFETY: the loop runs the callback, and is alive.
    unsafe { crate::event_loop::run_once(sys::aw_future_loop(future), ud) }
}

/// A task, without its result. asyncio: Task.
#[derive(Clone)]
pub struct Task(Ref<sys::aw_task>);

impl Task {
    /// The task that runs now, if one does. asyncio.current_task.
    pub fn current() -> Option<Task> {
        // SAFETY: borrowed from the loop, so a reference is taken.
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

    /// As [`JoinHandle::request_cancel`]. asyncio: Task.cancel.
    pub fn cancel(&self) -> bool {
        // SAFETY: alive.
        unsafe { sys::aw_task_cancel(self.raw(), ptr::null()) == 1 }
    }

    /// As [`JoinHandle::request_cancel_with`]. What follows a NUL in the message is cut off.
    pub fn cancel_with(&self, message: &str) -> bool {
        let message = c_text(message);
        // SAFETY: alive; the message is copied.
        unsafe { sys::aw_task_cancel(self.raw(), message.as_ptr()) == 1 }
    }

    /// How many cancel requests are open. asyncio: Task.cancelling.
    pub fn cancelling(&self) -> usize {
        // SAFETY: alive.
        usize::try_from(unsafe { sys::aw_task_cancelling(self.raw()) }).unwrap_or(0)
    }

    /// Takes one request back, and gives how many are left. asyncio: Task.uncancel.
    pub fn uncancel(&self) -> usize {
        // SAFETY: alive.
        usize::try_from(unsafe { sys::aw_task_uncancel(self.raw()) }).unwrap_or(0)
    }

    /// Has it ended? asyncio: Task.done.
    pub fn is_finished(&self) -> bool {
        // SAFETY: alive.
        unsafe { sys::aw_future_done(sys::aw_task_future(self.raw())) != 0 }
    }

    /// Its name: "Task-N" if it was given none. asyncio: Task.get_name.
    pub fn name(&self) -> String {
        // SAFETY: alive, and copied at once.
        unsafe { crate::error::text(sys::aw_task_name(self.raw())) }
    }

    /// Gives it a name. asyncio: Task.set_name.
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
    let body = spawn_body::<F, AsValue>(event_loop, future, |coro, task| unsafe { sys::aw_task_spawn_coro(event_loop, coro, task) })?;
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
/// Makes a task of `future` in the loop that runs; it starts in the next iteration. Whatever the future gives is the task's value; only a
/// panic or a cancellation is a failure. The loop owns the task.
///
/// # Panics
/// Where no loop runs in this thread, and without memory, as `tokio::task::spawn_local` does. [`Loop::spawn_local`](crate::Loop::spawn_local)
/// returns errors instead.
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

/// Makes a task of a body that may fail: an `Err` is the failure of the task, which `gather`, `wait` and groups see, and a body that returns
/// [`Error::CANCELLED`] ends as cancelled. asyncio.create_task.
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

/// As [`create_task`], but the first step runs before the call returns. asyncio: create_task(eager_start=True).
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
        create_on(event_loop, future, |coro, task| unsafe { sys::aw_task_spawn_coro_eager(event_loop, coro, task) })
    };
    match current_loop().and_then(spawn) {
        Ok(handle) => handle,
        Err(error) => panic!("create_task_eager: {}", error),
    }
}

/// A task whose future is dropped before this is: so the future may borrow from the caller.
pub(crate) struct Scoped<F: Future>(Rc<Body<F, AsValue>>);

impl<F: Future> Scoped<F> {
    pub(crate) fn spawn(event_loop: *mut sys::aw_loop, future: F) -> Result<Self> {
        // SAFETY: `spawn_body` hands over what is alive.
        spawn_body(event_loop, future, |coro, task| unsafe { sys::aw_task_spawn_coro(event_loop, coro, task) }).map(Scoped)
    }

    pub(crate) fn future(&self) -> *mut sys::aw_future {
        // SAFETY: alive by the body's reference.
        unsafe { sys::aw_task_future(self.0.task.get()) }
    }

    /// The end of the task; only when it is done.
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
        // C may keep the body for longer: it must hold nothing that is borrowed. A task that has no future ends as cancelled.
        self.0.drop_future();
        drop(self.0.output.borrow_mut().take());
        // SAFETY: alive by the body's reference; a task that is done ignores it.
        unsafe { sys::aw_task_cancel(self.0.task.get(), ptr::null()) };
    }
}

/// Lets the others run for exactly one iteration. asyncio.sleep(0).
///
/// # Errors
/// [`Error::CANCELLED`], as from everything that is awaited here.
pub fn yield_now() -> YieldNow {
    YieldNow(Op::new(Ok(Leaf::pause()), crate::leaf::Done))
}

/// The future of [`yield_now`].
#[must_use = "futures do nothing unless they are awaited"]
pub struct YieldNow(Op<crate::leaf::Done>);

future_of_op!(YieldNow => Result<()>);

/// A future of C's, awaited from Rust. Dropping it cancels it. For libraries in C that give futures of libawait's.
#[must_use = "futures do nothing unless they are awaited"]
pub struct AwFuture(Op<AwValueOf>);

/// The value of a future of C's, which stays the future's own and lives as long as this does.
#[derive(Debug)]
pub struct AwValue {
    future: Ref<sys::aw_future>,
    value: *mut c_void,
}

impl AwValue {
    /// The value as a pointer.
    pub fn as_ptr(&self) -> *mut c_void {
        self.value
    }

    /// The value as an integer, as return codes and readiness are given.
    pub fn as_int(&self) -> isize {
        self.value as isize
    }

    /// The future it belongs to, borrowed.
    pub fn as_raw_future(&self) -> *mut sys::aw_future {
        self.future.raw()
    }
}

struct AwValueOf(Ref<sys::aw_future>);
impl Finish for AwValueOf {
    type Output = Result<AwValue>;
    fn finish(&mut self, end: Result<Value>) -> Self::Output {
        let future = self.0.clone();
        end.map(|value| AwValue { future, value: value.bits() as *mut c_void })
    }
}

impl AwFuture {
    /// Takes over one reference.
    ///
    /// # Safety
    /// `future` is alive, the reference is the caller's to give, and its loop is driven by this thread.
    pub unsafe fn from_raw(future: *mut sys::aw_future) -> Self {
        // SAFETY: the caller's.
        let future = unsafe { Ref::owned(future) };
        AwFuture(Op::new(Ok(Leaf::future(future.clone(), Wanted::Bits, true)), AwValueOf(future)))
    }
}

future_of_op!(AwFuture => Result<AwValue>);
