"""Names that may and may not be a stem's file."""

from __future__ import annotations

import subprocess
import sys

import pytest

from workbench.errors import InvalidType, InvalidValue
from workbench.io.names import MAX_NAME_BYTES, check_file_stem
from workbench.io.stem_names import choose_stem_names


@pytest.mark.parametrize(
    "name", ["vocals", "mixture", "remainder", "lead guitar", "808", "côté", "歌", "a.b", "console", "com10"]
)
def test_ordinary_names_come_back_as_they_are(name):
    assert check_file_stem(name) == name


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("", "empty"),
        ("  ", "empty"),
        ("../vocals", "'/'"),
        ("a/b", "'/'"),
        ("/etc", "'/'"),
        ("a\\b", "'\\\\\\\\'"),
        ("..", "'..'"),
        ("a..b", "'..'"),
        (".hidden", "dot"),
        ("vocals.", "dot"),
        ("vocals ", "space"),
        ("a\nb", "control"),
        ("a\x00b", "control"),
        ("a\x7fb", "control"),
        ("a\u2028b", "control"),
        ("a\udc80b", "control"),
        ("slacov\u202e", "direction"),
        ("c:vocals", "':'"),
        ("what?", "'\\?'"),
        ("CON", "Windows"),
        ("nul.stem", "Windows"),
        ("Lpt1", "Windows"),
        ("COM¹", "Windows"),
        ("é" * (MAX_NAME_BYTES // 2 + 1), "bytes"),
    ],
)
def test_names_that_cannot_be_files_are_refused_with_the_reason(name, reason):
    with pytest.raises(InvalidValue, match=reason) as caught:
        check_file_stem(name)
    assert "\n" not in str(caught.value)


def test_something_that_is_no_string_is_a_type_error():
    # Through the attribute, past jaxtyping's check, as a caller without pytest would meet it.
    with pytest.raises(InvalidType, match="got int"):
        getattr(check_file_stem, "__wrapped__", check_file_stem)(7)


def test_stem_names_are_safe_unique_and_follow_musdb18():
    assert choose_stem_names(None, count=4) == ["drums", "bass", "other", "vocals"]
    assert choose_stem_names(None, count=2) == ["stem_1", "stem_2"]
    assert choose_stem_names(["Drums", "Vox"], count=2) == ["drums", "vocals"]
    given = ["Synth", "synth", "A/B: C", "../..", "con", "Mixture", "Remainder"]
    chosen = choose_stem_names(given, count=len(given))
    assert chosen == ["synth", "synth_2", "a_b_ c", "stem_4", "stem_5", "mixture_2", "remainder_2"]
    assert [check_file_stem(name) for name in chosen] == chosen


def test_metadata_for_another_number_of_stems_is_left_aside_with_a_notice():
    with pytest.warns(UserWarning, match="names 1 stems, but 2"):
        assert choose_stem_names(["voice"], count=2) == ["stem_1", "stem_2"]


def test_checking_a_name_loads_nothing_heavy():
    program = (
        "import sys, workbench.io, workbench.io.names, workbench.io.stem_names; "
        "print([name for name in ('torch', 'numpy', 'soundfile', 'av', 'soxr') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
