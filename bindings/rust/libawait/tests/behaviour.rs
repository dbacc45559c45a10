// SPDX-License-Identifier: MIT
//! What Rust people expect of an executor, and what asyncio's rules come to in Rust.

use futures::future::{self, FutureExt};
use futures::stream::{FuturesUnordered, StreamExt};
use libawait::*;
use std::cell::{Cell, RefCell};
use std::future::Future;
use std::os::unix::io::{AsRawFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

const LONG: Duration = Duration::from_secs(3600);

fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

/// Virtual time where the clock matters.
fn on_virtual<T>(future: impl Future<Output = Result<T>>) -> T {
    let event_loop = Builder::new().backend("virtual").build().unwrap();
    run_on(&event_loop, future).unwrap().unwrap()
}

/// Sets its flag when it is dropped.
struct Flag(Rc<Cell<bool>>);
impl Drop for Flag {
    fn drop(&mut self) {
        self.0.set(true);
    }
}
fn flag() -> (Flag, Rc<Cell<bool>>) {
    let cell = Rc::new(Cell::new(false));
    (Flag(cell.clone()), cell)
}

// ---- combinators ----

#[test]
fn joins_and_selects_of_the_futures_crate_work() {
    on_virtual(async {
        let start = now()?;
        let (a, b) = future::join(sleep(ms(20)), sleep(ms(30))).await;
        a?;
        b?;
        assert_eq!(now()? - start, ms(30));
        let (quick, slow) = (Box::pin(sleep(ms(10))), Box::pin(sleep(LONG)));
        match future::select(quick, slow).await {
            future::Either::Left((end, _slow)) => end?,
            future::Either::Right(_) => panic!("an hour is longer than ten milliseconds"),
        }
        assert_eq!(now()? - start, ms(40));
        Ok(())
    });
}

#[test]
fn futures_unordered_gives_ends_in_their_order_under_wakers_of_its_own() {
    on_virtual(async {
        let work = |n: u64| async move { sleep(ms(10 * n)).await.map(|()| n) };
        let mut all: FuturesUnordered<_> = [3, 1, 2].map(work).into_iter().collect();
        let mut order = Vec::new();
        while let Some(n) = all.next().await {
            order.push(n?);
        }
        assert_eq!(order, [1, 2, 3]);
        Ok(())
    });
}

#[test]
fn join_all_of_a_thousand_handles() {
    on_virtual(async {
        let tasks = (0..1000u64).map(|n| spawn_local(async move { sleep(ms(n % 7)).await.map(|()| n) }));
        let ends = future::join_all(tasks).await;
        assert!(ends.into_iter().enumerate().all(|(n, end)| end.unwrap().unwrap() == n as u64));
        Ok(())
    });
}

#[test]
fn a_leaf_can_be_polled_once_and_dropped() {
    on_virtual(async {
        assert!(sleep(LONG).now_or_never().is_none());
        assert!(Queue::<u32>::new(0)?.get().now_or_never().is_none());
        assert!(Event::new()?.wait().now_or_never().is_none());
        Ok(())
    });
}

/// A future that is polled by one task, then moved to another and awaited there.
#[test]
fn a_future_can_move_to_another_task_after_a_poll() {
    on_virtual(async {
        let shared: Rc<RefCell<Option<Pin<Box<Sleep>>>>> =
            Rc::new(RefCell::new(Some(Box::pin(sleep(ms(50))))));
        let theirs = shared.clone();
        let first = spawn_local(async move {
            let mut taken = theirs.borrow_mut().take().unwrap();
            // Polled here with this task's waker, then put back.
            assert!(future::poll_fn(|cx| Poll::Ready(taken.as_mut().poll(cx).is_pending())).await);
            *theirs.borrow_mut() = Some(taken);
        });
        first.await?;
        let taken = shared.borrow_mut().take().unwrap();
        taken.await?;
        Ok(())
    });
}

#[test]
fn yield_now_lets_the_others_run_for_exactly_one_iteration() {
    on_virtual(async {
        let trace = Rc::new(RefCell::new(Vec::new()));
        let task = |name: char| {
            let trace = trace.clone();
            create_task(async move {
                for n in 0..3 {
                    trace.borrow_mut().push(format!("{}{}", name, n));
                    yield_now().await?;
                }
                Ok::<_, Error>(())
            })
        };
        gather([task('a'), task('b')]).await?;
        assert_eq!(*trace.borrow(), ["a0", "b0", "a1", "b1", "a2", "b2"]);
        Ok(())
    });
}

// ---- wakers ----

#[test]
fn a_waker_may_be_woken_by_any_thread() {
    run(async {
        let (to_task, from_thread) = futures::channel::oneshot::channel();
        std::thread::spawn(move || {
            std::thread::sleep(ms(5));
            to_task.send(7).unwrap();
        });
        assert_eq!(from_thread.await, Ok(7));
        // Many wake-ups, of which none may be lost.
        let (mut to_task, mut from_thread) = futures::channel::mpsc::channel::<u32>(1);
        let thread = std::thread::spawn(move || {
            futures::executor::block_on(async {
                for n in 0..2000 {
                    futures::SinkExt::send(&mut to_task, n).await.unwrap();
                }
            })
        });
        let mut next = 0;
        while let Some(n) = from_thread.next().await {
            assert_eq!(n, next);
            next += 1;
        }
        assert_eq!(next, 2000);
        thread.join().unwrap();
        Ok::<_, Error>(())
    })
    .unwrap();
}

#[test]
fn a_waker_outlives_its_task_and_its_loop() {
    let kept = Arc::new(std::sync::Mutex::new(None));
    let theirs = kept.clone();
    block_on(future::poll_fn(move |cx| {
        *theirs.lock().unwrap() = Some(cx.waker().clone());
        Poll::Ready(())
    }))
    .unwrap();
    let waker: std::task::Waker = kept.lock().unwrap().take().unwrap();
    waker.wake_by_ref();
    std::thread::spawn(move || waker.wake()).join().unwrap();
}

// ---- cancellation ----

#[test]
fn a_body_can_refuse_a_cancellation_and_await_more() {
    on_virtual(async {
        let task = create_task(async {
            assert!(sleep(LONG).await.unwrap_err().is_cancelled());
            sleep(ms(5)).await?;
            Ok::<_, Error>("cleaned up")
        });
        yield_now().await?;
        assert_eq!(task.cancel().await, Ok("cleaned up"));
        Ok(())
    });
}

#[test]
fn a_cancelled_task_is_cancelled_for_all_who_ask() {
    on_virtual(async {
        let mut task = create_task(sleep(LONG));
        yield_now().await?;
        assert!(task.request_cancel_with("no longer needed"));
        let error = (&mut task).await.unwrap_err();
        assert!(error.is_cancelled());
        assert_eq!(error.to_string(), "no longer needed");
        assert!(task.is_cancelled());
        assert!(!task.request_cancel());
        Ok(())
    });
}

#[test]
fn a_body_that_awaits_nothing_of_libawaits_is_dropped() {
    on_virtual(async {
        let (flag, dropped) = flag();
        let task = spawn_local(async move {
            let _flag = flag;
            future::pending::<()>().await
        });
        yield_now().await?;
        assert!(task.cancel().await.unwrap_err().is_cancelled());
        assert!(dropped.get());
        Ok(())
    });
}

#[test]
fn a_cancellation_reaches_every_leaf_of_a_join() {
    on_virtual(async {
        let task = spawn_local(async { future::join(sleep(LONG), Event::new().unwrap().wait()).await });
        yield_now().await?;
        let (a, b) = task.cancel().await?;
        assert!(a.unwrap_err().is_cancelled());
        assert!(b.unwrap_err().is_cancelled());
        Ok(())
    });
}

#[test]
fn an_abort_can_not_be_refused() {
    on_virtual(async {
        let (flag, dropped) = flag();
        let task = spawn_local(async move {
            let _flag = flag;
            loop {
                let _ = sleep(LONG).await;
            }
        });
        yield_now().await?;
        task.abort();
        assert!(task.await.unwrap_err().is_cancelled());
        assert!(dropped.get());
        Ok(())
    });
}

#[test]
fn dropping_a_handle_detaches_and_dropping_a_gather_cancels() {
    on_virtual(async {
        let done = Rc::new(Cell::new(0));
        let task = || {
            let done = done.clone();
            create_task(async move {
                sleep(ms(10)).await?;
                done.set(done.get() + 1);
                Ok::<_, Error>(())
            })
        };
        drop(task());
        drop(gather([task(), task()]));
        sleep(ms(20)).await?;
        assert_eq!(done.get(), 1);
        Ok(())
    });
}

#[test]
fn a_dropped_get_loses_no_item() {
    on_virtual(async {
        let queue = Queue::new(0)?;
        {
            let mut get = Box::pin(queue.get());
            // As one of two, so that C has a task for it.
            let _ = timeout(ms(1), &mut get).await;
            queue.put_nowait(1).map_err(|(error, _)| error)?;
            queue.put_nowait(2).map_err(|(error, _)| error)?;
            for _ in 0..5 {
                yield_now().await?;
            }
            // The item has come, but nobody looks.
        }
        assert_eq!(queue.len(), 2);
        assert_eq!(queue.get().await?, 1);
        assert_eq!(queue.get().await?, 2);
        Ok(())
    });
}

#[test]
fn a_dropped_acquire_keeps_no_lock() {
    on_virtual(async {
        let lock = Lock::new()?;
        let guard = lock.acquire().await?;
        {
            let mut acquire = Box::pin(lock.acquire());
            let _ = timeout(ms(1), &mut acquire).await;
            drop(guard);
            for _ in 0..5 {
                yield_now().await?;
            }
        }
        yield_now().await?;
        assert!(!lock.is_locked());
        Ok(())
    });
}

#[test]
fn a_dropped_wait_of_a_condition_keeps_no_lock() {
    on_virtual(async {
        let condition = Condition::new()?;
        let guard = condition.lock().acquire().await?;
        assert!(timeout(ms(1), condition.wait(guard)).await.is_err());
        sleep(ms(1)).await?;
        assert!(!condition.lock().is_locked());
        // A wait that was polled and never begun.
        let guard = condition.lock().acquire().await?;
        let mut wait = Box::pin(condition.wait(guard));
        assert!(future::poll_fn(|cx| Poll::Ready(wait.as_mut().poll(cx).is_pending())).await);
        drop(wait);
        assert!(!condition.lock().is_locked());
        Ok(())
    });
}

#[test]
fn a_condition_wakes_in_order_and_a_barrier_counts() {
    on_virtual(async {
        let condition = Condition::new()?;
        let ready = Rc::new(Cell::new(false));
        let waiter = || {
            let (condition, ready) = (condition.clone(), ready.clone());
            create_task(async move {
                let guard = condition.lock().acquire().await?;
                condition.wait_until(guard, || ready.get()).await.map(drop)
            })
        };
        let tasks = [waiter(), waiter()];
        sleep(ms(1)).await?;
        {
            let _guard = condition.lock().acquire().await?;
            ready.set(true);
            condition.notify_all()?;
        }
        gather(tasks).await?;
        assert_eq!(condition.notify(1).unwrap_err().raw_os_error(), Some(1));
        let barrier = Barrier::new(3)?;
        let party = || {
            let barrier = barrier.clone();
            create_task(async move { barrier.wait().await })
        };
        assert_eq!(gather([party(), party(), party()]).await?, [0, 1, 2]);
        Ok(())
    });
}

// ---- failures ----

#[derive(Debug, PartialEq)]
struct Own(u32);
impl std::fmt::Display for Own {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "own {}", self.0)
    }
}
impl std::error::Error for Own {}

#[test]
fn an_error_goes_through_c_and_comes_out_as_itself() {
    on_virtual(async {
        let original = Error::other(Own(1));
        let thrown = original.clone();
        let failed = gather([create_task(async { Err::<(), _>(thrown) })]).await.unwrap_err();
        assert_eq!(failed, original);
        assert_eq!(failed.downcast_ref(), Some(&Own(1)));
        assert_eq!(failed.to_string(), "own 1");
        let group = TaskGroup::scope(|group| async move {
            for n in 2..4 {
                drop(group.create_task(async move { Err::<(), _>(Error::other(Own(n))) })?);
            }
            sleep(LONG).await
        });
        let failed = group.await.unwrap_err();
        assert_eq!(failed.kind(), ErrorKind::Group);
        let own: Vec<_> = failed.errors().iter().filter_map(|error| error.downcast_ref::<Own>()).collect();
        assert_eq!(own, [&Own(2), &Own(3)]);
        Ok(())
    });
}

#[test]
fn errors_of_the_system_are_io_errors_and_back() {
    block_on(async {
        let error = Command::new("/nonexistent/program").spawn().unwrap_err();
        assert_eq!(error.raw_os_error(), Some(2));
        let io: std::io::Error = error.into();
        assert_eq!(io.kind(), std::io::ErrorKind::NotFound);
        assert_eq!(Error::from(io).code(), -2);
        assert_eq!(std::io::Error::from(Error::TIMEOUT).kind(), std::io::ErrorKind::TimedOut);
        assert_eq!(std::io::Error::from(Error::PENDING).kind(), std::io::ErrorKind::TimedOut);
    })
    .unwrap();
    assert!(Builder::new().backend("no-such-backend").build().is_err());
}

#[test]
fn a_panic_is_the_error_of_its_task_and_goes_on_in_block_on() {
    let text = |payload: Box<dyn std::any::Any + Send>| *payload.downcast::<&str>().unwrap();
    block_on(async {
        let error = spawn_local(async { panic!("in a task") }).await.unwrap_err();
        assert!(error.is_panic());
        assert_eq!(text(error.into_panic().unwrap()), "in a task");
        let error = to_thread(|| panic!("in a thread")).await.unwrap_err();
        assert!(error.is_panic());
    })
    .unwrap();
    let payload = std::panic::catch_unwind(|| block_on(async { panic!("in the main future") })).unwrap_err();
    assert_eq!(text(payload), "in the main future");
}

#[test]
fn a_panic_in_a_callback_is_heard_by_the_exception_handler() {
    let event_loop = Loop::new().unwrap();
    let heard = Rc::new(RefCell::new(Vec::new()));
    let theirs = heard.clone();
    event_loop
        .set_exception_handler(move |report| {
            theirs
                .borrow_mut()
                .push((report.message.clone(), report.error.clone().map(|error| error.is_panic())))
        })
        .unwrap();
    event_loop.call_soon(|| panic!("in a callback")).unwrap();
    event_loop
        .block_on(async {
            drop(spawn_local(async { panic!("in a detached task") }));
            for _ in 0..3 {
                yield_now().await.unwrap();
            }
        })
        .unwrap();
    let heard = heard.borrow();
    assert_eq!(heard.len(), 2, "{:?}", heard);
    assert!(heard.iter().all(|(_, panicked)| *panicked == Some(true)));
    assert!(heard.iter().any(|(message, _)| message == "Task exception was never retrieved"), "{:?}", heard);
}

#[test]
fn a_destructor_that_panics_stops_at_the_border() {
    struct Bomb;
    impl Drop for Bomb {
        fn drop(&mut self) {
            if !std::thread::panicking() {
                panic!("in a destructor");
            }
        }
    }
    let event_loop = Loop::new().unwrap();
    let bomb = Bomb;
    drop(event_loop.spawn_local(async move {
        let _bomb = bomb;
        future::pending::<()>().await
    }));
    event_loop.block_on(async { yield_now().await }).unwrap().unwrap();
    drop(event_loop);
}

// ---- the loop ----

#[test]
fn block_on_takes_futures_that_borrow_and_can_be_stopped() {
    let event_loop = Loop::new().unwrap();
    let mut local = 1;
    assert_eq!(
        event_loop.block_on(async {
            local += 1;
            local
        }),
        Ok(2)
    );
    let (flag, dropped) = flag();
    event_loop
        .call_soon({
            let remote = event_loop.remote();
            move || drop(remote)
        })
        .unwrap();
    event_loop.stop();
    let stopped = event_loop.block_on(async {
        let _flag = &flag;
        sleep(LONG).await
    });
    assert_eq!(stopped.unwrap_err().kind(), ErrorKind::Stopped);
    assert!(!dropped.get());
    drop(flag);
    assert_eq!(
        event_loop.block_on(async { event_loop.block_on(async {}) }).unwrap().unwrap_err().kind(),
        ErrorKind::LoopRunning
    );
}

#[test]
fn what_needs_a_loop_says_so() {
    assert_eq!(Lock::new().unwrap_err().kind(), ErrorKind::NoLoop);
    assert_eq!(Remote::current().unwrap_err().kind(), ErrorKind::NoLoop);
    assert_eq!(futures::executor::block_on(sleep(ms(1))).unwrap_err().kind(), ErrorKind::NoLoop);
    assert!(std::panic::catch_unwind(|| spawn_local(async {})).is_err());
}

#[test]
fn another_thread_hears_when_the_loop_is_closed() {
    let event_loop = Loop::new().unwrap();
    let remote = event_loop.remote();
    let mut waiting = remote.spawn(|| async { sleep(LONG).await });
    event_loop.block_on(yield_now()).unwrap().unwrap();
    let cancelled = remote.spawn(|| async { 1 });
    cancelled.cancel();
    assert!(event_loop.block_on(cancelled).unwrap().unwrap_err().is_cancelled());
    drop(event_loop);
    assert!(waiting.wait(Some(ms(1))).is_err());
    assert_eq!(remote.call_soon(|| ()).unwrap_err().kind(), ErrorKind::LoopClosed);
    assert_eq!(
        futures::executor::block_on(remote.spawn(|| async {})).unwrap_err().kind(),
        ErrorKind::LoopClosed
    );
}

#[test]
fn the_limit_of_a_wait_is_told_from_the_task_s() {
    let event_loop = Loop::new().unwrap();
    let remote = event_loop.remote();
    let waiter = std::thread::spawn(move || {
        let mut never = remote.spawn(|| async { sleep(LONG).await });
        let pending = never.wait(Some(ms(1))).unwrap_err();
        assert_eq!(pending.kind(), ErrorKind::Pending);
        assert!(pending.is_timeout());
        let late = remote.spawn(|| async { timeout(ms(1), sleep(LONG)).await }).wait(None);
        assert_eq!(late.and_then(|end| end).unwrap_err().kind(), ErrorKind::Timeout);
        never.cancel();
        assert!(never.wait(None).and_then(|end| end).unwrap_err().is_cancelled());
    });
    event_loop
        .block_on(async {
            while !waiter.is_finished() {
                sleep(ms(1)).await.unwrap();
            }
        })
        .unwrap();
    waiter.join().unwrap();
}

#[test]
fn a_handle_can_be_awaited_by_another_executor_and_callbacks_can_be_cancelled() {
    let event_loop = Loop::new().unwrap();
    let ran = Rc::new(Cell::new(0));
    let theirs = ran.clone();
    let handle = event_loop.call_later(ms(1), move || theirs.set(1)).unwrap();
    handle.cancel();
    assert!(handle.is_cancelled());
    let theirs = ran.clone();
    event_loop.call_soon(move || theirs.set(theirs.get() + 10)).unwrap();
    let task = event_loop.spawn_local(sleep(ms(5))).unwrap();
    // Awaited by the main future under wakers of FuturesUnordered.
    let mut set: FuturesUnordered<_> = std::iter::once(task).collect();
    assert!(event_loop.block_on(set.next()).unwrap().is_some());
    assert_eq!(ran.get(), 10);
}

#[test]
fn readers_writers_and_signals_call_back() {
    let event_loop = Loop::new().unwrap();
    let (ours, theirs) = UnixStream::pair().unwrap();
    let read = Rc::new(Cell::new(0));
    let count = read.clone();
    event_loop.add_reader(ours.as_raw_fd(), move || count.set(count.get() + 1)).unwrap();
    event_loop
        .block_on(async {
            fd::write(&theirs, b"x".to_vec()).await.0.unwrap();
            while read.get() == 0 {
                yield_now().await.unwrap();
            }
        })
        .unwrap();
    assert!(event_loop.remove_reader(ours.as_raw_fd()));
    assert!(!event_loop.remove_reader(ours.as_raw_fd()));
    assert_eq!(event_loop.add_signal_handler(9, || ()).unwrap_err().raw_os_error(), Some(22));
}

// ---- descriptors ----

#[test]
fn reads_and_writes_own_their_buffers_and_give_them_back() {
    run(async {
        let (a, b) = UnixStream::pair()?;
        let (count, buffer) = fd::write(&a, b"hello".to_vec()).await;
        assert_eq!((count?, buffer.as_slice()), (5, b"hello".as_slice()));
        assert!(fd::readable(&b).await?.is_readable());
        let (count, buffer) = fd::read(&b, vec![0; 16]).await;
        assert_eq!(&buffer[..count?], b"hello");
        let (end, buffer) = fd::read(&std::fs::File::open("/")?, vec![7; 3]).await;
        assert_eq!((end.unwrap_err().raw_os_error(), buffer), (Some(21), vec![7; 3]));
        fd::close(OwnedFd::from(a)).await?;
        assert_eq!(fd::read(&b, vec![0; 1]).await.0, Ok(0));
        Ok::<_, Error>(())
    })
    .unwrap();
}

#[test]
fn a_dropped_read_leaves_its_buffer_until_the_kernel_has_let_go() {
    run(async {
        let (a, b) = UnixStream::pair()?;
        for _ in 0..100 {
            // In flight, then dropped.
            assert!(timeout(ms(0), fd::read(&b, vec![0; 4096])).await.is_err());
        }
        // A cancelled one ends at once, without its buffer.
        let theirs = b.try_clone()?;
        let task = spawn_local(async move { fd::read(&theirs, vec![0; 4096]).await });
        yield_now().await?;
        let (end, buffer) = task.cancel().await?;
        assert!(end.unwrap_err().is_cancelled());
        assert!(buffer.is_empty());
        fd::write(&a, b"later".to_vec()).await.0?;
        assert_eq!(fd::recv(&b, vec![0; 16], 0).await.0, Ok(5));
        // Closed with one in flight.
        drop(spawn_local(async move { fd::read(&b, vec![0; 4096]).await }));
        yield_now().await
    })
    .unwrap();
}

#[test]
fn sockets_connect_and_accept() {
    run(async {
        let listener = std::net::TcpListener::bind("127.0.0.1:0")?;
        let address = listener.local_addr()?;
        let server = create_task(async move {
            let connection = fd::accept(&listener).await?;
            let (count, mut buffer) = fd::recv(&connection, vec![0; 64], 0).await;
            buffer.truncate(count?);
            fd::send(&connection, buffer, 0).await.0
        });
        // connect(2) itself on a socket of the kernel's making: std has none that is not connected.
        let client = std::net::TcpStream::connect(address)?;
        fd::send(&client, b"ping".to_vec(), 0).await.0?;
        let (count, buffer) = fd::recv(&client, vec![0; 64], 0).await;
        assert_eq!(&buffer[..count?], b"ping");
        assert_eq!(server.await?, 4);
        assert!(fd::connect(&client, address).await.is_err(), "it is connected already");
        Ok::<_, Error>(())
    })
    .unwrap();
}

// ---- threads and children ----

#[test]
fn work_on_a_pool_of_its_own() {
    run(async {
        let pool = Executor::new(1)?;
        let (release, blocked) = std::sync::mpsc::channel::<()>();
        let first = pool.run(move || blocked.recv().is_err());
        let second = pool.run(|| 2);
        assert_eq!(pool.max_threads(), 1);
        drop(second);
        drop(release);
        assert!(first.await?);
        pool.shutdown(true);
        assert!(pool.run(|| ()).await.is_err());
        pool.shutdown_wait(Some(Duration::from_secs(60)))
    })
    .unwrap();
}

#[test]
fn children_take_input_environment_and_signals() {
    run(async {
        let child = Command::new("cat").stdin(Stdio::Piped).stdout(Stdio::Piped).spawn()?;
        assert_eq!(child.communicate(b"through a pipe").await?.stdout, b"through a pipe");
        let child = Command::shell("echo $GREETING; pwd")
            .env("GREETING", "hi")
            .current_dir("/")
            .stdout(Stdio::Piped)
            .spawn()?;
        assert_eq!(child.communicate(b"").await?.stdout, b"hi\n/\n");
        let child = Command::new("sleep").arg("600").spawn()?;
        child.terminate()?;
        assert_eq!(child.wait().await?.signal(), Some(15));
        assert_eq!(child.kill().unwrap_err().raw_os_error(), Some(3));
        assert!(Command::new("a\0b").spawn().is_err());
        Ok::<_, Error>(())
    })
    .unwrap();
}

#[test]
fn backends_are_listed_and_explained() {
    assert!(backends().unwrap().iter().any(|backend| backend.name == "epoll" && backend.unusable.is_none()));
    assert!(explain_backend(Some("epoll")).0.is_ok());
    let (end, why) = explain_backend(Some("no-such-backend"));
    assert!(end.is_err() && !why.is_empty());
}

/// A future that is polled again without having been woken is not confused.
#[test]
fn spurious_polls_are_allowed() {
    struct Twice<F>(Pin<Box<F>>);
    impl<F: Future> Future for Twice<F> {
        type Output = F::Output;
        fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
            match self.0.as_mut().poll(cx) {
                Poll::Pending => self.0.as_mut().poll(cx),
                ready => ready,
            }
        }
    }
    on_virtual(async {
        Twice(Box::pin(sleep(ms(3)))).await?;
        Twice(Box::pin(yield_now())).await?;
        Twice(Box::pin(spawn_local(async {}))).await
    });
}
