"""Names of a rebuild: a job that makes everything anew beside the live one, its outputs, its state and its place in the log.

The rebuild of ``dedup`` under generation 2 is the job ``dedup.g2``; it writes to ``votes-accepted.g2`` and so on.
"""


def suffix_of(generation: int) -> str:
    return f".g{generation}"


def parts(name: str) -> tuple[str, str]:
    """The job of a name, and the suffix, which is empty unless it is a rebuild: ``("dedup", ".g2")``."""
    job, dot, generation = name.partition(".")
    return job, dot + generation
