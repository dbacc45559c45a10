/* SPDX-License-Identifier: MIT */
/*
 * `async with`: entered in order, exited in reverse order, each with its own sleep. The times are those
 * that Python's seeded generator draws, in the order drawn.
 */
#include "case.h"

static const double drawn[] = {0.7020344131716436, 1.4111495631597006, 1.431051236889743,  0.52823812854111,
                               1.3498162061846761, 1.1919958315123989, 0.5169468478445365, 0.6907393502258503,
                               0.6379652208631226, 1.023573298975038};
static size_t draws;

typedef struct web_socket_client {
	const char *name;
	int total_messages;
	int received;
	bool connected;
} web_socket_client;

static aw_status client_enter(web_socket_client *self) {
	trace("🔌 %s connecting...", self->name);
	must(aw_sleep(AW_SECOND / 2));
	self->connected = true;
	trace("✅ %s connected", self->name);
	return 0;
}

static aw_status client_exit(web_socket_client *self) {
	trace("❌ %s disconnecting...", self->name);
	must(aw_sleep(AW_SECOND / 2));
	self->connected = false;
	trace("✅ %s disconnected", self->name);
	return 0;
}

/* __anext__ */
static aw_status next_message(void *ud, void **out, aw_destroy_fn *out_destroy) {
	web_socket_client *self = ud;
	if (self->received >= self->total_messages) return AW_ESTOPITERATION;
	must(aw_sleep((int64_t)(drawn[draws++ % 10] * 1e9)));
	self->received++;
	*out = &self->received;
	*out_destroy = NULL;
	return 0;
}

static aw_status listen(void *ud) {
	web_socket_client *self = ud;
	aw_iterator *iterator = NULL;
	void *msg = NULL;
	aw_status status;
	must(aw_iterator_new(NULL, next_message, self, NULL, &iterator));
	while ((status = aw_iterator_next(iterator, &msg, NULL)) == 0)
		trace("📩 Message for %s: %d", self->name, *(int *)msg);
	aw_iterator_unref(iterator);
	return status == AW_ESTOPITERATION ? 0 : status;
}

/* The two scopes of the first `async with`, the second inside the first. */
typedef struct pair {
	web_socket_client *c1, *c2;
} pair;

static aw_status enter_first(void *ud) {
	return client_enter(((const pair *)ud)->c1);
}

static aw_status leave_first(void *ud, aw_status body) {
	(void)body;
	return client_exit(((const pair *)ud)->c1);
}

static aw_status enter_second(void *ud) {
	return client_enter(((const pair *)ud)->c2);
}

static aw_status leave_second(void *ud, aw_status body) {
	(void)body;
	return client_exit(((const pair *)ud)->c2);
}

static aw_status body(void *ud) {
	const pair *self = ud;
	aw_task *tasks[] = {create_task(listen, self->c1), create_task(listen, self->c2)};
	aw_future *all = gather(tasks, 2, AW_GATHER_DEFAULT);
	aw_status status = aw_await(all, NULL);
	aw_future_unref(all);
	drop_tasks(tasks, 2);
	return status;
}

static aw_status with_second(void *ud) {
	return aw_with(enter_second, body, leave_second, ud);
}

static aw_status main_coroutine(void *ud) {
	(void)ud;
	web_socket_client a = {.name = "ClientA", .total_messages = 5},
					  b = {.name = "ClientB", .total_messages = 5};
	pair both = {&a, &b};
	must(aw_with(enter_first, with_second, leave_first, &both));

	/* The same by hand. */
	web_socket_client resource = {.name = "ClientC", .total_messages = 5};
	must(client_enter(&resource));
	trace("%s", True_or_False(resource.connected));
	must(client_exit(&resource));
	return 0;
}

CASE(s001_06_async_context_manager, 8.0, CASE_ANY) {
	return aw_run(NULL, main_coroutine, NULL, NULL, NULL);
}
