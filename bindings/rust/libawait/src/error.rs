// SPDX-License-Identifier: MIT
//! All errors, in one type.

use crate::sys;
use std::any::Any;
use std::collections::HashSet;
use std::error::Error as StdError;
use std::ffi::{c_void, CStr, CString};
use std::fmt;
use std::io;
use std::panic::{self, AssertUnwindSafe};
use std::ptr;
use std::sync::{Arc, Mutex, MutexGuard};

/// A result of libawait.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why a task has no value: its body failed, it was cancelled ([`Error::is_cancelled`]), or it panicked
/// ([`Error::is_panic`]).
pub type JoinError = Error;

/// A failure: a libawait status, a system error, or a Rust error that passed through a task.
///
/// Cheap to clone: all awaiters of a failed task see the same error. asyncio: the exceptions.
#[derive(Clone)]
pub struct Error {
    code: i32,
    more: Option<Arc<More>>,
}

struct More {
    message: String,
    cause: Cause,
}

enum Cause {
    Nothing,
    Host(Box<dyn StdError + Send + Sync>),
    Panic(Mutex<Option<Box<dyn Any + Send>>>),
    Group(Vec<Error>),
}

/// What a libawait status means; system errors are [`ErrorKind::Os`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// It was cancelled (asyncio.CancelledError).
    Cancelled,
    /// A timeout (TimeoutError).
    Timeout,
    /// A blocking wait timed out, and what it waits for is still pending (concurrent.futures.TimeoutError).
    Pending,
    /// The object is not in the state that the call needs (InvalidStateError).
    InvalidState,
    /// The queue is full (QueueFull).
    QueueFull,
    /// The queue is empty (QueueEmpty).
    QueueEmpty,
    /// The queue was shut down (QueueShutDown).
    QueueShutDown,
    /// The barrier is broken (BrokenBarrierError).
    BrokenBarrier,
    /// The iterator is at its end (StopAsyncIteration).
    StopIteration,
    /// Another thread drives this loop.
    WrongThread,
    /// The loop is closed.
    LoopClosed,
    /// The loop belongs to the parent process.
    Forked,
    /// The awaited object belongs to another loop.
    ForeignLoop,
    /// A loop already runs in this thread.
    LoopRunning,
    /// No loop runs in this thread, or no libawait task.
    NoLoop,
    /// The loop was stopped before its future was done.
    Stopped,
    /// The backend does not exist, or none in the list is usable.
    NoBackend,
    /// A Rust error: [`Error::downcast_ref`], [`Error::get_ref`].
    Host,
    /// A panic: [`Error::into_panic`].
    Panic,
    /// Several failures (ExceptionGroup): [`Error::errors`].
    Group,
    /// A system error: [`Error::raw_os_error`].
    Os,
    /// Another libawait status: [`Error::code`].
    Other,
}

impl Error {
    /// Creates the error for a status that a call returned. `code` is negative: `-errno`, or one of `AW_E…`.
    pub const fn from_code(code: i32) -> Self {
        Error { code, more: None }
    }

    /// A cancellation. A task returns it to pass a cancellation on.
    pub const CANCELLED: Error = Error::from_code(sys::AW_ECANCELLED);
    /// A timeout.
    pub const TIMEOUT: Error = Error::from_code(sys::AW_ETIMEOUT);
    /// A blocking wait that timed out; what it waited for may still end.
    pub const PENDING: Error = Error::from_code(sys::AW_EPENDING);

    fn with(code: i32, message: String, cause: Cause) -> Self {
        let more = Some(Arc::new(More { message, cause }));
        Error { code, more }
    }

    /// Wraps an error of the program. It passes through tasks and groups unchanged, and
    /// [`Error::downcast_ref`] returns it.
    pub fn other(error: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        let error = error.into();
        Error::with(sys::AW_EHOST, error.to_string(), Cause::Host(error))
    }

    pub(crate) fn panic(payload: Box<dyn Any + Send>) -> Self {
        let text = match (payload.downcast_ref::<&'static str>(), payload.downcast_ref::<String>()) {
            (Some(text), _) => (*text).to_owned(),
            (_, Some(text)) => text.clone(),
            _ => "a value that is not a text".to_owned(),
        };
        Error::with(sys::AW_EHOST, format!("panicked: {}", text), Cause::Panic(Mutex::new(Some(payload))))
    }

    /// Returns the status: `-errno`, or one of `AW_E…` of `libawait_sys`.
    pub const fn code(&self) -> i32 {
        self.code
    }

    /// Returns the kind of failure.
    pub fn kind(&self) -> ErrorKind {
        match self.code {
            sys::AW_ECANCELLED => ErrorKind::Cancelled,
            sys::AW_ETIMEOUT => ErrorKind::Timeout,
            sys::AW_EPENDING => ErrorKind::Pending,
            sys::AW_EINVALIDSTATE => ErrorKind::InvalidState,
            sys::AW_EQUEUEFULL => ErrorKind::QueueFull,
            sys::AW_EQUEUEEMPTY => ErrorKind::QueueEmpty,
            sys::AW_EQUEUESHUTDOWN => ErrorKind::QueueShutDown,
            sys::AW_EBROKENBARRIER => ErrorKind::BrokenBarrier,
            sys::AW_ESTOPITERATION => ErrorKind::StopIteration,
            sys::AW_EWRONGTHREAD => ErrorKind::WrongThread,
            sys::AW_ELOOPCLOSED => ErrorKind::LoopClosed,
            sys::AW_EFORKED => ErrorKind::Forked,
            sys::AW_EFOREIGNLOOP => ErrorKind::ForeignLoop,
            sys::AW_ELOOPRUNNING => ErrorKind::LoopRunning,
            sys::AW_ENOLOOP | sys::AW_ENOTASK => ErrorKind::NoLoop,
            sys::AW_ESTOPPED => ErrorKind::Stopped,
            sys::AW_ENOBACKEND => ErrorKind::NoBackend,
            sys::AW_EHOST => match self.cause() {
                Some(Cause::Panic(_)) => ErrorKind::Panic,
                _ => ErrorKind::Host,
            },
            sys::AW_EGROUP => ErrorKind::Group,
            code if code > sys::AW_ECANCELLED => ErrorKind::Os,
            _ => ErrorKind::Other,
        }
    }

    fn cause(&self) -> Option<&Cause> {
        self.more.as_ref().map(|more| &more.cause)
    }

    /// Returns whether it is a cancellation.
    pub fn is_cancelled(&self) -> bool {
        self.code == sys::AW_ECANCELLED
    }

    /// Returns whether it is a timeout, including that of a blocking wait, which [`Error::kind`]
    /// distinguishes.
    pub fn is_timeout(&self) -> bool {
        matches!(self.code, sys::AW_ETIMEOUT | sys::AW_EPENDING)
    }

    /// Returns whether the task panicked.
    pub fn is_panic(&self) -> bool {
        matches!(self.cause(), Some(Cause::Panic(_)))
    }

    /// Returns the payload of the panic, for [`std::panic::resume_unwind`]. It moves to the first caller; for
    /// other clones of this error, and for errors of another kind, returns the error itself.
    pub fn into_panic(self) -> std::result::Result<Box<dyn Any + Send>, Error> {
        let payload = match self.cause() {
            Some(Cause::Panic(payload)) => lock(payload).take(),
            _ => None,
        };
        payload.ok_or(self)
    }

    /// Resumes the panic, if it is one; otherwise returns the error.
    pub fn resume_panic(self) -> Error {
        match self.into_panic() {
            Ok(payload) => panic::resume_unwind(payload),
            Err(error) => error,
        }
    }

    /// Returns the program's error of type `E`, if it is one: see [`Error::other`].
    pub fn downcast_ref<E: StdError + 'static>(&self) -> Option<&E> {
        match self.cause() {
            Some(Cause::Host(error)) => error.downcast_ref(),
            _ => None,
        }
    }

    /// Returns the program's error, if it is one: see [`Error::other`].
    pub fn get_ref(&self) -> Option<&(dyn StdError + Send + Sync + 'static)> {
        match self.cause() {
            Some(Cause::Host(error)) => Some(&**error),
            _ => None,
        }
    }

    /// Returns the failures in a group, in order; nothing for other errors. asyncio:
    /// ExceptionGroup.exceptions.
    pub fn errors(&self) -> &[Error] {
        match self.cause() {
            Some(Cause::Group(errors)) => errors,
            _ => &[],
        }
    }

    /// Returns the `errno` of a system error.
    pub fn raw_os_error(&self) -> Option<i32> {
        (self.kind() == ErrorKind::Os).then_some(-self.code)
    }

    /// 0 and counts are `Ok`.
    pub(crate) fn check(status: i32) -> Result<i32> {
        if status < 0 {
            Err(Error::from_code(status))
        } else {
            Ok(status)
        }
    }

    /// Like `check`, if only the failure matters.
    pub(crate) fn done(status: i32) -> Result<()> {
        Error::check(status).map(drop)
    }

    /// Converts a C error object; `error` may be NULL.
    ///
    /// # Safety
    /// `error` is NULL or alive.
    pub(crate) unsafe fn from_raw(status: i32, error: *mut sys::aw_error) -> Error {
        if error.is_null() {
            return Error::from_code(status);
        }
        // SAFETY: it is alive, and these look only.
        unsafe {
            if let Some(ours) = ours(sys::aw_error_payload(error)) {
                return ours;
            }
            let code = sys::aw_error_status(error);
            let message = sys::aw_error_message(error);
            let count = sys::aw_error_count(error);
            if count > 0 {
                let errors = (0..count)
                    .map(|index| {
                        let each = sys::aw_error_get(error, index);
                        Error::from_raw(sys::aw_error_status(each), each)
                    })
                    .collect();
                return Error::with(code, text(message), Cause::Group(errors));
            }
            if message.is_null() || CStr::from_ptr(message) == CStr::from_ptr(sys::aw_strerror(code)) {
                return Error::from_code(code);
            }
            Error::with(code, text(message), Cause::Nothing)
        }
    }

    /// Converts to a C error object: a new reference, or NULL if memory runs out.
    pub(crate) fn to_raw(&self, event_loop: *mut sys::aw_loop) -> *mut sys::aw_error {
        let mut out = ptr::null_mut();
        let message = CString::new(self.to_string().replace('\0', " ")).unwrap_or_default();
        // SAFETY: the payload is a box of ours, taken back by `drop_payload`, or here if the call fails.
        unsafe {
            match self.cause() {
                None => drop_status(sys::aw_error_new(
                    event_loop,
                    self.code,
                    ptr::null(),
                    ptr::null_mut(),
                    None,
                    &mut out,
                )),
                Some(Cause::Nothing) => drop_status(sys::aw_error_new(
                    event_loop,
                    self.code,
                    message.as_ptr(),
                    ptr::null_mut(),
                    None,
                    &mut out,
                )),
                Some(Cause::Group(errors)) => {
                    let raw: Vec<_> = errors.iter().map(|error| error.to_raw(event_loop)).collect();
                    drop_status(sys::aw_error_new_group(
                        event_loop,
                        message.as_ptr(),
                        raw.as_ptr(),
                        raw.len(),
                        &mut out,
                    ));
                    raw.into_iter().for_each(|error| sys::aw_error_unref(error));
                }
                Some(_) => {
                    let payload = Box::into_raw(Box::new(self.clone())).cast::<c_void>();
                    lock(&PAYLOADS).get_or_insert_with(HashSet::new).insert(payload as usize);
                    if sys::aw_error_new(
                        event_loop,
                        self.code,
                        message.as_ptr(),
                        payload,
                        Some(drop_payload),
                        &mut out,
                    ) < 0
                    {
                        drop_payload(payload);
                    }
                }
            }
        }
        out
    }
}

fn drop_status(_: i32) {}

/// The payloads of this crate: other hosts use the same code, and this crate must not read their payloads.
static PAYLOADS: Mutex<Option<HashSet<usize>>> = Mutex::new(None);

unsafe fn ours(payload: *mut c_void) -> Option<Error> {
    if payload.is_null() || !lock(&PAYLOADS).as_ref().map_or(false, |all| all.contains(&(payload as usize))) {
        return None;
    }
    // SAFETY: it is in the list, so it is a box of an Error, and the error object that owns it is alive.
    Some(unsafe { (*payload.cast::<Error>()).clone() })
}

unsafe extern "C" fn drop_payload(payload: *mut c_void) {
    if let Some(all) = lock(&PAYLOADS).as_mut() {
        all.remove(&(payload as usize));
    }
    // SAFETY: `to_raw` made it, and this runs once. An error that panics as it is dropped must not do so in C
    // frames.
    no_unwind(|| drop(unsafe { Box::from_raw(payload.cast::<Error>()) }));
}

/// Runs the program's code from a C frame. The panic hook has printed a panic; a destructor can't report it
/// any further.
pub(crate) fn no_unwind(run: impl FnOnce()) {
    if let Err(payload) = panic::catch_unwind(AssertUnwindSafe(run)) {
        // The payload may panic when it is dropped, too.
        std::mem::forget(payload);
    }
}

/// A mutex whose holders can't leave the data inconsistent.
pub(crate) fn lock<T: ?Sized>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}

/// # Safety
/// `text` is NULL or a string.
pub(crate) unsafe fn text(text: *const std::os::raw::c_char) -> String {
    if text.is_null() {
        return String::new();
    }
    // SAFETY: the caller's.
    unsafe { CStr::from_ptr(text) }.to_string_lossy().into_owned()
}

impl PartialEq for Error {
    /// The same failure: equal codes, and the identical Rust error, if it is one.
    fn eq(&self, other: &Self) -> bool {
        let same = match (&self.more, &other.more) {
            (Some(a), Some(b)) => Arc::ptr_eq(a, b),
            (None, None) => true,
            _ => !matches!(self.code, sys::AW_EHOST | sys::AW_EGROUP),
        };
        self.code == other.code && same
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.more {
            Some(more) => f.write_str(&more.message),
            // SAFETY: static text.
            None => f.write_str(&unsafe { text(sys::aw_strerror(self.code)) }),
        }
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // SAFETY: static text.
        let name = unsafe { text(sys::aw_err_name(self.code)) };
        match self.cause() {
            None => f.write_str(&name),
            Some(Cause::Host(error)) => fmt::Debug::fmt(error, f),
            Some(Cause::Group(errors)) => {
                f.debug_tuple(&name).field(&self.to_string()).field(errors).finish()
            }
            Some(_) => f.debug_tuple(&name).field(&self.to_string()).finish(),
        }
    }
}

impl StdError for Error {
    /// The source of the program's error, whose text this error already has; the error itself is
    /// [`Error::get_ref`].
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.get_ref().and_then(|error| error.source())
    }
}

impl From<io::Error> for Error {
    /// A system error becomes its status; a program's error is kept unchanged.
    fn from(error: io::Error) -> Self {
        match error.raw_os_error() {
            Some(errno) if errno > 0 => Error::from_code(-errno),
            _ => Error::other(error),
        }
    }
}

impl From<Error> for io::Error {
    fn from(error: Error) -> Self {
        match (error.kind(), error.raw_os_error()) {
            (_, Some(errno)) => io::Error::from_raw_os_error(errno),
            (ErrorKind::Timeout | ErrorKind::Pending, _) => io::Error::new(io::ErrorKind::TimedOut, error),
            _ => io::Error::new(io::ErrorKind::Other, error),
        }
    }
}

impl From<Box<dyn StdError + Send + Sync>> for Error {
    fn from(error: Box<dyn StdError + Send + Sync>) -> Self {
        match error.downcast::<Error>() {
            Ok(error) => *error,
            Err(error) => Error::other(error),
        }
    }
}

impl From<String> for Error {
    fn from(text: String) -> Self {
        Error::other(text)
    }
}

impl From<&str> for Error {
    fn from(text: &str) -> Self {
        Error::other(text)
    }
}
