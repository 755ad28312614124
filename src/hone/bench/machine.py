"""What this machine offers to a laboratory, and what is unwise about its present settings.

`examine` measures for about a second and returns plain values. torch is imported only there, so
that a command line may import this module and still show its help at once.
"""

import importlib.metadata
import os
import platform
import shutil
import subprocess
import sys
import sysconfig
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch

GIB = 2**30
DTYPES = ("float32", "bfloat16", "float16", "float64")
# The fastest path first; the flags as Linux and macOS spell them.
INSTRUCTIONS = {
    "float32": ("avx512f", "avx2", "neon", "asimd"),
    "bfloat16": ("amx_bf16", "avx512_bf16", "bf16"),
    "float16": ("amx_fp16", "avx512_fp16", "fphp", "fp16"),
    "float64": ("avx512f", "avx2", "neon", "asimd"),
}
LEAST_FREE = 2 * GIB
SIZES = (1024, 512, 256)
PROBE_SIZE = 256
SECONDS_PER_DTYPE = 0.25


@dataclass(frozen=True)
class Cores:
    """The processor's cores, and how many of them this process may use."""

    physical: int | None
    logical: int
    usable: int


@dataclass(frozen=True)
class Rate:
    """A dtype's square matrix product on one thread; `instructions` is what speeds it up here."""

    dtype: str
    gflops: float
    size: int
    instructions: str | None


@dataclass(frozen=True)
class Extra:
    """One of the package's optional groups: what of it is installed, and what is not."""

    name: str
    versions: dict[str, str]
    missing: tuple[str, ...]


@dataclass(frozen=True)
class Settings:
    """What the user can change before the next run."""

    torch_threads: int
    omp_num_threads: str | None
    load_1min: float | None
    power_saving: str | None
    debug_build: bool
    assertions: bool


@dataclass(frozen=True)
class Room:
    """Free memory of this machine (or container) and free space of the folder's disk, in bytes."""

    folder: str
    memory_free: int
    memory_total: int
    disk_free: int


@dataclass(frozen=True)
class Examination:
    """Everything `hone doctor` says, as plain values."""

    system: str
    processor: str
    python: str
    torch: str
    cores: Cores
    settings: Settings
    rates: tuple[Rate, ...]
    room: Room
    accelerators: tuple[str, ...]
    idle_accelerator: str | None
    extras: tuple[Extra, ...]

    def rate(self, dtype: str) -> float:
        """The measured GFLOP/s of a dtype."""
        return next(rate.gflops for rate in self.rates if rate.dtype == dtype)

    def table_rows(self) -> list[tuple[str, str]]:
        """What was found, as rows of a table with two columns."""
        cores, settings, room = self.cores, self.settings, self.room
        omp = settings.omp_num_threads or "not set"
        physical = "unknown" if cores.physical is None else str(cores.physical)
        load = "unknown" if settings.load_1min is None else f"{settings.load_1min:.2f}"
        return [
            ("system", self.system),
            ("processor", self.processor),
            ("python", self.python),
            ("torch", self.torch),
            ("cores", f"{physical} physical, {cores.logical} logical, {cores.usable} usable here"),
            ("threads", f"torch {settings.torch_threads}, OMP_NUM_THREADS {omp}"),
            ("load (1 minute)", load),
            *((f"{rate.dtype} product", _rate_text(rate)) for rate in self.rates),
            ("accelerator", ", ".join(self.accelerators) or "none"),
            ("memory", f"{_gib(room.memory_free)} free of {_gib(room.memory_total)}"),
            ("disk", f"{_gib(room.disk_free)} free at {room.folder}"),
            *((f"extra {extra.name}", _extra_text(extra)) for extra in self.extras),
        ]

    def unwise(self) -> list[str]:
        """One sentence for each setting that makes runs slow, fragile or hard to compare."""
        return [*self._unwise_threads(), *self._unwise_room(), *self._unwise_build()]

    def _unwise_threads(self) -> Iterator[str]:
        usable, settings = self.cores.usable, self.settings
        if settings.omp_num_threads is None and usable > 1:
            yield (
                f"OMP_NUM_THREADS is not set: hone's own workers have one thread each, but every "
                f"other process here starts {settings.torch_threads} on {usable} cores; set "
                "OMP_NUM_THREADS=1 where several run at once."
            )
        if settings.torch_threads > usable:
            yield (
                f"torch uses {settings.torch_threads} threads, but only {usable} cores are "
                f"usable here; set OMP_NUM_THREADS={usable} or less."
            )
        if settings.load_1min is not None and settings.load_1min > usable / 2:
            yield (
                f"The load average is {settings.load_1min:.1f} on {usable} usable cores: "
                "times and rates measured now are too slow."
            )
        if settings.power_saving:
            yield f"The machine saves power ({settings.power_saving}): runs take longer."

    def _unwise_room(self) -> Iterator[str]:
        room = self.room
        if room.memory_free < LEAST_FREE:
            yield f"Only {_gib(room.memory_free)} of memory is free; 2 GiB or more is wise."
        if room.disk_free < LEAST_FREE:
            yield f"Only {_gib(room.disk_free)} of disk is free at {room.folder}; 2 GiB is wise."

    def _unwise_build(self) -> Iterator[str]:
        if self.rate("bfloat16") < self.rate("float32"):
            yield "bfloat16 is slower than float32 on this processor: do not use it on the CPU."
        if self.idle_accelerator:
            yield (
                f"{self.idle_accelerator} is present but this torch cannot use it: "
                "see docs/install.md for a build that can."
            )
        if self.settings.debug_build:
            yield "Python is a debug build: its code runs several times slower."
        if not self.settings.assertions:
            yield "Python runs with -O: assertions are off."


def examine(folder: Path) -> Examination:
    """Measure this machine; `folder` is where runs would be written."""
    import torch

    settings = _settings(torch.get_num_threads())  # before measuring adds to the load
    flags = _processor_flags()
    accelerators = _accelerators()
    return Examination(
        system=f"{platform.system()} {platform.release()} {platform.machine()}",
        processor=_processor_name(),
        python=f"{platform.python_version()} ({sys.executable})",
        torch=f"{torch.__version__}, {torch.backends.cpu.get_cpu_capability()}",
        cores=cores(),
        settings=settings,
        rates=tuple(measure(dtype, flags) for dtype in DTYPES),
        room=_room(folder),
        accelerators=accelerators,
        idle_accelerator=_idle_accelerator(accelerators),
        extras=installed_extras(),
    )


# ------------------------------------------------------------------------------------- measuring


def measure(dtype: str, flags: frozenset[str] = frozenset()) -> Rate:
    """The best rate of a square product on one thread, in about a quarter of a second.

    The size is the largest that leaves time for several repetitions, because a dtype that the
    processor lacks may be a thousand times slower than one it has.
    """
    import torch

    kind = getattr(torch, dtype)
    with _one_thread():
        _product_seconds(PROBE_SIZE, kind, budget=0.0)  # the first one also sets the library up
        probe = _product_seconds(PROBE_SIZE, kind, budget=0.0)
        fits = (size for size in SIZES if 6 * probe * (size / PROBE_SIZE) ** 3 < SECONDS_PER_DTYPE)
        size = next(fits, SIZES[-1])
        seconds = _product_seconds(size, kind, SECONDS_PER_DTYPE)
    native = next((name for name in INSTRUCTIONS[dtype] if name in flags), None)
    return Rate(dtype, 2 * size**3 / seconds / 1e9, size, native)


def _product_seconds(size: int, dtype: "torch.dtype", budget: float) -> float:
    """The least time of one product among as many as fit into the budget (at least one)."""
    import torch

    left = torch.ones(size, size, dtype=dtype)
    right = torch.ones(size, size, dtype=dtype)
    out = torch.empty(size, size, dtype=dtype)
    best = float("inf")
    until = time.perf_counter() + budget
    while True:
        start = time.perf_counter()
        torch.mm(left, right, out=out)
        end = time.perf_counter()
        best = min(best, end - start)
        if end + best > until:
            return best


@contextmanager
def _one_thread() -> Iterator[None]:
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


# --------------------------------------------------------------------------------------- reading


def installed_extras(distribution: str = "hone-lab") -> tuple[Extra, ...]:
    """The optional groups that our own metadata names, and what of each is installed."""
    from packaging.requirements import Requirement

    try:
        metadata = importlib.metadata.metadata(distribution)
    except importlib.metadata.PackageNotFoundError:  # a source tree that nobody installed
        return ()
    requirements = [Requirement(text) for text in importlib.metadata.requires(distribution) or ()]
    extras = []
    for name in metadata.get_all("Provides-Extra") or ():
        needed = [
            requirement.name
            for requirement in requirements
            if requirement.name != distribution
            and requirement.marker is not None
            and requirement.marker.evaluate({"extra": name})
            and not requirement.marker.evaluate({"extra": ""})
        ]
        versions = {each: version for each in needed if (version := _version(each))}
        missing = tuple(each for each in needed if each not in versions)
        extras.append(Extra(name, versions, missing))
    return tuple(extras)


def _version(distribution: str) -> str | None:
    try:
        return importlib.metadata.version(distribution)
    except importlib.metadata.PackageNotFoundError:
        return None


def _settings(torch_threads: int) -> Settings:
    return Settings(
        torch_threads=torch_threads,
        omp_num_threads=os.environ.get("OMP_NUM_THREADS"),
        load_1min=os.getloadavg()[0] if hasattr(os, "getloadavg") else None,
        power_saving=_power_saving(),
        debug_build=bool(sysconfig.get_config_var("Py_DEBUG")),
        assertions=__debug__,
    )


def busy_cores(seconds: float = 1.0) -> float:
    """How many cores all processes keep busy, watched for so long."""
    import psutil

    return psutil.cpu_percent(seconds) / 100 * (psutil.cpu_count() or 1)


def cores() -> Cores:
    """The cores that there are, and those that affinity and a container's quota leave us."""
    import psutil

    logical = psutil.cpu_count() or 1
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else logical
    return Cores(psutil.cpu_count(logical=False), logical, min(allowed, _quota() or allowed))


def _quota(path: Path = Path("/sys/fs/cgroup/cpu.max")) -> int | None:
    """The whole cores that a container's quota allows (at least one), where there is a quota."""
    quota, _, period = _first_line(path).partition(" ")
    return max(1, int(quota) // int(period)) if quota.isdigit() and period.isdigit() else None


def _room(folder: Path) -> Room:
    import psutil

    memory = psutil.virtual_memory()
    free, total = _container_memory(memory.available, memory.total)
    existing = next(path for path in (folder.resolve(), *folder.resolve().parents) if path.exists())
    return Room(str(folder), free, total, shutil.disk_usage(existing).free)


def _container_memory(
    free: int, total: int, root: Path = Path("/sys/fs/cgroup")
) -> tuple[int, int]:
    """Free and total memory, no more than a container's limit leaves."""
    limit, used = _first_line(root / "memory.max"), _first_line(root / "memory.current")
    if not (limit.isdigit() and used.isdigit()):
        return free, total
    return min(free, max(0, int(limit) - int(used))), min(total, int(limit))


def _processor_name() -> str:
    if sys.platform == "darwin":
        return _output("sysctl", "-n", "machdep.cpu.brand_string") or platform.machine()
    return _cpuinfo("model name") or platform.processor() or platform.machine()


def _processor_flags() -> frozenset[str]:
    """The instruction sets, in lower case, as Linux names them."""
    if sys.platform == "darwin":
        lines = _output("sysctl", "hw.optional").lower().splitlines()
        names = (line.partition(":")[0] for line in lines if line.endswith(": 1"))
        last_parts = (name.rpartition(".")[2] for name in names)
        return frozenset(part.removeprefix("feat_") for part in last_parts)
    return frozenset((_cpuinfo("flags") or _cpuinfo("Features")).lower().split())


def _cpuinfo(key: str, path: Path = Path("/proc/cpuinfo")) -> str:
    """The first value of a key, or nothing where there is no such file or key."""
    try:
        lines = path.read_text().splitlines()
    except OSError:
        return ""
    fields = (line.partition(":") for line in lines)
    return next((value.strip() for name, _, value in fields if name.strip() == key), "")


def _accelerators() -> tuple[str, ...]:
    import torch

    if torch.cuda.is_available():
        every = (torch.cuda.get_device_properties(i) for i in range(torch.cuda.device_count()))
        return tuple(f"cuda: {one.name}, {_gib(one.total_memory)}" for one in every)
    return ("mps",) if torch.backends.mps.is_available() else ()


def _idle_accelerator(accelerators: tuple[str, ...]) -> str | None:
    """The name of a GPU that its driver's tool lists but torch does not see."""
    listed = "" if accelerators else _output("nvidia-smi", "--list-gpus")
    return listed.splitlines()[0].partition(" (UUID")[0] if listed.startswith("GPU") else None


def _power_saving() -> str | None:
    import psutil

    battery = psutil.sensors_battery() if hasattr(psutil, "sensors_battery") else None
    if battery is not None and battery.power_plugged is False:
        return "on battery"
    if sys.platform == "darwin":
        lines = _output("pmset", "-g").splitlines()
        saving = any(line.split() == ["lowpowermode", "1"] for line in lines)
        return "low power mode" if saving else None
    return _power_policy()


def _power_policy(folder: Path = Path("/sys/devices/system/cpu/cpu0/cpufreq")) -> str | None:
    """The policy that holds Linux's first core slow, if one does.

    The governor "powersave" says nothing under the drivers that scale by themselves; there the
    preference does.
    """
    preference = _first_line(folder / "energy_performance_preference")
    if preference:
        return "energy preference: power" if preference == "power" else None
    governor = _first_line(folder / "scaling_governor")
    return "processor governor: powersave" if governor == "powersave" else None


def _first_line(path: Path) -> str:
    try:
        return path.read_text().partition("\n")[0].strip()
    except OSError:
        return ""


def _output(*command: str) -> str:
    """What a command prints, or nothing where there is no such command or it fails."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=5, check=True)
    except (OSError, subprocess.SubprocessError):
        return ""
    return done.stdout.strip()


# -------------------------------------------------------------------------------------- printing


def _gib(n_bytes: int) -> str:
    return f"{n_bytes / GIB:.1f} GiB"


def _rate_text(rate: Rate) -> str:
    native = rate.instructions or "no instructions of its own"
    return f"{rate.gflops:.4g} GFLOP/s on one thread ({rate.size}×{rate.size}, {native})"


def _extra_text(extra: Extra) -> str:
    present = ", ".join(f"{name} {version}" for name, version in extra.versions.items())
    missing = f"not installed: {', '.join(extra.missing)}" if extra.missing else ""
    return "; ".join(part for part in (present, missing) if part)
