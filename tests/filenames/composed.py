"""Sets of images composed from known truth: how numbers and texts stand in names, what lies beside, what disturbs."""

from __future__ import annotations

import json
import random
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from generators.filenames.layout import PromptRef

Names = dict[str, int | None]
"""Image -> position of its prompt, None where it is no sample and may land nowhere."""

POOL = (
    *("A red coloured car.", "a red fox in the snow", "a grey heron by a pond", "moss on a stone wall at dawn"),
    *("an old lighthouse", "an old lighthouse at night, painted", "3 cats", "1984", "resume", "r\u00e9sum\u00e9"),
    *(
        "a sign that says 'Caf\u00e9, 24h'",
        "a clock showing 12:30",
        "a \N{FOX FACE}",
        "a \N{CAT FACE}",
        "\u732b\u306e\u7d75",
    ),
    *(
        "\u05d7\u05ea\u05d5\u05dc \u05e2\u05dc \u05d2\u05d2",
        "two cats and a dog",
        "two cats and a dog on a very long street",
    ),
    *("a poster of year 1", "a poster of year 2", "A yellow bus", "a grid of windows", "Version 2.0 of a robot", "One"),
    *("a green bench and a blue bowl", 'a "quoted" word; a semicolon', "x-ray of a hand", "a photo of a sample 3"),
)


@dataclass
class Composed:
    """One set. `texts`: names of others -> what stands in them. `answers`: what is true, for questions."""

    prompts: list[PromptRef]
    names: Names
    texts: dict[str, str] = field(default_factory=dict)
    answers: dict[str, str] = field(default_factory=dict)
    how: str = ""

    @property
    def all_names(self) -> list[str]:
        return [*self.names, *self.texts]


def slugs(rng: random.Random) -> Callable[[str], str]:
    """A way in which programs make file names of texts."""
    cut = rng.choice([0, 0, 0, 20, 40])
    ways: tuple[Callable[[str], str], ...] = (
        lambda text: text.replace("/", "_"),
        lambda text: "".join(each if each.isalnum() else "_" for each in text),
        lambda text: "-".join("".join(each if each.isalnum() else " " for each in text).split()),
        lambda text: "".join(each for each in text if each not in '<>:"/\\|?*'),
        lambda text: unicodedata.normalize("NFD", text),
    )
    way = rng.choice(ways)
    return lambda text: (way(text)[:cut] if cut else way(text)).strip(" .")


def composed(seed: int) -> Composed:
    """The set of this seed."""
    rng = random.Random(seed)
    texts = rng.sample(POOL, rng.randint(4, 20))
    if rng.random() < 0.15:
        texts.insert(rng.randrange(len(texts)), texts[0])
    prompts = [PromptRef(f"{at:05d}", text) for at, text in enumerate(texts)]
    shown = list(range(len(texts)))
    if rng.random() < 0.3:
        shown = sorted(rng.sample(shown, rng.randint(2, len(shown))))
    samples = rng.randint(1, 4)
    family = rng.choice((by_number, by_text, by_list, by_captions, by_order, by_program))
    made = Composed(prompts, {}, how=family.__name__)
    family(made, rng, [(at, sample) for at in shown for sample in range(samples)])
    disturbed(made, rng)
    return made


def labels(rng: random.Random) -> Callable[[int, int], int]:
    """(prompt, sample) -> the number in a sample's place."""
    seeds = rng.sample(range(20_000, 10**9), 8)
    return rng.choice([lambda _, s: s, lambda _, s: s + 1, lambda _, s: seeds[s], lambda p, s: seeds[s] + p])


def by_number(made: Composed, rng: random.Random, places: list[tuple[int, int]]) -> None:
    one = len({sample for _, sample in places}) == 1
    base, digits, label = rng.choice([0, 1]), rng.choice([1, 3, 5]), labels(rng)
    forms = {
        "prompt/sample": (
            "{n}/{s}.png",
            "{n}/img_{s}.png",
            "{n}/samples/{s:04d}.png",
            "prompt_{n}/{s}.jpg",
            "{n}/{n}_{s}.png",
        ),
        "prompt_sample": ("{n}_{s}.png", "{n}-{s}.webp", "prompt{n}_sample{s}.png", "{n} ({s}).png"),
        "sample/prompt": ("sample_{s}/{n}.png", "seed {s}/{n}.png", "{s}/{n}.png"),
        "sample_prompt": ("{s}_{n}.png", "seed{s}_{n}.png", "sample_{s}_{n}.jpg"),
        **({"prompt": ("{n}.png", "images/{n}.PNG")} if one else {}),
    }
    if len({sample for _, sample in places}) >= len(made.prompts):  # a whole set, read the documented way
        del forms["sample_prompt"]
        forms["sample/prompt"] = forms["sample/prompt"][:2]
    layout = rng.choice(list(forms))
    form = rng.choice(forms[layout])
    made.answers = {
        "numbering": ("from_zero", "from_one")[base],
        "layout": layout,
        "captions": "ignore",
        "order": "suite",
    }
    for at, sample in places:
        made.names[form.format(n=f"{at + base:0{digits}d}", s=label(at, sample))] = at
    made.how += f": {form} from {base}"


def by_text(made: Composed, rng: random.Random, places: list[tuple[int, int]]) -> None:
    slug, label = slugs(rng), labels(rng)
    one = len({sample for _, sample in places}) == 1
    numbered = rng.random() < 0.2
    form = rng.choice(["{t}/{s}.png", "{t}_{s}.png", "{t} ({s}).png", *(["{t}.png", "img/{t}.jpg"] if one else [])])
    base = rng.choice([0, 1])
    made.answers = {"numbering": ("from_zero", "from_one")[base] if numbered else "texts", "captions": "ignore"}
    for at, sample in places:
        text = slug(made.prompts[at].text)
        text = f"{at + base:04d}_{text}" if numbered else text
        name = form.format(t=text, s=label(at, sample))
        made.names[name] = None if name in made.names else at  # written over: nobody can know
    made.how += f": {form}"
    for name in [name for name, at in made.names.items() if at is None]:
        del made.names[name]


def _running(made: Composed, rng: random.Random, places: list[tuple[int, int]], form: str) -> list[tuple[str, int]]:
    order = places[:]
    if rng.random() < 0.8:
        rng.shuffle(order)
    named = [(form.format(i=at, j=at + 1), prompt) for at, (prompt, _) in enumerate(order)]
    made.names.update(named)
    return named


def by_list(made: Composed, rng: random.Random, places: list[tuple[int, int]]) -> None:
    form = rng.choice(
        ["{i:05d}.png", "train/{i:04d}.jpg", "img_{j}.png", "ComfyUI_{j:05d}_.png", "{i:05d}-{j:07d}9.png"]
    )
    named = _running(made, rng, places, form)
    folder = form.rpartition("/")[0]
    prefix = rng.choice(["", "", "/home/me/out/", "C:\\out\\", "./"])
    rows = [(prefix + name.rpartition("/")[2], made.prompts[at].text, at) for name, at in named]
    separator = rng.choice(",;\t|")

    def cell(text: object) -> str:
        return '"' + str(text).replace('"', '""') + '"'

    def table(heads: tuple[str, ...], *columns: int) -> str:
        lines = [separator.join(cell(row[column]) for column in columns) for row in rows]
        return "\r\n".join([separator.join(heads), *lines] if heads else lines)

    forms = {
        "manifest.csv": lambda: table(("file", "prompt"), 0, 1),
        "metadata.csv": lambda: table(("text", "file_name"), 1, 0),
        "metadata.jsonl": lambda: "\n".join(json.dumps({"file_name": file, "text": text}) for file, text, _ in rows),
        "results.json": lambda: json.dumps({file: {"prompt": text, "seed": 3} for file, text, _ in rows}),
        "all.json": lambda: json.dumps({"images": [{"img_path": file, "caption": text} for file, text, _ in rows]}),
        "captions.csv": lambda: table((), 0, 1),
        "labels.tsv": lambda: table(("image_name", "description"), 0, 1),
        "captions.txt": lambda: "\n".join(f"{file}\t{text}" for file, text, _ in rows),
        "ids.csv": lambda: table(("prompt_id", "file"), 2, 0),
    }
    chosen = rng.choice(list(forms))
    made.texts["/".join(filter(None, (folder, chosen)))] = forms[chosen]()
    made.answers = {"captions": "use", "numbering": "from_zero"}
    made.how += f": {form} in {chosen}"


def by_captions(made: Composed, rng: random.Random, places: list[tuple[int, int]]) -> None:
    stem = rng.choice(["{i:09d}", "a/{i:05d}", "{i}.image", "images/{i:04d}", "x y {j}"])
    named = _running(made, rng, places, stem + rng.choice([".png", ".jpg", ".PNG"]))
    ending = rng.choice([".txt", ".json", ".caption", ".yaml"])
    for name, at in named:
        text = made.prompts[at].text
        place = name.rpartition(".")[0].removesuffix(".image")
        if place.startswith("images/"):
            place = place.replace("images/", rng.choice(["captions/"]))
        content = {".json": json.dumps({"params": {"prompt": text}, "seed": 1}), ".yaml": f"seed: 1\nprompt: {text}\n"}
        made.texts[place + ending] = content.get(ending, text)
    made.answers = {"captions": "use", "numbering": "from_zero"}
    made.how += f": {stem} with {ending}"


def by_order(made: Composed, rng: random.Random, places: list[tuple[int, int]]) -> None:
    """Numbered by a list of prompts that has an order of its own."""
    order = list(dict.fromkeys(at for at, _ in places))
    rng.shuffle(order)
    texts = [made.prompts[at].text for at in order]
    form = rng.choice(["{n:05d}/{s}.png", "{n:04d}_{s}.png"])
    for at, sample in places:
        made.names[form.format(n=order.index(at), s=sample)] = at
    lists = {
        "prompts.txt": "\n".join(texts),
        "prompts.json": json.dumps(texts),
        "prompts.jsonl": "\n".join(json.dumps({"prompt": text}) for text in texts),
        "evaluation.json": json.dumps([{"id": number, "text": text} for number, text in enumerate(texts)]),
    }
    chosen = rng.choice(list(lists))
    made.texts[chosen] = lists[chosen]
    made.answers = {"order": "list", "numbering": "from_zero", "captions": "ignore", "layout": "prompt_sample"}
    if "/" in form:
        made.answers["layout"] = "prompt/sample"
    made.how += f": {form} by {chosen}"


def by_program(made: Composed, rng: random.Random, places: list[tuple[int, int]]) -> None:
    """Names that programs and services give, which count images or hold the text amid other things."""
    uuid = "3f2a{i:04d}-aaaa-4bbb-8ccc-1234567890ab"
    form = rng.choice(
        ["{i:05d}-{seed}.png", "ComfyUI_{j:05d}_.png", "image ({j}).png", "{i:06d}.1a2b3c4d.{seed}.png"]
        + ["user_{slug}_" + uuid + ".png", "some_one_{slug}_" + uuid + "_{s}.png"]
        + ["DALL\N{MIDDLE DOT}E 2023-10-11 10.11.{i:02d} - {text}.png"]
    )
    for i, (at, s) in enumerate(places):
        text = made.prompts[at].text
        slug = "".join(each if each.isalnum() else "_" for each in text)
        seed = 31415926 + 7 * i
        made.names[form.format(i=i, j=i + 1, seed=seed, slug=slug, text=text.replace("/", ""), s=s % 4)] = at
    made.answers = {"captions": "ignore"}
    made.how += f": {form}"


def disturbed(made: Composed, rng: random.Random) -> None:
    """With folders around it, and files that say nothing."""
    noise: dict[str, str] = {
        "README.md": "# Images\nof a run",
        "log.txt": "loading model\nstep 1 of 20\nstep 2 of 20\n",
        "stats.json": json.dumps({"count": 8, "successes": 8, "seconds": 1.5}),
        "model_index.json": json.dumps({"_class_name": "StableDiffusionPipeline", "unet": ["diffusers", "UNet"]}),
        "scores.csv": "file,clip\n" + "\n".join(f"{name},0.31" for name in made.names),
        "LICENSE": "MIT",
        "Thumbs.db": "x",
        "__MACOSX/._00000.png": "x",
        ".DS_Store": "x",
    }
    for name in rng.sample(list(noise), rng.randint(0, 3)):
        made.texts.setdefault(name, noise[name])
    if rng.random() < 0.3:
        made.names[rng.choice(["grid.png", "grid-0000.png", "contact_sheet.jpg", "00000_grid.png"])] = None
    wrap = rng.choice(["", "", "run 5/", "2024-01-15/", "out/images/", "./"])
    made.names = {wrap + name: at for name, at in made.names.items()}
    made.texts = {wrap + name: text for name, text in made.texts.items()}


def read_of(made: Composed) -> Mapping[str, bytes]:
    return {name: text.encode() for name, text in made.texts.items()}
