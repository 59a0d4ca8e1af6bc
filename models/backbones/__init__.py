"""A name → a pretrained network in two parts. Torch and timm, and never in a bento.

Importing anything of this package makes torchvision importable first (`torchvision_operators`).
"""

from models.backbones.torchvision_operators import declare_missing_operators

#: None where torchvision's compiled operators fit this torch.
TORCHVISION_OPERATORS = declare_missing_operators()
