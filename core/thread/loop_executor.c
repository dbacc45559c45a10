/* SPDX-License-Identifier: MIT */
/* Executors that a loop reserves for one purpose. */
#include "loop_executor.h"

#include <errno.h>
#include <stdlib.h>

struct loop_executor {
	closer closer;
	loop_executor **slot;
	aw_executor *executor; /* a reference */
	bool joins;
};

static void loop_executor_close(closer *base) {
	loop_executor *self = container_of(base, loop_executor, closer);
	*self->slot = NULL;
	aw_executor_shutdown(self->executor, true);
	aw_status status = self->joins ? aw_executor_shutdown_wait(self->executor, AW_FOREVER) : 0;
	(void)status; /* it can't fail here: none of the threads closes the loop */
	aw_executor_unref(self->executor);
	free(self);
}

aw_status loop_executor_of(aw_loop *loop, loop_executor **slot, int32_t threads, bool joins,
                           aw_executor **out) {
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
		self->joins = joins;
		loop_add_closer(loop, &self->closer);
		*slot = self;
	}
	*out = (*slot)->executor;
	return 0;
}
