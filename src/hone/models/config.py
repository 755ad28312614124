"""The shape of a decoder, as plain data: no torch here, so that planning a run stays instant."""

from dataclasses import dataclass
from typing import Literal

from hone.core.errors import require

Family = Literal["llama", "qwen2", "mistral", "gpt2", "olmo"]
Norm = Literal["rms", "layer", "plain"]
Positions = Literal["rotary", "learned"]
Mlp = Literal["swiglu", "gelu"]

# What each family's Hugging Face layout can express: norm, positions, mlp, (qkv_bias, bias) pairs.
_LAYOUTS: dict[str, tuple[Norm, Positions, Mlp, tuple[tuple[bool, bool], ...]]] = {
    "llama": ("rms", "rotary", "swiglu", ((False, False), (True, True))),
    "qwen2": ("rms", "rotary", "swiglu", ((True, False),)),
    "mistral": ("rms", "rotary", "swiglu", ((False, False),)),
    "gpt2": ("layer", "learned", "gelu", ((True, True),)),
    "olmo": ("plain", "rotary", "swiglu", ((False, False),)),
}
_SIZES = ("vocab", "width", "layers", "heads", "kv_heads", "head_dim", "mlp_width", "context")
_OLMO_NORM_EPS = 1e-5  # written into the architecture, not into its config file


@dataclass(frozen=True)
class DecoderConfig:
    """Everything that fixes a decoder's parameters and function.

    `family` names the Hugging Face layout it is saved in. `norm` "plain" is OLMo's LayerNorm
    without weights; `bias` is that of the attention's output projection and of the MLP; `tie`
    uses the token embedding as the output head.

    Raises:
        UsageError: naming the key, its value and what is allowed.
    """

    family: Family
    vocab: int
    width: int
    layers: int
    heads: int
    kv_heads: int
    head_dim: int
    mlp_width: int
    context: int
    norm: Norm
    positions: Positions
    mlp: Mlp
    qkv_bias: bool
    bias: bool
    tie: bool
    rope_theta: float
    norm_eps: float

    def __post_init__(self) -> None:
        require(self.family in _LAYOUTS, "family", self.family, ", ".join(_LAYOUTS))
        self._require_sound_sizes()
        self._require_expressible()

    def _require_sound_sizes(self) -> None:
        for key in _SIZES:
            require(getattr(self, key) >= 1, key, getattr(self, key), "integers from 1 up")
        require(self.heads % self.kv_heads == 0, "kv_heads", self.kv_heads,
                f"divisors of heads = {self.heads}")  # fmt: skip
        require(self.positions == "learned" or self.head_dim % 2 == 0, "head_dim", self.head_dim,
                "even numbers, for rotary positions")  # fmt: skip

    def _require_expressible(self) -> None:
        norm, positions, mlp, biases = _LAYOUTS[self.family]
        where = f"for family {self.family!r}"
        require(self.norm == norm, "norm", self.norm, f"{norm!r} {where}")
        require(self.positions == positions, "positions", self.positions, f"{positions!r} {where}")
        require(self.mlp == mlp, "mlp", self.mlp, f"{mlp!r} {where}")
        require((self.qkv_bias, self.bias) in biases, "(qkv_bias, bias)",
                (self.qkv_bias, self.bias), f"{' or '.join(map(str, biases))} {where}")  # fmt: skip
        if self.family == "gpt2":
            require(self.kv_heads == self.heads, "kv_heads", self.kv_heads,
                    f"heads = {self.heads} {where}")  # fmt: skip
            require(self.heads * self.head_dim == self.width, "head_dim", self.head_dim,
                    f"width / heads = {self.width} / {self.heads} {where}")  # fmt: skip
        if self.family == "olmo":
            require(self.norm_eps == _OLMO_NORM_EPS, "norm_eps", self.norm_eps,
                    f"{_OLMO_NORM_EPS} {where}")  # fmt: skip


@dataclass(frozen=True)
class LoRA:
    """Low-rank adapters of all projections instead of their weights (arXiv 2106.09685)."""

    rank: int
    alpha: float  # the adapters' product is multiplied by alpha / rank
    dropout: float = 0.0  # of what adapters read, in supervised training

    def __post_init__(self) -> None:
        require(self.rank >= 1, "lora.rank", self.rank, "1 or more")
        require(self.alpha > 0, "lora.alpha", self.alpha, "a number above 0")
        require(0 <= self.dropout < 1, "lora.dropout", self.dropout, "0 or more, below 1")


def gpt2_style(vocab: int, width: int, layers: int, heads: int, context: int) -> DecoderConfig:
    """A GPT-2: LayerNorm, learned positions, GELU of four times the width, tied embeddings."""
    require(width % heads == 0, "heads", heads, f"divisors of width = {width}")
    return DecoderConfig(
        family="gpt2", vocab=vocab, width=width, layers=layers, heads=heads, kv_heads=heads,
        head_dim=width // heads, mlp_width=4 * width, context=context, norm="layer",
        positions="learned", mlp="gelu", qkv_bias=True, bias=True, tie=True,
        rope_theta=10_000.0, norm_eps=1e-5,
    )  # fmt: skip


def mistral_style(
    vocab: int,
    width: int,
    layers: int,
    context: int,
    head_dim: int = 32,
    kv_heads: int | None = None,
) -> DecoderConfig:
    """A Mistral: RMSNorm, rotary positions, SwiGLU with as many weights as GELU of four widths.

    Args:
        kv_heads: fewer than width / head_dim for grouped queries; by default as many.
    """
    require(width % head_dim == 0, "head_dim", head_dim, f"divisors of width = {width}")
    heads = width // head_dim
    return DecoderConfig(
        family="mistral", vocab=vocab, width=width, layers=layers, heads=heads,
        kv_heads=kv_heads or heads, head_dim=head_dim, mlp_width=_swiglu_width(width),
        context=context, norm="rms", positions="rotary", mlp="swiglu", qkv_bias=False, bias=False,
        tie=False, rope_theta=10_000.0, norm_eps=1e-5,
    )  # fmt: skip


def olmo_style(vocab: int, width: int, layers: int, heads: int, context: int) -> DecoderConfig:
    """An OLMo: LayerNorm without weights, rotary positions, SwiGLU of four times the width."""
    require(width % heads == 0, "heads", heads, f"divisors of width = {width}")
    return DecoderConfig(
        family="olmo", vocab=vocab, width=width, layers=layers, heads=heads, kv_heads=heads,
        head_dim=width // heads, mlp_width=4 * width, context=context, norm="plain",
        positions="rotary", mlp="swiglu", qkv_bias=False, bias=False, tie=False,
        rope_theta=10_000.0, norm_eps=_OLMO_NORM_EPS,
    )  # fmt: skip


def _swiglu_width(width: int) -> int:
    """Three matrices of this width weigh as much as GELU's two of 4 × width; a multiple of 8."""
    return max(8, round(8 * width / 3 / 8) * 8)


def parameters(config: DecoderConfig) -> int:
    """Number of weights, shared ones counted once."""
    width, mlp_width = config.width, config.mlp_width
    qkv = (config.heads + 2 * config.kv_heads) * config.head_dim
    into_mlp = mlp_width * (2 if config.mlp == "swiglu" else 1)
    norm = {"rms": width, "layer": 2 * width, "plain": 0}[config.norm]
    matrices = width * (qkv + config.heads * config.head_dim + into_mlp + mlp_width)
    biases = config.qkv_bias * qkv + config.bias * (width + into_mlp + width)
    embeddings = config.vocab * width * (1 if config.tie else 2)
    positions = config.context * width if config.positions == "learned" else 0
    return embeddings + positions + norm + config.layers * (matrices + biases + 2 * norm)
