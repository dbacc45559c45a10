// SPDX-License-Identifier: MIT
//! C futures, awaited from Rust.

use crate::error::Result;
use crate::leaf::Leaf;
use crate::op::{future_of_op, Finish, Op};
use crate::reference::Ref;
use crate::sys;
use crate::value::{Value, Wanted};
use std::ffi::c_void;

/// A C future, awaited from Rust. Dropping it cancels it. Use it for C libraries that return libawait
/// futures.
#[must_use = "futures do nothing unless they are awaited"]
pub struct AwFuture(Op<AwValueOf>);

/// The value of a C future. The future keeps it, and it lives as long as this does.
#[derive(Debug)]
pub struct AwValue {
    future: Ref<sys::aw_future>,
    value: *mut c_void,
}

impl AwValue {
    /// Returns the value as a pointer.
    pub fn as_ptr(&self) -> *mut c_void {
        self.value
    }

    /// Returns the value as an integer, for return codes and readiness.
    pub fn as_int(&self) -> isize {
        self.value as isize
    }

    /// Returns the future it belongs to, borrowed.
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
    /// `future` is alive, the caller owns the reference, and this thread drives its loop.
    pub unsafe fn from_raw(future: *mut sys::aw_future) -> Self {
        // SAFETY: the caller's.
        let future = unsafe { Ref::owned(future) };
        AwFuture(Op::new(Ok(Leaf::future(future.clone(), Wanted::Bits, true)), AwValueOf(future)))
    }
}

future_of_op!(AwFuture => Result<AwValue>);
