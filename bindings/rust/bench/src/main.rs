// SPDX-License-Identifier: MIT
//! Prints `workload TAB variant TAB ns` for each sample. usage: bench [--quick] [--rounds N]; each round runs every variant once.

use std::cell::Cell;
use std::future::Future;
use std::rc::Rc;
use std::time::Instant;

const OURS: &str = "libawait, epoll";
const THEIRS: &str = "tokio, current thread";

fn ours<F: Future<Output = ()>>(count: u64, future: F) -> f64 {
    let event_loop = libawait::Builder::new().backend("epoll").build().unwrap();
    let start = Instant::now();
    event_loop.block_on(future).unwrap();
    start.elapsed().as_nanos() as f64 / count as f64
}

fn theirs<F: Future<Output = ()>>(count: u64, future: F) -> f64 {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let local = tokio::task::LocalSet::new();
    let start = Instant::now();
    local.block_on(&runtime, future);
    start.elapsed().as_nanos() as f64 / count as f64
}

/// Measures one workload on both, and prints the samples.
fn measure<A, B>(workload: &str, count: u64, on_ours: A, on_theirs: B)
where
    A: Future<Output = ()>,
    B: Future<Output = ()>,
{
    println!("{workload}\t{OURS}\t{:.1}", ours(count, on_ours));
    println!("{workload}\t{THEIRS}\t{:.1}", theirs(count, on_theirs));
}

fn main() {
    let (mut rounds, mut scale) = (5, 100);
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--quick" => scale = 1,
            "--rounds" => {
                rounds =
                    arguments.next().and_then(|text| text.parse::<u64>().ok()).expect("a number of rounds")
            }
            _ => panic!("usage: bench [--quick] [--rounds N]"),
        }
    }
    let (many, children) = (2000 * scale, 2 * scale);
    for _ in 0..rounds {
        measure(
            "spawn and join",
            many,
            async move {
                for n in 0..many {
                    assert_eq!(libawait::spawn_local(async move { n }).await, Ok(n));
                }
            },
            async move {
                for n in 0..many {
                    assert_eq!(tokio::task::spawn_local(async move { n }).await.unwrap(), n);
                }
            },
        );

        // One task awaits, another finishes what it awaits: a resume each time.
        let ours_resumed = async move {
            let slot = Rc::new(Cell::new(None));
            let theirs = slot.clone();
            let other = libawait::spawn_local(async move {
                let mut left = many;
                while left > 0 {
                    if let Some(sender) = theirs.take() {
                        let _ = libawait::Sender::send(sender, left);
                        left -= 1;
                    }
                    libawait::yield_now().await.unwrap();
                }
            });
            for _ in 0..many {
                let (sender, receiver) = libawait::oneshot().unwrap();
                slot.set(Some(sender));
                receiver.await.unwrap();
            }
            other.await.unwrap();
        };
        let theirs_resumed = async move {
            let slot = Rc::new(Cell::new(None));
            let theirs = slot.clone();
            let other = tokio::task::spawn_local(async move {
                let mut left = many;
                while left > 0 {
                    if let Some(sender) = theirs.take() {
                        let _ = tokio::sync::oneshot::Sender::send(sender, left);
                        left -= 1;
                    }
                    tokio::task::yield_now().await;
                }
            });
            for _ in 0..many {
                let (sender, receiver) = tokio::sync::oneshot::channel();
                slot.set(Some(sender));
                receiver.await.unwrap();
            }
            other.await.unwrap();
        };
        measure("await to resume", many, ours_resumed, theirs_resumed);

        measure(
            "queue hand-over",
            many,
            async move {
                let queue = libawait::Queue::new(1).unwrap();
                let to = queue.clone();
                let producer = libawait::spawn_local(async move {
                    for n in 0..many {
                        to.put(n).await.unwrap();
                    }
                });
                for n in 0..many {
                    assert_eq!(queue.get().await, Ok(n));
                }
                producer.await.unwrap();
            },
            async move {
                let (to, mut from) = tokio::sync::mpsc::channel(1);
                let producer = tokio::task::spawn_local(async move {
                    for n in 0..many {
                        to.send(n).await.unwrap();
                    }
                });
                for n in 0..many {
                    assert_eq!(from.recv().await, Some(n));
                }
                producer.await.unwrap();
            },
        );

        measure(
            "sleep(0)",
            many,
            async move {
                for _ in 0..many {
                    libawait::yield_now().await.unwrap();
                }
            },
            async move {
                tokio::task::spawn_local(async move {
                    for _ in 0..many {
                        tokio::task::yield_now().await;
                    }
                })
                .await
                .unwrap();
            },
        );

        measure(
            "subprocess (/bin/true)",
            children,
            async move {
                for _ in 0..children {
                    assert!(libawait::Command::new("/bin/true")
                        .spawn()
                        .unwrap()
                        .wait()
                        .await
                        .unwrap()
                        .success());
                }
            },
            async move {
                for _ in 0..children {
                    assert!(tokio::process::Command::new("/bin/true")
                        .spawn()
                        .unwrap()
                        .wait()
                        .await
                        .unwrap()
                        .success());
                }
            },
        );
    }
}
