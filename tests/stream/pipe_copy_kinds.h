/* SPDX-License-Identifier: MIT */
/* What splice(2) moves bytes between (included by kinds.h). */
#include "pipe_kinds.h"

static const stream_kind stream_kinds[] = {{"pipe", open_pipe, HAS_NO_WAY_BACK | HAS_NO_HALF_CLOSE},
                                           {"unix", open_unix, 0}};
