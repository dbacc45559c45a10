/* SPDX-License-Identifier: MIT */
/*
 * Handles: made for each call_soon, so kept on a free list; the collector sees them like any other object.
 */
#include "handle.h"

#include <stdarg.h>
#include <stddef.h>
#include <structmember.h>

enum { FREE_MAX = 256 };

static Handle *free_list; /* linked through `next` */
static unsigned free_count;

/* --- life --- */

static Handle *handle_allocate(PyTypeObject *type) {
	if (!free_list) return PyObject_GC_New(Handle, type);
	Handle *self = free_list;
	free_list = self->next;
	free_count--;
	Py_SET_TYPE(self, type);
	_Py_NewReference((PyObject *)self);
	return self;
}

/* Calls a function of the support module; the arguments as for Py_BuildValue(). */
static PyObject *support_call(const char *name, const char *format, ...) {
	PyObject *support = handle_support(), *function = support ? PyObject_GetAttrString(support, name) : NULL;
	if (!function) return NULL;
	va_list arguments;
	va_start(arguments, format);
	PyObject *built = format ? Py_VaBuildValue(format, arguments) : PyTuple_New(0);
	va_end(arguments);
	PyObject *result = built ? PyObject_CallObject(function, built) : NULL;
	Py_XDECREF(built);
	Py_DECREF(function);
	return result;
}

static PyObject *where_made(void) {
	return support_call("extract_stack", NULL);
}

Handle *handle_new(PyObject *loop, enum handle_kind kind, PyObject *callback, PyObject *const *args,
                   Py_ssize_t count, PyObject *context) {
	Handle *self = handle_allocate(kind == HANDLE_TIMER ? &timer_handle_type : &handle_type);
	if (!self) return NULL;
	self->loop = Py_NewRef(loop);
	self->callback = Py_NewRef(callback);
	self->argument = self->arguments = self->traceback = self->text = self->weak = NULL;
	self->next = NULL;
	self->link = NULL;
	self->timer = NULL;
	self->process = NULL;
	self->when = 0;
	self->kind = (uint8_t)kind;
	self->cancelled = self->held = false;
	self->context = context ? Py_NewRef(context) : PyContext_CopyCurrent();
	PyObject_GC_Track(self);
	if (!self->context) goto fail;
	if (count == 1) {
		self->argument = Py_NewRef(args[0]);
	} else if (count > 1) {
		self->arguments = PyTuple_New(count);
		if (!self->arguments) goto fail;
		for (Py_ssize_t i = 0; i < count; i++) PyTuple_SET_ITEM(self->arguments, i, Py_NewRef(args[i]));
	}
	if (handle_debug(self) && !(self->traceback = where_made())) goto fail;
	return self;
fail:
	Py_DECREF(self);
	return NULL;
}

void handle_set_arguments(Handle *self, PyObject *tuple) {
	Py_CLEAR(self->argument);
	Py_XSETREF(self->arguments, tuple);
}

static int handle_traverse(Handle *self, visitproc visit, void *arg) {
	Py_VISIT(self->loop);
	Py_VISIT(self->callback);
	Py_VISIT(self->argument);
	Py_VISIT(self->arguments);
	Py_VISIT(self->context);
	Py_VISIT(self->traceback);
	return 0;
}

static int handle_clear(Handle *self) {
	/* The loop stays: while libawait holds the handle it has to find it. */
	Py_CLEAR(self->callback);
	Py_CLEAR(self->argument);
	Py_CLEAR(self->arguments);
	Py_CLEAR(self->context);
	Py_CLEAR(self->traceback);
	return 0;
}

static void handle_dealloc(Handle *self) {
	PyObject_GC_UnTrack(self);
	if (self->weak) PyObject_ClearWeakRefs((PyObject *)self);
	handle_clear(self);
	Py_CLEAR(self->text);
	Py_CLEAR(self->loop);
	if (self->timer) aw_handle_unref(self->timer);
	if (free_count < FREE_MAX && (Py_IS_TYPE(self, &handle_type) || Py_IS_TYPE(self, &timer_handle_type))) {
		self->next = free_list;
		free_list = self;
		free_count++;
		return;
	}
	Py_TYPE(self)->tp_free((PyObject *)self);
}

void handle_free_list_clear(void) {
	while (free_list) {
		Handle *first = free_list;
		free_list = first->next;
		PyObject_GC_Del(first);
	}
	free_count = 0;
}

/* --- running --- */

PyObject *call_in_context(PyObject *context, PyObject *callback, PyObject *argument, PyObject *arguments) {
	PyObject *result;
	if (PyContext_Enter(context) < 0) return NULL;
	if (arguments)
		result = PyObject_Call(callback, arguments, NULL);
	else
		result = argument ? PyObject_CallOneArg(callback, argument) : PyObject_CallNoArgs(callback);
	/* Fails for a callback alone that left a context which is not its own. */
	if (PyContext_Exit(context) < 0) Py_CLEAR(result);
	return result;
}

int handle_report(Handle *self, PyObject *callback, PyObject *arguments) {
	PyObject *exception = exception_take();
	if (must_exit(exception)) {
		exception_give(exception);
		return -1;
	}
	PyObject *done = support_call("callback_failed", "(OOOO)", self, callback, arguments, exception);
	Py_DECREF(exception);
	Py_XDECREF(done);
	return done ? 0 : -1;
}

static PyObject *tuple_of(PyObject *argument, PyObject *arguments) {
	if (arguments) return Py_NewRef(arguments);
	return argument ? PyTuple_Pack(1, argument) : PyTuple_New(0);
}

static int report_with(Handle *self, PyObject *callback, PyObject *argument, PyObject *arguments) {
	PyObject *exception = exception_take();
	PyObject *all = tuple_of(argument, arguments);
	if (!all) {
		Py_DECREF(exception);
		return -1;
	}
	exception_give(exception);
	int status = handle_report(self, callback, all);
	Py_DECREF(all);
	return status;
}

/* -1 with an exception only if that is to leave the run. */
static int handle_run(Handle *self) {
	/* The callback may cancel its own handle. */
	PyObject *callback = Py_NewRef(self->callback), *context = Py_NewRef(self->context);
	PyObject *argument = Py_XNewRef(self->argument), *arguments = Py_XNewRef(self->arguments);
	PyObject *result = call_in_context(context, callback, argument, arguments);
	int status = result ? 0 : report_with(self, callback, argument, arguments);
	Py_XDECREF(result);
	Py_DECREF(callback);
	Py_DECREF(context);
	Py_XDECREF(argument);
	Py_XDECREF(arguments);
	return status;
}

/* In debug mode: with a word about one that took long. */
static int handle_run_timed(aw_loop *loop, Handle *self) {
	int64_t began = aw_loop_time(loop);
	int status = handle_run(self);
	if (status < 0) return status;
	double lasted = (double)(aw_loop_time(loop) - began) / 1e9;
	PyObject *done = support_call("callback_lasted", "(Od)", self, lasted);
	Py_XDECREF(done);
	return done ? 0 : -1;
}

aw_status handle_dispatch(aw_loop *loop, Handle *self) {
	if (self->cancelled || !self->callback) return 0;
	Py_INCREF(self);
	int status = handle_debug(self) ? handle_run_timed(loop, self) : handle_run(self);
	aw_status left = status < 0 ? handle_leave(self) : 0;
	Py_DECREF(self);
	return left;
}

/* --- methods --- */

void handle_mark_cancelled(Handle *self) {
	if (self->cancelled) return;
	if (handle_debug(self)) {
		/* What was cancelled is shown in warnings later. */
		self->cancelled = true;
		self->text = PyObject_Repr((PyObject *)self);
		if (!self->text) PyErr_Clear();
	}
	self->cancelled = true;
	Py_CLEAR(self->callback);
	Py_CLEAR(self->argument);
	Py_CLEAR(self->arguments);
}

PyDoc_STRVAR(cancel_doc,
             "cancel($self, /)\n--\n\nCancel the callback. Does nothing once it ran or was cancelled.");
static PyObject *handle_cancel(Handle *self, PyObject *none) {
	(void)none;
	/* From another thread than the loop's it goes by the mark alone. */
	if (!self->cancelled && self->timer && self->held) (void)aw_handle_cancel(self->timer);
	handle_mark_cancelled(self);
	Py_RETURN_NONE;
}

PyDoc_STRVAR(cancelled_doc, "cancelled($self, /)\n--\n\nReturn True if the callback was cancelled.");
static PyObject *handle_cancelled(Handle *self, PyObject *none) {
	(void)none;
	return PyBool_FromLong(self->cancelled);
}

PyDoc_STRVAR(get_context_doc,
             "get_context($self, /)\n--\n\nReturn the contextvars.Context the callback runs in.");
static PyObject *handle_get_context(Handle *self, PyObject *none) {
	(void)none;
	return Py_NewRef(self->context ? self->context : Py_None);
}

PyDoc_STRVAR(
	run_doc,
	"_run($self, /)\n--\n\nCall the callback now, in its context; what it raises goes to the exception handler.");
static PyObject *handle_run_now(Handle *self, PyObject *none) {
	(void)none;
	if (self->callback && handle_run(self) < 0) return NULL;
	Py_RETURN_NONE;
}

PyDoc_STRVAR(when_doc,
             "when($self, /)\n--\n\nReturn the time the callback is due, in seconds of loop.time().");
static PyObject *handle_when(Handle *self, PyObject *none) {
	(void)none;
	return PyFloat_FromDouble(self->when);
}

static PyObject *get_args(Handle *self, void *none) {
	(void)none;
	return self->cancelled ? Py_NewRef(Py_None) : tuple_of(self->argument, self->arguments);
}
static PyObject *get_scheduled(Handle *self, void *none) {
	(void)none;
	return PyBool_FromLong(self->held && !self->cancelled);
}

static PyObject *handle_repr(Handle *self) {
	if (self->text) return Py_NewRef(self->text);
	return support_call("handle_repr", "(O)", self);
}

/* --- timers compare by their time --- */

static int same_object(PyObject *one, PyObject *other) {
	return one && other ? PyObject_RichCompareBool(one, other, Py_EQ) : one == other;
}

static int timers_equal(const Handle *one, const Handle *other) {
	if (one == other) return 1;
	if (one->when != other->when || one->cancelled != other->cancelled) return 0;
	int same = same_object(one->callback, other->callback);
	if (same > 0) same = same_object(one->argument, other->argument);
	if (same > 0) same = same_object(one->arguments, other->arguments);
	return same;
}

static PyObject *timer_compare(Handle *self, PyObject *other, int operation) {
	if (!PyObject_TypeCheck(other, &timer_handle_type)) Py_RETURN_NOTIMPLEMENTED;
	const Handle *than = (const Handle *)other;
	int same = operation == Py_LT || operation == Py_GT ? 0 : timers_equal(self, than);
	if (same < 0) return NULL;
	switch (operation) {
	case Py_LT: return PyBool_FromLong(self->when < than->when);
	case Py_LE: return PyBool_FromLong(self->when < than->when || same);
	case Py_GT: return PyBool_FromLong(self->when > than->when);
	case Py_GE: return PyBool_FromLong(self->when > than->when || same);
	case Py_EQ: return PyBool_FromLong(same);
	default: return PyBool_FromLong(!same);
	}
}

static Py_hash_t timer_hash(Handle *self) {
	return _Py_HashDouble((PyObject *)self, self->when);
}

/* --- the types --- */

static PyMethodDef handle_methods[] = {
	{"cancel", (PyCFunction)handle_cancel, METH_NOARGS, cancel_doc},
	{"cancelled", (PyCFunction)handle_cancelled, METH_NOARGS, cancelled_doc},
	{"get_context", (PyCFunction)handle_get_context, METH_NOARGS, get_context_doc},
	{"_run", (PyCFunction)handle_run_now, METH_NOARGS, run_doc},
	{NULL},
};

static PyMemberDef handle_members[] = {
	{"_callback", T_OBJECT, offsetof(Handle, callback), READONLY, "what is called, None once cancelled"},
	{"_cancelled", T_BOOL, offsetof(Handle, cancelled), READONLY, NULL},
	{"_context", T_OBJECT, offsetof(Handle, context), READONLY, NULL},
	{"_loop", T_OBJECT, offsetof(Handle, loop), READONLY, NULL},
	{"_source_traceback", T_OBJECT, offsetof(Handle, traceback), READONLY,
     "where it was made, in debug mode"},
	{"_repr", T_OBJECT, offsetof(Handle, text), READONLY, NULL},
	{NULL},
};

static PyGetSetDef handle_attributes[] = {
	{"_args", (getter)get_args, NULL, "with which arguments, None once cancelled", NULL},
	{NULL},
};

PyTypeObject handle_type = {
	PyVarObject_HEAD_INIT(NULL, 0).tp_name = handle_name,
	.tp_doc = PyDoc_STR("A scheduled callback: what call_soon() returns. Mirrors asyncio.Handle."),
	.tp_basicsize = sizeof(Handle),
	.tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_DISALLOW_INSTANTIATION,
	.tp_weaklistoffset = offsetof(Handle, weak),
	.tp_traverse = (traverseproc)handle_traverse,
	.tp_clear = (inquiry)handle_clear,
	.tp_dealloc = (destructor)handle_dealloc,
	.tp_free = PyObject_GC_Del,
	.tp_repr = (reprfunc)handle_repr,
	.tp_methods = handle_methods,
	.tp_members = handle_members,
	.tp_getset = handle_attributes,
};

static PyMethodDef timer_methods[] = {
	{"when", (PyCFunction)handle_when, METH_NOARGS, when_doc},
	{NULL},
};

static PyMemberDef timer_members[] = {
	{"_when", T_DOUBLE, offsetof(Handle, when), READONLY, NULL},
	{NULL},
};

static PyGetSetDef timer_attributes[] = {
	{"_scheduled", (getter)get_scheduled, NULL, NULL, NULL},
	{NULL},
};

PyTypeObject timer_handle_type = {
	PyVarObject_HEAD_INIT(NULL, 0).tp_name = timer_handle_name,
	.tp_doc = PyDoc_STR("A timer: what call_later() and call_at() return. Mirrors asyncio.TimerHandle."),
	.tp_basicsize = sizeof(Handle),
	.tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_DISALLOW_INSTANTIATION,
	.tp_base = &handle_type,
	.tp_traverse = (traverseproc)handle_traverse,
	.tp_clear = (inquiry)handle_clear,
	.tp_dealloc = (destructor)handle_dealloc,
	.tp_free = PyObject_GC_Del,
	.tp_richcompare = (richcmpfunc)timer_compare,
	.tp_hash = (hashfunc)timer_hash,
	.tp_methods = timer_methods,
	.tp_members = timer_members,
	.tp_getset = timer_attributes,
};

int handle_ready(PyObject *module) {
	if (PyModule_AddType(module, &handle_type) < 0) return -1;
	return PyModule_AddType(module, &timer_handle_type);
}

/* --- the arguments of the methods that make one --- */

int context_argument(const char *name, PyObject *const *args, Py_ssize_t count, PyObject *keywords,
                     PyObject **out) {
	*out = NULL;
	Py_ssize_t given = keywords ? PyTuple_GET_SIZE(keywords) : 0;
	for (Py_ssize_t i = 0; i < given; i++) {
		PyObject *keyword = PyTuple_GET_ITEM(keywords, i);
		if (PyUnicode_CompareWithASCIIString(keyword, "context") != 0) {
			PyErr_Format(PyExc_TypeError, "%s() got an unexpected keyword argument '%U'", name, keyword);
			return -1;
		}
		*out = args[count + i] == Py_None ? NULL : args[count + i];
	}
	if (*out && !PyContext_CheckExact(*out)) {
		PyErr_Format(PyExc_TypeError, "%s() needs a contextvars.Context as its context", name);
		return -1;
	}
	return 0;
}

int check_count(const char *name, Py_ssize_t count, Py_ssize_t least) {
	if (count >= least) return 0;
	PyErr_Format(PyExc_TypeError, "%s() takes at least %zd positional arguments (%zd given)", name, least,
	             count);
	return -1;
}
