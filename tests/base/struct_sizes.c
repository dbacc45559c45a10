/* SPDX-License-Identifier: MIT */
/* Labels: internal valgrind */
/* Public structs that begin with their size: from older headers, and from newer ones. */
#include "sized.h"
#include "trace.h"

#include <await/await.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

/* Memory whose end is that of what can be read. */
static void *at_the_end(const void *data, size_t size) {
	static unsigned char *page;
	size_t page_size = (size_t)sysconf(_SC_PAGESIZE);
	if (!page) {
		page = mmap(NULL, 3 * page_size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		EXPECT_INT(mprotect(page + 2 * page_size, page_size, PROT_NONE), 0);
	}
	return memcpy(page + 2 * page_size - size, data, size);
}

/* What the first release had, what this one has, and what a later one will have. */
typedef struct first_struct {
	uint32_t size, flags;
} first_struct;

typedef struct known_struct {
	uint32_t size, flags;
	uint64_t limit;
} known_struct;

typedef struct later_struct {
	uint32_t size, flags;
	uint64_t limit, wish;
} later_struct;

static aw_status read_known(known_struct *to, const void *from) {
	memset(to, 0xaa, sizeof *to);
	return SIZED_READ(known_struct, to, from, flags);
}

static void an_older_struct_gets_defaults(void) {
	known_struct own;
	first_struct first = {.size = sizeof first, .flags = 7};
	EXPECT_INT(read_known(&own, at_the_end(&first, sizeof first)), 0);
	EXPECT_INT(own.size, sizeof own);
	EXPECT_INT(own.flags, 7);
	EXPECT_INT(own.limit, 0);
	EXPECT_INT(read_known(&own, NULL), 0);
	EXPECT_INT(own.size, sizeof own);
	EXPECT_INT(own.flags, 0);
	/* Shorter than any was. */
	first.size = 7;
	EXPECT_INT(read_known(&own, at_the_end(&first, 7)), -EINVAL);
	EXPECT_INT(own.flags, 0);
	first.size = 0;
	EXPECT_INT(read_known(&own, &first), -EINVAL);
}

static void a_newer_struct_may_ask_for_nothing_new(void) {
	known_struct own;
	later_struct later = {.size = sizeof later, .flags = 7, .limit = 8};
	EXPECT_INT(read_known(&own, at_the_end(&later, sizeof later)), 0);
	EXPECT_INT(own.size, sizeof own);
	EXPECT_INT(own.limit, 8);
	later.wish = (uint64_t)1 << 63;
	EXPECT_INT(read_known(&own, at_the_end(&later, sizeof later)), -E2BIG);
	EXPECT_INT(own.limit, 0);
	later.size = UINT32_MAX;
	EXPECT_INT(read_known(&own, at_the_end(&later, sizeof later)), -E2BIG);
}

/* --- the structs of the interface --- */

typedef aw_status (*use_fn)(const void *sized);

/* Stackful calls check their arguments in a task. */
static aw_status use_stream_options(const void *sized) {
	aw_stream *one = NULL, *other = NULL;
	aw_status status = aw_stream_pair(NULL, sized, &one, &other);
	if (status < 0) return status;
	aw_stream_close(one);
	aw_stream_close(other);
	aw_stream_unref(one);
	aw_stream_unref(other);
	return 0;
}

static aw_status use_of_fd(const void *sized) {
	int fds[2];
	aw_stream *stream = NULL;
	EXPECT_INT(pipe(fds), 0);
	aw_status status = aw_stream_from_fd(NULL, fds[0], sized, &stream);
	close(fds[1]);
	if (status < 0) {
		close(fds[0]);
		return status;
	}
	aw_stream_close(stream);
	aw_stream_unref(stream);
	return 0;
}

static aw_status use_copy_options(const void *sized) {
	aw_stream *one = NULL, *other = NULL;
	EXPECT_INT(aw_stream_pair(NULL, NULL, &one, &other), 0);
	aw_status status = aw_stream_copy(one, other, 0, sized, NULL, NULL);
	aw_stream_close(one);
	aw_stream_close(other);
	aw_stream_unref(one);
	aw_stream_unref(other);
	return status;
}

static aw_status use_protocol(const void *sized) {
	aw_stream *one = NULL, *other = NULL;
	EXPECT_INT(aw_stream_pair(NULL, NULL, &one, &other), 0);
	aw_status status = aw_stream_set_protocol(one, sized, NULL, NULL);
	aw_stream_close(one);
	aw_stream_close(other);
	EXPECT_INT(aw_stream_wait_closed(one, -1), 0);
	aw_stream_unref(one);
	aw_stream_unref(other);
	return status;
}

static aw_status serve_nobody(aw_stream *stream, void *ud) {
	(void)stream;
	(void)ud;
	return 0;
}

static aw_status use_server_options(const void *sized) {
	aw_server *server = NULL;
	aw_status status = aw_server_new(NULL, serve_nobody, NULL, NULL, sized, &server);
	if (status == 0) aw_server_unref(server);
	return status;
}

static aw_status use_connect_options(const void *sized) {
	aw_stream *stream = NULL;
	aw_status status = aw_open_unix_connection("/no/such/socket", sized, &stream);
	return status == -ENOENT ? 0 : status;
}

static aw_status use_datagram_options(const void *sized) {
	aw_datagram *datagram = NULL;
	aw_status status = aw_datagram_open(sized, &datagram);
	if (status < 0) return status;
	aw_datagram_close(datagram);
	aw_datagram_unref(datagram);
	return 0;
}

static const struct {
	const char *name;
	size_t size;
	use_fn use;
} users[] = {{"stream", sizeof(aw_stream_options), use_stream_options},
             {"fd", sizeof(aw_stream_options), use_of_fd},
             {"copy", sizeof(aw_copy_options), use_copy_options},
             {"protocol", sizeof(aw_protocol), use_protocol},
             {"server", sizeof(aw_server_options), use_server_options},
             {"connect", sizeof(aw_connect_options), use_connect_options},
             {"datagram", sizeof(aw_datagram_options), use_datagram_options}};

static aw_status use_all(void *ud) {
	(void)ud;
	for (size_t i = 0; i < sizeof users / sizeof *users; i++) {
		_Alignas(8) unsigned char bytes[512] = {0};
		uint32_t size = (uint32_t)users[i].size;
		memcpy(bytes, &size, sizeof size);
		if (users[i].use == use_datagram_options) {
			aw_datagram_options options = {.size = size, .family = AF_INET};
			memcpy(bytes, &options, sizeof options);
		}
		EXPECT_INT(users[i].use(at_the_end(bytes, size)), 0);
		size += 16;
		memcpy(bytes, &size, sizeof size);
		EXPECT_INT(users[i].use(at_the_end(bytes, size)), 0);
		bytes[size - 1] = 1;
		EXPECT_INT(users[i].use(at_the_end(bytes, size)), -E2BIG);
		size = 4;
		memcpy(bytes, &size, sizeof size);
		EXPECT_INT(users[i].use(bytes), -EINVAL);
	}
	return 0;
}

static void the_rule_holds_for_each_struct(void) {
	EXPECT_INT(aw_run("epoll", use_all, NULL, NULL, NULL), 0);
	EXPECT_INT(aw_debug_live_handles(), 0);
}

CHECK_MAIN("struct_sizes", TEST(an_older_struct_gets_defaults), TEST(a_newer_struct_may_ask_for_nothing_new),
           TEST(the_rule_holds_for_each_struct))
