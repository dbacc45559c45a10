/* SPDX-License-Identifier: MIT */
/*
 * Typed values from the fuzzer's bytes. At their end every value is 0 or empty, so that a target needs no
 * checks and each prefix of an input is one too. Also what a target calls when something does not hold.
 */
#ifndef FUZZ_BYTES_H
#define FUZZ_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerInitialize(int *argc, char ***argv);

/* A finding: the fuzzer saves the input and ends. */
#define HOLDS(condition)                                                                   \
	do {                                                                                   \
		if (!(condition)) {                                                                \
			fprintf(stderr, "%s:%d: does not hold: %s\n", __FILE__, __LINE__, #condition); \
			abort();                                                                       \
		}                                                                                  \
	} while (0)

/* The same for two numbers, which are printed. */
#define SAME(got, want)                                                                              \
	do {                                                                                             \
		long long got_ = (long long)(got), want_ = (long long)(want);                                \
		if (got_ != want_) {                                                                         \
			fprintf(stderr, "%s:%d: %s is %lld, not %lld\n", __FILE__, __LINE__, #got, got_, want_); \
			abort();                                                                                 \
		}                                                                                            \
	} while (0)

typedef struct bytes {
	const uint8_t *at;
	size_t left;
} bytes;

static inline uint64_t bytes_number(bytes *self, size_t size) {
	uint64_t value = 0;
	if (size > self->left) size = self->left;
	memcpy(&value, self->at, size);
	self->at += size;
	self->left -= size;
	return value;
}

static inline uint8_t bytes_u8(bytes *self) {
	return (uint8_t)bytes_number(self, 1);
}

static inline uint16_t bytes_u16(bytes *self) {
	return (uint16_t)bytes_number(self, 2);
}

static inline uint32_t bytes_u32(bytes *self) {
	return (uint32_t)bytes_number(self, 4);
}

static inline uint64_t bytes_u64(bytes *self) {
	return bytes_number(self, 8);
}

/* 0 to `count` - 1, from one byte. */
static inline unsigned bytes_below(bytes *self, unsigned count) {
	return bytes_u8(self) % count;
}

/* Up to 255 bytes as text: the first says how many follow. A NUL may end it early. Allocated. */
static inline char *bytes_text(bytes *self) {
	size_t length = bytes_u8(self);
	if (length > self->left) length = self->left;
	char *text = malloc(length + 1); /* no more, so that reading beyond it shows */
	HOLDS(text);
	if (length) memcpy(text, self->at, length);
	text[length] = 0;
	self->at += length;
	self->left -= length;
	return text;
}

#endif
