/* SPDX-License-Identifier: MIT */
/* Socket addresses, in the form that Python's module socket uses. */
#include "aio.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stddef.h>
#include <sys/un.h>

static PyObject *object_of_path(const struct sockaddr_un *address, uint32_t length) {
	size_t begin = offsetof(struct sockaddr_un, sun_path);
	size_t size = length > begin ? length - begin : 0;
	if (size && address->sun_path[0] == 0)
		return PyBytes_FromStringAndSize(address->sun_path, (Py_ssize_t)size);
	return PyUnicode_DecodeFSDefaultAndSize(address->sun_path, (Py_ssize_t)strnlen(address->sun_path, size));
}

PyObject *address_object(const struct sockaddr *address, uint32_t length) {
	char text[INET6_ADDRSTRLEN];
	if (!length) Py_RETURN_NONE;
	switch (address->sa_family) {
	case AF_INET: {
		const struct sockaddr_in *in = (const struct sockaddr_in *)(const void *)address;
		inet_ntop(AF_INET, &in->sin_addr, text, sizeof text);
		return Py_BuildValue("(si)", text, ntohs(in->sin_port));
	}
	case AF_INET6: {
		const struct sockaddr_in6 *in = (const struct sockaddr_in6 *)(const void *)address;
		inet_ntop(AF_INET6, &in->sin6_addr, text, sizeof text);
		return Py_BuildValue("(siII)", text, ntohs(in->sin6_port), ntohl(in->sin6_flowinfo),
		                     in->sin6_scope_id);
	}
	case AF_UNIX: return object_of_path((const struct sockaddr_un *)(const void *)address, length);
	default:
		return Py_BuildValue("(iy#)", address->sa_family, address->sa_data,
		                     (Py_ssize_t)(length - offsetof(struct sockaddr, sa_data)));
	}
}

static int path_of_object(PyObject *object, struct sockaddr_un *out, uint32_t *out_length) {
	PyObject *bytes = NULL;
	if (PyBytes_Check(object))
		bytes = Py_NewRef(object);
	else if (!PyUnicode_FSConverter(object, &bytes))
		return -1;
	size_t size = (size_t)PyBytes_GET_SIZE(bytes);
	bool fits = size < sizeof out->sun_path;
	if (fits) {
		memset(out, 0, sizeof *out);
		out->sun_family = AF_UNIX;
		memcpy(out->sun_path, PyBytes_AS_STRING(bytes), size);
		/* the name of an abstract socket has no terminator */
		bool is_abstract = size && !out->sun_path[0];
		*out_length = (uint32_t)(offsetof(struct sockaddr_un, sun_path) + size + !is_abstract);
	} else {
		PyErr_SetString(PyExc_OSError, "AF_UNIX path too long");
	}
	Py_DECREF(bytes);
	return fits ? 0 : -1;
}

/* Numeric addresses do not wait; a name holds up the thread, as in socket.sendto(). */
static int look_up(const char *host, int family, struct sockaddr_storage *out, uint32_t *out_length) {
	struct addrinfo hints = {.ai_family = family, .ai_socktype = SOCK_DGRAM}, *found = NULL;
	int code;
	Py_BEGIN_ALLOW_THREADS code = getaddrinfo(*host ? host : NULL, *host ? NULL : "0", &hints, &found);
	Py_END_ALLOW_THREADS if (code) {
		PyObject *number = PyLong_FromLong(code), *text = PyUnicode_FromString(gai_strerror(code));
		PyObject *exception = number && text ? support_call("lookup_failed", number, text) : NULL;
		Py_XDECREF(number);
		Py_XDECREF(text);
		if (exception) exception_give(exception);
		return -1;
	}
	memcpy(out, found->ai_addr, found->ai_addrlen);
	*out_length = found->ai_addrlen;
	freeaddrinfo(found);
	return 0;
}

int address_of_object(PyObject *object, int family, struct sockaddr_storage *out, uint32_t *out_length) {
	if (family == AF_UNIX) return path_of_object(object, (struct sockaddr_un *)(void *)out, out_length);
	const char *host;
	int port;
	unsigned flow = 0, scope = 0;
	if (family != AF_INET && family != AF_INET6) {
		PyErr_SetString(PyExc_OSError, "unsupported address family");
		return -1;
	}
	if (!PyTuple_Check(object)) {
		PyErr_Format(PyExc_TypeError, "an address must be a tuple, not %.500s", Py_TYPE(object)->tp_name);
		return -1;
	}
	if (!PyArg_ParseTuple(object, family == AF_INET ? "si" : "si|II", &host, &port, &flow, &scope)) return -1;
	if (port < 0 || port > 0xffff) {
		PyErr_SetString(PyExc_OverflowError, "port must be 0-65535.");
		return -1;
	}
	if (look_up(host, family, out, out_length) < 0) return -1;
	if (family == AF_INET) {
		((struct sockaddr_in *)(void *)out)->sin_port = htons((uint16_t)port);
	} else {
		struct sockaddr_in6 *in = (struct sockaddr_in6 *)(void *)out;
		in->sin6_port = htons((uint16_t)port);
		in->sin6_flowinfo = htonl(flow);
		if (scope) in->sin6_scope_id = scope;
	}
	return 0;
}
