/* SPDX-License-Identifier: MIT */
/* Labels: backends internal */
/*
 * The receive that lasts (AW_OP_RECV_MULTISHOT), directly on each backend's table: it brings buffers until it
 * ends, and no byte is lost by a cancel, for want of buffers, or in an end. The accept that lasts
 * (AW_OP_ACCEPT_MULTISHOT) likewise brings descriptors, and loses none. A backend without them says so.
 */
#include <stdbool.h>
#include <sys/resource.h>
#include <sys/un.h>

#include "backend_driver.h"

enum { HELD_MAX = 4096 };

typedef struct receiving {
	driver driver;
	driver_op op;
	driver_channel channel;
	aw_buffer *held[HELD_MAX];
	size_t count;
	char bytes[2 * HELD_MAX]; /* of what has arrived, in order */
	size_t size;
} receiving;

static void receive_complete(const aw_backend_core *core, aw_op *op) {
	receiving *self = core->data;
	EXPECT(self->driver.inside);
	EXPECT_INT(self->op.completions, 0);
	EXPECT(op == &self->op.op);
	if (!op->arrived) {
		self->op.completions++;
		return;
	}
	EXPECT(op->arrived->length > 0 && self->count < HELD_MAX);
	EXPECT(self->size + op->arrived->length <= sizeof self->bytes);
	memcpy(self->bytes + self->size, op->arrived->data, op->arrived->length);
	self->size += op->arrived->length;
	self->held[self->count++] = op->arrived;
}

static void receive_again(receiving *self) {
	self->op = (driver_op){.op = {.kind = AW_OP_RECV_MULTISHOT, .fd = self->channel.in}};
	self->driver.holds = 1;
	EXPECT_INT(driver_submit(&self->driver, &self->op), 0);
}

/* Returns whether the backend and the kernel can. */
static bool receive_open(receiving *self, const aw_backend *backend, uint32_t flags) {
	*self = (receiving){.driver.backend = backend};
	self->driver.core =
		(aw_backend_core){.size = sizeof self->driver.core, .complete = receive_complete, .data = self};
	EXPECT_INT(backend->open(&self->driver.core, flags, 1, &self->driver.state), 0);
	self->channel = driver_pair(SOCK_NONBLOCK);
	aw_op trial = {.kind = AW_OP_RECV_MULTISHOT, .fd = self->channel.in};
	bool can = backend->capabilities & AW_BACKEND_MULTISHOT;
	if (can) {
		EXPECT(backend->size > offsetof(aw_backend, give_back) && backend->give_back);
		self->op = (driver_op){.op = trial};
		self->driver.holds = 1;
		aw_status status = driver_submit(&self->driver, &self->op);
		EXPECT(status == 0 || status == -EOPNOTSUPP);
		return status == 0;
	}
	EXPECT_INT(backend->submit(self->driver.state, &trial), -EOPNOTSUPP);
	return false;
}

static void receive_close(receiving *self) {
	if (self->driver.state) driver_close(&self->driver);
	driver_drop(self->channel);
}

static void give_all_back(receiving *self) {
	for (size_t i = 0; i < self->count; i++)
		self->driver.backend->give_back(self->driver.state, self->held[i]);
	self->count = 0;
}

static void wait_for_size(receiving *self, size_t size) {
	int64_t limit = driver_real_now() + DRIVER_LIMIT;
	while (self->size < size && !self->op.completions && driver_real_now() < limit)
		driver_wait_until(&self->driver, driver_now(&self->driver) + AW_SECOND);
}

static void expect_bytes(receiving *self, const char *text) {
	wait_for_size(self, strlen(text));
	EXPECT_INT(self->size, strlen(text));
	EXPECT(!memcmp(self->bytes, text, self->size));
	self->size = 0;
}

static void over_each_backend(void (*check)(receiving *self)) {
	static receiving self;
	for (size_t i = 0; i < driver_count; i++)
		for (uint32_t flags = 0; flags <= AW_BACKEND_SINGLE_THREAD; flags++) {
			/* A backend's library may keep descriptors of the process from its first loop on. */
			driver first;
			REQUIRE(driver_open(&first, driver_backends[i]) == 0);
			driver_close(&first);
			int files = driver_open_files();
			if (receive_open(&self, driver_backends[i], flags)) check(&self);
			receive_close(&self);
			EXPECT_INT(driver_open_files(), files);
		}
}

/* ---- cases ---- */

static void arrivals(receiving *self) {
	driver_poll(&self->driver);
	EXPECT_INT(self->size, 0);
	for (int i = 0; i < 1000; i++) {
		driver_put(self->channel.out, "one");
		expect_bytes(self, "one");
		EXPECT_INT(self->op.completions, 0);
		give_all_back(self);
	}
	driver_put(self->channel.out, "last");
	EXPECT_INT(shutdown(self->channel.out, SHUT_WR), 0);
	EXPECT_INT(driver_finish(&self->driver, &self->op), 0);
	expect_bytes(self, "last");
}

static void it_brings_what_arrives_and_then_the_end(void) {
	over_each_backend(arrivals);
}

/* Each byte was brought, or is in the socket. */
static void expect_total(receiving *self, size_t total) {
	static char rest[2 * HELD_MAX];
	ssize_t left = recv(self->channel.in, rest, sizeof rest, MSG_DONTWAIT);
	if (left < 0) left = 0;
	EXPECT_INT(self->size + (size_t)left, total);
	self->size = 0;
}

static void cancel_at_any_time(receiving *self) {
	for (int i = 0; i < 200; i++) {
		size_t total = 0;
		if (i % 2) driver_poll(&self->driver); /* the kernel has it */
		if (i % 3) {
			driver_put(self->channel.out, "abc");
			total += 3;
		}
		if (i % 5 == 0) driver_poll(&self->driver);
		driver_cancel(&self->driver, &self->op);
		driver_cancel(&self->driver, &self->op);
		if (i % 7 == 0) {
			driver_put(self->channel.out, "def");
			total += 3;
		}
		EXPECT_INT(driver_finish(&self->driver, &self->op), -ECANCELED);
		expect_total(self, total);
		give_all_back(self);
		receive_again(self);
	}
}

static void a_cancel_loses_nothing(void) {
	over_each_backend(cancel_at_any_time);
}

static void no_buffers(receiving *self) {
	size_t sent = 0;
	for (; !self->op.completions && sent < HELD_MAX; sent++) {
		driver_put(self->channel.out, "x");
		wait_for_size(self, sent + 1);
	}
	EXPECT_INT(self->op.completions, 1);
	EXPECT_INT(self->op.op.result, -ENOBUFS);
	expect_total(self, sent);
	/* At once again, without one. */
	receive_again(self);
	driver_put(self->channel.out, "y");
	EXPECT_INT(driver_finish(&self->driver, &self->op), -ENOBUFS);
	expect_total(self, 1);
	give_all_back(self);
	receive_again(self);
	driver_put(self->channel.out, "again");
	expect_bytes(self, "again");
}

static void without_buffers_it_stops_and_loses_nothing(void) {
	over_each_backend(no_buffers);
}

static void close_with_buffers(receiving *self) {
	driver_put(self->channel.out, "held");
	wait_for_size(self, 4);
	driver_put(self->channel.out, "on its way");
	driver_close(&self->driver);
	EXPECT_INT(self->op.completions, 1);
	EXPECT_INT(self->op.op.result, -ECANCELED);
}

static void a_close_ends_it_and_takes_the_buffers(void) {
	over_each_backend(close_with_buffers);
}

static void close_at_once(receiving *self) {
	driver_close(&self->driver); /* not flushed yet */
	EXPECT_INT(self->op.completions, 1);
}

static void a_close_ends_one_that_has_not_begun(void) {
	over_each_backend(close_at_once);
}

static void fails(receiving *self) {
	driver_drop(self->channel);
	self->channel = driver_pipe(O_NONBLOCK);
	driver_cancel(&self->driver, &self->op);
	(void)driver_finish(&self->driver, &self->op);
	receive_again(self);
	EXPECT_INT(driver_finish(&self->driver, &self->op), -ENOTSOCK);
}

static void an_error_ends_it(void) {
	over_each_backend(fails);
}

/* ---- accepts ---- */

enum { CLIENTS = 200 }; /* more than a backend keeps before it delivers them */

typedef struct accepting {
	driver driver;
	driver_op op;
	struct sockaddr_un address;
	socklen_t length;
	int listener;
	int clients[CLIENTS], fds[CLIENTS]; /* -1: none */
	size_t client_count, count;
} accepting;

static void accept_complete(const aw_backend_core *core, aw_op *op) {
	accepting *self = core->data;
	EXPECT(self->driver.inside);
	EXPECT_INT(self->op.completions, 0);
	EXPECT(op == &self->op.op);
	if (!op->arrived) {
		self->op.completions++;
		return;
	}
	int fd = (int)op->arrived->id;
	EXPECT_INT(op->arrived->length, 0);
	EXPECT_INT(fcntl(fd, F_GETFD), FD_CLOEXEC);
	EXPECT(fcntl(fd, F_GETFL) & O_NONBLOCK);
	EXPECT(self->count < CLIENTS);
	self->fds[self->count++] = fd;
}

static aw_status accept_again(accepting *self) {
	self->op = (driver_op){.op = {.kind = AW_OP_ACCEPT_MULTISHOT, .fd = self->listener}};
	return driver_submit(&self->driver, &self->op);
}

static void connect_more(accepting *self, size_t count) {
	for (size_t i = 0; i < count; i++) {
		int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
		EXPECT_INT(connect(fd, (struct sockaddr *)&self->address, self->length), 0);
		EXPECT_INT(write(fd, &self->client_count, sizeof self->client_count), sizeof self->client_count);
		self->clients[self->client_count++] = fd;
	}
}

static void wait_for_connections(accepting *self, size_t count) {
	int64_t limit = driver_real_now() + DRIVER_LIMIT;
	while (self->count < count && !self->op.completions && driver_real_now() < limit)
		driver_wait_until(&self->driver, driver_now(&self->driver) + AW_SECOND);
	EXPECT_INT(self->count, count);
}

/* Each client was accepted once, in order, or waits in the socket. Forgets them. */
static void expect_each_client(accepting *self) {
	int fd;
	while ((fd = accept4(self->listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK)) >= 0)
		self->fds[self->count++] = fd;
	EXPECT_INT(self->count, self->client_count);
	for (size_t i = 0; i < self->count; i++) {
		size_t number = SIZE_MAX;
		EXPECT_INT(read(self->fds[i], &number, sizeof number), sizeof number);
		EXPECT_INT(number, i);
		close(self->fds[i]);
	}
	for (size_t i = 0; i < self->client_count; i++) close(self->clients[i]);
	self->count = self->client_count = 0;
}

/* Returns whether the backend and the kernel can. */
static bool accept_open(accepting *self, const aw_backend *backend, uint32_t flags) {
	*self = (accepting){.driver.backend = backend, .length = sizeof self->address};
	self->driver.core =
		(aw_backend_core){.size = sizeof self->driver.core, .complete = accept_complete, .data = self};
	EXPECT_INT(backend->open(&self->driver.core, flags, 1, &self->driver.state), 0);
	self->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	self->address.sun_family = AF_UNIX;
	/* Without a name, the kernel chooses one. */
	EXPECT_INT(bind(self->listener, (struct sockaddr *)&self->address, sizeof(sa_family_t)), 0);
	EXPECT_INT(getsockname(self->listener, (struct sockaddr *)&self->address, &self->length), 0);
	EXPECT_INT(listen(self->listener, CLIENTS), 0);
	connect_more(self, 1);
	aw_status status = accept_again(self);
	EXPECT(status == 0 || status == -EOPNOTSUPP);
	if (status == 0) return true;
	/* It has had no effect. */
	driver_poll(&self->driver);
	EXPECT_INT(self->op.completions, 0);
	EXPECT_INT(self->count, 0);
	return false;
}

static void accept_over_each_backend(void (*check)(accepting *self)) {
	static accepting self;
	for (size_t i = 0; i < driver_count; i++)
		for (uint32_t flags = 0; flags <= AW_BACKEND_SINGLE_THREAD; flags++) {
			driver first;
			REQUIRE(driver_open(&first, driver_backends[i]) == 0);
			driver_close(&first);
			int files = driver_open_files();
			if (accept_open(&self, driver_backends[i], flags)) check(&self);
			if (self.driver.state) driver_close(&self.driver);
			expect_each_client(&self);
			close(self.listener);
			EXPECT_INT(driver_open_files(), files);
		}
}

static void connections(accepting *self) {
	wait_for_connections(self, 1);
	connect_more(self, 1);
	wait_for_connections(self, 2);
	connect_more(self, CLIENTS - 2); /* at once */
	wait_for_connections(self, CLIENTS);
	EXPECT_INT(self->op.completions, 0);
}

static void it_brings_each_connection(void) {
	accept_over_each_backend(connections);
}

/* All of them are there before it begins, which some kernels do in the flush. */
static void many_that_wait(accepting *self) {
	driver_cancel(&self->driver, &self->op);
	EXPECT_INT(driver_finish(&self->driver, &self->op), -ECANCELED);
	connect_more(self, CLIENTS - 1);
	size_t before = self->count;
	EXPECT_INT(accept_again(self), 0);
	EXPECT_INT(self->count, before);
	wait_for_connections(self, CLIENTS);
}

static void it_brings_all_that_wait(void) {
	accept_over_each_backend(many_that_wait);
}

static void cancel_accepts(accepting *self) {
	for (int i = 0; i < 100; i++) {
		if (i % 2) driver_poll(&self->driver);
		connect_more(self, (size_t)(i % 4));
		if (i % 5 == 0) driver_poll(&self->driver);
		driver_cancel(&self->driver, &self->op);
		driver_cancel(&self->driver, &self->op);
		connect_more(self, (size_t)(i % 3));
		EXPECT_INT(driver_finish(&self->driver, &self->op), -ECANCELED);
		expect_each_client(self);
		EXPECT_INT(accept_again(self), 0);
	}
}

static void a_cancel_loses_no_connection(void) {
	accept_over_each_backend(cancel_accepts);
}

static void close_accepts(accepting *self) {
	connect_more(self, CLIENTS - 1);
	driver_close(&self->driver);
	EXPECT_INT(self->op.completions, 1);
	EXPECT_INT(self->op.op.result, -ECANCELED);
}

static void a_close_loses_no_connection(void) {
	accept_over_each_backend(close_accepts);
}

static void no_descriptors(accepting *self) {
	struct rlimit old, none;
	wait_for_connections(self, 1);
	driver_cancel(&self->driver, &self->op);
	EXPECT_INT(driver_finish(&self->driver, &self->op), -ECANCELED);
	connect_more(self, 1);
	EXPECT_INT(getrlimit(RLIMIT_NOFILE, &old), 0);
	none = old;
	none.rlim_cur = 0;
	EXPECT_INT(setrlimit(RLIMIT_NOFILE, &none), 0);
	EXPECT_INT(accept_again(self), 0);
	EXPECT_INT(driver_finish(&self->driver, &self->op), -EMFILE);
	EXPECT_INT(setrlimit(RLIMIT_NOFILE, &old), 0);
	EXPECT_INT(accept_again(self), 0);
	wait_for_connections(self, 2);
}

static void without_descriptors_it_stops(void) {
	accept_over_each_backend(no_descriptors);
}

static void accept_fails(accepting *self) {
	wait_for_connections(self, 1);
	driver_cancel(&self->driver, &self->op);
	EXPECT_INT(driver_finish(&self->driver, &self->op), -ECANCELED);
	int listener = self->listener;
	driver_channel channel = driver_pipe(O_NONBLOCK);
	self->listener = channel.in;
	EXPECT_INT(accept_again(self), 0);
	EXPECT_INT(driver_finish(&self->driver, &self->op), -ENOTSOCK);
	self->listener = listener;
	driver_drop(channel);
}

static void an_error_ends_an_accept(void) {
	accept_over_each_backend(accept_fails);
}

CONTRACT_MAIN("multishot", TEST(it_brings_what_arrives_and_then_the_end), TEST(a_cancel_loses_nothing),
              TEST(without_buffers_it_stops_and_loses_nothing), TEST(a_close_ends_it_and_takes_the_buffers),
              TEST(a_close_ends_one_that_has_not_begun), TEST(an_error_ends_it),
              TEST(it_brings_each_connection), TEST(it_brings_all_that_wait),
              TEST(a_cancel_loses_no_connection), TEST(a_close_loses_no_connection),
              TEST(without_descriptors_it_stops), TEST(an_error_ends_an_accept))
