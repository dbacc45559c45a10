// SPDX-License-Identifier: MIT
//! The parts that need no foreign function: the state of a wake-up, the slots of operations in flight, and a
//! reference-counted waker. Their tests also run under Miri.

pub(crate) mod slots;
pub(crate) mod wake;
