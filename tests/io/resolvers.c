/* SPDX-License-Identifier: MIT */
/* Labels: backends valgrind */
/* A resolver that the program has chosen: it is asked, its future is the answer, and it ends with its loop. */
#include "in_a_task.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>

static void drop_list(void *list) {
	aw_addrinfo_unref(list);
}

static void drop_name(void *name) {
	aw_nameinfo_unref(name);
}

/* Answers later: by a timer. */
static aw_status answer(aw_loop *loop, void *ud) {
	(void)loop;
	aw_future *future = ud;
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(7)};
	inet_pton(AF_INET, "192.0.2.7", &address.sin_addr);
	aw_addrinfo_entry entries[2] = {{AF_INET, SOCK_STREAM, IPPROTO_TCP, sizeof address, NULL},
	                                {AF_INET, SOCK_DGRAM, IPPROTO_UDP, sizeof address, NULL}};
	entries[0].address = entries[1].address = (struct sockaddr *)&address;
	aw_addrinfo *list = NULL;
	if (!aw_future_done(future)) {
		EXPECT_INT(aw_addrinfo_new(entries, 2, "canonical", &list), 0);
		EXPECT_INT(aw_future_set_result(future, list, drop_list), 0);
	}
	return 0;
}

static void drop_future(void *future) {
	aw_future_unref(future);
}

static aw_status find_addresses(aw_loop *loop, const char *host, const char *service, int32_t family,
                                int32_t socktype, int32_t protocol, int32_t flags, void *ud,
                                aw_future **out) {
	char text[128];
	EXPECT(ud != NULL);
	snprintf(text, sizeof text, "%s/%s/%d/%d/%d/%d", host, service ? service : "-", family == AF_INET,
	         socktype == SOCK_STREAM, protocol, flags);
	trace_add(text);
	if (strcmp(host, "broken") == 0) return -EPROTO;
	if (strcmp(host, "nothing") == 0) return 0;
	aw_future *future = NULL;
	EXPECT_INT(aw_future_new(loop, &future), 0);
	if (strcmp(host, "missing") == 0) {
		EXPECT_INT(aw_future_fail(future, AW_EGAIERROR, "nobody has that name"), 0);
		*out = future;
		return 0;
	}
	EXPECT_INT(aw_loop_call_later(loop, AW_MILLISECOND, answer, aw_future_ref(future), drop_future, NULL), 0);
	*out = future;
	return 0;
}

static aw_status find_name(aw_loop *loop, const struct sockaddr *address, uint32_t address_length,
                           int32_t flags, void *ud, aw_future **out) {
	(void)address;
	(void)ud;
	EXPECT_INT(address_length, sizeof(struct sockaddr_in));
	EXPECT_INT(flags, NI_NAMEREQD);
	aw_nameinfo *name = NULL;
	EXPECT_INT(aw_nameinfo_new("host.test", "http", &name), 0);
	EXPECT_INT(aw_future_new(loop, out), 0);
	return aw_future_set_result(*out, name, drop_name);
}

static const aw_resolver resolver = {.size = sizeof resolver,
                                     .getaddrinfo = find_addresses,
                                     .getnameinfo = find_name,
                                     .ud = "resolver",
                                     .destroy = say_destroyed};

static aw_status asks(void *ud) {
	(void)ud;
	aw_future *future = NULL;
	void *value = NULL;
	uint32_t length = 0;
	EXPECT_INT(aw_loop_set_resolver(NULL, &resolver), 0);
	EXPECT_INT(aw_getaddrinfo(NULL, "host", "http", AF_INET, SOCK_STREAM, 6, AI_CANONNAME, &future), 0);
	EXPECT_INT(aw_await(future, &value), 0);
	EXPECT_INT(aw_addrinfo_count(value), 2);
	EXPECT_INT(aw_addrinfo_type(value, 1), SOCK_DGRAM);
	EXPECT_INT(aw_addrinfo_protocol(value, 1), IPPROTO_UDP);
	EXPECT_STR(aw_addrinfo_canonname(value), "canonical");
	const struct sockaddr_in *address = (const void *)aw_addrinfo_address(value, 1, &length);
	EXPECT_INT(length, sizeof *address);
	EXPECT_INT(ntohs(address->sin_port), 7);
	EXPECT(!aw_addrinfo_address(value, 2, NULL));
	aw_future_unref(future);
	EXPECT_STR(trace, "host/http/1/1/6/2");
	trace_reset();
	/* Numeric addresses and services alone are not its business. */
	EXPECT_INT(aw_getaddrinfo(NULL, "127.0.0.1", "80", 0, SOCK_STREAM, 0, 0, &future), 0);
	EXPECT_INT(aw_await(future, &value), 0);
	aw_future_unref(future);
	EXPECT_STR(trace, "");
	struct sockaddr_in named = {.sin_family = AF_INET, .sin_port = htons(80)};
	EXPECT_INT(aw_getnameinfo(NULL, (struct sockaddr *)&named, sizeof named, NI_NAMEREQD, &future), 0);
	EXPECT_INT(aw_await(future, &value), 0);
	EXPECT_STR(aw_nameinfo_host(value), "host.test");
	EXPECT_STR(aw_nameinfo_service(value), "http");
	aw_future_unref(future);
	/* Another resolver ends this one. */
	EXPECT_INT(aw_loop_set_resolver(NULL, NULL), 0);
	EXPECT_STR(trace, "~resolver");
	EXPECT_INT(aw_loop_set_resolver(NULL, NULL), 0);
	EXPECT_INT(aw_loop_set_resolver(NULL, &resolver), 0);
	EXPECT_INT(aw_loop_set_resolver(NULL, &resolver), 0);
	EXPECT_STR(trace, "~resolver ~resolver");
	return 0;
}

static void the_chosen_resolver_is_asked(void) {
	in_a_task(asks);
	EXPECT_STR(trace, "~resolver ~resolver ~resolver");
}

static aw_status fails(void *ud) {
	(void)ud;
	aw_future *future = NULL;
	EXPECT_INT(aw_loop_set_resolver(NULL, &resolver), 0);
	EXPECT_INT(aw_getaddrinfo(NULL, "broken", NULL, 0, 0, 0, 0, &future), -EPROTO);
	EXPECT_INT(aw_getaddrinfo(NULL, "nothing", NULL, 0, 0, 0, 0, &future), AW_EBADHANDLE);
	EXPECT_INT(aw_getaddrinfo(NULL, "missing", NULL, 0, 0, 0, 0, &future), 0);
	EXPECT_INT(aw_await(future, NULL), AW_EGAIERROR);
	EXPECT_STR(aw_error_message(aw_caught()), "nobody has that name");
	aw_future_unref(future);
	/* Cancelled at once. */
	EXPECT_INT(aw_getaddrinfo(NULL, "host", NULL, 0, 0, 0, 0, &future), 0);
	EXPECT_INT(aw_future_cancel(future, NULL), 1);
	EXPECT_INT(aw_future_cancelled(future), 1);
	EXPECT_INT(aw_await(future, NULL), AW_ECANCELLED);
	aw_future_unref(future);
	EXPECT_INT(aw_sleep(2 * AW_MILLISECOND), 0);
	return 0;
}

static void its_failures_are_those_of_the_call(void) {
	in_a_task(fails);
}

static void wrong_arguments_are_refused(void) {
	aw_loop *loop = loop_begin(NULL);
	aw_resolver shorter = resolver;
	shorter.size = 8;
	EXPECT_INT(aw_loop_set_resolver(loop, &shorter), -EINVAL);
	EXPECT_INT(aw_loop_set_resolver(NULL, &resolver), AW_ENOLOOP);
	EXPECT_STR(trace, "~resolver");
	struct sockaddr_in address = {.sin_family = AF_INET};
	aw_addrinfo_entry entry = {AF_INET, SOCK_STREAM, 0, sizeof address, (struct sockaddr *)&address};
	aw_addrinfo *list = NULL;
	aw_nameinfo *name = NULL;
	EXPECT_INT(aw_addrinfo_new(&entry, 0, NULL, &list), -EINVAL);
	EXPECT_INT(aw_addrinfo_new(NULL, 1, NULL, &list), -EINVAL);
	EXPECT_INT(aw_addrinfo_new(&entry, 1, NULL, NULL), -EINVAL);
	EXPECT_INT(aw_addrinfo_new(&entry, SIZE_MAX / 512, NULL, NULL), -EINVAL);
	entry.address_length = 1000;
	EXPECT_INT(aw_addrinfo_new(&entry, 1, NULL, &list), -EINVAL);
	entry.address = NULL;
	EXPECT_INT(aw_addrinfo_new(&entry, 1, NULL, &list), -EINVAL);
	EXPECT_INT(aw_nameinfo_new(NULL, "x", &name), -EINVAL);
	EXPECT_INT(aw_nameinfo_new("x", NULL, &name), -EINVAL);
	loop_end(loop);
}

CHECK_MAIN("resolvers", TEST(the_chosen_resolver_is_asked), TEST(its_failures_are_those_of_the_call),
           TEST(wrong_arguments_are_refused))
