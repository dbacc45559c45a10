# frozen_string_literal: true
# SPDX-License-Identifier: MIT

require 'mkmf'

abort 'libawait is for Ruby 3.1 and newer' if RUBY_VERSION < '3.1'
unless pkg_config('libawait')
  # Without pkg-config: the compiler's default paths, or --with-await-dir.
  dir_config('await')
  have_header('await/await.h') or abort 'await/await.h is missing: install libawait, or set PKG_CONFIG_PATH'
  have_library('await', 'aw_version') or abort 'libawait is missing: install it, or set PKG_CONFIG_PATH'
end

# The dynamic linker doesn't search every folder that pkg-config names.
libdir = pkg_config('libawait', 'variable=libdir').to_s.strip
system_dirs = %w[/lib /usr/lib].flat_map { |dir| [dir, "#{dir}64", "#{dir}/#{RbConfig::CONFIG['arch'].sub('x86_64-linux', 'x86_64-linux-gnu')}"] }
system_dirs += Dir['/{usr/,}lib/*-linux-gnu*']
$LDFLAGS << " -Wl,-rpath,#{libdir}" unless libdir.empty? || system_dirs.include?(libdir) # rubocop:disable Style/GlobalVars

append_cflags(%w[-std=gnu17 -fvisibility=hidden -Wno-declaration-after-statement])
create_makefile('libawait_native')
