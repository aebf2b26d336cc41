"""One model in a process of its own: loaded as a camera would load it, and asked about a black crop.

Whoever promotes may be the dashboard, which loads no torch; and a network that eats all memory takes only this with it.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys

from surveillance.app.processes import end_with_parent, handed_over, take_settings
from surveillance.domain.errors import ModelError, UserMistake
from surveillance.engines.children import PARENT
from surveillance.settings import PREFIX, Settings

WITHIN_S = 180.0


def try_model(settings: Settings, name: str) -> None:
    """Raises ModelError for a model that is not there, was altered, does not fit or answers with no numbers."""
    environment = {key: value for key, value in os.environ.items() if not key.startswith(PREFIX)}
    try:
        ended = subprocess.run(
            [sys.executable, "-m", "surveillance.app.model_trial", name],
            input=handed_over(settings),
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={**environment, PARENT: str(os.getpid())},
            timeout=WITHIN_S,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise ModelError(f"model {name} did not answer within {WITHIN_S:.0f} s") from None
    if ended.returncode != 0 or not ended.stdout:
        raise ModelError(f"model {name} cannot be loaded: the process that tried ended with code {ended.returncode}")
    fault = json.loads(ended.stdout)["fault"]
    if fault:
        raise ModelError(fault)


def fault_of(settings: Settings, name: str) -> str:
    """What keeps the model from being used; empty when nothing does."""
    import numpy as np

    from surveillance.app.worker import build_classifier

    try:
        classifier = build_classifier(settings, name)
        side = classifier.card.input.size
        told = classifier.logits([np.zeros((side, side, 3), np.uint8)])
    except UserMistake as mistake:
        return str(mistake)
    return "" if np.isfinite(told).all() else f"model {name} answers with what are no numbers; train it again"


def main(name: str) -> int:
    end_with_parent()
    sys.stdout.write(json.dumps({"fault": fault_of(take_settings(), name)}))
    sys.stdout.flush()
    return 0


if __name__ == "__main__":
    code = main(sys.argv[1])
    os._exit(code)  # torch takes seconds to be taken down in an orderly way
