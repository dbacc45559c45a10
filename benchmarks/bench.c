/* SPDX-License-Identifier: MIT */
/*
 * The rounds, the clock, and the two output formats: a table for people, and samples for `benchmarks/run`,
 * which combines several runs.
 */
#include "bench.h"

#include <await/await.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { QUICK = 20 };

static bool raw, quick;
static int rounds;
static int64_t paused, paused_since;

static int64_t now(void) {
	struct timespec time;
	clock_gettime(CLOCK_MONOTONIC, &time);
	return (int64_t)time.tv_sec * 1000000000 + time.tv_nsec;
}

void bench_pause(void) {
	paused_since = now();
}

void bench_resume(void) {
	paused += now() - paused_since;
}

void bench_check(const char *what, long status) {
	if (status >= 0) return;
	fprintf(stderr, "%s: %s\n", what, aw_strerror((aw_status)status));
	exit(1);
}

void bench_init(int argc, char **argv, int default_rounds) {
	rounds = default_rounds;
	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "--raw") == 0)
			raw = true;
		else if (strcmp(argv[i], "--quick") == 0)
			quick = true;
		else if (strcmp(argv[i], "--rounds") == 0 && i + 1 < argc)
			rounds = atoi(argv[++i]);
		else {
			fprintf(stderr, "usage: %s [--raw] [--quick] [--rounds N]\n", argv[0]);
			exit(2);
		}
	}
	if (rounds < 1) rounds = 1;
}

void bench_sample(const char *workload, const char *variant, double value) {
	printf(raw ? "%s\t%s\t%.3f\n" : "%-44s %-40s %10.1f\n", workload, variant, value);
	fflush(stdout);
}

static int ascending(const void *a, const void *b) {
	double left = *(const double *)a, right = *(const double *)b;
	return (left > right) - (left < right);
}

static double median(const double *sorted, int count) {
	return count % 2 ? sorted[count / 2] : (sorted[count / 2 - 1] + sorted[count / 2]) / 2;
}

static double measure(const bench_variant *variant, size_t count) {
	paused = 0;
	int64_t began = now();
	variant->run(variant->ud, count);
	return (double)(now() - began - paused) / (double)count;
}

static size_t count_of(const bench_variant *variants, size_t index) {
	size_t count = variants[index].count ? variants[index].count : variants[0].count;
	if (quick) count /= QUICK;
	return count ? count : 1;
}

static void print_samples(const char *workload, const bench_variant *variant, const double *samples) {
	for (int i = 0; i < rounds; i++) bench_sample(workload, variant->name, samples[i]);
}

/* `first` contains the sorted samples of the first variant. */
static void print_median(const bench_variant *variant, double *samples, const double *first) {
	qsort(samples, (size_t)rounds, sizeof *samples, ascending);
	double middle = median(samples, rounds);
	printf("  %-36s %10.1f ns  (%.1f to %.1f)  x %.2f\n", variant->name, middle, samples[0],
	       samples[rounds - 1], middle / median(first, rounds));
}

void bench_run(const char *workload, const bench_variant *variants, size_t count) {
	double *samples = calloc(count * (size_t)rounds, sizeof *samples);
	if (!samples) abort();
	for (int round = -1; round < rounds; round++) {
		for (size_t i = 0; i < count; i++) {
			size_t at = (i + (size_t)(round + 1)) % count;
			double value = measure(&variants[at], count_of(variants, at));
			if (round >= 0) samples[at * (size_t)rounds + (size_t)round] = value;
		}
	}
	if (!raw) printf("%s\n", workload);
	for (size_t i = 0; i < count; i++) {
		if (raw)
			print_samples(workload, &variants[i], samples + i * (size_t)rounds);
		else
			print_median(&variants[i], samples + i * (size_t)rounds, samples);
	}
	fflush(stdout);
	free(samples);
}

size_t bench_backends_open(bench_backend *out) {
	static const bench_backend all[BENCH_BACKENDS] = {
		{"epoll", "libawait, epoll", NULL},
		{"uring", "libawait, uring", NULL},
		{"uv", "libawait, uv", NULL},
		{"ev", "libawait, ev", NULL},
	};
	size_t count = 0;
	for (size_t i = 0; i < BENCH_BACKENDS; i++) {
		out[count] = all[i];
		aw_status status = aw_loop_new_with(all[i].name, AW_LOOP_SINGLE_THREAD, 0, &out[count].loop);
		if (i == 0) bench_check("aw_loop_new", status);
		if (status < 0)
			fprintf(stderr, "%s: left out: %s\n", all[i].name, aw_strerror(status));
		else
			count++;
	}
	return count;
}

void bench_backends_close(bench_backend *backends, size_t count) {
	for (size_t i = 0; i < count; i++) aw_loop_unref(backends[i].loop);
}
