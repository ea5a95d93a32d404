// The player of one watched game, with what was thought of every move beside the board.
class Watched extends Transport {
  constructor(page, [game, moments]) {
    super(["board", "score", "line", "who", "move", "teacher", "shares", "plan", "why", "marks", "previous-other", "next-other"]);
    const [width, height, moves, apples, ending] = game;
    this.page = page;
    this.moments = moments;
    this.played = Rules.replay({ width, height, moves, apples, ending }, page.letters);
    this.board = new Board(width, height);
    this.ui.board.replaceChildren(this.board.svg);
    this.end = this.played.frames.length - 1;
    this.ui.position.max = String(this.end);
    this.others = moments.flatMap((moment, at) => (this.kind(moment) === "other" ? [at] : []));
    if (this.ui.teacher) {
      this.on("previous-other", "click", () => this.go(this.others.findLast((at) => at < this.at)));
      this.on("next-other", "click", () => this.go(this.others.find((at) => at > this.at)));
    }
    this.shares = new Shares(this.ui.shares);
    this.mark();
    this.go(moments.filter((moment) => moment.by === "opening").length);
  }

  // Why a move is marked: a human played it, or it isn't the teacher's.
  kind(moment) {
    if (moment.by === "human") return "human";
    if (moment.by === "opening" || moment.move === moment.teacher) return "";
    return moment.good ? "good" : "other";
  }

  mark() {
    this.ui.marks.setAttribute("viewBox", `0 0 ${Math.max(1, this.end)} 1`);
    this.moments.slice(0, this.end).forEach((moment, at) => {
      const kind = this.kind(moment);
      if (kind) this.ui.marks.append(Board.element("rect", { x: at, width: 1, height: 1, class: `mark-${kind}` }));
    });
  }

  draw() {
    const { played, page, ui } = this;
    const over = this.at === this.end;
    const moment = this.moments[over && this.moments.length === this.end ? this.end - 1 : this.at];
    const state = Rules.stateAt(played, this.at);
    const fatal = over && (played.ending === "WALL" || played.ending === "SELF");
    const move = moment ? moment.move : -1;
    const shown = move < 4 && (!over || fatal) ? move : -1;
    const other = over || !moment || !ui.teacher || moment.teacher > 3 || moment.teacher === move ? -1 : moment.teacher;
    const plan = over || !moment ? [] : [...(moment.plan ?? "")].map((letter) => page.letters.indexOf(letter));
    this.board.draw(state, shown, fatal, other, plan.slice(0, moment?.way));
    ui.score.textContent = `score ${state.score}`;
    ui.line.textContent = over ? `step ${state.steps}, ${page.endings[played.ending]}` : `step ${state.steps}`;
    if (moment) this.think(moment, plan);
    if (ui.teacher) {
      ui["previous-other"].disabled = !this.others.some((at) => at < this.at);
      ui["next-other"].disabled = !this.others.some((at) => at > this.at);
    }
  }

  think(moment, plan) {
    const { page, ui } = this;
    const name = (move) => (move < 4 ? `${Shares.ARROWS[move]} ${Transport.MOVES[move]}`
      : Transport.ANSWERS[page.letters[move]]);
    ui.who.textContent = { human: "a human", policy: "instead", opening: "the opening" }[moment.by] ?? page.player;
    ui.move.textContent = name(moment.move) + (moment.planned ? ", as planned" : "");
    if (ui.teacher) {
      const kind = moment.move === moment.teacher ? "same" : moment.good ? "good" : "other";
      ui.teacher.className = `is-${kind}`;
      ui.teacher.textContent = name(moment.teacher) + { same: "", good: ", both equally good", other: "" }[kind];
    }
    ui.shares.hidden = !moment.shares;
    if (moment.shares) this.shares.draw(moment.shares, moment.move);
    ui.plan.hidden = plan.length === 0;
    ui.plan.textContent = `plan ${plan.map((step) => Shares.ARROWS[step]).join(" ")}`;
    ui.why.replaceChildren();
    if (moment.unusable) {
      const [kind, text] = moment.unusable;
      Shares.make(ui.why, "li", "unread", `No move: the answer is ${kind}${text ? `: ${text}` : ""}`);
    }
    for (const [sentence, reason] of moment.false ?? []) {
      Shares.make(Shares.make(ui.why, "li", "false", sentence), "span", "detail", reason);
    }
    for (const sentence of moment.true ?? []) Shares.make(ui.why, "li", "true", sentence);
    for (const sentence of moment.unread ?? []) Shares.make(ui.why, "li", "unread", sentence);
  }

  told() {
    const { ui } = this;
    const teacher = ui.teacher ? `, ${this.page.teacher}: ${ui.teacher.textContent}` : "";
    return `${ui.score.textContent}, ${ui.line.textContent}, ${ui.who.textContent}: ${ui.move.textContent}${teacher}`;
  }
}
Transport.VIEWS.game = Watched;
