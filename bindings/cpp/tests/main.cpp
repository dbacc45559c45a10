// SPDX-License-Identifier: MIT
// GoogleTest's runner, with the closing line that every test of the project ends with.
#include <cstdio>
#include <gtest/gtest.h>

int main(int argc, char **argv) {
	testing::InitGoogleTest(&argc, argv);
	int status = RUN_ALL_TESTS();
	const testing::UnitTest &all = *testing::UnitTest::GetInstance();
	for (int i = 0; i < all.total_test_suite_count(); i++) {
		const testing::TestSuite &suite = *all.GetTestSuite(i);
		for (int j = 0; j < suite.total_test_count(); j++)
			if (const testing::TestResult &result = *suite.GetTestInfo(j)->result(); result.Skipped())
				std::printf("skipped: %s: %s\n", suite.GetTestInfo(j)->name(),
				            result.GetTestPartResult(0).message());
	}
	std::printf("%d passed, %d failed", all.successful_test_count(), all.failed_test_count());
	if (all.skipped_test_count()) std::printf(", %d skipped", all.skipped_test_count());
	std::printf("\n");
	return status;
}
