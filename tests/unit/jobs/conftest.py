"""PyFlink warns of its own deprecated classes while it is imported; it is imported here, where that is no error."""

import warnings

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)
    import pyflink.table  # noqa: F401
