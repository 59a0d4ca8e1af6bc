"""What does a GPU give: graphs, heatmaps, reading pictures, fine-tuning, in pictures a second?

Graphs, in one process and in turn, A B A B; pictures come from ordinary memory and answers go back
there, as in the service:
- fp32, fp16: a bundle's graph, probabilities and heatmap, on ONNX Runtime's CUDA provider;
- bare: the one in fp16 without its heatmap;
- compiled: the same network by torch.compile, channels last, fp16, probabilities alone.
The roofline is what this card's matrix products reach in fp16, measured, against the operations of
the network's forward pass.

Training, once each, on a folder: one core decoding its pictures, the pass for the features with
all cores (files are in the page cache), and fine-tuning, two epochs. What a graph answers by what
one core decodes is how many cores feed the card. The service as a whole against its graph, on the
provider that comes up: `serving_cost.py`.

Random weights. Where there is no GPU it says so and measures nothing; `--on cpu` tries the program.

    python benchmarks/gpu.py [--networks resnet18 resnet50 vgg16] [--batches 1 16 64] [--data DIR]
"""

import argparse
import copy
import os
import platform
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from _in_turn import Call, for_predicted, in_turn, milliseconds, ratios, times, without_heatmap
from _measure import machine
from _networks import lively_classifier, noise_pictures
from _runs import add_data, pictures
from rich.console import Console
from rich.table import Table
from torch.utils.flop_counter import FlopCounterMode

from models.graph.assembly import join_head
from models.graph.classifier import Classifier
from models.graph.export import export_backbone
from models.graph.fewer_bits import in_half_precision
from models.graph.network import Network
from models.preprocessing import Pixels, read_pixels
from models.providers import Provider, cuda_problem, open_graph
from training.data.example import Example
from training.data.folder import scan_folder
from training.data.pictures import Pictures
from training.features.extractor import Extractor
from training.features.graphs import Graph
from training.finetuning.learner import FineTuningTask, fine_tune
from training.finetuning.plan import FineTuningOptions, plan_fine_tuning

CLASSES = 3

#: A heatmap may cost so much: what is asked.
MOST = 1.05

#: Side of square matrices that keep a card busy.
SIDE = {"cuda": 8192, "cpu": 1024}

#: Pictures that one core decodes.
DECODED = 200


def main() -> None:
    """Measures graphs, then training, and prints a table of each."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--networks", nargs="+", default=["resnet18", "resnet50", "vgg16"])
    parser.add_argument("--batches", nargs="+", type=int, default=[1, 16, 64])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--on", choices=["cuda", "cpu"], default="cuda")
    add_data(parser)
    chosen = parser.parse_args()
    if chosen.on == "cuda" and (problem := cuda_problem() or torch_problem()):
        print(f"No GPU is at hand, so nothing was measured: {problem}.")
        return
    console = Console(width=None if Console().is_terminal else 110)
    console.print(graphs(chosen))
    console.print(training(chosen))


def torch_problem() -> str | None:
    """Why torch cannot be measured beside ONNX Runtime; None if it can."""
    return None if torch.cuda.is_available() else "torch uses none"


def graphs(chosen: argparse.Namespace) -> Table:
    """Every way to answer, for each network and size of batch."""
    peak = operations_a_second(chosen.on)
    table = Table(
        "network", "batch", "way", "ms", "pictures/s", "of the roofline", "fp16 / bare",
        title=f"{card(chosen.on)}, {peak / 1e12:.2f} TFLOP/s in {dtype_of(chosen.on)}: random "
        f"weights, median (min–max) of {chosen.rounds} rounds; asked: a heatmap at most {MOST}",
        caption=machine("onnxruntime", "onnxruntime-gpu", "torch", "timm"),
    )  # fmt: skip
    for name in chosen.networks:
        classifier = lively_classifier(name, CLASSES)
        work = operations_of(classifier)
        ways = ways_to_answer(classifier, chosen.on)
        for batch in chosen.batches:
            pixels = noise_pictures(classifier.backbone.preprocessing, batch)
            calls: dict[str, Call] = {
                way: lambda run=run, pixels=pixels: run(pixels) for way, run in ways.items()
            }
            found = in_turn(calls, chosen.rounds)
            cost = times(ratios(found["fp16"], found["bare"]))
            for way, seconds in found.items():
                rate = batch / statistics.median(seconds)
                table.add_row(
                    name, str(batch), way, milliseconds(seconds), f"{rate:.0f}",
                    f"{100 * rate * work / peak:.1f} %", cost if way == "fp16" else "",
                )  # fmt: skip
    return table


def ways_to_answer(classifier: Classifier, device: str) -> dict[str, Callable[[Pixels], object]]:
    """What answers uint8 (N, H, W, 3), by name."""
    provider: Provider = "cuda" if device == "cuda" else "cpu"
    backbone = export_backbone(classifier.backbone)
    whole = join_head(in_half_precision(backbone), classifier)
    of_graph = {"fp32": join_head(backbone, classifier), "fp16": whole}
    sessions = {
        way: open_graph(graph.SerializeToString(), provider, threads=1)
        for way, graph in {**of_graph, "bare": without_heatmap(whole)}.items()
    }
    return {
        "fp32": lambda pixels: sessions["fp32"].run(None, for_predicted(pixels)),
        "fp16": lambda pixels: sessions["fp16"].run(None, for_predicted(pixels)),
        "bare": lambda pixels: sessions["bare"].run(None, {"image": pixels}),
        "compiled": compiled(classifier, device),
    }


def compiled(classifier: Classifier, device: str) -> Callable[[Pixels], np.ndarray]:
    """uint8 (N, H, W, 3) → probabilities, float32 (N, K), as one would write it in torch."""
    module = copy.deepcopy(classifier).to(device, dtype_of(device))
    module = module.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    run = torch.compile(module)

    def answer(pixels: Pixels) -> np.ndarray:
        with torch.inference_mode():
            logits = run(torch.from_numpy(pixels).to(device))
            found: np.ndarray = logits.float().softmax(1).cpu().numpy()
            return found

    return answer


def training(chosen: argparse.Namespace) -> Table:
    """Pictures a second of what reads a folder, and of fine-tuning on it."""
    table = Table("network", "what", "pictures/s", title=f"training on {card(chosen.on)}")
    with pictures(chosen.data) as data, tempfile.TemporaryDirectory() as place:
        os.environ["TRAIN_TRANSFER_CACHE"] = place  # nothing is known from an earlier run
        folder = scan_folder(data)
        for name in chosen.networks:
            classifier = lively_classifier(name, len(folder.classes))
            for what, rate in training_rates(classifier, folder.examples, Path(place, name)):
                table.add_row(name, what, f"{rate:.0f}")
    return table


def training_rates(
    classifier: Classifier, examples: tuple[Example, ...], place: Path
) -> list[tuple[str, float]]:
    """What was timed, and its pictures a second."""
    backbone = classifier.backbone
    some = examples[:DECODED]
    begun = time.perf_counter()
    for example in some:
        read_pixels(example.path.read_bytes(), backbone.preprocessing)
    decoded = len(some) / (time.perf_counter() - begun)

    network, files = Network(backbone), Pictures()
    extractor = Extractor(network, Graph(network.graph()), backbone.preprocessing)
    half = len(examples) // 2
    extractor.read(examples[:half], files)  # until the GPU has chosen its kernels
    begun = time.perf_counter()
    extractor.read(examples[half:], files)
    features = (len(examples) - half) / (time.perf_counter() - begun)

    task = FineTuningTask(
        training=[example for number, example in enumerate(examples) if number % 5],
        validation=examples[::5],
        classes=classifier.linear.out_features,
        preprocessing=backbone.preprocessing,
        pictures=files,
        augmentation="mild",
        seed=0,
    )
    plan = plan_fine_tuning(len(task.training), FineTuningOptions(epochs=2), from_scratch=False)
    begun = time.perf_counter()
    epochs = fine_tune(classifier, task, plan, place).epochs
    tuned = epochs * len(task.training) / (time.perf_counter() - begun)
    return [
        ("decoded by one core", decoded),
        ("features", features),
        (f"fine-tuning, batches of {plan.batch_size}, validation included", tuned),
    ]


def operations_of(classifier: Classifier) -> int:
    """Floating-point operations of one picture's forward pass."""
    pixels = torch.from_numpy(noise_pictures(classifier.backbone.preprocessing, 1))
    with FlopCounterMode(display=False) as counter, torch.inference_mode():
        classifier(pixels)
    return counter.get_total_flops()


def operations_a_second(device: str) -> float:
    """What a product of large square matrices reaches, the best of some."""
    side = SIDE[device]
    one = torch.randn(side, side, device=device, dtype=dtype_of(device))
    seconds = []
    for _ in range(10):
        begun = time.perf_counter()
        float((one @ one)[0, 0])  # waits for the card
        seconds.append(time.perf_counter() - begun)
    return 2 * side**3 / min(seconds)


def dtype_of(device: str) -> torch.dtype:
    """float16; for a trial without a GPU what is fast there."""
    return torch.float16 if device == "cuda" else torch.float32


def card(device: str) -> str:
    """The GPU's name; without one, that there is none."""
    if device == "cuda":
        return torch.cuda.get_device_name()
    return f"no GPU, a trial on {platform.machine()}"


if __name__ == "__main__":
    main()
