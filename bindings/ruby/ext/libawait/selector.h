/* SPDX-License-Identifier: MIT */
/* Libawait::Selector, with which lib/libawait/scheduler.rb waits: uses the completion queue. */
#ifndef RUBY_SELECTOR_H
#define RUBY_SELECTOR_H

#include <ruby.h>

void selector_init(VALUE module);

#endif
