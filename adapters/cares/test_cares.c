/* SPDX-License-Identifier: MIT */
/* The resolver on c-ares, against tests/dns_server.py, whose port is in DNS_PORT; nobody listens at NO_PORT. */
#include "trace.h"

#include <arpa/inet.h>
#include <await/cares.h>
#include <dirent.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <sys/socket.h>

static int descriptors(void) {
	int count = 0;
	DIR *folder = opendir("/proc/self/fd");
	while (folder && readdir(folder)) count++;
	if (folder) closedir(folder);
	return count;
}

static aw_status do_nothing(void *ud) {
	(void)ud;
	return 0;
}

static aw_status in_a_task(aw_task_fn fn) {
	/* The first loop of a backend may open descriptors that stay. */
	aw_status status = aw_run(NULL, do_nothing, NULL, NULL, NULL);
	for (int debug = 0; debug < 2 && status == 0; debug++) {
		EXPECT_INT(setenv("AWAIT_DEBUG", debug ? "1" : "0", 1), 0);
		trace_reset();
		int before = descriptors();
		status = aw_run(NULL, fn, NULL, NULL, NULL);
		EXPECT_INT(aw_debug_live_handles(), 0);
		EXPECT_INT(descriptors(), before);
	}
	unsetenv("AWAIT_DEBUG");
	return status;
}

static void use(const char *port_name, int64_t timeout, int attempts) {
	char servers[64];
	const char *port = getenv(port_name);
	snprintf(servers, sizeof servers, "127.0.0.1:%s", port ? port : "0");
	aw_cares_options options = {.size = sizeof options,
	                            .flags = AW_CARES_NO_SEARCH | AW_CARES_NO_HOSTS,
	                            .servers = servers,
	                            .timeout_ns = timeout,
	                            .attempts = attempts};
	aw_resolver resolver;
	EXPECT_INT(aw_cares_resolver_new(NULL, &options, &resolver), 0);
	EXPECT_INT(aw_loop_set_resolver(NULL, &resolver), 0);
}

/* Looks a name up, and gives its addresses as words in order of the text. */
static aw_status look_up(const char *host, const char *service, int family, int socktype, int flags,
                         char *out, size_t size) {
	aw_future *future = NULL;
	void *value = NULL;
	aw_status status = aw_getaddrinfo(NULL, host, service, family, socktype, 0, flags, &future);
	out[0] = 0;
	if (status < 0) return status;
	status = aw_await(future, &value);
	for (size_t i = 0; status >= 0 && i < aw_addrinfo_count(value); i++) {
		char text[INET6_ADDRSTRLEN], port[8];
		uint32_t length = 0;
		const struct sockaddr *address = aw_addrinfo_address(value, i, &length);
		EXPECT_INT(getnameinfo(address, length, text, sizeof text, port, sizeof port,
		                       NI_NUMERICHOST | NI_NUMERICSERV),
		           0);
		size_t used = strlen(out);
		snprintf(out + used, size - used, "%s%s/%s/%d", used ? " " : "", text, port,
		         aw_addrinfo_type(value, i));
	}
	if (status >= 0 && flags & AI_CANONNAME) {
		size_t used = strlen(out);
		snprintf(out + used, size - used, " %s", aw_addrinfo_canonname(value));
	}
	aw_future_unref(future);
	return status;
}

static aw_status addresses(void *ud) {
	(void)ud;
	char text[8192];
	use("DNS_PORT", 5 * AW_SECOND, 2);
	EXPECT_INT(look_up("good.test", "80", AF_INET, SOCK_STREAM, 0, text, sizeof text), 0);
	EXPECT(strcmp(text, "192.0.2.1/80/1 192.0.2.2/80/1") == 0 ||
	       strcmp(text, "192.0.2.2/80/1 192.0.2.1/80/1") == 0);
	EXPECT_INT(look_up("good.test", NULL, AF_INET6, SOCK_DGRAM, 0, text, sizeof text), 0);
	EXPECT_STR(text, "2001:db8::1/0/2");
	EXPECT_INT(look_up("good.test", "80", AF_UNSPEC, SOCK_STREAM, 0, text, sizeof text), 0);
	EXPECT(strstr(text, "192.0.2.1/80/1") && strstr(text, "192.0.2.2/80/1") &&
	       strstr(text, "2001:db8::1/80/1"));
	EXPECT_INT(look_up("v4.test", "1", AF_UNSPEC, 0, 0, text, sizeof text), 0);
	EXPECT_STR(strstr(text, "192.0.2.1"), text); /* each kind of socket */
	EXPECT(strstr(text, "192.0.2.1/1/1 192.0.2.1/1/2 192.0.2.1/1/3") != NULL);
	EXPECT_INT(look_up("alias.test", "1", AF_INET6, SOCK_STREAM, AI_CANONNAME, text, sizeof text), 0);
	EXPECT_STR(text, "2001:db8::1/1/1 good.test");
	/* An answer that is too long for a datagram comes over TCP. */
	EXPECT_INT(look_up("long.test", "1", AF_INET, SOCK_STREAM, 0, text, sizeof text), 0);
	EXPECT(strlen(text) > 1000);
	EXPECT_INT(look_up("127.0.0.1", "1", AF_INET, SOCK_STREAM, 0, text, sizeof text), 0);
	EXPECT_STR(text, "127.0.0.1/1/1");
	return 0;
}

static void addresses_are_found(void) {
	EXPECT_INT(in_a_task(addresses), 0);
}

static aw_status names(void *ud) {
	(void)ud;
	aw_future *future = NULL;
	void *value = NULL;
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(80)};
	use("DNS_PORT", 5 * AW_SECOND, 2);
	inet_pton(AF_INET, "192.0.2.1", &address.sin_addr);
	EXPECT_INT(aw_getnameinfo(NULL, (struct sockaddr *)&address, sizeof address, NI_NAMEREQD, &future), 0);
	EXPECT_INT(aw_await(future, &value), 0);
	EXPECT_STR(aw_nameinfo_host(value), "good.test");
	/* Not every system has an /etc/services. */
	EXPECT_STR(aw_nameinfo_service(value), getservbyname("http", "tcp") ? "http" : "80");
	aw_future_unref(future);
	inet_pton(AF_INET, "192.0.2.99", &address.sin_addr);
	EXPECT_INT(aw_getnameinfo(NULL, (struct sockaddr *)&address, sizeof address, NI_NAMEREQD, &future), 0);
	EXPECT_INT(aw_await(future, &value), AW_EGAIERROR);
	aw_future_unref(future);
	EXPECT_INT(aw_getnameinfo(NULL, (struct sockaddr *)&address, sizeof address, NI_NUMERICSERV, &future), 0);
	EXPECT_INT(aw_await(future, &value), 0);
	EXPECT_STR(aw_nameinfo_host(value), "192.0.2.99");
	EXPECT_STR(aw_nameinfo_service(value), "80");
	aw_future_unref(future);
	return 0;
}

static void names_are_found(void) {
	EXPECT_INT(in_a_task(names), 0);
}

static void expect_failure(const char *host, int family, int code) {
	char text[256];
	EXPECT_INT(look_up(host, "1", family, SOCK_STREAM, 0, text, sizeof text), AW_EGAIERROR);
	EXPECT_INT((intptr_t)aw_error_payload(aw_caught()), code);
	EXPECT(*aw_error_message(aw_caught()) != 0);
}

static aw_status failures(void *ud) {
	(void)ud;
	char text[256];
	use("DNS_PORT", 5 * AW_SECOND, 2);
	expect_failure("missing.test", AF_INET, EAI_NONAME);
	expect_failure("missing.test", AF_UNSPEC, EAI_NONAME);
	expect_failure("v4.test", AF_INET6, EAI_NONAME);
	EXPECT_INT(look_up("good.test", "no-such-service", AF_INET, SOCK_STREAM, 0, text, sizeof text),
	           AW_EGAIERROR);
	EXPECT_INT((intptr_t)aw_error_payload(aw_caught()), EAI_SERVICE);
	EXPECT_STR(aw_error_message(aw_caught()), gai_strerror(EAI_SERVICE));
	use("DNS_PORT", 50 * AW_MILLISECOND, 2);
	int64_t began = aw_loop_time(aw_loop_current());
	expect_failure("slow.test", AF_INET, EAI_AGAIN);
	EXPECT(aw_loop_time(aw_loop_current()) - began >= 100 * AW_MILLISECOND);
	use("NO_PORT", 50 * AW_MILLISECOND, 2);
	expect_failure("good.test", AF_INET, EAI_AGAIN);
	return 0;
}

static void failures_say_why(void) {
	EXPECT_INT(in_a_task(failures), 0);
}

static aw_status rubbish(void *ud) {
	(void)ud;
	char text[256];
	use("DNS_PORT", 300 * AW_MILLISECOND, 4);
	/* Datagrams that are not answers change nothing. */
	EXPECT_INT(look_up("noise.test", "1", AF_INET, SOCK_DGRAM, 0, text, sizeof text), 0);
	EXPECT(strstr(text, "192.0.2.1/1/2") && !strstr(text, "6.6.6.6"));
	EXPECT_INT(look_up("flaky.test", "1", AF_INET6, SOCK_DGRAM, 0, text, sizeof text), 0);
	EXPECT_STR(text, "2001:db8::1/1/2");
	static const char *const hosts[] = {"loop.test", "short.test", "random.test"};
	for (int i = 0; i < 6; i++) {
		aw_status status =
			look_up(hosts[i / 2], "1", i % 2 ? AF_INET : AF_UNSPEC, SOCK_DGRAM, 0, text, sizeof text);
		EXPECT_INT(status, AW_EGAIERROR);
	}
	EXPECT_INT(look_up("good.test", "1", AF_INET6, SOCK_DGRAM, 0, text, sizeof text), 0);
	return 0;
}

static void rubbish_is_survived(void) {
	EXPECT_INT(in_a_task(rubbish), 0);
}

static aw_status cancelled(void *ud) {
	(void)ud;
	aw_future *future = NULL, *kept = NULL;
	char text[256];
	use("DNS_PORT", 100 * AW_MILLISECOND, 1);
	EXPECT_INT(aw_getaddrinfo(NULL, "slow.test", NULL, AF_INET, SOCK_STREAM, 0, 0, &future), 0);
	EXPECT_INT(aw_sleep(5 * AW_MILLISECOND), 0);
	int64_t began = aw_loop_time(aw_loop_current());
	EXPECT_INT(aw_future_cancel(future, NULL), 1);
	EXPECT_INT(aw_future_cancelled(future), 1);
	EXPECT_INT(aw_await(future, NULL), AW_ECANCELLED);
	EXPECT(aw_loop_time(aw_loop_current()) - began < 50 * AW_MILLISECOND);
	aw_future_unref(future);
	/* Others are not affected, and the end of the query that was cancelled changes nothing. */
	EXPECT_INT(look_up("good.test", NULL, AF_INET6, SOCK_STREAM, 0, text, sizeof text), 0);
	EXPECT_INT(aw_sleep(150 * AW_MILLISECOND), 0);
	/* Another resolver ends the queries of the old one. */
	EXPECT_INT(aw_getaddrinfo(NULL, "slow.test", NULL, AF_INET, SOCK_STREAM, 0, 0, &future), 0);
	EXPECT_INT(aw_sleep(0), 0);
	EXPECT_INT(aw_loop_set_resolver(NULL, NULL), 0);
	EXPECT_INT(aw_await(future, NULL), -ECANCELED);
	aw_future_unref(future);
	/* A query in flight when the loop closes, and its future, which is dropped first. */
	use("DNS_PORT", 5 * AW_SECOND, 1);
	EXPECT_INT(aw_getaddrinfo(NULL, "slow.test", NULL, AF_UNSPEC, SOCK_STREAM, 0, 0, &future), 0);
	EXPECT_INT(aw_sleep(0), 0);
	EXPECT_INT(aw_getaddrinfo(NULL, "slow.test", "2", AF_INET, SOCK_STREAM, 0, 0, &kept), 0);
	aw_future_unref(future);
	aw_future_unref(kept);
	return 0;
}

static void a_query_is_cancelled_at_once(void) {
	EXPECT_INT(in_a_task(cancelled), 0);
}

enum { MANY = 50 };

static aw_status many(void *ud) {
	(void)ud;
	aw_future *futures[MANY], *all = NULL;
	use("DNS_PORT", 5 * AW_SECOND, 3);
	for (int i = 0; i < MANY; i++)
		EXPECT_INT(
			aw_getaddrinfo(NULL, i % 2 ? "good.test" : "v4.test", NULL, 0, SOCK_STREAM, 0, 0, &futures[i]),
			0);
	EXPECT_INT(aw_gather(NULL, futures, MANY, 0, &all), 0);
	EXPECT_INT(aw_await(all, NULL), 0);
	aw_future_unref(all);
	for (int i = 0; i < MANY; i++) aw_future_unref(futures[i]);
	return 0;
}

static void many_run_at_once(void) {
	EXPECT_INT(in_a_task(many), 0);
}

static aw_status drop_resolver(aw_loop *loop, const aw_report *report, void *ud) {
	(void)report;
	(void)ud;
	trace_add("reported");
	return aw_loop_set_resolver(loop, NULL);
}

static aw_status replaced_inside(void *ud) {
	(void)ud;
	aw_future *future = NULL, *other = NULL;
	EXPECT_INT(aw_loop_set_exception_handler(aw_loop_current(), drop_resolver, NULL, NULL), 0);
	use("DNS_PORT", 5 * AW_SECOND, 1);
	/* Nobody retrieves the failure: the handler runs in the middle of c-ares, and ends the resolver. */
	EXPECT_INT(aw_getaddrinfo(NULL, "missing.test", NULL, AF_INET, SOCK_STREAM, 0, 0, &future), 0);
	EXPECT_INT(aw_getaddrinfo(NULL, "slow.test", NULL, AF_INET, SOCK_STREAM, 0, 0, &other), 0);
	aw_future_unref(future);
	EXPECT_INT(aw_await(other, NULL), -ECANCELED);
	aw_future_unref(other);
	EXPECT_STR(trace, "reported");
	return 0;
}

static void a_resolver_may_be_replaced_in_the_middle(void) {
	EXPECT_INT(in_a_task(replaced_inside), 0);
}

static void wrong_arguments_are_refused(void) {
	aw_resolver resolver;
	EXPECT_INT(aw_cares_resolver_new(NULL, NULL, &resolver), AW_ENOLOOP);
	aw_loop *loop = loop_begin(NULL);
	aw_cares_options options = {.size = 8};
	void *not_a_loop[64] = {0};
	EXPECT_INT(aw_cares_resolver_new(loop, &options, &resolver), -EINVAL);
	options = (aw_cares_options){.size = sizeof options, .flags = 1u << 31};
	EXPECT_INT(aw_cares_resolver_new(loop, &options, &resolver), -EINVAL);
	options = (aw_cares_options){.size = sizeof options, .timeout_ns = -1};
	EXPECT_INT(aw_cares_resolver_new(loop, &options, &resolver), -EINVAL);
	options = (aw_cares_options){.size = sizeof options, .servers = "not a server"};
	EXPECT_INT(aw_cares_resolver_new(loop, &options, &resolver), -EINVAL);
	options.servers = "";
	EXPECT_INT(aw_cares_resolver_new(loop, &options, &resolver), -EINVAL);
	EXPECT_INT(aw_cares_resolver_new(loop, NULL, NULL), -EINVAL);
	EXPECT_INT(aw_cares_resolver_new((aw_loop *)(void *)&not_a_loop, NULL, &resolver), AW_EBADHANDLE);
	EXPECT_INT(aw_cares_resolver_new(loop, NULL, &resolver), 0);
	resolver.destroy(resolver.ud);
	loop_end(loop);
}

CHECK_MAIN("cares", TEST(addresses_are_found), TEST(names_are_found), TEST(failures_say_why),
           TEST(rubbish_is_survived), TEST(a_query_is_cancelled_at_once), TEST(many_run_at_once),
           TEST(a_resolver_may_be_replaced_in_the_middle), TEST(wrong_arguments_are_refused))
