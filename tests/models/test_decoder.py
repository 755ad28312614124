"""Laws of the decoder: padding, order of rows and ways of computing do not change the result."""

import subprocess
import sys

import pytest
import torch
import torch.nn.functional as F

from hone.core.errors import UsageError
from hone.models import kernels, parameters
from hone.models.cache import Cache
from hone.models.decoder import Decoder
from tests.models.tiny import CONFIGS, padded, tiny, tokens

everywhere = pytest.mark.parametrize("name", CONFIGS)
LENGTHS = [7, 3, 1]


def close(left: torch.Tensor, right: torch.Tensor, tolerance: float = 1e-11) -> None:
    torch.testing.assert_close(left, right, atol=tolerance, rtol=tolerance)


@everywhere
@pytest.mark.parametrize("side", ["left", "right"])
def test_padding_does_not_matter(name: str, side: str) -> None:
    decoder, full = tiny(name, torch.float64), tokens(3, 7)
    ids, mask = padded(full, LENGTHS, side)
    hidden = decoder(ids, mask)
    decoder.logits(hidden).square().sum().backward()
    for row, length in enumerate(LENGTHS):
        close(hidden[row][mask[row]], decoder(full[row : row + 1, :length])[0])
    for parameter in decoder.parameters():
        assert parameter.grad is not None
        assert parameter.grad.isfinite().all()


@everywhere
def test_order_of_rows_does_not_matter(name: str) -> None:
    decoder, ids, order = tiny(name, torch.float64), tokens(5, 6), torch.tensor([3, 0, 4, 1, 2])
    close(decoder(ids[order]), decoder(ids)[order])


@everywhere
def test_later_tokens_do_not_matter(name: str) -> None:
    decoder, ids = tiny(name, torch.float64), tokens(2, 8)
    close(decoder(ids)[:, :5], decoder(ids[:, :5]))


@everywhere
@pytest.mark.parametrize("shared", [0, 1, 4])
def test_prefix_equals_full_computation_with_gradients(name: str, shared: int) -> None:
    decoder, prompts = tiny(name, torch.float64), tokens(2, shared)
    rows = torch.tensor([0, 0, 0, 1, 1])
    answers = tokens(5, 4, seed=2)
    full = decoder(torch.cat((prompts[rows], answers), 1))[:, shared:]
    expected = torch.autograd.grad(decoder.logits(full).sin().sum(), list(decoder.parameters()))
    short = decoder(answers, past=decoder.prefill(prompts).select(rows))
    gradients = torch.autograd.grad(decoder.logits(short).sin().sum(), list(decoder.parameters()))
    close(short, full)
    for gradient, other in zip(gradients, expected, strict=True):
        close(gradient, other, 1e-9)


@everywhere
@pytest.mark.parametrize("side", ["left", "right"])
def test_padded_prefix_equals_full_computation(name: str, side: str) -> None:
    decoder, full = tiny(name, torch.float64), tokens(3, 7)
    prefix = decoder.prefill(*padded(full, LENGTHS, side))
    answers, mask = padded(tokens(3, 4, seed=2), [4, 2, 3], "right")
    hidden = decoder(answers, mask, prefix)
    for row, length in enumerate(LENGTHS):
        whole = torch.cat((full[row, :length], answers[row][mask[row]]))
        close(hidden[row][mask[row]], decoder(whole[None])[0, length:])


@everywhere
@torch.no_grad()
def test_decoding_with_dropped_rows_equals_full_computation(name: str) -> None:
    decoder, full = tiny(name, torch.float64), tokens(3, 7)
    answers = tokens(4, 5, seed=2)
    rows = torch.tensor([0, 1, 1, 2])
    prefix = decoder.prefill(*padded(full, LENGTHS, "left"))
    cache = Cache.from_prefix(prefix, rows, time=5)
    alive = torch.arange(4)
    for step in range(5):
        hidden = decoder(answers[alive, step : step + 1], past=cache)
        for place, row in enumerate(alive.tolist()):
            start = LENGTHS[rows[row]]
            whole = torch.cat((full[rows[row], :start], answers[row, : step + 1]))
            close(hidden[place, 0], decoder(whole[None])[0, -1])
        if step in (1, 3):
            keep = torch.tensor([0, 2, 3] if step == 1 else [1])
            cache, alive = cache.select(keep), alive[keep]


@everywhere
@torch.no_grad()
def test_float32_decoding_equals_scoring(name: str) -> None:
    decoder, ids = tiny(name), tokens(4, 12)
    scored = decoder.logits(decoder(ids)).log_softmax(-1)
    cache = Cache.from_prefix(decoder.prefill(ids[:, :5]), torch.arange(4), time=7)
    steps = [decoder(ids[:, step : step + 1], past=cache) for step in range(5, 12)]
    close(decoder.logits(torch.cat(steps, 1)).log_softmax(-1), scored[:, 5:], 1e-5)


@everywhere
def test_bfloat16_is_near_float32(name: str) -> None:
    decoder, ids = tiny(name), tokens(4, 8)
    decoder.initialise(torch.Generator().manual_seed(0))
    exact = decoder(ids)
    rough = decoder.to(torch.bfloat16)(ids)
    assert rough.dtype == torch.bfloat16
    assert (rough - exact).abs().mean() < 0.02
    rough.sum().backward()


@everywhere
def test_initialisation_is_deterministic_and_leaves_global_randomness_alone(name: str) -> None:
    before = torch.get_rng_state()
    first, second = Decoder(CONFIGS[name]), Decoder(CONFIGS[name])
    first.initialise(torch.Generator().manual_seed(5))
    second.initialise(torch.Generator().manual_seed(5))
    assert torch.equal(before, torch.get_rng_state())
    for left, right in zip(first.parameters(), second.parameters(), strict=True):
        assert torch.equal(left, right)
    second.initialise(torch.Generator().manual_seed(6))
    assert not torch.equal(first.embedding, second.embedding)


def test_initial_deviations() -> None:
    decoder = Decoder(CONFIGS["gpt2"])
    decoder.initialise(torch.Generator().manual_seed(0))
    block = decoder.blocks[0]
    assert block.qkv.weight.std().item() == pytest.approx(0.02, rel=0.1)
    assert block.down.weight.std().item() == pytest.approx(0.02 / 6**0.5, rel=0.1)
    assert (block.mlp_norm.weight == 1).all()
    assert (block.up.bias == 0).all()


@everywhere
def test_parameters_are_counted(name: str) -> None:
    counted = sum(parameter.numel() for parameter in Decoder(CONFIGS[name]).parameters())
    assert parameters(CONFIGS[name]) == counted


def test_more_tokens_than_the_context_are_refused() -> None:
    with pytest.raises(UsageError, match=r"25.*context"):
        tiny("gpt2")(tokens(1, 25))


def test_long_attention_agrees_with_short(monkeypatch: pytest.MonkeyPatch) -> None:
    decoder = tiny("mistral", torch.float64)
    ids, mask = padded(tokens(3, 7), LENGTHS, "left")
    plain, plain_full = decoder(ids, mask), decoder(ids)
    monkeypatch.setattr("hone.models.decoder._PLAIN_ATTENTION_KEYS", 0)
    close(decoder(ids, mask)[mask], plain[mask])
    close(decoder(ids), plain_full)
    close(decoder(ids[:, 3:], past=decoder.prefill(ids[:, :3])), plain_full[:, 3:])


@pytest.mark.parametrize("name", ["gpt2", "mistral"])
def test_forward_is_one_graph(name: str) -> None:
    """In a process of its own: compilation does not see through the shape checks of these tests."""
    code = (
        "import torch; from tests.models.tiny import tiny, tokens\n"
        f"decoder, ids = tiny({name!r}, torch.float64), tokens(2, 6)\n"
        "compiled = torch.compile(decoder, fullgraph=True, backend='eager')\n"
        "torch.testing.assert_close(compiled(ids), decoder(ids))"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


@torch.no_grad()
def test_a_full_cache_says_so() -> None:
    decoder = tiny("mistral")
    cache = Cache.from_prefix(decoder.prefill(tokens(2, 3)), torch.arange(2), time=1)
    decoder(tokens(2, 1), past=cache)
    with pytest.raises(UsageError, match=r"columns in the cache = 5.*up to 4"):
        decoder(tokens(2, 1), past=cache)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_gelu_and_its_gradient(dtype: torch.dtype) -> None:
    inputs = torch.linspace(-12, 12, 997, dtype=dtype, requires_grad=True)
    ours, theirs = kernels.gelu(inputs), F.gelu(inputs, approximate="tanh")
    close(ours, theirs, 2e-6)
    (gradient,) = torch.autograd.grad(ours.sin().sum(), inputs)
    (expected,) = torch.autograd.grad(theirs.sin().sum(), inputs)
    close(gradient, expected, 5e-6)


@pytest.mark.parametrize("rows", [0, 1, 31, 64])
@pytest.mark.parametrize("biased", [True, False])
def test_linear_and_its_gradients(rows: int, biased: bool) -> None:
    generator = torch.Generator().manual_seed(rows)
    inputs = torch.randn(rows, 24, generator=generator, requires_grad=True)
    weight = torch.randn(40, 24, generator=generator, requires_grad=True)
    bias = torch.randn(40, generator=generator, requires_grad=True) if biased else None
    leaves = [inputs, weight] + ([bias] if bias is not None else [])
    ours, theirs = kernels.linear(inputs, weight, bias), F.linear(inputs, weight, bias)
    close(ours, theirs, 1e-5)
    for loss in (torch.sum, lambda out: out.sin().sum()):  # a sum's gradient has zero strides
        gradients = torch.autograd.grad(loss(ours), leaves, retain_graph=True)
        expected = torch.autograd.grad(loss(theirs), leaves, retain_graph=True)
        for gradient, other in zip(gradients, expected, strict=True):
            close(gradient, other, 1e-4)
