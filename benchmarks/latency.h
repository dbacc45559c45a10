/* SPDX-License-Identifier: MIT */
/* What the clients of the servers share: clocks, percentiles, and the line that each of them prints. */
#ifndef BENCHMARKS_LATENCY_H
#define BENCHMARKS_LATENCY_H

#include <stdbool.h>
#include <stdint.h>

enum { SERVERS = 16, SECOND = 1000000000, WARM_UP = SECOND / 10 };

/* Exits with errno's message unless `is_fine`. */
void check(const char *what, bool is_fine);
/* Nanoseconds. */
int64_t now(void);
/* Finds the clocks of processes. */
void servers_find(char **pids, int count);
/* The processor time that they have used together. */
int64_t servers_time(void);
/* Counts the time of one reply. */
void latency_note(uint64_t nanoseconds);
/* The replies a second, the median and the 99th percentile of their times, and the servers' time for each. */
void print_sample(uint64_t replies, int64_t nanoseconds, int64_t used);

#endif
