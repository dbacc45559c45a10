/* SPDX-License-Identifier: MIT */
/* What this extension does with handles: those that libawait has are on the list of their core. */
#include "loop.h"

const char handle_name[] = "libawait._loop.Handle", timer_handle_name[] = "libawait._loop.TimerHandle";

bool handle_debug(const Handle *self) {
	return handle_core(self)->debug;
}

PyObject *handle_support(void) {
	return py.support;
}

/* core_iterate() raises it. */
aw_status handle_leave(Handle *self) {
	Py_XSETREF(handle_core(self)->exit, exception_take());
	return AW_ESYSTEMEXIT;
}

void handle_hold(Handle *self) {
	Py_INCREF(self);
	self->held = true;
	loop_core *core = handle_core(self);
	self->next = core->held;
	self->link = &core->held;
	if (self->next) self->next->link = &self->next;
	core->held = self;
}

void handle_release(void *ud) {
	Handle *self = ud;
	self->held = false;
	*self->link = self->next;
	if (self->next) self->next->link = self->link;
	self->next = NULL;
	if (self->timer) {
		aw_handle_unref(self->timer);
		self->timer = NULL;
	}
	if (self->process) {
		aw_process_unref(self->process);
		self->process = NULL;
	}
	Py_DECREF(self);
}

aw_status handle_call(aw_loop *loop, void *ud) {
	Handle *self = ud;
	loop_core *core = handle_core(self);
	if (!core->debug) return handle_dispatch(loop, self);
	Py_INCREF(self);
	Py_XSETREF(core->current_handle, Py_NewRef((PyObject *)self));
	aw_status status = handle_dispatch(loop, self);
	Py_XSETREF(core->current_handle, Py_NewRef(Py_None));
	Py_DECREF(self);
	return status;
}
