/* SPDX-License-Identifier: MIT */
/* Calls that leave the value with the caller when they fail: it is unpinned then. */
%define VALUE_STAYS(function, value)
%exception function { $action if (result < 0) pin_free(value); }
%enddef
VALUE_STAYS(aw_future_set_result, arg2)
VALUE_STAYS(aw_queue_put_nowait, arg2)
VALUE_STAYS(aw_queue_put_coro, arg2)
VALUE_STAYS(aw_resume_return, arg2)
VALUE_STAYS(aw_context_set, arg2)
VALUE_STAYS(aw_loop_set_host_data, arg2)
VALUE_STAYS(aw_future_set_host_data, arg2)
VALUE_STAYS(aw_process_set_host_data, arg2)
VALUE_STAYS(aw_sleep_coro, arg3)
VALUE_STAYS(aw_error_new, arg4)
