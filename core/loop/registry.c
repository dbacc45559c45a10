/* SPDX-License-Identifier: MIT */
/*
 * Backends by name: the built-ins, then libawait-backend-NAME.so in the folders of AWAIT_BACKEND_PATH, in await/backends beside
 * this library (a prefix may be moved), and in the folder fixed when this was built. Only full paths are opened, and a plug-in is
 * looked at before it is trusted (trust.h); once loaded it stays, since a loop may live in it and its thread-local destructors may
 * still run.
 */
#include "registry.h"

#include "failure.h"
#include "object.h"
#include "trust.h"

#include <await/error.h>
#include <await/registry.h>
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <link.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/stat.h>
#include <unistd.h>

#ifndef AW_PLUGIN_DIR
#define AW_PLUGIN_DIR "/usr/lib/await/backends"
#endif

#define FILE_PREFIX "libawait-backend-"
#define FILE_SUFFIX ".so"

enum { NAME_MOST = 63, REASON_SIZE = 512, PATH_SIZE = PATH_MAX };

static const aw_backend *const builtins[] = {&epoll_backend, &virtual_backend};
enum { BUILTINS = sizeof builtins / sizeof *builtins };

/* The plug-ins loaded so far; only ever grows. */
typedef struct plugin {
	struct plugin *next;
	const aw_backend *backend;
	char path[];
} plugin;

static pthread_mutex_t registry_mutex = PTHREAD_MUTEX_INITIALIZER;
static plugin *plugins;

/* --- reasons, as text --- */

typedef struct reason {
	char *at;
	size_t left;
} reason;

static reason reason_begin(char *buffer, size_t length) {
	if (!buffer || !length) return (reason){NULL, 0};
	*buffer = 0;
	return (reason){buffer, length};
}

__attribute__((format(printf, 2, 3))) static void reason_add(reason *self, const char *format, ...) {
	if (!self->left) return;
	va_list arguments;
	va_start(arguments, format);
	int n = vsnprintf(self->at, self->left, format, arguments);
	va_end(arguments);
	size_t used = n < 0 ? 0 : (size_t)n < self->left ? (size_t)n : self->left - 1;
	self->at += used;
	self->left -= used;
}

/* --- names and folders --- */

static bool name_is_valid(const char *name, size_t length) {
	if (!length || length > NAME_MOST) return false;
	for (size_t i = 0; i < length; i++)
		if (!((name[i] >= 'a' && name[i] <= 'z') || (name[i] >= '0' && name[i] <= '9') || name[i] == '_')) return false;
	return true;
}

static bool is_privileged(void) {
	return getauxval(AT_SECURE) != 0;
}

/* A variable that says something, or NULL. Whoever starts a privileged program doesn't get to choose its code. */
static const char *environment(const char *name) {
	const char *value = is_privileged() ? NULL : getenv(name);
	return value && *value ? value : NULL;
}

/* The next absolute folder at `*rest`, as length and start; 0 at the end. */
static size_t folder_next(const char **rest, const char **out) {
	while (*rest) {
		const char *start = *rest;
		size_t length = strcspn(start, ":");
		*rest = start[length] ? start + length + 1 : NULL;
		*out = start;
		if (length && *start == '/') return length;
	}
	return 0;
}

/* The folder that lies to this library's file as AW_PLUGIN_DIR does where it was installed; false if the file is not known. */
static bool folder_beside(char *out) {
	const char *file = trust_library_file(), *slash = strrchr(file, '/');
	int n = slash ? snprintf(out, PATH_SIZE, "%.*s/await/backends", (int)(slash - file), file) : -1;
	return n > 0 && n < PATH_SIZE;
}

/* Calls `visit` for each folder, in order, until it returns true. */
static bool each_folder(bool (*visit)(void *ud, const char *folder), void *ud) {
	char folder[PATH_SIZE];
	const char *rest = environment("AWAIT_BACKEND_PATH"), *start;
	for (size_t length; (length = folder_next(&rest, &start));) {
		if (length >= sizeof folder) continue;
		memcpy(folder, start, length);
		folder[length] = 0;
		if (visit(ud, folder)) return true;
	}
	if (folder_beside(folder) && strcmp(folder, AW_PLUGIN_DIR) != 0 && visit(ud, folder)) return true;
	return visit(ud, AW_PLUGIN_DIR);
}

/* --- loading a plug-in --- */

/*
 * The dynamic linker maps what the program headers say and dies of SIGBUS in a file cut short, so these are compared with the
 * file's size first. 0, or why not.
 */
static const char *elf_flaw(int fd, const struct stat *st) {
	ElfW(Ehdr) header;
	ElfW(Phdr) part;
	if (pread(fd, &header, sizeof header, 0) != (ssize_t)sizeof header || memcmp(header.e_ident, ELFMAG, SELFMAG) != 0)
		return "not a shared object";
	if (header.e_ident[EI_CLASS] != (sizeof(void *) == 8 ? ELFCLASS64 : ELFCLASS32) || header.e_phentsize != sizeof part)
		return "a shared object for another machine";
	if (header.e_type != ET_DYN) return "not a shared object";
	for (unsigned i = 0; i < header.e_phnum; i++) {
		ElfW(Off) at;
		if (__builtin_add_overflow(header.e_phoff, (ElfW(Off))(i * sizeof part), &at) || at > INT64_MAX) return "damaged";
		if (pread(fd, &part, sizeof part, (off_t)at) != (ssize_t)sizeof part) return "cut short";
		if (__builtin_add_overflow(part.p_offset, part.p_filesz, &at)) return "damaged";
		if (part.p_type == PT_LOAD && at > (uint64_t)st->st_size) return "cut short";
	}
	return NULL;
}

/* 0, or why the file is not to be loaded. */
static aw_status file_check(const char *path, reason *why) {
	char text[REASON_SIZE];
	int fd = trust_open(path, text, sizeof text);
	if (fd < 0) {
		reason_add(why, "%s: %s", path, text);
		return fd;
	}
	struct stat st;
	const char *flaw = fstat(fd, &st) < 0 ? aw_strerror(-errno) : elf_flaw(fd, &st);
	close(fd);
	if (!flaw) return 0;
	reason_add(why, "%s: %s", path, flaw);
	return AW_ENOBACKEND;
}

/* Whether the table may be used at all. In this order: nothing is read that an older table might not have. */
static aw_status table_check(const aw_backend *backend, const char *path, reason *why) {
	if (!backend) {
		reason_add(why, "%s: its entry gives no table", path);
		return AW_ENOBACKEND;
	}
	if (backend->abi != AW_BACKEND_ABI) {
		reason_add(why, "%s: built for version %u of the backend interface, and this is version %u", path,
		           (unsigned)backend->abi, (unsigned)AW_BACKEND_ABI);
		return AW_EBACKENDABI;
	}
	if (backend->size < AW_BACKEND_SIZE_MIN) {
		reason_add(why, "%s: its table has %u bytes where %zu are needed", path, (unsigned)backend->size, AW_BACKEND_SIZE_MIN);
		return AW_EBACKENDABI;
	}
	bool is_whole = backend->name && backend->description && backend->probe && backend->open && backend->close &&
	                backend->abandon && backend->submit && backend->cancel && backend->wait && backend->wake && backend->fd &&
	                (backend->now || !(backend->capabilities & AW_BACKEND_OWN_CLOCK));
	if (is_whole) return 0;
	reason_add(why, "%s: its table lacks a name, a description or a function", path);
	return AW_EBACKENDABI;
}

static aw_status library_open(const char *path, const aw_backend **out, reason *why) {
	aw_status status = file_check(path, why);
	if (status < 0) return status;
	void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
	void *symbol = library ? dlsym(library, AW_BACKEND_ENTRY) : NULL;
	if (!symbol) {
		const char *message = dlerror();
		reason_add(why, "%s", message ? message : path);
		return AW_ENOBACKEND;
	}
	aw_backend_entry_fn entry;
	memcpy(&entry, &symbol, sizeof entry); /* ISO C has no cast from an object to a function */
	*out = entry();
	return table_check(*out, path, why);
}

static const aw_backend *plugin_find(const char *path) {
	plugin *at = plugins;
	while (at && strcmp(at->path, path) != 0) at = at->next;
	return at ? at->backend : NULL;
}

static aw_status plugin_keep(const char *path, const aw_backend *backend) {
	size_t size = strlen(path) + 1;
	plugin *self = malloc(sizeof *self + size);
	if (!self) return -ENOMEM;
	self->backend = backend;
	memcpy(self->path, path, size);
	pthread_mutex_lock(&registry_mutex);
	if (plugin_find(path)) {
		free(self); /* another thread was faster; it is the same table */
	} else {
		self->next = plugins;
		plugins = self;
	}
	pthread_mutex_unlock(&registry_mutex);
	return 0;
}

/* `name` is what the plug-in has to call itself; NULL: anything that is a name. */
static aw_status plugin_load(const char *path, const char *name, const aw_backend **out, reason *why) {
	pthread_mutex_lock(&registry_mutex);
	const aw_backend *backend = plugin_find(path);
	pthread_mutex_unlock(&registry_mutex);
	if (!backend) {
		/* Without the lock: a plug-in's constructors run in there. */
		aw_status status = library_open(path, &backend, why);
		if (status == 0) status = plugin_keep(path, backend);
		if (status == -ENOMEM) reason_add(why, "%s: no memory", path);
		if (status < 0) return status;
	}
	if (name ? strcmp(name, backend->name) != 0 : !name_is_valid(backend->name, strnlen(backend->name, NAME_MOST + 1))) {
		reason_add(why, "%s: calls itself \"%.*s\"", path, NAME_MOST, backend->name);
		return AW_ENOBACKEND;
	}
	*out = backend;
	return 0;
}

/* --- finding one --- */

typedef struct folder_search {
	const char *name;
	char path[PATH_SIZE]; /* where it is */
	char looked[REASON_SIZE];
	reason folders;
} folder_search;

static bool search_folder(void *ud, const char *folder) {
	folder_search *self = ud;
	reason_add(&self->folders, "%s%s", *self->looked ? ", " : "", folder);
	int n = snprintf(self->path, sizeof self->path, "%s/" FILE_PREFIX "%s" FILE_SUFFIX, folder, self->name);
	struct stat st;
	/* One that is there and broken is not passed over in silence. */
	return n > 0 && (size_t)n < sizeof self->path && lstat(self->path, &st) == 0;
}

static const aw_backend *builtin_find(const char *name) {
	for (size_t i = 0; i < BUILTINS; i++)
		if (strcmp(builtins[i]->name, name) == 0) return builtins[i];
	return NULL;
}

/* One backend by name or path, loaded but not asked yet. `path` gets its file, or "built in". */
static aw_status backend_find(const char *name, const aw_backend **out, char *path, reason *why) {
	*path = 0;
	if (*name == '/') {
		if (is_privileged()) {
			reason_add(why, "%s: a privileged program takes backends by name only", name);
			return -EPERM;
		}
		snprintf(path, PATH_SIZE, "%s", name);
		return plugin_load(name, NULL, out, why);
	}
	*out = builtin_find(name);
	if (*out) {
		snprintf(path, PATH_SIZE, "built in");
		return 0;
	}
	folder_search search = {.name = name};
	search.folders = reason_begin(search.looked, sizeof search.looked);
	if (!each_folder(search_folder, &search)) {
		reason_add(why, "no such backend: looked in %s", search.looked);
		return AW_ENOBACKEND;
	}
	memcpy(path, search.path, sizeof search.path);
	return plugin_load(path, name, out, why);
}

static aw_status backend_probe(const aw_backend *backend, reason *why) {
	char buffer[REASON_SIZE] = "";
	aw_status status = backend->probe(buffer, sizeof buffer);
	if (status >= 0) return 0;
	buffer[sizeof buffer - 1] = 0;
	reason_add(why, "%s", *buffer ? buffer : aw_strerror(status));
	return status;
}

/* --- choosing one --- */

/* Takes the next of a comma list: false at its end. */
static bool names_next(const char **rest, char *name) {
	if (!*rest) return false;
	size_t length = strcspn(*rest, ",");
	memcpy(name, *rest, length);
	name[length] = 0;
	*rest = (*rest)[length] ? *rest + length + 1 : NULL;
	return true;
}

/* The whole list is looked at first, so that a slip in its tail shows at once. */
static aw_status names_check(const char *names, reason *why) {
	for (const char *rest = names; rest;) {
		size_t length = strcspn(rest, ",");
		if (*rest == '/' ? length >= PATH_SIZE : !name_is_valid(rest, length)) {
			reason_add(why, "\"%.*s\" is not a backend's name (a-z, 0-9 and _)", (int)(length < NAME_MOST ? length : NAME_MOST),
			           rest);
			return -EINVAL;
		}
		rest = rest[length] ? rest + length + 1 : NULL;
	}
	return 0;
}

aw_status registry_resolve(const char *names, const aw_backend **out, char *why, size_t length) {
	reason begin = reason_begin(why, length), reasons = begin;
	const char *asked = names ? names : environment("AWAIT_BACKEND");
	if (!names && asked) reason_add(&reasons, "AWAIT_BACKEND: ");
	if (!asked) asked = "epoll";
	aw_status status = names_check(asked, &reasons);
	if (status < 0) return status;
	bool is_list = strchr(asked, ',') != NULL;
	char name[PATH_SIZE], path[PATH_SIZE];
	const char *rest = asked, *between = "";
	while (names_next(&rest, name)) {
		const aw_backend *backend;
		reason_add(&reasons, "%s%s: ", between, name);
		status = backend_find(name, &backend, path, &reasons);
		if (status == 0) status = backend_probe(backend, &reasons);
		if (status == 0) {
			reason_add(&begin, "%s: %s (%s)", backend->name, backend->description, path);
			*out = backend;
			return 0;
		}
		between = "; ";
	}
	return is_list ? AW_ENOBACKEND : status;
}

ENTRY(aw_backend_explain, (const char *backend, char *text, size_t size), (backend, text, size)) {
	const aw_backend *taken;
	return registry_resolve(backend, &taken, text, size);
}

/* --- the list --- */

typedef struct entry {
	char name[NAME_MOST + 1];
	const char *description, *class;
	char *origin;
	aw_status status;
	char reason[REASON_SIZE];
} entry;

struct aw_backend_list {
	object base;
	size_t count, room;
	entry *entries;
};

static void list_release(object *base) {
	aw_backend_list *self = (aw_backend_list *)base;
	for (size_t i = 0; i < self->count; i++) free(self->entries[i].origin);
	free(self->entries);
	object_free(base);
}

static const object_class list_class = {.name = "backend list", .size = sizeof(aw_backend_list), .release = list_release};

static aw_status list_add(aw_backend_list *self, const char *name, size_t length) {
	for (size_t i = 0; i < self->count; i++)
		if (strncmp(self->entries[i].name, name, length) == 0 && !self->entries[i].name[length]) return 0;
	if (self->count == self->room) {
		size_t room = self->room ? 2 * self->room : 8;
		entry *more = realloc(self->entries, room * sizeof *more);
		if (!more) return -ENOMEM;
		self->entries = more;
		self->room = room;
	}
	entry *new = &self->entries[self->count++];
	memset(new, 0, sizeof *new);
	memcpy(new->name, name, length);
	return 0;
}

typedef struct collection {
	aw_backend_list *list;
	aw_status status;
} collection;

static bool collect_folder(void *ud, const char *folder) {
	collection *self = ud;
	DIR *dir = opendir(folder);
	if (!dir) {
		if (errno == ENOMEM || errno == EMFILE || errno == ENFILE) self->status = -errno;
		return self->status < 0; /* else it is not there, or not for us */
	}
	const size_t prefix = sizeof FILE_PREFIX - 1, suffix = sizeof FILE_SUFFIX - 1;
	for (struct dirent *file; self->status == 0 && (file = readdir(dir));) {
		size_t length = strlen(file->d_name);
		if (length <= prefix + suffix || strncmp(file->d_name, FILE_PREFIX, prefix) != 0) continue;
		if (strcmp(file->d_name + length - suffix, FILE_SUFFIX) != 0) continue;
		const char *name = file->d_name + prefix;
		length -= prefix + suffix;
		if (name_is_valid(name, length)) self->status = list_add(self->list, name, length);
	}
	closedir(dir);
	return self->status < 0;
}

static aw_status entry_fill(entry *self) {
	char path[PATH_SIZE];
	const aw_backend *backend = NULL;
	reason why = reason_begin(self->reason, sizeof self->reason);
	self->description = self->class = "";
	self->status = backend_find(self->name, &backend, path, &why);
	if (self->status == 0) {
		self->description = backend->description;
		self->class = backend->capabilities & AW_BACKEND_CLASS_B ? "B" : "A";
		self->status = backend_probe(backend, &why);
	}
	self->origin = strdup(path);
	return self->origin ? 0 : -ENOMEM;
}

static int entry_compare(const void *a, const void *b) {
	return strcmp(((const entry *)a)->name, ((const entry *)b)->name);
}

ENTRY(aw_backend_list_new, (aw_backend_list **out), (out)) {
	if (!out) return -EINVAL;
	aw_backend_list *self = object_new(&domain_none, &list_class);
	if (!self) return -ENOMEM;
	collection all = {.list = self};
	for (size_t i = 0; i < BUILTINS && all.status == 0; i++)
		all.status = list_add(self, builtins[i]->name, strlen(builtins[i]->name));
	if (all.status == 0) (void)each_folder(collect_folder, &all);
	if (all.status == 0) qsort(self->entries, self->count, sizeof *self->entries, entry_compare);
	for (size_t i = 0; i < self->count && all.status == 0; i++) all.status = entry_fill(&self->entries[i]);
	if (all.status < 0) {
		object_unref(self);
		return all.status;
	}
	*out = object_hand_out(self, CALLER);
	return 0;
}

REFERENCES(aw_backend_list, object_is(self, &list_class))

static const entry *entry_at(const aw_backend_list *list, size_t index) {
	return object_is(list, &list_class) && index < list->count ? &list->entries[index] : NULL;
}

size_t aw_backend_list_count(const aw_backend_list *list) {
	return object_is(list, &list_class) ? list->count : 0;
}

const char *aw_backend_list_name(const aw_backend_list *list, size_t index) {
	const entry *at = entry_at(list, index);
	return at ? at->name : NULL;
}

const char *aw_backend_list_description(const aw_backend_list *list, size_t index) {
	const entry *at = entry_at(list, index);
	return at ? at->description : NULL;
}

const char *aw_backend_list_class(const aw_backend_list *list, size_t index) {
	const entry *at = entry_at(list, index);
	return at ? at->class : NULL;
}

const char *aw_backend_list_origin(const aw_backend_list *list, size_t index) {
	const entry *at = entry_at(list, index);
	return at ? at->origin : NULL;
}

aw_status aw_backend_list_status(const aw_backend_list *list, size_t index) {
	const entry *at = entry_at(list, index);
	return at ? at->status : AW_EBADHANDLE;
}

const char *aw_backend_list_reason(const aw_backend_list *list, size_t index) {
	const entry *at = entry_at(list, index);
	return at ? at->reason : NULL;
}
