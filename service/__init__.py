"""A bundle over HTTP. Imports neither torch, nor timm, nor training."""

import os
import sys

# Nothing that is served here tells anybody about it. This is the first line of ours that
# `bentoml serve` runs. By then BentoML's command line has already asked its environment and
# remembers the answer, but it reports only afterwards: so the memory must go too. Only this word
# counts ("1" does not).
os.environ["BENTOML_DO_NOT_TRACK"] = "true"
if _remembered := sys.modules.get("bentoml._internal.utils.analytics.usage_stats"):
    _remembered.do_not_track.cache_clear()

# BentoML would have one process's figures in files, which are mapped memory: a disk that is full,
# or a folder that is gone, would end the worker or make it wait for ever. One worker needs none of
# them. prometheus_client asks for this when it is imported, which is later.
os.environ.pop("PROMETHEUS_MULTIPROC_DIR", None)
