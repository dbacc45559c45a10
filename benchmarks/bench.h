/* SPDX-License-Identifier: MIT */
/*
 * Compares variants of a workload. In each round every variant runs once, in an order that rotates from round
 * to round, so that a disturbance of the machine affects all of them. The first round is a warm-up and is not
 * counted.
 */
#ifndef BENCHMARKS_BENCH_H
#define BENCHMARKS_BENCH_H

#include <stddef.h>
#include <stdint.h>

typedef struct bench_variant {
	const char *name;
	/*
	 * Does the work `count` times. The whole call is timed, except between bench_pause() and bench_resume().
	 */
	void (*run)(void *ud, size_t count);
	void *ud;
	size_t count; /* 0: the count of the first variant */
} bench_variant;

/*
 * Parses the arguments: --raw prints every sample as tab-separated text, --rounds N sets the number of
 * rounds, --quick divides the counts by 20.
 */
void bench_init(int argc, char **argv, int rounds);
/* Runs the variants of a workload and prints the results; the others are compared with the first. */
void bench_run(const char *workload, const bench_variant *variants, size_t count);
/* Prints a number that was measured in another way, e.g. bytes. */
void bench_sample(const char *workload, const char *variant, double value);

/* The time between the two calls is not counted. */
void bench_pause(void);
void bench_resume(void);

/* Exits with a message if `status` is negative: a benchmark that fails has no result. */
void bench_check(const char *what, long status);

/* The open libawait loops, one for each usable backend; "epoll" is first. */
typedef struct bench_backend {
	const char *name;    /* "epoll" */
	const char *variant; /* "libawait, epoll" */
	struct aw_loop *loop;
} bench_backend;

enum { BENCH_BACKENDS = 4 };

size_t bench_backends_open(bench_backend *out);
void bench_backends_close(bench_backend *backends, size_t count);

#endif
