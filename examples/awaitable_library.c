/* SPDX-License-Identifier: MIT */
/* A library with threads and callbacks, made awaitable: three sums at once, one of them with a timeout. */
#include <await/easy.h>
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

/* --- the library, which knows nothing of loops --- */

typedef struct adder adder;
typedef void (*adder_done)(adder *self, int error, long sum, void *user);

struct adder {
	const int *numbers; /* the caller's, until `done` was called */
	int count, pause_ms;
	atomic_bool stop;
	adder_done done;
	void *user;
};

static void *adder_run(void *arg) {
	adder *self = arg;
	long sum = 0;
	for (int i = 0; i < self->count && !self->stop; i++) {
		nanosleep(&(struct timespec){.tv_nsec = self->pause_ms * 1000000L}, NULL);
		sum += self->numbers[i];
	}
	self->done(self, self->stop ? ECANCELED : 0, sum, self->user); /* on this thread */
	return NULL;
}

static int adder_start(adder *self) {
	pthread_t thread;
	int error = pthread_create(&thread, NULL, adder_run, self);
	if (error == 0) pthread_detach(thread);
	return error;
}

/* --- what makes it awaitable --- */

static void ask_to_stop(aw_operation *operation, void *ud) {
	(void)operation;
	((adder *)ud)->stop = true;
}

static void when_done(adder *self, int error, long sum, void *user) {
	aw_operation *operation = user;
	(void)self; /* released as soon as the operation is finished */
	if (error == ECANCELED)
		(void)aw_operation_fail(operation, AW_ECANCELLED, NULL);
	else if (error)
		(void)aw_operation_fail(operation, error, "the sum failed");
	else
		(void)aw_operation_finish_int(operation, sum);
	aw_operation_unref(operation);
}

/* Adds `count` numbers, which stay in use until the call returns, cancelled or not. */
static aw_status add(const int *numbers, int count, int pause_ms, int64_t *out) {
	AW_AUTO(aw_operation) operation = NULL;
	AW_AUTO(aw_future) future = NULL;
	adder *self = malloc(sizeof *self);
	if (!self) return aw_raise(AW_ENOMEM, NULL);
	*self = (adder){.numbers = numbers, .count = count, .pause_ms = pause_ms, .done = when_done};
	AW_TRY(aw_operation_new(NULL, ask_to_stop, self, free, &operation));
	AW_TRY(aw_operation_future(operation, &future));
	self->user = aw_operation_ref(operation); /* the thread's */
	int error = adder_start(self);
	if (error) {
		aw_operation_unref(operation);
		return aw_raise(error, "no thread for the sum");
	}
	return aw_await_int(future, out);
}

/* --- the program --- */

static aw_status quick(void *name) {
	const int numbers[] = {1, 2, 3, 4};
	int64_t sum = 0;
	AW_TRY(add(numbers, 4, 1, &sum));
	printf("%s: %d\n", (const char *)name, (int)sum);
	return 0;
}

static aw_status endless(void *ud) {
	(void)ud;
	int numbers[1000] = {0}; /* on this task's stack: safe, because add() returns last */
	int64_t sum = 0;
	return add(numbers, 1000, 10, &sum);
}

AW_MAIN() {
	AW_TRY(quick("first"));
	AW_TRY(quick("second"));
	aw_status status = aw_timeout_run(50 * AW_MILLISECOND, endless, NULL);
	printf("third: %s\n", aw_err_name(status));
	return status == AW_ETIMEOUT ? 0 : status;
}
