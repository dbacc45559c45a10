/* SPDX-License-Identifier: MIT */
/*
 * A sequence of calls that set the options of a child, and a simple model: the status of each call and the
 * resulting options agree with the model. Sometimes a child is started with them.
 */
#include "bytes.h"
#include "process_options.h"

#include <await/debug.h>
#include <await/future.h>
#include <await/loop.h>
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

enum { CALLS_MAX = 64, STRINGS_MAX = 32, START_EVERY = 200 };

typedef struct model {
	int32_t how[3];
	int fd[3];
	char *cwd;
	bool has_env;
	char *env[CALLS_MAX + STRINGS_MAX * 2];
	size_t env_count;
	uint32_t flags;
	int32_t group;
} model;

static int some_fd;

int LLVMFuzzerInitialize(int *argc, char ***argv) {
	(void)argc, (void)argv;
	some_fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	return 0;
}

/* --- the model --- */

static void env_clear(model *self) {
	while (self->env_count) free(self->env[--self->env_count]);
}

static void env_add(model *self, const char *text) {
	HOLDS(self->env_count < sizeof self->env / sizeof *self->env);
	self->env[self->env_count] = strdup(text);
	HOLDS(self->env[self->env_count++]);
}

static void env_remove(model *self, const char *name) {
	size_t kept = 0;
	for (size_t i = 0; i < self->env_count; i++) {
		const char *equals = strchr(self->env[i], '=');
		HOLDS(equals);
		size_t length = (size_t)(equals - self->env[i]);
		if (length == strlen(name) && memcmp(self->env[i], name, length) == 0)
			free(self->env[i]);
		else
			self->env[kept++] = self->env[i];
	}
	self->env_count = kept;
}

static void compare(const model *want, const aw_process_options *got) {
	for (int i = 0; i < 3; i++) {
		SAME(got->stdio[i].how, want->how[i]);
		SAME(got->stdio[i].fd, want->fd[i]);
	}
	HOLDS(!got->cwd == !want->cwd && (!got->cwd || strcmp(got->cwd, want->cwd) == 0));
	SAME(got->flags, want->flags);
	SAME(got->group, want->group);
	HOLDS(!got->env == !want->has_env);
	for (size_t i = 0; got->env && i < want->env_count; i++)
		HOLDS(got->env[i] && strcmp(got->env[i], want->env[i]) == 0);
	HOLDS(!got->env || !got->env[want->env_count]);
	SAME(process_options_check(got), want->flags & AW_PROCESS_GROUP && want->group > 0 ? -EINVAL : 0);
}

/* --- the calls --- */

static int32_t some_how(bytes *in) {
	return (int32_t)bytes_below(in, 8) - 1; /* two of which don't exist */
}

static bool is_how(int32_t how, int stream) {
	return how >= 0 && how <= 4 && (how != AW_STDIO_STDOUT || stream == 2);
}

static void set_stdio(model *self, aw_process_options *options, bytes *in) {
	int stream = (int)bytes_below(in, 6) - 1, fd = bytes_u8(in) % 2 ? some_fd : (int)bytes_u32(in) | 1 << 30;
	int32_t how = some_how(in);
	aw_status want = stream < 0 || stream > 2 || !is_how(how, stream) ? -EINVAL
	                 : how == AW_STDIO_FD && fd != some_fd            ? -EBADF
	                                                                  : 0;
	SAME(aw_process_options_set_stdio(options, stream, how, fd), want);
	if (want) return;
	self->how[stream] = how;
	self->fd[stream] = how == AW_STDIO_FD ? fd : -1;
}

static void set_streams(model *self, aw_process_options *options, bytes *in) {
	int32_t how[3] = {some_how(in), some_how(in), some_how(in)};
	bool good = true;
	for (int i = 0; i < 3; i++) good = good && is_how(how[i], i) && how[i] != AW_STDIO_FD;
	SAME(aw_process_options_set_streams(options, how[0], how[1], how[2]), good ? 0 : -EINVAL);
	for (int i = 0; good && i < 3; i++) {
		self->how[i] = how[i];
		self->fd[i] = -1;
	}
}

static void set_cwd(model *self, aw_process_options *options, bytes *in) {
	char *text = bytes_u8(in) % 4 ? bytes_text(in) : NULL;
	SAME(aw_process_options_set_cwd(options, text), 0);
	free(self->cwd);
	self->cwd = text;
}

static void set_env(model *self, aw_process_options *options, bytes *in) {
	char *strings[STRINGS_MAX];
	size_t count = bytes_below(in, STRINGS_MAX);
	unsigned how = bytes_below(in, 8);
	bool good = true;
	for (size_t i = 0; i < count; i++) {
		strings[i] = bytes_u8(in) == 0xff ? NULL : bytes_text(in);
		good = good && strings[i] && *strings[i] != '=' && strchr(strings[i], '=');
	}
	bool none = how == 0, exists = how != 0;
	if (none) good = count == 0;
	aw_status want = good ? 0 : -EINVAL;
	SAME(aw_process_options_set_env(options, none ? NULL : (const char *const *)strings, count), want);
	if (want == 0) {
		env_clear(self);
		self->has_env = exists;
		for (size_t i = 0; exists && i < count; i++) env_add(self, strings[i]);
	}
	while (count) free(strings[--count]);
}

static void set_variable(model *self, aw_process_options *options, bytes *in) {
	char *name = bytes_u8(in) % 8 ? bytes_text(in) : NULL, *value = bytes_u8(in) % 4 ? bytes_text(in) : NULL;
	bool good = name && *name && !strchr(name, '=');
	SAME(aw_process_options_set_variable(options, name, value), good ? 0 : -EINVAL);
	if (good) {
		for (char **at = environ; !self->has_env && *at; at++) env_add(self, *at);
		self->has_env = true;
		env_remove(self, name);
		char both[600];
		snprintf(both, sizeof both, "%s=%s", name, value ? value : "");
		if (value) env_add(self, both);
	}
	free(name);
	free(value);
}

static void set_flags(model *self, aw_process_options *options, bytes *in) {
	uint32_t flags = bytes_u8(in) % 8 ? bytes_u8(in) : bytes_u32(in);
	SAME(aw_process_options_set_flags(options, flags), flags > 15 ? -EINVAL : 0);
	if (flags <= 15) self->flags = flags;
}

static void set_group(model *self, aw_process_options *options, bytes *in) {
	int32_t group = bytes_u8(in) % 8 ? (int32_t)bytes_below(in, 6) - 3 : (int32_t)bytes_u32(in);
	SAME(aw_process_options_set_group(options, group), group < -1 ? -EINVAL : 0);
	if (group >= -1) self->group = group;
}

/* Starts a child, or gets an error; in both cases nothing is left behind. */
static void start(const model *self, aw_process_options *options, bytes *in) {
	static unsigned asked;
	unsigned which = bytes_u8(in);
	bool refused = self->flags & AW_PROCESS_GROUP && self->group > 0;
	/* A signal to a foreign process group would hit a child that joins it. */
	if (self->group > 0 || self->flags & AW_PROCESS_DETACH) refused = true;
	if (refused && !(self->flags & AW_PROCESS_GROUP && self->group > 0)) return;
	if (!refused && asked++ % START_EVERY != 0) return;
	aw_loop *loop;
	aw_process *process = NULL;
	const char *argv[] = {which % 2 ? "/bin/true" : "/nowhere/true", which % 4 == 2 ? NULL : "argument"};
	SAME(aw_loop_new("epoll", &loop), 0);
	aw_status status = aw_subprocess_exec(loop, argv, which % 8 == 7 ? 0 : 2, options, &process);
	HOLDS(!process == (status < 0) && (!refused || status == -EINVAL));
	if (process) {
		aw_future *ended;
		SAME(aw_process_communicate(process, NULL, 0, &ended), 0);
		(void)(aw_loop_run_until_complete(loop, ended, NULL) < 0);
		aw_future_unref(ended);
		aw_process_unref(process);
	}
	aw_loop_close(loop);
	aw_loop_unref(loop);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
	bytes in = {data, size};
	model want = {.fd = {0}, .group = -1};
	aw_process_options *options;
	SAME(aw_process_options_new(&options), 0);
	/* An unset stream's descriptor is not used. */
	for (int i = 0; i < 3; i++) want.fd[i] = options->stdio[i].fd;
	for (int i = 0; in.left && i < CALLS_MAX; i++) {
		switch (bytes_below(&in, 9)) {
		case 0: set_stdio(&want, options, &in); break;
		case 1: set_streams(&want, options, &in); break;
		case 2: set_cwd(&want, options, &in); break;
		case 3: set_env(&want, options, &in); break;
		case 4: set_variable(&want, options, &in); break;
		case 5: set_flags(&want, options, &in); break;
		case 6: set_group(&want, options, &in); break;
		case 7:
			HOLDS(aw_process_options_ref(options) == options);
			aw_process_options_unref(options);
			break;
		default: start(&want, options, &in);
		}
		compare(&want, options);
	}
	aw_process_options_unref(options);
	env_clear(&want);
	free(want.cwd);
	SAME(aw_debug_live_handles(), 0);
	return 0;
}
