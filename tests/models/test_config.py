"""Configurations that a family's layout cannot express are refused before anything is built."""

import subprocess
import sys
from dataclasses import replace

import pytest

from hone.core.errors import UsageError
from hone.models import DecoderConfig, gpt2_style, mistral_style, parameters

GPT2, MISTRAL = gpt2_style(19, 32, 2, 4, 24), mistral_style(19, 64, 2, 24)


@pytest.mark.parametrize(
    ("config", "changes", "message"),
    [
        (GPT2, {"layers": 0}, "layers = 0"),
        (GPT2, {"norm": "rms"}, "norm = 'rms'.*'layer'"),
        (GPT2, {"bias": False}, r"\(qkv_bias, bias\)"),
        (GPT2, {"kv_heads": 2}, "kv_heads = 2"),
        (GPT2, {"head_dim": 4}, "head_dim = 4.*32 / 4"),
        (MISTRAL, {"heads": 4, "kv_heads": 3}, "kv_heads = 3.*heads = 4"),
        (MISTRAL, {"head_dim": 7}, "head_dim = 7.*even"),
        (MISTRAL, {"mlp": "gelu"}, "mlp = 'gelu'"),
        (MISTRAL, {"positions": "learned"}, "positions = 'learned'"),
        (MISTRAL, {"family": "qwen2"}, r"\(True, False\)"),
        (MISTRAL, {"family": "olmo", "norm": "plain", "norm_eps": 1e-6}, "norm_eps = 1e-06"),
    ],
)
def test_refusals_name_key_value_and_what_is_allowed(
    config: DecoderConfig, changes: dict, message: str
) -> None:
    with pytest.raises(UsageError, match=message) as caught:
        replace(config, **changes)
    assert "allowed" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_widths_that_do_not_divide_are_refused() -> None:
    with pytest.raises(UsageError, match=r"heads = 5.*width = 32"):
        gpt2_style(19, 32, 2, 5, 24)
    with pytest.raises(UsageError, match=r"head_dim = 24.*width = 64"):
        mistral_style(19, 64, 2, 24, head_dim=24)


def test_gated_mlp_weighs_as_much_as_four_widths() -> None:
    gelu, swiglu = gpt2_style(19, 384, 1, 12, 24), mistral_style(19, 384, 1, 24)
    assert 3 * swiglu.mlp_width == 2 * gelu.mlp_width
    assert parameters(swiglu) == pytest.approx(parameters(gelu), rel=0.02)


def test_planning_does_not_import_torch() -> None:
    code = "import hone.models, hone.models.hf_config, sys; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
