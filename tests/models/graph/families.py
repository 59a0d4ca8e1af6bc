"""The families that the catalogue answers for by name, the course's among them."""

#: Family → its members.
FAMILIES = {
    "the course's small network": ["baseline"],
    "AlexNet": ["alexnet"],
    "VGG": ["vgg11", "vgg16", "vgg19"],
    "VGG with BatchNorm": ["vgg11_bn", "vgg16_bn", "vgg19_bn"],
    "Inception v1": ["googlenet"],
    "Inception v3": ["inception_v3"],
    "Inception v4": ["inception_v4"],
    "ResNet": ["resnet18", "resnet34", "resnet50", "resnet101", "resnet200"],
    "ResNeXt": ["resnext50_32x4d"],
    "SE-ResNet": ["seresnet18", "seresnet50"],
    "CBAM-ResNet": ["cbam_resnet18", "cbam_resnet50"],
    "MobileNet v2": ["mobilenetv2_100"],
    "MobileNet v3": ["mobilenetv3_small_100", "mobilenetv3_large_100"],
    "EfficientNet": ["efficientnet_b0"],
    "ConvNeXt": ["convnext_atto", "convnext_tiny"],
    "DenseNet": ["densenet121"],
    "Swin": ["swin_tiny_patch4_window7_224"],
}
