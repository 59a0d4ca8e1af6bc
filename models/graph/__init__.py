"""The network as torch knows it, and its way into one ONNX file. The only part with torch and timm.

Importing anything of this package makes torchvision importable first (`torchvision_operators`).
"""

from models.graph.torchvision_operators import declare_missing_operators

#: None where torchvision's compiled operators fit this torch.
TORCHVISION_OPERATORS = declare_missing_operators()
