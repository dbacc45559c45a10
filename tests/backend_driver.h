/* SPDX-License-Identifier: MIT */
/*
 * Drives a backend's table without the core: opens it, submits operations, waits, and counts completions. A
 * contract case runs once for each selected backend: those named in argv (comma-separated), else in
 * AWAIT_BACKEND, else all known ones. The built-ins are linked in; a plug-in is loaded from the folder
 * AWAIT_BACKEND_PATH.
 */
#ifndef TESTS_BACKEND_DRIVER_H
#define TESTS_BACKEND_DRIVER_H

#include <await/backend.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "check.h"

extern const aw_backend epoll_backend, virtual_backend;

/* Long enough for a slow machine under valgrind; only a failure takes this long. */
#define DRIVER_LIMIT (20 * AW_SECOND)

typedef struct driver {
	const aw_backend *backend;
	aw_backend_state *state;
	aw_backend_core core;
	int inside;       /* in wait or close: the only places where complete may be called */
	int holds;        /* submit without a flush, as the core does for descriptors that it keeps open */
	size_t completed; /* operations completed so far */
} driver;

typedef struct driver_op {
	aw_op op;
	driver *owner;
	int completions;
} driver_op;

/* ---- which backends ---- */

enum { DRIVER_MAX = 8 };
static const aw_backend *driver_backends[DRIVER_MAX];
static size_t driver_count;
static char driver_missing[512]; /* what could not be opened, and why */

static inline void driver_note_missing(const char *name, const char *why) {
	size_t used = strlen(driver_missing);
	snprintf(driver_missing + used, sizeof driver_missing - used, "%s%s: %s", used ? "; " : "", name, why);
}

static inline const aw_backend *driver_find(const char *name) {
	if (strcmp(name, "epoll") == 0) return &epoll_backend;
	if (strcmp(name, "virtual") == 0) return &virtual_backend;
	const char *folder = getenv("AWAIT_BACKEND_PATH");
	char path[PATH_MAX];
	if (!folder) return driver_note_missing(name, "AWAIT_BACKEND_PATH is not set"), NULL;
	snprintf(path, sizeof path, "%s/libawait-backend-%s.so", folder, name);
	void *object = dlopen(path, RTLD_NOW | RTLD_LOCAL);
	if (!object) return driver_note_missing(name, dlerror()), NULL;
	aw_backend_entry_fn entry;
	void *symbol = dlsym(object, AW_BACKEND_ENTRY);
	if (!symbol) return driver_note_missing(name, "no entry"), NULL;
	memcpy(&entry, &symbol, sizeof entry);
	return entry();
}

static inline void driver_choose(const char *names) {
	char list[256], *rest = NULL;
	snprintf(list, sizeof list, "%s", names && *names ? names : "epoll,virtual,uv,ev,uring");
	for (char *name = strtok_r(list, ",", &rest); name && driver_count < DRIVER_MAX;
	     name = strtok_r(NULL, ",", &rest)) {
		char why[200] = "";
		const aw_backend *found = driver_find(name);
		if (found && found->probe(why, sizeof why) != 0) {
			driver_note_missing(name, why);
			found = NULL;
		}
		if (found) driver_backends[driver_count++] = found;
	}
}

/* ---- driving one ---- */

static inline void driver_complete(const aw_backend_core *core, aw_op *op) {
	driver *self = core->data;
	driver_op *done = op->owner;
	EXPECT(self->inside);
	EXPECT_INT(done->completions, 0);
	EXPECT(done->owner == self);
	done->completions++;
	self->completed++;
}

static inline aw_status driver_open(driver *self, const aw_backend *backend) {
	*self = (driver){.backend = backend};
	self->core = (aw_backend_core){.size = sizeof self->core, .complete = driver_complete, .data = self};
	return backend->open(&self->core, AW_BACKEND_SINGLE_THREAD, 1, &self->state);
}

static inline void driver_close(driver *self) {
	self->inside = 1;
	self->backend->close(self->state);
	self->inside = 0;
	self->state = NULL;
}

static inline int64_t driver_real_now(void) {
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * AW_SECOND + t.tv_nsec;
}

/* The backend's clock, on which deadlines are based. */
static inline int64_t driver_now(driver *self) {
	return self->backend->now ? self->backend->now(self->state) : driver_real_now();
}

/* Like the core before the program runs again. Older tables lack this member. */
static inline void driver_flush(driver *self) {
	if (self->backend->size > offsetof(aw_backend, flush) && self->backend->flush)
		self->backend->flush(self->state);
}

static inline aw_status driver_submit(driver *self, driver_op *op) {
	op->owner = self;
	op->op.owner = op;
	op->completions = 0;
	size_t before = self->completed;
	aw_status status = self->backend->submit(self->state, &op->op);
	if (status == 0 && !self->holds) driver_flush(self);
	EXPECT(self->completed == before);
	return status;
}

/* Submits an operation that must be accepted. */
static inline void driver_start(driver *self, driver_op *op) {
	EXPECT_INT(driver_submit(self, op), 0);
}

static inline void driver_cancel(driver *self, driver_op *op) {
	size_t before = self->completed;
	self->backend->cancel(self->state, &op->op);
	EXPECT(self->completed == before);
}

static inline void driver_wait_until(driver *self, int64_t deadline) {
	self->inside = 1;
	EXPECT_INT(self->backend->wait(self->state, deadline), 0);
	self->inside = 0;
}

/* Handles pending completions without blocking. */
static inline void driver_poll(driver *self) {
	driver_wait_until(self, 0);
}

/* Waits until the operation is complete; returns its result. */
static inline int64_t driver_finish(driver *self, driver_op *op) {
	int64_t limit = driver_real_now() + DRIVER_LIMIT;
	while (!op->completions && driver_real_now() < limit)
		driver_wait_until(self, driver_now(self) + AW_SECOND);
	EXPECT_INT(op->completions, 1);
	return op->completions ? op->op.result : INT64_MIN;
}

static inline int64_t driver_do(driver *self, driver_op *op) {
	aw_status status = driver_submit(self, op);
	return status == 0 ? driver_finish(self, op) : status;
}

/* ---- operations ---- */

static inline driver_op driver_io(uint32_t kind, int fd, int nonblocking, void *buffer, size_t length) {
	return (driver_op){.op = {.kind = kind,
	                          .fd = fd,
	                          .nonblocking = (uint32_t)nonblocking,
	                          .buffer = buffer,
	                          .length = length,
	                          .offset = -1}};
}

static inline driver_op driver_watch(int fd, uint32_t flags) {
	return (driver_op){.op = {.kind = AW_OP_POLL, .fd = fd, .flags = flags, .offset = -1}};
}

/* ---- descriptors to operate on ---- */

typedef struct driver_channel {
	int in, out; /* data written to `out` is read from `in` */
} driver_channel;

static inline driver_channel driver_pipe(int flags) {
	int fds[2] = {-1, -1};
	EXPECT_INT(pipe2(fds, O_CLOEXEC | flags), 0);
	return (driver_channel){fds[0], fds[1]};
}

static inline driver_channel driver_pair(int flags) {
	int fds[2] = {-1, -1};
	EXPECT_INT(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | flags, 0, fds), 0);
	return (driver_channel){fds[0], fds[1]};
}

static inline void driver_drop(driver_channel what) {
	close(what.in);
	close(what.out);
}

static inline void driver_put(int fd, const char *text) {
	EXPECT_INT(write(fd, text, strlen(text)), strlen(text));
}

static inline int driver_readable(int fd) {
	struct pollfd p = {.fd = fd, .events = POLLIN};
	return poll(&p, 1, 0) > 0 && (p.revents & POLLIN);
}

static inline int driver_open_files(void) {
	int count = 0;
	for (int fd = 0; fd < 4096; fd++) count += fcntl(fd, F_GETFD) >= 0;
	return count;
}

/* ---- cases ---- */

/* Opens each backend, runs the case on it, and closes it. */
static inline void driver_each(void (*run)(driver *)) {
	for (size_t i = 0; i < driver_count; i++) {
		driver self;
		unsigned before = CU_get_number_of_failures();
		REQUIRE(driver_open(&self, driver_backends[i]) == 0);
		run(&self);
		if (self.state) driver_close(&self);
		if (CU_get_number_of_failures() != before) printf("\n    on backend %s\n", driver_backends[i]->name);
	}
}

static inline void driver_every_backend_asked_for_is_here(void) {
	if (*driver_missing) SKIP(driver_missing);
}

/* CONTRACT(a_sentence) { … uses `self` … } */
#define CONTRACT(name)                   \
	static void name##_on(driver *self); \
	static void name(void) {             \
		driver_each(name##_on);          \
	}                                    \
	static void name##_on(driver *self)

/* The main function of a file with contract cases. */
#define CONTRACT_MAIN(suite, ...)                                                        \
	int main(int argc, char **argv) {                                                    \
		static const check_case cases[] = {                                              \
			{"every_backend_asked_for_is_here", driver_every_backend_asked_for_is_here}, \
			__VA_ARGS__,                                                                 \
		};                                                                               \
		driver_choose(argc > 1 ? argv[1] : getenv("AWAIT_BACKEND"));                     \
		return check_run(suite, cases, sizeof cases / sizeof *cases);                    \
	}

#endif
