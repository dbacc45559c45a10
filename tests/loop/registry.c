/* SPDX-License-Identifier: MIT */
/* Labels: internal */
/*
 * Finding and loading backends: the built-ins, plug-ins good and broken, preferences, and what the list and
 * the explanations say. The plug-ins of tests/plugins are found in the folder AWAIT_TEST_PLUGINS, as
 * libawait-backend-NAME.so.
 */
#include <await/backend.h>
#include <await/error.h>
#include <await/loop.h>
#include <await/registry.h>
#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "check.h"

static char own[64] = "/tmp/await-registry-XXXXXX"; /* a folder for files made here */
static char program[PATH_MAX];
static const char *given; /* AWAIT_TEST_PLUGINS */

/* ---- helpers ---- */

static void own_path(char *out, const char *name) {
	snprintf(out, PATH_MAX, "%s/libawait-backend-%s.so", own, name);
}

static void own_file(const char *name, const void *content, size_t length) {
	char path[PATH_MAX];
	own_path(path, name);
	FILE *file = fopen(path, "wb");
	REQUIRE(file != NULL);
	EXPECT_INT(fwrite(content, 1, length, file), length);
	fclose(file);
}

static size_t plugin_bytes(const char *name, char *out, size_t room) {
	char path[PATH_MAX];
	snprintf(path, sizeof path, "%s/libawait-backend-%s.so", given, name);
	FILE *file = fopen(path, "rb");
	size_t n = file ? fread(out, 1, room, file) : 0;
	if (file) fclose(file);
	return n;
}

static void search_in(const char *folders) {
	if (folders)
		setenv("AWAIT_BACKEND_PATH", folders, 1);
	else
		unsetenv("AWAIT_BACKEND_PATH");
}

static char said[2048];

static aw_status explain(const char *names) {
	memset(said, '#', sizeof said);
	aw_status status = aw_backend_explain(names, said, sizeof said);
	EXPECT(memchr(said, 0, sizeof said) != NULL);
	return status;
}

static int says(const char *what) {
	int is = strstr(said, what) != NULL;
	if (!is) printf("\n    \"%s\" says nothing of \"%s\"\n", said, what);
	return is;
}

/* A backend that fails reports the reason, returns no loop, and the next one of a list is tried. */
static void expect_broken(const char *name, aw_status status, const char *why) {
	char list[128];
	EXPECT_INT(explain(name), status);
	EXPECT(says(name) && says(why));
	aw_loop *loop = NULL;
	EXPECT_INT(aw_loop_new(name, &loop), status);
	EXPECT(loop == NULL);
	snprintf(list, sizeof list, "%s,epoll", name);
	EXPECT_INT(explain(list), 0);
	EXPECT(strncmp(said, "epoll: ", 7) == 0);
}

/* ---- choosing ---- */

static void the_built_ins_are_always_there(void) {
	search_in(NULL);
	unsetenv("AWAIT_BACKEND");
	EXPECT_INT(explain("epoll"), 0);
	EXPECT(says("epoll: ") && says("built in"));
	EXPECT_INT(explain("virtual"), 0);
	EXPECT(strncmp(said, "virtual: ", 9) == 0);
	EXPECT_INT(explain(NULL), 0);
	EXPECT(strncmp(said, "epoll: ", 7) == 0);
}

static void the_environment_names_the_default(void) {
	search_in(given);
	setenv("AWAIT_BACKEND", "refuses,good", 1);
	EXPECT_INT(explain(NULL), 0);
	EXPECT(strncmp(said, "good: ", 6) == 0);
	EXPECT_INT(explain("virtual"), 0);
	EXPECT(strncmp(said, "virtual: ", 9) == 0);
	setenv("AWAIT_BACKEND", "nowhere", 1);
	EXPECT_INT(explain(NULL), AW_ENOBACKEND);
	EXPECT(says("AWAIT_BACKEND") && says("nowhere"));
	setenv("AWAIT_BACKEND", "", 1);
	EXPECT_INT(explain(NULL), 0);
	EXPECT(strncmp(said, "epoll: ", 7) == 0);
	unsetenv("AWAIT_BACKEND");
}

static void a_name_is_no_path(void) {
	static const char *const bad[] = {
		"",       ",",       "epoll,",       ",epoll",        "epoll,,virtual",
		"Epoll",  "../good", "good/..",      "good.so",       " epoll",
		"epoll ", "e poll",  "ep\xc3\xb6ll", "epoll;virtual", "./libawait-backend-good.so"};
	search_in(given);
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		EXPECT_INT(explain(bad[i]), -EINVAL);
		EXPECT(says("not a backend's name"));
	}
	char lengthy[20000];
	memset(lengthy, 'a', sizeof lengthy);
	lengthy[sizeof lengthy - 1] = 0;
	EXPECT_INT(explain(lengthy), -EINVAL);
	*lengthy = '/';
	EXPECT_INT(explain(lengthy), -EINVAL);
}

static void a_preference_takes_the_first_that_is_usable(void) {
	search_in(given);
	EXPECT_INT(explain("good,epoll"), 0);
	EXPECT(strncmp(said, "good: ", 6) == 0);
	EXPECT_INT(explain("nowhere,other_abi,refuses,good,epoll"), 0);
	EXPECT(strncmp(said, "good: ", 6) == 0);
	EXPECT_INT(explain("nowhere,refuses"), AW_ENOBACKEND);
	EXPECT(says("nowhere: no such backend: looked in ") && says(given) && says("; refuses: it is raining"));
}

static void a_path_is_loaded_as_it_is(void) {
	char path[PATH_MAX];
	search_in(NULL);
	snprintf(path, sizeof path, "%s/libawait-backend-good.so", given);
	EXPECT_INT(explain(path), 0);
	EXPECT(strncmp(said, "good: ", 6) == 0 && says(path));
	/* Under any file name. */
	snprintf(path, sizeof path, "%s/libawait-backend-misnamed.so", given);
	EXPECT_INT(explain(path), 0);
	EXPECT(strncmp(said, "somebody_else: ", 15) == 0);
	EXPECT_INT(explain("/nowhere/at/all.so"), AW_ENOBACKEND);
	EXPECT(says("/nowhere/at/all.so") && says("No such file"));
	EXPECT_INT(explain("/"), AW_ENOBACKEND);
	EXPECT_INT(explain("/dev/null"), AW_ENOBACKEND);
	EXPECT(says("not a file"));
}

static void a_short_buffer_is_terminated(void) {
	char text[8] = "#######";
	EXPECT_INT(aw_backend_explain("nowhere", text, 4), AW_ENOBACKEND);
	EXPECT_STR(text, "now");
	EXPECT_STR(text + 4, "###");
	EXPECT_INT(aw_backend_explain("epoll", text, 1), 0);
	EXPECT_STR(text, "");
	EXPECT_INT(aw_backend_explain("epoll", NULL, 0), 0);
	EXPECT_INT(aw_backend_explain("nowhere", NULL, 100), AW_ENOBACKEND);
}

/* ---- broken plug-ins ---- */

static void what_is_no_plug_in_is_refused(void) {
	search_in(given);
	expect_broken("missing", AW_ENOBACKEND, "no such backend: looked in ");
	expect_broken("other_abi", AW_EBACKENDABI, "version 2");
	expect_broken("small", AW_EBACKENDABI, "16 bytes");
	expect_broken("incomplete", AW_EBACKENDABI, "lacks");
	expect_broken("no_entry", AW_ENOBACKEND, "aw_backend_entry");
	expect_broken("needs_symbol", AW_ENOBACKEND, "a_function_that_nobody_has");
	expect_broken("null_entry", AW_ENOBACKEND, "no table");
	expect_broken("misnamed", AW_ENOBACKEND, "somebody_else");
	expect_broken("refuses", -EPERM, "it is raining");
}

static void what_is_no_shared_object_is_refused(void) {
	char good[65536], path[PATH_MAX],
		text[] = "INPUT(-lc)\nnot a shared object at all, though long enough for a header of one\n";
	size_t size = plugin_bytes("good", good, sizeof good);
	REQUIRE(size > 2000);
	own_file("empty", "", 0);
	own_file("text", text, sizeof text);
	own_file("cut", good, 1000);
	own_file("magic", "\177ELF", 4);
	own_file("zeros", (char[4096]){0}, 4096);
	good[4] ^= 3; /* of 32 bits where it has 64, or the other way round */
	own_file("other_class", good, size);
	good[4] ^= 3;
	good[16] = 2; /* a program */
	own_file("program", good, size);
	own_path(path, "loop");
	EXPECT_INT(symlink(path, path), 0);
	own_path(path, "dangling");
	EXPECT_INT(symlink("/nowhere", path), 0);
	own_path(path, "folder");
	EXPECT_INT(mkdir(path, 0700), 0);
	own_path(path, "fifo");
	EXPECT_INT(mkfifo(path, 0600), 0);
	search_in(own);
	expect_broken("empty", AW_ENOBACKEND, "not a shared object");
	expect_broken("text", AW_ENOBACKEND, "not a shared object");
	expect_broken("cut", AW_ENOBACKEND, "truncated");
	expect_broken("magic", AW_ENOBACKEND, "not a shared object");
	expect_broken("zeros", AW_ENOBACKEND, "not a shared object");
	expect_broken("other_class", AW_ENOBACKEND, "another machine");
	expect_broken("program", AW_ENOBACKEND, "not a shared object");
	expect_broken("loop", AW_ENOBACKEND, "ymbolic link");
	expect_broken("dangling", AW_ENOBACKEND, "No such file");
	expect_broken("folder", AW_ENOBACKEND, "not a file");
	expect_broken("fifo", AW_ENOBACKEND, "not a file");
}

/* Wherever a plug-in is truncated, it is refused or all relevant parts are intact; never a SIGBUS. */
static void a_plug_in_cut_anywhere_does_no_harm(void) {
	static char good[65536];
	char name[32];
	size_t size = plugin_bytes("good", good, sizeof good);
	REQUIRE(size > 2000);
	search_in(own);
	int refused = 0;
	for (size_t cut = 0; cut < size; cut += cut < 4096 ? 64 : 509) {
		snprintf(name, sizeof name, "cut_%zu", cut);
		own_file(name, good, cut);
		aw_status status = explain(name);
		EXPECT_INT(status, AW_ENOBACKEND); /* a whole one would call itself "good" */
		refused += strstr(said, "truncated") || strstr(said, "not a shared object");
	}
	EXPECT(refused > 64);
}

static void the_first_folder_wins(void) {
	char folders[PATH_MAX];
	own_file("good", "rubbish", 7);
	snprintf(folders, sizeof folders, "relative:.::%s:%s:/nowhere", given, own);
	search_in(folders);
	EXPECT_INT(explain("good"), 0);
	snprintf(folders, sizeof folders, "%s:%s", own, given);
	search_in(folders);
	EXPECT_INT(explain("good"), AW_ENOBACKEND);
	EXPECT(says(own));
	/* Relative folders are ignored. */
	char here[PATH_MAX];
	REQUIRE(getcwd(here, sizeof here) && chdir(given) == 0);
	search_in(".:");
	EXPECT_INT(explain("good"), AW_ENOBACKEND);
	EXPECT_INT(chdir(here), 0);
}

/* ---- plug-ins from untrusted users ---- */

enum { STRANGER = 65533 }; /* neither root, nor us, nor "nobody", who owns files of unmapped users */

/* A path in our own folder; the name may have several parts. */
static void own_name(char *out, const char *name) {
	int n = snprintf(out, PATH_MAX, "%s/%s", own, name);
	EXPECT(n > 0 && n < PATH_MAX);
}

static void file_in(char *out, const char *folder) {
	int n = snprintf(out, PATH_MAX, "%s/libawait-backend-good.so", folder);
	EXPECT(n > 0 && n < PATH_MAX);
}

/* Makes `folder`, with a good plug-in at `path`. */
static void good_folder(const char *folder, char *path) {
	static char good[65536];
	size_t size = plugin_bytes("good", good, sizeof good);
	EXPECT(size > 2000);
	EXPECT(mkdir(folder, 0700) == 0 && chmod(folder, 0755) == 0);
	file_in(path, folder);
	FILE *file = fopen(path, "wb");
	EXPECT(file && fwrite(good, 1, size, file) == size && fclose(file) == 0);
	EXPECT_INT(chmod(path, 0644), 0);
}

static void good_folder_remove(const char *folder) {
	char path[PATH_MAX];
	file_in(path, folder);
	(void)unlink(path);
	(void)rmdir(folder);
}

/*
 * By name in a folder, by its full path, and in the list: each reports the reason. The next folder is not
 * tried.
 */
static void expect_refused(const char *folder, const char *path, const char *why) {
	char folders[PATH_MAX];
	snprintf(folders, sizeof folders, "%s:%s", folder, given);
	search_in(folders);
	expect_broken("good", -EPERM, why);
	EXPECT_INT(explain(path), -EPERM);
	EXPECT(says("refused") && says(why));
	setenv("AWAIT_BACKEND", path, 1);
	EXPECT_INT(explain(NULL), -EPERM);
	unsetenv("AWAIT_BACKEND");
	aw_backend_list *list;
	REQUIRE(aw_backend_list_new(&list) == 0);
	for (size_t i = 0; i < aw_backend_list_count(list); i++) {
		if (strcmp(aw_backend_list_name(list, i), "good") != 0) continue;
		EXPECT_INT(aw_backend_list_status(list, i), -EPERM);
		EXPECT(strstr(aw_backend_list_reason(list, i), why) != NULL);
	}
	aw_backend_list_unref(list);
}

/* Last, since a plug-in that is loaded stays loaded, under its path. */
static void expect_taken(const char *folder) {
	search_in(folder);
	EXPECT_INT(explain("good"), 0);
	EXPECT(says("good: ") && says(folder));
}

static void what_every_user_may_write_to_is_refused(void) {
	static const unsigned folder_modes[] = {0777, 01777, 0757, 0753};
	char folder[PATH_MAX], path[PATH_MAX], mode[16];
	own_name(folder, "open");
	good_folder(folder, path);
	for (size_t i = 0; i < sizeof folder_modes / sizeof *folder_modes; i++) {
		EXPECT_INT(chmod(folder, folder_modes[i]), 0);
		snprintf(mode, sizeof mode, "(mode %04o)", folder_modes[i]);
		expect_refused(folder, path, mode);
	}
	EXPECT(chmod(folder, 0755) == 0 && chmod(path, 0666) == 0);
	expect_refused(folder, path, "every user may write to");
	EXPECT_INT(chmod(path, 0644), 0);
	expect_taken(folder);
	good_folder_remove(folder);
}

/*
 * Further up, the sticky bit keeps others from exchanging what isn't theirs, as in /tmp, where all this
 * happens.
 */
static void a_folder_further_up_counts_too(void) {
	char up[PATH_MAX], folder[PATH_MAX], path[PATH_MAX];
	own_name(up, "up");
	own_name(folder, "up/plugins");
	EXPECT_INT(mkdir(up, 0700), 0);
	good_folder(folder, path);
	EXPECT_INT(chmod(up, 0777), 0);
	expect_refused(folder, path, "(mode 0777)");
	EXPECT(says(up));
	EXPECT_INT(chmod(up, 01777), 0);
	expect_taken(folder);
	good_folder_remove(folder);
	EXPECT_INT(rmdir(up), 0);
}

static void both_ends_of_a_symbolic_link_count(void) {
	char real[PATH_MAX], path[PATH_MAX], links[PATH_MAX], link[PATH_MAX];
	own_name(real, "real");
	own_name(links, "links");
	file_in(link, links);
	good_folder(real, path);
	EXPECT(mkdir(links, 0755) == 0 && symlink("../real/libawait-backend-good.so", link) == 0);
	EXPECT_INT(chmod(real, 0777), 0);
	expect_refused(links, link, "(mode 0777)");
	EXPECT_INT(chmod(real, 0755), 0);
	EXPECT_INT(chmod(links, 01777), 0); /* where anybody may add links */
	expect_refused(links, link, "(mode 1777)");
	EXPECT_INT(chmod(links, 0755), 0);
	expect_taken(links);
	EXPECT(unlink(link) == 0 && rmdir(links) == 0);
	/* The folder itself is a link, absolute and relative. */
	own_name(links, "absolute");
	file_in(link, links);
	EXPECT_INT(symlink(real, links), 0);
	EXPECT_INT(chmod(path, 0666), 0);
	expect_refused(links, link, "(mode 0666)");
	EXPECT_INT(chmod(path, 0644), 0);
	expect_taken(links);
	EXPECT_INT(unlink(links), 0);
	own_name(links, "relative");
	EXPECT_INT(symlink("./absent/../real//", links), 0);
	search_in(links);
	EXPECT_INT(explain("good"), AW_ENOBACKEND); /* its target does not exist */
	EXPECT(unlink(links) == 0 && symlink(".//real//", links) == 0);
	expect_taken(links);
	EXPECT_INT(unlink(links), 0);
	good_folder_remove(real);
}

static void what_another_user_owns_is_refused(void) {
	char up[PATH_MAX], folder[PATH_MAX], path[PATH_MAX], link[PATH_MAX], at_link[PATH_MAX];
	if (geteuid() != 0) SKIP("only root can give a file to another user");
	own_name(up, "theirs");
	own_name(folder, "theirs/plugins");
	own_name(link, "theirs/link");
	file_in(at_link, link);
	EXPECT_INT(mkdir(up, 0755), 0);
	good_folder(folder, path);
	EXPECT_INT(chown(path, STRANGER, 0), 0);
	expect_refused(folder, path, "belongs to user 65533");
	EXPECT_INT(chown(path, 0, 0), 0);
	EXPECT_INT(chown(folder, STRANGER, 0), 0);
	expect_refused(folder, path, "belongs to user 65533");
	EXPECT_INT(chown(folder, 0, 0), 0);
	EXPECT_INT(chown(up, STRANGER, 0), 0);
	expect_refused(folder, path, "belongs to user 65533");
	EXPECT_INT(chown(up, 0, 0), 0);
	EXPECT(symlink("plugins", link) == 0 && lchown(link, STRANGER, 0) == 0);
	expect_refused(link, at_link, "belongs to user 65533");
	EXPECT_INT(unlink(link), 0);
	expect_taken(folder);
	good_folder_remove(folder);
	EXPECT_INT(rmdir(up), 0);
}

static void what_a_foreign_group_may_write_to_is_refused(void) {
	char folder[PATH_MAX], path[PATH_MAX];
	if (geteuid() != 0) SKIP("only root can give a file to another group");
	own_name(folder, "group");
	good_folder(folder, path);
	EXPECT(chown(folder, 0, STRANGER) == 0 && chmod(folder, 0775) == 0);
	expect_refused(folder, path, "group 65533 may write to");
	EXPECT_INT(chmod(folder, 0755), 0);
	EXPECT(chown(path, 0, STRANGER) == 0 && chmod(path, 0664) == 0);
	expect_refused(folder, path, "group 65533 may write to");
	/* Root's own group may write, as with a umask of 002. */
	EXPECT(chown(path, 0, 0) == 0 && chown(folder, 0, 0) == 0 && chmod(folder, 0775) == 0);
	expect_taken(folder);
	good_folder_remove(folder);
}

/* ---- the list ---- */

static size_t position(const aw_backend_list *list, const char *name) {
	size_t found = SIZE_MAX;
	for (size_t i = 0; i < aw_backend_list_count(list); i++)
		if (strcmp(aw_backend_list_name(list, i), name) == 0) {
			EXPECT(found == SIZE_MAX);
			found = i;
		}
	return found;
}

static void the_list_shows_each_once_and_sorted(void) {
	char folders[PATH_MAX];
	snprintf(folders, sizeof folders, "%s:%s:%s", given, own, given);
	search_in(folders);
	aw_backend_list *list;
	REQUIRE(aw_backend_list_new(&list) == 0);
	size_t count = aw_backend_list_count(list);
	for (size_t i = 1; i < count; i++)
		EXPECT(strcmp(aw_backend_list_name(list, i - 1), aw_backend_list_name(list, i)) < 0);
	size_t at = position(list, "epoll");
	EXPECT_INT(aw_backend_list_status(list, at), 0);
	EXPECT_STR(aw_backend_list_origin(list, at), "built in");
	EXPECT_STR(aw_backend_list_class(list, at), "A");
	EXPECT_STR(aw_backend_list_reason(list, at), "");
	EXPECT(*aw_backend_list_description(list, at));
	at = position(list, "good");
	EXPECT_INT(aw_backend_list_status(list, at), 0);
	EXPECT(strncmp(aw_backend_list_origin(list, at), given, strlen(given)) == 0);
	at = position(list, "refuses");
	EXPECT_INT(aw_backend_list_status(list, at), -EPERM);
	EXPECT_STR(aw_backend_list_reason(list, at), "it is raining");
	EXPECT_STR(aw_backend_list_class(list, at), "B");
	at = position(list, "other_abi");
	EXPECT_INT(aw_backend_list_status(list, at), AW_EBACKENDABI);
	EXPECT(*aw_backend_list_reason(list, at));
	EXPECT_STR(aw_backend_list_class(list, at), "");
	EXPECT(position(list, "empty") < count && position(list, "virtual") < count);
	EXPECT(aw_backend_list_name(list, count) == NULL);
	EXPECT_INT(aw_backend_list_status(list, count), AW_EBADHANDLE);
	EXPECT(aw_backend_list_ref(list) == list);
	aw_backend_list_unref(list);
	EXPECT_INT(aw_backend_list_count(list), count);
	aw_backend_list_unref(list);
}

static void a_list_that_is_none(void) {
	EXPECT_INT(aw_backend_list_count(NULL), 0);
	EXPECT(aw_backend_list_name(NULL, 0) == NULL);
	EXPECT(aw_backend_list_reason(NULL, 0) == NULL);
	EXPECT_INT(aw_backend_list_status(NULL, 0), AW_EBADHANDLE);
	EXPECT(aw_backend_list_ref(NULL) == NULL);
	aw_backend_list_unref(NULL);
	EXPECT_INT(aw_backend_list_new(NULL), -EINVAL);
}

/* ---- threads, and programs with more privileges than their caller ---- */

static void *load_often(void *arg) {
	char text[256];
	for (int i = 0; i < 200; i++)
		if (aw_backend_explain("refuses,good", text, sizeof text) != 0) *(int *)arg = 1;
	aw_backend_list *list;
	if (aw_backend_list_new(&list) == 0) aw_backend_list_unref(list);
	return NULL;
}

static void many_threads_may_look_at_once(void) {
	enum { THREADS = 8 };
	pthread_t threads[THREADS];
	int failed[THREADS] = {0};
	search_in(given);
	for (int i = 0; i < THREADS; i++) REQUIRE(pthread_create(&threads[i], NULL, load_often, &failed[i]) == 0);
	for (int i = 0; i < THREADS; i++) {
		pthread_join(threads[i], NULL);
		EXPECT_INT(failed[i], 0);
	}
}

/* The privileged copy; returns the number of the failed check. */
static int as_privileged(const char *path) {
	char text[256];
	if (!getenv("AWAIT_BACKEND") || !getenv("AWAIT_BACKEND_PATH")) return 2;
	if (aw_backend_explain("good", text, sizeof text) != AW_ENOBACKEND) return 3;
	if (aw_backend_explain(NULL, text, sizeof text) != 0 || strncmp(text, "epoll: ", 7) != 0) return 4;
	if (aw_backend_explain(path, text, sizeof text) != -EPERM) return 5;
	/* Next to its executable, where only a user who could change the program can put files. */
	if (aw_backend_explain("refuses", text, sizeof text) != -EPERM || !strstr(text, "it is raining"))
		return 6;
	if (aw_backend_explain("misnamed", text, sizeof text) != -EPERM || !strstr(text, "every user may write"))
		return 7;
	return 0;
}

/* A plug-in of the tests, in await/backends beside the privileged program. */
static void put_beside(const char *name, unsigned mode) {
	static char content[65536];
	char path[PATH_MAX];
	size_t size = plugin_bytes(name, content, sizeof content);
	EXPECT(size > 2000);
	snprintf(path, sizeof path, "%s/await", own);
	(void)mkdir(path, 0755);
	snprintf(path, sizeof path, "%s/await/backends", own);
	(void)mkdir(path, 0755);
	snprintf(path, sizeof path, "%s/await/backends/libawait-backend-%s.so", own, name);
	FILE *file = fopen(path, "wb");
	EXPECT(file && fwrite(content, 1, size, file) == size && fclose(file) == 0);
	EXPECT_INT(chmod(path, mode), 0);
}

static void remove_beside(void) {
	static const char *const all[] = {"await/backends/libawait-backend-refuses.so",
	                                  "await/backends/libawait-backend-misnamed.so", "await/backends",
	                                  "await"};
	char path[PATH_MAX];
	for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
		own_name(path, all[i]);
		EXPECT_INT(remove(path), 0);
	}
}

static void a_privileged_program_ignores_the_environment(void) {
	char copy[PATH_MAX], path[PATH_MAX];
	if (getuid() != 0) SKIP("only root can make a program that runs as another user");
	snprintf(copy, sizeof copy, "%s/privileged", own);
	int from = open(program, O_RDONLY | O_CLOEXEC),
		to = open(copy, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0700);
	REQUIRE(from >= 0 && to >= 0);
	while (sendfile(to, from, NULL, 1 << 20) > 0) continue;
	/* In this order, because a change of owner clears the bit. */
	EXPECT(fchown(to, 65534, 65534) == 0 && fchmod(to, 04755) == 0 && chmod(own, 0755) == 0);
	close(from);
	close(to);
	snprintf(path, sizeof path, "%s/libawait-backend-good.so", given);
	put_beside("refuses", 0644);
	put_beside("misnamed", 0666);
	setenv("AWAIT_BACKEND", "good", 1);
	search_in(given);
	pid_t child = fork();
	if (child == 0) {
		execl(copy, copy, "--privileged", path, (char *)NULL);
		_exit(127);
	}
	int status = -1;
	EXPECT_INT(waitpid(child, &status, 0), child);
	unsetenv("AWAIT_BACKEND");
	remove_beside();
	if (WIFEXITED(status) && (WEXITSTATUS(status) == 77 || WEXITSTATUS(status) == 127))
		SKIP("the file system grants no rights, or the library is not found");
	EXPECT_INT(status, 0);
}

static void own_remove(void) {
	char path[PATH_MAX];
	DIR *dir = opendir(own);
	if (!dir) return;
	for (struct dirent *file; (file = readdir(dir));) {
		snprintf(path, sizeof path, "%s/%s", own, file->d_name);
		if (file->d_name[0] != '.' && remove(path) != 0) perror(path);
	}
	closedir(dir);
	rmdir(own);
}

int main(int argc, char **argv) {
	static const check_case cases[] = {
		TEST(the_built_ins_are_always_there),
		TEST(the_environment_names_the_default),
		TEST(a_name_is_no_path),
		TEST(a_preference_takes_the_first_that_is_usable),
		TEST(a_path_is_loaded_as_it_is),
		TEST(a_short_buffer_is_terminated),
		TEST(what_is_no_plug_in_is_refused),
		TEST(what_is_no_shared_object_is_refused),
		TEST(a_plug_in_cut_anywhere_does_no_harm),
		TEST(the_first_folder_wins),
		TEST(what_every_user_may_write_to_is_refused),
		TEST(a_folder_further_up_counts_too),
		TEST(both_ends_of_a_symbolic_link_count),
		TEST(what_another_user_owns_is_refused),
		TEST(what_a_foreign_group_may_write_to_is_refused),
		TEST(the_list_shows_each_once_and_sorted),
		TEST(a_list_that_is_none),
		TEST(many_threads_may_look_at_once),
		TEST(a_privileged_program_ignores_the_environment),
	};
	/* Skips exit handlers: a leak checker can't inspect a privileged program. */
	if (argc == 3 && strcmp(argv[1], "--privileged") == 0)
		_exit(getuid() == geteuid() ? 77 : as_privileged(argv[2]));
	ssize_t length = readlink("/proc/self/exe", program, sizeof program - 1);
	program[length > 0 ? length : 0] = 0;
	given = getenv("AWAIT_TEST_PLUGINS");
	if (!given || *given != '/' || !mkdtemp(own)) {
		fprintf(stderr, "AWAIT_TEST_PLUGINS has to be the folder of the plug-ins of tests/plugins\n");
		return 2;
	}
	int status = check_run("registry", cases, sizeof cases / sizeof *cases);
	own_remove();
	return status;
}
