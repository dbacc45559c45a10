/* SPDX-License-Identifier: MIT */
/* Labels: backends valgrind-once */
/* The path of a Unix socket that a server was given is removed with the server, as CPython's is since 3.13. */
#include "in_a_task.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

static struct sockaddr_un address = {.sun_family = AF_UNIX}; /* where the sockets are bound */

static void choose_path(void) {
	snprintf(address.sun_path, sizeof address.sun_path, "/tmp/await-test-passed-%d", getpid());
}

static aw_status nobody(aw_stream *stream, void *ud) {
	(void)stream;
	(void)ud;
	return 0;
}

static bool exists(void) {
	struct stat file;
	return lstat(address.sun_path, &file) == 0;
}

static int bound_socket(void) {
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	EXPECT_INT(bind(fd, (struct sockaddr *)&address, sizeof address), 0);
	return fd;
}

static aw_server *given(int fd, uint32_t flags) {
	const aw_server_options options = {.size = sizeof options, .flags = flags};
	aw_server *server = NULL;
	EXPECT_INT(aw_server_new(NULL, nobody, NULL, NULL, &options, &server), 0);
	EXPECT_INT(aw_server_listen_fd(server, fd), 0);
	EXPECT_INT(aw_server_start_serving(server), 0);
	return server;
}

/* The path is removed by the call itself. */
static void close_it(aw_server *server, bool stays) {
	EXPECT_INT(aw_server_close(server), 0);
	EXPECT_INT(exists(), stays);
	EXPECT_INT(aw_server_wait_closed(server), 0);
	EXPECT_INT(exists(), stays);
	aw_server_unref(server);
	(void)unlink(address.sun_path);
}

static aw_status removes(void *ud) {
	(void)ud;
	close_it(given(bound_socket(), 0), false);
	close_it(given(bound_socket(), AW_SERVER_KEEP_PATH), true);
	return 0;
}

static void its_path_is_removed_unless_it_is_to_stay(void) {
	choose_path();
	in_a_task(removes);
}

static aw_status longest(void *ud) {
	(void)ud;
	/* The kernel writes no zero behind it. The name that is one shorter belongs to somebody else. */
	struct sockaddr_un before = address;
	size_t used = strlen(address.sun_path), room = sizeof address.sun_path;
	memset(address.sun_path + used, 'x', room - used);
	char whole[sizeof address.sun_path + 1] = "", shorter[sizeof address.sun_path] = "";
	memcpy(whole, address.sun_path, room);
	memcpy(shorter, whole, room - 1);
	aw_server *server = given(bound_socket(), 0);
	int other = open(shorter, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
	EXPECT_INT(access(whole, F_OK), 0);
	EXPECT_INT(aw_server_close(server), 0);
	EXPECT(access(whole, F_OK) < 0);
	EXPECT_INT(access(shorter, F_OK), 0);
	EXPECT_INT(aw_server_wait_closed(server), 0);
	aw_server_unref(server);
	close(other);
	EXPECT_INT(unlink(shorter), 0);
	address = before;
	return 0;
}

static void the_longest_path_is_removed_too(void) {
	choose_path();
	in_a_task(longest);
}

static aw_status replaced(void *ud) {
	(void)ud;
	aw_server *server = given(bound_socket(), 0);
	EXPECT_INT(unlink(address.sun_path), 0);
	close_it(server, false);
	server = given(bound_socket(), 0);
	EXPECT_INT(unlink(address.sun_path), 0);
	int other = bound_socket();
	close_it(server, true);
	close(other);
	/* It was gone, or another file, before the server was given the socket. */
	int fd = bound_socket();
	EXPECT_INT(unlink(address.sun_path), 0);
	close_it(given(fd, 0), false);
	fd = bound_socket();
	EXPECT_INT(unlink(address.sun_path), 0);
	EXPECT_INT(close(open(address.sun_path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600)), 0);
	close_it(given(fd, 0), true);
	return 0;
}

static void the_path_of_another_file_stays(void) {
	choose_path();
	in_a_task(replaced);
}

static aw_status in_the_abstract_namespace(void *ud) {
	(void)ud;
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	const struct sockaddr_un name = {.sun_family = AF_UNIX, .sun_path = "\0await-test-passed"};
	EXPECT_INT(bind(fd, (const struct sockaddr *)&name, sizeof name), 0);
	close_it(given(fd, 0), false);
	return 0;
}

static void a_name_without_a_file_is_left_alone(void) {
	choose_path();
	in_a_task(in_the_abstract_namespace);
}

/* The next process gets the socket from the service manager again, and clients find it in between. */
static aw_status inherited(void *ud) {
	(void)ud;
	aw_server *server = NULL;
	EXPECT_INT(aw_server_new(NULL, nobody, NULL, NULL, NULL, &server), 0);
	EXPECT_INT(aw_server_listen_inherited(server), 1);
	EXPECT_INT(aw_server_start_serving(server), 0);
	close_it(server, true);
	return 0;
}

/* The number is taken before there is a loop, which has descriptors as well. */
static void the_path_of_an_inherited_socket_stays(void) {
	choose_path();
	int saved = fcntl(3, F_DUPFD_CLOEXEC, 10), fd = bound_socket();
	char pid[16];
	snprintf(pid, sizeof pid, "%d", getpid());
	if (fd != 3) {
		EXPECT_INT(dup3(fd, 3, O_CLOEXEC), 3);
		close(fd);
	}
	EXPECT_INT(setenv("LISTEN_PID", pid, 1), 0);
	EXPECT_INT(setenv("LISTEN_FDS", "1", 1), 0);
	EXPECT_INT(aw_run(NULL, inherited, NULL, NULL, NULL), 0);
	EXPECT_INT(aw_debug_live_handles(), 0);
	EXPECT_INT(unsetenv("LISTEN_PID"), 0);
	EXPECT_INT(unsetenv("LISTEN_FDS"), 0);
	if (saved < 0) return;
	EXPECT_INT(dup3(saved, 3, O_CLOEXEC), 3);
	close(saved);
}

CHECK_MAIN("passed_unix_socket", TEST(its_path_is_removed_unless_it_is_to_stay),
           TEST(the_longest_path_is_removed_too), TEST(the_path_of_another_file_stays),
           TEST(a_name_without_a_file_is_left_alone), TEST(the_path_of_an_inherited_socket_stays))
