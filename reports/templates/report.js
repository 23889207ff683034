for (const table of document.querySelectorAll("table.sortable")) {
  const heads = [...table.tHead.rows[0].cells];
  const body = table.tBodies[0];
  heads.forEach((head, column) => {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = head.textContent;
    head.replaceChildren(button);
    const isText = head.dataset.kind === "text";
    button.addEventListener("click", () => {
      const first = isText ? "ascending" : "descending";
      const second = isText ? "descending" : "ascending";
      const order = head.getAttribute("aria-sort") === first ? second : first;
      heads.forEach((other) => other.removeAttribute("aria-sort"));
      head.setAttribute("aria-sort", order);
      const sign = order === "ascending" ? 1 : -1;
      const key = (row) => {
        const cell = row.cells[column];
        return isText ? cell.textContent.trim() : Number.parseFloat(cell.dataset.sort);
      };
      const compare = (a, b) => {
        if (isText) return sign * key(a).localeCompare(key(b));
        const [x, y] = [key(a), key(b)];
        if (Number.isNaN(x) || Number.isNaN(y)) return Number.isNaN(x) - Number.isNaN(y);
        return x === y ? 0 : sign * (x - y); // two infinities are equal
      };
      body.append(...[...body.rows].sort(compare));
    });
  });
}

const board = document.querySelector("form.board");
if (board) {
  const rows = [...document.querySelectorAll("#leaderboard tbody tr")];
  const apply = () => {
    const { labels, model, unflagged } = board.elements;
    const part = model.value.trim().toLowerCase();
    let shown = 0;
    for (const row of rows) {
      const [name, set] = [...row.cells].map((cell) => cell.textContent.trim());
      row.hidden =
        (labels.value && set !== labels.value) ||
        !name.toLowerCase().includes(part) ||
        (unflagged.checked && row.className !== "ok");
      shown += row.hidden ? 0 : 1;
    }
    board.querySelector("output").textContent = `${shown} of ${rows.length} shown`;
  };
  board.addEventListener("input", apply);
  board.addEventListener("submit", (event) => event.preventDefault());
  board.reset();
  apply();
}

const form = document.querySelector("form.gallery-filters");
if (form) {
  const examples = [...document.querySelectorAll(".example")];
  const selects = [...form.querySelectorAll("select")];
  const models = [...document.querySelectorAll(".faces-of")];
  for (const select of selects) {
    const values = new Set(examples.map((example) => example.dataset[select.name]));
    for (const value of [...values].sort((a, b) => a.localeCompare(b, "en", { numeric: true }))) {
      select.add(new Option(value, value));
    }
  }
  const apply = () => {
    let shown = 0;
    for (const example of examples) {
      example.hidden = selects.some(
        (select) => select.value && select.value !== example.dataset[select.name],
      );
      shown += example.hidden ? 0 : 1;
    }
    for (const faces of models) {
      faces.hidden = !faces.querySelector(".example:not([hidden])");
      faces.open ||= selects.some((select) => select.value);
    }
    form.querySelector("output").textContent = `${shown} of ${examples.length} match`;
  };
  form.addEventListener("change", apply);
  form.addEventListener("submit", (event) => event.preventDefault());
  apply();
}

const folds = [...document.querySelectorAll("details.fold")];
const contents = document.getElementById("contents");
const all = document.querySelector(".all-folds");

const setAll = (open) => {
  for (const fold of folds) fold.open = open;
};
const name = () => {
  all.textContent = folds.every((fold) => fold.open) ? "Fold all" : "Open all";
};
// Opens what hides the target of a link: sections, tables behind charts, models of the gallery.
const reveal = (target) => {
  let hidden = false;
  const inside = target?.querySelector(":scope > details.fold");
  for (let box = inside ?? target; box; box = box.parentElement) {
    if (box.tagName !== "DETAILS" || box.open) continue;
    hidden = box.open = true;
  }
  if (hidden) target.scrollIntoView({ behavior: "instant" });
};

if (matchMedia("(min-width: 821px)").matches) setAll(true);
for (const fold of folds) {
  fold.addEventListener("toggle", () => {
    name();
    if (!fold.open && fold.getBoundingClientRect().top < 0) fold.scrollIntoView({ behavior: "instant" });
  });
}
all.addEventListener("click", () => setAll(all.textContent === "Open all"));
name();
document.addEventListener("click", (event) => {
  const link = event.target.closest?.('a[href^="#"]');
  if (!link) return;
  reveal(document.getElementById(link.hash.slice(1)));
  if (contents.contains(link)) contents.hidePopover?.();
});
const revealTarget = () => reveal(document.querySelector(":target"));
addEventListener("hashchange", revealTarget);
addEventListener("load", revealTarget); // earlier, no element is the target yet

let closed = [];
addEventListener("beforeprint", () => {
  closed = [...document.querySelectorAll("details:not(.behind)")].filter((box) => !box.open);
  for (const box of closed) box.open = true;
});
addEventListener("afterprint", () => {
  for (const box of closed) box.open = false;
});
