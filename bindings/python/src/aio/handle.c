/* SPDX-License-Identifier: MIT */
/* What this extension does with handles. */
#include "aio.h"

const char handle_name[] = "libawait.aio.Handle", timer_handle_name[] = "libawait.aio.TimerHandle";

static Loop *loop_of(const Handle *self) {
	return (Loop *)self->loop;
}

bool handle_debug(const Handle *self) {
	aw_loop *c = loop_of(self)->c;
	return c && aw_loop_debug(c);
}

PyObject *handle_support(void) {
	return support_module();
}

aw_status handle_leave(Handle *self) {
	return loop_exit(loop_of(self), exception_take());
}

aw_status handle_call(aw_loop *c, void *ud) {
	Handle *self = ud;
	tasks_release_ended(loop_of(self));
	self->held = false;
	return handle_dispatch(c, self);
}

Handle *handle_for_report(Loop *loop, PyObject *callback, PyObject *argument, PyObject *context) {
	Handle *self = handle_new((PyObject *)loop, HANDLE_SOON, callback, &argument, 1, context);
	if (self) Py_CLEAR(self->traceback); /* nobody made it anywhere */
	return self;
}
