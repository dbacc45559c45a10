/* SPDX-License-Identifier: MIT */
/* The module. */
#include "loop.h"

/* The soname version of the libawait that this is written for. */
enum { ABI = 0 };

PyDoc_STRVAR(
	abandon_doc,
	"abandon_all($module, /)\n--\n\nIn a forked child: abandon all loops of the parent, without any callback.");
PyDoc_STRVAR(live_doc,
             "live_handles($module, /)\n--\n\nReturn how many libawait handles are alive in this process.");
PyDoc_STRVAR(
	backends_doc,
	"backends($module, /)\n--\n\n"
	"Return the available backends: name, description, and the reason why it can't be used, or None.");

static PyObject *live_handles(PyObject *module, PyObject *none) {
	(void)module;
	(void)none;
	return PyLong_FromLongLong(aw_debug_live_handles());
}

static PyObject *backends(PyObject *module, PyObject *none) {
	(void)module;
	(void)none;
	aw_backend_list *found = NULL;
	aw_status status = aw_backend_list_new(&found);
	if (status < 0) {
		raise_status(status);
		return NULL;
	}
	PyObject *list = PyList_New(0);
	for (size_t i = 0; list && i < aw_backend_list_count(found); i++) {
		const char *reason = aw_backend_list_status(found, i) < 0 ? aw_backend_list_reason(found, i) : NULL;
		PyObject *entry = Py_BuildValue("ssz", aw_backend_list_name(found, i),
		                                aw_backend_list_description(found, i), reason);
		if (!entry || PyList_Append(list, entry) < 0) Py_CLEAR(list);
		Py_XDECREF(entry);
	}
	aw_backend_list_unref(found);
	return list;
}

static PyMethodDef functions[] = {
	{"abandon_all", abandon_all, METH_NOARGS, abandon_doc},
	{"live_handles", live_handles, METH_NOARGS, live_doc},
	{"backends", backends, METH_NOARGS, backends_doc},
	{NULL},
};

static PyObject *attribute_of(const char *module, const char *name) {
	PyObject *from = PyImport_ImportModule(module);
	PyObject *found = from ? PyObject_GetAttrString(from, name) : NULL;
	Py_XDECREF(from);
	return found;
}

static int names_ready(void) {
	if (py.loop_keywords) return 0;
	py.future = attribute_of("asyncio.futures", "Future");
	py.tasks = PyImport_ImportModule("asyncio.tasks");
	py.support = PyImport_ImportModule("libawait._support");
	py.check_thread = PyUnicode_InternFromString("_check_thread");
	py.loop = PyUnicode_InternFromString("loop");
	py.task = PyUnicode_InternFromString("Task");
	py.create_task = PyUnicode_InternFromString("create_task");
	if (!py.future || !py.tasks || !py.support || !py.check_thread || !py.loop || !py.task || !py.create_task)
		return -1;
	return (py.loop_keywords = PyTuple_Pack(1, py.loop)) ? 0 : -1;
}

/* The header that this was built with must match the loaded library. */
static int abi_check(void) {
	if (aw_abi_version() == ABI) return 0;
	PyErr_Format(PyExc_ImportError, "libawait %s has the ABI %d; this extension was built for %d",
	             aw_version(), (int)aw_abi_version(), ABI);
	return -1;
}

static void module_free(void *module) {
	(void)module;
	handle_free_list_clear();
}

/*
 * The module's state is per process, so CPython refuses to import it in a subinterpreter with a separate
 * GIL.
 */
static PyModuleDef definition = {
	PyModuleDef_HEAD_INIT,
	.m_name = "libawait._loop",
	.m_doc = PyDoc_STR("The C part of the libawait event loop for asyncio. Programs use libawait.EventLoop."),
	.m_size = -1,
	.m_methods = functions,
	.m_free = module_free,
};

PyMODINIT_FUNC PyInit__loop(void);
PyMODINIT_FUNC PyInit__loop(void) {
	if (abi_check() < 0 || names_ready() < 0) return NULL;
	PyObject *module = PyModule_Create(&definition);
	if (!module) return NULL;
	if (core_ready(module) == 0 && handle_ready(module) == 0 &&
	    PyModule_AddStringConstant(module, "version", aw_version()) == 0)
		return module;
	Py_DECREF(module);
	return NULL;
}
