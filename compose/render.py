"""Configuration of the third-party parts: templates of the checkout, filled in for one stack."""

import os
import shutil
from pathlib import Path
from string import Template

from compose.settings import CHECKOUT, Stack
from compose.toolchain import parts

TEMPLATES = (
    CHECKOUT / "identity" / "kratos" / "kratos.yaml",
    CHECKOUT / "identity" / "hydra" / "hydra.yaml",
    CHECKOUT / "compose" / "kafka" / "server.properties",
    CHECKOUT / "compose" / "postgres" / "postgresql.conf",
    CHECKOUT / "compose" / "postgres" / "pg_hba.conf",
    CHECKOUT / "compose" / "redis" / "redis.conf",
    CHECKOUT / "flink-conf" / "zoo.cfg",
)


def render(stack: Stack) -> None:
    """Write the stack's configuration below its run directory. Raises ``KeyError`` for a placeholder that nothing fills."""
    environment = stack.environment()
    for folder in (stack.config_dir, stack.log_dir, stack.data_dir):
        folder.mkdir(parents=True, exist_ok=True)
    for template in TEMPLATES:
        target = stack.config_dir / template.name
        target.unlink(missing_ok=True)
        target.touch(mode=0o600)  # some hold secrets
        target.write_text(Template(template.read_text(encoding="utf-8")).substitute(environment), encoding="utf-8")
    _hand_over_to_postgres(stack)
    link_flink_jars(Path(environment["FLINK_HOME"]), Path(environment["FLINK_LIB_DIR"]))


def _hand_over_to_postgres(stack: Stack) -> None:
    """PostgreSQL refuses to run as root: when root calls, what the server reads and writes belongs to its own user."""
    password = stack.config_dir / "postgres-password"
    password.unlink(missing_ok=True)
    password.touch(mode=0o600)
    password.write_text(stack.secrets["POSTGRES_SUPERUSER_PASSWORD"])
    folder = stack.data_dir / "postgres"
    folder.mkdir(mode=0o700, exist_ok=True)
    if os.geteuid() == 0:
        for path in (folder, password, stack.config_dir / "postgresql.conf", stack.config_dir / "pg_hba.conf"):
            shutil.chown(path, "postgres", "postgres")


def link_flink_jars(flink_home: Path, lib_dir: Path) -> None:
    """One folder with the wheel's jars and the connectors: what Flink's scripts take as its class path."""
    if lib_dir.exists():
        shutil.rmtree(lib_dir)
    lib_dir.mkdir()
    jars = [*flink_home.glob("lib/*.jar"), *flink_home.glob("opt/flink-python-*.jar"), *parts.CONNECTORS.path.glob("*.jar")]
    for jar in jars:
        (lib_dir / jar.name).symlink_to(jar)
