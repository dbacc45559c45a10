/* SPDX-License-Identifier: MIT */
/* The module libawait.aio._aio. */
#include "aio.h"

static PyObject *get_running_loop(PyObject *module, PyObject *unused) {
	(void)module, (void)unused;
	Loop *loop = loop_running_or_raise();
	return (PyObject *)Py_XNewRef((PyObject *)loop);
}

static PyObject *running_or_none(PyObject *module, PyObject *unused) {
	(void)module, (void)unused;
	Loop *loop = loop_running();
	return Py_NewRef(loop ? (PyObject *)loop : Py_None);
}

/* loop=None, positional or keyword. */
static int loop_argument(PyObject *args, PyObject *keywords, Loop **out) {
	static char *names[] = {"loop", NULL};
	PyObject *given = Py_None;
	if (!PyArg_ParseTupleAndKeywords(args, keywords, "|O", names, &given)) return -1;
	*out = given == Py_None ? loop_running_or_raise() : loop_of_argument(given);
	return *out ? 0 : -1;
}

static PyObject *current_task(PyObject *module, PyObject *args, PyObject *keywords) {
	(void)module;
	Loop *loop;
	return loop_argument(args, keywords, &loop) < 0 ? NULL : task_current(loop);
}

static PyObject *all_tasks(PyObject *module, PyObject *args, PyObject *keywords) {
	(void)module;
	static char *names[] = {"loop", NULL};
	PyObject *given = Py_None;
	if (!PyArg_ParseTupleAndKeywords(args, keywords, "|O", names, &given)) return NULL;
	/* A loop of another type has none of our tasks. */
	if (given != Py_None && !PyObject_TypeCheck(given, &Loop_Type)) return PySet_New(NULL);
	Loop *loop = given == Py_None ? loop_running_or_raise() : (Loop *)given;
	return loop ? PyObject_CallMethod((PyObject *)loop, "_all_tasks", NULL) : NULL;
}

static PyObject *create_task(PyObject *module, PyObject *const *args, Py_ssize_t count, PyObject *names) {
	(void)module;
	Loop *loop = loop_running_or_raise();
	if (!loop) return NULL;
	if (count == 1 && !names && !loop->task_factory)
		return task_spawn(&Task_Type, loop, args[0], NULL, NULL, NULL);
	PyObject *method = PyObject_GetAttrString((PyObject *)loop, "create_task");
	PyObject *task = method ? PyObject_Vectorcall(method, args, (size_t)count, names) : NULL;
	Py_XDECREF(method);
	return task;
}

static PyObject *live_handles(PyObject *module, PyObject *unused) {
	(void)module, (void)unused;
	return PyLong_FromLongLong(aw_debug_live_handles());
}

static PyObject *version(PyObject *module, PyObject *unused) {
	(void)module, (void)unused;
	return PyUnicode_FromString(aw_version());
}

static PyMethodDef functions[] = {
	{"get_running_loop", get_running_loop, METH_NOARGS,
     "The loop that runs in this thread; RuntimeError if there is none."},
	{"_get_running_loop", running_or_none, METH_NOARGS, "The loop that runs in this thread, or None."},
	{"current_task", WITH_KEYWORDS(current_task), "current_task(loop=None): the running task, or None."},
	{"all_tasks", WITH_KEYWORDS(all_tasks), "all_tasks(loop=None): the set of tasks that are not done."},
	{"create_task", FAST_KEYWORDS(create_task),
     "create_task(coro, *, name=None, context=None): schedule a coroutine in the running loop."},
	{"live_handles", live_handles, METH_NOARGS, "How many library handles are alive in this process."},
	{"version", version, METH_NOARGS, "The version of the loaded library."},
	{0},
};

static struct PyModuleDef definition = {PyModuleDef_HEAD_INIT,
                                        "libawait.aio._aio",
                                        "asyncio's objects, implemented with libawait's.",
                                        -1,
                                        functions,
                                        NULL,
                                        NULL,
                                        NULL,
                                        NULL};

static const struct {
	const char *name;
	PyTypeObject *type;
} types[] = {
	{"Loop", &Loop_Type},           {"Future", &Future_Type},
	{"Task", &Task_Type},           {"FutureIter", &FutureIter_Type},
	{"Operation", &Operation_Type}, {"Lock", &Lock_Type},
	{"Event", &Event_Type},         {"Condition", &Condition_Type},
	{"Semaphore", &Semaphore_Type}, {"Barrier", &Barrier_Type},
	{"Queue", &Queue_Type},         {"Timeout", &Timeout_Type},
	{"TaskGroup", &TaskGroup_Type}, {"AsCompleted", &AsCompleted_Type},
	{"Process", &Process_Type},     {"Transport", &Transport_Type},
	{"Server", &Server_Type},       {"DatagramTransport", &DatagramTransport_Type},
	{NULL, &Callback_Type},
};

PyMODINIT_FUNC PyInit__aio(void) {
	if (aw_abi_version() != 0) {
		PyErr_Format(PyExc_ImportError, "libawait.so has ABI %d, this module was built for 0",
		             (int)aw_abi_version());
		return NULL;
	}
	loop_methods_join();
	PyObject *module = convert_import() < 0 ? NULL : PyModule_Create(&definition);
	bool failed = !module || handle_ready(module) < 0 || PyModule_AddFunctions(module, combine_functions) < 0;
	for (size_t i = 0; !failed && i < sizeof types / sizeof *types; i++)
		failed =
			PyType_Ready(types[i].type) < 0 ||
			(types[i].name && PyModule_AddObjectRef(module, types[i].name, (PyObject *)types[i].type) < 0);
	if (failed) Py_CLEAR(module);
	return module;
}
