"""What recruitment sites put into addresses: ids that are some, and all that only looks like it. Pure."""

from __future__ import annotations

import pytest

from evaluation.recruiting import (
    PARTICIPANT_NAMES,
    PLATFORMS,
    SESSION_NAMES,
    STUDY_NAMES,
    ids_of,
    link_with,
    new_code,
    pasted,
    return_link,
)

REAL = ("5f3c1e0a9b8d7c6e5f4a3b2c", "A1B2-C3", "p_12", "someone@example.org", "P 12", "Jürgen", "0")
PLACEHOLDERS = (
    *("{{%PROLIFIC_PID%}}", "{{PID}}", "{%PID%}", "{PID}", "%PID%", "${participantId}", "[[ID]]", "<participant>"),
    *("PROLIFIC_PID", "participantid", "undefined", "null", "None", "NaN", "$PID", "`id`", "*|ID|*"),
)


@pytest.mark.parametrize("name", PARTICIPANT_NAMES)
def test_real_ids_are_taken_under_every_name_in_any_case(name: str) -> None:
    for value in REAL:
        for written in (name, name.lower(), name.upper()):
            assert ids_of({written: [f" {value} "]}).participant == value
            assert not ids_of({written: [value]}).fault


@pytest.mark.parametrize("name", [*PARTICIPANT_NAMES, *SESSION_NAMES, *STUDY_NAMES])
def test_placeholders_empty_and_doubled_ids_are_faults_wherever_they_stand(name: str) -> None:
    others = {"participant": ["p1"]} if name not in PARTICIPANT_NAMES else {}
    for value in PLACEHOLDERS:
        found = ids_of({**others, name: [value]})
        assert found.fault == f"In its address, {name} is a placeholder that nobody has filled in, as in a preview.", (
            value
        )
        assert not found.participant and not found.session
    assert ids_of({**others, name: ["  "]}).fault == f"In its address, {name} is empty."
    assert ids_of({**others, name: ["a", "a"]}).fault == f"In its address, {name} is there more than once."
    assert "at most 200" in ids_of({**others, name: ["x" * 201]}).fault


def test_one_id_under_two_names_or_in_two_cases_is_doubled() -> None:
    assert "both there" in ids_of({"PROLIFIC_PID": ["a"], "participant": ["b"]}).fault
    assert "both there" in ids_of({"participant": ["a"], "SESSION_ID": ["s"], "session": ["t"]}).fault
    assert "more than once" in ids_of({"PROLIFIC_PID": ["a"], "prolific_pid": ["b"]}).fault


def test_other_parameters_are_nobodys_business() -> None:
    assert ids_of({"lang": ["de"], "utm": ["{{x}}"]}) == ids_of({})


def test_each_sites_own_address_unfilled_is_a_preview() -> None:
    """What is pasted, opened as it is, never makes a rater: it has a placeholder, or no id where one is needed."""
    for platform in PLATFORMS.values():
        query = pasted(platform.name, "https://x.org/r/join/KEY").partition("?")[2]
        found = ids_of({name: [value] for name, _, value in (part.partition("=") for part in query.split("&") if part)})
        assert found.fault or not found.participant, platform.name


def test_addresses_and_codes() -> None:
    assert pasted("prolific", "https://x.org/r/join/K") == (
        "https://x.org/r/join/K?PROLIFIC_PID={{%PROLIFIC_PID%}}&STUDY_ID={{%STUDY_ID%}}&SESSION_ID={{%SESSION_ID%}}"
    )
    assert (
        pasted("connect", "https://x.org/r/join/K") == pasted("", "https://x.org/r/join/K") == "https://x.org/r/join/K"
    )
    assert return_link("prolific", "ABC") == "https://app.prolific.com/submissions/complete?cc=ABC"
    assert return_link("connect", "ABC") == return_link("", "ABC") == return_link("prolific", "") == ""
    assert link_with("https://a.org/?cc=ABC", "ABC", "XYZ") == "https://a.org/?cc=XYZ"
    assert link_with("https://a.org/done", "ABC", "XYZ") == link_with("https://a.org/?cc=ABC", "ABC", "") == ""
    assert len({new_code() for _ in range(200)}) == 200
