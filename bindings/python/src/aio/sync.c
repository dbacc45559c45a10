/* SPDX-License-Identifier: MIT */
/*
 * Locks, events, conditions, semaphores and barriers. As in asyncio, each is bound to a loop when it first
 * needs one.
 */
#include "aio.h"

Loop *bind_loop(PyObject *self, Loop **slot) {
	Loop *running = loop_running_or_raise();
	if (!running) return NULL;
	if (!*slot) *slot = (Loop *)Py_NewRef((PyObject *)running);
	if (*slot == running) return running;
	PyErr_Format(PyExc_RuntimeError, "%R is bound to a different event loop", self);
	return NULL;
}

/* Common to all five; `c` is NULL until the loop is known. */
typedef struct Sync {
	PyObject_HEAD PyObject *dict, *weakrefs;
	Loop *loop;
	PyObject *of; /* the lock of a condition */
	union {
		void *any;
		aw_lock *lock;
		aw_event *event;
		aw_condition *condition;
		aw_semaphore *semaphore;
		aw_barrier *barrier;
	} c;
	/* a semaphore's value, whether an event is set, or a barrier's parties, until the handle exists */
	int64_t value;
	int64_t waiting;
	bool bounded;
} Sync;

static int Sync_traverse(PyObject *base, visitproc visit, void *arg) {
	Sync *self = (Sync *)base;
	Py_VISIT(self->dict);
	Py_VISIT(self->loop);
	Py_VISIT(self->of);
	return 0;
}

static int Sync_clear(PyObject *base) {
	Sync *self = (Sync *)base;
	Py_CLEAR(self->dict);
	Py_CLEAR(self->of);
	Py_CLEAR(self->loop);
	return 0;
}

static void sync_dealloc(PyObject *base) {
	PyObject_GC_UnTrack(base);
	if (((Sync *)base)->weakrefs) PyObject_ClearWeakRefs(base);
	Sync_clear(base);
	Py_TYPE(base)->tp_free(base);
}

/* 0, or -1 with the exception of a status. */
static int ok(aw_status status) {
	if (status >= 0) return 0;
	raise_status(status);
	return -1;
}

static PyObject *none_or(aw_status status) {
	if (status < 0) return raise_status(status);
	Py_RETURN_NONE;
}

static int no_arguments(PyObject *self, PyObject *args, PyObject *keywords) {
	PyObject *name, *value;
	Py_ssize_t at = 0;
	if (!PyArg_ParseTuple(args, "")) return -1;
	if (!keywords || !PyDict_Next(keywords, &at, &name, &value)) return 0;
	PyErr_Format(PyExc_TypeError, "%s.__init__() got an unexpected keyword argument %R",
	             _PyType_Name(Py_TYPE(self)), name);
	return -1;
}

/* An acquire gives True, a wait of an event too. */
static int begun(Sync *self, aw_status status) {
	if (ok(status) < 0) return -1;
	self->waiting++;
	return 0;
}

static PyObject *end_true(Operation *self, PyObject *value) {
	((Sync *)self->subject)->waiting--;
	Py_DECREF(value);
	Py_RETURN_TRUE;
}

static void fail_waiting(Operation *self) {
	((Sync *)self->subject)->waiting--;
}

static PyObject *get_waiting(PyObject *base, void *unused) {
	(void)unused;
	return PyLong_FromLongLong(((Sync *)base)->waiting);
}

static PyObject *get_loop(PyObject *base, void *unused) {
	(void)unused;
	Sync *self = (Sync *)base;
	return Py_NewRef(self->loop ? (PyObject *)self->loop : Py_None);
}

static PyObject *get_lock(PyObject *base, void *unused) {
	(void)unused;
	Sync *self = (Sync *)base;
	return Py_NewRef(self->of ? self->of : Py_None);
}

static PyGetSetDef Sync_getset[] = {
	{"__dict__", PyObject_GenericGetDict, PyObject_GenericSetDict, NULL, NULL},
	{"_waiting", get_waiting, NULL, NULL, NULL},
	{"_loop", get_loop, NULL, NULL, NULL},
	{"_lock", get_lock, NULL, NULL, NULL},
	{0},
};

#define SYNC_TYPE(Name, methods, init, dealloc, doc)                               \
	PyTypeObject Name##_Type = {                                                   \
		PyVarObject_HEAD_INIT(NULL, 0).tp_name = "libawait.aio._aio." #Name,       \
		.tp_doc = doc,                                                             \
		.tp_basicsize = sizeof(Sync),                                              \
		.tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_BASETYPE, \
		.tp_new = PyType_GenericNew,                                               \
		.tp_init = init,                                                           \
		.tp_dealloc = dealloc,                                                     \
		.tp_traverse = Sync_traverse,                                              \
		.tp_clear = Sync_clear,                                                    \
		.tp_methods = methods,                                                     \
		.tp_getset = Sync_getset,                                                  \
		.tp_dictoffset = offsetof(Sync, dict),                                     \
		.tp_weaklistoffset = offsetof(Sync, weakrefs),                             \
	}

/* ---- Lock ---- */

static int lock_ready(Sync *self) {
	Loop *loop = bind_loop((PyObject *)self, &self->loop);
	if (!loop) return -1;
	return self->c.lock ? 0 : ok(aw_lock_new(loop->c, &self->c.lock));
}

static int lock_attempt(Operation *operation, PyObject **out) {
	Sync *self = (Sync *)operation->subject;
	if (lock_ready(self) < 0) return -1;
	aw_status status = aw_lock_try_acquire(self->c.lock);
	if (status == 0) *out = Py_NewRef(Py_True);
	return status == 0 ? 1 : status == AW_EAGAIN ? 0 : ok(status);
}

static int lock_begin(Operation *operation, aw_coro **out) {
	Sync *self = (Sync *)operation->subject;
	return begun(self, aw_lock_acquire_coro(self->c.lock, out));
}

static const operation_kind lock_acquire = {"Lock.acquire", lock_attempt, lock_begin,
                                            end_true,       fail_waiting, NULL};

static PyObject *Lock_acquire(PyObject *self, PyObject *unused) {
	(void)unused;
	return operation_new(&lock_acquire, self, NULL, 0);
}

static PyObject *Lock_release(PyObject *base, PyObject *unused) {
	(void)unused;
	Sync *self = (Sync *)base;
	aw_status status = self->c.lock ? aw_lock_release(self->c.lock) : AW_EPERM;
	if (status != AW_EPERM) return none_or(status);
	PyErr_SetString(PyExc_RuntimeError, "Lock is not acquired.");
	return NULL;
}

static PyObject *Lock_locked(PyObject *base, PyObject *unused) {
	(void)unused;
	Sync *self = (Sync *)base;
	return PyBool_FromLong(self->c.lock && aw_lock_locked(self->c.lock));
}

static int Lock_init(PyObject *self, PyObject *args, PyObject *keywords) {
	return no_arguments(self, args, keywords);
}

static void Lock_dealloc(PyObject *base) {
	aw_lock_unref(((Sync *)base)->c.lock);
	sync_dealloc(base);
}

static PyMethodDef Lock_methods[] = {
	{"acquire", Lock_acquire, METH_NOARGS, "Await this: acquires the lock and returns True."},
	{"release", Lock_release, METH_NOARGS, "Release the lock."},
	{"locked", Lock_locked, METH_NOARGS, "Whether the lock is held."},
	{0},
};

SYNC_TYPE(Lock, Lock_methods, Lock_init, Lock_dealloc, NULL);

/* ---- Event ---- */

static int event_ready(Sync *self) {
	Loop *loop = bind_loop((PyObject *)self, &self->loop);
	if (!loop) return -1;
	if (self->c.event) return 0;
	if (ok(aw_event_new(loop->c, &self->c.event)) < 0) return -1;
	if (self->value) aw_event_set(self->c.event);
	return 0;
}

static int event_attempt(Operation *operation, PyObject **out) {
	Sync *self = (Sync *)operation->subject;
	if (self->c.event ? aw_event_is_set(self->c.event) : self->value != 0) {
		*out = Py_NewRef(Py_True);
		return 1;
	}
	return event_ready(self);
}

static int event_begin(Operation *operation, aw_coro **out) {
	Sync *self = (Sync *)operation->subject;
	return begun(self, aw_event_wait_coro(self->c.event, out));
}

static const operation_kind event_wait = {"Event.wait", event_attempt, event_begin,
                                          end_true,     fail_waiting,  NULL};

static PyObject *Event_wait(PyObject *self, PyObject *unused) {
	(void)unused;
	return operation_new(&event_wait, self, NULL, 0);
}

static PyObject *event_change(Sync *self, bool set) {
	self->value = set;
	if (!self->c.event) Py_RETURN_NONE;
	return none_or(set ? aw_event_set(self->c.event) : aw_event_clear(self->c.event));
}

static PyObject *Event_set(PyObject *self, PyObject *unused) {
	(void)unused;
	return event_change((Sync *)self, true);
}

static PyObject *Event_clear(PyObject *self, PyObject *unused) {
	(void)unused;
	return event_change((Sync *)self, false);
}

static PyObject *Event_is_set(PyObject *base, PyObject *unused) {
	(void)unused;
	Sync *self = (Sync *)base;
	return PyBool_FromLong(self->value != 0);
}

static void Event_dealloc(PyObject *base) {
	aw_event_unref(((Sync *)base)->c.event);
	sync_dealloc(base);
}

static PyMethodDef Event_methods[] = {
	{"wait", Event_wait, METH_NOARGS, "Await this: waits until the event is set and returns True."},
	{"set", Event_set, METH_NOARGS, "Set the event and wake all waiters."},
	{"clear", Event_clear, METH_NOARGS, "Clear it."},
	{"is_set", Event_is_set, METH_NOARGS, "Whether the event is set."},
	{0},
};

SYNC_TYPE(Event, Event_methods, Lock_init, Event_dealloc, NULL);

/* ---- Condition: `of` is its lock ---- */

static int Condition_init(PyObject *base, PyObject *args, PyObject *keywords) {
	static char *names[] = {"lock", NULL};
	PyObject *lock;
	if (!PyArg_ParseTupleAndKeywords(args, keywords, "O", names, &lock)) return -1;
	if (!PyObject_TypeCheck(lock, &Lock_Type)) {
		PyErr_Format(PyExc_TypeError, "a lock of libawait.aio was expected, got %R", lock);
		return -1;
	}
	Py_XSETREF(((Sync *)base)->of, Py_NewRef(lock));
	return 0;
}

static int condition_ready(Sync *self) {
	Loop *loop = bind_loop((PyObject *)self, &self->loop);
	Sync *lock = (Sync *)self->of;
	if (!loop || lock_ready(lock) < 0) return -1;
	return self->c.condition ? 0 : ok(aw_condition_new(loop->c, lock->c.lock, &self->c.condition));
}

static int not_locked(Sync *self, const char *message) {
	Sync *lock = (Sync *)self->of;
	if (lock->c.lock && aw_lock_locked(lock->c.lock)) return 0;
	PyErr_SetString(PyExc_RuntimeError, message);
	return -1;
}

static int condition_attempt(Operation *operation, PyObject **out) {
	(void)out;
	Sync *self = (Sync *)operation->subject;
	if (not_locked(self, "cannot wait on un-acquired lock") < 0) return -1;
	return condition_ready(self);
}

static int condition_begin(Operation *operation, aw_coro **out) {
	Sync *self = (Sync *)operation->subject;
	return begun(self, aw_condition_wait_coro(self->c.condition, out));
}

static const operation_kind condition_wait = {"Condition.wait", condition_attempt, condition_begin,
                                              end_true,         fail_waiting,      NULL};

static PyObject *Condition_wait(PyObject *self, PyObject *unused) {
	(void)unused;
	return operation_new(&condition_wait, self, NULL, 0);
}

static PyObject *condition_tell(Sync *self, bool all, Py_ssize_t count) {
	if (not_locked(self, "cannot notify on un-acquired lock") < 0) return NULL;
	if (!self->c.condition || count <= 0) Py_RETURN_NONE; /* no waiters */
	return none_or(all ? aw_condition_notify_all(self->c.condition)
	                   : aw_condition_notify(self->c.condition, (size_t)count));
}

static PyObject *Condition_notify(PyObject *self, PyObject *args, PyObject *keywords) {
	static char *names[] = {"n", NULL};
	Py_ssize_t count = 1;
	if (!PyArg_ParseTupleAndKeywords(args, keywords, "|n", names, &count)) return NULL;
	return condition_tell((Sync *)self, false, count);
}

static PyObject *Condition_notify_all(PyObject *self, PyObject *unused) {
	(void)unused;
	return condition_tell((Sync *)self, true, 1);
}

static PyObject *Condition_acquire(PyObject *base, PyObject *unused) {
	(void)unused;
	return PyObject_CallMethod(((Sync *)base)->of, "acquire", NULL);
}

static PyObject *Condition_release(PyObject *base, PyObject *unused) {
	(void)unused;
	return PyObject_CallMethod(((Sync *)base)->of, "release", NULL);
}

static PyObject *Condition_locked(PyObject *base, PyObject *unused) {
	(void)unused;
	return PyObject_CallMethod(((Sync *)base)->of, "locked", NULL);
}

static void Condition_dealloc(PyObject *base) {
	aw_condition_unref(((Sync *)base)->c.condition);
	sync_dealloc(base);
}

static PyMethodDef Condition_methods[] = {
	{"acquire", Condition_acquire, METH_NOARGS, "Await this: acquires the lock."},
	{"release", Condition_release, METH_NOARGS, "Release the lock."},
	{"locked", Condition_locked, METH_NOARGS, "Whether the lock is held."},
	{"wait", Condition_wait, METH_NOARGS,
     "Await this: releases the lock, waits to be notified, acquires the lock again, and returns True."},
	{"notify", WITH_KEYWORDS(Condition_notify), "notify(n=1): wake up to n waiters."},
	{"notify_all", Condition_notify_all, METH_NOARGS, "Wake all waiters."},
	{0},
};

SYNC_TYPE(Condition, Condition_methods, Condition_init, Condition_dealloc, NULL);

/* ---- Semaphore ---- */

static int Semaphore_init(PyObject *base, PyObject *args, PyObject *keywords) {
	static char *names[] = {"value", "bounded", NULL};
	Sync *self = (Sync *)base;
	long long value = 1;
	int bounded = 0;
	if (!PyArg_ParseTupleAndKeywords(args, keywords, "|L$p", names, &value, &bounded)) return -1;
	if (value < 0) {
		PyErr_SetString(PyExc_ValueError, "Semaphore initial value must be >= 0");
		return -1;
	}
	self->value = value;
	self->bounded = bounded;
	return 0;
}

static int semaphore_ready(Sync *self) {
	Loop *loop = bind_loop((PyObject *)self, &self->loop);
	if (!loop) return -1;
	if (self->c.semaphore) return 0;
	return ok(self->bounded ? aw_semaphore_new_bounded(loop->c, self->value, &self->c.semaphore)
	                        : aw_semaphore_new(loop->c, self->value, &self->c.semaphore));
}

static int semaphore_attempt(Operation *operation, PyObject **out) {
	Sync *self = (Sync *)operation->subject;
	if (semaphore_ready(self) < 0) return -1;
	aw_status status = aw_semaphore_try_acquire(self->c.semaphore);
	if (status == 0) *out = Py_NewRef(Py_True);
	return status == 0 ? 1 : status == AW_EAGAIN ? 0 : ok(status);
}

static int semaphore_begin(Operation *operation, aw_coro **out) {
	Sync *self = (Sync *)operation->subject;
	return begun(self, aw_semaphore_acquire_coro(self->c.semaphore, out));
}

static const operation_kind semaphore_acquire = {
	"Semaphore.acquire", semaphore_attempt, semaphore_begin, end_true, fail_waiting, NULL};

static PyObject *Semaphore_acquire(PyObject *self, PyObject *unused) {
	(void)unused;
	return operation_new(&semaphore_acquire, self, NULL, 0);
}

static PyObject *Semaphore_release(PyObject *base, PyObject *unused) {
	(void)unused;
	Sync *self = (Sync *)base;
	aw_status status = 0;
	if (self->c.semaphore)
		status = aw_semaphore_release(self->c.semaphore);
	else if (self->bounded)
		status = AW_EINVAL; /* nothing was acquired yet */
	else
		self->value++;
	if (status != AW_EINVAL) return none_or(status);
	PyErr_SetString(PyExc_ValueError, "BoundedSemaphore released too many times");
	return NULL;
}

static PyObject *Semaphore_locked(PyObject *base, PyObject *unused) {
	(void)unused;
	Sync *self = (Sync *)base;
	return PyBool_FromLong(self->c.semaphore ? aw_semaphore_locked(self->c.semaphore) : self->value == 0);
}

static PyObject *get_semaphore_value(PyObject *base, PyObject *unused) {
	(void)unused;
	Sync *self = (Sync *)base;
	return PyLong_FromLongLong(self->c.semaphore ? aw_semaphore_value(self->c.semaphore) : self->value);
}

static void Semaphore_dealloc(PyObject *base) {
	aw_semaphore_unref(((Sync *)base)->c.semaphore);
	sync_dealloc(base);
}

static PyMethodDef Semaphore_methods[] = {
	{"acquire", Semaphore_acquire, METH_NOARGS, "Await this: acquires a permit and returns True."},
	{"release", Semaphore_release, METH_NOARGS, "Release a permit."},
	{"locked", Semaphore_locked, METH_NOARGS, "Whether an acquire would wait."},
	{"_get_value", get_semaphore_value, METH_NOARGS, NULL},
	{0},
};

SYNC_TYPE(Semaphore, Semaphore_methods, Semaphore_init, Semaphore_dealloc, NULL);

/* ---- Barrier ---- */

static int Barrier_init(PyObject *base, PyObject *args, PyObject *keywords) {
	static char *names[] = {"parties", NULL};
	int parties;
	if (!PyArg_ParseTupleAndKeywords(args, keywords, "i", names, &parties)) return -1;
	if (parties < 1) {
		PyErr_SetString(PyExc_ValueError, "parties must be > 0");
		return -1;
	}
	((Sync *)base)->value = parties;
	return 0;
}

static int barrier_ready(Sync *self) {
	Loop *loop = bind_loop((PyObject *)self, &self->loop);
	if (!loop) return -1;
	return self->c.barrier ? 0 : ok(aw_barrier_new(loop->c, (int32_t)self->value, &self->c.barrier));
}

static int barrier_wait_begin(Operation *operation, aw_coro **out) {
	Sync *self = (Sync *)operation->subject;
	return barrier_ready(self) < 0 ? -1 : ok(aw_barrier_wait_coro(self->c.barrier, out));
}

static int barrier_reset_begin(Operation *operation, aw_coro **out) {
	Sync *self = (Sync *)operation->subject;
	return barrier_ready(self) < 0 ? -1 : ok(aw_barrier_reset_coro(self->c.barrier, out));
}

static int barrier_abort_begin(Operation *operation, aw_coro **out) {
	Sync *self = (Sync *)operation->subject;
	return barrier_ready(self) < 0 ? -1 : ok(aw_barrier_abort_coro(self->c.barrier, out));
}

static const operation_kind barrier_wait = {"Barrier.wait", NULL, barrier_wait_begin, NULL, NULL, NULL};
static const operation_kind barrier_reset = {"Barrier.reset", NULL, barrier_reset_begin, NULL, NULL, NULL};
static const operation_kind barrier_abort = {"Barrier.abort", NULL, barrier_abort_begin, NULL, NULL, NULL};

static PyObject *Barrier_wait(PyObject *self, PyObject *unused) {
	(void)unused;
	return operation_new(&barrier_wait, self, NULL, 0);
}

static PyObject *Barrier_reset(PyObject *self, PyObject *unused) {
	(void)unused;
	return operation_new(&barrier_reset, self, NULL, 0);
}

static PyObject *Barrier_abort(PyObject *self, PyObject *unused) {
	(void)unused;
	return operation_new(&barrier_abort, self, NULL, 0);
}

static PyObject *get_parties(PyObject *base, PyObject *unused) {
	(void)unused;
	Sync *self = (Sync *)base;
	return PyLong_FromLongLong(self->c.barrier ? aw_barrier_parties(self->c.barrier) : self->value);
}

static PyObject *get_n_waiting(PyObject *base, PyObject *unused) {
	(void)unused;
	Sync *self = (Sync *)base;
	return PyLong_FromLong(self->c.barrier ? aw_barrier_n_waiting(self->c.barrier) : 0);
}

static PyObject *get_broken(PyObject *base, PyObject *unused) {
	(void)unused;
	Sync *self = (Sync *)base;
	return PyBool_FromLong(self->c.barrier && aw_barrier_broken(self->c.barrier));
}

static void Barrier_dealloc(PyObject *base) {
	aw_barrier_unref(((Sync *)base)->c.barrier);
	sync_dealloc(base);
}

static PyMethodDef Barrier_methods[] = {
	{"wait", Barrier_wait, METH_NOARGS, "Await this: waits for all parties and returns the arrival index."},
	{"reset", Barrier_reset, METH_NOARGS, "Break the barrier for those who wait, and leave it usable."},
	{"abort", Barrier_abort, METH_NOARGS, "Break the barrier until it is reset."},
	{"_get_parties", get_parties, METH_NOARGS, NULL},
	{"_get_n_waiting", get_n_waiting, METH_NOARGS, NULL},
	{"_get_broken", get_broken, METH_NOARGS, NULL},
	{0},
};

SYNC_TYPE(Barrier, Barrier_methods, Barrier_init, Barrier_dealloc, NULL);
