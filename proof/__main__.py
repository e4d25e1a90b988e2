"""Independent checks of a running system, and of what it published: ``python -m proof``."""

import sys

from proof import offline


def main(arguments: list[str]) -> int:
    if arguments and arguments[0] in offline.COMMANDS:
        return offline.main(arguments)
    from proof import running  # noqa: PLC0415 (it needs much that those who only verify do not have)

    return running.main(arguments)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
