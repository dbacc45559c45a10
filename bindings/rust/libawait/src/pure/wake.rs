// SPDX-License-Identifier: MIT
//! The wake-up of one task: who may wake it, from which thread, and what each wake has to do.
//!
//! A waker is a counted reference to a [`Node`]. The node may outlive its task, and any thread may drop it.
//! So it holds nothing that belongs to the loop's thread, except what its [`Hook`] manages.

use std::mem::ManuallyDrop;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::Arc;
use std::task::{RawWaker, RawWakerVTable, Waker};

/// The task is being polled, or cannot be woken: what it waits for resumes it directly.
const RUNNING: u8 = 0;
/// Woken while it was being polled: it must be polled again.
const WOKEN: u8 = 1;
/// It waits for its waker.
const PARKED: u8 = 2;
/// It will be polled soon; another wake adds nothing.
const SCHEDULED: u8 = 3;
/// It has ended.
const ENDED: u8 = 4;

/// What a wake does to a parked task. Any thread may call it, once for each time the task was parked.
pub(crate) trait Hook: Send + Sync + 'static {
    fn resume(node: &Arc<Node<Self>>)
    where
        Self: Sized;
}

pub(crate) struct Node<H> {
    state: AtomicU8,
    pub(crate) hook: H,
}

impl<H: Hook> Node<H> {
    pub(crate) fn new(hook: H) -> Arc<Self> {
        Arc::new(Node { state: AtomicU8::new(SCHEDULED), hook })
    }

    /// Begins a poll. This poll sees whatever the task was woken for, so the wake is cleared.
    pub(crate) fn begin_poll(&self) {
        // Acquire: the poll sees what the waking thread did before its wake.
        self.state.swap(RUNNING, Ordering::Acquire);
    }

    /// Returns whether it was woken since the poll began. Then it isn't parked, and counts as scheduled.
    pub(crate) fn take_woken(&self) -> bool {
        let woken = self.state.load(Ordering::Relaxed) == WOKEN;
        if woken {
            // No other thread changes it from WOKEN.
            self.state.store(SCHEDULED, Ordering::Relaxed);
        }
        woken
    }

    /// Waits for a wake from now on. Returns false if it was woken since the poll began; then it counts as
    /// scheduled.
    pub(crate) fn park(&self) -> bool {
        // Release: the thread that wakes it sees what the hook needs. Acquire: as in begin_poll.
        match self.state.compare_exchange(RUNNING, PARKED, Ordering::AcqRel, Ordering::Acquire) {
            Ok(_) => true,
            Err(_) => !self.take_woken(),
        }
    }

    pub(crate) fn end(&self) {
        self.state.store(ENDED, Ordering::Relaxed);
    }

    pub(crate) fn wake(self: &Arc<Self>) {
        let mut state = self.state.load(Ordering::Relaxed);
        loop {
            let next = match state {
                RUNNING => WOKEN,
                PARKED => SCHEDULED,
                // The poll that follows must see what came before this wake.
                _ => state,
            };
            match self.state.compare_exchange_weak(state, next, Ordering::AcqRel, Ordering::Relaxed) {
                Ok(PARKED) => return H::resume(self),
                Ok(_) => return,
                Err(now) => state = now,
            }
        }
    }

    /// Returns whether there is another reference. Only the owner of the other reference asks, so a "no"
    /// stays true: there is nothing to clone from.
    pub(crate) fn is_shared(self: &Arc<Self>) -> bool {
        if Arc::strong_count(self) > 1 {
            return true;
        }
        // Pairs with the release of the thread that dropped the last clone.
        std::sync::atomic::fence(Ordering::Acquire);
        false
    }

    /// Creates a waker that borrows the caller's reference, so that a poll does not change the count. It must
    /// not outlive `self`.
    pub(crate) fn borrowed_waker(self: &Arc<Self>) -> ManuallyDrop<Waker> {
        Self::waker_of(Arc::as_ptr(self))
    }

    /// Returns whether `waker` wakes this node. `node` is what `Arc::as_ptr` returned.
    pub(crate) fn is_woken_by(node: *const Self, waker: &Waker) -> bool {
        Self::waker_of(node).will_wake(waker)
    }

    fn waker_of(node: *const Self) -> ManuallyDrop<Waker> {
        // SAFETY: the table fulfils the contract of a waker; the count is not changed, and ManuallyDrop
        // releases nothing.
        ManuallyDrop::new(unsafe { Waker::from_raw(RawWaker::new(node.cast(), Self::VTABLE)) })
    }

    const VTABLE: &'static RawWakerVTable =
        &RawWakerVTable::new(Self::raw_clone, Self::raw_wake, Self::raw_wake_by_ref, Self::raw_drop);

    unsafe fn raw_clone(data: *const ()) -> RawWaker {
        // SAFETY: `data` is a node that its waker keeps alive.
        unsafe { Arc::increment_strong_count(data.cast::<Self>()) };
        RawWaker::new(data, Self::VTABLE)
    }

    unsafe fn raw_wake(data: *const ()) {
        // SAFETY: the reference of the waker, which is consumed.
        unsafe { Arc::from_raw(data.cast::<Self>()) }.wake();
    }

    unsafe fn raw_wake_by_ref(data: *const ()) {
        // SAFETY: the reference of the waker, which keeps it.
        ManuallyDrop::new(unsafe { Arc::from_raw(data.cast::<Self>()) }).wake();
    }

    unsafe fn raw_drop(data: *const ()) {
        // SAFETY: the reference of the waker, which is consumed.
        drop(unsafe { Arc::from_raw(data.cast::<Self>()) });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::AtomicUsize;

    struct Count(AtomicUsize);
    impl Hook for Count {
        fn resume(node: &Arc<Node<Self>>) {
            node.hook.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn node() -> Arc<Node<Count>> {
        Node::new(Count(AtomicUsize::new(0)))
    }
    fn resumed(node: &Arc<Node<Count>>) -> usize {
        node.hook.0.load(Ordering::Relaxed)
    }

    #[test]
    fn a_parked_task_is_resumed_once_however_often_it_is_woken() {
        let node = node();
        node.begin_poll();
        let waker = Waker::clone(&node.borrowed_waker());
        assert!(node.park());
        waker.wake_by_ref();
        waker.wake_by_ref();
        waker.wake();
        assert_eq!(resumed(&node), 1);
        node.begin_poll();
        assert!(node.park());
        node.borrowed_waker().wake_by_ref();
        assert_eq!(resumed(&node), 2);
    }

    #[test]
    fn a_wake_during_the_poll_prevents_parking() {
        let node = node();
        node.begin_poll();
        node.borrowed_waker().wake_by_ref();
        assert!(!node.park());
        assert_eq!(resumed(&node), 0);
        node.begin_poll();
        assert!(!node.take_woken());
        node.borrowed_waker().wake_by_ref();
        assert!(node.take_woken());
    }

    #[test]
    fn before_the_first_poll_and_after_the_end_a_wake_does_nothing() {
        let node = node();
        node.borrowed_waker().wake_by_ref();
        assert_eq!(resumed(&node), 0);
        node.begin_poll();
        let waker = Waker::clone(&node.borrowed_waker());
        node.end();
        waker.wake();
        assert_eq!(resumed(&node), 0);
    }

    #[test]
    fn clones_are_counted_and_borrowing_counts_nothing() {
        let node = node();
        let borrowed = node.borrowed_waker();
        assert!(!node.is_shared());
        let clone = Waker::clone(&borrowed);
        assert!(node.is_shared());
        assert!(clone.will_wake(&borrowed));
        drop(clone);
        assert!(!node.is_shared());
    }

    #[test]
    fn threads_that_wake_and_a_poll_lose_no_wake() {
        let node = node();
        for _ in 0..if cfg!(miri) { 20 } else { 2000 } {
            let before = resumed(&node);
            node.begin_poll();
            let waker = Waker::clone(&node.borrowed_waker());
            let thread = std::thread::spawn(move || waker.wake());
            let parked = node.park();
            thread.join().unwrap();
            // Parked and resumed by the thread, or informed that the thread came first: never neither, never
            // both.
            assert_eq!(resumed(&node) - before, usize::from(parked));
        }
    }
}
