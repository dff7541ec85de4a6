"""The teacher against its exact form, its weights and DINOv2's; the stages that it teaches in."""

import importlib.util

import numpy as np
import pytest
import torch
from safetensors import safe_open
from safetensors.torch import save_file
from training_helpers import DEPTH, GRID, SHARED, SMALL, hub_state, small_data, trainer

from deresunet.config import Preprocessing, ViTConfig
from deresunet.data.files import read_depth
from deresunet.data.frame import Frame
from deresunet.data.images import read_rgb
from deresunet.errors import InputError
from deresunet.evaluation.metrics import confusion_matrix, scores
from deresunet.inference.postprocessing import to_frame_size
from deresunet.inference.preprocessing import to_tensors
from deresunet.model.checkpoint import decode, load_checkpoint
from deresunet.model.vit import WIDTH, RGBDViT
from train.data.dataset import Batch
from train.data.teaching import Teaching
from train.distillation.features import FeatureModule
from train.distillation.finetuning import TeacherModule
from train.distillation.teacher import load_dinov2, load_teacher, timm_names
from train.module import Distillation, SegmentationModule
from train.optimisation import Optimisation

WEIGHTS = SHARED / "weights/teacher_dinov2s_nyuv2_40.int8.safetensors"
NYU = SHARED / "data/nyuv2"
needs_weights = pytest.mark.skipif(not WEIGHTS.is_file(), reason="the teacher's weights are not here")


@needs_weights
def test_teacher_is_the_reference():
    spec = importlib.util.spec_from_file_location("reference_teacher", SHARED / "reference/teacher.py")
    reference_module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(reference_module)
    teacher = load_teacher(WEIGHTS)
    reference = reference_module.Teacher(40)
    with safe_open(WEIGHTS, framework="pt") as file:
        reference.load_state_dict(decode({name: file.get_tensor(name) for name in file.keys()}))  # noqa: SIM118
    reference.eval()
    torch.manual_seed(0)
    rgb, depth = torch.randn(2, 3, 96, 128), torch.randn(2, 1, 96, 128)
    with torch.no_grad():
        logits, (patches,) = reference(rgb, depth, aux=True)
        own_logits, own_patches = teacher.outputs(rgb, depth)
        last = reference.vit(
            torch.nn.functional.interpolate(rgb, (98, 126), mode="bilinear"),
            (11,),
            reference.dpe(torch.nn.functional.interpolate(depth, (98, 126), mode="nearest")),
        )[0]
    torch.testing.assert_close(own_logits, logits, rtol=0, atol=1e-4)
    torch.testing.assert_close(own_patches, patches, rtol=0, atol=1e-4)
    torch.testing.assert_close(teacher.taps(rgb, depth)[-1], last, rtol=0, atol=1e-4)


def published_names(state):
    """A teacher's tensors under the names of its published weights, written down independently of `timm_names`."""
    renamed = {}
    for name, tensor in state.items():
        if name == "vit.pos_embed":
            renamed |= {"vit.pos_cls": tensor[:, :1], "vit.pos": tensor[:, 1:]}
            continue
        if ".attn.qkv." in name:
            block, kind = name.split(".attn.qkv.")
            renamed |= {f"{block}.{part}.{kind}": third for part, third in zip("qkv", tensor.chunk(3), strict=True)}
            continue
        for timm, published in (
            *(("patch_embed.proj", "pe"), ("cls_token", "cls"), ("attn.proj", "o"), ("norm1", "n1"), ("norm2", "n2")),
            *(("mlp.fc1", "f1"), ("mlp.fc2", "f2"), ("ls1.gamma", "g1"), ("ls2.gamma", "g2")),
        ):
            name = name.replace(timm, published) if name.startswith("vit.") else name  # noqa: PLW2901
        renamed[name] = tensor
    return renamed


def test_teachers_of_earlier_versions_load(tmp_path):
    torch.manual_seed(0)
    state = {name: torch.randn_like(tensor.float()) for name, tensor in RGBDViT(ViTConfig(37)).state_dict().items()}
    published = published_names(state)
    assert {"vit.pe.weight", "vit.cls", "vit.blocks.11.q.bias", "vit.blocks.0.g2"} <= set(published)
    renamed = timm_names(published)
    assert renamed.keys() == state.keys()
    assert all(torch.equal(renamed[name], tensor) for name, tensor in state.items())
    torch.save({"state_dict": {f"model.{name}": tensor for name, tensor in published.items()}}, tmp_path / "old.ckpt")
    loaded = load_teacher(tmp_path / "old.ckpt").state_dict()
    assert torch.equal(loaded["vit.blocks.5.attn.qkv.weight"], state["vit.blocks.5.attn.qkv.weight"])


@needs_weights
@pytest.mark.slow
@pytest.mark.skipif(not NYU.is_dir(), reason="NYU Depth v2 is not here")
def test_teacher_segments_test_frames():
    """mIoU is 50.01 over 654 frames and 40 classes; a handful of frames can only show that it is in its place."""
    teacher = load_teacher(WEIGHTS)
    matrix = np.zeros((40, 41), np.int64)
    for name in (NYU / "test.txt").read_text().split()[::18]:
        frame = Frame(rgb=read_rgb(NYU / f"rgb/{name}.jpg"), depth=read_depth(NYU / f"depth/{name}.png", "mm")[0])
        label = read_label_40(NYU / f"label/{name}.png")
        with torch.no_grad():
            logits = teacher(*to_tensors(frame, Preprocessing()))
        matrix += confusion_matrix(label, to_frame_size(logits, frame.size, 1).labels[0], 40)
    result = scores(matrix)
    assert result.pixel_acc > 0.65
    assert result.miou > 0.35


def read_label_40(path):
    from PIL import Image  # noqa: PLC0415

    return np.asarray(Image.open(path)).astype(np.uint8)


def test_depth_enters_an_untrained_teacher_as_nothing():
    torch.manual_seed(0)
    teacher = RGBDViT().eval()
    rgb = torch.randn(1, 3, 64, 64)
    with torch.no_grad():
        assert torch.equal(
            teacher.taps(rgb, torch.zeros(1, 1, 64, 64))[-1],
            teacher.taps(rgb, torch.randn(1, 1, 64, 64))[-1],
        )


def hub_features(state, rgb):
    """DINOv2's own forward at its own resolution, written down from its paper's code independently of the teacher."""
    functional = torch.nn.functional
    patches = functional.conv2d(rgb, state["patch_embed.proj.weight"], state["patch_embed.proj.bias"], stride=14)
    tokens = torch.cat([state["cls_token"].expand(len(rgb), -1, -1), patches.flatten(2).mT], 1) + state["pos_embed"]
    for block in range(DEPTH):
        own = {name.split(".", 2)[2]: value for name, value in state.items() if name.startswith(f"blocks.{block}.")}
        x = functional.layer_norm(tokens, (WIDTH,), own["norm1.weight"], own["norm1.bias"], 1e-6)
        qkv = functional.linear(x, own["attn.qkv.weight"], own["attn.qkv.bias"])
        query, key, value = qkv.reshape(len(rgb), -1, 3, 6, WIDTH // 6).permute(2, 0, 3, 1, 4)
        attention = (query @ key.mT * (WIDTH // 6) ** -0.5).softmax(-1)
        x = (attention @ value).transpose(1, 2).flatten(2)
        tokens = tokens + own["ls1.gamma"] * functional.linear(x, own["attn.proj.weight"], own["attn.proj.bias"])
        x = functional.layer_norm(tokens, (WIDTH,), own["norm2.weight"], own["norm2.bias"], 1e-6)
        x = functional.gelu(functional.linear(x, own["mlp.fc1.weight"], own["mlp.fc1.bias"]))
        tokens = tokens + own["ls2.gamma"] * functional.linear(x, own["mlp.fc2.weight"], own["mlp.fc2.bias"])
    tokens = functional.layer_norm(tokens, (WIDTH,), state["norm.weight"], state["norm.bias"], 1e-6)
    return tokens[:, 1:].mT.unflatten(2, (GRID, GRID))


@pytest.mark.parametrize("kind", ["meta", "timm"])
def test_dinov2_keeps_its_features(tmp_path, kind):
    state = hub_state()
    if kind == "meta":
        path = tmp_path / "dinov2_vits14_pretrain.pth"
        torch.save(state, path)
    else:
        path = tmp_path / "model.safetensors"
        save_file({name: tensor for name, tensor in state.items() if name != "mask_token"}, path)
    teacher = RGBDViT().eval()
    load_dinov2(teacher, path)
    rgb = torch.randn(1, 3, 518, 518, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        features = teacher.taps(rgb, torch.zeros(1, 1, 518, 518))[-1]
    torch.testing.assert_close(features, hub_features(state, rgb), rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 truncated", None])
def test_files_that_are_no_weights_are_refused(tmp_path, content):
    for name, load in (("x.pth", load_dinov2), ("x.safetensors", None), ("x.ckpt", None)):
        path = tmp_path / name
        if content is not None:
            path.write_bytes(content)
        with pytest.raises(InputError, match=name):
            load_teacher(path) if load is None else load(RGBDViT(), path)


def taught_data(teacher, folder, outputs="logits", **options):
    return small_data(teaching=Teaching(str(teacher), outputs, str(folder)), **options)


def test_distilled_training_learns_from_the_teacher_and_does_not_save_it(tmp_path, teacher_40):
    torch.manual_seed(0)
    module = SegmentationModule(
        network=SMALL, optimisation=Optimisation(rate=1e-3), distillation=Distillation(weight=0.5)
    )
    run = trainer(tmp_path, max_epochs=1, enable_checkpointing=False)
    run.fit(module, datamodule=taught_data(teacher_40, tmp_path / "outputs"))
    run.save_checkpoint(tmp_path / "network.ckpt")
    assert float(run.callback_metrics["train/loss_distillation"]) > 0
    names = torch.load(tmp_path / "network.ckpt", weights_only=True)["state_dict"]
    assert not any("vit" in name for name in names)
    checkpoint = load_checkpoint(tmp_path / "network.ckpt")
    assert checkpoint.build().config == SMALL
    assert "teacher teacher40.ckpt" in checkpoint.training


def test_distillation_alone_pulls_the_network_to_the_teacher():
    module = SegmentationModule(network=SMALL, distillation=Distillation())
    torch.manual_seed(0)
    there = torch.ones(2, dtype=torch.bool)
    rgb, depth = torch.randint(0, 256, (2, 3, 64, 64)), 0.5 + torch.rand(2, 1, 64, 64)
    void = torch.zeros(2, 64, 64, dtype=torch.uint8)
    batch = Batch(rgb, depth, void, there, there, 2, taught=3 * torch.randn(2, 40, 16, 16))
    optimiser = torch.optim.Adam(module.model.parameters(), 3e-3)
    seen = []
    for _ in range(40):
        result = module.step(batch)
        optimiser.zero_grad()
        result.loss.backward()
        optimiser.step()
        seen.append(float(result.terms["distillation"].detach()))
        assert float(result.terms["labels"].detach()) == 0.0
        assert float(result.loss.detach()) == pytest.approx(seen[-1])
    assert seen[-1] < 0.8 * seen[0]


def test_features_reach_both_encoders_and_nothing_else(tmp_path, teacher_37, photos):
    torch.manual_seed(0)
    module = FeatureModule(network=SMALL, optimisation=Optimisation(rate=1e-3))
    before = {name: tensor.clone() for name, tensor in module.model.named_parameters()}
    data = taught_data(
        *(teacher_37, tmp_path / "outputs", "features"),
        **{"photos": str(photos), "photos_share": 0.5, "photos_held_out": 2, "batch_size": 4},
    )
    run = trainer(tmp_path, max_epochs=1)
    run.fit(module, datamodule=data)
    assert float(run.callback_metrics["val/loss"]) > 0
    assert float(run.callback_metrics["val/photos"]) > 0
    moved = {name for name, tensor in module.model.named_parameters() if not torch.equal(tensor, before[name])}
    assert any(name.startswith("rgb_encoder.") for name in moved)
    assert any(name.startswith("depth_encoder.") for name in moved)
    assert all(name.startswith(("rgb_encoder.", "depth_encoder.")) for name in moved)
    run.save_checkpoint(tmp_path / "features.ckpt")
    checkpoint = load_checkpoint(tmp_path / "features.ckpt")
    assert "ENCODERS ONLY" in checkpoint.training
    # The next stage starts its encoders, and only them, from here.
    student = SegmentationModule(network=SMALL, encoders=str(tmp_path / "features.ckpt"))
    for name, tensor in student.model.state_dict().items():
        same = torch.equal(tensor, checkpoint.state[name])
        assert same or not name.startswith(("rgb_encoder.", "depth_encoder.")), name


def test_frames_without_depth_teach_the_depth_encoder_nothing(teacher_37, tmp_path):
    module = FeatureModule(network=SMALL)
    data = taught_data(teacher_37, tmp_path, "features")
    data.setup("fit")
    batch = next(iter(data.train_dataloader()))
    module.step(batch._replace(with_depth=0, has_depth=torch.zeros(4, dtype=torch.bool))).loss.backward()
    assert not any(p.grad.any() for p in module.model.depth_encoder.parameters())
    assert any(p.grad.any() for p in module.model.rgb_encoder.parameters())


@pytest.mark.slow
def test_teacher_is_fine_tuned_and_read_back(tmp_path):
    torch.save(hub_state(), tmp_path / "hub.pth")
    torch.manual_seed(0)
    module = TeacherModule(
        dinov2=str(tmp_path / "hub.pth"), optimisation=Optimisation(rate=1e-3, pretrained_rate=1e-5), ema_decay=0.9
    )
    run = trainer(tmp_path, max_epochs=1)
    run.fit(module, datamodule=small_data())
    rates = sorted({group["lr"] for group in run.optimizers[0].param_groups})
    assert rates == [1e-5, 1e-3]
    run.save_checkpoint(tmp_path / "teacher.ckpt")
    again = load_teacher(tmp_path / "teacher.ckpt")
    for name, tensor in module.ema.state_dict().items():
        assert torch.equal(again.state_dict()[name], tensor)
