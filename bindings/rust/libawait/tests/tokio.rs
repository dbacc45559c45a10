// SPDX-License-Identifier: MIT
//! Beside tokio, both ways.
#![cfg(feature = "tokio")]

use libawait::*;
use std::time::Duration;

fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

fn current_thread() -> ::tokio::runtime::Runtime {
    ::tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
}

#[test]
fn a_runtime_hosts_the_loop() {
    let event_loop = Loop::new().unwrap();
    let sum = current_thread().block_on(libawait::tokio::host(&event_loop, async {
        let (sender, mut receiver) = ::tokio::sync::mpsc::channel(4);
        let from_loop = sender.clone();
        // A task of the loop that awaits both kinds, beside a task of tokio's.
        let ours = create_task(async move {
            for n in 0..10 {
                sleep(ms(1)).await?;
                from_loop.send(n).await.map_err(Error::other)?;
            }
            Ok::<_, Error>(())
        });
        let theirs = ::tokio::spawn(async move {
            for n in 0..10 {
                ::tokio::time::sleep(ms(1)).await;
                sender.send(100 * n).await.unwrap();
            }
        });
        let mut sum = 0;
        while let Some(n) = receiver.recv().await {
            sum += n;
        }
        theirs.await.unwrap();
        ours.await.unwrap();
        // What is libawait's, awaited by tokio's task itself.
        sleep(ms(1)).await.unwrap();
        let child = Command::new("true").spawn().unwrap();
        assert!(child.wait().await.unwrap().success());
        sum
    }));
    assert_eq!(sum, Ok(45 + 4500));
}

#[test]
fn a_loop_is_a_guest_again_and_again_and_answers_at_once() {
    let event_loop = Loop::new().unwrap();
    let runtime = current_thread();
    for _ in 0..3 {
        let woken = runtime.block_on(libawait::tokio::host(&event_loop, async {
            // Work made from outside of a dispatch must be seen: this hangs otherwise.
            let mut woken = 0;
            for n in 0..100 {
                let (sender, receiver) = oneshot().unwrap();
                drop(spawn_local(async move { sender.send(n) }));
                assert_eq!(receiver.await, Ok(n));
                woken += 1;
            }
            woken
        }));
        assert_eq!(woken, Ok(100));
    }
    assert_eq!(event_loop.block_on(async { 1 }), Ok(1), "no guest any more");
}

#[test]
fn a_guest_is_refused_under_virtual_time() {
    let event_loop = Builder::new().backend("virtual").build().unwrap();
    let refused = current_thread().block_on(libawait::tokio::host(&event_loop, async {}));
    assert_eq!(refused.unwrap_err().raw_os_error(), Some(95));
}

#[test]
fn the_loop_hosts_futures_of_tokio() {
    let runtime =
        ::tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    libawait::tokio::block_on(runtime.handle(), async {
        use ::tokio::io::{AsyncReadExt, AsyncWriteExt};
        let listener = ::tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let server = spawn_local(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut buffer = [0; 4];
            stream.read_exact(&mut buffer).await.unwrap();
            stream.write_all(&buffer).await.unwrap();
        });
        let mut client = ::tokio::net::TcpStream::connect(address).await.unwrap();
        client.write_all(b"ping").await.unwrap();
        let mut buffer = [0; 4];
        client.read_exact(&mut buffer).await.unwrap();
        assert_eq!(&buffer, b"ping");
        server.await.unwrap();
        let late = ::tokio::time::timeout(ms(1), sleep(Duration::from_secs(3600))).await;
        assert!(late.is_err());
        // A task that waits for tokio alone is dropped by a cancellation.
        let task = spawn_local(::tokio::time::sleep(Duration::from_secs(3600)));
        yield_now().await.unwrap();
        assert!(task.cancel().await.unwrap_err().is_cancelled());
    })
    .unwrap();
}
