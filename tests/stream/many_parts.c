/* SPDX-License-Identifier: MIT */
/* Labels: backends valgrind */
/* Writing more parts at once than the kernel takes in one call, and parts without bytes. */
#include "kinds.h"

enum { PARTS = 3000, EMPTY = 1500 };

static void write_and_compare(ends streams, size_t empty) {
	static struct iovec parts[PARTS];
	static char bytes[PARTS], got[PARTS];
	for (size_t i = 0; i < PARTS; i++) {
		bytes[i] = (char)(i % 251);
		parts[i] = i < empty ? (struct iovec){NULL, 0} : (struct iovec){bytes + i, 1};
	}
	size_t length = PARTS - empty;
	EXPECT_INT(aw_stream_writelines(streams.left, parts, PARTS), 0);
	EXPECT_INT(aw_stream_readexactly(streams.right, got, length), (aw_status)length);
	EXPECT(!memcmp(got, bytes + empty, length));
}

static void takes_any_number(ends streams) {
	write_and_compare(streams, 0);
}

static void skips_those_without_bytes(ends streams) {
	write_and_compare(streams, EMPTY);
	write_and_compare(streams, PARTS - 1);
}

static void any_number_of_parts_is_written(void) {
	over_each_kind_with(takes_any_number, NULL);
}

static void parts_without_bytes_are_skipped(void) {
	over_each_kind_with(skips_those_without_bytes, NULL);
}

CHECK_MAIN("many_parts", TEST(any_number_of_parts_is_written), TEST(parts_without_bytes_are_skipped))
