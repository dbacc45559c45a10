// SPDX-License-Identifier: MIT
//! The C interface of libawait: the contents of `<await/await.h>`, and nothing else.
//!
//! Handles are opaque, callbacks are three adjacent parameters `(fn, ud, destroy)`, and a status is 0 or a
//! count, or negative. The headers document for every call what it does, who owns what, and which threads may
//! make it. The crate `libawait` is the safe interface.
#![no_std]
#![allow(non_camel_case_types, non_upper_case_globals, missing_docs)]
extern crate std;

#[allow(clippy::all)]
mod bindings;
pub use bindings::*;

/// The number of the ABI of these declarations; compare it with [`aw_abi_version`].
pub const ABI_VERSION: i32 = 0;
