/* SPDX-License-Identifier: MIT */
#include "exception.h"

PyObject *exception_take(void) {
#if PY_VERSION_HEX >= 0x030C0000
	return PyErr_GetRaisedException();
#else
	PyObject *type, *value, *traceback;
	PyErr_Fetch(&type, &value, &traceback);
	if (!type) return NULL;
	PyErr_NormalizeException(&type, &value, &traceback);
	if (traceback) PyException_SetTraceback(value, traceback);
	Py_XDECREF(traceback);
	Py_DECREF(type);
	return value;
#endif
}

void exception_give(PyObject *exception) {
#if PY_VERSION_HEX >= 0x030C0000
	PyErr_SetRaisedException(exception);
#else
	PyErr_Restore(Py_NewRef((PyObject *)Py_TYPE(exception)), exception, PyException_GetTraceback(exception));
#endif
}

bool must_exit(PyObject *exception) {
	return PyErr_GivenExceptionMatches(exception, PyExc_SystemExit) ||
	       PyErr_GivenExceptionMatches(exception, PyExc_KeyboardInterrupt);
}
