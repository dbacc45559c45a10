/* SPDX-License-Identifier: MIT */
/*
 * The timeout scope and the task group. Their context managers are in libawait/aio/timeouts.py and
 * taskgroups.py.
 */
#include "aio.h"

typedef struct Scope {
	PyObject_HEAD Loop *loop;
	union {
		aw_timeout *timeout;
		aw_taskgroup *group;
	} c;
} Scope;

static int Scope_traverse(PyObject *base, visitproc visit, void *arg) {
	Py_VISIT(((Scope *)base)->loop);
	return 0;
}

static int Scope_clear(PyObject *base) {
	Py_CLEAR(((Scope *)base)->loop);
	return 0;
}

static void scope_dealloc(PyObject *base) {
	PyObject_GC_UnTrack(base);
	Scope_clear(base);
	Py_TYPE(base)->tp_free(base);
}

static PyObject *none_or(aw_status status) {
	if (status < 0) return raise_status(status);
	Py_RETURN_NONE;
}

/* ---- timeout ---- */

/* A loop time, or None. */
static int Timeout_init(PyObject *base, PyObject *args, PyObject *keywords) {
	static char *names[] = {"when", NULL};
	Scope *self = (Scope *)base;
	PyObject *when;
	int64_t time;
	if (!PyArg_ParseTupleAndKeywords(args, keywords, "O", names, &when) || duration_of(when, &time) < 0)
		return -1;
	Loop *loop = loop_running_or_raise();
	if (!loop) return -1;
	Py_XSETREF(self->loop, (Loop *)Py_NewRef((PyObject *)loop));
	aw_status status = aw_timeout_new_at(loop->c, time, &self->c.timeout);
	if (status < 0) raise_status(status);
	return status < 0 ? -1 : 0;
}

static void Timeout_dealloc(PyObject *base) {
	aw_timeout_unref(((Scope *)base)->c.timeout);
	scope_dealloc(base);
}

static PyObject *Timeout_begin(PyObject *self, PyObject *unused) {
	(void)unused;
	aw_status status = aw_timeout_enter(((Scope *)self)->c.timeout);
	if (status != AW_ENOTASK) return none_or(status);
	PyErr_SetString(PyExc_RuntimeError, "Timeout should be used inside a task");
	return NULL;
}

static PyObject *Timeout_end(PyObject *self, PyObject *cancelled) {
	int truth = PyObject_IsTrue(cancelled);
	if (truth < 0) return NULL;
	aw_status status = aw_timeout_exit(((Scope *)self)->c.timeout, truth ? AW_ECANCELLED : 0);
	if (status == AW_ETIMEOUT) Py_RETURN_TRUE;
	if (status < 0 && status != AW_ECANCELLED) return raise_status(status);
	Py_RETURN_FALSE;
}

static PyObject *Timeout_reschedule(PyObject *self, PyObject *when) {
	int64_t time;
	return duration_of(when, &time) < 0 ? NULL
	                                    : none_or(aw_timeout_reschedule(((Scope *)self)->c.timeout, time));
}

static PyObject *Timeout_expired(PyObject *self, PyObject *unused) {
	(void)unused;
	return PyBool_FromLong(aw_timeout_expired(((Scope *)self)->c.timeout));
}

static PyObject *Timeout_when(PyObject *self, PyObject *unused) {
	(void)unused;
	int64_t when = aw_timeout_when(((Scope *)self)->c.timeout);
	if (when == AW_FOREVER) Py_RETURN_NONE;
	return PyFloat_FromDouble((double)when / 1e9);
}

static PyMethodDef Timeout_methods[] = {
	{"begin", Timeout_begin, METH_NOARGS, NULL},      {"end", Timeout_end, METH_O, NULL},
	{"reschedule", Timeout_reschedule, METH_O, NULL}, {"expired", Timeout_expired, METH_NOARGS, NULL},
	{"when", Timeout_when, METH_NOARGS, NULL},        {0},
};

PyTypeObject Timeout_Type = {
	PyVarObject_HEAD_INIT(NULL, 0).tp_name = "libawait.aio._aio.Timeout",
	.tp_basicsize = sizeof(Scope),
	.tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC,
	.tp_new = PyType_GenericNew,
	.tp_init = Timeout_init,
	.tp_dealloc = Timeout_dealloc,
	.tp_traverse = Scope_traverse,
	.tp_clear = Scope_clear,
	.tp_methods = Timeout_methods,
};

/* ---- task group ---- */

static int TaskGroup_init(PyObject *base, PyObject *args, PyObject *keywords) {
	Scope *self = (Scope *)base;
	(void)keywords;
	if (!PyArg_ParseTuple(args, "")) return -1;
	Loop *loop = loop_running_or_raise();
	if (!loop) return -1;
	Py_XSETREF(self->loop, (Loop *)Py_NewRef((PyObject *)loop));
	aw_status status = aw_taskgroup_new(loop->c, &self->c.group);
	if (status < 0) raise_status(status);
	return status < 0 ? -1 : 0;
}

static void TaskGroup_dealloc(PyObject *base) {
	aw_taskgroup_unref(((Scope *)base)->c.group);
	scope_dealloc(base);
}

static PyObject *TaskGroup_begin(PyObject *self, PyObject *unused) {
	(void)unused;
	return none_or(aw_taskgroup_enter(((Scope *)self)->c.group));
}

static PyObject *TaskGroup_spawn(PyObject *base, PyObject *args) {
	Scope *self = (Scope *)base;
	PyObject *coro, *name, *context;
	if (!PyArg_ParseTuple(args, "OOO", &coro, &name, &context)) return NULL;
	return task_spawn(&Task_Type, self->loop, coro, name, context, self->c.group);
}

static PyObject *TaskGroup_add(PyObject *base, PyObject *task) {
	Scope *self = (Scope *)base;
	if (!PyObject_TypeCheck(task, &Task_Type) || future_check((Future *)task) < 0)
		return PyErr_Occurred()
		           ? NULL
		           : PyErr_Format(PyExc_TypeError, "a task of libawait.aio was expected, got %R", task);
	return none_or(aw_taskgroup_add(self->c.group, aw_future_task(((Future *)task)->c)));
}

static int end_begin(Operation *operation, aw_coro **out) {
	Scope *self = (Scope *)operation->subject;
	aw_error *error = NULL;
	if (operation->argument != Py_None &&
	    !(error = error_of_exception(self->loop, Py_NewRef(operation->argument))))
		return -1;
	aw_status status = aw_taskgroup_exit_coro(self->c.group, aw_error_status(error), error, out);
	aw_error_unref(error);
	if (status < 0) raise_status(status);
	return status < 0 ? -1 : 0;
}

static const operation_kind taskgroup_exit = {"TaskGroup.__aexit__", NULL, end_begin, NULL, NULL, NULL};

static PyObject *TaskGroup_end(PyObject *self, PyObject *exception) {
	return operation_new(&taskgroup_exit, self, exception, 0);
}

static PyMethodDef TaskGroup_methods[] = {
	{"begin", TaskGroup_begin, METH_NOARGS, NULL},
	{"spawn", TaskGroup_spawn, METH_VARARGS, NULL},
	{"add", TaskGroup_add, METH_O, NULL},
	{"end", TaskGroup_end, METH_O, NULL},
	{0},
};

PyTypeObject TaskGroup_Type = {
	PyVarObject_HEAD_INIT(NULL, 0).tp_name = "libawait.aio._aio.TaskGroup",
	.tp_basicsize = sizeof(Scope),
	.tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC,
	.tp_new = PyType_GenericNew,
	.tp_init = TaskGroup_init,
	.tp_dealloc = TaskGroup_dealloc,
	.tp_traverse = Scope_traverse,
	.tp_clear = Scope_clear,
	.tp_methods = TaskGroup_methods,
};
