/* SPDX-License-Identifier: MIT */
/*
 * One nonblocking read or write. On sockets, a flag of the call prevents blocking. Other descriptors that may
 * block are polled first, and used without the VM lock.
 */
#include "transfer.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <ruby.h>
#include <ruby/thread.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

/* For a descriptor that may block: polls first, and writes no more than a writable pipe accepts. */
static void *transfer_blocking(void *arg) {
	transfer *self = arg;
	struct pollfd ready = {.fd = self->fd, .events = self->writes ? POLLOUT : POLLIN};
	struct stat kind;
	if (self->position < 0 && poll(&ready, 1, 0) == 0) {
		errno = EAGAIN;
		self->result = -1;
	} else if (self->position >= 0) {
		self->result = self->writes ? pwrite(self->fd, self->base, self->size, self->position)
		                            : pread(self->fd, self->base, self->size, self->position);
	} else if (self->writes) {
		bool regular = fstat(self->fd, &kind) == 0 && S_ISREG(kind.st_mode);
		self->result = write(self->fd, self->base, regular || self->size < PIPE_BUF ? self->size : PIPE_BUF);
	} else {
		self->result = read(self->fd, self->base, self->size);
	}
	if (self->result < 0) self->result = -errno;
	return NULL;
}

ssize_t transfer_now(transfer *self) {
	if (self->position < 0) {
		ssize_t done = self->writes ? send(self->fd, self->base, self->size, MSG_DONTWAIT | MSG_NOSIGNAL)
		                            : recv(self->fd, self->base, self->size, MSG_DONTWAIT);
		if (done >= 0) return done;
		if (errno != ENOTSOCK) return errno == EWOULDBLOCK ? -EAGAIN : -errno;
		int flags = fcntl(self->fd, F_GETFL);
		if (flags >= 0 && (flags & O_NONBLOCK)) {
			done = self->writes ? write(self->fd, self->base, self->size)
			                    : read(self->fd, self->base, self->size);
			return done >= 0 ? done : errno == EWOULDBLOCK ? -EAGAIN : -errno;
		}
	}
	rb_thread_call_without_gvl(transfer_blocking, self, RUBY_UBF_IO, NULL);
	return self->result;
}
