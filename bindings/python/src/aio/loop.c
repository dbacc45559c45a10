/* SPDX-License-Identifier: MIT */
/* The loop: the frequently called methods. libawait/aio/events.py has the rest of the asyncio interface. */
#include "aio.h"

#include <structmember.h>
#include <unistd.h>

/* ---- helpers ---- */

PyObject *extract_stack(void) {
	return support_call("extract_stack", NULL, NULL);
}

aw_status loop_exit(Loop *self, PyObject *exception) {
	Py_XSETREF(self->exit, exception);
	return AW_ESYSTEMEXIT;
}

void loop_report(Loop *self, PyObject *message, PyObject *exception, const char *key, PyObject *what) {
	PyObject *context = PyDict_New();
	if (context && PyDict_SetItemString(context, "message", message) == 0 &&
	    (!exception || PyDict_SetItemString(context, "exception", exception) == 0) &&
	    (!what || PyDict_SetItemString(context, key, what) == 0)) {
		PyObject *result = PyObject_CallMethod((PyObject *)self, "call_exception_handler", "O", context);
		Py_XDECREF(result);
	}
	Py_XDECREF(context);
	if (PyErr_Occurred()) {
		PyObject *raised = exception_take();
		if (must_exit(raised))
			loop_exit(self, raised);
		else {
			exception_give(raised);
			PyErr_WriteUnraisable((PyObject *)self);
		}
	}
}

bool loop_releases_here(Loop *self) {
	if (!self->c || aw_loop_is_closed(self->c)) return false;
	if (self->thread) return self->thread == PyThread_get_thread_ident();
	/* No thread runs it: any call makes the calling thread its owner, which releases handles. */
	return aw_loop_set_debug(self->c, aw_loop_debug(self->c)) == 0;
}

Loop *loop_running(void) {
	aw_loop *c = aw_loop_current();
	return c ? aw_loop_host_data(c) : NULL;
}

Loop *loop_running_or_raise(void) {
	Loop *loop = loop_running();
	if (!loop) PyErr_SetString(PyExc_RuntimeError, "no running event loop");
	return loop;
}

Loop *loop_of_argument(PyObject *argument) {
	if (argument && argument != Py_None) {
		if (PyObject_TypeCheck(argument, &Loop_Type)) return (Loop *)argument;
		PyErr_Format(PyExc_TypeError, "an event loop of libawait.aio was expected, got %R", argument);
		return NULL;
	}
	Loop *loop = loop_running();
	if (loop) return loop;
	PyObject *got = support_call("get_event_loop", NULL, NULL);
	if (!got) return NULL;
	bool fits = PyObject_TypeCheck(got, &Loop_Type);
	Py_DECREF(got); /* the policy keeps a reference */
	if (!fits) PyErr_SetString(PyExc_TypeError, "the current event loop is not one of libawait.aio");
	return fits ? (Loop *)got : NULL;
}

/* ---- futures and tasks ---- */

static PyObject *Loop_create_future(PyObject *base, PyObject *unused) {
	(void)unused;
	Loop *self = (Loop *)base;
	PyObject *future = Future_Type.tp_alloc(&Future_Type, 0);
	if (!future) return NULL;
	aw_future *c;
	aw_status status = self->c ? aw_future_new(self->c, &c) : AW_ELOOPCLOSED;
	if (status < 0 || future_prepare((Future *)future, self) < 0) {
		Py_DECREF(future);
		return status < 0 ? raise_status(status) : NULL;
	}
	future_bind((Future *)future, c);
	return future;
}

static PyObject *Loop_create_task(PyObject *base, PyObject *args, PyObject *keywords) {
	static char *names[] = {"coro", "name", "context", NULL};
	Loop *self = (Loop *)base;
	PyObject *coro, *name = Py_None, *context = Py_None;
	if (!PyArg_ParseTupleAndKeywords(args, keywords, "O|$OO", names, &coro, &name, &context)) return NULL;
	if (!self->task_factory) return task_spawn(&Task_Type, self, coro, name, context, NULL);
	PyObject *arguments[] = {base, coro, context};
	PyObject *names_given = context == Py_None ? NULL : Py_BuildValue("(s)", "context");
	PyObject *task = PyObject_Vectorcall(self->task_factory, arguments, 2, names_given);
	Py_XDECREF(names_given);
	if (task && name != Py_None) {
		PyObject *result = PyObject_CallMethod(task, "set_name", "O", name);
		Py_XDECREF(result);
		if (!result) PyErr_Clear();
	}
	return task;
}

static PyObject *Loop_set_task_factory(PyObject *base, PyObject *factory) {
	Loop *self = (Loop *)base;
	if (factory != Py_None && !PyCallable_Check(factory)) {
		PyErr_SetString(PyExc_TypeError, "task factory must be a callable or None");
		return NULL;
	}
	Py_XSETREF(self->task_factory, factory == Py_None ? NULL : Py_NewRef(factory));
	Py_RETURN_NONE;
}

static PyObject *Loop_get_task_factory(PyObject *base, PyObject *unused) {
	(void)unused;
	Loop *self = (Loop *)base;
	return Py_NewRef(self->task_factory ? self->task_factory : Py_None);
}

static PyObject *Loop_all_tasks(PyObject *base, PyObject *unused) {
	(void)unused;
	Loop *self = (Loop *)base;
	PyObject *set = PySet_New(NULL);
	if (!set || !self->c || aw_loop_is_closed(self->c)) return set;
	aw_status count = aw_loop_all_tasks(self->c, NULL, 0);
	aw_task **tasks = count > 0 ? PyMem_Calloc((size_t)count, sizeof *tasks) : NULL;
	if (count > 0 && !tasks) {
		Py_DECREF(set);
		return PyErr_NoMemory();
	}
	if (count > 0) count = aw_loop_all_tasks(self->c, tasks, (size_t)count);
	for (aw_status i = 0; i < count; i++) {
		PyObject *task = aw_future_host_data(aw_task_future(tasks[i]));
		if (set && task && PySet_Add(set, task) < 0) Py_CLEAR(set);
		aw_task_unref(tasks[i]);
	}
	PyMem_Free(tasks);
	return set;
}

static PyObject *Loop_print_tasks(PyObject *base, PyObject *args) {
	int fd = 2, json = 0;
	if (!PyArg_ParseTuple(args, "|ip", &fd, &json)) return NULL;
	aw_status status = aw_loop_print_tasks(((Loop *)base)->c, fd, json ? AW_PRINT_JSON : AW_PRINT_TEXT);
	if (status < 0) return raise_status(status);
	Py_RETURN_NONE;
}

/* ---- unhandled failures ---- */

static aw_status report_receive(aw_loop *c, const aw_report *report, void *ud) {
	(void)c;
	Loop *self = ud;
	/*
	 * The Python handle, which the library does not know, reports a slow callback; and Python itself warns
	 * about coroutines that were never awaited.
	 */
	const char *text = aw_report_message(report);
	if (strncmp(text, "Executing callback", 18) == 0 || strcmp(text, "coroutine was never awaited") == 0)
		return 0;
	/* a report may be made while another exception is being raised */
	PyObject *raised = PyErr_Occurred() ? exception_take() : NULL;
	aw_future *future = aw_report_future(report);
	aw_error *error = aw_report_error(report);
	PyObject *wrapper = future ? future_wrap(self, aw_future_ref(future)) : NULL;
	PyObject *message = PyUnicode_FromString(text);
	PyObject *exception = error ? exception_of(error, aw_error_status(error)) : NULL;
	if (message && wrapper) {
		PyObject *own = support_call("report_message", message, wrapper);
		if (own == Py_None) { /* not to be reported */
			Py_CLEAR(own);
			Py_CLEAR(message);
		} else if (own) {
			Py_SETREF(message, own);
		}
	}
	if (message) loop_report(self, message, exception, "future", wrapper);
	Py_XDECREF(message);
	Py_XDECREF(exception);
	Py_XDECREF(wrapper);
	if (PyErr_Occurred()) PyErr_Clear();
	if (raised) exception_give(raised);
	return 0;
}

/* ---- life ---- */

static int Loop_init(PyObject *base, PyObject *args, PyObject *keywords) {
	static char *names[] = {"backend", NULL};
	Loop *self = (Loop *)base;
	const char *backend = NULL;
	if (!PyArg_ParseTupleAndKeywords(args, keywords, "|z", names, &backend)) return -1;
	if (self->c) {
		PyErr_SetString(PyExc_RuntimeError, "the loop is already initialised");
		return -1;
	}
	self->signal_fd = -1;
	aw_status status = aw_loop_new(backend, &self->c);
	if (status == AW_ENOBACKEND || status == AW_EBACKENDABI) {
		char why[256];
		(void)aw_backend_explain(backend, why, sizeof why);
		PyErr_Format(PyExc_RuntimeError, "no such backend: %s", why);
		return -1;
	}
	if (status == 0) status = aw_loop_set_host_data(self->c, self, NULL);
	if (status == 0) status = aw_loop_set_exception_handler(self->c, report_receive, self, NULL);
	if (status == 0) return 0;
	raise_status(status);
	return -1;
}

static int Loop_traverse(PyObject *base, visitproc visit, void *arg) {
	Loop *self = (Loop *)base;
	Py_VISIT(self->dict);
	Py_VISIT(self->task_factory);
	Py_VISIT(self->exit);
	return 0;
}

static int Loop_clear(PyObject *base) {
	Loop *self = (Loop *)base;
	Py_CLEAR(self->dict);
	Py_CLEAR(self->task_factory);
	Py_CLEAR(self->exit);
	return 0;
}

static void Loop_dealloc(PyObject *base) {
	Loop *self = (Loop *)base;
	if (PyObject_CallFinalizerFromDealloc(base) < 0) return;
	PyObject_GC_UnTrack(base);
	if (self->weakrefs) PyObject_ClearWeakRefs(base);
	if (self->c) {
		/*
		 * Futures keep their loop alive, so the only Python objects left in it are handles that will never run.
		 */
		aw_loop *c = self->c;
		aw_loop_set_exception_handler(c, NULL, NULL, NULL);
		aw_loop_set_host_data(c, NULL, NULL);
		self->c = NULL;
		aw_loop_unref(c);
	}
	Loop_clear(base);
	Py_TYPE(base)->tp_free(base);
}

static PyObject *Loop_backend(PyObject *base, void *unused) {
	(void)unused;
	Loop *self = (Loop *)base;
	return PyUnicode_FromString(self->c ? aw_loop_backend(self->c) : "");
}

static PyObject *Loop_slow(PyObject *base, PyObject *seconds) {
	int64_t duration;
	if (duration_of(seconds, &duration) < 0) return NULL;
	aw_loop_set_slow_callback_duration(((Loop *)base)->c, duration);
	Py_RETURN_NONE;
}

static PyMethodDef loop_own_methods[] = {
	{"create_future", Loop_create_future, METH_NOARGS, "A pending future."},
	{"create_task", WITH_KEYWORDS(Loop_create_task),
     "create_task(coro, *, name=None, context=None): schedule a coroutine."},
	{"set_task_factory", Loop_set_task_factory, METH_O,
     "Set the factory that create_task() calls; None for the default."},
	{"get_task_factory", Loop_get_task_factory, METH_NOARGS, "What create_task() calls, or None."},
	{"print_tasks", Loop_print_tasks, METH_VARARGS,
     "print_tasks(fd=2, json=False): print the tree of tasks."},
	{"_all_tasks", Loop_all_tasks, METH_NOARGS, NULL},
	{"_set_slow", Loop_slow, METH_O, NULL},
	{0},
};

enum { METHODS_MAX = 64 };

/* The methods of all files, combined once. */
static PyMethodDef Loop_methods[METHODS_MAX];

void loop_methods_join(void) {
	const PyMethodDef *parts[] = {loop_own_methods, loop_schedule_methods, loop_watch_methods,
	                              loop_run_methods, loop_connect_methods};
	size_t count = 0;
	for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
		for (const PyMethodDef *each = parts[i]; each->ml_name; each++) {
			assert(count + 1 < METHODS_MAX);
			Loop_methods[count++] = *each;
		}
}

static PyGetSetDef Loop_getset[] = {
	{"__dict__", PyObject_GenericGetDict, PyObject_GenericSetDict, NULL, NULL},
	{"backend", Loop_backend, NULL, "The name of its backend.", NULL},
	{0},
};

PyTypeObject Loop_Type = {
	PyVarObject_HEAD_INIT(NULL, 0).tp_name = "libawait.aio._aio.Loop",
	.tp_basicsize = sizeof(Loop),
	.tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_BASETYPE,
	.tp_new = PyType_GenericNew,
	.tp_init = Loop_init,
	.tp_dealloc = Loop_dealloc,
	.tp_traverse = Loop_traverse,
	.tp_clear = Loop_clear,
	.tp_methods = Loop_methods,
	.tp_getset = Loop_getset,
	.tp_dictoffset = offsetof(Loop, dict),
	.tp_weaklistoffset = offsetof(Loop, weakrefs),
};
