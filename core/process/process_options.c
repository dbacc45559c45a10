/* SPDX-License-Identifier: MIT */
/*
 * The options of a child: a plain record that copies its arguments, so that it can be used for several
 * children.
 */
#include "process_options.h"

#include "failure.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { ALL_FLAGS = AW_PROCESS_GROUP | AW_PROCESS_SESSION | AW_PROCESS_DETACH | AW_PROCESS_KEEP_FDS };

static void options_release(object *base) {
	aw_process_options *self = (aw_process_options *)base;
	free(self->cwd);
	free(self->env);
	object_free(base);
}

static const object_class options_class = {
	.name = "process options", .size = sizeof(aw_process_options), .release = options_release};
static const aw_process_options default_options = {.group = -1, .terminal = -1};

const aw_process_options *process_options_resolve(const aw_process_options *options) {
	return options ? options : &default_options;
}

aw_process_options process_options_copy(const aw_process_options *options) {
	return *process_options_resolve(options);
}

aw_status process_options_check(const aw_process_options *options) {
	if (options == &default_options) return 0;
	if (!object_is(options, &options_class)) return AW_EBADHANDLE;
	/* A group shared with other processes must not be killed with the child. */
	return options->flags & AW_PROCESS_GROUP && options->group > 0 ? -EINVAL : 0;
}

/* One allocation: the pointers, then the strings. NULL if out of memory. */
static char **copy_strings(const char *const *strings, size_t count) {
	size_t size = (count + 1) * sizeof(char *);
	for (size_t i = 0; i < count; i++) size += strlen(strings[i]) + 1;
	char **copy = malloc(size);
	if (!copy) return NULL;
	char *at = (char *)(copy + count + 1);
	for (size_t i = 0; i < count; i++) {
		size_t length = strlen(strings[i]) + 1;
		copy[i] = memcpy(at, strings[i], length);
		at += length;
	}
	copy[count] = NULL;
	return copy;
}

ENTRY(aw_process_options_new, (aw_process_options **out), (out)) {
	if (!out) return -EINVAL;
	aw_process_options *self = object_new(&domain_none, &options_class);
	if (!self) return -ENOMEM;
	self->group = self->terminal = -1;
	*out = object_hand_out(self, CALLER);
	return 0;
}

REFERENCES(aw_process_options, object_is(self, &options_class))

ENTRY(aw_process_options_set_stdio, (aw_process_options *options, int stream, int32_t how, int fd),
      (options, stream, how, fd)) {
	if (!object_is(options, &options_class)) return AW_EBADHANDLE;
	if (stream < 0 || stream >= STDIO_STREAMS || how < AW_STDIO_INHERIT || how > AW_STDIO_STDOUT)
		return -EINVAL;
	if (how == AW_STDIO_STDOUT && stream != 2) return -EINVAL;
	if (how == AW_STDIO_FD && fcntl(fd, F_GETFD) < 0) return -EBADF;
	options->stdio[stream].how = how;
	options->stdio[stream].fd = how == AW_STDIO_FD ? fd : -1;
	return 0;
}

static bool is_stdio(int32_t how, int stream) {
	return how >= AW_STDIO_INHERIT && how <= AW_STDIO_STDOUT && how != AW_STDIO_FD &&
	       (how != AW_STDIO_STDOUT || stream == 2);
}

ENTRY(aw_process_options_set_streams,
      (aw_process_options *options, int32_t stdin_how, int32_t stdout_how, int32_t stderr_how),
      (options, stdin_how, stdout_how, stderr_how)) {
	if (!object_is(options, &options_class)) return AW_EBADHANDLE;
	const int32_t how[STDIO_STREAMS] = {stdin_how, stdout_how, stderr_how};
	for (int i = 0; i < STDIO_STREAMS; i++)
		if (!is_stdio(how[i], i)) return -EINVAL;
	for (int i = 0; i < STDIO_STREAMS; i++) {
		options->stdio[i].how = how[i];
		options->stdio[i].fd = -1;
	}
	return 0;
}

ENTRY(aw_process_options_set_cwd, (aw_process_options *options, const char *cwd), (options, cwd)) {
	if (!object_is(options, &options_class)) return AW_EBADHANDLE;
	char *copy = cwd ? strdup(cwd) : NULL;
	if (cwd && !copy) return -ENOMEM;
	free(options->cwd);
	options->cwd = copy;
	return 0;
}

ENTRY(aw_process_options_set_env, (aw_process_options *options, const char *const *env, size_t count),
      (options, env, count)) {
	if (!object_is(options, &options_class)) return AW_EBADHANDLE;
	if (!env && count) return -EINVAL;
	for (size_t i = 0; i < count; i++)
		if (!env[i] || env[i][0] == '=' || !strchr(env[i], '=')) return -EINVAL;
	char **copy = env ? copy_strings(env, count) : NULL;
	if (env && !copy) return -ENOMEM;
	free(options->env);
	options->env = copy;
	return 0;
}

/* Returns "NAME=value", which the caller frees, or NULL if out of memory. */
static char *assignment(const char *name, const char *value) {
	size_t length = strlen(name), size = strlen(value) + 1;
	char *text = malloc(length + 1 + size);
	if (!text) return NULL;
	memcpy(text, name, length);
	text[length] = '=';
	memcpy(text + length + 1, value, size);
	return text;
}

/*
 * Copies the strings of `from` except those that set the variable, and appends `added` (optional). NULL if
 * out of memory.
 */
static char **replace_variable(char *const *from, const char *name, const char *added) {
	size_t count = 0, kept = 0, length = strlen(name);
	while (from && from[count]) count++;
	const char **strings = malloc((count + 1) * sizeof *strings);
	if (!strings) return NULL;
	for (size_t i = 0; i < count; i++) {
		bool is_it = strncmp(from[i], name, length) == 0 && from[i][length] == '=';
		if (!is_it) strings[kept++] = from[i];
	}
	if (added) strings[kept++] = added;
	char **copy = copy_strings(strings, kept);
	free(strings);
	return copy;
}

ENTRY(aw_process_options_set_variable, (aw_process_options *options, const char *name, const char *value),
      (options, name, value)) {
	if (!object_is(options, &options_class)) return AW_EBADHANDLE;
	if (!name || !*name || strchr(name, '=')) return -EINVAL;
	char *added = value ? assignment(name, value) : NULL;
	if (value && !added) return -ENOMEM;
	char **env = replace_variable(options->env ? options->env : environ, name, added);
	free(added);
	if (!env) return -ENOMEM;
	free(options->env);
	options->env = env;
	return 0;
}

ENTRY(aw_process_options_set_flags, (aw_process_options *options, uint32_t flags), (options, flags)) {
	if (!object_is(options, &options_class)) return AW_EBADHANDLE;
	if (flags & ~(uint32_t)ALL_FLAGS) return -EINVAL;
	options->flags = flags;
	return 0;
}

ENTRY(aw_process_options_set_group, (aw_process_options *options, int32_t pgid), (options, pgid)) {
	if (!object_is(options, &options_class)) return AW_EBADHANDLE;
	if (pgid < -1) return -EINVAL;
	options->group = pgid;
	return 0;
}

ENTRY(aw_process_options_set_terminal, (aw_process_options *options, int fd), (options, fd)) {
	if (!object_is(options, &options_class)) return AW_EBADHANDLE;
	if (fd < -1) return -EBADF;
	if (fd >= 0 && fcntl(fd, F_GETFD) < 0) return -EBADF;
	if (fd >= 0 && !isatty(fd)) return -ENOTTY;
	options->terminal = fd;
	return 0;
}
