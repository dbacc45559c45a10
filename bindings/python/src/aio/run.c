/* SPDX-License-Identifier: MIT */
/* Running the loop: iterations, interruption of a wait, the state of a run. */
#include "aio.h"

#include <unistd.h>

static aw_status wait_without_gil(Loop *self) {
	aw_status status;
	Py_BEGIN_ALLOW_THREADS status = aw_loop_wait(self->c, -1);
	Py_END_ALLOW_THREADS return status;
}

/*
 * Python's C signal handler writes to this descriptor. The callback drains it; the Python handlers run after
 * the wait.
 */
static aw_status signal_arrived(aw_loop *c, void *ud) {
	(void)c;
	char bytes[256];
	while (read(((Loop *)ud)->signal_fd, bytes, sizeof bytes) > 0) continue;
	return 0;
}

/*
 * A signal that arrives between the check for signals and the wait must end the wait, so the descriptor is
 * watched in waits that can block. It is not watched all the time: with nothing in flight, an iteration makes
 * no system call, and this should also hold for tasks that only yield to each other.
 */
static void watch_signals(Loop *self, bool blocks) {
	if (self->signal_fd < 0) return;
	self->spins = blocks ? 0 : self->spins + 1;
	if (blocks && !self->signal_watched)
		self->signal_watched = aw_loop_add_reader(self->c, self->signal_fd, signal_arrived, self, NULL) == 0;
	if (!blocks && self->signal_watched && self->spins > 16) {
		aw_loop_remove_reader(self->c, self->signal_fd);
		self->signal_watched = false;
	}
}

static PyObject *Loop_watch_signals(PyObject *base, PyObject *number) {
	Loop *self = (Loop *)base;
	int fd = int_of(number);
	if (fd == -1 && PyErr_Occurred()) return NULL;
	if (self->signal_watched && self->c) aw_loop_remove_reader(self->c, self->signal_fd);
	self->signal_watched = false;
	self->signal_fd = fd;
	Py_RETURN_NONE;
}

/* One iteration: 0, or -1 with an exception. */
static int iterate(Loop *self) {
	bool blocks = !aw_loop_pending(self->c);
	watch_signals(self, blocks);
	/*
	 * The interpreter's switch interval lets other threads take the GIL during callbacks, so a wait that
	 * can't block keeps it.
	 */
	if (blocks) {
		aw_status status = wait_without_gil(self);
		if (status < 0) {
			raise_status(status);
			return -1;
		}
	}
	if (PyErr_CheckSignals() < 0) return -1;
	aw_status status = aw_loop_dispatch(self->c);
	tasks_release_ended(self);
	if (self->exit) {
		exception_give(self->exit);
		self->exit = NULL;
		return -1;
	}
	if (status >= 0) return 0;
	raise_status(status);
	return -1;
}

static PyObject *Loop_run_forever(PyObject *base, PyObject *unused) {
	(void)unused;
	Loop *self = (Loop *)base;
	if (!self->c || aw_loop_is_closed(self->c)) {
		PyErr_SetString(PyExc_RuntimeError, "Event loop is closed");
		return NULL;
	}
	if (self->thread) {
		PyErr_SetString(PyExc_RuntimeError, "This event loop is already running");
		return NULL;
	}
	if (loop_running()) {
		PyErr_SetString(PyExc_RuntimeError, "Cannot run the event loop while another loop is running");
		return NULL;
	}
	self->thread = PyThread_get_thread_ident();
	Py_INCREF(self);
	int result;
	do result = iterate(self);
	while (result == 0 && !aw_loop_take_stop(self->c));
	self->thread = 0;
	(void)aw_loop_take_stop(self->c);
	Py_DECREF(self);
	if (result < 0) return NULL;
	Py_RETURN_NONE;
}

static PyObject *Loop_run_once(PyObject *base, PyObject *unused) {
	(void)unused;
	Loop *self = (Loop *)base;
	if (self->c && iterate(self) == 0) Py_RETURN_NONE;
	return NULL;
}

static PyObject *Loop_pending(PyObject *base, PyObject *unused) {
	(void)unused;
	Loop *self = (Loop *)base;
	return PyBool_FromLong(self->c && aw_loop_pending(self->c));
}

static PyObject *Loop_stop(PyObject *base, PyObject *unused) {
	(void)unused;
	Loop *self = (Loop *)base;
	if (self->c) aw_loop_stop(self->c);
	Py_RETURN_NONE;
}

static PyObject *Loop_is_running(PyObject *self, PyObject *unused) {
	(void)unused;
	return PyBool_FromLong(((Loop *)self)->thread != 0);
}

static PyObject *Loop_is_closed(PyObject *base, PyObject *unused) {
	(void)unused;
	Loop *self = (Loop *)base;
	return PyBool_FromLong(!self->c || aw_loop_is_closed(self->c));
}

static PyObject *Loop_close(PyObject *base, PyObject *unused) {
	(void)unused;
	Loop *self = (Loop *)base;
	if (self->thread) {
		PyErr_SetString(PyExc_RuntimeError, "Cannot close a running event loop");
		return NULL;
	}
	if (!self->c) Py_RETURN_NONE;
	/* Closing runs `destroy` functions: save the exception that is being handled. */
	PyObject *raised = PyErr_Occurred() ? exception_take() : NULL;
	aw_status status = aw_loop_close(self->c);
	tasks_release_ended(self);
	if (raised) exception_give(raised);
	if (status < 0) return raise_status(status);
	Py_RETURN_NONE;
}

static PyObject *Loop_abandon(PyObject *base, PyObject *unused) {
	(void)unused;
	Loop *self = (Loop *)base;
	self->thread = 0;
	aw_status status = self->c ? aw_loop_abandon(self->c) : 0;
	if (status < 0) return raise_status(status);
	Py_RETURN_NONE;
}

static PyObject *Loop_time(PyObject *base, PyObject *unused) {
	(void)unused;
	Loop *self = (Loop *)base;
	return PyFloat_FromDouble(self->c ? (double)aw_loop_time(self->c) / 1e9 : 0);
}

static PyObject *Loop_get_debug(PyObject *base, PyObject *unused) {
	(void)unused;
	Loop *self = (Loop *)base;
	return PyBool_FromLong(self->c && aw_loop_debug(self->c));
}

static PyObject *Loop_set_debug(PyObject *base, PyObject *on) {
	Loop *self = (Loop *)base;
	int truth = PyObject_IsTrue(on);
	if (truth < 0) return NULL;
	if (self->c) aw_loop_set_debug(self->c, truth);
	Py_RETURN_NONE;
}

static PyObject *Loop_wakeup(PyObject *base, PyObject *unused) {
	(void)unused;
	Loop *self = (Loop *)base;
	if (self->c) aw_loop_wakeup(self->c);
	Py_RETURN_NONE;
}

PyMethodDef loop_run_methods[] = {
	{"run_forever", Loop_run_forever, METH_NOARGS, "Run until stop()."},
	{"_run_once", Loop_run_once, METH_NOARGS, NULL},
	{"_pending", Loop_pending, METH_NOARGS, NULL},
	{"stop", Loop_stop, METH_NOARGS, "Leave the run after the current iteration."},
	{"is_running", Loop_is_running, METH_NOARGS, "Whether the loop is running."},
	{"is_closed", Loop_is_closed, METH_NOARGS, "Whether the loop is closed."},
	{"_close", Loop_close, METH_NOARGS, NULL},
	{"_abandon", Loop_abandon, METH_NOARGS, NULL},
	{"_wakeup", Loop_wakeup, METH_NOARGS, NULL},
	{"time", Loop_time, METH_NOARGS, "The loop's clock, in seconds."},
	{"get_debug", Loop_get_debug, METH_NOARGS, "Whether debug mode is on."},
	{"set_debug", Loop_set_debug, METH_O, "Turn debug mode on or off."},
	{"_watch_signals", Loop_watch_signals, METH_O, NULL},
	{0},
};
