/* SPDX-License-Identifier: MIT */
/* Servers. The object that programs see, asyncio's Server, is in libawait/aio/connections.py. */
#include "aio.h"

typedef struct Server {
	PyObject_HEAD PyObject *weakrefs;
	Loop *loop;
	aw_server *c;
} Server;

/* What the library's handle owns: it may outlive the wrapper, but not the other way round. */
typedef struct Accepting {
	Loop *loop; /* borrowed: the handle is closed with the loop */
	PyObject *factory, *context;
} Accepting;

static void accepting_drop(void *ud) {
	Accepting *self = ud;
	PyObject *raised = PyErr_Occurred() ? exception_take() : NULL;
	Py_XDECREF(self->factory);
	Py_XDECREF(self->context);
	PyMem_Free(self);
	if (raised) exception_give(raised);
}

/* The connection has failed before there was a protocol: as in asyncio, only debug mode tells. */
static void failed_to_start(Accepting *self, PyObject *transport) {
	PyObject *exception = exception_take();
	if (must_exit(exception)) {
		loop_exit(self->loop, exception);
		return;
	}
	PyObject *message = PyUnicode_FromString("Error on transport creation for incoming connection");
	if (message && aw_loop_debug(self->loop->c))
		loop_report(self->loop, message, exception, "transport", transport);
	PyErr_Clear();
	Py_XDECREF(message);
	Py_DECREF(exception);
}

static int start_in_context(Accepting *self, PyObject *transport) {
	/* each connection has a separate context */
	PyObject *context = PyContext_Copy(self->context);
	if (!context || PyContext_Enter(context) < 0) {
		Py_XDECREF(context);
		return -1;
	}
	PyObject *protocol = PyObject_CallNoArgs(self->factory);
	int result = protocol ? transport_start((Transport *)transport, protocol, NULL) : -1;
	Py_XDECREF(protocol);
	if (PyContext_Exit(context) < 0) result = -1;
	Py_DECREF(context);
	return result;
}

/* An aw_client_fn, called from the loop. */
static aw_status client_arrived(aw_stream *stream, void *ud) {
	Accepting *self = ud;
	tasks_release_ended(self->loop);
	PyObject *transport = transport_new(self->loop, aw_stream_ref(stream));
	if (!transport || start_in_context(self, transport) < 0) failed_to_start(self, transport);
	Py_XDECREF(transport);
	return 0;
}

/* Server(loop, protocol_factory, family, backlog, flags) */
static int Server_init(PyObject *base, PyObject *args, PyObject *keywords) {
	(void)keywords;
	Server *self = (Server *)base;
	Loop *loop;
	PyObject *factory;
	aw_server_options options = {.size = sizeof options, .stream = &transport_options};
	if (!PyArg_ParseTuple(args, "O!OiiI", &Loop_Type, &loop, &factory, &options.family, &options.backlog,
	                      &options.flags))
		return -1;
	if (self->c || !loop->c) {
		PyErr_SetString(PyExc_RuntimeError,
		                self->c ? "the server is already initialised" : "Event loop is closed");
		return -1;
	}
	options.flags |= AW_SERVER_CALLBACK;
	Accepting *accepting = PyMem_Calloc(1, sizeof *accepting);
	if (!accepting) {
		PyErr_NoMemory();
		return -1;
	}
	accepting->loop = loop;
	accepting->factory = Py_NewRef(factory);
	accepting->context = PyContext_CopyCurrent();
	if (!accepting->context) {
		accepting_drop(accepting);
		return -1;
	}
	self->loop = (Loop *)Py_NewRef((PyObject *)loop);
	return status_ok(aw_server_new(loop->c, client_arrived, accepting, accepting_drop, &options, &self->c));
}

/* ---- listening ---- */

static int listen_begin(Operation *self, aw_coro **out) {
	const char *host, *service;
	if (!PyArg_ParseTuple(self->argument, "zs", &host, &service)) return -1;
	return status_ok(aw_server_listen_coro(((Server *)self->subject)->c, host, service, out));
}

static PyObject *end_none(Operation *self, PyObject *value) {
	(void)self;
	Py_DECREF(value);
	Py_RETURN_NONE;
}

static const operation_kind listen_kind = {"create_server", NULL, listen_begin, end_none, NULL, NULL};

/* listen(host, service) */
static PyObject *Server_listen(PyObject *self, PyObject *args) {
	return operation_new(&listen_kind, self, args, 0);
}

static PyObject *none_or(aw_status status) {
	if (status < 0) return raise_status(status);
	Py_RETURN_NONE;
}

static PyObject *Server_listen_fd(PyObject *base, PyObject *number) {
	int fd = int_of(number);
	if (fd == -1 && PyErr_Occurred()) return NULL;
	return none_or(aw_server_listen_fd(((Server *)base)->c, fd));
}

/* listen_unix(path): bytes. */
static PyObject *Server_listen_unix(PyObject *base, PyObject *path) {
	char *text;
	if (PyBytes_AsStringAndSize(path, &text, NULL) < 0) return NULL;
	return none_or(aw_server_listen_unix(((Server *)base)->c, text));
}

static PyObject *Server_start_serving(PyObject *base, PyObject *unused) {
	(void)unused;
	return none_or(aw_server_start_serving(((Server *)base)->c));
}

/* ---- ending ---- */

static int wait_closed_begin(Operation *self, aw_coro **out) {
	return status_ok(aw_server_wait_closed_coro(((Server *)self->subject)->c, out));
}

static const operation_kind wait_closed_kind = {"wait_closed", NULL, wait_closed_begin, end_none, NULL, NULL};

static PyObject *Server_wait_closed(PyObject *self, PyObject *unused) {
	(void)unused;
	return operation_new(&wait_closed_kind, self, NULL, 0);
}

/* A server of a loop that is closed is closed as well. */
static PyObject *none_unless_closed(aw_status status) {
	return none_or(status == AW_ELOOPCLOSED ? 0 : status);
}

static PyObject *Server_close(PyObject *base, PyObject *unused) {
	(void)unused;
	return none_unless_closed(aw_server_close(((Server *)base)->c));
}

static PyObject *Server_close_clients(PyObject *base, PyObject *unused) {
	(void)unused;
	return none_unless_closed(aw_server_close_clients(((Server *)base)->c));
}

static PyObject *Server_abort_clients(PyObject *base, PyObject *unused) {
	(void)unused;
	return none_unless_closed(aw_server_abort_clients(((Server *)base)->c));
}

/* ---- about it ---- */

static PyObject *Server_is_serving(PyObject *base, PyObject *unused) {
	(void)unused;
	return PyBool_FromLong(aw_server_is_serving(((Server *)base)->c));
}

static PyObject *Server_descriptors(PyObject *base, PyObject *unused) {
	(void)unused;
	Server *self = (Server *)base;
	size_t count = aw_server_sockets(self->c);
	PyObject *list = PyList_New((Py_ssize_t)count);
	for (size_t i = 0; list && i < count; i++) {
		PyObject *fd = PyLong_FromLong(aw_server_socket(self->c, i));
		if (!fd) {
			Py_CLEAR(list);
			break;
		}
		PyList_SET_ITEM(list, (Py_ssize_t)i, fd);
	}
	return list;
}

static PyObject *Server_connections(PyObject *base, PyObject *unused) {
	(void)unused;
	return PyLong_FromSize_t(aw_server_connections(((Server *)base)->c));
}

/* ---- life ---- */

static int Server_traverse(PyObject *base, visitproc visit, void *arg) {
	Py_VISIT(((Server *)base)->loop);
	return 0;
}

static int Server_clear(PyObject *base) {
	Py_CLEAR(((Server *)base)->loop);
	return 0;
}

static void Server_dealloc(PyObject *base) {
	Server *self = (Server *)base;
	PyObject_GC_UnTrack(base);
	if (self->weakrefs) PyObject_ClearWeakRefs(base);
	aw_server_unref(self->c);
	Server_clear(base);
	Py_TYPE(base)->tp_free(base);
}

static PyMethodDef Server_methods[] = {
	{"listen", Server_listen, METH_VARARGS, "listen(host, service): listen on all addresses of a host."},
	{"listen_fd", Server_listen_fd, METH_O, "Listen on a bound socket, whose descriptor it then owns."},
	{"listen_unix", Server_listen_unix, METH_O, "Listen on a Unix socket."},
	{"start_serving", Server_start_serving, METH_NOARGS, "Accept connections from now on."},
	{"wait_closed", Server_wait_closed, METH_NOARGS, "Wait until it and its connections are closed."},
	{"close", Server_close, METH_NOARGS, "Stop listening."},
	{"close_clients", Server_close_clients, METH_NOARGS, "Close all connections."},
	{"abort_clients", Server_abort_clients, METH_NOARGS, "Close all connections at once."},
	{"is_serving", Server_is_serving, METH_NOARGS, "Whether it accepts connections."},
	{"descriptors", Server_descriptors, METH_NOARGS, "The descriptors that it listens on."},
	{"connections", Server_connections, METH_NOARGS, "How many connections are open."},
	{0},
};

PyTypeObject Server_Type = {
	PyVarObject_HEAD_INIT(NULL, 0).tp_name = "libawait.aio._aio.Server",
	.tp_doc = "A server of the library.",
	.tp_basicsize = sizeof(Server),
	.tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC,
	.tp_new = PyType_GenericNew,
	.tp_init = Server_init,
	.tp_dealloc = Server_dealloc,
	.tp_traverse = Server_traverse,
	.tp_clear = Server_clear,
	.tp_weaklistoffset = offsetof(Server, weakrefs),
	.tp_methods = Server_methods,
};
