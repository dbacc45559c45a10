/* SPDX-License-Identifier: MIT */
/*
 * Runs Python callables from C callbacks. Each callback acquires the GIL, which a dispatch already holds, and
 * saves the current exception, because the deallocation of a wrapper can run it while an exception is being
 * raised. An exception of a callable is caught at once: it passes through C as the payload of an error, or
 * is kept until the next wrapper returns to Python.
 */
#include "glue.h"

#include "../src/common/exception.h"

#include <errno.h>
#include <fcntl.h>
#include <time.h>
#include <unistd.h>

#define PINS_CALLOC PyMem_RawCalloc
#include <pins.h>

static struct {
	PyObject *error, *cancelled, *timeout, *pending, *group, *keys;
	PyObject *set_wakeup_fd; /* signal's */
	PyTypeObject *value_type;
} glue;

/* An exception raised by a callable in this thread, kept until a wrapper raises it. */
static _Thread_local PyObject *kept;

/* --- the GIL --- */

typedef struct visit {
	PyGILState_STATE state;
	PyObject *type, *value, *trace;
} visit;

static visit enter(void) {
	visit self = {.state = PyGILState_Ensure()};
	PyErr_Fetch(&self.type, &self.value, &self.trace);
	return self;
}

static void leave(visit *self) {
	PyErr_Restore(self->type, self->value, self->trace);
	PyGILState_Release(self->state);
}

/* --- pins --- */

pin *pin_new(enum pin_kind kind, PyObject *object, const void *owner) {
	pin *self = pin_take();
	if (!self) {
		PyErr_NoMemory();
		return NULL;
	}
	*self = (pin){.object = Py_NewRef(object), .kind = kind, .owner = owner};
	return self;
}

static void pin_end(pin *self) {
	if (!self) return; /* not one of our pins */
	PyObject *object = self->object;
	Py_buffer *view = self->view;
	pin_put(self);
	if (view) {
		PyBuffer_Release(view);
		PyMem_Free(view);
	}
	Py_DECREF(object);
}

void pin_free(void *ud) {
	if (!ud || !Py_IsInitialized()) return; /* after finalization there is nothing to release */
	visit here = enter();
	pin *self = pin_at(ud);
	if (self) pin_end(self);
	leave(&here);
}

/* --- exceptions --- */

static void raise_instance(PyObject *exception) {
	PyErr_SetObject((PyObject *)Py_TYPE(exception), exception);
}

/* Takes over the reference. */
static void keep(PyObject *exception) {
	if (kept)
		Py_DECREF(exception);
	else
		kept = exception;
}

static int raise_kept(void) {
	if (PyErr_Occurred()) return -1;
	if (!kept) return 0;
	PyObject *exception = kept;
	kept = NULL;
	raise_instance(exception);
	Py_DECREF(exception);
	return -1;
}

/* For libawait's own codes: Cancelled, Timeout, Pending, Error. */
static PyObject *exception_of_code(aw_status status, const char *message) {
	PyObject *class = status == AW_ECANCELLED ? glue.cancelled
	                  : status == AW_ETIMEOUT ? glue.timeout
	                  : status == AW_EPENDING ? glue.pending
	                                          : glue.error;
	PyObject *exception = PyObject_CallFunction(class, "s", message);
	PyObject *code = exception ? PyLong_FromLong(status) : NULL;
	if (code && PyObject_SetAttrString(exception, "code", code) < 0) Py_CLEAR(exception);
	Py_XDECREF(code);
	return exception;
}

static PyObject *exception_of_group(aw_error *error) {
	PyObject *parts = PyList_New(0);
	for (size_t i = 0; parts && i < aw_error_count(error); i++) {
		PyObject *part = glue_exception_of(aw_error_get(error, i));
		if (!part || PyList_Append(parts, part) < 0) Py_CLEAR(parts);
		Py_XDECREF(part);
	}
	/* BaseExceptionGroup() returns an ExceptionGroup if all parts are Exceptions. */
	PyObject *exception =
		parts ? PyObject_CallFunction(glue.group, "sO", aw_error_message(error), parts) : NULL;
	Py_XDECREF(parts);
	return exception;
}

PyObject *glue_exception_of(aw_error *error) {
	pin *payload = pin_at(aw_error_payload(error));
	if (payload) return Py_NewRef(payload->object);
	aw_status status = aw_error_status(error);
	if (aw_error_count(error)) return exception_of_group(error);
	/* OSError() returns the subclass for the errno. */
	if (status < 0 && status > AW_ECANCELLED)
		return PyObject_CallFunction(PyExc_OSError, "is", -status, aw_error_message(error));
	return exception_of_code(status, aw_error_message(error));
}

static int raise_error(aw_error *error, aw_status status) {
	PyObject *exception = error ? glue_exception_of(error)
	                      : status > AW_ECANCELLED
	                          ? PyObject_CallFunction(PyExc_OSError, "is", -status, aw_strerror(status))
	                          : exception_of_code(status, aw_strerror(status));
	if (exception) raise_instance(exception);
	Py_XDECREF(exception);
	return -1;
}

int glue_check(aw_status status) {
	if (raise_kept() < 0) return -1;
	return status < 0 ? raise_error(NULL, status) : 0;
}

int glue_check_future(aw_future *future, aw_status status) {
	if (raise_kept() < 0) return -1;
	if (status >= 0) return 0;
	aw_error *error = NULL;
	if (aw_future_done(future)) (void)aw_future_error(future, &error);
	return raise_error(error, status);
}

int glue_check_outcome(aw_concurrent_future *future, aw_status status) {
	if (raise_kept() < 0) return -1;
	return status < 0
	           ? raise_error(aw_concurrent_future_done(future) ? aw_concurrent_future_error(future) : NULL,
	                         status)
	           : 0;
}

int glue_check_result(const aw_results *results, size_t index, aw_status status) {
	if (raise_kept() < 0) return -1;
	return status < 0 ? raise_error(aw_results_error(results, index), status) : 0;
}

/* The C status code for an exception. */
static aw_status code_of(PyObject *exception) {
	bool ours = PyObject_IsInstance(exception, glue.error) == 1 ||
	            PyObject_IsInstance(exception, glue.cancelled) == 1;
	bool system = !ours && PyObject_IsInstance(exception, PyExc_OSError) == 1;
	PyObject *code = ours || system ? PyObject_GetAttrString(exception, ours ? "code" : "errno") : NULL;
	long number = code && PyLong_Check(code) ? PyLong_AsLong(code) : 0;
	Py_XDECREF(code);
	PyErr_Clear();
	if (system) number = -number;
	return number < 0 && number > -10000 ? (aw_status)number : AW_EHOST;
}

/* An error that carries an exception. NULL if out of memory. */
static aw_error *error_from(aw_loop *loop, PyObject *exception) {
	aw_status code = code_of(exception);
	PyObject *text = PyObject_Str(exception);
	const char *message = text ? PyUnicode_AsUTF8(text) : NULL;
	pin *payload = pin_new(PIN_VALUE, exception, NULL);
	aw_error *error = NULL;
	/* An empty message would be taken as a missing one. */
	if (payload &&
	    aw_error_new(loop, code, message && *message ? message : NULL, payload, pin_free, &error) < 0)
		pin_end(payload);
	Py_XDECREF(text);
	PyErr_Clear();
	return error;
}

/* --- callbacks --- */

/*
 * A callable raised. Calls the exception handler if Python code has set one. Otherwise, and for a
 * BaseException that is not an Exception, the loop stops and dispatch raises it.
 */
static aw_status callback_failed(aw_loop *loop, aw_future *future) {
	PyObject *exception = exception_take();
	aw_error *error = NULL;
	if (PyObject_IsInstance(exception, PyExc_Exception) == 1 && pins_owned(PIN_HANDLER, loop))
		error = error_from(loop, exception);
	if (!error) {
		keep(exception);
		return AW_ESYSTEMEXIT;
	}
	Py_DECREF(exception);
	aw_loop_call_exception_handler(loop, "Exception in callback", error, future);
	aw_error_unref(error);
	return 0;
}

/* Calls the callable pinned at `ud`, which may release its pin during the call. Takes over the argument. */
static PyObject *call(void *ud, PyObject *argument) {
	if (!argument) return NULL;
	PyObject *callable = Py_NewRef(((pin *)ud)->object);
	PyObject *answer = PyObject_CallOneArg(callable, argument);
	Py_DECREF(callable);
	Py_DECREF(argument);
	return answer;
}

aw_status glue_callback(aw_loop *loop, void *ud) {
	visit here = enter();
	PyObject *answer = call(ud, wrap_aw_loop(loop));
	aw_status status = answer ? 0 : callback_failed(loop, NULL);
	Py_XDECREF(answer);
	leave(&here);
	return status;
}

aw_status glue_done(aw_future *future, void *ud) {
	visit here = enter();
	PyObject *answer = call(ud, wrap_aw_future(future));
	aw_status status = answer ? 0 : callback_failed(aw_future_loop(future), future);
	Py_XDECREF(answer);
	leave(&here);
	return status;
}

aw_status glue_exception(aw_loop *loop, const aw_report *report, void *ud) {
	visit here = enter();
	PyObject *lent = lend_aw_report((aw_report *)(uintptr_t)report);
	PyObject *of = wrap_aw_loop(loop), *callable = Py_NewRef(((pin *)ud)->object);
	PyObject *answer = lent && of ? PyObject_CallFunctionObjArgs(callable, of, lent, NULL) : NULL;
	end_lent(lent); /* a report kept longer answers nothing */
	if (!answer) keep(exception_take());
	aw_status status = answer ? 0 : AW_EHOST;
	Py_XDECREF(answer);
	Py_XDECREF(lent);
	Py_XDECREF(of);
	Py_DECREF(callable);
	leave(&here);
	return status;
}

/* If the callable raises, the coroutine fails, and whoever awaits it gets the same exception object. */
static aw_status step_failed(aw_resume *resume) {
	PyObject *exception = exception_take();
	aw_error *error = error_from(aw_future_loop(aw_task_future(aw_resume_task(resume))), exception);
	aw_status status = error ? aw_resume_raise(resume, error) : -ENOMEM;
	aw_error_unref(error);
	if (PyObject_IsInstance(exception, PyExc_Exception) == 1 ||
	    PyObject_IsInstance(exception, glue.cancelled) == 1) {
		Py_DECREF(exception);
		return status;
	}
	keep(exception);
	return AW_ESYSTEMEXIT;
}

aw_status glue_step(aw_resume *resume, void *ud) {
	visit here = enter();
	PyObject *lent = lend_aw_resume(resume);
	PyObject *answer = call(ud, Py_XNewRef(lent));
	end_lent(lent); /* a resume is only valid during the step */
	Py_XDECREF(lent);
	aw_status status = 0;
	if (!answer) {
		status = step_failed(resume);
	} else if (PyLong_Check(answer)) {
		long number = PyLong_AsLong(answer);
		if (number < 0) status = (aw_status)number;
		PyErr_Clear();
	}
	Py_XDECREF(answer);
	leave(&here);
	return status;
}

int32_t glue_compare(void *a, void *b, void *ud) {
	visit here = enter();
	PyObject *left = glue_value(a, VALUE_UNKNOWN), *right = glue_value(b, VALUE_UNKNOWN);
	PyObject *answer =
		left && right ? PyObject_CallFunctionObjArgs(((pin *)ud)->object, left, right, NULL) : NULL;
	long order = answer ? PyLong_AsLong(answer) : 0;
	if (PyErr_Occurred()) {
		keep(exception_take());
		order = 0;
	}
	Py_XDECREF(answer);
	Py_XDECREF(left);
	Py_XDECREF(right);
	leave(&here);
	return (order > 0) - (order < 0);
}

/*
 * The callable of an iterator returns the coroutine of the next item. This call can't return an error object,
 * so an exception is kept.
 */
aw_status glue_next(void *ud, aw_coro **out) {
	visit here = enter();
	aw_coro *coro = NULL;
	PyObject *answer = PyObject_CallNoArgs(((pin *)ud)->object);
	bool made = answer && glue_coro(answer, &coro) == 0;
	if (made) *out = aw_coro_ref(coro);
	if (!made) keep(exception_take());
	Py_XDECREF(answer);
	leave(&here);
	return made ? 0 : AW_EHOST;
}

typedef struct removal {
	aw_future *future;
	PyObject *callable;
	aw_status total;
} removal;

static bool remove_done(pin *self, void *arg) {
	removal *search = arg;
	int same = self->object == search->callable
	               ? 1
	               : PyObject_RichCompareBool(self->object, search->callable, Py_EQ);
	aw_status removed = same < 0 ? 0
	                    : same   ? aw_future_remove_done_callback(search->future, glue_done, self)
	                             : 0;
	if (same < 0 || removed < 0) {
		if (removed < 0) search->total = removed;
		return false;
	}
	search->total += removed;
	return true;
}

/*
 * Each registration has a separate pin, so try all pins that hold an equal callable. (A bound method is a new
 * object each time.)
 */
aw_status glue_remove_done_callback(aw_future *future, PyObject *callable) {
	removal search = {future, callable, 0};
	pins_each(PIN_DONE, remove_done, &search);
	return search.total;
}

void glue_unref(void (*unref)(void *object), void *object) {
	PyObject *type, *value, *trace;
	PyErr_Fetch(&type, &value, &trace);
	unref(object);
	PyErr_Restore(type, value, trace);
}

/* --- values --- */

/* A value made by C code: only the caller knows its type. */
typedef struct c_value {
	PyObject_HEAD void *data;
	aw_destroy_fn destroy;
} c_value;

static void c_value_dealloc(PyObject *self) {
	c_value *value = (c_value *)self;
	PyTypeObject *type = Py_TYPE(self);
	if (value->destroy) glue_unref(value->destroy, value->data);
	PyObject_Free(self);
	Py_DECREF(type);
}

static PyObject *c_value_int(PyObject *self) {
	return PyLong_FromVoidPtr(((c_value *)self)->data);
}

static PyObject *c_value_results(PyObject *self, PyObject *unused) {
	(void)unused;
	return wrap_aw_results(((c_value *)self)->data);
}

static PyObject *c_value_future(PyObject *self, PyObject *unused) {
	(void)unused;
	return wrap_aw_future(((c_value *)self)->data);
}

static PyMethodDef c_value_methods[] = {
	{"results", c_value_results, METH_NOARGS,
     "Return the value as Results. The caller must know that it is an aw_results."},
	{"future", c_value_future, METH_NOARGS,
     "Return the value as a Future. The caller must know that it is an aw_future."},
	{NULL, NULL, 0, NULL},
};

static PyType_Slot c_value_slots[] = {
	{Py_tp_dealloc, (void *)c_value_dealloc},
	{Py_nb_int, (void *)c_value_int},
	{Py_nb_index, (void *)c_value_int},
	{Py_tp_methods, c_value_methods},
	{Py_tp_doc, (void *)(uintptr_t) "A value set by C code: a pointer of unknown type."},
	{0, NULL},
};

static PyType_Spec c_value_spec = {"libawait._raw.Value", sizeof(c_value), 0,
                                   Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION, c_value_slots};

PyObject *glue_value_taken(void *value, aw_destroy_fn destroy, int32_t kind) {
	pin *ours = pin_at(value);
	if (ours) {
		PyObject *object = Py_NewRef(ours->object);
		if (destroy) destroy(value);
		return object;
	}
	intptr_t number = (intptr_t)value;
	PyObject *object = NULL;
	switch (kind) {
	case AW_VALUE_INTEGER: return PyLong_FromSsize_t(number);
	case AW_VALUE_RESULTS: object = wrap_aw_results(value); break;
	case AW_VALUE_FUTURE: object = wrap_aw_future(value); break;
	default:
		if (!value) Py_RETURN_NONE;
		/* A heuristic for unknown kinds: addresses are higher, and other small numbers are unlikely. */
		if (kind == VALUE_UNKNOWN && number > -4096 && number < 4096) return PyLong_FromSsize_t(number);
		c_value *self = PyObject_New(c_value, glue.value_type);
		if (!self) return NULL;
		self->data = value;
		self->destroy = destroy;
		return (PyObject *)self;
	}
	if (destroy) destroy(value);
	return object;
}

PyObject *glue_value(void *value, int32_t kind) {
	return glue_value_taken(value, NULL, kind);
}

void *glue_key(PyObject *name) {
	if (!PyUnicode_Check(name)) {
		PyErr_SetString(PyExc_TypeError, "the key of a context must be a str");
		return NULL;
	}
	PyObject *same = PyDict_SetDefault(glue.keys, name, name);
	return same; /* equal names have the same, permanent address */
}

/* --- waiting without the GIL --- */

aw_status glue_wait(aw_loop *loop, int64_t timeout) {
	aw_status status;
	if (timeout == 0 || aw_loop_pending(loop)) return aw_loop_wait(loop, timeout);
	Py_BEGIN_ALLOW_THREADS status = aw_loop_wait(loop, timeout);
	Py_END_ALLOW_THREADS(void) PyErr_CheckSignals(); /* glue_check() finds its exception */
	return status;
}

aw_status glue_drain(aw_loop *loop, aw_completion *out, size_t max, int64_t timeout) {
	aw_status status = timeout ? glue_wait(loop, timeout) : 0;
	return status < 0 || PyErr_Occurred() ? status : aw_loop_drain(loop, out, max, 0);
}

/*
 * Detects signals during a blocking wait. Python's C signal handler may run on any thread, or on this one
 * just before it blocks, but it always writes to the wakeup descriptor. So the main thread sets a pipe as
 * the wakeup descriptor during the wait. If it can't open one, a handler on this thread still ends the wait.
 */
typedef struct wakeup {
	int ends[2];
	long before; /* the program's wakeup descriptor, or -1 */
	aw_interrupt *interrupt;
} wakeup;

/* The process in which this thread is known not to be Python's main thread. A fork can change that. */
static _Thread_local pid_t runs_no_handlers;

/* Returns the previous one; -2 with an exception on any thread but the main one. */
static long wakeup_swap(long fd) {
	PyObject *result = PyObject_CallFunction(glue.set_wakeup_fd, "l", fd);
	long before = result ? PyLong_AsLong(result) : -2;
	Py_XDECREF(result);
	return before;
}

static void wakeup_close(wakeup *self) {
	aw_interrupt_unref(self->interrupt);
	self->interrupt = NULL;
	(void)close(self->ends[0]);
	(void)close(self->ends[1]);
}

static void wakeup_begin(wakeup *self) {
	*self = (wakeup){.before = -1};
	if (runs_no_handlers == getpid() || pipe2(self->ends, O_CLOEXEC | O_NONBLOCK) < 0) return;
	if (aw_interrupt_new(self->ends[0], &self->interrupt) == 0) {
		self->before = wakeup_swap(self->ends[1]);
		if (self->before != -2) return;
		if (PyErr_ExceptionMatches(PyExc_ValueError)) runs_no_handlers = getpid();
		PyErr_Clear();
	}
	wakeup_close(self);
}

/* Forwards what arrived meanwhile to the program's own descriptor. */
static void wakeup_end(wakeup *self) {
	char bytes[256];
	if (!self->interrupt) return;
	PyObject *type, *value, *trace;
	PyErr_Fetch(&type, &value, &trace);
	long lent = wakeup_swap(self->before);
	/* a handler has set another one: keep it */
	if (lent >= -1 && lent != self->ends[1]) (void)wakeup_swap(lent);
	PyErr_Clear();
	for (ssize_t count; (count = read(self->ends[0], bytes, sizeof bytes)) > 0;)
		if (self->before >= 0) (void)!write((int)self->before, bytes, (size_t)count);
	wakeup_close(self);
	PyErr_Restore(type, value, trace);
}

static int64_t monotonic(void) {
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

/*
 * Waits for a concurrent future, or for an executor's threads. Sets an exception if a signal handler raised
 * one.
 */
static aw_status blocking_wait(aw_concurrent_future *future, aw_executor *executor, int64_t timeout) {
	int64_t start = timeout > 0 ? monotonic() : 0, left = timeout;
	for (;;) {
		aw_status status = -EINTR;
		wakeup signals;
		wakeup_begin(&signals);
		if (PyErr_CheckSignals() == 0) { /* signals from before the wait */
			Py_BEGIN_ALLOW_THREADS status =
				future ? aw_concurrent_future_wait_interruptible(future, left, signals.interrupt)
					   : aw_executor_shutdown_wait_interruptible(executor, left, signals.interrupt);
			Py_END_ALLOW_THREADS
		}
		wakeup_end(&signals);
		if (PyErr_Occurred() || PyErr_CheckSignals() < 0 || status != -EINTR) return status;
		if (timeout <= 0) continue;
		left = timeout - (monotonic() - start);
		if (left < 0) left = 0;
	}
}

/*
 * Returns the outcome. Errors of the wait itself are raised here, so that they can't be mistaken for the
 * outcome.
 */
aw_status glue_concurrent_future_wait(aw_concurrent_future *future, int64_t timeout, void **out) {
	if (!aw_concurrent_future_done(future)) {
		aw_status status = future ? blocking_wait(future, NULL, timeout) : AW_EBADHANDLE;
		if (PyErr_Occurred()) return status;
		if (status < 0) {
			(void)raise_error(NULL, status);
			return status;
		}
	}
	return aw_concurrent_future_result(future, out);
}

aw_status glue_shutdown_wait(aw_executor *executor, int64_t timeout) {
	return blocking_wait(NULL, executor, timeout);
}

/* --- the completion queue: a token is the pin of (token, buffer) --- */

static bool kind_fills(uint32_t kind) {
	return kind == AW_OP_READ || kind == AW_OP_RECV;
}

/* A number from the dictionary, or `otherwise`. -1 with an exception if it is not a number. */
static int field(PyObject *from, const char *name, int64_t otherwise, int64_t low, int64_t high,
                 int64_t *out) {
	PyObject *value = PyDict_GetItemString(from, name);
	*out = value && value != Py_None ? PyLong_AsLongLong(value) : otherwise;
	if (PyErr_Occurred()) return -1;
	if (*out >= low && *out <= high) return 0;
	PyErr_Format(PyExc_OverflowError, "%s is out of range", name);
	return -1;
}

static int submission_buffer(aw_submission *self, pin *token, PyObject *buffer) {
	if (self->kind == AW_OP_FUTURE) return glue_future(buffer, (aw_future **)&self->buffer);
	token->view = PyMem_Calloc(1, sizeof *token->view);
	if (!token->view) {
		PyErr_NoMemory();
		return -1;
	}
	/* The buffer can't be resized until the completion is drained. */
	if (PyObject_GetBuffer(buffer, token->view, kind_fills(self->kind) ? PyBUF_WRITABLE : PyBUF_SIMPLE) < 0)
		return -1;
	self->buffer = token->view->buf;
	self->length = (uint64_t)token->view->len;
	return 0;
}

static int submission_fill(aw_submission *self, aw_loop *loop, PyObject *from) {
	if (!PyDict_Check(from)) {
		PyErr_SetString(PyExc_TypeError, "an operation must be a dict");
		return -1;
	}
	int64_t kind, flags, fd;
	if (field(from, "kind", AW_OP_NOP, 0, UINT32_MAX, &kind) < 0 ||
	    field(from, "flags", 0, 0, UINT32_MAX, &flags) < 0 ||
	    field(from, "fd", -1, INT32_MIN, INT32_MAX, &fd) < 0 ||
	    field(from, "offset", -1, INT64_MIN, INT64_MAX, &self->offset) < 0)
		return -1;
	self->size = sizeof *self;
	self->kind = (uint32_t)kind;
	self->flags = (uint32_t)flags;
	self->fd = (int32_t)fd;
	PyObject *name = PyDict_GetItemString(from, "token"), *buffer = PyDict_GetItemString(from, "buffer");
	PyObject *both = PyTuple_Pack(2, name ? name : Py_None, buffer ? buffer : Py_None);
	pin *token = both ? pin_new(PIN_SUBMISSION, both, loop) : NULL;
	Py_XDECREF(both);
	if (!token) return -1;
	token->operation = self->kind;
	self->token = (uintptr_t)token;
	if (!buffer || buffer == Py_None || submission_buffer(self, token, buffer) == 0) return 0;
	pin_end(token);
	return -1;
}

aw_submission *glue_submissions(aw_loop *loop, PyObject *list, size_t *count) {
	PyObject *items = PySequence_Fast(list, "a sequence of operations was expected");
	if (!items) return NULL;
	*count = (size_t)PySequence_Fast_GET_SIZE(items);
	aw_submission *array = PyMem_Calloc(*count + 1, sizeof *array);
	if (!array) PyErr_NoMemory();
	for (size_t i = 0; array && i < *count; i++) {
		if (submission_fill(&array[i], loop, PySequence_Fast_GET_ITEM(items, (Py_ssize_t)i)) == 0) continue;
		glue_submitted(array, i, 0);
		PyMem_Free(array);
		array = NULL;
	}
	Py_DECREF(items);
	return array;
}

/* Release the pins of operations that were not accepted. */
void glue_submitted(const aw_submission *submissions, size_t count, aw_status taken) {
	for (size_t i = taken < 0 ? 0 : (size_t)taken; i < count; i++)
		pin_end(pin_at((void *)(uintptr_t)submissions[i].token));
}

PyObject *glue_completions(const aw_completion *completions, aw_status count) {
	PyObject *list = PyList_New(0);
	for (aw_status i = 0; i < count; i++) {
		const aw_completion *at = &completions[i];
		pin *self = pin_at((void *)(uintptr_t)at->token);
		if (!self) continue;
		bool of_future = self->operation == AW_OP_FUTURE;
		PyObject *value = of_future ? glue_value((void *)(intptr_t)at->value, VALUE_UNKNOWN)
		                            : PyLong_FromLongLong(at->value);
		PyObject *one =
			value ? Py_BuildValue("(OiN)", PyTuple_GET_ITEM(self->object, 0), at->status, value) : NULL;
		if (list && (!one || PyList_Append(list, one) < 0)) Py_CLEAR(list);
		Py_XDECREF(one);
		pin_end(self);
	}
	return list;
}

typedef struct cancelling {
	aw_loop *loop;
	PyObject *token;
	aw_status total;
} cancelling;

static bool cancel_token(pin *self, void *arg) {
	cancelling *search = arg;
	if (self->owner != search->loop) return true;
	int same = PyObject_RichCompareBool(PyTuple_GET_ITEM(self->object, 0), search->token, Py_EQ);
	aw_status status = same > 0 ? aw_loop_cancel_token(search->loop, (uintptr_t)self) : 0;
	search->total = status < 0 ? status : search->total + status;
	return same >= 0 && status >= 0;
}

aw_status glue_cancel_token(aw_loop *loop, PyObject *token) {
	cancelling search = {loop, token, 0};
	pins_each(PIN_SUBMISSION, cancel_token, &search);
	return search.total;
}

static bool forget(pin *self, void *loop) {
	if (self->owner == loop) pin_end(self);
	return true;
}

/* Completions that can't be drained any more. */
void glue_closed(aw_loop *loop) {
	pins_each(PIN_SUBMISSION, forget, loop);
}

/* --- the module --- */

const char **glue_strings(PyObject *list, PyObject **holder, size_t *count) {
	if (PyUnicode_Check(list) || PyBytes_Check(list)) {
		PyErr_SetString(PyExc_TypeError, "a sequence of strings was expected, not a string");
		return NULL;
	}
	*holder = PySequence_List(list);
	if (!*holder) return NULL;
	*count = (size_t)PyList_GET_SIZE(*holder);
	const char **array = PyMem_Calloc(*count + 1, sizeof *array);
	if (!array) PyErr_NoMemory();
	for (size_t i = 0; array && i < *count; i++) {
		PyObject *bytes = NULL;
		if (PyUnicode_FSConverter(PyList_GET_ITEM(*holder, (Py_ssize_t)i), &bytes)) {
			PyList_SetItem(*holder, (Py_ssize_t)i, bytes);
			array[i] = PyBytes_AS_STRING(bytes);
		} else {
			PyMem_Free(array);
			array = NULL;
		}
	}
	return array;
}

static PyObject *exception_of(PyObject *module, PyObject *failure) {
	aw_error *error = NULL;
	(void)module;
	return glue_failure(failure, &error) < 0 ? NULL : glue_exception_of(error);
}

static PyObject *failure_of(PyObject *module, PyObject *exception) {
	(void)module;
	if (!PyExceptionInstance_Check(exception))
		return PyErr_Format(PyExc_TypeError, "%s is not an exception", Py_TYPE(exception)->tp_name);
	aw_error *error = error_from(NULL, exception);
	PyObject *failure = error ? wrap_aw_error(error) : PyErr_NoMemory();
	aw_error_unref(error);
	return failure;
}

static PyMethodDef functions[] = {
	{"exception_of", exception_of, METH_O,
     "exception_of(failure): the exception that a Failure carries, or the one for its code."},
	{"failure_of", failure_of, METH_O,
     "failure_of(exception): a Failure that carries the exception, which is raised unchanged."},
	{NULL, NULL, 0, NULL},
};

int glue_init(PyObject *module) {
	PyObject *builtins = PyImport_ImportModule("builtins");
	glue.group = builtins ? PyObject_GetAttrString(builtins, "BaseExceptionGroup") : NULL;
	Py_XDECREF(builtins);
	if (!glue.group) return -1;
	glue.keys = PyDict_New();
	glue.error = PyErr_NewExceptionWithDoc("libawait._raw.Error",
	                                       "An error of libawait; `code` is one of AW_E….", NULL, NULL);
	glue.cancelled = PyErr_NewExceptionWithDoc(
		"libawait._raw.Cancelled", "A cancellation: no Exception, as asyncio's.", PyExc_BaseException, NULL);
	PyObject *bases = glue.error ? PyTuple_Pack(2, glue.error, PyExc_TimeoutError) : NULL;
	glue.timeout =
		bases ? PyErr_NewExceptionWithDoc("libawait._raw.Timeout", "A time limit expired.", bases, NULL)
			  : NULL;
	Py_XDECREF(bases);
	glue.pending =
		glue.timeout
			? PyErr_NewExceptionWithDoc("libawait._raw.Pending",
	                                    "The limit of a wait expired; the awaited result is still pending.",
	                                    glue.timeout, NULL)
			: NULL;
	glue.value_type = (PyTypeObject *)PyType_FromSpec(&c_value_spec);
	PyObject *signals = PyImport_ImportModule("signal");
	glue.set_wakeup_fd = signals ? PyObject_GetAttrString(signals, "set_wakeup_fd") : NULL;
	Py_XDECREF(signals);
	if (!glue.keys || !glue.error || !glue.cancelled || !glue.timeout || !glue.pending || !glue.value_type ||
	    !glue.set_wakeup_fd)
		return -1;
	if (PyModule_AddObjectRef(module, "Error", glue.error) < 0 ||
	    PyModule_AddObjectRef(module, "Cancelled", glue.cancelled) < 0 ||
	    PyModule_AddObjectRef(module, "Timeout", glue.timeout) < 0 ||
	    PyModule_AddObjectRef(module, "Pending", glue.pending) < 0 ||
	    PyModule_AddObjectRef(module, "Value", (PyObject *)glue.value_type) < 0)
		return -1;
	return PyModule_AddFunctions(module, functions);
}
