/* SPDX-License-Identifier: MIT */
/* Labels: backends valgrind */
/* The walk through directories: every entry once, a directory before what is in it, and none lost by a cancel. */
#include "file/folder.h"

#include <sys/resource.h>

static char found[64][300];
static int found_count;

static int position_of(const char *name) {
	for (int i = 0; i < found_count; i++)
		if (strcmp(found[i], name) == 0) return i;
	return -1;
}

static aw_status take(aw_iterator *walk) {
	void *item = NULL;
	aw_destroy_fn destroy = NULL;
	aw_status status = aw_iterator_next(walk, &item, &destroy);
	if (status < 0) return status;
	const aw_walk_entry *entry = item;
	EXPECT(strncmp(entry->path, folder, strlen(folder)) == 0);
	snprintf(found[found_count++], sizeof found[0], "%s%s%u", entry->path + strlen(folder) + 1,
	         entry->kind == AW_FILE_KIND_DIRECTORY ? "/"
	         : entry->kind == AW_FILE_KIND_SYMLINK ? "@"
	                                               : "=",
	         entry->depth);
	EXPECT(strcmp(entry->name, strrchr(entry->path, '/') + 1) == 0);
	EXPECT_INT(entry->error, 0);
	destroy(item);
	return 0;
}

static void walk_all(uint32_t depth) {
	aw_iterator *walk = NULL;
	found_count = 0;
	EXPECT_INT(aw_walk_new(NULL, folder, depth, &walk), 0);
	aw_status status;
	while ((status = take(walk)) == 0 && found_count < 60) continue;
	EXPECT_INT(status, AW_ESTOPITERATION);
	EXPECT_INT(take(walk), AW_ESTOPITERATION);
	aw_iterator_unref(walk);
}

static void make_tree(void) {
	EXPECT_INT(mkdir(in_folder("d"), 0700), 0);
	EXPECT_INT(mkdir(in_folder("d/e"), 0700), 0);
	EXPECT_INT(mkdir(in_folder("empty"), 0700), 0);
	put("a", "");
	put("d/b", "");
	put("d/e/c", "");
	EXPECT_INT(symlink("d", in_folder("link")), 0);
}

static aw_status tree(void *ud) {
	(void)ud;
	make_tree();
	walk_all(AW_WALK_ALL);
	EXPECT_INT(found_count, 7);
	EXPECT(position_of("a=0") >= 0 && position_of("empty/0") >= 0 && position_of("link@0") >= 0);
	EXPECT(position_of("d/0") >= 0);
	EXPECT(position_of("d/b=1") > position_of("d/0"));
	EXPECT(position_of("d/e/1") > position_of("d/0"));
	EXPECT(position_of("d/e/c=2") > position_of("d/e/1"));
	walk_all(0);
	EXPECT_INT(found_count, 4);
	walk_all(1);
	EXPECT_INT(found_count, 6);
	return 0;
}

static void each_entry_comes_once_after_its_directory(void) {
	EXPECT_INT(in_a_folder(tree), 0);
}

static aw_status many(void *ud) {
	(void)ud;
	char name[32];
	for (int i = 0; i < 1000; i++) {
		snprintf(name, sizeof name, "file-%d", i);
		put(name, "");
	}
	aw_iterator *walk = NULL;
	EXPECT_INT(aw_walk_new(NULL, folder, AW_WALK_ALL, &walk), 0);
	int count = 0;
	while (found_count = 0, take(walk) == 0) count++;
	EXPECT_INT(count, 1000);
	aw_iterator_unref(walk);
	return 0;
}

static void a_large_directory_is_complete(void) {
	EXPECT_INT(in_a_folder(many), 0);
}

static aw_status take_one(void *walk) {
	return take(walk);
}

static aw_status cancels(void *ud) {
	(void)ud;
	make_tree();
	for (int turns = 0; turns < 6; turns++) {
		aw_iterator *walk = NULL;
		EXPECT_INT(aw_walk_new(NULL, folder, AW_WALK_ALL, &walk), 0);
		found_count = 0;
		aw_future *task = spawn(take_one, walk);
		for (int i = 0; i < turns; i++) EXPECT_INT(aw_sleep(0), 0);
		IGNORED(aw_future_cancel(task, NULL));
		IGNORED(aw_await(task, NULL));
		aw_future_unref(task);
		while (take(walk) == 0 && found_count < 60) continue;
		EXPECT_INT(found_count, 7);
		aw_iterator_unref(walk);
	}
	return 0;
}

static void a_cancelled_item_is_not_lost(void) {
	EXPECT_INT(in_a_folder(cancels), 0);
}

static aw_status errors(void *ud) {
	(void)ud;
	aw_iterator *walk = NULL;
	EXPECT_INT(aw_walk_new(NULL, "", 0, &walk), -EINVAL);
	EXPECT_INT(aw_walk_new(NULL, in_folder("none"), 0, &walk), 0);
	found_count = 0;
	EXPECT_INT(take(walk), -ENOENT);
	EXPECT(strstr(aw_error_message(aw_caught()), "/none: ") != NULL);
	EXPECT_INT(mkdir(in_folder("none"), 0700), 0);
	EXPECT_INT(take(walk), AW_ESTOPITERATION);
	aw_iterator_unref(walk);
	put("a", "");
	EXPECT_INT(aw_walk_new(NULL, folder, AW_WALK_ALL, &walk), 0);
	aw_future *first = spawn(take_one, walk), *second = spawn(take_one, walk);
	EXPECT_INT(aw_await(first, NULL), 0);
	EXPECT_INT(aw_await(second, NULL), -EBUSY);
	aw_future_unref(first);
	aw_future_unref(second);
	aw_iterator_unref(walk); /* with entries left */
	return 0;
}

static void errors_come_with_the_item(void) {
	EXPECT_INT(in_a_folder(errors), 0);
}

static aw_status unreadable(void *ud) {
	(void)ud;
	EXPECT_INT(mkdir(in_folder("d"), 0700), 0);
	put("d/a", "");
	aw_iterator *walk = NULL;
	void *item = NULL;
	aw_destroy_fn destroy = NULL;
	struct rlimit before, small;
	EXPECT_INT(getrlimit(RLIMIT_NOFILE, &before), 0);
	EXPECT_INT(aw_walk_new(NULL, folder, AW_WALK_ALL, &walk), 0);
	/* One descriptor is left for the walk's own directory, and none for a second one: never both are open. */
	aw_file_info info = {.size = sizeof info};
	EXPECT_INT(aw_path_stat(folder, 0, &info), 0); /* threads may need a descriptor at first */
	small = before;
	int next = dup(0);
	close(next);
	small.rlim_cur = (rlim_t)next + 1;
	EXPECT_INT(setrlimit(RLIMIT_NOFILE, &small), 0);
	EXPECT_INT(aw_iterator_next(walk, &item, &destroy), 0);
	destroy(item);
	EXPECT_INT(aw_iterator_next(walk, &item, &destroy), 0);
	EXPECT_STR(((aw_walk_entry *)item)->name, "a");
	destroy(item);
	EXPECT_INT(setrlimit(RLIMIT_NOFILE, &before), 0);
	aw_iterator_unref(walk);
	if (geteuid() == 0) return 0; /* root reads everything */
	EXPECT_INT(chmod(in_folder("d"), 0), 0);
	EXPECT_INT(aw_walk_new(NULL, folder, AW_WALK_ALL, &walk), 0);
	for (int i = 0; i < 2; i++) {
		EXPECT_INT(aw_iterator_next(walk, &item, &destroy), 0);
		EXPECT_INT(((aw_walk_entry *)item)->error, i ? -EACCES : 0);
		destroy(item);
	}
	EXPECT_INT(chmod(in_folder("d"), 0700), 0);
	aw_iterator_unref(walk);
	return 0;
}

static void an_unreadable_directory_is_an_entry(void) {
	EXPECT_INT(in_a_folder(unreadable), 0);
}

CHECK_MAIN("walks", TEST(each_entry_comes_once_after_its_directory), TEST(a_large_directory_is_complete),
           TEST(a_cancelled_item_is_not_lost), TEST(errors_come_with_the_item),
           TEST(an_unreadable_directory_is_an_entry))
