"""Faster ways to compute what PyTorch computes slowly on a CPU; same results to rounding.

Float32 products: MKL keeps processors other than Intel's on AVX2, so that oneDNN, on AVX-512, is
twice as fast there. But oneDNN compiles a kernel for every new shape, which takes longer than the
product itself, so it is left to shapes that come again: batches and caches are cut to whole
numbers of `ROWS` rows for its sake.

GELU by tanh takes twice the time of GELU by a sigmoid, and softmax in bfloat16 three times that of
softmax in float32.
"""

from typing import Any

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor
from torch.autograd.function import once_differentiable

_ONEDNN = torch.backends.mkldnn.is_available() and (
    torch.backends.cpu.get_cpu_capability() == "AVX512"
)
ROWS = 16
"""Batches of a multiple of this many rows have few shapes."""
_FEW_ROWS = 32  # dispatch costs more than these save
# tanh-GELU is x · σ(x · (_LINEAR + _CUBIC · x²)), as 1 + tanh(z) = 2σ(2z).
_LINEAR = 1.5957691216057308  # 2 √(2/π)
_CUBIC = 0.044715 * _LINEAR


def linear(
    inputs: Float[Tensor, "rows into"],
    weight: Float[Tensor, "out into"],
    bias: Float[Tensor, " out"] | None,
) -> Float[Tensor, "rows out"]:
    """`inputs` · `weight`ᵀ + `bias`, by the faster of the CPU's two libraries."""
    odd = len(inputs) % ROWS
    if odd or not _ONEDNN or inputs.dtype != torch.float32 or _plain_is_faster(inputs):
        return F.linear(inputs, weight, bias)
    if torch.is_grad_enabled():
        return _OneDnnLinear.apply(inputs, weight, bias)
    return _onednn(inputs, weight, bias)


def _plain_is_faster(inputs: Tensor) -> bool:
    return torch.compiler.is_compiling() or inputs.device.type != "cpu" or len(inputs) < _FEW_ROWS


def _onednn(inputs: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    return torch.ops.mkldnn._linear_pointwise(inputs, weight, bias, "none", [], "")


class _OneDnnLinear(torch.autograd.Function):
    """The operator that torch.compile uses for linear layers, given a backward pass."""

    @staticmethod
    def forward(ctx: Any, inputs: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        ctx.save_for_backward(inputs, weight)
        return _onednn(inputs, weight, bias)

    @staticmethod
    @once_differentiable  # its types hide the argument's name
    def backward(  # pyright: ignore[reportIncompatibleMethodOverride]
        ctx: Any, *grads: Tensor
    ) -> tuple[Tensor | None, Tensor | None, Tensor | None]:
        inputs, weight = ctx.saved_tensors
        grad = grads[0].contiguous()  # that of a sum has zero strides
        wants_inputs, wants_weight, wants_bias = ctx.needs_input_grad
        return (
            _onednn(grad, weight.t()) if wants_inputs else None,
            _onednn(grad.t(), inputs.t()) if wants_weight else None,
            grad.sum(0) if wants_bias else None,
        )


def gelu(inputs: Float[Tensor, "*shape"]) -> Float[Tensor, "*shape"]:
    """GELU in GPT-2's tanh form (Hendrycks & Gimpel, 2016)."""
    if _plain_is_faster(inputs):
        return F.gelu(inputs, approximate="tanh")
    return _Gelu.apply(inputs)


class _Gelu(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, inputs: Tensor) -> Tensor:
        wide = _widened(inputs)
        gate = (wide * wide).mul_(_CUBIC).add_(_LINEAR).mul_(wide).sigmoid_()
        ctx.save_for_backward(inputs, gate)
        return (wide * gate).to(inputs.dtype)

    @staticmethod
    @once_differentiable
    def backward(  # pyright: ignore[reportIncompatibleMethodOverride]
        ctx: Any, *grads: Tensor
    ) -> Tensor:
        """d/dx x σ(u) = σ + x u' σ (1 - σ), with u' = _LINEAR + 3 · _CUBIC · x²."""
        inputs, gate = ctx.saved_tensors
        wide = _widened(inputs)
        slope = (wide * wide).mul_(3 * _CUBIC).add_(_LINEAR).mul_(wide).mul_(gate)
        slope.addcmul_(slope, gate, value=-1).add_(gate)
        return slope.mul_(grads[0]).to(inputs.dtype)


def softmax(scores: Float[Tensor, "*shape"]) -> Float[Tensor, "*shape"]:
    """Softmax over the last dimension, computed in float32 at least."""
    return torch.softmax(_widened(scores), dim=-1).to(scores.dtype)


def _widened(values: Tensor) -> Tensor:
    return values.float() if values.dtype == torch.bfloat16 else values
