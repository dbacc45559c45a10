/* SPDX-License-Identifier: MIT */
/* Calls on paths: each is the system's call on a thread. */
#include "path.h"

#include "task.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

aw_status path_now(file_call *call, aw_status status) {
	if (!stackful_here()) return AW_ENOTASK;
	return status < 0 ? failed(status) : file_call_now(call);
}

aw_status path_later(aw_loop *loop, const file_call *call, aw_status status, aw_coro **out) {
	aw_status usable = loop_resolve(&loop);
	if (usable < 0) return usable;
	return status < 0 ? status : file_call_later(loop, call, out);
}

static aw_status paths_check(const char *path, const char *path2) {
	return path && path2 ? 0 : -EINVAL;
}

static aw_status check(const char *path, uint32_t flags, uint32_t all) {
	return path && !(flags & ~all) ? 0 : -EINVAL;
}

static int open_patiently(int dir, const char *path, int flags, mode_t mode) {
	int fd;
	do fd = openat(dir, path, flags, mode);
	while (fd < 0 && errno == EINTR);
	return fd;
}

/* Non-blocking, so that a pipe does not wait for its other end; EAGAIN is a lease that must be broken. */
int path_open(int dir, const char *path, int flags, mode_t mode) {
	int fd = open_patiently(dir, path, flags | O_NONBLOCK, mode);
	if (fd < 0 && errno == EAGAIN) fd = open_patiently(dir, path, flags, mode);
	if (fd < 0) return errno == ENXIO ? -ESPIPE : -errno; /* a pipe without a reader, or a socket */
	return path_opened(fd, flags);
}

int path_opened(int fd, int flags) {
	if (lseek(fd, 0, SEEK_CUR) >= 0 && fcntl(fd, F_SETFL, flags & (O_APPEND | O_ACCMODE)) >= 0) return fd;
	int error = errno;
	close(fd);
	return -error;
}

int path_write(int fd, const void *data, size_t length) {
	for (size_t done = 0; done < length;) {
		ssize_t count = write(fd, (const unsigned char *)data + done, length - done);
		if (count < 0 && errno == EINTR) continue;
		if (count <= 0) return count < 0 ? -errno : -EIO;
		done += (size_t)count;
	}
	return 0;
}

/* --- stat --- */

static void run_stat(file_call *self) {
	struct stat info;
	int follow = self->flags & AW_PATH_NOFOLLOW ? AT_SYMLINK_NOFOLLOW : 0;
	file_call_set(self, fstatat(self->dir, self->path, &info, follow));
	if (self->result == 0) file_info_of(&info, self->out);
}

void path_fill(file_call *self, aw_op *op, uint32_t kind) {
	op->kind = kind;
	op->fd = op->second_fd = self->dir;
	op->buffer = self->path;
	op->second = self->path2;
}

static bool fill_stat(file_call *self, aw_op *op, void *room) {
	path_fill(self, op, AW_OP_STATX);
	op->flags = AT_NO_AUTOMOUNT | (self->flags & AW_PATH_NOFOLLOW ? AT_SYMLINK_NOFOLLOW : 0);
	op->length = STATX_BASIC_STATS;
	op->second = room;
	return true;
}

static void returned_stat(file_call *self, void *room) {
	if (self->result == 0) path_info_of(room, self->out);
}

static const file_verb verb_stat = {.run = run_stat,
                                    .fill = fill_stat,
                                    .returned = returned_stat,
                                    .room = sizeof(struct statx),
                                    .traits = FILE_PATHS};

static file_call stat_call(const char *path, uint32_t flags, aw_file_info *out_info, const void *origin) {
	file_call call = path_call(&verb_stat, path, NULL, origin);
	call.flags = flags;
	call.out = out_info;
	return call;
}

static aw_status stat_check(const char *path, uint32_t flags, const aw_file_info *out_info) {
	aw_status status = check(path, flags, AW_PATH_NOFOLLOW);
	return status < 0 ? status : file_info_check(out_info);
}

aw_status aw_path_stat(const char *path, uint32_t flags, aw_file_info *out_info) {
	file_call call = stat_call(path, flags, out_info, CALLER);
	return path_now(&call, stat_check(path, flags, out_info));
}

ENTRY(aw_path_stat_coro,
      (aw_loop *loop, const char *path, uint32_t flags, aw_file_info *out_info, aw_coro **out),
      (loop, path, flags, out_info, out)) {
	file_call call = stat_call(path, flags, out_info, CALLER);
	return path_later(loop, &call, stat_check(path, flags, out_info), out);
}

/* --- names --- */

static void run_rename(file_call *self) {
	int result = self->flags & AW_PATH_NOREPLACE
	                 ? renameat2(self->dir, self->path, self->dir, self->path2, RENAME_NOREPLACE)
	                 : renameat(self->dir, self->path, self->dir, self->path2);
	file_call_set(self, result);
}

static bool fill_rename(file_call *self, aw_op *op, void *room) {
	(void)room;
	path_fill(self, op, AW_OP_RENAMEAT);
	if (self->flags & AW_PATH_NOREPLACE) op->flags = RENAME_NOREPLACE;
	return true;
}

static const file_verb verb_rename = {
	.run = run_rename, .fill = fill_rename, .traits = FILE_PATHS | FILE_ONCE};

static file_call rename_call(const char *old_path, const char *new_path, uint32_t flags, const void *origin) {
	file_call call = path_call(&verb_rename, old_path, new_path, origin);
	call.flags = flags;
	return call;
}

aw_status aw_path_rename(const char *old_path, const char *new_path, uint32_t flags) {
	file_call call = rename_call(old_path, new_path, flags, CALLER);
	return path_now(&call, new_path ? check(old_path, flags, AW_PATH_NOREPLACE) : -EINVAL);
}

ENTRY(aw_path_rename_coro, (aw_loop *loop, const char *old_path, const char *new_path, uint32_t flags, aw_coro **out),
      (loop, old_path, new_path, flags, out)) {
	file_call call = rename_call(old_path, new_path, flags, CALLER);
	return path_later(loop, &call, new_path ? check(old_path, flags, AW_PATH_NOREPLACE) : -EINVAL, out);
}

static void run_link(file_call *self) {
	file_call_set(self, linkat(self->dir, self->path, self->dir, self->path2, 0));
}

static const file_verb verb_link = {.run = run_link, .traits = FILE_PATHS};

aw_status aw_path_link(const char *old_path, const char *new_path) {
	file_call call = path_call(&verb_link, old_path, new_path, CALLER);
	return path_now(&call, paths_check(old_path, new_path));
}

ENTRY(aw_path_link_coro, (aw_loop *loop, const char *old_path, const char *new_path, aw_coro **out),
      (loop, old_path, new_path, out)) {
	file_call call = path_call(&verb_link, old_path, new_path, CALLER);
	return path_later(loop, &call, paths_check(old_path, new_path), out);
}

static void run_symlink(file_call *self) {
	file_call_set(self, symlinkat(self->path, self->dir, self->path2));
}

static const file_verb verb_symlink = {.run = run_symlink, .traits = FILE_PATHS};

aw_status aw_path_symlink(const char *target, const char *path) {
	file_call call = path_call(&verb_symlink, target, path, CALLER);
	return path_now(&call, paths_check(target, path));
}

ENTRY(aw_path_symlink_coro, (aw_loop *loop, const char *target, const char *path, aw_coro **out),
      (loop, target, path, out)) {
	file_call call = path_call(&verb_symlink, target, path, CALLER);
	return path_later(loop, &call, paths_check(target, path), out);
}

static void run_readlink(file_call *self) {
	char *text = self->out;
	ssize_t length = readlinkat(self->dir, self->path, text, self->length);
	file_call_set(self, length);
	if (length < 0) return;
	if ((uint64_t)length == self->length) {
		self->result = -ERANGE;
		return;
	}
	text[length] = 0;
}

static const file_verb verb_readlink = {.run = run_readlink, .traits = FILE_PATHS};

static file_call readlink_call(const char *path, char *text, size_t size, const void *origin) {
	file_call call = path_call(&verb_readlink, path, NULL, origin);
	call.out = text;
	call.length = size < INT32_MAX ? size : INT32_MAX;
	return call;
}

aw_status aw_path_readlink(const char *path, char *text, size_t size) {
	file_call call = readlink_call(path, text, size, CALLER);
	return path_now(&call, path && text && size ? 0 : -EINVAL);
}

ENTRY(aw_path_readlink_coro, (aw_loop *loop, const char *path, char *text, size_t size, aw_coro **out),
      (loop, path, text, size, out)) {
	file_call call = readlink_call(path, text, size, CALLER);
	return path_later(loop, &call, path && text && size ? 0 : -EINVAL, out);
}

static void run_unlink(file_call *self) {
	file_call_set(self, unlinkat(self->dir, self->path, (int)self->flags));
}

static bool fill_unlink(file_call *self, aw_op *op, void *room) {
	(void)room;
	path_fill(self, op, AW_OP_UNLINKAT);
	op->flags = self->flags;
	return true;
}

static const file_verb verb_unlink = {
	.run = run_unlink, .fill = fill_unlink, .traits = FILE_PATHS | FILE_ONCE};

static file_call unlink_call(const char *path, int flags, const void *origin) {
	file_call call = path_call(&verb_unlink, path, NULL, origin);
	call.flags = (uint32_t)flags;
	return call;
}

aw_status aw_path_unlink(const char *path) {
	file_call call = unlink_call(path, 0, CALLER);
	return path_now(&call, path ? 0 : -EINVAL);
}

ENTRY(aw_path_unlink_coro, (aw_loop *loop, const char *path, aw_coro **out), (loop, path, out)) {
	file_call call = unlink_call(path, 0, CALLER);
	return path_later(loop, &call, path ? 0 : -EINVAL, out);
}

aw_status aw_path_rmdir(const char *path) {
	file_call call = unlink_call(path, AT_REMOVEDIR, CALLER);
	return path_now(&call, path ? 0 : -EINVAL);
}

ENTRY(aw_path_rmdir_coro, (aw_loop *loop, const char *path, aw_coro **out), (loop, path, out)) {
	file_call call = unlink_call(path, AT_REMOVEDIR, CALLER);
	return path_later(loop, &call, path ? 0 : -EINVAL, out);
}

/* --- directories --- */

static bool is_directory(int dir, const char *path) {
	struct stat info;
	return fstatat(dir, path, &info, 0) == 0 && S_ISDIR(info.st_mode);
}

/* Creates the directories above the last name. A negative errno. */
static int make_parents(int dir, char *path) {
	for (char *at = path + strspn(path, "/"); (at = strchr(at, '/')); at += strspn(at, "/")) {
		if (!at[strspn(at, "/")]) break; /* slashes at the end */
		*at = 0;
		int error = mkdirat(dir, path, 0777) < 0 && errno != EEXIST ? errno : 0;
		*at = '/';
		if (error) return -error;
	}
	return 0;
}

static void run_mkdir(file_call *self) {
	bool parents = self->flags & AW_PATH_PARENTS;
	mode_t mode = (mode_t)self->mode;
	int result = mkdirat(self->dir, self->path, mode), error = errno;
	if (result < 0 && parents && error == ENOENT) {
		char *copy = strdup(self->path);
		error = copy ? -make_parents(self->dir, copy) : ENOMEM;
		free(copy);
		if (!error) {
			result = mkdirat(self->dir, self->path, mode);
			error = errno;
		}
	}
	if (result < 0 && parents && error == EEXIST && is_directory(self->dir, self->path)) result = 0;
	self->result = result < 0 ? -error : 0;
}

/* With the directories above it that is several calls. */
static bool fill_mkdir(file_call *self, aw_op *op, void *room) {
	(void)room;
	path_fill(self, op, AW_OP_MKDIRAT);
	op->length = self->mode;
	return !(self->flags & AW_PATH_PARENTS);
}

static const file_verb verb_mkdir = {.run = run_mkdir, .fill = fill_mkdir, .traits = FILE_PATHS | FILE_ONCE};

static file_call mkdir_call(const char *path, uint32_t mode, uint32_t flags, const void *origin) {
	file_call call = path_call(&verb_mkdir, path, NULL, origin);
	call.mode = mode;
	call.flags = flags;
	return call;
}

static aw_status mkdir_check(const char *path, uint32_t mode, uint32_t flags) {
	return mode & ~(uint32_t)07777 ? -EINVAL : check(path, flags, AW_PATH_PARENTS);
}

aw_status aw_path_mkdir(const char *path, uint32_t mode, uint32_t flags) {
	file_call call = mkdir_call(path, mode, flags, CALLER);
	return path_now(&call, mkdir_check(path, mode, flags));
}

ENTRY(aw_path_mkdir_coro, (aw_loop *loop, const char *path, uint32_t mode, uint32_t flags, aw_coro **out),
      (loop, path, mode, flags, out)) {
	file_call call = mkdir_call(path, mode, flags, CALLER);
	return path_later(loop, &call, mkdir_check(path, mode, flags), out);
}

static const char pattern_end[] = "XXXXXX";

/* Where the end of a pattern begins, or NULL. */
static char *pattern_end_of(char *pattern) {
	size_t length = strlen(pattern), size = sizeof pattern_end - 1;
	return length < size ? NULL : pattern + length - size;
}

bool path_is_pattern(char *pattern) {
	const char *end = pattern_end_of(pattern);
	return end && strcmp(end, pattern_end) == 0;
}

void path_pattern_reset(char *pattern) {
	memcpy(pattern_end_of(pattern), pattern_end, sizeof pattern_end - 1);
}

static void run_mkdtemp(file_call *self) {
	if (!path_is_pattern(self->out)) {
		self->result = -EINVAL;
		return;
	}
	self->result = mkdtemp(self->out) ? 0 : -errno;
	if (self->result < 0) path_pattern_reset(self->out);
}

static void end_mkdtemp(file_call *self) {
	if (!self->interrupted || !self->ran || self->result < 0) return;
	(void)rmdir(self->out);
	path_pattern_reset(self->out);
}

/* The pattern is the caller's memory, so a coroutine does not copy it. */
static const file_verb verb_mkdtemp = {.run = run_mkdtemp, .end = end_mkdtemp};

static file_call mkdtemp_call(char *pattern, const void *origin) {
	file_call call = path_call(&verb_mkdtemp, NULL, NULL, origin);
	call.out = pattern;
	return call;
}

aw_status aw_path_mkdtemp(char *pattern) {
	file_call call = mkdtemp_call(pattern, CALLER);
	return path_now(&call, pattern ? 0 : -EINVAL);
}

ENTRY(aw_path_mkdtemp_coro, (aw_loop *loop, char *pattern, aw_coro **out), (loop, pattern, out)) {
	file_call call = mkdtemp_call(pattern, CALLER);
	return path_later(loop, &call, pattern ? 0 : -EINVAL, out);
}
