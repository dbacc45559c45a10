/* SPDX-License-Identifier: MIT */
/* Labels: backends valgrind */
/*
 * The environment of a child: variables, directory, process group, session, signals, and descriptors, of
 * which it inherits only the requested ones.
 */
#include "process.h"

#include <limits.h>

/* Compares the output of `command`; the options must pipe stdout. */
static int prints(aw_loop *loop, const char *command, aw_process_options *options, const char *text) {
	aw_process *process = start(loop, command, options);
	int fine = process && talk(loop, process) == 0 && said(process, 1, text);
	aw_process_unref(process);
	return fine;
}

static void the_environment_is_the_one_given(void) {
	aw_loop *loop = loop_begin();
	REQUIRE(loop);
	const char *const env[] = {"A=1", "B=", "PATH=/bin:/usr/bin"};
	aw_process_options *options = with(PIPE(1), 0);
	setenv("PARENTS", "own", 1);
	EXPECT_INT(aw_process_options_set_env(options, env, 3), 0);
	EXPECT(prints(loop, "echo $A-$B-${PARENTS-none}", aw_process_options_ref(options), "1--none\n"));
	EXPECT_INT(aw_process_options_set_env(options, NULL, 0), 0);
	EXPECT(prints(loop, "echo ${A-none}-$PARENTS", options, "none-own\n"));
	options = with(PIPE(1), 0);
	EXPECT_INT(aw_process_options_set_env(options, env, 0), 0);
	const char *argv[] = {"env"}; /* found without a PATH */
	aw_process *process = NULL;
	EXPECT_INT(aw_subprocess_exec(loop, argv, 1, options, &process), 0);
	EXPECT_INT(talk(loop, process), 0);
	EXPECT(said(process, 1, ""));
	aw_process_unref(process);
	aw_process_options_unref(options);
	loop_end(loop);
}

static void one_variable_is_added_replaced_or_removed(void) {
	aw_loop *loop = loop_begin();
	REQUIRE(loop);
	setenv("AW_TEST_INHERITED", "old", 1);
	setenv("AW_TEST_GONE", "old", 1);
	aw_process_options *options = with(PIPE(1), 0);
	EXPECT_INT(aw_process_options_set_variable(options, "AW_TEST_NEW", "a=b"), 0);
	EXPECT_INT(aw_process_options_set_variable(options, "AW_TEST_NEW", "c=d"), 0);
	EXPECT_INT(aw_process_options_set_variable(options, "AW_TEST_GONE", NULL), 0);
	EXPECT_INT(aw_process_options_set_variable(options, "AW_TEST", ""), 0); /* a prefix of other names */
	setenv("AW_TEST_INHERITED", "new", 1);                                  /* too late */
	EXPECT(prints(loop, "env | grep ^AW_TEST | sort", options,
	              "AW_TEST=\nAW_TEST_INHERITED=old\nAW_TEST_NEW=c=d\n"));
	const char *env[] = {"A=1", "B=2", "A=3"};
	options = with(PIPE(1), 0);
	EXPECT_INT(aw_process_options_set_env(options, env, 3), 0);
	EXPECT_INT(aw_process_options_set_variable(options, "A", "4"), 0);
	EXPECT_INT(aw_process_options_set_variable(options, "", "4"), -EINVAL);
	EXPECT_INT(aw_process_options_set_variable(options, "A=", "4"), -EINVAL);
	EXPECT_INT(aw_process_options_set_variable(options, NULL, "4"), -EINVAL);
	EXPECT(prints(loop, "env | grep '^[AB]=' | sort", options, "A=4\nB=2\n"));
	unsetenv("AW_TEST_INHERITED");
	unsetenv("AW_TEST_GONE");
	loop_end(loop);
}

static void arguments_arrive_as_they_are(void) {
	aw_loop *loop = loop_begin();
	REQUIRE(loop);
	const char *argv[] = {"printf", "[%s]", "a b", "", "$HOME", "*"};
	aw_process *process = NULL;
	aw_process_options *options = with(PIPE(1), 0);
	EXPECT_INT(aw_subprocess_exec(loop, argv, 6, options, &process), 0);
	EXPECT_INT(talk(loop, process), 0);
	EXPECT(said(process, 1, "[a b][][$HOME][*]"));
	aw_process_unref(process);
	aw_process_options_unref(options);
	loop_end(loop);
}

static void it_starts_in_the_directory_given(void) {
	aw_loop *loop = loop_begin();
	REQUIRE(loop);
	char here[PATH_MAX], line[PATH_MAX + 1];
	REQUIRE(getcwd(here, sizeof here));
	aw_process_options *options = with(PIPE(1), 0);
	EXPECT_INT(aw_process_options_set_cwd(options, "/"), 0);
	EXPECT(prints(loop, "pwd", aw_process_options_ref(options), "/\n"));
	EXPECT_INT(aw_process_options_set_cwd(options, NULL), 0);
	snprintf(line, sizeof line, "%s\n", here);
	EXPECT(prints(loop, "pwd -P", options, line));
	loop_end(loop);
}

static void groups_and_sessions_are_made_on_request(void) {
	aw_loop *loop = loop_begin();
	REQUIRE(loop);
	aw_process *plain = start(loop, "read x", with(PIPE(0), 0));
	aw_process *group = start(loop, "read x", with(PIPE(0), AW_PROCESS_GROUP));
	aw_process *session = start(loop, "read x", with(PIPE(0), AW_PROCESS_SESSION | AW_PROCESS_GROUP));
	aw_process_options *options = with(PIPE(0), 0);
	EXPECT_INT(aw_process_options_set_group(options, aw_process_pid(group)), 0);
	aw_process *joined = start(loop, "read x", options);
	EXPECT_INT(getpgid(aw_process_pid(plain)), getpgrp());
	EXPECT_INT(getpgid(aw_process_pid(group)), aw_process_pid(group));
	EXPECT_INT(getpgid(aw_process_pid(joined)), aw_process_pid(group));
	EXPECT_INT(getsid(aw_process_pid(group)), getsid(0));
	EXPECT_INT(getsid(aw_process_pid(session)), aw_process_pid(session));
	aw_process_unref(plain);
	aw_process_unref(group);
	aw_process_unref(session);
	aw_process_unref(joined);
	loop_end(loop);
}

static void no_descriptor_is_inherited_unasked(void) {
	aw_loop *loop = loop_begin();
	REQUIRE(loop);
	int low = open("/dev/null", O_RDONLY), high = fcntl(low, F_DUPFD, 200);
	char command[96], text[32];
	/* The descriptors of the shell; that of the listed folder is closed by the time of the test. */
	EXPECT(prints(loop, "for f in /proc/$$/fd/*; do test -e $f && echo ${f##*/}; done; true",
	              with(PIPE(1), 0), "0\n1\n2\n"));
	snprintf(command, sizeof command, "for f in %d %d; do test -e /proc/$$/fd/$f && echo $f; done", low,
	         high);
	snprintf(text, sizeof text, "%d\n%d\n", low, high);
	EXPECT(prints(loop, command, with(PIPE(1), AW_PROCESS_KEEP_FDS), text));
	close(low);
	close(high);
	loop_end(loop);
}

static void on_signal(int signal) {
	(void)signal;
}

static uint64_t hexadecimal(const char *status, const char *name) {
	const char *at = strstr(status, name);
	return at ? strtoull(at + strlen(name), NULL, 16) : UINT64_MAX;
}

static void signals_are_as_a_program_expects_them(void) {
	aw_loop *loop = loop_begin();
	REQUIRE(loop);
	sigset_t blocked, before, after;
	sigemptyset(&blocked);
	sigaddset(&blocked, SIGUSR2);
	sigprocmask(SIG_BLOCK, &blocked, &before);
	signal(SIGPIPE, SIG_IGN);
	signal(SIGHUP, SIG_IGN);
	signal(SIGUSR1, on_signal);
	const char *argv[] = {"cat", "/proc/self/status"};
	aw_process *process = NULL;
	aw_process_options *options = with(PIPE(1), 0);
	EXPECT_INT(aw_subprocess_exec(loop, argv, 2, options, &process), 0);
	EXPECT_INT(talk(loop, process), 0);
	const void *data = NULL;
	size_t length = 0;
	EXPECT_INT(aw_process_output(process, 1, &data, &length), 0);
	char *status = strndup(data, length);
	REQUIRE(status);
	uint64_t ignored = hexadecimal(status, "SigIgn:\t");
	EXPECT_INT(hexadecimal(status, "SigBlk:\t"), UINT64_C(1) << (SIGUSR2 - 1));
	EXPECT_INT(hexadecimal(status, "SigCgt:\t"), 0);
	EXPECT(ignored & UINT64_C(1) << (SIGHUP - 1));
	EXPECT(!(ignored & UINT64_C(1) << (SIGPIPE - 1)));
	free(status);
	sigprocmask(SIG_BLOCK, NULL, &after);
	EXPECT(sigismember(&after, SIGUSR2) == 1 && sigismember(&after, SIGTERM) == 0);
	sigprocmask(SIG_SETMASK, &before, NULL);
	signal(SIGPIPE, SIG_DFL);
	signal(SIGHUP, SIG_DFL);
	signal(SIGUSR1, SIG_DFL);
	aw_process_unref(process);
	aw_process_options_unref(options);
	loop_end(loop);
}

CHECK_MAIN("process_environment", TEST(the_environment_is_the_one_given),
           TEST(one_variable_is_added_replaced_or_removed), TEST(arguments_arrive_as_they_are),
           TEST(it_starts_in_the_directory_given), TEST(groups_and_sessions_are_made_on_request),
           TEST(no_descriptor_is_inherited_unasked), TEST(signals_are_as_a_program_expects_them))
