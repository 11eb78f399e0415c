"""Training sets of images that others made: a folder, a COCO captions file, WebDataset shards. One module a kind."""
