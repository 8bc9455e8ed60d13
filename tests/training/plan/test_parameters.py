"""Counts of parameters, against models that transformers and peft build."""

import pytest
import torch
from peft import LoraConfig, get_peft_model
from transformers import AutoConfig, AutoModel

from stages.encoder.latent import LatentAttention
from stages.shared.errors import UserError
from stages.shared.settings import Lora
from stages.training.plan.parameters import FAMILIES, architecture_of, count_parameters
from tests.training.plan.conftest import LORA, MISTRAL_7B, hub, shape


def built(architecture):
    """The model on the meta device, without weights."""
    with torch.device("meta"):
        return AutoModel.from_config(AutoConfig.for_model(**architecture.model_dump()))


def number(model):
    return sum(weights.numel() for weights in model.parameters())


def trained(model):
    return sum(weights.numel() for weights in model.parameters() if weights.requires_grad)


@pytest.mark.parametrize("model_type", FAMILIES)
@pytest.mark.parametrize("sizes", [{}, {"num_key_value_heads": 4, "head_dim": 8, "num_hidden_layers": 1}])
def test_count_is_that_of_the_model_itself(planned, model_type, sizes):
    architecture = shape(model_type, **sizes)
    counted = count_parameters(planned(backbone=hub(architecture)))
    assert counted.backbone == counted.total == counted.trained == number(built(architecture))


def test_count_of_mistral_7b_is_exact(planned):
    counted = count_parameters(planned(backbone=hub(MISTRAL_7B)))
    assert counted.backbone == number(built(MISTRAL_7B)) == 7_110_660_096


def test_scratch_backbone_counts_without_its_language_model_head(planned, backbone_settings, tokenizer):
    from stages.backbone.scratch import build_model

    fitting = backbone_settings.model_copy(update={"vocabulary": len(tokenizer)})
    assert count_parameters(planned(backbone=fitting)).total == number(build_model(fitting, tokenizer, 0).model)


@pytest.mark.parametrize("model_type", FAMILIES)
@pytest.mark.parametrize("rank", [1, 16])
def test_adapters_are_those_of_peft_on_all_linear_layers(planned, model_type, rank):
    architecture = shape(model_type)
    counted = count_parameters(planned(backbone=hub(architecture), lora=Lora(rank=rank, alpha=8, dropout=0.0)))
    model = get_peft_model(built(architecture), LoraConfig(r=rank, target_modules="all-linear"))
    assert counted.trained == counted.adapters == trained(model)
    assert counted.total == number(model)
    assert counted.frozen == counted.backbone


@pytest.mark.parametrize("lora", [None, LORA])
@pytest.mark.parametrize("size", [1, 24])
def test_latent_pooling_is_trained_with_and_without_adapters(planned, settings, lora, size):
    latent = settings.params.latent.model_copy(update={"size": size})
    pooled = planned({"pooling": "latent", "latent": latent}, backbone=hub(shape()), lora=lora)
    plain = planned(backbone=hub(shape()), lora=lora)
    assert count_parameters(pooled).latent == number(LatentAttention(32, size=size, heads=4, seed=0))
    gained = count_parameters(pooled).trained - count_parameters(plain).trained
    assert gained == count_parameters(pooled).latent


def test_architecture_of_a_scratch_backbone_is_a_llama_with_as_many_keys_as_queries(planned):
    architecture = architecture_of(planned().profile.backbone)
    assert (architecture.model_type, architecture.head_dim) == ("llama", 64)
    assert architecture.num_key_value_heads == architecture.num_attention_heads


@pytest.mark.parametrize("model_type", ["bloom", "gemma2", "Llama", ""])
def test_unknown_family_is_refused_with_the_known_ones(planned, model_type):
    with pytest.raises(UserError, match="llama, mistral, qwen2, qwen3, gemma, gemma3_text") as caught:
        count_parameters(planned(backbone=hub(shape(model_type))))
    assert repr(model_type) in str(caught.value)
