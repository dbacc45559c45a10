// SPDX-License-Identifier: MIT
//! Running with tokio, in both directions.
//!
//! * [`host`]: a tokio runtime is in control, and the loop is its guest. The loop's descriptor is registered
//!   with tokio's reactor, so nothing polls and no thread is added.
//! * [`block_on`]: the loop is in control, and its tasks can await tokio's futures (timers, sockets, channels);
//!   the threads of a multi-thread runtime drive them.
//!
//! tokio's channels do not need a runtime, and work anywhere.

use crate::error::{Error, Result};
use crate::event_loop::Loop;
use crate::sys;
use std::future::Future;
use std::os::unix::io::{AsRawFd, RawFd};
use std::pin::Pin;
use std::task::{Context, Poll};
use tokio::io::unix::AsyncFd;
use tokio::io::Interest;
use tokio::runtime::Handle;

/// Drives the loop from a tokio task until `main` is done, and returns its output. tokio polls `main`: in it,
/// and in other tasks of the runtime, tokio's futures work as usual. What it spawns with
/// [`spawn_local`](crate::spawn_local) are tasks of the loop, and libawait's futures can be awaited in both.
/// The loop belongs to one thread, so this future is not `Send`: use it with `Runtime::block_on` or a
/// `LocalSet`.
///
/// ```
/// # use std::time::Duration;
/// let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
/// let event_loop = libawait::Loop::new().unwrap();
/// let main = async {
///     let task = libawait::create_task(libawait::sleep(Duration::from_millis(1)));
///     tokio::time::sleep(Duration::from_millis(1)).await;
///     task.await
/// };
/// runtime.block_on(libawait::tokio::host(&event_loop, main)).unwrap().unwrap();
/// ```
///
/// Remaining tasks of the loop stay for the next call, or end when the loop is dropped.
///
/// # Errors
/// `EBUSY` if the loop is already a guest, `ENOTSUP` under virtual time and on backends without a descriptor,
/// and system errors.
pub async fn host<F: Future>(event_loop: &Loop, main: F) -> Result<F::Output> {
    let guest = Guest::begin(event_loop)?;
    // Its replacement in newer versions is missing in the oldest. The loop owns the descriptor, which is open
    // until `guest` is dropped.
    #[allow(deprecated)]
    let fd = AsyncFd::with_interest(Descriptor(guest.fd), Interest::READABLE).map_err(Error::from)?;
    let mut main = Box::pin(main);
    let mut drive = Box::pin(guest.drive(&fd));
    // Entered only for each poll: other tokio tasks run in between.
    Both(|cx: &mut Context<'_>| {
        if let Poll::Ready(output) = event_loop.enter(|| main.as_mut().poll(cx)) {
            return Poll::Ready(Ok(output));
        }
        match drive.as_mut().poll(cx) {
            Poll::Ready(Err(error)) => Poll::Ready(Err(error)),
            _ => Poll::Pending,
        }
    })
    .await
}

/// `std::future::poll_fn`, which the oldest supported compiler does not have.
struct Both<P>(P);

impl<T, P: FnMut(&mut Context<'_>) -> Poll<T> + Unpin> Future for Both<P> {
    type Output = T;
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<T> {
        (self.0)(cx)
    }
}

struct Descriptor(RawFd);

impl AsRawFd for Descriptor {
    fn as_raw_fd(&self) -> RawFd {
        self.0
    }
}

/// The loop as a guest, until it is dropped.
struct Guest<'a> {
    event_loop: &'a Loop,
    fd: RawFd,
}

impl<'a> Guest<'a> {
    fn begin(event_loop: &'a Loop) -> Result<Self> {
        let mut fd = -1;
        // SAFETY: alive.
        Error::check(unsafe { sys::aw_loop_guest_begin(event_loop.as_raw(), &mut fd) })?;
        Ok(Guest { event_loop, fd })
    }

    /// Ends only with an error.
    async fn drive(&self, fd: &AsyncFd<Descriptor>) -> Result<()> {
        loop {
            // The other tasks of the runtime run after each iteration.
            while self.event_loop.turn(0)? {
                tokio::task::yield_now().await;
            }
            let mut ready = fd.readable().await.map_err(Error::from)?;
            ready.clear_ready();
        }
    }
}

impl Drop for Guest<'_> {
    fn drop(&mut self) {
        // SAFETY: alive.
        unsafe { sys::aw_loop_guest_end(self.event_loop.as_raw()) };
    }
}

/// Like [`crate::block_on`], inside a tokio runtime: tasks of the loop can await tokio's futures. The runtime
/// needs a separate thread to drive them, which a current-thread runtime does not have: use
/// `Builder::new_multi_thread().worker_threads(1)`.
///
/// ```
/// # use std::time::Duration;
/// let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
/// libawait::tokio::block_on(runtime.handle(), async {
///     tokio::time::sleep(Duration::from_millis(1)).await;
///     libawait::sleep(Duration::from_millis(1)).await
/// })
/// .unwrap()
/// .unwrap();
/// ```
///
/// # Errors
/// Those of [`crate::block_on`].
pub fn block_on<F: Future>(runtime: &Handle, future: F) -> Result<F::Output> {
    let _entered = runtime.enter();
    crate::block_on(future)
}
