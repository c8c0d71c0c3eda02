"""Muon: a step of momentum whose matrix is made orthogonal first. It needs fewer steps than Adam on convolutions."""

import torch

# Newton's iteration for the orthogonal factor, as coefficients of x, x³ and x⁵ (Keller Jordan's).
COEFFICIENTS = (3.4445, -4.7750, 2.0315)


def orthogonal_factor(matrix: torch.Tensor) -> torch.Tensor:
    """The nearest matrix with equal singular values, about 1, of a matrix that is wider than high.

    The polynomials are multiplied out on the small Gram matrix, and meet the wide one once. That spreads their values
    over three powers of ten, which 16 bits cannot hold."""
    matrix = matrix / (matrix.norm() + 1e-7)
    gram = matrix @ matrix.T
    unit = torch.eye(len(gram))
    total = unit
    a, b, c = COEFFICIENTS
    for _ in range(5):
        factor = a * unit + b * gram + c * gram @ gram
        total = factor @ total
        gram = factor @ gram @ factor
    return total @ matrix


class Muon(torch.optim.Optimizer):
    """For weights of two dimensions or more; the step's root mean square is Adam's, so that it shares its rate."""

    def __init__(self, parameters, lr: float, momentum: float = 0.95, weight_decay: float = 0.0) -> None:
        super().__init__(parameters, {'lr': lr, 'momentum': momentum, 'weight_decay': weight_decay})

    @torch.no_grad()
    def step(self) -> None:
        for group in self.param_groups:
            for weight in group['params']:
                gradient = weight.grad.flatten(1)
                state = self.state[weight]
                if not state:
                    state['velocity'] = torch.zeros_like(gradient)
                velocity = state['velocity'].lerp_(gradient, 1 - group['momentum'])
                ahead = gradient.lerp(velocity, group['momentum'])
                wide = ahead.shape[1] >= ahead.shape[0]
                step = orthogonal_factor(ahead if wide else ahead.T)
                step = (step if wide else step.T) * (0.2 * max(ahead.shape) ** 0.5)
                weight.mul_(1 - group['lr'] * group['weight_decay'])
                weight.add_(step.reshape(weight.shape), alpha=-group['lr'])
