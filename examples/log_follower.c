/* SPDX-License-Identifier: MIT */
/*
 * Follows log files as `tail -F` does: prints each new line, also after a file is rotated or truncated. usage:
 * log_follower FILE…
 */
#include <await/easy.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LINE_MAX_SIZE = 64 * 1024 };

typedef struct follower {
	const char *path;
	aw_file *file;   /* NULL while there is none */
	uint64_t device; /* with `number`: which file that is */
	uint64_t number;
	size_t length; /* of the line that has begun */
	char line[LINE_MAX_SIZE];
} follower;

typedef struct followers {
	char **paths;
	size_t count;
	follower **all;
} followers;

static void print_line(follower *self, const char *text, size_t length) {
	printf("%s: %.*s\n", self->path, (int)length, text);
}

/* Prints the complete lines, and keeps the rest. A line that is too long is printed in pieces. */
static void print_lines(follower *self) {
	const char *at = self->line, *limit = self->line + self->length;
	for (const char *newline; (newline = memchr(at, '\n', (size_t)(limit - at))); at = newline + 1)
		print_line(self, at, (size_t)(newline - at));
	self->length = (size_t)(limit - at);
	memmove(self->line, at, self->length);
	if (self->length < sizeof self->line) return;
	print_line(self, self->line, self->length);
	self->length = 0;
}

/* Reads to the end; starts again at 0 if the file has been truncated. */
static aw_status read_new(follower *self) {
	for (;;) {
		aw_status count =
			aw_file_read(self->file, self->line + self->length, sizeof self->line - self->length);
		AW_TRY(count);
		self->length += (size_t)count;
		print_lines(self);
		if (count > 0) continue;
		aw_file_info info = {.size = sizeof info};
		AW_TRY(aw_file_stat(self->file, &info));
		if ((int64_t)info.length >= aw_file_tell(self->file)) return 0;
		AW_TRY(aw_file_seek(self->file, 0, AW_FILE_FROM_START, NULL));
		self->length = 0;
	}
}

static aw_status leave_file(follower *self) {
	aw_file *file = self->file;
	if (!file) return 0;
	if (self->length) print_line(self, self->line, self->length); /* it ended without a newline */
	self->length = 0;
	self->file = NULL;
	aw_status status = aw_file_close(file);
	aw_file_unref(file);
	return status;
}

static aw_status open_file(follower *self) {
	aw_file_info info = {.size = sizeof info};
	aw_status status = aw_file_open(self->path, AW_FILE_READ, 0, &self->file);
	if (status == -ENOENT) return 0;
	AW_TRY(status);
	AW_TRY(aw_file_stat(self->file, &info));
	self->device = info.device;
	self->number = info.number;
	return 0;
}

/* Something has happened: prints what is new, from the old file first if there is another one now. */
static aw_status follow(follower *self) {
	aw_file_info info = {.size = sizeof info};
	if (self->file) AW_TRY(read_new(self));
	aw_status status = aw_path_stat(self->path, 0, &info);
	if (status == -ENOENT) return 0; /* whoever has the old file open may still write to it */
	AW_TRY(status);
	if (self->file && info.device == self->device && info.number == self->number) return 0;
	if (self->file) AW_TRY(read_new(self)); /* what was written before the new file appeared */
	AW_TRY(leave_file(self));
	AW_TRY(open_file(self));
	return self->file ? read_new(self) : 0;
}

/* Watches the directory, since the file may be replaced. */
static aw_status begin(follower *self, aw_watch *watch) {
	const char *slash = strrchr(self->path, '/');
	char directory[4096] = ".";
	if (slash) snprintf(directory, sizeof directory, "%.*s", (int)(slash - self->path) + 1, self->path);
	AW_TRY(aw_watch_add(watch, directory, AW_WATCH_ALL, AW_WATCH_PATH));
	AW_TRY(open_file(self));
	return self->file ? aw_file_seek(self->file, 0, AW_FILE_FROM_END, NULL) : 0;
}

static aw_status follow_all(followers *self) {
	AW_AUTO(aw_watch) watch = NULL;
	AW_TRY(aw_watch_new(NULL, &watch));
	for (size_t i = 0; i < self->count; i++) AW_TRY(begin(self->all[i], watch));
	printf("following %zu files\n", self->count);
	for (;;) {
		if (fflush(stdout) != 0) return aw_raise(EIO, "cannot write the lines");
		aw_watch_event *event = NULL;
		AW_TRY(aw_watch_next(watch, &event));
		if (event->kinds & AW_WATCH_GONE) fprintf(stderr, "%s is gone\n", event->path);
		aw_watch_event_free(event);
		for (size_t i = 0; i < self->count; i++) AW_TRY(follow(self->all[i]));
	}
}

static aw_status stop(aw_loop *loop, void *task) {
	(void)loop;
	aw_task_cancel(task, NULL);
	return 0;
}

static aw_status run(void *ud) {
	followers *self = ud;
	AW_TRY(aw_loop_add_signal_handler(aw_loop_current(), SIGINT, stop, aw_task_current(), NULL));
	AW_TRY(aw_loop_add_signal_handler(aw_loop_current(), SIGTERM, stop, aw_task_current(), NULL));
	aw_status status = follow_all(self);
	for (size_t i = 0; i < self->count; i++) AW_TRY(leave_file(self->all[i]));
	return status == AW_ECANCELLED ? 0 : status;
}

int main(int count, char **arguments) {
	followers self = {.paths = arguments + 1, .count = count > 0 ? (size_t)count - 1 : 0};
	if (!self.count) {
		fprintf(stderr, "usage: log_follower FILE...\n");
		return 2;
	}
	self.all = calloc(self.count, sizeof *self.all);
	for (size_t i = 0; i < self.count; i++) {
		if (self.all) self.all[i] = calloc(1, sizeof *self.all[i]);
		if (!self.all || !self.all[i]) return 1;
		self.all[i]->path = self.paths[i];
	}
	int status = aw_main(NULL, run, &self, NULL);
	for (size_t i = 0; i < self.count; i++) free(self.all[i]);
	free(self.all);
	return status;
}
