/* SPDX-License-Identifier: MIT */
/*
 * Makes a completion backend of anything that can wait for one descriptor. All that is waited for stands in
 * one epoll set of our own; a backend says how a thread waits until that set is readable (epoll_wait itself,
 * a libuv handle, a libev watcher), and calls readiness_collect then. So what is difficult (numbers reused,
 * queues, cancelling) is written once.
 */
#ifndef BACKENDS_READINESS_H
#define BACKENDS_READINESS_H

#include <await/backend.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "calls.h"

/* A list of operations, through their backend_link: 0 is the next, 1 the previous. */
typedef struct readiness_queue {
	aw_op *first, *last;
} readiness_queue;

enum readiness_side { READINESS_READ, READINESS_WRITE, READINESS_POLL, READINESS_SIDES };

/* What waits for one descriptor number. */
typedef struct readiness_entry {
	readiness_queue waiting[READINESS_SIDES];
	/* counts the files seen under this number; an event of another generation is an old file's */
	uint32_t generation;
	uint32_t asked; /* the events that it was armed with last */
	bool known;     /* the set has been given this number */
	bool armed;     /* an event will come for what has been asked */
	bool lasting;   /* armed until it is disarmed (EPOLLET), not for one event */
} readiness_entry;

typedef struct readiness {
	const aw_backend_core *core;
	int set;          /* the epoll set: readable when there is something to collect */
	_Atomic int bell; /* the eventfd behind wake, in the set */
	atomic_bool signalled;
	bool is_guest; /* somebody polls the set: what is done already has to show in it */
	bool is_closing;
	bool has_precise_wait; /* epoll_pwait2 works here */
	calls calls;
	size_t in_flight; /* operations that wait for something outside */
	readiness_queue done;
	readiness_entry **blocks; /* the table of entries, by number, in blocks that never move */
	size_t block_count;
} readiness;

/* What a collect found. */
enum readiness_cause {
	READINESS_WOKEN = 1,      /* wake was called */
	READINESS_INTERRUPTED = 2 /* a signal came */
};

aw_status readiness_open(readiness *self, const aw_backend_core *core);
/* Completes all that is left with -ECANCELED. */
void readiness_close(readiness *self);
/* In a forked child: nothing is completed, and the set is not touched, since it is the parent's as well. */
void readiness_abandon(readiness *self);

aw_status readiness_submit(readiness *self, aw_op *op);
void readiness_cancel(readiness *self, aw_op *op);
/* Any thread, signal handlers too. A negative status: it did not work, and the next call tries again. */
aw_status readiness_wake(readiness *self);
/*
 * The set, for a host loop to poll. From now on it is readable also when operations are done that no wait has
 * delivered.
 */
int readiness_fd(readiness *self);

/*
 * Waits up to `span` nanoseconds (0: looks; INT64_MAX: no limit) on the set and carries out what has become
 * possible. Flags of readiness_cause, or a negative status. Delivers nothing, and may return early.
 */
int readiness_collect(readiness *self, int64_t span);
bool readiness_has_done(const readiness *self);
/* Hands back what is done now, and tells whether there was anything. */
bool readiness_deliver(readiness *self);

/* The whole of a wait for a backend that blocks on the set itself; `deadline` on CLOCK_MONOTONIC. */
aw_status readiness_wait(readiness *self, int64_t deadline);

/* CLOCK_MONOTONIC, and what is left until a deadline: 0 if it is past, INT64_MAX if there is none. */
int64_t readiness_now(void);
int64_t readiness_left(int64_t deadline);
/* `status`, with its text in `why` unless that has no room. For a backend's probe. */
aw_status readiness_explain(aw_status status, const char *what, char *why, size_t length);
/* 0 if what readiness_open needs is there. */
aw_status readiness_probe(char *why, size_t length);

#endif
