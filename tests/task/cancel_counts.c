/* SPDX-License-Identifier: MIT */
/* Labels: valgrind */
/*
 * aw_task_cancelling() with tasks that await each other in trees: each request counts for the cancelled task
 * and for all tasks that it awaits, whatever is cancelled, uncancelled and read in between. Compared with a
 * model that walks the chain each time.
 */
#include "trace.h"

enum { TASKS = 60, ROUNDS = 300, STEPS = 120 };

static uint32_t seed = 1;

static uint32_t pick(uint32_t below) {
	seed = seed * 1664525 + 1013904223;
	return (seed >> 8) % below;
}

/* What a task awaits: another task, a future, or nothing, if it has not started. */
typedef struct model {
	int awaits; /* the index of a task, or -1 */
	int32_t requests;
	bool must_cancel;
} model;

static aw_status awaits_slot(aw_resume *resume, void *slot) {
	if (aw_resume_status(resume) < 0) return aw_resume_raise(resume, aw_resume_error(resume));
	if (aw_resume_value(resume)) return aw_resume_return(resume, aw_resume_value(resume), NULL);
	return aw_resume_await(resume, *(aw_future **)slot);
}

static aw_task *spawn_slot(aw_loop *loop, aw_future **slot) {
	aw_coro *coro = NULL;
	aw_task *task = NULL;
	EXPECT_INT(aw_coro_new(loop, awaits_slot, slot, NULL, &coro), 0);
	EXPECT_INT(aw_task_spawn_coro(loop, coro, &task), 0);
	aw_coro_unref(coro);
	return task;
}

static void model_cancel(model *tasks, int at) {
	for (; at >= 0; at = tasks[at].awaits) tasks[at].requests++;
}

static void compare(aw_task *const *tasks, const model *models, int at) {
	if (aw_future_done(aw_task_future(tasks[at]))) return;
	EXPECT_INT(aw_task_cancelling(tasks[at]), models[at].requests);
}

/* One round on a forest; `deep` makes it a few long chains. */
static void round_of(bool deep) {
	aw_loop *loop = loop_begin("virtual");
	aw_task *tasks[TASKS];
	aw_future *leaves[TASKS], *slots[TASKS];
	model models[TASKS] = {0};
	for (int i = 0; i < TASKS; i++) {
		bool root = i == 0 || pick(deep ? 20 : 4) == 0;
		models[i].awaits = root ? -1 : deep ? i - 1 : (int)pick((uint32_t)i);
		EXPECT_INT(aw_future_new(loop, &leaves[i]), 0);
		tasks[i] = spawn_slot(loop, &slots[i]);
		slots[i] = root ? leaves[i] : aw_task_future(tasks[models[i].awaits]);
	}
	IGNORED(aw_loop_run_once(loop, 0));
	for (int step = 0; step < STEPS; step++) {
		int at = (int)pick(TASKS);
		switch (pick(8)) {
		case 0: compare(tasks, models, at); break;
		case 1:
			if (aw_future_done(aw_task_future(tasks[at]))) break;
			EXPECT_INT(aw_task_uncancel(tasks[at]), models[at].requests ? --models[at].requests : 0);
			break;
		default:
			if (aw_future_done(aw_task_future(tasks[at]))) break;
			EXPECT_INT(aw_task_cancel(tasks[at], NULL), 1);
			model_cancel(models, at);
		}
	}
	for (int i = 0; i < TASKS; i++) compare(tasks, models, i);
	/* In some trees the request was withdrawn; the counts persist either way. */
	for (int i = 0; i < TASKS; i++)
		if (!aw_future_done(leaves[i])) EXPECT_INT(aw_future_set_result(leaves[i], "v", NULL), 0);
	while (aw_loop_pending(loop)) IGNORED(aw_loop_run_once(loop, 0));
	for (int i = 0; i < TASKS; i++) {
		EXPECT(aw_future_done(aw_task_future(tasks[i])));
		EXPECT_INT(aw_task_cancelling(tasks[i]), models[i].requests);
		aw_task_unref(tasks[i]);
		aw_future_unref(leaves[i]);
	}
	loop_end(loop);
}

static void every_request_is_counted_in_a_bush(void) {
	for (seed = 1; seed < ROUNDS;) {
		uint32_t next = seed + 1;
		round_of(false);
		seed = next;
	}
}

static void every_request_is_counted_in_a_chain(void) {
	for (seed = 1; seed < ROUNDS;) {
		uint32_t next = seed + 1;
		round_of(true);
		seed = next;
	}
}

/* The last request is the one that arrives. */
static void the_message_of_the_last_request_arrives(void) {
	aw_loop *loop = loop_begin("virtual");
	aw_future *leaf = NULL, *slots[3];
	aw_task *tasks[3];
	aw_error *error = NULL;
	EXPECT_INT(aw_future_new(loop, &leaf), 0);
	for (int i = 0; i < 3; i++) {
		tasks[i] = spawn_slot(loop, &slots[i]);
		slots[i] = i ? aw_task_future(tasks[i - 1]) : leaf;
	}
	IGNORED(aw_loop_run_once(loop, 0));
	/* too late for the future: the task itself must get the request */
	EXPECT_INT(aw_future_set_result(leaf, "v", NULL), 0);
	EXPECT_INT(aw_task_cancel(tasks[2], "first"), 1);
	EXPECT_INT(aw_task_cancel(tasks[1], "second"), 1);
	EXPECT_INT(aw_task_cancel(tasks[2], "third"), 1);
	while (aw_loop_pending(loop)) IGNORED(aw_loop_run_once(loop, 0));
	for (int i = 0; i < 3; i++) {
		EXPECT_INT(aw_future_error(aw_task_future(tasks[i]), &error), AW_ECANCELLED);
		EXPECT_STR(aw_error_message(error), "third");
	}
	EXPECT_INT(aw_task_cancelling(tasks[0]), 3);
	EXPECT_INT(aw_task_cancelling(tasks[1]), 3);
	EXPECT_INT(aw_task_cancelling(tasks[2]), 2);
	for (int i = 0; i < 3; i++) aw_task_unref(tasks[i]);
	aw_future_unref(leaf);
	loop_end(loop);
}

/*
 * Between two requests, a task of the chain awaits another one: a request counts for the tasks below it at
 * that time.
 */
static aw_status awaits_two(aw_resume *resume, void *slots) {
	aw_future **next = slots;
	if (aw_resume_status(resume) == AW_ECANCELLED && next[2])
		return aw_resume_raise(resume, aw_resume_error(resume));
	if (aw_resume_status(resume) == AW_ECANCELLED) {
		next[2] = next[1]; /* once more, elsewhere */
		return aw_resume_await(resume, next[1]);
	}
	return aw_resume_await(resume, next[0]);
}

static void a_request_is_counted_by_those_awaited_at_its_time(void) {
	aw_loop *loop = loop_begin("virtual");
	aw_future *leaves[2], *first, *second, *middle_slots[3] = {0}, *top;
	aw_coro *coro = NULL;
	aw_task *below[2], *middle = NULL, *above = NULL;
	for (int i = 0; i < 2; i++) EXPECT_INT(aw_future_new(loop, &leaves[i]), 0);
	first = leaves[0], second = leaves[1];
	below[0] = spawn_slot(loop, &first);
	below[1] = spawn_slot(loop, &second);
	middle_slots[0] = aw_task_future(below[0]);
	middle_slots[1] = aw_task_future(below[1]);
	EXPECT_INT(aw_coro_new(loop, awaits_two, middle_slots, NULL, &coro), 0);
	EXPECT_INT(aw_task_spawn_coro(loop, coro, &middle), 0);
	aw_coro_unref(coro);
	top = aw_task_future(middle);
	above = spawn_slot(loop, &top);
	IGNORED(aw_loop_run_once(loop, 0));
	for (int i = 0; i < 3; i++) EXPECT_INT(aw_task_cancel(above, NULL), 1);
	while (aw_loop_pending(loop)) IGNORED(aw_loop_run_once(loop, 0));
	EXPECT_INT(aw_task_cancel(above, NULL), 1);
	EXPECT_INT(aw_task_cancel(above, NULL), 1);
	EXPECT_INT(aw_task_cancelling(below[0]), 3);
	EXPECT_INT(aw_task_cancelling(below[1]), 2);
	EXPECT_INT(aw_task_cancelling(middle), 5);
	EXPECT_INT(aw_task_cancelling(above), 5);
	while (aw_loop_pending(loop)) IGNORED(aw_loop_run_once(loop, 0));
	EXPECT(aw_future_cancelled(aw_task_future(above)));
	for (int i = 0; i < 2; i++) {
		aw_task_unref(below[i]);
		aw_future_unref(leaves[i]);
	}
	aw_task_unref(middle);
	aw_task_unref(above);
	loop_end(loop);
}

CHECK_MAIN("cancel_counts", TEST(every_request_is_counted_in_a_bush),
           TEST(every_request_is_counted_in_a_chain), TEST(the_message_of_the_last_request_arrives),
           TEST(a_request_is_counted_by_those_awaited_at_its_time))
