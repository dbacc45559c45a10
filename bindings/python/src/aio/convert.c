/* SPDX-License-Identifier: MIT */
/* Converts between Python's objects and exceptions and the library's values and errors. */
#include "aio.h"

#include <errno.h>
#include <math.h>

PyObject *CancelledError, *InvalidStateError, *QueueFull, *QueueEmpty, *QueueShutDown, *BrokenBarrierError;
static PyObject *support; /* libawait.aio._support */

static PyObject *take(PyObject *module, const char *name) {
	return module ? PyObject_GetAttrString(module, name) : NULL;
}

int convert_import(void) {
	PyObject *module = PyImport_ImportModule("libawait.aio.exceptions");
	CancelledError = take(module, "CancelledError");
	InvalidStateError = take(module, "InvalidStateError");
	QueueFull = take(module, "QueueFull");
	QueueEmpty = take(module, "QueueEmpty");
	QueueShutDown = take(module, "QueueShutDown");
	BrokenBarrierError = take(module, "BrokenBarrierError");
	Py_XDECREF(module);
	return CancelledError && InvalidStateError && QueueFull && QueueEmpty && QueueShutDown &&
	               BrokenBarrierError
	           ? 0
	           : -1;
}

PyObject *support_module(void) {
	if (!support) support = PyImport_ImportModule("libawait.aio._support");
	return support;
}

PyObject *support_call(const char *name, PyObject *one, PyObject *two) {
	PyObject *module = support_module(), *function = module ? PyObject_GetAttrString(module, name) : NULL;
	if (!function) return NULL;
	PyObject *result = PyObject_CallFunctionObjArgs(function, one, two, NULL);
	Py_DECREF(function);
	return result;
}

/* ---- exceptions ---- */

/* The type and message of the codes that libawait adds. */
static PyObject *type_of(aw_status status, const char **out_message) {
	*out_message = aw_strerror(status);
	switch (status) {
	case AW_ECANCELLED: *out_message = NULL; return CancelledError;
	case AW_ETIMEOUT:
	case AW_EPENDING: *out_message = NULL; return PyExc_TimeoutError;
	case AW_EINVALIDSTATE: *out_message = "invalid state"; return InvalidStateError;
	case AW_EQUEUEFULL: *out_message = NULL; return QueueFull;
	case AW_EQUEUEEMPTY: *out_message = NULL; return QueueEmpty;
	case AW_EQUEUESHUTDOWN: *out_message = NULL; return QueueShutDown;
	case AW_EBROKENBARRIER: *out_message = "Barrier aborted"; return BrokenBarrierError;
	case AW_ESTOPITERATION: *out_message = NULL; return PyExc_StopAsyncIteration;
	case AW_ELOOPCLOSED: *out_message = "Event loop is closed"; return PyExc_RuntimeError;
	case AW_EREUSED: *out_message = "cannot reuse already awaited coroutine"; return PyExc_RuntimeError;
	case AW_EWRONGTHREAD:
		*out_message = "Non-thread-safe operation invoked on an event loop other than the current one";
		return PyExc_RuntimeError;
	default: return PyExc_RuntimeError;
	}
}

PyObject *raise_status(aw_status status) {
	if (status == AW_ENOMEM) return PyErr_NoMemory();
	if (status > -4096) {
		errno = -status;
		return PyErr_SetFromErrno(PyExc_OSError);
	}
	const char *message;
	PyObject *type = type_of(status, &message);
	if (message)
		PyErr_SetString(type, message);
	else
		PyErr_SetNone(type);
	return NULL;
}

int status_ok(aw_status status) {
	if (status >= 0) return 0;
	raise_status(status);
	return -1;
}

/* The code of a failed look-up is its payload. */
static PyObject *exception_of_lookup(aw_error *error) {
	PyObject *code = PyLong_FromSsize_t((Py_ssize_t)(intptr_t)aw_error_payload(error));
	PyObject *message = PyUnicode_FromString(aw_error_message(error));
	PyObject *exception = code && message ? support_call("lookup_failed", code, message) : NULL;
	Py_XDECREF(code);
	Py_XDECREF(message);
	return exception;
}

/* An error of the system with more than the system's text: which address it was about. */
static PyObject *exception_of_address(aw_error *error, aw_status status) {
	PyObject *number = PyLong_FromLong(-status), *message = PyUnicode_FromString(aw_error_message(error));
	PyObject *exception = number && message ? support_call("address_failed", number, message) : NULL;
	Py_XDECREF(number);
	Py_XDECREF(message);
	return exception;
}

static PyObject *exception_of_group(aw_error *error) {
	size_t count = aw_error_count(error);
	PyObject *list = PyList_New((Py_ssize_t)count);
	for (size_t i = 0; list && i < count; i++) {
		aw_error *one = aw_error_get(error, i);
		PyObject *exception = exception_of(one, aw_error_status(one));
		if (!exception) {
			Py_CLEAR(list);
			break;
		}
		PyList_SET_ITEM(list, (Py_ssize_t)i, exception);
	}
	if (!list) return NULL;
	PyObject *group = PyObject_CallFunction(PyExc_BaseExceptionGroup, "sO", aw_error_message(error), list);
	Py_DECREF(list);
	return group;
}

PyObject *exception_of(aw_error *error, aw_status status) {
	if (error && status == AW_EGAIERROR) {
		PyObject *exception = exception_of_lookup(error);
		return exception ? exception : exception_take();
	}
	PyObject *payload = error ? aw_error_payload(error) : NULL;
	if (payload && PyExceptionInstance_Check(payload)) return Py_NewRef(payload);
	/* A cancellation's message is passed as a tuple of arguments. */
	if (payload && status == AW_ECANCELLED) return PyObject_CallObject(CancelledError, payload);
	if (status == AW_EGROUP && error) return exception_of_group(error);
	if (error && !payload && status > -4096 && status != AW_ENOMEM &&
	    strcmp(aw_error_message(error), aw_strerror(status)) != 0) {
		PyObject *exception = exception_of_address(error, status);
		return exception ? exception : exception_take();
	}
	raise_status(status);
	return exception_take();
}

void object_drop(void *object) {
	Py_DECREF((PyObject *)object);
}

aw_error *error_of_exception(Loop *loop, PyObject *exception) {
	aw_status code = PyErr_GivenExceptionMatches(exception, CancelledError) ? AW_ECANCELLED
	                 : PyErr_GivenExceptionMatches(exception, PyExc_SystemExit) ||
	                         PyErr_GivenExceptionMatches(exception, PyExc_KeyboardInterrupt)
	                     ? AW_ESYSTEMEXIT
	                     : AW_EHOST;
	aw_error *error;
	aw_status status = aw_error_new(loop->c, code, NULL, exception, object_drop, &error);
	if (status == 0) return error;
	Py_DECREF(exception);
	raise_status(status);
	return NULL;
}

/* ---- values. The wrapper of a gather makes its results from the children's: future_result(). ---- */

PyObject *value_object(Loop *loop, void *value, int32_t kind) {
	switch (kind) {
	case AW_VALUE_INTEGER: return PyLong_FromSsize_t((Py_ssize_t)(intptr_t)value);
	case AW_VALUE_FUTURE: return future_wrap(loop, aw_future_ref(value));
	default: return Py_NewRef(value ? (PyObject *)value : Py_None);
	}
}

int duration_of(PyObject *seconds, int64_t *out) {
	if (seconds == Py_None) {
		*out = AW_FOREVER;
		return 0;
	}
	double number = PyFloat_AsDouble(seconds);
	if (number == -1 && PyErr_Occurred()) return -1;
	if (isnan(number)) {
		PyErr_SetString(PyExc_ValueError, "Invalid delay: NaN (not a number)");
		return -1;
	}
	number *= 1e9;
	*out = number >= 9.2e18 ? AW_FOREVER : number <= -9.2e18 ? INT64_MIN : (int64_t)llround(number);
	return 0;
}

PyObject *support_throw(PyObject *const *args, Py_ssize_t count) {
	PyObject *type = count > 0 ? args[0] : NULL, *value = count > 1 && args[1] != Py_None ? args[1] : NULL;
	PyObject *traceback = count > 2 && args[2] != Py_None ? args[2] : NULL;
	if (count < 1 || count > 3)
		return PyErr_Format(PyExc_TypeError, "throw() takes 1 to 3 arguments, %zd given", count);
	if (traceback && !PyTraceBack_Check(traceback)) {
		PyErr_SetString(PyExc_TypeError, "throw() third argument must be a traceback object");
		return NULL;
	}
#if PY_VERSION_HEX >= 0x030C0000
	if (count > 1 &&
	    PyErr_WarnEx(
			PyExc_DeprecationWarning,
			"the (type, exc, tb) signature of throw() is deprecated, use the single-arg signature instead.",
			1) < 0)
		return NULL;
#endif
	PyObject *exception = NULL;
	if (PyExceptionInstance_Check(type)) {
		if (value) {
			PyErr_SetString(PyExc_TypeError, "instance exception may not have a separate value");
			return NULL;
		}
		exception = Py_NewRef(type);
	} else if (PyExceptionClass_Check(type)) {
		exception = !value                                 ? PyObject_CallNoArgs(type)
		            : PyObject_IsInstance(value, type) > 0 ? Py_NewRef(value)
		            : PyTuple_Check(value)                 ? PyObject_CallObject(type, value)
		                                                   : PyObject_CallOneArg(type, value);
	} else {
		return PyErr_Format(
			PyExc_TypeError,
			"exceptions must be classes deriving BaseException or instances of such a class, not %s",
			Py_TYPE(type)->tp_name);
	}
	if (!exception) return NULL;
	if (traceback) PyException_SetTraceback(exception, traceback);
	exception_give(exception);
	return NULL;
}

PyObject *sent_object(PySendResult result, PyObject *out) {
	if (result != PYGEN_RETURN) return out;
	PyObject *stop = PyObject_CallOneArg(PyExc_StopIteration, out);
	Py_DECREF(out);
	if (stop) exception_give(stop);
	return NULL;
}
