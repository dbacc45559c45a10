/* SPDX-License-Identifier: MIT */
/* The loop's methods that connect, look names up, and send files: operations whose results are objects. */
#include "aio.h"

#include <sys/socket.h>

static int no_loop(Loop *loop) {
	return loop->c ? 0 : status_ok(AW_ELOOPCLOSED);
}

/* ---- connecting ---- */

static PyObject *transport_of_future(Loop *loop, aw_future *future) {
	void *stream = NULL;
	aw_destroy_fn destroy;
	aw_status status = aw_future_take_result(future, &stream, &destroy);
	return status < 0 ? raise_status(status) : transport_new(loop, stream);
}

static int open_begin(Operation *self, aw_coro **out) {
	Loop *loop = (Loop *)self->subject;
	aw_connect_options options = {.size = sizeof options, .stream = &transport_options};
	const char *host, *service;
	double delay;
	if (!PyArg_ParseTuple(self->argument, "zziizzdiI", &host, &service, &options.family,
	                      &options.getaddrinfo_flags, &options.local_host, &options.local_service, &delay,
	                      &options.interleave, &options.flags) ||
	    no_loop(loop) < 0)
		return -1;
	/* asyncio takes a negative delay for none, and interleaves by a negative number as by 1. */
	options.happy_eyeballs_delay_ns = delay < 0 ? 1 : (int64_t)(delay * 1e9);
	if (options.interleave < 0) options.interleave = 1;
	aw_future *future;
	if (status_ok(aw_open_connection_future(loop->c, host, service, &options, &future)) < 0) return -1;
	return await_converted(loop, future, transport_of_future, out);
}

static const operation_kind open_kind = {"create_connection", NULL, open_begin, NULL, NULL, NULL};

/*
 * _open(host, service, family, flags, local_host, local_service, happy_eyeballs_delay, interleave,
 * connect_flags)
 */
static PyObject *Loop_open(PyObject *self, PyObject *args) {
	return operation_new(&open_kind, self, args, 0);
}

static int open_unix_begin(Operation *self, aw_coro **out) {
	Loop *loop = (Loop *)self->subject;
	aw_future *future;
	if (no_loop(loop) < 0 || status_ok(aw_open_unix_connection_future(
								 loop->c, PyBytes_AS_STRING(self->argument), NULL, &future)) < 0)
		return -1;
	return await_converted(loop, future, transport_of_future, out);
}

static const operation_kind open_unix_kind = {
	"create_unix_connection", NULL, open_unix_begin, NULL, NULL, NULL};

/* _open_unix(path): bytes. */
static PyObject *Loop_open_unix(PyObject *self, PyObject *path) {
	char *text;
	if (PyBytes_AsStringAndSize(path, &text, NULL) < 0) return NULL; /* also for an embedded NUL */
	return operation_new(&open_unix_kind, self, path, 0);
}

/* ---- names ---- */

static PyObject *address_item(aw_addrinfo *list, size_t i) {
	uint32_t length;
	const struct sockaddr *address = aw_addrinfo_address(list, i, &length);
	PyObject *object = address_object(address, length);
	const char *name = i == 0 ? aw_addrinfo_canonname(list) : NULL;
	if (!object) return NULL;
	return Py_BuildValue("(iiisN)", aw_addrinfo_family(list, i), aw_addrinfo_type(list, i),
	                     aw_addrinfo_protocol(list, i), name ? name : "", object);
}

static PyObject *addresses_of_future(Loop *loop, aw_future *future) {
	(void)loop;
	void *value = NULL;
	aw_status status = aw_future_result(future, &value);
	if (status < 0) return raise_status(status);
	aw_addrinfo *list = value;
	size_t count = aw_addrinfo_count(list);
	PyObject *result = PyList_New((Py_ssize_t)count);
	for (size_t i = 0; result && i < count; i++) {
		PyObject *item = address_item(list, i);
		if (!item) {
			Py_CLEAR(result);
			break;
		}
		PyList_SET_ITEM(result, (Py_ssize_t)i, item);
	}
	return result;
}

static int getaddrinfo_begin(Operation *self, aw_coro **out) {
	Loop *loop = (Loop *)self->subject;
	const char *host, *service;
	int family, type, protocol, flags;
	if (!PyArg_ParseTuple(self->argument, "zziiii", &host, &service, &family, &type, &protocol, &flags) ||
	    no_loop(loop) < 0)
		return -1;
	aw_future *future;
	if (status_ok(aw_getaddrinfo(loop->c, host, service, family, type, protocol, flags, &future)) < 0)
		return -1;
	return await_converted(loop, future, addresses_of_future, out);
}

static const operation_kind getaddrinfo_kind = {"getaddrinfo", NULL, getaddrinfo_begin, NULL, NULL, NULL};

/* _getaddrinfo(host, service, family, type, protocol, flags) */
static PyObject *Loop_getaddrinfo(PyObject *self, PyObject *args) {
	return operation_new(&getaddrinfo_kind, self, args, 0);
}

static PyObject *names_of_future(Loop *loop, aw_future *future) {
	(void)loop;
	void *value = NULL;
	aw_status status = aw_future_result(future, &value);
	if (status < 0) return raise_status(status);
	return Py_BuildValue("(ss)", aw_nameinfo_host(value), aw_nameinfo_service(value));
}

static int getnameinfo_begin(Operation *self, aw_coro **out) {
	Loop *loop = (Loop *)self->subject;
	PyObject *address;
	struct sockaddr_storage storage;
	uint32_t length;
	int family, flags;
	if (!PyArg_ParseTuple(self->argument, "Oii", &address, &family, &flags) || no_loop(loop) < 0 ||
	    address_of_object(address, family, &storage, &length) < 0)
		return -1;
	aw_future *future;
	if (status_ok(aw_getnameinfo(loop->c, (struct sockaddr *)&storage, length, flags, &future)) < 0)
		return -1;
	return await_converted(loop, future, names_of_future, out);
}

static const operation_kind getnameinfo_kind = {"getnameinfo", NULL, getnameinfo_begin, NULL, NULL, NULL};

/* _getnameinfo(address, family, flags) */
static PyObject *Loop_getnameinfo(PyObject *self, PyObject *args) {
	return operation_new(&getnameinfo_kind, self, args, 0);
}

/* ---- sending a file over a socket ---- */

static int sock_sendfile_begin(Operation *self, aw_coro **out) {
	Loop *loop = (Loop *)self->subject;
	int fd, file;
	long long offset, count;
	unsigned flags;
	if (!PyArg_ParseTuple(self->argument, "iiLLI", &fd, &file, &offset, &count, &flags) || no_loop(loop) < 0)
		return -1;
	return status_ok(aw_sock_sendfile_coro(loop->c, fd, file, offset, count, flags, NULL, out));
}

static const operation_kind sock_sendfile_kind = {
	"sock_sendfile", NULL, sock_sendfile_begin, NULL, NULL, NULL};

/* _sock_sendfile(fd, file, offset, count, flags) */
static PyObject *Loop_sock_sendfile(PyObject *self, PyObject *args) {
	return operation_new(&sock_sendfile_kind, self, args, 0);
}

PyMethodDef loop_connect_methods[] = {
	{"_open", Loop_open, METH_VARARGS, NULL},
	{"_open_unix", Loop_open_unix, METH_O, NULL},
	{"_getaddrinfo", Loop_getaddrinfo, METH_VARARGS, NULL},
	{"_getnameinfo", Loop_getnameinfo, METH_VARARGS, NULL},
	{"_sock_sendfile", Loop_sock_sendfile, METH_VARARGS, NULL},
	{0},
};
