// SPDX-License-Identifier: MIT
//! The loop: creating it, running it, scheduling callbacks.

use crate::body::Scoped;
use crate::error::{no_unwind, Error, Result};
use crate::fd::Operations;
use crate::join::JoinHandle;
use crate::reference::Ref;
use crate::remote::Remote;
use crate::sys;
use crate::task::{self, c_text, Task};
use std::cell::{Cell, RefCell};
use std::ffi::{c_void, CString};
use std::fmt;
use std::future::Future;
use std::marker::PhantomData;
use std::os::unix::io::RawFd;
use std::panic::{catch_unwind, AssertUnwindSafe};
use std::ptr;
use std::rc::Rc;
use std::time::Duration;

/// No timeout, in C's nanoseconds.
pub(crate) const FOREVER: i64 = i64::MAX;

/// A duration in C's nanoseconds; too long a duration means no timeout.
pub(crate) fn nanoseconds(duration: Duration) -> i64 {
    i64::try_from(duration.as_nanos()).unwrap_or(FOREVER)
}

pub(crate) fn limit(duration: Option<Duration>) -> i64 {
    duration.map_or(FOREVER, nanoseconds)
}

/// The data of a loop of this crate, found by its handle.
pub(crate) struct Inner {
    raw: *mut sys::aw_loop,
    pub(crate) operations: Operations,
}

thread_local! {
    /// The loops that this thread has created and not dropped. There are few, so this is a list.
    static LOOPS: RefCell<Vec<Rc<Inner>>> = const { RefCell::new(Vec::new()) };
    /// The loop whose host polls one of the program's futures outside of a dispatch.
    static ENTERED: Cell<*mut sys::aw_loop> = const { Cell::new(ptr::null_mut()) };
}

pub(crate) fn entered() -> *mut sys::aw_loop {
    ENTERED.with(Cell::get)
}

pub(crate) fn inner_of(raw: *mut sys::aw_loop) -> Option<Rc<Inner>> {
    LOOPS.with(|loops| loops.borrow().iter().find(|inner| inner.raw == raw).cloned())
}

/// An event loop. One thread creates and drives it: it is neither `Send` nor `Sync`. Other threads use
/// [`Loop::remote`], which is both. Dropping the loop closes it, which drops every remaining task. asyncio:
/// the event loop.
///
/// ```compile_fail,E0277
/// fn is_send<T: Send>() {}
/// is_send::<libawait::Loop>(); // one thread drives a loop
/// ```
/// ```compile_fail,E0277
/// fn is_sync<T: Sync>() {}
/// is_sync::<libawait::Loop>();
/// ```
pub struct Loop {
    inner: Rc<Inner>,
    _thread: PhantomData<*mut ()>,
}

/// Options for creating a loop. `Builder::new().build()` is [`Loop::new`].
#[derive(Debug, Clone, Default)]
pub struct Builder {
    backend: Option<String>,
    debug: bool,
    single_thread: bool,
    seed: u64,
}

impl Builder {
    /// Uses the backend in the environment variable `AWAIT_BACKEND`, or epoll.
    pub fn new() -> Self {
        Builder::default()
    }

    /// Sets the backend: a name, the full path of a plug-in, or a list of these in order of preference:
    /// "uring,epoll".
    pub fn backend(mut self, backend: &str) -> Self {
        self.backend = Some(backend.to_owned());
        self
    }

    /// Enables debug mode from the start. asyncio: loop.set_debug.
    pub fn debug(mut self, on: bool) -> Self {
        self.debug = on;
        self
    }

    /// Promises that only one thread drives the loop, which this crate ensures in any case: io_uring can be
    /// faster then.
    pub fn single_thread(mut self, on: bool) -> Self {
        self.single_thread = on;
        self
    }

    /// Sets the seed of the virtual backend's order.
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// Creates the loop.
    ///
    /// # Errors
    /// [`ErrorKind::NoBackend`](crate::ErrorKind::NoBackend) (see
    /// [`explain_backend`](crate::explain_backend)), and system errors.
    pub fn build(self) -> Result<Loop> {
        // SAFETY: no precondition.
        if unsafe { sys::aw_abi_version() } != sys::ABI_VERSION {
            return Err(Error::from_code(sys::AW_ENOTSUP));
        }
        let backend = self.backend.as_deref().map(c_text);
        let name = backend.as_ref().map_or(ptr::null(), |name| name.as_ptr());
        let mut flags = sys::AW_LOOP_DEFAULT;
        if self.debug {
            flags |= sys::AW_LOOP_DEBUG;
        }
        if self.single_thread {
            flags |= sys::AW_LOOP_SINGLE_THREAD;
        }
        let mut raw = ptr::null_mut();
        // SAFETY: the name lives until the call returns.
        Error::check(unsafe { sys::aw_loop_new_with(name, flags, self.seed, &mut raw) })?;
        let inner = Rc::new(Inner { raw, operations: Operations::default() });
        LOOPS.with(|loops| loops.borrow_mut().push(inner.clone()));
        Ok(Loop { inner, _thread: PhantomData })
    }
}

impl Loop {
    /// Creates a loop on the backend in the environment variable `AWAIT_BACKEND`, or epoll.
    /// asyncio.new_event_loop.
    ///
    /// # Errors
    /// See [`Builder::build`].
    pub fn new() -> Result<Loop> {
        Builder::new().build()
    }

    /// Returns the C handle, borrowed.
    pub fn as_raw(&self) -> *mut sys::aw_loop {
        self.inner.raw
    }

    /// Returns the name of the backend that drives it.
    pub fn backend(&self) -> String {
        // SAFETY: alive, and copied at once.
        unsafe { crate::error::text(sys::aw_loop_backend(self.as_raw())) }
    }

    /// Returns the time of the loop's clock, which is monotonic. asyncio: loop.time.
    pub fn time(&self) -> Duration {
        // SAFETY: alive.
        Duration::from_nanos(u64::try_from(unsafe { sys::aw_loop_time(self.as_raw()) }).unwrap_or(0))
    }

    /// Returns a handle for other threads.
    pub fn remote(&self) -> Remote {
        Remote::of(self.as_raw())
    }

    /// Runs until `future` is done, in a separate task. Other tasks run concurrently, and remain for the next
    /// run. A panic of the future resumes here. asyncio: loop.run_until_complete.
    ///
    /// # Errors
    /// [`Error::CANCELLED`] if the task was cancelled and dropped;
    /// [`ErrorKind::Stopped`](crate::ErrorKind::Stopped) after [`Loop::stop`];
    /// [`ErrorKind::LoopRunning`](crate::ErrorKind::LoopRunning) inside a running loop. The future is dropped
    /// before this returns.
    pub fn block_on<F: Future>(&self, future: F) -> Result<F::Output> {
        self.check_idle()?;
        let main = Scoped::spawn(self.as_raw(), future)?;
        // SAFETY: alive by `main`.
        self.drive(|| unsafe { sys::aw_future_done(main.future()) != 0 })?;
        main.take_end().map_err(Error::resume_panic)
    }

    /// Runs until [`stop`](Loop::stop). asyncio: loop.run_forever.
    ///
    /// # Errors
    /// Those of [`Loop::block_on`], except `Stopped`, since a stop ends this run normally.
    pub fn run_forever(&self) -> Result<()> {
        self.check_idle()?;
        match self.drive(|| false) {
            Err(error) if error.code() == sys::AW_ESTOPPED => Ok(()),
            other => other,
        }
    }

    /// Ends the run after the current iteration. asyncio: loop.stop.
    pub fn stop(&self) {
        // SAFETY: alive.
        unsafe { sys::aw_loop_stop(self.as_raw()) };
    }

    fn check_idle(&self) -> Result<()> {
        // SAFETY: no precondition.
        if unsafe { !sys::aw_loop_current().is_null() } || !entered().is_null() {
            return Err(Error::from_code(sys::AW_ELOOPRUNNING));
        }
        Ok(())
    }

    /// Runs one iteration: waits, dispatches, and delivers the completions. Returns false if nothing happened
    /// within the time.
    pub(crate) fn turn(&self, timeout_ns: i64) -> Result<bool> {
        self.inner.operations.drain(self.as_raw(), timeout_ns)
    }

    fn drive(&self, until: impl Fn() -> bool) -> Result<()> {
        while !until() {
            self.turn(-1)?;
            // SAFETY: alive.
            if !until() && unsafe { sys::aw_loop_take_stop(self.as_raw()) != 0 } {
                return Err(Error::from_code(sys::AW_ESTOPPED));
            }
        }
        Ok(())
    }

    /// Runs `run` as if by the loop: what it spawns and creates belongs to this loop.
    #[cfg(feature = "tokio")]
    pub(crate) fn enter<R>(&self, run: impl FnOnce() -> R) -> R {
        struct Reset(*mut sys::aw_loop);
        impl Drop for Reset {
            fn drop(&mut self) {
                ENTERED.with(|entered| entered.set(self.0));
            }
        }
        let _reset = Reset(ENTERED.with(|entered| entered.replace(self.as_raw())));
        run()
    }

    /// Like [`spawn_local`](crate::spawn_local), from outside of the loop.
    ///
    /// # Errors
    /// [`ErrorKind::LoopClosed`](crate::ErrorKind::LoopClosed), or if memory runs out.
    pub fn spawn_local<F>(&self, future: F) -> Result<JoinHandle<F::Output>>
    where
        F: Future + 'static,
        F::Output: 'static,
    {
        task::spawn_on(self.as_raw(), future)
    }

    /// Like [`create_task`](crate::create_task), from outside of the loop.
    ///
    /// # Errors
    /// As [`Loop::spawn_local`].
    pub fn create_task<F, T>(&self, future: F) -> Result<JoinHandle<T>>
    where
        F: Future<Output = Result<T>> + 'static,
        T: 'static,
    {
        let event_loop = self.as_raw();
        // SAFETY: both are alive.
        task::create_on(event_loop, future, |coro, task| unsafe {
            sys::aw_task_spawn_coro(event_loop, coro, task)
        })
    }

    /// Returns the tasks that have not ended, in order of creation. asyncio.all_tasks.
    pub fn all_tasks(&self) -> Vec<Task> {
        // SAFETY: alive; the second call writes no more than there is room for, each a new reference.
        unsafe {
            let count =
                usize::try_from(sys::aw_loop_all_tasks(self.as_raw(), ptr::null_mut(), 0)).unwrap_or(0);
            let mut raw = vec![ptr::null_mut(); count];
            let written =
                usize::try_from(sys::aw_loop_all_tasks(self.as_raw(), raw.as_mut_ptr(), count)).unwrap_or(0);
            raw.truncate(written.min(count));
            raw.into_iter().map(|task| Task::owned(task)).collect()
        }
    }

    /// Cancels every remaining task, and runs until all have ended, as asyncio.run does at its end.
    ///
    /// # Errors
    /// As [`Loop::run_forever`].
    pub fn cancel_all(&self) -> Result<()> {
        self.check_idle()?;
        let tasks = self.all_tasks();
        if tasks.is_empty() {
            return Ok(());
        }
        for task in &tasks {
            task.cancel();
        }
        while tasks.iter().any(|task| !task.is_finished()) {
            self.turn(-1)?;
        }
        Ok(())
    }

    /// Waits for at most `limit` until the threads of the default executor have ended; the executor refuses
    /// new work.
    ///
    /// # Errors
    /// [`Error::PENDING`] once `limit` has passed. asyncio: loop.shutdown_default_executor.
    pub fn shutdown_default_executor(&self, limit: Option<Duration>) -> Result<()> {
        let ns = self::limit(limit);
        // SAFETY: alive; the reference is new.
        let future =
            Ref::made_by(|out| unsafe { sys::aw_loop_shutdown_default_executor(self.as_raw(), ns, out) })?;
        // SAFETY: alive.
        self.drive(|| unsafe { sys::aw_future_done(future.raw()) != 0 })?;
        Error::done(unsafe { sys::aw_future_result(future.raw(), ptr::null_mut()) })
    }

    /// Runs `callback` in the next iteration. A panic in it is reported to the exception handler. asyncio:
    /// loop.call_soon.
    ///
    /// # Errors
    /// [`ErrorKind::LoopClosed`](crate::ErrorKind::LoopClosed), or if memory runs out.
    pub fn call_soon(&self, callback: impl FnOnce() + 'static) -> Result<Handle> {
        let ud = once(callback);
        // SAFETY: alive; the destroy takes the box back, also if this fails.
        let make =
            |out| unsafe { sys::aw_loop_call_soon(self.as_raw(), Some(run_once), ud, Some(drop_once), out) };
        Ref::made_by(make).map(Handle)
    }

    /// Runs `callback` when `delay` has passed, never earlier. asyncio: loop.call_later.
    ///
    /// # Errors
    /// As [`Loop::call_soon`].
    pub fn call_later(&self, delay: Duration, callback: impl FnOnce() + 'static) -> Result<Handle> {
        call_later(self.as_raw(), delay, callback)
    }

    /// Runs `callback` when [`Loop::time`] is `when`. asyncio: loop.call_at.
    ///
    /// # Errors
    /// As [`Loop::call_soon`].
    pub fn call_at(&self, when: Duration, callback: impl FnOnce() + 'static) -> Result<Handle> {
        let ud = once(callback);
        let ns = nanoseconds(when);
        // SAFETY: as in call_soon.
        let make = |out| unsafe {
            sys::aw_loop_call_at(self.as_raw(), ns, Some(run_once), ud, Some(drop_once), out)
        };
        Ref::made_by(make).map(Handle)
    }

    /// Calls `callback` in each iteration in which `fd` is readable, until
    /// [`remove_reader`](Loop::remove_reader). It replaces the previous callback. Remove it before you close
    /// the descriptor. asyncio: loop.add_reader.
    ///
    /// # Errors
    /// System errors: `EBADF`.
    pub fn add_reader(&self, fd: RawFd, callback: impl FnMut() + 'static) -> Result<()> {
        let ud = many(callback);
        // SAFETY: as in call_soon.
        Error::done(unsafe {
            sys::aw_loop_add_reader(self.as_raw(), fd, Some(run_many), ud, Some(drop_many))
        })
    }

    /// Removes the callback, and returns whether there was one. asyncio: loop.remove_reader.
    pub fn remove_reader(&self, fd: RawFd) -> bool {
        // SAFETY: alive.
        unsafe { sys::aw_loop_remove_reader(self.as_raw(), fd) == 1 }
    }

    /// Like [`Loop::add_reader`], for writing. asyncio: loop.add_writer.
    ///
    /// # Errors
    /// As [`Loop::add_reader`].
    pub fn add_writer(&self, fd: RawFd, callback: impl FnMut() + 'static) -> Result<()> {
        let ud = many(callback);
        // SAFETY: as in call_soon.
        Error::done(unsafe {
            sys::aw_loop_add_writer(self.as_raw(), fd, Some(run_many), ud, Some(drop_many))
        })
    }

    /// Like [`Loop::remove_reader`]. asyncio: loop.remove_writer.
    pub fn remove_writer(&self, fd: RawFd) -> bool {
        // SAFETY: alive.
        unsafe { sys::aw_loop_remove_writer(self.as_raw(), fd) == 1 }
    }

    /// Calls `callback` once for each delivery of `signal`, never in signal context. asyncio:
    /// loop.add_signal_handler.
    ///
    /// # Errors
    /// `EINVAL` for SIGKILL, SIGSTOP, and invalid signal numbers.
    pub fn add_signal_handler(&self, signal: i32, callback: impl FnMut() + 'static) -> Result<()> {
        let ud = many(callback);
        // SAFETY: as in call_soon.
        Error::done(unsafe {
            sys::aw_loop_add_signal_handler(self.as_raw(), signal, Some(run_many), ud, Some(drop_many))
        })
    }

    /// Removes the callback, and returns whether there was one. asyncio: loop.remove_signal_handler.
    pub fn remove_signal_handler(&self, signal: i32) -> bool {
        // SAFETY: alive.
        unsafe { sys::aw_loop_remove_signal_handler(self.as_raw(), signal) == 1 }
    }

    /// Sets the handler of unretrieved failures: a callback that panics, a failed task whose handle was
    /// dropped. By default they are printed in debug mode. asyncio: loop.set_exception_handler.
    ///
    /// # Errors
    /// [`ErrorKind::LoopClosed`](crate::ErrorKind::LoopClosed).
    pub fn set_exception_handler(&self, handler: impl FnMut(&Report) + 'static) -> Result<()> {
        let ud = Box::into_raw(Box::new(Handler(RefCell::new(Box::new(handler))))).cast();
        // SAFETY: as in call_soon.
        Error::done(unsafe {
            sys::aw_loop_set_exception_handler(self.as_raw(), Some(report), ud, Some(drop_handler))
        })
    }

    /// Sets debug mode. asyncio: loop.set_debug.
    pub fn set_debug(&self, on: bool) {
        // SAFETY: alive.
        unsafe { sys::aw_loop_set_debug(self.as_raw(), i32::from(on)) };
    }

    /// Returns whether it is in debug mode. asyncio: loop.get_debug.
    pub fn is_debug(&self) -> bool {
        // SAFETY: alive.
        unsafe { sys::aw_loop_debug(self.as_raw()) != 0 }
    }

    /// Sets how long a callback or step may take before debug mode reports it; the default is 100 ms.
    /// asyncio: loop.slow_callback_duration.
    pub fn set_slow_callback_duration(&self, duration: Duration) {
        // SAFETY: alive.
        unsafe { sys::aw_loop_set_slow_callback_duration(self.as_raw(), nanoseconds(duration)) };
    }

    /// Writes the tree of tasks to a descriptor, as text or as JSON.
    ///
    /// # Errors
    /// A system error, if the descriptor accepts no more data.
    pub fn print_tasks(&self, fd: RawFd, json: bool) -> Result<()> {
        let format = if json { sys::AW_PRINT_JSON } else { sys::AW_PRINT_TEXT };
        // SAFETY: alive.
        Error::done(unsafe { sys::aw_loop_print_tasks(self.as_raw(), fd, format as i32) })
    }

    /// In a forked child: releases the loop without touching what is shared with the parent and without
    /// running a callback. A child may make no other call on an inherited loop; every other call fails with
    /// [`ErrorKind::Forked`](crate::ErrorKind::Forked).
    pub fn abandon(self) {
        // SAFETY: alive. What the loop's operations hold is not released: the parent owns it.
        unsafe { sys::aw_loop_abandon(self.as_raw()) };
        self.inner.operations.forget();
    }
}

impl Drop for Loop {
    fn drop(&mut self) {
        let raw = self.as_raw();
        // SAFETY: alive by the reference, which is dropped last.
        unsafe {
            let closed = sys::aw_loop_close(raw);
            if closed < 0 && closed != sys::AW_EFORKED {
                // Dropped inside its own run: the kernel may still write to the buffers of operations in flight.
                self.inner.operations.forget();
            }
            // Operations that outlive the loop have no owner any more.
            self.inner.operations.close();
            let gone = LOOPS.try_with(|loops| {
                let mut loops = loops.borrow_mut();
                let index = loops.iter().position(|inner| Rc::ptr_eq(inner, &self.inner));
                index.map(|index| loops.swap_remove(index))
            });
            drop(gone);
            sys::aw_loop_unref(raw);
        }
    }
}

impl fmt::Debug for Loop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Loop").field("backend", &self.backend()).finish_non_exhaustive()
    }
}

pub(crate) fn call_later(
    event_loop: *mut sys::aw_loop,
    delay: Duration,
    callback: impl FnOnce() + 'static,
) -> Result<Handle> {
    let ud = once(callback);
    let ns = nanoseconds(delay);
    // SAFETY: as in call_soon.
    let make =
        |out| unsafe { sys::aw_loop_call_later(event_loop, ns, Some(run_once), ud, Some(drop_once), out) };
    Ref::made_by(make).map(Handle)
}

/// A scheduled callback. Dropping the handle does not cancel it. asyncio: Handle, TimerHandle.
pub struct Handle(Ref<sys::aw_handle>);

impl Handle {
    /// Prevents the callback, unless it has run. asyncio: Handle.cancel.
    pub fn cancel(&self) {
        // SAFETY: alive.
        unsafe { sys::aw_handle_cancel(self.0.raw()) };
    }

    /// Returns whether `cancel` was called, even if too late. asyncio: Handle.cancelled.
    pub fn is_cancelled(&self) -> bool {
        // SAFETY: alive.
        unsafe { sys::aw_handle_cancelled(self.0.raw()) != 0 }
    }

    /// Returns a timer's deadline on the clock of [`Loop::time`]; zero for a plain callback. asyncio:
    /// TimerHandle.when.
    pub fn when(&self) -> Duration {
        // SAFETY: alive.
        Duration::from_nanos(u64::try_from(unsafe { sys::aw_handle_when(self.0.raw()) }).unwrap_or(0))
    }
}

impl fmt::Debug for Handle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Handle").field("cancelled", &self.is_cancelled()).finish_non_exhaustive()
    }
}

type Once = Cell<Option<Box<dyn FnOnce()>>>;
type Many = RefCell<Box<dyn FnMut()>>;
type Hearing = Box<dyn FnMut(&Report)>;
struct Handler(RefCell<Hearing>);

pub(crate) fn once(callback: impl FnOnce() + 'static) -> *mut c_void {
    let callback: Box<Once> = Box::new(Cell::new(Some(Box::new(callback))));
    Box::into_raw(callback).cast()
}

fn many(callback: impl FnMut() + 'static) -> *mut c_void {
    let callback: Box<Many> = Box::new(RefCell::new(Box::new(callback)));
    Box::into_raw(callback).cast()
}

/// Runs one of the program's callbacks; reports its panic to the exception handler.
pub(crate) fn guarded(event_loop: *mut sys::aw_loop, callback: impl FnOnce()) -> i32 {
    if let Err(payload) = catch_unwind(AssertUnwindSafe(callback)) {
        let error = Error::panic(payload).to_raw(event_loop);
        // SAFETY: the loop runs the callback; the handler takes no reference that it does not keep.
        unsafe {
            sys::aw_loop_call_exception_handler(
                event_loop,
                b"Exception in callback\0".as_ptr().cast(),
                error,
                ptr::null_mut(),
            );
            sys::aw_error_unref(error);
        }
    }
    0
}

pub(crate) unsafe extern "C" fn run_once(event_loop: *mut sys::aw_loop, ud: *mut c_void) -> i32 {
    // SAFETY: what `once` made, not destroyed yet.
    match unsafe { &*ud.cast::<Once>() }.take() {
        Some(callback) => guarded(event_loop, callback),
        None => 0,
    }
}

pub(crate) unsafe extern "C" fn drop_once(ud: *mut c_void) {
    // SAFETY: as above; runs once.
    no_unwind(|| drop(unsafe { Box::from_raw(ud.cast::<Once>()) }));
}

unsafe extern "C" fn run_many(event_loop: *mut sys::aw_loop, ud: *mut c_void) -> i32 {
    guarded(event_loop, || {
        // SAFETY: what `many` made, not destroyed yet. A callback that runs the loop again from inside itself
        // is skipped.
        if let Ok(mut callback) = unsafe { &*ud.cast::<Many>() }.try_borrow_mut() {
            callback();
        }
    })
}

unsafe extern "C" fn drop_many(ud: *mut c_void) {
    // SAFETY: as above; runs once.
    no_unwind(|| drop(unsafe { Box::from_raw(ud.cast::<Many>()) }));
}

/// The argument of the exception handler. asyncio: the handler's context.
#[derive(Debug, Clone)]
pub struct Report {
    /// What happened, in asyncio's words: "Task exception was never retrieved".
    pub message: String,
    /// The failure, if any.
    pub error: Option<Error>,
    /// The task concerned, if any.
    pub task: Option<Task>,
    /// Where it was created, in debug mode.
    pub origin: Option<String>,
}

unsafe extern "C" fn report(_: *mut sys::aw_loop, raw: *const sys::aw_report, ud: *mut c_void) -> i32 {
    // SAFETY: the report is valid during this call, and what is kept is copied or referenced; `ud` is alive.
    let failed = catch_unwind(AssertUnwindSafe(|| unsafe {
        let error = sys::aw_report_error(raw);
        let future = sys::aw_report_future(raw);
        let task = if future.is_null() { ptr::null_mut() } else { sys::aw_future_task(future) };
        let origin = sys::aw_report_origin(raw);
        let report = Report {
            message: crate::error::text(sys::aw_report_message(raw)),
            error: (!error.is_null()).then(|| Error::from_raw(sys::aw_error_status(error), error)),
            task: (!task.is_null()).then(|| Task::owned(sys::aw_task_ref(task))),
            origin: (!origin.is_null()).then(|| crate::error::text(origin)),
        };
        if let Ok(mut handler) = (*ud.cast::<Handler>()).0.try_borrow_mut() {
            handler(&report);
        }
    }));
    match failed {
        Ok(()) => 0,
        Err(payload) => {
            std::mem::forget(payload);
            sys::AW_EHOST
        }
    }
}

unsafe extern "C" fn drop_handler(ud: *mut c_void) {
    // SAFETY: what `set_exception_handler` made; runs once.
    no_unwind(|| drop(unsafe { Box::from_raw(ud.cast::<Handler>()) }));
}

/// Creates a loop, runs `future` on it until it is done, cancels the remaining tasks, waits for them and for
/// the threads of [`to_thread`](crate::to_thread), and closes the loop. A panic of the future resumes here.
/// asyncio.run, with any output.
///
/// ```
/// let sum = libawait::block_on(async {
///     let two = libawait::spawn_local(async { 2 });
///     1 + two.await.unwrap()
/// });
/// assert_eq!(sum, Ok(3));
/// ```
///
/// # Errors
/// Those of [`Loop::new`] and [`Loop::block_on`].
pub fn block_on<F: Future>(future: F) -> Result<F::Output> {
    let event_loop = Loop::new()?;
    run_on(&event_loop, future)
}

/// [`block_on`], for a body that may fail: `async { …; Ok(()) }` with `?` in it. asyncio.run.
///
/// # Errors
/// Those of [`block_on`], and the body's.
pub fn run<F, T>(future: F) -> Result<T>
where
    F: Future<Output = Result<T>>,
{
    block_on(future)?
}

/// What [`block_on`] does once it has created a loop, without closing the loop: for loops created by a
/// [`Builder`].
///
/// # Errors
/// Those of [`Loop::block_on`].
pub fn run_on<F: Future>(event_loop: &Loop, future: F) -> Result<F::Output> {
    // Even if the future panics.
    struct End<'a>(&'a Loop);
    impl Drop for End<'_> {
        fn drop(&mut self) {
            // A remaining task that never ends is the program's fault; errors were reported.
            if self.0.cancel_all().is_ok() {
                drop(self.0.shutdown_default_executor(Some(Duration::from_secs(300))));
            }
        }
    }
    event_loop.check_idle()?;
    let _end = End(event_loop);
    event_loop.block_on(future)
}

/// The text of a path or an argument, for C.
pub(crate) fn c_string(text: impl Into<Vec<u8>>) -> Result<CString> {
    CString::new(text).map_err(|_| Error::from_code(sys::AW_EINVAL))
}
