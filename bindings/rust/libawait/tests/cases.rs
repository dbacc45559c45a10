// SPDX-License-Identifier: MIT
//! The documents' cases, written as one writes Rust, against what CPython printed: `conformance/cases/documents/NAME.expected`. `AWAIT_BACKEND` says
//! on which backend.

use libawait::*;
use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

thread_local! {
    static LINES: RefCell<Vec<String>> = RefCell::default();
}

macro_rules! say {
    ($($part:tt)*) => {{
        let line = format!($($part)*);
        LINES.with(|lines| lines.borrow_mut().push(line));
    }};
}

/// Runs a case, and compares its lines with CPython's, except for the lines that only Python can print.
fn case<F: std::future::Future<Output = Result<()>>>(name: &str, not_here: &[&str], body: F) {
    LINES.with(|lines| lines.borrow_mut().clear());
    run(body).expect(name);
    compare(name, not_here);
}

fn compare(name: &str, not_here: &[&str]) {
    let file =
        format!("{}/../../../conformance/cases/documents/{}.expected", env!("CARGO_MANIFEST_DIR"), name);
    let expected = std::fs::read_to_string(&file).unwrap_or_else(|error| panic!("{}: {}", file, error));
    let expected: Vec<_> = expected.lines().filter(|line| !not_here.contains(line)).collect();
    assert_eq!(LINES.with(RefCell::take), expected, "{}", name);
}

fn seconds(seconds: f64) -> Duration {
    Duration::from_secs_f64(seconds)
}

fn python(truth: bool) -> &'static str {
    if truth {
        "True"
    } else {
        "False"
    }
}

/// The time since the case began, in whole seconds.
struct Clock(Duration);
impl Clock {
    fn start() -> Result<Self> {
        now().map(Clock)
    }
    fn t(&self) -> String {
        format!("t={:.0}", (now().unwrap() - self.0).as_secs_f64())
    }
}

/// Threads and children take real time, which is not what passes under virtual time.
fn real_time(what: &str) -> bool {
    let real = Loop::new().expect("the backend of this run").backend() != "virtual";
    if !real {
        println!("left out under virtual time: {}", what);
    }
    real
}

#[derive(Debug)]
struct ValueError(&'static str);
impl std::fmt::Display for ValueError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.0)
    }
}
impl std::error::Error for ValueError {}

#[test]
fn s000_01_subprocess_timeout() {
    if !real_time("four shell commands") {
        return;
    }
    async fn single(command: &'static str) -> Result<()> {
        let child = Command::shell(command).stdout(Stdio::Piped).stderr(Stdio::Piped).group().spawn()?;
        match timeout(seconds(2.0), child.communicate(b"")).await {
            Ok(output) => {
                output?;
                say!("{} complete", command);
            }
            Err(_) => say!("{} timeout", command),
        }
        Ok(())
    }
    case("s000_01_subprocess_timeout", &[], async {
        let commands = ["sleep 1 && echo hello", "sleep 1.5", "echo world", "sleep 500"];
        gather(commands.map(|command| create_task(single(command)))).await?;
        Ok(())
    });
}

async fn say_after(delay: f64, what: &'static str) -> Result<&'static str> {
    sleep(seconds(delay)).await?;
    say!("{}", what);
    Ok(what)
}

#[test]
fn s000_03_say_after_sequential() {
    case("s000_03_say_after_sequential", &[], async {
        let clock = Clock::start()?;
        say!("started at {}", clock.t());
        say_after(1.0, "hello").await?;
        say_after(2.0, "world").await?;
        say!("finished at {}", clock.t());
        Ok(())
    });
}

#[test]
fn s000_04_say_after_tasks() {
    case("s000_04_say_after_tasks", &[], async {
        let clock = Clock::start()?;
        let (one, two) = (create_task(say_after(1.0, "hello")), create_task(say_after(2.0, "world")));
        say!("started at {}", clock.t());
        one.await?;
        two.await?;
        say!("finished at {}", clock.t());
        Ok(())
    });
}

#[test]
fn s000_05_taskgroup() {
    case("s000_05_taskgroup_prose", &[], async {
        let clock = Clock::start()?;
        say!("started at {}", clock.t());
        let (one, two) = TaskGroup::scope(|group| async move {
            Ok::<_, Error>((
                group.create_task(say_after(1.0, "hello"))?,
                group.create_task(say_after(2.0, "world"))?,
            ))
        })
        .await?;
        say!("finished at {} {} {}", clock.t(), one.await?, two.await?);
        Ok(())
    });
}

#[test]
fn s000_06_gather() {
    async fn work(clock: Rc<Clock>, name: &'static str, delay: f64, fail: bool) -> Result<&'static str> {
        say!("{} {} start", clock.t(), name);
        sleep(seconds(delay)).await?;
        if fail {
            say!("{} {} raise", clock.t(), name);
            return Err(Error::other(ValueError(name)));
        }
        say!("{} {} end", clock.t(), name);
        Ok(name)
    }
    case("s000_06_gather_prose", &[], async {
        let clock = Rc::new(Clock::start()?);
        let task = |name, delay, fail| create_task(work(clock.clone(), name, delay, fail));
        let both = gather([task("a", 2.0, false), task("b", 1.0, false)]).await?;
        say!("['{}', '{}']", both[0], both[1]);
        let failed = gather([task("c", 1.0, true), task("d", 2.0, false)]).await.unwrap_err();
        say!("{} caught {}", clock.t(), failed.downcast_ref::<ValueError>().unwrap().0);
        sleep(seconds(2.0)).await?;
        let ends = gather_results([task("e", 1.0, true), task("f", 2.0, false)]).await?;
        let error = ends[0].as_ref().unwrap_err().downcast_ref::<ValueError>().unwrap();
        say!("[ValueError('{}'), '{}']", error, ends[1].as_ref().unwrap());
        Ok(())
    });
}

#[test]
fn s000_07_wait() {
    async fn work(clock: Rc<Clock>, name: &'static str, delay: f64) -> Result<&'static str> {
        sleep(seconds(delay)).await?;
        say!("{} {}", clock.t(), name);
        Ok(name)
    }
    async fn names(done: Vec<JoinHandle<&'static str>>) -> Result<String> {
        let mut names = Vec::new();
        for handle in done {
            names.push(format!("'{}'", handle.await?));
        }
        names.sort();
        Ok(names.join(", "))
    }
    case("s000_07_wait_prose", &[], async {
        let clock = Rc::new(Clock::start()?);
        let task = |name, delay| create_task(work(clock.clone(), name, delay));
        let all = wait(vec![task("a", 2.0), task("b", 1.0)], ReturnWhen::AllCompleted, None).await?;
        assert!(all.pending.is_empty());
        say!("{} [{}] set()", clock.t(), names(all.done).await?);
        let first = wait(vec![task("c", 2.0), task("d", 1.0)], ReturnWhen::FirstCompleted, None).await?;
        say!("{} [{}] {}", clock.t(), names(first.done).await?, first.pending.len());
        let limited = wait(first.pending, ReturnWhen::AllCompleted, Some(seconds(0.5))).await?;
        say!("{} {}", limited.done.len(), limited.pending.len());
        wait(limited.pending, ReturnWhen::AllCompleted, None).await?;
        Ok(())
    });
}

#[test]
fn s001_04_shield() {
    case("s001_04_shield", &["shield's type => Future"], async {
        let mut task = create_task(async {
            say!("do_async_job!");
            sleep(seconds(2.0)).await?;
            say!("protect me from cancelling!");
            Ok::<_, Error>(())
        });
        let shielded = timeout(seconds(1.0), shield(&mut task)).await;
        say!("timeout!");
        // Its limit has dropped it, which cancels what C has.
        say!("shield canceled: {}", python(shielded.is_err()));
        say!("task canceled: {}", python(task.is_cancelled()));
        task.await
    });
}

#[test]
fn s001_08_to_thread() {
    if !real_time("a thread that sleeps") {
        return;
    }
    case("s001_08_to_thread_prose", &[], async {
        let clock = Clock::start()?;
        let main = std::thread::current().id();
        let ticker = create_task(async {
            let mut ticks = Vec::new();
            for i in 0..4 {
                sleep(seconds(0.2)).await?;
                ticks.push(i);
            }
            Ok::<_, Error>(ticks)
        });
        let elsewhere = to_thread(move || {
            std::thread::sleep(seconds(1.0));
            std::thread::current().id() == main
        });
        let in_main = python(elsewhere.await?);
        say!("blocking ran in the main thread: {} ticks: {:?}", in_main, ticker.await?);
        say!("{}", clock.t());
        Ok(())
    });
}

#[test]
fn s002_02_await_task_shield_cancel() {
    async fn something(n: u32) -> Result<u32> {
        say!("start {}", n);
        sleep(seconds(0.2)).await?;
        say!("end {}", n);
        Ok(n)
    }
    // "True" is what get_coro() is compared with, which has no name in Rust.
    case("s002_02_await_task_shield_cancel", &["True"], async {
        say!("result {}", something(1).await?);
        say!("result {}", create_task(something(2)).await?);
        say!("result {}", shield(&mut create_task(something(3))).await?);
        let mut task = create_task(something(4));
        task.request_cancel();
        assert!((&mut task).await.unwrap_err().is_cancelled());
        say!("cancelled {}", python(task.is_cancelled()));
        Ok(())
    });
}

#[test]
fn s002_03_as_completed() {
    fn tasks() -> Vec<JoinHandle<&'static str>> {
        let work = |(name, delay)| async move { sleep(seconds(delay)).await.map(|()| name) };
        [("slow", 0.6), ("fast", 0.2), ("middle", 0.4)].map(work).map(create_task).into()
    }
    case("s002_03_as_completed", &[], async {
        let mut all = as_completed(tasks(), None)?;
        while let Some(task) = all.next().await? {
            say!("{}", task.await?);
        }
        let some = tasks();
        let names: Vec<_> = some.iter().map(JoinHandle::task).collect();
        let mut limited = as_completed(some, Some(seconds(0.3)))?;
        loop {
            match limited.next().await {
                Ok(None) => break,
                Ok(Some(task)) => say!("{}", task.await?),
                Err(error) if error.is_timeout() => say!("TimeoutError"),
                Err(error) => return Err(error),
            }
        }
        let done: Vec<_> = names.iter().map(|task| python(task.is_finished())).collect();
        say!("[{}]", done.join(", "));
        Ok(())
    });
}

#[test]
fn s002_05_wait_for() {
    async fn work(delay: f64) -> Result<f64> {
        sleep(seconds(delay)).await.map(|()| delay)
    }
    case("s002_05_wait_for", &[], async {
        say!("{}", wait_for(create_task(work(0.1)), seconds(0.5)).await?);
        assert!(wait_for(create_task(work(5.0)), seconds(0.5)).await.unwrap_err().is_timeout());
        say!("TimeoutError");
        Ok(())
    });
}

#[test]
fn s002_06_timeout() {
    async fn ready_to_battle(delay: f64) -> Result<()> {
        if let Err(error) = sleep(seconds(delay)).await {
            say!("interrupted");
            return Err(error);
        }
        say!("ready");
        Ok(())
    }
    case("s002_06_timeout", &[], async {
        let scope =
            TimeoutScope::run(
                seconds(0.5),
                |scope| async move { ready_to_battle(0.1).await.map(|()| scope) },
            )
            .await?;
        say!("{}", python(scope.is_expired()));
        let kept = RefCell::new(None);
        let end = TimeoutScope::run(seconds(0.5), |scope| {
            *kept.borrow_mut() = Some(scope);
            ready_to_battle(5.0)
        });
        assert!(end.await.unwrap_err().is_timeout());
        say!("TimeoutError {}", python(kept.borrow().as_ref().unwrap().is_expired()));
        Ok(())
    });
}

#[test]
fn s002_07_subprocess() {
    if !real_time("children") {
        return;
    }
    case("s002_07_subprocess", &[], async {
        let child = Command::shell("echo out; echo err >&2; exit 3")
            .stdout(Stdio::Piped)
            .stderr(Stdio::Piped)
            .spawn()?;
        let output = child.communicate(b"").await?;
        let show = |bytes: &[u8]| format!("b'{}'", String::from_utf8_lossy(bytes).escape_debug());
        say!("{} {} {}", show(&output.stdout), show(&output.stderr), output.status.code().unwrap());
        let child = Command::new("printf")
            .args(["%s-%s", "a.txt", "b.txt"])
            .stdout(Stdio::Piped)
            .stderr(Stdio::Piped)
            .spawn()?;
        let status = child.wait().await?;
        let again = child.try_wait().unwrap();
        let output = child.communicate(b"").await?;
        say!("{} {} {}", status.code().unwrap(), again.code().unwrap(), show(&output.stdout));
        Ok(())
    });
}

#[test]
fn s002_10_queue() {
    case("s002_10_queue_prose", &[], async {
        let queue = Queue::new(1)?;
        let (to, from) = (queue.clone(), queue);
        let producer = create_task(async move {
            for i in 0..4 {
                to.put(Some(i)).await?;
                say!("put {}", i);
            }
            to.put(None).await
        });
        let consumer = create_task(async move {
            while let Some(item) = from.get().await? {
                say!("got {}", item);
                sleep(seconds(0.1)).await?;
            }
            Ok::<_, Error>(())
        });
        gather([producer, consumer]).await.map(drop)
    });
}

async fn cancel_me() -> Result<()> {
    struct Finally;
    impl Drop for Finally {
        fn drop(&mut self) {
            say!("cancel_me(): after sleep");
        }
    }
    say!("cancel_me(): sleep");
    let _finally = Finally;
    if let Err(error) = sleep(seconds(3600.0)).await {
        say!("cancel_me(): cancel sleep");
        return Err(error);
    }
    Ok(())
}

async fn cancels(pause: Option<f64>) -> Result<()> {
    say!("main(): running");
    let task = create_task(cancel_me());
    say!("main(): sleep");
    if let Some(pause) = pause {
        sleep(seconds(pause)).await?;
    }
    say!("main(): call cancel");
    assert!(task.cancel().await.unwrap_err().is_cancelled());
    say!("main(): cancel_me is cancelled now");
    Ok(())
}

#[test]
fn s003_04_cancel_me() {
    case("s003_04_cancel_me", &[], cancels(Some(5.0)));
}

#[test]
fn s003_05_cancel_me_no_sleep() {
    case("s003_05_cancel_me_no_sleep", &[], cancels(None));
}

#[test]
fn s003_06_future() {
    case("s003_06_future", &[], async {
        let (sender, receiver) = oneshot()?;
        let _job = create_task(async move {
            sleep(seconds(2.0)).await?;
            sender.send("Hello future").map_err(Error::from)
        });
        say!("{}", receiver.await?);
        Ok(())
    });
}

#[test]
fn s003_14_threadsafe() {
    if !real_time("another thread") {
        return;
    }
    let (to_main, from_thread) = std::sync::mpsc::channel();
    let thread = std::thread::spawn(move || {
        let event_loop = Loop::new().unwrap();
        // Runs until the other thread drops what it is sent: then the task that waits is cancelled.
        let forever = async {
            let (stop, stopped) = oneshot::<()>()?;
            to_main.send((Remote::current()?, StopOnLoop(stop))).unwrap();
            stopped.await
        };
        assert_eq!(event_loop.block_on(forever), Ok(Ok(())));
    });
    struct StopOnLoop(Sender<()>);
    // SAFETY: only carried back to the thread it comes from.
    unsafe impl Send for StopOnLoop {}
    let (remote, stop) = from_thread.recv().unwrap();
    let mut answer = remote.spawn(|| async {
        sleep(seconds(0.2)).await?;
        Ok::<_, Error>(41 + 1)
    });
    say!("concurrent {}", answer.wait(Some(seconds(30.0))).unwrap().unwrap());
    remote
        .call_soon(move || {
            let whole = stop;
            whole.0.send(()).unwrap();
        })
        .unwrap();
    thread.join().unwrap();
    compare("s003_14_threadsafe_prose", &[]);
}

#[test]
fn s004_08_gather_vs_wait() {
    async fn slow(delay: u64) -> Result<u64> {
        say!("sleep {} second", delay);
        sleep(Duration::from_secs(delay)).await?;
        say!("done");
        Ok(delay)
    }
    case("s004_08_gather_vs_wait", &[], async {
        let clock = Clock::start()?;
        let both = wait([1, 3].map(slow).map(create_task).into(), ReturnWhen::AllCompleted, None).await?;
        let values = gather(both.done).await?;
        say!("wait: {:?} set() {}", values, clock.t());
        let clock = Clock::start()?;
        say!("gather: {:?} {}", gather([1, 3].map(slow).map(create_task)).await?, clock.t());
        Ok(())
    });
}

#[test]
fn s004_10_callback() {
    fn show<T: std::fmt::Display>(label: &'static str) -> impl FnOnce(Result<T>) {
        move |end| match end {
            Ok(value) => say!("{} {}", label, value),
            Err(_) => say!("{} exception", label),
        }
    }
    case("s004_10_callback_prose", &[], async {
        let ok = create_task(async { Ok::<_, Error>(1) });
        let bad = create_task(async { Err::<u32, _>(Error::other(ValueError(""))) });
        ok.add_done_callback(show("ok"))?;
        bad.add_done_callback(show("bad"))?;
        say!("callbacks set");
        sleep(seconds(0.1)).await
    });
}

#[test]
fn locks_are_fair_and_lose_no_wake_up() {
    run(async {
        let lock = Lock::new()?;
        let order = Rc::new(RefCell::new(Vec::new()));
        let first = lock.acquire().await?;
        let waiter = |n: u32| {
            let (lock, order) = (lock.clone(), order.clone());
            create_task(async move {
                let _guard = lock.acquire().await?;
                order.borrow_mut().push(n);
                yield_now().await
            })
        };
        let tasks: Vec<_> = (0..4).map(waiter).collect();
        yield_now().await?;
        drop(first);
        // The first who waits has been woken, and is cancelled before it runs.
        tasks[0].request_cancel();
        for (n, task) in tasks.into_iter().enumerate() {
            assert_eq!(task.await.is_err(), n == 0);
        }
        assert_eq!(*order.borrow(), [1, 2, 3]);
        assert!(!lock.is_locked());
        Ok::<_, Error>(())
    })
    .unwrap();
}
