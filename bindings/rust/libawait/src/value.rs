// SPDX-License-Identifier: MIT
//! Values that C returns.

use crate::reference::Ref;
use crate::sys;
use std::ffi::c_void;

/// How an item of a queue, which C holds as a pointer, is kept alive.
pub(crate) struct ItemTable {
    pub(crate) retain: unsafe fn(*mut c_void),
    pub(crate) release: unsafe fn(*mut c_void),
}

/// An item that C has returned.
pub(crate) struct Item {
    pub(crate) raw: *mut c_void,
    table: &'static ItemTable,
}

impl Drop for Item {
    fn drop(&mut self) {
        // SAFETY: this owns the reference.
        unsafe { (self.table.release)(self.raw) }
    }
}

/// The kind of a leaf's value.
#[derive(Clone, Copy)]
pub(crate) enum Wanted {
    Nothing,
    /// An integer, or a program's pointer that lives as long as the future.
    Bits,
    Results,
    Future,
    Item(&'static ItemTable),
}

/// A value that does not need its C object any more.
pub(crate) enum Value {
    Nothing,
    Bits(*mut c_void),
    Results(Ref<sys::aw_results>),
    Future(Ref<sys::aw_future>),
    Item(Item),
}

impl Value {
    /// # Safety
    /// `raw` is the C value of that kind, and alive now.
    pub(crate) unsafe fn of(wanted: Wanted, raw: *mut c_void) -> Value {
        // SAFETY: the caller's.
        unsafe {
            match wanted {
                Wanted::Results if !raw.is_null() => Value::Results(Ref::borrowed(raw.cast())),
                Wanted::Future if !raw.is_null() => Value::Future(Ref::borrowed(raw.cast())),
                Wanted::Item(table) if !raw.is_null() => {
                    (table.retain)(raw);
                    Value::Item(Item { raw, table })
                }
                Wanted::Bits => Value::Bits(raw),
                _ => Value::Nothing,
            }
        }
    }

    pub(crate) fn bits(self) -> isize {
        match self {
            Value::Bits(bits) => bits as isize,
            _ => 0,
        }
    }
}
