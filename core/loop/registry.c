/* SPDX-License-Identifier: MIT */
/*
 * Looks up backends by name: the built-ins, then libawait-backend-NAME.so in the directories of
 * AWAIT_BACKEND_PATH, in await/backends beside this library (an installation may be moved), and in the
 * directory configured at build time. Only absolute paths are opened.
 */
#include "registry.h"

#include "failure.h"
#include "trust.h"

#include <await/error.h>
#include <await/registry.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/stat.h>

#ifndef AW_PLUGIN_DIR
#define AW_PLUGIN_DIR "/usr/lib/await/backends"
#endif

static const aw_backend *const builtins[] = {&epoll_backend, &virtual_backend};
enum { BUILTINS = sizeof builtins / sizeof *builtins };

const aw_backend *registry_builtin(size_t index) {
	return index < BUILTINS ? builtins[index] : NULL;
}

/* --- names and folders --- */

static bool is_privileged(void) {
	return getauxval(AT_SECURE) != 0;
}

/*
 * Returns a non-empty environment variable, or NULL. Ignored in a privileged program: its caller must not
 * choose the code it loads.
 */
static const char *environment(const char *name) {
	const char *value = is_privileged() ? NULL : getenv(name);
	return value && *value ? value : NULL;
}

/* Returns the length and start of the next absolute folder in `*rest`; 0 at the end. */
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

/*
 * Stores the backends folder beside this library's file, the default installation layout. False if that file
 * is not known.
 */
static bool folder_beside(char *out) {
	const char *file = trust_library_file(), *slash = strrchr(file, '/');
	int n = slash ? snprintf(out, PATH_SIZE, "%.*s/await/backends", (int)(slash - file), file) : -1;
	return n > 0 && n < PATH_SIZE;
}

bool registry_each_folder(bool (*visit)(void *ud, const char *folder), void *ud) {
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

/* --- finding one --- */

typedef struct folder_search {
	const char *name;
	char path[PATH_SIZE]; /* of the file found */
	char looked[REASON_SIZE];
	reason folders;
} folder_search;

static bool search_folder(void *ud, const char *folder) {
	folder_search *self = ud;
	reason_add(&self->folders, "%s%s", *self->looked ? ", " : "", folder);
	int n =
		snprintf(self->path, sizeof self->path, "%s/" PLUGIN_PREFIX "%s" PLUGIN_SUFFIX, folder, self->name);
	struct stat st;
	/* A broken file ends the search instead of being skipped silently. */
	return n > 0 && (size_t)n < sizeof self->path && lstat(self->path, &st) == 0;
}

static const aw_backend *builtin_find(const char *name) {
	for (size_t i = 0; i < BUILTINS; i++)
		if (strcmp(builtins[i]->name, name) == 0) return builtins[i];
	return NULL;
}

aw_status registry_find(const char *name, const aw_backend **out, char *path, reason *why) {
	*path = 0;
	if (*name == '/') {
		if (is_privileged()) {
			reason_add(why, "%s: a privileged program accepts backends only by name", name);
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
	if (!registry_each_folder(search_folder, &search)) {
		reason_add(why, "no such backend: looked in %s", search.looked);
		return AW_ENOBACKEND;
	}
	memcpy(path, search.path, sizeof search.path);
	return plugin_load(path, name, out, why);
}

aw_status registry_probe(const aw_backend *backend, reason *why) {
	char buffer[REASON_SIZE] = "";
	aw_status status = backend->probe(buffer, sizeof buffer);
	if (status >= 0) return 0;
	buffer[sizeof buffer - 1] = 0;
	reason_add(why, "%s", *buffer ? buffer : aw_strerror(status));
	return status;
}

/* --- choosing one --- */

/* Extracts the next name of a comma-separated list; false at the end. */
static bool names_next(const char **rest, char *name) {
	if (!*rest) return false;
	size_t length = strcspn(*rest, ",");
	memcpy(name, *rest, length);
	name[length] = 0;
	*rest = (*rest)[length] ? *rest + length + 1 : NULL;
	return true;
}

/* Checks the whole list first, so that an error at its end shows at once. */
static aw_status names_check(const char *names, reason *why) {
	for (const char *rest = names; rest;) {
		size_t length = strcspn(rest, ",");
		if (*rest == '/' ? length >= PATH_SIZE : !name_is_valid(rest, length)) {
			reason_add(why, "\"%.*s\" is not a backend's name (a-z, 0-9 and _)",
			           (int)(length < BACKEND_NAME_MAX ? length : BACKEND_NAME_MAX), rest);
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
		status = registry_find(name, &backend, path, &reasons);
		if (status == 0) status = registry_probe(backend, &reasons);
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
