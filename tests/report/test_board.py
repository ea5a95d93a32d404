"""The still picture of a state."""

from __future__ import annotations

import xml.etree.ElementTree as ET

import pytest

from serpentune.game import Move, State
from serpentune.report import board_svg

SVG = "{http://www.w3.org/2000/svg}"


def test_picture_is_xml_of_the_right_size_with_the_head_up_where_y_grows() -> None:
    state = State(5, 4, body=(17, 12, 11), apple=0, direction=Move.UP)
    picture = ET.fromstring(board_svg(state, cell=10))
    assert (picture.get("width"), picture.get("height")) == ("50", "40")
    line = picture.find(f"{SVG}polyline")
    assert line is not None and line.get("points", "").split()[:3] == ["2.5,0.5", "2.5,1.5", "1.5,1.5"]
    apple = picture.findall(f"{SVG}circle")[0]
    assert (apple.get("cx"), float(apple.get("cy", "0"))) == ("0.5", pytest.approx(3.54))


def test_full_board_has_no_apple_and_a_fatal_move_has_a_cross() -> None:
    full = State(4, 4, body=tuple(range(16)), apple=-1, direction=Move.LEFT)
    circles = ET.fromstring(board_svg(full)).findall(f"{SVG}circle")
    assert len(circles) == 3
    dead = ET.fromstring(board_svg(full, fatal=Move.LEFT))
    assert len(dead.findall(f"{SVG}path")) == len(ET.fromstring(board_svg(full)).findall(f"{SVG}path")) + 1


def test_impossible_pictures_are_refused() -> None:
    state = State(4, 4, body=(5,), apple=0, direction=None)
    with pytest.raises(ValueError, match="too small"):
        board_svg(state, cell=1)
    with pytest.raises(ValueError, match="EMPTY"):
        board_svg(state, fatal=Move.EMPTY)
