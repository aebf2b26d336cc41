"""A process that let go of a network in another thread still hears signals: SIGTERM is how a service is stopped."""

from __future__ import annotations

import subprocess
import sys

PROGRAM = """
import gc, os, signal, threading
signal.signal(signal.SIGTERM, lambda *_: print("heard", flush=True))
import faulthandler; faulthandler.enable()
import numpy as np
from openvino import Model, opset13
from surveillance.perception.backends.onnx_file import all_answers
given = opset13.parameter([1, 8], np.float32)
held = [all_answers(Model([opset13.relu(given)], [given]))]
letting_go = threading.Thread(target=lambda: (held.clear(), gc.collect()))
letting_go.start()
letting_go.join()
os.kill(os.getpid(), signal.SIGTERM)
"""


def test_a_signal_is_heard_after_a_network_went_in_another_thread() -> None:
    ran = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, timeout=240, check=False)
    assert (ran.returncode, ran.stdout) == (0, "heard\n"), ran.stderr
