// SPDX-License-Identifier: MIT
//! One value, from a sender to a receiver: a C future without a task.

use crate::error::{Error, Result};
use crate::leaf::Leaf;
use crate::op::{current_loop, future_of_op, Finish, Op};
use crate::reference::Ref;
use crate::sys;
use crate::value::{Value, Wanted};
use std::cell::Cell;
use std::fmt;
use std::ptr;
use std::rc::Rc;

/// Creates a future of the running loop, and the sender that completes it. asyncio: loop.create_future.
///
/// ```
/// # libawait::block_on(async {
/// let (sender, receiver) = libawait::oneshot()?;
/// libawait::spawn_local(async move { sender.send(7) });
/// assert_eq!(receiver.await, Ok(7));
/// # Ok::<_, libawait::Error>(())
/// # }).unwrap().unwrap();
/// ```
///
/// # Errors
/// [`ErrorKind::NoLoop`](crate::ErrorKind::NoLoop), or if memory runs out.
pub fn oneshot<T>() -> Result<(Sender<T>, Receiver<T>)> {
    let event_loop = current_loop()?;
    // SAFETY: the loop is alive, the future a new reference.
    let future = Ref::made_by(|out| unsafe { sys::aw_future_new(event_loop, out) })?;
    let value = Rc::new(Cell::new(None));
    let receiver =
        Receiver(Op::new(Ok(Leaf::future(future.clone(), Wanted::Nothing, true)), Received(value.clone())));
    Ok((Sender { future, value }, receiver))
}

/// Completes the future of a [`Receiver`]. Dropping it without a value cancels the future. asyncio:
/// Future.set_result.
pub struct Sender<T> {
    future: Ref<sys::aw_future>,
    value: Rc<Cell<Option<T>>>,
}

impl<T> Sender<T> {
    /// Sends the value, or returns it if the receiver does not wait any more.
    ///
    /// # Errors
    /// The value.
    pub fn send(self, value: T) -> Result<(), T> {
        self.value.set(Some(value));
        // SAFETY: alive.
        match unsafe { sys::aw_future_set_result(self.future.raw(), ptr::null_mut(), None) } {
            status if status < 0 => self.value.take().map_or(Ok(()), Err),
            _ => Ok(()),
        }
    }

    /// Fails the future. Returns false if the receiver does not wait any more. asyncio: Future.set_exception.
    pub fn fail(self, error: impl Into<Error>) -> bool {
        // SAFETY: alive; the future takes its own reference.
        unsafe {
            let raw = error.into().to_raw(sys::aw_future_loop(self.future.raw()));
            let status = sys::aw_future_set_error(self.future.raw(), raw);
            sys::aw_error_unref(raw);
            status >= 0
        }
    }

    /// Returns whether the receiver has stopped waiting.
    pub fn is_closed(&self) -> bool {
        // SAFETY: alive.
        unsafe { sys::aw_future_done(self.future.raw()) != 0 }
    }
}

impl<T> Drop for Sender<T> {
    fn drop(&mut self) {
        // SAFETY: alive. One that is done stays so.
        unsafe { sys::aw_future_cancel(self.future.raw(), ptr::null()) };
    }
}

impl<T> fmt::Debug for Sender<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sender").field("closed", &self.is_closed()).finish()
    }
}

struct Received<T>(Rc<Cell<Option<T>>>);
impl<T> Finish for Received<T> {
    type Output = Result<T>;
    fn finish(&mut self, end: Result<Value>) -> Result<T> {
        end?;
        self.0.take().ok_or(Error::from_code(sys::AW_EINVALIDSTATE))
    }
}

/// The future of [`oneshot`]. Dropping it cancels it. asyncio: Future.
#[must_use = "futures do nothing unless they are awaited"]
pub struct Receiver<T>(Op<Received<T>>);
future_of_op!(Receiver<T> => Result<T>);
