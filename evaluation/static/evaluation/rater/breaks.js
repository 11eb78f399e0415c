// Breaks: after so many minutes or comparisons a pause is offered, between two comparisons, and counts in no time.

import { at } from "./page.js";
import { config } from "./config.js";

const { minutes, trials } = config.breaks;
let since = performance.now();
let done = 0; // comparisons since the last break

export function count() { done += 1; }
export const isOpen = () => at("break").open;

// Offers a pause if one is due; `over` is called when the rater goes on.
export function offer(over) {
  const isDue = (minutes && performance.now() - since >= minutes * 60000) || (trials && done >= trials);
  if (!isDue || done === 0) return;
  at("break").addEventListener("close", () => {
    since = performance.now();
    done = 0;
    over();
  }, { once: true });
  at("break").showModal();
}

at("break-over").addEventListener("click", () => at("break").close());
