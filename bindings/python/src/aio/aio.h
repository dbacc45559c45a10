/* SPDX-License-Identifier: MIT */
/*
 * libawait.aio._aio: asyncio's objects, implemented with libawait's. Shared declarations.
 *
 * Every call into the library holds the GIL, except the wait of a loop, so all callbacks, steps and destroy
 * functions run with it held. A wrapper owns one reference to its handle; the handle's host data points back
 * to the wrapper without a reference.
 */
#ifndef AIO_H
#define AIO_H

#include "../common/handle.h"

typedef struct Loop Loop;
typedef struct Future Future;
typedef struct Task Task;
typedef struct Operation Operation;
typedef struct Callback Callback;

/* ---- loop.c ---- */

struct Loop {
	PyObject_HEAD PyObject *dict, *weakrefs;
	aw_loop *c;
	PyObject *task_factory; /* or NULL */
	PyObject *exit;         /* the SystemExit or KeyboardInterrupt that ends the run, or NULL */
	unsigned long thread;   /* the thread that runs it, or 0 */
	int signal_fd;          /* the descriptor that Python's signal handlers write to, or -1 */
	bool signal_watched;
	unsigned spins; /* iterations since the last one that could block */
	/* finished tasks: each keeps the step's reference until its handle has the outcome */
	Task *ended;
};

extern PyTypeObject Loop_Type;
/*
 * Whether dropping the last reference to a handle now, in this thread, releases it at once instead of in a
 * later dispatch.
 */
bool loop_releases_here(Loop *self);
/* The loop that runs in this thread, borrowed, or NULL without an exception. */
Loop *loop_running(void);
/* The same, or NULL with RuntimeError. */
Loop *loop_running_or_raise(void);
/*
 * The loop given by an argument (None: the running one, else that of get_event_loop()), borrowed; or NULL
 * with an exception.
 */
Loop *loop_of_argument(PyObject *argument);
/* Keeps the exception that must end the run. The callback returns the result. Takes over the exception. */
aw_status loop_exit(Loop *self, PyObject *exception);
/*
 * Calls `call_exception_handler` with message, exception and one more entry (optional). Takes over no
 * references.
 */
void loop_report(Loop *self, PyObject *message, PyObject *exception, const char *key, PyObject *what);
PyObject *extract_stack(void);
/* The methods that the other files have, and putting them together. */
extern PyMethodDef loop_schedule_methods[], loop_watch_methods[], loop_run_methods[];
void loop_methods_join(void);

/* ---- schedule.c, watch.c ---- */

/* -1 with an exception if the loop is closed or, in debug mode, if the callback is invalid. */
int loop_check_callback(Loop *self, PyObject *callback, const char *method);
/* Completes a registration whose result is the handle. */
PyObject *handle_scheduled(Handle *handle, aw_status status);
/* The object as an int; -1 with an exception. */
int int_of(PyObject *number);

/* ---- handle.c ---- */

/* An aw_callback_fn. */
aw_status handle_call(aw_loop *c, void *ud);
/* A handle in a report about a callback with one argument, which has none: new reference, or NULL. */
Handle *handle_for_report(Loop *loop, PyObject *callback, PyObject *argument, PyObject *context);

/* ---- future.c, task.c ---- */

struct Future {
	PyObject_HEAD PyObject *dict, *weakrefs;
	aw_future *c; /* NULL before __init__ */
	Loop *loop;
	PyObject *held; /* borrowed: the object that the handle owns, for the collector */
	/* the value as an object, if the handle's value is not one; or the exception made from its error */
	PyObject *cached;
	/* the source of its results: the children of a gather (a list), or the shielded future */
	PyObject *source;
	PyObject *cancel_msg; /* or NULL */
	PyObject *source_traceback;
	PyObject *
		/* the exception's original traceback, reset before each raise; None if it had none, NULL if unknown */
		exception_traceback;
	Callback *callbacks; /* the pending ones, in order */
	Callback *callbacks_last;
	bool blocking;
	bool log_traceback;
	bool kept; /* the exception handler resurrected the handle during the wrapper's deallocation */
};

struct Task {
	Future future;
	PyObject *coro, *context, *name;
	PyObject *waiter;     /* the Future it awaits, or NULL */
	Operation *operation; /* the operation it awaits, or NULL */
	PyObject *pending;    /* an exception for the next step, or NULL */
	Task *next_ended;
	/* the tuple of the last cancel; a newer _cancel_message overrides it */
	PyObject *message_given;
	bool started;
	bool log_destroy_pending;
};

extern PyTypeObject Future_Type, FutureIter_Type, Callback_Type;
extern PyTypeObject Task_Type;

static inline bool Future_Check(PyObject *object) {
	return PyObject_TypeCheck(object, &Future_Type);
}

/* ---- callback.c, outcome.c, attributes.c, iter.c: parts of the future ---- */

/*
 * A done-callback: owned by its registration in the library, and on the wrapper's list while it is pending.
 */
struct Callback {
	PyObject_HEAD PyObject *callable, *context;
	Future *of; /* borrowed: the wrapper on whose list it is, or NULL */
	Callback *next, *previous;
};

/* An aw_done_fn. */
aw_status callback_run(aw_future *c, void *ud);
void callback_unlink(Callback *self);
/* The done-callbacks that wait, as a list, new reference. */
PyObject *future_callbacks(Future *self);
/* Adds a done-callback, as loop.add_done_callback does. */
int future_add_callback(Future *self, PyObject *callable, PyObject *context);
/* The exception of an error that a future ended with, new reference. */
PyObject *future_failure_of(Future *self, aw_error *error, aw_status status);
/* The result, or NULL with the exception. */
PyObject *future_result(Future *self);
/* The exception of a future that is not done with a result, new reference; or NULL with an exception. */
PyObject *future_failure(Future *self);
extern PyGetSetDef Future_getset[];
PyObject *Future_iter(PyObject *base);
/* Its methods. */
PyObject *Future_result(PyObject *base, PyObject *unused);
PyObject *Future_exception(PyObject *base, PyObject *unused);
PyObject *Future_set_result(PyObject *base, PyObject *value);
PyObject *Future_set_exception(PyObject *base, PyObject *exception);
PyObject *Future_make_cancelled_error(PyObject *base, PyObject *unused);
PyObject *Future_add_done_callback(PyObject *base, PyObject *args, PyObject *keywords);
PyObject *Future_remove_done_callback(PyObject *base, PyObject *callable);

/* ---- future.c ---- */

/* Prepares a wrapper for a handle that the caller creates. */
int future_prepare(Future *self, Loop *loop);
/* Connects wrapper and handle; takes over the reference. */
void future_bind(Future *self, aw_future *c);
/* The wrapper of a handle (takes over the reference), new reference. */
PyObject *future_wrap(Loop *loop, aw_future *c);
/* 0, or -1 with an exception: a future that __init__ never saw. */
int future_check(Future *self);
bool future_done(Future *self);
int future_traverse(PyObject *base, visitproc visit, void *arg);
int future_clear(PyObject *base);
void future_finalize(PyObject *base);
/* The error that carries a cancellation's message, new reference, or NULL with an exception. */
aw_error *cancellation_of(Loop *loop, PyObject *message, PyObject **out_payload);

/* ---- task.c ---- */

/* Makes a task of a coroutine; `group` may be NULL. New reference. */
PyObject *task_spawn(PyTypeObject *type, Loop *loop, PyObject *coro, PyObject *name, PyObject *context,
                     aw_taskgroup *group);
int task_start(Task *self, Loop *loop, PyObject *coro, PyObject *name, PyObject *context, aw_taskgroup *group,
               bool eager);
PyObject *task_current(Loop *loop);
/* Releases the tasks that have ended. Called before any code of the program runs. */
void tasks_release(Loop *loop);
static inline void tasks_release_ended(Loop *loop) {
	if (loop->ended) tasks_release(loop);
}

/* ---- operation.c: awaitable calls into the library ---- */

enum operation_state { OP_NEW, OP_UNDER_WAY, OP_ENDED };

typedef struct operation_kind {
	const char *name;
	/* Tries without waiting: 1 and *out if done, 0 if it must wait, -1 with an exception. NULL: always waits. */
	int (*attempt)(Operation *self, PyObject **out);
	/* Creates the coroutine to await. -1 with an exception. NULL: waits for one iteration. */
	int (*begin)(Operation *self, aw_coro **out);
	/* Converts the sent value to the result; takes over `value`. NULL: the result is `value`. */
	PyObject *(*end)(Operation *self, PyObject *value);
	/* Replaces a failure; called with the exception set. NULL: the failure is raised unchanged. */
	void (*fail)(Operation *self);
	/* Converts the coroutine's value to an object, new reference. NULL: uses value_object(). */
	PyObject *(*value)(void *value);
} operation_kind;

struct Operation {
	PyObject_HEAD const operation_kind *kind;
	PyObject *subject, *argument; /* the object operated on, and an argument */
	int64_t number;               /* a duration or a mode */
	aw_coro *coro;                /* created but not awaited yet */
	enum operation_state state;
};

extern PyTypeObject Operation_Type;
PyObject *operation_new(const operation_kind *kind, PyObject *subject, PyObject *argument, int64_t number);

/* ---- convert.c ---- */

/* The exception types, from libawait.aio.exceptions. */
extern PyObject *CancelledError, *InvalidStateError, *QueueFull, *QueueEmpty, *QueueShutDown,
	*BrokenBarrierError;

int convert_import(void);
/* Sets the exception of a status; returns NULL. */
PyObject *raise_status(aw_status status);
/* The exception of an error, new reference. */
PyObject *exception_of(aw_error *error, aw_status status);
/* An error that carries an exception (takes over the reference), or NULL with an exception. */
aw_error *error_of_exception(Loop *loop, PyObject *exception);
/* A library value as an object, new reference. */
PyObject *value_object(Loop *loop, void *value, int32_t kind);
/* The `destroy` of a value that is an object. */
void object_drop(void *object);
/* Seconds to nanoseconds: -1 with an exception. None is for ever. */
int duration_of(PyObject *seconds, int64_t *out);
/*
 * The return value of a method `send` for the outcome of am_send: a result is raised as StopIteration. Takes
 * over `out`, which is NULL on error.
 */
PyObject *sent_object(PySendResult result, PyObject *out);
/* throw(exception) or throw(type, value, traceback): raises it; returns NULL. */
PyObject *support_throw(PyObject *const *args, Py_ssize_t count);
/* Two ways to declare a method that takes keywords. */
#define FAST_KEYWORDS(function) (PyCFunction)(void (*)(void))(function), METH_FASTCALL | METH_KEYWORDS
#define WITH_KEYWORDS(function) (PyCFunction)(void (*)(void))(function), METH_VARARGS | METH_KEYWORDS
/* libawait.aio._support, borrowed; NULL with an exception. */
PyObject *support_module(void);
/* A helper written in Python: libawait.aio._support.NAME(arguments). */
PyObject *support_call(const char *name, PyObject *one, PyObject *two);

/* ---- awaited.c, address.c ---- */

/* Converts the result of a future that has one, new reference. */
typedef PyObject *(*convert_fn)(Loop *loop, aw_future *future);
/*
 * A coroutine that awaits a future, whose reference it takes over, and returns the result as an object: for
 * futures whose values are handles. -1 with an exception.
 */
int await_converted(Loop *loop, aw_future *future, convert_fn convert, aw_coro **out);
struct sockaddr;
struct sockaddr_storage;
/* An address in the form that the module socket uses, new reference. */
PyObject *address_object(const struct sockaddr *address, uint32_t length);
/* The reverse; looks up a host name, as socket.sendto() does. -1 with an exception. */
int address_of_object(PyObject *object, int family, struct sockaddr_storage *out, uint32_t *out_length);

/* ---- transport.c, protocol.c, connect.c, server.c, datagram.c ---- */

/* A stream with a Python protocol. The stream's registration owns a reference until the connection is lost. */
typedef struct Transport {
	PyObject_HEAD PyObject *dict, *weakrefs;
	Loop *loop;
	aw_stream *c;
	PyObject *protocol, *context;
	PyObject *sockname, *peername;
	PyObject *waiter; /* a future that is done once connection_made has returned, or NULL */
	PyObject
		*held; /* the socket object of the stream's descriptor, or the pipe that it duplicates, or NULL */
	PyObject *error;   /* the argument of connection_lost, if a callback has failed */
	Py_buffer target;  /* the memory of a BufferedProtocol, while the stream reads into it */
	uint64_t accepted; /* how many bytes write() has passed on */
	uint32_t registrations;
	uint32_t lost_writes;
	bool made, inside, is_pipe, only_writes, is_closing, is_lost, eof_written, is_unclosed, writing_paused;
	bool closes_when_resumed; /* closed while writing was paused: the protocol may write the rest first */
	char spare;               /* where a read goes that will not happen */
} Transport;

extern PyTypeObject Transport_Type, Server_Type, DatagramTransport_Type;
extern PyMethodDef loop_connect_methods[];
/* The transport of a stream (takes over the reference), without a protocol yet. New reference. */
PyObject *transport_new(Loop *loop, aw_stream *c);
/* Of the streams below transports. */
extern const aw_stream_options transport_options;
/* Connects the stream with a protocol. -1 with an exception. */
int transport_start(Transport *self, PyObject *protocol, PyObject *waiter);
/* Closes it once everything is sent, also what the protocol writes once it is resumed. */
aw_status transport_close(Transport *self);
/* Passes the callbacks on to another protocol. */
int transport_set_protocol(Transport *self, PyObject *protocol);
/* Detaches the socket object from its descriptor, or closes the pipe. */
void transport_release_held(Transport *self);
/* 0, or -1 with the exception of a status. */
int status_ok(aw_status status);

/* ---- combine.c, sync.c, queue.c, scope.c, process.c ---- */

extern PyMethodDef combine_functions[];
extern PyTypeObject Lock_Type, Event_Type, Condition_Type, Semaphore_Type, Barrier_Type;
extern PyTypeObject Queue_Type, Process_Type;
extern PyTypeObject Timeout_Type, TaskGroup_Type, AsCompleted_Type;
/*
 * The loop that an object is bound to, borrowed; binds it to the running loop if necessary. NULL with an
 * exception if no loop runs, or a different one.
 */
Loop *bind_loop(PyObject *self, Loop **slot);

#endif
