/* SPDX-License-Identifier: MIT */
/* Labels: backends real-time */
/* Streams with callbacks, over pipes and a pseudo-terminal. */
#define STREAM_KINDS_ELSEWHERE
#define STREAM_KINDS_HEADER "../stream/pipe_read_kinds.h"
#define MUCH                (512 * 1024)
#include "protocols.c"
