/* SPDX-License-Identifier: MIT */
/* Labels: backends real-time */
/* What a stream over another one needs, over pipes and a pseudo-terminal. */
#define STREAM_KINDS_HEADER "../stream/pipe_kinds.h"
#include "layers.c"
