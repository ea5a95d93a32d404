// Bars of what a model gives each of the four moves.
class Shares {
  static ARROWS = "↑→↓←";

  constructor(parent) {
    this.bars = Transport.MOVES.map((name, move) => {
      const row = Shares.make(parent, "div", "share-row");
      Shares.make(row, "span", "share-name", `${Shares.ARROWS[move]} ${name}`);
      const fill = Shares.make(Shares.make(row, "span", "share-track"), "span", "share-fill");
      return { row, fill, value: Shares.make(row, "span", "share-value") };
    });
  }

  static make(parent, tag, className, text = "") {
    const made = parent.appendChild(document.createElement(tag));
    made.className = className;
    made.textContent = text;
    return made;
  }

  // `shares` are four parts of 1; `chosen` is the move that is played.
  draw(shares, chosen) {
    this.bars.forEach(({ row, fill, value }, move) => {
      row.classList.toggle("chosen", move === chosen);
      fill.style.width = `${100 * shares[move]}%`;
      value.textContent = `${(100 * shares[move]).toFixed(1)}%`;
    });
  }
}
