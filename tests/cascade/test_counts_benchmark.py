"""The cascade's benchmark: what is measured is what it says, and a peer that is not there is told, not fatal."""

import re
from multiprocessing import Pipe
from pathlib import Path

import pytest
import torch

from benchmarks import _cascade_nets as nets
from benchmarks import cascade
from common.places import CHECKOUT
from generators.cascade.configs import IMAGEN_MINI, STAGES
from generators.cascade.counts import count
from generators.cascade.variants import variant_of


def served(contender: nets.Contender, *works: str) -> list[object]:
    """What a contender's process would send, served here."""
    ours, theirs = Pipe()
    threads = torch.get_num_threads()
    for work in (*works, None):
        ours.send(work)
    try:
        nets.serve(theirs, contender, 1, "cpu", 1)
    finally:
        torch.set_num_threads(threads)
    answers: list[object] = []
    while ours.poll():
        answers.append(ours.recv())
    ours.close()
    theirs.close()
    return answers


def test_a_contender_tells_its_size_and_its_times() -> None:
    facts, forward, step = served(nets.Contender("own", "own", "imagen-mini", "sr256"), "forward", "train")
    assert isinstance(facts, nets.Facts) and isinstance(forward, float) and isinstance(step, float)
    wanted = count(IMAGEN_MINI.sr256, IMAGEN_MINI.text)
    assert facts.parameters == wanted.parameters
    assert facts.flop == pytest.approx(wanted.flop, rel=0.02)
    assert forward > 0 and step > 0 and facts.train_mb >= 0


def test_a_peer_that_is_not_installed_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(nets, "FOLDER", tmp_path)
    contenders = [held for held in cascade.peers("imagen-mini", "base") if held.library != "own"]
    assert len(contenders) == 3
    for contender in contenders:
        (told,) = served(contender)
        assert "not installed" in str(told) and "benchmarks/requirements-cascade-peers.txt" in str(told)


def test_rows_that_failed_are_shown_beside_the_others(capsys: pytest.CaptureFixture[str]) -> None:
    figures = {"parameters": 2e6, "flop": 3e9, "forward": 0.5, "forward_ratio": 1.0, "train": 2.0, "train_ratio": 1.0}
    rows: list[cascade.Row] = [
        {"who": "own", **figures, "forward_mb": 10.0, "train_mb": 20.0},
        {"who": "peer", "why": "not installed"},
    ]
    cascade.show("a stage", rows, 12e9, "CPU-s")
    told = capsys.readouterr().out
    assert "| own | 2.00 M | 3.0 | 0.5 | 50% | 1.00 | 2 | 38% | 1.00 | 10 MB | 20 MB |" in told
    assert "| peer | not installed |" in told


def test_what_is_compared() -> None:
    titles = {title: [contender.who for contender in held] for title, held in cascade.jobs(cascade.SECTIONS, None)}
    assert titles["imagen-mini: stages, whole images"] == list(STAGES)
    assert titles["imagen-small: the 256 stage, parameters matched"][:2] == ["efficient", "standard"]
    assert titles["imagen-mini: the 256 stage, and its peers"][0] == "own"
    for who in cascade.shapes("imagen-mini"):
        assert variant_of(IMAGEN_MINI, who.variant).size == 256


@pytest.mark.parametrize("bad", [["--batch", "0"], ["--device", "tpu"], ["--cascades", "imagen"], ["--repeats", "-1"]])
def test_bad_input(bad: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        cascade.main(bad)
    assert stopped.value.code == 2 and "error:" in capsys.readouterr().err


def test_the_peers_are_pinned_and_say_why() -> None:
    lines = (CHECKOUT / "benchmarks" / "requirements-cascade-peers.txt").read_text().splitlines()
    wanted = [line for line in lines if not line.startswith("#")]
    assert wanted and all(re.fullmatch(r"[A-Za-z0-9_.-]+==[0-9][0-9a-z.]*\s+# .{5,}", line) for line in wanted)
