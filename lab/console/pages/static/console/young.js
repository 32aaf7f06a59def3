// Hops tell of a request one after another: its page looks again for some seconds.

import { fetchPage } from "./poll.js";

const WAITS = [700, 1000, 1500, 2000, 3000];

export async function outgrow(trace) {
  for (const wait of WAITS) {
    await new Promise((done) => setTimeout(done, wait));
    const page = await fetchPage(location.href).catch(() => null);
    const now = page?.querySelector("[data-spans]");
    if (now && now.dataset.spans !== trace.dataset.spans) return location.reload();
  }
}
