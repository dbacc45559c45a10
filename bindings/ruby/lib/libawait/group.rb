# frozen_string_literal: true
# SPDX-License-Identifier: MIT

module Libawait
  # asyncio.TaskGroup; {Libawait.group} enters and leaves it.
  class TaskGroup
    # Starts a task in the group.
    def spawn(name: nil, &block)
      task = spawn_coro(Libawait::Loop.current.coroutine(&block))
      task.set_name(name) if name
      task
    end
  end

  class << self
    # Yields a {TaskGroup}, and waits for its tasks before it returns the block's value. If the block or a task fails, the others are
    # cancelled, and an {ErrorGroup} is raised.
    def group
      group = TaskGroup.new
      group.enter
      begin
        value = yield(group)
      rescue Exception => e # rubocop:disable Lint/RescueException -- the tasks end first
        failed = e
      end
      failure = failed && failure_of(Loop.current, failed)
      await(group.exit_coro(failure ? failure.status : AW_OK, failure))
      raise failed if failed

      value
    end
  end
end
