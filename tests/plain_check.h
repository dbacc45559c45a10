/* SPDX-License-Identifier: MIT */
/*
 * A replacement for tests/check.h without CUnit, for tests that are also built for a machine without CUnit
 * and run in an emulator. With -DPLAIN_CHECK, tests/stack/switch.c and tests/stack/stack.c include this
 * header instead.
 */
#ifndef TESTS_PLAIN_CHECK_H
#define TESTS_PLAIN_CHECK_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct check_case {
	const char *name;
	void (*run)(void);
} check_case;

static int check_skipped, check_wrong;

#define SKIP(reason)                           \
	do {                                       \
		printf("    skipped: %s\n", (reason)); \
		check_skipped++;                       \
		return;                                \
	} while (0)
#define EXPECT(condition)                                                        \
	do {                                                                         \
		if (!(condition)) {                                                      \
			printf("    %s:%d: expected: %s\n", __FILE__, __LINE__, #condition); \
			check_wrong++;                                                       \
		}                                                                        \
	} while (0)
#define EXPECT_INT(got, want) EXPECT((long long)(got) == (long long)(want))
#define EXPECT_STR(got, want) EXPECT(strcmp((got), (want)) == 0)
#define REQUIRE(condition)                     \
	do {                                       \
		int check_holds = (condition) ? 1 : 0; \
		EXPECT(check_holds &&#condition);      \
		if (!check_holds) return;              \
	} while (0)

static inline int check_run(const char *suite, const check_case *cases, size_t count) {
	setvbuf(stdout, NULL, _IOLBF, 0);
	int failed = 0;
	printf("%s\n", suite);
	for (size_t i = 0; i < count; i++) {
		int before = check_wrong;
		cases[i].run();
		failed += check_wrong != before;
		printf("  %s: %s\n", cases[i].name, check_wrong == before ? "passed" : "FAILED");
	}
	printf("%d passed, %d failed", (int)count - failed - check_skipped, failed);
	if (check_skipped) printf(", %d skipped", check_skipped);
	printf("\n");
	return failed ? 1 : 0;
}

#define CHECK_MAIN(suite, ...)                                        \
	int main(void) {                                                  \
		static const check_case cases[] = {__VA_ARGS__};              \
		return check_run(suite, cases, sizeof cases / sizeof *cases); \
	}
#define TEST(function) \
	{ #function, function }

#endif
