// Points on the image: set by a click, a tap, or a cursor that the arrow keys move.

import { at, key, make } from "./page.js";
import { say } from "./texts.js";

const STEP = 0.02; // of the image's side, for each press of an arrow
const DIGITS = 1e4; // as fine as the server keeps a place
const MOVES = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

const inside = (x) => Math.round(Math.min(Math.max(x, 0), 1) * DIGITS) / DIGITS;
const percent = (x) => say("percent", { n: Math.round(x * 100) });
const layer = (question) => at("sets").querySelector(`.points[data-of="${question.id}"]`);

const placed = (question, x, y) => (points = []) => (points.length < question.at_most ? [...points, [inside(x), inside(y)]] : points);

function put(element, [x, y]) {
  element.style.left = `${x * 100}%`;
  element.style.top = `${y * 100}%`;
}

const cursorOf = (pad) => [Number(pad.dataset.x ?? 0.5), Number(pad.dataset.y ?? 0.5)];

export const points = {
  steps: true,
  empty: [],
  build(question, answer) {
    const pad = make("button", { type: "button", className: "pad" }, make("span", { className: "cross", aria: { hidden: "true" } }));
    pad.addEventListener("click", ({ detail, clientX, clientY }) => {
      const box = pad.getBoundingClientRect();
      const [x, y] = detail ? [(clientX - box.left) / box.width, (clientY - box.top) / box.height] : cursorOf(pad);
      answer(placed(question, x, y)); // a click that no pointer made is a key's
    });
    const over = make("div", { className: "points", data: { of: question.id } }, pad);
    over.addEventListener("click", ({ target }) => {
      const point = target.closest("[data-point]");
      if (point) answer((value) => value.filter((_, n) => n !== Number(point.dataset.point)));
    });
    at("sets").querySelector("section:not([data-side=guide]) .images").append(over);
    const remove = make("button", { type: "button", className: "remove" }, say("remove-last"), key(say("delete-key")));
    remove.addEventListener("click", () => answer((value) => value.slice(0, -1)));
    const enlarge = make("button", { type: "button", className: "enlarge" }, say("enlarge"), key("Z")); // a click on the image points
    return make("div", { className: "pointing" }, make("p", { role: "status" }), remove, enlarge);
  },
  show(question, body, value = [], isActive = false, isOpen = false) {
    const over = layer(question), pad = over.firstChild, [x, y] = cursorOf(pad);
    over.inert = !isOpen || !isActive; // then a click enlarges the image, as everywhere
    over.classList.toggle("active", isActive);
    pad.setAttribute("aria-label", say("place-point", { x: percent(x), y: percent(y) }));
    put(pad.firstChild, [x, y]);
    over.replaceChildren(pad, ...value.map((point, n) => {
      const marker = make("button", { type: "button", className: "point", textContent: n + 1, data: { point: n }, aria: { label: say("remove-point", { number: n + 1 }) } });
      put(marker, point);
      return marker;
    }));
    const count = { placed: value.length, n: question.at_most };
    body.firstChild.textContent = say(isActive ? "points-active" : "points", count);
    body.querySelector(".remove").disabled = value.length === 0;
  },
  press(question, body, value = [], name, answer) {
    const pad = layer(question).firstChild, [x, y] = cursorOf(pad);
    if (name in MOVES) {
      const [right, down] = MOVES[name];
      Object.assign(pad.dataset, { x: inside(x + right * STEP), y: inside(y + down * STEP) });
      pad.classList.add("by-keys");
      this.show(question, body, value, true, true);
    } else if (name === " ") answer(placed(question, x, y));
    else if (name === "Delete" && value.length) answer((points) => points.slice(0, -1));
    else return false;
    return true;
  },
  isComplete: (question, value) => value !== undefined,
  sent: (question, value) => ({ value: value.length === 1 ? value[0] : value }),
};
