"""Set the machine and the checkout up: ``python3 -m compose.toolchain``. Safe to repeat; quick when everything is there."""

import sys
import time

from compose.toolchain import debian, parts, python


def _say(text: str) -> None:
    print(f"toolchain: {text}", flush=True)


def set_up() -> None:
    """Install and build what is missing, saying so. Raises ``PrerequisiteMissing`` or ``BuildFailed``."""
    packages = debian.missing_packages()
    if packages:
        _say(f"installing Debian packages: {' '.join(packages)}")
        debian.install(packages)
    debian.check_versions()
    if not python.ready():
        _say("making the Python environment .venv (about 500 MB the first time)")
        python.ensure()
    for part in parts.ALL:
        if not part.ready:
            began = time.monotonic()
            _say(f"getting {part.what}")
            part.ensure()
            _say(f"{part.name} is ready after {time.monotonic() - began:.0f} s")


def main() -> int:
    try:
        set_up()
    except (debian.PrerequisiteMissing, parts.BuildFailed) as error:
        print(f"toolchain: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
