"""Measure who plays how well: games, choices in states of three teachers, and boards that nobody was taught.

Run: python examples/09_measure_players.py
Change: PLAYERS (a teacher, a student's folder, a model's name, "random"), TEACHERS, GAMES, STATES.
"""

from dataclasses import replace
from pathlib import Path

from serpentune.evaluation import (
    Contestant,
    EvaluationSettings,
    Player,
    evaluate_arena,
    evaluate_contestant,
    held_out_metrics,
    open_contestant,
    own_apples,
    states_of_games,
)

OUTPUT = Path("output/examples/measure_players")
PLAYERS, TEACHERS = ("nano", "BFS", "random"), ("BFS", "HAMILTONIAN", "CELL")
GAMES, STATES = 20, 40
SETTINGS = EvaluationSettings(games=GAMES, width=6, height=6, seed=1_000_000, teacher="BFS")

players = [open_contestant(name) for name in PLAYERS]

# Games: everybody meets the same apples. A killed run goes on where it ended.
for player in players:
    play = evaluate_contestant(player, OUTPUT / "games" / player.name, SETTINGS).play
    fatal = play["fatal_per_1000_moves"]
    print(
        f"{player.name}: {play['score_mean']:.2f} apples a game, {play['wins']} of {GAMES} boards filled; "
        f"{play['legal_rate']:.1%} of answers legal, {play['accuracy']:.1%} of choices are BFS's, "
        f"{play['accuracy_equal']:.1%} as good, {fatal:.1f} fatal errors in 1,000 moves"
    )

# States that teachers visited in other games, the same for everybody; a model is asked to play like each teacher.
held = states_of_games(TEACHERS, range(2_000_000, 2_000_010), 6, 6, states=STATES)
for player in players:

    def like(teacher: str, who: Contestant = player) -> Player:
        return who.player(replace(SETTINGS, teacher=teacher))

    found = held_out_metrics(like, held)
    shares = ", ".join(f"{teacher} {figures['accuracy_equal']:.1%}" for teacher, figures in found.items())
    print(f"{player.name} chooses as well as {shares}")

# Other boards, longer snakes, stranger states.
for row, result in evaluate_arena(players[0], OUTPUT / "arena", replace(SETTINGS, games=5)).items():
    print(f"{players[0].name}, {row}: {own_apples(result):.1f} apples of its own a game")
