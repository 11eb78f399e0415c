// One image as large as the window, or one of each set side by side: by keys, by buttons, by swiping.

import { at, make } from "./page.js";
import { say } from "./texts.js";

const SWIPE = 50; // pixels
let shown = { sets: [], set: 0, n: 0 };

const isAll = () => at("zoom-both").getAttribute("aria-pressed") === "true";
const isExact = () => at("zoom-exact").getAttribute("aria-pressed") === "true";
const flip = (button) => button.setAttribute("aria-pressed", String(button.getAttribute("aria-pressed") !== "true"));
const longest = () => Math.max(...shown.sets.map(({ tiles }) => tiles.length));

// All sets are in step: the same place of each. Those that are not shown are there already, so that turning is instant.
function show(set, n) {
  const { sets } = shown, count = longest();
  shown = { sets, set: (set + sets.length) % sets.length, n: (n + count) % count };
  const names = [];
  sets.forEach(({ side, tiles }, number) => {
    const image = tiles[Math.min(shown.n, tiles.length - 1)].firstChild;
    const place = at(`zoom-${side}`);
    if (place.src !== image.src) place.src = image.src;
    place.alt = image.alt;
    place.hidden = number !== shown.set && !isAll();
    // one pixel of the image for one of the screen
    place.style.width = isExact() ? `${image.naturalWidth / devicePixelRatio}px` : "";
    if (!place.hidden) names.push(image.alt);
  });
  at("zoom-images").classList.toggle("exact", isExact());
  at("zoom-images").style.setProperty("--across", isAll() ? Math.ceil(Math.sqrt(names.length > 3 ? names.length : names.length ** 2)) : 1);
  at("zoom-name").textContent = names.join(" · ");
}

const again = () => show(shown.set, shown.n);
const turn = (by = 1) => show(shown.set + by, shown.n);
const step = (by) => (longest() === 1 ? turn(by) : show(shown.set, shown.n + by)); // sets of one image: the other sets
const all = () => { if (shown.sets.length > 1) { flip(at("zoom-both")); again(); } };
const exact = () => { flip(at("zoom-exact")); again(); };
const close = () => at("zoom").close();

export const isOpen = () => at("zoom").open;

// Opens on the image of `target` (a tile, or what is in one), or on the first image that is rated.
export function open({ shown: sets, sets: rated, caption }, target) {
  const tile = target?.closest?.(".tile");
  const set = Math.max(sets.findIndex(({ tiles }) => tiles.includes(tile)), tile ? 0 : sets.length - rated);
  shown = { sets, set, n: 0 };
  at("zoom-images").replaceChildren(...sets.map(({ side }) => make("img", { id: `zoom-${side}`, alt: "" })));
  at("zoom-caption").textContent = caption;
  at("zoom-caption").hidden = !caption;
  const single = sets.length === 1, pair = sets.length === 2;
  for (const id of ["zoom-turn", "zoom-both"]) at(id).hidden = single;
  for (const id of ["zoom-back", "zoom-on"]) at(id).hidden = single && longest() === 1;
  if (single) at("zoom-both").setAttribute("aria-pressed", "false");
  at("zoom-turn").textContent = say(pair ? "other-set" : "next-set");
  at("zoom-both").textContent = say(pair ? "both-sets" : "all-sets");
  if (longest() === 1) {
    at("zoom-turn").hidden = true; // the arrows beside the image do the same
    at("zoom-both").textContent = say(pair ? "both-images" : "all-images");
  }
  show(set, Math.max(0, sets[set].tiles.indexOf(tile)));
  at("zoom").showModal(); // the focus goes to its first control, which closes it
}

// What a key does while an image is enlarged, or undefined.
export const KEYS = {
  ArrowLeft: () => step(-1),
  ArrowRight: () => step(1),
  ArrowUp: () => turn(-1),
  ArrowDown: () => turn(),
  b: all,
  1: exact,
  z: close,
};

at("zoom-close").addEventListener("click", close);
at("zoom-turn").addEventListener("click", () => turn());
at("zoom-both").addEventListener("click", all);
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
