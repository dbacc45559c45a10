/* SPDX-License-Identifier: MIT */
/* Where code is, as text: for reports, in debug mode. */
#ifndef CORE_PLACE_H
#define CORE_PLACE_H

#include <stddef.h>

enum { PLACE_SIZE = 160 };

/* The code that called the exported function in which this is written: the origin of what that makes. */
#define CALLER __builtin_return_address(0)

/*
 * The call that returns to `address`: "program(function+0x1f)", or "program(+0x11f3)" where the function has
 * no exported name. That offset is what addr2line takes.
 */
void place_of_call(const void *address, char *text, size_t size);
/* The function at `address`: "function", or "program(+0x11f3)". */
void place_of_function(const void *address, char *text, size_t size);

#endif
