/* SPDX-License-Identifier: MIT */
/*
 * Which types are handles. HANDLE(type, Name) is the language's: a class whose wrapper owns one reference, so
 * that `_ref` and `_unref` are its own business. LENT(type, Name) is a class for what is valid during one
 * call only. The order is that of the headers.
 */
HANDLE(aw_loop, Loop)
HANDLE(aw_handle, Handle)
HANDLE(aw_future, Future)
HANDLE(aw_task, Task)
HANDLE(aw_coro, Coro)
HANDLE(aw_error, Failure)
HANDLE(aw_results, Results)
HANDLE(aw_process, Process)
HANDLE(aw_process_options, ProcessOptions)
HANDLE(aw_lock, Lock)
HANDLE(aw_event, Event)
HANDLE(aw_condition, Condition)
HANDLE(aw_semaphore, Semaphore)
HANDLE(aw_barrier, Barrier)
HANDLE(aw_queue, Queue)
HANDLE(aw_backend_list, BackendList)
HANDLE(aw_runner, Runner)
HANDLE(aw_taskgroup, TaskGroup)
HANDLE(aw_timeout, TimeoutScope)
HANDLE(aw_as_completed, AsCompleted)
HANDLE(aw_executor, Executor)
HANDLE(aw_concurrent_future, ConcurrentFuture)
HANDLE(aw_iterator, Iterator)
LENT(aw_resume, Resume)
LENT(aw_report, Report)
