"""A watched game as a file: the page replays it, shows what was thought of each move, and marks what differs."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from serpentune.common.errors import UserError
from serpentune.evaluation import FunctionPlayer, TeacherPlayer
from serpentune.evaluation.play import Opening
from serpentune.evaluation.watch import WatchedGame
from serpentune.game import MOVE_LETTERS, Move, State, States, states_before
from serpentune.report import check_game_file, save_game
from serpentune.teachers import BFS
from tests.report.opened import Opened
from tests.report.parsed import Page
from tests.report.players import UNRULY


def answer(state: State) -> str:
    """BFS's move, or on some cells the last legal one, with a lie, a true sentence and nonsense as its reasons."""
    decision = BFS.decide(state)
    move = decision.legal_moves[-1] if decision.legal_moves and state.head % 4 == 0 else decision.move
    lie = "The legal moves are UP, RIGHT, DOWN and LEFT."
    return f" {MOVE_LETTERS[move]}\n{lie} {BFS.explain(state)} {UNRULY}"


@pytest.fixture(scope="module")
def game() -> WatchedGame:
    """A game of an explaining player with an unruly name, of which a human plays the fifth move."""
    player = FunctionPlayer(UNRULY, lambda states: [answer(state) for state in states])
    game = WatchedGame(player, 2, 6, 5)
    for moment in game:
        if moment.step == 4:
            game.play_instead(moment.teacher.legal_moves[0])
    return game


@pytest.fixture(scope="module")
def path(game: WatchedGame, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_game(game, tmp_path_factory.mktemp("game") / "game.html")


@pytest.fixture
def opened(browser: Any, path: Path) -> Iterator[Opened]:
    result = Opened(browser, path, viewport={"width": 1280, "height": 900})
    result.ready()
    yield result
    assert result.complaints == []
    result.context.close()


def test_each_suffix_gives_its_kind_of_file(game: WatchedGame, tmp_path: Path) -> None:
    assert save_game(game, tmp_path / "a.gif", every=4).read_bytes()[:6] == b"GIF89a"
    assert save_game(game, tmp_path / "a.png").read_bytes()[1:4] == b"PNG"
    with pytest.raises(UserError, match=r"a\.mp4: name a \.html file"):
        save_game(game, tmp_path / "a.mp4")
    with pytest.raises(UserError, match="can't be written"):
        check_game_file(tmp_path / "a.png" / "a.html")
    check_game_file(tmp_path / "b.html")
    assert sorted(file.name for file in tmp_path.iterdir()) == ["a.gif", "a.png"]


def test_the_page_says_in_words_how_the_game_went(game: WatchedGame, path: Path) -> None:
    page = Page(path.read_text())
    text = " ".join(" ".join(page.text).split())
    record, own = game.record, [moment for moment in game.moments if moment.by == "player"]
    assert f"{record.score} of 29 apples in {record.steps} steps on 6 × 5" in text
    agreed = sum(moment.move == moment.teacher.move for moment in own)
    assert f"moves as BFS does in {agreed} of {len(own)} moves" in text and "A human played 1 move." in text
    assert UNRULY in text and page.tags.count("script") == 3
    assert json.loads(page.scripts["page-data"])["player"] == UNRULY


def test_a_teacher_s_own_game_is_compared_with_nobody(tmp_path: Path) -> None:
    game = WatchedGame(TeacherPlayer("HAMILTONIAN"), 1, 4, 4)
    game.play_to_the_end()
    text = save_game(game, tmp_path / "game.html").read_text()
    assert "moves as" not in text and "next-other" not in Page(text).attributes
    assert "15 of 15 apples" in text and "board filled" in text


@pytest.mark.browser
def test_every_board_is_the_game_s(opened: Opened, game: WatchedGame, path: Path) -> None:
    record = game.record
    shown = opened.page.evaluate(
        """async () => {
            const { played } = await Page.ready;
            return played.frames.map((_, at) => Rules.stateAt(played, at)).map((state) => [state.body, state.apple]);
        }"""
    )
    states = states_before(record, range(len(record.moves) + 1))
    assert shown == [[list(state.body), state.apple] for state in states]
    outside = [url for url in opened.requests if not url.startswith(("data:", "blob:")) and url != path.as_uri()]
    assert outside == [] and UNRULY in opened.text("h1")


def at(opened: Opened, step: int) -> None:
    opened.page.locator("#position").fill(str(step))


@pytest.mark.browser
def test_beside_each_board_stands_what_was_thought_of_it(opened: Opened, game: WatchedGame) -> None:
    page = opened.page
    for moment in game.moments[:12]:
        at(opened, moment.step)
        assert opened.text("#score") == f"score {moment.score}" and opened.text("#line") == f"step {moment.step}"
        assert opened.text("#move").endswith(moment.move.name.lower())
        assert moment.teacher.move.name.lower() in opened.text("#teacher")
        assert opened.text("#who") == ("a human" if moment.by == "human" else UNRULY)
        found = moment.explanation
        assert found is not None
        assert page.locator("#why .true").all_inner_texts() == list(found.true)
        assert [text.splitlines() for text in page.locator("#why .false").all_inner_texts()] == [
            [false.sentence, false.reason] for false in found.false
        ]
        assert page.locator("#why .unread").count() == len(found.unreadable) >= 1
    page.click("#last")
    assert "step" in opened.text("#line") and page.is_visible("#board svg")


@pytest.mark.browser
def test_what_the_teacher_would_not_play_is_marked_and_can_be_jumped_to(opened: Opened, game: WatchedGame) -> None:
    page = opened.page
    by_player = [moment for moment in game.moments if moment.by == "player" and moment.differs]
    others = [moment.step for moment in by_player if not moment.equally_good]
    assert len(others) > 2
    assert page.locator("#marks .mark-other").count() == len(others)
    assert page.locator("#marks .mark-good").count() == len(by_player) - len(others)
    assert page.locator("#marks .mark-human").count() == 1
    for step in others[:3]:
        page.click("#next-other")
        assert opened.text("#step").startswith(f"{step} of ")
        given_up = game.moments[step].teacher.move == Move.NO_PATH_FOUND
        assert page.is_visible("#teacher.is-other") and page.locator(".board-other[hidden]").count() == given_up
    page.click("#previous-other")
    assert opened.text("#step").startswith(f"{others[1]} of ")
    at(opened, others[0])
    assert page.is_disabled("#previous-other")


@pytest.mark.browser
def test_a_model_s_shares_and_plan_are_drawn(browser: Any, tmp_path: Path) -> None:
    def plans(states: States) -> list[str]:
        return [" R R U U U U U U"] * len(states)

    game = WatchedGame(FunctionPlayer("planner", plans), 2, 6, 6)
    game.play_to_the_end()
    opened = Opened(browser, save_game(game, tmp_path / "game.html"))
    page = opened.ready()
    assert opened.text("#plan") == "plan → → ↑ ↑ ↑ ↑ ↑ ↑" and page.is_hidden("#shares")
    drawn = page.get_attribute(".board-plan", "points").split()
    assert len(drawn) == len(game.moments[0].way) + 1
    assert game.moments[0].move == Move.RIGHT and opened.complaints == []


@pytest.mark.browser
def test_an_opening_stands_before_the_player_s_moves(browser: Any, tmp_path: Path) -> None:
    game = WatchedGame(TeacherPlayer("BFS"), 2, 6, 6, opening=Opening("HAMILTONIAN", 3))
    game.play_to_the_end()
    opened = Opened(browser, save_game(game, tmp_path / "game.html"))
    page = opened.ready()
    assert opened.text("#step") == f"{game.opening} of {game.record.steps}" and opened.text("#who") == "BFS"
    page.click("#back")
    assert opened.text("#who") == "the opening" and opened.complaints == []


@pytest.mark.browser
@pytest.mark.parametrize(
    "width", [320, pytest.param(768, marks=pytest.mark.slow), pytest.param(1440, marks=pytest.mark.slow)]
)
def test_it_fits_any_screen_and_plays_by_keyboard(browser: Any, path: Path, game: WatchedGame, width: int) -> None:
    opened = Opened(browser, path, viewport={"width": width, "height": 800})
    page = opened.ready()
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    page.select_option("#speed", "80")
    page.focus("#stage")
    page.keyboard.press("Space")
    page.locator("#play:text-is('Play')").wait_for()
    assert opened.text("#step") == f"{len(game.record.moves)} of {len(game.record.moves)}"
    page.keyboard.press("Home")
    page.keyboard.press("ArrowRight")
    assert opened.text("#step").startswith("1 of ")


@pytest.mark.browser
def test_without_javascript_the_last_board_is_there(browser: Any, path: Path) -> None:
    page = Opened(browser, path, java_script_enabled=False).page
    assert page.is_visible("#still svg.board") and page.is_hidden("#player")


@pytest.mark.browser
def test_controls_have_names(opened: Opened) -> None:
    unnamed = opened.page.evaluate(
        """() => [...document.querySelectorAll('button, select, input, section, [tabindex]')]
            .filter((e) => !(e.getAttribute('aria-label') || e.getAttribute('aria-labelledby') || e.textContent.trim()
                || e.closest('label')))
            .map((e) => e.outerHTML.slice(0, 100))"""
    )
    assert unnamed == []
