r"""Grad-CAM as part of the forward graph, exact and without hooks.

Selvaraju et al., "Grad-CAM: Visual Explanations from Deep Networks via Gradient-based
Localization", ICCV 2017, section 3. For class c with logit y_c and last feature map A (C, h, w):

    alpha_k = mean over h, w of  d y_c / d A_k          (eq. 1)
    cam     = relu( sum over k of alpha_k A_k )         (eq. 2)

Only the head lies between A and y_c, so only the head has to be differentiated, by the activations
that it is given; `Backbone.map_of` makes the maps in both equations of these and of their gradient.
Its forward and backward pass are traced *together* into plain operators (`make_fx`), which any
exporter takes for an ordinary forward graph: one mechanism for every head, linear, convolutional or
with norms.
The heatmap is cam divided by its own maximum, and all zero where nothing speaks for the class:
where the largest sum is below `RESOLUTION` of the terms it is made of, it is what rounding left
over, and dividing by it would show noise as evidence. That maximum is given too: the maps of two
classes can be compared by it.
"""

from collections.abc import Callable
from typing import Any, Final

import torch
from torch import Tensor, nn
from torch._decomp import core_aten_decompositions
from torch.fx.experimental.proxy_tensor import make_fx
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.nn.functional import linear

from models.backbones.backbone import Backbone
from models.graph.classifier import Classifier

RESOLUTION: Final = 1e-4

_PRIMES: Final = (17, 19, 23, 29, 31, 37, 41, 43, 47, 53, 59, 61, 67, 71, 73, 79)


class GradCamHead(nn.Module):
    """What follows the trunk: probabilities, and the heatmap of one class with its peak.

    Built from a `Classifier` in inference mode. What that has learned, its last layer, is given
    with every call: so the graph of a head is the same for all that are fitted on a backbone.
    """

    def __init__(self, classifier: Classifier, activations: Tensor) -> None:
        """Traces the head; any activations that its trunk has made tell their shape."""
        super().__init__()
        self.head_and_gradient = _trace_head(classifier, activations.shape[1:])
        self.map_of = classifier.backbone.map_of
        self.eval()

    def forward(
        self, activations: Tensor, class_index: Tensor, weight: Tensor, bias: Tensor
    ) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """What the trunk has made, (N, …) → probabilities (N, K), heatmap (N, h, w), peak (N,).

        The class is int64 (N,), -1 for the predicted one; the last layer (K, C) and (K,). Last
        come the features (N, C), which the last layer reads.
        """
        logits, gradient, features = self.head_and_gradient(activations, class_index, weight, bias)
        heatmap, peak = heatmap_of(self.map_of(activations), self.map_of(gradient))
        return logits.softmax(1), heatmap, peak, features


def heatmap_of(feature_map: Tensor, gradient: Tensor) -> tuple[Tensor, Tensor]:
    """Equations 1 and 2, (N, C, h, w) twice → (N, h, w) in [0, 1], and its maximum before (N,)."""
    # As matrix products: nothing of the feature map's size is written but its own magnitudes.
    weights, places = gradient.mean((2, 3)).unsqueeze(1), feature_map.flatten(2)
    cam = (weights @ places).relu()
    peak = cam.amax(2, keepdim=True)
    speaks = peak > RESOLUTION * (weights.abs() @ places.abs()).amax(2, keepdim=True)
    heatmap = torch.where(speaks, cam / torch.where(speaks, peak, 1.0), 0.0)
    return heatmap.unflatten(2, feature_map.shape[2:]).squeeze(1), torch.where(
        speaks, peak, 0.0
    ).flatten()


def explain_by_autograd(
    classifier: Classifier, image: Tensor, class_index: Tensor
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """A whole answer by autograd: the reference that every export must meet.

    From uint8 (N, H, W, 3) and int64 (N,) to what `GradCamHead` gives.
    """
    with torch.no_grad():
        activations = classifier.activations(image)
    return explain_activations(classifier, activations, class_index)


def explain_activations(
    classifier: Classifier, activations: Tensor, class_index: Tensor
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """The same from what the trunk makes on, whoever made it: float (N, …)."""
    explain = _head_and_gradient(classifier.backbone)
    logits, gradient, features = explain(activations, class_index, *_learned(classifier))
    map_of = classifier.backbone.map_of
    heatmap, peak = heatmap_of(map_of(activations), map_of(gradient))
    return logits.softmax(1), heatmap, peak, features


def _head_and_gradient(backbone: Backbone) -> Callable[..., tuple[Tensor, Tensor, Tensor]]:
    def head_and_gradient(
        activations: Tensor, class_index: Tensor, weight: Tensor, bias: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        activations = activations.detach().requires_grad_()
        with torch.enable_grad():
            features = backbone.features(activations)
            logits = linear(features, weight, bias)
            chosen = torch.where(class_index < 0, logits.argmax(1), class_index)
            classes = torch.arange(logits.shape[1], device=logits.device)
            one_hot = (chosen.unsqueeze(1) == classes).to(logits.dtype)
            (gradient,) = torch.autograd.grad(logits, activations, one_hot)
        return logits.detach(), gradient, features.detach()

    return head_and_gradient


def _trace_head(classifier: Classifier, shape: torch.Size) -> nn.Module:
    """Forward and backward pass of the head as a graph of plain operators, batch size open."""
    # Sizes that are equal while tracing are taken for the same size for ever: the batch must be
    # equal to nothing else.
    taken = (*shape, *classifier.linear.weight.shape)
    batch = next(n for n in _PRIMES if n not in taken)
    activations = torch.randn(batch, *shape)
    class_index = torch.full((batch,), -1)
    table = {
        **core_aten_decompositions(),
        torch.ops.aten.convolution.default: _convolution,
        torch.ops.aten.convolution_backward.default: _convolution_backward,
        torch.ops.aten._adaptive_avg_pool2d.default: _adaptive_pooling,  # noqa: SLF001  its name
        torch.ops.aten._adaptive_avg_pool2d_backward.default: _adaptive_pooling_backward,  # noqa: SLF001
    }
    trace = make_fx(
        _head_and_gradient(classifier.backbone),
        decomposition_table=table,
        tracing_mode="symbolic",
        _allow_non_fake_inputs=True,
    )
    # Fused attention has a gradient that is one operator, and ONNX none for it.
    with sdpa_kernel(SDPBackend.MATH):
        traced: nn.Module = trace(activations, class_index, *_learned(classifier))
    return traced


def _learned(classifier: Classifier) -> tuple[Tensor, Tensor]:
    return classifier.linear.weight.detach(), classifier.linear.bias.detach()


def _is_matrix_product(image: Tensor, weight: Tensor, *geometry: Any) -> bool:
    """Whether a convolution's kernel covers the whole map, as in VGG's head."""
    stride, padding, dilation, transposed, _, groups = geometry
    return (
        not transposed
        and groups == 1
        and image.ndim == 4
        and tuple(image.shape[2:]) == tuple(weight.shape[2:])
        and all(n == 1 for n in (*stride, *dilation))
        and not any(padding)
    )


def _convolution(image: Tensor, weight: Tensor, bias: Tensor | None, *geometry: Any) -> Any:
    """A convolution that covers the map is a linear layer, which ONNX Runtime does in one go."""
    if not _is_matrix_product(image, weight, *geometry):
        return NotImplemented
    found = image.flatten(1) @ weight.flatten(1).t()
    return (found if bias is None else found + bias)[:, :, None, None]


def _convolution_backward(
    gradient: Tensor, image: Tensor, weight: Tensor, _bias_sizes: Any, *geometry: Any
) -> tuple[Tensor, None, None]:
    """The gradient of a convolution's input; nobody asks for that of its parameters.

    ONNX has no operator for it: it is a transposed convolution, or a matrix product where the
    kernel covers the map.
    """
    if _is_matrix_product(image, weight, *geometry[:-1]):
        return (gradient.flatten(1) @ weight.flatten(1)).view(image.shape), None, None
    stride, padding, dilation, _transposed, _, groups, _output_mask = geometry
    covered = [
        (gradient.shape[2 + i] - 1) * stride[i]
        - 2 * padding[i]
        + dilation[i] * (weight.shape[2 + i] - 1)
        + 1
        for i in range(2)
    ]
    missing = [image.shape[2 + i] - covered[i] for i in range(2)]
    found = torch.nn.functional.conv_transpose2d(
        gradient, weight, None, stride, padding, missing, groups, dilation
    )
    return found, None, None


def _adaptive_pooling(image: Tensor, size: list[int]) -> Tensor:
    """Pooling to a fixed size, as in AlexNet's head: each axis is a matrix product.

    ONNX has neither it nor its gradient; both are linear, with windows known while tracing.
    """
    rows, columns = _windows(image, 2, size[0]), _windows(image, 3, size[1])
    return rows @ image @ columns.t()


def _adaptive_pooling_backward(gradient: Tensor, image: Tensor) -> Tensor:
    rows = _windows(image, 2, gradient.shape[2])
    columns = _windows(image, 3, gradient.shape[3])
    return rows.t() @ gradient @ columns


def _windows(image: Tensor, axis: int, count: int) -> Tensor:
    """The weights (count, n) of the windows that n places are averaged in; these may overlap."""
    n, m = int(image.shape[axis]), int(count)
    bounds = [(i * n // m, -(-(i + 1) * n // m)) for i in range(m)]
    weights = [
        [1 / (end - first) if first <= place < end else 0.0 for place in range(n)]
        for first, end in bounds
    ]
    return torch.tensor(weights, dtype=image.dtype, device=image.device)
