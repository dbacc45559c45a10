/* SPDX-License-Identifier: MIT */
/*
 * State shared by the tasks of a program: loop, slots, objects and trace; and the statements that never wait.
 */
#ifndef PROPERTY_WORLD_H
#define PROPERTY_WORLD_H

#include <await/await.h>

#include "program.h"

#define TICK       AW_MILLISECOND
#define WATCH      1000 /* ticks after which hanging tasks are cancelled */
#define ROUNDS     20   /* how many times */
#define MAX_TASKS  40
#define MAX_SCOPES 256
#define USER_ERROR (-3000)
#define NO_TASK    (-1) /* the task id of callbacks */

/* How bodies run. */
enum flavour { FLAVOUR_STACKFUL, FLAVOUR_STEP, FLAVOUR_MIXED };

typedef struct text {
	char data[2048];
	size_t length;
} text;

typedef struct world {
	const program *program;
	enum flavour flavour;
	aw_loop *loop;
	int64_t base; /* start time */
	FILE *out;
	int64_t handles; /* live handles before it started */
	bool quiet;      /* over: unwinding is not traced */
	void *objects[MADE_COUNT][MAX_OBJECTS];
	aw_future *slots[MAX_SLOTS];
	aw_taskgroup *groups[MAX_SCOPES];
	aw_timeout *timeouts[MAX_SCOPES];
	aw_task *tasks[MAX_TASKS];
	int task_count, started, items, rounds;
	int64_t *used; /* deadlines */
	size_t used_count, used_room;
} world;

extern world here;

/* Starts body `number` in a task of `group` (optional); by interpret.c. */
aw_status task_start(int number, bool eager, aw_taskgroup *group, aw_task **out);

int64_t tick_now(void);
/* A tick that no other timer has. */
int64_t deadline(int ticks);
/* The same, as a delay in nanoseconds. */
int64_t delay(int ticks);

void text_add(text *self, const char *format, ...) __attribute__((format(printf, 2, 3)));
void text_add_outcome(text *self, aw_status status, void *value, aw_error *error);
void trace(int task_id, int id, const char *what);

/* Numbers as values and items: odd, so that they differ from pointers. */
void *encode(int value);
int decode(const void *value);

void *object_of(enum object_kind kind, int number);
/* Runs a statement that never waits. On an error `*error` is NULL or a new reference. */
aw_status simple(int task_id, const node *at, enum op op, const int *args, int count, text *said,
                 aw_error **error);

bool world_open(const program *of, enum flavour flavour, FILE *out);
/* False if anything is left of the program. */
bool world_close(void);

#endif
