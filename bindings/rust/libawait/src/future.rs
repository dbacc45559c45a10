// SPDX-License-Identifier: MIT
//! Futures of C's, awaited from Rust.

use crate::error::Result;
use crate::leaf::Leaf;
use crate::op::{future_of_op, Finish, Op};
use crate::reference::Ref;
use crate::sys;
use crate::value::{Value, Wanted};
use std::ffi::c_void;

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
