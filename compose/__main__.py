"""The whole system on one machine: ``python -m compose up|down|reset|status|logs|run|demo``."""

import argparse
import os
import subprocess
import sys

from compose import stack as stacks
from compose.settings import CHECKOUT, PORTS, SettingsError, Stack
from compose.supervisor import SupervisorGone


def _say(text: str) -> None:
    print(f"stack: {text}", flush=True)


def _up(stack: Stack, _: argparse.Namespace) -> int:
    stacks.up(stack, _say)
    return 0


def _down(stack: Stack, _: argparse.Namespace) -> int:
    stacks.down(stack, _say)
    return 0


def _reset(stack: Stack, _: argparse.Namespace) -> int:
    stacks.wipe(stack, _say)
    return 0


def _status(stack: Stack, _: argparse.Namespace) -> int:
    processes, well = stacks.status(stack)
    ports = {what: [str(stack.ports[name]) for name, _, owner in PORTS if owner == what] for _, _, what in PORTS}
    print(f"{'PROCESS':<20}{'STATUS':<14}{'PID':>8}{'RESTARTS':>10}{'AGE':>10}  PORTS")
    for process in processes:
        state = ("ready" if process.ready else "not ready") if process.running and process.has_probe else process.status.lower()
        age = f"{process.age_seconds:.0f} s" if process.running else ""
        pid = str(process.pid) if process.running else ""
        print(f"{process.name:<20}{state:<14}{pid:>8}{process.restarts:>10}{age:>10}  {' '.join(ports.get(process.name, []))}")
    print()
    jobs_well = _run(stack, argparse.Namespace(module=["jobs", "status"])) == 0
    return 0 if well and jobs_well else 1


def _logs(stack: Stack, arguments: argparse.Namespace) -> int:
    names = arguments.process or sorted(path.stem for path in stack.log_dir.glob("*.log"))
    files = [stack.log_dir / f"{name}.log" for name in names]
    absent = [file.stem for file in files if not file.exists()]
    if absent or not files:
        print(f"stack: no log of {', '.join(absent) or 'anything'} in {stack.log_dir}", file=sys.stderr)
        return 1
    follow = [] if arguments.no_follow else ["--follow=name", "--retry"]
    return subprocess.run(["tail", "-n", str(arguments.lines), *follow, *files], check=False).returncode


def _run(stack: Stack, arguments: argparse.Namespace) -> int:
    environment = {**os.environ, **stack.environment()}
    return subprocess.run([sys.executable, "-m", *arguments.module], cwd=CHECKOUT, env=environment, check=False).returncode


def _demo(stack: Stack, arguments: argparse.Namespace) -> int:
    from compose import demo  # noqa: PLC0415 (it needs what only a set-up machine has)

    stacks.up(stack, _say)
    return demo.run(stack, voters=arguments.voters)


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m compose", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("up", help="start everything and wait until it is ready").set_defaults(run=_up)
    commands.add_parser("down", help="stop the jobs with savepoints, then everything; data stays").set_defaults(run=_down)
    commands.add_parser("reset", help="stop everything and delete all data").set_defaults(run=_reset)
    commands.add_parser("status", help="how every process and job is").set_defaults(run=_status)
    logs = commands.add_parser("logs", help="follow the logs")
    logs.add_argument("process", nargs="*", help="only of these processes")
    logs.add_argument("--lines", type=int, default=20, help="how many lines of the past (default 20)")
    logs.add_argument("--no-follow", action="store_true", help="show them and end")
    logs.set_defaults(run=_logs)
    run = commands.add_parser("run", help="run a module with this stack's settings, for example: run jobs status")
    run.add_argument("module", nargs=argparse.REMAINDER, help="the module and its arguments")
    run.set_defaults(run=_run)
    demo = commands.add_parser("demo", help="start everything and walk the way of a vote")
    demo.add_argument("--voters", type=int, default=3000, help="how many voters vote after the first one (default 3000)")
    demo.set_defaults(run=_demo)
    parsed = parser.parse_args(arguments)
    try:
        return int(parsed.run(Stack.from_environment(os.environ), parsed))
    except SupervisorGone:
        print("stack: it is not running (start it with: make up)", file=sys.stderr)
        return 1
    except (SettingsError, stacks.StartFailed, stacks.StackBusy) as error:
        print(f"stack: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main())
