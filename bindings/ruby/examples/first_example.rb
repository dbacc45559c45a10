#!/usr/bin/env ruby
# SPDX-License-Identifier: MIT
# frozen_string_literal: true

# Four shell commands at once, each with a two-second timeout, gathered.

require 'libawait'

def single_process(command)
  process = Libawait::Process.shell(command, stdout: :pipe, stderr: :pipe, group: true)
  Libawait.wait_for(process.communicate, 2)
  puts "#{command} complete"
rescue Libawait::Timeout
  puts "#{command} timeout"
end

def run_all(commands)
  Libawait.gather(*commands.map { |command| Libawait.spawn { single_process(command) } }).await
end

$stdout.sync = true
Libawait.run { run_all(['sleep 1 && echo hello', 'sleep 1.5', 'echo world', 'sleep 500']) }
