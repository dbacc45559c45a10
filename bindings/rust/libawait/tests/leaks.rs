// SPDX-License-Identifier: MIT
//! No C object is left alive: each destroy runs once, even on a close with work pending. One test per process,
//! since handles are counted for the whole process.

use libawait::*;
use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

struct Counted(Rc<Cell<i32>>);
impl Counted {
    fn new(alive: &Rc<Cell<i32>>) -> Self {
        alive.set(alive.get() + 1);
        Counted(alive.clone())
    }
    fn look(&self) {}
}
impl Drop for Counted {
    fn drop(&mut self) {
        self.0.set(self.0.get() - 1);
        assert!(self.0.get() >= 0, "dropped twice");
    }
}

const LONG: Duration = Duration::from_secs(3600);

#[test]
fn a_loop_that_closes_with_everything_pending_leaves_nothing() {
    let before = live_handles();
    let alive = Rc::new(Cell::new(0));
    for round in 0..20 {
        let event_loop = Loop::new().unwrap();
        let mut kept: Vec<Box<dyn std::any::Any>> = Vec::new();
        let new = || Counted::new(&alive);
        {
            let (a, b, c) = (new(), new(), new());
            event_loop.call_soon(move || drop(a)).unwrap();
            event_loop.call_later(LONG, move || drop(b)).unwrap();
            event_loop.set_exception_handler(move |_| c.look()).unwrap();
            let d = new();
            event_loop.add_signal_handler(12, move || d.look()).unwrap();
        }
        event_loop
            .block_on(async {
                let queue = Queue::new(1).unwrap();
                queue.put(new()).await.unwrap();
                let (lock, event) = (Lock::new().unwrap(), Event::new().unwrap());
                let guard = lock.acquire().await.unwrap();
                for kind in 0..10 {
                    let (mine, queue, lock, event) = (new(), queue.clone(), lock.clone(), event.clone());
                    let task = spawn_local(async move {
                        let _mine = mine;
                        match kind {
                            0 => drop(sleep(LONG).await),
                            1 => drop(lock.acquire().await),
                            2 => drop(event.wait().await),
                            3 => drop(futures::future::join(sleep(LONG), event.wait()).await),
                            4 => drop(timeout(LONG, queue.join()).await),
                            5 => drop(queue.put(Counted::new(&_mine.0)).await),
                            6 => drop(wait_for(spawn_local(sleep(LONG)), LONG).await),
                            7 => drop(gather([spawn_local(sleep(LONG))]).await),
                            8 => drop(
                                TaskGroup::scope(
                                    |group| async move { group.create_task(sleep(LONG))?.await },
                                )
                                .await,
                            ),
                            _ => futures::future::pending().await,
                        }
                    });
                    // Some handles live on, some do not; some are cancelled and not awaited.
                    match (kind + round) % 3 {
                        0 => kept.push(Box::new(task)),
                        1 => {
                            task.request_cancel();
                        }
                        _ => drop(task),
                    }
                }
                let (sender, receiver) = oneshot::<Counted>().unwrap();
                kept.push(Box::new((sender, receiver, guard, queue)));
                for _ in 0..round % 4 {
                    yield_now().await.unwrap();
                }
            })
            .unwrap();
        if round % 2 == 0 {
            kept.clear();
        }
        drop(event_loop);
        drop(kept);
    }
    assert_eq!(alive.get(), 0, "values of Rust that nobody dropped");
    assert_eq!(live_handles(), before, "C handles");
}
