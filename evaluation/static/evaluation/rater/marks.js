// Answers of which several are marked: reasons by tag, words of the prompt.

import { OPTION_KEYS, key, make } from "./page.js";

const toggled = (marked, one) => (marked.includes(one) ? marked.filter((each) => each !== one) : [...marked, one]);

// --- reasons: a list of tags, none of them too

export const reasons = {
  steps: true,
  empty: [],
  build(question, answer) {
    const choices = make("div", { className: "choices tags" });
    question.tags.forEach(({ tag, text }, n) => {
      const input = make("input", { type: "checkbox", name: question.id, value: tag });
      input.addEventListener("change", () => answer((marked = []) => toggled(marked, tag)));
      choices.append(make("label", {}, input, make("span", {}, make("span", { dir: "auto", textContent: text }), key(OPTION_KEYS[n]))));
    });
    return choices;
  },
  show(question, body, marked = []) {
    for (const input of body.querySelectorAll("input")) input.checked = marked.includes(input.value);
  },
  press(question, body, value, name, answer) {
    const tag = question.tags[OPTION_KEYS.indexOf(name)];
    if (tag) answer((marked = []) => toggled(marked, tag.tag));
    return Boolean(tag);
  },
  isComplete: (question, value) => value !== undefined,
  sent: ({ tags }, marked) => ({ value: tags.map(({ tag }) => tag).filter((tag) => marked.includes(tag)) }),
};

// --- words: places in the prompt; no word only where the rater says so

const NONE_KEY = "0";
const turned = (n) => (marked = []) => { const after = toggled(marked, n); return after.length ? after : undefined; };

export const words = {
  steps: true,
  build(question, answer) {
    const prompt = make("p", { className: "words", dir: "auto" });
    question.words.forEach((word, n) => {
      const button = make("button", { type: "button", textContent: word, data: { word: n } });
      button.addEventListener("click", () => { prompt.dataset.at = n; answer(turned(n)); });
      prompt.append(button, " ");
    });
    const none = make("button", { type: "button", className: "none" }, make("span", { dir: "auto", textContent: question.none }), key(NONE_KEY));
    none.addEventListener("click", () => answer(() => []));
    return make("div", {}, prompt, none);
  },
  show(question, body, marked, isActive) {
    const cursor = Number(body.firstChild.dataset.at ?? 0);
    for (const button of body.querySelectorAll("[data-word]")) {
      const word = Number(button.dataset.word);
      button.setAttribute("aria-pressed", String(Boolean(marked?.includes(word))));
      button.classList.toggle("cursor", isActive && word === cursor);
    }
    body.querySelector(".none").setAttribute("aria-pressed", String(marked?.length === 0));
  },
  // Arrows go from word to word in the order in which they are read, the space bar marks.
  press(question, body, value, name, answer) {
    const prompt = body.firstChild, cursor = Number(prompt.dataset.at ?? 0), last = question.words.length - 1;
    const on = getComputedStyle(prompt).direction === "rtl" ? "ArrowLeft" : "ArrowRight";
    const back = on === "ArrowRight" ? "ArrowLeft" : "ArrowRight";
    const to = { [on]: cursor + 1, [back]: cursor - 1, Home: 0, End: last }[name];
    if (to !== undefined) {
      prompt.dataset.at = Math.min(Math.max(to, 0), last);
      const button = prompt.querySelector(`[data-word="${prompt.dataset.at}"]`);
      if (button) button.focus(); // it is read aloud, and scrolls into view
      this.show(question, body, value, true);
    } else if (name === " ") answer(turned(cursor));
    else if (name === NONE_KEY) answer(() => []);
    else return false;
    return true;
  },
  isComplete: (question, value) => value !== undefined,
  sent: (question, marked) => ({ value: [...marked].sort((a, b) => a - b) }),
};
