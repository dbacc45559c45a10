// SPDX-License-Identifier: MIT
//! asyncio's programming model for Rust, on top of libawait: tasks, groups, timeouts, cancellation, queues,
//! subprocesses and threads, on an event loop whose backend (epoll, io_uring, libuv, libev, or virtual time)
//! is chosen at run time.
//!
//! ```
//! use libawait::{create_task, gather, sleep, Error};
//! use std::time::Duration;
//!
//! async fn double(n: u32) -> Result<u32, Error> {
//!     sleep(Duration::from_millis(5)).await?;
//!     Ok(2 * n)
//! }
//!
//! # fn main() -> Result<(), Error> {
//! let values = libawait::run(async {
//!     let tasks = (1..=3).map(|n| create_task(double(n)));
//!     gather(tasks).await
//! })?;
//! assert_eq!(values, [2, 4, 6]);
//! # Ok(())
//! # }
//! ```
//!
//! # The model
//!
//! Any `async fn` runs here, and the combinators of the `futures` crate work. A task ([`spawn_local`],
//! [`create_task`]) is a C task: `await-ps` shows it, C code can await it, and it is cancelled as in asyncio.
//! libawait's futures can be awaited anywhere on the loop's thread, under any waker.
//!
//! # Cancellation
//!
//! There are two kinds of cancellation. *Dropping* a libawait future cancels its operation, except that
//! dropping a [`JoinHandle`] detaches the task. A task can also be *asked* to cancel itself
//! ([`JoinHandle::request_cancel`]): then the libawait future that it awaits returns [`Error::CANCELLED`], so
//! that the body can clean up, await more, or refuse. If the body does not await a libawait future at that
//! moment, it is dropped. [`JoinHandle::cancel`] requests the cancellation and waits for the end;
//! [`JoinHandle::abort`] can't be refused.
//!
//! # Threads
//!
//! A [`Loop`] and everything that belongs to it stay on one thread, as the compiler enforces. Other threads
//! use [`Remote`]. Any thread may wake and drop wakers, as everywhere in Rust.
//!
//! # Panics
//!
//! A panic never crosses C frames. In a task it becomes the task's error ([`Error::is_panic`]). In the future
//! of [`block_on`] it resumes in the caller. In a callback it is reported to the loop's exception handler. In
//! a destructor called by C it can't be reported.

#![warn(missing_docs, missing_debug_implementations, unreachable_pub, rust_2018_idioms)]
#![deny(unsafe_op_in_unsafe_fn)]
#![cfg_attr(docsrs, feature(doc_cfg))]
// clippy 1.63 mistakes the constant inside std's thread_local! for one of this crate.
#![allow(clippy::declare_interior_mutable_const)]

#[cfg(not(target_os = "linux"))]
compile_error!("libawait is for Linux");

pub use libawait_sys as sys;

mod body;
mod combine;
mod context;
mod error;
mod event_loop;
pub mod fd;
mod future;
mod group;
mod join;
mod leaf;
mod leaves;
mod oneshot;
mod op;
mod process;
mod pure;
mod queue;
mod reference;
mod registry;
mod remote;
mod sync;
mod task;
mod thread;
mod time;
#[cfg(feature = "tokio")]
#[cfg_attr(docsrs, doc(cfg(feature = "tokio")))]
pub mod tokio;
mod value;

pub use combine::{
    as_completed, gather, gather_results, shield, wait, AsCompleted, Gather, GatherResults, ReturnWhen,
    Shield, Waited,
};
pub use context::ContextVar;
pub use error::{Error, ErrorKind, JoinError, Result};
pub use event_loop::{block_on, run, run_on, Builder, Handle, Loop, Report};
pub use future::{AwFuture, AwValue};
pub use group::TaskGroup;
pub use join::JoinHandle;
pub use oneshot::{oneshot, Receiver, Sender};
pub use process::{Child, Command, Communicate, ExitStatus, Output, Stdio, Wait};
pub use queue::{Get, Join, Put, Queue};
pub use registry::{backends, explain_backend, live_handles, version, Backend};
pub use remote::{Remote, RemoteHandle};
pub use sync::{
    Acquirable, Acquire, Barrier, BarrierWait, Condition, Event, EventWait, Guard, Lock, Semaphore,
};
pub use task::{create_task, create_task_eager, spawn_local, yield_now, Task, YieldNow};
pub use thread::{to_thread, Executor, ToThread};
pub use time::{now, sleep, timeout, wait_for, Sleep, Timeout, TimeoutScope, WaitFor};
