/* SPDX-License-Identifier: MIT */
/*
 * Tasks: a step task of the library drives a Python coroutine.
 *
 * The coroutine yields what it awaits: a future, an operation (operation.c), None (one iteration), or any
 * object that follows asyncio's future protocol. The step holds the reference that keeps a pending task
 * alive.
 */
#include "aio.h"

#include <structmember.h>

/* ---- one step ---- */

/* Sends a value or throws an exception (taken over) into the coroutine. */
static PySendResult resume_coroutine(PyObject *coro, PyObject *value, PyObject *exception, PyObject **out) {
	if (!exception) return PyIter_Send(coro, value, out);
	*out = PyObject_CallMethod(coro, "throw", "O", exception);
	Py_DECREF(exception);
	if (*out) return PYGEN_NEXT;
	if (!PyErr_ExceptionMatches(PyExc_StopIteration)) return PYGEN_ERROR;
	PyObject *stop = exception_take();
	*out = PyObject_GetAttrString(stop, "value");
	Py_DECREF(stop);
	return *out ? PYGEN_RETURN : PYGEN_ERROR;
}

static aw_status step_failed(Task *self, aw_resume *resume) {
	PyObject *exception = exception_take();
	if (PyErr_GivenExceptionMatches(exception, PyExc_SystemExit) ||
	    PyErr_GivenExceptionMatches(exception, PyExc_KeyboardInterrupt))
		loop_exit(self->future.loop, Py_NewRef(exception));
	bool cancelled = PyErr_GivenExceptionMatches(exception, CancelledError);
	PyObject *traceback = PyException_GetTraceback(exception);
	Py_XSETREF(self->future.exception_traceback, traceback ? traceback : Py_NewRef(Py_None));
	self->future.held = exception; /* borrowed from the error */
	aw_error *error = error_of_exception(self->future.loop, exception);
	if (!error) {
		PyErr_Clear();
		self->future.held = NULL;
		return AW_ENOMEM;
	}
	self->future.log_traceback = !cancelled;
	aw_status status = aw_resume_raise(resume, error);
	aw_error_unref(error);
	return status;
}

/* The next step raises this exception. */
static aw_status raise_in_next_step(Task *self, aw_resume *resume, PyObject *exception) {
	self->pending = exception;
	return aw_resume_yield(resume);
}

static aw_status bad_yield(Task *self, aw_resume *resume, const char *format, PyObject *what) {
	PyErr_Format(PyExc_RuntimeError, format, self, what);
	return raise_in_next_step(self, resume, exception_take());
}

static aw_status await_future(Task *self, aw_resume *resume, Future *what) {
	if (what->loop != self->future.loop)
		return bad_yield(self, resume, "Task %R got Future %R attached to a different loop",
		                 (PyObject *)what);
	if (!what->blocking)
		return bad_yield(self, resume, "yield was used instead of yield from in task %R with %R",
		                 (PyObject *)what);
	what->blocking = false;
	if (what == &self->future) {
		PyErr_Format(PyExc_RuntimeError, "Task cannot await on itself: %R", self);
		return raise_in_next_step(self, resume, exception_take());
	}
	aw_status status = aw_resume_await(resume, what->c);
	Py_XSETREF(self->waiter, Py_NewRef((PyObject *)what));
	return status;
}

/* A foreign future: await one of ours that follows it. */
static aw_status await_foreign(Task *self, aw_resume *resume, PyObject *what) {
	PyObject *follower = support_call("follow", what, (PyObject *)self);
	if (!follower) return raise_in_next_step(self, resume, exception_take());
	aw_status status = aw_resume_await(resume, ((Future *)follower)->c);
	Py_XSETREF(self->waiter, follower);
	return status;
}

static aw_status await_yielded(Task *self, aw_resume *resume, PyObject *what) {
	if (Future_Check(what)) return await_future(self, resume, (Future *)what);
	if (what == Py_None) return aw_resume_yield(resume);
	if (Py_IS_TYPE(what, &Operation_Type) && ((Operation *)what)->coro) {
		Operation *operation = (Operation *)what;
		aw_coro *coro = operation->coro;
		operation->coro = NULL;
		aw_status status = aw_resume_delegate(resume, coro);
		aw_coro_unref(coro);
		Py_XSETREF(self->operation, (Operation *)Py_NewRef(what));
		return status;
	}
	PyObject *blocking = PyObject_GetAttrString(what, "_asyncio_future_blocking");
	if (!blocking) PyErr_Clear();
	bool follows = blocking && blocking != Py_None;
	Py_XDECREF(blocking);
	if (follows) return await_foreign(self, resume, what);
	if (PyGen_CheckExact(what))
		return bad_yield(self, resume,
		                 "yield was used instead of yield from for generator in task %R with %R", what);
	PyErr_Format(PyExc_RuntimeError, "Task got bad yield: %R", what);
	return raise_in_next_step(self, resume, exception_take());
}

/* The exception that the step has to throw, new reference, or NULL. */
static PyObject *thrown(Task *self, aw_resume *resume) {
	aw_status status = aw_resume_status(resume);
	PyObject *pending = self->pending;
	self->pending = NULL;
	if (status >= 0) return pending;
	/* A cancellation takes precedence over the pending exception. */
	Py_XDECREF(pending);
	aw_error *error = aw_resume_error(resume), *own = NULL;
	Future *waiter = (Future *)self->waiter;
	if (waiter && future_done(waiter)) {
		aw_future_error(waiter->c, &own);
		waiter->log_traceback = false; /* this task retrieves it */
		if (own && own == error) return future_failure(waiter);
	}
	PyObject *payload = error ? aw_error_payload(error) : NULL;
	if (status == AW_ECANCELLED && self->message_given && payload == self->message_given)
		return self->future.cancel_msg ? PyObject_CallOneArg(CancelledError, self->future.cancel_msg)
		                               : PyObject_CallNoArgs(CancelledError);
	return exception_of(error, status);
}

static aw_status task_step(aw_resume *resume, void *ud) {
	Task *self = ud;
	tasks_release_ended(self->future.loop);
	/* An eager task runs this step before its creator has the handle. */
	if (!self->future.c) future_bind(&self->future, aw_future_ref(aw_task_future(aw_resume_task(resume))));
	PyObject *exception = thrown(self, resume), *sent = NULL, *out = NULL;
	if (!exception && PyErr_Occurred()) return step_failed(self, resume);
	/* A future returns its result itself; the result of an operation is sent. */
	if (!exception && self->operation) {
		void *value = aw_resume_value(resume);
		sent = self->operation->kind->value
		           ? self->operation->kind->value(value)
		           : value_object(self->future.loop, value, aw_resume_value_kind(resume));
	}
	Py_CLEAR(self->operation);
	Py_CLEAR(self->waiter);
	self->started = true;
	if (PyContext_Enter(self->context) < 0) {
		Py_XDECREF(sent);
		Py_XDECREF(exception);
		return step_failed(self, resume);
	}
	PySendResult result = resume_coroutine(self->coro, sent ? sent : Py_None, exception, &out);
	Py_XDECREF(sent);
	if (PyContext_Exit(self->context) < 0) {
		Py_XDECREF(out);
		result = PYGEN_ERROR;
	}
	if (result == PYGEN_ERROR) return step_failed(self, resume);
	aw_status status;
	if (result == PYGEN_RETURN) {
		status = aw_resume_return(resume, out, object_drop);
		if (status < 0)
			Py_DECREF(out);
		else
			self->future.held = out;
		return status;
	}
	status = await_yielded(self, resume, out);
	Py_DECREF(out);
	return status;
}

/* Cancelled before its first step: as if the cancellation had been thrown into it. */
static void close_unstarted(Task *self) {
	PyObject *raised = PyErr_Occurred() ? exception_take() : NULL;
	PyObject *result = PyObject_CallMethod(self->coro, "close", NULL);
	if (result)
		Py_DECREF(result);
	else
		PyErr_WriteUnraisable(self->coro);
	if (raised) exception_give(raised);
}

/* The library drops the step: the coroutine has ended, or will never run again. */
static void step_dropped(void *ud) {
	Task *self = ud;
	Py_CLEAR(self->waiter);
	Py_CLEAR(self->operation);
	Py_CLEAR(self->pending);
	if (!self->started && self->future.c) close_unstarted(self);
	/*
	 * The handle gets its outcome only after this. Even if nothing else refers to the task, its failure must
	 * be reported as a task's.
	 */
	self->next_ended = self->future.loop->ended;
	self->future.loop->ended = self;
}

void tasks_release(Loop *loop) {
	while (loop->ended) {
		Task *first = loop->ended;
		loop->ended = first->next_ended;
		Py_DECREF((PyObject *)first);
	}
}

/* ---- making one ---- */

static int check_coroutine(PyObject *coro) {
	if (PyCoro_CheckExact(coro) || Py_IS_TYPE(coro, &Operation_Type)) return 0;
	PyObject *is = support_call("iscoroutine", coro, NULL);
	int truth = is ? PyObject_IsTrue(is) : -1;
	Py_XDECREF(is);
	if (truth == 0) PyErr_Format(PyExc_TypeError, "a coroutine was expected, got %R", coro);
	return truth == 1 ? 0 : -1;
}

static int spawn(Task *self, Loop *loop, aw_taskgroup *group, bool eager) {
	aw_coro *coro;
	aw_task *task;
	if (!loop->c) {
		raise_status(AW_ELOOPCLOSED);
		return -1;
	}
	Py_INCREF(self); /* the step's reference, which step_dropped() releases */
	aw_status status = aw_coro_new(loop->c, task_step, self, step_dropped, &coro);
	if (status < 0) {
		raise_status(status);
		return -1;
	}
	status = group   ? aw_taskgroup_spawn_coro(group, coro, &task)
	         : eager ? aw_task_spawn_coro_eager(loop->c, coro, &task)
	                 : aw_task_spawn_coro(loop->c, coro, &task);
	aw_coro_unref(coro);
	if (status < 0) {
		raise_status(status);
		return -1;
	}
	if (self->future.c)
		aw_task_unref(task); /* an eager task is already connected */
	else
		future_bind(&self->future, aw_task_future(task));
	return 0;
}

int task_start(Task *self, Loop *loop, PyObject *coro, PyObject *name, PyObject *context, aw_taskgroup *group,
               bool eager) {
	if (check_coroutine(coro) < 0) return -1;
	if (context && context != Py_None && !PyContext_CheckExact(context)) {
		PyErr_Format(PyExc_TypeError, "a contextvars.Context was expected, got %R", context);
		return -1;
	}
	if (future_prepare(&self->future, loop) < 0) return -1;
	Py_XSETREF(self->coro, Py_NewRef(coro));
	Py_XSETREF(self->context, context && context != Py_None ? Py_NewRef(context) : PyContext_CopyCurrent());
	if (!self->context) return -1;
	self->log_destroy_pending = true;
	if (name && name != Py_None) {
		Py_XSETREF(self->name, PyUnicode_CheckExact(name) ? Py_NewRef(name) : PyObject_Str(name));
		if (!self->name) return -1;
	}
	if (spawn(self, loop, group, eager) < 0) return -1;
	if (self->name) {
		const char *text = PyUnicode_AsUTF8(self->name);
		if (text)
			aw_task_set_name(aw_future_task(self->future.c), text);
		else
			PyErr_Clear(); /* only the library's own dumps lack the name */
	}
	return 0;
}

PyObject *task_spawn(PyTypeObject *type, Loop *loop, PyObject *coro, PyObject *name, PyObject *context,
                     aw_taskgroup *group) {
	PyObject *self = type->tp_alloc(type, 0);
	if (self && task_start((Task *)self, loop, coro, name, context, group, false) < 0) Py_CLEAR(self);
	return self;
}

static int Task_init(PyObject *base, PyObject *args, PyObject *keywords) {
	static char *names[] = {"coro", "loop", "name", "context", "eager_start", NULL};
	PyObject *coro, *given = Py_None, *name = Py_None, *context = Py_None;
	int eager = 0;
	if (!PyArg_ParseTupleAndKeywords(args, keywords, "O|$OOOp", names, &coro, &given, &name, &context,
	                                 &eager))
		return -1;
	if (((Future *)base)->c) {
		PyErr_SetString(PyExc_RuntimeError, "the task is already initialised");
		return -1;
	}
	if (check_coroutine(coro) < 0) return -1;
	Loop *loop = loop_of_argument(given);
	return loop ? task_start((Task *)base, loop, coro, name, context, NULL, eager && loop_running() == loop)
	            : -1;
}

PyObject *task_current(Loop *loop) {
	aw_task *task = aw_task_current();
	Future *wrapper = task ? aw_future_host_data(aw_task_future(task)) : NULL;
	return Py_NewRef(wrapper && (!loop || wrapper->loop == loop) ? (PyObject *)wrapper : Py_None);
}

/* ---- life ---- */

static int Task_traverse(PyObject *base, visitproc visit, void *arg) {
	Task *self = (Task *)base;
	Py_VISIT(self->coro);
	Py_VISIT(self->context);
	Py_VISIT(self->name);
	Py_VISIT(self->waiter);
	Py_VISIT(self->operation);
	Py_VISIT(self->pending);
	return future_traverse(base, visit, arg);
}

static int Task_clear(PyObject *base) {
	Task *self = (Task *)base;
	future_clear(base);
	Py_CLEAR(self->coro);
	Py_CLEAR(self->context);
	Py_CLEAR(self->name);
	Py_CLEAR(self->waiter);
	Py_CLEAR(self->operation);
	Py_CLEAR(self->pending);
	return 0;
}

static void Task_dealloc(PyObject *base) {
	Task *self = (Task *)base;
	if (self->future.log_traceback && PyObject_CallFinalizerFromDealloc(base) < 0) return;
	PyObject_GC_UnTrack(base);
	if (self->future.weakrefs) PyObject_ClearWeakRefs(base);
	Task_clear(base);
	Py_TYPE(base)->tp_free(base);
}

/* ---- methods ---- */

static PyObject *Task_cancel(PyObject *base, PyObject *const *args, Py_ssize_t count, PyObject *names) {
	Task *self = (Task *)base;
	Py_ssize_t named = names ? PyTuple_GET_SIZE(names) : 0;
	if (count + named > 1 ||
	    (named && PyUnicode_CompareWithASCIIString(PyTuple_GET_ITEM(names, 0), "msg") != 0)) {
		PyErr_SetString(PyExc_TypeError, "cancel() takes one argument, msg");
		return NULL;
	}
	if (future_check(&self->future) < 0) return NULL;
	PyObject *message = count + named ? args[0] : Py_None, *payload = NULL;
	self->future.log_traceback = false;
	aw_status status;
	if (message == Py_None) {
		status = aw_future_cancel(self->future.c, NULL);
	} else {
		aw_error *error = cancellation_of(self->future.loop, message, &payload);
		if (!error) return NULL;
		status = aw_future_cancel_error(self->future.c, error);
		aw_error_unref(error);
	}
	if (status < 0) return raise_status(status);
	if (status) {
		self->message_given = payload; /* compared, never followed */
		Py_XSETREF(self->future.cancel_msg, message == Py_None ? NULL : Py_NewRef(message));
	}
	return PyBool_FromLong(status);
}

static aw_task *handle_of(Task *self) {
	if (future_check(&self->future) < 0) return NULL;
	return aw_future_task(self->future.c);
}

static PyObject *Task_cancelling(PyObject *base, PyObject *unused) {
	(void)unused;
	aw_task *task = handle_of((Task *)base);
	return task ? PyLong_FromLong(aw_task_cancelling(task)) : NULL;
}

static PyObject *Task_uncancel(PyObject *base, PyObject *unused) {
	(void)unused;
	aw_task *task = handle_of((Task *)base);
	if (!task) return NULL;
	aw_status left = aw_task_uncancel(task);
	return left < 0 ? raise_status(left) : PyLong_FromLong(left);
}

static PyObject *Task_get_coro(PyObject *base, PyObject *unused) {
	(void)unused;
	Task *self = (Task *)base;
	return Py_NewRef(self->coro ? self->coro : Py_None);
}

static PyObject *Task_get_context(PyObject *base, PyObject *unused) {
	(void)unused;
	Task *self = (Task *)base;
	return Py_NewRef(self->context ? self->context : Py_None);
}

static PyObject *Task_get_name(PyObject *base, PyObject *unused) {
	(void)unused;
	Task *self = (Task *)base;
	if (self->name) return Py_NewRef(self->name);
	aw_task *task = handle_of(self);
	return task ? PyUnicode_FromString(aw_task_name(task)) : NULL;
}

static PyObject *Task_set_name(PyObject *base, PyObject *name) {
	Task *self = (Task *)base;
	PyObject *text = PyUnicode_CheckExact(name) ? Py_NewRef(name) : PyObject_Str(name);
	if (!text) return NULL;
	Py_XSETREF(self->name, text);
	const char *utf8 = self->future.c ? PyUnicode_AsUTF8(text) : NULL;
	if (utf8)
		aw_task_set_name(aw_future_task(self->future.c), utf8);
	else
		PyErr_Clear();
	Py_RETURN_NONE;
}

static PyObject *Task_set_result(PyObject *self, PyObject *value) {
	(void)self, (void)value;
	PyErr_SetString(PyExc_RuntimeError, "Task does not support set_result operation");
	return NULL;
}

static PyObject *Task_set_exception(PyObject *self, PyObject *value) {
	(void)self, (void)value;
	PyErr_SetString(PyExc_RuntimeError, "Task does not support set_exception operation");
	return NULL;
}

static PyObject *Task_get_stack(PyObject *self, PyObject *args, PyObject *keywords) {
	static char *names[] = {"limit", NULL};
	PyObject *limit = Py_None;
	if (!PyArg_ParseTupleAndKeywords(args, keywords, "|$O", names, &limit)) return NULL;
	return support_call("task_get_stack", self, limit);
}

static PyObject *Task_print_stack(PyObject *self, PyObject *args, PyObject *keywords) {
	static char *names[] = {"limit", "file", NULL};
	PyObject *limit = Py_None, *file = Py_None;
	if (!PyArg_ParseTupleAndKeywords(args, keywords, "|$OO", names, &limit, &file)) return NULL;
	PyObject *where = PyTuple_Pack(2, limit, file);
	PyObject *result = where ? support_call("task_print_stack", self, where) : NULL;
	Py_XDECREF(where);
	return result;
}

static PyObject *Task_repr(PyObject *self) {
	return support_call("task_repr", self, NULL);
}

static PyObject *get_must_cancel(PyObject *base, void *unused) {
	(void)unused;
	Task *self = (Task *)base;
	/* The request is pending and was not passed on to an awaited object. */
	bool pending = self->future.c && !aw_future_done(self->future.c);
	bool waits = self->waiter && !future_done((Future *)self->waiter);
	return PyBool_FromLong(pending && !waits && aw_task_cancelling(aw_future_task(self->future.c)) > 0);
}

static PyObject *get_log_destroy(PyObject *base, void *unused) {
	(void)unused;
	return PyBool_FromLong(((Task *)base)->log_destroy_pending);
}

static int set_log_destroy(PyObject *base, PyObject *value, void *unused) {
	(void)unused;
	int truth = value ? PyObject_IsTrue(value) : -1;
	if (!value) PyErr_SetString(PyExc_AttributeError, "cannot delete attribute");
	if (truth < 0) return -1;
	((Task *)base)->log_destroy_pending = truth;
	return 0;
}

static PyMethodDef Task_methods[] = {
	{"cancel", FAST_KEYWORDS(Task_cancel),
     "cancel(msg=None): request cancellation. Returns False if the task is done."},
	{"cancelling", Task_cancelling, METH_NOARGS, "The number of pending cancel requests."},
	{"uncancel", Task_uncancel, METH_NOARGS,
     "Withdraw one cancel request; returns the number that are left."},
	{"get_coro", Task_get_coro, METH_NOARGS, "The coroutine."},
	{"get_context", Task_get_context, METH_NOARGS, "The context that the task runs in."},
	{"get_name", Task_get_name, METH_NOARGS, "The name."},
	{"set_name", Task_set_name, METH_O, "Set the name."},
	{"set_result", Task_set_result, METH_O, NULL},
	{"set_exception", Task_set_exception, METH_O, NULL},
	{"get_stack", WITH_KEYWORDS(Task_get_stack),
     "The frames of the suspended coroutine, or of the exception it ended with."},
	{"print_stack", WITH_KEYWORDS(Task_print_stack), "Print the frames that get_stack() returns."},
	{"__class_getitem__", Py_GenericAlias, METH_O | METH_CLASS, NULL},
	{0},
};

static PyGetSetDef Task_getset[] = {
	{"_must_cancel", get_must_cancel, NULL, NULL, NULL},
	{"_log_destroy_pending", get_log_destroy, set_log_destroy, NULL, NULL},
	{0},
};

static PyMemberDef Task_members[] = {
	{"_coro", T_OBJECT, offsetof(Task, coro), READONLY, NULL},
	{"_fut_waiter", T_OBJECT, offsetof(Task, waiter), READONLY, NULL},
	{0},
};

PyTypeObject Task_Type = {
	PyVarObject_HEAD_INIT(NULL, 0).tp_name = "libawait.aio.Task",
	.tp_doc = "A future that drives a coroutine: asyncio.Task.",
	.tp_base = &Future_Type,
	.tp_basicsize = sizeof(Task),
	.tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_BASETYPE,
	.tp_new = PyType_GenericNew,
	.tp_init = Task_init,
	.tp_dealloc = Task_dealloc,
	.tp_finalize = future_finalize,
	.tp_traverse = Task_traverse,
	.tp_clear = Task_clear,
	.tp_methods = Task_methods,
	.tp_getset = Task_getset,
	.tp_members = Task_members,
	.tp_repr = Task_repr,
};
