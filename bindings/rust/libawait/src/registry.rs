// SPDX-License-Identifier: MIT
//! The available backends.

use crate::error::{text, Error, Result};
use crate::reference::Ref;
use crate::sys;
use crate::task::c_text;

/// A backend that was found.
#[derive(Debug, Clone)]
pub struct Backend {
    /// The name for [`Builder::backend`](crate::Builder::backend).
    pub name: String,
    /// One line about it.
    pub description: String,
    /// "A": no abort, leak or hang under any single fault; "B": the same, except for what the underlying
    /// library does.
    pub class: String,
    /// The plug-in's file, or "built in".
    pub origin: String,
    /// Why it can't be used here, if so.
    pub unusable: Option<(Error, String)>,
}

/// Returns the built-in backends and those in the folders of plug-ins.
///
/// # Errors
/// If memory runs out.
pub fn backends() -> Result<Vec<Backend>> {
    // SAFETY: no precondition; a new reference.
    let list = Ref::made_by(|out| unsafe { sys::aw_backend_list_new(out) })?;
    let list = list.raw();
    // SAFETY: alive; the texts live as long, and are copied.
    unsafe {
        let each = |index| Backend {
            name: text(sys::aw_backend_list_name(list, index)),
            description: text(sys::aw_backend_list_description(list, index)),
            class: text(sys::aw_backend_list_class(list, index)),
            origin: text(sys::aw_backend_list_origin(list, index)),
            unusable: Error::done(sys::aw_backend_list_status(list, index))
                .err()
                .map(|error| (error, text(sys::aw_backend_list_reason(list, index)))),
        };
        Ok((0..sys::aw_backend_list_count(list)).map(each).collect())
    }
}

/// Describes what [`Builder::backend`](crate::Builder::backend) would do: whether it succeeds, and which
/// backend it would use, or why none can be used.
pub fn explain_backend(backend: Option<&str>) -> (Result<()>, String) {
    let name = backend.map(c_text);
    let mut buffer = [0u8; 1024];
    // SAFETY: the name lives until the call returns, which writes no more than there is room for, terminated.
    unsafe {
        let name = name.as_ref().map_or(std::ptr::null(), |name| name.as_ptr());
        let status = sys::aw_backend_explain(name, buffer.as_mut_ptr().cast(), buffer.len());
        (Error::done(status), text(buffer.as_ptr().cast()))
    }
}

/// Returns the version of the C library at run time: "0.1.0".
pub fn version() -> String {
    // SAFETY: static text.
    unsafe { text(sys::aw_version()) }
}

/// Returns how many libawait handles are alive in this process, for tests that check for leaks.
pub fn live_handles() -> usize {
    // SAFETY: no precondition.
    usize::try_from(unsafe { sys::aw_debug_live_handles() }).unwrap_or(0)
}
