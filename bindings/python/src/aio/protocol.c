/* SPDX-License-Identifier: MIT */
/* What a stream calls, passed on to a Python protocol. */
#include "aio.h"

#include <errno.h>

/* Calls a method of the protocol; outside of any other callback, in the context that the transport was made in. */
static PyObject *call_protocol(Transport *self, const char *name, PyObject *argument) {
	tasks_release_ended(self->loop);
	PyObject *method = self->protocol ? PyObject_GetAttrString(self->protocol, name) : NULL;
	if (!method) return NULL;
	PyObject *result;
	if (self->inside) {
		result = argument ? PyObject_CallOneArg(method, argument) : PyObject_CallNoArgs(method);
	} else {
		self->inside = true;
		result = call_in_context(self->context, method, argument, NULL);
		self->inside = false;
	}
	Py_DECREF(method);
	return result;
}

/* Passes the raised exception to the exception handler, or keeps it if it must end the run. */
static void report(Transport *self, const char *message, bool is_fatal) {
	PyObject *exception = exception_take();
	if (must_exit(exception)) {
		loop_exit(self->loop, exception);
		return;
	}
	PyObject *about = Py_BuildValue("(sOO)", message, exception, is_fatal ? Py_True : Py_False);
	PyObject *done = about ? support_call("transport_failed", (PyObject *)self, about) : NULL;
	Py_XDECREF(about);
	if (!done) {
		PyObject *raised = exception_take();
		if (must_exit(raised)) {
			loop_exit(self->loop, raised);
		} else {
			exception_give(raised);
			PyErr_WriteUnraisable((PyObject *)self);
		}
	}
	Py_XDECREF(done);
	if (is_fatal) {
		Py_XSETREF(self->error, exception);
		self->is_closing = true;
		(void)aw_stream_abort(self->c);
	} else {
		Py_DECREF(exception);
	}
}

/* Of a call whose result does not count. */
static void ended(Transport *self, PyObject *result, const char *message, bool is_fatal) {
	if (result)
		Py_DECREF(result);
	else
		report(self, message, is_fatal);
}

/* An exception that is being raised where the library calls back has to survive. */
#define CALLBACK_BEGIN                                             \
	Transport *self = ud;                                          \
	PyObject *raised = PyErr_Occurred() ? exception_take() : NULL; \
	Py_INCREF(self)
#define CALLBACK_END \
	Py_DECREF(self); \
	if (raised) exception_give(raised)

static void wake_waiter(Transport *self) {
	PyObject *waiter = self->waiter;
	self->waiter = NULL;
	if (!waiter) return;
	if (!future_done((Future *)waiter)) {
		PyObject *done = Future_set_result(waiter, Py_None);
		if (!done) PyErr_WriteUnraisable((PyObject *)self);
		Py_XDECREF(done);
	}
	Py_DECREF(waiter);
}

static void connection_made(aw_stream *stream, void *ud) {
	(void)stream;
	CALLBACK_BEGIN;
	if (!self->made) {
		self->made = true;
		ended(self, call_protocol(self, "connection_made", (PyObject *)self),
		      "Exception in callback connection_made", false);
		wake_waiter(self);
	}
	CALLBACK_END;
}

static aw_status data_received(aw_stream *stream, void *ud, const void *data, size_t length) {
	(void)stream;
	if (((Transport *)ud)->only_writes) return 0;
	CALLBACK_BEGIN;
	PyObject *bytes = PyBytes_FromStringAndSize(data, (Py_ssize_t)length);
	PyObject *result = bytes ? call_protocol(self, "data_received", bytes) : NULL;
	Py_XDECREF(bytes);
	ended(self, result, "Fatal error: protocol.data_received() call failed.", true);
	CALLBACK_END;
	return 0;
}

static int take_target(Transport *self, PyObject *memory) {
	if (PyObject_GetBuffer(memory, &self->target, PyBUF_WRITABLE) < 0) return -1;
	if (self->target.len) return 0;
	PyBuffer_Release(&self->target);
	PyErr_SetString(PyExc_RuntimeError, "get_buffer() returned an empty buffer");
	return -1;
}

static aw_status get_buffer(aw_stream *stream, void *ud, size_t hint, void **out_buffer, size_t *out_length) {
	(void)stream, (void)hint;
	CALLBACK_BEGIN;
	PyBuffer_Release(&self->target); /* nothing was read into it */
	PyObject *size = PyLong_FromLong(-1);
	PyObject *memory = size ? call_protocol(self, "get_buffer", size) : NULL;
	Py_XDECREF(size);
	if (memory && take_target(self, memory) == 0) {
		*out_buffer = self->target.buf;
		*out_length = (size_t)self->target.len;
	} else {
		/* The stream is aborted, so nothing is read; without memory it would be reported once more. */
		report(self, "Fatal error: protocol.get_buffer() call failed.", true);
		*out_buffer = &self->spare;
		*out_length = 1;
	}
	Py_XDECREF(memory);
	CALLBACK_END;
	return 0;
}

static aw_status buffer_updated(aw_stream *stream, void *ud, size_t count) {
	(void)stream;
	CALLBACK_BEGIN;
	PyBuffer_Release(&self->target);
	PyObject *size = PyLong_FromSize_t(count);
	PyObject *result = size ? call_protocol(self, "buffer_updated", size) : NULL;
	Py_XDECREF(size);
	ended(self, result, "Fatal error: protocol.buffer_updated() call failed.", true);
	CALLBACK_END;
	return 0;
}

/* The protocol of a pipe that is written to is not asked: nobody reads any more. */
static aw_status reader_left(Transport *self) {
	if (aw_stream_write_buffer_size(self->c)) {
		PyErr_SetNone(PyExc_BrokenPipeError);
		Py_XSETREF(self->error, exception_take());
	}
	self->is_closing = true;
	(void)aw_stream_abort(self->c);
	return 1;
}

static aw_status eof_received(aw_stream *stream, void *ud) {
	(void)stream;
	if (((Transport *)ud)->only_writes) return reader_left(ud);
	CALLBACK_BEGIN;
	PyObject *result = call_protocol(self, "eof_received", NULL);
	int keeps = result ? PyObject_IsTrue(result) : -1;
	Py_XDECREF(result);
	if (keeps < 0) report(self, "Fatal error: protocol.eof_received() call failed.", true);
	if (self->is_pipe) keeps = 0; /* nothing can be written to it */
	if (keeps == 0 && transport_close(self) >= 0) keeps = self->closes_when_resumed;
	CALLBACK_END;
	return keeps != 0;
}

/* A pipe whose reader has gone is lost without an error, unless something was to be sent. */
static bool was_all_sent(const Transport *self, aw_status why) {
	return self->is_pipe && why == -EPIPE && aw_stream_bytes_written(self->c) == self->accepted;
}

static void connection_lost(aw_stream *stream, void *ud, aw_status why) {
	(void)stream;
	CALLBACK_BEGIN;
	PyBuffer_Release(&self->target);
	PyObject *error = self->error;
	self->error = NULL;
	if (!error && why < 0 && !was_all_sent(self, why)) {
		raise_status(why);
		error = exception_take();
	}
	self->is_lost = true;
	if (!self->is_pipe) transport_release_held(self);
	wake_waiter(self);
	ended(self, call_protocol(self, "connection_lost", error ? error : Py_None),
	      "Exception in callback connection_lost", false);
	Py_XDECREF(error);
	transport_release_held(self);
	Py_CLEAR(self->protocol);
	CALLBACK_END;
}

/* Called at once from within write(), and then in the caller's context. */
static void pause_writing(aw_stream *stream, void *ud) {
	(void)stream;
	CALLBACK_BEGIN;
	bool was_inside = self->inside;
	self->inside = self->writing_paused = true;
	PyObject *result = call_protocol(self, "pause_writing", NULL);
	self->inside = was_inside;
	ended(self, result, "protocol.pause_writing() failed", false);
	CALLBACK_END;
}

static void resume_writing(aw_stream *stream, void *ud) {
	(void)stream;
	CALLBACK_BEGIN;
	self->writing_paused = false;
	ended(self, call_protocol(self, "resume_writing", NULL), "protocol.resume_writing() failed", false);
	if (self->closes_when_resumed && !self->writing_paused) (void)aw_stream_close(self->c);
	CALLBACK_END;
}

/* The stream drops its registration: after connection_lost, or because the loop is closed. */
static void registration_drop(void *ud) {
	Transport *self = ud;
	PyObject *raised = PyErr_Occurred() ? exception_take() : NULL;
	if (--self->registrations == 0) {
		self->is_unclosed = !self->is_lost && !self->is_closing;
		PyBuffer_Release(&self->target);
		transport_release_held(self);
		Py_CLEAR(self->waiter);
	}
	Py_DECREF((PyObject *)self);
	if (raised) exception_give(raised);
}

#define COMMON                                                                                     \
	.size = sizeof(aw_protocol), .connection_made = connection_made, .eof_received = eof_received, \
	.connection_lost = connection_lost, .pause_writing = pause_writing, .resume_writing = resume_writing

static const aw_protocol plain = {COMMON, .data_received = data_received};
static const aw_protocol buffered = {COMMON, .get_buffer = get_buffer, .buffer_updated = buffer_updated};

/* Whether it is a BufferedProtocol; -1 with an exception. */
static int is_buffered(PyObject *protocol) {
	static PyObject *type;
	if (!type) {
		PyObject *module = PyImport_ImportModule("libawait.aio.protocols");
		type = module ? PyObject_GetAttrString(module, "BufferedProtocol") : NULL;
		Py_XDECREF(module);
	}
	return type ? PyObject_IsInstance(protocol, type) : -1;
}

static int set_protocol(Transport *self, PyObject *protocol) {
	int kind = self->only_writes ? 0 : is_buffered(protocol);
	if (kind < 0) return -1;
	Py_XSETREF(self->protocol, Py_NewRef(protocol));
	self->registrations++;
	return status_ok(aw_stream_set_protocol(self->c, kind ? &buffered : &plain, Py_NewRef((PyObject *)self),
	                                        registration_drop));
}

int transport_start(Transport *self, PyObject *protocol, PyObject *waiter) {
	Py_XSETREF(self->waiter, Py_XNewRef(waiter));
	Py_XSETREF(self->context, PyContext_CopyCurrent());
	return self->context ? set_protocol(self, protocol) : -1;
}

/* connection_made is not called again. */
int transport_set_protocol(Transport *self, PyObject *protocol) {
	int before = self->protocol ? is_buffered(self->protocol) : 0, after = is_buffered(protocol);
	if (before < 0 || after < 0) return -1;
	if (self->only_writes) after = before;
	if (before != after && self->registrations && !aw_stream_is_closing(self->c))
		return set_protocol(self, protocol);
	Py_XSETREF(self->protocol, Py_NewRef(protocol));
	return 0;
}
