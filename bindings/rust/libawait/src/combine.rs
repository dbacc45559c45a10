// SPDX-License-Identifier: MIT
//! Awaiting several tasks together. Any Rust combinator works on handles as well; these are asyncio's, with
//! its rules.

use crate::error::{Error, Result};
use crate::event_loop::limit;
use crate::join::JoinHandle;
use crate::leaf::Leaf;
use crate::op::{coro_leaf, current_loop, future_of_op, Finish, Op};
use crate::reference::Ref;
use crate::sys;
use crate::value::{Value, Wanted};
use std::time::Duration;

fn raw_futures<T>(handles: &[JoinHandle<T>]) -> Vec<*mut sys::aw_future> {
    handles.iter().map(JoinHandle::raw_future).collect()
}

/// A handle whose task has ended when the operation has ended.
pub(crate) struct Joined<T>(pub(crate) JoinHandle<T>);

impl<T> Finish for Joined<T> {
    type Output = Result<T>;
    fn finish(&mut self, end: Result<Value>) -> Result<T> {
        end.and_then(|_| self.0.take_output())
    }
}

fn gather_leaf<T>(handles: &[JoinHandle<T>], flags: sys::aw_gather_flag) -> Result<Leaf> {
    let event_loop = current_loop()?;
    let futures = raw_futures(handles);
    // SAFETY: all alive; C takes its own references.
    let future = Ref::made_by(|out| unsafe {
        sys::aw_gather(event_loop, futures.as_ptr(), futures.len(), flags, out)
    })?;
    Ok(Leaf::future(future, Wanted::Results, true))
}

/// Awaits all, and returns their values in order. The first failure ends it at once, and the others continue.
/// Cancelling the awaiting task, or dropping this before its end, cancels them all. asyncio.gather.
///
/// ```
/// # libawait::block_on(async {
/// let tasks = (1..4).map(|n| libawait::spawn_local(async move { n * n }));
/// assert_eq!(libawait::gather(tasks).await, Ok(vec![1, 4, 9]));
/// # }).unwrap();
/// ```
pub fn gather<T>(handles: impl IntoIterator<Item = JoinHandle<T>>) -> Gather<T> {
    let handles: Vec<_> = handles.into_iter().collect();
    Gather(Op::new(gather_leaf(&handles, sys::AW_GATHER_DEFAULT), Gathered(handles)))
}

/// The future of [`gather`].
#[must_use = "futures do nothing unless they are awaited"]
pub struct Gather<T>(Op<Gathered<T>>);
future_of_op!(Gather<T> => Result<Vec<T>>);

struct Gathered<T>(Vec<JoinHandle<T>>);
impl<T> Finish for Gathered<T> {
    type Output = Result<Vec<T>>;
    fn finish(&mut self, end: Result<Value>) -> Self::Output {
        end?;
        self.0.drain(..).map(|handle| handle.take_output()).collect()
    }
}

/// Like [`gather`], but failures are results too. asyncio.gather(return_exceptions=True).
pub fn gather_results<T>(handles: impl IntoIterator<Item = JoinHandle<T>>) -> GatherResults<T> {
    let handles: Vec<_> = handles.into_iter().collect();
    GatherResults(Op::new(gather_leaf(&handles, sys::AW_GATHER_RETURN_ERRORS), Settled(handles)))
}

/// The future of [`gather_results`].
#[must_use = "futures do nothing unless they are awaited"]
pub struct GatherResults<T>(Op<Settled<T>>);
future_of_op!(GatherResults<T> => Result<Vec<Result<T>>>);

struct Settled<T>(Vec<JoinHandle<T>>);
impl<T> Finish for Settled<T> {
    type Output = Result<Vec<Result<T>>>;
    fn finish(&mut self, end: Result<Value>) -> Self::Output {
        let results = match end? {
            Value::Results(results) => results,
            _ => return Err(Error::from_code(sys::AW_EINVALIDSTATE)),
        };
        let take = |(index, handle): (usize, JoinHandle<T>)| {
            results.outcome(index).and_then(|()| handle.take_output())
        };
        Ok(self.0.drain(..).enumerate().map(take).collect())
    }
}

/// Awaits a task without passing a cancellation of the awaiting task on to it; the caller keeps the handle.
/// asyncio.shield.
pub fn shield<T>(handle: &mut JoinHandle<T>) -> Shield<'_, T> {
    // SAFETY: alive by the handle.
    let future = Ref::made_by(|out| unsafe { sys::aw_shield(handle.raw_future(), out) });
    // `cancels` is false for a task that is done: then it is the task itself.
    let leaf = future.map(|future| {
        let itself = future.raw() == handle.raw_future();
        Leaf::future(future, Wanted::Nothing, !itself)
    });
    Shield(Op::new(leaf, Shielded(handle)))
}

/// The future of [`shield`].
#[must_use = "futures do nothing unless they are awaited"]
pub struct Shield<'a, T>(Op<Shielded<'a, T>>);
future_of_op!(Shield<'a, T> => Result<T>);

struct Shielded<'a, T>(&'a mut JoinHandle<T>);
impl<T> Finish for Shielded<'_, T> {
    type Output = Result<T>;
    fn finish(&mut self, end: Result<Value>) -> Result<T> {
        end.and_then(|_| self.0.take_output())
    }
}

/// When [`wait`] returns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReturnWhen {
    /// As soon as one has ended, whatever its outcome.
    FirstCompleted,
    /// As soon as one has failed; cancellations don't count.
    FirstException,
    /// When all have ended.
    AllCompleted,
}

/// Waits until enough of `handles` have ended or `timeout` has passed, and returns the handles: those that
/// have ended, and those that have not. It cancels nothing, even if the task is cancelled, and a timeout is
/// not an error. asyncio.wait.
///
/// # Errors
/// `EINVAL` for no handles, [`Error::CANCELLED`].
pub async fn wait<T>(
    handles: Vec<JoinHandle<T>>,
    when: ReturnWhen,
    timeout: Option<Duration>,
) -> Result<Waited<T>> {
    let futures = raw_futures(&handles);
    let when = match when {
        ReturnWhen::FirstCompleted => sys::AW_FIRST_COMPLETED,
        ReturnWhen::FirstException => sys::AW_FIRST_EXCEPTION,
        ReturnWhen::AllCompleted => sys::AW_ALL_COMPLETED,
    } as i32;
    // SAFETY: all alive; C takes its own references.
    let leaf = coro_leaf(Wanted::Results, |event_loop, out| unsafe {
        sys::aw_wait_coro(event_loop, futures.as_ptr(), futures.len(), when, limit(timeout), out)
    });
    let results = match Plain(Op::new(leaf, AsIs)).await? {
        Value::Results(results) => results,
        _ => return Err(Error::from_code(sys::AW_EINVALIDSTATE)),
    };
    let mut waited = Waited { done: Vec::new(), pending: Vec::new() };
    for (index, handle) in handles.into_iter().enumerate() {
        // Done means done when the wait ended.
        match results.outcome(index) {
            Err(error) if error.code() == sys::AW_EINVALIDSTATE => waited.pending.push(handle),
            _ => waited.done.push(handle),
        }
    }
    Ok(waited)
}

/// The result of [`wait`].
#[derive(Debug)]
pub struct Waited<T> {
    /// Those that had ended when the wait did, in the order given.
    pub done: Vec<JoinHandle<T>>,
    /// The others.
    pub pending: Vec<JoinHandle<T>>,
}

/// An outcome, unchanged.
pub(crate) struct AsIs;
impl Finish for AsIs {
    type Output = Result<Value>;
    fn finish(&mut self, end: Result<Value>) -> Self::Output {
        end
    }
}

pub(crate) struct Plain(pub(crate) Op<AsIs>);
future_of_op!(Plain => Result<Value>);

/// Yields handles in the order in which their tasks end. asyncio.as_completed.
///
/// # Errors
/// [`ErrorKind::ForeignLoop`](crate::ErrorKind::ForeignLoop), [`ErrorKind::NoLoop`](crate::ErrorKind::NoLoop).
pub fn as_completed<T>(
    handles: impl IntoIterator<Item = JoinHandle<T>>,
    timeout: Option<Duration>,
) -> Result<AsCompleted<T>> {
    let handles: Vec<_> = handles.into_iter().collect();
    let futures = raw_futures(&handles);
    let event_loop = current_loop()?;
    let ns = limit(timeout);
    // SAFETY: all alive; C takes its own references.
    let make =
        |out| unsafe { sys::aw_as_completed_new(event_loop, futures.as_ptr(), futures.len(), ns, out) };
    Ok(AsCompleted { iterator: Ref::made_by(make)?, handles })
}

/// The iterator of [`as_completed`]. Dropping it does not cancel the tasks.
pub struct AsCompleted<T> {
    iterator: Ref<sys::aw_as_completed>,
    handles: Vec<JoinHandle<T>>,
}

impl<T> AsCompleted<T> {
    /// Waits for the next handle whose task has ended, or returns `None` when all have been returned. If a
    /// `next` is cancelled or dropped, a task that ends later is not lost.
    ///
    /// # Errors
    /// [`Error::TIMEOUT`] once the limit has passed, for each remaining handle; [`Error::CANCELLED`].
    pub async fn next(&mut self) -> Result<Option<JoinHandle<T>>> {
        // SAFETY: alive.
        let leaf = coro_leaf(Wanted::Future, |_, out| unsafe {
            sys::aw_as_completed_next_coro(self.iterator.raw(), out)
        });
        let future = match Plain(Op::new(leaf, AsIs)).await {
            Ok(Value::Future(future)) => future,
            Ok(_) => return Ok(None),
            Err(error) if error.code() == sys::AW_ESTOPITERATION => return Ok(None),
            Err(error) => return Err(error),
        };
        let index = self.handles.iter().position(|handle| handle.raw_future() == future.raw());
        Ok(index.map(|index| self.handles.remove(index)))
    }
}

impl<T> std::fmt::Debug for AsCompleted<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("AsCompleted").field("left", &self.handles.len()).finish_non_exhaustive()
    }
}
