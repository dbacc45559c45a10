/* SPDX-License-Identifier: MIT */
/* A port scanner: a bounded number of connects at once. usage: port_scanner HOST FIRST LAST [AT-ONCE [MS]] */
#include <await/easy.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { PORTS = 65536 };

typedef enum answer { UNKNOWN, OPEN, CLOSED, SILENT } answer;

static struct {
	struct sockaddr_storage address; /* of the host; each probe sets its port */
	uint32_t length;
	int first, last, done;
	int64_t limit; /* for one connect */
	aw_semaphore *free_slots;
	answer answers[PORTS];
} scan;

typedef struct probe {
	struct sockaddr_storage address;
	int fd;
} probe;

static aw_status connects(void *ud) {
	probe *self = ud;
	return aw_sock_connect(self->fd, (struct sockaddr *)&self->address, scan.length);
}

/* A port that the system gave to this very socket as its own end is not open. */
static bool is_itself(int fd) {
	struct sockaddr_storage here, there;
	socklen_t here_length = sizeof here, there_length = sizeof there;
	return getsockname(fd, (struct sockaddr *)&here, &here_length) == 0 &&
	       getpeername(fd, (struct sockaddr *)&there, &there_length) == 0 && here_length == there_length &&
	       memcmp(&here, &there, here_length) == 0;
}

static aw_status open_socket(int *out) {
	for (;;) {
		*out = socket(scan.address.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
		if (*out >= 0) return 0;
		if (errno != EMFILE && errno != ENFILE) return aw_raisef(errno, "socket");
		AW_TRY(aw_sleep(10 * AW_MILLISECOND)); /* until another probe has closed its socket */
	}
}

static aw_status look_at(int port) {
	probe self = {.address = scan.address};
	in_port_t number = htons((in_port_t)port);
	if (self.address.ss_family == AF_INET6)
		((struct sockaddr_in6 *)&self.address)->sin6_port = number;
	else
		((struct sockaddr_in *)&self.address)->sin_port = number;
	AW_TRY(open_socket(&self.fd));
	aw_status status = aw_timeout_run(scan.limit, connects, &self);
	answer found = SILENT;
	if (status == 0) found = is_itself(self.fd) ? CLOSED : OPEN;
	if (status == -ECONNREFUSED) found = CLOSED;
	close(self.fd);
	if (status == AW_ECANCELLED) return status;
	scan.answers[port] = found; /* without a way to the host its ports are silent as well */
	return 0;
}

static aw_status probe_port(void *ud) {
	aw_status status = look_at((int)(intptr_t)ud);
	scan.done++;
	aw_semaphore_release(scan.free_slots);
	return status;
}

/* A line that is written over and over, on a terminal only. */
static aw_status show_progress(void *ud) {
	(void)ud;
	for (;;) {
		fprintf(stderr, "\r%d of %d ports", scan.done, scan.last - scan.first + 1);
		AW_TRY(aw_sleep(100 * AW_MILLISECOND));
	}
}

static aw_status resolve(const char *host) {
	AW_AUTO(aw_future) found = NULL;
	void *value = NULL;
	AW_TRY(aw_getaddrinfo(NULL, host, NULL, AF_UNSPEC, SOCK_STREAM, 0, 0, &found));
	AW_TRY(aw_await(found, &value));
	const struct sockaddr *address = aw_addrinfo_address(value, 0, &scan.length);
	memcpy(&scan.address, address, scan.length);
	return 0;
}

/* A task for each port, as slots become free. */
static aw_status probe_all(aw_taskgroup *group) {
	for (int port = scan.first; port <= scan.last; port++) {
		AW_TRY(aw_semaphore_acquire(scan.free_slots));
		AW_TRY(aw_taskgroup_spawn(group, probe_port, (void *)(intptr_t)port, NULL, NULL));
	}
	return 0;
}

static aw_status print_results(void) {
	int counts[4] = {0};
	for (int port = scan.first; port <= scan.last; port++) {
		counts[scan.answers[port]]++;
		if (scan.answers[port] == OPEN) printf("%d open\n", port);
	}
	printf("%d open, %d closed, %d silent\n", counts[OPEN], counts[CLOSED], counts[SILENT]);
	return fflush(stdout) == 0 && !ferror(stdout) ? 0 : aw_raise(EIO, "cannot write the results");
}

static aw_status run(void *ud) {
	char **arguments = ud;
	AW_AUTO(aw_taskgroup) group = NULL;
	AW_AUTO(aw_semaphore) slots = NULL;
	AW_AUTO(aw_task) progress = NULL;
	int at_once = arguments[4] ? atoi(arguments[4]) : 200;
	scan.limit = (arguments[4] && arguments[5] ? atoi(arguments[5]) : 1000) * AW_MILLISECOND;
	scan.first = atoi(arguments[2]);
	scan.last = atoi(arguments[3]);
	if (scan.first < 1 || scan.last >= PORTS || scan.first > scan.last || at_once < 1)
		return aw_raise(AW_EINVAL, "ports are from 1 to 65535, and at least one at once");
	AW_TRY(resolve(arguments[1]));
	AW_TRY(aw_semaphore_new(NULL, at_once, &slots));
	scan.free_slots = slots;
	if (isatty(STDERR_FILENO)) AW_TRY(aw_task_spawn(NULL, show_progress, NULL, NULL, &progress));

	AW_TRY(aw_taskgroup_new(NULL, &group));
	AW_TRY(aw_taskgroup_enter(group));
	aw_status status = probe_all(group);
	status = aw_taskgroup_exit(group, status, status < 0 ? aw_caught() : NULL);
	if (progress) {
		aw_task_cancel(progress, NULL);
		fprintf(stderr, "\r%d of %d ports\n", scan.done, scan.last - scan.first + 1);
	}
	return status == 0 ? print_results() : status;
}

int main(int count, char **arguments) {
	if (count >= 4 && count <= 6) return aw_main(NULL, run, arguments, NULL);
	fprintf(stderr, "usage: port_scanner HOST FIRST LAST [AT-ONCE [MILLISECONDS]]\n");
	return 2;
}
