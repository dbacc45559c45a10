# frozen_string_literal: true
# SPDX-License-Identifier: MIT

module Libawait
  # The version of the gem, which is the version of the C library it was built from.
  VERSION = '0.1.0'

  # The ABI version of the C library that this gem is built for.
  ABI = 0
end
