/* SPDX-License-Identifier: MIT */
/*
 * Open files. The position is the handle's: the kernel is always given an offset, so that a cancelled read
 * loses nothing, and only an appending write uses the descriptor's own position.
 */
#include "file.h"

#include "path.h"
#include "report.h"
#include "sized.h"
#include "task.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/sysmacros.h>
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

static void run_open(file_call *self) {
	int fd = path_open(self->dir, self->path, system_flags(self->flags), (mode_t)self->mode);
	self->result = fd < 0 ? fd : 0;
	if (fd >= 0) self->opened->fd = fd;
}

static void end_open(file_call *self) {
	if (self->result == 0 && !self->interrupted) return;
	if (self->opened) object_unref(self->opened); /* closes it */
	self->opened = NULL;
}

static bool fill_open(file_call *self, aw_op *op, void *room) {
	(void)room;
	path_fill(self, op, AW_OP_OPENAT);
	if (self->file) op->fd = self->fd;
	op->flags = (uint32_t)(system_flags(self->flags) | O_NONBLOCK);
	op->length = self->mode;
	return true;
}

/* As path_open(). */
static void returned_open(file_call *self, void *room) {
	(void)room;
	if (self->result >= 0) self->result = path_opened((int)self->result, system_flags(self->flags));
	if (self->result == -ENXIO) self->result = -ESPIPE;
	if (self->result == -EAGAIN && !self->interrupted) { /* a lease, that a thread can wait for */
		self->over = self->ran = false;
		self->on_thread = true;
	}
	if (self->result < 0) return;
	self->opened->fd = (int)self->result;
	self->result = 0;
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

static const file_verb verb_open = {.run = run_open,
                                    .attempt = prepare_open,
                                    .end = end_open,
                                    .value = value_opened,
                                    .fill = fill_open,
                                    .returned = returned_open,
                                    .traits = FILE_PATHS};

static aw_status open_call(file_call *out, const char *path, uint32_t flags, uint32_t mode,
                           const void *origin) {
	if (!path || mode & ~(uint32_t)07777) return -EINVAL;
	*out = (file_call){.verb = &verb_open,
	                   .path = without_const(path),
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
                                       .fill = fill_open,
                                       .returned = returned_open,
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
	file_call_set(self, count);
}

/*
 * What is in the system's cache is copied at once. An answer of 0 is left to run_read(): some file systems
 * give it where they can't tell.
 */
static bool try_read(file_call *self) {
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

static bool fill_read(file_call *self, aw_op *op, void *room) {
	(void)room;
	op->kind = AW_OP_READ;
	op->buffer = self->buffer;
	op->length = self->length;
	op->offset = self->offset;
	return true;
}

static const file_verb verb_read = {.run = run_read,
                                    .attempt = try_read,
                                    .end = end_read,
                                    .fill = fill_read,
                                    .traits = FILE_SEQUENTIAL},
					   verb_read_at = {
						   .run = run_read, .attempt = try_read, .end = end_read, .fill = fill_read};

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
	if ((!self->buffer && !self->parts && self->length) || self->length > INT64_MAX) return -EINVAL;
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

/* Beyond a limit of size the kernel would send SIGXFSZ to this thread; others have it blocked. */
static bool is_limited(void) {
	struct rlimit limit;
	return getrlimit(RLIMIT_FSIZE, &limit) < 0 || limit.rlim_cur != RLIM_INFINITY;
}

static bool fill_write(file_call *self, aw_op *op, void *room) {
	(void)room;
	op->kind = AW_OP_WRITE;
	op->buffer = self->buffer + self->done;
	op->length = self->length - self->done;
	op->offset = self->offset < 0 ? -1 : self->offset + (int64_t)self->done;
	return !is_limited();
}

/* A write continues until everything is written. */
static void returned_write(file_call *self, void *room) {
	(void)room;
	if (self->result < 0) return;
	self->done += (uint64_t)self->result;
	self->over = self->result == 0 || self->done == self->length;
	self->result = self->result == 0 && self->length ? -EIO : 0;
}

static const file_verb verb_write = {.run = run_write,
                                     .end = end_write,
                                     .fill = fill_write,
                                     .returned = returned_write,
                                     .traits = FILE_SEQUENTIAL | FILE_WRITES},
					   verb_write_at = {.run = run_write,
                                        .end = end_write,
                                        .fill = fill_write,
                                        .returned = returned_write,
                                        .traits = FILE_WRITES};

static file_call write_call(const file_verb *verb, aw_file *file, const void *data, size_t length,
                            uint64_t offset, uint64_t *out_written, const void *origin) {
	return (file_call){.verb = verb,
	                   .file = file,
	                   .buffer = without_const(data),
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

/* --- several parts in one call --- */

enum { PARTS_MAX = 64 }; /* of one system call of a write */

static void run_readv(file_call *self) {
	ssize_t count;
	int parts = self->count < IOV_MAX ? (int)self->count : IOV_MAX;
	do count = preadv(self->fd, self->parts, parts, self->offset);
	while (count < 0 && errno == EINTR);
	file_call_set(self, count);
}

/* Stores the parts that follow what is written, and returns how many. */
static int rest_of_parts(const file_call *self, struct iovec *out) {
	uint64_t before = self->done;
	int count = 0;
	for (size_t i = 0; i < self->count && count < PARTS_MAX; i++) {
		const struct iovec *part = &self->parts[i];
		if (before >= part->iov_len) {
			before -= part->iov_len;
			continue;
		}
		out[count].iov_base = (unsigned char *)part->iov_base + before;
		out[count++].iov_len = part->iov_len - before;
		before = 0;
	}
	return count;
}

static void run_writev(file_call *self) {
	self->result = 0;
	while (self->done < self->length) {
		struct iovec rest[PARTS_MAX];
		int parts = rest_of_parts(self, rest);
		ssize_t count = self->offset < 0 ? writev(self->fd, rest, parts)
		                                 : pwritev(self->fd, rest, parts, self->offset + (int64_t)self->done);
		if (count < 0 && errno == EINTR) continue;
		if (count <= 0) {
			self->result = count < 0 ? -errno : -EIO;
			return;
		}
		self->done += (uint64_t)count;
	}
}

static void fill_parts(const file_call *self, aw_op *op, uint32_t kind) {
	op->kind = kind;
	op->buffer = without_const(self->parts);
	op->length = self->count < IOV_MAX ? self->count : IOV_MAX;
	op->offset = self->offset;
}

static bool fill_readv(file_call *self, aw_op *op, void *room) {
	(void)room;
	fill_parts(self, op, AW_OP_READV);
	return true;
}

/* What it leaves is for a thread. */
static bool fill_writev(file_call *self, aw_op *op, void *room) {
	(void)room;
	fill_parts(self, op, AW_OP_WRITEV);
	return !self->done && self->length && !is_limited();
}

static const file_verb verb_readv = {.run = run_readv,
                                     .end = end_read,
                                     .fill = fill_readv,
                                     .traits = FILE_SEQUENTIAL},
					   verb_readv_at = {.run = run_readv, .end = end_read, .fill = fill_readv},
					   verb_writev = {.run = run_writev,
                                      .end = end_write,
                                      .fill = fill_writev,
                                      .returned = returned_write,
                                      .traits = FILE_SEQUENTIAL | FILE_WRITES},
					   verb_writev_at = {.run = run_writev,
                                         .end = end_write,
                                         .fill = fill_writev,
                                         .returned = returned_write,
                                         .traits = FILE_WRITES};

/* Parts that make no sense give an offset that transfer_check() refuses. */
static file_call parts_call(const file_verb *here, const file_verb *there, aw_file *file,
                            const struct iovec *parts, size_t count, int64_t offset, uint64_t *out_written,
                            const void *origin) {
	/* The system sees only the first ones, and what fits into none looks like the end of the file. */
	for (; parts && count && !parts->iov_len; parts++) count--;
	file_call call = {.verb = offset == AW_FILE_HERE ? here : there,
	                  .file = file,
	                  .parts = parts,
	                  .count = count,
	                  .offset = offset == AW_FILE_HERE ? 0 : offset,
	                  .out_count = out_written,
	                  .origin = origin};
	bool usable = parts || !count;
	for (size_t i = 0; usable && i < count; i++) {
		usable =
			parts[i].iov_len <= (uint64_t)INT64_MAX - call.length && (parts[i].iov_base || !parts[i].iov_len);
		call.length += parts[i].iov_len;
	}
	if (!usable) call.offset = -1;
	return call;
}

aw_status aw_file_readv(aw_file *file, const struct iovec *parts, size_t count, int64_t offset) {
	file_call call = parts_call(&verb_readv, &verb_readv_at, file, parts, count, offset, NULL, CALLER);
	return transfer_now(&call);
}

ENTRY(aw_file_readv_coro,
      (aw_file *file, const struct iovec *parts, size_t count, int64_t offset, aw_coro **out),
      (file, parts, count, offset, out)) {
	file_call call = parts_call(&verb_readv, &verb_readv_at, file, parts, count, offset, NULL, CALLER);
	return transfer_later(&call, out);
}

aw_status aw_file_writev(aw_file *file, const struct iovec *parts, size_t count, int64_t offset,
                         uint64_t *out_written) {
	file_call call =
		parts_call(&verb_writev, &verb_writev_at, file, parts, count, offset, out_written, CALLER);
	return transfer_now(&call);
}

ENTRY(aw_file_writev_coro,
      (aw_file *file, const struct iovec *parts, size_t count, int64_t offset, uint64_t *out_written,
       aw_coro **out),
      (file, parts, count, offset, out_written, out)) {
	file_call call =
		parts_call(&verb_writev, &verb_writev_at, file, parts, count, offset, out_written, CALLER);
	return transfer_later(&call, out);
}

/* --- the rest --- */

static aw_status handle_now(file_call *call, aw_status status) {
	if (!stackful_here()) return AW_ENOTASK;
	if (!file_is(call->file)) status = AW_EBADHANDLE;
	return status < 0 ? failed(status) : file_call_now(call);
}

static aw_status handle_later(const file_call *call, aw_status status, aw_coro **out) {
	if (!file_is(call->file)) return AW_EBADHANDLE;
	return status < 0 ? status : file_call_later(call->file->loop, call, out);
}

static void run_sync(file_call *self) {
	int result;
	do result = self->flags & AW_FILE_SYNC_DATA ? fdatasync(self->fd) : fsync(self->fd);
	while (result < 0 && errno == EINTR);
	file_call_set(self, result);
}

static bool fill_sync(file_call *self, aw_op *op, void *room) {
	(void)room;
	op->kind = AW_OP_FSYNC;
	op->flags = self->flags & AW_FILE_SYNC_DATA ? AW_OP_FSYNC_DATA : 0;
	return true;
}

static const file_verb verb_sync = {.run = run_sync, .fill = fill_sync, .traits = FILE_WRITES};

static file_call sync_call(aw_file *file, uint32_t flags, const void *origin) {
	return (file_call){.verb = &verb_sync, .file = file, .flags = flags, .origin = origin};
}

static aw_status sync_check(uint32_t flags) {
	return flags & ~(uint32_t)AW_FILE_SYNC_DATA ? -EINVAL : 0;
}

aw_status aw_file_sync(aw_file *file, uint32_t flags) {
	file_call call = sync_call(file, flags, CALLER);
	return handle_now(&call, sync_check(flags));
}

ENTRY(aw_file_sync_coro, (aw_file *file, uint32_t flags, aw_coro **out), (file, flags, out)) {
	file_call call = sync_call(file, flags, CALLER);
	return handle_later(&call, sync_check(flags), out);
}

static void run_truncate(file_call *self) {
	int result;
	do result = ftruncate(self->fd, (off_t)self->length);
	while (result < 0 && errno == EINTR);
	file_call_set(self, result);
}

static bool fill_truncate(file_call *self, aw_op *op, void *room) {
	(void)room;
	op->kind = AW_OP_FTRUNCATE;
	op->length = self->length;
	return true;
}

static const file_verb verb_truncate = {.run = run_truncate, .fill = fill_truncate, .traits = FILE_WRITES};

static file_call truncate_call(aw_file *file, uint64_t length, const void *origin) {
	return (file_call){.verb = &verb_truncate, .file = file, .length = length, .origin = origin};
}

static aw_status length_check(uint64_t offset, uint64_t length) {
	return offset > INT64_MAX || length > (uint64_t)INT64_MAX - offset ? -EINVAL : 0;
}

aw_status aw_file_truncate(aw_file *file, uint64_t length) {
	file_call call = truncate_call(file, length, CALLER);
	return handle_now(&call, length_check(0, length));
}

ENTRY(aw_file_truncate_coro, (aw_file *file, uint64_t length, aw_coro **out), (file, length, out)) {
	file_call call = truncate_call(file, length, CALLER);
	return handle_later(&call, length_check(0, length), out);
}

static void run_allocate(file_call *self) {
	int result;
	do result = fallocate(self->fd, 0, self->offset, (off_t)self->length);
	while (result < 0 && errno == EINTR);
	file_call_set(self, result);
}

static bool fill_allocate(file_call *self, aw_op *op, void *room) {
	(void)room;
	op->kind = AW_OP_FALLOCATE;
	op->offset = self->offset;
	op->length = self->length;
	return true;
}

static const file_verb verb_allocate = {.run = run_allocate, .fill = fill_allocate, .traits = FILE_WRITES};

static file_call allocate_call(aw_file *file, uint64_t offset, uint64_t length, const void *origin) {
	return (file_call){
		.verb = &verb_allocate, .file = file, .offset = (int64_t)offset, .length = length, .origin = origin};
}

aw_status aw_file_allocate(aw_file *file, uint64_t offset, uint64_t length) {
	file_call call = allocate_call(file, offset, length, CALLER);
	return handle_now(&call, length_check(offset, length));
}

ENTRY(aw_file_allocate_coro, (aw_file *file, uint64_t offset, uint64_t length, aw_coro **out),
      (file, offset, length, out)) {
	file_call call = allocate_call(file, offset, length, CALLER);
	return handle_later(&call, length_check(offset, length), out);
}

static uint32_t kind_of(mode_t mode) {
	switch (mode & S_IFMT) {
	case S_IFREG: return AW_FILE_KIND_REGULAR;
	case S_IFDIR: return AW_FILE_KIND_DIRECTORY;
	case S_IFLNK: return AW_FILE_KIND_SYMLINK;
	case S_IFIFO: return AW_FILE_KIND_FIFO;
	case S_IFSOCK: return AW_FILE_KIND_SOCKET;
	case S_IFCHR: return AW_FILE_KIND_CHARACTER;
	case S_IFBLK: return AW_FILE_KIND_BLOCK;
	default: return AW_FILE_KIND_UNKNOWN;
	}
}

static int64_t nanoseconds(struct timespec time) {
	return time.tv_sec * AW_SECOND + time.tv_nsec;
}

void file_info_of(const struct stat *from, aw_file_info *out) {
	aw_file_info info = {.size = out->size,
	                     .kind = kind_of(from->st_mode),
	                     .mode = from->st_mode & 07777,
	                     .user = from->st_uid,
	                     .group = from->st_gid,
	                     .length = (uint64_t)from->st_size,
	                     .occupied = (uint64_t)from->st_blocks * 512,
	                     .links = from->st_nlink,
	                     .device = from->st_dev,
	                     .number = from->st_ino,
	                     .accessed = nanoseconds(from->st_atim),
	                     .modified = nanoseconds(from->st_mtim),
	                     .changed = nanoseconds(from->st_ctim)};
	memcpy(out, &info, out->size < sizeof info ? out->size : sizeof info); /* an older one has less room */
}

aw_status file_info_check(const aw_file_info *info) {
	return info && info->size >= SIZE_UP_TO(aw_file_info, changed) ? 0 : -EINVAL;
}

static void run_stat(file_call *self) {
	struct stat info;
	file_call_set(self, fstat(self->fd, &info));
	if (self->result == 0) file_info_of(&info, self->out);
}

static int64_t nanoseconds_of(struct statx_timestamp time) {
	return time.tv_sec * AW_SECOND + time.tv_nsec;
}

void path_info_of(const struct statx *from, aw_file_info *out) {
	aw_file_info info = {.size = out->size,
	                     .kind = kind_of(from->stx_mode),
	                     .mode = from->stx_mode & 07777,
	                     .user = from->stx_uid,
	                     .group = from->stx_gid,
	                     .length = from->stx_size,
	                     .occupied = from->stx_blocks * 512,
	                     .links = from->stx_nlink,
	                     .device = makedev(from->stx_dev_major, from->stx_dev_minor),
	                     .number = from->stx_ino,
	                     .accessed = nanoseconds_of(from->stx_atime),
	                     .modified = nanoseconds_of(from->stx_mtime),
	                     .changed = nanoseconds_of(from->stx_ctime)};
	memcpy(out, &info, sizeof info);
}

static bool fill_stat(file_call *self, aw_op *op, void *room) {
	static char none[] = "";
	op->kind = AW_OP_STATX;
	op->buffer = none;
	op->flags = AT_EMPTY_PATH;
	op->length = STATX_BASIC_STATS;
	op->second = room;
	(void)self;
	return true;
}

static void returned_stat(file_call *self, void *room) {
	if (self->result == 0) path_info_of(room, self->out);
}

static const file_verb verb_stat = {
	.run = run_stat, .fill = fill_stat, .returned = returned_stat, .room = sizeof(struct statx)};

static file_call stat_call(aw_file *file, aw_file_info *out_info, const void *origin) {
	return (file_call){.verb = &verb_stat, .file = file, .out = out_info, .origin = origin};
}

aw_status aw_file_stat(aw_file *file, aw_file_info *out_info) {
	file_call call = stat_call(file, out_info, CALLER);
	return handle_now(&call, file_is(file) ? file_info_check(out_info) : AW_EBADHANDLE);
}

ENTRY(aw_file_stat_coro, (aw_file *file, aw_file_info *out_info, aw_coro **out), (file, out_info, out)) {
	if (!file_is(file)) return AW_EBADHANDLE;
	file_call call = stat_call(file, out_info, CALLER);
	return handle_later(&call, file_info_check(out_info), out);
}

ENTRY(aw_file_seek, (aw_file *file, int64_t offset, int32_t whence, int64_t *out),
      (file, offset, whence, out)) {
	aw_status status = file_check(file);
	if (status < 0) return status;
	if (file->in_sequence) return -EBUSY;
	int64_t from = 0;
	struct stat info;
	if (whence == AW_FILE_FROM_CURRENT) {
		from = file->position;
	} else if (whence == AW_FILE_FROM_END) {
		if (fstat(file->fd, &info) < 0) return -errno;
		from = info.st_size;
	} else if (whence != AW_FILE_FROM_START) {
		return -EINVAL;
	}
	int64_t position;
	if (__builtin_add_overflow(from, offset, &position) || position < 0) return -EINVAL;
	file->position = position;
	if (out) *out = position;
	return 0;
}

int64_t aw_file_tell(const aw_file *file) {
	return file_is(file) && file->fd >= 0 ? file->position : -1;
}
