/* SPDX-License-Identifier: MIT */
/*
 * The Python side of the generated wrappers: keeps callables alive as callbacks and objects as values, turns
 * statuses into exceptions, and releases the GIL while a thread waits. The caller must hold the GIL.
 */
#ifndef PYTHON_HOST_H
#define PYTHON_HOST_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <callbacks.h>

/* A reference from C to a Python object. */
typedef struct pin {
	PyObject *object;
	const void *owner; /* the loop of a handler or a submission */
	Py_buffer *view;   /* of a submission */
	struct pin *next;  /* while it is free */
	uint32_t kind, operation;
} pin;

/* Adds the classes and functions that SWIG does not generate. */
int glue_init(PyObject *module);

/* NULL with an exception if out of memory. */
pin *pin_new(enum pin_kind kind, PyObject *object, const void *owner);

aw_status glue_remove_done_callback(aw_future *future, PyObject *callable);

/*
 * Converts a value to Python; a non-NULL `destroy` transfers it to Python. `kind` is an aw_value_kind, or
 * VALUE_UNKNOWN.
 */
enum { VALUE_UNKNOWN = -1 };
PyObject *glue_value(void *value, int32_t kind);
PyObject *glue_value_taken(void *value, aw_destroy_fn destroy, int32_t kind);

/* Raises what a callable raised meanwhile, or the status's exception, and returns -1. Otherwise returns 0. */
int glue_check(aw_status status);
int glue_check_future(aw_future *future, aw_status status);
int glue_check_outcome(aw_concurrent_future *concurrent_future, aw_status status);
int glue_check_result(const aw_results *results, size_t index, aw_status status);
/* New reference. */
PyObject *glue_exception_of(aw_error *error);

/* For a wrapper's deallocation: an unref that preserves the current exception. */
void glue_unref(void (*unref)(void *object), void *object);

/* Arrays: of strings, with a list that holds them; of operations; of their outcomes. */
const char **glue_strings(PyObject *list, PyObject **holder, size_t *count);
aw_submission *glue_submissions(aw_loop *loop, PyObject *list, size_t *count);
PyObject *glue_completions(const aw_completion *completions, aw_status count);
aw_status glue_cancel_token(aw_loop *loop, PyObject *token);
/* Returns the address that represents a name, or NULL with an exception set. */
void *glue_key(PyObject *name);

/*
 * Defined by the generated file. wrap_ takes a new reference, lend_ takes none, and end_ clears the pointer
 * of a lent wrapper.
 */
PyObject *wrap_aw_loop(aw_loop *loop);
PyObject *wrap_aw_error(aw_error *error);
PyObject *wrap_aw_future(aw_future *future);
PyObject *wrap_aw_results(aw_results *results);
PyObject *lend_aw_resume(aw_resume *resume);
PyObject *lend_aw_report(aw_report *report);
void end_lent(PyObject *lent);
/* Borrowed. -1 with an exception for a wrong type; NULL for None. */
int glue_future(PyObject *object, aw_future **out);
int glue_coro(PyObject *object, aw_coro **out);
int glue_failure(PyObject *object, aw_error **out);

#endif
