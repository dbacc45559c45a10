/* SPDX-License-Identifier: MIT */
/*
 * Watching with inotify. A task waits until events can be read; then a thread reads and interprets them, since
 * that may need directories to be read.
 *
 * A new directory of a tree is watched first and read then, so that nothing in it is missed. What appeared
 * between the two is found twice: by reading, and as an event. All events of that time are in the queue when the
 * directory has been read, so these are fetched at once, and among them those of entries that were found are
 * dropped.
 */
#include "call.h"
#include "descriptors.h"
#include "list.h"
#include "task.h"

#include <await/watch.h>
#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
	FIRST_RAW = 64 * 1024,
	RAW_MIN = sizeof(struct inotify_event) + NAME_MAX + 1, /* that one event needs */
	BUCKETS = 1024,
	PAIR_WAIT_MS = 10 /* the second half of a rename comes at once, if at all */
};

/* The kinds that are reported whatever was asked for. */
static const uint32_t always = AW_WATCH_GONE | AW_WATCH_OVERFLOW | AW_WATCH_FAILED;

/* A file or directory that is watched. */
typedef struct node {
	struct node *next; /* in its bucket */
	int wd;
	uint32_t kinds;
	bool is_root;      /* the program has added it */
	bool is_root_tree; /* with the directories below it */
	bool is_tree;      /* directories in it are watched, too: so, or since it is in such a tree */
	bool is_gone;      /* reported */
	bool is_directory;
	char *path;
} node;

/* An entry of a directory that was found by reading it. */
typedef struct seen {
	struct seen *next; /* in its bucket */
	int wd;
	char name[];
} seen;

typedef struct happening {
	aw_watch_event public; /* first: the program frees it */
	struct happening *next, *previous;
	char text[];
} happening;

typedef LIST(happening) happening_list;

struct aw_watch {
	object base;
	aw_loop *loop;
	int fd;
	bool busy;            /* a task awaits an event */
	happening_list ready; /* only for the loop's thread */
	struct tables *tables;
};

/* What threads use. */
typedef struct tables {
	pthread_mutex_t mutex; /* of all of it; held while directories are read, so never taken by the loop */
	int fd;
	pthread_mutex_t fresh_mutex; /* held only for a moment */
	happening_list fresh;
	_Atomic bool overflowed; /* events were lost for lack of memory, which is still to be reported */
	node *nodes[BUCKETS];
	seen *seen[BUCKETS];
	size_t seen_until; /* the position in `raw` behind which no event is of an entry that was seen */
	unsigned char *raw;
	size_t raw_room, raw_length, raw_at;
} tables;

/* --- events --- */

void aw_watch_event_free(aw_watch_event *event) {
	free(event);
}

static void value_event(void *event) {
	free(event);
}

static happening *event_new(uint32_t kinds, const char *path, const char *old_path) {
	size_t size = path ? strlen(path) + 1 : 0, old_size = old_path ? strlen(old_path) + 1 : 0;
	happening *self = malloc(sizeof *self + size + old_size);
	if (!self) return NULL;
	self->public = (aw_watch_event){.kinds = kinds};
	if (path) self->public.path = memcpy(self->text, path, size);
	if (old_path) self->public.old_path = memcpy(self->text + size, old_path, old_size);
	return self;
}

/* Reports an event, if `wanted` has one of its kinds. Out of memory, it is lost like in an overflow. */
static void push(tables *self, uint32_t wanted, uint32_t kinds, bool is_directory, const char *path,
                 const char *old_path, int error) {
	if (!(kinds & (wanted | always))) return;
	happening *made = event_new(kinds, path, old_path);
	if (!made) {
		self->overflowed = true;
		return;
	}
	made->public.is_directory = is_directory;
	made->public.error = error;
	pthread_mutex_lock(&self->fresh_mutex);
	list_append(&self->fresh, made);
	pthread_mutex_unlock(&self->fresh_mutex);
}

static void events_free(happening_list *list) {
	for (happening *at; (at = list->first);) {
		list_remove(list, at);
		free(at);
	}
}

/* --- what is watched --- */

static node **node_slot(tables *self, int wd) {
	node **at = &self->nodes[(unsigned)wd % BUCKETS];
	while (*at && (*at)->wd != wd) at = &(*at)->next;
	return at;
}

static node *node_find(tables *self, int wd) {
	return *node_slot(self, wd);
}

static void node_drop(node **slot) {
	node *self = *slot;
	*slot = self->next;
	free(self->path);
	free(self);
}

/* What follows `above` in `path`: "" for the same path, "/…" for one below it, NULL for others. */
static const char *below(const char *path, const char *above) {
	size_t length = strlen(above);
	if (strncmp(path, above, length) != 0) return NULL;
	if (length && above[length - 1] == '/') length--; /* the root directory */
	return path[length] == '/' || !path[length] ? path + length : NULL;
}

/* Calls `fn` with the slot of each node at or below a path; it returns whether it has dropped the node. */
static void each_below(tables *self, const char *path, bool (*fn)(tables *self, node **slot, void *ud),
                       void *ud) {
	for (size_t i = 0; i < BUCKETS; i++)
		for (node **slot = &self->nodes[i]; *slot;) {
			bool dropped = below((*slot)->path, path) && fn(self, slot, ud);
			if (!dropped) slot = &(*slot)->next;
		}
}

static void push_gone(tables *self, node *what, uint32_t kinds) {
	if (!what->is_gone)
		push(self, what->kinds, kinds | AW_WATCH_GONE, what->is_directory, what->path, NULL, 0);
	what->is_gone = true;
}

/* The trees that the program has added around or within a path of which the watching ends. */
typedef struct kept_roots {
	size_t count;
	const node *roots[];
} kept_roots;

/* With `left`, only those in it: it has moved away from those around it. */
static kept_roots *kept_roots_new(tables *self, const char *left) {
	size_t count = 0;
	for (size_t i = 0; i < BUCKETS; i++)
		for (const node *at = self->nodes[i]; at; at = at->next) count += at->is_root_tree;
	kept_roots *made = malloc(sizeof *made + count * sizeof(node *));
	if (!made) return NULL;
	made->count = 0;
	for (size_t i = 0; i < BUCKETS; i++)
		for (const node *at = self->nodes[i]; at; at = at->next)
			if (at->is_root_tree && (!left || below(at->path, left))) made->roots[made->count++] = at;
	return made;
}

static bool forget_node(tables *self, node **slot, void *ud) {
	const kept_roots *kept = ud;
	for (size_t i = 0; i < kept->count; i++)
		if (below((*slot)->path, kept->roots[i]->path)) return false;
	if ((*slot)->is_root) {
		(*slot)->is_tree = false;
		return false;
	}
	(void)inotify_rm_watch(self->fd, (*slot)->wd);
	node_drop(slot);
	return true;
}

/* Ends the watching of what is at and below a path, except for what the program has added and the trees of that. */
static void forget(tables *self, const char *path, bool has_left) {
	char *copy = strdup(path); /* the path may be that of a node */
	kept_roots *kept = copy ? kept_roots_new(self, has_left ? copy : NULL) : NULL;
	/* Out of memory, they stay watched, and report paths that are out of date. */
	if (kept) each_below(self, copy, forget_node, kept);
	free(kept);
	free(copy);
}

/* The path itself, if it was added, means another file from now on. */
static bool lose_root(tables *self, node **slot, void *path) {
	if (!(*slot)->is_root || strcmp((*slot)->path, path) != 0) return false;
	push_gone(self, *slot, AW_WATCH_MOVED);
	(*slot)->is_root = (*slot)->is_root_tree = false;
	return false;
}

static void forget_moved(tables *self, char *path) {
	each_below(self, path, lose_root, path);
	forget(self, path, true);
}

typedef struct renaming {
	const char *old_path, *path;
} renaming;

static bool rename_node(tables *self, node **slot, void *ud) {
	const renaming *names = ud;
	char *path = NULL;
	if (asprintf(&path, "%s%s", names->path, below((*slot)->path, names->old_path)) < 0) {
		self->overflowed = true;
		return false;
	}
	free((*slot)->path);
	(*slot)->path = path;
	return false;
}

/* --- entries that were found by reading --- */

static seen **seen_slot(tables *self, int wd, const char *name) {
	unsigned hash = (unsigned)wd;
	for (const char *at = name; *at; at++) hash = hash * 31 + (unsigned char)*at;
	seen **slot = &self->seen[hash % BUCKETS];
	while (*slot && ((*slot)->wd != wd || strcmp((*slot)->name, name) != 0)) slot = &(*slot)->next;
	return slot;
}

static void seen_add(tables *self, int wd, const char *name) {
	seen **slot = seen_slot(self, wd, name);
	if (*slot) return;
	size_t size = strlen(name) + 1;
	seen *made = malloc(sizeof *made + size);
	if (!made) return; /* it is reported twice */
	made->next = NULL;
	made->wd = wd;
	memcpy(made->name, name, size);
	*slot = made;
}

static bool seen_take(tables *self, int wd, const char *name) {
	seen **slot = seen_slot(self, wd, name), *found = *slot;
	if (!found) return false;
	*slot = found->next;
	free(found);
	return true;
}

static void seen_clear(tables *self) {
	for (size_t i = 0; i < BUCKETS; i++)
		for (seen *at; (at = self->seen[i]);) {
			self->seen[i] = at->next;
			free(at);
		}
	self->seen_until = 0;
}

/* --- reading events --- */

/* Reads all events that have come, as far as there is memory. */
static void fetch(tables *self) {
	for (;;) {
		if (self->raw_at && self->raw_at == self->raw_length && !self->seen_until)
			self->raw_at = self->raw_length = 0;
		if (self->raw_room - self->raw_length < RAW_MIN) {
			unsigned char *more = realloc(self->raw, self->raw_room * 2);
			if (!more) return; /* the rest stays in the kernel */
			self->raw = more;
			self->raw_room *= 2;
		}
		ssize_t count = read(self->fd, self->raw + self->raw_length, self->raw_room - self->raw_length);
		if (count < 0 && errno == EINTR) continue;
		if (count <= 0) return;
		self->raw_length += (size_t)count;
	}
}

static struct inotify_event *raw_event(const tables *self, size_t at) {
	return (struct inotify_event *)(void *)(self->raw + at);
}

static size_t raw_size(const struct inotify_event *what) {
	return sizeof *what + what->len;
}

/* The second half of a rename, among the events that were read. */
static struct inotify_event *find_half(const tables *self, uint32_t cookie) {
	for (size_t at = self->raw_at; at < self->raw_length;) {
		struct inotify_event *what = raw_event(self, at);
		if (what->mask & IN_MOVED_TO && what->cookie == cookie) return what;
		at += raw_size(what);
	}
	return NULL;
}

static struct inotify_event *await_half(tables *self, uint32_t cookie) {
	struct inotify_event *half = find_half(self, cookie);
	if (half) return half;
	fetch(self);
	half = find_half(self, cookie);
	if (half || poll(&(struct pollfd){.fd = self->fd, .events = POLLIN}, 1, PAIR_WAIT_MS) <= 0) return half;
	fetch(self);
	return find_half(self, cookie);
}

/* --- adding directories --- */

static uint32_t mask_of(uint32_t kinds, bool is_tree) {
	uint32_t mask = IN_DELETE_SELF | IN_MOVE_SELF;
	if (kinds & AW_WATCH_CREATED) mask |= IN_CREATE;
	if (kinds & AW_WATCH_CHANGED) mask |= IN_MODIFY;
	if (kinds & AW_WATCH_WRITTEN) mask |= IN_CLOSE_WRITE;
	if (kinds & AW_WATCH_ATTRIBUTES) mask |= IN_ATTRIB;
	if (kinds & AW_WATCH_REMOVED) mask |= IN_DELETE;
	/* Both halves of a rename, whichever is wanted: one alone would look like a file that came or went. */
	if (kinds & (AW_WATCH_CREATED | AW_WATCH_REMOVED | AW_WATCH_MOVED)) mask |= IN_MOVED_FROM | IN_MOVED_TO;
	if (is_tree) mask |= IN_CREATE | IN_MOVED_FROM | IN_MOVED_TO;
	return mask;
}

/* Watches one path: the node, and whether it is new. A negative errno in `out_error`. */
static node *watch_path(tables *self, const char *path, uint32_t kinds, uint32_t more_mask, bool is_tree,
                        bool *out_new, int *out_error) {
	char *copy = strdup(path);
	node *made = copy ? calloc(1, sizeof *made) : NULL;
	*out_error = -ENOMEM;
	if (!made) {
		free(copy);
		return NULL;
	}
	int wd = inotify_add_watch(self->fd, path, mask_of(kinds, is_tree) | IN_MASK_ADD | more_mask);
	if (wd < 0) {
		*out_error = -errno;
		free(copy);
		free(made);
		return NULL;
	}
	*out_error = 0;
	node **slot = node_slot(self, wd);
	*out_new = !*slot;
	if (*slot) {
		free(made);
		made = *slot;
		free(made->path);
	} else {
		made->wd = wd;
		*slot = made;
	}
	made->path = copy;
	made->kinds |= kinds;
	made->is_tree |= is_tree;
	made->is_directory |= is_tree;
	return made;
}

static bool is_directory_entry(int dir, const struct dirent *entry) {
	struct stat info;
	if (entry->d_type != DT_UNKNOWN) return entry->d_type == DT_DIR;
	return fstatat(dir, entry->d_name, &info, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(info.st_mode);
}

/* A directory that is still to be watched. */
typedef struct todo {
	struct todo *next;
	bool reports; /* what is in it is new */
	uint32_t kinds;
	char path[];
} todo;

static bool todo_add(todo **list, const char *above, const char *name, uint32_t kinds, bool reports) {
	size_t length = strlen(above), size = strlen(name) + 1;
	bool slash = *name && length && above[length - 1] != '/';
	todo *self = malloc(sizeof *self + length + slash + size);
	if (!self) return false;
	memcpy(self->path, above, length);
	if (slash) self->path[length] = '/';
	memcpy(self->path + length + slash, name, size);
	self->reports = reports;
	self->kinds = kinds;
	self->next = *list;
	*list = self;
	return true;
}

/* Reads a directory that is watched. A negative errno. */
static int read_directory(tables *self, const node *watched, const todo *what, bool reports, todo **list) {
	int fd;
	do fd = open(what->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	while (fd < 0 && errno == EINTR);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	int error = dir ? 0 : -errno;
	if (!dir && fd >= 0) close(fd);
	while (dir && error == 0) {
		errno = 0;
		const struct dirent *entry = readdir(dir);
		if (!entry) {
			error = -errno;
			break;
		}
		if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0) continue;
		bool is_directory = is_directory_entry(dirfd(dir), entry);
		if (!is_directory && !reports) continue;
		if (!todo_add(list, what->path, entry->d_name, what->kinds, reports)) {
			error = -ENOMEM;
			break;
		}
		if (reports) {
			seen_add(self, watched->wd, entry->d_name);
			push(self, watched->kinds, AW_WATCH_CREATED, is_directory, (*list)->path, NULL, 0);
		}
		if (!is_directory) {
			todo *only_reported = *list;
			*list = only_reported->next;
			free(only_reported);
		}
	}
	if (dir) closedir(dir);
	return error;
}

/* It is gone, or is not a directory any more: events say so. */
static bool is_removed(int error) {
	return error == -ENOENT || error == -ENOTDIR || error == -ELOOP;
}

enum { TREE_NEW = 1, TREE_REPORTS = 2 };

/*
 * Watches a directory of a tree and all below it. With TREE_REPORTS what is in it is reported; otherwise only
 * what is in directories below that are not watched yet. With TREE_NEW nothing is reported, and a failure ends
 * it; otherwise that is an event. A negative errno.
 */
static int add_tree(tables *self, const char *path, uint32_t kinds, unsigned how) {
	todo *list = NULL;
	int error = todo_add(&list, path, "", kinds, how & TREE_REPORTS) ? 0 : -ENOMEM;
	if (error && !(how & TREE_NEW)) self->overflowed = true;
	bool is_first = true;
	for (todo *what; (what = list);) {
		list = what->next;
		bool is_new = false;
		/* Only the path of the program may be a link. */
		uint32_t more = IN_ONLYDIR | (how & TREE_NEW && is_first ? 0 : IN_DONT_FOLLOW);
		node *watched = error ? NULL : watch_path(self, what->path, kinds, more, true, &is_new, &error);
		if (watched) {
			bool reports = !(how & TREE_NEW) && (what->reports || is_new);
			error = read_directory(self, watched, what, reports, &list);
		}
		if (is_removed(error) && !(how & TREE_NEW && is_first)) error = 0;
		bool is_denied = error == -EACCES && !is_first;
		if (error && (is_denied || !(how & TREE_NEW))) {
			if (error == -ENOMEM) self->overflowed = true;
			push(self, 0, AW_WATCH_FAILED, true, what->path, NULL, error);
			error = 0;
		}
		is_first = false;
		free(what);
	}
	if (!(how & TREE_NEW)) {
		fetch(self);
		self->seen_until = self->raw_length;
		if (self->raw_at == self->raw_length) seen_clear(self);
	}
	return error;
}

/* --- interpreting events --- */

/* Events are lost: directories may have appeared. */
static void on_overflow(tables *self) {
	todo *roots = NULL;
	push(self, 0, AW_WATCH_OVERFLOW, false, NULL, NULL, 0);
	for (size_t i = 0; i < BUCKETS; i++)
		for (const node *at = self->nodes[i]; at; at = at->next)
			if (at->is_root && at->is_tree && !todo_add(&roots, at->path, "", at->kinds, false))
				self->overflowed = true;
	for (todo *at; (at = roots); free(at)) {
		roots = at->next;
		(void)add_tree(self, at->path, at->kinds, 0);
	}
}

/* An event of a path that was added, itself. */
static void on_self(tables *self, node *what, uint32_t mask) {
	uint32_t kinds = 0;
	if (!what->is_root) return; /* the directory above reports the same */
	if (mask & IN_MODIFY) kinds |= AW_WATCH_CHANGED;
	if (mask & IN_CLOSE_WRITE) kinds |= AW_WATCH_WRITTEN;
	if (mask & IN_ATTRIB) kinds |= AW_WATCH_ATTRIBUTES;
	if (mask & IN_DELETE_SELF) kinds |= AW_WATCH_GONE | AW_WATCH_REMOVED;
	if (mask & IN_MOVE_SELF) kinds |= AW_WATCH_GONE | AW_WATCH_MOVED;
	if (mask & IN_UNMOUNT) kinds |= AW_WATCH_GONE;
	if (kinds & AW_WATCH_GONE)
		push_gone(self, what, kinds);
	else if (kinds)
		push(self, what->kinds, kinds, what->is_directory, what->path, NULL, 0);
	if (mask & IN_MOVE_SELF) {
		what->is_root = what->is_root_tree = false;
		forget(self, what->path, true);
	}
}

static void on_moved_from(tables *self, const node *above, char *path, bool is_directory, uint32_t cookie) {
	uint32_t kinds = above->kinds;
	const struct inotify_event *half = cookie ? await_half(self, cookie) : NULL;
	node *dest = half ? node_find(self, half->wd) : NULL;
	char *to = NULL;
	if (dest && asprintf(&to, "%s/%s", strcmp(dest->path, "/") == 0 ? "" : dest->path, half->name) < 0) {
		self->overflowed = true;
		return;
	}
	if (!dest) {
		push(self, kinds, AW_WATCH_REMOVED | AW_WATCH_MOVED, is_directory, path, NULL, 0);
		if (is_directory) forget_moved(self, path);
		return;
	}
	((struct inotify_event *)(uintptr_t)half)->mask = 0; /* done */
	(void)seen_take(self, half->wd, half->name);
	push(self, kinds | dest->kinds, AW_WATCH_MOVED, is_directory, to, path, 0);
	if (is_directory && dest->is_tree) {
		renaming names = {path, to};
		kinds = dest->kinds;
		each_below(self, path, lose_root, path);
		each_below(self, path, rename_node, &names);
		(void)add_tree(self, to, kinds, 0);
	} else if (is_directory) {
		forget_moved(self, path);
	}
	free(to);
}

static void on_entry(tables *self, node *above, const char *name, uint32_t mask, uint32_t cookie) {
	char *path = NULL;
	bool is_directory = mask & IN_ISDIR;
	uint32_t kinds = above->kinds;
	bool was_seen =
		mask & (IN_CREATE | IN_MOVED_TO | IN_DELETE | IN_MOVED_FROM) && seen_take(self, above->wd, name);
	if (was_seen && mask & (IN_CREATE | IN_MOVED_TO)) return;
	if (asprintf(&path, "%s/%s", strcmp(above->path, "/") == 0 ? "" : above->path, name) < 0) {
		self->overflowed = true;
		return;
	}
	uint32_t plain = 0;
	if (mask & IN_CREATE) plain |= AW_WATCH_CREATED;
	if (mask & IN_MOVED_TO) plain |= AW_WATCH_CREATED | AW_WATCH_MOVED;
	if (mask & IN_MODIFY) plain |= AW_WATCH_CHANGED;
	if (mask & IN_CLOSE_WRITE) plain |= AW_WATCH_WRITTEN;
	if (mask & IN_ATTRIB) plain |= AW_WATCH_ATTRIBUTES;
	if (mask & IN_DELETE) plain |= AW_WATCH_REMOVED;
	if (mask & IN_MOVED_FROM) on_moved_from(self, above, path, is_directory, cookie);
	if (plain) push(self, kinds, plain, is_directory, path, NULL, 0);
	if (is_directory && above->is_tree && mask & (IN_CREATE | IN_MOVED_TO))
		(void)add_tree(self, path, kinds, TREE_REPORTS);
	free(path);
}

static void on_event(tables *self, const struct inotify_event *raw) {
	/* Copied: reading more events moves the buffer. */
	char name[NAME_MAX + 1];
	uint32_t mask = raw->mask, cookie = raw->cookie;
	snprintf(name, sizeof name, "%s", raw->len ? raw->name : "");
	node **slot = node_slot(self, raw->wd), *what = *slot;
	if (mask & IN_Q_OVERFLOW) on_overflow(self);
	if (!mask || !what) return;
	if (mask & IN_IGNORED) {
		if (what->is_root && !what->is_gone)
			push(self, 0, AW_WATCH_GONE, what->is_directory, what->path, NULL, 0);
		node_drop(slot);
	} else if (*name) {
		on_entry(self, what, name, mask, cookie);
	} else {
		on_self(self, what, mask);
	}
}

/* On a thread: turns what the kernel has into events. */
static void run_fetch(file_call *call) {
	tables *self = ((aw_watch *)call->made)->tables;
	pthread_mutex_lock(&self->mutex);
	if (self->overflowed) {
		self->overflowed = false;
		on_overflow(self);
	}
	fetch(self);
	while (self->raw_at < self->raw_length) {
		const struct inotify_event *raw = raw_event(self, self->raw_at);
		self->raw_at += raw_size(raw);
		on_event(self, raw);
		if (self->seen_until && self->raw_at >= self->seen_until) seen_clear(self);
	}
	seen_clear(self);
	self->raw_at = self->raw_length = 0;
	pthread_mutex_unlock(&self->mutex);
	call->result = 0;
}

/* --- the handle --- */

static void watch_release(object *base) {
	aw_watch *self = (aw_watch *)base;
	tables *inner = self->tables;
	events_free(&self->ready);
	if (inner) {
		for (size_t i = 0; i < BUCKETS; i++)
			while (inner->nodes[i]) node_drop(&inner->nodes[i]);
		seen_clear(inner);
		events_free(&inner->fresh);
		pthread_mutex_destroy(&inner->mutex);
		pthread_mutex_destroy(&inner->fresh_mutex);
		free(inner->raw);
		free(inner);
	}
	if (self->fd >= 0) close(self->fd);
	object_free(base);
}

static const object_class watch_class = {.name = "watch", .size = sizeof(aw_watch), .release = watch_release};

REFERENCES(aw_watch, object_is(self, &watch_class))

static bool watch_is(const aw_watch *watch) {
	return object_is(watch, &watch_class);
}

static tables *tables_new(int fd) {
	tables *self = calloc(1, sizeof *self);
	if (!self) return NULL;
	self->raw = malloc(FIRST_RAW);
	self->raw_room = FIRST_RAW;
	self->fd = fd;
	pthread_mutex_init(&self->mutex, NULL);
	pthread_mutex_init(&self->fresh_mutex, NULL);
	if (self->raw) return self;
	free(self);
	return NULL;
}

ENTRY(aw_watch_new, (aw_loop *loop, aw_watch **out), (loop, out)) {
	aw_status status = loop_resolve(&loop);
	if (status < 0) return status;
	if (!out) return -EINVAL;
	aw_watch *self = object_new(&loop->domain, &watch_class);
	if (!self) return -ENOMEM;
	self->loop = loop;
	self->fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	if (self->fd < 0) {
		status = -errno;
	} else {
		self->tables = tables_new(self->fd);
		status = self->tables ? 0 : -ENOMEM;
	}
	if (status < 0) {
		object_unref(self);
		return status;
	}
	*out = object_hand_out(self, CALLER);
	return 0;
}

/* --- adding and removing --- */

/* A reference for the call; that of a coroutine keeps the handle before. */
static aw_status begin_with_watch(file_call *call) {
	aw_watch *self = call->made;
	if (self->loop != call->loop) return AW_EFOREIGNLOOP;
	object_ref(self);
	return 0;
}

/* Events that were made are kept even if the caller was cancelled. */
static void end_with_watch(file_call *call) {
	aw_watch *self = call->made;
	tables *inner = self->tables;
	pthread_mutex_lock(&inner->fresh_mutex);
	for (happening *at; (at = inner->fresh.first);) {
		list_remove(&inner->fresh, at);
		list_append(&self->ready, at);
	}
	pthread_mutex_unlock(&inner->fresh_mutex);
	object_unref(self);
}

static void release_watch(file_call *call) {
	object_unref(call->made);
}

/* Without slashes at the end, which would come twice in the paths of entries. NULL if out of memory. */
static char *trimmed(const char *path) {
	size_t length = strlen(path);
	while (length > 1 && path[length - 1] == '/') length--;
	return strndup(path, length);
}

static void run_add(file_call *call) {
	tables *self = ((aw_watch *)call->made)->tables;
	bool is_tree = call->flags & AW_WATCH_TREE, is_new = false;
	int error = -ENOMEM;
	char *path = trimmed(call->path);
	pthread_mutex_lock(&self->mutex);
	node *root =
		path ? watch_path(self, path, call->mode, is_tree ? IN_ONLYDIR : 0, false, &is_new, &error) : NULL;
	if (root) {
		bool was_root = root->is_root, was_root_tree = root->is_root_tree;
		root->is_root = true;
		root->is_root_tree |= is_tree;
		root->is_gone = false;
		/* The kernel's events of a directory's removal or renaming don't say that it is one. */
		struct stat info;
		root->is_directory |= stat(path, &info) == 0 && S_ISDIR(info.st_mode);
		if (is_tree) error = add_tree(self, path, call->mode, TREE_NEW);
		if (error) {
			root->is_root = was_root;
			root->is_root_tree = was_root_tree;
			forget(self, path, false);
		}
	}
	pthread_mutex_unlock(&self->mutex);
	free(path);
	call->result = error;
}

static const file_verb verb_add = {.begin = begin_with_watch,
                                   .run = run_add,
                                   .end = end_with_watch,
                                   .release = release_watch,
                                   .traits = FILE_PATHS};

static bool lose_same_root(tables *self, node **slot, void *ud) {
	(void)self;
	renaming *search = ud;
	if (!(*slot)->is_root || strcmp((*slot)->path, search->path) != 0) return false;
	(*slot)->is_root = (*slot)->is_root_tree = false;
	search->old_path = search->path;
	return false;
}

static void run_remove(file_call *call) {
	tables *self = ((aw_watch *)call->made)->tables;
	char *path = trimmed(call->path);
	renaming search = {NULL, path};
	pthread_mutex_lock(&self->mutex);
	if (path) each_below(self, path, lose_same_root, &search);
	call->result = !path ? -ENOMEM : search.old_path ? 0 : -ENOENT;
	if (call->result == 0) forget(self, path, false);
	pthread_mutex_unlock(&self->mutex);
	free(path);
}

static const file_verb verb_remove = {.begin = begin_with_watch,
                                      .run = run_remove,
                                      .end = end_with_watch,
                                      .release = release_watch,
                                      .traits = FILE_PATHS};

static file_call watch_call(const file_verb *verb, aw_watch *watch, const char *path, uint32_t kinds,
                            uint32_t flags, const void *origin) {
	return (file_call){.verb = verb,
	                   .made = watch,
	                   .path = without_const(path),
	                   .mode = kinds,
	                   .flags = flags,
	                   .origin = origin};
}

static aw_status call_check(const file_call *call) {
	if (!watch_is(call->made)) return AW_EBADHANDLE;
	if (!call->path || !*call->path || call->flags & ~(uint32_t)AW_WATCH_TREE) return -EINVAL;
	return !call->mode || call->mode & ~(uint32_t)AW_WATCH_ALL ? -EINVAL : 0;
}

static aw_status call_now(file_call *call) {
	if (!stackful_here()) return AW_ENOTASK;
	aw_status status = call_check(call);
	return status < 0 ? failed(status) : file_call_now(call);
}

static aw_status call_later(file_call *call, aw_coro **out) {
	aw_status status = call_check(call);
	if (status < 0) return status;
	aw_watch *watch = object_ref(call->made);
	status = file_call_later(watch->loop, call, out);
	if (status < 0) object_unref(watch);
	return status;
}

aw_status aw_watch_add(aw_watch *watch, const char *path, uint32_t kinds, uint32_t flags) {
	file_call call = watch_call(&verb_add, watch, path, kinds, flags, CALLER);
	return call_now(&call);
}

ENTRY(aw_watch_add_coro,
      (aw_watch *watch, const char *path, uint32_t kinds, uint32_t flags, aw_coro **out),
      (watch, path, kinds, flags, out)) {
	file_call call = watch_call(&verb_add, watch, path, kinds, flags, CALLER);
	return call_later(&call, out);
}

aw_status aw_watch_remove(aw_watch *watch, const char *path) {
	file_call call = watch_call(&verb_remove, watch, path, AW_WATCH_ALL, 0, CALLER);
	return call_now(&call);
}

ENTRY(aw_watch_remove_coro, (aw_watch *watch, const char *path, aw_coro **out), (watch, path, out)) {
	file_call call = watch_call(&verb_remove, watch, path, AW_WATCH_ALL, 0, CALLER);
	return call_later(&call, out);
}

/* --- the next event --- */

static const file_verb verb_fetch = {
	.begin = begin_with_watch, .run = run_fetch, .end = end_with_watch, .release = release_watch};

typedef struct next_call {
	aw_frame frame;
	aw_watch *watch; /* a reference */
	aw_future *readable;
	aw_coro *fetching;
	bool is_waiting; /* it is what makes the watch busy */
} next_call;

static bool has_lost_events(const aw_watch *self) {
	return atomic_load(&self->tables->overflowed);
}

static aw_status fetch_later(next_call *self) {
	file_call call = {.verb = &verb_fetch, .made = object_ref(self->watch)};
	aw_status status = file_call_later(self->watch->loop, &call, &self->fetching);
	if (status < 0) object_unref(self->watch);
	return status;
}

static aw_status next_step(aw_resume *resume, void *ud) {
	next_call *self = ud;
	aw_watch *watch = self->watch;
	aw_status status;
	AW_BEGIN(&self->frame);
	if (watch->busy) return -EBUSY;
	watch->busy = self->is_waiting = true;
	while (!watch->ready.first) {
		if (!has_lost_events(watch)) {
			status = fd_wait(watch->loop, watch->fd, AW_POLL_IN, NULL, &self->readable);
			if (status < 0) return status;
			AW_AWAIT(&self->frame, resume, self->readable);
			object_unref(self->readable);
			self->readable = NULL;
			if (aw_resume_status(resume) < 0) return aw_resume_raise(resume, aw_resume_error(resume));
		}
		status = fetch_later(self);
		if (status < 0) return status;
		AW_AWAIT_CORO(&self->frame, resume, self->fetching);
		object_unref(self->fetching);
		self->fetching = NULL;
		if (aw_resume_status(resume) < 0) return aw_resume_raise(resume, aw_resume_error(resume));
		if (!watch->ready.first && has_lost_events(watch)) return -ENOMEM;
	}
	AW_END(&self->frame);
	happening *next = watch->ready.first;
	list_remove(&watch->ready, next);
	return aw_resume_return(resume, &next->public, value_event);
}

static void next_destroy(void *ud) {
	next_call *self = ud;
	if (self->readable) object_unref(self->readable);
	if (self->fetching) object_unref(self->fetching);
	if (self->is_waiting) self->watch->busy = false;
	object_unref(self->watch);
	free(self);
}

static aw_status next_new(aw_watch *watch, const void *origin, aw_coro **out) {
	if (!watch_is(watch)) return AW_EBADHANDLE;
	if (!out) return -EINVAL;
	next_call *self;
	aw_status status =
		coro_internal_from(origin, watch->loop, next_step, sizeof *self, next_destroy, &self, out);
	if (status == 0) self->watch = object_ref(watch);
	return status;
}

ENTRY(aw_watch_next_coro, (aw_watch *watch, aw_coro **out), (watch, out)) {
	return next_new(watch, CALLER, out);
}

aw_status aw_watch_next(aw_watch *watch, aw_watch_event **out) {
	if (!stackful_here()) return AW_ENOTASK;
	if (!out) return failed(watch_is(watch) ? -EINVAL : AW_EBADHANDLE);
	aw_coro *coro = NULL;
	aw_status status = next_new(watch, CALLER, &coro);
	if (status < 0) return failed(status);
	void *item = NULL;
	status = aw_await_coro(coro, &item);
	if (status == 0) {
		coro->value_destroy = NULL; /* the event moves to the caller */
		*out = item;
	}
	object_unref(coro);
	return status;
}
