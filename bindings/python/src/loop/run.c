/* SPDX-License-Identifier: MIT */
/* Running the loop: iterations, and how waits and runs end. */
#include "loop.h"

#include <unistd.h>

/*
 * A thread that waits for the GIL gets it after at most this many iterations that did not wait.
 */
enum { BUSY_MAX = 64 };

/*
 * A Python signal handler runs only after the wait has returned. CPython's C handler writes to the bell,
 * which ends the wait even if the signal arrived just before it, or in another thread. It is watched only
 * while the loop waits, since a watched descriptor makes each iteration poll; and not under virtual time,
 * which would then follow real time.
 */
static aw_status bell_rang(aw_loop *loop, void *ud) {
	(void)loop;
	char numbers[64];
	const loop_core *self = ud;
	while (read(self->bell, numbers, sizeof numbers) > 0) continue;
	return 0;
}

static void bell_watch(loop_core *self) {
	if (self->bell < 0 || self->bell_watched || self->is_virtual) return;
	self->bell_watched = aw_loop_add_reader(self->loop, self->bell, bell_rang, self, NULL) >= 0;
}

static void bell_unwatch(loop_core *self) {
	if (!self->bell_watched) return;
	self->bell_watched = false;
	(void)aw_loop_remove_reader(self->loop, self->bell);
}

PyDoc_STRVAR(
	set_bell_doc,
	"_set_bell($self, fd, /)\n--\n\nSet the descriptor that is readable after a Python signal, or -1.");
static PyObject *core_set_bell(loop_core *self, PyObject *arg) {
	long fd = PyLong_AsLong(arg);
	if (fd == -1 && PyErr_Occurred()) return NULL;
	bell_unwatch(self);
	self->bell = (int)fd;
	Py_RETURN_NONE;
}

static aw_status wait(loop_core *self, int64_t timeout) {
	aw_status status;
	self->waiting = true;
	Py_BEGIN_ALLOW_THREADS;
	status = aw_loop_wait(self->loop, timeout);
	Py_END_ALLOW_THREADS;
	self->waiting = false;
	return status;
}

/* One iteration. -1 with an exception. */
static int iterate(loop_core *self) {
	aw_status status = 0;
	if (self->stopping || aw_loop_pending(self->loop)) {
		if (++self->busy >= BUSY_MAX) {
			self->busy = 0;
			bell_unwatch(self);
			status = wait(self, 0);
		}
	} else {
		self->busy = 0;
		bell_watch(self);
		status = wait(self, -1);
	}
	if (PyErr_CheckSignals() < 0) return -1;
	if (status >= 0) status = aw_loop_dispatch(self->loop);
	if (self->exit) {
		exception_give(self->exit);
		self->exit = NULL;
		return -1;
	}
	if (self->closed) status = AW_EFORKED; /* a callback forked, and this is the child */
	if (status >= 0 || status == AW_ESYSTEMEXIT) return 0;
	raise_status(status);
	return -1;
}

PyDoc_STRVAR(
	run_once_doc,
	"_run_once($self, /)\n--\n\nRun one iteration: wait unless callbacks are ready, and call the ready ones.");
static PyObject *core_run_once(loop_core *self, PyObject *none) {
	(void)none;
	if (core_check_open(self) < 0 || iterate(self) < 0) return NULL;
	Py_RETURN_NONE;
}

PyDoc_STRVAR(run_doc, "_run($self, /)\n--\n\nRun iterations until stop() is called.");
static PyObject *core_run(loop_core *self, PyObject *none) {
	(void)none;
	if (core_check_open(self) < 0) return NULL;
	do
		if (iterate(self) < 0) return NULL;
	while (!self->stopping);
	Py_RETURN_NONE;
}

PyDoc_STRVAR(stop_doc, "stop($self, /)\n--\n\nLeave the run after the current iteration. "
                       "Called before a run, it lets that run one iteration.");
static PyObject *core_stop(loop_core *self, PyObject *none) {
	(void)none;
	self->stopping = true;
	if (self->waiting) (void)aw_loop_wakeup(self->loop); /* called from another thread */
	Py_RETURN_NONE;
}

PyDoc_STRVAR(wake_doc, "_write_to_self($self, /)\n--\n\nMake a wait return. May be called from any thread.");
static PyObject *core_wake(loop_core *self, PyObject *none) {
	(void)none;
	if (self->loop && !self->closed) (void)aw_loop_wakeup(self->loop);
	Py_RETURN_NONE;
}

PyMethodDef core_run_methods[] = {
	{"_set_bell", (PyCFunction)core_set_bell, METH_O, set_bell_doc},
	{"_run_once", (PyCFunction)core_run_once, METH_NOARGS, run_once_doc},
	{"_run", (PyCFunction)core_run, METH_NOARGS, run_doc},
	{"stop", (PyCFunction)core_stop, METH_NOARGS, stop_doc},
	{"_write_to_self", (PyCFunction)core_wake, METH_NOARGS, wake_doc},
	{NULL},
};
