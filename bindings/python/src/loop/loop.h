/* SPDX-License-Identifier: MIT */
/*
 * The extension libawait._loop: the core of an asyncio event loop, based on an aw_loop, and its handles.
 * Everything here runs with the GIL held. Only aw_loop_wait() is called without it, so libawait calls all
 * callbacks with the GIL held.
 */
#ifndef PYTHON_LOOP_H
#define PYTHON_LOOP_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include <await/await.h>
#include <stdbool.h>

typedef struct loop_core loop_core;

/* What a handle waits for. */
enum handle_kind { HANDLE_SOON, HANDLE_TIMER, HANDLE_READER, HANDLE_WRITER, HANDLE_SIGNAL, HANDLE_CHILD };

/*
 * A callback with its arguments and its context: asyncio.Handle and TimerHandle. While libawait has it,
 * libawait owns a reference, and the handle is in the core's list, where the collector finds it.
 */
typedef struct handle {
	PyObject_HEAD loop_core *core; /* a reference */
	PyObject *callback;            /* NULL once cancelled */
	PyObject *argument;            /* the only argument, or NULL */
	PyObject *arguments;           /* a tuple of several, or NULL */
	PyObject *context;
	PyObject *traceback; /* where it was created, in debug mode; else NULL */
	PyObject *text;      /* in debug mode, its repr before it was cancelled; else NULL */
	PyObject *weak;
	struct handle *next, **link; /* in the core's list */
	aw_handle *timer;            /* a reference, while a timer waits */
	aw_process *process;         /* a reference, while a child is waited for */
	double when;
	uint8_t kind;
	bool cancelled;
	bool held; /* by libawait */
} handle;

/* The attributes of an asyncio loop that the core uses often, under the same names. */
struct loop_core {
	PyObject_HEAD aw_loop *loop;           /* a reference; NULL before __init__ */
	loop_core *next, **link;               /* the list of all loops of the process */
	handle *held;                          /* all handles that libawait has, newest first */
	PyObject *readers, *writers, *signals; /* number -> handle */
	PyObject *thread_id;                   /* None unless it is running */
	PyObject *current_handle;
	PyObject *task_factory;
	/* the exception that ends the run: SystemExit, KeyboardInterrupt */
	PyObject *exit_type, *exit_value, *exit_traceback;
	unsigned busy; /* iterations since the last wait */
	int bell;      /* a descriptor that is readable after a Python signal, or -1 */
	bool bell_watched;
	bool is_virtual;
	bool debug, closed, stopping, waiting;
};

extern PyTypeObject core_type, handle_type, timer_handle_type;

/* Python objects, looked up when the module is initialised. */
typedef struct names {
	PyObject *future, *tasks, *support;
	PyObject *check_thread, *check_callback, *context, *loop, *task, *create_task, *loop_keywords;
} names;
extern names py;

/* core.c */
int core_ready(PyObject *module);
/* Sets the exception for a negative status. */
void raise_status(aw_status status);
PyObject *abandon_all(PyObject *module, PyObject *none);
/* -1 with an exception if the loop is closed. */
int core_check_open(loop_core *self);
/* The methods that the other files define. */
extern PyMethodDef core_schedule_methods[], core_watch_methods[], core_run_methods[];

/* schedule.c */
int core_check_count(const char *name, Py_ssize_t count, Py_ssize_t least);
/* Completes a registration. If it failed, libawait has already dropped its reference. */
PyObject *handle_scheduled(handle *self, aw_status status);

/* handle.c */
int handle_ready(PyObject *module);
void handle_free_list_clear(void);
/* A new handle. `context` NULL means a copy of the current context. */
handle *handle_new(loop_core *core, enum handle_kind kind, PyObject *callback, PyObject *const *args,
                   Py_ssize_t count, PyObject *context);
/* Gives a reference to libawait, which drops it by calling handle_release(). */
void handle_hold(handle *self);
void handle_release(void *ud);
/* An aw_callback_fn: runs the handle unless it was cancelled. AW_ESYSTEMEXIT if the run must end. */
aw_status handle_call(aw_loop *loop, void *ud);
/* Sets the arguments of a handle that has none. */
void handle_set_arguments(handle *self, PyObject *tuple);
void handle_mark_cancelled(handle *self);

#endif
