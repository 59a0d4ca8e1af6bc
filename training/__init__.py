"""From a folder of pictures to a bundle."""
