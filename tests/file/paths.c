/* SPDX-License-Identifier: MIT */
/* Labels: backends valgrind */
/* The other calls on open files, and those on paths. */
#include "file/folder.h"

#include <sys/uio.h>

static struct iovec part(const char *text) {
	return (struct iovec){(void *)(uintptr_t)text, strlen(text)};
}

static aw_status parts(void *ud) {
	(void)ud;
	aw_file *file = open_a(AW_FILE_READ);
	struct iovec out[100] = {part("one"), part(""), part("two")};
	uint64_t written = 0;
	EXPECT_INT(aw_file_writev(file, out, 3, AW_FILE_HERE, &written), 0);
	EXPECT_INT((int)written, 6);
	EXPECT_INT((int)aw_file_tell(file), 6);
	EXPECT_INT(aw_file_writev(file, out, 1, 3, NULL), 0);
	EXPECT_STR(text_of("a"), "oneone");
	char first[3], second[8] = "";
	struct iovec in[2] = {{first, sizeof first}, {second, sizeof second}};
	EXPECT_INT(aw_file_readv(file, in, 2, 1), 5);
	EXPECT_INT(memcmp(first, "neo", 3), 0);
	EXPECT_STR(second, "ne");
	EXPECT_INT(aw_file_readv(file, in, 2, AW_FILE_HERE), 0);
	for (int i = 0; i < 100; i++) out[i] = part("xy"); /* more than one system call takes */
	EXPECT_INT(aw_file_writev(file, out, 100, AW_FILE_HERE, &written), 0);
	EXPECT_INT((int)written, 200);
	EXPECT_INT((int)aw_file_tell(file), 206);
	EXPECT_INT(aw_file_readv(file, NULL, 1, AW_FILE_HERE), -EINVAL);
	EXPECT_INT(aw_file_readv(file, in, 2, -7), -EINVAL);
	out[1].iov_len = SIZE_MAX;
	EXPECT_INT(aw_file_writev(file, out, 2, AW_FILE_HERE, NULL), -EINVAL);
	close_it(file);
	return 0;
}

static void parts_are_read_and_written_in_order(void) {
	EXPECT_INT(in_a_folder(parts), 0);
}

static aw_status empty_parts(void *ud) {
	(void)ud;
	enum { COUNT = 1200 }; /* more than the system takes in one call */
	static struct iovec many[COUNT];
	aw_file *file = open_a(AW_FILE_READ);
	char text[8] = "";
	uint64_t written = 0;
	many[COUNT - 1] = part("text");
	EXPECT_INT(aw_file_writev(file, many, COUNT, AW_FILE_HERE, &written), 0);
	EXPECT_INT((int)written, 4);
	EXPECT_INT(aw_file_writev(file, many, COUNT, 4, NULL), 0);
	many[COUNT - 1] = (struct iovec){text, sizeof text};
	EXPECT_INT(aw_file_readv(file, many, COUNT, 0), 8);
	EXPECT_INT(memcmp(text, "texttext", 8), 0);
	EXPECT_INT(aw_file_readv(file, many, COUNT, AW_FILE_HERE), 4);
	EXPECT_INT(aw_file_readv(file, many, COUNT - 1, 0), 0);
	EXPECT_INT(aw_file_writev(file, many, COUNT - 1, 0, NULL), 0);
	close_it(file);
	return 0;
}

static void parts_without_bytes_are_not_the_end(void) {
	EXPECT_INT(in_a_folder(empty_parts), 0);
}

static aw_status sizes(void *ud) {
	(void)ud;
	aw_file *file = open_a(AW_FILE_READ);
	aw_file_info info = {.size = sizeof info};
	int64_t position = 0;
	EXPECT_INT(aw_file_write(file, "abcdef", 6, NULL), 0);
	EXPECT_INT(aw_file_sync(file, AW_FILE_SYNC_ALL), 0);
	EXPECT_INT(aw_file_sync(file, AW_FILE_SYNC_DATA), 0);
	EXPECT_INT(aw_file_sync(file, 8), -EINVAL);
	EXPECT_INT(aw_file_truncate(file, 3), 0);
	EXPECT_STR(text_of("a"), "abc");
	EXPECT_INT((int)aw_file_tell(file), 6);
	EXPECT_INT(aw_file_truncate(file, UINT64_MAX), -EINVAL);
	aw_status status = aw_file_allocate(file, 0, 5000);
	EXPECT(status == 0 || status == -EOPNOTSUPP);
	EXPECT_INT(aw_file_stat(file, &info), 0);
	EXPECT_INT((int)info.length, status == 0 ? 5000 : 3);
	EXPECT_INT(info.kind, AW_FILE_KIND_REGULAR);
	EXPECT_INT(info.mode, 0600);
	EXPECT_INT((int)info.links, 1);
	EXPECT(info.modified > 1600000000 * AW_SECOND);
	info.size = 4;
	EXPECT_INT(aw_file_stat(file, &info), -EINVAL);
	EXPECT_INT(aw_file_seek(file, 1, AW_FILE_FROM_START, &position), 0);
	EXPECT_INT((int)position, 1);
	EXPECT_INT(aw_file_seek(file, 2, AW_FILE_FROM_CURRENT, NULL), 0);
	EXPECT_INT((int)aw_file_tell(file), 3);
	EXPECT_INT(aw_file_seek(file, -4, AW_FILE_FROM_CURRENT, NULL), -EINVAL);
	EXPECT_INT(aw_file_truncate(file, 10), 0);
	EXPECT_INT(aw_file_seek(file, -1, AW_FILE_FROM_END, &position), 0);
	EXPECT_INT((int)position, 9);
	EXPECT_INT(aw_file_seek(file, 0, 7, NULL), -EINVAL);
	close_it(file);
	EXPECT_INT((int)aw_file_tell(NULL), -1);
	return 0;
}

static void a_file_has_a_size_and_a_position(void) {
	EXPECT_INT(in_a_folder(sizes), 0);
}

static aw_status names(void *ud) {
	(void)ud;
	aw_file_info info = {.size = sizeof info};
	char text[16];
	put("a", "A");
	put("b", "B");
	EXPECT_INT(aw_path_stat(in_folder("a"), 0, &info), 0);
	EXPECT_INT((int)info.length, 1);
	EXPECT_INT(aw_path_stat(in_folder("none"), 0, &info), -ENOENT);
	EXPECT(strstr(aw_error_message(aw_caught()), "/none: ") != NULL);
	EXPECT_INT(aw_path_rename(in_folder("a"), in_folder("b"), AW_PATH_NOREPLACE), -EEXIST);
	EXPECT(strstr(aw_error_message(aw_caught()), "/b: ") != NULL);
	EXPECT_INT(aw_path_rename(in_folder("a"), in_folder("b"), 0), 0);
	EXPECT_STR(text_of("b"), "A");
	EXPECT_INT(aw_path_link(in_folder("b"), in_folder("c")), 0);
	EXPECT_INT(aw_path_link(in_folder("b"), in_folder("c")), -EEXIST);
	EXPECT_INT(aw_path_symlink("b", in_folder("link")), 0);
	EXPECT_INT(aw_path_readlink(in_folder("link"), text, sizeof text), 1);
	EXPECT_STR(text, "b");
	EXPECT_INT(aw_path_readlink(in_folder("link"), text, 1), -ERANGE);
	EXPECT_INT(aw_path_readlink(in_folder("b"), text, sizeof text), -EINVAL);
	EXPECT_INT(aw_path_stat(in_folder("link"), AW_PATH_NOFOLLOW, &info), 0);
	EXPECT_INT(info.kind, AW_FILE_KIND_SYMLINK);
	EXPECT_INT(aw_path_stat(in_folder("link"), 0, &info), 0);
	EXPECT_INT((int)info.links, 2);
	EXPECT_INT(aw_path_stat(in_folder("link"), 9, &info), -EINVAL);
	EXPECT_INT(aw_path_unlink(in_folder("link")), 0);
	EXPECT_INT(aw_path_unlink(in_folder("link")), -ENOENT);
	EXPECT_INT(aw_path_unlink(NULL), -EINVAL);
	return 0;
}

static void names_are_made_changed_and_removed(void) {
	EXPECT_INT(in_a_folder(names), 0);
}

static aw_status directories(void *ud) {
	(void)ud;
	aw_file_info info = {.size = sizeof info};
	EXPECT_INT(aw_path_mkdir(in_folder("x/y/z"), 0700, 0), -ENOENT);
	EXPECT_INT(aw_path_mkdir(in_folder("x/y//z/"), 0700, AW_PATH_PARENTS), 0);
	EXPECT_INT(aw_path_stat(in_folder("x/y/z"), 0, &info), 0);
	EXPECT_INT(info.kind, AW_FILE_KIND_DIRECTORY);
	EXPECT_INT(info.mode, 0700);
	EXPECT_INT(aw_path_mkdir(in_folder("x/y/z"), 0700, AW_PATH_PARENTS), 0);
	EXPECT_INT(aw_path_mkdir(in_folder("x/y/z"), 0700, 0), -EEXIST);
	put("a", "");
	EXPECT_INT(aw_path_mkdir(in_folder("a"), 0700, AW_PATH_PARENTS), -EEXIST);
	EXPECT_INT(aw_path_mkdir(in_folder("a/b/c"), 0700, AW_PATH_PARENTS), -ENOTDIR);
	EXPECT_INT(aw_path_rmdir(in_folder("x/y")), -ENOTEMPTY);
	EXPECT_INT(aw_path_rmdir(in_folder("x/y/z")), 0);
	EXPECT_INT(aw_path_rmdir(in_folder("a")), -ENOTDIR);
	char pattern[128];
	snprintf(pattern, sizeof pattern, "%s/tmp-XXXXXX", folder);
	EXPECT_INT(aw_path_mkdtemp(pattern), 0);
	EXPECT_INT(aw_path_stat(pattern, 0, &info), 0);
	EXPECT_INT(info.mode, 0700);
	EXPECT_INT(aw_path_mkdtemp(strcpy(pattern, "short")), -EINVAL);
	/* A pattern can be used again, in another folder. */
	EXPECT_INT(aw_path_mkdtemp(strcpy(pattern, "/nowhere/a-XXXXXX")), -ENOENT);
	EXPECT_STR(pattern, "/nowhere/a-XXXXXX");
	return 0;
}

static void directories_are_made_with_those_above(void) {
	EXPECT_INT(in_a_folder(directories), 0);
}

/* --- whole files --- */

static aw_status whole(void *ud) {
	(void)ud;
	void *text = NULL;
	uint64_t length = 0;
	aw_destroy_fn destroy = NULL;
	put("a", "some text");
	EXPECT_INT(aw_file_read_whole(in_folder("a"), 0, &text, &length, &destroy), 0);
	EXPECT((uintptr_t)text % 64 == 0); /* else the kernel's copies take long: docs/performance.md */
	EXPECT_STR(text, "some text");
	EXPECT_INT((int)length, 9);
	destroy(text);
	EXPECT_INT(aw_file_read_whole(in_folder("a"), 9, &text, NULL, &destroy), 0);
	destroy(text);
	EXPECT_INT(aw_file_read_whole(in_folder("a"), 8, &text, &length, &destroy), -EFBIG);
	EXPECT_INT(aw_file_read_whole(in_folder("none"), 0, &text, &length, &destroy), -ENOENT);
	/* Without a size. */
	EXPECT_INT(aw_file_read_whole("/proc/self/status", 0, &text, &length, &destroy), 0);
	EXPECT(strncmp(text, "Name:", 5) == 0);
	destroy(text);
	EXPECT_INT(aw_file_read_whole("/proc/self/status", 10, &text, &length, &destroy), -EFBIG);
	EXPECT_INT(aw_file_read_whole(folder, 0, &text, &length, &destroy), -EISDIR);
	aw_coro *coro = NULL;
	EXPECT_INT(aw_file_read_whole_coro(NULL, in_folder("a"), 0, &length, &coro), 0);
	EXPECT_INT(aw_await_coro(coro, &text), 0);
	EXPECT_STR(text, "some text");
	aw_coro_unref(coro);
	return 0;
}

static void a_whole_file_is_a_string(void) {
	EXPECT_INT(in_a_folder(whole), 0);
}

static aw_status replaces(void *ud) {
	(void)ud;
	aw_file_info info = {.size = sizeof info};
	EXPECT_INT(aw_file_replace(in_folder("a"), "one", 3, 0640), 0);
	EXPECT_STR(text_of("a"), "one");
	EXPECT_INT(chmod(in_folder("a"), 0604), 0);
	int old = open(in_folder("a"), O_RDONLY | O_CLOEXEC);
	EXPECT_INT(symlink("a", in_folder("link")), 0);
	EXPECT_INT(aw_file_replace(in_folder("link"), "two", 3, 0640), 0);
	EXPECT_STR(text_of("a"), "two");
	char text[8] = "";
	EXPECT_INT((int)read(old, text, 7), 3);
	EXPECT_STR(text, "one");
	close(old);
	EXPECT_INT(aw_path_stat(in_folder("link"), AW_PATH_NOFOLLOW, &info), 0);
	EXPECT_INT(info.kind, AW_FILE_KIND_SYMLINK);
	EXPECT_INT(aw_path_stat(in_folder("a"), 0, &info), 0);
	EXPECT_INT(info.mode, 0604);
	EXPECT_INT(aw_file_replace(folder, "x", 1, 0600), -EISDIR);
	EXPECT_INT(aw_file_replace(in_folder("none/a"), "x", 1, 0600), -ENOENT);
	EXPECT_INT(aw_file_replace(in_folder("a"), NULL, 1, 0600), -EINVAL);
	EXPECT_INT(aw_path_unlink(in_folder("link")), 0);
	EXPECT_INT(aw_path_unlink(in_folder("a")), 0);
	EXPECT_INT(aw_path_rmdir(folder), 0); /* nothing is left */
	return 0;
}

static void a_replaced_file_is_old_or_new(void) {
	EXPECT_INT(in_a_folder(replaces), 0);
}

static aw_status replaces_through_links(void *ud) {
	(void)ud;
	struct stat info;
	EXPECT_INT(mkdir(in_folder("d"), 0700), 0);
	EXPECT_INT(symlink("d/second", in_folder("first")), 0);
	EXPECT_INT(symlink("new", in_folder("d/second")), 0);
	EXPECT_INT(aw_file_replace(in_folder("first"), "new", 3, 0600), 0);
	EXPECT_STR(text_of("d/new"), "new");
	EXPECT(lstat(in_folder("first"), &info) == 0 && S_ISLNK(info.st_mode));
	EXPECT(lstat(in_folder("d/second"), &info) == 0 && S_ISLNK(info.st_mode));
	EXPECT_INT(symlink(in_folder("d/far"), in_folder("absolute")), 0);
	EXPECT_INT(aw_file_replace(in_folder("absolute"), "far", 3, 0600), 0);
	EXPECT_STR(text_of("d/far"), "far");
	EXPECT_INT(symlink("none/a", in_folder("nowhere")), 0);
	EXPECT_INT(aw_file_replace(in_folder("nowhere"), "x", 1, 0600), -ENOENT);
	EXPECT_INT(symlink("circle", in_folder("circle")), 0);
	EXPECT_INT(aw_file_replace(in_folder("circle"), "x", 1, 0600), -ELOOP);
	EXPECT(lstat(in_folder("circle"), &info) == 0 && S_ISLNK(info.st_mode));
	remove_tree(folder);
	return 0;
}

static void a_replace_follows_links_to_new_files(void) {
	EXPECT_INT(in_a_folder(replaces_through_links), 0);
}

static aw_status replaces_a_program(void *ud) {
	(void)ud;
	struct stat info;
	put("a", "old");
	bool is_root = geteuid() == 0;
	if (is_root) EXPECT_INT(chown(in_folder("a"), 1, 1), 0);
	EXPECT_INT(chmod(in_folder("a"), 06755), 0);
	EXPECT_INT(aw_file_replace(in_folder("a"), "new", 3, 0600), 0);
	EXPECT_INT(stat(in_folder("a"), &info), 0);
	EXPECT_INT(info.st_mode & 07777, 0755);
	EXPECT_INT(info.st_uid, is_root ? 1 : geteuid());
	EXPECT_INT(info.st_gid, is_root ? 1 : getegid());
	remove_tree(folder);
	return 0;
}

static void a_replaced_file_keeps_its_owner_and_runs_as_no_other(void) {
	EXPECT_INT(in_a_folder(replaces_a_program), 0);
}

static aw_status replaces_a_pipe(void *ud) {
	(void)ud;
	struct stat info;
	EXPECT_INT(mkfifo(in_folder("pipe"), 0600), 0);
	EXPECT_INT(symlink("pipe", in_folder("link")), 0);
	EXPECT_INT(aw_file_replace(in_folder("pipe"), "x", 1, 0600), -EINVAL);
	EXPECT_INT(aw_file_replace(in_folder("link"), "x", 1, 0600), -EINVAL);
	EXPECT(stat(in_folder("link"), &info) == 0 && S_ISFIFO(info.st_mode));
	EXPECT_INT(aw_path_unlink(in_folder("link")), 0);
	EXPECT_INT(aw_path_unlink(in_folder("pipe")), 0);
	EXPECT_INT(aw_path_rmdir(folder), 0); /* nothing is left */
	return 0;
}

static void a_pipe_or_device_is_not_replaced(void) {
	EXPECT_INT(in_a_folder(replaces_a_pipe), 0);
}

static aw_status temporary(void *ud) {
	(void)ud;
	aw_file *file = NULL;
	char pattern[128], text[8] = "";
	snprintf(pattern, sizeof pattern, "%s/tmp-XXXXXX", folder);
	EXPECT_INT(aw_file_open_temp(pattern, AW_FILE_NAMED, &file), 0);
	EXPECT_INT(access(pattern, R_OK), 0);
	EXPECT_INT(aw_file_write(file, "abc", 3, NULL), 0);
	EXPECT_INT(aw_file_read_at(file, text, sizeof text, 0), 3);
	close_it(file);
	EXPECT_INT(aw_path_unlink(pattern), 0);
	EXPECT_INT(aw_file_open_temp(pattern, AW_FILE_NAMED, &file), -EINVAL);
	EXPECT_INT(aw_file_open_temp(strcpy(pattern, "/nowhere/XXXXXX"), AW_FILE_NAMED, &file), -ENOENT);
	EXPECT_STR(pattern, "/nowhere/XXXXXX");
	aw_status status = aw_file_open_temp(folder, AW_FILE_UNNAMED, &file);
	EXPECT(status == 0 || status == -EOPNOTSUPP);
	if (status < 0) return 0;
	EXPECT_INT(aw_file_write(file, "abc", 3, NULL), 0);
	close_it(file);
	EXPECT_INT(aw_path_rmdir(folder), 0);
	return 0;
}

static void temporary_files_have_a_new_name_or_none(void) {
	EXPECT_INT(in_a_folder(temporary), 0);
}

CHECK_MAIN("paths", TEST(parts_are_read_and_written_in_order), TEST(parts_without_bytes_are_not_the_end),
           TEST(a_file_has_a_size_and_a_position), TEST(names_are_made_changed_and_removed),
           TEST(directories_are_made_with_those_above), TEST(a_whole_file_is_a_string),
           TEST(a_replaced_file_is_old_or_new), TEST(a_replace_follows_links_to_new_files),
           TEST(a_replaced_file_keeps_its_owner_and_runs_as_no_other), TEST(a_pipe_or_device_is_not_replaced),
           TEST(temporary_files_have_a_new_name_or_none))
