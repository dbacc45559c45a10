/* SPDX-License-Identifier: MIT */
/* Coroutines over the library's futures whose values are handles, which become objects. */
#include "aio.h"

typedef struct Awaited {
	Loop *loop;        /* a reference */
	aw_future *future; /* a reference */
	convert_fn convert;
	bool begun;
} Awaited;

static aw_status raise_exception(Awaited *self, aw_resume *resume) {
	PyObject *exception = exception_take();
	aw_error *error = error_of_exception(self->loop, exception);
	if (!error) {
		PyErr_Clear();
		return AW_ENOMEM;
	}
	aw_status status = aw_resume_raise(resume, error);
	aw_error_unref(error);
	return status;
}

static aw_status awaited_step(aw_resume *resume, void *ud) {
	Awaited *self = ud;
	if (!self->begun) {
		self->begun = true;
		return aw_resume_await(resume, self->future);
	}
	if (aw_resume_status(resume) < 0) return aw_resume_raise(resume, aw_resume_error(resume));
	PyObject *result = self->convert(self->loop, self->future);
	if (!result) return raise_exception(self, resume);
	aw_status status = aw_resume_return(resume, result, object_drop);
	if (status < 0) Py_DECREF(result);
	return status;
}

static void awaited_drop(void *ud) {
	Awaited *self = ud;
	aw_future_unref(self->future);
	Py_DECREF((PyObject *)self->loop);
	PyMem_Free(self);
}

int await_converted(Loop *loop, aw_future *future, convert_fn convert, aw_coro **out) {
	Awaited *self = PyMem_Calloc(1, sizeof *self);
	if (!self) {
		aw_future_unref(future);
		PyErr_NoMemory();
		return -1;
	}
	self->loop = (Loop *)Py_NewRef((PyObject *)loop);
	self->future = future;
	self->convert = convert;
	return status_ok(aw_coro_new(loop->c, awaited_step, self, awaited_drop, out));
}
