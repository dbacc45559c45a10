/* SPDX-License-Identifier: MIT */
/*
 * Starts a child. All lookups and preparations happen in the parent, since little is safe in the child before
 * exec. On failure every descriptor opened here is closed.
 */
#include "process_options.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* --- candidate files --- */

/* The value of confstr(_CS_PATH), for an environment without PATH. */
static const char default_path[] = "/bin:/usr/bin";

static const char *path_of(char *const *env) {
	for (; env && *env; env++)
		if (strncmp(*env, "PATH=", 5) == 0) return *env + 5;
	return default_path;
}

/* One allocation: NULL-terminated argv, NULL-terminated list of files to try, and their names. */
typedef struct exec_vectors {
	char **argv;
	const char **paths;
} exec_vectors;

static size_t count_parts(const char *path) {
	size_t parts = 1;
	for (; *path; path++) parts += *path == ':';
	return parts;
}

static aw_status vectors_new(exec_vectors *self, const char *const *argv, size_t count, const char *path) {
	if (count > SIZE_MAX / sizeof(char *) / 4) return -E2BIG;
	const char *name = argv[0];
	bool searched = *name && !strchr(name, '/');
	size_t parts = searched ? count_parts(path) : 1, name_size = strlen(name) + 1;
	size_t names_size = searched ? strlen(path) + parts * (name_size + 1) : 0;
	size_t pointers = count + 1 + parts + 1;
	char **block = malloc(pointers * sizeof *block + names_size);
	if (!block) return -ENOMEM;
	self->argv = block;
	self->paths = (const char **)block + count + 1;
	/* the type that exec takes; it does not modify them */
	for (size_t i = 0; i < count; i++) block[i] = (char *)(uintptr_t)argv[i];
	block[count] = NULL;
	char *text = (char *)(block + pointers);
	size_t found = 0;
	if (!searched) self->paths[found++] = name;
	for (size_t length; searched; path += length + 1) {
		length = strcspn(path, ":");
		/* Skip an empty entry, which would mean the working directory. */
		if (length) {
			self->paths[found++] = text;
			memcpy(text, path, length);
			text[length] = '/';
			memcpy(text + length + 1, name, name_size);
			text += length + 1 + name_size;
		}
		if (!path[length]) break;
	}
	self->paths[found] = NULL;
	return 0;
}

/* --- standard streams --- */

typedef struct stdio_ends {
	int child[STDIO_STREAMS];  /* descriptor for each in the child; -1: inherited */
	int opened[STDIO_STREAMS]; /* those of `child` that we opened and must close */
	int parent[STDIO_STREAMS]; /* the parent's ends of pipes */
} stdio_ends;

static void close_all(int *ends) {
	for (int i = 0; i < STDIO_STREAMS; i++) os_close(&ends[i]);
}

static aw_status open_pipe(stdio_ends *self, int stream) {
	int *reader = stream == 0 ? &self->opened[stream] : &self->parent[stream];
	int *writer = stream == 0 ? &self->parent[stream] : &self->opened[stream];
	aw_status status = os_pipe(reader, writer);
	if (status == 0) status = os_set_nonblocking(self->parent[stream]);
	self->child[stream] = self->opened[stream];
	return status;
}

static aw_status open_stream(stdio_ends *self, int stream, int32_t how, int fd) {
	aw_status status = 0;
	switch (how) {
	case AW_STDIO_PIPE: return open_pipe(self, stream);
	case AW_STDIO_NULL:
		status = os_null(&self->opened[stream]);
		self->child[stream] = self->opened[stream];
		return status;
	case AW_STDIO_FD: self->child[stream] = fd; return 0;
	case AW_STDIO_STDOUT: self->child[stream] = self->child[1] < 0 ? 1 : self->child[1]; return 0;
	default: return 0;
	}
}

static aw_status streams_open(stdio_ends *self, const aw_process_options *options) {
	aw_status status = 0;
	for (int i = 0; i < STDIO_STREAMS; i++) self->child[i] = self->opened[i] = self->parent[i] = -1;
	/* Check before opening anything, which could reuse the number of a closed descriptor. */
	for (int i = 0; i < STDIO_STREAMS; i++)
		if (options->stdio[i].how == AW_STDIO_FD && fcntl(options->stdio[i].fd, F_GETFD) < 0) return -errno;
	if (options->terminal >= 0 && fcntl(options->terminal, F_GETFD) < 0) return -errno;
	for (int i = 0; i < STDIO_STREAMS && status == 0; i++) {
		bool in_terminal = options->terminal >= 0 && options->stdio[i].how == AW_STDIO_INHERIT;
		status = in_terminal ? open_stream(self, i, AW_STDIO_FD, options->terminal)
		                     : open_stream(self, i, options->stdio[i].how, options->stdio[i].fd);
	}
	return status;
}

/* --- start --- */

/* A terminal can be had by a session only. */
static bool has_session(const aw_process_options *options) {
	return options->flags & AW_PROCESS_SESSION || options->terminal >= 0;
}

static int32_t group_of(const aw_process_options *options) {
	/* A session leader leads a group already, and can't join another. */
	if (has_session(options) && options->group <= 0) return -1;
	return options->flags & AW_PROCESS_GROUP ? 0 : options->group;
}

static aw_status start(const exec_vectors *vectors, const stdio_ends *streams,
                       const aw_process_options *options, process_made *out) {
	os_program program = {
		.paths = vectors->paths,
		.argv = vectors->argv,
		.envp = options->env ? options->env : environ,
		.cwd = options->cwd,
		.group = group_of(options),
		.new_session = has_session(options),
		.terminal = options->terminal,
		.keep_fds = options->flags & AW_PROCESS_KEEP_FDS,
	};
	memcpy(program.stdio, streams->child, sizeof program.stdio);
	return os_spawn(&program, &out->pid, &out->process, &out->stage);
}

/*
 * True if one of the files exists. Used after a failure, only for the message. A relative name is relative to
 * the child's working directory, so it counts only if that is the parent's.
 */
static bool exists(const exec_vectors *vectors, const char *cwd) {
	for (const char **path = vectors->paths; *path; path++)
		if ((**path == '/' || !cwd) && access(*path, F_OK) == 0) return true;
	return false;
}

aw_status process_make(const char *const *argv, size_t count, const aw_process_options *options,
                       process_made *out) {
	exec_vectors vectors;
	stdio_ends streams;
	out->stage = OS_PREPARING;
	aw_status status = vectors_new(&vectors, argv, count, path_of(options->env ? options->env : environ));
	if (status < 0) return status;
	status = streams_open(&streams, options);
	if (status == 0) status = start(&vectors, &streams, options, out);
	close_all(streams.opened);
	if (status < 0) close_all(streams.parent);
	out->exists = status < 0 && out->stage == OS_EXECUTING && exists(&vectors, options->cwd);
	memcpy(out->pipes, streams.parent, sizeof out->pipes);
	free(vectors.argv);
	return status;
}
