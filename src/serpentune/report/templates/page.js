// The page: dark and light, tables that sort, and the start of the replays.
const Page = (() => {
  function theme() {
    const button = document.getElementById("theme");
    const dark = () => {
      const chosen = document.documentElement.dataset.theme;
      return chosen ? chosen === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
    };
    const show = () => {
      button.textContent = dark() ? "Light" : "Dark";
      button.setAttribute("aria-label", `Change to ${dark() ? "light" : "dark"} colours`);
    };
    button.addEventListener("click", () => {
      document.documentElement.dataset.theme = dark() ? "light" : "dark";
      show();
    });
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", show);
    button.hidden = false;
    show();
  }

  // Numbers by size, words by alphabet, what was not measured always last.
  function sort(table, column, head) {
    const falling = head.getAttribute("aria-sort") === "descending" ? false
      : head.getAttribute("aria-sort") === "ascending" || column > 0;
    for (const other of table.tHead.rows[0].cells) other.removeAttribute("aria-sort");
    head.setAttribute("aria-sort", falling ? "descending" : "ascending");
    const value = (row) => row.cells[column].dataset.order;
    const rows = [...table.tBodies[0].rows].sort((a, b) => {
      const [x, y] = [value(a), value(b)];
      if (x === undefined || y === undefined) return (x === undefined) - (y === undefined);
      const order = Number.isNaN(Number(x)) || Number.isNaN(Number(y)) ? x.localeCompare(y) : Number(x) - Number(y);
      return falling ? -order : order;
    });
    table.tBodies[0].append(...rows);
  }

  function tables() {
    for (const table of document.querySelectorAll("table.sortable")) {
      if (table.tBodies[0].rows.length < 2) continue;
      [...table.tHead.rows[0].cells].forEach((head, column) => {
        const button = document.createElement("button");
        button.type = "button";
        button.textContent = head.textContent;
        button.addEventListener("click", () => sort(table, column, head));
        head.replaceChildren(button);
      });
    }
  }

  async function replays() {
    const player = document.getElementById("player");
    if (!player) return null;
    const page = JSON.parse(document.getElementById("page-data").textContent);
    const packed = Uint8Array.from(atob(document.getElementById("page-games").textContent), (letter) => letter.charCodeAt(0));
    const text = new Blob([packed]).stream().pipeThrough(new DecompressionStream("deflate"));
    const rows = await new Response(text).json();
    document.getElementById("still").hidden = true;
    player.hidden = false;
    return new Transport.VIEWS[player.dataset.view](page, rows);
  }

  theme();
  tables();
  return { ready: replays() };
})();
