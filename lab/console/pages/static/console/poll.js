// Does something about once a second: not while the page is hidden, nor once "live" is unchecked,
// and never before the last time is over.

const EVERY = 1000;
const AFTER_FAILURE = 5000;

export function poll(work) {
  const live = document.querySelector("[data-live]");
  const checkbox = live?.querySelector("input");
  const status = live?.querySelector("[role=status]");
  let timer = 0;
  let working = false;

  async function turn() {
    timer = 0;
    if (document.hidden || working || checkbox?.checked === false) return;
    working = true;
    let failed = false;
    try {
      await work();
    } catch {
      failed = true;
    }
    working = false;
    if (status) status.textContent = failed ? "the console does not answer" : "";
    timer = setTimeout(turn, failed ? AFTER_FAILURE : EVERY);
  }

  function again() {
    if (!timer && !working) turn();
  }

  if (live) live.hidden = false;
  checkbox?.addEventListener("change", again);
  document.addEventListener("visibilitychange", again);
  timer = setTimeout(turn, EVERY);
}

export async function fetchPage(address) {
  const answer = await fetch(address, { headers: { Accept: "text/html" } });
  if (!answer.ok) throw new Error(String(answer.status));
  return new DOMParser().parseFromString(await answer.text(), "text/html");
}
