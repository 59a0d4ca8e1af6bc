"""What a backbone computes with: a word that settings know before anything is loaded."""

from typing import Literal

Precision = Literal["fp32", "int8", "fp16"]
