#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Runs the test of libawait-cares with the port of a DNS server, and of one that nobody listens at.

usage: run_test.py PROGRAM
"""
import os
import socket
import subprocess
import sys

import dns_server


def main():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as unused:
        unused.bind(('127.0.0.1', 0))
        nobody = unused.getsockname()[1]
    server = dns_server.Server()
    # The search domains of this machine must not matter.
    environment = os.environ | {'DNS_PORT': str(server.port), 'NO_PORT': str(nobody), 'LOCALDOMAIN': 'search.test'}
    return subprocess.run([sys.argv[1]], env=environment).returncode


if __name__ == '__main__':
    sys.exit(main())
