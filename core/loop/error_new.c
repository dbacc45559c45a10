/* SPDX-License-Identifier: MIT */
/* Error objects created by the program. They belong to its loop. */
#include "error.h"
#include "failure.h"
#include "loop.h"

#include <await/taskgroup.h>
#include <errno.h>
#include <stdlib.h>

ENTRY(aw_error_new, (aw_loop *loop, aw_status code, const char *message, void *payload,
                     aw_destroy_fn destroy, aw_error **out),
      (loop, code, message, payload, destroy, out)) {
	if (loop) {
		aw_status status = loop_check(loop);
		if (status < 0) return status;
	}
	if (!code || !out) return -EINVAL;
	aw_error *self = error_make(loop ? &loop->domain : &domain_none, error_code(code), message);
	if (!self) return -ENOMEM;
	self->payload = payload;
	self->destroy = destroy;
	*out = object_hand_out(self, CALLER);
	return 0;
}

ENTRY(aw_error_new_group, (aw_loop *loop, const char *message, aw_error *const *errors, size_t count,
                           aw_error **out),
      (loop, message, errors, count, out)) {
	if (!count || !errors) return -EINVAL;
	for (size_t i = 0; i < count; i++)
		if (!object_is(errors[i], &error_class)) return AW_EBADHANDLE;
	aw_error **copy = calloc(count, sizeof *copy);
	if (!copy) return -ENOMEM;
	aw_status status = aw_error_new(loop, AW_EGROUP, message, NULL, NULL, out);
	if (status < 0) {
		free(copy);
		return status;
	}
	for (size_t i = 0; i < count; i++) copy[i] = aw_error_ref(errors[i]);
	(*out)->errors = copy;
	(*out)->count = count;
	return 0;
}
