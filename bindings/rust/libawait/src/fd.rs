// SPDX-License-Identifier: MIT
//! Operations on descriptors. Those with a buffer own it: a dropped operation leaves its buffer behind until
//! the kernel has released it.
//!
//! An operation ends with its result and its buffer. If its task is cancelled while it is in flight, it ends
//! at once with [`Error::CANCELLED`] and an empty buffer; what it had read is lost, as in asyncio. Waiting
//! for readiness ([`readable`], [`writable`]) loses nothing.
//!
//! These need a loop that this crate drives: with [`block_on`](crate::block_on),
//! [`Loop::block_on`](crate::Loop::block_on), or a host.

use crate::error::{Error, Result};
use crate::event_loop::{inner_of, Inner};
use crate::leaf::Leaf;
use crate::op::{current_loop, future_of_op, Finish, Op};
use crate::pure::slots::Slots;
use crate::reference::Ref;
use crate::sys;
use crate::value::{Value, Wanted};
use std::cell::{Cell, RefCell};
use std::net::SocketAddr;
use std::os::unix::io::{AsFd, AsRawFd, FromRawFd, IntoRawFd, OwnedFd, RawFd};
use std::ptr;
use std::rc::Rc;

/// An operation in flight, and what it owns.
struct Slot {
    /// NULL at the end, and if nobody awaits it any more.
    future: Option<Ref<sys::aw_future>>,
    buffer: Vec<u8>,
    makes_fd: bool,
    end: Option<Result<i64>>,
}

impl Drop for Slot {
    fn drop(&mut self) {
        if let (true, Some(Ok(fd))) = (self.makes_fd, &self.end) {
            // SAFETY: accepted for a receiver that no longer exists.
            drop(unsafe { OwnedFd::from_raw_fd(*fd as RawFd) });
        }
    }
}

const BATCH: usize = 64;
type Batch = [sys::aw_completion; BATCH];

/// The operations of one loop.
#[derive(Default)]
pub(crate) struct Operations {
    slots: RefCell<Option<Slots<Slot>>>,
    batch: Cell<Option<Box<Batch>>>,
}

impl Operations {
    /// Runs one iteration of the loop. Returns false if nothing happened.
    pub(crate) fn drain(&self, event_loop: *mut sys::aw_loop, timeout_ns: i64) -> Result<bool> {
        // Taken out: dispatched code may call this again, and C refuses that.
        let mut batch = self.batch.take().unwrap_or_else(|| {
            let empty = sys::aw_completion { token: 0, status: 0, reserved: 0, value: 0 };
            Box::new([empty; BATCH])
        });
        // SAFETY: alive; there is room for as many.
        let status = unsafe { sys::aw_loop_drain(event_loop, batch.as_mut_ptr(), BATCH, timeout_ns) };
        for completion in &batch[..usize::try_from(status).unwrap_or(0)] {
            self.complete(completion);
        }
        self.batch.set(Some(batch));
        match status {
            sys::AW_EAGAIN => Ok(false),
            status => Error::check(status).map(|_| true),
        }
    }

    fn complete(&self, completion: &sys::aw_completion) {
        let mut all = self.slots.borrow_mut();
        let slots = match &mut *all {
            Some(slots) => slots,
            None => return,
        };
        let future = match slots.get_mut(completion.token) {
            Some(slot) => {
                slot.end = Some(Error::check(completion.status).map(|_| completion.value));
                slot.future.take()
            }
            None => return,
        };
        let orphan = match &future {
            Some(_) => None,
            None => slots.remove(completion.token),
        };
        drop(all);
        drop(orphan);
        if let Some(future) = future {
            // SAFETY: alive. If it is done, it was cancelled, and the operation handles that itself.
            unsafe { sys::aw_future_set_result(future.raw(), ptr::null_mut(), None) };
        }
    }

    fn with<R>(&self, run: impl FnOnce(&mut Slots<Slot>) -> R) -> R {
        run(self.slots.borrow_mut().get_or_insert_with(Slots::new))
    }

    /// The loop is closed: no operation is in flight.
    pub(crate) fn close(&self) {
        let gone = self.slots.borrow_mut().take();
        drop(gone);
    }

    /// Operations are in flight that nobody awaits any more: what they own is not released.
    pub(crate) fn forget(&self) {
        std::mem::forget(self.slots.borrow_mut().take());
    }
}

struct Submitted {
    inner: Rc<Inner>,
    event_loop: Ref<sys::aw_loop>,
    token: u64,
    ended: bool,
}

impl Submitted {
    fn take(&mut self) -> Option<(Result<i64>, Vec<u8>)> {
        let slot = self.inner.operations.with(|slots| match slots.get_mut(self.token) {
            Some(slot) if slot.end.is_some() => slots.remove(self.token),
            _ => None,
        });
        slot.map(|mut slot| {
            self.ended = true;
            let end = slot.end.take().unwrap_or(Err(Error::CANCELLED));
            (end, std::mem::take(&mut slot.buffer))
        })
    }
}

impl Drop for Submitted {
    fn drop(&mut self) {
        if self.ended {
            return;
        }
        let done = self.inner.operations.with(|slots| {
            let slot = slots.get_mut(self.token)?;
            if slot.end.is_some() {
                return slots.remove(self.token);
            }
            slot.future = None;
            None
        });
        if done.is_none() {
            // The completion follows, and takes the buffer with it.
            // SAFETY: alive by the reference. A closed loop returns an error, and has completed everything.
            unsafe { sys::aw_loop_cancel_token(self.event_loop.raw(), self.token) };
        }
        drop(done);
    }
}

impl Finish for Submitted {
    type Output = (Result<i64>, Vec<u8>);
    fn finish(&mut self, end: Result<Value>) -> Self::Output {
        match end {
            Ok(_) => self.take().unwrap_or((Err(Error::CANCELLED), Vec::new())),
            // Cancelled: the buffer can't be returned while the kernel has it.
            Err(error) => (Err(error), Vec::new()),
        }
    }
}

struct Operation(Op<Submitted>);
future_of_op!(Operation => (Result<i64>, Vec<u8>));

#[derive(Clone, Copy)]
struct Request {
    kind: sys::aw_op_kind,
    fd: RawFd,
    flags: u32,
    offset: i64,
}

async fn operate(request: Request, buffer: Vec<u8>) -> (Result<i64>, Vec<u8>) {
    match submit(request, buffer) {
        Ok(operation) => operation.await,
        Err((error, buffer)) => (Err(error), buffer),
    }
}

fn submit(request: Request, buffer: Vec<u8>) -> Result<Operation, (Error, Vec<u8>)> {
    let event_loop = match current_loop() {
        Ok(event_loop) => event_loop,
        Err(error) => return Err((error, buffer)),
    };
    let inner = match inner_of(event_loop) {
        Some(inner) => inner,
        // Driven by other code, which would not deliver the completion.
        None => return Err((Error::from_code(sys::AW_ENOTSUP), buffer)),
    };
    // SAFETY: alive; a new reference.
    let future = match Ref::made_by(|out| unsafe { sys::aw_future_new(event_loop, out) }) {
        Ok(future) => future,
        Err(error) => return Err((error, buffer)),
    };
    // Moving a buffer does not move its bytes.
    let (bytes, length) = (buffer.as_ptr(), buffer.len());
    let slot =
        Slot { future: Some(future.clone()), buffer, makes_fd: request.kind == sys::AW_OP_ACCEPT, end: None };
    let token = inner.operations.with(|slots| slots.insert(slot));
    let submission = sys::aw_submission {
        size: std::mem::size_of::<sys::aw_submission>() as u32,
        kind: request.kind,
        token,
        fd: request.fd,
        flags: request.flags,
        buffer: bytes as *mut _,
        length: length as u64,
        offset: request.offset,
        second: std::ptr::null_mut(),
        second_fd: 0,
        reserved: 0,
    };
    // SAFETY: the slot owns the buffer, and stays until the completion has arrived.
    let status = unsafe { sys::aw_loop_submit(event_loop, &submission, 1) };
    if status < 0 {
        let slot = inner.operations.with(|slots| slots.remove(token));
        let buffer = slot.map_or_else(Vec::new, |mut slot| std::mem::take(&mut slot.buffer));
        return Err((Error::from_code(status), buffer));
    }
    let submitted = Submitted {
        inner,
        // SAFETY: alive.
        event_loop: unsafe { Ref::borrowed(event_loop) },
        token,
        ended: false,
    };
    Ok(Operation(Op::new(Ok(Leaf::future(future, Wanted::Nothing, true)), submitted)))
}

async fn transfer(
    kind: sys::aw_op_kind,
    fd: impl AsFd,
    flags: u32,
    offset: i64,
    buffer: Vec<u8>,
) -> (Result<usize>, Vec<u8>) {
    let request = Request { kind, fd: fd.as_fd().as_raw_fd(), flags, offset };
    let (end, buffer) = operate(request, buffer).await;
    (end.map(|count| usize::try_from(count).unwrap_or(0)), buffer)
}

/// Reads at the file's position into `buffer`, up to its length. Returns the number of bytes read, 0 at the
/// end, and the buffer.
///
/// ```
/// # fn main() -> libawait::Result<()> {
/// libawait::block_on(async {
///     let file = std::fs::File::open("/dev/zero")?;
///     let (count, buffer) = libawait::fd::read(&file, vec![1; 16]).await;
///     assert_eq!((count?, buffer), (16, vec![0; 16]));
///     Ok(())
/// })?
/// # }
/// ```
pub async fn read(fd: impl AsFd, buffer: Vec<u8>) -> (Result<usize>, Vec<u8>) {
    transfer(sys::AW_OP_READ, fd, 0, -1, buffer).await
}

/// Like [`read`], at an offset.
pub async fn read_at(fd: impl AsFd, buffer: Vec<u8>, offset: u64) -> (Result<usize>, Vec<u8>) {
    transfer(sys::AW_OP_READ, fd, 0, position(offset), buffer).await
}

/// Writes `buffer` at the file's position. Returns the number of bytes written, perhaps not all, and the
/// buffer.
pub async fn write(fd: impl AsFd, buffer: Vec<u8>) -> (Result<usize>, Vec<u8>) {
    transfer(sys::AW_OP_WRITE, fd, 0, -1, buffer).await
}

/// Like [`write()`], at an offset.
pub async fn write_at(fd: impl AsFd, buffer: Vec<u8>, offset: u64) -> (Result<usize>, Vec<u8>) {
    transfer(sys::AW_OP_WRITE, fd, 0, position(offset), buffer).await
}

/// Receives from a socket, with the flags of recv(2). asyncio: loop.sock_recv_into.
pub async fn recv(fd: impl AsFd, buffer: Vec<u8>, flags: i32) -> (Result<usize>, Vec<u8>) {
    transfer(sys::AW_OP_RECV, fd, flags as u32, 0, buffer).await
}

/// Sends to a socket, with the flags of send(2), and never raises SIGPIPE.
pub async fn send(fd: impl AsFd, buffer: Vec<u8>, flags: i32) -> (Result<usize>, Vec<u8>) {
    transfer(sys::AW_OP_SEND, fd, flags as u32, 0, buffer).await
}

fn position(offset: u64) -> i64 {
    i64::try_from(offset).unwrap_or(i64::MAX)
}

async fn plain(kind: sys::aw_op_kind, fd: RawFd, buffer: Vec<u8>) -> Result<i64> {
    let request = Request { kind, fd, flags: 0, offset: 0 };
    operate(request, buffer).await.0
}

/// Accepts a connection. Returns its descriptor, which is close-on-exec and non-blocking. asyncio:
/// loop.sock_accept.
pub async fn accept(listener: impl AsFd) -> Result<OwnedFd> {
    let fd = plain(sys::AW_OP_ACCEPT, listener.as_fd().as_raw_fd(), Vec::new()).await?;
    // SAFETY: a new descriptor, which only we own.
    Ok(unsafe { OwnedFd::from_raw_fd(fd as RawFd) })
}

/// Connects a socket. asyncio: loop.sock_connect.
pub async fn connect(socket: impl AsFd, address: SocketAddr) -> Result<()> {
    plain(sys::AW_OP_CONNECT, socket.as_fd().as_raw_fd(), kernel_address(address)).await.map(drop)
}

/// Makes the kernel write a file to its device.
pub async fn fsync(fd: impl AsFd) -> Result<()> {
    plain(sys::AW_OP_FSYNC, fd.as_fd().as_raw_fd(), Vec::new()).await.map(drop)
}

/// Closes a descriptor, and reports errors that a drop would hide.
pub async fn close(fd: OwnedFd) -> Result<()> {
    plain(sys::AW_OP_CLOSE, fd.into_raw_fd(), Vec::new()).await.map(drop)
}

/// A Linux sockaddr_in or sockaddr_in6.
fn kernel_address(address: SocketAddr) -> Vec<u8> {
    const AF_INET: u16 = 2;
    const AF_INET6: u16 = 10;
    let mut bytes = Vec::with_capacity(28);
    match address {
        SocketAddr::V4(v4) => {
            bytes.extend(AF_INET.to_ne_bytes());
            bytes.extend(v4.port().to_be_bytes());
            bytes.extend(v4.ip().octets());
            bytes.resize(16, 0);
        }
        SocketAddr::V6(v6) => {
            bytes.extend(AF_INET6.to_ne_bytes());
            bytes.extend(v6.port().to_be_bytes());
            bytes.extend(v6.flowinfo().to_ne_bytes());
            bytes.extend(v6.ip().octets());
            bytes.extend(v6.scope_id().to_ne_bytes());
        }
    }
    bytes
}

/// What a descriptor is ready for, with the kernel's values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Readiness(u32);

impl Readiness {
    /// There is data to read, or the end.
    pub fn is_readable(self) -> bool {
        self.0 & sys::AW_POLL_IN != 0
    }
    /// Data can be written.
    pub fn is_writable(self) -> bool {
        self.0 & sys::AW_POLL_OUT != 0
    }
    /// An error has occurred.
    pub fn is_error(self) -> bool {
        self.0 & sys::AW_POLL_ERR != 0
    }
    /// The other side has hung up.
    pub fn is_hang_up(self) -> bool {
        self.0 & sys::AW_POLL_HUP != 0
    }
}

struct AsReadiness;
impl Finish for AsReadiness {
    type Output = Result<Readiness>;
    fn finish(&mut self, end: Result<Value>) -> Self::Output {
        end.map(|value| Readiness(value.bits() as u32))
    }
}

/// The future of [`readable`] and [`writable`].
#[must_use = "futures do nothing unless they are awaited"]
pub struct Ready(Op<AsReadiness>);
future_of_op!(Ready => Result<Readiness>);

fn ready(fd: &impl AsFd, events: u32) -> Ready {
    let leaf = current_loop().and_then(|event_loop| {
        // SAFETY: alive; the descriptor is open while it is borrowed, and for a closed one the kernel returns
        // an error.
        let future =
            Ref::made_by(|out| unsafe { sys::aw_fd_wait(event_loop, fd.as_fd().as_raw_fd(), events, out) })?;
        Ok(Leaf::future(future, Wanted::Bits, true))
    });
    Ready(Op::new(leaf, AsReadiness))
}

/// Waits until `fd` can be read, starting now. Dropping it, or cancelling its task, consumes nothing.
pub fn readable(fd: &impl AsFd) -> Ready {
    ready(fd, sys::AW_POLL_IN)
}

/// Waits until `fd` can be written to, starting now. Behaves like [`readable`].
pub fn writable(fd: &impl AsFd) -> Ready {
    ready(fd, sys::AW_POLL_OUT)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_laid_out_as_the_kernel_has_them() {
        let v4 = kernel_address("127.0.0.1:8080".parse().unwrap());
        assert_eq!(v4[2..8], [31, 144, 127, 0, 0, 1]);
        assert_eq!(v4.len(), 16);
        let v6 = kernel_address("[::1]:80".parse().unwrap());
        assert_eq!(v6[2..4], [0, 80]);
        assert_eq!(v6[23], 1);
        assert_eq!(v6.len(), 28);
    }
}
