// The sets of a comparison: their sections, their size, and which of them is in view where one is shown at a time.

import { config } from "./server.js";
import { GUIDE } from "./sides.js";
import { at, make } from "./page.js";
import { say } from "./texts.js";

const PHONE = matchMedia("(max-width: 47rem)");
const WIDE = matchMedia("(min-width: 60rem)");
const GAP = 6; // pixels between images, as in rater.css
const LEAST_ROOM = 220; // pixels of height for the images, however small the window
const PHONE_ROOM = 0.55; // share of a phone's height that one set may take; the answers are below it
const LEAST_SHARE = 0.45; // of the window's height for images: with less, the questions go beside them
const FULL_BONUS = 1.1; // a full rectangle looks calmer
const IN_A_ROW = 3; // so many sets stand beside each other in every window
const SEEN = 0.6; // share of a set that is in view before it counts as seen

let listener = () => {};
let sides = [];
const inView = new Set();

const watch = new IntersectionObserver((entries) => {
  for (const { target, isIntersecting } of entries) {
    if (isIntersecting) inView.add(target.dataset.side); else inView.delete(target.dataset.side);
  }
  if (inView.size === 0) return; // between two
  const side = sides.find((each) => inView.has(each));
  for (const button of at("switch").children) {
    button.setAttribute("aria-pressed", String(inView.size === 1 ? button.dataset.side === side : button.dataset.side === sides[0]));
  }
  listener(side);
}, { root: at("sets"), threshold: SEEN });

// Calls `heard(side)` whenever another set is the one in view; the first where all are, side by side.
export function onSideShown(heard) { listener = heard; }

const isOneAtATime = () => !at("switch").hidden;
const sectionOf = (side) => at("sets").querySelector(`section[data-side="${side}"]`);

// Brings a set into view.
export function showSide(side, behavior = "auto") {
  if (isOneAtATime()) at("sets").scrollTo({ left: sectionOf(side).offsetLeft - at("sets").offsetLeft, behavior });
}

export const firstSide = () => sides[0];

// Whether every set has been in view, where one is shown at a time.
export const areAllSeen = (seen) => !isOneAtATime() || sides.every((side) => seen.has(side));

// Puts a trial's images in their sections, which stay where the trial has the same sets as the one before.
export function fill({ shown, sets }) {
  if (sides.join() !== shown.map(({ side }) => side).join()) build(shown, sets);
  for (const { side, tiles } of shown) at(side).replaceChildren(...tiles);
  for (const place of at("sets").querySelectorAll(".rank")) place.textContent = "";
}

function build(shown, sets) {
  watch.disconnect();
  inView.clear();
  sides = shown.map(({ side }) => side);
  at("sets").replaceChildren(...shown.map(({ side, name }) => {
    const heading = make("h2", { id: `name-${side}` }, name, " ");
    if (side !== GUIDE) heading.append(make("span", { className: "rank" }));
    if (shown.length === 1) heading.className = "hidden-visually";
    const section = make("section", { data: { side }, aria: { labelledby: heading.id } }, heading, make("div", { className: "images", id: side }));
    watch.observe(section);
    return section;
  }));
  at("switch").replaceChildren(...shown.map(({ side, name }) => {
    const short = shown.length > 3 && side !== GUIDE ? name.split(" ").at(-1) : name;
    return make("button", { type: "button", textContent: side === GUIDE ? say("reference") : short, data: { side }, aria: { label: name, pressed: "false" } });
  }));
  at("trial").classList.toggle("single", shown.length === 1 && sets === 1);
  at("sets").classList.toggle("guided", sides[0] === GUIDE && sets % 2 === 0);
}

// As many columns as make the images largest in the room there is; the same for every set.
export function layout({ shown, sets }) {
  const n = Math.max(...shown.map(({ tiles }) => tiles.length));
  const apart = PHONE.matches && (sets === 2 ? n > 2 : sets > 2 && n > 1);
  at("switch").hidden = !apart;
  at("sets").classList.toggle("one-at-a-time", apart);
  at("trial").classList.remove("beside");
  size(shown.length, n, apart);
  const isFixed = getComputedStyle(at("sets")).position === "sticky"; // then nothing may come to rest behind it
  document.documentElement.style.scrollPaddingTop = isFixed ? `${at("sets").offsetHeight}px` : "";
  if (!WIDE.matches || roomFor() >= document.documentElement.clientHeight * LEAST_SHARE) return;
  at("trial").classList.add("beside");
  size(shown.length, n, apart);
}

// The height that is left for the sets: the window's, without the bar, the caption and, unless they stand beside, the
// questions.
function roomFor() {
  const boxes = [...at("stage").children].filter((each) => each.offsetHeight).map((each) => each.getBoundingClientRect());
  const content = Math.max(...boxes.map(({ bottom }) => bottom)) - Math.min(...boxes.map(({ top }) => top));
  const { paddingTop, paddingBottom } = getComputedStyle(at("trial"));
  const fixed = at("trial").classList.contains("beside")
    ? Number.parseFloat(paddingTop) + Number.parseFloat(paddingBottom) : at("trial").offsetHeight - at("stage").offsetHeight;
  return document.documentElement.clientHeight - at("trial").offsetTop - fixed - content + at("sets").offsetHeight;
}

function size(panes, n, apart) {
  const ratio = config.width / config.height;
  const { style } = at("sets");
  const set = (name, value) => style.setProperty(`--${name}`, value);
  set("ratio", ratio);
  set("tile", "1fr");
  set("columns", Math.min(n, 4));
  const two = PHONE.matches ? Math.min(panes, 2) : panes;
  set("panes", apart ? 1 : two);
  if (PHONE.matches && !apart && panes > 1) { set("columns", 1); return; }
  const { clientWidth: width } = at("sets");
  const gap = Number.parseFloat(getComputedStyle(at("sets")).columnGap) || 0;
  const head = sectionHead();
  const room = apart || PHONE.matches ? document.documentElement.clientHeight * PHONE_ROOM : Math.max(roomFor(), LEAST_ROOM);
  let best = { panes: 1, columns: 1, tile: 0, worth: 0 };
  for (const across of apart ? [1] : panes <= IN_A_ROW ? [panes] : Array.from({ length: panes }, (_, k) => k + 1)) {
    const down = apart ? 1 : Math.ceil(panes / across);
    const wide = (width - gap * (across - 1)) / across;
    const high = (room - GAP * (down - 1)) / down - head;
    for (let columns = 1; columns <= n; columns += 1) {
      const rows = Math.ceil(n / columns);
      const tile = Math.min((wide - GAP * (columns - 1)) / columns, ((high - GAP * (rows - 1)) / rows) * ratio);
      const worth = tile * (n % columns === 0 && !apart ? FULL_BONUS : 1) * (panes % across === 0 ? FULL_BONUS : 1);
      if (worth > best.worth) best = { panes: across, columns, tile, worth, rows };
    }
  }
  set("panes", best.panes);
  set("columns", best.columns);
  set("tile", `${Math.max(Math.floor(best.tile), 40)}px`);
  set("block", `${Math.max(Math.floor(best.tile), 40) * best.rows / ratio + GAP * (best.rows - 1)}px`);
}

function sectionHead() {
  const section = at("sets").firstElementChild, images = section.querySelector(".images");
  return images.getBoundingClientRect().top - section.getBoundingClientRect().top;
}
