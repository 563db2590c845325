"""What there is to train on, what is sensible there, and the memory it takes."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from backends.tuning.run import Hyperparameters, Method, Run

CUDA_OVERHEAD = 700 * 2**20
CPU_OVERHEAD = 450 * 2**20
"""What the libraries take before any model is there."""

BLOCK = 38
"""Values that a block keeps for each token and hidden unit, as measured."""

LONGEST = 4_096
SHORTEST = 64
PACKED = 512
"""Tokens of an example: documents are laid end to end, and cut so long."""


@dataclass(frozen=True, slots=True)
class Hardware:
    """Where training runs. `free` is memory in bytes that can be had now."""

    gpu: bool
    name: str
    free: int
    bf16: bool

    def words(self) -> str:
        return f"on {self.name}"

    def dtype(self) -> str:
        """How weights are held: as PyTorch calls it."""
        if not self.gpu:
            return "float32"
        return "bfloat16" if self.bf16 else "float16"


@dataclass(frozen=True, slots=True)
class Shape:
    """A model by its numbers, from its configuration."""

    parameters: int
    linear: int
    """Parameters of the linear layers inside the blocks."""
    adapted: int
    """Rows plus columns of these layers: an adapter of rank r has r times as many."""
    layers: int
    heads: int
    hidden: int
    vocabulary: int
    context: int

    @classmethod
    def of(cls, config: Any) -> "Shape":
        """Built without weights, so that a large model can be measured anywhere."""
        import torch
        from transformers import AutoModelForCausalLM

        with torch.device("meta"):
            model = AutoModelForCausalLM.from_config(config)
        head = model.get_output_embeddings()
        linear = [
            module
            for module in model.modules()
            if isinstance(module, torch.nn.Linear) and module is not head
        ]
        text = config.get_text_config()
        return cls(
            parameters=sum(each.numel() for each in model.parameters()),
            linear=sum(each.in_features * each.out_features for each in linear),
            adapted=sum(each.in_features + each.out_features for each in linear),
            layers=text.num_hidden_layers,
            heads=text.num_attention_heads,
            hidden=text.hidden_size,
            vocabulary=text.vocab_size,
            context=getattr(text, "max_position_embeddings", LONGEST) or LONGEST,
        )


def find() -> Hardware:
    """The GPU, if there is one, else the CPU."""
    import torch

    if torch.cuda.is_available():
        free, _ = torch.cuda.mem_get_info()
        name = torch.cuda.get_device_name()
        return Hardware(True, name, free, torch.cuda.is_bf16_supported())
    return Hardware(False, "the CPU", _free_memory(), bf16=False)


def choose(
    run: Run, shape: Shape, lengths: Sequence[int], hardware: Hardware
) -> Hyperparameters:
    """The run's settings, with what it leaves open chosen for data and hardware."""
    given = run.hyperparameters
    count = max(1, len(lengths))
    packed = run.method is Method.PRETRAIN
    longest = PACKED if packed else max(lengths, default=SHORTEST)
    length = given.max_length or min(max(longest, SHORTEST), LONGEST, shape.context)
    rate = {Method.SFT: 2e-4, Method.DPO: 2e-5, Method.PRETRAIN: 1e-4}[run.method]
    chosen = replace(
        given,
        # Few examples are seen more often; the held-out loss tells when too often.
        epochs=given.epochs or (3.0 if count >= 200 else 5.0),
        learning_rate=given.learning_rate or rate,
        max_length=length,
        batch_size=given.batch_size or 8,
    )
    while (
        not given.batch_size
        and chosen.batch_size > 1
        and memory(run.method, chosen, shape, hardware) > 0.9 * hardware.free
    ):
        chosen = replace(chosen, batch_size=chosen.batch_size // 2)
    return chosen


def memory(
    method: Method, chosen: Hyperparameters, shape: Shape, hardware: Hardware
) -> int:
    """Bytes at the peak of a run, by its parts."""
    width = 2 if hardware.gpu else 4
    if chosen.four_bit:
        weights = shape.linear * 0.53 + (shape.parameters - shape.linear) * width
    else:
        weights = shape.parameters * width
    # Adapter, its gradients and the optimiser's two moments, all in full precision.
    adapter = chosen.rank * shape.adapted * 4 * 4
    tokens = chosen.batch_size * chosen.max_length
    # The scores of all tokens, their log-probabilities and the gradient of both.
    scores = tokens * shape.vocabulary * (4 * 3)
    # Checkpointed on a GPU, one block at a time is held as a whole.
    kept = 2 if hardware.gpu else BLOCK
    activations = tokens * shape.hidden * width * (shape.layers * kept + BLOCK)
    if not hardware.gpu:
        # Attention is not fused there: each head keeps its scores.
        activations += tokens * chosen.max_length * shape.heads * width * shape.layers
    if method is Method.DPO:
        # A good and a bad answer, each by the model and by its reference.
        scores, activations = scores * 2, activations * 2
        adapter += chosen.rank * shape.adapted * 4
    overhead = CUDA_OVERHEAD if hardware.gpu else CPU_OVERHEAD
    return int(weights + adapter + scores + activations + overhead)


def _free_memory() -> int:
    """What the system can give without swapping."""
    import psutil

    return int(psutil.virtual_memory().available)
