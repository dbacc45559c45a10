/* SPDX-License-Identifier: MIT */
/* The outcome of a future: its result or its exception. */
#include "aio.h"

/*
 * A cancellation without a message has an empty one among results; and a task forgets its message, as
 * asyncio's do.
 */
static PyObject *cancellation_of_child(PyObject *child, PyObject *exception) {
	PyObject *args = PyObject_TypeCheck(child, &Task_Type) ? NULL : PyObject_GetAttrString(exception, "args");
	bool keep = args && PyTuple_Check(args) && PyTuple_GET_SIZE(args) > 0;
	Py_XDECREF(args);
	if (keep) return exception;
	Py_DECREF(exception);
	PyErr_Clear();
	return PyObject_CallFunction(CancelledError, "s", "");
}

static PyObject *result_of_child(PyObject *child) {
	if (!future_done((Future *)child)) return Py_NewRef(Py_None);
	PyObject *result = future_result((Future *)child);
	if (result) return result;
	PyObject *exception = exception_take();
	return exception && aw_future_cancelled(((Future *)child)->c) ? cancellation_of_child(child, exception)
	                                                              : exception;
}

static PyObject *results_of_children(PyObject *children) {
	Py_ssize_t count = PyList_GET_SIZE(children);
	PyObject *list = PyList_New(count);
	for (Py_ssize_t i = 0; list && i < count; i++) {
		PyObject *one = result_of_child(PyList_GET_ITEM(children, i));
		if (!one) {
			Py_CLEAR(list);
			break;
		}
		PyList_SET_ITEM(list, i, one);
	}
	return list;
}

static PyObject *value_of(Future *self, void *value) {
	int32_t kind = aw_future_value_kind(self->c);
	if (kind == AW_VALUE_POINTER) return Py_NewRef(value ? (PyObject *)value : Py_None);
	if (!self->cached) {
		if (kind == AW_VALUE_RESULTS && self->source && PyList_Check(self->source))
			self->cached = results_of_children(self->source);
		else if (kind == AW_VALUE_RESULTS && self->source)
			self->cached = future_result((Future *)self->source);
		else
			self->cached = value_object(self->loop, value, kind);
	}
	return Py_XNewRef(self->cached);
}

/* The exception of a failed or cancelled future, new reference. */
PyObject *future_failure_of(Future *self, aw_error *error, aw_status status) {
	/* A message set later counts. */
	if (status == AW_ECANCELLED && self->cancel_msg &&
	    !(error && aw_error_payload(error) && PyExceptionInstance_Check(aw_error_payload(error))))
		return PyObject_CallOneArg(CancelledError, self->cancel_msg);
	return exception_of(error, status);
}

PyObject *future_failure(Future *self) {
	aw_error *error = NULL;
	aw_status status = aw_future_error(self->c, &error);
	self->log_traceback = false;
	PyObject *exception = future_failure_of(self, error, status < 0 ? status : aw_error_status(error));
	if (!exception) return NULL;
	if (!self->exception_traceback) {
		PyObject *traceback = PyException_GetTraceback(exception);
		self->exception_traceback = traceback ? traceback : Py_NewRef(Py_None);
	} else if (PyException_SetTraceback(exception, self->exception_traceback) < 0) {
		Py_CLEAR(exception);
	}
	return exception;
}

PyObject *future_result(Future *self) {
	void *value = NULL;
	aw_status status = aw_future_result(self->c, &value);
	if (status == AW_EINVALIDSTATE && !aw_future_done(self->c)) {
		PyErr_SetString(InvalidStateError, "Result is not set.");
		return NULL;
	}
	if (status >= 0) return value_of(self, value);
	PyObject *exception = future_failure(self);
	if (exception) exception_give(exception);
	return NULL;
}

PyObject *Future_result(PyObject *base, PyObject *unused) {
	(void)unused;
	Future *self = (Future *)base;
	if (!self->c) {
		PyErr_SetString(InvalidStateError, "Future object is not initialized.");
		return NULL;
	}
	return future_result(self);
}

PyObject *Future_exception(PyObject *base, PyObject *unused) {
	(void)unused;
	Future *self = (Future *)base;
	aw_error *error = NULL;
	aw_status status = self->c ? aw_future_error(self->c, &error) : AW_EINVALIDSTATE;
	if (status == AW_EINVALIDSTATE) {
		PyErr_SetString(InvalidStateError, "Exception is not set.");
		return NULL;
	}
	self->log_traceback = false;
	if (!error) Py_RETURN_NONE;
	PyObject *exception = future_failure_of(self, error, aw_error_status(error));
	if (status != AW_ECANCELLED || !exception) return exception;
	exception_give(exception);
	return NULL;
}

/* A task ends by itself, and a gather too. */
static PyObject *not_settled(aw_status status) {
	if (status != AW_EPERM) return raise_status(status);
	PyErr_SetString(PyExc_RuntimeError, "a task takes no result and no exception from outside");
	return NULL;
}

PyObject *Future_set_result(PyObject *base, PyObject *value) {
	Future *self = (Future *)base;
	if (future_check(self) < 0) return NULL;
	aw_status status = aw_future_set_result(self->c, value, object_drop);
	if (status == AW_EINVALIDSTATE) return PyErr_Format(InvalidStateError, "invalid state: %R", base);
	if (status < 0) return not_settled(status);
	Py_INCREF(value);
	self->held = value;
	Py_RETURN_NONE;
}

PyObject *Future_set_exception(PyObject *base, PyObject *exception) {
	Future *self = (Future *)base;
	if (future_check(self) < 0) return NULL;
	if (aw_future_done(self->c)) return PyErr_Format(InvalidStateError, "invalid state: %R", base);
	PyObject *instance =
		PyExceptionClass_Check(exception) ? PyObject_CallNoArgs(exception) : Py_NewRef(exception);
	if (!instance) return NULL;
	if (!PyExceptionInstance_Check(instance)) {
		Py_DECREF(instance);
		PyErr_SetString(PyExc_TypeError, "invalid exception object");
		return NULL;
	}
	if (PyErr_GivenExceptionMatches(instance, PyExc_StopIteration)) {
		PyObject *wrapped = support_call("wrap_stop_iteration", instance, NULL);
		Py_DECREF(instance);
		if (!wrapped) return NULL;
		if (wrapped == Py_None) {
			Py_DECREF(wrapped);
			PyErr_SetString(
				PyExc_TypeError,
				"StopIteration interacts badly with generators and cannot be raised into a Future");
			return NULL;
		}
		instance = wrapped;
	}
	aw_error *error = error_of_exception(self->loop, instance);
	if (!error) return NULL;
	aw_status status = aw_future_set_error(self->c, error);
	aw_error_unref(error);
	if (status < 0) return not_settled(status);
	self->held = instance;
	self->log_traceback = true;
	self->exception_traceback = PyException_GetTraceback(instance);
	if (!self->exception_traceback) self->exception_traceback = Py_NewRef(Py_None);
	Py_RETURN_NONE;
}

PyObject *Future_make_cancelled_error(PyObject *base, PyObject *unused) {
	(void)unused;
	Future *self = (Future *)base;
	aw_error *error = NULL;
	if (future_done(self) && aw_future_cancelled(self->c)) aw_future_error(self->c, &error);
	return future_failure_of(self, error, AW_ECANCELLED);
}
