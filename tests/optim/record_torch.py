"""Record what PyTorch computes on the cases of `optim_cases`: `python -m tests.optim.record_torch`, with PyTorch."""

import json

import numpy as np
import torch
from torch.optim import lr_scheduler

from tests.optim import optim_cases


def trajectory(name, dtype):
    """Return the parameters after the kept steps."""
    kind, arguments = optim_cases.OPTIMIZERS[name]
    w = torch.nn.Parameter(torch.from_numpy(optim_cases.start(dtype)))
    optimizer = getattr(torch.optim, kind)([w], foreach=False, **arguments)
    kept = {}
    for step, grad in enumerate(optim_cases.gradients(dtype), start=1):
        w.grad = torch.from_numpy(grad)
        optimizer.step()
        if step in optim_cases.KEPT_STEPS:
            kept[step] = [float(str(value)) for value in w.detach().numpy()]
    return kept


def schedule(name):
    """Return the learning rate and momentum before each step."""

    def make(**arguments):
        return torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], **arguments)

    def values(optimizer, scheduler):
        optimizer.step()  # PyTorch insists on the order
        return [*scheduler.get_last_lr(), optimizer.param_groups[0]["momentum"]]

    return optim_cases.run_schedule(lr_scheduler, make, name, values)


def probe_rates(name):
    """Return the learning rate of each head of a probe before the kept steps."""
    first, kind, arguments, n_steps, advance, kept = optim_cases.PROBES[name]
    groups = [{"params": [torch.nn.Parameter(torch.zeros(1))], "lr": lr} for lr in first]
    optimizer = torch.optim.SGD(groups, lr=1.0, momentum=0.9, weight_decay=0)
    schedule = getattr(lr_scheduler, kind)(optimizer, **arguments)
    rates = []
    for step in range(n_steps):
        if step in kept:
            rates.append([group["lr"] for group in optimizer.param_groups])
        optimizer.step()
        if (step + 1) % advance == 0:
            schedule.step()
    return np.array(rates).T.tolist()


def record():
    """Return everything."""
    return {
        "torch": torch.__version__,
        "optimizers": {
            name: {np.dtype(dtype).name: trajectory(name, dtype) for dtype in (np.float32, np.float64)}
            for name in optim_cases.OPTIMIZERS
        },
        "probes": {name: probe_rates(name) for name in optim_cases.PROBES},
        "schedules": {name: schedule(name) for name in optim_cases.SCHEDULES},
    }


if __name__ == "__main__":
    optim_cases.RECORDED.parent.mkdir(exist_ok=True)
    optim_cases.RECORDED.write_text(json.dumps(record()) + "\n", encoding="utf-8")
