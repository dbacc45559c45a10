/* SPDX-License-Identifier: MIT */
/* Labels: backends valgrind */
/* Pseudo-terminals: their size, and children whose controlling terminal one is. */
#include "process.h"

#include <stdbool.h>

enum { ROWS = 33, COLUMNS = 101 };

/* Reads the master to its end, without the carriage returns that a terminal adds. */
static const char *read_master(aw_loop *loop, int master) {
	static char text[4096];
	size_t used = 0;
	for (int turns = 0; turns < 10000; turns++) {
		char part[256];
		ssize_t count = read(master, part, sizeof part);
		if (count == 0 || (count < 0 && errno != EAGAIN)) {
			if (count < 0) EXPECT_INT(errno, EIO);
			break;
		}
		for (ssize_t i = 0; i < count; i++)
			if (part[i] != '\r' && used < sizeof text - 1) text[used++] = part[i];
		if (count > 0) continue;
		aw_future *readable = NULL;
		EXPECT_INT(aw_fd_wait(loop, master, AW_POLL_IN, &readable), 0);
		EXPECT_INT(aw_loop_run_until_complete(loop, readable, NULL), 0);
		aw_future_unref(readable);
	}
	text[used] = 0;
	return text;
}

static bool read_until(aw_loop *loop, int master, const char *word) {
	char text[256] = "";
	size_t used = 0;
	while (!strstr(text, word) && used < sizeof text - 1) {
		ssize_t count = read(master, text + used, sizeof text - 1 - used);
		if (count > 0) used += (size_t)count;
		if (count < 0 && errno != EAGAIN) break;
		EXPECT(aw_loop_run_once(loop, AW_MILLISECOND) >= 0);
	}
	return strstr(text, word) != NULL;
}

typedef struct pty {
	int master, terminal;
} pty;

static pty pty_begin(int32_t rows, int32_t columns) {
	pty self = {-1, -1};
	EXPECT_INT(aw_pty_open(rows, columns, &self.master, &self.terminal), 0);
	return self;
}

static aw_process *start_in(aw_loop *loop, const pty *in, const char *command, aw_process_options *options) {
	EXPECT_INT(aw_process_options_set_terminal(options, in->terminal), 0);
	return start(loop, command, options);
}

static void a_child_talks_to_its_terminal(void) {
	aw_loop *loop = loop_begin();
	REQUIRE(loop);
	pty one = pty_begin(ROWS, COLUMNS);
	aw_process *process =
		start_in(loop, &one, "test -t 0 && test -t 1 && test -t 2 && stty size && tty", with(0, 0));
	close(one.terminal);
	char want[128], name[64];
	EXPECT_INT(aw_pty_name(one.master, name, sizeof name), 0);
	snprintf(want, sizeof want, "%d %d\n%s\n", ROWS, COLUMNS, name);
	EXPECT_STR(read_master(loop, one.master), want);
	EXPECT_INT(talk(loop, process), 0);
	aw_process_unref(process);
	close(one.master);
	loop_end(loop);
}

static void it_is_the_controlling_terminal_of_a_session(void) {
	aw_loop *loop = loop_begin();
	REQUIRE(loop);
	pty one = pty_begin(0, 0);
	/* /dev/tty is the controlling terminal, also of one whose streams are elsewhere. */
	aw_process_options *options = with(PIPE(1), 0);
	EXPECT_INT(aw_process_options_set_stdio(options, 0, AW_STDIO_NULL, -1), 0);
	EXPECT_INT(aw_process_options_set_stdio(options, 2, AW_STDIO_NULL, -1), 0);
	aw_process *process = start_in(loop, &one, "echo hello >/dev/tty; echo piped", options);
	EXPECT_INT(talk(loop, process), 0);
	close(one.terminal); /* until now the only one that is open */
	EXPECT_STR(read_master(loop, one.master), "hello\n");
	EXPECT(said(process, 1, "piped\n"));
	aw_process_unref(process);
	close(one.master);
	loop_end(loop);
}

static void what_is_typed_arrives_and_a_key_interrupts(void) {
	aw_loop *loop = loop_begin();
	REQUIRE(loop);
	pty one = pty_begin(0, 0);
	aw_process *process =
		start_in(loop, &one, "stty -echo; echo ready; read line; echo got $line; exec cat", with(0, 0));
	close(one.terminal);
	EXPECT(read_until(loop, one.master, "ready"));
	EXPECT_INT(write(one.master, "a line\n", 7), 7);
	EXPECT(read_until(loop, one.master, "got a line"));
	EXPECT_INT(write(one.master, "\003", 1), 1);
	EXPECT_INT(talk(loop, process), -SIGINT);
	aw_process_unref(process);
	close(one.master);
	loop_end(loop);
}

static void the_size_is_set_from_either_end_and_signalled(void) {
	aw_loop *loop = loop_begin();
	REQUIRE(loop);
	pty one = pty_begin(0, 0);
	int32_t rows = -1, columns = -1;
	EXPECT_INT(aw_pty_size(one.master, &rows, &columns), 0);
	EXPECT_INT(rows, 0);
	EXPECT_INT(columns, 0);
	EXPECT_INT(aw_pty_set_size(one.terminal, 65535, 1), 0);
	EXPECT_INT(aw_pty_size(one.master, &rows, &columns), 0);
	EXPECT_INT(rows, 65535);
	EXPECT_INT(columns, 1);
	EXPECT_INT(aw_pty_size(one.master, NULL, NULL), 0);
	aw_process *process = start_in(
		loop, &one, "trap 'stty size; exit 3' WINCH; echo ready; while :; do sleep 0.01; done", with(0, 0));
	close(one.terminal);
	EXPECT(read_until(loop, one.master, "ready"));
	EXPECT_INT(aw_pty_set_size(one.master, ROWS, COLUMNS), 0);
	EXPECT(strstr(read_master(loop, one.master), "33 101") != NULL);
	EXPECT_INT(talk(loop, process), 3);
	aw_process_unref(process);
	close(one.master);
	loop_end(loop);
}

static void its_descriptors_are_not_inherited(void) {
	aw_loop *loop = loop_begin();
	REQUIRE(loop);
	pty one = pty_begin(0, 0);
	EXPECT(fcntl(one.master, F_GETFD) & FD_CLOEXEC);
	EXPECT(fcntl(one.terminal, F_GETFD) & FD_CLOEXEC);
	EXPECT(fcntl(one.master, F_GETFL) & O_NONBLOCK);
	EXPECT(!(fcntl(one.terminal, F_GETFL) & O_NONBLOCK));
	aw_process *process = start_in(loop, &one, "ls -l /proc/self/fd | grep -c ptmx; true", with(PIPE(1), 0));
	EXPECT_INT(talk(loop, process), 0);
	EXPECT(said(process, 1, "0\n"));
	aw_process_unref(process);
	/* The terminal of one session is refused to the next, and no child is left. */
	aw_process_options *options = with(0, 0);
	EXPECT_INT(aw_process_options_set_terminal(options, one.terminal), 0);
	process = start_in(loop, &one, "exec sleep 100", with(0, 0));
	aw_process *other = NULL;
	EXPECT_INT(aw_subprocess_shell(loop, "true", options, &other), -EPERM);
	aw_process_options_unref(options);
	aw_process_kill(process);
	EXPECT_INT(talk(loop, process), -SIGKILL);
	aw_process_unref(process);
	close(one.master);
	close(one.terminal);
	loop_end(loop);
}

static void wrong_arguments_are_refused(void) {
	int master = -1, terminal = -1, ends[2];
	int32_t rows = 0;
	char name[4];
	REQUIRE(pipe(ends) == 0);
	EXPECT_INT(aw_pty_open(-1, 0, &master, &terminal), -EINVAL);
	EXPECT_INT(aw_pty_open(0, 65536, &master, &terminal), -EINVAL);
	EXPECT_INT(aw_pty_open(0, 0, NULL, &terminal), -EINVAL);
	EXPECT_INT(aw_pty_open(0, 0, &master, NULL), -EINVAL);
	EXPECT_INT(aw_pty_size(ends[0], &rows, NULL), -ENOTTY);
	EXPECT_INT(aw_pty_size(-1, &rows, NULL), -EBADF);
	EXPECT_INT(aw_pty_set_size(ends[0], 1, 1), -ENOTTY);
	EXPECT_INT(aw_pty_set_size(-1, 1, 1), -EBADF);
	EXPECT_INT(aw_pty_set_size(0, -1, 1), -EINVAL);
	EXPECT_INT(aw_pty_name(ends[0], name, sizeof name), -ENOTTY);
	EXPECT_INT(aw_pty_name(-1, name, sizeof name), -EBADF);
	EXPECT_INT(aw_pty_name(-1, NULL, 0), -EINVAL);
	EXPECT_INT(aw_pty_open(0, 0, &master, &terminal), 0);
	EXPECT_INT(aw_pty_name(master, name, sizeof name), -ERANGE);
	close(master);
	close(terminal);
	aw_process_options *options = with(0, 0);
	EXPECT_INT(aw_process_options_set_terminal(options, -2), -EBADF);
	EXPECT_INT(aw_process_options_set_terminal(options, 1000000), -EBADF);
	EXPECT_INT(aw_process_options_set_terminal(options, ends[0]), -ENOTTY);
	EXPECT_INT(aw_process_options_set_terminal(options, -1), 0);
	EXPECT_INT(aw_process_options_set_terminal(NULL, 0), AW_EBADHANDLE);
	aw_process_options_unref(options);
	close(ends[0]);
	close(ends[1]);
}

CHECK_MAIN("pty", TEST(a_child_talks_to_its_terminal), TEST(it_is_the_controlling_terminal_of_a_session),
           TEST(what_is_typed_arrives_and_a_key_interrupts),
           TEST(the_size_is_set_from_either_end_and_signalled), TEST(its_descriptors_are_not_inherited),
           TEST(wrong_arguments_are_refused))
