// How long the rest takes: from this rater's own pace, and until that is known from the study's. Nothing where neither is.

import { at } from "./page.js";
import { config } from "./config.js";
import { say } from "./texts.js";

const LATEST = 20; // comparisons that the own pace is the median of
const gaps = [...config.pace.own]; // seconds a comparison, the latest last
let began = null; // when the one shown came, or the break before it ended

export function begin() { began = performance.now(); }

export function end() {
  if (began !== null) gaps.push((performance.now() - began) / 1000);
  began = null;
}

function median(values) {
  const sorted = [...values].sort((a, b) => a - b), middle = Math.floor(sorted.length / 2);
  return sorted.length % 2 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

// Says how long `left` comparisons take, or nothing.
export function tell(left) {
  const seconds = gaps.length >= config.pace.fewest ? median(gaps.slice(-LATEST)) : config.pace.study;
  at("time-left").hidden = seconds === null || left < 1;
  if (seconds === null) return;
  const minutes = Math.round((seconds * left) / 60);
  at("time-left").textContent = minutes < 1 ? say("left-less") : say("left", { n: minutes });
}
