// The waterfall as a tree (https://www.w3.org/WAI/ARIA/apg/patterns/treeview/): arrow keys move, left
// and right close and open, Enter keeps a row's numbers beside it.

export function explain(tree) {
  const details = document.querySelector("[data-details]");
  const rows = [...tree.querySelectorAll("[role=treeitem]")];
  let kept = null;
  // Where the panel has a place of its own it is never empty: it begins with what took longest.
  const roomy = matchMedia("(min-width: 68rem)");
  const rest = () => kept ?? (roomy.matches ? rows.find((row) => row.hasAttribute("data-most")) : null);

  const level = (row) => Number(row.dataset.level);
  const visible = () => rows.filter((row) => !row.parentElement.hidden);
  const panel = (row) => details && document.getElementById(row.hash.slice(1));

  function show(row) {
    for (const each of rows) each.toggleAttribute("data-shown", each === row);
    if (!details) return;
    for (const each of details.querySelectorAll("[data-shown]")) each.removeAttribute("data-shown");
    const shown = row && panel(row);
    shown?.toggleAttribute("data-shown", true);
    details.toggleAttribute("data-one", Boolean(shown));
  }

  function keep(row) {
    kept = row;
    for (const each of rows) each.setAttribute("aria-selected", String(each === row));
    history.replaceState(null, "", row ? row.hash : location.pathname + location.search);
    show(row);
  }

  function focus(row) {
    if (!row) return;
    for (const each of rows) each.tabIndex = each === row ? 0 : -1;
    row.focus();
  }

  function open(row, opened) {
    if (!row.hasAttribute("aria-expanded")) return;
    row.setAttribute("aria-expanded", String(opened));
    // What is below a closed one stays hidden, whichever is opened above it.
    let closedAt = Infinity;
    for (const each of rows) {
      if (level(each) <= closedAt) closedAt = Infinity;
      each.parentElement.hidden = closedAt !== Infinity;
      if (closedAt === Infinity && each.getAttribute("aria-expanded") === "false") closedAt = level(each);
    }
  }

  function parent(row) {
    return rows.slice(0, rows.indexOf(row)).findLast((each) => level(each) < level(row));
  }

  const keys = {
    ArrowDown: (row, all) => focus(all[all.indexOf(row) + 1]),
    ArrowUp: (row, all) => focus(all[all.indexOf(row) - 1]),
    Home: (row, all) => focus(all[0]),
    End: (row, all) => focus(all.at(-1)),
    ArrowRight(row, all) {
      if (row.getAttribute("aria-expanded") === "false") open(row, true);
      else if (row.hasAttribute("aria-expanded")) focus(all[all.indexOf(row) + 1]);
    },
    ArrowLeft(row) {
      if (row.getAttribute("aria-expanded") === "true") open(row, false);
      else focus(parent(row));
    },
    " ": (row) => (details ? keep(row) : row.click()),
    Escape: () => keep(null),
  };

  tree.addEventListener("keydown", (event) => {
    const row = event.target.closest("[role=treeitem]");
    const act = keys[event.key];
    if (!row || !act || event.ctrlKey || event.altKey || event.metaKey) return;
    event.preventDefault();
    act(row, visible());
  });
  tree.addEventListener("click", (event) => {
    const row = event.target.closest("[role=treeitem]");
    if (!row || event.ctrlKey || event.metaKey || event.shiftKey) return;
    const twist = event.target.closest(".twist");
    if (!details && !twist) return; // it leads to the page that has its numbers
    event.preventDefault();
    if (twist) return open(row, row.getAttribute("aria-expanded") === "false");
    focus(row);
    keep(row === kept && event.detail ? null : row);
  });
  tree.addEventListener("focusin", (event) => show(event.target.closest("[role=treeitem]")));
  // A finger does not hover: what it touches is chosen by the tap.
  tree.addEventListener("pointerover", (event) => {
    if (event.pointerType !== "touch") show(event.target.closest("[role=treeitem]") ?? rest());
  });
  tree.addEventListener("pointerleave", () => show(rest()));
  tree.addEventListener("focusout", () => show(rest()));

  for (const link of document.querySelectorAll("a.sqltext")) {
    link.addEventListener("click", (event) => {
      const row = rows.find((each) => each.hash === link.hash);
      if (!row) return;
      event.preventDefault();
      keep(row);
      row.scrollIntoView({ block: "center" });
      focus(row);
    });
  }

  const close = details?.querySelector(".close");
  if (close) close.hidden = false;
  close?.addEventListener("click", () => {
    const row = kept;
    focus(row);
    keep(null); // last: what has the focus is shown
  });

  const start = rows.find((row) => row.hash === location.hash);
  rows.forEach((row, i) => { row.tabIndex = row === (start ?? rows[0]) ? 0 : -1; row.setAttribute("aria-selected", "false"); });
  if (start) keep(start);
  else if (details) show(rest());
}
