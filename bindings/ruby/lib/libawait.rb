# frozen_string_literal: true
# SPDX-License-Identifier: MIT

# asyncio's programming model in Ruby. The functions of C are here under their own names (Libawait.aw_loop_call_soon); this file
# makes methods of them (Loop#call_soon) and adds what a program wants to read: run, await, spawn, gather, wait_for.
#
# A task's block runs in a Fiber, and `await` in it looks like a blocking call.

require 'libawait_native'
require_relative 'libawait/version'

module Libawait
  raise LoadError, "libawait #{aw_version} has another ABI than this gem is for" unless aw_abi_version == ABI

  # What libawait's exceptions have in common: a code, its name, and the parts of a group.
  module Coded
    # @return [Integer] of AW_E…
    attr_reader :code
    # @return [Array<Exception>] what a group is made of
    attr_reader :errors

    # @param message [String, nil] nil: the code's text
    def initialize(message = nil, code: AW_EHOST, errors: [])
      super(message || Libawait.aw_strerror(code))
      @code = code
      @errors = errors
    end

    # The code's name.
    # @return [String]
    def name = Libawait.aw_err_name(code)
  end

  # A failure of libawait's.
  class Error < StandardError
    include Coded
  end

  # The task or future was cancelled. No StandardError, as in asyncio: a bare `rescue` does not swallow it.
  class Cancelled < Exception # rubocop:disable Lint/InheritException
    include Coded

    def initialize(message = nil, code: AW_ECANCELLED, errors: []) = super
  end

  # The limit passed.
  class Timeout < Error
    def initialize(message = nil, code: AW_ETIMEOUT, errors: []) = super
  end

  # The time given to a wait passed, and what it waits for is still pending: {ConcurrentFuture#value}, `Executor#shutdown_wait`. A task
  # that itself ran into a limit raises a plain {Timeout}.
  class Pending < Timeout
    def initialize(message = nil, code: AW_EPENDING, errors: []) = super
  end

  # The loop was stopped before what it ran for was done.
  class Stopped < Error
    def initialize(message = nil, code: AW_ESTOPPED, errors: []) = super
  end

  # Several failures, of a {TaskGroup}: they are in `errors`.
  class ErrorGroup < Error
    def initialize(message = nil, code: AW_EGROUP, errors: []) = super
  end

  CLASS_OF_CODE = {
    AW_ECANCELLED => Cancelled, AW_ETIMEOUT => Timeout, AW_EPENDING => Pending, AW_ESTOPPED => Stopped, AW_EGROUP => ErrorGroup
  }.freeze
  private_constant :CLASS_OF_CODE

  # The exception that stands for a status: the system's own for -errno.
  def self.exception_for(code, message = nil, errors = [])
    return SystemCallError.new(message == aw_strerror(code) ? nil : message, -code) if code.between?(-4095, -1)

    CLASS_OF_CODE.fetch(code, Error).new(message, code: code, errors: errors)
  end

  # --- methods out of functions ---

  CLASSES = {
    'loop' => Loop, 'handle' => Handle, 'future' => Future, 'task' => Task, 'coro' => Coro, 'error' => Failure,
    'results' => Results, 'process' => Process, 'process_options' => ProcessOptions, 'lock' => Lock, 'event' => Event,
    'condition' => Condition, 'semaphore' => Semaphore, 'barrier' => Barrier, 'queue' => Queue, 'taskgroup' => TaskGroup,
    'timeout' => TimeoutScope, 'as_completed' => AsCompleted, 'iterator' => Iterator, 'executor' => Executor,
    'cfuture' => ConcurrentFuture, 'backend_list' => BackendList, 'resume' => Resume, 'report' => Report
  }.freeze
  # Those whose first argument is not the object itself.
  WITHOUT_SELF = %w[aw_loop_current aw_task_current aw_task_spawn_coro aw_task_spawn_coro_eager aw_process_adopt].freeze
  private_constant :CLASSES, :WITHOUT_SELF

  # Called with too many arguments, a function of SWIG's does nothing but say how many it takes.
  def self.arity_of(function)
    public_send(function, *Array.new(20))
  rescue ArgumentError => e
    e.message[/for (\d+)/, 1].to_i
  end

  # Each with its own parameters, since `...` costs more than most of these calls.
  def self.define_method_of(functions, function, verb)
    parameters = Array.new(arity_of(function) - 1) { |at| "argument#{at}" }
    listed = [*parameters, '&'].join(', ')
    functions.class_eval("def #{verb}(#{listed}) = Libawait.#{function}(#{['self', listed].join(', ')})", __FILE__, __LINE__)
    functions.alias_method("#{verb.delete_prefix('is_')}?", verb) if verb.start_with?('is_')
    return unless verb.end_with?('_coro') && !verb.start_with?('spawn')

    # A call that may wait is, in Ruby, its coroutine awaited: Lock#acquire awaits what Lock#acquire_coro makes.
    functions.class_eval("def #{verb.delete_suffix('_coro')}(#{listed}) = Libawait.await(#{verb}(#{listed}))", __FILE__, __LINE__)
  end
  private_class_method :arity_of, :define_method_of

  # The functions of an object in modules of their own, so that what is written below can say super.
  CLASSES.each do |prefix, owner|
    functions, makers = Module.new, Module.new
    longer = CLASSES.keys.select { |other| other.start_with?("#{prefix}_") }
    singleton_methods.map(&:to_s).each do |function|
      next unless function.start_with?("aw_#{prefix}_") && longer.none? { |other| function.start_with?("aw_#{other}_") }

      verb = function.delete_prefix("aw_#{prefix}_")
      if verb.start_with?('new') || WITHOUT_SELF.include?(function)
        makers.class_eval("def #{verb}(...) = Libawait.#{function}(...)", __FILE__, __LINE__)
      else
        define_method_of(functions, function, verb)
      end
    end
    owner.include(functions)
    owner.extend(makers)
  end

  # --- what can be awaited ---

  # Two wrappers of one handle are equal.
  module SameHandle
    # Whether both are of one handle.
    def ==(other) = other.is_a?(SameHandle) && address == other.address
    alias eql? ==
    # Equal for wrappers of one handle.
    def hash = address.hash

    protected

    # @private
    def address = Libawait.address(self)
  end

  # What {Libawait.await} takes: {Future}, {Task}, {Coro}.
  module Awaitable
    # How the value that C gives reads in Ruby; and what must live as long.
    attr_accessor :reader, :keeps

    # @private
    def read(value) = reader ? reader.call(value) : value
    # Suspends the task or scheduled fiber until it is done.
    # @return the value; what it failed with is raised
    def await = Libawait.await(self)
  end

  CLASSES.each_value { |owner| owner.include(SameHandle) }

  # The outcome of something that has not ended yet: a value, a failure, or a cancellation. asyncio.Future.
  class Future
    include Awaitable
    alias done? done
    alias cancelled? cancelled

    # The value; raises what it failed with.
    def result = read(super)

    # Asks it to be cancelled: {Cancelled} comes out of whatever awaits it.
    # @param message [String, nil]
    # @return [Boolean] false if it was done
    def cancel(message = nil) = super(message).positive?
    # Finishes it with a failure.
    # @param code [Integer] of AW_E… or -errno
    # @param message [String, nil]
    def fail(code, message = nil) = super(code, message)
  end

  # A task is a future.
  class Task
    include Awaitable

    # The value; raises what it failed with.
    def result = read(Libawait.aw_future_result(self))
    # Asks it to be cancelled: {Cancelled} comes out of whatever awaits it.
    # @param message [String, nil]
    # @return [Boolean] false if it was done
    def cancel(message = nil) = super(message).positive?
    # Itself, as of any future that is a task.
    def task = self

    (Future.instance_methods - Object.instance_methods - instance_methods).each do |name|
      define_method(name) { |*args, &block| future.send(name, *args, &block) }
    end
  end

  # A coroutine: does nothing until it is awaited, or a task is made of it.
  class Coro
    include Awaitable
  end

  # The loop need not be named where one runs, nor what has a default: Queue.new, Semaphore.new(2).
  module OfLoop
    DEFAULTS = { 'Queue' => [0], 'Semaphore' => [1], 'Condition' => [nil] }.freeze
    private_constant :DEFAULTS

    # @param arguments what the function of C takes; the loop, first, may be left out
    def new(*arguments, &block)
      arguments.unshift(Libawait::Loop.current) unless arguments.first.is_a?(Loop)
      arguments.concat(DEFAULTS.fetch(name.split('::').last, [])) if arguments.size == 1
      super(*arguments, &block)
    end
  end

  [Lock, Event, Condition, Semaphore, Barrier, Queue, TaskGroup].each { |owner| owner.extend(OfLoop) }

  # What is acquired and released.
  module Synchronized
    # Acquires, runs the block, and releases on every way out.
    def synchronize
      acquire
      begin
        yield
      ensure
        release
      end
    end
  end

  # asyncio.Lock: for tasks of one loop, first come first served.
  class Lock
    include Synchronized
  end

  # asyncio.Semaphore; new_bounded refuses one release too many.
  class Semaphore
    include Synchronized
  end

  # asyncio.Condition.
  class Condition
    # With the condition's lock: runs the block.
    def synchronize(&) = lock.synchronize(&)

    # With the lock: waits until the block answers true.
    def wait_until
      wait until yield
    end
  end

  # asyncio.Queue; new_priority takes a block that compares, new_lifo gives the latest first.
  class Queue
    # The next item, waiting for one.
    def get = empty ? super : get_nowait

    # Adds an item, waiting for room.
    # @return [nil]
    def put(item)
      full ? super : put_nowait(item)
      nil
    end
  end

  # asyncio.TaskGroup; {Libawait.group} enters and leaves it.
  class TaskGroup
    # A task of the group.
    def spawn(name: nil, &block)
      task = spawn_coro(Libawait::Loop.current.coroutine(&block))
      task.set_name(name) if name
      task
    end
  end

  # What runs in a loop, for other threads.
  class ConcurrentFuture
    # The value; blocks the thread (in a scheduler: the fiber alone is not enough, so use it in threads that have none). Thread#raise,
    # Thread#kill, Timeout.timeout and signals end the wait at once.
    # @raise [Pending] once `seconds` have passed
    def value(seconds = nil) = wait(seconds ? Libawait.nanoseconds(seconds) : -1)
  end

  # The outcomes of several futures, in order of the arguments.
  class Results
    include Enumerable

    # @return [Integer]
    def size = Libawait.aw_results_count(self)

    # The values; raises the first failure. With `errors: true` the failures stand in their places.
    def to_a(errors: false)
      Array.new(size) do |index|
        get(index)
      rescue StandardError, Cancelled => e
        errors ? e : raise
      end
    end

    # Yields each value; raises the first failure.
    def each(&) = to_a.each(&)
  end

  # A failure as C has it.
  class Failure
    # @return [Exception] the very one that Ruby raised, or one made of the code and the message
    def exception = Libawait.exception_of(self)
  end

  # --- the loop ---

  # An event loop. One thread at a time drives it; only call_soon_threadsafe, submit_threadsafe and wakeup are for others.
  class Loop
    class << self
      # @param backend [String, nil] a name or a list of names; nil: AWAIT_BACKEND's, or epoll
      # @param seed [Integer] of the backend "virtual"
      def new(backend = nil, flags: AW_LOOP_DEFAULT, seed: 0) = Libawait.aw_loop_new_with(backend, flags, seed)

      # The loop that runs in this thread, or the one of the scheduler whose fiber runs.
      def current = super || Libawait.loop_here || raise(Libawait.exception_for(AW_ENOLOOP))
    end

    # A coroutine out of a block that runs in a Fiber.
    def coroutine(&) = Libawait.fiber_coroutine(self, &)

    # A task that runs the block in a Fiber; it starts in the next iteration, or at once if it is to be eager.
    def spawn(name: nil, eager: false, &block)
      task = Libawait.fiber_spawn(self, eager, &block)
      task.set_name(name) if name
      task
    end

    # From any thread: a task that runs the block, as a {ConcurrentFuture} which that thread may wait for.
    def submit_threadsafe(&) = Libawait.fiber_submit(self, &)

    # A pending future of this loop.
    def create_future = Libawait.aw_future_new(self)
    # Calls the block after so many seconds.
    # @return [Handle]
    def call_later(seconds, &) = super(Libawait.nanoseconds(seconds), &)

    # Waits, other threads running meanwhile, and dispatches, until stop.
    def run_forever
      scheduler = Scheduler.of(self)
      return scheduler.run_until_stop if scheduler

      begin
        wait(-1)
        dispatch
      end until take_stop # rubocop:disable Lint/Loop -- as in C: one iteration at least
    ensure
      take_stop
    end

    # Runs until the future is done, and gives its value.
    def run_until_complete(awaitable)
      future = awaitable.is_a?(Coro) ? Libawait.aw_task_spawn_coro(self, awaitable) : awaitable
      stop_then = proc { stop }
      future.add_done_callback(&stop_then)
      run_forever
      raise Libawait.exception_for(AW_ESTOPPED) unless future.done?

      future.result
    ensure
      future.remove_done_callback(stop_then) if future && stop_then && !closed?
    end

    # Cancels every task that is left and waits until they have ended.
    def cancel_all
      tasks = all_tasks
      return if tasks.empty?

      tasks.each(&:cancel)
      run_until_complete(Libawait.aw_gather(self, tasks, AW_GATHER_RETURN_ERRORS))
    end

    # Submits operations. Not on a loop that has a scheduler, to which the completions would go.
    def submit(operations)
      raise Libawait.exception_for(AW_EBUSY, 'the completions of this loop are its scheduler\'s') if Scheduler.of(self)

      super
    end

    # nil: nothing at all; else [token, status, value] of each completion, maybe of none.
    def drain(max: 256, timeout: nil) = super(max, timeout ? Libawait.nanoseconds(timeout) : -1)
  end

  # A child process. asyncio.subprocess.Process.
  class Process
    STREAMS = { inherit: AW_STDIO_INHERIT, pipe: AW_STDIO_PIPE, null: AW_STDIO_NULL, stdout: AW_STDIO_STDOUT }.freeze
    private_constant :STREAMS

    class << self
      # Starts a program.
      # @param argv [Array<String>]
      # @param options stdin, stdout, stderr (:inherit, :pipe, :null, :stdout, or an IO), cwd, env (a Hash: the whole environment), group and
      #   detach (true: a process group of its own, which kill reaches; lives on when nobody holds it)
      def exec(*argv, loop: nil, **options) = Libawait.aw_subprocess_exec(loop || Libawait.loop_here, argv, options_from(**options))
      # Starts `/bin/sh -c command`: never with text of others. Options as for exec.
      def shell(command, loop: nil, **options) = Libawait.aw_subprocess_shell(loop || Libawait.loop_here, command, options_from(**options))

      private

      def options_from(stdin: :inherit, stdout: :inherit, stderr: :inherit, cwd: nil, env: nil, group: false, detach: false)
        options = Libawait.aw_process_options_new
        [stdin, stdout, stderr].each_with_index do |how, stream|
          fd = how.is_a?(Symbol) ? -1 : how.to_i
          options.set_stdio(stream, how.is_a?(Symbol) ? STREAMS.fetch(how) : AW_STDIO_FD, fd)
        end
        options.set_cwd(cwd) if cwd
        options.set_env(env.map { |name, value| "#{name}=#{value}" }) if env
        options.set_flags((group ? AW_PROCESS_GROUP : 0) | (detach ? AW_PROCESS_DETACH : 0))
        options
      end
    end

    # A future of the exit code, -N for one that signal N killed.
    def wait = reading_code(super)
    # A future of the exit code that is done once its pipes are at their end as well.
    def wait_closed = reading_code(super)
    # @return [String] what has been read of stdout
    def stdout = output(1)
    # @return [String] what has been read of stderr
    def stderr = output(2)

    # A future of the exit code; what was read is in stdout and stderr.
    def communicate(input = nil) = reading_code(super(input))

    private

    def reading_code(future)
      future.reader = ->(value) { value.to_i }
      future.keeps = self
      future
    end
  end

  # Seconds that fit the clock beside any time of it: a century.
  LONGEST = 3_000_000_000
  private_constant :LONGEST

  # --- what a program calls ---

  class << self
    # Runs the block in a task of a new loop, and cancels what is left over. Meanwhile the thread has a Scheduler on this loop, unless it
    # has one of another kind already, so that plain Ruby in a task (sleep, IO, Mutex, Process.wait, Timeout) suspends the task alone.
    def run(backend = nil, flags: AW_LOOP_DEFAULT, seed: 0, &block)
      raise exception_for(AW_ELOOPRUNNING) if fiber_kind

      loop = Loop.new(backend, flags: flags, seed: seed)
      scheduler = Fiber.set_scheduler(Scheduler.new(loop)) unless Fiber.scheduler
      begin
        loop.run_until_complete(loop.spawn { block.call(loop) })
      ensure
        finish(loop, scheduler)
      end
    end

    # The value of a future, task or coroutine; raises what it failed with. Only in a task or a scheduled fiber.
    def await(awaitable) = fiber_await(awaitable)

    # Lets the others run for one iteration.
    def pass = await(nil)

    # A task of the loop that runs.
    def spawn(name: nil, eager: false, &block)
      task = fiber_spawn(loop_here, eager, &block)
      task.set_name(name) if name
      task
    end

    # Suspends the task or scheduled fiber for so many seconds, and gives the value; 0 lets others run for one iteration.
    def sleep(seconds, value = nil)
      fiber_sleep(nanoseconds(seconds)) || await(aw_sleep_coro(loop_here, nanoseconds(seconds), nil))
      value
    end

    # A future of all values, in order.
    def gather(*awaitables, return_errors: false)
      futures = awaitables.map { |one| future_of(one) }
      gathered = aw_gather(loop_here, futures, return_errors ? AW_GATHER_RETURN_ERRORS : AW_GATHER_DEFAULT)
      gathered.reader = ->(value) { read_all(futures, value.results, return_errors) }
      gathered
    end

    # Awaits for so many seconds at most; then cancels, waits for that, and raises Timeout.
    def wait_for(awaitable, seconds)
      future = future_of(awaitable)
      coro = aw_wait_for_coro(future, nanoseconds(seconds))
      coro.keeps = future
      coro.reader = ->(value) { future.read(value) }
      await(coro)
    end

    # Awaits until enough are done: [done, pending].
    def wait(awaitables, seconds: nil, return_when: AW_ALL_COMPLETED)
      futures = awaitables.map { |one| future_of(one) }
      await(aw_wait_coro(loop_here, futures, return_when, seconds ? nanoseconds(seconds) : FOREVER))
      futures.partition(&:done?)
    end

    # Runs the block for so many seconds at most: then it is cancelled where it awaits, and Timeout is raised. Yields the scope.
    def timeout(seconds)
      scope = TimeoutScope.new(Loop.current, nanoseconds(seconds))
      scope.begin
      outcome = AW_EHOST
      begin
        value = yield(scope)
        outcome = AW_OK
      rescue Cancelled
        outcome = AW_ECANCELLED
        raise
      ensure
        raise Timeout, cause: nil if scope.end(outcome) == AW_ETIMEOUT
      end
      value
    end

    # Yields a {TaskGroup}, and waits for its tasks before it returns the block's value. If the block or a task fails, the others are
    # cancelled, and an {ErrorGroup} is raised.
    def group
      group = TaskGroup.new
      group.begin
      begin
        value = yield(group)
      rescue Exception => e # rubocop:disable Lint/RescueException -- the tasks end first
        failed = e
      end
      failure = failed && failure_of(Loop.current, failed)
      await(group.end_coro(failure ? failure.status : AW_OK, failure))
      raise failed if failed

      value
    end

    # The value of the block, which runs in a thread of its own; for what blocks outside Ruby's scheduler.
    def to_thread
      future = Loop.current.create_future
      loop = Loop.current
      Thread.new do
        outcome = begin
          value = yield
          -> { future.set_result(value) }
        rescue Exception => e # rubocop:disable Lint/RescueException -- it goes on in whoever awaits
          -> { future.set_error(failure_of(loop, e)) }
        end
        begin
          loop.call_soon_threadsafe { outcome.call unless future.done? }
        rescue Error
          nil # the loop has closed: nobody awaits it any more
        end
      end
      await(future)
    end

    # A future that can be cancelled without cancelling what it shields.
    def shield(awaitable)
      future = future_of(awaitable)
      shielded = aw_shield(future)
      shielded.reader = future.reader
      shielded.keeps = future
      shielded
    end

    # Yields the outcome of each as it comes: a future that is done.
    def as_completed(awaitables, seconds: nil)
      futures = awaitables.map { |one| future_of(one) }
      iterator = aw_as_completed_new(loop_here, futures, seconds ? nanoseconds(seconds) : FOREVER)
      futures.uniq.size.times do
        coro = iterator.next_coro
        coro.reader = ->(value) { futures.find { |one| one == value.future } }
        yield await(coro)
      end
    end

    # @return [Array<Hash>] name, status (0: usable) and reason of each
    def backends
      list = aw_backend_list_new
      Array.new(list.count) { |at| { name: list.name(at), status: list.status(at), reason: list.reason(at) } }
    end

    # @private
    def nanoseconds(seconds)
      raise TypeError, "can't convert #{seconds.class} into time interval" unless seconds.is_a?(Numeric)

      seconds = [seconds, LONGEST].min
      seconds.is_a?(Integer) ? seconds * SECOND : (seconds * SECOND).ceil
    end

    # @private
    # In a scheduled fiber, where no loop counts as running, its scheduler's loop; nil elsewhere: the one that runs.
    def loop_here = fiber_kind == :fiber ? Fiber.scheduler.loop : nil

    private

    def finish(loop, scheduler)
      loop.cancel_all
      scheduler&.cancel_all
    ensure
      begin
        Fiber.set_scheduler(nil) if scheduler && Fiber.scheduler.equal?(scheduler)
      ensure
        loop.close
      end
    end

    def await_in_fiber(awaitable) = Fiber.scheduler.await(awaitable)

    def future_of(awaitable)
      case awaitable
      when Future, Task then awaitable
      when Coro then aw_task_spawn_coro(loop_here, awaitable).tap { |task| task.reader, task.keeps = awaitable.reader, awaitable }
      else raise TypeError, "#{awaitable.class} can't be awaited"
      end
    end

    def read_all(futures, results, return_errors)
      values = results.to_a(errors: return_errors)
      values.zip(futures).map { |value, future| value.is_a?(Exception) ? value : future.read(value) }
    end
  end
end

require_relative 'libawait/scheduler'
