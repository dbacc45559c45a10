/* SPDX-License-Identifier: MIT */
/* Labels: backends valgrind threads */
/* Watching: every change is reported once, renames in one event, and a tree loses nothing to races. */
#include "file/folder.h"

#include <dlfcn.h>

/* What is made when the library is about to read a directory, which it watches already; or NULL. */
static const char *made_before_reading;

/* How many directories can be read before one can't be; -1: all. */
static int readable = -1;

/* Replaces the system's, also for the library. */
__attribute__((visibility("default"))) DIR *fdopendir(int fd) {
	DIR *(*real)(int) = NULL;
	*(void **)&real = dlsym(RTLD_NEXT, "fdopendir");
	const char *name = made_before_reading;
	made_before_reading = NULL;
	if (name) put(name, "");
	if (readable == 0) {
		errno = EMFILE;
		return NULL;
	}
	readable -= readable > 0;
	return real(fd);
}

static void add(aw_watch *watch, const char *name, uint32_t kinds, uint32_t flags) {
	EXPECT_INT(aw_watch_add(watch, *name ? in_folder(name) : folder, kinds, flags), 0);
}

static aw_watch *watch_new(uint32_t kinds, uint32_t flags) {
	aw_watch *watch = NULL;
	EXPECT_INT(aw_watch_new(NULL, &watch), 0);
	add(watch, "", kinds, flags);
	return watch;
}

static const char *short_path(const char *path) {
	if (!path) return "-";
	return path[strlen(folder)] ? path + strlen(folder) + 1 : ".";
}

/* Appends the next event to the trace: its letters, "/" for a directory, and the paths. */
static uint32_t next_event(aw_watch *watch) {
	aw_watch_event *event = NULL;
	char text[600];
	aw_status status = aw_watch_next(watch, &event);
	if (status < 0) {
		trace_status("next", status);
		return 0;
	}
	static const char letters[] = "CHWARMGOF";
	size_t length = 0;
	for (size_t i = 0; letters[i]; i++)
		if (event->kinds & (1u << i)) text[length++] = letters[i];
	if (event->is_directory) text[length++] = '/';
	snprintf(text + length, sizeof text - length, ":%s%s%s",
	         event->old_path ? short_path(event->old_path) : "", event->old_path ? ">" : "",
	         short_path(event->path));
	trace_add(text);
	uint32_t kinds = event->kinds;
	EXPECT_INT(event->error, 0);
	aw_watch_event_free(event);
	return kinds;
}

/* Appends events until that of a directory that is made for it, which is left out. */
static void events_until_end(aw_watch *watch, const char *dir) {
	static int number;
	char name[300], last[310];
	snprintf(name, sizeof name, "%s%send%d", dir, *dir ? "/" : "", number++);
	int size = snprintf(last, sizeof last, "C/:%s", name);
	EXPECT_INT(mkdir(in_folder(name), 0700), 0);
	for (int i = 0; i < 100; i++) {
		next_event(watch);
		size_t length = strlen(trace);
		if (length < (size_t)size || strcmp(trace + length - size, last) != 0) continue;
		trace[length > (size_t)size ? length - (size_t)size - 1 : 0] = 0;
		return;
	}
	EXPECT_STR(trace, last); /* it has not come */
}

static aw_status changes(void *ud) {
	(void)ud;
	aw_watch *watch = watch_new(AW_WATCH_ALL, AW_WATCH_PATH);
	put("a", "x");
	events_until_end(watch, "");
	EXPECT_STR(trace, "C:a H:a W:a");
	trace_reset();
	EXPECT_INT(chmod(in_folder("a"), 0640), 0);
	EXPECT_INT(rename(in_folder("a"), in_folder("b")), 0);
	EXPECT_INT(truncate(in_folder("b"), 0), 0);
	EXPECT_INT(unlink(in_folder("b")), 0);
	EXPECT_INT(mkdir(in_folder("d"), 0700), 0);
	put("d/inner", "x"); /* not watched */
	events_until_end(watch, "");
	EXPECT_STR(trace, "A:a M:a>b H:b R:b C/:d");
	aw_watch_unref(watch);
	return 0;
}

static void what_happens_is_reported_in_order(void) {
	EXPECT_INT(in_a_folder(changes), 0);
}

static aw_status kinds(void *ud) {
	(void)ud;
	aw_watch *watch = watch_new(AW_WATCH_CREATED | AW_WATCH_REMOVED, AW_WATCH_PATH);
	put("a", "x");
	EXPECT_INT(rename(in_folder("a"), in_folder("b")), 0);
	EXPECT_INT(unlink(in_folder("b")), 0);
	events_until_end(watch, "");
	EXPECT_STR(trace, "C:a R:b");
	EXPECT_INT(aw_watch_add(watch, folder, 0, 0), -EINVAL);
	EXPECT_INT(aw_watch_add(watch, folder, AW_WATCH_GONE, 0), -EINVAL);
	EXPECT_INT(aw_watch_add(watch, in_folder("none"), AW_WATCH_ALL, 0), -ENOENT);
	EXPECT(strstr(aw_error_message(aw_caught()), "/none: ") != NULL);
	EXPECT_INT(aw_watch_remove(watch, in_folder("none")), -ENOENT);
	EXPECT_INT(aw_watch_remove(watch, folder), 0);
	EXPECT_INT(aw_watch_remove(watch, folder), -ENOENT);
	put("c", "");
	add(watch, "", AW_WATCH_ALL, AW_WATCH_PATH);
	trace_reset();
	events_until_end(watch, "");
	EXPECT_STR(trace, "");
	aw_watch_unref(watch);
	return 0;
}

static void only_the_kinds_that_were_asked_for_are_reported(void) {
	EXPECT_INT(in_a_folder(kinds), 0);
}

static aw_status directories(void *ud) {
	(void)ud;
	aw_watch *watch = NULL;
	static const char *const names[] = {"removed", "removed_tree", "renamed", "renamed_tree"};
	EXPECT_INT(aw_watch_new(NULL, &watch), 0);
	for (int i = 0; i < 4; i++) {
		EXPECT_INT(mkdir(in_folder(names[i]), 0700), 0);
		add(watch, names[i], AW_WATCH_REMOVED | AW_WATCH_MOVED, i % 2 ? AW_WATCH_TREE : AW_WATCH_PATH);
	}
	EXPECT_INT(rmdir(in_folder("removed")), 0);
	next_event(watch);
	EXPECT_INT(rmdir(in_folder("removed_tree")), 0);
	next_event(watch);
	EXPECT_INT(rename(in_folder("renamed"), in_folder("a")), 0);
	next_event(watch);
	EXPECT_INT(rename(in_folder("renamed_tree"), in_folder("b")), 0);
	next_event(watch);
	EXPECT_STR(trace, "RG/:removed RG/:removed_tree MG/:renamed MG/:renamed_tree");
	aw_watch_unref(watch);
	return 0;
}

static void a_directory_that_goes_is_reported_as_one(void) {
	EXPECT_INT(in_a_folder(directories), 0);
}

static aw_status trees_in_trees(void *ud) {
	(void)ud;
	EXPECT_INT(mkdir(in_folder("a"), 0700), 0);
	EXPECT_INT(mkdir(in_folder("a/b"), 0700), 0);
	EXPECT_INT(mkdir(in_folder("a/b/c"), 0700), 0);
	aw_watch *watch = NULL;
	EXPECT_INT(aw_watch_new(NULL, &watch), 0);
	add(watch, "a/b", AW_WATCH_CREATED, AW_WATCH_TREE);
	add(watch, "", AW_WATCH_CREATED, AW_WATCH_TREE);
	EXPECT_INT(aw_watch_remove(watch, folder), 0);
	put("a/unseen", "");
	put("a/b/c/inner", "");
	next_event(watch);
	EXPECT_STR(trace, "C:a/b/c/inner");
	add(watch, "", AW_WATCH_CREATED, AW_WATCH_TREE);
	EXPECT_INT(aw_watch_remove(watch, in_folder("a/b")), 0);
	EXPECT_INT(aw_watch_remove(watch, in_folder("a/b")), -ENOENT);
	put("a/b/outer", "");
	put("a/b/c/outer", "");
	trace_reset();
	next_event(watch);
	next_event(watch);
	EXPECT_STR(trace, "C:a/b/outer C:a/b/c/outer");
	aw_watch_unref(watch);
	return 0;
}

static void a_tree_ends_without_those_in_and_around_it(void) {
	EXPECT_INT(in_a_folder(trees_in_trees), 0);
}

static aw_status moved_in_trees(void *ud) {
	(void)ud;
	EXPECT_INT(mkdir(in_folder("tree"), 0700), 0);
	EXPECT_INT(mkdir(in_folder("tree/a"), 0700), 0);
	aw_watch *watch = NULL;
	EXPECT_INT(aw_watch_new(NULL, &watch), 0);
	add(watch, "tree", AW_WATCH_CREATED | AW_WATCH_MOVED, AW_WATCH_TREE);
	add(watch, "tree/a", AW_WATCH_CREATED, AW_WATCH_PATH);
	EXPECT_INT(rename(in_folder("tree/a"), in_folder("tree/b")), 0);
	next_event(watch);
	next_event(watch);
	EXPECT_STR(trace, "M/:tree/a>tree/b MG/:tree/a");
	put("tree/b/file", "");
	trace_reset();
	next_event(watch);
	EXPECT_STR(trace, "C:tree/b/file");
	add(watch, "tree/b", AW_WATCH_CREATED, AW_WATCH_PATH);
	EXPECT_INT(rename(in_folder("tree/b"), in_folder("away")), 0);
	trace_reset();
	next_event(watch);
	next_event(watch);
	EXPECT_STR(trace, "RM/:tree/b MG/:tree/b");
	put("away/unseen", "");
	put("tree/last", "");
	trace_reset();
	next_event(watch);
	EXPECT_STR(trace, "C:tree/last");
	aw_watch_unref(watch);
	return 0;
}

static void an_added_path_that_moves_within_a_tree_is_gone_from_there(void) {
	EXPECT_INT(in_a_folder(moved_in_trees), 0);
}

static aw_status failures(void *ud) {
	(void)ud;
	EXPECT_INT(mkdir(in_folder("a"), 0700), 0);
	EXPECT_INT(mkdir(in_folder("a/b"), 0700), 0);
	aw_watch *watch = NULL;
	EXPECT_INT(aw_watch_new(NULL, &watch), 0);
	add(watch, "a", AW_WATCH_CREATED, AW_WATCH_PATH);
	readable = 1;
	EXPECT_INT(aw_watch_add(watch, folder, AW_WATCH_CREATED, AW_WATCH_TREE), -EMFILE);
	readable = 1;
	EXPECT_INT(aw_watch_add(watch, in_folder("a"), AW_WATCH_CREATED, AW_WATCH_TREE), -EMFILE);
	readable = -1;
	put("unseen", "");
	put("a/b/unseen", "");
	put("a/seen", "");
	next_event(watch);
	EXPECT_STR(trace, "C:a/seen");
	aw_watch_unref(watch);
	return 0;
}

static void what_can_not_be_added_leaves_nothing_watched(void) {
	EXPECT_INT(in_a_folder(failures), 0);
}

static aw_status one_file(void *ud) {
	(void)ud;
	aw_watch *watch = NULL;
	put("a", "x");
	EXPECT_INT(aw_watch_new(NULL, &watch), 0);
	add(watch, "a", AW_WATCH_CHANGED | AW_WATCH_REMOVED, AW_WATCH_PATH);
	EXPECT_INT(truncate(in_folder("a"), 0), 0);
	next_event(watch);
	EXPECT_INT(unlink(in_folder("a")), 0);
	next_event(watch);
	EXPECT_STR(trace, "H:a RG:a");
	put("a", "x");
	add(watch, "a", AW_WATCH_CHANGED, AW_WATCH_PATH);
	EXPECT_INT(rename(in_folder("a"), in_folder("b")), 0);
	trace_reset();
	next_event(watch);
	EXPECT_STR(trace, "MG:a");
	EXPECT_INT(aw_watch_remove(watch, in_folder("a")), -ENOENT);
	EXPECT_INT(aw_watch_add(watch, in_folder("b"), AW_WATCH_ALL, AW_WATCH_TREE), -ENOTDIR);
	aw_watch_unref(watch);
	return 0;
}

static void a_file_that_goes_is_not_watched_any_more(void) {
	EXPECT_INT(in_a_folder(one_file), 0);
}

/* --- trees --- */

static aw_status between(void *ud) {
	(void)ud;
	aw_watch *watch = watch_new(AW_WATCH_CREATED, AW_WATCH_TREE);
	EXPECT_INT(mkdir(in_folder("d"), 0700), 0);
	made_before_reading = "d/between"; /* found by reading, and an event besides */
	events_until_end(watch, "");
	EXPECT_STR(trace, "C/:d C:d/between");
	EXPECT(!made_before_reading);
	EXPECT_INT(unlink(in_folder("d/between")), 0);
	put("d/between", ""); /* another one */
	trace_reset();
	events_until_end(watch, "");
	EXPECT_STR(trace, "C:d/between");
	aw_watch_unref(watch);
	return 0;
}

static void what_appears_before_a_directory_is_read_is_reported_once(void) {
	EXPECT_INT(in_a_folder(between), 0);
}

static const uint32_t names = AW_WATCH_CREATED | AW_WATCH_REMOVED | AW_WATCH_MOVED;

static aw_status tree(void *ud) {
	(void)ud;
	EXPECT_INT(mkdir(in_folder("d"), 0700), 0);
	put("d/old", "");
	aw_watch *watch = watch_new(names, AW_WATCH_TREE);
	put("d/new", "");
	EXPECT_INT(mkdir(in_folder("d/e"), 0700), 0);
	EXPECT_INT(mkdir(in_folder("d/e/f"), 0700), 0);
	put("d/e/f/deep", "");
	events_until_end(watch, "");
	/* Found by reading, since nobody has looked until now; once each. */
	EXPECT_STR(trace, "C:d/new C/:d/e C/:d/e/f C:d/e/f/deep");
	trace_reset();
	put("d/e/f/deeper", "");
	EXPECT_INT(rename(in_folder("d/e"), in_folder("x")), 0);
	put("x/f/moved", "");
	EXPECT_INT(unlink(in_folder("x/f/moved")), 0);
	events_until_end(watch, "x/f");
	EXPECT_STR(trace, "C:d/e/f/deeper M/:d/e>x C:x/f/moved R:x/f/moved");
	aw_watch_unref(watch);
	return 0;
}

static void a_tree_grows_and_moves(void) {
	EXPECT_INT(in_a_folder(tree), 0);
}

static aw_status borders(void *ud) {
	(void)ud;
	aw_watch *watch = NULL;
	EXPECT_INT(mkdir(in_folder("in"), 0700), 0);
	EXPECT_INT(mkdir(in_folder("out"), 0700), 0);
	EXPECT_INT(mkdir(in_folder("out/d"), 0700), 0);
	put("out/d/a", "");
	put("out/b", "");
	EXPECT_INT(aw_watch_new(NULL, &watch), 0);
	add(watch, "in", names, AW_WATCH_TREE);
	EXPECT_INT(rename(in_folder("out/d"), in_folder("in/d")), 0);
	EXPECT_INT(rename(in_folder("out/b"), in_folder("in/b")), 0);
	events_until_end(watch, "in");
	EXPECT_STR(trace, "CM/:in/d C:in/d/a CM:in/b");
	trace_reset();
	EXPECT_INT(rename(in_folder("in/d"), in_folder("out/d")), 0);
	put("out/d/unseen", "");
	events_until_end(watch, "in");
	EXPECT_STR(trace, "RM/:in/d");
	aw_watch_unref(watch);
	return 0;
}

static void what_moves_over_the_border_comes_or_goes(void) {
	EXPECT_INT(in_a_folder(borders), 0);
}

static aw_status write_deep(void *ud) {
	(void)ud;
	char name[64];
	for (int i = 0; i < 60; i++) {
		snprintf(name, sizeof name, "d%d", i);
		if (mkdir(in_folder(name), 0700) < 0) return -errno;
		for (int j = 0; j < 4; j++) {
			snprintf(name, sizeof name, "d%d/f%d", i, j);
			put(name, "");
		}
		snprintf(name, sizeof name, "d%d/s", i);
		if (mkdir(in_folder(name), 0700) < 0) return -errno;
		snprintf(name, sizeof name, "d%d/s/g", i);
		put(name, "");
	}
	return 0;
}

static aw_status work_write_deep(void *ud, void **out, aw_destroy_fn *out_destroy) {
	(void)out;
	(void)out_destroy;
	return write_deep(ud);
}

static aw_status races(void *ud) {
	(void)ud;
	enum { EVENTS = 60 * 7 };
	aw_watch *watch = watch_new(AW_WATCH_CREATED, AW_WATCH_TREE);
	aw_future *writer = NULL;
	EXPECT_INT(aw_loop_run_in_executor(NULL, NULL, work_write_deep, NULL, NULL, &writer), 0);
	static char seen[EVENTS][300];
	int count = 0, twice = 0;
	while (count < EVENTS) {
		aw_watch_event *event = NULL;
		if (aw_watch_next(watch, &event) < 0) break;
		for (int i = 0; i < count; i++) twice += strcmp(seen[i], event->path) == 0;
		snprintf(seen[count++], sizeof seen[0], "%s", event->path);
		aw_watch_event_free(event);
	}
	EXPECT_INT(count, EVENTS);
	EXPECT_INT(twice, 0);
	EXPECT_INT(aw_await(writer, NULL), 0);
	aw_future_unref(writer);
	trace_reset();
	events_until_end(watch, "d59/s");
	EXPECT_STR(trace, "");
	aw_watch_unref(watch);
	return 0;
}

static void every_file_is_reported_once_while_a_tree_grows(void) {
	EXPECT_INT(in_a_folder(races), 0);
}

/* --- waiting --- */

static aw_status wait_for_one(void *watch) {
	aw_watch_event *event = NULL;
	aw_status status = aw_watch_next(watch, &event);
	if (status == 0) trace_add(short_path(event->path));
	aw_watch_event_free(event);
	return status;
}

static aw_status cancels(void *ud) {
	(void)ud;
	aw_watch *watch = watch_new(AW_WATCH_CREATED, AW_WATCH_TREE);
	char name[16];
	int turns = 0;
	for (; turns < 30; turns++) {
		aw_future *task = spawn(wait_for_one, watch);
		EXPECT_INT(aw_sleep(0), 0);
		snprintf(name, sizeof name, "f%d", turns);
		put(name, "");
		for (int i = 0; i < turns % 10; i++) EXPECT_INT(aw_sleep(0), 0);
		IGNORED(aw_future_cancel(task, NULL));
		IGNORED(aw_await(task, NULL));
		aw_future_unref(task);
	}
	for (int i = 0; i < turns; i++) {
		if (strstr(trace, "f29")) break;
		EXPECT_INT(wait_for_one(watch), 0);
	}
	char expected[300] = "";
	for (int i = 0; i < turns; i++) snprintf(expected + strlen(expected), 8, "%sf%d", i ? " " : "", i);
	EXPECT_STR(trace, expected);
	aw_watch_unref(watch);
	return 0;
}

static void a_cancelled_wait_loses_no_event(void) {
	EXPECT_INT(in_a_folder(cancels), 0);
}

static aw_status coroutines(void *ud) {
	(void)ud;
	aw_watch *watch = NULL;
	aw_coro *coro = NULL;
	EXPECT_INT(aw_watch_new(NULL, &watch), 0);
	EXPECT_INT(aw_watch_add_coro(watch, folder, AW_WATCH_CREATED, 0, &coro), 0);
	EXPECT_INT(aw_await_coro(coro, NULL), 0);
	aw_coro_unref(coro);
	put("a", "");
	void *item = NULL;
	EXPECT_INT(aw_watch_next_coro(watch, &coro), 0);
	EXPECT_INT(aw_await_coro(coro, &item), 0);
	EXPECT_STR(short_path(((aw_watch_event *)item)->path), "a");
	aw_coro_unref(coro); /* and the event with it */
	EXPECT_INT(aw_watch_remove_coro(watch, folder, &coro), 0);
	EXPECT_INT(aw_await_coro(coro, NULL), 0);
	aw_coro_unref(coro);
	/* Never awaited, and dropped while it waits. */
	EXPECT_INT(aw_watch_next_coro(watch, &coro), 0);
	aw_future *task = spawn(wait_for_one, watch);
	aw_watch_event *event = NULL;
	EXPECT_INT(aw_sleep(0), 0);
	EXPECT_INT(aw_watch_next(watch, &event), -EBUSY);
	aw_watch_unref(watch);
	EXPECT_INT(aw_future_cancel(task, NULL), 1);
	EXPECT_INT(aw_await(task, NULL), AW_ECANCELLED);
	aw_future_unref(task);
	aw_task *last = NULL;
	EXPECT_INT(aw_task_spawn_coro(NULL, coro, &last), 0);
	aw_coro_unref(coro);
	EXPECT_INT(aw_task_cancel(last, NULL), 1);
	EXPECT_INT(aw_await(aw_task_future(last), NULL), AW_ECANCELLED);
	aw_task_unref(last);
	return 0;
}

static void each_call_is_a_coroutine_too(void) {
	EXPECT_INT(in_a_folder(coroutines), 0);
}

/* --- overflow --- */

static int queue_limit(void) {
	int limit = 0;
	FILE *file = fopen("/proc/sys/fs/inotify/max_queued_events", "re");
	if (file && fscanf(file, "%d", &limit) != 1) limit = 0;
	if (file) fclose(file);
	return limit;
}

static aw_status overflow(void *ud) {
	(void)ud;
	aw_watch *watch = watch_new(AW_WATCH_CREATED | AW_WATCH_ATTRIBUTES, AW_WATCH_TREE);
	put("a", "");
	put("b", "");
	for (int i = queue_limit() / 2 + 10; i; i--) {
		EXPECT_INT(chmod(in_folder("a"), 0600), 0);
		EXPECT_INT(chmod(in_folder("b"), 0600), 0);
	}
	EXPECT_INT(mkdir(in_folder("lost"), 0700), 0);
	put("lost/inner", "");
	aw_watch_event *event = NULL;
	bool overflowed = false, found = false;
	while (!found && aw_watch_next(watch, &event) == 0) {
		overflowed = overflowed || event->kinds & AW_WATCH_OVERFLOW;
		if (event->kinds & AW_WATCH_OVERFLOW) EXPECT(!event->path);
		found = event->path && strstr(event->path, "/lost/inner");
		aw_watch_event_free(event);
	}
	EXPECT(overflowed);
	EXPECT(found);
	trace_reset();
	events_until_end(watch, "lost");
	EXPECT_STR(trace, "");
	aw_watch_unref(watch);
	return 0;
}

static void an_overflow_is_an_event_and_loses_no_directory(void) {
	int limit = queue_limit();
	if (limit <= 0 || limit > 100000) SKIP("the system's queue of events is too long to fill");
	EXPECT_INT(in_a_folder(overflow), 0);
}

CHECK_MAIN("watches", TEST(what_happens_is_reported_in_order),
           TEST(only_the_kinds_that_were_asked_for_are_reported),
           TEST(a_file_that_goes_is_not_watched_any_more), TEST(a_directory_that_goes_is_reported_as_one),
           TEST(a_tree_ends_without_those_in_and_around_it),
           TEST(an_added_path_that_moves_within_a_tree_is_gone_from_there),
           TEST(what_can_not_be_added_leaves_nothing_watched),
           TEST(what_appears_before_a_directory_is_read_is_reported_once), TEST(a_tree_grows_and_moves),
           TEST(what_moves_over_the_border_comes_or_goes),
           TEST(every_file_is_reported_once_while_a_tree_grows), TEST(a_cancelled_wait_loses_no_event),
           TEST(each_call_is_a_coroutine_too), TEST(an_overflow_is_an_event_and_loses_no_directory))
