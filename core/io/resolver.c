/* SPDX-License-Identifier: MIT */
/* A resolver that a program has chosen, instead of the system's on threads. */
#include "resolver.h"

#include "failure.h"
#include "sized.h"

#include <errno.h>
#include <netdb.h>
#include <stdlib.h>
#include <sys/socket.h>

struct chosen_resolver {
	closer closer;
	aw_loop *loop;
	aw_resolver table;
};

/* Ends it. Its destroy function may look names up, which the system's resolver then does. */
static void forget(struct chosen_resolver *self) {
	self->loop->chosen_resolver = NULL;
	loop_remove_closer(self->loop, &self->closer);
	object_destroy_user(self->table.destroy, self->table.ud);
	free(self);
}

static void chosen_close(closer *base) {
	forget(container_of(base, struct chosen_resolver, closer));
}

static aw_status choose(aw_loop *loop, const aw_resolver *table) {
	struct chosen_resolver *self = calloc(1, sizeof *self);
	if (!self) return -ENOMEM;
	self->loop = loop;
	(void)SIZED_READ(aw_resolver, &self->table, table, destroy); /* it was checked */
	self->closer.close = chosen_close;
	if (loop->chosen_resolver) forget(loop->chosen_resolver);
	loop_add_closer(loop, &self->closer);
	loop->chosen_resolver = self;
	return 0;
}

ENTRY(aw_loop_set_resolver, (aw_loop *loop, const aw_resolver *resolver), (loop, resolver)) {
	aw_status status = loop_resolve(&loop),
			  known = resolver ? SIZED_CHECK(aw_resolver, resolver, destroy) : 0;
	bool is_table = resolver && known == 0;
	if (status == 0) status = known;
	if (status == 0 && resolver) status = choose(loop, resolver);
	if (status < 0) {
		if (is_table) object_destroy_user(resolver->destroy, resolver->ud);
		return status;
	}
	if (!resolver && loop->chosen_resolver) forget(loop->chosen_resolver);
	return 0;
}

bool resolver_ask(aw_loop *loop, const resolver_question *question, aw_status *out_status, aw_future **out) {
	const struct chosen_resolver *self = loop->chosen_resolver;
	if (!self) return false;
	const aw_resolver *table = &self->table;
	aw_future *answer = NULL;
	if (question->address) {
		int family = question->address->sa_family;
		if (!table->getnameinfo || (family != AF_INET && family != AF_INET6)) return false;
		*out_status = table->getnameinfo(loop, question->address, question->address_length, question->flags,
		                                 table->ud, &answer);
	} else {
		if (!table->getaddrinfo || !question->host || question->flags & AI_NUMERICHOST) return false;
		*out_status =
			table->getaddrinfo(loop, question->host, question->service, question->family, question->socktype,
		                       question->protocol, question->flags, table->ud, &answer);
	}
	if (*out_status >= 0) *out_status = future_check(answer, loop);
	if (*out_status == 0) *out = answer;
	return true;
}
