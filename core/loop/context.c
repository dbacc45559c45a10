/* SPDX-License-Identifier: MIT */
/*
 * Context variables. Rebinding a key copies the chain down to the old binding: chains are short, and reads
 * are the common case.
 */
#include "context.h"

#include "failure.h"
#include "loop.h"

#include <await/context.h>
#include <errno.h>

/* A value, shared by the bindings of every chain that contains it. */
typedef struct cell {
	object base;
	void *value;
	aw_destroy_fn destroy;
} cell;

struct binding {
	object base;
	const void *key;
	cell *cell;    /* a reference */
	binding *rest; /* a reference */
};

static void cell_release(object *base) {
	cell *self = (cell *)base;
	object_destroy_user(self->destroy, self->value);
	object_free(base);
}

static void binding_release(object *base) {
	binding *self = (binding *)base;
	object_unref(self->cell);
	context_drop(self->rest);
	object_free(base);
}

static const object_class cell_class = {
	.name = "context value", .size = sizeof(cell), .release = cell_release};
static const object_class binding_class = {
	.name = "context", .size = sizeof(binding), .release = binding_release};

static domain *here(void) {
	aw_loop *loop = thread_here()->loop;
	return loop ? &loop->domain : &domain_none;
}

/* Takes new references to both. */
static binding *binding_new(const void *key, cell *value, binding *rest) {
	binding *self = object_new(here(), &binding_class);
	if (!self) return NULL;
	self->key = key;
	self->cell = object_ref(value);
	self->rest = rest ? object_ref(rest) : NULL;
	return self;
}

static binding *find(binding *chain, const void *key) {
	while (chain && chain->key != key) chain = chain->rest;
	return chain;
}

/*
 * Returns a new reference to a copy of `chain` without the binding of `key`, which it must contain; NULL is
 * the empty chain, or *status is set if memory runs out.
 */
static binding *without(binding *chain, const void *key, aw_status *status) {
	binding *first = NULL, **end = &first;
	for (; chain->key != key; chain = chain->rest) {
		*end = binding_new(chain->key, chain->cell, NULL);
		if (!*end) {
			context_drop(first);
			*status = -ENOMEM;
			return NULL;
		}
		end = &(*end)->rest;
	}
	*end = chain->rest ? object_ref(chain->rest) : NULL;
	return first;
}

/* Returns a new reference to the current chain without `key`. */
static binding *current_without(const void *key, aw_status *status) {
	binding *chain = thread_here()->context;
	if (!find(chain, key)) return chain ? object_ref(chain) : NULL;
	return without(chain, key, status);
}

ENTRY(aw_context_set, (const void *key, void *value, aw_destroy_fn destroy), (key, value, destroy)) {
	aw_status status = key ? 0 : -EINVAL;
	cell *cell_new = status < 0 ? NULL : object_new(here(), &cell_class);
	if (!cell_new) return status < 0 ? status : -ENOMEM;
	cell_new->value = value;
	binding *rest = current_without(key, &status);
	binding *self = status < 0 ? NULL : binding_new(key, cell_new, rest);
	context_drop(rest);
	if (self) cell_new->destroy = destroy; /* on success only: now the value is ours */
	object_unref(cell_new);
	if (!self) return -ENOMEM;
	context_drop(context_swap(self));
	return 0;
}

aw_status context_get(binding *chain, const void *key, void **out) {
	binding *self = find(chain, key);
	if (!self || !key) return -ENOENT;
	if (out) *out = self->cell->value;
	return 0;
}

ENTRY(aw_context_get, (const void *key, void **out), (key, out)) {
	return context_get(thread_here()->context, key, out);
}

ENTRY(aw_context_unset, (const void *key), (key)) {
	if (!key || !find(thread_here()->context, key)) return -ENOENT;
	aw_status status = 0;
	binding *chain = current_without(key, &status);
	if (status == 0) context_drop(context_swap(chain));
	return status;
}
