/* SPDX-License-Identifier: MIT */
/* asyncio.Handle and TimerHandle, for both extensions. */
#ifndef PYTHON_COMMON_HANDLE_H
#define PYTHON_COMMON_HANDLE_H

#include "exception.h"

#include <await/await.h>

/* What a handle waits for. */
enum handle_kind { HANDLE_SOON, HANDLE_TIMER, HANDLE_READER, HANDLE_WRITER, HANDLE_SIGNAL, HANDLE_CHILD };

/* A callback with its arguments and its context. */
typedef struct Handle {
	PyObject_HEAD PyObject *loop; /* the wrapper, a reference */
	PyObject *callback;           /* NULL once cancelled */
	PyObject *argument;           /* the only one, or NULL */
	PyObject *arguments;          /* a tuple of several, or NULL */
	PyObject *context;
	PyObject *traceback; /* where it was made, in debug mode; else NULL */
	PyObject *text;      /* its repr before it was cancelled, in debug mode; else NULL */
	PyObject *weak;
	aw_handle *timer; /* a reference */
	double when;
	uint8_t kind;
	bool cancelled;
	bool held; /* libawait is to call it */
	/* _loop: the list of its core, which the collector follows. */
	struct Handle *next, **link;
	aw_process *process; /* _loop: a reference, while a child is waited for */
} Handle;

extern PyTypeObject handle_type, timer_handle_type;

/* ---- defined by each extension ---- */

/* The full names of the two types. */
extern const char handle_name[], timer_handle_name[];
/* Whether the loop of a handle is in debug mode. */
bool handle_debug(const Handle *self);
/* The module with extract_stack, handle_repr, callback_failed and callback_lasted: borrowed, or NULL. */
PyObject *handle_support(void);
/* Keeps the raised exception, which the run is to end with. */
aw_status handle_leave(Handle *self);

/* ---- handle.c ---- */

/* Adds the types to the module; 0, or -1 with an exception. */
int handle_ready(PyObject *module);
/* A new one; `context` NULL means a copy of the current one. */
Handle *handle_new(PyObject *loop, enum handle_kind kind, PyObject *callback, PyObject *const *args,
                   Py_ssize_t count, PyObject *context);
void handle_free_list_clear(void);
/* Replaces the arguments. Takes over the reference. */
void handle_set_arguments(Handle *self, PyObject *tuple);
void handle_mark_cancelled(Handle *self);
/* What an aw_callback_fn does: runs it, unless it was cancelled. AW_ESYSTEMEXIT if the run is to end. */
aw_status handle_dispatch(aw_loop *loop, Handle *self);
/*
 * Passes the raised exception to the exception handler. Returns 0, or -1 with an exception that is to end the
 * run.
 */
int handle_report(Handle *self, PyObject *callback, PyObject *arguments);
/* Calls with one argument, with a tuple of arguments, or with neither. */
PyObject *call_in_context(PyObject *context, PyObject *callback, PyObject *argument, PyObject *arguments);

/* The keyword `context`, the only one there is: borrowed, NULL for None. -1 with an exception for another. */
int context_argument(const char *name, PyObject *const *args, Py_ssize_t count, PyObject *keywords,
                     PyObject **out);
/* -1 with an exception for fewer positional arguments than `least`. */
int check_count(const char *name, Py_ssize_t count, Py_ssize_t least);

#endif
