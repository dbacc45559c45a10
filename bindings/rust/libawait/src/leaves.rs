// SPDX-License-Identifier: MIT
//! The list of leaves that a task waits for.

use crate::leaf::Leaf;
use std::cell::{Cell, RefCell};
use std::ptr;

/// The leaves that one task waits for, almost always one.
#[derive(Default)]
pub(crate) struct Leaves {
    all: RefCell<smallest::List>,
    /// The leaf that the task awaits directly.
    direct: Cell<Option<ptr::NonNull<Leaf>>>,
}

impl Leaves {
    pub(crate) fn add(&self, leaf: &Leaf) {
        self.all.borrow_mut().push(leaf.into());
    }

    pub(crate) fn remove(&self, leaf: &Leaf) {
        self.all.borrow_mut().remove(leaf.into());
        if self.direct.get() == Some(leaf.into()) {
            self.direct.set(None);
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.all.borrow().is_empty()
    }

    /// Returns the leaf, if there is exactly one.
    pub(crate) fn single(&self) -> Option<&Leaf> {
        // SAFETY: a leaf removes itself before it is dropped.
        self.all.borrow().single().map(|leaf| unsafe { &*leaf.as_ptr() })
    }

    pub(crate) fn set_direct(&self, leaf: Option<&Leaf>) {
        self.direct.set(leaf.map(ptr::NonNull::from));
    }

    pub(crate) fn take_direct(&self) -> Option<&Leaf> {
        // SAFETY: as above.
        self.direct.take().map(|leaf| unsafe { &*leaf.as_ptr() })
    }

    /// An operation on a leaf may remove others, so each is looked up again.
    pub(crate) fn for_each(&self, mut run: impl FnMut(&Leaf)) {
        let all = self.all.borrow().to_vec();
        for leaf in all {
            if self.all.borrow().contains(leaf) {
                // SAFETY: it is still in the list.
                run(unsafe { leaf.as_ref() });
            }
        }
    }

    /// The task has ended: leaves that were moved elsewhere continue without it.
    pub(crate) fn clear(&self) {
        self.direct.set(None);
        for leaf in self.all.take().to_vec() {
            // SAFETY: as above.
            unsafe { leaf.as_ref() }.owner_gone();
        }
    }
}

mod smallest {
    use super::Leaf;
    use std::ptr::NonNull;

    /// A list whose first entry needs no allocation.
    #[derive(Default)]
    pub(super) struct List {
        first: Option<NonNull<Leaf>>,
        more: Vec<NonNull<Leaf>>,
    }

    impl List {
        pub(super) fn push(&mut self, leaf: NonNull<Leaf>) {
            match self.first {
                None => self.first = Some(leaf),
                Some(_) => self.more.push(leaf),
            }
        }

        pub(super) fn remove(&mut self, leaf: NonNull<Leaf>) {
            if self.first == Some(leaf) {
                self.first = self.more.pop();
            } else if let Some(index) = self.more.iter().position(|each| *each == leaf) {
                self.more.swap_remove(index);
            }
        }

        pub(super) fn is_empty(&self) -> bool {
            self.first.is_none()
        }

        pub(super) fn single(&self) -> Option<NonNull<Leaf>> {
            self.first.filter(|_| self.more.is_empty())
        }

        pub(super) fn contains(&self, leaf: NonNull<Leaf>) -> bool {
            self.first == Some(leaf) || self.more.contains(&leaf)
        }

        pub(super) fn to_vec(&self) -> Vec<NonNull<Leaf>> {
            self.first.iter().chain(&self.more).copied().collect()
        }
    }
}
