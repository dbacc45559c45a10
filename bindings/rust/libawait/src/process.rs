// SPDX-License-Identifier: MIT
//! Child processes, awaited through pidfds: no SIGCHLD handler, no wait for other children.

use crate::error::{Error, Result};
use crate::event_loop::c_string;
use crate::leaf::Leaf;
use crate::op::{current_loop, future_of_op, Finish, Op};
use crate::reference::Ref;
use crate::sys;
use crate::value::{Value, Wanted};
use std::ffi::{CString, OsStr, OsString};
use std::fmt;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::io::{AsRawFd, FromRawFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::ptr;

/// Where a standard stream of the child is connected.
#[derive(Debug)]
pub enum Stdio {
    /// The parent's stream.
    Inherit,
    /// A pipe to the parent.
    Piped,
    /// /dev/null.
    Null,
    /// This descriptor.
    Fd(OwnedFd),
    /// For stderr: the same as stdout.
    Stdout,
}

/// How to start a child, similar to `std::process::Command`. asyncio.create_subprocess_exec.
///
/// ```
/// # libawait::block_on(async {
/// use libawait::{Command, Stdio};
/// let child = Command::new("echo").arg("hello").stdout(Stdio::Piped).spawn()?;
/// let output = child.communicate(b"").await?;
/// assert!(output.status.success());
/// assert_eq!(output.stdout, b"hello\n");
/// # Ok::<_, libawait::Error>(())
/// # }).unwrap().unwrap();
/// ```
#[derive(Debug)]
pub struct Command {
    arguments: Vec<OsString>,
    shell: bool,
    environment: Option<Vec<(OsString, OsString)>>,
    directory: Option<PathBuf>,
    streams: [Stdio; 3],
    flags: sys::aw_process_flag,
    group: Option<i32>,
}

impl Command {
    /// Names a program, which is looked up in the child's PATH unless it contains a slash.
    pub fn new(program: impl AsRef<OsStr>) -> Self {
        Command {
            arguments: vec![program.as_ref().to_owned()],
            shell: false,
            environment: None,
            directory: None,
            streams: [Stdio::Inherit, Stdio::Inherit, Stdio::Inherit],
            flags: sys::AW_PROCESS_DEFAULT,
            group: None,
        }
    }

    /// Runs `/bin/sh -c command`. Never use it with untrusted text. asyncio.create_subprocess_shell.
    pub fn shell(command: impl AsRef<OsStr>) -> Self {
        let mut this = Command::new(command);
        this.shell = true;
        this
    }

    /// Adds an argument. Not for use with [`shell`](Command::shell).
    pub fn arg(mut self, argument: impl AsRef<OsStr>) -> Self {
        self.arguments.push(argument.as_ref().to_owned());
        self
    }

    /// Adds arguments.
    pub fn args(mut self, arguments: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Self {
        self.arguments.extend(arguments.into_iter().map(|argument| argument.as_ref().to_owned()));
        self
    }

    /// Sets a variable in the child's environment, which otherwise is the parent's.
    pub fn env(mut self, name: impl AsRef<OsStr>, value: impl AsRef<OsStr>) -> Self {
        let environment = self.environment.get_or_insert_with(|| std::env::vars_os().collect());
        environment.retain(|(each, _)| each != name.as_ref());
        environment.push((name.as_ref().to_owned(), value.as_ref().to_owned()));
        self
    }

    /// Starts with an empty environment.
    pub fn env_clear(mut self) -> Self {
        self.environment = Some(Vec::new());
        self
    }

    /// Sets its working directory.
    pub fn current_dir(mut self, directory: impl AsRef<Path>) -> Self {
        self.directory = Some(directory.as_ref().to_owned());
        self
    }

    /// Sets where its stdin is connected.
    pub fn stdin(mut self, stdio: Stdio) -> Self {
        self.streams[0] = stdio;
        self
    }

    /// Sets where its stdout is connected.
    pub fn stdout(mut self, stdio: Stdio) -> Self {
        self.streams[1] = stdio;
        self
    }

    /// Sets where its stderr is connected.
    pub fn stderr(mut self, stdio: Stdio) -> Self {
        self.streams[2] = stdio;
        self
    }

    fn flag(mut self, flag: sys::aw_process_flag) -> Self {
        self.flags |= flag;
        self
    }

    /// Starts it in its own process group. Signals and [`Child::close`] reach the whole group, so processes
    /// that a shell started end with the shell.
    pub fn group(self) -> Self {
        self.flag(sys::AW_PROCESS_GROUP)
    }

    /// Starts it in the process group `pgid`.
    pub fn join_group(mut self, pgid: i32) -> Self {
        self.group = Some(pgid);
        self
    }

    /// Starts it in its own session.
    pub fn session(self) -> Self {
        self.flag(sys::AW_PROCESS_SESSION)
    }

    /// Lets it outlive its last handle; then nobody reaps it. Otherwise a child is killed and reaped.
    pub fn detach(self) -> Self {
        self.flag(sys::AW_PROCESS_DETACH)
    }

    /// Lets it inherit every descriptor that is not close-on-exec.
    pub fn keep_fds(self) -> Self {
        self.flag(sys::AW_PROCESS_KEEP_FDS)
    }

    fn options(&self) -> Result<Ref<sys::aw_process_options>> {
        // SAFETY: no precondition; a new reference.
        let options = Ref::made_by(|out| unsafe { sys::aw_process_options_new(out) })?;
        let raw = options.raw();
        for (stream, stdio) in (0..).zip(&self.streams) {
            let (how, fd) = match stdio {
                Stdio::Inherit => (sys::AW_STDIO_INHERIT, -1),
                Stdio::Piped => (sys::AW_STDIO_PIPE, -1),
                Stdio::Null => (sys::AW_STDIO_NULL, -1),
                Stdio::Fd(fd) => (sys::AW_STDIO_FD, fd.as_raw_fd()),
                Stdio::Stdout => (sys::AW_STDIO_STDOUT, -1),
            };
            // SAFETY: alive; the descriptor is open until the child has it.
            Error::check(unsafe { sys::aw_process_options_set_stdio(raw, stream, how as i32, fd) })?;
        }
        if let Some(directory) = &self.directory {
            let directory = c_string(directory.as_os_str().as_bytes())?;
            // SAFETY: alive; copied.
            Error::check(unsafe { sys::aw_process_options_set_cwd(raw, directory.as_ptr()) })?;
        }
        if let Some(environment) = &self.environment {
            let join = |(name, value): &(OsString, OsString)| {
                let mut text = name.clone().into_vec();
                text.push(b'=');
                text.extend(value.as_bytes());
                c_string(text)
            };
            let texts = environment.iter().map(join).collect::<Result<Vec<_>>>()?;
            // An empty environment still counts as set.
            let mut pointers: Vec<_> = texts.iter().map(|text| text.as_ptr()).collect();
            let count = pointers.len();
            pointers.push(ptr::null());
            // SAFETY: alive; copied.
            Error::check(unsafe { sys::aw_process_options_set_env(raw, pointers.as_ptr(), count) })?;
        }
        if let Some(group) = self.group {
            // SAFETY: alive.
            Error::check(unsafe { sys::aw_process_options_set_group(raw, group) })?;
        }
        // SAFETY: alive.
        Error::check(unsafe { sys::aw_process_options_set_flags(raw, self.flags) })?;
        Ok(options)
    }

    /// Starts the child in the running loop.
    ///
    /// # Errors
    /// System errors, including those of a failed exec, chdir or open in the child; then no child is left.
    pub fn spawn(&self) -> Result<Child> {
        let event_loop = current_loop()?;
        let options = self.options()?;
        let arguments = self
            .arguments
            .iter()
            .map(|argument| c_string(argument.as_bytes()))
            .collect::<Result<Vec<CString>>>()?;
        let pointers: Vec<_> = arguments.iter().map(|argument| argument.as_ptr()).collect();
        let make = |out| {
            // SAFETY: all alive until the call returns.
            unsafe {
                if self.shell {
                    sys::aw_subprocess_shell(event_loop, pointers[0], options.raw(), out)
                } else {
                    sys::aw_subprocess_exec(event_loop, pointers.as_ptr(), pointers.len(), options.raw(), out)
                }
            }
        };
        Ref::made_by(make).map(Child)
    }
}

/// How a child exited. asyncio: Process.returncode.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ExitStatus(i32);

impl ExitStatus {
    /// Returns whether it exited with 0.
    pub fn success(self) -> bool {
        self.0 == 0
    }

    /// Returns the exit code, unless a signal killed it.
    pub fn code(self) -> Option<i32> {
        (self.0 >= 0).then_some(self.0)
    }

    /// Returns the signal that killed it, if any.
    pub fn signal(self) -> Option<i32> {
        (self.0 < 0).then_some(-self.0)
    }
}

impl fmt::Display for ExitStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.signal() {
            Some(signal) => write!(f, "signal: {}", signal),
            None => write!(f, "exit status: {}", self.0),
        }
    }
}

/// The result of [`Child::communicate`].
#[derive(Debug, Clone)]
pub struct Output {
    /// How it exited.
    pub status: ExitStatus,
    /// All of its output, if stdout is a pipe.
    pub stdout: Vec<u8>,
    /// All of its errors, if stderr is a pipe.
    pub stderr: Vec<u8>,
}

/// A child process. Clones refer to the same child. Dropping the last handle kills and reaps a child that
/// still runs, unless it is detached. asyncio: Process.
#[derive(Clone)]
pub struct Child(Ref<sys::aw_process>);

impl Child {
    /// Takes over a child that was forked elsewhere; it is reaped when it exits. `pidfd` is duplicated, or
    /// opened if there is none.
    ///
    /// # Errors
    /// `ESRCH`, `ECHILD`, `EBADF`.
    pub fn adopt(pid: i32, pidfd: Option<&OwnedFd>) -> Result<Child> {
        let event_loop = current_loop()?;
        let fd = pidfd.map_or(-1, AsRawFd::as_raw_fd);
        // SAFETY: the loop is alive, the child a new reference.
        Ref::made_by(|out| unsafe {
            sys::aw_process_adopt(event_loop, pid, fd, sys::AW_PROCESS_DEFAULT, out)
        })
        .map(Child)
    }

    fn raw(&self) -> *mut sys::aw_process {
        self.0.raw()
    }

    /// Returns its pid, even after its exit. asyncio: Process.pid.
    pub fn id(&self) -> i32 {
        // SAFETY: alive.
        unsafe { sys::aw_process_pid(self.raw()) }
    }

    /// Returns how it exited, if it has. asyncio: Process.returncode.
    pub fn try_wait(&self) -> Option<ExitStatus> {
        let mut code = 0;
        // SAFETY: alive.
        (unsafe { sys::aw_process_returncode(self.raw(), &mut code) } >= 0).then_some(ExitStatus(code))
    }

    /// Waits only for its exit, even if other processes still hold its pipes. Dropping or cancelling the wait
    /// does not affect the child. asyncio: Process.wait.
    pub fn wait(&self) -> Wait {
        // SAFETY: alive; a new reference.
        let future = Ref::made_by(|out| unsafe { sys::aw_process_wait(self.raw(), out) });
        Wait(Op::new(future.map(|future| Leaf::future(future, Wanted::Bits, true)), Exited))
    }

    /// Waits for its exit and for the ends of its output, which it reads and keeps meanwhile. So it also
    /// waits for processes that the child left behind.
    pub fn wait_closed(&self) -> Wait {
        // SAFETY: alive; a new reference.
        let future = Ref::made_by(|out| unsafe { sys::aw_process_wait_closed(self.raw(), out) });
        Wait(Op::new(future.map(|future| Leaf::future(future, Wanted::Bits, true)), Exited))
    }

    /// Writes `input` to its stdin and closes it, reads its output to the end, and waits for its exit. If
    /// cancelled, it keeps what was read and what is not written yet: call it again, without input, to
    /// continue. asyncio: Process.communicate.
    pub fn communicate(&self, input: &[u8]) -> Communicate {
        let data = if input.is_empty() { ptr::null() } else { input.as_ptr().cast() };
        // SAFETY: alive; the input is copied; a new reference.
        let future =
            Ref::made_by(|out| unsafe { sys::aw_process_communicate(self.raw(), data, input.len(), out) });
        let leaf = future.map(|future| Leaf::future(future, Wanted::Bits, true));
        Communicate(Op::new(leaf, Communicated(self.clone())))
    }

    /// Returns what has been read from stdout (1) or stderr (2) so far. asyncio returns it only from
    /// `communicate`.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidState`](crate::ErrorKind::InvalidState) if that is not a pipe.
    pub fn output(&self, stream: i32) -> Result<Vec<u8>> {
        let (mut data, mut length) = (ptr::null(), 0);
        // SAFETY: alive; borrowed until the loop runs again, and copied before that.
        unsafe {
            Error::check(sys::aw_process_output(self.raw(), stream, &mut data, &mut length))?;
            if length == 0 {
                return Ok(Vec::new());
            }
            Ok(std::slice::from_raw_parts(data.cast::<u8>(), length).to_vec())
        }
    }

    /// Returns the parent's end of the pipe of stream 0, 1 or 2, non-blocking.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidState`](crate::ErrorKind::InvalidState) if there is none, or while it is in use.
    pub fn take_pipe(&self, stream: i32) -> Result<OwnedFd> {
        let mut fd = -1;
        // SAFETY: alive; the descriptor is the caller's from here on.
        unsafe {
            Error::check(sys::aw_process_take_pipe(self.raw(), stream, &mut fd))?;
            Ok(OwnedFd::from_raw_fd(fd))
        }
    }

    /// Sends a signal through the pidfd. asyncio: Process.send_signal.
    ///
    /// # Errors
    /// `ESRCH` once it has exited.
    pub fn signal(&self, signal: i32) -> Result<()> {
        // SAFETY: alive.
        Error::done(unsafe { sys::aw_process_send_signal(self.raw(), signal) })
    }

    /// Sends SIGTERM. asyncio: Process.terminate.
    ///
    /// # Errors
    /// As [`Child::signal`].
    pub fn terminate(&self) -> Result<()> {
        // SAFETY: alive.
        Error::done(unsafe { sys::aw_process_terminate(self.raw()) })
    }

    /// Sends SIGKILL. asyncio: Process.kill.
    ///
    /// # Errors
    /// As [`Child::signal`].
    pub fn kill(&self) -> Result<()> {
        // SAFETY: alive.
        Error::done(unsafe { sys::aw_process_kill(self.raw()) })
    }

    /// Closes the pipes and kills a child that still runs, unless it is detached. The child is still reaped.
    pub fn close(&self) {
        // SAFETY: alive.
        unsafe { sys::aw_process_close(self.raw()) };
    }
}

impl fmt::Debug for Child {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Child").field("id", &self.id()).field("status", &self.try_wait()).finish()
    }
}

struct Exited;
impl Finish for Exited {
    type Output = Result<ExitStatus>;
    fn finish(&mut self, end: Result<Value>) -> Self::Output {
        end.map(|value| ExitStatus(value.bits() as i32))
    }
}

/// The future of [`Child::wait`].
#[must_use = "futures do nothing unless they are awaited"]
pub struct Wait(Op<Exited>);
future_of_op!(Wait => Result<ExitStatus>);

struct Communicated(Child);
impl Finish for Communicated {
    type Output = Result<Output>;
    fn finish(&mut self, end: Result<Value>) -> Self::Output {
        let status = ExitStatus(end?.bits() as i32);
        // A stream that is not a pipe gives nothing.
        let read = |stream| self.0.output(stream).unwrap_or_default();
        Ok(Output { status, stdout: read(1), stderr: read(2) })
    }
}

/// The future of [`Child::communicate`].
#[must_use = "futures do nothing unless they are awaited"]
pub struct Communicate(Op<Communicated>);
future_of_op!(Communicate => Result<Output>);
