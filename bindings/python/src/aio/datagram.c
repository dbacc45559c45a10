/* SPDX-License-Identifier: MIT */
/* Datagram transports. libawait/aio/connections.py has the rest. */
#include "aio.h"

#include <errno.h>
#include <structmember.h>
#include <sys/socket.h>

typedef struct DatagramTransport {
	PyObject_HEAD PyObject *dict, *weakrefs;
	Loop *loop;
	aw_datagram *c; /* NULL until connection_made */
	PyObject *protocol, *context, *sockname, *peername;
	PyObject *held; /* the socket object of the descriptor, or NULL */
	uint32_t lost_writes;
	int family; /* of the socket */
	bool inside, is_closing, is_lost, is_unclosed;
} DatagramTransport;

static void release_held(DatagramTransport *self) {
	PyObject *held = self->held;
	self->held = NULL;
	if (!held || held == Py_None) { /* None is what Python code may set */
		Py_XDECREF(held);
		return;
	}
	PyObject *done = PyObject_CallMethod(held, "detach", NULL);
	if (!done) PyErr_WriteUnraisable(held);
	Py_XDECREF(done);
	Py_DECREF(held);
}

static PyObject *address(aw_datagram *c,
                         aw_status (*get)(const aw_datagram *, struct sockaddr *, uint32_t *)) {
	struct sockaddr_storage storage;
	uint32_t length = sizeof storage;
	if (get(c, (struct sockaddr *)&storage, &length) < 0) Py_RETURN_NONE;
	return address_object((struct sockaddr *)&storage, length);
}

/* ---- callbacks ---- */

/* `arguments` is taken over; NULL with an exception if it could not be made. */
static PyObject *call_protocol(DatagramTransport *self, const char *name, PyObject *arguments) {
	tasks_release_ended(self->loop);
	PyObject *method = arguments && self->protocol ? PyObject_GetAttrString(self->protocol, name) : NULL;
	PyObject *result = NULL;
	if (method && self->inside) {
		result = PyObject_Call(method, arguments, NULL);
	} else if (method) {
		self->inside = true;
		result = call_in_context(self->context, method, NULL, arguments);
		self->inside = false;
	}
	Py_XDECREF(method);
	Py_XDECREF(arguments);
	return result;
}

/* Reports a failure of a callback, unless it must end the run. */
static void ended(DatagramTransport *self, PyObject *result, const char *message) {
	if (result) {
		Py_DECREF(result);
		return;
	}
	PyObject *exception = exception_take();
	if (must_exit(exception)) {
		loop_exit(self->loop, exception);
		return;
	}
	PyObject *about = Py_BuildValue("(sOO)", message, exception, Py_False);
	PyObject *done = about ? support_call("transport_failed", (PyObject *)self, about) : NULL;
	Py_XDECREF(about);
	Py_DECREF(exception);
	if (!done) PyErr_WriteUnraisable((PyObject *)self);
	Py_XDECREF(done);
}

#define CALLBACK_BEGIN                                             \
	(void)datagram;                                                \
	DatagramTransport *self = ud;                                  \
	PyObject *raised = PyErr_Occurred() ? exception_take() : NULL; \
	Py_INCREF(self)
#define CALLBACK_END                    \
	Py_DECREF(self);                    \
	if (raised) exception_give(raised); \
	return 0

static aw_status connection_made(aw_datagram *datagram, void *ud) {
	CALLBACK_BEGIN;
	self->c = aw_datagram_ref(datagram);
	struct sockaddr_storage storage;
	uint32_t length = sizeof storage;
	if (aw_datagram_getsockname(datagram, (struct sockaddr *)&storage, &length) == 0)
		self->family = storage.ss_family;
	self->sockname = address(datagram, aw_datagram_getsockname);
	self->peername = address(datagram, aw_datagram_getpeername);
	if (PyErr_Occurred()) PyErr_WriteUnraisable((PyObject *)self);
	ended(self, call_protocol(self, "connection_made", PyTuple_Pack(1, self)),
	      "Exception in callback connection_made");
	CALLBACK_END;
}

static aw_status datagram_received(aw_datagram *datagram, const void *data, size_t length,
                                   const struct sockaddr *address, uint32_t address_length, void *ud) {
	CALLBACK_BEGIN;
	PyObject *from = address_length ? address_object(address, address_length) : Py_NewRef(Py_None);
	PyObject *arguments = from ? Py_BuildValue("(y#N)", data ? data : "", (Py_ssize_t)length, from) : NULL;
	ended(self, call_protocol(self, "datagram_received", arguments),
	      "Exception in callback datagram_received");
	CALLBACK_END;
}

static PyObject *exception_or_none(aw_status status) {
	if (status >= 0) return Py_NewRef(Py_None);
	raise_status(status);
	return exception_take();
}

static aw_status error_received(aw_datagram *datagram, aw_status error, void *ud) {
	CALLBACK_BEGIN;
	PyObject *exception = exception_or_none(error);
	ended(self, call_protocol(self, "error_received", Py_BuildValue("(N)", exception)),
	      "Exception in callback error_received");
	CALLBACK_END;
}

static aw_status connection_lost(aw_datagram *datagram, aw_status error, void *ud) {
	CALLBACK_BEGIN;
	self->is_lost = true;
	release_held(self);
	PyObject *exception = exception_or_none(error);
	ended(self, call_protocol(self, "connection_lost", Py_BuildValue("(N)", exception)),
	      "Exception in callback connection_lost");
	Py_CLEAR(self->protocol);
	CALLBACK_END;
}

/* Called at once from within sendto(), and then in the caller's context. */
static aw_status pause_writing(aw_datagram *datagram, void *ud) {
	CALLBACK_BEGIN;
	bool was_inside = self->inside;
	self->inside = true;
	PyObject *result = call_protocol(self, "pause_writing", PyTuple_New(0));
	self->inside = was_inside;
	ended(self, result, "protocol.pause_writing() failed");
	CALLBACK_END;
}

static aw_status resume_writing(aw_datagram *datagram, void *ud) {
	CALLBACK_BEGIN;
	ended(self, call_protocol(self, "resume_writing", PyTuple_New(0)), "protocol.resume_writing() failed");
	CALLBACK_END;
}

static void registration_drop(void *ud) {
	DatagramTransport *self = ud;
	PyObject *raised = PyErr_Occurred() ? exception_take() : NULL;
	self->is_unclosed = self->c && !self->is_lost && !self->is_closing;
	self->is_closing = true;
	release_held(self);
	Py_DECREF((PyObject *)self);
	if (raised) exception_give(raised);
}

static const aw_datagram_protocol callbacks = {
	.size = sizeof callbacks,
	.connection_made = connection_made,
	.datagram_received = datagram_received,
	.error_received = error_received,
	.connection_lost = connection_lost,
	.pause_writing = pause_writing,
	.resume_writing = resume_writing,
};

/* ---- opening ---- */

static int open_begin(Operation *self, aw_coro **out) {
	DatagramTransport *transport = (DatagramTransport *)self->subject;
	aw_datagram_options options = {.size = sizeof options};
	if (!PyArg_ParseTuple(self->argument, "Iiiizzzzzz", &options.flags, &options.family, &options.protocol,
	                      &options.fd, &options.local_host, &options.local_service, &options.remote_host,
	                      &options.remote_service, &options.local_path, &options.remote_path))
		return -1;
	if (!transport->loop->c) return status_ok(AW_ELOOPCLOSED);
	return status_ok(aw_create_datagram_endpoint_coro(
		transport->loop->c, &options, &callbacks, Py_NewRef((PyObject *)transport), registration_drop, out));
}

static PyObject *value_none(void *value) {
	(void)value;
	Py_RETURN_NONE;
}

static const operation_kind open_kind = {
	"create_datagram_endpoint", NULL, open_begin, NULL, NULL, value_none};

/*
 * _open(flags, family, protocol, fd, local_host, local_service, remote_host, remote_service, local_path,
 * remote_path)
 */
static PyObject *DatagramTransport_open(PyObject *self, PyObject *args) {
	return operation_new(&open_kind, self, args, 0);
}

/* DatagramTransport(loop, protocol) */
static int DatagramTransport_init(PyObject *base, PyObject *args, PyObject *keywords) {
	(void)keywords;
	DatagramTransport *self = (DatagramTransport *)base;
	Loop *loop;
	PyObject *protocol;
	if (!PyArg_ParseTuple(args, "O!O", &Loop_Type, &loop, &protocol)) return -1;
	Py_XSETREF(self->loop, (Loop *)Py_NewRef((PyObject *)loop));
	Py_XSETREF(self->protocol, Py_NewRef(protocol));
	Py_XSETREF(self->context, PyContext_CopyCurrent());
	return self->context ? 0 : -1;
}

/* ---- methods ---- */

static int check_open(DatagramTransport *self) {
	if (self->c) return 0;
	PyErr_SetString(PyExc_RuntimeError, "the endpoint is not open yet");
	return -1;
}

static PyObject *none_of(aw_status status) {
	if (PyErr_Occurred()) return NULL;
	if (status < 0 && status != AW_EINVALIDSTATE) return raise_status(status);
	Py_RETURN_NONE;
}

/* _sendto(data, address): the address is None for the one it is connected to. */
static PyObject *DatagramTransport_sendto(PyObject *base, PyObject *args) {
	DatagramTransport *self = (DatagramTransport *)base;
	PyObject *data, *to;
	struct sockaddr_storage storage;
	uint32_t length = 0;
	Py_buffer view;
	if (!PyArg_ParseTuple(args, "OO", &data, &to) || check_open(self) < 0) return NULL;
	if (to != Py_None && address_of_object(to, self->family, &storage, &length) < 0) return NULL;
	if (PyObject_GetBuffer(data, &view, PyBUF_SIMPLE) < 0) return NULL;
	aw_status status = aw_datagram_sendto(self->c, view.buf, (size_t)view.len,
	                                      length ? (struct sockaddr *)&storage : NULL, length);
	PyBuffer_Release(&view);
	if (status == AW_EINVALIDSTATE && ++self->lost_writes >= 5) {
		PyObject *done = support_call("warn_of_lost_writes", base, NULL);
		if (!done) return NULL;
		Py_DECREF(done);
	}
	return none_of(status);
}

static PyObject *DatagramTransport_close(PyObject *base, PyObject *unused) {
	(void)unused;
	DatagramTransport *self = (DatagramTransport *)base;
	if (check_open(self) < 0) return NULL;
	self->is_closing = true;
	return self->is_lost ? Py_NewRef(Py_None) : none_of(aw_datagram_close(self->c));
}

static PyObject *DatagramTransport_abort(PyObject *base, PyObject *unused) {
	(void)unused;
	DatagramTransport *self = (DatagramTransport *)base;
	if (check_open(self) < 0) return NULL;
	self->is_closing = true;
	return self->is_lost ? Py_NewRef(Py_None) : none_of(aw_datagram_abort(self->c));
}

static PyObject *DatagramTransport_is_closing(PyObject *base, PyObject *unused) {
	(void)unused;
	DatagramTransport *self = (DatagramTransport *)base;
	return PyBool_FromLong(self->is_closing || (self->c && aw_datagram_is_closing(self->c)));
}

static PyObject *DatagramTransport_get_write_buffer_size(PyObject *base, PyObject *unused) {
	(void)unused;
	DatagramTransport *self = (DatagramTransport *)base;
	return PyLong_FromSize_t(self->c && !self->is_lost ? aw_datagram_write_buffer_size(self->c) : 0);
}

static PyObject *DatagramTransport_get_write_buffer_limits(PyObject *base, PyObject *unused) {
	(void)unused;
	DatagramTransport *self = (DatagramTransport *)base;
	size_t high, low;
	if (check_open(self) < 0) return NULL;
	aw_status status = aw_datagram_write_buffer_limits(self->c, &high, &low);
	return status < 0 ? raise_status(status) : Py_BuildValue("(nn)", (Py_ssize_t)low, (Py_ssize_t)high);
}

/* _set_limits(high, low): checked before. */
static PyObject *DatagramTransport_set_limits(PyObject *base, PyObject *args) {
	DatagramTransport *self = (DatagramTransport *)base;
	Py_ssize_t high, low;
	if (!PyArg_ParseTuple(args, "nn", &high, &low) || check_open(self) < 0) return NULL;
	return none_of(aw_datagram_set_write_buffer_limits(self->c, (size_t)high, (size_t)low));
}

static PyObject *DatagramTransport_set_protocol(PyObject *base, PyObject *protocol) {
	Py_XSETREF(((DatagramTransport *)base)->protocol, Py_NewRef(protocol));
	Py_RETURN_NONE;
}

static PyObject *DatagramTransport_get_protocol(PyObject *base, PyObject *unused) {
	(void)unused;
	DatagramTransport *self = (DatagramTransport *)base;
	return Py_NewRef(self->protocol ? self->protocol : Py_None);
}

static PyObject *DatagramTransport_fileno(PyObject *base, PyObject *unused) {
	(void)unused;
	DatagramTransport *self = (DatagramTransport *)base;
	aw_status fd = self->c && !self->is_lost ? aw_datagram_fd(self->c) : -1;
	return PyLong_FromLong(fd < 0 ? -1 : fd);
}

/* ---- life ---- */

static int DatagramTransport_traverse(PyObject *base, visitproc visit, void *arg) {
	DatagramTransport *self = (DatagramTransport *)base;
	Py_VISIT(self->dict);
	Py_VISIT(self->loop);
	Py_VISIT(self->protocol);
	Py_VISIT(self->context);
	Py_VISIT(self->held);
	return 0;
}

static int DatagramTransport_clear(PyObject *base) {
	DatagramTransport *self = (DatagramTransport *)base;
	Py_CLEAR(self->dict);
	Py_CLEAR(self->protocol);
	Py_CLEAR(self->context);
	Py_CLEAR(self->held);
	Py_CLEAR(self->sockname);
	Py_CLEAR(self->peername);
	return 0;
}

/* Only one that was never opened, or is closed, gets here. */
static void DatagramTransport_dealloc(PyObject *base) {
	DatagramTransport *self = (DatagramTransport *)base;
	PyObject_GC_UnTrack(base);
	if (self->weakrefs) PyObject_ClearWeakRefs(base);
	aw_datagram *c = self->c;
	self->c = NULL;
	if (c) {
		release_held(self);
		aw_datagram_unref(c);
	}
	DatagramTransport_clear(base);
	Py_CLEAR(self->loop);
	Py_TYPE(base)->tp_free(base);
}

static PyMethodDef DatagramTransport_methods[] = {
	{"_open", DatagramTransport_open, METH_VARARGS, NULL},
	{"_sendto", DatagramTransport_sendto, METH_VARARGS, NULL},
	{"_set_limits", DatagramTransport_set_limits, METH_VARARGS, NULL},
	{"_fileno", DatagramTransport_fileno, METH_NOARGS, NULL},
	{"close", DatagramTransport_close, METH_NOARGS, "Close it once everything kept is sent."},
	{"abort", DatagramTransport_abort, METH_NOARGS, "Close it at once."},
	{"is_closing", DatagramTransport_is_closing, METH_NOARGS, "Whether it is closed or closing."},
	{"get_write_buffer_size", DatagramTransport_get_write_buffer_size, METH_NOARGS,
     "How many bytes are kept."},
	{"get_write_buffer_limits", DatagramTransport_get_write_buffer_limits, METH_NOARGS,
     "The marks (low, high)."},
	{"set_protocol", DatagramTransport_set_protocol, METH_O, "Set the protocol."},
	{"get_protocol", DatagramTransport_get_protocol, METH_NOARGS, "The protocol."},
	{0},
};

static PyMemberDef DatagramTransport_members[] = {
	{"_loop", T_OBJECT, offsetof(DatagramTransport, loop), READONLY, NULL},
	{"_protocol", T_OBJECT, offsetof(DatagramTransport, protocol), READONLY, NULL},
	{"_sockname", T_OBJECT, offsetof(DatagramTransport, sockname), READONLY, NULL},
	{"_peername", T_OBJECT, offsetof(DatagramTransport, peername), READONLY, NULL},
	{"_held", T_OBJECT, offsetof(DatagramTransport, held), 0, NULL},
	{"_is_lost", T_BOOL, offsetof(DatagramTransport, is_lost), READONLY, NULL},
	{"_is_unclosed", T_BOOL, offsetof(DatagramTransport, is_unclosed), READONLY, NULL},
	{0},
};

static PyGetSetDef DatagramTransport_getset[] = {
	{"__dict__", PyObject_GenericGetDict, PyObject_GenericSetDict, NULL, NULL},
	{0},
};

PyTypeObject DatagramTransport_Type = {
	PyVarObject_HEAD_INIT(NULL, 0).tp_name = "libawait.aio._aio.DatagramTransport",
	.tp_basicsize = sizeof(DatagramTransport),
	.tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_BASETYPE,
	.tp_new = PyType_GenericNew,
	.tp_init = DatagramTransport_init,
	.tp_dealloc = DatagramTransport_dealloc,
	.tp_traverse = DatagramTransport_traverse,
	.tp_clear = DatagramTransport_clear,
	.tp_methods = DatagramTransport_methods,
	.tp_members = DatagramTransport_members,
	.tp_getset = DatagramTransport_getset,
	.tp_dictoffset = offsetof(DatagramTransport, dict),
	.tp_weaklistoffset = offsetof(DatagramTransport, weakrefs),
};
