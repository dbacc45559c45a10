/* SPDX-License-Identifier: MIT */
/*
 * What the tasks of one program share: its loop, slots, objects and trace; and the statements that never
 * wait.
 */
#ifndef PROPERTY_WORLD_H
#define PROPERTY_WORLD_H

#include <await/await.h>

#include "program.h"

#define TICK        AW_MILLISECOND
#define WATCH       1000 /* ticks after which what hangs is cancelled */
#define ROUNDS      20   /* how often */
#define MOST_TASKS  40
#define MOST_SCOPES 256
#define USER_ERROR  (-3000)
#define NOBODY      (-1) /* who a callback is */

/* How bodies are run. */
enum flavour { FLAVOUR_STACKFUL, FLAVOUR_STEP, FLAVOUR_MIXED };

typedef struct text {
	char data[2048];
	size_t length;
} text;

typedef struct world {
	const program *program;
	enum flavour flavour;
	aw_loop *loop;
	int64_t base; /* when it began */
	FILE *out;
	int64_t handles; /* alive before it began */
	bool quiet;      /* it is over: what unwinds now is not traced */
	void *objects[MADE_COUNT][MOST_OBJECTS];
	aw_future *slots[MOST_SLOTS];
	aw_taskgroup *groups[MOST_SCOPES];
	aw_timeout *timeouts[MOST_SCOPES];
	aw_task *tasks[MOST_TASKS];
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
/* The same as a delay in nanoseconds. */
int64_t delay(int ticks);

void text_add(text *self, const char *format, ...) __attribute__((format(printf, 2, 3)));
void text_add_outcome(text *self, aw_status status, void *value, aw_error *error);
void trace(int who, int id, const char *what);

/* Numbers as values and items: odd, so that they differ from pointers. */
void *encode(int value);
int decode(const void *value);

void *object_of(enum object_kind kind, int number);
/* Runs a statement that never waits. On an error `*error` is NULL or a new reference. */
aw_status simple(int who, const node *at, enum op op, const int *args, int count, text *said,
                 aw_error **error);

bool world_open(const program *of, enum flavour flavour, FILE *out);
/* False if anything is left of the program. */
bool world_close(void);

#endif
