/* SPDX-License-Identifier: MIT */
/* Raised exceptions as objects, for both extensions. */
#ifndef PYTHON_COMMON_EXCEPTION_H
#define PYTHON_COMMON_EXCEPTION_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include <stdbool.h>

/* Takes the raised exception, normalised; NULL if there is none. */
PyObject *exception_take(void);
/* Raises an exception. Takes over the reference. */
void exception_give(PyObject *exception);
/* Whether an exception ends the run: SystemExit, KeyboardInterrupt. */
bool must_exit(PyObject *exception);

#endif
