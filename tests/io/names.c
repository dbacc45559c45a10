/* SPDX-License-Identifier: MIT */
/* Labels: backends valgrind threads */
/* Names and addresses: numeric ones at once, others on threads, failures with the resolver's message. */
#include "trace.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <netdb.h>
#include <netinet/in.h>
#include <pthread.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

static void *note_id(void *out) {
	*(pid_t *)out = (pid_t)syscall(SYS_gettid);
	return NULL;
}

/* With the program's first thread a sanitizer starts another. */
static void have_threads(void) {
	pthread_t thread;
	pid_t id = 0;
	char path[64];
	EXPECT_INT(pthread_create(&thread, NULL, note_id, &id), 0);
	pthread_join(thread, NULL);
	snprintf(path, sizeof path, "/proc/self/task/%d", (int)id);
	for (int i = 0; i < 5000 && access(path, F_OK) == 0; i++) usleep(1000);
}

static int thread_count(void) {
	static bool are_there;
	if (!are_there) have_threads();
	are_there = true;
	int count = 0;
	DIR *dir = opendir("/proc/self/task");
	while (dir && readdir(dir)) count++;
	if (dir) closedir(dir);
	return count;
}

/* A look-up that was abandoned is still on its thread, which drops the result and then ends. */
static void wait_for_threads(int before) {
	for (int i = 0; i < 5000 && (aw_debug_live_handles() || thread_count() > before); i++) usleep(1000);
	EXPECT_INT(thread_count(), before);
}

/* Twice: debug mode counts the program's references. */
static aw_status in_a_task(aw_task_fn fn) {
	aw_status status = 0;
	for (int debug = 0; debug < 2 && status == 0; debug++) {
		EXPECT_INT(setenv("AWAIT_DEBUG", debug ? "1" : "0", 1), 0);
		trace_reset();
		int threads = thread_count();
		status = aw_run(NULL, fn, NULL, NULL, NULL);
		wait_for_threads(threads);
		EXPECT_INT(aw_debug_live_handles(), 0);
	}
	unsetenv("AWAIT_DEBUG");
	return status;
}

static aw_addrinfo *addresses(const char *host, const char *service, int family, int flags) {
	aw_future *future = NULL;
	void *list = NULL;
	EXPECT_INT(aw_getaddrinfo(NULL, host, service, family, SOCK_STREAM, 0, flags, &future), 0);
	EXPECT_INT(aw_await_take(future, &list, NULL), 0);
	return list;
}

static aw_status numeric(void *ud) {
	(void)ud;
	aw_future *future = NULL;
	EXPECT_INT(aw_getaddrinfo(NULL, "127.0.0.1", "8080", 0, SOCK_STREAM, 0, AI_CANONNAME, &future), 0);
	EXPECT_INT(aw_future_done(future), 1); /* no thread was used */
	void *value = NULL;
	EXPECT_INT(aw_future_result(future, &value), 0);
	const aw_addrinfo *list = value;
	EXPECT_INT(aw_addrinfo_count(list), 1);
	EXPECT_INT(aw_addrinfo_family(list, 0), AF_INET);
	EXPECT_INT(aw_addrinfo_type(list, 0), SOCK_STREAM);
	EXPECT_INT(aw_addrinfo_protocol(list, 0), IPPROTO_TCP);
	EXPECT_STR(aw_addrinfo_canonname(list), "127.0.0.1");
	uint32_t length = 0;
	const struct sockaddr_in *address =
		(const struct sockaddr_in *)(const void *)aw_addrinfo_address(list, 0, &length);
	if (!address) return -ENOENT;
	EXPECT_INT(length, sizeof *address);
	EXPECT_INT(ntohs(address->sin_port), 8080);
	EXPECT_INT(ntohl(address->sin_addr.s_addr), INADDR_LOOPBACK);
	EXPECT_INT(aw_addrinfo_family(list, 1), -EINVAL);
	EXPECT(!aw_addrinfo_address(list, 1, &length));
	aw_future_unref(future);
	return 0;
}

static void a_numeric_address_needs_no_thread(void) {
	EXPECT_INT(in_a_task(numeric), 0);
}

static aw_status by_name(void *ud) {
	(void)ud;
	aw_addrinfo *list = addresses("localhost", "80", AF_INET, 0);
	if (!list) return -ENOENT;
	const struct sockaddr_in *address =
		(const struct sockaddr_in *)(const void *)aw_addrinfo_address(list, 0, NULL);
	if (!address) return -ENOENT;
	EXPECT_INT(ntohl(address->sin_addr.s_addr) >> 24, 127);
	EXPECT_INT(ntohs(address->sin_port), 80);
	EXPECT(!aw_addrinfo_canonname(list));
	aw_addrinfo_unref(list);
	return 0;
}

static void a_name_is_looked_up_on_a_thread(void) {
	EXPECT_INT(in_a_task(by_name), 0);
}

static aw_status passive(void *ud) {
	(void)ud;
	aw_addrinfo *list = addresses(NULL, "0", AF_INET, AI_PASSIVE);
	if (!list) return -ENOENT;
	const struct sockaddr_in *address =
		(const struct sockaddr_in *)(const void *)aw_addrinfo_address(list, 0, NULL);
	EXPECT_INT(ntohl(address->sin_addr.s_addr), INADDR_ANY);
	aw_addrinfo *same = aw_addrinfo_ref(list);
	EXPECT(same == list);
	aw_addrinfo_unref(same);
	aw_addrinfo_unref(list);
	return 0;
}

static void no_host_means_any_address(void) {
	EXPECT_INT(in_a_task(passive), 0);
}

static aw_status unknown(void *ud) {
	(void)ud;
	aw_future *future = NULL;
	/* Refused without a query, so that the test needs no server. */
	EXPECT_INT(aw_getaddrinfo(NULL, "127.0.0.1", "no-such-service", 0, SOCK_STREAM, 0, 0, &future), 0);
	EXPECT_INT(aw_await(future, NULL), AW_EGAIERROR);
	EXPECT_STR(aw_error_message(aw_caught()), gai_strerror(EAI_SERVICE));
	EXPECT_INT((intptr_t)aw_error_payload(aw_caught()), EAI_SERVICE);
	aw_future_unref(future);
	EXPECT_INT(aw_getaddrinfo(NULL, "127.0.0.1", NULL, AF_INET6, 0, 0, AI_NUMERICHOST, &future), 0);
	EXPECT_INT(aw_await(future, NULL), AW_EGAIERROR);
	EXPECT_INT((intptr_t)aw_error_payload(aw_caught()), EAI_ADDRFAMILY);
	aw_future_unref(future);
	EXPECT_INT(aw_getaddrinfo(NULL, NULL, NULL, 0, 0, 0, 0, &future), -EINVAL);
	EXPECT_INT(aw_getaddrinfo(NULL, "127.0.0.1", "1", 0, 0, 0, 0, NULL), -EINVAL);
	return 0;
}

static void a_failure_says_why(void) {
	EXPECT_INT(in_a_task(unknown), 0);
}

static aw_status backwards(void *ud) {
	(void)ud;
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(80)};
	aw_future *future = NULL;
	void *value = NULL;
	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	EXPECT_INT(aw_getnameinfo(NULL, (struct sockaddr *)&address, sizeof address,
	                          NI_NUMERICHOST | NI_NUMERICSERV, &future),
	           0);
	EXPECT_INT(aw_future_done(future), 1);
	EXPECT_INT(aw_future_result(future, &value), 0);
	EXPECT_STR(aw_nameinfo_host(value), "127.0.0.1");
	EXPECT_STR(aw_nameinfo_service(value), "80");
	aw_future_unref(future);
	EXPECT_INT(aw_getnameinfo(NULL, (struct sockaddr *)&address, sizeof address, NI_NUMERICSERV, &future), 0);
	EXPECT_INT(aw_await_take(future, &value, NULL), 0);
	EXPECT_STR(aw_nameinfo_service(value), "80");
	aw_nameinfo *same = aw_nameinfo_ref(value);
	aw_nameinfo_unref(value);
	EXPECT(*aw_nameinfo_host(same) != 0 && strcmp(aw_nameinfo_host(same), "127.0.0.1") != 0);
	aw_nameinfo_unref(same);
	EXPECT_INT(aw_getnameinfo(NULL, NULL, 4, 0, &future), -EINVAL);
	EXPECT_INT(aw_getnameinfo(NULL, (struct sockaddr *)&address, 1, 0, &future), -EINVAL);
	EXPECT_INT(aw_getnameinfo(NULL, (struct sockaddr *)&address, 4096, 0, &future), -EINVAL);
	address.sin_family = 4711;
	EXPECT_INT(aw_getnameinfo(NULL, (struct sockaddr *)&address, sizeof address, 0, &future), 0);
	EXPECT_INT(aw_await(future, NULL), AW_EGAIERROR);
	aw_future_unref(future);
	return 0;
}

static void an_address_has_a_name(void) {
	EXPECT_INT(in_a_task(backwards), 0);
}

static aw_status no_port(void *ud) {
	(void)ud;
	const char *services[] = {"65536", "99999", "-1", "18446744073709551615", "99999999999999999999"};
	for (size_t i = 0; i < sizeof services / sizeof *services; i++) {
		aw_future *future = NULL;
		EXPECT_INT(aw_getaddrinfo(NULL, "127.0.0.1", services[i], 0, SOCK_STREAM, 0, 0, &future), 0);
		EXPECT_INT(aw_await(future, NULL), AW_EGAIERROR);
		EXPECT((intptr_t)aw_error_payload(aw_caught()) == EAI_SERVICE);
		aw_future_unref(future);
	}
	aw_addrinfo_unref(addresses("127.0.0.1", "65535", 0, 0));
	return 0;
}

static void a_number_that_is_no_port_is_refused(void) {
	EXPECT_INT(in_a_task(no_port), 0);
}

static aw_status many(void *ud) {
	(void)ud;
	aw_future *futures[20] = {NULL};
	for (int i = 0; i < 20; i++)
		EXPECT_INT(aw_getaddrinfo(NULL, "localhost", "80", 0, 0, 0, 0, &futures[i]), 0);
	/* Every second one is cancelled, which takes effect at once, whatever its thread does. */
	for (int i = 0; i < 20; i += 2) EXPECT_INT(aw_future_cancel(futures[i], NULL), 1);
	for (int i = 0; i < 20; i++) {
		if (i % 2 == 0) EXPECT_INT(aw_future_cancelled(futures[i]), 1);
		EXPECT_INT(aw_await(futures[i], NULL), i % 2 ? 0 : AW_ECANCELLED);
		aw_future_unref(futures[i]);
	}
	return 0;
}

static void a_look_up_is_cancelled_at_once(void) {
	EXPECT_INT(in_a_task(many), 0);
}

static void a_loop_closes_with_look_ups_left(void) {
	int threads = thread_count();
	aw_loop *loop = loop_begin(NULL);
	aw_future *futures[8] = {NULL};
	for (int i = 0; i < 8; i++)
		EXPECT_INT(aw_getaddrinfo(loop, "localhost", "80", 0, 0, 0, 0, &futures[i]), 0);
	EXPECT_INT(aw_loop_close(loop), 0);
	for (int i = 0; i < 8; i++) aw_future_unref(futures[i]);
	aw_loop_unref(loop);
	wait_for_threads(threads);
}

CHECK_MAIN("names", TEST(a_numeric_address_needs_no_thread), TEST(a_name_is_looked_up_on_a_thread),
           TEST(no_host_means_any_address), TEST(a_failure_says_why),
           TEST(a_number_that_is_no_port_is_refused), TEST(an_address_has_a_name),
           TEST(a_look_up_is_cancelled_at_once), TEST(a_loop_closes_with_look_ups_left))
