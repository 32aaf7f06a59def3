// Everything here works without these scripts too; they make it live, and easy with the keyboard.
import { follow } from "./traces.js";
import { refresh } from "./refresh.js";
import { explain } from "./tree.js";
import { outgrow } from "./young.js";

for (const table of document.querySelectorAll("[data-traces]")) follow(table);
for (const part of document.querySelectorAll("[data-refresh]")) refresh(part);
for (const tree of document.querySelectorAll("[data-tree]")) explain(tree);
for (const trace of document.querySelectorAll("[data-young]")) outgrow(trace);

for (const button of document.querySelectorAll("[data-copy]")) {
  // Without https or localhost there is no clipboard to write to.
  button.hidden = !navigator.clipboard;
  button.addEventListener("click", async () => {
    await navigator.clipboard.writeText(document.getElementById(button.dataset.copy).textContent);
    button.textContent = "Copied";
  });
}
