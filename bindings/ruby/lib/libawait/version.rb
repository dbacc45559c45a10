# frozen_string_literal: true
# SPDX-License-Identifier: MIT

module Libawait
  # The version of the gem, which is that of the C library it was made from.
  VERSION = '0.1.0'

  # The generation of the C library's ABI that this is made for.
  ABI = 0
end
