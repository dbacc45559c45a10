/* SPDX-License-Identifier: MIT */
/*
 * The rule is that of ssh and sudo: code is loaded only from where nobody else can put it. It is checked for
 * the file and for each folder and symbolic link on the way to it, so that after the check nobody else can
 * exchange any of them: dlopen() may then take the path. Its only way to take a descriptor is a path in
 * /proc/self/fd, under which the dynamic linker would keep the object: a second plug-in under the same number
 * would be taken for the first, and $ORIGIN and debuggers would be led astray.
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

enum { LINKS_MAX = 40 }; /* as many as the kernel follows */

/* --- this library --- */

static pthread_once_t library_once = PTHREAD_ONCE_INIT;
static char library_file[PATH_MAX];
static uid_t library_owner; /* 0 if the file is not known: root is trusted anyway */

/*
 * Takes the path from a line of /proc/self/maps, "start-end mode offset device inode path", if `address` lies
 * there.
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
 * From /proc/self/maps, since what dladdr() tells may be relative to a folder that was left, and is argv[0]
 * in a program linked statically, which whoever starts it chooses. Without allocations.
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

/* --- whom, and what --- */

typedef struct walk {
	char at[PATH_MAX];   /* the folder reached, as text */
	char rest[PATH_MAX]; /* what follows */
	int fd;              /* the folder reached */
	struct stat st;      /* of it */
	int links;
	struct stat file; /* where the walk ended */
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
 * Root's group, and one with its owner's number: by convention that user's alone, which is what makes a umask
 * of 002 harmless.
 */
static bool group_is_trusted(const struct stat *st) {
	return st->st_gid == 0 || st->st_gid == st->st_uid;
}

static bool others_may_write(const struct stat *st) {
	return (st->st_mode & S_IWOTH) || ((st->st_mode & S_IWGRP) && !group_is_trusted(st));
}

/* Is it one of the folders on the way to this library? */
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
	walk_explain(self, "refused: %s%s belongs to user %u, and not to root or to user %u", self->at, name,
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
 * The folder that holds the file, or a symbolic link to it, is for us alone. In one further up, others may
 * write if its sticky bit keeps them from renaming what isn't theirs (/tmp); and who may change a folder in
 * which this library lies could as well change the library.
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

/* Moves to `fd`, which becomes the walk's. `name` is added to the text. */
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

/* Puts the target of the link `fd` before the rest. Takes `fd`. */
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

/* Follows the next name of the rest: 0, 1 at the end, or a status. */
static aw_status walk_step(walk *self) {
	char name[NAME_MAX + 2] = "/"; /* with its slash, as it is added to the text */
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
	/* Not blocking, since it might be a pipe. */
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
		walk_explain(&way, "refused: it was exchanged while it was looked at");
		status = -EPERM;
	}
	if (status == 0) return fd;
	if (length && !*why) walk_explain(&way, "%s", aw_strerror(status));
	if (fd >= 0) close(fd);
	return status == -EPERM ? -EPERM : AW_ENOBACKEND;
}
