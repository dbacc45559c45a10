/* SPDX-License-Identifier: MIT */
/* Executors that a loop reserves for one purpose. */
#include "loop_executor.h"

#include <errno.h>
#include <stdlib.h>

struct loop_executor {
	closer closer;
	loop_executor **slot;
	aw_executor *executor; /* a reference */
};

static void loop_executor_close(closer *base) {
	loop_executor *self = container_of(base, loop_executor, closer);
	*self->slot = NULL;
	aw_executor_shutdown(self->executor, true);
	aw_executor_unref(self->executor);
	free(self);
}

aw_status loop_executor_of(aw_loop *loop, loop_executor **slot, int32_t threads, aw_executor **out) {
	if (!*slot) {
		loop_executor *self = calloc(1, sizeof *self);
		if (!self) return -ENOMEM;
		aw_status status = aw_executor_new(threads, &self->executor);
		if (status < 0) {
			free(self);
			return status;
		}
		self->closer.close = loop_executor_close;
		self->slot = slot;
		loop_add_closer(loop, &self->closer);
		*slot = self;
	}
	*out = (*slot)->executor;
	return 0;
}
