// SPDX-License-Identifier: MIT
//! Task groups: tasks that end before the block that started them.

use crate::error::{Error, Result};
use crate::join::JoinHandle;
use crate::op::{coro_leaf, current_loop, future_of_op, Done, Op};
use crate::reference::Ref;
use crate::sys;
use crate::task::{self, Task};
use crate::value::Wanted;
use std::cell::RefCell;
use std::fmt;
use std::future::Future;
use std::rc::Rc;

/// A group of tasks. [`TaskGroup::scope`] returns when all of them have ended. If one fails, the others and
/// the body are cancelled and waited for, and the failures are returned as one error of
/// [`ErrorKind::Group`](crate::ErrorKind::Group). asyncio.TaskGroup.
///
/// ```
/// # use libawait::TaskGroup;
/// # libawait::block_on(async {
/// let sum = TaskGroup::scope(|group| async move {
///     let one = group.create_task(async { Ok(1) })?;
///     let two = group.create_task(async { Ok(2) })?;
///     Ok(one.await? + two.await?)
/// });
/// assert_eq!(sum.await, Ok(3));
/// # }).unwrap();
/// ```
#[derive(Clone)]
pub struct TaskGroup(Rc<Group>);

struct Group {
    raw: Ref<sys::aw_taskgroup>,
    event_loop: Ref<sys::aw_loop>,
    /// Tasks that may not have ended, for a scope that is dropped.
    tasks: RefCell<Vec<Task>>,
}

struct Ending(Op<Done>);
future_of_op!(Ending => Result<()>);

impl TaskGroup {
    /// Enters a group in the current task, runs `body` with it, waits for the group's tasks, and exits the
    /// group. Returns the body's value. A scope that is dropped cancels its tasks, and can't wait for them.
    ///
    /// # Errors
    /// The failures of the body and the tasks, as one group; [`Error::CANCELLED`] if the task was only
    /// cancelled; [`ErrorKind::NoLoop`](crate::ErrorKind::NoLoop) outside a task.
    pub async fn scope<B, F, T>(body: B) -> Result<T>
    where
        B: FnOnce(TaskGroup) -> F,
        F: Future<Output = Result<T>>,
    {
        struct Cancel<'a>(&'a Group);
        impl Drop for Cancel<'_> {
            fn drop(&mut self) {
                for task in self.0.tasks.take() {
                    task.cancel();
                }
            }
        }
        let event_loop = current_loop()?;
        // SAFETY: the loop is alive, and the group a new reference.
        let raw = Ref::made_by(|out| unsafe { sys::aw_taskgroup_new(event_loop, out) })?;
        // SAFETY: alive.
        Error::done(unsafe { sys::aw_taskgroup_enter(raw.raw()) })?;
        let group = Rc::new(Group {
            raw,
            // SAFETY: alive.
            event_loop: unsafe { Ref::borrowed(event_loop) },
            tasks: RefCell::new(Vec::new()),
        });
        let cancel = Cancel(&group);
        let end = body(TaskGroup(group.clone())).await;
        let (status, error) = match &end {
            Ok(_) => (0, std::ptr::null_mut()),
            Err(error) => (error.code(), error.to_raw(event_loop)),
        };
        // SAFETY: alive; the coroutine takes its own references.
        let leaf = coro_leaf(Wanted::Nothing, |_, out| unsafe {
            sys::aw_taskgroup_exit_coro(group.raw.raw(), status, error, out)
        });
        unsafe { sys::aw_error_unref(error) };
        Ending(Op::new(leaf, Done)).await?;
        group.tasks.take();
        drop(cancel);
        end
    }

    /// Starts a task in the group. Its failure becomes the group's.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidState`](crate::ErrorKind::InvalidState) once the group is shutting down or has ended.
    /// asyncio: TaskGroup.create_task.
    pub fn create_task<F, T>(&self, future: F) -> Result<JoinHandle<T>>
    where
        F: Future<Output = Result<T>> + 'static,
        T: 'static,
    {
        // SAFETY: both are alive.
        let start = |coro, out| unsafe { sys::aw_taskgroup_spawn_coro(self.0.raw.raw(), coro, out) };
        let handle = task::create_on(self.0.event_loop.raw(), future, start)?;
        let mut tasks = self.0.tasks.borrow_mut();
        if tasks.len() == tasks.capacity() {
            // Ended tasks are removed before the list grows, so that a group of many short tasks stays small.
            tasks.retain(|task| !task.is_finished());
        }
        tasks.push(handle.task());
        Ok(handle)
    }
}

impl fmt::Debug for TaskGroup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TaskGroup").field("tasks", &self.0.tasks.borrow().len()).finish()
    }
}
