"""Random teachers, and photographs, that several tests of training take."""

import numpy as np
import pytest
from PIL import Image
from training_helpers import random_teacher


@pytest.fixture(scope="session")
def teacher_37(tmp_path_factory):
    return random_teacher(tmp_path_factory.mktemp("teacher") / "teacher.ckpt")


@pytest.fixture(scope="session")
def teacher_40(tmp_path_factory):
    return random_teacher(tmp_path_factory.mktemp("teacher") / "teacher40.ckpt", 40)


@pytest.fixture(scope="session")
def photos(tmp_path_factory):
    folder = tmp_path_factory.mktemp("photos") / "My photos"
    (folder / "below").mkdir(parents=True)
    for k in range(6):
        pixels = np.random.default_rng(k).integers(0, 256, (7, 5, 3), np.uint8)
        Image.fromarray(pixels).resize((50, 70), Image.Resampling.BICUBIC).save(folder / f"below/{k}.jpg")
    return folder
