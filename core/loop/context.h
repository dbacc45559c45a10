/* SPDX-License-Identifier: MIT */
/*
 * Contexts are immutable chains of bindings, so that copying one is taking a reference, and the empty one,
 * which most programs use, is NULL and costs nothing. The thread's current chain stands in its thread state.
 */
#ifndef CORE_CONTEXT_H
#define CORE_CONTEXT_H

#include "object.h"

typedef struct binding binding;

/* A copy of the current context, for something that will run later. */
static inline binding *context_capture(void) {
	binding *chain = thread_here()->context;
	return chain ? object_ref(chain) : NULL;
}

static inline void context_drop(binding *chain) {
	if (chain) object_unref(chain);
}

/* Makes `chain` the current context and returns the one before. References move. */
static inline binding *context_swap_on(thread *here, binding *chain) {
	binding *old = here->context;
	here->context = chain;
	return old;
}
static inline binding *context_swap(binding *chain) {
	return context_swap_on(thread_here(), chain);
}

#endif
