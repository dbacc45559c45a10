/* SPDX-License-Identifier: MIT */
/* A parsed program of generate.py. */
#ifndef PROPERTY_PROGRAM_H
#define PROPERTY_PROGRAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define MAX_BODIES  16
#define MAX_SLOTS   256
#define MAX_OBJECTS 8
#define MAX_ARGS    10

enum op {
	OP_ACQUIRE,
	OP_AWAIT,
	OP_BABORT,
	OP_BLOCK,
	OP_BRESET,
	OP_BWAIT,
	OP_CALL,
	OP_CANCEL,
	OP_CANCELLING,
	OP_CANCELSELF,
	OP_CWAIT,
	OP_CWITH,
	OP_EAGER,
	OP_ECLEAR,
	OP_ESET,
	OP_EWAIT,
	OP_FAIL,
	OP_FINALLY,
	OP_FUTURE,
	OP_GATHER,
	OP_GET,
	OP_GETNOW,
	OP_GROUP,
	OP_GSPAWN,
	OP_LATER,
	OP_LOCKED,
	OP_NOTIFY,
	OP_NOTIFYALL,
	OP_ONDONE,
	OP_PUT,
	OP_PUTNOW,
	OP_QJOIN,
	OP_QSIZE,
	OP_RAISE,
	OP_RELEASE,
	OP_RESCHED,
	OP_RETURN,
	OP_SACQUIRE,
	OP_SET,
	OP_SHIELD,
	OP_SHUTDOWN,
	OP_SLEEP,
	OP_SOON,
	OP_SPAWN,
	OP_SRELEASE,
	OP_STATE,
	OP_SVALUE,
	OP_TASKDONE,
	OP_TIMEOUT,
	OP_UNCANCEL,
	OP_WAIT,
	OP_WAITFOR,
	OP_WITH,
	OP_YIELD,
	OP_COUNT
};

/* A statement. For "soon" and "later", `inner` is the operation of the callback. */
typedef struct node {
	int id;
	char mode;
	enum op op, inner;
	int args[MAX_ARGS];
	int count;
	bool is_block;
	struct node *next, *blocks[2];
} node;

enum object_kind {
	MADE_LOCK,
	MADE_EVENT,
	MADE_SEMAPHORE,
	MADE_CONDITION,
	MADE_QUEUE,
	MADE_BARRIER,
	MADE_COUNT
};

/*
 * An object to create: `kind` is the order of a queue (0 fifo, 1 lifo, 2 priority), or whether a semaphore is
 * bounded.
 */
typedef struct declared {
	bool present;
	int kind, value;
} declared;

typedef struct program {
	unsigned long seed;
	declared objects[MADE_COUNT][MAX_OBJECTS];
	node *bodies[MAX_BODIES];
	node *nodes; /* all of them */
	size_t node_count, node_room;
} program;

/*
 * Reads the next program into `self`, which is zeroed or has a previous program. False at end of input; exits
 * on a syntax error.
 */
bool program_read(program *self, FILE *from);
void program_free(program *self);

#endif
