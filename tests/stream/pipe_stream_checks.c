/* SPDX-License-Identifier: MIT */
/* Labels: backends real-time seconds=120 */
/* What every kind of stream has to do, over pipes and a pseudo-terminal. */
#define STREAM_KINDS_HEADER "../stream/pipe_kinds.h"
#include "stream_checks.c"
