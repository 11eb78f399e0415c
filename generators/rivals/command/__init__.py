"""Programs in environments of their own as generators: requests as lines of JSON in, files of images out."""
