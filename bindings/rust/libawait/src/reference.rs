// SPDX-License-Identifier: MIT
//! Counted references to C objects.

use crate::error::{Error, Result};
use crate::sys;
use std::ptr;

/// A reference-counted C object.
pub(crate) trait Counted: Sized {
    /// # Safety
    /// `raw` is alive.
    unsafe fn retain(raw: *mut Self);
    /// # Safety
    /// Drops one of the caller's references.
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

/// One reference, which is dropped with it.
pub(crate) struct Ref<T: Counted>(ptr::NonNull<T>);

impl<T: Counted> Ref<T> {
    /// Takes over a reference.
    ///
    /// # Safety
    /// `raw` is alive, and the caller owns the reference.
    pub(crate) unsafe fn owned(raw: *mut T) -> Self {
        debug_assert!(!raw.is_null());
        // SAFETY: alive, so not NULL.
        Ref(unsafe { ptr::NonNull::new_unchecked(raw) })
    }

    /// Takes another reference.
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

    /// Takes what a call writes to its last parameter as a new reference.
    pub(crate) fn made_by(make: impl FnOnce(*mut *mut T) -> i32) -> Result<Self> {
        let mut raw = ptr::null_mut();
        Error::check(make(&mut raw))?;
        // SAFETY: the call succeeded, and returned a new reference.
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
        // SAFETY: this owns the reference.
        unsafe { T::release(self.raw()) }
    }
}

/// The value of an aw_results: `get` returns outcomes as `aw_results_get` does.
impl Ref<sys::aw_results> {
    pub(crate) fn outcome(&self, index: usize) -> Result<()> {
        // SAFETY: alive; an index beyond the end returns an error.
        unsafe {
            match sys::aw_results_get(self.raw(), index, ptr::null_mut()) {
                status if status < 0 => {
                    Err(Error::from_raw(status, sys::aw_results_error(self.raw(), index)))
                }
                _ => Ok(()),
            }
        }
    }
}
