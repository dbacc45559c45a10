/* SPDX-License-Identifier: MIT */
/*
 * libawait.aio._aio: asyncio's objects over libawait's own. What the files share.
 *
 * Every call into the library is made with the GIL held, but for the wait of a loop, so all callbacks, steps
 * and destroys find it held. A wrapper owns one reference to its handle, and the handle's host data points
 * back to the wrapper without one.
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
	PyObject *exit;         /* SystemExit or KeyboardInterrupt on its way out of the run, or NULL */
	unsigned long thread;   /* that runs it, or 0 */
	int signal_fd;          /* what Python's signal handlers write to, or -1 */
	bool signal_watched;
	unsigned spins; /* iterations since one that could block */
	/* tasks whose steps are over: each holds the step's reference, until its handle has its outcome */
	Task *ended;
};

extern PyTypeObject Loop_Type;
/*
 * Whether the last reference to a handle, given back now in this thread, releases it at once, and not in a
 * dispatch to come.
 */
bool loop_releases_here(Loop *self);
/* The loop that runs in this thread, borrowed, or NULL without an exception. */
Loop *loop_running(void);
/* The same, or NULL with RuntimeError. */
Loop *loop_running_or_raise(void);
/*
 * The loop an argument stands for (None: the running one, else that of get_event_loop()), borrowed, or NULL
 * with an exception.
 */
Loop *loop_of_argument(PyObject *argument);
/* Keeps what must end the run; the callback returns what this returns. Takes over the exception. */
aw_status loop_exit(Loop *self, PyObject *exception);
/*
 * Calls `call_exception_handler` with message, exception and one more entry (optional); takes over nothing.
 */
void loop_report(Loop *self, PyObject *message, PyObject *exception, const char *key, PyObject *what);
PyObject *extract_stack(void);
/* The methods that the other files have, and putting them together. */
extern PyMethodDef loop_schedule_methods[], loop_watch_methods[], loop_run_methods[];
void loop_methods_join(void);

/* ---- schedule.c, watch.c ---- */

/* -1 with an exception: a loop that is closed, or, in debug mode, what can't be a callback. */
int loop_check_callback(Loop *self, PyObject *callback, const char *method);
/* Ends a registration, of which the handle is the result. */
PyObject *handle_scheduled(Handle *handle, aw_status status);
/* The int that an object is; -1 with an exception. */
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
	PyObject *held; /* borrowed: what the handle owns, for the collector */
	/* the value as an object, where the handle's own is none; or the exception made of its error */
	PyObject *cached;
	/* whose results it has: the children of a gather (a list), or the future behind a shield */
	PyObject *source;
	PyObject *cancel_msg; /* or NULL */
	PyObject *source_traceback;
	PyObject *
		/* what its exception came with: each raise begins there again; None for nothing, NULL not known */
		exception_traceback;
	Callback *callbacks; /* those that wait, in order */
	Callback *callbacks_last;
	bool blocking;
	bool log_traceback;
	bool kept; /* the exception handler took the handle back while the wrapper died */
};

struct Task {
	Future future;
	PyObject *coro, *context, *name;
	PyObject *waiter;     /* the Future it awaits, or NULL */
	Operation *operation; /* the operation it awaits, or NULL */
	PyObject *pending;    /* an exception for the next step, or NULL */
	Task *next_ended;
	/* the tuple that the last cancel sent along: a newer _cancel_message counts instead */
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
 * A done-callback: owned by its registration in the library, and on the list of the wrapper while it waits.
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

/* Prepares a wrapper whose handle is made by the caller. */
int future_prepare(Future *self, Loop *loop);
/* Ties wrapper and handle; takes over the reference. */
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
/* Lets go of the tasks that have ended. Before anything of the program's runs. */
void tasks_release(Loop *loop);
static inline void tasks_release_ended(Loop *loop) {
	if (loop->ended) tasks_release(loop);
}

/* ---- operation.c: what an await of a call into the library is ---- */

enum operation_state { OP_NEW, OP_UNDER_WAY, OP_ENDED };

typedef struct operation_kind {
	const char *name;
	/* Tries without waiting: 1 done with *out, 0 has to wait, -1 with an exception. NULL: always waits. */
	int (*attempt)(Operation *self, PyObject **out);
	/* Makes the coroutine to be awaited. -1 with an exception. NULL: one iteration is waited for. */
	int (*begin)(Operation *self, aw_coro **out);
	/* Turns what was sent into the result; takes over `value`. NULL: `value` is it. */
	PyObject *(*end)(Operation *self, PyObject *value);
	/* What a failure becomes: with an exception set. NULL: itself. */
	void (*fail)(Operation *self);
	/* The object of what the coroutine gave, new reference. NULL: value_object() makes it. */
	PyObject *(*value)(void *value);
} operation_kind;

struct Operation {
	PyObject_HEAD const operation_kind *kind;
	PyObject *subject, *argument; /* what it is about */
	int64_t number;               /* a duration, or a way */
	aw_coro *coro;                /* made, and not yet awaited */
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
/* A value of the library as an object, new reference. */
PyObject *value_object(Loop *loop, void *value, int32_t kind);
/* The destroy of a value that is an object. */
void object_drop(void *object);
/* Seconds to nanoseconds: -1 with an exception. None is for ever. */
int duration_of(PyObject *seconds, int64_t *out);
/*
 * What a method `send` gives for what am_send gave (takes over `out`, NULL for an error): a result comes as
 * StopIteration.
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

/* ---- combine.c, sync.c, queue.c, scope.c, process.c ---- */

extern PyMethodDef combine_functions[];
extern PyTypeObject Lock_Type, Event_Type, Condition_Type, Semaphore_Type, Barrier_Type;
extern PyTypeObject Queue_Type, Process_Type;
extern PyTypeObject Timeout_Type, TaskGroup_Type, AsCompleted_Type;
/*
 * The loop an object is bound to, bound now if it is not: borrowed; NULL with an exception where no loop runs
 * or it is another.
 */
Loop *bind_loop(PyObject *self, Loop **slot);

#endif
