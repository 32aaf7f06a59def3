// New traces, and those of which more became known, come into the list.

import { fetchPage, poll } from "./poll.js";

const MOST = 100;

export function follow(table) {
  if (!table.dataset.more) return; // older ones do not change any more
  const body = table.tBodies[0];
  const empty = document.querySelector("[data-empty]");

  poll(async () => {
    const { more, cursor } = table.dataset;
    const page = await fetchPage(`${more}${more === "?" ? "" : "&"}after=${cursor}`);
    const news = page.querySelector("[data-cursor]");
    table.dataset.cursor = news.dataset.cursor;
    for (const row of [...news.querySelectorAll("tr")].reverse()) put(body, row);
    while (body.rows.length > MOST) body.rows[MOST].remove();
    table.hidden = body.rows.length === 0;
    if (empty) empty.hidden = !table.hidden;
  });
}

function put(body, row) {
  const known = body.querySelector(`[data-trace="${CSS.escape(row.dataset.trace)}"]`);
  if (known) {
    // Its link may have the focus.
    const focused = known.contains(document.activeElement);
    known.replaceWith(row);
    if (focused) row.querySelector("a").focus();
    return;
  }
  row.classList.add("new");
  const began = (each) => BigInt(each.dataset.began);
  const later = [...body.rows].find((each) => began(each) < began(row));
  body.insertBefore(row, later ?? null);
}
