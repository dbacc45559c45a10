/* SPDX-License-Identifier: MIT */
/*
 * Socket calls: try the system call, and retry when the socket is ready, as asyncio does. So the backend only
 * polls, a cancelled call has consumed nothing, and events come in asyncio's order.
 */
#include "coro.h"
#include "descriptors.h"
#include "failure.h"
#include "io_memory.h"
#include "os.h"
#include "system_calls.h"
#include "task.h"

#include <await/socket.h>
#include <await/stackless.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

typedef struct socket_call socket_call;

/* A kind of call. */
typedef struct socket_verb {
	/* Returns the result of the system call; -EAGAIN: wait for `events`. */
	aw_status (*attempt)(socket_call *self);
	uint32_t events;
	bool needs_nonblocking; /* the system call has no flag like MSG_DONTWAIT */
} socket_verb;

struct socket_call {
	aw_frame frame;
	const socket_verb *verb;
	aw_loop *loop;
	aw_future *ready; /* a reference, while awaited */
	int fd;
	aw_status result;
	unsigned char *buffer; /* or the data to send */
	size_t length;
	size_t sent;
	struct sockaddr *address; /* where to store the peer's address, or the address to send to */
	uint32_t *address_room;   /* in, out: size of `address` for a call that returns one */
	uint32_t address_length;  /* of an address passed in */
	bool connecting;
	struct sockaddr_storage peer; /* to connect to */
	struct {
		int fd;
		bool refused, fallback; /* sendfile(2) is not possible; then it may be read and sent */
		int64_t offset;         /* of the next byte */
		int64_t left;           /* negative: up to the end */
		int64_t sent, *out_sent;
		unsigned char *piece; /* read and not sent yet */
		size_t piece_at, piece_length;
	} file;
};

enum {
	PIECE_SIZE = 64 * 1024,
	SENDFILE_MAX = 1024 * 1024,    /* in one system call, which may read from a disk */
	BURST_MAX = 16 * SENDFILE_MAX, /* then others have a turn, however fast the peer is */
};

static size_t count_limit(size_t length) {
	return length > INT32_MAX ? INT32_MAX : length;
}

static aw_status attempt_recv(socket_call *self) {
	/* The system's call would wait for a byte. */
	if (!self->length) return 0;
	return count_or_errno(recv(self->fd, self->buffer, count_limit(self->length), MSG_DONTWAIT));
}

static aw_status attempt_recvfrom(socket_call *self) {
	struct iovec part = {.iov_base = self->buffer, .iov_len = count_limit(self->length)};
	struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
	if (self->address) {
		message.msg_name = self->address;
		message.msg_namelen = *self->address_room;
	}
	ssize_t result = recvmsg(self->fd, &message, MSG_DONTWAIT);
	if (result < 0) return -errno;
	if (self->address) *self->address_room = message.msg_namelen;
	return message.msg_flags & MSG_TRUNC ? -EMSGSIZE : (aw_status)result;
}

static aw_status attempt_sendall(socket_call *self) {
	while (self->sent < self->length) {
		ssize_t result =
			send(self->fd, self->buffer + self->sent, self->length - self->sent, MSG_DONTWAIT | MSG_NOSIGNAL);
		if (result < 0) return -errno;
		self->sent += (size_t)result;
	}
	return 0;
}

static aw_status attempt_sendto(socket_call *self) {
	return count_or_errno(sendto(self->fd, self->buffer, self->length, MSG_DONTWAIT | MSG_NOSIGNAL,
	                             self->address, self->address_length));
}

static aw_status attempt_accept(socket_call *self) {
	return count_or_errno(accept4(self->fd, self->address, self->address_room, SOCK_CLOEXEC | SOCK_NONBLOCK));
}

static aw_status attempt_connect(socket_call *self) {
	int error = 0;
	socklen_t size = sizeof error;
	if (self->connecting)
		return getsockopt(self->fd, SOL_SOCKET, SO_ERROR, &error, &size) < 0 ? -errno : -error;
	if (connect(self->fd, (struct sockaddr *)&self->peer, self->address_length) == 0) return 0;
	/* After EINTR the connect continues asynchronously, as after EINPROGRESS. */
	if (errno != EINPROGRESS && errno != EINTR) return -errno;
	self->connecting = true;
	return -EAGAIN;
}

static size_t file_want(const socket_call *self, size_t most) {
	return self->file.left >= 0 && (uint64_t)self->file.left < most ? (size_t)self->file.left : most;
}

/* Reads a piece of the file if there is none, and sends of it. */
static int64_t send_piece(socket_call *self) {
	if (!self->file.piece) self->file.piece = io_malloc(PIECE_SIZE);
	if (!self->file.piece) return -ENOMEM;
	if (self->file.piece_at == self->file.piece_length) {
		ssize_t count =
			pread(self->file.fd, self->file.piece, file_want(self, PIECE_SIZE), self->file.offset);
		if (count <= 0) return count < 0 ? -errno : 0;
		self->file.piece_at = 0;
		self->file.piece_length = (size_t)count;
	}
	ssize_t count = send(self->fd, self->file.piece + self->file.piece_at,
	                     self->file.piece_length - self->file.piece_at, MSG_DONTWAIT | MSG_NOSIGNAL);
	if (count < 0) return -errno;
	self->file.piece_at += (size_t)count;
	self->file.offset += count;
	return count;
}

static int64_t send_some(socket_call *self) {
	if (self->file.refused) return send_piece(self);
	int64_t count = os_sendfile(self->fd, self->file.fd, &self->file.offset, file_want(self, SENDFILE_MAX));
	/* The file system has none, or a seccomp filter refuses the call. */
	if (count != -EINVAL && count != -ENOSYS && count != -EOPNOTSUPP && count != -EPERM) return count;
	if (!self->file.fallback) return -EOPNOTSUPP;
	self->file.refused = true;
	return send_piece(self);
}

static aw_status attempt_sendfile(socket_call *self) {
	int64_t burst = 0;
	while (self->file.left != 0) {
		int64_t count = burst < BURST_MAX ? send_some(self) : -EAGAIN;
		if (count <= 0) return (aw_status)count;
		burst += count;
		self->file.sent += count;
		if (self->file.left > 0) self->file.left -= count;
		if (self->file.out_sent) *self->file.out_sent = self->file.sent;
	}
	return 0;
}

static const socket_verb verb_recv = {attempt_recv, AW_POLL_IN, false},
						 verb_recvfrom = {attempt_recvfrom, AW_POLL_IN, false},
						 verb_sendall = {attempt_sendall, AW_POLL_OUT, false},
						 verb_sendto = {attempt_sendto, AW_POLL_OUT, false},
						 verb_accept = {attempt_accept, AW_POLL_IN, true},
						 verb_connect = {attempt_connect, AW_POLL_OUT, true},
						 verb_sendfile = {attempt_sendfile, AW_POLL_OUT, true};

/* True: wait. EAGAIN from connect(2) is a failure: the backlog of a Unix listener is full. */
static bool attempt(socket_call *self) {
	bool was_connecting = self->connecting;
	do {
		self->result = self->verb->attempt(self);
	} while (self->result == -EINTR);
	if (self->verb == &verb_connect) return self->connecting && !was_connecting;
	return self->result == -EAGAIN;
}

static aw_status sendfile_check(const socket_call *self) {
	int type = 0;
	socklen_t size = sizeof type;
	if (self->file.fd < 0) return -EBADF;
	if (self->file.offset < 0) return failed_saying(-EINVAL, "the offset is negative");
	if (getsockopt(self->fd, SOL_SOCKET, SO_TYPE, &type, &size) < 0) return -errno;
	if (type != SOCK_STREAM) return failed_saying(-EINVAL, "the socket is not a stream");
	/* A pipe has no position. */
	return lseek(self->file.fd, 0, SEEK_CUR) < 0 ? -errno : 0;
}

/* Returns 0 if the call can be made. */
static aw_status call_check(const socket_call *self) {
	if (self->fd < 0) return -EBADF;
	if (!self->buffer && self->length > 0) return -EINVAL;
	if (self->address_room ? !self->address : self->address && self->verb == &verb_recvfrom) return -EINVAL;
	if (self->verb == &verb_sendfile) {
		aw_status status = sendfile_check(self);
		if (status < 0) return status;
	}
	if (!self->verb->needs_nonblocking) return 0;
	int flags = fcntl(self->fd, F_GETFL);
	if (flags < 0) return -errno;
	return flags & O_NONBLOCK ? 0 : failed_saying(-EINVAL, "the socket must be non-blocking");
}

/* Whatever the outcome, the file's position is behind what was sent. */
static void call_end(socket_call *self) {
	if (self->file.sent) (void)lseek(self->file.fd, self->file.offset, SEEK_SET);
	free(self->file.piece);
	self->file.sent = 0;
	self->file.piece = NULL;
}

/* --- stackful calls --- */

/* Apart from the first check, so that calls which succeed need not look at what was recorded before them. */
static __attribute__((cold, noinline)) aw_status call_refused(const socket_call *self, aw_status status) {
	failure_forget();
	(void)call_check(self); /* again, for its message */
	return failed_since(NULL, status);
}

static aw_status call_now(socket_call *self) {
	const aw_resume *resume = stackful_here();
	if (!resume) return AW_ENOTASK;
	aw_status status = call_check(self);
	if (status < 0) return call_refused(self, status);
	self->loop = resume->task->future.loop;
	while (attempt(self)) {
		status = fd_wait(self->loop, self->fd, self->verb->events, NULL, &self->ready);
		if (status < 0) {
			call_end(self);
			return failed(status);
		}
		status = aw_await(self->ready, NULL);
		object_unref(self->ready);
		if (status < 0) {
			call_end(self);
			return status;
		}
	}
	call_end(self);
	return await_ended(stackful_here(), self->result); /* the resume of before an await is gone */
}

/* --- coroutines --- */

static aw_status call_step(aw_resume *resume, void *ud) {
	socket_call *self = ud;
	AW_BEGIN(&self->frame);
	while (attempt(self)) {
		self->result = fd_wait(self->loop, self->fd, self->verb->events, NULL, &self->ready);
		if (self->result < 0) return self->result;
		AW_AWAIT(&self->frame, resume, self->ready);
		object_unref(self->ready);
		self->ready = NULL;
		if (aw_resume_status(resume) < 0) return aw_resume_raise(resume, aw_resume_error(resume));
	}
	AW_END(&self->frame);
	int64_t value = self->verb == &verb_sendfile ? self->file.sent : self->result;
	call_end(self);
	if (self->result < 0) return self->result;
	return aw_resume_return(resume, (void *)(intptr_t)value, value_integer);
}

static void call_destroy(void *ud) {
	socket_call *self = ud;
	if (self->ready) object_unref(self->ready);
	call_end(self);
	free(self);
}

static aw_status call_later(aw_loop *loop, const socket_call *call, const void *origin, aw_coro **out) {
	aw_status status = loop_resolve(&loop);
	if (status == 0) status = out ? call_check(call) : -EINVAL;
	if (status < 0) return status;
	socket_call *self;
	status = coro_internal_from(origin, loop, call_step, sizeof *self, call_destroy, &self, out);
	if (status < 0) return status;
	*self = *call;
	self->loop = loop;
	return 0;
}

/* --- public functions --- */

static socket_call recv_call(int fd, void *buffer, size_t length) {
	return (socket_call){.verb = &verb_recv, .fd = fd, .buffer = buffer, .length = length};
}

aw_status aw_sock_recv(int fd, void *buffer, size_t length) {
	socket_call call = recv_call(fd, buffer, length);
	return call_now(&call);
}

ENTRY(aw_sock_recv_coro, (aw_loop *loop, int fd, void *buffer, size_t length, aw_coro **out),
      (loop, fd, buffer, length, out)) {
	socket_call call = recv_call(fd, buffer, length);
	return call_later(loop, &call, CALLER, out);
}

static socket_call recvfrom_call(int fd, void *buffer, size_t length, struct sockaddr *address,
                                 uint32_t *address_length) {
	socket_call call = recv_call(fd, buffer, length);
	call.verb = &verb_recvfrom;
	call.address = address;
	call.address_room = address_length;
	return call;
}

aw_status aw_sock_recvfrom(int fd, void *buffer, size_t length, struct sockaddr *address,
                           uint32_t *address_length) {
	socket_call call = recvfrom_call(fd, buffer, length, address, address_length);
	return call_now(&call);
}

ENTRY(aw_sock_recvfrom_coro, (aw_loop *loop, int fd, void *buffer, size_t length, struct sockaddr *address,
                              uint32_t *address_length, aw_coro **out),
      (loop, fd, buffer, length, address, address_length, out)) {
	socket_call call = recvfrom_call(fd, buffer, length, address, address_length);
	return call_later(loop, &call, CALLER, out);
}

static socket_call sendall_call(int fd, const void *data, size_t length) {
	return (socket_call){.verb = &verb_sendall, .fd = fd, .buffer = without_const(data), .length = length};
}

aw_status aw_sock_sendall(int fd, const void *data, size_t length) {
	socket_call call = sendall_call(fd, data, length);
	return call_now(&call);
}

ENTRY(aw_sock_sendall_coro, (aw_loop *loop, int fd, const void *data, size_t length, aw_coro **out),
      (loop, fd, data, length, out)) {
	socket_call call = sendall_call(fd, data, length);
	return call_later(loop, &call, CALLER, out);
}

static socket_call sendto_call(int fd, const void *data, size_t length, const struct sockaddr *address,
                               uint32_t address_length) {
	socket_call call = sendall_call(fd, data, length);
	call.verb = &verb_sendto;
	call.address = without_const(address);
	call.address_length = address ? address_length : 0;
	return call;
}

aw_status aw_sock_sendto(int fd, const void *data, size_t length, const struct sockaddr *address,
                         uint32_t address_length) {
	socket_call call = sendto_call(fd, data, length, address, address_length);
	return call_now(&call);
}

ENTRY(aw_sock_sendto_coro, (aw_loop *loop, int fd, const void *data, size_t length,
                            const struct sockaddr *address, uint32_t address_length, aw_coro **out),
      (loop, fd, data, length, address, address_length, out)) {
	socket_call call = sendto_call(fd, data, length, address, address_length);
	return call_later(loop, &call, CALLER, out);
}

static socket_call accept_call(int fd, struct sockaddr *address, uint32_t *address_length) {
	return (socket_call){.verb = &verb_accept, .fd = fd, .address = address, .address_room = address_length};
}

aw_status aw_sock_accept(int fd, struct sockaddr *address, uint32_t *address_length) {
	socket_call call = accept_call(fd, address, address_length);
	return call_now(&call);
}

ENTRY(aw_sock_accept_coro, (aw_loop *loop, int fd, struct sockaddr *address, uint32_t *address_length,
                            aw_coro **out),
      (loop, fd, address, address_length, out)) {
	socket_call call = accept_call(fd, address, address_length);
	return call_later(loop, &call, CALLER, out);
}

/* False if the address is invalid. */
static bool connect_call(socket_call *self, int fd, const struct sockaddr *address, uint32_t address_length) {
	if (!address || address_length < sizeof address->sa_family || address_length > sizeof self->peer)
		return false;
	*self = (socket_call){.verb = &verb_connect, .fd = fd, .address_length = address_length};
	memcpy(&self->peer, address, address_length);
	return true;
}

aw_status aw_sock_connect(int fd, const struct sockaddr *address, uint32_t address_length) {
	if (!stackful_here()) return AW_ENOTASK;
	socket_call call;
	return connect_call(&call, fd, address, address_length) ? call_now(&call) : failed(-EINVAL);
}

ENTRY(aw_sock_connect_coro, (aw_loop *loop, int fd, const struct sockaddr *address, uint32_t address_length,
                             aw_coro **out),
      (loop, fd, address, address_length, out)) {
	socket_call call;
	aw_status status = loop_resolve(&loop);
	if (status < 0) return status;
	if (!connect_call(&call, fd, address, address_length)) return -EINVAL;
	return call_later(loop, &call, CALLER, out);
}

static socket_call sendfile_call(int fd, int file_fd, int64_t offset, int64_t count, uint32_t flags,
                                 int64_t *out_sent) {
	if (out_sent) *out_sent = 0;
	return (socket_call){.verb = &verb_sendfile,
	                     .fd = fd,
	                     .file = {.fd = file_fd,
	                              .offset = offset,
	                              .left = count,
	                              .fallback = !(flags & AW_SENDFILE_NATIVE),
	                              .out_sent = out_sent}};
}

aw_status aw_sock_sendfile(int fd, int file_fd, int64_t offset, int64_t count, uint32_t flags,
                           int64_t *out_sent) {
	if (!stackful_here()) return AW_ENOTASK;
	if (flags & ~(uint32_t)AW_SENDFILE_NATIVE) return failed(-EINVAL);
	socket_call call = sendfile_call(fd, file_fd, offset, count, flags, out_sent);
	return call_now(&call);
}

ENTRY(aw_sock_sendfile_coro, (aw_loop *loop, int fd, int file_fd, int64_t offset, int64_t count,
                              uint32_t flags, int64_t *out_sent, aw_coro **out),
      (loop, fd, file_fd, offset, count, flags, out_sent, out)) {
	aw_status status = loop_resolve(&loop);
	if (status < 0) return status;
	if (flags & ~(uint32_t)AW_SENDFILE_NATIVE) return -EINVAL;
	socket_call call = sendfile_call(fd, file_fd, offset, count, flags, out_sent);
	return call_later(loop, &call, CALLER, out);
}
