// SPDX-License-Identifier: MIT
//! A tokio server with libawait inside: one thread, a current-thread runtime, connections over loopback. Each
//! request goes from a tokio task through a libawait queue to workers in libawait tasks, which sleep, run
//! children and use threads, and back through a tokio channel. It runs under load for `AWAIT_LOAD_SECONDS` (2).

use libawait::{create_task, oneshot, Command, Error, Loop, Queue, Sender};
use std::cell::Cell;
use std::rc::Rc;
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

const CLIENTS: usize = 16;
const WORKERS: usize = 8;

struct Request {
    number: u64,
    answer: Sender<u64>,
}

#[derive(Default)]
struct Counts {
    sent: Cell<u64>,
    taken: Cell<u64>,
    answered: Cell<u64>,
    received: Cell<u64>,
    wrong: Cell<u64>,
    worst_beat: Cell<Duration>,
}

fn add(count: &Cell<u64>) {
    count.set(count.get() + 1);
}

/// A libawait task.
async fn worker(requests: Queue<Request>, counts: Rc<Counts>) -> Result<(), Error> {
    loop {
        let request = match requests.get().await {
            Ok(request) => request,
            Err(error) if error.kind() == libawait::ErrorKind::QueueShutDown => return Ok(()),
            Err(error) => return Err(error),
        };
        add(&counts.taken);
        match request.number % 1000 {
            // Now and then what is slow: a child, a thread, a wait.
            0 => drop(Command::new("true").spawn()?.wait().await?),
            1..=4 => libawait::to_thread(|| std::thread::sleep(Duration::from_micros(200))).await?,
            5..=49 => libawait::sleep(Duration::from_micros(500)).await?,
            _ => {}
        }
        if request.answer.send(request.number * 2).is_ok() {
            add(&counts.answered);
        }
        requests.task_done()?;
    }
}

/// A task of tokio's: one connection, on which numbers come in and go out.
async fn serve(mut stream: TcpStream, requests: Queue<Request>) -> std::io::Result<()> {
    let mut bytes = [0; 8];
    while stream.read_exact(&mut bytes).await.is_ok() {
        let (answer, answered) = oneshot()?;
        requests.put(Request { number: u64::from_le_bytes(bytes), answer }).await?;
        stream.write_all(&answered.await?.to_le_bytes()).await?;
    }
    Ok(())
}

async fn client(port: u16, first: u64, until: Instant, counts: Rc<Counts>) -> std::io::Result<()> {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).await?;
    stream.set_nodelay(true)?;
    let (mut number, mut bytes) = (first, [0; 8]);
    while Instant::now() < until {
        add(&counts.sent);
        stream.write_all(&number.to_le_bytes()).await?;
        stream.read_exact(&mut bytes).await?;
        add(&counts.received);
        if u64::from_le_bytes(bytes) != number * 2 {
            add(&counts.wrong);
        }
        number += CLIENTS as u64;
    }
    Ok(())
}

fn resident_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap_or_default();
    line.split_whitespace().nth(1).and_then(|text| text.parse().ok()).unwrap_or(0)
}

fn entries(folder: &str) -> usize {
    std::fs::read_dir(folder).map_or(0, Iterator::count)
}

async fn load(span: Duration, counts: Rc<Counts>) -> std::io::Result<()> {
    let local = tokio::task::LocalSet::new();
    let requests = Queue::new(64)?;
    let workers: Vec<_> =
        (0..WORKERS).map(|_| create_task(worker(requests.clone(), counts.clone()))).collect();
    let ours = requests.clone();
    local
        .run_until(async move {
            let listener = TcpListener::bind("127.0.0.1:0").await?;
            let port = listener.local_addr()?.port();
            let accepting = tokio::task::spawn_local(async move {
                for _ in 0..CLIENTS {
                    let (stream, _) = listener.accept().await?;
                    stream.set_nodelay(true)?;
                    let queue = ours.clone();
                    tokio::task::spawn_local(async move { drop(serve(stream, queue).await) });
                }
                std::io::Result::Ok(())
            });
            let beats = counts.clone();
            let heart = tokio::task::spawn_local(async move {
                loop {
                    let before = Instant::now();
                    tokio::time::sleep(Duration::from_millis(5)).await;
                    let late = before.elapsed().saturating_sub(Duration::from_millis(5));
                    beats.worst_beat.set(beats.worst_beat.get().max(late));
                }
            });
            let until = Instant::now() + span;
            let clients: Vec<_> = (0..CLIENTS as u64)
                .map(|n| tokio::task::spawn_local(client(port, n, until, counts.clone())))
                .collect();
            for client in clients {
                client.await??;
            }
            accepting.await??;
            heart.abort();
            std::io::Result::Ok(())
        })
        .await?;
    requests.shutdown();
    libawait::gather(workers).await?;
    Ok(())
}

fn main() {
    let seconds = std::env::var("AWAIT_LOAD_SECONDS").ok().and_then(|text| text.parse().ok()).unwrap_or(2.0);
    let span = Duration::from_secs_f64(seconds);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let run = |span| {
        let counts = Rc::new(Counts::default());
        let event_loop = Loop::new().unwrap();
        runtime.block_on(libawait::tokio::host(&event_loop, load(span, counts.clone()))).unwrap().unwrap();
        event_loop.shutdown_default_executor(Some(Duration::from_secs(60))).unwrap();
        counts
    };
    // The first run makes what is made once.
    run(span / 10);
    let (handles, fds, memory) = (libawait::live_handles(), entries("/proc/self/fd"), resident_kib());
    let counts = run(span);
    let grown = resident_kib().saturating_sub(memory);
    println!(
        "{} requests in {:.1} s, worst beat {:?} late, {} threads, {} KiB more",
        counts.received.get(),
        seconds,
        counts.worst_beat.get(),
        entries("/proc/self/task"),
        grown
    );
    let (mut passed, mut failed) = (0, 0);
    let mut check = |what: &str, holds: bool| {
        *(if holds { &mut passed } else { &mut failed }) += 1;
        if !holds {
            println!("failed: {}", what);
        }
    };
    check("something was sent", counts.sent.get() > 100);
    check("each request was taken", counts.sent.get() == counts.taken.get());
    check("each request was answered", counts.sent.get() == counts.answered.get());
    check("each answer came back", counts.sent.get() == counts.received.get());
    check("each answer was that of its request", counts.wrong.get() == 0);
    // A thread that is blocked by a wait of ours would be so for the length of the run.
    check("no wait blocked the thread", counts.worst_beat.get() < Duration::from_millis(1000));
    check("no C handle is left", libawait::live_handles() == handles);
    check("no descriptor is left", entries("/proc/self/fd") == fds);
    check("memory is stable", grown < 16 * 1024);
    println!(
        "test result: {}. {} passed; {} failed; 0 ignored",
        if failed == 0 { "ok" } else { "FAILED" },
        passed,
        failed
    );
    std::process::exit(i32::from(failed > 0));
}
