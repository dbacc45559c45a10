/* SPDX-License-Identifier: MIT */
/*
 * The core of an event loop: what asyncio.BaseEventLoop does with a deque, a heap and a selector is done by an aw_loop. The Python class
 * over it, libawait.loop.EventLoop, has the rest of the interface from asyncio.
 */
#include "loop.h"

#include <errno.h>
#include <math.h>
#include <stddef.h>
#include <string.h>
#include <structmember.h>

/* A thread that waits for the GIL gets it at the latest after so many iterations that had no reason to wait. */
enum { BUSY_MOST = 64 };

names py;
static loop_core *cores; /* all of the process, for fork */

/* --- errors --- */

void raise_status(aw_status status) {
	switch (status) {
	case AW_ENOMEM: PyErr_NoMemory(); return;
	case AW_ELOOPCLOSED: PyErr_SetString(PyExc_RuntimeError, "Event loop is closed"); return;
	case AW_EFORKED: PyErr_SetString(PyExc_RuntimeError, "the event loop belongs to the parent process"); return;
	case AW_EWRONGTHREAD:
		PyErr_SetString(PyExc_RuntimeError, "Non-thread-safe operation invoked on an event loop other than the current one");
		return;
	case AW_ELOOPRUNNING:
		PyErr_SetString(PyExc_RuntimeError, "Cannot run the event loop while another loop is running");
		return;
	case AW_EBADHANDLE: PyErr_SetString(PyExc_RuntimeError, "the event loop was not initialised"); return;
	default: break;
	}
	if (status > AW_ECANCELLED) {
		errno = -status;
		PyErr_SetFromErrno(PyExc_OSError);
	} else {
		PyErr_Format(PyExc_RuntimeError, "%s (%s)", aw_strerror(status), aw_err_name(status));
	}
}

static int check_open(loop_core *self) {
	if (!self->closed && self->loop) return 0;
	raise_status(self->loop ? AW_ELOOPCLOSED : AW_EBADHANDLE);
	return -1;
}

/* --- life --- */

static PyObject *core_new(PyTypeObject *type, PyObject *args, PyObject *keywords) {
	(void)args;
	(void)keywords;
	loop_core *self = (loop_core *)type->tp_alloc(type, 0);
	if (!self) return NULL;
	self->bell = -1;
	self->closed = true; /* until it is open */
	self->readers = PyDict_New();
	self->writers = PyDict_New();
	self->signals = PyDict_New();
	self->thread_id = Py_NewRef(Py_None);
	self->current_handle = Py_NewRef(Py_None);
	self->task_factory = Py_NewRef(Py_None);
	self->next = cores;
	self->link = &cores;
	if (cores) cores->link = &self->next;
	cores = self;
	if (self->readers && self->writers && self->signals) return (PyObject *)self;
	Py_DECREF(self);
	return NULL;
}

PyDoc_STRVAR(open_doc,
             "_open($self, backend, /)\n--\n\nMake the loop underneath, on a backend, or on the one AWAIT_BACKEND names.");
static PyObject *core_open(loop_core *self, PyObject *arg) {
	const char *backend = NULL;
	if (arg != Py_None && !(backend = PyUnicode_AsUTF8(arg))) return NULL;
	if (self->loop) {
		PyErr_SetString(PyExc_RuntimeError, "the event loop is open already");
		return NULL;
	}
	aw_status status = aw_loop_new(backend, &self->loop);
	if (status < 0) {
		char why[512];
		self->loop = NULL;
		if (status != AW_ENOMEM && aw_backend_explain(backend, why, sizeof why) < 0)
			PyErr_Format(PyExc_RuntimeError, "no event loop on the backend %s: %s", backend ? backend : "asked for", why);
		else
			raise_status(status);
		return NULL;
	}
	self->closed = false;
	self->is_virtual = strcmp(aw_loop_backend(self->loop), "virtual") == 0;
	Py_RETURN_NONE;
}

/* Callbacks are let go of, not called. */
static aw_status core_shut(loop_core *self) {
	if (!self->loop) return 0;
	aw_status status = aw_loop_close(self->loop);
	if (status < 0) return status;
	self->closed = true;
	PyDict_Clear(self->readers);
	PyDict_Clear(self->writers);
	PyDict_Clear(self->signals);
	return 0;
}

static int core_traverse(loop_core *self, visitproc visit, void *arg) {
	for (const handle *at = self->held; at; at = at->next) Py_VISIT(at);
	Py_VISIT(self->readers);
	Py_VISIT(self->writers);
	Py_VISIT(self->signals);
	Py_VISIT(self->thread_id);
	Py_VISIT(self->current_handle);
	Py_VISIT(self->task_factory);
	Py_VISIT(self->exit_type);
	Py_VISIT(self->exit_value);
	Py_VISIT(self->exit_traceback);
	return 0;
}

static int core_clear(loop_core *self) {
	(void)core_shut(self);
	Py_CLEAR(self->thread_id);
	Py_CLEAR(self->current_handle);
	Py_CLEAR(self->task_factory);
	Py_CLEAR(self->exit_type);
	Py_CLEAR(self->exit_value);
	Py_CLEAR(self->exit_traceback);
	return 0;
}

static void core_dealloc(loop_core *self) {
	PyObject *type, *value, *traceback;
	PyObject_GC_UnTrack(self);
	PyErr_Fetch(&type, &value, &traceback);
	*self->link = self->next;
	if (self->next) self->next->link = self->link;
	core_clear(self);
	Py_CLEAR(self->readers);
	Py_CLEAR(self->writers);
	Py_CLEAR(self->signals);
	aw_loop_unref(self->loop);
	PyErr_Restore(type, value, traceback);
	Py_TYPE(self)->tp_free((PyObject *)self);
}

PyDoc_STRVAR(shut_doc, "_shut($self, /)\n--\n\nClose the loop underneath. What it still holds is let go of, not called.");
static PyObject *core_shut_now(loop_core *self, PyObject *none) {
	(void)none;
	aw_status status = core_shut(self);
	if (status == 0) Py_RETURN_NONE;
	raise_status(status);
	return NULL;
}

PyObject *abandon_all(PyObject *module, PyObject *none) {
	(void)module;
	(void)none;
	for (loop_core *at = cores; at; at = at->next) {
		if (!at->loop || at->closed) continue;
		/* What it holds is given up with it: nobody will say any more when that may go. */
		(void)aw_loop_abandon(at->loop);
		at->closed = true;
	}
	Py_RETURN_NONE;
}

/* --- scheduling --- */

/* The keyword `context`, the only one there is. -1 with an exception for another. */
static int take_context(const char *name, PyObject *const *args, Py_ssize_t count, PyObject *keywords, PyObject **out) {
	*out = NULL;
	Py_ssize_t given = keywords ? PyTuple_GET_SIZE(keywords) : 0;
	for (Py_ssize_t i = 0; i < given; i++) {
		PyObject *keyword = PyTuple_GET_ITEM(keywords, i);
		if (keyword != py.context && PyUnicode_Compare(keyword, py.context) != 0) {
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

static int check_count(const char *name, Py_ssize_t count, Py_ssize_t least) {
	if (count >= least) return 0;
	PyErr_Format(PyExc_TypeError, "%s() takes at least %zd positional arguments (%zd given)", name, least, count);
	return -1;
}

/* What asyncio checks in debug mode. */
static int check_debug(loop_core *self, PyObject *callback, const char *name, bool any_thread) {
	if (!self->debug) return 0;
	PyObject *done = any_thread ? Py_NewRef(Py_None) : PyObject_CallMethodNoArgs((PyObject *)self, py.check_thread);
	if (done) {
		Py_DECREF(done);
		done = PyObject_CallMethod((PyObject *)self, "_check_callback", "Os", callback, name);
	}
	Py_XDECREF(done);
	return done ? 0 : -1;
}

/* Ends a registration: libawait has given its reference back if it failed. */
static PyObject *scheduled(handle *self, aw_status status) {
	if (status >= 0) return (PyObject *)self;
	raise_status(status);
	Py_DECREF(self);
	return NULL;
}

static aw_status queue(handle *self, bool any_thread) {
	loop_core *core = self->core;
	aw_status status = AW_EWRONGTHREAD;
	handle_hold(self);
	if (!any_thread) {
		/* Another thread drives the loop: a fault of the caller's that asyncio tells in debug mode alone, and that works there. */
		Py_INCREF(self);
		status = aw_loop_call_soon(core->loop, handle_call, self, handle_release, NULL);
		if (status == AW_EWRONGTHREAD) handle_hold(self);
		Py_DECREF(self);
	}
	if (status == AW_EWRONGTHREAD) status = aw_loop_call_soon_threadsafe(core->loop, handle_call, self, handle_release);
	return status;
}

static PyObject *call_soon(loop_core *self, const char *name, PyObject *const *args, Py_ssize_t count, PyObject *keywords,
                           bool any_thread) {
	PyObject *context;
	if (check_count(name, count, 1) < 0 || take_context(name, args, count, keywords, &context) < 0 || check_open(self) < 0 ||
	    check_debug(self, args[0], name, any_thread) < 0)
		return NULL;
	handle *made = handle_new(self, HANDLE_SOON, args[0], args + 1, count - 1, context);
	return made ? scheduled(made, queue(made, any_thread)) : NULL;
}

PyDoc_STRVAR(call_soon_doc, "call_soon($self, callback, /, *args, context=None)\n--\n\n"
                            "Call the callback in the next iteration, in order of the calls. Returns its Handle.");
static PyObject *core_call_soon(loop_core *self, PyObject *const *args, Py_ssize_t count, PyObject *keywords) {
	return call_soon(self, "call_soon", args, count, keywords, false);
}

PyDoc_STRVAR(call_soon_threadsafe_doc, "call_soon_threadsafe($self, callback, /, *args, context=None)\n--\n\n"
                                       "call_soon() from any thread; wakes the loop.");
static PyObject *core_call_soon_threadsafe(loop_core *self, PyObject *const *args, Py_ssize_t count, PyObject *keywords) {
	return call_soon(self, "call_soon_threadsafe", args, count, keywords, true);
}

static double now(const loop_core *self) {
	return (double)aw_loop_time(self->loop) / 1e9;
}

/* Rounded up, so that none fires before its time. */
static int64_t nanoseconds(double seconds) {
	double nanoseconds = ceil(seconds * 1e9);
	if (nanoseconds >= 9.2e18) return AW_FOREVER;
	return nanoseconds < 0 ? 0 : (int64_t)nanoseconds;
}

static aw_status timer_start(aw_loop *loop, void *ud) {
	handle *self = ud;
	if (self->cancelled) return 0;
	handle_hold(self);
	return aw_loop_call_at(loop, nanoseconds(self->when), handle_call, self, handle_release, &self->timer);
}

static void release_reference(void *ud) {
	Py_DECREF((PyObject *)ud);
}

static PyObject *call_at(loop_core *self, const char *name, double when, PyObject *const *args, Py_ssize_t count,
                         PyObject *keywords) {
	PyObject *context;
	if (take_context(name, args, count, keywords, &context) < 0 || check_open(self) < 0 ||
	    check_debug(self, args[1], name, false) < 0)
		return NULL;
	if (isnan(when)) {
		PyErr_Format(PyExc_ValueError, "%s() needs a time that is a number", name);
		return NULL;
	}
	handle *made = handle_new(self, HANDLE_TIMER, args[1], args + 2, count - 2, context);
	if (!made) return NULL;
	made->when = when;
	aw_status status = timer_start(self->loop, made);
	if (status == AW_EWRONGTHREAD)
		status = aw_loop_call_soon_threadsafe(self->loop, timer_start, Py_NewRef((PyObject *)made), release_reference);
	return scheduled(made, status);
}

PyDoc_STRVAR(call_later_doc,
             "call_later($self, delay, callback, /, *args, context=None)\n--\n\n"
             "Call the callback after `delay` seconds, to the nanosecond and never earlier. Returns its TimerHandle.");
static PyObject *core_call_later(loop_core *self, PyObject *const *args, Py_ssize_t count, PyObject *keywords) {
	if (check_count("call_later", count, 2) < 0) return NULL;
	if (args[0] == Py_None) {
		PyErr_SetString(PyExc_TypeError, "delay must not be None");
		return NULL;
	}
	double delay = PyFloat_AsDouble(args[0]);
	if (delay == -1 && PyErr_Occurred()) return NULL;
	return call_at(self, "call_later", now(self) + delay, args, count, keywords);
}

PyDoc_STRVAR(call_at_doc, "call_at($self, when, callback, /, *args, context=None)\n--\n\n"
                          "Call the callback at `when` of time(); equal times in order of the calls. Returns its TimerHandle.");
static PyObject *core_call_at(loop_core *self, PyObject *const *args, Py_ssize_t count, PyObject *keywords) {
	if (check_count("call_at", count, 2) < 0) return NULL;
	if (args[0] == Py_None) {
		PyErr_SetString(PyExc_TypeError, "when cannot be None");
		return NULL;
	}
	double when = PyFloat_AsDouble(args[0]);
	if (when == -1 && PyErr_Occurred()) return NULL;
	return call_at(self, "call_at", when, args, count, keywords);
}

PyDoc_STRVAR(time_doc,
             "time($self, /)\n--\n\nReturn the loop's clock, in seconds: the monotonic one, or the virtual backend's own.");
static PyObject *core_time(loop_core *self, PyObject *none) {
	(void)none;
	return PyFloat_FromDouble(now(self));
}

/* --- descriptors --- */

static PyObject *watchers(loop_core *self, enum handle_kind kind) {
	return kind == HANDLE_READER ? self->readers : self->writers;
}

/* The handle that watches, taken out of the table and marked as cancelled: 1, or 0 if there was none. */
static int forget(PyObject *table, PyObject *number) {
	PyObject *known = PyDict_GetItemWithError(table, number);
	if (!known) return PyErr_Occurred() ? -1 : 0;
	Py_INCREF(known);
	handle_mark_cancelled((handle *)known);
	int status = PyDict_DelItem(table, number);
	Py_DECREF(known);
	return status < 0 ? -1 : 1;
}

static PyObject *watch(loop_core *self, enum handle_kind kind, PyObject *const *args, Py_ssize_t count) {
	const char *name = kind == HANDLE_READER ? "add_reader" : "add_writer";
	if (check_count(name, count, 2) < 0 || check_open(self) < 0) return NULL;
	int fd = PyObject_AsFileDescriptor(args[0]);
	PyObject *number = fd < 0 ? NULL : PyLong_FromLong(fd);
	handle *made = number ? handle_new(self, kind, args[1], args + 2, count - 2, NULL) : NULL;
	if (!made) goto fail;
	handle_hold(made);
	aw_status status = kind == HANDLE_READER ? aw_loop_add_reader(self->loop, fd, handle_call, made, handle_release)
	                                         : aw_loop_add_writer(self->loop, fd, handle_call, made, handle_release);
	if (!scheduled(made, status)) {
		made = NULL;
		goto fail;
	}
	PyObject *table = watchers(self, kind);
	if (forget(table, number) >= 0 && PyDict_SetItem(table, number, (PyObject *)made) == 0) {
		Py_DECREF(number);
		return (PyObject *)made;
	}
	(void)(kind == HANDLE_READER ? aw_loop_remove_reader(self->loop, fd) : aw_loop_remove_writer(self->loop, fd));
fail:
	Py_XDECREF(number);
	Py_XDECREF(made);
	return NULL;
}

static PyObject *unwatch(loop_core *self, enum handle_kind kind, PyObject *file) {
	if (self->closed || !self->loop) Py_RETURN_FALSE;
	int fd = PyObject_AsFileDescriptor(file);
	PyObject *number = fd < 0 ? NULL : PyLong_FromLong(fd);
	if (!number) return NULL;
	int known = PyDict_Contains(watchers(self, kind), number);
	if (known > 0) {
		aw_status status =
			kind == HANDLE_READER ? aw_loop_remove_reader(self->loop, fd) : aw_loop_remove_writer(self->loop, fd);
		if (status < 0) raise_status(status);
		known = status < 0 ? -1 : forget(watchers(self, kind), number);
	}
	Py_DECREF(number);
	return known < 0 ? NULL : PyBool_FromLong(known);
}

PyDoc_STRVAR(add_reader_doc,
             "_add_reader($self, fd, callback, /, *args)\n--\n\nadd_reader() that gives the Handle, and any descriptor.");
static PyObject *core_add_reader(loop_core *self, PyObject *const *args, Py_ssize_t count) {
	return watch(self, HANDLE_READER, args, count);
}

PyDoc_STRVAR(add_writer_doc,
             "_add_writer($self, fd, callback, /, *args)\n--\n\nadd_writer() that gives the Handle, and any descriptor.");
static PyObject *core_add_writer(loop_core *self, PyObject *const *args, Py_ssize_t count) {
	return watch(self, HANDLE_WRITER, args, count);
}

PyDoc_STRVAR(remove_reader_doc, "_remove_reader($self, fd, /)\n--\n\nStop watching; return whether it was watched.");
static PyObject *core_remove_reader(loop_core *self, PyObject *file) {
	return unwatch(self, HANDLE_READER, file);
}

PyDoc_STRVAR(remove_writer_doc, "_remove_writer($self, fd, /)\n--\n\nStop watching; return whether it was watched.");
static PyObject *core_remove_writer(loop_core *self, PyObject *file) {
	return unwatch(self, HANDLE_WRITER, file);
}

PyDoc_STRVAR(watched_doc,
             "_watched($self, /)\n--\n\nReturn two dicts, descriptor to Handle: what is watched for reading, and for writing.");
static PyObject *core_watched(loop_core *self, PyObject *none) {
	(void)none;
	return Py_BuildValue("NN", PyDict_Copy(self->readers), PyDict_Copy(self->writers));
}

/* --- signals --- */

PyDoc_STRVAR(watch_signal_doc,
             "_watch_signal($self, signum, callback, /, *args)\n--\n\n"
             "Have the callback called once for each delivery of the signal, from the loop. Returns its Handle.");
static PyObject *core_watch_signal(loop_core *self, PyObject *const *args, Py_ssize_t count) {
	if (check_count("add_signal_handler", count, 2) < 0 || check_open(self) < 0) return NULL;
	long number = PyLong_AsLong(args[0]);
	if (number == -1 && PyErr_Occurred()) return NULL;
	handle *made = handle_new(self, HANDLE_SIGNAL, args[1], args + 2, count - 2, NULL);
	if (!made) return NULL;
	handle_hold(made);
	aw_status status = aw_loop_add_signal_handler(self->loop, (int)number, handle_call, made, handle_release);
	if (!scheduled(made, status)) return NULL;
	if (forget(self->signals, args[0]) >= 0 && PyDict_SetItem(self->signals, args[0], (PyObject *)made) == 0)
		return (PyObject *)made;
	(void)aw_loop_remove_signal_handler(self->loop, (int)number);
	Py_DECREF(made);
	return NULL;
}

PyDoc_STRVAR(unwatch_signal_doc, "_unwatch_signal($self, signum, /)\n--\n\nTake it back; return whether there was one.");
static PyObject *core_unwatch_signal(loop_core *self, PyObject *arg) {
	long number = PyLong_AsLong(arg);
	if (number == -1 && PyErr_Occurred()) return NULL;
	if (self->closed || !self->loop) Py_RETURN_FALSE;
	aw_status status = aw_loop_remove_signal_handler(self->loop, (int)number);
	if (status < 0) {
		raise_status(status);
		return NULL;
	}
	int known = forget(self->signals, arg);
	return known < 0 ? NULL : PyBool_FromLong(known);
}

/* --- children --- */

static aw_status child_ended(aw_future *future, void *ud) {
	handle *self = ud;
	void *code = NULL;
	aw_status status = aw_future_result(future, &code);
	if (status < 0) return status;
	PyObject *arguments = Py_BuildValue("ii", aw_process_pid(self->process), (int)(intptr_t)code);
	if (!arguments) {
		PyErr_Clear();
		return AW_ENOMEM;
	}
	handle_set_arguments(self, arguments);
	return handle_call(self->core->loop, self);
}

static aw_status child_watch(handle *self, int32_t pid) {
	aw_future *ended = NULL;
	handle_hold(self);
	/* Detached: closing the loop leaves the child alone, as asyncio does. */
	aw_status status = aw_process_adopt(self->core->loop, pid, -1, AW_PROCESS_DETACH, &self->process);
	if (status >= 0) status = aw_process_wait(self->process, &ended);
	if (status < 0) {
		handle_release(self);
		return status;
	}
	status = aw_future_add_done_callback(ended, child_ended, self, handle_release);
	aw_future_unref(ended);
	return status;
}

PyDoc_STRVAR(watch_child_doc,
             "_watch_child($self, pid, callback, /)\n--\n\n"
             "Reap this child when it ends, through a pidfd, and call callback(pid, returncode). It waits for no other, and "
             "ChildProcessError or ProcessLookupError says that there is no such child.");
static PyObject *core_watch_child(loop_core *self, PyObject *args) {
	int pid;
	PyObject *callback;
	if (!PyArg_ParseTuple(args, "iO:_watch_child", &pid, &callback) || check_open(self) < 0) return NULL;
	handle *made = handle_new(self, HANDLE_CHILD, callback, NULL, 0, NULL);
	if (!made) return NULL;
	aw_status status = child_watch(made, pid);
	Py_DECREF(made);
	if (status >= 0) Py_RETURN_NONE;
	raise_status(status);
	return NULL;
}

/* --- running --- */

/*
 * A Python signal handler runs only after the wait has returned. The bell, which CPython rings from its own handler, ends the wait also where
 * the signal came just before it, or to another thread. Watched only while there are waits, since what is watched costs each iteration a
 * look; and not under virtual time, which would pass as it really does.
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

PyDoc_STRVAR(set_bell_doc, "_set_bell($self, fd, /)\n--\n\nThe descriptor that is readable after a Python signal, or -1.");
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
		if (++self->busy >= BUSY_MOST) {
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
	if (self->exit_type) {
		PyErr_Restore(self->exit_type, self->exit_value, self->exit_traceback);
		self->exit_type = self->exit_value = self->exit_traceback = NULL;
		return -1;
	}
	if (self->closed) status = AW_EFORKED; /* a callback forked, and this is the child */
	if (status >= 0 || status == AW_EEXIT) return 0;
	raise_status(status);
	return -1;
}

PyDoc_STRVAR(run_once_doc, "_run_once($self, /)\n--\n\nRun one iteration: wait unless something is ready, and call what is.");
static PyObject *core_run_once(loop_core *self, PyObject *none) {
	(void)none;
	if (check_open(self) < 0 || iterate(self) < 0) return NULL;
	Py_RETURN_NONE;
}

PyDoc_STRVAR(run_doc, "_run($self, /)\n--\n\nRun iterations until one ends with stop() called.");
static PyObject *core_run(loop_core *self, PyObject *none) {
	(void)none;
	if (check_open(self) < 0) return NULL;
	do
		if (iterate(self) < 0) return NULL;
	while (!self->stopping);
	Py_RETURN_NONE;
}

PyDoc_STRVAR(stop_doc,
             "stop($self, /)\n--\n\nLet the current iteration end, then leave the run. Before a run: it makes one iteration.");
static PyObject *core_stop(loop_core *self, PyObject *none) {
	(void)none;
	self->stopping = true;
	if (self->waiting) (void)aw_loop_wakeup(self->loop); /* another thread calls */
	Py_RETURN_NONE;
}

PyDoc_STRVAR(wake_doc, "_write_to_self($self, /)\n--\n\nMake a wait return. From any thread.");
static PyObject *core_wake(loop_core *self, PyObject *none) {
	(void)none;
	if (self->loop && !self->closed) (void)aw_loop_wakeup(self->loop);
	Py_RETURN_NONE;
}

/* --- what asyncio's C code calls often --- */

PyDoc_STRVAR(get_debug_doc, "get_debug($self, /)\n--\n\nReturn whether the loop is in debug mode.");
static PyObject *core_get_debug(loop_core *self, PyObject *none) {
	(void)none;
	return PyBool_FromLong(self->debug);
}

PyDoc_STRVAR(is_closed_doc, "is_closed($self, /)\n--\n\nReturn True if the loop was closed.");
static PyObject *core_is_closed(loop_core *self, PyObject *none) {
	(void)none;
	return PyBool_FromLong(self->closed);
}

PyDoc_STRVAR(is_running_doc, "is_running($self, /)\n--\n\nReturn True if the loop is running.");
static PyObject *core_is_running(loop_core *self, PyObject *none) {
	(void)none;
	return PyBool_FromLong(self->thread_id && self->thread_id != Py_None);
}

PyDoc_STRVAR(create_future_doc, "create_future($self, /)\n--\n\nReturn an asyncio.Future of this loop.");
static PyObject *core_create_future(loop_core *self, PyObject *none) {
	(void)none;
	PyObject *args[] = {(PyObject *)self};
	return PyObject_Vectorcall(py.future, args, 0, py.loop_keywords);
}

/* A task of asyncio's own, with the caller's keywords and the loop's. */
static PyObject *task_new(loop_core *self, PyObject *const *args, PyObject *keywords) {
	Py_ssize_t given = keywords ? PyTuple_GET_SIZE(keywords) : 0;
	PyObject *all[8], *keys = given ? PyTuple_New(given + 1) : Py_NewRef(py.loop_keywords);
	PyObject *task = keys ? PyObject_GetAttr(py.tasks, py.task) : NULL;
	if (!task) {
		Py_XDECREF(keys);
		return NULL;
	}
	all[0] = args[0];
	for (Py_ssize_t i = 0; i < given; i++) {
		all[i + 1] = args[i + 1];
		PyTuple_SET_ITEM(keys, i, Py_NewRef(PyTuple_GET_ITEM(keywords, i)));
	}
	if (given) PyTuple_SET_ITEM(keys, given, Py_NewRef(py.loop));
	all[given + 1] = (PyObject *)self;
	PyObject *made = PyObject_Vectorcall(task, all, 1, keys);
	Py_DECREF(task);
	Py_DECREF(keys);
	return made;
}

PyDoc_STRVAR(create_task_doc,
             "create_task($self, coro, /, **kwargs)\n--\n\n"
             "Return a Task that runs the coroutine: asyncio.Task, or what the task factory makes. Keywords as asyncio has "
             "them: name, context, and those of newer versions.");
static PyObject *core_create_task(loop_core *self, PyObject *const *args, Py_ssize_t count, PyObject *keywords) {
	if (check_open(self) < 0) return NULL;
	/* The usual case here; the others are asyncio's. */
	if (count == 1 && !self->debug && self->task_factory == Py_None && (!keywords || PyTuple_GET_SIZE(keywords) < 6))
		return task_new(self, args, keywords);
	PyObject *all[16];
	Py_ssize_t given = count + (keywords ? PyTuple_GET_SIZE(keywords) : 0);
	if (given > 15) {
		PyErr_SetString(PyExc_TypeError, "create_task() got too many arguments");
		return NULL;
	}
	all[0] = (PyObject *)self;
	memcpy(all + 1, args, (size_t)given * sizeof *all);
	PyObject *function = PyObject_GetAttr(py.support, py.create_task);
	if (!function) return NULL;
	PyObject *made = PyObject_Vectorcall(function, all, (size_t)count + 1, keywords);
	Py_DECREF(function);
	return made;
}

/* --- attributes --- */

static PyObject *get_flag(loop_core *self, void *offset) {
	return PyBool_FromLong(*((const bool *)self + (intptr_t)offset));
}

static int set_flag(loop_core *self, PyObject *value, void *offset) {
	int on = value ? PyObject_IsTrue(value) : 0;
	if (on < 0) return -1;
	*((bool *)self + (intptr_t)offset) = on;
	return 0;
}

static PyObject *held(const loop_core *self, bool timers) {
	PyObject *list = PyList_New(0);
	for (handle *at = self->held; list && at; at = at->next) {
		if (at->cancelled || (at->kind != (timers ? HANDLE_TIMER : HANDLE_SOON))) continue;
		if (PyList_Append(list, (PyObject *)at) < 0) Py_CLEAR(list);
	}
	if (list && (timers ? PyList_Sort(list) : PyList_Reverse(list)) < 0) Py_CLEAR(list);
	return list;
}

static PyObject *get_ready(loop_core *self, void *none) {
	(void)none;
	return held(self, false);
}

static PyObject *get_scheduled(loop_core *self, void *none) {
	(void)none;
	return held(self, true);
}

/* asyncio's __init__ sets a queue and a heap of its own, which nothing uses here. */
static int set_ignored(loop_core *self, PyObject *value, void *none) {
	(void)self;
	(void)value;
	(void)none;
	return 0;
}

static PyObject *get_backend(loop_core *self, void *none) {
	(void)none;
	if (!self->loop) Py_RETURN_NONE;
	return PyUnicode_FromString(aw_loop_backend(self->loop));
}

#define FLAG(name, field) \
	{ name, (getter)get_flag, (setter)set_flag, NULL, (void *)offsetof(loop_core, field) }
static PyGetSetDef core_attributes[] = {
	FLAG("_debug", debug),
	FLAG("_closed", closed),
	FLAG("_stopping", stopping),
	{"_ready", (getter)get_ready, (setter)set_ignored, "a new list of the handles that are to be called, in their order", NULL},
	{"_scheduled", (getter)get_scheduled, (setter)set_ignored, "a new list of the timers that wait, in order of their times",
     NULL},
	{"backend", (getter)get_backend, NULL, "the name of the backend that drives the loop", NULL},
	{NULL},
};

static PyMemberDef core_members[] = {
	{"_thread_id", T_OBJECT, offsetof(loop_core, thread_id), 0, NULL},
	{"_current_handle", T_OBJECT, offsetof(loop_core, current_handle), 0, NULL},
	{"_task_factory", T_OBJECT, offsetof(loop_core, task_factory), 0, NULL},
	{NULL},
};

static PyMethodDef core_methods[] = {
	{"_open", (PyCFunction)core_open, METH_O, open_doc},
	{"_shut", (PyCFunction)core_shut_now, METH_NOARGS, shut_doc},
	{"call_soon", (PyCFunction)(void (*)(void))core_call_soon, METH_FASTCALL | METH_KEYWORDS, call_soon_doc},
	{"call_soon_threadsafe", (PyCFunction)(void (*)(void))core_call_soon_threadsafe, METH_FASTCALL | METH_KEYWORDS,
     call_soon_threadsafe_doc},
	{"call_later", (PyCFunction)(void (*)(void))core_call_later, METH_FASTCALL | METH_KEYWORDS, call_later_doc},
	{"call_at", (PyCFunction)(void (*)(void))core_call_at, METH_FASTCALL | METH_KEYWORDS, call_at_doc},
	{"time", (PyCFunction)core_time, METH_NOARGS, time_doc},
	{"_add_reader", (PyCFunction)(void (*)(void))core_add_reader, METH_FASTCALL, add_reader_doc},
	{"_add_writer", (PyCFunction)(void (*)(void))core_add_writer, METH_FASTCALL, add_writer_doc},
	{"_remove_reader", (PyCFunction)core_remove_reader, METH_O, remove_reader_doc},
	{"_remove_writer", (PyCFunction)core_remove_writer, METH_O, remove_writer_doc},
	{"_watched", (PyCFunction)core_watched, METH_NOARGS, watched_doc},
	{"_watch_signal", (PyCFunction)(void (*)(void))core_watch_signal, METH_FASTCALL, watch_signal_doc},
	{"_unwatch_signal", (PyCFunction)core_unwatch_signal, METH_O, unwatch_signal_doc},
	{"_watch_child", (PyCFunction)core_watch_child, METH_VARARGS, watch_child_doc},
	{"_set_bell", (PyCFunction)core_set_bell, METH_O, set_bell_doc},
	{"_run_once", (PyCFunction)core_run_once, METH_NOARGS, run_once_doc},
	{"_run", (PyCFunction)core_run, METH_NOARGS, run_doc},
	{"stop", (PyCFunction)core_stop, METH_NOARGS, stop_doc},
	{"_write_to_self", (PyCFunction)core_wake, METH_NOARGS, wake_doc},
	{"get_debug", (PyCFunction)core_get_debug, METH_NOARGS, get_debug_doc},
	{"is_closed", (PyCFunction)core_is_closed, METH_NOARGS, is_closed_doc},
	{"is_running", (PyCFunction)core_is_running, METH_NOARGS, is_running_doc},
	{"create_future", (PyCFunction)core_create_future, METH_NOARGS, create_future_doc},
	{"create_task", (PyCFunction)(void (*)(void))core_create_task, METH_FASTCALL | METH_KEYWORDS, create_task_doc},
	{NULL},
};

PyTypeObject core_type = {
	PyVarObject_HEAD_INIT(NULL, 0).tp_name = "libawait._loop.Core",
	.tp_doc = PyDoc_STR("The half of libawait.EventLoop that is in C: running, scheduling and watching."),
	.tp_basicsize = sizeof(loop_core),
	.tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE | Py_TPFLAGS_HAVE_GC,
	.tp_new = core_new,
	.tp_traverse = (traverseproc)core_traverse,
	.tp_clear = (inquiry)core_clear,
	.tp_dealloc = (destructor)core_dealloc,
	.tp_methods = core_methods,
	.tp_members = core_members,
	.tp_getset = core_attributes,
};

int core_ready(PyObject *module) {
	return PyModule_AddType(module, &core_type);
}
