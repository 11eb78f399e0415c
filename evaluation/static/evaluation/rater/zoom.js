// One image of a set, as large as the window: by keys, by its buttons, by swiping.

import { at } from "./view.js";

const SWIPE = 50; // pixels
let shown = { tiles: null, side: "left", n: 0 };

function showImage(side, n) {
  const tiles = shown.tiles[side];
  shown = { tiles: shown.tiles, side, n: (n + tiles.length) % tiles.length };
  const image = tiles[shown.n].firstChild;
  at("zoom-image").src = image.src;
  at("zoom-image").alt = image.alt;
  at("zoom-name").textContent = image.alt;
}

const step = (by) => showImage(shown.side, shown.n + by);
const turn = () => showImage(shown.side === "left" ? "right" : "left", shown.n);
const close = () => at("zoom").close();

export const isOpen = () => at("zoom").open;

// Opens on the image of `target` (a tile, or what is in one), or on the first image. `tiles`: `{left, right}`.
export function open(tiles, target) {
  shown = { tiles, side: "left", n: 0 };
  const tile = target?.closest?.(".tile");
  const side = tiles.right.includes(tile) ? "right" : "left";
  showImage(side, Math.max(0, tiles[side].indexOf(tile)));
  at("zoom").showModal(); // the focus goes to its first control, which closes it
}

// What a key does while an image is enlarged, or undefined.
export const KEYS = {
  ArrowLeft: () => step(-1),
  ArrowRight: () => step(1),
  ArrowUp: turn,
  ArrowDown: turn,
  z: close,
};

at("zoom-close").addEventListener("click", close);
at("zoom-image").addEventListener("click", close);
at("zoom-back").addEventListener("click", () => step(-1));
at("zoom-on").addEventListener("click", () => step(1));

let touchedAt = null;
at("zoom").addEventListener("touchstart", (event) => {
  touchedAt = event.touches.length === 1 ? event.touches[0].clientX : null;
}, { passive: true });
at("zoom").addEventListener("touchend", (event) => {
  if (touchedAt === null) return;
  const moved = event.changedTouches[0].clientX - touchedAt;
  if (Math.abs(moved) > SWIPE) { event.preventDefault(); step(moved < 0 ? 1 : -1); }
  touchedAt = null;
});
