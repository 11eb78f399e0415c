// The images of a set: a tile for each, decoded before it is shown.

import { config, sleep } from "./server.js";
import { say } from "./texts.js";

const ATTEMPTS = 3;
const AGAIN_AFTER = 400; // ms, and twice that before the third attempt

// A tile for each image. `name` is what its set is called on the page; `covered` has the keys of those to blur.
export function tilesOf(keys, name, covered = []) {
  return keys.map((key, n) => {
    const tile = document.createElement("button");
    tile.type = "button";
    tile.dataset.covered = say("covered");
    tile.className = covered.includes(key) ? "tile covered" : "tile";
    const image = document.createElement("img");
    image.alt = keys.length === 1 ? name : say("image-of", { name, number: n + 1, total: keys.length });
    image.width = config.width;
    image.height = config.height;
    image.dataset.key = key;
    image.dataset.url = config.images.replace("KEY", key);
    image.draggable = false;
    tile.dataset.says = say("not-loaded"); // shown where it did not load
    tile.append(image);
    return tile;
  });
}

export const isDecoded = (tile) => tile.dataset.decoded === "yes";
export const isFailed = (tile) => tile.classList.contains("failed");

// Loads and decodes a tile's image; marks the tile as decoded, or as failed after the last attempt.
export async function decode(tile) {
  const image = tile.firstChild;
  tile.classList.remove("failed");
  for (let attempt = 0; attempt < ATTEMPTS; attempt += 1) {
    if (attempt) await sleep(AGAIN_AFTER * attempt);
    image.src = attempt || image.src ? `${image.dataset.url}?again=${Date.now()}` : image.dataset.url;
    try { await image.decode(); tile.dataset.decoded = "yes"; return; } catch { /* the next attempt, or failed */ }
  }
  tile.classList.add("failed");
}
