"""Tables of other people's data, read a row at a time: none is ever loaded as a whole."""

import json
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import numpy as np

from hone.core.errors import DamagedFile, UsageError, require, unknown

_FILES = (".jsonl", ".json", ".parquet")
_BLOCK = 2**20  # bytes that are searched for line ends at a time


@runtime_checkable
class Table(Protocol):
    """Rows of named columns; `datasets.Dataset` is one."""

    @property
    def column_names(self) -> list[str]: ...
    def __len__(self) -> int: ...
    def __getitem__(self, row: Any, /) -> dict[str, Any]: ...
    def __iter__(self) -> Iterator[Any]: ...


class JsonLines:
    """A file of JSON lines, mapped into memory; of each line only its end is kept."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._bytes = np.memmap(path, dtype=np.uint8, mode="r").view(np.ndarray)
        self._ends = _line_ends(self._bytes)

    @property
    def column_names(self) -> list[str]:
        return list(self[0])

    def __len__(self) -> int:
        return len(self._ends)

    def __getitem__(self, row: int, /) -> dict[str, Any]:
        start = self._ends[row - 1] + 1 if row else 0
        line = self._bytes[start : self._ends[row]].tobytes()
        try:
            found = json.loads(line)
        except ValueError as error:
            raise DamagedFile(f"{self._path}, line {row + 1}, is not JSON: {error}") from error
        if not isinstance(found, dict):
            raise DamagedFile(f"{self._path}, line {row + 1}, is no object: {str(found)[:40]!r}")
        return found

    def __iter__(self) -> Iterator[dict[str, Any]]:
        return map(self.__getitem__, range(len(self)))


def open_table(path: str, split: str, config: str) -> Table:
    """The rows of a file, of a folder, or of a data set of the Hugging Face hub.

    Args:
        path: a .jsonl, .json or .parquet file, a folder that `datasets` reads, or a hub name.
            What `datasets` reads is mapped into memory; of files it keeps a copy in its cache.
        split: which of several there are; "" where there is one.
        config: of a data set of the hub that has several.

    Raises:
        UsageError: there is no such thing, it has no rows, or no such split.
        DamagedFile: it cannot be read.
    """
    file = Path(path)
    empty = file.is_file() and not file.stat().st_size  # there is nothing to map
    table = None if empty else _opened(path, split, config)
    if table is None or not len(table):
        raise UsageError(f"{path} has no rows; name a file that has some")
    return table


def absolute(path: str | Path) -> str:
    """The path from the root, where there is such a file or folder; else as it stands."""
    return str(Path(path).resolve()) if Path(path).exists() else str(path)


def column(path: str, names: Sequence[str], asked: str, usual: Sequence[str]) -> str:
    """The column that is asked for, or the first of the usual ones; "" where none is there.

    Raises:
        UsageError: the one that is asked for is not.
    """
    if asked and asked not in names:
        raise unknown(f"column of {path}", asked, names)
    found = {name.lower(): name for name in names}
    return asked or next((found[name] for name in usual if name in found), "")


def value(row: dict[str, Any], name: str) -> str:
    """What a row has in a column, as text; "" where it has nothing."""
    found = row.get(name)
    return "" if found is None else str(found).strip()


def _opened(path: str, split: str, config: str) -> Table:
    file = Path(path)
    if file.is_file() and file.suffix in _FILES:
        require(not split + config, "split, config", (split, config), f"none, as {path} is a file")
        if file.suffix == ".jsonl":
            return JsonLines(file)
        return _with_datasets(path, lambda datasets: _from_file(datasets, file))
    if not file.is_dir() and (file.exists() or file.suffix in _FILES or path.count("/") > 1):
        raise UsageError(
            f"{path} is no file or folder of data; name a {', '.join(_FILES)} file, a folder that "
            "datasets can read, or a data set of the Hugging Face hub"
        )
    found = _with_datasets(path, lambda datasets: _from_name(datasets, file, config))
    if not isinstance(found, dict):  # saved without splits
        require(not split, "split", split, f"none, as {path} has no splits")
        return found
    split = split or (next(iter(found)) if len(found) == 1 else "")
    require(split in found, f"split of {path}", split, " or ".join(found))
    return found[split]


def _from_file(datasets: Any, file: Path) -> Any:
    read = datasets.Dataset.from_json if file.suffix == ".json" else datasets.Dataset.from_parquet
    return read(str(file))


def _from_name(datasets: Any, folder: Path, config: str) -> Any:
    saved = ("state.json", "dataset_dict.json")
    if any((folder / name).is_file() for name in saved):
        return datasets.load_from_disk(str(folder))
    return datasets.load_dataset(str(folder), config or None)


def _with_datasets(path: str, read: Callable[[Any], Any]) -> Any:
    try:
        import datasets
        from datasets.exceptions import DatasetsError
    except ImportError:
        raise UsageError(
            f"{path} needs datasets to be read; install it with: pip install 'hone-lab[hf]'"
        ) from None
    datasets.disable_progress_bars()  # they would go through our own
    try:
        return read(datasets)
    except (OSError, ValueError, DatasetsError) as error:
        reason = str(error).strip().partition("\n")[0]
        raise DamagedFile(
            f"{path} cannot be read as a data set ({reason}); "
            "check its name, the network or the file"
        ) from error


def _line_ends(data: np.ndarray) -> np.ndarray:
    blocks = range(0, len(data), _BLOCK)
    found = [start + np.flatnonzero(data[start : start + _BLOCK] == 10) for start in blocks]
    ends = np.concatenate(found)
    closed = len(ends) and ends[-1] == len(data) - 1
    return ends if closed else np.append(ends, len(data))
