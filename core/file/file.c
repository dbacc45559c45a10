/* SPDX-License-Identifier: MIT */
/*
 * Open files. The position is the handle's: the kernel is always given an offset, so that a cancelled read
 * loses nothing, and only an appending write uses the descriptor's own position.
 */
#include "file.h"

#include "call.h"
#include "report.h"
#include "task.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

/* A read that may be tried on the loop's thread copies at most this much. */
enum { TRIED_MAX = 128 * 1024 };

/* --- the handle --- */

static void file_release(object *base) {
	aw_file *self = (aw_file *)base;
	aw_status status = self->unseen;
	if (self->fd >= 0 && close(self->fd) < 0 && status == 0 && errno != EINTR) status = -errno;
	if (status < 0 && !loop_closing(self->loop))
		report_status(self->loop, "a file was dropped before it was closed", status, NULL, NULL);
	object_free(base);
}

static const object_class file_class = {.name = "file", .size = sizeof(aw_file), .release = file_release};

REFERENCES(aw_file, object_is(self, &file_class))

bool file_is(const aw_file *file) {
	return object_is(file, &file_class);
}

aw_file *file_new(aw_loop *loop, const void *origin) {
	aw_file *self = object_new(&loop->domain, &file_class);
	if (!self) return NULL;
	self->loop = loop;
	self->fd = -1;
	self->origin = origin;
	return self;
}

void value_file(void *file) {
	aw_file_unref(file);
}

/* --- opening --- */

static aw_status flags_check(uint32_t flags) {
	const uint32_t all = AW_FILE_READ | AW_FILE_WRITE | AW_FILE_APPEND | AW_FILE_CREATE | AW_FILE_EXCLUSIVE |
	                     AW_FILE_TRUNCATE | AW_FILE_NOFOLLOW | AW_FILE_DIRECTORY;
	bool writes = flags & (AW_FILE_WRITE | AW_FILE_APPEND);
	if (flags & ~all || (!writes && !(flags & AW_FILE_READ))) return -EINVAL;
	if (flags & AW_FILE_EXCLUSIVE && !(flags & AW_FILE_CREATE)) return -EINVAL;
	return !writes && flags & (AW_FILE_CREATE | AW_FILE_TRUNCATE) ? -EINVAL : 0;
}

static int system_flags(uint32_t flags) {
	bool writes = flags & (AW_FILE_WRITE | AW_FILE_APPEND);
	int system = !writes ? O_RDONLY : flags & AW_FILE_READ ? O_RDWR : O_WRONLY;
	if (flags & AW_FILE_APPEND) system |= O_APPEND;
	if (flags & AW_FILE_CREATE) system |= O_CREAT;
	if (flags & AW_FILE_EXCLUSIVE) system |= O_EXCL;
	if (flags & AW_FILE_TRUNCATE) system |= O_TRUNC;
	if (flags & AW_FILE_NOFOLLOW) system |= O_NOFOLLOW;
	if (flags & AW_FILE_DIRECTORY) system |= O_DIRECTORY;
	return system | O_CLOEXEC | O_NOCTTY;
}

static int open_patiently(int dir, const char *path, int flags, mode_t mode) {
	int fd;
	do fd = openat(dir, path, flags, mode);
	while (fd < 0 && errno == EINTR);
	return fd;
}

/* Non-blocking, so that a pipe does not wait for its other end; EAGAIN is a lease that must be broken. */
static void run_open(file_call *self) {
	int flags = system_flags(self->flags);
	int fd = open_patiently(self->dir, self->path, flags | O_NONBLOCK, (mode_t)self->mode);
	if (fd < 0 && errno == EAGAIN) fd = open_patiently(self->dir, self->path, flags, (mode_t)self->mode);
	if (fd < 0) {
		self->result = errno == ENXIO ? -ESPIPE : -errno; /* a pipe without a reader, or a socket */
		return;
	}
	/* A directory has a position, whose offsets mean nothing outside the system. */
	bool usable = lseek(fd, 0, SEEK_CUR) >= 0 && fcntl(fd, F_SETFL, flags & (O_APPEND | O_ACCMODE)) >= 0;
	if (usable) {
		self->opened->fd = fd;
		self->result = 0;
		return;
	}
	self->result = -errno;
	close(fd);
}

static void end_open(file_call *self) {
	if (self->result == 0 && !self->interrupted) return;
	object_unref(self->opened); /* closes it */
	self->opened = NULL;
}

static void *value_opened(file_call *self, aw_destroy_fn *out_destroy) {
	*out_destroy = value_file;
	return object_hand_out(self->opened, self->origin);
}

static bool prepare_open(file_call *self) {
	self->opened = file_new(self->loop, self->origin);
	if (!self->opened) {
		self->result = -ENOMEM;
		self->over = true;
		return true;
	}
	self->opened->appends = self->flags & AW_FILE_APPEND;
	return false;
}

static const file_verb verb_open = {
	.run = run_open, .attempt = prepare_open, .end = end_open, .value = value_opened, .traits = FILE_PATHS};

static aw_status open_call(file_call *out, const char *path, uint32_t flags, uint32_t mode,
                           const void *origin) {
	if (!path || mode & ~(uint32_t)07777) return -EINVAL;
	*out = (file_call){.verb = &verb_open,
	                   .path = file_without_const(path),
	                   .dir = AT_FDCWD,
	                   .flags = flags,
	                   .mode = mode,
	                   .origin = origin};
	return flags_check(flags);
}

static aw_status open_now(file_call *call, aw_status status, aw_file **out) {
	if (!stackful_here()) return AW_ENOTASK;
	if (status == 0 && !out) status = -EINVAL;
	if (status < 0) return failed(status);
	status = file_call_now(call);
	if (status == 0) *out = object_hand_out(call->opened, call->origin);
	return status;
}

aw_status aw_file_open(const char *path, uint32_t flags, uint32_t mode, aw_file **out) {
	file_call call;
	return open_now(&call, open_call(&call, path, flags, mode, CALLER), out);
}

ENTRY(aw_file_open_coro, (aw_loop *loop, const char *path, uint32_t flags, uint32_t mode, aw_coro **out),
      (loop, path, flags, mode, out)) {
	file_call call;
	aw_status status = loop_resolve(&loop);
	if (status == 0) status = open_call(&call, path, flags, mode, CALLER);
	return status < 0 ? status : file_call_later(loop, &call, out);
}

/* The directory's descriptor is that of the handle, which the call keeps open. */
static void run_open_at(file_call *self) {
	self->dir = self->fd;
	run_open(self);
}

static const file_verb verb_open_at = {.run = run_open_at,
                                       .attempt = prepare_open,
                                       .end = end_open,
                                       .value = value_opened,
                                       .traits = FILE_PATHS};

static aw_status open_at_call(file_call *out, aw_file *directory, const char *path, uint32_t flags,
                              uint32_t mode, const void *origin) {
	if (!file_is(directory)) return AW_EBADHANDLE;
	aw_status status = open_call(out, path, flags, mode, origin);
	out->verb = &verb_open_at;
	out->file = directory;
	return status;
}

aw_status aw_file_open_at(aw_file *directory, const char *path, uint32_t flags, uint32_t mode,
                          aw_file **out) {
	file_call call;
	return open_now(&call, open_at_call(&call, directory, path, flags, mode, CALLER), out);
}

ENTRY(aw_file_open_at_coro, (aw_file *directory, const char *path, uint32_t flags, uint32_t mode,
                             aw_coro **out),
      (directory, path, flags, mode, out)) {
	file_call call;
	aw_status status = open_at_call(&call, directory, path, flags, mode, CALLER);
	return status < 0 ? status : file_call_later(directory->loop, &call, out);
}

ENTRY(aw_file_adopt, (aw_loop *loop, int fd, aw_file **out), (loop, fd, out)) {
	aw_status status = loop_resolve(&loop);
	if (status < 0) return status;
	if (!out) return -EINVAL;
	int flags = fd < 0 ? -1 : fcntl(fd, F_GETFL);
	if (flags < 0) return -EBADF;
	off_t position = lseek(fd, 0, SEEK_CUR);
	if (position < 0) return -errno;
	aw_file *self = file_new(loop, CALLER);
	if (!self) return -ENOMEM;
	self->fd = fd;
	self->position = position;
	self->appends = flags & O_APPEND;
	*out = object_hand_out(self, CALLER);
	return 0;
}

/* Returns 0 if the handle is that of an open file, and may be used now. */
static aw_status file_check(const aw_file *file) {
	if (!file_is(file)) return AW_EBADHANDLE;
	aw_status status = loop_check(file->loop);
	return status < 0 ? status : file->fd < 0 ? -EBADF : 0;
}

ENTRY(aw_file_take, (aw_file *file), (file)) {
	aw_status status = file_check(file);
	if (status < 0) return status;
	if (file->calls) return -EBUSY;
	if (lseek(file->fd, file->position, SEEK_SET) < 0) return -errno;
	int fd = file->fd;
	file->fd = -1;
	return fd;
}

ENTRY(aw_file_fd, (const aw_file *file), (file)) {
	if (!file_is(file)) return AW_EBADHANDLE;
	return file->fd < 0 ? -EBADF : file->fd;
}

/* --- closing --- */

/* Linux closes the descriptor also if close(2) was interrupted. */
static void run_close(file_call *self) {
	self->result = close(self->fd) < 0 && errno != EINTR ? -errno : 0;
	self->ran = true;
}

static void end_close(file_call *self) {
	if (self->interrupted || self->result < 0 || !self->file->unseen) return;
	self->result = self->file->unseen;
	self->file->unseen = 0;
}

static const file_verb verb_close = {.run = run_close, .end = end_close, .traits = FILE_CLOSES | FILE_WRITES};

static file_call close_call(aw_file *file, const void *origin) {
	return (file_call){.verb = &verb_close, .file = file, .origin = origin};
}

aw_status aw_file_close(aw_file *file) {
	file_call call = close_call(file, CALLER);
	return file_is(file) ? file_call_now(&call) : failed(AW_EBADHANDLE);
}

ENTRY(aw_file_close_coro, (aw_file *file, aw_coro **out), (file, out)) {
	file_call call = close_call(file, CALLER);
	return file_is(file) ? file_call_later(file->loop, &call, out) : AW_EBADHANDLE;
}

/* --- reading --- */

static size_t part_size(const file_call *self, uint64_t most) {
	uint64_t rest = self->length - self->done;
	return (size_t)(rest < most ? rest : most);
}

static void run_read(file_call *self) {
	ssize_t count;
	do count = pread(self->fd, self->buffer, part_size(self, INT32_MAX), self->offset);
	while (count < 0 && errno == EINTR);
	file_call_set(self, count, errno);
}

/*
 * What is in the system's cache is copied at once. An answer of 0 is left to run_read(): some file systems
 * give it where they can't tell.
 */
static bool try_read(file_call *self) {
	if (self->loop->backend->capabilities & AW_BACKEND_COMPLETION && !self->parts) return false;
	struct iovec part = {self->buffer, part_size(self, TRIED_MAX)};
	if (self->parts || self->length > TRIED_MAX) return false;
	ssize_t count = preadv2(self->fd, &part, 1, self->offset, RWF_NOWAIT);
	if (count <= 0) return false;
	self->result = count;
	self->ran = true;
	return true;
}

static void end_read(file_call *self) {
	if (self->interrupted || self->result <= 0 || !(self->verb->traits & FILE_SEQUENTIAL)) return;
	self->file->position += self->result;
}

static const file_verb verb_read = {.run = run_read,
                                    .attempt = try_read,
                                    .end = end_read,
                                    .op = AW_OP_READ,
                                    .traits = FILE_SEQUENTIAL},
					   verb_read_at = {
						   .run = run_read, .attempt = try_read, .end = end_read, .op = AW_OP_READ};

static file_call read_call(const file_verb *verb, aw_file *file, void *buffer, size_t length, uint64_t offset,
                           const void *origin) {
	return (file_call){.verb = verb,
	                   .file = file,
	                   .buffer = buffer,
	                   .length = length < INT32_MAX ? length : INT32_MAX,
	                   .offset = (int64_t)offset,
	                   .origin = origin};
}

/* Returns 0 if the arguments of a read or write make sense. */
static aw_status transfer_check(const file_call *self) {
	if (!file_is(self->file)) return AW_EBADHANDLE;
	if ((!self->buffer && self->length) || self->length > INT64_MAX) return -EINVAL;
	if (self->offset < 0 || self->offset > INT64_MAX - (int64_t)self->length) return -EINVAL;
	bool positioned = !(self->verb->traits & FILE_SEQUENTIAL);
	return positioned && self->verb->traits & FILE_WRITES && self->file->appends ? -EINVAL : 0;
}

static aw_status transfer_now(file_call *call) {
	if (!stackful_here()) return AW_ENOTASK;
	if (call->out_count) *call->out_count = 0;
	aw_status status = transfer_check(call);
	return status < 0 ? failed(status) : file_call_now(call);
}

static aw_status transfer_later(const file_call *call, aw_coro **out) {
	aw_status status = transfer_check(call);
	return status < 0 ? status : file_call_later(call->file->loop, call, out);
}

aw_status aw_file_read(aw_file *file, void *buffer, size_t length) {
	file_call call = read_call(&verb_read, file, buffer, length, 0, CALLER);
	return transfer_now(&call);
}

ENTRY(aw_file_read_coro, (aw_file *file, void *buffer, size_t length, aw_coro **out),
      (file, buffer, length, out)) {
	file_call call = read_call(&verb_read, file, buffer, length, 0, CALLER);
	return transfer_later(&call, out);
}

aw_status aw_file_read_at(aw_file *file, void *buffer, size_t length, uint64_t offset) {
	file_call call = read_call(&verb_read_at, file, buffer, length, offset, CALLER);
	return transfer_now(&call);
}

ENTRY(aw_file_read_at_coro, (aw_file *file, void *buffer, size_t length, uint64_t offset, aw_coro **out),
      (file, buffer, length, offset, out)) {
	file_call call = read_call(&verb_read_at, file, buffer, length, offset, CALLER);
	return transfer_later(&call, out);
}

/* --- writing --- */

static void run_write(file_call *self) {
	self->result = 0;
	while (self->done < self->length) {
		const unsigned char *data = self->buffer + self->done;
		size_t size = part_size(self, INT32_MAX);
		ssize_t count = self->offset < 0 ? write(self->fd, data, size)
		                                 : pwrite(self->fd, data, size, self->offset + (int64_t)self->done);
		if (count < 0 && errno == EINTR) continue;
		if (count <= 0) {
			self->result = count < 0 ? -errno : -EIO;
			return;
		}
		self->done += (uint64_t)count;
	}
}

static void end_write(file_call *self) {
	aw_file *file = self->file;
	if (self->out_count) *self->out_count = self->done;
	if (!(self->verb->traits & FILE_SEQUENTIAL) || !self->done) return;
	off_t end = self->offset < 0 ? lseek(self->fd, 0, SEEK_CUR) : self->offset + (int64_t)self->done;
	if (end >= 0) file->position = end;
}

static const file_verb verb_write = {.run = run_write,
                                     .end = end_write,
                                     .op = AW_OP_WRITE,
                                     .traits = FILE_SEQUENTIAL | FILE_WRITES},
					   verb_write_at = {
						   .run = run_write, .end = end_write, .op = AW_OP_WRITE, .traits = FILE_WRITES};

static file_call write_call(const file_verb *verb, aw_file *file, const void *data, size_t length,
                            uint64_t offset, uint64_t *out_written, const void *origin) {
	return (file_call){.verb = verb,
	                   .file = file,
	                   .buffer = file_without_const(data),
	                   .length = length,
	                   .offset = (int64_t)offset,
	                   .out_count = out_written,
	                   .origin = origin};
}

aw_status aw_file_write(aw_file *file, const void *data, size_t length, uint64_t *out_written) {
	file_call call = write_call(&verb_write, file, data, length, 0, out_written, CALLER);
	return transfer_now(&call);
}

ENTRY(aw_file_write_coro,
      (aw_file *file, const void *data, size_t length, uint64_t *out_written, aw_coro **out),
      (file, data, length, out_written, out)) {
	file_call call = write_call(&verb_write, file, data, length, 0, out_written, CALLER);
	return transfer_later(&call, out);
}

aw_status aw_file_write_at(aw_file *file, const void *data, size_t length, uint64_t offset,
                           uint64_t *out_written) {
	file_call call = write_call(&verb_write_at, file, data, length, offset, out_written, CALLER);
	return transfer_now(&call);
}

ENTRY(aw_file_write_at_coro,
      (aw_file *file, const void *data, size_t length, uint64_t offset, uint64_t *out_written, aw_coro **out),
      (file, data, length, offset, out_written, out)) {
	file_call call = write_call(&verb_write_at, file, data, length, offset, out_written, CALLER);
	return transfer_later(&call, out);
}
