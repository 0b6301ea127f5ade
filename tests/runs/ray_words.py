"""A user model for workers of a cluster: slow enough to be killed under way; notes every call in ASSAY_RAY_LOG."""

import os
import time

from assay.models.model import Request
from assay.models.scripted import babble


def speak(request: Request) -> str:
    with open(os.environ["ASSAY_RAY_LOG"], "a") as log:
        log.write(f"{os.getpid()} {request.seed()}\n")
    time.sleep(0.03)
    return babble(request)


def double(number: int) -> int:
    with open(os.environ["ASSAY_RAY_LOG"], "a") as log:
        log.write(f"{os.getpid()} {number}\n")
    time.sleep(0.05)
    return 2 * number
