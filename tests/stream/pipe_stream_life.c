/* SPDX-License-Identifier: MIT */
/* Labels: backends real-time */
/* The life of a stream, over pipes and a pseudo-terminal. */
#define STREAM_KINDS_HEADER "../stream/pipe_kinds.h"
#define MUCH                (512 * 1024)
#include "stream_life.c"
