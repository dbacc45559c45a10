// SPDX-License-Identifier: MIT
//! What needs no foreign function: the state of a wake-up, the slots of operations in flight, and a reference-counted waker. Its tests
//! also run under Miri.

pub(crate) mod slots;
pub(crate) mod wake;
