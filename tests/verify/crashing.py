"""A loss that ends its process on some inputs."""

import os


def crashes(pred, target):
    if pred.shape != (6,):
        os.abort()
    return (pred - target) ** 2
