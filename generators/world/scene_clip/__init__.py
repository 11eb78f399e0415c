"""The scene CLIP: which caption of the world fits a picture, learned from our own renders. No CLIP, and not named one.

`contrary` makes hard negatives, `network` is the two towers, `examples` their batches, `train` the loop, `load` what
everything else uses.
"""
