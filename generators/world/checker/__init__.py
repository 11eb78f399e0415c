"""The scene checker: a small detector, trained on our own renders, that finds the world's things, colours and letters.

`network` is the network, `render` its training examples, `train` the loop, `find` what everything else uses.
"""
