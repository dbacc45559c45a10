// SPDX-License-Identifier: MIT
//! Queues between the tasks of one loop.

use crate::error::{no_unwind, Error, Result};
use crate::op::{coro_leaf, current_loop, debug_as_name, future_of_op, Done, Finish, Op};
use crate::reference::Ref;
use crate::sys;
use crate::value::{ItemTable, Value, Wanted};
use std::cell::RefCell;
use std::collections::VecDeque;
use std::ffi::c_void;
use std::fmt;
use std::future::Future;
use std::panic::{catch_unwind, AssertUnwindSafe};
use std::pin::Pin;
use std::ptr;
use std::rc::Rc;
use std::task::{Context, Poll};

/// What C has a pointer to. Taking the item leaves an empty cell.
type Cell<T> = RefCell<Option<T>>;

unsafe fn retain<T>(item: *mut c_void) {
    // SAFETY: C holds the pointer to one of our Rcs, and this is the loop's thread.
    unsafe { Rc::increment_strong_count(item.cast::<Cell<T>>()) };
}

unsafe fn release<T>(item: *mut c_void) {
    // SAFETY: as above.
    no_unwind(|| drop(unsafe { Rc::from_raw(item.cast::<Cell<T>>()) }));
}

unsafe extern "C" fn destroy<T>(item: *mut c_void) {
    // SAFETY: the reference that C had.
    unsafe { release::<T>(item) };
}

struct Table<T>(std::marker::PhantomData<T>);
impl<T> Table<T> {
    const TABLE: &'static ItemTable = &ItemTable { retain: retain::<T>, release: release::<T> };
}

/// # Safety
/// `item` is alive, and of this type.
unsafe fn take<T>(item: *mut c_void) -> Option<T> {
    // SAFETY: the caller's.
    unsafe { &*item.cast::<Cell<T>>() }.borrow_mut().take()
}

fn boxed<T>(item: T) -> *mut c_void {
    Rc::into_raw(Rc::new(RefCell::new(Some(item)))) as *mut c_void
}

unsafe extern "C" fn compare<T: Ord>(a: *mut c_void, b: *mut c_void, _: *mut c_void) -> i32 {
    // SAFETY: both are items of this queue.
    let order = catch_unwind(AssertUnwindSafe(|| unsafe {
        (*a.cast::<Cell<T>>()).borrow().cmp(&(*b.cast::<Cell<T>>()).borrow())
    }));
    match order {
        Ok(order) => order as i32,
        Err(payload) => {
            // If the comparison panics, the item that was put first is first.
            std::mem::forget(payload);
            0
        }
    }
}

/// A queue between tasks; a put waits while a bounded queue is full. Clones are the same queue.
/// asyncio.Queue.
///
/// ```
/// # libawait::block_on(async {
/// let queue = libawait::Queue::new(1)?;
/// let from = queue.clone();
/// let consumer = libawait::create_task(async move { Ok(from.get().await? + from.get().await?) });
/// queue.put(1).await?;
/// queue.put(2).await?;
/// assert_eq!(consumer.await, Ok(3));
/// # Ok::<_, libawait::Error>(())
/// # }).unwrap().unwrap();
/// ```
pub struct Queue<T>(Rc<Shared<T>>);

struct Shared<T> {
    raw: Ref<sys::aw_queue>,
    /// Items that were delivered to a `get` which was dropped; they are next.
    returned: RefCell<VecDeque<T>>,
}

impl<T> Clone for Queue<T> {
    fn clone(&self) -> Self {
        Queue(self.0.clone())
    }
}

fn bound(maxsize: usize) -> i64 {
    i64::try_from(maxsize).unwrap_or(0)
}

impl<T: 'static> Queue<T> {
    fn of(raw: Result<Ref<sys::aw_queue>>) -> Result<Self> {
        let returned = RefCell::new(VecDeque::new());
        raw.map(|raw| Queue(Rc::new(Shared { raw, returned })))
    }

    /// Creates a first-in, first-out queue of at most `maxsize` items; 0 means no limit.
    ///
    /// # Errors
    /// [`ErrorKind::NoLoop`](crate::ErrorKind::NoLoop), as for the other constructors.
    pub fn new(maxsize: usize) -> Result<Self> {
        let event_loop = current_loop()?;
        // SAFETY: the loop is alive, the queue a new reference.
        Queue::of(Ref::made_by(|out| unsafe { sys::aw_queue_new(event_loop, bound(maxsize), out) }))
    }

    /// Creates a queue that returns the newest item first. asyncio.LifoQueue.
    ///
    /// # Errors
    /// As [`Queue::new`].
    pub fn lifo(maxsize: usize) -> Result<Self> {
        let event_loop = current_loop()?;
        // SAFETY: as above.
        Queue::of(Ref::made_by(|out| unsafe { sys::aw_queue_new_lifo(event_loop, bound(maxsize), out) }))
    }

    /// Creates a queue that returns the least item first. asyncio.PriorityQueue.
    ///
    /// # Errors
    /// As [`Queue::new`].
    pub fn priority(maxsize: usize) -> Result<Self>
    where
        T: Ord,
    {
        let event_loop = current_loop()?;
        let make = |out| {
            // SAFETY: as above; the order needs nothing.
            unsafe {
                sys::aw_queue_new_priority(
                    event_loop,
                    bound(maxsize),
                    Some(compare::<T>),
                    ptr::null_mut(),
                    None,
                    out,
                )
            }
        };
        Queue::of(Ref::made_by(make))
    }

    fn raw(&self) -> *mut sys::aw_queue {
        self.0.raw.raw()
    }

    /// Puts an item; waits while the queue is full. An item that could not be put is dropped. asyncio:
    /// Queue.put.
    ///
    /// # Errors
    /// [`ErrorKind::QueueShutDown`](crate::ErrorKind::QueueShutDown), [`Error::CANCELLED`].
    pub fn put(&self, item: T) -> Put<T> {
        Put { queue: self.clone(), item: Some(item), waiting: None }
    }

    /// Puts an item without waiting, or returns it. asyncio: Queue.put_nowait.
    ///
    /// # Errors
    /// [`ErrorKind::QueueFull`](crate::ErrorKind::QueueFull), [`ErrorKind::QueueShutDown`](crate::ErrorKind::QueueShutDown).
    pub fn put_nowait(&self, item: T) -> Result<(), (Error, T)> {
        let cell = boxed(item);
        // SAFETY: alive; on failure the item is ours again.
        let status = unsafe { sys::aw_queue_put_nowait(self.raw(), cell, Some(destroy::<T>)) };
        if status >= 0 {
            return Ok(());
        }
        // SAFETY: ours again, and its content has not been taken.
        unsafe {
            let item = take::<T>(cell);
            release::<T>(cell);
            match item {
                Some(item) => Err((Error::from_code(status), item)),
                None => Ok(()),
            }
        }
    }

    /// Gets an item; waits while the queue is empty. A `get` that is cancelled or dropped takes nothing.
    /// asyncio: Queue.get.
    ///
    /// # Errors
    /// [`ErrorKind::QueueShutDown`](crate::ErrorKind::QueueShutDown) once it is shut down and empty, [`Error::CANCELLED`].
    pub fn get(&self) -> Get<T> {
        Get { queue: self.clone(), waiting: None }
    }

    /// Gets an item without waiting. asyncio: Queue.get_nowait.
    ///
    /// # Errors
    /// [`ErrorKind::QueueEmpty`](crate::ErrorKind::QueueEmpty), [`ErrorKind::QueueShutDown`](crate::ErrorKind::QueueShutDown).
    pub fn get_nowait(&self) -> Result<T> {
        if let Some(item) = self.0.returned.borrow_mut().pop_front() {
            return Ok(item);
        }
        let mut cell = ptr::null_mut();
        // SAFETY: alive; the item moves here, with the reference that C had.
        unsafe {
            Error::check(sys::aw_queue_get_nowait(self.raw(), &mut cell, ptr::null_mut()))?;
            let item = take::<T>(cell);
            release::<T>(cell);
            item.ok_or(Error::from_code(sys::AW_EQUEUEEMPTY))
        }
    }

    /// Marks an item that was taken as processed. asyncio: Queue.task_done.
    ///
    /// # Errors
    /// `EINVAL` if called too often.
    pub fn task_done(&self) -> Result<()> {
        // SAFETY: alive.
        Error::done(unsafe { sys::aw_queue_task_done(self.raw()) })
    }

    /// Waits until every item has been processed. asyncio: Queue.join.
    ///
    /// # Errors
    /// [`Error::CANCELLED`].
    pub fn join(&self) -> Join {
        // SAFETY: alive.
        Join(Op::new(
            coro_leaf(Wanted::Nothing, |_, out| unsafe { sys::aw_queue_join_coro(self.raw(), out) }),
            Done,
        ))
    }

    /// Closes it: puts fail, gets return the remaining items and then fail, and all waiters are woken.
    /// asyncio: Queue.shutdown.
    pub fn shutdown(&self) {
        // SAFETY: alive.
        unsafe { sys::aw_queue_shutdown(self.raw(), 0) };
    }

    /// Like [`Queue::shutdown`], and drops the remaining items. asyncio: Queue.shutdown(immediate=True).
    pub fn shutdown_now(&self) {
        drop(self.0.returned.take());
        // SAFETY: alive.
        unsafe { sys::aw_queue_shutdown(self.raw(), 1) };
    }

    /// Returns the number of items. asyncio: Queue.qsize.
    pub fn len(&self) -> usize {
        // SAFETY: alive.
        unsafe { sys::aw_queue_qsize(self.raw()) + self.0.returned.borrow().len() }
    }

    /// asyncio: Queue.empty.
    pub fn is_empty(&self) -> bool {
        // SAFETY: alive.
        self.0.returned.borrow().is_empty() && unsafe { sys::aw_queue_empty(self.raw()) != 0 }
    }

    /// asyncio: Queue.full.
    pub fn is_full(&self) -> bool {
        // SAFETY: alive.
        unsafe { sys::aw_queue_full(self.raw()) != 0 }
    }

    /// Returns the maximum number of items; 0 means no limit. asyncio: Queue.maxsize.
    pub fn maxsize(&self) -> usize {
        // SAFETY: alive.
        usize::try_from(unsafe { sys::aw_queue_maxsize(self.raw()) }).unwrap_or(0)
    }

    /// An item was delivered to a getter that no longer exists: it becomes the next one again.
    fn give_back(&self, item: T) {
        // SAFETY: alive. Empty: another getter may wait, and the tail is the head.
        let empty = unsafe { sys::aw_queue_empty(self.raw()) != 0 };
        let item = if empty && self.0.returned.borrow().is_empty() {
            let cell = boxed(item);
            // The item is put a second time, but counts once for `join`.
            unsafe {
                if sys::aw_queue_put_nowait(self.raw(), cell, Some(destroy::<T>)) >= 0 {
                    sys::aw_queue_task_done(self.raw());
                    return;
                }
                let item = take::<T>(cell);
                release::<T>(cell);
                item
            }
        } else {
            Some(item)
        };
        self.0.returned.borrow_mut().extend(item);
    }
}

impl<T> fmt::Debug for Queue<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // SAFETY: alive.
        let size = unsafe { sys::aw_queue_qsize(self.0.raw.raw()) };
        f.debug_struct("Queue").field("size", &size).finish_non_exhaustive()
    }
}

/// The future of [`Queue::join`].
#[must_use = "futures do nothing unless they are awaited"]
pub struct Join(Op<Done>);
future_of_op!(Join => Result<()>);

/// The future of [`Queue::put`].
#[must_use = "futures do nothing unless they are awaited"]
pub struct Put<T> {
    queue: Queue<T>,
    item: Option<T>,
    waiting: Option<Op<Done>>,
}

impl<T: 'static> Future for Put<T> {
    type Output = Result<()>;
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        // SAFETY: the operation stays where it is; the rest is never pinned.
        let this = unsafe { self.get_unchecked_mut() };
        if let Some(item) = this.item.take() {
            let item = match this.queue.put_nowait(item) {
                Ok(()) => return Poll::Ready(Ok(())),
                Err((error, item)) if error.code() == sys::AW_EQUEUEFULL => item,
                Err((error, _)) => return Poll::Ready(Err(error)),
            };
            let cell = boxed(item);
            let leaf = coro_leaf(Wanted::Nothing, |_, out| {
                // SAFETY: alive; the coroutine owns the item, unless there is none.
                unsafe { sys::aw_queue_put_coro(this.queue.raw(), cell, Some(destroy::<T>), out) }
            });
            if leaf.is_err() {
                // SAFETY: ours again.
                unsafe { release::<T>(cell) };
            }
            this.waiting = Some(Op::new(leaf, Done));
        }
        match &mut this.waiting {
            // SAFETY: as above.
            Some(waiting) => unsafe { Pin::new_unchecked(waiting) }.poll(cx),
            None => Poll::Ready(Err(Error::from_code(sys::AW_EINVALIDSTATE))),
        }
    }
}

struct Getting<T: 'static>(Queue<T>);
impl<T> Finish for Getting<T> {
    type Output = Result<T>;
    fn finish(&mut self, end: Result<Value>) -> Result<T> {
        match end? {
            // SAFETY: an item of this queue.
            Value::Item(item) => unsafe { take::<T>(item.raw) }.ok_or(Error::from_code(sys::AW_EQUEUEEMPTY)),
            _ => Err(Error::from_code(sys::AW_EQUEUEEMPTY)),
        }
    }
    fn reclaim(&mut self, end: Result<Value>) {
        if let Ok(item) = self.finish(end) {
            self.0.give_back(item);
        }
    }
}

/// The future of [`Queue::get`].
#[must_use = "futures do nothing unless they are awaited"]
pub struct Get<T: 'static> {
    queue: Queue<T>,
    waiting: Option<Op<Getting<T>>>,
}

impl<T: 'static> Future for Get<T> {
    type Output = Result<T>;
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        // SAFETY: as for Put.
        let this = unsafe { self.get_unchecked_mut() };
        if this.waiting.is_none() {
            match this.queue.get_nowait() {
                Err(error) if error.code() == sys::AW_EQUEUEEMPTY => {}
                end => return Poll::Ready(end),
            }
            // SAFETY: alive.
            let leaf = coro_leaf(Wanted::Item(Table::<T>::TABLE), |_, out| unsafe {
                sys::aw_queue_get_coro(this.queue.raw(), out)
            });
            this.waiting = Some(Op::new(leaf, Getting(this.queue.clone())));
        }
        match &mut this.waiting {
            // SAFETY: as for Put.
            Some(waiting) => unsafe { Pin::new_unchecked(waiting) }.poll(cx),
            None => Poll::Pending,
        }
    }
}

debug_as_name!(Put<T>, Get<T>);
