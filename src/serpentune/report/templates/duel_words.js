// What a duel's caption says of a move. A side has a `name`, its `played` game, the game's `moves` as codes, and `fatal`, the
// places of its fatal moves.
const DuelWords = (() => {
  const plural = (count, what) => `${count} ${what}${count === 1 ? "" : "s"}`;

  const ENDS = { WIN: "fills the board", WALL: "hits a wall", SELF: "hits itself", MAX_STEPS_REACHED: "is stopped by the step limit",
    NO_PATH_FOUND: "gives up", RUNNING: "was left unfinished" };
  const PAST = { WIN: "filled the board", WALL: "hit a wall", SELF: "hit itself", MAX_STEPS_REACHED: "was stopped by the step limit",
    NO_PATH_FOUND: "gave up", RUNNING: "was left unfinished" };
  const dead = ({ played }) => played.ending === "WALL" || played.ending === "SELF";
  const last = ({ played }) => played.frames.length - 1;

  function goes(who, verb, move, letters) {
    return move < 4 ? `${who} ${verb} ${Transport.MOVES[move]}` : `${who}: ${Transport.ANSWERS[letters[move]]}`;
  }

  const ended = (side) => `${side.name} ${PAST[side.played.ending] ?? "was stopped for its answers"} at step ${side.played.steps}`;

  function moves(sides, at, letters) {
    const playing = sides.filter((side) => at < last(side));
    const said = sides.map((side) => (at < last(side) ? goes(side.name, "goes", side.moves[at], letters) : ended(side)));
    if (!playing.length) return `${said.join("; ")}.`;
    const alike = playing.length > 1 && new Set(playing.map((side) => side.moves[at])).size === 1;
    return `Move ${at + 1}: ${alike ? goes("both", "go", playing[0].moves[at], letters) : said.join(", ")}.`;
  }

  // The end of a side, as seen from the move at which the two part or from a fatal one.
  function fate(side, at) {
    const after = last(side) - at - 1;
    const end = ENDS[side.played.ending] ?? "is stopped for its answers";
    return `${side.name} ${end} ${after > 0 ? `${plural(after, "move")} later` : "by it"}`;
  }

  function tell(sides, at, difference, letters) {
    const said = [moves(sides, at, letters)];
    const told = new Set();
    if (at === difference) {
      const near = sides.filter((side) => at < last(side));
      const first = near.filter(dead).sort((a, b) => last(a) - last(b))[0];
      if (first) told.add(first);
      said.push(`Here they part${first ? `; ${fate(first, at)}` : ""}.`);
    }
    for (const side of sides) {
      if (!side.fatal.includes(at)) continue;
      const trapped = last(side) > at + 1;
      const why = trapped ? "the snake can’t reach its tail after it" : "it is the last";
      said.push(`${side.name}’s move is fatal: ${why}, though a safe move was there${trapped && dead(side) && !told.has(side) ? `; ${fate(side, at)}` : ""}.`);
    }
    return said.join(" ");
  }

  return { tell, dead, last };
})();
