// A board that draws states, and what every replay has: its place in the game, buttons, keys and a pace.
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
    this.plan = this.add("polyline", { class: "board-plan" });
    this.body = this.add("polyline", { class: "board-body" });
    this.next = this.add("path", { d: "M-0.09 -0.13L0.07 0L-0.09 0.13", class: "board-next" });
    this.other = this.add("path", { d: "M-0.09 -0.13L0.07 0L-0.09 0.13", class: "board-other" });
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
  // `other` is another move that might have been played, or -1; `plan` are moves from the head on.
  draw(state, move, fatal, other = -1, plan = []) {
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
    this.other.toggleAttribute("hidden", other < 0);
    const mark = (part, towards, far) =>
      place(part, x + far * Board.STEPS[towards][0], y + far * Board.STEPS[towards][1], towards * 90 - 90);
    if (move >= 0) mark(this.next, move, 0.58);
    if (move >= 0) mark(this.cross, move, 0.46);
    if (other >= 0) mark(this.other, other, 0.58);
    const way = [[x, y]];
    for (const step of plan) {
      const [[atX, atY], [dx, dy]] = [way[way.length - 1], Board.STEPS[step]];
      way.push([atX + dx, atY + dy]);
    }
    this.plan.setAttribute("points", way.map((point) => point.join(",")).join(" "));
    this.svg.setAttribute("aria-label", `Snake of length ${state.body.length}, score ${state.score}`);
  }
}

class Transport {
  static SPEEDS = [2, 5, 10, 20, 40, 80];
  static MOVES = ["up", "right", "down", "left"];
  static ANSWERS = { I: "turns back", E: "unreadable answer", W: "failed answer", N: "gives up" };
  static VIEWS = {};

  // `more` are ids of elements beside those that every replay has. A view has `draw()`, which shows the game at
  // `this.at`, and `told()`, which says what is shown.
  constructor(more) {
    this.at = 0;
    this.end = 0;
    this.playing = false;
    this.ui = {};
    for (const id of ["stage", "first", "back", "play", "forward", "last", "position", "step", "speed", "status", ...more]) {
      this.ui[id] = document.getElementById(id);
    }
    this.fill(this.ui.speed, Transport.SPEEDS.map((speed) => [String(speed), `${speed} moves/s`]));
    this.ui.speed.value = "10";
    this.on("first", "click", () => this.go(0));
    this.on("back", "click", () => this.go(this.at - 1));
    this.on("forward", "click", () => this.go(this.at + 1));
    this.on("last", "click", () => this.go(this.end));
    this.on("play", "click", () => this.toggle());
    this.on("position", "input", () => this.go(Number(this.ui.position.value)));
    this.on("stage", "keydown", (event) => this.key(event));
  }

  on(id, event, act) {
    this.ui[id].addEventListener(event, act);
  }

  fill(select, options) {
    select.replaceChildren(...options.map(([value, text]) => new Option(text, value)));
  }

  // What a key does, by its name; arrows go `step` moves.
  shortcuts(step) {
    return {
      " ": () => this.toggle(),
      ArrowLeft: () => this.go(this.at - step),
      ArrowRight: () => this.go(this.at + step),
      Home: () => this.go(0),
      End: () => this.go(this.end),
    };
  }

  key(event) {
    if (event.altKey || event.ctrlKey || event.metaKey) return;
    const control = event.target.closest("button, select, input");
    const name = event.key.length === 1 ? event.key.toLowerCase() : event.key;
    const act = this.shortcuts(event.shiftKey ? 10 : 1)[name];
    // A focused button keeps its space bar, a focused list or slider its arrows.
    if (!act || (control && (control.tagName !== "BUTTON" || event.key === " "))) return;
    event.preventDefault();
    act();
  }

  go(to) {
    this.at = Math.min(this.end, Math.max(0, to));
    if (this.at === this.end) this.pause();
    this.draw();
    this.ui.position.value = String(this.at);
    this.ui.step.textContent = `${this.at} of ${this.end}`;
    if (!this.playing) this.ui.status.textContent = this.told();
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
