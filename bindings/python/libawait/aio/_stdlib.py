# SPDX-License-Identifier: MIT
"""Runs a module of the standard library's asyncio as a module of this package: what it imports relatively is then this package's, and asyncio
itself is not imported."""
import importlib.machinery


def run(name, namespace):
    """Execute asyncio.NAME in the namespace of a module of this package."""
    find = importlib.machinery.PathFinder.find_spec
    found = find(f'asyncio.{name}', find('asyncio').submodule_search_locations)
    exec(found.loader.get_code(found.name), namespace)
