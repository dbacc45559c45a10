/* SPDX-License-Identifier: MIT */
/*
 * Two asynchronous iterators, interleaved, and a third one asked by hand. The times are those that Python's
 * seeded generator draws, in the order drawn.
 */
#include "case.h"

#include <stdlib.h>

static const double drawn[] = {1.3766889886118914, 1.977823573197257,  1.5871926132611103,
                               1.8800673377589388, 1.797905008670758,  0.6658077217502832,
                               1.0556646625276291, 1.169754880798725,  0.641094425026199,
                               0.6605243647884922, 0.9500262373690402, 1.7479128554219474};
static size_t draws;

typedef struct web_socket_client {
	const char *name;
	int total_messages;
	int received;
	aw_iterator *iterator;
} web_socket_client;

/* __anext__ */
static aw_status next_message(void *ud, void **out, aw_destroy_fn *out_destroy) {
	web_socket_client *self = ud;
	if (self->received >= self->total_messages) return AW_ESTOPITERATION;
	must(aw_sleep((int64_t)(drawn[draws++ % 12] * 1e9)));
	self->received++;
	char *text = malloc(64);
	if (!text) return -ENOMEM;
	snprintf(text, 64, "Message for %s: %d", self->name, self->received);
	*out = text;
	*out_destroy = free;
	return 0;
}

static aw_status listen(void *ud) {
	web_socket_client *self = ud;
	void *msg = NULL;
	aw_status status;
	while ((status = aw_iterator_next(self->iterator, &msg, NULL)) == 0) {
		trace("📩 %s", (char *)msg);
		free(msg);
	}
	return status == AW_ESTOPITERATION ? 0 : status;
}

static aw_status main_coroutine(void *ud) {
	(void)ud;
	web_socket_client client1 = {.name = "ClientA", .total_messages = 5};
	web_socket_client client2 = {.name = "ClientB", .total_messages = 5};
	web_socket_client client3 = {.name = "ClientC", .total_messages = 2};
	must(aw_iterator_new(NULL, next_message, &client1, NULL, &client1.iterator));
	must(aw_iterator_new(NULL, next_message, &client2, NULL, &client2.iterator));
	must(aw_iterator_new(NULL, next_message, &client3, NULL, &client3.iterator));

	aw_task *tasks[] = {create_task(listen, &client1), create_task(listen, &client2)};
	aw_future *all = gather(tasks, 2, AW_GATHER_DEFAULT);
	must(aw_await(all, NULL));
	aw_future_unref(all);
	drop_tasks(tasks, 2);

	/* The same without the iterator's loop: each item is a separate future. */
	for (;;) {
		aw_future *next = NULL;
		void *item = NULL;
		must(aw_iterator_next_future(client3.iterator, &next));
		aw_status status = aw_await(next, &item);
		if (status == 0) trace("%s", (char *)item);
		aw_future_unref(next);
		if (status == AW_ESTOPITERATION) break;
		must(status);
	}
	aw_iterator_unref(client1.iterator);
	aw_iterator_unref(client2.iterator);
	aw_iterator_unref(client3.iterator);
	return 0;
}

CASE(s001_05_async_iterator, 9.2, CASE_ANY) {
	return aw_run(NULL, main_coroutine, NULL, NULL, NULL);
}
