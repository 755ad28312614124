"""What `hone doctor` reports: measured for real once, and judged on machines made up here."""

import dataclasses
import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from hone.bench import machine
from hone.bench.machine import Examination, Rate


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory) -> Examination:
    return machine.examine(tmp_path_factory.mktemp("runs"))


@pytest.fixture
def sound(real: Examination) -> Examination:
    """A machine about which nothing is unwise."""
    return dataclasses.replace(
        real,
        cores=machine.Cores(physical=2, logical=4, usable=4),
        settings=machine.Settings(
            torch_threads=1,
            omp_num_threads="1",
            load_1min=0.1,
            power_saving=None,
            debug_build=False,
            assertions=True,
        ),
        rates=(Rate("float32", 100.0, 1024, "avx2"), Rate("bfloat16", 150.0, 1024, "avx512_bf16")),
        room=machine.Room("runs", 8 * machine.GIB, 16 * machine.GIB, 50 * machine.GIB),
        idle_accelerator=None,
    )


def test_this_machine_is_measured(real: Examination) -> None:
    assert [rate.dtype for rate in real.rates] == list(machine.DTYPES)
    assert all(rate.gflops > 0 for rate in real.rates)
    assert 1 <= real.cores.usable <= real.cores.logical
    assert 0 < real.room.memory_free <= real.room.memory_total
    assert real.room.disk_free > 0


def test_busy_cores_are_counted() -> None:
    assert 0 <= machine.busy_cores(0.1) <= machine.cores().logical


def test_rows_are_pairs_of_text_without_gaps(real: Examination) -> None:
    rows = real.table_rows()
    assert all(left and right for left, right in rows)
    assert "float32 product" in dict(rows)


def test_the_examination_is_json(real: Examination) -> None:
    assert json.loads(json.dumps(dataclasses.asdict(real)))["cores"]["logical"] >= 1


def test_measuring_leaves_the_threads_as_they_were() -> None:
    before = torch.get_num_threads()
    machine.measure("float32")
    assert torch.get_num_threads() == before == 1


def test_a_slow_dtype_gets_a_small_product(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "_product_seconds", lambda size, dtype, budget: 1.0)
    assert machine.measure("float32").size == machine.SIZES[-1]
    monkeypatch.setattr(machine, "_product_seconds", lambda size, dtype, budget: 1e-5)
    fast = machine.measure("float32", frozenset({"avx2"}))
    assert (fast.size, fast.instructions) == (1024, "avx2")
    assert fast.gflops == pytest.approx(2 * 1024**3 / 1e-5 / 1e9)


def test_a_sound_machine_has_nothing_unwise(sound: Examination) -> None:
    assert sound.unwise() == []


@pytest.mark.parametrize(
    ("part", "change", "said"),
    [
        ("settings", {"omp_num_threads": None}, "set OMP_NUM_THREADS=1"),
        ("settings", {"torch_threads": 8}, "8 threads, but only 4 cores"),
        ("settings", {"load_1min": 3.0}, "load average is 3.0"),
        ("settings", {"power_saving": "on battery"}, "on battery"),
        ("settings", {"debug_build": True}, "debug build"),
        ("settings", {"assertions": False}, "assertions"),
        ("room", {"memory_free": machine.GIB}, "1.0 GiB of memory"),
        ("room", {"disk_free": machine.GIB // 2}, "0.5 GiB of disk"),
    ],
)
def test_each_unwise_setting_is_named(
    sound: Examination, part: str, change: dict[str, object], said: str
) -> None:
    changed = dataclasses.replace(getattr(sound, part), **change)
    (sentence,) = dataclasses.replace(sound, **{part: changed}).unwise()
    assert said in sentence


def test_a_slow_bfloat16_is_advised_against(sound: Examination) -> None:
    rates = (Rate("float32", 100.0, 1024, "avx2"), Rate("bfloat16", 3.0, 256, None))
    (sentence,) = dataclasses.replace(sound, rates=rates).unwise()
    assert "bfloat16 is slower" in sentence


def test_a_gpu_that_torch_cannot_use_is_named(sound: Examination) -> None:
    (sentence,) = dataclasses.replace(sound, idle_accelerator="GPU 0: Some Card").unwise()
    assert "GPU 0: Some Card" in sentence
    assert "docs/install.md" in sentence


def test_extras_come_from_our_metadata() -> None:
    extras = {extra.name: extra for extra in machine.installed_extras()}
    assert "pytest" in extras["dev"].versions
    assert "torch" not in extras["dev"].versions, "a base dependency is no extra"
    assert "hone-lab" not in extras["dev"].versions
    assert machine.installed_extras("no-such-distribution") == ()


def test_a_container_bounds_cores_and_memory(tmp_path: Path) -> None:
    for name, text in {
        "cpu.max": "150000 100000",
        "memory.max": "100",
        "memory.current": "70",
    }.items():
        (tmp_path / name).write_text(text + "\n")
    assert machine._quota(tmp_path / "cpu.max") == 1
    assert machine._container_memory(1000, 2000, tmp_path) == (30, 100)
    (tmp_path / "cpu.max").write_text("max 100000\n")
    (tmp_path / "memory.max").write_text("max\n")
    assert machine._quota(tmp_path / "cpu.max") is None
    assert machine._container_memory(1000, 2000, tmp_path) == (1000, 2000)


@pytest.mark.parametrize(
    ("files", "policy"),
    [
        ({}, None),
        ({"scaling_governor": "performance"}, None),
        ({"scaling_governor": "powersave"}, "processor governor: powersave"),
        ({"scaling_governor": "powersave", "energy_performance_preference": "balance"}, None),
        ({"energy_performance_preference": "power"}, "energy preference: power"),
    ],
)
def test_power_policy(tmp_path: Path, files: dict[str, str], policy: str | None) -> None:
    for name, text in files.items():
        (tmp_path / name).write_text(text + "\n")
    assert machine._power_policy(tmp_path) == policy


def test_cpuinfo_is_read_by_key(tmp_path: Path) -> None:
    file = tmp_path / "cpuinfo"
    file.write_text("model name\t: A: B\nflags\t\t: fpu avx2\n\nflags\t\t: other\n")
    assert machine._cpuinfo("model name", file) == "A: B"
    assert machine._cpuinfo("flags", file) == "fpu avx2"
    assert machine._cpuinfo("absent", file) == machine._cpuinfo("x", tmp_path / "absent") == ""


def test_importing_the_module_does_not_import_torch() -> None:
    script = "import sys, hone.bench.machine; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0
