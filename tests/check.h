/* SPDX-License-Identifier: MIT */
/*
 * Each test file is a program: a list of cases, run by CUnit. Its last line of output is "N passed, N
 * failed". A case that can't run here calls SKIP with the reason, which is printed and counted.
 */
#ifndef TESTS_CHECK_H
#define TESTS_CHECK_H

#include <CUnit/Basic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct check_case {
	const char *name;
	void (*run)(void);
} check_case;

static int check_skipped;

#define SKIP(reason)                             \
	do {                                         \
		printf("\n    skipped: %s\n", (reason)); \
		check_skipped++;                         \
		return;                                  \
	} while (0)

/* A status that the case doesn't check; it checks the outcome elsewhere. */
#define IGNORED(call)     \
	do {                  \
		if ((call) < 0) { \
		}                 \
	} while (0)
/* Each check prints the actual value, since CUnit alone prints only the expression. */
#define EXPECT(condition) CU_ASSERT(condition)
#define EXPECT_INT(got, want)                                                                               \
	do {                                                                                                    \
		long long check_got = (long long)(got), check_want = (long long)(want);                             \
		if (check_got != check_want)                                                                        \
			printf("\n    %s:%d: %s is %lld, not %lld\n", __FILE__, __LINE__, #got, check_got, check_want); \
		CU_ASSERT(check_got == check_want);                                                                 \
	} while (0)
#define EXPECT_STR(got, want)                                                           \
	do {                                                                                \
		const char *check_got = (got), *check_want = (want);                            \
		int check_same = check_got && check_want && strcmp(check_got, check_want) == 0; \
		if (!check_same)                                                                \
			printf("\n    %s:%d: %s is \"%s\", not \"%s\"\n", __FILE__, __LINE__, #got, \
			       check_got ? check_got : "(null)", check_want);                       \
		CU_ASSERT(check_same);                                                          \
	} while (0)
/* Ends the case if continuing would crash. */
#define REQUIRE(condition)                                                         \
	do {                                                                           \
		if (!(condition)) {                                                        \
			printf("\n    %s:%d: required: %s\n", __FILE__, __LINE__, #condition); \
			CU_ASSERT(0);                                                          \
			return;                                                                \
		}                                                                          \
	} while (0)

static inline int check_run(const char *suite, const check_case *cases, size_t count) {
	setvbuf(stdout, NULL, _IOLBF, 0);
	if (CU_initialize_registry() != CUE_SUCCESS) return 2;
	CU_pSuite s = CU_add_suite(suite, NULL, NULL);
	for (size_t i = 0; s && i < count; i++)
		if (!CU_add_test(s, cases[i].name, cases[i].run)) return 2;
	CU_basic_set_mode(CU_BRM_VERBOSE);
	CU_basic_run_tests();
	unsigned failed = CU_get_number_of_tests_failed();
	unsigned ran = CU_get_number_of_tests_run();
	CU_cleanup_registry();
	printf("%u passed, %u failed", ran - failed - (unsigned)check_skipped, failed);
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
