/* SPDX-License-Identifier: MIT */
/*
 * Prints the results. The diff uses the longest common subsequence of lines, quadratic but fine for short
 * traces.
 */
#include "report.h"

#include <stdio.h>
#include <string.h>

enum { COLUMN = 9, LINES_MAX = 200 };

/* --- matrix --- */

static const char *verdict_word(run_verdict verdict) {
	switch (verdict) {
	case RUN_GOOD: return "ok";
	case RUN_SLOW: return "slow";
	case RUN_BAD: return "FAIL";
	case RUN_LEFT_OUT: break;
	}
	return "-";
}

void report_matrix(const char *const *cases, size_t case_count, const char *const *backends,
                   size_t backend_count, const run_result *results) {
	int width = 4;
	for (size_t i = 0; i < case_count; i++)
		if ((int)strlen(cases[i]) > width) width = (int)strlen(cases[i]);
	printf("%-*s", width, "case");
	for (size_t b = 0; b < backend_count; b++)
		printf("  %-*s", b + 1 < backend_count ? COLUMN - 2 : 0, backends[b]);
	putchar('\n');
	for (size_t i = 0; i < case_count; i++) {
		printf("%-*s", width, cases[i]);
		for (size_t b = 0; b < backend_count; b++)
			printf("  %-*s", b + 1 < backend_count ? COLUMN - 2 : 0,
			       verdict_word(results[i * backend_count + b].verdict));
		putchar('\n');
	}
}

/* --- diff --- */

typedef struct text_lines {
	const char *start[LINES_MAX];
	size_t length[LINES_MAX];
	size_t count;
} text_lines;

static void lines_cut(text_lines *self, const char *text) {
	self->count = 0;
	while (*text && self->count < LINES_MAX) {
		size_t length = strcspn(text, "\n");
		self->start[self->count] = text;
		self->length[self->count++] = length;
		text += length + (text[length] == '\n');
	}
}

static bool lines_same(const text_lines *a, size_t i, const text_lines *b, size_t j) {
	return a->length[i] == b->length[j] && memcmp(a->start[i], b->start[j], a->length[i]) == 0;
}

static void line_print(const char *mark, const text_lines *lines, size_t i) {
	printf("    %s %.*s\n", mark, (int)lines->length[i], lines->start[i]);
}

void report_difference(const char *expected, const char *got) {
	static text_lines a, b;
	/* common[i][j]: length of the longest common subsequence of a[i..] and b[j..]. */
	static unsigned char common[LINES_MAX + 1][LINES_MAX + 1];
	lines_cut(&a, expected);
	lines_cut(&b, got);
	memset(common, 0, sizeof common);
	for (size_t i = a.count; i-- > 0;) {
		for (size_t j = b.count; j-- > 0;) {
			unsigned char skip = common[i + 1][j] > common[i][j + 1] ? common[i + 1][j] : common[i][j + 1];
			common[i][j] = lines_same(&a, i, &b, j) ? (unsigned char)(common[i + 1][j + 1] + 1) : skip;
		}
	}
	size_t i = 0, j = 0;
	while (i < a.count || j < b.count) {
		if (i < a.count && j < b.count && lines_same(&a, i, &b, j)) {
			line_print(" ", &a, i++);
			j++;
		} else if (j == b.count || (i < a.count && common[i + 1][j] >= common[i][j + 1])) {
			line_print("-", &a, i++);
		} else {
			line_print("+", &b, j++);
		}
	}
}
