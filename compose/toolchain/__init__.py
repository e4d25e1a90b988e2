"""Everything the system needs on a machine: Debian packages, the Python environment, jars, and programs built from source.

This package runs on the system's Python before any other package is there, so it imports the standard library only.
What it builds lies in the user's cache, keyed by the hash of what it was built from: a second checkout finds it ready, and a
changed manifest builds anew.
"""
