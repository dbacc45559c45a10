/* SPDX-License-Identifier: MIT */
/* A temporary folder for a case, and paths in it. */
#ifndef TESTS_FILE_FOLDER_H
#define TESTS_FILE_FOLDER_H

#include "in_a_task.h"

#include <dirent.h>
#include <fcntl.h>
#include <ftw.h>
#include <sys/stat.h>
#include <unistd.h>

static char folder[64];

static inline void folder_make(void) {
	strcpy(folder, "/tmp/libawait-files-XXXXXX");
	EXPECT(mkdtemp(folder) != NULL);
}

/* Several buffers, so that several paths can be used in one call. */
static inline const char *in_folder(const char *name) {
	static char texts[4][512];
	static int turn;
	char *text = texts[turn++ % 4];
	snprintf(text, sizeof texts[0], "%s/%s", folder, name);
	return text;
}

static inline int remove_one(const char *path, const struct stat *info, int kind, struct FTW *at) {
	(void)info;
	(void)kind;
	(void)at;
	return remove(path);
}

static inline void remove_tree(const char *path) {
	(void)nftw(path, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

static inline void put(const char *name, const char *text) {
	int fd = open(in_folder(name), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	EXPECT_INT((int)write(fd, text, strlen(text)), (int)strlen(text));
	close(fd);
}

/* The text of a file, up to 255 bytes. */
static inline const char *text_of(const char *name) {
	static char text[256];
	int fd = open(in_folder(name), O_RDONLY | O_CLOEXEC);
	ssize_t count = fd < 0 ? -1 : read(fd, text, sizeof text - 1);
	if (fd >= 0) close(fd);
	if (count < 0) return "(none)";
	text[count] = 0;
	return text;
}

/* The file "a" of the folder, made if it is missing. */
static inline aw_file *open_a(uint32_t flags) {
	aw_file *file = NULL;
	EXPECT_INT(aw_file_open(in_folder("a"), flags | AW_FILE_CREATE | AW_FILE_WRITE, 0600, &file), 0);
	return file;
}

static inline void close_it(aw_file *file) {
	EXPECT_INT(aw_file_close(file), 0);
	aw_file_unref(file);
}

static inline aw_status do_nothing(void *ud) {
	(void)ud;
	return 0;
}

/* Runs a task in a new folder, twice: debug mode counts the program's references. */
static inline aw_status in_a_folder(aw_task_fn fn) {
	aw_status status = 0;
	for (int debug = 0; debug < 2 && status == 0; debug++) {
		EXPECT_INT(setenv("AWAIT_DEBUG", debug ? "1" : "0", 1), 0);
		trace_reset();
		umask(022);
		folder_make();
		/* Some backends keep descriptors from their first loop on. */
		EXPECT_INT(aw_run(NULL, do_nothing, NULL, NULL, NULL), 0);
		int before = open_descriptors();
		status = aw_run(NULL, fn, NULL, NULL, NULL);
		EXPECT_INT(open_descriptors(), before);
		EXPECT_INT(aw_debug_live_handles(), 0);
		remove_tree(folder);
	}
	unsetenv("AWAIT_DEBUG");
	return status;
}

#endif
