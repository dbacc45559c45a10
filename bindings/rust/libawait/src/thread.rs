// SPDX-License-Identifier: MIT
//! Blocking functions, on threads beside the loop.
//!
//! They run on libawait's own thread pool. Rust does not need to know of it: any thread is a thread to Rust.

use crate::error::{lock, no_unwind, Error, Result};
use crate::event_loop::limit;
use crate::leaf::Leaf;
use crate::op::{current_loop, future_of_op, Finish, Op};
use crate::reference::Ref;
use crate::sys;
use crate::value::{Value, Wanted};
use std::ffi::c_void;
use std::fmt;
use std::panic::{catch_unwind, AssertUnwindSafe};
use std::ptr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// Runs `work` on a thread of the loop's default executor, and returns its value. The work is queued when
/// this returns. Dropping the future, or cancelling the task that awaits it, drops work that has not started;
/// running work continues, and its value is dropped. asyncio.to_thread, loop.run_in_executor.
///
/// ```compile_fail,E0277
/// let rc = std::rc::Rc::new(1);
/// let _ = libawait::to_thread(move || *rc); // what goes to another thread is Send
/// ```
pub fn to_thread<T, W>(work: W) -> ToThread<T>
where
    W: FnOnce() -> T + Send + 'static,
    T: Send + 'static,
{
    run_in(ptr::null_mut(), work)
}

/// The job that is sent to the thread, and returned.
struct Job<W, T> {
    work: Mutex<Option<W>>,
    end: Arc<Mutex<Option<std::thread::Result<T>>>>,
}

unsafe extern "C" fn work<W: FnOnce() -> T, T>(
    ud: *mut c_void,
    _: *mut *mut c_void,
    _: *mut sys::aw_destroy_fn,
) -> i32 {
    // SAFETY: the job that `run_in` handed over, destroyed after this.
    let job = unsafe { &*ud.cast::<Job<W, T>>() };
    if let Some(work) = lock(&job.work).take() {
        let end = catch_unwind(AssertUnwindSafe(work));
        *lock(&job.end) = Some(end);
    }
    0
}

unsafe extern "C" fn destroy<W, T>(ud: *mut c_void) {
    // SAFETY: as above; runs once.
    no_unwind(|| drop(unsafe { Box::from_raw(ud.cast::<Job<W, T>>()) }));
}

fn run_in<T, W>(executor: *mut sys::aw_executor, run: W) -> ToThread<T>
where
    W: FnOnce() -> T + Send + 'static,
    T: Send + 'static,
{
    let end = Arc::new(Mutex::new(None));
    let job = Box::new(Job { work: Mutex::new(Some(run)), end: end.clone() });
    let leaf = current_loop().and_then(|event_loop| {
        let ud = Box::into_raw(job).cast();
        let make = |out| {
            // SAFETY: alive; the destroy takes the box back, also if this fails.
            unsafe {
                sys::aw_loop_run_in_executor(
                    event_loop,
                    executor,
                    Some(work::<W, T>),
                    ud,
                    Some(destroy::<W, T>),
                    out,
                )
            }
        };
        Ok(Leaf::future(Ref::made_by(make)?, Wanted::Nothing, true))
    });
    ToThread(Op::new(leaf, Finished(end)))
}

struct Finished<T>(Arc<Mutex<Option<std::thread::Result<T>>>>);
impl<T> Finish for Finished<T> {
    type Output = Result<T>;
    fn finish(&mut self, end: Result<Value>) -> Result<T> {
        end?;
        match lock(&self.0).take() {
            Some(Ok(value)) => Ok(value),
            Some(Err(payload)) => Err(Error::panic(payload)),
            None => Err(Error::CANCELLED),
        }
    }
}

/// The future of [`to_thread`] and [`Executor::run`]. A panic of the work is returned as an error.
#[must_use = "futures do nothing unless they are awaited"]
pub struct ToThread<T>(Op<Finished<T>>);
future_of_op!(ToThread<T> => Result<T>);

/// A pool of threads. Clones are the same pool; queued work still runs after the last one is dropped.
/// asyncio: ThreadPoolExecutor.
#[derive(Clone)]
pub struct Executor(Ref<sys::aw_executor>);

// SAFETY: a counted reference, and any thread may make all of its calls.
unsafe impl Send for Executor {}
unsafe impl Sync for Executor {}

impl Executor {
    /// Creates a pool of up to that many threads, which are started as needed; 0 means a number that suits
    /// the machine.
    ///
    /// # Errors
    /// If memory runs out.
    pub fn new(max_threads: usize) -> Result<Executor> {
        let max = i32::try_from(max_threads).unwrap_or(i32::MAX);
        // SAFETY: no precondition; a new reference.
        Ref::made_by(|out| unsafe { sys::aw_executor_new(max, out) }).map(Executor)
    }

    /// Like [`to_thread`], on this pool. asyncio: loop.run_in_executor.
    pub fn run<T, W>(&self, work: W) -> ToThread<T>
    where
        W: FnOnce() -> T + Send + 'static,
        T: Send + 'static,
    {
        run_in(self.0.raw(), work)
    }

    /// Makes it the default executor of `event_loop`. asyncio: loop.set_default_executor.
    ///
    /// # Errors
    /// [`ErrorKind::LoopClosed`](crate::ErrorKind::LoopClosed).
    pub fn make_default(&self, event_loop: &crate::Loop) -> Result<()> {
        // SAFETY: both are alive.
        Error::done(unsafe { sys::aw_loop_set_default_executor(event_loop.as_raw(), self.0.raw()) })
    }

    /// Refuses new work; with `cancel_pending`, cancels what is queued. Does not wait. asyncio:
    /// Executor.shutdown(wait=False).
    pub fn shutdown(&self, cancel_pending: bool) {
        // SAFETY: alive.
        unsafe { sys::aw_executor_shutdown(self.0.raw(), i32::from(cancel_pending)) };
    }

    /// Like [`shutdown`](Executor::shutdown), then blocks until every thread has ended. asyncio:
    /// Executor.shutdown(wait=True).
    ///
    /// # Errors
    /// [`Error::PENDING`] once `timeout` has passed, `EDEADLK` on a thread of this pool.
    pub fn shutdown_wait(&self, timeout: Option<Duration>) -> Result<()> {
        // SAFETY: alive.
        Error::done(unsafe { sys::aw_executor_shutdown_wait(self.0.raw(), limit(timeout)) })
    }

    /// Returns how many jobs are queued and have not started.
    pub fn pending(&self) -> usize {
        // SAFETY: alive.
        unsafe { sys::aw_executor_pending(self.0.raw()) }
    }

    /// Returns the current number of threads.
    pub fn threads(&self) -> usize {
        // SAFETY: alive.
        usize::try_from(unsafe { sys::aw_executor_threads(self.0.raw()) }).unwrap_or(0)
    }

    /// Returns the maximum number of threads.
    pub fn max_threads(&self) -> usize {
        // SAFETY: alive.
        usize::try_from(unsafe { sys::aw_executor_max_threads(self.0.raw()) }).unwrap_or(0)
    }
}

impl fmt::Debug for Executor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Executor")
            .field("threads", &self.threads())
            .field("pending", &self.pending())
            .finish()
    }
}
