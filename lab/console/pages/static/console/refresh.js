// A part of the page is fetched anew, and takes its own place.

import { fetchPage, poll } from "./poll.js";

export function refresh(part) {
  poll(async () => {
    const page = await fetchPage(location.href);
    const scrolled = [...part.querySelectorAll(".scroll")].map((each) => each.scrollLeft);
    part.replaceChildren(...page.getElementById(part.id).childNodes);
    part.querySelectorAll(".scroll").forEach((each, i) => { each.scrollLeft = scrolled[i] ?? 0; });
  });
}
