/* SPDX-License-Identifier: MIT */
/* Transports: streams as asyncio's programs see them. libawait/aio/connections.py has the rest. */
#include "aio.h"

#include <errno.h>
#include <structmember.h>
#include <sys/socket.h>
#include <sys/uio.h>

/* ---- making one ---- */

static PyObject *address(aw_stream *c, aw_status (*get)(const aw_stream *, struct sockaddr *, uint32_t *)) {
	struct sockaddr_storage storage;
	uint32_t length = sizeof storage;
	if (get(c, (struct sockaddr *)&storage, &length) < 0) Py_RETURN_NONE;
	return address_object((struct sockaddr *)&storage, length);
}

/* The Python class that has the abstract ones of asyncio as bases. */
static PyTypeObject *transport_class(void) {
	static PyObject *type;
	if (!type) {
		PyObject *module = PyImport_ImportModule("libawait.aio.connections");
		type = module ? PyObject_GetAttrString(module, "StreamTransport") : NULL;
		Py_XDECREF(module);
	}
	return (PyTypeObject *)type;
}

/* abort() only closes the connection, as in asyncio. */
const aw_stream_options transport_options = {.size = sizeof transport_options, .flags = AW_STREAM_NO_RESET};

PyObject *transport_new(Loop *loop, aw_stream *c) {
	PyTypeObject *type = transport_class();
	PyObject *base = type ? type->tp_alloc(type, 0) : NULL;
	if (!base) {
		aw_stream_abort(c);
		aw_stream_unref(c);
		return NULL;
	}
	Transport *self = (Transport *)base;
	self->loop = (Loop *)Py_NewRef((PyObject *)loop);
	self->c = c;
	/* now, since programs want to know who it was when the connection is gone */
	self->sockname = address(c, aw_stream_getsockname);
	self->peername = self->sockname ? address(c, aw_stream_getpeername) : NULL;
	if (!self->peername) Py_CLEAR(base);
	return base;
}

/* _from_fd(loop, fd, held, is_pipe): takes over the descriptor if it succeeds. */
static PyObject *Transport_from_fd(PyObject *type, PyObject *args) {
	(void)type;
	Loop *loop;
	PyObject *held;
	int fd, is_pipe;
	if (!PyArg_ParseTuple(args, "O!iOp", &Loop_Type, &loop, &fd, &held, &is_pipe)) return NULL;
	aw_stream *c;
	aw_status status = loop->c ? aw_stream_from_fd(loop->c, fd, &transport_options, &c) : AW_ELOOPCLOSED;
	if (status < 0) return raise_status(status);
	Transport *self = (Transport *)transport_new(loop, c);
	if (!self) return NULL;
	self->held = held == Py_None ? NULL : Py_NewRef(held);
	self->is_pipe = is_pipe;
	return (PyObject *)self;
}

static PyObject *Transport_start(PyObject *base, PyObject *args) {
	PyObject *protocol, *waiter = Py_None;
	if (!PyArg_ParseTuple(args, "O|O", &protocol, &waiter)) return NULL;
	if (transport_start((Transport *)base, protocol, waiter == Py_None ? NULL : waiter) < 0) return NULL;
	Py_RETURN_NONE;
}

void transport_release_held(Transport *self) {
	PyObject *held = self->held;
	self->held = NULL;
	if (!held || held == Py_None) { /* None is what Python code may set */
		Py_XDECREF(held);
		return;
	}
	PyObject *done = PyObject_CallMethod(held, self->is_pipe ? "close" : "detach", NULL);
	if (!done) PyErr_WriteUnraisable(held);
	Py_XDECREF(done);
	Py_DECREF(held);
}

static bool is_closing(const Transport *self) {
	return self->closes_when_resumed || aw_stream_is_closing(self->c);
}

/* ---- writing ---- */

/* The stream takes no more: it is closed or has failed. Too many such writes are a mistake of the program. */
static PyObject *write_to_lost(Transport *self, aw_status status, bool was_closing) {
	if (status == -EBUSY) {
		PyErr_SetString(PyExc_RuntimeError, "unable to write; sendfile is in progress");
		return NULL;
	}
	if (status == -ENOMEM || status <= -4096) return raise_status(status);
	if (was_closing && ++self->lost_writes >= 5) {
		PyObject *done = support_call("warn_of_lost_writes", (PyObject *)self, NULL);
		if (!done) return NULL;
		Py_DECREF(done);
	}
	Py_RETURN_NONE;
}

static int check_data(PyObject *data) {
	if (PyBytes_Check(data) || PyByteArray_Check(data) || PyMemoryView_Check(data)) return 0;
	PyErr_Format(PyExc_TypeError, "data argument must be a bytes-like object, not '%.200s'",
	             _PyType_Name(Py_TYPE(data)));
	return -1;
}

static int check_eof(Transport *self) {
	if (!self->eof_written) return 0;
	PyErr_SetString(PyExc_RuntimeError, "Cannot call write() after write_eof()");
	return -1;
}

static PyObject *Transport_write(PyObject *base, PyObject *data) {
	Transport *self = (Transport *)base;
	Py_buffer view;
	if (check_data(data) < 0 || check_eof(self) < 0 || PyObject_GetBuffer(data, &view, PyBUF_SIMPLE) < 0)
		return NULL;
	bool was_closing = aw_stream_is_closing(self->c);
	aw_status status = view.len ? aw_stream_write(self->c, view.buf, (size_t)view.len) : 0;
	if (status >= 0) self->accepted += (uint64_t)view.len;
	PyBuffer_Release(&view);
	if (PyErr_Occurred()) return NULL;
	if (status < 0) return write_to_lost(self, status, was_closing);
	Py_RETURN_NONE;
}

typedef struct Parts {
	Py_buffer *views;
	struct iovec *parts;
	Py_ssize_t count;
	size_t total;
} Parts;

static void parts_release(Parts *self) {
	for (Py_ssize_t i = 0; i < self->count; i++) PyBuffer_Release(&self->views[i]);
	PyMem_Free(self->views);
	PyMem_Free(self->parts);
}

static int parts_take(Parts *self, PyObject *fast) {
	Py_ssize_t count = PySequence_Fast_GET_SIZE(fast);
	self->views = PyMem_Calloc((size_t)count + 1, sizeof *self->views);
	self->parts = PyMem_Calloc((size_t)count + 1, sizeof *self->parts);
	if (!self->views || !self->parts) {
		PyErr_NoMemory();
		return -1;
	}
	for (; self->count < count; self->count++) {
		Py_buffer *view = &self->views[self->count];
		PyObject *item = PySequence_Fast_GET_ITEM(fast, self->count);
		if (PyObject_GetBuffer(item, view, PyBUF_SIMPLE) < 0) return -1;
		self->parts[self->count] = (struct iovec){view->buf, (size_t)view->len};
		self->total += (size_t)view->len;
	}
	return 0;
}

static PyObject *Transport_writelines(PyObject *base, PyObject *lines) {
	Transport *self = (Transport *)base;
	PyObject *fast = PySequence_Fast(lines, "writelines() takes an iterable of bytes-like objects");
	if (!fast) return NULL;
	Parts parts = {0};
	PyObject *result = NULL;
	if (check_eof(self) == 0 && parts_take(&parts, fast) == 0) {
		bool was_closing = aw_stream_is_closing(self->c);
		aw_status status = aw_stream_writelines(self->c, parts.parts, (size_t)parts.count);
		if (status >= 0) self->accepted += parts.total;
		if (!PyErr_Occurred())
			result = status < 0 ? write_to_lost(self, status, was_closing) : Py_NewRef(Py_None);
	}
	parts_release(&parts);
	Py_DECREF(fast);
	return result;
}

static PyObject *Transport_write_eof(PyObject *base, PyObject *unused) {
	(void)unused;
	Transport *self = (Transport *)base;
	if (is_closing(self) || self->eof_written) Py_RETURN_NONE;
	if (self->is_pipe) {
		/* the reader of a pipe sees the end when the pipe is closed */
		self->is_closing = true;
		return status_ok(aw_stream_close(self->c)) < 0 ? NULL : Py_NewRef(Py_None);
	}
	if (!aw_stream_can_write_eof(self->c)) {
		PyErr_SetNone(PyExc_NotImplementedError);
		return NULL;
	}
	self->eof_written = true;
	aw_status status = aw_stream_write_eof(self->c);
	/* connection_lost is called with the error of a lost connection */
	if (status <= -4096 || PyErr_Occurred()) return PyErr_Occurred() ? NULL : raise_status(status);
	Py_RETURN_NONE;
}

static PyObject *Transport_can_write_eof(PyObject *base, PyObject *unused) {
	(void)unused;
	Transport *self = (Transport *)base;
	return PyBool_FromLong(self->is_pipe || aw_stream_can_write_eof(self->c));
}

static PyObject *Transport_get_write_buffer_size(PyObject *base, PyObject *unused) {
	(void)unused;
	return PyLong_FromSize_t(aw_stream_write_buffer_size(((Transport *)base)->c));
}

static PyObject *Transport_get_write_buffer_limits(PyObject *base, PyObject *unused) {
	(void)unused;
	size_t low = 0, high = 0;
	aw_status status = aw_stream_write_buffer_limits(((Transport *)base)->c, &low, &high);
	return status < 0 ? raise_status(status) : Py_BuildValue("(nn)", (Py_ssize_t)low, (Py_ssize_t)high);
}

/* _set_limits(high, low): checked before. */
static PyObject *Transport_set_limits(PyObject *base, PyObject *args) {
	long long high, low;
	if (!PyArg_ParseTuple(args, "LL", &high, &low)) return NULL;
	aw_status status = aw_stream_set_write_buffer_limits(((Transport *)base)->c, high, low);
	if (status < 0) return raise_status(status);
	Py_RETURN_NONE;
}

/* ---- reading and closing ---- */

/* A status that the program need not know: that of a stream which is closed already. */
static PyObject *none_of(aw_status status) {
	if (PyErr_Occurred()) return NULL;
	if (status <= -4096) return raise_status(status);
	Py_RETURN_NONE;
}

/* A transport of a loop that is closed is closed as well. */
static PyObject *none_unless_closed(aw_status status) {
	return none_of(status == AW_ELOOPCLOSED ? 0 : status);
}

/*
 * A protocol that does TLS keeps what it has encrypted while writing is paused, and writes that when it is
 * resumed, as its last.
 */
aw_status transport_close(Transport *self) {
	self->is_closing = true;
	if (self->closes_when_resumed) return 0;
	if (self->is_pipe || !self->writing_paused) return aw_stream_close(self->c);
	self->closes_when_resumed = true;
	return aw_stream_pause_reading(self->c);
}

static PyObject *Transport_pause_reading(PyObject *base, PyObject *unused) {
	(void)unused;
	return none_of(aw_stream_pause_reading(((Transport *)base)->c));
}

static PyObject *Transport_resume_reading(PyObject *base, PyObject *unused) {
	(void)unused;
	Transport *self = (Transport *)base;
	return none_of(self->closes_when_resumed ? 0 : aw_stream_resume_reading(self->c));
}

static PyObject *Transport_is_reading(PyObject *base, PyObject *unused) {
	(void)unused;
	Transport *self = (Transport *)base;
	return PyBool_FromLong(!is_closing(self) && aw_stream_is_reading(self->c));
}

static PyObject *Transport_close(PyObject *base, PyObject *unused) {
	(void)unused;
	Transport *self = (Transport *)base;
	return self->is_lost ? Py_NewRef(Py_None) : none_unless_closed(transport_close(self));
}

static PyObject *Transport_abort(PyObject *base, PyObject *unused) {
	(void)unused;
	Transport *self = (Transport *)base;
	if (self->is_lost) Py_RETURN_NONE;
	self->is_closing = true;
	return none_unless_closed(aw_stream_abort(self->c));
}

/* _force_close(exception): what the standard library's layers call; connection_lost is called with the exception. */
static PyObject *Transport_force_close(PyObject *base, PyObject *exception) {
	Transport *self = (Transport *)base;
	/* closed, with nothing left to send: only connection_lost is to come */
	bool is_over = aw_stream_is_closing(self->c) && !aw_stream_write_buffer_size(self->c);
	if (self->is_lost || is_over) Py_RETURN_NONE;
	Py_XSETREF(self->error, exception == Py_None ? NULL : Py_NewRef(exception));
	return Transport_abort(base, NULL);
}

static PyObject *Transport_is_closing(PyObject *base, PyObject *unused) {
	(void)unused;
	return PyBool_FromLong(is_closing((Transport *)base));
}

static PyObject *Transport_set_protocol(PyObject *base, PyObject *protocol) {
	if (transport_set_protocol((Transport *)base, protocol) < 0) return NULL;
	Py_RETURN_NONE;
}

static PyObject *Transport_get_protocol(PyObject *base, PyObject *unused) {
	(void)unused;
	Transport *self = (Transport *)base;
	return Py_NewRef(self->protocol ? self->protocol : Py_None);
}

/* ---- sending a file ---- */

/* Waits until everything is taken, after what is queued. */
static int send_begin(Operation *self, aw_coro **out) {
	Py_buffer *view = PyMemoryView_GET_BUFFER(self->argument);
	self->number = 0;
	return status_ok(aw_stream_send_coro(((Transport *)self->subject)->c, view->buf, (size_t)view->len,
	                                     (size_t *)&self->number, out));
}

static PyObject *send_end(Operation *self, PyObject *value) {
	((Transport *)self->subject)->accepted += (uint64_t)self->number;
	return value;
}

static const operation_kind send_kind = {"write", NULL, send_begin, send_end, NULL, NULL};

/* _write_all(data) */
static PyObject *Transport_write_all(PyObject *base, PyObject *data) {
	PyObject *view = PyMemoryView_GetContiguous(data, PyBUF_READ, 'C');
	PyObject *operation = view ? operation_new(&send_kind, base, view, 0) : NULL;
	Py_XDECREF(view);
	return operation;
}

static int sendfile_begin(Operation *self, aw_coro **out) {
	Transport *transport = (Transport *)self->subject;
	int fd;
	long long offset, count;
	if (!PyArg_ParseTuple(self->argument, "iLL", &fd, &offset, &count)) return -1;
	self->number = 0;
	return status_ok(
		aw_stream_sendfile_coro(transport->c, fd, offset, count, (uint64_t *)&self->number, out));
}

static PyObject *sendfile_end(Operation *self, PyObject *value) {
	Py_DECREF(value);
	((Transport *)self->subject)->accepted += (uint64_t)self->number;
	return PyLong_FromLongLong(self->number);
}

static const operation_kind sendfile_kind = {"sendfile", NULL, sendfile_begin, sendfile_end, NULL, NULL};

/* _sendfile(fd, offset, count) */
static PyObject *Transport_sendfile(PyObject *base, PyObject *args) {
	return operation_new(&sendfile_kind, base, args, 0);
}

/* ---- about the connection ---- */

static PyObject *Transport_fileno(PyObject *base, PyObject *unused) {
	(void)unused;
	Transport *self = (Transport *)base;
	return PyLong_FromLong(self->is_lost ? -1 : aw_stream_fd(self->c));
}

/* ---- life ---- */

static int Transport_traverse(PyObject *base, visitproc visit, void *arg) {
	Transport *self = (Transport *)base;
	Py_VISIT(self->dict);
	Py_VISIT(self->loop);
	Py_VISIT(self->protocol);
	Py_VISIT(self->context);
	Py_VISIT(self->waiter);
	Py_VISIT(self->held);
	Py_VISIT(self->error);
	Py_VISIT(self->target.obj);
	return 0;
}

static int Transport_clear(PyObject *base) {
	Transport *self = (Transport *)base;
	PyBuffer_Release(&self->target);
	Py_CLEAR(self->dict);
	Py_CLEAR(self->protocol);
	Py_CLEAR(self->context);
	Py_CLEAR(self->waiter);
	Py_CLEAR(self->held);
	Py_CLEAR(self->error);
	Py_CLEAR(self->sockname);
	Py_CLEAR(self->peername);
	return 0;
}

/* Only a transport that was never started, or whose connection is lost, gets here. */
static void Transport_dealloc(PyObject *base) {
	Transport *self = (Transport *)base;
	PyObject_GC_UnTrack(base);
	if (self->weakrefs) PyObject_ClearWeakRefs(base);
	if (self->c) {
		PyObject *raised = PyErr_Occurred() ? exception_take() : NULL;
		if (!aw_stream_is_closing(self->c)) aw_stream_abort(self->c);
		transport_release_held(self);
		aw_stream_unref(self->c);
		self->c = NULL;
		if (raised) exception_give(raised);
	}
	Transport_clear(base);
	Py_CLEAR(self->loop);
	Py_TYPE(base)->tp_free(base);
}

static PyMethodDef Transport_methods[] = {
	{"_from_fd", Transport_from_fd, METH_VARARGS | METH_CLASS, NULL},
	{"_start", Transport_start, METH_VARARGS, NULL},
	{"_set_limits", Transport_set_limits, METH_VARARGS, NULL},
	{"_write_all", Transport_write_all, METH_O, NULL},
	{"_sendfile", Transport_sendfile, METH_VARARGS, NULL},
	{"_force_close", Transport_force_close, METH_O, NULL},
	{"_fileno", Transport_fileno, METH_NOARGS, NULL},
	{"write", Transport_write, METH_O, "Send data, without waiting: what cannot be sent now is queued."},
	{"writelines", Transport_writelines, METH_O, "Send each item of an iterable."},
	{"write_eof", Transport_write_eof, METH_NOARGS, "End the outgoing direction once everything is sent."},
	{"can_write_eof", Transport_can_write_eof, METH_NOARGS, "Whether write_eof() is possible."},
	{"get_write_buffer_size", Transport_get_write_buffer_size, METH_NOARGS, "How many bytes are queued."},
	{"get_write_buffer_limits", Transport_get_write_buffer_limits, METH_NOARGS, "The marks (low, high)."},
	{"pause_reading", Transport_pause_reading, METH_NOARGS, "Receive nothing until resume_reading()."},
	{"resume_reading", Transport_resume_reading, METH_NOARGS, "Receive again."},
	{"is_reading", Transport_is_reading, METH_NOARGS, "Whether it receives."},
	{"close", Transport_close, METH_NOARGS, "Close it once everything queued is sent."},
	{"abort", Transport_abort, METH_NOARGS, "Close it at once."},
	{"is_closing", Transport_is_closing, METH_NOARGS, "Whether it is closed or closing."},
	{"set_protocol", Transport_set_protocol, METH_O, "Set the protocol."},
	{"get_protocol", Transport_get_protocol, METH_NOARGS, "The protocol."},
	{0},
};

static PyMemberDef Transport_members[] = {
	{"_loop", T_OBJECT, offsetof(Transport, loop), READONLY, NULL},
	{"_protocol", T_OBJECT, offsetof(Transport, protocol), READONLY, NULL},
	{"_sockname", T_OBJECT, offsetof(Transport, sockname), READONLY, NULL},
	{"_peername", T_OBJECT, offsetof(Transport, peername), READONLY, NULL},
	{"_held", T_OBJECT, offsetof(Transport, held), 0, NULL},
	{"_is_pipe", T_BOOL, offsetof(Transport, is_pipe), READONLY, NULL},
	{"_only_writes", T_BOOL, offsetof(Transport, only_writes), 0, NULL},
	{"_is_lost", T_BOOL, offsetof(Transport, is_lost), READONLY, NULL},
	{"_is_unclosed", T_BOOL, offsetof(Transport, is_unclosed), READONLY, NULL},
	{0},
};

static PyGetSetDef Transport_getset[] = {
	{"__dict__", PyObject_GenericGetDict, PyObject_GenericSetDict, NULL, NULL},
	{0},
};

PyTypeObject Transport_Type = {
	PyVarObject_HEAD_INIT(NULL, 0).tp_name = "libawait.aio._aio.Transport",
	.tp_basicsize = sizeof(Transport),
	.tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_BASETYPE,
	.tp_dealloc = Transport_dealloc,
	.tp_traverse = Transport_traverse,
	.tp_clear = Transport_clear,
	.tp_methods = Transport_methods,
	.tp_members = Transport_members,
	.tp_getset = Transport_getset,
	.tp_dictoffset = offsetof(Transport, dict),
	.tp_weaklistoffset = offsetof(Transport, weakrefs),
};
