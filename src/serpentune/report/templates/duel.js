// The player that steps two games side by side.
class Duel extends Transport {
  static FEW = 8;

  constructor(page, [rows, thoughts]) {
    super(["left", "right", "filter", "seed", "previous-seed", "next-seed", "differ", "fatal", "no-games", "side-left",
      "side-right", "caption", "marks", "link", "duels"]);
    this.page = page;
    this.rows = rows;
    this.thoughts = thoughts;
    this.replays = new Map();
    this.sides = [];
    const names = page.models.map((name, index) => [String(index), name]);
    this.fill(this.ui.left, names);
    this.fill(this.ui.right, [...names, ["", "nobody"]]);
    this.listen();
    if (!this.follow("instant")) {
      const [left, right, seed] = page.start;
      this.choose(left, right, seed);
      this.go(Math.max(0, this.difference));
    }
  }

  // A game as the page holds it, or null.
  game(row, model) {
    const game = this.rows[row][1][model];
    if (!game) return null;
    const [width, height, moves, apples, ending, score, fatal] = game;
    return { width, height, moves, apples, ending, score, fatal };
  }

  // The replay of one model's game, played once.
  replay(row, model) {
    const key = `${row} ${model}`;
    if (!this.replays.has(key)) this.replays.set(key, Rules.replay(this.game(row, model), this.page.letters));
    return this.replays.get(key);
  }

  get models() {
    return [this.ui.left.value, this.ui.right.value].filter((value) => value !== "").map(Number);
  }

  get pairs() {
    const models = this.models;
    return this.rows.map(([seed], row) => ({ seed, row, games: models.map((model) => this.game(row, model)) }))
      .filter(({ games }) => games.every(Boolean));
  }

  listen() {
    for (const id of ["left", "right"]) this.on(id, "change", () => this.list());
    this.on("filter", "change", () => this.seeds());
    this.on("seed", "change", () => this.open());
    this.on("previous-seed", "click", () => this.turn(-1));
    this.on("next-seed", "click", () => this.turn(1));
    this.on("differ", "click", () => this.toDifference());
    this.on("fatal", "click", () => this.toFatal());
    addEventListener("hashchange", () => this.follow());
  }

  shortcuts(step) {
    return { ...super.shortcuts(step), d: () => this.toDifference(), f: () => this.toFatal() };
  }

  // The address of a game, or of a moment in it: `#duel=left,right,seed,step`, names and not places, so that it holds also
  // when the report is made again with more models.
  address(left, right, seed, at = 0) {
    const names = [left, right].map((model) => (model === null ? "" : encodeURIComponent(this.page.models[model])));
    return `#duel=${[...names, seed, ...(at ? [at] : [])].join(",")}`;
  }

  // Open the game that the page's address names; false where it names none.
  follow(behavior = "auto") {
    if (!location.hash.startsWith("#duel=")) return false;
    let asked;
    try {
      asked = location.hash.slice("#duel=".length).split(",").map(decodeURIComponent);
    } catch {
      return false;
    }
    const [left, right] = asked.map((name) => this.page.models.indexOf(name));
    const seed = asked[2];
    const row = this.rows.findIndex((each) => each[0] === seed);
    const sides = asked[1] === "" ? [left] : [left, right];
    if (row < 0 || sides.some((model) => model < 0 || !this.game(row, model))) return false;
    this.choose(left, sides.length > 1 ? right : null, seed);
    this.go(/^\d+$/.test(asked[3]) ? Number(asked[3]) : Math.max(0, this.difference));
    document.getElementById("replays").scrollIntoView({ behavior });
    this.ui.stage.focus({ preventScroll: true });
    return true;
  }

  choose(left, right, seed) {
    this.ui.left.value = String(left);
    this.ui.right.value = right === null ? "" : String(right);
    this.list(seed);
  }

  // List the games that all chosen models played.
  list(seed) {
    const [a, b] = this.models.map((model) => this.page.models[model]);
    const pairs = this.pairs;
    const wins = (one, other) => one.ending === "WIN" && other.ending !== "WIN";
    this.kinds = {
      all: ["all", () => true],
      ...(b === undefined ? {} : {
        "left-wins": [`${a} wins, ${b} does not`, (one, other) => wins(one, other)],
        "right-wins": [`${b} wins, ${a} does not`, (one, other) => wins(other, one)],
        left: [`${a} scores more`, (one, other) => one.score > other.score],
        right: [`${b} scores more`, (one, other) => other.score > one.score],
      }),
    };
    const chosen = this.ui.filter.value;
    this.fill(this.ui.filter, Object.entries(this.kinds).map(([kind, [name, keep]]) =>
      [kind, `${name} (${pairs.filter(({ games }) => keep(...games)).length})`]));
    this.ui.filter.disabled = b === undefined;
    if (seed === undefined && chosen in this.kinds) this.ui.filter.value = chosen;
    this.tables(pairs);
    this.seeds(seed);
  }

  seeds(wanted = this.rows[this.ui.seed.value]?.[0]) {
    const keep = this.kinds[this.ui.filter.value][1];
    const options = this.pairs.filter(({ games }) => keep(...games));
    this.fill(this.ui.seed, options.map(({ seed, row, games }) =>
      [String(row), `${seed} (${games.map((game) => game.score).join(" : ")})`]));
    const found = options.find(({ seed }) => seed === wanted);
    if (found) this.ui.seed.value = String(found.row);
    this.ui["no-games"].hidden = options.length > 0;
    this.ui["no-games"].textContent = this.ui.filter.value === "all"
      ? "These models have no game seed in common." : "No game is like that. Choose other games.";
    this.ui.stage.hidden = options.length === 0;
    if (options.length) this.open();
    else this.pause();
  }

  // Where one wins and the other dies, both ways, as lists of links.
  tables(pairs) {
    const models = this.models;
    this.ui.duels.replaceChildren();
    if (models.length < 2 || models[0] === models[1]) return;
    for (const [ours, theirs] of [[0, 1], [1, 0]]) {
      const [a, b] = [ours, theirs].map((side) => this.page.models[models[side]]);
      const won = pairs.filter(({ games }) => games[ours].ending === "WIN" && games[theirs].ending !== "WIN");
      const lead = ({ games }) => games[ours].score - games[theirs].score;
      const ahead = pairs.filter((pair) => lead(pair) > 0).sort((one, other) => lead(other) - lead(one)).slice(0, Duel.FEW);
      const block = Shares.make(this.ui.duels, "div", "duel-list");
      const dies = won.every(({ games }) => games[theirs].ending === "WALL" || games[theirs].ending === "SELF");
      const title = `Where ${a} wins and ${b} ${dies ? "dies" : "does not"}: ${won.length || "no"} game${won.length > 1 ? "s" : ""}`;
      Shares.make(block, "h3", "", title);
      if (!won.length) {
        Shares.make(block, "p", "detail", ahead.length ? `${a} is furthest ahead in:` : `${a} is ahead in no game.`);
      }
      const list = Shares.make(block, "ul", "duel-links");
      for (const { seed, games } of won.length ? won : ahead) {
        const item = Shares.make(list, "li", "");
        const link = Shares.make(item, "a", "", seed);
        link.href = this.address(models[0], models[1], seed);
        const lost = games[theirs];
        Shares.make(item, "span", "detail", won.length
          ? `${this.page.endings[lost.ending]} at step ${this.steps(lost)}, score ${lost.score}`
          : `score ${games[ours].score}, not ${lost.score}`);
      }
    }
  }

  steps(game) {
    return game.moves.length - (game.moves.endsWith("N") ? 1 : 0);
  }

  turn(by) {
    const count = this.ui.seed.options.length;
    if (!count) return;
    this.ui.seed.selectedIndex = (this.ui.seed.selectedIndex + by + count) % count;
    this.open();
  }

  open() {
    this.pause();
    const row = Number(this.ui.seed.value);
    this.sides = this.models.map((model, index) => new DuelSide(this, this.ui[index ? "side-right" : "side-left"], row, model));
    this.ui["side-right"].hidden = this.sides.length < 2;
    this.end = Math.max(...this.sides.map(DuelWords.last));
    this.ui.position.max = String(this.end);
    this.difference = this.firstDifference();
    this.fatal = [...new Set(this.sides.flatMap((side) => side.fatal))].sort((a, b) => a - b);
    this.ui.differ.disabled = this.difference < 0;
    this.ui.differ.children[1].textContent = this.sides.length > 1 && this.difference < 0 ? "They play alike" : "First difference";
    this.ui.fatal.disabled = !this.fatal.length;
    this.ui.fatal.children[1].textContent = this.fatal.length ? `Fatal move${this.fatal.length > 1 ? "s" : ""}` : "No fatal move";
    this.mark();
    this.go(0);
  }

  firstDifference() {
    if (this.sides.length < 2) return -1;
    const [a, b] = this.sides.map((side) => side.moves);
    for (let at = 0; at < Math.max(a.length, b.length); at++) if (a[at] !== b[at]) return at;
    return -1;
  }

  toDifference() {
    if (this.difference >= 0) this.go(this.difference);
  }

  // To the next fatal move, and from the last one to the first.
  toFatal() {
    if (this.fatal.length) this.go(this.fatal.find((at) => at > this.at) ?? this.fatal[0]);
  }

  // Marks over the slider: the upper half is the left side's, the lower one the right side's.
  mark() {
    const { marks } = this.ui;
    const wide = Math.max(1, this.end / 160);
    const put = (at, y, height, kind) => marks.append(Board.element("rect",
      { x: Math.min(at, this.end - wide), y, width: wide, height, class: `mark-${kind}` }));
    marks.setAttribute("viewBox", `0 0 ${Math.max(1, this.end)} ${this.sides.length}`);
    marks.replaceChildren();
    this.sides.forEach((side, index) => {
      const over = this.end - DuelWords.last(side);
      if (over > 0) marks.append(Board.element("rect", { x: this.end - over, y: index, width: over, height: 1, class: "mark-over" }));
    });
    if (this.difference >= 0) put(this.difference, 0, this.sides.length, "other");
    this.sides.forEach((side, index) => side.fatal.forEach((at) => put(at, index, 1, "fatal")));
  }

  draw() {
    for (const side of this.sides) side.draw(this.at);
    this.ui.caption.textContent = DuelWords.tell(this.sides, this.at, this.difference, this.page.letters);
    const [left, right = null] = this.models;
    this.ui.link.href = this.address(left, right, this.rows[this.ui.seed.value][0], this.at);
  }

  told() {
    const scores = this.sides.map((side) => `${side.name}: ${side.score.textContent}`).join(", ");
    return `${this.ui.caption.textContent} ${scores}.`;
  }
}
Transport.VIEWS.games = Duel;

// One of the two: its board, its figures, and what it thought of the move.
class DuelSide {
  constructor(duel, figure, row, model) {
    this.duel = duel;
    this.name = duel.page.models[model];
    this.played = duel.replay(row, model);
    const { game } = this.played;
    this.moves = [...game.moves].map((letter) => duel.page.letters.indexOf(letter));
    this.fatal = game.fatal;
    this.thought = duel.thoughts[row]?.[model] ?? null;
    this.board = new Board(game.width, game.height);
    const caption = document.createElement("figcaption");
    Shares.make(caption, "b", "player-name", this.name);
    this.score = Shares.make(caption, "b", "player-score");
    this.line = Shares.make(caption, "span", "player-step");
    const end = Shares.make(caption, "button", "quiet", `ends at ${this.played.steps}: ${duel.page.endings[this.played.ending]}`);
    end.type = "button";
    end.title = "Jump to this snake's last move";
    end.addEventListener("click", () => duel.go(DuelWords.last(this)));
    figure.replaceChildren(caption, this.board.svg);
    this.below = Shares.make(figure, "div", "duel-thought");
    if (Array.isArray(this.thought)) {
      this.shares = new Shares(Shares.make(this.below, "div", "shares"));
    }
    this.note = Shares.make(this.below, "p", "detail");
  }

  draw(to) {
    const { played, board, duel } = this;
    const last = DuelWords.last(this);
    const at = Math.min(to, last);
    const over = at === last;
    const state = Rules.stateAt(played, at);
    const before = over ? last - 1 : at;
    const move = this.moves[before] ?? -1;
    const crashed = over && DuelWords.dead(this);
    board.draw(state, move >= 0 && move < 4 && (!over || crashed) ? move : -1, crashed);
    board.next.classList.toggle("is-fatal", this.fatal.includes(at));
    this.score.textContent = `score ${state.score}`;
    const next = move < 0 ? "" : `, next ${Transport.MOVES[move] ?? Transport.ANSWERS[duel.page.letters[move]]}`;
    this.line.textContent = `step ${state.steps}${over ? `, ${duel.page.endings[played.ending]}` : next}`;
    this.think(before, move);
  }

  think(at, move) {
    if (this.shares) {
      const shares = this.thought.slice(4 * at, 4 * at + 4).map((share) => share / 1000);
      const rest = 1 - shares.reduce((sum, share) => sum + share, 0);
      this.shares.draw(shares, move);
      this.note.textContent = rest > 0.02 ? `something else ${(100 * rest).toFixed(1)}%` : "";
    } else if (this.thought !== null) {
      const mask = parseInt(this.thought[at] ?? "0", 16);
      const good = Transport.MOVES.flatMap((name, code) => ((mask >> code) & 1 ? [`${Shares.ARROWS[code]} ${name}`] : []));
      this.note.textContent = good.length > 1 ? `holds equally good: ${good.join(", ")}` : "holds no other move as good";
    } else {
      this.note.textContent = this.duel.page.thought.some(Boolean) ? "Its top moves were not kept." : "";
    }
  }
}
