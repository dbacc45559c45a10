/* SPDX-License-Identifier: MIT */
/* A plug-in is never unloaded: a loop may use it, and its thread-local destructors may still run. */
#include "plugin.h"

#include "elf_check.h"
#include "trust.h"

#include <await/error.h>
#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The plug-ins loaded so far. Grow-only. */
typedef struct plugin {
	struct plugin *next;
	const aw_backend *backend;
	char path[];
} plugin;

static pthread_mutex_t registry_mutex = PTHREAD_MUTEX_INITIALIZER;
static plugin *plugins;

/* --- reasons and names --- */

reason reason_begin(char *buffer, size_t length) {
	if (!buffer || !length) return (reason){NULL, 0};
	*buffer = 0;
	return (reason){buffer, length};
}

void reason_add(reason *self, const char *format, ...) {
	if (!self->left) return;
	va_list arguments;
	va_start(arguments, format);
	int n = vsnprintf(self->at, self->left, format, arguments);
	va_end(arguments);
	size_t used = n < 0 ? 0 : (size_t)n < self->left ? (size_t)n : self->left - 1;
	self->at += used;
	self->left -= used;
}

bool name_is_valid(const char *name, size_t length) {
	if (!length || length > BACKEND_NAME_MAX) return false;
	for (size_t i = 0; i < length; i++)
		if (!((name[i] >= 'a' && name[i] <= 'z') || (name[i] >= '0' && name[i] <= '9') || name[i] == '_'))
			return false;
	return true;
}

/* --- the file --- */

/* Returns 0, or an error and the reason why the file must not be loaded. */
static aw_status file_check(const char *path, reason *why) {
	char text[REASON_SIZE];
	int fd = trust_open(path, text, sizeof text);
	if (fd < 0) {
		reason_add(why, "%s: %s", path, text);
		return fd;
	}
	const char *flaw = elf_check(fd);
	close(fd);
	if (!flaw) return 0;
	reason_add(why, "%s: %s", path, flaw);
	return AW_ENOBACKEND;
}

/* Checks whether the table is usable. The order matters: no field is read before it is known to exist. */
static aw_status table_check(const aw_backend *backend, const char *path, reason *why) {
	if (!backend) {
		reason_add(why, "%s: its entry point returned no table", path);
		return AW_ENOBACKEND;
	}
	if (backend->abi != AW_BACKEND_ABI) {
		reason_add(why, "%s: built for version %u of the backend interface, but this is version %u", path,
		           (unsigned)backend->abi, (unsigned)AW_BACKEND_ABI);
		return AW_EBACKENDABI;
	}
	if (backend->size < AW_BACKEND_SIZE_MIN) {
		reason_add(why, "%s: its table has %u bytes, at least %zu are needed", path, (unsigned)backend->size,
		           AW_BACKEND_SIZE_MIN);
		return AW_EBACKENDABI;
	}
	bool is_whole = backend->name && backend->description && backend->probe && backend->open &&
	                backend->close && backend->abandon && backend->submit && backend->cancel &&
	                backend->wait && backend->wake && backend->fd &&
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
	memcpy(&entry, &symbol, sizeof entry); /* ISO C can't cast it to a function pointer */
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
		free(self); /* another thread added the same table first */
	} else {
		self->next = plugins;
		plugins = self;
	}
	pthread_mutex_unlock(&registry_mutex);
	return 0;
}

aw_status plugin_load(const char *path, const char *name, const aw_backend **out, reason *why) {
	pthread_mutex_lock(&registry_mutex);
	const aw_backend *backend = plugin_find(path);
	pthread_mutex_unlock(&registry_mutex);
	if (!backend) {
		/* Without the lock, because dlopen runs the plug-in's constructors. */
		aw_status status = library_open(path, &backend, why);
		if (status == 0) status = plugin_keep(path, backend);
		if (status == -ENOMEM) reason_add(why, "%s: no memory", path);
		if (status < 0) return status;
	}
	if (name ? strcmp(name, backend->name) != 0
	         : !name_is_valid(backend->name, strnlen(backend->name, BACKEND_NAME_MAX + 1))) {
		reason_add(why, "%s: names itself \"%.*s\"", path, BACKEND_NAME_MAX, backend->name);
		return AW_ENOBACKEND;
	}
	*out = backend;
	return 0;
}
