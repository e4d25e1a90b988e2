"""Where one stack lives: its ports, its folder, the environment of its processes.

Every port has an environment variable, so that two stacks run beside each other (the tests' stack beside the demo). All data,
logs and rendered configuration of a stack lie in its run directory, by default ``.run/demo`` in the checkout.
"""

import os
import secrets
import shutil
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from compose.toolchain import debian, parts

CHECKOUT = Path(__file__).parent.parent

# Variable, standard port, what listens there.
PORTS: tuple[tuple[str, int, str], ...] = (
    ("INGRESS_PORT", 4000, "ingress"),
    ("KRATOS_PUBLIC_PORT", 4433, "kratos"),
    ("KRATOS_ADMIN_PORT", 4434, "kratos"),
    ("HYDRA_PUBLIC_PORT", 4444, "hydra"),
    ("HYDRA_ADMIN_PORT", 4445, "hydra"),
    ("IDENTITY_PORT", 4455, "identity"),
    ("MAIL_SMTP_PORT", 1025, "mail"),
    ("MAIL_HTTP_PORT", 8025, "mail"),
    ("WEB_PORT", 3000, "web"),
    ("POSTGRES_PORT", 5432, "postgres"),
    ("REDIS_PORT", 6379, "redis"),
    ("FLINK_REST_PORT", 8081, "jobmanager"),
    ("REGISTRY_PORT", 8085, "registry"),
    ("KAFKA_PORT", 9092, "kafka"),
    ("KAFKA_CONTROLLER_PORT", 9093, "kafka"),
    ("ZOOKEEPER_PORT", 2181, "zookeeper"),
    ("FLINK_RPC_PORT", 6123, "jobmanager"),
    ("FLINK_BLOB_PORT", 6124, "jobmanager"),
    ("FLINK_HA_PORT", 6125, "jobmanager"),
    ("JOBMANAGER_METRICS_PORT", 9249, "jobmanager"),
    ("TASKMANAGER_METRICS_PORT", 9250, "taskmanager"),
    ("CONFIRM_METRICS_PORT", 9251, "reservations"),
    ("AUDIT_PORT", 9253, "audit"),
    ("PROOF_PORT", 9252, "conservation"),
)


class SettingsError(Exception):
    """A setting is missing or wrong; the message names its variable."""


@dataclass(frozen=True)
class Stack:
    """One running system on this machine."""

    run_dir: Path
    bind_host: str
    ports: Mapping[str, int]
    secrets: Mapping[str, str] = field(repr=False)

    @classmethod
    def from_environment(cls, environ: Mapping[str, str]) -> "Stack":
        """Read VOTING_RUN_DIR, BIND_HOST, the ports, and the stack's secrets. Raises ``SettingsError``."""
        run_dir = Path(environ.get("VOTING_RUN_DIR") or CHECKOUT / ".run" / "demo").absolute()
        ports = {name: _port(environ, name, standard) for name, standard, _ in PORTS}
        for name, port in ports.items():
            same = [other for other in ports if ports[other] == port and other != name]
            if same:
                raise SettingsError(f"{name} and {same[0]} are both {port}")
        return cls(run_dir, environ.get("BIND_HOST") or "127.0.0.1", ports, _secrets(run_dir, environ))

    @property
    def log_dir(self) -> Path:
        return self.run_dir / "logs"

    @property
    def config_dir(self) -> Path:
        return self.run_dir / "config"

    @property
    def data_dir(self) -> Path:
        return self.run_dir / "data"

    def url(self, port: str) -> str:
        """The address a browser uses. One host name everywhere, or cookies and passkeys break."""
        return f"http://localhost:{self.ports[port]}"

    def environment(self) -> dict[str, str]:
        """What every process of the stack, and the programs that drive it, find in their environment."""
        ports = self.ports
        run_dir = str(self.run_dir)
        return {
            "CHECKOUT": str(CHECKOUT),
            "RUN_DIR": run_dir,
            "DATA_DIR": str(self.data_dir),
            "CONFIG_DIR": str(self.config_dir),
            "LOG_DIR": str(self.log_dir),
            "BIND_HOST": self.bind_host,
            **{name: str(port) for name, port in ports.items()},
            **self.secrets,
            "PYTHON": sys.executable,
            "PYTHONPATH": str(CHECKOUT),
            "PYTHONUNBUFFERED": "1",
            "POSTGRES_BIN": str(debian.POSTGRES_BIN),
            "AS_POSTGRES": self._as_postgres(),
            "KAFKA_LIBS": str(parts.KAFKA.path),
            "REGISTRY_HOME": str(parts.REGISTRY.path),
            "HYDRA_BIN": str(parts.HYDRA.path / "hydra"),
            "KRATOS_BIN": str(parts.KRATOS.path / "kratos"),
            "KAFKA_BOOTSTRAP_SERVERS": f"{self.bind_host}:{ports['KAFKA_PORT']}",
            "SCHEMA_REGISTRY_URL": f"http://{self.bind_host}:{ports['REGISTRY_PORT']}/apis/ccompat/v7",
            "REDIS_URL": f"redis://{self.bind_host}:{ports['REDIS_PORT']}/0",
            "DATABASE_URL": self.database_url("voting"),
            "KRATOS_DSN": self.database_url("kratos") + "?sslmode=disable",
            "HYDRA_DSN": self.database_url("hydra") + "?sslmode=disable",
            "TOPICS_ENVIRONMENT": "local",
            "HYDRA_PUBLIC_URL": self.url("HYDRA_PUBLIC_PORT"),
            "HYDRA_ADMIN_URL": self.url("HYDRA_ADMIN_PORT"),
            "KRATOS_PUBLIC_URL": self.url("KRATOS_PUBLIC_PORT"),
            "KRATOS_ADMIN_URL": self.url("KRATOS_ADMIN_PORT"),
            "IDENTITY_URL": self.url("IDENTITY_PORT"),
            "IDENTITY_HOST": self.bind_host,
            # Passkeys belong to this host name, whatever the ports.
            "PASSKEY_RP_ID": "localhost",
            "MAIL_SMTP_ADDRESS": f"{self.bind_host}:{ports['MAIL_SMTP_PORT']}",
            "MAIL_URL": self.url("MAIL_HTTP_PORT"),
            "INGRESS_HOST": self.bind_host,
            "PROOF_HOST": self.bind_host,
            "INGRESS_URL": self.url("INGRESS_PORT"),
            "WEB_URL": self.url("WEB_PORT"),
            "WEB_HOST": self.bind_host,
            "VOTING_API_URL": self.url("INGRESS_PORT"),
            "FLINK_REST_URL": f"http://{self.bind_host}:{ports['FLINK_REST_PORT']}",
            "FLINK_STATE_DIR": str(self.data_dir / "flink"),
            "FLINK_HOME": str(Path(sys.prefix, "lib", "python3.11", "site-packages", "pyflink")),
            "FLINK_LIB_DIR": str(self.config_dir / "flink-lib"),
            "FLINK_CONF_DIR": str(CHECKOUT / "flink-conf"),
            "JOBS_FUNCTIONS_JAR": str(parts.FUNCTIONS.path / "vote-functions.jar"),
            "FLINK_LOG_DIR": str(self.log_dir),
            "FLINK_PID_DIR": run_dir,
            # What differs from machine to machine goes beside flink-conf/config.yaml, as dynamic properties.
            "FLINK_ADDRESSES": " ".join(
                f"-D {key}={value}"
                for key, value in (
                    ("jobmanager.rpc.address", self.bind_host),
                    ("jobmanager.rpc.port", ports["FLINK_RPC_PORT"]),
                    ("rest.address", self.bind_host),
                    ("rest.port", ports["FLINK_REST_PORT"]),
                    ("high-availability.zookeeper.quorum", f"{self.bind_host}:{ports['ZOOKEEPER_PORT']}"),
                    ("high-availability.storageDir", f"file://{self.data_dir}/flink/ha"),
                )
            ),
            "PATH": f"{Path(sys.prefix) / 'bin'}{os.pathsep}{os.environ.get('PATH', os.defpath)}",
        }

    def database_url(self, database: str) -> str:
        return f"postgresql://voting:voting@{self.bind_host}:{self.ports['POSTGRES_PORT']}/{database}"

    def _as_postgres(self) -> str:
        """Prefix of a command that must not run as root. PostgreSQL refuses root, everything else runs as whoever calls."""
        if os.geteuid() != 0:
            return ""
        drop = [shutil.which("setpriv") or "setpriv", "--reuid=postgres", "--regid=postgres", "--init-groups"]
        if not _reachable_by_others(self.run_dir):
            # The checkout lies in a folder that only root may enter: let the server pass, it still is not root.
            drop += ["--inh-caps=+dac_override", "--ambient-caps=+dac_override"]
        return " ".join(drop)


def _reachable_by_others(path: Path) -> bool:
    return all(parent.stat().st_mode & 0o001 for parent in path.parents if parent.exists())


def _port(environ: Mapping[str, str], name: str, standard: int) -> int:
    text = environ.get(name) or str(standard)
    if not text.isdecimal() or not 1 <= int(text) <= 65535:
        raise SettingsError(f"{name} is {text!r}, not a port (1–65535)")
    return int(text)


def _secrets(run_dir: Path, environ: Mapping[str, str]) -> dict[str, str]:
    """Secrets of this stack alone: made once, kept in its run directory, readable by its owner only."""
    file = run_dir / "secrets.env"
    # Names and bytes. Kratos wants exactly 32 characters for its cipher, an Ed25519 key has exactly 32 bytes.
    sizes = {
        "KRATOS_COOKIE_SECRET": 16,
        "KRATOS_CIPHER_SECRET": 16,
        "HYDRA_SYSTEM_SECRET": 16,
        "REGISTRATION_HOOK_KEY": 16,
        "POSTGRES_SUPERUSER_PASSWORD": 16,
        "RESERVATION_SECRET": 16,
        "TOKEN_HOOK_KEY": 16,
        "ROLL_SECRET": 16,
        "WEB_SESSION_SECRET": 16,
        "RECEIPT_SIGNING_KEY": 32,
        "PROOF_SIGNING_KEY": 32,
    }
    kept = dict(line.split("=", 1) for line in file.read_text().splitlines()) if file.exists() else {}
    made = {name: secrets.token_hex(size) for name, size in sizes.items() if name not in kept}
    if made:
        kept |= made
        run_dir.mkdir(parents=True, exist_ok=True)
        unfinished = file.with_suffix(".new")
        unfinished.touch(mode=0o600)
        unfinished.write_text("".join(f"{name}={value}\n" for name, value in kept.items()))
        unfinished.rename(file)
    # The demo's client and its password are the ones of the documentation, a local default and used nowhere else.
    return {**kept, "VOTER_APP_CLIENT_SECRET": environ.get("VOTER_APP_CLIENT_SECRET") or "my-client-secret"}
