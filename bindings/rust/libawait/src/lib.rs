// SPDX-License-Identifier: MIT
//! asyncio's programming model for Rust, over libawait: tasks, groups, limits, cancellation, queues, subprocesses and threads, on an event loop
//! whose backend (epoll, io_uring, libuv, libev, or virtual time) is chosen when the program starts.
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
//! Any `async fn` runs here, and the combinators of the `futures` crate work. A task ([`spawn_local`], [`create_task`]) is a task of C's:
//! `await-ps` shows it, C code can await it, and it is cancelled as asyncio cancels. What is libawait's can be awaited anywhere on the loop's
//! thread, under any waker.
//!
//! # Cancellation
//!
//! There are two ways, as there are two worlds. *Dropping* a future of libawait's cancels what it stands for; only a [`JoinHandle`], whose
//! drop detaches. And a task can be *asked* to cancel itself ([`JoinHandle::request_cancel`]): then [`Error::CANCELLED`] comes out of what
//! it awaits of libawait's, so that the body can clean up, await more, or refuse. A body that awaits nothing of libawait's at that
//! moment is dropped. [`JoinHandle::cancel`] asks and waits for the end; [`JoinHandle::abort`] can't be refused.
//!
//! # Threads
//!
//! A [`Loop`] and all that belongs to it stay on one thread; the compiler sees to that. [`Remote`] is for the others. Wakers may be woken
//! and dropped anywhere, as everywhere in Rust.
//!
//! # Panics
//!
//! A panic never crosses C's frames. In a task it becomes the task's error ([`Error::is_panic`]); in the future of [`block_on`] it goes on
//! there; in a callback it is reported to the loop's exception handler; in a destructor that C runs there is nobody to tell.

#![warn(missing_docs, missing_debug_implementations, unreachable_pub, rust_2018_idioms)]
#![deny(unsafe_op_in_unsafe_fn)]
#![cfg_attr(docsrs, feature(doc_cfg))]
// clippy of 1.63 takes the constant inside std's thread_local! for one of ours.
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

pub use combine::{as_completed, gather, gather_results, shield, wait, AsCompleted, Gather, GatherResults, ReturnWhen, Shield, Waited};
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
pub use sync::{Acquirable, Acquire, Barrier, BarrierWait, Condition, Event, EventWait, Guard, Lock, Semaphore};
pub use task::{create_task, create_task_eager, spawn_local, yield_now, Task, YieldNow};
pub use thread::{to_thread, Executor, ToThread};
pub use time::{now, sleep, timeout, wait_for, Sleep, Timeout, TimeoutScope, WaitFor};
