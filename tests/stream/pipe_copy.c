/* SPDX-License-Identifier: MIT */
/* Labels: backends real-time */
/* Copying to and from pipes. */
#define STREAM_KINDS_ELSEWHERE
#define STREAM_KINDS_HEADER "../stream/pipe_copy_kinds.h"
#define COPIED              (1024 * 1024 + 17)
#include "copy.c"
