"""A small Llama trained on nothing but the corpus: a random start, or a short language-model warm-up."""

import torch
from torch import Tensor
from tqdm import tqdm
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerBase, get_cosine_schedule_with_warmup

from stages.shared.errors import UserError
from stages.shared.seeds import derive_seed
from stages.shared.settings import ScratchBackbone


def build_model(settings: ScratchBackbone, tokenizer: PreTrainedTokenizerBase, seed: int) -> LlamaForCausalLM:
    """A randomly initialised Llama, sized by the profile; its language-model head serves the warm-up alone.

    Embeddings of `embedding_std` well above Llama's 0.02 keep a token's identity through random layers, which is what a
    small encoder retrieves by; a tied head would then start from logits far too large, so it is not tied.
    """
    config = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=settings.hidden_size,
        intermediate_size=settings.intermediate_size,
        num_hidden_layers=settings.layers,
        num_attention_heads=settings.heads,
        max_position_embeddings=settings.max_length,
        tie_word_embeddings=False,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
        use_cache=False,
    )
    torch.manual_seed(derive_seed(seed, "backbone", "weights"))
    model = LlamaForCausalLM(config)
    torch.nn.init.normal_(model.get_input_embeddings().weight, std=settings.embedding_std)
    return model


def warm_up(model: LlamaForCausalLM, tokens: Tensor, settings: ScratchBackbone, seed: int) -> float:
    """Next-token training on `tokens` (rows, N) for `warmup_steps`; returns the last steps' mean loss."""
    generator = torch.Generator().manual_seed(derive_seed(seed, "backbone", "batches"))
    optimizer = torch.optim.AdamW(model.parameters(), lr=settings.learning_rate, weight_decay=0.01)
    scheduler = get_cosine_schedule_with_warmup(optimizer, settings.warmup_steps // 10, settings.warmup_steps)
    losses = []
    model.train()
    for _ in tqdm(range(settings.warmup_steps), desc="warm-up", unit="step", disable=None):
        rows = torch.randint(len(tokens), (settings.batch_size,), generator=generator)
        loss = model(input_ids=tokens[rows], labels=tokens[rows]).loss
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        scheduler.step()
        optimizer.zero_grad(set_to_none=True)
        losses.append(loss.item())
    return sum(losses[-20:]) / len(losses[-20:])


def pack(texts: list[str], tokenizer: PreTrainedTokenizerBase, length: int) -> Tensor:
    """All texts' tokens, end to end, cut into rows: (rows, length). Raises UserError for less than one row."""
    # verbose=False: rows longer than the model reads are meant, they are cut below.
    ids = [token for row in tokenizer(texts, verbose=False)["input_ids"] for token in row]
    rows = len(ids) // length
    if rows == 0:
        raise UserError(
            f"the corpus has {len(ids)} tokens, fewer than backbone.warmup_length={length}",
            next="lower it, or set backbone.warmup_steps: 0",
        )
    return torch.tensor(ids[: rows * length]).view(rows, length)
