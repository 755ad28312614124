"""One decoder for all families: what differs between them is data in `DecoderConfig`.

Activations are two-dimensional, (rows · time) × width, everywhere but in the attention, and the
projections that read the same input are one matrix: small models are bound by dispatch and memory
traffic rather than by arithmetic.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import cast

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from hone.core.errors import require
from hone.models import kernels
from hone.models.cache import Held, New, Past, Prefix
from hone.models.config import DecoderConfig

Flat = Float[Tensor, "tokens width"]
Heads = Float[Tensor, "rows heads time head_dim"]

# Up to this many keys, matrix products and a softmax beat the fused kernel on a CPU.
_PLAIN_ATTENTION_KEYS = 512


@dataclass(frozen=True)
class Frame:
    """Where the tokens of one forward pass stand; the same for all layers."""

    rows: int
    time: int
    real: Bool[Tensor, "rows known"] | None  # of all columns so far, the past's included
    positions: Int[Tensor, "..."]  # real tokens before each token: (rows, time), or (time,)
    bias: Float[Tensor, "#rows 1 time columns"] | None  # 0 where attended, -inf elsewhere
    causal: bool  # the bias is the plain triangle, which fused kernels need not read
    rotary: tuple[Tensor, Tensor] | None  # cosines and signed sines at the positions


class Norm(nn.Module):
    """RMSNorm, LayerNorm, or LayerNorm without weights, computed in float32."""

    def __init__(self, config: DecoderConfig) -> None:
        super().__init__()
        self.rms, self.eps, self.shape = config.norm == "rms", config.norm_eps, (config.width,)
        self.weight = None if config.norm == "plain" else nn.Parameter(torch.ones(self.shape))
        self.bias = nn.Parameter(torch.zeros(self.shape)) if config.norm == "layer" else None

    def forward(self, hidden: Flat) -> Flat:
        if self.rms:
            return F.rms_norm(hidden, self.shape, self.weight, self.eps)
        return F.layer_norm(hidden, self.shape, self.weight, self.bias, self.eps)


class Linear(nn.Linear):
    """A linear layer that starts at zero: weights come from `initialise` or from a checkpoint."""

    def reset_parameters(self) -> None:
        for parameter in self.parameters():
            nn.init.zeros_(parameter)

    def forward(
        self, input: Float[Tensor, "tokens into"], first: int = 0
    ) -> Float[Tensor, "tokens out"]:
        """The outputs from number `first` on."""
        weight, bias = self.weight, self.bias
        if first:  # a slice costs its gradient a copy
            weight, bias = weight[first:], None if bias is None else bias[first:]
        return kernels.linear(input, weight, bias)


class Block(nn.Module):
    """One layer: attention and MLP, each normed before and added to the residual stream."""

    def __init__(self, config: DecoderConfig) -> None:
        super().__init__()
        self.config = config
        attended = config.heads * config.head_dim
        into_qkv = (config.heads + 2 * config.kv_heads) * config.head_dim
        self.gated = config.mlp == "swiglu"
        into_mlp = config.mlp_width * (2 if self.gated else 1)
        self.attention_norm = Norm(config)
        self.qkv = Linear(config.width, into_qkv, bias=config.qkv_bias)
        self.out = Linear(attended, config.width, bias=config.bias)
        self.mlp_norm = Norm(config)
        self.up = Linear(config.width, into_mlp, bias=config.bias)
        self.down = Linear(config.mlp_width, config.width, bias=config.bias)

    def project(self, hidden: Flat, frame: Frame) -> tuple[Heads, New, New]:
        """Queries, keys and values, turned to their positions."""
        heads, kv_heads = self.config.heads, self.config.kv_heads
        shape = (frame.rows, frame.time, heads + 2 * kv_heads, self.config.head_dim)
        projected = self.qkv(self.attention_norm(hidden)).view(shape)
        turned, values = projected.split([heads + kv_heads, kv_heads], dim=2)
        queries, keys = turn(turned, frame).split([heads, kv_heads], dim=2)
        return queries.transpose(1, 2), keys.transpose(1, 2), values.transpose(1, 2)

    def project_keys(self, hidden: Flat, frame: Frame) -> tuple[New, New]:
        """Keys and values only, for a layer whose output nobody reads."""
        queries = self.config.heads * self.config.head_dim
        shape = (frame.rows, frame.time, 2 * self.config.kv_heads, self.config.head_dim)
        projected = self.qkv(self.attention_norm(hidden), queries)
        keys, values = projected.view(shape).chunk(2, dim=2)
        return turn(keys, frame).transpose(1, 2), values.transpose(1, 2)

    def finish(self, hidden: Flat, queries: Heads, keys: Held, values: Held, frame: Frame) -> Flat:
        """The layer's output, given the keys and values of all columns."""
        attended = attend(queries, keys, values, frame)
        hidden = hidden + self.out(attended.transpose(1, 2).flatten(2).flatten(0, 1))
        return hidden + self.down(self.activate(self.up(self.mlp_norm(hidden))))

    def activate(self, hidden: Float[Tensor, "tokens inner"]) -> Float[Tensor, "tokens mlp_width"]:
        if self.gated:
            gate, up = hidden.chunk(2, dim=-1)
            return F.silu(gate) * up
        return kernels.gelu(hidden)


class Decoder(nn.Module):
    """A causal language model.

    Its weights are zero until `initialise` draws them or a checkpoint fills them.
    """

    cosines: Tensor
    sines: Tensor

    def __init__(self, config: DecoderConfig) -> None:
        super().__init__()
        self.config = config
        self.embedding = nn.Parameter(torch.zeros(config.vocab, config.width))
        learned = config.positions == "learned"
        self.position = nn.Parameter(torch.zeros(config.context, config.width)) if learned else None
        blocks = nn.ModuleList(Block(config) for _ in range(config.layers))
        self.blocks = cast("Sequence[Block]", blocks)  # a ModuleList forgets what it holds
        self.norm = Norm(config)
        self.head = None if config.tie else nn.Parameter(torch.zeros(config.vocab, config.width))
        cosines, sines = rotary_table(config)
        self.register_buffer("cosines", cosines, persistent=False)
        self.register_buffer("sines", sines, persistent=False)

    @torch.no_grad()
    def initialise(self, generator: torch.Generator) -> None:
        """Draws all weights: normal with deviation 0.02, norms at one, biases at zero.

        Projections into the residual stream are divided by √(2 · layers), as in GPT-2 (Radford et
        al., 2019), so that its variance does not grow with depth. The draws are made in float32.
        """
        for name, parameter in self.named_parameters():
            if parameter.dim() == 1:
                parameter.fill_(1.0 if name.endswith("norm.weight") else 0.0)
                continue
            residual = name.endswith(("out.weight", "down.weight"))
            deviation = 0.02 / math.sqrt(2 * self.config.layers) if residual else 0.02
            draws = torch.empty(parameter.shape, dtype=torch.float32, device=generator.device)
            parameter.copy_(draws.normal_(0.0, deviation, generator=generator))

    def forward(
        self,
        tokens: Int[Tensor, "rows time"],
        mask: Bool[Tensor, "rows time"] | None = None,
        past: Past | None = None,
        skip: int = 0,
    ) -> Float[Tensor, "rows kept width"]:
        """Hidden states after the final norm; `logits` turns them into logits.

        Args:
            tokens: token ids; what they are where `mask` is False does not matter.
            mask: True at real tokens, padding on either side; None if all are real. Positions
                count real tokens, and no real token attends to padding.
            past: keys and values of what came before; a `Cache` is extended in place.
            skip: how many of the first columns nobody reads: the last layer leaves them out.
        """
        frame = self.frame(tokens, mask, past)
        hidden = self.embed(tokens, frame)
        for layer, block in enumerate(self.blocks):
            queries, keys, values = block.project(hidden, frame)
            if past is not None:
                keys, values = past.extend(layer, keys, values)
            if skip and block is self.blocks[-1]:
                hidden, queries, frame = without_first(skip, hidden, queries, frame)
            hidden = block.finish(hidden, queries, keys, values, frame)
        if past is not None:
            past.advance(tokens.shape[1], frame.real)
        return self.norm(hidden).view(frame.rows, frame.time, self.config.width)

    def logits(self, hidden: Float[Tensor, "*batch width"]) -> Float[Tensor, "*batch vocab"]:
        """Logits of the next token."""
        head = self.embedding if self.head is None else self.head
        flat = kernels.linear(hidden.reshape(-1, self.config.width), head, None)
        return flat.view(*hidden.shape[:-1], self.config.vocab)

    def prefill(
        self, tokens: Int[Tensor, "rows time"], mask: Bool[Tensor, "rows time"] | None = None
    ) -> Prefix:
        """Keys and values of prompts, to be continued by `forward`; gradients flow through them.

        The last layer computes keys and values only: nobody reads the hidden states of these
        tokens, so the token whose successor is wanted belongs to the continuation.
        """
        frame = self.frame(tokens, mask, None)
        hidden = self.embed(tokens, frame)
        pairs: list[tuple[New, New]] = []
        for block in self.blocks[:-1]:
            queries, keys, values = block.project(hidden, frame)
            pairs.append((keys, values))
            hidden = block.finish(hidden, queries, keys, values, frame)
        pairs.append(self.blocks[-1].project_keys(hidden, frame))
        keys, values = zip(*pairs, strict=True)
        return Prefix(keys, values, frame.real)

    def embed(self, tokens: Int[Tensor, "rows time"], frame: Frame) -> Flat:
        hidden = F.embedding(tokens, self.embedding)
        if self.position is not None:
            hidden = hidden + F.embedding(frame.positions, self.position)
        return hidden.view(-1, self.config.width)

    def frame(
        self,
        tokens: Int[Tensor, "rows time"],
        mask: Bool[Tensor, "rows time"] | None,
        past: Past | None,
    ) -> Frame:
        """Works out positions, rotations and the attention bias once for all layers."""
        rows, time = tokens.shape
        before = 0 if past is None else past.length
        context = self.config.context
        require(before + time <= context, "tokens in a row", before + time,
                f"up to the model's context = {context}")  # fmt: skip
        real = joined(None if past is None else past.real, mask, rows, before, time)
        if real is None:
            positions = torch.arange(before, before + time, device=tokens.device)
        else:
            positions = (real.cumsum(1) - 1).clamp_(min=0)[:, before:]
        rotary = None
        if self.position is None:
            rotary = (self.cosines[positions].unsqueeze(-2), self.sines[positions].unsqueeze(-2))
        columns = time if past is None else past.room(time)
        bias = attention_bias(real, before, time, columns, self.embedding)
        causal = real is None and before == 0
        return Frame(rows, time, real, positions, bias, causal, rotary)


def without_first(
    skip: int, hidden: Flat, queries: Heads, frame: Frame
) -> tuple[Float[Tensor, "fewer width"], Float[Tensor, "rows heads kept head_dim"], Frame]:
    """The same tokens without the first columns, which are still attended to."""
    rest = hidden.view(frame.rows, frame.time, -1)[:, skip:].flatten(0, 1)
    bias = None if frame.bias is None else frame.bias[:, :, skip:]
    kept = replace(frame, time=frame.time - skip, bias=bias, causal=False)
    return rest, queries[:, :, skip:], kept


def joined(
    earlier: Bool[Tensor, "rows before"] | None,
    mask: Bool[Tensor, "rows time"] | None,
    rows: int,
    before: int,
    time: int,
) -> Bool[Tensor, "rows columns"] | None:
    """Which columns are real, the past's and the new ones; None if all are."""
    if mask is None and earlier is None:
        return None
    some = mask if mask is not None else earlier
    assert some is not None
    earlier = some.new_ones(rows, before) if earlier is None else earlier
    mask = some.new_ones(rows, time) if mask is None else mask
    return torch.cat((earlier, mask), dim=1)


def attention_bias(
    real: Bool[Tensor, "rows known"] | None, before: int, time: int, columns: int, like: Tensor
) -> Float[Tensor, "#rows 1 time columns"] | None:
    """What is added to attention scores: 0 for what may be attended to, -inf for the rest.

    Columns beyond the known ones are a cache's empty room. Every token may attend to itself,
    padding too: a row of -inf alone would make its softmax, and then all gradients, NaN.
    """
    if real is None and columns == before + time and time == 1:
        return None
    query = torch.arange(before, before + time, device=like.device)[:, None]
    column = torch.arange(columns, device=like.device)
    barred = column > query
    if real is not None:
        padding = F.pad(~real, (0, columns - real.shape[1]))
        barred = (barred | padding[:, None, :]) & (column != query)
    bias = like.new_zeros(barred.shape).masked_fill_(barred, -math.inf)
    return bias.expand(1, 1, -1, -1) if real is None else bias[:, None]


def attend(queries: Heads, keys: Held, values: Held, frame: Frame) -> Heads:
    """Softmax attention; each key head serves heads / kv_heads query heads."""
    (rows, heads, time, head_dim), (kv_heads, columns) = queries.shape, keys.shape[1:3]
    if columns > _PLAIN_ATTENTION_KEYS or queries.is_cuda:
        return F.scaled_dot_product_attention(
            queries,
            keys,
            values,
            attn_mask=None if frame.causal else frame.bias,
            is_causal=frame.causal,
            enable_gqa=heads != kv_heads,
        )
    grouped = (queries * head_dim**-0.5).reshape(rows, kv_heads, heads // kv_heads * time, head_dim)
    scores = torch.matmul(grouped, keys.transpose(-1, -2))
    if frame.bias is not None:
        scores = (scores.view(rows, heads, time, columns) + frame.bias).view(scores.shape)
    return torch.matmul(kernels.softmax(scores), values).view(rows, heads, time, head_dim)


def turn(
    heads: Float[Tensor, "rows time heads head_dim"], frame: Frame
) -> Float[Tensor, "rows time heads head_dim"]:
    """Rotary positions (Su et al., 2021): turns the pairs (i, i + head_dim / 2) of every head."""
    if frame.rotary is None:
        return heads
    cosines, sines = frame.rotary
    return torch.addcmul(heads * cosines, heads.roll(heads.shape[-1] // 2, dims=-1), sines)


def rotary_table(
    config: DecoderConfig,
) -> tuple[Float[Tensor, "context head_dim"], Float[Tensor, "context head_dim"]]:
    """Cosines and sines by position; sines of the first half carry the minus sign of a rotation."""
    if config.positions == "learned":
        return torch.empty(0, config.head_dim), torch.empty(0, config.head_dim)
    exponents = torch.arange(0, config.head_dim, 2, dtype=torch.float32) / config.head_dim
    angles = torch.outer(torch.arange(config.context).float(), 1.0 / config.rope_theta**exponents)
    sines = angles.sin()
    return angles.cos().repeat(1, 2), torch.cat((-sines, sines), dim=1)
