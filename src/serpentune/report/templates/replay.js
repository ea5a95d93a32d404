// One board that draws states, and the player that steps two of them side by side.
class Board {
  static STEPS = [[0, -1], [1, 0], [0, 1], [-1, 0]];

  constructor(width, height) {
    this.width = width;
    this.height = height;
    this.svg = Board.element("svg", { viewBox: `0 0 ${width} ${height}`, class: "board", role: "img" });
    this.add("rect", { width, height, rx: 0.18, class: "board-ground" });
    let lines = "";
    for (let x = 1; x < width; x++) lines += `M${x} 0V${height}`;
    for (let y = 1; y < height; y++) lines += `M0 ${y}H${width}`;
    this.add("path", { d: lines, class: "board-lines" });
    this.apple = this.add("g", { class: "board-apple" });
    this.add("circle", { cy: 0.04, r: 0.3 }, this.apple);
    this.add("path", { d: "M0 -0.22q0.02 -0.16 0.16 -0.2" }, this.apple);
    this.body = this.add("polyline", { class: "board-body" });
    this.next = this.add("path", { d: "M-0.09 -0.13L0.07 0L-0.09 0.13", class: "board-next" });
    this.head = this.add("g", {});
    this.add("circle", { r: 0.4, class: "board-head" }, this.head);
    this.add("circle", { cx: 0.14, cy: -0.17, r: 0.08, class: "board-eye" }, this.head);
    this.add("circle", { cx: 0.14, cy: 0.17, r: 0.08, class: "board-eye" }, this.head);
    this.cross = this.add("path", { d: "M-0.16 -0.16l0.32 0.32m0 -0.32l-0.32 0.32", class: "board-cross" });
  }

  static element(tag, attributes) {
    const result = document.createElementNS("http://www.w3.org/2000/svg", tag);
    for (const [name, value] of Object.entries(attributes)) result.setAttribute(name, value);
    return result;
  }

  add(tag, attributes, parent = this.svg) {
    return parent.appendChild(Board.element(tag, attributes));
  }

  // `move` is the direction of the next move, drawn as a mark ahead of the head, or -1; `fatal` draws a cross there.
  draw(state, move, fatal) {
    const centre = (cell) => [(cell % this.width) + 0.5, this.height - Math.floor(cell / this.width) - 0.5];
    const place = (part, x, y, turn = 0) => part.setAttribute("transform", `translate(${x} ${y}) rotate(${turn})`);
    const points = state.body.map(centre);
    const [x, y] = points[0];
    // A line of one point draws nothing; the last point stands twice so that a snake of one cell has a body.
    this.body.setAttribute("points", [...points, points[points.length - 1]].map((point) => point.join(",")).join(" "));
    const facing = fatal ? move : state.direction;
    place(this.head, x, y, facing < 0 ? -90 : facing * 90 - 90);
    this.apple.toggleAttribute("hidden", state.apple < 0);
    if (state.apple >= 0) place(this.apple, ...centre(state.apple));
    this.next.toggleAttribute("hidden", move < 0 || fatal);
    this.cross.toggleAttribute("hidden", !fatal);
    if (move >= 0) {
      const [dx, dy] = Board.STEPS[move];
      place(this.next, x + 0.58 * dx, y + 0.58 * dy, move * 90 - 90);
      place(this.cross, x + 0.46 * dx, y + 0.46 * dy);
    }
    this.svg.setAttribute("aria-label", `Snake of length ${state.body.length}, score ${state.score}`);
  }
}

class Player {
  static SPEEDS = [2, 5, 10, 20, 40, 80];
  static MOVES = ["up", "right", "down", "left"];
  static ANSWERS = { I: "turns back", E: "unreadable answer", W: "failed answer", N: "gives up" };

  constructor(page, rows) {
    this.page = page;
    this.rows = rows;
    this.replays = new Map();
    this.at = 0;
    this.playing = false;
    this.sides = [];
    this.ui = {};
    for (const id of ["left", "right", "filter", "seed", "previous-seed", "next-seed", "stage", "first", "back", "play",
      "forward", "last", "position", "step", "differ", "speed", "status", "no-games", "side-left", "side-right"]) {
      this.ui[id] = document.getElementById(id);
    }
    const names = page.models.map((name, index) => [String(index), name]);
    this.fill(this.ui.left, names);
    this.fill(this.ui.right, [...names, ["", "nobody"]]);
    this.fill(this.ui.filter, [["all", "all"], ["left", "left scores more"], ["right", "right scores more"],
      ["left-wins", "only left fills the board"], ["right-wins", "only right fills the board"]]);
    this.fill(this.ui.speed, Player.SPEEDS.map((speed) => [String(speed), `${speed} moves/s`]));
    this.ui.speed.value = "10";
    const played = page.models.map((_, index) => rows.some(([, games]) => games[index]));
    const first = Math.max(0, played.indexOf(true));
    const second = played.indexOf(true, first + 1);
    this.ui.left.value = String(first);
    this.ui.right.value = second < 0 ? "" : String(second);
    this.listen();
    this.list();
  }

  fill(select, options) {
    select.replaceChildren(...options.map(([value, text]) => new Option(text, value)));
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
    const on = (id, event, act) => this.ui[id].addEventListener(event, act);
    for (const id of ["left", "right", "filter"]) on(id, "change", () => this.list());
    on("seed", "change", () => this.open());
    on("previous-seed", "click", () => this.turn(-1));
    on("next-seed", "click", () => this.turn(1));
    on("first", "click", () => this.go(0));
    on("back", "click", () => this.go(this.at - 1));
    on("forward", "click", () => this.go(this.at + 1));
    on("last", "click", () => this.go(this.end));
    on("play", "click", () => this.toggle());
    on("position", "input", () => this.go(Number(this.ui.position.value)));
    on("differ", "click", () => this.go(this.difference));
    on("stage", "keydown", (event) => this.key(event));
  }

  key(event) {
    if (event.altKey || event.ctrlKey || event.metaKey) return;
    const control = event.target.closest("button, select, input");
    const step = event.shiftKey ? 10 : 1;
    const act = {
      " ": () => this.toggle(),
      ArrowLeft: () => this.go(this.at - step),
      ArrowRight: () => this.go(this.at + step),
      Home: () => this.go(0),
      End: () => this.go(this.end),
    }[event.key];
    // A focused button keeps its space bar, a focused list or slider its arrows.
    if (!act || (control && (control.tagName !== "BUTTON" || event.key === " "))) return;
    event.preventDefault();
    act();
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

  go(to) {
    this.at = Math.min(this.end, Math.max(0, to));
    if (this.at === this.end) this.pause();
    for (const side of this.sides) this.show(side);
    this.ui.position.value = String(this.at);
    this.ui.step.textContent = `${this.at} of ${this.end}`;
    if (!this.playing) {
      const told = this.sides.map((side) => `${side.name}: ${side.score.textContent}, ${side.line.textContent}`);
      this.ui.status.textContent = told.join(". ");
    }
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
    const next = over ? this.page.endings[played.ending] : `next ${Player.MOVES[move] ?? Player.ANSWERS[letter]}`;
    score.textContent = `score ${state.score}`;
    line.textContent = `step ${state.steps}, ${next}`;
  }

  toggle() {
    if (this.playing) return this.pause();
    if (this.at === this.end) this.go(0);
    this.playing = true;
    this.ui.play.textContent = "Pause";
    let due = performance.now();
    const tick = (now) => {
      if (!this.playing) return;
      const interval = 1000 / Number(this.ui.speed.value);
      // Moves that fell due since the last frame are played at once; after a hidden tab it goes on, not forward.
      if (now - due > 500) due = now - interval;
      const moves = Math.floor((now - due) / interval);
      if (moves > 0) {
        due += moves * interval;
        this.go(this.at + moves);
      }
      requestAnimationFrame(tick);
    };
    requestAnimationFrame(tick);
  }

  pause() {
    this.playing = false;
    this.ui.play.textContent = "Play";
  }
}
