"use strict";
// The rules of serpentune.game, for replaying a game from its moves and apples. A cell is y * width + x, (0, 0) bottom-left.
const Rules = (() => {
  const OPEN = new Set([
    "NO_PATH_FOUND",
    "MAX_STEPS_REACHED",
    "MAX_CONSECUTIVE_INVALID_REVERSALS_REACHED",
    "MAX_CONSECUTIVE_EMPTY_MOVES_REACHED",
    "MAX_CONSECUTIVE_SOMETHING_IS_WRONG_REACHED",
  ]);

  function neighbour(cell, move, width, height) {
    if (move === 0) return cell < width * (height - 1) ? cell + width : -1;
    if (move === 1) return cell % width < width - 1 ? cell + 1 : -1;
    if (move === 2) return cell >= width ? cell - width : -1;
    return cell % width > 0 ? cell - 1 : -1;
  }

  // Every cell the head has entered is kept in order, so the body after k moves is a slice of that trail: a game of
  // thousands of steps needs no stored states.
  function replay(game, letters) {
    const { width, height, moves, apples } = game;
    const cells = width * height;
    const occupied = new Uint8Array(cells);
    const trail = [Math.floor(height / 2) * width + Math.floor(width / 2)];
    const frames = [{ head: 0, score: 0, steps: 0, direction: -1 }];
    occupied[trail[0]] = 1;
    let score = 0, steps = 0, direction = -1, ending = "RUNNING", played = 0;
    for (const letter of moves) {
      if (ending !== "RUNNING") break;
      const move = letters.indexOf(letter);
      played += 1;
      if (letter === "N") {
        ending = "NO_PATH_FOUND";
      } else {
        steps += 1;
        const reversal = move < 4 && direction >= 0 && move === (direction + 2) % 4;
        if (move < 4 && !reversal) {
          const cell = neighbour(trail[trail.length - 1], move, width, height);
          const tail = trail[trail.length - 1 - score];
          if (cell < 0) {
            ending = "WALL";
          } else if (occupied[cell] && cell !== tail) {
            ending = "SELF";
          } else {
            if (cell === apples[score]) score += 1;
            else occupied[tail] = 0;
            occupied[cell] = 1;
            trail.push(cell);
            direction = move;
            if (score + 1 === cells) ending = "WIN";
          }
        }
      }
      frames.push({ head: trail.length - 1, score, steps, direction });
    }
    const complete = played === moves.length;
    if (ending === "RUNNING" && OPEN.has(game.ending)) ending = game.ending;
    return { game, trail, frames, score, steps, ending, complete };
  }

  // The body, head first, the apple (-1 on a full board) and the counters after `at` moves.
  function stateAt(played, at) {
    const frame = played.frames[at];
    const body = played.trail.slice(frame.head - frame.score, frame.head + 1).reverse();
    const apple = frame.score < played.game.apples.length ? played.game.apples[frame.score] : -1;
    return { ...frame, body, apple };
  }

  return { replay, stateAt };
})();
