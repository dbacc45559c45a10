/* SPDX-License-Identifier: MIT */
/*
 * The extension libawait._loop: the core of an asyncio event loop, based on an aw_loop, and its handles.
 * Everything here runs with the GIL held. Only aw_loop_wait() is called without it, so libawait calls all
 * callbacks with the GIL held.
 */
#ifndef PYTHON_LOOP_H
#define PYTHON_LOOP_H

#include "../common/handle.h"

typedef struct loop_core loop_core;

/* What asyncio keeps in attributes and the core has to look at often is kept here, under the same names. */
struct loop_core {
	PyObject_HEAD aw_loop *loop;           /* a reference; NULL before __init__ */
	loop_core *next, **link;               /* all of the process */
	Handle *held;                          /* all that libawait has, newest first */
	PyObject *readers, *writers, *signals; /* number -> handle */
	PyObject *thread_id;                   /* None unless it is running */
	PyObject *current_handle;
	PyObject *task_factory;
	PyObject *exit; /* SystemExit or KeyboardInterrupt on its way out of the run, or NULL */
	unsigned busy;  /* iterations since it last waited */
	int bell;       /* readable after a Python signal; -1 without one */
	bool bell_watched;
	bool is_virtual;
	bool debug, closed, stopping, waiting;
};

extern PyTypeObject core_type, handle_type, timer_handle_type;

/* Python objects, looked up when the module is initialised. */
typedef struct names {
	PyObject *future, *tasks, *support;
	PyObject *check_thread, *check_callback, *loop, *task, *create_task, *loop_keywords;
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
/* Ends a registration: libawait has given its reference back if it failed. */
PyObject *handle_scheduled(Handle *self, aw_status status);

/* handle.c */
static inline loop_core *handle_core(const Handle *self) {
	return (loop_core *)self->loop;
}
/* Gives a reference to libawait, which gives it back by handle_release(). */
void handle_hold(Handle *self);
void handle_release(void *ud);
/* An aw_callback_fn: runs the handle unless it was cancelled. AW_ESYSTEMEXIT if the run must end. */
aw_status handle_call(aw_loop *loop, void *ud);

#endif
