# frozen_string_literal: true
# SPDX-License-Identifier: MIT

Gem::Specification.new do |spec|
  spec.name = 'libawait'
  spec.version = File.read("#{__dir__}/lib/libawait/version.rb")[/VERSION = '(.+)'/, 1]
  spec.summary = "asyncio's programming model, and a fiber scheduler, on libawait's event loops"
  spec.description = 'Tasks, gather, timeouts, task groups, queues, locks and subprocesses as asyncio has them, and a Fiber::Scheduler on which ' \
                     'plain Ruby (sleep, IO, TCPSocket, Process.wait, Mutex, Queue, Timeout) runs unchanged. Needs libawait, the C library.'
  spec.authors = ['The libawait authors']
  spec.license = 'MIT'
  spec.required_ruby_version = '>= 3.1'
  spec.files = Dir.chdir(__dir__) { Dir['lib/**/*.rb', 'ext/libawait/*.{rb,c,h}', 'examples/*.rb', 'README.md', 'LICENSE', '.yardopts'] }
  spec.extensions = ['ext/libawait/extconf.rb']
  spec.metadata = { 'rubygems_mfa_required' => 'true' }
end
