/* SPDX-License-Identifier: MIT */
/*
 * The rule for public structs that begin with their size, and may grow at the end (docs/versioning.md); not
 * installed. What a caller passes may come from an older header, or from a newer one.
 *
 * - The smallest size is that of the first release, named by its last field there: it never changes.
 * - A field beyond the caller's size is not read, and has its default, which is 0.
 * - A field that this library does not know must be 0 as well: ignoring a request would be worse.
 */
#ifndef ABI_SIZED_H
#define ABI_SIZED_H

#include <await/base.h>
#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* A larger one is not a struct, but memory that was never set. */
enum { SIZED_MAX = 4096 };

/* The size of a struct that ends with a field. */
#define SIZE_UP_TO(type, field) (offsetof(type, field) + sizeof(((type *)0)->field))

/* Returns 0 if it can be used: -EINVAL if it is too short, -E2BIG if it asks for something unknown. */
static inline aw_status sized_check(const void *from, size_t known, size_t smallest) {
	uint32_t size;
	memcpy(&size, from, sizeof size);
	if (size < smallest) return -EINVAL;
	if (size > SIZED_MAX) return -E2BIG;
	const unsigned char *bytes = from;
	for (size_t i = known; i < size; i++)
		if (bytes[i]) return -E2BIG;
	return 0;
}

/* Copies it into one of this library's size; NULL means the defaults. */
static inline aw_status sized_read(void *to, size_t known, const void *from, size_t smallest) {
	uint32_t size = (uint32_t)known;
	aw_status status = from ? sized_check(from, known, smallest) : 0;
	memset(to, 0, known);
	if (status == 0 && from) {
		memcpy(&size, from, sizeof size);
		memcpy(to, from, size < known ? size : known);
		size = (uint32_t)known;
	}
	memcpy(to, &size, sizeof size);
	return status;
}

/* `last` is the last field of the type in the release that brought it. */
#define SIZED_CHECK(type, from, last)    sized_check((from), sizeof(type), SIZE_UP_TO(type, last))
#define SIZED_READ(type, to, from, last) sized_read((to), sizeof(type), (from), SIZE_UP_TO(type, last))

#endif
