"""Lists of files beside images, and the layouts that they speak for."""

import pytest

from generators.filenames.filelist import FileEntry, FileListError, find_file_lists, parse_file_list
from generators.filenames.layout import PromptRef, Reading, Said, match_files

PROMPTS = [PromptRef("00000", "A red car."), PromptRef("00001", "A blue, old bird."), PromptRef("00002", "Two dogs")]


def test_csv_tsv_and_jsonl_say_the_same() -> None:
    expected = [FileEntry("a.png", 0, "A red car.", 1), FileEntry("b/c.png", 1, "A blue, old bird.", None)]
    csv = b"\xef\xbb\xbfFile Name,Prompt ID,Caption,sample,note\na.png,00000,A red car.,1.0,x\n"
    csv += b'b/c.png,1,"A blue, old bird.",,y\n'
    assert parse_file_list(csv, "manifest.csv") == expected
    tsv = b"path\tindex\ttext\tsample_index\na.png\t0\tA red car.\t1\nb/c.png\t1\tA blue, old bird.\t\n"
    assert parse_file_list(tsv, "metadata.tsv") == expected
    jsonl = b'{"file_name": "a.png", "prompt_id": "00000", "text": "A red car.", "sample": 1}\n\n'
    jsonl += b'{"file_name": "b/c.png", "prompt_id": 1, "text": "A blue, old bird."}'
    assert parse_file_list(jsonl, "metadata.jsonl") == expected


def test_a_prompt_column_of_numbers_holds_numbers() -> None:
    assert parse_file_list(b"file,prompt\na.png,3\nb.png,4\n", "manifest.csv")[0] == FileEntry("a.png", 3)


@pytest.mark.parametrize(
    ("data", "name", "message"),
    [
        (b"", "manifest.csv", "manifest.csv names no file"),
        (b"file,prompt\n\xff\xfe,1\n", "manifest.csv", "byte 12 of the file"),
        (
            b"fil,prompt\na.png,1\n",
            "manifest.csv",
            'no column for the files: call it file; did you mean "file"? Its columns: fil, prompt',
        ),
        (
            b"file,sample\na.png,1\n",
            "manifest.csv",
            "no column for the prompts: call it prompt_id (number) or prompt (text)",
        ),
        (
            b"file,prompt_id\na.png,one\n",
            "manifest.csv",
            'manifest.csv, line 2: "one" in column prompt_id is not a whole number',
        ),
        (b"file,prompt_id,sample\na.png,1,-1\n", "manifest.csv", '"-1" in column sample'),
        (b"file,prompt_id\n,1\n", "manifest.csv", "line 2: column file is empty"),
        (b"file,prompt\na.png,1\nb.png,\n", "manifest.csv", "line 3: neither a prompt number nor a prompt text"),
        (b'file,prompt\na.png,"open', "manifest.csv", "manifest.csv: Line 2: the quotation marks do not pair"),
        (
            b'{"file": "a.png", "prompt": "x"}\n{oops\n{"file": "b.png", "prompt": "x"}\n',
            "manifest.jsonl",
            "line 2: this is not JSON",
        ),
        (b"[1]\n", "manifest.jsonl", "line 1 is not a JSON object"),
    ],
)
def test_a_bad_list_is_refused_with_row_and_column(data: bytes, name: str, message: str) -> None:
    with pytest.raises(FileListError) as caught:
        parse_file_list(data, name)
    assert message in str(caught.value)


def test_the_list_nearest_to_the_top_is_found() -> None:
    names = ["__MACOSX/manifest.csv", "run/deep/manifest.csv", "run/Manifest.CSV", "run/metadata.jsonl", "run/0.png"]
    assert find_file_lists(names) == ["run/Manifest.CSV", "run/deep/manifest.csv"]
    assert find_file_lists(["x/0.png"]) == []


def test_the_list_speaks_for_the_names() -> None:
    names = ["up/x1.png", "up/sub/X2.PNG", "up/other.png"]
    entries = [
        FileEntry("x1.png", None, "a red car", 0),
        FileEntry("sub\\x2.png", 0, "", 1),
        FileEntry("gone.png", 1, "", 0),
    ]
    matches = match_files(names, PROMPTS, Said(entries), Reading())
    assert [(row.name, row.prompt_id, row.sample, row.problem) for row in matches.rows] == [
        ("up/x1.png", "00000", 0, ""),
        ("up/sub/X2.PNG", "00000", 1, ""),
        ("up/other.png", None, None, "not named in the list"),
        ("gone.png", None, None, "named in the list, and is not there"),
    ]


def test_a_list_without_samples_numbers_them_in_order() -> None:
    entries = [FileEntry(f"{name}.png", None, "two dogs") for name in ("b", "a", "c10", "c9")]
    matches = match_files(["a.png", "b.png", "c9.png", "c10.png"], PROMPTS, Said(entries), Reading())
    assert [(row.name, row.sample) for row in matches.rows] == [
        ("a.png", 0),
        ("b.png", 1),
        ("c9.png", 2),
        ("c10.png", 3),
    ]


def test_another_suites_list_is_noticed() -> None:
    entries = [FileEntry("a.png", 0, "A red car.", 0), FileEntry("b.png", 1, "A green boat.", 0)]
    matches = match_files(["a.png", "b.png"], PROMPTS, Said(entries), Reading())
    assert matches.rows[0].prompt_id == "00000"
    assert matches.rows[1].problem == 'the list gives it the prompt "A green boat.", which is not in the suite'
    swapped = match_files(
        ["a.png", "b.png"],
        PROMPTS,
        Said([FileEntry("a.png", 0, "A red car."), FileEntry("b.png", 1, "Two dogs")]),
        Reading(),
    )
    # One file says that numbers count from 0, the other agrees with neither count.
    assert swapped.rows[0].prompt_id == "00000"
    assert "do not agree" in swapped.rows[1].problem


def test_a_name_that_the_list_leaves_in_doubt() -> None:
    names = ["x/0.png", "y/0.png"]
    matches = match_files(names, PROMPTS, Said([FileEntry("0.png", 0, "", 0)]), Reading())
    assert matches.rows[-1].problem == "named in the list, and fits x/0.png and y/0.png"
    assert matches.matched == ()


def test_a_runs_own_manifest_is_certain_of_its_numbers() -> None:
    lines = (
        b'{"kind": "session", "generator": "x"}\n'
        b'{"kind": "image", "key": "k", "prompt_id": "00001", "prompt": "A blue, old bird.", "sample": 0, '
        b'"file": "00001/0.png"}\n'
        b'{"kind": "failure", "key": "l", "prompt_id": "00002", "prompt": "Two dogs", "sample": 0}\n'
        b'{"kind": "image", "key": "m", "prom'
    )
    entries = parse_file_list(lines, "manifest.jsonl")
    assert entries == [FileEntry("00001/0.png", 1, "A blue, old bird.", 0, certain=True)]
    matches = match_files(
        ["run/00001/0.png"], [PromptRef("00000", ""), PromptRef("00001", "")], Said(entries), Reading()
    )
    assert matches.questions == () and matches.rows[0].prompt_id == "00001"
