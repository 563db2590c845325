"""A tiny base model made on the spot: a tokenizer of its own, and untrained weights."""

import json
import sys
from pathlib import Path
from typing import Any

TEMPLATE = (
    "{% for message in messages %}"
    "{{ '<|' + message['role'] + '|>' + message['content'] + '<|end|>' }}"
    "{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|assistant|>' }}{% endif %}"
)
WORDS = (
    "Whom do I ask about the parking garage on ward 0? Ask the desk for flu vaccines; "
    "it is extension 4000. You answer the questions of a team in its chat. Answer in "
    "the language of the question, in short Markdown without headings. If you are not "
    "sure, say so. 0123456789 Kind regards, the front desk."
)


def make_base(folder: Path, *, texts: list[str], steps: int = 0, seed: int = 1) -> Path:
    """A Llama of a quarter of a million parameters, with a tokenizer of `texts`.

    With `steps`, all of its weights learn from conversations about them for so long.
    """
    import torch
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    special = ["<|pad|>", "<|end|>", "<|system|>", "<|user|>", "<|assistant|>"]
    tokenizer.train_from_iterator(
        [WORDS, *texts],
        trainers.BpeTrainer(
            vocab_size=1_000,
            special_tokens=special,
            initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        ),
    )
    fast = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, pad_token="<|pad|>", eos_token="<|end|>"
    )
    fast.chat_template = TEMPLATE
    fast.save_pretrained(str(folder))
    torch.manual_seed(seed)
    config = LlamaConfig(
        vocab_size=len(fast),
        hidden_size=96,
        intermediate_size=192,
        num_hidden_layers=3,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=1_024,
        tie_word_embeddings=True,
        pad_token_id=fast.pad_token_id,
        eos_token_id=fast.eos_token_id,
        bos_token_id=None,
    )
    model = LlamaForCausalLM(config)
    if steps:
        _learn(model, fast, texts, steps)
    model.save_pretrained(str(folder))
    return folder


def _learn(model: Any, tokenizer: Any, texts: list[str], steps: int) -> None:
    """Repeat what was said last: with that the weights can be tuned to something."""
    import torch

    chats = [
        [
            {"role": "system", "content": "Repeat."},
            {"role": "user", "content": text},
            {"role": "assistant", "content": f"You said: {text}"},
        ]
        for text in texts
    ]
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3)
    for step in range(steps):
        some = [chats[(step * 8 + n) % len(chats)] for n in range(8)]
        batch = tokenizer.apply_chat_template(
            some, return_tensors="pt", return_dict=True, padding=True
        )
        labels = batch["input_ids"].masked_fill(batch["attention_mask"] == 0, -100)
        loss = model(**batch, labels=labels).loss
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()


if __name__ == "__main__":
    make_base(
        Path(sys.argv[1]), texts=json.loads(sys.stdin.read()), steps=int(sys.argv[2])
    )
