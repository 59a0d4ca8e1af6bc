"""The network → one checked ONNX graph, with Grad-CAM inside. Torch, and never in a bento."""
