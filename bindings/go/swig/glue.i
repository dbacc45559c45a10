/* SPDX-License-Identifier: MIT */
/*
 * Go's typemaps for the raw package, which shows that the headers stay fit for a generator: each function
 * under its own name, statuses as numbers, handles, values and callbacks as addresses (uintptr), and where C
 * writes a result, the address of memory that C may write.
 */
%insert(cgo_comment_typedefs) %{
#cgo pkg-config: libawait
%}
%insert("header") %{
#include <await/await.h>
%}

%define ADDRESS(type...)
%typemap(gotype) type "uintptr"
%typemap(imtype) type "uintptr"
%typemap(in) type { $1 = ($1_ltype)$input; }
%typemap(out) type { $result = ($1_ltype)$1; }
%typemap(goout) type ""
%enddef

ADDRESS(void *, const void *, void **, const void **)
ADDRESS(SWIGTYPE (*)(ANY))
ADDRESS(int *, int32_t *, size_t *, aw_destroy_fn *, aw_bool *)
ADDRESS(char *text)
ADDRESS(const char *const *)
ADDRESS(aw_submission *, const aw_submission *, aw_completion *)
ADDRESS(aw_destroy_fn, aw_callback_fn, aw_done_fn, aw_step_fn, aw_next_coro_fn, aw_compare_fn, aw_exception_fn)

%define HANDLE(type, Name)
ADDRESS(type *, const type *, type **, type *const *)
%enddef
%define LENT(type, Name)
HANDLE(type, Name)
%enddef
%define BORROWED_OUT(type)
%enddef
%define NEW_OUT(type)
%enddef
