// The player that steps two games side by side.
class Player extends Transport {
  constructor(page, rows) {
    super(["left", "right", "filter", "seed", "previous-seed", "next-seed", "differ", "no-games", "side-left", "side-right"]);
    this.page = page;
    this.rows = rows;
    this.replays = new Map();
    this.sides = [];
    const names = page.models.map((name, index) => [String(index), name]);
    this.fill(this.ui.left, names);
    this.fill(this.ui.right, [...names, ["", "nobody"]]);
    this.fill(this.ui.filter, [["all", "all"], ["left", "left scores more"], ["right", "right scores more"],
      ["left-wins", "only left fills the board"], ["right-wins", "only right fills the board"]]);
    const played = page.models.map((_, index) => rows.some(([, games]) => games[index]));
    const first = Math.max(0, played.indexOf(true));
    const second = played.indexOf(true, first + 1);
    this.ui.left.value = String(first);
    this.ui.right.value = second < 0 ? "" : String(second);
    this.listen();
    this.list();
  }

  // The replay of one model's game, played once.
  replay(row, model) {
    const key = `${row} ${model}`;
    if (!this.replays.has(key)) {
      const [width, height, moves, apples, ending] = this.rows[row][1][model];
      this.replays.set(key, Rules.replay({ width, height, moves, apples, ending }, this.page.letters));
    }
    return this.replays.get(key);
  }

  get models() {
    return [this.ui.left.value, this.ui.right.value].filter((value) => value !== "").map(Number);
  }

  listen() {
    for (const id of ["left", "right", "filter"]) this.on(id, "change", () => this.list());
    this.on("seed", "change", () => this.open());
    this.on("previous-seed", "click", () => this.turn(-1));
    this.on("next-seed", "click", () => this.turn(1));
    this.on("differ", "click", () => this.go(this.difference));
  }

  // List the seeds that all chosen models played and the filter lets through.
  list() {
    const chosen = this.ui.seed.value;
    const models = this.models;
    const alone = models.length < 2;
    if (alone) this.ui.filter.value = "all";
    this.ui.filter.disabled = alone;
    const keep = {
      all: () => true,
      left: (a, b) => a.score > b.score,
      right: (a, b) => b.score > a.score,
      "left-wins": (a, b) => a.ending === "WIN" && b.ending !== "WIN",
      "right-wins": (a, b) => b.ending === "WIN" && a.ending !== "WIN",
    }[this.ui.filter.value];
    const options = [];
    this.rows.forEach(([seed, games], row) => {
      if (!models.every((model) => games[model])) return;
      const played = models.map((model) => this.replay(row, model));
      if (keep(...played)) options.push([String(row), `${seed} (${played.map((one) => one.score).join(" : ")})`]);
    });
    this.fill(this.ui.seed, options);
    if (options.some(([value]) => value === chosen)) this.ui.seed.value = chosen;
    this.ui["no-games"].hidden = options.length > 0;
    this.ui["no-games"].textContent = this.ui.filter.value === "all"
      ? "These models have no game seed in common." : "No game is like that. Choose other games.";
    this.ui.stage.hidden = options.length === 0;
    if (options.length) this.open();
    else this.pause();
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
    this.sides = this.models.map((model, index) => this.side(index ? "side-right" : "side-left", row, model));
    this.ui["side-right"].hidden = this.sides.length < 2;
    this.end = Math.max(...this.sides.map((side) => side.played.frames.length - 1));
    this.ui.position.max = String(this.end);
    this.difference = this.firstDifference();
    this.ui.differ.disabled = this.difference < 0;
    this.ui.differ.textContent = this.sides.length > 1 && this.difference < 0 ? "They play alike" : "First different move";
    this.go(0);
  }

  side(id, row, model) {
    const played = this.replay(row, model);
    const board = new Board(played.game.width, played.game.height);
    const caption = document.createElement("figcaption");
    const part = (tag, className, text = "") => {
      const made = caption.appendChild(document.createElement(tag));
      made.className = className;
      made.textContent = text;
      return made;
    };
    const name = this.page.models[model];
    part("b", "player-name", name);
    const score = part("b", "player-score");
    const line = part("span", "player-step");
    const end = part("button", "quiet", `ends at ${played.steps}: ${this.page.endings[played.ending]}`);
    end.type = "button";
    end.title = "Jump to this snake's last move";
    end.addEventListener("click", () => this.go(played.frames.length - 1));
    this.ui[id].replaceChildren(caption, board.svg);
    return { name, played, board, score, line };
  }

  firstDifference() {
    if (this.sides.length < 2) return -1;
    const [a, b] = this.sides.map((side) => side.played.game.moves);
    for (let at = 0; at < Math.max(a.length, b.length); at++) if (a[at] !== b[at]) return at;
    return -1;
  }

  draw() {
    for (const side of this.sides) this.show(side);
  }

  told() {
    return this.sides.map((side) => `${side.name}: ${side.score.textContent}, ${side.line.textContent}`).join(". ");
  }

  show({ played, board, score, line }) {
    const last = played.frames.length - 1;
    const at = Math.min(this.at, last);
    const over = at === last;
    const state = Rules.stateAt(played, at);
    const moves = played.game.moves;
    const letter = over ? moves[last - 1] : moves[at];
    const move = letter === undefined ? -1 : this.page.letters.indexOf(letter);
    const fatal = over && (played.ending === "WALL" || played.ending === "SELF");
    board.draw(state, move < 4 && (!over || fatal) ? move : -1, fatal);
    const next = over ? this.page.endings[played.ending] : `next ${Transport.MOVES[move] ?? Transport.ANSWERS[letter]}`;
    score.textContent = `score ${state.score}`;
    line.textContent = `step ${state.steps}, ${next}`;
  }
}
Transport.VIEWS.games = Player;
