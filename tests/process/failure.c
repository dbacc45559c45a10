/* SPDX-License-Identifier: MIT */
/* Labels: backends */
/* A child that can't be started: the errno is the reason, and the attempt leaves nothing behind. */
#include "process.h"

#include <sys/resource.h>
#include <sys/stat.h>

/* Tries to start a child, and returns the status; success is a failure of the test. */
static aw_status try_options(aw_loop *loop, const char *name, const aw_process_options *options) {
	aw_process *process = NULL;
	aw_status status = aw_subprocess_exec(loop, &name, 1, options, &process);
	EXPECT(!process);
	aw_process_unref(process);
	return status;
}

static aw_status try(aw_loop *loop, const char *name) {
	aw_process_options *options = with(PIPE(0) | PIPE(1) | PIPE(2), 0);
	aw_status status = try_options(loop, name, options);
	aw_process_options_unref(options);
	return status;
}

/* A new file in a new folder. */
typedef struct scratch {
	char folder[64], file[80];
} scratch;

static int scratch_make(scratch *self, const char *name, const char *text, mode_t mode) {
	const char *base = getenv("TMPDIR");
	snprintf(self->folder, sizeof self->folder, "%s/await-XXXXXX", base && strlen(base) < 40 ? base : "/tmp");
	if (!mkdtemp(self->folder)) return 0;
	snprintf(self->file, sizeof self->file, "%s/%s", self->folder, name);
	int fd = open(self->file, O_WRONLY | O_CREAT | O_CLOEXEC, mode);
	if (fd < 0) return 0;
	ssize_t n = write(fd, text, strlen(text));
	close(fd);
	return n == (ssize_t)strlen(text);
}

static void scratch_remove(scratch *self) {
	unlink(self->file);
	rmdir(self->folder);
}

static void each_failure_of_exec_has_its_errno(void) {
	aw_loop *loop = loop_begin();
	REQUIRE(loop);
	scratch plain, noise;
	REQUIRE(scratch_make(&plain, "plain", "#!/bin/sh\n", 0644) &&
	        scratch_make(&noise, "noise", "no program\n", 0755));
	EXPECT_INT(try(loop, "/nowhere/at/all"), -ENOENT);
	EXPECT_INT(try(loop, "no-such-program-here"), -ENOENT);
	EXPECT_INT(try(loop, ""), -ENOENT);
	EXPECT_INT(try(loop, plain.file), -EACCES);
	EXPECT_INT(try(loop, "/"), -EACCES);
	EXPECT_INT(try(loop, "/dev/null/x"), -ENOTDIR);
	EXPECT_INT(try(loop, noise.file), -ENOEXEC);
	int writer = open(noise.file, O_WRONLY | O_CLOEXEC);
	EXPECT_INT(try(loop, noise.file), -ETXTBSY);
	close(writer);
	scratch_remove(&plain);
	scratch_remove(&noise);
	loop_end(loop);
}

static void too_much_to_pass_on_is_e2big(void) {
	aw_loop *loop = loop_begin();
	REQUIRE(loop);
	size_t size = 8 << 20;
	char *much = malloc(size);
	REQUIRE(much);
	memset(much, 'x', size);
	much[size - 1] = 0;
	const char *argv[] = {"true", much};
	aw_process *process = NULL;
	EXPECT_INT(aw_subprocess_exec(loop, argv, 2, NULL, &process), -E2BIG);
	free(much);
	loop_end(loop);
}

static void what_fails_before_the_exec_is_told_too(void) {
	aw_loop *loop = loop_begin();
	REQUIRE(loop);
	aw_process_options *options = with(PIPE(1), 0);
	EXPECT_INT(aw_process_options_set_cwd(options, "/nowhere"), 0);
	EXPECT_INT(try_options(loop, "true", options), -ENOENT);
	EXPECT_INT(aw_process_options_set_cwd(options, "/dev/null"), 0);
	EXPECT_INT(try_options(loop, "true", options), -ENOTDIR);
	EXPECT_INT(aw_process_options_set_cwd(options, NULL), 0);
	EXPECT_INT(aw_process_options_set_group(options, 0x3fffffff), 0);
	EXPECT_INT(try_options(loop, "true", options), -EPERM);
	EXPECT_INT(aw_process_options_set_group(options, 7), 0);
	EXPECT_INT(aw_process_options_set_flags(options, AW_PROCESS_GROUP), 0);
	EXPECT_INT(try_options(loop, "true", options), -EINVAL);
	EXPECT_INT(aw_process_options_set_flags(options, 0), 0);
	EXPECT_INT(aw_process_options_set_group(options, -1), 0);
	int fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	EXPECT_INT(aw_process_options_set_stdio(options, 2, AW_STDIO_FD, fd), 0);
	close(fd);
	EXPECT_INT(try_options(loop, "true", options), -EBADF);
	aw_process_options_unref(options);
	loop_end(loop);
}

/* In a task: the error message of the last attempt. */
static void expect_said(aw_status status, const char *text) {
	EXPECT_INT(aw_error_status(aw_caught()), status);
	EXPECT_STR(aw_error_message(aw_caught()), text);
}

static aw_status says_what_was_missing(void *ud) {
	char text[256];
	scratch plain, script;
	(void)ud;
	aw_loop *loop = aw_loop_current();
	aw_process_options *options = with(PIPE(1), 0);
	EXPECT(scratch_make(&plain, "plain", "#!/bin/sh\n", 0644) &&
	       scratch_make(&script, "script", "#!/nowhere/interpreter\n", 0755));
	for (int i = 0; i < 2; i++) { /* with the first child, the library detects whether memory is shared */
		expect_said(try(loop, "/nowhere/at/all"), "no such program: /nowhere/at/all");
		expect_said(try(loop, "no-such-program-here"), "no such program: no-such-program-here");
		snprintf(text, sizeof text, "cannot run %s: Permission denied", plain.file);
		expect_said(try(loop, plain.file), text);
		snprintf(text, sizeof text, "cannot run %s: its interpreter is missing", script.file);
		expect_said(try(loop, script.file), text);
		expect_said(try(loop, "/dev/null/x"), "cannot run /dev/null/x: Not a directory");
		EXPECT_INT(aw_process_options_set_cwd(options, "/nowhere"), 0);
		expect_said(try_options(loop, "true", options),
		            "cannot change to directory: /nowhere: No such file or directory");
		EXPECT_INT(aw_process_options_set_cwd(options, "/dev/null"), 0);
		expect_said(try_options(loop, "true", options),
		            "cannot change to directory: /dev/null: Not a directory");
		EXPECT_INT(aw_process_options_set_cwd(options, "/"), 0);
		expect_said(try_options(loop, "no-such-program-here", options),
		            "no such program: no-such-program-here");
	}
	aw_process_options_unref(options);
	scratch_remove(&script);
	scratch_remove(&plain);
	return 0;
}

static void the_error_says_whether_the_program_or_the_directory_is_missing(void) {
	aw_loop *loop = loop_begin();
	REQUIRE(loop);
	aw_task *task = NULL;
	REQUIRE(aw_task_spawn(loop, says_what_was_missing, NULL, NULL, &task) == 0);
	EXPECT_INT(run(loop, aw_task_future(task)), 0);
	loop_end(loop);
}

/* Starts "tool" with this PATH, and returns the status or the exit code. */
static int search(aw_loop *loop, const char *path) {
	char text[256];
	const char *argv[] = {"tool"}, *env[] = {text};
	aw_process *process = NULL;
	aw_process_options *options = with(0, 0);
	snprintf(text, sizeof text, "PATH=%s", path);
	aw_status status = aw_process_options_set_env(options, env, 1);
	if (status == 0) status = aw_subprocess_exec(loop, argv, 1, options, &process);
	if (status == 0) status = join(loop, process);
	aw_process_unref(process);
	aw_process_options_unref(options);
	return status;
}

static void the_childs_path_is_searched_and_never_the_working_directory(void) {
	aw_loop *loop = loop_begin();
	REQUIRE(loop);
	scratch good, locked;
	char path[256], here[256];
	REQUIRE(scratch_make(&good, "tool", "#!/bin/sh\nexit 42\n", 0755) &&
	        scratch_make(&locked, "tool", "", 0644));
	REQUIRE(getcwd(here, sizeof here) && chdir(good.folder) == 0);
	EXPECT_INT(search(loop, ""), -ENOENT);
	EXPECT_INT(search(loop, ":/nowhere:"), -ENOENT);
	REQUIRE(chdir(here) == 0);
	EXPECT_INT(search(loop, good.folder), 42);
	snprintf(path, sizeof path, "/nowhere:/dev/null:%s:%s", locked.folder, good.folder);
	EXPECT_INT(search(loop, path), 42);
	snprintf(path, sizeof path, "%s:/nowhere", locked.folder);
	EXPECT_INT(search(loop, path), -EACCES);
	scratch_remove(&good);
	scratch_remove(&locked);
	loop_end(loop);
}

static void a_missing_command_of_a_shell_is_an_exit(void) {
	aw_loop *loop = loop_begin();
	REQUIRE(loop);
	aw_process *process = start(loop, "no-such-program-here", with(PIPE(2), 0));
	EXPECT_INT(talk(loop, process), 127);
	aw_process_unref(process);
	loop_end(loop);
}

static void wrong_arguments_are_refused(void) {
	aw_loop *loop = loop_begin();
	REQUIRE(loop);
	const char *argv[] = {"true", NULL}, *none[] = {NULL};
	aw_process *process = NULL;
	EXPECT_INT(aw_subprocess_exec(loop, NULL, 1, NULL, &process), -EINVAL);
	EXPECT_INT(aw_subprocess_exec(loop, argv, 0, NULL, &process), -EINVAL);
	EXPECT_INT(aw_subprocess_exec(loop, argv, 2, NULL, &process), -EINVAL);
	EXPECT_INT(aw_subprocess_exec(loop, none, 1, NULL, &process), -EINVAL);
	EXPECT_INT(aw_subprocess_exec(loop, argv, 1, NULL, NULL), -EINVAL);
	EXPECT_INT(aw_subprocess_exec(loop, argv, 1, (aw_process_options *)loop, &process), AW_EBADHANDLE);
	EXPECT_INT(aw_subprocess_exec(NULL, argv, 1, NULL, &process), AW_ENOLOOP);
	EXPECT_INT(aw_subprocess_shell(loop, NULL, NULL, &process), -EINVAL);
	EXPECT(!process);
	EXPECT_INT(aw_process_wait(NULL, NULL), AW_EBADHANDLE);
	EXPECT_INT(aw_process_kill((aw_process *)loop), AW_EBADHANDLE);
	loop_end(loop);
}

static void the_signal_mask_is_as_it_was(void) {
	aw_loop *loop = loop_begin();
	REQUIRE(loop);
	sigset_t mine, before, after;
	sigemptyset(&mine);
	sigaddset(&mine, SIGUSR2);
	sigprocmask(SIG_SETMASK, &mine, &before);
	EXPECT_INT(try(loop, "/nowhere/at/all"), -ENOENT);
	sigprocmask(SIG_SETMASK, &before, &after);
	for (int i = 1; i < 32; i++) EXPECT_INT(sigismember(&after, i), sigismember(&mine, i));
	loop_end(loop);
}

static void a_full_table_of_descriptors_leaks_none(void) {
	aw_loop *loop = loop_begin();
	REQUIRE(loop);
	struct rlimit before, low;
	int emfile = 0, started = 0;
	getrlimit(RLIMIT_NOFILE, &before);
	for (rlim_t limit = 3; limit < 40; limit++) {
		low = (struct rlimit){limit, before.rlim_max};
		aw_process *process = NULL;
		const char *argv[] = {"true"};
		aw_process_options *options = with(PIPE(0) | PIPE(1) | PIPE(2), 0);
		setrlimit(RLIMIT_NOFILE, &low);
		aw_status status = aw_subprocess_exec(loop, argv, 1, options, &process);
		setrlimit(RLIMIT_NOFILE, &before);
		emfile += status == -EMFILE;
		if (status == 0) started += talk(loop, process) == 0;
		aw_process_unref(process);
		aw_process_options_unref(options);
		EXPECT(status == 0 || status == -EMFILE);
	}
	EXPECT(emfile > 0 && started > 0);
	loop_end(loop);
}

/* The limit does not apply to root, so a forked child changes its user: returns 0 on success. */
static int see_limit(void) {
	struct rlimit one = {1, 1};
	aw_loop *loop = NULL;
	if (getuid() == 0 && setresuid(65534, 65534, 65534) < 0) return 2;
	if (setrlimit(RLIMIT_NPROC, &one) < 0 || aw_loop_new(NULL, &loop) < 0) return 3;
	int fds = count_fds();
	aw_status status = try(loop, "/bin/true"), again = try(loop, "/bin/true");
	return status == -EAGAIN && again == -EAGAIN && count_fds() == fds ? 0 : 1;
}

static void a_limit_of_processes_is_told(void) {
	fflush(stdout);
	pid_t pid = fork();
	if (pid == 0) _exit(see_limit());
	int status = -1;
	EXPECT_INT(waitpid(pid, &status, 0), pid);
	if (WIFEXITED(status) && WEXITSTATUS(status) > 1) SKIP("can't become a user with a limit");
	EXPECT_INT(status, 0);
}

CHECK_MAIN("process_failure", TEST(each_failure_of_exec_has_its_errno), TEST(too_much_to_pass_on_is_e2big),
           TEST(what_fails_before_the_exec_is_told_too),
           TEST(the_error_says_whether_the_program_or_the_directory_is_missing),
           TEST(the_childs_path_is_searched_and_never_the_working_directory),
           TEST(a_missing_command_of_a_shell_is_an_exit), TEST(wrong_arguments_are_refused),
           TEST(the_signal_mask_is_as_it_was), TEST(a_full_table_of_descriptors_leaks_none),
           TEST(a_limit_of_processes_is_told))
