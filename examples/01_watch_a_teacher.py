"""Watch BFS play a game of Snake, board by board, drawn as the language models read it.

Run: python examples/01_watch_a_teacher.py
Change: TEACHER (DFS, ASTAR, HAMILTONIAN), SEED (where the apples lie), SIDE (4 to 50 cells).
"""

from serpentune import teachers
from serpentune.datasets import get_encoding
from serpentune.game import states_before

TEACHER, SEED, SIDE = "BFS", 7, 6

# A seed decides every apple of a game, so you see the same game as everybody else.
teacher = teachers.get(TEACHER)
print(f"{teacher.name}: {teacher.summary}")
(game,) = teachers.play(teacher, [SEED], SIDE, SIDE)

# A game is kept as its moves; boards come from playing them again. Here: the board before every move, and the last.
boards = states_before(game, range(len(game.moves) + 1))
draw = get_encoding("grid")  # H head, ^>v< body (arrows lead to the head), A apple
shown = 0
for step, (board, drawing) in enumerate(zip(boards, draw.encode(boards), strict=True)):
    if step == len(game.moves) or len(board.body) == shown:
        continue  # only boards on which a new apple has just appeared
    shown = len(board.body)
    decision = teacher.decide(board)
    path = "there is no way to the apple" if decision.path_length is None else f"path length {decision.path_length}"
    print(f"\nMoves {step}, apples {shown - 1}. {TEACHER} goes {decision.move.name}, {path}:\n{drawing}", end="")

print(f"\nThe last board:\n{drawing}")
print(f"The game ends with {game.ending.name}. Moves {game.steps}, apples {game.score} of {SIDE * SIDE - 1}.")
