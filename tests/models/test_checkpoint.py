"""What is saved is what is loaded; what is damaged or not implemented is named."""

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from hone.core.alphabet import Alphabet
from hone.core.errors import DamagedFile, UsageError
from hone.models.checkpoint import load, save
from hone.models.tokenizer import read_alphabet, write_tokenizer
from tests.models.tiny import CONFIGS, tiny

ALPHABET = Alphabet((*"0123456789+-*=", "<eos>", "<pad>", "α", "mod", "11"), "<eos>", "<pad>")


def changed(folder: Path, name: str = "mistral", **values: object) -> Path:
    """A saved decoder with other values in its config.json; None takes the key away."""
    save(tiny(name), folder)
    path = folder / "config.json"
    content = json.loads(path.read_text()) | values
    path.write_text(json.dumps({key: value for key, value in content.items() if value != "gone"}))
    return folder


@pytest.mark.parametrize("name", CONFIGS)
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_round_trip_is_bitwise(name: str, dtype: torch.dtype, tmp_path: Path) -> None:
    decoder = tiny(name, dtype)
    save(decoder, tmp_path / "a")
    loaded = load(tmp_path / "a")
    assert loaded.config == decoder.config
    expected = decoder.state_dict()
    assert loaded.state_dict().keys() == expected.keys()
    for key, tensor in loaded.state_dict().items():
        assert tensor.dtype == dtype
        assert torch.equal(tensor, expected[key])
    assert torch.equal(loaded.cosines, decoder.cosines)
    assert all(parameter.requires_grad for parameter in loaded.parameters())
    save(loaded, tmp_path / "b")
    for file in ("config.json", "model.safetensors"):
        assert (tmp_path / "a" / file).read_bytes() == (tmp_path / "b" / file).read_bytes()


def test_sharded_weights_are_read(tmp_path: Path) -> None:
    decoder = tiny("qwen2")
    save(decoder, tmp_path)
    tensors = load_file(tmp_path / "model.safetensors")
    (tmp_path / "model.safetensors").unlink()
    names = sorted(tensors)
    shards = {"one.safetensors": names[::2], "two.safetensors": names[1::2]}
    for file, members in shards.items():
        save_file({name: tensors[name] for name in members}, tmp_path / file)
    weight_map = {name: file for file, members in shards.items() for name in members}
    index = tmp_path / "model.safetensors.index.json"
    index.write_text(json.dumps({"metadata": {}, "weight_map": weight_map}))
    assert torch.equal(load(tmp_path).blocks[1].qkv.weight, decoder.blocks[1].qkv.weight)
    (tmp_path / "two.safetensors").unlink()
    with pytest.raises(DamagedFile, match=r"two\.safetensors"):
        load(tmp_path)
    index.write_text(json.dumps({"weight_map": {"x": "../two.safetensors"}}))
    with pytest.raises(DamagedFile, match="same folder"):
        load(tmp_path)


def test_short_names_and_constants_of_the_first_gpt2_files_are_read(tmp_path: Path) -> None:
    decoder = tiny("gpt2")
    save(decoder, tmp_path)
    path = tmp_path / "model.safetensors"
    tensors = {key.removeprefix("transformer."): value for key, value in load_file(path).items()}
    save_file(tensors | {"h.0.attn.bias": torch.ones(1, 1, 4, 4)}, path)
    assert torch.equal(load(tmp_path).embedding, decoder.embedding)


@pytest.mark.parametrize("file", ["config.json", "model.safetensors"])
def test_missing_and_truncated_files_are_named(file: str, tmp_path: Path) -> None:
    save(tiny("llama"), tmp_path)
    path = tmp_path / file
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(DamagedFile, match=file.replace(".", r"\.")):
        load(tmp_path)
    path.unlink()
    with pytest.raises(DamagedFile, match=file.replace(".", r"\.")):
        load(tmp_path)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda stored: stored.pop("model.norm.weight"), "lacks the tensor model.norm.weight"),
        (
            lambda stored: stored.update({"model.norm.weight": torch.ones(5)}),
            r"model.norm.weight is float32 \(5,\)",
        ),
        (
            lambda stored: stored.update({"model.norm.weight": torch.ones(32, dtype=torch.int8)}),
            r"model.norm.weight is int8 \(32,\)",
        ),
        (
            lambda stored: stored.update({"model.layers.0.q_norm": torch.ones(5)}),
            "no place for: model.layers.0.q_norm",
        ),
    ],
)
def test_wrong_tensors_are_named(change, message: str, tmp_path: Path) -> None:
    save(tiny("llama"), tmp_path)
    path = tmp_path / "model.safetensors"
    tensors = load_file(path)
    change(tensors)
    save_file(tensors, path)
    with pytest.raises(DamagedFile, match=f"{path.name}.*{message}"):
        load(tmp_path)


def test_mixed_dtypes_are_refused(tmp_path: Path) -> None:
    save(tiny("llama"), tmp_path)
    path = tmp_path / "model.safetensors"
    tensors = load_file(path)
    save_file(tensors | {"model.norm.weight": tensors["model.norm.weight"].double()}, path)
    with pytest.raises(UsageError, match=r"float32.*float64"):
        load(tmp_path)


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("llama", {"model_type": "lama"}),
        ("llama", {"rope_scaling": {"rope_type": "llama3", "factor": 8.0}}),
        ("llama", {"rope_parameters": {"rope_type": "yarn", "rope_theta": 1e4}}),
        ("llama", {"hidden_act": "gelu"}),
        ("llama", {"attention_bias": True}),
        ("llama", {"quantization_config": {"bits": 4}}),
        ("llama", {"auto_map": {"AutoModel": "code.py"}}),
        ("mistral", {"sliding_window": 8}),
        ("qwen2", {"sliding_window": 8, "use_sliding_window": True}),
        ("qwen2", {"attention_bias": True}),
        ("olmo", {"clip_qkv": 8.0}),
        ("gpt2", {"activation_function": "relu"}),
        ("gpt2", {"scale_attn_by_inverse_layer_idx": True}),
    ],
)
def test_what_is_not_implemented_is_named(name: str, values: dict, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=f"{next(iter(values))}.*config.json") as caught:
        load(changed(tmp_path, name, **values))
    assert "\n" not in str(caught.value)


def test_inactive_features_are_allowed(tmp_path: Path) -> None:
    load(changed(tmp_path / "a", "mistral", sliding_window=24))
    load(changed(tmp_path / "b", "qwen2", sliding_window=8, use_sliding_window=False))


def test_older_rope_keys_are_read(tmp_path: Path) -> None:
    folder = changed(tmp_path, rope_parameters="gone", rope_theta=1234.0, rope_scaling=None)
    assert load(folder).config.rope_theta == 1234.0


def test_missing_key_is_named(tmp_path: Path) -> None:
    with pytest.raises(DamagedFile, match=r"config\.json lacks the key 'hidden_size'"):
        load(changed(tmp_path, hidden_size="gone"))


def test_alphabet_round_trip(tmp_path: Path) -> None:
    save(tiny("mistral"), tmp_path, ALPHABET)
    assert read_alphabet(tmp_path) == ALPHABET
    content = json.loads((tmp_path / "config.json").read_text())
    assert (content["eos_token_id"], content["pad_token_id"]) == (14, 15)


@pytest.mark.parametrize("file", ["tokenizer.json", "tokenizer_config.json"])
def test_damaged_tokenizers_are_named(file: str, tmp_path: Path) -> None:
    write_tokenizer(ALPHABET, tmp_path)
    for content in ("{}", "[]", "{", '{"model": {"vocab": {"a": 1}}}'):
        (tmp_path / file).write_text(content)
        with pytest.raises(DamagedFile, match=file.replace(".", r"\.")):
            read_alphabet(tmp_path)
    (tmp_path / file).unlink()
    with pytest.raises(DamagedFile, match=file.replace(".", r"\.")):
        read_alphabet(tmp_path)


def test_symbols_with_spaces_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="'a b'"):
        write_tokenizer(Alphabet(("a b", "."), ".", "."), tmp_path)
