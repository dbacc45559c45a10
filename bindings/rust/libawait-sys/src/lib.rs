// SPDX-License-Identifier: MIT
//! The C interface of libawait: what stands in `<await/await.h>`, and nothing else.
//!
//! Handles are opaque, callbacks are three neighbouring parameters `(fn, ud, destroy)`, and a status is 0 or a count, or negative. The
//! headers say of every call what it does, who owns what, and which thread may make it. The crate `libawait` is the safe interface.
#![no_std]
#![allow(non_camel_case_types, non_upper_case_globals, missing_docs)]
extern crate std;

#[allow(clippy::all)]
mod bindings;
pub use bindings::*;

/// The generation of the ABI that these declarations are of; compare it with [`aw_abi_version`].
pub const ABI_VERSION: i32 = 0;
