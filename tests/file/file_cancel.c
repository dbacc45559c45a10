/* SPDX-License-Identifier: MIT */
/* Labels: backends threads valgrind */
/* Calls on files that are cancelled at any time. What only a call inside its thread shows is in file_threads.c. */
#include "file/folder.h"

enum { LARGE = 1 << 20 };

static unsigned char large[LARGE];

static aw_status write_large(void *file) {
	uint64_t written = 0;
	aw_status status = aw_file_write(file, large, LARGE, &written);
	trace_number("", (long long)written);
	return status;
}

static aw_status cancelled_at_any_time(void *ud) {
	(void)ud;
	for (int turns = 0; turns < 12; turns++) {
		aw_file *file = open_a(AW_FILE_READ | AW_FILE_TRUNCATE);
		trace_reset();
		aw_future *task = spawn(write_large, file);
		for (int i = 0; i < turns; i++) EXPECT_INT(aw_sleep(0), 0);
		IGNORED(aw_future_cancel(task, NULL));
		IGNORED(aw_await(task, NULL));
		aw_future_unref(task);
		struct stat st;
		EXPECT_INT(stat(in_folder("a"), &st), 0);
		if (*trace) EXPECT_INT(st.st_size, atoi(trace + 1));
		EXPECT_INT(aw_file_write(file, "x", 1, NULL), 0);
		off_t before = st.st_size;
		EXPECT_INT(stat(in_folder("a"), &st), 0);
		EXPECT_INT(st.st_size, before + 1);
		close_it(file);
	}
	return 0;
}

static void the_position_is_behind_what_was_written(void) {
	EXPECT_INT(in_a_folder(cancelled_at_any_time), 0);
}

static aw_status close_file(void *file) {
	return aw_file_close(file);
}

static aw_status cancelled_close(void *ud) {
	(void)ud;
	for (int turns = 0; turns < 4; turns++) {
		aw_file *file = open_a(0);
		aw_future *task = spawn(close_file, file);
		for (int i = 0; i < turns; i++) EXPECT_INT(aw_sleep(0), 0);
		aw_status accepted = aw_future_cancel(task, NULL);
		IGNORED(aw_await(task, NULL));
		aw_future_unref(task);
		/* Before its first step it has not called close. */
		EXPECT_INT(aw_file_close(file), turns == 0 && accepted ? 0 : -EBADF);
		aw_file_unref(file);
	}
	return 0;
}

static void a_cancelled_close_closes(void) {
	EXPECT_INT(in_a_folder(cancelled_close), 0);
}

static aw_status open_and_close(void *existing) {
	aw_file *file = NULL;
	uint32_t flags = existing ? AW_FILE_READ : AW_FILE_WRITE | AW_FILE_CREATE;
	aw_status status = aw_file_open(in_folder("a"), flags, 0600, &file);
	if (status < 0) return status;
	status = aw_file_close(file);
	aw_file_unref(file);
	return status;
}

/* Passes what is submitted to the kernel, which may then have opened the file before the cancel. */
static void flush(void) {
	aw_submission nothing = {.size = sizeof nothing, .kind = AW_OP_NOP};
	EXPECT_INT(aw_loop_submit(aw_loop_current(), &nothing, 1), 1);
}

static aw_status cancelled_open(void *ud) {
	static char existing;
	(void)ud;
	close_it(open_a(0));
	for (int turns = 0; turns < 40; turns++) {
		aw_future *task = spawn(open_and_close, turns % 2 ? &existing : NULL);
		for (int i = 0; i < turns / 2; i++) EXPECT_INT(aw_sleep(0), 0);
		flush();
		IGNORED(aw_future_cancel(task, NULL));
		IGNORED(aw_await(task, NULL));
		aw_future_unref(task);
	}
	return 0;
}

static void a_cancelled_open_leaves_no_descriptor(void) {
	EXPECT_INT(in_a_folder(cancelled_open), 0);
}

CHECK_MAIN("file_cancel", TEST(the_position_is_behind_what_was_written), TEST(a_cancelled_close_closes),
           TEST(a_cancelled_open_leaves_no_descriptor))
