/* SPDX-License-Identifier: MIT */
/* The future, its done-callbacks, and what `await future` iterates over. */
#include "aio.h"

#include <structmember.h>

/* A done-callback: owned by its registration in the library, and on the list of the wrapper while it waits. */
struct Callback {
	PyObject_HEAD PyObject *callable, *context;
	Future *of; /* borrowed: the wrapper on whose list it is, or NULL */
	Callback *next, *previous;
};

typedef struct FutureIter {
	PyObject_HEAD Future *future; /* NULL once it has ended */
} FutureIter;

/* ---- done-callbacks ---- */

static void callback_unlink(Callback *self) {
	Future *of = self->of;
	if (!of) return;
	if (self->next)
		self->next->previous = self->previous;
	else
		of->callbacks_last = self->previous;
	if (self->previous)
		self->previous->next = self->next;
	else
		of->callbacks = self->next;
	self->next = self->previous = NULL;
	self->of = NULL;
}

/* The registration ends. */
static void callback_drop(void *ud) {
	callback_unlink(ud);
	Py_DECREF((PyObject *)ud);
}

static int Callback_traverse(PyObject *base, visitproc visit, void *arg) {
	Callback *self = (Callback *)base;
	Py_VISIT(self->callable);
	Py_VISIT(self->context);
	return 0;
}

static int Callback_clear(PyObject *base) {
	Callback *self = (Callback *)base;
	Py_CLEAR(self->callable);
	Py_CLEAR(self->context);
	return 0;
}

static void Callback_dealloc(PyObject *base) {
	PyObject_GC_UnTrack(base);
	callback_unlink((Callback *)base);
	Callback_clear(base);
	PyObject_GC_Del(base);
}

PyTypeObject Callback_Type = {
	PyVarObject_HEAD_INIT(NULL, 0).tp_name = "libawait.aio._aio.Callback",
	.tp_basicsize = sizeof(Callback),
	.tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC,
	.tp_dealloc = Callback_dealloc,
	.tp_traverse = Callback_traverse,
	.tp_clear = Callback_clear,
};

static aw_status callback_run(aw_future *c, void *ud) {
	Callback *self = ud;
	if (!self->callable) return 0; /* the collector was here */
	Loop *loop = aw_loop_host_data(aw_future_loop(c));
	tasks_release_ended(loop);
	PyObject *future = future_wrap(loop, aw_future_ref(c));
	PyObject *args = future ? PyTuple_Pack(1, future) : NULL;
	Py_INCREF(self);
	PyObject *result = args ? call_in_context(self->context, self->callable, args) : NULL;
	aw_status status = 0;
	if (!result) {
		PyObject *exception = exception_take();
		if (PyErr_GivenExceptionMatches(exception, PyExc_SystemExit) ||
		    PyErr_GivenExceptionMatches(exception, PyExc_KeyboardInterrupt)) {
			status = loop_exit(loop, exception);
		} else {
			PyObject *message = support_call("callback_message", self->callable, args ? args : Py_None);
			/* As asyncio, which schedules these callbacks as all others. */
			PyObject *handle = message && args ? handle_for_report(loop, self->callable, args, self->context) : NULL;
			if (message) loop_report(loop, message, exception, "handle", handle);
			Py_XDECREF(handle);
			Py_XDECREF(message);
			Py_DECREF(exception);
			PyErr_Clear();
			if (loop->exit) status = AW_EEXIT;
		}
	}
	Py_DECREF(self);
	Py_XDECREF(result);
	Py_XDECREF(args);
	Py_XDECREF(future);
	return status;
}

int future_add_callback(Future *self, PyObject *callable, PyObject *context) {
	Callback *node = PyObject_GC_New(Callback, &Callback_Type);
	if (!node) return -1;
	node->callable = Py_NewRef(callable);
	node->context = context && context != Py_None ? Py_NewRef(context) : PyContext_CopyCurrent();
	node->of = self;
	node->next = NULL;
	node->previous = self->callbacks_last;
	if (node->previous)
		node->previous->next = node;
	else
		self->callbacks = node;
	self->callbacks_last = node;
	PyObject_GC_Track(node);
	aw_status status = node->context ? aw_future_add_done_callback(self->c, callback_run, node, callback_drop) : AW_ENOMEM;
	if (status >= 0) return 0;
	if (!node->context)
		Py_DECREF(node); /* else the library has dropped it */
	else
		raise_status(status);
	return -1;
}

/* ---- wrapper and handle ---- */

int future_prepare(Future *self, Loop *loop) {
	Py_XSETREF(self->loop, (Loop *)Py_NewRef((PyObject *)loop));
	if (loop->c && aw_loop_debug(loop->c)) {
		Py_XSETREF(self->source_traceback, extract_stack());
		if (!self->source_traceback) return -1;
	}
	return 0;
}

void future_bind(Future *self, aw_future *c) {
	self->c = c;
	aw_future_set_host_data(c, self, NULL);
}

PyObject *future_wrap(Loop *loop, aw_future *c) {
	Future *self = aw_future_host_data(c);
	if (self) {
		/* In its finalizer it has let go of the handle: it is to keep this reference instead. */
		if (Py_REFCNT(self) > 0 && self->kept == false && self->c == NULL) {
			self->c = c;
			self->kept = true;
			return Py_NewRef((PyObject *)self);
		}
		aw_future_unref(c);
		return Py_NewRef((PyObject *)self);
	}
	PyObject *made = Future_Type.tp_alloc(&Future_Type, 0);
	if (!made || future_prepare((Future *)made, loop) < 0) {
		Py_XDECREF(made);
		aw_future_unref(c);
		return NULL;
	}
	future_bind((Future *)made, c);
	return made;
}

int future_check(Future *self) {
	if (self->c) return 0;
	PyErr_SetString(PyExc_RuntimeError, "Future object is not initialized.");
	return -1;
}

bool future_done(Future *self) {
	return self->c && aw_future_done(self->c);
}

/* What only this wrapper can reach through the handle is the collector's to follow. */
int future_traverse(PyObject *base, visitproc visit, void *arg) {
	Future *self = (Future *)base;
	Py_VISIT(self->dict);
	Py_VISIT(self->loop);
	Py_VISIT(self->cached);
	Py_VISIT(self->source);
	Py_VISIT(self->cancel_msg);
	Py_VISIT(self->source_traceback);
	Py_VISIT(self->exception_traceback);
	if (!self->c || aw_future_is_shared(self->c)) return 0;
	Py_VISIT(self->held);
	for (Callback *at = self->callbacks; at; at = at->next) Py_VISIT(at);
	return 0;
}

static void future_leave(Future *self) {
	aw_future *c = self->c;
	while (self->callbacks) callback_unlink(self->callbacks);
	self->held = NULL;
	if (!c) return;
	self->c = NULL;
	aw_future_set_host_data(c, NULL, NULL);
	aw_future_unref(c);
}

int future_clear(PyObject *base) {
	Future *self = (Future *)base;
	future_leave(self);
	Py_CLEAR(self->dict);
	Py_CLEAR(self->cached);
	Py_CLEAR(self->source);
	Py_CLEAR(self->cancel_msg);
	Py_CLEAR(self->source_traceback);
	Py_CLEAR(self->exception_traceback);
	Py_CLEAR(self->loop);
	return 0;
}

/*
 * An error that nobody looked at is reported when the last reference to the handle goes. The report shows this wrapper, so that happens while it
 * still lives; whoever keeps it then keeps the handle as well.
 */
void future_finalize(PyObject *base) {
	Future *self = (Future *)base;
	aw_future *c = self->c;
	if (!c || !self->log_traceback || aw_future_is_shared(c) || !loop_releases_here(self->loop)) return;
	PyObject *raised = PyErr_Occurred() ? exception_take() : NULL;
	self->c = NULL;
	self->kept = false;
	self->log_traceback = false;
	aw_future_unref(c);
	if (!self->c) self->held = NULL;
	self->kept = false;
	if (raised) exception_give(raised);
}

static void Future_dealloc(PyObject *base) {
	Future *self = (Future *)base;
	if (self->log_traceback && PyObject_CallFinalizerFromDealloc(base) < 0) return;
	PyObject_GC_UnTrack(base);
	if (self->weakrefs) PyObject_ClearWeakRefs(base);
	future_clear(base);
	Py_TYPE(base)->tp_free(base);
}

static int Future_init(PyObject *base, PyObject *args, PyObject *keywords) {
	static char *names[] = {"loop", NULL};
	Future *self = (Future *)base;
	PyObject *given = Py_None;
	if (!PyArg_ParseTupleAndKeywords(args, keywords, "|$O", names, &given)) return -1;
	Loop *loop = loop_of_argument(given);
	if (!loop) return -1;
	if (self->c) future_clear(base);
	if (future_prepare(self, loop) < 0) return -1;
	aw_future *c;
	aw_status status = loop->c ? aw_future_new(loop->c, &c) : AW_ELOOPCLOSED;
	if (status < 0) {
		raise_status(status);
		return -1;
	}
	future_bind(self, c);
	return 0;
}

/* ---- outcome ---- */

/* A cancellation without a message has an empty one among results; and a task forgets its message, as asyncio's do. */
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
	return exception && aw_future_cancelled(((Future *)child)->c) ? cancellation_of_child(child, exception) : exception;
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
static PyObject *failure_of(Future *self, aw_error *error, aw_status status) {
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
	PyObject *exception = failure_of(self, error, status < 0 ? status : aw_error_status(error));
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

static PyObject *Future_result(PyObject *base, PyObject *unused) {
	(void)unused;
	Future *self = (Future *)base;
	if (!self->c) {
		PyErr_SetString(InvalidStateError, "Future object is not initialized.");
		return NULL;
	}
	return future_result(self);
}

static PyObject *Future_exception(PyObject *base, PyObject *unused) {
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
	PyObject *exception = failure_of(self, error, aw_error_status(error));
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

static PyObject *Future_set_result(PyObject *base, PyObject *value) {
	Future *self = (Future *)base;
	if (future_check(self) < 0) return NULL;
	aw_status status = aw_future_set_result(self->c, value, object_drop);
	if (status == AW_EINVALIDSTATE) return PyErr_Format(InvalidStateError, "invalid state: %R", base);
	if (status < 0) return not_settled(status);
	Py_INCREF(value);
	self->held = value;
	Py_RETURN_NONE;
}

static PyObject *Future_set_exception(PyObject *base, PyObject *exception) {
	Future *self = (Future *)base;
	if (future_check(self) < 0) return NULL;
	if (aw_future_done(self->c)) return PyErr_Format(InvalidStateError, "invalid state: %R", base);
	PyObject *instance = PyExceptionClass_Check(exception) ? PyObject_CallNoArgs(exception) : Py_NewRef(exception);
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
			PyErr_SetString(PyExc_TypeError,
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

aw_error *cancellation_of(Loop *loop, PyObject *message, PyObject **out_payload) {
	aw_error *error;
	PyObject *arguments = message && message != Py_None ? PyTuple_Pack(1, message) : NULL;
	*out_payload = arguments;
	if (!arguments && PyErr_Occurred()) return NULL;
	aw_status status = aw_error_new(loop->c, AW_ECANCELLED, NULL, arguments, arguments ? object_drop : NULL, &error);
	if (status == 0) return error;
	Py_XDECREF(arguments);
	raise_status(status);
	return NULL;
}

/* cancel(msg=None) */
static int message_argument(PyObject *const *args, Py_ssize_t count, PyObject *names, PyObject **out) {
	Py_ssize_t named = names ? PyTuple_GET_SIZE(names) : 0;
	*out = count + named == 1 ? args[0] : NULL;
	if (count + named > 1 || (named && PyUnicode_CompareWithASCIIString(PyTuple_GET_ITEM(names, 0), "msg") != 0)) {
		PyErr_SetString(PyExc_TypeError, "cancel() takes one argument, msg");
		return -1;
	}
	return 0;
}

static PyObject *Future_cancel(PyObject *base, PyObject *const *args, Py_ssize_t count, PyObject *names) {
	Future *self = (Future *)base;
	PyObject *message;
	if (message_argument(args, count, names, &message) < 0 || future_check(self) < 0) return NULL;
	self->log_traceback = false;
	aw_status status;
	if (!message || message == Py_None) {
		status = aw_future_cancel(self->c, NULL);
	} else {
		PyObject *payload;
		aw_error *error = cancellation_of(self->loop, message, &payload);
		if (!error) return NULL;
		status = aw_future_cancel_error(self->c, error);
		aw_error_unref(error);
	}
	if (status < 0) return raise_status(status);
	if (status) Py_XSETREF(self->cancel_msg, Py_XNewRef(message == Py_None ? NULL : message));
	return PyBool_FromLong(status);
}

static PyObject *Future_done(PyObject *self, PyObject *unused) {
	(void)unused;
	return PyBool_FromLong(future_done((Future *)self));
}

static PyObject *Future_cancelled(PyObject *base, PyObject *unused) {
	(void)unused;
	Future *self = (Future *)base;
	return PyBool_FromLong(self->c && aw_future_cancelled(self->c));
}

static PyObject *Future_get_loop(PyObject *base, PyObject *unused) {
	(void)unused;
	Future *self = (Future *)base;
	if (future_check(self) < 0) return NULL;
	return Py_NewRef((PyObject *)self->loop);
}

static PyObject *Future_add_done_callback(PyObject *base, PyObject *args, PyObject *keywords) {
	static char *names[] = {"", "context", NULL};
	Future *self = (Future *)base;
	PyObject *callable, *context = NULL;
	if (!PyArg_ParseTupleAndKeywords(args, keywords, "O|$O", names, &callable, &context) || future_check(self) < 0) return NULL;
	if (future_add_callback(self, callable, context) < 0) return NULL;
	Py_RETURN_NONE;
}

/* The callbacks that wait, each with a reference: comparing them may run anything. */
static PyObject *callbacks_of(Future *self) {
	PyObject *list = PyList_New(0);
	if (!list || future_done(self)) return list;
	for (Callback *at = self->callbacks; at; at = at->next)
		if (PyList_Append(list, (PyObject *)at) < 0) {
			Py_DECREF(list);
			return NULL;
		}
	return list;
}

static PyObject *Future_remove_done_callback(PyObject *base, PyObject *callable) {
	Future *self = (Future *)base;
	if (future_check(self) < 0) return NULL;
	PyObject *list = callbacks_of(self);
	long removed = 0;
	for (Py_ssize_t i = 0; list && i < PyList_GET_SIZE(list); i++) {
		Callback *at = (Callback *)PyList_GET_ITEM(list, i);
		int same = at->callable ? PyObject_RichCompareBool(at->callable, callable, Py_EQ) : 0;
		if (same < 0) Py_CLEAR(list);
		if (same <= 0 || at->of != self) continue;
		callback_unlink(at);
		aw_status status = self->c ? aw_future_remove_done_callback(self->c, callback_run, at) : 0;
		if (status > 0) removed += status;
	}
	if (!list) return NULL;
	Py_DECREF(list);
	return PyLong_FromLong(removed);
}

/* ---- what asyncio's own tests and tools look at ---- */

static PyObject *get_callbacks(PyObject *base, void *unused) {
	(void)unused;
	PyObject *nodes = callbacks_of((Future *)base);
	if (!nodes) return NULL;
	if (!PyList_GET_SIZE(nodes)) {
		Py_DECREF(nodes);
		Py_RETURN_NONE;
	}
	for (Py_ssize_t i = 0; i < PyList_GET_SIZE(nodes); i++) {
		Callback *at = (Callback *)PyList_GET_ITEM(nodes, i);
		PyObject *pair = PyTuple_Pack(2, at->callable ? at->callable : Py_None, at->context ? at->context : Py_None);
		if (!pair || PyList_SetItem(nodes, i, pair) < 0) {
			Py_DECREF(nodes);
			return NULL;
		}
	}
	return nodes;
}

static PyObject *get_state(PyObject *base, void *unused) {
	(void)unused;
	Future *self = (Future *)base;
	return PyUnicode_FromString(!future_done(self) ? "PENDING" : aw_future_cancelled(self->c) ? "CANCELLED" : "FINISHED");
}

/* Neither looks at the error in asyncio's sense. */
static PyObject *get_result(PyObject *base, void *unused) {
	(void)unused;
	Future *self = (Future *)base;
	if (!future_done(self) || aw_future_cancelled(self->c) || self->log_traceback) Py_RETURN_NONE;
	PyObject *result = future_result(self);
	if (result) return result;
	PyErr_Clear();
	Py_RETURN_NONE;
}

static PyObject *get_exception(PyObject *base, void *unused) {
	(void)unused;
	Future *self = (Future *)base;
	if (!future_done(self) || aw_future_cancelled(self->c)) Py_RETURN_NONE;
	if (self->log_traceback && self->held) return Py_NewRef(self->held);
	aw_error *error = NULL;
	aw_future_error(self->c, &error);
	return error ? failure_of(self, error, aw_error_status(error)) : Py_NewRef(Py_None);
}

static PyObject *get_loop(PyObject *base, void *unused) {
	(void)unused;
	Future *self = (Future *)base;
	return Py_NewRef(self->loop ? (PyObject *)self->loop : Py_None);
}

static PyObject *get_blocking(PyObject *base, void *unused) {
	(void)unused;
	return PyBool_FromLong(((Future *)base)->blocking);
}

static int set_blocking(PyObject *base, PyObject *value, void *unused) {
	(void)unused;
	int truth = value ? PyObject_IsTrue(value) : -1;
	if (!value) PyErr_SetString(PyExc_AttributeError, "cannot delete attribute");
	if (truth < 0) return -1;
	((Future *)base)->blocking = truth;
	return 0;
}

static PyObject *get_log_traceback(PyObject *base, void *unused) {
	(void)unused;
	return PyBool_FromLong(((Future *)base)->log_traceback);
}

static int set_log_traceback(PyObject *base, PyObject *value, void *unused) {
	(void)unused;
	Future *self = (Future *)base;
	int truth = value ? PyObject_IsTrue(value) : -1;
	if (!value) PyErr_SetString(PyExc_AttributeError, "cannot delete attribute");
	if (truth < 0) return -1;
	if (truth) {
		PyErr_SetString(PyExc_ValueError, "_log_traceback can only be set to False");
		return -1;
	}
	self->log_traceback = false;
	if (future_done(self)) aw_future_error(self->c, NULL);
	return 0;
}

static PyObject *get_cancel_message(PyObject *base, void *unused) {
	(void)unused;
	Future *self = (Future *)base;
	if (self->cancel_msg) return Py_NewRef(self->cancel_msg);
	aw_error *error = NULL;
	if (!self->c || !aw_future_cancelled(self->c) || aw_future_error(self->c, &error) != AW_ECANCELLED || !error)
		Py_RETURN_NONE;
	PyObject *payload = aw_error_payload(error);
	if (payload && PyTuple_Check(payload) && PyTuple_GET_SIZE(payload)) return Py_NewRef(PyTuple_GET_ITEM(payload, 0));
	Py_RETURN_NONE;
}

static int set_cancel_message(PyObject *base, PyObject *value, void *unused) {
	(void)unused;
	if (!value) {
		PyErr_SetString(PyExc_AttributeError, "cannot delete attribute");
		return -1;
	}
	Py_XSETREF(((Future *)base)->cancel_msg, value == Py_None ? NULL : Py_NewRef(value));
	return 0;
}

static PyObject *Future_make_cancelled_error(PyObject *base, PyObject *unused) {
	(void)unused;
	Future *self = (Future *)base;
	aw_error *error = NULL;
	if (future_done(self) && aw_future_cancelled(self->c)) aw_future_error(self->c, &error);
	return failure_of(self, error, AW_ECANCELLED);
}

static PyObject *Future_repr(PyObject *self) {
	return support_call("future_repr", self, NULL);
}

static PyMethodDef Future_methods[] = {
	{"result", Future_result, METH_NOARGS,
     "The result; raises what the future failed with, CancelledError, or InvalidStateError while it is pending."},
	{"exception", Future_exception, METH_NOARGS, "The exception, or None for a result."},
	{"set_result", Future_set_result, METH_O, "Finish it with a result."},
	{"set_exception", Future_set_exception, METH_O, "Finish it with an exception."},
	{"cancel", FAST_KEYWORDS(Future_cancel), "cancel(msg=None): ask for cancellation. False if it is done."},
	{"done", Future_done, METH_NOARGS, "Whether it has a result or an exception, or was cancelled."},
	{"cancelled", Future_cancelled, METH_NOARGS, "Whether it was cancelled."},
	{"get_loop", Future_get_loop, METH_NOARGS, "Its loop."},
	{"add_done_callback", WITH_KEYWORDS(Future_add_done_callback),
     "add_done_callback(fn, *, context=None): have fn(future) called, through the loop, when it is done."},
	{"remove_done_callback", Future_remove_done_callback, METH_O, "Remove every registration of a callback; returns how many."},
	{"_make_cancelled_error", Future_make_cancelled_error, METH_NOARGS, NULL},
	{"__class_getitem__", Py_GenericAlias, METH_O | METH_CLASS, NULL},
	{0},
};

PyGetSetDef Future_getset[] = {
	{"__dict__", PyObject_GenericGetDict, PyObject_GenericSetDict, NULL, NULL},
	{"_asyncio_future_blocking", get_blocking, set_blocking, NULL, NULL},
	{"_callbacks", get_callbacks, NULL, NULL, NULL},
	{"_cancel_message", get_cancel_message, set_cancel_message, NULL, NULL},
	{"_exception", get_exception, NULL, NULL, NULL},
	{"_log_traceback", get_log_traceback, set_log_traceback, NULL, NULL},
	{"_loop", get_loop, NULL, NULL, NULL},
	{"_result", get_result, NULL, NULL, NULL},
	{"_state", get_state, NULL, NULL, NULL},
	{0},
};

static PyMemberDef Future_members[] = {
	{"_source_traceback", T_OBJECT, offsetof(Future, source_traceback), READONLY, NULL},
	{0},
};

static PyObject *Future_iter(PyObject *base);

static PyAsyncMethods Future_async = {.am_await = Future_iter};

PyTypeObject Future_Type = {
	PyVarObject_HEAD_INIT(NULL, 0).tp_name = "libawait.aio.Future",
	.tp_doc = "The outcome of something that has not ended yet: asyncio.Future.",
	.tp_basicsize = sizeof(Future),
	.tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_BASETYPE,
	.tp_new = PyType_GenericNew,
	.tp_init = Future_init,
	.tp_dealloc = Future_dealloc,
	.tp_finalize = future_finalize,
	.tp_traverse = future_traverse,
	.tp_clear = future_clear,
	.tp_as_async = &Future_async,
	.tp_iter = Future_iter,
	.tp_methods = Future_methods,
	.tp_getset = Future_getset,
	.tp_members = Future_members,
	.tp_repr = Future_repr,
	.tp_dictoffset = offsetof(Future, dict),
	.tp_weaklistoffset = offsetof(Future, weakrefs),
};

/* ---- await ---- */

#define ITERS_KEPT 64
static FutureIter *kept_iters[ITERS_KEPT];
static int kept_iter_count;

static PyObject *Future_iter(PyObject *base) {
	Future *self = (Future *)base;
	if (future_check(self) < 0) return NULL;
	FutureIter *iter;
	if (kept_iter_count) {
		iter = kept_iters[--kept_iter_count];
		_Py_NewReference((PyObject *)iter);
	} else {
		iter = PyObject_GC_New(FutureIter, &FutureIter_Type);
	}
	if (!iter) return NULL;
	iter->future = (Future *)Py_NewRef(base);
	PyObject_GC_Track(iter);
	return (PyObject *)iter;
}

static int FutureIter_traverse(PyObject *base, visitproc visit, void *arg) {
	Py_VISIT(((FutureIter *)base)->future);
	return 0;
}

static int FutureIter_clear(PyObject *base) {
	Py_CLEAR(((FutureIter *)base)->future);
	return 0;
}

static void FutureIter_dealloc(PyObject *base) {
	PyObject_GC_UnTrack(base);
	FutureIter_clear(base);
	if (kept_iter_count < ITERS_KEPT)
		kept_iters[kept_iter_count++] = (FutureIter *)base;
	else
		PyObject_GC_Del(base);
}

static PySendResult FutureIter_send(PyObject *base, PyObject *sent, PyObject **out) {
	(void)sent;
	FutureIter *self = (FutureIter *)base;
	Future *future = self->future;
	*out = NULL;
	if (!future) {
		*out = Py_NewRef(Py_None);
		return PYGEN_RETURN;
	}
	if (future_check(future) < 0) return PYGEN_ERROR;
	if (aw_future_done(future->c)) {
		*out = future_result(future);
		self->future = NULL;
		Py_DECREF(future);
		return *out ? PYGEN_RETURN : PYGEN_ERROR;
	}
	if (future->blocking) {
		PyErr_SetString(PyExc_RuntimeError, "await wasn't used with future");
		return PYGEN_ERROR;
	}
	future->blocking = true;
	*out = Py_NewRef((PyObject *)future);
	return PYGEN_NEXT;
}

static PyObject *send_to_object(PyObject *self, PyObject *value) {
	PyObject *out;
	PySendResult result = FutureIter_send(self, value, &out);
	return sent_object(result, out);
}

static PyObject *FutureIter_next(PyObject *self) {
	return send_to_object(self, Py_None);
}

static PyObject *FutureIter_throw(PyObject *base, PyObject *const *args, Py_ssize_t count) {
	FutureIter_clear(base);
	return support_throw(args, count);
}

static PyObject *FutureIter_close(PyObject *base, PyObject *unused) {
	(void)unused;
	FutureIter_clear(base);
	Py_RETURN_NONE;
}

static PyMethodDef FutureIter_methods[] = {
	{"send", send_to_object, METH_O, NULL},
	{"throw", (PyCFunction)(void (*)(void))FutureIter_throw, METH_FASTCALL, NULL},
	{"close", FutureIter_close, METH_NOARGS, NULL},
	{0},
};

static PyAsyncMethods FutureIter_async = {.am_send = FutureIter_send};

PyTypeObject FutureIter_Type = {
	PyVarObject_HEAD_INIT(NULL, 0).tp_name = "libawait.aio._aio.FutureIter",
	.tp_basicsize = sizeof(FutureIter),
	.tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC,
	.tp_dealloc = FutureIter_dealloc,
	.tp_traverse = FutureIter_traverse,
	.tp_clear = FutureIter_clear,
	.tp_as_async = &FutureIter_async,
	.tp_iter = PyObject_SelfIter,
	.tp_iternext = FutureIter_next,
	.tp_methods = FutureIter_methods,
};
