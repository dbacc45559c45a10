/* SPDX-License-Identifier: MIT */
/* The resolver that a program has chosen for a loop. */
#ifndef CORE_RESOLVER_H
#define CORE_RESOLVER_H

#include "future.h"

#include <await/names.h>

/* A look-up as the program asked for it: of `address`, if there is one. */
typedef struct resolver_question {
	const char *host, *service;
	int32_t family, socktype, protocol, flags;
	const struct sockaddr *address;
	uint32_t address_length;
} resolver_question;

/*
 * Passes the question on. Returns false if the loop has no such resolver, or if the question is one for the
 * system.
 */
bool resolver_ask(aw_loop *loop, const resolver_question *question, aw_status *out_status, aw_future **out);

#endif
