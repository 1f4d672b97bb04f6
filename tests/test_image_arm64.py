"""The image for arm64, built from the same Dockerfile and run by an emulator.

It takes three minutes on an idle machine: every program of the build is emulated.
"""

import pytest

from tests.arm64 import NotMade, emulation, why_no_emulation
from tests.containers import built_image, podman, running_container, why_no_image
from tests.test_image import predict_first_golden_row

LACKING = why_no_image() or why_no_emulation()

pytestmark = [
    pytest.mark.external,
    pytest.mark.slow,
    pytest.mark.skipif(bool(LACKING), reason=LACKING),
]


def test_the_image_for_arm64_predicts_what_scikit_learn_did() -> None:
    try:
        with emulation():
            image = built_image(architecture="arm64")
            with running_container("--memory=1g", image=image) as container:
                predict_first_golden_row(container)
                machine = container.execute(
                    "python3", "-c", "import os; print(os.uname().machine)"
                )
    except NotMade as reason:
        pytest.skip(str(reason))
    named = podman("image", "inspect", "--format={{.Architecture}}", image).stdout

    assert (machine.stdout, named) == ("aarch64\n", "arm64\n")
