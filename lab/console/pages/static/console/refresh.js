// A part of the page is fetched anew, and takes its own place.

import { fetchPage, poll } from "./poll.js";

export function refresh(part) {
  poll(async () => {
    const page = await fetchPage(location.href);
    const scrolled = [...part.querySelectorAll(".scroll")].map((each) => each.scrollLeft);
    const focused = part.contains(document.activeElement) ? document.activeElement.id : "";
    const closed = part.querySelector("details:not([open])") !== null;
    part.replaceChildren(...page.getElementById(part.id).childNodes);
    part.querySelectorAll(".scroll").forEach((each, i) => { each.scrollLeft = scrolled[i] ?? 0; });
    if (closed) for (const each of part.querySelectorAll("details")) each.open = false;
    if (focused) document.getElementById(focused)?.focus();
  });
}
