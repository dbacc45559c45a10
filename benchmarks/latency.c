/* SPDX-License-Identifier: MIT */
/* The clocks and percentiles of the clients. */
#include "latency.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static clockid_t servers[SERVERS];
static int server_count;

/* Latencies, counted in classes that are 1/64 of their value wide. */
enum { FINE_BITS = 6, FINE = 1 << FINE_BITS, CLASSES = (64 - FINE_BITS + 1) * FINE };
static uint64_t classes[CLASSES];

void check(const char *what, bool is_fine) {
	if (is_fine) return;
	perror(what);
	exit(1);
}

static int64_t clock_now(clockid_t clock) {
	struct timespec time;
	check("clock_gettime", clock_gettime(clock, &time) == 0);
	return (int64_t)time.tv_sec * SECOND + time.tv_nsec;
}

int64_t now(void) {
	return clock_now(CLOCK_MONOTONIC);
}

void servers_find(char **pids, int count) {
	for (server_count = 0; server_count < count; server_count++)
		check("the server",
		      clock_getcpuclockid((pid_t)atoi(pids[server_count]), &servers[server_count]) == 0);
}

int64_t servers_time(void) {
	int64_t sum = 0;
	for (int i = 0; i < server_count; i++) sum += clock_now(servers[i]);
	return sum;
}

static size_t class_of(uint64_t value) {
	if (value < FINE) return value;
	unsigned shift = 63 - (unsigned)__builtin_clzll(value) - FINE_BITS;
	return ((size_t)shift + 1) * FINE + (size_t)((value >> shift) - FINE);
}

static uint64_t middle_of(size_t class) {
	if (class < FINE) return class;
	unsigned shift = (unsigned)(class / FINE) - 1;
	return ((uint64_t)(class % FINE + FINE) << shift) + ((uint64_t)1 << shift) / 2;
}

static uint64_t percentile(uint64_t of, uint64_t percent) {
	uint64_t seen = 0, wanted = of * percent / 100;
	for (size_t i = 0; i < CLASSES; i++) {
		seen += classes[i];
		if (seen > wanted) return middle_of(i);
	}
	return 0;
}

void latency_note(uint64_t nanoseconds) {
	classes[class_of(nanoseconds)]++;
}

void print_sample(uint64_t replies, int64_t nanoseconds, int64_t used) {
	double seconds = (double)nanoseconds / SECOND, divisor = replies ? (double)replies : 1;
	printf("%.1f\t%llu\t%llu\t%.1f\n", (double)replies / seconds, (unsigned long long)percentile(replies, 50),
	       (unsigned long long)percentile(replies, 99), (double)used / divisor);
}
