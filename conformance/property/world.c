/* SPDX-License-Identifier: MIT */
/* The shared state of a program's tasks, the trace, and statements that never wait. */
#include "world.h"

#include <stdarg.h>
#include <stdlib.h>

world here;

/* --- time --- */

int64_t tick_now(void) {
	return (aw_loop_time(here.loop) - here.base) / TICK;
}

static bool is_used(int64_t tick) {
	if (tick % WATCH == 0) return true;
	for (size_t i = here.used_count; i-- > 0;)
		if (here.used[i] == tick) return true;
	return false;
}

int64_t deadline(int ticks) {
	int64_t tick = tick_now() + ticks;
	while (is_used(tick)) tick++;
	if (here.used_count == here.used_room) {
		here.used_room = here.used_room ? here.used_room * 2 : 64;
		here.used = realloc(here.used, here.used_room * sizeof *here.used);
		if (!here.used) exit(2);
	}
	here.used[here.used_count++] = tick;
	return tick;
}

int64_t delay(int ticks) {
	int64_t now = tick_now();
	return (deadline(ticks) - now) * TICK;
}

/* The deadline of a timeout scope: AW_FOREVER for none, now for 0. */
static int64_t limit(int ticks) {
	return ticks < 0 ? AW_FOREVER : here.base + (ticks ? deadline(ticks) : tick_now()) * TICK;
}

/* --- trace --- */

void text_add(text *self, const char *format, ...) {
	va_list list;
	va_start(list, format);
	int more = vsnprintf(self->data + self->length, sizeof self->data - self->length, format, list);
	va_end(list);
	if (more > 0 && (size_t)more < sizeof self->data - self->length) self->length += (size_t)more;
}

void *encode(int value) {
	return (void *)(((intptr_t)value << 1) | 1); // NOLINT
}

int decode(const void *value) {
	return (int)((intptr_t)value >> 1);
}

static void add_value(text *self, void *value) {
	if (!value || (intptr_t)value & 1) {
		text_add(self, "=%d", decode(value));
		return;
	}
	const aw_results *results = value;
	text_add(self, "[");
	for (size_t i = 0; i < aw_results_count(results); i++) {
		void *one = NULL;
		aw_status status = aw_results_get(results, i, &one);
		if (i) text_add(self, ",");
		text_add_outcome(self, status, one, aw_results_error(results, i));
	}
	text_add(self, "]");
}

static void add_error(text *self, aw_status status, const aw_error *error) {
	switch (status) {
	case AW_ECANCELLED: text_add(self, "cancelled"); return;
	case AW_ETIMEOUT: text_add(self, "timeout"); return;
	case AW_EQUEUEFULL: text_add(self, "full"); return;
	case AW_EQUEUEEMPTY: text_add(self, "empty"); return;
	case AW_EQUEUESHUTDOWN: text_add(self, "shutdown"); return;
	case AW_EBROKENBARRIER: text_add(self, "broken"); return;
	case AW_EINVAL: text_add(self, "inval"); return;
	case AW_EPERM:
	case AW_EINVALIDSTATE:
	case AW_ESELFAWAIT: text_add(self, "state"); return; /* RuntimeError and InvalidStateError */
	case AW_EGROUP:
		text_add(self, "group(");
		for (size_t i = 0; i < aw_error_count(error); i++) {
			const aw_error *one = aw_error_get(error, i);
			if (i) text_add(self, ",");
			add_error(self, aw_error_status(one), one);
		}
		text_add(self, ")");
		return;
	default:
		if (status < USER_ERROR && status > USER_ERROR - 100)
			text_add(self, "E%d", USER_ERROR - status);
		else
			text_add(self, "%s", aw_err_name(status));
	}
}

void text_add_outcome(text *self, aw_status status, void *value, aw_error *error) {
	if (status < 0)
		add_error(self, status, error);
	else
		add_value(self, value);
}

static void add_state(text *self, aw_future *future) {
	void *value = NULL;
	aw_error *error = NULL;
	if (!aw_future_done(future)) {
		text_add(self, "pending");
		return;
	}
	aw_status status = aw_future_result(future, &value);
	if (status < 0) aw_future_error(future, &error);
	text_add_outcome(self, status, value, error);
}

void trace(int task_id, int id, const char *what) {
	if (here.quiet) return;
	if (task_id == NO_TASK)
		fprintf(here.out, "%lld - %d %s\n", (long long)tick_now(), id, what);
	else
		fprintf(here.out, "%lld t%d %d %s\n", (long long)tick_now(), task_id, id, what);
}

/* --- callbacks --- */

typedef struct done_note {
	int task_id, id;
} done_note;

static aw_status on_done(aw_future *future, void *ud) {
	const done_note *self = ud;
	text said = {.length = 0};
	text_add(&said, "done ");
	add_state(&said, future);
	trace(self->task_id, self->id, said.data);
	return 0;
}

static aw_status tell_done(aw_future *future, int task_id, int id) {
	done_note *self = malloc(sizeof *self);
	if (!self) exit(2);
	*self = (done_note){task_id, id};
	return aw_future_add_done_callback(future, on_done, self, free);
}

static aw_status on_call(aw_loop *loop, void *ud) {
	(void)loop;
	const node *at = ud;
	bool later = at->op == OP_LATER;
	text said = {.length = 0};
	aw_error *error = NULL;
	aw_status status = simple(NO_TASK, at, at->inner, at->args + later, at->count - later, &said, &error);
	if (status < 0) {
		said.length = 0;
		add_error(&said, status, error);
	}
	aw_error_unref(error);
	trace(NO_TASK, at->id, said.length ? said.data : "ok");
	return 0;
}

/* --- statements that never wait --- */

static aw_status put_slot(int slot, aw_future *future) {
	aw_future_unref(here.slots[slot]);
	here.slots[slot] = future;
	return 0;
}

static aw_status start(int slot, int body, bool eager, int group) {
	aw_task *task;
	int task_id = here.started;
	aw_taskgroup *in = group < 0 ? NULL : here.groups[group];
	aw_status status = task_start(body, eager, in, &task);
	if (status < 0) return status;
	here.tasks[here.task_count++] = task;
	tell_done(aw_task_future(task), task_id, 0);
	return slot < 0 ? 0 : put_slot(slot, aw_future_ref(aw_task_future(task)));
}

static aw_status spawn_op(enum op op, const int *args, text *said) {
	bool grouped = op == OP_GSPAWN;
	if (here.started >= MAX_TASKS || (grouped && !here.groups[args[0]])) {
		text_add(said, "skip");
		return 0;
	}
	return start(args[grouped], args[grouped + 1], op == OP_EAGER, grouped ? args[0] : -1);
}

static aw_status slot_op(const node *at, enum op op, const int *args, text *said) {
	aw_future *future = here.slots[args[op == OP_SHIELD ? 1 : 0]], *made;
	if (!future) {
		text_add(said, "skip");
		return 0;
	}
	aw_status status;
	switch (op) {
	case OP_CANCEL:
		status = aw_future_cancel(future, NULL);
		if (status >= 0) text_add(said, "%d", status);
		return status;
	case OP_STATE: add_state(said, future); return 0;
	case OP_SET: return aw_future_set_result(future, encode(args[1]), NULL);
	case OP_FAIL: return aw_future_fail(future, USER_ERROR - args[1], NULL);
	case OP_ONDONE: return tell_done(future, NO_TASK, at->id);
	default: status = aw_shield(future, &made); return status < 0 ? status : put_slot(args[0], made);
	}
}

static aw_status gather_op(const int *args, int count) {
	aw_future *children[MAX_ARGS], *made;
	size_t have = 0;
	for (int i = 2; i < count; i++)
		if (here.slots[args[i]]) children[have++] = here.slots[args[i]];
	aw_status status =
		aw_gather(here.loop, children, have, args[1] ? AW_GATHER_RETURN_ERRORS : AW_GATHER_DEFAULT, &made);
	return status < 0 ? status : put_slot(args[0], made);
}

static aw_status queue_op(enum op op, aw_queue *queue, const int *args, text *said) {
	void *item;
	aw_status status;
	switch (op) {
	case OP_PUTNOW: return aw_queue_put_nowait(queue, encode(args[1] * 1000 + ++here.items), NULL);
	case OP_GETNOW:
		status = aw_queue_get_nowait(queue, &item, NULL);
		if (status >= 0) add_value(said, item);
		return status;
	case OP_TASKDONE: return aw_queue_task_done(queue);
	case OP_SHUTDOWN: return aw_queue_shutdown(queue, args[1]);
	default: text_add(said, "%zu", aw_queue_qsize(queue)); return 0;
	}
}

static aw_status counted(aw_status status, text *said) {
	if (status >= 0) text_add(said, "%d", status);
	return status;
}

aw_status simple(int task_id, const node *at, enum op op, const int *args, int count, text *said,
                 aw_error **error) {
	(void)task_id;
	aw_status status;
	aw_future *future;
	switch (op) {
	case OP_SPAWN:
	case OP_EAGER:
	case OP_GSPAWN: return spawn_op(op, args, said);
	case OP_CANCEL:
	case OP_STATE:
	case OP_SET:
	case OP_FAIL:
	case OP_ONDONE:
	case OP_SHIELD: return slot_op(at, op, args, said);
	case OP_GATHER: return gather_op(args, count);
	case OP_CANCELSELF: return counted(aw_task_cancel(aw_task_current(), NULL), said);
	case OP_CANCELLING: return counted(aw_task_cancelling(aw_task_current()), said);
	case OP_UNCANCEL: return counted(aw_task_uncancel(aw_task_current()), said);
	case OP_RAISE:
		status = aw_error_new(here.loop, USER_ERROR - args[0], NULL, NULL, NULL, error);
		return status < 0 ? status : USER_ERROR - args[0];
	case OP_FUTURE:
		status = aw_future_new(here.loop, &future);
		return status < 0 ? status : put_slot(args[0], future);
	case OP_SOON: return aw_loop_call_soon(here.loop, on_call, (void *)(uintptr_t)at, NULL, NULL);
	case OP_LATER:
		return aw_loop_call_at(here.loop, here.base + deadline(args[0]) * TICK, on_call,
		                       (void *)(uintptr_t)at, NULL, NULL);
	case OP_RESCHED:
		if (!here.timeouts[args[0]]) {
			text_add(said, "skip");
			return 0;
		}
		return aw_timeout_reschedule(here.timeouts[args[0]], limit(args[1]));
	case OP_RELEASE: return aw_lock_release(object_of(MADE_LOCK, args[0]));
	case OP_LOCKED: text_add(said, "%d", aw_lock_locked(object_of(MADE_LOCK, args[0]))); return 0;
	case OP_ESET: return aw_event_set(object_of(MADE_EVENT, args[0]));
	case OP_ECLEAR: return aw_event_clear(object_of(MADE_EVENT, args[0]));
	case OP_SRELEASE: return aw_semaphore_release(object_of(MADE_SEMAPHORE, args[0]));
	case OP_SVALUE:
		text_add(said, "%lld %d", (long long)aw_semaphore_value(object_of(MADE_SEMAPHORE, args[0])),
		         aw_semaphore_locked(object_of(MADE_SEMAPHORE, args[0])));
		return 0;
	case OP_NOTIFY: return aw_condition_notify(object_of(MADE_CONDITION, args[0]), (size_t)args[1]);
	case OP_NOTIFYALL: return aw_condition_notify_all(object_of(MADE_CONDITION, args[0]));
	case OP_TIMEOUT:
		aw_timeout_unref(here.timeouts[args[0]]);
		here.timeouts[args[0]] = NULL;
		return aw_timeout_new_at(here.loop, limit(args[1]), &here.timeouts[args[0]]);
	case OP_GROUP:
		aw_taskgroup_unref(here.groups[args[0]]);
		here.groups[args[0]] = NULL;
		return aw_taskgroup_new(here.loop, &here.groups[args[0]]);
	default: return queue_op(op, object_of(MADE_QUEUE, args[0]), args, said);
	}
}

/* --- setup and teardown --- */

void *object_of(enum object_kind kind, int number) {
	return here.objects[kind][number];
}

static int32_t compare(void *a, void *b, void *ud) {
	(void)ud;
	return (decode(a) > decode(b)) - (decode(a) < decode(b));
}

static aw_status make_object(enum object_kind kind, const declared *as, void **slot) {
	aw_loop *loop = here.loop;
	switch (kind) {
	case MADE_LOCK: return aw_lock_new(loop, (aw_lock **)slot);
	case MADE_EVENT: return aw_event_new(loop, (aw_event **)slot);
	case MADE_SEMAPHORE:
		return as->kind ? aw_semaphore_new_bounded(loop, as->value, (aw_semaphore **)slot)
		                : aw_semaphore_new(loop, as->value, (aw_semaphore **)slot);
	case MADE_CONDITION: return aw_condition_new(loop, NULL, (aw_condition **)slot);
	case MADE_QUEUE:
		if (as->kind == 2)
			return aw_queue_new_priority(loop, as->value, compare, NULL, NULL, (aw_queue **)slot);
		return as->kind ? aw_queue_new_lifo(loop, as->value, (aw_queue **)slot)
		                : aw_queue_new(loop, as->value, (aw_queue **)slot);
	default: return aw_barrier_new(loop, as->value, (aw_barrier **)slot);
	}
}

static void drop_object(enum object_kind kind, void *object) {
	switch (kind) {
	case MADE_LOCK: aw_lock_unref(object); break;
	case MADE_EVENT: aw_event_unref(object); break;
	case MADE_SEMAPHORE: aw_semaphore_unref(object); break;
	case MADE_CONDITION: aw_condition_unref(object); break;
	case MADE_QUEUE: aw_queue_unref(object); break;
	default: aw_barrier_unref(object);
	}
}

/* Runs periodically: stops if all tasks are done, else cancels those that hang. */
static aw_status watch(aw_loop *loop, void *ud) {
	(void)ud;
	bool left = false;
	for (int i = 0; i < here.task_count; i++)
		if (!aw_future_done(aw_task_future(here.tasks[i]))) left = true;
	if (!left || ++here.rounds > ROUNDS) {
		if (left) trace(NO_TASK, 0, "stuck");
		return aw_loop_stop(loop);
	}
	trace(NO_TASK, 0, "stall");
	int count = here.task_count;
	bool was_left[MAX_TASKS];
	for (int i = 0; i < count; i++) was_left[i] = !aw_future_done(aw_task_future(here.tasks[i]));
	for (int i = 0; i < count; i++)
		if (was_left[i]) aw_task_cancel(here.tasks[i], NULL);
	return aw_loop_call_at(loop, here.base + (int64_t)(here.rounds + 1) * WATCH * TICK, watch, NULL, NULL,
	                       NULL);
}

bool world_open(const program *of, enum flavour flavour, FILE *out) {
	here = (world){.program = of, .flavour = flavour, .out = out, .handles = aw_debug_live_handles()};
	if (aw_loop_new("virtual", &here.loop) < 0) return false;
	here.base = aw_loop_time(here.loop);
	for (int kind = 0; kind < MADE_COUNT; kind++)
		for (int i = 0; i < MAX_OBJECTS; i++)
			if (of->objects[kind][i].present &&
			    make_object((enum object_kind)kind, &of->objects[kind][i], &here.objects[kind][i]) < 0)
				return false;
	return start(-1, 0, false, -1) == 0 &&
	       aw_loop_call_at(here.loop, here.base + WATCH * TICK, watch, NULL, NULL, NULL) == 0;
}

bool world_close(void) {
	here.quiet = true;
	bool closed = aw_loop_close(here.loop) == 0;
	for (int i = 0; i < MAX_SLOTS; i++) aw_future_unref(here.slots[i]);
	for (int i = 0; i < here.task_count; i++) aw_task_unref(here.tasks[i]);
	for (int i = 0; i < MAX_SCOPES; i++) {
		aw_taskgroup_unref(here.groups[i]);
		aw_timeout_unref(here.timeouts[i]);
	}
	for (int kind = 0; kind < MADE_COUNT; kind++)
		for (int i = 0; i < MAX_OBJECTS; i++)
			if (here.objects[kind][i]) drop_object((enum object_kind)kind, here.objects[kind][i]);
	aw_loop_unref(here.loop);
	free(here.used);
	here.used = NULL;
	return closed && aw_debug_live_handles() == here.handles;
}
