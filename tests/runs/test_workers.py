"""What a study computes does not depend on how many workers share it."""

from pathlib import Path

from hone.studies import commands
from hone.studies.runfile import Request
from tests.runs.tiny import STAGES, contents


def test_one_worker_and_two_end_in_the_same_bits(
    study: Path, tmp_path: Path, reference: Path
) -> None:
    """The reference is carried out by two."""
    commands.run(Request(str(study), "quick", out=tmp_path / "out", workers=1))
    found = contents(tmp_path / "out")
    assert found == contents(reference)
    assert len({name.split("/")[1] for name in found}) == STAGES
    claims = [root / "quick" / "claims.json" for root in (tmp_path / "out", reference)]
    assert claims[0].read_bytes() == claims[1].read_bytes()
