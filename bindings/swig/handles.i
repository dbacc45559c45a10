/* SPDX-License-Identifier: MIT */
/*
 * The handle types, in the order of the headers. Each language's glue.i defines HANDLE(type, Name): a class
 * whose wrapper owns one reference, so that `_ref` and `_unref` are not exposed. LENT(type, Name) is a class
 * for an object that is valid during one call only.
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
