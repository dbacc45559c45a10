/* SPDX-License-Identifier: MIT */
/* Lists every available backend and, where one can't be used, the reason. */
#include "failure.h"
#include "object.h"
#include "registry.h"

#include <await/error.h>
#include <await/registry.h>
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

typedef struct entry {
	char name[BACKEND_NAME_MAX + 1];
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

static const object_class list_class = {
	.name = "backend list", .size = sizeof(aw_backend_list), .release = list_release};

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
		return self->status < 0; /* else missing or not accessible */
	}
	const size_t prefix = sizeof PLUGIN_PREFIX - 1, suffix = sizeof PLUGIN_SUFFIX - 1;
	for (struct dirent *file; self->status == 0 && (file = readdir(dir));) {
		size_t length = strlen(file->d_name);
		if (length <= prefix + suffix || strncmp(file->d_name, PLUGIN_PREFIX, prefix) != 0) continue;
		if (strcmp(file->d_name + length - suffix, PLUGIN_SUFFIX) != 0) continue;
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
	self->status = registry_find(self->name, &backend, path, &why);
	if (self->status == 0) {
		self->description = backend->description;
		self->class = backend->capabilities & AW_BACKEND_CLASS_B ? "B" : "A";
		self->status = registry_probe(backend, &why);
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
	const aw_backend *builtin;
	for (size_t i = 0; all.status == 0 && (builtin = registry_builtin(i)); i++)
		all.status = list_add(self, builtin->name, strlen(builtin->name));
	if (all.status == 0) (void)registry_each_folder(collect_folder, &all);
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
