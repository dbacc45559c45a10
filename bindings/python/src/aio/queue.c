/* SPDX-License-Identifier: MIT */
/*
 * Queues. An item is a node that the collector can traverse: it is on the list of the queue's wrapper, and
 * owned by the library's queue or by the coroutine that still waits to put it.
 */
#include "aio.h"

typedef struct Queue Queue;

typedef struct item {
	PyObject *object;
	Queue *of; /* borrowed, or NULL once the wrapper is gone */
	struct item *next, *previous;
} item;

enum queue_order { QUEUE_FIFO, QUEUE_LIFO, QUEUE_PRIORITY };

struct Queue {
	PyObject_HEAD PyObject *dict, *weakrefs;
	Loop *loop;
	aw_queue *c;
	PyObject *early;  /* items put before the loop was known: a list, or NULL */
	PyObject *raised; /* exception of a comparison, raised by the call that compared */
	item *items;
	int64_t maxsize;
	Py_ssize_t getters, putters;
	enum queue_order order;
	bool shut;
};

/* ---- items ---- */

#define ITEMS_KEPT 256
static item *kept_items;
static int kept_item_count;

static item *item_new(Queue *of, PyObject *object) {
	item *self = kept_items;
	if (self) {
		kept_items = self->next;
		kept_item_count--;
	} else {
		self = PyMem_Malloc(sizeof *self);
		if (!self) {
			PyErr_NoMemory();
			return NULL;
		}
	}
	*self = (item){.object = Py_NewRef(object), .of = of, .next = of->items};
	if (self->next) self->next->previous = self;
	of->items = self;
	return self;
}

static void item_unlink(item *self) {
	if (self->next) self->next->previous = self->previous;
	if (self->previous)
		self->previous->next = self->next;
	else if (self->of && self->of->items == self)
		self->of->items = self->next;
	self->next = self->previous = NULL;
	self->of = NULL;
}

/* Frees the node and returns its object. */
static PyObject *item_take(item *self) {
	PyObject *object = self->object;
	item_unlink(self);
	if (kept_item_count < ITEMS_KEPT) {
		self->next = kept_items;
		kept_items = self;
		kept_item_count++;
	} else {
		PyMem_Free(self);
	}
	return object;
}

static void item_drop(void *ud) {
	Py_DECREF(item_take(ud));
}

/* ---- binding ---- */

static int32_t compare_items(void *a, void *b, void *ud) {
	Queue *self = ud;
	if (self->raised) return 0;
	PyObject *one = Py_NewRef(((item *)a)->object), *two = Py_NewRef(((item *)b)->object);
	int less = PyObject_RichCompareBool(one, two, Py_LT);
	int more = less == 0 ? PyObject_RichCompareBool(two, one, Py_LT) : 0;
	if (less < 0 || more < 0) self->raised = exception_take();
	Py_DECREF(one);
	Py_DECREF(two);
	return less > 0 ? -1 : more > 0 ? 1 : 0;
}

static aw_status queue_make(Queue *self) {
	switch (self->order) {
	case QUEUE_LIFO: return aw_queue_new_lifo(self->loop->c, self->maxsize, &self->c);
	case QUEUE_PRIORITY:
		return aw_queue_new_priority(self->loop->c, self->maxsize, compare_items, self, NULL, &self->c);
	default: return aw_queue_new(self->loop->c, self->maxsize, &self->c);
	}
}

/* The call that compared raises the exception of the comparison. */
static int compared(Queue *self) {
	if (!self->raised) return 0;
	PyObject *raised = self->raised;
	self->raised = NULL;
	exception_give(raised);
	return -1;
}

static aw_status put_now(Queue *self, PyObject *object) {
	item *node = item_new(self, object);
	if (!node) {
		PyErr_Clear();
		return AW_ENOMEM;
	}
	aw_status status = aw_queue_put_nowait(self->c, node, item_drop);
	if (status < 0) item_drop(node);
	return status;
}

/* Given a loop, creates the library's queue and moves the earlier items to it. */
static int queue_ready(Queue *self) {
	Loop *loop = bind_loop((PyObject *)self, &self->loop);
	if (!loop) return -1;
	if (self->c) return 0;
	aw_status status = queue_make(self);
	for (Py_ssize_t i = 0; status >= 0 && self->early && i < PyList_GET_SIZE(self->early); i++)
		status = put_now(self, PyList_GET_ITEM(self->early, i));
	Py_CLEAR(self->early);
	if (status >= 0 && self->shut) status = aw_queue_shutdown(self->c, 0);
	if (status >= 0) return compared(self);
	raise_status(status);
	return -1;
}

/* 1 with a library queue, 0 without a loop, -1 with an exception. */
static int queue_bound(Queue *self) {
	if (self->c) return 1;
	return loop_running() ? (queue_ready(self) < 0 ? -1 : 1) : 0;
}

static Py_ssize_t queue_qsize(Queue *self) {
	if (self->c) return (Py_ssize_t)aw_queue_qsize(self->c);
	return self->early ? PyList_GET_SIZE(self->early) : 0;
}

/* ---- put ---- */

static PyObject *early_put(Queue *self, PyObject *object) {
	if (self->shut) return raise_status(AW_EQUEUESHUTDOWN);
	if (self->maxsize > 0 && queue_qsize(self) >= self->maxsize) return raise_status(AW_EQUEUEFULL);
	if (!self->early && !(self->early = PyList_New(0))) return NULL;
	if (PyList_Append(self->early, object) < 0) return NULL;
	Py_RETURN_NONE;
}

static PyObject *Queue_put_nowait(PyObject *base, PyObject *object) {
	Queue *self = (Queue *)base;
	int bound = queue_bound(self);
	if (bound <= 0) return bound < 0 ? NULL : early_put(self, object);
	aw_status status = put_now(self, object);
	if (status < 0) return raise_status(status);
	if (compared(self) < 0) return NULL;
	Py_RETURN_NONE;
}

static int put_attempt(Operation *operation, PyObject **out) {
	Queue *self = (Queue *)operation->subject;
	if (queue_ready(self) < 0) return -1;
	aw_status status = put_now(self, operation->argument);
	if (status == AW_EQUEUEFULL) return 0;
	if (status < 0) raise_status(status);
	if (status < 0 || compared(self) < 0) return -1;
	*out = Py_NewRef(Py_None);
	return 1;
}

static int put_begin(Operation *operation, aw_coro **out) {
	Queue *self = (Queue *)operation->subject;
	item *node = item_new(self, operation->argument);
	if (!node) return -1;
	aw_status status = aw_queue_put_coro(self->c, node, item_drop, out);
	if (status < 0) {
		item_drop(node);
		raise_status(status);
		return -1;
	}
	self->putters++;
	return 0;
}

static PyObject *put_end(Operation *operation, PyObject *value) {
	Queue *self = (Queue *)operation->subject;
	self->putters--;
	Py_DECREF(value);
	return compared(self) < 0 ? NULL : Py_NewRef(Py_None);
}

static void put_fail(Operation *operation) {
	((Queue *)operation->subject)->putters--;
}

static const operation_kind queue_put = {"Queue.put", put_attempt, put_begin, put_end, put_fail, NULL};

static PyObject *Queue_put(PyObject *self, PyObject *object) {
	return operation_new(&queue_put, self, object, 0);
}

/* ---- get ---- */

static PyObject *early_get(Queue *self) {
	Py_ssize_t count = queue_qsize(self);
	if (!count) return raise_status(self->shut ? AW_EQUEUESHUTDOWN : AW_EQUEUEEMPTY);
	Py_ssize_t best = self->order == QUEUE_LIFO ? count - 1 : 0;
	for (Py_ssize_t i = 1; self->order == QUEUE_PRIORITY && i < count; i++) {
		int less = PyObject_RichCompareBool(PyList_GET_ITEM(self->early, i),
		                                    PyList_GET_ITEM(self->early, best), Py_LT);
		if (less < 0) return NULL;
		if (less) best = i;
	}
	PyObject *object = Py_NewRef(PyList_GET_ITEM(self->early, best));
	if (PySequence_DelItem(self->early, best) == 0) return object;
	Py_DECREF(object);
	return NULL;
}

static PyObject *taken(Queue *self, item *node) {
	PyObject *object = item_take(node);
	if (compared(self) == 0) return object;
	Py_DECREF(object);
	return NULL;
}

static PyObject *Queue_get_nowait(PyObject *base, PyObject *unused) {
	(void)unused;
	Queue *self = (Queue *)base;
	int bound = queue_bound(self);
	if (bound <= 0) return bound < 0 ? NULL : early_get(self);
	void *node;
	aw_status status = aw_queue_get_nowait(self->c, &node, NULL);
	return status < 0 ? raise_status(status) : taken(self, node);
}

static int get_attempt(Operation *operation, PyObject **out) {
	Queue *self = (Queue *)operation->subject;
	if (queue_ready(self) < 0) return -1;
	void *node;
	aw_status status = aw_queue_get_nowait(self->c, &node, NULL);
	if (status == AW_EQUEUEEMPTY) return 0;
	if (status < 0) {
		raise_status(status);
		return -1;
	}
	*out = taken(self, node);
	return *out ? 1 : -1;
}

static int get_begin(Operation *operation, aw_coro **out) {
	Queue *self = (Queue *)operation->subject;
	aw_status status = aw_queue_get_coro(self->c, out);
	if (status < 0) {
		raise_status(status);
		return -1;
	}
	self->getters++;
	return 0;
}

static PyObject *get_end(Operation *operation, PyObject *value) {
	((Queue *)operation->subject)->getters--;
	return value;
}

static void get_fail(Operation *operation) {
	((Queue *)operation->subject)->getters--;
}

/* The queue has already handed it over to the task. */
static PyObject *get_value(void *node) {
	item_unlink(node);
	return Py_NewRef(((item *)node)->object);
}

static const operation_kind queue_get = {"Queue.get", get_attempt, get_begin, get_end, get_fail, get_value};

static PyObject *Queue_get(PyObject *self, PyObject *unused) {
	(void)unused;
	return operation_new(&queue_get, self, NULL, 0);
}

/* ---- join, shutdown, and the rest ---- */

static int join_begin(Operation *operation, aw_coro **out) {
	Queue *self = (Queue *)operation->subject;
	aw_status status = queue_ready(self) < 0 ? -1 : aw_queue_join_coro(self->c, out);
	if (status < 0 && !PyErr_Occurred()) raise_status(status);
	return status < 0 ? -1 : 0;
}

static int join_attempt(Operation *operation, PyObject **out) {
	Queue *self = (Queue *)operation->subject;
	if (self->c || queue_qsize(self)) return 0;
	*out = Py_NewRef(Py_None);
	return 1;
}

static const operation_kind queue_join = {"Queue.join", join_attempt, join_begin, NULL, NULL, NULL};

static PyObject *Queue_join(PyObject *self, PyObject *unused) {
	(void)unused;
	return operation_new(&queue_join, self, NULL, 0);
}

static PyObject *Queue_task_done(PyObject *base, PyObject *unused) {
	(void)unused;
	Queue *self = (Queue *)base;
	int bound = queue_bound(self);
	if (bound < 0) return NULL;
	aw_status status = bound ? aw_queue_task_done(self->c) : AW_EINVAL;
	if (status == AW_EINVAL) {
		PyErr_SetString(PyExc_ValueError, "task_done() called too many times");
		return NULL;
	}
	if (status < 0) return raise_status(status);
	Py_RETURN_NONE;
}

static PyObject *Queue_shutdown(PyObject *base, PyObject *args, PyObject *keywords) {
	static char *names[] = {"immediate", NULL};
	Queue *self = (Queue *)base;
	int immediate = 0;
	if (!PyArg_ParseTupleAndKeywords(args, keywords, "|p", names, &immediate)) return NULL;
	self->shut = true;
	int bound = queue_bound(self);
	if (bound < 0) return NULL;
	if (!bound && immediate) Py_CLEAR(self->early);
	aw_status status = bound ? aw_queue_shutdown(self->c, immediate) : 0;
	if (status < 0) return raise_status(status);
	Py_RETURN_NONE;
}

static PyObject *Queue_qsize(PyObject *self, PyObject *unused) {
	(void)unused;
	return PyLong_FromSsize_t(queue_qsize((Queue *)self));
}

static PyObject *Queue_empty(PyObject *self, PyObject *unused) {
	(void)unused;
	return PyBool_FromLong(queue_qsize((Queue *)self) == 0);
}

static PyObject *Queue_full(PyObject *base, PyObject *unused) {
	(void)unused;
	Queue *self = (Queue *)base;
	return PyBool_FromLong(self->maxsize > 0 && queue_qsize(self) >= self->maxsize);
}

static PyObject *get_queue(PyObject *base, void *unused) {
	(void)unused;
	Queue *self = (Queue *)base;
	if (self->early) return PySequence_List(self->early);
	PyObject *list = PyList_New(0);
	/* Newest first, including those that wait to be put. */
	for (item *at = self->items; list && at; at = at->next)
		if (PyList_Insert(list, 0, at->object) < 0) Py_CLEAR(list);
	return list;
}

static PyObject *get_getters(PyObject *self, void *unused) {
	(void)unused;
	return PyLong_FromSsize_t(((Queue *)self)->getters);
}

static PyObject *get_putters(PyObject *self, void *unused) {
	(void)unused;
	return PyLong_FromSsize_t(((Queue *)self)->putters);
}

static PyObject *get_shut(PyObject *self, void *unused) {
	(void)unused;
	return PyBool_FromLong(((Queue *)self)->shut);
}

static PyObject *get_loop(PyObject *base, void *unused) {
	(void)unused;
	Queue *self = (Queue *)base;
	return Py_NewRef(self->loop ? (PyObject *)self->loop : Py_None);
}

/* ---- life ---- */

static int Queue_init(PyObject *base, PyObject *args, PyObject *keywords) {
	static char *names[] = {"maxsize", "order", NULL};
	Queue *self = (Queue *)base;
	long long maxsize = 0;
	int order = QUEUE_FIFO;
	if (!PyArg_ParseTupleAndKeywords(args, keywords, "|L$i", names, &maxsize, &order)) return -1;
	if (self->c || order < QUEUE_FIFO || order > QUEUE_PRIORITY) {
		PyErr_SetString(PyExc_ValueError, "a queue can be initialised only once, with a valid order");
		return -1;
	}
	self->maxsize = maxsize;
	self->order = (enum queue_order)order;
	return 0;
}

static int Queue_traverse(PyObject *base, visitproc visit, void *arg) {
	Queue *self = (Queue *)base;
	Py_VISIT(self->dict);
	Py_VISIT(self->loop);
	Py_VISIT(self->early);
	Py_VISIT(self->raised);
	for (item *at = self->items; at; at = at->next) Py_VISIT(at->object);
	return 0;
}

static int Queue_clear(PyObject *base) {
	Queue *self = (Queue *)base;
	/* Items that a coroutine still waits to put outlive the wrapper. */
	while (self->items) {
		item *first = self->items;
		item_unlink(first);
	}
	aw_queue *c = self->c;
	self->c = NULL;
	aw_queue_unref(c);
	Py_CLEAR(self->dict);
	Py_CLEAR(self->early);
	Py_CLEAR(self->raised);
	Py_CLEAR(self->loop);
	return 0;
}

static void Queue_dealloc(PyObject *base) {
	PyObject_GC_UnTrack(base);
	if (((Queue *)base)->weakrefs) PyObject_ClearWeakRefs(base);
	Queue_clear(base);
	Py_TYPE(base)->tp_free(base);
}

static PyMethodDef Queue_methods[] = {
	{"put", Queue_put, METH_O, "Await this: puts an item; waits while the queue is full."},
	{"put_nowait", Queue_put_nowait, METH_O, "Put an item without waiting, or raise QueueFull."},
	{"get", Queue_get, METH_NOARGS, "Await this: returns an item; waits while the queue is empty."},
	{"get_nowait", Queue_get_nowait, METH_NOARGS, "Get an item without waiting, or raise QueueEmpty."},
	{"join", Queue_join, METH_NOARGS, "Await this: waits until task_done() was called for every item."},
	{"task_done", Queue_task_done, METH_NOARGS, "Mark an item that was got as processed."},
	{"shutdown", WITH_KEYWORDS(Queue_shutdown),
     "shutdown(immediate=False): refuse puts, and gets once the queue is empty."},
	{"qsize", Queue_qsize, METH_NOARGS, "The number of items."},
	{"empty", Queue_empty, METH_NOARGS, "Whether the queue is empty."},
	{"full", Queue_full, METH_NOARGS, "Whether the queue is full."},
	{"__class_getitem__", Py_GenericAlias, METH_O | METH_CLASS, NULL},
	{0},
};

static PyGetSetDef Queue_getset[] = {
	{"__dict__", PyObject_GenericGetDict, PyObject_GenericSetDict, NULL, NULL},
	{"_queue", get_queue, NULL, NULL, NULL},
	{"_getter_count", get_getters, NULL, NULL, NULL},
	{"_putter_count", get_putters, NULL, NULL, NULL},
	{"_shut", get_shut, NULL, NULL, NULL},
	{"_loop", get_loop, NULL, NULL, NULL},
	{0},
};

PyTypeObject Queue_Type = {
	PyVarObject_HEAD_INIT(NULL, 0).tp_name = "libawait.aio._aio.Queue",
	.tp_basicsize = sizeof(Queue),
	.tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_BASETYPE,
	.tp_new = PyType_GenericNew,
	.tp_init = Queue_init,
	.tp_dealloc = Queue_dealloc,
	.tp_traverse = Queue_traverse,
	.tp_clear = Queue_clear,
	.tp_methods = Queue_methods,
	.tp_getset = Queue_getset,
	.tp_dictoffset = offsetof(Queue, dict),
	.tp_weaklistoffset = offsetof(Queue, weakrefs),
};
