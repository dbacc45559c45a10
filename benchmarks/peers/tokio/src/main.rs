// SPDX-License-Identifier: MIT
//! The work of the C programs on tokio's current thread. Prints samples as bench.c does with --raw.
//! usage: core-tokio [--quick] [--rounds N] [--million]
use std::future::{poll_fn, Future};
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::Poll;
use std::time::{Duration, Instant};
use tokio::runtime::{Builder, Runtime};
use tokio::sync::mpsc;

const BATCH: usize = 1000;
const TIMERS: usize = 10000;
const SPREAD_MS: u64 = 20;

/// The time that is not counted.
type Paused = Arc<Mutex<Duration>>;

fn runtime() -> Runtime {
    Builder::new_current_thread().enable_time().max_blocking_threads(1).build().unwrap()
}

fn pseudo_random(count: usize) -> impl Iterator<Item = u64> {
    let mut state = 1u64;
    (0..count).map(move |_| {
        state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        1000 + (state >> 33) % (SPREAD_MS * 1000)
    })
}

async fn one_by_one(count: usize) {
    for _ in 0..count {
        tokio::spawn(async {}).await.unwrap();
    }
}

async fn at_once(count: usize) {
    for _ in 0..count / BATCH {
        let all: Vec<_> = (0..BATCH).map(|_| tokio::spawn(async {})).collect();
        for one in all {
            one.await.unwrap();
        }
    }
}

async fn turns(count: usize) {
    let give = move || async move {
        for _ in 0..count / 2 {
            tokio::task::yield_now().await;
        }
    };
    let both = [tokio::spawn(give()), tokio::spawn(give())];
    for one in both {
        one.await.unwrap();
    }
}

async fn hand_over(count: usize, size: usize) {
    let (to, mut from) = mpsc::channel(size);
    let put = tokio::spawn(async move {
        for item in 0..count {
            to.send(item).await.unwrap();
        }
    });
    let get = tokio::spawn(async move {
        for _ in 0..count {
            from.recv().await.unwrap();
        }
    });
    put.await.unwrap();
    get.await.unwrap();
}

/// Set by a first poll.
async fn set(delay: Duration) -> Pin<Box<tokio::time::Sleep>> {
    let mut sleep = Box::pin(tokio::time::sleep(delay));
    poll_fn(|context| {
        let _ = sleep.as_mut().poll(context);
        Poll::Ready(())
    })
    .await;
    sleep
}

async fn timers_fire(count: usize, paused: Paused) {
    let mut all = Vec::with_capacity(count);
    for delay in pseudo_random(count) {
        all.push(set(Duration::from_micros(delay)).await);
    }
    let began = Instant::now();
    std::thread::sleep(Duration::from_millis(SPREAD_MS + 4));
    *paused.lock().unwrap() += began.elapsed();
    for one in all {
        one.await;
    }
}

async fn timers_cancel(count: usize, paused: Paused) {
    let began = Instant::now();
    let mut waiting = Vec::with_capacity(TIMERS);
    for delay in pseudo_random(TIMERS) {
        waiting.push(set(Duration::from_secs(100 + delay)).await);
    }
    *paused.lock().unwrap() += began.elapsed();
    for (i, delay) in pseudo_random(count).enumerate() {
        drop(set(Duration::from_secs(100 + delay)).await);
        if i % 100 == 99 {
            tokio::task::yield_now().await;
        }
    }
    let began = Instant::now();
    drop(waiting);
    *paused.lock().unwrap() += began.elapsed();
}

async fn jobs_one_by_one(count: usize) {
    for _ in 0..count {
        tokio::task::spawn_blocking(|| ()).await.unwrap();
    }
}

async fn jobs_at_once(count: usize) {
    for _ in 0..count / BATCH {
        let all: Vec<_> = (0..BATCH).map(|_| tokio::task::spawn_blocking(|| ())).collect();
        for one in all {
            one.await.unwrap();
        }
    }
}

/// Two runtimes in two threads that wake each other in turn, by a channel each way.
fn ping_pong(count: usize) {
    let (to_there, mut there) = mpsc::unbounded_channel::<()>();
    let (to_here, mut here) = mpsc::unbounded_channel::<()>();
    let other = std::thread::spawn(move || {
        runtime().block_on(async {
            while there.recv().await.is_some() {
                if to_here.send(()).is_err() {
                    break;
                }
            }
        })
    });
    runtime().block_on(async {
        for _ in 0..count / 2 {
            to_there.send(()).unwrap();
            here.recv().await.unwrap();
        }
        drop(to_there);
    });
    other.join().unwrap();
}

fn resident() -> f64 {
    let text = std::fs::read_to_string("/proc/self/status").unwrap();
    let found = text.lines().filter(|line| line.starts_with("VmRSS:") || line.starts_with("VmPTE:"));
    found.map(|line| line.split_whitespace().nth(1).unwrap().parse::<f64>().unwrap() * 1024.0).sum()
}

fn memory(work: &str, count: usize) {
    let runtime = runtime();
    resident();
    let before = resident();
    runtime.block_on(async {
        for _ in 0..count {
            tokio::spawn(tokio::time::sleep(Duration::from_secs(3600)));
        }
        tokio::spawn(async {}).await.unwrap();
        tokio::task::yield_now().await;
    });
    println!("{work}\ttokio, a task in sleep\t{:.3}", (resident() - before) / count as f64);
    std::mem::forget(runtime);
}

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let is = |name: &str| arguments.iter().position(|argument| argument == name);
    let quick = is("--quick").is_some();
    let rounds = is("--rounds").map_or(15, |at| arguments[at + 1].parse().unwrap());
    if is("--million").is_some() {
        memory("memory of a sleeping task, of 1,000,000, bytes", 1_000_000);
        return;
    }
    let run = |work: &str, what: &str, count: usize, body: &dyn Fn(usize, Paused)| {
        let count = if quick && count != TIMERS { count / 20 } else { count };
        for round in 0..=rounds {
            let paused = Paused::default();
            let began = Instant::now();
            body(count, paused.clone());
            let took = began.elapsed() - *paused.lock().unwrap();
            if round > 0 {
                println!("{work}\ttokio: {what}\t{:.3}", took.as_nanos() as f64 / count as f64);
            }
        }
    };
    let own = runtime();
    // In a task, since what block_on runs is polled in another way.
    fn within<F: Future<Output = ()> + Send + 'static>(own: &Runtime, body: F) {
        own.block_on(async { tokio::spawn(body).await.unwrap() });
    }
    run("a task spawned and joined, one by one", "spawn", 200_000, &|count, _| within(&own, one_by_one(count)));
    run("a task spawned and joined, 1,000 at once", "spawn", 200_000, &|count, _| within(&own, at_once(count)));
    run("a task's turn given away", "yield_now", 200_000, &|count, _| within(&own, turns(count)));
    run("an item through a queue of 1", "mpsc::channel", 200_000, &|count, _| within(&own, hand_over(count, 1)));
    run("an item through a queue of 1,000", "mpsc::channel", 200_000, &|count, _| within(&own, hand_over(count, 1000)));
    run("a timer set and fired, 10,000 at once", "sleep", TIMERS, &|count, paused| within(&own, timers_fire(count, paused)));
    run("a timer set and cancelled, 10,000 waiting", "sleep", 500_000, &|count, paused| within(&own, timers_cancel(count, paused)));
    run("a job in a thread, one by one", "spawn_blocking", 20_000, &|count, _| within(&own, jobs_one_by_one(count)));
    run("a job in a thread, 1,000 at once", "spawn_blocking", 100_000, &|count, _| within(&own, jobs_at_once(count)));
    run("a loop woken by another thread's", "mpsc::unbounded_channel", 20_000, &|count, _| ping_pong(count));
    memory("memory of a sleeping task, bytes", 10_000);
}
