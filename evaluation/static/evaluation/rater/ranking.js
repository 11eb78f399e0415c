// A ranking: sets are selected from the best on, or the best and the worst alone.

import { group, mark } from "./options.js";
import { OPTION_KEYS, at, key, make } from "./page.js";
import { LETTERS, namesOf } from "./sides.js";
import { say } from "./texts.js";

const TIE_KEYS = ["=", "t"];

// What stands behind each set's name above its images.
function badges(texts) {
  const places = at("sets").querySelectorAll(".rank");
  places.forEach((place, n) => { place.textContent = texts[n] ?? ""; });
}

const ordinal = (rank) => (rank === undefined ? undefined : say(`rank-${rank + 1}`));

// --- the best and the worst: a value is `{best, worst}`, places of sets

const ENDS = ["best", "worst"];
const SAYS = { best: say("best"), worst: say("worst") };

const bestWorst = {
  build(question, answer) {
    const body = make("div", { className: "ends-of-order" });
    ENDS.forEach((end) => {
      const options = namesOf(question.sets).map((label, value) => ({ value, label, text: LETTERS[value] }));
      const row = group(`${question.id}-${end}`, options, (place) => answer((value) => taken(value, end, place)));
      row.classList.add("letters");
      row.setAttribute("role", "radiogroup");
      row.setAttribute("aria-label", SAYS[end]);
      body.append(make("div", { className: "end", data: { end } }, make("p", { textContent: SAYS[end], aria: { hidden: "true" } }), row));
    });
    return body;
  },
  show(question, body, value) {
    for (const end of ENDS) mark(body.querySelector(`[data-end=${end}]`), value?.[end]);
    badges(Array.from({ length: question.sets }, (_, n) => SAYS[ENDS.find((end) => value?.[end] === n)]));
    const next = value?.best === undefined ? "best" : "worst";
    for (const row of body.children) row.classList.toggle("next", row.dataset.end === next);
  },
  press(question, body, value, name, answer) {
    const place = OPTION_KEYS.indexOf(name);
    if (place < 0 || place >= question.sets) return false;
    answer((before) => taken(before, before?.best === undefined ? "best" : "worst", place));
    return true;
  },
  isComplete: (question, value) => value?.best !== undefined && value?.worst !== undefined,
  sent(question, { best, worst }) {
    const between = Array.from({ length: question.sets }, (_, n) => n).filter((n) => n !== best && n !== worst);
    return { value: [[best], between, [worst]] };
  },
};

// One set can't be both: what it was before is open again.
function taken(value, end, place) {
  const after = { ...value, [end]: place };
  const other = ENDS.find((each) => each !== end);
  if (after[other] === place) delete after[other];
  return after;
}

// --- the whole order: a value is `{groups, tie}`, best first, ties together; `tie`: whether the next one joins the last

const NOTHING = { groups: [], tie: false };

function ranked(question, { groups, tie }, place) {
  if (groups.some((each) => each.includes(place))) {
    return { groups: groups.map((each) => each.filter((one) => one !== place)).filter((each) => each.length), tie: false };
  }
  const after = tie && groups.length ? [...groups.slice(0, -1), [...groups.at(-1), place]] : [...groups, [place]];
  const left = Array.from({ length: question.sets }, (_, n) => n).filter((n) => !after.flat().includes(n));
  if (left.length === 1 && !question.ties) after.push(left); // its place is clear
  return { groups: after, tie: false };
}

const rankOf = (groups, n) => {
  const group = groups.findIndex((each) => each.includes(n));
  return group < 0 ? undefined : groups.slice(0, group).flat().length;
};

const whole = {
  build(question, answer) {
    const order = make("div", { className: "order", role: "group" });
    namesOf(question.sets).forEach((text, n) => {
      const button = make("button", { type: "button" }, make("span", { textContent: text }), make("b", {}), key(OPTION_KEYS[n]));
      button.addEventListener("click", () => answer((value = NOTHING) => ranked(question, value, n)));
      order.append(button);
    });
    const body = make("div", {}, order);
    if (question.ties) {
      const tie = make("button", { type: "button", className: "tie" }, say("tie"), key("="));
      tie.addEventListener("click", () => answer((value = NOTHING) => ({ ...value, tie: !value.tie })));
      body.append(tie);
    }
    return body;
  },
  show(question, body, value = NOTHING) {
    const ranks = Array.from({ length: question.sets }, (_, n) => ordinal(rankOf(value.groups, n)));
    body.querySelectorAll(".order button").forEach((button, n) => {
      button.setAttribute("aria-pressed", String(ranks[n] !== undefined));
      button.querySelector("b").textContent = ranks[n] ?? "–";
    });
    badges(ranks);
    const tie = body.querySelector(".tie");
    if (!tie) return;
    tie.setAttribute("aria-pressed", String(value.tie));
    tie.disabled = value.groups.length === 0 || value.groups.flat().length === question.sets;
  },
  press(question, body, value, name, answer) {
    const place = OPTION_KEYS.indexOf(name);
    if (question.ties && TIE_KEYS.includes(name) && value?.groups.length) answer((before) => ({ ...before, tie: !before.tie }));
    else if (place >= 0 && place < question.sets) answer((before = NOTHING) => ranked(question, before, place));
    else return false;
    return true;
  },
  isComplete: (question, value = NOTHING) => value.groups.flat().length === question.sets,
  sent: (question, { groups }) => ({ value: groups.map((each) => [...each].sort((a, b) => a - b)) }),
};

const of = ({ order }) => (order === "best-worst" ? bestWorst : whole);

export const ranking = Object.fromEntries(Object.keys(whole).map((name) => [name, (question, ...rest) => of(question)[name](question, ...rest)]));
