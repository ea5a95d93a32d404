"""Floor 6, training: what moves the weights: AdamW, or Muon for the layers' matrices and AdamW for the rest.

Muon (Jordan et al. 2024, https://kellerjordan.github.io/posts/muon/) steps along the nearest semi-orthogonal matrix to
a gradient's running mean, so that all its directions move equally far. Steps are scaled as Liu et al. 2025 do
(https://arxiv.org/abs/2502.16982), to be as long as AdamW's: one learning rate serves both.

torch's own works on one matrix at a time and in bf16, which costs a small model thousands of tiny operations a step and
is slow on a processor. Here matrices of one shape go together, in bf16 where the device is quick in it.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from itertools import groupby
from typing import Any

import torch

from serpentune.models import bf16_is_native

_QUINTIC = (3.4445, -4.7750, 2.0315)
"""Coefficients of Jordan's Newton-Schulz iteration: quick from small singular values, and never exactly at 1."""

_ITERATIONS = 5
_TOGETHER = 2**26
"""Elements of the matrices that are worked on at once."""


class Muon(torch.optim.Optimizer):
    """Muon for matrices, AdamW for all other parameters."""

    def __init__(
        self,
        matrices: Sequence[torch.Tensor],
        others: Sequence[dict[str, Any]],
        *,
        lr: float,
        weight_decay: float,
        momentum: float = 0.95,
    ) -> None:
        """Share parameters out.

        Args:
            matrices: parameters of two axes, (outputs, inputs) or the other way round.
            others: groups for AdamW, each with its `weight_decay`.
            lr: the learning rate of both.
            weight_decay: of the matrices, decoupled as AdamW's.
            momentum: of the running mean of a matrix's gradient.
        """
        self._adamw = torch.optim.AdamW(others, lr=lr, fused=True)
        groups = [{"params": list(matrices), "momentum": momentum}, *self._adamw.param_groups]
        super().__init__(groups, {"lr": lr, "weight_decay": weight_decay})
        self._share()

    def _share(self) -> None:
        """Let AdamW work on groups and state of this optimiser, so that schedules and checkpoints see one of them."""
        self._adamw.param_groups, self._adamw.state = self.param_groups[1:], self.state

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go on from a checkpoint."""
        super().load_state_dict(state_dict)
        self._share()

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> float | None:  # type: ignore[override]
        """Move every parameter that has a gradient."""
        loss: float | None = self._adamw.step(closure)
        group = self.param_groups[0]
        for matrices in _of_one_shape([one for one in group["params"] if one.grad is not None]):
            directions = orthogonal(torch.stack(self._directions(matrices, group["momentum"])))
            length = 0.2 * max(directions.shape[1:]) ** 0.5
            torch._foreach_mul_(matrices, 1 - group["lr"] * group["weight_decay"])
            torch._foreach_add_(matrices, directions.to(matrices[0].dtype).unbind(), alpha=-group["lr"] * length)
        return loss

    def _directions(self, matrices: Sequence[torch.Tensor], momentum: float) -> list[torch.Tensor]:
        """Nesterov's: each gradient, moved towards its running mean, which takes it in first."""
        gradients: list[Any] = [matrix.grad for matrix in matrices]
        for matrix in matrices:
            if "momentum" not in self.state[matrix]:
                self.state[matrix]["momentum"] = torch.zeros_like(matrix)
        means = [self.state[matrix]["momentum"] for matrix in matrices]
        torch._foreach_lerp_(means, gradients, 1 - momentum)
        return list(torch._foreach_lerp(gradients, means, momentum))


def _of_one_shape(parameters: Sequence[torch.Tensor]) -> Iterator[list[torch.Tensor]]:
    """The parameters, those of one shape together, as many as may be worked on at once."""
    for _, alike in groupby(sorted(parameters, key=lambda one: tuple(one.shape)), key=lambda one: one.shape):
        group = list(alike)
        most = max(1, _TOGETHER // group[0].numel())
        for start in range(0, len(group), most):
            yield group[start : start + most]


def orthogonal(matrices: torch.Tensor) -> torch.Tensor:
    """Bring the singular values of each matrix near 1, up to 1.3, and leave its singular vectors as they are.

    Those below about a hundredth of the matrix's length are enlarged as far as the iterations come, and stay small.
    Zeros stay zeros.

    Args:
        matrices: (matrices, rows, columns).
    """
    a, b, c = _QUINTIC
    tall = matrices.shape[1] > matrices.shape[2]
    x = matrices.mT if tall else matrices
    x = x / x.norm(dim=(1, 2), keepdim=True).clamp(min=1e-7)
    if matrices.is_cuda and bf16_is_native():
        x = x.bfloat16()
    for _ in range(_ITERATIONS):
        gram = x @ x.mT
        x = torch.baddbmm(x, torch.baddbmm(gram, gram, gram, beta=b, alpha=c), x, beta=a)
    return x.mT if tall else x


def muon(model: Any, *, lr: float, weight_decay: float, decayed: Collection[str]) -> Muon:
    """Muon for a model: matrices are the linear layers' weights that learn, but not the output layer's.

    Args:
        model: what `models.wrap` made.
        lr: the learning rate.
        weight_decay: of the matrices, and of the other parameters that are `decayed`.
        decayed: names of parameters.
    """
    output = model.get_output_embeddings()
    layers = {
        id(module.weight)
        for module in model.modules()
        if type(module).__name__ in ("Linear", "Conv1D") and module is not output
    }
    learning = [(name, parameter) for name, parameter in model.named_parameters() if parameter.requires_grad]
    groups: dict[str, list[torch.Tensor]] = {"matrices": [], "decayed": [], "free": []}
    for name, parameter in learning:
        kind = "matrices" if id(parameter) in layers else "decayed" if name in decayed else "free"
        groups[kind].append(parameter)
    others = [
        {"params": groups["decayed"], "weight_decay": weight_decay},
        {"params": groups["free"], "weight_decay": 0.0},
    ]
    return Muon(groups["matrices"], others, lr=lr, weight_decay=weight_decay)
