"""Every form in which researchers have images: each made here, uploaded, and every image on its prompt."""

from __future__ import annotations

import gzip
import io
import json
import tarfile
import zipfile
from collections.abc import Mapping
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image, PngImagePlugin

from common.hashes import bytes_sha256
from evaluation.errors import InputError
from evaluation.models import GenerationRun, Suite, Upload
from evaluation.services.uploads.archive import open_archive
from evaluation.services.uploads.check import upload_check
from evaluation.services.uploads.confirm import upload_confirm
from evaluation.services.uploads.receive import upload_receive
from tests.uploads.conftest import image_bytes, nothing_is_kept

Files = dict[str, bytes]

PROMPTS = ("a fox", "a heron", "a birch", "a moss")
"""Of the fixture `suite`."""
SAMPLES = 2
ORDER = [(prompt, sample) for sample in range(SAMPLES) for prompt in (2, 0, 3, 1)]
"""Shuffled: neither the order nor a number over the whole set is the prompt's."""


def image(prompt: int, sample: int, image_format: str = "PNG") -> bytes:
    return image_bytes(10 * prompt + sample, image_format)


def sidecar(ending: str, extension: str = "jpg") -> Files:
    files: Files = {}
    for at, (prompt, sample) in enumerate(ORDER):
        files[f"{at:09d}.{extension}"] = image(prompt, sample, "JPEG" if extension == "jpg" else "PNG")
        text = PROMPTS[prompt]
        fields = {"caption": text, "key": f"{at:09d}", "width": 24}
        files[f"{at:09d}.{ending}"] = (json.dumps(fields) if ending == "json" else text).encode()
    return files


def tar_of(files: Mapping[str, bytes], mode: str = "w") -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode=mode) as archive:  # type: ignore[call-overload]
        for name, data in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return buffer.getvalue()


def zip_of(files: Mapping[str, bytes], compression: int = zipfile.ZIP_STORED) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", compression) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return buffer.getvalue()


def parquet_of(rows: list[dict[str, object]], **options: object) -> bytes:
    buffer = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(rows), buffer, **options)
    return buffer.getvalue()


def hugging_face_rows(places: list[tuple[int, int]]) -> list[dict[str, object]]:
    return [{"image": {"bytes": image(*place), "path": None}, "text": PROMPTS[place[0]]} for place in places]


def plain_rows() -> list[dict[str, object]]:
    return [{"png": image(p, s), "prompt_id": p, "sample": s, "seed": 7} for p, s in ORDER]


NUMBERED = {f"{p:05d}/{s}.png": image(p, s) for p, s in ORDER}
GENEVAL = {f"{p:05d}/samples/{s:04d}.png": image(p, s) for p, s in ORDER} | {
    f"{p:05d}/metadata.jsonl": json.dumps({"tag": "x", "prompt": text}).encode() for p, text in enumerate(PROMPTS)
}
IMAGEFOLDER = {f"train/{at:04d}.png": image(*place) for at, place in enumerate(ORDER)}
METADATA = "".join(
    json.dumps({"file_name": f"{at:04d}.png", "text": PROMPTS[p]}) + "\n" for at, (p, _) in enumerate(ORDER)
)
METADATA_CSV = "file_name,text\n" + "".join(f"{at:04d}.png,{PROMPTS[p]}\n" for at, (p, _) in enumerate(ORDER))
IMG2DATASET = {
    **{f"00000/{name}": data for name, data in sidecar("txt").items()},
    **{f"00000/{name}": data for name, data in sidecar("json").items()},
    "00000.parquet": parquet_of([{"key": "000000000", "caption": "a fox", "status": "success"}]),
    "00000_stats.json": b'{"count": 8, "successes": 8}',
}
SHARD = tar_of(sidecar("json"))
HALVES = [tar_of({n: d for n, d in sidecar("txt").items() if (int(n[:9]) < 4) == first}) for first in (True, False)]
TWO_SHARDS = {f"{at}.tar": data for at, data in enumerate(HALVES)}
DEBRIS = {"__MACOSX/._00000": b"x", ".DS_Store": b"x", "00000/._0.png": b"x", "Thumbs.db": b"x", "desktop.ini": b"x"}

PARAMETERS = "{}\nNegative prompt: blurry\nSteps: 20, Sampler: Euler a, CFG scale: 7, Seed: 3, Size: 24x24"


def with_text(prompt: int, sample: int, key: str, text: str) -> bytes:
    """The image with a text in its file, as generators write their parameters."""
    info = PngImagePlugin.PngInfo()
    info.add_text(key, text)
    buffer = io.BytesIO()
    Image.open(io.BytesIO(image(prompt, sample))).save(buffer, "PNG", pnginfo=info)
    return buffer.getvalue()


def graph(text: str) -> str:
    sampler = {"class_type": "KSampler", "inputs": {"positive": ["6", 0], "negative": ["7", 0], "seed": 3}}
    texts = {
        key: {"class_type": "CLIPTextEncode", "inputs": {"text": said, "clip": ["4", 1]}}
        for key, said in (("6", text), ("7", "a moss"))
    }
    return json.dumps({"3": sampler, **texts})


A1111 = {
    f"{at:05d}-{3141592 + at}.png": with_text(p, s, "parameters", PARAMETERS.format(PROMPTS[p]))
    for at, (p, s) in enumerate(ORDER)
}
COMFY = {f"ComfyUI_{at + 1:05d}_.png": with_text(p, s, "prompt", graph(PROMPTS[p])) for at, (p, s) in enumerate(ORDER)}
INVOKE = {
    f"{at:08x}-1d2c-4f6a-9b3c-{at:012d}.png": with_text(
        p, s, "invokeai_metadata", json.dumps({"positive_prompt": PROMPTS[p]})
    )
    for at, (p, s) in enumerate(ORDER)
}
ELSEWHERE = {f"images/{name}": data for name, data in sidecar("txt").items() if name.endswith("jpg")} | {
    f"captions/{name}": data for name, data in sidecar("txt").items() if name.endswith("txt")
}
ROWS = {f"{at:04d}.png": PROMPTS[p] for at, (p, _) in enumerate(ORDER)}
BARE = {f"{at:04d}.png": image(*place) for at, place in enumerate(ORDER)}

TAKEN = {f"2026-11-30/2026-11-30_14-03-{at:02d}_{1000 + at}.png": place for at, place in enumerate(ORDER)}
FOOOCUS: Files = {name: image(*place) for name, place in TAKEN.items()} | {
    "2026-11-30/log.html": (
        "<!DOCTYPE html><html><body>"
        + "".join(
            f"<div><a href='{name[11:]}'><img src='{name[11:]}'></a><table><tr><td class='label'>Prompt</td>"
            f"<td class='value'>{PROMPTS[p]}</td></tr><tr><td>Negative Prompt</td><td>a moss</td></tr></table></div>"
            for name, (p, _) in TAKEN.items()
        )
        + "</body></html>"
    ).encode()
}

FORMS: dict[str, tuple[str, bytes | Files]] = {
    "a page by Fooocus": ("images.zip", zip_of(FOOOCUS)),
    "a count, a seed and the prompt": (
        "images",
        {f"{at:05d}-{3141592 + at}-{PROMPTS[p]}.png": image(p, s) for at, (p, s) in enumerate(ORDER)},
    ),
    "keys of a table": (
        "images",
        {f"{at * 7919 + 99991:08x}.png": image(*place) for at, place in enumerate(ORDER)}
        | {
            "log.jsonl": "\n".join(
                json.dumps({"uid": f"{at * 7919 + 99991:08x}", "prompt": PROMPTS[p]}) for at, (p, _) in enumerate(ORDER)
            ).encode()
        },
    ),
    "zips in a folder": (
        "parts",
        {f"{half}.zip": zip_of({n: d for n, d in NUMBERED.items() if int(n[6]) == half}) for half in range(2)},
    ),
    "a zip in a zip": ("all.zip", zip_of({"part.zip": zip_of(NUMBERED)}, zipfile.ZIP_DEFLATED)),
    "names without an ending": ("images", {f"{PROMPTS[p]}_{s}": image(p, s) for p, s in ORDER}),
    "prompts in the images, A1111": ("images.zip", zip_of(A1111)),
    "prompts in the images, ComfyUI": ("images", COMFY),
    "prompts in the images, InvokeAI": ("images.tar", tar_of(INVOKE)),
    "captions in a folder of their own": ("images.zip", zip_of(ELSEWHERE)),
    "a list by file names": ("images", {**BARE, "results.json": json.dumps(ROWS).encode()}),
    "a list without headings": (
        "images",
        {**BARE, "captions.csv": "".join(f"{file},{text}\n" for file, text in ROWS.items()).encode()},
    ),
    "a list with another computer's paths": (
        "images",
        {**BARE, "manifest.csv": ("file,prompt\n" + "".join(f"C:\\out\\{f},{t}\n" for f, t in ROWS.items())).encode()},
    ),
    "folder": ("images", NUMBERED),
    "zip": ("images.zip", zip_of(NUMBERED, zipfile.ZIP_DEFLATED)),
    "tar": ("images.tar", tar_of(NUMBERED)),
    "tar from a folder": ("images.tar", tar_of({f"./{name}": data for name, data in NUMBERED.items()})),
    "tar.gz": ("images.tar.gz", tar_of(NUMBERED, "w:gz")),
    "pax": ("images.tar", tar_of({f"{'x' * 120}/{name}": data for name, data in NUMBERED.items()})),
    "macOS debris": ("images.zip", zip_of(NUMBERED | DEBRIS)),
    "backslashes": ("images.zip", zip_of({f"run\\{name}".replace("/", "\\"): data for name, data in NUMBERED.items()})),
    "WebP": ("images.zip", zip_of({f"{p}/{s}.webp": image(p, s, "WEBP") for p, s in ORDER})),
    "AVIF": ("images.zip", zip_of({f"{p}/{s}.avif": image(p, s, "AVIF") for p, s in ORDER})),
    "captions in txt": ("images.zip", zip_of(sidecar("txt"))),
    "captions in json": ("images", sidecar("json", "png")),
    "GenEval": ("geneval.zip", zip_of(GENEVAL)),
    "GenEval as tar.gz": ("geneval.tar.gz", tar_of(GENEVAL, "w:gz")),
    "imagefolder, JSONL": ("data.zip", zip_of({**IMAGEFOLDER, "train/metadata.jsonl": METADATA.encode()})),
    "imagefolder, CSV": ("data", {**IMAGEFOLDER, "train/metadata.csv": METADATA_CSV.encode()}),
    "manifest by semicolons": (
        "data.zip",
        zip_of({**IMAGEFOLDER, "train/manifest.csv": METADATA_CSV.replace(",", ";").encode("utf-16")}),
    ),
    "img2dataset": ("img2dataset.zip", zip_of(IMG2DATASET)),
    "WebDataset shard": ("shard-000000.tar", SHARD),
    "WebDataset shards in a folder": ("shards", {f"shard-{at:06d}.tar": data for at, data in enumerate(HALVES)}),
    "WebDataset shards in a tar": ("shards.tar", tar_of(TWO_SHARDS)),
    "WebDataset shards in a tar.gz": (
        "s.tar.gz",
        tar_of(TWO_SHARDS, "w:gz"),
    ),
    "WebDataset shards in a zip": (
        "shards.zip",
        zip_of(TWO_SHARDS, zipfile.ZIP_DEFLATED),
    ),
    "Parquet of Hugging Face": ("train.parquet", parquet_of(hugging_face_rows(ORDER), row_group_size=3)),
    "Parquet in parts": (
        "data",
        {f"data/train-{at}.parquet": parquet_of(hugging_face_rows(ORDER[4 * at : 4 * at + 4])) for at in range(2)},
    ),
    "Parquet in a zip": ("data.zip", zip_of({"x.parquet": parquet_of(plain_rows())}, zipfile.ZIP_DEFLATED)),
    "Parquet with numbers": ("data.parquet", parquet_of(plain_rows(), compression="zstd")),
    "two layouts": (
        "two.zip",
        zip_of(
            {f"{p:05d}/{s}.png": image(p, s) for p, s in ORDER if p < 2}
            | {f"{PROMPTS[p]}_{s}.png": image(p, s) for p, s in ORDER if p >= 2}
        ),
    ),
}


def place(form: tuple[str, bytes | Files], folder: Path) -> Path:
    name, content = form
    path = folder / name
    if isinstance(content, bytes):
        path.write_bytes(content)
        return path
    for inside, data in content.items():
        (path / inside).parent.mkdir(parents=True, exist_ok=True)
        (path / inside).write_bytes(data)
    return path


@pytest.mark.parametrize("name", FORMS)
def test_every_image_lands_on_its_prompt(name: str, suite: Suite, tmp_path: Path) -> None:
    path = place(FORMS[name], tmp_path)
    upload = upload_receive(suite=suite, run_name="mine", generator="theirs", source=path)
    assert upload_check(upload=upload)
    run = upload_confirm(upload=upload)
    wanted = {
        bytes_sha256(image(p, s, image_format)): p for p, s in ORDER for image_format in ("PNG", "JPEG", "WEBP", "AVIF")
    }
    for files in (A1111, COMFY, INVOKE):
        wanted |= {bytes_sha256(data): p for data, (p, _) in zip(files.values(), ORDER, strict=True)}
    samples = list(run.samples.select_related("original", "prompt"))
    assert len(samples) == 8 and run.samples_per_prompt == SAMPLES
    for sample in samples:
        assert sample.original is not None and wanted[sample.original.sha256] == sample.prompt.number


def refused(form: tuple[str, bytes | Files], suite: Suite, tmp_path: Path) -> str:
    with pytest.raises(InputError) as error:
        upload_check(
            upload=upload_receive(suite=suite, run_name="mine", generator="theirs", source=place(form, tmp_path))
        )
    return error.value.message


def linked(kind: bytes, name: str = "a.png") -> bytes:
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, "/etc/passwd"
    return info.tobuf() + b"\0" * 1024


LONG_HEADER = tarfile.TarInfo("x")
LONG_HEADER.type, LONG_HEADER.size = tarfile.XHDTYPE, 2**31
HUGE = tarfile.TarInfo("huge.png")
HUGE.size = 2**32

BAD: dict[str, tuple[str, bytes | Files, str]] = {
    "7-Zip": ("x.7z", b"7z\xbc\xaf\x27\x1c" + b"\0" * 600, "it is a 7-Zip archive"),
    "bzip2": ("x.tar.bz2", tar_of(NUMBERED, "w:bz2"), "compressed with bzip2"),
    "gzip of an image": ("x.png.gz", gzip.compress(image(0, 0)), "a gzip file without a tar"),
    "text": ("x.tar", b"hello" * 300, "is not a zip, tar, tar.gz or Parquet file"),
    "a link": ("x.tar", linked(tarfile.SYMTYPE), "is a link"),
    "a device": ("x.tar", linked(tarfile.CHRTYPE), "is not a file"),
    "a path that climbs": ("x.tar", tar_of({"../x.png": b"x"}), "leaves its folder"),
    "an absolute path": ("x.tar", tar_of({"/x.png": b"x"}), "absolute path"),
    "twice": ("x.tar", tar_of({"x.png": b"1"})[:1024] + tar_of({"x.png": b"2"}), "occurs twice"),
    "case alone": ("x.tar", tar_of({"x.png": b"1", "X.png": b"2"}), "differs from"),
    "cut off": ("x.tar", tar_of(NUMBERED)[:3000], "can't be read as a tar"),
    "cut off, by gzip": ("x.tar.gz", tar_of(NUMBERED, "w:gz")[:-200], "can't be read as a tar"),
    "a header without end": ("x.tar", LONG_HEADER.tobuf() + b"\0" * 1024, "headers is too long"),
    "a bomb": ("x.tar.gz", gzip.compress(HUGE.tobuf() + b"\0" * 10**6), "more than 100 times"),
    "a broken shard": ("x.zip", zip_of({"a.tar": b"no tar" * 200}), "a.tar in x.zip can't be read as a tar"),
    "a broken Parquet file": ("x.parquet", b"PAR1" + b"x" * 100, "the Parquet file is damaged"),
    "Parquet without prompts": (
        "x.parquet",
        parquet_of([{"image": image(0, 0), "score": 1}]),
        "x.parquet has no column for the prompts",
    ),
    "Parquet without images": ("x.parquet", parquet_of([{"text": "a fox"}]), "has no images"),
    "Parquet with two columns of bytes": (
        "x.parquet",
        parquet_of([{"one": b"x", "two": b"x", "text": "a fox"}]),
        "several columns of bytes: one, two",
    ),
    "a data set of Hugging Face's own form": ("x", {"data-00000-of-00001.arrow": b"x" * 99}, "write it as Parquet"),
    "images as text in a table": (
        "x",
        {"images.jsonl": json.dumps({"prompt": "a fox", "image": "iVBORw0KGgo" * 2_000}).encode()},
        "base64 in images.jsonl, are not read",
    ),
    "an archive that is not opened": ("x.zip", zip_of({"a.7z": b"7z\xbc\xaf\x27\x1c"}), "a.7z is not opened"),
    "a zip inside with a path that climbs": (
        "x.zip",
        zip_of({"a.zip": zip_of({"../x.png": b"x"})}),
        "leaves its folder",
    ),
    "a broken zip inside": ("x.zip", zip_of({"a.zip": b"PK\x03\x04" * 20}), "a.zip in x.zip can't be read as a zip"),
    "two shards with one name in other case": ("x", {"a.tar": SHARD, "A.TAR": SHARD}, "differs from"),
}


@pytest.mark.parametrize("name", BAD)
def test_what_can_not_be_taken_is_refused_in_one_sentence(name: str, suite: Suite, tmp_path: Path, media: Path) -> None:
    *form, told = BAD[name]
    message = refused((form[0], form[1]), suite, tmp_path)  # type: ignore[arg-type]
    assert told in message and "Traceback" not in message
    assert nothing_is_kept(media)


def test_broken_rows_are_problems_and_the_rest_goes_in(suite: Suite, tmp_path: Path) -> None:
    rows = plain_rows()
    rows[1]["png"], rows[3]["png"] = None, b"no image"
    path = place(("x.parquet", parquet_of(rows, row_group_size=2)), tmp_path)
    upload = upload_receive(suite=suite, run_name="mine", generator="theirs", source=path)
    assert upload_check(upload=upload)
    run = upload_confirm(upload=upload, options={"ignore_problems": True, "allow_missing": True})
    assert run.samples.count() == 6


def test_a_check_goes_on_in_the_middle_of_a_parquet_file(tmp_path: Path) -> None:
    rows: list[dict[str, object]] = [{"image": bytes([at]) * 20, "text": f"{at}"} for at in range(20)]
    path = place(("x.parquet", parquet_of(rows, row_group_size=7)), tmp_path)
    with open_archive(path) as archive:
        names = archive.in_order([entry.name for entry in archive.entries])
        for at in (13, 14, 19, 2, 3, 0, 19):
            assert archive.read(names[at], 100) == bytes([at]) * 20
        assert len(archive.read(names[0], 5)) == 6


def test_an_archive_inside_that_is_not_opened_is_named(suite: Suite, tmp_path: Path) -> None:
    path = place(("x.zip", zip_of({**NUMBERED, "more.7z": b"7z", "deep.zip": zip_of({"a.zip": b"PK"})})), tmp_path)
    upload = upload_receive(suite=suite, run_name="mine", generator="theirs", source=path)
    upload_check(upload=upload)
    notes = "; ".join(upload.summary["notes"])
    assert "more.7z is not opened" in notes and "deep.zip/a.zip is not opened" in notes


def test_nothing_of_a_shard_stays(suite: Suite, tmp_path: Path, media: Path) -> None:
    path = place(FORMS["WebDataset shards in a zip"], tmp_path)
    upload = upload_receive(suite=suite, run_name="mine", generator="theirs", source=path)
    upload_check(upload=upload)
    upload_confirm(upload=upload)
    assert not list((media / "uploads").iterdir())
    assert Upload.objects.get().status == Upload.Status.DONE and GenerationRun.objects.count() == 1


def test_a_long_log_beside_images_is_no_reason_to_refuse_them(
    suite: Suite, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("evaluation.services.uploads.beside.MOST_BYTES", 1_000)
    monkeypatch.setattr("evaluation.services.uploads.beside.MAX_LIST_BYTES", 1_500)
    log = "".join(f"drawing: {PROMPTS[p]}\n" for p in (3, 2, 1, 0)).encode()
    for name, more, questions in (("short", 0, 1), ("long", 5_000, 0)):
        files = {f"{p}.png": image(p, 0) for p in range(4)} | {"run.log": log + b"x" * more}
        path = place((f"{name}.zip", zip_of(files)), tmp_path)
        upload = upload_receive(suite=suite, run_name=name, generator="theirs", source=path)
        assert upload_check(upload=upload)
        assert [each["option"] for each in upload.summary["questions"]] == ["order"] * questions
