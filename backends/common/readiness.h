/* SPDX-License-Identifier: MIT */
/*
 * Builds a completion backend from anything that can wait for one descriptor. All waits are in one private
 * epoll set; a backend waits until that set is readable (with epoll_wait, a libuv handle, or a libev watcher)
 * and then calls readiness_collect(). The difficult parts (reuse of descriptor numbers, queues, cancellation)
 * are written once.
 */
#ifndef BACKENDS_READINESS_H
#define BACKENDS_READINESS_H

#include <await/backend.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "calls.h"

/* A list of operations, linked by backend_link: 0 is the next, 1 the previous. */
typedef struct readiness_queue {
	aw_op *first, *last;
} readiness_queue;

enum readiness_side { READINESS_READ, READINESS_WRITE, READINESS_POLL, READINESS_SIDES };

/* The operations that wait for one descriptor number. */
typedef struct readiness_entry {
	readiness_queue waiting[READINESS_SIDES];
	/* counts the files seen under this number; identifies stale events */
	uint32_t generation;
	uint32_t asked; /* the events of the last registration */
	bool known;     /* the number is registered in the set */
	bool armed;     /* an event will be reported for `asked` */
	bool lasting;   /* armed with EPOLLET, not for a single event */
} readiness_entry;

typedef struct readiness {
	const aw_backend_core *core;
	int set;            /* the epoll set: readable when there is something to collect */
	_Atomic int wakeup; /* the wakeup eventfd, in the set */
	atomic_bool signalled;
	bool is_guest; /* a host polls the set, so finished operations must make it readable */
	bool is_closing;
	bool has_precise_wait; /* epoll_pwait2 works here */
	/*
	 * polls with AW_OP_POLL_HELD_OPEN are done elsewhere: one that comes here has not been here before
	 */
	bool held_polls_are_new;
	calls calls;
	size_t in_flight; /* operations that wait for an event */
	readiness_queue done;
	readiness_entry **blocks; /* the entries by descriptor number, in blocks that never move */
	size_t block_count;
} readiness;

/* Why readiness_collect() returned. */
enum readiness_cause {
	READINESS_WOKEN = 1,      /* wake was called */
	READINESS_INTERRUPTED = 2 /* a signal arrived */
};

aw_status readiness_open(readiness *self, const aw_backend_core *core);
/* Completes all pending operations with -ECANCELED. */
void readiness_close(readiness *self);
/* In a forked child: completes nothing, and does not modify the set, which is shared with the parent. */
void readiness_abandon(readiness *self);

aw_status readiness_submit(readiness *self, aw_op *op);
void readiness_cancel(readiness *self, aw_op *op);
/* Callable from any thread and from signal handlers. After a failure, the next call tries again. */
aw_status readiness_wake(readiness *self);
/*
 * Returns the set, for a host loop to poll. From now on it is also readable while finished operations await
 * delivery.
 */
int readiness_fd(readiness *self);

/*
 * Waits up to `span` nanoseconds on the set (0: polls; INT64_MAX: no limit) and performs the operations that
 * are ready. Returns flags of readiness_cause or a negative status. Delivers nothing, and may return early.
 */
int readiness_collect(readiness *self, int64_t span);
bool readiness_has_done(const readiness *self);
/* Delivers the finished operations. Returns whether there were any. */
bool readiness_deliver(readiness *self);

/* A complete wait for a backend that blocks on the set itself. `deadline` is on CLOCK_MONOTONIC. */
aw_status readiness_wait(readiness *self, int64_t deadline);

/* CLOCK_MONOTONIC, and the time left until a deadline: 0 if it has passed, INT64_MAX if there is none. */
int64_t readiness_now(void);
int64_t readiness_left(int64_t deadline);
/* Returns `status` and stores its text in `why`, if that has room. For a backend's probe. */
aw_status readiness_explain(aw_status status, const char *what, char *why, size_t length);
/* Returns 0 if the kernel provides what readiness_open() needs. */
aw_status readiness_probe(char *why, size_t length);

#endif
