"""The named protocols of linear probes."""

from deeprob_fast.probes.least_squares import LeastSquaresProbe
from deeprob_fast.probes.protocol import ProbeProtocol
from deeprob_fast.probes.sgd import SGDProbe
from deeprob_fast.probes.softmax import SoftmaxProbe

_PROTOCOLS: tuple[ProbeProtocol, ...] = (
    SoftmaxProbe(
        name="logistic",
        source="scikit-learn, LogisticRegression(C=1), at its minimum",
        C=(1.0,),
    ),
    SGDProbe(
        name="dino-linear",
        source="facebookresearch/dino, eval_linear.py (Caron et al. 2021)",
        lr=(0.001,),
    ),
    SGDProbe(
        name="dinov2-linear",
        source="facebookresearch/dinov2, dinov2/eval/linear.py (Oquab et al. 2023)",
        lr=(1e-5, 2e-5, 5e-5, 1e-4, 2e-4, 5e-4, 1e-3, 2e-3, 5e-3, 1e-2, 2e-2, 5e-2, 0.1),
        n_epochs=10,
        epoch_steps=1250,
        schedule_every="step",
    ),
    SGDProbe(
        name="moco-linear",
        source="facebookresearch/moco, main_lincls.py (He et al. 2020)",
        lr=(30.0,),
        lr_per_256=False,
        batch_size=256,
        schedule="multistep",
        milestones=(0.6, 0.8),
    ),
    SoftmaxProbe(
        name="clip",
        source="Radford et al. 2021, appendix A.3; openai/CLIP, README.md, has C=0.316",
        C=tuple(10 ** (i / 8 - 6) for i in range(97)),
        stride=16,
        refit=True,
    ),
    SoftmaxProbe(
        name="ssl-transfer",
        source="linusericsson/ssl-transfer, linear.py (Ericsson et al. 2021)",
        C=tuple(10 ** (6 - i / 4) for i in range(45)),
        validation_fraction=0.2,
        refit=True,
    ),
    LeastSquaresProbe(
        name="lsr",
        source="google-research/big_vision, evaluators/fewshot_lsr.py",
        standardize=True,
        l2=(1024.0,),
        shots=(1, 5, 10, 25),
        refit=True,
    ),
)

PROBE_PROTOCOLS: dict[str, ProbeProtocol] = {protocol.name: protocol for protocol in _PROTOCOLS}
