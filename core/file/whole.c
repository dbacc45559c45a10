/* SPDX-License-Identifier: MIT */
/* Whole files: read at once, replaced at once, and temporary. */
#include "io_memory.h"
#include "path.h"
#include "task.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* --- reading --- */

enum { FIRST_ROOM = 4096 };

/* Doubles the room, which includes that for a NUL. */
static bool grow(file_call *self, uint64_t *room) {
	if (*room > SIZE_MAX / 2) return false;
	unsigned char *more = realloc(self->made, (size_t)*room * 2);
	if (!more) return false;
	self->made = more;
	*room *= 2;
	return true;
}

/* Until the end: the size that the system gives may be out of date, or 0 for a file that is made up. */
static int64_t read_all(file_call *self, int fd, uint64_t room) {
	uint64_t limit = self->length ? self->length : UINT64_MAX;
	for (;;) {
		if (self->done + 1 == room && !grow(self, &room)) return -ENOMEM;
		uint64_t rest = room - 1 - self->done;
		ssize_t count =
			read(fd, (unsigned char *)self->made + self->done, rest < INT32_MAX ? (size_t)rest : INT32_MAX);
		if (count < 0 && errno == EINTR) continue;
		if (count < 0) return -errno;
		if (count == 0) return 0;
		self->done += (uint64_t)count;
		if (self->done > limit) return -EFBIG;
	}
}

static void run_read_whole(file_call *self) {
	int fd = path_open(self->dir, self->path, O_RDONLY | O_CLOEXEC | O_NOCTTY, 0);
	if (fd < 0) {
		self->result = fd;
		return;
	}
	struct stat info;
	uint64_t size = fstat(fd, &info) == 0 && info.st_size > 0 ? (uint64_t)info.st_size : 0;
	if (self->length && size > self->length) {
		self->result = -EFBIG;
	} else {
		/* One more than the size and the NUL, to see the end without growing. */
		uint64_t room = size ? size + 2 : FIRST_ROOM;
		self->made = room <= SIZE_MAX ? io_malloc((size_t)room) : NULL;
		self->result = self->made ? read_all(self, fd, room) : -ENOMEM;
		if (self->result == 0) ((unsigned char *)self->made)[self->done] = 0;
	}
	close(fd);
}

static void end_read_whole(file_call *self) {
	if (self->result == 0 && !self->interrupted) {
		if (self->out_count) *self->out_count = self->done;
		return;
	}
	free(self->made);
	self->made = NULL;
}

static void *value_read_whole(file_call *self, aw_destroy_fn *out_destroy) {
	*out_destroy = free;
	return self->made;
}

static const file_verb verb_read_whole = {
	.run = run_read_whole, .end = end_read_whole, .value = value_read_whole, .traits = FILE_PATHS};

static file_call read_whole_call(const char *path, uint64_t limit, uint64_t *out_length, const void *origin) {
	file_call call = path_call(&verb_read_whole, path, NULL, origin);
	call.length = limit;
	call.out_count = out_length;
	return call;
}

aw_status aw_file_read_whole(const char *path, uint64_t limit, void **out, uint64_t *out_length,
                             aw_destroy_fn *out_destroy) {
	file_call call = read_whole_call(path, limit, out_length, CALLER);
	aw_status status = path_now(&call, path && out && out_destroy ? 0 : -EINVAL);
	if (status < 0) return status;
	*out = call.made;
	*out_destroy = free;
	return 0;
}

ENTRY(aw_file_read_whole_coro,
      (aw_loop *loop, const char *path, uint64_t limit, uint64_t *out_length, aw_coro **out),
      (loop, path, limit, out_length, out)) {
	file_call call = read_whole_call(path, limit, out_length, CALLER);
	return path_later(loop, &call, path ? 0 : -EINVAL, out);
}

/* --- replacing --- */

static int sync_patiently(int fd) {
	int result;
	do result = fsync(fd);
	while (result < 0 && errno == EINTR);
	return result < 0 ? -errno : 0;
}

/* Makes the names in a directory durable. */
static int sync_directory(const char *path) {
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0) return -errno;
	int status = sync_patiently(fd);
	close(fd);
	return status == -EINVAL ? 0 : status; /* some file systems have nothing to sync there */
}

/*
 * Gives a new file the owner of the old one, where that is allowed, and its permissions. The content is the
 * caller's, and must not run as another user.
 */
static int keep_permissions(int fd, const struct stat *old) {
	struct stat info;
	if (fstat(fd, &info) < 0) return -errno;
	if ((info.st_uid != old->st_uid || info.st_gid != old->st_gid) &&
	    fchown(fd, old->st_uid, old->st_gid) < 0 && errno != EPERM && errno != EINVAL)
		return -errno;
	return fchmod(fd, old->st_mode & 01777) < 0 ? -errno : 0;
}

/* Writes the content to a new file. A negative errno. */
static int fill(const file_call *self, int fd, const struct stat *old) {
	int status = old ? keep_permissions(fd, old) : 0;
	if (status == 0) status = path_write(fd, self->buffer, (size_t)self->length);
	return status < 0 ? status : sync_patiently(fd);
}

/* `name` is where the directory's name ends in `temporary`, with room for a name. A negative errno. */
static int replace(const file_call *self, const char *path, char *temporary, char *name) {
	struct stat info;
	bool exists = stat(path, &info) == 0;
	if (exists && S_ISDIR(info.st_mode)) return -EISDIR;
	/* The rename would remove the pipe or device that others use. */
	if (exists && !S_ISREG(info.st_mode)) return -EINVAL;
	int fd;
	for (unsigned i = 0;; i++) {
		sprintf(name, ".%x-%x.tmp", (unsigned)getpid(), i);
		do fd = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, (mode_t)self->mode);
		while (fd < 0 && errno == EINTR);
		if (fd >= 0) break;
		if (errno != EEXIST || i == UINT16_MAX) return -errno;
	}
	int status = fill(self, fd, exists ? &info : NULL);
	if (close(fd) < 0 && status == 0 && errno != EINTR) status = -errno;
	if (status == 0 && rename(temporary, path) < 0) status = -errno;
	if (status < 0) {
		(void)unlink(temporary);
		return status;
	}
	*name = 0;
	return sync_directory(*temporary ? temporary : ".");
}

/* What the link `path` says, from where the program is; NULL, with an errno. */
static char *link_target(const char *path) {
	const char *slash = strrchr(path, '/');
	size_t length = slash ? (size_t)(slash - path) + 1 : 0;
	char *target = malloc(length + PATH_MAX);
	if (!target) return NULL;
	ssize_t count = readlink(path, target + length, PATH_MAX);
	if (count < 0 || count == PATH_MAX) {
		if (count >= 0) errno = ENAMETOOLONG;
		free(target);
		return NULL;
	}
	target[length + (size_t)count] = 0;
	if (target[length] == '/')
		memmove(target, target + length, (size_t)count + 1);
	else
		memcpy(target, path, length);
	return target;
}

enum { LINKS_MAX = 40 }; /* as in the kernel */

/* The file that `path` means, whether it exists or not, to be freed; NULL, with an errno. */
static char *follow(const char *path) {
	char *target = realpath(path, NULL);
	if (target || errno != ENOENT) return target;
	target = strdup(path);
	/* Others may make a circle of the links meanwhile. */
	for (int links = 0; target && links < LINKS_MAX; links++) {
		char *next = link_target(target);
		int error = errno;
		if (!next && (error == EINVAL || error == ENOENT)) return target;
		free(target);
		target = next;
		errno = error;
	}
	if (target) errno = ELOOP;
	free(target);
	return NULL;
}

static void run_replace(file_call *self) {
	enum { NAME_ROOM = 64 };
	char *path = follow(self->path);
	if (!path) {
		self->result = -errno;
		return;
	}
	const char *slash = strrchr(path, '/');
	size_t length = slash ? (size_t)(slash - path) + 1 : 0;
	char *temporary = malloc(length + NAME_ROOM);
	if (temporary) {
		memcpy(temporary, path, length);
		self->result = replace(self, path, temporary, temporary + length);
	} else {
		self->result = -ENOMEM;
	}
	free(temporary);
	free(path);
}

static const file_verb verb_replace = {.run = run_replace, .traits = FILE_PATHS};

static file_call replace_call(const char *path, const void *data, size_t length, uint32_t mode,
                              const void *origin) {
	file_call call = path_call(&verb_replace, path, NULL, origin);
	call.buffer = without_const(data);
	call.length = length;
	call.mode = mode;
	return call;
}

static aw_status replace_check(const char *path, const void *data, size_t length, uint32_t mode) {
	return path && (data || !length) && !(mode & ~(uint32_t)07777) ? 0 : -EINVAL;
}

aw_status aw_file_replace(const char *path, const void *data, size_t length, uint32_t mode) {
	file_call call = replace_call(path, data, length, mode, CALLER);
	return path_now(&call, replace_check(path, data, length, mode));
}

ENTRY(aw_file_replace_coro,
      (aw_loop *loop, const char *path, const void *data, size_t length, uint32_t mode, aw_coro **out),
      (loop, path, data, length, mode, out)) {
	file_call call = replace_call(path, data, length, mode, CALLER);
	return path_later(loop, &call, replace_check(path, data, length, mode), out);
}

/* --- temporary files --- */

static bool prepare_temp(file_call *self) {
	self->opened = file_new(self->loop, self->origin);
	if (!self->opened) self->result = -ENOMEM;
	self->over = !self->opened;
	return self->over;
}

static void run_open_temp(file_call *self) {
	bool is_named = !(self->flags & AW_FILE_UNNAMED);
	if (is_named && !path_is_pattern(self->out)) {
		self->result = -EINVAL;
		return;
	}
	int fd =
		is_named ? mkostemp(self->out, O_CLOEXEC) : open(self->out, O_RDWR | O_TMPFILE | O_CLOEXEC, 0600);
	file_call_set(self, fd < 0 ? -1 : 0);
	if (fd >= 0) self->opened->fd = fd;
	if (fd < 0 && is_named) path_pattern_reset(self->out);
}

static void end_open_temp(file_call *self) {
	if (self->result == 0 && !self->interrupted) return;
	if (self->opened && self->opened->fd >= 0 && !(self->flags & AW_FILE_UNNAMED)) {
		(void)unlink(self->out);
		path_pattern_reset(self->out);
	}
	if (self->opened) object_unref(self->opened); /* closes it */
	self->opened = NULL;
}

static void *value_temp(file_call *self, aw_destroy_fn *out_destroy) {
	*out_destroy = value_file;
	return object_hand_out(self->opened, self->origin);
}

static const file_verb verb_open_temp = {
	.run = run_open_temp, .attempt = prepare_temp, .end = end_open_temp, .value = value_temp};

static file_call open_temp_call(char *pattern, uint32_t flags, const void *origin) {
	file_call call = path_call(&verb_open_temp, NULL, NULL, origin);
	call.out = pattern;
	call.flags = flags;
	return call;
}

static aw_status open_temp_check(const char *pattern, uint32_t flags) {
	return pattern && !(flags & ~(uint32_t)AW_FILE_UNNAMED) ? 0 : -EINVAL;
}

aw_status aw_file_open_temp(char *pattern, uint32_t flags, aw_file **out) {
	file_call call = open_temp_call(pattern, flags, CALLER);
	aw_status status = path_now(&call, out ? open_temp_check(pattern, flags) : -EINVAL);
	if (status == 0) *out = object_hand_out(call.opened, call.origin);
	return status;
}

ENTRY(aw_file_open_temp_coro, (aw_loop *loop, char *pattern, uint32_t flags, aw_coro **out),
      (loop, pattern, flags, out)) {
	file_call call = open_temp_call(pattern, flags, CALLER);
	return path_later(loop, &call, open_temp_check(pattern, flags), out);
}
