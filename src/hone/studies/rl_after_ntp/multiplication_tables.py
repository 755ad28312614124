"""Which sizes of numbers were run, with what decoder and budget, and what came of each."""

from hone.measures import accuracy, accuracy_given
from hone.models.config import parameters
from hone.report.tables import Cell, Rows
from hone.runs.folder import part_of_config
from hone.runs.results import Results
from hone.studies.rl_after_ntp.mixture_statistics import WORKED, greedy, sampled
from hone.studies.study import Table


def sizes(results: Results) -> Rows | None:
    """What was run at each size, and accuracy before RL and after."""
    runs = results.select(experiment="sizes")
    return {arm: _row(runs.select(arm=arm)) for arm in runs.arms} or None


def _row(runs: Results) -> dict[str, Cell]:
    before, after = runs.select(stage="pretrain"), runs.select(stage="rl")
    folder = before.stages[0].folder
    steps, batch = (part_of_config(folder, name) for name in ("steps", "batch"))
    drawn = sampled(before)
    row: dict[str, Cell] = {
        "parameters": f"{parameters(part_of_config(folder, 'model')):,}",
        "sequences before RL": f"{steps * batch:,}",
        "p_cot": float(before.factor("p_cot")[0]),
        "greedy before": accuracy(greedy(before)),
        "greedy after GRPO": accuracy(greedy(after)),
    }
    if drawn.filter(WORKED).height:
        row["right when worked, before"] = accuracy_given(drawn, "worked")
    return row


SIZES: tuple[Table, ...] = (
    Table(
        "sizes",
        "What ran at which scale",
        "Digits of both factors, the decoder, the sequences it was trained on before RL, and "
        "accuracy before RL and after. Sampled figures are at temperature 1.",
        sizes,
    ),
)
