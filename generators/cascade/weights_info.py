"""What a folder of weights holds: `python -m generators.cascade.weights_info FOLDER`.

For whoever brings weights: configuration, parameters and hashes of each stage, whether the files are those of the
index, and which text encoder they want. Exit codes: 0 all is well, 2 a file is missing, altered or of another schema.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from common.commands import BAD_INPUT, SUCCESS, add_format, refuse_repeated, run_command
from generators.cascade.config_json import to_json
from generators.cascade.configs import STAGES
from generators.cascade.weights_index import CheckpointError

SCHEMA = "drawbench-weights/1"


def parser() -> argparse.ArgumentParser:
    """The command's arguments."""
    made = argparse.ArgumentParser(
        prog="python -m generators.cascade.weights_info",
        description="Say what a folder of cascade weights holds, and check its files against their hashes.",
    )
    made.add_argument("folder", type=Path, metavar="FOLDER", help="with index.json and a .safetensors file a stage")
    add_format(made)
    return made


def weights_info(folder: Path) -> dict[str, object]:
    """The folder as JSON has it. A stage that can't be used has an `error`, the others all else.

    Raises:
        CheckpointError: the folder has no index that can be read.
    """
    import torch

    from generators.cascade.checkpoint import open_weights

    weights = open_weights(folder)
    stages: list[dict[str, object]] = []
    for name in STAGES:
        if name not in weights.hashes:
            continue
        told: dict[str, object] = {"stage": name, "file": weights.files[name], "sha256": weights.hashes[name]}
        try:
            head = weights.head(name)
            loaded = weights.load(name)
            loaded.network(dtype=torch.float16)  # says whether its tensors are those of its configuration
        except CheckpointError as error:
            stages.append({**told, "error": str(error)})
            continue
        stages.append(
            {
                **told,
                "error": None,
                "about": head.about,
                "parameters": head.parameters,
                "bytes": head.bytes,
                "configuration": to_json(head.stage),
                "text": to_json(head.text),
            }
        )
    usable = [name for name in STAGES if name in weights.hashes]
    return {
        "schema": SCHEMA,
        "folder": str(folder),
        "cascade": weights.cascade,
        "fingerprint": weights.fingerprint(tuple(usable)),
        "stages": stages,
    }


def main(arguments: Sequence[str]) -> int:
    """Print; the exit code."""
    options = refuse_repeated(parser()).parse_args(arguments)
    info = weights_info(options.folder)
    stages = info["stages"]
    assert isinstance(stages, list)
    if options.format == "json":
        print(json.dumps(info, ensure_ascii=False, indent=2))
    else:
        print(f"{info['cascade'] or 'a cascade without a name'} in {info['folder']}, fingerprint {info['fingerprint']}")
        for stage in stages:
            print("\n" + _stage_text(stage))
    return BAD_INPUT if any(stage["error"] for stage in stages) or not stages else SUCCESS


def _stage_text(stage: dict[str, object]) -> str:
    lines = [f"{stage['stage']}: {stage['file']}", f"  sha256 {stage['sha256']}"]
    if stage["error"]:
        return "\n".join([*lines, f"  can't be used: {stage['error']}"])
    configuration, text = stage["configuration"], stage["text"]
    assert isinstance(configuration, dict) and isinstance(text, dict)
    unet, diffusion = configuration["unet"], configuration["diffusion"]
    lines += [
        f"  {stage['parameters']:,} parameters, {stage['bytes']:,} bytes; {stage['about']}",
        f"  {configuration['low_size'] or 'noise'} -> {configuration['size']} pixels, U-Net of kind {unet['kind']}: "
        + "; ".join(f"{name} {value}" for name, value in unet.items() if name != "kind"),
        "  diffusion: " + ", ".join(f"{name} {value}" for name, value in diffusion.items()),
        f"  text encoder {text['encoder']}: width {text['width']}, at most {text['max_tokens']} tokens",
    ]
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(run_command(main))
