"""How the network looks at pictures, asked of a sample of the training part."""
