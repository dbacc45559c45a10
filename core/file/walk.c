/* SPDX-License-Identifier: MIT */
/*
 * The walk through a directory. A thread reads entries ahead, in batches; what it has read waits in a list, so
 * that a cancelled item is not lost. Directories are open only while they are read: the path says where to
 * continue, and depth costs no descriptors.
 */
#include "call.h"
#include "list.h"

#include <await/iterator.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { AHEAD = 256 };

typedef struct found {
	aw_walk_entry entry; /* first: the item is the entry */
	struct found *next, *previous;
	char path[];
} found;

typedef LIST(found) found_list;

/* A directory that is to be read. */
typedef struct level {
	struct level *above;
	found_list entries; /* not given out yet; read all at once */
	uint32_t depth;
} level;

typedef struct walk {
	unsigned users; /* the iterator and its coroutines */
	bool busy, begun;
	aw_loop *loop;
	const void *origin;
	uint32_t max_depth;
	level *innermost;
	found_list ready;
	size_t count;  /* of `ready` */
	int64_t error; /* once `ready` is empty; 0: the end is not reached */
	char root[];
} walk;

static void list_free(found_list *list) {
	for (found *at; (at = list->first);) {
		list_remove(list, at);
		free(at);
	}
}

static void level_leave(walk *self) {
	level *inner = self->innermost;
	self->innermost = inner->above;
	list_free(&inner->entries);
	free(inner);
}

static void walk_drop(walk *self) {
	if (--self->users) return;
	while (self->innermost) level_leave(self);
	list_free(&self->ready);
	free(self);
}

/* --- on a thread --- */

static uint32_t kind_of_entry(int dir, const struct dirent *entry) {
	static const uint8_t kinds[] = {
		[DT_REG] = AW_FILE_KIND_REGULAR, [DT_DIR] = AW_FILE_KIND_DIRECTORY, [DT_LNK] = AW_FILE_KIND_SYMLINK,
		[DT_FIFO] = AW_FILE_KIND_FIFO,   [DT_SOCK] = AW_FILE_KIND_SOCKET,   [DT_CHR] = AW_FILE_KIND_CHARACTER,
		[DT_BLK] = AW_FILE_KIND_BLOCK};
	if (entry->d_type != DT_UNKNOWN && entry->d_type < sizeof kinds) return kinds[entry->d_type];
	struct stat info;
	aw_file_info out = {.size = sizeof out};
	if (fstatat(dir, entry->d_name, &info, AT_SYMLINK_NOFOLLOW) < 0) return AW_FILE_KIND_UNKNOWN;
	file_info_of(&info, &out);
	return out.kind;
}

static found *found_new(const char *above, const char *name, uint32_t kind, uint32_t depth, int error) {
	size_t prefix = strlen(above), length = strlen(name);
	bool slash = name[0] && prefix && above[prefix - 1] != '/';
	found *self = malloc(sizeof *self + prefix + slash + length + 1);
	if (!self) return NULL;
	memcpy(self->path, above, prefix);
	if (slash) self->path[prefix] = '/';
	memcpy(self->path + prefix + slash, name, length + 1);
	self->entry = (aw_walk_entry){.path = self->path, .kind = kind, .depth = depth, .error = error};
	const char *last = strrchr(self->path, '/');
	self->entry.name = last && last[1] ? last + 1 : self->path;
	return self;
}

static bool is_itself_or_parent(const char *name) {
	return name[0] == '.' && (!name[1] || (name[1] == '.' && !name[2]));
}

/* Reads a whole directory. A negative errno. */
static int read_entries(DIR *dir, const char *path, uint32_t depth, found_list *out) {
	for (;;) {
		errno = 0;
		const struct dirent *entry = readdir(dir);
		if (!entry) return -errno;
		if (is_itself_or_parent(entry->d_name)) continue;
		found *made = found_new(path, entry->d_name, kind_of_entry(dirfd(dir), entry), depth, 0);
		if (!made) return -ENOMEM;
		list_append(out, made);
	}
}

/* Reads `path`, whose entries come next. A negative errno. */
static int enter(walk *self, const char *path, uint32_t depth) {
	int fd, error;
	/* The walk's own directory may be a link. */
	do fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | (depth ? O_NOFOLLOW : 0));
	while (fd < 0 && errno == EINTR);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	if (!dir) {
		error = errno;
		if (fd >= 0) close(fd);
		return -error;
	}
	level *inner = calloc(1, sizeof *inner);
	error = inner ? read_entries(dir, path, depth, &inner->entries) : -ENOMEM;
	closedir(dir);
	if (error < 0) {
		if (inner) list_free(&inner->entries);
		free(inner);
		return error;
	}
	inner->depth = depth;
	inner->above = self->innermost;
	self->innermost = inner;
	return 0;
}

static void give_out(walk *self, found *what) {
	list_append(&self->ready, what);
	self->count++;
}

/* A negative errno ends the walk. */
static int step(walk *self) {
	level *inner = self->innermost;
	found *next = inner->entries.first;
	if (!next) {
		level_leave(self);
		return 0;
	}
	int error = 0;
	found *note = NULL;
	if (next->entry.kind == AW_FILE_KIND_DIRECTORY && inner->depth < self->max_depth) {
		error = enter(self, next->path, inner->depth + 1);
		/* It may have been removed or replaced meanwhile: then it is like an empty one. */
		if (error == -ENOENT || error == -ENOTDIR || error == -ELOOP) error = 0;
		if (error < 0 && error != -ENOMEM) {
			note = found_new(next->path, "", next->entry.kind, next->entry.depth, error);
			error = note ? 0 : -ENOMEM;
		}
		if (error < 0) return error;
	}
	list_remove(&inner->entries, next);
	give_out(self, next);
	if (note) give_out(self, note);
	return 0;
}

static void run_walk(file_call *call) {
	walk *self = call->made;
	int error = self->begun ? 0 : enter(self, self->root, 0);
	if (error == 0) self->begun = true;
	while (error == 0 && self->innermost && self->count < AHEAD) error = step(self);
	self->error = error < 0 ? error : self->innermost ? 0 : AW_ESTOPITERATION;
	call->result = 0;
}

/* --- on the loop's thread --- */

static void entry_destroy(void *entry) {
	free(entry);
}

static bool try_walk(file_call *call) {
	const walk *self = call->made;
	return self->ready.first || self->error == AW_ESTOPITERATION;
}

static aw_status begin_walk(file_call *call) {
	walk *self = call->made;
	if (self->busy) return -EBUSY;
	self->busy = true;
	return 0;
}

static void end_walk(file_call *call) {
	walk *self = call->made;
	self->busy = false;
	if (call->interrupted || call->result < 0) return;
	found *next = self->ready.first;
	if (next) {
		list_remove(&self->ready, next);
		self->count--;
		call->out = &next->entry;
		return;
	}
	call->result = self->error < 0 ? self->error : AW_ESTOPITERATION;
	if (self->error == AW_ESTOPITERATION) return;
	self->error = 0; /* it is tried again */
	char text[512];
	snprintf(text, sizeof text, "%.400s: %s", self->root, aw_strerror((aw_status)call->result));
	call->error = error_with_message(&domain_none, (aw_status)call->result, text);
}

static void *value_walk(file_call *call, aw_destroy_fn *out_destroy) {
	*out_destroy = entry_destroy;
	return call->out;
}

static void release_walk(file_call *call) {
	walk_drop(call->made);
}

static const file_verb verb_walk = {.begin = begin_walk,
                                    .run = run_walk,
                                    .attempt = try_walk,
                                    .end = end_walk,
                                    .release = release_walk,
                                    .value = value_walk};

static aw_status next_coro(void *ud, aw_coro **out) {
	walk *self = ud;
	const file_call call = {.verb = &verb_walk, .made = self, .origin = self->origin};
	self->users++;
	aw_status status = file_call_later(self->loop, &call, out);
	if (status < 0) self->users--;
	return status;
}

static void walk_destroy(void *ud) {
	walk_drop(ud);
}

ENTRY(aw_walk_new, (aw_loop *loop, const char *path, uint32_t max_depth, aw_iterator **out),
      (loop, path, max_depth, out)) {
	aw_status status = loop_resolve(&loop);
	if (status < 0) return status;
	if (!path || !*path || !out) return -EINVAL;
	size_t size = strlen(path) + 1;
	walk *self = calloc(1, sizeof *self + size);
	if (!self) return -ENOMEM;
	memcpy(self->root, path, size);
	self->users = 1;
	self->loop = loop;
	self->origin = CALLER;
	self->max_depth = max_depth;
	return aw_iterator_new_coro(loop, next_coro, self, walk_destroy, out);
}
