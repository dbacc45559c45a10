# frozen_string_literal: true
# SPDX-License-Identifier: MIT

# asyncio's programming model for Ruby. The C functions keep their names (Libawait.aw_loop_call_soon); this file
# defines methods for them (Loop#call_soon) and adds the high-level calls: run, await, spawn, gather, wait_for.
#
# A task's block runs in a Fiber, and `await` in it looks like a blocking call.

require 'libawait_native'
require_relative 'libawait/version'

module Libawait
  raise LoadError, "libawait #{aw_version} has a different ABI from the one this gem was built for" unless aw_abi_version == ABI
end

require_relative 'libawait/errors'
require_relative 'libawait/methods'
require_relative 'libawait/future'
require_relative 'libawait/sync'
require_relative 'libawait/queue'
require_relative 'libawait/group'
require_relative 'libawait/thread'
require_relative 'libawait/gather'
require_relative 'libawait/wait'
require_relative 'libawait/timeout'
require_relative 'libawait/time'
require_relative 'libawait/registry'
require_relative 'libawait/loop'
require_relative 'libawait/process'
require_relative 'libawait/run'
require_relative 'libawait/scheduler'
