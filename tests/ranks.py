"""Processes of torch.distributed on this machine, for tests."""

import json
import os
import subprocess
import sys

import pytest

HEAD = """
import json, os
from datetime import timedelta
import numpy as np, torch, torch.distributed as dist
import lossspec as ls
torch.set_num_threads(1)
rank, world = int(os.environ["RANK"]), int(os.environ["WORLD_SIZE"])
dist.init_process_group(
    "gloo", init_method="file://" + os.environ["MEETING"], rank=rank, world_size=world, timeout=timedelta(seconds=60)
)
from lossspec.integrations.torch_distributed import all_reduce, global_loss
def report(**found):
    plain = {k: v.detach().numpy().tolist() if torch.is_tensor(v) else v for k, v in found.items()}
    print("REPORT" + json.dumps(plain), flush=True)
def error_of(call):
    try:
        call()
    except Exception as error:
        return [type(error).__name__, str(error)]
    return ["none", ""]
"""
TAIL = """
dist.barrier()
os._exit(0)  # the threads of gloo may outlive an interpreter that ends by itself, which aborts it
"""


@pytest.fixture
def on_ranks(tmp_path):
    """Run a script on every rank, and return what each reports; no rank may fail or hang."""

    def run(script, world=2, tail=TAIL):
        started = []
        for rank in range(world):
            variables = {"RANK": str(rank), "WORLD_SIZE": str(world), "MEETING": str(tmp_path / "meeting")}
            command = [sys.executable, "-c", HEAD + script + tail]
            piped = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
            started.append(subprocess.Popen(command, env={**os.environ, **variables}, **piped))  # noqa: S603
        try:
            ended = [(process.communicate(timeout=200), process.returncode) for process in started]
        finally:
            for process in started:
                process.kill()
        assert [code for _, code in ended] == [0] * world, "\n".join(texts[1] for texts, _ in ended)
        return [
            [json.loads(line[6:]) for line in texts[0].splitlines() if line.startswith("REPORT")] for texts, _ in ended
        ]

    return run
