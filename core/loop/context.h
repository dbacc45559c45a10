/* SPDX-License-Identifier: MIT */
/*
 * Contexts are immutable chains of bindings, so copying one takes only a reference. The empty context, the
 * common case, is NULL and costs nothing. The current chain is in the thread's state.
 */
#ifndef CORE_CONTEXT_H
#define CORE_CONTEXT_H

#include "object.h"

typedef struct binding binding;

/* Copies the current context for something that runs later. */
static inline binding *context_capture(void) {
	binding *chain = thread_here()->context;
	return chain ? object_ref(chain) : NULL;
}

/* aw_context_get() in another context than the current one. */
aw_status context_get(binding *chain, const void *key, void **out);

static inline void context_drop(binding *chain) {
	if (chain) object_unref(chain);
}

/* Makes `chain` the current context and returns the previous one. Transfers both references. */
static inline binding *context_swap_on(thread *here, binding *chain) {
	binding *old = here->context;
	here->context = chain;
	return old;
}
static inline binding *context_swap(binding *chain) {
	return context_swap_on(thread_here(), chain);
}

#endif
