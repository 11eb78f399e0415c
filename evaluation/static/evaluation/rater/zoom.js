// One image as large as the window, or one of each set side by side: by keys, by buttons, by swiping.

import { at } from "./view.js";

const SWIPE = 50; // pixels
const OTHER = { left: "right", right: "left" };
let shown = { tiles: null, side: "left", n: 0 };

const isBoth = () => at("zoom-both").getAttribute("aria-pressed") === "true";
const isExact = () => at("zoom-exact").getAttribute("aria-pressed") === "true";
const flip = (button) => button.setAttribute("aria-pressed", String(button.getAttribute("aria-pressed") !== "true"));

// Both sets are in step: the same place of each. The one that is not shown is there already, so that turning is instant.
function show(side, n) {
  const count = shown.tiles[side].length;
  shown = { ...shown, side, n: (n + count) % count };
  const names = [];
  for (const each of ["left", "right"]) {
    const image = shown.tiles[each][Math.min(shown.n, shown.tiles[each].length - 1)].firstChild;
    const place = at(`zoom-${each}`);
    if (place.src !== image.src) place.src = image.src;
    place.alt = image.alt;
    place.hidden = each !== side && !isBoth();
    // one pixel of the image for one of the screen
    place.style.width = isExact() ? `${image.naturalWidth / devicePixelRatio}px` : "";
    if (!place.hidden) names.push(image.alt);
  }
  at("zoom-images").classList.toggle("exact", isExact());
  at("zoom-name").textContent = names.join(" · ");
}

const again = () => show(shown.side, shown.n);
const step = (by) => show(shown.side, shown.n + by);
const turn = () => show(OTHER[shown.side], shown.n);
const both = () => { flip(at("zoom-both")); again(); };
const exact = () => { flip(at("zoom-exact")); again(); };
const close = () => at("zoom").close();

export const isOpen = () => at("zoom").open;

// Opens on the image of `target` (a tile, or what is in one), or on the first image.
export function open({ tiles, caption }, target) {
  shown = { tiles, side: "left", n: 0 };
  const tile = target?.closest?.(".tile");
  const side = tiles.right.includes(tile) ? "right" : "left";
  at("zoom-caption").textContent = caption;
  show(side, Math.max(0, tiles[side].indexOf(tile)));
  at("zoom").showModal(); // the focus goes to its first control, which closes it
}

// What a key does while an image is enlarged, or undefined.
export const KEYS = {
  ArrowLeft: () => step(-1),
  ArrowRight: () => step(1),
  ArrowUp: turn,
  ArrowDown: turn,
  b: both,
  1: exact,
  z: close,
};

at("zoom-close").addEventListener("click", close);
at("zoom-turn").addEventListener("click", turn);
at("zoom-both").addEventListener("click", both);
at("zoom-exact").addEventListener("click", exact);
at("zoom-images").addEventListener("click", ({ target }) => { if (target.tagName === "IMG") close(); });
at("zoom-back").addEventListener("click", () => step(-1));
at("zoom-on").addEventListener("click", () => step(1));

let touchedAt = null;
at("zoom").addEventListener("touchstart", (event) => {
  touchedAt = event.touches.length === 1 && !isExact() ? event.touches[0].clientX : null; // there a finger scrolls
}, { passive: true });
at("zoom").addEventListener("touchend", (event) => {
  if (touchedAt === null) return;
  const moved = event.changedTouches[0].clientX - touchedAt;
  if (Math.abs(moved) > SWIPE) { event.preventDefault(); step(moved < 0 ? 1 : -1); }
  touchedAt = null;
});
