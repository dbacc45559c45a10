/* SPDX-License-Identifier: MIT */
/* Labels: backends valgrind threads */
/* Open files: what reads and writes return, the position, and errors. */
#include "file/folder.h"

#include <sys/resource.h>
#include <sys/wait.h>

static aw_status round_trip(void *ud) {
	(void)ud;
	aw_file *file = NULL;
	char text[16] = "";
	uint64_t written = 7;
	EXPECT_INT(aw_file_open(in_folder("a"), AW_FILE_WRITE | AW_FILE_CREATE, 0640, &file), 0);
	EXPECT_INT(aw_file_write(file, "hello ", 6, &written), 0);
	EXPECT_INT((int)written, 6);
	EXPECT_INT(aw_file_write(file, "world", 5, NULL), 0);
	EXPECT_STR(text_of("a"), "hello world"); /* it has been written when the call returns */
	EXPECT_INT(aw_file_read(file, text, 1), -EBADF);
	EXPECT_INT(aw_file_close(file), 0);
	EXPECT_INT(aw_file_write(file, "x", 1, &written), -EBADF);
	EXPECT_INT((int)written, 0);
	EXPECT_INT(aw_file_close(file), -EBADF);
	aw_file_unref(file);
	EXPECT_INT(aw_file_open(in_folder("a"), AW_FILE_READ, 0, &file), 0);
	EXPECT_INT(aw_file_read(file, text, 6), 6);
	EXPECT_INT(aw_file_read(file, text, sizeof text), 5);
	EXPECT_STR(text, "world ");
	EXPECT_INT(aw_file_read(file, text, sizeof text), 0);
	EXPECT_INT(aw_file_write(file, "x", 1, NULL), -EBADF);
	EXPECT_INT(aw_file_close(file), 0);
	aw_file_unref(file);
	struct stat st;
	EXPECT_INT(stat(in_folder("a"), &st), 0);
	EXPECT_INT(st.st_mode & 0777, 0640);
	return 0;
}

static void what_is_written_is_read(void) {
	EXPECT_INT(in_a_folder(round_trip), 0);
}

static aw_status positioned(void *ud) {
	(void)ud;
	aw_file *file = NULL;
	char text[8] = "";
	EXPECT_INT(aw_file_open(in_folder("a"), AW_FILE_READ | AW_FILE_WRITE | AW_FILE_CREATE, 0600, &file), 0);
	EXPECT_INT(aw_file_write_at(file, "cd", 2, 2, NULL), 0);
	EXPECT_INT(aw_file_write(file, "ab", 2, NULL), 0); /* the position was still 0 */
	EXPECT_INT(aw_file_read_at(file, text, sizeof text, 1), 3);
	EXPECT_STR(text, "bcd");
	EXPECT_INT(aw_file_read(file, text, sizeof text), 2);
	EXPECT_INT(aw_file_read_at(file, text, 1, 100), 0);
	EXPECT_INT(aw_file_read_at(file, text, 1, UINT64_MAX), -EINVAL);
	EXPECT_INT(aw_file_read_at(file, NULL, 1, 0), -EINVAL);
	EXPECT_INT(aw_file_close(file), 0);
	aw_file_unref(file);
	return 0;
}

static void an_offset_leaves_the_position(void) {
	EXPECT_INT(in_a_folder(positioned), 0);
}

static aw_status appends(void *ud) {
	(void)ud;
	aw_file *file = NULL;
	char text[8] = "";
	put("a", "one");
	EXPECT_INT(aw_file_open(in_folder("a"), AW_FILE_READ | AW_FILE_APPEND, 0, &file), 0);
	EXPECT_INT(aw_file_read(file, text, 2), 2);
	EXPECT_INT(aw_file_write(file, "two", 3, NULL), 0);
	EXPECT_INT(aw_file_read(file, text, sizeof text), 0); /* the write has moved the position to the end */
	EXPECT_INT(aw_file_write_at(file, "x", 1, 0, NULL), -EINVAL);
	EXPECT_STR(text_of("a"), "onetwo");
	EXPECT_INT(aw_file_close(file), 0);
	aw_file_unref(file);
	return 0;
}

static void an_appending_write_goes_to_the_end(void) {
	EXPECT_INT(in_a_folder(appends), 0);
}

static aw_status opens(void *ud) {
	(void)ud;
	aw_file *file = NULL, *directory = NULL;
	EXPECT_INT(aw_file_open(in_folder("none"), AW_FILE_READ, 0, &file), -ENOENT);
	EXPECT(strstr(aw_error_message(aw_caught()), "/none: ") != NULL);
	EXPECT_INT(aw_file_open(in_folder("a"), 0, 0, &file), -EINVAL);
	EXPECT_INT(aw_file_open(in_folder("a"), AW_FILE_READ | AW_FILE_TRUNCATE, 0, &file), -EINVAL);
	EXPECT_INT(aw_file_open(NULL, AW_FILE_READ, 0, &file), -EINVAL);
	EXPECT_INT(aw_file_open(in_folder("a"), AW_FILE_READ, 0, NULL), -EINVAL);
	put("a", "text");
	uint32_t flags = AW_FILE_WRITE | AW_FILE_CREATE | AW_FILE_EXCLUSIVE;
	EXPECT_INT(aw_file_open(in_folder("a"), flags, 0600, &file), -EEXIST);
	EXPECT_INT(aw_file_open(folder, AW_FILE_READ | AW_FILE_DIRECTORY, 0, &directory), 0);
	EXPECT_INT(aw_file_open_at(directory, "a", AW_FILE_WRITE | AW_FILE_TRUNCATE, 0, &file), 0);
	EXPECT_STR(text_of("a"), "");
	EXPECT_INT(fcntl(aw_file_fd(file), F_GETFD), FD_CLOEXEC);
	EXPECT_INT(fcntl(aw_file_fd(file), F_GETFL) & O_NONBLOCK, 0);
	EXPECT_INT(aw_file_close(file), 0);
	aw_file_unref(file);
	EXPECT_INT(symlink("a", in_folder("link")), 0);
	EXPECT_INT(aw_file_open_at(directory, "link", AW_FILE_READ | AW_FILE_NOFOLLOW, 0, &file), -ELOOP);
	EXPECT_INT(aw_file_close(directory), 0);
	EXPECT_INT(aw_file_open_at(directory, "a", AW_FILE_READ, 0, &file), -EBADF);
	aw_file_unref(directory);
	return 0;
}

static void opening_fails_with_the_path(void) {
	EXPECT_INT(in_a_folder(opens), 0);
}

static aw_status refuses(void *ud) {
	(void)ud;
	aw_file *file = NULL;
	int ends[2];
	EXPECT_INT(mkfifo(in_folder("fifo"), 0600), 0);
	/* Neither waits for the other end. */
	EXPECT_INT(aw_file_open(in_folder("fifo"), AW_FILE_READ, 0, &file), -ESPIPE);
	EXPECT_INT(aw_file_open(in_folder("fifo"), AW_FILE_WRITE, 0, &file), -ESPIPE);
	EXPECT_INT(pipe(ends), 0);
	EXPECT_INT(aw_file_adopt(NULL, ends[0], &file), -ESPIPE);
	EXPECT_INT(aw_file_adopt(NULL, -1, &file), -EBADF);
	close(ends[0]);
	close(ends[1]);
	return 0;
}

static void a_pipe_is_refused(void) {
	EXPECT_INT(in_a_folder(refuses), 0);
}

static aw_status adopts(void *ud) {
	(void)ud;
	aw_file *file = NULL;
	char text[8] = "";
	put("a", "abcdef");
	int fd = open(in_folder("a"), O_RDONLY | O_CLOEXEC);
	EXPECT_INT((int)read(fd, text, 2), 2);
	EXPECT_INT(aw_file_adopt(NULL, fd, &file), 0);
	EXPECT_INT(aw_file_read(file, text, 2), 2);
	EXPECT_STR(text, "cd");
	EXPECT_INT(aw_file_take(file), fd);
	EXPECT_INT(aw_file_take(file), -EBADF);
	EXPECT_INT(aw_file_fd(file), -EBADF);
	aw_file_unref(file);
	EXPECT_INT((int)read(fd, text, 2), 2);
	EXPECT_STR(text, "ef");
	close(fd);
	return 0;
}

static void a_descriptor_comes_and_goes_with_its_position(void) {
	EXPECT_INT(in_a_folder(adopts), 0);
}

enum { MUCH = 3 << 20 };

static aw_status much(void *ud) {
	(void)ud;
	aw_file *file = NULL;
	unsigned char *data = malloc(MUCH), *back = calloc(1, MUCH);
	for (int i = 0; i < MUCH; i++) data[i] = (unsigned char)(i * 7 + (i >> 9));
	EXPECT_INT(aw_file_open(in_folder("a"), AW_FILE_READ | AW_FILE_WRITE | AW_FILE_CREATE, 0600, &file), 0);
	EXPECT_INT(aw_file_write(file, data, MUCH, NULL), 0);
	size_t got = 0;
	while (got < MUCH) {
		aw_status count = aw_file_read_at(file, back + got, MUCH - got, got);
		if (count <= 0) break;
		got += (size_t)count;
	}
	EXPECT_INT(got, MUCH);
	EXPECT_INT(memcmp(data, back, MUCH), 0);
	free(data);
	free(back);
	EXPECT_INT(aw_file_close(file), 0);
	aw_file_unref(file);
	return 0;
}

static void a_large_write_is_complete(void) {
	EXPECT_INT(in_a_folder(much), 0);
}

/* --- errors of the system --- */

static aw_status full(void *ud) {
	(void)ud;
	aw_file *file = NULL;
	uint64_t written = 9;
	EXPECT_INT(aw_file_open("/dev/full", AW_FILE_WRITE, 0, &file), 0);
	EXPECT_INT(aw_file_write(file, "x", 1, &written), -ENOSPC);
	EXPECT_INT((int)written, 0);
	EXPECT_INT(aw_file_close(file), 0); /* the error has been seen */
	aw_file_unref(file);
	return 0;
}

static void a_full_disk_is_an_error(void) {
	EXPECT_INT(in_a_folder(full), 0);
}

static aw_status over_the_limit(void *ud) {
	(void)ud;
	aw_file *file = NULL;
	uint64_t written = 0;
	struct rlimit before, small;
	EXPECT_INT(getrlimit(RLIMIT_FSIZE, &before), 0);
	small = before;
	small.rlim_cur = 10;
	EXPECT_INT(aw_file_open(in_folder("a"), AW_FILE_WRITE | AW_FILE_CREATE, 0600, &file), 0);
	EXPECT_INT(setrlimit(RLIMIT_FSIZE, &small), 0);
	EXPECT_INT(aw_file_write(file, "0123456789abcdef", 16, &written), -EFBIG); /* and no SIGXFSZ */
	EXPECT_INT(setrlimit(RLIMIT_FSIZE, &before), 0);
	EXPECT_INT((int)written, 10);
	EXPECT_STR(text_of("a"), "0123456789");
	EXPECT_INT(aw_file_write(file, "X", 1, NULL), 0); /* where the other one stopped */
	EXPECT_STR(text_of("a"), "0123456789X");
	EXPECT_INT(aw_file_close(file), 0);
	aw_file_unref(file);
	return 0;
}

static void a_failed_write_says_how_far_it_came(void) {
	EXPECT_INT(in_a_folder(over_the_limit), 0);
}

static aw_status no_descriptors(void *ud) {
	(void)ud;
	aw_file *file = NULL;
	struct rlimit before, small;
	EXPECT_INT(getrlimit(RLIMIT_NOFILE, &before), 0);
	small = before;
	small.rlim_cur = 3;
	put("a", "");
	EXPECT_INT(setrlimit(RLIMIT_NOFILE, &small), 0);
	EXPECT_INT(aw_file_open(in_folder("a"), AW_FILE_READ, 0, &file), -EMFILE);
	EXPECT_INT(setrlimit(RLIMIT_NOFILE, &before), 0);
	return 0;
}

static void too_many_descriptors_are_an_error(void) {
	EXPECT_INT(in_a_folder(no_descriptors), 0);
}

/* --- coroutines --- */

static aw_status coroutines(void *ud) {
	(void)ud;
	aw_coro *coro = NULL;
	void *value = NULL;
	char path[128], text[8] = "";
	snprintf(path, sizeof path, "%s/a", folder);
	uint32_t flags = AW_FILE_READ | AW_FILE_WRITE | AW_FILE_CREATE;
	EXPECT_INT(aw_file_open_coro(NULL, path, flags, 0600, &coro), 0);
	memset(path, 0, sizeof path); /* it has its own copy */
	aw_task *task = NULL;
	aw_future *future;
	EXPECT_INT(aw_task_spawn_coro(NULL, coro, &task), 0);
	aw_coro_unref(coro);
	future = aw_task_future(task);
	EXPECT_INT(aw_await(future, NULL), 0);
	EXPECT_INT(aw_future_take_result(future, &value, NULL), 0);
	aw_task_unref(task);
	aw_file *file = value;
	EXPECT_INT(aw_file_write_coro(file, "abc", 3, NULL, &coro), 0);
	EXPECT_INT(aw_await_coro(coro, NULL), 0);
	aw_coro_unref(coro);
	EXPECT_INT(aw_file_read_at_coro(file, text, 8, 1, &coro), 0);
	EXPECT_INT(aw_await_coro(coro, &value), 0);
	EXPECT_INT((intptr_t)value, 2);
	EXPECT_STR(text, "bc");
	aw_coro_unref(coro);
	EXPECT_INT(aw_file_close_coro(file, &coro), 0);
	EXPECT_INT(aw_await_coro(coro, NULL), 0);
	aw_coro_unref(coro);
	EXPECT_INT(aw_file_read_coro(file, text, 1, &coro), 0);
	EXPECT_INT(aw_await_coro(coro, NULL), -EBADF);
	aw_coro_unref(coro);
	aw_file_unref(file);
	EXPECT_INT(aw_file_open_coro(NULL, "/no/such", AW_FILE_READ, 0, &coro), 0);
	EXPECT_INT(aw_await_coro(coro, NULL), -ENOENT);
	EXPECT(strstr(aw_error_message(aw_caught()), "/no/such: ") != NULL);
	aw_coro_unref(coro);
	/* Opened, and nobody takes it. */
	EXPECT_INT(aw_file_open_coro(NULL, "/dev/null", AW_FILE_READ, 0, &coro), 0);
	EXPECT_INT(aw_await_coro(coro, NULL), 0);
	aw_coro_unref(coro);
	return 0;
}

static void each_call_is_a_coroutine_too(void) {
	EXPECT_INT(in_a_folder(coroutines), 0);
}

static void outside_a_task_there_is_nothing_to_await(void) {
	aw_file *file = NULL;
	EXPECT_INT(aw_file_open("/dev/null", AW_FILE_READ, 0, &file), AW_ENOTASK);
}

CHECK_MAIN("files", TEST(what_is_written_is_read), TEST(an_offset_leaves_the_position),
           TEST(an_appending_write_goes_to_the_end), TEST(opening_fails_with_the_path),
           TEST(a_pipe_is_refused), TEST(a_descriptor_comes_and_goes_with_its_position),
           TEST(a_large_write_is_complete), TEST(a_full_disk_is_an_error),
           TEST(a_failed_write_says_how_far_it_came), TEST(too_many_descriptors_are_an_error),
           TEST(each_call_is_a_coroutine_too), TEST(outside_a_task_there_is_nothing_to_await))
