# frozen_string_literal: true
# SPDX-License-Identifier: MIT

module Libawait
  CLASSES = {
    'loop' => Loop, 'handle' => Handle, 'future' => Future, 'task' => Task, 'coro' => Coro, 'error' => Failure,
    'results' => Results, 'process' => Process, 'process_options' => ProcessOptions, 'lock' => Lock, 'event' => Event,
    'condition' => Condition, 'semaphore' => Semaphore, 'barrier' => Barrier, 'queue' => Queue, 'taskgroup' => TaskGroup,
    'timeout' => TimeoutScope, 'as_completed' => AsCompleted, 'iterator' => Iterator, 'executor' => Executor,
    'concurrent_future' => ConcurrentFuture, 'backend_list' => BackendList, 'resume' => Resume, 'report' => Report
  }.freeze
  # Functions whose first argument is not the object itself.
  WITHOUT_SELF = %w[aw_loop_current aw_task_current aw_task_spawn_coro aw_task_spawn_coro_eager aw_process_adopt].freeze
  private_constant :CLASSES, :WITHOUT_SELF

  # A function that SWIG generates only reports its arity when called with too many arguments.
  def self.arity_of(function)
    public_send(function, *Array.new(20))
  rescue ArgumentError => e
    e.message[/for (\d+)/, 1].to_i
  end

  # Each method has explicit parameters, because `...` costs more than most of these calls.
  def self.define_method_of(functions, function, verb)
    parameters = Array.new(arity_of(function) - 1) { |at| "argument#{at}" }
    listed = [*parameters, '&'].join(', ')
    functions.class_eval("def #{verb}(#{listed}) = Libawait.#{function}(#{['self', listed].join(', ')})", __FILE__, __LINE__)
    functions.alias_method("#{verb.delete_prefix('is_')}?", verb) if verb.start_with?('is_')
    return unless verb.end_with?('_coro') && !verb.start_with?('spawn')

    # In Ruby, a call that may wait awaits its coroutine: Lock#acquire awaits the result of Lock#acquire_coro.
    functions.class_eval("def #{verb.delete_suffix('_coro')}(#{listed}) = Libawait.await(#{verb}(#{listed}))", __FILE__, __LINE__)
  end
  private_class_method :arity_of, :define_method_of

  # The functions of a class are in a separate module, so that the methods in lib/ can call super.
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
end
