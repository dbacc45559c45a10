// SPDX-License-Identifier: MIT
//! Task-local values.

use crate::error::{no_unwind, Error, Result};
use crate::sys;
use std::ffi::c_void;
use std::fmt;
use std::marker::PhantomData;
use std::ptr;
use std::sync::Arc;

/// A task-local value. A task copies the values of the task that spawned it, once; later changes are not
/// visible to the other task. A work function of [`to_thread`](crate::to_thread) does not see them.
/// contextvars.ContextVar.
///
/// ```
/// use libawait::ContextVar;
/// static USER: ContextVar<String> = ContextVar::new();
/// # libawait::block_on(async {
/// USER.set("alice".to_owned())?;
/// let task = libawait::spawn_local(async { USER.get() });
/// USER.set("bob".to_owned())?; // the task has its copy
/// assert_eq!(*task.await?.unwrap(), "alice");
/// # Ok::<_, libawait::Error>(())
/// # }).unwrap().unwrap();
/// ```
pub struct ContextVar<T: Send + Sync + 'static> {
    /// Its address is the key, so it must not be zero-sized.
    _key: u8,
    _value: PhantomData<fn() -> T>,
}

unsafe extern "C" fn destroy<T>(value: *mut c_void) {
    // SAFETY: the Arc that `set` handed over; runs once.
    no_unwind(|| drop(unsafe { Arc::from_raw(value.cast::<T>()) }));
}

impl<T: Send + Sync + 'static> ContextVar<T> {
    /// Creates a variable, for a static.
    pub const fn new() -> Self {
        ContextVar { _key: 0, _value: PhantomData }
    }

    fn key(&'static self) -> *const c_void {
        (self as *const Self).cast()
    }

    /// Binds the variable in the context of the running task or callback, or of the thread if none runs.
    /// ContextVar.set.
    ///
    /// # Errors
    /// Without memory.
    pub fn set(&'static self, value: T) -> Result<()> {
        let value = Arc::into_raw(Arc::new(value)) as *mut c_void;
        // SAFETY: the key is static; on failure the value stays ours.
        let status = unsafe { sys::aw_context_set(self.key(), value, Some(destroy::<T>)) };
        if status < 0 {
            // SAFETY: as above.
            unsafe { destroy::<T>(value) };
        }
        Error::done(status)
    }

    /// Returns the value, if one is bound. ContextVar.get.
    pub fn get(&'static self) -> Option<Arc<T>> {
        let mut value = ptr::null_mut();
        // SAFETY: what is bound to this key is an Arc of T, and alive now.
        unsafe {
            if sys::aw_context_get(self.key(), &mut value) < 0 {
                return None;
            }
            Arc::increment_strong_count(value.cast::<T>());
            Some(Arc::from_raw(value.cast::<T>()))
        }
    }

    /// Unbinds the variable. ContextVar.reset.
    pub fn unset(&'static self) {
        // SAFETY: the key is static. That it was not bound does not matter.
        unsafe { sys::aw_context_unset(self.key()) };
    }
}

impl<T: Send + Sync> Default for ContextVar<T> {
    fn default() -> Self {
        ContextVar::new()
    }
}

impl<T: Send + Sync> fmt::Debug for ContextVar<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ContextVar")
    }
}
