// SPDX-License-Identifier: MIT
//! A leaf with a conversion of its outcome: the form of nearly every future here.

use crate::error::{Error, Result};
use crate::leaf::{Kind, Leaf};
use crate::reference::Ref;
use crate::sys;
use crate::value::{Value, Wanted};
use std::pin::Pin;
use std::task::{Context, Poll};

/// A leaf, and the conversion of its outcome: the form of nearly every future here.
pub(crate) struct Op<F: Finish> {
    leaf: Leaf,
    finish: F,
}

/// Converts an outcome.
pub(crate) trait Finish {
    type Output;
    fn finish(&mut self, end: Result<Value>) -> Self::Output;
    /// The outcome arrived but was not taken: a lock that was acquired is released, an item is returned.
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
    /// False for a coroutine that has not started.
    pub(crate) fn has_begun(&self) -> bool {
        !matches!(*self.leaf.kind.borrow(), Kind::Coro(_))
    }

    pub(crate) fn finish_ref(&self) -> &F {
        &self.finish
    }

    /// Runs `run` with the future that it waits for, unless it has ended.
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

/// Defines a future as a struct around an Op.
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

/// Debug output of futures shows only their names.
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

/// For futures whose outcome is only success or failure.
pub(crate) struct Done;

impl Finish for Done {
    type Output = Result<()>;
    fn finish(&mut self, end: Result<Value>) -> Result<()> {
        end.map(drop)
    }
}

/// Returns the loop that runs in this thread, or whose future its host is polling.
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

/// Creates a leaf on the coroutine that a `_coro` call returns.
pub(crate) fn coro_leaf(
    wanted: Wanted,
    make: impl FnOnce(*mut sys::aw_loop, *mut *mut sys::aw_coro) -> i32,
) -> Result<Leaf> {
    let event_loop = current_loop()?;
    let coro = Ref::made_by(|out| make(event_loop, out))?;
    Ok(Leaf::coro(event_loop, coro, wanted))
}
