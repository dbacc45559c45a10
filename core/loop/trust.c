/* SPDX-License-Identifier: MIT */
/*
 * The rule is that of ssh and sudo: load code only from where no other user can put it. The file and every
 * folder and symbolic link on its path are checked, so that no other user can replace any of them after the
 * check, and dlopen() may use the path. dlopen() could take a descriptor only through /proc/self/fd, and the
 * dynamic linker would record that name: a second plug-in with the same descriptor number would be taken for
 * the first, and $ORIGIN and debuggers would break.
 */
#include "trust.h"

#include <await/error.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { LINKS_MAX = 40 }; /* the kernel's limit */

/* --- this library --- */

static pthread_once_t library_once = PTHREAD_ONCE_INIT;
static char library_file[PATH_MAX];
static uid_t library_owner; /* 0 if the file is not known: root is trusted anyway */

/*
 * Takes the path from a line of /proc/self/maps, "start-end mode offset device inode path", if `address` is
 * in its range.
 */
static bool maps_line(const char *line, uintptr_t address) {
	char *at;
	uintptr_t start = strtoul(line, &at, 16);
	uintptr_t end = *at == '-' ? strtoul(at + 1, &at, 16) : 0;
	if (address < start || address >= end) return false;
	const char *path = strchr(at, '/');
	if (path && strlen(path) < sizeof library_file) strcpy(library_file, path);
	return true;
}

/*
 * Uses /proc/self/maps because dladdr()'s name may be relative to a former working directory, and in a static
 * program is argv[0], which the caller chooses. Does not allocate.
 */
static void maps_search(int fd, uintptr_t address) {
	char buffer[PATH_MAX + 128];
	size_t used = 0;
	for (;;) {
		ssize_t n = read(fd, buffer + used, sizeof buffer - used);
		if (n < 0 && errno == EINTR) continue;
		if (n <= 0) return;
		used += (size_t)n;
		char *line = buffer;
		for (char *end; (end = memchr(line, '\n', used)); line = end + 1) {
			*end = 0;
			if (maps_line(line, address)) return;
			used -= (size_t)(end + 1 - line);
		}
		memmove(buffer, line, used);
		if (used == sizeof buffer) return; /* longer than any path */
	}
}

static void library_find(void) {
	int fd = open("/proc/self/maps", O_RDONLY | O_CLOEXEC);
	if (fd < 0) return;
	maps_search(fd, (uintptr_t)&library_find);
	close(fd);
	struct stat st;
	if (*library_file && stat(library_file, &st) == 0)
		library_owner = st.st_uid;
	else
		*library_file = 0; /* renamed or removed since it was loaded */
}

const char *trust_library_file(void) {
	pthread_once(&library_once, library_find);
	return library_file;
}

/* --- owners and modes --- */

typedef struct walk {
	char at[PATH_MAX];   /* the path of the current folder */
	char rest[PATH_MAX]; /* the unresolved remainder */
	int fd;              /* the current folder */
	struct stat st;      /* of the current folder */
	int links;
	struct stat file; /* of the file at the end */
	char *why;
	size_t room;
} walk;

__attribute__((format(printf, 2, 3))) static void walk_explain(walk *self, const char *format, ...) {
	if (!self->room) return;
	va_list arguments;
	va_start(arguments, format);
	(void)vsnprintf(self->why, self->room, format, arguments);
	va_end(arguments);
}

static bool owner_is_trusted(uid_t owner) {
	return owner == 0 || owner == geteuid() || owner == library_owner;
}

/*
 * Trusts root's group, and a group whose number equals the owner's: by convention it contains only that user,
 * which makes a umask of 002 harmless.
 */
static bool group_is_trusted(const struct stat *st) {
	return st->st_gid == 0 || st->st_gid == st->st_uid;
}

static bool others_may_write(const struct stat *st) {
	return (st->st_mode & S_IWOTH) || ((st->st_mode & S_IWGRP) && !group_is_trusted(st));
}

/* Whether the folder is on the path to this library. */
static bool holds_library(const struct stat *folder) {
	char path[PATH_MAX];
	struct stat st;
	for (const char *slash = strchr(library_file, '/'); slash; slash = strchr(slash + 1, '/')) {
		size_t length = (size_t)(slash - library_file) + (slash == library_file);
		memcpy(path, library_file, length);
		path[length] = 0;
		if (stat(path, &st) == 0 && st.st_dev == folder->st_dev && st.st_ino == folder->st_ino) return true;
	}
	return false;
}

static aw_status check_owner(walk *self, const char *name, const struct stat *st) {
	if (owner_is_trusted(st->st_uid)) return 0;
	walk_explain(self, "refused: %s%s belongs to user %u, not to root or user %u", self->at, name,
	             (unsigned)st->st_uid, (unsigned)geteuid());
	return -EPERM;
}

static aw_status check_writers(walk *self, const char *name, const struct stat *st) {
	if (!others_may_write(st)) return 0;
	if (st->st_mode & S_IWOTH)
		walk_explain(self, "refused: every user may write to %s%s (mode %04o)", self->at, name,
		             (unsigned)st->st_mode & 07777);
	else
		walk_explain(self, "refused: group %u may write to %s%s (mode %04o)", (unsigned)st->st_gid, self->at,
		             name, (unsigned)st->st_mode & 07777);
	return -EPERM;
}

/*
 * No other user may write to the folder that contains the file or a symbolic link to it. Folders further up
 * may be writable if the sticky bit prevents renaming others' files (/tmp). A user who can change a folder
 * above this library could replace the library itself, so such folders are accepted.
 */
static aw_status check_folder(walk *self, bool holds_file) {
	const char *name = *self->at ? "" : "/";
	if (!holds_file && ((self->st.st_mode & S_ISVTX) || !others_may_write(&self->st)) &&
	    owner_is_trusted(self->st.st_uid))
		return 0;
	if (!holds_file && holds_library(&self->st)) return 0;
	aw_status status = check_owner(self, name, &self->st);
	return status < 0 ? status : check_writers(self, name, &self->st);
}

/* --- the walk --- */

static int entry_open(int folder, const char *name) {
	return openat(folder, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
}

/* Moves to `fd`, taking ownership, and appends `name` to the path. */
static aw_status walk_enter(walk *self, int fd, const struct stat *st, const char *name) {
	size_t used = strlen(self->at), length = strlen(name);
	if (used + length >= sizeof self->at) {
		close(fd);
		return -ENAMETOOLONG;
	}
	memcpy(self->at + used, name, length + 1);
	if (self->fd >= 0) close(self->fd);
	self->fd = fd;
	self->st = *st;
	return 0;
}

static aw_status walk_begin(walk *self) {
	struct stat st;
	int fd = open("/", O_PATH | O_CLOEXEC);
	if (fd < 0) return -errno;
	if (fstat(fd, &st) < 0) {
		aw_status status = -errno;
		close(fd);
		return status;
	}
	*self->at = 0;
	return walk_enter(self, fd, &st, "");
}

/* Prepends the target of the link `fd` to the remainder. Closes `fd`. */
static aw_status walk_link(walk *self, int fd) {
	char target[PATH_MAX];
	ssize_t n = readlinkat(fd, "", target, sizeof target);
	aw_status status = n < 0 ? -errno : 0;
	close(fd);
	if (status < 0) return status;
	if (++self->links > LINKS_MAX) return -ELOOP;
	size_t length = (size_t)n, left = strlen(self->rest) + 1;
	if (length + 1 + left > sizeof self->rest) return -ENAMETOOLONG;
	memmove(self->rest + length + 1, self->rest, left);
	memcpy(self->rest, target, length);
	self->rest[length] = '/';
	return *target == '/' ? walk_begin(self) : 0;
}

/* Resolves the next name of the remainder. Returns 0, 1 at the end, or an error. */
static aw_status walk_step(walk *self) {
	char name[NAME_MAX + 2] = "/"; /* with the leading slash, as appended to the path */
	const char *start = self->rest + strspn(self->rest, "/");
	size_t length = strcspn(start, "/");
	if (!length) return -EISDIR;
	if (length > NAME_MAX) return -ENAMETOOLONG;
	memcpy(name + 1, start, length);
	name[1 + length] = 0;
	const char *after = start + length;
	bool is_last = !after[strspn(after, "/")];
	memmove(self->rest, after, strlen(after) + 1);

	aw_status status = check_folder(self, is_last);
	if (status < 0) return status;
	struct stat st;
	int fd = entry_open(self->fd, name + 1);
	if (fd < 0) return -errno;
	status = fstat(fd, &st) < 0 ? -errno : 0;
	if (status == 0 && S_ISDIR(st.st_mode) && !is_last) return walk_enter(self, fd, &st, name);
	if (status == 0) status = check_owner(self, name, &st);
	if (status == 0 && S_ISLNK(st.st_mode)) return walk_link(self, fd);
	close(fd);
	if (status == 0) status = check_writers(self, name, &st);
	if (status < 0) return status;
	self->file = st;
	return is_last ? 1 : -ENOTDIR;
}

static aw_status walk_path(walk *self, const char *path) {
	if (strlen(path) >= sizeof self->rest) return -ENAMETOOLONG;
	strcpy(self->rest, path);
	aw_status status = walk_begin(self);
	while (status == 0) status = walk_step(self);
	return status < 0 ? status : 0;
}

int trust_open(const char *path, char *why, size_t length) {
	if (length) *why = 0;
	(void)trust_library_file();
	/* Non-blocking, since it might be a FIFO. */
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	walk way = {.fd = -1, .why = why, .room = length};
	struct stat st;
	aw_status status = fd < 0 || fstat(fd, &st) < 0 ? -errno : 0;
	if (status == 0 && !S_ISREG(st.st_mode)) {
		walk_explain(&way, "not a file");
		status = AW_ENOBACKEND;
	}
	if (status == 0) status = walk_path(&way, path);
	if (way.fd >= 0) close(way.fd);
	if (status == 0 && (st.st_dev != way.file.st_dev || st.st_ino != way.file.st_ino)) {
		walk_explain(&way, "refused: the file was replaced during the check");
		status = -EPERM;
	}
	if (status == 0) return fd;
	if (length && !*why) walk_explain(&way, "%s", aw_strerror(status));
	if (fd >= 0) close(fd);
	return status == -EPERM ? -EPERM : AW_ENOBACKEND;
}
