# frozen_string_literal: true
# SPDX-License-Identifier: MIT

module Libawait
  # A child process. asyncio.subprocess.Process.
  class Process
    STREAMS = { inherit: AW_STDIO_INHERIT, pipe: AW_STDIO_PIPE, null: AW_STDIO_NULL, stdout: AW_STDIO_STDOUT }.freeze
    private_constant :STREAMS

    class << self
      # Starts a program.
      # @param argv [Array<String>]
      # @param options stdin, stdout, stderr (:inherit, :pipe, :null, :stdout, or an IO), cwd, env (a Hash: the whole environment), group and
      #   detach (true: it gets its own process group, which kill signals, and keeps running when its object is collected)
      def exec(*argv, loop: nil, **options) = Libawait.aw_subprocess_exec(loop || Libawait.loop_here, argv, options_from(**options))
      # Starts `/bin/sh -c command`. Never pass untrusted text. Options as for exec.
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

    # A future for the exit code; -N if signal N killed the child.
    def wait = reading_code(super)
    # A future for the exit code that is done once the pipes have reached end of file as well.
    def wait_closed = reading_code(super)
    # @return [String] what has been read from stdout
    def stdout = output(1)
    # @return [String] what has been read from stderr
    def stderr = output(2)

    # A future for the exit code; stdout and stderr return what was read.
    def communicate(input = nil) = reading_code(super(input))

    private

    def reading_code(future)
      future.reader = ->(value) { value.to_i }
      future.keeps = self
      future
    end
  end
end
