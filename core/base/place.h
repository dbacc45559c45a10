/* SPDX-License-Identifier: MIT */
/* Code addresses as text, for debug-mode reports. */
#ifndef CORE_PLACE_H
#define CORE_PLACE_H

#include <stddef.h>

enum { PLACE_SIZE = 160 };

/* The caller of the enclosing exported function, recorded as the origin of what it creates. */
#define CALLER __builtin_return_address(0)

/*
 * Formats the call that returns to `address` as "program(function+0x1f)", or as "program(+0x11f3)" if the
 * function has no exported name. addr2line takes the latter offset.
 */
void place_of_call(const void *address, char *text, size_t size);
/* Formats the function at `address` as "function" or "program(+0x11f3)". */
void place_of_function(const void *address, char *text, size_t size);

#endif
