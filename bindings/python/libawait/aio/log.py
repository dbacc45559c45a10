# SPDX-License-Identifier: MIT
"""The logger of the package."""
import logging

logger = logging.getLogger('libawait')
