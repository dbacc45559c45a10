/* SPDX-License-Identifier: MIT */
/* Labels: backends */
/*
 * A stress test for lost wake-ups: workers on a queue, lock, semaphore or condition, some of which are
 * cancelled at random and may die. The workers that are never cancelled must finish all the work: if a dead
 * worker lost a wake-up, they hang, which a time limit detects.
 *
 * Two threads, each with its own loops, for AWAIT_HUNT_SECONDS (2). The seed is printed, and taken from
 * AWAIT_HUNT_SEED.
 */
#include <await/await.h>
#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdbool.h>
#include <time.h>

#include "check.h"

#define MAX_ITEMS   240
#define MORTALS     6
#define MAX_WORKERS 60
#define LIMIT       AW_SECOND /* for one round, which takes milliseconds; virtual; 20 times that in real time */

enum subject { QUEUE_FIFO, QUEUE_LIFO, QUEUE_PRIORITY, LOCK, SEMAPHORE, CONDITION, SUBJECTS };

typedef struct item {
	int put, got;
} item;

typedef struct hunt_round {
	uint64_t state; /* of the random number generator */
	enum subject subject;
	const char *fault;
	/* the contended objects */
	aw_queue *queue;
	aw_lock *lock;
	aw_semaphore *semaphore;
	aw_condition *condition;
	int64_t permits;
	/* the work */
	item items[MAX_ITEMS];
	int total, next, done;
	int again[MAX_ITEMS], again_count; /* items whose put was cancelled */
	int holders, stock;
	/* the workers that may be cancelled */
	aw_task *mortals[MAX_WORKERS];
	int mortal_count;
	bool replaced, ended;
	int64_t limit;
} hunt_round;

typedef struct worker {
	hunt_round *of;
	bool mortal, puts;
} worker;

static uint64_t next_number(uint64_t *state) {
	uint64_t z = (*state += 0x9E3779B97F4A7C15u);
	z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
	z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
	return z ^ (z >> 31);
}

static int below(hunt_round *self, int count) {
	return (int)(next_number(&self->state) % (uint64_t)count);
}

static void fault(hunt_round *self, const char *what) {
	if (!self->fault) self->fault = what;
}

static int64_t moment(hunt_round *self) {
	int which = below(self, 4);
	return which < 2 ? 0 : below(self, 20) * AW_MICROSECOND;
}

/* After a failed wait: returns true if the worker survives. */
static bool survives(worker *self, aw_status status) {
	if (status != AW_ECANCELLED || !self->mortal) {
		fault(self->of, status == AW_ECANCELLED ? "a worker hangs" : aw_err_name(status));
		return false;
	}
	if (self->of->fault || self->of->ended) return false;
	aw_task_uncancel(aw_task_current());
	return below(self->of, 2);
}

/* --- queues --- */

static aw_status get_alone(void *ud) {
	hunt_round *self = ud;
	void *got = NULL;
	aw_status status = aw_queue_get(self->queue, &got, NULL);
	return status < 0 ? status : aw_return(got, NULL);
}

/*
 * A get in a separate task, with a timeout: the task has the item that it got just as the deadline passed.
 */
static aw_status get_in_time(hunt_round *self, item **out) {
	aw_task *task;
	void *got = NULL;
	aw_status status = aw_task_spawn(NULL, get_alone, self, NULL, &task);
	if (status < 0) return status;
	status = aw_wait_for(aw_task_future(task), 1 + below(self, 30) * AW_MICROSECOND, &got);
	if (status < 0 && aw_future_result(aw_task_future(task), &got) >= 0) status = 0;
	aw_task_unref(task);
	*out = got;
	return status == AW_ETIMEOUT ? -EAGAIN : status;
}

static aw_status get(hunt_round *self, item **out) {
	void *got = NULL;
	aw_coro *coro;
	aw_status status;
	switch (below(self, 4)) {
	case 0: return get_in_time(self, out);
	case 1:
		status = aw_queue_get_coro(self->queue, &coro);
		if (status < 0) return status;
		status = aw_await_coro(coro, &got);
		aw_coro_unref(coro);
		break;
	case 2:
		status = aw_queue_get_nowait(self->queue, &got, NULL);
		if (status != AW_EQUEUEEMPTY) break;
		/* fall through */
	default: status = aw_queue_get(self->queue, &got, NULL);
	}
	*out = got;
	return status;
}

static aw_status put(hunt_round *self, item *what) {
	aw_coro *coro;
	if (below(self, 2)) return aw_queue_put(self->queue, what, NULL);
	aw_status status = aw_queue_put_coro(self->queue, what, NULL, &coro);
	if (status < 0) return status;
	status = aw_await_coro(coro, NULL);
	aw_coro_unref(coro);
	return status;
}

static void produce(worker *self) {
	hunt_round *of = self->of;
	while (of->again_count || of->next < of->total) {
		int index = of->again_count ? of->again[--of->again_count] : of->next++;
		aw_status status = put(of, &of->items[index]);
		if (status >= 0) {
			of->items[index].put++;
			if (below(of, 3) == 0 && aw_sleep(moment(of)) < 0) aw_task_uncancel(aw_task_current());
			continue;
		}
		if (of->items[index].got) fault(of, "an item came out whose put failed");
		of->again[of->again_count++] = index;
		if (!survives(self, status)) return;
	}
}

static void consume(worker *self) {
	hunt_round *of = self->of;
	for (;;) {
		item *got = NULL;
		aw_status status = get(of, &got);
		if (status == AW_EQUEUESHUTDOWN) return;
		if (status == -EAGAIN) continue;
		if (status < 0) {
			if (!survives(self, status)) return;
			continue;
		}
		if (got->got++) fault(of, "an item came out twice");
		of->done++;
		if (aw_queue_task_done(of->queue) < 0) fault(of, "task_done");
		if (below(of, 3) == 0 && aw_sleep(moment(of)) < 0) aw_task_uncancel(aw_task_current());
	}
}

/* --- locks, semaphores, conditions --- */

static void hold(worker *self) {
	hunt_round *of = self->of;
	bool locks = of->subject == LOCK;
	while (of->done < of->total) {
		aw_status status = locks ? aw_lock_acquire(of->lock) : aw_semaphore_acquire(of->semaphore);
		if (status < 0) {
			if (!survives(self, status)) return;
			continue;
		}
		if (++of->holders > (locks ? 1 : of->permits)) fault(of, "too many hold it");
		if (below(of, 2) && aw_sleep(moment(of)) < 0) aw_task_uncancel(aw_task_current());
		of->holders--;
		of->done++;
		status = locks ? aw_lock_release(of->lock) : aw_semaphore_release(of->semaphore);
		if (status < 0) fault(of, "release");
	}
}

/* Waits for stock; the lock is held before and after. */
static aw_status wait_for_stock(hunt_round *self) {
	while (!self->stock && self->done < self->total) {
		aw_status status = aw_condition_wait(self->condition);
		if (status < 0) return status;
	}
	return 0;
}

static void trade(worker *self) {
	hunt_round *of = self->of;
	aw_lock *lock = aw_condition_lock(of->condition);
	while (self->puts ? of->next < of->total : of->done < of->total) {
		aw_status status = aw_lock_acquire(lock);
		if (status < 0) {
			if (!survives(self, status)) return;
			continue;
		}
		if (self->puts && of->next < of->total) {
			of->next++;
			of->stock++;
			aw_condition_notify(of->condition, 1);
		} else if (!self->puts && (status = wait_for_stock(of)) >= 0 && of->stock) {
			of->stock--;
			if (++of->done == of->total) aw_condition_notify_all(of->condition);
		}
		if (aw_lock_release(lock) < 0) fault(of, "a wait came back without the lock");
		/*
		 * Must not survive a cancellation: a notified waiter that continues would check the predicate, and
		 * hide a lost notification.
		 */
		if (status < 0 && !(survives(self, status) && self->puts)) return;
		if (self->puts && aw_sleep(moment(of)) < 0) aw_task_uncancel(aw_task_current());
	}
}

/* --- a round --- */

static aw_status work(void *ud) {
	worker *self = ud;
	if (self->of->subject == CONDITION)
		trade(self);
	else if (self->of->subject >= LOCK)
		hold(self);
	else if (self->puts)
		produce(self);
	else
		consume(self);
	return 0;
}

static aw_task *hire(hunt_round *self, bool mortal, bool puts) {
	aw_task *task = NULL;
	worker *made = malloc(sizeof *made);
	if (!made) return NULL;
	*made = (worker){self, mortal, puts};
	if (aw_task_spawn(NULL, work, made, free, &task) < 0) fault(self, "spawn");
	return task;
}

/* Cancels at random, and replaces dead workers. */
static aw_status reap(void *ud) {
	hunt_round *self = ud;
	while (!self->ended) {
		aw_status status = aw_sleep(moment(self));
		if (status < 0) return status;
		int at = below(self, MORTALS);
		if (at >= self->mortal_count) {
			if (self->mortal_count < MORTALS)
				self->mortals[self->mortal_count++] = hire(self, true, below(self, 2));
			continue;
		}
		aw_task *task = self->mortals[at];
		if (aw_future_done(aw_task_future(task)) && self->replaced) {
			aw_task_unref(task);
			self->mortals[at] = hire(self, true, below(self, 2));
		} else
			aw_task_cancel(task, NULL);
	}
	return 0;
}

static int32_t compare(void *a, void *b, void *ud) {
	(void)ud;
	return (a > b) - (a < b);
}

static aw_status make_subject(hunt_round *self) {
	int64_t room = below(self, 4);
	self->permits = 1 + below(self, 3);
	switch (self->subject) {
	case QUEUE_FIFO: return aw_queue_new(NULL, room, &self->queue);
	case QUEUE_LIFO: return aw_queue_new_lifo(NULL, room, &self->queue);
	case QUEUE_PRIORITY: return aw_queue_new_priority(NULL, room, compare, NULL, NULL, &self->queue);
	case LOCK: return aw_lock_new(NULL, &self->lock);
	case SEMAPHORE: return aw_semaphore_new_bounded(NULL, self->permits, &self->semaphore);
	default: return aw_condition_new(NULL, NULL, &self->condition);
	}
}

static void let_end(hunt_round *self, aw_task *task) {
	if (self->fault) aw_task_cancel(task, NULL);
	if (task && aw_wait_for(aw_task_future(task), self->limit, NULL) == AW_ETIMEOUT)
		fault(self, "a worker hangs");
	aw_task_unref(task);
}

static void check_end(hunt_round *self) {
	if (self->queue) {
		for (int i = 0; i < self->total; i++)
			if (self->items[i].put != 1 || self->items[i].got != 1) fault(self, "an item was lost");
		if (!aw_queue_empty(self->queue)) fault(self, "something is left");
	}
	if (self->lock && aw_lock_locked(self->lock)) fault(self, "the lock is still held");
	if (self->semaphore && aw_semaphore_value(self->semaphore) != self->permits)
		fault(self, "a permit was lost");
	if (self->condition && (self->stock || aw_lock_locked(aw_condition_lock(self->condition))))
		fault(self, "stock is left");
}

static aw_status run_round(void *ud) {
	hunt_round *self = ud;
	aw_task *immortals[3], *reaper = NULL;
	aw_status status = make_subject(self);
	if (status == 0) status = aw_task_spawn(NULL, reap, self, NULL, &reaper);
	if (status < 0) {
		fault(self, aw_err_name(status));
		return status;
	}
	for (int i = 0; i < 3; i++) immortals[i] = hire(self, false, i == 0);
	let_end(self, immortals[0]);
	if (self->queue) {
		/*
		 * Nobody else puts once the immortal has, but what a mortal still holds: it comes when that is let
		 * through.
		 */
		for (int turns = 0; !self->fault && (self->again_count || self->done < self->total); turns++) {
			let_end(self, hire(self, false, true));
			EXPECT(aw_sleep(AW_MICROSECOND) >= 0);
			if (turns > 20000) fault(self, "an item was lost");
		}
		aw_queue_shutdown(self->queue, 0);
	}
	let_end(self, immortals[1]);
	let_end(self, immortals[2]);
	self->ended = true;
	let_end(self, reaper);
	for (int i = 0; i < self->mortal_count; i++) let_end(self, self->mortals[i]);
	if (!self->fault) check_end(self);
	aw_queue_unref(self->queue);
	aw_lock_unref(self->lock);
	aw_semaphore_unref(self->semaphore);
	aw_condition_unref(self->condition);
	return 0;
}

/* --- two threads --- */

typedef struct hunter {
	const char *backend;
	uint64_t seed;
	int64_t until;
	int64_t rounds[SUBJECTS], items;
	bool failed;
} hunter;

static int64_t clock_now(void) {
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * AW_SECOND + now.tv_nsec;
}

static void *hunt(void *arg) {
	hunter *self = arg;
	for (uint64_t seed = self->seed; clock_now() < self->until && !self->failed; seed++) {
		hunt_round round = {.state = seed};
		round.subject = (enum subject)below(&round, SUBJECTS);
		/* With few items, no later wake-up hides a lost one. */
		round.total = below(&round, 3) ? 1 + below(&round, 6) : 20 + below(&round, MAX_ITEMS - 20);
		round.replaced = below(&round, 2);
		round.limit = strcmp(self->backend, "virtual") == 0 ? LIMIT : 20 * LIMIT;
		aw_status status = aw_run(self->backend, run_round, &round, NULL, NULL);
		if (status < 0 || round.fault) {
			printf("\n    seed %" PRIu64 ", subject %d, on %s: %s\n", seed, (int)round.subject, self->backend,
			       round.fault ? round.fault : aw_err_name(status));
			self->failed = true;
		}
		self->rounds[round.subject]++;
		self->items += round.done;
	}
	return NULL;
}

static uint64_t number_from(const char *name, uint64_t otherwise) {
	const char *text = getenv(name);
	return text && *text ? strtoull(text, NULL, 10) : otherwise;
}

static void nothing_is_lost_under_random_cancellation(void) {
	int64_t until = clock_now() + (int64_t)number_from("AWAIT_HUNT_SECONDS", 2) * AW_SECOND;
	uint64_t seed = number_from("AWAIT_HUNT_SEED", (uint64_t)time(NULL) * 1000000);
	const char *backend = getenv("AWAIT_BACKEND");
	hunter hunters[2] = {{.backend = "virtual", .seed = seed, .until = until},
	                     {.backend = backend && *backend ? backend : "epoll", .seed = seed, .until = until}};
	pthread_t threads[2];
	printf("\n    AWAIT_HUNT_SEED=%" PRIu64 "\n", seed);
	for (int i = 0; i < 2; i++) REQUIRE(pthread_create(&threads[i], NULL, hunt, &hunters[i]) == 0);
	for (int i = 0; i < 2; i++) pthread_join(threads[i], NULL);
	for (int i = 0; i < 2; i++) {
		int64_t rounds = 0;
		for (int s = 0; s < SUBJECTS; s++) rounds += hunters[i].rounds[s];
		EXPECT(rounds > 0);
		printf("    %s: %" PRId64 " rounds, %" PRId64 " items and turns\n", hunters[i].backend, rounds,
		       hunters[i].items);
		EXPECT(!hunters[i].failed);
	}
	EXPECT_INT(aw_debug_live_handles(), 0);
}

CHECK_MAIN("hunt", TEST(nothing_is_lost_under_random_cancellation))
