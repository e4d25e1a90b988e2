"""The cache of built parts."""

from pathlib import Path

import pytest

from compose.toolchain import cache


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


@pytest.fixture
def manifest(tmp_path: Path) -> Path:
    file = tmp_path / "manifest"
    file.write_text("version 1")
    return file


def test_a_part_is_built_once_for_a_manifest_and_anew_for_another(manifest: Path) -> None:
    builds: list[Path] = []

    def build(folder: Path) -> None:
        builds.append(folder)
        (folder / "program").write_text("built")

    first = cache.built("part", [manifest], build)
    assert (first / "program").read_text() == "built"
    assert cache.built("part", [manifest], build) == first
    assert len(builds) == 1
    manifest.write_text("version 2")
    assert cache.built("part", [manifest], build) != first
    assert len(builds) == 2


def test_a_build_that_fails_leaves_nothing_that_looks_finished(manifest: Path) -> None:
    def fail(folder: Path) -> None:
        (folder / "half").write_text("a program")
        raise RuntimeError("no network")

    with pytest.raises(RuntimeError, match="no network"):
        cache.built("part", [manifest], fail)
    assert not cache.path_of("part", [manifest]).exists()
    assert [path for path in cache.root().iterdir() if path.is_dir()] == []
