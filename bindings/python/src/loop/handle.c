/* SPDX-License-Identifier: MIT */
/*
 * Handles: made for each call_soon, so kept on a free list; the collector sees them like any other object.
 */
#include "loop.h"

#include <stddef.h>
#include <structmember.h>

enum { FREE_MOST = 256 };

static handle *free_list; /* linked through `next` */
static unsigned free_count;

/* --- life --- */

static handle *handle_allocate(PyTypeObject *type) {
	if (!free_list) return PyObject_GC_New(handle, type);
	handle *self = free_list;
	free_list = self->next;
	free_count--;
	Py_SET_TYPE(self, type);
	_Py_NewReference((PyObject *)self);
	return self;
}

static PyObject *where_made(void) {
	return PyObject_CallMethod(py.support, "extract_stack", NULL);
}

handle *handle_new(loop_core *core, enum handle_kind kind, PyObject *callback, PyObject *const *args,
                   Py_ssize_t count, PyObject *context) {
	handle *self = handle_allocate(kind == HANDLE_TIMER ? &timer_handle_type : &handle_type);
	if (!self) return NULL;
	self->core = (loop_core *)Py_NewRef((PyObject *)core);
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
	if (core->debug && !(self->traceback = where_made())) goto fail;
	return self;
fail:
	Py_DECREF(self);
	return NULL;
}

void handle_set_arguments(handle *self, PyObject *tuple) {
	Py_CLEAR(self->argument);
	Py_XSETREF(self->arguments, tuple);
}

static int handle_traverse(handle *self, visitproc visit, void *arg) {
	Py_VISIT(self->core);
	Py_VISIT(self->callback);
	Py_VISIT(self->argument);
	Py_VISIT(self->arguments);
	Py_VISIT(self->context);
	Py_VISIT(self->traceback);
	return 0;
}

static int handle_clear(handle *self) {
	/* The core stays: while libawait holds the handle it has to find it. */
	Py_CLEAR(self->callback);
	Py_CLEAR(self->argument);
	Py_CLEAR(self->arguments);
	Py_CLEAR(self->context);
	Py_CLEAR(self->traceback);
	return 0;
}

static void handle_dealloc(handle *self) {
	PyObject_GC_UnTrack(self);
	if (self->weak) PyObject_ClearWeakRefs((PyObject *)self);
	handle_clear(self);
	Py_CLEAR(self->text);
	Py_CLEAR(self->core);
	if (free_count < FREE_MOST && (Py_IS_TYPE(self, &handle_type) || Py_IS_TYPE(self, &timer_handle_type))) {
		self->next = free_list;
		free_list = self;
		free_count++;
		return;
	}
	Py_TYPE(self)->tp_free((PyObject *)self);
}

void handle_free_list_clear(void) {
	while (free_list) {
		handle *first = free_list;
		free_list = first->next;
		PyObject_GC_Del(first);
	}
	free_count = 0;
}

/* --- held by libawait --- */

void handle_hold(handle *self) {
	Py_INCREF(self);
	self->held = true;
	self->next = self->core->held;
	self->link = &self->core->held;
	if (self->next) self->next->link = &self->next;
	self->core->held = self;
}

void handle_release(void *ud) {
	handle *self = ud;
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

/* --- running --- */

/* Keeps what ends the program for core_iterate(), which raises it. */
static aw_status leave_with(loop_core *core) {
	PyErr_Fetch(&core->exit_type, &core->exit_value, &core->exit_traceback);
	return AW_ESYSTEMEXIT;
}

static bool ends_the_program(void) {
	return PyErr_ExceptionMatches(PyExc_SystemExit) || PyErr_ExceptionMatches(PyExc_KeyboardInterrupt);
}

/* A callback raised: the exception handler hears, which may itself end the program. */
static int report(handle *self, PyObject *callback, PyObject *arguments) {
	PyObject *type, *value, *traceback;
	if (ends_the_program()) return -1;
	PyErr_Fetch(&type, &value, &traceback);
	PyErr_NormalizeException(&type, &value, &traceback);
	if (traceback) PyException_SetTraceback(value, traceback);
	PyObject *done =
		PyObject_CallMethod(py.support, "callback_failed", "OOOO", self, callback, arguments, value);
	Py_XDECREF(type);
	Py_XDECREF(value);
	Py_XDECREF(traceback);
	Py_XDECREF(done);
	return done ? 0 : -1;
}

static PyObject *arguments_of(const handle *self) {
	if (self->arguments) return Py_NewRef(self->arguments);
	return self->argument ? PyTuple_Pack(1, self->argument) : PyTuple_New(0);
}

/* -1 with an exception only if that is to leave the run. */
static int handle_run(handle *self) {
	/* The callback may cancel its own handle. */
	PyObject *callback = Py_NewRef(self->callback), *context = Py_NewRef(self->context);
	PyObject *argument = self->argument, *arguments = self->arguments, *result = NULL;
	Py_XINCREF(argument);
	Py_XINCREF(arguments);
	if (PyContext_Enter(context) == 0) {
		if (arguments)
			result = PyObject_Call(callback, arguments, NULL);
		else
			result = argument ? PyObject_CallOneArg(callback, argument) : PyObject_CallNoArgs(callback);
		/* Fails for a callback alone that left a context which is not its own. */
		if (PyContext_Exit(context) < 0) Py_CLEAR(result);
	}
	int status = 0;
	if (!result) {
		PyObject *type, *value, *traceback;
		PyErr_Fetch(&type, &value, &traceback);
		PyObject *all = arguments  ? Py_NewRef(arguments)
		                : argument ? PyTuple_Pack(1, argument)
		                           : PyTuple_New(0);
		if (all) {
			PyErr_Restore(type, value, traceback);
			status = report(self, callback, all);
			Py_DECREF(all);
		} else {
			Py_XDECREF(type);
			Py_XDECREF(value);
			Py_XDECREF(traceback);
			status = -1;
		}
	}
	Py_XDECREF(result);
	Py_DECREF(callback);
	Py_DECREF(context);
	Py_XDECREF(argument);
	Py_XDECREF(arguments);
	return status;
}

/* In debug mode: with the handle known to the loop, and a word about one that took long. */
static int handle_run_debug(handle *self) {
	loop_core *core = self->core;
	Py_XSETREF(core->current_handle, Py_NewRef((PyObject *)self));
	int64_t began = aw_loop_time(core->loop);
	int status = handle_run(self);
	double lasted = (double)(aw_loop_time(core->loop) - began) / 1e9;
	if (status == 0) {
		PyObject *done = PyObject_CallMethod(py.support, "callback_lasted", "OOd", core, self, lasted);
		if (!done) status = -1;
		Py_XDECREF(done);
	}
	Py_XSETREF(core->current_handle, Py_NewRef(Py_None));
	return status;
}

aw_status handle_call(aw_loop *loop, void *ud) {
	(void)loop;
	handle *self = ud;
	loop_core *core = self->core;
	if (self->cancelled || !self->callback) return 0;
	Py_INCREF(self);
	int status = core->debug ? handle_run_debug(self) : handle_run(self);
	aw_status left = status < 0 ? leave_with(core) : 0;
	Py_DECREF(self);
	return left;
}

/* --- methods --- */

void handle_mark_cancelled(handle *self) {
	if (self->cancelled) return;
	if (self->core->debug) {
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
static PyObject *handle_cancel(handle *self, PyObject *none) {
	(void)none;
	/* From another thread than the loop's it goes by the mark alone. */
	if (!self->cancelled && self->timer) (void)aw_handle_cancel(self->timer);
	handle_mark_cancelled(self);
	Py_RETURN_NONE;
}

PyDoc_STRVAR(cancelled_doc, "cancelled($self, /)\n--\n\nReturn True if the callback was cancelled.");
static PyObject *handle_cancelled(handle *self, PyObject *none) {
	(void)none;
	return PyBool_FromLong(self->cancelled);
}

PyDoc_STRVAR(get_context_doc,
             "get_context($self, /)\n--\n\nReturn the contextvars.Context the callback runs in.");
static PyObject *handle_get_context(handle *self, PyObject *none) {
	(void)none;
	return Py_NewRef(self->context ? self->context : Py_None);
}

PyDoc_STRVAR(
	run_doc,
	"_run($self, /)\n--\n\nCall the callback now, in its context; what it raises goes to the exception handler.");
static PyObject *handle_run_now(handle *self, PyObject *none) {
	(void)none;
	if (self->callback && handle_run(self) < 0) return NULL;
	Py_RETURN_NONE;
}

PyDoc_STRVAR(when_doc,
             "when($self, /)\n--\n\nReturn the time the callback is due, in seconds of loop.time().");
static PyObject *handle_when(handle *self, PyObject *none) {
	(void)none;
	return PyFloat_FromDouble(self->when);
}

static PyObject *or_none(PyObject *value) {
	return Py_NewRef(value ? value : Py_None);
}

static PyObject *get_callback(handle *self, void *none) {
	(void)none;
	return or_none(self->callback);
}
static PyObject *get_args(handle *self, void *none) {
	(void)none;
	return self->cancelled ? Py_NewRef(Py_None) : arguments_of(self);
}
static PyObject *get_cancelled(handle *self, void *none) {
	(void)none;
	return PyBool_FromLong(self->cancelled);
}
static PyObject *get_context(handle *self, void *none) {
	(void)none;
	return or_none(self->context);
}
static PyObject *get_loop(handle *self, void *none) {
	(void)none;
	return Py_NewRef((PyObject *)self->core);
}
static PyObject *get_traceback(handle *self, void *none) {
	(void)none;
	return or_none(self->traceback);
}
static PyObject *get_text(handle *self, void *none) {
	(void)none;
	return or_none(self->text);
}
static PyObject *get_when(handle *self, void *none) {
	(void)none;
	return PyFloat_FromDouble(self->when);
}
static PyObject *get_scheduled(handle *self, void *none) {
	(void)none;
	return PyBool_FromLong(self->held && !self->cancelled);
}

static PyObject *handle_repr(handle *self) {
	if (self->text) return Py_NewRef(self->text);
	return PyObject_CallMethod(py.support, "handle_repr", "O", self);
}

/* --- timers compare by their time --- */

static int same_object(PyObject *one, PyObject *other) {
	return one && other ? PyObject_RichCompareBool(one, other, Py_EQ) : one == other;
}

static int timers_equal(const handle *one, const handle *other) {
	if (one == other) return 1;
	if (one->when != other->when || one->cancelled != other->cancelled) return 0;
	int same = same_object(one->callback, other->callback);
	if (same > 0) same = same_object(one->argument, other->argument);
	if (same > 0) same = same_object(one->arguments, other->arguments);
	return same;
}

static PyObject *timer_compare(handle *self, PyObject *other, int operation) {
	if (!PyObject_TypeCheck(other, &timer_handle_type)) Py_RETURN_NOTIMPLEMENTED;
	const handle *than = (const handle *)other;
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

static Py_hash_t timer_hash(handle *self) {
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

static PyGetSetDef handle_attributes[] = {
	{"_callback", (getter)get_callback, NULL, "what is called, None once cancelled", NULL},
	{"_args", (getter)get_args, NULL, "with which arguments, None once cancelled", NULL},
	{"_cancelled", (getter)get_cancelled, NULL, NULL, NULL},
	{"_context", (getter)get_context, NULL, NULL, NULL},
	{"_loop", (getter)get_loop, NULL, NULL, NULL},
	{"_source_traceback", (getter)get_traceback, NULL, "where it was made, in debug mode", NULL},
	{"_repr", (getter)get_text, NULL, NULL, NULL},
	{NULL},
};

PyTypeObject handle_type = {
	PyVarObject_HEAD_INIT(NULL, 0).tp_name = "libawait._loop.Handle",
	.tp_doc = PyDoc_STR("A scheduled callback: what call_soon() returns. Mirrors asyncio.Handle."),
	.tp_basicsize = sizeof(handle),
	.tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_DISALLOW_INSTANTIATION,
	.tp_weaklistoffset = offsetof(handle, weak),
	.tp_traverse = (traverseproc)handle_traverse,
	.tp_clear = (inquiry)handle_clear,
	.tp_dealloc = (destructor)handle_dealloc,
	.tp_free = PyObject_GC_Del,
	.tp_repr = (reprfunc)handle_repr,
	.tp_methods = handle_methods,
	.tp_getset = handle_attributes,
};

static PyMethodDef timer_methods[] = {
	{"when", (PyCFunction)handle_when, METH_NOARGS, when_doc},
	{NULL},
};

static PyGetSetDef timer_attributes[] = {
	{"_when", (getter)get_when, NULL, NULL, NULL},
	{"_scheduled", (getter)get_scheduled, NULL, NULL, NULL},
	{NULL},
};

PyTypeObject timer_handle_type = {
	PyVarObject_HEAD_INIT(NULL, 0).tp_name = "libawait._loop.TimerHandle",
	.tp_doc = PyDoc_STR("A timer: what call_later() and call_at() return. Mirrors asyncio.TimerHandle."),
	.tp_basicsize = sizeof(handle),
	.tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_DISALLOW_INSTANTIATION,
	.tp_base = &handle_type,
	.tp_traverse = (traverseproc)handle_traverse,
	.tp_clear = (inquiry)handle_clear,
	.tp_dealloc = (destructor)handle_dealloc,
	.tp_free = PyObject_GC_Del,
	.tp_richcompare = (richcmpfunc)timer_compare,
	.tp_hash = (hashfunc)timer_hash,
	.tp_methods = timer_methods,
	.tp_getset = timer_attributes,
};

int handle_ready(PyObject *module) {
	if (PyModule_AddType(module, &handle_type) < 0) return -1;
	return PyModule_AddType(module, &timer_handle_type);
}
